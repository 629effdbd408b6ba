use std::sync::mpsc;

use super::*;

const BOUND: Duration = Duration::from_secs(20);

fn told_by(tell: impl FnOnce() + Send + 'static) -> Tell {
    Box::new(tell)
}

fn nothing() -> Run {
    Box::new(|| told_by(|| ()))
}

fn telling(tell: mpsc::Sender<()>) -> Run {
    Box::new(|| told_by(move || tell.send(()).unwrap()))
}

/// Something that runs until the sender goes.
fn blocked() -> (mpsc::Sender<()>, mpsc::Receiver<()>, Run) {
    let (hold, held) = mpsc::channel::<()>();
    let (tell, begun) = mpsc::channel();
    let run = Box::new(move || {
        tell.send(()).unwrap();
        let _until_dropped = held.recv();
        told_by(|| ())
    });
    (hold, begun, run)
}

#[test]
fn what_does_not_end_takes_its_thread_alone_and_is_refused_after_a_while() {
    let pool = Pool::new(64);
    let mut held = VecDeque::new();
    for _ in 0..LEFT_PER_NAME_MAX {
        let (hold, begun, run) = blocked();
        let job = pool.start("never", run).unwrap();
        // All threads that there are may be held by those before.
        while begun.recv_timeout(Duration::from_millis(5)).is_err() {
            pool.grow(&job);
        }
        assert!(pool.leave(&job), "it runs");
        assert!(!pool.leave(&job), "it is counted once");
        held.push_back(hold);
    }
    let refused = pool.start("never", nothing()).map(|_| ()).unwrap_err();
    assert!(refused.contains("have not ended"), "{refused}");
    let (tell, told) = mpsc::channel();
    let other = pool.start("other", telling(tell)).unwrap();
    pool.grow(&other);
    told.recv_timeout(BOUND).unwrap();
    assert!(!pool.leave(&other), "what has told that it ended is not counted");
    // When one has ended there is room again.
    drop(held.pop_front());
    let mut state = pool.shared.state.lock();
    while state.left.get("never").copied() == Some(LEFT_PER_NAME_MAX) {
        drop(state);
        std::thread::yield_now();
        state = pool.shared.state.lock();
    }
    drop(state);
    assert!(pool.start("never", nothing()).is_ok());
}

#[test]
fn what_waits_for_a_thread_can_be_left_before_it_runs() {
    let pool = Pool::new(1);
    let (hold, begun, run) = blocked();
    pool.start("first", run).unwrap();
    begun.recv_timeout(BOUND).unwrap();
    let (tell, told) = mpsc::channel();
    let second = pool.start("second", telling(tell)).unwrap();
    pool.grow(&second);
    assert!(!pool.leave(&second));
    let (tell_third, told_third) = mpsc::channel();
    pool.start("third", telling(tell_third)).unwrap();
    drop(hold);
    told_third.recv_timeout(BOUND).unwrap();
    assert!(told.try_recv().is_err(), "it was not run");
}

#[test]
fn some_threads_are_kept_for_built_in_work() {
    let pool = Pool::new(16);
    let mut held = Vec::new();
    for name in ["one", "other"] {
        for _ in 0..7 {
            let (hold, begun, run) = blocked();
            let job = pool.start(name, run).unwrap();
            while begun.recv_timeout(Duration::from_millis(5)).is_err() {
                pool.grow(&job);
            }
            assert!(pool.leave(&job), "it runs");
            held.push(hold);
        }
    }
    let refused = pool.start("third", nothing()).map(|_| ()).unwrap_err();
    assert!(refused.contains("14 runs of code of one's own"), "{refused}");
    let (tell, told) = mpsc::channel();
    let job = pool.start(BUILT_IN, telling(tell)).unwrap();
    while told.recv_timeout(Duration::from_millis(5)).is_err() {
        pool.grow(&job);
    }
    drop(held);
}

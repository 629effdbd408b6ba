use std::sync::mpsc;

use super::*;

const BOUND: Duration = Duration::from_secs(20);

/// Something that runs until the sender goes.
fn blocked() -> (mpsc::Sender<()>, mpsc::Receiver<()>, Run) {
    let (hold, held) = mpsc::channel::<()>();
    let (tell, begun) = mpsc::channel();
    let run = Box::new(move || {
        tell.send(()).unwrap();
        let _until_dropped = held.recv();
    });
    (hold, begun, run)
}

#[test]
fn what_does_not_end_takes_its_thread_alone_and_is_refused_after_a_while() {
    let pool = Pool::new(64);
    let mut held = Vec::new();
    for _ in 0..LEFT_PER_NAME_MAX {
        let (hold, begun, run) = blocked();
        let job = pool.start("never", run).unwrap();
        begun.recv_timeout(BOUND).unwrap();
        assert!(pool.leave(&job), "it runs");
        assert!(!pool.leave(&job), "it is counted once");
        held.push(hold);
    }
    let refused = pool.start("never", Box::new(|| {})).map(|_| ()).unwrap_err();
    assert!(refused.contains("have not ended"), "{refused}");
    let (tell, told) = mpsc::channel();
    pool.start("other", Box::new(move || tell.send(()).unwrap()))
        .unwrap();
    told.recv_timeout(BOUND).unwrap();
    // When one has ended there is room again.
    held.pop();
    let mut state = pool.shared.state.lock();
    while state.left.get("never").copied() == Some(LEFT_PER_NAME_MAX) {
        drop(state);
        std::thread::yield_now();
        state = pool.shared.state.lock();
    }
    drop(state);
    assert!(pool.start("never", Box::new(|| {})).is_ok());
}

#[test]
fn what_waits_for_a_thread_can_be_left_before_it_runs() {
    let pool = Pool::new(1);
    let (hold, begun, run) = blocked();
    pool.start("first", run).unwrap();
    begun.recv_timeout(BOUND).unwrap();
    let (tell, told) = mpsc::channel();
    let second = pool
        .start("second", Box::new(move || tell.send(()).unwrap()))
        .unwrap();
    assert!(!pool.leave(&second));
    let (tell_third, told_third) = mpsc::channel();
    pool.start("third", Box::new(move || tell_third.send(()).unwrap()))
        .unwrap();
    drop(hold);
    told_third.recv_timeout(BOUND).unwrap();
    assert!(told.try_recv().is_err(), "it was not run");
}

use proptest::prelude::*;

use super::*;

fn at(ms: u64) -> Timestamp {
    Timestamp::from_unix_ms(ms)
}

#[test]
fn an_unused_wheel_owns_no_memory_and_neither_does_one_that_fired_everything() {
    let mut wheel = TimingWheel::new();
    assert_eq!(wheel.memory_bytes(), 0);
    assert_eq!(wheel.next_deadline(), None);
    wheel.arm(at(0), at(100), 'a').unwrap();
    assert!(wheel.memory_bytes() > 0);
    assert_eq!(
        wheel.advance(at(200), 10),
        Advance {
            expired: vec!['a'],
            done: true
        }
    );
    assert_eq!(wheel.memory_bytes(), 0);
}

#[test]
fn deadlines_at_the_end_of_time_fire_then() {
    let mut wheel = TimingWheel::new();
    let now = at(1_700_000_000_000);
    wheel.arm(now, Timestamp::MAX, "last").unwrap();
    wheel
        .arm(now, now.after_ms(3_153_600_000_000), "in a hundred years")
        .unwrap();
    assert_eq!(
        wheel.advance(now.after_ms(3_153_599_990_000), 100).expired,
        [] as [&str; 0]
    );
    assert_eq!(
        wheel.advance(now.after_ms(3_153_600_000_064), 100).expired,
        ["in a hundred years"]
    );
    assert_eq!(wheel.advance(at(u64::MAX - 1_000), 100).expired, [] as [&str; 0]);
    assert_eq!(wheel.len(), 1);
    assert!(wheel.next_deadline().is_some());
    // The last tick of all begins within the last 64 ms; the reads of the store are exact anyway.
    wheel.cancel(Token::from_bits(0));
    assert!(wheel.is_empty());
}

#[test]
fn moving_a_deadline_leaves_nothing_behind() {
    let mut wheel = TimingWheel::new();
    let token = wheel.arm(at(0), at(1_000), 1).unwrap();
    for round in 0..10_000u64 {
        wheel.rearm(token, at(1_000 + round * 777));
    }
    assert_eq!(wheel.len(), 1);
    assert_eq!(wheel.nodes.len(), 1);
    let nodes: usize = wheel
        .levels
        .iter()
        .flatten()
        .map(|level| level.occupied.count_ones() as usize)
        .sum();
    assert_eq!(nodes, 1);
}

#[test]
fn work_is_bounded_and_goes_on() {
    let mut wheel = TimingWheel::new();
    for number in 0..100 {
        wheel.arm(at(0), at(1_000_000), number).unwrap();
    }
    let (mut fired, mut calls) = (Vec::new(), 0);
    loop {
        let step = wheel.advance(at(1_000_064), 7);
        assert!(step.expired.len() <= 7);
        fired.extend(step.expired);
        calls += 1;
        if step.done {
            break;
        }
    }
    fired.sort_unstable();
    assert_eq!(fired, (0..100).collect::<Vec<_>>());
    assert!(calls >= 100 / 7);
}

#[derive(Clone, Debug)]
enum Step {
    Arm(u64),
    Rearm(prop::sample::Index, u64),
    Cancel(prop::sample::Index),
    Advance(u64, usize),
}

fn delay() -> impl Strategy<Value = u64> {
    prop_oneof![0u64..200, 0u64..100_000, 0u64..1 << 40, any::<u64>()]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => delay().prop_map(Step::Arm),
        1 => (any::<prop::sample::Index>(), delay()).prop_map(|(which, ms)| Step::Rearm(which, ms)),
        1 => any::<prop::sample::Index>().prop_map(Step::Cancel),
        2 => (prop_oneof![0u64..300, 0u64..1 << 20, 0u64..1 << 38], 0usize..20)
            .prop_map(|(ms, work)| Step::Advance(ms, work)),
    ]
}

proptest! {
    #[test]
    fn it_does_what_a_list_of_deadlines_does(steps in prop::collection::vec(step(), 1..120)) {
        let mut wheel = TimingWheel::new();
        let mut model: Vec<(Token, Timestamp, usize)> = Vec::new();
        let mut now = at(1_700_000_000_000);
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Arm(ms) => {
                    let deadline = now.after_ms(ms);
                    model.push((wheel.arm(now, deadline, number).unwrap(), deadline, number));
                }
                Step::Rearm(which, ms) if !model.is_empty() => {
                    let entry = which.index(model.len());
                    model[entry].1 = now.after_ms(ms);
                    wheel.rearm(model[entry].0, model[entry].1);
                }
                Step::Cancel(which) if !model.is_empty() => {
                    let (token, deadline, item) = model.swap_remove(which.index(model.len()));
                    prop_assert_eq!(wheel.deadline(token), deadline);
                    prop_assert_eq!(wheel.cancel(token), item);
                }
                Step::Rearm(..) | Step::Cancel(_) => {}
                Step::Advance(ms, work_max) => {
                    now = now.after_ms(ms);
                    let due = model.iter().filter(|entry| entry.1 <= now).count();
                    prop_assert_eq!(wheel.count_due(now, |_| true), due);
                    let step = wheel.advance(now, work_max);
                    prop_assert!(step.expired.len() <= work_max);
                    for item in step.expired {
                        let place = model.iter().position(|entry| entry.2 == item).unwrap();
                        let (_, deadline, _) = model.swap_remove(place);
                        prop_assert!(deadline <= now, "fired early");
                    }
                    if step.done {
                        let late = model.iter().filter(|entry| entry.1.after_ms(TICK_MS) <= now);
                        prop_assert_eq!(late.count(), 0, "fired late");
                    }
                    if let Some(next) = wheel.next_deadline() {
                        let first = model.iter().map(|entry| entry.1).min().unwrap();
                        prop_assert!(next <= first.after_ms(TICK_MS));
                        prop_assert!(!step.done || next > now, "nothing to do, but not done");
                    }
                }
            }
            prop_assert_eq!(wheel.len(), model.len());
            prop_assert_eq!(wheel.next_deadline().is_none(), model.is_empty());
        }
    }
}

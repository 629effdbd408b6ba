//! Requests that come twice.

use grid_core::partition::table::StepChange;
use grid_core::replication::{Failure, OPEN_REQUESTS_MAX};
use grid_core::store::Command;

use super::set::{A, B, CACHE, NOW, Set, json, put, tag};

fn increment(from: u32) -> Command {
    Command::ReplaceIfEqual {
        previous: json(&from.to_string()),
        value: json(&(from + 1).to_string()),
    }
}

#[test]
fn the_same_request_gets_its_first_outcome() {
    let mut set = Set::new(&[B], &[]);
    set.put(A, 1, 0);
    let (first, _) = set.write_tagged(A, 1, increment(0), Some(tag(1, 1)));
    let (second, done) = set.write_tagged(A, 1, increment(0), Some(tag(1, 1)));
    assert_eq!(done, Ok(false), "the first is not acknowledged yet");
    set.settle();
    let (first, second) = (
        set.answer(first).unwrap().unwrap(),
        set.answer(second).unwrap().unwrap(),
    );
    assert!(first.done && second.done);
    assert!(second.previous.unwrap().same_value(&first.previous.unwrap()));
    assert_eq!(set.value(A, 1).as_deref(), Some("1"));
}

#[test]
fn a_request_is_known_after_failover_and_in_a_copy() {
    for copied in [false, true] {
        let mut set = Set::new(if copied { &[] } else { &[B] }, if copied { &[B] } else { &[] });
        set.put(A, 1, 0);
        set.write_tagged(A, 1, increment(0), Some(tag(1, 1))).1.unwrap();
        // One that found nothing to do is known too.
        set.write_tagged(A, 1, increment(7), Some(tag(2, 1))).1.unwrap();
        if copied {
            set.agree(&StepChange::StartCopy(B));
            set.settle();
            set.agree(&StepChange::Admit(B));
        }
        set.settle();
        set.kill(A);
        let (again, _) = set.write_tagged(B, 1, increment(0), Some(tag(1, 1)));
        assert!(set.answer(again).unwrap().unwrap().done);
        set.write(B, 1, put(7)).1.unwrap();
        let (failed, _) = set.write_tagged(B, 1, increment(7), Some(tag(2, 1)));
        assert!(
            !set.answer(failed).unwrap().unwrap().done,
            "it was answered before"
        );
    }
}

#[test]
fn late_and_closed_requests_are_refused() {
    let mut set = Set::new(&[B], &[]);
    let late = grid_core::replication::RequestTag {
        apply_before: grid_core::store::Timestamp::from_unix_ms(NOW.as_unix_ms() - 1),
        ..tag(1, 1)
    };
    assert_eq!(
        set.write_tagged(A, 1, put(1), Some(late)).1,
        Err(Failure::TooLate)
    );
    assert_eq!(
        set.write_tagged(A, 1, put(1), Some(tag(1, 2))).1,
        Err(Failure::NotOpen)
    );
    set.write_tagged(A, 1, put(1), Some(tag(5, 5))).1.unwrap();
    assert_eq!(
        set.write_tagged(A, 1, put(1), Some(tag(4, 4))).1,
        Err(Failure::NotOpen)
    );
    assert_eq!(set.replicas[&A].store().len(NOW, CACHE), 1);
}

#[test]
fn a_client_with_many_open_requests_gets_old_outcomes_and_goes_on_when_it_closes_some() {
    let mut set = Set::new(&[], &[]);
    let most = OPEN_REQUESTS_MAX as u64;
    for number in 1..=most {
        set.write_tagged(A, 1, put(1), Some(tag(number, 1))).1.unwrap();
    }
    assert_eq!(
        set.write_tagged(A, 1, put(1), Some(tag(most + 1, 1))).1,
        Err(Failure::NotOpen)
    );
    assert_eq!(
        set.write_tagged(A, 1, put(1), Some(tag(3, 1))).1,
        Ok(true),
        "it was done before"
    );
    assert_eq!(set.write_tagged(A, 1, put(1), Some(tag(most + 1, 2))).1, Ok(true));
}

//! What waits has limits.

use std::num::NonZeroUsize;
use std::time::Duration;

use grid_core::partition::table::StepChange;
use grid_core::replication::{Failure, Message, ReplicaSettings};

use super::set::{A, B, C, Set, put};

fn small() -> ReplicaSettings {
    ReplicaSettings {
        waiting_len_max: 8,
        chunk_entries: NonZeroUsize::new(2).expect("it is not zero"),
        ..ReplicaSettings::default()
    }
}

#[test]
fn beyond_the_limit_writes_are_refused_and_later_taken_again() {
    let mut set = Set::with(small(), &[B], &[]);
    set.cut = vec![(A, B)];
    for number in 0..8 {
        assert_eq!(set.write(A, number, put(number)).1, Ok(false));
    }
    assert_eq!(set.write(A, 9, put(9)).1, Err(Failure::Overloaded));
    assert_eq!(set.value(A, 9), None);
    set.cut.clear();
    set.reconnect(A, B);
    set.settle();
    set.put(A, 9, 9);
    set.assert_equal(A, B);
}

#[test]
fn a_copy_that_falls_too_far_behind_begins_again() {
    let mut set = Set::with(small(), &[C], &[B]);
    (0..5).for_each(|number| set.put(A, number, number));
    set.agree(&StepChange::StartCopy(B));
    let at = set.at;
    set.with_replica(A, |replica, out| replica.next_chunk(at, B, out));
    set.drain();
    set.cut = vec![(A, B), (B, A)];
    for number in 0..40 {
        set.put(A, number % 5, 100 + number);
        set.at -= Duration::from_millis(100);
    }
    set.cut.clear();
    set.proposals.clear();
    set.reconnect(A, B);
    set.settle();
    assert!(set.was_proposed(A, &StepChange::Admit(B)), "{:?}", set.proposals);
    set.agree(&StepChange::Admit(B));
    set.settle();
    set.assert_equal(A, B);
}

#[test]
fn what_one_message_cannot_hold_goes_in_several() {
    let settings = ReplicaSettings {
        append_bytes: NonZeroUsize::MIN,
        ..ReplicaSettings::default()
    };
    let mut set = Set::with(settings, &[B], &[]);
    set.cut = vec![(A, B)];
    let tokens: Vec<_> = (0..5).map(|number| set.write(A, number, put(number)).0).collect();
    set.drain();
    set.cut.clear();
    set.reconnect(A, B);
    let to_b = set.wire.iter().filter_map(|(_, to, message)| match message {
        Message::Append(append) if *to == B => {
            Some((append.first.get(), append.records.len(), append.begins))
        }
        _ => None,
    });
    let sent: Vec<_> = to_b.collect();
    let expected: Vec<_> = (1..=5).map(|first| (first, 1, first == 1)).collect();
    assert_eq!(
        sent, expected,
        "one record each, in order, and only the first begins"
    );
    set.settle();
    assert!(
        tokens
            .iter()
            .all(|token| matches!(set.answer(*token), Some(Ok(_))))
    );
    set.assert_equal(A, B);
}

#[test]
fn an_entry_that_no_message_can_hold_is_refused() {
    let settings = ReplicaSettings {
        entry_bytes_max: 6,
        ..ReplicaSettings::default()
    };
    let mut set = Set::with(settings, &[B], &[]);
    set.put(A, 1, 12_345);
    assert_eq!(
        set.write(A, 1, put(123_456)).1,
        Err(Failure::TooLarge { len: 7, max: 6 })
    );
    assert_eq!(set.value(A, 1).as_deref(), Some("12345"));
    set.settle();
    set.assert_equal(A, B);
}

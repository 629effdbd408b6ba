//! Copies that are made while writes go on.

use std::num::NonZeroUsize;
use std::time::Duration;

use grid_core::partition::table::{StepChange, StepRefused};
use grid_core::replication::{ReplicaSettings, RoleKind};

use super::set::{A, B, C, Set, put, tag};

fn small_chunks() -> ReplicaSettings {
    ReplicaSettings {
        chunk_entries: NonZeroUsize::new(3).expect("it is not zero"),
        ..ReplicaSettings::default()
    }
}

#[test]
fn a_copy_in_parts_is_complete_though_writes_go_on() {
    let mut set = Set::with(small_chunks(), &[], &[B]);
    (0..20).for_each(|number| set.put(A, number, number));
    set.agree(&StepChange::StartCopy(B));
    for number in 0..20 {
        set.write(A, number * 2, put(100 + number)).1.unwrap();
        set.write(A, number, grid_core::store::Command::Remove).1.unwrap();
        set.pass(Duration::from_millis(10));
    }
    set.settle();
    assert!(set.was_proposed(A, &StepChange::Admit(B)));
    set.agree(&StepChange::Admit(B));
    set.settle();
    assert_eq!(set.replicas[&B].role(), RoleKind::Backup);
    set.assert_equal(A, B);
    set.kill(A);
    set.put(B, 1, 1);
}

#[test]
fn a_copy_goes_on_after_its_connection_broke() {
    for breaks in 1..12 {
        let mut set = Set::with(small_chunks(), &[C], &[B]);
        for number in 0..25 {
            set.write_tagged(A, number, put(number), Some(tag(u64::from(number) + 1, 1)))
                .1
                .unwrap();
        }
        set.settle();
        set.agree(&StepChange::StartCopy(B));
        for number in 0..25 {
            set.write(A, number, put(500 + number)).1.unwrap();
            let at = set.at;
            set.with_replica(A, |replica, out| replica.next_chunk(at, B, out));
            for _ in 0..number % 4 {
                set.step();
            }
            if number % breaks == 0 {
                set.reconnect(A, B);
            }
        }
        set.settle();
        assert!(
            set.was_proposed(A, &StepChange::Admit(B)),
            "breaks every {breaks}"
        );
        set.agree(&StepChange::Admit(B));
        set.settle();
        set.assert_equal(A, B);
        set.assert_equal(A, C);
    }
}

#[test]
fn from_its_proposal_on_nothing_is_acknowledged_without_the_new_copy() {
    let mut set = Set::new(&[], &[B]);
    set.put(A, 1, 1);
    set.agree(&StepChange::StartCopy(B));
    set.settle();
    assert!(set.was_proposed(A, &StepChange::Admit(B)));
    set.cut = vec![(A, B)];
    let (token, _) = set.write(A, 2, put(2));
    set.settle();
    assert!(set.answer(token).is_none());
    // The copy was admitted, and the primary died before it knew.
    set.cut.clear();
    set.wire.clear();
    set.decide(&StepChange::Admit(B));
    set.kill(A);
    assert_eq!(set.replicas[&B].role(), RoleKind::Primary);
    assert_eq!(set.value(B, 1).as_deref(), Some("1"));
}

#[test]
fn a_copy_that_stalls_is_given_up_by_agreement_and_an_old_proposal_can_not_admit_the_next() {
    let mut set = Set::new(&[], &[B]);
    set.put(A, 1, 1);
    set.agree(&StepChange::StartCopy(B));
    set.settle();
    let seen = set.assignment.epoch;
    set.cut = vec![(A, B), (B, A)];
    let (token, _) = set.write(A, 2, put(2));
    set.pass(Duration::from_secs(2));
    assert!(set.was_proposed(A, &StepChange::CancelCopy(B)));
    assert!(set.answer(token).is_none());
    set.agree(&StepChange::CancelCopy(B));
    set.settle();
    assert!(set.answer(token).unwrap().is_ok());
    set.agree(&StepChange::StartCopy(B));
    let late = set.assignment.make(seen, &StepChange::Admit(B));
    assert!(matches!(late, Err(StepRefused::Epoch { .. })), "{late:?}");
    set.cut.clear();
    set.proposals.clear();
    set.reconnect(A, B);
    set.settle();
    assert!(set.was_proposed(A, &StepChange::Admit(B)));
    set.agree(&StepChange::Admit(B));
    set.settle();
    set.assert_equal(A, B);
}

#[test]
fn a_backup_that_was_dismissed_and_gets_a_copy_again_is_no_backup_meanwhile() {
    let mut set = Set::new(&[B], &[]);
    set.put(A, 1, 1);
    // Neither learns of the dismissal by itself.
    set.decide(&StepChange::Dismiss(B));
    set.agree(&StepChange::StartCopy(B));
    assert_eq!(set.replicas[&B].role(), RoleKind::Joining);
    let (token, _) = set.write(A, 2, put(2));
    assert!(set.answer(token).is_some_and(|answer| answer.is_ok()));
    set.settle();
    assert!(set.was_proposed(A, &StepChange::Admit(B)));
    set.agree(&StepChange::Admit(B));
    set.settle();
    set.assert_equal(A, B);
}

#[test]
fn a_member_that_does_not_know_yet_of_its_copy_gets_it_when_it_does() {
    let mut set = Set::new(&[], &[B]);
    set.put(A, 1, 1);
    set.decide(&StepChange::StartCopy(B));
    set.tell(A);
    set.pass(Duration::from_millis(300));
    assert!(!set.was_proposed(A, &StepChange::Admit(B)));
    set.tell(B);
    set.settle();
    assert!(set.was_proposed(A, &StepChange::Admit(B)));
}

#[test]
fn a_copy_that_was_given_up_and_begun_again_is_not_taken_for_the_first() {
    let mut set = Set::new(&[], &[B]);
    set.put(A, 1, 1);
    set.agree(&StepChange::StartCopy(B));
    set.settle();
    // The primary misses that the copy was given up, but for the new epoch.
    set.decide(&StepChange::CancelCopy(B));
    set.tell(B);
    assert_eq!(set.replicas[&B].role(), RoleKind::Nothing);
    set.decide(&StepChange::StartCopy(B));
    set.tell(B);
    set.proposals.clear();
    set.tell(A);
    assert!(
        !set.was_proposed(A, &StepChange::Admit(B)),
        "B has forgotten the first copy"
    );
    set.settle();
    assert!(set.was_proposed(A, &StepChange::Admit(B)));
    set.agree(&StepChange::Admit(B));
    set.settle();
    set.assert_equal(A, B);
}

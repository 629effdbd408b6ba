//! Primaries that go, and backups that take over.

use std::time::Duration;

use grid_core::partition::table::{Epoch, StepChange};
use grid_core::replication::{Failure, Message, Position, Refusal, RoleKind};
use grid_core::store::{CacheId, Command};
use grid_core::value::Binary;

use super::set::{A, B, C, Set, put};

#[test]
fn what_was_acknowledged_is_there_after_the_primary_died() {
    let mut set = Set::new(&[B, C], &[]);
    (0..10).for_each(|number| set.put(A, number, number));
    // Acknowledged, and neither backup knows.
    let (token, _) = set.write(A, 10, put(10));
    set.step();
    set.step();
    set.drain();
    assert!(set.answer(token).is_some());
    set.wire.clear();
    set.kill(A);
    assert_eq!(
        (set.replicas[&B].role(), set.value(B, 10).as_deref()),
        (RoleKind::Primary, Some("10"))
    );
    set.settle();
    assert_eq!(set.value(C, 10).as_deref(), Some("10"));
    set.assert_equal(B, C);
    set.put(B, 11, 11);
    set.assert_equal(B, C);
}

#[test]
fn what_listeners_elsewhere_have_not_heard_of_is_told_again_with_the_value_before() {
    let mut set = Set::new(&[B, C], &[]);
    set.put(A, 1, 10);
    set.deaf = true;
    set.put(A, 1, 11);
    let (token, _) = set.write(A, 2, put(20));
    set.settle();
    assert!(
        set.answer(token).is_some(),
        "the answer does not wait for listeners"
    );
    let (token, _) = set.write(A, 1, Command::Remove);
    set.settle();
    assert!(set.answer(token).is_some());
    set.told.clear();
    set.kill(A);
    set.settle();
    let told: Vec<_> = set
        .told
        .iter()
        .filter_map(|(by, effect)| {
            let change = effect.change()?;
            let text = |value: &Option<Binary>| {
                let value = value.as_ref()?;
                Some(String::from_utf8(value.bytes().to_vec()).expect("it is text"))
            };
            Some((*by, change.sequence.get(), text(&change.old), text(&change.new)))
        })
        .collect();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        told,
        [
            (B, 2, text("10"), text("11")),
            (B, 3, None, text("20")),
            (B, 4, text("11"), None)
        ]
    );
}

#[test]
fn what_listeners_elsewhere_have_heard_of_is_not_told_again() {
    let mut set = Set::new(&[B, C], &[]);
    set.deaf = true;
    set.put(A, 1, 10);
    set.put(A, 1, 11);
    // The first of them is heard of.
    set.with_replica(A, |replica, _| replica.heard_before(Some(Position::new(2))));
    set.settle();
    set.events.clear();
    set.kill(A);
    set.settle();
    assert_eq!(set.events, [(B, 2)]);
}

#[test]
fn the_end_of_a_log_that_only_one_backup_has_is_replaced() {
    let mut set = Set::new(&[B, C], &[]);
    set.put(A, 1, 1);
    set.cut = vec![(A, B)];
    let (lost, _) = set.write(A, 2, put(2));
    let (lost_too, _) = set.write(A, 3, put(3));
    set.drain();
    assert!(set.replicas[&C].last() > set.replicas[&B].last());
    set.cut.clear();
    set.kill(A);
    set.put(B, 2, 20);
    set.settle();
    set.assert_equal(B, C);
    assert_eq!((set.value(C, 2).as_deref(), set.value(C, 3)), (Some("20"), None));
    assert!(set.answer(lost).is_none() && set.answer(lost_too).is_none());
}

#[test]
fn a_backup_that_knows_more_than_the_new_primary_keeps_what_it_has_applied() {
    let mut set = Set::new(&[B, C], &[]);
    set.put(A, 1, 1);
    // C is told that the record is acknowledged, B is not.
    let (token, _) = set.write(A, 2, put(2));
    set.drain();
    assert!(set.answer(token).is_some());
    set.cut = vec![(A, B)];
    set.settle();
    assert!(set.replicas[&C].committed() > set.replicas[&B].committed());
    set.cut.clear();
    set.kill(A);
    set.settle();
    set.put(B, 3, 3);
    set.assert_equal(B, C);
}

#[test]
fn a_primary_that_was_replaced_has_nothing_acknowledged() {
    let mut set = Set::new(&[B, C], &[]);
    set.put(A, 1, 1);
    // A does not learn that it is out.
    set.assignment.remove_members(&[A].into(), false, |_| 0);
    set.tell(B);
    set.tell(C);
    set.drain();
    let (token, done) = set.write(A, 1, put(99));
    assert_eq!(done, Ok(false));
    set.settle();
    set.pass(Duration::from_secs(2));
    assert!(set.answer(token).is_none(), "its backups are of a newer epoch");
    assert_eq!(set.value(B, 1).as_deref(), Some("1"));
    let at = set.at;
    set.with_replica(A, |replica, out| replica.fence(super::set::NOW, out));
    assert!(matches!(set.answer(token), Some(Err(Failure::Deposed))));
    assert_eq!(set.replicas[&A].role(), RoleKind::Kept);
    let assignment = set.assignment.clone();
    set.with_replica(A, |replica, out| {
        replica.configure(super::set::NOW, at, &assignment, out)
    });
    assert_eq!(
        set.replicas[&A].role(),
        RoleKind::Nothing,
        "a newer complete copy lives"
    );
    set.put(B, 5, 5);
    set.assert_equal(B, C);
}

#[test]
fn a_last_copy_that_comes_back_serves_what_was_acknowledged() {
    let mut set = Set::new(&[B], &[]);
    set.put(A, 1, 1);
    let (token, _) = set.write(A, 2, put(2));
    set.drain();
    assert!(set.answer(token).is_some());
    set.assignment.remove_members(&[A, B].into(), false, |_| 0);
    for member in [A, B] {
        set.with_replica(member, |replica, out| replica.fence(super::set::NOW, out));
        set.tell(member);
        assert_eq!(set.replicas[&member].role(), RoleKind::Kept);
    }
    assert!(set.assignment.restore(B, C));
    let mut kept = set.replicas.remove(&B).unwrap();
    kept.reincarnate(C);
    set.replicas.insert(C, kept);
    set.tell_all();
    assert_eq!(set.replicas[&C].role(), RoleKind::Primary);
    assert_eq!(set.replicas[&A].role(), RoleKind::Nothing);
    assert_eq!(set.value(C, 2).as_deref(), Some("2"));
    set.put(C, 3, 3);
}

#[test]
fn a_backup_that_does_not_answer_is_voted_out_and_writes_go_on() {
    let mut set = Set::new(&[B, C], &[]);
    set.cut = vec![(A, B), (B, A)];
    let (token, _) = set.write(A, 1, put(1));
    set.pass(Duration::from_millis(900));
    assert!(set.proposals.is_empty() && set.answer(token).is_none());
    set.pass(Duration::from_millis(300));
    assert!(set.was_proposed(A, &StepChange::Dismiss(B)));
    assert!(set.answer(token).is_none(), "what is only proposed is not agreed");
    set.agree(&StepChange::Dismiss(B));
    set.settle();
    assert!(set.answer(token).unwrap().is_ok());
    assert_eq!(set.replicas[&B].role(), RoleKind::Nothing);
}

#[test]
fn a_backup_that_does_not_know_yet_that_it_is_one_is_waited_for() {
    let mut set = Set::new(&[], &[B]);
    set.kill(A);
    assert!(set.assignment.lost && set.assignment.accept_loss());
    set.decide(&StepChange::Place {
        primary: C,
        backups: vec![B],
    });
    set.replicas
        .insert(C, grid_core::replication::Replica::new(C, Default::default()));
    set.tell(C);
    let (token, _) = set.write(C, 1, put(1));
    set.settle();
    assert!(set.answer(token).is_none());
    set.tell(B);
    set.settle();
    assert!(set.answer(token).unwrap().is_ok());
    assert!(set.proposals.is_empty(), "{:?}", set.proposals);
}

#[test]
fn a_copy_of_a_lost_history_is_not_taken_for_the_new_one() {
    let mut set = Set::new(&[B], &[]);
    (0..5).for_each(|number| set.put(A, number, number));
    // B misses that everything was given up, and that it is a backup of an empty partition.
    set.assignment.remove_members(&[A, B].into(), true, |_| 0);
    assert!(set.assignment.accept_loss());
    set.decide(&StepChange::Place {
        primary: C,
        backups: vec![B],
    });
    set.replicas.remove(&A);
    set.replicas
        .insert(C, grid_core::replication::Replica::new(C, Default::default()));
    set.tell(C);
    let (token, _) = set.write(C, 9, put(9));
    set.settle();
    assert!(set.answer(token).is_none());
    set.tell(B);
    set.settle();
    assert!(set.answer(token).unwrap().is_ok());
    set.assert_equal(B, C);
    assert_eq!(set.value(B, 1), None);
}

#[test]
fn messages_of_an_older_epoch_change_nothing() {
    let mut set = Set::new(&[B, C], &[]);
    set.put(A, 1, 1);
    set.write(A, 1, put(2)).1.unwrap();
    let old: Vec<_> = set.wire.drain(..).collect();
    assert_eq!(old.len(), 2);
    set.assignment.remove_members(&[A].into(), false, |_| 0);
    set.tell(B);
    set.tell(C);
    set.wire.clear();
    for (from, to, message) in old {
        set.with_replica(to, |replica, out| {
            replica.receive(super::set::NOW, Duration::ZERO, from, message, out);
        });
        let refused = set.wire.iter().any(|(_, to, message)| {
            *to == A
                && matches!(message, Message::Refused { epoch, reason: Refusal::OldEpoch } if *epoch == Epoch::new(2))
        });
        assert!(refused, "{:?}", set.wire);
    }
    assert_eq!(set.replicas[&C].last(), set.replicas[&B].last());
}

#[test]
fn an_assignment_that_comes_late_changes_nothing() {
    let mut set = Set::new(&[B], &[]);
    let old = set.assignment.clone();
    set.kill(A);
    let at = set.at;
    set.with_replica(B, |replica, out| {
        replica.configure(super::set::NOW, at, &old, out)
    });
    assert_eq!(set.replicas[&B].role(), RoleKind::Primary);
    assert!(!set.replicas[&B].store().has_cache(CacheId::new(9)));
}

#[test]
fn a_primary_without_a_copy_asks_a_backup_to_take_over() {
    let mut set = Set::new(&[B, C], &[]);
    set.put(A, 1, 1);
    let broken = grid_core::partition::table::Assignment {
        backups: vec![C],
        joining: vec![B],
        ..set.assignment.clone()
    };
    set.with_replica(B, |replica, out| {
        replica.configure(super::set::NOW, Duration::ZERO, &broken, out)
    });
    set.kill(A);
    assert_eq!(set.replicas[&B].role(), RoleKind::Broken);
    set.settle();
    assert!(set.was_proposed(B, &StepChange::HandOver(C)));
    set.agree(&StepChange::HandOver(C));
    set.settle();
    assert_eq!(set.value(C, 1).as_deref(), Some("1"));
    assert!(set.was_proposed(C, &StepChange::Dismiss(B)));
}

#[test]
fn a_copy_that_is_kept_is_of_the_set_that_it_was_in_whatever_is_learned_later() {
    let mut set = Set::new(&[], &[]);
    set.put(A, 1, 1);
    let before = set.assignment.epoch;
    set.assignment.remove_members(&[A].into(), false, |_| 0);
    assert!(set.assignment.epoch > before);
    // It hears of its own removal, and comes back under another number before that is known.
    set.tell(A);
    let replica = set.replica(A);
    assert_eq!(
        (replica.role(), replica.epoch() > before, replica.kept_epoch()),
        (RoleKind::Kept, true, before)
    );
    set.replica(A).reincarnate(C);
    set.tell(A);
    assert_eq!(set.replica(A).kept_epoch(), before);
    // Taken out once more.
    set.with_replica(A, |replica, out| replica.fence(super::set::NOW, out));
    let replica = set.replica(A);
    assert_eq!((replica.role(), replica.kept_epoch()), (RoleKind::Kept, before));
    assert_eq!(set.value(A, 1).as_deref(), Some("1"));
}

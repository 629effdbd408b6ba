//! Writes, reads that wait for them, and what backups apply.

use grid_core::replication::{Failure, RoleKind};
use grid_core::store::{Command, Want};

use super::set::{A, B, C, CACHE, NOW, Set, json, key, put};

#[test]
fn a_write_is_answered_when_every_backup_has_it_and_not_before() {
    let mut set = Set::new(&[B, C], &[]);
    let (token, done) = set.write(A, 1, put(10));
    assert_eq!(done, Ok(false));
    set.cut = vec![(C, A)];
    set.drain();
    assert!(
        set.answer(token).is_none() && set.events.is_empty(),
        "C has not said that it has it"
    );
    assert_eq!(
        set.value(B, 1),
        None,
        "a backup does not apply what may not be acknowledged"
    );
    set.cut.clear();
    set.reconnect(A, C);
    set.drain();
    assert!(set.answer(token).unwrap().unwrap().done);
    assert_eq!(set.events, [(A, 1)]);
    set.settle();
    set.assert_equal(A, B);
    set.assert_equal(A, C);
    assert_eq!(set.value(C, 1).as_deref(), Some("10"));
}

#[test]
fn a_read_of_a_changed_entry_waits_and_others_do_not() {
    let mut set = Set::new(&[B], &[]);
    set.write(A, 1, put(10)).1.unwrap();
    set.write(A, 2, put(20)).1.unwrap();
    let gate = |set: &mut Set, number| set.replica(A).gate(CACHE, key(number).hash()).unwrap();
    let position = gate(&mut set, 1).expect("the write waits");
    assert_eq!(gate(&mut set, 3), None);
    assert!(set.replica(A).gate_all().unwrap().unwrap() > position);
    assert_eq!(set.replica(A).wait(position, 77), None);
    assert!(set.answer(77).is_none());
    set.drain();
    assert!(set.answer(77).unwrap().is_ok());
    assert_eq!(gate(&mut set, 1), None);
    assert_eq!(
        set.replica(A).wait(position, 78),
        Some(78),
        "nothing is left to wait for"
    );
    assert_eq!(set.replica(B).gate(CACHE, 1), Err(Failure::NotPrimary));
}

#[test]
fn a_condition_that_fails_waits_for_what_it_looked_at() {
    let mut set = Set::new(&[B], &[]);
    set.write(A, 1, put(10)).1.unwrap();
    let absent = Command::PutIfAbsent {
        value: json("11"),
        ttl: grid_core::store::TimeToLive::Never,
    };
    let (token, done) = set.write(A, 1, absent);
    assert_eq!(done, Ok(false));
    assert!(set.answer(token).is_none());
    set.drain();
    let outcome = set.answer(token).unwrap().unwrap();
    assert!(!outcome.done && outcome.existed);
    assert_eq!(
        set.write(A, 2, Command::Remove).1,
        Ok(true),
        "nothing waits for this entry"
    );
}

#[test]
fn clearing_and_truncating_come_to_the_backups() {
    let mut set = Set::new(&[B], &[]);
    (0..20).for_each(|number| set.put(A, number, number));
    let at = set.at;
    let (swept, _) = set.with_replica(A, |replica, out| {
        let swept = replica.clear(NOW, CACHE, 15, Want::NOTHING, 90, out).unwrap();
        replica.send(at, out);
        swept
    });
    assert_eq!((swept.removed, swept.done), (15, false));
    assert!(set.answer(90).is_none());
    set.settle();
    assert!(set.answer(90).unwrap().is_ok());
    assert_eq!(set.replicas[&B].store().len(NOW, CACHE), 5);
    let at = set.at;
    set.with_replica(A, |replica, out| {
        assert_eq!(replica.truncate(NOW, CACHE, None, Some(91), out).unwrap(), 5);
        replica.send(at, out);
    });
    set.settle();
    assert!(set.answer(91).unwrap().is_ok());
    set.assert_equal(A, B);
    assert_eq!(set.replicas[&B].store().len(NOW, CACHE), 0);
}

#[test]
fn one_member_alone_answers_at_once() {
    let mut set = Set::new(&[], &[]);
    assert_eq!(set.write(A, 1, put(1)).1, Ok(true));
    assert_eq!(set.replicas[&A].role(), RoleKind::Primary);
    assert_eq!(set.events, [(A, 1)]);
    assert!(set.wire.is_empty());
}

#[test]
fn records_that_a_broken_connection_lost_come_again() {
    let mut set = Set::new(&[B], &[]);
    for number in 0..30 {
        let (token, _) = set.write(A, number, put(number));
        if number % 3 == 0 {
            set.reconnect(A, B);
        }
        if number % 4 == 0 {
            set.step();
        }
        if number == 29 {
            set.settle();
            assert!(set.answer(token).unwrap().is_ok());
        }
    }
    set.settle();
    set.assert_equal(A, B);
    assert!(set.proposals.is_empty());
}

//! Partitions that move to another primary.

use grid_core::partition::table::StepChange;
use grid_core::replication::{Failure, RoleKind};

use super::set::{A, B, C, CACHE, Set, put};

#[test]
fn a_sealed_partition_serves_nothing_and_moves_when_everything_is_there() {
    let mut set = Set::new(&[B, C], &[]);
    set.put(A, 1, 1);
    let (token, _) = set.write(A, 2, put(2));
    let at = set.at;
    set.with_replica(A, |replica, out| replica.seal(at, B, out));
    assert_eq!(set.replicas[&A].sealed_for(), Some(B));
    assert!(!set.replicas[&A].serves());
    assert_eq!(set.write(A, 3, put(3)).1, Err(Failure::NotPrimary));
    assert_eq!(set.replica(A).gate(CACHE, 1), Err(Failure::NotPrimary));
    assert!(set.proposals.is_empty(), "a write is on its way");
    set.settle();
    assert!(set.answer(token).unwrap().is_ok());
    assert!(set.was_proposed(A, &StepChange::HandOver(B)));
    set.agree(&StepChange::HandOver(B));
    assert_eq!(
        (set.replicas[&A].role(), set.replicas[&B].role()),
        (RoleKind::Backup, RoleKind::Primary)
    );
    set.settle();
    set.put(B, 3, 3);
    set.assert_equal(A, B);
    set.assert_equal(B, C);
}

#[test]
fn a_partition_is_handed_over_when_listeners_elsewhere_have_heard() {
    let mut set = Set::new(&[B], &[]);
    set.deaf = true;
    set.put(A, 1, 1);
    let at = set.at;
    set.with_replica(A, |replica, out| replica.seal(at, B, out));
    set.settle();
    assert!(!set.was_proposed(A, &StepChange::HandOver(B)));
    set.deaf = false;
    set.settle();
    assert!(set.was_proposed(A, &StepChange::HandOver(B)));
}

#[test]
fn a_copy_counts_when_listeners_elsewhere_have_heard_of_what_is_in_it() {
    let mut set = Set::new(&[], &[B]);
    set.deaf = true;
    let (token, done) = set.write(A, 1, put(1));
    assert_eq!(
        (done, set.answer(token).is_some()),
        (Ok(true), true),
        "nobody else has to be asked"
    );
    set.agree(&StepChange::StartCopy(B));
    set.settle();
    assert_eq!(set.value(B, 1).as_deref(), Some("1"));
    assert!(!set.was_proposed(A, &StepChange::Admit(B)));
    set.deaf = false;
    set.settle();
    assert!(set.was_proposed(A, &StepChange::Admit(B)));
}

#[test]
fn a_hand_over_that_can_not_be_made_ends_with_the_epoch() {
    let mut set = Set::new(&[B, C], &[]);
    let at = set.at;
    set.with_replica(A, |replica, out| replica.seal(at, B, out));
    set.kill(B);
    assert!(set.replicas[&A].serves());
    set.put(A, 1, 1);
    set.assert_equal(A, C);
}

#[test]
fn only_a_complete_backup_can_be_the_successor() {
    let mut set = Set::new(&[B], &[C]);
    let at = set.at;
    set.with_replica(A, |replica, out| replica.seal(at, C, out));
    assert!(set.replicas[&A].serves());
    set.agree(&StepChange::StartCopy(C));
    set.with_replica(A, |replica, out| replica.seal(at, C, out));
    assert!(set.replicas[&A].serves());
}

#[test]
fn a_refused_hand_over_can_be_undone() {
    let mut set = Set::new(&[B], &[]);
    let at = set.at;
    set.with_replica(A, |replica, out| replica.seal(at, B, out));
    set.replica(A).unseal();
    set.put(A, 1, 1);
}

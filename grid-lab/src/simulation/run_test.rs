//! Runs of the simulation, and the mistakes that it must find.

use grid_core::replication::{PlantedBug, ReplicaSettings};

use super::{SimulationSettings, bug_named, run};

/// Seeds that found a mistake once. What was wrong has a test of its own beside the code; these keep the way there.
const FOUND_SOMETHING: [u64; 12] = [1, 2, 4, 17, 20, 56, 64, 98, 304, 498, 557, 379];

fn assert_passes(seed: u64) {
    if let Err(failed) = run(SimulationSettings::of(seed)) {
        panic!("{failed}");
    }
}

#[test]
fn promises_are_kept() {
    let seeds = if cfg!(debug_assertions) { 30 } else { 150 };
    (1_000..1_000 + seeds).for_each(assert_passes);
}

#[test]
fn seeds_that_found_something_pass() {
    FOUND_SOMETHING.into_iter().for_each(assert_passes);
}

#[test]
fn a_seed_is_the_same_run_again() {
    for seed in [5, 6, 7] {
        let settings = SimulationSettings::of(seed);
        let (one, other) = (run(settings).unwrap(), run(settings).unwrap());
        assert_eq!(one, other);
        assert_ne!(one.trace, run(SimulationSettings::of(seed + 100)).unwrap().trace);
    }
}

/// Gives the seed that finds the bug, from `first` on.
fn finds(bug: PlantedBug, first: u64) -> u64 {
    assert!(
        ReplicaSettings::can_have_bugs(),
        "tests are built with the feature"
    );
    let found = (first..first + 400).find(|seed| {
        let settings = SimulationSettings {
            bug: Some(bug),
            ..SimulationSettings::of(*seed)
        };
        run(settings).is_err()
    });
    found.unwrap_or_else(|| panic!("{bug:?} was not found in 400 seeds"))
}

#[test]
fn a_write_that_is_acknowledged_early_is_found() {
    finds(PlantedBug::AcknowledgeEarly, 1);
}

#[test]
fn messages_of_older_epochs_that_are_taken_are_found() {
    finds(PlantedBug::SkipEpochCheck, 90);
}

#[test]
fn a_copy_without_the_outcomes_of_requests_is_found() {
    finds(PlantedBug::DropWindow, 1);
}

#[test]
fn an_answer_of_a_primary_without_a_lease_is_found() {
    finds(PlantedBug::AnswerWithoutLease, 120);
}

#[test]
fn a_backup_that_lags_and_is_promoted_is_found() {
    finds(PlantedBug::AdmitEarly, 1);
}

#[test]
fn a_tail_that_is_lost_at_a_hand_over_is_found() {
    finds(PlantedBug::LoseTail, 1);
}

#[test]
fn an_unknown_bug_is_refused_with_those_that_there_are() {
    assert!(bug_named("nonsense").unwrap_err().contains("admit-early"));
    assert_eq!(bug_named("lose-tail"), Ok(PlantedBug::LoseTail));
}

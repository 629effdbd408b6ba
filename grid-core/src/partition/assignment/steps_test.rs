//! What every step must hold to, whatever happens between the steps.

use std::collections::BTreeSet;
use std::num::NonZeroU16;

use proptest::prelude::*;

use crate::membership::{MemberId, MemberPhase};
use crate::partition::table::{Step, StepChange};

use super::model::{Model, Site, mixed_sites, sites};
use super::{MoveLimits, PartitionCounts, Progress, StatusHa, next_steps, status_ha};

fn starts(steps: &[Step]) -> Vec<MemberId> {
    let starts = steps.iter().filter_map(|step| match step.change {
        StepChange::StartCopy(member) => Some(member),
        _ => None,
    });
    starts.collect()
}

#[test]
fn a_cluster_of_one_is_placed_at_once() {
    let mut model = Model::new(257, 1);
    let first = model.join(Site::PLAIN, MemberPhase::Joining);
    assert_eq!(model.steps(), [], "a joining member takes no primaries");
    model.set_phase(first, MemberPhase::Ready);
    let steps = model.steps();
    assert_eq!(steps.len(), 257);
    for step in &steps {
        let place = StepChange::Place {
            primary: first,
            backups: vec![],
        };
        assert_eq!(step.change, place);
        assert!(model.make(step));
    }
    model.assert_at_rest();
}

#[test]
fn partitions_are_served_before_all_members_are_ready() {
    let mut model = Model::new(20, 1);
    let first = model.join(Site::PLAIN, MemberPhase::Ready);
    let second = model.join(Site::PLAIN, MemberPhase::Joining);
    for step in model.steps() {
        let place = StepChange::Place {
            primary: first,
            backups: vec![second],
        };
        assert_eq!(step.change, place);
        model.make(&step);
    }
    assert_eq!(model.steps(), [], "the rest waits for the second to be ready");
    model.set_phase(second, MemberPhase::Ready);
    assert_eq!(model.settle(), (0, 10));
}

#[test]
fn copies_and_hand_overs_stay_within_the_limits() {
    let mut model = Model::settled(257, 1, &[Site::PLAIN; 3]);
    let fourth = model.join(Site::PLAIN, MemberPhase::Ready);
    let steps = model.steps();
    assert_eq!(starts(&steps), [fourth; 8], "a receiver takes 8");
    for step in &steps {
        model.make(step);
    }
    assert_eq!(model.steps(), [], "the places are taken");

    let mut model = Model::settled(257, 1, &[Site::PLAIN; 1]);
    for _ in 0..3 {
        model.join(Site::PLAIN, MemberPhase::Ready);
    }
    assert_eq!(starts(&model.steps()).len(), 4, "a sender sends 4");

    let mut model = Model::new(40, 1);
    model.join(Site::PLAIN, MemberPhase::Ready);
    let second = model.join(Site::PLAIN, MemberPhase::Joining);
    for step in model.steps() {
        model.make(&step);
    }
    model.set_phase(second, MemberPhase::Ready);
    let limits = MoveLimits {
        hand_overs: NonZeroU16::new(3).expect("not zero"),
        ..MoveLimits::default()
    };
    let steps = next_steps(&model.table, &model.target(), &model.members, limits);
    assert_eq!(steps.len(), 3);
    assert!(
        steps
            .iter()
            .all(|step| step.change == StepChange::HandOver(second))
    );
}

#[test]
fn lost_redundancy_is_repaired_before_balance() {
    let mut model = Model::settled(60, 2, &[Site::PLAIN; 4]);
    let dead = model.ids()[0];
    model.remove(&BTreeSet::from([dead]), true);
    model.join(Site::PLAIN, MemberPhase::Ready);
    let mut rounds = 0;
    // Until the last of the short ones has started, no other one does.
    loop {
        let steps: Vec<Step> = model.steps();
        let started: Vec<bool> = steps
            .iter()
            .filter(|step| matches!(step.change, StepChange::StartCopy(_)))
            .map(|step| model.table.of(step.partition).replicas().count() < 3)
            .collect();
        if PartitionCounts::of(&model.table, &model.members).endangered == 0 {
            break;
        }
        rounds += 1;
        assert!(started.contains(&true));
        assert!(
            started.is_sorted_by(|one, next| one >= next),
            "a short one waits behind another: {steps:?}"
        );
        for step in &steps {
            model.make(step);
        }
        for admit in model.copies_under_way() {
            model.make(&admit);
        }
    }
    assert!(
        rounds > 1,
        "there is more to repair than the limits allow at once"
    );
    model.settle();
    model.assert_at_rest();
}

#[test]
fn a_copy_that_nobody_needs_any_more_is_cancelled() {
    let mut model = Model::settled(20, 1, &[Site::PLAIN; 2]);
    let third = model.join(Site::PLAIN, MemberPhase::Joining);
    let steps = model.steps();
    assert!(!starts(&steps).is_empty());
    for step in &steps {
        model.make(step);
    }
    let under_way = model.copies_under_way().len();
    model.set_phase(third, MemberPhase::Draining);
    let steps = model.steps();
    assert_eq!(steps.len(), under_way);
    assert!(
        steps
            .iter()
            .all(|step| step.change == StepChange::CancelCopy(third))
    );
    assert_eq!(model.settle(), (0, 0));
}

#[test]
fn a_draining_member_keeps_its_copies_until_others_have_them() {
    let mut model = Model::settled(30, 1, &[Site::PLAIN; 3]);
    let leaving = model.ids()[0];
    model.set_phase(leaving, MemberPhase::Draining);
    let dismissed = |step: &Step| step.change == StepChange::Dismiss(leaving);
    assert!(!model.steps().iter().any(dismissed));
    model.settle();
    assert!(
        model
            .table
            .assignments
            .iter()
            .all(|assignment| !assignment.has_replica(leaving))
    );
    assert_eq!(PartitionCounts::of(&model.table, &model.members).endangered, 0);
}

#[test]
fn a_draining_member_keeps_what_nobody_can_take_over() {
    let mut model = Model::settled(30, 1, &[Site::PLAIN; 2]);
    let leaving = model.ids()[0];
    model.set_phase(leaving, MemberPhase::Draining);
    assert_eq!(model.settle(), (0, 15));
    model.assert_at_rest();
    assert!(
        model
            .table
            .assignments
            .iter()
            .all(|assignment| assignment.backups == [leaving])
    );
    model.join(Site::PLAIN, MemberPhase::Ready);
    model.settle();
    assert!(
        model
            .table
            .assignments
            .iter()
            .all(|assignment| !assignment.has_replica(leaving))
    );
}

#[test]
fn status_ha_is_computed_from_the_copies_that_are_there() {
    let status = |model: &Model| status_ha([&model.table], &model.members).to_string();
    let mut model = Model::settled(11, 1, &[Site::PLAIN]);
    assert_eq!(status(&model), "ENDANGERED");
    assert_eq!(
        PartitionCounts::of(&model.table, &model.members).endangered,
        0,
        "there is nobody else"
    );

    let machine = Site {
        machine: 1,
        ..Site::PLAIN
    };
    let rack = Site {
        rack: 1,
        ..Site::PLAIN
    };
    let zone = Site::in_zone(1);
    let steps = [
        (Site::PLAIN, "NODE-SAFE"),
        (machine, "MACHINE-SAFE"),
        (rack, "RACK-SAFE"),
        (zone, "SITE-SAFE"),
    ];
    let mut before = "ENDANGERED";
    for (site, after) in steps {
        // One more of a kind, so that any primary has a backup apart from it.
        model.join(site, MemberPhase::Ready);
        assert_eq!(status(&model), before, "a plan makes nothing safe");
        model.settle();
        assert_eq!(status(&model), after);
        before = after;
    }
    let counts = PartitionCounts::of(&model.table, &model.members);
    let rest = PartitionCounts {
        count: 11,
        ..PartitionCounts::default()
    };
    assert_eq!(counts, rest);
}

#[test]
fn hosts_tell_machines_apart_that_have_no_names() {
    let on_host = |machine| Site {
        machine,
        ..Site::PLAIN
    };
    let model = Model::settled(11, 1, &[on_host(5), on_host(5)]);
    assert_eq!(status_ha([&model.table], &model.members), StatusHa::NodeSafe);
    let model = Model::settled(11, 1, &[on_host(5), on_host(5), on_host(6)]);
    assert_eq!(status_ha([&model.table], &model.members), StatusHa::MachineSafe);
}

#[test]
fn the_worst_service_with_backups_counts() {
    let safe = Model::settled(11, 1, &[Site::PLAIN; 2]);
    let mut without = safe.clone();
    without.table = Model::settled(11, 0, &[Site::PLAIN; 2]).table;
    let mut unplaced = safe.clone();
    unplaced.table = Model::new(11, 1).table;
    let members = &safe.members;
    assert_eq!(
        status_ha([&safe.table, &without.table], members),
        StatusHa::NodeSafe
    );
    assert_eq!(
        status_ha([&safe.table, &unplaced.table], members),
        StatusHa::Endangered
    );
    assert_eq!(status_ha([&without.table], members), StatusHa::Endangered);
    assert_eq!(status_ha([], members), StatusHa::Endangered);
}

#[test]
fn the_counts_say_what_is_not_as_it_should_be() {
    let mut model = Model::settled(40, 1, &[Site::PLAIN; 4]);
    let ids = model.ids();
    let pair = BTreeSet::from([ids[0], ids[1]]);
    let both = |model: &Model| {
        let assignments = model.table.assignments.iter();
        assignments
            .filter(|assignment| assignment.replicas().all(|id| pair.contains(&id)))
            .count()
    };
    let gone = both(&model);
    let touched = model.table.assignments.iter().filter(|assignment| {
        assignment.replicas().any(|id| pair.contains(&id))
            && !assignment.replicas().all(|id| pair.contains(&id))
    });
    let touched = touched.count();
    assert!(gone > 0 && touched > 0);
    model.remove(&pair, true);
    let expected = PartitionCounts {
        count: 40,
        unassigned: gone,
        endangered: touched,
        moving: 0,
        lost: gone,
    };
    assert_eq!(PartitionCounts::of(&model.table, &model.members), expected);
    let progress = Progress::of(&model.table, &model.target());
    assert_eq!(progress.copies, touched);
    for step in model.steps() {
        model.make(&step);
    }
    let counts = PartitionCounts::of(&model.table, &model.members);
    assert_eq!(counts.moving, model.copies_under_way().len());
    for assignment in &mut model.table.assignments {
        assignment.accept_loss();
    }
    assert_eq!(Progress::of(&model.table, &model.target()).places, gone);
    model.settle();
    model.assert_at_rest();
}

/// Something that happens to a cluster.
#[derive(Clone, Debug)]
enum Event {
    /// One of the steps is made.
    Step(prop::sample::Index),
    /// All steps of now are made.
    Steps,
    /// A copy is complete.
    Complete(prop::sample::Index),
    /// Several copies are complete.
    CompleteAll,
    Join(Site),
    Ready(prop::sample::Index),
    Drain(prop::sample::Index),
    /// A member dies, proven or not.
    Die(prop::sample::Index, bool),
}

fn events(site: impl Strategy<Value = Site>) -> impl Strategy<Value = Event> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        6 => at().prop_map(Event::Step),
        3 => Just(Event::Steps),
        6 => at().prop_map(Event::Complete),
        2 => Just(Event::CompleteAll),
        2 => site.prop_map(Event::Join),
        2 => at().prop_map(Event::Ready),
        1 => at().prop_map(Event::Drain),
        1 => (at(), any::<bool>()).prop_map(|(at, proven)| Event::Die(at, proven)),
    ]
}

fn pick<T: Clone>(at: &prop::sample::Index, of: &[T]) -> Option<T> {
    (!of.is_empty()).then(|| at.get(of).clone())
}

/// The next of a row of random numbers picks (Knuth's linear congruential generator).
fn draw<T: Clone>(random: &mut u64, of: &[T]) -> Option<T> {
    *random = random
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    let at = usize::try_from(*random >> 33).ok()?.checked_rem(of.len())?;
    of.get(at).cloned()
}

fn happen(model: &mut Model, event: &Event) {
    match event {
        Event::Step(at) => {
            if let Some(step) = pick(at, &model.steps()) {
                model.make(&step);
            }
        }
        Event::Steps => {
            for step in model.steps() {
                model.make(&step);
            }
        }
        Event::Complete(at) => {
            if let Some(admit) = pick(at, &model.copies_under_way()) {
                model.make(&admit);
            }
        }
        Event::CompleteAll => {
            for admit in model.copies_under_way() {
                model.make(&admit);
            }
        }
        Event::Join(site) => {
            if model.members.len() < 9 {
                model.join(*site, MemberPhase::Joining);
            }
        }
        Event::Ready(at) => {
            let joining = |id: &MemberId| model.members[id].phase == MemberPhase::Joining;
            let joining: Vec<MemberId> = model.ids().into_iter().filter(joining).collect();
            if let Some(id) = pick(at, &joining) {
                model.set_phase(id, MemberPhase::Ready);
            }
        }
        Event::Drain(at) => {
            if let Some(id) = pick(at, &model.ids()) {
                model.set_phase(id, MemberPhase::Draining);
            }
        }
        Event::Die(at, proven) => {
            if let Some(id) = pick(at, &model.ids()) {
                model.remove(&BTreeSet::from([id]), *proven);
            }
        }
    }
}

/// Everyone is ready in the end; then the steps must come to an end, and what can be repaired must be.
fn assert_settles(model: &mut Model) {
    for id in model.ids() {
        if model.members[&id].phase == MemberPhase::Joining {
            model.set_phase(id, MemberPhase::Ready);
        }
    }
    model.settle();
    model.assert_at_rest();
    if model.members.values().any(|member| member.takes_partitions()) {
        let counts = PartitionCounts::of(&model.table, &model.members);
        assert_eq!((counts.endangered, counts.moving), (0, 0));
        let out_of_reach = model
            .table
            .assignments
            .iter()
            .filter(|one| !one.last.is_empty())
            .count();
        assert_eq!(counts.unassigned, counts.lost + out_of_reach);
        let takes = |id: MemberId| model.members[&id].takes_partitions();
        let wished = 1 + usize::from(model.table.backups.get());
        for assignment in &model.table.assignments {
            assert!(assignment.primary.is_none_or(takes), "{assignment:?}");
            assert!(assignment.replicas().all(takes) || assignment.replicas().count() <= wished);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_steps_come_to_an_end(
        first in prop::collection::vec(mixed_sites(), 1..=6),
        backups in 0..=3_u8,
        events in prop::collection::vec(events(mixed_sites()), 0..120),
    ) {
        let mut model = Model::settled(23, backups, &first);
        for event in &events {
            happen(&mut model, event);
        }
        assert_settles(&mut model);
    }

    #[test]
    fn steps_in_any_order_come_to_an_end_without_many_more_copies_than_planned(
        first in prop::collection::vec(sites(), 1..=6),
        joining in prop::collection::vec(sites(), 0..=3),
        draining in prop::collection::vec(any::<prop::sample::Index>(), 0..=2),
        backups in 0..=3_u8,
        seed in any::<u64>(),
    ) {
        let mut model = Model::settled(13, backups, &first);
        for site in &joining {
            model.join(*site, MemberPhase::Ready);
        }
        for at in &draining {
            model.set_phase(*at.get(&model.ids()), MemberPhase::Draining);
        }
        let planned = Progress::of(&model.table, &model.target()).copies;
        let (mut random, mut steps, mut copies) = (seed, 0, 0);
        loop {
            // Copies complete in any order, among any steps.
            let all: Vec<Step> = model.copies_under_way().into_iter().chain(model.steps()).collect();
            let Some(step) = draw(&mut random, &all) else { break };
            model.make(&step);
            steps += 1;
            copies += usize::from(matches!(step.change, StepChange::Admit(_)));
            prop_assert!(steps < 1000, "no end after {} copies of {}", copies, planned);
        }
        // Fewer are no harm: a copy that is there by chance may serve another purpose than the plan had for it.
        prop_assert!(copies <= planned + planned / 4 + 2, "{} of {}", copies, planned);
        assert_settles(&mut model);
    }

    #[test]
    fn the_data_survives_one_death_at_any_step(
        first in prop::collection::vec(sites(), 2..=6),
        joining in prop::collection::vec(sites(), 0..=3),
        backups in 1..=3_u8,
        drains in prop::option::of(any::<prop::sample::Index>()),
        made in 0..60_usize,
        order in any::<prop::sample::Index>(),
        dies in any::<prop::sample::Index>(),
    ) {
        let mut model = Model::settled(23, backups, &first);
        for site in &joining {
            model.join(*site, MemberPhase::Ready);
        }
        if let Some(at) = drains {
            model.set_phase(*at.get(&model.ids()), MemberPhase::Draining);
        }
        for _ in 0..made {
            let all: Vec<Step> = model.copies_under_way().into_iter().chain(model.steps()).collect();
            let Some(step) = pick(&order, &all) else { break };
            model.make(&step);
        }
        let dead = *dies.get(&model.ids());
        model.remove(&BTreeSet::from([dead]), true);
        let counts = PartitionCounts::of(&model.table, &model.members);
        prop_assert_eq!((counts.lost, counts.unassigned), (0, 0));
        assert_settles(&mut model);
    }
}

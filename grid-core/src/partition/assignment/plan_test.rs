//! What every plan must hold to, for any members.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use crate::membership::{Member, MemberId, MemberPhase};

use super::model::{Model, Site, mixed_sites, sites};
use super::{Placement, Target};

fn takers(model: &Model) -> Vec<&Member> {
    let with_storage: Vec<&Member> = model
        .members
        .values()
        .filter(|member| member.takes_partitions())
        .collect();
    let weighty: Vec<&Member> = with_storage
        .iter()
        .copied()
        .filter(|member| member.info.weight > 0)
        .collect();
    if weighty.is_empty() { with_storage } else { weighty }
}

fn placements(target: &Target) -> impl Iterator<Item = &Placement> {
    target.placements.iter().flatten()
}

fn count(holders: impl Iterator<Item = MemberId>) -> BTreeMap<MemberId, usize> {
    let mut counts = BTreeMap::new();
    for holder in holders {
        *counts.entry(holder).or_default() += 1;
    }
    counts
}

/// The names of the domains that a member is in, the narrower with the wider.
fn domains(member: &Member) -> [String; 4] {
    let info = &member.info;
    let at = &info.location;
    let machine = if at.machine.is_empty() {
        format!("host {}", info.host)
    } else {
        format!("machine {}", at.machine)
    };
    let rack = format!("{}/{}", at.zone, at.rack);
    let machine = format!("{rack}/{machine}");
    let process = format!("{machine}/{}", info.process);
    [at.zone.clone(), rack, machine, process]
}

/// How badly spread a set is, domain by domain: backups in the primary's, then pairs of backups in one.
fn badness(primary: &Member, backups: &[&Member]) -> [usize; 8] {
    let mut badness = [0; 8];
    for level in 0..4 {
        let of = |member: &Member| domains(member)[level].clone();
        badness[2 * level] = backups.iter().filter(|backup| of(backup) == of(primary)).count();
        badness[2 * level + 1] = (0..backups.len())
            .flat_map(|at| (0..at).map(move |before| (at, before)))
            .filter(|(one, other)| of(backups[*one]) == of(backups[*other]))
            .count();
    }
    badness
}

/// All sets of `size` of these.
fn subsets<'a>(of: &[&'a Member], size: usize) -> Vec<Vec<&'a Member>> {
    match (size, of) {
        (0, _) => vec![vec![]],
        (_, []) => vec![],
        (_, [first, rest @ ..]) => {
            let mut sets = subsets(rest, size);
            for mut set in subsets(rest, size - 1) {
                set.push(first);
                sets.push(set);
            }
            sets
        }
    }
}

/// What the best sets for each primary are, by trying all.
struct Oracle {
    best: BTreeMap<MemberId, BTreeSet<BTreeSet<MemberId>>>,
}

impl Oracle {
    fn new(model: &Model) -> Self {
        let takers = takers(model);
        let size = usize::from(model.table.backups.get()).min(takers.len() - 1);
        let best = takers.iter().map(|primary| {
            let others: Vec<&Member> = takers
                .iter()
                .copied()
                .filter(|other| other.id != primary.id)
                .collect();
            let sets = subsets(&others, size);
            let least = sets.iter().map(|set| badness(primary, set)).min();
            let best = sets.iter().filter(|set| Some(badness(primary, set)) == least);
            (
                primary.id,
                best.map(|set| set.iter().map(|member| member.id).collect())
                    .collect(),
            )
        });
        Oracle { best: best.collect() }
    }

    fn permits(&self, primary: MemberId, set: &BTreeSet<MemberId>) -> bool {
        self.best[&primary].contains(set)
    }
}

fn set_of(placement: &Placement) -> BTreeSet<MemberId> {
    placement.backups.iter().copied().collect()
}

/// Primaries by share, backups spread best, and, with equal weights, balanced as far as the spread permits.
fn assert_good(model: &Model, target: &Target) {
    let takers = takers(model);
    let planned = placements(target).count();
    let weights: u64 = takers
        .iter()
        .map(|member| u64::from(member.info.weight.max(1)))
        .sum();
    let primaries = count(placements(target).map(|placement| placement.primary));
    for member in &takers {
        let part = planned as u64 * u64::from(member.info.weight.max(1));
        let has = primaries.get(&member.id).copied().unwrap_or(0) as u64;
        assert!(
            has >= part / weights && has <= part.div_ceil(weights),
            "{}: {has}",
            member.id
        );
    }
    let oracle = Oracle::new(model);
    for placement in placements(target) {
        assert!(
            oracle.permits(placement.primary, &set_of(placement)),
            "badly spread: {placement:?}"
        );
        let zone = |id| &model.members[&id].info.location.zone;
        let near = placement
            .backups
            .iter()
            .any(|backup| zone(*backup) == zone(placement.primary));
        let far_left = takers
            .iter()
            .any(|taker| zone(taker.id) != zone(placement.primary) && !placement.has_replica(taker.id));
        assert!(
            !(near && far_left),
            "a backup in the primary's zone without need: {placement:?}"
        );
    }
    if takers
        .iter()
        .all(|member| member.info.weight == takers[0].info.weight)
    {
        assert_backups_balanced(target, &oracle, &takers);
    }
}

/// No backup can go, over any number of others, from a member to one that has at least two fewer.
fn assert_backups_balanced(target: &Target, oracle: &Oracle, takers: &[&Member]) {
    let backups = count(placements(target).flat_map(|placement| placement.backups.iter().copied()));
    let load = |id: MemberId| backups.get(&id).copied().unwrap_or(0);
    let mut ways: BTreeMap<MemberId, BTreeSet<MemberId>> = BTreeMap::new();
    for placement in placements(target) {
        let set = set_of(placement);
        for leaves in &set {
            for enters in takers.iter().map(|member| member.id) {
                let mut other = set.clone();
                other.remove(leaves);
                if other.insert(enters) && oracle.permits(placement.primary, &other) {
                    ways.entry(*leaves).or_default().insert(enters);
                }
            }
        }
    }
    for from in takers.iter().map(|member| member.id) {
        let mut reached = BTreeSet::from([from]);
        let mut open = vec![from];
        while let Some(at) = open.pop() {
            assert!(
                load(from) <= load(at) + 1,
                "{from} has {}, {at} has {}",
                load(from),
                load(at)
            );
            for next in ways.get(&at).into_iter().flatten() {
                if reached.insert(*next) {
                    open.push(*next);
                }
            }
        }
    }
}

/// Primaries that go to another member although the one that has them could keep them.
fn moves(model: &Model, target: &Target) -> usize {
    let takers: BTreeSet<MemberId> = takers(model).iter().map(|member| member.id).collect();
    let pairs = model.table.assignments.iter().zip(&target.placements);
    pairs
        .filter(|(assignment, placement)| {
            assignment.primary.is_some_and(|primary| {
                takers.contains(&primary)
                    && placement
                        .as_ref()
                        .is_some_and(|placement| placement.primary != primary)
            })
        })
        .count()
}

/// What must move with equal weights: as many as the members are above the nearest fair shares.
fn ideal(model: &Model, target: &Target) -> usize {
    let held = model.primary_counts();
    let mut held: Vec<usize> = takers(model)
        .iter()
        .map(|member| held.get(&member.id).copied().unwrap_or(0))
        .collect();
    held.sort_unstable_by(|one, other| other.cmp(one));
    let planned = placements(target).count();
    let (share, larger) = (planned / held.len(), planned % held.len());
    let shares = (0..held.len()).map(|at| share + usize::from(at < larger));
    held.iter()
        .zip(shares)
        .map(|(held, share)| held.saturating_sub(share))
        .sum()
}

fn assert_moves_ideal(model: &Model, target: &Target) {
    assert!(moves(model, target) <= ideal(model, target));
    let planned = count(placements(target).map(|placement| placement.primary));
    for (member, held) in model.primary_counts() {
        let kept = model
            .table
            .assignments
            .iter()
            .zip(&target.placements)
            .filter(|(now, then)| {
                now.primary == Some(member)
                    && then.as_ref().is_some_and(|placement| placement.primary == member)
            });
        let then = planned.get(&member).copied().unwrap_or(0);
        assert_eq!(kept.count(), held.min(then), "{member} gives and takes");
    }
}

#[test]
fn a_fourth_member_gets_64_of_257_primaries_and_no_other_moves() {
    for backups in 0..=3 {
        let mut model = Model::settled(257, backups, &[Site::PLAIN; 3]);
        let fourth = model.join(Site::PLAIN, MemberPhase::Ready);
        let target = model.target();
        assert_eq!(moves(&model, &target), 64);
        assert_good(&model, &target);
        let before = model.primary_counts();
        let (copies, hand_overs) = model.settle();
        assert_eq!(model.primary_counts()[&fourth], 64);
        assert_eq!(hand_overs, 64, "{before:?}");
        let replicas = 257 * (1 + usize::from(backups));
        // With three backups the fourth member is the first to make the copies full: it gets one of each.
        let share = if backups < 3 { replicas.div_ceil(4) } else { 257 };
        assert!(copies <= share, "{copies} copies");
        model.assert_at_rest();
    }
}

#[test]
fn when_a_member_leaves_only_what_it_held_moves() {
    let mut model = Model::settled(257, 1, &[Site::PLAIN; 4]);
    let leaving = model.ids()[1];
    let held = model
        .table
        .assignments
        .iter()
        .filter(|assignment| assignment.has_replica(leaving))
        .count();
    let own = model.primary_counts()[&leaving];
    model.set_phase(leaving, MemberPhase::Draining);
    let target = model.target();
    assert_eq!(moves(&model, &target), 0);
    assert_good(&model, &target);
    let (copies, hand_overs) = model.settle();
    assert_eq!((copies, hand_overs), (held, own));
    assert!(
        model
            .table
            .assignments
            .iter()
            .all(|assignment| !assignment.has_replica(leaving))
    );
}

#[test]
fn after_a_death_only_the_copies_of_the_dead_are_made_again() {
    let mut model = Model::settled(257, 1, &[Site::PLAIN; 4]);
    let dead = model.ids()[2];
    let held = model
        .table
        .assignments
        .iter()
        .filter(|assignment| assignment.has_replica(dead))
        .count();
    model.remove(&BTreeSet::from([dead]), true);
    // Only the dead one's backups can take over, so that the rest may have to be evened out, without a copy.
    let target = model.target();
    assert_good(&model, &target);
    assert_moves_ideal(&model, &target);
    let even_out = moves(&model, &target);
    assert!(even_out <= 5, "{:?}", model.primary_counts());
    assert_eq!(model.settle(), (held, even_out));
}

#[test]
fn weights_are_followed() {
    let heavy = Site {
        weight: 300,
        ..Site::PLAIN
    };
    let model = Model::settled(256, 1, &[Site::PLAIN, Site::PLAIN, heavy, heavy]);
    let primaries: Vec<usize> = model.primary_counts().into_values().collect();
    assert_eq!(primaries, [32, 32, 96, 96]);
    let backups = count(
        model
            .table
            .assignments
            .iter()
            .flat_map(|assignment| assignment.backups.clone()),
    );
    assert_eq!(backups.into_values().collect::<Vec<_>>(), [32, 32, 96, 96]);
}

#[test]
fn members_without_storage_or_weight_and_draining_ones_get_nothing() {
    let client = Site {
        storage: false,
        ..Site::PLAIN
    };
    let idle = Site {
        weight: 0,
        ..Site::PLAIN
    };
    let mut model = Model::settled(17, 2, &[client, Site::PLAIN, idle, Site::PLAIN]);
    let ids = model.ids();
    let held = model.primary_counts().into_keys().collect::<Vec<_>>();
    assert_eq!(held, [ids[1], ids[3]]);
    model.set_phase(ids[1], MemberPhase::Draining);
    model.set_phase(ids[3], MemberPhase::Draining);
    model.settle();
    assert_eq!(
        model.primary_counts().into_keys().collect::<Vec<_>>(),
        [ids[2]],
        "better than nobody"
    );
    model.set_phase(ids[2], MemberPhase::Draining);
    assert!(placements(&model.target()).next().is_none());
    assert_eq!(model.steps(), []);
}

#[test]
fn a_lone_member_in_a_zone_has_the_backups_of_all_others() {
    let model = Model::settled(257, 1, &[0, 1, 1, 1].map(Site::in_zone));
    let ids = model.ids();
    let backups = count(
        model
            .table
            .assignments
            .iter()
            .flat_map(|assignment| assignment.backups.clone()),
    );
    let primaries = model.primary_counts();
    assert_eq!(backups[&ids[0]], 257 - primaries[&ids[0]]);
    let others: Vec<usize> = ids[1..].iter().map(|id| backups[id]).collect();
    assert!(
        others
            .iter()
            .max()
            .zip(others.iter().min())
            .is_some_and(|(max, min)| max - min <= 1)
    );
}

#[test]
fn what_is_out_of_reach_or_lost_is_left_alone() {
    let mut model = Model::settled(40, 0, &[Site::PLAIN; 4]);
    let ids = model.ids();
    model.remove(&BTreeSet::from([ids[0]]), false);
    model.remove(&BTreeSet::from([ids[1]]), true);
    assert_eq!(model.steps(), []);
    assert_eq!(placements(&model.target()).count(), 20);
    for assignment in &mut model.table.assignments {
        assignment.accept_loss();
    }
    model.settle();
    assert_eq!(model.primary_counts().into_values().collect::<Vec<_>>(), [20, 20]);
}

#[test]
fn an_empty_table_has_an_empty_plan() {
    let mut model = Model::settled(1, 1, &[Site::PLAIN]);
    model.table.assignments.clear();
    assert_eq!(model.target().placements, []);
    assert_eq!(model.steps(), []);
}

/// Members before, and what happens to them: `Some` joins, `None` takes out the one at the place.
fn changes(
    site: impl Strategy<Value = Site> + 'static,
) -> impl Strategy<Value = (Vec<Site>, Vec<(Option<Site>, prop::sample::Index)>)> {
    let site = site.boxed();
    let before = prop::collection::vec(site.clone(), 1..=9);
    let change = (prop::option::of(site), any::<prop::sample::Index>());
    (before, prop::collection::vec(change, 1..=6))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_members_get_a_good_plan(
        sites in prop::collection::vec(mixed_sites(), 1..=9),
        partitions in 1..=80_u16,
        backups in 0..=3_u8,
    ) {
        let model = Model::settled(partitions, backups, &sites);
        if takers(&model).is_empty() {
            prop_assert_eq!(placements(&model.target()).count(), 0);
        } else {
            prop_assert_eq!(placements(&model.target()).count(), usize::from(partitions));
            assert_good(&model, &model.target());
        }
        model.assert_at_rest();
    }

    #[test]
    fn from_any_members_to_any_other_moves_are_ideal(
        before in prop::collection::vec(sites(), 1..=9),
        after in prop::collection::vec(sites(), 1..=9),
        stay in 0..=9_usize,
        backups in 0..=3_u8,
    ) {
        let mut model = Model::settled(61, backups, &before);
        for id in model.ids().into_iter().skip(stay) {
            model.set_phase(id, MemberPhase::Draining);
        }
        for site in after.iter().skip(stay) {
            model.join(*site, MemberPhase::Ready);
        }
        let target = model.target();
        if !takers(&model).is_empty() {
            assert_good(&model, &target);
            assert_moves_ideal(&model, &target);
        }
        model.settle();
        model.assert_at_rest();
    }

    #[test]
    fn joins_leaves_and_deaths_in_a_row_move_the_ideal(
        (before, changes) in changes(sites()),
        backups in 0..=3_u8,
    ) {
        let mut model = Model::settled(61, backups, &before);
        for (join, at) in changes {
            match join {
                Some(site) => {
                    model.join(site, MemberPhase::Ready);
                }
                None if model.members.len() > 1 => {
                    let gone = *at.get(&model.ids());
                    model.remove(&BTreeSet::from([gone]), true);
                }
                None => {}
            }
            let target = model.target();
            assert_good(&model, &target);
            assert_moves_ideal(&model, &target);
            model.settle();
            model.assert_at_rest();
        }
    }

    #[test]
    fn joins_leaves_and_deaths_of_any_weight_settle(
        (before, changes) in changes(mixed_sites()),
        backups in 0..=3_u8,
    ) {
        let mut model = Model::settled(61, backups, &before);
        for (join, at) in changes {
            match join {
                Some(site) => {
                    model.join(site, MemberPhase::Ready);
                }
                None if model.members.len() > 1 => {
                    model.set_phase(*at.get(&model.ids()), MemberPhase::Draining);
                }
                None => {}
            }
            if !takers(&model).is_empty() {
                assert_good(&model, &model.target());
            }
            model.settle();
            model.assert_at_rest();
        }
    }
}

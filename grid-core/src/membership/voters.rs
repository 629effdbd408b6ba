//! Which members vote in the control group.

use std::collections::{BTreeMap, BTreeSet};

use super::{Member, MemberId};

/// How many voters there are at most.
pub const VOTERS_MAX: usize = 5;

/// Chooses the voters of the control group, from the members as they are and those that vote now.
///
/// Storage members that are not draining can vote: one of them when there is one, two of two, three of three or four, and
/// five of five or more. An even number of more than two would survive no more losses than the odd one below it.
///
/// The voters are spread over zones: no zone has two more than another zone that has a member left to give one. Among the
/// choices that are spread so, the one is taken that keeps most of the current voters, so a change of members changes no
/// more voters than it must. Every choice is the same for the same input, whatever its order.
///
/// ```
/// use std::collections::BTreeSet;
/// use grid_core::membership::voters;
///
/// assert_eq!(voters::choose(&[], &BTreeSet::new()), BTreeSet::new());
/// ```
#[must_use]
pub fn choose<'a>(
    members: impl IntoIterator<Item = &'a Member>,
    current: &BTreeSet<MemberId>,
) -> BTreeSet<MemberId> {
    let mut zones: BTreeMap<&str, BTreeSet<MemberId>> = BTreeMap::new();
    for member in members.into_iter().filter(|member| member.takes_partitions()) {
        zones
            .entry(&member.info.location.zone)
            .or_default()
            .insert(member.id);
    }
    let able = zones.values().map(BTreeSet::len).sum();
    let zones: Vec<Zone> = zones
        .into_values()
        .map(|members| Zone::new(&members, current))
        .collect();
    let shares = shares(&zones, voter_count(able));
    let chosen = zones
        .into_iter()
        .zip(shares)
        .flat_map(|(zone, share)| zone.best(share));
    chosen.collect()
}

/// How many of so many members vote.
#[must_use]
pub const fn voter_count(able: usize) -> usize {
    match able {
        0..=3 => able,
        4 => 3,
        _ => VOTERS_MAX,
    }
}

/// The members of a zone that can vote: those that do first, then the oldest.
struct Zone {
    members: Vec<MemberId>,
    voting: usize,
}

impl Zone {
    fn new(members: &BTreeSet<MemberId>, current: &BTreeSet<MemberId>) -> Self {
        let (mut ordered, rest): (Vec<_>, Vec<_>) =
            members.iter().copied().partition(|id| current.contains(id));
        let voting = ordered.len();
        ordered.extend(rest);
        let members = ordered;
        Zone { members, voting }
    }

    fn best(self, share: usize) -> impl Iterator<Item = MemberId> {
        self.members.into_iter().take(share)
    }
}

/// How many voters each zone gives.
///
/// They are dealt out in rounds, one to each zone that has a member left. When a round cannot serve all, it serves first the
/// zones that have a current voter left to keep, then those with the oldest members. That is as even as it gets, and among
/// the even ones it keeps the most.
fn shares(zones: &[Zone], count: usize) -> Vec<usize> {
    let mut shares = vec![0; zones.len()];
    let mut left = count;
    for round in 0..count {
        let mut open: Vec<usize> = (0..zones.len())
            .filter(|zone| zones[*zone].members.len() > round)
            .collect();
        open.sort_by_key(|zone| (zones[*zone].voting <= round, zones[*zone].members[round]));
        for zone in open.into_iter().take(left) {
            shares[zone] += 1;
            left -= 1;
        }
        if left == 0 {
            break;
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{HostId, Location, MemberInfo, MemberPhase, ProcessId};
    use super::*;

    fn member(id: u64, zone: &str, storage: bool, phase: MemberPhase) -> Member {
        Member {
            id: MemberId::new(id),
            info: MemberInfo {
                process: ProcessId::new(id.into()),
                host: HostId::new(1),
                name: format!("member-{id}"),
                address: "127.0.0.1:7574".parse().unwrap(),
                grpc: None,
                http: None,
                location: Location {
                    zone: zone.to_owned(),
                    ..Location::default()
                },
                role: String::new(),
                storage,
                weight: 100,
                version: String::new(),
            },
            phase,
        }
    }

    fn in_zones(zones: &[(u64, &str)]) -> Vec<Member> {
        let ready = |(id, zone): &(u64, &str)| member(*id, zone, true, MemberPhase::Ready);
        zones.iter().map(ready).collect()
    }

    fn ids<const N: usize>(ids: [u64; N]) -> BTreeSet<MemberId> {
        ids.into_iter().map(MemberId::new).collect()
    }

    #[test]
    fn the_count_follows_the_members() {
        let members = in_zones(&[(1, ""), (2, ""), (3, ""), (4, ""), (5, ""), (6, ""), (7, "")]);
        for (able, voters) in [(0, 0), (1, 1), (2, 2), (3, 3), (4, 3), (5, 5), (6, 5), (7, 5)] {
            let chosen = choose(&members[..able], &BTreeSet::new());
            assert_eq!(chosen.len(), voters, "of {able}");
        }
    }

    #[test]
    fn only_storage_members_that_stay_vote() {
        let members = [
            member(1, "", true, MemberPhase::Draining),
            member(2, "", false, MemberPhase::Ready),
            member(3, "", true, MemberPhase::Joining),
        ];
        assert_eq!(choose(&members, &ids([1, 2])), ids([3]));
    }

    #[test]
    fn only_those_who_left_are_replaced() {
        let members = in_zones(&[(2, ""), (4, ""), (5, ""), (6, "")]);
        assert_eq!(choose(&members, &ids([3, 4, 6])), ids([2, 4, 6]));
        assert_eq!(choose(&members, &ids([4, 5, 6])), ids([4, 5, 6]));
    }

    #[test]
    fn a_better_spread_is_worth_one_voter() {
        let members = in_zones(&[(1, "a"), (2, "a"), (3, "a"), (4, "b")]);
        assert_eq!(choose(&members, &ids([1, 2, 3])), ids([1, 2, 4]));
        // Two of one and one of the other are as good as the other way round.
        let members = in_zones(&[(1, "a"), (2, "a"), (3, "b"), (4, "b")]);
        assert_eq!(choose(&members, &ids([2, 3, 4])), ids([2, 3, 4]));
        assert_eq!(choose(&members, &ids([1, 2, 4])), ids([1, 2, 4]));
    }

    fn counts(members: &[Member], chosen: &BTreeSet<MemberId>) -> Vec<(usize, usize)> {
        let mut zones: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for member in members.iter().filter(|member| member.takes_partitions()) {
            let (voters, able) = zones.entry(&member.info.location.zone).or_default();
            *voters += usize::from(chosen.contains(&member.id));
            *able += 1;
        }
        zones.into_values().collect()
    }

    /// No zone has two voters more than one that has a member left.
    fn is_spread(members: &[Member], chosen: &BTreeSet<MemberId>) -> bool {
        let zones = counts(members, chosen);
        let needy = zones
            .iter()
            .filter(|(voters, able)| voters < able)
            .map(|(voters, _)| *voters)
            .min();
        let most = zones.iter().map(|(voters, _)| *voters).max().unwrap_or(0);
        needy.is_none_or(|needy| most <= needy + 1)
    }

    /// Every way to choose so many.
    fn choices(from: &[MemberId], count: usize) -> Vec<BTreeSet<MemberId>> {
        match from.split_first() {
            _ if count == 0 => vec![BTreeSet::new()],
            None => Vec::new(),
            Some((first, rest)) => {
                let mut with = choices(rest, count - 1);
                for choice in &mut with {
                    choice.insert(*first);
                }
                with.extend(choices(rest, count));
                with
            }
        }
    }

    fn members() -> impl Strategy<Value = Vec<Member>> {
        let one = (0..4_usize, prop::bool::weighted(0.85), prop::bool::weighted(0.15));
        prop::collection::vec(one, 0..11).prop_map(|members| {
            let member = |(id, (zone, storage, drains)): (u64, (usize, bool, bool))| {
                let phase = if drains {
                    MemberPhase::Draining
                } else {
                    MemberPhase::Ready
                };
                member(id, ["", "a", "b", "c"][zone], storage, phase)
            };
            (1..).zip(members).map(member).collect()
        })
    }

    proptest! {
        #[test]
        fn the_choice_is_spread_and_keeps_as_many_as_any_that_is(
            members in members(),
            current in prop::collection::btree_set(1..14_u64, 0..6),
        ) {
            let current: BTreeSet<_> = current.into_iter().map(MemberId::new).collect();
            let chosen = choose(&members, &current);
            let able: Vec<_> = members.iter().filter(|m| m.takes_partitions()).map(|m| m.id).collect();
            prop_assert_eq!(chosen.len(), voter_count(able.len()));
            prop_assert!(chosen.iter().all(|id| able.contains(id)));
            prop_assert!(is_spread(&members, &chosen));

            let kept = |choice: &BTreeSet<MemberId>| choice.intersection(&current).count();
            let spread = choices(&able, chosen.len()).into_iter().filter(|choice| is_spread(&members, choice));
            let most = spread.map(|choice| kept(&choice)).max().unwrap_or(0);
            prop_assert_eq!(kept(&chosen), most);

            let mut turned = members.clone();
            turned.reverse();
            prop_assert_eq!(&choose(&turned, &current), &chosen);
            // What was chosen stays.
            prop_assert_eq!(&choose(&members, &chosen), &chosen);
        }

        #[test]
        fn one_member_that_leaves_or_joins_changes_little(members in members(), which in 0..11_usize) {
            prop_assume!(!members.is_empty());
            let which = which % members.len();
            let mut fewer = members.clone();
            let gone = fewer.remove(which);
            let (all, rest) = (choose(&members, &BTreeSet::new()), choose(&fewer, &BTreeSet::new()));
            let after = choose(&fewer, &all);
            // Who left, one who goes with it to keep the number odd, and no more than one for the spread.
            let lost = all.difference(&after).filter(|id| **id != gone.id).count();
            let smaller = all.len().saturating_sub(after.len() + usize::from(all.contains(&gone.id)));
            prop_assert!(lost <= smaller + 1, "{lost} of {all:?} to {after:?}");
            let joined = choose(&members, &rest);
            prop_assert!(rest.difference(&joined).count() <= 1, "{rest:?} to {joined:?}");
        }
    }
}

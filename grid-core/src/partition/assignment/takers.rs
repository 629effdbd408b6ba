//! The members that partitions may be given to.

use std::collections::BTreeMap;

use crate::membership::{HostId, Member, MemberId, MemberInfo, MemberPhase, ProcessId};

/// How many kinds of domains of failure there are.
pub(super) const LEVELS: usize = 4;

/// A machine: by the name that the operator gave it, otherwise by its running kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Machine<'a> {
    Named(&'a str),
    Host(HostId),
}

/// The domains of failure that a member is in. Narrower ones are told apart by the wider ones too, so that rack "1" of
/// one zone is another one than that of the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Domains<'a> {
    zone: &'a str,
    rack: &'a str,
    machine: Machine<'a>,
    process: ProcessId,
}

impl<'a> Domains<'a> {
    pub(super) fn of(info: &'a MemberInfo) -> Self {
        let machine = match info.location.machine.as_str() {
            "" => Machine::Host(info.host),
            name => Machine::Named(name),
        };
        Domains {
            zone: &info.location.zone,
            rack: &info.location.rack,
            machine,
            process: info.process,
        }
    }

    /// How many domains, from the zone on, the two have in common: 0 for none, 4 for one process.
    pub(super) fn shared_with(&self, other: &Self) -> usize {
        let same = [
            self.zone == other.zone,
            self.rack == other.rack,
            self.machine == other.machine,
            self.process == other.process,
        ];
        same.iter().take_while(|same| **same).count()
    }
}

/// The members that partitions may be given to, by their number from 0 in the order of their ids.
#[derive(Debug)]
pub(super) struct Takers<'a> {
    members: Vec<&'a Member>,
    weights: Vec<u32>,
    domains: Vec<Domains<'a>>,
}

impl<'a> Takers<'a> {
    /// Members with storage that are not draining. Those with weight 0 get nothing while there are others.
    pub(super) fn of(members: &'a BTreeMap<MemberId, Member>) -> Self {
        let mut takers: Vec<&Member> = members
            .values()
            .filter(|member| member.takes_partitions())
            .collect();
        if takers.iter().any(|member| member.info.weight > 0) {
            takers.retain(|member| member.info.weight > 0);
        }
        Takers {
            weights: takers.iter().map(|member| member.info.weight.max(1)).collect(),
            domains: takers.iter().map(|member| Domains::of(&member.info)).collect(),
            members: takers,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(super) fn id(&self, taker: usize) -> MemberId {
        self.members[taker].id
    }

    /// The number of a member, if it is a taker.
    pub(super) fn number_of(&self, member: MemberId) -> Option<usize> {
        self.members.binary_search_by_key(&member, |taker| taker.id).ok()
    }

    pub(super) fn is_taker(&self, member: MemberId) -> bool {
        self.number_of(member).is_some()
    }

    /// Whether the member is a taker that may be primary by now.
    pub(super) fn is_ready(&self, member: MemberId) -> bool {
        self.number_of(member)
            .is_some_and(|taker| self.members[taker].phase == MemberPhase::Ready)
    }

    /// Those that may be primary by now, in order.
    pub(super) fn ready(&self) -> impl Iterator<Item = MemberId> + '_ {
        self.members
            .iter()
            .filter(|member| member.phase == MemberPhase::Ready)
            .map(|member| member.id)
    }

    pub(super) fn weights(&self) -> &[u32] {
        &self.weights
    }

    pub(super) fn domains(&self) -> &[Domains<'a>] {
        &self.domains
    }
}

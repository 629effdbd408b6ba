//! Members that watch each other, a leader that votes members out, and leases; over a network with faults.
//!
//! The control group is modelled by its rules: a leader is elected by a majority that can reach each other and then
//! knows the new term; a leader's request counts when a majority of the voters of its term answered it.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use grid_core::membership::detector::{
    Detector, DetectorInput, DetectorOutput, DetectorSettings, PeerIdentity,
};
use grid_core::membership::judge::{Judge, JudgeInput, JudgeOutput, JudgeSettings};
use grid_core::membership::lease::{Lease, LeaseBook, LeaseInput, LeaseOutput, LeaseSettings, LeaseSource};
use grid_core::membership::{Evidence, HostId, LinkId, MemberId, Moment, ProcessId};

use crate::network::{Arrival, Life, Network, Slot, Way};
use crate::random::{Random, with_seeds};

const TICK_US: u64 = 20_000;
const SECOND: u64 = 1_000_000;
/// A member that had no trouble for so long is healthy.
const HEALTHY_US: u64 = 1_500_000;

#[derive(Clone, Debug)]
enum Message {
    Ping,
    Report {
        about: MemberId,
        evidence: Evidence,
    },
    LeaseAsk {
        term: u64,
        nonce: u64,
    },
    LeaseGrant {
        term: u64,
        nonce: u64,
    },
    /// The leader of a term asks a voter: to confirm it, or to agree to a removal.
    Ask {
        term: u64,
        round: u64,
    },
    Agree {
        term: u64,
        round: u64,
    },
}

enum Purpose {
    Lease {
        to: Life,
        link: u64,
        nonce: u64,
    },
    Remove {
        members: BTreeSet<MemberId>,
        proven: bool,
    },
}

struct Round {
    began: Moment,
    agreed: BTreeSet<MemberId>,
    purpose: Purpose,
}

struct Leading {
    term: u64,
    judge: Judge,
    book: LeaseBook,
    rounds: BTreeMap<u64, Round>,
    confirmed_at: Option<Moment>,
}

struct Node {
    member: MemberId,
    slot: usize,
    /// Local microseconds for a thousand real ones.
    rate: u64,
    detector: Detector,
    lease: Lease,
    /// The term that it voted in or heard of.
    term: u64,
    leading: Option<Leading>,
    /// Its open connections: with whom, and whether it dialed.
    links: BTreeMap<u64, (Life, bool)>,
    dialing: BTreeSet<usize>,
    /// What came while it was paused.
    inbox: Vec<Arrival<Message>>,
}

/// A member that was voted out.
struct Removed {
    life: Life,
    proven: bool,
    at_us: u64,
    taken: bool,
}

struct Simulation {
    random: Random,
    network: Network<Message>,
    nodes: BTreeMap<Life, Node>,
    /// What the control group agreed on.
    members: BTreeMap<MemberId, Life>,
    removed: BTreeMap<MemberId, Removed>,
    term: u64,
    leader: Option<Life>,
    leaderless_since: u64,
    elect_at: u64,
    lives: u64,
    rounds: u64,
    trouble_us: BTreeMap<Life, u64>,
    drift: bool,
}

impl Simulation {
    fn new(seed: u64, count: usize, hosts: u64, drift: bool) -> Self {
        let slot = |at: usize| Slot {
            host: u64::try_from(at).unwrap() % hosts,
            ..Slot::default()
        };
        let mut simulation = Simulation {
            random: Random::new(seed),
            network: Network::new((0..count).map(slot).collect()),
            nodes: BTreeMap::new(),
            members: BTreeMap::new(),
            removed: BTreeMap::new(),
            term: 0,
            leader: None,
            leaderless_since: 0,
            elect_at: 0,
            lives: 0,
            rounds: 0,
            trouble_us: BTreeMap::new(),
            drift,
        };
        for at in 0..count {
            simulation.join(at);
        }
        simulation
    }

    /// A new process in a slot, let in by the control group.
    fn join(&mut self, slot: usize) {
        self.lives += 1;
        let (life, member) = (self.lives, MemberId::new(self.lives));
        let place = &mut self.network.slots[slot];
        *place = Slot {
            host: place.host,
            life,
            runs: true,
            ..Slot::default()
        };
        let host = place.host;
        let rate = if self.drift {
            self.random.range(900, 1_101)
        } else {
            1_000
        };
        let process = ProcessId::new(u128::from(life));
        let me = PeerIdentity {
            member,
            process,
            host: HostId::new(u128::from(host)),
        };
        let now = local(self.network.now_us, rate);
        let node = Node {
            member,
            slot,
            rate,
            detector: Detector::new(DetectorSettings::default(), me, now),
            lease: Lease::new(LeaseSettings::default()),
            term: 0,
            leading: None,
            links: BTreeMap::new(),
            dialing: BTreeSet::new(),
            inbox: Vec::new(),
        };
        self.nodes.insert(life, node);
        self.members.insert(member, life);
        self.trouble_us.insert(life, self.network.now_us);
    }

    fn slot(&self, life: Life) -> Option<Slot> {
        let node = self.nodes.get(&life)?;
        Some(self.network.slots[node.slot]).filter(|slot| slot.life == life)
    }

    /// Whether a process is there and not paused.
    fn acts(&self, life: Life) -> bool {
        self.slot(life).is_some_and(|slot| slot.runs && !slot.paused)
    }

    fn now(&self, life: Life) -> Moment {
        local(self.network.now_us, self.nodes[&life].rate)
    }

    fn voters(&self) -> BTreeSet<MemberId> {
        let count = match self.members.len() {
            0..=2 => self.members.len(),
            3 | 4 => 3,
            _ => 5,
        };
        self.members.keys().copied().take(count).collect()
    }

    fn reach(&self, one: Life, other: Life) -> bool {
        let (Some(first), Some(second)) = (self.nodes.get(&one), self.nodes.get(&other)) else {
            return false;
        };
        one == other
            || (self.acts(one) && self.acts(other) && self.network.connected(first.slot, second.slot))
    }

    /// The voters that a process could be elected by.
    fn reachable_voters(&self, life: Life) -> Vec<Life> {
        let voters = self.voters();
        let lives = voters.iter().map(|voter| self.members[voter]);
        lives
            .filter(|voter| self.acts(*voter) && self.reach(life, *voter))
            .collect()
    }

    fn elect(&mut self) {
        let now = self.network.now_us;
        let majority = self.voters().len() / 2 + 1;
        let leads = |life: &Life| self.acts(*life) && self.reachable_voters(*life).len() >= majority;
        let kept = self.leader.filter(|leader| {
            leads(leader)
                && self.nodes[leader]
                    .leading
                    .as_ref()
                    .is_some_and(|leading| leading.term == self.term)
        });
        if kept.is_some() {
            self.leaderless_since = now;
            self.elect_at = now + self.random.range(100_000, 300_000);
            return;
        }
        if now < self.elect_at {
            return;
        }
        let voters: Vec<Life> = self
            .voters()
            .iter()
            .map(|voter| self.members[voter])
            .filter(leads)
            .collect();
        let Some(elected) = self.random.pick(&voters) else {
            return;
        };
        self.term += 1;
        for voter in self.reachable_voters(elected) {
            self.learn_term(voter, self.term);
        }
        let now = self.now(elected);
        let member = self.nodes[&elected].member;
        let leading = Leading {
            term: self.term,
            judge: Judge::new(JudgeSettings::default(), member, now),
            book: LeaseBook::new(LeaseSettings::default(), now),
            rounds: BTreeMap::new(),
            confirmed_at: None,
        };
        self.nodes.get_mut(&elected).unwrap().leading = Some(leading);
        self.leader = Some(elected);
    }

    fn learn_term(&mut self, life: Life, term: u64) {
        let now = self.now(life);
        let node = self.nodes.get_mut(&life).unwrap();
        if term > node.term {
            node.term = term;
            if let Some(leading) = node.leading.take() {
                node.lease.step(now, LeaseInput::Ended(own_link(leading.term)));
            }
        }
    }

    fn send(&mut self, from: Life, to: Life, message: &Message) {
        let node = &self.nodes[&from];
        let link = node
            .links
            .iter()
            .find(|(_, (with, dialed))| *with == to && *dialed);
        if let Some((link, _)) = link {
            self.network.send(&mut self.random, *link, from, message.clone());
        }
    }

    fn arrive(&mut self, life: Life, arrival: Arrival<Message>) {
        if !self.slot(life).is_some_and(|slot| slot.runs) {
            return;
        }
        if !self.acts(life) {
            return self.nodes.get_mut(&life).unwrap().inbox.push(arrival);
        }
        match arrival {
            Arrival::Message { link, from, message } => {
                self.detect(
                    life,
                    DetectorInput::Heard {
                        member: MemberId::new(from),
                    },
                );
                self.message(life, from, link, message);
            }
            Arrival::LinkOpened { link, with, dialed } => {
                self.nodes
                    .get_mut(&life)
                    .unwrap()
                    .links
                    .insert(link, (with, dialed));
                self.detect(
                    life,
                    DetectorInput::LinkOpened {
                        member: MemberId::new(with),
                        link: LinkId::new(link),
                    },
                );
            }
            Arrival::LinkEnded { link, with, end } => {
                let now = self.now(life);
                let node = self.nodes.get_mut(&life).unwrap();
                node.links.remove(&link);
                node.lease.step(now, LeaseInput::Ended(LinkId::new(link)));
                let link = LinkId::new(link);
                self.detect(
                    life,
                    DetectorInput::LinkEnded {
                        member: MemberId::new(with),
                        link,
                        end,
                    },
                );
            }
            Arrival::DialRefused { to, started_us } => {
                let started = local(started_us, self.nodes[&life].rate);
                self.dialed(life, to, |member| DetectorInput::DialRefused { member, started });
            }
            Arrival::DialFailed { to } => {
                self.dialed(life, to, |member| DetectorInput::DialFailed { member })
            }
            Arrival::DialAnswered { to, by } => self.dialed(life, to, |member| DetectorInput::DialAnswered {
                member,
                process: ProcessId::new(u128::from(by)),
                answered_as: Some(MemberId::new(by)),
            }),
        }
    }

    /// What came of a connect, told about every member that is known at that address.
    fn dialed(&mut self, life: Life, to: usize, input: impl Fn(MemberId) -> DetectorInput<'static>) {
        self.nodes.get_mut(&life).unwrap().dialing.remove(&to);
        let there: Vec<MemberId> = self
            .members
            .iter()
            .filter(|(_, other)| self.nodes[other].slot == to)
            .map(|(member, _)| *member)
            .collect();
        for member in there {
            self.detect(life, input(member));
        }
    }

    fn detect(&mut self, life: Life, input: DetectorInput<'_>) {
        let now = self.now(life);
        let outputs = self.nodes.get_mut(&life).unwrap().detector.step(now, input);
        for output in outputs {
            match output {
                DetectorOutput::Ping { to } => {
                    let node = &self.nodes[&life];
                    let links: Vec<u64> = node
                        .links
                        .iter()
                        .filter(|(_, (with, _))| *with == to.get())
                        .map(|(link, _)| *link)
                        .collect();
                    for link in links {
                        self.network.send(&mut self.random, link, life, Message::Ping);
                    }
                }
                DetectorOutput::Redial { to } => self.dial(life, self.nodes[&to.get()].slot),
                DetectorOutput::Report { about, evidence } => self.tell_leader(life, about, evidence),
            }
        }
    }

    fn dial(&mut self, life: Life, to: usize) {
        if self.nodes.get_mut(&life).unwrap().dialing.insert(to) {
            self.network.dial(&mut self.random, life, to);
        }
    }

    fn tell_leader(&mut self, life: Life, about: MemberId, evidence: Evidence) {
        if self.nodes[&life].leading.is_some() {
            let from = self.nodes[&life].member;
            self.judge(
                life,
                JudgeInput::Report {
                    from,
                    about,
                    evidence,
                },
            );
        } else if let Some(leader) = self.leader {
            self.send(life, leader, &Message::Report { about, evidence });
        }
    }

    fn message(&mut self, life: Life, from: Life, link: u64, message: Message) {
        let member = MemberId::new(from);
        match message {
            Message::Ping => {}
            Message::Report { about, evidence } => {
                self.judge(
                    life,
                    JudgeInput::Report {
                        from: member,
                        about,
                        evidence,
                    },
                );
            }
            Message::LeaseAsk { term, nonce } => {
                let leads = self.nodes[&life]
                    .leading
                    .as_ref()
                    .is_some_and(|leading| leading.term == term);
                if leads && self.members.get(&member) == Some(&from) {
                    self.judge(life, JudgeInput::LeaseAsked { from: member });
                    self.ask_voters(
                        life,
                        Purpose::Lease {
                            to: from,
                            link,
                            nonce,
                        },
                    );
                }
            }
            Message::LeaseGrant { term, nonce } => {
                let now = self.now(life);
                let source = LeaseSource {
                    leader: leader_of(term, from),
                    link: LinkId::new(link),
                };
                self.nodes
                    .get_mut(&life)
                    .unwrap()
                    .lease
                    .step(now, LeaseInput::Granted { source, nonce });
            }
            Message::Ask { term, round } => {
                if term >= self.nodes[&life].term {
                    self.learn_term(life, term);
                }
                let term = self.nodes[&life].term;
                self.network
                    .send(&mut self.random, link, life, Message::Agree { term, round });
            }
            Message::Agree { term, round } => self.agreed(life, member, term, round),
        }
    }

    fn ask_voters(&mut self, leader: Life, purpose: Purpose) {
        self.rounds += 1;
        let (round, began) = (self.rounds, self.now(leader));
        let node = self.nodes.get_mut(&leader).unwrap();
        let (own, Some(leading)) = (node.member, node.leading.as_mut()) else {
            return;
        };
        leading.rounds.insert(
            round,
            Round {
                began,
                agreed: BTreeSet::new(),
                purpose,
            },
        );
        while leading.rounds.len() > 200 {
            leading.rounds.pop_first();
        }
        let term = leading.term;
        for voter in self.voters() {
            if voter == own {
                self.agreed(leader, own, term, round);
            } else {
                self.send(leader, self.members[&voter], &Message::Ask { term, round });
            }
        }
    }

    fn agreed(&mut self, leader: Life, voter: MemberId, term: u64, round: u64) {
        let voters = self.voters();
        let now = self.now(leader);
        let Some(leading) = self.nodes.get_mut(&leader).unwrap().leading.as_mut() else {
            return;
        };
        if term != leading.term {
            return self.learn_term(leader, term);
        }
        let Some(open) = leading.rounds.get_mut(&round) else {
            return;
        };
        open.agreed.insert(voter);
        if open.agreed.intersection(&voters).count() * 2 <= voters.len() {
            return;
        }
        leading.confirmed_at = leading.confirmed_at.max(Some(open.began));
        let Some(Round { purpose, .. }) = leading.rounds.remove(&round) else {
            return;
        };
        match purpose {
            Purpose::Lease { to, link, nonce } => {
                let member = MemberId::new(to);
                if !self.members.contains_key(&member) {
                    return;
                }
                leading.book.granted(member, now);
                let (term, own) = (leading.term, to == leader);
                if own {
                    let source = LeaseSource {
                        leader: leader_of(term, leader),
                        link: own_link(term),
                    };
                    self.nodes
                        .get_mut(&leader)
                        .unwrap()
                        .lease
                        .step(now, LeaseInput::Granted { source, nonce });
                } else {
                    self.network.send(
                        &mut self.random,
                        link,
                        leader,
                        Message::LeaseGrant { term, nonce },
                    );
                }
            }
            Purpose::Remove { members, proven } => self.remove(&members, proven),
        }
    }

    fn judge(&mut self, life: Life, input: JudgeInput<'_>) {
        let now = self.now(life);
        let Some(leading) = self.nodes.get_mut(&life).unwrap().leading.as_mut() else {
            return;
        };
        for output in leading.judge.step(now, input) {
            match output {
                JudgeOutput::Remove { members, proven } => {
                    self.ask_voters(life, Purpose::Remove { members, proven })
                }
                JudgeOutput::StepDown { .. } => {
                    let term = self.nodes[&life].term.max(self.term) + 1;
                    self.learn_term(life, term);
                    self.term = term;
                }
            }
        }
    }

    fn remove(&mut self, members: &BTreeSet<MemberId>, proven: bool) {
        let now = self.network.now_us;
        for member in members {
            let Some(life) = self.members.remove(member) else {
                continue;
            };
            let runs = self.slot(life).is_some_and(|slot| slot.runs);
            assert!(!(proven && runs), "{member} was proven dead and runs");
            let troubled = self.trouble_us.get(&life).copied().unwrap_or_default();
            assert!(
                !runs || now - troubled < HEALTHY_US,
                "{member} was healthy and voted out at {now} us"
            );
            self.removed.insert(
                *member,
                Removed {
                    life,
                    proven,
                    at_us: now,
                    taken: false,
                },
            );
        }
    }

    fn tick(&mut self, life: Life) {
        if !self.acts(life) {
            return;
        }
        for arrival in core::mem::take(&mut self.nodes.get_mut(&life).unwrap().inbox) {
            self.arrive(life, arrival);
        }
        let is_member = self.members.contains_key(&self.nodes[&life].member);
        if is_member {
            let identity = |(member, other): (&MemberId, &Life)| PeerIdentity {
                member: *member,
                process: ProcessId::new(u128::from(*other)),
                host: HostId::new(u128::from(self.network.slots[self.nodes[other].slot].host)),
            };
            let members: Vec<_> = self.members.iter().map(identity).collect();
            self.detect(life, DetectorInput::Members(&members));
        }
        self.detect(life, DetectorInput::Tick);
        self.keep_connections(life);
        self.follow(life);
        self.lead(life);
    }

    /// Dials those members to which no connection of its own is open.
    fn keep_connections(&mut self, life: Life) {
        let node = &self.nodes[&life];
        let open = |other: &Life| node.links.values().any(|(with, dialed)| with == other && *dialed);
        let missing: Vec<usize> = self
            .members
            .values()
            .filter(|other| **other != life && !open(other))
            .map(|other| self.nodes[other].slot)
            .collect();
        for slot in missing {
            if self.random.chance(10) {
                self.dial(life, slot);
            }
        }
    }

    /// Asks the leader for a lease, where it is known and reached.
    fn follow(&mut self, life: Life) {
        let now = self.now(life);
        if let Some(leader) = self.leader.filter(|leader| self.reach(life, *leader)) {
            let term = self.nodes[&leader].leading.as_ref().map(|leading| leading.term);
            let mut links = self.nodes[&life].links.iter();
            let link = if leader == life {
                term.map(own_link)
            } else {
                links
                    .find(|(_, (with, dialed))| *with == leader && *dialed)
                    .map(|(link, _)| LinkId::new(*link))
            };
            if let (Some(term), Some(link)) = (term, link) {
                self.learn_term(life, term);
                let source = LeaseSource {
                    leader: leader_of(term, leader),
                    link,
                };
                self.lease(life, now, LeaseInput::Source(source));
            }
        }
        self.lease(life, now, LeaseInput::Tick);
    }

    fn lease(&mut self, life: Life, now: Moment, input: LeaseInput) {
        let output = self.nodes.get_mut(&life).unwrap().lease.step(now, input);
        let Some(LeaseOutput::Ask { source, nonce }) = output else {
            return;
        };
        let (term, leader) = (source.leader.get() >> 32, source.leader.get() & 0xffff_ffff);
        if leader == life {
            self.judge(
                life,
                JudgeInput::LeaseAsked {
                    from: MemberId::new(life),
                },
            );
            self.ask_voters(
                life,
                Purpose::Lease {
                    to: life,
                    link: 0,
                    nonce,
                },
            );
        } else {
            self.network.send(
                &mut self.random,
                source.link.get(),
                life,
                Message::LeaseAsk { term, nonce },
            );
        }
    }

    fn lead(&mut self, life: Life) {
        let now = self.now(life);
        let voters = self.voters();
        let members: BTreeSet<_> = self.members.keys().copied().collect();
        let Some(leading) = &self.nodes[&life].leading else {
            return;
        };
        let confirmed = leading
            .confirmed_at
            .is_some_and(|at| now.since(at) < Duration::from_millis(700));
        let term = leading.term;
        let linked = voters.iter().filter(|voter| {
            **voter == self.nodes[&life].member || self.nodes[&life].detector.links(**voter) > 0
        });
        if linked.count() * 2 <= voters.len() {
            self.nodes
                .get_mut(&life)
                .unwrap()
                .lease
                .step(now, LeaseInput::Ended(own_link(term)));
        }
        self.judge(
            life,
            JudgeInput::Members {
                members: &members,
                voters: &voters,
            },
        );
        self.judge(life, JudgeInput::Confirmed(confirmed));
        self.judge(life, JudgeInput::Tick);
        if self.leader != Some(life) {
            return;
        }
        let Some(leading) = self.nodes[&life]
            .leading
            .as_ref()
            .filter(|leading| leading.term == self.term)
        else {
            return;
        };
        for (member, removed) in &mut self.removed {
            removed.taken |= removed.proven || leading.book.safe_to_take(*member, now);
        }
    }

    /// What must hold at any time.
    fn check(&self) {
        for (member, removed) in self.removed.iter().filter(|(_, removed)| removed.taken) {
            if self.acts(removed.life) {
                let serves = self.nodes[&removed.life].lease.serves(self.now(removed.life));
                assert!(
                    !serves,
                    "{member} serves what was taken from it, at {} us",
                    self.network.now_us
                );
            }
        }
    }

    fn note_trouble(&mut self) {
        let now = self.network.now_us;
        let slots = self.network.slots.clone();
        for (at, slot) in slots.iter().enumerate().filter(|(_, slot)| slot.runs) {
            let others = || {
                slots
                    .iter()
                    .enumerate()
                    .filter(|(other, there)| *other != at && there.runs)
            };
            let cut = others().any(|(other, _)| !self.network.connected(at, other));
            if cut || slot.paused {
                self.trouble_us.insert(slot.life, now);
            }
        }
    }

    /// Runs to a time, or until `each` is content.
    fn run(&mut self, until_us: u64, mut each: impl FnMut(&mut Self) -> bool) {
        while self.network.now_us < until_us && !each(self) {
            let next = self.network.now_us + TICK_US;
            while let Some((life, arrival)) = self.network.next(&mut self.random, next) {
                self.arrive(life, arrival);
                self.check();
            }
            self.network.now_us = next;
            self.note_trouble();
            self.elect();
            let lives: Vec<Life> = self.nodes.keys().copied().collect();
            for life in lives {
                self.tick(life);
            }
            self.check();
        }
    }

    fn heal(&mut self) {
        self.network.ways.clear();
        self.network.loss_percent = 0;
        for at in 0..self.network.slots.len() {
            self.network.slots[at].paused = false;
            self.rejoin(at);
        }
    }

    /// A slot whose process has ended or was voted out gets a new one.
    fn rejoin(&mut self, slot: usize) {
        let place = self.network.slots[slot];
        if place.runs && self.members.contains_key(&MemberId::new(place.life)) {
            return;
        }
        // While the old member is not voted out, its successor waits to be let in.
        if place.runs {
            self.network.kill(&mut self.random, slot, false);
        }
        self.join(slot);
    }

    fn fault(&mut self) {
        let count = self.network.slots.len();
        let all: Vec<usize> = (0..count).collect();
        let (Some(one), Some(other)) = (self.random.pick(&all), self.random.pick(&all)) else {
            return;
        };
        let running = self.network.slots.iter().filter(|slot| slot.runs).count();
        match self.random.range(0, 12) {
            0 => self.set_way(&[one], &[other], Way::Drop, true),
            1 => self.set_way(&[one], &[other], Way::Drop, false),
            2 => self.set_way(
                &[one],
                &[other],
                Way::Reject,
                self.network.now_us.is_multiple_of(2),
            ),
            3 | 4 => {
                let size = usize::try_from(self.random.range(1, 3)).unwrap();
                let (few, many) = (all[..size].to_vec(), all[size..].to_vec());
                let way = if self.random.chance(50) {
                    Way::Drop
                } else {
                    Way::Reject
                };
                let both = self.random.chance(50);
                self.set_way(&few, &many, way, both);
            }
            5 | 6 => self.network.slots[one].paused = true,
            7 if running * 2 > count + 1 => {
                let machine_too = self.random.chance(30);
                self.network.kill(&mut self.random, one, machine_too);
            }
            8 => self.rejoin(one),
            9 => self.network.loss_percent = self.random.range(0, 6),
            _ => {
                self.network.ways.clear();
                for slot in &mut self.network.slots {
                    slot.paused = false;
                }
            }
        }
    }

    fn set_way(&mut self, some: &[usize], others: &[usize], way: Way, both: bool) {
        for one in some {
            for other in others {
                self.network.ways.insert((*one, *other), way);
                if both {
                    self.network.ways.insert((*other, *one), way);
                }
            }
        }
    }

    fn serving(&self) -> usize {
        let serves = |life: &&Life| self.acts(**life) && self.nodes[life].lease.serves(self.now(**life));
        self.members.values().filter(serves).count()
    }
}

fn local(real_us: u64, rate: u64) -> Moment {
    Moment::from_micros(1_000_000_000 + real_us * rate / 1_000)
}

/// A leader in one term, as the source of leases: grants of another term are another source's.
fn leader_of(term: u64, life: Life) -> MemberId {
    MemberId::new((term << 32) | life)
}

fn own_link(term: u64) -> LinkId {
    LinkId::new((1 << 40) | term)
}

#[test]
fn nobody_healthy_is_voted_out_and_nobody_serves_what_was_taken() {
    with_seeds(25, |seed| {
        let mut shape = Random::new(seed);
        let count = usize::try_from(shape.range(3, 10)).unwrap();
        let hosts = if shape.chance(70) { 9 } else { shape.range(2, 5) };
        let mut simulation = Simulation::new(seed, count, hosts, true);
        simulation.run(2 * SECOND, |_| false);
        assert_eq!(simulation.serving(), count, "all serve before the first fault");
        let faults = shape.range(1, 40);
        simulation.run(30 * SECOND, |simulation| {
            if simulation.random.range(0, 1_000) < faults {
                simulation.fault();
            }
            false
        });
        simulation.heal();
        let end = simulation.network.now_us + 15 * SECOND;
        simulation.run(end, |simulation| {
            for at in 0..simulation.network.slots.len() {
                simulation.rejoin(at);
            }
            simulation.members.len() == count && simulation.serving() == count
        });
        let members = simulation.members.len();
        assert_eq!(
            (members, simulation.serving()),
            (count, count),
            "all are members and serve after healing"
        );
    });
}

#[test]
fn without_faults_nobody_is_voted_out_though_frames_are_lost() {
    with_seeds(5, |seed| {
        let mut simulation = Simulation::new(seed, 5, 9, true);
        simulation.network.loss_percent = 5;
        simulation.network.delay_max_us = 100_000;
        simulation.run(20 * SECOND, |_| false);
        assert_eq!((simulation.members.len(), simulation.removed.len()), (5, 0));
    });
}

/// Runs until the member in the last slot is voted out, and says how long that took in milliseconds.
fn time_to_remove(seed: u64, hosts: u64, fault: impl Fn(&mut Simulation, usize)) -> u64 {
    let mut simulation = Simulation::new(seed, 3, hosts, true);
    simulation.run(4 * SECOND, |_| false);
    let other = (0..3)
        .find(|slot| simulation.leader != Some(simulation.network.slots[*slot].life))
        .unwrap();
    let member = MemberId::new(simulation.network.slots[other].life);
    let began = simulation.network.now_us;
    fault(&mut simulation, other);
    simulation.run(began + 10 * SECOND, |simulation| {
        simulation
            .removed
            .get(&member)
            .is_some_and(|removed| removed.taken)
    });
    let removed = &simulation.removed[&member];
    assert_eq!(simulation.removed.len(), 1);
    assert!(removed.taken, "what it served was taken");
    (removed.at_us - began) / 1_000
}

#[test]
fn a_kill_on_the_same_host_is_decided_within_one_dial() {
    with_seeds(10, |seed| {
        let took = time_to_remove(seed, 1, |simulation, slot| {
            simulation.network.kill(&mut simulation.random, slot, false);
        });
        assert!(took <= 10, "{took} ms");
    });
}

#[test]
fn a_kill_on_another_host_is_decided_within_the_grace() {
    with_seeds(10, |seed| {
        let took = time_to_remove(seed, 9, |simulation, slot| {
            simulation.network.kill(&mut simulation.random, slot, false);
        });
        // Resets on all connections, which is rare, leave it to silence.
        assert!(took <= 180 || (2_000..=3_300).contains(&took), "{took} ms");
    });
}

#[test]
fn a_silent_member_is_gone_a_second_after_its_lease() {
    with_seeds(10, |seed| {
        let paused = time_to_remove(seed, 9, |simulation, slot| {
            simulation.network.slots[slot].paused = true
        });
        let cut = time_to_remove(seed, 9, |simulation, slot| {
            let others: Vec<_> = (0..3).filter(|other| *other != slot).collect();
            simulation.set_way(&[slot], &others, Way::Drop, true);
        });
        let reset = time_to_remove(seed, 9, |simulation, slot| {
            let others: Vec<_> = (0..3).filter(|other| *other != slot).collect();
            simulation.set_way(&[slot], &others, Way::Reject, true);
        });
        for took in [paused, cut, reset] {
            assert!((1_700..=3_300).contains(&took), "{took} ms");
        }
    });
}

//! What members do when something reaches them or time passes.

use core::time::Duration;
use std::collections::BTreeSet;

use grid_core::membership::detector::{DetectorInput, DetectorOutput, PeerIdentity};
use grid_core::membership::judge::{JudgeInput, JudgeOutput};
use grid_core::membership::lease::{LeaseInput, LeaseOutput, LeaseSource};
use grid_core::membership::{Evidence, HostId, LinkId, MemberId, Moment, ProcessId};

use crate::network::{Arrival, Life};

use super::{HEALTHY_US, Message, Purpose, Removed, Round, Simulation, leader_of, local, own_link};

impl Simulation {
    pub(super) fn send(&mut self, from: Life, to: Life, message: &Message) {
        let node = &self.nodes[&from];
        let link = node
            .links
            .iter()
            .find(|(_, (with, dialed))| *with == to && *dialed);
        if let Some((link, _)) = link {
            self.network.send(&mut self.random, *link, from, message.clone());
        }
    }

    pub(super) fn arrive(&mut self, life: Life, arrival: Arrival<Message>) {
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
    pub(super) fn dialed(
        &mut self,
        life: Life,
        to: usize,
        input: impl Fn(MemberId) -> DetectorInput<'static>,
    ) {
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

    pub(super) fn detect(&mut self, life: Life, input: DetectorInput<'_>) {
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

    pub(super) fn dial(&mut self, life: Life, to: usize) {
        if self.nodes.get_mut(&life).unwrap().dialing.insert(to) {
            self.network.dial(&mut self.random, life, to);
        }
    }

    pub(super) fn tell_leader(&mut self, life: Life, about: MemberId, evidence: Evidence) {
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

    pub(super) fn message(&mut self, life: Life, from: Life, link: u64, message: Message) {
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

    pub(super) fn ask_voters(&mut self, leader: Life, purpose: Purpose) {
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

    pub(super) fn agreed(&mut self, leader: Life, voter: MemberId, term: u64, round: u64) {
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

    pub(super) fn judge(&mut self, life: Life, input: JudgeInput<'_>) {
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

    pub(super) fn remove(&mut self, members: &BTreeSet<MemberId>, proven: bool) {
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

    pub(super) fn tick(&mut self, life: Life) {
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
    pub(super) fn keep_connections(&mut self, life: Life) {
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
    pub(super) fn follow(&mut self, life: Life) {
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

    pub(super) fn lease(&mut self, life: Life, now: Moment, input: LeaseInput) {
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

    pub(super) fn lead(&mut self, life: Life) {
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
}

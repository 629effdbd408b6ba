//! Watching the other members: connections, the detector, and the lease.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use grid_core::control::Command;
use grid_core::membership::detector::{DetectorInput, DetectorOutput};
use grid_core::membership::lease::{LeaseInput, LeaseOutput, LeaseSource};
use grid_core::membership::survivor::{Situation, Survival, Witness};
use grid_core::membership::{Evidence, LinkEnd, LinkId, MemberId, Moment, Proof};

use crate::control::ControlSettings;
use crate::task::TaskKind;
use crate::transport::{DialError, EndCause, Lane, Link, PeerInfo, Refusal};

use super::control_loop::{ControlLoop, Dialed, Event, LeaseAsker, Phase};
use super::core::{Group, Leader};
use super::message::{Report, kind, write};

/// How often a connection that could not be made is tried again.
const DIAL_AGAIN: Duration = Duration::from_millis(100);

/// How often a member that can't go on says why.
const SAY_AGAIN: Duration = Duration::from_secs(5);

/// A refused or accepted connection counts for the detector under its own number: those that were dialed and those
/// that were accepted have numbers of one transport.
fn link_id(peer: &PeerInfo) -> LinkId {
    LinkId::new(peer.connection)
}

fn link_end(cause: &EndCause) -> LinkEnd {
    match cause {
        EndCause::Eof => LinkEnd::Closed,
        EndCause::Reset => LinkEnd::Reset,
        _ => LinkEnd::Local,
    }
}

impl ControlLoop {
    /// Time passes for a member.
    pub(super) fn watch_on(&mut self) {
        let now = self.now();
        let Phase::In(membership) = &mut self.phase else {
            return;
        };
        let outputs = membership.detector.step(now, DetectorInput::Tick);
        let asked = membership.lease.step(now, LeaseInput::Tick);
        self.detected(outputs);
        self.ask_lease(asked);
        self.show_lease();
        self.connect_all();
        self.look_beyond();
        self.lead_on();
        self.survive();
        self.say_ready();
    }

    /// Brings the lease to where those who serve look.
    pub(super) fn show_lease(&self) {
        let Phase::In(membership) = &self.phase else {
            return;
        };
        let now = self.now();
        let until = membership.lease.until();
        match until {
            Some(until) if until.as_micros() == u64::MAX => self.core.lease.serve_for_ever(),
            Some(until) if until > now => self.core.lease.extend(Duration::from_micros(until.as_micros())),
            _ => self.core.lease.end(),
        }
    }

    /// Dials every member to which there is no connection.
    pub(super) fn connect_all(&mut self) {
        let now = self.now();
        let mut to_dial = Vec::new();
        let Phase::In(membership) = &mut self.phase else {
            return;
        };
        for member in self.core.links.members() {
            let Some(peer) = self.core.links.peer(member) else {
                continue;
            };
            for lane in [Lane::Control, Lane::Data] {
                let place = (member, lane);
                let due = membership.next_dial.get(&place).is_none_or(|at| now >= *at);
                if due && peer.get(lane).is_none() && membership.dialing.insert(place) {
                    to_dial.push((member, lane, peer.address));
                }
            }
        }
        for (member, lane, address) in to_dial {
            self.dial(Dialed::Member(member, lane), address);
        }
    }

    pub(super) fn dial_ended(&mut self, dialed: Dialed, started: Moment, result: Result<Link, DialError>) {
        match (dialed, &self.phase) {
            (Dialed::Address(address), Phase::Looking(_)) => self.address_dialed(address, started, result),
            (Dialed::Address(address), Phase::In(_)) => self.looked_beyond(address, result),
            (Dialed::Member(member, lane), Phase::In(_)) => self.member_dialed(member, lane, started, result),
            // It was dialed in another life.
            _ => {
                if let Ok(link) = result {
                    link.close();
                }
            }
        }
    }

    fn member_dialed(
        &mut self,
        member: MemberId,
        lane: Lane,
        started: Moment,
        result: Result<Link, DialError>,
    ) {
        let now = self.now();
        let Phase::In(membership) = &mut self.phase else {
            return;
        };
        membership.dialing.remove(&(member, lane));
        membership.next_dial.insert((member, lane), now.after(DIAL_AGAIN));
        tracing::debug!(me = %membership.me, %member, ?lane, error = ?result.as_ref().err(), "dialed");
        let input = match result {
            Ok(link) => {
                let info = link.info().clone();
                if info.member != Some(member) {
                    // Someone else is there; it may become that member in a moment.
                    link.close();
                    DetectorInput::DialAnswered {
                        member,
                        process: info.process,
                        answered_as: info.member,
                    }
                } else if link.end_cause().is_none() && self.core.links.put(member, lane, link) {
                    let link = link_id(&info);
                    let outputs = membership
                        .detector
                        .step(now, DetectorInput::LinkOpened { member, link });
                    self.detected(outputs);
                    return self.connected(member, lane);
                } else {
                    return;
                }
            }
            Err(DialError::Refused) => DetectorInput::DialRefused { member, started },
            Err(DialError::Rejected(Refusal::Fenced { index })) => {
                return self.fenced(&format!("{member} says so, at index {index}"));
            }
            Err(_) => DetectorInput::DialFailed { member },
        };
        let outputs = membership.detector.step(now, input);
        self.detected(outputs);
    }

    /// A connection to a member is there.
    fn connected(&mut self, member: MemberId, lane: Lane) {
        tracing::debug!(me = ?self.core.me(), %member, ?lane, "connected");
        match lane {
            Lane::Control => self.set_lease_source(),
            Lane::Data => self.core.reconnected(member),
        }
    }

    pub(super) fn link_ended(&mut self, dialed: Dialed, peer: &PeerInfo, cause: &EndCause) {
        match (dialed, &self.phase) {
            (Dialed::Address(_), _) => self.address_link_ended(peer),
            (Dialed::Member(member, lane), Phase::In(_)) => {
                self.core.links.forget(member, lane, peer.connection);
                self.ended(member, peer, cause);
            }
            (Dialed::Member(..), Phase::Looking(_)) => {}
        }
    }

    pub(super) fn accepted(&mut self, peer: &PeerInfo) {
        let now = self.now();
        match &mut self.phase {
            Phase::Looking(_) => self.seen(&peer.clone(), None),
            Phase::In(membership) => {
                let Some(member) = peer.member else { return };
                let input = DetectorInput::LinkOpened {
                    member,
                    link: link_id(peer),
                };
                let outputs = membership.detector.step(now, input);
                self.detected(outputs);
            }
        }
    }

    pub(super) fn closed(&mut self, peer: &PeerInfo, cause: &EndCause) {
        if let (Phase::In(_), Some(member)) = (&self.phase, peer.member) {
            self.ended(member, peer, cause);
        }
    }

    fn ended(&mut self, member: MemberId, peer: &PeerInfo, cause: &EndCause) {
        let now = self.now();
        let Phase::In(membership) = &mut self.phase else {
            return;
        };
        let link = link_id(peer);
        let end = link_end(cause);
        let outputs = membership
            .detector
            .step(now, DetectorInput::LinkEnded { member, link, end });
        membership.lease.step(now, LeaseInput::Ended(link));
        membership.next_dial.retain(|(other, _), _| *other != member);
        self.detected(outputs);
        self.show_lease();
        self.set_lease_source();
        self.connect_all();
    }

    pub(super) fn heard(&mut self, member: MemberId) {
        let now = self.now();
        if let Phase::In(membership) = &mut self.phase {
            let outputs = membership.detector.step(now, DetectorInput::Heard { member });
            self.detected(outputs);
        }
    }

    /// Does what the detector wants.
    pub(super) fn detected(&mut self, outputs: Vec<DetectorOutput>) {
        for output in outputs {
            match output {
                DetectorOutput::Ping { to } => {
                    self.core.links.send(to, Lane::Control, kind::PING, Vec::new());
                }
                DetectorOutput::Redial { to } => {
                    let peer = self.core.links.peer(to);
                    let Phase::In(membership) = &mut self.phase else {
                        return;
                    };
                    if let Some(peer) = peer
                        && membership.dialing.insert((to, Lane::Control))
                    {
                        self.dial(Dialed::Member(to, Lane::Control), peer.address);
                    }
                }
                DetectorOutput::Report { about, evidence } => self.report(about, evidence),
            }
        }
    }

    fn report(&mut self, about: MemberId, evidence: Evidence) {
        let leader = *self.core.leader.borrow();
        let Phase::In(membership) = &self.phase else {
            return;
        };
        let me = membership.me;
        match leader {
            Some(leader) if leader.member == me => self.reported(me, about, evidence),
            Some(leader) if leader.member == about && evidence.proof().is_some_and(firm) => {
                self.elect_without(about)
            }
            Some(leader) => {
                let report = write(&Report { about, evidence });
                self.core
                    .links
                    .send(leader.member, Lane::Control, kind::REPORT, vec![report]);
            }
            None => {}
        }
    }

    /// The leader is known to be dead: there is to be another one, at once.
    fn elect_without(&mut self, dead: MemberId) {
        let core = self.core.clone();
        let Phase::In(membership) = &mut self.phase else {
            return;
        };
        if membership.electing.replace(dead) == Some(dead) {
            return;
        }
        if let Some(group) = core.group() {
            let supervisor = core.supervisor.clone();
            supervisor.spawn(TaskKind::Connection, "election", async move {
                if let Err(error) = group.elect_now(dead).await {
                    tracing::debug!(%error, "no election");
                }
            });
        }
    }

    /// Notes who leads.
    pub(super) fn set_leader(&mut self, member: MemberId, term: u64) {
        let leader = Leader { member, term };
        let known = *self.core.leader.borrow();
        if known.is_none_or(|known| term > known.term) {
            tracing::debug!(%member, term, "there is a leader");
            self.core.leader.send_replace(Some(leader));
            self.set_lease_source();
        }
    }

    /// Says from whom a lease is to be had.
    pub(super) fn set_lease_source(&mut self) {
        let now = self.now();
        let leader = *self.core.leader.borrow();
        let sole = self.is_sole_voter();
        let Phase::In(membership) = &mut self.phase else {
            return;
        };
        let mut asked = membership.lease.step(now, LeaseInput::Sole(sole));
        if let Some(leader) = leader {
            let link = if leader.member == membership.me {
                membership
                    .leading
                    .is_some()
                    .then(|| LinkId::new(membership.own_link))
            } else {
                let link = self.core.links.get(leader.member, Lane::Control);
                link.map(|link| link_id(link.info()))
            };
            if let Some(link) = link {
                let source = LeaseSource {
                    leader: leader.member,
                    link,
                };
                let again = membership.lease.step(now, LeaseInput::Source(source));
                asked = asked.or(again);
            }
        }
        self.ask_lease(asked);
        self.show_lease();
    }

    fn is_sole_voter(&self) -> bool {
        let Phase::In(membership) = &self.phase else {
            return false;
        };
        let voters = self.core.group().map(|group| group.voters()).unwrap_or_default();
        voters == BTreeSet::from([membership.me])
    }

    pub(super) fn ask_lease(&mut self, asked: Option<LeaseOutput>) {
        let Some(LeaseOutput::Ask { source, nonce }) = asked else {
            return;
        };
        let core = self.core.clone();
        if core.me() == Some(source.leader) {
            return self.lease_asked(LeaseAsker::Me(source, nonce));
        }
        let Some(link) = core.links.get(source.leader, Lane::Control) else {
            return;
        };
        if link_id(link.info()) != source.link {
            return;
        }
        link.request_with(kind::LEASE, Bytes::new(), move |answer| {
            if answer.is_ok() {
                core.tell(Event::Granted(source, nonce));
            }
        });
    }

    pub(super) fn granted(&mut self, source: LeaseSource, nonce: u64) {
        let now = self.now();
        if let Phase::In(membership) = &mut self.phase {
            membership.lease.step(now, LeaseInput::Granted { source, nonce });
        }
        self.show_lease();
    }

    /// What the survivor of two members does.
    fn survive(&mut self) {
        let now = self.now();
        let Some(group) = self.core.group() else { return };
        let voters = group.voters();
        let two_members = self.core.settings.two_members;
        let Phase::In(membership) = &mut self.phase else {
            return;
        };
        if voters.len() != 2 || membership.going_on || !voters.contains(&membership.me) {
            return;
        }
        let Some(other) = voters.iter().find(|voter| **voter != membership.me) else {
            return;
        };
        let Some(evidence) = membership.detector.evidence(*other, now) else {
            return;
        };
        if evidence == Evidence::Heard {
            return;
        }
        let situation = Situation {
            me: membership.me,
            voters: &voters,
            evidence,
            two_members,
            witness: Witness::None,
        };
        match situation.decide() {
            Survival::GoOn => self.go_on(&group),
            Survival::Wait(text) => {
                let lasts = evidence
                    .silent()
                    .is_some_and(|silent| silent > Duration::from_secs(1));
                if lasts && now >= membership.next_say {
                    membership.next_say = now.after(SAY_AGAIN);
                    tracing::warn!("{text}");
                }
            }
        }
    }

    /// Goes on alone, in a new generation of the control group.
    fn go_on(&mut self, group: &std::sync::Arc<Group>) {
        let (core, group) = (self.core.clone(), group.clone());
        let Phase::In(membership) = &mut self.phase else {
            return;
        };
        let me = membership.me;
        membership.going_on = true;
        membership.leading = None;
        let generation = group.generation().next();
        tracing::warn!(%me, %generation, "the other of two members has ended; this one goes on alone");
        self.core
            .supervisor
            .spawn(TaskKind::Essential, "going on alone", async move {
                let went_on = async {
                    let seized = group.seize().await.map_err(|error| error.to_string())?;
                    let settings = ControlSettings::new(me, generation);
                    let group = Group::start_generation(settings, seized, core.network()).await;
                    let group = group.map_err(|error| error.to_string())?;
                    core.change_identity(|identity| identity.generation = generation);
                    core.leader.send_replace(None);
                    // First of all: whoever joins takes part in the generation that the state names.
                    core.agree_alone(&group, &Command::BeginGeneration(generation))
                        .await?;
                    core.set_group(group);
                    Ok(())
                };
                let went_on = went_on.await;
                core.tell_surely(Event::WentOn(went_on)).await;
            });
    }

    pub(super) fn went_on(&mut self, result: Result<(), String>) {
        if let Phase::In(membership) = &mut self.phase {
            membership.going_on = false;
        }
        match result {
            Ok(()) => {
                self.leadership_changed();
                self.set_lease_source();
            }
            Err(error) => tracing::error!("this member could not go on alone: {error}"),
        }
    }
}

fn firm(proof: Proof) -> bool {
    proof != Proof::Reset
}

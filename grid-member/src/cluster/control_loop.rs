//! The one task that decides what this member does in its cluster.
//!
//! It owns the state machines of membership and takes one event after the other: what others say, what the control group
//! agreed on, and the passing of time. What takes long is done by tasks of its own, which come back with an event. It
//! runs on a thread of its own, so that it never waits behind requests.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use grid_core::control::ControlState;
use grid_core::membership::bootstrap::BootstrapMessage;
use grid_core::membership::detector::Detector;
use grid_core::membership::judge::Judge;
use grid_core::membership::lease::{Lease, LeaseBook, LeaseSettings, LeaseSource};
use grid_core::membership::{Evidence, MemberId, Moment};
use grid_discovery::Found;
use tokio::sync::{mpsc, watch};

use crate::task::TaskKind;
use crate::transport::{Answer, DialError, EndCause, Lane, Link, PeerInfo};

use super::core::Core;
use super::looking::Looking;
use super::losses::Losses;
use super::machine::Agreement;
use super::message::{JoinAnswer, Leads, Push, Report, kind, read};

/// How often time passes for the state machines.
const TICK: Duration = Duration::from_millis(10);

/// Whom a dial was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Dialed {
    /// An address at which a member may be.
    Address(SocketAddr),
    /// A lane to a member.
    Member(MemberId, Lane),
}

/// What happens to a member.
pub(super) enum Event {
    /// A member dialed this one.
    Accepted(PeerInfo),
    /// A connection that was accepted is over.
    Closed(PeerInfo, EndCause),
    /// A dial came to this end.
    DialEnded(Dialed, Moment, Result<Link, DialError>),
    /// A connection that was dialed is over.
    LinkEnded(Dialed, Box<PeerInfo>, EndCause),
    /// Another member says something on the control lane.
    Message(PeerInfo, u8, Bytes),
    /// Another member asks something on the control lane.
    Request(PeerInfo, u8, Bytes, Answer),
    /// The control group agreed on something.
    Agreed(Agreement),
    /// Someone else leads, or nobody.
    LeadershipChanged,
    /// A request to be let in was answered.
    JoinAnswered(Option<JoinAnswer>),
    /// A majority confirmed, or did not confirm, that this member leads, for whoever asked for a lease.
    Confirmed(LeaseAsker, bool),
    /// The leader granted the lease that was asked for.
    Granted(LeaseSource, u64),
    /// A whole state came.
    State(Option<Vec<u8>>),
    /// Something that was proposed came to its end.
    Proposed(Proposed),
    /// The founder's group runs.
    Founded(Result<MemberId, String>),
    /// The survivor's group runs.
    WentOn(Result<(), String>),
}

/// Who asked for a lease.
pub(super) enum LeaseAsker {
    Other(MemberId, Answer),
    Me(LeaseSource, u64),
}

/// What this member as the leader had proposed.
#[derive(Debug)]
pub(super) enum Proposed {
    Removal,
    Loss,
    Steps,
    Voters,
}

/// How far a member is.
pub(super) enum Phase {
    /// It looks for its cluster, or was cut off from it.
    Looking(Box<Looking>),
    /// It is a member.
    In(Box<Membership>),
}

/// What a member knows.
pub(super) struct Membership {
    pub(super) me: MemberId,
    pub(super) detector: Detector,
    pub(super) lease: Lease,
    pub(super) dialing: BTreeSet<(MemberId, Lane)>,
    pub(super) next_dial: BTreeMap<(MemberId, Lane), Moment>,
    /// The number of the last lease that this member granted itself as the leader.
    pub(super) own_link: u64,
    pub(super) leading: Option<Leading>,
    pub(super) ready_asked: Moment,
    pub(super) next_say: Moment,
    pub(super) next_look: Moment,
    pub(super) state_asked: Option<Moment>,
    pub(super) going_on: bool,
    pub(super) electing: Option<MemberId>,
}

/// What a member that leads knows.
pub(super) struct Leading {
    pub(super) term: u64,
    pub(super) judge: Judge,
    pub(super) book: LeaseBook,
    /// Members that are to be removed, and are granted nothing any more; whether they are known to be dead.
    pub(super) condemned: Vec<(BTreeSet<MemberId>, bool, Option<Moment>)>,
    pub(super) steps_under_way: bool,
    pub(super) voters_under_way: bool,
    pub(super) next_voters: Moment,
    pub(super) next_plan: Moment,
    pub(super) next_leads: Moment,
    pub(super) losses: Losses,
}

/// The task. See the [module](self).
pub(super) struct ControlLoop {
    pub(super) core: Arc<Core>,
    pub(super) phase: Phase,
    pub(super) agreed: mpsc::Sender<Agreement>,
    pub(super) joined: watch::Sender<Option<MemberId>>,
    /// What is found of other members.
    pub(super) found: Option<watch::Receiver<Found>>,
}

impl ControlLoop {
    /// Runs until the member stops.
    pub(super) async fn run(
        mut self,
        mut events: mpsc::Receiver<Event>,
        mut agreements: mpsc::Receiver<Agreement>,
    ) {
        let mut interval = tokio::time::interval(TICK);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let stopped = self.core.supervisor.stopped();
        tokio::pin!(stopped);
        loop {
            tokio::select! {
                biased;
                () = &mut stopped => return,
                _ = interval.tick() => self.tick(),
                Some(agreement) = agreements.recv() => self.take(Event::Agreed(agreement)),
                Some(event) = events.recv() => self.take(event),
            }
        }
    }

    pub(super) fn now(&self) -> Moment {
        self.core.moment()
    }

    fn tick(&mut self) {
        match &mut self.phase {
            Phase::Looking(_) => self.look_on(),
            Phase::In(_) => self.watch_on(),
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Accepted(peer) => self.accepted(&peer),
            Event::Closed(peer, cause) => self.closed(&peer, &cause),
            Event::DialEnded(dialed, started, result) => self.dial_ended(dialed, started, result),
            Event::LinkEnded(dialed, peer, cause) => self.link_ended(dialed, &peer, &cause),
            Event::Message(peer, kind, body) => self.message(&peer, kind, &body),
            Event::Request(peer, kind, body, answer) => self.request(&peer, kind, body, answer),
            Event::Agreed(Agreement::Command(index, command)) => self.agreed_here(index, &command),
            Event::Agreed(Agreement::State(state)) => self.install(&state),
            Event::LeadershipChanged => self.leadership_changed(),
            Event::JoinAnswered(answer) => self.join_answered(answer),
            Event::Confirmed(asker, confirmed) => self.confirmed(asker, confirmed),
            Event::Granted(source, nonce) => self.granted(source, nonce),
            Event::State(state) => self.state_came(state),
            Event::Proposed(what) => self.proposed(&what),
            Event::Founded(founded) => self.founded(founded),
            Event::WentOn(result) => self.went_on(result),
        }
    }

    /// Dials, and comes back with an event.
    pub(super) fn dial(&self, dialed: Dialed, address: SocketAddr) {
        let lane = match dialed {
            Dialed::Address(_) => Lane::Control,
            Dialed::Member(_, lane) => lane,
        };
        let (core, started) = (self.core.clone(), self.now());
        self.core
            .supervisor
            .spawn(TaskKind::Connection, "dial", async move {
                let Some(transport) = core.transport.get() else {
                    return;
                };
                let result = transport.dial(address, lane).await;
                if let Ok(link) = &result {
                    let (core, link) = (core.clone(), link.clone());
                    let supervisor = core.supervisor.clone();
                    supervisor.spawn(TaskKind::Connection, "end of a connection", async move {
                        let info = Box::new(link.info().clone());
                        let ended = link.ended();
                        drop(link);
                        let cause = ended.await;
                        core.tell_surely(Event::LinkEnded(dialed, info, cause)).await;
                    });
                }
                core.tell_surely(Event::DialEnded(dialed, started, result)).await;
            });
    }

    fn message(&mut self, peer: &PeerInfo, kind: u8, body: &Bytes) {
        if let Some(member) = peer.member {
            self.heard(member);
        }
        match kind {
            kind::BOOTSTRAP => {
                if let Some(message) = read::<BootstrapMessage>(body) {
                    self.bootstrap_message(peer, message);
                }
            }
            kind::REPORT => {
                if let (Some(from), Some(report)) = (peer.member, read::<Report>(body)) {
                    self.reported(from, report.about, report.evidence);
                }
            }
            kind::PUSH => {
                if let Some(push) = read::<Push>(body) {
                    self.pushed(&push);
                }
            }
            kind::LEADS => {
                if let (Some(from), Some(leads)) = (peer.member, read::<Leads>(body)) {
                    self.leads(from, leads);
                }
            }
            _ => {}
        }
    }

    /// What one member reports about another, if this one leads.
    pub(super) fn reported(&mut self, from: MemberId, about: MemberId, evidence: Evidence) {
        use grid_core::membership::judge::JudgeInput;
        let now = self.now();
        if let Phase::In(membership) = &mut self.phase
            && let Some(leading) = &mut membership.leading
        {
            let decisions = leading.judge.step(
                now,
                JudgeInput::Report {
                    from,
                    about,
                    evidence,
                },
            );
            self.judged(decisions);
        }
    }

    /// The length of leases.
    pub(super) fn lease_settings(&self) -> LeaseSettings {
        LeaseSettings {
            length: self.core.settings.lease,
            ..LeaseSettings::default()
        }
    }

    /// Reads the agreed state.
    pub(super) fn read_state<T>(&self, read: impl FnOnce(&ControlState) -> T) -> Option<T> {
        self.core.view.read(read)
    }
}

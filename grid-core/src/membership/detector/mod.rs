//! Who lives, as far as one member can tell.
//!
//! Runs on every member, about every other member, and tells the leader. It decides nothing: what is done about it is for
//! the [`judge`](super::judge).
//!
//! **Invariant.** Firm proof ([`Proof::SameHost`], [`Proof::Replaced`], [`Proof::Closed`]) is reported only of a process that has
//! ended, whatever the network between the machines drops, delays, or refuses with resets.
//!
//! Why it holds. A member never closes its listener while it serves. Proof always needs that every connection to it, in both
//! directions and on both lanes, has ended, and:
//!
//! - *same host*: a fresh connect was refused by the kernel that both share, with no machine in between;
//! - *replaced*: another process answered the handshake at its address, or the same process said that it is a later
//!   member, which it becomes only when it has given up being the earlier one;
//! - *closed*: its kernel closed one of the connections in order, which a firewall does not make up, and since then
//!   two connects were refused with at least the grace period in between in which nothing was heard.
//!
//! Where all connections ended by resets and another machine refuses, the proof is [`Proof::Reset`], which a firewall can
//! fake. It is worth what the operator says it is; otherwise it counts as silence. The grace exists for a process that closed a
//! connection for reasons of its own just before a firewall began to refuse.
//!
//! *Silence* is reported when nothing was heard for some pings. A member that was itself paused starts to listen anew when it
//! wakes: the silence was its own.

mod peer;

use core::time::Duration;
use std::collections::BTreeMap;

use super::{Evidence, HostId, LinkEnd, LinkId, MemberId, Moment, ProcessId};
use peer::Peer;

#[cfg(doc)]
use super::Proof;

/// How carefully one listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DetectorSettings {
    /// How often each member is pinged on its control lane. Default: 100 ms.
    pub ping_every: Duration,
    /// After how long without a word a member is reported silent. Default: 500 ms.
    pub silent_after: Duration,
    /// How often a report is repeated while a member is not heard. Default: 200 ms.
    pub report_every: Duration,
    /// How long to wait after a connect that failed. Default: 250 ms.
    pub redial_every: Duration,
    /// A connect whose outcome was not told for so long is given up. Default: 3 s.
    pub dial_max: Duration,
    /// How long a refusal by another machine is doubted. Default: 120 ms.
    pub proof_grace: Duration,
    /// Steps further apart than this mean that this member was paused. Default: 400 ms; must be well above the time
    /// between two ticks.
    pub pause_max: Duration,
}

impl Default for DetectorSettings {
    fn default() -> Self {
        DetectorSettings {
            ping_every: Duration::from_millis(100),
            silent_after: Duration::from_millis(500),
            report_every: Duration::from_millis(200),
            redial_every: Duration::from_millis(250),
            dial_max: Duration::from_secs(3),
            proof_grace: Duration::from_millis(120),
            pause_max: Duration::from_millis(400),
        }
    }
}

/// Another member, as the detector needs to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerIdentity {
    /// Its number.
    pub member: MemberId,
    /// Its process.
    pub process: ProcessId,
    /// Its kernel and network namespace.
    pub host: HostId,
}

/// What happens to a [`Detector`]. Inputs about members that are not in the list are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DetectorInput<'a> {
    /// The members are these; this one may be among them.
    Members(&'a [PeerIdentity]),
    /// A handshake with this member, this process, was done on a connection in either direction.
    LinkOpened {
        /// With whom.
        member: MemberId,
        /// The connection.
        link: LinkId,
    },
    /// A connection ended. Told once for each that was opened.
    LinkEnded {
        /// With whom it was.
        member: MemberId,
        /// The connection.
        link: LinkId,
        /// How.
        end: LinkEnd,
    },
    /// Anything came from this member on a connection that has not ended.
    Heard {
        /// From whom.
        member: MemberId,
    },
    /// A connect to the member's listener was refused.
    DialRefused {
        /// Whose listener.
        member: MemberId,
        /// When the connect began.
        started: Moment,
    },
    /// A connect to the member's listener failed without saying anything about its process: unreachable, timed out,
    /// or no answer to the handshake.
    DialFailed {
        /// Whose listener.
        member: MemberId,
    },
    /// Someone answered the handshake at the member's address.
    DialAnswered {
        /// Whose address.
        member: MemberId,
        /// Who answered.
        process: ProcessId,
        /// Which member that says to be, if it is one.
        answered_as: Option<MemberId>,
    },
    /// Time has passed; at least every 50 ms.
    Tick,
}

/// What a [`Detector`] wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DetectorOutput {
    /// Send a ping on every connection of the control lane with this member, in both directions: a connection on which
    /// nothing is sent does not notice that it is dead.
    Ping {
        /// To whom.
        to: MemberId,
    },
    /// Connect to the member's listener on the control lane now, shake hands, keep the connection when that works, and tell the outcome.
    Redial {
        /// To whom.
        to: MemberId,
    },
    /// Tell the leader, whoever that is; forget it when there is none, since it will be told again.
    Report {
        /// About whom.
        about: MemberId,
        /// What is known.
        evidence: Evidence,
    },
}

/// Listens to all other members. See the [module](self) for what must hold.
#[derive(Clone, Debug)]
pub struct Detector {
    settings: DetectorSettings,
    me: PeerIdentity,
    peers: BTreeMap<MemberId, Peer>,
    next_ping: Moment,
    last_step: Moment,
}

impl Detector {
    /// A member that has just begun to listen, and knows of no other.
    #[must_use]
    pub fn new(settings: DetectorSettings, me: PeerIdentity, now: Moment) -> Self {
        Detector {
            settings,
            me,
            peers: BTreeMap::new(),
            next_ping: now,
            last_step: now,
        }
    }

    /// What is known about a member; `None` for one that is not in the list.
    #[must_use]
    pub fn evidence(&self, member: MemberId, now: Moment) -> Option<Evidence> {
        self.peers
            .get(&member)
            .map(|peer| peer.evidence(now, &self.settings))
    }

    /// How many connections with a member live; none for one that is not in the list.
    #[must_use]
    pub fn links(&self, member: MemberId) -> usize {
        self.peers.get(&member).map_or(0, Peer::links)
    }

    /// Takes what happened, and says what is to be done.
    pub fn step(&mut self, now: Moment, input: DetectorInput<'_>) -> Vec<DetectorOutput> {
        self.wake(now);
        let mut outputs = Vec::new();
        match input {
            DetectorInput::Members(members) => self.set_members(now, members),
            DetectorInput::LinkOpened { member, link } => {
                self.change(now, member, &mut outputs, |peer| peer.link_opened(now, link));
            }
            DetectorInput::LinkEnded { member, link, end } => {
                self.change(now, member, &mut outputs, |peer| peer.link_ended(now, link, end));
            }
            DetectorInput::Heard { member } => {
                self.change(now, member, &mut outputs, |peer| peer.heard(now));
            }
            DetectorInput::DialRefused { member, started } => {
                let settings = self.settings;
                self.change(now, member, &mut outputs, |peer| {
                    peer.dial_refused(now, started, &settings)
                });
            }
            DetectorInput::DialFailed { member } => {
                let redial_at = now.after(self.settings.redial_every);
                self.change(now, member, &mut outputs, |peer| peer.dial_failed(redial_at));
            }
            DetectorInput::DialAnswered {
                member,
                process,
                answered_as,
            } => {
                let redial_at = now.after(self.settings.redial_every);
                self.change(now, member, &mut outputs, |peer| {
                    peer.dial_answered(now, redial_at, process, answered_as);
                });
            }
            DetectorInput::Tick => self.tick(now, &mut outputs),
        }
        outputs
    }

    /// A member that was paused heard nobody, and nobody is to blame.
    fn wake(&mut self, now: Moment) {
        if now.since(self.last_step) > self.settings.pause_max {
            for peer in self.peers.values_mut() {
                peer.listen_anew(now);
            }
        }
        self.last_step = self.last_step.max(now);
    }

    fn set_members(&mut self, now: Moment, members: &[PeerIdentity]) {
        self.peers.retain(|_, peer| members.contains(peer.identity()));
        for identity in members
            .iter()
            .filter(|identity| identity.member != self.me.member)
        {
            self.peers
                .entry(identity.member)
                .or_insert_with(|| Peer::new(*identity, identity.host == self.me.host, now));
        }
    }

    fn change(
        &mut self,
        now: Moment,
        member: MemberId,
        outputs: &mut Vec<DetectorOutput>,
        change: impl FnOnce(&mut Peer),
    ) {
        if let Some(peer) = self.peers.get_mut(&member) {
            change(peer);
            peer.act(now, &self.settings, outputs);
        }
    }

    fn tick(&mut self, now: Moment, outputs: &mut Vec<DetectorOutput>) {
        if now >= self.next_ping {
            self.next_ping = now.after(self.settings.ping_every);
            let connected = self.peers.values().filter(|peer| peer.links() > 0);
            outputs.extend(connected.map(|peer| DetectorOutput::Ping {
                to: peer.identity().member,
            }));
        }
        for peer in self.peers.values_mut() {
            peer.act(now, &self.settings, outputs);
        }
    }
}

#[cfg(test)]
#[path = "detector_test.rs"]
mod tests;

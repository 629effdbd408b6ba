//! How a cluster is started once.
//!
//! Without addresses to join, a member starts a cluster of its own at once. With some, it joins the cluster that any process it sees
//! belongs to. When there is none, a majority of the expected members must see each other, and the lowest address among
//! them starts it.
//!
//! **Invariant.** Two clusters live side by side only if each member that promised to both of their founders was started anew in
//! between. So never, as long as no process ends after it promised; and a process that ends takes its memory with it, but not
//! that of the others.
//!
//! The rules that keep it:
//!
//! 1. A candidate starts a cluster only with promises of a majority of the expected members, its own among them; each
//!    address counts once.
//! 2. A member holds one promise at a time, and none beside belonging to a cluster. Its own candidacy is a promise to
//!    itself.
//! 3. A promise is taken back when its candidate released it, which the candidate does only for an attempt that it has
//!    given up; promises for an attempt that was given up count no more, however late they come (`round`).
//! 4. A promise is also taken back when the candidate's process is gone. But what that process did last is not
//!    known: it may have started a cluster that lives on in members that joined it. So the promises that such a member makes from then on are
//!    *tainted*: with one of them a candidate needs *all* expected members, each of which then says that it belongs to no
//!    cluster. (This also makes it harmless when a firewall fakes the end of a process.)
//!
//! 5. A member that comes back may do so at another address, before its end was noticed at the old one, and would count twice.
//!    So with a tainted promise the members are asked once more when all have promised, and only those who promise both
//!    times count: they ran at the same moment.
//! 6. How many are expected is said by the settings, and by who is seen; never by addresses that are found
//!    ([`BootstrapInput::Found`]), which differ from member to member and from time to time.
//!
//! Why it holds. Two majorities of the expected members share one. If the same process promised from there to both founders,
//! then after a release, so that the first never started (3), or tainted, so that the second had the promises of all that ran at one
//! moment, none of which belonged to a cluster (2, 4, 5).
//!
//! Who sees whom may be one-sided and may change. To come to an end in spite of that: a candidate yields to a lower one that it hears of, and
//! gives up after a while without a majority, for a while that differs from member to member and time to time. A member
//! that is not the lowest among those it sees lets the lower ones go first for that while.
//!
//! **Found later.** Two clusters never merge: there is no telling whose entries are right. A member that belongs to one refuses
//! members of another, and says so ([`BootstrapOutput::OtherCluster`]); the operator stops those whose data is not needed
//! and starts them again, and they join.

mod candidacy;
mod message;
mod peers;

use core::net::SocketAddr;
use core::num::NonZeroUsize;
use core::time::Duration;
use std::collections::BTreeSet;

use super::{ClusterId, Moment, ProcessId};
use candidacy::Candidacy;
pub use message::{BootstrapMessage, Rank, Seen};
use peers::Peers;

/// What a member was told about the cluster that it is to join or start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootstrapSettings {
    /// This member.
    pub own: Rank,
    /// The addresses to join (`--join`), as they resolve; `None` when none were given. Its own may be among them.
    pub join: Option<BTreeSet<SocketAddr>>,
    /// How many members are expected (`--expect`). Default: the addresses to join and its own. The same on all
    /// members, and at least the number of those that are started before there is a cluster.
    pub expect: Option<NonZeroUsize>,
    /// How often messages are repeated. Default: 100 ms.
    pub repeat_every: Duration,
    /// How long lower members go first, and how long a candidate tries. Default: 1 s.
    pub patience: Duration,
    /// How often it says for whom it waits. Default: 5 s.
    pub say_every: Duration,
}

impl BootstrapSettings {
    /// The defaults for a member that joins these addresses, or none.
    #[must_use]
    pub fn new(own: Rank, join: Option<BTreeSet<SocketAddr>>) -> Self {
        BootstrapSettings {
            own,
            join,
            expect: None,
            repeat_every: Duration::from_millis(100),
            patience: Duration::from_secs(1),
            say_every: Duration::from_secs(5),
        }
    }
}

/// What happens to a [`Bootstrap`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BootstrapInput {
    /// A handshake was done with this process, or it said something new about itself. It is seen until told otherwise.
    Seen {
        /// What it said.
        seen: Seen,
        /// The address that was dialed to reach it; `None` when it dialed.
        dialed: Option<SocketAddr>,
    },
    /// The last connection with this process ended; it may live.
    Unseen(ProcessId),
    /// This process has ended: no connection with it lives, and its address refuses connects. (That another process
    /// answers at an address is noticed by itself.)
    Gone(ProcessId),
    /// A message came.
    Message {
        /// From whom.
        from: ProcessId,
        /// What it says.
        message: BootstrapMessage,
    },
    /// Members may be at these addresses, in the place of those found before: where to look, and nothing more.
    Found(BTreeSet<SocketAddr>),
    /// This member belongs to this cluster now: it started or joined it.
    Belongs(ClusterId),
    /// Time has passed; at least every [`BootstrapSettings::repeat_every`].
    Tick,
}

/// What a [`Bootstrap`] wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BootstrapOutput {
    /// Send a message to a process that is seen; drop it if that can't be done.
    Send {
        /// To whom.
        to: ProcessId,
        /// What.
        message: BootstrapMessage,
    },
    /// Start a cluster, and say [`BootstrapInput::Belongs`] when that is done. Given once.
    Start,
    /// Ask this member of a cluster to be let in, and say [`BootstrapInput::Belongs`] when that is done. Repeated.
    Join {
        /// Where it is.
        address: SocketAddr,
        /// Its cluster.
        cluster: ClusterId,
    },
    /// To be logged: the member waits. Given every [`BootstrapSettings::say_every`].
    Waiting {
        /// The addresses at which nobody is seen; empty when enough are seen but have not agreed yet.
        missing: Vec<SocketAddr>,
        /// How many members are seen, this one among them.
        seen: usize,
        /// How many have to see each other.
        needed: usize,
        /// Whether a candidate vanished half-way, so that all expected members are needed.
        tainted: bool,
    },
    /// To be logged, once for each process: there is another cluster than the one that this member belongs to or is
    /// about to join. They never merge.
    OtherCluster {
        /// Where a member of it is.
        address: SocketAddr,
        /// The other cluster.
        cluster: ClusterId,
    },
}

/// How far a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It belongs to no cluster.
    Looking,
    /// It was told to start one.
    Starting,
    /// It belongs to one.
    Belongs(ClusterId),
}

/// The promise that a member holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Promised {
    to: Rank,
    round: u64,
}

/// Finds or starts the cluster. See the [module](self) for what must hold.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    settings: BootstrapSettings,
    phase: Phase,
    peers: Peers,
    promised: Option<Promised>,
    tainted: bool,
    candidacy: Candidacy,
    /// Since when enough members without a cluster are seen.
    enough_since: Option<Moment>,
    next_repeat: Moment,
    next_say: Moment,
    told_of: BTreeSet<ProcessId>,
}

impl Bootstrap {
    /// A member that has just been started.
    #[must_use]
    pub fn new(settings: BootstrapSettings, now: Moment) -> Self {
        Bootstrap {
            phase: Phase::Looking,
            peers: Peers::new(settings.own, settings.join.clone().unwrap_or_default()),
            promised: None,
            tainted: false,
            candidacy: Candidacy::new(settings.own.process, now),
            enough_since: None,
            next_repeat: now,
            next_say: now.after(settings.say_every),
            told_of: BTreeSet::new(),
            settings,
        }
    }

    /// How many members have to see each other.
    #[must_use]
    pub fn needed(&self) -> usize {
        self.expected() / 2 + 1
    }

    /// Who promised to this candidate in its present attempt, itself first. What a [`BootstrapOutput::Start`] rests on.
    #[must_use]
    pub fn promises(&self) -> Vec<Rank> {
        core::iter::once(self.settings.own)
            .chain(self.candidacy.promises())
            .collect()
    }

    /// Takes what happened, and says what is to be done.
    pub fn step(&mut self, now: Moment, input: BootstrapInput) -> Vec<BootstrapOutput> {
        let mut outputs = Vec::new();
        match input {
            BootstrapInput::Seen { seen, dialed } => {
                for replaced in self.peers.seen(now, seen, dialed) {
                    self.gone(replaced);
                }
                // The one that holds the promise may have been seen only while it dialed.
                let there = self
                    .promised
                    .map(|held| held.to)
                    .filter(|to| to.address == seen.rank.address);
                let replaced = there.filter(|to| dialed.is_some() && to.process != seen.rank.process);
                if let Some(replaced) = replaced {
                    self.gone(replaced.process);
                }
            }
            BootstrapInput::Unseen(process) => {
                self.peers.unseen(process);
                self.candidacy.drop_promise(process);
            }
            BootstrapInput::Gone(process) => {
                self.peers.unseen(process);
                self.gone(process);
            }
            BootstrapInput::Message { from, message } => self.message(now, from, message, &mut outputs),
            BootstrapInput::Found(addresses) => self.peers.found(addresses),
            BootstrapInput::Belongs(cluster) => {
                self.phase = Phase::Belongs(cluster);
                let message = BootstrapMessage::Belongs { cluster };
                outputs.extend(self.peers.looking().map(|rank| send(rank.process, message)));
            }
            BootstrapInput::Tick => {}
        }
        self.tell_of_others(&mut outputs);
        if self.phase == Phase::Looking {
            self.look(now, &mut outputs);
        }
        outputs
    }

    /// More members than were expected make the majority larger: the setting was wrong, and two groups of the expected
    /// size could be disjoint.
    fn expected(&self) -> usize {
        let expected = self
            .settings
            .expect
            .map_or_else(|| self.peers.addresses(), NonZeroUsize::get);
        expected.max(self.peers.visible())
    }

    /// The lowest of those that are let go first.
    fn goes_first(&self, now: Moment) -> Option<Rank> {
        self.peers
            .goes_first(now, self.settings.patience, self.enough_since.unwrap_or_default())
    }

    fn gone(&mut self, process: ProcessId) {
        self.candidacy.drop_promise(process);
        if self
            .promised
            .is_some_and(|promised| promised.to.process == process)
        {
            self.promised = None;
            self.tainted = true;
        }
    }

    fn message(
        &mut self,
        now: Moment,
        from: ProcessId,
        message: BootstrapMessage,
        outputs: &mut Vec<BootstrapOutput>,
    ) {
        let Some(rank) = self.peers.rank(from) else { return };
        if let Phase::Belongs(cluster) = self.phase
            && matches!(
                message,
                BootstrapMessage::Ask { .. } | BootstrapMessage::Promise { .. }
            )
        {
            outputs.push(send(from, BootstrapMessage::Belongs { cluster }));
            return;
        }
        match message {
            BootstrapMessage::Belongs { cluster } => self.peers.belongs(from, cluster),
            BootstrapMessage::Ask { round } => self.asked(now, rank, round, outputs),
            BootstrapMessage::Promise { round, tainted } => {
                let counts = self.phase == Phase::Looking && self.candidacy.promise(rank, round, tainted);
                // A candidate that has started never releases: its promises hold for good.
                if !counts && self.phase == Phase::Looking {
                    outputs.extend(self.candidacy.release(round).map(|message| send(from, message)));
                }
            }
            BootstrapMessage::Deny { round, holder } => {
                if self.phase == Phase::Looking && self.candidacy.tries(round) && holder < self.settings.own {
                    self.give_up(now, outputs);
                }
            }
            BootstrapMessage::Release { round } => {
                let of_this = |held: &Promised| held.to.process == from && held.round <= round;
                self.promised = self.promised.filter(|held| !of_this(held));
            }
        }
    }

    fn asked(&mut self, now: Moment, from: Rank, round: u64, outputs: &mut Vec<BootstrapOutput>) {
        if self.phase != Phase::Looking || self.peers.cluster().is_some() {
            return;
        }
        if let Some(held) = &mut self.promised {
            if held.to == from {
                held.round = held.round.max(round);
            } else {
                let holder = held.to;
                outputs.push(send(from.process, BootstrapMessage::Deny { round, holder }));
                return;
            }
        } else {
            let own = self.candidacy.is_trying().then_some(self.settings.own);
            let first = own.into_iter().chain(self.goes_first(now)).min();
            if let Some(holder) = first.filter(|first| *first < from) {
                outputs.push(send(from.process, BootstrapMessage::Deny { round, holder }));
                return;
            }
            if own.is_some() {
                self.give_up(now, outputs);
            }
            self.promised = Some(Promised { to: from, round });
        }
        let tainted = self.tainted;
        outputs.push(send(from.process, BootstrapMessage::Promise { round, tainted }));
    }

    /// Gives up the present attempt, and tells all that could have promised.
    fn give_up(&mut self, now: Moment, outputs: &mut Vec<BootstrapOutput>) {
        if let Some(message) = self.candidacy.give_up(now, self.settings.patience) {
            outputs.extend(self.peers.looking().map(|rank| send(rank.process, message)));
        }
    }

    fn look(&mut self, now: Moment, outputs: &mut Vec<BootstrapOutput>) {
        if self.settings.join.is_none() {
            self.phase = Phase::Starting;
            outputs.push(BootstrapOutput::Start);
            return;
        }
        let enough = self.peers.looking_addresses() >= self.needed();
        self.enough_since = enough.then(|| self.enough_since.unwrap_or(now));
        let repeat = now >= self.next_repeat;
        if repeat {
            self.next_repeat = now.after(self.settings.repeat_every);
        }
        if let Some((cluster, addresses)) = self.peers.cluster() {
            self.give_up(now, outputs);
            if repeat {
                outputs.extend(
                    addresses
                        .into_iter()
                        .map(|address| BootstrapOutput::Join { address, cluster }),
                );
            }
        } else if let Some(held) = self.promised {
            if repeat {
                let message = BootstrapMessage::Promise {
                    round: held.round,
                    tainted: self.tainted,
                };
                outputs.push(send(held.to.process, message));
            }
        } else {
            self.try_to_start(now, repeat, outputs);
        }
        if self.phase == Phase::Looking && now >= self.next_say {
            self.next_say = now.after(self.settings.say_every);
            outputs.push(self.waiting());
        }
    }

    fn try_to_start(&mut self, now: Moment, repeat: bool, outputs: &mut Vec<BootstrapOutput>) {
        if self.enough_since.is_none() || self.candidacy.tried_for(now) > self.settings.patience {
            self.give_up(now, outputs);
            return;
        }
        let first = self
            .goes_first(now)
            .is_none_or(|lowest| self.settings.own < lowest);
        let began = first && self.candidacy.begin(now);
        if !self.candidacy.is_trying() {
            return;
        }
        let tainted = self.tainted || self.candidacy.is_tainted();
        let needed = if tainted { self.expected() } else { self.needed() };
        if self.candidacy.addresses(self.settings.own) >= needed {
            if tainted && self.candidacy.ask_again(now) {
                let message = self.candidacy.ask();
                outputs.extend(self.peers.looking().map(|rank| send(rank.process, message)));
                return;
            }
            self.phase = Phase::Starting;
            outputs.push(BootstrapOutput::Start);
        } else if began || repeat {
            let message = self.candidacy.ask();
            outputs.extend(self.peers.looking().map(|rank| send(rank.process, message)));
        }
    }

    fn waiting(&self) -> BootstrapOutput {
        BootstrapOutput::Waiting {
            missing: self.peers.missing(),
            seen: self.peers.visible(),
            needed: if self.tainted {
                self.expected()
            } else {
                self.needed()
            },
            tainted: self.tainted,
        }
    }

    fn tell_of_others(&mut self, outputs: &mut Vec<BootstrapOutput>) {
        let own = match self.phase {
            Phase::Looking => self.peers.cluster().map(|(cluster, _)| cluster),
            Phase::Starting => return,
            Phase::Belongs(cluster) => Some(cluster),
        };
        let Some(own) = own else { return };
        for (rank, cluster) in self.peers.members_of_others(own) {
            if self.told_of.len() < peers::PEERS_MAX && self.told_of.insert(rank.process) {
                outputs.push(BootstrapOutput::OtherCluster {
                    address: rank.address,
                    cluster,
                });
            }
        }
    }
}

fn send(to: ProcessId, message: BootstrapMessage) -> BootstrapOutput {
    BootstrapOutput::Send { to, message }
}

#[cfg(test)]
#[path = "bootstrap_test.rs"]
mod tests;

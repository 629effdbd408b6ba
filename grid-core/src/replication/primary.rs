//! The part of a replica that orders writes.

use core::time::Duration;
use std::collections::VecDeque;
use std::sync::Arc;

use crate::membership::MemberId;
use crate::partition::table::{Assignment, Epoch, StepChange};
use crate::store::CacheId;

use super::follower::{CopyOut, Follower};
use super::log::Log;
use super::{
    Answer, Append, Appended, CopyId, Effect, Effects, Failure, Message, Outcome, PlantedBug, Position,
    Record, ReplicaSettings,
};

/// A change of the replica set that was not made is proposed again after so long.
pub(super) const PROPOSE_AGAIN: Duration = Duration::from_millis(200);

/// What a follower refused is sent again after so long.
pub(super) const SEND_AGAIN: Duration = Duration::from_millis(10);

/// What a record that is not acknowledged yet touches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Touched {
    /// The entry of a key with this hash.
    Key(CacheId, u64),
    /// The entries of keys with these hashes.
    Keys(Vec<(CacheId, u64)>),
    /// Any entry.
    Many,
}

/// A record that is not acknowledged by all backups yet.
#[derive(Debug)]
pub(super) struct Waiting<T> {
    pub(super) touched: Touched,
    /// Who waits for it to be acknowledged, and what to answer them: the writer, and those who read what it changed.
    pub(super) waiters: Vec<(T, Outcome)>,
    /// Whether someone listens.
    pub(super) tell: bool,
}

impl<T> Waiting<T> {
    fn touches(&self, cache: CacheId, hash: u64) -> bool {
        match &self.touched {
            Touched::Key(of, key) => *of == cache && *key == hash,
            Touched::Keys(keys) => keys.contains(&(cache, hash)),
            Touched::Many => true,
        }
    }

    /// Someone else waits for the record too.
    pub(super) fn followed_by(&mut self, token: T, outcome: Outcome) {
        self.waiters.push((token, outcome));
    }
}

/// A hand-over of the partition.
#[derive(Debug)]
pub(super) struct HandingOver {
    pub(super) to: MemberId,
    pub(super) proposed_at: Option<Duration>,
}

/// What only a primary knows.
#[derive(Debug)]
pub(super) struct Primary<T> {
    /// Every record up to here is acknowledged by all.
    pub(super) committed: Position,
    /// For each record after `committed`, in order.
    pub(super) waiting: VecDeque<Waiting<T>>,
    pub(super) followers: Vec<Follower>,
    pub(super) handing_over: Option<HandingOver>,
    /// The first record of which listeners at other members may not have heard yet. That it is acknowledged is not told
    /// to the followers, so that each keeps it, and tells of it again when it becomes the primary.
    pub(super) unheard_from: Option<Position>,
}

impl<T> Primary<T> {
    /// The primary of a log whose records, those that are here, may not be acknowledged by all.
    pub(super) fn of(log: &Log) -> Self {
        let waiting = log.after_position(log.base()).map(|record| Waiting {
            touched: touched_by(record),
            waiters: Vec::new(),
            tell: true,
        });
        Primary {
            committed: log.base(),
            waiting: waiting.collect(),
            followers: Vec::new(),
            handing_over: None,
            unheard_from: None,
        }
    }

    /// Listeners at other members may not have heard of this record yet.
    pub(super) fn hold(&mut self, from: Position) {
        let first = self.unheard_from.map_or(from, |held| held.min(from));
        self.unheard_from = Some(first);
    }

    /// What followers may be told to be acknowledged by all.
    pub(super) fn tellable(&self) -> Position {
        let heard = self.unheard_from.map_or(self.committed, Position::before);
        self.committed.min(heard)
    }

    /// Whether nobody else has to be asked before a write is acknowledged.
    pub(super) fn is_alone(&self) -> bool {
        self.followers.is_empty() && self.waiting.is_empty()
    }

    pub(super) fn follower(&mut self, member: MemberId) -> Option<&mut Follower> {
        self.followers
            .iter_mut()
            .find(|follower| follower.member == member)
    }

    /// Brings the followers to what was agreed. `anew`: the epoch has grown, and every follower is told.
    pub(super) fn follow(
        &mut self,
        assignment: &Assignment,
        log: &Log,
        anew: bool,
        mut next_copy: impl FnMut() -> CopyId,
    ) {
        self.followers.retain(|follower| {
            let member = follower.member;
            assignment.backups.contains(&member) || assignment.joining.contains(&member)
        });
        for member in &assignment.backups {
            match self.follower(*member) {
                Some(follower) => {
                    follower.counts = true;
                    follower.copy = None;
                }
                // Whatever was acknowledged by the set that it belonged to, it has.
                None => self.followers.push(Follower::backup(*member, self.committed)),
            }
        }
        for member in &assignment.joining {
            if self
                .follower(*member)
                .is_none_or(|follower| follower.copy.is_none())
            {
                // It is new, or was a backup and is none any more.
                self.followers.retain(|follower| follower.member != *member);
                // Records that are in the log are sent, all others are in the parts.
                let start = log.base();
                let copy = CopyOut::new(next_copy(), start);
                self.followers.push(Follower::joining(*member, copy, start));
            }
        }
        if anew {
            for follower in &mut self.followers {
                follower.sent = None;
                follower.given_up_at = None;
                follower.hold_until = None;
                if let Some(copy) = &mut follower.copy {
                    // It was not admitted, and what was proposed before can't be agreed any more.
                    follower.counts = false;
                    copy.confirmed = false;
                    copy.admit_at = None;
                    copy.proposed_at = None;
                    // Parts that were on their way are refused where the new epoch was known first.
                    copy.resend();
                }
            }
            self.handing_over = None;
        }
    }

    /// The last record that touches an entry and is not acknowledged.
    pub(super) fn touching(&self, cache: CacheId, hash: u64) -> Option<Position> {
        let at = self
            .waiting
            .iter()
            .rposition(|waiting| waiting.touches(cache, hash))?;
        Some(Position::new(self.committed.get() + at as u64 + 1))
    }

    /// The last record that touches an entry and is not acknowledged, for someone to wait for it.
    pub(super) fn last_touching(&mut self, cache: CacheId, hash: u64) -> Option<&mut Waiting<T>> {
        self.waiting
            .iter_mut()
            .rev()
            .find(|waiting| waiting.touches(cache, hash))
    }

    /// Waits for a record to be acknowledged. Gives the token back when it is.
    pub(super) fn wait(&mut self, position: Position, token: T) -> Option<T> {
        let index = position.get().checked_sub(self.committed.get() + 1);
        let waiting = index.and_then(|index| self.waiting.get_mut(usize::try_from(index).ok()?));
        match waiting {
            Some(waiting) => {
                waiting.followed_by(token, Outcome::default());
                None
            }
            None => Some(token),
        }
    }

    /// Takes what a follower says that it has.
    pub(super) fn acknowledged(&mut self, now: Duration, from: MemberId, appended: Appended, last: Position) {
        if let Some(follower) = self
            .follower(from)
            .filter(|follower| follower.copy.as_ref().map(|copy| copy.id) == appended.copy)
        {
            if let Some(copy) = &mut follower.copy {
                copy.confirmed = true;
            }
            let has = appended.last.min(last);
            if has > follower.acked {
                follower.acked = has;
                follower.behind_since = Some(now);
            }
            follower.knows = follower.knows.max(appended.knows);
            if follower.acked == last {
                follower.behind_since = None;
            }
        }
    }

    /// Finds out what is acknowledged by all now, answers those who waited for it, and forgets what all have.
    pub(super) fn advance(&mut self, log: &mut Log, settings: &ReplicaSettings, out: &mut Effects<T>) {
        let counted = self.followers.iter().filter(|follower| follower.counts);
        let mut committed = counted.map(|follower| follower.acked).min().unwrap_or(log.last());
        if settings.has_bug(PlantedBug::AcknowledgeEarly) {
            committed = log.last();
        }
        while self.committed < committed {
            let Some(waiting) = self.waiting.pop_front() else {
                break;
            };
            self.committed = self.committed.next();
            if waiting.tell
                && let Some(record) = log.at(self.committed)
            {
                out.tell(self.committed, record.effects.iter().cloned());
                if let Some(from) = out.told_from {
                    self.hold(from);
                }
            }
            let answer = |(token, outcome)| Answer {
                token,
                result: Ok(outcome),
            };
            out.answers.extend(waiting.waiters.into_iter().map(answer));
        }
        // A member that is getting its copy still needs the records that it has not acknowledged, so that the copy can
        // go on after its connection broke; but not for ever.
        let kept_for_copies =
            log.len() <= settings.waiting_len_max && log.bytes() <= settings.waiting_bytes_max;
        let needed = self
            .followers
            .iter()
            .filter(|follower| follower.counts || kept_for_copies)
            .map(|follower| follower.acked)
            .fold(self.committed, Position::min);
        while log.base() < needed {
            log.pop();
        }
    }

    /// Sends every follower what it has not been sent, and what is acknowledged when it has nothing else to do.
    pub(super) fn flush(
        &mut self,
        now: Duration,
        (epoch, placed): (Epoch, Epoch),
        log: &Log,
        (idle, append_bytes): (bool, usize),
        out: &mut Effects<T>,
    ) {
        let (last, committed) = (log.last(), self.tellable());
        for follower in self.followers.iter_mut().filter(|follower| !follower.holds(now)) {
            let copy = match &follower.copy {
                // The first part says where the records begin; before it nothing can be taken.
                Some(copy) if copy.next.is_some_and(|next| next.number == 0) => continue,
                Some(copy) => Some(copy.id),
                None => None,
            };
            let begins = follower.sent.is_none();
            let from = match follower.sent {
                Some(sent) => sent,
                None if copy.is_some() => follower.acked.max(log.base()),
                None => log.base(),
            };
            let news = from < last || begins || (idle && follower.told < committed);
            if !news {
                continue;
            }
            if from < last && follower.behind_since.is_none() {
                follower.behind_since = Some(now);
            }
            follower.sent = Some(last);
            follower.told = committed;
            let mut records = log.after_position(from).peekable();
            let (mut first, mut begins) = (from.next(), begins);
            loop {
                let mut bytes = 0;
                let fit = core::iter::from_fn(|| {
                    let record = (bytes < append_bytes).then(|| records.next())??;
                    bytes += record.bytes();
                    Some(record.clone())
                });
                let fit: Vec<_> = fit.collect();
                let next = Position::new(first.get() + fit.len() as u64);
                let append = Append {
                    epoch,
                    placed,
                    copy,
                    first,
                    records: fit,
                    committed,
                    begins,
                };
                out.messages.push((follower.member, Message::Append(append)));
                // On one connection in one order: only the first has to say that it is the beginning.
                (first, begins) = (next, false);
                if records.peek().is_none() {
                    break;
                }
            }
        }
    }

    /// What has taken too long, or is ready to be proposed.
    pub(super) fn propose(
        &mut self,
        now: Duration,
        log: &Log,
        settings: &ReplicaSettings,
        out: &mut Effects<T>,
    ) {
        let due = |at: Option<Duration>| at.is_none_or(|at| now.saturating_sub(at) >= PROPOSE_AGAIN);
        let (committed, last, unheard) = (self.committed, log.last(), self.unheard_from);
        for follower in &mut self.followers {
            let behind = follower
                .behind_since
                .filter(|_since| follower.acked < last || follower.sent.is_none());
            let late = behind.is_some_and(|since| now.saturating_sub(since) >= settings.follower_timeout);
            if late && due(follower.given_up_at) {
                follower.given_up_at = Some(now);
                out.proposals.push(match follower.copy {
                    None => StepChange::Dismiss(follower.member),
                    Some(_) => StepChange::CancelCopy(follower.member),
                });
                continue;
            }
            let Some(copy) = &mut follower.copy else { continue };
            let whole = copy.confirmed && copy.arrived() && committed >= copy.state;
            if (whole || settings.has_bug(PlantedBug::AdmitEarly)) && copy.admit_at.is_none() {
                // From here on no write is acknowledged without it; what was acknowledged up to here it must have.
                follower.counts = true;
                copy.admit_at = Some(committed);
            }
            let has_all = copy.admit_at.is_some_and(|at| follower.acked >= at);
            // It has no records of what is in its first part, and so could not tell of it.
            let heard = unheard.is_none_or(|unheard| unheard > copy.start);
            if ((has_all && heard) || settings.has_bug(PlantedBug::AdmitEarly)) && due(copy.proposed_at) {
                copy.proposed_at = Some(now);
                out.proposals.push(StepChange::Admit(follower.member));
            }
        }
        self.propose_hand_over(now, log, settings, out);
    }

    fn propose_hand_over(
        &mut self,
        now: Duration,
        log: &Log,
        settings: &ReplicaSettings,
        out: &mut Effects<T>,
    ) {
        let last = log.last();
        let Some(handing_over) = &mut self.handing_over else {
            return;
        };
        let to = self
            .followers
            .iter()
            .find(|follower| follower.member == handing_over.to);
        let is_ready = self.waiting.is_empty()
            && to.is_some_and(|to| to.copy.is_none() && to.acked == last && to.knows == last);
        let due = handing_over
            .proposed_at
            .is_none_or(|at| now.saturating_sub(at) >= PROPOSE_AGAIN);
        if (is_ready || settings.has_bug(PlantedBug::LoseTail)) && due {
            handing_over.proposed_at = Some(now);
            out.proposals.push(StepChange::HandOver(handing_over.to));
        }
    }

    /// Answers everyone who waits: it is not known here any more what comes of it.
    pub(super) fn give_up(&mut self, out: &mut Effects<T>) {
        for waiting in self.waiting.drain(..) {
            out.answers
                .extend(waiting.waiters.into_iter().map(|(token, _)| Answer {
                    token,
                    result: Err(Failure::Deposed),
                }));
        }
    }
}

pub(super) fn touched_by(record: &Arc<Record>) -> Touched {
    match record.effects.as_slice() {
        [Effect::Change(change)] => match crate::value::Key::new(change.key.clone()) {
            Ok(key) => Touched::Key(change.cache, key.hash()),
            Err(_damaged) => Touched::Many,
        },
        _ => Touched::Many,
    }
}

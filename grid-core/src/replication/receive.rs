//! What a replica does with the messages of others.

use core::time::Duration;

use crate::membership::MemberId;
use crate::partition::table::{Epoch, StepChange};
use crate::store::{CopiedEntry, StoreError, Timestamp};

use super::follower::{ChunkBegins, CopyOut, Follower, NextChunk};
use super::joining::CopyIn;
use super::log::Log;
use super::primary::SEND_AGAIN;
use super::replica::Role;
use super::{Append, Appended, Chunk, Effect, Effects, Message, PlantedBug, Position, Refusal, Replica};

impl<T> Replica<T> {
    /// Takes a message of another member. `now` is the time of day, `at` the time since this machine was started.
    pub fn receive(
        &mut self,
        now: Timestamp,
        at: Duration,
        from: MemberId,
        message: Message,
        out: &mut Effects<T>,
    ) {
        match message {
            Message::Append(append) => {
                let answer = self.take_append(now, from, append);
                out.messages.push((from, answer));
            }
            Message::Chunk(chunk) => {
                let answer = self.take_chunk(now, from, *chunk);
                out.messages.push((from, answer));
            }
            Message::Appended(appended) => {
                if appended.epoch == self.epoch || self.settings.has_bug(PlantedBug::SkipEpochCheck) {
                    if let Role::Primary(primary) = &mut self.role {
                        primary.acknowledged(at, from, appended, self.log.last());
                    }
                    self.go_on(at, out);
                }
            }
            Message::ChunkTaken { epoch, copy, number } => {
                if epoch == self.epoch
                    && let Role::Primary(primary) = &mut self.role
                    && let Some(out) = primary.follower(from).and_then(|follower| follower.copy.as_mut())
                    && out.id == copy
                {
                    while out.on_the_way.front().is_some_and(|chunk| chunk.number <= number) {
                        out.on_the_way.pop_front();
                        out.moved_at = Some(at);
                    }
                }
                self.go_on(at, out);
            }
            Message::Refused { epoch, reason } => self.take_refusal(at, from, epoch, reason, out),
        }
    }

    /// Tells the primary again what this replica has, on a new connection: what was told before may be lost.
    pub fn report_to(&self, member: MemberId, out: &mut Effects<T>) {
        // A log that does not agree with this epoch's primary yet must not be counted by it: its end may be another one.
        let agrees = self.log_epoch == self.epoch;
        if self.primary != Some(member) {
            return;
        }
        match &self.role {
            Role::Backup if !agrees => {}
            Role::Joining(Some(_)) if !agrees => {}
            Role::Backup => out.messages.push((member, self.appended(None))),
            // Parts may have come before it knew of its role, and its word that it could not take them been lost.
            Role::Joining(None) => out.messages.push((member, self.refuse(Refusal::NoCopy))),
            Role::Joining(Some(copy)) => {
                out.messages.push((member, self.appended(Some(copy.id))));
                if let Some(number) = copy.next.checked_sub(1) {
                    let (epoch, copy) = (self.epoch, copy.id);
                    out.messages
                        .push((member, Message::ChunkTaken { epoch, copy, number }));
                }
            }
            _ => {}
        }
    }

    fn appended(&self, copy: Option<super::CopyId>) -> Message {
        Message::Appended(Appended {
            epoch: self.epoch,
            copy,
            last: self.log.last(),
            knows: self.log.base(),
        })
    }

    fn take_append(&mut self, now: Timestamp, from: MemberId, append: Append) -> Message {
        let skips_check = self.settings.has_bug(PlantedBug::SkipEpochCheck);
        if append.epoch < self.epoch && !skips_check {
            return self.refuse(Refusal::OldEpoch);
        }
        if append.placed != self.placed {
            return self.refuse(Refusal::NoCopy);
        }
        match &self.role {
            Role::Backup if append.copy.is_none() => {}
            Role::Joining(Some(copy)) if append.copy == Some(copy.id) || append.copy.is_none() => {}
            // A primary that was replaced learns so from the control group; what it has can't be trusted to be the
            // same as its successor's.
            _ => return self.refuse(Refusal::NoCopy),
        }
        if self.primary.is_none() || append.epoch > self.epoch {
            self.primary = Some(from);
        }
        self.epoch = self.epoch.max(append.epoch);
        if append.begins && (append.epoch > self.log_epoch || skips_check) {
            if append.first > self.log.last().next() {
                return self.refuse(Refusal::Behind(self.log.last()));
            }
            self.log.cut_after(Position::new(append.first.get() - 1));
            self.log_epoch = append.epoch;
        } else if append.epoch > self.log_epoch && append.copy.is_none() && !skips_check {
            // Its beginning was lost with a connection, and comes again.
            return self.refuse(Refusal::Behind(self.log.last()));
        }
        for record in append.records {
            let next = self.log.last().next();
            if record.position > next {
                return self.refuse(Refusal::Behind(self.log.last()));
            }
            if record.position == next {
                self.log.push(record);
            }
        }
        if self.apply_until(now, append.committed).is_err() {
            self.break_down();
            return self.refuse(Refusal::NoCopy);
        }
        self.appended(append.copy)
    }

    /// Brings the records up to here into the store.
    pub(super) fn apply_until(&mut self, now: Timestamp, committed: Position) -> Result<(), StoreError> {
        while self.log.base() < committed {
            let Some(record) = self.log.pop() else { break };
            for effect in &record.effects {
                match effect {
                    Effect::Change(change) => self.store.replay(now, change)?,
                    Effect::Truncate { cache, sequence, .. } => {
                        self.store.truncate(*cache);
                        self.store.set_sequence(*sequence);
                    }
                }
            }
            for answered in &record.requests {
                self.window.keep(answered);
            }
        }
        Ok(())
    }

    fn take_chunk(&mut self, now: Timestamp, from: MemberId, chunk: Chunk) -> Message {
        if chunk.epoch < self.epoch && !self.settings.has_bug(PlantedBug::SkipEpochCheck) {
            return self.refuse(Refusal::OldEpoch);
        }
        if !matches!(self.role, Role::Joining(_)) || chunk.placed < self.placed {
            return self.refuse(Refusal::NoCopy);
        }
        if let Some((start, sequence)) = chunk.start {
            let is_new = !matches!(&self.role, Role::Joining(Some(copy)) if copy.id == chunk.copy);
            if is_new {
                self.forget();
                self.log = Log::after(start);
                self.store.set_sequence(sequence);
                self.role = Role::Joining(Some(CopyIn {
                    id: chunk.copy,
                    next: 0,
                    whole: false,
                }));
                self.log_epoch = chunk.epoch;
                self.placed = chunk.placed;
            }
        }
        self.epoch = self.epoch.max(chunk.epoch);
        self.primary = Some(from);
        let Role::Joining(Some(copy)) = &mut self.role else {
            return self.refuse(Refusal::NoCopy);
        };
        if copy.id != chunk.copy || chunk.number > copy.next {
            return self.refuse(Refusal::NoCopy);
        }
        copy.next = chunk.number + 1;
        copy.whole |= chunk.end;
        for entry in &chunk.entries {
            if self.store.take_copied(now, entry).is_err() {
                self.break_down();
                return self.refuse(Refusal::NoCopy);
            }
        }
        if !self.settings.has_bug(PlantedBug::DropWindow) {
            // What came with a record already is kept once.
            chunk
                .outcomes
                .iter()
                .for_each(|answered| self.window.keep(answered));
        }
        Message::ChunkTaken {
            epoch: self.epoch,
            copy: chunk.copy,
            number: chunk.number,
        }
    }

    fn take_refusal(
        &mut self,
        at: Duration,
        from: MemberId,
        epoch: Epoch,
        reason: Refusal,
        out: &mut Effects<T>,
    ) {
        if epoch > self.epoch {
            // Someone knows more: what was agreed is on its way here too.
            return;
        }
        let epoch_now = self.epoch;
        let Role::Primary(primary) = &mut self.role else {
            return;
        };
        let base = self.log.base();
        let Some(follower) = primary.follower(from) else {
            return;
        };
        if reason == Refusal::OldEpoch {
            return;
        }
        let is_late = epoch < epoch_now;
        let is_behind = matches!(reason, Refusal::Behind(last) if last >= base && follower.copy.is_none());
        if is_late || is_behind {
            // It does not know yet what was agreed, or something was lost on the way: in a moment from the beginning.
            follower.sent = None;
            follower.hold_until = Some(at + SEND_AGAIN);
            if let Some(copy) = &mut follower.copy {
                copy.resend();
            }
            return;
        }
        if follower.copy.is_some() && !follower.counts {
            self.copy_again(at, from);
            return;
        }
        if follower.given_up_at.is_none() {
            follower.given_up_at = Some(at);
            // A copy that may have been admitted by now can't begin again: that it is given up must be agreed.
            out.proposals.push(match follower.copy {
                Some(_) => StepChange::CancelCopy(from),
                None => StepChange::Dismiss(from),
            });
        }
    }

    /// Begins copies again whose parts do not arrive, though the connection lives: the member could not take them, and its
    /// word of that was lost.
    pub(super) fn copy_stalled_again(&mut self, at: Duration) {
        let timeout = self.settings.follower_timeout;
        let Role::Primary(primary) = &self.role else {
            return;
        };
        let stalled = primary.followers.iter().filter(|follower| {
            let copy = follower.copy.as_ref();
            copy.is_some_and(|copy| {
                let moved = copy
                    .moved_at
                    .is_some_and(|moved| at.saturating_sub(moved) < timeout);
                !copy.on_the_way.is_empty() && !moved
            })
        });
        let stalled: Vec<MemberId> = stalled.map(|follower| follower.member).collect();
        for member in stalled {
            self.copy_again(at, member);
        }
    }

    /// Copies the partition to this follower again from the beginning.
    fn copy_again(&mut self, at: Duration, member: MemberId) {
        let id = self.next_copy();
        let start = self.log.base();
        if let Role::Primary(primary) = &mut self.role
            && let Some(follower) = primary.follower(member)
        {
            *follower = Follower::joining(member, CopyOut::new(id, start), start);
            follower.hold_until = Some(at + SEND_AGAIN);
        }
    }

    /// The next part of the copy for this member, if one may be sent now. How fast that goes is up to the caller.
    pub fn next_chunk(&mut self, at: Duration, member: MemberId, out: &mut Effects<T>) -> Option<usize> {
        let (epoch, placed, last) = (self.epoch, self.placed, self.log.last());
        let settings = self.settings;
        let sequence = self.store.sequence();
        let (log_base, store, window) = (self.log.base(), &self.store, &self.window);
        let Role::Primary(primary) = &mut self.role else {
            return None;
        };
        let follower = primary.follower(member).filter(|follower| !follower.holds(at))?;
        let copy = follower.copy.as_mut()?;
        if copy.on_the_way.len() >= settings.chunks_in_flight {
            return None;
        }
        let NextChunk { number, begins } = copy.next?;
        if number == 0 {
            // The entries of the first part have the effects of all records up to now; those that follow are sent
            // from the beginning of the log on, which does no harm twice.
            copy.start = log_base;
            follower.acked = log_base;
            follower.sent = None;
        }
        let (mut entries, mut bytes) = (Vec::new(), 0);
        let mut next = begins;
        if let ChunkBegins::Entry(cursor) = begins {
            let copied = store.copy_after(cursor, settings.chunk_entries, settings.chunk_bytes);
            entries = copied.entries;
            bytes = entries.iter().map(CopiedEntry::bytes).sum();
            copy.state = last;
            next = match copied.next {
                Some(cursor) => ChunkBegins::Entry(Some(cursor)),
                None => {
                    copy.outcomes = window.all().collect();
                    ChunkBegins::Outcome(0)
                }
            };
        }
        let mut outcomes = Vec::new();
        if let ChunkBegins::Outcome(sent) = &mut next {
            let left = copy.outcomes.get(*sent..).unwrap_or_default();
            for answered in left {
                if bytes >= settings.chunk_bytes.get() {
                    break;
                }
                bytes += answered.bytes();
                outcomes.push(answered.clone());
            }
            *sent += outcomes.len();
        }
        let end = matches!(next, ChunkBegins::Outcome(sent) if sent >= copy.outcomes.len());
        let chunk = Chunk {
            epoch,
            placed,
            copy: copy.id,
            number,
            start: (number == 0).then_some((log_base, sequence)),
            entries,
            outcomes,
            end,
        };
        if copy.on_the_way.is_empty() {
            copy.moved_at = Some(at);
        }
        copy.on_the_way.push_back(NextChunk { number, begins });
        copy.next = (!end).then_some(NextChunk {
            number: number + 1,
            begins: next,
        });
        out.messages.push((member, Message::Chunk(Box::new(chunk))));
        if number == 0 {
            self.go_on(at, out);
        }
        Some(bytes)
    }

    fn refuse(&self, reason: Refusal) -> Message {
        Message::Refused {
            epoch: self.epoch,
            reason,
        }
    }
}

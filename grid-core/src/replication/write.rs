//! What a primary does for those who write.

use core::time::Duration;
use std::sync::Arc;

use crate::store::{Applied, CacheId, CacheSettings, Change, Command, Sequence, Swept, Timestamp, Want};
use crate::value::Key;

use super::bounded_work::BoundedWork;
use super::primary::{Primary, Touched, Waiting};
use super::replica::Role;
use super::{Answered, Effect, Effects, Failure, Outcome, Record, Replica, RequestTag, Seen, TruncationId};

/// A write of one entry.
#[derive(Debug)]
pub struct Write<'a> {
    /// The cache.
    pub cache: CacheId,
    /// Its settings.
    pub settings: CacheSettings,
    /// The key.
    pub key: &'a Key,
    /// What to do with the entry.
    pub command: Command,
    /// What the writer and the listeners want to know.
    pub want: Want,
    /// The request, when it is numbered.
    pub tag: Option<RequestTag>,
}

/// What came of a write at once.
#[derive(Debug)]
pub enum Written<T> {
    /// It is done and acknowledged by all; its changes are among the events to be told.
    Done(Outcome, T),
    /// It is done here, and will be answered when the backups have it.
    Waits {
        /// The [bytes](Outcome::bytes) of what will be answered.
        bytes: usize,
    },
}

/// What came of a change of many entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SweptEntries {
    /// How many went.
    pub removed: usize,
    /// Whether nothing is left to do; otherwise the bound was met, and it is to be called again.
    pub done: bool,
}

impl<T> Replica<T> {
    /// Does a write. What is to be sent waits until [`send`](Self::send) is called, so that several writes go together.
    ///
    /// # Errors
    /// When it was not done, with the token. [`Failure::Deposed`] is never one of the reasons.
    pub fn write(
        &mut self,
        now: Timestamp,
        write: Write<'_>,
        token: T,
        out: &mut Effects<T>,
    ) -> Result<Written<T>, (Failure, T)> {
        if let Err(failure) = self.check_serves() {
            return Err((failure, token));
        }
        // What was done is told, however little room there is for more.
        if let Some(seen) = write.tag.and_then(|tag| self.answered(&tag)) {
            return match seen {
                Ok(outcome) => Ok(self.when_acknowledged(outcome, token)),
                Err(failure) => Err((failure, token)),
            };
        }
        let checked = self.check_write(now, write.tag.as_ref());
        if let Err(failure) = checked.and_then(|()| self.check_size(&write)) {
            return Err((failure, token));
        }
        let Role::Primary(primary) = &mut self.role else {
            return Err((Failure::NotPrimary, token));
        };
        let alone = primary.is_alone();
        let want = if alone {
            write.want
        } else {
            // The backups need what was written.
            Want {
                change: true,
                new_value: true,
                ..write.want
            }
        };
        let command = self.bounded(write.key, write.command);
        let applied = self
            .store
            .apply(now, write.cache, write.settings, write.key, command, want);
        let applied = match applied {
            Ok(applied) => applied,
            Err(error) => return Err((error.into(), token)),
        };
        let Applied {
            done,
            existed,
            previous,
            answer,
            expired,
            change,
            ..
        } = applied;
        let outcome = Outcome {
            done,
            existed,
            previous,
            answer,
        };
        let effects = expired.into_iter().chain(change).map(Effect::Change);
        let request = write.tag.map(|tag| Answered::of(tag, outcome.clone()));
        if let Some(answered) = &request {
            self.window.keep(answered);
        }
        if alone {
            // Nobody has to be asked, so the record need not be made.
            self.tell_now(effects, out);
            return Ok(Written::Done(outcome, token));
        }
        let effects: Vec<_> = effects.collect();
        if effects.is_empty() && request.is_none() {
            // Nothing was changed; but what the condition looked at may not be acknowledged yet.
            return Ok(self.when_read(write.cache, write.key.hash(), outcome, token));
        }
        let touched = Touched::Key(write.cache, write.key.hash());
        let bytes = outcome.bytes();
        self.push(
            effects,
            request.into_iter().collect(),
            touched,
            Some((token, outcome)),
            write.want.change,
        );
        Ok(Written::Waits { bytes })
    }

    /// Sends what was written to the backups.
    pub fn send(&mut self, at: Duration, out: &mut Effects<T>) {
        self.go_on(at, out);
    }

    /// Removes entries of a cache, at most so many of them, each with a change of its own. The token is answered when
    /// all of them are acknowledged.
    ///
    /// # Errors
    /// When nothing was done, with the token.
    pub fn clear(
        &mut self,
        now: Timestamp,
        cache: CacheId,
        entries_max: usize,
        want: Want,
        token: T,
        out: &mut Effects<T>,
    ) -> Result<(SweptEntries, Written<T>), (Failure, T)> {
        if let Err(failure) = self.check_write(now, None) {
            return Err((failure, token));
        }
        let want_all = self.want_for_backups(want);
        let swept = self.store.clear(now, cache, entries_max, want_all);
        Ok(self.swept(swept, want, token, out))
    }

    /// Removes the entries whose time is over, about so many of them. `want` is asked what listeners want to know.
    /// Does nothing when the member does not serve the partition.
    pub fn expire(
        &mut self,
        now: Timestamp,
        work_max: usize,
        mut want: impl FnMut(CacheId) -> Want,
        out: &mut Effects<T>,
    ) -> SweptEntries {
        let nothing = SweptEntries {
            removed: 0,
            done: true,
        };
        if self.check_write(now, None).is_err() {
            return nothing;
        }
        let alone = self.is_alone();
        let mut tell = false;
        let swept = self.store.expire(now, work_max, |cache| {
            let want = want(cache);
            tell |= want.change;
            if alone {
                want
            } else {
                Want { change: true, ..want }
            }
        });
        let result = SweptEntries {
            removed: swept.removed,
            done: swept.done,
        };
        let effects: Vec<_> = swept.changes.into_iter().map(Effect::Change).collect();
        if alone {
            self.tell_now(effects, out);
        } else if !effects.is_empty() {
            self.push(effects, Vec::new(), Touched::Many, None, tell);
        }
        result
    }

    /// Drops all entries of a cache in one step; the token is answered when it is acknowledged. With `by` it is told that
    /// entries went in this truncation, if any did; no entry has an event of its own.
    ///
    /// # Errors
    /// When nothing was done, with the token.
    pub fn truncate(
        &mut self,
        now: Timestamp,
        cache: CacheId,
        by: Option<TruncationId>,
        token: Option<T>,
        out: &mut Effects<T>,
    ) -> Result<usize, (Failure, Option<T>)> {
        if let Err(failure) = self.check_write(now, None) {
            return Err((failure, token));
        }
        let dropped = self.store.truncate(cache);
        let outcome = Outcome {
            done: true,
            ..Outcome::default()
        };
        let by = by.filter(|_| dropped.entries > 0);
        let effect = Effect::Truncate {
            cache,
            sequence: dropped.sequence,
            by,
        };
        if self.is_alone() {
            self.tell_now(by.map(|_| effect), out);
            out.answers.extend(token.map(|token| super::Answer {
                token,
                result: Ok(outcome),
            }));
            return Ok(dropped.entries);
        }
        let writer = token.map(|token| (token, outcome));
        self.push(vec![effect], Vec::new(), Touched::Many, writer, by.is_some());
        Ok(dropped.entries)
    }

    /// Whether it serves and nobody else has to be asked.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        matches!(&self.role, Role::Primary(primary) if primary.is_alone())
    }

    fn want_for_backups(&self, want: Want) -> Want {
        if self.is_alone() {
            want
        } else {
            Want { change: true, ..want }
        }
    }

    fn swept(
        &mut self,
        swept: Swept,
        want: Want,
        token: T,
        out: &mut Effects<T>,
    ) -> (SweptEntries, Written<T>) {
        let result = SweptEntries {
            removed: swept.removed,
            done: swept.done,
        };
        let outcome = Outcome {
            done: true,
            ..Outcome::default()
        };
        let effects: Vec<_> = swept.changes.into_iter().map(Effect::Change).collect();
        if self.is_alone() {
            self.tell_now(effects, out);
            return (result, Written::Done(outcome, token));
        }
        if effects.is_empty() {
            return (result, self.when_acknowledged(outcome, token));
        }
        self.push(
            effects,
            Vec::new(),
            Touched::Many,
            Some((token, outcome)),
            want.change,
        );
        (result, Written::Waits { bytes: 0 })
    }

    pub(super) fn check_serves(&self) -> Result<&Primary<T>, Failure> {
        match &self.role {
            Role::Primary(primary) if primary.handing_over.is_none() => Ok(primary),
            _ => Err(Failure::NotPrimary),
        }
    }

    pub(super) fn check_write(&self, now: Timestamp, tag: Option<&RequestTag>) -> Result<(), Failure> {
        let primary = self.check_serves()?;
        if primary.waiting.len() >= self.settings.waiting_len_max
            || self.log.bytes() >= self.settings.waiting_bytes_max.saturating_mul(2)
        {
            return Err(Failure::Overloaded);
        }
        if let Some(tag) = tag {
            if now > tag.apply_before {
                return Err(Failure::TooLate);
            }
            if tag.id.number < tag.lowest_open || !self.window.has_room(tag) {
                return Err(Failure::NotOpen);
            }
            let max = self.settings.outcome_bytes_max;
            if self.window.bytes() >= max && self.window.bytes_without(tag) >= max {
                return Err(Failure::TooManyAnswers);
            }
        }
        Ok(())
    }

    /// A command whose work sets and answers no more than goes to the backups in one message.
    fn bounded(&self, key: &Key, command: Command) -> Command {
        match (command, self.settings.entry_bytes_max) {
            (command, usize::MAX) => command,
            (Command::Work(work), max) => {
                let value_max = max.saturating_sub(key.spelling().bytes().len());
                Command::Work(Arc::new(BoundedWork::new(work, value_max, max)))
            }
            (command, _) => command,
        }
    }

    /// The bytes of the records that not all who follow have, and of their answers: about what it takes in memory.
    #[must_use]
    pub fn log_bytes(&self) -> usize {
        self.log.bytes()
    }

    fn check_size(&self, write: &Write<'_>) -> Result<(), Failure> {
        let value = write.command.new_value().map_or(0, |value| value.bytes().len());
        let (len, max) = (
            write.key.spelling().bytes().len() + value,
            self.settings.entry_bytes_max,
        );
        if len > max {
            return Err(Failure::TooLarge { len, max });
        }
        Ok(())
    }

    fn answered(&self, tag: &RequestTag) -> Option<Result<Outcome, Failure>> {
        match self.window.seen(tag.id) {
            Seen::New => None,
            Seen::Done(outcome) => Some(Ok(outcome.clone())),
            Seen::Forgotten => Some(Err(Failure::NotOpen)),
        }
    }

    /// Answers when everything that was done so far is acknowledged.
    pub(super) fn when_acknowledged(&mut self, outcome: Outcome, token: T) -> Written<T> {
        if let Role::Primary(primary) = &mut self.role
            && let Some(last) = primary.waiting.back_mut()
        {
            let bytes = outcome.bytes();
            last.followed_by(token, outcome);
            return Written::Waits { bytes };
        }
        Written::Done(outcome, token)
    }

    /// Answers when what was done to this entry so far is acknowledged.
    fn when_read(&mut self, cache: CacheId, key_hash: u64, outcome: Outcome, token: T) -> Written<T> {
        if let Role::Primary(primary) = &mut self.role
            && let Some(waiting) = primary.last_touching(cache, key_hash)
        {
            let bytes = outcome.bytes();
            waiting.followed_by(token, outcome);
            return Written::Waits { bytes };
        }
        Written::Done(outcome, token)
    }

    /// Tells of changes for which there is no record, since nobody has to be asked: they are part of the state in which
    /// the log goes on.
    pub(super) fn tell_now(&mut self, effects: impl IntoIterator<Item = Effect>, out: &mut Effects<T>) {
        let last = self.log.last();
        out.tell(last, effects);
        if let (Role::Primary(primary), Some(from)) = (&mut self.role, out.told_from) {
            primary.hold(from);
        }
    }

    pub(super) fn push(
        &mut self,
        effects: Vec<Effect>,
        requests: Vec<Answered>,
        touched: Touched,
        writer: Option<(T, Outcome)>,
        tell: bool,
    ) {
        let Role::Primary(primary) = &mut self.role else {
            return;
        };
        primary.waiting.push_back(Waiting {
            touched,
            waiters: writer.into_iter().collect(),
            tell,
        });
        self.log.push(Arc::new(Record {
            position: self.log.last().next(),
            effects,
            requests,
        }));
    }
}

impl Effect {
    /// The change of an entry, if it is one.
    #[must_use]
    pub fn change(&self) -> Option<&Change> {
        match self {
            Effect::Change(change) => Some(change),
            Effect::Truncate { .. } => None,
        }
    }

    /// Its number.
    #[must_use]
    pub fn sequence(&self) -> Sequence {
        match self {
            Effect::Change(change) => change.sequence,
            Effect::Truncate { sequence, .. } => *sequence,
        }
    }
}

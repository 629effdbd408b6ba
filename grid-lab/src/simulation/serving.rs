//! What a member does for clients.

use grid_core::partition::PartitionId;
use grid_core::replication::{Failure, Outcome, PlantedBug, Position, Write, Written};
use grid_core::store::{CacheSettings, Want};

use super::client::{Ask, Request};
use super::event::{Event, Life};
use super::world::{MILLISECOND, World};

/// What a client is told.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    /// A value was read, or that there is none.
    Value(Option<u64>),
    /// A write was done, or its condition did not hold.
    Done(Outcome),
    /// It was not done here.
    NotHere,
    /// It is not known whether it was done.
    Unknown,
    /// It can't be done any more.
    Refused(Failure),
}

/// Someone who waits at a member.
#[derive(Debug)]
pub(super) struct Pending {
    client: usize,
    attempt: u64,
    /// A value that was read, and may be shown when the records are acknowledged that it depends on.
    read: Option<Option<u64>>,
    /// An outcome that is no more than a read.
    is_read: bool,
}

impl World {
    /// Does what a client asks for, if this member serves the partition.
    pub(super) fn serve(&mut self, at: Life, request: Request) {
        let slot = at.slot;
        let partition = self.count.partition_of(request.key.placement());
        let replica = &self.processes[slot].replicas[partition.index()];
        let lies = self.settings.bug == Some(PlantedBug::AnswerWithoutLease);
        if !replica.serves() || !(lies || self.has_lease(slot)) {
            return self.reply(request.client, request.attempt, Reply::NotHere);
        }
        match request.ask {
            Ask::Get => self.read(at, partition, &request),
            Ask::Write(_) | Ask::Clear | Ask::Truncate => self.write(at, partition, request),
        }
    }

    fn read(&mut self, at: Life, partition: PartitionId, request: &Request) {
        let now = self.time_of_day(at.slot);
        let replica = &self.processes[at.slot].replicas[partition.index()];
        let Ok(gate) = replica.gate(request.cache, request.key.hash()) else {
            return self.reply(request.client, request.attempt, Reply::NotHere);
        };
        let entry = replica.store().get(now, request.cache, &request.key);
        let read = entry.map(|view| (number_in(view.value()), view.version()));
        if let Some((value, version)) = read {
            self.seen(at.slot, partition, version, request.cache, &request.key, value);
        }
        let token = self.number();
        let pending = Pending {
            client: request.client,
            attempt: request.attempt,
            read: Some(read.map(|(value, _)| value)),
            is_read: true,
        };
        self.processes[at.slot].pending.insert(token, pending);
        match gate {
            Some(position) => self.wait(at, partition, position, token),
            None => self.finish_later(at, partition, token),
        }
    }

    fn wait(&mut self, at: Life, partition: PartitionId, position: Position, token: u64) {
        let left = self.change(at.slot, partition, |replica, _, _, _| {
            replica.wait(position, token)
        });
        if left.is_some() {
            self.finish_later(at, partition, token);
        }
    }

    /// The member may be stopped between reading and answering.
    fn finish_later(&mut self, at: Life, partition: PartitionId, token: u64) {
        if !self.is_healing && self.random.below(400) == 0 {
            let pause = 500 * MILLISECOND + self.draw(4_000 * MILLISECOND);
            self.processes[at.slot].paused_until = self.now + pause;
            self.trace.note(
                self.now,
                format_args!("{} is stopped between reading and answering", at.slot),
            );
        }
        let event = Event::FinishRead { at, partition, token };
        self.queue.push(self.now + 20, event);
    }

    /// A read is over: its result is shown if the member may still serve.
    pub(super) fn finish_read(&mut self, at: Life, partition: PartitionId, token: u64) {
        let Some(pending) = self.processes[at.slot].pending.remove(&token) else {
            return;
        };
        let serves = self.processes[at.slot].replicas[partition.index()].serves();
        let lies = self.settings.bug == Some(PlantedBug::AnswerWithoutLease);
        let reply = match pending.read {
            Some(value) if lies || (self.has_lease(at.slot) && serves) => Reply::Value(value),
            _ => Reply::NotHere,
        };
        self.reply(pending.client, pending.attempt, reply);
    }

    fn write(&mut self, at: Life, partition: PartitionId, request: Request) {
        let token = self.number();
        let is_read = request.tag.is_none();
        let (client, attempt) = (request.client, request.attempt);
        let pending = Pending {
            client,
            attempt,
            read: None,
            is_read,
        };
        self.processes[at.slot].pending.insert(token, pending);
        let want = Want::ALL;
        let written = self.change(at.slot, partition, |replica, now, up, out| {
            let written = match request.ask {
                Ask::Write(command) => {
                    let write = Write {
                        cache: request.cache,
                        settings: CacheSettings::default(),
                        key: &request.key,
                        command,
                        want,
                        tag: request.tag,
                    };
                    replica.write(now, write, token, out)
                }
                Ask::Clear => replica
                    .clear(now, request.cache, 3, want, token, out)
                    .map(|(_, written)| written),
                Ask::Truncate => replica
                    .truncate(now, request.cache, None, Some(token), out)
                    .map(|_| Written::Waits { bytes: 0 })
                    .map_err(|(failure, _)| (failure, token)),
                Ask::Get => Err((Failure::NotPrimary, token)),
            };
            replica.send(up, out);
            written
        });
        match written {
            Ok(Written::Waits { .. }) => {}
            Ok(Written::Done(outcome, token)) => self.answer_waiter(at.slot, token, Ok(outcome)),
            Err((failure, token)) => {
                self.processes[at.slot].pending.remove(&token);
                let reply = match failure {
                    Failure::NotPrimary | Failure::Overloaded => Reply::NotHere,
                    other => Reply::Refused(other),
                };
                self.reply(client, attempt, reply);
            }
        }
    }

    /// What someone waited for is acknowledged by all, or is not known here any more.
    pub(super) fn answer_waiter(&mut self, slot: usize, token: u64, result: Result<Outcome, Failure>) {
        let has_lease = self.has_lease(slot) || self.settings.bug == Some(PlantedBug::AnswerWithoutLease);
        let Some(pending) = self.processes[slot].pending.remove(&token) else {
            return;
        };
        let reply = match (result, pending.read) {
            (Err(_), Some(_)) => Reply::NotHere,
            (Err(_), None) => Reply::Unknown,
            (Ok(_), Some(value)) if has_lease => Reply::Value(value),
            (Ok(_), Some(_)) => Reply::NotHere,
            // What was not done is no more than what was read.
            (Ok(outcome), None) if !outcome.done && pending.is_read && !has_lease => Reply::NotHere,
            (Ok(outcome), None) => Reply::Done(outcome),
        };
        self.reply(pending.client, pending.attempt, reply);
    }

    /// Answers a client; the answer may get lost.
    fn reply(&mut self, client: usize, attempt: u64, reply: Reply) {
        if !self.is_healing && self.random.below(60) == 0 {
            return;
        }
        let delay = self.delay();
        let event = Event::Answer {
            client,
            attempt,
            reply,
        };
        self.queue.push(self.now + delay, event);
    }
}

/// The number that a value is.
pub(super) fn number_in(value: &[u8]) -> u64 {
    std::str::from_utf8(value)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(u64::MAX)
}

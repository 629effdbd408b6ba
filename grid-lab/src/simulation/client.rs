//! The made-up clients: each does one thing at a time, and does it again elsewhere until it knows what came of it.

use bytes::Bytes;

use grid_core::partition::PartitionId;
use grid_core::replication::{ClientId, Outcome, RequestId, RequestTag};
use grid_core::store::{CacheId, Command, TimeToLive, Timestamp};
use grid_core::value::{Binary, Format, Key};

use crate::history::{Action, Operation, Outcome as Told, Workload};

use super::event::{Event, Life};
use super::group::SERVICE;
use super::serving::{Reply, number_in};
use super::world::{CLEARED, INSERTS, MILLISECOND, REGISTERS, World};

/// Keys that are written with any value, and after them those that are counted up.
pub(super) const REGISTER_KEYS: u64 = 8;
pub(super) const COUNTER_KEYS: u64 = 4;
const TRY_AGAIN: u64 = 400 * MILLISECOND;
const GIVE_UP: u64 = 8_000 * MILLISECOND;

/// What is asked of a member.
#[derive(Clone, Debug)]
pub(super) enum Ask {
    Get,
    Write(Command),
    Clear,
    Truncate,
}

/// A request as it is sent.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) client: usize,
    pub(super) attempt: u64,
    pub(super) cache: CacheId,
    pub(super) key: Key,
    pub(super) ask: Ask,
    pub(super) tag: Option<RequestTag>,
}

/// What a client is doing.
#[derive(Debug)]
struct Task {
    cache: CacheId,
    number: u64,
    key: Key,
    ask: Ask,
    action: Action,
    tag: Option<RequestTag>,
    /// Answers to anything that was sent since then count.
    first_attempt: u64,
    /// It waits so long before it tries again.
    patience: u64,
    began: u64,
    /// Something was sent that may have been done.
    may_be_done: bool,
}

/// A client.
#[derive(Debug, Default)]
pub(super) struct Client {
    requests: u64,
    task: Option<Task>,
    /// The last thing sent, whose answer counts.
    attempt: u64,
    /// What it saw last in a register or a counter.
    last_seen: Option<(u64, Option<u64>)>,
    /// Keys that are still to be read at the end.
    to_read: Vec<u64>,
    is_done: bool,
}

pub(super) fn json(number: u64) -> Binary {
    Binary::new(Format::JSON, Bytes::from(number.to_string()))
}

pub(super) fn key(number: u64) -> Key {
    Key::new(json(number)).expect("a number is a key")
}

impl World {
    /// Whether every client has come to its end.
    pub(super) fn clients_are_done(&self) -> bool {
        self.clients.iter().all(|client| client.is_done)
    }

    /// From now on each client reads every register once, and stops.
    pub(super) fn last_reads(&mut self) {
        for (at, client) in self.clients.iter_mut().enumerate() {
            if at == 0 {
                client.to_read = (0..REGISTER_KEYS + COUNTER_KEYS).collect();
            }
            client.last_seen = None;
        }
    }

    /// A client does what it does next: something new, or the same again, since no answer came.
    pub(super) fn client_step(&mut self, client: usize, attempt: u64) {
        if attempt != self.clients[client].attempt || self.clients[client].is_done {
            return;
        }
        if self.clients[client].task.is_none() && !self.begin(client) {
            self.clients[client].is_done = true;
            return;
        }
        self.try_task(client);
    }

    fn try_task(&mut self, client: usize) {
        let number = self.number();
        let Some(task) = &self.clients[client].task else {
            return;
        };
        let again = task.tag.is_some() || matches!(task.ask, Ask::Get) || !task.may_be_done;
        if self.now - task.began > GIVE_UP || !again {
            return self.end(client, Told::Unknown("no answer".to_owned()));
        }
        let partition = self.count.partition_of(task.key.placement());
        let request = Request {
            client,
            attempt: number,
            cache: task.cache,
            key: task.key.clone(),
            ask: task.ask.clone(),
            tag: task.tag,
        };
        self.clients[client].attempt = number;
        let Some(to) = self.route(partition).filter(|to| self.is_running(*to)) else {
            let soon = self.now + 10 * MILLISECOND + self.draw(20 * MILLISECOND);
            return self.queue.push(
                soon,
                Event::ClientStep {
                    client,
                    attempt: number,
                },
            );
        };
        let patience = self.clients[client].task.as_mut().map_or(TRY_AGAIN, |task| {
            task.may_be_done = true;
            task.patience
        });
        self.queue.push(
            self.now + patience,
            Event::ClientStep {
                client,
                attempt: number,
            },
        );
        if request.tag.is_some() && self.random.chance(4) {
            let late = self.now + self.delay() + self.draw(3_000 * MILLISECOND);
            let request = Box::new(request.clone());
            self.queue.push(late, Event::Request { to, request });
        }
        if self.is_healing || self.random.below(60) > 0 {
            let delay = self.delay();
            let request = Box::new(request);
            self.queue.push(self.now + delay, Event::Request { to, request });
        }
    }

    /// Where a request goes: to the primary, as some member knows it.
    fn route(&mut self, partition: PartitionId) -> Option<Life> {
        let slot = self.random.below(self.processes.len());
        let view = self.processes[slot].view.as_ref()?;
        let primary = view.assignment(SERVICE, partition)?.primary?;
        self.homes.get(&primary).copied()
    }

    /// Begins something new. Gives whether there is something to do.
    fn begin(&mut self, client: usize) -> bool {
        let (cache, number, action) = match self.clients[client].to_read.pop() {
            Some(number) => (REGISTERS, number, Action::Get),
            None if self.is_healing => return false,
            None => self.draw_task(client),
        };
        let tagged = self.random.chance(70) || cache != REGISTERS || number >= REGISTER_KEYS;
        let value = |number| Command::Put {
            value: json(number),
            ttl: TimeToLive::Never,
        };
        let ask = match action {
            Action::Get => Ask::Get,
            Action::Put(new) => Ask::Write(value(new)),
            Action::PutIfAbsent(new) => Ask::Write(Command::PutIfAbsent {
                value: json(new),
                ttl: TimeToLive::Never,
            }),
            Action::ReplaceIfEqual { previous, value } => Ask::Write(Command::ReplaceIfEqual {
                previous: json(previous),
                value: json(value),
            }),
            Action::Remove if cache == CLEARED => match self.random.below(4) {
                0 => Ask::Truncate,
                1 => Ask::Clear,
                _ => Ask::Write(Command::Remove),
            },
            _ => Ask::Write(Command::Remove),
        };
        let can_be_tagged = matches!(ask, Ask::Write(_));
        let tag = (tagged && can_be_tagged).then(|| self.next_tag(client));
        let patience = TRY_AGAIN * if self.random.chance(15) { 8 } else { 1 };
        self.clients[client].task = Some(Task {
            cache,
            number,
            key: key(number),
            ask,
            action,
            tag,
            first_attempt: self.next_number,
            patience,
            began: self.now,
            may_be_done: false,
        });
        true
    }

    fn next_tag(&mut self, client: usize) -> RequestTag {
        self.clients[client].requests += 1;
        let number = self.clients[client].requests;
        RequestTag {
            id: RequestId {
                client: ClientId::new(client as u128 + 1),
                number,
            },
            lowest_open: number,
            apply_before: Timestamp::from_unix_ms(1_700_000_000_000 + self.now / MILLISECOND + 20_000),
        }
    }

    fn draw_task(&mut self, client: usize) -> (CacheId, u64, Action) {
        let new = self.number();
        let seen = self.clients[client].last_seen.take();
        if let Some((number, value)) = seen
            && (number >= REGISTER_KEYS || self.random.chance(30))
        {
            let counts = number >= REGISTER_KEYS;
            let action = match value {
                Some(previous) => Action::ReplaceIfEqual {
                    previous,
                    value: if counts { previous + 1 } else { new },
                },
                None => Action::PutIfAbsent(if counts { 1 } else { new }),
            };
            return (REGISTERS, number, action);
        }
        let register = self.draw(REGISTER_KEYS);
        match self.random.below(100) {
            0..30 => (REGISTERS, register, Action::Get),
            30..50 => (REGISTERS, REGISTER_KEYS + self.draw(COUNTER_KEYS), Action::Get),
            50..72 => (REGISTERS, register, Action::Put(new)),
            72..77 => (REGISTERS, register, Action::Remove),
            77..82 => (REGISTERS, register, Action::PutIfAbsent(new)),
            82..90 => (INSERTS, 1_000_000 + new, Action::Put(new)),
            90..97 => (CLEARED, self.draw(40), Action::Put(new)),
            _ => (CLEARED, self.draw(40), Action::Remove),
        }
    }

    /// An answer comes to a client.
    pub(super) fn take_answer(&mut self, client: usize, attempt: u64, reply: Reply) {
        let is_last = self.clients[client].attempt == attempt;
        let Some(task) = &mut self.clients[client].task else {
            return;
        };
        let is_answer = matches!(reply, Reply::Value(_) | Reply::Done(_));
        if attempt < task.first_attempt || !(is_last || is_answer) {
            return;
        }
        let told = match reply {
            Reply::Value(value) => {
                self.clients[client].last_seen = Some((task.number, value));
                Told::Value(value)
            }
            Reply::Done(outcome) => told(task.action, &outcome),
            Reply::NotHere => {
                // This attempt did nothing; but one before may have.
                if task.tag.is_none() {
                    task.may_be_done = false;
                }
                let soon = self.now + 2 * MILLISECOND + self.draw(20 * MILLISECOND);
                return self.queue.push(soon, Event::ClientStep { client, attempt });
            }
            Reply::Unknown => {
                let soon = self.now + 2 * MILLISECOND + self.draw(20 * MILLISECOND);
                return self.queue.push(soon, Event::ClientStep { client, attempt });
            }
            Reply::Refused(failure) => Told::Unknown(failure.to_string()),
        };
        self.end(client, told);
    }

    /// A client is done with what it did.
    fn end(&mut self, client: usize, told: Told) {
        let next = self.number();
        self.clients[client].attempt = next;
        let Some(task) = self.clients[client].task.take() else {
            return;
        };
        self.trace.note(
            self.now,
            format_args!(
                "client {client}: {:?} of {} -> {told:?}",
                task.action, task.number
            ),
        );
        let operation = Operation {
            client: u32::try_from(client).unwrap_or(u32::MAX),
            member: 0,
            workload: Workload::Registers,
            key: task.number.to_string(),
            action: task.action,
            start_ns: task.began * 1_000,
            end_ns: self.now * 1_000,
            outcome: told,
        };
        if task.cache == REGISTERS {
            self.oracle.operations.push(operation);
        } else if task.cache == INSERTS && operation.outcome.is_answer() {
            self.oracle.inserted.push(task.number);
        }
        let think = 1 + self.draw(60 * MILLISECOND);
        self.queue.push(
            self.now + think,
            Event::ClientStep {
                client,
                attempt: next,
            },
        );
    }
}

/// What a client makes of an outcome.
fn told(action: Action, outcome: &Outcome) -> Told {
    match action {
        Action::ReplaceIfEqual { .. } | Action::RemoveIfEqual(_) => Told::Done(outcome.done),
        _ => Told::Value(outcome.previous.as_ref().map(|value| number_in(value.bytes()))),
    }
}

impl Client {
    /// The number of the last thing that it sent.
    pub(super) fn attempt(&self) -> u64 {
        self.attempt
    }
}

//! Replicas of one partition with the messages between them.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use grid_core::membership::MemberId;
use grid_core::partition::table::{Assignment, StepChange};
use grid_core::replication::{
    Answer, ClientId, Effect, Effects, Failure, Message, Outcome, Replica, ReplicaSettings, RequestId,
    RequestTag, Write, Written,
};
use grid_core::store::{CacheId, CacheSettings, Command, TimeToLive, Timestamp, Want};
use grid_core::value::{Binary, Format, Key};

pub(crate) const A: MemberId = MemberId::new(1);
pub(crate) const B: MemberId = MemberId::new(2);
pub(crate) const C: MemberId = MemberId::new(3);
pub(crate) const CACHE: CacheId = CacheId::new(1);
pub(crate) const NOW: Timestamp = Timestamp::from_unix_ms(1_000_000);

pub(crate) fn json(text: &str) -> Binary {
    Binary::new(Format::JSON, Bytes::copy_from_slice(text.as_bytes()))
}

pub(crate) fn key(number: u32) -> Key {
    Key::new(json(&number.to_string())).expect("a number is a key")
}

pub(crate) fn put(value: u32) -> Command {
    Command::Put {
        value: json(&value.to_string()),
        ttl: TimeToLive::Never,
    }
}

pub(crate) fn tag(number: u64, lowest_open: u64) -> RequestTag {
    RequestTag {
        id: RequestId {
            client: ClientId::new(7),
            number,
        },
        lowest_open,
        apply_before: NOW.after_ms(60_000),
    }
}

/// Some replicas, what was agreed, and the messages on their way.
pub(crate) struct Set {
    pub(crate) assignment: Assignment,
    pub(crate) replicas: BTreeMap<MemberId, Replica<u32>>,
    pub(crate) at: Duration,
    pub(crate) wire: VecDeque<(MemberId, MemberId, Message)>,
    pub(crate) answers: Vec<(u32, Result<Outcome, Failure>)>,
    pub(crate) events: Vec<(MemberId, u64)>,
    /// What the events were, with the values before.
    pub(crate) told: Vec<(MemberId, Effect)>,
    /// Listeners at other members hear of nothing yet that is told from now on.
    pub(crate) deaf: bool,
    pub(crate) proposals: Vec<(MemberId, StepChange)>,
    /// Connections on which nothing arrives.
    pub(crate) cut: Vec<(MemberId, MemberId)>,
    next_token: u32,
}

impl Set {
    /// The primary A with these backups, each knowing it; `spare` members know it too.
    pub(crate) fn new(backups: &[MemberId], spare: &[MemberId]) -> Self {
        Self::with(ReplicaSettings::default(), backups, spare)
    }

    pub(crate) fn with(settings: ReplicaSettings, backups: &[MemberId], spare: &[MemberId]) -> Self {
        let members = [A].iter().chain(backups).chain(spare);
        let mut set = Set {
            assignment: Assignment::default(),
            replicas: members
                .map(|member| (*member, Replica::new(*member, settings)))
                .collect(),
            at: Duration::ZERO,
            wire: VecDeque::new(),
            answers: Vec::new(),
            events: Vec::new(),
            told: Vec::new(),
            deaf: false,
            proposals: Vec::new(),
            cut: Vec::new(),
            next_token: 0,
        };
        set.agree(&StepChange::Place {
            primary: A,
            backups: backups.to_vec(),
        });
        set.settle();
        set
    }

    pub(crate) fn replica(&mut self, member: MemberId) -> &mut Replica<u32> {
        self.replicas.get_mut(&member).expect("it has a replica")
    }

    /// Does something with a replica, and takes what it wants done.
    pub(crate) fn with_replica<R>(
        &mut self,
        member: MemberId,
        act: impl FnOnce(&mut Replica<u32>, &mut Effects<u32>) -> R,
    ) -> R {
        let mut out = Effects::new();
        let result = act(
            self.replicas.get_mut(&member).expect("it has a replica"),
            &mut out,
        );
        self.events.extend(
            out.events
                .iter()
                .map(|event: &Effect| (member, event.sequence().get())),
        );
        self.told
            .extend(out.events.iter().map(|event| (member, event.clone())));
        if !self.deaf {
            self.replica(member).heard_before(None);
        }
        self.wire.extend(
            out.messages
                .into_iter()
                .map(|(to, message)| (member, to, message)),
        );
        self.answers.extend(
            out.answers
                .into_iter()
                .map(|Answer { token, result }| (token, result)),
        );
        self.proposals
            .extend(out.proposals.into_iter().map(|change| (member, change)));
        result
    }

    /// Changes what is agreed, without telling anybody.
    pub(crate) fn decide(&mut self, change: &StepChange) {
        self.assignment
            .make(self.assignment.epoch, change)
            .expect("the change can be made");
    }

    /// Tells a member what is agreed.
    pub(crate) fn tell(&mut self, member: MemberId) {
        let (assignment, at) = (self.assignment.clone(), self.at);
        self.with_replica(member, |replica, out| {
            replica.configure(NOW, at, &assignment, out)
        });
    }

    /// Changes what is agreed, and tells everybody.
    pub(crate) fn agree(&mut self, change: &StepChange) {
        self.decide(change);
        self.tell_all();
    }

    pub(crate) fn tell_all(&mut self) {
        for member in self.members() {
            self.tell(member);
        }
    }

    /// A member is dead: gone, and taken out.
    pub(crate) fn kill(&mut self, member: MemberId) {
        self.replicas.remove(&member);
        self.assignment.remove_members(&[member].into(), true, |_| 0);
        self.tell_all();
    }

    pub(crate) fn members(&self) -> Vec<MemberId> {
        self.replicas.keys().copied().collect()
    }

    /// Lets the next message arrive.
    pub(crate) fn step(&mut self) -> bool {
        let Some((from, to, message)) = self.wire.pop_front() else {
            return false;
        };
        let at = self.at;
        if self.replicas.contains_key(&to) && !self.cut.contains(&(from, to)) {
            self.with_replica(to, |replica, out| replica.receive(NOW, at, from, message, out));
        }
        true
    }

    /// Lets every message arrive that is on its way.
    pub(crate) fn drain(&mut self) {
        while self.step() {}
    }

    /// Lets time pass, with parts of copies sent and messages arriving.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.at + time;
        while self.at < end {
            self.at += Duration::from_millis(10);
            let at = self.at;
            for member in self.members() {
                self.with_replica(member, |replica, out| {
                    replica.tick(at, out);
                    let joining: Vec<_> = replica.copies_out().collect();
                    for to in joining {
                        replica.next_chunk(at, to, out);
                    }
                });
            }
            self.drain();
        }
    }

    /// Lets everything come to rest that comes to rest by itself.
    pub(crate) fn settle(&mut self) {
        self.pass(Duration::from_millis(100));
    }

    /// The connection breaks, and what is on it is lost; there is a new one at once.
    pub(crate) fn reconnect(&mut self, a: MemberId, b: MemberId) {
        self.wire
            .retain(|(from, to, _)| (*from, *to) != (a, b) && (*from, *to) != (b, a));
        let at = self.at;
        for (from, to) in [(a, b), (b, a)] {
            if self.replicas.contains_key(&from) {
                self.with_replica(from, |replica, out| replica.connected(at, to, out));
            }
        }
    }

    pub(crate) fn write(
        &mut self,
        member: MemberId,
        number: u32,
        command: Command,
    ) -> (u32, Result<bool, Failure>) {
        self.write_tagged(member, number, command, None)
    }

    /// Writes, and sends it on. Gives the token, and whether it is done at once.
    pub(crate) fn write_tagged(
        &mut self,
        member: MemberId,
        number: u32,
        command: Command,
        tag: Option<RequestTag>,
    ) -> (u32, Result<bool, Failure>) {
        self.next_token += 1;
        let (token, at) = (self.next_token, self.at);
        let key = key(number);
        let result = self.with_replica(member, |replica, out| {
            let write = Write {
                cache: CACHE,
                settings: CacheSettings::default(),
                key: &key,
                command,
                want: Want::ALL,
                tag,
            };
            let written = replica.write(NOW, write, token, out);
            replica.send(at, out);
            written
        });
        let done = match result {
            Ok(Written::Done(outcome, token)) => {
                self.answers.push((token, Ok(outcome)));
                Ok(true)
            }
            Ok(Written::Waits { .. }) => Ok(false),
            Err((failure, _)) => Err(failure),
        };
        (token, done)
    }

    /// Puts, and waits until it is acknowledged.
    pub(crate) fn put(&mut self, member: MemberId, number: u32, value: u32) {
        let (token, done) = self.write(member, number, put(value));
        done.expect("the change was made");
        self.settle();
        assert!(
            self.answer(token)
                .expect("the write was answered")
                .expect("the write was done")
                .done
        );
    }

    pub(crate) fn answer(&self, token: u32) -> Option<Result<Outcome, Failure>> {
        self.answers
            .iter()
            .find(|(of, _)| *of == token)
            .map(|(_, result)| result.clone())
    }

    pub(crate) fn value(&self, member: MemberId, number: u32) -> Option<String> {
        let view = self.replicas[&member].store().get(NOW, CACHE, &key(number))?;
        Some(String::from_utf8(view.value().to_vec()).expect("it is text"))
    }

    /// Everything in a replica that must be the same in all.
    pub(crate) fn contents(&self, member: MemberId) -> impl PartialEq + std::fmt::Debug + use<> {
        let replica = &self.replicas[&member];
        let mut entries = Vec::new();
        replica.store().for_each(NOW, CACHE, |view| {
            entries.push((view.key().to_vec(), view.value().to_vec(), view.version()));
        });
        entries.sort();
        let mut outcomes: Vec<_> = replica
            .window()
            .all()
            .map(|answered| (answered.id, answered.outcome.done, answered.lowest_open))
            .collect();
        outcomes.sort();
        (entries, outcomes, replica.store().sequence(), replica.last())
    }

    pub(crate) fn assert_equal(&self, one: MemberId, other: MemberId) {
        assert_eq!(self.contents(one), self.contents(other));
    }

    pub(crate) fn was_proposed(&self, member: MemberId, change: &StepChange) -> bool {
        self.proposals
            .iter()
            .any(|(by, made)| *by == member && made == change)
    }
}

use std::sync::atomic::AtomicBool;

use grid_core::partition::table::StepChange;
use grid_core::replication::{Effect, Write};
use grid_core::store::{CacheId, CacheSettings, Command, TimeToLive, Want};
use grid_core::value::{Binary, Format, Key};

use crate::clock::ManualClock;

use super::*;

const A: MemberId = MemberId::new(1);
const B: MemberId = MemberId::new(2);
const C: MemberId = MemberId::new(3);

/// Keeps what a replica wants done. Listeners are here, and at a third member that has heard of nothing until it has.
#[derive(Default)]
struct Desk {
    messages: Mutex<VecDeque<(MemberId, Message)>>,
    proposals: Mutex<Vec<StepChange>>,
    /// The numbers of the changes that listeners here are told of, and those that others are.
    told: Mutex<(Vec<u64>, Vec<u64>)>,
    heard: AtomicBool,
}

impl Outlet for Desk {
    fn publish(
        &self,
        _place: (ServiceId, PartitionId, Epoch),
        effect: &Effect,
        here: bool,
        awaited: &mut Vec<Awaited>,
    ) {
        let number = effect.sequence().get();
        let mut told = self.told.lock();
        if here {
            told.0.push(number);
        }
        told.1.push(number);
        awaited.push(Awaited { member: C, number });
    }

    fn is_heard(&self, awaited: Awaited) -> bool {
        assert_eq!(awaited.member, C);
        self.heard.load(Ordering::SeqCst)
    }

    fn send(&self, to: MemberId, _service: ServiceId, _partition: PartitionId, message: &Message) {
        self.messages.lock().push_back((to, message.clone()));
    }

    fn propose(&self, _service: ServiceId, _partition: PartitionId, _epoch: Epoch, change: StepChange) {
        self.proposals.lock().push(change);
    }

    fn may_serve(&self) -> bool {
        true
    }
}

/// Two members with one partition.
struct Pair {
    clock: Arc<ManualClock>,
    assignment: Assignment,
    members: [(MemberId, Replicas, Arc<Desk>); 2],
}

impl Pair {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_unix_ms(1_000_000)));
        let members = [A, B].map(|member| {
            let settings = ReplicaSettings::default();
            let service = ServiceId::new(0);
            let replicas = Replicas::of_member(service, PartitionCount::ONE, clock.clone(), member, settings);
            let desk = Arc::<Desk>::default();
            replicas.connect(desk.clone());
            (member, replicas, desk)
        });
        let mut pair = Pair {
            clock,
            assignment: Assignment::default(),
            members,
        };
        pair.agree(&StepChange::Place {
            primary: A,
            backups: vec![B],
        });
        pair
    }

    fn agree(&mut self, change: &StepChange) {
        self.assignment.make(self.assignment.epoch, change).unwrap();
        for (_, replicas, _) in &self.members {
            replicas.configure(partition(), &self.assignment);
        }
        self.settle();
    }

    /// Lets time pass and messages arrive, until nothing happens any more.
    fn settle(&self) {
        for _ in 0..30 {
            self.clock.advance_ms(10);
            for (_, replicas, _) in &self.members {
                replicas.tick(replicas.uptime(), partition());
            }
            while self.members.iter().any(|member| self.deliver(member)) {}
        }
    }

    fn deliver(&self, (from, _, desk): &(MemberId, Replicas, Arc<Desk>)) -> bool {
        let Some((to, message)) = desk.messages.lock().pop_front() else {
            return false;
        };
        let (_, replicas, _) = self.members.iter().find(|(member, ..)| *member == to).unwrap();
        replicas.receive(partition(), *from, message);
        true
    }

    fn put(&self, replicas: &Replicas) {
        let key = Key::new(Binary::new(Format::JSON, "1".into())).unwrap();
        let written = replicas.change(partition(), |replica, out| {
            let write = Write {
                cache: CacheId::new(1),
                settings: CacheSettings::default(),
                key: &key,
                command: Command::Put {
                    value: Binary::new(Format::JSON, "true".into()),
                    ttl: TimeToLive::Never,
                },
                want: Want::ALL,
                tag: None,
            };
            let written = replica.write(replicas.now(), write, Waiter::none(), out);
            replica.send(replicas.uptime(), out);
            written.is_ok()
        });
        assert!(written);
        self.settle();
    }
}

fn partition() -> PartitionId {
    PartitionCount::ONE.nth(0).unwrap()
}

#[test]
fn a_partition_moves_when_other_members_have_heard() {
    let mut pair = Pair::new();
    let (_, replicas, desk) = &pair.members[0];
    pair.put(replicas);
    assert_eq!(*desk.told.lock(), (vec![1], vec![1]));
    replicas.change(partition(), |replica, out| {
        replica.seal(replicas.uptime(), B, out)
    });
    pair.settle();
    assert!(desk.proposals.lock().is_empty(), "nobody has heard of it");
    desk.heard.store(true, Ordering::SeqCst);
    pair.settle();
    assert!(desk.proposals.lock().contains(&StepChange::HandOver(B)));
    pair.agree(&StepChange::HandOver(B));
    let (_, replicas, desk) = &pair.members[1];
    assert!(replicas.read(partition()).serves());
    assert!(
        desk.told.lock().1.is_empty(),
        "what was heard of is not told again"
    );
}

#[test]
fn a_successor_tells_again_what_was_not_heard_of_but_not_to_those_here_who_were_told() {
    let mut pair = Pair::new();
    let (_, first, _) = &pair.members[0];
    pair.put(first);
    pair.put(first);
    let (_, second, desk) = &pair.members[1];
    // The first of them came here from the primary.
    let placed = second.read(partition()).placed();
    let mut told = 0;
    for _ in 0..2 {
        second.told_elsewhere(partition(), (placed, Sequence::new(1)), |anew| {
            assert!(!anew);
            told += 1;
        });
    }
    assert_eq!((told, desk.told.lock().1.len()), (1, 0));
    pair.assignment.remove_members(&[A].into(), true, |_| 0);
    second.configure(partition(), &pair.assignment);
    pair.settle();
    let (_, _, desk) = &pair.members[1];
    assert_eq!(*desk.told.lock(), (vec![2], vec![1, 2]));
}

#[test]
fn the_first_change_of_a_partition_that_began_anew_is_known_for_it_before_that_is_agreed_here() {
    let pair = Pair::new();
    let (_, replicas, _) = &pair.members[1];
    let placed = replicas.read(partition()).placed();
    let mut told = Vec::new();
    let mut tell = |placed: Epoch, sequence: u64| {
        let change = (placed, Sequence::new(sequence));
        replicas.told_elsewhere(partition(), change, |anew| told.push((change.0, anew)));
    };
    tell(placed, 1);
    tell(placed.next(), 1);
    tell(placed.next(), 2);
    tell(placed, 2);
    let anew = placed.next();
    assert_eq!(told, [(placed, false), (anew, true), (anew, false)]);
}

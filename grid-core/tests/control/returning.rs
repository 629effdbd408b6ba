//! Members that were cut off and come back.

use std::collections::BTreeSet;

use grid_core::control::{Command, ControlState, Identity, KeptCopy, Outcome};
use grid_core::membership::{ClusterId, HostId, Location, MemberId, MemberInfo, ProcessId};
use grid_core::partition::PartitionId;
use grid_core::partition::table::{Assignment, BackupCount, Epoch, ServiceId, Step, StepChange};

const SERVICE: ServiceId = ServiceId::new(0);

/// A cluster of two partitions.
struct Story {
    state: ControlState,
}

impl Story {
    /// With so many members.
    fn of(members: u16) -> Self {
        let mut story = Story {
            state: ControlState::new(Identity {
                name: "shop".to_owned(),
                id: ClusterId::new(7),
                partition_count: 2,
            }),
        };
        story.make(&Command::EnsureService {
            name: "partitioned-1".to_owned(),
            backups: BackupCount::default(),
        });
        for number in 1..=members {
            assert_eq!(story.join(number, None), MemberId::new(u64::from(number)));
        }
        story
    }

    fn make(&mut self, command: &Command) -> Outcome {
        let index = self.state.index() + 1;
        self.state.apply(index, command).0
    }

    fn join(&mut self, process: u16, before: Option<(MemberId, Vec<KeptCopy>)>) -> MemberId {
        match self.ask_to_join(process, process, before) {
            Outcome::Joined(member) => {
                self.make(&Command::Ready(member));
                member
            }
            other => panic!("{other:?}"),
        }
    }

    fn ask_to_join(
        &mut self,
        process: u16,
        machine: u16,
        before: Option<(MemberId, Vec<KeptCopy>)>,
    ) -> Outcome {
        let info = MemberInfo {
            process: ProcessId::new(u128::from(process)),
            host: HostId::new(u128::from(machine)),
            name: format!("m{process}"),
            address: format!("10.0.0.{machine}:7574").parse().expect("an address"),
            grpc: None,
            http: None,
            location: Location::default(),
            role: String::new(),
            storage: true,
            weight: 100,
            version: "0.1.0".to_owned(),
        };
        let info = Box::new(info);
        self.make(&Command::Join { info, before })
    }

    fn place(&mut self, partition: PartitionId, primary: MemberId, backups: &[MemberId]) {
        let change = StepChange::Place {
            primary,
            backups: backups.to_vec(),
        };
        let epoch = self.assignment(partition).epoch;
        let steps = vec![Step {
            partition,
            epoch,
            change,
        }];
        let outcome = self.make(&Command::Change {
            service: SERVICE,
            steps,
        });
        assert!(
            matches!(&outcome, Outcome::Steps(steps) if steps[0].is_ok()),
            "{outcome:?}"
        );
    }

    fn assignment(&self, partition: PartitionId) -> &Assignment {
        self.state
            .assignment(SERVICE, partition)
            .expect("there is such a partition")
    }

    fn remove(&mut self, member: MemberId, proven: bool) {
        let members = BTreeSet::from([member]);
        self.make(&Command::Remove { members, proven });
    }
}

fn partitions() -> [PartitionId; 2] {
    let state = Story::of(0).state;
    let mut all = state.partition_count().all();
    [all.next().expect("the first"), all.next().expect("the second")]
}

fn kept(partition: PartitionId, epoch: Epoch) -> KeptCopy {
    KeptCopy {
        service: SERVICE,
        partition,
        epoch,
    }
}

/// Two partitions of a member that was cut off, the second of which it never heard of.
fn cut_off() -> (Story, MemberId, [PartitionId; 2]) {
    let [first, second] = partitions();
    let mut story = Story::of(2);
    let member = MemberId::new(1);
    story.place(first, member, &[]);
    story.place(second, member, &[MemberId::new(2)]);
    story.remove(MemberId::new(2), true);
    story.remove(member, false);
    for partition in [first, second] {
        let assignment = story.assignment(partition);
        assert_eq!((assignment.primary, assignment.lost), (None, false));
        assert_eq!(assignment.last.len(), 1);
    }
    (story, member, [first, second])
}

#[test]
fn it_serves_what_it_kept_and_what_it_has_not_is_lost() {
    let (mut story, member, [first, second]) = cut_off();
    let epoch = story.assignment(first).last[0].epoch;
    let again = story.join(1, Some((member, vec![kept(first, epoch)])));
    assert_eq!(story.assignment(first).primary, Some(again));
    let second = story.assignment(second);
    assert_eq!((second.primary, second.lost), (None, true), "{second:?}");
    assert!(second.last.is_empty());
}

#[test]
fn an_old_request_gives_up_nothing_that_a_later_member_kept() {
    let (mut story, member, [first, second]) = cut_off();
    let all = vec![
        kept(first, story.assignment(first).last[0].epoch),
        kept(second, story.assignment(second).last[0].epoch),
    ];
    let again = story.join(1, Some((member, all)));
    story.remove(again, false);
    // What was asked for as the first member comes a second time, and says that nothing was kept.
    story.join(1, Some((member, Vec::new())));
    for partition in [first, second] {
        let assignment = story.assignment(partition);
        assert!(!assignment.lost, "{assignment:?}");
        assert_eq!(assignment.last[0].member, again);
    }
}

#[test]
fn a_primary_cannot_leave() {
    let [first, second] = partitions();
    let mut story = Story::of(3);
    let [leaving, other, third] = [1, 2, 3].map(MemberId::new);
    story.place(first, other, &[leaving, third]);
    story.place(second, third, &[other]);
    story.make(&Command::Drain(leaving));
    // While it asks to leave it is promoted.
    story.remove(other, true);
    assert_eq!(story.assignment(first).primary, Some(leaving));
    let refused = story.make(&Command::Leave(leaving));
    assert!(
        matches!(&refused, Outcome::Refused(why) if why.contains("primary")),
        "{refused:?}"
    );
    assert_eq!(story.assignment(first).primary, Some(leaving));
}

/// An old request of a process that ended, or a member elsewhere that was given the same address, takes nobody out.
#[test]
fn who_has_the_address_of_another_member_waits_until_that_is_known_to_be_gone() {
    let [first, _] = partitions();
    let mut story = Story::of(1);
    let member = MemberId::new(1);
    story.place(first, member, &[]);
    let before = story.state.clone();
    assert_eq!(story.ask_to_join(2, 1, None), Outcome::Occupied(member));
    assert_eq!(story.state.members(), before.members());
    assert_eq!(story.assignment(first).primary, Some(member));
    // The same process asks again: it is in.
    assert_eq!(story.ask_to_join(1, 1, None), Outcome::Joined(member));
    story.remove(member, true);
    assert_eq!(story.ask_to_join(2, 1, None), Outcome::Joined(MemberId::new(2)));
}

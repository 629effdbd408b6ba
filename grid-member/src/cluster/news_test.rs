use grid_core::control::{Command, Identity, Outcome};
use grid_core::membership::{ClusterId, HostId, Location, MemberInfo, ProcessId};
use grid_core::partition::table::{BackupCount, Step, StepChange};

use super::*;

const SERVICE: ServiceId = ServiceId::new(0);

/// A cluster of one partition, and who tells what it comes to.
struct Story {
    state: ControlState,
    newsroom: Newsroom,
}

impl Story {
    /// With two members.
    fn new() -> Self {
        let identity = Identity {
            name: "test".to_owned(),
            id: ClusterId::new(7),
            partition_count: 1,
        };
        let mut story = Story {
            state: ControlState::new(identity),
            newsroom: Newsroom::default(),
        };
        story.make(&Command::EnsureService {
            name: "partitioned-1".to_owned(),
            backups: BackupCount::default(),
        });
        for member in 1..=2_u16 {
            let info = MemberInfo {
                process: ProcessId::new(u128::from(member)),
                host: HostId::new(u128::from(member)),
                name: format!("m{member}"),
                address: format!("10.0.0.{member}:7574").parse().unwrap(),
                grpc: None,
                http: None,
                location: Location::default(),
                role: String::new(),
                storage: true,
                weight: 100,
                version: "0.1.0".to_owned(),
            };
            let info = Box::new(info);
            story.make(&Command::Join { info, before: None });
            story.make(&Command::Ready(MemberId::new(u64::from(member))));
        }
        story
    }

    fn make(&mut self, command: &Command) -> Delta {
        let index = self.state.index() + 1;
        let (outcome, delta) = self.state.apply(index, command);
        assert!(!matches!(outcome, Outcome::Refused(_)), "{outcome:?}");
        delta
    }

    /// The partition, whose primary is this member.
    fn place(&mut self, primary: u64) -> Delta {
        let (partition, epoch) = self.partition();
        let change = StepChange::Place {
            primary: MemberId::new(primary),
            backups: Vec::new(),
        };
        let steps = vec![Step {
            partition,
            epoch,
            change,
        }];
        self.make(&Command::Change {
            service: SERVICE,
            steps,
        })
    }

    fn lose(&mut self, member: u64) -> Delta {
        self.make(&Command::Remove {
            members: [MemberId::new(member)].into(),
            proven: true,
        })
    }

    fn accept(&mut self) -> Delta {
        self.make(&Command::AcceptLoss {
            service: SERVICE,
            partitions: vec![self.partition()],
        })
    }

    fn partition(&self) -> (PartitionId, Epoch) {
        let table = &self.state.services()[&SERVICE];
        let (partition, assignment) = table.partitions().next().unwrap();
        (partition, assignment.epoch)
    }

    /// Whether it has begun anew, and whether entries were given up, as this is told.
    fn told(&self, delta: &Delta) -> (bool, bool) {
        let is_in = |services: BTreeSet<ServiceId>| services.contains(&SERVICE);
        let anew = is_in(self.newsroom.begun_anew(&self.state, delta));
        (anew, is_in(self.newsroom.observe(&self.state, delta)))
    }
}

#[test]
fn entries_that_are_given_up_are_told_once_when_each_step_is_seen() {
    let mut story = Story::new();
    let mut told = Vec::new();
    let delta = story.place(1);
    told.push(story.told(&delta));
    let delta = story.lose(1);
    told.push(story.told(&delta));
    assert_eq!(told, [(false, false); 2]);
    let delta = story.accept();
    assert_eq!(story.told(&delta), (false, true), "nothing has begun yet");
    let delta = story.place(2);
    assert_eq!(story.told(&delta), (false, false), "it was told before");
}

#[test]
fn entries_that_are_given_up_are_told_when_what_is_there_anew_is_all_that_is_seen() {
    let mut story = Story::new();
    let delta = story.place(1);
    assert_eq!(story.told(&delta), (false, false));
    story.lose(1);
    story.accept();
    let delta = story.place(2);
    assert_eq!(story.told(&delta), (true, true));
    assert_eq!(story.told(&delta), (false, false));
}

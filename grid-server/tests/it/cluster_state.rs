//! What operators see, from made-up agreements of members.

use std::collections::BTreeSet;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use grid_core::cache::CacheError;
use grid_core::control::{Command, ControlState, Identity, Outcome};
use grid_core::membership::{ClusterId, HostId, Location, MemberId, MemberInfo, ProcessId};
use grid_core::partition::PartitionCount;
use grid_core::partition::table::{BackupCount, ServiceId, Step, StepChange};
use grid_core::store::Timestamp;
use grid_member::Grid;
use grid_member::clock::ManualClock;
use grid_server::cluster_view::{ChangeError, ClusterSource, ClusterView, ClusteredMember, StatusHa};
use parking_lot::Mutex;
use serde_json::{Value, json};

const SERVICE: ServiceId = ServiceId::new(0);

fn id(number: u64) -> MemberId {
    MemberId::new(number)
}

/// A cluster of four partitions with one backup each.
struct Story {
    state: ControlState,
}

impl Story {
    fn new() -> Self {
        let mut story = Story {
            state: ControlState::new(Identity {
                name: "shop".to_owned(),
                id: ClusterId::new(7),
                partition_count: 4,
            }),
        };
        story.make(&Command::EnsureService {
            name: "partitioned-1".to_owned(),
            backups: BackupCount::default(),
        });
        story
    }

    fn make(&mut self, command: &Command) -> Outcome {
        let index = self.state.index() + 1;
        self.state.apply(index, command).0
    }

    /// A member that is ready.
    fn join(&mut self, number: u16) {
        let address = |port: u16| format!("10.0.0.{number}:{port}").parse().unwrap();
        let info = MemberInfo {
            process: ProcessId::new(u128::from(number)),
            host: HostId::new(u128::from(number)),
            name: format!("m{number}"),
            address: address(7574),
            grpc: Some(address(1408)),
            http: None,
            location: Location {
                zone: format!("z{number}"),
                rack: "r".to_owned(),
                machine: format!("host-{number}"),
            },
            role: "data".to_owned(),
            storage: true,
            weight: 100,
            version: "0.1.0".to_owned(),
        };
        let joined = self.make(&Command::Join {
            info: Box::new(info),
            before: None,
        });
        let Outcome::Joined(member) = joined else {
            panic!("{joined:?}")
        };
        self.make(&Command::Ready(member));
    }

    fn change(&mut self, partition: usize, change: StepChange) {
        let count = PartitionCount::new(NonZeroU16::new(4).unwrap());
        let partition = count.all().nth(partition).unwrap();
        let epoch = self.state.assignment(SERVICE, partition).unwrap().epoch;
        let steps = vec![Step {
            partition,
            epoch,
            change,
        }];
        let outcome = self.make(&Command::Change {
            service: SERVICE,
            steps,
        });
        let Outcome::Steps(steps) = outcome else {
            panic!("{outcome:?}")
        };
        assert!(steps[0].is_ok(), "{steps:?}");
    }

    /// Two members share four partitions.
    fn pair() -> Self {
        let mut story = Story::new();
        story.join(1);
        story.join(2);
        for partition in 0..4 {
            let (primary, backup) = if partition % 2 == 0 { (1, 2) } else { (2, 1) };
            story.change(
                partition,
                StepChange::Place {
                    primary: id(primary),
                    backups: vec![id(backup)],
                },
            );
        }
        story
    }

    fn remove(&mut self, number: u64) {
        self.make(&Command::Remove {
            members: BTreeSet::from([id(number)]),
            proven: true,
        });
    }
}

#[derive(Clone)]
struct Source {
    story: Arc<Mutex<Option<Story>>>,
    lease_missing: Duration,
}

impl ClusterSource for Source {
    fn with_state(&self, look: &mut dyn FnMut(&ControlState)) {
        if let Some(story) = &*self.story.lock() {
            look(&story.state);
        }
    }

    fn me(&self) -> Option<MemberId> {
        Some(id(1))
    }

    fn leader(&self) -> Option<MemberId> {
        Some(id(2))
    }

    fn questions(&self) -> (usize, u64) {
        (0, 0)
    }

    fn lease_missing_for(&self) -> Duration {
        self.lease_missing
    }

    fn agree(&self, command: Command) -> BoxFuture<'_, Result<Outcome, CacheError>> {
        let outcome = self.story.lock().as_mut().map(|story| story.make(&command));
        async move { outcome.ok_or(CacheError::ShuttingDown) }.boxed()
    }

    fn hand_over(&self) -> BoxFuture<'_, Result<(), CacheError>> {
        async { Ok(()) }.boxed()
    }

    fn leave(&self) -> BoxFuture<'_, ()> {
        async {}.boxed()
    }
}

struct Seen {
    view: ClusteredMember<Source>,
    source: Source,
    clock: Arc<ManualClock>,
}

async fn seen(story: Option<Story>, lease_missing: Duration) -> Seen {
    let grid = Grid::builder().build().await.unwrap();
    let source = Source {
        story: Arc::new(Mutex::new(story)),
        lease_missing,
    };
    let clock = Arc::new(ManualClock::new(Timestamp::from_unix_ms(1_000)));
    Seen {
        view: ClusteredMember::new(grid, source.clone(), clock.clone()),
        source,
        clock,
    }
}

impl Seen {
    fn tell(&self, change: impl FnOnce(&mut Story)) {
        change(self.source.story.lock().as_mut().unwrap());
    }

    fn cluster(&self) -> Value {
        serde_json::to_value(self.view.cluster().unwrap()).unwrap()
    }
}

#[tokio::test]
async fn a_safe_pair_is_shown_as_documented() {
    let seen = seen(Some(Story::pair()), Duration::ZERO).await;
    let member = |number: u64| {
        json!({
            "id": number, "name": format!("m{number}"), "address": format!("10.0.0.{number}:7574"),
            "zone": format!("z{number}"), "machine": format!("host-{number}"), "state": "active", "storage": true,
        })
    };
    let expected = json!({
        "name": "shop",
        "members": [member(1), member(2)],
        "partitions": { "count": 4, "unassigned": 0, "endangered": 0, "moving": 0 },
        "status_ha": "SITE-SAFE",
        "leader": 2,
        "epoch": 9,
    });
    assert_eq!(seen.cluster(), expected);
    let health = seen.view.health();
    assert!(
        health.started && health.live && health.ready && health.safe,
        "{health:?}"
    );
    let members = serde_json::to_value(seen.view.members()).unwrap();
    assert_eq!(
        members[1],
        json!({
            "id": 2, "name": "m2", "address": "10.0.0.2:7574", "grpc": "10.0.0.2:1408", "http": null, "zone": "z2",
            "rack": "r", "machine": "host-2", "role": "data", "state": "active", "storage": true, "weight": 100,
            "version": "0.1.0", "leader": true, "answers": false, "primaries": 2, "backups": 2,
        })
    );
    assert_eq!(
        (&members[0]["answers"], &members[0]["leader"]),
        (&json!(true), &json!(false))
    );
    let figures = seen.view.figures();
    assert_eq!((figures.lost, figures.leads), (0, false));
}

#[tokio::test]
async fn a_partition_is_shown_with_who_holds_it_and_who_gets_it() {
    let mut story = Story::pair();
    story.join(3);
    story.change(0, StepChange::StartCopy(id(3)));
    let seen = seen(Some(story), Duration::ZERO).await;
    let services = serde_json::to_value(seen.view.partitions()).unwrap();
    assert_eq!(
        (&services[0]["service"], &services[0]["backups"]),
        (&json!("partitioned-1"), &json!(1))
    );
    assert_eq!(
        services[0]["partitions"][0],
        json!({
            "number": 0, "epoch": 1, "primary": 1, "backups": [2], "joining": [3], "lost": false, "waits_for": [],
        })
    );
    assert_eq!(seen.cluster()["partitions"]["moving"], 1);
    let rebalance = seen.view.rebalance();
    assert!(
        !rebalance.done && rebalance.copies_under_way == 1 && rebalance.moves_left > 0,
        "{rebalance:?}"
    );
    assert_eq!(rebalance.time_left_ms, None, "nothing is known of the pace yet");
    seen.clock.advance_ms(1_000);
    seen.tell(|story| {
        story.change(0, StepChange::Admit(id(3)));
        story.change(0, StepChange::HandOver(id(3)));
        story.change(0, StepChange::Dismiss(id(1)));
    });
    let later = seen.view.rebalance();
    assert!(later.moves_left < rebalance.moves_left, "{later:?}");
    let (done, left) = (rebalance.moves_left - later.moves_left, later.moves_left);
    assert_eq!(later.time_left_ms, Some(1_000 * left as u64 / done as u64));
}

#[tokio::test]
async fn a_survivor_is_safe_alone_and_loss_is_loud() {
    let seen = seen(Some(Story::pair()), Duration::ZERO).await;
    seen.tell(|story| story.remove(2));
    let cluster = seen.cluster();
    assert_eq!(
        (&cluster["status_ha"], &cluster["partitions"]["endangered"]),
        (&json!("ENDANGERED"), &json!(0))
    );
    assert!(seen.view.health().safe, "one member can hold no second copy");
    // A second one comes, and has no copies yet.
    seen.tell(|story| story.join(3));
    assert_eq!(seen.cluster()["partitions"]["endangered"], 4);
    assert!(!seen.view.health().safe);
    seen.tell(|story| story.remove(1));
    let cluster = seen.cluster();
    assert_eq!(cluster["partitions"]["unassigned"], 4);
    assert_eq!(seen.view.figures().lost, 4);
    assert_eq!(seen.view.cluster().unwrap().status_ha, StatusHa::Endangered);

    let refused = seen
        .view
        .accept_loss("partitioned-1".to_owned(), Some(vec![1, 9]))
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("partition 9"), "{refused}");
    assert_eq!(seen.view.figures().lost, 4, "it is all or nothing");
    let unknown = seen.view.accept_loss("other".to_owned(), None).await.unwrap_err();
    assert!(matches!(unknown, ChangeError::NotFound(_)), "{unknown}");
    assert!(unknown.to_string().contains("partitioned-1"), "{unknown}");
    assert_eq!(
        seen.view
            .accept_loss("partitioned-1".to_owned(), Some(vec![1]))
            .await
            .unwrap(),
        [1]
    );
    assert_eq!(
        seen.view
            .accept_loss("partitioned-1".to_owned(), None)
            .await
            .unwrap(),
        [0, 2, 3]
    );
    assert_eq!(seen.view.figures().lost, 0);
}

#[tokio::test]
async fn a_member_without_a_lease_is_not_ready() {
    let seen = seen(Some(Story::pair()), Duration::from_secs(3)).await;
    let health = seen.view.health();
    assert!(health.live && !health.ready && !health.safe, "{health:?}");
    assert_eq!(seen.view.figures().lease_missing, Duration::from_secs(3));
}

#[tokio::test]
async fn a_member_that_knows_no_cluster_says_nothing_of_it() {
    let seen = seen(None, Duration::from_secs(1)).await;
    assert_eq!(seen.view.cluster(), None);
    assert!(seen.view.members().is_empty() && seen.view.partitions().is_empty());
    let health = seen.view.health();
    assert!(health.live && !health.ready && !health.safe, "{health:?}");
    assert!(matches!(seen.view.drain(1).await, Err(ChangeError::Refused(_))));
}

#[tokio::test]
async fn a_drained_member_stays_and_leaves() {
    let seen = seen(Some(Story::pair()), Duration::ZERO).await;
    assert!(matches!(seen.view.drain(9).await, Err(ChangeError::NotFound(_))));
    seen.view.drain(2).await.unwrap();
    assert_eq!(seen.cluster()["members"][1]["state"], "leaving");
}

#[test]
fn a_member_has_handed_over_when_nothing_depends_on_it() {
    let mut story = Story::pair();
    assert!(!story.state.is_handed_over(id(1)));
    for partition in [0, 2] {
        story.change(partition, StepChange::HandOver(id(2)));
    }
    assert!(
        story.state.is_handed_over(id(1)),
        "nobody else could take its backups"
    );
    story.join(3);
    assert!(!story.state.is_handed_over(id(1)), "now somebody can");
    for partition in 0..4 {
        story.change(partition, StepChange::StartCopy(id(3)));
        story.change(partition, StepChange::Admit(id(3)));
    }
    assert!(story.state.is_handed_over(id(1)));
    story.remove(2);
    story.remove(3);
    assert!(story.state.is_handed_over(id(1)), "it is alone");
}

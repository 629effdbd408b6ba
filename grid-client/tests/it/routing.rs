//! Which server of a cluster is asked for what.

use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use grid_client::{RetryPolicy, Session};
use grid_core::cache::{Applied, Cache, CacheError, NamedCache, Unavailability};
use grid_core::partition::PartitionCount;
use grid_core::value::{Binary, Format, Key};
use grid_proto::girih::{Member, Service, Topology};
use grid_proto::v1::cache::NamedCacheRequestType as Kind;
use tokio::sync::watch;

use crate::fake::{Fake, Fault, Ledger, Membership, SERVICE, Shared};
use crate::faults::{builder, until};

const PARTITIONS: u16 = 17;

/// Two servers that share their entries, and what they say of each other.
struct Pair {
    fakes: [Fake; 2],
    ledger: Arc<Ledger>,
    topology: watch::Sender<Topology>,
}

fn topology(fakes: &[Fake; 2], index: u64, owner: impl Fn(u16) -> u64) -> Topology {
    let member = |(id, fake): (u64, &Fake)| Member {
        id,
        grpc_address: fake.address.to_string(),
        ..Member::default()
    };
    Topology {
        cluster_id: vec![9; 16].into(),
        generation: 0,
        index,
        partition_count: u32::from(PARTITIONS),
        members: (1..).zip(fakes).map(member).collect(),
        services: vec![Service {
            id: SERVICE,
            primaries: (0..PARTITIONS).map(owner).collect(),
        }],
    }
}

/// The even partitions are the first server's, the odd ones the second's.
fn by_parity(partition: u16) -> u64 {
    1 + u64::from(partition % 2)
}

impl Pair {
    fn start() -> Self {
        let ledger = Arc::<Ledger>::default();
        let topology = watch::Sender::new(Topology::default());
        let start = |member| {
            let fake = Fake::start_at(
                "127.0.0.1:0".parse().unwrap(),
                Arc::new(Shared::with(ledger.clone())),
            );
            let topology = topology.clone();
            assert!(
                fake.shared
                    .membership
                    .set(Membership { member, topology })
                    .is_ok()
            );
            fake
        };
        let fakes = [start(1), start(2)];
        topology.send_replace(self::topology(&fakes, 1, by_parity));
        Pair {
            fakes,
            ledger,
            topology,
        }
    }

    /// Says again who serves what.
    fn say(&self, index: u64, owner: impl Fn(u16) -> u64) {
        self.topology.send_replace(topology(&self.fakes, index, owner));
    }

    fn counts(&self, kind: Kind) -> [usize; 2] {
        [0, 1].map(|server: usize| self.fakes[server].shared.count(kind))
    }

    /// A session that was given the first server's address and is connected with both.
    async fn session(&self) -> (Session, Cache<u32, u32>) {
        let session = builder(&self.fakes[0]).connect().await.unwrap();
        let cache = session.cache::<u32, u32>("c").await.unwrap();
        let key = key_of(2);
        while self.counts(Kind::Get)[1] == 0 {
            cache.get(&key).await.unwrap();
        }
        (session, cache)
    }
}

/// The server that keys like this belong to.
fn owner_of(key: u32) -> u64 {
    let binary = Binary::new(Format::JSON, key.to_string().into());
    let count = PartitionCount::new(NonZeroU16::new(PARTITIONS).unwrap());
    let partition = count.partition_of(Key::new(binary).unwrap().placement());
    by_parity(u16::try_from(partition.index()).unwrap())
}

/// A key that belongs to this server.
fn key_of(server: u64) -> u32 {
    (0..).find(|key| owner_of(*key) == server).unwrap()
}

fn grown(before: [usize; 2], after: [usize; 2]) -> [usize; 2] {
    [after[0] - before[0], after[1] - before[1]]
}

#[tokio::test]
async fn keys_go_to_their_owners() {
    let pair = Pair::start();
    let (session, cache) = pair.session().await;
    let expected = [1, 2].map(|server| (0..100).filter(|key| owner_of(*key) == server).count());
    assert!(expected.iter().all(|count| *count > 10));
    let before = pair.counts(Kind::Put);
    for key in 0..100 {
        cache.insert(&key, &key).await.unwrap();
    }
    assert_eq!(grown(before, pair.counts(Kind::Put)), expected);
    let before = pair.counts(Kind::Get);
    for key in 0..100 {
        assert_eq!(cache.get(&key).await.unwrap(), Some(key));
    }
    assert_eq!(grown(before, pair.counts(Kind::Get)), expected);
    assert_eq!(pair.fakes.each_ref().map(|fake| fake.shared.calls()), [1, 1]);
    session.close().await;
    assert_eq!(session.running_tasks(), 0);
}

#[tokio::test]
async fn batches_are_split_by_owner() {
    let pair = Pair::start();
    let (session, cache) = pair.session().await;
    let entries: Vec<(u32, u32)> = (0..100).map(|key| (key, key)).collect();
    cache
        .put_all(entries.iter().map(|(key, value)| (key, value)))
        .await
        .unwrap();
    assert_eq!(pair.counts(Kind::PutAll), [1, 1]);
    for key in 0..100 {
        assert_eq!(cache.get(&key).await.unwrap(), Some(key));
    }
    let found = cache.get_all([&key_of(1), &key_of(2)]).await.unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(pair.counts(Kind::GetAll), [1, 1]);
    session.close().await;
}

#[tokio::test]
async fn what_is_told_later_counts_and_what_is_older_does_not() {
    let pair = Pair::start();
    let (session, cache) = pair.session().await;
    pair.say(5, |_| 1);
    let key = key_of(2);
    let moved = async {
        loop {
            let before = pair.counts(Kind::Get);
            cache.get(&key).await.unwrap();
            if grown(before, pair.counts(Kind::Get)) == [1, 0] {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), moved)
        .await
        .unwrap();
    pair.say(4, |_| 2);
    pair.say(6, |partition| if partition == 0 { 2 } else { 1 });
    let in_first = (0..).find(|key| {
        let binary = Binary::new(Format::JSON, key.to_string().into());
        Key::new(binary)
            .unwrap()
            .placement()
            .is_multiple_of(u64::from(PARTITIONS))
    });
    let in_first: u32 = in_first.unwrap();
    let moved = async {
        loop {
            let before = pair.counts(Kind::Get);
            cache.get(&in_first).await.unwrap();
            if grown(before, pair.counts(Kind::Get)) == [0, 1] {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), moved)
        .await
        .unwrap();
    let before = pair.counts(Kind::Get);
    cache.get(&key).await.unwrap();
    assert_eq!(
        grown(before, pair.counts(Kind::Get)),
        [1, 0],
        "the older is not taken"
    );
    session.close().await;
}

#[tokio::test]
async fn a_change_whose_answer_is_lost_is_asked_for_again_and_done_once() {
    let pair = Pair::start();
    let (session, cache) = pair.session().await;
    for (server, fault) in [
        (1, Fault::DropAfter),
        (2, Fault::DropAfter),
        (2, Fault::DropBefore),
        (1, Fault::DropBefore),
    ] {
        let (key, puts) = (key_of(server), pair.ledger.puts());
        for fake in &pair.fakes {
            fake.shared.plan(Kind::Put, fault.clone());
        }
        cache.insert(&key, &7).await.unwrap();
        assert_eq!(pair.ledger.puts(), puts + 1, "{fault:?} at {server}");
        pair.fakes.iter().for_each(|fake| fake.shared.forget_plans());
    }
    session.close().await;
}

#[tokio::test]
async fn when_an_owner_dies_others_are_asked() {
    let pair = Pair::start();
    let (session, cache) = pair.session().await;
    let Pair {
        fakes: [first, second],
        ledger,
        topology,
    } = pair;
    let key = key_of(2);
    cache.insert(&key, &1).await.unwrap();
    second.stop().await;
    cache.insert(&key, &2).await.unwrap();
    assert_eq!(cache.get(&key).await.unwrap(), Some(2));
    assert_eq!(ledger.puts(), 2);
    topology.send_modify(|topology| {
        topology.index = 2;
        topology.members.truncate(1);
        topology.services[0].primaries.fill(1);
    });
    cache.insert(&key, &3).await.unwrap();
    assert_eq!(
        first.shared.calls(),
        1,
        "this one was connected with all the time"
    );
    session.close().await;
}

#[tokio::test]
async fn when_the_first_server_dies_the_others_are_known() {
    let pair = Pair::start();
    let (session, cache) = pair.session().await;
    let Pair {
        fakes: [first, second],
        ..
    } = pair;
    first.stop().await;
    for server in [1, 2] {
        cache.insert(&key_of(server), &5).await.unwrap();
        assert_eq!(cache.get(&key_of(server)).await.unwrap(), Some(5));
    }
    assert_eq!(cache.size().await.unwrap(), 2);
    // The session's own connection goes to the other server, too.
    until("a second call", || second.shared.calls() == 2).await;
    session.close().await;
}

#[tokio::test]
async fn a_member_that_is_cut_off_is_not_believed() {
    let pair = Pair::start();
    let (session, cache) = pair.session().await;
    let words = "unavailable (minority; applied: no): nothing was changed, so do it again";
    let minority = CacheError::from_words(words);
    assert!(matches!(
        minority,
        Some(CacheError::Unavailable {
            reason: Unavailability::Minority,
            applied: Applied::No
        })
    ));
    for server in [1, 2] {
        let shared = &pair.fakes[server - 1].shared;
        shared.plan(Kind::Put, Fault::Refuse(words));
        shared.plan(Kind::Get, Fault::Refuse(words));
        let key = key_of(server as u64);
        cache.insert(&key, &1).await.unwrap();
        assert_eq!(cache.get(&key).await.unwrap(), Some(1));
    }
    session.close().await;
}

/// On one thread: a request that tried again without waiting would keep the others from ever going on.
#[tokio::test]
async fn requests_wait_for_the_cache_at_the_only_member_that_is_left() {
    let pair = Pair::start();
    let (session, _open_at_both) = pair.session().await;
    let cache = session.cache::<u32, u32>("d").await.unwrap();
    let [first, second] = &pair.fakes;
    let opened = second.shared.count(Kind::EnsureCache);
    second.shared.plan(Kind::EnsureCache, Fault::Hold);
    for _ in 0..2 {
        let words = "unavailable (minority; applied: no): nothing was changed, so do it again";
        first.shared.plan(Kind::Put, Fault::Refuse(words));
    }
    let mut keys = (0..).filter(|key| owner_of(*key) == 1);
    let (one, other) = (keys.next().unwrap(), keys.next().unwrap());
    let released = async {
        until("both go on to the other", || {
            first.shared.count(Kind::Put) == 2 && second.shared.count(Kind::EnsureCache) == opened + 1
        })
        .await;
        second.shared.release().await;
    };
    let (one, other, ()) = tokio::join!(cache.insert(&one, &1), cache.insert(&other, &2), released);
    one.unwrap();
    other.unwrap();
    assert_eq!(pair.counts(Kind::Put), [2, 2]);
    session.close().await;
}

#[tokio::test]
async fn a_member_that_left_is_not_waited_for() {
    let pair = Pair::start();
    let (session, cache) = pair.session().await;
    let key = key_of(2);
    pair.fakes[1].shared.plan(Kind::Put, Fault::Ignore);
    let asked = cache.insert(&key, &1);
    let voted_out = async {
        until("the put", || pair.counts(Kind::Put)[1] == 1).await;
        pair.topology.send_modify(|topology| {
            topology.index = 2;
            topology.members.truncate(1);
            topology.services[0].primaries.fill(1);
        });
    };
    let (asked, ()) = tokio::join!(asked, voted_out);
    asked.unwrap();
    assert_eq!(pair.counts(Kind::Put), [1, 1]);
    assert_eq!(pair.ledger.puts(), 1);
    session.close().await;
}

#[tokio::test]
async fn any_of_the_given_addresses_may_be_down() {
    let pair = Pair::start();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let down = free.local_addr().unwrap().to_string();
    drop(free);
    let up = pair.fakes[1].address.to_string();
    let session = Session::builder()
        .addresses([down.as_str(), &up])
        .retry(RetryPolicy::default())
        .connect()
        .await
        .unwrap();
    let cache = session.cache::<u32, u32>("c").await.unwrap();
    cache.insert(&1, &1).await.unwrap();
    session.close().await;
}

#[tokio::test]
async fn a_topology_that_cannot_be_is_passed_over() {
    let pair = Pair::start();
    let (session, cache) = pair.session().await;
    pair.topology.send_modify(|topology| {
        topology.index = 2;
        topology.partition_count = 0;
    });
    let before = pair.counts(Kind::Get);
    for _ in 0..20 {
        cache.get(&key_of(2)).await.unwrap();
    }
    assert_eq!(
        grown(before, pair.counts(Kind::Get)),
        [0, 20],
        "what was known holds"
    );
    session.close().await;
}

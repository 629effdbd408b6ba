//! Listeners at the members of a cluster, which hear of the changes at all of them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use futures::{FutureExt, StreamExt};
use grid_core::cache::conformance::{Fixture, Item, run_all};
use grid_core::cache::{Cache, CacheBackend, Events, NamedCache};
use grid_core::event::{CacheEvent, EntryEvent, EntryEventKind};
use grid_core::membership::MemberId;
use grid_core::partition::PartitionCount;
use grid_core::value::Value;
use grid_member::Grid;
use grid_member::cluster::ClusterSettings;
use grid_member::event::ListenerHub;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::cluster::{described, end, joined, member_of_few, settings, settled, three};
use crate::fixture::{bounded, opened, spawned, wait_until};

pub(crate) async fn caches(grids: &[Grid], name: &str) -> Vec<Cache<u32, u32>> {
    let mut caches = Vec::new();
    for grid in grids {
        caches.push(grid.cache::<u32, u32>(name).await.unwrap());
    }
    caches
}

async fn hub(grid: &Grid, name: &str) -> Arc<ListenerHub> {
    opened(grid, name).await.listeners().clone()
}

fn id(grid: &Grid) -> MemberId {
    grid.cluster().unwrap().me().unwrap()
}

async fn entry(events: &mut Events<u32, u32>) -> EntryEvent<u32, u32> {
    match bounded("an event", events.next()).await {
        Some(Ok(CacheEvent::Entry(event))) => event,
        other => panic!("{other:?} instead of an event"),
    }
}

/// What a listener made of the events so far, each of which must follow the one before of its key.
#[derive(Default)]
pub(crate) struct Chain {
    pub(crate) values: HashMap<u32, u32>,
    count: usize,
}

impl Chain {
    pub(crate) fn add(&mut self, event: &EntryEvent<u32, u32>) {
        assert_eq!(
            event.old,
            self.values.get(&event.key).copied(),
            "an event is missing, doubled or out of order: {event:?}"
        );
        let kind = match (event.old, event.new) {
            (None, Some(_)) => EntryEventKind::Insert,
            (Some(_), Some(_)) => EntryEventKind::Update,
            _ => EntryEventKind::Delete,
        };
        assert_eq!(event.kind, kind);
        match event.new {
            Some(new) => self.values.insert(event.key, new),
            None => self.values.remove(&event.key),
        };
        self.count += 1;
    }

    /// Takes events until every key has its last value.
    async fn until(&mut self, events: &mut Events<u32, u32>, last: &HashMap<u32, u32>) {
        while self.values != *last {
            self.add(&entry(events).await);
        }
        let more = events.next().now_or_never();
        assert!(more.is_none(), "an event too many: {more:?}");
    }
}

/// An event of a change may still be on its way when the change was acknowledged at another member.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_heard_of_what_was_acknowledged_before() {
    let grids = three().await;
    let caches = caches(&grids, "before").await;
    // Others listen to the same, at the same member, all the time.
    let standing = (
        caches[0].listen_key(&1).await.unwrap(),
        caches[0].listen().await.unwrap(),
    );
    for round in 1..200 {
        for cache in &caches[1..] {
            cache.insert(&1, &round).await.unwrap();
            let mut of_key = caches[0].listen_key(&1).await.unwrap();
            let mut of_all = caches[0].listen().await.unwrap();
            cache.insert(&1, &(1_000 + round)).await.unwrap();
            for events in [&mut of_key, &mut of_all] {
                assert_eq!(entry(events).await.new, Some(1_000 + round));
            }
        }
    }
    drop(standing);
    end(grids).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_member_hears_of_every_change_once_and_in_order() {
    const KEYS: u32 = 60;
    let grids = three().await;
    let caches = caches(&grids, "all").await;
    let mut heard = Vec::new();
    for cache in &caches {
        heard.push(cache.listen().await.unwrap());
    }
    let writers = (0..).zip(&caches).map(|(member, cache): (u32, _)| {
        let cache = cache.clone();
        spawned(async move {
            for round in 0..5 {
                for key in 0..KEYS {
                    cache.insert(&key, &(member * 1_000 + round)).await.unwrap();
                }
            }
            cache.remove(&member).await.unwrap();
            let many: Vec<(u32, u32)> = (0..KEYS).map(|key| (KEYS * (1 + member) + key, key)).collect();
            cache
                .put_all(many.iter().map(|(key, value)| (key, value)))
                .await
                .unwrap();
        })
    });
    join_all(writers).await;
    caches[0].insert(&u32::MAX, &1).await.unwrap();
    let mut last = HashMap::new();
    for key in (0..KEYS * 4).chain([u32::MAX]) {
        if let Some(value) = caches[1].get(&key).await.unwrap() {
            last.insert(key, value);
        }
    }
    for mut events in heard {
        let mut chain = Chain::default();
        chain.until(&mut events, &last).await;
        assert!(
            chain.count >= usize::try_from(KEYS * 3 * 6).unwrap(),
            "{}",
            chain.count
        );
    }
    caches[2].clear().await.unwrap();
    end(grids).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_event_of_a_change_is_there_before_its_answer() {
    let grids = three().await;
    let caches = caches(&grids, "before").await;
    let mut events = caches[1].listen().await.unwrap();
    for key in 0..100 {
        caches[1].insert(&key, &key).await.unwrap();
        let event = events.next().now_or_never();
        assert!(event.is_some(), "the answer to {key} came before its event");
    }
    caches[1]
        .put_all(
            (0..100)
                .map(|key| (key, key))
                .collect::<Vec<_>>()
                .iter()
                .map(|(k, v)| (k, v)),
        )
        .await
        .unwrap();
    for key in 0..100 {
        assert!(events.next().now_or_never().is_some(), "{key} events of a batch");
    }
    caches[1].clear().await.unwrap();
    for key in 0..100 {
        assert!(events.next().now_or_never().is_some(), "{key} events of a clear");
    }
    caches[1].truncate().await.unwrap();
    assert!(matches!(
        events.next().now_or_never(),
        Some(Some(Ok(CacheEvent::Truncated)))
    ));
    end(grids).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_before_a_truncation_is_told_before_it() {
    let grids = three().await;
    let caches = caches(&grids, "truncated").await;
    let mut events = caches[2].listen().await.unwrap();
    for round in 0..20 {
        // Neither of them is the member that listens.
        let keys: Vec<u32> = (0..100).collect();
        let entries = keys.iter().map(|key| (key, &round));
        caches[0].put_all(entries).await.unwrap();
        caches[1].truncate().await.unwrap();
        let mut heard = BTreeSet::new();
        loop {
            match bounded("an event", events.next()).await {
                Some(Ok(CacheEvent::Entry(event))) => heard.insert(event.key),
                Some(Ok(CacheEvent::Truncated)) => break,
                other => panic!("{other:?} instead of an event"),
            };
        }
        assert_eq!(heard, BTreeSet::from_iter(keys), "round {round}");
    }
    end(grids).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_and_lite_and_those_who_stop_to_listen() {
    let grids = three().await;
    let caches = caches(&grids, "keys").await;
    let hubs = [hub(&grids[0], "keys").await, hub(&grids[1], "keys").await];
    let me = BTreeSet::from([id(&grids[2])]);
    let mut lite = caches[2].listen_lite().await.unwrap();
    for hub in &hubs {
        assert_eq!(hub.members(), me, "the answer came before all knew it");
        assert!(hub.want(false).change && !hub.want(false).new_value);
    }
    let mut of_key = Vec::new();
    for key in 0..30 {
        of_key.push(caches[2].listen_key(&key).await.unwrap());
    }
    for key in 0..60 {
        caches[0].insert(&key, &(key + 1)).await.unwrap();
        caches[0].insert(&key, &(key + 2)).await.unwrap();
    }
    for _ in 0..120 {
        let event = entry(&mut lite).await;
        assert!(event.old.is_none() && event.new.is_none(), "{event:?}");
    }
    for (key, events) in (0..).zip(&mut of_key) {
        let first = entry(events).await;
        assert_eq!((first.key, first.old, first.new), (key, None, Some(key + 1)));
        let second = entry(events).await;
        assert_eq!(
            (second.key, second.old, second.new),
            (key, Some(key + 1), Some(key + 2))
        );
        assert!(events.next().now_or_never().is_none());
    }
    drop((lite, of_key));
    for hub in &hubs {
        wait_until("the end of listening at other members", || {
            hub.members().is_empty()
        })
        .await;
        assert!(!hub.want(false).change, "nobody listens any more");
    }
    end(grids).await;
}

/// Writes until it is told to stop, each key by one task; gives the last value of each key.
pub(crate) async fn write_until(
    caches: &[Cache<u32, u32>],
    enough: &CancellationToken,
    written: &watch::Sender<u32>,
) -> HashMap<u32, u32> {
    let writers = (0..12).map(|key: u32| {
        let cache = caches[key as usize % caches.len()].clone();
        let (enough, written) = (enough.clone(), written.clone());
        spawned(async move {
            let mut value = 0;
            while !enough.is_cancelled() {
                value += 1;
                for part in 0..4 {
                    cache.insert(&(key + 12 * part), &value).await.unwrap();
                }
                written.send_modify(|written| *written += 1);
            }
            (key, value)
        })
    });
    let last = join_all(writers).await;
    last.into_iter()
        .flat_map(|(key, value)| (0..4).map(move |part| (key + 12 * part, value)))
        .collect()
}

/// Waits until a member is the primary of some partitions.
pub(crate) async fn serves(grid: &Grid) {
    let (view, me) = (grid.cluster().unwrap().view(), id(grid));
    let serves = |_: &u64| {
        view.read(|state| {
            let mut assignments = state.services().values().flat_map(|service| &service.assignments);
            assignments.any(|assignment| assignment.primary == Some(me))
        }) == Some(true)
    };
    view.index().wait_for(serves).await.unwrap();
}

/// Waits until so many more rounds are written.
pub(crate) async fn more(written: &watch::Sender<u32>, rounds: u32) {
    let mut news = written.subscribe();
    let before = *news.borrow();
    news.wait_for(|written| *written >= before + rounds)
        .await
        .unwrap();
}

/// Takes events beside others until the chain has the values that come last.
async fn follow(mut events: Events<u32, u32>, last: tokio::sync::oneshot::Receiver<HashMap<u32, u32>>) {
    let mut chain = Chain::default();
    let mut last = last.fuse();
    let last = loop {
        tokio::select! {
            biased;
            last = &mut last => break last.unwrap(),
            event = events.next() => match event {
                Some(Ok(CacheEvent::Entry(event))) => chain.add(&event),
                other => panic!("{other:?} instead of an event"),
            },
        }
    };
    chain.until(&mut events, &last).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_members_come_and_leave_each_event_is_heard_once() {
    let grids = three().await;
    let caches = caches(&grids, "moves").await;
    let (enough, written) = (CancellationToken::new(), watch::Sender::new(0));
    let mut tell = Vec::new();
    let mut follow_all = Vec::new();
    for cache in &caches[..2] {
        let (sender, last) = tokio::sync::oneshot::channel();
        tell.push(sender);
        follow_all.push(follow(cache.listen().await.unwrap(), last));
    }
    let changes = async {
        let fourth = member_of_few(4, Some(&grids[0])).await;
        bounded("partitions of the fourth member", serves(&fourth)).await;
        // It knows who listens, though it came later.
        let hub = hub(&fourth, "moves").await;
        assert_eq!(hub.members(), BTreeSet::from([id(&grids[0]), id(&grids[1])]));
        bounded("a member leaving", grids[2].drain()).await.unwrap();
        grids[2].shutdown().await;
        settled(&[&grids[0], &grids[1], &fourth]).await;
        more(&written, 50).await;
        enough.cancel();
        fourth
    };
    let write = async {
        let last = write_until(&caches[..2], &enough, &written).await;
        for sender in tell {
            sender.send(last.clone()).unwrap();
        }
    };
    let all = async { tokio::join!(changes, write, join_all(follow_all)) };
    let (fourth, (), _) = bounded("all", Box::pin(all)).await;
    fourth.shutdown().await;
    let [first, second, _] = grids;
    end([first, second]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_a_member_dies_no_event_is_lost_or_doubled() {
    let grids = three().await;
    let caches = caches(&grids, "dies").await;
    let (enough, written) = (CancellationToken::new(), watch::Sender::new(0));
    let (sender, last) = tokio::sync::oneshot::channel();
    let followed = follow(caches[0].listen().await.unwrap(), last);
    // Who follows ends with the last event; this one goes on.
    let stays = caches[0].listen().await.unwrap();
    let gone = caches[2].listen().await.unwrap();
    let hub = hub(&grids[1], "dies").await;
    assert_eq!(hub.members(), BTreeSet::from([id(&grids[0]), id(&grids[2])]));
    let changes = async {
        more(&written, 50).await;
        // It takes no leave.
        grids[2].shutdown().await;
        settled(&[&grids[0], &grids[1]]).await;
        more(&written, 50).await;
        enough.cancel();
    };
    let write = async {
        let last = write_until(&caches[..2], &enough, &written).await;
        sender.send(last).unwrap();
    };
    let all = async { tokio::join!(changes, write, followed) };
    bounded("all", Box::pin(all)).await;
    assert_eq!(
        hub.members(),
        BTreeSet::from([id(&grids[0])]),
        "what the member that is gone listened to is forgotten"
    );
    drop((stays, gone));
    let [first, second, _] = grids;
    end([first, second]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_that_find_no_room_are_told_to_be_missing() {
    let build = |number: usize, join: Option<&Grid>| {
        let settings = ClusterSettings {
            events_len_max: 1,
            ..settings(join)
        };
        let builder = described(number, join).cluster(settings);
        joined(builder.partition_count(PartitionCount::ONE))
    };
    let first = build(1, None).await;
    let second = build(2, Some(&first)).await;
    settled(&[&first, &second]).await;
    let grids = [first, second];
    let caches = caches(&grids, "full").await;
    let primary = grids[0].cluster().unwrap().view().read(|state| {
        let service = state.services().values().next().unwrap();
        service.assignments[0].primary.unwrap()
    });
    let (primary, other) = match primary == Some(id(&grids[0])) {
        true => (&caches[0], &caches[1]),
        false => (&caches[1], &caches[0]),
    };
    primary
        .put_all(
            (0..500)
                .map(|key| (key, key))
                .collect::<Vec<_>>()
                .iter()
                .map(|(k, v)| (k, v)),
        )
        .await
        .unwrap();
    let mut events = other.listen().await.unwrap();
    // All of them are told while the partition is locked.
    primary.clear().await.unwrap();
    let missed = async { while !matches!(events.next().await, Some(Ok(CacheEvent::Resync))) {} };
    bounded("word of what is missing", missed).await;
    // It goes on.
    let go_on = async {
        for key in 0.. {
            other.insert(&key, &key).await.unwrap();
            if let Some(Some(Ok(CacheEvent::Entry(event)))) = events.next().now_or_never()
                && event.new == Some(key)
            {
                return;
            }
        }
    };
    bounded("an event", go_on).await;
    end(grids).await;
}

/// The caches of three members, as the one sees them that came last.
struct Clustered {
    grids: [Grid; 3],
}

impl Fixture for Clustered {
    type Cache<K: Item, V: Item> = Cache<K, V>;

    async fn open<K: Item, V: Item>(&self, name: &str) -> Cache<K, V> {
        self.grids[2].cache(name).await.expect("a cache")
    }

    async fn backend(&self, name: &str) -> Arc<dyn CacheBackend> {
        self.open::<Value, Value>(name).await.backend().clone()
    }

    async fn pass_time(&self, _by: Duration) {}

    async fn deadline(&self, after: Duration) {
        tokio::time::sleep(after).await;
    }

    async fn spawn<T>(&self, task: impl Future<Output = T> + Send + 'static) -> T
    where
        T: Send + 'static,
    {
        spawned(task).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn caches_of_three_members_hold_the_contract() {
    let fixture = Clustered { grids: three().await };
    run_all(&fixture).await;
    end(fixture.grids).await;
}

//! What is told of changes when members break at the worst moment: whoever listens is told of each, or that something is
//! missing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use grid_core::cache::{Cache, CacheError, Events, NamedCache, View};
use grid_core::control::Command;
use grid_core::event::CacheEvent;
use grid_core::partition::PartitionCount;
use grid_core::query::Filter;
use grid_member::Grid;
use grid_member::cluster::ClusterSettings;
use grid_member::routing::RouterSettings;
use grid_proto::member::Lane;
use tokio::sync::watch;

use crate::cluster::{FEW_PARTITIONS, described, end, joined, settings, settled};
use crate::fixture::{bounded, fill, opened, spawned, wait_until};
use crate::gate::{Fate, Gate, Passing, kind};
use crate::listening::caches;

const ENTRIES: u32 = 400;

fn id(grid: &Grid) -> u64 {
    grid.cluster().unwrap().me().unwrap().get()
}

/// Asks again while the answer is that it may be there later.
async fn answered<T>(ask: impl AsyncFn() -> Result<T, CacheError>) -> T {
    let asked = async {
        loop {
            match ask().await {
                Err(error) if error.is_transient() => {}
                answer => return answer.unwrap(),
            }
        }
    };
    bounded("an answer", asked).await
}

/// Cuts what comes from one member on the lane of partitions and events.
#[derive(Default)]
struct Cut {
    from: AtomicU64,
    /// It begins with the first frame of this kind; 0 for none.
    at: AtomicU8,
    is_on: AtomicBool,
}

impl Cut {
    fn judge(&self, passing: &Passing<'_>) -> Fate {
        if !passing.is_data_of(self.from.load(Ordering::SeqCst)) {
            return Fate::Arrives;
        }
        if passing.is(self.at.load(Ordering::SeqCst)) {
            self.at.store(0, Ordering::SeqCst);
            self.is_on.store(true, Ordering::SeqCst);
        }
        if self.is_on.load(Ordering::SeqCst) {
            Fate::Breaks
        } else {
            Fate::Arrives
        }
    }

    fn begin_at(&self, from: &Grid, kind: u8) {
        self.from.store(id(from), Ordering::SeqCst);
        self.at.store(kind, Ordering::SeqCst);
    }

    fn is_on(&self) -> bool {
        self.is_on.load(Ordering::SeqCst)
    }

    fn end(&self) {
        self.is_on.store(false, Ordering::SeqCst);
    }
}

/// Three members, the last behind a gate, with a cache that has entries, and who listens to it at each.
struct Cut3 {
    grids: [Grid; 3],
    caches: Vec<Cache<u32, u32>>,
    listeners: Vec<(Events<u32, u32>, View<u32, u32>)>,
    cut: Arc<Cut>,
    gate: Gate,
}

impl Cut3 {
    async fn new() -> Self {
        let build = |number: usize, join: Option<&Grid>, settings: ClusterSettings| {
            let settings = ClusterSettings {
                routing: RouterSettings {
                    request_timeout: Duration::from_secs(2),
                    ..RouterSettings::default()
                },
                ..settings
            };
            let builder = described(number, join).cluster(settings);
            joined(builder.partition_count(PartitionCount::new(FEW_PARTITIONS)))
        };
        let cut = Arc::new(Cut::default());
        let judge = cut.clone();
        let gate = Gate::new(move |passing| judge.judge(passing)).await;
        let first = build(1, None, settings(None)).await;
        let second = build(2, Some(&first), settings(Some(&first))).await;
        let third = build(3, Some(&first), gate.settings(Some(&first))).await;
        settled(&[&first, &second, &third]).await;
        let grids = [first, second, third];
        let caches = caches(&grids, "cut").await;
        fill(&caches[0], ENTRIES).await;
        let mut listeners = Vec::new();
        for cache in &caches {
            let events = cache.listen().await.unwrap();
            listeners.push((events, cache.view(&Filter::Always).await.unwrap()));
        }
        Cut3 {
            grids,
            caches,
            listeners,
            cut,
            gate,
        }
    }

    /// Each of these members' listeners is told of the truncation, or that something is missing, and its view is what the cache is.
    async fn all_are_told(&mut self, members: std::ops::Range<usize>) {
        for (member, (events, view)) in self.listeners[members.clone()].iter_mut().enumerate() {
            let told = async {
                loop {
                    match events.next().await {
                        Some(Ok(CacheEvent::Truncated | CacheEvent::Resync)) => return,
                        Some(Ok(CacheEvent::Entry(_))) => {}
                        other => panic!("{other:?} instead of an event"),
                    }
                }
            };
            bounded(&format!("word at member {member} of {members:?}"), told).await;
            let mut entries = Vec::new();
            for key in 0..ENTRIES {
                let value = answered(async || self.caches[members.start].get(&key).await).await;
                entries.extend(value.map(|_| key));
            }
            wait_until("the view to be as the cache", || {
                let mut keys: Vec<u32> = view.keys().iter().map(|key| **key).collect();
                keys.sort_unstable();
                keys == entries
            })
            .await;
        }
    }

    async fn end(self) {
        drop((self.listeners, self.caches));
        end(self.grids).await;
        drop(self.gate);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_truncation_that_fails_after_some_partitions_is_not_untold() {
    let mut cluster = Cut3::new().await;
    cluster.cut.begin_at(&cluster.grids[0], kind::PARTS);
    let truncated = bounded("an answer", cluster.caches[0].truncate()).await;
    assert!(truncated.is_err() && cluster.cut.is_on(), "{truncated:?}");
    cluster.cut.end();
    cluster.all_are_told(0..3).await;
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_is_not_connected_when_a_truncation_ends_hears_of_it_later() {
    let mut cluster = Cut3::new().await;
    // All partitions are truncated by then.
    cluster.cut.begin_at(&cluster.grids[0], kind::FLUSH);
    bounded("an answer", cluster.caches[0].truncate()).await.unwrap();
    assert!(cluster.cut.is_on());
    cluster.cut.end();
    cluster.all_are_told(0..3).await;
    assert!(answered(async || cluster.caches[0].is_empty().await).await);
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_truncation_whose_member_dies_after_some_partitions_is_not_untold() {
    let mut cluster = Cut3::new().await;
    let second = opened(&cluster.grids[1], "cut").await;
    assert!(second.info().entries > 0);
    cluster.cut.begin_at(&cluster.grids[0], kind::PARTS);
    let cache = cluster.caches[0].clone();
    let truncating = spawned(async move { cache.truncate().await });
    let dies = async {
        wait_until("the partitions of the second member to be empty", || {
            cluster.cut.is_on() && second.info().entries == 0
        })
        .await;
        // It takes no leave.
        cluster.grids[0].shutdown().await;
    };
    let (truncated, ()) = bounded("the end of a member", async { tokio::join!(truncating, dies) }).await;
    assert!(truncated.is_err(), "{truncated:?}");
    settled(&[&cluster.grids[1], &cluster.grids[2]]).await;
    cluster.all_are_told(1..3).await;
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_truncation_that_nobody_waits_for_is_told() {
    let mut cluster = Cut3::new().await;
    {
        let truncating = cluster.caches[0].truncate();
        tokio::pin!(truncating);
        let begun = futures::poll!(truncating.as_mut());
        assert!(begun.is_pending());
    }
    cluster.all_are_told(0..3).await;
    assert!(answered(async || cluster.caches[0].is_empty().await).await);
    cluster.end().await;
}

/// Whether the body of an event frame is word that events are missing: behind whom it is for, and its number.
fn is_missed(mut body: &[u8]) -> bool {
    for _ in 0..2 {
        let end = body.iter().position(|byte| byte & 0x80 == 0).unwrap();
        body = &body[end + 1..];
    }
    body[0] == 1
}

/// A member hears of nothing that the primary tells, which gives that up, and then goes in some way.
async fn given_up_by_one_that(goes: impl AsyncFnOnce(&Grid)) {
    let (deaf_to, given_up) = (Arc::new(AtomicU64::new(0)), watch::Sender::new(false));
    let (from, tell) = (deaf_to.clone(), given_up.clone());
    let gate = Gate::new(move |passing| {
        if !passing.is_data_of(from.load(Ordering::SeqCst)) || !passing.is(kind::EVENT) {
            return Fate::Arrives;
        }
        if is_missed(&passing.frame.payload) {
            tell.send_replace(true);
        }
        Fate::Lost
    })
    .await;
    let build = |number: usize, join: Option<&Grid>, settings: ClusterSettings| {
        let builder = described(number, join).cluster(settings);
        joined(builder.partition_count(PartitionCount::ONE))
    };
    let first = build(1, None, settings(None)).await;
    let mut grids = vec![first];
    for number in 2..=3 {
        grids.push(build(number, Some(&grids[0]), settings(Some(&grids[0]))).await);
    }
    let listens = ClusterSettings {
        storage: false,
        ..gate.settings(Some(&grids[0]))
    };
    let listens = build(4, Some(&grids[0]), listens).await;
    let cache = listens.cache::<u32, u32>("deaf").await.unwrap();
    settled(&grids.iter().chain([&listens]).collect::<Vec<_>>()).await;
    let mut events = cache.listen().await.unwrap();
    let primary = listens.cluster().unwrap().view().read(|state| {
        let service = state.services().values().next().unwrap();
        service.assignments[0].primary.unwrap().get()
    });
    let primary = grids.iter().position(|grid| Some(id(grid)) == primary).unwrap();
    let primary = grids.remove(primary);
    deaf_to.store(id(&primary), Ordering::SeqCst);
    let writes = grids[0].cache::<u32, u32>("deaf").await.unwrap();
    writes.insert(&1, &1).await.unwrap();
    let mut news = given_up.subscribe();
    bounded("the end of waiting", news.wait_for(|given_up| *given_up))
        .await
        .unwrap();
    bounded("a member going", goes(&primary)).await;
    let missed = async {
        loop {
            match events.next().await {
                Some(Ok(CacheEvent::Resync)) => return,
                Some(Ok(CacheEvent::Entry(_))) => {}
                other => panic!("{other:?} instead of an event"),
            }
        }
    };
    bounded("word of what is missing", missed).await;
    primary.shutdown().await;
    end(grids).await;
    listens.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_given_up_is_told_by_others_when_the_member_dies() {
    given_up_by_one_that(async |primary| primary.shutdown().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_given_up_is_told_by_others_when_the_member_leaves() {
    given_up_by_one_that(async |primary| primary.drain().await.unwrap()).await;
}

/// Of two primaries one knows that a member is back which was cut off. So the member is told of some changes, and not of others
/// before them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_cut_off_is_told_of_no_change_before_the_word_that_something_is_missing() {
    let newest = Arc::new(AtomicU64::new(u64::MAX));
    let known_until = newest.clone();
    let gate = Gate::new(move |passing| {
        let is_back = passing.lane == Lane::Data && passing.from > known_until.load(Ordering::SeqCst);
        if is_back && passing.is(kind::INTEREST) {
            Fate::Lost
        } else {
            Fate::Arrives
        }
    })
    .await;
    let build = |number: usize, settings: ClusterSettings| {
        let builder = described(number, None).cluster(settings);
        joined(builder.partition_count(PartitionCount::new(FEW_PARTITIONS)))
    };
    let first = build(1, settings(None)).await;
    let second = build(2, gate.settings(Some(&first))).await;
    let third = build(3, settings(Some(&first))).await;
    settled(&[&first, &second, &third]).await;
    let grids = [first, second, third];
    let caches = caches(&grids, "back").await;
    let mut events = caches[2].listen().await.unwrap();
    let before = grids[2].cluster().unwrap().me().unwrap();
    newest.store(before.get(), Ordering::SeqCst);
    let removed = Command::Remove {
        members: [before].into(),
        proven: false,
    };
    grids[0].cluster().unwrap().agree(&removed).await.unwrap();
    let hub = opened(&grids[0], "back").await.listeners().clone();
    wait_until("the member to be back and known at the first", || {
        let me = grids[2].cluster().unwrap().me();
        me.is_some_and(|me| me != before && hub.members().contains(&me))
    })
    .await;
    for key in 0..ENTRIES {
        answered(async || caches[0].insert(&key, &key).await).await;
    }
    let too_early = events.next().now_or_never();
    assert!(too_early.is_none(), "{too_early:?}");
    newest.store(u64::MAX, Ordering::SeqCst);
    let word = bounded("word of what is missing", events.next()).await;
    assert!(matches!(word, Some(Ok(CacheEvent::Resync))), "{word:?}");
    answered(async || caches[0].insert(&ENTRIES, &1).await).await;
    let event = bounded("an event", events.next()).await;
    assert!(
        matches!(event, Some(Ok(CacheEvent::Entry(ref event))) if event.key == ENTRIES),
        "{event:?}"
    );
    drop((events, caches));
    end(grids).await;
}

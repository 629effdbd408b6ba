//! Processors and aggregators of one's own on one member.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::time::Duration;

use futures::{FutureExt, StreamExt, TryStreamExt};
use grid_core::cache::{Cache, CacheError, Invoked, NamedCache};
use grid_core::event::{CacheEvent, EntryEventKind};
use grid_core::partition::PartitionCount;
use grid_core::processor::own::{Entry, EntryError, OwnAgents, OwnFailure, OwnFailureKind, OwnKind};
use grid_core::processor::{Processor, ProcessorWork};
use grid_core::query::{Aggregator, Extractor, Filter, OwnAggregation, Test, field};
use grid_core::store::{IndexDefinition, WorkAnswer};
use grid_core::value::to_key;
use grid_member::Grid;
use grid_member::cache::CacheLimits;
use serde_json::{Value, json};

use crate::fixture::{BOUND, bounded, opened};

type Text = Result<i64, String>;

/// Adds to a number; below zero it fails, after it has changed the entry.
fn add(entry: &mut Entry<'_, u32, i64>, by: i64) -> Text {
    let sum = entry.value()?.unwrap_or_default() + by;
    entry.set(&sum)?;
    if sum < 0 {
        return Err(format!("{sum} is below zero"));
    }
    Ok(sum)
}

/// Moves an amount to the same key of another cache, and fails afterwards when told to.
fn pay(entry: &mut Entry<'_, u32, i64>, (to, amount, fails): (String, i64, bool)) -> Text {
    let mut other = entry.beside::<u32, i64>(&to, &entry.key().clone())?;
    let (here, there) = (
        entry.value()?.unwrap_or_default(),
        other.value()?.unwrap_or_default(),
    );
    entry.set(&(here - amount))?;
    other.set(&(there + amount))?;
    if here == amount {
        entry.remove()?;
    }
    if fails {
        return Err("told to fail".to_owned());
    }
    Ok(there + amount)
}

/// The numbers of entries of which the value is at least so much.
struct AtLeast;

impl OwnAggregation for AtLeast {
    type Key = u32;
    type Value = i64;
    type Args = i64;
    type Partial = (u64, i64);
    type Answer = (u64, i64);
    type Error = String;

    fn start(&self, _least: &i64) -> Result<(u64, i64), String> {
        Ok((0, 0))
    }

    fn accumulate(&self, least: &i64, partial: &mut (u64, i64), _key: u32, value: i64) -> Result<(), String> {
        if value == i64::MIN {
            return Err("too little".to_owned());
        }
        if value >= *least {
            *partial = (partial.0 + 1, partial.1 + value);
        }
        Ok(())
    }

    fn combine(&self, _least: &i64, partial: &mut (u64, i64), other: (u64, i64)) -> Result<(), String> {
        *partial = (partial.0 + other.0, partial.1 + other.1);
        Ok(())
    }

    fn finish(&self, _least: &i64, partial: (u64, i64)) -> Result<(u64, i64), String> {
        Ok(partial)
    }
}

/// Registers what the tests ask for.
pub(crate) fn register(agents: &OwnAgents) {
    agents.register_processor("add", add).unwrap();
    agents.register_processor("pay", pay).unwrap();
    agents.register_aggregator("at-least", AtLeast).unwrap();
}

async fn grid_of(limit: Duration) -> Grid {
    let limits = CacheLimits {
        processor_time_limit: limit,
        ..CacheLimits::default()
    };
    let one = Grid::builder().partition_count(PartitionCount::ONE);
    let grid = one.limits(limits).build().await.unwrap();
    register(grid.own_agents());
    grid
}

pub(crate) fn own(name: &str, args: impl serde::Serialize) -> Processor {
    Processor::own(name, &args).unwrap()
}

fn failure(error: CacheError) -> OwnFailure {
    match error {
        CacheError::Own(failure) => failure,
        other => panic!("another error: {other:?}"),
    }
}

#[tokio::test]
async fn it_is_invoked_by_name_on_a_key_on_keys_and_by_a_filter() {
    let grid = Grid::builder().build().await.unwrap();
    register(grid.own_agents());
    for local in [false, true] {
        let cache: Cache<u32, i64> = if local {
            grid.local_cache("local").unwrap()
        } else {
            grid.cache("numbers").await.unwrap()
        };
        let sum: i64 = cache.invoke(&1, &own("add", 5)).await.unwrap();
        assert_eq!(sum, 5);
        let keys: Vec<(u32, i64)> = cache
            .invoke_all([&1_u32, &2, &3], &own("add", 10))
            .map(|invoked| invoked.and_then(Invoked::into_pair))
            .try_collect()
            .await
            .unwrap();
        assert_eq!(keys.iter().map(|(_, sum)| sum).sum::<i64>(), 35);
        let more = Filter::Compare {
            test: Test::Greater,
            extractor: Extractor::Identity,
            value: 10.into(),
        };
        let selected: Vec<(u32, i64)> = cache
            .invoke_where(&more, &own("add", 100))
            .map(|invoked| invoked.and_then(Invoked::into_pair))
            .try_collect()
            .await
            .unwrap();
        assert_eq!(selected, [(1, 115)]);
        // In others, as they are.
        let both = own("add", 1).and_then(own("add", 1));
        let sums: Vec<i64> = cache.invoke(&2, &both).await.unwrap();
        assert_eq!(sums, [11, 12]);
        let at_least = Aggregator::own("at-least", &11).unwrap();
        let found: (u64, i64) = cache.aggregate(&at_least).await.unwrap();
        assert_eq!(found, (2, 127));
        let found: (u64, i64) = cache.aggregate_keys([&1_u32, &3], &at_least).await.unwrap();
        assert_eq!(found, (1, 115));
    }
    grid.shutdown().await;
}

#[tokio::test]
async fn one_that_fails_changes_nothing_and_says_why() {
    let grid = grid_of(BOUND).await;
    let cache = grid.cache::<u32, i64>("numbers").await.unwrap();
    cache.insert(&1, &3).await.unwrap();
    let mut events = cache.listen().await.unwrap();
    let error = cache.invoke::<i64, _>(&1, &own("add", -4)).await.unwrap_err();
    assert!(
        matches!(&error, CacheError::Refused { message } if message == "-1 is below zero"),
        "{error:?}"
    );
    // With one that fails after it all of a composite is taken back.
    let both = own("add", 1).and_then(own("add", -100));
    cache.invoke::<Value, _>(&1, &both).await.unwrap_err();
    // So it is with arguments and values that are of another type.
    let error = cache.invoke::<i64, _>(&1, &own("add", "much")).await.unwrap_err();
    assert!(error.to_string().contains("arguments"), "{error}");
    assert!(events.next().now_or_never().is_none(), "nothing has changed");
    drop(events);
    let texts = grid.cache::<u32, String>("numbers").await.unwrap();
    texts.insert(&2, &"text".to_owned()).await.unwrap();
    cache.invoke::<i64, _>(&2, &own("add", 1)).await.unwrap_err();
    assert_eq!(cache.get(&1).await.unwrap(), Some(3));
    cache.insert(&3, &i64::MIN).await.unwrap();
    texts.remove(&2).await.unwrap();
    let at_least = Aggregator::own("at-least", &0).unwrap();
    let error = cache.aggregate::<Value>(&at_least).await.unwrap_err();
    assert!(error.to_string().contains("too little"), "{error}");
    grid.shutdown().await;
}

#[tokio::test]
async fn one_that_is_not_registered_is_told_with_the_member() {
    let grid = Grid::builder().member_name("here").build().await.unwrap();
    let cache = grid.cache::<u32, i64>("numbers").await.unwrap();
    let missing = failure(cache.invoke::<i64, _>(&1, &own("ad", 1)).await.unwrap_err());
    assert_eq!(
        (missing.kind, missing.agent),
        (OwnFailureKind::NotRegistered, OwnKind::Processor)
    );
    assert_eq!((missing.name.as_str(), missing.member.as_str()), ("ad", "here"));
    let none = Aggregator::own("none", &()).unwrap().by("city");
    let missing = failure(cache.aggregate::<Value>(&none).await.unwrap_err());
    assert_eq!(
        (missing.kind, missing.agent),
        (OwnFailureKind::NotRegistered, OwnKind::Aggregator)
    );
    register(grid.own_agents());
    assert!(
        grid.own_agents().register_processor("add", add).is_err(),
        "the name is taken"
    );
    assert!(grid.own_agents().register_processor("", add).is_err());
    assert_eq!(cache.invoke::<i64, _>(&1, &own("add", 1)).await.unwrap(), 1);
    grid.shutdown().await;
}

#[tokio::test]
async fn a_panic_is_told_and_changes_nothing() {
    let grid = grid_of(BOUND).await;
    let panics = |entry: &mut Entry<'_, u32, i64>, (): ()| -> Text {
        entry.set(&7)?;
        panic!("planted {}", entry.key())
    };
    grid.own_agents().register_processor("panics", panics).unwrap();
    let cache = grid.cache::<u32, i64>("numbers").await.unwrap();
    let panicked = failure(cache.invoke::<i64, _>(&1, &own("panics", ())).await.unwrap_err());
    assert_eq!(
        (panicked.kind, panicked.advice.as_str()),
        (OwnFailureKind::Panicked, "planted 1")
    );
    assert_eq!(cache.get(&1).await.unwrap(), None);
    assert_eq!(cache.invoke::<i64, _>(&1, &own("add", 1)).await.unwrap(), 1);
    grid.shutdown().await;
}

/// Code that waits here goes on when the sender is dropped.
struct Hold(Mutex<mpsc::Receiver<()>>);

impl Hold {
    fn new() -> (mpsc::Sender<()>, Self) {
        let (hold, held) = mpsc::channel();
        (hold, Hold(Mutex::new(held)))
    }

    fn wait(&self) {
        let _until_dropped = self.0.lock().unwrap().recv();
    }
}

/// All keys are in one partition.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_never_ends_holds_up_nobody_but_those_who_ask_for_the_same_entry() {
    let grid = grid_of(Duration::from_millis(500)).await;
    let (hold, held) = Hold::new();
    let (tell, begun) = mpsc::channel();
    let never = move |entry: &mut Entry<'_, u32, i64>, (): ()| -> Text {
        entry.set(&7)?;
        let _nobody_looks = tell.send(());
        held.wait();
        Ok(7)
    };
    grid.own_agents().register_processor("never", never).unwrap();
    let cache = grid.cache::<u32, i64>("numbers").await.unwrap();
    let (asked, name) = (cache.clone(), own("never", ()));
    let mut asking = tokio::task::JoinSet::new();
    asking.spawn(async move { asked.invoke::<i64, _>(&1, &name).await });
    let begun = tokio::task::spawn_blocking(move || begun.recv_timeout(BOUND))
        .await
        .unwrap();
    begun.unwrap();
    // The entry itself, others of its partition, and others of one's own go on.
    cache.insert(&1, &1).await.unwrap();
    cache.insert(&2, &2).await.unwrap();
    assert_eq!(cache.invoke::<i64, _>(&2, &own("add", 1)).await.unwrap(), 3);
    let found: (u64, i64) = cache
        .aggregate(&Aggregator::own("at-least", &1).unwrap())
        .await
        .unwrap();
    assert_eq!(found, (2, 4));
    let next = cache.clone();
    let mut waiting = tokio::task::JoinSet::new();
    waiting.spawn(async move { next.invoke::<i64, _>(&1, &own("add", 1)).await });
    let late = bounded("the end of its time", asking.join_next()).await;
    let late = failure(late.unwrap().unwrap().unwrap_err());
    assert_eq!(
        (late.kind, late.name.as_str()),
        (OwnFailureKind::OutOfTime, "never")
    );
    // The turn of the next one comes with the end of its time.
    let next = bounded("the turn of the next", waiting.join_next()).await;
    assert_eq!(next.unwrap().unwrap().unwrap(), 2);
    drop(hold);
    // Whatever it does now comes too late.
    assert_eq!(cache.invoke::<i64, _>(&1, &own("add", 1)).await.unwrap(), 3);
    grid.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_aggregator_that_never_ends_is_told_and_holds_up_nobody() {
    struct Never(Hold);
    impl OwnAggregation for Never {
        type Key = u32;
        type Value = i64;
        type Args = ();
        type Partial = ();
        type Answer = ();
        type Error = String;

        fn start(&self, _args: &()) -> Result<(), String> {
            Ok(())
        }
        fn accumulate(&self, _args: &(), _partial: &mut (), _key: u32, _value: i64) -> Result<(), String> {
            self.0.wait();
            Ok(())
        }
        fn combine(&self, _args: &(), _partial: &mut (), _other: ()) -> Result<(), String> {
            Ok(())
        }
        fn finish(&self, _args: &(), _partial: ()) -> Result<(), String> {
            Ok(())
        }
    }
    let grid = grid_of(Duration::from_millis(200)).await;
    let (hold, held) = Hold::new();
    grid.own_agents()
        .register_aggregator("never", Never(held))
        .unwrap();
    let cache = grid.cache::<u32, i64>("numbers").await.unwrap();
    cache.insert(&1, &1).await.unwrap();
    let never = Aggregator::own("never", &()).unwrap();
    let late = failure(cache.aggregate::<()>(&never).await.unwrap_err());
    assert_eq!(
        (late.kind, late.agent),
        (OwnFailureKind::OutOfTime, OwnKind::Aggregator)
    );
    // It still looks at the entry, of which it has a copy.
    cache.insert(&1, &2).await.unwrap();
    assert_eq!(cache.get(&1).await.unwrap(), Some(2));
    drop(hold);
    grid.shutdown().await;
}

#[tokio::test]
async fn one_that_calls_the_grid_is_told_so() {
    let grid = grid_of(BOUND).await;
    let cache = grid.cache::<u32, i64>("numbers").await.unwrap();
    let (inner, grid_inside) = (Arc::new(OnceLock::new()), grid.clone());
    let _first = inner.set(cache.clone());
    let seen = inner.clone();
    let open = opened(&grid, "numbers").await;
    let calls = move |entry: &mut Entry<'_, u32, i64>, (): ()| -> Result<usize, String> {
        let cache: &Cache<u32, i64> = seen.get().ok_or("no cache")?;
        let errors = [
            futures::executor::block_on(cache.get(entry.key())).err(),
            futures::executor::block_on(cache.insert(&9, &9)).err(),
            futures::executor::block_on(cache.invoke::<i64, _>(&9, &own("add", 1))).err(),
            futures::executor::block_on(cache.entries_where(&field("a").eq(1)).next()).and_then(Result::err),
            futures::executor::block_on(grid_inside.cache::<u32, i64>("other")).err(),
            futures::executor::block_on(grid_inside.backend("other")).err(),
            grid_inside.local_cache::<u32, i64>("other").err(),
            futures::executor::block_on(grid_inside.open("", open.name()).into_future()).err(),
            futures::executor::block_on(grid_inside.destroy(&open).into_future()).err(),
            futures::executor::block_on(
                grid_inside
                    .add_index(&open, IndexDefinition::new(Extractor::path("a")))
                    .into_future(),
            )
            .err(),
            futures::executor::block_on(grid_inside.index_reports(None, true)).err(),
            futures::executor::block_on(grid_inside.drain()).err(),
            futures::executor::block_on(cache.listen()).err(),
            futures::executor::block_on(cache.aggregate::<u64>(&Aggregator::Count)).err(),
        ];
        // These have no words for it.
        futures::executor::block_on(grid_inside.leave());
        futures::executor::block_on(grid_inside.shutdown());
        let told = errors.iter().flatten();
        Ok(told
            .filter(|error| matches!(error, CacheError::CalledBack))
            .count())
    };
    grid.own_agents().register_processor("calls", calls).unwrap();
    assert_eq!(cache.invoke::<usize, _>(&1, &own("calls", ())).await.unwrap(), 14);
    assert_eq!(cache.get(&9).await.unwrap(), None);
    grid.shutdown().await;
}

#[tokio::test]
async fn entries_of_two_caches_change_in_one_step_or_not_at_all() {
    let grid = Grid::builder().build().await.unwrap();
    register(grid.own_agents());
    let from = grid.cache::<u32, i64>("from").await.unwrap();
    let paid = async |amount: i64, fails: bool| {
        let pay = own("pay", ("to", amount, fails));
        from.invoke::<i64, _>(&1, &pay).await
    };
    let error = paid(4, false).await.unwrap_err();
    assert!(error.to_string().contains("open it before"), "{error}");
    let to = grid.cache::<u32, i64>("to").await.unwrap();
    let amounts = async || (from.get(&1).await.unwrap(), to.get(&1).await.unwrap());
    from.insert(&1, &10).await.unwrap();
    let (mut of_from, mut of_to) = (from.listen().await.unwrap(), to.listen().await.unwrap());
    paid(4, true).await.unwrap_err();
    assert_eq!(amounts().await, (Some(10), None));
    assert_eq!(paid(4, false).await.unwrap(), 4);
    assert_eq!(amounts().await, (Some(6), Some(4)));
    // The last of it takes the entry away.
    assert_eq!(paid(6, false).await.unwrap(), 10);
    assert_eq!(amounts().await, (None, Some(10)));
    let mut kinds = Vec::new();
    for events in [&mut of_from, &mut of_to] {
        for _ in 0..2 {
            match events.next().await {
                Some(Ok(CacheEvent::Entry(event))) => kinds.push((event.kind, event.new)),
                other => panic!("another event: {other:?}"),
            }
        }
    }
    use EntryEventKind::{Delete, Insert, Update};
    assert_eq!(
        kinds,
        [
            (Update, Some(6)),
            (Delete, None),
            (Insert, Some(4)),
            (Update, Some(10))
        ]
    );
    to.destroy().await.unwrap();
    from.insert(&1, &1).await.unwrap();
    paid(1, false).await.unwrap_err();
    assert_eq!(from.get(&1).await.unwrap(), Some(1));
    grid.shutdown().await;
}

#[tokio::test]
async fn what_lies_elsewhere_is_not_reached() {
    let grid = Grid::builder().build().await.unwrap();
    let reach = |entry: &mut Entry<'_, u32, i64>, (cache, key): (String, u32)| -> Result<bool, EntryError> {
        let mut other = entry.beside::<u32, i64>(&cache, &key)?;
        other.set(&1)?;
        other.is_present()
    };
    grid.own_agents().register_processor("reach", reach).unwrap();
    let cache = grid.cache::<u32, i64>("numbers").await.unwrap();
    let local = grid.local_cache::<u32, i64>("local").unwrap();
    local.insert(&1, &1).await.unwrap();
    for (to, words) in [
        (("numbers", 2), "lies in another partition"),
        (("numbers", 1), "is the entry itself"),
        (("local", 1), "there is no cache"),
        (("", 1), "there is no cache"),
    ] {
        let error = cache.invoke::<bool, _>(&1, &own("reach", to)).await.unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
    // Other keys of the same cache are reached as well where they are in one partition.
    let count = PartitionCount::DEFAULT;
    let partition = |key: u32| count.partition_of(to_key(&key).unwrap().placement());
    let near = (2..).find(|key| partition(*key) == partition(1)).unwrap();
    assert!(
        cache
            .invoke::<bool, _>(&1, &own("reach", ("numbers", near)))
            .await
            .unwrap()
    );
    assert_eq!(cache.get(&near).await.unwrap(), Some(1));
    assert_eq!(cache.get(&2).await.unwrap(), None);
    grid.shutdown().await;
}

/// What many keys of one partition are worked on for in one request is one step.
#[tokio::test]
async fn many_keys_of_one_partition_change_together_or_not_at_all() {
    let grid = grid_of(BOUND).await;
    let cache = grid.cache::<u32, i64>("numbers").await.unwrap();
    let open = opened(&grid, "numbers").await;
    cache.insert(&3, &-10).await.unwrap();
    let work = Arc::new(ProcessorWork::new(&own("add", 5)).unwrap());
    let keys = |keys: &[u32]| keys.iter().map(|key| to_key(key).unwrap()).collect();
    let worked = open
        .work_on_keys(keys(&[1, 2, 3]), work.clone())
        .next()
        .await
        .unwrap();
    assert_eq!(worked.len(), 3);
    for (key, outcome) in worked {
        let Some(WorkAnswer::Failed(reason)) = outcome.answer else {
            panic!("it failed for all: {outcome:?}")
        };
        let itself = reason == "-5 is below zero";
        assert_eq!(itself, &key.bytes()[..] == b"3", "{reason}");
        assert!(itself || reason.contains("it failed on the key 3"), "{reason}");
    }
    assert_eq!(cache.size().await.unwrap(), 1);
    let mut working = open.work_on_keys(keys(&[1, 2, 4]), work);
    assert_eq!(working.next().await.unwrap().len(), 3);
    assert!(working.next().await.unwrap().is_empty());
    assert_eq!(cache.size().await.unwrap(), 4);
    grid.shutdown().await;
}

/// Those of one's own, others and plain changes of one entry overtake each other, and none is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_many_do_to_one_entry_is_all_done() {
    let grid = grid_of(BOUND).await;
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = runs.clone();
    let add_two = move |entry: &mut Entry<'_, u32, Value>, (): ()| -> Result<(), EntryError> {
        counted.fetch_add(1, Ordering::Relaxed);
        let number = entry
            .value()?
            .and_then(|value| value["n"].as_i64())
            .unwrap_or_default();
        entry.set(&json!({"n": number + 2}))
    };
    grid.own_agents().register_processor("add-two", add_two).unwrap();
    let cache = grid.cache::<u32, Value>("objects").await.unwrap();
    cache.insert(&1, &json!({"n": 0})).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..8 {
        let cache = cache.clone();
        tasks.spawn(async move {
            let processor = match task % 2 {
                0 => own("add-two", ()),
                _ => Processor::increment("n", 1),
            };
            for _ in 0..50 {
                cache.invoke::<Value, _>(&1, &processor).await.unwrap();
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert_eq!(cache.get(&1).await.unwrap(), Some(json!({"n": 4 * 50 * 3})));
    assert!(runs.load(Ordering::Relaxed) >= 200);
    grid.shutdown().await;
}

#[tokio::test]
async fn much_work_of_built_in_processors_is_done_beside_the_partition() {
    let grid = grid_of(BOUND).await;
    let cache = grid.cache::<u32, Value>("objects").await.unwrap();
    let text = "x".repeat(200_000);
    cache.insert(&1, &json!({"text": text, "n": 0})).await.unwrap();
    let many = Processor::Composite(vec![Processor::increment("n", 1); 100]);
    let answers: Vec<i64> = cache.invoke(&1, &many).await.unwrap();
    assert_eq!(answers.last(), Some(&100));
    assert_eq!(cache.get(&1).await.unwrap().unwrap()["n"], 100);
    cache.insert(&2, &json!({"n": 5})).await.unwrap();
    let open = opened(&grid, "objects").await;
    let work = Arc::new(ProcessorWork::new(&many).unwrap());
    let keys = [1_u32, 2].iter().map(|key| to_key(key).unwrap()).collect();
    let worked = open.work_on_keys(keys, work).next().await.unwrap();
    assert_eq!(worked.len(), 2);
    assert!(worked.iter().all(|(_, outcome)| outcome.done));
    assert_eq!(cache.get(&1).await.unwrap().unwrap()["n"], 200);
    assert_eq!(cache.get(&2).await.unwrap().unwrap()["n"], 105);
    grid.shutdown().await;
}

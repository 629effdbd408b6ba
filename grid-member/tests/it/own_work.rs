//! Code of one's own, and what is too much for a lock, under odd circumstances.

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use futures::StreamExt;
use futures::executor::block_on;
use grid_core::cache::NamedCache;
use grid_core::event::CacheEvent;
use grid_core::partition::PartitionCount;
use grid_core::processor::own::{Entry, OwnAgents};
use grid_core::processor::{Processor, ProcessorWork};
use grid_core::query::Aggregator;
use grid_core::replication::{ClientId, Outcome, RequestId, RequestTag};
use grid_core::store::{Command, WorkAnswer};
use grid_core::value::{from_binary, to_key};
use grid_member::Grid;
use grid_member::cache::CacheLimits;
use serde_json::{Value, json};

use crate::fixture::{BOUND, bounded, opened};
use crate::own::{own, register};

fn work(processor: &Processor) -> Arc<ProcessorWork> {
    Arc::new(ProcessorWork::new(processor).unwrap())
}

/// A member with one partition.
async fn grid_of(limits: CacheLimits) -> Grid {
    let one = Grid::builder().partition_count(PartitionCount::ONE);
    let grid = one.limits(limits).build().await.unwrap();
    register(grid.own_agents());
    grid
}

/// A member with one thread for code of one's own, and a processor `held` that may hold it.
async fn grid_of_one_thread() -> (Grid, Held) {
    let grid = grid_of(CacheLimits {
        processor_time_limit: 10 * BOUND,
        processor_threads_max: 1,
        ..CacheLimits::default()
    })
    .await;
    let held = Held::register(grid.own_agents(), "held");
    (grid, held)
}

/// A processor that says when it has begun, and goes on when it is told to or nobody can tell it any more.
pub(crate) struct Held {
    begun: mpsc::Receiver<()>,
    hold: mpsc::SyncSender<()>,
}

impl Held {
    pub(crate) fn register(agents: &OwnAgents, name: &str) -> Self {
        let (hold, held) = mpsc::sync_channel::<()>(1);
        let (tell, begun) = mpsc::channel();
        let (held, tell) = (Mutex::new(held), Mutex::new(tell));
        let waits = move |entry: &mut Entry<'_, u32, Value>, (): ()| -> Result<i64, String> {
            entry.set(&json!({"held": true}))?;
            let _nobody_looks = tell.lock().map_err(|error| error.to_string())?.send(());
            let _told = held.lock().map_err(|error| error.to_string())?.recv();
            Ok(7)
        };
        agents.register_processor(name, waits).unwrap();
        Held { begun, hold }
    }

    /// Waits until it has begun.
    pub(crate) async fn begun(self) -> mpsc::SyncSender<()> {
        let Held { begun, hold } = self;
        let waits = move || begun.recv_timeout(BOUND);
        tokio::task::spawn_blocking(waits).await.unwrap().unwrap();
        hold
    }
}

/// The number that a processor answered.
pub(crate) fn said(outcome: &Outcome) -> i64 {
    match &outcome.answer {
        Some(WorkAnswer::Said(answer)) => from_binary(answer).unwrap(),
        other => panic!("another answer: {other:?}"),
    }
}

/// More than is done under a lock, on a value of [`large`].
fn much() -> Processor {
    Processor::Composite(vec![Processor::increment("n", 1); 100])
}

fn large() -> Value {
    json!({"text": "x".repeat(200_000), "n": 0})
}

#[test]
fn it_is_called_outside_of_a_runtime() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let grid = runtime.block_on(grid_of(CacheLimits {
        processor_time_limit: BOUND,
        ..CacheLimits::default()
    }));
    let cache = block_on(grid.cache::<u32, i64>("numbers")).unwrap();
    assert_eq!(block_on(cache.invoke::<i64, _>(&1, &own("add", 5))).unwrap(), 5);
    let add = own("add", 10);
    let invoked = block_on(cache.invoke_all::<i64, _>([&1_u32, &2], &add).collect::<Vec<_>>());
    assert_eq!(invoked.len(), 2);
    assert!(invoked.iter().all(Result::is_ok), "{invoked:?}");
    let at_least = Aggregator::own("at-least", &11).unwrap();
    let found: (u64, i64) = block_on(cache.aggregate(&at_least)).unwrap();
    assert_eq!(found, (1, 15));
    let cache = block_on(grid.cache::<u32, Value>("objects")).unwrap();
    block_on(cache.insert(&1, &large())).unwrap();
    let answers: Vec<i64> = block_on(cache.invoke(&1, &much())).unwrap();
    assert_eq!(answers.last(), Some(&100));
    runtime.block_on(grid.shutdown());
}

#[tokio::test]
async fn a_limit_without_an_end_is_none() {
    let grid = grid_of(CacheLimits {
        processor_time_limit: Duration::MAX,
        ..CacheLimits::default()
    })
    .await;
    let cache = grid.cache::<u32, i64>("numbers").await.unwrap();
    assert_eq!(cache.invoke::<i64, _>(&1, &own("add", 5)).await.unwrap(), 5);
    let at_least = Aggregator::own("at-least", &1).unwrap();
    let found: (u64, i64) = cache.aggregate(&at_least).await.unwrap();
    assert_eq!(found, (1, 5));
    grid.shutdown().await;
}

/// What is small is done at once, and what is much when there is a thread for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_value_holds_up_no_others() {
    let (grid, held) = grid_of_one_thread().await;
    let cache = grid.cache::<u32, Value>("objects").await.unwrap();
    for key in [1_u32, 2, 3] {
        let value = if key == 2 { large() } else { json!({"n": 0}) };
        cache.insert(&key, &value).await.unwrap();
    }
    let mut tasks = tokio::task::JoinSet::new();
    let asked = cache.clone();
    tasks.spawn(async move {
        asked.invoke::<i64, _>(&9, &own("held", ())).await.unwrap();
    });
    // There is no other thread.
    let hold = held.begun().await;
    let mut events = cache.listen().await.unwrap();
    let open = opened(&grid, "objects").await;
    tasks.spawn(async move {
        let keys = [1_u32, 2, 3].iter().map(|key| to_key(key).unwrap()).collect();
        let worked = open.work_on_keys(keys, work(&much())).next().await.unwrap();
        assert_eq!(worked.len(), 3);
        for (key, outcome) in worked {
            let Some(WorkAnswer::Said(answer)) = outcome.answer else {
                panic!("{key:?} has an answer: {outcome:?}")
            };
            assert_eq!(from_binary::<Vec<i64>>(&answer).unwrap().last(), Some(&100));
        }
    });
    let mut changed = Vec::new();
    while changed.len() < 3 {
        match bounded("an event", events.next()).await {
            Some(Ok(CacheEvent::Entry(event))) => changed.push(event.key),
            other => panic!("another event: {other:?}"),
        }
        if changed.len() == 2 {
            changed.sort_unstable();
            assert_eq!(changed, [1, 3]);
            hold.send(()).unwrap();
        }
    }
    while let Some(done) = bounded("the end", tasks.join_next()).await {
        done.unwrap();
    }
    assert_eq!(cache.get(&2).await.unwrap().unwrap()["n"], 100);
    grid.shutdown().await;
}

/// A request that comes again is answered, though it is another's turn and there is no thread.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_done_is_told_without_a_turn_and_a_thread() {
    let (grid, held) = grid_of_one_thread().await;
    let numbers = grid.cache::<u32, i64>("numbers").await.unwrap();
    let cache = opened(&grid, "numbers").await;
    let tag = RequestTag {
        id: RequestId {
            client: ClientId::new(7),
            number: 1,
        },
        lowest_open: 1,
        apply_before: grid.now().after_ms(600_000),
    };
    let add = work(&own("add", 5));
    let ask = || {
        cache.update_tagged(
            &to_key(&1_u32).unwrap(),
            Command::Work(add.clone()),
            false,
            Some(tag),
        )
    };
    let first = ask().await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    let objects = grid.cache::<u32, Value>("numbers").await.unwrap();
    tasks.spawn(async move { objects.invoke::<i64, _>(&1, &own("held", ())).await });
    let hold = held.begun().await;
    let again = bounded("the answer", ask().into_future()).await.unwrap();
    assert_eq!((said(&first), said(&again)), (5, 5));
    assert_eq!(numbers.get(&1).await.unwrap(), Some(5));
    hold.send(()).unwrap();
    bounded("the end", tasks.join_next())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    grid.shutdown().await;
}

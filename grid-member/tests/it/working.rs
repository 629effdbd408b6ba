//! Work on many entries at once, whatever their answers have and whatever fails.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use grid_core::cache::{Applied, CacheError, NamedCache};
use grid_core::partition::PartitionCount;
use grid_core::processor::own::{Entry, EntryError};
use grid_core::processor::{Processor, ProcessorWork};
use grid_core::query::{Extractor, Filter};
use grid_core::replication::ReplicaSettings;
use grid_core::store::WorkAnswer;
use grid_core::value::{AssociatedKey, Key, from_binary, to_key};
use grid_member::Grid;
use grid_member::cache::{CacheKind, CacheLimits, OpenCache, Question, WorkedEntry, Working};
use grid_member::cluster::ClusterSettings;
use serde_json::{Value, json};

use crate::cluster::{described, end, joined, settings, settled, three};
use crate::fixture::{BOUND, Embedded, opened};
use crate::own::own;

fn work(processor: &Processor) -> Arc<ProcessorWork> {
    Arc::new(ProcessorWork::new(processor).unwrap())
}

fn keys(keys: impl IntoIterator<Item = u32>) -> Vec<Key> {
    keys.into_iter().map(|key| to_key(&key).unwrap()).collect()
}

/// What came of all entries, each once, and the error in the end.
async fn all(mut working: Working) -> (Vec<WorkedEntry>, Option<CacheError>) {
    let (mut all, mut seen) = (Vec::new(), BTreeSet::new());
    loop {
        match working.next().await {
            Ok(worked) if worked.is_empty() => return (all, None),
            Ok(worked) => {
                for (key, outcome) in worked {
                    assert!(seen.insert(key.bytes().to_vec()), "{key:?} came twice");
                    all.push((key, outcome));
                }
            }
            Err(error) => {
                assert!(working.next().await.unwrap().is_empty(), "it is told once");
                return (all, Some(error));
            }
        }
    }
}

async fn alone(limits: CacheLimits) -> Grid {
    let one = Grid::builder().partition_count(PartitionCount::ONE);
    one.limits(limits).build().await.unwrap()
}

const MIB: usize = 1 << 20;

/// Changes nothing, and answers the value with null before it; as something that may change, it is numbered and kept.
fn touch_and_read() -> Processor {
    Processor::Composite(vec![Processor::Touch, Processor::Extract(Extractor::Identity)])
}

/// More is answered than one message has, and kept than the partition keeps; a member leaves meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_of_any_size_come_while_partitions_move() {
    let [first, second, third] = three().await;
    let cache = first
        .cache::<AssociatedKey<u32, u32>, String>("large")
        .await
        .unwrap();
    let entries: u32 = 11;
    let value = "x".repeat(8 * MIB);
    let mut associated = Vec::new();
    for number in 0..entries {
        let key = AssociatedKey::new(7, number);
        cache.insert(&key, &value).await.unwrap();
        associated.push(to_key(&key).unwrap());
    }
    for (processor, grid) in [
        (touch_and_read(), &first),
        (touch_and_read(), &second),
        (Processor::Extract(Extractor::Identity), &third),
    ] {
        let open = opened(grid, "large").await;
        let (worked, error) = all(open.work_on_keys(associated.clone(), work(&processor))).await;
        assert!(error.is_none(), "{error:?}");
        assert_eq!(worked.len(), entries as usize);
        for (_, outcome) in worked {
            assert!(matches!(&outcome.answer, Some(answer) if answer.bytes() > 8 * MIB));
        }
    }
    // No backup was given up for what it could not be sent.
    settled(&[&first, &second, &third]).await;
    let open = opened(&third, "large").await;
    let asking = all(open.work_on_keys(associated, work(&touch_and_read())));
    let moving = async {
        first.drain().await.unwrap();
        first.shutdown().await;
    };
    let ((worked, error), ()) = futures::future::join(asking, moving).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(worked.len(), entries as usize);
    settled(&[&second, &third]).await;
    end([second, third]).await;
}

/// Each change waits for the backups, and only a few may.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_backups_does_not_keep_work_from_being_done() {
    let small = |number, join: Option<&Grid>| {
        let settings = ClusterSettings {
            replicas: ReplicaSettings {
                waiting_len_max: 2,
                ..settings(join).replicas
            },
            ..settings(join)
        };
        let few = PartitionCount::ONE;
        joined(described(number, join).cluster(settings).partition_count(few))
    };
    let first = small(1, None).await;
    let second = small(2, Some(&first)).await;
    settled(&[&first, &second]).await;
    let cache = first.cache::<u32, Value>("numbers").await.unwrap();
    for grid in [&first, &second] {
        let open = opened(grid, "numbers").await;
        let add = Processor::increment("n", 1);
        for key in 0..50 {
            cache.insert(&key, &json!({"n": 7})).await.unwrap();
        }
        let (worked, error) = all(open.work_on_keys(keys(0..50), work(&add))).await;
        assert!(error.is_none(), "{error:?}");
        assert_eq!(worked.len(), 50);
        for key in 0..50 {
            assert_eq!(cache.get(&key).await.unwrap(), Some(json!({"n": 8})));
        }
    }
    end([second, first]).await;
}

#[tokio::test]
async fn what_fails_on_some_entries_keeps_the_others_from_nothing() {
    let grid = Grid::builder().build().await.unwrap();
    let cache = grid.cache::<u32, Value>("objects").await.unwrap();
    let texts = [17, 2_500, 4_999];
    for key in 0..5_000 {
        let value = match texts.contains(&key) {
            true => json!({"n": "a text"}),
            false => json!({"n": 1}),
        };
        cache.insert(&key, &value).await.unwrap();
    }
    let open = opened(&grid, "objects").await;
    let increment = work(&Processor::increment("n", 1));
    let question = Arc::new(Question::of_filter(&Filter::Always).unwrap());
    for working in [
        open.work_on_keys(keys(0..5_000), increment.clone()),
        open.work_on_selected(question, increment),
    ] {
        let (worked, error) = all(working).await;
        let failed = |(_, outcome): &&WorkedEntry| matches!(outcome.answer, Some(WorkAnswer::Failed(_)));
        assert_eq!((worked.len(), worked.iter().filter(failed).count()), (5_000, 3));
        let error = error.unwrap();
        assert_eq!(error.applied(), Applied::Unknown, "{error}");
        let words = error.to_string();
        assert!(words.contains("4997 done; not applied: "), "{words}");
        for key in texts {
            assert!(words.contains(&key.to_string()), "{words}");
        }
    }
    assert_eq!(cache.get(&18).await.unwrap(), Some(json!({"n": 3})));
    // The reason of one alone is told as it is.
    let (_, error) = all(open.work_on_keys(keys([17]), work(&Processor::increment("n", 1)))).await;
    assert!(matches!(error, Some(CacheError::Invalid { .. })), "{error:?}");
    grid.shutdown().await;
}

/// All that cannot be done for one reason is told in its words.
#[tokio::test]
async fn a_cache_that_was_destroyed_is_told_as_that() {
    let grid = Grid::builder().build().await.unwrap();
    let open = opened(&grid, "objects").await;
    grid.destroy(&open).await.unwrap();
    let (worked, error) = all(open.work_on_keys(keys(0..300), work(&Processor::increment("n", 1)))).await;
    assert!(worked.is_empty());
    assert!(matches!(error, Some(CacheError::Destroyed { .. })), "{error:?}");
    grid.shutdown().await;
}

/// Each entry has its time, though all are one step.
#[tokio::test]
async fn many_entries_take_longer_than_one_may() {
    let limit = Duration::from_secs(2);
    let grid = alone(CacheLimits {
        processor_time_limit: limit,
        ..CacheLimits::default()
    })
    .await;
    #[expect(
        clippy::disallowed_methods,
        reason = "that code takes its time is what is tested"
    )]
    let waits = move |entry: &mut Entry<'_, u32, u32>, (): ()| -> Result<(), EntryError> {
        std::thread::sleep(limit / 4);
        entry.set(&1)
    };
    grid.own_agents().register_processor("waits", waits).unwrap();
    let cache = grid.cache::<u32, u32>("numbers").await.unwrap();
    let open = opened(&grid, "numbers").await;
    let (worked, error) = all(open.work_on_keys(keys(0..6), work(&own("waits", ())))).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!((worked.len(), cache.size().await.unwrap()), (6, 6));
    grid.shutdown().await;
}

/// What is more than a step may have is done in several, each once.
#[tokio::test]
async fn what_is_too_much_for_one_step_is_done_in_several() {
    let grid = alone(CacheLimits {
        processor_time_limit: BOUND,
        ..CacheLimits::default()
    })
    .await;
    let spread = |entry: &mut Entry<'_, u32, u32>, count: u32| -> Result<u32, EntryError> {
        let key = *entry.key();
        for number in 1..=count {
            let mut beside = entry.beside::<u32, u32>("numbers", &(key + number * 100_000))?;
            beside.set(&(beside.value()?.unwrap_or_default() + 1))?;
        }
        Ok(count)
    };
    grid.own_agents().register_processor("spread", spread).unwrap();
    let cache = grid.cache::<u32, u32>("numbers").await.unwrap();
    let open = opened(&grid, "numbers").await;
    let (worked, error) = all(open.work_on_keys(keys(0..1_000), work(&own("spread", 5)))).await;
    assert!(error.is_none(), "{error:?}");
    for (_, outcome) in &worked {
        let Some(WorkAnswer::Said(answer)) = &outcome.answer else {
            panic!("it was done: {outcome:?}")
        };
        assert_eq!(from_binary::<u32>(answer).unwrap(), 5);
    }
    assert_eq!((worked.len(), cache.size().await.unwrap()), (1_000, 5_000));
    assert_eq!(cache.get(&500_999).await.unwrap(), Some(1));
    // One that is too much alone says so, and for itself.
    let (worked, _) = all(open.work_on_keys(keys([1]), work(&own("spread", 5_000)))).await;
    let Some(WorkAnswer::Failed(reason)) = &worked[0].1.answer else {
        panic!("it failed: {worked:?}")
    };
    assert!(reason.contains("more than 4096 entries"), "{reason}");
    grid.shutdown().await;
}

/// The words of a failure are answered for each of many entries.
#[tokio::test]
async fn the_words_of_a_failure_are_bounded() {
    let grid = alone(CacheLimits::default()).await;
    let fails = |_: &mut Entry<'_, u32, u32>, (): ()| -> Result<(), String> { Err("why ".repeat(100_000)) };
    grid.own_agents().register_processor("fails", fails).unwrap();
    let open = opened(&grid, "numbers").await;
    let (worked, error) = all(open.work_on_keys(keys(0..1_000), work(&own("fails", ())))).await;
    assert_eq!(worked.len(), 1_000);
    for (key, outcome) in &worked {
        let Some(WorkAnswer::Failed(reason)) = &outcome.answer else {
            panic!("{key:?} failed: {outcome:?}")
        };
        assert!(
            reason.contains("why why") && reason.len() < 5_000,
            "{}",
            reason.len()
        );
    }
    assert!(error.unwrap().to_string().len() < 20_000);
    grid.shutdown().await;
}

/// A value that grows with each of many processors is not made under the partition's lock.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_makes_a_value_grow_holds_up_no_others() {
    let grid = alone(CacheLimits {
        processor_threads_max: 1,
        processor_time_limit: 10 * BOUND,
        ..CacheLimits::default()
    })
    .await;
    let cache = grid.cache::<u32, Value>("objects").await.unwrap();
    cache.insert(&1, &json!({})).await.unwrap();
    let held = crate::own_work::Held::register(grid.own_agents(), "held");
    let mut tasks = tokio::task::JoinSet::new();
    let asked = cache.clone();
    tasks.spawn(async move {
        asked.invoke::<i64, _>(&9, &own("held", ())).await.unwrap();
    });
    // There is no other thread.
    let hold = held.begun().await;
    let sets = (0..3_000).map(|number| Processor::Update {
        updater: Some(grid_core::query::Updater::path(&format!("n{number}"))),
        value: "x".repeat(100).as_str().into(),
    });
    let grows = Processor::Composite(sets.collect());
    let asked = cache.clone();
    tasks.spawn(async move {
        let answers: Vec<bool> = asked.invoke(&1, &grows).await.unwrap();
        assert_eq!(answers.len(), 3_000);
    });
    // It waits for a thread, and not under the lock.
    for key in 2..5 {
        cache.insert(&key, &json!({})).await.unwrap();
    }
    assert_eq!(cache.get(&1).await.unwrap(), Some(json!({})));
    hold.send(()).unwrap();
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let grown = cache.get(&1).await.unwrap().unwrap();
    assert_eq!(grown.as_object().map(serde_json::Map::len), Some(3_000));
    grid.shutdown().await;
}

/// What a processor gives a life of its own lives so long.
#[tokio::test]
async fn a_processor_says_how_long_an_entry_lives() {
    let Embedded { grid, clock, .. } = Embedded::of(CacheKind::Partitioned).await;
    let lease = |entry: &mut Entry<'_, u32, String>, life_ms: u64| -> Result<(), EntryError> {
        entry.set_for(&"leased".to_owned(), Duration::from_millis(life_ms))?;
        let mut beside = entry.beside::<u32, String>("beside", &entry.key().clone())?;
        beside.set_for(&"beside".to_owned(), Duration::from_millis(2 * life_ms))
    };
    grid.own_agents().register_processor("lease", lease).unwrap();
    let cache = grid.cache::<u32, String>("leases").await.unwrap();
    let beside = grid.cache::<u32, String>("beside").await.unwrap();
    let lease = |ms: u64| own("lease", ms);
    cache.invoke::<Value, _>(&1, &lease(1_000)).await.unwrap();
    clock.advance_ms(900);
    // The same value has a new life.
    cache.invoke::<Value, _>(&1, &lease(1_000)).await.unwrap();
    clock.advance_ms(900);
    assert_eq!(cache.get(&1).await.unwrap().as_deref(), Some("leased"));
    clock.advance_ms(100);
    assert_eq!(cache.get(&1).await.unwrap(), None);
    assert_eq!(beside.get(&1).await.unwrap().as_deref(), Some("beside"));
    clock.advance_ms(1_000);
    assert_eq!(beside.get(&1).await.unwrap(), None);
    grid.shutdown().await;
}

#[tokio::test]
async fn keys_of_one_partition_are_asked_for_together_however_many_there_are() {
    let grid = alone(CacheLimits::default()).await;
    let open: Arc<OpenCache> = opened(&grid, "numbers").await;
    let put = Processor::Update {
        updater: None,
        value: 1.into(),
    };
    let (worked, error) = all(open.work_on_keys(keys(0..5_000), work(&put))).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!((worked.len(), open.len().await.unwrap()), (5_000, 5_000));
    grid.shutdown().await;
}

//! Processors and aggregators of one's own on members of a cluster.

use std::num::NonZeroU16;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures::TryStreamExt;
use grid_core::cache::{Applied, CacheError, NamedCache};
use grid_core::partition::PartitionCount;
use grid_core::processor::ProcessorWork;
use grid_core::processor::own::{Entry, EntryError, OwnAgents, OwnFailureKind};
use grid_core::query::{Aggregator, Extractor, Field, Filter, Operand};
use grid_core::replication::{ClientId, Outcome, RequestId, RequestTag};
use grid_core::store::{Command, WorkAnswer};
use grid_core::value::{AssociatedKey, from_binary, to_key};
use grid_member::Grid;
use grid_member::cache::{OpenCache, Question};

use crate::cluster::{BOUND, described, end, joined, leave, settled};
use crate::fixture::opened;
use crate::own::{own, register};
use crate::own_work::{Held, said};

/// So many entries that are counted.
const ENTRIES: u32 = 300;

/// What there is at every member, and how often the counted one was run.
fn agents() -> (OwnAgents, Arc<AtomicUsize>) {
    let (agents, runs) = (OwnAgents::new(), Arc::new(AtomicUsize::new(0)));
    let counted = runs.clone();
    let count = move |entry: &mut Entry<'_, u32, i64>, beside: String| -> Result<i64, EntryError> {
        counted.fetch_add(1, Ordering::Relaxed);
        let mut other = entry.beside::<u32, i64>(&beside, &entry.key().clone())?;
        let count = entry.value()?.unwrap_or_default() + 1;
        entry.set(&count)?;
        other.set(&(other.value()?.unwrap_or_default() + 1))?;
        Ok(count)
    };
    agents.register_processor("count", count).unwrap();
    register(&agents);
    (agents, runs)
}

async fn member(number: usize, join: Option<&Grid>, agents: OwnAgents) -> Grid {
    joined(described(number, join).own_agents(agents)).await
}

/// A member of a cluster with few partitions, which are soon copied.
async fn small_member(number: usize, join: Option<&Grid>, agents: OwnAgents) -> Grid {
    let few = PartitionCount::new(NonZeroU16::new(17).unwrap());
    joined(described(number, join).partition_count(few).own_agents(agents)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_member_runs_what_is_asked_of_its_partitions() {
    let (agents, runs) = agents();
    let first = member(1, None, agents.clone()).await;
    let second = member(2, Some(&first), agents.clone()).await;
    let third = member(3, Some(&first), agents).await;
    let grids = [&first, &second, &third];
    settled(&grids).await;
    let (from, to) = (
        first.cache::<u32, i64>("from").await.unwrap(),
        third.cache::<u32, i64>("to").await.unwrap(),
    );
    let entries: Vec<(u32, i64)> = (0..60).map(|key| (key, 10)).collect();
    from.put_all(entries.iter().map(|(key, value)| (key, value)))
        .await
        .unwrap();
    for (number, grid) in (0_u32..60).zip(grids.into_iter().cycle()) {
        let cache = grid.cache::<u32, i64>("from").await.unwrap();
        cache
            .invoke::<i64, _>(&number, &own("pay", ("to", 4, true)))
            .await
            .unwrap_err();
        assert_eq!(cache.get(&number).await.unwrap(), Some(10));
        assert_eq!(to.get(&number).await.unwrap(), None);
        assert_eq!(
            cache
                .invoke::<i64, _>(&number, &own("pay", ("to", 4, false)))
                .await
                .unwrap(),
            4
        );
    }
    let at_least = Aggregator::own("at-least", &4).unwrap();
    assert_eq!(
        second
            .cache::<u32, i64>("to")
            .await
            .unwrap()
            .aggregate::<(u64, i64)>(&at_least)
            .await
            .unwrap(),
        (60, 240)
    );

    // The same request that comes again is answered again, and not done again.
    let cache = opened(&second, "from").await;
    opened(&second, "counts").await;
    let work = Arc::new(ProcessorWork::new(&own("count", "counts")).unwrap());
    for number in 0..12_u32 {
        let tag = RequestTag {
            id: RequestId {
                client: ClientId::new(7),
                number: u64::from(number) + 1,
            },
            lowest_open: 1,
            apply_before: second.now().after_ms(60_000),
        };
        let key = to_key(&number).unwrap();
        for grid in grids {
            let cache = opened(grid, "from").await;
            let outcome = cache
                .update_tagged(&key, Command::Work(work.clone()), false, Some(tag))
                .await
                .unwrap();
            let Some(WorkAnswer::Said(answer)) = outcome.answer else {
                panic!("it has an answer: {outcome:?}")
            };
            assert_eq!(from_binary::<i64>(&answer).unwrap(), 7);
        }
    }
    assert_eq!(runs.load(Ordering::Relaxed), 12, "once for each request");
    assert_eq!(cache.len().await.unwrap(), 60);

    // What was changed together is with the backups together.
    leave(third).await;
    settled(&[&first, &second]).await;
    let to = first.cache::<u32, i64>("to").await.unwrap();
    assert_eq!(to.aggregate::<(u64, i64)>(&at_least).await.unwrap(), (60, 240));
    let counts = first.cache::<u32, i64>("counts").await.unwrap();
    assert_eq!(counts.size().await.unwrap(), 12);
    end([second, first]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_member_on_which_a_name_is_missing_is_told() {
    let first = member(1, None, agents().0).await;
    let second = member(2, Some(&first), OwnAgents::new()).await;
    settled(&[&first, &second]).await;
    let cache = first.cache::<u32, i64>("numbers").await.unwrap();
    let (mut here, mut there) = (0, 0);
    for key in 0..40_u32 {
        match cache.invoke::<i64, _>(&key, &own("add", 1)).await {
            Ok(1) => here += 1,
            Err(CacheError::Own(failure)) => {
                assert_eq!(
                    (failure.kind, failure.member.as_str()),
                    (OwnFailureKind::NotRegistered, "member-2")
                );
                assert_eq!(failure.name, "add");
                there += 1;
            }
            other => panic!("something else: {other:?}"),
        }
    }
    assert!(here > 0 && there > 0, "{here} {there}");
    let error = cache
        .aggregate::<(u64, i64)>(&Aggregator::own("at-least", &4).unwrap())
        .await
        .unwrap_err();
    assert!(
        matches!(&error, CacheError::Own(failure) if failure.member == "member-2"),
        "{error:?}"
    );
    end([second, first]).await;
}

/// The keys on which a processor is run that only one member has; it is asked for with these numbers, and answers so.
async fn asked_where_it_is(cache: &Arc<OpenCache>, tag: impl Fn(u32) -> RequestTag) -> Vec<(u32, Outcome)> {
    let mut answered = Vec::new();
    for key in 0..40_u32 {
        match ask_add(cache, key, tag(key)).await {
            Ok(outcome) => answered.push((key, outcome)),
            Err(CacheError::Own(failure)) => assert_eq!(failure.kind, OwnFailureKind::NotRegistered),
            Err(other) => panic!("something else: {other:?}"),
        }
    }
    assert!(!answered.is_empty());
    answered
}

async fn ask_add(cache: &Arc<OpenCache>, key: u32, tag: RequestTag) -> Result<Outcome, CacheError> {
    let work = Arc::new(ProcessorWork::new(&own("add", 1)).unwrap());
    let key = to_key(&key).unwrap();
    cache
        .update_tagged(&key, Command::Work(work), false, Some(tag))
        .await
}

fn numbered(grid: &Grid) -> impl Fn(u32) -> RequestTag {
    let apply_before = grid.now().after_ms(600_000);
    move |key| RequestTag {
        id: RequestId {
            client: ClientId::new(7),
            number: u64::from(key) + 1,
        },
        lowest_open: 1,
        apply_before,
    }
}

/// The outcome is with the backups, and whoever has it needs no code to tell it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_done_is_told_where_the_code_is_not() {
    let first = small_member(1, None, OwnAgents::new()).await;
    let second = small_member(2, Some(&first), agents().0).await;
    settled(&[&first, &second]).await;
    let (cache, tag) = (opened(&first, "numbers").await, numbered(&first));
    let answered = asked_where_it_is(&cache, &tag).await;
    leave(second).await;
    settled(&[&first]).await;
    for (key, outcome) in answered {
        let again = ask_add(&cache, key, tag(key)).await.unwrap();
        assert_eq!(said(&again), said(&outcome));
    }
    first.shutdown().await;
}

/// The member dies while it runs the code, and the next one cannot: nobody knows whether the first one had done it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_run_after_an_attempt_that_had_no_answer_is_in_doubt() {
    let first = small_member(1, None, OwnAgents::new()).await;
    let (agents, _) = agents();
    let held = Held::register(&agents, "held");
    let second = small_member(2, Some(&first), agents).await;
    let third = small_member(3, Some(&first), OwnAgents::new()).await;
    settled(&[&first, &second, &third]).await;
    let cache = opened(&first, "objects").await;
    let (key, _) = asked_where_it_is(&cache, numbered(&first)).await.remove(0);
    let objects = first.cache::<u32, serde_json::Value>("objects").await.unwrap();
    let mut asking = tokio::task::JoinSet::new();
    asking.spawn(async move { objects.invoke::<i64, _>(&key, &own("held", ())).await });
    let _hold = held.begun().await;
    second.shutdown().await;
    let asked = tokio::time::timeout(BOUND, asking.join_next()).await.unwrap();
    let error = asked.unwrap().unwrap().unwrap_err();
    assert_eq!(error.applied(), Applied::Unknown, "{error:?}");
    futures::future::join(third.shutdown(), first.shutdown()).await;
}

/// Runs the counting processor on all entries, again and again; how often.
async fn count_all(cache: Arc<OpenCache>, stop: Arc<AtomicBool>) -> i64 {
    let question = Arc::new(Question::of_filter(&Filter::Always).unwrap());
    let mut rounds = 0;
    while !stop.load(Ordering::Relaxed) {
        let work = Arc::new(ProcessorWork::new(&own("count", "beside")).unwrap());
        let mut working = cache.work_on_selected(question.clone(), work);
        let mut seen = 0;
        loop {
            let worked = working.next().await.unwrap();
            if worked.is_empty() {
                break;
            }
            for (key, outcome) in worked {
                assert!(
                    matches!(outcome.answer, Some(WorkAnswer::Said(_))),
                    "{key:?} {outcome:?}"
                );
                seen += 1;
            }
        }
        assert_eq!(seen, ENTRIES);
        rounds += 1;
    }
    rounds
}

/// Partitions move while the processor runs, and both caches stay equal.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_is_done_once_while_members_come_and_go() {
    let (agents, _) = agents();
    let first = member(1, None, agents.clone()).await;
    let second = member(2, Some(&first), agents.clone()).await;
    settled(&[&first, &second]).await;
    let cache = first.cache::<u32, i64>("counted").await.unwrap();
    let beside = first.cache::<u32, i64>("beside").await.unwrap();
    let entries: Vec<(u32, i64)> = (0..ENTRIES).map(|key| (key, 0)).collect();
    cache
        .put_all(entries.iter().map(|(key, value)| (key, value)))
        .await
        .unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let mut counting = tokio::task::JoinSet::new();
    for grid in [&first, &second] {
        counting.spawn(count_all(opened(grid, "counted").await, stop.clone()));
    }
    for number in 3..=4 {
        let third = member(number, Some(&first), agents.clone()).await;
        settled(&[&first, &second, &third]).await;
        leave(third).await;
        settled(&[&first, &second]).await;
    }
    stop.store(true, Ordering::Relaxed);
    let mut rounds = 0;
    while let Some(counted) = tokio::time::timeout(BOUND, counting.join_next()).await.unwrap() {
        rounds += counted.unwrap();
    }
    assert!(rounds > 0);
    let all = Aggregator::own("at-least", &rounds).unwrap();
    let expected = (u64::from(ENTRIES), rounds * i64::from(ENTRIES));
    for cache in [&cache, &beside] {
        assert_eq!(
            cache.aggregate::<(u64, i64)>(&all).await.unwrap(),
            expected,
            "{rounds} rounds"
        );
    }
    end([second, first]).await;
}

/// An order's lines lie beside the order: they are changed with it in one step, and found where it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn associated_entries_lie_beside_theirs() {
    type LineKey = AssociatedKey<u32, u32>;
    // Adds a line to an order, whose value is the sum of its lines.
    let add_line =
        |order: &mut Entry<'_, u32, i64>, (product, price): (u32, i64)| -> Result<i64, EntryError> {
            let key = LineKey::new(*order.key(), product);
            let mut line = order.beside::<LineKey, i64>("lines", &key)?;
            let sum = order.value()?.unwrap_or_default() - line.value()?.unwrap_or_default() + price;
            line.set(&price)?;
            order.set(&sum)?;
            Ok(sum)
        };
    let agents = OwnAgents::new();
    agents.register_processor("add-line", add_line).unwrap();
    let first = member(1, None, agents.clone()).await;
    let second = member(2, Some(&first), agents).await;
    settled(&[&first, &second]).await;
    let orders = first.cache::<u32, i64>("orders").await.unwrap();
    let lines = second.cache::<LineKey, i64>("lines").await.unwrap();
    for order in 0..100_u32 {
        for product in 0..4_u32 {
            let work = own("add-line", (product, i64::from(product) + 1));
            orders.invoke::<i64, _>(&order, &work).await.unwrap();
        }
        assert_eq!(orders.get(&order).await.unwrap(), Some(10));
    }
    assert_eq!(lines.size().await.unwrap(), 400);
    let others: Vec<LineKey> = lines
        .keys_where(&Field::of(Extractor::Key(Box::new(Extractor::path("associatedKey")))).ne(7))
        .try_collect()
        .await
        .unwrap();
    assert_eq!(others.len(), 396);
    // Asked beside an order, one partition answers: the order's lines, and those of few others.
    let beside = Filter::KeyAssociated(Box::new(Filter::Always), Operand::from(7));
    let found: Vec<(LineKey, i64)> = lines.entries_where(&beside).try_collect().await.unwrap();
    let of_order = |order: u32| {
        found
            .iter()
            .filter(|(key, _)| key.associated_key == order)
            .count()
    };
    assert_eq!(of_order(7), 4);
    assert!(found.len() < 40, "{found:?}");
    let count: u64 = lines.aggregate_where(&beside, &Aggregator::Count).await.unwrap();
    assert_eq!(count, found.len() as u64);
    end([second, first]).await;
}

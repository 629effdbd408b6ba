//! Queries and aggregations while their partitions move, and while members that answer them are killed.
//!
//! Values are so large that the page of a partition goes on: what comes after a move goes on at another member from a place.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use grid_core::cache::NamedCache;
use grid_core::query::{Aggregator, Comparator, Extractor, Filter, field};
use grid_core::store::PageContent;
use grid_core::value::{Binary, from_binary};
use grid_member::cache::{OpenCache, Question};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::fixture::opened;
use crate::own_killed::{LISTENS, Process, member, settled};
use crate::queries::all_of;

const BOUND: Duration = Duration::from_secs(60);

/// Some twenty of 16 KiB a partition, which answers with a quarter of a mebibyte at a time.
const STAYING: u32 = 620;

const TEXT_LEN: usize = 16 << 10;

/// Entries that stay and are selected, beside others that come and go.
fn staying() -> Filter {
    field("stays").eq(true)
}

fn value(key: u32) -> Value {
    json!({"n": key, "group": key % 5, "stays": true, "text": "x".repeat(TEXT_LEN)})
}

fn number((key, value): &(Option<Binary>, Option<Binary>)) -> u32 {
    let value: Value = from_binary(value.as_ref().unwrap()).unwrap();
    let key: u32 = from_binary(key.as_ref().unwrap()).unwrap();
    assert_eq!(value["n"], json!(key));
    key
}

/// Every entry comes once, in several parts.
async fn query(cache: Arc<OpenCache>) {
    let question = Arc::new(Question::of_filter(&staying()).unwrap());
    let mut scatter = cache.select(question, PageContent::Entries);
    let (mut found, mut parts) = (Vec::new(), 0);
    loop {
        let part = scatter.next().await.unwrap();
        if part.is_empty() {
            break;
        }
        parts += 1;
        found.extend(part.iter().map(number));
    }
    found.sort_unstable();
    assert!(found.iter().copied().eq(0..STAYING), "each once, none missing");
    assert!(parts > 1, "{parts}");
}

async fn sorted(cache: Arc<OpenCache>) {
    let question = Arc::new(Question::of_filter(&staying()).unwrap());
    let sorted = cache
        .select(question, PageContent::Entries)
        .sorted(Comparator::by("n").inverse());
    let found = all_of(sorted).await.unwrap();
    assert!(found.iter().map(number).eq((0..STAYING).rev()));
    let limit = Filter::Limit {
        filter: Box::new(staying()),
        page_size: 50,
        page: 3,
    };
    let question = Arc::new(Question::of_filter(&limit).unwrap());
    let sorted = cache
        .select(question, PageContent::Entries)
        .sorted(Comparator::by("n"));
    let found = all_of(sorted).await.unwrap();
    assert!(found.iter().map(number).eq(150..200));
}

/// The greatest numbers.
fn top(results: usize) -> Aggregator {
    Aggregator::Top {
        results,
        extractor: Extractor::path("n"),
        comparator: Comparator::Natural,
    }
}

async fn aggregate(cache: Arc<OpenCache>) {
    let distinct = Aggregator::distinct("group");
    let aggregators = vec![
        Aggregator::Count,
        Aggregator::sum("n"),
        top(3),
        distinct,
        Aggregator::count().by("group"),
        Aggregator::Reducer(Extractor::path("group")),
    ];
    let question = Question::of_aggregator(&staying(), &Aggregator::Composite(aggregators)).unwrap();
    let answer = cache.aggregate(Arc::new(question), None).await.unwrap();
    let answer: Value = from_binary(&answer).unwrap();
    assert_eq!(answer[0], json!(STAYING));
    assert_eq!(
        answer[1]["value"],
        json!((STAYING * (STAYING - 1) / 2).to_string())
    );
    assert_eq!(answer[2], json!([STAYING - 1, STAYING - 2, STAYING - 3]));
    assert_eq!(answer[3].as_array().unwrap().len(), 5);
    for group in answer[4]["entries"].as_array().unwrap() {
        assert_eq!(group["value"], json!(STAYING / 5));
    }
    assert_eq!(answer[5]["entries"].as_array().unwrap().len(), STAYING as usize);
}

/// Asks again and again until told to stop; how often is counted.
fn ask<F: Future<Output = ()> + Send + 'static>(
    asking: &mut JoinSet<()>,
    (stop, rounds): (&Arc<AtomicBool>, &Arc<AtomicU64>),
    cache: &Arc<OpenCache>,
    ask: impl Fn(Arc<OpenCache>) -> F + Send + Sync + 'static,
) {
    let (stop, rounds, cache) = (stop.clone(), rounds.clone(), cache.clone());
    asking.spawn(async move {
        while !stop.load(Ordering::Relaxed) {
            ask(cache.clone()).await;
            rounds.fetch_add(1, Ordering::Relaxed);
        }
    });
}

/// Waits until something is answered.
async fn answered(when: &str, is_so: impl Fn() -> bool) {
    let waits = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(BOUND, waits).await;
    waited.unwrap_or_else(|_elapsed| panic!("not answered {when}"));
}

/// A third process joins, and one is killed, twice; whoever asks holds nothing itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stays_comes_once_while_members_join_and_are_killed() {
    let mut first = Process::start(0, "");
    let founder = first.prints(LISTENS).await;
    let grid = member("asks", Some(founder.clone()), false).await;
    let mut processes = vec![first, Process::start(1, &founder)];
    let people = grid.cache::<u32, Value>("people").await.unwrap();
    settled(&grid, &processes).await;
    for key in 0..STAYING {
        people.put(&key, &value(key)).await.unwrap();
    }
    let cache = opened(&grid, "people").await;
    let stop = Arc::new(AtomicBool::new(false));
    let kinds: Vec<Arc<AtomicU64>> = (0..3).map(|_| Arc::default()).collect();
    let mut asking = JoinSet::new();
    ask(&mut asking, (&stop, &kinds[0]), &cache, query);
    ask(&mut asking, (&stop, &kinds[1]), &cache, sorted);
    ask(&mut asking, (&stop, &kinds[2]), &cache, aggregate);
    // Others come and go meanwhile.
    let churned = stop.clone();
    asking.spawn(async move {
        for key in (STAYING..STAYING + 100).cycle() {
            if churned.load(Ordering::Relaxed) {
                break;
            }
            let other = json!({"n": key, "stays": false});
            // Whether it was done is open when its member is killed.
            let _put = people.put(&key, &other).await;
            let _removed = people.remove(&key).await;
        }
    });
    let asked = |more: u64| {
        let until: Vec<u64> = kinds
            .iter()
            .map(|rounds| rounds.load(Ordering::Relaxed) + more)
            .collect();
        let kinds = kinds.clone();
        move || {
            let rounds = kinds.iter().map(|rounds| rounds.load(Ordering::Relaxed));
            rounds.zip(&until).all(|(rounds, until)| rounds >= *until)
        }
    };
    for number in 2..4 {
        processes.push(Process::start(number, &founder));
        answered("while a member joins", asked(1)).await;
        settled(&grid, &processes).await;
        // Not the founder: others join it.
        processes.remove(1).kill();
        answered("after a member was killed", asked(2)).await;
        settled(&grid, &processes).await;
    }
    stop.store(true, Ordering::Relaxed);
    while let Some(asked) = tokio::time::timeout(BOUND, asking.join_next()).await.unwrap() {
        asked.unwrap();
    }
    drop(processes);
    grid.shutdown().await;
}

//! Queries, processors and indexes on members of a cluster.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use grid_core::cache::{Cache, CacheError, NamedCache};
use grid_core::processor::{Processor, ProcessorWork};
use grid_core::query::{Aggregator, Comparator, Extractor, Filter, Manipulator, Operand, field};
use grid_core::store::{IndexDefinition, PageContent, WorkAnswer};
use grid_core::value::{Binary, Key, from_binary, to_binary};
use grid_member::Grid;
use grid_member::cache::{OpenCache, Question, Selected, Sorted};
use serde_json::{Value, json};

use crate::cluster::{BOUND, described, end, joined, leave, settled};
use crate::fixture::opened;

/// So many entries that stay as they are.
pub(crate) const STAYING: u32 = 600;

pub(crate) async fn member(number: usize, join: Option<&Grid>) -> Grid {
    joined(described(number, join)).await
}

async fn open(grid: &Grid) -> Arc<OpenCache> {
    opened(grid, "people").await
}

fn question(filter: &Filter) -> Arc<Question> {
    Arc::new(Question::select(filter.to_json().unwrap().into()).unwrap())
}

/// The keys that a query selects, each as often as it comes.
async fn keys(cache: &Arc<OpenCache>, filter: &Filter) -> Vec<u32> {
    let mut scatter = cache.select(question(filter), PageContent::Keys);
    let mut keys = Vec::new();
    loop {
        let found = scatter.next().await.unwrap();
        if found.is_empty() {
            keys.sort_unstable();
            return keys;
        }
        keys.extend(found.into_iter().map(|(key, _)| number(&key.unwrap())));
    }
}

/// All that comes of a sorted query.
pub(crate) async fn all_of(mut sorted: Sorted) -> Result<Selected, CacheError> {
    let mut all = Vec::new();
    loop {
        let found = sorted.next().await?;
        if found.is_empty() {
            return Ok(all);
        }
        all.extend(found);
    }
}

fn number(key: &Binary) -> u32 {
    from_binary(key).unwrap()
}

fn increment() -> Processor {
    Processor::Increment {
        manipulator: Manipulator::path("visits"),
        by: Operand::from(1),
        answers_old: false,
    }
}

pub(crate) async fn load(grid: &Grid) {
    let cache = grid.cache::<u32, Value>("people").await.unwrap();
    let entries = (0..STAYING).map(|key| (key, json!({"stays": true, "age": key % 50, "visits": 0})));
    let entries: Vec<(u32, Value)> = entries.collect();
    cache
        .put_all(entries.iter().map(|(key, value)| (key, value)))
        .await
        .unwrap();
}

async fn sum_of(cache: &Arc<OpenCache>, property: &str) -> Value {
    let sum =
        br#"{"@class":"aggregator.LongSum","extractor":{"@class":"extractor.UniversalExtractor","name":""#;
    let text = [sum, property.as_bytes(), b"\"}}"].concat();
    let question = Question::aggregate(Bytes::new(), text.into()).unwrap();
    assert!(matches!(question.aggregator(), Some(Aggregator::Number(..))));
    from_binary(&cache.aggregate(Arc::new(question), None).await.unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_member_answers_for_all() {
    let first = member(1, None).await;
    let second = member(2, Some(&first)).await;
    let third = member(3, Some(&first)).await;
    let grids = [&first, &second, &third];
    settled(&grids).await;
    load(&first).await;
    let old = field("age").ge(48);
    let expected: Vec<u32> = (0..STAYING).filter(|key| key % 50 >= 48).collect();
    for indexed in [false, true] {
        if indexed {
            let definition = IndexDefinition::new(Extractor::path("age")).sorted();
            let cache = open(&second).await;
            second.add_index(&cache, definition).await.unwrap();
        }
        for grid in grids {
            let cache = open(grid).await;
            assert_eq!(keys(&cache, &old).await, expected);
            assert_eq!(sum_of(&cache, "age").await, json!(STAYING / 50 * (49 * 50 / 2)));
            let sorted = cache.select(question(&old), PageContent::Values);
            let sorted = all_of(sorted.sorted(Comparator::by("age").inverse()))
                .await
                .unwrap();
            let ages = sorted.into_iter().map(|(_, value)| {
                let value: Value = from_binary(&value.unwrap()).unwrap();
                value["age"].as_u64().unwrap()
            });
            assert!(ages.is_sorted_by(|before, after| before >= after));
        }
    }
    end([third, second, first]).await;
}

/// Pages of a limit are cut from all of the cache, in the order that is asked for where one is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_a_limit_are_the_same_wherever_they_are_asked_for() {
    let first = member(1, None).await;
    let second = member(2, Some(&first)).await;
    let grids = [&first, &second];
    settled(&grids).await;
    load(&first).await;
    let limit = |page_size, page| Filter::Limit {
        filter: Box::new(field("age").ge(40)),
        page_size,
        page,
    };
    let selected = keys(&open(&first).await, &field("age").ge(40)).await;
    let by_age = Comparator::by("age").inverse();
    let size = u32::try_from(selected.len()).unwrap() / 5 + 1;
    let (mut plain, mut sorted) = (Vec::new(), Vec::new());
    for page in 0..6_u32 {
        let mut told = Vec::new();
        for grid in grids {
            let cache = open(grid).await;
            let entries = cache.select(question(&limit(size, page)), PageContent::Entries);
            let entries = all_of(entries.sorted(by_age.clone())).await.unwrap();
            let of_entry = |(key, value): (Option<Binary>, Option<Binary>)| {
                let value: Value = from_binary(&value.unwrap()).unwrap();
                (value["age"].as_u64().unwrap(), number(&key.unwrap()))
            };
            told.push((
                keys(&cache, &limit(size, page)).await,
                entries.into_iter().map(of_entry).collect::<Vec<_>>(),
            ));
        }
        let (keys, entries) = told.pop().unwrap();
        assert_eq!(
            told.pop().unwrap(),
            (keys.clone(), entries.clone()),
            "page {page}"
        );
        assert_eq!(keys.len(), entries.len());
        plain.extend(keys);
        sorted.extend(entries);
    }
    plain.sort_unstable();
    assert_eq!(plain, selected);
    assert!(sorted.is_sorted_by(|before, after| before.0 >= after.0));
    let mut sorted: Vec<u32> = sorted.into_iter().map(|(_, key)| key).collect();
    sorted.sort_unstable();
    assert_eq!(sorted, selected);
    end([second, first]).await;
}

/// Adds one to what the filter selects, again and again; how often.
async fn visit_all(cache: Arc<OpenCache>, staying: Filter, stop: Arc<AtomicBool>) -> u64 {
    let question = question(&staying);
    let work = ProcessorWork::from_json(increment().to_json().unwrap().into()).unwrap();
    let work = Arc::new(work.only(staying, question.filter_text().clone()));
    let mut rounds = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        let mut working = cache.work_on_selected(question.clone(), work.clone());
        let mut seen = BTreeSet::new();
        loop {
            let worked = working.next().await.unwrap();
            if worked.is_empty() {
                break;
            }
            for (key, outcome) in worked {
                assert!(matches!(outcome.answer, Some(WorkAnswer::Said(_))), "{outcome:?}");
                assert!(seen.insert(number(&key)), "worked on once");
            }
        }
        assert_eq!(seen.len(), STAYING as usize);
        rounds += 1;
    }
    rounds
}

/// Puts and removes entries that the queries do not want.
async fn come_and_go(cache: Cache<u32, Value>, stop: Arc<AtomicBool>) {
    let mut key = STAYING;
    while !stop.load(Ordering::Relaxed) {
        cache.insert(&key, &json!({"stays": false})).await.unwrap();
        cache.remove(&key).await.unwrap();
        key = STAYING + (key + 1) % 1_000;
    }
}

/// Partitions move while queries run and while processors are invoked on what filters select.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_and_processors_are_exact_while_members_come_and_go() {
    let first = member(1, None).await;
    let second = member(2, Some(&first)).await;
    settled(&[&first, &second]).await;
    load(&first).await;
    let cache = open(&first).await;
    let definition = IndexDefinition::new(Extractor::path("stays"));
    first.add_index(&cache, definition).await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let staying = field("stays").eq(true);
    let all: Vec<u32> = (0..STAYING).collect();

    let mut running = tokio::task::JoinSet::new();
    for grid in [&first, &second] {
        let (cache, staying, all, stop) = (open(grid).await, staying.clone(), all.clone(), stop.clone());
        running.spawn(async move {
            let mut rounds = 0_u32;
            while !stop.load(Ordering::Relaxed) {
                assert_eq!(keys(&cache, &staying).await, all, "each once, none missing");
                rounds += 1;
            }
            rounds
        });
    }
    let mut worker = tokio::task::JoinSet::new();
    worker.spawn(visit_all(open(&second).await, staying.clone(), stop.clone()));
    let mut churn = tokio::task::JoinSet::new();
    churn.spawn(come_and_go(
        first.cache::<u32, Value>("people").await.unwrap(),
        stop.clone(),
    ));

    for number in 3..=4 {
        let third = member(number, Some(&first)).await;
        settled(&[&first, &second, &third]).await;
        assert_eq!(keys(&open(&third).await, &staying).await, all);
        leave(third).await;
        settled(&[&first, &second]).await;
    }
    stop.store(true, Ordering::Relaxed);
    while let Some(rounds) = tokio::time::timeout(BOUND, running.join_next()).await.unwrap() {
        assert!(rounds.unwrap() > 0);
    }
    let rounds = tokio::time::timeout(BOUND, worker.join_next()).await.unwrap();
    let rounds = rounds.unwrap().unwrap();
    tokio::time::timeout(BOUND, churn.join_next())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert!(rounds > 0);
    let cache = open(&first).await;
    let visits = sum_of(&cache, "visits").await;
    assert_eq!(
        visits,
        json!(u64::from(STAYING) * rounds),
        "each was worked on once a round"
    );
    end([second, first]).await;
}

/// A member that takes partitions over builds their indexes, and queries say so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn indexes_follow_their_partitions() {
    let first = member(1, None).await;
    load(&first).await;
    let cache = open(&first).await;
    let definition = || IndexDefinition::new(Extractor::path("age"));
    first.add_index(&cache, definition()).await.unwrap();
    // Again is nothing; another order is refused.
    first.add_index(&cache, definition()).await.unwrap();
    let refused = first.add_index(&cache, definition().sorted()).await.unwrap_err();
    assert!(refused.to_string().contains("remove it first"), "{refused}");
    let second = member(2, Some(&first)).await;
    settled(&[&first, &second]).await;
    let record = br#"{"@class":"aggregator.QueryRecorder","type":{"enum":"EXPLAIN"}}"#;
    let filter: Bytes = field("age").eq(7).to_json().unwrap().into();
    let question = Question::aggregate(filter, Bytes::from_static(record)).unwrap();
    let question = Arc::new(question);
    let indexed = async {
        loop {
            let record = cache.aggregate(question.clone(), None).await.unwrap();
            let record: Value = from_binary(&record).unwrap();
            let results = record["results"].as_array().unwrap().clone();
            let served = |result: &Value| {
                let lookups = result["steps"][0]["indexLookupRecords"].as_array();
                lookups.is_some_and(|lookups| lookups.iter().any(|lookup| lookup.get("index").is_some()))
            };
            if results.len() == 2 && results.iter().all(served) {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(BOUND, indexed)
        .await
        .expect("both members have the index");
    first.remove_index(&cache, Extractor::path("age")).await.unwrap();
    let key = Key::new(to_binary(&3_u32).unwrap()).unwrap();
    assert!(cache.contains_key(&key).await.unwrap());
    end([second, first]).await;
}

/// Who gives a query up withdraws it at the other members, which begin no partition for it any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_that_is_given_up_is_withdrawn_everywhere() {
    let first = member(1, None).await;
    let second = member(2, Some(&first)).await;
    let cache = first.cache::<u32, Value>("people").await.unwrap();
    let text = "ab".repeat(2_000);
    for start in (0..STAYING).step_by(50) {
        let entries: Vec<_> = (start..start + 50)
            .map(|key| (key, json!({ "text": text })))
            .collect();
        let entries = entries.iter().map(|(key, value)| (key, value));
        cache.put_all(entries).await.unwrap();
    }
    settled(&[&first, &second]).await;
    let asked = open(&first).await;
    let filter = field("text").matches("(a|b)*c").unwrap();
    let questions = || second.cluster().unwrap().questions();
    let withdrawn = async {
        // One that is answered before it is given up is not withdrawn.
        while questions().1 == 0 {
            let mut scatter = asked.select(question(&filter), PageContent::Keys);
            let mut next = Box::pin(scatter.next());
            while questions().0 == 0 && futures::poll!(next.as_mut()).is_pending() {
                tokio::task::yield_now().await;
            }
        }
        while questions().0 > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(BOUND, withdrawn)
        .await
        .expect("it is withdrawn");
    // Others are answered all the same.
    assert_eq!(keys(&asked, &filter).await, [0; 0]);
    assert_eq!(asked.len().await.unwrap(), STAYING as usize);
    end([second, first]).await;
}

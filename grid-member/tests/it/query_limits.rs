//! Queries and aggregations of much: in bounded memory, or refused.

use std::num::NonZeroUsize;
use std::sync::Arc;

use grid_core::cache::{CacheError, NamedCache};
use grid_core::partition::table::BackupCount;
use grid_core::query::{Aggregator, Comparator, Extractor, Filter, field};
use grid_core::store::{IndexDefinition, PageContent};
use grid_core::value::{Binary, Key, from_binary, to_binary};
use grid_member::Grid;
use grid_member::cache::{CacheLimits, OpenCache, Question, Scatter, Selected};
use grid_member::cluster::ClusterSettings;
use serde_json::{Value, json};

use crate::cluster::{described, end, joined, member_of_few, settings, settled, three};
use crate::fixture::opened;
use crate::queries::all_of;

/// About so many bytes of entries come at a time.
const WAVE_BYTES: usize = 8 << 20;

const VALUE_LEN: usize = 800 << 10;

fn no_backups() -> BackupCount {
    BackupCount::new(0).unwrap()
}

fn question(filter: &Filter) -> Arc<Question> {
    Arc::new(Question::of_filter(filter).unwrap())
}

fn bytes_of(found: &Selected) -> usize {
    let len = |binary: &Option<Binary>| binary.as_ref().map_or(0, |binary| binary.bytes().len());
    found.iter().map(|(key, value)| len(key) + len(value)).sum()
}

fn number(key: &Binary) -> u32 {
    from_binary(key).unwrap()
}

/// The keys or what they are of, how often something came, and the most bytes that came at a time.
async fn read(scatter: Scatter, numbers: &mut Vec<u32>) -> usize {
    read_parts(scatter, numbers).await.into_iter().max().unwrap_or(0)
}

/// The numbers of all entries in order, and how many bytes came each time.
async fn read_parts(mut scatter: Scatter, numbers: &mut Vec<u32>) -> Vec<usize> {
    let mut parts = Vec::new();
    loop {
        let found = scatter.next().await.unwrap();
        if found.is_empty() {
            numbers.sort_unstable();
            return parts;
        }
        parts.push(bytes_of(&found));
        numbers.extend(found.iter().map(number_of));
    }
}

fn number_of((key, value): &(Option<Binary>, Option<Binary>)) -> u32 {
    match (key, value) {
        (Some(key), _) => number(key),
        (None, Some(value)) => {
            let value: Value = from_binary(value).unwrap();
            u32::try_from(value["n"].as_u64().unwrap()).unwrap()
        }
        (None, None) => panic!("nothing came"),
    }
}

async fn aggregate(
    cache: &Arc<OpenCache>,
    filter: &Filter,
    aggregator: &Aggregator,
) -> Result<Value, CacheError> {
    let question = Question::of_aggregator(filter, aggregator).unwrap();
    let answer = cache.aggregate(Arc::new(question), None).await?;
    Ok(from_binary(&answer).unwrap())
}

fn overloaded<T: std::fmt::Debug>(answer: Result<T, CacheError>) -> String {
    match answer {
        Err(CacheError::Overloaded { what }) => what,
        other => panic!("it is not refused: {other:?}"),
    }
}

/// What is here is sent bit by bit, so that who asks reads the first entries while the others are copied.
#[tokio::test]
async fn what_is_at_hand_comes_in_small_parts() {
    const ENTRIES: u32 = 4_000;
    const LEN: usize = 1 << 10;
    let grid = Grid::builder().build().await.unwrap();
    let cache = grid.cache::<u32, Value>("people").await.unwrap();
    cache
        .add_index(&IndexDefinition::new(Extractor::path("of")))
        .await
        .unwrap();
    let filling = "x".repeat(LEN);
    let value = |key: u32| json!({"n": key, "of": key % 10, "text": filling});
    let entries = (0..ENTRIES).map(|key| (key, value(key)));
    let entries: Vec<_> = entries.collect();
    cache
        .put_all(entries.iter().map(|(key, value)| (key, value)))
        .await
        .unwrap();
    let cache = opened(&grid, "people").await;
    for content in [PageContent::Values, PageContent::Entries] {
        let mut found = Vec::new();
        let parts = read_parts(cache.select(question(&field("of").eq(3)), content), &mut found).await;
        let all: Vec<u32> = (0..ENTRIES).filter(|key| key % 10 == 3).collect();
        assert_eq!(found, all, "{content:?}");
        // The entries of partitions that are read together may come on top.
        let [first, rest @ .., last] = parts.as_slice() else {
            panic!("{content:?}: {parts:?}");
        };
        assert!((32 << 10..64 << 10).contains(first), "{content:?}: {parts:?}");
        let many = 128 << 10..192 << 10;
        assert!(
            rest.iter().all(|part| many.contains(part)),
            "{content:?}: {parts:?}"
        );
        assert!(rest.len() >= 2 && *last < many.end, "{content:?}: {parts:?}");
    }
    grid.shutdown().await;
}

/// A member that holds nothing asks one that has all: a first entry of each of its partitions is more than it may answer at
/// once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_of_any_size_come_in_bounded_pages() {
    const ENTRIES: u32 = 120;
    let first = joined(described(1, None).backups(no_backups())).await;
    let asks = ClusterSettings {
        storage: false,
        ..settings(Some(&first))
    };
    let second = joined(described(2, None).backups(no_backups()).cluster(asks)).await;
    let cache = second.cache::<u32, Value>("people").await.unwrap();
    let filling = "x".repeat(VALUE_LEN);
    for key in 0..ENTRIES {
        let value = json!({"n": key, "text": filling});
        cache.put(&key, &value).await.unwrap();
    }
    let cache = opened(&second, "people").await;
    // One entry may be beyond what there is room for.
    let most = WAVE_BYTES + VALUE_LEN + 100;
    let all: Vec<u32> = (0..ENTRIES).collect();
    for content in [PageContent::Keys, PageContent::Values, PageContent::Entries] {
        let mut found = Vec::new();
        let bytes = read(cache.select(question(&Filter::Always), content), &mut found).await;
        assert_eq!(found, all, "{content:?}");
        assert!(bytes <= most, "{content:?}: {bytes}");
    }
    let some = field("n").ge(50);
    let mut found = Vec::new();
    let bytes = read(cache.select(question(&some), PageContent::Entries), &mut found).await;
    assert_eq!(found, all[50..]);
    assert!(bytes <= most, "{bytes}");

    let mut sorted = cache
        .select(question(&some), PageContent::Entries)
        .sorted(Comparator::by("n").inverse());
    let mut found = Vec::new();
    loop {
        let part = sorted.next().await.unwrap();
        if part.is_empty() {
            break;
        }
        assert!(bytes_of(&part) <= WAVE_BYTES);
        found.extend(part.iter().map(number_of));
    }
    found.reverse();
    assert_eq!(found, all[50..]);

    // The first of each partition together are more than one member may answer; those of all are not.
    let top = Aggregator::Top {
        results: 3,
        extractor: Extractor::path("text"),
        comparator: Comparator::Natural,
    };
    let told = aggregate(&cache, &Filter::Always, &top).await.unwrap();
    assert_eq!(told, json!([filling, filling, filling]));
    // What is not summed up is refused, and nothing else is.
    let all_texts = Aggregator::Reducer(Extractor::path("text"));
    let refused = overloaded(aggregate(&cache, &Filter::Always, &all_texts).await);
    assert!(refused.contains("filter"), "{refused}");
    let few = aggregate(&cache, &field("n").lt(2), &all_texts).await.unwrap();
    assert_eq!(few["entries"].as_array().unwrap().len(), 2);
    end([second, first]).await;
}

/// The greatest numbers.
fn top(results: usize) -> Aggregator {
    Aggregator::Top {
        results,
        extractor: Extractor::path("n"),
        comparator: Comparator::Natural,
    }
}

async fn fill(grid: &Grid, values: impl Iterator<Item = (u32, Value)>) {
    let cache = grid.cache::<u32, Value>("people").await.unwrap();
    let entries: Vec<_> = values.collect();
    cache
        .put_all(entries.iter().map(|(key, value)| (key, value)))
        .await
        .unwrap();
}

/// What is kept of an aggregation has a limit, and after a refusal all of it is there for the next.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_aggregation_keeps_no_more_than_it_may() {
    const ENTRIES: u32 = 5_000;
    let limits = CacheLimits {
        aggregation_bytes_max: 256 << 10,
        ..CacheLimits::default()
    };
    let first = joined(described(1, None).limits(limits)).await;
    let second = joined(described(2, Some(&first)).limits(limits)).await;
    let grids = [&first, &second];
    settled(&grids).await;
    let alone = Grid::builder().limits(limits).build().await.unwrap();
    for grid in [&first, &alone] {
        fill(
            grid,
            (0..ENTRIES).map(|key| (key, json!({"n": key, "city": key % 7}))),
        )
        .await;
    }
    let n = || Extractor::path("n");
    let much = [
        Aggregator::Reducer(n()),
        Aggregator::Distinct(n()),
        Aggregator::count().by("n"),
        top(ENTRIES as usize),
        Aggregator::Composite(vec![Aggregator::Count, Aggregator::Reducer(n())]),
    ];
    for grid in [&first, &second, &alone] {
        let cache = opened(grid, "people").await;
        for _again in 0..2 {
            for aggregator in &much {
                let refused = overloaded(aggregate(&cache, &Filter::Always, aggregator).await);
                assert!(refused.contains("262144"), "{refused}");
            }
        }
        let always = &Filter::Always;
        assert_eq!(
            aggregate(&cache, always, &Aggregator::Count).await.unwrap(),
            json!(ENTRIES)
        );
        let cities = Aggregator::count().by("city");
        let cities = aggregate(&cache, always, &cities).await.unwrap();
        assert_eq!(cities["entries"].as_array().unwrap().len(), 7);
        let top = aggregate(&cache, always, &top(3)).await.unwrap();
        assert_eq!(top, json!([ENTRIES - 1, ENTRIES - 2, ENTRIES - 3]));
        let few = aggregate(&cache, &field("n").lt(20), &Aggregator::Reducer(n()))
            .await
            .unwrap();
        assert_eq!(few["entries"].as_array().unwrap().len(), 20);
        // An order needs as much as is asked for.
        let scatter = || cache.select(question(always), PageContent::Values);
        let sorted = scatter().sorted(Comparator::by("n"));
        overloaded(all_of(sorted).await);
        let sorted = scatter()
            .sorted(Comparator::by("n"))
            .at_a_time(NonZeroUsize::new(300).unwrap());
        let sorted = all_of(sorted).await.unwrap();
        assert!(sorted.iter().map(number_of).eq(0..ENTRIES));
    }
    alone.shutdown().await;
    end([second, first]).await;
}

/// An order is the same at every member and at one alone, whole, in parts, and in pages of a limit; equal values are in
/// the order of their keys.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_the_same_wherever_it_is_asked_for() {
    const ENTRIES: u32 = 3_000;
    let grids = three().await;
    let alone = member_of_few(9, None).await;
    let rank = |key: u32| key * 7_919 % 500;
    for grid in [&grids[0], &alone] {
        fill(
            grid,
            (0..ENTRIES).map(|key| (key, json!({"n": key, "rank": rank(key)}))),
        )
        .await;
    }
    let filter = field("n").lt(2_500);
    let mut expected: Vec<u32> = (0..2_500).collect();
    expected.sort_by_key(|key| (std::cmp::Reverse(rank(*key)), key.to_string()));
    let order = || Comparator::by("rank").inverse();
    for grid in grids.iter().chain([&alone]) {
        let cache = opened(grid, "people").await;
        for at_a_time in [400, 100_000] {
            let sorted = cache
                .select(question(&filter), PageContent::Entries)
                .sorted(order())
                .at_a_time(NonZeroUsize::new(at_a_time).unwrap());
            let sorted = all_of(sorted).await.unwrap();
            assert!(sorted.iter().map(number_of).eq(expected.iter().copied()));
        }
        for (page_size, page) in [
            (1, 0),
            (10, 0),
            (300, 8),
            (2, 999),
            (2_499, 1),
            (2_500, 1),
            (9_999, 0),
        ] {
            let limit = Filter::Limit {
                filter: Box::new(filter.clone()),
                page_size,
                page,
            };
            let sorted = cache
                .select(question(&limit), PageContent::Values)
                .sorted(order());
            let sorted = all_of(sorted).await.unwrap();
            let page = expected
                .chunks(page_size as usize)
                .nth(page as usize)
                .unwrap_or_default();
            assert!(
                sorted.iter().map(number_of).eq(page.iter().copied()),
                "{page_size}"
            );
        }
    }
    alone.shutdown().await;
    end(grids).await;
}

/// What a page of a limit leaves out is found by its keys, and the pages are the same as if all were read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_a_limit_put_together_are_all_entries() {
    const ENTRIES: u32 = 1_500;
    let grids = three().await;
    fill(&grids[0], (0..ENTRIES).map(|key| (key, json!({"n": key})))).await;
    let filter = field("n").lt(1_400);
    for grid in &grids {
        let cache = opened(grid, "people").await;
        for page_size in [1_u32, 37, 700, 1_400] {
            let (mut found, mut last_keys) = (Vec::new(), Vec::new());
            // Of pages of one entry only some.
            let step = if page_size == 1 { 93 } else { 1 };
            for page in (0..1_400_u32.div_ceil(page_size) + 1).step_by(step) {
                let limit = Filter::Limit {
                    filter: Box::new(filter.clone()),
                    page_size,
                    page,
                };
                let (mut values, mut keys) = (Vec::new(), Vec::new());
                read(cache.select(question(&limit), PageContent::Values), &mut values).await;
                read(cache.select(question(&limit), PageContent::Keys), &mut keys).await;
                assert_eq!(values, keys, "page {page} of {page_size}");
                last_keys = keys;
                found.extend(values);
            }
            if step == 1 {
                assert_eq!(last_keys, [0_u32; 0], "behind the last page");
            }
            found.sort_unstable();
            let count = found.len();
            found.dedup();
            assert_eq!(found.len(), count, "each once");
            assert_eq!(count, if step == 1 { 1_400 } else { 16 });
        }
    }
    end(grids).await;
}

/// A key that is given twice is one entry.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_counts_once_however_often_its_key_is_given() {
    let grid = Grid::builder().build().await.unwrap();
    fill(&grid, (0..10).map(|key| (key, json!({"n": key})))).await;
    let cache = opened(&grid, "people").await;
    let key = |key: u32| Key::new(to_binary(&key).unwrap()).unwrap();
    let keys = vec![key(3), key(4), key(3), key(3), key(99), key(99)];
    for (aggregator, expected) in [(Aggregator::Count, json!(2)), (Aggregator::sum("n"), json!(7))] {
        let question = Arc::new(Question::of_aggregator(&Filter::Always, &aggregator).unwrap());
        let answer = cache.aggregate(question, Some(keys.clone())).await.unwrap();
        let answer: Value = from_binary(&answer).unwrap();
        let answer = answer.get("value").map_or(answer.clone(), |value| {
            json!(value.as_str().unwrap().parse::<u32>().unwrap())
        });
        assert_eq!(answer, expected);
    }
    grid.shutdown().await;
}

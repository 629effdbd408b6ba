use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use grid_core::cache::CacheName;
use grid_core::partition::{PartitionCount, PartitionId};
use grid_core::query::{Aggregator, Filter, RecordKind, field};
use grid_core::store::{PageContent, PageLimits, TimeToLive};
use grid_core::value::{Binary, Format, Key, to_key};
use parking_lot::Mutex;

use crate::Grid;
use crate::cache::shared::Shared;
use crate::cache::{OpenCache, PartFailure, PartRequest, PartResult, Question};

/// Entries with so many bytes together that they are read in several slices.
const ENTRIES: u32 = 48;
const VALUE_LEN: usize = 512 << 10;

fn partition() -> PartitionId {
    PartitionCount::ONE.all().next().unwrap()
}

fn value(number: u32, len: usize) -> Binary {
    let text = format!("{{\"text\":\"{}\",\"n\":{number}}}", "x".repeat(len));
    Binary::new(Format::JSON, text.into_bytes().into())
}

fn key(number: u32) -> Key {
    to_key(&number).unwrap()
}

fn put(cache: &Arc<OpenCache>, entries: Vec<(Key, Binary)>) {
    let (ttl, tag) = (TimeToLive::CacheDefault, None);
    let (tell, told) = mpsc::channel();
    let tell = Mutex::new(tell);
    let request = PartRequest::PutAll { entries, ttl, tag };
    cache.here(partition(), request, move |answer| {
        tell.lock().send(answer).unwrap();
    });
    assert!(matches!(told.recv().unwrap(), Ok(PartResult::Done(_))));
}

async fn cache_of_one_partition() -> (Grid, Arc<OpenCache>) {
    let builder = Grid::builder().partition_count(PartitionCount::ONE);
    let grid = builder.build().await.unwrap();
    let cache = grid.open("", &CacheName::new("large").unwrap()).await.unwrap();
    let entries = (0..ENTRIES).map(|number| (key(number), value(number, VALUE_LEN)));
    put(&cache, entries.collect());
    (grid, cache)
}

/// Asks for as long as `go_on` says so.
fn ask(
    cache: &Arc<OpenCache>,
    request: &PartRequest,
    go_on: &dyn Fn() -> bool,
) -> Option<Result<PartResult, PartFailure>> {
    let answer = Arc::new(Mutex::new(None));
    let tell = answer.clone();
    let shared = Shared::alone(cache);
    let left = cache.here_in_slices(partition(), request, None, (&shared, go_on), move |answer| {
        *tell.lock() = Some(answer);
    });
    assert!(left.is_none(), "it is answered in slices");
    answer.lock().take()
}

/// Puts an entry on another thread, which ends only if nobody holds the partition.
fn put_meanwhile(cache: &Arc<OpenCache>, number: u32) {
    let (tell, told) = mpsc::channel();
    let cache = cache.clone();
    std::thread::spawn(move || {
        put(&cache, vec![(key(number), value(number, 1))]);
        // Whoever waits has failed when it does not wait any more.
        let _failed = tell.send(());
    });
    let done = told.recv_timeout(Duration::from_secs(20));
    done.expect("a put is done while a partition is read");
}

fn requests() -> Vec<PartRequest> {
    let filter = || field("text").matches("x+y?").unwrap().and(field("n").ge(0));
    let aggregate =
        |aggregator: &Aggregator| Arc::new(Question::of_aggregator(&filter(), aggregator).unwrap());
    let limits = PageLimits {
        entries_max: NonZeroUsize::new(1_000).unwrap(),
        bytes_max: NonZeroUsize::MAX,
    };
    let question = aggregate(&Aggregator::Count);
    vec![
        PartRequest::Query {
            question: Arc::new(Question::of_filter(&filter()).unwrap()),
            after: None,
            limits,
            content: PageContent::Keys,
        },
        PartRequest::Aggregate {
            question: question.clone(),
            keys: None,
        },
        PartRequest::Aggregate {
            question,
            keys: Some((0..ENTRIES).map(key).collect()),
        },
        PartRequest::Aggregate {
            question: aggregate(&Aggregator::Record(RecordKind::Trace)),
            keys: None,
        },
        PartRequest::ContainsValue(value(1_000_000, 1)),
    ]
}

#[tokio::test]
async fn a_put_is_done_between_the_slices_of_what_takes_long() {
    let (grid, cache) = cache_of_one_partition().await;
    let puts = AtomicUsize::new(0);
    for request in requests() {
        let before = puts.load(Ordering::Relaxed);
        let go_on = || {
            let number = puts.fetch_add(1, Ordering::Relaxed);
            put_meanwhile(&cache, 10_000 + u32::try_from(number).unwrap());
            true
        };
        let answer = ask(&cache, &request, &go_on).expect("an answer").unwrap();
        let slices = puts.load(Ordering::Relaxed) - before;
        assert!(slices >= 5, "{slices} slices for {request:?}");
        // What is put meanwhile comes or not.
        let least = usize::try_from(ENTRIES).unwrap();
        match (&request, answer) {
            (_, PartResult::Page(page)) => {
                assert!(page.next.is_none());
                let mut keys: Vec<u32> = page
                    .entries
                    .iter()
                    .map(|entry| grid_core::value::from_binary(entry.key.as_ref().unwrap()).unwrap())
                    .filter(|key| *key < ENTRIES)
                    .collect();
                keys.sort_unstable();
                assert_eq!(keys, (0..ENTRIES).collect::<Vec<_>>());
            }
            (PartRequest::Aggregate { question, keys }, PartResult::Partial(partial)) => {
                if let Some(Aggregator::Count) = question.aggregator() {
                    let counted = Aggregator::Count.combine([&partial[..]]).unwrap();
                    let counted: usize = grid_core::value::from_binary(&counted).unwrap();
                    let most = if keys.is_some() {
                        least
                    } else {
                        least + puts.load(Ordering::Relaxed)
                    };
                    assert!((least..=most).contains(&counted), "{counted}");
                } else {
                    let text = String::from_utf8(partial.to_vec()).unwrap();
                    assert!(text.contains("keys_after"), "{text}");
                }
            }
            (_, PartResult::Flag(found)) => assert!(!found),
            other => panic!("{other:?}"),
        }
    }
    grid.shutdown().await;
}

#[tokio::test]
async fn what_nobody_waits_for_ends_within_a_partition() {
    let (grid, cache) = cache_of_one_partition().await;
    for request in requests() {
        let asked = AtomicUsize::new(0);
        let go_on = || asked.fetch_add(1, Ordering::Relaxed) < 2;
        assert!(ask(&cache, &request, &go_on).is_none(), "{request:?}");
        assert_eq!(asked.load(Ordering::Relaxed), 3, "{request:?}");
    }
    // What is little is read at once.
    let few = Question::of_filter(&Filter::InKeySet(
        Box::new(Filter::Always),
        ["none"].into_iter().collect(),
    ));
    let request = PartRequest::Query {
        question: Arc::new(few.unwrap()),
        after: None,
        limits: PageLimits {
            entries_max: NonZeroUsize::MIN,
            bytes_max: NonZeroUsize::MIN,
        },
        content: PageContent::Values,
    };
    let answer = ask(&cache, &request, &|| panic!("it is not asked whether to go on"));
    assert!(matches!(answer, Some(Ok(PartResult::Page(page))) if page.entries.is_empty()));
    grid.shutdown().await;
}

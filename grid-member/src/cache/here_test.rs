use std::sync::Arc;

use grid_core::cache::{Applied, CacheName};
use grid_core::partition::PartitionCount;
use grid_core::processor::{Processor, ProcessorWork};
use grid_core::query::Extractor;
use grid_core::replication::{Failure, Outcome, RequestTag};
use grid_core::store::TimeToLive;
use grid_core::value::{Binary, Key, to_binary, to_key};
use parking_lot::Mutex;

use crate::Grid;
use crate::cache::{OpenCache, PartFailure, PartRequest, PartResult};
use crate::routing::Channels;

use super::{of_each, together};

/// Asks the only partition of a member that is alone, which answers at once.
fn ask(cache: &Arc<OpenCache>, request: PartRequest) -> Result<PartResult, PartFailure> {
    let partition = PartitionCount::ONE.all().next().unwrap();
    let told = Arc::new(Mutex::new(None));
    let tell = told.clone();
    cache.here(partition, request, move |answer| *tell.lock() = Some(answer));
    let answer = told.lock().take();
    answer.expect("an answer at once")
}

fn entries(values: [&str; 3]) -> Vec<(Key, Binary)> {
    let entry = |(key, value): (u32, &str)| (to_key(&key).unwrap(), to_binary(value).unwrap());
    (0..).zip(values).map(entry).collect()
}

fn put_all(cache: &Arc<OpenCache>, values: [&str; 3], tag: Option<RequestTag>) {
    let (entries, ttl) = (entries(values), TimeToLive::CacheDefault);
    let result = ask(cache, PartRequest::PutAll { entries, ttl, tag });
    assert!(matches!(result, Ok(PartResult::Done(3))), "{result:?}");
}

fn values(cache: &Arc<OpenCache>) -> Vec<String> {
    let value = |key| match ask(cache, PartRequest::Get(to_key(&key).unwrap())) {
        Ok(PartResult::Value(Some(value))) => grid_core::value::from_binary(&value).unwrap(),
        other => panic!("{other:?}"),
    };
    (0..3_u32).map(value).collect()
}

#[tokio::test]
async fn entries_that_are_put_together_are_put_once_however_often_they_come() {
    let builder = Grid::builder().partition_count(PartitionCount::ONE);
    let grid = builder.build().await.unwrap();
    let cache = grid.open("", &CacheName::new("once").unwrap()).await.unwrap();
    let channels = Channels::new(7);
    let mut channel = channels.take();
    let first = channel.tag_many(grid.now(), channel.lowest_open(), 3);
    put_all(&cache, ["a", "b", "c"], Some(first));
    // Someone else writes before the request comes again.
    put_all(&cache, ["x", "y", "z"], None);
    put_all(&cache, ["a", "b", "c"], Some(first));
    assert_eq!(values(&cache), ["x", "y", "z"]);
    // The first time only one of them had come.
    let open = channel.lowest_open();
    let second = channel.tag_many(grid.now(), open, 3);
    let put_one = PartRequest::PutAll {
        entries: entries(["1", "", ""])[..1].to_vec(),
        ttl: TimeToLive::CacheDefault,
        tag: Some(second),
    };
    ask(&cache, put_one).unwrap();
    put_all(&cache, ["u", "v", "w"], None);
    put_all(&cache, ["1", "2", "3"], Some(second));
    assert_eq!(values(&cache), ["u", "2", "3"]);
    grid.shutdown().await;
}

#[test]
fn what_is_said_of_several_entries_holds_for_all_of_them() {
    let done = || Ok(Outcome::default());
    let full = PartFailure::Failed(Failure::Overloaded);
    let deposed = PartFailure::Failed(Failure::Deposed);
    let elsewhere = PartFailure::Elsewhere(Default::default());
    assert_eq!(together(vec![done(), done()]).unwrap().len(), 2);
    let failure = |outcomes| together(outcomes).unwrap_err();
    assert_eq!(failure(vec![Err(full.clone()), Err(full.clone())]), full);
    let in_part = PartFailure::InPart(Box::new(full.clone()));
    assert_eq!(failure(vec![done(), Err(full.clone())]), in_part);
    assert_eq!(failure(vec![Err(elsewhere.clone())]), elsewhere);
    // They are asked for again, all together.
    assert_eq!(failure(vec![done(), Err(elsewhere.clone())]), deposed);
    assert_eq!(failure(vec![Err(full.clone()), Err(deposed.clone())]), deposed);
    let each = of_each(vec![done(), Err(full), done()]).unwrap();
    assert_eq!(
        each.iter().map(Result::is_ok).collect::<Vec<_>>(),
        [true, false, true]
    );
    assert_eq!(of_each(vec![done(), Err(elsewhere)]).unwrap_err(), deposed);
}

#[tokio::test]
async fn the_error_says_that_others_may_have_been_done() {
    let builder = Grid::builder().partition_count(PartitionCount::ONE);
    let grid = builder.build().await.unwrap();
    let cache = grid.open("", &CacheName::new("once").unwrap()).await.unwrap();
    let full = PartFailure::Failed(Failure::Overloaded);
    for (failure, applied, passes) in [
        (full.clone(), Applied::No, true),
        (PartFailure::InPart(Box::new(full)), Applied::Unknown, true),
        (
            PartFailure::InPart(Box::new(PartFailure::Destroyed)),
            Applied::Unknown,
            false,
        ),
        (
            PartFailure::Failed(Failure::TooLarge { len: 9, max: 8 }),
            Applied::No,
            false,
        ),
    ] {
        let error = cache.error_of(failure);
        assert_eq!(
            (error.applied(), error.is_transient()),
            (applied, passes),
            "{error}"
        );
    }
    grid.shutdown().await;
}

/// However much is answered, each entry is answered once, some at a time.
#[tokio::test]
async fn work_is_begun_as_far_as_its_answers_go() {
    let builder = Grid::builder().partition_count(PartitionCount::ONE);
    let grid = builder.build().await.unwrap();
    let cache = grid.open("", &CacheName::new("large").unwrap()).await.unwrap();
    let large = to_binary(&"x".repeat(1 << 20)).unwrap();
    let keys: Vec<Key> = (0..20_u32).map(|key| to_key(&key).unwrap()).collect();
    let entries = keys.iter().map(|key| (key.clone(), large.clone())).collect();
    let ttl = TimeToLive::CacheDefault;
    ask(
        &cache,
        PartRequest::PutAll {
            entries,
            ttl,
            tag: None,
        },
    )
    .unwrap();
    let work = Arc::new(ProcessorWork::new(&Processor::Extract(Extractor::Identity)).unwrap());
    let request = PartRequest::Work {
        keys: keys.clone(),
        work: work.clone(),
        tag: None,
    };
    let Ok(PartResult::Worked(worked)) = ask(&cache, request) else {
        panic!("some of it is done")
    };
    let begun = worked.iter().take_while(|outcome| outcome.is_ok()).count();
    assert_eq!(begun, 8);
    assert!(
        worked
            .iter()
            .skip(begun)
            .all(|outcome| *outcome.as_ref().unwrap_err() == PartFailure::NotBegun)
    );
    let (mut working, mut told) = (cache.work_on_keys(keys, work), 0);
    loop {
        let worked = working.next().await.unwrap();
        if worked.is_empty() {
            break;
        }
        assert!(worked.len() <= 8, "{}", worked.len());
        told += worked.len();
    }
    assert_eq!(told, 20);
    grid.shutdown().await;
}

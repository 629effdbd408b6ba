use std::sync::Arc;

use grid_core::cache::CacheName;
use grid_core::partition::PartitionCount;
use grid_core::replication::RequestTag;
use grid_core::store::TimeToLive;
use grid_core::value::{Binary, Key, to_binary, to_key};
use parking_lot::Mutex;

use crate::Grid;
use crate::cache::{OpenCache, PartFailure, PartRequest, PartResult};
use crate::routing::Channels;

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

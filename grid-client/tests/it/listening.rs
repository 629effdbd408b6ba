//! Listeners, through overflow, restarts and the end.

use futures::StreamExt;

use grid_core::cache::{CacheError, NamedCache};
use grid_core::event::{CacheEvent, EntryEventKind};
use grid_proto::v1::cache::NamedCacheRequestType as Kind;

use crate::fake::{Fake, Fault};
use crate::faults::{builder, until};

#[tokio::test]
async fn an_event_is_there_before_the_answer_that_it_came_with() {
    let fake = Fake::start();
    let session = builder(&fake).connect().await.unwrap();
    let cache = session.cache::<String, i64>("c").await.unwrap();
    let mut events = cache.listen().await.unwrap();
    cache.insert(&"k".to_owned(), &1).await.unwrap();
    let event = futures::FutureExt::now_or_never(events.next()).expect("the event is there already");
    let event = event.unwrap().unwrap().entry().unwrap();
    assert_eq!(
        (event.kind, event.key.as_str(), event.new),
        (EntryEventKind::Insert, "k", Some(1))
    );
    session.close().await;
    assert!(matches!(events.next().await, Some(Err(CacheError::ShuttingDown))));
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn listeners_share_one_registration_and_the_last_one_ends_it() {
    let fake = Fake::start();
    let session = builder(&fake).connect().await.unwrap();
    let cache = session.cache::<String, i64>("c").await.unwrap();
    let first = cache.listen().await.unwrap();
    let second = cache.listen().await.unwrap();
    let third = cache.listen_lite().await.unwrap();
    assert_eq!(fake.shared.count(Kind::MapListener), 1);
    drop((first, second));
    cache.size().await.unwrap();
    assert_eq!(fake.shared.listeners(), 1);
    drop(third);
    until("the registration to end", || fake.shared.listeners() == 0).await;
    assert_eq!(fake.shared.count(Kind::MapListener), 2);
    session.close().await;
}

#[tokio::test]
async fn a_slow_listener_is_told_to_read_again() {
    let fake = Fake::start();
    let session = builder(&fake).event_queue_len(3).connect().await.unwrap();
    let cache = session.cache::<String, i64>("c").await.unwrap();
    let mut events = cache.listen().await.unwrap();
    for number in 0..10 {
        cache.insert(&"k".to_owned(), &number).await.unwrap();
    }
    for number in 0..3 {
        assert_eq!(
            events.next().await.unwrap().unwrap().entry().unwrap().new,
            Some(number)
        );
    }
    assert_eq!(events.next().await.unwrap().unwrap(), CacheEvent::Resync);
    cache.insert(&"k".to_owned(), &77).await.unwrap();
    assert_eq!(
        events.next().await.unwrap().unwrap().entry().unwrap().new,
        Some(77)
    );
    session.close().await;
}

#[tokio::test]
async fn listeners_outlive_a_restart_of_the_server_and_are_told() {
    let fake = Fake::start();
    let session = builder(&fake).connect().await.unwrap();
    let cache = session.cache::<String, i64>("c").await.unwrap();
    let mut events = cache.listen().await.unwrap();
    let mut of_key = cache.listen_key("other").await.unwrap();
    let (address, shared) = fake.stop().await;
    let fake = Fake::start_at(address, shared);
    assert_eq!(events.next().await.unwrap().unwrap(), CacheEvent::Resync);
    assert_eq!(of_key.next().await.unwrap().unwrap(), CacheEvent::Resync);
    fake.shared.announce("\u{15}\"k\"", "\u{15}5").await;
    assert_eq!(
        events.next().await.unwrap().unwrap().entry().unwrap().new,
        Some(5)
    );
    session.close().await;
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_an_error_and_the_next_one_comes() {
    let fake = Fake::start();
    let session = builder(&fake).connect().await.unwrap();
    let cache = session.cache::<String, i64>("c").await.unwrap();
    let mut events = cache.listen().await.unwrap();
    fake.shared.announce("no format", "\u{15}5").await;
    fake.shared.announce("\u{15}\"k\"", "\u{15}{broken").await;
    fake.shared.announce("\u{15}\"k\"", "\u{15}5").await;
    assert!(matches!(
        events.next().await,
        Some(Err(CacheError::Protocol { .. }))
    ));
    assert!(matches!(events.next().await, Some(Err(CacheError::Value(_)))));
    assert_eq!(
        events.next().await.unwrap().unwrap().entry().unwrap().new,
        Some(5)
    );
    session.close().await;
}

#[tokio::test]
async fn a_listener_that_the_server_refuses_is_an_error() {
    let fake = Fake::start();
    let session = builder(&fake).connect().await.unwrap();
    let cache = session.cache::<String, i64>("c").await.unwrap();
    fake.shared.plan(Kind::MapListener, Fault::Refuse("not here"));
    let error = cache.listen().await.unwrap_err();
    assert!(matches!(error, CacheError::Refused { .. }), "{error}");
    fake.shared.plan(Kind::MapListener, Fault::DropBefore);
    let _events = cache.listen().await.unwrap();
    session.close().await;
}

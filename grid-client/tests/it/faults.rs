//! What callers see when a server or a connection fails.

use std::time::Duration;

use grid_client::{RetryPolicy, Session, SessionBuilder};
use grid_core::cache::{Applied, Cache, CacheError, NamedCache};
use grid_proto::v1::cache::NamedCacheRequestType as Kind;

use crate::fake::{Fake, Fault};
use crate::fixture::spawn;

/// Quick enough that a test does not wait for it.
const QUICK: RetryPolicy = RetryPolicy {
    attempts_max: 4,
    delay_first: Duration::from_millis(1),
    delay_max: Duration::from_millis(20),
};

pub(crate) fn builder(fake: &Fake) -> SessionBuilder {
    Session::builder().address(&fake.address.to_string()).retry(QUICK)
}

async fn cache_of(session: &Session) -> Cache<String, i64> {
    session.cache("c").await.unwrap()
}

fn key() -> String {
    "k".to_owned()
}

/// Lets the other tasks run until this holds.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) {
    let turns = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), turns)
        .await
        .unwrap_or_else(|_| panic!("waited for {what}"));
}

#[tokio::test]
async fn a_read_is_asked_again_when_the_connection_breaks() {
    let fake = Fake::start();
    let session = builder(&fake).connect().await.unwrap();
    let cache = cache_of(&session).await;
    cache.insert(&key(), &1).await.unwrap();
    fake.shared.plan(Kind::Get, Fault::DropBefore);
    fake.shared.plan(Kind::Get, Fault::DropAfter);
    assert_eq!(cache.get("k").await.unwrap(), Some(1));
    assert_eq!(fake.shared.count(Kind::Get), 3);
    assert_eq!(fake.shared.calls(), 3);
    session.close().await;
}

#[tokio::test]
async fn a_change_that_was_sent_is_not_sent_again() {
    let fake = Fake::start();
    let session = builder(&fake).connect().await.unwrap();
    let cache = cache_of(&session).await;
    for fault in [Fault::DropBefore, Fault::DropAfter] {
        fake.shared.plan(Kind::Put, fault);
        let error = cache.insert(&key(), &1).await.unwrap_err();
        assert!(matches!(error, CacheError::Disconnected { .. }), "{error}");
        assert_eq!(error.applied(), Applied::Unknown);
        assert!(error.to_string().contains("dropped"), "{error}");
    }
    assert_eq!(fake.shared.count(Kind::Put), 2);
    cache.insert(&key(), &2).await.unwrap();
    session.close().await;
}

#[tokio::test]
async fn reads_give_up_after_so_many_attempts() {
    let fake = Fake::start();
    let session = builder(&fake).connect().await.unwrap();
    let cache = cache_of(&session).await;
    for _ in 0..QUICK.attempts_max {
        fake.shared.plan(Kind::Get, Fault::DropBefore);
    }
    let error = cache.get("k").await.unwrap_err();
    assert!(
        matches!(
            error,
            CacheError::Disconnected {
                applied: Applied::No,
                ..
            }
        ),
        "{error}"
    );
    session.close().await;
}

#[tokio::test]
async fn no_answer_in_time_is_an_error_and_a_late_answer_disturbs_nobody() {
    let fake = Fake::start();
    let session = builder(&fake)
        .request_timeout(Duration::from_millis(60))
        .connect()
        .await
        .unwrap();
    let cache = cache_of(&session).await;
    fake.shared.plan(Kind::Put, Fault::Hold);
    let error = cache.insert(&key(), &1).await.unwrap_err();
    assert!(
        matches!(
            error,
            CacheError::Deadline {
                applied: Applied::Unknown,
                ..
            }
        ),
        "{error}"
    );
    fake.shared.plan(Kind::Get, Fault::Ignore);
    let error = cache.get("k").await.unwrap_err();
    assert!(
        matches!(
            error,
            CacheError::Deadline {
                applied: Applied::No,
                ..
            }
        ),
        "{error}"
    );
    fake.shared.release().await;
    assert_eq!(cache.size().await.unwrap(), 1);
    assert_eq!(fake.shared.calls(), 1);
    session.close().await;
}

#[tokio::test]
async fn refusals_carry_the_servers_words() {
    let fake = Fake::start();
    let session = builder(&fake).connect().await.unwrap();
    let cache = cache_of(&session).await;
    fake.shared
        .plan(Kind::Put, Fault::Refuse("Could not deserialize"));
    let error = cache.insert(&key(), &1).await.unwrap_err();
    assert!(matches!(&error, CacheError::Refused { message } if message == "Could not deserialize"));
    assert_eq!(error.applied(), Applied::No);
    fake.shared.plan(
        Kind::Put,
        Fault::Refuse("The cache with id 7 has been explicitly destroyed"),
    );
    let error = cache.insert(&key(), &1).await.unwrap_err();
    assert!(matches!(error, CacheError::Destroyed { .. }), "{error}");
    let error = cache.get("k").await.unwrap_err();
    assert!(matches!(error, CacheError::Destroyed { .. }), "{error}");
    cache_of(&session).await.insert(&key(), &1).await.unwrap();
    session.close().await;
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_fails_its_request_alone() {
    let fake = Fake::start();
    let session = builder(&fake).message_len_max(10_000).connect().await.unwrap();
    let cache = cache_of(&session).await;
    cache.insert(&key(), &1).await.unwrap();
    for (fault, words) in [
        (Fault::Garbage, "cannot be read"),
        (Fault::NoFormat, "0x15"),
        (Fault::Long(20_000), "message limit"),
    ] {
        fake.shared.plan(Kind::Get, fault);
        let error = cache.get("k").await.unwrap_err();
        assert!(
            matches!(&error, CacheError::Protocol { what } if what.contains(words)),
            "{error}"
        );
    }
    fake.shared.plan(Kind::Get, Fault::Long(100));
    assert!(matches!(cache.get("k").await, Err(CacheError::Value(_))));
    assert_eq!(cache.get("k").await.unwrap(), Some(1));
    assert_eq!(fake.shared.calls(), 1);
    session.close().await;
}

#[tokio::test]
async fn a_request_above_the_limit_is_not_sent() {
    let fake = Fake::start();
    let session = builder(&fake).message_len_max(2_000).connect().await.unwrap();
    let cache = session.cache::<String, String>("c").await.unwrap();
    let error = cache.insert(&key(), &"x".repeat(3_000)).await.unwrap_err();
    assert!(matches!(error, CacheError::Invalid { .. }), "{error}");
    assert_eq!(fake.shared.count(Kind::Put), 0);
    session.close().await;
}

#[tokio::test]
async fn callers_beyond_the_limit_wait_for_a_place() {
    let fake = Fake::start();
    let session = builder(&fake).in_flight_max(2).connect().await.unwrap();
    let cache = cache_of(&session).await;
    fake.shared.plan(Kind::Get, Fault::Hold);
    fake.shared.plan(Kind::Get, Fault::Hold);
    let callers: Vec<_> = (0..20)
        .map(|_| {
            let cache = cache.clone();
            spawn(async move { cache.get("k").await })
        })
        .collect();
    until("two requests to be held", || fake.shared.held() == 2).await;
    assert_eq!(fake.shared.count(Kind::Get), 2);
    fake.shared.release().await;
    for caller in callers {
        assert_eq!(caller.await.unwrap().unwrap(), None);
    }
    session.close().await;
}

#[tokio::test]
async fn a_caller_that_finds_no_place_in_time_is_told_that_nothing_was_done() {
    let fake = Fake::start();
    let timeout = Duration::from_millis(60);
    let session = builder(&fake)
        .in_flight_max(1)
        .request_timeout(timeout)
        .connect()
        .await
        .unwrap();
    let cache = cache_of(&session).await;
    // The place of a request that is never answered is free again after its deadline, so the next one is held too.
    fake.shared.plan(Kind::Put, Fault::Hold);
    let (first, second) = (cache.clone(), cache.clone());
    let holder = spawn(async move { first.insert(&key(), &1).await });
    until("the first request", || fake.shared.held() == 1).await;
    fake.shared.plan(Kind::Put, Fault::Hold);
    let error = second.insert(&key(), &2).await;
    assert!(holder.await.unwrap().is_err());
    if let Err(error) = error {
        assert!(
            matches!(error, CacheError::Overloaded { .. } | CacheError::Deadline { .. }),
            "{error}"
        );
    }
    session.close().await;
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_no_trace() {
    let fake = Fake::start();
    let session = builder(&fake).in_flight_max(1).connect().await.unwrap();
    let cache = cache_of(&session).await;
    fake.shared.plan(Kind::Get, Fault::Hold);
    let waiting = cache.clone();
    let caller = spawn(async move { waiting.get("k").await });
    until("the request", || fake.shared.held() == 1).await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    fake.shared.release().await;
    assert_eq!(cache.size().await.unwrap(), 0);
    session.close().await;
}

#[tokio::test]
async fn a_server_that_falls_silent_is_noticed_by_the_heartbeat() {
    let fake = Fake::start();
    let session = builder(&fake)
        .heartbeat(Some(Duration::from_millis(20)))
        .connect()
        .await
        .unwrap();
    let cache = cache_of(&session).await;
    fake.shared.fall_silent();
    let error = cache.insert(&key(), &1).await.unwrap_err();
    assert!(
        matches!(&error, CacheError::Disconnected { reason, .. } if reason.contains("nothing was heard"))
    );
    assert_eq!(error.applied(), Applied::Unknown);
    session.close().await;
}

#[tokio::test]
async fn heartbeats_keep_a_quiet_connection() {
    let fake = Fake::start();
    let session = builder(&fake)
        .heartbeat(Some(Duration::from_millis(5)))
        .connect()
        .await
        .unwrap();
    let cache = cache_of(&session).await;
    fake.shared.plan(Kind::Get, Fault::Hold);
    let waiting = cache.clone();
    let caller = spawn(async move { waiting.get("k").await });
    until("the request", || fake.shared.held() == 1).await;
    let mut beats = tokio::time::interval(Duration::from_millis(10));
    for _ in 0..8 {
        beats.tick().await;
    }
    fake.shared.release().await;
    assert_eq!(caller.await.unwrap().unwrap(), None);
    assert_eq!(fake.shared.calls(), 1);
    session.close().await;
}

#[tokio::test]
async fn closing_ends_what_is_in_flight_and_every_task() {
    let fake = Fake::start();
    let session = builder(&fake).connect().await.unwrap();
    let cache = cache_of(&session).await;
    fake.shared.plan(Kind::Get, Fault::Hold);
    fake.shared.plan(Kind::Put, Fault::Hold);
    let (reader, writer) = (cache.clone(), cache.clone());
    let read = spawn(async move { reader.get("k").await });
    let write = spawn(async move { writer.insert(&key(), &1).await });
    until("both requests", || fake.shared.held() == 2).await;
    assert_eq!(session.running_tasks(), 3);
    session.close().await;
    assert_eq!(session.running_tasks(), 0);
    assert!(matches!(read.await.unwrap(), Err(CacheError::ShuttingDown)));
    let error = write.await.unwrap().unwrap_err();
    assert_eq!(error.applied(), Applied::Unknown);
    assert!(matches!(cache.get("k").await, Err(CacheError::ShuttingDown)));
    assert!(matches!(
        session.backend("c").await,
        Err(CacheError::ShuttingDown)
    ));
}

#[tokio::test]
async fn the_next_address_serves_when_the_first_is_gone() {
    let (first, second) = (Fake::start(), Fake::start());
    let session = builder(&first)
        .address(&second.address.to_string())
        .connect()
        .await
        .unwrap();
    let cache = cache_of(&session).await;
    cache.insert(&key(), &1).await.unwrap();
    first.shared.plan(Kind::Get, Fault::DropBefore);
    first.stop().await;
    second.shared.plan(Kind::Size, Fault::DropBefore);
    assert_eq!(cache.get("k").await.unwrap(), None);
    assert_eq!(second.shared.calls(), 1);
    session.close().await;
}

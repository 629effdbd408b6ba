//! Writing on a condition.

use futures::future::join_all;
use serde::{Deserialize, Serialize};

use super::{Fixture, NamedCache};

/// Only the first value stays; the others are answered with it.
pub async fn put_if_absent_keeps_what_is_there<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, String>("conformance-put-if-absent").await;
    assert_eq!(
        cache
            .put_if_absent(&1, &"a".to_owned())
            .await
            .expect("put_if_absent"),
        None
    );
    assert_eq!(
        cache
            .put_if_absent(&1, &"b".to_owned())
            .await
            .expect("put_if_absent"),
        Some("a".to_owned())
    );
    assert_eq!(cache.get(&1).await.expect("get"), Some("a".to_owned()));
    cache.remove(&1).await.expect("remove");
    assert_eq!(
        cache
            .put_if_absent(&1, &"c".to_owned())
            .await
            .expect("put_if_absent"),
        None
    );
    assert_eq!(cache.get(&1).await.expect("get"), Some("c".to_owned()));
}

/// A replace writes only over an entry.
pub async fn replace_needs_an_entry<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, u32>("conformance-replace").await;
    assert_eq!(cache.replace(&1, &10).await.expect("replace"), None);
    assert!(!cache.contains_key(&1).await.expect("contains_key"));
    cache.put(&1, &11).await.expect("put");
    assert_eq!(cache.replace(&1, &12).await.expect("replace"), Some(11));
    assert_eq!(cache.get(&1).await.expect("get"), Some(12));
}

/// A replacement happens only for the value that is expected.
pub async fn replace_if_equal_compares<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, u32>("conformance-replace-if-equal").await;
    assert!(
        !cache
            .replace_if_equal(&1, &1, &2)
            .await
            .expect("replace_if_equal of nothing")
    );
    assert!(!cache.contains_key(&1).await.expect("contains_key"));
    cache.put(&1, &1).await.expect("put");
    assert!(
        !cache
            .replace_if_equal(&1, &9, &2)
            .await
            .expect("replace_if_equal")
    );
    assert_eq!(cache.get(&1).await.expect("get"), Some(1));
    assert!(
        cache
            .replace_if_equal(&1, &1, &2)
            .await
            .expect("replace_if_equal")
    );
    assert_eq!(cache.get(&1).await.expect("get"), Some(2));
}

/// A removal happens only for the value that is expected.
pub async fn remove_if_equal_compares<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, u32>("conformance-remove-if-equal").await;
    cache.put(&1, &1).await.expect("put");
    assert!(!cache.remove_if_equal(&1, &9).await.expect("remove_if_equal"));
    assert_eq!(cache.get(&1).await.expect("get"), Some(1));
    assert!(cache.remove_if_equal(&1, &1).await.expect("remove_if_equal"));
    assert!(!cache.contains_key(&1).await.expect("contains_key"));
    assert!(
        !cache
            .remove_if_equal(&1, &1)
            .await
            .expect("remove_if_equal again")
    );
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Order {
    id: u32,
    customer: String,
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Reordered {
    customer: String,
    id: u32,
}

/// Values are equal when they mean the same, in whatever order their fields were written.
pub async fn equality_ignores_field_order<F: Fixture>(fixture: &F) {
    let name = "conformance-equality";
    let cache = fixture.open::<u32, Order>(name).await;
    let reordered = fixture.open::<u32, Reordered>(name).await;
    let customer = || "VINET".to_owned();
    cache
        .put(
            &1,
            &Order {
                id: 1,
                customer: customer(),
            },
        )
        .await
        .expect("put");
    let (other, same) = (
        Reordered {
            customer: customer(),
            id: 2,
        },
        Reordered {
            customer: customer(),
            id: 1,
        },
    );
    assert!(
        !reordered
            .replace_if_equal(&1, &other, &same)
            .await
            .expect("replace_if_equal")
    );
    assert!(
        reordered
            .replace_if_equal(&1, &same, &other)
            .await
            .expect("replace_if_equal")
    );
    let now = Order {
        id: 2,
        customer: customer(),
    };
    assert_eq!(
        cache.get(&1).await.expect("get"),
        Some(Order {
            id: 2,
            customer: customer()
        })
    );
    assert!(
        !reordered
            .remove_if_equal(&1, &same)
            .await
            .expect("remove_if_equal")
    );
    assert!(cache.remove_if_equal(&1, &now).await.expect("remove_if_equal"));
}

/// Of several tasks that put the same absent key, one does it, and the others hear of its value.
pub async fn one_of_many_wins_put_if_absent<F: Fixture>(fixture: &F) {
    let name = "conformance-put-if-absent-race";
    let cache = fixture.open::<u32, u32>(name).await;
    for key in 0..50 {
        let tasks = (0..4u32).map(|task| {
            let cache = cache.clone();
            fixture.spawn(async move {
                (
                    task,
                    cache.put_if_absent(&key, &task).await.expect("put_if_absent"),
                )
            })
        });
        let answers = join_all(tasks).await;
        let winners: Vec<u32> = answers
            .iter()
            .filter(|(_, found)| found.is_none())
            .map(|(t, _)| *t)
            .collect();
        let [winner] = winners[..] else {
            panic!("{winners:?} all put the key {key} first")
        };
        assert_eq!(cache.get(&key).await.expect("get"), Some(winner));
        let others = answers.iter().filter(|(task, _)| *task != winner);
        for (task, found) in others {
            assert_eq!(
                *found,
                Some(winner),
                "task {task} was told of another value than the winner's"
            );
        }
    }
}

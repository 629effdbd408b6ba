//! Statements and indexes of a cluster whose partitions move.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use grid_core::cache::{Cache, Caches, NamedCache};
use grid_core::query::{Comparator, field};
use grid_core::store::{IndexDefinition, IndexReport};
use grid_member::Grid;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::cluster::{BOUND, end, leave, settled};
use crate::queries::{STAYING, load, member};

/// Whether what is said of the indexes is what the entries say.
fn assert_right(reports: &[IndexReport]) {
    for report in reports {
        assert_eq!(report.differences, Some(0), "{:?}", report.examples);
    }
}

/// Asks one statement again and again; gives how often.
async fn ask_on(grid: Grid, stop: Arc<AtomicBool>) -> u32 {
    let statement =
        r#"select age, count() from "people" where stays = ?1 and age >= 40 group by age order by age desc"#;
    let expected: Vec<(u32, u32)> = (40..50).rev().map(|age| (age, STAYING / 50)).collect();
    let mut rounds = 0;
    while !stop.load(Ordering::Relaxed) {
        let rows = grid.ask(statement).bind(true).await.unwrap();
        assert_eq!(rows.read_tuples::<(u32, u32)>().unwrap(), expected);
        let keys = r#"select key() from "people" where stays = true and age = 7 order by key()"#;
        let keys = grid.ask(keys).await.unwrap().read_column::<u32>().unwrap();
        assert!(keys.iter().copied().eq((7..STAYING).step_by(50)), "{keys:?}");
        rounds += 1;
    }
    rounds
}

/// Compares the indexes with the entries again and again; gives how often.
async fn check_on(people: Cache<u32, Value>, stop: Arc<AtomicBool>) -> u32 {
    let mut rounds = 0;
    while !stop.load(Ordering::Relaxed) {
        assert_right(&people.check_indexes().await.unwrap());
        rounds += 1;
    }
    rounds
}

/// Changes what is indexed of entries that no statement asks for.
async fn change_on(people: Cache<u32, Value>, stop: Arc<AtomicBool>) -> u32 {
    let mut rounds = 0;
    while !stop.load(Ordering::Relaxed) {
        let key = STAYING + rounds % 500;
        let value = json!({"stays": false, "age": rounds % 60});
        people.insert(&key, &value).await.unwrap();
        if rounds % 3 == 0 {
            people.remove(&(STAYING + rounds / 3 % 500)).await.unwrap();
        }
        rounds += 1;
    }
    rounds
}

/// While members come and go, statements are answered exactly, and indexes say what the entries say.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_are_exact_and_indexes_right_while_members_come_and_go() {
    let first = member(1, None).await;
    let second = member(2, Some(&first)).await;
    settled(&[&first, &second]).await;
    load(&first).await;
    let people = first.cache::<u32, Value>("people").await.unwrap();
    let of_age = IndexDefinition::of("age").ordered_by(Comparator::Natural.inverse());
    people.add_index(&of_age).await.unwrap();
    let of_stays = IndexDefinition::of("stays").only(field("age").ge(0));
    people.add_index(&of_stays).await.unwrap();

    let stop = Arc::new(AtomicBool::new(false));
    let mut running = JoinSet::new();
    for grid in [&first, &second] {
        running.spawn(ask_on(grid.clone(), stop.clone()));
    }
    let at_second = second.cache("people").await.unwrap();
    running.spawn(check_on(at_second, stop.clone()));
    running.spawn(change_on(people.clone(), stop.clone()));
    for number in 3..=4 {
        let third = member(number, Some(&first)).await;
        settled(&[&first, &second, &third]).await;
        let at_third = third.cache::<u32, Value>("people").await.unwrap();
        assert_right(&at_third.check_indexes().await.unwrap());
        leave(third).await;
        settled(&[&first, &second]).await;
    }
    stop.store(true, Ordering::Relaxed);
    while let Some(rounds) = tokio::time::timeout(BOUND, running.join_next()).await.unwrap() {
        assert!(rounds.unwrap() > 0);
    }
    let known = second.index_reports(Some("people"), true).await.unwrap().unwrap();
    assert_eq!(known.len(), 1);
    assert_right(&known[0].indexes);
    let definitions: Vec<_> = known[0].indexes.iter().map(|index| &index.definition).collect();
    assert_eq!(definitions, [&of_age, &of_stays]);
    assert_eq!(second.index_reports(Some("nobody"), false).await.unwrap(), None);
    let bytes: u64 = [&first, &second]
        .iter()
        .flat_map(|grid| grid.caches())
        .map(|cache| cache.index_bytes)
        .sum();
    assert!(bytes > 0);
    end([second, first]).await;
}

//! The load finds the lies of a cache, and none where there is none.

use std::sync::Arc;
use std::time::Duration;

use grid_core::cache::Cache;
use grid_lab::checker::{self, Finding, Limits};
use grid_lab::clock::Stopwatch;
use grid_lab::history::History;
use grid_lab::load::{Access, Listeners, Load, LoadSettings, read_back};
use grid_lab::random::Random;
use grid_member::Grid;

use crate::lying_cache::{Lie, LyingCache};

/// A load over two sessions until this many operations were answered, and what the checkers say to it.
async fn findings(lie: Lie, seed: u64, operations: u64) -> (History, Vec<Finding>) {
    let grid = Grid::builder().build().await.unwrap();
    let open = |name: &str| {
        let cache: Cache<String, u64> = grid.local_cache(name).unwrap();
        LyingCache::new(cache.backend().clone(), lie) as Arc<_>
    };
    let accesses = [1, 2].map(|member| Arc::new(Access::of(member, open)));
    let watch = Stopwatch::start();
    let settings = LoadSettings {
        events: 1,
        ..LoadSettings::default()
    };
    let mut load = Load::new(settings, watch, Random::new(seed));
    for access in &accesses {
        load.listen(access).await.unwrap();
        load.add(access);
    }
    while load.answered() < operations {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(load.lanes().iter().all(|lane| lane.is_back_since(0)));
    let ended = load.end().await.unwrap();
    assert!(!ended.is_full);
    let mut history = History {
        operations: ended.operations,
        ..History::default()
    };
    for access in &accesses {
        let written = history.operations.clone();
        let (views, reads) = read_back(access, &written, &watch, Duration::from_secs(5))
            .await
            .unwrap();
        history.views.extend(views);
        history.operations.extend(reads);
    }
    hear_to_the_end(&ended.listeners, &mut history).await;
    let found = checker::check(&history, &Limits::default());
    grid.shutdown().await;
    (history, found)
}

/// Waits until those who listen were told of everything, or can't be.
async fn hear_to_the_end(listeners: &Listeners, history: &mut History) {
    for _ in 0..100 {
        history.told = listeners.told();
        if checker::told::is_up_to_date(&history.told, &history.operations, &history.views) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_honest_cache_is_not_blamed() {
    for seed in 1..4 {
        let (history, found) = findings(Lie::None, seed, 4_000).await;
        assert_eq!(found, [], "seed {seed}");
        assert!(history.operations.len() >= 4_000 && history.views.len() == 10);
        assert!(history.told.len() > 100, "seed {seed}: {}", history.told.len());
    }
}

#[tokio::test(start_paused = true)]
async fn lies_are_found_by_every_checker_that_should() {
    for lie in [Lie::Lose, Lie::ApplyRefused] {
        for seed in 1..4 {
            let (_, found) = findings(lie, seed, 1_500).await;
            for checker in ["linearizable", "kept", "exactly once", "complete"] {
                assert!(
                    found.iter().any(|finding| finding.checker == checker),
                    "{lie:?}, seed {seed}: {checker} found nothing"
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_told_or_told_twice_is_found() {
    for lie in [Lie::Untold, Lie::ToldTwice] {
        for seed in 1..4 {
            let (_, found) = findings(lie, seed, 4_000).await;
            let of_events = found.iter().filter(|finding| finding.checker == "events").count();
            assert!(of_events > 0, "{lie:?}, seed {seed}: nothing was found");
            assert_eq!(of_events, found.len(), "{lie:?}, seed {seed}");
        }
    }
}

//! The control group, several members in one process, in simulated time.
//!
//! The network between them is made up: it loses, delays and doubles requests, and can be cut. What it does, and what the
//! tests do, follows from a seed, which is printed. The library's own choices between things that are ready at the same
//! time do not, so a seed brings back the same faults, not the same steps.
//!
//! The tests run a few seeds; `SEEDS=500 cargo test -p grid-member --test it control::` runs that many, `SEED=7` that one.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "all of this is for tests: they fail where something is missing, and print their seeds"
)]

mod cluster;
mod faults;
mod generation;
mod limits;
mod network;
mod random;
mod speed;
mod truth;
mod voters;

use std::future::Future;

use self::random::Random;

/// Runs a test in simulated time, once for each seed.
fn for_each_seed<F: Future<Output = ()>>(few: u64, test: impl Fn(Random) -> F) {
    let number = |name| {
        std::env::var(name)
            .ok()
            .map(|text| text.parse::<u64>().expect("a number"))
    };
    let seeds = match (number("SEED"), number("SEEDS")) {
        (Some(seed), _) => seed..seed + 1,
        (None, seeds) => 1..1 + seeds.unwrap_or(few),
    };
    for seed in seeds {
        eprintln!("SEED={seed}");
        in_simulated_time(test(Random::new(seed)));
    }
}

/// Runs a test on one thread, whose clock jumps to the next timer when nothing else is left to do.
fn in_simulated_time(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(test);
}

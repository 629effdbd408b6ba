//! What one file of a crate does for all of it.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Sources, Violation};

/// What has one owner a crate, the ways to do it, and why.
const OWNED: &[(&str, &[&str], &str)] = &[
    (
        "reads the clock",
        &["Instant::now", "SystemTime::now"],
        "take the time as an argument, or from the crate's clock",
    ),
    (
        "spawns tasks",
        &["tokio::spawn", "task::spawn", "thread::spawn", "thread::Builder"],
        "spawn through the crate's supervisor, which knows what to stop",
    ),
];

/// In each crate one file reads the clock, and one file spawns tasks.
#[must_use]
pub fn one_owner(sources: &Sources) -> Vec<Violation> {
    let mut found = Vec::new();
    let product: Vec<_> = sources.product_rust().collect();
    for (what, ways, advice) in OWNED {
        let mut by_crate: BTreeMap<&str, BTreeSet<(&str, usize)>> = BTreeMap::new();
        for (file, code) in &product {
            let places = by_crate
                .entry(file.crate_folder().unwrap_or_default())
                .or_default();
            for line in ways.iter().flat_map(|way| code.lines_with(way)) {
                places.insert((&file.path, line));
            }
        }
        for places in by_crate.into_values() {
            let owners: BTreeSet<_> = places.iter().map(|(path, _)| *path).collect();
            if owners.len() > 1 {
                let reason = format!("{what}, and another file of the crate does too; {advice}");
                found.extend(
                    places
                        .iter()
                        .map(|(path, line)| Violation::new(path, *line, &*reason)),
                );
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_owner_is_found() {
        let clocks = Sources::of([
            (
                "a/src/clock.rs",
                "Instant::now(); SystemTime::now();\nInstant::now();",
            ),
            ("a/src/other.rs", "\nlet now = std::time::Instant::now();"),
            ("b/src/clock.rs", "Instant::now()"),
            (
                "c/src/lib.rs",
                "// Instant::now()\n#[cfg(test)]\nmod tests { fn f() { Instant::now() } }",
            ),
        ]);
        let found: Vec<_> = one_owner(&clocks).into_iter().map(|v| (v.path, v.line)).collect();
        let expected = [
            ("a/src/clock.rs", 1),
            ("a/src/clock.rs", 2),
            ("a/src/other.rs", 2),
        ];
        assert_eq!(found, expected.map(|(path, line)| (path.to_owned(), line)));
    }

    #[test]
    fn a_second_place_that_spawns_is_found() {
        let spawns = |other| Sources::of([("a/src/task.rs", "tokio::spawn(x)"), ("a/src/other.rs", other)]);
        assert_eq!(one_owner(&spawns("tokio::task::spawn(x)")).len(), 2);
        assert_eq!(
            one_owner(&spawns("tasks.spawn(x); tokio::task::spawn_blocking(x)")),
            []
        );
    }
}

//! Whether every member shows the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use crate::history::{Entries, View};

use super::Finding;

const NAME: &str = "agreement";

/// How many keys are told one by one.
const TOLD_MAX: usize = 5;

/// Compares what the members show of each cache with what the first of them shows.
#[must_use]
pub fn check(views: &[View]) -> Vec<Finding> {
    let mut first: BTreeMap<_, &View> = BTreeMap::new();
    let mut found = Vec::new();
    for view in views {
        let first = *first.entry(view.workload).or_insert(view);
        let differ = match (&first.entries, &view.entries) {
            (Entries::Numbers(one), Entries::Numbers(other)) => difference(one, other),
            (Entries::Lists(one), Entries::Lists(other)) => difference(one, other),
            _ => vec!["the kind of the values".to_owned()],
        };
        if !differ.is_empty() {
            let what = format!(
                "m{} and m{} show different entries of {} for {} keys: {}",
                first.member,
                view.member,
                view.workload.cache(),
                differ.len(),
                differ[..differ.len().min(TOLD_MAX)].join(", ")
            );
            found.push(Finding::violation(NAME, what, Vec::new()));
        }
    }
    found
}

fn difference<V: PartialEq + Debug>(one: &BTreeMap<String, V>, other: &BTreeMap<String, V>) -> Vec<String> {
    let keys: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    keys.into_iter()
        .filter(|key| one.get(*key) != other.get(*key))
        .map(|key| format!("{key} ({:?} and {:?})", one.get(key), other.get(key)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Workload;

    fn view(member: usize, entries: &[(&str, u64)]) -> View {
        let entries = entries
            .iter()
            .map(|(key, value)| ((*key).to_owned(), *value))
            .collect();
        View {
            member,
            workload: Workload::Inserts,
            entries: Entries::Numbers(entries),
        }
    }

    #[test]
    fn the_same_entries_agree() {
        assert_eq!(check(&[view(1, &[("a", 1)]), view(2, &[("a", 1)])]), []);
        assert_eq!(check(&[]), []);
    }

    #[test]
    fn each_key_that_differs_is_told() {
        let found = check(&[
            view(1, &[("a", 1), ("b", 2)]),
            view(3, &[("a", 1), ("b", 3), ("c", 4)]),
        ]);
        assert_eq!(
            found[0].what,
            "m1 and m3 show different entries of lab-inserts for 2 keys: b (Some(2) and Some(3)), c (None and Some(4))"
        );
    }
}

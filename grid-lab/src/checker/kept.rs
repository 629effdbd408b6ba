//! Whether what was acknowledged is there, and nothing else.

use std::collections::BTreeMap;

use crate::history::{Action, Entries, Operation, Outcome, View, Workload};

use super::Finding;

const NAME: &str = "kept";

/// How many keys of one kind are told one by one.
const TOLD_MAX: usize = 5;

/// Checks the inserts, each of a key of its own, against what each member shows: every acknowledged one is there with
/// its value, no refused one is, and nothing is that nobody wrote.
#[must_use]
pub fn check(operations: &[Operation], views: &[View]) -> Vec<Finding> {
    let mut inserts: BTreeMap<&str, &Operation> = BTreeMap::new();
    for operation in operations {
        if operation.workload == Workload::Inserts {
            inserts.insert(&operation.key, operation);
        }
    }
    let mut found = Vec::new();
    for view in views.iter().filter(|view| view.workload == Workload::Inserts) {
        if let Entries::Numbers(entries) = &view.entries {
            found.extend(check_view(&inserts, view.member, entries));
        }
    }
    found
}

fn check_view(
    inserts: &BTreeMap<&str, &Operation>,
    member: usize,
    entries: &BTreeMap<String, u64>,
) -> Vec<Finding> {
    let (mut lost, mut wrong, mut refused, mut strangers) = (vec![], vec![], vec![], vec![]);
    for (key, operation) in inserts {
        let present = entries.get(*key).copied();
        match (&operation.outcome, present) {
            (Outcome::Refused(_), Some(_)) => refused.push(*operation),
            (outcome, None) if outcome.is_acknowledged() => lost.push(*operation),
            (_, Some(value)) if Action::Put(value) != operation.action => wrong.push(*operation),
            _ => {}
        }
    }
    for key in entries.keys() {
        if !inserts.contains_key(key.as_str()) {
            strangers.push(key.as_str());
        }
    }
    let mut found: Vec<Finding> = [
        (lost, "acknowledged and not there"),
        (wrong, "there with a value that was not written"),
        (refused, "refused and there"),
    ]
    .into_iter()
    .filter(|(operations, _)| !operations.is_empty())
    .map(|(mut operations, how)| {
        operations.sort_by_key(|operation| operation.start_ns);
        let what = format!("m{member} shows {} keys {how}", operations.len());
        Finding::violation(NAME, what, operations.into_iter().cloned().collect())
    })
    .collect();
    if !strangers.is_empty() {
        let told = &strangers[..strangers.len().min(TOLD_MAX)];
        let what = format!(
            "m{member} shows {} keys that nobody wrote: {}",
            strangers.len(),
            told.join(", ")
        );
        found.push(Finding::violation(NAME, what, Vec::new()));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert(key: &str, value: u64, outcome: Outcome) -> Operation {
        Operation {
            client: 1,
            member: 1,
            workload: Workload::Inserts,
            key: key.to_owned(),
            action: Action::Put(value),
            start_ns: value,
            end_ns: value + 1,
            outcome,
        }
    }

    fn told(entries: &[(&str, u64)]) -> Vec<String> {
        let operations = [
            insert("acked", 1, Outcome::Written),
            insert("acked-2", 2, Outcome::Written),
            insert("refused", 3, Outcome::Refused("full".to_owned())),
            insert("unknown", 4, Outcome::Unknown("late".to_owned())),
        ];
        let entries = entries
            .iter()
            .map(|(key, value)| ((*key).to_owned(), *value))
            .collect();
        let view = View {
            member: 2,
            workload: Workload::Inserts,
            entries: Entries::Numbers(entries),
        };
        check(&operations, &[view])
            .into_iter()
            .map(|finding| finding.what)
            .collect()
    }

    #[test]
    fn what_may_be_is_not_found() {
        assert_eq!(told(&[("acked", 1), ("acked-2", 2)]), [""; 0]);
        assert_eq!(told(&[("acked", 1), ("acked-2", 2), ("unknown", 4)]), [""; 0]);
    }

    #[test]
    fn each_lie_is_found() {
        assert_eq!(
            told(&[("acked-2", 2)]),
            ["m2 shows 1 keys acknowledged and not there"]
        );
        assert_eq!(told(&[]), ["m2 shows 2 keys acknowledged and not there"]);
        let all = |more| [("acked", 1), ("acked-2", 2), more];
        assert_eq!(told(&all(("refused", 3))), ["m2 shows 1 keys refused and there"]);
        assert_eq!(
            told(&all(("unknown", 5))),
            ["m2 shows 1 keys there with a value that was not written"]
        );
        assert_eq!(told(&all(("odd", 9))), ["m2 shows 1 keys that nobody wrote: odd"]);
    }
}

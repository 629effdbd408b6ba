//! Whether what was added is there exactly once.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{Action, Entries, Operation, Outcome, View, Workload};

use super::Finding;

const NAME: &str = "exactly once";

/// What was asked of one key.
#[derive(Clone, Debug, Default)]
struct Asked<'a> {
    /// The latest operation with each id. One that was told that it was not done may be tried again with the same id.
    ids: BTreeMap<u64, &'a Operation>,
    /// The sum of acknowledged increments.
    acknowledged: u64,
    /// The sum of those whose outcome is unknown.
    unknown: u64,
}

/// Checks what was added to lists and numbers against what each member shows.
///
/// In a list every acknowledged id comes once, no refused one and no stranger comes, and none comes twice. A number is at
/// least what was acknowledged, and at most that with what is unknown.
#[must_use]
pub fn check(operations: &[Operation], views: &[View]) -> Vec<Finding> {
    let mut asked: BTreeMap<Workload, BTreeMap<&str, Asked<'_>>> = BTreeMap::new();
    for operation in operations
        .iter()
        .filter(|operation| is_added_to(operation.workload))
    {
        let keys = asked.entry(operation.workload).or_default();
        let key = keys.entry(&operation.key).or_default();
        match operation.action {
            Action::Append(id) => {
                let latest = key.ids.entry(id).or_insert(operation);
                if latest.end_ns <= operation.end_ns {
                    *latest = operation;
                }
            }
            Action::Increment(by) if operation.outcome.is_acknowledged() => {
                key.acknowledged = key.acknowledged.saturating_add(by);
            }
            Action::Increment(by) if matches!(operation.outcome, Outcome::Unknown(_)) => {
                key.unknown = key.unknown.saturating_add(by);
            }
            _ => {}
        }
    }
    let none = BTreeMap::new();
    views
        .iter()
        .filter(|view| is_added_to(view.workload))
        .flat_map(|view| check_view(asked.get(&view.workload).unwrap_or(&none), view))
        .collect()
}

fn is_added_to(workload: Workload) -> bool {
    matches!(workload, Workload::Appends | Workload::Counters)
}

fn check_view(asked: &BTreeMap<&str, Asked<'_>>, view: &View) -> Vec<Finding> {
    let member = view.member;
    match &view.entries {
        Entries::Lists(lists) => {
            let keys: BTreeSet<&str> = asked
                .keys()
                .copied()
                .chain(lists.keys().map(String::as_str))
                .collect();
            let none = Vec::new();
            keys.into_iter()
                .flat_map(|key| {
                    let list = lists.get(key).unwrap_or(&none);
                    check_list(member, key, &asked.get(key).cloned().unwrap_or_default(), list)
                })
                .collect()
        }
        Entries::Numbers(numbers) => {
            let keys: BTreeSet<&str> = asked
                .keys()
                .copied()
                .chain(numbers.keys().map(String::as_str))
                .collect();
            keys.into_iter()
                .filter_map(|key| {
                    let sums = asked.get(key).cloned().unwrap_or_default();
                    let (least, most) = (sums.acknowledged, sums.acknowledged.saturating_add(sums.unknown));
                    let shown = numbers.get(key).copied().unwrap_or(0);
                    (!(least..=most).contains(&shown)).then(|| {
                        let what = format!("m{member} shows {shown} for {key}; it must be {least} to {most}");
                        Finding::violation(NAME, what, Vec::new())
                    })
                })
                .collect()
        }
    }
}

fn check_list(member: usize, key: &str, asked: &Asked<'_>, list: &[u64]) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut say = |how: &str, id: u64| {
        let what = format!("m{member}, {key}: the id {id} {how}");
        let operations = asked.ids.get(&id).map(|operation| (*operation).clone());
        found.push(Finding::violation(NAME, what, operations.into_iter().collect()));
    };
    let mut seen = BTreeSet::new();
    for id in list {
        if !seen.insert(*id) {
            say("is there more than once", *id);
        }
        match asked.ids.get(id) {
            None => say("was never added", *id),
            Some(operation) if matches!(operation.outcome, Outcome::Refused(_)) => {
                say("was refused and is there", *id);
            }
            Some(_) => {}
        }
    }
    for (id, operation) in &asked.ids {
        if operation.outcome.is_acknowledged() && !seen.contains(id) {
            say("was acknowledged and is not there", *id);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(key: &str, action: Action, at: u64, outcome: Outcome) -> Operation {
        Operation {
            client: 1,
            member: 1,
            workload: Workload::Appends,
            key: key.to_owned(),
            action,
            start_ns: at,
            end_ns: at + 1,
            outcome,
        }
    }

    fn view(entries: Entries) -> View {
        View {
            member: 1,
            workload: Workload::Appends,
            entries,
        }
    }

    fn list(ids: &[u64]) -> Vec<String> {
        let refused = || Outcome::Refused("contended".to_owned());
        let operations = [
            operation("l", Action::Append(1), 0, Outcome::Written),
            operation("l", Action::Append(2), 2, refused()),
            operation("l", Action::Append(3), 4, Outcome::Unknown("late".to_owned())),
            operation("l", Action::Append(4), 6, refused()),
            operation("l", Action::Append(4), 8, Outcome::Written),
        ];
        let entries = Entries::Lists(BTreeMap::from([("l".to_owned(), ids.to_vec())]));
        let found = check(&operations, &[view(entries)]);
        found.into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn lists_that_may_be_are_not_found() {
        assert_eq!(list(&[1, 4]), [""; 0]);
        assert_eq!(list(&[4, 3, 1]), [""; 0]);
    }

    #[test]
    fn each_lie_in_a_list_is_found() {
        assert_eq!(list(&[4]), ["m1, l: the id 1 was acknowledged and is not there"]);
        assert_eq!(list(&[1, 4, 1]), ["m1, l: the id 1 is there more than once"]);
        assert_eq!(list(&[1, 2, 4]), ["m1, l: the id 2 was refused and is there"]);
        assert_eq!(list(&[1, 4, 5]), ["m1, l: the id 5 was never added"]);
        assert_eq!(list(&[]).len(), 2);
    }

    fn number(shown: Option<u64>) -> Vec<String> {
        let operations = [
            operation("n", Action::Increment(2), 0, Outcome::Value(Some(2))),
            operation("n", Action::Increment(3), 2, Outcome::Unknown("late".to_owned())),
            operation("n", Action::Increment(4), 4, Outcome::Refused("full".to_owned())),
        ];
        let numbers = shown.into_iter().map(|number| ("n".to_owned(), number)).collect();
        let found = check(&operations, &[view(Entries::Numbers(numbers))]);
        found.into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn numbers_are_between_their_bounds() {
        assert_eq!(number(Some(2)), [""; 0]);
        assert_eq!(number(Some(5)), [""; 0]);
        assert_eq!(number(Some(6)), ["m1 shows 6 for n; it must be 2 to 5"]);
        assert_eq!(number(None), ["m1 shows 0 for n; it must be 2 to 5"]);
    }
}

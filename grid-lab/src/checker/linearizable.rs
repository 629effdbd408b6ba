//! Whether the answers about each key are those of one register.

use std::collections::{BTreeMap, BTreeSet};

use crate::clock;
use crate::history::{Action, Operation, Outcome, Workload};

use super::register::written;
use super::search::{Call, Found, Limits, search};
use super::{Certainty, Finding};

const NAME: &str = "linearizable";

/// What is known of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// There is an order in which all answers are right.
    Ok,
    /// There is none. These operations, in the order in which they ended, are the shortest beginning of the history
    /// for which there is none; the last of them is the one whose answer cannot be.
    Violation(Vec<Operation>),
    /// The limits were reached first.
    Unknown,
}

/// Checks each key of the registers by itself: a history is linearizable when that of each key is.
#[must_use]
pub fn check(operations: &[Operation], limits: &Limits) -> Vec<Finding> {
    let mut by_key: BTreeMap<&str, Vec<&Operation>> = BTreeMap::new();
    let registers = operations
        .iter()
        .filter(|operation| operation.workload == Workload::Registers);
    for operation in registers {
        by_key.entry(&operation.key).or_default().push(operation);
    }
    let judged = by_key
        .into_iter()
        .map(|(key, operations)| (key, operations.len(), check_key(&operations, limits)));
    judged
        .filter_map(|(key, count, verdict)| match verdict {
            Verdict::Ok => None,
            Verdict::Violation(shown) => {
                let what = format!("{key}: no order explains its first {} operations", shown.len());
                Some(Finding::violation(NAME, what, shown))
            }
            Verdict::Unknown => Some(Finding {
                checker: NAME,
                certainty: Certainty::Unknown,
                what: format!(
                    "{key}: no verdict on {count} operations within {} steps and {:?}; try larger limits",
                    limits.steps_max, limits.time_max
                ),
                operations: Vec::new(),
            }),
        })
        .collect()
}

/// Checks the operations on one key.
#[must_use]
pub fn check_key(operations: &[&Operation], limits: &Limits) -> Verdict {
    let until = clock::now() + limits.time_max;
    let judge = |ends: u64| search(&calls(operations, ends), limits, until);
    let mut ends: Vec<u64> = operations
        .iter()
        .filter(|operation| operation.outcome.is_answer())
        .map(|operation| operation.end_ns)
        .collect();
    ends.sort_unstable();
    ends.dedup();
    let Some(last) = ends.last() else {
        return Verdict::Ok;
    };
    match judge(*last) {
        Found::Order => return Verdict::Ok,
        Found::GaveUp if !ends.iter().any(|end| judge(*end) == Found::NoOrder) => return Verdict::Unknown,
        Found::GaveUp | Found::NoOrder => {}
    }
    // What has no order has none however it goes on, so the shortest beginning is found by halves. A beginning that
    // cannot be judged is taken as right: what is shown then may be longer than it need be, but it is wrong for sure.
    let (mut right, mut wrong) = (0, ends.len());
    while right < wrong {
        let middle = right + (wrong - right) / 2;
        if judge(ends[middle]) == Found::NoOrder {
            wrong = middle;
        } else {
            right = middle + 1;
        }
    }
    let end = ends.get(wrong).copied().unwrap_or(*last);
    let mut shown: Vec<Operation> = operations
        .iter()
        .filter(|operation| operation.start_ns <= end)
        .map(|operation| (*operation).clone())
        .collect();
    // Those that had not ended yet come before the one that cannot be.
    shown.sort_by_key(|operation| {
        let last = operation.end_ns == end && operation.outcome.is_answer();
        (last, operation.end_ns.min(end), operation.start_ns)
    });
    Verdict::Violation(shown)
}

/// The history until a moment: what ended later had not been answered yet.
fn calls(operations: &[&Operation], until_ns: u64) -> Vec<Call> {
    let begun = operations
        .iter()
        .filter(|operation| operation.start_ns <= until_ns);
    let calls: Vec<Call> = begun
        .filter_map(|operation| {
            let call = |answered: bool| Call {
                start_ns: operation.start_ns,
                end_ns: answered.then_some(operation.end_ns),
                action: operation.action,
                answer: answered.then(|| operation.outcome.clone()),
            };
            let reads = operation.action == Action::Get;
            match &operation.outcome {
                // What was refused is as if it had not been; if it was done all the same, its value shows it.
                Outcome::Refused(_) if operation.end_ns <= until_ns => None,
                answer if answer.is_answer() && operation.end_ns <= until_ns => Some(call(true)),
                // A read without an answer tells nothing.
                _ => (!reads).then(|| call(false)),
            }
        })
        .collect();
    without_unseen(calls)
}

/// Leaves out changes without an answer whose value nobody saw: an order with them is one without them too. That does not
/// hold when a conditional change failed, since the unseen value may be why; nor when one was made that needs some value
/// and did not tell which it found, since that may be the unseen one.
fn without_unseen(mut calls: Vec<Call>) -> Vec<Call> {
    let failed = |call: &Call| call.answer == Some(Outcome::Done(false));
    let needs_any = |call: &Call| {
        matches!(call.action, Action::Replace(_)) && !matches!(call.answer, Some(Outcome::Value(_)))
    };
    if calls.iter().any(|call| failed(call) || needs_any(call)) {
        return calls;
    }
    let mut seen = BTreeSet::new();
    for call in &calls {
        if let Some(Outcome::Value(Some(value))) = call.answer {
            seen.insert(value);
        }
        match call.action {
            Action::ReplaceIfEqual { previous, .. } | Action::RemoveIfEqual(previous) => {
                seen.insert(previous);
            }
            _ => {}
        }
    }
    // A value that a change leaves without being told may be seen by one that adds to it.
    if calls
        .iter()
        .any(|call| matches!(call.action, Action::Increment(_)))
    {
        return calls;
    }
    calls.retain(|call| {
        call.end_ns.is_some() || written(call.action).is_none_or(|value| seen.contains(&value))
    });
    calls
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::made_up::{MadeUp, Plant};

    fn judged(operations: &[Operation]) -> Verdict {
        check_key(&operations.iter().collect::<Vec<_>>(), &Limits::default())
    }

    fn operation(number: u64, action: Action, outcome: Outcome) -> Operation {
        Operation {
            client: u32::try_from(number).unwrap(),
            member: 1,
            workload: Workload::Registers,
            key: "r".to_owned(),
            action,
            start_ns: number * 10,
            end_ns: number * 10 + 5,
            outcome,
        }
    }

    #[test]
    fn what_nobody_saw_may_be_what_was_replaced() {
        let unknown = || Outcome::Unknown("no answer".to_owned());
        let seen = operation(3, Action::Get, Outcome::Value(Some(8)));
        let replaced = operation(2, Action::Replace(8), unknown());
        let history = [
            operation(1, Action::Put(7), unknown()),
            replaced.clone(),
            seen.clone(),
        ];
        assert_eq!(judged(&history), Verdict::Ok);
        // Without anything to replace it can't have been made.
        assert!(matches!(judged(&[replaced, seen]), Verdict::Violation(_)));
    }

    #[test]
    fn good_histories_pass() {
        for seed in 0..150 {
            let history = MadeUp {
                seed,
                ..MadeUp::default()
            };
            assert_eq!(judged(&history.operations()), Verdict::Ok, "seed {seed}");
        }
    }

    #[test]
    fn planted_lies_are_found_and_shown() {
        for plant in Plant::ALL {
            for seed in 0..25 {
                let history = MadeUp {
                    seed,
                    plant: Some(plant),
                    ..MadeUp::default()
                };
                let operations = history.operations();
                let Verdict::Violation(shown) = judged(&operations) else {
                    panic!("seed {seed}: {plant:?} was not found");
                };
                assert!(shown.len() <= operations.len(), "seed {seed}: {plant:?}");
                // The lie is the last that is shown, and the beginning before it has none.
                let (_, before) = shown.split_last().unwrap();
                assert!(shown.last().unwrap().outcome.is_answer());
                assert_ne!(
                    judged(&shown),
                    Verdict::Ok,
                    "seed {seed}: {plant:?} is not in what is shown"
                );
                assert_eq!(judged(before), Verdict::Ok, "seed {seed}: {plant:?}");
            }
        }
    }

    #[test]
    fn a_history_that_is_too_hard_is_not_passed() {
        let history = MadeUp {
            seed: 3,
            ..MadeUp::default()
        };
        let limits = Limits {
            steps_max: 10,
            ..Limits::default()
        };
        let found = check(&history.operations(), &limits);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].certainty, Certainty::Unknown);
    }

    #[test]
    fn keys_are_judged_apart() {
        let mut operations = MadeUp {
            seed: 1,
            ..MadeUp::default()
        }
        .operations();
        let mut bad = MadeUp {
            seed: 2,
            plant: Some(Plant::StaleRead),
            ..MadeUp::default()
        }
        .operations();
        bad.iter_mut()
            .for_each(|operation| operation.key = "bad".to_owned());
        operations.extend(bad);
        let found = check(&operations, &Limits::default());
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].to_string().starts_with("VIOLATION (linearizable): bad:"));
    }

    #[test]
    fn no_history_is_a_good_one() {
        assert_eq!(judged(&[]), Verdict::Ok);
    }
}

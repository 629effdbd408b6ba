//! Whether a query gave every entry that was there all the time, once.

use crate::history::{Action, Operation, Outcome, Workload};

use super::Finding;

const NAME: &str = "complete";

/// Finds the answers to queries in which an entry that was there all the time is missing or comes more than once, or one
/// comes that was never there.
#[must_use]
pub fn check(operations: &[Operation]) -> Vec<Finding> {
    operations
        .iter()
        .filter(|operation| operation.workload == Workload::Counters && operation.action == Action::SelectAll)
        .filter_map(|operation| match operation.outcome {
            Outcome::Value(Some(wrong)) if wrong > 0 => {
                let what = format!("a query gave {wrong} entries wrongly, or not");
                Some(Finding::violation(NAME, what, vec![operation.clone()]))
            }
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_answer_is_found() {
        let asked = |outcome| Operation {
            client: 1,
            member: 1,
            workload: Workload::Counters,
            key: "all".to_owned(),
            action: Action::SelectAll,
            start_ns: 0,
            end_ns: 1,
            outcome,
        };
        let operations = [
            asked(Outcome::Value(Some(0))),
            asked(Outcome::Unknown("late".to_owned())),
        ];
        assert_eq!(check(&operations), []);
        assert_eq!(check(&[asked(Outcome::Value(Some(1)))]).len(), 1);
    }
}

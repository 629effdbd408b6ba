//! What must not be answered while the network is cut.

use crate::checker::{Certainty, Finding};
use crate::history::Operation;

const NAME: &str = "cut";

/// A rule for a span of time. It holds only where each client talks to one member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Nothing is answered by these members.
    Silent {
        /// The members.
        members: Vec<usize>,
        /// From when, in nanoseconds since the run began.
        from_ns: u64,
        /// Until when.
        until_ns: u64,
    },
    /// At most one of the two groups answers.
    OneSide {
        /// One group.
        one: Vec<usize>,
        /// The other.
        other: Vec<usize>,
        /// From when.
        from_ns: u64,
        /// Until when.
        until_ns: u64,
    },
}

impl Rule {
    /// What breaks the rule.
    #[must_use]
    pub fn check(&self, operations: &[Operation]) -> Option<Finding> {
        match self {
            Rule::Silent {
                members,
                from_ns,
                until_ns,
            } => {
                let answered = answered(operations, members, *from_ns, *until_ns);
                (!answered.is_empty()).then(|| {
                    finding(
                        format!("members {members:?} answered without a majority"),
                        answered,
                    )
                })
            }
            Rule::OneSide {
                one,
                other,
                from_ns,
                until_ns,
            } => {
                let mut first = answered(operations, one, *from_ns, *until_ns);
                let second = answered(operations, other, *from_ns, *until_ns);
                (!first.is_empty() && !second.is_empty()).then(|| {
                    first.truncate(1);
                    first.extend(second.into_iter().take(1));
                    finding(
                        format!(
                            "members {one:?} and {other:?} answered while they were cut off from each other"
                        ),
                        first,
                    )
                })
            }
        }
    }
}

fn finding(what: String, operations: Vec<Operation>) -> Finding {
    Finding {
        checker: NAME,
        certainty: Certainty::Violation,
        what,
        operations,
    }
}

fn answered(operations: &[Operation], members: &[usize], from_ns: u64, until_ns: u64) -> Vec<Operation> {
    operations
        .iter()
        .filter(|operation| members.contains(&operation.member) && operation.outcome.is_answer())
        .filter(|operation| operation.start_ns >= from_ns && operation.end_ns <= until_ns)
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Action, Outcome, Workload};

    fn at(member: usize, start_ns: u64, answered: bool) -> Operation {
        Operation {
            client: 1,
            member,
            workload: Workload::Registers,
            key: "k".to_owned(),
            action: Action::Get,
            start_ns,
            end_ns: start_ns + 1,
            outcome: if answered {
                Outcome::Value(None)
            } else {
                Outcome::Refused("no majority".to_owned())
            },
        }
    }

    #[test]
    fn a_side_without_a_majority_must_be_silent() {
        let rule = Rule::Silent {
            members: vec![1, 2],
            from_ns: 10,
            until_ns: 20,
        };
        let fine = [at(1, 9, true), at(1, 12, false), at(3, 12, true), at(2, 20, true)];
        assert_eq!(rule.check(&fine), None);
        let finding = rule.check(&[at(2, 12, true)]).unwrap();
        assert_eq!(finding.operations.len(), 1);
    }

    #[test]
    fn at_most_one_side_goes_on() {
        let rule = Rule::OneSide {
            one: vec![1],
            other: vec![2],
            from_ns: 10,
            until_ns: 20,
        };
        assert_eq!(
            rule.check(&[at(1, 12, true), at(2, 12, false), at(2, 5, true)]),
            None
        );
        let finding = rule.check(&[at(1, 12, true), at(2, 15, true)]).unwrap();
        assert_eq!(finding.operations.len(), 2);
    }
}

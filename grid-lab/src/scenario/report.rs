//! What came of a scenario.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::checker::{Certainty, Finding};

/// How many findings of each checker are shown; the history has what makes the others.
const FINDINGS_SHOWN: usize = 3;

/// Something that was measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// What.
    pub name: String,
    /// The figure.
    pub text: String,
    /// What it was, and what it should be at most.
    pub bound: Option<(Duration, Duration)>,
}

impl Figure {
    /// Whether it is above what it should be.
    #[must_use]
    pub fn is_beyond(&self) -> bool {
        self.bound.is_some_and(|(was, most)| was > most)
    }
}

/// The end of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All is well.
    Passed,
    /// A promise was broken.
    Violated,
    /// The scenario could not be carried out to its end, or a checker could not.
    Inconclusive,
}

/// What came of a scenario.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Its name.
    pub scenario: String,
    /// Its seed.
    pub seed: u64,
    /// What was measured.
    pub figures: Vec<Figure>,
    /// What the checkers say.
    pub findings: Vec<Finding>,
    /// Why it is not complete.
    pub failures: Vec<String>,
    /// Where the history is.
    pub history: PathBuf,
}

impl Report {
    /// Adds a figure.
    pub fn figure(&mut self, name: &str, text: impl fmt::Display) {
        self.figures.push(Figure {
            name: name.to_owned(),
            text: text.to_string(),
            bound: None,
        });
    }

    /// Adds a figure that should not be above `most`.
    pub fn bounded(&mut self, name: &str, was: Option<Duration>, most: Duration) {
        let text = match was {
            Some(was) => format!("{was:.0?} (at most {most:?})"),
            None => format!("not measured (at most {most:?})"),
        };
        self.figures.push(Figure {
            name: name.to_owned(),
            text,
            bound: was.map(|was| (was, most)),
        });
    }

    /// The end of it. Figures beyond their bound count only with `bounds`.
    #[must_use]
    pub fn verdict(&self, bounds: bool) -> Verdict {
        let violated = |finding: &Finding| finding.certainty == Certainty::Violation;
        if self.findings.iter().any(violated) || (bounds && self.figures.iter().any(Figure::is_beyond)) {
            Verdict::Violated
        } else if !self.findings.is_empty() || !self.failures.is_empty() {
            Verdict::Inconclusive
        } else {
            Verdict::Passed
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for figure in &self.figures {
            let beyond = if figure.is_beyond() {
                "  BEYOND ITS BOUND"
            } else {
                ""
            };
            writeln!(f, "  {}: {}{beyond}", figure.name, figure.text)?;
        }
        let mut shown: BTreeMap<&str, usize> = BTreeMap::new();
        for finding in &self.findings {
            let of_checker = shown.entry(finding.checker).or_default();
            *of_checker += 1;
            if *of_checker <= FINDINGS_SHOWN {
                writeln!(f, "  {finding}")?;
            }
        }
        for (checker, count) in shown.iter().filter(|(_, count)| **count > FINDINGS_SHOWN) {
            writeln!(f, "  ... {count} findings ({checker}) in all")?;
        }
        for failure in &self.failures {
            writeln!(f, "  FAILED: {failure}")?;
        }
        write!(f, "  history: {}", self.history.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_counts_only_when_asked_for() {
        let mut report = Report::default();
        let seconds = Duration::from_secs;
        report.bounded("pause", Some(seconds(2)), seconds(1));
        assert_eq!(report.verdict(false), Verdict::Passed);
        assert_eq!(report.verdict(true), Verdict::Violated);
        assert!(report.to_string().contains("BEYOND ITS BOUND"));
    }

    #[test]
    fn what_is_not_known_is_no_pass() {
        let mut report = Report::default();
        report.failures.push("not whole".to_owned());
        assert_eq!(report.verdict(false), Verdict::Inconclusive);
        report.findings.push(Finding {
            checker: "kept",
            certainty: Certainty::Violation,
            what: "lost".to_owned(),
            operations: Vec::new(),
        });
        assert_eq!(report.verdict(false), Verdict::Violated);
    }
}

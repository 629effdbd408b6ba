//! Histories as lines of JSON.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Fault, History, Operation, Run, Told, View};

/// Why a history cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The file cannot be read or written.
    #[error("{}: {error}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What happened.
        error: io::Error,
    },
    /// A line is not what it should be.
    #[error("{}, line {line}: no part of a history: {error}", .path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        error: serde_json::Error,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum Line<'a> {
    Run(&'a Run),
    Fault(&'a Fault),
    Operation(&'a Operation),
    Told(&'a Told),
    View(&'a View),
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum OwnedLine {
    Run(Run),
    Fault(Fault),
    Operation(Operation),
    Told(Told),
    View(View),
}

/// Writes a history: the run, faults, operations, what was told, and views, a line each.
///
/// # Errors
/// When the file cannot be written.
pub fn write(history: &History, path: &Path) -> Result<(), HistoryError> {
    let failed = |error| HistoryError::File {
        path: path.to_owned(),
        error,
    };
    let mut file = BufWriter::new(File::create(path).map_err(failed)?);
    let lines = [Line::Run(&history.run)]
        .into_iter()
        .chain(history.faults.iter().map(Line::Fault))
        .chain(history.operations.iter().map(Line::Operation))
        .chain(history.told.iter().map(Line::Told))
        .chain(history.views.iter().map(Line::View));
    for line in lines {
        serde_json::to_writer(&mut file, &line).map_err(|error| failed(error.into()))?;
        file.write_all(b"\n").map_err(failed)?;
    }
    file.flush().map_err(failed)
}

/// Reads a history.
///
/// # Errors
/// When the file cannot be read, or a line is no part of a history.
pub fn read(path: &Path) -> Result<History, HistoryError> {
    let failed = |error| HistoryError::File {
        path: path.to_owned(),
        error,
    };
    let mut history = History::default();
    let file = BufReader::new(File::open(path).map_err(failed)?);
    for (line, text) in (1..).zip(file.lines()) {
        let text = text.map_err(failed)?;
        let parsed = serde_json::from_str(&text).map_err(|error| HistoryError::Line {
            path: path.to_owned(),
            line,
            error,
        })?;
        match parsed {
            OwnedLine::Run(run) => history.run = run,
            OwnedLine::Fault(fault) => history.faults.push(fault),
            OwnedLine::Operation(operation) => history.operations.push(operation),
            OwnedLine::Told(told) => history.told.push(told),
            OwnedLine::View(view) => history.views.push(view),
        }
    }
    Ok(history)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::history::{Action, Entries, News, Outcome, Workload};

    fn told(news: News) -> Told {
        Told {
            listener: 1,
            member: 2,
            at_ns: 20,
            news,
        }
    }

    fn operation(action: Action, outcome: Outcome) -> Operation {
        Operation {
            client: 3,
            member: 1,
            workload: Workload::Registers,
            key: "r1.2".to_owned(),
            action,
            start_ns: 10,
            end_ns: u64::MAX,
            outcome,
        }
    }

    #[test]
    fn what_was_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.jsonl");
        let history = History {
            run: Run {
                scenario: "kill-one".to_owned(),
                seed: u64::MAX,
                members: 3,
            },
            faults: vec![Fault {
                at_ns: 5,
                what: "kill m1".to_owned(),
            }],
            operations: vec![
                operation(Action::Get, Outcome::Value(None)),
                operation(Action::Put(7), Outcome::Value(Some(6))),
                operation(
                    Action::ReplaceIfEqual {
                        previous: 1,
                        value: 2,
                    },
                    Outcome::Done(false),
                ),
                operation(Action::Remove, Outcome::Unknown("late".to_owned())),
                operation(Action::Append(9), Outcome::Written),
            ],
            told: vec![
                told(News::Begins),
                told(News::Change {
                    key: "e1".to_owned(),
                    old: None,
                    new: Some(7),
                    number: (256, 2, 3),
                }),
                told(News::Ended("late".to_owned())),
            ],
            views: vec![
                View {
                    member: 2,
                    workload: Workload::Inserts,
                    entries: Entries::Numbers(BTreeMap::from([("a".to_owned(), 1)])),
                },
                View {
                    member: 2,
                    workload: Workload::Appends,
                    entries: Entries::Lists(BTreeMap::from([("a".to_owned(), vec![1, 2])])),
                },
            ],
        };
        write(&history, &path).unwrap();
        assert_eq!(read(&path).unwrap(), history);
    }

    #[test]
    fn a_line_that_is_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.jsonl");
        std::fs::write(
            &path,
            "{\"fault\":{\"at_ns\":1,\"what\":\"x\"}}\n{\"operation\":{}}\n",
        )
        .unwrap();
        let error = read(&path).unwrap_err();
        assert!(error.to_string().contains("line 2"), "{error}");
        let error = read(&folder.path().join("none")).unwrap_err();
        assert!(matches!(error, HistoryError::File { .. }), "{error}");
    }
}

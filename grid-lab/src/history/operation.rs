//! One operation of one client.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::clock::seconds;

/// Which load an operation belongs to. Each has a cache of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Workload {
    /// Few keys that many clients read and write; checked to be linearizable.
    Registers,
    /// Each key is written once; checked for what was acknowledged and is not there.
    Inserts,
    /// Lists that clients add to; checked for what is there twice, or not at all.
    Appends,
    /// Numbers that processors add to, one by one and all together, and that queries ask for; checked for what was added
    /// twice, or not at all, and for what a query did not give.
    Counters,
    /// Entries that clients change while others listen; checked for what those were told twice, or not at all.
    Events,
}

impl Workload {
    /// The name of the cache.
    #[must_use]
    pub fn cache(self) -> &'static str {
        match self {
            Workload::Registers => "lab-registers",
            Workload::Inserts => "lab-inserts",
            Workload::Appends => "lab-appends",
            Workload::Counters => "lab-counters",
            Workload::Events => "lab-events",
        }
    }
}

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Read; answered with a value.
    Get,
    /// Write; answered with the value before, or with nothing but that it was done.
    Put(u64),
    /// Write unless there is a value; answered with the value that was there.
    PutIfAbsent(u64),
    /// Write if there is a value; answered with the value before.
    Replace(u64),
    /// Write `value` if `previous` is there; answered with whether it was done.
    ReplaceIfEqual {
        /// What has to be there.
        previous: u64,
        /// What is to be there afterwards.
        value: u64,
    },
    /// Remove; answered with the value before.
    Remove,
    /// Remove if this value is there; answered with whether it was done.
    RemoveIfEqual(u64),
    /// Add to a number (0 when there is none); answered with the sum.
    Increment(u64),
    /// Add an id, which comes once in a run, to the end of a list; answered with nothing but that it was done.
    Append(u64),
    /// Ask for everything that is there all the time; answered with how much of it was missing, came more than once, or was
    /// never there.
    SelectAll,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was done; nothing more was told.
    Written,
    /// It was answered with a value, or that there is none.
    Value(Option<u64>),
    /// It was answered with whether it was done.
    Done(bool),
    /// It was refused in these words, and not applied.
    Refused(String),
    /// It failed in these words; it may be applied, now or later, or never.
    Unknown(String),
}

impl Outcome {
    /// Whether the client got an answer.
    #[must_use]
    pub fn is_answer(&self) -> bool {
        !matches!(self, Outcome::Refused(_) | Outcome::Unknown(_))
    }

    /// Whether a change was acknowledged.
    #[must_use]
    pub fn is_acknowledged(&self) -> bool {
        matches!(self, Outcome::Written | Outcome::Value(_) | Outcome::Done(true))
    }
}

/// One operation of one client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Who asked: one client asks one thing at a time.
    pub client: u32,
    /// The member that the client prefers to talk to; they count from 1.
    pub member: usize,
    /// Which load it belongs to.
    pub workload: Workload,
    /// The key.
    pub key: String,
    /// What was asked.
    pub action: Action,
    /// When it was asked, in nanoseconds since the run began.
    pub start_ns: u64,
    /// When it was answered or given up.
    pub end_ns: u64,
    /// What came of it.
    pub outcome: Outcome,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.6}-{:.6} s, client {} at m{}, {}: {:?} -> {:?}",
            seconds(self.start_ns),
            seconds(self.end_ns),
            self.client,
            self.member,
            self.key,
            self.action,
            self.outcome
        )
    }
}

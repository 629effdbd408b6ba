//! What those who listen were told.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::clock::seconds;

/// Something that one who listens was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum News {
    /// It begins to listen.
    Begins,
    /// An entry changed.
    Change {
        /// The key.
        key: String,
        /// The value before.
        old: Option<u64>,
        /// The value after.
        new: Option<u64>,
        /// The number of the change: its partition, when that began empty, and its place there.
        number: (usize, u64, u64),
    },
    /// Something is missing: all is to be read anew.
    Resync,
    /// It hears of nothing more, for this reason.
    Ended(String),
    /// What its view shows when nothing changes any more.
    Shows(BTreeMap<String, u64>),
}

/// What one who listens was told, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Who listens; they count from 0.
    pub listener: u32,
    /// The member that it prefers.
    pub member: usize,
    /// When, in nanoseconds since the run began.
    pub at_ns: u64,
    /// What.
    pub news: News,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (at, listener, member) = (seconds(self.at_ns), self.listener, self.member);
        write!(f, "{at:.6} s, listener {listener} at m{member}: {:?}", self.news)
    }
}

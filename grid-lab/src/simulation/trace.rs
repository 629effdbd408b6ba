//! What happened, for people and for comparing runs.

use std::collections::VecDeque;
use std::fmt::Write;

/// So many of the last lines are kept.
const KEPT_MAX: usize = 3_000;

/// The last things that happened, and a hash of all.
#[derive(Debug)]
pub(super) struct Trace {
    hash: u64,
    lines: VecDeque<String>,
}

impl Trace {
    pub(super) fn new() -> Self {
        Trace {
            hash: 0xcbf2_9ce4_8422_2325,
            lines: VecDeque::new(),
        }
    }

    /// Notes that something happened.
    pub(super) fn note(&mut self, now: u64, what: std::fmt::Arguments<'_>) {
        let mut line = if self.lines.len() < KEPT_MAX {
            String::with_capacity(120)
        } else {
            self.lines.pop_front().unwrap_or_default()
        };
        line.clear();
        // Writing to a string does not fail.
        let _infallible = write!(line, "{:>3}.{:06} {what}", now / 1_000_000, now % 1_000_000);
        self.mix(line.as_bytes());
        self.lines.push_back(line);
    }

    /// Adds to the hash what is too much to be kept as text.
    pub(super) fn mix(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// The hash of everything that happened so far.
    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    /// The last lines.
    pub(super) fn last(&self) -> Vec<String> {
        self.lines.iter().cloned().collect()
    }
}

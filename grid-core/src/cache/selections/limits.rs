//! How much is kept of selections.

use std::time::Duration;

/// How much a registry of selections keeps. Beyond it those go that were asked for the longest ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelectionLimits {
    /// How many selections; 64 by default.
    pub selections_max: usize,
    /// How many entries they have together; a million by default. One alone may not have more, either.
    pub entries_max: usize,
    /// How many [bytes](crate::cache::View::bytes) of keys and values they have together; 256 MiB by default. One alone may
    /// not have more, either.
    pub bytes_max: u64,
    /// How long one is kept that nobody asks for; ten minutes by default.
    pub idle_max: Duration,
}

impl Default for SelectionLimits {
    fn default() -> Self {
        SelectionLimits {
            selections_max: 64,
            entries_max: 1_000_000,
            bytes_max: 256 << 20,
            idle_max: Duration::from_secs(600),
        }
    }
}

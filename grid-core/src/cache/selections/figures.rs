//! What a registry of selections tells of itself.

use std::time::Duration;

use crate::cache::view::ViewStatus;
use crate::event::EventPositions;

/// What a registry has done, and what it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SelectionFigures {
    /// How often a copy was there.
    pub hits: u64,
    /// How often a copy had to be made first.
    pub misses: u64,
    /// How often the cache was asked, because the copy was not current.
    pub passed_on: u64,
    /// How many copies were let go: for want of room, because nobody asked for them, or because they had ended.
    pub let_go: u64,
    /// How many copies there are.
    pub selections: usize,
    /// How many entries they have.
    pub entries: usize,
    /// How many [bytes](crate::cache::View::bytes) of keys and values they have.
    pub bytes: u64,
}

/// One selection that is kept.
#[derive(Clone, Debug)]
pub struct SelectionReport {
    /// The name of its cache.
    pub cache: String,
    /// Its filter, in words.
    pub filter: String,
    /// What it has of each entry, in words: `value`, `key`, or an extractor.
    pub contents: String,
    /// How many entries it has.
    pub entries: usize,
    /// How many [bytes](crate::cache::View::bytes) of keys and values it has.
    pub bytes: u64,
    /// How often it was asked for since it is there.
    pub hits: u64,
    /// How long nobody has asked for it.
    pub idle: Duration,
    /// What it does.
    pub status: ViewStatus,
    /// How current it is: every change up to these numbers is in it. `None` where changes have no numbers.
    pub current_to: Option<EventPositions>,
}

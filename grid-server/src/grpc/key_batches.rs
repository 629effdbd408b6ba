//! The keys of a `GetAll`, looked up some at a time.

use grid_core::value::{Format, Key};

/// How many keys are looked up at a time.
const KEYS_BATCH_LEN: usize = 128;

/// What makes two keys the same, in an order that is cheap to find out.
fn identity(key: &Key) -> (u64, Format, &[u8]) {
    (key.hash(), key.format(), key.canonical())
}

/// The keys of one request that are still to be looked up. A key that comes twice is answered once.
pub(crate) struct KeyBatches(Vec<Key>);

impl KeyBatches {
    /// All of these keys.
    pub(crate) fn new(mut keys: Vec<Key>) -> Self {
        keys.sort_unstable_by(|a, b| identity(a).cmp(&identity(b)));
        keys.dedup();
        KeyBatches(keys)
    }

    /// The next keys; empty after the last.
    pub(crate) fn take(&mut self) -> Vec<Key> {
        self.0.split_off(self.0.len().saturating_sub(KEYS_BATCH_LEN))
    }

    /// Whether every key was taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

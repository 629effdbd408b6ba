//! The number of a cache.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The number of a cache within one grid. Whoever creates caches gives the numbers out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CacheId(u32);

impl CacheId {
    /// The cache with this number.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        CacheId(number)
    }

    /// The plain number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for CacheId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "C{}", self.0)
    }
}

//! The kinds of cache.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a cache is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum CacheKind {
    /// In this process alone.
    Local,
    /// Spread over the members of the cluster, by partition.
    #[default]
    Partitioned,
}

impl fmt::Display for CacheKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CacheKind::Local => "local",
            CacheKind::Partitioned => "partitioned",
        })
    }
}

//! A cache that the cluster knows.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

use crate::partition::table::ServiceId;
use crate::store::{CacheId, CacheSettings};

/// A cache that the cluster knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheRecord {
    /// Its number, which no other cache had or will have.
    pub id: CacheId,
    /// Its scope; empty for the default one.
    pub scope: String,
    /// Its name in the scope.
    pub name: String,
    /// The service whose partitions hold it.
    pub service: ServiceId,
    /// How long entries live by default, in milliseconds.
    pub default_ttl_ms: Option<NonZeroU64>,
    /// Its indexes: the definition of each, in JSON, by the extractor that it is of.
    pub indexes: BTreeMap<String, String>,
}

impl CacheRecord {
    /// Its settings, as the store takes them.
    #[must_use]
    pub fn settings(&self) -> CacheSettings {
        CacheSettings {
            default_ttl_ms: self.default_ttl_ms,
        }
    }
}

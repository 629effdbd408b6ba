//! What a member showed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Workload;

/// The entries of a cache.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Entries {
    /// Of keys with a number each.
    Numbers(BTreeMap<String, u64>),
    /// Of keys with a list of ids each.
    Lists(BTreeMap<String, Vec<u64>>),
}

/// All that one member showed of a cache after the load had ended and every fault was over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// The member; they count from 1.
    pub member: usize,
    /// Whose cache.
    pub workload: Workload,
    /// What is in it.
    pub entries: Entries,
}

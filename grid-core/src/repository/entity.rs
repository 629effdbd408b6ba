//! What a repository keeps.

use std::fmt;
use std::hash::Hash;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A transfer object: a plain serde struct that knows its key.
pub trait Entity: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What the entity is found by.
    type Key: Clone + fmt::Debug + Eq + Hash + Serialize + DeserializeOwned + Send + Sync + 'static;

    /// The key. It must be the same for as long as the entity is the same one.
    fn key(&self) -> Self::Key;
}

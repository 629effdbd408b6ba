//! What is registered by which name.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Entry, ProcessorCode};
use crate::query::{AggregatorCode, OwnAggregation};

/// The longest name, in bytes.
const NAME_LEN_MAX: usize = 255;

/// The most processors, and the most aggregators, that are registered.
const AGENTS_MAX: usize = 10_000;

/// Why code is not registered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// The name is empty or too long.
    #[error("a name of {len} bytes; it needs 1 to {NAME_LEN_MAX}")]
    Name {
        /// How long it is.
        len: usize,
    },
    /// Another one has the name. What is asked by a name must mean the same at all times.
    #[error("{name:?} is registered already; choose another name, such as one with a version in it")]
    Taken {
        /// The name.
        name: String,
    },
    /// There are as many as may be.
    #[error("{AGENTS_MAX} are registered already, and more are not possible")]
    TooMany,
}

/// The processors and aggregators of one's own that there are, by name. Clones share them.
///
/// ```
/// use grid_core::processor::own::{Entry, EntryError, OwnAgents};
///
/// let agents = OwnAgents::new();
/// agents.register_processor("add", |entry: &mut Entry<'_, String, i64>, by: i64| {
///     let sum = entry.value()?.unwrap_or_default() + by;
///     entry.set(&sum)?;
///     Ok::<_, EntryError>(sum)
/// })?;
/// assert!(agents.processor("add").is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct OwnAgents(Arc<Tables>);

#[derive(Default)]
struct Tables {
    processors: Table<ProcessorCode>,
    aggregators: Table<AggregatorCode>,
}

type Table<C> = RwLock<BTreeMap<String, C>>;

impl OwnAgents {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a processor: code that is shown an entry and the arguments that it is invoked with, and answers. Where it
    /// fails nothing is changed, and whoever invoked it is given its words. Every member needs the same by the same name.
    ///
    /// # Errors
    /// When the name is taken, empty or too long.
    pub fn register_processor<K, V, A, R, E>(
        &self,
        name: &str,
        code: impl Fn(&mut Entry<'_, K, V>, A) -> Result<R, E> + Send + Sync + 'static,
    ) -> Result<(), RegisterError>
    where
        K: DeserializeOwned + 'static,
        V: Serialize + DeserializeOwned + 'static,
        A: DeserializeOwned + 'static,
        R: Serialize + 'static,
        E: fmt::Display + 'static,
    {
        register(&self.0.processors, name, ProcessorCode::new(code))
    }

    /// Registers an aggregator. Every member needs the same by the same name.
    ///
    /// # Errors
    /// When the name is taken, empty or too long.
    pub fn register_aggregator(&self, name: &str, code: impl OwnAggregation) -> Result<(), RegisterError> {
        register(&self.0.aggregators, name, AggregatorCode::new(code))
    }

    /// The processor of this name.
    #[must_use]
    pub fn processor(&self, name: &str) -> Option<ProcessorCode> {
        find(&self.0.processors, name)
    }

    /// The aggregator of this name.
    #[must_use]
    pub fn aggregator(&self, name: &str) -> Option<AggregatorCode> {
        find(&self.0.aggregators, name)
    }
}

fn register<C>(table: &Table<C>, name: &str, code: C) -> Result<(), RegisterError> {
    if !(1..=NAME_LEN_MAX).contains(&name.len()) {
        return Err(RegisterError::Name { len: name.len() });
    }
    // Nothing is left half done under the lock.
    let mut table = table.write().unwrap_or_else(PoisonError::into_inner);
    if table.contains_key(name) {
        return Err(RegisterError::Taken {
            name: name.to_owned(),
        });
    }
    if table.len() >= AGENTS_MAX {
        return Err(RegisterError::TooMany);
    }
    table.insert(name.to_owned(), code);
    Ok(())
}

fn find<C: Clone>(table: &Table<C>, name: &str) -> Option<C> {
    let table = table.read().unwrap_or_else(PoisonError::into_inner);
    table.get(name).cloned()
}

impl fmt::Debug for OwnAgents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnAgents")
    }
}

//! Indexes of the typed handle.

use crate::query::{Aggregator, Filter};
use crate::store::{IndexDefinition, IndexReport};
use crate::value;

use super::asking::invalid;
use super::{Among, Cache, CacheError};

impl<K, V> Cache<K, V> {
    /// Adds an index that can be told to other members.
    pub(super) async fn add_checked_index(&self, index: &IndexDefinition) -> Result<(), CacheError> {
        let told = index.to_json().map_err(invalid)?;
        let definition = IndexDefinition::from_json(&told).map_err(invalid)?;
        self.backend().add_index(definition).await
    }

    /// The indexes with their sizes, compared with the entries if that is wanted.
    pub(super) async fn index_reports(&self, check: bool) -> Result<Vec<IndexReport>, CacheError> {
        let among = Among::Where(Filter::Always);
        let told = self
            .backend()
            .aggregate(among, Aggregator::Indexes { check })
            .await?;
        Ok(value::from_binary(&told)?)
    }
}

//! The indexes of a member's copy of a partition.
//!
//! Queries are asked of primaries, so a copy has indexes as long as it is one. They are no part of what is replicated: each
//! primary builds them from its entries by the definitions that were agreed on, and until it has, it looks at every entry.

use std::sync::Arc;

use crate::query::Extractor;
use crate::store::{CacheId, IndexDefinition, IndexError};

use super::{Replica, RoleKind};

/// The indexes that caches are to have.
pub type IndexPlan = [(CacheId, Vec<Arc<IndexDefinition>>)];

impl<T> Replica<T> {
    /// Adds an index, if this copy is the primary. Whether it is there now.
    ///
    /// # Errors
    /// As [`Partition::add_index`](crate::store::Partition::add_index).
    pub fn add_index(
        &mut self,
        cache: CacheId,
        definition: Arc<IndexDefinition>,
    ) -> Result<bool, IndexError> {
        if self.role() != RoleKind::Primary {
            return Ok(false);
        }
        self.store.add_index(cache, definition)?;
        Ok(true)
    }

    /// Takes an index away, if it is there.
    pub fn remove_index(&mut self, cache: CacheId, extractor: &Extractor) {
        self.store.remove_index(cache, extractor);
    }

    /// Takes all indexes of a cache away.
    pub fn drop_indexes(&mut self, cache: CacheId) {
        for (of, definitions) in self.store.index_definitions() {
            for definition in definitions.iter().filter(|_| of == cache) {
                self.store.remove_index(cache, &definition.extractor);
            }
        }
    }

    /// Whether the indexes are not those that are to be.
    #[must_use]
    pub fn lacks_indexes(&self, plan: &IndexPlan) -> bool {
        let own = self.store.index_definitions();
        if self.role() != RoleKind::Primary {
            return !own.is_empty();
        }
        // The order in which they were added does not count.
        let same = |(cache, own): &(CacheId, Vec<Arc<IndexDefinition>>)| {
            plan.iter().any(|(of, wanted)| {
                of == cache && own.len() == wanted.len() && wanted.iter().all(|wanted| own.contains(wanted))
            })
        };
        own.len() != plan.len() || !own.iter().all(same)
    }

    /// Adds the indexes that are to be and takes others away: all of them, if this copy is no primary.
    pub fn set_indexes(&mut self, plan: &IndexPlan) {
        let is_primary = self.role() == RoleKind::Primary;
        let wanted = |cache: CacheId| {
            let wanted = plan.iter().find(|(of, _)| is_primary && *of == cache);
            wanted
                .map(|(_, definitions)| definitions.as_slice())
                .unwrap_or_default()
        };
        for (cache, definitions) in self.store.index_definitions() {
            for definition in definitions {
                if !wanted(cache).contains(&definition) {
                    self.store.remove_index(cache, &definition.extractor);
                }
            }
        }
        if is_primary {
            for (cache, definitions) in plan {
                for definition in definitions {
                    // The cluster agreed on each and on how many, and what stood in the way is gone.
                    let _agreed = self.store.add_index(*cache, definition.clone());
                }
            }
        }
    }
}

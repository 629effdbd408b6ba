//! Indexes: which entries of a cache in a partition have which values.
//!
//! An index is of what an extractor takes from entries. It knows values as bytes in the order of
//! [`compare`](crate::query::compare) (`key`), and of each the entries that have it (`postings`), with values in a hash
//! table or in order (`buckets`). What is asked of it are ranges of such bytes (`ask`).
//!
//! An index of vectors ([`IndexDefinition::of_vectors`]) knows of each entry the signs of its vector's numbers (`signatures`)
//! instead. It serves searches for similar entries ([`PlannedQuery::visit_similar`]) and no filter; it changes what they
//! find, and says so.
//!
//! # Invariants
//!
//! - An entry is in every index of its cache in exactly one of these ways: under its value, and under each element when
//!   that is an array; among those *without a value*, when something cannot be extracted, read or written; not at all,
//!   when the index has a condition that says no, or it is of vectors and there is none. It gets there and leaves in the step that changes the entry.
//! - Equal values have one key. A key may stand for several values, when they are long, or are arrays or objects.
//! - What an index finds for a filter holds every entry that the filter selects **and every entry on which it fails**:
//!   entries without a value always, values that have no order with what they are compared with where they would be
//!   compared. Each is looked at again with the whole filter, so that an index changes neither results nor errors.
//! - An index with a condition is asked only where the filter selects no entry that the condition does not
//!   (`implied`).
//! - The order that a definition may have changes nothing: keys are in the order in which filters compare.
//! - Definitions stay when the last entry goes, and go with the cache ([`Partition::drop_cache`]).
//! - The memory is counted as it is taken, but for what the allocator adds.
//! - Bounds: [`INDEXES_MAX`] indexes a cache, [`ELEMENTS_MAX`] elements of an entry (those with more are without a
//!   value), 128 bytes a key.
//!
//! # Memory
//!
//! An entry takes 4 to 5 bytes where many have its value. A value takes 40 bytes, which have room for 21 bytes of it
//! and three entries, and an eighth of that for growing when it is in order (a hash table: a seventh to more than
//! twice).
//!
//! Of vectors an entry takes a bit for each number, and 14 bytes; up to twice as much for growing.
//!
//! [`PlannedQuery::visit_similar`]: crate::store::PlannedQuery::visit_similar
//! [`Partition::drop_cache`]: crate::store::Partition::drop_cache

mod ask;
mod buckets;
mod cache_indexes;
mod check;
mod definition;
mod effort;
mod held;
mod implied;
mod key;
mod partition;
mod partition_index;
mod postings;
mod range;
mod report;
mod seen;
mod signatures;
mod sorted_list;

pub use check::IndexFault;
pub use definition::{IndexDefinition, IndexError, IndexInfo};
pub use held::ELEMENTS_MAX;
pub use report::IndexReport;

pub(in crate::store) use ask::{Ask, Pattern};
pub(in crate::store) use buckets::Asked;
pub(in crate::store) use cache_indexes::{CacheIndexes, Indexes};
pub(in crate::store) use effort::Effort;
pub(in crate::store) use partition_index::PartitionIndex;
pub(in crate::store) use postings::Postings;

/// The most indexes of a cache.
pub const INDEXES_MAX: usize = 64;

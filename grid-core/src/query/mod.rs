//! Queries: what is asked of entries, decided one entry at a time.
//!
//! An [`Extractor`] reads something from an entry, a [`Filter`] selects entries, a [`Comparator`] orders them, an
//! [`Aggregator`] makes one answer of many. All work on the bytes of entries ([`QueryEntry`]) and read only what they
//! need. They come from clients as JSON ([`agent`]) and are written back in one form, in which members send them to each
//! other; people write them as statements ([`cohql`]).
//!
//! What a query means is what it means to the reference, Coherence CE 25.03, which was asked; its answers are among the
//! tests. Where it is different on purpose, the item says why. In short:
//!
//! - Integers of up to 64 bits are one type, and longer bare ones stay exact; the reference has `int`, `long` and double.
//! - The properties of an object are its members, also those named like a method of Java's maps (`size`, `class`).
//! - Null is not like `%`. Errors count only where they decide, whatever the order of filters.
//! - Groups and distinct values are told apart by their canonical forms. Of an object that names a member twice, the first
//!   counts.
//! - Empty lists and maps are answered, which the reference cannot send; sums of large integers are exact.
//! - Methods take characters whole: what would be half of one is not found, and `split` has no end of the text (`$`) in it.
//! - Scripts, and what regular expressions cannot do in linear time, are refused.
//!
//! Dates have no type of their own in JSON: those that are strings are compared as strings, and others have no order.

pub mod agent;
mod aggregator;
pub mod cohql;
mod comparator;
mod comparison;
mod datum;
mod entry;
mod error;
mod extractor;
mod filter;
mod java_text;
mod operand;
mod parts;
mod pattern;
mod vector;

pub use agent::AgentError;
pub use aggregator::{
    Accumulator, Aggregator, AggregatorCode, IndexRecord, Keeping, Kept, NumberOperation, OwnAggregation,
    OwnAggregator, PartitionRecord, QueryRecord, RecordKind, RecordStep, SimilarEntry, SimilaritySearch,
    SortedEntry, SortedPart, SortedPlace, SortedRun, StepRoom,
};
pub use comparator::{Comparator, Kinds, Order, SortKey};
pub(crate) use comparison::form;
pub use comparison::{compare, compare_text, equal};
pub use datum::Datum;
pub use entry::QueryEntry;
pub use error::QueryError;
pub use extractor::{Extracted, Extractor, Manipulator, MethodCall, Updater};
pub use filter::{
    Between, EventCauses, EventFilter, EventKinds, EventTransformer, Field, Filter, KeySet, Test, ValueSet,
    field, key,
};
pub use operand::Operand;
pub use parts::Elements;
pub use pattern::{LikePattern, PatternError, RegexPattern};
pub use vector::{DIMENSIONS_MAX, Distance, Vector, VectorKind, VectorShape};

pub(crate) use aggregator::{add_decimals, decimal_of, failed, multiply_decimals, unfit_args};
pub(crate) use extractor::{set_member, whole};
pub(crate) use parts::find_member;
pub(crate) use vector::{Signature, hamming};

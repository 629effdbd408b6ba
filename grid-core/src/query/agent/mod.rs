//! What clients send to be run on entries, in JSON: reading it, and writing it in one form.
//!
//! Filters, extractors, comparators, aggregators and processors come as objects with an `@class`. The clients of several
//! languages name classes and members differently; all of their names are read. What is written is what the client of
//! Python would send, without members that say nothing: members of a cluster send it to each other, and the reference
//! reads it too.
//!
//! Everything has a limit: the length of the text, the depth of its nesting, the number of its parts, the length of
//! patterns and what they take together. Reading takes stack for [`DEPTH_MAX`] agents in each other at most; what was read is evaluated and dropped
//! within the same depth.

mod error;
mod patterns;
mod read_extractor;
mod read_filter;
mod tree;
mod write;

pub use error::AgentError;
pub use patterns::PATTERNS_SIZE_MAX;

pub(crate) use patterns::Patterns;
pub(crate) use read_extractor::{extractor, manipulator, operands, updater};
pub(crate) use read_filter::filter;
pub(crate) use tree::{Node, Tree, check_depth, implied};
pub(crate) use write::{ObjectWriter, WriteAgent, write_array};

use super::{Extractor, Filter, QueryError};

/// The longest text of an agent, in bytes.
pub const LEN_MAX: usize = 16 << 20;

/// How many filters, extractors and others may stand in each other.
pub const DEPTH_MAX: usize = 160;

/// How many extractors may follow each other, or stand beside each other in one.
pub const EXTRACTORS_MAX: usize = 256;

/// How many aggregators an aggregator may be made of. Each keeps something for each group of entries.
pub const AGGREGATORS_MAX: usize = 1_024;

/// How many values, arrays and objects the text of an agent may have.
pub const NODES_MAX: usize = 500_000;

impl Filter {
    /// Reads a filter as clients send it. The text `null` means every entry.
    ///
    /// # Errors
    /// When the text is not JSON, exceeds a limit, is of an unknown class, or lacks what its class needs.
    pub fn from_json(text: &[u8]) -> Result<Self, AgentError> {
        let tree = Tree::read(text)?;
        if tree.root().is_null() {
            return Ok(Filter::Always);
        }
        filter(tree.root(), 0)
    }

    /// Writes the filter in the one form.
    ///
    /// # Errors
    /// When it holds a number that JSON cannot say.
    pub fn to_json(&self) -> Result<Vec<u8>, QueryError> {
        write::to_json(self)
    }
}

impl Extractor {
    /// Reads an extractor as clients send it.
    ///
    /// # Errors
    /// As [`Filter::from_json`].
    pub fn from_json(text: &[u8]) -> Result<Self, AgentError> {
        extractor(Tree::read(text)?.root(), 0)
    }

    /// Writes the extractor in the one form.
    ///
    /// # Errors
    /// As [`Filter::to_json`].
    pub fn to_json(&self) -> Result<Vec<u8>, QueryError> {
        write::to_json(self)
    }
}

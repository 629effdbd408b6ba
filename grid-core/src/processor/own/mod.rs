//! Processors and aggregators of one's own, written in Rust and known by a name.
//!
//! Code is registered by name at every member that serves the cache ([`OwnAgents`]); who asks gives the name and
//! arguments that serde writes. A processor is shown an [`Entry`], and reaches entries of other caches in the same
//! partition by it. It runs beside the partition, on a copy: what it read must be as it was when its changes are made, or it
//! runs again. So it must do nothing but change its entries, and it may run more often than once; it is done once. It runs in
//! the member's process: a panic ends it alone, and what Rust cannot catch ends the member, as recursion without an end does.

mod code;
mod entry;
mod entry_error;
mod failure;
mod inside;
mod registry;
mod told_words;

pub use code::ProcessorCode;
pub use entry::Entry;
pub use entry_error::EntryError;
pub use failure::{OwnFailure, OwnFailureKind, OwnKind};
pub use inside::{Inside, is_inside};
pub use registry::{OwnAgents, RegisterError};
pub use told_words::told_words;

use crate::processor::Change;
use crate::value::{Binary, Key};

/// What lies around an entry that code of one's own works on.
pub trait Around {
    /// The value of another entry as it will be.
    ///
    /// # Errors
    /// When it cannot be reached.
    fn read(&self, cache: &str, key: &Key) -> Result<Option<Binary>, EntryError>;

    /// Says what is to be done to another entry.
    ///
    /// # Errors
    /// When it cannot be reached.
    fn change(&self, cache: &str, key: &Key, change: Change) -> Result<(), EntryError>;
}

/// The code that there is, and what lies around the entry that it works on.
#[derive(Clone, Copy)]
pub struct OwnPlace<'a> {
    /// The code.
    pub agents: &'a OwnAgents,
    /// What lies around.
    pub around: &'a dyn Around,
}

impl std::fmt::Debug for OwnPlace<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OwnPlace")
    }
}

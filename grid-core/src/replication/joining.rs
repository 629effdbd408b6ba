//! The part of a replica that gets a copy.

use super::CopyId;

/// A copy on its way in.
#[derive(Debug)]
pub(super) struct CopyIn {
    pub(super) id: CopyId,
    /// The number of the next part.
    pub(super) next: u64,
    /// Whether the last part has come.
    pub(super) whole: bool,
}

//! Going on alone.

use grid_core::membership::Generation;

use super::types::LogId;

/// What a member had of the group when it left it, for a new generation.
#[derive(Debug)]
pub struct Seized<M, O> {
    /// The machine, with every command of this member's log applied, agreed or not.
    pub machine: M,
    /// The observer, which was told of them.
    pub observer: O,
    /// The number of the last command.
    pub index: u64,
    /// Where the log goes on.
    pub(super) last: LogId,
    /// The last term that this member knew of.
    pub(super) term: u64,
    /// The generation that it left.
    pub(super) generation: Generation,
}

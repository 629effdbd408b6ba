//! What the agreed commands do.

use bytes::Bytes;

/// A deterministic state machine that the agreed commands go through, the same on every member of the group.
///
/// It must come to the same state and the same outcomes from the same commands, whatever the time, the member or the
/// order of a hash map. It is called under a lock, one call at a time: it must be quick, and must not call back into the
/// group.
pub trait ControlMachine: Send + 'static {
    /// Applies the command with this number (from 1, without gaps) and gives its outcome.
    ///
    /// A command that makes no sense is an outcome, not a panic: every member would have the same one.
    fn apply(&mut self, index: u64, command: &Bytes) -> Bytes;

    /// The whole state, as [`restore`](Self::restore) reads it.
    fn snapshot(&self) -> Bytes;

    /// Replaces the state by one that another member's [`snapshot`](Self::snapshot) gave.
    ///
    /// # Errors
    /// When the bytes are no such state. The member then stops taking part.
    fn restore(&mut self, snapshot: &[u8]) -> Result<(), RestoreError>;
}

/// A snapshot that is no state of the machine.
#[derive(Debug, thiserror::Error)]
#[error(
    "the snapshot of the control group cannot be read: {0}; run the same version of the program on every member"
)]
pub struct RestoreError(pub String);

//! Who is told of agreed commands.

use bytes::Bytes;

/// Told of everything that this member's state went through, in order.
///
/// It is called under the lock of the state, right after the state changed and before the proposer is answered: it must be
/// quick (hand things on to a queue), and must not call back into the group.
pub trait ControlObserver: Send + 'static {
    /// The command with this number was applied. Numbers follow each other without gaps, but after
    /// [`installed`](Self::installed).
    fn applied(&mut self, index: u64, command: &Bytes, outcome: &Bytes);

    /// The state was replaced by a snapshot that holds all commands up to this number.
    fn installed(&mut self, index: u64, snapshot: &Bytes);
}

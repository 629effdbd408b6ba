//! Connections between two members, as far as decisions need to know them.

/// One connection to another member, in either direction and on either lane. Whoever carries decisions out numbers
/// them and never gives a number twice in one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkId(u64);

impl LinkId {
    /// The connection with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        LinkId(number)
    }

    /// The plain number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkEnd {
    /// The other side's kernel closed it in order: reading gave the end of the stream, or writing gave a broken pipe,
    /// which needs that end to have come before. No firewall makes this up, since it takes the sequence numbers.
    Closed,
    /// A reset came. The other side's kernel sends it, and so does a firewall that refuses.
    Reset,
    /// It timed out, broke its rules, or this side closed it: nothing is said about the other side.
    Local,
}

//! What a partition tells about each change.

use std::fmt;

use crate::store::{CacheId, Timestamp};
use crate::value::Binary;

/// The number of a change within its partition: the first is 1, each is one above the last.
///
/// It is also the version of the entry that the change wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Sequence(u64);

impl Sequence {
    /// Before the first change.
    pub const ZERO: Sequence = Sequence(0);

    /// The change with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Sequence(number)
    }

    /// The plain number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The number after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        // 2^64 changes take a partition hundreds of thousands of years.
        Sequence(self.0.wrapping_add(1))
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// What a change did to its entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// The entry was not there before.
    Insert,
    /// The entry has a new value (which may be equal to the old one).
    Update,
    /// The entry is gone.
    Delete,
}

/// One change of one entry.
#[derive(Clone, Debug)]
pub struct Change {
    /// The change's number, and the version of the entry that it wrote.
    pub sequence: Sequence,
    /// The cache of the entry.
    pub cache: CacheId,
    /// The key as it is stored: in its first spelling.
    pub key: Binary,
    /// What happened.
    pub kind: ChangeKind,
    /// The value before, when there was one and it was [wanted](Want::old_value).
    pub old: Option<Binary>,
    /// The value after, when there is one and it was [wanted](Want::new_value).
    pub new: Option<Binary>,
    /// When the entry's time is over, if it has a time to live and was written.
    pub deadline: Option<Timestamp>,
    /// Whether the entry went because its time was over.
    pub expired: bool,
}

impl Change {
    /// Whether it was made with values: whoever made it knew of somebody who [wanted](Want) them.
    #[must_use]
    pub fn has_values(&self) -> bool {
        match self.kind {
            ChangeKind::Delete => self.old.is_some(),
            ChangeKind::Insert | ChangeKind::Update => self.new.is_some(),
        }
    }
}

/// What a caller wants to know about a change, so that nothing is copied that nobody looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Want {
    /// The value before, as the answer of the command.
    pub previous: bool,
    /// A [`Change`]. Without it the change happens, and has its sequence number, untold.
    pub change: bool,
    /// [`Change::old`].
    pub old_value: bool,
    /// [`Change::new`].
    pub new_value: bool,
}

impl Want {
    /// No value and no change.
    pub const NOTHING: Want = Want {
        previous: false,
        change: false,
        old_value: false,
        new_value: false,
    };

    /// The value before, for a caller that returns it; no change.
    pub const PREVIOUS: Want = Want {
        previous: true,
        ..Want::NOTHING
    };

    /// The change without values.
    pub const CHANGE: Want = Want {
        change: true,
        ..Want::NOTHING
    };

    /// Everything.
    pub const ALL: Want = Want {
        previous: true,
        change: true,
        old_value: true,
        new_value: true,
    };
}

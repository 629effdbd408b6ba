//! What the sinks of this member want to hear of, as a list of changes.

use std::collections::VecDeque;

use grid_core::store::CacheId;

use crate::event::{Subject, Wish};

/// So many changes are kept.
const CHANGES_MAX: usize = 4_096;

/// So many bytes of changes are kept, about.
const BYTES_MAX: usize = 4 << 20;

/// So many bytes of changes are told at a time, about.
pub(super) const TOLD_BYTES_MAX: usize = 1 << 20;

/// What a change costs beside its key, in bytes.
const OVERHEAD: usize = 16;

/// A change of what is wanted of one cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// The cache.
    pub cache: CacheId,
    /// What of it.
    pub subject: Subject,
    /// What is wanted from now on; `None`: nothing.
    pub wish: Option<Wish>,
}

impl Noted {
    pub(super) fn bytes(&self) -> usize {
        OVERHEAD + self.subject.bytes()
    }
}

/// What has to be told to someone who knows a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Since {
    /// Nothing: it is the newest.
    Nothing,
    /// These changes, which lead to this version.
    Changes(u64, Vec<Noted>),
    /// Everything: the changes are not kept any more.
    Whole,
}

/// What the sinks of a member want to hear of, as a list of changes: each makes a new version. The first is version 1, at
/// which nothing is wanted; version 0 stands for knowing nothing.
#[derive(Debug)]
pub struct Journal {
    /// The version before the first change that is kept.
    base: u64,
    changes: VecDeque<Noted>,
    bytes: usize,
}

impl Journal {
    /// Nothing is wanted.
    #[must_use]
    pub fn new() -> Self {
        Journal {
            base: 1,
            changes: VecDeque::new(),
            bytes: 0,
        }
    }

    /// The newest version.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.base + self.changes.len() as u64
    }

    /// Notes a change.
    pub fn note(&mut self, noted: Noted) {
        self.bytes += noted.bytes();
        self.changes.push_back(noted);
        while self.changes.len() > CHANGES_MAX || self.bytes > BYTES_MAX {
            let Some(oldest) = self.changes.pop_front() else {
                break;
            };
            self.bytes -= oldest.bytes();
            self.base += 1;
        }
    }

    /// What has to be told to someone who knows this version.
    #[must_use]
    pub fn since(&self, version: u64) -> Since {
        if version == self.version() {
            return Since::Nothing;
        }
        let Some(known) = version
            .checked_sub(self.base)
            .and_then(|known| usize::try_from(known).ok())
        else {
            return Since::Whole;
        };
        if known > self.changes.len() {
            return Since::Whole;
        }
        let mut bytes = 0;
        let news = self.changes.iter().skip(known).take_while(|noted| {
            let first = bytes == 0;
            bytes += noted.bytes();
            first || bytes <= TOLD_BYTES_MAX
        });
        let news: Vec<_> = news.cloned().collect();
        Since::Changes(version + news.len() as u64, news)
    }
}

impl Default for Journal {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use grid_core::value::Format;

    use super::*;

    fn noted(key: &[u8], wish: Option<bool>) -> Noted {
        Noted {
            cache: CacheId::new(7),
            subject: Subject::Key((Format::JSON, Bytes::copy_from_slice(key))),
            wish: wish.map(|values| Wish { values }),
        }
    }

    #[test]
    fn changes_lead_from_one_version_to_the_next() {
        let mut journal = Journal::new();
        assert_eq!(journal.version(), 1);
        assert_eq!(
            journal.since(0),
            Since::Whole,
            "who knows nothing is told everything"
        );
        assert_eq!(journal.since(1), Since::Nothing);
        let (first, second) = (noted(b"1", Some(true)), noted(b"1", None));
        journal.note(first.clone());
        journal.note(second.clone());
        assert_eq!(journal.since(1), Since::Changes(3, vec![first, second.clone()]));
        assert_eq!(journal.since(2), Since::Changes(3, vec![second]));
        assert_eq!(journal.since(3), Since::Nothing);
        assert_eq!(journal.since(4), Since::Whole, "a version of another life");
    }

    #[test]
    fn what_is_not_kept_any_more_is_told_as_a_whole() {
        let mut journal = Journal::new();
        for _ in 0..=CHANGES_MAX {
            journal.note(noted(b"1", Some(false)));
        }
        let len = CHANGES_MAX as u64;
        assert_eq!(journal.version(), len + 2);
        assert_eq!(journal.since(1), Since::Whole);
        assert!(
            matches!(journal.since(2), Since::Changes(version, changes) if version == len + 2
            && changes.len() == CHANGES_MAX)
        );
    }

    #[test]
    fn the_bytes_are_bounded_and_told_in_portions() {
        let mut journal = Journal::new();
        let long = vec![b'1'; TOLD_BYTES_MAX - 1_000];
        for _ in 0..3 {
            journal.note(noted(&long, Some(true)));
        }
        assert!(matches!(journal.since(1), Since::Changes(2, changes) if changes.len() == 1));
        for _ in 0..3 {
            journal.note(noted(&long, Some(true)));
        }
        assert_eq!(journal.since(2), Since::Whole, "not all are kept");
        assert!(journal.bytes <= BYTES_MAX);
        let longer = vec![b'1'; TOLD_BYTES_MAX + 1_000];
        journal.note(noted(&longer, Some(true)));
        let last = journal.version();
        assert!(
            matches!(journal.since(last - 1), Since::Changes(version, _) if version == last),
            "one alone is always told"
        );
    }
}

//! An entry as a processor sees it.

use std::num::NonZeroU64;

use super::own::OwnPlace;
use crate::query::{Operand, QueryEntry, QueryError};
use crate::value::Binary;

/// What is to be done to an entry.
#[derive(Clone, Debug)]
pub enum Change {
    /// It is to have this value, and to live so many milliseconds; `None` for the cache's default.
    Set(Binary, Option<NonZeroU64>),
    /// It is to be taken away.
    Remove,
    /// Its time to live is to start anew.
    Touch,
}

/// An entry as a processor sees it: the key, the value if there is one, and what is to be done to it.
///
/// What was said last counts. The value is seen as it will be.
#[derive(Clone, Debug)]
pub struct EntryView<'a> {
    key: &'a Binary,
    original: Option<&'a Binary>,
    change: Option<Change>,
    own: Option<OwnPlace<'a>>,
}

impl<'a> EntryView<'a> {
    /// A key with its value; `None` where there is none.
    #[must_use]
    pub fn new(key: &'a Binary, value: Option<&'a Binary>) -> Self {
        EntryView {
            key,
            original: value,
            change: None,
            own: None,
        }
    }

    /// The same where there is code of one's own.
    #[must_use]
    pub fn with_own(mut self, own: OwnPlace<'a>) -> Self {
        self.own = Some(own);
        self
    }

    /// Has the code run on it that is registered by this name.
    pub(super) fn run_own(&mut self, name: &str, args: &Operand) -> Result<Binary, QueryError> {
        let own = self.own;
        let code = own.and_then(|own| Some((own.agents.processor(name)?, own)));
        let Some((code, own)) = code else {
            return Err(QueryError::NotRegistered {
                name: name.to_owned(),
            });
        };
        code.run(self, args, own.around)
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &'a Binary {
        self.key
    }

    /// The value as it will be.
    #[must_use]
    pub fn value(&self) -> Option<&Binary> {
        match &self.change {
            Some(Change::Set(value, _)) => Some(value),
            Some(Change::Remove) => None,
            Some(Change::Touch) | None => self.original,
        }
    }

    /// Whether there is a value.
    #[must_use]
    pub fn is_present(&self) -> bool {
        self.value().is_some()
    }

    /// Has the value set.
    pub fn set(&mut self, value: Binary) {
        self.change = Some(Change::Set(value, None));
    }

    /// Has the value set, to live so many milliseconds.
    pub fn set_for(&mut self, value: Binary, life_ms: NonZeroU64) {
        self.change = Some(Change::Set(value, Some(life_ms)));
    }

    /// Has the entry taken away, if it is there.
    pub fn remove(&mut self) {
        self.change = self.original.map(|_there| Change::Remove);
    }

    /// Has the time to live start anew, if the entry is there. Setting the value does it as well.
    pub fn touch(&mut self) {
        if self.change.is_none() && self.original.is_some() {
            self.change = Some(Change::Touch);
        }
    }

    /// The entry for filters and extractors.
    #[must_use]
    pub fn entry(&self) -> QueryEntry<'_> {
        QueryEntry::of(self.key, self.value())
    }

    /// What is to be done to the entry so far.
    #[must_use]
    pub fn change(&self) -> Option<&Change> {
        self.change.as_ref()
    }

    /// What is to be done to the entry; `None` for nothing.
    #[must_use]
    pub fn into_change(self) -> Option<Change> {
        self.change
    }

    /// Takes back everything after what was to be done.
    pub(super) fn restore(&mut self, change: Option<Change>) {
        self.change = change;
    }
}

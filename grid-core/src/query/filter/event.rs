//! Filters of events.

use std::fmt;
use std::ops::BitOr;

use super::{EventTransformer, Filter};
use crate::query::{QueryEntry, QueryError};

/// Kinds of events, as a set; the bits are those of the protocol.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventKinds(u32);

impl EventKinds {
    /// An entry is new, and selected.
    pub const INSERTED: EventKinds = EventKinds(1);

    /// An entry has another value; the old or the new one is selected.
    pub const UPDATED: EventKinds = EventKinds(2);

    /// An entry is gone that was selected.
    pub const DELETED: EventKinds = EventKinds(4);

    /// An entry has another value: it was not selected, and is now.
    pub const ENTERED: EventKinds = EventKinds(8);

    /// An entry has another value: it was selected, and is not any more.
    pub const LEFT: EventKinds = EventKinds(16);

    /// An entry has another value: it was selected, and still is.
    pub const WITHIN: EventKinds = EventKinds(32);

    /// New, changed and gone entries.
    pub const ALL: EventKinds = EventKinds(1 | 2 | 4);

    /// What changes the set of keys that a filter selects.
    pub const KEY_SET: EventKinds = EventKinds(1 | 4 | 8 | 16);

    /// The kinds of these bits. Bits that mean nothing here are kept.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        EventKinds(bits)
    }

    /// The bits.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether one of these kinds is among those.
    #[must_use]
    pub const fn intersects(self, other: EventKinds) -> bool {
        self.0 & other.0 != 0
    }
}

impl BitOr for EventKinds {
    type Output = EventKinds;

    fn bitor(self, other: EventKinds) -> EventKinds {
        EventKinds(self.0 | other.0)
    }
}

impl fmt::Debug for EventKinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventKinds({:#x})", self.0)
    }
}

/// Selects events by their kind and by the entries before and after them.
#[derive(Clone, Debug, PartialEq)]
pub struct EventFilter {
    /// The kinds of events that are wanted.
    pub kinds: EventKinds,
    /// What the entries are selected by; `None` for all.
    pub filter: Option<Box<Filter>>,
    /// What is told in place of the values; `None` for the values as they are.
    pub transformer: Option<EventTransformer>,
}

impl EventFilter {
    /// Events of all kinds about what a filter selects.
    #[must_use]
    pub fn new(filter: Filter) -> Self {
        let (kinds, filter) = (EventKinds::ALL, Some(Box::new(filter)));
        EventFilter {
            kinds,
            filter,
            transformer: None,
        }
    }

    /// Events of these kinds.
    #[must_use]
    pub fn of_kinds(mut self, kinds: EventKinds) -> Self {
        self.kinds = kinds;
        self
    }

    /// Events of all kinds about everything.
    #[must_use]
    pub fn all() -> Self {
        EventFilter {
            kinds: EventKinds::ALL,
            filter: None,
            transformer: None,
        }
    }

    /// Events tell what this makes of the values.
    #[must_use]
    pub fn transformed(mut self, transformer: EventTransformer) -> Self {
        self.transformer = Some(transformer);
        self
    }

    /// Whether an event is selected: the entry before it, if there was one, and the entry after it, if there is one.
    ///
    /// The filter is asked only as far as the kinds make a difference.
    ///
    /// # Errors
    /// When the filter cannot be evaluated on an entry that it must be asked about.
    pub fn evaluate(
        &self,
        before: Option<&QueryEntry<'_>>,
        after: Option<&QueryEntry<'_>>,
    ) -> Result<bool, QueryError> {
        self.decide(before, after, |entry| match &self.filter {
            Some(filter) => filter.evaluate(entry),
            None => Ok(true),
        })
    }

    /// As [`evaluate`](Self::evaluate), for those who listen: an entry that the filter cannot be evaluated on is one that
    /// it does not select. So an entry that was selected and becomes such a one is told as one that left.
    #[must_use]
    pub fn tells(&self, before: Option<&QueryEntry<'_>>, after: Option<&QueryEntry<'_>>) -> bool {
        let selects = |entry: &QueryEntry<'_>| {
            let filter = self.filter.as_ref();
            Ok(filter.is_none_or(|filter| filter.evaluate(entry).unwrap_or_default()))
        };
        self.decide(before, after, selects).unwrap_or_default()
    }

    fn decide(
        &self,
        before: Option<&QueryEntry<'_>>,
        after: Option<&QueryEntry<'_>>,
        selects: impl Fn(&QueryEntry<'_>) -> Result<bool, QueryError>,
    ) -> Result<bool, QueryError> {
        let wants = |kinds| self.kinds.intersects(kinds);
        match (before, after) {
            (None, None) => Ok(false),
            (None, Some(new)) => Ok(wants(EventKinds::INSERTED) && selects(new)?),
            (Some(old), None) => Ok(wants(EventKinds::DELETED) && selects(old)?),
            (Some(old), Some(new)) => {
                let moves = EventKinds::ENTERED | EventKinds::LEFT | EventKinds::WITHIN;
                if !wants(EventKinds::UPDATED | moves) {
                    return Ok(false);
                }
                let (was, is) = (selects(old)?, selects(new)?);
                let moved = match (was, is) {
                    (false, true) => EventKinds::ENTERED,
                    (true, false) => EventKinds::LEFT,
                    (true, true) => EventKinds::WITHIN,
                    (false, false) => return Ok(false),
                };
                Ok(wants(EventKinds::UPDATED | moved))
            }
        }
    }
}

impl From<Filter> for EventFilter {
    fn from(filter: Filter) -> Self {
        EventFilter::new(filter)
    }
}

impl From<&Filter> for EventFilter {
    fn from(filter: &Filter) -> Self {
        EventFilter::new(filter.clone())
    }
}

impl From<&EventFilter> for EventFilter {
    fn from(filter: &EventFilter) -> Self {
        filter.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::field;

    #[test]
    fn who_listens_hears_that_an_entry_left_for_what_cannot_be_evaluated() {
        let filter = EventFilter::new(field("age").gt(25));
        let entry = |text: &'static str| QueryEntry::of_value(text.as_bytes());
        let (old, bad) = (entry(r#"{"age":30}"#), entry(r#"{"age":"thirty"}"#));
        assert!(filter.evaluate(Some(&old), Some(&bad)).is_err());
        assert!(filter.tells(Some(&old), Some(&bad)));
        assert!(filter.tells(Some(&bad), Some(&old)));
        assert!(!filter.tells(Some(&bad), Some(&bad)));
        let left = filter.of_kinds(EventKinds::LEFT);
        assert!(left.tells(Some(&old), Some(&bad)));
        assert!(!left.tells(Some(&bad), Some(&old)));
    }
}

//! Filters of events.

use std::fmt;
use std::ops::BitOr;

use super::{EventTransformer, Filter};
use crate::query::{Extractor, QueryEntry, QueryError};

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

/// What events come of, as a set; the bits are those of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventCauses(u32);

impl EventCauses {
    /// The cache itself made the change, as when an entry's time is over.
    pub const SYNTHETIC: EventCauses = EventCauses(1);

    /// Somebody asked for the change.
    pub const NATURAL: EventCauses = EventCauses(2);

    /// Both.
    pub const ALL: EventCauses = EventCauses(1 | 2);

    /// The causes of these bits. Bits that mean nothing are left out.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        EventCauses(bits & EventCauses::ALL.0)
    }

    /// The bits.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether the cause of a change that the cache itself made, or did not, is among these.
    #[must_use]
    pub const fn includes(self, synthetic: bool) -> bool {
        let cause = if synthetic {
            EventCauses::SYNTHETIC
        } else {
            EventCauses::NATURAL
        };
        self.0 & cause.0 != 0
    }
}

/// Selects events by their kind and by the entries before and after them.
#[derive(Clone, Debug, PartialEq)]
pub struct EventFilter {
    /// The kinds of events that are wanted.
    pub kinds: EventKinds,
    /// What the entries are selected by; `None` for all.
    pub filter: Option<Box<Filter>>,
    /// What must have changed of the value: then only updates are selected, and those alone that change what this takes.
    pub changes: Option<Extractor>,
    /// What the events come of.
    pub causes: EventCauses,
    /// What is told in place of the values; `None` for the values as they are.
    pub transformer: Option<EventTransformer>,
}

impl EventFilter {
    /// Events of all kinds about what a filter selects.
    #[must_use]
    pub fn new(filter: Filter) -> Self {
        EventFilter {
            filter: Some(Box::new(filter)),
            ..EventFilter::all()
        }
    }

    /// Updates that change what an extractor takes from the value.
    #[must_use]
    pub fn of_changes(extractor: Extractor) -> Self {
        EventFilter {
            kinds: EventKinds::UPDATED,
            changes: Some(extractor),
            ..EventFilter::all()
        }
    }

    /// Events that come of this.
    #[must_use]
    pub fn caused_by(mut self, causes: EventCauses) -> Self {
        self.causes = causes;
        self
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
            changes: None,
            causes: EventCauses::ALL,
            transformer: None,
        }
    }

    /// Events tell what this makes of the values.
    #[must_use]
    pub fn transformed(mut self, transformer: EventTransformer) -> Self {
        self.transformer = Some(transformer);
        self
    }

    /// Whether the values of entries make a difference, and not only the kinds and causes of events.
    #[must_use]
    pub fn looks_at_values(&self) -> bool {
        self.filter.is_some() || self.changes.is_some()
    }

    /// Whether an event is selected: the entry before it, if there was one, and the entry after it, if there is one. What it
    /// came of is for those to look at who know it.
    ///
    /// The filter is asked only as far as the kinds make a difference.
    ///
    /// # Errors
    /// When the filter cannot be evaluated on an entry that it must be asked about, or what must have changed cannot be taken.
    pub fn evaluate(
        &self,
        before: Option<&QueryEntry<'_>>,
        after: Option<&QueryEntry<'_>>,
    ) -> Result<bool, QueryError> {
        let selects = |entry: &QueryEntry<'_>| match &self.filter {
            Some(filter) => filter.evaluate(entry),
            None => Ok(true),
        };
        let taken = |extractor: &Extractor, entry: &QueryEntry<'_>| extractor.extract(entry)?.canonical();
        let changed = |extractor: &Extractor, old: &QueryEntry<'_>, new: &QueryEntry<'_>| {
            Ok(taken(extractor, old)? != taken(extractor, new)?)
        };
        self.decide((before, after), selects, changed)
    }

    /// As [`evaluate`](Self::evaluate), for those who listen: an entry that the filter cannot be evaluated on is one that
    /// it does not select. So an entry that was selected and becomes such a one is told as one that left.
    #[must_use]
    pub fn tells(&self, before: Option<&QueryEntry<'_>>, after: Option<&QueryEntry<'_>>) -> bool {
        // What cannot be taken is as nothing.
        let taken = |extractor: &Extractor, entry: &QueryEntry<'_>| {
            let taken = extractor.extract(entry).ok();
            taken.and_then(|taken| taken.canonical().ok())
        };
        let changed = |extractor: &Extractor, old: &QueryEntry<'_>, new: &QueryEntry<'_>| {
            Ok(taken(extractor, old) != taken(extractor, new))
        };
        let selects = |entry: &QueryEntry<'_>| Ok(self.selects(entry));
        self.decide((before, after), selects, changed).unwrap_or_default()
    }

    /// Whether the filter selects an entry, for those who listen: not one that it cannot be evaluated on.
    #[must_use]
    pub fn selects(&self, entry: &QueryEntry<'_>) -> bool {
        let filter = self.filter.as_ref();
        filter.is_none_or(|filter| filter.evaluate(entry).unwrap_or_default())
    }

    fn decide(
        &self,
        (before, after): (Option<&QueryEntry<'_>>, Option<&QueryEntry<'_>>),
        selects: impl Fn(&QueryEntry<'_>) -> Result<bool, QueryError>,
        changed: impl Fn(&Extractor, &QueryEntry<'_>, &QueryEntry<'_>) -> Result<bool, QueryError>,
    ) -> Result<bool, QueryError> {
        let wants = |kinds| self.kinds.intersects(kinds);
        match (before, after) {
            (None, None) => Ok(false),
            (None, _) | (_, None) if self.changes.is_some() => Ok(false),
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
                if !wants(EventKinds::UPDATED | moved) {
                    return Ok(false);
                }
                match &self.changes {
                    Some(extractor) => changed(extractor, old, new),
                    None => Ok(true),
                }
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
    fn updates_that_change_something_are_selected() {
        let filter = EventFilter::of_changes(Extractor::path("age"));
        let entry = |text: &'static str| QueryEntry::of_value(text.as_bytes());
        let (old, same) = (entry(r#"{"age":30,"n":1}"#), entry(r#"{"n":2,"age":30}"#));
        let (other, none, bad) = (entry(r#"{"age":31}"#), entry("{}"), entry("7"));
        assert_eq!(filter.evaluate(Some(&old), Some(&same)), Ok(false));
        assert_eq!(filter.evaluate(Some(&old), Some(&other)), Ok(true));
        assert_eq!(filter.evaluate(Some(&old), Some(&none)), Ok(true));
        assert_eq!(filter.evaluate(None, Some(&other)), Ok(false));
        assert_eq!(filter.evaluate(Some(&other), None), Ok(false));
        assert!(filter.evaluate(Some(&old), Some(&bad)).is_err());
        assert!(filter.tells(Some(&old), Some(&bad)) && !filter.tells(Some(&bad), Some(&bad)));
        let entered = EventFilter {
            filter: Some(Box::new(field("age").gt(30))),
            ..filter.of_kinds(EventKinds::ENTERED)
        };
        assert!(entered.tells(Some(&old), Some(&other)) && !entered.tells(Some(&other), Some(&old)));
    }

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

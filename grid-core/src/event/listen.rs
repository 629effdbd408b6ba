//! What a listener asks for.

use crate::query::{EventFilter, EventTransformer, QueryEntry};
use crate::store::{Change, ChangeKind};
use crate::value::{Binary, Key};

use super::{BinaryEntryEvent, EntryEventKind};

/// The entries that a listener hears of.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ListenTo {
    /// One key, whether it is present or not.
    Key(Key),
    /// Every key of the cache.
    All,
    /// What a filter of events selects.
    Where(EventFilter),
}

/// A listener's wishes, for the layers below the typed cache.
#[derive(Clone, Debug)]
pub struct Listen {
    /// Which entries.
    pub to: ListenTo,
    /// Whether events carry the old and the new value. Events without values ("lite") cost less.
    pub values: bool,
}

impl Listen {
    /// Whether its events must be made with values: the listener wants them, or a filter has to look at them.
    #[must_use]
    pub fn needs_values(&self) -> bool {
        match &self.to {
            ListenTo::Where(filter) => self.values || looks_at_values(filter),
            ListenTo::Key(_) | ListenTo::All => self.values,
        }
    }

    fn filter(&self) -> Option<&EventFilter> {
        match &self.to {
            ListenTo::Where(filter) => Some(filter),
            ListenTo::Key(_) | ListenTo::All => None,
        }
    }
}

/// Whether a filter of events, or what it tells of them, looks at the values of entries, and not only at the kinds.
#[must_use]
pub fn looks_at_values(filter: &EventFilter) -> bool {
    filter.looks_at_values() || filter.transformer.is_some()
}

/// What a listener is told to have happened by a change that it selected.
#[must_use]
pub fn told_kind(filter: Option<&EventFilter>, change: &Change) -> EntryEventKind {
    if let Some(filter) = filter
        && matches!(filter.transformer, Some(EventTransformer::Selected { .. }))
    {
        let selects = |value: Option<&Binary>| {
            value.is_some_and(|value| filter.selects(&QueryEntry::of(&change.key, Some(value))))
        };
        return match (selects(change.old.as_ref()), selects(change.new.as_ref())) {
            (_, false) => EntryEventKind::Delete,
            (false, true) => EntryEventKind::Insert,
            (true, true) => EntryEventKind::Update,
        };
    }
    match change.kind {
        ChangeKind::Insert => EntryEventKind::Insert,
        ChangeKind::Update => EntryEventKind::Update,
        ChangeKind::Delete => EntryEventKind::Delete,
    }
}

/// The values before and after that a listener is told of a change that it selected; `None` when what it wants to be told
/// cannot be taken from them: then the change is not told.
#[must_use]
pub fn told_values(
    filter: Option<&EventFilter>,
    change: &Change,
) -> Option<(Option<Binary>, Option<Binary>)> {
    let Some(transformer) = filter.and_then(|filter| filter.transformer.as_ref()) else {
        return Some((change.old.clone(), change.new.clone()));
    };
    let leaves = matches!(transformer, EventTransformer::Selected { .. })
        && told_kind(filter, change) == EntryEventKind::Delete;
    let new = change.new.as_ref().filter(|_| !leaves);
    transformer.transform(&change.key, change.old.as_ref(), new).ok()
}

/// The event of a change for a listener that wants to hear of it, without a number; `None` when what it wants to be told cannot
/// be taken from the values.
#[must_use]
pub fn told_event(change: &Change, listen: &Listen) -> Option<BinaryEntryEvent> {
    let (old, new) = if listen.values {
        told_values(listen.filter(), change)?
    } else {
        (None, None)
    };
    Some(BinaryEntryEvent {
        kind: told_kind(listen.filter(), change),
        key: change.key.clone(),
        old,
        new,
        synthetic: change.expired,
        expired: change.expired,
        number: None,
    })
}

/// Whether a filter selects a change: what all who listen with a filter go by, wherever they listen. The change must have
/// been made with values if the filter [looks at them](looks_at_values).
#[must_use]
pub fn is_selected(filter: &EventFilter, change: &Change) -> bool {
    if !filter.causes.includes(change.expired) {
        return false;
    }
    if filter.looks_at_values() {
        let entry = |value| QueryEntry::of(&change.key, Some(value));
        let (old, new) = (change.old.as_ref().map(entry), change.new.as_ref().map(entry));
        return filter.tells(old.as_ref(), new.as_ref());
    }
    // Only the kind counts, and the values may not be there.
    let nothing = || Some(QueryEntry::of_value(b"null"));
    let (old, new) = match change.kind {
        ChangeKind::Insert => (None, nothing()),
        ChangeKind::Update => (nothing(), nothing()),
        ChangeKind::Delete => (nothing(), None),
    };
    filter.tells(old.as_ref(), new.as_ref())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::query::{EventCauses, EventKinds, Extractor, field};
    use crate::store::{CacheId, Sequence};
    use crate::value::{Format, to_binary};

    fn change(kind: ChangeKind, old: Option<u32>, new: Option<u32>, expired: bool) -> Change {
        let value = |age: Option<u32>| age.map(|age| to_binary(&serde_json::json!({ "age": age })).unwrap());
        Change {
            sequence: Sequence::new(1),
            cache: CacheId::new(1),
            key: to_binary(&1).unwrap(),
            kind,
            old: value(old),
            new: value(new),
            deadline: None,
            expired,
        }
    }

    #[test]
    fn changes_are_selected_by_what_they_come_of() {
        let removed = change(ChangeKind::Delete, Some(1), None, false);
        let expired = change(ChangeKind::Delete, Some(1), None, true);
        let deleted = EventFilter::all().of_kinds(EventKinds::DELETED);
        for (causes, expected) in [
            (EventCauses::ALL, (true, true)),
            (EventCauses::SYNTHETIC, (false, true)),
            (EventCauses::NATURAL, (true, false)),
            (EventCauses::from_bits(4), (false, false)),
        ] {
            let filter = deleted.clone().caused_by(causes);
            let found = (is_selected(&filter, &removed), is_selected(&filter, &expired));
            assert_eq!(found, expected, "{causes:?}");
        }
    }

    #[test]
    fn changes_are_selected_by_what_they_change() {
        let filter = EventFilter::of_changes(Extractor::path("age"));
        let listen = Listen {
            to: ListenTo::Where(filter.clone()),
            values: false,
        };
        assert!(looks_at_values(&filter) && listen.needs_values());
        for (change, expected) in [
            (change(ChangeKind::Update, Some(1), Some(2), false), true),
            (change(ChangeKind::Update, Some(1), Some(1), false), false),
            (change(ChangeKind::Insert, None, Some(1), false), false),
            (change(ChangeKind::Delete, Some(1), None, false), false),
        ] {
            assert_eq!(is_selected(&filter, &change), expected, "{change:?}");
        }
    }

    fn json(text: &'static str) -> Binary {
        Binary::new(Format::JSON, Bytes::from_static(text.as_bytes()))
    }

    fn of_texts(old: Option<&'static str>, new: Option<&'static str>) -> Change {
        Change {
            sequence: Sequence::new(1),
            cache: CacheId::new(1),
            key: json("1"),
            kind: match (old, new) {
                (None, _) => ChangeKind::Insert,
                (_, None) => ChangeKind::Delete,
                _ => ChangeKind::Update,
            },
            old: old.map(json),
            new: new.map(json),
            deadline: None,
            expired: false,
        }
    }

    const YOUNG: &str = r#"{"age":10}"#;
    const OLD: &str = r#"{"age":70}"#;
    const OLDER: &str = r#"{"age":71}"#;

    fn told(
        kinds: EventKinds,
        new: Option<Extractor>,
        change: &Change,
    ) -> Option<(EntryEventKind, Option<Bytes>)> {
        let filter = EventFilter::new(field("age").ge(60)).of_kinds(kinds);
        let filter = filter.transformed(EventTransformer::Selected { new });
        if !is_selected(&filter, change) {
            return None;
        }
        let listen = Listen {
            to: ListenTo::Where(filter),
            values: true,
        };
        let event = told_event(change, &listen).unwrap();
        assert!(event.old.is_none());
        Some((event.kind, event.new.map(|new| new.bytes().clone())))
    }

    #[test]
    fn what_becomes_of_a_selection_is_told_and_no_value_that_is_not_asked_for() {
        let age = || Some(Extractor::path("age"));
        let enters = of_texts(Some(YOUNG), Some(OLD));
        let stays = of_texts(Some(OLD), Some(OLDER));
        let leaves = of_texts(Some(OLD), Some(YOUNG));
        let goes = of_texts(Some(OLD), None);
        let is_none = of_texts(None, Some(YOUNG));
        let taken = |text: &'static str| Some(Bytes::from_static(text.as_bytes()));
        for (change, kind, new) in [
            (&enters, EntryEventKind::Insert, taken("70")),
            (&stays, EntryEventKind::Update, taken("71")),
            (&leaves, EntryEventKind::Delete, None),
            (&goes, EntryEventKind::Delete, None),
        ] {
            assert_eq!(told(EventKinds::ALL, age(), change), Some((kind, new)));
        }
        assert_eq!(told(EventKinds::ALL, age(), &is_none), None);
        assert_eq!(
            told(EventKinds::KEY_SET, None, &enters),
            Some((EntryEventKind::Insert, None))
        );
        assert_eq!(told(EventKinds::KEY_SET, None, &stays), None);
        assert_eq!(
            told(EventKinds::KEY_SET, None, &leaves),
            Some((EntryEventKind::Delete, None))
        );
    }
}

//! What a listener asks for.

use crate::query::{EventFilter, QueryEntry};
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
    filter.filter.is_some() || filter.transformer.is_some()
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
    let told = transformer.transform(&change.key, change.old.as_ref(), change.new.as_ref());
    told.ok()
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
        kind: match change.kind {
            ChangeKind::Insert => EntryEventKind::Insert,
            ChangeKind::Update => EntryEventKind::Update,
            ChangeKind::Delete => EntryEventKind::Delete,
        },
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
    if filter.filter.is_some() {
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

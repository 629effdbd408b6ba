//! Which changes of a view those want to hear of who listen to it.

use serde::Serialize;

use crate::query::{EventFilter, EventKinds, QueryEntry};
use crate::value;

use super::ViewEvent;

/// What a filter that does not look at values is shown in their place.
const ANYTHING: &[u8] = b"null";

/// The key of a change, and the values before and after; `None` for what is told to everyone.
fn parts<K, V>(event: &ViewEvent<K, V>) -> Option<(&K, Option<&V>, Option<&V>)> {
    match event {
        ViewEvent::Inserted { key, new } => Some((key, None, Some(new))),
        ViewEvent::Updated { key, old, new } => Some((key, Some(old), Some(new))),
        ViewEvent::Deleted { key, old } => Some((key, Some(old), None)),
        ViewEvent::Resync | ViewEvent::Ended(_) => None,
    }
}

/// Whether a change is of these kinds.
pub(super) fn is_of_kind<K, V>(kinds: EventKinds, event: &ViewEvent<K, V>) -> bool {
    let Some((_, old, new)) = parts(event) else {
        return true;
    };
    let shown = QueryEntry::of_value(ANYTHING);
    let filter = EventFilter::all().of_kinds(kinds);
    filter.tells(old.map(|_| &shown), new.map(|_| &shown))
}

/// Whether a filter selects a change. What cannot be written as JSON, or what the filter cannot be evaluated on, is not
/// selected.
pub(super) fn is_selected<K: Serialize, V: Serialize>(filter: &EventFilter, event: &ViewEvent<K, V>) -> bool {
    let Some((key, old, new)) = parts(event) else {
        return true;
    };
    if !filter.looks_at_values() {
        return is_of_kind(filter.kinds, event);
    }
    let write = || {
        let old = old.map(value::to_binary).transpose()?;
        let new = new.map(value::to_binary).transpose()?;
        Ok::<_, value::ValueError>((value::to_binary(key)?, old, new))
    };
    let Ok((key, old, new)) = write() else {
        return false;
    };
    let entry = |value| QueryEntry::of(&key, Some(value));
    let (old, new) = (old.as_ref().map(entry), new.as_ref().map(entry));
    filter.tells(old.as_ref(), new.as_ref())
}

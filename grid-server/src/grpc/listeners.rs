//! The listeners that one client registered on one cache.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use grid_core::event::{EntryEventKind, ListenTo, is_selected, looks_at_values, told_kind, told_values};
use grid_core::query::EventFilter;
use grid_core::store::Change;
use grid_core::value::{Binary, Format, Key};
use grid_member::event::{AttachedSink, Matched, Quiet};

use super::Refusal;

#[derive(Clone, Debug)]
struct FilterListener {
    filter: EventFilter,
    lite: bool,
    /// Whether it is told of changes. Others of the table may be told already of those that were made before it came.
    begun: bool,
}

impl FilterListener {
    /// Whether its events are made with values: the filter has to look at them, or the client wants them.
    fn needs_values(&self) -> bool {
        !self.lite || looks_at_values(&self.filter)
    }

    /// Whether it is to hear of a change. What a filter cannot be evaluated on is not selected.
    fn wants(&self, change: &Change) -> bool {
        self.begun && is_selected(&self.filter, change)
    }
}

#[derive(Clone, Copy, Debug)]
struct KeyListener {
    lite: bool,
    /// Whether the client wants only new values, as one does that primes a copy of its own.
    priming: bool,
    /// What a truncation made of it.
    after_truncation: AfterTruncation,
}

/// What becomes of a listener for a key when its cache is truncated, as on the reference; see
/// [`ListenerTable::silence_keys`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AfterTruncation {
    /// It was registered later.
    Unharmed,
    /// It hears of nothing.
    Silent,
    /// The client asked for the key among others, and hears of its changes again, but without values.
    Lite,
}

impl KeyListener {
    fn is_lite(&self) -> bool {
        self.after_truncation == AfterTruncation::Lite || (self.lite && !self.priming)
    }

    /// Whether old values go with its events.
    fn wants_old(&self) -> bool {
        !self.is_lite() && !self.priming
    }
}

/// What a listener with a transformer is told of a change.
#[derive(Clone, Debug)]
pub(crate) struct Transformed {
    /// The listener's id.
    pub(crate) filter_id: i64,
    /// What happened.
    pub(crate) kind: EntryEventKind,
    /// The values before and after; `None` for a listener that wants none.
    pub(crate) values: Option<(Option<Binary>, Option<Binary>)>,
}

/// What of a change a client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// The listeners for everything that the change matched, the newest first.
    pub(crate) filter_ids: Vec<i64>,
    /// Whether the old value goes with it.
    pub(crate) old: bool,
    /// Whether the new value goes with it.
    pub(crate) new: bool,
}

/// The listeners that one client registered on one cache: by key, and for everything under an id of its choice.
#[derive(Debug, Default)]
pub(crate) struct ListenerTable {
    filters: BTreeMap<i64, FilterListener>,
    keys: HashMap<(Format, Bytes), KeyListener>,
}

impl ListenerTable {
    /// How many listeners there are.
    #[must_use]
    pub(crate) fn count(&self) -> usize {
        self.filters.len() + self.keys.len()
    }

    /// What to tell of a change; `None` when no listener wants it.
    ///
    /// A listener that wants values is not told of a change that was made without them: such a change came before
    /// the listener did, whose registration is on its way to the cache.
    #[must_use]
    pub(crate) fn told(&self, change: &Change, matched: Matched) -> Option<Told> {
        let mut told = Told {
            filter_ids: Vec::new(),
            old: false,
            new: false,
        };
        let mut heard = false;
        let has_values = change.has_values();
        if matched.all {
            for (id, listener) in self
                .filters
                .iter()
                .rev()
                .filter(|(_, l)| l.filter.transformer.is_none())
                .filter(|(_, l)| (has_values || !l.needs_values()) && l.wants(change))
            {
                heard = true;
                told.filter_ids.push(*id);
                told.old |= !listener.lite;
                told.new |= !listener.lite;
            }
        }
        if matched.key
            && let Ok(key) = Key::new(change.key.clone())
            && let Some(listener) = self.keys.get(&identity_of(&key))
            && listener.after_truncation != AfterTruncation::Silent
            && (has_values || listener.is_lite())
        {
            heard = true;
            told.old |= listener.wants_old();
            told.new |= !listener.is_lite();
        }
        heard.then_some(told)
    }

    /// What to tell of a change that listeners want transformed, to each in an event of its own.
    #[must_use]
    pub(crate) fn transformed(&self, change: &Change, matched: Matched) -> Vec<Transformed> {
        let has_values = change.has_values();
        if !matched.all || !has_values {
            return Vec::new();
        }
        let listeners = self.filters.iter().rev();
        let listeners = listeners.filter(|(_, l)| l.filter.transformer.is_some() && l.wants(change));
        let told = listeners.filter_map(|(id, listener)| {
            let filter = Some(&listener.filter);
            let values = if listener.lite {
                None
            } else {
                Some(told_values(filter, change)?)
            };
            Some(Transformed {
                filter_id: *id,
                kind: told_kind(filter, change),
                values,
            })
        });
        told.collect()
    }

    /// Registers a listener for everything, which is told of nothing before it [begins](Self::begin_filter). One with the
    /// same filter under the id that has begun goes on.
    ///
    /// # Errors
    /// When the id is not positive: 0 stands for none, and the reference takes no others.
    pub(crate) fn add_filter(
        &mut self,
        id: i64,
        filter: EventFilter,
        lite: bool,
    ) -> Result<Registration, Refusal> {
        if id <= 0 {
            return Err(Refusal::invalid(format!(
                "a filter id must be positive, and {id} is not; choose another number"
            )));
        }
        let before = self.filters.get(&id);
        let begun = before.is_some_and(|before| before.begun && before.filter == filter);
        let listener = FilterListener { filter, lite, begun };
        self.filters.insert(id, listener);
        Ok(self.for_all())
    }

    /// A listener for everything is told of changes from now on.
    pub(crate) fn begin_filter(&mut self, id: i64) {
        if let Some(listener) = self.filters.get_mut(&id) {
            listener.begun = true;
        }
    }

    /// Takes a listener for everything back. One that was never registered is not missed.
    pub(crate) fn remove_filter(&mut self, id: i64) -> Registration {
        self.filters.remove(&id);
        self.for_all()
    }

    /// Registers a listener for a key; a second one for the same key takes its place.
    pub(crate) fn add_key(&mut self, key: Key, lite: bool, priming: bool) -> Registration {
        self.keys.insert(
            identity_of(&key),
            KeyListener {
                lite,
                priming,
                after_truncation: AfterTruncation::Unharmed,
            },
        );
        Registration {
            to: ListenTo::Key(key),
            values: Some(!lite || priming),
        }
    }

    /// Takes a listener for a key back. One that was never registered is not missed.
    pub(crate) fn remove_key(&mut self, key: Key) -> Registration {
        self.keys.remove(&identity_of(&key));
        Registration {
            to: ListenTo::Key(key),
            values: None,
        }
    }

    /// Ends the listeners for keys, as the reference does when a cache is truncated. They count until the client
    /// takes them back or registers them again.
    pub(crate) fn silence_keys(&mut self) {
        #[expect(clippy::iter_over_hash_type, reason = "each is changed by itself")]
        for listener in self.keys.values_mut() {
            listener.after_truncation = AfterTruncation::Silent;
        }
    }

    /// The client asks for these keys in one request. On the reference that gives those of its listeners for them that
    /// a truncation silenced half their voice back.
    pub(crate) fn asked_for(&mut self, keys: &[Key]) {
        if self.keys.is_empty() {
            return;
        }
        for key in keys {
            if let Some(listener) = self.keys.get_mut(&identity_of(key))
                && listener.after_truncation == AfterTruncation::Silent
            {
                listener.after_truncation = AfterTruncation::Lite;
            }
        }
    }

    fn for_all(&self) -> Registration {
        let mut all = self.filters.values();
        let values = (!self.filters.is_empty()).then(|| all.any(FilterListener::needs_values));
        Registration {
            to: ListenTo::All,
            values,
        }
    }
}

/// What the cache must be told after a table changed.
///
/// It is told when the table is no longer locked: an event takes the lock of the cache's listeners first and that
/// of the table second, and nobody may take them the other way round.
#[derive(Debug)]
#[must_use]
pub(crate) struct Registration {
    to: ListenTo,
    values: Option<bool>,
}

impl Registration {
    /// Tells the cache. A listener that is added hears nothing before it begins.
    pub(crate) fn make(self, sink: &AttachedSink) -> Option<Quiet> {
        match self.values {
            Some(values) => return Some(sink.listen_quietly(&self.to, values)),
            None => sink.unlisten(&self.to),
        }
        None
    }
}

/// What tells keys apart.
pub(crate) fn identity_of(key: &Key) -> (Format, Bytes) {
    (key.format(), Bytes::copy_from_slice(key.canonical()))
}

#[cfg(test)]
mod tests {
    use grid_core::store::{CacheId, ChangeKind, Sequence};

    use super::*;

    fn change() -> Change {
        let json = |text: &'static str| Binary::new(Format::JSON, Bytes::from_static(text.as_bytes()));
        Change {
            sequence: Sequence::new(1),
            cache: CacheId::new(1),
            key: json("1"),
            kind: ChangeKind::Insert,
            old: None,
            new: Some(json("1")),
            deadline: None,
            expired: false,
        }
    }

    const ALL: Matched = Matched {
        all: true,
        key: false,
    };

    fn ids(table: &ListenerTable) -> Vec<i64> {
        let told = table.told(&change(), ALL);
        told.map(|told| told.filter_ids).unwrap_or_default()
    }

    #[test]
    fn a_listener_is_told_of_nothing_before_it_begins() {
        let mut table = ListenerTable::default();
        let _all = table.add_filter(1, EventFilter::all(), false);
        assert!(ids(&table).is_empty());
        table.begin_filter(1);
        let _all = table.add_filter(2, EventFilter::all(), true);
        assert_eq!(ids(&table), [1]);
        table.begin_filter(2);
        assert_eq!(ids(&table), [2, 1]);
        let _more_values = table.add_filter(2, EventFilter::all(), false);
        assert_eq!(ids(&table), [2, 1], "it goes on");
        let transformer = grid_core::query::EventTransformer::SemiLite;
        let _another = table.add_filter(2, EventFilter::all().transformed(transformer), false);
        assert_eq!(ids(&table), [1]);
        assert!(table.transformed(&change(), ALL).is_empty());
        table.begin_filter(2);
        assert_eq!(table.transformed(&change(), ALL).len(), 1);
    }

    #[test]
    fn a_listener_with_the_filter_of_another_leaves_it_its_voice() {
        let mut table = ListenerTable::default();
        for id in [1, 2] {
            let _all = table.add_filter(id, EventFilter::all(), false);
            table.begin_filter(id);
        }
        assert_eq!(ids(&table), [2, 1]);
        let _one = table.remove_filter(2);
        assert_eq!(ids(&table), [1]);
    }
}

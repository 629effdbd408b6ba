//! What a view shows, and how it changes.

use std::collections::HashMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use xxhash_rust::xxh3::xxh3_128;

use crate::cache::{CacheError, Selected};
use crate::event::{BinaryEntryEvent, EntryEventKind};
use crate::query::QueryEntry;
use crate::value::{self, Binary, Format, Key, ValueError};

use super::{ViewEvent, ViewPlan};

/// What tells keys apart.
pub(super) type Identity = (Format, Box<[u8]>);

pub(super) fn identity_of(key: &Key) -> Identity {
    (key.format(), key.canonical().into())
}

struct Held<K, V> {
    key: Arc<K>,
    /// What is shown; `None` of a key that went while the view reads.
    value: Option<Arc<V>>,
    /// The hash of the value's text: one that stays the same is no change of the view.
    print: u128,
    /// The reading in which the key was heard of or read last.
    reading: u64,
}

/// What a view shows. Decides what events and what was read make of it; gives what is told of it.
pub(super) struct Content<K, V> {
    plan: ViewPlan,
    held: HashMap<Identity, Held<K, V>>,
    len: usize,
    reading: u64,
    is_reading: bool,
}

type Events<K, V> = Vec<ViewEvent<K, V>>;

impl<K, V> Content<K, V> {
    pub(super) fn new(plan: ViewPlan) -> Self {
        Content {
            plan,
            held: HashMap::new(),
            len: 0,
            reading: 0,
            is_reading: false,
        }
    }

    pub(super) fn plan(&self) -> &ViewPlan {
        &self.plan
    }

    pub(super) fn get(&self, identity: &Identity) -> Option<(&Arc<K>, &Arc<V>)> {
        let held = self.held.get(identity)?;
        Some((&held.key, held.value.as_ref()?))
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[expect(clippy::iter_over_hash_type, reason = "entries come in any order")]
    pub(super) fn for_each(&self, mut visit: impl FnMut(&Arc<K>, &Arc<V>)) {
        for held in self.held.values() {
            if let Some(value) = &held.value {
                visit(&held.key, value);
            }
        }
    }

    pub(super) fn entries(&self) -> Vec<(Arc<K>, Arc<V>)> {
        let mut entries = Vec::with_capacity(self.len);
        self.for_each(|key, value| entries.push((key.clone(), value.clone())));
        entries
    }

    /// What the filter selects is read from now on.
    pub(super) fn begin_reading(&mut self) {
        self.reading += 1;
        self.is_reading = true;
    }

    /// How often reading began.
    pub(super) fn readings(&self) -> u64 {
        self.reading
    }

    /// Everything was read: what was neither heard of nor read is not there any more.
    pub(super) fn end_reading(&mut self) -> Events<K, V> {
        self.is_reading = false;
        let mut events = Vec::new();
        let reading = self.reading;
        self.held.retain(|_, held| {
            let Some(value) = &held.value else { return false };
            let stays = held.reading == reading;
            if !stays {
                events.push(ViewEvent::Deleted {
                    key: held.key.clone(),
                    old: value.clone(),
                });
            }
            stays
        });
        self.len = self.held.len();
        events
    }
}

impl<K: DeserializeOwned, V: DeserializeOwned> Content<K, V> {
    /// Takes in what was read of entries.
    pub(super) fn take_read(&mut self, part: Selected) -> Result<Events<K, V>, CacheError> {
        let mut events = Vec::new();
        for (key, value) in part {
            let (Some(key), Some(value)) = (key, value) else {
                let what = "an entry that a view reads came in part".to_owned();
                return Err(CacheError::Protocol { what });
            };
            let read = key_of(&key)?;
            let identity = identity_of(&read);
            let was_heard = |held: &Held<K, V>| held.reading == self.reading;
            if !self.held.get(&identity).is_some_and(was_heard) {
                let value = self.shown(&key, &value)?;
                events.extend(self.set(identity, &key, value)?);
            }
        }
        Ok(events)
    }

    /// Takes in an event.
    pub(super) fn take_event(
        &mut self,
        event: BinaryEntryEvent,
    ) -> Result<Option<ViewEvent<K, V>>, CacheError> {
        let identity = identity_of(&key_of(&event.key)?);
        if event.kind == EntryEventKind::Delete {
            return self.remove(identity, &event.key);
        }
        // An event may spell a null that is stored as no value.
        let new = event
            .new
            .unwrap_or_else(|| Binary::new(Format::JSON, b"null".as_slice().into()));
        let entry = QueryEntry::of(&event.key, Some(&new));
        // What cannot be evaluated is not selected, as where the event came from.
        if !self.plan.filter.evaluate(&entry).unwrap_or_default() {
            return self.remove(identity, &event.key);
        }
        let value = self.shown(&event.key, &new)?;
        self.set(identity, &event.key, value)
    }

    /// What is shown of a value.
    fn shown(&self, key: &Binary, value: &Binary) -> Result<Binary, CacheError> {
        let Some(extractor) = &self.plan.extractor else {
            return Ok(value.clone());
        };
        let invalid = |error: crate::query::QueryError| CacheError::Invalid {
            what: format!("the extractor of a view cannot be used on an entry: {error}"),
        };
        let entry = QueryEntry::of(key, Some(value));
        let extracted = extractor.extract(&entry).map_err(invalid)?;
        let text = extracted.json().map_err(invalid)?.into_owned();
        Ok(Binary::new(Format::JSON, text.into()))
    }

    fn set(
        &mut self,
        identity: Identity,
        key: &Binary,
        value: Binary,
    ) -> Result<Option<ViewEvent<K, V>>, CacheError> {
        let print = xxh3_128(value.bytes());
        let reading = self.reading;
        if let Some(held) = self.held.get_mut(&identity) {
            held.reading = reading;
            if held.value.is_some() && held.print == print {
                return Ok(None);
            }
            let new: Arc<V> = Arc::new(value::from_binary(&value)?);
            held.print = print;
            let key = held.key.clone();
            return Ok(Some(match held.value.replace(new.clone()) {
                Some(old) => ViewEvent::Updated { key, old, new },
                None => {
                    self.len += 1;
                    ViewEvent::Inserted { key, new }
                }
            }));
        }
        self.check_room()?;
        let (key, new) = (
            Arc::new(value::from_binary(key)?),
            Arc::new(value::from_binary(&value)?),
        );
        let held = Held {
            key: Arc::clone(&key),
            value: Some(Arc::clone(&new)),
            print,
            reading,
        };
        self.held.insert(identity, held);
        self.len += 1;
        Ok(Some(ViewEvent::Inserted { key, new }))
    }

    /// A key is not in the view. While it reads that is kept in mind, so that what was read before does not count.
    fn remove(&mut self, identity: Identity, key: &Binary) -> Result<Option<ViewEvent<K, V>>, CacheError> {
        let old = if self.is_reading {
            let reading = self.reading;
            match self.held.get_mut(&identity) {
                Some(held) => {
                    held.reading = reading;
                    held.value.take().map(|old| (held.key.clone(), old))
                }
                None => {
                    self.check_room()?;
                    let held = Held {
                        key: Arc::new(value::from_binary(key)?),
                        value: None,
                        print: 0,
                        reading,
                    };
                    self.held.insert(identity, held);
                    None
                }
            }
        } else {
            let held = self.held.remove(&identity);
            held.and_then(|held| Some((held.key, held.value?)))
        };
        Ok(old.map(|(key, old)| {
            self.len -= 1;
            ViewEvent::Deleted { key, old }
        }))
    }

    fn check_room(&self) -> Result<(), CacheError> {
        let max = self.plan.entries_max;
        if self.held.len() < max {
            return Ok(());
        }
        Err(CacheError::Overloaded {
            what: format!(
                "a view has {max} entries, the most that it may; give it a filter that selects fewer, or a larger \
                 ViewPlan::entries_max"
            ),
        })
    }
}

fn key_of(key: &Binary) -> Result<Key, CacheError> {
    Ok(Key::new(key.clone()).map_err(ValueError::from)?)
}

#[cfg(test)]
#[path = "content_test.rs"]
mod tests;

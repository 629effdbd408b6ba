//! What a view shows, and how it changes.

use std::collections::HashMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use xxhash_rust::xxh3::xxh3_128;

use crate::cache::{CacheError, Selected};
use crate::event::{BinaryEntryEvent, EntryEventKind};
use crate::query::{Extractor, QueryEntry};
use crate::value::{self, Binary, Format, Key, ValueError};

use super::plan::Contents;
use super::room::{Limits, Room};
use super::{ViewEvent, ViewPlan};

/// What tells keys apart.
pub(super) type Identity = (Format, Box<[u8]>);

pub(super) fn identity_of(key: &Key) -> Identity {
    (key.format(), key.canonical().into())
}

/// A null.
fn null() -> Binary {
    Binary::new(Format::JSON, b"null".as_slice().into())
}

/// A change of a view, and of which key it is.
#[derive(Debug)]
pub(super) struct Told<K, V> {
    /// The hash of what tells the key apart.
    pub(super) key: u128,
    pub(super) event: ViewEvent<K, V>,
}

/// The hash by which those who listen to a key know its changes.
pub(super) fn print_of((_, canonical): &Identity) -> u128 {
    xxh3_128(canonical)
}

struct Held<K, V> {
    key: Arc<K>,
    /// What is shown; `None` of a key that went while the view reads.
    value: Option<Arc<V>>,
    /// The hash of the value's text: one that stays the same is no change of the view.
    print: u128,
    /// How many bytes of the room the entry takes.
    bytes: usize,
    /// The reading in which the key was heard of or read last.
    reading: u64,
}

/// What a view shows. Decides what events and what was read make of it; gives what is told of it.
pub(super) struct Content<K, V> {
    plan: ViewPlan,
    /// Whether events say what the selection has of an entry, and not what the entry is.
    hears_selection: bool,
    held: HashMap<Identity, Held<K, V>>,
    room: Room,
    len: usize,
    reading: u64,
    is_reading: bool,
}

type Events<K, V> = Vec<Told<K, V>>;

impl<K, V> Content<K, V> {
    /// Nothing yet. `hears_selection`: events are those of an
    /// [`EventTransformer::Selected`](crate::query::EventTransformer::Selected).
    pub(super) fn new(plan: ViewPlan, hears_selection: bool) -> Self {
        let limits = Limits {
            entries_max: plan.entries_max,
            bytes_max: plan.bytes_max,
        };
        Content {
            plan,
            hears_selection,
            held: HashMap::new(),
            room: Room::new(limits),
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

    /// What its keys and values take.
    pub(super) fn bytes(&self) -> u64 {
        self.room.bytes()
    }

    /// Whether it had no room for something.
    pub(super) fn is_full(&self) -> bool {
        self.room.is_full()
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
        let (reading, room) = (self.reading, &mut self.room);
        self.held.retain(|identity, held| {
            if held.value.is_some() && held.reading == reading {
                return true;
            }
            room.free(held.bytes);
            events.extend(held.value.take().map(|old| Told {
                key: print_of(identity),
                event: ViewEvent::Deleted {
                    key: held.key.clone(),
                    old,
                },
            }));
            false
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
            let value = match (&self.plan.contents, value) {
                (Contents::Keys, _) => Some(null()),
                (_, value) => value,
            };
            let (Some(key), Some(value)) = (key, value) else {
                let what = "an entry that a view reads came in part".to_owned();
                return Err(CacheError::Protocol { what });
            };
            let read = key_of(&key)?;
            let identity = identity_of(&read);
            let was_heard = |held: &Held<K, V>| held.reading == self.reading;
            if !self.held.get(&identity).is_some_and(was_heard) {
                let value = self.shown(&key, value)?;
                events.extend(self.set(identity, &key, &value)?);
            }
        }
        Ok(events)
    }

    /// Takes in an event.
    pub(super) fn take_event(&mut self, event: BinaryEntryEvent) -> Result<Option<Told<K, V>>, CacheError> {
        let identity = identity_of(&key_of(&event.key)?);
        if event.kind == EntryEventKind::Delete {
            return self.remove(identity, &event.key);
        }
        if self.hears_selection {
            let value = self.selected(event.new)?;
            return self.set(identity, &event.key, &value);
        }
        // An event may spell a null that is stored as no value.
        let new = event.new.unwrap_or_else(null);
        let entry = QueryEntry::of(&event.key, Some(&new));
        // What cannot be evaluated is not selected, as where the event came from.
        if !self.plan.filter.evaluate(&entry).unwrap_or_default() {
            return self.remove(identity, &event.key);
        }
        let value = self.shown(&event.key, new)?;
        self.set(identity, &event.key, &value)
    }

    /// What is shown of an entry of which the selection has this.
    fn selected(&self, new: Option<Binary>) -> Result<Binary, CacheError> {
        match (&self.plan.contents, new) {
            (Contents::Keys, _) | (Contents::Values, None) => Ok(null()),
            (_, Some(new)) => Ok(new),
            (Contents::Extracted(_), None) => Err(not_extracted("it takes nothing from the value")),
        }
    }

    /// What is shown of a value.
    fn shown(&self, key: &Binary, value: Binary) -> Result<Binary, CacheError> {
        match &self.plan.contents {
            Contents::Values => Ok(value),
            Contents::Keys => Ok(null()),
            Contents::Extracted(extractor) => extracted(extractor, key, &value),
        }
    }

    fn set(
        &mut self,
        identity: Identity,
        key: &Binary,
        value: &Binary,
    ) -> Result<Option<Told<K, V>>, CacheError> {
        let print = xxh3_128(value.bytes());
        let told = print_of(&identity);
        let reading = self.reading;
        let bytes = identity.1.len() + value.bytes().len();
        let event = if let Some(held) = self.held.get_mut(&identity) {
            held.reading = reading;
            if held.value.is_some() && held.print == print {
                return Ok(None);
            }
            let new: Arc<V> = Arc::new(value::from_binary(value)?);
            self.room.replace(held.bytes, bytes)?;
            (held.print, held.bytes) = (print, bytes);
            let key = held.key.clone();
            match held.value.replace(new.clone()) {
                Some(old) => ViewEvent::Updated { key, old, new },
                None => {
                    self.len += 1;
                    ViewEvent::Inserted { key, new }
                }
            }
        } else {
            let (key, new) = (
                Arc::new(value::from_binary(key)?),
                Arc::new(value::from_binary(value)?),
            );
            self.room.take(self.held.len(), bytes)?;
            let held = Held {
                key: Arc::clone(&key),
                value: Some(Arc::clone(&new)),
                print,
                bytes,
                reading,
            };
            self.held.insert(identity, held);
            self.len += 1;
            ViewEvent::Inserted { key, new }
        };
        Ok(Some(Told { key: told, event }))
    }

    /// A key is not in the view. While it reads that is kept in mind, so that what was read before does not count.
    fn remove(&mut self, identity: Identity, key: &Binary) -> Result<Option<Told<K, V>>, CacheError> {
        let told = print_of(&identity);
        let old = if self.is_reading {
            let reading = self.reading;
            let bytes = identity.1.len();
            if let Some(held) = self.held.get_mut(&identity) {
                held.reading = reading;
                self.room.free(held.bytes - bytes);
                held.bytes = bytes;
                held.value.take().map(|old| (held.key.clone(), old))
            } else {
                let key = Arc::new(value::from_binary(key)?);
                self.room.take(self.held.len(), bytes)?;
                let held = Held {
                    key,
                    value: None,
                    print: 0,
                    bytes,
                    reading,
                };
                self.held.insert(identity, held);
                None
            }
        } else {
            let held = self.held.remove(&identity);
            held.and_then(|held| {
                self.room.free(held.bytes);
                Some((held.key, held.value?))
            })
        };
        Ok(old.map(|(key, old)| {
            self.len -= 1;
            Told {
                key: told,
                event: ViewEvent::Deleted { key, old },
            }
        }))
    }
}

fn not_extracted(why: &str) -> CacheError {
    CacheError::Invalid {
        what: format!("the extractor of a view cannot be used on an entry: {why}"),
    }
}

fn extracted(extractor: &Extractor, key: &Binary, value: &Binary) -> Result<Binary, CacheError> {
    let entry = QueryEntry::of(key, Some(value));
    let extracted = extractor.extract(&entry);
    let text = extracted.and_then(|extracted| Ok(extracted.json()?.into_owned()));
    let text = text.map_err(|error| not_extracted(&error.to_string()))?;
    Ok(Binary::new(Format::JSON, text.into()))
}

fn key_of(key: &Binary) -> Result<Key, CacheError> {
    Ok(Key::new(key.clone()).map_err(ValueError::from)?)
}

#[cfg(test)]
#[path = "content_test.rs"]
mod tests;

//! An entry as a processor of one's own sees it.

use std::fmt;
use std::marker::PhantomData;
use std::num::NonZeroU64;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Around, EntryError};
use crate::processor::{Change, EntryView};
use crate::value::{Binary, Key, from_binary, to_binary, to_key};

/// An entry as a processor of one's own sees it: the one that it was invoked on, or one [beside](Self::beside) it.
///
/// Whatever is done to entries is done in one step after the processor has ended, or not at all when it fails. What was
/// said last counts; values are seen as they will be.
pub struct Entry<'e, K, V> {
    place: Place<'e>,
    around: &'e dyn Around,
    key: K,
    value: PhantomData<fn() -> V>,
}

enum Place<'e> {
    Itself(&'e mut dyn Cell),
    Beside(String, Key),
}

/// What an entry that is worked on can do, whatever it borrows from.
trait Cell {
    fn value(&self) -> Option<Binary>;
    fn change(&mut self, change: Change);
}

impl Cell for EntryView<'_> {
    fn value(&self) -> Option<Binary> {
        EntryView::value(self).cloned()
    }

    fn change(&mut self, change: Change) {
        match change {
            Change::Set(value, None) => self.set(value),
            Change::Set(value, Some(life_ms)) => self.set_for(value, life_ms),
            Change::Remove => self.remove(),
            Change::Touch => self.touch(),
        }
    }
}

impl<'e, K, V> Entry<'e, K, V>
where
    K: DeserializeOwned,
    V: Serialize + DeserializeOwned,
{
    pub(super) fn new<'v: 'e>(
        entry: &'e mut EntryView<'v>,
        around: &'e dyn Around,
    ) -> Result<Self, EntryError> {
        let key = from_binary(entry.key())?;
        Ok(Entry {
            place: Place::Itself(entry),
            around,
            key,
            value: PhantomData,
        })
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &K {
        &self.key
    }

    /// The value, if there is one.
    ///
    /// # Errors
    /// When it is none of the type.
    pub fn value(&self) -> Result<Option<V>, EntryError> {
        let value = self.binary()?;
        Ok(value.map(|value| from_binary(&value)).transpose()?)
    }

    /// Whether there is a value.
    ///
    /// # Errors
    /// When an entry beside cannot be read any more.
    pub fn is_present(&self) -> Result<bool, EntryError> {
        Ok(self.binary()?.is_some())
    }

    /// Sets the value, with a new life of the cache's default.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn set(&mut self, value: &V) -> Result<(), EntryError> {
        self.change(Change::Set(to_binary(value)?, None))
    }

    /// Sets the value, to live so long from when it is set: in whole milliseconds, and one at least. What sets it again or
    /// touches it later gives it a new life.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn set_for(&mut self, value: &V, life: Duration) -> Result<(), EntryError> {
        let life_ms = u64::try_from(life.as_millis()).unwrap_or(u64::MAX);
        let life_ms = NonZeroU64::new(life_ms).unwrap_or(NonZeroU64::MIN);
        self.change(Change::Set(to_binary(value)?, Some(life_ms)))
    }

    /// Takes the entry away, if it is there.
    ///
    /// # Errors
    /// When an entry beside cannot be reached any more.
    pub fn remove(&mut self) -> Result<(), EntryError> {
        self.change(Change::Remove)
    }

    /// Starts the time to live anew, if the entry is there; setting the value does it as well.
    ///
    /// # Errors
    /// When an entry beside cannot be reached any more.
    pub fn touch(&mut self) -> Result<(), EntryError> {
        self.change(Change::Touch)
    }

    /// An entry of another cache, or another one of this cache, in the same partition. Entries with equal keys are in the same
    /// partition when their caches are of one service: partitioned, of the same scope and with as many backups.
    ///
    /// # Errors
    /// When there is no such cache, or the key lies in another partition.
    pub fn beside<L, W>(&self, cache: &str, key: &L) -> Result<Entry<'e, L, W>, EntryError>
    where
        L: Serialize + DeserializeOwned,
        W: Serialize + DeserializeOwned,
    {
        let name = to_key(key)?;
        // Whatever is wrong with it is told here.
        self.around.read(cache, &name)?;
        let key = from_binary(name.spelling())?;
        Ok(Entry {
            place: Place::Beside(cache.to_owned(), name),
            around: self.around,
            key,
            value: PhantomData,
        })
    }

    fn binary(&self) -> Result<Option<Binary>, EntryError> {
        match &self.place {
            Place::Itself(cell) => Ok(cell.value()),
            Place::Beside(cache, key) => self.around.read(cache, key),
        }
    }

    fn change(&mut self, change: Change) -> Result<(), EntryError> {
        match &mut self.place {
            Place::Itself(cell) => {
                cell.change(change);
                Ok(())
            }
            Place::Beside(cache, key) => self.around.change(cache, key, change),
        }
    }
}

impl<K: fmt::Debug, V> fmt::Debug for Entry<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

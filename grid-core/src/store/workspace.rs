//! The entries that one step of work reads and changes, before it is done.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use crate::processor::own::{Around, EntryError, OwnAgents, OwnPlace};
use crate::processor::{Change, Work, Worked};
use crate::store::{CacheId, CacheSettings, STEP_ENTRIES_MAX, Sequence, StepEntry, Want, WorkAnswer};
use crate::value::{Binary, Key};

/// An entry as it was when it was read.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// Its cache.
    pub cache: CacheId,
    /// The settings of the cache.
    pub settings: CacheSettings,
    /// The value, if there is one.
    pub value: Option<Binary>,
    /// The version; `None` without an entry.
    pub version: Option<Sequence>,
}

/// What was read before: the entry, and its version.
#[derive(Clone, Debug)]
pub struct Known {
    /// The cache.
    pub cache: CacheId,
    /// The key.
    pub key: Key,
    /// The version; `None` when there was no entry.
    pub version: Option<Sequence>,
}

/// Reads entries of the partition that is worked in.
pub trait Fetch {
    /// Reads an entry of a cache of this name, if everything that is known is still so at the same moment.
    ///
    /// # Errors
    /// When there is no such cache, the key lies elsewhere, or what is known is not so any more.
    fn fetch(&self, cache: &str, key: &Key, known: &[Known]) -> Result<Fetched, EntryError>;
}

/// The entries that one step reads and changes: each is read once, all as they were at one moment, and seen as it will be.
///
/// Nothing is changed until the [step](Self::into_entries) is done, which needs all to be as they were read.
pub struct Workspace<'f> {
    fetch: &'f dyn Fetch,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    slots: Vec<Slot>,
    /// For each slot.
    known: Vec<Known>,
    /// The slots by the hashes of their keys.
    by_hash: BTreeMap<u64, Vec<usize>>,
    /// The one that is worked on.
    current: Option<usize>,
    overtaken: bool,
    too_many: bool,
}

struct Slot {
    cache: String,
    settings: CacheSettings,
    original: Option<Binary>,
    worked: Worked,
}

impl Slot {
    fn value(&self) -> Option<&Binary> {
        match &self.worked {
            Worked::Set(value, _) => Some(value),
            Worked::Removed => None,
            Worked::Stays | Worked::Touched => self.original.as_ref(),
        }
    }

    fn take(&mut self, worked: Worked) {
        self.worked = match (worked, &self.original) {
            (Worked::Stays, _) => return,
            // Setting what is there already changes nothing, and is told to nobody.
            (Worked::Set(new, None), Some(old))
                if new.format() == old.format() && new.bytes() == old.bytes() =>
            {
                Worked::Touched
            }
            (Worked::Set(new, life_ms), _) => Worked::Set(new, life_ms),
            (Worked::Removed, Some(_)) => Worked::Removed,
            (Worked::Removed, None) => Worked::Stays,
            (Worked::Touched, Some(_)) if matches!(self.worked, Worked::Stays) => Worked::Touched,
            (Worked::Touched, _) => return,
        };
    }
}

impl<'f> Workspace<'f> {
    /// Nothing yet; entries are read there.
    #[must_use]
    pub fn new(fetch: &'f dyn Fetch) -> Self {
        Workspace {
            fetch,
            state: RefCell::default(),
        }
    }

    /// Does work on an entry. Its place among the entries, and what it said.
    ///
    /// # Errors
    /// When the work failed, in words. All of the step is of no use then.
    pub fn work(
        &self,
        cache: &str,
        key: &Key,
        (work, agents): (&dyn Work, &OwnAgents),
    ) -> Result<(usize, WorkAnswer), String> {
        let place = self.slot_of(cache, key).map_err(String::from)?;
        let value = {
            let mut state = self.state.borrow_mut();
            state.current = Some(place);
            state.slots[place].value().cloned()
        };
        let own = OwnPlace { agents, around: self };
        let worked = work.work_beside(key.spelling(), value.as_ref(), own);
        let mut state = self.state.borrow_mut();
        state.current = None;
        let (worked, answer) = worked?;
        state.slots[place].take(worked);
        Ok((place, answer.map_or(WorkAnswer::Passed, WorkAnswer::Said)))
    }

    /// Whether what was read is known not to be so any more.
    #[must_use]
    pub fn is_overtaken(&self) -> bool {
        self.state.borrow().overtaken
    }

    /// Whether more entries were asked for than one step may have.
    #[must_use]
    pub fn is_too_many(&self) -> bool {
        self.state.borrow().too_many
    }

    /// The entries in the order in which they were read, with what becomes of them: nothing when it is not wanted.
    #[must_use]
    pub fn into_entries(self, changes: bool) -> Vec<StepEntry> {
        let State { slots, known, .. } = self.state.into_inner();
        let entry = |(slot, known): (Slot, Known)| StepEntry {
            cache: known.cache,
            settings: slot.settings,
            key: known.key,
            seen: known.version,
            worked: if changes { slot.worked } else { Worked::Stays },
            want: Want::NOTHING,
        };
        slots.into_iter().zip(known).map(entry).collect()
    }

    fn slot_of(&self, cache: &str, key: &Key) -> Result<usize, EntryError> {
        let mut state = self.state.borrow_mut();
        let same = |at: &&usize| state.slots[**at].cache == cache && state.known[**at].key == *key;
        let of_hash = state.by_hash.get(&key.hash());
        if let Some(at) = of_hash.and_then(|slots| slots.iter().find(same)) {
            return Ok(*at);
        }
        if state.slots.len() >= STEP_ENTRIES_MAX {
            state.too_many = true;
            return Err(EntryError::TooMany {
                max: STEP_ENTRIES_MAX,
            });
        }
        let fetched = self.fetch.fetch(cache, key, &state.known);
        state.overtaken |= matches!(fetched, Err(EntryError::Overtaken));
        let fetched = fetched?;
        let place = state.slots.len();
        state.slots.push(Slot {
            cache: cache.to_owned(),
            settings: fetched.settings,
            original: fetched.value,
            worked: Worked::Stays,
        });
        state.known.push(Known {
            cache: fetched.cache,
            key: key.clone(),
            version: fetched.version,
        });
        state.by_hash.entry(key.hash()).or_default().push(place);
        Ok(place)
    }

    /// The place of an entry beside the one that is worked on.
    fn beside(&self, cache: &str, key: &Key) -> Result<usize, EntryError> {
        let place = self.slot_of(cache, key)?;
        if self.state.borrow().current == Some(place) {
            return Err(EntryError::Itself {
                cache: cache.to_owned(),
                key: String::from_utf8_lossy(key.spelling().bytes()).into_owned(),
            });
        }
        Ok(place)
    }
}

impl Around for Workspace<'_> {
    fn read(&self, cache: &str, key: &Key) -> Result<Option<Binary>, EntryError> {
        let place = self.beside(cache, key)?;
        Ok(self.state.borrow().slots[place].value().cloned())
    }

    fn change(&self, cache: &str, key: &Key, change: Change) -> Result<(), EntryError> {
        let place = self.beside(cache, key)?;
        let worked = match change {
            Change::Set(value, life_ms) => Worked::Set(value, life_ms),
            Change::Remove => Worked::Removed,
            Change::Touch => Worked::Touched,
        };
        self.state.borrow_mut().slots[place].take(worked);
        Ok(())
    }
}

impl fmt::Debug for Workspace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Workspace")
    }
}

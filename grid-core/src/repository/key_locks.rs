//! One operation on a key at a time.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};

use futures::lock::{Mutex, MutexGuard};

/// How many locks the keys of a repository share.
const STRIPES: usize = 64;

/// Locks that may be held across an await, each shared by the keys that hash to it.
#[derive(Debug)]
pub(super) struct KeyLocks {
    stripes: Vec<Mutex<()>>,
}

/// The locks of some keys, until it is dropped.
#[derive(Debug)]
pub(super) struct KeysLocked<'a> {
    _guards: Vec<MutexGuard<'a, ()>>,
    /// Whether someone else held one of them when it was asked for.
    pub(super) waited: bool,
}

impl KeyLocks {
    pub(super) fn new() -> Self {
        KeyLocks {
            stripes: (0..STRIPES).map(|_| Mutex::new(())).collect(),
        }
    }

    fn stripe<K: Hash>(key: &K) -> usize {
        let hash = BuildHasherDefault::<DefaultHasher>::new().hash_one(key);
        usize::try_from(hash % STRIPES as u64).unwrap_or(0)
    }

    /// Locks all of these keys. Locks are taken in the order of their numbers, so that two callers with several
    /// keys each cannot wait for each other.
    pub(super) async fn lock<'k, K: Hash + 'k>(
        &self,
        keys: impl IntoIterator<Item = &'k K>,
    ) -> KeysLocked<'_> {
        let mut wanted = [false; STRIPES];
        for key in keys {
            wanted[Self::stripe(key)] = true;
        }
        let mut guards = Vec::new();
        let mut waited = false;
        for (stripe, _) in self.stripes.iter().zip(wanted).filter(|(_, wanted)| *wanted) {
            match stripe.try_lock() {
                Some(guard) => guards.push(guard),
                None => {
                    waited = true;
                    guards.push(stripe.lock().await);
                }
            }
        }
        KeysLocked {
            _guards: guards,
            waited,
        }
    }
}

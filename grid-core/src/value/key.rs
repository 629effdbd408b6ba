//! Keys and their canonical form.

use bytes::Bytes;

use super::{Binary, Format};

/// A key that cannot be used as one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {}

/// A key: the spelling that its writer used, its canonical form, and the hash of that form.
///
/// Two keys are the same key when their formats and canonical forms are equal.
#[derive(Clone, Debug)]
pub struct Key {
    spelling: Binary,
    /// `None` when the spelling is canonical already.
    canonical: Option<Bytes>,
    hash: u64,
}

impl Key {
    /// Makes a key of its spelling.
    ///
    /// # Errors
    /// When the bytes are not of their format.
    pub fn new(spelling: Binary) -> Result<Self, KeyError> {
        let hash = xxhash_rust::xxh3::xxh3_64(spelling.bytes());
        Ok(Key { spelling, canonical: None, hash })
    }

    /// The key as its writer spelled it.
    #[must_use]
    pub fn spelling(&self) -> &Binary {
        &self.spelling
    }

    /// The format of the key.
    #[must_use]
    pub fn format(&self) -> Format {
        self.spelling.format()
    }

    /// The canonical form of the key, by which keys are compared.
    #[must_use]
    pub fn canonical(&self) -> &[u8] {
        self.canonical.as_ref().unwrap_or(self.spelling.bytes())
    }

    /// Whether the spelling is the canonical form.
    #[must_use]
    pub fn is_canonical(&self) -> bool {
        self.canonical.is_none()
    }

    /// xxh3-64 with seed 0 of the canonical form.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.hash
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.format() == other.format() && self.canonical() == other.canonical()
    }
}

impl Eq for Key {}

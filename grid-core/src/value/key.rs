//! Keys and their canonical form.

use std::borrow::Cow;

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

use super::association::placing;
use super::json::{self, JsonError};
use super::{Binary, Format};

/// A key that cannot be used as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The bytes are not JSON.
    #[error("the key is no JSON value: {0}")]
    Json(#[from] JsonError),
    /// The key has no bytes at all.
    #[error("a key of zero bytes; send a key in its format")]
    Empty,
}

/// A key: the spelling that its writer used, its canonical form, the hash of that form, and the hash by which it is placed.
///
/// Two keys are the same key when their formats and canonical forms are equal.
#[derive(Clone, Debug)]
pub struct Key {
    spelling: Binary,
    /// `None` when the spelling is canonical already.
    canonical: Option<Bytes>,
    hash: u64,
    placement: u64,
}

impl Key {
    /// Makes a key of its spelling. The bytes of a format that cannot be read here are their own canonical form.
    ///
    /// # Errors
    /// When there are no bytes, or they are not of their format.
    pub fn new(spelling: Binary) -> Result<Self, KeyError> {
        if spelling.bytes().is_empty() {
            return Err(KeyError::Empty);
        }
        let canonical = if spelling.format() == Format::JSON {
            match json::canonical(spelling.bytes())? {
                Cow::Borrowed(_) => None,
                Cow::Owned(text) => Some(Bytes::from(text)),
            }
        } else {
            None
        };
        let text = canonical.as_ref().unwrap_or(spelling.bytes());
        let hash = xxh3_64(text);
        let placed_by = match spelling.format() {
            Format::JSON => placing(text),
            _ => text,
        };
        let placement = match placed_by.len() == text.len() {
            true => hash,
            false => xxh3_64(placed_by),
        };
        Ok(Key {
            spelling,
            canonical,
            hash,
            placement,
        })
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

    /// What decides the partition in which the key lies: xxh3-64 with seed 0 of the canonical form of its associated
    /// key ([`AssociatedKey`](super::AssociatedKey)), of the last one when that has one too, or of its own.
    #[must_use]
    pub fn placement(&self) -> u64 {
        self.placement
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.format() == other.format() && self.canonical() == other.canonical()
    }
}

impl Eq for Key {}

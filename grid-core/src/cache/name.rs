//! The name of a cache.

use std::fmt;
use std::sync::Arc;

/// The longest cache name, in bytes.
const NAME_LEN_MAX: usize = 255;

/// A text that cannot name a cache.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CacheNameError {
    /// The name is empty.
    #[error("a cache name cannot be empty")]
    Empty,
    /// The name is too long.
    #[error("the cache name has {len} bytes; at most {NAME_LEN_MAX} are allowed")]
    TooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// The name has a control character in it.
    #[error("the cache name has a control character at byte {offset}")]
    ControlCharacter {
        /// Where, in bytes.
        offset: usize,
    },
}

/// The name of a cache: 1 to 255 bytes of UTF-8 without control characters. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CacheName(Arc<str>);

impl CacheName {
    /// Checks a name.
    ///
    /// # Errors
    /// When the name is empty, longer than 255 bytes, or has a control character.
    pub fn new(name: &str) -> Result<Self, CacheNameError> {
        if name.is_empty() {
            return Err(CacheNameError::Empty);
        }
        if name.len() > NAME_LEN_MAX {
            return Err(CacheNameError::TooLong { len: name.len() });
        }
        if let Some((offset, _)) = name.char_indices().find(|(_, c)| c.is_control()) {
            return Err(CacheNameError::ControlCharacter { offset });
        }
        Ok(CacheName(name.into()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CacheName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for CacheName {
    type Err = CacheNameError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        CacheName::new(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        assert_eq!(CacheName::new(""), Err(CacheNameError::Empty));
        assert_eq!(
            CacheName::new(&"x".repeat(256)),
            Err(CacheNameError::TooLong { len: 256 })
        );
        assert_eq!(
            CacheName::new("a\u{7}b"),
            Err(CacheNameError::ControlCharacter { offset: 1 })
        );
        assert_eq!(
            CacheName::new("Bestellungen é").unwrap().as_str(),
            "Bestellungen é"
        );
    }
}

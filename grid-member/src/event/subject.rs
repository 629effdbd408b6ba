//! What can be listened to.

use bytes::Bytes;
use grid_core::event::ListenTo;
use grid_core::value::{Binary, Format, Key};

use crate::wire::{Reader, WireError, Writer};

/// What of a cache is listened to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// Every key.
    All,
    /// The key with this identity: its format and its canonical form.
    Key((Format, Bytes)),
    /// No key: that the last changes are kept, for those who [follow](crate::cache::OpenCache::follow) the cache.
    Kept,
}

/// What those who listen want to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Whether values are wanted.
    pub values: bool,
}

impl Subject {
    /// What a listener asks for.
    #[must_use]
    pub fn of(to: &ListenTo) -> Self {
        match to {
            ListenTo::Key(key) => Self::of_key(key),
            _ => Subject::All,
        }
    }

    /// A key.
    #[must_use]
    pub fn of_key(key: &Key) -> Self {
        Subject::Key((key.format(), Bytes::copy_from_slice(key.canonical())))
    }

    /// About how many bytes it has.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Subject::All | Subject::Kept => 1,
            Subject::Key((_, canonical)) => 8 + canonical.len(),
        }
    }

    /// Writes it.
    pub fn write(&self, out: &mut Writer) {
        match self {
            Subject::All => out.u8(0),
            Subject::Kept => out.u8(2),
            Subject::Key((format, canonical)) => {
                out.u8(1);
                out.format(*format);
                out.bytes(canonical);
            }
        }
    }

    /// Reads one.
    ///
    /// # Errors
    /// When the body is damaged, or the key is none.
    pub fn read(body: &mut Reader) -> Result<Self, WireError> {
        match body.u8()? {
            0 => return Ok(Subject::All),
            1 => {}
            2 => return Ok(Subject::Kept),
            _ => {
                return Err(WireError {
                    what: "what is listened to is nothing",
                });
            }
        }
        let format = body.format()?;
        let key = Key::new(Binary::new(format, body.bytes()?)).map_err(|_error| WireError {
            what: "a key that is listened to is none",
        })?;
        // The frame that it came with is let go.
        Ok(Self::of_key(&key))
    }
}

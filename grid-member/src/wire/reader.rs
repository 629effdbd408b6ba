//! Reading a body.

use bytes::{Buf, Bytes};

/// A body that is none: damaged, or of a program that speaks otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a message of another member makes no sense: {what}; do both run versions that may be mixed?")]
pub struct WireError {
    /// What is wrong with it.
    pub what: &'static str,
}

/// Reads the body of a frame. What it gives shares the memory of the frame.
#[derive(Debug)]
pub struct Reader {
    rest: Bytes,
}

impl Reader {
    /// Reads this body.
    #[must_use]
    pub fn new(body: Bytes) -> Self {
        Reader { rest: body }
    }

    fn need(&self, len: usize) -> Result<(), WireError> {
        if self.rest.len() < len {
            return Err(WireError {
                what: "it ends too early",
            });
        }
        Ok(())
    }

    /// Reads a byte.
    ///
    /// # Errors
    /// When the body ends too early, as everywhere.
    pub fn u8(&mut self) -> Result<u8, WireError> {
        self.need(1)?;
        Ok(self.rest.get_u8())
    }

    /// Reads whether something is so.
    ///
    /// # Errors
    /// When the byte is neither 0 nor 1.
    pub fn bool(&mut self) -> Result<bool, WireError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(WireError {
                what: "a yes or no is neither",
            }),
        }
    }

    /// Reads a number of 16 bits.
    ///
    /// # Errors
    /// When the body ends too early.
    pub fn u16(&mut self) -> Result<u16, WireError> {
        self.need(2)?;
        Ok(self.rest.get_u16_le())
    }

    /// Reads a number of up to 64 bits.
    ///
    /// # Errors
    /// When the number is longer.
    pub fn varint(&mut self) -> Result<u64, WireError> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(WireError {
            what: "a number is too long",
        })
    }

    /// Reads how many things follow, each of which takes at least so many bytes.
    ///
    /// # Errors
    /// When there can't be so many in what is left.
    pub fn count(&mut self, bytes_min: usize) -> Result<usize, WireError> {
        let count = usize::try_from(self.varint()?).unwrap_or(usize::MAX);
        if count
            .checked_mul(bytes_min.max(1))
            .is_none_or(|bytes| bytes > self.rest.len())
        {
            return Err(WireError {
                what: "it announces more than it holds",
            });
        }
        Ok(count)
    }

    /// Reads a number of 128 bits.
    ///
    /// # Errors
    /// When the body ends too early.
    pub fn u128(&mut self) -> Result<u128, WireError> {
        self.need(16)?;
        Ok(self.rest.get_u128_le())
    }

    /// Reads bytes with their length.
    ///
    /// # Errors
    /// When the body ends too early.
    pub fn bytes(&mut self) -> Result<Bytes, WireError> {
        let len = self.count(1)?;
        Ok(self.rest.split_to(len))
    }

    /// Whether everything was read.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// When something is left.
    pub fn end(&self) -> Result<(), WireError> {
        if self.is_at_end() {
            Ok(())
        } else {
            Err(WireError {
                what: "it is longer than what it says",
            })
        }
    }
}

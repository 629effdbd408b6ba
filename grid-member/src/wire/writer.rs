//! Writing a body.

use bytes::{BufMut, Bytes, BytesMut};

/// Bytes up to this size are copied beside their neighbours; larger ones are a piece of their own.
const COPIED_MAX: usize = 4_096;

/// Writes the body of a frame as a list of pieces.
#[derive(Debug, Default)]
pub struct Writer {
    pieces: Vec<Bytes>,
    open: BytesMut,
}

impl Writer {
    /// An empty body.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty body with room for so many bytes.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Writer {
            pieces: Vec::new(),
            open: BytesMut::with_capacity(bytes),
        }
    }

    /// Writes a byte.
    pub fn u8(&mut self, value: u8) {
        self.open.put_u8(value);
    }

    /// Writes whether something is so.
    pub fn bool(&mut self, value: bool) {
        self.open.put_u8(u8::from(value));
    }

    /// Writes a number of 16 bits.
    pub fn u16(&mut self, value: u16) {
        self.open.put_u16_le(value);
    }

    /// Writes a number of 64 bits, shorter when it is small.
    pub fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.open.put_u8((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        #[expect(clippy::cast_possible_truncation, reason = "it is below 128")]
        self.open.put_u8(value as u8);
    }

    /// Writes a length.
    pub fn len(&mut self, len: usize) {
        self.varint(len as u64);
    }

    /// Writes a number of 128 bits.
    pub fn u128(&mut self, value: u128) {
        self.open.put_u128_le(value);
    }

    /// Writes bytes with their length.
    pub fn bytes(&mut self, bytes: &Bytes) {
        self.len(bytes.len());
        if bytes.len() <= COPIED_MAX {
            self.open.put_slice(bytes);
        } else {
            self.close_piece();
            self.pieces.push(bytes.clone());
        }
    }

    /// Writes bytes with their length, copied.
    pub fn slice(&mut self, bytes: &[u8]) {
        self.len(bytes.len());
        self.open.put_slice(bytes);
    }

    /// The pieces of the body.
    #[must_use]
    pub fn finish(mut self) -> Vec<Bytes> {
        self.close_piece();
        self.pieces
    }

    fn close_piece(&mut self) {
        if !self.open.is_empty() {
            self.pieces.push(self.open.split().freeze());
        }
    }
}

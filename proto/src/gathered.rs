//! Small pieces written together.

use bytes::BufMut;

/// So many bytes are gathered before they are written.
const GATHERED_BYTES: usize = 256;

/// Longer pieces are written by themselves.
const PIECE_BYTES_MAX: usize = 64;

/// What a message [is written](crate::wire::Encode::write) to.
///
/// A frame is some thirty fields of a few bytes around a value. A buffer that grows looks at each of them whether there is
/// room; here they are put side by side first.
#[derive(Debug)]
pub struct Gathered<'b, B> {
    buf: &'b mut B,
    bytes: [u8; GATHERED_BYTES],
    len: usize,
}

impl<'b, B: BufMut> Gathered<'b, B> {
    /// Nothing yet. What is gathered is written to the buffer by [`end`](Self::end) at last.
    pub fn new(buf: &'b mut B) -> Self {
        let bytes = [0; GATHERED_BYTES];
        Gathered { buf, bytes, len: 0 }
    }

    /// Writes a byte.
    pub fn byte(&mut self, byte: u8) {
        self.slice(&[byte]);
    }

    /// Writes bytes.
    pub fn slice(&mut self, piece: &[u8]) {
        if piece.len() > PIECE_BYTES_MAX {
            self.buffer().put_slice(piece);
            return;
        }
        if self.len + piece.len() > GATHERED_BYTES {
            self.buffer();
        }
        if let Some(room) = self.bytes.get_mut(self.len..self.len + piece.len()) {
            room.copy_from_slice(piece);
            self.len += piece.len();
        }
    }

    /// Writes a number, seven bits a byte.
    pub fn varint(&mut self, mut value: u64) {
        let mut bytes = [0; 10];
        let mut len = 0;
        for byte in &mut bytes {
            len += 1;
            // The lowest seven bits.
            *byte = (value & 0x7f) as u8;
            value >>= 7;
            if value == 0 {
                break;
            }
            *byte |= 0x80;
        }
        self.slice(bytes.get(..len).unwrap_or_default());
    }

    /// The buffer, after what was gathered is in it.
    pub fn buffer(&mut self) -> &mut B {
        self.buf.put_slice(self.bytes.get(..self.len).unwrap_or_default());
        self.len = 0;
        self.buf
    }

    /// Writes what was gathered.
    pub fn end(mut self) {
        self.buffer();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::encoding::encode_varint;

    use super::*;

    proptest! {
        #[test]
        fn pieces_come_in_their_order(pieces in prop::collection::vec((any::<u64>(), 0..64_u32, any::<u8>(), 0..200_usize), 0..60)) {
            let (mut gathered, mut plain) = (Vec::new(), Vec::new());
            let mut writer = Gathered::new(&mut gathered);
            for (number, shift, byte, len) in pieces {
                let piece = vec![byte; len];
                writer.varint(number >> shift);
                writer.slice(&piece);
                writer.byte(byte);
                encode_varint(number >> shift, &mut plain);
                plain.extend_from_slice(&piece);
                plain.push(byte);
            }
            writer.end();
            prop_assert_eq!(gathered, plain);
        }
    }
}

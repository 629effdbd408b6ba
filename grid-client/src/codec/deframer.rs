//! Messages cut out of the byte stream of a gRPC call.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};

/// The length of what stands before each gRPC message: a compression flag, and the length as 4 bytes.
pub(crate) const HEADER_LEN: usize = 5;

/// How much of a message that is too long is read, to find out which request it answers.
const HEAD_LEN: usize = 16;

/// What comes out of the stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// A whole message.
    Message(Bytes),
    /// A message longer than the limit. Its bytes are skipped as they come.
    TooLong {
        /// Its first bytes.
        head: Bytes,
        /// Its length.
        len: usize,
    },
}

/// A message with a compression that nobody asked for.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server sent a compressed message (flag {flag}), though no compression was agreed on")]
pub(crate) struct Compressed {
    flag: u8,
}

/// Cuts messages out of chunks. A message that lies in one chunk is a slice of it, not a copy.
#[derive(Debug)]
pub(crate) struct Deframer {
    chunks: VecDeque<Bytes>,
    /// The length of all chunks.
    len: usize,
    /// How many bytes of a message that is too long are still to be skipped.
    skip: usize,
    message_len_max: usize,
}

impl Deframer {
    pub(crate) fn new(message_len_max: usize) -> Self {
        Deframer {
            chunks: VecDeque::new(),
            len: 0,
            skip: 0,
            message_len_max,
        }
    }

    /// Takes a chunk of the stream.
    pub(crate) fn push(&mut self, mut chunk: Bytes) {
        let skipped = self.skip.min(chunk.len());
        chunk.advance(skipped);
        self.skip -= skipped;
        if !chunk.is_empty() {
            self.len += chunk.len();
            self.chunks.push_back(chunk);
        }
    }

    /// The next message; `None` until more chunks come.
    ///
    /// # Errors
    /// When the message is compressed. The stream cannot be read on.
    pub(crate) fn next(&mut self) -> Result<Option<Piece>, Compressed> {
        let Some((flag, len)) = self.header() else {
            return Ok(None);
        };
        if flag != 0 {
            return Err(Compressed { flag });
        }
        if len > self.message_len_max {
            if self.len < HEADER_LEN + HEAD_LEN {
                return Ok(None);
            }
            self.take(HEADER_LEN);
            let head = self.take(HEAD_LEN);
            self.skip = len.saturating_sub(HEAD_LEN);
            for chunk in std::mem::take(&mut self.chunks) {
                self.len -= chunk.len();
                self.push(chunk);
            }
            return Ok(Some(Piece::TooLong { head, len }));
        }
        if self.len < HEADER_LEN + len {
            return Ok(None);
        }
        self.take(HEADER_LEN);
        Ok(Some(Piece::Message(self.take(len))))
    }

    fn header(&self) -> Option<(u8, usize)> {
        if self.len < HEADER_LEN {
            return None;
        }
        let mut header = [0; HEADER_LEN];
        match self.chunks.front() {
            Some(chunk) if chunk.len() >= HEADER_LEN => header.copy_from_slice(&chunk[..HEADER_LEN]),
            _ => {
                let bytes = self.chunks.iter().flat_map(|chunk| chunk.iter());
                header.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
            }
        }
        let [flag, len @ ..] = header;
        Some((
            flag,
            usize::try_from(u32::from_be_bytes(len)).unwrap_or(usize::MAX),
        ))
    }

    /// The next `len` bytes, which must be there.
    fn take(&mut self, len: usize) -> Bytes {
        self.len -= len;
        let Some(front) = self.chunks.front_mut() else {
            return Bytes::new();
        };
        if front.len() > len {
            return front.split_to(len);
        }
        if front.len() == len {
            return self.chunks.pop_front().unwrap_or_default();
        }
        let mut joined = BytesMut::with_capacity(len);
        while joined.len() < len {
            let Some(front) = self.chunks.front_mut() else {
                break;
            };
            let part = front.split_to(front.len().min(len - joined.len()));
            if front.is_empty() {
                self.chunks.pop_front();
            }
            joined.extend_from_slice(&part);
        }
        joined.freeze()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn framed(messages: &[Vec<u8>]) -> Vec<u8> {
        let mut stream = Vec::new();
        for message in messages {
            stream.push(0);
            stream.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
            stream.extend_from_slice(message);
        }
        stream
    }

    proptest! {
        #[test]
        fn any_cut_of_the_stream_gives_the_same_messages(
            messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..90), 0..8),
            chunk_len in 1usize..60,
        ) {
            const LIMIT: usize = 40;
            let mut deframer = Deframer::new(LIMIT);
            let mut pieces = Vec::new();
            for chunk in framed(&messages).chunks(chunk_len) {
                deframer.push(Bytes::copy_from_slice(chunk));
                while let Some(piece) = deframer.next().unwrap() {
                    pieces.push(piece);
                }
            }
            let want: Vec<Piece> = messages.iter().map(|message| {
                if message.len() > LIMIT {
                    Piece::TooLong { head: message[..HEAD_LEN].to_vec().into(), len: message.len() }
                } else {
                    Piece::Message(message.clone().into())
                }
            }).collect();
            prop_assert_eq!(pieces, want);
        }
    }

    #[test]
    fn a_compressed_message_is_refused() {
        let mut deframer = Deframer::new(100);
        deframer.push(Bytes::from_static(&[1, 0, 0, 0, 0]));
        assert_eq!(deframer.next(), Err(Compressed { flag: 1 }));
    }
}

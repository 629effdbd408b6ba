//! Bytes of a stream to frames, without a copy of what is large.

use bytes::buf::Limit;
use bytes::{BufMut, Bytes, BytesMut};

use super::header::{FrameError, HEADER_LEN, Header};

/// How much is read at a time, in bytes.
const READ_LEN: usize = 64 << 10;

/// With less room than this, in bytes, a new buffer is begun.
const ROOM_MIN: usize = 4 << 10;

/// A payload that is longer than this, in bytes, and not there yet, gets a buffer of its exact length.
const EXACT_FROM: usize = 32 << 10;

/// A frame: its header, and the payload as a slice of what was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What the frame is.
    pub header: Header,
    /// What it brings.
    pub payload: Bytes,
}

/// A payload that comes into a buffer of its own.
#[derive(Debug)]
struct Large {
    header: Header,
    payload: BytesMut,
}

/// Cuts a stream into frames. Reading goes into [`Decoder::space`]; frames come out of [`Decoder::next_frame`].
///
/// Small payloads are slices of the receive buffer, which lives as long as one of them does: who keeps a small payload
/// for long should copy it.
#[derive(Debug)]
pub struct Decoder {
    buf: BytesMut,
    large: Option<Large>,
    payload_max: usize,
}

impl Decoder {
    /// A decoder that takes payloads up to `payload_max` bytes.
    #[must_use]
    pub fn new(payload_max: usize) -> Self {
        Self::after(BytesMut::new(), payload_max)
    }

    /// A decoder that begins with bytes which were received already.
    #[must_use]
    pub fn after(received: BytesMut, payload_max: usize) -> Self {
        Decoder {
            buf: received,
            large: None,
            payload_max,
        }
    }

    /// Takes payloads up to `payload_max` bytes from the next header on.
    pub fn set_payload_max(&mut self, payload_max: usize) {
        self.payload_max = payload_max;
    }

    /// Where to read to. Never empty, and never more than belongs there.
    pub fn space(&mut self) -> Limit<&mut BytesMut> {
        if let Some(large) = &mut self.large {
            let missing = large.missing();
            return (&mut large.payload).limit(missing);
        }
        if self.buf.capacity() - self.buf.len() < ROOM_MIN {
            self.buf.reserve(READ_LEN);
        }
        let room = self.buf.capacity() - self.buf.len();
        (&mut self.buf).limit(room)
    }

    /// Appends bytes, as if they had been read into [`Decoder::space`]; for those that have them at hand.
    pub fn push(&mut self, mut bytes: &[u8]) {
        if let Some(large) = &mut self.large {
            let (here, rest) = bytes.split_at(bytes.len().min(large.missing()));
            large.payload.extend_from_slice(here);
            bytes = rest;
        }
        self.buf.extend_from_slice(bytes);
    }

    /// The next frame, or `None` until more was read.
    ///
    /// # Errors
    /// The bytes are no frame. The decoder is of no use any more.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        if let Some(large) = &self.large {
            if large.missing() > 0 {
                return Ok(None);
            }
            let frame = self.large.take().map(|large| Frame {
                header: large.header,
                payload: large.payload.freeze(),
            });
            return Ok(frame);
        }
        let Some(head) = self.buf.first_chunk::<HEADER_LEN>() else {
            return Ok(None);
        };
        let header = Header::decode(head, self.payload_max)?;
        let payload_len = header.len();
        if self.buf.len() >= HEADER_LEN + payload_len {
            let mut frame = self.buf.split_to(HEADER_LEN + payload_len);
            let payload = frame.split_off(HEADER_LEN).freeze();
            return Ok(Some(Frame { header, payload }));
        }
        if payload_len > EXACT_FROM {
            let mut payload = BytesMut::with_capacity(payload_len);
            payload.extend_from_slice(&self.buf[HEADER_LEN..]);
            self.buf.clear();
            self.large = Some(Large { header, payload });
        } else {
            self.buf.reserve(HEADER_LEN + payload_len - self.buf.len());
        }
        Ok(None)
    }

    /// Whether the stream may end here: between two frames.
    #[must_use]
    pub fn is_between_frames(&self) -> bool {
        self.buf.is_empty() && self.large.is_none()
    }
}

impl Large {
    fn missing(&self) -> usize {
        self.header.len() - self.payload.len()
    }
}

impl Header {
    fn len(&self) -> usize {
        // Decoding compared it with a limit that is a usize.
        usize::try_from(self.payload_len).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::member::{FrameKind, PAYLOAD_MAX};

    fn frames_of(decoder: &mut Decoder) -> Vec<Frame> {
        std::iter::from_fn(|| decoder.next_frame().unwrap()).collect()
    }

    fn encoded(frames: &[Frame]) -> Vec<u8> {
        let parts = frames.iter().map(|frame| {
            let mut bytes = frame.header.encode().to_vec();
            bytes.extend_from_slice(&frame.payload);
            bytes
        });
        parts.flatten().collect()
    }

    fn frame(number: u64, payload_len: u32) -> Frame {
        let fill = number.to_le_bytes()[0];
        Frame {
            header: Header::new(FrameKind::Answer, 0, number, payload_len),
            payload: vec![fill; usize::try_from(payload_len).unwrap()].into(),
        }
    }

    #[test]
    fn a_long_payload_gets_its_exact_buffer() {
        let sent = frame(1, 1 << 20);
        let bytes = encoded(std::slice::from_ref(&sent));
        let mut decoder = Decoder::new(PAYLOAD_MAX);
        decoder.push(&bytes[..100]);
        assert_eq!(decoder.next_frame(), Ok(None));
        assert_eq!(decoder.space().remaining_mut(), bytes.len() - 100);
        decoder.space().put_slice(&bytes[100..]);
        assert_eq!(frames_of(&mut decoder), [sent]);
        assert!(decoder.is_between_frames());
    }

    #[test]
    fn a_long_header_sets_no_memory_aside() {
        let mut head = Header::new(FrameKind::OneWay, 1, 0, 0).encode();
        head[..4].fill(0xFF);
        let mut decoder = Decoder::new(PAYLOAD_MAX);
        decoder.push(&head);
        let before = decoder.buf.capacity();
        assert!(matches!(
            decoder.next_frame(),
            Err(FrameError::TooLong {
                payload_len: u32::MAX,
                ..
            })
        ));
        assert!(decoder.large.is_none() && decoder.buf.capacity() == before);
    }

    #[test]
    fn there_is_always_room_to_read() {
        let mut decoder = Decoder::new(PAYLOAD_MAX);
        let bytes = encoded(&[frame(1, 20_000), frame(2, 40_000), frame(3, 0)]);
        for byte in &bytes {
            assert!(decoder.space().has_remaining_mut());
            decoder.space().put_u8(*byte);
            frames_of(&mut decoder);
        }
        assert!(decoder.is_between_frames());
    }

    proptest! {
        #[test]
        fn frames_come_out_as_they_went_in(
            lens in prop::collection::vec(prop_oneof![0..100u32, 30_000..80_000u32], 0..12),
            cuts in prop::collection::vec(1..50_000usize, 1..40),
        ) {
            let sent: Vec<_> = (1..).zip(&lens).map(|(number, len)| frame(number, *len)).collect();
            let bytes = encoded(&sent);
            let (mut rest, mut decoder, mut got) = (&bytes[..], Decoder::new(PAYLOAD_MAX), Vec::new());
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let mut space = decoder.space();
                let (now, later) = rest.split_at((*cut).min(rest.len()).min(space.remaining_mut()));
                space.put_slice(now);
                rest = later;
                got.extend(frames_of(&mut decoder));
            }
            prop_assert_eq!(got, sent);
            prop_assert!(decoder.is_between_frames());
        }

        #[test]
        fn garbage_ends_in_an_error_or_waits(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut decoder = Decoder::new(1000);
            decoder.push(&bytes);
            let mut taken = 0;
            while let Ok(Some(frame)) = decoder.next_frame() {
                taken += HEADER_LEN + frame.payload.len();
            }
            prop_assert!(taken <= bytes.len());
        }
    }
}

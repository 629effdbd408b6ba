//! The sixteen bytes before every payload.

use thiserror::Error;

/// The length of a header.
pub const HEADER_LEN: usize = 16;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FrameKind {
    /// Who the sender is: [`Hello`](super::Hello).
    Hello = 1,
    /// The dialer goes on with what the listener said about itself.
    Accept = 2,
    /// The sender does not talk to the receiver: [`Refusal`](super::Refusal).
    Refusal = 3,
    /// A numbered request, from the dialer. `op` is its kind.
    Request = 4,
    /// The answer to the request with the same number.
    Answer = 5,
    /// The request with the same number got no answer: [`Failure`](super::Failure). `op` is its code.
    Failed = 6,
    /// A message that wants no answer, from the dialer. `op` is its kind.
    OneWay = 7,
    /// The last frame of a sender that closes: [`Bye`](super::Bye). `op` is its code.
    Bye = 8,
}

impl FrameKind {
    fn of(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Hello,
            2 => Self::Accept,
            3 => Self::Refusal,
            4 => Self::Request,
            5 => Self::Answer,
            6 => Self::Failed,
            7 => Self::OneWay,
            8 => Self::Bye,
            _ => return None,
        })
    }

    fn has_op(self) -> bool {
        matches!(self, Self::Request | Self::Failed | Self::OneWay | Self::Bye)
    }

    fn has_number(self) -> bool {
        matches!(self, Self::Request | Self::Answer | Self::Failed)
    }
}

/// What stands before a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the frame is.
    pub kind: FrameKind,
    /// What it is about, 0 where its kind says all.
    pub op: u8,
    /// The number of the request that it belongs to, 0 where there is none.
    pub number: u64,
    /// The length of the payload in bytes.
    pub payload_len: u32,
}

impl Header {
    /// A header.
    #[must_use]
    pub const fn new(kind: FrameKind, op: u8, number: u64, payload_len: u32) -> Self {
        Header {
            kind,
            op,
            number,
            payload_len,
        }
    }

    /// The bytes of the header.
    #[must_use]
    pub fn encode(&self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[..4].copy_from_slice(&self.payload_len.to_le_bytes());
        bytes[4] = self.kind as u8;
        bytes[5] = self.op;
        bytes[8..].copy_from_slice(&self.number.to_le_bytes());
        bytes
    }

    /// Reads a header.
    ///
    /// # Errors
    /// The payload is longer than `payload_max`, or the bytes are no header.
    pub fn decode(bytes: &[u8; HEADER_LEN], payload_max: usize) -> Result<Self, FrameError> {
        let [l0, l1, l2, l3, kind, op, zero0, zero1, number @ ..] = *bytes;
        let payload_len = u32::from_le_bytes([l0, l1, l2, l3]);
        let Some(kind) = FrameKind::of(kind) else {
            return Err(FrameError::UnknownKind { code: kind });
        };
        let number = u64::from_le_bytes(number);
        let strays =
            [zero0, zero1] != [0, 0] || (op != 0 && !kind.has_op()) || (number != 0 && !kind.has_number());
        if strays {
            return Err(FrameError::StrayBytes { kind });
        }
        if usize::try_from(payload_len).is_ok_and(|len| len <= payload_max) {
            return Ok(Header {
                kind,
                op,
                number,
                payload_len,
            });
        }
        Err(FrameError::TooLong {
            payload_len,
            payload_max,
        })
    }
}

/// Bytes that are no frame. The stream can't be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The payload is longer than may be.
    #[error("a frame of {payload_len} bytes, where {payload_max} are the most")]
    TooLong {
        /// The length that the header gives, in bytes.
        payload_len: u32,
        /// The longest that is taken, in bytes.
        payload_max: usize,
    },
    /// No frame has this kind.
    #[error("a frame of unknown kind {code}; the sender must not send it to this version of the protocol")]
    UnknownKind {
        /// The kind's byte.
        code: u8,
    },
    /// Bytes that must be zero are not.
    #[error("a frame of kind {kind:?} with bytes where it has none; the stream lost its place")]
    StrayBytes {
        /// The frame's kind.
        kind: FrameKind,
    },
    /// A frame that has no place at this point.
    #[error("a frame of kind {kind:?} that has no place here")]
    Unexpected {
        /// The frame's kind.
        kind: FrameKind,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::member::PAYLOAD_MAX;

    const KINDS: [FrameKind; 8] = [
        FrameKind::Hello,
        FrameKind::Accept,
        FrameKind::Refusal,
        FrameKind::Request,
        FrameKind::Answer,
        FrameKind::Failed,
        FrameKind::OneWay,
        FrameKind::Bye,
    ];

    #[test]
    fn golden_bytes() {
        let request = Header::new(FrameKind::Request, 0x21, 0x0102_0304_0506_0708, 0x0A0B);
        assert_eq!(
            request.encode(),
            [0x0B, 0x0A, 0, 0, 4, 0x21, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1]
        );
        let codes = KINDS.map(|kind| Header::new(kind, 0, 0, 0).encode()[4]);
        assert_eq!(codes, [1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn every_header_reads_back() {
        for kind in KINDS {
            let (op, number) = (u8::from(kind.has_op()) * 9, u64::from(kind.has_number()) * 77);
            let header = Header::new(kind, op, number, 5);
            assert_eq!(Header::decode(&header.encode(), 5), Ok(header));
        }
    }

    #[test]
    fn four_gib_are_refused() {
        let mut bytes = Header::new(FrameKind::Request, 1, 1, 0).encode();
        bytes[..4].fill(0xFF);
        let refused = Header::decode(&bytes, PAYLOAD_MAX);
        assert_eq!(
            refused,
            Err(FrameError::TooLong {
                payload_len: u32::MAX,
                payload_max: PAYLOAD_MAX
            })
        );
    }

    #[test]
    fn a_byte_without_meaning_is_refused() {
        for kind in KINDS {
            let clean = Header::new(kind, 0, 0, 0).encode();
            let meant = |at| match at {
                5 => kind.has_op(),
                8.. => kind.has_number(),
                _ => false,
            };
            for at in (5..HEADER_LEN).filter(|at| !meant(*at)) {
                let mut bytes = clean;
                bytes[at] = 1;
                assert_eq!(
                    Header::decode(&bytes, 0),
                    Err(FrameError::StrayBytes { kind }),
                    "{at}"
                );
            }
        }
        for code in [0, 9, 255] {
            let mut bytes = [0; HEADER_LEN];
            bytes[4] = code;
            assert_eq!(Header::decode(&bytes, 0), Err(FrameError::UnknownKind { code }));
        }
    }
}

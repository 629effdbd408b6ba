//! Frames to bytes and back, for tonic.

use bytes::{Buf, BufMut};
use tonic::Status;
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

use super::frames::{InFrame, OutFrame};

/// Values from this size on mostly come in rows, which are sent in pieces.
const ROW_VALUE_BYTES: usize = 256;

/// Room for so many bytes is made at a time, or for what is known to follow. Growing step by step would copy it again and again.
const PIECE_BYTES: usize = 33 << 10;

/// So large is a piece of a row at most, but for its last value: few calls of the system send it, and who reads it has
/// something to do while the next one is made.
const PIECE_BYTES_MAX: usize = 128 << 10;

/// What is allocated for frames that are not of a row: tonic's default.
const BUFFER_BYTES: usize = 8 << 10;

/// What a frame has beside its value.
const PIECE_ROOM: usize = 256;

/// Reads `ProxyRequest`s and writes `ProxyResponse`s in one pass.
///
/// A frame that is no message is an item of its own and not an error of the decoder: the session knows the right
/// status for it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ProxyCodec;

impl Codec for ProxyCodec {
    type Encode = OutFrame;
    type Decode = InFrame;
    type Encoder = ProxyCodec;
    type Decoder = ProxyCodec;

    fn encoder(&mut self) -> Self::Encoder {
        ProxyCodec
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProxyCodec
    }
}

impl Encoder for ProxyCodec {
    type Item = OutFrame;
    type Error = Status;

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(BUFFER_BYTES, PIECE_BYTES_MAX)
    }

    fn encode(&mut self, frame: OutFrame, buf: &mut EncodeBuf<'_>) -> Result<(), Status> {
        let (bytes, following) = frame.value_bytes();
        if bytes >= ROW_VALUE_BYTES && buf.chunk_mut().len() < bytes + PIECE_ROOM {
            buf.reserve(bytes + PIECE_ROOM + following.clamp(PIECE_BYTES, PIECE_BYTES_MAX));
        }
        frame.encode(buf);
        Ok(())
    }
}

impl Decoder for ProxyCodec {
    type Item = InFrame;
    type Error = Status;

    fn decode(&mut self, buf: &mut DecodeBuf<'_>) -> Result<Option<InFrame>, Status> {
        let len = buf.remaining();
        Ok(Some(InFrame::decode(buf.copy_to_bytes(len))))
    }
}

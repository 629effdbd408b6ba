//! Frames to bytes and back, for tonic.

use bytes::Buf;
use tonic::Status;
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

use super::frames::{InFrame, OutFrame};

/// By how much the buffer for frames grows, as tonic has it.
const BUFFER_GROWTH_LEN: usize = 8 << 10;
/// How much of an answer of many frames is sent at once: each sending is a call to the system, and wakes the client.
const TOGETHER_LEN: usize = 128 << 10;

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

    fn encode(&mut self, frame: OutFrame, buf: &mut EncodeBuf<'_>) -> Result<(), Status> {
        frame.encode(buf);
        Ok(())
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(BUFFER_GROWTH_LEN, TOGETHER_LEN)
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

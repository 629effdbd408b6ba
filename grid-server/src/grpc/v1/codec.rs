//! Frames to bytes and back, for tonic.

use bytes::Buf;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

use super::frames::{InFrame, OutFrame};

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
}

impl Decoder for ProxyCodec {
    type Item = InFrame;
    type Error = Status;

    fn decode(&mut self, buf: &mut DecodeBuf<'_>) -> Result<Option<InFrame>, Status> {
        let len = buf.remaining();
        Ok(Some(InFrame::decode(buf.copy_to_bytes(len))))
    }
}

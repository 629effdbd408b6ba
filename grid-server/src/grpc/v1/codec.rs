//! Bytes to frames, for tonic. What goes out is [written by ourselves](super::outbound).

use std::convert::Infallible;

use bytes::Buf;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

use super::frames::InFrame;

/// Reads `ProxyRequest`s in one pass.
///
/// A frame that is no message is an item of its own and not an error of the decoder: the session knows the right
/// status for it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ProxyCodec;

impl Codec for ProxyCodec {
    type Encode = Infallible;
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
    type Item = Infallible;
    type Error = Status;

    fn encode(&mut self, nothing: Infallible, _: &mut EncodeBuf<'_>) -> Result<(), Status> {
        match nothing {}
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

//! Messages of gRPC, one after another in a stream.

use bytes::BufMut;

/// What stands before a message: whether it is compressed, and its length in four bytes.
pub const MESSAGE_HEAD_BYTES: usize = 5;

/// A message has more bytes than gRPC has room for in its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong(pub usize);

impl std::fmt::Display for TooLong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "the message has {} bytes, and a message of gRPC has less than 4 GiB",
            self.0
        )
    }
}

impl std::error::Error for TooLong {}

/// Appends a message of gRPC.
///
/// # Errors
/// When it has more bytes than a message of gRPC can have, 4 GiB. It is written then, without its length.
pub fn put_message<B: BufMut + AsMut<[u8]>>(buf: &mut B, write: impl FnOnce(&mut B)) -> Result<(), TooLong> {
    let start = buf.as_mut().len();
    buf.put_slice(&[0; MESSAGE_HEAD_BYTES]);
    write(buf);
    let written = buf.as_mut();
    let len = written.len() - start - MESSAGE_HEAD_BYTES;
    let head = u32::try_from(len)
        .map_err(|_too_long| TooLong(len))?
        .to_be_bytes();
    if let Some(place) = written.get_mut(start + 1..start + MESSAGE_HEAD_BYTES) {
        place.copy_from_slice(&head);
    }
    Ok(())
}

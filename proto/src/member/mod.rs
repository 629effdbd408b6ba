//! What members say to each other: our own frames on TCP.
//!
//! Both sides open with [`MAGIC`] and a [`Hello`], the dialer first. A side that does not like the other's hello answers
//! with a [`Refusal`] instead and closes. The dialer says [`FrameKind::Accept`] when it likes what it heard, and may send
//! at once behind it. From then on there are frames: sixteen bytes of [`Header`], all integers little-endian, then the
//! payload.
//!
//! | bytes | what |
//! |---|---|
//! | 0..4 | length of the payload, at most [`PAYLOAD_MAX`] |
//! | 4 | [`FrameKind`] |
//! | 5 | what the frame is about: the kind of request or message, the code of a failure or a farewell; else 0 |
//! | 6..8 | 0 |
//! | 8..16 | the request's number; 0 in frames that belong to none |
//!
//! What must hold: a payload longer than the limit is refused from its header, before any memory is set aside for it;
//! every byte of a header has one meaning, so that a stream that lost its place is noticed at once; the versions are the
//! first field of a hello for ever, so that any two programs can tell each other that they share none.
//!
//! ```
//! use grid_proto::member::{Decoder, FrameKind, Header, PAYLOAD_MAX};
//!
//! let mut decoder = Decoder::new(PAYLOAD_MAX);
//! decoder.push(&Header::new(FrameKind::Request, 7, 42, 2).encode());
//! decoder.push(b"hi");
//! let frame = decoder.next_frame()?.expect("the whole frame is there");
//! assert_eq!((frame.header.op, frame.header.number, &frame.payload[..]), (7, 42, &b"hi"[..]));
//! # Ok::<(), grid_proto::member::FrameError>(())
//! ```

mod decoder;
mod fields;
mod first_bytes;
mod header;
mod hello;
mod notice;
mod refusal;

pub use decoder::{Decoder, Frame};
pub use fields::Malformed;
pub use first_bytes::{FirstBytes, NOT_SPOKEN_HTTP, NOT_SPOKEN_TEXT, NOT_SPOKEN_TLS};
pub use header::{FrameError, FrameKind, HEADER_LEN, Header};
pub use hello::{Hello, Lane, NAME_LEN_MAX, VersionRange};
pub use notice::{Bye, Failure, FailureKind};
pub use refusal::Refusal;

/// What a member sends first. No text protocol and no TLS starts so.
pub const MAGIC: [u8; 8] = *b"\xC6GIRIH\r\n";

/// The most bytes in the payload of one frame; what is bigger is sent in pieces by those who have it.
pub const PAYLOAD_MAX: usize = 72 << 20;

/// The most bytes in the payload of a frame before both sides agreed to talk.
pub const HELLO_PAYLOAD_MAX: usize = 4 << 10;

/// The versions of the member protocol that this program speaks.
pub const VERSIONS: VersionRange = VersionRange { min: 1, max: 1 };

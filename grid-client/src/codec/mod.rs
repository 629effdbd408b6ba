//! Frames of the protocol, read in place.

mod deframer;
mod fields;
mod frame;
mod payload;

pub(crate) use deframer::{Deframer, HEADER_LEN, Piece};
pub(crate) use frame::{Body, CacheMessage, Frame, Payload};
pub(crate) use payload::{
    answer_of, binary_of, bool_of, bytes_value_of, int_of, optional_value_of, pair_of, service_of,
    wire_payload,
};

//! The rows of an answer, as they go out.

use std::sync::Arc;

use bytes::Bytes;
use grid_core::store::RowSink;
use grid_core::value::{Format, json};
use grid_proto::message::TooLong;
use grid_proto::rows::{ROW_HEAD_BYTES, RowFrames};
use grid_proto::wire::Payload;

use crate::grpc::edge::has_null;
use crate::grpc::{Edge, Refusal, RefusalKind, WireValue};

use super::more::AnswerTo;

/// The rows of an answer, written as they go out: frames with what stands before each.
pub(crate) struct Rows {
    edge: Arc<Edge>,
    to: AnswerTo,
    /// Frames of a key and a value, and of one of the two, once there is one.
    frames: [Option<RowFrames>; 2],
    expected: usize,
    written: Vec<u8>,
    refused: Option<Refusal>,
}

impl Rows {
    pub(crate) fn new(edge: Arc<Edge>, to: AnswerTo) -> Self {
        Rows {
            edge,
            to,
            frames: [None, None],
            expected: 0,
            written: Vec::new(),
            refused: None,
        }
    }

    /// Takes a row that is as it goes out.
    ///
    /// # Errors
    /// When it is too long for a frame.
    pub(crate) fn wire(&mut self, key: &WireValue, value: &WireValue) -> Result<(), Refusal> {
        self.write(Some(key.payload()), Some(value.payload()))
    }

    /// How many bytes were written.
    pub(crate) fn len(&self) -> usize {
        self.written.len()
    }

    /// What was written.
    ///
    /// # Errors
    /// When a row could not be.
    pub(crate) fn into_written(self) -> Result<Vec<u8>, Refusal> {
        match self.refused {
            Some(refusal) => Err(refusal),
            None => Ok(self.written),
        }
    }

    fn write(&mut self, key: Option<Payload<'_>>, value: Option<Payload<'_>>) -> Result<(), Refusal> {
        let AnswerTo {
            request_id, cache_id, ..
        } = self.to;
        let [of_entries, of_one] = &mut self.frames;
        let (frames, row) = match (key, value) {
            (Some(key), Some(value)) => {
                let frames = of_entries.get_or_insert_with(|| RowFrames::of_entries(request_id, cache_id));
                (frames, (key, Some(value)))
            }
            (one, other) => {
                let frames = of_one.get_or_insert_with(|| RowFrames::of_one(request_id, cache_id));
                (frames, (one.or(other).unwrap_or_default(), None))
            }
        };
        let too_long = |error: TooLong| Refusal::new(RefusalKind::Malformed, error.to_string());
        frames.write(row, &mut self.written).map_err(too_long)
    }

    /// Bytes as this client is sent them.
    fn bytes_for<'a>(
        &self,
        part: Option<(Format, &'a [u8])>,
        dropped: &'a mut Bytes,
    ) -> Result<Option<Payload<'a>>, Refusal> {
        let reader = self.to.reader;
        let Some((format, mut bytes)) = part else {
            return Ok(None);
        };
        self.edge.check_format(reader, format)?;
        if !self.edge.is_verbatim(reader) && has_null(bytes) {
            *dropped = json::drop_null_members(&Bytes::copy_from_slice(bytes));
            bytes = dropped;
        }
        let prefix = self.edge.wire_prefix(reader);
        Ok(Some(Payload { prefix, bytes }))
    }

    fn take(&mut self, key: Option<(Format, &[u8])>, value: Option<(Format, &[u8])>) -> Result<(), Refusal> {
        let (mut of_key, mut of_value) = (Bytes::new(), Bytes::new());
        let key = self.bytes_for(key, &mut of_key)?;
        let value = self.bytes_for(value, &mut of_value)?;
        self.write(key, value)
    }
}

impl RowSink for Rows {
    fn is_quick(&self) -> bool {
        self.edge.is_verbatim(self.to.reader)
    }

    fn expect(&mut self, bytes: usize) {
        self.expected = bytes;
    }

    fn reserve(&mut self, rows: usize, bytes: usize) {
        let wanted = rows.saturating_mul(ROW_HEAD_BYTES).saturating_add(bytes);
        if wanted == 0 {
            return;
        }
        // With the first row there is room for all that are expected, and for those that come with the last of them.
        let wanted = match self.written.capacity() {
            0 => wanted.max(self.expected + self.expected / 4),
            _ => wanted,
        };
        self.written.reserve(wanted);
    }

    fn row(&mut self, key: Option<(Format, &[u8])>, value: Option<(Format, &[u8])>) {
        if self.refused.is_none() {
            self.refused = self.take(key, value).err();
        }
    }

    fn mark(&self) -> usize {
        self.written.len()
    }

    fn cut(&mut self, mark: usize) {
        self.written.truncate(mark);
    }

    fn is_empty(&self) -> bool {
        self.written.is_empty() && self.refused.is_none()
    }
}

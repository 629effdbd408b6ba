//! Bytes that wait to be sent.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};
use grid_proto::member::Header;

use super::Pieces;

/// Pieces up to this many bytes are copied behind each other; longer ones go out from where they are.
const COPY_MAX: usize = 4 << 10;

/// A run of copied pieces is closed at this many bytes, so that it need not be moved to grow.
const RUN_LEN: usize = 64 << 10;

/// About how many bytes are taken to be written at a time.
const TAKE_LEN: usize = 1 << 20;

/// How many slices are written at a time.
const SLICES_MAX: usize = 64;

/// Frames that wait to be written, in order.
#[derive(Debug, Default)]
pub(super) struct Outbound {
    /// Each with whether a frame ends where it ends.
    chunks: VecDeque<(Bytes, bool)>,
    /// The run of small pieces behind the chunks.
    run: BytesMut,
    /// How many bytes were ever put in, and taken out: places in the stream.
    queued: u64,
    taken: u64,
    /// The place behind the last whole frame.
    frame_end: u64,
}

impl Outbound {
    /// Puts a frame in.
    pub(super) fn push(&mut self, header: &Header, payload: Pieces) {
        self.put(&header.encode());
        for piece in payload {
            if piece.len() <= COPY_MAX {
                self.put(&piece);
            } else {
                self.close_run();
                self.queued += piece.len() as u64;
                self.chunks.push_back((piece, false));
            }
        }
        self.frame_end = self.queued;
        if let (true, Some((_, ends_frame))) = (self.run.is_empty(), self.chunks.back_mut()) {
            *ends_frame = true;
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        if self.run.len() + bytes.len() > RUN_LEN {
            self.close_run();
        }
        self.run.extend_from_slice(bytes);
        self.queued += bytes.len() as u64;
    }

    fn close_run(&mut self) {
        if !self.run.is_empty() {
            let ends_frame = self.queued == self.frame_end;
            self.chunks.push_back((self.run.split().freeze(), ends_frame));
        }
    }

    /// The place in the stream behind everything that was put in.
    pub(super) fn queued(&self) -> u64 {
        self.queued
    }

    /// The place in the stream behind everything that was taken to be written.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// Moves what is next, in whole frames, to those who write. False when there is nothing.
    pub(super) fn take(&mut self, batch: &mut Batch) -> bool {
        let (mut taken, mut between_frames) = (0, true);
        while taken < TAKE_LEN || !between_frames {
            if self.chunks.is_empty() {
                self.close_run();
            }
            let Some((chunk, ends_frame)) = self.chunks.pop_front() else {
                break;
            };
            taken += chunk.len();
            between_frames = ends_frame;
            batch.chunks.push_back(chunk);
        }
        self.taken += taken as u64;
        taken > 0
    }

    /// Forgets what was not taken.
    pub(super) fn clear(&mut self) {
        self.chunks = VecDeque::new();
        self.run = BytesMut::new();
        self.queued = self.taken;
        self.frame_end = self.taken;
    }
}

/// Bytes that are being written.
#[derive(Debug, Default)]
pub(super) struct Batch {
    chunks: VecDeque<Bytes>,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Hands the beginning to `write`, which says how much it wrote.
    pub(super) fn write_with<R>(&self, write: impl FnOnce(&[IoSlice<'_>]) -> R) -> R {
        let mut slices = [IoSlice::new(&[]); SLICES_MAX];
        let mut used = 0;
        for (slice, chunk) in slices.iter_mut().zip(&self.chunks) {
            *slice = IoSlice::new(chunk);
            used += 1;
        }
        write(&slices[..used])
    }

    /// Lets go what was written.
    pub(super) fn advance(&mut self, mut written: usize) {
        while let Some(chunk) = self.chunks.front_mut() {
            if written < chunk.len() {
                chunk.advance(written);
                return;
            }
            written -= chunk.len();
            self.chunks.pop_front();
        }
    }

    pub(super) fn clear(&mut self) {
        self.chunks = VecDeque::new();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use grid_proto::member::{FrameKind, HEADER_LEN};
    use proptest::prelude::*;

    use super::*;

    fn bytes_of(batch: &Batch) -> Vec<u8> {
        let mut bytes = Vec::new();
        batch.write_with(|slices| slices.iter().for_each(|slice| bytes.extend_from_slice(slice)));
        bytes
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn bytes_come_out_as_they_went_in(
            lens in prop::collection::vec(prop_oneof![0..200_usize, 3_000..6_000_usize, 70_000..700_000_usize], 0..40),
            steps in prop::collection::vec(1..100_000_usize, 1..20),
        ) {
            let (mut outbound, mut expected, mut got) = (Outbound::default(), Vec::<u8>::new(), Vec::<u8>::new());
            let (mut batch, mut frame_ends) = (Batch::default(), BTreeSet::new());
            for (len, step) in lens.iter().zip(steps.iter().cycle()) {
                let header = Header::new(FrameKind::OneWay, 1, 0, u32::try_from(*len).unwrap());
                let payload = vec![u8::try_from(len % 251).unwrap(); *len];
                expected.extend(header.encode());
                expected.extend(&payload);
                outbound.push(&header, payload.into());
                frame_ends.insert(outbound.queued());
                if batch.is_empty() && step % 2 == 0 && outbound.take(&mut batch) {
                    prop_assert!(frame_ends.contains(&outbound.taken()), "only whole frames are taken");
                }
                let part = bytes_of(&batch);
                let part = &part[..part.len().min(*step)];
                got.extend(part);
                batch.advance(part.len());
            }
            while !batch.is_empty() || outbound.take(&mut batch) {
                let part = bytes_of(&batch);
                got.extend(&part);
                batch.advance(part.len());
            }
            prop_assert_eq!(outbound.queued(), expected.len() as u64);
            prop_assert_eq!(outbound.taken(), expected.len() as u64);
            prop_assert!(got == expected);
        }
    }

    #[test]
    fn many_small_frames_are_one_slice_and_a_large_one_is_not_copied() {
        let large = Bytes::from(vec![7; COPY_MAX + 1]);
        let mut outbound = Outbound::default();
        for _ in 0..100 {
            outbound.push(
                &Header::new(FrameKind::OneWay, 1, 0, 2),
                Bytes::from_static(b"ab").into(),
            );
        }
        outbound.push(&Header::new(FrameKind::OneWay, 1, 0, 0), large.clone().into());
        let mut batch = Batch::default();
        assert!(outbound.take(&mut batch));
        assert_eq!(batch.chunks.len(), 2);
        assert_eq!(batch.chunks[0].len(), 101 * HEADER_LEN + 200);
        assert_eq!(batch.chunks[1].as_ptr(), large.as_ptr());
    }

    #[test]
    fn what_is_forgotten_was_never_queued() {
        let mut outbound = Outbound::default();
        outbound.push(&Header::new(FrameKind::OneWay, 1, 0, 0), Pieces::default());
        outbound.clear();
        assert_eq!((outbound.queued(), outbound.taken()), (0, 0));
        assert!(!outbound.take(&mut Batch::default()));
    }
}

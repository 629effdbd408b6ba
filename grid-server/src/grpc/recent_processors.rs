//! The processors that a stream asked for last.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use grid_core::processor::ProcessorWork;
use grid_core::value::Format;
use parking_lot::Mutex;

use super::{Edge, Refusal};

/// So many are kept.
const KEPT_MAX: usize = 8;

/// Longer ones are not kept.
const LEN_MAX: usize = 1_024;

/// The processors that a stream asked for last, read: a client that runs one processor on many entries sends the same bytes
/// again and again.
#[derive(Debug, Default)]
pub(crate) struct RecentProcessors {
    /// The bytes as they came, and what they are; those that came first leave first.
    kept: Mutex<VecDeque<(Bytes, Arc<ProcessorWork>)>>,
}

impl RecentProcessors {
    /// A processor as work on an entry.
    ///
    /// # Errors
    /// As [`Edge::processor`].
    pub(crate) fn processor(
        &self,
        edge: &Edge,
        format: Format,
        wire: Bytes,
    ) -> Result<Arc<ProcessorWork>, Refusal> {
        if format != Format::JSON || wire.len() > LEN_MAX {
            return Ok(Arc::new(edge.processor(format, wire)?));
        }
        let known = self.kept.lock().iter().find(|(kept, _)| *kept == wire).cloned();
        if let Some((_, work)) = known {
            return Ok(work);
        }
        // What is kept must not keep the whole message.
        let wire = Bytes::copy_from_slice(&wire);
        let work = Arc::new(edge.processor(format, wire.clone())?);
        let mut kept = self.kept.lock();
        kept.push_front((wire, work.clone()));
        kept.truncate(KEPT_MAX);
        Ok(work)
    }
}

#[cfg(test)]
mod tests {
    use grid_core::processor::Processor;
    use grid_member::Grid;
    use grid_proto::limits::JSON_PREFIX;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::grpc::{GrpcMetrics, GrpcOptions};

    fn wire(by: i64) -> Bytes {
        let json = Processor::increment("visits", by).to_json().unwrap();
        [&[JSON_PREFIX], &json[..]].concat().into()
    }

    #[tokio::test]
    async fn the_last_ones_are_read_once() {
        let grid = Grid::builder().build().await.unwrap();
        let metrics = Arc::new(GrpcMetrics::default());
        let edge = Edge::new(
            grid.clone(),
            GrpcOptions::default(),
            metrics,
            CancellationToken::new(),
        );
        let recent = RecentProcessors::default();
        let read = |by| recent.processor(&edge, Format::JSON, wire(by)).unwrap();
        let first = read(0);
        assert_eq!(first.processor(), &Processor::increment("visits", 0));
        assert!(Arc::ptr_eq(&first, &read(0)));
        for by in 1..8 {
            assert_eq!(read(by).processor(), &Processor::increment("visits", by));
        }
        assert!(Arc::ptr_eq(&first, &read(0)), "eight are kept");
        read(8);
        assert!(!Arc::ptr_eq(&first, &read(0)), "the first one has left");
        assert!(
            recent
                .processor(&edge, Format::JSON, Bytes::from_static(b"\x15{"))
                .is_err()
        );
        grid.shutdown().await;
    }
}

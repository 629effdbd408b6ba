//! Events as a stream, for listeners in this process.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::stream::{Stream, StreamExt};
use grid_core::cache::{BinaryEvents, CacheError};
use grid_core::event::{BinaryEvent, EventNumber, Listen, ListenTo, is_selected, told_event};
use grid_core::store::Change;

use super::{AttachedSink, BoundedQueue, EventSink, Lifecycle, ListenerHub, Matched, Quiet};

/// What an event costs in a queue beyond its values, in bytes.
const EVENT_OVERHEAD_LEN: usize = 200;

/// Puts the events of one listener into a queue. A queue that overflows holds a `Resync` instead.
struct QueueSink {
    queue: BoundedQueue<BinaryEvent>,
    listen: Listen,
}

impl QueueSink {
    fn push(&self, event: BinaryEvent, bytes: usize) {
        if self.queue.push(event, bytes).is_err() {
            self.queue.replace_all(BinaryEvent::Resync);
        }
    }
}

impl EventSink for QueueSink {
    fn entry(&self, (_, change): (EventNumber, &Change), _: Matched) {
        if let ListenTo::Where(filter) = &self.listen.to
            && !is_selected(filter, change)
        {
            return;
        }
        let Some(event) = told_event(change, &self.listen) else {
            return;
        };
        let values = [Some(&event.key), event.old.as_ref(), event.new.as_ref()];
        let len: usize = values.iter().flatten().map(|value| value.bytes().len()).sum();
        let bytes = EVENT_OVERHEAD_LEN + len;
        self.push(BinaryEvent::Entry(event), bytes);
    }

    fn lifecycle(&self, what: Lifecycle) {
        match what {
            Lifecycle::Truncated => self.push(BinaryEvent::Truncated, EVENT_OVERHEAD_LEN),
            Lifecycle::Destroyed => {
                // The end is told even to a listener that is too slow for what came before it.
                self.queue.close_with(BinaryEvent::Destroyed, BinaryEvent::Resync);
            }
        }
    }

    fn missed(&self) {
        self.queue.replace_all(BinaryEvent::Resync);
    }
}

/// The reading end. Detaches its sink when dropped.
struct QueueStream {
    sink: Arc<QueueSink>,
    _attached: AttachedSink,
}

impl Stream for QueueStream {
    type Item = Result<BinaryEvent, CacheError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.sink.queue.poll_pop(cx).map(|event| event.map(Ok))
    }
}

/// Starts to listen; the stream holds at most `len_max` events of at most `bytes_max` bytes together, and none before the
/// registration begins.
pub fn listen(
    hub: &Arc<ListenerHub>,
    listen: &Listen,
    len_max: usize,
    bytes_max: usize,
) -> (BinaryEvents, Quiet) {
    let sink = Arc::new(QueueSink {
        queue: BoundedQueue::new(len_max, bytes_max),
        listen: listen.clone(),
    });
    let attached = hub.attach(sink.clone());
    let quiet = attached.listen_quietly(&listen.to, listen.needs_values());
    let events = QueueStream {
        sink,
        _attached: attached,
    };
    (events.boxed(), quiet)
}

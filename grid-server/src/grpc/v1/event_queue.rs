//! The events that wait for one stream.

use grid_member::event::{BoundedQueue, Lifecycle};
use grid_proto::v1::cache::ResponseType;

use crate::grpc::cache_proxy::Notice;

use super::frames::{Body, OutFrame};

/// What waits for a stream.
#[derive(Debug)]
pub(crate) enum QueuedEvent {
    /// A frame to send.
    Frame(OutFrame),
    /// More came than the queue holds, or events were lost on the way here: the stream must end.
    TooSlow,
}

/// The events that wait for one stream.
pub(crate) type EventQueue = BoundedQueue<QueuedEvent>;

/// Queues a notice of a cache that the stream knows by this number.
pub(crate) fn queue_notice(queue: &EventQueue, cache_id: i32, notice: Notice) {
    let (kind, body, weight) = match notice {
        Notice::Missed => return end(queue),
        Notice::Entry(event) => {
            let weight = event.weight();
            (ResponseType::MapEvent, Body::Event(event), weight)
        }
        Notice::Lifecycle(Lifecycle::Truncated) => {
            (ResponseType::Truncated, Body::None, size_of::<OutFrame>())
        }
        Notice::Lifecycle(Lifecycle::Destroyed) => {
            (ResponseType::Destroyed, Body::None, size_of::<OutFrame>())
        }
    };
    let frame = OutFrame::Cache {
        id: 0,
        cache_id,
        kind,
        body,
    };
    if queue.push(QueuedEvent::Frame(frame), weight).is_err() {
        end(queue);
    }
}

/// The stream ends, so nothing more is kept for it.
fn end(queue: &EventQueue) {
    queue.replace_all(QueuedEvent::TooSlow);
    queue.close();
}

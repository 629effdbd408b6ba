//! Events that a listener has not taken yet.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use grid_core::cache::CacheError;
use grid_core::event::BinaryEvent;

/// What a listener gets.
pub(crate) type Item = Result<BinaryEvent, CacheError>;

#[derive(Debug)]
struct State {
    events: VecDeque<Item>,
    /// Whether events were dropped after those in the queue.
    lost: bool,
    /// What comes last.
    last: Option<Item>,
    ended: bool,
    waker: Option<Waker>,
}

/// A queue of at most a fixed number of events.
///
/// What comes while it is full is dropped, and so is all that follows until the listener has taken everything that
/// came before and has been told to read again: until then it could not make sense of it anyway.
#[derive(Debug)]
pub(crate) struct EventQueue {
    state: Mutex<State>,
    len_max: usize,
}

impl EventQueue {
    pub(crate) fn new(len_max: usize) -> Self {
        let state = State {
            events: VecDeque::new(),
            lost: false,
            last: None,
            ended: false,
            waker: None,
        };
        EventQueue {
            state: Mutex::new(state),
            len_max,
        }
    }

    /// Adds an event.
    pub(crate) fn push(&self, item: Item) {
        self.change(|state| {
            if state.lost {
                return;
            }
            if state.events.len() >= self.len_max {
                state.lost = true;
            } else {
                state.events.push_back(item);
            }
        });
    }

    /// Says that events were lost.
    pub(crate) fn resync(&self) {
        self.change(|state| state.lost = true);
    }

    /// Ends the queue with this item, after those that are in it.
    pub(crate) fn end(&self, last: Item) {
        self.change(|state| state.last = Some(last));
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let waker = {
            let mut state = self.state.lock();
            if state.ended || state.last.is_some() {
                return;
            }
            change(&mut state);
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The next item, or `None` after the last.
    pub(crate) fn poll_next(&self, cx: &Context<'_>) -> Poll<Option<Item>> {
        let mut state = self.state.lock();
        if let Some(item) = state.events.pop_front() {
            return Poll::Ready(Some(item));
        }
        if std::mem::take(&mut state.lost) {
            return Poll::Ready(Some(Ok(BinaryEvent::Resync)));
        }
        if let Some(item) = state.last.take() {
            state.ended = true;
            return Poll::Ready(Some(item));
        }
        if state.ended {
            return Poll::Ready(None);
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use futures::task::noop_waker;

    use super::*;

    fn next(queue: &EventQueue) -> Poll<Option<Item>> {
        queue.poll_next(&Context::from_waker(&noop_waker()))
    }

    #[test]
    fn after_an_overflow_comes_what_was_before_it_and_then_resync() {
        let queue = EventQueue::new(2);
        for _ in 0..5 {
            queue.push(Ok(BinaryEvent::Truncated));
        }
        assert!(matches!(
            next(&queue),
            Poll::Ready(Some(Ok(BinaryEvent::Truncated)))
        ));
        queue.push(Ok(BinaryEvent::Truncated));
        assert!(matches!(
            next(&queue),
            Poll::Ready(Some(Ok(BinaryEvent::Truncated)))
        ));
        assert!(matches!(next(&queue), Poll::Ready(Some(Ok(BinaryEvent::Resync)))));
        assert!(next(&queue).is_pending());
        queue.push(Ok(BinaryEvent::Truncated));
        assert!(matches!(
            next(&queue),
            Poll::Ready(Some(Ok(BinaryEvent::Truncated)))
        ));
    }

    #[test]
    fn the_end_comes_once_and_last_even_when_the_queue_is_full() {
        let queue = EventQueue::new(1);
        queue.push(Ok(BinaryEvent::Truncated));
        queue.end(Ok(BinaryEvent::Destroyed));
        queue.push(Ok(BinaryEvent::Truncated));
        queue.resync();
        assert!(matches!(
            next(&queue),
            Poll::Ready(Some(Ok(BinaryEvent::Truncated)))
        ));
        assert!(matches!(
            next(&queue),
            Poll::Ready(Some(Ok(BinaryEvent::Destroyed)))
        ));
        assert!(matches!(next(&queue), Poll::Ready(None)));
    }
}

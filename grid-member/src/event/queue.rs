//! A queue with a limit, between writers that must not wait and one reader.

use std::collections::VecDeque;
use std::fmt;
use std::task::{Context, Poll};

use futures::task::AtomicWaker;
use parking_lot::Mutex;

/// The queue is full: the reader is too slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overflow;

struct State<T> {
    items: VecDeque<(T, usize)>,
    bytes: usize,
    closed: bool,
}

/// Items in order, limited in number and in bytes. Any number of writers, one reader.
pub struct BoundedQueue<T> {
    state: Mutex<State<T>>,
    reader: AtomicWaker,
    len_max: usize,
    bytes_max: usize,
}

impl<T> BoundedQueue<T> {
    /// An empty queue for at most `len_max` items of at most `bytes_max` bytes together.
    #[must_use]
    pub fn new(len_max: usize, bytes_max: usize) -> Self {
        let state = State {
            items: VecDeque::new(),
            bytes: 0,
            closed: false,
        };
        BoundedQueue {
            state: Mutex::new(state),
            reader: AtomicWaker::new(),
            len_max,
            bytes_max,
        }
    }

    /// Appends an item that stands for this many bytes. After [`BoundedQueue::close`], does nothing.
    ///
    /// # Errors
    /// [`Overflow`] when the queue is full; the item is not appended. One item alone always fits.
    pub fn push(&self, item: T, bytes: usize) -> Result<(), Overflow> {
        {
            let mut state = self.state.lock();
            if state.closed {
                return Ok(());
            }
            let full =
                state.items.len() >= self.len_max || state.bytes.saturating_add(bytes) > self.bytes_max;
            if full && !state.items.is_empty() {
                return Err(Overflow);
            }
            state.bytes = state.bytes.saturating_add(bytes);
            state.items.push_back((item, bytes));
        }
        self.reader.wake();
        Ok(())
    }

    /// Throws away what is queued and appends this item instead, for a reader that must start anew.
    pub fn replace_all(&self, item: T) {
        {
            let mut state = self.state.lock();
            if state.closed {
                return;
            }
            state.items.clear();
            state.bytes = 0;
            state.items.push_back((item, 0));
        }
        self.reader.wake();
    }

    /// Takes the first item, without waiting for one.
    pub fn try_pop(&self) -> Option<T> {
        let mut state = self.state.lock();
        let (item, bytes) = state.items.pop_front()?;
        state.bytes -= bytes;
        Some(item)
    }

    /// Takes the first item; `None` when the queue is closed and empty.
    pub fn poll_pop(&self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        if let Some(item) = self.try_pop() {
            return Poll::Ready(Some(item));
        }
        self.reader.register(cx.waker());
        // An item that came before the waker was registered is not announced: look again. Whether the queue is closed
        // must be asked under the same lock, or an item that comes just before the end would be lost.
        let mut state = self.state.lock();
        match state.items.pop_front() {
            Some((item, bytes)) => {
                state.bytes -= bytes;
                Poll::Ready(Some(item))
            }
            None if state.closed => Poll::Ready(None),
            None => Poll::Pending,
        }
    }

    /// Appends the last item and closes the queue. The last item is never lost: when the queue is full, `lost` takes
    /// the place of everything before it.
    pub fn close_with(&self, last: T, lost: T) {
        {
            let mut state = self.state.lock();
            if state.closed {
                return;
            }
            if state.items.len() >= self.len_max {
                state.items.clear();
                state.bytes = 0;
                state.items.push_back((lost, 0));
            }
            state.items.push_back((last, 0));
            state.closed = true;
        }
        self.reader.wake();
    }

    /// Lets the reader read what is queued, and then the end.
    pub fn close(&self) {
        self.state.lock().closed = true;
        self.reader.wake();
    }

    /// The number of queued items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.state.lock().items.len()
    }

    /// Whether nothing is queued.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T> fmt::Debug for BoundedQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundedQueue")
            .field("len", &self.len())
            .field("len_max", &self.len_max)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[test]
    fn the_limits_hold_in_number_and_in_bytes() {
        let queue = BoundedQueue::new(2, 100);
        assert_eq!(queue.push(1, 1_000), Ok(()), "one item alone always fits");
        assert_eq!(queue.push(2, 1), Err(Overflow));
        assert_eq!(queue.try_pop(), Some(1));
        assert_eq!(queue.push(3, 50), Ok(()));
        assert_eq!(queue.push(4, 50), Ok(()));
        assert_eq!(queue.push(5, 0), Err(Overflow));
        queue.replace_all(6);
        assert_eq!((queue.try_pop(), queue.try_pop()), (Some(6), None));
    }

    #[test]
    fn the_last_item_is_never_lost() {
        let all = |queue: &BoundedQueue<i32>| std::iter::from_fn(|| queue.try_pop()).collect::<Vec<_>>();
        let queue = BoundedQueue::new(2, 100);
        queue.push(1, 100).unwrap();
        queue.close_with(8, 9);
        assert_eq!(all(&queue), [1, 8]);
        let queue = BoundedQueue::new(2, 100);
        queue.push(1, 1).unwrap();
        queue.push(2, 1).unwrap();
        queue.close_with(8, 9);
        queue.close_with(8, 9);
        assert_eq!(all(&queue), [9, 8]);
    }

    #[tokio::test]
    async fn a_reader_is_woken_and_reads_to_the_end() {
        let queue = std::sync::Arc::new(BoundedQueue::new(10, 10));
        let read = {
            let queue = queue.clone();
            async move {
                let mut all = Vec::new();
                while let Some(item) = poll_fn(|cx| queue.poll_pop(cx)).await {
                    all.push(item);
                }
                all
            }
        };
        let write = async {
            for item in 0..3 {
                queue.push(item, 1).unwrap();
                tokio::task::yield_now().await;
            }
            queue.close();
            queue.push(9, 1).unwrap();
        };
        let (all, ()) = tokio::join!(read, write);
        assert_eq!(all, [0, 1, 2]);
    }
}

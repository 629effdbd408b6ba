//! Waiting for several results.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

type WhenAll<T> = Box<dyn FnOnce(Vec<T>) + Send + Sync>;

struct State<T> {
    open: usize,
    results: Vec<Option<T>>,
    when_all: Option<WhenAll<T>>,
}

/// Gathers the results of several things that are done in any order on any threads, and goes on when the last is there.
pub(crate) struct Gather<T>(Arc<Mutex<State<T>>>);

impl<T> Gather<T> {
    /// So many results are to come; `when_all` is called with all of them, in their order, by whoever brings the last.
    /// When none are to come it is called at once.
    pub(crate) fn new(count: usize, when_all: impl FnOnce(Vec<T>) + Send + Sync + 'static) -> Self {
        let mut results = Vec::new();
        results.resize_with(count, || None);
        let gather = Gather(Arc::new(Mutex::new(State {
            open: count,
            results,
            when_all: Some(Box::new(when_all)),
        })));
        if count == 0 {
            gather.finish();
        }
        gather
    }

    /// One result, of the thing with this number. Each number comes once.
    pub(crate) fn put(&self, at: usize, result: T) {
        let is_last = {
            let mut state = self.0.lock();
            match state.results.get_mut(at) {
                Some(slot @ None) => *slot = Some(result),
                _ => return,
            }
            state.open -= 1;
            state.open == 0
        };
        if is_last {
            self.finish();
        }
    }

    fn finish(&self) {
        let (when_all, results) = {
            let mut state = self.0.lock();
            (state.when_all.take(), std::mem::take(&mut state.results))
        };
        if let Some(when_all) = when_all {
            when_all(results.into_iter().flatten().collect());
        }
    }
}

impl<T> Clone for Gather<T> {
    fn clone(&self) -> Self {
        Gather(self.0.clone())
    }
}

impl<T> fmt::Debug for Gather<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gather")
            .field("open", &self.0.lock().open)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Got = Arc<Mutex<Option<Vec<u8>>>>;

    fn gather(count: usize) -> (Gather<u8>, Got) {
        let got = Arc::new(Mutex::new(None));
        let into = got.clone();
        (Gather::new(count, move |all| *into.lock() = Some(all)), got)
    }

    #[test]
    fn the_last_result_brings_all_in_their_order() {
        let (gather, got) = gather(3);
        gather.put(2, 30);
        gather.put(0, 10);
        // Twice is once, and beyond is nothing.
        gather.put(0, 11);
        gather.put(7, 70);
        assert_eq!(*got.lock(), None);
        gather.put(1, 20);
        assert_eq!(*got.lock(), Some(vec![10, 20, 30]));
        gather.put(1, 21);
        assert_eq!(*got.lock(), Some(vec![10, 20, 30]));
    }

    #[test]
    fn nothing_is_gathered_at_once() {
        assert_eq!(*gather(0).1.lock(), Some(Vec::new()));
    }
}

//! Whether a thread runs code of one's own.

use std::cell::Cell;

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// As long as it is there, its thread runs code of one's own, from which the grid must not be called.
#[derive(Debug)]
pub struct Inside {
    before: bool,
}

impl Inside {
    /// This thread does from now on.
    #[must_use]
    pub fn enter() -> Self {
        Inside {
            before: INSIDE.replace(true),
        }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.set(self.before);
    }
}

/// Whether this thread runs code of one's own. Each kind of cache looks before it does anything, and refuses.
#[must_use]
pub fn is_inside() -> bool {
    INSIDE.get()
}

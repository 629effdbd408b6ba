//! How much JSON is accepted.

/// The deepest nesting of objects and arrays that is ever accepted.
pub const MAX_DEPTH: u8 = 128;

/// Limits on a JSON text, checked while it is scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    depth: u8,
    len_max: usize,
}

impl Limits {
    /// The usual limits: [`MAX_DEPTH`] levels, any length (the wire has limited it already).
    #[must_use]
    pub const fn new() -> Self {
        Limits {
            depth: MAX_DEPTH,
            len_max: usize::MAX,
        }
    }

    /// At most this many levels of nesting. More than [`MAX_DEPTH`] means [`MAX_DEPTH`].
    #[must_use]
    pub const fn with_depth(mut self, levels: u8) -> Self {
        self.depth = if levels > MAX_DEPTH { MAX_DEPTH } else { levels };
        self
    }

    /// At most this many bytes of text.
    #[must_use]
    pub const fn with_len_max(mut self, bytes: usize) -> Self {
        self.len_max = bytes;
        self
    }

    /// The deepest nesting accepted, in levels.
    #[must_use]
    pub const fn depth(self) -> u8 {
        self.depth
    }

    /// The longest text accepted, in bytes.
    #[must_use]
    pub const fn len_max(self) -> usize {
        self.len_max
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}

//! Decisions from a stream of bytes.

/// What a generator decides by: bytes of an input, and zeros after them, which lead to the end of whatever is made.
#[derive(Debug)]
pub(crate) struct Source<'b> {
    bytes: &'b [u8],
}

impl<'b> Source<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Self {
        Source { bytes }
    }

    /// Whether only zeros are left.
    pub(crate) fn is_over(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        match self.bytes.split_first() {
            Some((byte, rest)) => {
                self.bytes = rest;
                *byte
            }
            None => 0,
        }
    }

    /// A number below another one.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        let mut number = usize::from(self.byte());
        if count > 256 {
            number = number << 8 | usize::from(self.byte());
        }
        number % count.max(1)
    }

    /// Yes, once in so many times.
    pub(crate) fn once_in(&mut self, times: u8) -> bool {
        // Zeros are no.
        !self.is_over() && self.byte() % times == times - 1
    }

    pub(crate) fn pick<'p, T: ?Sized>(&mut self, all: &[&'p T]) -> &'p T {
        all[self.below(all.len())]
    }

    /// How many parts something has: mostly few, seldom many.
    pub(crate) fn count(&mut self) -> usize {
        let byte = usize::from(self.byte());
        match byte {
            255 => 300,
            248..255 => 40,
            _ => byte % 4,
        }
    }
}

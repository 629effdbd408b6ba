//! The greatest of many.

use super::keeping::Kept;
use crate::query::comparator::{Kinds, Order, SortKey};
use crate::query::{Comparator, Elements, Extracted, QueryError};

/// The greatest values so far, and a few that may be.
#[derive(Clone, Debug)]
pub(super) struct TopState {
    results: usize,
    order: Order,
    kinds: Kinds,
    found: Vec<(SortKey<'static>, Vec<u8>)>,
    bytes: usize,
}

impl TopState {
    pub(super) fn new(results: usize, comparator: &Comparator) -> Self {
        let order = comparator.order();
        TopState {
            results,
            kinds: order.kinds(),
            order,
            found: Vec::new(),
            bytes: 0,
        }
    }

    /// Takes a value in. At most twice as many are kept as are wanted, so that sorting is rare.
    pub(super) fn add(&mut self, value: Extracted<'_>, kept: &mut Kept) -> Result<(), QueryError> {
        const ROOM: usize = 32;
        if value.is_null() || self.results == 0 {
            return Ok(());
        }
        let text = value.json()?.into_owned();
        let key = self.order.key(value)?;
        self.kinds.admit(&key)?;
        let found = (key.into_owned(), text);
        let bytes = bytes_of(&found);
        kept.grow(bytes)?;
        self.bytes += bytes;
        self.found.push(found);
        if self.found.len() >= self.results.saturating_mul(2).saturating_add(ROOM) {
            self.shrink();
            let bytes = self.found.iter().map(bytes_of).sum();
            kept.shrink(self.bytes.saturating_sub(bytes));
            self.bytes = bytes;
        }
        Ok(())
    }

    fn shrink(&mut self) {
        let order = &self.order;
        self.found
            .sort_by(|(left, _), (right, _)| order.compare(right, left));
        self.found.truncate(self.results);
    }

    /// The values as an array, the greatest first.
    pub(super) fn write(&mut self, out: &mut Vec<u8>) {
        self.shrink();
        let texts: Vec<_> = self.found.iter().map(|(_, text)| text.as_slice()).collect();
        out.push(b'[');
        out.extend_from_slice(&texts.join(&b","[..]));
        out.push(b']');
    }

    pub(super) fn combine(&mut self, partial: &[u8], kept: &mut Kept) -> Result<(), QueryError> {
        for text in Elements::new(partial) {
            self.add(Extracted::Json(text?), kept)?;
        }
        Ok(())
    }
}

/// About how many bytes of memory a value takes.
fn bytes_of((key, text): &(SortKey<'static>, Vec<u8>)) -> usize {
    const ELEMENT_BYTES: usize = 96;
    key.bytes() + text.len() + ELEMENT_BYTES
}

//! The closest of many.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::SimilaritySearch;
use crate::query::agent::{ObjectWriter, write_array};
use crate::query::{Datum, Elements, QueryEntry, QueryError, find_member};

/// The most bytes of entries that are kept, in MiB, however many results are asked for.
const KEPT_MAX_MIB: usize = 256;

/// The closest entries so far.
#[derive(Debug)]
pub(super) struct NearestState {
    results: usize,
    bytes_max: usize,
    /// What the texts of those that are kept take, in bytes.
    bytes: usize,
    /// The farthest of them on top.
    found: BinaryHeap<Near>,
}

/// An entry that was found. Of the same distance the one whose key's text is less comes first: so the answer depends
/// neither on the order of the entries nor on how they were divided.
#[derive(Debug)]
struct Near {
    distance: f64,
    key: Box<[u8]>,
    value: Box<[u8]>,
}

impl NearestState {
    pub(super) fn new(results: usize) -> Self {
        NearestState {
            results,
            bytes_max: KEPT_MAX_MIB << 20,
            bytes: 0,
            found: BinaryHeap::new(),
        }
    }

    /// Takes an entry in.
    pub(super) fn add(
        &mut self,
        search: &SimilaritySearch,
        entry: &QueryEntry<'_>,
    ) -> Result<(), QueryError> {
        if self.results == 0 {
            return Ok(());
        }
        match search.distance_of(entry)? {
            Some(distance) => self.take(distance, entry.key()?, entry.value()?.unwrap_or(b"null")),
            None => Ok(()),
        }
    }

    fn take(&mut self, distance: f64, key: &[u8], value: &[u8]) -> Result<(), QueryError> {
        if self.found.len() >= self.results {
            let farthest = self.found.peek();
            if farthest.is_none_or(|farthest| farthest.order(distance, key, value).is_le()) {
                return Ok(());
            }
            self.bytes -= self.found.pop().map_or(0, |farthest| farthest.bytes());
        }
        let (key, value) = (key.into(), value.into());
        let near = Near { distance, key, value };
        self.bytes += near.bytes();
        if self.bytes > self.bytes_max {
            return Err(QueryError::TooMuchFound {
                max_mib: self.bytes_max >> 20,
            });
        }
        self.found.push(near);
        Ok(())
    }

    /// The entries as an array, the closest first.
    pub(super) fn write(&mut self, out: &mut Vec<u8>) -> Result<(), QueryError> {
        let mut found: Vec<_> = self.found.iter().collect();
        found.sort_unstable();
        write_array(found, out, |near, out| {
            let mut distance = Vec::new();
            Datum::Double(near.distance).write(&mut distance)?;
            ObjectWriter::new("ai.results.QueryResult", out)
                .json("distance", &distance)
                .json("key", &near.key)
                .json("value", &near.value)
                .end();
            Ok(())
        })
    }

    pub(super) fn combine(&mut self, partial: &[u8], bad: &QueryError) -> Result<(), QueryError> {
        if self.results == 0 {
            return Ok(());
        }
        for text in Elements::new(partial) {
            let text = text?;
            let member = |name| -> Result<&[u8], QueryError> {
                Ok(find_member(text, name)?.ok_or_else(|| bad.clone())?.value)
            };
            let Datum::Double(distance) = Datum::read(member("distance")?)? else {
                return Err(bad.clone());
            };
            self.take(distance, member("key")?, member("value")?)?;
        }
        Ok(())
    }
}

impl Near {
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.key.len() + self.value.len()
    }

    /// Its order with another one. No two entries of a cache have one key; the value counts for those who put other entries together.
    fn order(&self, distance: f64, key: &[u8], value: &[u8]) -> Ordering {
        self.distance
            .total_cmp(&distance)
            .then_with(|| (*self.key).cmp(key))
            .then_with(|| (*self.value).cmp(value))
    }
}

impl Ord for Near {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order(other.distance, &other.key, &other.value)
    }
}

impl PartialOrd for Near {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Near {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Near {}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(state: &mut NearestState) -> Vec<u8> {
        let mut out = Vec::new();
        state.write(&mut out).unwrap();
        let found =
            Elements::new(&out).map(|text| find_member(text.unwrap(), "key").unwrap().unwrap().value[0]);
        found.collect()
    }

    #[test]
    fn the_closest_are_kept_in_order() {
        let mut state = NearestState::new(3);
        for (distance, key) in [(2.0, b"5"), (1.0, b"4"), (0.5, b"9"), (1.0, b"3"), (-1.0, b"8")] {
            state.take(distance, key, b"{}").unwrap();
        }
        assert_eq!(keys(&mut state), b"893");
        assert_eq!(state.bytes, 3 * (size_of::<Near>() + 3));
        let mut out = Vec::new();
        state.write(&mut out).unwrap();
        let mut other = NearestState::new(2);
        other.take(-2.0, b"1", b"{}").unwrap();
        let bad = QueryError::BadPartial { aggregator: "" };
        other.combine(&out, &bad).unwrap();
        assert_eq!(keys(&mut other), b"18");
        for partial in ["1", "[1]", "[{}]", r#"[{"distance":1,"key":1,"value":1}]"#] {
            assert!(other.combine(partial.as_bytes(), &bad).is_err(), "{partial}");
        }
    }

    #[test]
    fn what_is_kept_is_bounded_however_much_is_asked_for() {
        let mut state = NearestState::new(usize::MAX);
        state.bytes_max = 1 << 20;
        let value = vec![b'1'; 100_000];
        for number in 0..10_u8 {
            state.take(0.0, &[number], &value).unwrap();
        }
        let refused = state.take(0.0, b"k", &value).unwrap_err();
        assert_eq!(refused, QueryError::TooMuchFound { max_mib: 1 });
        let mut state = NearestState::new(1);
        state.bytes_max = 1 << 20;
        for distance in (0..100_u8).rev() {
            state.take(distance.into(), b"7", &value).unwrap();
        }
        assert_eq!(keys(&mut state), b"7");
    }
}

//! The first entries of an order.

use std::num::NonZeroUsize;

use super::keeping::Kept;
use super::sorted_place::{SortedPlace, read_sort_key, write_sort_key};
use crate::query::agent::write_array;
use crate::query::comparator::{Kinds, Order, SortKey};
use crate::query::{Comparator, Datum, Elements, QueryEntry, QueryError};

/// What an entry takes, beside what it is ordered by and its key.
const ENTRY_BYTES: usize = 160;

/// Which entries of an order are wanted: those after a place, as many as fit.
///
/// The answer is a [`SortedRun`](super::SortedRun): their keys. It is complete up to its last entry, whichever partitions
/// they are in: where a partition or a member has more than fit, what lies behind its last is left out of the whole run. All
/// entries are looked at, also those that are not wanted: values that have no order between them are an error wherever they
/// stand.
#[derive(Clone, Debug, PartialEq)]
pub struct SortedPart {
    /// The order of their values; those that are equal are in the order of their keys' bytes.
    pub comparator: Comparator,
    /// The most entries.
    pub entries_max: NonZeroUsize,
    /// About the most bytes that are kept of them; one entry is, however large.
    pub bytes_max: NonZeroUsize,
    /// The place after which they are; `None` for the first.
    pub after: Option<SortedPlace>,
}

/// The first entries so far, and a few that may be.
#[derive(Debug)]
pub(super) struct SortedState {
    order: Order,
    entries_max: usize,
    bytes_max: usize,
    after: Option<SortedPlace>,
    kinds: Kinds,
    /// How many entries were looked at.
    seen: u64,
    /// What the only entry so far is ordered by. It needs no order, and may have none.
    only: Option<SortKey<'static>>,
    /// The places, and how long the values are.
    found: Vec<(SortedPlace, usize)>,
    bytes: usize,
    /// Behind this place entries are missing.
    bound: Option<SortedPlace>,
}

impl SortedState {
    pub(super) fn new(wanted: &SortedPart) -> Self {
        let order = wanted.comparator.order();
        SortedState {
            kinds: order.kinds(),
            order,
            entries_max: wanted.entries_max.get(),
            bytes_max: wanted.bytes_max.get(),
            after: wanted.after.clone(),
            seen: 0,
            only: None,
            found: Vec::new(),
            bytes: 0,
            bound: None,
        }
    }

    /// Takes an entry in.
    pub(super) fn add(&mut self, entry: &QueryEntry<'_>, kept: &mut Kept) -> Result<(), QueryError> {
        let key = self.order.key_of_entry(entry)?;
        self.admit(&key, 1)?;
        // Most of many are neither copied nor compared by their keys.
        let is_beyond = |bound: &SortedPlace| self.order.compare(&key, &bound.key).is_gt();
        let is_before = |after: &SortedPlace| self.order.compare(&key, &after.key).is_lt();
        if self.bound.as_ref().is_some_and(is_beyond) || self.after.as_ref().is_some_and(is_before) {
            return Ok(());
        }
        let (format, spelling) = entry.spelled_key().ok_or(QueryError::NoKey)?;
        let place = SortedPlace {
            key: key.into_owned(),
            format,
            spelling: spelling.into(),
        };
        self.take(place, entry.value_len(), kept)
    }

    /// Takes in the kinds of so many values, of which this is one: all others have an order with it.
    fn admit(&mut self, key: &SortKey<'_>, count: u64) -> Result<(), QueryError> {
        let before = self.seen;
        self.seen = before.saturating_add(count);
        if self.seen == 1 {
            self.only = Some(key.clone().into_owned());
            return Ok(());
        }
        if let Some(only) = self.only.take() {
            self.kinds.admit(&only)?;
        }
        self.kinds.admit(key)
    }

    fn take(&mut self, place: SortedPlace, value_len: usize, kept: &mut Kept) -> Result<(), QueryError> {
        let beyond = |bound: &SortedPlace| place.compare(bound, &self.order).is_gt();
        let before = |after: &SortedPlace| place.compare(after, &self.order).is_le();
        if self.bound.as_ref().is_some_and(beyond) || self.after.as_ref().is_some_and(before) {
            return Ok(());
        }
        let bytes = place.bytes().saturating_add(ENTRY_BYTES);
        kept.grow(bytes)?;
        self.bytes = self.bytes.saturating_add(bytes);
        self.found.push((place, value_len));
        // Twice as many as are wanted, so that sorting is rare.
        const ROOM: usize = 32;
        let len_max = self.entries_max.saturating_mul(2).saturating_add(ROOM);
        if self.found.len() >= len_max || self.bytes > self.bytes_max.saturating_mul(2) {
            self.shrink();
            kept.shrink(self.spare());
        }
        Ok(())
    }

    /// How many bytes less are kept than were counted; they are not counted any more.
    fn spare(&mut self) -> usize {
        let bytes = self
            .found
            .iter()
            .map(|(place, _)| place.bytes() + ENTRY_BYTES)
            .sum();
        let spare = self.bytes.saturating_sub(bytes);
        self.bytes = bytes;
        spare
    }

    /// Leaves in order those that are wanted and fit.
    fn shrink(&mut self) {
        let order = &self.order;
        self.found
            .sort_unstable_by(|(left, _), (right, _)| left.compare(right, order));
        if let Some(bound) = &self.bound {
            let inside = |(place, _): &(SortedPlace, usize)| place.compare(bound, order).is_le();
            let len = self.found.partition_point(inside);
            self.found.truncate(len);
        }
        let (mut fit, mut bytes) = (0, 0_usize);
        for (place, _) in self.found.iter().take(self.entries_max) {
            bytes = bytes.saturating_add(place.bytes() + ENTRY_BYTES);
            if fit > 0 && bytes > self.bytes_max {
                break;
            }
            fit += 1;
        }
        if fit < self.found.len() {
            self.found.truncate(fit);
            self.bound = self.found.last().map(|(place, _)| place.clone());
        }
    }

    /// Writes how many entries were looked at, whether there are more behind the last, what their kinds are, and the
    /// entries.
    pub(super) fn write(&mut self, out: &mut Vec<u8>) -> Result<(), QueryError> {
        self.shrink();
        out.push(b'[');
        Datum::Int(i64::try_from(self.seen).unwrap_or(i64::MAX)).write(out)?;
        out.push(b',');
        Datum::Bool(self.bound.is_some()).write(out)?;
        out.push(b',');
        match &self.only {
            Some(only) => write_sort_key(only, out)?,
            None => write_sort_key(&self.kinds.to_key(), out)?,
        }
        out.push(b',');
        write_array(&self.found, out, |(place, value_len), out| {
            out.push(b'[');
            write_sort_key(&place.key, out)?;
            out.push(b',');
            Datum::Int(i64::try_from(*value_len).unwrap_or(i64::MAX)).write(out)?;
            place.write_key(out);
            out.push(b']');
            Ok(())
        })?;
        out.push(b']');
        Ok(())
    }

    /// Takes in what another one wrote.
    pub(super) fn combine(&mut self, partial: &[u8], kept: &mut Kept) -> Result<(), QueryError> {
        let bad = || QueryError::BadPartial {
            aggregator: "girih.Sorted",
        };
        let written = Written::read(partial).ok_or_else(bad)?;
        let kinds = read_sort_key(written.kinds).ok_or_else(bad)?;
        if written.seen > 0 {
            self.admit(&kinds, written.seen)?;
        }
        let mut last = None;
        for entry in Elements::new(written.entries) {
            let parts: Result<Vec<_>, _> = Elements::new(entry?).collect();
            let parts = parts?;
            let [key, value_len, spelled @ ..] = parts.as_slice() else {
                return Err(bad());
            };
            let place = SortedPlace::of_parts(key, spelled).ok_or_else(bad)?;
            if written.more {
                last = Some(place.clone());
            }
            self.take(place, size(value_len).ok_or_else(bad)?, kept)?;
        }
        if let Some(last) = last {
            let is_nearer = |bound: &SortedPlace| last.compare(bound, &self.order).is_lt();
            if self.bound.as_ref().is_none_or(is_nearer) {
                self.bound = Some(last);
            }
        }
        Ok(())
    }
}

/// The parts of what is written.
pub(super) struct Written<'t> {
    pub(super) seen: u64,
    pub(super) more: bool,
    kinds: &'t [u8],
    pub(super) entries: &'t [u8],
}

impl<'t> Written<'t> {
    pub(super) fn read(text: &'t [u8]) -> Option<Self> {
        let parts: Vec<&'t [u8]> = Elements::new(text).collect::<Result<_, _>>().ok()?;
        let [seen, more, kinds, entries] = parts.try_into().ok()?;
        Some(Written {
            seen: u64::try_from(size(seen)?).ok()?,
            more: matches!(Datum::read(more), Ok(Datum::Bool(true))),
            kinds,
            entries,
        })
    }
}

/// Reads a number that is none below zero.
pub(super) fn size(text: &[u8]) -> Option<usize> {
    match Datum::read(text).ok()? {
        Datum::Int(number) => usize::try_from(number).ok(),
        _ => None,
    }
}

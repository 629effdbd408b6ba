//! What the partitions share that are asked in one request.

use std::fmt;
use std::sync::Arc;

use grid_core::query::{Aggregator, Keeping};
use grid_core::store::Room;

use super::gather::Gather;
use super::here::{Numbered, PartAnswer};
use super::merging::Merging;
use super::{OpenCache, PartRequest, Question};

/// What the partitions of one request share: the room for what they answer, and what puts their partial results together.
///
/// However many partitions are asked and however large values are, a member holds for a request as much as was asked for
/// of all its partitions together, or one entry.
pub(super) struct Shared {
    room: Room,
    keeping: Keeping,
    merging: Option<Merging>,
}

impl Shared {
    /// What these parts share.
    pub(super) fn of(cache: &OpenCache, parts: &[Numbered]) -> Self {
        let bytes = parts.iter().map(|(_, _, request)| match request {
            PartRequest::Query { limits, .. } => limits.bytes_max.get(),
            _ => 0,
        });
        let keeping = Keeping::new(cache.aggregation_bytes_max());
        let merging = question_of_all(parts)
            .map(|question| Merging::new(question.clone(), keeping.clone(), parts.len()));
        Shared {
            room: Room::new(bytes.fold(0, usize::saturating_add)),
            keeping,
            merging,
        }
    }

    /// What one part has for itself.
    pub(super) fn alone(cache: &OpenCache) -> Self {
        Shared {
            room: Room::unbounded(),
            keeping: Keeping::new(cache.aggregation_bytes_max()),
            merging: None,
        }
    }

    /// The room for pages.
    pub(super) fn room(&self) -> &Room {
        &self.room
    }

    /// What aggregators may keep.
    pub(super) fn keeping(&self) -> &Keeping {
        &self.keeping
    }

    /// The answer of a part: to where all are gathered, or first to where it is put together with others.
    pub(super) fn put(&self, at: usize, answer: PartAnswer, all: &Gather<PartAnswer>) {
        match &self.merging {
            Some(merging) => merging.put(at, answer, all),
            None => all.put(at, answer),
        }
    }
}

/// The aggregation that all of these parts are asked for, if what they make of it is put together: reports say of which
/// partition they are, and code of one's own is run elsewhere.
fn question_of_all(parts: &[Numbered]) -> Option<&Arc<Question>> {
    let question = |request: &'_ PartRequest| match request {
        PartRequest::Aggregate { question, .. } => Some(Arc::as_ptr(question)),
        _ => None,
    };
    let (_, _, first) = parts.first().filter(|_first| parts.len() > 1)?;
    let asked = question(first)?;
    let is_reported = matches!(
        first.question()?.aggregator(),
        None | Some(Aggregator::Record(_) | Aggregator::Indexes { .. })
    );
    let same = || {
        parts
            .iter()
            .all(|(_, _, request)| question(request) == Some(asked))
    };
    (!is_reported && !first.is_own_aggregate() && same()).then(|| first.question())?
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("room", &self.room)
            .finish_non_exhaustive()
    }
}

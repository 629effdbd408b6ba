//! What indexes and keys leave of the entries of a cache.

use std::cell::Cell;

use crate::query::{Datum, Extractor, Filter, Operand, Test};
use crate::store::arena::{Arena, Handle};
use crate::store::entry_map::EntryMap;
use crate::store::index::{Ask, CacheIndexes, Effort, PartitionIndex, Pattern};
use crate::store::plan::prepared::Ready;
use crate::store::plan::{Found, PreparedFilter};
use crate::store::{CacheId, Partition};

/// Which entries are looked at.
#[derive(Debug, PartialEq)]
pub(in crate::store) enum Plan {
    /// All of them.
    Scan,
    /// These, in order of their places.
    Look(Vec<Handle>),
    /// These, in order of their places, which are all that the filter selects: they need not be asked about.
    Exact(Vec<Handle>),
}

/// The most entries of a cache that a plan leaves which is of use.
pub(super) fn count_max(map: &EntryMap) -> usize {
    map.len() - map.len() / 4
}

/// Of the parts of an `and` those are kept that leave least.
const KEPT_MAX: usize = 4;

/// Deeper parts of a filter are not looked into.
pub(super) const DEPTH_MAX: usize = 32;

/// Finds out what is left, as far as that is worth the effort.
pub(in crate::store) struct Planner<'p, 'f, 'r> {
    arena: &'p Arena,
    map: &'p EntryMap,
    indexes: Option<&'p CacheIndexes>,
    prepared: &'r PreparedFilter<'f>,
    effort: &'r Effort,
    /// Of which indexes with a condition it is known that they have all that the filter needs, and of which that they do
    /// not: a bit for each.
    conditions: Cell<(u64, u64)>,
}

/// Where a part of a filter stands.
#[derive(Clone, Copy)]
pub(super) struct At<'f> {
    /// Whether entries are wanted that it selects; otherwise those that it does not.
    wanted: bool,
    /// What it is asked about, instead of entries.
    base: Option<&'f Extractor>,
    depth: usize,
}

impl At<'_> {
    pub(super) const TOP: At<'static> = At {
        wanted: true,
        base: None,
        depth: 0,
    };

    fn inside(self) -> Self {
        let depth = self.depth + 1;
        At { depth, ..self }
    }
}

impl Partition {
    /// How a filter is answered.
    pub(in crate::store) fn plan(&self, cache: CacheId, prepared: &PreparedFilter<'_>) -> Plan {
        let plan = || {
            let effort = Effort::worth(self.map(cache)?.len(), 1);
            let planner = Planner::of(self, cache, prepared, &effort)?;
            let found = planner.narrow(prepared.filter, At::TOP, count_max(planner.map))?;
            let is_exact = planner.is_exact(prepared.filter);
            let handles = found.into_handles();
            Some(if is_exact {
                Plan::Exact(handles)
            } else {
                Plan::Look(handles)
            })
        };
        plan().unwrap_or(Plan::Scan)
    }
}

impl<'p, 'f, 'r> Planner<'p, 'f, 'r> {
    /// `None` when there is nothing to look at.
    pub(in crate::store) fn of(
        partition: &'p Partition,
        cache: CacheId,
        prepared: &'r PreparedFilter<'f>,
        effort: &'r Effort,
    ) -> Option<Self> {
        Some(Planner {
            arena: &partition.arena,
            map: partition.map(cache)?,
            indexes: partition.indexes.get(cache),
            prepared,
            effort,
            conditions: Cell::new((0, 0)),
        })
    }

    /// Whether what the index of a filter finds is what the filter selects.
    fn is_exact(&self, filter: &'f Filter) -> bool {
        let extractor = match filter {
            Filter::Compare { extractor, .. } | Filter::In(extractor, _) => extractor,
            Filter::KeyAssociated(filter, _) | Filter::Limit { filter, .. } => return self.is_exact(filter),
            _ => return false,
        };
        // Entries of which it is not known what they have in them are found too.
        self.index_of(extractor, At::TOP)
            .is_some_and(|index| index.without_value().len() == 0)
            && matches!(self.prepared.ask(filter, true), Ready::Asks(Some(ask)) if ask.is_exact)
    }

    /// How many entries there are.
    pub(super) fn entries(&self) -> usize {
        self.map.len()
    }

    /// The entries that a part may select or fail on; those that it may refuse or fail on, where these are wanted.
    /// `None` when they are more than `count_max`, or not known, or another part finds them.
    pub(super) fn narrow(&self, filter: &'f Filter, at: At<'f>, count_max: usize) -> Option<Found<'p>> {
        if at.depth >= DEPTH_MAX {
            return None;
        }
        self.effort.take(1)?;
        let inside = at.inside();
        match (filter, at.wanted) {
            (Filter::All(filters), true) | (Filter::Any(filters), false) => {
                self.all(filters, inside, count_max)
            }
            (Filter::Any(filters), true) | (Filter::All(filters), false) => {
                self.any(filters, inside, count_max)
            }
            (Filter::Not(filter), wanted) => {
                let wanted = !wanted;
                self.narrow(filter, At { wanted, ..inside }, count_max)
            }
            (Filter::KeyAssociated(filter, _) | Filter::Limit { filter, .. }, _) => {
                self.narrow(filter, inside, count_max)
            }
            // Taking it from an entry may fail, whatever is asked of it.
            (Filter::Predicate(extractor, filter), _) if at.base.is_none() => {
                let base = Some(extractor);
                self.narrow(filter, At { base, ..inside }, count_max)
            }
            (Filter::Never, true) | (Filter::Always | Filter::Present, false) if at.base.is_none() => {
                Some(Found::default())
            }
            (Filter::InKeySet(filter, keys), true) if at.base.is_none() => {
                let found = [self.keys(keys.iter()), self.narrow(filter, inside, count_max)];
                Found::common(found.into_iter().flatten().collect(), self.effort)
            }
            (Filter::ContainsAll(extractor, values), true) => {
                let index = self.index_of_elements(extractor, at)?;
                self.common(values.iter(), count_max, |value, count_max| {
                    let (sets, count) = index.find((&Ask::element(value)?, None), count_max, self.effort)?;
                    Some(Found::of_sets(sets, count))
                })
            }
            _ => self.leaf(filter, at, count_max),
        }
    }

    /// What the best of these leave together.
    fn all(&self, filters: &'f [Filter], at: At<'f>, count_max: usize) -> Option<Found<'p>> {
        self.common(filters.iter(), count_max, |filter, count_max| {
            self.narrow(filter, at, count_max)
        })
    }

    /// What the best of these leave together: of each is found what it leaves, if that may be of use.
    fn common<T>(
        &self,
        parts: impl Iterator<Item = T>,
        mut count_max: usize,
        find: impl Fn(T, usize) -> Option<Found<'p>>,
    ) -> Option<Found<'p>> {
        let mut found: Vec<Found<'p>> = Vec::new();
        for part in parts {
            if let Some(left) = find(part, count_max) {
                count_max = count_max.min(left.worth_cutting_with());
                found.push(left);
            }
            if found.len() > KEPT_MAX {
                found.sort_by_key(Found::count);
                found.truncate(KEPT_MAX);
            }
            if self.effort.left() == 0 {
                break;
            }
        }
        Found::common(found, self.effort)
    }

    /// What any of these leaves.
    fn any(&self, filters: &'f [Filter], at: At<'f>, count_max: usize) -> Option<Found<'p>> {
        let mut found = Found::default();
        for filter in filters {
            found.join(self.narrow(filter, at, count_max)?);
            if found.count() > count_max {
                return None;
            }
        }
        // Of what cannot be extracted nothing is known when nothing is asked.
        (at.base.is_none() || !filters.is_empty()).then_some(found)
    }

    fn leaf(&self, filter: &'f Filter, at: At<'f>, count_max: usize) -> Option<Found<'p>> {
        let extractor = filter.extractor()?;
        if at.base.is_none()
            && at.wanted
            && let Some(found) = self.of_key(filter, extractor)
        {
            return Some(found);
        }
        let index = match filter {
            Filter::Contains(..) | Filter::ContainsAny(..) => self.index_of_elements(extractor, at)?,
            // A filter in a predicate is asked about a value, which is no entry.
            Filter::Predicate(..) => return None,
            _ => self.index_of(extractor, at)?,
        };
        let fresh;
        let ask = match self.prepared.ask(filter, at.wanted) {
            Ready::Asks(ready) => ready?,
            Ready::Elsewhere => return None,
            Ready::Unknown => {
                fresh = self.ask_anew(filter, at.wanted)?;
                &fresh
            }
        };
        let pattern = Pattern::of(filter, at.wanted);
        let (sets, count) = index.find((ask, pattern), count_max, self.effort)?;
        Some(Found::of_sets(sets, count))
    }

    /// What a part asks. `None` when it asks for more values than there are entries: looking at those is faster.
    fn ask_anew(&self, filter: &Filter, wanted: bool) -> Option<Ask> {
        if let Filter::In(_, values) | Filter::ContainsAny(_, values) = filter {
            if values.len() > self.entries() {
                return None;
            }
            self.effort.take(values.len())?;
        }
        Ask::of(filter, wanted)
    }

    /// The index that serves an extractor where it stands.
    pub(super) fn index_of(&self, extractor: &'f Extractor, at: At<'f>) -> Option<&'p PartitionIndex> {
        let extractor = match at.base {
            None => extractor,
            Some(base) if *extractor == Extractor::Identity => base,
            Some(_) => return None,
        };
        let indexes = self.indexes?;
        // Comparing extractors is less than a step.
        self.effort.take(indexes.as_slice().len() / 4)?;
        let (place, index) = indexes.of(extractor)?;
        self.has_all(place, index).then_some(index)
    }

    /// Whether an index has every entry that the filter needs. It is found out once.
    fn has_all(&self, place: usize, index: &PartitionIndex) -> bool {
        if index.definition().filter.is_none() {
            return true;
        }
        let bit = u32::try_from(place)
            .ok()
            .and_then(|place| 1_u64.checked_shl(place));
        let bit = bit.unwrap_or(0);
        let (yes, no) = self.conditions.get();
        if (yes | no) & bit != 0 {
            return yes & bit != 0;
        }
        let has_all = index.has_all(&self.prepared.known, self.effort);
        self.conditions
            .set(if has_all { (yes | bit, no) } else { (yes, no | bit) });
        has_all
    }

    fn index_of_elements(&self, extractor: &'f Extractor, at: At<'f>) -> Option<&'p PartitionIndex> {
        let index = self.index_of(extractor, at)?;
        index.definition().knows_elements().then_some(index)
    }

    /// The entries of keys that are asked for by what they are.
    fn of_key(&self, filter: &Filter, extractor: &Extractor) -> Option<Found<'p>> {
        if !matches!(extractor, Extractor::Key(inner) if **inner == Extractor::Identity) {
            return None;
        }
        match filter {
            Filter::In(_, values) if values.iter().all(is_one_key) => self.keys(values.iter()),
            Filter::Compare {
                test: Test::Equals,
                value,
                ..
            } if is_one_key(value) => self.keys([value].into_iter()),
            _ => None,
        }
    }

    /// The entries of these keys. `None` when there are more keys than entries, or entries with keys that cannot be
    /// read: asking about them fails.
    fn keys<'k>(&self, keys: impl ExactSizeIterator<Item = &'k Operand>) -> Option<Found<'p>> {
        if keys.len() > self.entries() || self.map.opaque_keys() > 0 {
            return None;
        }
        self.effort.take(keys.len())?;
        let find = |key: &Operand| self.map.find_json(self.arena, key.canonical());
        Some(Found::of_handles(keys.filter_map(find).collect()))
    }
}

/// Whether a value is one key, which it is found by. Other numbers than integers are spelled in several ways that are
/// different keys, and `0.0` and `-0.0` are one.
fn is_one_key(value: &Operand) -> bool {
    matches!(value.datum(), Datum::Text(_) | Datum::Int(_) | Datum::Bool(_))
}

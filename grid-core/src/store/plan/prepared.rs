//! A filter made ready for many partitions.

use crate::query::Filter;
use crate::store::index::Ask;
use crate::store::plan::Ordered;
use crate::store::plan::planner::DEPTH_MAX;

/// More parts than these are made ready anew in each partition that has an index for them, and so is a part with more
/// values.
const ASKS_MAX: usize = 16;

/// A filter with all that is the same in every partition: the order of its parts, what they ask of indexes, and what
/// must hold of what it selects.
#[derive(Debug)]
pub struct PreparedFilter<'f> {
    pub(in crate::store) filter: &'f Filter,
    pub(in crate::store) ordered: Ordered<'f>,
    /// What must all hold for an entry to be selected.
    pub(in crate::store) known: Vec<&'f Filter>,
    asks: Vec<Asked<'f>>,
}

/// What a part asks of an index.
#[derive(Debug)]
struct Asked<'f> {
    part: &'f Filter,
    wanted: Option<Ask<'f>>,
    unwanted: Option<Ask<'f>>,
}

impl<'f> PreparedFilter<'f> {
    /// Makes a filter ready.
    #[must_use]
    pub fn new(filter: &'f Filter) -> Self {
        let mut prepared = PreparedFilter {
            filter,
            ordered: Ordered::of(filter),
            known: Vec::new(),
            asks: Vec::new(),
        };
        know(filter, 0, &mut prepared.known);
        prepared.ask_parts(filter, 0);
        prepared
    }

    fn ask_parts(&mut self, filter: &'f Filter, depth: usize) {
        if depth >= DEPTH_MAX || self.asks.len() >= ASKS_MAX {
            return;
        }
        let values = match filter {
            Filter::In(_, values) | Filter::ContainsAny(_, values) => values.len(),
            _ => 1,
        };
        if filter.extractor().is_some() && values <= ASKS_MAX {
            self.asks.push(Asked {
                part: filter,
                wanted: Ask::of(filter, true),
                unwanted: Ask::of(filter, false),
            });
        }
        for part in filter.parts() {
            self.ask_parts(part, depth + 1);
        }
    }

    /// What a part asks of an index; `None` when it is not known yet.
    pub(super) fn ask(&self, part: &Filter, wanted: bool) -> Option<Option<&Ask<'f>>> {
        let asked = self.asks.iter().find(|asked| std::ptr::eq(asked.part, part))?;
        Some(if wanted {
            asked.wanted.as_ref()
        } else {
            asked.unwanted.as_ref()
        })
    }
}

/// Gathers what must all hold.
fn know<'f>(filter: &'f Filter, depth: usize, known: &mut Vec<&'f Filter>) {
    known.push(filter);
    match filter {
        _ if depth >= DEPTH_MAX => {}
        Filter::All(filters) => {
            for filter in filters {
                know(filter, depth + 1, known);
            }
        }
        Filter::InKeySet(filter, _) | Filter::KeyAssociated(filter, _) | Filter::Limit { filter, .. } => {
            know(filter, depth + 1, known);
        }
        _ => {}
    }
}

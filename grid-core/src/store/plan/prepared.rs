//! A filter made ready for many partitions.

use std::sync::OnceLock;

use crate::query::Filter;
use crate::store::index::{Ask, Pattern};
use crate::store::plan::Ordered;
use crate::store::plan::planner::DEPTH_MAX;

/// More parts than these are made ready anew in each partition that has an index for them.
const ASKS_MAX: usize = 16;

/// Parts that ask for more values than these together are made ready anew, too.
const VALUES_MAX: usize = 4_096;

/// Of what must hold no more is held against the conditions of indexes.
const KNOWN_MAX: usize = 256;

/// A filter with all that is the same in every partition: the order of its parts, what they ask of indexes, and what
/// must hold of what it selects. What a part asks is found out when the first partition has an index for it.
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
    /// Whether entries are wanted that it selects; otherwise those that it does not.
    wanted: bool,
    /// Parts of one scope must all hold, or it does not matter.
    scope: usize,
    /// The part that asks for this one too: of one scope and extractor.
    asked_by: Option<usize>,
    ask: OnceLock<Option<Ask>>,
}

/// What is known of what a part asks.
#[derive(Debug)]
pub(super) enum Ready<'r> {
    /// Nothing.
    Unknown,
    /// Another part, which must hold too, asks for it.
    Elsewhere,
    /// This, for itself and for those for which it asks too; `None` when an index knows nothing about it.
    Asks(Option<&'r Ask>),
}

impl<'f> PreparedFilter<'f> {
    /// Makes a filter ready.
    #[must_use]
    pub fn new(filter: &'f Filter) -> Self {
        let mut known = Vec::new();
        know(filter, 0, &mut known);
        Self::with(filter, known)
    }

    /// Makes a filter ready that is asked alone, where all this must hold.
    pub(super) fn with(filter: &'f Filter, known: Vec<&'f Filter>) -> Self {
        let mut gathering = Gathering::default();
        gathering.walk((filter, true), 0, 0);
        PreparedFilter {
            filter,
            ordered: Ordered::of(filter),
            known,
            asks: gathering.asks,
        }
    }

    /// What a part asks of an index.
    pub(super) fn ask(&self, part: &Filter, wanted: bool) -> Ready<'_> {
        let is_it = |asked: &Asked<'_>| std::ptr::eq(asked.part, part) && asked.wanted == wanted;
        let Some(place) = self.asks.iter().position(is_it) else {
            return Ready::Unknown;
        };
        match self.asks.get(place) {
            Some(asked) if asked.asked_by.is_none() => {
                Ready::Asks(asked.ask.get_or_init(|| self.ask_with_others(place)).as_ref())
            }
            _ => Ready::Elsewhere,
        }
    }

    /// What a part asks with those for which it asks too. What an index knows nothing about leaves out nothing.
    fn ask_with_others(&self, place: usize) -> Option<Ask> {
        let parts = self.asks.iter().enumerate();
        let parts = parts.filter(|(at, asked)| *at == place || asked.asked_by == Some(place));
        let asks = parts.filter_map(|(_, asked)| Ask::of(asked.part, asked.wanted));
        asks.reduce(Ask::and)
    }
}

/// Gathers the parts that may ask something of an index, as the planner goes through them.
#[derive(Debug, Default)]
struct Gathering<'f> {
    asks: Vec<Asked<'f>>,
    scopes: usize,
    values: usize,
}

impl<'f> Gathering<'f> {
    fn walk(&mut self, (filter, wanted): (&'f Filter, bool), scope: usize, depth: usize) {
        if depth >= DEPTH_MAX || self.asks.len() >= ASKS_MAX {
            return;
        }
        match (filter, wanted) {
            (Filter::All(filters), true) | (Filter::Any(filters), false) => {
                for filter in filters {
                    self.walk((filter, wanted), scope, depth + 1);
                }
            }
            (Filter::Any(filters), true) | (Filter::All(filters), false) => {
                for filter in filters {
                    self.scopes += 1;
                    self.walk((filter, wanted), self.scopes, depth + 1);
                }
            }
            (Filter::Not(filter), _) => self.walk((filter, !wanted), scope, depth + 1),
            (Filter::KeyAssociated(filter, _) | Filter::Limit { filter, .. }, _)
            | (Filter::InKeySet(filter, _), true) => self.walk((filter, wanted), scope, depth + 1),
            // What is asked in it is asked about something else.
            (Filter::Predicate(_, filter), _) => {
                self.scopes += 1;
                self.walk((filter, wanted), self.scopes, depth + 1);
            }
            _ => self.add((filter, wanted), scope),
        }
    }

    fn add(&mut self, (part, wanted): (&'f Filter, bool), scope: usize) {
        let Some(extractor) = part.extractor() else {
            return;
        };
        let values = match part {
            Filter::In(_, values) | Filter::ContainsAny(_, values) => values.len(),
            _ => 1,
        };
        if self.values + values > VALUES_MAX {
            return;
        }
        self.values += values;
        let leads = |asked: &Asked<'_>| {
            asked.asked_by.is_none()
                && asked.scope == scope
                && Ask::is_of_whole(asked.part)
                && asked.part.extractor() == Some(extractor)
        };
        // Texts are held against one pattern at a time: a part with one asks for itself.
        let with_others = Ask::is_of_whole(part) && Pattern::of(part, wanted).is_none();
        self.asks.push(Asked {
            part,
            wanted,
            scope,
            asked_by: with_others.then(|| self.asks.iter().position(leads)).flatten(),
            ask: OnceLock::new(),
        });
    }
}

/// Gathers what must all hold.
fn know<'f>(filter: &'f Filter, depth: usize, known: &mut Vec<&'f Filter>) {
    if known.len() >= KNOWN_MAX {
        return;
    }
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

//! What a view is to show.

use crate::cache::CacheError;
use crate::query::{Extractor, Filter};

/// The most entries of a view that says nothing else.
const ENTRIES_MAX: usize = 1_000_000;

/// The most events that wait for who listens to a view that says nothing else.
const EVENT_QUEUE_LEN: usize = 4_096;

/// What a view is to show.
///
/// ```
/// use grid_core::cache::{CacheError, NamedCache, View, ViewPlan};
/// use grid_core::query::{Extractor, field};
///
/// # async fn example(people: &impl NamedCache<String, serde_json::Value>) -> Result<(), CacheError> {
/// let plan = ViewPlan::new(field("age").ge(18)).extracting(Extractor::path("name"));
/// let names: View<String, String> = people.view_of(plan).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ViewPlan {
    pub(super) filter: Filter,
    pub(super) extractor: Option<Extractor>,
    pub(super) entries_max: usize,
    pub(super) event_queue_len: usize,
}

impl ViewPlan {
    /// The entries that a filter selects.
    #[must_use]
    pub fn new(filter: Filter) -> Self {
        ViewPlan {
            filter,
            extractor: None,
            entries_max: ENTRIES_MAX,
            event_queue_len: EVENT_QUEUE_LEN,
        }
    }

    /// What is taken from the values is shown in their place. A change that leaves it as it was is none of the view.
    #[must_use]
    pub fn extracting(mut self, extractor: Extractor) -> Self {
        self.extractor = Some(extractor);
        self
    }

    /// The most entries that the view may have; a million by default. One that would have more ends.
    ///
    /// Keys that go while the view reads count until it has read.
    #[must_use]
    pub fn entries_max(mut self, entries_max: usize) -> Self {
        self.entries_max = entries_max;
        self
    }

    /// The most events that wait for each who listens to the view; 4,096 by default. One that is slower is told so.
    #[must_use]
    pub fn event_queue_len(mut self, len: usize) -> Self {
        self.event_queue_len = len.max(1);
        self
    }

    pub(super) fn check(&self) -> Result<(), CacheError> {
        let what = match self.filter {
            Filter::Limit { .. } => "a view shows all that its filter selects; leave the limit out",
            Filter::Event(_) => "a view wants a filter of entries, not one of events; use the filter in it",
            _ => return Ok(()),
        };
        Err(CacheError::Invalid {
            what: what.to_owned(),
        })
    }
}

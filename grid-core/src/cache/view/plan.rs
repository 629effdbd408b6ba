//! What a view is to show.

use crate::cache::CacheError;
use crate::query::{Extractor, Filter};

/// The most entries of a view that says nothing else.
const ENTRIES_MAX: usize = 1_000_000;

/// The most bytes of keys and values of a view that says nothing else: 256 MiB.
const BYTES_MAX: u64 = 256 << 20;

/// The most events that wait for who listens to a view that says nothing else.
const EVENT_QUEUE_LEN: usize = 4_096;

/// What a view has of each entry.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Contents {
    /// The value.
    Values,
    /// What is taken from the value.
    Extracted(Extractor),
    /// Nothing but the key.
    Keys,
}

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
    pub(super) contents: Contents,
    pub(super) entries_max: usize,
    pub(super) bytes_max: u64,
    pub(super) event_queue_len: usize,
}

impl ViewPlan {
    /// The entries that a filter selects.
    #[must_use]
    pub fn new(filter: Filter) -> Self {
        ViewPlan {
            filter,
            contents: Contents::Values,
            entries_max: ENTRIES_MAX,
            bytes_max: BYTES_MAX,
            event_queue_len: EVENT_QUEUE_LEN,
        }
    }

    /// What is taken from the values is shown in their place. A change that leaves it as it was is none of the view.
    ///
    /// Where changes are numbered, no more than that travels with an event; what there is at first is read whole.
    #[must_use]
    pub fn extracting(mut self, extractor: Extractor) -> Self {
        self.contents = Contents::Extracted(extractor);
        self
    }

    /// The keys alone are shown, and every value is null: ask for a `View<K, ()>`. Only entries that come and go are told.
    ///
    /// Where changes are numbered, no value ever travels, and nothing does for an entry that changes and stays.
    ///
    /// ```
    /// use grid_core::cache::{CacheError, NamedCache, View, ViewPlan};
    /// use grid_core::query::field;
    ///
    /// # async fn example(people: &impl NamedCache<String, serde_json::Value>) -> Result<(), CacheError> {
    /// let adults: View<String, ()> = people.view_of(ViewPlan::new(field("age").ge(18)).keys_only()).await?;
    /// println!("Ada is of age: {}", adults.contains_key("ada")?);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn keys_only(mut self) -> Self {
        self.contents = Contents::Keys;
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

    /// The most [bytes](super::View::bytes) of keys and values that the view may have; 256 MiB by default. One that would have
    /// more ends.
    #[must_use]
    pub fn bytes_max(mut self, bytes_max: u64) -> Self {
        self.bytes_max = bytes_max;
        self
    }

    /// The most events that wait for each who listens to the view; 4,096 by default. One that is slower is told so.
    #[must_use]
    pub fn event_queue_len(mut self, len: usize) -> Self {
        self.event_queue_len = len.max(1);
        self
    }

    /// The same with limits that are no larger than these.
    pub(crate) fn within(mut self, entries_max: usize, bytes_max: u64) -> Self {
        self.entries_max = self.entries_max.min(entries_max);
        self.bytes_max = self.bytes_max.min(bytes_max);
        self
    }

    /// What selects its entries.
    pub(crate) fn filter(&self) -> &Filter {
        &self.filter
    }

    /// What it has of each.
    pub(crate) fn contents(&self) -> &Contents {
        &self.contents
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

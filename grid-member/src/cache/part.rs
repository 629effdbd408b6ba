//! What can be asked of one partition.

use std::sync::Arc;

use bytes::Bytes;
use grid_core::partition::table::Epoch;
use grid_core::processor::Work;
use grid_core::query::Extractor;
use grid_core::replication::{Failure, Outcome, RequestTag, TruncationId};
use grid_core::store::{
    Command, IndexDefinition, Page, PageContent, PageCursor, PageLimits, Sequence, TimeToLive,
};
use grid_core::value::{Binary, Key};

use super::Question;

/// What is asked of the entries of one cache in one partition.
#[derive(Clone, Debug)]
pub enum PartRequest {
    /// The value of a key.
    Get(Key),
    /// Whether a key is present.
    Contains(Key),
    /// A command on an entry.
    Update {
        /// The key.
        key: Key,
        /// What to do.
        command: Command,
        /// Whether the value before is wanted.
        previous: bool,
        /// The request, when it is numbered.
        tag: Option<RequestTag>,
    },
    /// The entries of those keys that are present.
    GetAll(Vec<Key>),
    /// Puts entries.
    PutAll {
        /// What to put.
        entries: Vec<(Key, Binary)>,
        /// How long they live.
        ttl: TimeToLive,
        /// The request that puts the first, when it is numbered; those that put the others have the numbers that follow.
        tag: Option<RequestTag>,
    },
    /// The number of entries.
    Len,
    /// Whether an entry has this value.
    ContainsValue(Binary),
    /// Removes all entries, one by one.
    Clear,
    /// Removes all entries at once, as part of this truncation.
    Truncate(TruncationId),
    /// Some entries.
    Page {
        /// After this place.
        after: Option<PageCursor>,
        /// How many.
        limits: PageLimits,
        /// What of each.
        content: PageContent,
    },
    /// The number and the bytes of the entries.
    Figures,
    /// The number of the last change.
    Mark,
    /// Some of the entries that a filter selects.
    Query {
        /// The filter.
        question: Arc<Question>,
        /// After this place.
        after: Option<PageCursor>,
        /// How many.
        limits: PageLimits,
        /// What of each.
        content: PageContent,
    },
    /// What an aggregator makes of the entries that a filter selects.
    Aggregate {
        /// The filter and the aggregator.
        question: Arc<Question>,
        /// The keys that are meant; `None` for all.
        keys: Option<Vec<Key>>,
    },
    /// Adds an index.
    AddIndex(Arc<IndexDefinition>),
    /// Takes an index away.
    RemoveIndex(Arc<Extractor>),
    /// The same work on several entries.
    Work {
        /// Their keys.
        keys: Vec<Key>,
        /// The work.
        work: Arc<dyn Work>,
        /// The request on the first key, when it is numbered; those on the others have the numbers that follow.
        tag: Option<RequestTag>,
    },
}

impl PartRequest {
    /// Whether it may take long: it is then done away from the threads that serve connections.
    #[must_use]
    pub fn is_long(&self) -> bool {
        match self {
            PartRequest::ContainsValue(_)
            | PartRequest::Clear
            | PartRequest::Truncate(_)
            | PartRequest::Query { .. }
            | PartRequest::Aggregate { .. }
            | PartRequest::AddIndex(_) => true,
            PartRequest::GetAll(keys) => keys.len() > 256,
            PartRequest::Work { keys, work, .. } => keys.len() > 64 && work.own_name().is_none(),
            PartRequest::PutAll { entries, .. } => entries.len() > 256,
            _ => false,
        }
    }

    /// Whether it asks for an aggregator of one's own.
    #[must_use]
    pub fn is_own_aggregate(&self) -> bool {
        matches!(self, PartRequest::Aggregate { question, .. } if question.has_own_code())
    }

    /// Whether it asks about entries, maybe many, and changes nothing: the answer is of no use to anyone but who asks.
    #[must_use]
    pub fn is_question(&self) -> bool {
        matches!(
            self,
            PartRequest::Query { .. } | PartRequest::Aggregate { .. } | PartRequest::ContainsValue(_)
        )
    }

    /// Whether it is done away from whoever asks, also when all partitions are here.
    #[must_use]
    pub fn is_beside(&self) -> bool {
        matches!(
            self,
            PartRequest::Query { .. }
                | PartRequest::Aggregate { .. }
                | PartRequest::AddIndex(_)
                // It may be more than is done under a lock.
                | PartRequest::Work { .. }
                | PartRequest::Update {
                    command: Command::Work(_),
                    ..
                }
        )
    }

    /// What it asks of entries, if it asks something.
    #[must_use]
    pub fn question(&self) -> Option<&Arc<Question>> {
        match self {
            PartRequest::Query { question, .. } | PartRequest::Aggregate { question, .. } => Some(question),
            _ => None,
        }
    }

    /// Whether it changes something.
    #[must_use]
    pub fn changes(&self) -> bool {
        match self {
            PartRequest::Update { .. }
            | PartRequest::PutAll { .. }
            | PartRequest::Clear
            | PartRequest::Truncate(_) => true,
            PartRequest::Work { work, .. } => work.may_change(),
            _ => false,
        }
    }

    /// Whether a request that may have been done can come again and be done once.
    #[must_use]
    pub fn may_come_again(&self) -> bool {
        match self {
            PartRequest::Update { tag, .. } => tag.is_some(),
            PartRequest::Work { work, tag, .. } => tag.is_some() || !work.may_change(),
            _ => true,
        }
    }
}

/// The answer to a [`PartRequest`].
#[derive(Clone, Debug)]
pub enum PartResult {
    /// A value, if there is one.
    Value(Option<Binary>),
    /// Yes or no.
    Flag(bool),
    /// What came of a command.
    Outcome(Outcome),
    /// Entries.
    Entries(Vec<(Binary, Binary)>),
    /// It is done; so many entries were changed.
    Done(u64),
    /// A number of entries.
    Len(u64),
    /// Some entries.
    Page(Page),
    /// The number of entries, and their bytes.
    Figures {
        /// How many there are.
        entries: u64,
        /// The bytes of their keys and values.
        bytes: u64,
    },
    /// The epoch in which the partition began empty, and the number of its last change.
    Mark(Epoch, Sequence),
    /// What an aggregator made of the entries, for the aggregators of others to go on with.
    Partial(Bytes),
    /// What an aggregator made of the entries is in the answer of another partition of the same request.
    Merged,
    /// Nothing was read, since others of the same request had much: it is to be asked again.
    Later,
    /// What came of work on several entries, of each in the order of their keys.
    Worked(Vec<Result<Outcome, PartFailure>>),
}

/// Why a partition did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartFailure {
    /// Another member serves the partition, as far as a member of this epoch knows. Nothing was done.
    Elsewhere(Epoch),
    /// The cache was destroyed. Nothing was done.
    Destroyed,
    /// The member does not know the cache yet. Nothing was done.
    UnknownCache,
    /// The partition refused, or lost track.
    Failed(Failure),
    /// It is too much, in words that say what to do. Nothing was done.
    Refused(String),
    /// What was asked makes no sense for the entries, in words. Nothing was done.
    Invalid(String),
    /// It was not begun, since others that were asked for with it have enough to answer: to be asked again.
    NotBegun,
    /// Of several entries some were changed, or may have been, and this came of the first that was not.
    InPart(Box<PartFailure>),
}

//! What a primary knows about a member that follows its log.

use core::time::Duration;
use std::collections::VecDeque;

use crate::membership::MemberId;
use crate::store::CopyCursor;

use super::{Answered, CopyId, Position};

/// A member that the primary sends its records to.
#[derive(Debug)]
pub(super) struct Follower {
    pub(super) member: MemberId,
    /// It has every record up to here.
    pub(super) acked: Position,
    /// Everything up to here was sent on the connection that there is now. `None`: nothing was.
    pub(super) sent: Option<Position>,
    /// It knows that everything up to here is acknowledged by all.
    pub(super) knows: Position,
    /// It was told that everything up to here is acknowledged by all.
    pub(super) told: Position,
    /// Since when there is a record that it has not acknowledged.
    pub(super) behind_since: Option<Duration>,
    /// When its removal was proposed last.
    pub(super) given_up_at: Option<Duration>,
    /// Nothing is sent before: it does not know yet what was agreed, or could not take a copy.
    pub(super) hold_until: Option<Duration>,
    /// A backup of the agreed set, or about to be one: no write is acknowledged without it.
    pub(super) counts: bool,
    /// It is getting its copy.
    pub(super) copy: Option<CopyOut>,
}

impl Follower {
    pub(super) fn backup(member: MemberId, acked: Position) -> Self {
        Follower {
            member,
            acked,
            sent: None,
            knows: Position::ZERO,
            told: Position::ZERO,
            behind_since: None,
            given_up_at: None,
            hold_until: None,
            counts: true,
            copy: None,
        }
    }

    /// Whether nothing is to be sent yet.
    pub(super) fn holds(&self, now: Duration) -> bool {
        self.hold_until.is_some_and(|until| now < until)
    }

    pub(super) fn joining(member: MemberId, copy: CopyOut, start: Position) -> Self {
        Follower {
            counts: false,
            copy: Some(copy),
            ..Follower::backup(member, start)
        }
    }
}

/// A copy on its way out.
#[derive(Debug)]
pub(super) struct CopyOut {
    pub(super) id: CopyId,
    /// Where the records begin that are sent beside the parts.
    pub(super) start: Position,
    /// Where the next part begins; `None` after the last.
    pub(super) next: Option<NextChunk>,
    /// The outcomes of requests as they were when the last entry was sent; those that came since are in records.
    pub(super) outcomes: Vec<Answered>,
    /// The parts that were sent and have not arrived, with where each begins.
    pub(super) on_the_way: VecDeque<NextChunk>,
    /// When a part arrived last, or was sent when none was on the way.
    pub(super) moved_at: Option<Duration>,
    /// The state of the last part: the copy holds no change after it, but those that follow as records.
    pub(super) state: Position,
    /// It has said in this epoch that it has the copy: it may have been told to forget it, without the primary knowing.
    pub(super) confirmed: bool,
    /// The record that the follower must have before it is proposed as a backup.
    pub(super) admit_at: Option<Position>,
    /// When it was proposed last.
    pub(super) proposed_at: Option<Duration>,
}

/// Where a part of a copy begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NextChunk {
    pub(super) number: u64,
    pub(super) begins: ChunkBegins,
}

/// What a part of a copy begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChunkBegins {
    /// The entry after this place; the first.
    Entry(Option<CopyCursor>),
    /// So many outcomes were sent before, of those that there were after the last entry.
    Outcome(usize),
}

impl CopyOut {
    pub(super) fn new(id: CopyId, start: Position) -> Self {
        CopyOut {
            id,
            start,
            next: Some(NextChunk {
                number: 0,
                begins: ChunkBegins::Entry(None),
            }),
            outcomes: Vec::new(),
            on_the_way: VecDeque::new(),
            moved_at: None,
            state: start,
            confirmed: false,
            admit_at: None,
            proposed_at: None,
        }
    }

    /// Begins again with the first part that is not known to have arrived.
    pub(super) fn resend(&mut self) {
        if let Some(first) = self.on_the_way.front() {
            self.next = Some(*first);
            self.on_the_way.clear();
        }
    }

    /// Whether every part has arrived.
    pub(super) fn arrived(&self) -> bool {
        self.next.is_none() && self.on_the_way.is_empty()
    }
}

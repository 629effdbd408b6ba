//! What can happen.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::Arc;

use grid_core::control::{Command, ControlState};
use grid_core::membership::MemberId;
use grid_core::partition::PartitionId;
use grid_core::replication::Message;

use super::client::Request;
use super::serving::Reply;

/// One process: which place it runs at, and which of those that ran there it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Life {
    pub(super) slot: usize,
    pub(super) number: u64,
}

/// A message from one member to another.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) from: MemberId,
    pub(super) to: MemberId,
    pub(super) partition: PartitionId,
    pub(super) message: Message,
}

/// Something that happens at a moment.
#[derive(Debug)]
pub(super) enum Event {
    /// A frame arrives on a connection.
    Arrive {
        from: usize,
        to: usize,
        connection: u64,
        frame: Box<Frame>,
    },
    /// A connection that carries nothing is given up.
    GiveUp { from: usize, to: usize, connection: u64 },
    /// Someone tries to connect.
    Dial { from: usize, to: usize },
    /// A member does what time asks for.
    Tick(Life),
    /// A command that was agreed comes to a member.
    Push { to: Life, index: u64 },
    /// The agreed state comes to a member.
    Snapshot { to: Life, state: Arc<ControlState> },
    /// A member asks what was agreed after a place.
    Poll { from: Life, index: u64 },
    /// A member proposes something.
    Propose { from: Life, command: Arc<Command> },
    /// A member is told its number.
    Joined { to: Life, member: MemberId },
    /// A member asks for a lease; its own clock showed this.
    AskLease { from: Life, member: MemberId, at: u64 },
    /// It is granted until its own clock shows this.
    Lease {
        to: Life,
        member: MemberId,
        until: u64,
        leader: usize,
    },
    /// The control group does what time asks for.
    GroupTick,
    /// A request comes to a member.
    Request { to: Life, request: Box<Request> },
    /// A read is over, and its result may be shown if the member may still serve.
    FinishRead {
        at: Life,
        partition: PartitionId,
        token: u64,
    },
    /// An answer comes to a client.
    Answer {
        client: usize,
        attempt: u64,
        reply: Reply,
    },
    /// A client does what it does next.
    ClientStep { client: usize, attempt: u64 },
    /// The next fault.
    Fault,
    /// A link heals in one direction.
    HealLink { from: usize, to: usize },
    /// A process starts at a place where none runs.
    Start { slot: usize },
    /// An operator accepts that partitions are lost.
    AcceptLoss,
}

impl Event {
    /// The process to which it happens, when there is one.
    pub(super) fn life(&self) -> Option<Life> {
        match self {
            Event::Tick(life)
            | Event::Push { to: life, .. }
            | Event::Snapshot { to: life, .. }
            | Event::Joined { to: life, .. }
            | Event::Lease { to: life, .. }
            | Event::Request { to: life, .. }
            | Event::FinishRead { at: life, .. } => Some(*life),
            _ => None,
        }
    }
}

#[derive(Debug)]
struct Due {
    at: u64,
    order: u64,
    event: Event,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.order).cmp(&(self.at, self.order))
    }
}

/// What will happen, by its time, and then by the order in which it was put in.
#[derive(Debug, Default)]
pub(super) struct Queue {
    heap: BinaryHeap<Due>,
    order: u64,
}

impl Queue {
    pub(super) fn push(&mut self, at: u64, event: Event) {
        self.order += 1;
        self.heap.push(Due {
            at,
            order: self.order,
            event,
        });
    }

    pub(super) fn pop(&mut self) -> Option<(u64, Event)> {
        self.heap.pop().map(|due| (due.at, due.event))
    }
}

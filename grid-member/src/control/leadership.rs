//! Who leads.

use grid_core::membership::{Generation, MemberId};
use openraft::metrics::RaftServerMetrics;
use tokio::sync::watch;

use super::types::{Raft, Vote};

/// Who leads the group, as far as this member knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leadership {
    /// The generation of the group.
    pub generation: Generation,
    /// The term: a number for each election. Also grows from one generation to the next.
    pub term: u64,
    /// The leader of the term, if it has one that this member knows of.
    pub leader: Option<MemberId>,
}

type Metrics = RaftServerMetrics<u64, openraft::EmptyNode>;

impl Leadership {
    fn of(generation: Generation, metrics: &Metrics) -> Self {
        let leader = leader_of(&metrics.vote).filter(|_| metrics.current_leader.is_some());
        Leadership {
            generation,
            term: metrics.vote.leader_id.term,
            leader,
        }
    }
}

/// The leader that a vote speaks of, if it won.
pub(super) fn leader_of(vote: &Vote) -> Option<MemberId> {
    vote.is_committed().then(|| MemberId::new(vote.leader_id.node_id))
}

/// What there is to see at first.
pub(super) fn watch(generation: Generation, raft: &Raft) -> watch::Sender<Leadership> {
    let metrics = raft.server_metrics();
    let first = Leadership::of(generation, &metrics.borrow());
    watch::Sender::new(first)
}

/// Follows the library's view until it stops or is told to stop; then there is no leader to be seen.
pub(super) async fn follow(
    raft: Raft,
    seen: watch::Sender<Leadership>,
    stopped: impl Future<Output = ()> + Send,
) {
    let mut metrics = raft.server_metrics();
    // Nothing but the watch keeps the library going.
    drop(raft);
    let mut stopped = std::pin::pin!(stopped);
    loop {
        let now = Leadership::of(seen.borrow().generation, &metrics.borrow_and_update());
        seen.send_if_modified(|before| std::mem::replace(before, now) != now);
        let changed = tokio::select! {
            biased;
            () = &mut stopped => break,
            changed = metrics.changed() => changed,
        };
        if changed.is_err() {
            break;
        }
    }
    seen.send_modify(|last| last.leader = None);
}

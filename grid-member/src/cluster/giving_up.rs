//! Giving up events that another member does not pass on, so that its listeners are told of it in any case.
//!
//! See [`listening`](crate::listening) for what always holds.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use grid_core::control::{ControlState, Delta};
use grid_core::membership::MemberId;
use grid_core::partition::PartitionId;
use grid_core::partition::table::ServiceId;
use grid_core::replication::RoleKind;
use grid_core::store::CacheId;
use serde::{Deserialize, Serialize};

use crate::task::TaskKind;
use crate::transport::{Answer, Lane};

use super::core::Core;
use super::listening::Peer;
use super::message::{kind, read, write};

/// So long another member has to answer that it knows of a gap; then it is told again.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// Word that a member may never hear of events. See [`Notice`](crate::listening::Notice).
#[derive(Debug, Serialize, Deserialize)]
struct GapNotice {
    /// The member that may not hear of them.
    about: MemberId,
    version: u64,
    /// What they are about; none: all was heard of.
    caches: BTreeSet<CacheId>,
}

impl Core {
    /// Sends what waits for another member, and gives up what it does not pass on, once all others know.
    pub(super) fn tend(self: &Arc<Self>, peer: &Arc<Peer>) {
        if peer.outgoing.lock().is_empty() && peer.notice.lock().is_over() {
            return;
        }
        let (at, after) = (self.clock.uptime(), self.give_up_after());
        let others = self.listening.members_but(peer.member);
        let mut outgoing = peer.outgoing.lock();
        let mut notice = peer.notice.lock();
        notice.set(outgoing.may_be_missed(at, after));
        let (version, caches) = notice.now();
        if notice.is_known(&others) && outgoing.give_up(at, after, caches) {
            tracing::warn!(member = %peer.member, "events were given up: the member does not pass them on");
        }
        let body = write(&GapNotice {
            about: peer.member,
            version,
            caches: caches.clone(),
        });
        let untold = notice.to_tell(&others);
        drop(notice);
        peer.send(self, &mut outgoing);
        drop(outgoing);
        for member in untold {
            self.tell_of_gap(peer.clone(), member, (version, body.clone()));
        }
    }

    /// Tells one of the others what the peer may never hear of.
    fn tell_of_gap(&self, peer: Arc<Peer>, member: MemberId, (version, body): (u64, Bytes)) {
        let Some(link) = self.links.get(member, Lane::Data) else {
            return peer.notice.lock().told(member, None);
        };
        self.supervisor
            .spawn(TaskKind::Connection, "telling of a gap", async move {
                let answer = tokio::time::timeout(ANSWER_TIMEOUT, link.request(kind::GAP, body)).await;
                let knows = matches!(answer, Ok(Ok(_)));
                peer.notice.lock().told(member, knows.then_some(version));
            });
    }

    /// Another member tells of events that a third may never hear of.
    pub(super) fn take_gap(&self, from: Option<MemberId>, body: &[u8], answer: Answer) {
        let (Some(from), Some(told)) = (from, read::<GapNotice>(body)) else {
            return answer.fail("what may be missed cannot be read, or comes from no member");
        };
        // Under the lock that is taken when a member has gone, so that nothing is noted of one after that.
        let mut gaps = self.listening.gaps.lock();
        if self.listening.peer(from).is_none() {
            return answer.fail("it is no member any more");
        }
        gaps.note((from, told.about), told.version, told.caches);
        drop(gaps);
        answer.send(Bytes::new());
    }

    /// Before this member does what was agreed: what others gave up is told by it where it takes their place.
    pub(super) fn tell_gaps_before(&self, state: &ControlState, delta: &Delta) {
        if delta.members {
            let gone = self.listening.members_but_those_of(state);
            gone.into_iter().for_each(|member| self.take_over_gaps(member));
        }
        let is_new = |(service, partition): &(ServiceId, PartitionId)| {
            let assigned = state.assignment(*service, *partition);
            let is_mine = assigned.is_some_and(|assigned| assigned.primary == self.me());
            let replicas = self.services.read().get(service).cloned();
            is_mine && replicas.is_some_and(|replicas| replicas.read(*partition).role() != RoleKind::Primary)
        };
        let open = self.listening.gaps.lock().open();
        if !open.is_empty() && delta.partitions.iter().any(is_new) {
            open.into_iter()
                .for_each(|(about, caches)| self.push_missed(about, caches));
        }
    }

    /// A member is none any more: this one tells what it would have had to tell.
    pub(super) fn take_over_gaps(&self, gone: MemberId) {
        let left = self.listening.gaps.lock().gone(gone);
        left.into_iter()
            .for_each(|(about, caches)| self.push_missed(about, caches));
    }

    fn push_missed(&self, about: MemberId, caches: BTreeSet<CacheId>) {
        if let Some(peer) = self.listening.peer(about) {
            let mut outgoing = peer.outgoing.lock();
            outgoing.push_missed(self.clock.uptime(), caches);
            peer.send(self, &mut outgoing);
        }
    }
}

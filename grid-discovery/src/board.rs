//! Where the sources put what they found.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::announcement::is_cluster_name;
use crate::found::PEERS_MAX;
use crate::{Announcement, Found, Peer};

/// Puts together what the sources give, and tells whoever waits when it says something new.
#[derive(Debug)]
pub(crate) struct Board {
    given: Mutex<Vec<Vec<Peer>>>,
    found: watch::Sender<Found>,
    own: Option<watch::Receiver<Announcement>>,
}

impl Board {
    pub(crate) fn new(sources: usize, own: Option<watch::Receiver<Announcement>>) -> Arc<Self> {
        Arc::new(Board {
            given: Mutex::new(vec![Vec::new(); sources]),
            found: watch::Sender::default(),
            own,
        })
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Found> {
        self.found.subscribe()
    }

    /// What the member that looks says about itself; `None` for a client.
    pub(crate) fn own(&self) -> Option<Announcement> {
        let own = self.own.as_ref()?.borrow().clone();
        is_cluster_name(&own.cluster).then_some(own)
    }

    /// Waits until the member says something new about itself; for a client, or when it says nothing more, for ever.
    pub(crate) async fn own_changed(own: &mut Option<watch::Receiver<Announcement>>) {
        if let Some(changes) = own {
            if changes.changed().await.is_ok() {
                return;
            }
            *own = None;
        }
        std::future::pending().await
    }

    /// A view of what the member says about itself, to wait for changes.
    pub(crate) fn watch_own(&self) -> Option<watch::Receiver<Announcement>> {
        self.own.clone()
    }

    /// Whether the one that looks has not found its cluster yet: a member that belongs to none, a client that knows
    /// no member.
    pub(crate) fn is_looking(&self) -> bool {
        match self.own() {
            Some(own) => !own.started,
            None => self.found.borrow().peers.is_empty(),
        }
    }

    /// Replaces what a source gave.
    pub(crate) fn post(&self, source: usize, mut peers: Vec<Peer>) {
        peers.truncate(PEERS_MAX);
        let own = self.own().map(|own| (own.process, own.member_address));
        let mut given = self.given.lock();
        if let Some(place) = given.get_mut(source) {
            *place = peers;
        }
        let found = Found::merged(&given, own);
        // Still under the lock, so that an older view never replaces a newer one.
        self.found.send_if_modified(|known| {
            let differs = known.differs(&found);
            *known = found;
            differs
        });
    }
}

//! The places where members are looked for.

#[cfg(feature = "folder")]
mod directory;
mod hearing;
mod multicast;
mod packet;
#[cfg(feature = "folder")]
mod record;
#[cfg(feature = "folder")]
mod roll;
mod static_list;
#[cfg(feature = "folder")]
mod store;

use std::net::SocketAddr;
use std::sync::Arc;

use crate::board::Board;
use crate::task::Tasks;
use crate::{Announcement, Peer, Settings, SourceSettings};

/// Where one source puts what it finds.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    pub(crate) board: Arc<Board>,
    index: usize,
    name: Arc<str>,
}

impl Post {
    pub(crate) fn new(board: &Arc<Board>, index: usize, source: &SourceSettings) -> Self {
        Post {
            board: board.clone(),
            index,
            name: source.to_string().into(),
        }
    }

    /// The source, as the settings spell it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A member that this source found.
    pub(crate) fn peer(&self, address: SocketAddr, announced: Option<Announcement>, seen_ms: u64) -> Peer {
        Peer {
            address,
            announcement: announced,
            seen_ms,
            sources: vec![self.name.clone()],
        }
    }

    /// Replaces what the source gave before.
    pub(crate) fn put(&self, peers: Vec<Peer>) {
        self.board.post(self.index, peers);
    }
}

/// Starts to look in one place.
pub(crate) fn start(source: &SourceSettings, settings: &Settings, post: Post, tasks: &Tasks) {
    let (timing, token) = (settings.timing, tasks.token().clone());
    match source {
        SourceSettings::Static(addresses) => {
            tasks.spawn(static_list::run(addresses.clone(), timing.resolve, post, token));
        }
        SourceSettings::Multicast(multicast) => {
            let cluster = settings.cluster.clone();
            tasks.spawn(multicast::run(multicast.clone(), timing, cluster, post, token));
        }
        #[cfg(feature = "folder")]
        SourceSettings::Directory(directory) => {
            let cluster = settings.cluster.clone();
            tasks.spawn(directory::run(directory.clone(), timing, cluster, post, token));
        }
        #[cfg(not(feature = "folder"))]
        SourceSettings::Directory(_) => {
            tracing::error!(
                source = post.name(),
                "this program was built without directories of members"
            );
        }
    }
}

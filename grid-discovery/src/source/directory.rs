//! Members that write themselves into a directory of an object store.
//!
//! Each member has a key `servers/CLUSTER/PROCESS.json` that it writes again and again while it lives, and takes away when
//! it stops. Who looks reads all keys of the cluster; [`super::roll`] says which of them count.

use std::time::Duration;

use futures::{StreamExt, stream};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::Post;
use super::record;
use super::roll::Roll;
use super::store::Store;
use crate::board::Board;
use crate::found::PEERS_MAX;
use crate::{Announcement, DirectorySettings, Timing, clock};

/// How many keys are read at once.
const READS_AT_ONCE: usize = 16;
/// How long taking the own key away may take at the end. A key that is left dies soon by itself.
const REMOVE_TIMEOUT: Duration = Duration::from_secs(2);
/// The least time between two writes of the own key, however often the announcement changes.
const WRITE_GAP: Duration = Duration::from_millis(200);

/// Writes the own key and reads the others until the token says to stop.
pub(super) async fn run(
    settings: DirectorySettings,
    timing: Timing,
    cluster: String,
    post: Post,
    token: CancellationToken,
) {
    let mut own = post.board.watch_own();
    let mut keeper = Keeper {
        settings,
        timing,
        cluster,
        post,
        store: None,
        roll: Roll::default(),
        complained: None,
    };
    loop {
        let started = clock::now();
        tokio::select! {
            biased;
            () = token.cancelled() => break,
            () = keeper.round() => {}
        }
        let next = started + keeper.pause();
        let changed = async {
            Board::own_changed(&mut own).await;
            sleep_until(started + WRITE_GAP).await;
        };
        tokio::select! {
            biased;
            () = token.cancelled() => break,
            () = changed => {}
            () = sleep_until(next) => {}
        }
    }
    keeper.leave().await;
}

/// Keeps one directory in view.
struct Keeper {
    settings: DirectorySettings,
    timing: Timing,
    cluster: String,
    post: Post,
    store: Option<Store>,
    roll: Roll,
    /// The last complaint that is not over.
    complained: Option<String>,
}

impl Keeper {
    async fn round(&mut self) {
        match self.try_round().await {
            Ok(()) => {
                if self.complained.take().is_some() {
                    tracing::info!(source = self.post.name(), "the directory of members works again");
                }
            }
            Err(reason) => {
                if self.complained.as_ref() != Some(&reason) {
                    tracing::warn!(
                        source = self.post.name(),
                        reason,
                        "the directory of members does not work now; trying on, with what was read last"
                    );
                    self.complained = Some(reason);
                }
            }
        }
    }

    async fn try_round(&mut self) -> Result<(), String> {
        let own = self.post.board.own();
        let store = match self.store.take() {
            Some(store) => store,
            None => Store::open(&self.settings, &self.cluster, own.is_some()).await?,
        };
        let store = self.store.insert(store);
        let written = match &own {
            Some(own) => write_own(store, own, self.timing.directory_lifetime).await,
            None => Ok(()),
        };
        // Whoever cannot write still reads.
        let listed = store.list().await?;
        let now = clock::now();
        let to_read = self.roll.list(listed, now, clock::unix_ms());
        let reads = stream::iter(to_read).map(|key| {
            let store = &*store;
            async move {
                let content = store.read(&key).await;
                (key, content)
            }
        });
        let contents: Vec<_> = reads.buffer_unordered(READS_AT_ONCE).collect().await;
        for (key, content) in contents {
            self.take(&key, content);
        }
        self.tell();
        self.clean(own.as_ref(), now).await;
        written
    }

    /// Takes in what a key holds.
    fn take(&mut self, key: &str, content: Result<Option<Vec<u8>>, String>) {
        let content = match content {
            Ok(Some(bytes)) => record::read(&bytes).and_then(|(announcement, lifetime)| {
                if announcement.cluster == self.cluster {
                    Ok((announcement, lifetime))
                } else {
                    Err(format!("it is of the cluster {:?}", announcement.cluster))
                }
            }),
            // Gone since it was listed, or not readable now: the next round sees.
            Ok(None) => return,
            Err(reason) => {
                tracing::debug!(source = self.post.name(), key, reason, "a key cannot be read now");
                return;
            }
        };
        let reason = content.as_ref().err().cloned();
        let is_news = self.roll.content(key, content.ok());
        if let Some(reason) = reason.filter(|_| is_news) {
            tracing::warn!(
                source = self.post.name(),
                key,
                reason,
                "no record of a member; it is ignored"
            );
        }
    }

    fn tell(&self) {
        let living = self.roll.living(clock::now(), self.timing.directory_lifetime);
        let peers = living.take(PEERS_MAX).map(|(announcement, seen_ms)| {
            let announced = Some(announcement.clone());
            self.post.peer(announcement.member_address, announced, seen_ms)
        });
        self.post.put(peers.collect());
    }

    /// Takes the keys of the dead away. A client leaves them.
    async fn clean(&self, own: Option<&Announcement>, now: Instant) {
        let (Some(store), Some(own)) = (&self.store, own) else {
            return;
        };
        let own_key = store.key(name_of(own));
        for key in self.roll.dead(now, self.timing.directory_lifetime) {
            let key = object_store::path::Path::from(key);
            if key == own_key {
                continue;
            }
            match store.remove(&key).await {
                Ok(()) => {
                    tracing::info!(source = self.post.name(), %key, "a dead member's key was taken away")
                }
                Err(reason) => {
                    tracing::debug!(source = self.post.name(), %key, reason, "a dead key cannot be taken away now");
                }
            }
        }
    }

    /// How long until the next round. One that looks for its cluster reads more often.
    fn pause(&self) -> Duration {
        if self.post.board.is_looking() {
            self.timing.looking.min(self.timing.directory_beat)
        } else {
            self.timing.directory_beat
        }
    }

    /// Takes the own key away.
    async fn leave(self) {
        let (Some(store), Some(own)) = (self.store, self.post.board.own()) else {
            return;
        };
        let key = store.key(name_of(&own));
        let removed = timeout(REMOVE_TIMEOUT, store.remove(&key)).await;
        if let Ok(Err(reason)) = removed {
            tracing::debug!(%key, reason, "the own key was left; it dies by itself");
        }
    }
}

fn name_of(own: &Announcement) -> String {
    format!("{}.json", own.process)
}

async fn write_own(store: &Store, own: &Announcement, lifetime: Duration) -> Result<(), String> {
    let Some(announcement) = own.clone().resolved(None) else {
        return Err(format!(
            "{} says nothing to others; give this member an address that they can connect to",
            own.member_address
        ));
    };
    let bytes = record::write(&announcement, lifetime, clock::unix_ms());
    store.write(&store.key(name_of(own)), bytes).await
}

//! Finding members otherwise than by a list.

use std::net::SocketAddr;
use std::time::Duration;

use grid_core::membership::ClusterId;
use grid_discovery::{Announcement, Discovery, Settings, SourceSettings};
use grid_member::cluster::ClusterSettings;
use tokio::sync::watch;

use crate::config::Config;

use super::StartError;

/// How often it is said that nobody was found.
const SAY_EVERY: Duration = Duration::from_secs(5);

/// Announces this member, and looks for others, in the ways of `cluster.discover`.
#[derive(Debug)]
pub(super) struct Lookout {
    discovery: Discovery,
    own: watch::Sender<Announcement>,
    ways: String,
}

impl Lookout {
    /// Begins, if there is anywhere to look beside lists, which need no announcement.
    ///
    /// # Errors
    /// When the ways make no sense together.
    pub(super) fn start(config: &Config, member: &ClusterSettings) -> Result<Option<Self>, StartError> {
        let is_list = |source: &&SourceSettings| matches!(source, SourceSettings::Static(_));
        let sources = config
            .cluster
            .discover
            .iter()
            .flatten()
            .filter(|source| !is_list(source));
        let sources: Vec<SourceSettings> = sources.cloned().collect();
        if sources.is_empty() {
            return Ok(None);
        }
        let ways: Vec<String> = sources.iter().map(ToString::to_string).collect();
        let (own, announced) = watch::channel(Announcement {
            cluster: member.cluster_name.clone(),
            cluster_id: None,
            process: member.process,
            member_address: member.advertised.unwrap_or(member.listen),
            grpc: member.grpc,
            http: member.http,
            started: false,
        });
        let settings = Settings::new(&member.cluster_name, sources);
        let discovery = Discovery::start(&settings, Some(announced)).map_err(StartError::Discovery)?;
        Ok(Some(Lookout {
            discovery,
            own,
            ways: ways.join(", "),
        }))
    }

    /// The members that were found, at least one. Says every few seconds that it waits.
    ///
    /// One is enough: it belongs to a cluster, or it is found by the others too and brings them together.
    pub(super) async fn first_found(&self) -> Vec<SocketAddr> {
        let mut found = self.discovery.found();
        loop {
            let waited =
                tokio::time::timeout(SAY_EVERY, found.wait_for(|found| !found.peers.is_empty())).await;
            match waited {
                Ok(Ok(known)) => return known.member_addresses().collect(),
                // The discovery lives as long as this does.
                Ok(Err(_ended)) => return Vec::new(),
                Err(_elapsed) => {
                    tracing::info!(ways = %self.ways, "no other member was found yet; looking on")
                }
            }
        }
    }

    /// From now on whoever looks is told that this cluster runs.
    pub(super) fn joined(&self, cluster: Option<ClusterId>) {
        self.own.send_modify(|own| {
            own.started = true;
            own.cluster_id = cluster;
        });
    }

    /// Says goodbye.
    pub(super) async fn stop(self) {
        self.discovery.stop().await;
    }
}

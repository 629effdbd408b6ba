//! Finding members, for as long as this one runs.

use grid_core::membership::ClusterId;
use grid_discovery::{Announcement, Discovery, Found, HostPort, Settings, SettingsError, SourceSettings};
use grid_member::cluster::ClusterSettings;
use tokio::sync::watch;

use crate::config::Config;

use super::StartError;

/// The most addresses of one list. More are several lists.
const LIST_LEN: usize = 256;

/// Announces this member, and looks for others: in the ways of `cluster.discover`, and at the addresses of `cluster.join`, whose
/// names may come to stand for others.
#[derive(Debug)]
pub(super) struct Lookout {
    discovery: Discovery,
    own: watch::Sender<Announcement>,
}

impl Lookout {
    /// Begins, if there is anywhere to look.
    ///
    /// # Errors
    /// When the ways make no sense together.
    pub(super) fn start(config: &Config, member: &ClusterSettings) -> Result<Option<Self>, StartError> {
        let sources = sources(config, member).map_err(StartError::Discovery)?;
        if sources.is_empty() {
            return Ok(None);
        }
        let ways: Vec<String> = sources.iter().map(ToString::to_string).collect();
        tracing::info!(ways = ways.join("; "), "looking for other members");
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
        Ok(Some(Lookout { discovery, own }))
    }

    /// What is found, whenever it changes.
    pub(super) fn found(&self) -> watch::Receiver<Found> {
        self.discovery.found()
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

/// Where to look: the ways of `cluster.discover`, with all lists and the addresses to join as one.
fn sources(config: &Config, member: &ClusterSettings) -> Result<Vec<SourceSettings>, SettingsError> {
    let listed: Vec<HostPort> = member
        .join
        .iter()
        .flatten()
        .map(|address| address.parse())
        .collect::<Result<_, _>>()?;
    let lists = listed
        .chunks(LIST_LEN)
        .map(|list| SourceSettings::Static(list.to_vec()));
    let is_list = |source: &&SourceSettings| matches!(source, SourceSettings::Static(_));
    let ways = config.cluster.discover.iter().flatten();
    Ok(lists.chain(ways.filter(|way| !is_list(way)).cloned()).collect())
}

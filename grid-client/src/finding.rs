//! Looks for members while a session lives.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::select_all;
use futures::{StreamExt, stream};
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use grid_discovery::name_service::grpc_addresses;
use grid_discovery::{Discovery, Found, HostPort, Settings, SettingsError};

use crate::session::{Addresses, ConnectError};
use crate::task::Tasks;

/// The most ways, and the most name services, of one session.
const WAYS_MAX: usize = 16;
/// The most name services that are asked in one round.
const LOOKUPS_MAX: usize = 64;
/// How many are asked at once.
const LOOKUPS_AT_ONCE: usize = 8;
/// How long a name service may take.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);
/// How long what name services said is believed.
const LOOKUP_PERIOD: Duration = Duration::from_secs(30);
/// The pause between two rounds while nothing is known, or connections fail.
const LOOKUP_PAUSE: Duration = Duration::from_millis(500);

/// Where to look for members.
#[derive(Clone, Debug, Default)]
pub(crate) struct Finding {
    pub(crate) ways: Vec<Settings>,
    /// As `host:port`, or `host:port/cluster`.
    pub(crate) name_services: Vec<String>,
}

/// A name service, and the cluster that is asked for.
type NameService = (HostPort, Option<String>);

impl Finding {
    pub(crate) fn is_empty(&self) -> bool {
        self.ways.is_empty() && self.name_services.is_empty()
    }

    /// Whether the settings make sense.
    pub(crate) fn check(&self) -> Result<(), ConnectError> {
        for (what, count) in [
            ("discover", self.ways.len()),
            ("name_service", self.name_services.len()),
        ] {
            if count > WAYS_MAX {
                let what = format!("{what} was called {count} times; call it at most {WAYS_MAX} times");
                return Err(ConnectError::Setting { what });
            }
        }
        self.ways.iter().try_for_each(Settings::check).map_err(no_sense)?;
        self.parsed().map(|_| ())
    }

    fn parsed(&self) -> Result<Vec<NameService>, ConnectError> {
        let parse = |text: &String| {
            let (address, cluster) = match text.split_once('/') {
                Some((address, cluster)) => (address, Some(cluster.to_owned())),
                None => (text.as_str(), None),
            };
            Ok((address.parse().map_err(no_sense)?, cluster))
        };
        self.name_services.iter().map(parse).collect()
    }

    /// Where is looked, for people.
    pub(crate) fn sources(&self) -> Vec<String> {
        let ways = self
            .ways
            .iter()
            .flat_map(|way| way.sources.iter().map(ToString::to_string));
        let name_services = self
            .name_services
            .iter()
            .map(|address| format!("name service {address}"));
        ways.chain(name_services).collect()
    }

    /// Begins to look; what is found goes to the addresses.
    pub(crate) fn start(&self, addresses: &Arc<Addresses>, tasks: &Tasks) -> Result<(), ConnectError> {
        if self.is_empty() {
            return Ok(());
        }
        let start = |way: &Settings| {
            let discovery = Discovery::start(way, None).map_err(no_sense)?;
            Ok(Way {
                found: discovery.found(),
                discovery,
                cluster: way.cluster.clone(),
            })
        };
        let finder = Finder {
            ways: self.ways.iter().map(start).collect::<Result<_, _>>()?,
            name_services: self.parsed()?,
            said: BTreeMap::new(),
            addresses: addresses.clone(),
        };
        tasks.spawn("discovery", finder.run(tasks.token().clone()));
        Ok(())
    }
}

fn no_sense(error: SettingsError) -> ConnectError {
    ConnectError::Setting {
        what: error.to_string(),
    }
}

/// A discovery that runs.
struct Way {
    discovery: Discovery,
    found: watch::Receiver<Found>,
    cluster: String,
}

/// Keeps the addresses of a session fresh.
struct Finder {
    ways: Vec<Way>,
    name_services: Vec<NameService>,
    /// What each name service said last.
    said: BTreeMap<NameService, Vec<HostPort>>,
    addresses: Arc<Addresses>,
}

impl Finder {
    async fn run(mut self, token: CancellationToken) {
        loop {
            let round = async {
                let known = self.round().await;
                sleep(LOOKUP_PAUSE).await;
                tokio::select! {
                    () = changed(&mut self.ways) => {}
                    () = self.addresses.wanted() => {}
                    () = sleep(LOOKUP_PERIOD), if known => {}
                    () = sleep(LOOKUP_PAUSE), if !known => {}
                }
            };
            tokio::select! {
                biased;
                () = token.cancelled() => break,
                () = round => {}
            }
        }
        for way in self.ways {
            way.discovery.stop().await;
        }
    }

    /// Looks once. Whether any address is known.
    async fn round(&mut self) -> bool {
        let mut found: Vec<Arc<str>> = Vec::new();
        let mut name_services = self.name_services.clone();
        for way in &mut self.ways {
            let peers = way.found.borrow_and_update();
            found.extend(
                peers
                    .grpc_addresses()
                    .iter()
                    .map(|address| address.to_string().into()),
            );
            // A member that said nothing about itself is asked.
            let silent = peers.peers.iter().filter(|peer| peer.announcement.is_none());
            name_services.extend(silent.filter_map(|peer| {
                let address = HostPort::new(&peer.address.ip().to_string(), peer.address.port());
                Some((address.ok()?, Some(way.cluster.clone())))
            }));
        }
        name_services.sort();
        name_services.dedup();
        name_services.truncate(LOOKUPS_MAX);
        let said = |said: &BTreeMap<_, Vec<HostPort>>| -> Vec<Arc<str>> {
            said.values()
                .flatten()
                .map(|address: &HostPort| address.to_string().into())
                .collect()
        };
        // What is known now is of use before slow name services have answered.
        self.publish(found.iter().cloned().chain(said(&self.said)));
        let lookups = stream::iter(name_services.iter().cloned()).map(|(address, cluster)| async move {
            let answer = grpc_addresses(&address, cluster.as_deref(), LOOKUP_TIMEOUT).await;
            ((address, cluster), answer)
        });
        let answers: Vec<_> = lookups.buffer_unordered(LOOKUPS_AT_ONCE).collect().await;
        self.said
            .retain(|name_service, _| name_services.contains(name_service));
        for (name_service, answer) in answers {
            match answer {
                Ok(addresses) => {
                    self.said.insert(name_service, addresses);
                }
                // What it said before still counts: it may be the member that is away.
                Err(error) => tracing::debug!(%error, "a name service has no answer"),
            }
        }
        found.extend(said(&self.said));
        let known = !found.is_empty();
        self.publish(found);
        known
    }

    /// Hands the addresses over, each once.
    fn publish(&self, found: impl IntoIterator<Item = Arc<str>>) {
        let mut once: Vec<Arc<str>> = Vec::new();
        for address in found {
            if !once.contains(&address) {
                once.push(address);
            }
        }
        self.addresses.found(once);
    }
}

/// Waits until one of the ways finds something else.
async fn changed(ways: &mut [Way]) {
    let mut changes: Vec<_> = ways.iter_mut().map(|way| Box::pin(way.found.changed())).collect();
    if changes.is_empty() {
        return std::future::pending().await;
    }
    let _which = select_all(changes.drain(..)).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Session;

    #[tokio::test]
    async fn settings_without_sense_begin_nothing() {
        for (builder, words) in [
            (Session::builder().name_service("host"), "write HOST:PORT"),
            (
                Session::builder().discover(Settings::new("a b", Vec::new())),
                "no name of a cluster",
            ),
            (
                (0..17).fold(Session::builder(), |builder, _| builder.name_service("a:1")),
                "at most 16 times",
            ),
        ] {
            let error = builder
                .connect()
                .await
                .expect_err("such a session must not begin");
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}

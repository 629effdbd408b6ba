//! Settings that are right by themselves and wrong together.

use std::net::IpAddr;

use grid_discovery::SourceSettings;
use grid_member::cache::CacheKind;

use super::mistake::Mistake;
use super::{Config, HostPort, Loaded};

/// What is wrong with settings together, each at the place of the one that can be changed.
pub(super) fn contradictions(loaded: &Loaded) -> Vec<Mistake> {
    let mut found = Found {
        loaded,
        mistakes: Vec::new(),
    };
    found.of_the_cluster();
    found.of_addresses();
    found.of_tls();
    for (index, cache) in loaded.config.caches.iter().enumerate() {
        if cache.kind == CacheKind::Local && cache.backups.is_some_and(|backups| backups.get() > 0) {
            let problem = "a local cache is in one process alone and has no backups; leave it out, or make the kind \
                           \"partitioned\"";
            found.at(&format!("cache[{index}].backups"), problem);
        }
    }
    found.mistakes
}

struct Found<'a> {
    loaded: &'a Loaded,
    mistakes: Vec<Mistake>,
}

impl Found<'_> {
    fn at(&mut self, key: &str, problem: &str) {
        self.mistakes.push(Mistake {
            place: self.loaded.source(key),
            key: key.to_owned(),
            problem: problem.to_owned(),
        });
    }

    fn of_the_cluster(&mut self) {
        let Config { cluster, .. } = &self.loaded.config;
        if cluster.expect.is_some() && cluster.join.is_none() && cluster.discover.is_none() {
            let problem = "nobody can be expected without cluster.join or cluster.discover: such a member starts a \
                           cluster of its own at once";
            self.at("cluster.expect", problem);
        }
        if cluster.discover.is_some() && cluster.join.is_none() && cluster.expect.unwrap_or(0) < 2 {
            let problem = "without cluster.join the number of members to start with must be said: set cluster.expect, \
                           to 2 at least";
            self.at("cluster.discover", problem);
        }
    }

    fn of_addresses(&mut self) {
        let Config { cluster, member, .. } = &self.loaded.config;
        if member
            .advertise
            .as_ref()
            .is_some_and(|address| address.port() == 0 || is_any(address))
        {
            self.at(
                "member.advertise",
                "others cannot connect to that; give the address and the port that they reach",
            );
        }
        let announces = |source: &SourceSettings| !matches!(source, SourceSettings::Static(_));
        let announced = cluster.discover.iter().flatten().any(announces);
        if announced && member.listen.port() == 0 && member.advertise.is_none() {
            let problem = "a member that others are to discover needs a port of its own; give another than 0, or set \
                           member.advertise";
            self.at("member.listen", problem);
        }
    }

    fn of_tls(&mut self) {
        let tls = self.loaded.config.member.tls.clone();
        let files = [
            ("member.tls-certificate", tls.certificate.is_some()),
            ("member.tls-key", tls.key.is_some()),
            ("member.tls-authority", tls.authority.is_some()),
        ];
        let missing: Vec<&str> = files
            .iter()
            .filter(|(_, set)| !set)
            .map(|(key, _)| *key)
            .collect();
        let named = ("member.tls-name", tls.name.is_some());
        let given = files.iter().chain([&named]).find(|(_, set)| *set);
        if let (Some((key, _)), false) = (given, missing.is_empty()) {
            let problem = format!(
                "TLS between members needs a certificate, its key and the authority; set {} too",
                missing.join(" and ")
            );
            self.at(key, &problem);
        }
    }
}

/// Whether this is "any address", which nobody can connect to.
fn is_any(address: &HostPort) -> bool {
    address
        .host()
        .parse::<IpAddr>()
        .is_ok_and(|ip| ip.is_unspecified())
}

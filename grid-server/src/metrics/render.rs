//! The text format of Prometheus.

use std::fmt::{Display, Write};

use grid_member::cache::CacheInfo;

use crate::cluster_view::{ClusterFigures, ClusterInfo};

use super::Metrics;
use super::metric_definitions::{self as def, Metric};
use super::process;

type CacheFigure = fn(&CacheInfo) -> u64;

const CACHE_FIGURES: [(Metric, CacheFigure); 7] = [
    (def::CACHE_ENTRIES, |cache| cache.entries),
    (def::CACHE_BYTES, |cache| cache.bytes),
    (def::CACHE_INDEX_BYTES, |cache| cache.index_bytes),
    (def::CACHE_HITS, |cache| cache.hits),
    (def::CACHE_MISSES, |cache| cache.misses),
    (def::CACHE_PUTS, |cache| cache.puts),
    (def::CACHE_REMOVES, |cache| cache.removes),
];

impl Metrics {
    /// Everything as text for Prometheus, version 0.0.4. There are no figures of a cluster before the member knows one.
    #[must_use]
    pub fn render(&self, cluster: Option<&(ClusterInfo, ClusterFigures)>, caches: &[CacheInfo]) -> String {
        let mut page = Page::default();
        page.one(def::BUILD_INFO, &[(def::VERSION, env!("CARGO_PKG_VERSION"))], 1);
        if let Some(bytes) = process::resident_bytes() {
            page.one(def::PROCESS_RESIDENT_BYTES, &[], bytes);
        }
        self.edges(&mut page);
        if let Some((cluster, figures)) = cluster {
            of_cluster(&mut page, cluster, figures);
        }
        for (metric, figure) in CACHE_FIGURES {
            page.head(metric);
            for cache in caches {
                let kind = cache.kind.to_string();
                page.sample(
                    metric.name,
                    &[(def::CACHE, &cache.name), (def::KIND, &kind)],
                    figure(cache),
                );
            }
        }
        page.text
    }

    fn edges(&self, page: &mut Page) {
        let grpc = self.grpc.figures();
        let http = &self.http_connections;
        page.head(def::CONNECTIONS_OPEN);
        for (edge, count) in [("grpc", grpc.connections_open), ("http", http.open_count())] {
            page.sample(def::CONNECTIONS_OPEN.name, &[(def::EDGE, edge)], count);
        }
        page.head(def::CONNECTIONS_REFUSED);
        for (edge, count) in [("grpc", grpc.connections_refused), ("http", http.refused_count())] {
            page.sample(def::CONNECTIONS_REFUSED.name, &[(def::EDGE, edge)], count);
        }
        page.head(def::GRPC_STREAMS_ENDED);
        for (reason, count) in [
            ("malformed", grpc.streams_malformed),
            ("too-slow", grpc.streams_too_slow),
        ] {
            page.sample(def::GRPC_STREAMS_ENDED.name, &[(def::REASON, reason)], count);
        }
        page.head(def::GRPC_REQUESTS);
        for figures in &grpc.requests {
            for (outcome, count) in [("done", figures.done), ("refused", figures.refused)] {
                let labels = [(def::REQUEST, figures.request), (def::OUTCOME, outcome)];
                page.sample(def::GRPC_REQUESTS.name, &labels, count);
            }
        }
    }
}

fn of_cluster(page: &mut Page, cluster: &ClusterInfo, figures: &ClusterFigures) {
    page.one(def::MEMBERS, &[], cluster.members.len());
    page.one(def::PARTITIONS, &[], cluster.partitions.count);
    page.one(def::PARTITIONS_UNASSIGNED, &[], cluster.partitions.unassigned);
    page.one(def::PARTITIONS_ENDANGERED, &[], cluster.partitions.endangered);
    page.one(def::PARTITIONS_MOVING, &[], cluster.partitions.moving);
    page.one(def::PARTITIONS_LOST, &[], figures.lost);
    page.one(def::CLUSTER_STATUS_HA, &[], cluster.status_ha.level());
    page.one(def::CLUSTER_LEADS, &[], u8::from(figures.leads));
    page.one(def::CLUSTER_EPOCH, &[], cluster.epoch);
    page.one(
        def::LEASE_MISSING_SECONDS,
        &[],
        figures.lease_missing.as_secs_f64(),
    );
    page.one(def::QUESTIONS_OPEN, &[], figures.questions_open);
    page.one(def::QUESTIONS_WITHDRAWN, &[], figures.questions_withdrawn);
}

#[derive(Default)]
struct Page {
    text: String,
}

// Writing into a String cannot fail, so the results of `write!` are dropped.
impl Page {
    fn head(&mut self, metric: Metric) {
        let Metric { name, kind, help } = metric;
        let _ = write!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn one(&mut self, metric: Metric, labels: &[(&str, &str)], value: impl Display) {
        self.head(metric);
        self.sample(metric.name, labels, value);
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.text.push_str(name);
        for (at, (label, value)) in labels.iter().enumerate() {
            let _ = write!(self.text, "{}{label}=\"", if at == 0 { '{' } else { ',' });
            for c in value.chars() {
                match c {
                    '\\' => self.text.push_str("\\\\"),
                    '"' => self.text.push_str("\\\""),
                    '\n' => self.text.push_str("\\n"),
                    c => self.text.push(c),
                }
            }
            self.text.push('"');
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.text, "{end} {value}");
    }
}

#[cfg(test)]
mod tests {
    use grid_member::cache::CacheKind;

    use super::super::{GrpcCounts, GrpcFigures, RequestFigures};
    use super::*;
    use crate::cluster_view::{PartitionsInfo, StatusHa};

    #[derive(Debug)]
    struct Fixed;

    impl GrpcCounts for Fixed {
        fn figures(&self) -> GrpcFigures {
            GrpcFigures {
                connections_open: 7,
                connections_refused: 8,
                streams_malformed: 9,
                streams_too_slow: 10,
                requests: vec![RequestFigures {
                    request: "Get",
                    done: 11,
                    refused: 12,
                }],
            }
        }
    }

    #[test]
    fn the_page_has_every_figure() {
        let cluster = ClusterInfo {
            name: "girih".to_owned(),
            members: Vec::new(),
            partitions: PartitionsInfo {
                count: 257,
                unassigned: 1,
                endangered: 2,
                moving: 3,
            },
            status_ha: StatusHa::MachineSafe,
            leader: Some(1),
            epoch: 12,
        };
        let figures = ClusterFigures {
            lost: 4,
            leads: true,
            lease_missing: std::time::Duration::from_millis(1_500),
            questions_open: 2,
            questions_withdrawn: 3,
        };
        let cache = CacheInfo {
            name: "a\"b\\c".to_owned(),
            kind: CacheKind::Local,
            entries: 1,
            bytes: 2,
            index_bytes: 9,
            hits: 3,
            misses: 4,
            puts: 5,
            removes: 6,
        };
        let metrics = Metrics::new(std::sync::Arc::new(Fixed));
        let _open = metrics.http_connections.opened();
        let text = metrics.render(Some(&(cluster, figures)), &[cache]);
        for line in [
            "# TYPE grid_cache_hits_total counter",
            "grid_cache_entries{cache=\"a\\\"b\\\\c\",kind=\"local\"} 1",
            "grid_cache_index_bytes{cache=\"a\\\"b\\\\c\",kind=\"local\"} 9",
            "grid_cache_removes_total{cache=\"a\\\"b\\\\c\",kind=\"local\"} 6",
            "grid_connections_open{edge=\"http\"} 1",
            "grid_connections_open{edge=\"grpc\"} 7",
            "grid_connections_refused_total{edge=\"grpc\"} 8",
            "grid_grpc_streams_ended_total{reason=\"malformed\"} 9",
            "grid_grpc_streams_ended_total{reason=\"too-slow\"} 10",
            "grid_partitions_moving_count 3",
            "grid_partitions_lost_count 4",
            "grid_cluster_status_ha 2",
            "grid_cluster_leads 1",
            "grid_cluster_epoch 12",
            "grid_lease_missing_seconds 1.5",
            "grid_questions_open 2",
            "grid_questions_withdrawn_total 3",
            "grid_grpc_requests_total{request=\"Get\",outcome=\"done\"} 11",
            "grid_grpc_requests_total{request=\"Get\",outcome=\"refused\"} 12",
        ] {
            assert!(
                text.lines().any(|given| given == line),
                "{line:?} is missing in\n{text}"
            );
        }
    }

    #[test]
    fn resident_memory_is_known_on_linux() {
        assert_eq!(
            process::resident_bytes().is_some_and(|bytes| bytes > 0),
            cfg!(target_os = "linux")
        );
    }
}

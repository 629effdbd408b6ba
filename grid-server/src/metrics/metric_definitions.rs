//! The names of all metrics and labels.

/// A metric: its name, its type, and what it says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Metric {
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    pub(super) help: &'static str,
}

const fn gauge(name: &'static str, help: &'static str) -> Metric {
    Metric {
        name,
        kind: "gauge",
        help,
    }
}

const fn counter(name: &'static str, help: &'static str) -> Metric {
    Metric {
        name,
        kind: "counter",
        help,
    }
}

pub(super) const CACHE: &str = "cache";
pub(super) const KIND: &str = "kind";
pub(super) const EDGE: &str = "edge";
pub(super) const REQUEST: &str = "request";
pub(super) const OUTCOME: &str = "outcome";
pub(super) const VERSION: &str = "version";
pub(super) const REASON: &str = "reason";

pub(super) const BUILD_INFO: Metric =
    gauge("grid_build_info", "Always 1; the label says which version runs.");
pub(super) const PROCESS_RESIDENT_BYTES: Metric = gauge(
    "grid_process_resident_bytes",
    "Memory of the process that is resident.",
);
pub(super) const CONNECTIONS_OPEN: Metric = gauge("grid_connections_open", "Connections that are open.");
pub(super) const CONNECTIONS_REFUSED: Metric = counter(
    "grid_connections_refused_total",
    "Connections refused because the most were open.",
);
pub(super) const GRPC_REQUESTS: Metric = counter(
    "grid_grpc_requests_total",
    "gRPC requests answered, by type and outcome.",
);
pub(super) const GRPC_STREAMS_ENDED: Metric = counter(
    "grid_grpc_streams_ended_total",
    "gRPC streams that the server ended, by reason.",
);
pub(super) const PARTITIONS: Metric = gauge("grid_partitions_count", "Partitions of the cluster.");
pub(super) const PARTITIONS_UNASSIGNED: Metric = gauge(
    "grid_partitions_unassigned_count",
    "Partitions that no member holds.",
);
pub(super) const PARTITIONS_ENDANGERED: Metric = gauge(
    "grid_partitions_endangered_count",
    "Partitions with fewer copies than they should have.",
);
pub(super) const PARTITIONS_MOVING: Metric = gauge(
    "grid_partitions_moving_count",
    "Partitions on their way from one member to another.",
);
pub(super) const PARTITIONS_LOST: Metric = gauge(
    "grid_partitions_lost_count",
    "Partitions without any copy, whose loss nobody has accepted.",
);
pub(super) const CLUSTER_STATUS_HA: Metric = gauge(
    "grid_cluster_status_ha",
    "What can be lost without losing data: 0 nothing, 1 a member, 2 a machine, 3 a rack, 4 a site.",
);
pub(super) const CLUSTER_LEADS: Metric = gauge(
    "grid_cluster_leads",
    "1 if this member leads the cluster, 0 if not.",
);
pub(super) const CLUSTER_EPOCH: Metric = gauge(
    "grid_cluster_epoch",
    "Changes of what the members agreed on, as far as this member knows.",
);
pub(super) const LEASE_MISSING_SECONDS: Metric = gauge(
    "grid_lease_missing_seconds",
    "For how long this member has had no lease, so that it serves nothing; 0 while it has one.",
);
pub(super) const QUESTIONS_OPEN: Metric = gauge(
    "grid_questions_open",
    "Queries and aggregations of other members that this one is answering.",
);
pub(super) const QUESTIONS_WITHDRAWN: Metric = counter(
    "grid_questions_withdrawn_total",
    "Those that were withdrawn while they were being answered.",
);
pub(super) const MEMBERS: Metric = gauge("grid_members_count", "Members of the cluster.");
pub(super) const CACHE_ENTRIES: Metric = gauge("grid_cache_entries", "Entries of a cache.");
pub(super) const CACHE_BYTES: Metric = gauge("grid_cache_bytes", "Bytes of the keys and values of a cache.");
pub(super) const CACHE_INDEX_BYTES: Metric =
    gauge("grid_cache_index_bytes", "Bytes of the indexes of a cache.");
pub(super) const CACHE_HITS: Metric = counter("grid_cache_hits_total", "Lookups that found a value.");
pub(super) const CACHE_MISSES: Metric = counter("grid_cache_misses_total", "Lookups that found none.");
pub(super) const CACHE_PUTS: Metric = counter("grid_cache_puts_total", "Values written.");
pub(super) const CACHE_REMOVES: Metric = counter("grid_cache_removes_total", "Entries removed by request.");

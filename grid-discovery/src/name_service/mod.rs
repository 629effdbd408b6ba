//! The name service: how clients of Coherence look up where gRPC is served.
//!
//! A client connects to the port of members, says with its first eight bytes that it wants the name service, opens a
//! connection and a channel in the messages of Coherence*Extend, and looks names up. The Go client does so for addresses
//! like `coherence:///host:7574`, the Java client for its name service addresses, and `NSLookup` from the command line.
//! Coherence CE 25.03 is the reference: for the same facts the same bytes are answered.
//!
//! Nothing can be changed here, and every connection is bounded in time, length of messages and number of lookups.
//!
//! | name | answer |
//! |---|---|
//! | `Cluster/name` | the name of the cluster |
//! | `Cluster/info` | the members, for people |
//! | `Cluster/foreign` | the other clusters at this port: none |
//! | `Cluster/foreign/NAME/NameService/localPort` | the port of this name service, if the cluster is called so; the reference has no answer for its own cluster, which leaves `coherence:///host:7574/NAME` without one |
//! | `$GRPC:GrpcProxy` | where gRPC is served: addresses and ports in turn, those of this member first |
//! | `metrics/HTTPMetricsURL`, `health/HTTPHealthURL` | where metrics and health checks are served |
//! | anything else | null |
//!
//! With `NameService/string/` before it, every name is answered with a text. Without, the reference answers lists as
//! lists (and URLs not at all, so that they are texts here).

mod facts;
mod lookup;
mod message;
mod pof;
mod serve;

pub use facts::{Answer, Facts};
pub use lookup::{LookupConnection, LookupError, grpc_addresses};
pub use serve::{ServeError, is_name_service, serve};

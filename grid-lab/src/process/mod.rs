//! Members as processes.

mod binary;
mod cluster;
mod cluster_info;
mod http;
mod member;
mod owners;

pub use binary::Binary;
pub use cluster::{Cluster, ClusterSettings};
pub use cluster_info::{ClusterInfo, MemberInfo, PartitionsInfo};
pub use http::{HttpError, get};
pub use member::{Addresses, Member, Signal};
pub use owners::{moved, primaries};

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why a member is not as it should be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProcessError {
    /// The program `grid` is not there.
    #[error("there is no program {}: build it with `cargo build --release -p grid-server`, or name another with --grid FILE", .path.display())]
    NoBinary {
        /// Where it should be.
        path: PathBuf,
    },
    /// The program `grid` cannot be built.
    #[error("the program grid cannot be built: {reason}")]
    Build {
        /// What happened.
        reason: String,
    },
    /// A process cannot be started, signalled or waited for.
    #[error("m{member}: {what}: {error}")]
    System {
        /// Whose process; members count from 1.
        member: usize,
        /// What was tried.
        what: &'static str,
        /// What happened.
        error: io::Error,
    },
    /// A process ended before it was ready.
    #[error("m{member} ended before it was ready ({status}); the end of its log {}:\n{tail}", .log.display())]
    Ended {
        /// Whose process.
        member: usize,
        /// How it ended.
        status: String,
        /// Where its messages are.
        log: PathBuf,
        /// The last of them.
        tail: String,
    },
    /// A process did not become ready, or did not end, in time.
    #[error("m{member} {what} within {after:?}; its log is {}", .log.display())]
    Late {
        /// Whose process.
        member: usize,
        /// What it did not do.
        what: &'static str,
        /// How long was waited.
        after: Duration,
        /// Where its messages are.
        log: PathBuf,
    },
    /// A process that should run does not.
    #[error("m{member} does not run")]
    NotRunning {
        /// Whose process.
        member: usize,
    },
    /// A process ended in another way than it should.
    #[error("m{member} ended with {status} when asked to stop; its log is {}", .log.display())]
    Status {
        /// Whose process.
        member: usize,
        /// How it ended.
        status: String,
        /// Where its messages are.
        log: PathBuf,
    },
    /// The cluster did not become as it should in time.
    #[error("the cluster is not whole within {after:?}: {seen}")]
    NotWhole {
        /// How long was waited.
        after: Duration,
        /// What the members said last.
        seen: String,
    },
}

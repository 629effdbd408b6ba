//! What can go wrong with a session as a whole.

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// An address is not of the form `host:port`.
    #[error("{address:?} is no address; write host:port, for example 127.0.0.1:1408")]
    Address {
        /// The text that was given.
        address: String,
    },
    /// A setting makes no sense.
    #[error("{what}")]
    Setting {
        /// Which, and what would be right.
        what: String,
    },
    /// No member was found.
    #[error(
        "no member was found within {after:?} by {}: check that one runs, belongs to the cluster that is looked for, and announces itself there",
        .sources.join(", ")
    )]
    NothingFound {
        /// Where it was looked for.
        sources: Vec<String>,
        /// For how long.
        after: std::time::Duration,
    },
    /// No address could be connected to.
    #[error("no server could be reached ({}): check the address and whether the server runs", .attempts.join("; "))]
    Unreachable {
        /// Each address that was tried, and why it failed.
        attempts: Vec<String>,
    },
}

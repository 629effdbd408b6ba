//! Why a scenario could not go on.

use std::io;
use std::path::PathBuf;

use grid_core::cache::CacheError;

use crate::history::HistoryError;
use crate::load::LoadError;
use crate::network::NetworkError;
use crate::process::ProcessError;

/// Why a scenario could not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabError {
    /// The network.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// A member.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The load.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The history.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// The entries that nobody touches.
    #[error("the entries that nobody touches: {error}")]
    Entries {
        /// What happened.
        error: CacheError,
    },
    /// The folder for logs.
    #[error("{}: {error}", .path.display())]
    Folder {
        /// Where.
        path: PathBuf,
        /// What happened.
        error: io::Error,
    },
    /// The settings do not fit the scenario.
    #[error("{what}")]
    Settings {
        /// What would be right.
        what: String,
    },
    /// Members ended that nothing was done to.
    #[error("{members} ended by themselves; their logs are in {}", .folder.display())]
    Died {
        /// Which.
        members: String,
        /// Where the logs are.
        folder: PathBuf,
    },
    /// The run was interrupted.
    #[error("interrupted")]
    Interrupted,
}

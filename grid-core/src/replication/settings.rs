//! Limits of replication.

use core::time::Duration;
use std::num::NonZeroUsize;

/// Limits of a replica, each with a default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicaSettings {
    /// So many changes may wait for the backups before further ones are refused; 4,096 by default.
    pub waiting_len_max: usize,
    /// So many bytes of changes may wait for the backups before further ones are refused; 32 MiB by default.
    pub waiting_bytes_max: usize,
    /// So many bytes the outcomes may have that are kept for requests that may come again, answers included, before further
    /// numbered requests are refused; 64 MiB by default.
    pub outcome_bytes_max: usize,
    /// So many bytes of changes are in one message to a backup, about: the change that goes beyond it is the last of its
    /// message; 1 MiB by default.
    pub append_bytes: NonZeroUsize,
    /// So many bytes an entry may have, key and value together; more are refused. Without a limit by default; members of
    /// a cluster have that of their transport, since an entry goes to backups in one message.
    pub entry_bytes_max: usize,
    /// A backup that leaves a change unacknowledged for so long is voted out; one second by default.
    pub follower_timeout: Duration,
    /// So many entries are in one part of a copy, about; 2,000 by default.
    pub chunk_entries: NonZeroUsize,
    /// So many bytes are in one part of a copy, about; 128 KiB by default.
    pub chunk_bytes: NonZeroUsize,
    /// So many parts of a copy are on the way at once; 2 by default.
    pub chunks_in_flight: usize,
    /// A mistake made on purpose, to show that the tests find it.
    #[cfg(feature = "planted-bugs")]
    pub bug: Option<PlantedBug>,
}

impl Default for ReplicaSettings {
    fn default() -> Self {
        ReplicaSettings {
            waiting_len_max: 4_096,
            waiting_bytes_max: 32 << 20,
            outcome_bytes_max: 64 << 20,
            append_bytes: NonZeroUsize::new(1 << 20).expect("1 MiB is not zero"),
            entry_bytes_max: usize::MAX,
            follower_timeout: Duration::from_secs(1),
            chunk_entries: NonZeroUsize::new(2_000).expect("2,000 is not zero"),
            chunk_bytes: NonZeroUsize::new(128 << 10).expect("128 KiB is not zero"),
            chunks_in_flight: 2,
            #[cfg(feature = "planted-bugs")]
            bug: None,
        }
    }
}

/// A mistake that can be made on purpose, to show that the tests find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlantedBug {
    /// A write is acknowledged before the backups have it.
    AcknowledgeEarly,
    /// Messages of older epochs are taken.
    SkipEpochCheck,
    /// A new copy does not get the outcomes of requests.
    DropWindow,
    /// A member that lost its lease while it was reading answers all the same.
    AnswerWithoutLease,
    /// A copy is said to be complete before it is.
    AdmitEarly,
    /// The records that wait when a partition is handed over are not waited for, and forgotten.
    LoseTail,
}

impl ReplicaSettings {
    /// These settings, with a mistake to be made. Without the feature `planted-bugs` it is not.
    #[must_use]
    #[cfg_attr(
        not(feature = "planted-bugs"),
        expect(unused_mut, reason = "there is nothing to set")
    )]
    pub fn with_bug(mut self, bug: Option<PlantedBug>) -> Self {
        #[cfg(feature = "planted-bugs")]
        {
            self.bug = bug;
        }
        let _ = bug;
        self
    }

    /// Whether mistakes can be made on purpose: this was built with the feature `planted-bugs`.
    #[must_use]
    pub const fn can_have_bugs() -> bool {
        cfg!(feature = "planted-bugs")
    }

    /// Whether this mistake is to be made. Never, without the feature `planted-bugs`.
    #[must_use]
    pub fn has_bug(&self, bug: PlantedBug) -> bool {
        #[cfg(feature = "planted-bugs")]
        return self.bug == Some(bug);
        #[cfg(not(feature = "planted-bugs"))]
        {
            let _ = bug;
            false
        }
    }
}

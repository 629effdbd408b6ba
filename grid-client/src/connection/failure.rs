//! Why a request had no answer.

use std::sync::Arc;
use std::time::Duration;

use grid_core::cache::{Applied, CacheError, Unavailability};
use grid_core::processor::own::OwnFailure;

/// Why a request had no answer, and whether the server may have seen it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The server answered with an error: nothing was done, unless its words say otherwise.
    Refused(String),
    /// The answer cannot be read.
    Broken(String),
    /// The connection ended.
    Lost {
        address: Arc<str>,
        reason: Arc<str>,
        written: bool,
    },
    /// The deadline passed.
    Late { written: bool },
    /// The session was closed.
    Closed { address: Arc<str>, written: bool },
}

impl Failure {
    /// Whether the server has certainly not acted on the request.
    pub(crate) fn is_harmless(&self) -> bool {
        match self {
            Failure::Refused(words) => {
                CacheError::from_words(words).is_none_or(|error| error.applied() == Applied::No)
            }
            Failure::Broken(_) => false,
            Failure::Lost { written, .. } | Failure::Late { written } | Failure::Closed { written, .. } => {
                !written
            }
        }
    }

    /// Whether another member may know better: this one is cut off, or the partition is not its any more.
    pub(crate) fn is_for_others(&self) -> bool {
        let Failure::Refused(words) = self else {
            return false;
        };
        matches!(
            CacheError::from_words(words),
            Some(
                CacheError::OwnerChanged { .. }
                    | CacheError::Unavailable {
                        reason: Unavailability::Minority,
                        ..
                    }
            )
        )
    }

    /// The error of an operation on this cache.
    pub(crate) fn into_error(self, cache: &str, reads: bool, timeout: Duration) -> CacheError {
        let applied = if reads || self.is_harmless() {
            Applied::No
        } else {
            Applied::Unknown
        };
        match self {
            Failure::Refused(message)
                if !reads
                    && let Some(error @ CacheError::InDoubt { .. }) = CacheError::from_words(&message) =>
            {
                error
            }
            Failure::Refused(message) if says_destroyed(&message) => CacheError::Destroyed {
                cache: cache.to_owned(),
            },
            Failure::Refused(message) => match CacheError::from_words(&message) {
                Some(CacheError::Unavailable {
                    reason,
                    applied: said,
                }) => CacheError::Unavailable {
                    reason,
                    applied: if reads { Applied::No } else { said },
                },
                Some(CacheError::OwnerChanged { applied: said }) => CacheError::OwnerChanged {
                    applied: if reads { Applied::No } else { said },
                },
                Some(CacheError::Own(failure)) => CacheError::Own(OwnFailure {
                    in_doubt: failure.in_doubt && !reads,
                    ..failure
                }),
                _ => CacheError::Refused { message },
            },
            Failure::Broken(what) => CacheError::Protocol { what },
            Failure::Lost { address, reason, .. } => CacheError::Disconnected {
                address: address.to_string(),
                reason: reason.to_string(),
                applied,
            },
            Failure::Late { .. } => CacheError::Deadline {
                after: timeout,
                applied,
            },
            Failure::Closed { .. } if applied == Applied::No => CacheError::ShuttingDown,
            Failure::Closed { address, .. } => {
                let reason = "the session was closed before the answer came".to_owned();
                CacheError::Disconnected {
                    address: address.to_string(),
                    reason,
                    applied,
                }
            }
        }
    }
}

/// Whether the words of a refusal mean that the cache is gone. The protocol has no code for it. The whole of them counts:
/// a processor that fails may say anything.
fn says_destroyed(message: &str) -> bool {
    let of_number = message
        .strip_prefix("The cache with id ")
        .and_then(|rest| rest.strip_suffix(" has been explicitly destroyed"));
    of_number.is_some_and(|id| id.parse::<i32>().is_ok())
        || message.starts_with("No cache proxy exist for id ")
        || message.starts_with("No cache proxy exists for id ")
        || message == "Cache is not active"
        || message.starts_with("the cache ")
            && message.ends_with(" was destroyed; get it again from the grid or the session")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(1);

    #[test]
    fn a_change_that_was_written_may_have_been_made() {
        let late = |written, reads| {
            Failure::Late { written }
                .into_error("c", reads, TIMEOUT)
                .applied()
        };
        assert_eq!(late(true, false), Applied::Unknown);
        assert_eq!(late(false, false), Applied::No);
        assert_eq!(late(true, true), Applied::No);
    }

    #[test]
    fn a_closed_session_says_so_only_when_nothing_can_have_happened() {
        let closed = |written| {
            Failure::Closed {
                address: "a:1".into(),
                written,
            }
            .into_error("c", false, TIMEOUT)
        };
        assert!(matches!(closed(false), CacheError::ShuttingDown));
        assert_eq!(closed(true).applied(), Applied::Unknown);
    }

    #[test]
    fn the_servers_words_for_a_part_of_the_grid_that_does_not_serve() {
        let refused = |error: &CacheError| Failure::Refused(error.to_string());
        let unavailable = CacheError::Unavailable {
            reason: Unavailability::Minority,
            applied: Applied::Unknown,
        };
        assert!(!refused(&unavailable).is_harmless());
        let change = refused(&unavailable).into_error("c", false, TIMEOUT);
        assert_eq!(change.to_string(), unavailable.to_string());
        assert_eq!(change.applied(), Applied::Unknown);
        let read = refused(&unavailable).into_error("c", true, TIMEOUT);
        assert!(matches!(
            read,
            CacheError::Unavailable {
                reason: Unavailability::Minority,
                applied: Applied::No
            }
        ));
        let moved = CacheError::OwnerChanged { applied: Applied::No };
        assert!(refused(&moved).is_harmless());
        let change = refused(&moved).into_error("c", false, TIMEOUT);
        assert!(matches!(
            change,
            CacheError::OwnerChanged { applied: Applied::No }
        ));
        let read = refused(&CacheError::OwnerChanged {
            applied: Applied::Unknown,
        });
        assert_eq!(read.into_error("c", true, TIMEOUT).applied(), Applied::No);
    }

    #[test]
    fn the_servers_words_for_a_destroyed_cache() {
        for words in [
            "The cache with id 5 has been explicitly destroyed",
            "Cache is not active",
            "No cache proxy exist for id 12345 request=Size",
            &CacheError::Destroyed {
                cache: "a".to_owned(),
            }
            .to_string(),
        ] {
            let error = Failure::Refused(words.to_owned()).into_error("c", false, TIMEOUT);
            assert!(matches!(error, CacheError::Destroyed { .. }), "{words}");
        }
        for words in [
            "java.io.EOFException",
            "order 7 was destroyed",
            "the crane has been explicitly destroyed",
            "The cache with id of mine has been explicitly destroyed",
            "the truck says: Cache is not active",
        ] {
            let error = Failure::Refused(words.to_owned()).into_error("c", false, TIMEOUT);
            assert!(matches!(error, CacheError::Refused { .. }), "{words}");
        }
    }
}

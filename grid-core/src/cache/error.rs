//! What can go wrong with an operation on a cache.

use std::fmt;
use std::time::Duration;

use crate::processor::own::OwnFailure;
use crate::store::CookieError;
use crate::value::ValueError;

use super::{CacheNameError, Unavailability};

/// Whether a change that failed was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It was made, though the answer was lost.
    Yes,
    /// It was not made: doing it again is safe.
    No,
    /// It may have been made: doing it again is safe only when doing it twice is.
    Unknown,
}

impl Applied {
    const ALL: [Applied; 3] = [Applied::Yes, Applied::No, Applied::Unknown];

    /// What a caller does next whose change failed for a reason that passes.
    fn next_step(self) -> &'static str {
        match self {
            Applied::Yes => "the change was made, so do not do it again",
            Applied::No => "nothing was changed, so do it again",
            Applied::Unknown => {
                "the change may have been made: do it again if that does no harm, or read the entry first"
            }
        }
    }
}

impl fmt::Display for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Applied::Yes => "yes",
            Applied::No => "no",
            Applied::Unknown => "unknown",
        })
    }
}

/// Why an operation on a cache failed. [`CacheError::applied`] tells whether a change was made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// A key or a value cannot be written or read in its format.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// The change was made, and then the value before it could not be read as the type that was asked for.
    #[error("applied, but the value before cannot be read: {0}")]
    Previous(#[source] ValueError),
    /// The processor was run, and then its answer could not be read as the type that was asked for.
    #[error("applied, but the answer cannot be read: {0}")]
    Answer(#[source] ValueError),
    /// The name names no cache.
    #[error(transparent)]
    Name(#[from] CacheNameError),
    /// A page was asked for with a cookie that no page gave.
    #[error(transparent)]
    Cookie(#[from] CookieError),
    /// An argument makes no sense.
    #[error("{what}")]
    Invalid {
        /// What is wrong with it, and what would be right.
        what: String,
    },
    /// The cache was destroyed; a handle from before does not reach its successor.
    #[error("the cache {cache:?} was destroyed; get it again from the grid or the session")]
    Destroyed {
        /// Its name.
        cache: String,
    },
    /// The handle was released.
    #[error("this handle of the cache {cache:?} was released; get it again from the grid or the session")]
    Released {
        /// Its name.
        cache: String,
    },
    /// The other side refused the operation.
    #[error("refused: {message}")]
    Refused {
        /// Its words.
        message: String,
    },
    /// Code of one's own was not run to its end.
    #[error(transparent)]
    Own(OwnFailure),
    /// The grid was called by code that runs inside of it.
    #[error(
        "not applied: a processor or an aggregator of one's own cannot call the grid; reach other entries of its \
         partition by Entry::beside, and do the rest when it has answered"
    )]
    CalledBack,
    /// The operation is not offered.
    #[error("{what} is not supported yet")]
    Unsupported {
        /// What is not.
        what: &'static str,
    },
    /// A limit was reached. Nothing was done; later it may work.
    #[error("overloaded, not applied: {what}")]
    Overloaded {
        /// Which limit.
        what: String,
    },
    /// No answer came in time.
    #[error("no answer within {after:?} (applied: {applied})")]
    Deadline {
        /// How long was waited.
        after: Duration,
        /// Whether the change was made.
        applied: Applied,
    },
    /// The connection failed.
    #[error("the connection to {address} failed: {reason} (applied: {applied})")]
    Disconnected {
        /// Where it led.
        address: String,
        /// What happened.
        reason: String,
        /// Whether the change was made.
        applied: Applied,
    },
    /// The part of the grid that the operation needs does not serve it.
    #[error("unavailable ({reason}; applied: {applied}): {}", reason.advice())]
    Unavailable {
        /// Why.
        reason: Unavailability,
        /// Whether the change was made.
        applied: Applied,
    },
    /// The partition went to another owner while the operation was under way.
    #[error("the owner changed (applied: {applied}): {}", applied.next_step())]
    OwnerChanged {
        /// Whether the change was made.
        applied: Applied,
    },
    /// A part of what was asked failed, and others were done, or this one may have been.
    #[error("maybe applied in part ({}; applied: unknown): {what}", passing_words(*.passes))]
    InDoubt {
        /// Which part failed and why, and of the others as much as is known.
        what: String,
        /// Whether the same may work when it is done again.
        passes: bool,
    },
    /// Other writers changed the entry between each reading and each writing.
    #[error("not applied: other writers changed the entry {attempts} times in a row; try again later")]
    Contended {
        /// How often it was tried.
        attempts: u32,
    },
    /// The answer was not one that the protocol allows.
    #[error("the answer breaks the protocol: {what}")]
    Protocol {
        /// What is wrong with it.
        what: String,
    },
    /// The grid or the session is shutting down.
    #[error("not applied: the grid is shutting down")]
    ShuttingDown,
}

/// Whether what failed may work later, as the words of an error say it.
fn passing_words(passes: bool) -> &'static str {
    if passes { "it may pass" } else { "it stays so" }
}

impl CacheError {
    /// Whether the change that failed was made.
    ///
    /// An operation of several keys (`put_all`, `clear`) may have been made in part when the answer is `Unknown`.
    #[must_use]
    pub fn applied(&self) -> Applied {
        match self {
            CacheError::Deadline { applied, .. }
            | CacheError::Disconnected { applied, .. }
            | CacheError::Unavailable { applied, .. }
            | CacheError::OwnerChanged { applied } => *applied,
            CacheError::Protocol { .. } | CacheError::InDoubt { .. } => Applied::Unknown,
            CacheError::Own(failure) if failure.in_doubt => Applied::Unknown,
            CacheError::Previous(_) | CacheError::Answer(_) => Applied::Yes,
            _ => Applied::No,
        }
    }

    /// The error of a change that an attempt before may have made, or made in part, whatever this one says.
    #[must_use]
    pub fn in_doubt(self) -> CacheError {
        let applied = Applied::Unknown;
        match self {
            CacheError::Unavailable { reason, .. } => CacheError::Unavailable { reason, applied },
            CacheError::OwnerChanged { .. } => CacheError::OwnerChanged { applied },
            CacheError::Deadline { after, .. } => CacheError::Deadline { after, applied },
            CacheError::Disconnected { address, reason, .. } => CacheError::Disconnected {
                address,
                reason,
                applied,
            },
            CacheError::Own(failure) => CacheError::Own(OwnFailure {
                in_doubt: true,
                ..failure
            }),
            error if error.applied() != Applied::No => error,
            error => CacheError::InDoubt {
                passes: error.is_transient(),
                what: error.to_string(),
            },
        }
    }

    /// Whether the same operation may work when it is done again, without a change on the caller's side.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            CacheError::Unavailable { reason, .. } => reason.is_transient(),
            CacheError::Own(failure) => failure.kind.is_transient(),
            CacheError::InDoubt { passes, .. } => *passes,
            CacheError::Overloaded { .. }
            | CacheError::Deadline { .. }
            | CacheError::Disconnected { .. }
            | CacheError::OwnerChanged { .. }
            | CacheError::Contended { .. } => true,
            _ => false,
        }
    }

    /// The error behind the words of a server that its part of the grid does not serve, that an owner changed, or that code
    /// of one's own was not run to its end.
    ///
    /// The protocol of the clients has no code for these, so both sides know the words with which they begin.
    #[must_use]
    pub fn from_words(words: &str) -> Option<CacheError> {
        if let Some(failure) = OwnFailure::from_words(words) {
            return Some(CacheError::Own(failure));
        }
        for passes in [true, false] {
            let head = CacheError::InDoubt {
                what: String::new(),
                passes,
            };
            if let Some(what) = words.strip_prefix(&head.to_string()) {
                let what = what.to_owned();
                return Some(CacheError::InDoubt { what, passes });
            }
        }
        let unavailable = Unavailability::ALL
            .into_iter()
            .flat_map(|reason| Applied::ALL.map(|applied| CacheError::Unavailable { reason, applied }));
        let owner_changed = Applied::ALL.map(|applied| CacheError::OwnerChanged { applied });
        unavailable.chain(owner_changed).find(|error| {
            let known = error.to_string();
            let head = known.split_once("):").map_or(known.as_str(), |(head, _)| head);
            words
                .strip_prefix(head)
                .is_some_and(|rest| rest.starts_with("):"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::processor::own::{OwnFailureKind, OwnKind};

    #[test]
    fn a_client_knows_the_servers_words() {
        for applied in Applied::ALL {
            for reason in Unavailability::ALL {
                let error = CacheError::Unavailable { reason, applied };
                let read = CacheError::from_words(&error.to_string());
                assert!(
                    matches!(read, Some(CacheError::Unavailable { reason: r, applied: a }) if r == reason && a == applied),
                    "{read:?}"
                );
                assert_eq!(error.applied(), applied);
                assert_eq!(error.is_transient(), reason != Unavailability::Lost);
            }
            let error = CacheError::OwnerChanged { applied };
            let read = CacheError::from_words(&error.to_string());
            assert!(
                matches!(read, Some(CacheError::OwnerChanged { applied: a }) if a == applied),
                "{read:?}"
            );
            assert!(error.is_transient());
        }
        // Advice may be told in other words by another release.
        let newer = "unavailable (no owner; applied: no): wait";
        assert_eq!(
            CacheError::from_words(newer).map(|error| error.applied()),
            Some(Applied::No)
        );
        for other in [
            "",
            "unavailable",
            "the cache \"a\" was destroyed",
            "unavailable (sun; applied: no): wait",
        ] {
            assert!(CacheError::from_words(other).is_none(), "{other}");
        }
    }

    #[test]
    fn what_may_be_done_again_does_not_say_that_nothing_was_changed() {
        let applied = Applied::No;
        let own = OwnFailure {
            agent: OwnKind::Processor,
            name: "add".to_owned(),
            kind: OwnFailureKind::Busy,
            member: "member-1".to_owned(),
            in_doubt: false,
            advice: "ask later".to_owned(),
        };
        for error in [
            CacheError::Unavailable {
                reason: Unavailability::NoOwner,
                applied,
            },
            CacheError::OwnerChanged { applied },
            CacheError::Overloaded {
                what: "too much".to_owned(),
            },
            CacheError::Own(own),
        ] {
            assert_eq!(error.applied(), Applied::No);
            let error = error.in_doubt();
            assert!(error.is_transient(), "{error}");
            assert_eq!(error.applied(), Applied::Unknown, "{error}");
            // So it is on the other side.
            let read = CacheError::from_words(&error.to_string());
            assert_eq!(read.map(|read| read.applied()), Some(Applied::Unknown), "{error}");
        }
        for (error, passes) in [
            (
                CacheError::Invalid {
                    what: "it is too large".to_owned(),
                },
                false,
            ),
            (
                CacheError::Destroyed {
                    cache: "a".to_owned(),
                },
                false,
            ),
            (CacheError::Contended { attempts: 3 }, true),
            (CacheError::ShuttingDown, false),
        ] {
            let words = error.to_string();
            let error = error.in_doubt();
            assert!(error.to_string().ends_with(&words), "{error}");
            let read = CacheError::from_words(&error.to_string()).unwrap();
            for error in [&error, &read] {
                assert_eq!(
                    (error.applied(), error.is_transient()),
                    (Applied::Unknown, passes)
                );
            }
        }
    }

    #[test]
    fn the_words_say_what_to_do() {
        let words = |applied| CacheError::OwnerChanged { applied }.to_string();
        assert!(words(Applied::No).ends_with("do it again"));
        assert!(words(Applied::Yes).ends_with("do not do it again"));
        assert!(words(Applied::Unknown).contains("read the entry first"));
    }
}

//! Why a request is refused, in the words of both protocol versions.

use bytes::Bytes;
use grid_core::cache::{CacheError, CacheNameError};
use grid_core::processor::own::OwnFailureKind;
use grid_core::store::{CookieError, TimeToLiveError};
use grid_core::value::{Format, FormatError, JsonError, KeyError, ValueError};
use grid_proto::any::UnpackError;
use tonic::{Code, Status};

/// What kind of mistake it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// The request makes no sense.
    Invalid,
    /// A key or value is not of its format.
    Malformed,
    /// The cache is gone.
    Destroyed,
    /// What is asked is not offered.
    Unsupported,
    /// A limit was reached.
    Overloaded,
    /// The member is stopping.
    ShuttingDown,
    /// A part of the grid does not serve at the moment, or changed its owner meanwhile.
    Unavailable,
    /// A part of the grid was lost with its members.
    Lost,
    /// It is not the client's fault.
    Internal,
}

/// A request that is answered with an error. Nothing was applied, unless the message says otherwise.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// What kind of mistake it is.
    pub kind: RefusalKind,
    /// What to tell the client.
    pub message: String,
}

impl Refusal {
    /// A refusal of this kind.
    pub fn new(kind: RefusalKind, message: impl Into<String>) -> Self {
        Refusal {
            kind,
            message: message.into(),
        }
    }

    /// A stream has as many listeners as it may.
    #[must_use]
    pub fn too_many_listeners(listeners_max: usize) -> Self {
        Refusal::new(
            RefusalKind::Overloaded,
            format!(
                "this stream has {listeners_max} listeners, and more are not allowed \
                 (grpc.listeners-per-stream-max); use another stream"
            ),
        )
    }

    /// What is asked is not offered yet.
    #[must_use]
    pub fn unsupported(what: &str) -> Self {
        Refusal::new(
            RefusalKind::Unsupported,
            format!("{what} is not supported yet (not applied)"),
        )
    }

    /// A request that makes no sense.
    pub fn invalid(message: impl Into<String>) -> Self {
        Refusal::new(RefusalKind::Invalid, message)
    }

    /// The Java exception that a client of the reference grid would get.
    fn java_class(&self) -> &'static str {
        match self.kind {
            RefusalKind::Invalid => "java.lang.IllegalArgumentException",
            RefusalKind::Malformed => "java.io.IOException",
            RefusalKind::Destroyed | RefusalKind::ShuttingDown => "java.lang.IllegalStateException",
            RefusalKind::Unsupported => "java.lang.UnsupportedOperationException",
            RefusalKind::Overloaded | RefusalKind::Internal => "java.lang.RuntimeException",
            RefusalKind::Unavailable | RefusalKind::Lost => "com.tangosol.net.RequestIncompleteException",
        }
    }

    /// The gRPC status code.
    #[must_use]
    pub fn code(&self) -> Code {
        match self.kind {
            RefusalKind::Invalid | RefusalKind::Malformed => Code::InvalidArgument,
            RefusalKind::Destroyed => Code::FailedPrecondition,
            RefusalKind::Unsupported => Code::Unimplemented,
            RefusalKind::Overloaded => Code::ResourceExhausted,
            RefusalKind::ShuttingDown | RefusalKind::Unavailable => Code::Unavailable,
            RefusalKind::Lost => Code::DataLoss,
            RefusalKind::Internal => Code::Internal,
        }
    }

    /// The refusal as the status of a call.
    #[must_use]
    pub fn status(&self) -> Status {
        Status::new(self.code(), self.message.clone())
    }

    /// The serialized exception that goes with an error of version 1; only JSON clients can read ours.
    #[must_use]
    pub fn serialized(&self, format: Format) -> Option<Bytes> {
        if format != Format::JSON {
            return None;
        }
        let body = serde_json::json!({
            "@class": "JsonPortableException",
            "name": self.java_class(),
            "message": self.message,
            // The Java client cannot read one without a line.
            "stack": ["girih.Server"],
        });
        let mut bytes = vec![grid_proto::limits::JSON_PREFIX];
        bytes.extend_from_slice(body.to_string().as_bytes());
        Some(bytes.into())
    }
}

impl From<ValueError> for Refusal {
    fn from(error: ValueError) -> Self {
        // Clients look for the words of the reference grid.
        let message = match &error {
            ValueError::Json(json) => format!("Could not deserialize the JSON payload: {json}"),
            other => other.to_string(),
        };
        Refusal::new(RefusalKind::Malformed, message)
    }
}

impl From<JsonError> for Refusal {
    fn from(error: JsonError) -> Self {
        ValueError::from(error).into()
    }
}

impl From<KeyError> for Refusal {
    fn from(error: KeyError) -> Self {
        ValueError::from(error).into()
    }
}

impl From<CacheNameError> for Refusal {
    fn from(error: CacheNameError) -> Self {
        Refusal::invalid(error.to_string())
    }
}

impl From<FormatError> for Refusal {
    fn from(error: FormatError) -> Self {
        Refusal::invalid(error.to_string())
    }
}

impl From<TimeToLiveError> for Refusal {
    fn from(error: TimeToLiveError) -> Self {
        Refusal::invalid(error.to_string())
    }
}

impl From<CookieError> for Refusal {
    fn from(error: CookieError) -> Self {
        Refusal::invalid(error.to_string())
    }
}

impl From<UnpackError> for Refusal {
    fn from(error: UnpackError) -> Self {
        Refusal::invalid(error.to_string())
    }
}

impl From<CacheError> for Refusal {
    fn from(error: CacheError) -> Self {
        let kind = match &error {
            CacheError::Value(value) => return value.clone().into(),
            CacheError::Name(_) | CacheError::Cookie(_) | CacheError::Invalid { .. } => RefusalKind::Invalid,
            CacheError::Destroyed { .. } | CacheError::Released { .. } => RefusalKind::Destroyed,
            CacheError::Unsupported { .. } => RefusalKind::Unsupported,
            CacheError::Own(failure) if failure.in_doubt => RefusalKind::Unavailable,
            CacheError::Own(failure) => match failure.kind {
                OwnFailureKind::NotRegistered => RefusalKind::Unsupported,
                OwnFailureKind::Busy | OwnFailureKind::Overtaken => RefusalKind::Overloaded,
                OwnFailureKind::OutOfTime | OwnFailureKind::Panicked => RefusalKind::Internal,
            },
            CacheError::InDoubt { passes: true, .. } => RefusalKind::Unavailable,
            CacheError::InDoubt { passes: false, .. } => RefusalKind::Invalid,
            CacheError::Overloaded { .. } | CacheError::Contended { .. } => RefusalKind::Overloaded,
            CacheError::ShuttingDown => RefusalKind::ShuttingDown,
            CacheError::Unavailable { reason, .. } if !reason.is_transient() => RefusalKind::Lost,
            CacheError::Unavailable { .. }
            | CacheError::OwnerChanged { .. }
            | CacheError::Disconnected { .. }
            | CacheError::Deadline { .. } => RefusalKind::Unavailable,
            _ => RefusalKind::Internal,
        };
        Refusal::new(kind, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use grid_core::cache::{Applied, Unavailability};

    use super::*;

    #[test]
    fn what_does_not_serve_is_told_with_what_to_do() {
        for (reason, code) in [
            (Unavailability::Minority, Code::Unavailable),
            (Unavailability::NoOwner, Code::Unavailable),
            (Unavailability::Quorum, Code::Unavailable),
            (Unavailability::Lost, Code::DataLoss),
        ] {
            let applied = Applied::Unknown;
            let status = Refusal::from(CacheError::Unavailable { reason, applied }).status();
            assert_eq!(status.code(), code, "{reason}");
            let read = CacheError::from_words(status.message());
            assert!(
                matches!(read, Some(CacheError::Unavailable { reason: r, applied: Applied::Unknown }) if r == reason),
                "{read:?}"
            );
        }
        let applied = Applied::No;
        let moved = Refusal::from(CacheError::OwnerChanged { applied });
        assert_eq!(moved.code(), Code::Unavailable);
        let serialized = moved.serialized(Format::JSON).expect("JSON clients read it");
        let text = String::from_utf8_lossy(&serialized);
        assert!(
            text.contains("RequestIncompleteException") && text.contains("applied: no"),
            "{text}"
        );
    }
}

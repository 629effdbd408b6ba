//! Why a request got no answer, and why a connection is closed.

use std::fmt;

use bytes::Bytes;

use super::fields::clipped;

/// The longest text of a failure or a farewell, in bytes.
const TEXT_LEN_MAX: usize = 1 << 10;

/// What kind of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureKind {
    /// The receiver answered with a failure.
    Reported,
    /// The receiver let the request go without an answer.
    Unanswered,
    /// There was an answer, and too much waited to be sent for it, or it was too long.
    AnswerLost,
    /// A kind that a later version of the protocol has.
    Unknown(u8),
}

impl FailureKind {
    /// The byte in the frame's header.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Reported => 0,
            Self::Unanswered => 1,
            Self::AnswerLost => 2,
            Self::Unknown(code) => code,
        }
    }
}

/// Why a request got no answer. It says nothing about whether the request was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure it is.
    pub kind: FailureKind,
    /// The reason, for people.
    pub reason: String,
}

impl Failure {
    /// The payload of the frame; its `op` is the kind's code.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        Bytes::copy_from_slice(clipped(&self.reason, TEXT_LEN_MAX).as_bytes())
    }

    /// Reads a frame. Never fails: what is no text is shown as well as it goes.
    #[must_use]
    pub fn decode(op: u8, payload: &[u8]) -> Self {
        let kind = match op {
            0 => FailureKind::Reported,
            1 => FailureKind::Unanswered,
            2 => FailureKind::AnswerLost,
            code => FailureKind::Unknown(code),
        };
        Failure {
            kind,
            reason: text_of(payload),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

/// Why the sender closes the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bye {
    /// It does not need the connection any more.
    Done,
    /// It stops.
    Stopping,
    /// It can't go on with what it received.
    Protocol(String),
    /// A reason that a later version of the protocol has.
    Unknown(u8, String),
}

impl Bye {
    /// The byte in the frame's header.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Stopping => 1,
            Self::Protocol(_) => 2,
            Self::Unknown(code, _) => *code,
        }
    }

    /// The payload of the frame; its `op` is [`Bye::code`].
    #[must_use]
    pub fn encode(&self) -> Bytes {
        match self {
            Self::Done | Self::Stopping => Bytes::new(),
            Self::Protocol(text) | Self::Unknown(_, text) => {
                Bytes::copy_from_slice(clipped(text, TEXT_LEN_MAX).as_bytes())
            }
        }
    }

    /// Reads a frame. Never fails: what is no text is shown as well as it goes.
    #[must_use]
    pub fn decode(op: u8, payload: &[u8]) -> Self {
        match op {
            0 => Self::Done,
            1 => Self::Stopping,
            2 => Self::Protocol(text_of(payload)),
            code => Self::Unknown(code, text_of(payload)),
        }
    }
}

impl fmt::Display for Bye {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("it needs the connection no more"),
            Self::Stopping => f.write_str("it is stopping"),
            Self::Protocol(problem) => write!(f, "it could not go on with what it received: {problem}"),
            Self::Unknown(code, text) => write!(f, "reason {code}: {text}"),
        }
    }
}

fn text_of(payload: &[u8]) -> String {
    let end = payload.len().min(TEXT_LEN_MAX);
    String::from_utf8_lossy(&payload[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_read_back() {
        for (kind, code) in [
            (FailureKind::Reported, 0),
            (FailureKind::Unanswered, 1),
            (FailureKind::AnswerLost, 2),
            (FailureKind::Unknown(9), 9),
        ] {
            let failure = Failure {
                kind,
                reason: "full".to_owned(),
            };
            assert_eq!((kind.code(), &failure.encode()[..]), (code, &b"full"[..]));
            assert_eq!(Failure::decode(code, b"full"), failure);
        }
    }

    #[test]
    fn farewells_read_back() {
        let text = || "bad".to_owned();
        for (bye, code, bytes) in [
            (Bye::Done, 0, &b""[..]),
            (Bye::Stopping, 1, b""),
            (Bye::Protocol(text()), 2, b"bad"),
            (Bye::Unknown(7, text()), 7, b"bad"),
        ] {
            assert_eq!((bye.code(), &bye.encode()[..]), (code, bytes));
            assert_eq!(Bye::decode(code, bytes), bye);
        }
    }

    #[test]
    fn texts_are_bounded_and_need_not_be_texts() {
        let long = Failure {
            kind: FailureKind::Reported,
            reason: "x".repeat(5000),
        };
        assert_eq!(long.encode().len(), TEXT_LEN_MAX);
        assert_eq!(
            Failure::decode(0, &[0xFF; 5000]).reason.chars().count(),
            TEXT_LEN_MAX
        );
    }
}

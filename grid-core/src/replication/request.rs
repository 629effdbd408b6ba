//! Requests that are done once, however often they are sent.

use std::fmt;

use crate::store::Timestamp;

/// Who numbers its requests: a client's session, or the member that speaks for clients that number none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(u128);

impl ClientId {
    /// The client with this number, which it drew at random.
    #[must_use]
    pub const fn new(random: u128) -> Self {
        ClientId(random)
    }

    /// The plain number.
    #[must_use]
    pub const fn get(self) -> u128 {
        self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The identity of a request that changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId {
    /// Who asks.
    pub client: ClientId,
    /// The client's number for it.
    pub number: u64,
}

/// What a client says with a request, so that it can be done once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestTag {
    /// Which request.
    pub id: RequestId,
    /// Every request of this client below this number has had its answer.
    pub lowest_open: u64,
    /// The request is refused after this time: its outcome is kept until then.
    pub apply_before: Timestamp,
}

impl RequestTag {
    /// The tag of a request that was begun with this one, so many after it.
    #[must_use]
    pub fn after(self, count: u64) -> Self {
        let id = RequestId {
            number: self.id.number.saturating_add(count),
            ..self.id
        };
        RequestTag { id, ..self }
    }
}

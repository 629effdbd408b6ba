//! Why the part of the grid that an operation needs does not serve it.

use std::fmt;

/// Why the part of the grid that an operation needs does not serve it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unavailability {
    /// The member that was asked, or the owner of the key, is cut off from the majority of the cluster.
    Minority,
    /// No member owns the partition at the moment.
    NoOwner,
    /// Every copy of the partition went down with its members.
    Lost,
    /// Fewer members or copies are up than the configuration wants for this operation.
    Quorum,
}

impl Unavailability {
    /// Every reason.
    pub const ALL: [Unavailability; 4] = [
        Unavailability::Minority,
        Unavailability::NoOwner,
        Unavailability::Lost,
        Unavailability::Quorum,
    ];

    /// Whether it may pass without anybody's doing. What is lost stays lost until an operator accepts it.
    #[must_use]
    pub fn is_transient(self) -> bool {
        self != Unavailability::Lost
    }

    /// What is the matter, and what to do about it.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Unavailability::Minority => {
                "the member is cut off from the majority of the cluster and serves nothing until it is back; \
                 ask another member, or try again later"
            }
            Unavailability::NoOwner => {
                "no member owns the partition while its copies are put in order; try again in a moment"
            }
            Unavailability::Lost => {
                "every copy of the partition went down with its members; start one of them again, or have an \
                 operator accept the loss"
            }
            Unavailability::Quorum => {
                "fewer members or copies are up than the configuration wants; start more members, or try again \
                 later"
            }
        }
    }
}

impl fmt::Display for Unavailability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unavailability::Minority => "minority",
            Unavailability::NoOwner => "no owner",
            Unavailability::Lost => "lost",
            Unavailability::Quorum => "quorum",
        })
    }
}

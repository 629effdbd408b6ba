//! Numbers that stand for members, processes, hosts and clusters.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The number of a member: one life of one process in the cluster.
///
/// The control group gives numbers out in order and never again, so a member that was voted out and came back, or a
/// process that was started anew, is another member (another incarnation).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MemberId(u64);

impl MemberId {
    /// The member that started the cluster.
    pub const FIRST: MemberId = MemberId(1);

    /// The member with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        MemberId(number)
    }

    /// The plain number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The number given out after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        MemberId(self.0 + 1)
    }
}

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "M{}", self.0)
    }
}

macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(u128);

        impl $name {
            /// The id with this number, which the caller drew at random.
            #[must_use]
            pub const fn new(random: u128) -> Self {
                $name(random)
            }

            /// The plain number.
            #[must_use]
            pub const fn get(self) -> u128 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", self.0)
            }
        }
    };
}

random_id! {
    /// One run of a program: drawn when it starts, the same for all the members that it becomes one after the other.
    ProcessId
}

random_id! {
    /// The identity of a cluster: drawn once when it is started, whatever it is called.
    ClusterId
}

random_id! {
    /// One running kernel's network: a machine since it was started, and the network namespace in it. Two processes
    /// with the same one can believe each other's refused connections, since no other machine forges those.
    HostId
}

/// The generation of the control group. It grows when the survivor of two members goes on alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generation(u64);

impl Generation {
    /// The first generation.
    pub const FIRST: Generation = Generation(0);

    /// The generation with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Generation(number)
    }

    /// The plain number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The generation after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Generation(self.0 + 1)
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "G{}", self.0)
    }
}

//! Machines to run members on, and what can happen to the network between them.
//!
//! There are two kinds. [`Network::loopback`] gives every member an address of its own on this machine's loopback
//! interface: all members are on one machine, and the network cannot fail. [`Network::namespaces`] gives each a network
//! namespace, which is a machine of its own as far as members can tell; they are joined by a bridge that can lose
//! packets. Nothing leads out of it, so no packet leaves the lab. It needs root and the programs `ip` and `nft`.
//!
//! Whatever happens to the process short of `kill -9`, the namespaces are removed when it ends; what an earlier one had to
//! leave behind is removed when the next begins.

mod loopback;
mod namespaces;
mod program;
mod requirements;

pub use namespaces::Inside;
pub use requirements::missing;

use std::io;
use std::net::Ipv4Addr;
use std::process::Command;

use loopback::Loopback;
use namespaces::Namespaces;

/// The most members of a network.
pub const HOSTS_MAX: usize = 64;

/// Why the network is not as it should be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// Something that namespaces need is not there.
    #[error("network namespaces need {what}")]
    Missing {
        /// What, and how to get it.
        what: String,
    },
    /// The network cannot have so many hosts.
    #[error("{hosts} hosts are too many or too few; choose 1 to {HOSTS_MAX}")]
    Hosts {
        /// How many were asked for.
        hosts: usize,
    },
    /// All members are on the loopback interface, where nothing can be cut.
    #[error("the network of one machine cannot fail; use --namespaces")]
    Whole,
    /// A program failed.
    #[error("`{command}` failed: {reason}")]
    Program {
        /// What was called.
        command: String,
        /// What it said.
        reason: String,
    },
    /// A namespace cannot be entered.
    #[error("the namespace {name} cannot be entered: {error}")]
    Enter {
        /// Which.
        name: String,
        /// What happened.
        error: io::Error,
    },
}

/// How packets between two groups are kept from arriving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// In silence, as when a cable is pulled.
    Silent,
    /// TCP is answered with a reset, as by a firewall or by a machine where nothing listens.
    Reset,
}

/// The machines of a run. They count from 1.
#[derive(Debug)]
pub struct Network {
    hosts: Hosts,
}

#[derive(Debug)]
enum Hosts {
    Loopback(Loopback),
    Namespaces(Namespaces),
}

impl Network {
    /// All on this machine.
    #[must_use]
    pub fn loopback() -> Self {
        Network {
            hosts: Hosts::Loopback(Loopback::of_this_process()),
        }
    }

    /// Each in a namespace of its own.
    ///
    /// # Errors
    /// When something is missing (see [`missing`]) or cannot be set up; what was set up until then is removed.
    pub fn namespaces(hosts: usize) -> Result<Self, NetworkError> {
        if !(1..=HOSTS_MAX).contains(&hosts) {
            return Err(NetworkError::Hosts { hosts });
        }
        Ok(Network {
            hosts: Hosts::Namespaces(Namespaces::up(hosts)?),
        })
    }

    /// Whether each host is a machine of its own, whose network can fail.
    #[must_use]
    pub fn is_divided(&self) -> bool {
        matches!(self.hosts, Hosts::Namespaces(_))
    }

    /// The address of a host.
    #[must_use]
    pub fn address(&self, host: usize) -> Ipv4Addr {
        match &self.hosts {
            Hosts::Loopback(loopback) => loopback.address(host),
            Hosts::Namespaces(_) => namespaces::address(host),
        }
    }

    /// A command that runs a program on a host. The process that it starts is the program itself.
    #[must_use]
    pub fn command(&self, host: usize, program: &str) -> Command {
        match &self.hosts {
            Hosts::Loopback(_) => Command::new(program),
            Hosts::Namespaces(namespaces) => namespaces.command(host, program),
        }
    }

    /// Takes this thread, and what it starts, to where clients reach every host, until what is returned is dropped.
    ///
    /// # Errors
    /// When the namespace cannot be entered.
    pub fn enter(&self) -> Result<Option<Inside>, NetworkError> {
        match &self.hosts {
            Hosts::Loopback(_) => Ok(None),
            Hosts::Namespaces(namespaces) => namespaces.enter().map(Some),
        }
    }

    /// Cuts two groups of hosts off from each other. Clients still reach both.
    ///
    /// # Errors
    /// When the network is not divided, or a program fails.
    pub async fn cut(&self, one: &[usize], other: &[usize], cut: Cut) -> Result<(), NetworkError> {
        let namespaces = self.divided()?;
        match cut {
            Cut::Silent => {
                namespaces.drop_from_to(one, other).await?;
                namespaces.drop_from_to(other, one).await
            }
            Cut::Reset => {
                namespaces.refuse_from_at(one, other).await?;
                namespaces.refuse_from_at(other, one).await
            }
        }
    }

    /// Drops what `from` sends to `to`, and nothing else.
    ///
    /// # Errors
    /// When the network is not divided, or a program fails.
    pub async fn cut_one_way(&self, from: &[usize], to: &[usize]) -> Result<(), NetworkError> {
        self.divided()?.drop_from_to(from, to).await
    }

    /// Loses this share of the packets between hosts, in tenths of a percent, by chance. Those of clients arrive.
    ///
    /// # Errors
    /// When the network is not divided, or a program fails.
    pub async fn lose(&self, per_mille: u32) -> Result<(), NetworkError> {
        self.divided()?.lose(per_mille).await
    }

    /// Ends every cut and loss.
    ///
    /// # Errors
    /// When a program fails.
    pub async fn heal(&self) -> Result<(), NetworkError> {
        match &self.hosts {
            Hosts::Loopback(_) => Ok(()),
            Hosts::Namespaces(namespaces) => namespaces.heal().await,
        }
    }

    fn divided(&self) -> Result<&Namespaces, NetworkError> {
        match &self.hosts {
            Hosts::Loopback(_) => Err(NetworkError::Whole),
            Hosts::Namespaces(namespaces) => Ok(namespaces),
        }
    }
}

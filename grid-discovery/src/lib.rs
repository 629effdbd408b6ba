//! How members and clients of the grid find members.
//!
//! A [`Discovery`] looks in several places at once, and gives what it [`Found`]:
//!
//! - a list of addresses, whose names are resolved again and again;
//! - UDP multicast: members announce themselves, and answer who asks;
//! - a directory of members in a folder or a bucket: each keeps a key of its own alive.
//!
//! What is found is a hint where to connect to. Who belongs to the cluster is agreed on by its members.
//!
//! The [`name_service`] is how clients of Coherence look up where gRPC is served, on the port of members.
//!
//! ```no_run
//! use grid_discovery::{Discovery, Settings};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let settings = Settings::parse("girih", ["static:db1:7574,db2:7574", "multicast"])?;
//! let discovery = Discovery::start(&settings, None)?;
//! let mut found = discovery.found();
//! let known = found.wait_for(|found| !found.peers.is_empty()).await?;
//! println!("members: {:?}", known.member_addresses().collect::<Vec<_>>());
//! drop(known);
//! discovery.stop().await;
//! # Ok(())
//! # }
//! ```

mod announcement;
mod board;
mod clock;
mod discovery;
mod found;
pub mod name_service;
mod settings;
mod source;
mod task;

pub use announcement::{Announcement, CLUSTER_NAME_LEN_MAX};
pub use discovery::Discovery;
pub use found::{Found, PEERS_MAX, Peer};
pub use settings::{
    DirectorySettings, HostPort, Interface, MEMBER_PORT_DEFAULT, MULTICAST_GROUP_DEFAULT,
    MULTICAST_PORT_DEFAULT, MULTICAST_TTL_DEFAULT, MulticastSettings, Settings, SettingsError,
    SourceSettings, Timing,
};

//! The cluster that this member belongs to.
//!
//! `control_loop` is the one task that decides: it drives the state machines of [`grid_core::membership`] (`finding` with `looking`,
//! `watching`), follows what is agreed (`agreed`), and leads when it has to (`leading`). `pump` goes on with copies and
//! hand-overs, `serve` answers other members about partitions, `interest` tells other members what is listened to here, and
//! `listening` brings events to those who listen there. `View` is the agreed state as this member knows it, `LeaseGuard` says
//! whether it may serve.

mod agreed;
#[expect(
    clippy::module_inception,
    reason = "the file is named for the type that it has"
)]
mod cluster;
mod control_loop;
mod core;
mod finding;
mod giving_up;
mod guard;
mod host;
mod indexing;
mod interest;
mod leading;
mod links;
mod listening;
mod looking;
mod lookups;
mod losses;
mod machine;
mod message;
mod news;
mod pump;
mod serve;
mod settings;
mod truncating;
mod view;
mod watching;
mod withdrawal;

pub use cluster::{Cluster, StartError};
pub use guard::LeaseGuard;
pub use news::{ClusterEvent, ClusterEvents};
pub use settings::ClusterSettings;
pub use view::{Route, Routes, View};

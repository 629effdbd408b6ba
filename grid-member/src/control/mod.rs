//! The control group: the few members that agree on the order of the cluster's commands.
//!
//! A [`ControlGroup`] is one member's part in it. What a command means is up to a [`ControlMachine`], how requests
//! reach other members to a [`ControlNetwork`], and what else happens with agreed commands to a [`ControlObserver`].
//! The agreement itself is Raft, by the library `openraft`, with the log and the vote in memory: a member that starts
//! anew has another number, so nothing that it forgot can be held against what it promised.
//!
//! # What holds
//!
//! - A command that [`propose`](ControlGroup::propose) acknowledged is applied by every member of the group, at the same
//!   place in the order, whatever fails later, as long as a majority of the voters at that time lives on.
//! - Commands are numbered from 1 without gaps, in the order in which all apply them, beyond snapshots and generations.
//! - [`confirm`](ControlGroup::confirm) succeeds on at most one member in each term, and only when a majority of the voters
//!   said so after the call began.
//! - A request of another generation is refused, so the survivor of a lost majority that goes on alone
//!   ([`seize`](ControlGroup::seize), [`start_generation`](ControlGroup::start_generation)) never mixes with the group
//!   that it left.
//!
//! # Time
//!
//! Nothing that is agreed depends on clocks. A proposal waits for no timer: it takes one round trip to a majority,
//! or two when another was agreed just before, since the library has one request under way to each voter. A leader that
//! falls silent is replaced after two election time-outs; one that is known to be dead at once, by
//! [`elect_now`](ControlGroup::elect_now).
//!
//! The library logs every request that fails as an error of the target `openraft`; while a member is away that is many
//! lines a second, which operators filter.

mod applied;
mod confirm;
mod election;
mod error;
mod group;
mod leadership;
mod log;
mod machine;
mod network;
mod observer;
mod peer;
mod runtime;
mod seize;
mod settings;
mod types;
mod voters;
mod wire;

pub use confirm::Confirmation;
pub use error::{ConfirmError, ControlError, ElectError, ProposeError, VotersError};
pub use group::{Agreed, ControlGroup};
pub use leadership::Leadership;
pub use machine::{ControlMachine, RestoreError};
pub use network::{ControlNetwork, NetworkError};
pub use observer::ControlObserver;
pub use seize::Seized;
pub use settings::{ControlSettings, SettingsError};

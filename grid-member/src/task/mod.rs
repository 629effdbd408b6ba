//! The one place that spawns tasks.

mod control_thread;
mod supervisor;

pub use control_thread::ControlThread;
pub(crate) use supervisor::start_thread;
pub use supervisor::{Supervisor, TaskKind};

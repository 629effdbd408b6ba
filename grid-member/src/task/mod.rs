//! The one place that spawns tasks.

mod control_thread;
mod supervisor;

pub use control_thread::ControlThread;
pub use supervisor::{Supervisor, TaskKind};

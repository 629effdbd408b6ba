//! The one place that spawns tasks.

mod supervisor;

pub use supervisor::{Supervisor, TaskKind};

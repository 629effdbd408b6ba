//! Who holds which partition.

mod assignment;
mod change;
mod epoch;
mod removal;
mod service;

pub use assignment::{Assignment, LastCopy};
pub use change::{Step, StepChange, StepRefused};
pub use epoch::Epoch;
pub use service::{BackupCount, ServiceId, ServiceTable};

//! Code of one's own at work: on threads of its own, within a time.
//!
//! A processor runs beside its partition, on copies of the entries that it reads, and its changes are made in one step
//! under the lock if all of them are as they were; else it runs again. So code that never ends holds up no partition:
//! whoever asked is told when its time is over, its thread is left alone, and what it does then changes nothing. Threads that
//! are left alone are counted, by name and together, and code of which there are too many is not run any more.
//!
//! Those that work on the same entry take turns, so that they do not overtake each other again and again.
//!
//! Many entries of a partition that one request is about are one step, so long as it is no larger than a step may be; else
//! they are done in several, each of which is done or not for itself. Each entry has its time.

mod beside;
mod one_step;
mod partial;
mod pool;
mod reads;
mod runner;
mod step_time;
mod turns;

pub(crate) use beside::work_beside;
pub(crate) use partial::partial_beside;
pub use runner::OwnRunner;
pub(crate) use step_time::step_time;

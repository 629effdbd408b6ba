//! The cluster that this member belongs to.

mod guard;
mod view;

pub use guard::LeaseGuard;
pub use view::{Route, Routes, View};

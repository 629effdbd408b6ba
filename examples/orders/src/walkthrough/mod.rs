//! What a run shows, in order: loading, looking up, changing, cold caches, the report.

mod browse;
mod changes;
mod journal;
mod load;
mod look_up;
mod members;

pub use browse::browse;
pub use changes::{CHANGE_EVENTS, show_changes};
pub use journal::Journal;
pub use load::{Loaded, load};
pub use look_up::{look_up, order_table};
pub use members::{show_leaving, show_members};

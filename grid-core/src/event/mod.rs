//! Events: what changed in a cache, and who wants to know.

mod binary_event;
mod cache_event;
mod listen;

pub use binary_event::{BinaryEntryEvent, BinaryEvent};
pub use cache_event::{CacheEvent, EntryEvent, EntryEventKind};
pub use listen::{Listen, ListenTo, is_selected, looks_at_values};

//! Events: what changed in a cache, and who wants to know.
//!
//! # Numbered events
//!
//! Every change has an [`EventNumber`]: its partition and its number there, the same at every member and after a failover.
//! A member keeps the last changes of a cache in an [`EventLog`]; each who follows it reads with a [`LogReader`], which
//! knows its [`EventPositions`]. So one who comes back goes on where it was, at any member that kept the log meanwhile: it is
//! told of every change after its positions once, or of [`Resync`](BinaryEvent::Resync) when they are not all there.

mod binary_event;
mod cache_event;
mod event_log;
mod event_number;
mod event_positions;
mod listen;
mod log_reader;

pub use binary_event::{BinaryEntryEvent, BinaryEvent};
pub use cache_event::{CacheEvent, EntryEvent, EntryEventKind};
pub use event_log::{EventLog, Gap, Logged, LoggedChange, ReadLog};
pub use event_number::EventNumber;
pub use event_positions::{EventOrigin, EventPositions, PositionsError};
pub use listen::{Listen, ListenTo, is_selected, looks_at_values, told_event, told_kind, told_values};
pub use log_reader::{LogReader, Taken};

//! The store: the pure state of one partition.
//!
//! A [`Partition`] holds the entries of many caches (those entries of each whose keys belong to it). It takes no lock
//! and reads no clock: the caller holds the lock, says what time it is, and carries out what follows from the changes.
//!
//! ```
//! use bytes::Bytes;
//! use grid_core::store::{CacheId, CacheSettings, Command, Partition, TimeToLive, Timestamp, Want};
//! use grid_core::value::{Binary, Format, Key};
//!
//! let json = |text: &'static str| Binary::new(Format::JSON, Bytes::from_static(text.as_bytes()));
//! let (now, orders) = (Timestamp::from_unix_ms(1_000), CacheId::new(1));
//! let key = Key::new(json("10248")).unwrap();
//! let mut partition = Partition::new();
//! let put = Command::Put { value: json("{\"freight\":32.38}"), ttl: TimeToLive::from_wire_ms(500).unwrap() };
//! partition.apply(now, orders, CacheSettings::default(), &key, put, Want::NOTHING).unwrap();
//! assert!(partition.contains(now, orders, &key));
//! assert!(!partition.contains(now.after_ms(500), orders, &key));
//! ```
//!
//! # Invariants
//!
//! - Every change has the next [`Sequence`] number of its partition; the entry that it wrote has that number as its
//!   version. Nothing else takes a number: a command whose condition fails leaves no trace.
//! - From its deadline on, to the millisecond, no read shows an entry, counts it, or finds it equal to anything,
//!   whether [`Partition::expire`] has removed it yet or not. Its end is told once, with [`Change::expired`].
//! - A step on several entries changes all of them or none ([`Partition::step`]).
//! - An entry is in the table of its cache, and in the timing wheel exactly when it has a deadline; both know where
//!   its blob lies. A cache without entries here has no table.
//! - Keys are told apart by format and canonical form; the spelling of the first writer stays until the entry goes.
//! - [`CacheStats`] are exact after every call. With the last entry all memory but the partition itself and
//!   the definitions of indexes is given back.
//! - A page is a snapshot, unless it is read in [`Slices`]; pages in a row, and slices, show every entry that stays exactly
//!   once ([`PageCursor`]).
//! - Work and answers are bounded: [`Partition::clear`], [`expire`](Partition::expire), [`page`](Partition::page) and
//!   [`scan`](Partition::scan) take their limits as arguments. A write without room is refused before anything changes.
//!
//! # Memory
//!
//! Beyond its key and value an entry takes a header of 4 to 8 bytes (more for long keys, other formats, or a time to
//! live), the rest of its slot (at most an eighth), and 6 to 12 bytes of the table; a time to live adds 28 bytes. The
//! `memory` bench measures it: 23 bytes an entry for a million entries of 118 bytes, 48 with a time to live.

mod arena;
mod bulk;
mod cache_id;
mod change;
mod command;
mod cookie;
mod entry_map;
mod hash_list;
mod index;
mod layout;
mod page;
mod partition;
mod plan;
mod query;
mod replay;
mod room;
mod row_sink;
mod similar;
mod slices;
mod stats;
mod step;
mod time;
pub mod wheel;
mod workspace;

pub use bulk::{Dropped, Swept};
pub use cache_id::CacheId;
pub use change::{Change, ChangeKind, Sequence, Want};
pub use command::{Applied, Command, StoreError, WorkAnswer};
pub use cookie::{COOKIE_BYTES, Cookie, CookieError};
pub use index::{ELEMENTS_MAX, INDEXES_MAX, IndexDefinition, IndexError, IndexFault, IndexInfo, IndexReport};
pub use layout::EntryView;
pub use page::{Page, PageContent, PageCursor, PageEntry, PageLimits, PickedPage};
pub use partition::Partition;
pub use plan::PreparedFilter;
pub use query::PlannedQuery;
pub use replay::{Copied, CopiedEntry, CopyCursor};
pub use room::Room;
pub use row_sink::RowSink;
pub use slices::{SliceLimits, SlicedPage, Slices};
pub use stats::{CacheStats, PartitionMemory};
pub use step::{STEP_ENTRIES_MAX, StepEntry, StepError};
pub use time::{CacheSettings, TimeToLive, TimeToLiveError, Timestamp};

pub use workspace::{Fetch, Fetched, Known, Workspace};

use partition::Alarm;

//! JSON text: checking it, its canonical form, and what can be told of it without building a tree.

mod canonical;
mod class;
mod cursor;
mod error;
mod limits;
mod nulls;
mod number;
mod scan;
mod string;
mod walk;

pub use canonical::canonical;
pub use class::class_of;
pub use error::{JsonError, JsonErrorKind};
pub use limits::{Limits, MAX_DEPTH};
pub use nulls::{NullMembers, drop_null_members};
pub use scan::{Scan, scan};

pub(crate) use cursor::Cursor;
pub(crate) use number::{Parts, write_double, write_integer, write_single};
pub(crate) use string::{decode, write_escaped};

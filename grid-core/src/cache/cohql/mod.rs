//! Statements of the query language, asked of the caches that they name.
//!
//! [`Caches`] is where caches are got by name, a grid or a session; it is asked with an [`Ask`], which gives
//! [`Rows`](crate::query::cohql::Rows). The language is told in [`crate::query::cohql`].
//!
//! What makes one answer of many entries is done where they are: filters, aggregates, groups and distinct values. What makes
//! a row of each entry reads the entries some at a time, and keeps nothing of them but the columns. The order of the rows is
//! made here, so all of them have to be here at once: [`Ask::bytes_max`] bounds that.

mod ask;
mod caches;
mod error;
mod read;
mod run;

pub use ask::Ask;
pub use caches::Caches;
pub use error::AskError;

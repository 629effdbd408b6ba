//! The database behind the caches: SQLite in this process.

mod connection;
mod error;
mod sql_store;
mod table;
mod tables;

pub use connection::{Contents, Database};
pub use error::DatabaseError;
pub use sql_store::SqlStore;
pub use table::Table;

//! Repositories: entities found and saved by their keys, in a cache, with a database behind it if there is one.
//!
//! A [`Repository`] is how an application that thinks in customers and orders uses a cache. Its entities are plain
//! serde structs that know their key ([`Entity`]); one entity names another by a [`Ref`], which is the other's key
//! in JSON and is followed only when someone asks. With an [`EntityStore`] behind it, a repository reads through
//! on a miss and writes through on a change.
//!
//! # What holds
//!
//! The cache never has what the database refused: a change goes to the database first, and to the cache only once
//! the database has it. When the cache then fails, the entry is removed from it (as far as the cache can still be
//! reached), so that the next reading asks the database. Operations on one key through one repository and its
//! clones are done one after another, so that neither two writers nor a writer and a reader who missed can leave
//! an older value in the cache than the database has. Two repositories over the same cache and database, in two
//! processes for instance, do not wait for each other: give their entries a time to live, or let one of them write.
//!
//! ```
//! use grid_core::repository::{Entity, Ref};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
//! struct Customer {
//!     id: String,
//!     name: String,
//! }
//!
//! impl Entity for Customer {
//!     type Key = String;
//!
//!     fn key(&self) -> String {
//!         self.id.clone()
//!     }
//! }
//!
//! #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
//! struct Order {
//!     id: u32,
//!     customer: Ref<Customer>,
//! }
//!
//! let order = Order { id: 7, customer: Ref::to("ALFKI".to_owned()) };
//! assert_eq!(serde_json::to_string(&order)?, r#"{"id":7,"customer":"ALFKI"}"#);
//! # Ok::<(), serde_json::Error>(())
//! ```

mod entity;
mod entity_store;
mod error;
mod key_locks;
mod reference;
#[expect(clippy::module_inception, reason = "the file is named for its one type")]
mod repository;
mod statistics;

pub use entity::Entity;
pub use entity_store::{EntityStore, NoStore};
pub use error::RepositoryError;
pub use reference::Ref;
pub use repository::Repository;
pub use statistics::RepositoryStatistics;

#[cfg(test)]
mod memory_backend;
#[cfg(test)]
mod repository_test;

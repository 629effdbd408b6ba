//! The orders application: customers, orders, order lines and products of a food importer, kept in an SQLite
//! database, with the grid's caches in front of it.
//!
//! It is the first thing to run (`cargo run --release -p orders`), and an example to take from:
//!
//! - [`members`]: the members of the grid that run in its process, or the one that joins others.
//! - [`model`]: plain serde structs, each with its key; an order refers to its customer and its lines.
//! - [`database`]: the schema, and the store that a repository reads and writes through.
//! - [`shop`]: the four repositories, and what a shop does with them: look up, place, change, cancel.
//! - [`data`]: the Northwind data, and more of the same shape.
//! - [`walkthrough`]: what a run shows, in order.
//! - [`report`]: the figures, on the terminal and as a page.
//!
//! The application knows a cache as [`grid_core::cache::Cache`] only: it runs over members in its own process, as a
//! member of a cluster elsewhere, and as a client of a server in the same way.

pub mod caches;
pub mod data;
pub mod database;
pub mod members;
pub mod model;
pub mod report;
pub mod screen;
pub mod shop;
pub mod walkthrough;

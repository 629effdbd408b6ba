//! An embeddable member of the grid.
//!
//! `grid-core` decides; this crate does: it reads the clock, locks partitions, spawns tasks and tells listeners.
//!
//! ```
//! use grid_core::cache::NamedCache;
//! use grid_member::Grid;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let grid = Grid::builder().build().await?;
//! let orders = grid.cache::<u32, String>("orders").await?;
//! orders.insert(&10248, &"VINET".to_owned()).await?;
//! assert_eq!(orders.get(&10248).await?.as_deref(), Some("VINET"));
//! grid.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! Entries are asked for by what is in them, and changed where they lie:
//!
//! ```
//! use std::collections::HashMap;
//!
//! use futures::{StreamExt, TryStreamExt};
//! use grid_core::cache::NamedCache;
//! use grid_core::cache::view::ViewEvent;
//! use grid_core::processor::Processor;
//! use grid_core::query::{Aggregator, Comparator, field};
//! use grid_member::Grid;
//! use serde_json::{Value, json};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let grid = Grid::builder().build().await?;
//! let people = grid.cache::<String, Value>("people").await?;
//! for (name, age, city) in [("ada", 36, "London"), ("bob", 17, "Oslo"), ("cy", 41, "Oslo")] {
//!     people.insert(&name.to_owned(), &json!({"name": name, "age": age, "city": city})).await?;
//! }
//! let adults = field("age").ge(18);
//! let oldest_first = people.entries_sorted(&adults, &Comparator::by("age").inverse());
//! let names: Vec<String> = oldest_first.map_ok(|(name, _)| name).try_collect().await?;
//! assert_eq!(names, ["cy", "ada"]);
//! let by_city: HashMap<String, u32> = people.aggregate(&Aggregator::max("age").by("city")).await?;
//! assert_eq!(by_city["Oslo"], 41);
//!
//! // Listens to what becomes of adults, and keeps a copy of them.
//! let of_adults = people.view(&adults).await?;
//! let mut events = of_adults.listen();
//! let age: u32 = people.invoke("bob", &Processor::increment("age", 1)).await?;
//! assert_eq!(age, 18);
//! assert!(matches!(events.next().await, Some(ViewEvent::Inserted { key, .. }) if *key == "bob"));
//! assert_eq!(of_adults.len(), 3);
//! grid.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! So are they in the query language, and indexes make that quick:
//!
//! ```
//! use grid_core::cache::{Caches, NamedCache};
//! use grid_core::store::IndexDefinition;
//! use grid_member::Grid;
//! use serde_json::{Value, json};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let grid = Grid::builder().build().await?;
//! let people = grid.cache::<String, Value>("people").await?;
//! people.add_index(&IndexDefinition::of("age").sorted()).await?;
//! for (name, age) in [("ada", 36), ("bob", 17), ("cy", 41)] {
//!     people.insert(&name.to_owned(), &json!({"name": name, "age": age})).await?;
//! }
//! let adults = "select name, age from people where age >= ?1 order by age desc";
//! let rows = grid.ask(adults).bind(18).await?.read_tuples::<(String, u32)>()?;
//! assert_eq!(rows, [("cy".to_owned(), 41), ("ada".to_owned(), 36)]);
//! let plan = grid.ask(&format!("explain plan for {adults}")).bind(18).await?;
//! assert!(plan.get(0, "index").is_some_and(|index| !index.is_null()));
//! let checked = people.check_indexes().await?;
//! assert_eq!((checked[0].entries, checked[0].differences), (3, Some(0)));
//! grid.shutdown().await;
//! # Ok(())
//! # }
//! ```

pub mod cache;
pub mod clock;
pub mod cluster;
pub mod control;
pub mod event;
mod grid;
pub mod listening;
pub mod own;
mod random;
pub mod replication;
pub mod routing;
pub mod store;
pub mod task;
pub mod transport;
pub mod wire;

pub use grid::{BuildError, Grid, GridBuilder};

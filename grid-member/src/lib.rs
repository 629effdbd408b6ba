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

pub mod cache;
pub mod clock;
pub mod cluster;
pub mod control;
pub mod event;
mod grid;
pub mod listening;
mod random;
pub mod replication;
pub mod routing;
pub mod store;
pub mod task;
pub mod transport;
pub mod wire;

pub use grid::{BuildError, Grid, GridBuilder};

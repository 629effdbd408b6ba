//! The `grid` program: a member of the grid with its edges, its configuration, and its command line.
//!
//! [`config`] reads the layers of the configuration, [`server`] starts a member with the edges that it says,
//! [`grpc`] is the edge for applications, [`http`] the one for operators, [`metrics`] what is counted, [`cli`] the command line. A program can run a
//! whole server in process:
//!
//! ```
//! use grid_server::config::Layers;
//! use grid_server::server::{Server, Stopped};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let any_port = Layers::new().file("", "grpc.address = '127.0.0.1:0'\nhttp.address = '127.0.0.1:0'")
//!     .variable("GRID_MEMBER_LISTEN", "127.0.0.1:0")
//!     .load()?;
//! let server = Server::start(any_port.config).await?;
//! assert_ne!(server.http_address().port(), 0);
//! assert_eq!(server.shutdown().await, Stopped::Drained);
//! # Ok(())
//! # }
//! ```

pub mod cli;
pub mod cluster_view;
pub mod config;
pub mod grpc;
pub mod http;
pub mod metrics;
pub mod server;

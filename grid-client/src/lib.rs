//! A client of the grid, from outside the cluster.
//!
//! A [`Session`] speaks version 1 of the Coherence gRPC protocol, with Girih (`grid serve`) or with Coherence CE, and
//! gives the caches of the cluster as [`NamedCache`](grid_core::cache::NamedCache)s: the same interface as inside the
//! cluster.
//!
//! ```no_run
//! use grid_client::Session;
//! use grid_core::cache::NamedCache;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let session = Session::builder().address("127.0.0.1:1408").connect().await?;
//! let stock = session.cache::<String, u32>("stock").await?;
//! stock.insert(&"apples".to_owned(), &3).await?;
//! assert_eq!(stock.get("apples").await?, Some(3));
//! session.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Where it connects to
//!
//! To the addresses that it is given ([`SessionBuilder::address`]), and to members that it finds by itself:
//! `SessionBuilder::discover` takes lists of member addresses, UDP multicast, and directories of members in a folder or
//! a bucket; `SessionBuilder::name_service` asks the port of members. What is found is kept fresh while the session lives.
//!
//! The feature `discovery` has this, and is on by default; folders need `discovery-folder`, buckets `discovery-s3`.
//!
//! # Which member is asked
//!
//! A member of a cluster of Girih tells the session who serves which key, and again whenever that changes. Operations on
//! one key then go to the member that serves it, over a connection of its own that is made when it is first wanted (to 64
//! members at most); `get_all` and `put_all` go to all that they concern at once. Everything else goes to the first
//! connection, and so do operations on caches with listeners, so that an event comes before the answer to what caused
//! it. Every member takes every request, so a session that knows less works as well.
//!
//! Queries (`keys_where` and the like, and the readings of views) have connections of their own, up to 8 at a time, which are
//! made when they are first wanted. What the server sends waits there for a reader that takes its time, up to about
//! 1 MiB here, and holds up nothing else.
//!
//! # What happens when something fails
//!
//! Every operation ends within [`SessionBuilder::request_timeout`]. When a connection breaks, the session connects
//! again by itself, to the next address if there are several. Operations that only read are then done again. One that
//! changes something is done again if it was not sent; with Girih also if it is on one key, since such requests are
//! numbered and done once however often they come. Otherwise it fails with an error whose
//! [`applied`](grid_core::cache::CacheError::applied) says whether the change may have been made. Listeners are
//! registered again and get a [`Resync`](grid_core::event::CacheEvent::Resync). With Girih, views and those that
//! [`listen_from`](grid_core::cache::NamedCache::listen_from) go on where they were, at whichever member, and get one only when the
//! cluster does not keep all that they missed. The answer to a query that breaks off
//! after something of it was read ends with an error. An entry processor is a change of one key; on many keys each is
//! one of its own.
//!
//! At most 1,024 changes of a session are open at a time; further ones wait. A change is not done later than 5 s after
//! its request timeout, by the clocks of the members.
//!
//! A cache that was destroyed and made again while there was no connection cannot be told from the one before.
//!
//! # What the protocol cannot say
//!
//! - `put`, `put_if_absent` and `remove` answer null when there was no value, so a stored JSON null looks like none: it is
//!   reported as no value before, and `put_if_absent` over it as done.
//! - `get_all` of Coherence CE leaves entries out whose value is null.
//! - `put_all` with a time to live sends one request an entry, since Coherence CE stores nulls when it gets them in one.
//! - A value that is read is a slice of the network buffer that it came in. Whoever keeps many small ones in bytes should
//!   copy them; typed values are copies.
//!
//! # Inside
//!
//! `session` holds settings, addresses and the caches that are open, `finding` looks for members; `connection` one HTTP/2 connection through all its lives,
//! with the requests in flight; `routing` knows who serves what and numbers the requests; `codec` reads frames in place; `cache` is the backend, with listeners and batches. One
//! task per connection does all its input and output, one more renews listeners, one hears who serves what, and one for each view
//! or listener with numbers passes its events on.

mod cache;
mod clock;
mod codec;
mod connection;
#[cfg(feature = "discovery")]
mod finding;
mod routing;
mod session;
mod task;

pub use connection::RetryPolicy;
#[cfg(feature = "discovery")]
pub use grid_discovery as discovery;
pub use session::{ADDRESS_DEFAULT, ADDRESS_VARIABLE, ConnectError, Session, SessionBuilder};

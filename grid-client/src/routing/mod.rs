//! Routing: which member serves which key, and the connections with members.
//!
//! A member tells who serves what ([`watch`]), and again whenever that has changed. A request on one key goes to the
//! member that serves the key's partition, when there is a connection with it; every member takes every request and
//! passes it on, so whatever is out of date here costs a hop and nothing else.

mod fleet;
mod numbers;
mod readers;
mod table;
mod watch;

pub(crate) use fleet::{Fleet, MEMBER_LANES_MAX};
pub(crate) use numbers::{Number, Numbers};
pub(crate) use readers::{READERS_MAX, Reader, Readers};
pub(crate) use watch::watch;

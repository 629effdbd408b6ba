//! Connections: one call on an HTTP/2 connection, its requests in flight, and its lives.
//!
//! A [`Lane`] is what callers see: they put a request in its outbound buffer and wait for their place in the table
//! of requests in flight to be filled. One task per lane ([`keep`]) does everything else.

mod driver;
mod failure;
mod in_flight;
mod keep;
mod lane;
mod member_link;
mod outbound;
mod reading_link;
mod retry;
mod sub_channel;

pub(crate) use failure::Failure;
pub(crate) use in_flight::{Answer, IN_FLIGHT_LIMIT};
pub(crate) use keep::{Began, Opened, Opener, keep, open};
pub(crate) use lane::{Binding, CacheRoute, Lane, Parts, Purpose, Refusal, Submission};
pub(crate) use member_link::{Target, keep_member};
pub(crate) use reading_link::{Wanted, keep_reading};
pub use retry::RetryPolicy;
pub(crate) use sub_channel::{Reason, status_of, words};

//! Listeners that hear of what happens at other members: what members tell each other for it, and what waits.
//!
//! Every member keeps what its own sinks want to hear of ([`Journal`]) and tells it to every other member, each of which
//! registers it with its own [`ListenerHub`](crate::event::ListenerHub)s as one more listener. A primary that makes a
//! change puts an event for each member that wants it into a queue for that member ([`Outgoing`]), while it holds the
//! partition.
//!
//! # What always holds
//!
//! - *Heard everywhere*: whoever began to listen was answered only when every member knew it, whether it is the primary of
//!   anything or not. A member that joins serves nothing before it knows what all others want to hear of.
//! - *In order*: the events of a partition reach a member in the order of its changes, also when the partition moves:
//!   nothing is handed over, and no new copy counts, before what was told is heard of.
//! - *Truncated after what was before*: that a cache was truncated is told when the events of all changes that were
//!   acknowledged before were told.
//! - *Truncated for sure*: that a truncation emptied a partition is told as a change is, to every member that wants to hear of
//!   any, and held by the backups until it was heard of. Whoever has heard of it is told the end of the truncation by
//!   the member that it was asked of, or, when that one fails, dies, or comes first with it, that events are missing
//!   ([`Truncations`]).
//! - *Once*: events between two members are numbered, and sent again on a new connection until they are acknowledged. A
//!   change that is told again by a new primary has the number that it had, by which it is known.
//! - *Before the answer*: the answer to a change that one member asked another for is given when the events of it have
//!   been told at the one that asked, unless that one was cut off and is still to say so.
//! - *Never in silence*: events that can't be kept, or are not taken in time, are replaced by word that some are missing,
//!   and who listened is told so.
//! - *The gap first*: no sink is told of a change when one before it in its partition was missed, unless it was told before
//!   that something is missing. For whoever goes on after that change, at this member or another, is never told of what was
//!   before it. So the word of a gap comes where the gap is, in the same order as the events:
//!     - A member that was cut off tells its sinks of nothing until all others know what it listens to, and then that
//!       they missed something ([`ListenerHub::heard_again`](crate::event::ListenerHub::heard_again)). What it hears in
//!       between has gaps: some primaries know of it already, others don't yet.
//!     - Between two members events come one after the other by their numbers; where one is left out without word, the
//!       receiver says so itself ([`Incoming`]).
//!     - Who takes a partition over first tells what others gave up. It knows of that: nothing is given up before all
//!       others know, nothing handed over to one that does not, and who joins is told before it can serve.
//!     - That entries were given up with the last copies of a partition is told before the first change of what began anew.
//!     - The log of a cache has the gap in its place, and not when it begins anew ([`EventLog`](grid_core::event::EventLog)).
//! - *Known before it is given up*: the backups hold what a member has not heard of, until it has. It is given up in two
//!   steps: first all other members know which caches it is about ([`Notice`]), or are gone; only then nobody waits for
//!   it any more. When the member goes that gave it up, those who know ([`Gaps`]) tell in its place that events are missing,
//!   and have others know it as well. So it does not depend on one memory, unless there is no other.
//! - *Bounds*: what waits for one member is limited in number and bytes, and in time unless yet another member neither
//!   answers nor goes; what members know of gaps is one set of caches for each two members.

mod gaps;
mod incoming;
mod journal;
mod outgoing;
mod truncations;
mod wire;

pub use gaps::{Gaps, Notice};
pub use incoming::{Arrival, Incoming};
pub use journal::{Journal, Noted, Since};
pub use outgoing::Outgoing;
pub use truncations::Truncations;
pub use wire::{EventFrame, Interest, News, Part};

#[cfg(test)]
mod between_test;

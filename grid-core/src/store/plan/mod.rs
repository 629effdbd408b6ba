//! How a filter is answered: by looking at all entries of a cache, or at those that its indexes and keys leave.
//!
//! The planner asks of each part of a filter which entries it may select *or fail on* (`planner`): of `and` the least of
//! what its parts leave, of `or` all of it, of `not` what its part may refuse. What is left is looked at with the whole
//! filter, unless an index finds exactly what the filter selects: so a plan changes neither results nor errors (the
//! invariant of indexes). Finding out ends where it would cost more than it saves: a plan that leaves more than three
//! quarters of the entries looks at all.
//!
//! What is the same in every partition is found out once (`prepared`).
//!
//! The whole filter is asked with cheap parts first (`ordered`), which changes nothing either, as errors count only
//! where they decide.

mod explain;
mod found;
mod ordered;
mod planner;
mod prepared;

pub(in crate::store) use ordered::Ordered;
pub(in crate::store) use planner::Plan;
pub use prepared::PreparedFilter;

pub(super) use found::Found;
pub(super) use planner::Planner;

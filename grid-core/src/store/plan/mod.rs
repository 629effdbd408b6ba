//! How a filter is answered: by looking at all entries of a cache, or at those that its indexes and keys leave.
//!
//! The planner asks of each part of a filter which entries it may select *or fail on* (`planner`): of `and` the least of
//! what its parts leave, of `or` all of it, of `not` what its part may refuse. What is left is looked at with the whole
//! filter, unless an index finds exactly what the filter selects: so a plan changes neither results nor errors (the
//! invariant of indexes). Finding out ends where it would cost more than it saves: a plan that leaves more than three
//! quarters of the entries looks at all.
//!
//! What is the same in every partition is found out once (`prepared`). Parts that must all hold and ask for one extractor, wherever
//! they stand, ask together: `age > 20 and age < 30` is one range.
//!
//! The whole filter is asked with cheap parts first (`ordered`), which changes nothing either, as errors count only
//! where they decide.
//!
//! # Invariant
//!
//! A plan takes no more time and memory than looking at the entries, whatever the filter (`Effort`): each part of a filter, value
//! that is asked for and value of an index that is gone through is a step, of which there are four for each entry. When they are
//! used up, what was found so far is the plan. Of the parts of an `and` four are kept at a time. An explanation is bounded by
//! a few plans, and in what it tells.

mod explain;
mod found;
mod ordered;
mod planner;
mod prepared;
mod together;
mod touching;

pub(in crate::store) use ordered::Ordered;
pub(in crate::store) use planner::Plan;
pub use prepared::PreparedFilter;

pub(super) use found::Found;
pub(super) use planner::Planner;

use planner::count_max;

//! Replicas of one partition that talk to each other.

mod answers;
mod copying;
mod failover;
mod handing_over;
mod limits;
mod requests;
mod set;
#[cfg(test)]
mod steps;
mod writing;

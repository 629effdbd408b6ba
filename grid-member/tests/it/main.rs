//! An embedded member as its users see it.

mod cluster;
mod conformance;
mod control;
mod events;
#[cfg(test)]
mod finding;
mod fixture;
#[cfg(test)]
mod following;
mod grid;
mod invariants;
mod limits;
#[cfg(test)]
mod listening;
#[cfg(test)]
mod losses;
#[cfg(test)]
mod queries;
mod transport;

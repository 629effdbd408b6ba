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
#[cfg(test)]
mod gate;
mod grid;
mod invariants;
mod limits;
#[cfg(test)]
mod listening;
#[cfg(test)]
mod losses;
#[cfg(test)]
#[path = "../../../grid-core/tests/oracle/mod.rs"]
mod oracle;
#[cfg(test)]
mod own;
#[cfg(test)]
mod own_cluster;
#[cfg(test)]
mod own_killed;
#[cfg(test)]
mod own_work;
#[cfg(test)]
mod queries;
#[cfg(test)]
mod query_answers;
#[cfg(test)]
mod query_limits;
#[cfg(test)]
mod query_moves;
#[cfg(test)]
mod query_rows;
#[cfg(test)]
#[path = "../../../grid-core/tests/query/random.rs"]
mod random;
#[cfg(test)]
#[path = "../../../grid-core/tests/query/random_agents.rs"]
mod random_agents;
#[cfg(test)]
mod statements;
mod transport;
#[cfg(test)]
mod untold;
#[cfg(test)]
mod working;

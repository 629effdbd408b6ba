//! The client against a server that does as it is told, and against real ones where the environment names them.

mod fake;
mod faults;
mod fixture;
mod listening;
mod real;

//! An embedded member as its users see it.

mod conformance;
mod fixture;

//! The conformance suite of [`NamedCache`](super::NamedCache).

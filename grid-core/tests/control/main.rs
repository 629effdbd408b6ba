//! What members agree on.

mod returning;

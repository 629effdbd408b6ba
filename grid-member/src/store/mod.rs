//! What goes on in the store by itself.

mod expiry;

pub use expiry::drive_expiry;

//! The rules. Each takes the sources, and gives what breaks it.

mod core_layers;
mod core_purity;
mod crate_layers;
mod file_len;
mod lints;
mod names;
mod one_owner;
mod tests_run;
mod text;

pub use core_layers::core_layers;
pub use core_purity::core_purity;
pub use crate_layers::crate_layers;
pub use file_len::{FILE_LEN_AIM, FILE_LEN_MAX, file_len, long_files};
pub use lints::lints;
pub use names::names;
pub use one_owner::one_owner;
pub use tests_run::tests_run;
pub use text::text;

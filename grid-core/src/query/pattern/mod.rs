//! Patterns that texts are matched with: those of SQL and those of Java.

mod error;
mod java_class;
mod java_regex;
mod like;
mod regex;

pub use error::PatternError;
pub use like::LikePattern;
pub use regex::RegexPattern;

pub(crate) use like::without_case;
pub(crate) use regex::RegexLimits;

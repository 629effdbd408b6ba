//! The patterns of one agent, which have a limit together.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use crate::query::pattern::RegexLimits;
use crate::query::{LikePattern, PatternError, RegexPattern};

/// The most memory of all patterns of an agent, in bytes, as what was read and compiled of them.
pub const PATTERNS_SIZE_MAX: usize = 16 << 20;

/// How many different regular expressions may keep [`RegexPattern::SIZE_MAX`] each when texts are matched.
const WITH_MUCH: usize = 16;

/// How much those after them may keep.
const LITTLE: usize = 64 << 10;

/// Reads the patterns of one agent, or of one statement.
///
/// A pattern of a few characters may take a megabyte when it is compiled. What all of them take together is bounded by
/// [`PATTERNS_SIZE_MAX`], and what matching keeps of all of them by a few times that; regular expressions that are equal
/// are compiled once.
#[derive(Debug)]
pub(crate) struct Patterns {
    left: Cell<usize>,
    compiled: RefCell<HashMap<(bool, String), RegexPattern>>,
}

impl Patterns {
    /// Without any yet.
    pub(crate) fn new() -> Self {
        Patterns {
            left: Cell::new(PATTERNS_SIZE_MAX),
            compiled: RefCell::default(),
        }
    }

    /// A regular expression that whole texts are matched with.
    ///
    /// # Errors
    /// As [`RegexPattern::new`], and when the patterns take too much together.
    pub(crate) fn regex(&self, pattern: &str) -> Result<RegexPattern, PatternError> {
        self.compile(pattern, false)
    }

    /// A regular expression that parts of texts are looked for with.
    ///
    /// # Errors
    /// As [`regex`](Self::regex), and when it has an end of the text.
    pub(crate) fn regex_of_parts(&self, pattern: &str) -> Result<RegexPattern, PatternError> {
        self.compile(pattern, true)
    }

    fn compile(&self, pattern: &str, of_parts: bool) -> Result<RegexPattern, PatternError> {
        let mut compiled = self.compiled.borrow_mut();
        let key = (of_parts, pattern.to_owned());
        if let Some(known) = compiled.get(&key) {
            return Ok(known.clone());
        }
        let build = if of_parts {
            RegexPattern::of_parts
        } else {
            RegexPattern::within
        };
        let left = self.left.get();
        let limits = RegexLimits {
            size_max: left,
            kept_max: if compiled.len() < WITH_MUCH {
                RegexPattern::SIZE_MAX
            } else {
                LITTLE
            },
        };
        let regex = match build(pattern, limits) {
            Err(PatternError::TooLarge) if left < PATTERNS_SIZE_MAX => {
                // On its own it may be small enough: that costs as much again at most, and ends the reading.
                let size_max = usize::MAX;
                return Err(match build(pattern, RegexLimits { size_max, ..limits }) {
                    Ok(_) => too_large(),
                    Err(error) => error,
                });
            }
            read => read?,
        };
        self.take(regex.size())?;
        compiled.insert(key, regex.clone());
        Ok(regex)
    }

    /// A pattern of SQL.
    ///
    /// # Errors
    /// As [`LikePattern::new`], and when the patterns take too much together.
    pub(crate) fn like(
        &self,
        pattern: &str,
        escape: Option<char>,
        ignore_case: bool,
    ) -> Result<LikePattern, PatternError> {
        let like = LikePattern::new(pattern, escape, ignore_case)?;
        self.take(like.size())?;
        Ok(like)
    }

    fn take(&self, size: usize) -> Result<(), PatternError> {
        let left = self.left.get().checked_sub(size);
        self.left.set(left.unwrap_or_default());
        left.map(drop).ok_or_else(too_large)
    }
}

#[cold]
fn too_large() -> PatternError {
    let max = PATTERNS_SIZE_MAX;
    PatternError::TooMany { max }
}

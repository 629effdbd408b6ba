//! The patterns of SQL's LIKE.

use super::PatternError;

/// A pattern of SQL's LIKE: `%` stands for any text, `_` for one UTF-16 unit, as in the reference.
///
/// A character after the escape stands for itself. The clients of Python and JavaScript send `0` for the escape when
/// they were given none, so that their `50%` means a text that is `5%`; the reference takes it so, and so does this.
///
/// ```
/// use grid_core::query::LikePattern;
///
/// let pattern = LikePattern::new("A%", None, false)?;
/// assert!(pattern.matches("Ada") && !pattern.matches("Bob"));
/// # Ok::<(), grid_core::query::PatternError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LikePattern {
    pattern: String,
    escape: Option<char>,
    ignore_case: bool,
    /// What stands between the `%`.
    segments: Vec<Vec<Unit>>,
}

/// What one UTF-16 unit of a text is matched with.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Unit {
    Any,
    Is(u16),
}

impl LikePattern {
    /// The longest pattern, in UTF-16 units. Matching takes time that may grow with the product of pattern and text.
    pub const LEN_MAX: usize = 4_096;

    /// Takes a pattern apart.
    ///
    /// # Errors
    /// When the pattern is too long or ends with the escape, or the escape is no character of the basic plane.
    pub fn new(pattern: &str, escape: Option<char>, ignore_case: bool) -> Result<Self, PatternError> {
        let len = pattern.encode_utf16().count();
        if len > Self::LEN_MAX {
            let max = Self::LEN_MAX;
            return Err(PatternError::TooLong { len, max });
        }
        if escape.is_some_and(|escape| escape.len_utf16() > 1) {
            return Err(PatternError::BadEscape);
        }
        let mut segments = vec![Vec::new()];
        let mut escaped = false;
        for character in pattern.chars() {
            if !escaped && Some(character) == escape {
                escaped = true;
                continue;
            }
            match character {
                '%' if !escaped => segments.push(Vec::new()),
                _ => {
                    if let Some(segment) = segments.last_mut() {
                        let any = !escaped && character == '_';
                        let mut units = [0; 2];
                        let units = character.encode_utf16(&mut units);
                        segment.extend(units.iter().map(|unit| match any {
                            true => Unit::Any,
                            false if ignore_case => Unit::Is(fold(*unit)),
                            false => Unit::Is(*unit),
                        }));
                    }
                }
            }
            escaped = false;
        }
        if escaped {
            return Err(PatternError::UnclosedEscape);
        }
        Ok(LikePattern {
            pattern: pattern.to_owned(),
            escape,
            ignore_case,
            segments,
        })
    }

    /// The pattern.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// The character before one that stands for itself, if there is one.
    #[must_use]
    pub fn escape(&self) -> Option<char> {
        self.escape
    }

    /// Whether upper and lower case are the same.
    #[must_use]
    pub fn ignores_case(&self) -> bool {
        self.ignore_case
    }

    /// The text that every match begins with: what an ordered index is searched by. Empty when case does not matter.
    #[must_use]
    pub fn prefix(&self) -> String {
        let first = self.segments.first().map(Vec::as_slice).unwrap_or_default();
        let literal = first.iter().map_while(|unit| match unit {
            Unit::Is(unit) if !self.ignore_case => Some(*unit),
            _ => None,
        });
        // A pattern has whole characters; a prefix may end within one, which is left out.
        let prefix = char::decode_utf16(literal).map_while(Result::ok);
        prefix.collect()
    }

    /// Whether the whole text is like the pattern.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        if text.is_ascii() {
            self.matches_units(text.as_bytes())
        } else {
            let units: Vec<u16> = text.encode_utf16().collect();
            self.matches_units(&units)
        }
    }

    fn matches_units<T: Copy + Into<u16>>(&self, text: &[T]) -> bool {
        let fits = |segment: &[Unit], text: &[T]| {
            segment.iter().zip(text).all(|(unit, found)| match unit {
                Unit::Any => true,
                Unit::Is(unit) if self.ignore_case => *unit == fold((*found).into()),
                Unit::Is(unit) => *unit == (*found).into(),
            })
        };
        let Some((first, rest)) = self.segments.split_first() else {
            return text.is_empty();
        };
        let Some((last, middle)) = rest.split_last() else {
            return first.len() == text.len() && fits(first, text);
        };
        let Some(inside) = text.len().checked_sub(first.len() + last.len()) else {
            return false;
        };
        let (front, text) = text.split_at(first.len());
        let (mut text, back) = text.split_at(inside);
        if !fits(first, front) || !fits(last, back) {
            return false;
        }
        for segment in middle.iter().filter(|segment| !segment.is_empty()) {
            let mut places = text.windows(segment.len());
            let Some(place) = places.position(|window| fits(segment, window)) else {
                return false;
            };
            text = text.get(place + segment.len()..).unwrap_or_default();
        }
        true
    }
}

/// A unit without its case, as Java compares characters: by the lower case of their upper case, one by one.
fn fold(unit: u16) -> u16 {
    let Some(character) = char::from_u32(u32::from(unit)) else {
        return unit;
    };
    if character.is_ascii() {
        return u16::from(u8::try_from(character).unwrap_or_default().to_ascii_lowercase());
    }
    let mut upper = character.to_uppercase();
    let upper = match (upper.next(), upper.next()) {
        (Some(single), None) => single,
        _ => character,
    };
    // One capital letter has two lower-case characters, of which Java takes the first.
    let lower = upper.to_lowercase().next().unwrap_or(upper);
    u16::try_from(u32::from(lower)).unwrap_or(unit)
}

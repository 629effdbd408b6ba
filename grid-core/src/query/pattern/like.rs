//! The patterns of SQL's LIKE.

use std::collections::HashMap;

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
    /// The longest pattern, in UTF-16 units. Matching takes at most some steps for each unit of the text and each 64 of the
    /// pattern.
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
                // Several beside each other are one: nothing is kept for nothing between them.
                '%' if !escaped && segments.len() > 1 && segments.last().is_some_and(Vec::is_empty) => {}
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

    /// About how much memory the pattern takes, in bytes.
    pub(crate) fn size(&self) -> usize {
        const ALLOCATED: usize = 16;
        let units: usize = self.segments.iter().map(Vec::capacity).sum();
        self.pattern.len()
            + units * size_of::<Unit>()
            + self.segments.capacity() * (size_of::<Vec<Unit>>() + ALLOCATED)
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
        let fits = |segment: &[Unit], text: &[T]| leading(segment, text, self.ignore_case) == segment.len();
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
            let Some(place) = find(segment, text, self.ignore_case) else {
                return false;
            };
            text = text.get(place + segment.len()..).unwrap_or_default();
        }
        true
    }
}

/// How many units of a segment fit the text that stands there.
fn leading<T: Copy + Into<u16>>(segment: &[Unit], text: &[T], ignore_case: bool) -> usize {
    let pairs = segment.iter().zip(text);
    let fitting = pairs.take_while(|(unit, found)| match unit {
        Unit::Any => true,
        Unit::Is(unit) if ignore_case => *unit == fold((**found).into()),
        Unit::Is(unit) => *unit == (**found).into(),
    });
    fitting.count()
}

/// The first place in a text where a segment fits, which is not empty.
///
/// Each place is tried, as long as that takes a few steps a place. A text in which nearly everything fits at every place
/// is searched by all places at once.
fn find<T: Copy + Into<u16>>(segment: &[Unit], text: &[T], ignore_case: bool) -> Option<usize> {
    const STEPS_A_PLACE: usize = 8;
    const STEPS_AT_FIRST: usize = 1 << 14;
    let mut steps = 0;
    for (place, window) in text.windows(segment.len()).enumerate() {
        let fitting = leading(segment, window, ignore_case);
        if fitting == segment.len() {
            return Some(place);
        }
        steps += fitting;
        if steps > STEPS_AT_FIRST + STEPS_A_PLACE * place {
            let rest = text.get(place..).unwrap_or_default();
            return find_at_once(segment, rest, ignore_case).map(|found| place + found);
        }
    }
    None
}

/// As [`find`], by the Shift-And algorithm of Baeza-Yates and Gonnet: a bit for each unit of the segment says whether the
/// segment fits up to it where the text ends so far. Takes a step of 64 bits for each 64 units and place.
fn find_at_once<T: Copy + Into<u16>>(segment: &[Unit], text: &[T], ignore_case: bool) -> Option<usize> {
    const BITS: usize = 64;
    let words = segment.len().div_ceil(BITS);
    let set = |mask: &mut Vec<u64>, at: usize| {
        if let Some(word) = mask.get_mut(at / BITS) {
            *word |= 1 << (at % BITS);
        }
    };
    let mut any = vec![0; words];
    for (at, _) in segment.iter().enumerate().filter(|(_, unit)| **unit == Unit::Any) {
        set(&mut any, at);
    }
    let mut masks: HashMap<u16, Vec<u64>> = HashMap::new();
    for (at, unit) in segment.iter().enumerate() {
        if let Unit::Is(unit) = unit {
            set(masks.entry(*unit).or_insert_with(|| any.clone()), at);
        }
    }
    let last = segment.len() - 1;
    let mut fitting = vec![0_u64; words];
    for (end, unit) in text.iter().enumerate() {
        let unit = (*unit).into();
        let mask = masks
            .get(&if ignore_case { fold(unit) } else { unit })
            .unwrap_or(&any);
        let mut carry = 1;
        for (word, mask) in fitting.iter_mut().zip(mask) {
            let next = *word >> (BITS - 1);
            *word = (*word << 1 | carry) & mask;
            carry = next;
        }
        if fitting.last().is_some_and(|word| word >> (last % BITS) & 1 == 1) {
            return Some(end - last);
        }
    }
    None
}

/// A unit without its case; half of a character is itself.
fn fold(unit: u16) -> u16 {
    let Some(character) = char::from_u32(u32::from(unit)) else {
        return unit;
    };
    u16::try_from(u32::from(without_case(character))).unwrap_or(unit)
}

/// A character without its case, as Java compares characters: by the lower case of their upper case, one by one.
pub(crate) fn without_case(character: char) -> char {
    if character.is_ascii() {
        return character.to_ascii_lowercase();
    }
    let mut upper = character.to_uppercase();
    let upper = match (upper.next(), upper.next()) {
        (Some(single), None) => single,
        _ => character,
    };
    // One capital letter has two lower-case characters, of which Java takes the first.
    upper.to_lowercase().next().unwrap_or(upper)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn all_places_at_once_find_what_each_on_its_own_does(
            segment in prop_oneof!["[ab_]{1,4}", "[aA_]{60,140}", "a{62,66}b?"],
            text in prop_oneof!["[ab]{0,20}", "[aA]{0,300}", "a{0,200}b?a{0,5}"],
            ignore_case in any::<bool>(),
        ) {
            let pattern = LikePattern::new(&segment, None, ignore_case).unwrap();
            let units: Vec<u16> = text.encode_utf16().collect();
            let segment = &pattern.segments[0];
            let mut places = units.windows(segment.len());
            let place = places.position(|window| leading(segment, window, ignore_case) == segment.len());
            prop_assert_eq!(find_at_once(segment, &units, ignore_case), place);
            prop_assert_eq!(find(segment, &units, ignore_case), place);
            prop_assert_eq!(find(segment, text.as_bytes(), ignore_case), place);
        }
    }

    #[test]
    fn what_fits_nearly_everywhere_is_found_too() {
        // Each on its own would take 5 * 10^8 steps.
        let text = "a".repeat(1 << 18);
        let many = "a".repeat(2_000);
        for (pattern, matches) in [
            (format!("%{many}b%"), false),
            (format!("%{many}_a%"), true),
            (format!("%_{many}b{many}%"), false),
            (format!("%{many}%{many}b"), false),
        ] {
            let pattern = LikePattern::new(&pattern, None, false).unwrap();
            assert_eq!(pattern.matches(&text), matches);
            assert_eq!(pattern.matches(&format!("{text}é")), matches);
        }
        let pattern = LikePattern::new(&format!("%{many}b%"), None, true).unwrap();
        assert!(pattern.matches(&format!("{text}{}B", many.to_uppercase())));
    }
}

//! The classes of characters of Java's regular expressions.

use std::fmt::Write as _;

use super::PatternError;
use super::java_regex::{Flags, Reader};

/// How deeply classes may nest: they are read with recursion.
const DEPTH_MAX: usize = 20;

/// A set of characters, as the inside of a class.
#[derive(Clone, Debug, Default)]
pub(super) struct Set {
    items: String,
    negated: bool,
}

impl Set {
    fn of(items: &str, negated: bool) -> Self {
        let items = items.to_owned();
        Set { items, negated }
    }

    /// Adds a range, and what it is without case where that is ignored for ASCII letters alone.
    pub(super) fn add(&mut self, first: char, last: char, flags: Flags) {
        let mut write = |first: u32, last: u32| {
            // Writing to a string cannot fail.
            let _ = match first == last {
                true => write!(self.items, "\\x{{{first:x}}}"),
                false => write!(self.items, "\\x{{{first:x}}}-\\x{{{last:x}}}"),
            };
        };
        let (first, last) = (u32::from(first), u32::from(last));
        write(first, last);
        if flags.ignore_case && !flags.unicode_case {
            const CASE: u32 = 0x20;
            let upper = (first.max(u32::from('A')), last.min(u32::from('Z')));
            if upper.0 <= upper.1 {
                write(upper.0 + CASE, upper.1 + CASE);
            }
            let lower = (first.max(u32::from('a')), last.min(u32::from('z')));
            if lower.0 <= lower.1 {
                write(lower.0 - CASE, lower.1 - CASE);
            }
        }
    }

    fn add_set(&mut self, set: &Set) {
        self.items.push_str(&set.class());
    }

    fn class(&self) -> String {
        let negation = if self.negated { "^" } else { "" };
        format!("[{negation}{}]", self.items)
    }

    /// The set as an expression of the `regex` crate.
    pub(super) fn pattern(&self, flags: Flags) -> String {
        if flags.ignore_case && flags.unicode_case {
            format!("(?i:{})", self.class())
        } else {
            self.class()
        }
    }
}

/// Reads a class whose `[` is here.
pub(super) fn class(reader: &mut Reader, depth: usize) -> Result<Set, PatternError> {
    if depth > DEPTH_MAX {
        return Err(PatternError::TooLarge);
    }
    reader.pos += 1;
    let mut set = Set {
        items: String::new(),
        negated: reader.take_if('^'),
    };
    // What stands on this side of the last `&&`.
    let mut empty = true;
    loop {
        let Some(next) = reader.peek() else {
            return Err(reader.wrong("a class that is not closed"));
        };
        if reader.flags.comments && (next.is_ascii_whitespace() || next == '\u{b}') {
            reader.pos += 1;
            continue;
        }
        match (next, reader.after(1)) {
            (']', _) if !empty => {
                reader.pos += 1;
                return Ok(set);
            }
            ('[', _) => {
                let inner = class(reader, depth + 1)?;
                set.add_set(&inner);
            }
            ('&', Some('&')) => {
                reader.pos += 2;
                if empty || matches!(reader.peek(), Some(']' | '&') | None) {
                    return Err(reader.unsupported("an intersection with nothing"));
                }
                // What is on the left is one set, so that it is not taken apart.
                set.items = format!("[{}]&&", set.items);
                empty = true;
                continue;
            }
            ('\\', Some('Q')) => {
                reader.pos += 2;
                while let Some(quoted) = reader.quoted() {
                    set.add(quoted, quoted, reader.flags);
                }
            }
            ('\\', Some('E')) => {
                reader.pos += 2;
                continue;
            }
            ('\\', _) => {
                reader.pos += 1;
                match predefined(reader)? {
                    Some(inner) => set.add_set(&inner),
                    None => {
                        let first = escaped_char(reader)?;
                        range(reader, &mut set, first)?;
                    }
                }
            }
            _ => {
                reader.pos += 1;
                range(reader, &mut set, next)?;
            }
        }
        empty = false;
    }
}

/// After a character of a class: a range, where `-` and another character follow.
fn range(reader: &mut Reader, set: &mut Set, first: char) -> Result<(), PatternError> {
    let is_range = reader.peek() == Some('-') && !matches!(reader.after(1), Some(']' | '[') | None);
    if !is_range {
        set.add(first, first, reader.flags);
        return Ok(());
    }
    reader.pos += 1;
    let last = match reader.take() {
        Some('\\') => {
            if predefined(reader)?.is_some() {
                return Err(reader.wrong("a range that ends with a set"));
            }
            escaped_char(reader)?
        }
        Some(last) => last,
        None => return Err(reader.wrong("a class that is not closed")),
    };
    if first > last {
        return Err(reader.wrong("a range with its end before its start"));
    }
    set.add(first, last, reader.flags);
    Ok(())
}

const LINE_ENDS: &str = r"\x{a}-\x{d}\x{85}\x{2028}\x{2029}";
const BLANKS: &str = r"\x{20}\x{9}\x{a0}\x{1680}\x{180e}\x{2000}-\x{200a}\x{202f}\x{205f}\x{3000}";

/// After a backslash: a set that has a letter, such as `\d`; `None` when there is none of this letter.
pub(super) fn predefined(reader: &mut Reader) -> Result<Option<Set>, PatternError> {
    let Some(letter) = reader.peek() else {
        return Err(reader.wrong("a backslash with nothing after it"));
    };
    let unicode = reader.flags.unicode_class;
    let items = match (letter.to_ascii_lowercase(), unicode) {
        ('d', false) => "0-9",
        ('d', true) => r"\p{Nd}",
        ('w', false) => "0-9A-Za-z_",
        ('w', true) => r"\w",
        ('s', false) => r"\x{20}\x{9}-\x{d}",
        ('s', true) => r"\s",
        ('h', _) => BLANKS,
        ('v', _) => LINE_ENDS,
        ('p', _) => return property(reader).map(Some),
        _ => return Ok(None),
    };
    reader.pos += 1;
    Ok(Some(Set::of(items, letter.is_ascii_uppercase())))
}

/// At the `p` or `P` of `\p{Lu}`.
fn property(reader: &mut Reader) -> Result<Set, PatternError> {
    let negated = reader.take() == Some('P');
    let name: String = match reader.take() {
        Some('{') => {
            let mut name = String::new();
            loop {
                match reader.take() {
                    Some('}') => break name,
                    Some(next) => name.push(next),
                    None => return Err(reader.wrong("a property that is not closed")),
                }
            }
        }
        Some(letter) => letter.to_string(),
        None => return Err(reader.wrong("a property without a name")),
    };
    let flags = reader.flags;
    let known = cased(&name, flags).or_else(|| posix(&name, flags.unicode_class));
    let known = known.or_else(|| java_property(&name));
    if let Some(items) = known {
        return Ok(Set::of(items, negated));
    }
    if name.starts_with("In") || name.starts_with("blk=") || name.starts_with("block=") {
        return Err(reader.unsupported("a block of Unicode"));
    }
    let value = match name.split_once('=') {
        Some(("script" | "sc" | "general_category" | "gc", value)) => value,
        Some(_) => return Err(reader.wrong("an unknown property of characters")),
        None => name.strip_prefix("Is").unwrap_or(&name),
    };
    if value.is_empty()
        || !value
            .chars()
            .all(|next| next.is_ascii_alphanumeric() || next == '_')
    {
        return Err(reader.wrong("an unknown property of characters"));
    }
    Ok(Set::of(&format!("\\p{{{value}}}"), negated))
}

/// Without case, letters of one case are letters of any.
fn cased(name: &str, flags: Flags) -> Option<&'static str> {
    let name = name.strip_prefix("Is").unwrap_or(name);
    Some(match name {
        _ if !flags.ignore_case => return None,
        "Lower" | "Upper" if !flags.unicode_class => "A-Za-z",
        "Lower" | "Upper" | "Lowercase" | "Uppercase" | "Titlecase" | "Lu" | "Ll" | "Lt" => {
            r"\p{Lu}\p{Ll}\p{Lt}"
        }
        "javaLowerCase" | "javaUpperCase" | "javaTitleCase" => r"\p{Lu}\p{Ll}\p{Lt}",
        _ => return None,
    })
}

fn posix(name: &str, unicode: bool) -> Option<&'static str> {
    Some(match (name, unicode) {
        ("Lower", false) => "a-z",
        ("Upper", false) => "A-Z",
        ("Alpha", false) => "A-Za-z",
        ("Digit", false) => "0-9",
        ("Alnum", false) => "0-9A-Za-z",
        ("Space", false) => r"\x{20}\x{9}-\x{d}",
        ("Punct", false) => r"\x{21}-\x{2f}\x{3a}-\x{40}\x{5b}-\x{60}\x{7b}-\x{7e}",
        ("Lower", true) => r"\p{Lowercase}",
        ("Upper", true) => r"\p{Uppercase}",
        ("Alpha", true) => r"\p{Alphabetic}",
        ("Digit", true) => r"\p{Nd}",
        ("Alnum", true) => r"\p{Alphabetic}\p{Nd}",
        ("Space", true) => r"\s",
        ("Punct", true) => r"\p{P}",
        ("ASCII", _) => r"\x{0}-\x{7f}",
        ("Graph", _) => r"\x{21}-\x{7e}",
        ("Print", _) => r"\x{20}-\x{7e}",
        ("Blank", _) => r"\x{20}\x{9}",
        ("Cntrl", _) => r"\x{0}-\x{1f}\x{7f}",
        ("XDigit", _) => "0-9A-Fa-f",
        _ => return None,
    })
}

fn java_property(name: &str) -> Option<&'static str> {
    Some(match name {
        "javaLowerCase" => r"\p{Lowercase}",
        "javaUpperCase" => r"\p{Uppercase}",
        "javaAlphabetic" => r"\p{Alphabetic}",
        "javaLetter" | "IsLetter" => r"\p{L}",
        "javaDigit" | "IsDigit" => r"\p{Nd}",
        "javaLetterOrDigit" => r"\p{L}\p{Nd}",
        "IsTitlecase" => r"\p{Lt}",
        "IsPunctuation" => r"\p{P}",
        "IsControl" => r"\p{Cc}",
        _ => return None,
    })
}

/// After a backslash: the one character that is meant.
pub(super) fn escaped_char(reader: &mut Reader) -> Result<char, PatternError> {
    let Some(next) = reader.take() else {
        return Err(reader.wrong("a backslash with nothing after it"));
    };
    Ok(match next {
        't' => '\t',
        'n' => '\n',
        'r' => '\r',
        'f' => '\u{c}',
        'a' => '\u{7}',
        'e' => '\u{1b}',
        'c' => {
            let control = reader.take().filter(char::is_ascii);
            let control = control.ok_or_else(|| reader.wrong("a control character"))?;
            char::from(u8::try_from(control).unwrap_or_default() ^ 0x40)
        }
        '0' => octal(reader)?,
        'x' => if reader.take_if('{') {
            let mut digits = String::new();
            loop {
                match reader.take() {
                    Some('}') => break,
                    Some(digit) if digits.len() < 6 => digits.push(digit),
                    _ => return Err(reader.wrong("a character by its number")),
                }
            }
            hex(&digits).and_then(char::from_u32)
        } else {
            hex_digits(reader, 2).and_then(char::from_u32)
        }
        .ok_or_else(|| reader.wrong("a character by its number"))?,
        'u' => utf16(reader)?,
        letter if letter.is_ascii_alphanumeric() => {
            return Err(reader.wrong("an escape that does not exist"));
        }
        other => other,
    })
}

fn octal(reader: &mut Reader) -> Result<char, PatternError> {
    let mut number = 0_u32;
    let mut count = 0;
    while let Some(digit) = reader.peek().and_then(|next| next.to_digit(8)) {
        if count == 3 || number * 8 + digit > 0o377 {
            break;
        }
        number = number * 8 + digit;
        count += 1;
        reader.pos += 1;
    }
    let number = char::from_u32(number).filter(|_| count > 0);
    number.ok_or_else(|| reader.wrong("a character by its octal number"))
}

/// After `\u`: four digits, or two times four for a character beyond the basic plane.
fn utf16(reader: &mut Reader) -> Result<char, PatternError> {
    let wrong = "a character by its number";
    let unit = |reader: &mut Reader| hex_digits(reader, 4).and_then(|unit| u16::try_from(unit).ok());
    let first = unit(reader).ok_or_else(|| reader.wrong(wrong))?;
    if let Some(character) = char::from_u32(u32::from(first)) {
        return Ok(character);
    }
    if reader.take_if('\\') && reader.take_if('u') {
        let second = unit(reader).ok_or_else(|| reader.wrong(wrong))?;
        if let Some(Ok(character)) = char::decode_utf16([first, second]).next() {
            return Ok(character);
        }
    }
    Err(reader.unsupported("half of a surrogate pair"))
}

fn hex_digits(reader: &mut Reader, count: usize) -> Option<u32> {
    let digits: String = (0..count).map_while(|_| reader.take()).collect();
    (digits.len() == count).then(|| hex(&digits)).flatten()
}

fn hex(digits: &str) -> Option<u32> {
    digits
        .chars()
        .all(|digit| digit.is_ascii_hexdigit())
        .then(|| u32::from_str_radix(digits, 16).ok())
        .flatten()
}

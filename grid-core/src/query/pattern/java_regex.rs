//! Java's regular expressions in the words of the `regex` crate.
//!
//! The two languages look alike and differ in what they mean: which characters `.`, `\d` and `\w` stand for, how case
//! is ignored, what a class may hold. So an expression is read by Java's rules, and what it means is written out in
//! full: each character as its number, each set as its ranges.

use std::fmt::Write as _;

use super::PatternError;
use super::java_class::{self, Set};

/// How deeply groups and classes may nest.
const DEPTH_MAX: usize = 60;

/// The flags that are on at a place.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flags {
    /// `i`: ignore the case, of ASCII letters alone without `u`.
    pub(super) ignore_case: bool,
    /// `s`: a point stands for ends of lines too.
    pub(super) dot_all: bool,
    /// `x`: white space and comments are left out.
    pub(super) comments: bool,
    /// `d`: only `\n` ends a line.
    pub(super) unix_lines: bool,
    /// `u`: the case of all letters is ignored.
    pub(super) unicode_case: bool,
    /// `U`: classes by Unicode.
    pub(super) unicode_class: bool,
}

/// An expression that is read from front to back.
pub(super) struct Reader {
    purpose: Purpose,
    chars: Vec<char>,
    pub(super) pos: usize,
    pub(super) flags: Flags,
    out: String,
}

/// What an expression is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Whole texts match or do not.
    Whole,
    /// Parts of texts are looked for.
    Parts,
}

/// Writes an expression of Java in the words of the `regex` crate.
pub(super) fn translate(pattern: &str, purpose: Purpose) -> Result<String, PatternError> {
    let mut reader = Reader {
        purpose,
        chars: pattern.chars().collect(),
        pos: 0,
        flags: Flags::default(),
        out: String::with_capacity(pattern.len() * 2),
    };
    reader.expression()?;
    Ok(reader.out)
}

impl Reader {
    pub(super) fn peek(&self) -> Option<char> {
        self.chars.get(self.pos).copied()
    }

    pub(super) fn after(&self, distance: usize) -> Option<char> {
        self.chars.get(self.pos + distance).copied()
    }

    pub(super) fn take(&mut self) -> Option<char> {
        let next = self.peek();
        self.pos += usize::from(next.is_some());
        next
    }

    pub(super) fn take_if(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.pos += usize::from(found);
        found
    }

    #[cold]
    pub(super) fn wrong(&self, what: &'static str) -> PatternError {
        let at = self.pos;
        PatternError::Syntax { at, what }
    }

    #[cold]
    pub(super) fn unsupported(&self, what: &'static str) -> PatternError {
        let at = self.pos;
        PatternError::Unsupported { at, what }
    }

    /// The whole expression: groups are kept on a stack of flags, not on the stack of the thread.
    fn expression(&mut self) -> Result<(), PatternError> {
        let mut groups: Vec<Flags> = Vec::new();
        // Whether a quantifier may follow.
        let mut atom = false;
        while let Some(next) = self.peek() {
            if self.flags.comments && self.skip_comment() {
                continue;
            }
            match next {
                '(' => {
                    let outer = self.flags;
                    self.pos += 1;
                    if self.open_group()? {
                        groups.push(outer);
                        self.out.push_str("(?:");
                    }
                    if groups.len() > DEPTH_MAX {
                        return Err(PatternError::TooLarge);
                    }
                    atom = false;
                }
                ')' => {
                    self.flags = groups
                        .pop()
                        .ok_or_else(|| self.wrong("a ) that closes nothing"))?;
                    self.pos += 1;
                    self.out.push(')');
                    atom = true;
                }
                '|' => {
                    self.pos += 1;
                    self.out.push('|');
                    atom = false;
                }
                '*' | '+' | '?' | '{' => {
                    if !atom {
                        return Err(self.wrong("a quantifier of nothing"));
                    }
                    self.quantifier()?;
                    atom = false;
                }
                _ => {
                    self.atom(next)?;
                    atom = true;
                }
            }
        }
        if groups.is_empty() {
            Ok(())
        } else {
            Err(self.wrong("a group that is not closed"))
        }
    }

    /// In comments mode: skips white space, or a comment. Whether there was some.
    fn skip_comment(&mut self) -> bool {
        let start = self.pos;
        if self.take_if('#') {
            while self.peek().is_some_and(|next| next != '\n') {
                self.pos += 1;
            }
        }
        while self
            .peek()
            .is_some_and(|next| next.is_ascii_whitespace() || next == '\u{b}')
        {
            self.pos += 1;
        }
        self.pos > start
    }

    /// After `(`: what kind of group it is. Whether one was opened; flags alone open none.
    fn open_group(&mut self) -> Result<bool, PatternError> {
        if !self.take_if('?') {
            return Ok(true);
        }
        match (self.peek(), self.after(1)) {
            (Some(':'), _) => self.pos += 1,
            (Some('='), _) | (Some('!'), _) => return Err(self.unsupported("a look-ahead")),
            (Some('<'), Some('=' | '!')) => return Err(self.unsupported("a look-behind")),
            (Some('>'), _) => return Err(self.unsupported("an atomic group")),
            (Some('<'), _) => {
                self.pos += 1;
                if !self.peek().is_some_and(|first| first.is_ascii_alphabetic()) {
                    return Err(self.wrong("the name of a group"));
                }
                while self.peek().is_some_and(|next| next.is_ascii_alphanumeric()) {
                    self.pos += 1;
                }
                if !self.take_if('>') {
                    return Err(self.wrong("the name of a group"));
                }
            }
            _ => return self.group_flags(),
        }
        Ok(true)
    }

    fn group_flags(&mut self) -> Result<bool, PatternError> {
        let mut on = true;
        let mut flags = self.flags;
        loop {
            match self.peek() {
                Some('-') if on => on = false,
                Some('i') => flags.ignore_case = on,
                Some('s') => flags.dot_all = on,
                Some('x') => flags.comments = on,
                Some('d') => flags.unix_lines = on,
                Some('u') => flags.unicode_case = on,
                Some('U') => (flags.unicode_class, flags.unicode_case) = (on, on),
                Some('m') if on => return Err(self.unsupported("multi-line mode")),
                Some('m') => {}
                Some(':' | ')') => break,
                _ => return Err(self.wrong("an unknown flag of a group")),
            }
            self.pos += 1;
        }
        if self.take() == Some(')') {
            // Until the end of the group around them.
            self.flags = flags;
            return Ok(false);
        }
        self.flags = flags;
        Ok(true)
    }

    fn quantifier(&mut self) -> Result<(), PatternError> {
        match self.take() {
            Some('{') => {
                let least = self.number()?;
                let most = match self.take_if(',') {
                    false => Some(least),
                    true if self.peek() == Some('}') => None,
                    true => Some(self.number()?),
                };
                if !self.take_if('}') {
                    return Err(self.wrong("a quantifier that is not closed"));
                }
                if most.is_some_and(|most| most < least) {
                    return Err(self.wrong("a quantifier with more at least than at most"));
                }
                // Writing to a string cannot fail.
                let _ = match most {
                    None => write!(self.out, "{{{least},}}"),
                    Some(most) => write!(self.out, "{{{least},{most}}}"),
                };
            }
            Some(sign) => self.out.push(sign),
            None => {}
        }
        if self.peek() == Some('+') {
            return Err(self.unsupported("a possessive quantifier"));
        }
        if self.take_if('?') {
            self.out.push('?');
        }
        Ok(())
    }

    fn number(&mut self) -> Result<u32, PatternError> {
        let start = self.pos;
        while self.peek().is_some_and(|next| next.is_ascii_digit()) {
            self.pos += 1;
        }
        let digits: String = self
            .chars
            .get(start..self.pos)
            .unwrap_or_default()
            .iter()
            .collect();
        if digits.is_empty() {
            return Err(self.wrong("a quantifier without a number"));
        }
        digits
            .parse()
            .map_err(|_too_large: std::num::ParseIntError| PatternError::TooLarge)
    }

    fn atom(&mut self, next: char) -> Result<(), PatternError> {
        match next {
            '.' => {
                self.pos += 1;
                self.out
                    .push_str(match (self.flags.dot_all, self.flags.unix_lines) {
                        (true, _) => "(?s:.)",
                        (false, true) => r"[^\n]",
                        (false, false) => r"[^\n\r\x{85}\x{2028}\x{2029}]",
                    });
            }
            '^' => {
                self.pos += 1;
                self.out.push_str(r"\A");
            }
            '$' => {
                self.pos += 1;
                self.end_of_text()?;
            }
            '[' => {
                let set = java_class::class(self, 0)?;
                self.write_set(&set);
            }
            '\\' => self.escape()?,
            _ => {
                self.pos += 1;
                self.write_char(next);
            }
        }
        Ok(())
    }

    /// The end of the text. Java also takes the place before a last end of a line for it, which makes no difference
    /// as long as nothing follows.
    fn end_of_text(&mut self) -> Result<(), PatternError> {
        if self.purpose == Purpose::Parts {
            return Err(self.unsupported("an end of the text that parts are looked for in"));
        }
        if !self.nothing_follows() {
            return Err(self.unsupported("an end of the text with something after it"));
        }
        self.out.push_str(r"\z");
        Ok(())
    }

    /// Whether nothing that is read after this place must match, in the branches that it is in.
    fn nothing_follows(&self) -> bool {
        let rest = self.chars.get(self.pos..).unwrap_or_default();
        let mut skipping = 0_usize;
        let mut other_branch = false;
        for next in rest {
            match (next, other_branch) {
                ('(', true) => skipping += 1,
                (')', true) if skipping > 0 => skipping -= 1,
                (')', _) => other_branch = false,
                ('|', false) => other_branch = true,
                // Anything special in a branch that is skipped is too much to be looked through.
                ('\\' | '[', true) => return false,
                ('$', false) | (_, true) => {}
                (_, false) => return false,
            }
        }
        true
    }

    fn escape(&mut self) -> Result<(), PatternError> {
        self.pos += 1;
        let Some(next) = self.peek() else {
            return Err(self.wrong("a backslash with nothing after it"));
        };
        match next {
            '1'..='9' | 'k' => return Err(self.unsupported("a back-reference")),
            'G' => return Err(self.unsupported("the end of the match before")),
            'X' => return Err(self.unsupported("a grapheme")),
            'N' => return Err(self.unsupported("a character by its name")),
            'A' => self.write_escape(r"\A"),
            'z' => self.write_escape(r"\z"),
            'Z' => {
                self.pos += 1;
                self.end_of_text()?;
            }
            'b' => self.write_escape(r"\b"),
            'B' => self.write_escape(r"\B"),
            'R' => self.write_escape(r"(?:\r\n|[\n\x{b}\x{c}\r\x{85}\x{2028}\x{2029}])"),
            'Q' => {
                self.pos += 1;
                while let Some(next) = self.quoted() {
                    self.write_char(next);
                }
            }
            'E' => self.pos += 1,
            _ => {
                if let Some(set) = java_class::predefined(self)? {
                    self.write_set(&set);
                } else {
                    let character = java_class::escaped_char(self)?;
                    self.write_char(character);
                }
            }
        }
        Ok(())
    }

    fn write_escape(&mut self, meaning: &str) {
        self.pos += 1;
        self.out.push_str(meaning);
    }

    /// The next character of a quotation that `\E` or the end of the expression ends.
    pub(super) fn quoted(&mut self) -> Option<char> {
        if self.peek() == Some('\\') && self.after(1) == Some('E') {
            self.pos += 2;
            return None;
        }
        self.take()
    }

    fn write_char(&mut self, character: char) {
        let mut set = Set::default();
        set.add(character, character, self.flags);
        self.write_set(&set);
    }

    fn write_set(&mut self, set: &Set) {
        self.out.push_str(&set.pattern(self.flags));
    }
}

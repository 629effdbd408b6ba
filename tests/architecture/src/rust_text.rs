//! Rust text that can be searched for what it does, not for what it says.

/// Rust text whose comments and literals are blank; lines stay where they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RustText {
    code: String,
}

impl RustText {
    /// Blanks comments, strings and characters out.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut code = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let after_word = code.ends_with(|c: char| c.is_alphanumeric() || c == '_');
            let may_begin_blank = matches!(first, '/' | '\'' | '"' | 'b' | 'c' | 'r');
            let blank = may_begin_blank.then(|| blank_len(rest, after_word)).flatten();
            let (taken, left) = rest.split_at(blank.unwrap_or(first.len_utf8()));
            if blank.is_none() {
                code.push_str(taken);
            } else {
                // Something stays in place of a literal, so that what is around it does not grow together.
                code.extend(taken.chars().map(|c| if c == '\n' { c } else { ' ' }));
            }
            rest = left;
        }
        RustText { code }
    }

    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.code
    }

    /// The lines of the code that have this path or word, from 1. A word in a longer word does not count.
    #[must_use]
    pub fn lines_with(&self, needle: &str) -> Vec<usize> {
        self.starts_of(needle).map(|at| self.line_of(at)).collect()
    }

    /// The line of a position, from 1.
    #[must_use]
    pub fn line_of(&self, at: usize) -> usize {
        1 + self.code[..at].matches('\n').count()
    }

    /// Where this path or word begins.
    pub fn starts_of<'a>(&'a self, needle: &'a str) -> impl Iterator<Item = usize> + 'a {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        self.code
            .match_indices(needle)
            .map(|(at, _)| at)
            .filter(move |at| {
                let (before, after) = (&self.code[..*at], &self.code[at + needle.len()..]);
                !(before.ends_with(is_word) || needle.ends_with(is_word) && after.starts_with(is_word))
            })
    }

    /// The names of the modules in files of their own that are there for tests alone.
    #[must_use]
    pub fn test_modules(&self) -> Vec<String> {
        let modules = self.test_items().filter_map(|(_, item)| {
            let (name, rest) = module_name(item)?;
            rest.trim_start().starts_with(';').then(|| name.to_owned())
        });
        modules.collect()
    }

    /// The code without the items that are there for tests alone.
    #[must_use]
    pub fn without_tests(&self) -> Self {
        let mut code = self.code.clone();
        for (start, item) in self.test_items() {
            let range = start..start + item_len(item);
            let blank: String = code[range.clone()]
                .chars()
                .map(|c| if c == '\n' { '\n' } else { ' ' })
                .collect();
            // Code beyond comments and literals is ASCII but for names, which may shrink: pad to keep positions.
            let blank = format!("{blank:<width$}", width = range.len());
            code.replace_range(range, &blank);
        }
        RustText { code }
    }

    /// What follows each `#[cfg(test)]`, and where.
    fn test_items(&self) -> impl Iterator<Item = (usize, &str)> {
        let attribute = "#[cfg(test)]";
        self.code.match_indices(attribute).map(move |(at, _)| {
            let start = at + attribute.len();
            (start, &self.code[start..])
        })
    }
}

/// The name of the module that an item is, and what follows the name.
fn module_name(item: &str) -> Option<(&str, &str)> {
    let mut item = item.trim_start();
    while item.starts_with("#[") {
        item = item.split_once(']')?.1.trim_start();
    }
    let after = item
        .strip_prefix("pub(crate)")
        .or_else(|| item.strip_prefix("pub"))
        .unwrap_or(item);
    let name = after.trim_start().strip_prefix("mod ")?.trim_start();
    Some(name.split_at(name.find(|c: char| !(c.is_alphanumeric() || c == '_'))?))
}

/// The length of an item: to its semicolon or to the brace that closes it.
fn item_len(item: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in item.char_indices() {
        match c {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 && c == '}' {
                    return at + 1;
                }
            }
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    item.len()
}

/// The length of the comment or literal that the text begins with, if it does.
fn blank_len(text: &str, after_word: bool) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return Some(block_comment_len(text));
    }
    if text.starts_with('\'') {
        return char_literal_len(text);
    }
    if !after_word {
        let prefix = ["br", "cr", "r", "b", "c", ""]
            .into_iter()
            .find(|prefix| text.starts_with(prefix) && text[prefix.len()..].starts_with(['"', '#']))?;
        let literal = &text[prefix.len()..];
        let hashes = literal.len() - literal.trim_start_matches('#').len();
        if prefix.contains('r') && literal[hashes..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            let body = prefix.len() + hashes + 1;
            return Some(
                text[body..]
                    .find(&end)
                    .map_or(text.len(), |at| body + at + end.len()),
            );
        }
        if hashes == 0 {
            return Some(prefix.len() + quoted_len(literal, '"'));
        }
        return None;
    }
    None
}

fn block_comment_len(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    at.min(text.len())
}

/// The length of a character's literal; none for a lifetime.
fn char_literal_len(text: &str) -> Option<usize> {
    let mut chars = text.char_indices().skip(1);
    match chars.next()? {
        (_, '\\') => Some(quoted_len(text, '\'')),
        _ => {
            let (at, c) = chars.next()?;
            (c == '\'').then_some(at + 1)
        }
    }
}

/// The length of a quoted text with its quotes.
fn quoted_len(text: &str, quote: char) -> usize {
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        if c == '\\' {
            chars.next();
        } else if c == quote {
            return at + 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blank() {
        let text = "a // spawn\n/* spawn /* deep */ spawn */ b \"spawn\\\" {\" c r#\"spawn\" }\"# 'x' '{' '\\'' <'a> b\"spawn\" d";
        let code = RustText::new(text);
        let words: Vec<_> = code.as_str().split_whitespace().collect();
        assert_eq!(words, ["a", "b", "c", "<'a>", "d"]);
        assert_eq!(code.line_of(code.as_str().find('d').unwrap()), 2);
    }

    #[test]
    fn words_are_found_whole() {
        let code = RustText::new(
            "Instant::now();\nMyInstant::now();\nInstant::nowhere();\nstd::time::Instant::now()",
        );
        assert_eq!(code.lines_with("Instant::now"), [1, 4]);
    }

    #[test]
    fn tests_are_left_out() {
        let code = RustText::new(
            "use a;\n#[cfg(test)]\nmod one { fn f() { spawn() } }\nfn g() {}\n#[cfg(test)]\n#[expect(x)]\nmod two;\nspawn",
        );
        assert_eq!(code.test_modules(), ["two"]);
        assert_eq!(code.without_tests().lines_with("spawn"), [8]);
        assert_eq!(code.without_tests().lines_with("fn g"), [4]);
    }
}

//! A TOML file with the place of everything in it.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Source;
use super::mistake::Mistake;

/// The text of a file and what it is called.
pub(super) struct File<'a> {
    path: &'a str,
    text: &'a str,
    root: DeTable<'a>,
}

impl<'a> File<'a> {
    /// Reads TOML.
    pub(super) fn parse(path: &'a str, text: &'a str) -> Result<Self, Mistake> {
        let spanned = DeTable::parse(text).map_err(|error| Mistake {
            place: place(path, text, error.span().unwrap_or_default()),
            key: String::new(),
            problem: format!("this is not TOML: {}", error.message()),
        })?;
        Ok(File {
            path,
            text,
            root: spanned.into_inner(),
        })
    }

    /// Where this stretch of the text begins.
    pub(super) fn place(&self, span: Range<usize>) -> Source {
        place(self.path, self.text, span)
    }

    /// The top-level entries.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, Source, &Spanned<DeValue<'a>>)> {
        self.root
            .iter()
            .map(|(key, value)| (key.get_ref().as_ref(), self.place(key.span()), value))
    }

    /// The value of a setting.
    pub(super) fn setting(&self, section: &str, key: &str) -> Option<(Source, &DeValue<'a>)> {
        let value = self.root.get(section)?.get_ref().as_table()?.get(key)?;
        Some((self.place(value.span()), value.get_ref()))
    }
}

fn place(path: &str, text: &str, span: Range<usize>) -> Source {
    let before = text.get(..span.start).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    Source::File {
        path: path.to_owned(),
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
    }
}

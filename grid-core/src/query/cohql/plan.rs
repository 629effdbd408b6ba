//! Queries as texts: what is asked of the cache.

use std::fmt;

use super::query::{Direction, Query, Source};
use crate::query::{Aggregator, Filter};

/// The most lines of a filter that are shown.
const LINES_MAX: usize = 1_000;

impl fmt::Display for Query {
    /// What the cache is asked, a line for each part, filters within filters indented: what `show plan` shows.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "cache {:?}", self.cache())?;
        writeln!(f, "filter")?;
        let mut lines = LINES_MAX;
        write_filter(self.filter(), 1, &mut lines, f)?;
        match self.aggregator().filter(|_| !self.reads_entries()) {
            None => write!(f, "entries")?,
            Some(aggregator) => write!(f, "aggregate {}", Shown(&aggregator))?,
        }
        for (index, (source, direction)) in self.order().enumerate() {
            f.write_str(if index == 0 { "\norder by " } else { ", " })?;
            match source {
                Source::Extractor(extractor) => write!(f, "{extractor}")?,
                Source::Aggregator(aggregator) => write!(f, "{}", Shown(aggregator))?,
            }
            if direction == Direction::Descending {
                f.write_str(" descending")?;
            }
        }
        Ok(())
    }
}

/// Filters of texts are not deep; those of large values in them are cut short.
fn write_filter(filter: &Filter, level: usize, lines: &mut usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match lines.checked_sub(1) {
        Some(left) => *lines = left,
        None => return Ok(()),
    }
    if *lines == 0 {
        return writeln!(f, "{:width$}...", "", width = level * 2);
    }
    writeln!(f, "{:width$}{filter}", "", width = level * 2)?;
    for part in filter.parts() {
        write_filter(part, level + 1, lines, f)?;
    }
    Ok(())
}

/// An aggregator as a text.
struct Shown<'a>(&'a Aggregator);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let class = self.0.class();
        f.write_str(class.strip_prefix("aggregator.").unwrap_or(class))?;
        match self.0 {
            Aggregator::Number(_, extractor)
            | Aggregator::Min(extractor)
            | Aggregator::Max(extractor)
            | Aggregator::Distinct(extractor)
            | Aggregator::Reducer(extractor) => write!(f, "({extractor})"),
            Aggregator::Group {
                extractor,
                aggregator,
                ..
            } => write!(f, "({extractor}, {})", Shown(aggregator)),
            Aggregator::Composite(inner) => {
                f.write_str("(")?;
                for (index, inner) in inner.iter().enumerate() {
                    write!(f, "{}{}", if index == 0 { "" } else { ", " }, Shown(inner))?;
                }
                f.write_str(")")
            }
            _ => f.write_str("()"),
        }
    }
}

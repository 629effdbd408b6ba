//! Filters as texts, for records of queries and for messages.

use std::fmt;

use super::{Between, Filter, Test};
use crate::query::Extractor;

impl fmt::Display for Extractor {
    /// Names with dots between them, as in a path.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Extractor::Identity => f.write_str("this"),
            Extractor::Key(inner) => write!(f, "key().{inner}"),
            Extractor::Property(name) => f.write_str(name),
            Extractor::Method(call) => {
                write!(f, "{}(", call.name())?;
                list(f, call.arguments().iter().map(Shown))?;
                f.write_str(")")
            }
            Extractor::Chained(inner) => {
                for (index, extractor) in inner.iter().enumerate() {
                    write!(f, "{}{extractor}", if index == 0 { "" } else { "." })?;
                }
                Ok(())
            }
            Extractor::Multi(inner) => {
                f.write_str("[")?;
                list(f, inner.iter())?;
                f.write_str("]")
            }
        }
    }
}

/// What is debugged as it is shown.
struct Shown<T>(T);

impl<T: fmt::Debug> fmt::Display for Shown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The most parts of a list that are shown.
const SHOWN_MAX: usize = 20;

fn list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, parts: impl ExactSizeIterator<Item = T>) -> fmt::Result {
    let hidden = parts.len().saturating_sub(SHOWN_MAX);
    for (index, part) in parts.take(SHOWN_MAX).enumerate() {
        write!(f, "{}{part}", if index == 0 { "" } else { ", " })?;
    }
    if hidden > 0 {
        write!(f, ", and {hidden} more")?;
    }
    Ok(())
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Test::Equals => "=",
            Test::NotEquals => "!=",
            Test::Greater => ">",
            Test::GreaterEquals => ">=",
            Test::Less => "<",
            Test::LessEquals => "<=",
        })
    }
}

impl fmt::Display for Between {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (lower, upper) = (self.lower_test(), self.upper_test());
        let (extractor, from, to) = (&self.extractor, &self.from, &self.to);
        write!(f, "{extractor} {lower} {from:?} and {extractor} {upper} {to:?}")
    }
}

impl fmt::Display for Filter {
    /// What the filter asks, without what is in filters of filters.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Filter::Always => f.write_str("TRUE"),
            Filter::Never => f.write_str("FALSE"),
            Filter::Present => f.write_str("present"),
            Filter::Compare {
                test,
                extractor,
                value,
            } => write!(f, "{extractor} {test} {value:?}"),
            Filter::Between(between) => between.fmt(f),
            Filter::In(extractor, values) => set(f, extractor, "in", values),
            Filter::Contains(extractor, value) => write!(f, "{extractor} contains {value:?}"),
            Filter::ContainsAll(extractor, values) => set(f, extractor, "contains all", values),
            Filter::ContainsAny(extractor, values) => set(f, extractor, "contains any", values),
            Filter::Like(extractor, pattern) => write!(f, "{extractor} like {:?}", pattern.pattern()),
            Filter::Regex(extractor, pattern) => write!(f, "{extractor} matches {:?}", pattern.pattern()),
            Filter::All(_) => f.write_str("AllFilter"),
            Filter::Any(_) => f.write_str("AnyFilter"),
            Filter::Xor(_) => f.write_str("XorFilter"),
            Filter::Not(_) => f.write_str("NotFilter"),
            Filter::Predicate(extractor, _) => write!(f, "{extractor} is selected"),
            Filter::InKeySet(_, keys) => write!(f, "key in {} keys", keys.len()),
            Filter::KeyAssociated(_, host) => write!(f, "beside {host:?}"),
            Filter::Limit { page_size, .. } => write!(f, "{page_size} at a time"),
            Filter::Event(event) => write!(f, "{:?}", event.kinds),
        }
    }
}

fn set(
    f: &mut fmt::Formatter<'_>,
    extractor: &Extractor,
    word: &str,
    values: &super::ValueSet,
) -> fmt::Result {
    write!(f, "{extractor} {word} (")?;
    list(f, values.iter().map(Shown))?;
    f.write_str(")")
}

impl Filter {
    /// The filters in this one.
    #[must_use]
    pub fn parts(&self) -> Vec<&Filter> {
        match self {
            Filter::All(filters) | Filter::Any(filters) => filters.iter().collect(),
            Filter::Xor(filters) => vec![&filters.0, &filters.1],
            Filter::Not(filter)
            | Filter::Predicate(_, filter)
            | Filter::InKeySet(filter, _)
            | Filter::KeyAssociated(filter, _)
            | Filter::Limit { filter, .. } => vec![filter],
            Filter::Event(event) => event.filter.iter().map(AsRef::as_ref).collect(),
            _ => Vec::new(),
        }
    }

    /// What the filter itself extracts, if it extracts something: what an index would be of.
    #[must_use]
    pub fn extractor(&self) -> Option<&Extractor> {
        match self {
            Filter::Compare { extractor, .. }
            | Filter::In(extractor, _)
            | Filter::Contains(extractor, _)
            | Filter::ContainsAll(extractor, _)
            | Filter::ContainsAny(extractor, _)
            | Filter::Like(extractor, _)
            | Filter::Regex(extractor, _)
            | Filter::Predicate(extractor, _) => Some(extractor),
            Filter::Between(between) => Some(&between.extractor),
            _ => None,
        }
    }
}

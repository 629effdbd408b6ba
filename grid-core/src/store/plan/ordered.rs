//! A filter with its cheap parts first.

use crate::query::{Extractor, Filter, QueryEntry, QueryError, Test};

/// A filter that asks its cheap parts first.
#[derive(Debug)]
pub(in crate::store) struct Ordered<'f> {
    filter: &'f Filter,
    /// The parts in order, when that is not the order in which they stand.
    parts: Option<Part<'f>>,
}

#[derive(Debug)]
enum Part<'f> {
    Filter(&'f Filter),
    /// Whichever of these says so decides.
    Deciding(bool, Vec<Part<'f>>),
}

/// Deeper parts are asked as they stand.
const DEPTH_MAX: usize = 16;

impl<'f> Ordered<'f> {
    /// Orders the parts of a filter.
    pub(in crate::store) fn of(filter: &'f Filter) -> Self {
        let parts = match order(filter, 0) {
            Part::Filter(_) => None,
            parts @ Part::Deciding(..) => Some(parts),
        };
        Ordered { filter, parts }
    }

    /// As [`Filter::evaluate`].
    pub(in crate::store) fn evaluate(&self, entry: &QueryEntry<'_>) -> Result<bool, QueryError> {
        match &self.parts {
            // Which error is told is up to the order of the filter.
            Some(parts) => ask(parts, entry).or_else(|_error| self.filter.evaluate(entry)),
            None => self.filter.evaluate(entry),
        }
    }
}

fn ask(part: &Part<'_>, entry: &QueryEntry<'_>) -> Result<bool, QueryError> {
    match part {
        Part::Filter(filter) => filter.evaluate(entry),
        Part::Deciding(deciding, parts) => {
            let mut failed = None;
            for part in parts {
                match ask(part, entry) {
                    Ok(answer) if answer == *deciding => return Ok(answer),
                    Ok(_) => {}
                    Err(error) => failed = Some(error),
                }
            }
            failed.map_or(Ok(!deciding), Err)
        }
    }
}

fn order(filter: &Filter, depth: usize) -> Part<'_> {
    let (deciding, filters) = match filter {
        Filter::All(filters) if depth < DEPTH_MAX => (false, filters),
        Filter::Any(filters) if depth < DEPTH_MAX => (true, filters),
        _ => return Part::Filter(filter),
    };
    let costs: Vec<_> = filters.iter().map(|filter| cost(filter, depth)).collect();
    let parts: Vec<_> = filters.iter().map(|filter| order(filter, depth + 1)).collect();
    let changed = !costs.is_sorted() || parts.iter().any(|part| matches!(part, Part::Deciding(..)));
    if !changed {
        return Part::Filter(filter);
    }
    let mut parts: Vec<_> = costs.into_iter().zip(parts).collect();
    parts.sort_by_key(|(cost, _)| *cost);
    Part::Deciding(deciding, parts.into_iter().map(|(_, part)| part).collect())
}

/// What a filter costs, in no unit.
fn cost(filter: &Filter, depth: usize) -> usize {
    let extractor = filter.extractor().map_or(0, extractor_cost);
    let own = match filter {
        Filter::Always | Filter::Never | Filter::Present => 0,
        Filter::Compare { test, value, .. } => match (test, value.datum()) {
            // Null is known by its first byte.
            (Test::Equals | Test::NotEquals, datum) if datum.is_null() => 1,
            _ => 2,
        },
        Filter::Between(_) => 2,
        Filter::In(..) | Filter::InKeySet(..) => 3,
        Filter::Like(..) => 4,
        Filter::Contains(..) | Filter::ContainsAll(..) | Filter::ContainsAny(..) => 8,
        Filter::Regex(..) => 16,
        _ => 1,
    };
    let parts = if depth < DEPTH_MAX {
        filter.parts()
    } else {
        Vec::new()
    };
    let parts = parts.into_iter().map(|part| cost(part, depth + 1));
    own + extractor + parts.sum::<usize>()
}

fn extractor_cost(extractor: &Extractor) -> usize {
    match extractor {
        Extractor::Identity => 2,
        Extractor::Key(_) => 1,
        Extractor::Property(_) => 4,
        Extractor::Method(_) => 8,
        Extractor::Chained(inner) => 4 + inner.len(),
        Extractor::Multi(inner) => 16 + inner.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::field;

    #[test]
    fn cheap_parts_are_asked_first_and_errors_stay() {
        let regex = field("a").matches("a+").unwrap();
        let filter = regex
            .clone()
            .and(field("b").eq(1))
            .and(field("a").gt(1).or(regex));
        let ordered = Ordered::of(&filter);
        let Some(Part::Deciding(false, parts)) = &ordered.parts else {
            panic!("the order is another one");
        };
        assert!(matches!(
            parts.first(),
            Some(Part::Filter(Filter::Compare { .. }))
        ));
        let failing = field("a")
            .gt("x")
            .and(field("b").like("%"))
            .and(field("a").gt(1.5));
        let in_order = field("a").gt(1.5).and(field("b").eq(2)).and(failing.clone());
        for value in [
            &br#"{"a":1,"b":2}"#[..],
            br#"{"a":1,"b":3}"#,
            br#"{"a":2.0}"#,
            b"{}",
            b"7",
        ] {
            let entry = QueryEntry::of_value(value);
            for filter in [&filter, &failing, &in_order] {
                assert_eq!(Ordered::of(filter).evaluate(&entry), filter.evaluate(&entry));
            }
        }
        assert!(
            Ordered::of(&field("a").eq(1).and(field("b").eq(1)))
                .parts
                .is_none()
        );
    }
}

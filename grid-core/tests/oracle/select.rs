//! What filters select.

use std::cmp::Ordering;

use serde_json::Value as Json;

use super::extract::extract;
use super::text::{like, matches, text};
use super::typed::{Typed, compare, same};
use super::{Entry, class, many};

/// The entries that a filter selects; an error where it fails on any.
pub(crate) fn select<'e>(filter: &Json, entries: &'e [Entry]) -> Option<Vec<&'e Entry>> {
    let mut selected = Vec::new();
    for entry in entries {
        if selects(filter, entry)? {
            selected.push(entry);
        }
    }
    Some(selected)
}

/// Whether a filter selects an entry.
pub(crate) fn selects(filter: &Json, entry: &Entry) -> Option<bool> {
    let of = || extract(&filter["extractor"], entry);
    let parts = || many(filter, "filters").iter().map(|inner| selects(inner, entry));
    let inner = || selects(&filter["filter"], entry);
    match class(filter) {
        "filter.AlwaysFilter" | "filter.PresentFilter" => Some(true),
        "filter.NeverFilter" => Some(false),
        "filter.AllFilter" | "filter.BetweenFilter" => every(parts()),
        "filter.AnyFilter" => every(parts().map(|part| part.map(|selects| !selects))).map(|none| !none),
        "filter.XorFilter" => {
            let parts: Vec<_> = parts().collect();
            Some(parts[0]? != parts[1]?)
        }
        "filter.NotFilter" => inner().map(|selects| !selects),
        "filter.PredicateFilter" => {
            let (key, value) = (None, of()?);
            selects(&filter["predicate"], &Entry { key, value })
        }
        "filter.InKeySetFilter" => {
            let key = entry.key.as_ref()?;
            let named = many(filter, "keys").iter().any(|wanted| same(wanted, key));
            if named { inner() } else { Some(false) }
        }
        "filter.LikeFilter" => {
            let found = of()?;
            let units = |text: &str| text.encode_utf16().collect::<Vec<_>>();
            let pattern = units(filter["value"].as_str()?);
            Some(!found.is_null() && like(&units(&text(&found)), &pattern))
        }
        "filter.RegexFilter" => {
            let pattern: Vec<char> = filter["value"].as_str()?.chars().collect();
            Some(matches(&text(&of()?).chars().collect::<Vec<_>>(), &pattern))
        }
        "filter.InFilter" => {
            let found = of()?;
            Some(many(filter, "value").iter().any(|value| same(value, &found)))
        }
        "filter.ContainsFilter" => contains(&of()?, std::slice::from_ref(&filter["value"]), false),
        "filter.ContainsAnyFilter" => contains(&of()?, many(filter, "value"), false),
        "filter.ContainsAllFilter" => contains(&of()?, many(filter, "value"), true),
        test => holds(test, &of()?, &filter["value"]),
    }
}

/// All of these: false where one is, then an error where one is.
fn every(answers: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let answers: Vec<_> = answers.collect();
    match answers.contains(&Some(false)) {
        true => Some(false),
        false => answers.into_iter().collect::<Option<Vec<_>>>().map(|_all| true),
    }
}

/// Whether an array has any, or all, of some elements. What is no array has none, not even all of none.
fn contains(collection: &Json, wanted: &[Json], all: bool) -> Option<bool> {
    let Typed::Array(elements) = Typed::of(collection) else {
        return Some(false);
    };
    let mut found = wanted
        .iter()
        .map(|wanted| elements.iter().any(|element| same(element, wanted)));
    Some(if all {
        found.all(|found| found)
    } else {
        found.any(|found| found)
    })
}

fn holds(test: &str, found: &Json, value: &Json) -> Option<bool> {
    match test {
        "filter.EqualsFilter" => return Some(same(found, value)),
        "filter.NotEqualsFilter" => return Some(!same(found, value)),
        _ if found.is_null() || value.is_null() => return Some(false),
        _ => {}
    }
    let order = compare(found, value)?;
    Some(match test {
        "filter.GreaterFilter" => order == Ordering::Greater,
        "filter.GreaterEqualsFilter" => order != Ordering::Less,
        "filter.LessFilter" => order == Ordering::Less,
        "filter.LessEqualsFilter" => order != Ordering::Greater,
        other => panic!("{other} is not made here"),
    })
}

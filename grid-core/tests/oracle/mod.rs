//! What filters, extractors, comparators and aggregators mean, written down as plainly as can be: on values that
//! `serde_json` read, from agents that it read. Nothing of the engine is used, and nothing is fast.
//!
//! An answer of `None` is an error. What the random agents of the tests have is known, and nothing else.

mod aggregate;
mod extract;
mod order;
mod select;
mod text;
mod typed;
mod vector;

use serde_json::Value as Json;

pub(crate) use aggregate::same_answer;
pub(crate) use order::{is_in_order, order_of};
pub(crate) use select::selects;

use aggregate::aggregate;
use select::select;

/// An entry; a value that was extracted has no key.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: Option<Json>,
    pub(crate) value: Json,
}

impl Entry {
    /// An entry of two texts.
    pub(crate) fn new(key: &[u8], value: &[u8]) -> Self {
        Entry {
            key: Some(read(key)),
            value: read(value),
        }
    }

    /// A value that has no key.
    fn without_key(value: &Json) -> Self {
        let (key, value) = (None, value.clone());
        Entry { key, value }
    }
}

/// What is answered to a filter and an aggregator.
pub(crate) struct Answers {
    /// The keys that are selected, as `texts` has them.
    pub(crate) keys: Option<Vec<String>>,
    pub(crate) aggregated: Option<Json>,
}

impl Answers {
    pub(crate) fn of(filter: &Json, aggregator: &Json, entries: &[Entry]) -> Self {
        let selected = select(filter, entries);
        let keys = |selected: &Vec<&Entry>| texts(selected.iter().map(|entry| entry.key.clone().unwrap()));
        Answers {
            keys: selected.as_ref().map(keys),
            aggregated: selected.and_then(|selected| aggregate(aggregator, &selected)),
        }
    }
}

/// The texts of values, in order, for what may come in any.
pub(crate) fn texts(values: impl Iterator<Item = Json>) -> Vec<String> {
    let mut texts: Vec<_> = values.map(|value| value.to_string()).collect();
    texts.sort();
    texts
}

/// The value of a text.
pub(crate) fn read(text: &[u8]) -> Json {
    serde_json::from_slice(text).unwrap_or_else(|error| panic!("{error}: {}", text.escape_ascii()))
}

/// The class of an agent.
fn class(agent: &Json) -> &str {
    agent["@class"].as_str().unwrap_or_default()
}

/// The agents or values of a member.
fn many<'a>(agent: &'a Json, name: &str) -> &'a [Json] {
    agent[name].as_array().map_or(&[], Vec::as_slice)
}

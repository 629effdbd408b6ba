//! The order that comparators make.

use std::cmp::Ordering;

use serde_json::Value as Json;

use super::extract::extract;
use super::typed::compare;
use super::{Entry, class, many};

/// Whether entries are in the order of a comparator. An error where they have none: where something cannot be extracted,
/// or two of them cannot be compared, in whatever comes first or later in the comparator.
pub(crate) fn is_in_order(comparator: &Json, entries: &[Entry]) -> Option<bool> {
    check(comparator, entries)?;
    let mut pairs = entries.windows(2);
    Some(pairs.all(|pair| order_of(comparator, &pair[0], &pair[1]).is_le()))
}

/// Finds out whether entries have an order.
pub(super) fn check(comparator: &Json, entries: &[Entry]) -> Option<()> {
    let inner = |name| many(comparator, name).iter();
    match class(comparator) {
        "comparator.ChainedComparator" => inner("comparators").try_for_each(|inner| check(inner, entries)),
        "comparator.InverseComparator" => check(&comparator["comparator"], entries),
        "comparator.SafeComparator" if !comparator["comparator"].is_null() => {
            check(&comparator["comparator"], entries)
        }
        _ => {
            let keys: Option<Vec<Json>> = entries.iter().map(|entry| key(comparator, entry)).collect();
            let mut keys = keys?;
            // One entry needs no order.
            if keys.len() > 1 {
                keys.retain(|key| !key.is_null());
                for key in &keys {
                    compare(&keys[0], key)?;
                }
            }
            Some(())
        }
    }
}

fn key(comparator: &Json, entry: &Entry) -> Option<Json> {
    match class(comparator) {
        "comparator.ExtractorComparator" => extract(&comparator["extractor"], entry),
        _ => Some(entry.value.clone()),
    }
}

/// The order of two entries that have one: null first.
pub(crate) fn order_of(comparator: &Json, left: &Entry, right: &Entry) -> Ordering {
    match class(comparator) {
        "comparator.InverseComparator" => order_of(&comparator["comparator"], left, right).reverse(),
        "comparator.SafeComparator" if !comparator["comparator"].is_null() => {
            order_of(&comparator["comparator"], left, right)
        }
        "comparator.ChainedComparator" => many(comparator, "comparators")
            .iter()
            .map(|inner| order_of(inner, left, right))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal),
        _ => {
            let (left, right) = (key(comparator, left).unwrap(), key(comparator, right).unwrap());
            match (left.is_null(), right.is_null()) {
                (false, false) => compare(&left, &right).unwrap(),
                (left, right) => right.cmp(&left),
            }
        }
    }
}

//! The order that comparators make.

use std::cmp::Ordering;

use serde_json::Value as Json;

use super::extract::extract_from;
use super::typed::compare;
use super::{class, many};

/// Whether values are in the order of a comparator. An error where they have none: where something cannot be extracted,
/// or two of them cannot be compared, in whatever comes first or later in the comparator.
pub(crate) fn is_in_order(comparator: &Json, values: &[Json]) -> Option<bool> {
    check(comparator, values)?;
    let mut pairs = values.windows(2);
    Some(pairs.all(|pair| order_of(comparator, &pair[0], &pair[1]).is_le()))
}

/// Finds out whether values have an order.
pub(super) fn check(comparator: &Json, values: &[Json]) -> Option<()> {
    let inner = |name| many(comparator, name).iter();
    match class(comparator) {
        "comparator.ChainedComparator" => inner("comparators").try_for_each(|inner| check(inner, values)),
        "comparator.InverseComparator" => check(&comparator["comparator"], values),
        "comparator.SafeComparator" if !comparator["comparator"].is_null() => {
            check(&comparator["comparator"], values)
        }
        _ => {
            let keys: Option<Vec<Json>> = values.iter().map(|value| key(comparator, value)).collect();
            let mut keys = keys?;
            // One value needs no order.
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

fn key(comparator: &Json, value: &Json) -> Option<Json> {
    match class(comparator) {
        "comparator.ExtractorComparator" => extract_from(&comparator["extractor"], value),
        _ => Some(value.clone()),
    }
}

/// The order of two values that have one: null first.
pub(crate) fn order_of(comparator: &Json, left: &Json, right: &Json) -> Ordering {
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

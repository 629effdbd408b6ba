//! What aggregators answer.

use bigdecimal::{BigDecimal, RoundingMode, Zero as _};
use serde_json::{Value as Json, json};

use super::extract::extract;
use super::order::check;
use super::typed::{Typed, compare, same};
use super::vector::{distance, vector};
use super::{Entry, class, many, order_of, selects};

/// The answer of an aggregator. Lists and maps are in the order of the entries.
pub(crate) fn aggregate(aggregator: &Json, entries: &[&Entry]) -> Option<Json> {
    let extracted = || {
        let all: Option<Vec<Json>> = entries
            .iter()
            .map(|entry| extract(&aggregator["extractor"], entry))
            .collect();
        all
    };
    let not_null = || extracted().map(|all| all.into_iter().filter(|one| !one.is_null()).collect::<Vec<_>>());
    match class(aggregator) {
        "aggregator.Count" => Some(json!(entries.len())),
        "aggregator.ComparableMin" => extreme(not_null()?, false),
        "aggregator.ComparableMax" => extreme(not_null()?, true),
        "aggregator.DistinctValues" => {
            let mut found: Vec<Json> = Vec::new();
            for value in not_null()? {
                if !found.iter().any(|before| same(before, &value)) {
                    found.push(value);
                }
            }
            Some(Json::Array(found))
        }
        "aggregator.ReducerAggregator" => {
            let pairs = entries.iter().zip(extracted()?);
            let entries: Vec<_> = pairs
                .map(|(entry, value)| json!({"key": entry.key, "value": value}))
                .collect();
            Some(json!({ "entries": entries }))
        }
        "aggregator.TopNAggregator" => top(aggregator, not_null()?),
        "ai.search.SimilarityAggregator" => similar(aggregator, entries),
        "aggregator.GroupAggregator" => groups(aggregator, entries, extracted()?),
        "aggregator.CompositeAggregator" => {
            let answers = many(aggregator, "aggregators")
                .iter()
                .map(|inner| aggregate(inner, entries));
            answers.collect::<Option<Vec<_>>>().map(Json::Array)
        }
        class => number(class, &not_null()?),
    }
}

fn extreme(values: Vec<Json>, greatest: bool) -> Option<Json> {
    let mut values = values.into_iter();
    let Some(mut best) = values.next() else {
        return Some(Json::Null);
    };
    compare(&best, &best)?;
    for value in values {
        let order = compare(&value, &best)?;
        if if greatest { order.is_gt() } else { order.is_lt() } {
            best = value;
        }
    }
    Some(best)
}

fn order_of_values(comparator: &Json, left: &Json, right: &Json) -> std::cmp::Ordering {
    order_of(comparator, &Entry::without_key(left), &Entry::without_key(right))
}

fn top(aggregator: &Json, mut values: Vec<Json>) -> Option<Json> {
    let results = usize::try_from(aggregator["results"].as_i64()?).ok()?;
    if results == 0 {
        return Some(json!([]));
    }
    // Here a single value must have an order too.
    let doubled: Vec<_> = values.iter().chain(&values).map(Entry::without_key).collect();
    check(&aggregator["comparator"], &doubled)?;
    values.sort_by(|left, right| order_of_values(&aggregator["comparator"], right, left));
    values.truncate(results);
    Some(Json::Array(values))
}

fn similar(aggregator: &Json, entries: &[&Entry]) -> Option<Json> {
    let results = usize::try_from(aggregator["maxResults"].as_i64()?).ok()?;
    if results == 0 {
        return Some(json!([]));
    }
    let asked = vector(&aggregator["vector"])?;
    let mut found = Vec::new();
    for entry in entries {
        if !aggregator["filter"].is_null() && !selects(&aggregator["filter"], entry)? {
            continue;
        }
        let taken = extract(&aggregator["extractor"], entry)?;
        if !taken.is_null() {
            let distance = distance(class(&aggregator["algorithm"]), &asked, &vector(&taken)?)?;
            found.push((distance, entry.key.as_ref()?.to_string(), entry));
        }
    }
    found.sort_by(|(one, key, _), (other, other_key, _)| {
        one.total_cmp(other).then_with(|| key.cmp(other_key))
    });
    let found = found.into_iter().take(results).map(|(distance, _, entry)| {
        json!({"@class": "ai.results.QueryResult", "distance": distance, "key": entry.key, "value": entry.value})
    });
    Some(found.collect())
}

fn groups(aggregator: &Json, entries: &[&Entry], extracted: Vec<Json>) -> Option<Json> {
    let mut groups: Vec<(Json, Vec<&Entry>)> = Vec::new();
    for (entry, group) in entries.iter().zip(extracted) {
        match groups.iter_mut().find(|(found, _)| same(found, &group)) {
            Some((_, members)) => members.push(entry),
            None => groups.push((group, vec![entry])),
        }
    }
    let mut answers = Vec::new();
    for (group, members) in groups {
        let answer = aggregate(&aggregator["aggregator"], &members)?;
        let alone = Entry {
            key: None,
            value: answer.clone(),
        };
        if aggregator["filter"].is_null() || selects(&aggregator["filter"], &alone)? {
            answers.push(json!({"key": group, "value": answer}));
        }
    }
    Some(json!({"@class": "util.LiteMap", "entries": answers}))
}

fn number(class: &str, values: &[Json]) -> Option<Json> {
    let numbers: Option<Vec<_>> = values.iter().map(|value| Typed::of(value).number()).collect();
    let mut numbers = numbers?;
    if numbers.is_empty() {
        return Some(Json::Null);
    }
    let (kind, operation) = kind_and_operation(class);
    if kind == "Long" {
        numbers = numbers
            .iter()
            .map(|number| number.with_scale_round(0, RoundingMode::Down))
            .collect();
    }
    let count = BigDecimal::from(u64::try_from(numbers.len()).ok()?);
    let sum = || {
        numbers
            .iter()
            .fold(BigDecimal::zero(), |sum, number| sum + number)
    };
    let places = numbers
        .iter()
        .map(BigDecimal::fractional_digit_count)
        .max()?
        .max(0);
    let result = match operation {
        "Sum" => sum().with_scale(places),
        "Min" => numbers.iter().min()?.clone(),
        "Max" => numbers.iter().max()?.clone(),
        _ if kind == "Double" => sum() / count,
        _ => (sum() / count).with_scale_round(places + 8, RoundingMode::HalfUp),
    };
    Some(match kind {
        "Long" => json!(i64::try_from(result.with_scale(0).into_bigint_and_scale().0).ok()?),
        "Double" => json!(result.to_plain_string().parse::<f64>().ok()?),
        _ => json!({"@class": "math.BigDec", "value": result.to_plain_string()}),
    })
}

fn kind_and_operation(class: &str) -> (&str, &str) {
    let name = class.strip_prefix("aggregator.").unwrap();
    let operations = ["Sum", "Average", "Min", "Max"];
    let operation = operations
        .into_iter()
        .find(|operation| name.ends_with(operation))
        .unwrap();
    (name.strip_suffix(operation).unwrap(), operation)
}

/// Whether two answers of an aggregator are the same: what has no order may come in any, and of values that have none
/// between them any may come.
pub(crate) fn same_answer(aggregator: &Json, left: &Json, right: &Json) -> bool {
    match class(aggregator) {
        "aggregator.Count" => left == right,
        "aggregator.ComparableMin" | "aggregator.ComparableMax" => {
            same(left, right) || compare(left, right).is_some_and(std::cmp::Ordering::is_eq)
        }
        "aggregator.DistinctValues" => {
            let (Some(left), Some(right)) = (left.as_array(), right.as_array()) else {
                return false;
            };
            left.len() == right.len() && left.iter().all(|one| right.iter().any(|other| same(one, other)))
        }
        "aggregator.TopNAggregator" => {
            let (Some(left), Some(right)) = (left.as_array(), right.as_array()) else {
                return false;
            };
            let comparator = &aggregator["comparator"];
            let mut pairs = left.iter().zip(right);
            left.len() == right.len()
                && pairs.all(|(left, right)| order_of_values(comparator, left, right).is_eq())
        }
        "ai.search.SimilarityAggregator" => left == right,
        "aggregator.CompositeAggregator" => {
            let (Some(left), Some(right)) = (left.as_array(), right.as_array()) else {
                return false;
            };
            let inner = many(aggregator, "aggregators");
            left.len() == inner.len()
                && right.len() == inner.len()
                && (inner.iter().zip(left).zip(right))
                    .all(|((inner, left), right)| same_answer(inner, left, right))
        }
        "aggregator.GroupAggregator" => same_maps(left, right, |left, right| {
            same_answer(&aggregator["aggregator"], left, right)
        }),
        "aggregator.ReducerAggregator" => same_maps(left, right, same),
        // With as many places.
        "aggregator.BigDecimalSum" | "aggregator.BigDecimalAverage" => same(left, right),
        _ => match (Typed::of(left).number(), Typed::of(right).number()) {
            (Some(one), Some(other)) => one == other,
            _ => left.is_null() && right.is_null(),
        },
    }
}

/// Whether two maps have the same keys, with values that are the same. What is missing in an entry is null.
fn same_maps(left: &Json, right: &Json, same_value: impl Fn(&Json, &Json) -> bool) -> bool {
    let (left, right) = (many(left, "entries"), many(right, "entries"));
    let find = |key: &Json| right.iter().find(|other| same(&other["key"], key));
    left.len() == right.len()
        && left
            .iter()
            .all(|one| find(&one["key"]).is_some_and(|other| same_value(&one["value"], &other["value"])))
}

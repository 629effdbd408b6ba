//! What must hold of any value and any filter.

use grid_core::processor::{EntryView, Processor};
use grid_core::query::{
    Aggregator, Between, Comparator, Datum, Extractor, Filter, Operand, QueryEntry, Test, Updater, compare,
    equal,
};
use grid_core::value::{Binary, Format, Value, from_binary, to_binary};
use proptest::prelude::*;

use crate::random::{filter, name, object, spaced, value};

/// A property of a value that was read as a whole.
fn naive_property(value: &Value, name: &str) -> Option<Value> {
    match value {
        Value::Null => Some(Value::Null),
        Value::Object(object) => match (object.get(name), name) {
            (Some(member), _) => Some(member.clone()),
            (None, "size") => Some(Value::from(object.len())),
            (None, _) => Some(Value::Null),
        },
        Value::Array(elements) if name == "size" => Some(Value::from(elements.len())),
        _ => None,
    }
}

fn naive_path(value: &Value, path: &[String]) -> Option<Value> {
    path.iter()
        .try_fold(value.clone(), |value, name| naive_property(&value, name))
}

/// The order of two values that were read as a whole; `None` where they have none.
fn naive_compare(left: &Value, right: &Value) -> Option<std::cmp::Ordering> {
    match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => left.partial_cmp(right),
        (Value::Int(left), Value::Int(right)) => left.partial_cmp(right),
        (Value::BigInt(left), Value::BigInt(right)) => left.partial_cmp(right),
        (Value::Double(left), Value::Double(right)) => left.partial_cmp(right),
        (Value::Decimal(left), Value::Decimal(right)) => left.partial_cmp(right),
        (Value::String(left), Value::String(right)) => Some(left.encode_utf16().cmp(right.encode_utf16())),
        _ => None,
    }
}

fn naive_equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Decimal(left), Value::Decimal(right)) => {
            left.fractional_digit_count() == right.fractional_digit_count() && left == right
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| naive_equal(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(name, left)| right.get(name).is_some_and(|right| naive_equal(left, right)))
        }
        _ => left == right,
    }
}

/// What SQL's LIKE means, character by character.
fn naive_like(text: &[u16], pattern: &[u16]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((percent, rest)) if *percent == u16::from(b'%') => {
            (0..=text.len()).any(|skipped| naive_like(&text[skipped..], rest))
        }
        Some((first, rest)) => text.split_first().is_some_and(|(unit, text)| {
            (*first == u16::from(b'_') || first == unit) && naive_like(text, rest)
        }),
    }
}

/// What a filter says of a value that was read as a whole: true, false, or an error.
fn naive(filter: &Filter, value: &Value) -> Option<bool> {
    let extract = |extractor: &Extractor| match extractor {
        Extractor::Identity => Some(value.clone()),
        Extractor::Key(_) => Some(Value::from("key")),
        other => {
            let path: Vec<_> = other
                .property_path()
                .unwrap()
                .iter()
                .map(|name| (*name).to_owned())
                .collect();
            naive_path(value, &path)
        }
    };
    let operand = |operand: &Operand| operand.datum().to_value().unwrap();
    let holds = |test: Test, left: &Value, right: &Value| match test {
        Test::Equals => Some(naive_equal(left, right)),
        Test::NotEquals => Some(!naive_equal(left, right)),
        _ if left.is_null() || right.is_null() => Some(false),
        Test::Greater => naive_compare(left, right).map(std::cmp::Ordering::is_gt),
        Test::GreaterEquals => naive_compare(left, right).map(std::cmp::Ordering::is_ge),
        Test::Less => naive_compare(left, right).map(std::cmp::Ordering::is_lt),
        Test::LessEquals => naive_compare(left, right).map(std::cmp::Ordering::is_le),
    };
    let every = |answers: Vec<Option<bool>>| {
        if answers.contains(&Some(false)) {
            Some(false)
        } else if answers.contains(&None) {
            None
        } else {
            Some(true)
        }
    };
    let elements = |extractor: &Extractor| {
        extract(extractor).map(|found| match found {
            Value::Array(elements) => Some(elements),
            _ => None,
        })
    };
    let has = |elements: &[Value], wanted: &Operand| {
        elements
            .iter()
            .any(|element| naive_equal(element, &operand(wanted)))
    };
    Some(match filter {
        Filter::Always | Filter::Present => true,
        Filter::Never => false,
        Filter::Compare {
            test,
            extractor,
            value,
        } => holds(*test, &extract(extractor)?, &operand(value))?,
        Filter::Between(Between {
            extractor, from, to, ..
        }) => {
            let found = extract(extractor)?;
            every(vec![
                holds(Test::GreaterEquals, &found, &operand(from)),
                holds(Test::LessEquals, &found, &operand(to)),
            ])?
        }
        Filter::In(extractor, values) => {
            let found = extract(extractor)?;
            values.iter().any(|value| naive_equal(&found, &operand(value)))
        }
        Filter::Contains(extractor, value) => {
            elements(extractor)?.is_some_and(|elements| has(&elements, value))
        }
        Filter::ContainsAll(extractor, values) => {
            elements(extractor)?.is_some_and(|elements| values.iter().all(|value| has(&elements, value)))
        }
        Filter::ContainsAny(extractor, values) => {
            elements(extractor)?.is_some_and(|elements| values.iter().any(|value| has(&elements, value)))
        }
        Filter::Like(extractor, pattern) => match extract(extractor)? {
            Value::Null => false,
            Value::String(text) => {
                let units = |text: &str| text.encode_utf16().collect::<Vec<_>>();
                naive_like(&units(&text), &units(pattern.pattern()))
            }
            // What the text of anything else is, is tested against the reference.
            other => pattern.matches(&text_of(&other)),
        },
        Filter::Regex(extractor, pattern) => match extract(extractor)? {
            Value::String(text) => pattern.matches(&text),
            other => pattern.matches(&text_of(&other)),
        },
        Filter::All(filters) => every(filters.iter().map(|filter| naive(filter, value)).collect())?,
        Filter::Any(filters) => {
            let answers = filters
                .iter()
                .map(|filter| naive(filter, value).map(|answer| !answer));
            !every(answers.collect())?
        }
        Filter::Xor(filters) => naive(&filters.0, value)? != naive(&filters.1, value)?,
        Filter::Not(filter) => !naive(filter, value)?,
        other => panic!("{other:?} is not made here"),
    })
}

/// The text of a value that is no string.
fn text_of(value: &Value) -> String {
    let text = to_binary(value).unwrap();
    let called = Extractor::method("toString", Vec::new());
    match called
        .extract(&QueryEntry::of_value(text.bytes()))
        .unwrap()
        .into_datum()
        .unwrap()
    {
        Datum::Text(text) => text.into_owned(),
        _ => "null".to_owned(),
    }
}

fn json(text: &[u8]) -> Value {
    from_binary(&Binary::new(Format::JSON, text.to_vec().into())).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn what_is_found_in_bytes_is_what_is_found_in_the_whole(
        value in object(),
        paths in proptest::collection::vec(proptest::collection::vec(name(), 1..4), 1..6),
    ) {
        let text = spaced(&value);
        let entry = QueryEntry::of_value(&text);
        for path in &paths {
            let extractor = Extractor::Chained(path.iter().cloned().map(Extractor::Property).collect());
            let found = extractor.extract(&entry).ok().map(|found| json(&found.json().unwrap()));
            prop_assert_eq!(&found, &naive_path(&value, path));
            let again = extractor.extract_from(grid_core::query::Extracted::Json(&text));
            prop_assert_eq!(again.ok().map(|found| json(&found.json().unwrap())), found);
        }
    }

    #[test]
    fn filters_say_what_a_naive_reading_says(filter in filter(), value in prop_oneof![3 => object(), 1 => value()]) {
        let text = spaced(&value);
        let entry = QueryEntry::new((Format::JSON, b"\"key\""), Some((Format::JSON, &text)));
        prop_assert_eq!(filter.evaluate(&entry).ok(), naive(&filter, &value), "{} of {}", filter, value);
    }

    #[test]
    fn filters_come_back_as_they_were_written(filter in filter()) {
        let text = filter.to_json().unwrap();
        let read = Filter::from_json(&text).unwrap();
        prop_assert_eq!(&read, &filter);
        prop_assert_eq!(read.to_json().unwrap(), text);
    }

    #[test]
    fn order_is_consistent_with_equality(left in value(), right in value()) {
        let (a, b) = (Datum::of(&left).unwrap(), Datum::of(&right).unwrap());
        prop_assert_eq!(equal(&a, &b), naive_equal(&left, &right));
        if let (Ok(there), Ok(back)) = (compare(&a, &b), compare(&b, &a)) {
            prop_assert_eq!(there, back.reverse());
            if equal(&a, &b) {
                prop_assert!(there.is_eq());
            }
        }
    }

    #[test]
    fn setting_a_property_changes_only_it(value in object(), name in name(), new in value()) {
        let (text, new_text) = (spaced(&value), spaced(&new));
        let updated = Updater::Property(name.clone()).update(&text, &new_text).unwrap();
        let Value::Object(mut expected) = value else { unreachable!() };
        expected.insert(name, new);
        // An object that spells a number is read as one, and cannot be compared as an object.
        let spelled = Value::Object(expected);
        prop_assert_eq!(json(&updated), json(to_binary(&spelled).unwrap().bytes()));
    }

    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..80), filter in filter()) {
        let _ = Filter::from_json(&bytes);
        let _ = Extractor::from_json(&bytes);
        let _ = Comparator::from_json(&bytes);
        let _ = Aggregator::from_json(&bytes);
        let _ = Processor::from_json(&bytes);
        let entry = QueryEntry::new((Format::JSON, &bytes), Some((Format::JSON, &bytes)));
        let _ = filter.evaluate(&entry);
    }

    #[test]
    fn broken_texts_are_answered(
        value in value(),
        filter in filter(),
        cut in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut text = spaced(&value);
        let at = cut.index(text.len());
        text[at] = byte;
        let entry = QueryEntry::new((Format::JSON, &text), Some((Format::JSON, &text)));
        let _ = filter.evaluate(&entry);
        let mut agent = filter.to_json().unwrap();
        let at = cut.index(agent.len());
        agent[at] = byte;
        let _ = Filter::from_json(&agent);
        agent.truncate(at);
        let _ = Filter::from_json(&agent);
        for aggregator in ["ComparableMax", "DistinctValues", "GroupAggregator", "TopNAggregator", "BigDecimalSum"] {
            let aggregator = format!(
                r#"{{"@class":"aggregator.{aggregator}","extractor":{{"@class":"extractor.IdentityExtractor"}},"results":2,"aggregator":{{"@class":"aggregator.Count"}}}}"#
            );
            let aggregator = Aggregator::from_json(aggregator.as_bytes()).unwrap();
            let mut accumulator = aggregator.accumulator();
            let _ = accumulator.accumulate(&entry);
            let _ = accumulator.combine(&text);
            let _ = accumulator.finish();
        }
    }

    #[test]
    fn a_failing_processor_leaves_the_entry_as_it_was(value in value(), name in name()) {
        let (key, value) = (to_binary("key").unwrap(), to_binary(&value).unwrap());
        let set = Processor::Update { updater: None, value: Operand::from(1) };
        let fails = Processor::Extract(Extractor::Property(name));
        let mut view = EntryView::new(&key, Some(&value));
        prop_assert!(set.clone().and_then(fails).process(&mut view).is_err());
        prop_assert!(view.change().is_none());
        prop_assert!(set.process(&mut view).is_ok());
        prop_assert_eq!(view.value().map(|value| value.bytes().to_vec()), Some(b"1".to_vec()));
    }

    #[test]
    fn sorting_is_by_comparing(values in proptest::collection::vec(value(), 0..12)) {
        let mut texts: Vec<_> = values.iter().map(spaced).collect();
        let before = texts.clone();
        match Comparator::Natural.sort(&mut texts, |text| text) {
            Ok(()) => {
                for pair in texts.windows(2) {
                    let (left, right) = (Datum::read(&pair[0]).unwrap(), Datum::read(&pair[1]).unwrap());
                    prop_assert!(left.is_null() || compare(&left, &right).unwrap().is_le());
                }
            }
            Err(_) => prop_assert_eq!(texts, before),
        }
    }
}

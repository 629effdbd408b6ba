//! What must hold of any value and any filter.

use grid_core::processor::{EntryView, Processor};
use grid_core::query::{
    Aggregator, Comparator, Datum, Extractor, Filter, Operand, QueryEntry, Updater, compare, equal,
};
use grid_core::value::{Binary, Format, Value, from_binary, to_binary};
use proptest::prelude::*;

use crate::naive::{naive_equal, naive_path};
use crate::random::{filter, name, object, spaced, value};

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
        match Comparator::Natural.sort(&mut texts, |text| QueryEntry::of_value(text)) {
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

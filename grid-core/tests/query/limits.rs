//! Agents that are too deep, too many, or too long: answered or refused, within the stack of a small thread.

use std::thread;

use grid_core::processor::{EntryView, Processor};
use grid_core::query::{
    AgentError, Aggregator, Comparator, Extractor, Filter, PatternError, QueryEntry, QueryError, RegexPattern,
};
use grid_core::value::{Binary, Format};

const ALWAYS: &str = r#"{"@class":"filter.AlwaysFilter"}"#;

fn small_thread(run: impl FnOnce() + Send + 'static) {
    const STACK: usize = 1 << 20;
    thread::Builder::new()
        .stack_size(STACK)
        .spawn(run)
        .unwrap()
        .join()
        .unwrap();
}

/// So many filters in each other.
fn nested(depth: usize, before: &str, after: &str) -> String {
    format!("{}{ALWAYS}{}", before.repeat(depth), after.repeat(depth))
}

#[test]
fn filters_may_stand_in_each_other_up_to_a_limit() {
    small_thread(|| {
        for (before, after) in [
            (r#"{"@class":"filter.NotFilter","filter":"#, "}"),
            (r#"{"@class":"filter.AllFilter","filters":["#, "]}"),
            (
                r#"{"@class":"filter.XorFilter","filters":[{"@class":"filter.NeverFilter"},"#,
                "]}",
            ),
            (r#"{"@class":"filter.MapEventFilter","filter":"#, "}"),
        ] {
            let text = nested(150, before, after);
            let filter = Filter::from_json(text.as_bytes()).unwrap();
            let again = Filter::from_json(&filter.to_json().unwrap()).unwrap();
            assert_eq!(filter, again);
            let _ = filter.evaluate(&QueryEntry::of_value(b"{}"));
            for depth in [200, 10_000, 100_000] {
                let text = nested(depth, before, after);
                let refused = Filter::from_json(text.as_bytes());
                assert!(matches!(refused, Err(AgentError::TooDeep { .. })), "{refused:?}");
            }
        }
    });
}

#[test]
fn other_agents_have_the_same_limit() {
    small_thread(|| {
        let chained = |depth: usize| {
            let (before, after) = (r#"{"@class":"extractor.ChainedExtractor","extractors":["#, "]}");
            let inner = r#"{"@class":"extractor.IdentityExtractor"}"#;
            format!("{}{inner}{}", before.repeat(depth), after.repeat(depth))
        };
        let extractor = Extractor::from_json(chained(150).as_bytes()).unwrap();
        extractor.extract(&QueryEntry::of_value(b"[1]")).unwrap();
        let many = |before: &str, inner: &str, depth: usize| {
            format!("{}{inner}{}", before.repeat(depth), "}".repeat(depth))
        };
        let inverse = r#"{"@class":"comparator.InverseComparator","comparator":"#;
        let natural = r#"{"@class":"comparator.SafeComparator"}"#;
        let group = r#"{"@class":"aggregator.GroupAggregator","extractor":{"@class":"extractor.IdentityExtractor"},"aggregator":"#;
        let count = r#"{"@class":"aggregator.Count"}"#;
        let when = r#"{"@class":"processor.ConditionalProcessor","filter":{"@class":"filter.AlwaysFilter"},"processor":"#;
        let nop = r#"{"@class":"util.NullEntryProcessor"}"#;
        Comparator::from_json(many(inverse, natural, 150).as_bytes()).unwrap();
        let groups = Aggregator::from_json(many(group, count, 150).as_bytes()).unwrap();
        let mut accumulator = groups.accumulator();
        accumulator.accumulate(&QueryEntry::of_value(b"1")).unwrap();
        let partial = accumulator.partial().unwrap();
        groups.combine([partial.as_slice(), partial.as_slice()]).unwrap();
        Processor::from_json(many(when, nop, 150).as_bytes()).unwrap();
        for depth in [200, 50_000] {
            let too_deep = |refused: Option<AgentError>| matches!(refused, Some(AgentError::TooDeep { .. }));
            assert!(too_deep(Extractor::from_json(chained(depth).as_bytes()).err()));
            assert!(too_deep(
                Comparator::from_json(many(inverse, natural, depth).as_bytes()).err()
            ));
            assert!(too_deep(
                Aggregator::from_json(many(group, count, depth).as_bytes()).err()
            ));
            assert!(too_deep(
                Processor::from_json(many(when, nop, depth).as_bytes()).err()
            ));
        }
    });
}

#[test]
fn many_filters_side_by_side_are_answered_or_refused() {
    let filters = |count: usize| {
        let all = vec![ALWAYS; count].join(",");
        format!(r#"{{"@class":"filter.AllFilter","filters":[{all}]}}"#)
    };
    let many = Filter::from_json(filters(100_000).as_bytes()).unwrap();
    assert_eq!(many.evaluate(&QueryEntry::of_value(b"1")), Ok(true));
    let too_many = Filter::from_json(filters(300_000).as_bytes());
    assert!(matches!(too_many, Err(AgentError::TooMany { .. })));
    let too_long = Filter::from_json(&vec![b' '; 17 << 20]);
    assert!(matches!(too_long, Err(AgentError::TooLong { .. })));
}

#[test]
fn extractors_do_not_grow_what_they_make_without_bounds() {
    let identity = r#"{"@class":"extractor.IdentityExtractor"}"#;
    let twice = format!(r#"{{"@class":"extractor.MultiExtractor","extractors":[{identity},{identity}]}}"#);
    let chain = |count: usize| {
        let all = vec![twice.as_str(); count].join(",");
        format!(r#"{{"@class":"extractor.ChainedExtractor","extractors":[{all}]}}"#)
    };
    let doubling = Extractor::from_json(chain(64).as_bytes()).unwrap();
    let refused = doubling.extract(&QueryEntry::of_value(b"1")).unwrap_err();
    assert!(matches!(refused, QueryError::TooLarge { .. }), "{refused}");
    let refused = Extractor::from_json(chain(300).as_bytes()).unwrap_err();
    assert!(matches!(refused, AgentError::TooMany { .. }), "{refused}");
}

#[test]
fn processors_do_not_answer_without_bounds() {
    let whole =
        r#"{"@class":"processor.ExtractorProcessor","extractor":{"@class":"extractor.IdentityExtractor"}}"#;
    let all = vec![whole; 1_000].join(",");
    let agent = format!(r#"{{"@class":"processor.CompositeProcessor","processors":[{all}]}}"#);
    let processor = Processor::from_json(agent.as_bytes()).unwrap();
    let json = |text: String| Binary::new(Format::JSON, text.into_bytes().into());
    let (key, value) = (json("1".to_owned()), json(format!("\"{}\"", "a".repeat(1 << 20))));
    let mut entry = EntryView::new(&key, Some(&value));
    let refused = processor.process(&mut entry).unwrap_err();
    assert!(matches!(refused, QueryError::TooLarge { .. }), "{refused}");
    assert!(entry.change().is_none());
}

#[test]
fn aggregators_are_made_of_so_many() {
    let composite = |count: usize| {
        let all = vec![r#"{"@class":"aggregator.Count"}"#; count].join(",");
        format!(r#"{{"@class":"aggregator.CompositeAggregator","aggregators":[{all}]}}"#)
    };
    Aggregator::from_json(composite(1_000).as_bytes()).unwrap();
    let nested = vec![composite(100); 20].join(",");
    let nested = format!(r#"{{"@class":"aggregator.CompositeAggregator","aggregators":[{nested}]}}"#);
    for many in [composite(2_000), nested] {
        let refused = Aggregator::from_json(many.as_bytes()).unwrap_err();
        assert!(matches!(refused, AgentError::TooMany { max: 1_024 }), "{refused}");
    }
}

/// What an agent leaves out counts as what it is written as: so every agent that is read can be sent on.
#[test]
fn what_is_left_out_counts_too() {
    let property = r#"{"@class":"extractor.UniversalExtractor","name":"a"}"#;
    let wrapped = |depth: usize, before: &str, inner: &str, after: &str| {
        format!("{}{inner}{}", before.repeat(depth), after.repeat(depth))
    };
    let chained = (r#"{"@class":"extractor.ChainedExtractor","extractors":["#, "]}");
    let inverse = (r#"{"@class":"comparator.InverseComparator","comparator":"#, "}");
    let composite = (
        r#"{"@class":"aggregator.CompositeAggregator","aggregators":["#,
        "]}",
    );
    let not = (r#"{"@class":"filter.NotFilter","filter":"#, "}");
    for depth in 150..165 {
        for inner in [
            r#"{"@class":"extractor.KeyExtractor"}"#,
            r#"{"@class":"extractor.UniversalExtractor","name":"a","target":1}"#,
            property,
        ] {
            if let Ok(extractor) =
                Extractor::from_json(wrapped(depth, chained.0, inner, chained.1).as_bytes())
            {
                assert_eq!(Extractor::from_json(&extractor.to_json().unwrap()), Ok(extractor));
            }
        }
        let text = wrapped(
            depth,
            inverse.0,
            r#"{"@class":"comparator.InverseComparator"}"#,
            inverse.1,
        );
        if let Ok(comparator) = Comparator::from_json(text.as_bytes()) {
            Comparator::from_json(&comparator.to_json().unwrap()).unwrap();
        }
        let text = wrapped(
            depth,
            composite.0,
            r#"{"@class":"aggregator.TopNAggregator","results":1}"#,
            composite.1,
        );
        if let Ok(aggregator) = Aggregator::from_json(text.as_bytes()) {
            assert_eq!(
                Aggregator::from_json(&aggregator.to_json().unwrap()),
                Ok(aggregator)
            );
        }
        let predicate = format!(r#"{{"@class":"filter.PredicateFilter","predicate":{ALWAYS}}}"#);
        if let Ok(filter) = Filter::from_json(wrapped(depth, not.0, &predicate, not.1).as_bytes()) {
            assert_eq!(Filter::from_json(&filter.to_json().unwrap()), Ok(filter));
        }
        let text = wrapped(
            depth,
            r#"{"@class":"processor.CompositeProcessor","processors":["#,
            r#"{"@class":"internal.util.processor.CacheProcessors.Get"}"#,
            "]}",
        );
        if let Ok(processor) = Processor::from_json(text.as_bytes()) {
            assert_eq!(Processor::from_json(&processor.to_json().unwrap()), Ok(processor));
        }
    }
}

#[test]
fn patterns_have_a_length() {
    let pattern = "a%".repeat(5 << 20);
    for class in ["LikeFilter", "RegexFilter"] {
        let agent = format!(
            r#"{{"@class":"filter.{class}","extractor":{{"@class":"extractor.IdentityExtractor"}},"value":"{pattern}"}}"#
        );
        let refused = Filter::from_json(agent.as_bytes());
        assert!(matches!(
            refused,
            Err(AgentError::Pattern(PatternError::TooLong { .. }))
        ));
    }
    for (expression, is_large) in [
        ("((((a{1000}){1000}){1000}){1000}){1000}", true),
        (r"\p{L}{1000}{2}", false),
        (r"(\p{L}{100}){1000}", true),
        ("(((((((((((", false),
        ("a{99999999999}", true),
    ] {
        let refused = RegexPattern::new(expression).unwrap_err();
        assert_eq!(
            refused == PatternError::TooLarge,
            is_large,
            "{expression}: {refused}"
        );
    }
    let deep = format!("{}{}", "(".repeat(2_000), ")".repeat(2_000));
    assert!(RegexPattern::new(&deep).is_err());
    let deep = format!("{}a{}", "[".repeat(2_000), "]".repeat(2_000));
    assert!(RegexPattern::new(&deep).is_err());
    assert!(
        RegexPattern::new("(a*)*b")
            .unwrap()
            .matches(&format!("{}b", "a".repeat(100_000)))
    );
}

#[test]
fn what_is_not_known_is_refused_by_name() {
    let unknown = Filter::from_json(br#"{"@class":"filter.NopeFilter"}"#).unwrap_err();
    assert_eq!(
        unknown.to_string(),
        r#"Could not deserialize: "filter.NopeFilter" is not known as a filter"#
    );
    for (text, reason) in [
        (r#"{"@class":"filter.ScriptFilter","name":"x"}"#, "scripts"),
        (r#"{"@class":"filter.EqualsFilter"}"#, "extractor"),
        ("{}", "@class"),
        ("7", "@class"),
        ("[", "cut short"),
    ] {
        let refused = Filter::from_json(text.as_bytes()).unwrap_err().to_string();
        assert!(refused.contains(reason), "{refused}");
    }
    assert!(Processor::from_json(br#"{"@class":"processor.ScriptProcessor"}"#).is_err());
    assert!(Aggregator::from_json(br#"{"@class":"aggregator.ScriptAggregator"}"#).is_err());
    assert!(Aggregator::from_json(b"null").is_err());
    assert_eq!(Filter::from_json(b" null "), Ok(Filter::Always));
}

#[test]
fn the_greatest_of_any_number() {
    let top = |results: &str| {
        let agent = format!(
            r#"{{"@class":"aggregator.TopNAggregator","results":{results},"extractor":{{"@class":"extractor.IdentityExtractor"}}}}"#
        );
        Aggregator::from_json(agent.as_bytes())
    };
    let texts: Vec<_> = (0..1_000)
        .map(|number| (number * 7 % 1_000).to_string())
        .collect();
    let entries = || texts.iter().map(|text| QueryEntry::of_value(text.as_bytes()));
    let answer = |results: &str| top(results).unwrap().aggregate(entries()).unwrap();
    assert_eq!(&answer("0").bytes()[..], b"[]");
    assert_eq!(&answer("3").bytes()[..], b"[999,998,997]");
    let all = answer("2147483647");
    assert!(all.bytes().starts_with(b"[999,998,") && all.bytes().ends_with(b",1,0]"));
    assert!(top("-1").is_err());
}

#[test]
fn expressions_that_make_others_go_back_for_ever_are_answered() {
    let text = "a".repeat(1 << 20);
    for (expression, matches) in [
        ("(a+)+$", true),
        ("(a+)+b", false),
        ("(a|a)*b", false),
        ("(.*)*(.*)*b", false),
        ("([ab]*a[ab]{12})*c", false),
    ] {
        assert_eq!(
            RegexPattern::new(expression).unwrap().matches(&text),
            matches,
            "{expression}"
        );
    }
}

#[test]
fn what_is_missing_or_of_two_types_is_answered_or_refused() {
    let of = |class: &str| {
        let text = format!(
            r#"{{"@class":"aggregator.{class}","extractor":{{"@class":"extractor.UniversalExtractor","name":"missing"}}}}"#
        );
        Aggregator::from_json(text.as_bytes()).unwrap()
    };
    let entries = [r#"{"a":1}"#, r#"{"a":"x"}"#, "{}"].map(str::as_bytes);
    for class in [
        "BigDecimalSum",
        "BigDecimalAverage",
        "LongMax",
        "DoubleAverage",
        "ComparableMin",
    ] {
        let answer = of(class).aggregate(entries.map(QueryEntry::of_value)).unwrap();
        assert_eq!(&answer.bytes()[..], b"null", "{class}");
    }
    assert_eq!(
        &of("DistinctValues")
            .aggregate(entries.map(QueryEntry::of_value))
            .unwrap()
            .bytes()[..],
        b"[]"
    );
    let mut values = entries.to_vec();
    let refused = Comparator::by("a").sort(&mut values, |value| value);
    assert!(
        matches!(refused, Err(QueryError::Incomparable { .. })),
        "{refused:?}"
    );
    assert_eq!(values, entries, "nothing is moved");
    let string = Aggregator::Number(grid_core::query::NumberOperation::LongSum, Extractor::path("a"));
    let refused = string.aggregate(entries.map(QueryEntry::of_value));
    assert!(
        matches!(refused, Err(QueryError::NotNumber { .. })),
        "{refused:?}"
    );
}

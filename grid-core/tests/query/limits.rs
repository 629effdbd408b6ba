//! Agents that are too deep, too many, or too long: answered or refused, within the stack of a small thread.

use std::thread;

use grid_core::processor::{EntryView, Processor};
use grid_core::query::agent::PATTERNS_SIZE_MAX;
use grid_core::query::cohql::Bindings;
use grid_core::query::{
    AgentError, Aggregator, Comparator, Extractor, Filter, LikePattern, Operand, PatternError, QueryEntry,
    QueryError, RegexPattern,
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

/// The most memory that the process ever had, in KiB; 0 where the system does not tell.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok());
    number.unwrap_or_default()
}

#[test]
fn patterns_have_a_size_together() {
    let many = |class: &str, count: usize, pattern: &dyn Fn(usize) -> String| {
        let mut text = br#"{"@class":"filter.AnyFilter","filters":["#.to_vec();
        for index in 0..count {
            let comma = if index == 0 { "" } else { "," };
            let pattern = pattern(index);
            text.extend_from_slice(
                format!(
                    r#"{comma}{{"@class":"filter.{class}","extractor":{{"@class":"extractor.IdentityExtractor"}},"value":"{pattern}"}}"#
                )
                .as_bytes(),
            );
        }
        text.extend_from_slice(b"]}");
        text
    };
    let before = peak_kib();
    // A few characters each, which are large when they are compiled, or read, or taken apart.
    for (class, count, pattern) in [
        (
            "RegexFilter",
            20_000,
            &(|index| format!(r"\\p{{L}}{{20}}{index}")) as &dyn Fn(usize) -> String,
        ),
        ("RegexFilter", 20_000, &|index| format!("{index}")),
        ("RegexFilter", 2_000, &|index| {
            format!("({}){{0}}{index}", r"\\p{L}".repeat(300))
        }),
        ("LikeFilter", 4_000, &|index| {
            format!("{}{index}", "a%".repeat(1_500))
        }),
    ] {
        let refused = Filter::from_json(&many(class, count, pattern)).unwrap_err();
        let expected = PatternError::TooMany {
            max: PATTERNS_SIZE_MAX,
        };
        assert_eq!(refused, AgentError::Pattern(expected), "{class}");
    }
    // Those that are equal are compiled once.
    let equal = Filter::from_json(&many("RegexFilter", 20_000, &|_| r"\\p{L}{20}".to_owned())).unwrap();
    assert_eq!(equal.evaluate(&QueryEntry::of_value(b"\"Ada\"")), Ok(false));
    let different = Filter::from_json(&many("RegexFilter", 200, &|index| format!("a{index}"))).unwrap();
    assert_eq!(different.evaluate(&QueryEntry::of_value(b"\"a199\"")), Ok(true));
    let grown = peak_kib().saturating_sub(before);
    assert!(grown < 256 << 10, "{grown} KiB is too much");

    let text: Vec<_> = (0..1_500)
        .map(|index| format!("a.matches('b{index}')=true"))
        .collect();
    let refused = Filter::from_cohql(&text.join(" or "), &Bindings::new()).unwrap_err();
    assert!(refused.to_string().contains("patterns"), "{refused}");
}

#[test]
fn methods_do_not_make_an_entry_larger_without_bounds() {
    let entry = |text: &'static str| QueryEntry::of_value(text.as_bytes());
    let repeat = |count: i64| Extractor::method("repeat", vec![count.into()]);
    assert!(repeat(1 << 19).extract(&entry("\"ab\"")).is_ok());
    let refused = repeat(1 << 20).extract(&entry("\"ab\"")).unwrap_err();
    assert!(matches!(refused, QueryError::TooLarge { .. }), "{refused}");
    // One after the other, and one beside the other, also in what was taken from the entry.
    let upper = Extractor::property("toUpperCase()");
    let links = [repeat(1 << 19)].into_iter().chain(vec![upper; 100]);
    let refused = Extractor::Chained(links.collect()).extract(&entry("\"ab\""));
    assert_eq!(refused, Err(QueryError::MadeTooMuch));
    let leaf = || Filter::Like(repeat(1 << 19), LikePattern::new("x", None, false).unwrap());
    let taken = || Filter::Predicate(Extractor::Identity, Box::new(leaf()));
    for part in [leaf(), taken()] {
        let many = Filter::any(vec![part; 80]);
        assert_eq!(many.evaluate(&entry("\"ab\"")), Err(QueryError::MadeTooMuch));
    }
    // What is not longer than the entry is not counted.
    let long: &'static str = Box::leak(format!("\"{}\"", "a".repeat(1 << 20)).into_boxed_str());
    let trimmed = Filter::Like(
        Extractor::property("trim()"),
        LikePattern::new("x", None, false).unwrap(),
    );
    assert_eq!(Filter::any(vec![trimmed; 200]).evaluate(&entry(long)), Ok(false));
}

#[test]
fn methods_take_a_step_for_each_part() {
    const PARTS: usize = 20_000;
    let members: Vec<_> = (0..PARTS).map(|index| format!("\"m{index}\":{index}")).collect();
    let object = format!("{{{}}}", members.join(","));
    let elements: Vec<_> = (0..PARTS).map(|index| index.to_string()).collect();
    let large = format!("[{}]", elements.join(","));
    let list = format!("[{}]", vec!["[1]"; PARTS].join(","));
    let values: Vec<_> = (0..PARTS).map(|index| format!("\"m{index}\":[1]")).collect();
    let values = format!("{{{}}}", values.join(","));
    let argument = |text: &str| Operand::new(text.as_bytes()).unwrap();
    for (value, method, argument) in [
        (&object, "putAll", argument(&object)),
        (&list, "contains", argument(&large)),
        (&list, "indexOf", argument(&large)),
        (&list, "lastIndexOf", argument(&large)),
        (&list, "remove", argument(&large)),
        (&values, "containsValue", argument(&large)),
        (&list, "containsAll", argument(&list)),
    ] {
        // Each part for each other one would be hundreds of millions, many minutes.
        let extractor = Extractor::method(method, vec![argument]);
        let found = extractor
            .extract(&QueryEntry::of_value(value.as_bytes()))
            .unwrap();
        assert!(found.json().unwrap().len() < 10, "{method}");
    }
}

#[test]
fn an_expression_of_a_method_is_looked_at_when_it_is_read() {
    let text = r#"{"@class":"extractor.UniversalExtractor","name":"matches()","params":["(a"]}"#;
    let refused = Extractor::from_json(text.as_bytes()).unwrap_err();
    assert!(matches!(refused, AgentError::Pattern(_)), "{refused}");
    let text = r#"{"@class":"processor.MethodInvocationProcessor","methodName":"matches","args":["(a"]}"#;
    assert!(Processor::from_json(text.as_bytes()).is_err());
    let refused = Filter::from_cohql("a.matches('(a') = true", &Bindings::new()).unwrap_err();
    assert_eq!((refused.line(), refused.column()), (1, 3));
    // Who makes one in Rust is told when it is used.
    let built = Extractor::method("matches", vec!["(a".into()]);
    let refused = built.extract(&QueryEntry::of_value(b"\"a\""));
    assert!(matches!(refused, Err(QueryError::Pattern(_))), "{refused:?}");
    let sound = Extractor::method("matches", vec!["a+".into()]);
    assert_eq!(
        sound
            .extract(&QueryEntry::of_value(b"\"aa\""))
            .unwrap()
            .json()
            .unwrap()
            .as_ref(),
        b"true"
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
    let refused = Comparator::by("a").sort(&mut values, |value| QueryEntry::of_value(value));
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

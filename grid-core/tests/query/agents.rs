//! Agents as the clients of several languages send them, and as they are written back.

use std::time::Duration;

use bytes::Bytes;
use grid_core::processor::{Change, EntryView, Processor, PutAll};
use grid_core::query::{
    Aggregator, Comparator, Distance, EventCauses, EventFilter, EventKinds, Extractor, Filter, LikePattern,
    Manipulator, MethodCall, NumberOperation, Operand, QueryEntry, QueryRecord, RecordKind, RecordStep,
    Updater, Vector, field, key,
};
use grid_core::value::{Binary, Format};

fn filter(text: &str) -> Filter {
    Filter::from_json(text.as_bytes()).unwrap()
}

#[test]
fn one_filter_of_three_clients() {
    let extractor = r#"{"@class":"extractor.UniversalExtractor","name":"age","params":null}"#;
    let python = format!(
        r#"{{"@class":"filter.BetweenFilter","filters":[{{"@class":"filter.GreaterEqualsFilter","extractor":{extractor},"value":1}},{{"@class":"filter.LessEqualsFilter","extractor":{extractor},"value":5}}]}}"#
    );
    let go = python
        .replace("\"filter.", "\"util.filter.")
        .replace("]}", "],\"preserveOrder\":false}");
    let javascript = python.replace("]}", r#"],"from":1,"to":5}"#);
    let expected = field("age").between(1, 5);
    for text in [python, go, javascript] {
        assert_eq!(filter(&text), expected, "{text}");
    }
    let null = [r#","value":null}"#, "}"].map(|value| {
        filter(&format!(
            r#"{{"@class":"filter.IsNullFilter","extractor":{extractor}{value}"#
        ))
    });
    assert_eq!(null, [field("age").is_null(), field("age").is_null()]);
    // Members come in any order.
    let turned = format!(r#"{{ "value" : 7 , "extractor":{extractor}, "@class":"filter.EqualsFilter" }}"#);
    assert_eq!(filter(&turned), field("age").eq(7));
}

#[test]
fn other_agents_of_other_clients() {
    let comparator = r#"{"@class":"util.comparator.InverseComparator","comparator":{"@class":"util.comparator.ExtractorComparator","extractor":{"@class":"extractor.UniversalExtractor","name":"a"}}}"#;
    assert_eq!(
        Comparator::from_json(comparator.as_bytes()).unwrap(),
        Comparator::by("a").inverse()
    );
    let composite =
        r#"{"@class":"aggregator.compositeAggregator","aggregators":[{"@class":"aggregator.Count"}]}"#;
    let composite = Aggregator::from_json(composite.as_bytes()).unwrap();
    assert_eq!(composite, Aggregator::Composite(vec![Aggregator::Count]));
    let priority = r#"{"@class":"aggregator.PriorityAggregator","aggregator":{"@class":"aggregator.Count"},"executionTimeout":-1,"requestTimeout":0,"schedulingPriority":1}"#;
    assert_eq!(
        Aggregator::from_json(priority.as_bytes()).unwrap(),
        Aggregator::Count
    );
    for (times, limit) in [
        (r#""executionTimeout":-1,"requestTimeout":0"#, None),
        (r#""executionTimeout":-1,"requestTimeout":250"#, Some(250)),
        (r#""_executionTimeout":70,"_requestTimeout":250"#, Some(70)),
        (
            r#""requestTimeoutInMillis":9223372036854775807"#,
            Some(u64::try_from(i64::MAX).unwrap()),
        ),
    ] {
        let timed = format!(
            r#"{{"@class":"aggregator.PriorityAggregator","aggregator":{{"@class":"aggregator.Count"}},{times}}}"#
        );
        let within = format!(r#"{{"@class":"aggregator.CompositeAggregator","aggregators":[{timed}]}}"#);
        let limit = limit.map(Duration::from_millis);
        for text in [timed, within] {
            assert_eq!(
                Aggregator::from_json_in_time(text.as_bytes()).unwrap().1,
                limit,
                "{text}"
            );
        }
    }
    let manipulator = r#"{"@class":"extractor.CompositeUpdater","extractor":{"@class":"extractor.UniversalExtractor","name":"n"},"updater":{"@class":"extractor.UniversalUpdater","name":"n"}}"#;
    for (name, answers_old) in [("postInc", true), ("postIncrement", true), ("other", false)] {
        let text = format!(
            r#"{{"@class":"processor.NumberIncrementor","manipulator":{manipulator},"increment":2,"{name}":true}}"#
        );
        let expected = Processor::Increment {
            manipulator: Manipulator::path("n"),
            by: Operand::from(2),
            answers_old,
        };
        assert_eq!(Processor::from_json(text.as_bytes()).unwrap(), expected);
    }
    for name in ["insert", "allowInsert"] {
        let text = format!(r#"{{"@class":"processor.VersionedPut","value":{{"@version":1}},"{name}":true}}"#);
        let put = Processor::from_json(text.as_bytes()).unwrap();
        assert!(matches!(put, Processor::VersionedPut { inserts: true, .. }));
    }
}

#[test]
fn a_reflection_extractor_has_arguments_and_a_target() {
    let read = |members: &str| {
        let text = format!(r#"{{"@class":"extractor.ReflectionExtractor",{members}}}"#);
        Extractor::from_json(text.as_bytes()).unwrap()
    };
    let substring = Extractor::method("substring", vec![Operand::from(0), Operand::from(2)]);
    let args = r#""method":"substring","args":[0,2]"#;
    assert_eq!(read(args), substring);
    assert_eq!(read(r#""method":"substring","params":[0,2]"#), substring);
    assert_eq!(
        read(r#""method":"length","args":null,"target":0"#),
        Extractor::property("length()")
    );
    let of_key = Extractor::Key(Box::new(substring));
    assert_eq!(read(&format!(r#"{args},"target":1"#)), of_key);
    let entry = QueryEntry::new(
        (Format::JSON, b"\"the key\""),
        Some((Format::JSON, b"\"the value\"")),
    );
    assert_eq!(
        of_key.extract(&entry).unwrap().json().unwrap().as_ref(),
        b"\"th\""
    );
    let id = read(r#""method":"getId","target":1"#);
    let entry = QueryEntry::new(
        (Format::JSON, br#"{"id":7}"#),
        Some((Format::JSON, br#"{"id":8}"#)),
    );
    assert_eq!(id.extract(&entry).unwrap().json().unwrap().as_ref(), b"7");
}

#[test]
fn filters_that_java_programs_send_too() {
    let inner = r#"{"@class":"filter.EqualsFilter","extractor":{"@class":"extractor.UniversalExtractor","name":"a"},"value":1}"#;
    let priority = format!(
        r#"{{"@class":"filter.PriorityFilter","filter":{inner},"executionTimeout":0,"requestTimeout":0,"schedulingPriority":0}}"#
    );
    assert_eq!(filter(&priority), field("a").eq(1));
    let keys = Filter::InKeySet(Box::new(Filter::Always), [3].into_iter().collect());
    assert_eq!(
        filter(r#"{"@class":"filter.InKeySetFilter","filter":null,"keys":[3]}"#),
        keys
    );
    assert_eq!(filter(r#"{"@class":"filter.InKeySetFilter","keys":[3]}"#), keys);
    let caused = |mask: &str| {
        let text = format!(r#"{{"@class":"filter.CacheEventFilter","mask":4{mask}}}"#);
        match filter(&text) {
            Filter::Event(filter) => (
                filter.kinds,
                filter.causes.includes(true),
                filter.causes.includes(false),
            ),
            other => panic!("{other:?}"),
        }
    };
    let deleted = EventKinds::DELETED;
    assert_eq!(caused(r#","syntheticMask":1"#), (deleted, true, false));
    assert_eq!(caused(r#","syntheticMask":2"#), (deleted, false, true));
    assert_eq!(caused(r#","syntheticMask":7"#), (deleted, true, true));
    assert_eq!(caused(""), (deleted, false, false));
    let changes = r#"{"@class":"filter.ValueChangeEventFilter","extractor":{"@class":"extractor.UniversalExtractor","name":"a"}}"#;
    assert_eq!(
        filter(changes),
        Filter::Event(EventFilter::of_changes(Extractor::path("a")))
    );
    for (text, reason) in [
        (
            r#"{"@class":"filter.PartitionedFilter","filter":{},"partitions":{}}"#,
            "KeyAssociatedFilter",
        ),
        (
            r#"{"@class":"filter.EqualsFilter","extractor":{"@class":"extractor.PofExtractor"},"value":1}"#,
            "JSON",
        ),
        (
            r#"{"@class":"filter.EqualsFilter","extractor":{"@class":"extractor.CollectionExtractor"},"value":1}"#,
            "not supported",
        ),
    ] {
        let refused = Filter::from_json(text.as_bytes()).unwrap_err().to_string();
        assert!(refused.contains(reason), "{refused}");
    }
    let updater = |method: &str| {
        let text = format!(
            r#"{{"@class":"processor.UpdaterProcessor","updater":{{"@class":"extractor.ReflectionUpdater","method":"{method}"}},"value":5}}"#
        );
        Processor::from_json(text.as_bytes())
    };
    let (key, value) = (
        Operand::from(1).to_binary(),
        Operand::new(br#"{"age":1}"#).unwrap().to_binary(),
    );
    let mut view = EntryView::new(&key, Some(&value));
    updater("setAge").unwrap().process(&mut view).unwrap();
    assert_eq!(view.value().unwrap().bytes().as_ref(), br#"{"age":5}"#);
    assert!(updater("age").is_err());
}

#[test]
fn every_agent_comes_back_as_it_was_written() {
    let method = Extractor::method("substring", vec![Operand::from(1), Operand::from("x")]);
    let extractors = [
        Extractor::Identity,
        Extractor::path("a.b.size()"),
        Extractor::Key(Box::new(Extractor::property("id"))),
        Extractor::Multi(vec![Extractor::property("a"), method.clone()]),
        Extractor::Chained(vec![Extractor::Identity, method.clone()]),
    ];
    for extractor in &extractors {
        assert_eq!(
            &Extractor::from_json(&extractor.to_json().unwrap()).unwrap(),
            extractor
        );
    }
    let like = LikePattern::new("50!%", Some('!'), true).unwrap();
    let filters = [
        Filter::Like(Extractor::Identity, like),
        Filter::Predicate(method, Box::new(field("a").is_not_null())),
        Filter::InKeySet(Box::new(Filter::Always), [1, 2].into_iter().collect()),
        Filter::KeyAssociated(Box::new(key().gt("k")), Operand::from("host")),
        Filter::Limit {
            filter: Box::new(!field("a").one_of(["x", "y"])),
            page_size: 10,
            page: 3,
        },
        Filter::Event(EventFilter::new(field("a").eq(1.5)).of_kinds(EventKinds::KEY_SET)),
        Filter::Event(EventFilter {
            kinds: EventKinds::from_bits(0x40),
            ..EventFilter::all()
        }),
        Filter::Event(EventFilter::of_changes(Extractor::path("a.b"))),
        Filter::Event(EventFilter::all().caused_by(EventCauses::SYNTHETIC)),
        Filter::Event(EventFilter {
            filter: Some(Box::new(field("a").is_null())),
            causes: EventCauses::NATURAL,
            ..EventFilter::of_changes(Extractor::Identity).of_kinds(EventKinds::LEFT)
        }),
    ];
    for filter in &filters {
        assert_eq!(&Filter::from_json(&filter.to_json().unwrap()).unwrap(), filter);
    }
    let top = Aggregator::Top {
        results: 3,
        extractor: Extractor::path("a.b"),
        comparator: Comparator::Chained(vec![Comparator::by("x"), Comparator::Natural.inverse()]),
    };
    let grouped = Aggregator::Group {
        extractor: Extractor::path("g"),
        aggregator: Box::new(Aggregator::Number(NumberOperation::LongSum, Extractor::path("n"))),
        filter: Some(Box::new(field("").gt(3))),
    };
    let similar = Aggregator::similar(field("a.b"), [0.1, -2.0], usize::MAX >> 1)
        .by_distance(Distance::L2Squared)
        .among(field("x").gt(1))
        .exactly();
    let bytes = Aggregator::similar(key(), &[1_i8, -1][..], 0).by_distance(Distance::InnerProduct);
    let bits = Aggregator::similar(field(""), Vector::Bits([0x0f, 0].into()), 3);
    let all = Aggregator::Composite(vec![top, grouped, similar, bytes, bits]);
    for alone in [Aggregator::Record(RecordKind::Trace), all] {
        assert_eq!(Aggregator::from_json(&alone.to_json().unwrap()).unwrap(), alone);
    }
}

#[test]
fn a_search_of_the_python_client() {
    let python = r#"{"@class": "ai.search.SimilarityAggregator", "extractor": {"@class": "extractor.UniversalExtractor", "name": "vector", "params": null}, "algorithm": {"@class": "ai.distance.L2SquaredDistance"}, "bruteForce": true, "filter": {"@class": "filter.AlwaysFilter"}, "maxResults": 10, "vector": {"@class": "ai.Float32Vector", "array": [1.0, 0.5]}}"#;
    let expected = Aggregator::similar(field("vector"), [1.0, 0.5], 10)
        .by_distance(Distance::L2Squared)
        .among(Filter::Always)
        .exactly();
    let read = |text: &str| Aggregator::from_json(text.as_bytes());
    assert_eq!(read(python), Ok(expected));
    // What the reference has when nothing is said.
    let short = r#"{"@class":"ai.search.SimilarityAggregator","extractor":{"@class":"extractor.IdentityExtractor"},"algorithm":null,"vector":{"@class":"ai.BitVector","bits":"0x"}}"#;
    let expected = Aggregator::similar(field(""), Vector::Bits([].into()), 0);
    assert_eq!(read(short), Ok(expected));
    for (part, other) in [
        ("[1.0, 0.5]", "[1.0, NaN]"),
        ("[1.0, 0.5]", "[1.0, 1e39]"),
        ("[1.0, 0.5]", "[1.0, \"1\"]"),
        ("Float32Vector", "Float64Vector"),
        ("L2Squared", "L3Squared"),
        ("10", "-1"),
        ("10", "2.5"),
        ("10", "9223372036854775808"),
        ("true", "1"),
        ("\"vector\": {", "\"other\": {"),
    ] {
        let wrong = python.replace(part, other);
        assert!(read(&wrong).is_err(), "{wrong}");
    }
}

#[test]
fn every_processor_comes_back_as_it_was_written() {
    let entries = PutAll::new([
        (Operand::from("k"), Operand::from(1)),
        (Operand::from(2), Operand::null()),
    ]);
    let versioned = r#"{"@class":"processor.VersionedPutAll","entries":{"entries":[{"key":1,"value":{"@version":7}}]},"insert":true,"return":true}"#;
    let processors = Processor::Composite(vec![
        Processor::Extract(Extractor::path("a")).when(field("a").is_null()),
        Processor::PutAll {
            filter: Filter::Present,
            entries,
        },
        Processor::Remove {
            filter: Filter::Always,
            answers_current: true,
        },
        Processor::Multiply {
            manipulator: Manipulator::path("a.b"),
            by: Operand::from(1.5),
            answers_old: true,
        },
        Processor::Update {
            updater: Some(Updater::path("a.b")),
            value: Operand::from("x"),
        },
        Processor::Update {
            updater: None,
            value: Operand::null(),
        },
        Processor::Method {
            call: MethodCall::new("put", vec![Operand::from("k"), Operand::from(1)]),
            mutates: true,
        },
        Processor::from_json(versioned.as_bytes()).unwrap(),
        Processor::Nothing,
        Processor::Touch,
        Processor::Preload,
    ]);
    let written = processors.to_json().unwrap();
    assert_eq!(Processor::from_json(&written).unwrap(), processors);
    assert_eq!(
        Processor::from_json(&written).unwrap().to_json().unwrap(),
        written
    );
}

#[test]
fn events_are_selected_by_what_they_change() {
    let (old, new) = (
        QueryEntry::of_value(br#"{"a":1}"#),
        QueryEntry::of_value(br#"{"a":9}"#),
    );
    let selects = |kinds: u32, before: Option<&QueryEntry<'_>>, after: Option<&QueryEntry<'_>>| {
        let filter = EventFilter::new(field("a").gt(5)).of_kinds(EventKinds::from_bits(kinds));
        filter.evaluate(before, after).unwrap()
    };
    // Inserted, updated, deleted, entered, left, within, each alone.
    let bits = |before: Option<&QueryEntry<'_>>, after: Option<&QueryEntry<'_>>| {
        [1, 2, 4, 8, 16, 32].map(|kind| selects(kind, before, after))
    };
    assert_eq!(bits(None, Some(&new)), [true, false, false, false, false, false]);
    assert_eq!(bits(None, Some(&old)), [false; 6]);
    assert_eq!(bits(Some(&new), None), [false, false, true, false, false, false]);
    assert_eq!(bits(Some(&old), None), [false; 6]);
    assert_eq!(
        bits(Some(&old), Some(&new)),
        [false, true, false, true, false, false]
    );
    assert_eq!(
        bits(Some(&new), Some(&old)),
        [false, true, false, false, true, false]
    );
    assert_eq!(
        bits(Some(&new), Some(&new)),
        [false, true, false, false, false, true]
    );
    assert_eq!(bits(Some(&old), Some(&old)), [false; 6]);
    // The filter is not asked where the kind decides.
    let broken = QueryEntry::of_value(b"1");
    assert!(!selects(4, None, Some(&broken)));
    assert!(
        Filter::Event(EventFilter::new(Filter::Always))
            .evaluate(&new)
            .is_err()
    );
}

#[test]
fn a_record_of_a_query_has_the_shape_that_clients_read() {
    let filter = field("v").gt(2);
    let record = QueryRecord {
        kind: RecordKind::Explain,
        results: vec![grid_core::query::PartitionRecord {
            partition_count: 257,
            partitions: (0..257).collect(),
            steps: vec![RecordStep::without_index(&filter, 5)],
        }],
    };
    let expected = r#"{"@class":"util.SimpleQueryRecord","results":[{"@class":"util.SimpleQueryRecord.PartialResult","partitionSet":{"@class":"net.partition.PartitionSet","bits":[-1,-1,-1,-1,1],"markedCount":257,"partitionCount":257,"tailMask":1},"steps":[{"@class":"util.SimpleQueryRecord.PartialResult.Step","efficiency":5000,"filter":"v > 2","indexLookupRecords":[{"@class":"util.SimpleQueryRecord.PartialResult.IndexLookupRecord","bytes":-1,"distinctValues":-1,"extractor":"v","ordered":false}],"keySetSizePost":0,"keySetSizePre":5,"millis":0,"subSteps":[]}]}],"type":{"@class":"aggregator.QueryRecorder.RecordType","enum":"EXPLAIN"}}"#;
    assert_eq!(String::from_utf8(record.to_json()).unwrap(), expected);
}

#[test]
fn entries_that_cannot_be_read_can_still_be_put_and_removed() {
    let pof = |bytes: &'static [u8]| Binary::new(Format::POF, Bytes::from_static(bytes));
    let (key, value) = (pof(b"k"), pof(b"v"));
    let mut view = EntryView::new(&key, Some(&value));
    let remove = Processor::Remove {
        filter: Filter::Present,
        answers_current: false,
    };
    remove.process(&mut view).unwrap();
    assert!(matches!(view.change(), Some(Change::Remove)));
    let mut view = EntryView::new(&key, Some(&value));
    let kept = Processor::Remove {
        filter: Filter::Never,
        answers_current: true,
    };
    let answer = kept.process(&mut view).unwrap();
    assert_eq!((answer.format(), &answer.bytes()[..]), (Format::POF, &b"v"[..]));
    assert!(
        Processor::Extract(Extractor::Identity)
            .process(&mut view)
            .is_err()
    );
    assert!(view.change().is_none());
    Processor::Touch.process(&mut view).unwrap();
    assert!(matches!(view.change(), Some(Change::Touch)));
}

#[test]
fn numbers_keep_their_type_and_never_wrap() {
    let increment = |value: &str, by: Operand| {
        let (key, value) = (
            Operand::from(1).to_binary(),
            Operand::new(value.as_bytes()).unwrap().to_binary(),
        );
        let mut view = EntryView::new(&key, Some(&value));
        let processor = Processor::Increment {
            manipulator: Manipulator::path("n"),
            by,
            answers_old: false,
        };
        let answer = processor
            .process(&mut view)
            .map(|answer| String::from_utf8(answer.bytes().to_vec()).unwrap());
        (answer.ok(), view.change().is_some())
    };
    let decimal = |text: &str| {
        Operand::new(format!(r#"{{"@class":"math.BigDec","value":"{text}"}}"#).as_bytes()).unwrap()
    };
    let big = |class: &str, text: &str| Some(format!(r#"{{"@class":"math.{class}","value":"{text}"}}"#));
    assert_eq!(
        increment(r#"{"n":2147483647}"#, Operand::from(1)).0.as_deref(),
        Some("2147483648")
    );
    assert_eq!(
        increment(r#"{"n":9223372036854775807}"#, Operand::from(1)),
        (None, false)
    );
    assert_eq!(increment(r#"{"n":1}"#, decimal("2.9")).0.as_deref(), Some("3"));
    assert_eq!(
        increment(r#"{"n":0.5}"#, Operand::from(1)).0.as_deref(),
        Some("1.5")
    );
    let tenth = r#"{"n":{"@class":"math.BigDec","value":"0.10"}}"#;
    assert_eq!(increment(tenth, decimal("0.2")).0, big("BigDec", "0.30"));
    let huge = r#"{"n":{"@class":"math.BigInt","value":"99999999999999999999"}}"#;
    assert_eq!(
        increment(huge, Operand::from(1)).0,
        big("BigInt", "100000000000000000000")
    );
    assert_eq!(increment(r#"{"n":"1"}"#, Operand::from(1)), (None, false));
    assert_eq!(
        increment(r#"{"n":1e308}"#, Operand::from(1e308)).0.as_deref(),
        None
    );
}

#[test]
fn what_tells_of_a_whole_query_stands_alone() {
    let record = r#"{"@class":"aggregator.QueryRecorder","type":{"enum":"EXPLAIN"}}"#;
    let prioritized = format!(r#"{{"@class":"aggregator.PriorityAggregator","aggregator":{record}}}"#);
    for alone in [
        record,
        r#"{"@class":"girih.IndexReports","check":false}"#,
        &prioritized,
    ] {
        Aggregator::from_json(alone.as_bytes()).unwrap();
        let identity = r#"{"@class":"extractor.IdentityExtractor"}"#;
        for text in [
            format!(r#"{{"@class":"aggregator.CompositeAggregator","aggregators":[{alone}]}}"#),
            format!(
                r#"{{"@class":"aggregator.GroupAggregator","extractor":{identity},"aggregator":{alone}}}"#
            ),
        ] {
            let refused = Aggregator::from_json(text.as_bytes()).unwrap_err();
            assert!(refused.to_string().contains("alone"), "{refused}");
        }
    }
}

//! What fuzzed agents and statements are run on.

use std::fmt::Debug;
use std::num::NonZeroU32;
use std::sync::Arc;

use grid_core::processor::{EntryView, Processor, ProcessorWork};
use grid_core::query::cohql::{Bindings, Rows, Statement};
use grid_core::query::{
    AgentError, Aggregator, Comparator, EventFilter, Extracted, Extractor, Filter, Operand, QueryEntry,
    QueryError, RecordKind, Test, field,
};
use grid_core::store::{
    CacheSettings, Command, IndexDefinition, Partition, PreparedFilter, TimeToLive, Want,
};
use grid_core::value::{Binary, Format, Key};

use crate::model::{CACHE, START, add, check, compare, compare_together, json, put};

/// Entries of one shape.
const PEOPLE: [(&str, &str); 6] = [
    (
        "1",
        r#"{"a":1,"b":"x","n":7,"s":"Ada","tags":["x","y"],"o":{"a":1,"b":[1,2]},"value":[1,-1,0.5]}"#,
    ),
    (
        "2",
        r#"{"a":2,"b":"y","n":-2,"s":"Bob","tags":[],"o":{"a":2},"value":[0,0,0]}"#,
    ),
    (
        "3",
        r#"{ "s":"", "a":3, "b":"z", "n":0, "o":{"a":3}, "value":{"array":[-1,2,0.25],"@class":"ai.Float32Vector"} }"#,
    ),
    (
        "4",
        r#"{"a":1,"b":null,"n":9007199254740993,"s":"50%","tags":["z",null,1]}"#,
    ),
    (
        "\"k5\"",
        r#"{"a":5,"b":"é😀","n":41,"s":"a_b","tags":["x"],"@version":3}"#,
    ),
    (
        "{\"id\":6}",
        r#"{"a":6,"b":"\u0061","n":1,"s":"ab","o":{"a":4,"o":{"o":{}}}}"#,
    ),
];

/// Entries of all shapes.
const WILD: [(&str, &str); 12] = [
    (
        "1",
        r#"{"a":1.5,"b":true,"n":{"@class":"math.BigDec","value":"1.50"},"s":7}"#,
    ),
    (
        "\"1\"",
        r#"{"a":"x","n":{"@class":"math.BigInt","value":"123456789012345678901"},"tags":{"x":1}}"#,
    ),
    ("1.0", "[1,[2,[3,\"x\"]],null]"),
    ("true", "\"Ada\""),
    ("[1]", "1e309"),
    ("{\"a\":1}", "null"),
    (
        "2",
        r#"{"@class":"util.LiteMap","entries":[{"key":"a","value":1},{"key":2}]}"#,
    ),
    (
        "3",
        r#"{"a":{"a":{"a":[{}]}},"a":2,"size":-0.0,"value":"v","@class":"x.Y"}"#,
    ),
    (
        "-0.0",
        r#"{"n":5e-324,"s":"\ud83d\ude00\n","tags":[[],{},"x",1,1.0,false],"b":"😀"}"#,
    ),
    ("4", "12345678901234567890123"),
    ("5", "{}"),
    (
        "6",
        r#"{"a":{"@class":"math.BigDec","value":"1E-9999"},"n":{"@class":"math.BigDec","value":"1E9999"}}"#,
    ),
];

/// Entries, and partitions that have them, with indexes and without.
pub(crate) struct Bench {
    entries: Vec<(Binary, Binary)>,
    partitions: Vec<Partition>,
}

fn filled(entries: &[(&str, &str)], indexes: &[(&str, bool)]) -> Partition {
    let mut partition = Partition::new();
    for (key, value) in entries {
        put(&mut partition, key, value);
    }
    for (path, sorted) in indexes {
        let definition = IndexDefinition {
            sorted: *sorted,
            ..IndexDefinition::of(path)
        };
        add(&mut partition, definition);
    }
    if !indexes.is_empty() {
        let vectors = IndexDefinition::of_vectors(field("value")).oversampling(NonZeroU32::MIN);
        add(&mut partition, vectors);
    }
    partition
}

fn is_even(text: &[u8]) -> bool {
    text.len().is_multiple_of(2)
}

fn binary(text: &[u8]) -> Binary {
    json(text.to_vec())
}

impl Bench {
    pub(crate) fn new() -> Self {
        let indexes = [
            ("a", true),
            ("b", false),
            ("n", true),
            ("s", true),
            ("tags", false),
            ("", false),
        ];
        let all = PEOPLE.iter().chain(&WILD);
        Bench {
            entries: all.map(|(key, value)| (json(*key), json(*value))).collect(),
            partitions: vec![
                filled(&PEOPLE, &[]),
                filled(&PEOPLE, &indexes),
                filled(&WILD, &[]),
                filled(&WILD, &indexes),
            ],
        }
    }

    /// The partitions of one kind of entries, without indexes and with: by turns, so that an input takes little time.
    fn pair(&self, text: &[u8]) -> &[Partition] {
        let (people, wild) = self.partitions.split_at(2);
        if is_even(text) { people } else { wild }
    }

    /// The entries, and some with other values.
    fn entries<'e>(&'e self, values: &'e [Binary]) -> impl Iterator<Item = (&'e Binary, &'e Binary)> {
        let others = values
            .iter()
            .zip(&self.entries)
            .map(|(value, (key, _))| (key, value));
        self.entries.iter().map(|(key, value)| (key, value)).chain(others)
    }

    pub(crate) fn filter(&self, text: &[u8], values: &[Binary]) {
        let Ok(filter) = Filter::from_json(text) else {
            return;
        };
        comes_back(&filter, filter.to_json(), Filter::from_json);
        let _ = (
            filter.to_string(),
            filter.evaluate(&QueryEntry::of(&self.entries[0].0, None)),
        );
        let events = EventFilter::new(filter.clone());
        let mut before = None;
        for (key, value) in self.entries(values) {
            let entry = QueryEntry::of(key, Some(value));
            let _ = (
                filter.evaluate(&entry),
                filter.evaluate(&QueryEntry::of(value, Some(key))),
            );
            let _ = filter.evaluate_extracted(&Extracted::Json(value.bytes()));
            let _ = (
                events.tells(before.as_ref(), Some(&entry)),
                events.evaluate(Some(&entry), None),
            );
            before = Some(entry);
        }
        let pair = self.pair(text);
        compare_together(&pair.iter().collect::<Vec<_>>(), START, &filter);
        for partition in pair {
            compare(partition, START, &filter, 3);
            for kind in [RecordKind::Explain, RecordKind::Trace] {
                let _ = partition.explain(START, CACHE, &filter, kind);
            }
        }
    }

    pub(crate) fn extractor(&self, text: &[u8], values: &[Binary]) {
        let Ok(extractor) = Extractor::from_json(text) else {
            return;
        };
        comes_back(&extractor, extractor.to_json(), Extractor::from_json);
        let _ = extractor.to_string();
        for (key, value) in self.entries(values) {
            if let Ok(found) = extractor.extract(&QueryEntry::of(key, Some(value))) {
                let _ = (found.canonical(), found.datum().map(|datum| datum.to_value()));
                if let Ok(text) = found.json() {
                    let filter = Filter::Compare {
                        test: Test::Equals,
                        extractor: extractor.clone(),
                        value: Operand::new(&text).unwrap_or_else(|_unreadable| Operand::null()),
                    };
                    let _ = filter.evaluate(&QueryEntry::of(key, Some(value)));
                }
            }
        }
        self.index(&IndexDefinition::new(extractor));
    }

    pub(crate) fn definition(&self, text: &[u8]) {
        let definitions = [
            IndexDefinition::from_json(text),
            IndexDefinition::of_request(text, true, None),
        ];
        for definition in definitions.into_iter().flatten() {
            comes_back(&definition, definition.to_json(), IndexDefinition::from_json);
            self.index(&definition);
        }
    }

    /// Has an index follow some changes, and asks it.
    fn index(&self, definition: &IndexDefinition) {
        let mut partition = Partition::new();
        for (index, (key, value)) in self.entries.iter().enumerate() {
            if index == 9 {
                add(&mut partition, definition.clone());
            }
            let value = value.clone();
            apply(
                &mut partition,
                key,
                Command::Put {
                    value,
                    ttl: TimeToLive::CacheDefault,
                },
            );
        }
        for (key, _) in self.entries.iter().step_by(3) {
            apply(&mut partition, key, Command::Remove);
        }
        check(&partition);
        let extractor = &definition.extractor;
        for value in ["1", "\"x\""] {
            let value = Operand::new(value.as_bytes()).unwrap();
            for filter in [
                Filter::Contains(extractor.clone(), value.clone()),
                Filter::Compare {
                    test: Test::LessEquals,
                    extractor: extractor.clone(),
                    value,
                },
            ] {
                compare(&partition, START, &filter, 4);
                let all = definition.filter.iter().cloned().chain([filter]);
                compare(&partition, START, &Filter::all(all), 4);
            }
        }
    }

    pub(crate) fn comparator(&self, text: &[u8], values: &[Binary]) {
        let Ok(comparator) = Comparator::from_json(text) else {
            return;
        };
        let written = comparator.to_json().expect("what was read can be written");
        let again = Comparator::from_json(&written).expect("what was written can be read");
        for entries in [&self.entries[..PEOPLE.len()], &self.entries] {
            let mut values: Vec<_> = entries.iter().map(|(_, value)| value).chain(values).collect();
            let mut others = values.clone();
            let sorted = comparator.sort(&mut values, |value| QueryEntry::of_parts(None, Some(value)));
            assert_eq!(
                again.sort(&mut others, |value| QueryEntry::of_parts(None, Some(value))),
                sorted
            );
            let texts = |values: &[&Binary]| {
                values
                    .iter()
                    .map(|value| value.bytes().clone())
                    .collect::<Vec<_>>()
            };
            assert_eq!(texts(&values), texts(&others), "another order comes back");
        }
    }

    pub(crate) fn aggregator(&self, text: &[u8], values: &[Binary]) {
        let Ok(aggregator) = Aggregator::from_json(text) else {
            return;
        };
        comes_back(&aggregator, aggregator.to_json(), Aggregator::from_json);
        let all: Vec<_> = self.entries(values).collect();
        for entries in [&all[..0], &all[..PEOPLE.len()], &all] {
            let of = |&(key, value): &(_, _)| QueryEntry::of(key, Some(value));
            let whole = aggregator.aggregate(entries.iter().map(of));
            let parts = entries.chunks(3).map(|entries| {
                let mut accumulator = aggregator.accumulator();
                for entry in entries {
                    accumulator.accumulate(&of(entry))?;
                }
                accumulator.partial()
            });
            // A part may have a number that is too long to be sent.
            let Ok(parts) = parts.collect::<Result<Vec<_>, _>>() else {
                continue;
            };
            let combined = aggregator.combine(parts.iter().map(Vec::as_slice));
            match (whole, combined) {
                (Ok(whole), Ok(combined)) => {
                    assert_eq!(whole.bytes(), combined.bytes(), "parts make another answer")
                }
                (whole, combined) => {
                    assert!(
                        whole.is_err() && combined.is_err(),
                        "{whole:?} and of parts {combined:?}"
                    );
                }
            }
        }
        if let Aggregator::Similar(search) = &aggregator {
            for partition in self.pair(text) {
                let (filter, mut accumulator) = (Filter::Always, aggregator.accumulator());
                let prepared = PreparedFilter::new(&filter);
                let planned = partition.plan_query(CACHE, &prepared);
                let visited = planned.visit_similar(START, search, |entry| accumulator.accumulate(entry));
                let _ = (visited, accumulator.finish());
            }
        }
        // What is no part of it.
        for value in values {
            let mut accumulator = aggregator.accumulator();
            let _ = accumulator.combine(value.bytes());
            let _ = accumulator.finish();
        }
    }

    pub(crate) fn processor(&self, text: &[u8], values: &[Binary]) {
        let Ok(processor) = Processor::from_json(text) else {
            return;
        };
        comes_back(&processor, processor.to_json(), Processor::from_json);
        let nothing = std::iter::once((&self.entries[0].0, None));
        let entries = self.entries(values).map(|(key, value)| (key, Some(value)));
        for (key, value) in nothing.chain(entries) {
            let mut view = EntryView::new(key, value);
            let answer = processor.process(&mut view);
            assert!(
                answer.is_ok() || view.change().is_none(),
                "what fails changes nothing"
            );
            assert!(processor.may_change() || view.change().is_none());
        }
        let Ok(work) = ProcessorWork::new(&processor) else {
            return;
        };
        let work = Arc::new(work);
        let indexes = [("a", true), ("o", false), ("", false)];
        let entries = if is_even(text) { &PEOPLE[..] } else { &WILD };
        let mut partition = filled(entries, &indexes);
        for (key, _) in entries.iter().chain(&[("99", "")]) {
            apply(&mut partition, &json(*key), Command::Work(work.clone()));
        }
        check(&partition);
    }

    pub(crate) fn statement(&self, text: &str) {
        let bindings = Bindings::new().with(1).with("x%").with_named("n", "x");
        let statement = Statement::parse(text, &bindings);
        for error in [
            Filter::from_cohql(text, &bindings).err(),
            Extractor::from_cohql(text, &bindings).err(),
            statement.as_ref().err().cloned(),
        ]
        .into_iter()
        .flatten()
        {
            assert!(error.line() > 0 && error.column() > 0 && error.to_string().contains('^'));
        }
        let Ok(statement) = statement else {
            return;
        };
        let query = statement.query();
        let _ = (query.to_string(), query.comparator());
        for partition in self.pair(text.as_bytes()) {
            compare(partition, START, query.filter(), 4);
        }
        for entries in [&self.entries[..PEOPLE.len()], &self.entries] {
            let rows = query.evaluate(entries.iter().map(|(key, value)| (key, value)));
            if let Ok(rows) = rows {
                let columns = query.column_names().len();
                assert!(rows.iter().all(|row| row.len() == columns));
            }
        }
        if let Some(aggregator) = query.aggregator() {
            comes_back(&aggregator, aggregator.to_json(), Aggregator::from_json);
        }
        let answer = binary(text.as_bytes());
        let _ = (query.rows_of_answer(&answer), Rows::of_record(&answer));
    }

    /// A text as every kind of agent.
    pub(crate) fn any_agent(&self, text: &[u8]) {
        let values = [binary(text)];
        self.filter(text, &values);
        self.extractor(text, &values);
        self.comparator(text, &values);
        self.aggregator(text, &values);
        self.processor(text, &values);
        self.definition(text);
        let _ = ProcessorWork::from_bytes(text.to_vec().into());
    }
}

/// Whether what was written of an agent is read as the same.
fn comes_back<T: PartialEq + Debug>(
    agent: &T,
    written: Result<Vec<u8>, QueryError>,
    read: impl Fn(&[u8]) -> Result<T, AgentError>,
) {
    let written = written.expect("what was read can be written");
    assert_eq!(read(&written).as_ref(), Ok(agent), "another one comes back");
}

fn apply(partition: &mut Partition, key: &Binary, command: Command) {
    let key = Key::new(key.clone()).expect("the keys are sound");
    let settings = CacheSettings::default();
    partition
        .apply(START, CACHE, settings, &key, command, Want::ALL)
        .expect("there is room");
}

/// A value of a format that is not looked into.
pub(crate) fn opaque() -> Binary {
    Binary::new(Format::POF, (&b"\x15pof"[..]).into())
}

//! Statements of the query language, on real entries.

mod errors;
mod properties;
mod written;

use grid_core::query::cohql::{AnswerError, Bindings, Direction, Selection, Source, Statement};
use grid_core::query::{Aggregator, Comparator, Extractor, Filter, RecordKind, field};
use grid_core::value::{Binary, Format, Value};

const PEOPLE: [(&str, &str); 6] = [
    (
        "1",
        r#"{"name":"Ada","age":36,"city":"London","tags":["math","vip"],"pay":{"amount":10.5,"exact":{"@class":"math.BigDec","value":"0.10"}}}"#,
    ),
    (
        "2",
        r#"{"name":"Bob","age":25,"city":"Oslo","tags":[],"pay":{"amount":2.25,"exact":{"@class":"math.BigDec","value":"0.20"}}}"#,
    ),
    (
        "3",
        r#"{"name":"Cy","age":41,"city":"Oslo","order":7,"pay":{"amount":4.0,"exact":{"@class":"math.BigDec","value":"0.30"}}}"#,
    ),
    (
        "4",
        r#"{"name":"Di","age":25,"city":null,"tags":["vip"],"first name":"Diana"}"#,
    ),
    ("5", r#"{"name":"Eve_1","age":19,"city":"London","tags":["art"]}"#),
    (
        "6",
        r#"{"name":"","age":64,"city":"Bergen","tags":["art","math"]}"#,
    ),
];

fn json(text: &str) -> Binary {
    Binary::new(Format::JSON, text.as_bytes().to_vec().into())
}

fn people() -> Vec<(Binary, Binary)> {
    PEOPLE
        .iter()
        .map(|(key, value)| (json(key), json(value)))
        .collect()
}

fn parse(text: &str) -> Statement {
    let bindings = Bindings::new()
        .with(25)
        .with("Oslo")
        .with_named("cities", vec!["Oslo", "Bergen"]);
    Statement::parse(text, &bindings).unwrap_or_else(|error| panic!("{text}\n{error}"))
}

/// The rows as one text, the values with spaces between them, the rows with semicolons.
fn answer(text: &str) -> Result<String, AnswerError> {
    let entries = people();
    let statement = parse(text);
    let rows = statement
        .query()
        .evaluate(entries.iter().map(|(key, value)| (key, value)))?;
    let rows: Vec<_> = rows
        .iter()
        .map(|row| row.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
        .collect();
    Ok(rows.join("; "))
}

/// The keys that a condition selects.
fn keys(condition: &str) -> String {
    answer(&format!(
        "select key() from people where {condition} order by key()"
    ))
    .unwrap_or_else(|error| error.to_string())
}

#[test]
fn conditions_select_entries() {
    for (condition, expected) in [
        ("age > 25", "1; 3; 6"),
        ("25 < age", "1; 3; 6"),
        ("AGE = 25", ""),
        ("age = ?1", "2; 4"),
        ("age = 25 and city = ?2", "2"),
        ("age between 25 and 36", "1; 2; 4"),
        ("age not between 25 and 36", "3; 5; 6"),
        ("city in ('London', 'Bergen')", "1; 5; 6"),
        ("city in :cities", "2; 3; 6"),
        ("city not in :cities", "1; 4; 5"),
        ("city is null", "4"),
        ("city is not null and age < 26", "2; 5"),
        ("tags is null", "3"),
        ("tags is empty", "2"),
        ("tags is not empty", "1; 4; 5; 6"),
        ("name is empty", "6"),
        ("tags contains 'vip'", "1; 4"),
        ("tags contains any ('art', 'vip')", "1; 4; 5; 6"),
        ("tags contains all ('art', 'math')", "6"),
        ("not (tags contains 'vip')", "2; 3; 5; 6"),
        ("name like '%a'", "1"),
        ("name ilike 'E%'", "5"),
        ("name like '%!_%' escape '!'", "5"),
        ("name.length() = 3", "1; 2"),
        ("name.startsWith('A') = true", "1"),
        ("age = 36 and name.substring(0, 1) = 'A'", "1"),
        ("pay.amount >= 4.0", "1; 3"),
        ("pay.exact > 0.1m", "2; 3"),
        ("pay.exact = 0.10m", "1"),
        ("tags = ['vip']", "4"),
        ("key() = 3", "3"),
        ("key() in (1, 9)", "1"),
        ("(age = 25) in (1, 2, 3)", "2"),
        ("order = 7", "3"),
        ("`first name` = 'Diana'", "4"),
        ("age = 64 or age = 25 and city = 'Oslo'", "2"),
        ("age = 64 or (age = 25 and city = 'Oslo')", "2; 6"),
        ("age = 25 xor city = 'Oslo'", "3; 4"),
        ("true", "1; 2; 3; 4; 5; 6"),
        ("false", ""),
    ] {
        assert_eq!(keys(condition), expected, "{condition}");
    }
    assert!(keys("age > 'x'").contains("cannot be compared"));
}

/// Statements, and their rows.
const ANSWERS: &[(&str, &str)] = &[
    ("select name from people where age = 36", r#""Ada""#),
    (
        "select name, age FROM 'people' WHERE age > 40 ORDER BY age DESC",
        r#""" 64; "Cy" 41"#,
    ),
    (
        "select name from people where age > 30 order by age",
        r#""Ada"; "Cy"; """#,
    ),
    (
        "select p.name, p.pay.amount from people p where p.age = ?1 order by p.name;",
        r#""Bob" 2.25; "Di" null"#,
    ),
    (
        "select key(), age from people as p where p.city = 'Oslo' order by key() desc",
        "3 41; 2 25",
    ),
    ("select value() from people where key() = 3 and true", PEOPLE[2].1),
    (
        "select name.length(), key() from people where city = 'Oslo' order by name.length()",
        "2 3; 3 2",
    ),
    (
        "select age, name from people where age < 30 order by age desc, name",
        r#"25 "Bob"; 25 "Di"; 19 "Eve_1""#,
    ),
    (
        "select distinct city from people order by city desc",
        r#""Oslo"; "London"; "Bergen""#,
    ),
    (
        "select distinct age, city from people where age = 25 order by city",
        r#"25 null; 25 "Oslo""#,
    ),
    ("select count() from people", "6"),
    (
        "select COUNT(*), sum(age), avg(age), min(age), max(age) from people where age > 36",
        "2 105.0 52.5 41.0 64.0",
    ),
    ("select count(*), sum(age) from people where false", "0 null"),
    (
        "select long_sum(age), bd_sum(age) from people",
        r#"210 {"@class":"math.BigDec","value":"210"}"#,
    ),
    (
        "select bd_sum(pay.exact), sum(pay.amount) from people",
        r#"{"@class":"math.BigDec","value":"0.60"} 16.75"#,
    ),
    (
        "select city, count(), max(age) from people group by city order by city",
        r#"null 1 25.0; "Bergen" 1 64.0; "London" 2 36.0; "Oslo" 2 41.0"#,
    ),
    (
        "select count(), city from people where city is not null order by count() desc, city",
        r#"2 "London"; 2 "Oslo"; 1 "Bergen""#,
    ),
    (
        "select city from people where city is not null group by city order by sum(age) desc",
        r#""Oslo"; "Bergen"; "London""#,
    ),
    (
        "select age, city, count(*) from people where age < 30 group by city, age order by age, city",
        r#"19 "London" 1; 25 null 1; 25 "Oslo" 1"#,
    ),
    (
        "select count() from people where city is not null group by city order by city",
        "1; 2; 2",
    ),
    ("select distinct count() from people group by city", "2; 1"),
    ("select name, name from people where key() = 1", r#""Ada" "Ada""#),
];

#[test]
fn statements_answer_rows() {
    for (text, expected) in ANSWERS {
        assert_eq!(answer(text).unwrap(), *expected, "{text}");
    }
    let whole = format!("2 {}; 3 {}", PEOPLE[1].1, PEOPLE[2].1);
    for text in [
        "select * from people where city = 'Oslo' order by name",
        "select distinct * from people where city = 'Oslo' order by age",
        "select p from people p where p.city = 'Oslo' order by p.age asc",
    ] {
        assert_eq!(answer(text).unwrap(), whole, "{text}");
    }
    let mixed = answer("select name from people order by value()").unwrap_err();
    assert!(mixed.to_string().contains("no order"), "{mixed}");
}

#[test]
fn values_are_put_together() {
    for (text, expected) in [
        (
            "select name from people where city = concat('Os', 'lo') order by name",
            "\"Bob\"; \"Cy\"",
        ),
        (
            "select name from people where CONCAT('E', 've', '_', 1) = name",
            "\"Eve_1\"",
        ),
        (
            "select name from people where name like concat('A', '%')",
            "\"Ada\"",
        ),
        (
            "select name from people where city in (concat('Ber', 'gen'), ?2) order by age",
            "\"Bob\"; \"Cy\"; \"\"",
        ),
    ] {
        assert_eq!(answer(text).unwrap(), expected, "{text}");
    }
    let long = Bindings::new().with("a".repeat(400_000));
    for (text, reason) in [
        ("concat('a')", "two values"),
        ("concat('a', name)", "a value"),
        ("concat('a', null)", "not null"),
        ("concat(?1, ?1, ?1)", "limit"),
    ] {
        let refused = Filter::from_cohql(&format!("name = {text}"), &long).unwrap_err();
        assert!(refused.to_string().contains(reason), "{refused}");
    }
}

#[test]
fn queries_say_what_to_ask() {
    let statement = parse("select name, key() from \"the people\" order by age desc, name");
    let query = statement.query();
    assert!(matches!(statement, Statement::Select(_)));
    assert_eq!(query.cache(), "the people");
    assert_eq!(query.filter(), &Filter::Always);
    assert_eq!(query.selection(), Selection::Extractors);
    assert_eq!(query.column_names().collect::<Vec<_>>(), ["name", "key()"]);
    let name = Extractor::path("name");
    assert_eq!(query.columns().next(), Some(Source::Extractor(&name)));
    let order: Vec<_> = query.order().collect();
    let age = Extractor::path("age");
    let expected = [
        (Source::Extractor(&age), Direction::Descending),
        (Source::Extractor(&name), Direction::Ascending),
    ];
    assert_eq!(order, expected);
    let comparator = Comparator::Chained(vec![Comparator::by("age").inverse(), Comparator::by("name")]);
    assert_eq!(query.comparator(), Some(comparator));
    let key = Extractor::Key(Box::new(Extractor::Identity));
    let reducer = Aggregator::Reducer(Extractor::Multi(vec![name, key.clone(), age]));
    assert_eq!(query.aggregator(), Some(reducer));

    for (text, selection, aggregator) in [
        ("select * from c", Selection::Entries, None),
        (
            "select key() from c",
            Selection::Keys,
            Some(Aggregator::Reducer(key)),
        ),
        (
            "select value() from c",
            Selection::Values,
            Some(Aggregator::Reducer(Extractor::Identity)),
        ),
        (
            "select count() from c",
            Selection::Aggregates,
            Some(Aggregator::Count),
        ),
        (
            "select distinct a from c",
            Selection::Extractors,
            Some(Aggregator::Distinct(Extractor::path("a"))),
        ),
        (
            "select a, count() from c",
            Selection::Aggregates,
            Some(Aggregator::Group {
                extractor: Extractor::path("a"),
                aggregator: Box::new(Aggregator::Count),
                filter: None,
            }),
        ),
    ] {
        let statement = parse(text);
        assert_eq!(statement.query().selection(), selection, "{text}");
        assert_eq!(statement.query().aggregator(), aggregator, "{text}");
    }
    assert_eq!(
        parse("select a, count() from c").query().groups(),
        [Extractor::path("a")]
    );
    assert_eq!(parse("select * from c order by key()").query().comparator(), None);
}

#[test]
fn plans_are_shown_and_records_asked_for() {
    let plan = parse(
        "show plan select city, sum(age) from people where age > 5 and not name like 'A%' group by city order by city desc",
    );
    assert!(matches!(plan, Statement::ShowPlan(_)));
    assert_eq!(
        plan.query().to_string(),
        "cache \"people\"\nfilter\n  AllFilter\n    age > 5\n    NotFilter\n      name like \"A%\"\n\
         aggregate GroupAggregator(city, DoubleSum(age))\norder by city descending"
    );
    let plan = parse("show plan select * from people").query().to_string();
    assert_eq!(plan, "cache \"people\"\nfilter\n  TRUE\nentries");
    for (text, kind) in [
        (
            "EXPLAIN PLAN FOR select * from people where age > 5",
            RecordKind::Explain,
        ),
        (
            "trace select count() from people where age > 5",
            RecordKind::Trace,
        ),
    ] {
        let Statement::Record(found, query) = parse(text) else {
            panic!("{text}")
        };
        assert_eq!((found, query.filter()), (kind, &field("age").gt(5)), "{text}");
    }
}

#[test]
fn answers_of_another_kind_are_refused() {
    let query = parse("select a, b from c").query().clone();
    for text in [
        "7",
        "{}",
        "[1]",
        r#"{"entries":7}"#,
        r#"{"entries":[7]}"#,
        r#"{"entries":[{"key":1,"value":[1]}]}"#,
        "{",
    ] {
        assert!(query.rows_of_answer(&json(text)).is_err(), "{text}");
    }
    let opaque = Binary::new(Format::POF, vec![1].into());
    assert!(query.rows_of_answer(&opaque).is_err());
    assert!(
        parse("select * from c")
            .query()
            .rows_of_answer(&json("[]"))
            .is_err()
    );
    let null = parse("select a, count() from c")
        .query()
        .rows_of_answer(&json(r#"{"entries":[{"value":2}]}"#));
    assert_eq!(
        null.unwrap().into_iter().next(),
        Some(vec![Value::Null, Value::from(2)])
    );
}

#[test]
fn entries_of_another_format_are_told() {
    let (key, value) = (json("1"), Binary::new(Format::POF, vec![1].into()));
    let rows = parse("select * from c").query().evaluate([(&key, &value)]);
    assert!(rows.unwrap_err().to_string().contains("format"));
}

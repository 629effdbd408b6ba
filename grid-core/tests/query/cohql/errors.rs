//! Texts that are wrong, too deep, or too long.

use std::thread;

use grid_core::query::cohql::{Bindings, CohqlErrorKind, Statement};
use grid_core::query::{Filter, QueryEntry};

/// Texts, the column that is pointed at, and what is said.
const MISTAKES: &[(&str, usize, &str)] = &[
    ("", 1, "expected `select`, `explain plan for select`"),
    (
        "insert into people key 1 value 2",
        1,
        r#""insert" is not part of the reading half; use the API"#,
    ),
    ("Drop Cache people", 1, r#""drop" is not part"#),
    ("create index on people age", 1, r#""create" is not part"#),
    (
        "explain plan for delete from people",
        18,
        r#""delete" is not part"#,
    ),
    ("@ 'file'", 1, r#""@" is not part"#),
    ("select", 7, "expected a value or a property, found the end"),
    ("select from people", 8, "found the word \"from\""),
    (
        "select a people",
        10,
        "`from` and the name of a cache, found `people`",
    ),
    ("select a from", 14, "expected the name of a cache"),
    ("select a from dist-people", 19, "put quotes around"),
    ("select a from x, y", 16, "asking several caches is not supported"),
    ("select a from (select b from c)", 15, "a query in a query"),
    ("select a from c where", 22, "found the end"),
    (
        "select a from c where a",
        23,
        "expected a condition, such as a comparison, found a property",
    ),
    ("select a from c where a = b", 27, "not with another property"),
    (
        "select a from c where a = 1 + 2",
        29,
        "arithmetic is not supported",
    ),
    (
        "select a from c where a = ?3",
        27,
        "the bind variable ?3 has no value",
    ),
    (
        "select a from c where a = :x",
        27,
        "the bind variable :x has no value",
    ),
    (
        "select a from c where a = ?0",
        28,
        "the position of a bind variable",
    ),
    (
        "select a from c where a = 'x",
        27,
        "a string begins here and does not end",
    ),
    (
        "select a from c where a like 5",
        30,
        "a pattern, which is a string, found a number",
    ),
    (
        "select a from c where a like 'x' escape 'ab'",
        41,
        "one character",
    ),
    (
        "select a from c where a like 'x!' escape '!'",
        30,
        "ends with an escape",
    ),
    (
        "select a from c where a in b",
        28,
        "values in brackets, found a property",
    ),
    (
        "select a from c where a between 1 or 2",
        35,
        "`and` and the upper bound, found `or`",
    ),
    ("select a from c where a not 5", 29, "expected in, between"),
    (
        "select a from c where (a = 1",
        29,
        "expected `,` or `)`, found the end",
    ),
    (
        "select a from c where a = 1)",
        28,
        "the end of the statement, found `)`",
    ),
    (
        "select a from c where a = 1 = 2",
        23,
        "expected a property, found a condition",
    ),
    (
        "select a from c where sum(a) > 1",
        23,
        "an aggregate here is not supported",
    ),
    (
        "select a from c where a = new Date()",
        27,
        "making objects of classes",
    ),
    ("select a from c where a = {}", 27, "an object literal"),
    ("select a from c where a # 1", 25, "'#'"),
    ("select a from c; select b from c", 18, "the end of the statement"),
    ("select 5 from c", 8, "a property or an aggregate, found a number"),
    ("select *, a from c", 9, "expected `,` or `from`"),
    (
        "select sum() from c",
        8,
        "a property in the brackets, found nothing",
    ),
    ("select count().x from c", 8, "an aggregate here"),
    (
        "select a, b from c group by a",
        11,
        "neither in group by nor an aggregate",
    ),
    ("select * from c group by a", 26, "columns to select beside"),
    (
        "select a, count() from c group by a having count() > 1",
        37,
        "having is not supported",
    ),
    ("select a from c limit 5", 17, "limit is not supported"),
    (
        "select a from c order by count()",
        26,
        "only be ordered by what is taken from an entry",
    ),
    (
        "select distinct a from c order by b",
        35,
        "only be ordered by the columns",
    ),
    (
        "select a, count() from c group by a order by b",
        46,
        "only be ordered by what the groups",
    ),
    ("select a from c order by 1", 26, "ordering by a constant"),
];

#[test]
fn errors_point_at_the_place() {
    for (text, column, message) in MISTAKES {
        let error = Statement::parse(text, &Bindings::new()).unwrap_err();
        let shown = error.to_string();
        assert!(shown.contains(message), "{text}\n{shown}");
        assert_eq!((error.line(), error.column()), (1, *column), "{text}\n{shown}");
    }
    let error = Statement::parse("select a\nfrom c\n  where a ==== 1", &Bindings::new()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 3, column 13: expected a value or a property, found `==`\n    where a ==== 1\n              ^"
    );
}

/// Texts that are as deep as they may be, and far deeper, in a thread with a small stack.
#[test]
fn depth_is_bounded() {
    const STACK: usize = 1 << 20;
    let run = || {
        let nested = |before: &str, inner: &str, after: &str, depth: usize| {
            format!("{}{inner}{}", before.repeat(depth), after.repeat(depth))
        };
        let none = Bindings::new();
        let deep = Filter::from_cohql(&nested("not (", "a = 1", ")", 40), &none).unwrap();
        assert_eq!(deep.evaluate(&QueryEntry::of_value(br#"{"a":1}"#)), Ok(true));
        let alternating = Filter::from_cohql(&nested("a = 1 or b = 2 and ", "c = 3", "", 40), &none);
        let alternating = alternating.unwrap();
        assert_eq!(
            Filter::from_json(&alternating.to_json().unwrap()),
            Ok(alternating)
        );
        for text in [
            nested("(", "a = 1", ")", 30_000),
            nested("(", "", "", 60_000),
            nested("a = [", "1", "]", 10_000),
            nested("not ", "a = 1", "", 15_000),
            nested("a(", "", ")", 20_000),
            nested("key(", "a", ")", 12_000),
            nested("a = 1 or b = 2 and ", "c = 3", "", 3_000),
            nested("a = 1 xor ", "c = 3", "", 5_000),
        ] {
            let refused = Filter::from_cohql(&text, &none).unwrap_err();
            assert!(
                matches!(refused.kind(), CohqlErrorKind::TooDeep { .. }),
                "{refused}"
            );
            let statement = format!("select {text} from c");
            assert!(Statement::parse(&statement, &none).is_err());
        }
        let too_long = Filter::from_cohql(&nested("(", "a = 1", ")", 100_000), &none).unwrap_err();
        assert!(matches!(too_long.kind(), CohqlErrorKind::TooLong { .. }));
        let columns = |count: usize| format!("select {} from c", vec!["a"; count].join(", "));
        assert!(Statement::parse(&columns(256), &none).is_ok());
        let too_many = Statement::parse(&columns(257), &none).unwrap_err();
        assert!(matches!(too_many.kind(), CohqlErrorKind::TooMany { .. }));
    };
    thread::Builder::new()
        .stack_size(STACK)
        .spawn(run)
        .unwrap()
        .join()
        .unwrap();
}

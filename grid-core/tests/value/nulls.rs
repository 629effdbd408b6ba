//! Members that are null, and the class of an object.

use bytes::Bytes;
use grid_core::value::json::{Limits, class_of, drop_null_members, scan};
use proptest::prelude::*;
use serde_json::Value as Tree;

use crate::node::{Draw, node};

fn without_nulls(tree: Tree) -> Tree {
    match tree {
        Tree::Object(members) => members
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name, without_nulls(value)))
            .collect(),
        Tree::Array(elements) => elements.into_iter().map(without_nulls).collect(),
        other => other,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn only_null_members_go(tree in node(), seed in any::<u64>()) {
        // Without repeated names, about which a tree and a text must differ.
        let text = if seed % 2 == 0 { tree.canonical() } else { tree.canonical().replace(',', ", ").replace(':', " : ") };
        let text = Bytes::from(text);
        let dropped = drop_null_members(&text);
        let found = scan(&text, Limits::new()).unwrap().null_members;
        prop_assert_eq!(found, dropped != text);
        prop_assert!(!scan(&dropped, Limits::new()).unwrap().null_members);
        let expected = without_nulls(serde_json::from_slice(&text).unwrap());
        prop_assert_eq!(serde_json::from_slice::<Tree>(&dropped).unwrap(), expected);
        if !found {
            prop_assert_eq!(dropped.as_ptr(), text.as_ptr());
        }
        // With repeated names it is still JSON without null members.
        let spelled = Bytes::from(tree.spell(&mut Draw(seed)));
        prop_assert!(!scan(&drop_null_members(&spelled), Limits::new()).unwrap().null_members);
    }

    #[test]
    fn any_bytes_are_survived(text in proptest::collection::vec(any::<u8>(), 0..64)) {
        let text = Bytes::from(text);
        if scan(&text, Limits::new()).is_err() {
            prop_assert_eq!(&drop_null_members(&text), &text);
        }
        let _ = class_of(&text);
    }
}

#[test]
fn the_rest_of_the_text_stays() {
    let cases = [
        (r#"{"a":null,"b":1}"#, r#"{"b":1}"#),
        (r#"{"a":1,"b":null}"#, r#"{"a":1}"#),
        (r#"{"a":null}"#, "{}"),
        (r#"{"a":null,"b":null,"c":null}"#, "{}"),
        (r#"{"a":1,"b":null,"c":2}"#, r#"{"a":1,"c":2}"#),
        (r#"{ "a" : null , "b" : 1.50 }"#, r#"{ "b" : 1.50 }"#),
        (
            r#"{"a":{"b":null},"c":[null,{"d":null}]}"#,
            r#"{"a":{},"c":[null,{}]}"#,
        ),
        (r#"[null,null]"#, "[null,null]"),
        ("null", "null"),
        (r#"{"a":null"#, r#"{"a":null"#),
    ];
    for (text, expected) in cases {
        assert_eq!(
            drop_null_members(&Bytes::from_static(text.as_bytes())),
            expected,
            "{text}"
        );
    }
}

#[test]
fn the_class_is_found() {
    let cases = [
        (r#"{"@class":"com.foo.Bar"}"#, Some("com.foo.Bar")),
        (
            r#" { "x" : {"@class":"inner"} , "@class" : "a.B" } "#,
            Some("a.B"),
        ),
        (r#"{"\u0040class":"a.\u0042"}"#, Some("a.B")),
        (r#"{"@class":"a","@class":"b"}"#, Some("b")),
        (r#"{"@class":"a","@class":1}"#, None),
        (r#"{"a":["}",{"@class":"x"}],"b":"@class"}"#, None),
        (r#"[{"@class":"x"}]"#, None),
        (r#""@class""#, None),
        ("{}", None),
        (r#"{"@class":"x""#, None),
        ("", None),
    ];
    for (text, expected) in cases {
        assert_eq!(class_of(text.as_bytes()).as_deref(), expected, "{text}");
    }
}

//! The scanner against another parser, and on hostile text.

use grid_core::value::json::{Limits, MAX_DEPTH, scan};
use grid_core::value::{JsonErrorKind, Value};
use proptest::prelude::*;
use serde::de::IgnoredAny;

use crate::node::{Draw, node};

/// What `serde_json` makes of the text, which must be UTF-8 to be JSON. It reads past ignored values without
/// recursion, without a look at surrogates, and with exponents of any length.
fn is_json(text: &[u8]) -> bool {
    core::str::from_utf8(text).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok())
}

/// The two differences: nesting and exponents are limited here.
fn assert_agrees(text: &[u8]) {
    match scan(text, Limits::new()) {
        Ok(_) => assert!(is_json(text), "accepted {:?}", String::from_utf8_lossy(text)),
        Err(error) => {
            let limited = matches!(
                error.kind,
                JsonErrorKind::TooDeep { .. } | JsonErrorKind::ExponentTooLarge
            );
            assert!(
                limited || !is_json(text),
                "refused {:?}: {error}",
                String::from_utf8_lossy(text)
            );
            assert!(error.offset <= text.len());
        }
    }
}

fn mutate(text: &mut Vec<u8>, draw: &mut Draw) {
    const BYTES: &[u8] = b"\"\\{}[]:,0123456789.-+eEtfnul \n\t\x00\x1f\x7f\x80\xc3\xff";
    for _ in 0..=draw.below(3) {
        let at = draw.below(text.len() + 1);
        let byte = BYTES[draw.below(BYTES.len())];
        match draw.below(4) {
            0 => text.insert(at, byte),
            1 if at < text.len() => text[at] = byte,
            2 if at < text.len() => drop(text.remove(at)),
            _ => text.truncate(at.max(1)),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn agrees_on_any_bytes(text in proptest::collection::vec(any::<u8>(), 0..64)) {
        assert_agrees(&text);
    }

    #[test]
    fn agrees_on_bytes_of_json(text in "[\\[\\]{}\",:0-9eE.+\\-tfn\\\\ua ]{0,24}") {
        assert_agrees(text.as_bytes());
    }

    #[test]
    fn accepts_valid_text_and_agrees_on_mutations(tree in node(), seed in any::<u64>()) {
        let mut draw = Draw(seed);
        let mut text = tree.spell(&mut draw).into_bytes();
        scan(&text, Limits::new()).unwrap();
        assert_agrees(&text);
        mutate(&mut text, &mut draw);
        assert_agrees(&text);
    }

    #[test]
    fn finds_what_ends_a_long_string(len in 0_usize..200, at in 0_usize..200, byte in any::<u8>()) {
        let mut text = vec![b'x'; len + 2];
        text[0] = b'"';
        text[len + 1] = b'"';
        if (1..=len).contains(&at) {
            text[at] = byte;
        }
        assert_agrees(&text);
    }
}

#[test]
fn each_kind_of_error_has_its_place() {
    use JsonErrorKind as Kind;
    let cases: &[(&[u8], usize, Kind)] = &[
        (b"", 0, Kind::CutShort),
        (b"  ", 2, Kind::CutShort),
        (b"{\"a\":", 5, Kind::CutShort),
        (b"\"ab", 3, Kind::CutShort),
        (b"\"\\u12", 5, Kind::CutShort),
        (b"tru", 3, Kind::CutShort),
        (b"-", 1, Kind::CutShort),
        (b"1.", 2, Kind::CutShort),
        (b"1e+", 3, Kind::CutShort),
        (b"1.x", 2, Kind::InvalidNumber),
        (b"+1", 0, Kind::UnexpectedByte { found: b'+' }),
        (b"01", 1, Kind::TrailingData),
        (b"1 2", 2, Kind::TrailingData),
        (b"[1,]", 3, Kind::UnexpectedByte { found: b']' }),
        (b"[1}", 2, Kind::UnexpectedByte { found: b'}' }),
        (b"{\"a\":1,}", 7, Kind::UnexpectedByte { found: b'}' }),
        (b"{1:2}", 1, Kind::UnexpectedByte { found: b'1' }),
        (b"\"\\x\"", 1, Kind::InvalidEscape),
        (b"\"\\u12g4\"", 1, Kind::InvalidEscape),
        (b"\"a\nb\"", 2, Kind::ControlCharacter { found: 10 }),
        (b"\"\xff\"", 1, Kind::InvalidUtf8),
        (b"1e1234567890", 2, Kind::ExponentTooLarge),
        (b"\xef\xbb\xbf1", 0, Kind::UnexpectedByte { found: 0xef }),
    ];
    for (text, offset, kind) in cases {
        let error = scan(text, Limits::new()).unwrap_err();
        assert_eq!(
            (error.offset, error.kind),
            (*offset, *kind),
            "{:?}",
            String::from_utf8_lossy(text)
        );
    }
    scan(b"1e0000000000123", Limits::new()).unwrap();
}

#[test]
fn nesting_and_length_are_limited() {
    let nest = |depth: usize| ["[".repeat(depth), "]".repeat(depth)].concat();
    let deepest = usize::from(MAX_DEPTH);
    scan(nest(deepest).as_bytes(), Limits::new()).unwrap();
    for text in [
        nest(deepest + 1),
        nest(10_000),
        "[".repeat(10_000),
        "{\"a\":".repeat(10_000),
    ] {
        let error = scan(text.as_bytes(), Limits::new()).unwrap_err();
        assert_eq!(error.kind, JsonErrorKind::TooDeep { max: MAX_DEPTH });
    }
    assert!(scan(b"[[1]]", Limits::new().with_depth(1)).is_err());
    scan(b"[1]", Limits::new().with_depth(1)).unwrap();
    let error = scan(b"12345", Limits::new().with_len_max(4)).unwrap_err();
    assert_eq!(error.kind, JsonErrorKind::TooLong { len: 5, max: 4 });
}

#[test]
fn text_cut_short_anywhere_is_an_error() {
    let text = r#"{"näme":["\u00e9\n",-12.5e+3,true,false,null,{"x":{}}],"b":"😀"}"#.as_bytes();
    scan(text, Limits::new()).unwrap();
    for len in 0..text.len() {
        let error = scan(&text[..len], Limits::new()).unwrap_err();
        assert_eq!(error.kind, JsonErrorKind::CutShort, "cut at {len}");
        assert!(error.offset <= len);
        let cut = grid_core::value::Binary::new(
            grid_core::value::Format::JSON,
            bytes::Bytes::copy_from_slice(&text[..len]),
        );
        assert!(Value::from_binary(&cut).is_err());
        assert!(grid_core::value::Key::new(cut).is_err());
    }
}

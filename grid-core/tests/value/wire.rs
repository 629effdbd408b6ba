//! Formats, and values on the wire.

use std::sync::Arc;

use bytes::Bytes;
use grid_core::value::json::Limits;
use grid_core::value::{
    Binary, Format, FormatCodec, FormatError, FormatRegistry, JsonErrorKind, NullMembers, ValueError,
    WireRules,
};
use proptest::prelude::*;

use crate::node::{Draw, node};

const RULES: WireRules = WireRules::new();

fn wire(text: &str) -> Bytes {
    Bytes::from([b"\x15", text.as_bytes()].concat())
}

proptest! {
    #[test]
    fn json_comes_back_as_it_went(tree in node(), seed in any::<u64>()) {
        let registry = FormatRegistry::new();
        let sent = wire(&tree.spell(&mut Draw(seed)));
        let kept = registry.from_wire(Format::JSON, sent.clone(), &RULES.with_nulls(NullMembers::Keep)).unwrap();
        prop_assert_eq!(kept.bytes().as_ptr(), sent[1..].as_ptr());
        let mut out = Vec::new();
        registry.to_wire(&kept, &mut out);
        prop_assert_eq!(out.len(), registry.wire_len(&kept));
        prop_assert_eq!(out, sent);
    }

    #[test]
    fn opaque_bytes_come_back_as_they_went(bytes in proptest::collection::vec(any::<u8>(), 1..64)) {
        let registry = FormatRegistry::new();
        let other = registry.intern("kryo").unwrap();
        for format in [Format::POF, Format::JAVA, other] {
            let kept = registry.from_wire(format, Bytes::from(bytes.clone()), &RULES).unwrap();
            let mut out = Vec::new();
            registry.to_wire(&kept, &mut out);
            prop_assert_eq!(&out, &bytes);
            prop_assert_eq!(registry.wire_len(&kept), bytes.len());
        }
    }

    #[test]
    fn any_bytes_are_a_value_or_a_typed_error(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let registry = FormatRegistry::new();
        let sent = Bytes::from(bytes);
        match registry.from_wire(Format::JSON, sent.clone(), &RULES) {
            Ok(_) => prop_assert_eq!(sent[0], 0x15),
            Err(ValueError::Empty) => prop_assert!(sent.is_empty() || &sent[..] == b"\x15"),
            Err(ValueError::MissingFormatByte { found, .. }) => {
                prop_assert_eq!(found, Some(sent[0]));
                prop_assert_ne!(sent[0], 0x15);
            }
            Err(ValueError::Json(_)) => prop_assert_eq!(sent[0], 0x15),
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}

#[test]
fn bad_values_are_refused() {
    let registry = FormatRegistry::new();
    let error = registry
        .from_wire(Format::JSON, Bytes::from_static(b"{}"), &RULES)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "missing format byte 0x15 before a value of format json: found 0x7b"
    );
    assert_eq!(
        registry
            .from_wire(Format::JSON, Bytes::new(), &RULES)
            .unwrap_err(),
        ValueError::Empty
    );
    assert_eq!(
        registry
            .from_wire(Format::JSON, Bytes::from_static(b"\x15"), &RULES)
            .unwrap_err(),
        ValueError::Empty
    );
    assert_eq!(
        registry
            .from_wire(Format::JAVA, Bytes::new(), &RULES)
            .unwrap_err(),
        ValueError::Empty
    );
    let unknown = Format::from_id(9);
    assert_eq!(
        registry
            .from_wire(unknown, Bytes::from_static(b"x"), &RULES)
            .unwrap_err(),
        ValueError::UnknownFormat { format: unknown }
    );
    let short = RULES.with_limits(Limits::new().with_len_max(3));
    for format in [Format::JSON, Format::POF] {
        let error = registry.from_wire(format, wire("12345"), &short).unwrap_err();
        assert!(
            matches!(error, ValueError::Json(error) if matches!(error.kind, JsonErrorKind::TooLong { .. }))
        );
    }
}

#[test]
fn null_has_a_spelling_in_each_format() {
    let registry = FormatRegistry::new();
    for (format, spelled) in [
        (Format::JSON, &b"\x15null"[..]),
        (Format::POF, &b"\x15\x64"[..]),
        (Format::JAVA, &b"\0"[..]),
    ] {
        let null = registry.null(format).unwrap();
        assert!(registry.is_null(&null));
        let mut out = Vec::new();
        registry.to_wire(&null, &mut out);
        assert_eq!(out, spelled);
        let read = registry
            .from_wire(format, Bytes::copy_from_slice(spelled), &RULES)
            .unwrap();
        assert!(registry.is_null(&read));
        assert!(!registry.is_null(&Binary::new(format, Bytes::from_static(b"1"))));
    }
    let other = registry.intern("kryo").unwrap();
    assert!(registry.null(other).is_none());
    assert!(registry.is_null(&Binary::new(Format::JSON, Bytes::from_static(b" null "))));
}

#[test]
fn null_members_go_by_the_rules() {
    let registry = FormatRegistry::new();
    let sent = wire(r#"{"a":null,"b":[null]}"#);
    let dropped = registry.from_wire(Format::JSON, sent.clone(), &RULES).unwrap();
    assert_eq!(&dropped.bytes()[..], br#"{"b":[null]}"#);
    let kept = registry
        .from_wire(Format::JSON, sent, &RULES.with_nulls(NullMembers::Keep))
        .unwrap();
    assert_eq!(&kept.bytes()[..], br#"{"a":null,"b":[null]}"#);
}

#[test]
fn names_are_bounded_and_stable() {
    let registry = FormatRegistry::new();
    assert_eq!(registry.intern("json"), Ok(Format::JSON));
    assert_eq!(registry.intern("pof"), Ok(Format::POF));
    assert_eq!(registry.find("java"), Some(Format::JAVA));
    assert_eq!(registry.find("other"), None);
    assert_eq!(registry.intern(""), Err(FormatError::EmptyName));
    let long = "x".repeat(65);
    assert_eq!(
        registry.intern(&long),
        Err(FormatError::NameTooLong { len: 65, max: 64 })
    );
    registry.intern(&long[1..]).unwrap();
    for number in 4..FormatRegistry::NAMES_MAX {
        let format = registry.intern(&format!("f{number}")).unwrap();
        assert_eq!(usize::from(format.id()), number);
        assert_eq!(registry.name(format), Some(format!("f{number}").as_str()));
    }
    assert_eq!(
        registry.intern("one more"),
        Err(FormatError::TooManyNames { max: 64 })
    );
    assert_eq!(registry.intern("f5").map(Format::id), Ok(5));
}

#[test]
fn threads_agree_on_names() {
    let registry = FormatRegistry::new();
    let names: Vec<String> = (0..40).map(|number| format!("f{number}")).collect();
    let intern_all = || {
        names
            .iter()
            .map(|name| registry.intern(name).unwrap())
            .collect::<Vec<_>>()
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(intern_all)).collect();
        let formats: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert!(formats.windows(2).all(|pair| pair[0] == pair[1]));
        let mut distinct = formats[0].clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), names.len());
    });
}

#[test]
fn a_codec_can_be_added() {
    #[derive(Debug)]
    struct Digits;
    impl FormatCodec for Digits {
        fn name(&self) -> &'static str {
            "digits"
        }
        fn wire_prefix(&self) -> Option<u8> {
            Some(b'#')
        }
        fn null(&self) -> Option<&[u8]> {
            None
        }
        fn is_readable(&self) -> bool {
            true
        }
        fn check(&self, bytes: Bytes, _rules: &WireRules) -> Result<Bytes, ValueError> {
            if bytes.iter().all(u8::is_ascii_digit) {
                Ok(bytes)
            } else {
                Err(ValueError::Empty)
            }
        }
    }
    let registry = FormatRegistry::new();
    let format = registry.register(Arc::new(Digits)).unwrap();
    assert!(registry.is_readable(format) && registry.is_readable(Format::JSON));
    assert!(!registry.is_readable(Format::POF));
    assert_eq!(registry.intern("digits"), Ok(format));
    assert!(matches!(
        registry.register(Arc::new(Digits)),
        Err(FormatError::NameTaken { .. })
    ));
    let value = registry
        .from_wire(format, Bytes::from_static(b"#12"), &RULES)
        .unwrap();
    assert_eq!(&value.bytes()[..], b"12");
    assert_eq!(registry.wire_len(&value), 3);
    assert!(
        registry
            .from_wire(format, Bytes::from_static(b"12"), &RULES)
            .is_err()
    );
    assert!(
        registry
            .from_wire(format, Bytes::from_static(b"#x"), &RULES)
            .is_err()
    );
}

//! Keys and values of every shape.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;

use futures::TryStreamExt;
use serde::{Deserialize, Serialize};

use crate::cache::{Applied, CacheError};
use crate::event::EntryEventKind;

use super::wait::Heard;
use super::{Fixture, Item, NamedCache};

/// Puts each item as key and as value, and reads both back.
async fn round_trip<F: Fixture, T: Item + Debug + PartialEq>(fixture: &F, name: &str, items: &[T]) {
    let cache = fixture.open::<T, T>(name).await;
    for item in items {
        assert_eq!(
            cache.put(item, item).await.expect("put"),
            None,
            "{item:?} is the same key as another"
        );
    }
    assert_eq!(cache.size().await.expect("size"), items.len());
    for item in items {
        assert_eq!(cache.get(item).await.expect("get").as_ref(), Some(item));
        assert!(
            cache.contains_value(item).await.expect("contains_value"),
            "{item:?}"
        );
    }
    let entries: Vec<(T, T)> = cache.entries().try_collect().await.expect("entries");
    assert_eq!(entries.len(), items.len());
    for (key, value) in &entries {
        assert_eq!(key, value);
        assert!(items.contains(key), "{key:?} was never put");
    }
    for item in items {
        assert!(
            cache.remove_if_equal(item, item).await.expect("remove_if_equal"),
            "{item:?}"
        );
    }
    assert!(cache.is_empty().await.expect("is_empty"));
}

/// Texts come back as they went, the empty one too, and none is taken for another.
pub async fn texts_of_any_script<F: Fixture>(fixture: &F) {
    let texts = [
        "",
        " ",
        "\u{0}",
        "a",
        "A",
        "Ärger",
        "A\u{308}rger",
        "注文",
        "طلب",
        "🧾👨‍👩‍👧",
        "\u{10ffff}",
        "line\nbreak\r\ttab",
        "\"quoted\\\"",
        "</script>",
        "null",
        "1",
        "{\"a\":1}",
        "\u{2028}\u{feff}",
        "\u{15}",
    ];
    let texts = texts.map(str::to_owned);
    round_trip(fixture, "conformance-texts", &texts).await;
}

/// Integers up to the ends of 64 bits, signed and not.
pub async fn integers_to_their_limits<F: Fixture>(fixture: &F) {
    let signed = [
        i64::MIN,
        i64::MIN + 1,
        -(1 << 53) - 1,
        -1,
        0,
        1,
        (1 << 53) + 1,
        i64::MAX - 1,
        i64::MAX,
    ];
    round_trip(fixture, "conformance-signed", &signed).await;
    let unsigned = [0, 1, 1 << 63, (1 << 63) + 1, u64::MAX - 1, u64::MAX];
    round_trip(fixture, "conformance-unsigned", &unsigned).await;
}

/// Doubles come back to the last bit.
pub async fn doubles_to_their_limits<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, f64>("conformance-doubles").await;
    let doubles = [
        0.0,
        -0.0,
        1.0,
        -1.5,
        0.1,
        1.0 / 3.0,
        1e300,
        -1e-300,
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
        5e-324,
        9_007_199_254_740_993.0,
        f64::EPSILON,
    ];
    for (key, double) in (0..).zip(doubles) {
        cache.insert(&key, &double).await.expect("insert");
        let read = cache.get(&key).await.expect("get").expect("it was put");
        assert_eq!(
            read.to_bits(),
            double.to_bits(),
            "{double:?} came back as {read:?}"
        );
    }
}

/// JSON has no text for them, so they are refused and nothing is written.
pub async fn a_double_that_is_no_number_is_refused<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, f64>("conformance-not-finite").await;
    for double in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let error = cache
            .put(&1, &double)
            .await
            .expect_err("a double without a text is refused");
        assert!(matches!(error, CacheError::Value(_)), "{error:?}");
        assert_eq!(error.applied(), Applied::No);
    }
    assert!(cache.is_empty().await.expect("is_empty"));
}

/// A mebibyte is a value like any other, in answers and in events.
pub async fn a_large_value<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, String>("conformance-large").await;
    let (first, second) = (
        "0123456789abcdef".repeat(1 << 16),
        "fedcba9876543210".repeat(1 << 16),
    );
    let mut heard = Heard::new(fixture, cache.listen().await.expect("listen"));
    assert!(cache.put(&1, &first).await.expect("put").is_none());
    assert!(
        cache.get(&1).await.expect("get").as_ref() == Some(&first),
        "another value came back"
    );
    assert!(
        cache
            .replace_if_equal(&1, &first, &second)
            .await
            .expect("replace_if_equal")
    );
    assert!(
        cache.put(&1, &first).await.expect("put").as_ref() == Some(&second),
        "another value was there"
    );
    let events = [(None, &first), (Some(&first), &second), (Some(&second), &first)];
    for (old, new) in events {
        let event = heard.entry("the event of a large value").await;
        assert!(
            event.old.as_ref() == old && event.new.as_ref() == Some(new),
            "an event with other values"
        );
    }
}

#[derive(Clone, Serialize, Deserialize, Debug, PartialEq)]
enum Payment {
    Open,
    Card { holder: String, digits: [u8; 4] },
    Transfer(String, i64),
}

#[derive(Clone, Serialize, Deserialize, Debug, PartialEq)]
struct Nested {
    id: u64,
    lines: Vec<BTreeMap<String, f64>>,
    payments: Vec<Payment>,
    next: Option<Box<Nested>>,
    flag: bool,
    nothing: (),
    pair: (i8, char),
}

/// Structs in structs, lists, maps, variants and options.
pub async fn nested_values<F: Fixture>(fixture: &F) {
    let leaf = Nested {
        id: u64::MAX,
        lines: vec![],
        payments: vec![Payment::Open],
        next: Some(Box::new(Nested {
            id: 0,
            lines: vec![BTreeMap::new()],
            payments: vec![],
            next: None,
            flag: false,
            nothing: (),
            pair: (i8::MIN, 'é'),
        })),
        flag: true,
        nothing: (),
        pair: (i8::MAX, '"'),
    };
    let card = Payment::Card {
        holder: "Çelik".to_owned(),
        digits: [0, 1, 2, 255],
    };
    let value = Nested {
        id: 1,
        lines: vec![
            BTreeMap::from([("price".to_owned(), 9.5), (String::new(), -0.5)]),
            BTreeMap::new(),
        ],
        payments: vec![card, Payment::Open, Payment::Transfer("DE".to_owned(), i64::MIN)],
        next: Some(Box::new(leaf)),
        flag: false,
        nothing: (),
        pair: (0, '注'),
    };
    let cache = fixture.open::<u32, Nested>("conformance-nested").await;
    cache.put(&1, &value).await.expect("put");
    assert_eq!(cache.get(&1).await.expect("get"), Some(value.clone()));
    assert!(cache.contains_value(&value).await.expect("contains_value"));
    assert!(cache.remove_if_equal(&1, &value).await.expect("remove_if_equal"));
}

#[derive(Clone, Serialize, Deserialize, Debug, PartialEq, Eq, Hash)]
struct LineKey {
    order: u32,
    line: u32,
}

#[derive(Clone, Serialize, Deserialize, Debug, PartialEq, Eq, Hash)]
struct TurnedKey {
    line: u32,
    order: u32,
}

/// A struct is a key by its fields, in whatever order they are written; the first spelling is read by either type.
pub async fn struct_keys_in_any_field_order<F: Fixture>(fixture: &F) {
    let name = "conformance-struct-keys";
    let cache = fixture.open::<LineKey, u32>(name).await;
    let turned = fixture.open::<TurnedKey, u32>(name).await;
    let (key, same) = (LineKey { order: 1, line: 2 }, TurnedKey { line: 2, order: 1 });
    cache.put(&key, &10).await.expect("put");
    assert_eq!(turned.get(&same).await.expect("get"), Some(10));
    assert_eq!(
        turned.get(&TurnedKey { line: 1, order: 2 }).await.expect("get"),
        None
    );
    assert_eq!(turned.put(&same, &11).await.expect("put"), Some(10));
    assert_eq!(cache.size().await.expect("size"), 1);
    let found = cache.get_all([&key, &key]).await.expect("get_all");
    assert_eq!(found, HashMap::from([(key.clone(), 11)]));
    let keys: Vec<TurnedKey> = turned.keys().try_collect().await.expect("keys");
    assert_eq!(keys, std::slice::from_ref(&same));
    assert_eq!(turned.remove(&same).await.expect("remove"), Some(11));
    assert!(!cache.contains_key(&key).await.expect("contains_key"));
}

/// Null is a value: what the suite's page says of it.
pub async fn null_is_a_value<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, Option<u32>>("conformance-null").await;
    let mut heard = Heard::new(fixture, cache.listen().await.expect("listen"));
    assert_eq!(cache.put(&1, &None).await.expect("put").flatten(), None);
    assert!(cache.contains_key(&1).await.expect("contains_key"));
    assert_eq!(cache.size().await.expect("size"), 1);
    assert_eq!(cache.get(&1).await.expect("get"), Some(None));
    assert_eq!(
        cache.get_all(&[1, 2]).await.expect("get_all"),
        HashMap::from([(1, None)])
    );
    let entries: Vec<_> = cache.entries().try_collect().await.expect("entries");
    assert_eq!(entries, [(1, None)]);
    assert_eq!(
        cache.put(&1, &Some(1)).await.expect("put over null").flatten(),
        None
    );
    assert_eq!(cache.put(&1, &None).await.expect("put of null"), Some(Some(1)));
    assert_eq!(cache.remove(&1).await.expect("remove").flatten(), None);
    assert!(!cache.contains_key(&1).await.expect("contains_key"));
    assert_eq!(cache.get(&1).await.expect("get"), None);
    let expected = [
        (EntryEventKind::Insert, None, None),
        (EntryEventKind::Update, None, Some(1)),
        (EntryEventKind::Update, Some(1), None),
        (EntryEventKind::Delete, None, None),
    ];
    for expected in expected {
        let event = heard.entry("the events of null").await;
        assert_eq!((event.kind, event.old.flatten(), event.new.flatten()), expected);
    }
}

#[derive(Clone, Serialize, Deserialize, Debug, PartialEq)]
struct Contact {
    name: String,
    fax: Option<String>,
}

/// A member without a value is read, compared and replaced like any other, whether its null is kept or left out.
pub async fn absent_members<F: Fixture>(fixture: &F) {
    let cache = fixture.open::<u32, Contact>("conformance-absent-members").await;
    let without = Contact {
        name: "VINET".to_owned(),
        fax: None,
    };
    let with = Contact {
        fax: Some("26.47.15.11".to_owned()),
        ..without.clone()
    };
    cache.put(&1, &without).await.expect("put");
    assert_eq!(cache.get(&1).await.expect("get"), Some(without.clone()));
    assert!(cache.contains_value(&without).await.expect("contains_value"));
    assert!(!cache.contains_value(&with).await.expect("contains_value"));
    assert!(
        cache
            .replace_if_equal(&1, &without, &with)
            .await
            .expect("replace_if_equal")
    );
    assert!(
        cache
            .replace_if_equal(&1, &with, &without)
            .await
            .expect("replace_if_equal")
    );
    assert!(
        cache
            .remove_if_equal(&1, &without)
            .await
            .expect("remove_if_equal")
    );
}

/// The number 1 and the text "1" are two keys.
pub async fn keys_of_one_meaning_and_other_types<F: Fixture>(fixture: &F) {
    let name = "conformance-key-types";
    let numbers = fixture.open::<u32, u32>(name).await;
    let texts = fixture.open::<String, u32>(name).await;
    numbers.put(&1, &10).await.expect("put");
    texts.put(&"1".to_owned(), &20).await.expect("put");
    assert_eq!(numbers.get(&1).await.expect("get"), Some(10));
    assert_eq!(texts.get("1").await.expect("get"), Some(20));
    assert_eq!(numbers.size().await.expect("size"), 2);
}

/// A value of another type than the handle's is a typed error; the entry and the other operations are well.
pub async fn a_value_of_another_type_is_an_error<F: Fixture>(fixture: &F) {
    let name = "conformance-other-type";
    let texts = fixture.open::<u32, String>(name).await;
    let numbers = fixture.open::<u32, u32>(name).await;
    texts.put(&1, &"no number".to_owned()).await.expect("put");
    let error = numbers.get(&1).await.expect_err("a text is no number");
    assert!(matches!(error, CacheError::Value(_)), "{error:?}");
    assert!(numbers.contains_key(&1).await.expect("contains_key"));
    assert_eq!(texts.get(&1).await.expect("get"), Some("no number".to_owned()));
    numbers.insert(&1, &7).await.expect("insert");
    assert_eq!(numbers.get(&1).await.expect("get"), Some(7));
}

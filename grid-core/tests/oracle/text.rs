//! Texts: what values are as texts, and what patterns they match.

use serde_json::Value as Json;

use super::typed::Typed;

/// The text of a value, as Java has it.
pub(super) fn text(value: &Json) -> String {
    match Typed::of(value) {
        Typed::Null => "null".to_owned(),
        Typed::Bool(value) => value.to_string(),
        Typed::Int(number) => number.to_string(),
        Typed::Double(number) => java_double(number),
        Typed::Text(text) => text.to_owned(),
        // As they are spelled.
        Typed::Big(_) | Typed::Decimal(_) => match value["value"].as_str() {
            Some(text) => text.to_owned(),
            None => value.to_string(),
        },
        Typed::Array(elements) => {
            let texts: Vec<_> = elements.iter().map(text).collect();
            format!("[{}]", texts.join(", "))
        }
        Typed::Object(members) => {
            let member = |(name, value): (&String, &Json)| format!("{name}={}", text(value));
            let texts: Vec<_> = members.iter().map(member).collect();
            format!("JsonObject{{version=0, properties={{{}}}}}", texts.join(", "))
        }
    }
}

fn java_double(number: f64) -> String {
    if number == 0.0 || (1e-3..1e7).contains(&number.abs()) {
        return format!("{number:?}");
    }
    let text = format!("{number:e}");
    let (digits, exponent) = text.split_once('e').unwrap();
    let point = if digits.contains('.') { "" } else { ".0" };
    format!("{digits}{point}E{exponent}")
}

/// What SQL's LIKE means, unit by unit.
pub(super) fn like(text: &[u16], pattern: &[u16]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((percent, rest)) if *percent == u16::from(b'%') => {
            (0..=text.len()).any(|skipped| like(&text[skipped..], rest))
        }
        Some((first, rest)) => text
            .split_first()
            .is_some_and(|(unit, text)| (*first == u16::from(b'_') || first == unit) && like(text, rest)),
    }
}

/// Whether an expression of letters, points and stars matches a whole text.
pub(super) fn matches(text: &[char], pattern: &[char]) -> bool {
    const LINE_ENDS: [char; 5] = ['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'];
    let fits = |letter: char, character: char| {
        letter == character || (letter == '.' && !LINE_ENDS.contains(&character))
    };
    match pattern {
        [] => text.is_empty(),
        [letter, '*', rest @ ..] => {
            let most = text
                .iter()
                .take_while(|character| fits(*letter, **character))
                .count();
            (0..=most).any(|skipped| matches(&text[skipped..], rest))
        }
        [letter, rest @ ..] => match text {
            [first, text @ ..] => fits(*letter, *first) && matches(text, rest),
            [] => false,
        },
    }
}

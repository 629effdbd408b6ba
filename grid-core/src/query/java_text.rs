//! Values as texts, as the reference makes them when a pattern meets something that is no string.

use std::fmt::Write as _;

use super::parts::Members;
use super::{Datum, Elements, QueryError};
use crate::value::json::{self, MAX_DEPTH};
use crate::value::{JsonError, JsonErrorKind, decimal};

/// The text of a value: what Java's `String.valueOf` gives for what the reference makes of it.
///
/// # Errors
/// When the text of an array or object is not JSON, or a number is too long.
pub(crate) fn java_text(value: &Datum<'_>) -> Result<String, QueryError> {
    let mut out = String::new();
    write(value, 0, &mut out)?;
    Ok(out)
}

fn write(value: &Datum<'_>, depth: u8, out: &mut String) -> Result<(), QueryError> {
    if depth > MAX_DEPTH {
        let kind = JsonErrorKind::TooDeep { max: MAX_DEPTH };
        return Err(JsonError::new(0, kind).into());
    }
    match value {
        Datum::Null => out.push_str("null"),
        Datum::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Datum::Int(number) => {
            // Writing to a string cannot fail.
            let _ = write!(out, "{number}");
        }
        Datum::BigInt(number) => out.push_str(&decimal::big_int_text(number)?),
        Datum::Double(number) => out.push_str(&java_double(*number)),
        Datum::Decimal(number) => out.push_str(&decimal::decimal_text(number)?),
        Datum::Text(text) => out.push_str(text),
        Datum::Array(text) => {
            out.push('[');
            for (index, element) in Elements::new(text).enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                write(&Datum::read(element?)?, depth + 1, out)?;
            }
            out.push(']');
        }
        Datum::Object(text) => write_object(text, depth, out)?,
    }
    Ok(())
}

/// The reference keeps `@version` beside the members.
fn write_object(text: &[u8], depth: u8, out: &mut String) -> Result<(), QueryError> {
    let mut version = 0;
    let mut members = String::new();
    for member in Members::new(text) {
        let member = member?;
        let value = Datum::read(member.value)?;
        if let (true, Datum::Int(number)) = (member.is("@version"), &value) {
            version = *number;
            continue;
        }
        members.push_str(if members.is_empty() { "" } else { ", " });
        members.push_str(&json::decode(member.name)?);
        members.push('=');
        write(&value, depth + 1, &mut members)?;
    }
    let _ = write!(out, "JsonObject{{version={version}, properties={{{members}}}}}");
    Ok(())
}

/// A double as Java prints it: plainly from a thousandth to ten million, otherwise with an exponent.
pub(crate) fn java_double(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let size = number.abs();
    if size == 0.0 || (1e-3..1e7).contains(&size) {
        let text = number.to_string();
        return if text.contains('.') {
            text
        } else {
            format!("{text}.0")
        };
    }
    let text = format!("{number:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let point = if digits.contains('.') { "" } else { ".0" };
    format!("{digits}{point}E{exponent}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_printed_as_java_does() {
        for (json, text) in [
            ("1.5", "1.5"),
            ("1099511627776.0", "1.099511627776E12"),
            ("1e22", "1.0E22"),
            ("12345678.9", "1.23456789E7"),
            ("1e-10", "1.0E-10"),
            ("0.001", "0.001"),
            ("-0.0", "-0.0"),
            ("1e400", "Infinity"),
            (r#"[1,"x",null,[2]]"#, "[1, x, null, [2]]"),
            (
                r#"{"a":1,"o":{"c":null},"@version":3}"#,
                "JsonObject{version=3, properties={a=1, o=JsonObject{version=0, properties={c=null}}}}",
            ),
            (r#"{"@class":"math.BigDec","value":"1.50"}"#, "1.50"),
        ] {
            assert_eq!(
                java_text(&Datum::read(json.as_bytes()).unwrap()).unwrap(),
                text,
                "{json}"
            );
        }
    }

    #[test]
    fn depth_is_bounded() {
        let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
        assert!(java_text(&Datum::Array(deep.into())).is_err());
    }
}

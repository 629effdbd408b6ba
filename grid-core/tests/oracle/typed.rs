//! Values with their types, which are never equal to those of another type, and have no order with them.

use std::cmp::Ordering;
use std::str::FromStr;

use bigdecimal::BigDecimal;
use num_bigint::BigInt;
use serde_json::{Map, Value as Json};

/// A value with its type.
#[derive(Clone, Debug)]
pub(super) enum Typed<'v> {
    Null,
    Bool(bool),
    Int(i64),
    Big(BigInt),
    Double(f64),
    Decimal(BigDecimal),
    Text(&'v str),
    Array(&'v [Json]),
    Object(&'v Map<String, Json>),
}

impl<'v> Typed<'v> {
    pub(super) fn of(value: &'v Json) -> Self {
        match value {
            Json::Null => Typed::Null,
            Json::Bool(value) => Typed::Bool(*value),
            Json::String(text) => Typed::Text(text),
            Json::Array(elements) => Typed::Array(elements),
            Json::Number(number) => {
                let text = number.to_string();
                if let Ok(number) = text.parse() {
                    Typed::Int(number)
                } else if text.contains(['.', 'e', 'E']) {
                    Typed::Double(text.parse().unwrap())
                } else {
                    Typed::Big(text.parse().unwrap())
                }
            }
            Json::Object(members) => {
                let member = |name: &str| members.get(name).and_then(Json::as_str);
                match (members.len(), member("@class"), member("value")) {
                    (2, Some("math.BigInt"), Some(text)) => Typed::Big(text.parse().unwrap()),
                    (2, Some("math.BigDec"), Some(text)) => {
                        Typed::Decimal(BigDecimal::from_str(text).unwrap())
                    }
                    _ => Typed::Object(members),
                }
            }
        }
    }

    /// A number as it is exactly.
    pub(super) fn number(&self) -> Option<BigDecimal> {
        match self {
            Typed::Int(number) => Some(BigDecimal::from(*number)),
            Typed::Big(number) => Some(BigDecimal::from(number.clone())),
            Typed::Decimal(number) => Some(number.clone()),
            // Exact for those that are made here: quarters.
            Typed::Double(number) => Some(BigDecimal::from_str(&format!("{number}")).unwrap()),
            _ => None,
        }
    }
}

/// The order of two values that are not null.
pub(super) fn compare(left: &Json, right: &Json) -> Option<Ordering> {
    match (Typed::of(left), Typed::of(right)) {
        (Typed::Bool(left), Typed::Bool(right)) => Some(left.cmp(&right)),
        (Typed::Int(left), Typed::Int(right)) => Some(left.cmp(&right)),
        (Typed::Big(left), Typed::Big(right)) => Some(left.cmp(&right)),
        (Typed::Double(left), Typed::Double(right)) => Some(left.total_cmp(&right)),
        (Typed::Decimal(left), Typed::Decimal(right)) => Some(left.cmp(&right)),
        (Typed::Text(left), Typed::Text(right)) => Some(left.encode_utf16().cmp(right.encode_utf16())),
        _ => None,
    }
}

/// Whether two values are equal.
pub(super) fn same(left: &Json, right: &Json) -> bool {
    match (Typed::of(left), Typed::of(right)) {
        (Typed::Null, Typed::Null) => true,
        (Typed::Decimal(left), Typed::Decimal(right)) => {
            left.fractional_digit_count() == right.fractional_digit_count() && left == right
        }
        (Typed::Array(left), Typed::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Typed::Object(left), Typed::Object(right)) => {
            let member =
                |(name, left): (&String, &Json)| right.get(name).is_some_and(|right| same(left, right));
            left.len() == right.len() && left.iter().all(member)
        }
        _ => compare(left, right) == Some(Ordering::Equal),
    }
}

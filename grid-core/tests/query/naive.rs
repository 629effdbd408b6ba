//! Properties and equality as anyone would write them down, on values that were read as a whole.

use grid_core::value::Value;

/// A property of a value.
fn naive_property(value: &Value, name: &str) -> Option<Value> {
    match value {
        Value::Null => Some(Value::Null),
        Value::Object(object) => match (object.get(name), name) {
            (Some(member), _) => Some(member.clone()),
            (None, "size") => Some(Value::from(object.len())),
            (None, _) => Some(Value::Null),
        },
        Value::Array(elements) if name == "size" => Some(Value::from(elements.len())),
        _ => None,
    }
}

/// A property of a property; `None` where there is none.
pub(crate) fn naive_path(value: &Value, path: &[String]) -> Option<Value> {
    path.iter()
        .try_fold(value.clone(), |value, name| naive_property(&value, name))
}

/// Whether two values are equal.
pub(crate) fn naive_equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Decimal(left), Value::Decimal(right)) => {
            left.fractional_digit_count() == right.fractional_digit_count() && left == right
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| naive_equal(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(name, left)| right.get(name).is_some_and(|right| naive_equal(left, right)))
        }
        _ => left == right,
    }
}

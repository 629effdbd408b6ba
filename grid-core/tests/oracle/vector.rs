//! What vectors are, and how far they are from each other: those that are read here have few numbers, without rounding.

use serde_json::Value as Json;

/// The numbers of a vector, with the kind of it. Bits are numbers too, and have no end.
pub(super) fn vector(value: &Json) -> Option<(&'static str, Vec<f64>)> {
    let numbers = |array: &Json| {
        array
            .as_array()?
            .iter()
            .map(Json::as_f64)
            .collect::<Option<Vec<_>>>()
    };
    match value["@class"].as_str() {
        None => Some(("float", numbers(value)?)),
        Some("ai.Float32Vector") => Some(("float", numbers(&value["array"])?)),
        Some("ai.BitVector") => {
            let bits = value["bits"].as_str()?.strip_prefix("0x")?;
            let digits = (0..bits.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(bits.get(at..at + 2)?, 16).ok());
            let bytes: Vec<u8> = digits.collect::<Option<_>>()?;
            let mut numbers: Vec<_> = bytes
                .iter()
                .flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1))
                .collect();
            numbers.resize(64, 0);
            Some(("bit", numbers.into_iter().map(f64::from).collect()))
        }
        _ => None,
    }
}

/// The distance by an algorithm.
pub(super) fn distance(class: &str, left: &(&str, Vec<f64>), right: &(&str, Vec<f64>)) -> Option<f64> {
    if left.0 != right.0 || left.1.len() != right.1.len() {
        return None;
    }
    let sum = |term: &dyn Fn(f64, f64) -> f64| {
        let pairs = left.1.iter().zip(&right.1);
        pairs.map(|(left, right)| term(*left, *right)).sum::<f64>()
    };
    let product = sum(&|left, right| left * right);
    let squares = sum(&|left, _| left * left) * sum(&|_, right| right * right);
    match class.strip_prefix("ai.distance.")? {
        "CosineSimilarity" if squares == 0.0 => Some(1.0),
        "CosineSimilarity" => Some(1.0 - (product / squares.sqrt()).clamp(-1.0, 1.0)),
        "InnerProductSimilarity" => Some(1.0 - product),
        "L2SquaredDistance" => Some(sum(&|left, right| (left - right) * (left - right))),
        _ => None,
    }
}

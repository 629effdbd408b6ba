//! Decimals with two places.

use std::str::FromStr;

use bigdecimal::{BigDecimal, RoundingMode, ToPrimitive};

/// A text that is not a decimal, or one that is out of range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {what}")]
pub struct DecimalError {
    pub(super) text: String,
    pub(super) what: &'static str,
}

/// The hundredths in a decimal text, rounded half up: 980 in `9.80000019`.
///
/// The data was exported from single-precision floats, so that a price of 9.80 reads `9.80000019`. No amount in
/// it has more than two places, hence rounding restores each as it was.
pub(super) fn hundredths(text: &str) -> Option<i64> {
    plain(text).or_else(|| {
        let exact = BigDecimal::from_str(text).ok()?;
        // A huge exponent is refused here: rounding would write out all its zeros.
        let (_, scale) = exact.as_bigint_and_exponent();
        let rounded = (-18..=1_000)
            .contains(&scale)
            .then(|| exact.with_scale_round(2, RoundingMode::HalfUp))?;
        (rounded * BigDecimal::from(100)).to_i64()
    })
}

/// The common case, `digits[.digits]`, without a big decimal.
fn plain(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty()
        || whole.len() > 15
        || fraction.len() > 15
        || !is_digits(whole)
        || !is_digits(fraction)
    {
        return None;
    }
    let digit = |at: usize| {
        fraction
            .as_bytes()
            .get(at)
            .map_or(0, |byte| i64::from(byte - b'0'))
    };
    let cents = whole.parse::<i64>().ok()? * 100 + digit(0) * 10 + digit(1);
    Some(cents + i64::from(digit(2) >= 5))
}

/// Hundredths as a decimal without needless zeros: `14`, `9.8`, `0.05`.
pub(super) fn shortest(hundredths: i64) -> String {
    let sign = if hundredths < 0 { "-" } else { "" };
    let (whole, rest) = (hundredths.unsigned_abs() / 100, hundredths.unsigned_abs() % 100);
    match rest {
        0 => format!("{sign}{whole}"),
        rest if rest % 10 == 0 => format!("{sign}{whole}.{}", rest / 10),
        rest => format!("{sign}{whole}.{rest:02}"),
    }
}

/// Hundredths as a JSON number, exactly.
pub(super) fn to_number(hundredths: i64) -> Result<serde_json::Number, serde_json::Error> {
    if hundredths % 100 == 0 {
        return Ok((hundredths / 100).into());
    }
    serde_json::Number::from_str(&shortest(hundredths))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn float_noise_is_rounded_away() {
        for (text, expected) in [
            ("9.80000019", 980),
            ("7.69999981", 770),
            ("0.0199999996", 2),
            ("0.150000006", 15),
            ("14", 1400),
            ("263.5", 26350),
            ("-1.005", -101),
            ("1.005", 101),
            ("1.2e2", 12_000),
            ("9.8E-1", 98),
            ("0e5", 0),
        ] {
            assert_eq!(hundredths(text), Some(expected), "{text}");
        }
        for text in [
            "",
            ".",
            "x",
            "1.2.3",
            "1e400",
            "1e999999999",
            "1e-999999999",
            "99999999999999999999",
            "NaN",
        ] {
            assert_eq!(hundredths(text), None, "{text}");
        }
    }

    #[test]
    fn the_shortest_text_reads_back() {
        for cents in [0, 5, 10, 98, 100, 980, 1234, -5, -1400, 126_579_304] {
            assert_eq!(hundredths(&shortest(cents)), Some(cents));
            assert_eq!(to_number(cents).unwrap().to_string(), shortest(cents));
        }
        assert_eq!(shortest(980), "9.8");
    }
}

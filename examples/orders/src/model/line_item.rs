//! Order lines.

use std::fmt;
use std::str::FromStr;

use grid_core::repository::{Entity, Ref};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Amount, Discount, Money, OrderId, Product, ProductId};

/// A text that is not the key of an order line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not the key of an order line: order and product, as in 10248:11")]
pub struct LineKeyError {
    text: String,
}

/// The key of an order line: its order and its product. In JSON it is a text: `"10248:11"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineKey {
    /// The order that the line is of.
    pub order_id: OrderId,
    /// What was ordered.
    pub product_id: ProductId,
}

impl fmt::Display for LineKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.order_id, self.product_id)
    }
}

impl FromStr for LineKey {
    type Err = LineKeyError;

    fn from_str(text: &str) -> Result<Self, LineKeyError> {
        let key = || {
            let (order, product) = text.split_once(':')?;
            Some(LineKey {
                order_id: order.parse().ok()?,
                product_id: product.parse().ok()?,
            })
        };
        // Only the spelling that `Display` gives: two keys of one line would be two entries.
        key()
            .filter(|key| key.to_string() == text)
            .ok_or_else(|| LineKeyError {
                text: text.to_owned(),
            })
    }
}

impl Serialize for LineKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LineKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

/// Some of a product in an order. Key: [`LineKey`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the fields are the columns of the data, and say no more than their names"
)]
pub struct LineItem {
    pub order_id: OrderId,
    pub product_id: Ref<Product>,
    /// What one cost on the day of the order.
    pub unit_price: Money,
    pub quantity: u32,
    pub discount: Discount,
}

impl LineItem {
    /// Price times quantity less the discount, exactly.
    #[must_use]
    pub fn amount(&self) -> Amount {
        let paid_percent = i64::from(100 - self.discount.percent());
        let full = self.unit_price.cents().saturating_mul(self.quantity.into());
        Amount::from_ten_thousandths(full.saturating_mul(paid_percent))
    }
}

impl Entity for LineItem {
    type Key = LineKey;

    fn key(&self) -> LineKey {
        LineKey {
            order_id: self.order_id,
            product_id: *self.product_id.key(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_read_and_write_as_other_languages_do() {
        let text = r#"{"order_id":10250,"product_id":51,"unit_price":42.4000015,"quantity":35,"discount":0.150000006}"#;
        let line: LineItem = serde_json::from_str(text).unwrap();
        assert_eq!(line.amount(), Amount::from_ten_thousandths(12_614_000));
        let text = r#"{"order_id":10250,"product_id":51,"unit_price":42.4,"quantity":35,"discount":0.15}"#;
        assert_eq!(serde_json::to_string(&line).unwrap(), text);
        assert_eq!(serde_json::to_string(&line.key()).unwrap(), r#""10250:51""#);
        assert_eq!(
            serde_json::from_str::<LineKey>(r#""10250:51""#).unwrap(),
            line.key()
        );
        for text in ["10250", "10250:", "010250:51", "+1:2", "1:2:3", "a:b"] {
            assert!(text.parse::<LineKey>().is_err(), "{text}");
        }
        for discount in ["1.01", "-0.1", "x"] {
            assert!(discount.parse::<Discount>().is_err(), "{discount}");
        }
    }
}

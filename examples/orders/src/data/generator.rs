//! More orders of the same shape.

use grid_core::repository::Ref;

use crate::model::{Date, Discount, LineItem, Money, OrderId};

use super::random::Random;
use super::{Northwind, PlacedOrder};

/// The most that is ordered of one product, as in the data.
const QUANTITY_MAX: u32 = 60;
/// The discounts of the data; more than half of its lines have none.
const DISCOUNT_PERCENTS: [u8; 8] = [0, 0, 0, 0, 5, 10, 15, 20];
/// The highest freight, in cents.
const FREIGHT_CENTS_MAX: u32 = 15_000;

/// Orders without end, the same for the same seed. Customers and products are those of the data; so are the
/// countries, and how often each customer orders; dates go across the data's range.
///
/// It keeps nothing of what it made: a million orders need no more memory than one.
#[derive(Clone, Debug)]
pub struct OrderGenerator {
    random: Random,
    templates: Vec<PlacedOrder>,
    prices: Vec<(u32, Money)>,
    dates: Vec<Date>,
    next_id: OrderId,
}

impl OrderGenerator {
    /// Orders whose numbers come after those of the data.
    #[must_use]
    pub fn new(data: &Northwind, seed: u64) -> Self {
        let dates = || data.orders.iter().map(|placed| placed.order.order_date);
        let days = dates().min().zip(dates().max());
        let dates = days.map_or(Vec::new(), |(first, last)| {
            std::iter::successors(Some(first), |date| {
                Some(date.plus_days(1)).filter(|next| *next <= last)
            })
            .collect()
        });
        OrderGenerator {
            random: Random::from_seed(seed),
            templates: data.orders.clone(),
            prices: data
                .products
                .iter()
                .map(|product| (product.product_id, product.unit_price))
                .collect(),
            dates,
            next_id: data
                .orders
                .iter()
                .map(|placed| placed.order.order_id)
                .max()
                .map_or(1, |id| id + 1),
        }
    }

    fn line(&mut self, order_id: OrderId, lines: &[LineItem]) -> Option<LineItem> {
        let (product, unit_price) = *self.random.choose(&self.prices)?;
        let product_id = Ref::to(product);
        // A product is on one line of an order at most; the line that would be its second is left out.
        if lines.iter().any(|line| line.product_id == product_id) {
            return None;
        }
        let percent = self.random.choose(&DISCOUNT_PERCENTS).copied().unwrap_or(0);
        let discount = Discount::from_percent(percent).unwrap_or_default();
        Some(LineItem {
            order_id,
            product_id,
            unit_price,
            quantity: 1 + self.random.below(QUANTITY_MAX),
            discount,
        })
    }
}

impl Iterator for OrderGenerator {
    type Item = PlacedOrder;

    /// The next order; none after the highest number, or from data without orders.
    fn next(&mut self) -> Option<PlacedOrder> {
        let order_id = self.next_id;
        self.next_id = order_id.checked_add(1)?;
        let PlacedOrder {
            mut order,
            lines: template_lines,
        } = self.random.choose(&self.templates)?.clone();
        order.order_id = order_id;
        order.order_date = *self.random.choose(&self.dates)?;
        order.required_date = order.order_date.plus_days(28);
        let days = 1 + self.random.below(20);
        order.shipped_date = order.shipped_date.map(|_| order.order_date.plus_days(days));
        order.freight = Money::from_cents(self.random.below(FREIGHT_CENTS_MAX).into());
        let mut lines = Vec::with_capacity(template_lines.len());
        for _ in &template_lines {
            let line = self.line(order_id, &lines);
            lines.extend(line);
        }
        Some(PlacedOrder { order, lines }.with_references())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::LineKey;

    #[test]
    fn the_same_seed_gives_the_same_orders() {
        let data = Northwind::read().unwrap();
        let orders: Vec<_> = OrderGenerator::new(&data, 7).take(2_000).collect();
        assert!(
            OrderGenerator::new(&data, 7)
                .take(2_000)
                .eq(orders.iter().cloned())
        );
        assert!(
            !OrderGenerator::new(&data, 8)
                .take(2_000)
                .eq(orders.iter().cloned())
        );
        let (first, last) = ("1996-07-04".parse().unwrap(), "1998-05-06".parse().unwrap());
        for (placed, id) in orders.iter().zip(11_078..) {
            assert_eq!(placed.order.order_id, id);
            assert!(!placed.lines.is_empty());
            let date: Date = placed.order.order_date;
            assert!(date >= first && date <= last && placed.order.required_date > date);
            let keys: Vec<LineKey> = placed.order.lines.iter().map(|line| *line.key()).collect();
            assert!(keys.is_sorted() && keys.iter().all(|key| key.order_id == id));
        }
        let lines: usize = orders.iter().map(|placed| placed.lines.len()).sum();
        assert!(
            (4_500..5_800).contains(&lines),
            "{lines} lines: the data has 2.6 an order"
        );
    }
}

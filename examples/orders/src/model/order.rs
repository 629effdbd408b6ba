//! Orders.

use grid_core::repository::{Entity, Ref};
use serde::{Deserialize, Serialize};

use super::{Customer, Date, LineItem, Money};

/// The number of an order.
pub type OrderId = u32;

/// An order of a customer. Key: `order_id`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the fields are the columns of the data, and say no more than their names"
)]
pub struct Order {
    pub order_id: OrderId,
    pub customer_id: Ref<Customer>,
    pub employee_id: u32,
    pub order_date: Date,
    pub required_date: Date,
    pub shipped_date: Option<Date>,
    pub ship_via: u32,
    pub freight: Money,
    pub ship_name: String,
    pub ship_address: String,
    pub ship_city: String,
    pub ship_region: Option<String>,
    pub ship_postal_code: Option<String>,
    pub ship_country: String,
    /// What was ordered, by product number.
    #[serde(default)]
    pub lines: Vec<Ref<LineItem>>,
}

impl Entity for Order {
    type Key = OrderId;

    fn key(&self) -> OrderId {
        self.order_id
    }
}

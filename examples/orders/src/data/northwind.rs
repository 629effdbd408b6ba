//! The Northwind data, which the program carries with it.

use std::collections::BTreeMap;

use grid_core::repository::Ref;
use serde::de::DeserializeOwned;

use crate::model::{Customer, LineItem, Order, OrderId, Product};

/// A file of the data that is not what its columns say.
#[derive(Debug, thiserror::Error)]
#[error("the data file {file} is not right: {reason}")]
pub struct DataError {
    file: &'static str,
    reason: String,
}

/// An order with its lines.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedOrder {
    /// The order, which refers to its lines.
    pub order: Order,
    /// The lines, by product number.
    pub lines: Vec<LineItem>,
}

/// Customers, products and orders of a food importer, 1996 to 1998.
#[derive(Clone, Debug)]
pub struct Northwind {
    /// 91 customers.
    pub customers: Vec<Customer>,
    /// 77 products.
    pub products: Vec<Product>,
    /// 830 orders by number, with 2,155 lines.
    pub orders: Vec<PlacedOrder>,
}

fn rows<V: DeserializeOwned>(file: &'static str, text: &str) -> Result<Vec<V>, DataError> {
    // An empty field is NULL, which the reader makes `None`.
    let rows: Result<Vec<V>, csv::Error> = csv::Reader::from_reader(text.as_bytes())
        .into_deserialize()
        .collect();
    rows.map_err(|error| DataError {
        file,
        reason: error.to_string(),
    })
}

impl Northwind {
    /// Reads the data. Prices, discounts and freight are rounded to two places, which undoes the noise of the
    /// floats that they were exported from.
    ///
    /// # Errors
    /// When a file has other columns or values, or a line is of no order.
    pub fn read() -> Result<Self, DataError> {
        let customers = rows(
            "customers.csv",
            include_str!("../../data/northwind/customers.csv"),
        )?;
        let products = rows("products.csv", include_str!("../../data/northwind/products.csv"))?;
        let orders: Vec<Order> = rows("orders.csv", include_str!("../../data/northwind/orders.csv"))?;
        let lines: Vec<LineItem> = rows(
            "order_details.csv",
            include_str!("../../data/northwind/order_details.csv"),
        )?;
        let mut orders: BTreeMap<OrderId, PlacedOrder> = orders
            .into_iter()
            .map(|order| {
                (
                    order.order_id,
                    PlacedOrder {
                        order,
                        lines: Vec::new(),
                    },
                )
            })
            .collect();
        for line in lines {
            let placed = orders.get_mut(&line.order_id).ok_or_else(|| DataError {
                file: "order_details.csv",
                reason: format!("there is no order {}", line.order_id),
            })?;
            placed.lines.push(line);
        }
        let orders = orders.into_values().map(PlacedOrder::with_references).collect();
        Ok(Northwind {
            customers,
            products,
            orders,
        })
    }
}

impl PlacedOrder {
    /// The same with the lines by product number, and the order's references to them.
    #[must_use]
    pub fn with_references(mut self) -> Self {
        self.lines.sort_by_key(|line| *line.product_id.key());
        self.order.lines = self.lines.iter().map(Ref::of).collect();
        self
    }
}

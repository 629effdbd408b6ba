//! Products.

use grid_core::repository::Entity;
use serde::{Deserialize, Serialize};

use super::Money;

/// The number of a product.
pub type ProductId = u32;

/// Something that is sold. Key: `product_id`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the fields are the columns of the data, and say no more than their names"
)]
pub struct Product {
    pub product_id: ProductId,
    pub product_name: String,
    pub supplier_id: u32,
    pub category_id: u32,
    pub quantity_per_unit: String,
    pub unit_price: Money,
    pub units_in_stock: u32,
    pub units_on_order: u32,
    pub reorder_level: u32,
    /// 1 when it is no longer sold, else 0.
    pub discontinued: u8,
}

impl Entity for Product {
    type Key = ProductId;

    fn key(&self) -> ProductId {
        self.product_id
    }
}

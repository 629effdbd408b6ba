//! Customers.

use grid_core::repository::Entity;
use serde::{Deserialize, Serialize};

/// Someone who orders. Key: the five letters of `customer_id`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the fields are the columns of the data, and say no more than their names"
)]
pub struct Customer {
    pub customer_id: String,
    pub company_name: String,
    pub contact_name: String,
    pub contact_title: String,
    pub address: String,
    pub city: String,
    pub region: Option<String>,
    pub postal_code: Option<String>,
    pub country: String,
    pub phone: String,
    pub fax: Option<String>,
}

impl Entity for Customer {
    type Key = String;

    fn key(&self) -> String {
        self.customer_id.clone()
    }
}

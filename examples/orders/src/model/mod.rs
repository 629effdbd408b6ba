//! Transfer objects: what the caches hold, as programs in every language see it.

mod amount;
mod customer;
mod date;
mod discount;
mod hundredths;
mod line_item;
mod money;
mod order;
mod product;

pub use amount::{Amount, separated};
pub use customer::Customer;
pub use date::{Date, DateError, Month};
pub use discount::Discount;
pub use hundredths::DecimalError;
pub use line_item::{LineItem, LineKey, LineKeyError};
pub use money::Money;
pub use order::{Order, OrderId};
pub use product::{Product, ProductId};

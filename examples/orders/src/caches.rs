//! The four caches.

use grid_client::Session;
use grid_core::cache::{Cache, CacheError, NamedCache};
use grid_member::Grid;

use crate::model::{Customer, LineItem, LineKey, Order, OrderId, Product, ProductId};

/// The caches of the application, of any grid.
#[derive(Clone, Debug)]
pub struct Caches {
    /// Customers by their five letters.
    pub customers: Cache<String, Customer>,
    /// Orders by number.
    pub orders: Cache<OrderId, Order>,
    /// Order lines by order and product.
    pub lines: Cache<LineKey, LineItem>,
    /// Products by number.
    pub products: Cache<ProductId, Product>,
}

impl Caches {
    /// The name of the customers' cache.
    pub const CUSTOMERS: &'static str = "customers";
    /// The name of the orders' cache.
    pub const ORDERS: &'static str = "orders";
    /// The name of the order lines' cache.
    pub const LINES: &'static str = "orderlineitems";
    /// The name of the products' cache.
    pub const PRODUCTS: &'static str = "products";

    /// The caches of a grid in this process.
    ///
    /// # Errors
    /// When the grid is shutting down.
    pub async fn of_grid(grid: &Grid) -> Result<Self, CacheError> {
        Ok(Caches {
            customers: grid.cache(Caches::CUSTOMERS).await?,
            orders: grid.cache(Caches::ORDERS).await?,
            lines: grid.cache(Caches::LINES).await?,
            products: grid.cache(Caches::PRODUCTS).await?,
        })
    }

    /// The caches of a server.
    ///
    /// # Errors
    /// When the server does not answer, or the session is closed.
    pub async fn of_session(session: &Session) -> Result<Self, CacheError> {
        Ok(Caches {
            customers: session.cache(Caches::CUSTOMERS).await?,
            orders: session.cache(Caches::ORDERS).await?,
            lines: session.cache(Caches::LINES).await?,
            products: session.cache(Caches::PRODUCTS).await?,
        })
    }

    /// Empties them of what an earlier run left on a server.
    ///
    /// # Errors
    /// When a cache fails.
    pub async fn truncate(&self) -> Result<(), CacheError> {
        self.customers.truncate().await?;
        self.orders.truncate().await?;
        self.lines.truncate().await?;
        self.products.truncate().await
    }
}

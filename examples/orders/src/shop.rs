//! The shop: its repositories, and what it does with them.

use std::collections::HashMap;

use futures::future::try_join;
use grid_core::cache::CacheError;
use grid_core::repository::{Entity, Ref, Repository, RepositoryError, RepositoryStatistics};

use crate::caches::Caches;
use crate::data::PlacedOrder;
use crate::database::{Database, DatabaseError, SqlStore};
use crate::model::{Amount, Customer, LineItem, LineKey, Order, OrderId, Product, ProductId};

/// A repository of the shop.
pub type ShopRepository<V> = Repository<V, SqlStore<V>>;

/// Why the shop could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShopError {
    /// A repository failed.
    #[error(transparent)]
    Repository(#[from] RepositoryError<DatabaseError>),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A cache failed.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// There is no such order.
    #[error("there is no order {0}")]
    NoOrder(OrderId),
    /// There is no such line.
    #[error("there is no order line {0}")]
    NoLine(LineKey),
    /// An order refers to a customer that there is not.
    #[error("order {order} is of the customer {customer:?}, who is neither in the cache nor in the database")]
    NoCustomer {
        /// The order.
        order: OrderId,
        /// The customer's key.
        customer: String,
    },
}

/// An order with everything that it refers to.
#[derive(Clone, Debug)]
pub struct OrderView {
    /// The order.
    pub order: Order,
    /// Who ordered.
    pub customer: Customer,
    /// What was ordered, in the order's order.
    pub lines: Vec<LineItem>,
    /// The products of the lines.
    pub products: HashMap<ProductId, Product>,
}

impl OrderView {
    /// The sum of the lines.
    #[must_use]
    pub fn total(&self) -> Amount {
        self.lines.iter().map(LineItem::amount).sum()
    }
}

/// Customers, orders, lines and products, each in a cache over the database.
#[derive(Clone, Debug)]
pub struct Shop {
    /// The database, to look past the caches.
    pub database: Database,
    /// Customers.
    pub customers: ShopRepository<Customer>,
    /// Orders.
    pub orders: ShopRepository<Order>,
    /// Order lines.
    pub lines: ShopRepository<LineItem>,
    /// Products.
    pub products: ShopRepository<Product>,
}

impl Shop {
    /// A shop over these caches and this database.
    #[must_use]
    pub fn new(caches: Caches, database: Database) -> Self {
        Shop {
            customers: Repository::with_store(caches.customers, SqlStore::new(database.clone())),
            orders: Repository::with_store(caches.orders, SqlStore::new(database.clone())),
            lines: Repository::with_store(caches.lines, SqlStore::new(database.clone())),
            products: Repository::with_store(caches.products, SqlStore::new(database.clone())),
            database,
        }
    }

    /// The statistics of the four repositories, by the names of their caches.
    #[must_use]
    pub fn statistics(&self) -> [(&'static str, RepositoryStatistics); 4] {
        [
            (Caches::CUSTOMERS, self.customers.statistics()),
            (Caches::ORDERS, self.orders.statistics()),
            (Caches::LINES, self.lines.statistics()),
            (Caches::PRODUCTS, self.products.statistics()),
        ]
    }

    /// How many requests were made to the four caches.
    #[must_use]
    pub fn cache_requests(&self) -> u64 {
        self.statistics()
            .iter()
            .map(|(_, statistics)| statistics.cache_requests)
            .sum()
    }

    /// An order with everything that it refers to. When all is cached, that is four requests: a get of the order,
    /// a get of its customer, a get-all of its lines, a get-all of their products.
    ///
    /// # Errors
    /// When there is no such order, or a cache or the database fails.
    pub async fn view(&self, order_id: OrderId) -> Result<OrderView, ShopError> {
        let order = self
            .orders
            .find(&order_id)
            .await?
            .ok_or(ShopError::NoOrder(order_id))?;
        let (customer, lines) = try_join(
            self.customers.resolve(&order.customer_id),
            self.lines.resolve_all(&order.lines),
        )
        .await?;
        let customer = customer.ok_or_else(|| ShopError::NoCustomer {
            order: order_id,
            customer: order.customer_id.key().clone(),
        })?;
        let products = self
            .products
            .resolve_all(lines.iter().map(|line| &line.product_id))
            .await?;
        let products = products
            .into_iter()
            .map(|product| (product.product_id, product))
            .collect();
        Ok(OrderView {
            order,
            customer,
            lines,
            products,
        })
    }

    /// Places an order: all of it, or nothing.
    ///
    /// # Errors
    /// When the database refuses the order or a line, or a cache fails. What was saved of it is then deleted.
    pub async fn place(&self, placed: PlacedOrder) -> Result<OrderId, ShopError> {
        let PlacedOrder { order, lines } = placed.with_references();
        self.orders.save(&order).await?;
        let keys: Vec<LineKey> = lines.iter().map(Entity::key).collect();
        if let Err(error) = self.lines.save_all(lines).await {
            self.withdraw(order.order_id, &keys).await?;
            return Err(error.into());
        }
        Ok(order.order_id)
    }

    /// Orders another quantity on a line.
    ///
    /// # Errors
    /// When there is no such line, the database refuses, or a cache fails.
    pub async fn change_quantity(&self, key: LineKey, quantity: u32) -> Result<(), ShopError> {
        let mut line = self.lines.find(&key).await?.ok_or(ShopError::NoLine(key))?;
        line.quantity = quantity;
        Ok(self.lines.save(&line).await?)
    }

    /// Changes an order's own fields: `change` gets it and leaves its number as it is.
    ///
    /// # Errors
    /// When there is no such order, the database refuses, or a cache fails.
    pub async fn change_order(
        &self,
        order_id: OrderId,
        change: impl FnOnce(&mut Order),
    ) -> Result<(), ShopError> {
        let mut order = self
            .orders
            .find(&order_id)
            .await?
            .ok_or(ShopError::NoOrder(order_id))?;
        change(&mut order);
        order.order_id = order_id;
        Ok(self.orders.save(&order).await?)
    }

    /// Cancels an order with its lines.
    ///
    /// # Errors
    /// When there is no such order, the database refuses, or a cache fails.
    pub async fn cancel(&self, order_id: OrderId) -> Result<(), ShopError> {
        let order = self
            .orders
            .find(&order_id)
            .await?
            .ok_or(ShopError::NoOrder(order_id))?;
        let keys: Vec<LineKey> = order.lines.iter().map(Ref::key).copied().collect();
        self.withdraw(order_id, &keys).await
    }

    /// Deletes an order and its lines. The database deletes the lines with the order, at once or not at all; what
    /// is left is to remove them from their cache.
    async fn withdraw(&self, order_id: OrderId, lines: &[LineKey]) -> Result<(), ShopError> {
        self.orders.delete(&order_id).await?;
        for key in lines {
            self.lines.delete(key).await?;
        }
        Ok(())
    }
}

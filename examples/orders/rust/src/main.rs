//! Looks orders up in the caches of the orders example and prints each with its lines and total.
//!
//! usage: `orders-lookups [ORDER_ID...]` (10248 10249 10250 when none is given)
//!
//! `GRID_ADDRESS` names the server (127.0.0.1:1408). An order that is not in the caches yet is loaded, with its
//! customer, lines and products, from `../sample.json`; one that is there is used as it is.
#![expect(clippy::print_stdout, reason = "printing is what this program is for")]

use std::collections::HashMap;

use anyhow::{Context, Result, bail};
use grid_client::Session;
use grid_core::cache::{Cache, NamedCache};
use serde::{Deserialize, Serialize};

const SAMPLE: &str = include_str!("../../sample.json");

#[derive(Serialize, Deserialize)]
struct Customer {
    customer_id: String,
    company_name: String,
    city: String,
    country: String,
    #[serde(flatten)]
    rest: HashMap<String, serde_json::Value>,
}

#[derive(Serialize, Deserialize)]
struct Order {
    order_id: u32,
    customer_id: String,
    order_date: String,
    lines: Vec<String>,
    #[serde(flatten)]
    rest: HashMap<String, serde_json::Value>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    order_id: u32,
    product_id: u32,
    unit_price: f64,
    quantity: u32,
    discount: f64,
}

impl Line {
    fn key(&self) -> String {
        format!("{}:{}", self.order_id, self.product_id)
    }
}

#[derive(Serialize, Deserialize)]
struct Product {
    product_id: u32,
    product_name: String,
    #[serde(flatten)]
    rest: HashMap<String, serde_json::Value>,
}

#[derive(Deserialize)]
struct Sample {
    customers: Vec<Customer>,
    orders: Vec<Order>,
    orderlineitems: Vec<Line>,
    products: Vec<Product>,
}

struct Caches {
    customers: Cache<String, Customer>,
    orders: Cache<u32, Order>,
    lines: Cache<String, Line>,
    products: Cache<u32, Product>,
}

/// Cents are rounded half up, which every language of this example can do alike.
fn money(amount: f64) -> String {
    format!("{:.2}", (amount * 100.0 + 0.5).floor() / 100.0)
}

async fn load(caches: &Caches, order_id: u32) -> Result<Order> {
    let sample: Sample = serde_json::from_str(SAMPLE)?;
    let Some(order) = sample.orders.into_iter().find(|order| order.order_id == order_id) else {
        bail!("order {order_id} is neither in the cache nor in sample.json; load it first");
    };
    let lines: HashMap<String, Line> = sample
        .orderlineitems
        .into_iter()
        .filter(|line| line.order_id == order_id)
        .map(|line| (line.key(), line))
        .collect();
    let wanted = |product: &&Product| lines.values().any(|line| line.product_id == product.product_id);
    let products = sample.products.iter().filter(wanted);
    caches
        .products
        .put_all(products.map(|product| (&product.product_id, product)))
        .await?;
    let customers = sample
        .customers
        .iter()
        .filter(|customer| customer.customer_id == order.customer_id);
    caches
        .customers
        .put_all(customers.map(|customer| (&customer.customer_id, customer)))
        .await?;
    caches.lines.put_all(&lines).await?;
    // The order goes last: whoever finds it finds what it refers to.
    caches.orders.insert(&order_id, &order).await?;
    Ok(order)
}

async fn show(caches: &Caches, order_id: u32) -> Result<()> {
    let order = match caches.orders.get(&order_id).await? {
        Some(order) => order,
        None => load(caches, order_id).await?,
    };
    let customer = caches
        .customers
        .get(&order.customer_id)
        .await?
        .context("the order's customer is not there")?;
    let lines = caches.lines.get_all(&order.lines).await?;
    let products = caches
        .products
        .get_all(lines.values().map(|line| &line.product_id))
        .await?;

    println!("order {order_id} of {}", order.order_date);
    let Customer {
        customer_id,
        company_name,
        city,
        country,
        ..
    } = customer;
    println!("customer {customer_id}: {company_name}, {city}, {country}");
    let mut total = 0.0;
    for key in &order.lines {
        let line = lines.get(key).context("a line of the order is not there")?;
        let product = products
            .get(&line.product_id)
            .context("a product of the order is not there")?;
        let amount = line.unit_price * f64::from(line.quantity) * (1.0 - line.discount);
        total += amount;
        let (name, price) = (&product.product_name, money(line.unit_price));
        println!("  {key} {name}: {} x {price} = {}", line.quantity, money(amount));
    }
    println!("{} lines, total {}", lines.len(), money(total));
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut orders = std::env::args()
        .skip(1)
        .map(|id| id.parse())
        .collect::<Result<Vec<u32>, _>>()?;
    if orders.is_empty() {
        orders = vec![10248, 10249, 10250];
    }
    let session = Session::from_env().await?;
    let caches = Caches {
        customers: session.cache("customers").await?,
        orders: session.cache("orders").await?,
        lines: session.cache("orderlineitems").await?,
        products: session.cache("products").await?,
    };
    for order_id in orders {
        show(&caches, order_id).await?;
    }
    session.close().await;
    Ok(())
}

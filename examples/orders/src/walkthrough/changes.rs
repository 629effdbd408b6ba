//! Placing, changing and cancelling an order.

use std::io::Write;

use anyhow::{Context, ensure};
use grid_core::repository::{EntityStore, Ref};

use crate::data::PlacedOrder;
use crate::model::{Customer, Date, Discount, LineItem, LineKey, Money, Order, OrderId, Product, ProductId};
use crate::screen::Screen;
use crate::shop::{Shop, ShopError};

use super::Journal;

/// What is ordered: product, price in cents, quantity, discount in percent.
const BASKET: [(ProductId, i64, u32, u8); 3] = [(11, 2_100, 10, 0), (42, 1_400, 5, 10), (72, 3_480, 8, 0)];

/// How many events the changes make: an order and three lines inserted, an order and a line updated, an order and
/// three lines deleted.
pub const CHANGE_EVENTS: usize = 4 + 2 + 4;

/// Places an order, changes and cancels it, and tries one that the database refuses. After each step it shows the
/// events that the listener heard, and what the database then has.
///
/// # Errors
/// When a step fails, or database and cache do not have what they should.
pub async fn show_changes<W: Write>(shop: &Shop, screen: &mut Screen<W>) -> anyhow::Result<Journal> {
    let contents = shop.database.contents().await?;
    let (_, last_id) = contents
        .order_ids
        .context("there are no orders; load some first")?;
    let order_id = last_id.checked_add(1).context("order numbers ran out")?;
    let date = contents
        .last_order_date
        .context("the last order has no date")?
        .plus_days(1);
    let customer = shop
        .customers
        .find(&"ALFKI".to_owned())
        .await?
        .context("the customer ALFKI is gone")?;
    let mut journal = Journal::start(shop, order_id).await?;

    screen.line(format_args!(
        "place order {order_id} for {}: {} lines",
        customer.company_name,
        BASKET.len()
    ))?;
    shop.place(basket(order_id, &customer, date)?).await?;
    journal.show(1, BASKET.len(), screen).await?;
    show_rows(shop, order_id, screen).await?;

    let line = LineKey {
        order_id,
        product_id: BASKET[0].0,
    };
    screen.line(format_args!(
        "change it: ship by 2 instead of 1, and 25 instead of 10 on line {line}"
    ))?;
    shop.change_order(order_id, |order| order.ship_via = 2).await?;
    shop.change_quantity(line, 25).await?;
    journal.show(1, 1, screen).await?;
    show_rows(shop, order_id, screen).await?;

    screen.line(format_args!(
        "set line {line} to a quantity of 0, which the schema forbids"
    ))?;
    show_refusal(shop.change_quantity(line, 0).await, screen)?;
    let cached = shop.lines.find(&line).await?.map(|line| line.quantity);
    let stored = shop.lines.store().load(&line).await?.map(|line| line.quantity);
    ensure!(
        cached == stored && cached == Some(25),
        "the cache has {cached:?} and the database {stored:?}"
    );
    screen.line("  cache and database both have 25 still")?;

    screen.line(format_args!("cancel order {order_id}"))?;
    shop.cancel(order_id).await?;
    journal.show(1, BASKET.len(), screen).await?;
    show_rows(shop, order_id, screen).await?;
    Ok(journal)
}

fn basket(order_id: OrderId, customer: &Customer, date: Date) -> anyhow::Result<PlacedOrder> {
    let order = Order {
        order_id,
        customer_id: Ref::of(customer),
        employee_id: 5,
        order_date: date,
        required_date: date.plus_days(28),
        shipped_date: None,
        ship_via: 1,
        freight: Money::from_cents(3_238),
        ship_name: customer.company_name.clone(),
        ship_address: customer.address.clone(),
        ship_city: customer.city.clone(),
        ship_region: customer.region.clone(),
        ship_postal_code: customer.postal_code.clone(),
        ship_country: customer.country.clone(),
        lines: Vec::new(),
    };
    let line = |(product_id, cents, quantity, percent)| {
        let discount = Discount::from_percent(percent).context("a discount above 100 %")?;
        let product_id: Ref<Product> = Ref::to(product_id);
        Ok(LineItem {
            order_id,
            product_id,
            unit_price: Money::from_cents(cents),
            quantity,
            discount,
        })
    };
    let lines = BASKET.into_iter().map(line).collect::<anyhow::Result<_>>()?;
    Ok(PlacedOrder { order, lines })
}

/// Shows what the database has of an order, past the caches.
async fn show_rows<W: Write>(shop: &Shop, order_id: OrderId, screen: &mut Screen<W>) -> anyhow::Result<()> {
    let Some(order) = shop.orders.store().load(&order_id).await? else {
        let query = "SELECT count(*) FROM order_lines WHERE order_id = ?1";
        let job = move |connection: &rusqlite::Connection| {
            Ok(connection.query_row(query, [order_id], |row| row.get::<_, u32>(0))?)
        };
        let lines = shop.database.run(job).await?;
        return Ok(screen.line(format_args!("  SQLite  no order {order_id}, {lines} lines of it"))?);
    };
    let keys: Vec<LineKey> = order.lines.iter().map(Ref::key).copied().collect();
    let lines = shop.lines.store().load_all(&keys).await?;
    let quantities: Vec<String> = lines
        .iter()
        .map(|line| format!("{} × product {}", line.quantity, line.product_id.key()))
        .collect();
    let total: crate::model::Amount = lines.iter().map(LineItem::amount).sum();
    Ok(screen.line(format_args!(
        "  SQLite  order {order_id}, ship_via {}: {}; total {total}",
        order.ship_via,
        quantities.join(", "),
    ))?)
}

fn show_refusal<W: Write>(result: Result<(), ShopError>, screen: &mut Screen<W>) -> anyhow::Result<()> {
    let refusal = result.err().context("the database took what it should refuse")?;
    Ok(screen.line(format_args!("  refused {refusal}"))?)
}

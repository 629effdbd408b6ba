//! Looking an order up.

use std::io::Write;

use comfy_table::{CellAlignment, Table, presets};

use crate::model::{Amount, OrderId};
use crate::screen::Screen;
use crate::shop::{OrderView, Shop};

/// Shows an order with its customer, lines and products, and how many requests to the caches it took.
///
/// # Errors
/// When there is no such order, or a cache or the database fails.
pub async fn look_up<W: Write>(
    shop: &Shop,
    order_id: OrderId,
    screen: &mut Screen<W>,
) -> anyhow::Result<OrderView> {
    let before = shop.statistics();
    let requests_before = shop.cache_requests();
    let view = shop.view(order_id).await?;
    let requests = shop.cache_requests() - requests_before;
    let loads: u64 = shop
        .statistics()
        .iter()
        .zip(before)
        .map(|((_, after), (_, before))| after.since(&before).loads)
        .sum();
    let OrderView {
        order,
        customer,
        lines,
        ..
    } = &view;
    screen.line(format_args!(
        "order {order_id}           get      placed {}",
        order.order_date
    ))?;
    screen.line(format_args!(
        "  its customer        get      {}, {}, {}",
        customer.company_name, customer.city, customer.country
    ))?;
    screen.line(format_args!(
        "  its {:<2} lines        get-all  {}",
        lines.len(),
        keys(&view)
    ))?;
    screen.line(format_args!(
        "  their products      get-all  {} products",
        view.products.len()
    ))?;
    screen.line(order_table(&view))?;
    screen.line(format_args!(
        "{requests} cache operations, {loads} rows read from the database"
    ))?;
    Ok(view)
}

fn keys(view: &OrderView) -> String {
    let keys: Vec<String> = view
        .order
        .lines
        .iter()
        .map(|line| line.key().to_string())
        .collect();
    keys.join(", ")
}

/// The lines of an order and their sum.
#[must_use]
pub fn order_table(view: &OrderView) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED);
    table.set_header(["product", "quantity", "price", "discount", "amount"]);
    for line in &view.lines {
        let product = view.products.get(line.product_id.key());
        table.add_row([
            product.map_or_else(
                || format!("product {}", line.product_id.key()),
                |it| it.product_name.clone(),
            ),
            line.quantity.to_string(),
            line.unit_price.to_string(),
            line.discount.to_string(),
            line.amount().to_string(),
        ]);
    }
    let total: Amount = view.total();
    table.add_row(["total", "", "", "", &total.to_string()]);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

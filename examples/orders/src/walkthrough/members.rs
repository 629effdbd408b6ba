//! Who holds the entries, and what happens when a member leaves.

use std::io::Write;

use anyhow::ensure;
use comfy_table::{CellAlignment, Table, presets};
use grid_core::cache::NamedCache;

use crate::members::Members;
use crate::screen::Screen;
use crate::shop::Shop;

/// Shows how the partitions are spread over the members.
///
/// # Errors
/// When the screen cannot be written to.
pub fn show_members<W: Write>(members: &Members, screen: &mut Screen<W>) -> anyhow::Result<()> {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["member", "primaries", "backups"]);
    for holding in members.holdings() {
        let (primaries, backups) = (holding.primaries.to_string(), holding.backups.to_string());
        table.add_row([holding.member, primaries, backups]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    screen.line(table)?;
    if let Some(status) = members.status() {
        screen.line(format_args!("as safe as {status}"))?;
    }
    Ok(())
}

/// Has a member hand its partitions over and leave, and counts what the others have.
///
/// # Errors
/// When the member can't leave, or an entry is missing afterwards.
pub async fn show_leaving<W: Write>(
    shop: &Shop,
    members: &mut Members,
    screen: &mut Screen<W>,
) -> anyhow::Result<()> {
    let before = sizes(shop).await?;
    if let Some(name) = members.leave().await? {
        screen.line(format_args!("{name} hands its partitions over and leaves:"))?;
    }
    show_members(members, screen)?;
    let after = sizes(shop).await?;
    ensure!(
        before == after,
        "there were {before:?} entries and now are {after:?}"
    );
    let [customers, orders, lines, products] = after;
    screen.line(format_args!(
        "still there: {customers} customers, {orders} orders, {lines} order lines, {products} products"
    ))?;
    Ok(())
}

async fn sizes(shop: &Shop) -> anyhow::Result<[usize; 4]> {
    Ok([
        shop.customers.cache().size().await?,
        shop.orders.cache().size().await?,
        shop.lines.cache().size().await?,
        shop.products.cache().size().await?,
    ])
}

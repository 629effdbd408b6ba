//! Cold caches that warm up.

use std::io::Write;

use grid_core::cache::NamedCache;
use indicatif::ProgressBar;

use crate::model::OrderId;
use crate::screen::Screen;
use crate::shop::Shop;

use super::load::preload;

/// Empties the caches of customers and products, then looks up `count` orders from `first` on: what is missing is
/// read from the database once.
///
/// # Errors
/// When a cache or the database fails.
pub async fn browse<W: Write>(
    shop: &Shop,
    first: OrderId,
    count: u32,
    screen: &mut Screen<W>,
) -> anyhow::Result<()> {
    shop.customers.cache().truncate().await?;
    shop.products.cache().truncate().await?;
    let before = shop.statistics();
    let mut seen = 0;
    for order_id in (first..).take(usize::try_from(count)?) {
        if !shop.orders.exists(&order_id).await? {
            break;
        }
        shop.view(order_id).await?;
        seen += 1;
    }
    screen.line(format_args!(
        "customers and products emptied, then {seen} orders looked up with all they refer to:"
    ))?;
    for ((cache, after), (_, before)) in shop.statistics().into_iter().zip(before) {
        let done = after.since(&before);
        let percent = done
            .hit_ratio()
            .map_or_else(|| "-".to_owned(), |ratio| format!("{:.1} %", ratio * 100.0));
        screen.line(format_args!(
            "  {cache:<15}{:>6} hits {:>5} misses {:>5} read from the database, hit ratio {percent}",
            done.hits, done.misses, done.loads,
        ))?;
    }
    // Customers who never ordered were not missed; other programs that read the caches may look for them.
    preload(&shop.customers, &ProgressBar::hidden()).await?;
    preload(&shop.products, &ProgressBar::hidden()).await?;
    Ok(())
}

//! Loading the database and the caches.

use std::io::Write;

use anyhow::bail;
use futures::future::try_join;
use grid_core::repository::Entity;
use grid_member::clock::{Clock, SystemClock};
use indicatif::ProgressBar;

use crate::data::{Northwind, OrderGenerator, PlacedOrder};
use crate::database::Table;
use crate::model::{LineItem, Order, separated};
use crate::screen::Screen;
use crate::shop::{Shop, ShopRepository};

/// How many orders go into the database in one transaction, and into the caches in one request.
const BATCH_LEN: usize = 1_000;
/// Where generated orders start, so that each run makes the same.
const SEED: u64 = 10_248;

/// What was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Orders.
    pub orders: usize,
    /// Lines of the orders.
    pub lines: usize,
    /// Customers.
    pub customers: usize,
    /// Products.
    pub products: usize,
}

/// Fills an empty database with `orders` orders (those of the data when none is given, and generated ones after
/// them), and the caches with it; a database that has orders already fills the caches as it is.
///
/// # Errors
/// When the database or a cache fails, or `orders` are asked of a database that has some.
pub async fn load<W: Write>(
    shop: &Shop,
    orders: Option<usize>,
    screen: &mut Screen<W>,
) -> anyhow::Result<Loaded> {
    let clock = SystemClock::new();
    let started = clock.now().as_unix_ms();
    let present = shop.database.contents().await?.orders;
    let loaded = match (present, orders) {
        (0, orders) => fill(shop, orders, screen).await?,
        (_, None) => warm(shop, present, screen).await?,
        (_, Some(_)) => bail!(
            "the database has {present} orders already; leave --orders out to use them, or give --database another file"
        ),
    };
    let millis = clock.now().as_unix_ms().saturating_sub(started);
    let source = if present == 0 {
        "into the database and the caches"
    } else {
        "from the database into the caches"
    };
    let count = |count: usize| separated(u64::try_from(count).unwrap_or(u64::MAX));
    screen.line(format_args!(
        "{} orders with {} lines, {} customers and {} products {source} in {}.{:02} s",
        count(loaded.orders),
        count(loaded.lines),
        count(loaded.customers),
        count(loaded.products),
        millis / 1_000,
        millis % 1_000 / 10,
    ))?;
    Ok(loaded)
}

async fn fill<W: Write>(
    shop: &Shop,
    orders: Option<usize>,
    screen: &mut Screen<W>,
) -> anyhow::Result<Loaded> {
    let data = Northwind::read()?;
    let wanted = orders.unwrap_or(data.orders.len());
    let mut loaded = Loaded {
        orders: 0,
        lines: 0,
        customers: data.customers.len(),
        products: data.products.len(),
    };
    let generator = OrderGenerator::new(&data, SEED);
    shop.customers.save_all(data.customers).await?;
    shop.products.save_all(data.products).await?;
    let bar = screen.bar(wanted, "orders");
    let mut source = data.orders.into_iter().chain(generator).take(wanted);
    let mut lines_before: Vec<LineItem> = Vec::new();
    loop {
        let batch: Vec<PlacedOrder> = source.by_ref().take(BATCH_LEN).collect();
        if batch.is_empty() {
            break;
        }
        let (orders, lines): (Vec<Order>, Vec<Vec<LineItem>>) = batch
            .into_iter()
            .map(|placed| (placed.order, placed.lines))
            .unzip();
        let lines: Vec<LineItem> = lines.into_iter().flatten().collect();
        loaded.orders += orders.len();
        loaded.lines += lines.len();
        // The database wants an order before its lines. With those of the batch before, it works on the one while
        // the other goes into its cache.
        let lines_before = std::mem::replace(&mut lines_before, lines);
        try_join(shop.orders.save_all(orders), shop.lines.save_all(lines_before)).await?;
        bar.set_position(u64::try_from(loaded.orders).unwrap_or(u64::MAX));
    }
    shop.lines.save_all(lines_before).await?;
    bar.finish_and_clear();
    if loaded.orders < wanted {
        bail!(
            "order numbers ran out after {} of {wanted} orders; ask for fewer",
            loaded.orders
        );
    }
    Ok(loaded)
}

async fn warm<W: Write>(shop: &Shop, orders: u32, screen: &mut Screen<W>) -> anyhow::Result<Loaded> {
    let bar = screen.bar(usize::try_from(orders)?, "orders");
    let hidden = ProgressBar::hidden();
    // Orders go last: whoever finds one finds what it refers to.
    let loaded = Loaded {
        customers: preload(&shop.customers, &hidden).await?,
        products: preload(&shop.products, &hidden).await?,
        lines: preload(&shop.lines, &hidden).await?,
        orders: preload(&shop.orders, &bar).await?,
    };
    bar.finish_and_clear();
    Ok(loaded)
}

/// Fills a cache with its table, page by page; how many rows there were.
pub(super) async fn preload<V: Table>(
    repository: &ShopRepository<V>,
    bar: &ProgressBar,
) -> anyhow::Result<usize> {
    let mut count = 0;
    let mut after = None;
    loop {
        let page = repository.store().page(after, BATCH_LEN).await?;
        let Some(last) = page.last().map(Entity::key) else {
            return Ok(count);
        };
        count += page.len();
        repository.preload(page).await?;
        bar.set_position(u64::try_from(count).unwrap_or(u64::MAX));
        after = Some(last);
    }
}

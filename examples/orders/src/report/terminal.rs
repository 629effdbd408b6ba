//! The report as tables on a terminal.

use comfy_table::{CellAlignment, Table, presets};

use crate::model::{Amount, separated};

use super::Figures;

/// How many countries have a column of their own.
const COUNTRIES: usize = 5;

fn table<const N: usize>(header: [&str; N], texts: usize) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED).set_header(header);
    align(&mut table, texts);
    table
}

/// Numbers go to the right; the first `texts` columns are texts.
fn align(table: &mut Table, texts: usize) {
    for column in table.column_iter_mut().skip(texts) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

/// A count with separators.
pub(super) fn count(count: usize) -> String {
    separated(u64::try_from(count).unwrap_or(u64::MAX))
}

/// A part of one in percent; `-` when there is none.
pub(super) fn percent(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{:.1} %", ratio * 100.0))
}

/// The sums, in a sentence.
#[must_use]
pub fn totals(figures: &Figures) -> String {
    let Figures {
        revenue,
        orders,
        lines,
        ..
    } = figures;
    let span = figures.months.first().zip(figures.months.last());
    let span = span.map_or(String::new(), |(first, last)| format!(", {first} to {last}"));
    format!(
        "revenue ${revenue} from {} orders with {} lines, {} customers in {} countries{span}",
        count(*orders),
        count(*lines),
        count(figures.customers.len()),
        figures.country_count(),
    )
}

/// Revenue of each month, from the countries with the most.
#[must_use]
pub fn revenue_by_month(figures: &Figures) -> Table {
    let series = figures.top_countries(COUNTRIES);
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED);
    let names = series.iter().map(|country| country.country.clone());
    table.set_header(
        std::iter::once("month".to_owned())
            .chain(names)
            .chain(["all".to_owned()]),
    );
    for (at, (month, all)) in figures.months.iter().zip(figures.revenue_by_month()).enumerate() {
        let cells = series.iter().map(|country| country.by_month[at].whole());
        table.add_row(
            std::iter::once(month.to_string())
                .chain(cells)
                .chain([all.whole()]),
        );
    }
    let sums = series.iter().map(|country| country.revenue.whole());
    table.add_row(
        std::iter::once("all".to_owned())
            .chain(sums)
            .chain([figures.revenue.whole()]),
    );
    align(&mut table, 1);
    table
}

/// The customers with the highest revenue.
#[must_use]
pub fn best_customers(figures: &Figures, len_max: usize) -> Table {
    let mut table = table(["customer", "country", "orders", "revenue", "share"], 2);
    for customer in figures.customers.iter().take(len_max) {
        table.add_row([
            customer.company_name.clone(),
            customer.country.clone(),
            count(customer.orders),
            customer.revenue.to_string(),
            percent(share(customer.revenue, figures.revenue)),
        ]);
    }
    table
}

/// The products with the highest revenue.
#[must_use]
pub fn best_products(figures: &Figures, len_max: usize) -> Table {
    let mut table = table(["product", "units", "revenue", "share"], 1);
    for product in figures.products.iter().take(len_max) {
        table.add_row([
            product.product_name.clone(),
            separated(product.units),
            product.revenue.to_string(),
            percent(share(product.revenue, figures.revenue)),
        ]);
    }
    table
}

/// How the caches served.
#[must_use]
pub fn hit_ratios(figures: &Figures) -> Table {
    let mut table = table(
        [
            "cache",
            "entries",
            "hits",
            "misses",
            "hit ratio",
            "loads",
            "saves",
            "deletes",
        ],
        1,
    );
    for cache in &figures.caches {
        let statistics = cache.statistics;
        table.add_row([
            cache.cache.to_owned(),
            count(cache.entries),
            separated(statistics.hits),
            separated(statistics.misses),
            percent(statistics.hit_ratio()),
            separated(statistics.loads),
            separated(statistics.saves),
            separated(statistics.deletes),
        ]);
    }
    table
}

/// The part of `whole` that `part` is, from 0 to 1.
pub(super) fn share(part: Amount, whole: Amount) -> Option<f64> {
    (whole > Amount::ZERO).then(|| part.dollars() / whole.dollars())
}

//! The report: revenue, best customers and products, hit ratios.

mod chart;
mod figures;
mod page;
mod terminal;

pub use figures::{CacheFigures, CountryRevenue, CustomerRevenue, Figures, ProductRevenue};
pub use page::page;
pub use terminal::{best_customers, best_products, hit_ratios, revenue_by_month, totals};

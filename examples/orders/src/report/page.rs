//! The report as a page that needs nothing beside itself.

use std::fmt::{self, Write};

use crate::model::{Amount, separated};

use super::Figures;
use super::chart::{color_class, stacked_columns};
use super::terminal::{count, percent, share};

/// How many countries have a colour of their own.
const COUNTRIES: usize = 6;
/// How many customers and products are listed.
const BEST: usize = 10;

const STYLE: &str = include_str!("page.css");

/// A text as it goes between tags or into an attribute.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            letter if letter.is_control() => safe.push(' '),
            letter => safe.push(letter),
        }
    }
    safe
}

/// The report as a page of HTML, which is well-formed XML too.
///
/// # Errors
/// Never, but that writing into a text is said to fail.
pub fn page(figures: &Figures) -> Result<String, fmt::Error> {
    let mut html = String::new();
    let span = figures.months.first().zip(figures.months.last());
    let span = span.map_or(String::new(), |(a, b)| {
        format!("{} {} to {} {}", a.name(), a.year(), b.name(), b.year())
    });
    write!(
        html,
        r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="color-scheme" content="light dark"/>
<title>Orders report</title>
<style>
{STYLE}</style>
</head>
<body>
<header>
<h1>Orders report</h1>
<p>{span}. Every figure was read from the grid's caches.</p>
</header>
<main>
"#
    )?;
    key_figures(&mut html, figures)?;
    revenue(&mut html, figures)?;
    html.push_str("<div class=\"pair\">\n");
    best_customers(&mut html, figures)?;
    best_products(&mut html, figures)?;
    html.push_str("</div>\n");
    caches(&mut html, figures)?;
    countries(&mut html, figures)?;
    html.push_str(
        "</main>\n<footer><p>Northwind sample data © Microsoft Corporation, under the Microsoft Public License \
         (Ms-PL). Amounts are exact and rounded for display.</p></footer>\n</body>\n</html>\n",
    );
    Ok(html)
}

fn key_figures(html: &mut String, figures: &Figures) -> fmt::Result {
    let statistics = figures.caches.iter().map(|cache| cache.statistics);
    let (hits, lookups) = statistics.fold((0, 0), |(hits, all), it| {
        (hits + it.hits, all + it.hits + it.misses)
    });
    #[expect(clippy::cast_precision_loss, reason = "a ratio to be shown")]
    let ratio = (lookups > 0).then(|| hits as f64 / lookups as f64);
    html.push_str("<section class=\"keys\">\n");
    for (value, name) in [
        (format!("${}", figures.revenue), "revenue"),
        (count(figures.orders), "orders"),
        (
            format!("${}", figures.revenue.mean(figures.orders)),
            "average order",
        ),
        (count(figures.customers.len()), "customers who ordered"),
        (figures.country_count().to_string(), "countries"),
        (percent(ratio), "cache hits of all lookups"),
    ] {
        writeln!(
            html,
            "<div class=\"key\"><strong>{value}</strong><span>{name}</span></div>"
        )?;
    }
    html.push_str("</section>\n");
    Ok(())
}

fn revenue(html: &mut String, figures: &Figures) -> fmt::Result {
    let series = figures.top_countries(COUNTRIES);
    html.push_str("<section>\n<h2>Revenue by month and country</h2>\n<ul class=\"legend\">\n");
    for (at, country) in series.iter().enumerate() {
        let (color, name) = (color_class(at, &country.country), escaped(&country.country));
        writeln!(
            html,
            "<li><i class=\"{color}\"></i>{name} <b>${}</b></li>",
            country.revenue.whole()
        )?;
    }
    html.push_str("</ul>\n<div class=\"scroll\">\n");
    html.push_str(&stacked_columns(
        &figures.months,
        &figures.revenue_by_month(),
        &series,
    )?);
    html.push_str("\n</div>\n</section>\n");
    Ok(())
}

/// A list of bars: name, detail and amount, and below them a bar as long as the amount.
fn bars(html: &mut String, rows: &[(String, String, Amount)]) -> fmt::Result {
    let highest = rows
        .iter()
        .map(|(_, _, amount)| *amount)
        .max()
        .unwrap_or_default();
    html.push_str("<ol class=\"bars\">\n");
    for (name, detail, amount) in rows {
        let width = share(*amount, highest).unwrap_or(0.0) * 100.0;
        writeln!(
            html,
            "<li><div class=\"row\"><span>{} <small>{}</small></span><b>${amount}</b></div>\
             <svg viewBox=\"0 0 100 1\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
             <rect class=\"track\" width=\"100\" height=\"1\"/><rect class=\"s0\" width=\"{width:.2}\" height=\"1\"/></svg></li>",
            escaped(name),
            escaped(detail),
        )?;
    }
    html.push_str("</ol>\n");
    Ok(())
}

fn best_customers(html: &mut String, figures: &Figures) -> fmt::Result {
    html.push_str("<section>\n<h2>Best customers</h2>\n");
    let row = |it: &super::CustomerRevenue| {
        let orders = if it.orders == 1 {
            "1 order".to_owned()
        } else {
            format!("{} orders", count(it.orders))
        };
        (
            it.company_name.clone(),
            format!("{}, {orders}", it.country),
            it.revenue,
        )
    };
    bars(
        html,
        &figures.customers.iter().take(BEST).map(row).collect::<Vec<_>>(),
    )?;
    html.push_str("</section>\n");
    Ok(())
}

fn best_products(html: &mut String, figures: &Figures) -> fmt::Result {
    html.push_str("<section>\n<h2>Best products</h2>\n");
    let row = |it: &super::ProductRevenue| {
        (
            it.product_name.clone(),
            format!("{} units", separated(it.units)),
            it.revenue,
        )
    };
    bars(
        html,
        &figures.products.iter().take(BEST).map(row).collect::<Vec<_>>(),
    )?;
    html.push_str("</section>\n");
    Ok(())
}

fn caches(html: &mut String, figures: &Figures) -> fmt::Result {
    html.push_str(
        "<section>\n<h2>Caches</h2>\n<div class=\"scroll\">\n<table>\n<thead><tr><th>cache</th><th>entries</th>\
         <th>hits</th><th>misses</th><th>hit ratio</th><th>loaded from SQLite</th><th>saved</th><th>deleted</th>\
         </tr></thead>\n<tbody>\n",
    );
    for cache in &figures.caches {
        let it = cache.statistics;
        writeln!(
            html,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td><b>{}</b></td><td>{}</td><td>{}</td><td>{}</td></tr>",
            cache.cache,
            count(cache.entries),
            separated(it.hits),
            separated(it.misses),
            percent(it.hit_ratio()),
            separated(it.loads),
            separated(it.saves),
            separated(it.deletes),
        )?;
    }
    html.push_str(
        "</tbody>\n</table>\n</div>\n<p class=\"note\">A miss reads through to the database once; a save goes to \
         the database first.</p>\n</section>\n",
    );
    Ok(())
}

fn countries(html: &mut String, figures: &Figures) -> fmt::Result {
    html.push_str(
        "<section>\n<h2>Revenue of each country</h2>\n<div class=\"scroll\">\n<table>\n<thead><tr><th>country</th>\
         <th>revenue</th><th>share</th><th>best month</th></tr></thead>\n<tbody>\n",
    );
    for country in &figures.countries {
        let months = figures.months.iter().zip(&country.by_month);
        let best = months.max_by_key(|(_, amount)| **amount);
        let best = best.map_or(String::new(), |(month, amount)| {
            format!("{} {} (${})", month.name(), month.year(), amount.whole())
        });
        let share = percent(share(country.revenue, figures.revenue));
        let (name, revenue) = (escaped(&country.country), country.revenue);
        writeln!(
            html,
            "<tr><td>{name}</td><td>${revenue}</td><td>{share}</td><td>{best}</td></tr>"
        )?;
    }
    html.push_str("</tbody>\n</table>\n</div>\n</section>\n");
    Ok(())
}

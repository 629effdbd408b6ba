//! Charts as SVG text.

use std::fmt::{self, Write};

use crate::model::{Amount, Month};

use super::CountryRevenue;
use super::page::escaped;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 8.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 44.0;
/// How wide one letter of a label is about, for labels that must fit.
const LETTER: f64 = 7.2;

/// A step of 1, 2 or 5 times a power of ten that makes about four of `highest`.
fn step(highest: f64) -> f64 {
    let rough = (highest / 4.0).max(1.0);
    let power = 10_f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .find(|factor| factor * power >= rough)
        .unwrap_or(10.0);
    factor * power
}

fn short(dollars: f64) -> String {
    match dollars {
        dollars if dollars >= 1e6 => format!("${}M", dollars / 1e6),
        dollars if dollars >= 1e3 => format!("${}k", dollars / 1e3),
        dollars => format!("${dollars}"),
    }
}

/// A count as a position; charts have some dozens of columns.
fn position(at: usize) -> f64 {
    f64::from(u32::try_from(at).unwrap_or(u32::MAX))
}

/// Revenue by month in columns, each a stack of countries.
pub(super) fn stacked_columns(
    months: &[Month],
    totals: &[Amount],
    series: &[CountryRevenue],
) -> Result<String, fmt::Error> {
    let mut svg = String::new();
    let highest = totals.iter().map(|total| total.dollars()).fold(1.0, f64::max);
    let step = step(highest);
    let top = (highest / step).ceil() * step;
    let (plot_width, plot_height) = (WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM);
    let height = |dollars: f64| dollars / top * plot_height;
    writeln!(
        svg,
        r#"<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Revenue by month and country, stacked columns">"#
    )?;
    let mut grid = 0.0;
    while grid <= top + step / 2.0 {
        let y = TOP + plot_height - height(grid);
        let text = short(grid);
        writeln!(
            svg,
            r#"<line class="grid" x1="{LEFT}" x2="{}" y1="{y:.1}" y2="{y:.1}"/>"#,
            WIDTH - RIGHT
        )?;
        writeln!(
            svg,
            r#"<text class="axis" text-anchor="end" x="{}" y="{:.1}">{text}</text>"#,
            LEFT - 8.0,
            y + 4.0
        )?;
        grid += step;
    }
    let slot = plot_width / position(months.len().max(1));
    let bar = (slot * 0.72).min(56.0);
    for (at, month) in months.iter().enumerate() {
        let middle = LEFT + slot * (position(at) + 0.5);
        let mut y = TOP + plot_height;
        for (color, country) in series.iter().enumerate() {
            let amount = country.by_month[at];
            let tall = height(amount.dollars());
            y -= tall;
            let (x, color) = (middle - bar / 2.0, color_class(color, &country.country));
            let name = escaped(&country.country);
            writeln!(
                svg,
                r#"<rect class="{color}" x="{x:.1}" y="{y:.1}" width="{bar:.1}" height="{tall:.1}"><title>{month} {name}: ${amount}</title></rect>"#
            )?;
        }
        month_labels(&mut svg, *month, at == 0, middle, slot)?;
    }
    svg.push_str("</svg>");
    Ok(svg)
}

fn month_labels(svg: &mut String, month: Month, is_first: bool, middle: f64, slot: f64) -> fmt::Result {
    let name = month.name();
    if slot >= LETTER * 3.0 || name == "Jan" {
        writeln!(
            svg,
            r#"<text class="axis" text-anchor="middle" x="{middle:.1}" y="{}">{name}</text>"#,
            HEIGHT - 26.0
        )?;
    }
    if is_first || name == "Jan" {
        let (x, y, year) = (middle - slot / 2.0, HEIGHT - 8.0, month.year());
        writeln!(svg, r#"<text class="axis year" x="{x:.1}" y="{y}">{year}</text>"#)?;
    }
    Ok(())
}

/// The class of a series' colour; the rest has one of its own.
pub(super) fn color_class(at: usize, name: &str) -> String {
    if name == "others" {
        "rest".to_owned()
    } else {
        format!("s{}", at % 6)
    }
}

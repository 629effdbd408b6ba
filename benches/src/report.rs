//! Results as tables and as JSON, on standard output.

use std::io::{self, Write};

use anyhow::Result;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use serde::Serialize;

use crate::measurement::Measurement;

/// Prints a line and hands it over at once, for a reader that waits for it.
///
/// # Errors
/// When standard output is closed.
pub fn line(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// Prints something as JSON, over several lines.
pub(crate) fn json(value: &impl Serialize) -> Result<()> {
    Ok(line(&serde_json::to_string_pretty(value)?)?)
}

/// A table whose columns after the first `texts` are numbers.
pub(crate) fn table(header: &[&str], texts: usize) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED).set_header(header);
    for column in table.column_iter_mut().skip(texts) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// The measurements of one server.
pub(crate) fn measurements(all: &[Measurement]) -> Table {
    let header = [
        "operation",
        "connections",
        "callers",
        "round",
        "ops/s",
        "p50",
        "p99",
        "p99.9",
        "max",
        "errors",
        "server CPU/op",
        "client CPU/op",
        "server memory",
        "other CPUs",
    ];
    let mut table = table(&header, 1);
    for one in all {
        table.add_row([
            one.operation.to_owned(),
            one.connections.to_string(),
            one.callers.to_string(),
            one.round.to_string(),
            count(one.ops),
            latency(one.p50_us),
            latency(one.p99_us),
            latency(one.p999_us),
            latency(one.max_us),
            one.errors.to_string(),
            known(one.server_cpu_us, latency),
            known(one.client_cpu_us, latency),
            known(one.server_resident_bytes, bytes),
            known(one.foreign_cpus, |cpus| format!("{cpus:.2}")),
        ]);
    }
    table
}

/// A figure, or a dash.
pub(crate) fn known<T>(figure: Option<T>, show: impl Fn(T) -> String) -> String {
    figure.map_or_else(|| "-".to_owned(), show)
}

/// A number with its thousands: `12.3 k`.
pub(crate) fn count(number: f64) -> String {
    match number {
        n if n >= 1e6 => format!("{:.2} M", n / 1e6),
        n if n >= 1e4 => format!("{:.1} k", n / 1e3),
        n if n >= 100.0 => format!("{n:.0}"),
        n => format!("{n:.1}"),
    }
}

/// Microseconds, or milliseconds when there are many.
pub(crate) fn latency(us: f64) -> String {
    match us {
        us if us >= 10_000.0 => format!("{:.0} ms", us / 1e3),
        us if us >= 1_000.0 => format!("{:.2} ms", us / 1e3),
        us if us >= 100.0 => format!("{us:.0} µs"),
        us => format!("{us:.1} µs"),
    }
}

/// Bytes in MiB.
#[expect(
    clippy::cast_precision_loss,
    reason = "memory of a process stays below 2^53 bytes"
)]
pub(crate) fn bytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// The middle one of some numbers (the lower of two); `None` of none.
pub(crate) fn median(numbers: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut sorted: Vec<f64> = numbers.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len().checked_sub(1)? / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!(count(1_234_567.0), "1.23 M");
        assert_eq!(count(12_345.0), "12.3 k");
        assert_eq!(count(999.6), "1000");
        assert_eq!(latency(12.34), "12.3 µs");
        assert_eq!(latency(1_234.0), "1.23 ms");
        assert_eq!(bytes(3 << 20), "3.0 MiB");
        assert_eq!(known(None::<f64>, count), "-");
    }

    #[test]
    fn the_median_is_a_number_of_the_list() {
        assert_eq!(median([3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([4.0, 1.0]), Some(1.0));
        assert_eq!(median([]), None);
    }
}

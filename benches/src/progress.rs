//! Progress on a terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over so many entries. It is drawn on standard error, and only when that is a terminal.
pub(crate) fn entries_bar(entries: usize, doing: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len} {per_sec}")
        .unwrap_or_else(|_invalid| ProgressStyle::default_bar());
    ProgressBar::new(entries as u64)
        .with_style(style)
        .with_message(doing)
}

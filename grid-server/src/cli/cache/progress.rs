//! Progress on a terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar on standard error that counts up to `len`, or a count alone when nobody knows the end. Nothing at all when
/// standard error is no terminal.
pub(super) fn bar(len: Option<u64>, template: &str) -> ProgressBar {
    let bar = len.map_or_else(ProgressBar::no_length, ProgressBar::new);
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        // The templates are constants; a bar of another look still shows progress.
        Err(_) => bar,
    }
}

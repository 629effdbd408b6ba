//! Where a run shows what it does.

use std::fmt;
use std::io::{self, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Sections of text, and progress bars beside them.
pub struct Screen<W> {
    out: W,
    sections: u32,
    bars: bool,
}

impl<W> fmt::Debug for Screen<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Screen")
    }
}

impl<W: Write> Screen<W> {
    /// A screen that writes text to `out`, and if `bars`, progress bars to standard error when that is a terminal.
    pub fn new(out: W, bars: bool) -> Self {
        Screen {
            out,
            sections: 0,
            bars,
        }
    }

    /// Starts a section.
    ///
    /// # Errors
    /// When the text cannot be written.
    pub fn section(&mut self, title: &str) -> io::Result<()> {
        self.sections += 1;
        let space = if self.sections == 1 { "" } else { "\n" };
        let heading = format!("{}. {title}", self.sections);
        writeln!(
            self.out,
            "{space}{heading}\n{}",
            "─".repeat(heading.chars().count())
        )
    }

    /// Writes a line, or several.
    ///
    /// # Errors
    /// When the text cannot be written.
    pub fn line(&mut self, text: impl fmt::Display) -> io::Result<()> {
        writeln!(self.out, "{text}")?;
        // Whoever reads a pipe sees each line when it is written.
        self.out.flush()
    }

    /// A bar for `count` things of a kind. It is gone when it is dropped.
    #[must_use]
    pub fn bar(&self, count: usize, things: &'static str) -> ProgressBar {
        let target = if self.bars {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(u64::try_from(count).ok(), target);
        let template = "  {msg} {wide_bar:.cyan/blue} {human_pos}/{human_len} {per_sec} {eta}";
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.with_style(style.progress_chars("━╸─")).with_message(things)
    }

    /// What was written to.
    #[must_use]
    pub fn into_inner(self) -> W {
        self.out
    }
}

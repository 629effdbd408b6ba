//! The effective configuration as TOML.

use std::fmt::Write;

use super::{Loaded, Source};

impl Loaded {
    /// Every setting as TOML, with its source as a comment. Reading it again gives the same configuration.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut shown = String::new();
        let mut config = self.config.clone();
        let mut current = "";
        config.visit(&mut |section, key, setting| {
            if section != current {
                let gap = if current.is_empty() { "" } else { "\n" };
                // Writing into a String cannot fail.
                let _ = writeln!(shown, "{gap}[{section}]");
                current = section;
            }
            let source = self.source(&format!("{section}.{key}"));
            let _ = match setting.show() {
                Some(value) => writeln!(shown, "{key} = {value} # {source}"),
                None => writeln!(shown, "# {key} is not set"),
            };
        });
        for (index, cache) in config.caches.iter_mut().enumerate() {
            let _ = writeln!(shown, "\n[[cache]] # {}", self.source(&format!("cache[{index}]")));
            cache.visit(&mut |key, setting| {
                let source = self.source(&format!("cache[{index}].{key}"));
                let _ = match setting.show() {
                    Some(value) => writeln!(shown, "{key} = {value} # {source}"),
                    None => writeln!(shown, "# {key} is not set"),
                };
            });
        }
        shown
    }

    /// Where a setting comes from.
    #[must_use]
    pub fn source(&self, key: &str) -> Source {
        self.sources.get(key).cloned().unwrap_or_default()
    }
}

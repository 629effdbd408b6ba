//! Every crate has the workspace's lints.

use toml::{Table, Value};

use crate::{Sources, Violation};

/// Every crate takes the lints of the workspace.
#[must_use]
pub fn lints(sources: &Sources) -> Vec<Violation> {
    sources
        .manifests()
        .filter(|(_, manifest)| {
            let table = manifest.text.parse::<Table>().unwrap_or_default();
            let inherits = table
                .get("lints")
                .and_then(|lints| lints.get("workspace"))
                .and_then(Value::as_bool);
            table.contains_key("package") && inherits != Some(true)
        })
        .map(|(_, manifest)| {
            Violation::new(
                &manifest.path,
                0,
                "the crate lacks the lines \"[lints]\" and \"workspace = true\"",
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_without_lints_is_found() {
        let sources = Sources::of([
            ("Cargo.toml", "[workspace]"),
            (
                "a/Cargo.toml",
                "[package]\nname = \"a\"\n[lints]\nworkspace = true",
            ),
            ("b/Cargo.toml", "[package]\nname = \"b\""),
            (
                "c/Cargo.toml",
                "[package]\nname = \"c\"\n[lints]\nworkspace = false",
            ),
        ]);
        let found: Vec<_> = lints(&sources)
            .into_iter()
            .map(|violation| violation.path)
            .collect();
        assert_eq!(found, ["b/Cargo.toml", "c/Cargo.toml"]);
    }
}

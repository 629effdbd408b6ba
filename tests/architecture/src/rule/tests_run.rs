//! Every test runs.

use crate::{RustText, Sources, Violation};

/// No test is ignored.
#[must_use]
pub fn tests_run(sources: &Sources) -> Vec<Violation> {
    let rust = sources.iter().filter(|file| file.path.ends_with(".rs"));
    rust.flat_map(|file| {
        let code = RustText::new(&file.text);
        let lines: Vec<_> = ["#[ignore", "#![ignore"]
            .iter()
            .flat_map(|way| code.lines_with(way))
            .collect();
        lines.into_iter().map(|line| {
            Violation::new(
                &file.path,
                line,
                "a test that does not run shows nothing; mend or remove it",
            )
        })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ignored_test_is_found() {
        let sources = Sources::of([
            (
                "a/tests/it.rs",
                "#[test]\n#[ignore = \"slow\"]\nfn f() {}\n#[ignore]\n#[test]\nfn g() {}",
            ),
            ("a/src/lib.rs", "// #[ignore]\nlet text = \"#[ignore]\";"),
        ]);
        let found: Vec<_> = tests_run(&sources)
            .into_iter()
            .map(|v| (v.path, v.line))
            .collect();
        assert_eq!(
            found,
            [("a/tests/it.rs".to_owned(), 2), ("a/tests/it.rs".to_owned(), 4)]
        );
    }
}

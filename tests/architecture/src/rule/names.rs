//! Names that say nothing.

use crate::{Sources, Violation};

const FORBIDDEN: &[&str] = &["utils", "util", "common", "helpers", "helper", "misc", "manager"];

/// No folder and no Rust file has a name that anything would fit under.
#[must_use]
pub fn names(sources: &Sources) -> Vec<Violation> {
    sources
        .iter()
        .filter_map(|file| {
            let stem = file.path.rsplit('/').next()?.strip_suffix(".rs");
            let name = file.folders().chain(stem).find(|name| FORBIDDEN.contains(name))?;
            let reason = format!("{name:?} says nothing; name it for what it has");
            Some(Violation::new(&file.path, 0, reason))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_say_nothing_are_found() {
        let sources = Sources::of([
            ("a/src/utils/mod.rs", ""),
            ("a/tests/common/fixture.py", ""),
            ("a/src/helpers.rs", ""),
            ("a/src/task_manager.rs", ""),
            ("a/proto/common_messages.proto", ""),
        ]);
        let found: Vec<_> = names(&sources)
            .into_iter()
            .map(|violation| violation.path)
            .collect();
        assert_eq!(
            found,
            [
                "a/src/utils/mod.rs",
                "a/tests/common/fixture.py",
                "a/src/helpers.rs"
            ]
        );
    }
}

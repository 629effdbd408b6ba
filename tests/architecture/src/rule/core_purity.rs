//! What the core does not touch.

use crate::{Sources, Violation};

/// Paths that have no place in the core, and why.
const FORBIDDEN: &[(&str, &str)] = &[
    (
        "prost",
        "the core knows no wire types; turn them into values at the edge",
    ),
    (
        "tonic",
        "the core knows no wire types; turn them into values at the edge",
    ),
    (
        "grid_proto",
        "the core knows no wire types; turn them into values at the edge",
    ),
    ("tokio", "the core has no runtime; give back what is to be done"),
    (
        "std::net",
        "the core opens no socket; take what came in as an argument",
    ),
    (
        "std::fs",
        "the core opens no file; take what came in as an argument",
    ),
    (
        "std::env",
        "the core reads no environment; take settings as an argument",
    ),
    (
        "std::process",
        "the core starts no process; give back what is to be done",
    ),
    (
        "std::thread",
        "the core starts no thread and never sleeps; give back what is to be done",
    ),
    (
        "thread::spawn",
        "the core starts no thread; give back what is to be done",
    ),
    ("Instant", "the core reads no clock; take the time as an argument"),
    (
        "SystemTime",
        "the core reads no clock; take the time as an argument",
    ),
    (
        "rand",
        "the core draws no random numbers; take a seed as an argument",
    ),
    (
        "getrandom",
        "the core draws no random numbers; take a seed as an argument",
    ),
    (
        "RandomState",
        "the core draws no random numbers; take a seed as an argument",
    ),
];

/// The code of grid-core names no wire type, clock, random source, runtime, socket, file or thread.
#[must_use]
pub fn core_purity(sources: &Sources) -> Vec<Violation> {
    let core = sources
        .product_rust()
        .filter(|(file, _)| file.path.starts_with("grid-core/src/"));
    core.flat_map(|(file, code)| {
        let found: Vec<_> = FORBIDDEN
            .iter()
            .flat_map(|(path, reason)| {
                let lines = lines_naming(&code, path);
                lines
                    .into_iter()
                    .map(move |line| Violation::new(&file.path, line, format!("{path}: {reason}")))
            })
            .collect();
        found
    })
    .collect()
}

/// The lines that name a path, whether in one piece or as `std::{net, ...}`.
fn lines_naming(code: &crate::RustText, path: &str) -> Vec<usize> {
    let mut lines = code.lines_with(path);
    if let Some(module) = path.strip_prefix("std::") {
        for at in code.starts_of("std::") {
            let group = code.as_str()[at + "std::".len()..].strip_prefix('{');
            let Some((group, _)) = group.and_then(|group| group.split_once(';')) else {
                continue;
            };
            let is_word = |c: char| c.is_alphanumeric() || c == '_';
            if group.split(|c| !is_word(c)).any(|word| word == module) {
                lines.push(code.line_of(at));
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        let sources = Sources::of([("grid-core/src/store/mod.rs", text)]);
        core_purity(&sources)
            .iter()
            .map(|violation| violation.line)
            .collect()
    }

    #[test]
    fn each_kind_is_found() {
        for (path, _) in FORBIDDEN {
            assert_eq!(lines(&format!("\nuse {path}::x;\n"))[0], 2, "{path}");
        }
        assert_eq!(lines("fn f() { let now = std::time::Instant::now(); }"), [1]);
        assert_eq!(lines("use std::{\n  fmt,\n  net::TcpStream,\n};"), [1]);
    }

    #[test]
    fn comments_tests_and_other_crates_are_free() {
        assert_eq!(
            lines("// tokio::spawn\nlet operand = \"tokio\";\n#[cfg(test)]\nmod tests { use tokio::x; }"),
            [0; 0]
        );
        let elsewhere = Sources::of([("grid-member/src/lib.rs", "use tokio::spawn;")]);
        assert_eq!(core_purity(&elsewhere), []);
    }
}

//! Which folder of the core may use which.

use crate::{RustText, Sources, Violation};

const SOURCE: &str = "grid-core/src/";

/// The folders of the core from the lowest; each may use only those before it.
const LAYERS: &[&str] = &[
    "value",
    "query",
    "processor",
    "membership",
    "partition",
    "store",
    "replication",
    "control",
    "event",
    "cache",
    "repository",
];

/// A folder of the core uses only those below it.
#[must_use]
pub fn core_layers(sources: &Sources) -> Vec<Violation> {
    let mut found = Vec::new();
    for (file, code) in sources.product_rust() {
        let Some(below) = file.path.strip_prefix(SOURCE).filter(|below| *below != "lib.rs") else {
            continue;
        };
        let module = module_of(below);
        let Some(layer) = LAYERS.iter().position(|layer| *layer == module[0]) else {
            let reason = format!(
                "{} has no place; give it one in the layers of the architecture test",
                module[0]
            );
            found.push(Violation::new(&file.path, 0, reason));
            continue;
        };
        for (line, used) in used_modules(&code, module.len()) {
            let above = LAYERS
                .iter()
                .position(|layer| *layer == used)
                .filter(|used| *used > layer);
            if let Some(above) = above {
                let reason = format!("{} must not use {}, which is above it", module[0], LAYERS[above]);
                found.push(Violation::new(&file.path, line, reason));
            }
        }
    }
    found
}

/// The module that a file is.
fn module_of(below_source: &str) -> Vec<&str> {
    let path = below_source.trim_end_matches(".rs");
    path.split('/').filter(|part| *part != "mod").collect()
}

/// The modules at the root of the crate that a file at this depth names, with the line of each.
fn used_modules(code: &RustText, depth: usize) -> Vec<(usize, String)> {
    let to_root = "super::".repeat(depth);
    let mut used = Vec::new();
    for root in ["crate::", to_root.as_str()] {
        for at in code.starts_of(root) {
            // `super::super::x` is found at its first word only.
            if code.as_str()[..at].ends_with("super::") {
                continue;
            }
            let line = code.line_of(at);
            let after = &code.as_str()[at + root.len()..];
            used.extend(first_names(after).into_iter().map(|name| (line, name)));
        }
    }
    used
}

/// The first name of a path, or of each path in a group.
fn first_names(path: &str) -> Vec<String> {
    let Some(group) = path.trim_start().strip_prefix('{') else {
        return vec![name_at(path)];
    };
    let (mut names, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                names.push(name_at(&group[start..at]));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(name_at(&group[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    names
}

fn name_at(path: &str) -> String {
    let is_word = |c: &char| c.is_alphanumeric() || *c == '_';
    path.trim_start().chars().take_while(is_word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let sources = Sources::of([(path, text)]);
        core_layers(&sources).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_use_upward_is_found() {
        let expected = ["grid-core/src/store/page.rs:2: store must not use cache, which is above it"];
        for text in [
            "\nuse crate::cache::Cache;",
            "\nuse crate::{value::Key, cache::{Cache, CacheName}};",
            "\nuse super::super::cache::Cache;",
            "\nfn f(cache: crate::cache::Cache) {}",
        ] {
            assert_eq!(found("grid-core/src/store/page.rs", text), expected, "{text}");
        }
        assert_eq!(
            found(
                "grid-core/src/value/json/mod.rs",
                "use super::super::store::Page;"
            )
            .len(),
            1
        );
        assert_eq!(
            found("grid-core/src/value/mod.rs", "use super::store::Page;").len(),
            1
        );
    }

    #[test]
    fn uses_downward_and_beside_are_free() {
        let text = "use crate::value::{Key, Value};\nuse crate::store::Cookie;\nuse super::cache::X;\n/// crate::cache::Cache\nmacrocrate::cache!();";
        assert_eq!(found("grid-core/src/store/page.rs", text), [""; 0]);
    }

    #[test]
    fn a_folder_without_a_place_is_found() {
        assert_eq!(found("grid-core/src/magic/mod.rs", "").len(), 1);
    }
}

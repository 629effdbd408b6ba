//! Which crate may depend on which.

use toml::{Table, Value};

use crate::{Sources, Violation};

/// The crates from the lowest; each may depend only on those before it.
const LAYERS: &[&str] = &[
    "grid-proto",
    "grid-core",
    "grid-discovery",
    "grid-client",
    "grid-member",
    "grid-server",
];

/// Folders of crates that may depend on every layer, and that no layer may depend on.
const OUTSIDE: &[&str] = &["examples/", "benches", "grid-lab", "tests/", "fuzz"];

/// What a crate must not depend on, and why.
const FORBIDDEN: &[(&str, &[&str], &str)] = &[
    (
        "grid-core",
        &[
            "grid-proto",
            "tokio",
            "tokio-util",
            "tokio-stream",
            "async-std",
            "smol",
            "mio",
            "socket2",
            "prost",
            "prost-types",
            "tonic",
            "tonic-prost",
            "h2",
            "http",
            "hyper",
            "axum",
            "tower",
            "rand",
            "getrandom",
            "fastrand",
            "uuid",
            "parking_lot",
            "tracing",
        ],
        "the core decides on plain values: no runtime, no wire, no random source, no log",
    ),
    (
        "grid-member",
        &[
            "prost",
            "tonic",
            "tonic-prost",
            "h2",
            "http",
            "hyper",
            "axum",
            "tower",
            "clap",
        ],
        "a member has no edges; those are in grid-server",
    ),
    (
        "grid-discovery",
        &["prost", "tonic", "h2", "http", "hyper", "axum", "clap"],
        "finding members needs no edge and no gRPC; object stores bring what they need",
    ),
    (
        "grid-client",
        &["grid-member", "axum", "clap"],
        "a client holds no partitions and serves nothing",
    ),
];

/// Each crate depends only on those below it, and not on what would undo its purpose.
///
/// Dependencies of tests alone are free, but for the layers.
#[must_use]
pub fn crate_layers(sources: &Sources) -> Vec<Violation> {
    let mut found = Vec::new();
    for (folder, manifest) in sources.manifests().filter(|(folder, _)| !folder.is_empty()) {
        let mut break_at = |reason: String| found.push(Violation::new(&manifest.path, 0, reason));
        let table = match manifest.text.parse::<Table>() {
            Ok(table) => table,
            Err(error) => {
                break_at(format!("is no TOML: {error}"));
                continue;
            }
        };
        let Some(name) = package_name(&table) else {
            continue;
        };
        let layer = LAYERS.iter().position(|layer| *layer == name);
        if layer.is_none() && !OUTSIDE.iter().any(|outside| folder.starts_with(outside)) {
            break_at(format!(
                "{name} has no place; give it one in the layers of the architecture test"
            ));
            continue;
        }
        for (dependency, for_tests) in dependencies(&table) {
            let below = LAYERS.iter().position(|layer| *layer == dependency);
            if let (Some(layer), Some(below)) = (layer, below)
                && below >= layer
            {
                break_at(format!(
                    "{name} must not depend on {dependency}, which is above it"
                ));
            }
            let inside = sources.manifests().any(|(_, manifest)| {
                let table = manifest.text.parse::<Table>().unwrap_or_default();
                package_name(&table) == Some(dependency)
            });
            if layer.is_some() && inside && below.is_none() {
                break_at(format!(
                    "{name} must not depend on {dependency}, which is outside the layers"
                ));
            }
            let forbidden = FORBIDDEN
                .iter()
                .find(|(of, forbidden, _)| *of == name && !for_tests && forbidden.contains(&dependency));
            if let Some((_, _, reason)) = forbidden {
                break_at(format!("{name} must not depend on {dependency}: {reason}"));
            }
        }
    }
    found
}

fn package_name(manifest: &Table) -> Option<&str> {
    manifest.get("package")?.get("name")?.as_str()
}

/// The names of the dependencies, and whether each is for tests alone.
fn dependencies(manifest: &Table) -> Vec<(&str, bool)> {
    let targets = manifest.get("target").and_then(Value::as_table);
    let tables = targets
        .into_iter()
        .flat_map(|targets| targets.values().filter_map(Value::as_table));
    let mut all = Vec::new();
    for table in tables.chain([manifest]) {
        for (section, for_tests) in [
            ("dependencies", false),
            ("build-dependencies", false),
            ("dev-dependencies", true),
        ] {
            let Some(section) = table.get(section).and_then(Value::as_table) else {
                continue;
            };
            for (key, value) in section {
                let name = value.get("package").and_then(Value::as_str).unwrap_or(key);
                all.push((name, for_tests));
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(crates: &[(&str, &str, &str)]) -> Vec<String> {
        let manifests: Vec<_> = crates
            .iter()
            .map(|(folder, name, rest)| {
                (
                    format!("{folder}/Cargo.toml"),
                    format!("package.name = \"{name}\"\n{rest}"),
                )
            })
            .collect();
        let sources = Sources::of(
            manifests
                .iter()
                .map(|(path, text)| (path.as_str(), text.as_str())),
        );
        crate_layers(&sources)
            .iter()
            .map(|violation| violation.reason.clone())
            .collect()
    }

    #[test]
    fn a_dependency_upward_is_found() {
        let upward = found(&[(
            "grid-client",
            "grid-client",
            "[dev-dependencies]\ngrid-server.workspace = true",
        )]);
        assert_eq!(
            upward,
            ["grid-client must not depend on grid-server, which is above it"]
        );
    }

    #[test]
    fn a_runtime_in_the_core_is_found_under_any_name_and_target() {
        let direct = found(&[("grid-core", "grid-core", "[dependencies]\ntokio = \"1\"")]);
        let renamed = found(&[(
            "grid-core",
            "grid-core",
            "[target.'cfg(unix)'.dependencies]\nrt = { package = \"tokio\", version = \"1\" }",
        )]);
        assert!(direct[0].starts_with("grid-core must not depend on tokio: "));
        assert_eq!(direct, renamed);
    }

    #[test]
    fn wire_types_in_the_core_are_found() {
        let wire = found(&[(
            "grid-core",
            "grid-core",
            "[dependencies]\ngrid-proto.workspace = true",
        )]);
        assert_eq!(wire.len(), 1, "{wire:?}");
    }

    #[test]
    fn a_layer_on_an_example_is_found() {
        let outward = found(&[
            (
                "grid-server",
                "grid-server",
                "[dependencies]\norders.path = \"x\"",
            ),
            (
                "examples/orders",
                "orders",
                "[dependencies]\ngrid-server.workspace = true",
            ),
        ]);
        assert_eq!(
            outward,
            ["grid-server must not depend on orders, which is outside the layers"]
        );
    }

    #[test]
    fn a_crate_without_a_place_is_found() {
        assert_eq!(found(&[("grid-extra", "grid-extra", "")]).len(), 1);
    }

    #[test]
    fn what_is_allowed_is_not_found() {
        let allowed = found(&[
            ("proto", "grid-proto", "[dependencies]\nprost = \"0\""),
            (
                "grid-core",
                "grid-core",
                "[dev-dependencies]\ntokio = \"1\"\n[dependencies]\nbytes = \"1\"",
            ),
            (
                "grid-server",
                "grid-server",
                "[dependencies]\ngrid-core.workspace = true\ntonic = \"0\"",
            ),
            (
                "benches",
                "grid-bench",
                "[dependencies]\ngrid-client.workspace = true",
            ),
        ]);
        assert_eq!(allowed, [""; 0]);
    }
}

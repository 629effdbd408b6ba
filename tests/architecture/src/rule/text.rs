//! What no text of the repository says.

use crate::{Sources, Violation};

/// Beginnings of paths that only one machine has. Written in two pieces: this file is looked at too.
const MACHINE_PATHS: &[&str] = &[
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/wo", "rk/"),
    concat!("/Us", "ers/"),
    concat!("C:", "\\Users"),
    concat!("/tm", "p/"),
];

/// Hosts of package registries: which one is used is the machine's to say.
const REGISTRY_HOSTS: &[&str] = &[
    concat!("crates", ".io"),
    concat!("registry.npm", "js.org"),
    concat!("registry.yarn", "pkg.com"),
    concat!("pypi", ".org"),
    concat!("python", "hosted.org"),
    concat!("repo1.ma", "ven.org"),
    concat!("repo.ma", "ven.apache.org"),
    concat!("proxy.go", "lang.org"),
];

/// No file names a path of one machine or the host of a package registry; Cargo.lock, which cargo writes, may name its.
#[must_use]
pub fn text(sources: &Sources) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in sources
        .iter()
        .filter(|file| file.path != "Cargo.lock" && !file.path.ends_with("/Cargo.lock"))
    {
        for (line, text) in (1..).zip(file.text.lines()) {
            for path in MACHINE_PATHS.iter().filter(|path| has_absolute(text, path)) {
                let reason =
                    format!("{path} is a path of one machine; make it relative, or ask the environment");
                found.push(Violation::new(&file.path, line, reason));
            }
            for host in REGISTRY_HOSTS.iter().filter(|host| text.contains(*host)) {
                let reason = format!("{host} is a package registry; leave it to the machine's settings");
                found.push(Violation::new(&file.path, line, reason));
            }
        }
    }
    found
}

/// Whether a text has this path, and not as the end of a longer one.
fn has_absolute(text: &str, path: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || "._-}$*~".contains(c);
    text.match_indices(path)
        .any(|(at, _)| !text[..at].ends_with(inside))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_hosts_are_found() {
        for start in MACHINE_PATHS {
            let planted = format!("\n  data = \"{start}somewhere\"\n");
            let found = text(&Sources::of([("a/notes.md", planted.as_str())]));
            assert_eq!(found.len(), 1, "{start}");
            assert_eq!(found[0].line, 2, "{start}");
        }
        for host in REGISTRY_HOSTS {
            let planted = format!("https://{host}/x");
            assert_eq!(
                text(&Sources::of([("a/lock.json", planted.as_str())])).len(),
                1,
                "{host}"
            );
            assert_eq!(
                text(&Sources::of([("Cargo.lock", planted.as_str())])),
                [],
                "{host}"
            );
        }
    }

    #[test]
    fn relative_paths_are_free() {
        let free = concat!("target/wo", "rk/x ${X:-y}/tm", "p/ a/ho", "me/b");
        assert_eq!(text(&Sources::of([("a/notes.md", free)])), []);
    }
}

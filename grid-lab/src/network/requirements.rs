//! What namespaces need.

use std::env;
use std::path::{Path, PathBuf};

/// What this machine lacks for network namespaces, in one line; `None` when it lacks nothing.
#[must_use]
pub fn missing() -> Option<String> {
    let folders: Vec<PathBuf> = env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect();
    lacking(rustix::process::geteuid().is_root(), |program| {
        folders.iter().any(|folder| is_program(&folder.join(program)))
    })
}

fn is_program(path: &Path) -> bool {
    path.is_file()
}

fn lacking(root: bool, has: impl Fn(&str) -> bool) -> Option<String> {
    let mut lacking = Vec::new();
    if !root {
        lacking.push("root (run it with sudo)");
    }
    if !has("ip") {
        lacking.push("the program ip (apt-get install iproute2)");
    }
    if !has("nft") {
        lacking.push("the program nft (apt-get install nftables)");
    }
    (!lacking.is_empty()).then(|| lacking.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said_in_one_line_with_its_package() {
        assert_eq!(lacking(true, |_| true), None);
        assert_eq!(
            lacking(false, |program| program == "ip").unwrap(),
            "root (run it with sudo), the program nft (apt-get install nftables)"
        );
        assert!(lacking(true, |_| false).unwrap().contains("iproute2"));
    }
}

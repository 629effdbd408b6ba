//! Names of this member, when none were configured.

/// The name of this machine, as the system tells it; `localhost` where it does not.
pub(super) fn host_name() -> String {
    let told = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let told = told
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty());
    told.unwrap_or_else(|| "localhost".to_owned())
}

/// A name that no other process on this machine has.
pub(super) fn member_name() -> String {
    format!("{}-{}", host_name(), std::process::id())
}

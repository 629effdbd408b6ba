//! The kernel and network namespace that this process runs in.

use grid_core::membership::HostId;
use xxhash_rust::xxh3::xxh3_128;

/// The kernel and network namespace that this process runs in. Where they can't be told, a number of its own: then no
/// other process is believed to run under the same.
pub(super) fn host_id() -> HostId {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
    let network = std::fs::read_link("/proc/self/ns/net");
    match (boot, network) {
        (Ok(boot), Ok(network)) => {
            let text = format!("{} {}", boot.trim(), network.display());
            HostId::new(xxh3_128(text.as_bytes()))
        }
        _ => HostId::new(crate::random::draw()),
    }
}

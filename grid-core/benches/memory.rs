//! What an entry costs in memory, counted and measured: 18-byte keys and 100-byte values over 257 partitions.
//!
//! Fails when the overhead beyond key and value is above 64 bytes an entry in any case, counted by the store or
//! measured as resident memory. The worst fill is just after every partition's table has doubled.

#![expect(clippy::print_stdout, reason = "a bench reports on standard output")]

use std::process::Command as Process;

use bytes::Bytes;
use grid_core::partition::PartitionCount;
use grid_core::store::{CacheId, CacheSettings, Command, Partition, TimeToLive, Timestamp, Want};
use grid_core::value::{Binary, Format, Key};

const OVERHEAD_BYTES_MAX: f64 = 64.0;
const PAGE_BYTES: u64 = 4096;
/// A key and a value.
const NET_BYTES: u64 = 18 + 100;
/// The environment variable that tells a child process which case to measure.
const CASE: &str = "GRID_MEMORY_CASE";

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("/proc is mounted");
    let pages = statm
        .split_ascii_whitespace()
        .nth(1)
        .expect("statm has a second field");
    pages.parse::<u64>().expect("a count of pages") * PAGE_BYTES
}

fn load(entries: u64, ttl: TimeToLive) -> Vec<Partition> {
    let count = PartitionCount::DEFAULT;
    let mut partitions: Vec<_> = count.all().map(|_id| Partition::new()).collect();
    let value = Binary::new(Format::JSON, Bytes::from(format!("\"{}\"", "v".repeat(98))));
    let (now, cache) = (Timestamp::from_unix_ms(1_700_000_000_000), CacheId::new(1));
    for number in 0..entries {
        let text = Bytes::from(format!("\"key:{number:012}\""));
        let key = Key::new(Binary::new(Format::JSON, text)).expect("a JSON string is a key");
        let partition = &mut partitions[count.partition_of(key.hash()).index()];
        let put = Command::Put {
            value: value.clone(),
            ttl,
        };
        partition
            .apply(now, cache, CacheSettings::default(), &key, put, Want::NOTHING)
            .expect("there is room");
    }
    partitions
}

struct Case {
    name: &'static str,
    entries: u64,
    ttl_ms: i64,
}

const CASES: [Case; 4] = [
    Case {
        name: "a hundred thousand",
        entries: 100_000,
        ttl_ms: -1,
    },
    Case {
        name: "a million",
        entries: 1_000_000,
        ttl_ms: -1,
    },
    Case {
        name: "a million, time to live",
        entries: 1_000_000,
        ttl_ms: 3_600_000,
    },
    Case {
        name: "tables just doubled",
        entries: 257 * 3_650,
        ttl_ms: -1,
    },
];

fn measure(case: &Case) {
    let entries = case.entries as f64;
    let ttl = TimeToLive::from_wire_ms(case.ttl_ms).expect("-1 and positive numbers are times to live");
    let before = resident_bytes();
    let partitions = load(case.entries, ttl);
    let resident = resident_bytes().saturating_sub(before) as f64 / entries;
    let net: u64 = partitions
        .iter()
        .map(|partition| partition.stats(CacheId::new(1)))
        .map(|stats| stats.key_bytes + stats.value_bytes)
        .sum();
    assert_eq!(net, case.entries * NET_BYTES);
    let total: usize = partitions
        .iter()
        .map(|partition| partition.memory().total_bytes())
        .sum();
    let counted = total as f64 / entries;
    let (counted_overhead, resident_overhead) = (counted - NET_BYTES as f64, resident - NET_BYTES as f64);
    println!(
        "{:<26}{:>9} entries, bytes an entry: counted {counted:.1} (overhead {counted_overhead:.1}), \
         resident {resident:.1} (overhead {resident_overhead:.1})",
        case.name, case.entries,
    );
    let limit = OVERHEAD_BYTES_MAX;
    assert!(
        counted_overhead <= limit,
        "counted overhead above {limit} bytes an entry"
    );
    assert!(
        resident_overhead <= limit,
        "measured overhead above {limit} bytes an entry"
    );
    assert!(
        resident >= NET_BYTES as f64,
        "the entries must be resident to be measured"
    );
}

fn main() {
    // Each case has a process of its own: memory that an allocator kept from another would hide what it takes.
    let asked = std::env::var(CASE)
        .ok()
        .and_then(|number| number.parse::<usize>().ok());
    if let Some(case) = asked.and_then(|number| CASES.get(number)) {
        return measure(case);
    }
    let program = std::env::current_exe().expect("a running program has a path");
    for number in 0..CASES.len() {
        let status = Process::new(&program).env(CASE, number.to_string()).status();
        assert!(
            status.expect("this program can be started").success(),
            "case {number} failed"
        );
    }
}

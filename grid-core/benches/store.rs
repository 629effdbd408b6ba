//! Commands and reads of one partition with 100,000 entries of 1 KiB.

#![expect(
    missing_docs,
    reason = "the macros of the bench harness make undocumented items"
)]

use std::hint::black_box;
use std::num::NonZeroUsize;

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use grid_core::store::{
    CacheId, CacheSettings, Command, PageContent, PageLimits, Partition, TimeToLive, Timestamp, Want,
};
use grid_core::value::{Binary, Format, Key};

const ENTRIES: usize = 100_000;
const CACHE: CacheId = CacheId::new(1);
const NOW: Timestamp = Timestamp::from_unix_ms(1_700_000_000_000);

fn value(fill: &str) -> Binary {
    Binary::new(Format::JSON, Bytes::from(format!("\"{}\"", fill.repeat(1022))))
}

fn put(partition: &mut Partition, key: &Key, value: &Binary, want: Want) {
    let put = Command::Put {
        value: value.clone(),
        ttl: TimeToLive::CacheDefault,
    };
    let applied = partition.apply(NOW, CACHE, CacheSettings::default(), key, put, want);
    black_box(applied.expect("there is room"));
}

fn store(criterion: &mut Criterion) {
    let key = |number| {
        let text = Bytes::from(format!("\"key:{number:012}\""));
        Key::new(Binary::new(Format::JSON, text)).expect("a JSON string is a key")
    };
    let keys: Vec<Key> = (0..ENTRIES).map(key).collect();
    let absent: Vec<Key> = (ENTRIES..2 * ENTRIES).map(key).collect();
    let (first, second) = (value("a"), value("b"));
    let mut partition = Partition::new();
    for key in &keys {
        put(&mut partition, key, &first, Want::NOTHING);
    }
    // A step that shares no factor with the count visits every key, in an order that defeats the cache.
    let mut at = 0;
    let mut next = move || {
        at = (at + 7_919) % ENTRIES;
        at
    };
    criterion.bench_function("get 1 KiB", |bench| {
        bench.iter(|| {
            let view = partition.get(NOW, CACHE, &keys[next()]);
            view.expect("the key is there").value_binary()
        });
    });
    criterion.bench_function("get, absent", |bench| {
        bench.iter(|| partition.contains(NOW, CACHE, &absent[next()]));
    });
    criterion.bench_function("replace 1 KiB", |bench| {
        bench.iter(|| put(&mut partition, &keys[next()], &second, Want::NOTHING));
    });
    criterion.bench_function("replace 1 KiB, previous value and change", |bench| {
        bench.iter(|| put(&mut partition, &keys[next()], &first, Want::ALL));
    });
    criterion.bench_function("insert and remove 1 KiB", |bench| {
        bench.iter(|| {
            let key = &absent[next()];
            put(&mut partition, key, &first, Want::NOTHING);
            let removed = partition.apply(
                NOW,
                CACHE,
                CacheSettings::default(),
                key,
                Command::Remove,
                Want::NOTHING,
            );
            black_box(removed.expect("a removal needs no room"));
        });
    });
    let thousand = NonZeroUsize::new(1_000).expect("not zero");
    let limits = PageLimits {
        entries_max: thousand,
        bytes_max: NonZeroUsize::MAX,
    };
    criterion.bench_function("page of 1000 keys", |bench| {
        bench.iter(|| partition.page(NOW, CACHE, None, limits, PageContent::Keys));
    });
}

criterion_group!(benches, store);
criterion_main!(benches);

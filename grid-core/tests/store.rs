//! The store against a naive model: random commands, times, sweeps and pages.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its model's methods too"
)]

use std::collections::BTreeMap;
use std::num::{NonZeroU64, NonZeroUsize};

use bytes::Bytes;
use grid_core::store::{
    CacheId, CacheSettings, CacheStats, Change, ChangeKind, Command, PageContent, PageCursor, PageLimits,
    Partition, Sequence, TimeToLive, Timestamp, Want, wheel::TICK_MS,
};
use grid_core::value::{Binary, Format, Key};
use proptest::prelude::*;

const CACHES: u32 = 3;

fn json(text: String) -> Binary {
    Binary::new(Format::JSON, Bytes::from(text))
}

/// Keys in several spellings, of which some are the same key.
fn key(number: u16, spelling: u8) -> Key {
    let text = match spelling % 3 {
        0 => format!("{{\"a\":{number},\"b\":[1,2]}}"),
        1 => format!("{{ \"b\": [1, 2], \"a\": {number} }}"),
        _ => format!("\"key:{number}\""),
    };
    Key::new(json(text)).unwrap()
}

fn value(size: u16) -> Binary {
    let size = usize::from(size);
    match size % 5 {
        0 => json("null".to_owned()),
        1 => json(format!(" {}", size % 7)),
        2 => json(format!("{}", size % 7)),
        3 => Binary::new(
            Format::from_id(9),
            Bytes::from(format!("\"{}\"", "x".repeat(size % 3_000))),
        ),
        _ => json(format!("\"{}\"", "y".repeat(size))),
    }
}

#[derive(Clone, Debug)]
enum Step {
    Apply {
        cache: u32,
        key: (u16, u8),
        kind: u8,
        value: u16,
        other: u16,
        ttl: i64,
    },
    Pass(u64),
    Expire(usize),
    Clear(u32, usize),
    Truncate(u32),
    Pages(u32, usize, usize),
}

fn step() -> impl Strategy<Value = Step> {
    let ttl = prop_oneof![3 => Just(0i64), 1 => Just(-1), 3 => 1i64..5_000, 1 => Just(i64::MAX)];
    let size = prop_oneof![8 => 0u16..40, 2 => any::<u16>()];
    let other = prop_oneof![8 => 0u16..40, 2 => any::<u16>()];
    prop_oneof![
        20 => (0..CACHES, (0u16..40, any::<u8>()), 0u8..8, size, other, ttl)
            .prop_map(|(cache, key, kind, value, other, ttl)| Step::Apply { cache, key, kind, value, other, ttl }),
        2 => (0u64..3_000).prop_map(Step::Pass),
        2 => (0usize..30).prop_map(Step::Expire),
        1 => (0..CACHES, 0usize..10).prop_map(|(cache, max)| Step::Clear(cache, max)),
        1 => prop_oneof![8 => Just(CACHES), 1 => 0..CACHES].prop_map(Step::Truncate),
        2 => (0..CACHES, 1usize..8, 1usize..5_000)
            .prop_map(|(cache, entries, bytes)| Step::Pages(cache, entries, bytes)),
    ]
}

#[derive(Clone, Debug)]
struct ModelEntry {
    key: Key,
    value: Binary,
    deadline: Option<Timestamp>,
    version: Sequence,
}

struct Model {
    now: Timestamp,
    sequence: u64,
    settings: CacheSettings,
    entries: BTreeMap<(u32, Vec<u8>), ModelEntry>,
    partition: Partition,
}

fn over(entry: &ModelEntry, now: Timestamp) -> bool {
    entry.deadline.is_some_and(|deadline| deadline <= now)
}

fn same_bytes(a: Option<&Binary>, b: Option<&Binary>) -> bool {
    let parts = |binary: &Binary| (binary.format(), binary.bytes().clone());
    a.map(parts) == b.map(parts)
}

impl Model {
    fn new() -> Self {
        Model {
            now: Timestamp::from_unix_ms(1_700_000_000_123),
            sequence: 0,
            settings: CacheSettings {
                default_ttl_ms: NonZeroU64::new(2_500),
            },
            entries: BTreeMap::new(),
            partition: Partition::new(),
        }
    }

    fn check_deleted(&mut self, change: &Change, expired: bool) {
        self.sequence += 1;
        assert_eq!(change.sequence.get(), self.sequence);
        assert_eq!((change.kind, change.expired), (ChangeKind::Delete, expired));
        let key = Key::new(change.key.clone()).unwrap();
        let entry = self
            .entries
            .remove(&(change.cache.get(), key.canonical().to_vec()))
            .unwrap();
        assert!(same_bytes(Some(&change.key), Some(entry.key.spelling())));
        assert!(same_bytes(change.old.as_ref(), Some(&entry.value)));
        assert!(change.new.is_none());
        assert_eq!(over(&entry, self.now), expired);
    }

    fn apply(&mut self, cache: u32, key: &Key, command: &Command) {
        let place = (cache, key.canonical().to_vec());
        let applied = self
            .partition
            .apply(
                self.now,
                CacheId::new(cache),
                self.settings,
                key,
                command.clone(),
                Want::ALL,
            )
            .unwrap();
        let lapsed = self
            .entries
            .get(&place)
            .is_some_and(|entry| over(entry, self.now));
        assert_eq!(applied.expired.is_some(), lapsed);
        if let Some(change) = &applied.expired {
            self.check_deleted(change, true);
        }
        let present = self.entries.get(&place).cloned();
        let equals = |value: &Binary| {
            present
                .as_ref()
                .is_some_and(|entry| entry.value.same_value(value))
        };
        let (done, write) = match command {
            Command::Put { value, ttl } => (true, Some((value, *ttl))),
            Command::PutIfAbsent { value, ttl } => (present.is_none(), Some((value, *ttl))),
            Command::Replace { value } => (present.is_some(), Some((value, TimeToLive::CacheDefault))),
            Command::ReplaceIfEqual { previous, value } => {
                (equals(previous), Some((value, TimeToLive::CacheDefault)))
            }
            Command::Remove => (present.is_some(), None),
            Command::RemoveIfEqual { previous } => (equals(previous), None),
            Command::Work(_) => unreachable!("no step does work"),
        };
        assert_eq!((applied.done, applied.existed), (done, present.is_some()));
        assert!(same_bytes(
            applied.previous.as_ref(),
            present.as_ref().map(|entry| &entry.value)
        ));
        assert_eq!(
            (applied.change.is_some(), applied.sequence.is_some()),
            (done, done)
        );
        let Some(change) = applied.change else { return };
        let Some((value, ttl)) = write else {
            return self.check_deleted(&change, false);
        };
        self.sequence += 1;
        assert_eq!(
            (change.sequence.get(), applied.sequence),
            (self.sequence, Some(change.sequence))
        );
        assert!(same_bytes(
            change.old.as_ref(),
            present.as_ref().map(|entry| &entry.value)
        ));
        assert!(same_bytes(change.new.as_ref(), Some(value)));
        let kind = if present.is_some() {
            ChangeKind::Update
        } else {
            ChangeKind::Insert
        };
        assert_eq!((change.kind, change.expired), (kind, false));
        let key = present.map_or_else(|| key.clone(), |entry| entry.key);
        assert!(same_bytes(Some(&change.key), Some(key.spelling())));
        let deadline = ttl.deadline(self.now, self.settings);
        let entry = ModelEntry {
            key,
            value: value.clone(),
            deadline,
            version: change.sequence,
        };
        self.entries.insert(place, entry);
    }

    fn expire(&mut self, work_max: usize) -> bool {
        let swept = self.partition.expire(self.now, work_max, |_cache| Want::ALL);
        assert_eq!(swept.removed, swept.changes.len());
        assert!(swept.removed <= work_max);
        for change in &swept.changes {
            self.check_deleted(change, true);
        }
        if swept.done {
            let late = |entry: &ModelEntry| entry.deadline.is_some_and(|at| at.after_ms(TICK_MS) <= self.now);
            assert!(!self.entries.values().any(late));
        }
        swept.done
    }

    fn clear(&mut self, cache: u32, max: usize) {
        let swept = self
            .partition
            .clear(self.now, CacheId::new(cache), max, Want::ALL);
        assert!(swept.removed <= max);
        assert_eq!(swept.removed, swept.changes.len());
        for change in &swept.changes {
            self.check_deleted(change, change.expired);
        }
        assert_eq!(swept.done, !self.entries.keys().any(|place| place.0 == cache));
    }

    fn truncate(&mut self, cache: u32) {
        let count = self.entries.keys().filter(|place| place.0 == cache).count();
        let dropped = self.partition.truncate(CacheId::new(cache));
        self.sequence += 1;
        assert_eq!((dropped.sequence.get(), dropped.entries), (self.sequence, count));
        self.entries.retain(|place, _| place.0 != cache);
    }

    fn check_pages(&self, cache: u32, limits: PageLimits) {
        let id = CacheId::new(cache);
        let (mut after, mut seen) = (None, BTreeMap::new());
        loop {
            let page = self
                .partition
                .page(self.now, id, after, limits, PageContent::Entries);
            let len = |binary: &Option<Binary>| binary.as_ref().map_or(0, |binary| binary.bytes().len());
            let bytes: usize = page
                .entries
                .iter()
                .map(|entry| len(&entry.key) + len(&entry.value))
                .sum();
            assert!(page.entries.len() <= limits.entries_max.get());
            assert!(page.entries.len() <= 1 || bytes <= limits.bytes_max.get());
            let keys = self
                .partition
                .page(self.now, id, after, limits, PageContent::Keys);
            assert!(
                keys.entries
                    .iter()
                    .all(|entry| entry.key.is_some() && entry.value.is_none())
            );
            for entry in page.entries {
                let key = Key::new(entry.key.unwrap()).unwrap();
                let old = seen.insert(key.canonical().to_vec(), (entry.value.unwrap(), entry.version));
                assert!(old.is_none(), "an entry on two pages");
            }
            match page.next {
                Some(next) => assert!(after.replace(next) < Some(next)),
                None => break,
            }
        }
        let live = self
            .entries
            .iter()
            .filter(|(place, entry)| place.0 == cache && !over(entry, self.now));
        assert_eq!(live.clone().count(), seen.len());
        for (place, entry) in live {
            let (value, version) = &seen[&place.1];
            assert!(same_bytes(Some(value), Some(&entry.value)));
            assert_eq!(*version, entry.version);
        }
    }

    fn check_sizes(&self) {
        assert_eq!(self.partition.sequence().get(), self.sequence);
        let mut memory = 0;
        for cache in 0..CACHES {
            let entries = || {
                self.entries
                    .iter()
                    .filter(|(place, _)| place.0 == cache)
                    .map(|(_, entry)| entry)
            };
            let id = CacheId::new(cache);
            let CacheStats {
                entries: count,
                key_bytes,
                value_bytes,
                memory_bytes,
                ..
            } = self.partition.stats(id);
            assert_eq!(count, entries().count() as u64);
            let keys: usize = entries().map(|entry| entry.key.spelling().bytes().len()).sum();
            let values: usize = entries().map(|entry| entry.value.bytes().len()).sum();
            assert_eq!((key_bytes, value_bytes), (keys as u64, values as u64));
            assert!(memory_bytes >= key_bytes + value_bytes);
            assert_eq!(
                self.partition.len(self.now, id),
                entries().filter(|entry| !over(entry, self.now)).count()
            );
            memory += memory_bytes;
        }
        assert!(memory <= self.partition.memory().total_bytes() as u64);
    }

    fn check_reads(&self, cache: u32, key: &Key, value: &Binary) {
        let id = CacheId::new(cache);
        let entry = self
            .entries
            .get(&(cache, key.canonical().to_vec()))
            .filter(|entry| !over(entry, self.now));
        let view = self.partition.get(self.now, id, key);
        assert_eq!(view.is_some(), entry.is_some());
        assert_eq!(self.partition.contains(self.now, id, key), entry.is_some());
        if let (Some(view), Some(entry)) = (view, entry) {
            assert!(same_bytes(Some(&view.value_binary()), Some(&entry.value)));
            assert!(same_bytes(Some(&view.key_binary()), Some(entry.key.spelling())));
            assert_eq!((view.version(), view.deadline()), (entry.version, entry.deadline));
        }
        let held = self.entries.iter().any(|(place, entry)| {
            place.0 == cache && !over(entry, self.now) && entry.value.same_value(value)
        });
        assert_eq!(self.partition.contains_value(self.now, id, value), held);
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Apply {
                cache,
                key: (number, spelling),
                kind,
                value: size,
                other,
                ttl,
            } => {
                let (key, previous) = (key(number, spelling), value(other));
                let (value, ttl) = (value(size), TimeToLive::from_wire_ms(ttl).unwrap());
                let command = match kind {
                    0..=2 => Command::Put { value, ttl },
                    3 => Command::PutIfAbsent { value, ttl },
                    4 => Command::Replace { value },
                    5 => Command::ReplaceIfEqual {
                        previous: previous.clone(),
                        value,
                    },
                    6 => Command::Remove,
                    _ => Command::RemoveIfEqual {
                        previous: previous.clone(),
                    },
                };
                self.check_reads(cache, &key, &previous);
                self.apply(cache, &key, &command);
                self.check_reads(cache, &key, &previous);
            }
            Step::Pass(ms) => self.now = self.now.after_ms(ms),
            Step::Expire(work_max) => {
                self.expire(work_max);
            }
            Step::Clear(cache, max) => self.clear(cache, max),
            Step::Truncate(cache) => self.truncate(cache),
            Step::Pages(cache, entries, bytes) => {
                let entries_max = NonZeroUsize::new(entries).unwrap();
                let bytes_max = NonZeroUsize::new(bytes).unwrap();
                self.check_pages(
                    cache,
                    PageLimits {
                        entries_max,
                        bytes_max,
                    },
                );
            }
        }
        self.check_sizes();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_store_does_what_a_naive_map_does(steps in prop::collection::vec(step(), 1..250)) {
        let mut model = Model::new();
        for step in steps {
            model.run(step);
        }
        model.now = model.now.after_ms(10_000);
        while !model.expire(8) {}
        for cache in 0..CACHES {
            model.clear(cache, usize::MAX);
        }
        model.check_sizes();
        prop_assert_eq!(model.partition.memory().total_bytes(), 0);
    }

    #[test]
    fn pages_show_what_stays_exactly_once(
        seed in any::<u32>(),
        page_len in 1usize..40,
        churn in prop::collection::vec((any::<u32>(), any::<bool>()), 0..600),
    ) {
        let (now, cache) = (Timestamp::from_unix_ms(1), CacheId::new(0));
        let settings = CacheSettings::default();
        let mut partition = Partition::new();
        let apply = |partition: &mut Partition, text: String, put: bool| {
            let value = json("1".to_owned());
            let command =
                if put { Command::Put { value, ttl: TimeToLive::Never } } else { Command::Remove };
            let key = Key::new(json(text)).unwrap();
            partition.apply(now, cache, settings, &key, command, Want::NOTHING).unwrap();
        };
        for number in 0..200 {
            apply(&mut partition, format!("\"stays:{seed}:{number}\""), true);
        }
        let limits = PageLimits {
            entries_max: NonZeroUsize::new(page_len).unwrap(),
            bytes_max: NonZeroUsize::MAX,
        };
        let mut churn = churn.into_iter();
        let mut seen = BTreeMap::new();
        let mut after: Option<PageCursor> = None;
        loop {
            let page = partition.page(now, cache, after, limits, PageContent::Keys);
            for entry in page.entries {
                *seen.entry(entry.key.unwrap().bytes().clone()).or_insert(0) += 1;
            }
            // The table grows and shrinks between two pages.
            for (number, put) in churn.by_ref().take(40) {
                apply(&mut partition, format!("\"comes and goes:{}\"", number % 500), put);
            }
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        for number in 0..200 {
            let key = Bytes::from(format!("\"stays:{seed}:{number}\""));
            prop_assert_eq!(seen.get(&key), Some(&1));
        }
    }
}

#[test]
fn thousands_of_caches_cost_nothing_when_empty_and_little_when_small() {
    let mut partition = Partition::new();
    let (now, settings) = (Timestamp::EPOCH, CacheSettings::default());
    let key = key(1, 0);
    for cache in 0..5_000 {
        let put = Command::Put {
            value: value(2),
            ttl: TimeToLive::Never,
        };
        partition
            .apply(now, CacheId::new(cache), settings, &key, put, Want::NOTHING)
            .unwrap();
    }
    let bytes = partition.memory().total_bytes() / 5_000;
    assert!(bytes < 320, "{bytes} bytes for a cache with one entry");
    for cache in 0..5_000 {
        assert_eq!(partition.truncate(CacheId::new(cache)).entries, 1);
    }
    assert_eq!(partition.memory().total_bytes(), 0);
}

#[test]
fn a_large_value_is_handed_out_without_a_copy() {
    let mut partition = Partition::new();
    let (now, cache, settings) = (Timestamp::EPOCH, CacheId::new(1), CacheSettings::default());
    let key = key(1, 0);
    let large = json(format!("\"{}\"", "z".repeat(100_000)));
    let put = Command::Put {
        value: large.clone(),
        ttl: TimeToLive::Never,
    };
    partition
        .apply(now, cache, settings, &key, put, Want::NOTHING)
        .unwrap();
    let view = partition.get(now, cache, &key).unwrap();
    let (a, b) = (view.value_binary(), view.value_binary());
    assert!(same_bytes(Some(&a), Some(&large)));
    assert_eq!(a.bytes().as_ptr(), b.bytes().as_ptr());
    assert_ne!(
        a.bytes().as_ptr(),
        large.bytes().as_ptr(),
        "a request's frame must not be kept alive"
    );
}

#[test]
fn an_entry_is_over_to_the_millisecond_and_its_end_is_told_once() {
    let mut partition = Partition::new();
    let (now, cache, settings) = (
        Timestamp::from_unix_ms(10_001),
        CacheId::new(1),
        CacheSettings::default(),
    );
    let key = key(1, 0);
    let put = Command::Put {
        value: value(2),
        ttl: TimeToLive::from_wire_ms(10).unwrap(),
    };
    partition
        .apply(now, cache, settings, &key, put, Want::NOTHING)
        .unwrap();
    assert!(partition.contains(now.after_ms(9), cache, &key));
    let end = now.after_ms(10);
    assert!(!partition.contains(end, cache, &key));
    assert_eq!(
        (partition.len(end, cache), partition.stats(cache).entries),
        (0, 1)
    );
    assert!(!partition.contains_value(end, cache, &value(2)));
    let mut seen = 0;
    partition.for_each(end, cache, |_view| seen += 1);
    assert_eq!(
        partition.scan(end, cache, None, NonZeroUsize::MIN, |_view| seen += 1),
        None
    );
    assert_eq!(seen, 0);
    let due = partition.next_deadline().unwrap();
    assert!(due < end.after_ms(TICK_MS));
    let swept = partition.expire(due, 10, |_cache| Want::CHANGE);
    assert!(swept.done && swept.changes[0].expired && swept.changes[0].old.is_none());
    assert_eq!((swept.removed, partition.next_deadline()), (1, None));
    assert_eq!(partition.memory().total_bytes(), 0);
}

#[test]
fn a_refused_command_leaves_no_trace() {
    let mut partition = Partition::new();
    let (now, cache, settings) = (Timestamp::EPOCH, CacheId::new(1), CacheSettings::default());
    let commands = [
        Command::Remove,
        Command::Replace { value: value(2) },
        Command::ReplaceIfEqual {
            previous: value(0),
            value: value(2),
        },
        Command::RemoveIfEqual { previous: value(0) },
    ];
    for command in commands {
        let applied = partition
            .apply(now, cache, settings, &key(1, 0), command, Want::ALL)
            .unwrap();
        assert!(!applied.done && applied.sequence.is_none() && applied.change.is_none());
    }
    assert_eq!(
        (partition.sequence(), partition.memory().total_bytes()),
        (Sequence::ZERO, 0)
    );
}

//! A partition to ask, and a naive reading of what it should answer.

use std::num::NonZeroUsize;
use std::sync::Arc;

use bytes::Bytes;
use grid_core::query::{Filter, QueryError};
use grid_core::store::{
    CacheId, CacheSettings, Command, EntryView, IndexDefinition, PageContent, PageLimits, Partition,
    PreparedFilter, Room, SliceLimits, SlicedPage, TimeToLive, Timestamp, Want,
};
use grid_core::value::{Binary, Format, Key};

pub(crate) const CACHE: CacheId = CacheId::new(7);
pub(crate) const START: Timestamp = Timestamp::from_unix_ms(1_700_000_000_000);

pub(crate) fn json(text: impl Into<Vec<u8>>) -> Binary {
    Binary::new(Format::JSON, Bytes::from(text.into()))
}

pub(crate) fn put(partition: &mut Partition, key: &str, value: &str) {
    let key = Key::new(json(key)).unwrap();
    let ttl = TimeToLive::CacheDefault;
    let value = json(value);
    let put = Command::Put { value, ttl };
    let settings = CacheSettings::default();
    partition
        .apply(START, CACHE, settings, &key, put, Want::NOTHING)
        .unwrap();
}

pub(crate) fn add(partition: &mut Partition, definition: IndexDefinition) {
    assert_eq!(partition.add_index(CACHE, Arc::new(definition)), Ok(true));
    check(partition);
}

/// Whether the indexes say what the entries say.
pub(crate) fn check(partition: &Partition) {
    let faults = partition.check_indexes(CACHE);
    assert!(faults.is_empty(), "{faults:?}");
}

/// The keys that a filter selects in order, and the errors, by asking it about every entry.
pub(crate) fn naive(
    partition: &Partition,
    now: Timestamp,
    filter: &Filter,
) -> (Vec<Vec<u8>>, Vec<QueryError>) {
    let (mut keys, mut errors) = (Vec::new(), Vec::new());
    partition.for_each(now, CACHE, |view: EntryView<'_>| {
        match filter.evaluate(&view.query_entry()) {
            Ok(true) => keys.push(view.key().to_vec()),
            Ok(false) => {}
            Err(error) => errors.push(error),
        }
    });
    keys.sort();
    (keys, errors)
}

/// Asks in each way, and compares with the naive reading.
pub(crate) fn compare(partition: &Partition, now: Timestamp, filter: &Filter, page_entries: usize) {
    compare_slices((partition, now), filter, page_entries);
    let (expected, errors) = naive(partition, now, filter);
    let mut selected = Vec::new();
    let answer = partition.select(now, CACHE, filter, |entry| {
        selected.push(entry.key().unwrap_or(b"opaque").to_vec());
        Ok(())
    });
    selected.sort();
    match answer {
        Ok(()) => {
            assert!(errors.is_empty(), "{filter:?}: {errors:?}");
            if !expected.iter().any(|key| key.starts_with(b"opaque")) {
                assert_eq!(selected, expected, "{filter:?}");
            }
            assert_eq!(selected.len(), expected.len());
        }
        Err(error) => assert!(errors.contains(&error), "{filter:?}: {error}"),
    }
    let mut paged = Vec::new();
    let mut after = None;
    let entries_max = NonZeroUsize::new(page_entries).unwrap();
    let limits = PageLimits {
        entries_max,
        bytes_max: NonZeroUsize::new(100).unwrap(),
    };
    loop {
        match partition.query(now, CACHE, filter, (after, limits, PageContent::Keys)) {
            Err(error) => {
                assert!(errors.contains(&error), "{filter:?}: {error}");
                return;
            }
            Ok(page) => {
                let keys = page.entries.iter().map(|entry| entry.key.clone().unwrap());
                let hashes: Vec<_> = keys.clone().map(|key| Key::new(key).unwrap().hash()).collect();
                assert!(hashes.is_sorted());
                assert!(
                    hashes
                        .first()
                        .is_none_or(|first| after.is_none_or(|after| *first > after.hash()))
                );
                paged.extend(keys.map(|key| key.bytes().to_vec()));
                match page.next {
                    None => break,
                    next => after = next,
                }
            }
        }
    }
    assert!(errors.is_empty(), "{filter:?}: {errors:?}");
    paged.sort();
    assert_eq!(paged, expected, "{filter:?}");
}

/// Asks several partitions at once, and compares with a naive reading and with asking each alone.
pub(crate) fn compare_together(partitions: &[&Partition], now: Timestamp, filter: &Filter) {
    let prepared = PreparedFilter::new(filter);
    let planned = prepared.plan_all(CACHE, partitions);
    assert_eq!(planned.len(), partitions.len());
    for (planned, partition) in planned.iter().zip(partitions) {
        let alone = partition.plan_query(CACHE, &prepared);
        assert_eq!(planned.looks_at(), alone.looks_at(), "{filter:?}");
        let (expected, errors) = naive(partition, now, filter);
        let mut selected = 0;
        let answer = planned.visit(now, |_entry| {
            selected += 1;
            Ok(())
        });
        match answer {
            Ok(()) => assert_eq!((selected, errors), (expected.len(), Vec::new()), "{filter:?}"),
            Err(error) => assert!(errors.contains(&error), "{filter:?}: {error}"),
        }
    }
}

/// The same in slices.
fn compare_slices((partition, now): (&Partition, Timestamp), filter: &Filter, page_entries: usize) {
    let (expected, errors) = naive(partition, now, filter);
    let prepared = PreparedFilter::new(filter);
    let limits = SliceLimits {
        entries_max: 3,
        bytes_max: 200,
    };
    let mut selected = 0;
    let mut slices = partition.plan_query(CACHE, &prepared).slices(None);
    while slices.has_more() {
        slices.order();
        let answer = slices.visit((partition, now), &prepared, limits, |_entry| {
            selected += 1;
            Ok(())
        });
        if let Err(error) = answer {
            assert!(errors.contains(&error), "{filter:?}: {error}");
            return;
        }
    }
    assert!(errors.is_empty(), "{filter:?}: {errors:?}");
    assert_eq!(selected, expected.len(), "{filter:?}");
    let page_limits = PageLimits {
        entries_max: NonZeroUsize::new(page_entries).unwrap(),
        bytes_max: NonZeroUsize::new(100).unwrap(),
    };
    let (mut paged, mut after) = (Vec::new(), None);
    loop {
        let mut slices = partition.plan_query(CACHE, &prepared).slices(after);
        let (mut page, room) = (SlicedPage::new(page_limits, PageContent::Keys), Room::unbounded());
        while slices.has_more() {
            slices.order();
            let place = (partition, now);
            if !slices.fill(place, &prepared, limits, (&mut page, &room)).unwrap() {
                break;
            }
        }
        let page = page.into_page().unwrap();
        let bytes: usize = page
            .entries
            .iter()
            .map(|entry| entry.key.as_ref().unwrap().bytes().len())
            .sum();
        assert!(page.entries.len() <= page_entries && (bytes <= 100 || page.entries.len() == 1));
        paged.extend(
            page.entries
                .into_iter()
                .map(|entry| entry.key.unwrap().bytes().to_vec()),
        );
        match page.next {
            None => break,
            next => {
                assert!(next > after);
                after = next;
            }
        }
    }
    paged.sort();
    assert_eq!(paged, expected, "{filter:?}");
}

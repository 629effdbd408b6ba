//! Reading in slices while the partition changes.

use std::num::NonZeroUsize;

use grid_core::query::{Extractor, Filter, field};
use grid_core::store::{
    CacheSettings, Command, IndexDefinition, PageContent, PageLimits, Partition, PreparedFilter, Room,
    SliceLimits, SlicedPage, Want,
};
use grid_core::value::Key;

use crate::model::{CACHE, START, add, json, put};

const LIMITS: SliceLimits = SliceLimits {
    entries_max: 7,
    bytes_max: 10_000,
};

fn numbers(count: usize) -> Partition {
    let mut partition = Partition::new();
    for number in 0..count {
        put(
            &mut partition,
            &number.to_string(),
            &format!("{{\"n\":{number}}}"),
        );
    }
    partition
}

fn remove(partition: &mut Partition, key: usize) {
    let key = Key::new(json(key.to_string())).unwrap();
    let settings = CacheSettings::default();
    partition
        .apply(START, CACHE, settings, &key, Command::Remove, Want::NOTHING)
        .unwrap();
}

/// Entries come, go, change and move while a partition is read: those that stay come once.
fn change(partition: &mut Partition, round: usize) {
    remove(partition, 1_000 + round);
    put(partition, &(5_000 + round).to_string(), "{\"n\":1}");
    let longer = "x".repeat(round % 90);
    let changed = format!("{{\"n\":{},\"text\":\"{longer}\"}}", round % 500);
    put(partition, &(round % 500).to_string(), &changed);
}

#[test]
fn what_stays_is_looked_at_once() {
    for indexed in [false, true] {
        let mut partition = numbers(2_000);
        if indexed {
            add(
                &mut partition,
                IndexDefinition::new(Extractor::path("n")).sorted(),
            );
        }
        let filter = field("n").lt(500);
        let prepared = PreparedFilter::new(&filter);
        let mut slices = partition.plan_query(CACHE, &prepared).slices(None);
        let (mut seen, mut round) = (Vec::new(), 0);
        while slices.has_more() {
            slices.order();
            slices
                .visit((&partition, START), &prepared, LIMITS, |entry| {
                    seen.push(String::from_utf8(entry.key().unwrap().to_vec()).unwrap());
                    Ok(())
                })
                .unwrap();
            change(&mut partition, round);
            round += 1;
        }
        assert!(round >= if indexed { 500 / 7 } else { 1_500 / 7 });
        assert!(slices.looked_at() >= 500);
        seen.retain(|key| key.parse::<usize>().unwrap() < 5_000);
        let mut keys: Vec<usize> = seen.iter().map(|key| key.parse().unwrap()).collect();
        keys.sort_unstable();
        assert_eq!(keys, (0..500).collect::<Vec<_>>(), "indexed {indexed}");
    }
}

#[test]
fn a_page_goes_on_where_the_one_before_ended() {
    let mut partition = numbers(2_000);
    let filter = field("n").lt(500);
    let prepared = PreparedFilter::new(&filter);
    let limits = PageLimits {
        entries_max: NonZeroUsize::new(20).unwrap(),
        bytes_max: NonZeroUsize::new(200).unwrap(),
    };
    let (mut keys, mut after, mut round) = (Vec::new(), None, 0);
    loop {
        let mut slices = partition.plan_query(CACHE, &prepared).slices(after);
        let mut page = SlicedPage::new(limits, PageContent::Entries);
        while slices.has_more() {
            slices.order();
            let more = slices
                .fill(
                    (&partition, START),
                    &prepared,
                    LIMITS,
                    (&mut page, &Room::unbounded()),
                )
                .unwrap();
            change(&mut partition, round);
            round += 1;
            if !more {
                break;
            }
        }
        let page = page.into_page().unwrap();
        assert!(page.entries.len() <= 20);
        for entry in page.entries {
            assert!(entry.value.is_some());
            let key = entry.key.unwrap();
            keys.push(
                std::str::from_utf8(key.bytes())
                    .unwrap()
                    .parse::<usize>()
                    .unwrap(),
            );
        }
        match page.next {
            None => break,
            next => after = next,
        }
    }
    keys.retain(|key| *key < 5_000);
    keys.sort_unstable();
    assert_eq!(keys, (0..500).collect::<Vec<_>>());
}

#[test]
fn a_value_is_found_in_the_slice_that_has_it() {
    let partition = numbers(100);
    let prepared = PreparedFilter::new(&Filter::Always);
    for (value, is_there) in [("{ \"n\": 42 }", true), ("{\"n\":100}", false)] {
        let mut slices = partition.plan_query(CACHE, &prepared).slices(None);
        let mut found = false;
        while slices.has_more() && !found {
            slices.order();
            found = slices.contains_value((&partition, START), &json(value), LIMITS);
        }
        assert_eq!(found, is_there);
    }
    let mut gone = partition.plan_query(CACHE, &prepared).slices(None);
    gone.order();
    assert!(!gone.contains_value((&Partition::new(), START), &json("1"), LIMITS));
    assert!(!gone.has_more(), "the cache has no entries any more");
}

#[test]
fn pages_that_are_read_side_by_side_share_the_room() {
    let partition = numbers(100);
    let prepared = PreparedFilter::new(&Filter::Always);
    let limits = PageLimits {
        entries_max: NonZeroUsize::MAX,
        bytes_max: NonZeroUsize::MAX,
    };
    let room = Room::new(100);
    let mut lens = Vec::new();
    for _ in 0..2 {
        let mut slices = partition.plan_query(CACHE, &prepared).slices(None);
        let mut page = SlicedPage::new(limits, PageContent::Values);
        let mut more = true;
        while more {
            slices.order();
            more = slices
                .fill((&partition, START), &prepared, LIMITS, (&mut page, &room))
                .unwrap();
        }
        let page = page.into_page();
        assert!(page.as_ref().is_none_or(|page| page.next.is_some()));
        lens.push(page.map(|page| page.entries.len()));
    }
    // Values have 7 or 8 bytes.
    assert!(matches!(lens[..], [Some(12..=14), None]), "{lens:?}");
}

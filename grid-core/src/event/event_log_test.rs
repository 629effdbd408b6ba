use std::num::NonZeroU16;

use proptest::prelude::*;

use super::*;
use crate::event::{BinaryEvent, Listen, ListenTo};
use crate::query::{EventFilter, field};
use crate::store::{CacheId, ChangeKind};
use crate::value::to_binary;

const PARTITIONS: u16 = 3;

fn count() -> PartitionCount {
    PartitionCount::new(NonZeroU16::new(PARTITIONS).unwrap())
}

fn origin() -> EventOrigin {
    EventOrigin {
        life: 1,
        cache: CacheId::new(1),
    }
}

fn log(bytes_max: usize) -> EventLog {
    let mut log = EventLog::new(origin(), count(), bytes_max);
    log.begin(&[Default::default(); PARTITIONS as usize]);
    log
}

fn number(partition: u16, sequence: u64) -> EventNumber {
    EventNumber {
        partition: count().nth(partition).unwrap(),
        placed: Epoch::ZERO,
        sequence: Sequence::new(sequence),
    }
}

fn push(log: &mut EventLog, partition: u16, sequence: u64) {
    let change = Change {
        sequence: Sequence::new(sequence),
        cache: CacheId::new(1),
        key: to_binary(&partition).unwrap(),
        kind: ChangeKind::Insert,
        old: None,
        new: Some(to_binary(&serde_json::json!({ "n": sequence })).unwrap()),
        deadline: None,
        expired: false,
    };
    log.push(Arc::new(LoggedChange::new(number(partition, sequence), &change)));
}

fn all() -> Listen {
    Listen {
        to: ListenTo::All,
        values: true,
    }
}

fn even() -> Listen {
    let filter = field("n").ge(5);
    Listen {
        to: ListenTo::Where(EventFilter::new(filter)),
        values: false,
    }
}

/// What a reader is told, in short.
fn told(reader: &mut LogReader, log: &EventLog, listen: &Listen) -> Vec<String> {
    let mut told = Vec::new();
    loop {
        let taken = match reader.take(log) {
            Ok(taken) if taken.is_empty() => return told,
            Ok(taken) => taken,
            Err(Gap) => {
                told.push("gap".to_owned());
                continue;
            }
        };
        told.extend(reader.tell(taken, listen).iter().map(|event| match event {
            BinaryEvent::Entry(event) => event.number.unwrap().to_string(),
            BinaryEvent::Passed(numbers) => format!("passed {}", numbers.len()),
            BinaryEvent::Truncated => "truncated".to_owned(),
            BinaryEvent::Resync => "resync".to_owned(),
            BinaryEvent::Reached(_) => "reached".to_owned(),
            other => format!("{other:?}"),
        }));
    }
}

#[test]
fn who_comes_back_is_told_of_what_it_missed_and_then_of_what_follows() {
    let mut log = log(1 << 20);
    let mut reader = log.read_on();
    push(&mut log, 0, 1);
    push(&mut log, 1, 4);
    assert_eq!(told(&mut reader, &log, &all()), ["P0E0#1", "P1E0#4"]);
    push(&mut log, 0, 2);
    push(&mut log, 2, 9);
    // At another member, which heard of it in another order and has told of one that this one was not told of.
    let mut other = EventLog::new(origin(), count(), 1 << 20);
    other.begin(&[Default::default(); 3]);
    for (partition, sequence) in [(2, 9), (1, 4), (0, 1), (0, 2)] {
        push(&mut other, partition, sequence);
    }
    let mut again = other.read_after(reader.positions()).unwrap();
    assert_eq!(told(&mut again, &other, &all()), ["P2E0#9", "P0E0#2"]);
    push(&mut other, 1, 5);
    assert_eq!(told(&mut again, &other, &all()), ["P1E0#5"]);
}

#[test]
fn what_is_told_to_a_member_late_is_not_told_twice() {
    let mut log = log(1 << 20);
    let mut positions = log.read_on().positions().clone();
    positions.advance(number(0, 7));
    let mut reader = log.read_after(&positions).unwrap();
    for sequence in 5..9 {
        push(&mut log, 0, sequence);
    }
    assert_eq!(told(&mut reader, &log, &all()), ["P0E0#8"]);
}

#[test]
fn what_a_filter_leaves_out_is_passed() {
    let mut log = log(1 << 20);
    let mut reader = log.read_on();
    for sequence in 1..=5 {
        push(&mut log, 0, sequence);
        push(&mut log, 1, sequence);
    }
    push(&mut log, 1, 6);
    push(&mut log, 2, 1);
    let told = told(&mut reader, &log, &even());
    assert_eq!(told, ["P0E0#5", "P1E0#5", "P1E0#6", "passed 1"]);
    assert!(reader.positions().covers(log.read_on().positions()));
}

#[test]
fn what_is_forgotten_is_a_gap_for_those_who_need_it() {
    let mut log = log(0);
    let mut old = log.read_on();
    push(&mut log, 0, 1);
    assert_eq!(log.bytes(), 0);
    assert_eq!(log.read_after(old.positions()).err(), Some(Gap));
    assert_eq!(told(&mut old, &log, &all()), ["gap"]);
    let new = log.read_on();
    assert!(
        log.read_after(new.positions()).is_ok(),
        "it needs nothing that is gone"
    );
    let mut elsewhere = EventLog::new(EventOrigin { life: 2, ..origin() }, count(), 1 << 20);
    elsewhere.begin(&[Default::default(); 3]);
    assert_eq!(elsewhere.read_after(new.positions()).err(), Some(Gap));
}

/// A log that keeps nothing for those who come back, and so many bytes for one who reads now.
fn read_now(unread_bytes_max: usize) -> (EventLog, LogReader) {
    let mut log = log(0);
    log.set_bytes_max(0, unread_bytes_max);
    let reader = log.read_on();
    log.begin_reading(reader.place());
    (log, reader)
}

#[test]
fn what_somebody_reads_now_is_kept_until_it_is_read() {
    let (mut log, mut reader) = read_now(1_000);
    let start = reader.positions().clone();
    for sequence in [1, 3] {
        push(&mut log, 0, sequence);
        push(&mut log, 0, sequence + 1);
        let before = reader.place();
        let expected = [sequence, sequence + 1].map(|sequence| format!("P0E0#{sequence}"));
        assert_eq!(told(&mut reader, &log, &all()), expected);
        log.end_reading(before);
        log.begin_reading(reader.place());
    }
    log.set_bytes_max(0, 1_000);
    assert_eq!(log.bytes(), 0, "all was read");
    assert_eq!(log.read_after(&start).err(), Some(Gap));
    for sequence in 5..100 {
        push(&mut log, 0, sequence);
        assert!(log.bytes() <= 1_000);
    }
    assert_eq!(told(&mut reader, &log, &all()), ["gap"], "it is too slow");
}

#[test]
fn one_change_is_kept_for_who_reads_now_however_large_it_is() {
    let (mut log, mut reader) = read_now(0);
    push(&mut log, 0, 1);
    assert_eq!(told(&mut reader, &log, &all()), ["P0E0#1"]);
    log.end_reading(0);
    log.set_bytes_max(0, 0);
    assert_eq!(log.bytes(), 0);
}

#[test]
fn who_is_too_late_for_what_is_kept_holds_nothing() {
    let (mut log, mut slow) = read_now(1_000);
    for sequence in 1..100 {
        push(&mut log, 0, sequence);
    }
    let mut reader = log.read_on();
    log.begin_reading(reader.place());
    log.set_bytes_max(0, 1_000);
    assert_eq!(log.bytes(), 0);
    push(&mut log, 0, 100);
    assert_eq!(told(&mut reader, &log, &all()), ["P0E0#100"]);
    assert_eq!(told(&mut slow, &log, &all()), ["gap"]);
}

#[test]
fn changes_from_before_the_log_are_not_claimed() {
    let mut log = EventLog::new(origin(), count(), 1 << 20);
    let early = log.read_on().positions().clone();
    push(&mut log, 0, 3);
    assert_eq!(log.read_after(&early).err(), Some(Gap), "it is not whole");
    let mark = (Epoch::ZERO, Sequence::new(2));
    log.begin(&[mark; 3]);
    assert_eq!(log.read_after(&early).err(), Some(Gap));
    let mut at_mark = early;
    at_mark.raise(&[mark; 3]);
    let mut reader = log.read_after(&at_mark).unwrap();
    push(&mut log, 1, 2);
    push(&mut log, 1, 3);
    assert_eq!(told(&mut reader, &log, &all()), ["P0E0#3", "P1E0#3"]);
}

#[test]
fn lost_changes_are_a_gap_before_any_later_change() {
    let mut log = log(1 << 20);
    let mut reader = log.read_on();
    let before = reader.positions().clone();
    push(&mut log, 0, 1);
    log.lose();
    push(&mut log, 0, 5);
    let expected = ["P0E0#1", "resync", "reached", "P0E0#5"];
    assert_eq!(
        told(&mut reader, &log, &all()),
        expected,
        "also before the log begins anew"
    );
    assert_eq!(log.read_after(&before).err(), Some(Gap));
    log.lose();
    log.begin(&[(Epoch::ZERO, Sequence::new(4)); 3]);
    push(&mut log, 2, 5);
    assert_eq!(told(&mut reader, &log, &all()), ["resync", "reached", "P2E0#5"]);
    assert_eq!(log.read_after(&before).err(), Some(Gap));
    let mut again = log.read_after(log.read_on().positions()).unwrap();
    assert!(told(&mut again, &log, &all()).is_empty());
    assert_eq!(
        log.read_after(reader.positions()).err(),
        Some(Gap),
        "what it missed of a partition may be more than it was told of since"
    );
}

#[test]
fn who_is_too_slow_while_changes_are_lost_is_told_at_once() {
    let mut log = log(0);
    let mut reader = log.read_on();
    log.lose();
    push(&mut log, 0, 2);
    assert_eq!(told(&mut reader, &log, &all()), ["gap"]);
    push(&mut log, 0, 3);
    log.begin(&[(Epoch::ZERO, Sequence::new(3)); 3]);
    assert_eq!(told(&mut reader, &log, &all()), ["gap"]);
}

#[test]
fn a_truncation_is_told_to_those_who_do_not_know_of_it() {
    let mut log = log(1 << 20);
    push(&mut log, 0, 1);
    let before = log.read_on().positions().clone();
    log.truncated();
    push(&mut log, 0, 3);
    let mut reader = log.read_after(&before).unwrap();
    assert_eq!(told(&mut reader, &log, &all()), ["truncated", "P0E0#3"]);
    let mut knows = log.read_after(reader.positions()).unwrap();
    push(&mut log, 0, 4);
    assert_eq!(told(&mut knows, &log, &all()), ["P0E0#4"]);
    // One that is not kept any more.
    log.set_bytes_max(0, 0);
    assert_eq!(log.read_after(&before).err(), Some(Gap));
    assert!(log.read_after(knows.positions()).is_ok());
}

#[test]
fn nothing_follows_the_end() {
    let mut log = log(1 << 20);
    let mut reader = log.read_on();
    log.end();
    log.end();
    push(&mut log, 0, 1);
    assert_eq!(told(&mut reader, &log, &all()), ["Destroyed"]);
}

proptest! {
    /// However often one who follows goes and comes back, at either of two members that now and then miss changes, it is told
    /// of every change of each partition once and in order, or of a gap before any later one.
    #[test]
    fn every_change_is_told_once_or_a_gap(
        steps in prop::collection::vec((0_u16..PARTITIONS, 0_u8..10), 1..120),
        bytes_max in prop_oneof![Just(1_usize << 20), 200_usize..4_000],
    ) {
        let mut logs = [log(bytes_max), log(1 << 20)];
        // What each member has heard of, or missed, of each partition.
        let mut heard = [[0_u64; PARTITIONS as usize]; 2];
        let mut last = [0_u64; PARTITIONS as usize];
        let mut at = 0;
        let mut reader = logs[0].read_on();
        // What the one who follows knows of, as it was told it or read it anew; and what it was told last.
        let mut known = [0_u64; PARTITIONS as usize];
        let mut told = [0_u64; PARTITIONS as usize];
        for (partition, step) in steps {
            let index = usize::from(partition);
            let member = usize::from(step % 2);
            match step {
                0 | 1 => last[index] += 1,
                2 | 3 => {
                    while heard[member][index] < last[index] {
                        heard[member][index] += 1;
                        push(&mut logs[member], partition, heard[member][index]);
                    }
                }
                4 => at = 1 - at,
                6 | 7 => {
                    heard[member][index] = last[index];
                    logs[member].lose();
                }
                8 | 9 => {
                    let marks = last.map(|last| (Epoch::ZERO, Sequence::new(last)));
                    logs[member].begin(&marks);
                }
                _ => {}
            }
            if step == 4 {
                match logs[at].read_after(reader.positions()) {
                    Ok(again) => reader = again,
                    Err(Gap) => {
                        reader = logs[at].read_on();
                        (known, told) = (last, [0; PARTITIONS as usize]);
                    }
                }
            }
            if step == 5 || step == 4 {
                loop {
                    let taken = match reader.take(&logs[at]) {
                        Ok(taken) if taken.is_empty() => break,
                        Ok(taken) => taken,
                        Err(Gap) => {
                            known = last;
                            continue;
                        }
                    };
                    for event in reader.tell(taken, &all()) {
                        let event = match event {
                            BinaryEvent::Entry(event) => event,
                            BinaryEvent::Resync => {
                                known = last;
                                continue;
                            }
                            _ => continue,
                        };
                        let number = event.number.unwrap();
                        let (partition, sequence) = (number.partition.index(), number.sequence.get());
                        prop_assert!(sequence > told[partition], "{} after {}", sequence, told[partition]);
                        prop_assert!(sequence <= known[partition] + 1, "{} is missing", known[partition] + 1);
                        told[partition] = sequence;
                        known[partition] = known[partition].max(sequence);
                    }
                }
                for (known, heard) in known.iter().zip(heard[at]) {
                    prop_assert!(*known >= heard);
                }
            }
        }
    }
}

//! What is told of work on many entries that did not go well on all of them.

use std::fmt::{self, Write};

use grid_core::cache::{Applied, CacheError};
use grid_core::value::{Binary, Key};

/// So many keys of each kind are told of by name.
const KEYS_TOLD_MAX: usize = 16;

/// So many bytes of a key, and of a reason, are told.
const KEY_BYTES_MAX: usize = 64;
const REASON_BYTES_MAX: usize = 256;

/// What came of work on many entries: how many were done, and of which it is not so.
///
/// It is bounded, however many there are: the first keys of each kind are told by name, the others counted.
#[derive(Debug, Default)]
pub struct WorkReport {
    done: u64,
    not_applied: Told,
    unknown: Told,
    untold: Told,
    not_begun: u64,
    /// What the first that failed says.
    first: Option<CacheError>,
    /// Whether others said something else.
    differ: bool,
    /// Whether one of them would fail again.
    stays: bool,
}

/// Keys of one kind, each with the reason.
#[derive(Debug, Default)]
struct Told {
    named: Vec<(String, String)>,
    count: u64,
}

impl Told {
    fn add(&mut self, key: &Binary, reason: &str) {
        self.count += 1;
        if self.named.len() < KEYS_TOLD_MAX {
            let key = String::from_utf8_lossy(key.bytes());
            self.named
                .push((cut(&key, KEY_BYTES_MAX), cut(reason, REASON_BYTES_MAX)));
        }
    }

    fn write(&self, what: &str, out: &mut String) -> fmt::Result {
        if self.count == 0 {
            return Ok(());
        }
        write!(out, "; {what}: ")?;
        for (at, (key, reason)) in self.named.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            let before = at.checked_sub(1).and_then(|at| self.named.get(at));
            match before {
                // Those of one partition mostly fail for the same reason.
                Some((_, said)) if said == reason => write!(out, "{comma}{key} (so too)")?,
                _ => write!(out, "{comma}{key} ({reason})")?,
            }
        }
        let more = self.count - self.named.len() as u64;
        if more > 0 {
            write!(out, " and {more} more")?;
        }
        Ok(())
    }
}

/// A text of at most so many bytes.
fn cut(text: &str, bytes_max: usize) -> String {
    let end = text.floor_char_boundary(bytes_max);
    match text.get(..end) {
        Some(begin) if end < text.len() => format!("{begin}..."),
        _ => text.to_owned(),
    }
}

impl WorkReport {
    /// It was done on one more.
    pub fn done(&mut self) {
        self.done += 1;
    }

    /// It failed on the entry of this key, and changed nothing there.
    pub fn failed(&mut self, key: &Binary, reason: &str) {
        self.not_applied.add(key, reason);
        self.fails(CacheError::Invalid {
            what: reason.to_owned(),
        });
    }

    /// What was asked of these keys failed; the error says whether anything was changed.
    pub fn error(&mut self, keys: &[Key], error: CacheError) {
        let told = match error.applied() {
            Applied::No => &mut self.not_applied,
            Applied::Yes | Applied::Unknown => &mut self.unknown,
        };
        let reason = error.to_string();
        keys.iter().for_each(|key| told.add(key.spelling(), &reason));
        self.fails(error);
    }

    /// It was done on this one, whose answer cannot be told.
    pub fn untold(&mut self, key: &Binary, reason: &str) {
        self.done = self.done.saturating_sub(1);
        self.untold.add(key, reason);
        self.fails(CacheError::Invalid {
            what: reason.to_owned(),
        });
    }

    /// Which entries there are could not be found out any further.
    pub fn not_selected(&mut self, error: CacheError) {
        self.fails(error);
    }

    /// It was not begun on so many, nor on what was not selected yet.
    pub fn not_begun(&mut self, count: u64) {
        self.not_begun += count;
    }

    fn fails(&mut self, error: CacheError) {
        self.stays |= !error.is_transient();
        match &self.first {
            None => self.first = Some(error),
            Some(first) => self.differ |= self.differ || first.to_string() != error.to_string(),
        }
    }

    /// What to tell in the end, if not all went well. `changes`: whether the work may change something.
    #[must_use]
    pub fn into_error(self, changes: bool) -> Option<CacheError> {
        let WorkReport {
            done, differ, stays, ..
        } = self;
        let any_done = done + self.untold.count > 0;
        let both = self.unknown.count > 0 && self.not_applied.count > 0;
        if self.first.is_none() || !(any_done || both || differ) {
            return self.first;
        }
        // Writing to a text does not fail.
        let what = self.words().unwrap_or_default();
        let maybe = any_done || self.unknown.count > 0;
        Some(match (changes && maybe, stays) {
            (true, stays) => CacheError::InDoubt { what, passes: !stays },
            (false, true) => CacheError::Invalid { what },
            (false, false) => CacheError::Overloaded { what },
        })
    }

    fn words(&self) -> Result<String, fmt::Error> {
        let mut out = format!("{} done", self.done);
        self.not_applied.write("not applied", &mut out)?;
        self.unknown.write("unknown", &mut out)?;
        self.untold
            .write("done, but the answer cannot be told", &mut out)?;
        let named = self.not_applied.count + self.unknown.count + self.untold.count;
        if let (0, Some(first)) = (named, &self.first) {
            write!(
                out,
                "; no more could be selected: {}",
                cut(&first.to_string(), REASON_BYTES_MAX)
            )?;
        }
        if self.not_begun > 0 {
            write!(out, "; not begun: {}", self.not_begun)?;
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use grid_core::cache::Unavailability;
    use grid_core::value::{to_binary, to_key};

    use super::*;

    fn key(number: u32) -> Binary {
        to_binary(&number).unwrap()
    }

    fn overloaded() -> CacheError {
        CacheError::Overloaded {
            what: "too much".to_owned(),
        }
    }

    #[test]
    fn what_went_well_needs_no_words() {
        let mut report = WorkReport::default();
        report.done();
        assert!(report.into_error(true).is_none());
    }

    #[test]
    fn one_reason_for_all_is_told_as_it_is() {
        let mut report = WorkReport::default();
        report.error(&[to_key(&1).unwrap(), to_key(&2).unwrap()], overloaded());
        report.not_begun(7);
        let error = report.into_error(true).unwrap();
        assert!(matches!(&error, CacheError::Overloaded { what } if what == "too much"));
    }

    #[test]
    fn each_kind_is_told_with_its_keys() {
        let mut report = WorkReport::default();
        (0..5).for_each(|_| report.done());
        report.failed(&key(17), "a text is no number");
        let lost = CacheError::Unavailable {
            reason: Unavailability::NoOwner,
            applied: Applied::Unknown,
        };
        report.error(&[to_key(&18).unwrap(), to_key(&19).unwrap()], lost);
        report.untold(&key(20), "in another format");
        report.not_begun(3);
        let error = report.into_error(true).unwrap();
        assert_eq!((error.applied(), error.is_transient()), (Applied::Unknown, false));
        let words = error.to_string();
        for part in [
            "): 4 done; ",
            "; not applied: 17 (a text is no number)",
            "; unknown: 18 (unavailable",
            ", 19 (so too)",
            "; done, but the answer cannot be told: 20 (in another format)",
            "; not begun: 3",
        ] {
            assert!(words.contains(part), "{words}");
        }
        let read = CacheError::from_words(&words).unwrap();
        assert_eq!(read.to_string(), words);
    }

    #[test]
    fn what_only_reads_changed_nothing() {
        let mut report = WorkReport::default();
        report.done();
        report.error(&[to_key(&1).unwrap()], overloaded());
        let error = report.into_error(false).unwrap();
        assert_eq!((error.applied(), error.is_transient()), (Applied::No, true));
    }

    #[test]
    fn many_and_long_ones_are_told_in_short() {
        let mut report = WorkReport::default();
        report.done();
        let long = "ü".repeat(10_000);
        for number in 0..1_000 {
            report.failed(&to_binary(&format!("{number}{long}")).unwrap(), &long);
        }
        let words = report.into_error(true).unwrap().to_string();
        assert!(words.ends_with(" and 984 more"), "{words}");
        assert!(words.len() < 8_000, "{}", words.len());
    }
}

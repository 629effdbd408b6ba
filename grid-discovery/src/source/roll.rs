//! Which keys of a directory belong to members that live.
//!
//! A key counts while its object changes. The clocks of members, of the store and of this machine need not agree: what
//! is compared are the store's times with one another, and the time that passed here with itself.
//!
//! - A key whose object was seen to change counts until it did not for its lifetime, by the clock that runs here.
//! - A key that was there before this roll began has shown nothing yet. It counts for as long, unless the store's own
//!   time of it is behind the store's newest by more than its lifetime.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use crate::Announcement;

/// How many lifetimes after a key died it is taken away.
const CLEAN_AFTER_LIFETIMES: u32 = 4;
/// A key's own lifetime is believed within these.
const LIFETIME_MAX: Duration = Duration::from_secs(3_600);

/// An object as the store lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) key: String,
    /// When the store says that it was written last.
    pub(super) modified_ms: i64,
    /// The store's word for this very content, if it has one.
    pub(super) tag: Option<String>,
}

/// What is known of all keys.
#[derive(Debug, Default)]
pub(super) struct Roll {
    keys: BTreeMap<String, Entry>,
    /// The newest time of any object, by the store.
    newest_ms: i64,
}

#[derive(Debug)]
struct Entry {
    listed: Listed,
    /// When this state of the object was seen first.
    since: Instant,
    /// Whether it was seen to change.
    moved: bool,
    seen_ms: u64,
    /// What it holds; `None` when that is not known, or no record.
    content: Option<(Announcement, Duration)>,
    read: bool,
}

impl Roll {
    /// Takes in what the store lists; gives the keys that are to be read.
    pub(super) fn list(&mut self, listed: Vec<Listed>, now: Instant, seen_ms: u64) -> Vec<String> {
        let there: BTreeSet<_> = listed.iter().map(|object| object.key.clone()).collect();
        self.keys.retain(|key, _| there.contains(key));
        let newest = listed.iter().map(|object| object.modified_ms).max();
        self.newest_ms = newest.unwrap_or(self.newest_ms);
        let mut to_read = Vec::new();
        for object in listed {
            let key = object.key.clone();
            match self.keys.get_mut(&key) {
                Some(entry) if entry.listed == object => {
                    if !entry.read {
                        to_read.push(key);
                    }
                }
                Some(entry) => {
                    entry.listed = object;
                    (entry.since, entry.moved, entry.seen_ms, entry.read) = (now, true, seen_ms, false);
                    to_read.push(key);
                }
                None => {
                    let entry = Entry {
                        listed: object,
                        since: now,
                        moved: false,
                        seen_ms,
                        content: None,
                        read: false,
                    };
                    self.keys.insert(key.clone(), entry);
                    to_read.push(key);
                }
            }
        }
        to_read
    }

    /// Takes in what a key holds; `None` when that is no record. Whether it was one before, or never looked at: so that
    /// a complaint is made once.
    pub(super) fn content(&mut self, key: &str, content: Option<(Announcement, Duration)>) -> bool {
        let Some(entry) = self.keys.get_mut(key) else {
            return false;
        };
        let is_news = !entry.read && (entry.content.is_some() || !entry.moved);
        entry.read = true;
        entry.content = content;
        is_news
    }

    /// The members that live, and when each was seen last.
    pub(super) fn living(
        &self,
        now: Instant,
        lifetime: Duration,
    ) -> impl Iterator<Item = (&Announcement, u64)> {
        self.keys.values().filter_map(move |entry| {
            let (announcement, _) = entry.content.as_ref()?;
            let lives = self.lives(entry, now, lifetime);
            lives.then_some((announcement, entry.seen_ms))
        })
    }

    /// The keys that may be taken away: dead for so long, here and by the store, that no member can be about to write
    /// one again.
    pub(super) fn dead(&self, now: Instant, lifetime: Duration) -> Vec<String> {
        let is_dead = |entry: &&Entry| {
            let quiet = now.saturating_duration_since(entry.since);
            let behind = self.behind(entry);
            let grace = lifetime_of(entry, lifetime) * CLEAN_AFTER_LIFETIMES;
            // What is no record was not written by a member, and is not for members to take away.
            entry.content.is_some()
                && !self.lives(entry, now, lifetime)
                && quiet >= lifetime
                && quiet.max(behind) >= grace
        };
        let dead = self.keys.values().filter(is_dead);
        dead.map(|entry| entry.listed.key.clone()).collect()
    }

    fn lives(&self, entry: &Entry, now: Instant, lifetime: Duration) -> bool {
        let lifetime = lifetime_of(entry, lifetime);
        let quiet = now.saturating_duration_since(entry.since);
        quiet < lifetime && (entry.moved || self.behind(entry) < lifetime)
    }

    /// How far the store's time of it is behind the store's newest.
    fn behind(&self, entry: &Entry) -> Duration {
        let ms = self.newest_ms.saturating_sub(entry.listed.modified_ms);
        Duration::from_millis(u64::try_from(ms).unwrap_or(0))
    }
}

/// How long a key counts without a change: as long as it says itself, else as the settings say.
fn lifetime_of(entry: &Entry, default: Duration) -> Duration {
    let own = entry.content.as_ref().map(|(_, lifetime)| *lifetime);
    own.filter(|own| (default / 4..=LIFETIME_MAX).contains(own))
        .unwrap_or(default)
}

#[cfg(test)]
mod tests {
    use grid_core::membership::ProcessId;

    use super::*;
    use crate::clock;

    const LIFETIME: Duration = Duration::from_secs(15);

    fn object(key: &str, modified_ms: i64) -> Listed {
        Listed {
            key: key.to_owned(),
            modified_ms,
            tag: None,
        }
    }

    fn read_all(roll: &mut Roll, listed: &[Listed], now: Instant) {
        for key in roll.list(listed.to_vec(), now, 0) {
            let announcement = Announcement {
                cluster: key.clone(),
                cluster_id: None,
                process: ProcessId::new(1),
                member_address: "10.0.0.1:1".parse().unwrap(),
                grpc: None,
                http: None,
                started: true,
            };
            roll.content(&key, Some((announcement, LIFETIME)));
        }
    }

    fn living(roll: &Roll, now: Instant) -> Vec<String> {
        let living = roll.living(now, LIFETIME);
        living
            .map(|(announcement, _)| announcement.cluster.clone())
            .collect()
    }

    #[test]
    fn a_key_far_behind_the_newest_is_stale_at_first_sight() {
        let (mut roll, now) = (Roll::default(), clock::now());
        read_all(
            &mut roll,
            &[object("old", 0), object("late", 90_000), object("new", 100_000)],
            now,
        );
        assert_eq!(living(&roll, now), ["late", "new"]);
    }

    #[test]
    fn a_store_whose_clock_is_years_off_is_no_harm() {
        let (mut roll, start) = (Roll::default(), clock::now());
        // One writer's times are an hour ahead of those of the other.
        read_all(
            &mut roll,
            &[object("slow", 1_000), object("fast", 3_600_000)],
            start,
        );
        assert_eq!(living(&roll, start), ["fast"]);
        let later = start + Duration::from_secs(5);
        read_all(
            &mut roll,
            &[object("slow", 6_000), object("fast", 3_605_000)],
            later,
        );
        assert_eq!(living(&roll, later), ["fast", "slow"]);
        assert_eq!(roll.dead(later, LIFETIME), [""; 0]);
    }

    #[test]
    fn a_key_that_does_not_change_dies_and_is_taken_away_much_later() {
        let (mut roll, start) = (Roll::default(), clock::now());
        let at = |s| start + Duration::from_secs(s);
        read_all(&mut roll, &[object("dies", 0), object("lives", 0)], start);
        assert_eq!(living(&roll, at(14)), ["dies", "lives"]);
        read_all(&mut roll, &[object("dies", 0), object("lives", 14_000)], at(14));
        assert_eq!(living(&roll, at(15)), ["lives"]);
        read_all(&mut roll, &[object("dies", 0), object("lives", 50_000)], at(50));
        assert_eq!(roll.dead(at(50), LIFETIME), [""; 0]);
        read_all(&mut roll, &[object("dies", 0), object("lives", 60_000)], at(60));
        assert_eq!(roll.dead(at(60), LIFETIME), ["dies"]);
        // It was taken away by somebody.
        read_all(&mut roll, &[object("lives", 60_000)], at(60));
        assert_eq!(roll.dead(at(60), LIFETIME), [""; 0]);
    }

    #[test]
    fn what_was_dead_long_ago_is_watched_before_it_is_taken_away() {
        let (mut roll, start) = (Roll::default(), clock::now());
        read_all(&mut roll, &[object("old", 0), object("new", 1_000_000)], start);
        assert_eq!(roll.dead(start, LIFETIME), [""; 0]);
        assert_eq!(roll.dead(start + LIFETIME, LIFETIME), ["old"]);
    }

    #[test]
    fn only_what_changed_is_read_and_what_is_no_record_is_told_once() {
        let (mut roll, now) = (Roll::default(), clock::now());
        assert_eq!(roll.list(vec![object("a", 0)], now, 0), ["a"]);
        assert!(roll.content("a", None));
        assert_eq!(roll.list(vec![object("a", 0)], now, 0), [""; 0]);
        assert_eq!(roll.list(vec![object("a", 1)], now, 0), ["a"]);
        assert!(!roll.content("a", None), "it was told before");
        assert_eq!(living(&roll, now), [""; 0]);
        assert_eq!(roll.dead(now + LIFETIME * 100, LIFETIME), [""; 0]);
    }
}

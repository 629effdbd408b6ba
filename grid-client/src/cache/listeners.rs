//! The listeners of a cache, and what the server reports because of them.
//!
//! Decides and does nothing: [`Listeners::next_change`] says what to ask of the server next, and
//! [`Listeners::confirmed`] takes note that it was done.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use grid_core::cache::CacheError;
use grid_core::event::{BinaryEntryEvent, BinaryEvent};
use grid_core::value::Key;

use super::event_queue::EventQueue;
use super::events::Reported;

/// A life that no connection has: who listens since then has missed something.
const NO_LIFE: u32 = u32::MAX;

/// How much a listener wants to know. The greater includes the lesser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Keys.
    Lite,
    /// Keys and values.
    Values,
}

/// What is listened to.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// Every entry.
    All,
    /// One key.
    Key(Key),
    /// What a filter of events selects, with its number for the server and its JSON.
    Where(i64, Bytes),
}

/// The number of the filter for everything. Those of others are greater.
pub(crate) const EVERYTHING_ID: i64 = 1;

/// What to ask of the server.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// To report the target's events, or to report more of them.
    Subscribe(Target, Level),
    /// To report them no more.
    Unsubscribe(Target),
}

impl Change {
    fn target(&self) -> &Target {
        match self {
            Change::Subscribe(target, _) | Change::Unsubscribe(target) => target,
        }
    }
}

#[derive(Debug)]
struct Listener {
    id: u64,
    level: Level,
    queue: Arc<EventQueue>,
    /// The life of the connection since which nothing was missed.
    since: Option<u32>,
}

#[derive(Debug, Default)]
struct Group {
    key: Option<Key>,
    /// The filter's number and its JSON.
    filter: Option<(i64, Bytes)>,
    listeners: Vec<Listener>,
    /// What the server reports, and on which life of the connection it was asked to.
    reported: Option<(u32, Level)>,
    /// The last listener went while the server reported. Changes were asked of other members since, so a report may still come
    /// of one that was acknowledged before whoever listens next began to: the server is to end it first.
    ends: bool,
}

impl Group {
    fn target(&self) -> Target {
        match (&self.key, &self.filter) {
            (Some(key), _) => Target::Key(key.clone()),
            (None, Some((id, filter))) => Target::Where(*id, filter.clone()),
            (None, None) => Target::All,
        }
    }

    fn change(&self, epoch: u32) -> Option<Change> {
        let reported = self
            .reported
            .filter(|(since, _)| *since == epoch)
            .map(|(_, level)| level);
        if self.ends && reported.is_some() {
            return Some(Change::Unsubscribe(self.target()));
        }
        match self.listeners.iter().map(|listener| listener.level).max() {
            Some(wanted) if reported.is_none_or(|level| level < wanted) => {
                Some(Change::Subscribe(self.target(), wanted))
            }
            None if reported.is_some() => Some(Change::Unsubscribe(self.target())),
            _ => None,
        }
    }

    fn is_not_reported(&mut self) {
        (self.reported, self.ends) = (None, false);
    }

    fn subscribed(&mut self, epoch: u32, level: Level) {
        self.reported = Some((epoch, level));
        if self.ends {
            // Everyone went while it was asked for; who came since is to be asked for anew.
            return;
        }
        for listener in self
            .listeners
            .iter_mut()
            .filter(|listener| listener.level <= level)
        {
            if listener.since.is_some_and(|since| since != epoch) {
                listener.queue.resync();
            }
            listener.since = Some(epoch);
        }
    }

    fn deliver(&self, event: &BinaryEntryEvent) {
        for listener in &self.listeners {
            if listener.since.is_none() || listener.since != self.reported.map(|(epoch, _)| epoch) {
                continue;
            }
            let mut event = event.clone();
            if listener.level == Level::Lite {
                (event.old, event.new) = (None, None);
            }
            listener.queue.push(Ok(BinaryEvent::Entry(event)));
        }
    }

    fn is_unused(&self) -> bool {
        self.listeners.is_empty() && self.reported.is_none()
    }
}

/// The listeners of one cache.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    all: Group,
    keys: BTreeMap<Vec<u8>, Group>,
    /// By their JSON.
    filters: BTreeMap<Bytes, Group>,
    /// How many filters were listened to.
    filter_count: i64,
    listener_id: u64,
    change_id: u64,
    /// What was asked of the server last.
    pending: Option<(u64, Change)>,
}

impl Listeners {
    /// What to listen to for this filter. Those who listen with the same one share what the server reports.
    pub(crate) fn target_where(&mut self, filter: Bytes) -> Target {
        let known = self.filters.get(&filter).and_then(|group| group.filter.as_ref());
        let id = match known {
            Some((id, _)) => *id,
            None => {
                self.filter_count += 1;
                EVERYTHING_ID + self.filter_count
            }
        };
        Target::Where(id, filter)
    }

    fn groups(&self) -> impl Iterator<Item = &Group> {
        let keys_and_filters = self.keys.values().chain(self.filters.values());
        std::iter::once(&self.all).chain(keys_and_filters)
    }

    /// Adds a listener; it hears of nothing until the server reports what it wants. Gives its number.
    pub(crate) fn add(&mut self, target: &Target, level: Level, queue: Arc<EventQueue>) -> u64 {
        self.listener_id += 1;
        let id = self.listener_id;
        let group = match target {
            Target::All => &mut self.all,
            Target::Key(key) => self
                .keys
                .entry(key.canonical().to_vec())
                .or_insert_with(|| Group {
                    key: Some(key.clone()),
                    ..Group::default()
                }),
            Target::Where(id, filter) => self.filters.entry(filter.clone()).or_insert_with(|| Group {
                filter: Some((*id, filter.clone())),
                ..Group::default()
            }),
        };
        group.listeners.push(Listener {
            id,
            level,
            queue,
            since: None,
        });
        id
    }

    /// The server reports already what a listener wants: it hears of everything from now on.
    pub(crate) fn settle(&mut self, epoch: u32) {
        let keys_and_filters = self.keys.values_mut().chain(self.filters.values_mut());
        for group in std::iter::once(&mut self.all).chain(keys_and_filters) {
            let reported = group.reported.filter(|(since, _)| *since == epoch && !group.ends);
            let Some((since, level)) = reported else {
                continue;
            };
            for listener in &mut group.listeners {
                if listener.since.is_none() && listener.level <= level {
                    listener.since = Some(since);
                }
            }
        }
    }

    /// Removes a listener.
    pub(crate) fn remove(&mut self, target: &Target, id: u64) {
        if let Some(group) = self.group(target) {
            group.listeners.retain(|listener| listener.id != id);
            group.ends |= group.listeners.is_empty();
        }
    }

    fn group(&mut self, target: &Target) -> Option<&mut Group> {
        match target {
            Target::All => Some(&mut self.all),
            Target::Key(key) => self.keys.get_mut(key.canonical()),
            Target::Where(_, filter) => self.filters.get_mut(filter),
        }
    }

    /// Whether nobody listens.
    pub(crate) fn is_empty(&self) -> bool {
        self.groups().all(|group| group.listeners.is_empty())
    }

    /// What to ask of the server next, with the number to confirm it by; `None` when it reports what is wanted.
    pub(crate) fn next_change(&mut self, epoch: u32) -> Option<(u64, Change)> {
        self.keys.retain(|_, group| !group.is_unused());
        self.filters.retain(|_, group| !group.is_unused());
        let change = self.groups().find_map(|group| group.change(epoch));
        let Some(change) = change else {
            self.pending = None;
            return None;
        };
        if let Change::Subscribe(target, _) = &change
            && let Some(group) = self.group(target)
        {
            group.ends = false;
        }
        self.change_id += 1;
        self.pending = Some((self.change_id, change.clone()));
        Some((self.change_id, change))
    }

    /// The server did what was asked.
    pub(crate) fn confirmed(&mut self, epoch: u32, id: u64) {
        let Some((_, change)) = self.pending.take_if(|(pending, _)| *pending == id) else {
            return;
        };
        let Some(group) = self.group(change.target()) else {
            return;
        };
        match change {
            Change::Subscribe(_, level) => group.subscribed(epoch, level),
            Change::Unsubscribe(_) => group.is_not_reported(),
        }
    }

    /// The server refused to report this: its listeners end.
    pub(crate) fn refused(&mut self, change: &Change, words: &str) {
        let Some(group) = self.group(change.target()) else {
            return;
        };
        match change {
            Change::Subscribe(..) => group.listeners.drain(..).for_each(|listener| {
                listener.queue.end(Err(CacheError::Refused {
                    message: words.to_owned(),
                }));
            }),
            Change::Unsubscribe(_) => {}
        }
        group.is_not_reported();
    }

    /// Hands an event of an entry to those whom it is for.
    pub(super) fn deliver(&self, reported: &Reported) {
        let Reported {
            event,
            filter_ids,
            is_transformed,
        } = reported;
        // One for a key alone may come while the server is told of who wants everything.
        if filter_ids.contains(&EVERYTHING_ID) {
            self.all.deliver(event);
        }
        for group in self.filters.values() {
            let id = group.filter.as_ref().map(|(id, _)| id);
            if id.is_some_and(|id| filter_ids.contains(id)) {
                group.deliver(event);
            }
        }
        if *is_transformed || self.keys.is_empty() {
            return;
        }
        match Key::new(event.key.clone()) {
            Ok(key) => {
                if let Some(group) = self.keys.get(key.canonical()) {
                    group.deliver(event);
                }
            }
            Err(error) => {
                // Whose key it is cannot be told, so everyone whose it may be must read again.
                tracing::warn!(%error, "an event has a key that cannot be read");
                self.keys
                    .values()
                    .flat_map(|group| &group.listeners)
                    .for_each(|l| l.queue.resync());
            }
        }
    }

    fn queues(&self) -> impl Iterator<Item = &Arc<EventQueue>> {
        self.groups()
            .flat_map(|group| &group.listeners)
            .map(|listener| &listener.queue)
    }

    /// Hands everyone an event of the cache.
    pub(crate) fn tell_all(&self, event: &BinaryEvent) {
        self.queues().for_each(|queue| queue.push(Ok(event.clone())));
    }

    /// The cache was truncated.
    pub(crate) fn truncated(&self) {
        self.tell_all(&BinaryEvent::Truncated);
    }

    /// The server stopped to report on keys, as the reference does when a cache is truncated: it is to be asked again,
    /// and who listens to a key is told to read again once it reports. Whether there is any.
    pub(crate) fn keys_lost(&mut self) -> bool {
        // A registration that is under way may have come before the truncation: its answer does not count.
        self.pending
            .take_if(|(_, change)| matches!(change.target(), Target::Key(_)));
        for group in self.keys.values_mut() {
            group.is_not_reported();
            for listener in &mut group.listeners {
                listener.since = listener.since.map(|_| NO_LIFE);
            }
        }
        !self.keys.is_empty()
    }

    /// Tells everyone that an event could not be read.
    pub(crate) fn fail_all(&self, what: &str) {
        self.queues().for_each(|queue| {
            queue.push(Err(CacheError::Protocol {
                what: what.to_owned(),
            }))
        });
    }

    /// Ends all listening.
    pub(crate) fn end_all(&mut self, last: impl Fn() -> Result<BinaryEvent, CacheError>) {
        self.queues().for_each(|queue| queue.end(last()));
        (self.all, self.pending) = (Group::default(), None);
        self.keys.clear();
        self.filters.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll};

    use bytes::Bytes;
    use futures::task::noop_waker;

    use grid_core::event::EntryEventKind;
    use grid_core::value::{Binary, Format};

    use super::*;

    fn json(text: &'static str) -> Binary {
        Binary::new(Format::JSON, Bytes::from_static(text.as_bytes()))
    }

    fn key(text: &'static str) -> Target {
        Target::Key(Key::new(json(text)).unwrap())
    }

    fn queue() -> Arc<EventQueue> {
        Arc::new(EventQueue::new(10))
    }

    fn taken(queue: &EventQueue) -> Vec<BinaryEvent> {
        let waker = noop_waker();
        let mut taken = Vec::new();
        while let Poll::Ready(Some(item)) = queue.poll_next(&Context::from_waker(&waker)) {
            taken.push(item.unwrap());
        }
        taken
    }

    fn reported(key: &'static str, filter_ids: &[i64], is_transformed: bool) -> Reported {
        Reported {
            event: BinaryEntryEvent {
                kind: EntryEventKind::Insert,
                key: json(key),
                old: None,
                new: Some(json("1")),
                synthetic: false,
                expired: false,
                number: None,
            },
            filter_ids: filter_ids.to_vec(),
            is_transformed,
        }
    }

    fn put(listeners: &Listeners, key: &'static str) {
        listeners.deliver(&reported(key, &[EVERYTHING_ID], false));
    }

    #[test]
    fn what_was_transformed_is_for_those_alone_whose_transformer_it_was() {
        let mut listeners = Listeners::default();
        let (all, one, transformed) = (queue(), queue(), queue());
        let target = listeners.target_where(Bytes::from_static(b"t"));
        let Target::Where(id, _) = target else {
            panic!("{target:?}")
        };
        listeners.add(&Target::All, Level::Values, all.clone());
        listeners.add(&key("1"), Level::Values, one.clone());
        listeners.add(&target, Level::Values, transformed.clone());
        sync(&mut listeners, 1);
        let counts = || (taken(&all).len(), taken(&one).len(), taken(&transformed).len());
        listeners.deliver(&reported("1", &[id], true));
        assert_eq!(counts(), (0, 0, 1));
        listeners.deliver(&reported("1", &[EVERYTHING_ID], false));
        assert_eq!(counts(), (1, 1, 0));
        // The server does not report everything yet.
        listeners.deliver(&reported("1", &[], false));
        assert_eq!(counts(), (0, 1, 0));
    }

    #[test]
    fn who_listens_with_a_filter_hears_what_matched_it() {
        let mut listeners = Listeners::default();
        let (one, other, again) = (queue(), queue(), queue());
        let text = |text: &'static str| Bytes::from_static(text.as_bytes());
        let target = listeners.target_where(text("a"));
        let Target::Where(id, _) = target else {
            panic!("{target:?}")
        };
        let first = listeners.add(&target, Level::Lite, one.clone());
        let second = listeners.target_where(text("b"));
        listeners.add(&second, Level::Lite, other.clone());
        assert!(matches!(listeners.target_where(text("a")), Target::Where(same, _) if same == id));
        assert_eq!(sync(&mut listeners, 1), ["filter lite", "filter lite"]);
        let event = reported("1", &[id], false);
        listeners.deliver(&event);
        assert_eq!((taken(&one).len(), taken(&other).len()), (1, 0));
        // Another one with the same filter wants more.
        let target = listeners.target_where(text("a"));
        listeners.add(&target, Level::Values, again.clone());
        assert_eq!(sync(&mut listeners, 1), ["filter values"]);
        listeners.deliver(&event);
        assert_eq!((taken(&one).len(), taken(&again).len()), (1, 1));
        listeners.truncated();
        assert_eq!((taken(&one).len(), taken(&other).len()), (1, 1));
        listeners.remove(&target, first);
        listeners.remove(&target, 3);
        assert_eq!(sync(&mut listeners, 1), ["filter off"]);
        assert_eq!(sync(&mut listeners, 2), ["filter lite"]);
        assert!(matches!(taken(&other)[..], [BinaryEvent::Resync]));
    }

    #[test]
    fn after_a_truncation_keys_are_registered_again_and_their_listeners_read_again() {
        let mut listeners = Listeners::default();
        let (of_key, of_all) = (queue(), queue());
        listeners.add(&key("1"), Level::Values, of_key.clone());
        listeners.add(&Target::All, Level::Values, of_all.clone());
        sync(&mut listeners, 1);
        listeners.truncated();
        assert!(listeners.keys_lost());
        assert_eq!(sync(&mut listeners, 1).len(), 1, "the key alone");
        assert!(matches!(
            taken(&of_key)[..],
            [BinaryEvent::Truncated, BinaryEvent::Resync]
        ));
        assert!(matches!(taken(&of_all)[..], [BinaryEvent::Truncated]));
        put(&listeners, "1");
        assert_eq!((taken(&of_key).len(), taken(&of_all).len()), (1, 1));
    }

    #[test]
    fn a_registration_that_a_truncation_overtakes_is_made_again() {
        let mut listeners = Listeners::default();
        listeners.add(&key("1"), Level::Values, queue());
        let (id, _) = listeners.next_change(1).unwrap();
        listeners.keys_lost();
        listeners.confirmed(1, id);
        assert!(matches!(
            listeners.next_change(1),
            Some((_, Change::Subscribe(Target::Key(_), _)))
        ));
    }

    /// Does everything that is to be done, and gives it in words.
    fn sync(listeners: &mut Listeners, epoch: u32) -> Vec<&'static str> {
        let mut done = Vec::new();
        while let Some((id, change)) = listeners.next_change(epoch) {
            done.push(match (&change, change.target()) {
                (Change::Subscribe(_, Level::Lite), Target::All) => "all lite",
                (Change::Subscribe(_, Level::Values), Target::All) => "all values",
                (Change::Subscribe(_, Level::Lite), Target::Key(_)) => "key lite",
                (Change::Subscribe(_, Level::Values), Target::Key(_)) => "key values",
                (Change::Subscribe(_, Level::Lite), Target::Where(..)) => "filter lite",
                (Change::Subscribe(_, Level::Values), Target::Where(..)) => "filter values",
                (Change::Unsubscribe(_), Target::Where(..)) => "filter off",
                (Change::Unsubscribe(_), Target::All) => "all off",
                (Change::Unsubscribe(_), Target::Key(_)) => "key off",
            });
            listeners.confirmed(epoch, id);
        }
        listeners.settle(epoch);
        done
    }

    #[test]
    fn listeners_share_what_the_server_reports() {
        let mut listeners = Listeners::default();
        let (lite, full, third) = (queue(), queue(), queue());
        let first = listeners.add(&Target::All, Level::Lite, lite.clone());
        assert_eq!(sync(&mut listeners, 1), ["all lite"]);
        let second = listeners.add(&Target::All, Level::Values, full.clone());
        put(&listeners, "1");
        assert_eq!(sync(&mut listeners, 1), ["all values"]);
        listeners.add(&Target::All, Level::Lite, third.clone());
        assert!(sync(&mut listeners, 1).is_empty());
        put(&listeners, "2");
        assert_eq!(taken(&lite).len(), 2);
        assert_eq!(taken(&third).len(), 1);
        let events = taken(&full);
        let [BinaryEvent::Entry(event)] = &events[..] else {
            panic!("{events:?}")
        };
        assert!(event.new.is_some());
        listeners.remove(&Target::All, first);
        listeners.remove(&Target::All, second);
        assert!(sync(&mut listeners, 1).is_empty());
        listeners.remove(&Target::All, 3);
        assert_eq!(sync(&mut listeners, 1), ["all off"]);
        assert!(listeners.is_empty());
    }

    /// While nobody listened, changes were asked of the members that serve them: reports of those come late.
    #[test]
    fn who_listens_after_the_last_one_went_is_asked_for_anew() {
        let mut listeners = Listeners::default();
        let first = listeners.add(&key("1"), Level::Values, queue());
        assert_eq!(sync(&mut listeners, 1), ["key values"]);
        listeners.remove(&key("1"), first);
        let again = queue();
        let second = listeners.add(&key("1"), Level::Values, again.clone());
        listeners.settle(1);
        put(&listeners, "1");
        assert_eq!(sync(&mut listeners, 1), ["key off", "key values"]);
        assert!(taken(&again).is_empty());
        put(&listeners, "1");
        assert_eq!(taken(&again).len(), 1);
        // All go while it is asked for.
        listeners.remove(&key("1"), second);
        assert_eq!(sync(&mut listeners, 1), ["key off"]);
        let third = listeners.add(&key("1"), Level::Values, queue());
        let (id, _) = listeners.next_change(1).unwrap();
        listeners.remove(&key("1"), third);
        let last = queue();
        listeners.add(&key("1"), Level::Values, last.clone());
        listeners.confirmed(1, id);
        put(&listeners, "1");
        assert_eq!(sync(&mut listeners, 1), ["key off", "key values"]);
        assert!(taken(&last).is_empty());
        // On a new connection nothing has to be ended.
        listeners.add(&Target::All, Level::Values, queue());
        assert_eq!(sync(&mut listeners, 2), ["all values", "key values"]);
    }

    #[test]
    fn a_lite_listener_gets_no_values_whatever_the_server_sends() {
        let mut listeners = Listeners::default();
        let lite = queue();
        listeners.add(&Target::All, Level::Lite, lite.clone());
        sync(&mut listeners, 1);
        put(&listeners, "1");
        assert!(matches!(&taken(&lite)[..], [BinaryEvent::Entry(event)] if event.new.is_none()));
    }

    #[test]
    fn keys_are_compared_by_what_they_mean() {
        let mut listeners = Listeners::default();
        let (one, all) = (queue(), queue());
        listeners.add(&key(r#"{"a":1,"b":2}"#), Level::Values, one.clone());
        listeners.add(&Target::All, Level::Values, all.clone());
        assert_eq!(sync(&mut listeners, 1), ["all values", "key values"]);
        put(&listeners, r#"{"b":2,"a":1}"#);
        put(&listeners, r#"{"b":2,"a":2}"#);
        assert_eq!(taken(&one).len(), 1);
        assert_eq!(taken(&all).len(), 2);
        listeners.remove(&key(r#"{"b":2,"a":1}"#), 1);
        assert_eq!(sync(&mut listeners, 1), ["key off"]);
    }

    #[test]
    fn a_new_connection_asks_for_all_again_and_tells_those_who_missed_something() {
        let mut listeners = Listeners::default();
        let (old, new) = (queue(), queue());
        listeners.add(&Target::All, Level::Values, old.clone());
        sync(&mut listeners, 1);
        listeners.add(&key("1"), Level::Lite, new.clone());
        assert_eq!(sync(&mut listeners, 2), ["all values", "key lite"]);
        assert!(matches!(&taken(&old)[..], [BinaryEvent::Resync]));
        assert!(taken(&new).is_empty());
    }

    #[test]
    fn a_confirmation_of_something_older_changes_nothing() {
        let mut listeners = Listeners::default();
        let events = queue();
        listeners.add(&Target::All, Level::Lite, events.clone());
        let (stale, _) = listeners.next_change(1).unwrap();
        let (id, _) = listeners.next_change(1).unwrap();
        listeners.confirmed(1, stale);
        put(&listeners, "1");
        assert!(taken(&events).is_empty());
        listeners.confirmed(1, id);
        put(&listeners, "1");
        assert_eq!(taken(&events).len(), 1);
    }

    #[test]
    fn a_refusal_ends_the_listeners_of_that_target_alone() {
        let mut listeners = Listeners::default();
        let (one, all) = (queue(), queue());
        listeners.add(&key("1"), Level::Lite, one.clone());
        let (_, change) = listeners.next_change(1).unwrap();
        listeners.add(&Target::All, Level::Lite, all);
        listeners.refused(&change, "no");
        assert_eq!(sync(&mut listeners, 1), ["all lite"]);
        let waker = noop_waker();
        let ended = one.poll_next(&Context::from_waker(&waker));
        assert!(matches!(
            ended,
            Poll::Ready(Some(Err(CacheError::Refused { .. })))
        ));
    }
}

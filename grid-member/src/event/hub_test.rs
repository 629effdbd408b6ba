use bytes::Bytes;
use grid_core::partition::PartitionCount;
use grid_core::partition::table::Epoch;
use grid_core::store::{CacheId, ChangeKind, Sequence};
use grid_core::value::{Binary, Format};
use parking_lot::Mutex;

use super::*;

const OTHER: MemberId = MemberId::new(2);

fn json(text: &'static str) -> Binary {
    Binary::new(Format::JSON, Bytes::from_static(text.as_bytes()))
}

fn to_key(text: &'static str) -> ListenTo {
    ListenTo::Key(Key::new(json(text)).unwrap())
}

fn change(key: &'static str) -> Change {
    Change {
        sequence: Sequence::new(1),
        cache: CacheId::new(1),
        key: json(key),
        kind: ChangeKind::Insert,
        old: None,
        new: Some(json("true")),
        deadline: None,
        expired: false,
    }
}

fn number() -> EventNumber {
    EventNumber {
        partition: PartitionCount::ONE.nth(0).unwrap(),
        placed: Epoch::ZERO,
        sequence: Sequence::new(1),
    }
}

/// Remembers what it is told.
#[derive(Default)]
struct Ears {
    heard: Mutex<Vec<String>>,
}

impl Ears {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.heard.lock())
    }

    fn put(&self, text: impl Into<String>) {
        self.heard.lock().push(text.into());
    }
}

impl EventSink for Ears {
    fn entry(&self, (_, change): (EventNumber, &Change), matched: Matched) {
        let key = String::from_utf8(change.key.bytes().to_vec()).unwrap();
        self.put(format!("{key} {} {}", matched.all, matched.key));
    }

    fn lifecycle(&self, what: Lifecycle) {
        self.put(format!("{what:?}"));
    }

    fn missed(&self) {
        self.put("missed");
    }
}

impl InterestLog for Ears {
    fn note(&self, subject: &Subject, wish: Option<Wish>) {
        let subject = match subject {
            Subject::All => "all",
            Subject::Kept => "kept",
            Subject::Key((_, key)) => std::str::from_utf8(key).unwrap(),
        };
        self.put(format!("{subject} {:?}", wish.map(|wish| wish.values)));
    }
}

fn told(hub: &ListenerHub, change: &Change, here: bool) -> Vec<(MemberId, bool)> {
    let mut members = Vec::new();
    hub.tell((number(), change), here, |member, values| {
        members.push((member, values))
    });
    members
}

#[test]
fn other_members_are_told_of_changes_that_were_made_here_alone() {
    let (hub, ears) = (Arc::new(ListenerHub::new()), Arc::<Ears>::default());
    let here = hub.attach(ears.clone());
    let there = hub.attach_member(OTHER);
    assert!(
        told(&hub, &change("1"), true).is_empty() && ears.take().is_empty(),
        "nobody listens"
    );
    there.listen(&ListenTo::All, false);
    here.listen(&to_key("1"), true);
    assert_eq!(told(&hub, &change("1"), true), [(OTHER, false)]);
    assert_eq!(ears.take(), ["1 false true"]);
    assert_eq!(told(&hub, &change("2"), true), [(OTHER, false)]);
    assert_eq!(
        told(&hub, &change("1"), false),
        [(OTHER, false)],
        "here it was told before"
    );
    assert!(ears.take().is_empty());
    hub.publish(number(), &change("1"));
    assert_eq!(ears.take(), ["1 false true"]);
    there.listen(&to_key("1"), true);
    assert_eq!(
        told(&hub, &change("1"), false),
        [(OTHER, true)],
        "once, with what is wanted of the key"
    );
    assert_eq!(told(&hub, &change("2"), false), [(OTHER, false)]);
    hub.publish_missed();
    hub.publish_lifecycle(Lifecycle::Truncated);
    assert_eq!(ears.take(), ["missed", "Truncated"]);
    assert_eq!((hub.sink_count(), hub.members()), (1, BTreeSet::from([OTHER])));
    drop(here);
    assert!(
        hub.want(false).new_value,
        "the other member wants values of a key"
    );
    there.unlisten(&to_key("1"));
    assert!(hub.want(false).change && !hub.want(false).new_value);
    there.unlisten(&ListenTo::All);
    assert!(there.is_idle() && !hub.want(false).change);
    drop(there);
    assert!(hub.members().is_empty());
}

#[test]
fn who_is_cut_off_is_told_of_no_change_before_the_word_that_some_are_missing() {
    let (hub, ears) = (Arc::new(ListenerHub::new()), Arc::<Ears>::default());
    let here = hub.attach(ears.clone());
    let there = hub.attach_member(OTHER);
    here.listen(&ListenTo::All, true);
    there.listen(&ListenTo::All, true);
    hub.heard_again();
    assert!(ears.take().is_empty(), "nothing was missed");
    hub.cut_off();
    assert_eq!(told(&hub, &change("5"), true), [(OTHER, true)]);
    hub.publish_missed();
    assert!(ears.take().is_empty(), "there may be more");
    hub.heard_again();
    hub.publish(number(), &change("6"));
    assert_eq!(ears.take(), ["missed", "6 true false"]);
    hub.publish_missed();
    hub.heard_again();
    assert_eq!(ears.take(), ["missed"]);
}

#[test]
fn what_is_wanted_here_is_noted_when_it_changes() {
    let log = Arc::<Ears>::default();
    let hub = Arc::new(ListenerHub::with_log(log.clone()));
    let there = hub.attach_member(OTHER);
    there.listen(&ListenTo::All, true);
    assert!(log.take().is_empty(), "that is no interest of this member");
    let (one, other) = (
        hub.attach(Arc::<Ears>::default()),
        hub.attach(Arc::<Ears>::default()),
    );
    one.listen(&ListenTo::All, false);
    other.listen(&ListenTo::All, false);
    assert_eq!(log.take(), ["all Some(false)"], "the second changes nothing");
    other.listen(&ListenTo::All, true);
    assert_eq!(log.take(), ["all Some(true)"]);
    other.listen(&to_key("{\"b\": 1, \"a\": 2}"), true);
    assert_eq!(log.take(), ["{\"a\":2,\"b\":1} Some(true)"]);
    let interest = hub.interest();
    assert_eq!(interest.len(), 2);
    assert!(interest.contains(&(Subject::All, Wish { values: true })));
    other.unlisten(&to_key("7"));
    assert!(log.take().is_empty(), "nobody listened");
    drop(other);
    let mut noted = log.take();
    noted.sort();
    assert_eq!(noted, ["all Some(false)", "{\"a\":2,\"b\":1} None"]);
    one.unlisten(&ListenTo::All);
    assert_eq!(log.take(), ["all None"]);
    assert!(hub.interest().is_empty());
}

#[test]
fn a_quiet_registration_counts_and_hears_nothing_before_it_begins() {
    let (hub, ears) = (Arc::new(ListenerHub::new()), Arc::new(Ears::default()));
    let attached = hub.attach(ears.clone());
    let key = attached.listen_quietly(&to_key("1"), true);
    let all = attached.listen_quietly(&ListenTo::All, true);
    assert!(hub.want(false).new_value, "writers tell already");
    hub.publish(number(), &change("1"));
    assert!(ears.take().is_empty());
    key.begin();
    hub.publish(number(), &change("1"));
    hub.publish(number(), &change("2"));
    assert_eq!(ears.take(), ["1 false true"]);
    all.begin();
    hub.publish(number(), &change("1"));
    assert_eq!(ears.take(), ["1 true true"]);
    // One that has begun goes on, and one that was taken back does not begin.
    let again = attached.listen_quietly(&to_key("1"), true);
    hub.publish(number(), &change("1"));
    assert_eq!(ears.take(), ["1 true true"]);
    attached.unlisten(&to_key("1"));
    again.begin();
    hub.publish(number(), &change("1"));
    assert_eq!(ears.take(), ["1 true false"]);
}

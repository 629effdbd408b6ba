use proptest::prelude::*;

use super::*;
use crate::query::{Extractor, field};
use crate::value::to_binary;

fn content(plan: ViewPlan) -> Content<u32, serde_json::Value> {
    Content::new(plan, false)
}

fn plan() -> ViewPlan {
    ViewPlan::new(field("n").ge(10))
}

fn value(n: i64) -> Binary {
    to_binary(&serde_json::json!({ "n": n, "half": n / 2 })).unwrap()
}

fn event(key: u32, new: Option<i64>) -> BinaryEntryEvent {
    BinaryEntryEvent {
        kind: if new.is_some() {
            EntryEventKind::Update
        } else {
            EntryEventKind::Delete
        },
        key: to_binary(&key).unwrap(),
        old: None,
        new: new.map(value),
        synthetic: false,
        expired: false,
        number: None,
    }
}

fn read(key: u32, n: i64) -> Selected {
    vec![(Some(to_binary(&key).unwrap()), Some(value(n)))]
}

fn shown(content: &Content<u32, serde_json::Value>) -> Vec<(u32, i64)> {
    let mut shown = Vec::new();
    content.for_each(|key, value| shown.push((**key, value["n"].as_i64().unwrap())));
    shown.sort_unstable();
    assert_eq!(shown.len(), content.len());
    shown
}

#[test]
fn an_event_counts_more_than_what_was_read() {
    let mut view = content(plan());
    view.begin_reading();
    view.take_event(event(1, Some(20))).unwrap();
    view.take_event(event(2, None)).unwrap();
    view.take_event(event(3, Some(5))).unwrap();
    for key in 1..=4 {
        view.take_read(read(key, 10)).unwrap();
    }
    assert!(view.end_reading().is_empty());
    assert_eq!(shown(&view), [(1, 20), (4, 10)]);
    // After reading, events alone count.
    view.take_event(event(4, Some(3))).unwrap();
    view.take_event(event(2, Some(30))).unwrap();
    assert_eq!(shown(&view), [(1, 20), (2, 30)]);
}

#[test]
fn what_is_gone_when_all_was_read_anew_is_told() {
    let mut view = content(plan());
    view.begin_reading();
    for key in 1..=3 {
        view.take_read(read(key, 10)).unwrap();
    }
    view.end_reading();
    view.begin_reading();
    assert!(view.take_read(read(1, 10)).unwrap().is_empty(), "it is as it was");
    let told = view.take_read(read(2, 11)).unwrap();
    assert!(
        matches!(
            &told[..],
            [Told {
                event: ViewEvent::Updated { .. },
                ..
            }]
        ),
        "{told:?}"
    );
    let told = view.end_reading();
    assert!(
        matches!(&told[..], [Told { event: ViewEvent::Deleted { key, .. }, .. }] if **key == 3),
        "{told:?}"
    );
    assert_eq!(shown(&view), [(1, 10), (2, 11)]);
}

#[test]
fn a_change_that_leaves_what_is_extracted_is_none() {
    let mut view: Content<u32, i64> = Content::new(plan().extracting(Extractor::path("half")), false);
    view.begin_reading();
    view.take_read(read(1, 10)).unwrap();
    view.end_reading();
    assert!(view.take_event(event(1, Some(11))).unwrap().is_none());
    let told = view.take_event(event(1, Some(12))).unwrap();
    assert!(matches!(told, Some(Told { event: ViewEvent::Updated { new, .. }, .. }) if *new == 6));
}

#[test]
fn more_than_a_view_may_have_is_an_error() {
    let mut view = content(plan().entries_max(2));
    view.begin_reading();
    view.take_read(read(1, 10)).unwrap();
    view.take_event(event(2, None)).unwrap();
    let error = view.take_read(read(3, 10)).unwrap_err();
    assert!(error.to_string().contains("entries_max"), "{error}");
    view.end_reading();
    view.take_event(event(3, Some(10))).unwrap();
    assert!(view.take_event(event(4, Some(10))).is_err());
}

#[test]
fn bytes_are_counted_and_limited() {
    let mut view = content(plan().bytes_max(55));
    view.begin_reading();
    view.take_read(read(1, 10)).unwrap();
    let one = view.bytes();
    assert_eq!(one, 1 + u64::try_from(value(10).bytes().len()).unwrap());
    view.take_read(read(2, 10)).unwrap();
    view.take_event(event(3, None)).unwrap();
    assert_eq!(view.bytes(), 2 * one + 1, "a key that is kept in mind counts");
    view.end_reading();
    assert_eq!(view.bytes(), 2 * one);
    // A value that takes the place of a shorter one.
    view.take_event(event(2, Some(1_000))).unwrap();
    let grown = view.bytes();
    assert!(grown > 2 * one);
    let error = view.take_event(event(2, Some(1_000_000_000_000))).unwrap_err();
    assert!(error.to_string().contains("bytes_max"), "{error}");
    assert!(view.is_full());
    assert_eq!(view.bytes(), grown);
    let mut view = content(plan().bytes_max(55));
    view.take_event(event(1, Some(10))).unwrap();
    view.take_event(event(1, None)).unwrap();
    assert_eq!((view.bytes(), view.is_full()), (0, false));
}

fn of_set(key: u32, kind: EntryEventKind, new: Option<i64>) -> BinaryEntryEvent {
    BinaryEntryEvent {
        kind,
        new: new.map(|n| to_binary(&n).unwrap()),
        ..event(key, None)
    }
}

#[test]
fn a_view_of_keys_wants_no_values() {
    let mut view: Content<u32, ()> = Content::new(plan().keys_only(), true);
    view.begin_reading();
    view.take_read(vec![(Some(to_binary(&1).unwrap()), None)])
        .unwrap();
    view.take_event(of_set(2, EntryEventKind::Insert, None)).unwrap();
    view.end_reading();
    assert_eq!(view.len(), 2);
    let told = view.take_event(of_set(2, EntryEventKind::Update, None)).unwrap();
    assert!(told.is_none(), "{told:?}");
    let told = view.take_event(of_set(1, EntryEventKind::Delete, None)).unwrap();
    assert!(matches!(told, Some(Told { event: ViewEvent::Deleted { key, .. }, .. }) if *key == 1));
}

#[test]
fn what_is_extracted_comes_with_the_events_of_a_selection() {
    let plan = plan().extracting(Extractor::path("half"));
    let mut view: Content<u32, i64> = Content::new(plan, true);
    view.begin_reading();
    view.take_read(read(1, 10)).unwrap();
    view.end_reading();
    view.take_event(of_set(1, EntryEventKind::Update, Some(7)))
        .unwrap();
    view.take_event(of_set(2, EntryEventKind::Insert, Some(3)))
        .unwrap();
    let mut shown = Vec::new();
    view.for_each(|key, value| shown.push((**key, **value)));
    shown.sort_unstable();
    assert_eq!(
        shown,
        [(1, 7), (2, 3)],
        "the filter was asked where the event came from"
    );
    let error = view
        .take_event(of_set(1, EntryEventKind::Update, None))
        .unwrap_err();
    assert!(error.to_string().contains("extractor"), "{error}");
}

/// One step of what happens to a cache and to a view of it.
#[derive(Clone, Debug)]
enum Step {
    /// A key gets a value, or none; its event is on its way.
    Change(u32, Option<i64>),
    /// The next event comes.
    Hear,
    /// A key is read; the answer is on its way.
    Read(u32),
    /// The next answer comes.
    Answer,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0_u32..4, proptest::option::of(5_i64..15)).prop_map(|(key, n)| Step::Change(key, n)),
        Just(Step::Hear),
        (0_u32..4).prop_map(Step::Read),
        Just(Step::Answer),
    ]
}

proptest! {
    /// However changes, events, readings and answers fall, with the last event a view shows what there is.
    #[test]
    fn a_view_comes_to_what_there_is(before in proptest::collection::vec(step(), 0..12), steps in proptest::collection::vec(step(), 0..60)) {
        let mut truth: HashMap<u32, i64> = HashMap::new();
        for step in before {
            if let Step::Change(key, Some(n)) = step {
                truth.insert(key, n);
            }
        }
        let selected = |n: &i64| *n >= 10;
        let mut view = content(plan());
        let (mut on_way, mut answers) = (std::collections::VecDeque::new(), std::collections::VecDeque::new());
        let mut unread: Vec<u32> = (0..4).collect();
        view.begin_reading();
        let read_now = |key: u32, truth: &HashMap<u32, i64>| truth.get(&key).filter(|n| selected(n)).map(|n| (key, *n));
        for step in steps {
            match step {
                Step::Change(key, new) => {
                    let old = match new {
                        Some(n) => truth.insert(key, n),
                        None => truth.remove(&key),
                    };
                    // What neither was nor is selected is not told.
                    if old.as_ref().is_some_and(selected) || new.as_ref().is_some_and(selected) {
                        on_way.push_back(event(key, new));
                    }
                }
                Step::Hear => if let Some(event) = on_way.pop_front() {
                    view.take_event(event).unwrap();
                },
                Step::Read(key) => if let Some(at) = unread.iter().position(|unread| *unread == key) {
                    unread.remove(at);
                    answers.extend(read_now(key, &truth));
                },
                Step::Answer => if let Some((key, n)) = answers.pop_front() {
                    view.take_read(read(key, n)).unwrap();
                },
            }
        }
        for key in unread {
            answers.extend(read_now(key, &truth));
        }
        for (key, n) in answers {
            view.take_read(read(key, n)).unwrap();
        }
        view.end_reading();
        for event in on_way {
            view.take_event(event).unwrap();
        }
        let mut expected: Vec<(u32, i64)> = truth.into_iter().filter(|(_, n)| selected(n)).collect();
        expected.sort_unstable();
        prop_assert_eq!(shown(&view), expected);
    }
}

//! Steps on several entries at one primary.

use grid_core::membership::MemberId;
use grid_core::processor::Worked;
use grid_core::replication::{
    Asked, ClientId, Effects, Failure, OPEN_REQUESTS_MAX, Outcome, Replica, ReplicaSettings, RequestId,
    RequestTag, Step, StepFailure, Written,
};
use grid_core::store::{CacheId, CacheSettings, Sequence, StepEntry, Timestamp, Want, WorkAnswer};
use grid_core::value::{to_binary, to_key};

const NOW: Timestamp = Timestamp::from_unix_ms(1_000);
const CACHES: [CacheId; 2] = [CacheId::new(1), CacheId::new(2)];

fn entry(cache: CacheId, key: u32, seen: Option<Sequence>, value: &str) -> StepEntry {
    StepEntry {
        cache,
        settings: CacheSettings::default(),
        key: to_key(&key).unwrap(),
        seen,
        worked: Worked::Set(to_binary(value).unwrap(), None),
        want: Want::CHANGE,
    }
}

fn tag(number: u64) -> RequestTag {
    RequestTag {
        id: RequestId {
            client: ClientId::new(1),
            number,
        },
        lowest_open: 1,
        apply_before: NOW.after_ms(1_000),
    }
}

fn asked(entry: usize, number: u64) -> Asked {
    Asked {
        entry,
        tag: Some(tag(number)),
        answer: WorkAnswer::Said(to_binary(&number).unwrap()),
    }
}

fn replica(entry_bytes_max: usize) -> Replica<()> {
    let settings = ReplicaSettings {
        entry_bytes_max,
        ..ReplicaSettings::default()
    };
    Replica::alone(MemberId::FIRST, settings)
}

/// What a step comes to, with the number of events that it told of.
fn done(replica: &mut Replica<()>, step: Step) -> Result<(Vec<Outcome>, usize), StepFailure> {
    let mut out = Effects::new();
    match replica.step(NOW, step, (), &mut out) {
        Ok((outcomes, Written::Done(..))) => Ok((outcomes, out.events.len())),
        Ok((_, Written::Waits { .. })) => panic!("there is nobody to wait for"),
        Err((failure, ())) => {
            assert!(out.is_empty(), "nothing was done");
            Err(failure)
        }
    }
}

#[test]
fn requests_of_a_step_are_answered_once_and_again_with_the_same() {
    let mut replica = replica(1 << 20);
    let step = || Step {
        entries: vec![entry(CACHES[0], 1, None, "a"), entry(CACHES[1], 1, None, "b")],
        asked: vec![asked(0, 1), asked(1, 2)],
    };
    let (first, events) = done(&mut replica, step()).unwrap();
    assert_eq!((first.len(), events), (2, 2));
    assert!(first.iter().all(|outcome| outcome.done && !outcome.existed));
    // What it would find now is something else, and is not looked at.
    let (again, events) = done(&mut replica, step()).unwrap();
    assert_eq!(events, 0);
    assert_eq!(format!("{again:?}"), format!("{first:?}"));
    assert_eq!(replica.store().sequence(), Sequence::new(2));
    let mut new = step();
    new.asked = vec![asked(0, 3)];
    assert_eq!(done(&mut replica, new).unwrap_err(), StepFailure::Overtaken);
}

#[test]
fn one_that_is_too_large_or_of_too_many_requests_is_refused_before_anything_changes() {
    let mut replica = replica(100);
    let long = "x".repeat(60);
    let entries = vec![entry(CACHES[0], 1, None, &long), entry(CACHES[0], 2, None, &long)];
    let large = Step {
        entries,
        asked: vec![asked(0, 1)],
    };
    let refused = done(&mut replica, large).unwrap_err();
    assert!(
        matches!(refused, StepFailure::Failed(Failure::TooLarge { len, max: 100 }) if len > 120),
        "{refused:?}"
    );
    let many = Step {
        entries: vec![],
        asked: (0..=OPEN_REQUESTS_MAX as u64)
            .map(|number| Asked {
                entry: 0,
                tag: Some(tag(number + 1)),
                answer: WorkAnswer::Passed,
            })
            .collect(),
    };
    assert_eq!(
        done(&mut replica, many).unwrap_err(),
        StepFailure::Failed(Failure::NotOpen)
    );
    assert!(replica.window().is_empty());
    assert_eq!(replica.store().sequence(), Sequence::ZERO);
}

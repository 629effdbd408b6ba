//! What work answers counts wherever it is kept and sent.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use grid_core::partition::table::StepChange;
use grid_core::processor::{Work, Worked};
use grid_core::replication::{Answered, Failure, Message, Outcome, ReplicaSettings};
use grid_core::store::{Command, WorkAnswer};
use grid_core::value::Binary;

use super::set::{A, B, C, Set, json, put, tag};

/// Sets a number, and answers with so many bytes.
#[derive(Debug)]
struct Says {
    sets: Option<usize>,
    answers: usize,
}

fn text(len: usize) -> Binary {
    json(&format!("\"{}\"", "x".repeat(len - 2)))
}

impl Work for Says {
    fn work(&self, _key: &Binary, _value: Option<&Binary>) -> Result<(Worked, Option<Binary>), String> {
        let worked = self
            .sets
            .map_or(Worked::Stays, |len| Worked::Set(text(len), None));
        Ok((worked, Some(text(self.answers))))
    }

    fn may_change(&self) -> bool {
        true
    }

    fn to_bytes(&self) -> Bytes {
        Bytes::new()
    }
}

fn says(answers: usize) -> Command {
    Command::Work(Arc::new(Says {
        sets: Some(3),
        answers,
    }))
}

#[test]
fn an_outcome_has_the_bytes_of_its_answer() {
    let outcome = Outcome {
        previous: Some(text(100)),
        answer: Some(WorkAnswer::Said(text(1_000))),
        ..Outcome::default()
    };
    assert_eq!(outcome.bytes(), 1_100);
    assert!(Answered::of(tag(1, 1), outcome).bytes() > 1_100);
    let failed = Outcome {
        answer: Some(WorkAnswer::Failed("x".repeat(50))),
        ..Outcome::default()
    };
    assert_eq!(failed.bytes(), 50);
}

#[test]
fn answers_share_messages_with_no_more_than_fit() {
    let settings = ReplicaSettings {
        append_bytes: NonZeroUsize::new(10_000).unwrap(),
        ..ReplicaSettings::default()
    };
    let mut set = Set::with(settings, &[B], &[]);
    set.cut = vec![(A, B)];
    for number in 0..6 {
        let tag = tag(u64::from(number) + 1, 1);
        assert_eq!(set.write_tagged(A, number, says(6_000), Some(tag)).1, Ok(false));
    }
    set.drain();
    set.cut.clear();
    set.reconnect(A, B);
    let sent = set.wire.iter().filter_map(|(_, to, message)| match message {
        Message::Append(append) if *to == B => Some(append.records.len()),
        _ => None,
    });
    assert_eq!(sent.collect::<Vec<_>>(), [2, 2, 2]);
    set.settle();
    set.assert_equal(A, B);
}

#[test]
fn answers_that_wait_for_the_backups_are_bounded() {
    let settings = ReplicaSettings {
        waiting_bytes_max: 10_000,
        ..ReplicaSettings::default()
    };
    let mut set = Set::with(settings, &[B], &[]);
    set.cut = vec![(A, B)];
    let write = |set: &mut Set, number: u64| {
        let key = u32::try_from(number).unwrap();
        set.write_tagged(A, key, says(8_000), Some(tag(number, 1))).1
    };
    assert_eq!(write(&mut set, 1), Ok(false));
    assert_eq!(write(&mut set, 2), Ok(false));
    assert_eq!(write(&mut set, 3), Ok(false));
    assert_eq!(write(&mut set, 4), Err(Failure::Overloaded));
    set.cut.clear();
    set.reconnect(A, B);
    set.settle();
    assert_eq!(write(&mut set, 4), Ok(false));
    set.settle();
    set.assert_equal(A, B);
}

/// However many bytes the outcomes have, a part of a copy has no more than it may, and the copy has all of them.
#[test]
fn outcomes_go_to_a_copy_in_parts() {
    let settings = ReplicaSettings {
        chunk_bytes: NonZeroUsize::new(5_000).unwrap(),
        ..ReplicaSettings::default()
    };
    for breaks in [0, 1, 2, 3, 5] {
        let mut set = Set::with(settings, &[C], &[B]);
        for number in 1..=20 {
            let command = says(2_000);
            set.write_tagged(A, number % 4, command, Some(tag(u64::from(number), 1)))
                .1
                .unwrap();
        }
        set.settle();
        set.agree(&StepChange::StartCopy(B));
        let mut parts = 0;
        for round in 1..=40_u32 {
            // Others come meanwhile, and some of those that were copied are forgotten.
            let number = u64::from(20 + round);
            set.write_tagged(A, round % 4, says(2_000), Some(tag(number, number / 4)))
                .1
                .unwrap();
            set.at += Duration::from_millis(10);
            let at = set.at;
            set.with_replica(A, |replica, out| replica.next_chunk(at, B, out));
            for (_, to, message) in &set.wire {
                if let Message::Chunk(chunk) = message
                    && *to == B
                {
                    let bytes: usize = chunk.outcomes.iter().map(Answered::bytes).sum();
                    assert!(bytes < 5_000 + 2_500, "{bytes}");
                    parts += usize::from(!chunk.outcomes.is_empty());
                }
            }
            if breaks > 0 && round % breaks == 0 && round < 20 {
                set.reconnect(A, B);
            }
            set.drain();
        }
        assert!(parts > 5, "{parts}");
        set.settle();
        assert!(set.was_proposed(A, &StepChange::Admit(B)), "{breaks}");
        set.agree(&StepChange::Admit(B));
        set.settle();
        set.assert_equal(A, B);
        // It answers what was asked before.
        set.kill(C);
        set.kill(A);
        let (again, _) = set.write_tagged(B, 0, put(7), Some(tag(60, 15)));
        let again = set.answer(again).unwrap().unwrap();
        assert_eq!(again.answer.map(|answer| answer.bytes()), Some(2_000));
    }
}

#[test]
fn answers_that_are_kept_have_a_limit_that_those_who_have_theirs_do_not_count_for() {
    let settings = ReplicaSettings {
        outcome_bytes_max: 10_000,
        ..ReplicaSettings::default()
    };
    let mut set = Set::with(settings, &[B], &[]);
    for number in 1..=4 {
        let key = u32::try_from(number).unwrap();
        set.write_tagged(A, key, says(3_000), Some(tag(number, 1)))
            .1
            .unwrap();
        set.settle();
    }
    let refused = set.write_tagged(A, 5, says(3_000), Some(tag(5, 1))).1;
    assert_eq!(refused, Err(Failure::TooManyAnswers));
    assert_eq!(set.value(A, 5), None);
    // What has no number is not kept, and what was done is told.
    set.put(A, 6, 6);
    set.write_tagged(A, 4, says(3_000), Some(tag(4, 1))).1.unwrap();
    // Its client has had the others.
    set.write_tagged(A, 5, says(3_000), Some(tag(5, 4))).1.unwrap();
    set.settle();
    assert!(set.replica(A).window().bytes() < 10_000);
    assert_eq!(
        set.replicas[&A].window().bytes(),
        set.replicas[&B].window().bytes()
    );
    let forgotten_by = super::set::NOW.after_ms(100_000);
    set.replica(A).forget_outcomes(forgotten_by);
    assert_eq!(set.replica(A).window().bytes(), 0);
    set.pass(Duration::from_millis(10));
}

#[test]
fn work_whose_value_or_answer_fits_in_no_message_fails_and_changes_nothing() {
    let settings = ReplicaSettings {
        entry_bytes_max: 1_000,
        ..ReplicaSettings::default()
    };
    let mut set = Set::with(settings, &[B], &[]);
    set.put(A, 1, 7);
    let tried = [
        (Some(3), 1_001, "its answer has 1001 bytes, and at most 1000"),
        (
            Some(1_001),
            3,
            "the value that it sets has 1001 bytes, and at most 999",
        ),
        (None, 1_001, "its answer has 1001 bytes, and at most 1000"),
    ];
    for (number, (sets, answers, words)) in (1..).zip(tried) {
        let command = Command::Work(Arc::new(Says { sets, answers }));
        let (token, _) = set.write_tagged(A, 1, command, Some(tag(number, 1)));
        set.settle();
        let outcome = set.answer(token).unwrap().unwrap();
        let Some(WorkAnswer::Failed(reason)) = outcome.answer else {
            panic!("it failed: {outcome:?}")
        };
        assert!(reason.contains(words), "{reason}");
        assert_eq!(set.value(A, 1).as_deref(), Some("7"));
    }
    let fits = Command::Work(Arc::new(Says {
        sets: Some(999),
        answers: 1_000,
    }));
    set.write(A, 1, fits).1.unwrap();
    set.settle();
    set.assert_equal(A, B);
    assert_eq!(set.value(A, 1).map(|value| value.len()), Some(999));
}

//! Several entries changed by one record.

use crate::processor::Worked;
use crate::store::{StepEntry, StepError, Timestamp, Want, WorkAnswer};

use super::primary::Touched;
use super::{Answered, Effect, Effects, Failure, Outcome, Replica, RequestTag, Seen, Written};

/// Several entries that are read and changed in one step: by one record, so that every copy has all of it or nothing.
#[derive(Debug)]
pub struct Step {
    /// What it depends on, and what becomes of it; each entry once.
    pub entries: Vec<StepEntry>,
    /// What is answered to those who asked.
    pub asked: Vec<Asked>,
}

/// What is answered to a request that a step does.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The entry that it was asked of, by its place among the entries.
    pub entry: usize,
    /// The request, when it is numbered.
    pub tag: Option<RequestTag>,
    /// What was said.
    pub answer: WorkAnswer,
}

/// Why a step was not done. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepFailure {
    /// An entry is not as it was when it was read: it is to be read again.
    Overtaken,
    /// Some of its requests were done before, in another step: they are to be asked for apart.
    DoneInPart,
    /// As for every write.
    Failed(Failure),
}

impl From<Failure> for StepFailure {
    fn from(failure: Failure) -> Self {
        StepFailure::Failed(failure)
    }
}

impl<T> Replica<T> {
    /// What was answered to numbered requests that were done before; `None` when none of them was.
    ///
    /// # Errors
    /// When some were done and others not, or one of them is known to have had its answer, as a step that is asked for again
    /// in good faith has not.
    pub fn answered_before(&self, tags: &[RequestTag]) -> Option<Result<Vec<Outcome>, StepFailure>> {
        let mut outcomes = Vec::new();
        let mut any_new = false;
        for tag in tags {
            match self.window().seen(tag.id) {
                Seen::Done(outcome) => outcomes.push(outcome.clone()),
                Seen::New => any_new = true,
                Seen::Forgotten => return Some(Err(Failure::NotOpen.into())),
            }
        }
        match (outcomes.is_empty(), any_new) {
            (true, _) => None,
            (false, true) => Some(Err(StepFailure::DoneInPart)),
            (false, false) => Some(Ok(outcomes)),
        }
    }

    /// Does a step. The outcomes are those of who asked, in their order; they hold when the token is answered, or at once when
    /// it comes back with them. What is to be sent waits until [`send`](Self::send) is called.
    ///
    /// # Errors
    /// When it was not done, with the token.
    pub fn step(
        &mut self,
        now: Timestamp,
        step: Step,
        token: T,
        out: &mut Effects<T>,
    ) -> Result<(Vec<Outcome>, Written<T>), (StepFailure, T)> {
        if let Err(failure) = self.check_serves() {
            return Err((failure.into(), token));
        }
        let Step { mut entries, asked } = step;
        let tags: Vec<RequestTag> = asked.iter().filter_map(|asked| asked.tag).collect();
        if let Some(before) = self.answered_before(&tags) {
            return match before {
                Ok(outcomes) => Ok((outcomes, self.when_acknowledged(Outcome::default(), token))),
                Err(failure) => Err((failure, token)),
            };
        }
        let checked = self.check_write(now, tags.first());
        let roomy = checked.and_then(|()| self.check_step(&entries, &asked, &tags));
        if let Err(failure) = roomy {
            return Err((failure.into(), token));
        }
        let alone = self.is_alone();
        let tell = entries.iter().any(|entry| entry.want.change);
        if !alone {
            for entry in &mut entries {
                // The backups need what was written.
                entry.want = Want {
                    change: true,
                    new_value: true,
                    ..entry.want
                };
            }
        }
        let applied = match self.store.step(now, &entries) {
            Ok(applied) => applied,
            Err(StepError::Overtaken) => return Err((StepFailure::Overtaken, token)),
            Err(StepError::Store(error)) => return Err((Failure::from(error).into(), token)),
        };
        let outcomes: Vec<Outcome> = asked
            .iter()
            .map(|asked| Outcome {
                done: applied.get(asked.entry).is_some_and(|applied| applied.done),
                existed: applied.get(asked.entry).is_some_and(|applied| applied.existed),
                previous: None,
                answer: Some(asked.answer.clone()),
            })
            .collect();
        let numbered = asked.iter().zip(&outcomes);
        let requests: Vec<Answered> = numbered
            .filter_map(|(asked, outcome)| Some(Answered::of(asked.tag?, outcome.clone())))
            .collect();
        requests.iter().for_each(|answered| self.window.keep(answered));
        let changes = applied
            .into_iter()
            .flat_map(|applied| [applied.expired, applied.change]);
        let effects: Vec<_> = changes.flatten().map(Effect::Change).collect();
        if alone {
            self.tell_now(effects, out);
            return Ok((outcomes, Written::Done(Outcome::default(), token)));
        }
        let bytes = outcomes.iter().map(Outcome::bytes).sum();
        if effects.is_empty() && requests.is_empty() {
            return Ok((outcomes, self.when_acknowledged(Outcome::default(), token)));
        }
        let keys = entries.iter().map(|entry| (entry.cache, entry.key.hash()));
        let touched = Touched::Keys(keys.collect());
        self.push(
            effects,
            requests,
            touched,
            Some((token, Outcome::default())),
            tell,
        );
        Ok((outcomes, Written::Waits { bytes }))
    }

    fn check_step(&self, entries: &[StepEntry], asked: &[Asked], tags: &[RequestTag]) -> Result<(), Failure> {
        if let Some(first) = tags.first()
            && !self.window().has_room_for(first, tags.len())
        {
            return Err(Failure::NotOpen);
        }
        let of_entry = |entry: &StepEntry| {
            let value = match &entry.worked {
                Worked::Set(value, _) => value.bytes().len(),
                Worked::Stays | Worked::Touched | Worked::Removed => 0,
            };
            entry.key.spelling().bytes().len() + value
        };
        // All of it goes to the backups in one message.
        let entries: usize = entries.iter().map(of_entry).sum();
        let answers: usize = asked.iter().map(|asked| asked.answer.bytes()).sum();
        let (len, max) = (entries + answers, self.settings.entry_bytes_max);
        if len > max {
            return Err(Failure::TooLarge { len, max });
        }
        Ok(())
    }
}

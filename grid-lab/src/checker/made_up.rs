//! Histories that are made up from a seed: right ones, and ones with a lie in them.

use crate::history::{Action, Operation, Outcome, Workload};
use crate::random::Random;

use super::register::apply;

/// A lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plant {
    /// A read gives a value that was overwritten.
    StaleRead,
    /// An acknowledged write is not there.
    LostWrite,
    /// What was refused is there.
    RefusedApplied,
    /// Of two that replace the same value both are told that they did.
    TwoWinners,
    /// A value comes from nowhere.
    Stranger,
    /// Two that put what was absent are both told that it was.
    AbsentTwice,
    /// A conditional change is told that it failed though its condition held.
    FalseFailure,
}

impl Plant {
    pub(super) const ALL: [Plant; 7] = [
        Plant::StaleRead,
        Plant::LostWrite,
        Plant::RefusedApplied,
        Plant::TwoWinners,
        Plant::Stranger,
        Plant::AbsentTwice,
        Plant::FalseFailure,
    ];
}

/// A history of one key: rounds in which several clients act at once, with a pause after each.
#[derive(Clone, Copy, Debug)]
pub(super) struct MadeUp {
    pub(super) seed: u64,
    pub(super) clients: usize,
    pub(super) rounds: usize,
    /// The most operations whose outcome nobody knows.
    pub(super) unknown_max: usize,
    pub(super) plant: Option<Plant>,
}

impl Default for MadeUp {
    fn default() -> Self {
        MadeUp {
            seed: 1,
            clients: 6,
            rounds: 40,
            unknown_max: 6,
            plant: None,
        }
    }
}

struct Maker {
    random: Random,
    state: Option<u64>,
    now_ns: u64,
    value: u64,
    operations: Vec<Operation>,
}

impl Maker {
    fn fresh(&mut self) -> u64 {
        self.value += 1;
        self.value
    }

    fn push(&mut self, client: usize, action: Action, span: (u64, u64), outcome: Outcome) {
        self.operations.push(Operation {
            client: u32::try_from(client).unwrap(),
            member: 1,
            workload: Workload::Registers,
            key: "k".to_owned(),
            action,
            start_ns: span.0,
            end_ns: span.1,
            outcome,
        });
    }

    /// An operation that nothing overlaps.
    fn alone(&mut self, action: Action, outcome: Outcome) {
        let span = (self.now_ns + 1, self.now_ns + 2);
        self.now_ns += 3;
        self.push(0, action, span, outcome);
    }

    fn action(&mut self) -> Action {
        let value = self.fresh();
        match self.random.below(10) {
            0..4 => Action::Get,
            4..6 => Action::Put(value),
            6 => Action::PutIfAbsent(value),
            7 => Action::Remove,
            _ => {
                let previous = if self.random.chance(70) {
                    self.state.unwrap_or(0)
                } else {
                    value / 2
                };
                Action::ReplaceIfEqual { previous, value }
            }
        }
    }

    fn answer(&self, action: Action) -> Outcome {
        let answers = [
            Outcome::Value(self.state),
            Outcome::Done(true),
            Outcome::Done(false),
        ];
        let fits = answers
            .into_iter()
            .find(|answer| apply(self.state, action, Some(answer)).is_some());
        fits.expect("every action has an answer")
    }

    /// All clients act once, in any order and overlapping; each is answered as at its moment.
    fn round(&mut self, clients: usize, unknown: &mut usize) {
        let start = self.now_ns;
        let mut moment = start + 1_000;
        for client in 0..clients {
            moment += 10;
            let action = self.action();
            let begin = moment - 1 - self.random.below(900) as u64;
            let end = moment + 1 + self.random.below(900) as u64;
            if *unknown > 0 && self.random.chance(2) {
                *unknown -= 1;
                if self.random.chance(50) {
                    self.state = apply(self.state, action, None).unwrap();
                }
                self.push(client, action, (begin, end), Outcome::Unknown("late".to_owned()));
                continue;
            }
            if self.random.chance(3) {
                self.push(client, action, (begin, end), Outcome::Refused("full".to_owned()));
                continue;
            }
            let mut answer = self.answer(action);
            self.state = apply(self.state, action, Some(&answer)).unwrap();
            if matches!(action, Action::Put(_)) && self.random.chance(30) {
                answer = Outcome::Written;
            }
            self.push(client, action, (begin, end), answer);
        }
        self.now_ns = moment + 2_000;
    }

    fn put_alone(&mut self) -> u64 {
        let value = self.fresh();
        self.alone(Action::Put(value), Outcome::Written);
        self.state = Some(value);
        value
    }

    fn lie(&mut self, plant: Plant) {
        let read = |value| Outcome::Value(Some(value));
        let first = self.put_alone();
        match plant {
            Plant::StaleRead => {
                self.put_alone();
                self.alone(Action::Get, read(first));
            }
            Plant::LostWrite => {
                let lost = self.fresh();
                self.alone(Action::Put(lost), read(first));
                self.alone(Action::Get, read(first));
            }
            Plant::RefusedApplied => {
                let refused = self.fresh();
                self.alone(Action::Put(refused), Outcome::Refused("full".to_owned()));
                self.alone(Action::Get, read(refused));
            }
            Plant::TwoWinners => {
                let start = self.now_ns;
                for client in 0..2 {
                    let value = self.fresh();
                    let action = Action::ReplaceIfEqual {
                        previous: first,
                        value,
                    };
                    self.push(client, action, (start + 1, start + 5), Outcome::Done(true));
                }
                self.now_ns += 10;
            }
            Plant::Stranger => self.alone(Action::Get, read(u64::MAX)),
            Plant::AbsentTwice => {
                self.alone(Action::Remove, read(first));
                for _ in 0..2 {
                    let value = self.fresh();
                    self.alone(Action::PutIfAbsent(value), Outcome::Value(None));
                }
            }
            Plant::FalseFailure => {
                self.alone(Action::Get, read(first));
                let value = self.fresh();
                let action = Action::ReplaceIfEqual {
                    previous: first,
                    value,
                };
                self.alone(action, Outcome::Done(false));
                self.alone(Action::Get, read(first));
            }
        }
    }
}

impl MadeUp {
    /// The operations, in the order in which they ended.
    pub(super) fn operations(&self) -> Vec<Operation> {
        let mut maker = Maker {
            random: Random::new(self.seed),
            state: None,
            now_ns: 0,
            value: 0,
            operations: Vec::new(),
        };
        // A removal of unknown outcome would explain why a key is absent twice. Nothing explains the other lies, since
        // each value is written by one operation only.
        let explained = self.plant == Some(Plant::AbsentTwice);
        let mut unknown = if explained { 0 } else { self.unknown_max };
        let lie_after = self.rounds / 4 + maker.random.below(self.rounds / 2);
        for round in 0..self.rounds {
            maker.round(self.clients, &mut unknown);
            if let Some(plant) = self.plant.filter(|_| round == lie_after) {
                maker.lie(plant);
                break;
            }
        }
        maker.operations.sort_by_key(|operation| operation.end_ns);
        maker.operations
    }
}

//! Clients that read and write the same few keys.
//!
//! How long it takes to judge a key grows fast with what happened to it, and faster with what nobody knows the outcome
//! of. So a key is used only for so many operations; then the next one takes its place.

use std::collections::HashMap;

use grid_core::cache::NamedCache;

use crate::history::{Action, Outcome, Workload};

use super::client::Client;

/// How many keys are used at the same time.
const SLOTS: usize = 8;

/// How many operations one key has, and how many of them with an unknown outcome.
const OPERATIONS_MAX: u32 = 240;
const UNKNOWN_MAX: u32 = 6;

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    generation: u32,
    operations: u32,
    unknown: u32,
}

/// The keys that are used now.
#[derive(Debug, Default)]
pub(super) struct Slots([Slot; SLOTS]);

impl Slots {
    /// The key to use next in a slot.
    fn key(&mut self, slot: usize) -> String {
        let at = &mut self.0[slot];
        if at.operations >= OPERATIONS_MAX || at.unknown >= UNKNOWN_MAX {
            *at = Slot {
                generation: at.generation + 1,
                ..Slot::default()
            };
        }
        at.operations += 1;
        format!("r{slot}.{}", at.generation)
    }

    /// Counts an operation of unknown outcome.
    fn unknown(&mut self, slot: usize) {
        self.0[slot].unknown += 1;
    }
}

pub(super) async fn run(mut client: Client) -> Vec<crate::history::Operation> {
    let mut last_seen: HashMap<usize, (String, u64)> = HashMap::new();
    while client.goes_on().await {
        let slot = client.random.below(SLOTS);
        let key = client.shared.slots.lock().key(slot);
        let seen = last_seen
            .get(&slot)
            .filter(|(of, _)| *of == key)
            .map(|(_, value)| *value);
        let action = choose(&mut client, seen);
        let outcome = act(&mut client, &key, action).await;
        match outcome {
            Outcome::Unknown(_) => client.shared.slots.lock().unknown(slot),
            Outcome::Value(Some(value)) if action == Action::Get => {
                last_seen.insert(slot, (key, value));
            }
            Outcome::Written | Outcome::Value(_) | Outcome::Done(true) => {
                if let Action::Put(value) | Action::ReplaceIfEqual { value, .. } = action {
                    last_seen.insert(slot, (key, value));
                }
            }
            _ => {}
        }
    }
    client.into_operations()
}

fn choose(client: &mut Client, seen: Option<u64>) -> Action {
    let value = client.value();
    match client.random.below(20) {
        0..9 => Action::Get,
        9..13 => Action::Put(value),
        13..17 => match seen {
            Some(previous) => Action::ReplaceIfEqual { previous, value },
            None => Action::PutIfAbsent(value),
        },
        17 => Action::PutIfAbsent(value),
        18 => Action::Replace(value),
        _ => match seen.filter(|_| client.random.chance(50)) {
            Some(previous) => Action::RemoveIfEqual(previous),
            None => Action::Remove,
        },
    }
}

async fn act(client: &mut Client, key: &String, action: Action) -> Outcome {
    let cache = client.access.registers.clone();
    // An insert, and one of many entries at once, are answered with less than a put, and go their own ways through the grid.
    let inserts = client.random.chance(30);
    let together = client.random.chance(30);
    let call = async {
        Ok(match action {
            Action::Get | Action::Increment(_) | Action::Append(_) | Action::SelectAll => {
                Outcome::Value(cache.get(key).await?)
            }
            Action::Put(value) if inserts => {
                cache.insert(key, &value).await?;
                Outcome::Written
            }
            Action::Put(value) if together => {
                cache.put_all([(key, &value)]).await?;
                Outcome::Written
            }
            Action::Put(value) => Outcome::Value(cache.put(key, &value).await?),
            Action::PutIfAbsent(value) => Outcome::Value(cache.put_if_absent(key, &value).await?),
            Action::Replace(value) => Outcome::Value(cache.replace(key, &value).await?),
            Action::ReplaceIfEqual { previous, value } => {
                Outcome::Done(cache.replace_if_equal(key, &previous, &value).await?)
            }
            Action::Remove => Outcome::Value(cache.remove(key).await?),
            Action::RemoveIfEqual(value) => Outcome::Done(cache.remove_if_equal(key, &value).await?),
        })
    };
    client.record(Workload::Registers, key, action, call).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_retired_after_enough() {
        let mut slots = Slots::default();
        let keys: Vec<String> = (0..OPERATIONS_MAX).map(|_| slots.key(0)).collect();
        assert!(keys.iter().all(|key| key == "r0.0"));
        assert_eq!(slots.key(0), "r0.1");
        for _ in 0..UNKNOWN_MAX {
            slots.unknown(0);
        }
        assert_eq!(
            (slots.key(0), slots.key(1)),
            ("r0.2".to_owned(), "r1.0".to_owned())
        );
    }
}

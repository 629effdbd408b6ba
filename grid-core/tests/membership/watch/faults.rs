//! The faults, what must hold through them, and how long it goes on.

use grid_core::membership::MemberId;

use crate::network::{Life, Way};

use super::{Simulation, TICK_US};

impl Simulation {
    /// What must hold at any time.
    pub(super) fn check(&self) {
        for (member, removed) in self.removed.iter().filter(|(_, removed)| removed.taken) {
            if self.acts(removed.life) {
                let serves = self.nodes[&removed.life].lease.serves(self.now(removed.life));
                assert!(
                    !serves,
                    "{member} serves what was taken from it, at {} us",
                    self.network.now_us
                );
            }
        }
    }

    pub(super) fn note_trouble(&mut self) {
        let now = self.network.now_us;
        let slots = self.network.slots.clone();
        for (at, slot) in slots.iter().enumerate().filter(|(_, slot)| slot.runs) {
            let others = || {
                slots
                    .iter()
                    .enumerate()
                    .filter(|(other, there)| *other != at && there.runs)
            };
            let cut = others().any(|(other, _)| !self.network.connected(at, other));
            if cut || slot.paused {
                self.trouble_us.insert(slot.life, now);
            }
        }
    }

    /// Runs to a time, or until `each` is content.
    pub(super) fn run(&mut self, until_us: u64, mut each: impl FnMut(&mut Self) -> bool) {
        while self.network.now_us < until_us && !each(self) {
            let next = self.network.now_us + TICK_US;
            while let Some((life, arrival)) = self.network.next(&mut self.random, next) {
                self.arrive(life, arrival);
                self.check();
            }
            self.network.now_us = next;
            self.note_trouble();
            self.elect();
            let lives: Vec<Life> = self.nodes.keys().copied().collect();
            for life in lives {
                self.tick(life);
            }
            self.check();
        }
    }

    pub(super) fn heal(&mut self) {
        self.network.ways.clear();
        self.network.loss_percent = 0;
        for at in 0..self.network.slots.len() {
            self.network.slots[at].paused = false;
            self.rejoin(at);
        }
    }

    /// A slot whose process has ended or was voted out gets a new one.
    pub(super) fn rejoin(&mut self, slot: usize) {
        let place = self.network.slots[slot];
        if place.runs && self.members.contains_key(&MemberId::new(place.life)) {
            return;
        }
        // While the old member is not voted out, its successor waits to be let in.
        if place.runs {
            self.network.kill(&mut self.random, slot, false);
        }
        self.join(slot);
    }

    pub(super) fn fault(&mut self) {
        let count = self.network.slots.len();
        let all: Vec<usize> = (0..count).collect();
        let (Some(one), Some(other)) = (self.random.pick(&all), self.random.pick(&all)) else {
            return;
        };
        let running = self.network.slots.iter().filter(|slot| slot.runs).count();
        match self.random.range(0, 12) {
            0 => self.set_way(&[one], &[other], Way::Drop, true),
            1 => self.set_way(&[one], &[other], Way::Drop, false),
            2 => self.set_way(
                &[one],
                &[other],
                Way::Reject,
                self.network.now_us.is_multiple_of(2),
            ),
            3 | 4 => {
                let size = usize::try_from(self.random.range(1, 3)).unwrap();
                let (few, many) = (all[..size].to_vec(), all[size..].to_vec());
                let way = if self.random.chance(50) {
                    Way::Drop
                } else {
                    Way::Reject
                };
                let both = self.random.chance(50);
                self.set_way(&few, &many, way, both);
            }
            5 | 6 => self.network.slots[one].paused = true,
            7 if running * 2 > count + 1 => {
                let machine_too = self.random.chance(30);
                self.network.kill(&mut self.random, one, machine_too);
            }
            8 => self.rejoin(one),
            9 => self.network.loss_percent = self.random.range(0, 6),
            _ => {
                self.network.ways.clear();
                for slot in &mut self.network.slots {
                    slot.paused = false;
                }
            }
        }
    }

    pub(super) fn set_way(&mut self, some: &[usize], others: &[usize], way: Way, both: bool) {
        for one in some {
            for other in others {
                self.network.ways.insert((*one, *other), way);
                if both {
                    self.network.ways.insert((*other, *one), way);
                }
            }
        }
    }

    pub(super) fn serving(&self) -> usize {
        let serves = |life: &&Life| self.acts(**life) && self.nodes[life].lease.serves(self.now(**life));
        self.members.values().filter(serves).count()
    }
}

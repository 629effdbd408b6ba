//! What goes wrong.

use grid_core::membership::MemberPhase;

use super::event::Event;
use super::group::SERVICE;
use super::world::{MILLISECOND, World};

impl World {
    /// The next fault; after the last everything heals.
    pub(super) fn fault(&mut self) {
        if self.faults_left == 0 {
            self.heal();
            return;
        }
        self.faults_left -= 1;
        let next = self.now + 10 * MILLISECOND + self.draw(350 * MILLISECOND);
        self.queue.push(next, Event::Fault);
        let (one, mut other) = (
            self.random.below(self.processes.len()),
            self.random.below(self.processes.len()),
        );
        if one == other {
            other = (one + 1) % self.processes.len();
        }
        match self.random.below(100) {
            0..14 => self.break_stream(one, other),
            14..20 => self.isolate(one),
            20..32 => {
                let time = self.short_or_long();
                self.trace
                    .note(self.now, format_args!("cut {one}>{other} for {time}"));
                self.cut(one, other, time);
            }
            32..40 => {
                let time = self.short_or_long();
                self.trace
                    .note(self.now, format_args!("cut {one}-{other} for {time}"));
                self.cut(one, other, time);
                self.cut(other, one, time);
            }
            40..47 => self.split(),
            47..57 => self.pause(one),
            57..63 => self.lose_leader_by_fault(),
            63..70 => {
                self.network.slow_until = self.now + self.short_or_long();
                self.trace
                    .note(self.now, format_args!("slow until {}", self.network.slow_until));
            }
            70..78 => {
                self.crash_by_fault(one);
            }
            78..90 => {
                let after = self.draw(30);
                self.trace
                    .note(self.now, format_args!("{one} dies after {after} effects"));
                self.processes[one].dies_after = Some(after);
            }
            90..94 => self.queue.push(self.now, Event::Start { slot: one }),
            94..97 => self.leave(one),
            _ => self.crash_many(),
        }
    }

    fn short_or_long(&mut self) -> u64 {
        let most = if self.random.chance(70) { 400 } else { 5_000 };
        10 * MILLISECOND + self.draw(most * MILLISECOND)
    }

    /// Some members hear only each other for a while.
    fn split(&mut self) {
        let time = self.short_or_long();
        let sides: Vec<bool> = (0..self.processes.len())
            .map(|_| self.random.chance(50))
            .collect();
        self.trace
            .note(self.now, format_args!("split {sides:?} for {time}"));
        for from in 0..sides.len() {
            for to in 0..sides.len() {
                if sides[from] != sides[to] {
                    self.cut(from, to, time);
                }
            }
        }
    }

    /// One member hears nobody for longer than a lease.
    fn isolate(&mut self, slot: usize) {
        let time = 1_800 * MILLISECOND + self.draw(2_500 * MILLISECOND);
        self.trace
            .note(self.now, format_args!("{slot} is cut off for {time}"));
        for other in (0..self.processes.len()).filter(|other| *other != slot) {
            self.cut(slot, other, time);
            self.cut(other, slot, time);
        }
    }

    fn pause(&mut self, slot: usize) {
        let time = self.short_or_long();
        if self.is_alive(slot) {
            self.processes[slot].paused_until = self.now + time;
            self.trace.note(self.now, format_args!("{slot} stops for {time}"));
        }
    }

    fn lose_leader_by_fault(&mut self) {
        if self.group.leader.is_some() {
            self.lose_leader();
        }
    }

    fn leave(&mut self, slot: usize) {
        let others = self.ready_members().saturating_sub(1);
        let is_ready = self.processes[slot].member.is_some_and(|member| {
            let members = self.group.state.members();
            members
                .get(&member)
                .is_some_and(|member| member.phase == MemberPhase::Ready)
        });
        if is_ready && others >= 3 && self.is_alive(slot) {
            self.trace.note(self.now, format_args!("{slot} is to leave"));
            self.processes[slot].wants_to_leave = true;
        }
    }

    /// Whether the control group lives on, and every partition has a copy, when this process dies too. More than that
    /// is not promised.
    fn may_die(&self, slot: usize) -> bool {
        let life = self.life(slot);
        let voters = &self.group.voters;
        let living = voters
            .iter()
            .filter(|voter| self.is_running(**voter) && **voter != life);
        if living.count() * 2 <= voters.len() {
            return false;
        }
        let Some(table) = self.group.state.services().get(&SERVICE) else {
            return false;
        };
        table.assignments.iter().all(|assignment| {
            let mut copies = assignment
                .replicas()
                .chain(assignment.last.iter().map(|copy| copy.member))
                .filter_map(|member| self.homes.get(&member));
            assignment.is_free()
                || assignment.lost
                || copies.any(|home| self.is_running(*home) && *home != life)
        })
    }

    /// A process dies if that breaks no promise, and another one starts there later. Gives whether it died.
    pub(super) fn crash_by_fault(&mut self, slot: usize) -> bool {
        if !self.is_alive(slot) || !self.may_die(slot) {
            return false;
        }
        self.crash(slot);
        self.start_later(slot);
        true
    }

    fn start_later(&mut self, slot: usize) {
        let later = self.now + 50 * MILLISECOND + self.draw(2_500 * MILLISECOND);
        self.queue.push(later, Event::Start { slot });
    }

    /// All that have a partition die at once, in few runs: what is lost then must be said to be lost.
    fn crash_many(&mut self) {
        if !self.settings.seed.is_multiple_of(8) {
            return;
        }
        let partition = self.random.below(usize::from(self.count.get()));
        let Some(table) = self.group.state.services().get(&SERVICE) else {
            return;
        };
        let homes: Vec<_> = table.assignments[partition]
            .replicas()
            .filter_map(|member| self.homes.get(&member).copied())
            .filter(|home| self.is_running(*home))
            .collect();
        let voters = &self.group.voters;
        let living = voters
            .iter()
            .filter(|voter| self.is_running(**voter) && !homes.contains(voter));
        if living.count() * 2 <= voters.len() {
            return;
        }
        self.trace.note(self.now, format_args!("all of P{partition} die"));
        for home in homes {
            self.crash(home.slot);
            self.start_later(home.slot);
        }
        self.queue.push(self.now + 3_000 * MILLISECOND, Event::AcceptLoss);
    }

    fn heal(&mut self) {
        self.trace.note(self.now, format_args!("everything heals"));
        self.is_healing = true;
        self.heal_all();
        for slot in 0..self.processes.len() {
            let process = &mut self.processes[slot];
            process.paused_until = self.now;
            process.dies_after = None;
            self.queue.push(self.now, Event::Start { slot });
        }
        self.queue.push(self.now + 2_000 * MILLISECOND, Event::AcceptLoss);
        self.queue.push(self.now + 6_000 * MILLISECOND, Event::AcceptLoss);
    }
}

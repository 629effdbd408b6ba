//! The made-up network: streams between members that break, stall and come again.

use std::collections::VecDeque;

use super::event::{Event, Frame};
use super::world::{MILLISECOND, World};

/// The stream on which one place sends to another.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// The number of the connection.
    number: u64,
    is_up: bool,
    /// When the last frame arrives: none overtakes another.
    last_arrival: u64,
    /// Frames that wait for the network to heal.
    stalled: VecDeque<Box<Frame>>,
}

/// Every stream, and what is wrong between places.
#[derive(Debug)]
pub(super) struct Network {
    streams: Vec<Vec<Stream>>,
    cut: Vec<Vec<bool>>,
    /// Until when everything takes long.
    pub(super) slow_until: u64,
}

impl Network {
    pub(super) fn new(places: usize) -> Self {
        let row = || (0..places).map(|_| Stream::default()).collect();
        Network {
            streams: (0..places).map(|_| row()).collect(),
            cut: vec![vec![false; places]; places],
            slow_until: 0,
        }
    }

    /// Whether packets get through in both directions.
    pub(super) fn is_open(&self, a: usize, b: usize) -> bool {
        !self.cut[a][b] && !self.cut[b][a]
    }

    /// Whether packets get through from one place to another.
    pub(super) fn passes(&self, from: usize, to: usize) -> bool {
        !self.cut[from][to]
    }
}

impl World {
    /// How long a packet takes.
    pub(super) fn delay(&mut self) -> u64 {
        let slow = self.now < self.network.slow_until;
        let most = match (slow, self.random.below(50)) {
            (true, _) => 80 * MILLISECOND,
            (false, 0) => 10 * MILLISECOND,
            (false, _) => MILLISECOND,
        };
        100 + self.draw(most)
    }

    /// Sends a frame on the stream between two places, if it is up.
    pub(super) fn send(&mut self, from: usize, to: usize, frame: Box<Frame>) {
        if !self.network.streams[from][to].is_up {
            return;
        }
        if self.network.cut[from][to] || !self.network.streams[from][to].stalled.is_empty() {
            self.stall(from, to, frame);
            return;
        }
        let arrival = self.now + self.delay();
        let stream = &mut self.network.streams[from][to];
        stream.last_arrival = stream.last_arrival.max(arrival);
        let (at, connection) = (stream.last_arrival, stream.number);
        let event = Event::Arrive {
            from,
            to,
            connection,
            frame,
        };
        self.queue.push(at, event);
    }

    fn stall(&mut self, from: usize, to: usize, frame: Box<Frame>) {
        let patience = 200 * MILLISECOND + self.draw(1_300 * MILLISECOND);
        let stream = &mut self.network.streams[from][to];
        stream.stalled.push_back(frame);
        if stream.stalled.len() == 1 {
            let connection = stream.number;
            self.queue
                .push(self.now + patience, Event::GiveUp { from, to, connection });
        }
    }

    /// Whether this connection is still the one between the places.
    pub(super) fn is_current(&self, from: usize, to: usize, connection: u64) -> bool {
        let stream = &self.network.streams[from][to];
        stream.is_up && stream.number == connection
    }

    /// Gives a connection up on which nothing got through for long.
    pub(super) fn give_up(&mut self, from: usize, to: usize, connection: u64) {
        if self.is_current(from, to, connection) && !self.network.streams[from][to].stalled.is_empty() {
            self.break_stream(from, to);
        }
    }

    /// A connection ends, and what is on its way is lost.
    pub(super) fn break_stream(&mut self, from: usize, to: usize) {
        let stream = &mut self.network.streams[from][to];
        if !stream.is_up {
            return;
        }
        stream.is_up = false;
        stream.number += 1;
        stream.stalled.clear();
        self.trace
            .note(self.now, format_args!("connection {from}>{to} breaks"));
        self.lost_connection(from, to);
        let again = self.now + 5 * MILLISECOND + self.draw(40 * MILLISECOND);
        self.queue.push(again, Event::Dial { from, to });
    }

    /// Every connection of a place ends.
    pub(super) fn break_all(&mut self, place: usize) {
        for other in 0..self.processes.len() {
            self.break_stream(place, other);
            self.break_stream(other, place);
        }
    }

    /// Tries to connect, and again later when that fails.
    pub(super) fn dial(&mut self, from: usize, to: usize) {
        if from == to || self.network.streams[from][to].is_up {
            return;
        }
        let both = [from, to].iter().all(|place| self.is_awake(*place));
        if !both || !self.network.is_open(from, to) {
            let again = self.now + 20 * MILLISECOND + self.draw(60 * MILLISECOND);
            self.queue.push(again, Event::Dial { from, to });
            return;
        }
        let now = self.now;
        let stream = &mut self.network.streams[from][to];
        stream.is_up = true;
        stream.number += 1;
        stream.last_arrival = now;
        self.trace.note(now, format_args!("connection {from}>{to}"));
        // Answers come on the other stream: what either of them sent may be lost with the old connection.
        self.connected(from, to);
        self.connected(to, from);
    }

    /// Cuts a link in one direction, for so long.
    pub(super) fn cut(&mut self, from: usize, to: usize, time: u64) {
        if !self.network.cut[from][to] {
            self.network.cut[from][to] = true;
            self.queue.push(self.now + time, Event::HealLink { from, to });
        }
    }

    /// A link works again: what waited for it goes on its way.
    pub(super) fn heal_link(&mut self, from: usize, to: usize) {
        if !self.network.cut[from][to] {
            return;
        }
        self.network.cut[from][to] = false;
        self.trace.note(self.now, format_args!("link {from}>{to} heals"));
        let stalled: Vec<_> = self.network.streams[from][to].stalled.drain(..).collect();
        for frame in stalled {
            self.send(from, to, frame);
        }
    }

    /// All links work again.
    pub(super) fn heal_all(&mut self) {
        for from in 0..self.processes.len() {
            for to in 0..self.processes.len() {
                self.heal_link(from, to);
            }
        }
        self.network.slow_until = 0;
    }
}

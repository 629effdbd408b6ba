//! A network with connections that end the way TCP's do: in order when a process is killed, by a reset from a firewall
//! or a kernel that knows nothing of them, or not at all.

use std::collections::BTreeMap;

use grid_core::membership::LinkEnd;

use crate::random::Random;

/// What the network does with packets of one machine to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Open,
    Drop,
    /// A firewall answers the sender with a reset.
    Reject,
}

/// A process: a number that is never given twice.
pub(crate) type Life = u64;

/// What reaches a process.
#[derive(Clone, Debug)]
pub(crate) enum Arrival<M> {
    Message { link: u64, from: Life, message: M },
    LinkOpened { link: u64, with: Life, dialed: bool },
    LinkEnded { link: u64, with: Life, end: LinkEnd },
    DialRefused { to: usize, started_us: u64 },
    DialFailed { to: usize },
    DialAnswered { to: usize, by: Life },
}

#[derive(Clone, Debug)]
enum Packet<M> {
    Data(M),
    Fin,
    Reset,
}

#[derive(Clone, Debug)]
enum Event<M> {
    Packet {
        link: u64,
        to_dialer: bool,
        packet: Packet<M>,
    },
    Syn {
        from: Life,
        to: usize,
        started_us: u64,
    },
    Arrive {
        to: Life,
        arrival: Arrival<M>,
    },
}

struct End {
    slot: usize,
    life: Life,
    open: bool,
    last_us: u64,
}

/// What runs in a slot (a machine's port).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Slot {
    pub(crate) host: u64,
    pub(crate) life: Life,
    pub(crate) runs: bool,
    pub(crate) paused: bool,
    /// The whole machine is off.
    pub(crate) off: bool,
}

pub(crate) struct Network<M> {
    pub(crate) now_us: u64,
    pub(crate) slots: Vec<Slot>,
    pub(crate) ways: BTreeMap<(usize, usize), Way>,
    pub(crate) loss_percent: u64,
    pub(crate) delay_max_us: u64,
    links: BTreeMap<u64, [End; 2]>,
    events: BTreeMap<(u64, u64), Event<M>>,
    numbers: u64,
}

const DIAL_TIMEOUT_US: u64 = 1_000_000;
const RETRY_US: u64 = 100_000;

impl<M: Clone> Network<M> {
    pub(crate) fn new(slots: Vec<Slot>) -> Self {
        Network {
            now_us: 0,
            slots,
            ways: BTreeMap::new(),
            loss_percent: 0,
            delay_max_us: 1_000,
            links: BTreeMap::new(),
            events: BTreeMap::new(),
            numbers: 0,
        }
    }

    pub(crate) fn way(&self, from: usize, to: usize) -> Way {
        if self.slots[from].host == self.slots[to].host {
            return Way::Open;
        }
        *self.ways.get(&(from, to)).unwrap_or(&Way::Open)
    }

    pub(crate) fn connected(&self, one: usize, other: usize) -> bool {
        self.way(one, other) == Way::Open && self.way(other, one) == Way::Open
    }

    fn plan(&mut self, at_us: u64, event: Event<M>) {
        self.numbers += 1;
        self.events.insert((at_us, self.numbers), event);
    }

    fn delay(&self, random: &mut Random) -> u64 {
        let lost = if random.chance(self.loss_percent) {
            200_000
        } else {
            0
        };
        random.range(50, self.delay_max_us) + lost
    }

    fn place_of(&self, life: Life) -> Option<usize> {
        self.slots.iter().position(|slot| slot.life == life)
    }

    pub(crate) fn dial(&mut self, random: &mut Random, from: Life, to: usize) {
        let at = self.now_us + self.delay(random);
        self.plan(
            at,
            Event::Syn {
                from,
                to,
                started_us: self.now_us,
            },
        );
    }

    /// Sends on a connection; nothing happens when this end is closed.
    pub(crate) fn send(&mut self, random: &mut Random, link: u64, from: Life, message: M) {
        self.packet(random, link, from, Packet::Data(message));
    }

    fn packet(&mut self, random: &mut Random, link: u64, from: Life, packet: Packet<M>) {
        let delay = self.delay(random);
        let Some(ends) = self.links.get_mut(&link) else {
            return;
        };
        let to = usize::from(ends[0].life == from);
        if !ends[1 - to].open {
            return;
        }
        let at = (self.now_us + delay).max(ends[to].last_us + 1);
        ends[to].last_us = at;
        self.plan(
            at,
            Event::Packet {
                link,
                to_dialer: to == 0,
                packet,
            },
        );
    }

    /// Ends a process; its kernel closes its connections, if its machine runs on.
    pub(crate) fn kill(&mut self, random: &mut Random, slot: usize, machine_too: bool) {
        let life = self.slots[slot].life;
        self.slots[slot].runs = false;
        self.slots[slot].off = machine_too;
        let links: Vec<u64> = self
            .links
            .iter()
            .filter(|(_, ends)| ends.iter().any(|end| end.life == life))
            .map(|(link, _)| *link)
            .collect();
        for link in links {
            if !machine_too {
                let packet = if random.chance(10) {
                    Packet::Reset
                } else {
                    Packet::Fin
                };
                self.packet(random, link, life, packet);
            }
            if let Some(ends) = self.links.get_mut(&link) {
                let mine = usize::from(ends[0].life != life);
                ends[mine].open = false;
            }
        }
    }

    /// The next thing that reaches a process until a time.
    pub(crate) fn next(&mut self, random: &mut Random, until_us: u64) -> Option<(Life, Arrival<M>)> {
        loop {
            let at = *self
                .events
                .first_key_value()
                .map(|(at, _)| at)
                .filter(|(at, _)| *at <= until_us)?;
            let event = self.events.remove(&at)?;
            self.now_us = self.now_us.max(at.0);
            let arrived = match event {
                Event::Arrive { to, arrival } => Some((to, arrival)),
                Event::Syn { from, to, started_us } => self.syn(random, from, to, started_us),
                Event::Packet {
                    link,
                    to_dialer,
                    packet,
                } => self.arrive(random, link, to_dialer, packet),
            };
            if arrived.is_some() {
                return arrived;
            }
        }
    }

    fn syn(
        &mut self,
        random: &mut Random,
        from: Life,
        to: usize,
        started_us: u64,
    ) -> Option<(Life, Arrival<M>)> {
        let at = self.place_of(from)?;
        let failed = Event::Arrive {
            to: from,
            arrival: Arrival::DialFailed { to },
        };
        let refused = Event::Arrive {
            to: from,
            arrival: Arrival::DialRefused { to, started_us },
        };
        let late = self.now_us + DIAL_TIMEOUT_US;
        let soon = self.now_us + random.range(50, self.delay_max_us);
        let target = self.slots[to];
        match (self.way(at, to), self.way(to, at)) {
            (Way::Reject, _) => self.plan(soon, refused),
            (Way::Drop, _) | (_, Way::Drop | Way::Reject) => self.plan(late, failed),
            (Way::Open, Way::Open) if target.off || (target.runs && target.paused) => self.plan(late, failed),
            (Way::Open, Way::Open) if !target.runs => self.plan(soon, refused),
            (Way::Open, Way::Open) => {
                self.numbers += 1;
                let link = self.numbers;
                let end = |slot, life| End {
                    slot,
                    life,
                    open: true,
                    last_us: soon,
                };
                self.links.insert(link, [end(at, from), end(to, target.life)]);
                let answered = Arrival::DialAnswered { to, by: target.life };
                self.plan(
                    soon,
                    Event::Arrive {
                        to: from,
                        arrival: answered,
                    },
                );
                let opened = Arrival::LinkOpened {
                    link,
                    with: target.life,
                    dialed: true,
                };
                self.plan(
                    soon,
                    Event::Arrive {
                        to: from,
                        arrival: opened,
                    },
                );
                return Some((
                    target.life,
                    Arrival::LinkOpened {
                        link,
                        with: from,
                        dialed: false,
                    },
                ));
            }
        }
        None
    }

    fn arrive(
        &mut self,
        random: &mut Random,
        link: u64,
        to_dialer: bool,
        packet: Packet<M>,
    ) -> Option<(Life, Arrival<M>)> {
        let to = usize::from(!to_dialer);
        let (from_slot, to_slot) = {
            let ends = self.links.get(&link)?;
            (ends[1 - to].slot, ends[to].slot)
        };
        match self.way(from_slot, to_slot) {
            // A reset is sent once; the rest is sent again and again.
            Way::Drop if matches!(packet, Packet::Reset) => return None,
            Way::Drop => {
                self.plan(
                    self.now_us + RETRY_US,
                    Event::Packet {
                        link,
                        to_dialer,
                        packet,
                    },
                );
                return None;
            }
            Way::Reject => return self.end(link, 1 - to, LinkEnd::Reset),
            Way::Open if self.slots[to_slot].off => return None,
            Way::Open => {}
        }
        let ends = self.links.get(&link)?;
        let (from, end) = (ends[1 - to].life, &ends[to]);
        match packet {
            Packet::Data(message) if end.open => Some((end.life, Arrival::Message { link, from, message })),
            Packet::Data(_) => {
                let at = self.now_us + self.delay(random);
                self.plan(
                    at,
                    Event::Packet {
                        link,
                        to_dialer: !to_dialer,
                        packet: Packet::Reset,
                    },
                );
                None
            }
            Packet::Fin => self.end(link, to, LinkEnd::Closed),
            Packet::Reset => self.end(link, to, LinkEnd::Reset),
        }
    }

    fn end(&mut self, link: u64, which: usize, end: LinkEnd) -> Option<(Life, Arrival<M>)> {
        let ends = self.links.get_mut(&link)?;
        if !ends[which].open {
            return None;
        }
        ends[which].open = false;
        Some((
            ends[which].life,
            Arrival::LinkEnded {
                link,
                with: ends[1 - which].life,
                end,
            },
        ))
    }
}

//! A hierarchical timing wheel: many deadlines, each armed, moved and cancelled in constant time.

use std::fmt;
use std::ops::{Index, IndexMut};

use super::Timestamp;

/// The length of a tick: an item fires at most this long after its deadline (and never before).
pub const TICK_MS: u64 = 64;

const SLOT_BITS: u32 = 6;
const SLOTS: usize = 1 << SLOT_BITS;
const SLOT_MASK: u64 = (1 << SLOT_BITS) - 1;
/// Ten levels of six bits cover every tick of a `u64` of milliseconds (58 bits and one to round up).
const LEVELS: usize = 10;

/// How many nodes are allocated together.
const SEGMENT: usize = 128;

/// The end of a list.
const NONE: u32 = u32::MAX;
/// In `prev`: the node is the first of a slot, whose number is in the low bits.
const HEAD: u32 = 1 << 31;
/// More nodes could not be told from heads.
const NODES_MAX: usize = HEAD as usize - 1;

/// Names an armed item until it fires or is cancelled. After that the number is used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token(u32);

impl Token {
    pub(super) fn to_bits(self) -> u32 {
        self.0
    }

    pub(super) fn from_bits(bits: u32) -> Self {
        Token(bits)
    }
}

/// What [`TimingWheel::advance`] did.
#[derive(Debug, PartialEq, Eq)]
pub struct Advance<T> {
    /// The items whose time has come, earlier ticks first. Their tokens are void.
    pub expired: Vec<T>,
    /// Whether nothing more is due. `false`: the bound on work was met, call again.
    pub done: bool,
}

struct Node<T> {
    deadline: Timestamp,
    prev: u32,
    /// The next node of the slot, or of the free list.
    next: u32,
    item: T,
}

/// Nodes in segments that are never moved once they are full: one growing list would be copied again and again, and
/// leave holes of all sizes in the heap.
struct Nodes<T> {
    segments: Vec<Vec<Node<T>>>,
}

impl<T> Default for Nodes<T> {
    fn default() -> Self {
        Nodes { segments: Vec::new() }
    }
}

impl<T> Nodes<T> {
    fn len(&self) -> usize {
        self.segments
            .last()
            .map_or(0, |last| (self.segments.len() - 1) * SEGMENT + last.len())
    }

    fn push(&mut self, node: Node<T>) {
        match self.segments.last_mut().filter(|last| last.len() < SEGMENT) {
            // The first segment grows as it is filled, so that a few timers cost little.
            Some(last) => last.push(node),
            None => {
                let first_len = if self.segments.is_empty() { 4 } else { SEGMENT };
                let mut segment = Vec::with_capacity(first_len);
                segment.push(node);
                self.segments.push(segment);
            }
        }
    }

    fn memory_bytes(&self) -> usize {
        self.segments.capacity() * size_of::<Vec<Node<T>>>()
            + self.segments.iter().map(Vec::capacity).sum::<usize>() * size_of::<Node<T>>()
    }
}

impl<T> Index<u32> for Nodes<T> {
    type Output = Node<T>;

    fn index(&self, index: u32) -> &Node<T> {
        let index = index as usize;
        &self.segments[index / SEGMENT][index % SEGMENT]
    }
}

impl<T> IndexMut<u32> for Nodes<T> {
    fn index_mut(&mut self, index: u32) -> &mut Node<T> {
        let index = index as usize;
        &mut self.segments[index / SEGMENT][index % SEGMENT]
    }
}

struct Level {
    /// One bit for each slot that is not empty.
    occupied: u64,
    heads: [u32; SLOTS],
}

/// A hierarchical timing wheel with ticks of [`TICK_MS`].
///
/// A deadline lies on the level of the highest digit (of six bits) in which its tick differs from the current
/// tick; when time enters its slot it sinks to a lower level, and from level 0 it fires. So every deadline up to
/// the end of time has its place, and an item moves at most ten times.
///
/// Nodes are linked into their slot, so that cancelling leaves nothing behind: memory is bounded by the largest
/// number of items armed at once, and is given back when the last goes. A wheel never used owns no memory.
///
/// Time is expected not to go back. If it does, items fire when it has caught up.
pub struct TimingWheel<T> {
    /// The tick up to which everything has fired.
    elapsed: u64,
    armed: usize,
    free: u32,
    nodes: Nodes<T>,
    levels: Vec<Option<Box<Level>>>,
}

impl<T: Copy> Default for TimingWheel<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Copy> TimingWheel<T> {
    /// An empty wheel.
    #[must_use]
    pub fn new() -> Self {
        TimingWheel {
            elapsed: 0,
            armed: 0,
            free: NONE,
            nodes: Nodes::default(),
            levels: Vec::new(),
        }
    }

    /// How many items are armed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.armed
    }

    /// Whether nothing is armed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.armed == 0
    }

    /// Whether no further item can be armed (at 2,147,483,647).
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.free == NONE && self.nodes.len() >= NODES_MAX
    }

    /// Whether so many further items can be armed, whatever is taken away meanwhile.
    #[must_use]
    pub fn has_room_for(&self, count: usize) -> bool {
        match count {
            0 => true,
            1 => !self.is_full(),
            _ => self.nodes.len() + count <= NODES_MAX,
        }
    }

    /// Arms an item; `None` when the wheel [is full](Self::is_full).
    pub fn arm(&mut self, now: Timestamp, deadline: Timestamp, item: T) -> Option<Token> {
        if self.is_full() {
            return None;
        }
        if self.armed == 0 {
            self.elapsed = tick_begun(now);
        }
        let node = Node {
            deadline,
            prev: NONE,
            next: NONE,
            item,
        };
        let index = if self.free == NONE {
            let index = u32::try_from(self.nodes.len()).ok()?;
            self.nodes.push(node);
            index
        } else {
            let index = self.free;
            self.free = self.nodes[index].next;
            self.nodes[index] = node;
            index
        };
        self.armed += 1;
        self.link(index);
        Some(Token(index))
    }

    /// Moves an armed item to another deadline.
    pub fn rearm(&mut self, token: Token, deadline: Timestamp) {
        self.unlink(token.0);
        self.nodes[token.0].deadline = deadline;
        self.link(token.0);
    }

    /// Takes an item out before it fires.
    pub fn cancel(&mut self, token: Token) -> T {
        self.unlink(token.0);
        self.release(token.0)
    }

    /// The deadline of an armed item.
    #[must_use]
    pub fn deadline(&self, token: Token) -> Timestamp {
        self.nodes[token.0].deadline
    }

    /// The armed item itself, to change it.
    pub fn item_mut(&mut self, token: Token) -> &mut T {
        &mut self.nodes[token.0].item
    }

    /// Fires what is due at `now`: at most `work_max` items are fired or moved to a lower level.
    pub fn advance(&mut self, now: Timestamp, work_max: usize) -> Advance<T> {
        let now_tick = tick_begun(now);
        let mut expired = Vec::new();
        let mut work = 0;
        while let Some(slot) = self.first_slot().filter(|slot| slot.start <= now_tick) {
            self.elapsed = slot.start;
            while let Some(index) = self.head(slot.level, slot.number) {
                if work == work_max {
                    return Advance { expired, done: false };
                }
                work += 1;
                self.unlink(index);
                if slot.level == 0 {
                    expired.push(self.release(index));
                } else {
                    self.link(index);
                }
            }
        }
        self.elapsed = self.elapsed.max(now_tick);
        Advance { expired, done: true }
    }

    /// When [`advance`](Self::advance) has something to do next: at or (by less than the span of a slot) before
    /// the first item fires. `None` when nothing is armed.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.first_slot()
            .map(|slot| Timestamp::from_unix_ms(slot.start.saturating_mul(TICK_MS)))
    }

    /// How many armed items with a deadline at or before `now` satisfy the condition. Looks only at the slots that
    /// are due, so it is cheap on a wheel that is advanced regularly.
    pub fn count_due(&self, now: Timestamp, mut condition: impl FnMut(&T) -> bool) -> usize {
        let last = tick_due(now);
        let mut count = 0;
        for (level, slots) in self.occupied_levels() {
            let mut rest = slots.occupied;
            while rest != 0 {
                let number = rest.trailing_zeros();
                rest &= rest - 1;
                if self.slot_start(level, number) > last {
                    break;
                }
                let mut index = slots.heads[number as usize];
                while index != NONE {
                    let node = &self.nodes[index];
                    count += usize::from(node.deadline <= now && condition(&node.item));
                    index = node.next;
                }
            }
        }
        count
    }

    /// Bytes of memory held.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.nodes.memory_bytes()
            + self.levels.capacity() * size_of::<Option<Box<Level>>>()
            + self.levels.iter().flatten().count() * size_of::<Level>()
    }

    /// Bytes of memory that one armed item takes.
    #[must_use]
    pub const fn item_bytes() -> usize {
        size_of::<Node<T>>()
    }

    fn occupied_levels(&self) -> impl Iterator<Item = (u32, &Level)> {
        (0u32..).zip(&self.levels).filter_map(|(number, level)| {
            level
                .as_deref()
                .filter(|level| level.occupied != 0)
                .map(|level| (number, level))
        })
    }

    fn slot_start(&self, level: u32, number: u32) -> u64 {
        let shift = level * SLOT_BITS;
        let above = (1u64 << (shift + SLOT_BITS)) - 1;
        (self.elapsed & !above) | (u64::from(number) << shift)
    }

    /// The slot to work on next. Of two that start together the higher, as its items may belong into the lower.
    fn first_slot(&self) -> Option<Slot> {
        self.occupied_levels()
            .map(|(level, slots)| {
                // No slot below the current digit is occupied: items never lie in the past.
                let number = slots.occupied.trailing_zeros();
                Slot {
                    level,
                    number,
                    start: self.slot_start(level, number).max(self.elapsed),
                }
            })
            .min_by_key(|slot| (slot.start, std::cmp::Reverse(slot.level)))
    }

    fn head(&self, level: u32, number: u32) -> Option<u32> {
        let slots = self.levels.get(level as usize)?.as_deref()?;
        (slots.occupied & (1 << number) != 0).then(|| slots.heads[number as usize])
    }

    fn link(&mut self, index: u32) {
        let tick = tick_due(self.nodes[index].deadline).max(self.elapsed);
        let difference = (tick ^ self.elapsed) | SLOT_MASK;
        let level = difference.ilog2() / SLOT_BITS;
        let number = ((tick >> (level * SLOT_BITS)) & SLOT_MASK) as u32;
        let place = level as usize;
        debug_assert!(place < LEVELS);
        if self.levels.len() <= place {
            self.levels.reserve_exact(place + 1 - self.levels.len());
            self.levels.resize_with(place + 1, || None);
        }
        let slots = self.levels[place].get_or_insert_with(|| {
            Box::new(Level {
                occupied: 0,
                heads: [NONE; SLOTS],
            })
        });
        let head = &mut slots.heads[number as usize];
        let next = std::mem::replace(head, index);
        slots.occupied |= 1 << number;
        if next != NONE {
            self.nodes[next].prev = index;
        }
        let node = &mut self.nodes[index];
        node.prev = HEAD | (level << SLOT_BITS) | number;
        node.next = next;
    }

    fn unlink(&mut self, index: u32) {
        let Node { prev, next, .. } = self.nodes[index];
        if next != NONE {
            self.nodes[next].prev = prev;
        }
        if prev & HEAD == 0 {
            self.nodes[prev].next = next;
            return;
        }
        let place = prev & !HEAD;
        let number = place & ((1 << SLOT_BITS) - 1);
        let slots = self.levels[(place >> SLOT_BITS) as usize]
            .as_deref_mut()
            .expect("a linked node has its level");
        slots.heads[number as usize] = next;
        if next == NONE {
            slots.occupied &= !(1 << number);
        }
    }

    fn release(&mut self, index: u32) -> T {
        let node = &mut self.nodes[index];
        let item = node.item;
        node.next = self.free;
        node.prev = NONE;
        self.free = index;
        self.armed -= 1;
        if self.armed == 0 {
            self.nodes = Nodes::default();
            self.levels = Vec::new();
            self.free = NONE;
        }
        item
    }
}

impl<T> fmt::Debug for TimingWheel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimingWheel")
            .field("armed", &self.armed)
            .field("elapsed_ticks", &self.elapsed)
            .finish_non_exhaustive()
    }
}

struct Slot {
    level: u32,
    number: u32,
    start: u64,
}

/// The last tick that has begun.
fn tick_begun(time: Timestamp) -> u64 {
    time.as_unix_ms() / TICK_MS
}

/// The first tick at which a deadline has passed.
fn tick_due(deadline: Timestamp) -> u64 {
    deadline.as_unix_ms().div_ceil(TICK_MS)
}

#[cfg(test)]
#[path = "wheel_test.rs"]
mod tests;

//! The connections for answers that are read in parts.

use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::connection::{Lane, Wanted, keep_reading};
use crate::session::{Addresses, Settings};
use crate::task::Tasks;

use super::MEMBER_LANES_MAX;

/// The most answers that are read in parts at a time. Each has a connection for itself, so that a reader that takes its
/// time holds up nothing else.
pub(crate) const READERS_MAX: usize = 8;

/// A place for such a connection.
#[derive(Clone, Debug)]
struct Slot {
    lane: Arc<Lane>,
    wanted: Arc<Wanted>,
}

/// The connections for answers that are read in parts. Each is made when it is first wanted.
#[derive(Debug)]
pub(crate) struct Readers {
    own: Vec<Arc<Lane>>,
    slots: Box<[OnceLock<Slot>]>,
    /// The places that nobody reads from.
    idle: Mutex<Vec<usize>>,
    room: Arc<Semaphore>,
    settings: Arc<Settings>,
    addresses: Arc<Addresses>,
    tasks: Tasks,
}

impl Readers {
    pub(crate) fn new(
        own: Vec<Arc<Lane>>,
        settings: Arc<Settings>,
        addresses: Arc<Addresses>,
        tasks: Tasks,
    ) -> Self {
        Readers {
            own,
            slots: (0..READERS_MAX).map(|_| OnceLock::new()).collect(),
            idle: Mutex::new((0..READERS_MAX).rev().collect()),
            room: Arc::new(Semaphore::new(READERS_MAX)),
            settings,
            addresses,
            tasks,
        }
    }

    /// A connection to read from, for one reader alone; `None` when there is none by the deadline.
    pub(crate) async fn take(self: &Arc<Self>, deadline: Instant) -> Option<Reader> {
        let permit = timeout_at(deadline, self.room.clone().acquire_owned()).await;
        let permit = permit.ok()?.ok()?;
        // The one that was used last: it is connected most likely.
        let index = self.idle.lock().pop()?;
        let slot = self
            .slots
            .get(index)?
            .get_or_init(|| self.new_slot(index))
            .clone();
        Some(Reader {
            slot,
            index,
            readers: self.clone(),
            _permit: permit,
        })
    }

    fn new_slot(&self, index: usize) -> Slot {
        let lane = Lane::new(self.own.len() + MEMBER_LANES_MAX + index, &self.settings);
        let wanted = Arc::new(Wanted::default());
        if let Some(own) = self.own.first() {
            self.tasks.spawn(
                "connection for reading",
                keep_reading(
                    (lane.clone(), own.clone()),
                    wanted.clone(),
                    self.settings.clone(),
                    self.addresses.clone(),
                    self.tasks.token().clone(),
                ),
            );
        }
        Slot { lane, wanted }
    }
}

/// A connection that one reader has. Dropping it lets the next one have it.
#[derive(Debug)]
pub(crate) struct Reader {
    slot: Slot,
    index: usize,
    readers: Arc<Readers>,
    _permit: OwnedSemaphorePermit,
}

impl Reader {
    pub(crate) fn lane(&self) -> &Arc<Lane> {
        &self.slot.lane
    }

    /// Sees to it that there is a connection soon.
    pub(crate) fn want(&self) {
        if !self.slot.lane.is_up() {
            self.slot.wanted.ring();
        }
    }

    /// Another server is to be asked.
    pub(crate) fn pass(&self) {
        self.slot.wanted.pass();
        let lane = &self.slot.lane;
        lane.cut(lane.epoch());
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.readers.idle.lock().push(self.index);
    }
}

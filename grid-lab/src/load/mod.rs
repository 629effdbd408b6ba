//! Clients that read and write while the cluster is broken, and remember everything.
//!
//! Each session prefers one member. On it run clients of the loads that are checked ([`crate::history::Workload`]) and
//! probes: each probe writes to a key of its own all the time, so the longest time between two of its answers is
//! how long the grid was gone for that key.

mod access;
mod appends;
pub mod ballast;
mod client;
mod counters;
mod events;
mod inserts;
mod listener;
mod probes;
mod read_back;
mod registers;
mod timeline;

pub use access::Access;
pub use listener::Listener;
pub use probes::Lane;
pub use read_back::read_back;
pub use timeline::{Figures, Pauses, Probe, longest_gap_ns};

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use grid_client::ConnectError;
use grid_core::cache::CacheError;
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::Stopwatch;
use crate::history::{Operation, Told, Workload};
use crate::random::Random;

use client::Client;
use registers::Slots;

/// Why there is no load.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A session cannot begin.
    #[error("no session with m{member}: {error}")]
    Connect {
        /// The member that it prefers.
        member: usize,
        /// What happened.
        error: ConnectError,
    },
    /// A cache cannot be opened or read.
    #[error("m{member}, cache {cache}: {error}")]
    Cache {
        /// The member that was asked.
        member: usize,
        /// The cache.
        cache: &'static str,
        /// What happened.
        error: CacheError,
    },
    /// A client ended as it should not.
    #[error("a client of the load failed: {reason}")]
    Client {
        /// How.
        reason: String,
    },
    /// Nothing was answered for too long.
    #[error("{what} was not answered within {after:?}; the last errors: {errors}")]
    Silent {
        /// What was waited for.
        what: String,
        /// How long.
        after: Duration,
        /// What clients were told.
        errors: String,
    },
}

/// How much load there is on each session.
#[derive(Clone, Copy, Debug)]
pub struct LoadSettings {
    /// Clients that read and write registers. Default: 3.
    pub registers: usize,
    /// Clients that insert. Default: 1.
    pub inserts: usize,
    /// Clients that append. Default: 1.
    pub appends: usize,
    /// Clients that have numbers added to, and query them. Default: 1.
    pub counters: usize,
    /// Clients that change entries while [others listen](Load::listen). Default: 0.
    pub events: usize,
    /// Probes. Default: 8.
    pub probes: usize,
    /// How long a client rests between two operations. Default: 5 ms.
    pub rest: Duration,
    /// How long an operation may take. Default: 5 s.
    pub request_timeout: Duration,
    /// The most operations that are remembered; with more, the load rests. Default: 4,000,000, about 1 GB.
    pub operations_max: u64,
}

impl Default for LoadSettings {
    fn default() -> Self {
        LoadSettings {
            registers: 3,
            inserts: 1,
            appends: 1,
            counters: 1,
            events: 0,
            probes: 8,
            rest: Duration::from_millis(5),
            request_timeout: Duration::from_secs(5),
            operations_max: 4_000_000,
        }
    }
}

/// How many errors are kept to be shown.
const ERRORS_KEPT: usize = 5;

/// What all clients share.
#[derive(Debug)]
struct Shared {
    settings: LoadSettings,
    watch: Stopwatch,
    stop: CancellationToken,
    slots: Mutex<Slots>,
    /// The next value; no two operations write the same.
    value: AtomicU64,
    answered: AtomicU64,
    operations: AtomicU64,
    clients: AtomicU64,
    errors: Mutex<Vec<String>>,
}

impl Shared {
    fn error(&self, error: &str) {
        let mut errors = self.errors.lock();
        if errors.len() == ERRORS_KEPT {
            errors.remove(0);
        }
        errors.push(error.to_owned());
    }
}

/// A load that runs. Dropping it ends it.
#[derive(Debug)]
pub struct Load {
    shared: Arc<Shared>,
    clients: JoinSet<Vec<Operation>>,
    probes: JoinSet<()>,
    listeners: Vec<Arc<Listener>>,
    listening: JoinSet<()>,
    lanes: Vec<Arc<Lane>>,
    random: Random,
}

/// What is left of a load that ended.
#[derive(Debug)]
pub struct Ended {
    /// Everything that clients did.
    pub operations: Vec<Operation>,
    /// What the probes saw.
    pub lanes: Vec<Arc<Lane>>,
    /// Those who listen, on and on.
    pub listeners: Listeners,
    /// Whether clients rested since they had done as much as is remembered.
    pub is_full: bool,
}

/// Those who listen. They do so until this is dropped.
#[derive(Debug)]
pub struct Listeners {
    all: Vec<Arc<Listener>>,
    _listening: JoinSet<()>,
}

impl Listeners {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.all.len()
    }

    /// All that each was told so far, and what its view shows.
    #[must_use]
    pub fn told(&self) -> Vec<Told> {
        self.all.iter().flat_map(|listener| listener.told()).collect()
    }
}

impl Load {
    /// A load without clients.
    #[must_use]
    pub fn new(settings: LoadSettings, watch: Stopwatch, random: Random) -> Self {
        let shared = Shared {
            settings,
            watch,
            stop: CancellationToken::new(),
            slots: Mutex::new(Slots::default()),
            value: AtomicU64::new(1),
            answered: AtomicU64::new(0),
            operations: AtomicU64::new(0),
            clients: AtomicU64::new(0),
            errors: Mutex::default(),
        };
        Load {
            shared: Arc::new(shared),
            clients: JoinSet::new(),
            probes: JoinSet::new(),
            listeners: Vec::new(),
            listening: JoinSet::new(),
            lanes: Vec::new(),
            random,
        }
    }

    /// Lets clients and probes work over this access until the load ends.
    pub fn add(&mut self, access: &Arc<Access>) {
        let LoadSettings {
            registers,
            inserts,
            appends,
            counters,
            events,
            probes,
            ..
        } = self.shared.settings;
        for _ in 0..registers {
            let client = self.client(access);
            self.clients.spawn(registers::run(client));
        }
        for _ in 0..inserts {
            let client = self.client(access);
            self.clients.spawn(inserts::run(client));
        }
        for _ in 0..appends {
            let client = self.client(access);
            self.clients.spawn(appends::run(client));
        }
        for _ in 0..counters {
            let client = self.client(access);
            self.clients.spawn(counters::run(client));
        }
        for _ in 0..events {
            let client = self.client(access);
            self.clients.spawn(events::run(client));
        }
        for _ in 0..probes {
            let lane = Arc::new(Lane::new(self.lanes.len(), access.member()));
            self.lanes.push(lane.clone());
            self.probes
                .spawn(probes::run(self.shared.clone(), access.clone(), lane));
        }
    }

    /// Has somebody listen over this access to what clients change.
    ///
    /// # Errors
    /// When the cache cannot be followed.
    pub async fn listen(&mut self, access: &Access) -> Result<(), LoadError> {
        let number = u32::try_from(self.listeners.len()).unwrap_or(u32::MAX);
        let begun = Listener::begin(number, access, self.shared.watch).await;
        let (listener, events) = begun.map_err(|error| LoadError::Cache {
            member: access.member(),
            cache: Workload::Events.cache(),
            error,
        })?;
        self.listeners.push(listener.clone());
        self.listening.spawn(listener.run(events));
        Ok(())
    }

    fn client(&self, access: &Arc<Access>) -> Client {
        let id = self.shared.clients.fetch_add(1, Ordering::Relaxed);
        Client::new(
            u32::try_from(id).unwrap_or(u32::MAX),
            access.clone(),
            self.shared.clone(),
            self.random.branch(id),
        )
    }

    /// The probes so far.
    #[must_use]
    pub fn lanes(&self) -> &[Arc<Lane>] {
        &self.lanes
    }

    /// How many operations of the checked loads were answered so far.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.shared.answered.load(Ordering::Relaxed)
    }

    /// What clients were told last when something failed.
    #[must_use]
    pub fn errors(&self) -> Vec<String> {
        self.shared.errors.lock().clone()
    }

    /// Ends the load: clients get the answers that they wait for, and no new ones.
    ///
    /// # Errors
    /// When a client panicked.
    pub async fn end(mut self) -> Result<Ended, LoadError> {
        self.shared.stop.cancel();
        let failed = |error: tokio::task::JoinError| LoadError::Client {
            reason: error.to_string(),
        };
        let mut operations = Vec::new();
        while let Some(client) = self.clients.join_next().await {
            operations.extend(client.map_err(failed)?);
        }
        while let Some(probe) = self.probes.join_next().await {
            probe.map_err(failed)?;
        }
        operations.sort_by_key(|operation| (operation.start_ns, operation.client));
        Ok(Ended {
            operations,
            lanes: std::mem::take(&mut self.lanes),
            listeners: Listeners {
                all: std::mem::take(&mut self.listeners),
                _listening: std::mem::take(&mut self.listening),
            },
            is_full: self.shared.operations.load(Ordering::Relaxed) >= self.shared.settings.operations_max,
        })
    }
}

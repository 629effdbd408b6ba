//! One run from its beginning to its end.

use std::fmt;
use std::num::NonZeroU16;

use grid_core::partition::PartitionCount;

use crate::random::Random;

use super::client::Client;
use super::event::{Event, Queue};
use super::group::Group;
use super::invariant::{Oracle, Violation};
use super::member::Process;
use super::network::Network;
use super::settings::SimulationSettings;
use super::trace::Trace;
use super::world::{MILLISECOND, World};

/// A healed cluster must have come to rest after so long.
const REST: u64 = 40_000 * MILLISECOND;
/// Nothing takes longer than this.
const END: u64 = 3_600_000 * MILLISECOND;

/// A run in which every promise was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// The hash of everything that happened: the same for the same seed.
    pub trace: u64,
    /// How many microseconds passed in the run.
    pub simulated_us: u64,
    /// How many requests of clients were checked.
    pub operations: usize,
    /// How many partitions were lost, and accepted to be.
    pub losses: usize,
}

/// A run in which a promise was broken.
#[derive(Clone, Debug)]
pub struct Failed {
    /// The seed.
    pub seed: u64,
    /// Which promise.
    pub invariant: &'static str,
    /// How.
    pub what: String,
    /// What happened last.
    pub trace: Vec<String>,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.trace {
            writeln!(f, "  {line}")?;
        }
        write!(
            f,
            "SEED={} VIOLATION of {}: {}",
            self.seed, self.invariant, self.what
        )
    }
}

/// Runs a seed.
///
/// # Errors
/// When a promise is broken.
pub fn run(settings: SimulationSettings) -> Result<Passed, Box<Failed>> {
    let mut world = World::new(settings);
    let outcome = world.run();
    let found = match outcome {
        Ok(()) => return Ok(world.passed()),
        Err(found) => found,
    };
    Err(Box::new(Failed {
        seed: settings.seed,
        invariant: found.invariant,
        what: found.what,
        trace: world.trace.last(),
    }))
}

impl World {
    fn new(settings: SimulationSettings) -> Self {
        let mut random = Random::new(settings.seed);
        let members = settings.members.unwrap_or(3 + random.below(7)).clamp(3, 9);
        let backups = if random.chance(50) { 1 } else { 2 };
        let partitions = NonZeroU16::new(if random.chance(50) { 3 } else { 7 }).unwrap_or(NonZeroU16::MIN);
        let count = PartitionCount::new(partitions);
        let clients = 3 + random.below(3);
        let mut world = World {
            settings,
            now: 0,
            random,
            queue: Queue::default(),
            trace: Trace::new(),
            network: Network::new(members),
            processes: (0..members).map(|_| Process::none()).collect(),
            homes: std::collections::BTreeMap::new(),
            group: Group::new(count),
            clients: (0..clients).map(|_| Client::default()).collect(),
            oracle: Oracle::default(),
            count,
            faults_left: settings.faults,
            is_healing: false,
            next_number: 0,
        };
        world.trace.note(
            0,
            format_args!("{members} members, {backups} backups, {partitions} partitions"),
        );
        world.bootstrap(members, backups);
        for client in 0..clients {
            let event = Event::ClientStep { client, attempt: 0 };
            world.queue.push(300 * MILLISECOND, event);
        }
        world.queue.push(1_000 * MILLISECOND, Event::Fault);
        world
    }

    fn run(&mut self) -> Result<(), Violation> {
        while !self.is_healing && self.now < END {
            self.step();
            self.oracle.verdict()?;
        }
        // First the cluster comes to rest, then clients look at what there is.
        self.rest("after the faults", |world| world.unhealed())?;
        self.last_reads();
        for client in 0..self.clients.len() {
            let attempt = self.clients[client].attempt();
            self.queue.push(self.now, Event::ClientStep { client, attempt });
        }
        self.rest("with the last reads", |world| {
            (!world.clients_are_done()).then(|| "clients wait for answers".to_owned())
        })?;
        self.rest("after the last reads", |world| world.unhealed())?;
        self.check_end()
    }

    fn rest(
        &mut self,
        when: &str,
        mut unrest: impl FnMut(&World) -> Option<String>,
    ) -> Result<(), Violation> {
        let end = self.now + REST;
        let mut next = self.now;
        loop {
            self.step();
            self.oracle.verdict()?;
            if self.now < next {
                continue;
            }
            next = self.now + 50 * MILLISECOND;
            match unrest(self) {
                None => return Ok(()),
                Some(why) if self.now > end => {
                    return Err(Violation {
                        invariant: "heals",
                        what: format!("40 s {when}: {why}"),
                    });
                }
                Some(_) => {}
            }
        }
    }

    fn passed(&self) -> Passed {
        Passed {
            trace: self.trace.hash(),
            simulated_us: self.now,
            operations: self.oracle.operations.len() + self.oracle.inserted.len(),
            losses: self.oracle.losses(),
        }
    }
}

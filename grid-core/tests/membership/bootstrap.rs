//! Many members start at once, with messages lost and late, one-sided views, and processes that end and come back; where
//! each knows the addresses of all from the beginning, and where it finds them one by one, and they change.

use core::net::SocketAddr;
use core::num::NonZeroUsize;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use grid_core::membership::bootstrap::{
    Bootstrap, BootstrapInput, BootstrapOutput, BootstrapSettings, Rank, Seen,
};
use grid_core::membership::{ClusterId, Moment, ProcessId};

use crate::random::{Random, with_seeds};

const STEP_MS: u64 = 10;

/// Which processes are ended by the simulation.
#[derive(Clone, Copy, PartialEq)]
enum Ends {
    /// None.
    None,
    /// Only such that have promised nothing to others and belong to no cluster.
    Innocent,
    /// Any.
    Any,
}

/// How members learn each other's addresses.
#[derive(Clone, Copy, PartialEq)]
enum Addresses {
    /// Each is told all of them, and they stay.
    Given,
    /// Each is told how many members there will be. It finds addresses in a directory, sooner or later, and a member
    /// that comes back has another one.
    Found,
}

struct Node {
    bootstrap: Bootstrap,
    /// What it read in the directory last.
    found: BTreeSet<SocketAddr>,
    rank: Rank,
    alive: bool,
    cluster: Option<ClusterId>,
    /// Whether it ever sent a promise.
    promised: bool,
}

struct Founding {
    cluster: ClusterId,
    promises: Vec<Rank>,
}

struct Simulation {
    random: Random,
    now: u64,
    nodes: Vec<Node>,
    /// Whether frames go from one to the other.
    open: BTreeMap<(usize, usize), bool>,
    under_way: Vec<(u64, usize, ProcessId, BootstrapInput)>,
    processes: u128,
    foundings: Vec<Founding>,
    ended: BTreeSet<ProcessId>,
    addresses: Addresses,
    /// The directory, with what is left of members that ended.
    directory: BTreeSet<SocketAddr>,
    /// How likely it is, in percent, that a member notices in a step that one of those that ended did.
    notices: u64,
}

fn address(node: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], 7_000 + u16::try_from(node).unwrap()))
}

impl Simulation {
    fn new(seed: u64, addresses: Addresses) -> Self {
        let mut random = Random::new(seed);
        let count = usize::try_from(random.range(3, 10)).unwrap();
        let mut simulation = Simulation {
            random,
            now: 0,
            nodes: Vec::new(),
            open: BTreeMap::new(),
            under_way: Vec::new(),
            processes: 0,
            foundings: Vec::new(),
            ended: BTreeSet::new(),
            addresses,
            directory: BTreeSet::new(),
            notices: 1,
        };
        for at in 0..count {
            let node = simulation.born(at, count);
            simulation.nodes.push(node);
        }
        simulation
    }

    fn moment(&self) -> Moment {
        Moment::BOOT.after(Duration::from_millis(self.now))
    }

    fn born(&mut self, at: usize, count: usize) -> Node {
        self.processes += 1;
        let process = ProcessId::new((u128::from(self.random.next()) << 32) | self.processes);
        let settings = match self.addresses {
            Addresses::Given => {
                let address = address(at);
                let all = (0..count).map(self::address).collect();
                BootstrapSettings::new(Rank { address, process }, Some(all))
            }
            Addresses::Found => {
                let address = address(usize::try_from(self.processes).unwrap());
                BootstrapSettings {
                    expect: NonZeroUsize::new(count),
                    ..BootstrapSettings::new(Rank { address, process }, Some(BTreeSet::new()))
                }
            }
        };
        let rank = settings.own;
        let bootstrap = Bootstrap::new(settings, self.moment());
        Node {
            bootstrap,
            found: BTreeSet::new(),
            rank,
            alive: true,
            cluster: None,
            promised: false,
        }
    }

    fn open(&self, from: usize, to: usize) -> bool {
        *self.open.get(&(from, to)).unwrap_or(&true)
    }

    fn give(&mut self, to: usize, input: BootstrapInput) {
        if !self.nodes[to].alive {
            return;
        }
        let now = self.moment();
        let outputs = self.nodes[to].bootstrap.step(now, input);
        for output in outputs {
            self.carry_out(to, output);
        }
    }

    fn carry_out(&mut self, from: usize, output: BootstrapOutput) {
        match output {
            BootstrapOutput::Send { to, message } => {
                self.nodes[from].promised |= matches!(
                    message,
                    grid_core::membership::bootstrap::BootstrapMessage::Promise { .. }
                );
                let Some(target) = self.nodes.iter().position(|node| node.rank.process == to) else {
                    return;
                };
                let input = BootstrapInput::Message {
                    from: self.nodes[from].rank.process,
                    message,
                };
                // Lost, doubled, late and out of order.
                for _ in 0..self
                    .random
                    .range(0, 20)
                    .min(2)
                    .max(u64::from(self.random.chance(85)))
                {
                    let late = if self.random.chance(10) { 1_500 } else { 30 };
                    let due = self.now + self.random.range(1, late);
                    if self.open(from, target) {
                        self.under_way.push((due, target, to, input.clone()));
                    }
                }
            }
            BootstrapOutput::Start => self.found(from),
            BootstrapOutput::Join { address: at, cluster } => {
                let Some(target) = self.nodes.iter().position(|node| node.rank.address == at) else {
                    return;
                };
                let reached = self.open(from, target) && self.open(target, from) && self.nodes[target].alive;
                if reached && self.nodes[target].cluster == Some(cluster) && self.random.chance(50) {
                    self.nodes[from].cluster = Some(cluster);
                    self.give(from, BootstrapInput::Belongs(cluster));
                }
            }
            BootstrapOutput::Waiting { .. } | BootstrapOutput::OtherCluster { .. } => {}
        }
    }

    fn found(&mut self, founder: usize) {
        self.processes += 1;
        let cluster = ClusterId::new(self.processes);
        let promises = self.nodes[founder].bootstrap.promises();
        assert!(
            promises.len() * 2 > self.nodes.len(),
            "a founder without a majority"
        );
        for earlier in &self.foundings {
            let lives = self
                .nodes
                .iter()
                .any(|node| node.alive && node.cluster == Some(earlier.cluster));
            if lives {
                for first in &earlier.promises {
                    let kept = promises.iter().any(|second| second == first);
                    assert!(!kept, "two clusters, and {first:?} promised to both founders");
                }
                let forgotten = earlier
                    .promises
                    .iter()
                    .filter(|first| self.ended.contains(&first.process));
                assert!(forgotten.count() > 0, "two clusters, and no process ended");
            }
        }
        self.foundings.push(Founding { cluster, promises });
        self.nodes[founder].cluster = Some(cluster);
        self.give(founder, BootstrapInput::Belongs(cluster));
    }

    /// What handshakes and connects tell each member about the others, now and then.
    fn look_around(&mut self, at: usize) {
        if self.addresses == Addresses::Found {
            self.look_up(at);
        }
        for other in (0..self.nodes.len()).filter(|other| *other != at) {
            let dials = self.knows(at, other);
            if !self.random.chance(10) || !(dials || self.knows(other, at)) {
                continue;
            }
            let there = &self.nodes[other];
            let (process, address, alive) = (there.rank.process, there.rank.address, there.alive);
            let seen = Seen {
                rank: there.rank,
                belongs_to: there.cluster,
            };
            let through = self.open(at, other) && self.open(other, at);
            let input = match (through, alive) {
                (true, true) => {
                    let dialed = (dials && self.random.chance(50)).then_some(address);
                    BootstrapInput::Seen { seen, dialed }
                }
                (true, false) => BootstrapInput::Gone(process),
                (false, _) => BootstrapInput::Unseen(process),
            };
            self.give(at, input);
        }
    }

    fn knows(&self, one: usize, other: usize) -> bool {
        self.addresses == Addresses::Given || self.nodes[one].found.contains(&self.nodes[other].rank.address)
    }

    /// Members write themselves into the directory, read it, and notice that some of those it knows ended.
    fn look_up(&mut self, at: usize) {
        let rank = self.nodes[at].rank;
        if self.nodes[at].alive && self.random.chance(2) {
            self.directory.insert(rank.address);
        }
        if self.random.chance(2) {
            // Old entries go sooner or later.
            let living: BTreeSet<_> = self.nodes.iter().map(|node| node.rank.address).collect();
            if self.random.chance(30) {
                self.directory.retain(|address| living.contains(address));
            }
            let found = self.directory.clone();
            self.nodes[at].found.clone_from(&found);
            self.give(at, BootstrapInput::Found(found));
        }
        let ended: Vec<_> = self.ended.iter().copied().collect();
        if let Some(process) = self
            .random
            .pick(&ended)
            .filter(|_| self.random.chance(self.notices))
        {
            let input = if self.random.chance(50) {
                BootstrapInput::Gone(process)
            } else {
                BootstrapInput::Unseen(process)
            };
            self.give(at, input);
        }
    }

    fn fault(&mut self, ends: Ends) {
        let count = self.nodes.len();
        let all: Vec<_> = (0..count).collect();
        let (Some(one), Some(other)) = (self.random.pick(&all), self.random.pick(&all)) else {
            return;
        };
        match self.random.range(0, 5) {
            0 => {
                self.open.insert((one, other), false);
            }
            1 => {
                self.open.insert((one, other), false);
                self.open.insert((other, one), false);
            }
            2 => self.open.retain(|(from, to), _| *from != one && *to != one),
            _ => {
                let node = &self.nodes[one];
                let innocent =
                    !node.promised && node.cluster.is_none() && node.bootstrap.promises().len() == 1;
                if ends == Ends::Any || (ends == Ends::Innocent && innocent) {
                    self.ended.insert(node.rank.process);
                    if node.alive && self.random.chance(50) {
                        self.nodes[one].alive = false;
                        self.nodes[one].cluster = None;
                    } else {
                        self.nodes[one] = self.born(one, count);
                    }
                }
            }
        }
    }

    /// Runs to a time, or until `each` is content.
    fn run(&mut self, until: u64, mut each: impl FnMut(&mut Self) -> bool) {
        while self.now < until && !each(self) {
            self.now += STEP_MS;
            let now = self.now;
            let due: Vec<_> = self.under_way.extract_if(.., |(due, ..)| *due <= now).collect();
            for (_, to, process, input) in due {
                if self.nodes[to].rank.process == process {
                    self.give(to, input);
                }
            }
            for at in 0..self.nodes.len() {
                self.look_around(at);
                if self.now.is_multiple_of(50) {
                    self.give(at, BootstrapInput::Tick);
                }
            }
        }
    }

    fn clusters(&self) -> BTreeSet<Option<ClusterId>> {
        self.nodes
            .iter()
            .filter(|node| node.alive)
            .map(|node| node.cluster)
            .collect()
    }

    /// The network is whole, and everything runs.
    fn heal(&mut self) {
        self.open.clear();
        self.notices = 20;
        for at in 0..self.nodes.len() {
            if !self.nodes[at].alive {
                self.nodes[at] = self.born(at, self.nodes.len());
            }
        }
    }
}

fn simulate(seed: u64, ends: Ends, addresses: Addresses) {
    let mut simulation = Simulation::new(seed, addresses);
    let faults = simulation.random.range(1, 60);
    simulation.run(6_000, |simulation| {
        if simulation.random.range(0, 1_200) < faults {
            simulation.fault(ends);
        }
        false
    });
    simulation.heal();
    let end = simulation.now + 20_000;
    simulation.run(end, |simulation| !simulation.clusters().contains(&None));
    let clusters = simulation.clusters();
    assert!(
        !clusters.contains(&None),
        "a member still waits after all was healed"
    );
    if ends != Ends::Any {
        assert_eq!(simulation.foundings.len(), 1, "one cluster, started once");
        assert_eq!(clusters.len(), 1, "two clusters");
    }
}

#[test]
fn one_cluster_is_started_whatever_the_network_does() {
    with_seeds(60, |seed| simulate(seed, Ends::None, Addresses::Given));
}

#[test]
fn one_cluster_is_started_though_processes_end() {
    with_seeds(60, |seed| simulate(seed, Ends::Innocent, Addresses::Given));
}

#[test]
fn no_process_promises_to_two_founders_though_any_may_end() {
    with_seeds(60, |seed| simulate(seed, Ends::Any, Addresses::Given));
}

#[test]
fn one_cluster_is_started_by_members_that_find_each_other_late() {
    with_seeds(60, |seed| simulate(seed, Ends::None, Addresses::Found));
}

#[test]
fn one_cluster_is_started_though_members_move() {
    with_seeds(60, |seed| simulate(seed, Ends::Innocent, Addresses::Found));
}

#[test]
fn no_process_promises_to_two_founders_though_any_may_move() {
    with_seeds(60, |seed| simulate(seed, Ends::Any, Addresses::Found));
}

#[test]
fn without_faults_the_lowest_starts_within_a_second() {
    with_seeds(30, |seed| {
        let mut simulation = Simulation::new(seed, Addresses::Given);
        simulation.run(1_500, |_| false);
        assert_eq!(simulation.foundings.len(), 1);
        let majority = simulation.nodes.len() / 2 + 1;
        let founder = simulation.foundings[0].promises[0];
        let place = simulation
            .nodes
            .iter()
            .position(|node| node.rank == founder)
            .unwrap();
        assert!(
            place < majority,
            "the founder was the {place}th of {}",
            simulation.nodes.len()
        );
    });
}

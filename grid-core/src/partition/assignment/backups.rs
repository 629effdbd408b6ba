//! Who should have the backups.

use std::collections::BTreeSet;

use crate::partition::table::ServiceTable;

use super::exchange::{Exchange, ExchangeGraph, Margin};
use super::ring::Ring;
use super::spread::Spread;
use super::takers::Takers;

/// What a copy costs that has still to be made, that is under way, and that is there.
const NEW: u8 = 2;
const UNDER_WAY: u8 = 1;
const THERE: u8 = 0;

/// How much one step of load counts more than any number of copies.
const COPIES_MAX: i128 = 1 << 20;

/// A load of 1 at weight 1. Shares by weight are exact to this part.
const LOAD: i128 = 1 << 48;

/// The sets of backups while they are searched.
#[derive(Debug)]
pub(super) struct Backups<'a> {
    primaries: &'a [Option<usize>],
    spread: Spread,
    takers: usize,
    /// By partition and taker: [`NEW`], [`UNDER_WAY`] or [`THERE`].
    copies: Vec<u8>,
    /// By taker: what a load of 1 counts.
    unit: Vec<i128>,
    /// By partition.
    sets: Vec<Vec<usize>>,
    /// By taker: the partitions in whose sets it is.
    held: Vec<BTreeSet<usize>>,
    /// Exchanges (partition, leaves, enters) that could not be made together with others.
    barred: BTreeSet<(usize, usize, usize)>,
}

impl<'a> Backups<'a> {
    pub(super) fn new(table: &ServiceTable, takers: &Takers<'_>, primaries: &'a [Option<usize>]) -> Self {
        let count = takers.len();
        let mut copies = vec![NEW; count * primaries.len()];
        for (partition, assignment) in table.assignments.iter().enumerate() {
            let row = &mut copies[partition * count..][..count];
            for taker in assignment
                .joining
                .iter()
                .filter_map(|member| takers.number_of(*member))
            {
                row[taker] = UNDER_WAY;
            }
            for taker in assignment
                .replicas()
                .filter_map(|member| takers.number_of(member))
            {
                row[taker] = THERE;
            }
        }
        Backups {
            primaries,
            spread: Spread::new(takers, usize::from(table.backups.get())),
            takers: count,
            copies,
            unit: takers
                .weights()
                .iter()
                .map(|weight| COPIES_MAX * (LOAD / i128::from(*weight)))
                .collect(),
            sets: vec![Vec::new(); primaries.len()],
            held: vec![BTreeSet::new(); count],
            barred: BTreeSet::new(),
        }
    }

    /// The sets: as far apart as can be; of those, the load spread best; of those, the fewest new copies.
    pub(super) fn balanced(mut self, ring: &mut Ring) -> Vec<Vec<usize>> {
        if self.spread.backups() == 0 {
            return self.sets;
        }
        self.choose(ring);
        let mut graph = ExchangeGraph::new(self.takers);
        for taker in 0..self.takers {
            self.offer(taker, &mut graph);
        }
        // Each round makes a sum smaller or bars an exchange, so they end; the limit is far beyond what is needed.
        for _ in 0..self.copies.len() * 4 {
            let margins: Vec<Margin> = (0..self.takers).map(|taker| self.margin(taker)).collect();
            let Some(exchanges) = graph.worthwhile(&margins) else {
                break;
            };
            let mut touched: BTreeSet<usize> = exchanges
                .iter()
                .flat_map(|exchange| [exchange.leaves, exchange.enters])
                .collect();
            self.make(&exchanges);
            for exchange in &exchanges {
                touched.extend(&self.sets[exchange.partition]);
            }
            for taker in touched {
                self.offer(taker, &mut graph);
            }
        }
        self.sets
    }

    /// One of the best sets for each partition: with the copies that are there, then with those under way, then with
    /// the least loaded members, then in the order of the ring.
    fn choose(&mut self, ring: &mut Ring) {
        for partition in 0..self.primaries.len() {
            let Some(primary) = self.primaries[partition] else {
                continue;
            };
            let mut set = Vec::with_capacity(self.spread.backups());
            while set.len() < self.spread.backups() {
                let key = |taker: usize| {
                    let copy = self.copies[partition * self.takers + taker];
                    (
                        self.spread.added(primary, &set, taker),
                        copy,
                        self.margin(taker).more,
                    )
                };
                let free = (0..self.takers).filter(|taker| *taker != primary && !set.contains(taker));
                let keyed: Vec<_> = free.map(|taker| (key(taker), taker)).collect();
                let Some(best) = keyed.iter().map(|(key, _)| *key).min() else {
                    break;
                };
                let mut ties = keyed
                    .iter()
                    .filter(|(key, _)| *key == best)
                    .map(|(_, taker)| *taker);
                let first = ties.next();
                let rest: Vec<usize> = ties.collect();
                let next = if rest.is_empty() || best.1 != NEW {
                    first
                } else {
                    let tied = |taker: &usize| Some(*taker) == first || rest.contains(taker);
                    ring.order(partition).iter().copied().find(tied)
                };
                let Some(next) = next else { break };
                set.push(next);
                self.held[next].insert(partition);
            }
            debug_assert!(
                self.spread.is_best(primary, &set),
                "choosing one by one finds a best set"
            );
            self.sets[partition] = set;
        }
    }

    /// What one more and one fewer costs, when a load counts squared.
    fn margin(&self, taker: usize) -> Margin {
        let load = i128::try_from(self.held[taker].len()).unwrap_or(i128::from(u32::MAX));
        Margin {
            more: (2 * load + 1) * self.unit[taker],
            fewer: (load > 0).then(|| -(2 * load - 1) * self.unit[taker]),
        }
    }

    /// Tells the graph the exchanges in which this member leaves.
    fn offer(&self, leaves: usize, graph: &mut ExchangeGraph) {
        graph.clear(leaves);
        for &partition in &self.held[leaves] {
            let Some(primary) = self.primaries[partition] else {
                continue;
            };
            let set = &self.sets[partition];
            let copies = &self.copies[partition * self.takers..][..self.takers];
            for enters in (0..self.takers).filter(|enters| *enters != primary && !set.contains(enters)) {
                if self.spread.is_best_with(primary, set, leaves, enters)
                    && !self.barred.contains(&(partition, leaves, enters))
                {
                    graph.offer(Exchange {
                        partition,
                        leaves,
                        enters,
                        cost: i128::from(copies[enters]) - i128::from(copies[leaves]),
                    });
                }
            }
        }
    }

    /// Makes the exchanges, all or none. Those of one partition, each possible, need not be possible together; then
    /// the last of them is not offered again.
    fn make(&mut self, exchanges: &[Exchange]) {
        for (at, exchange) in exchanges.iter().enumerate() {
            if !self.make_one(*exchange) {
                let Exchange {
                    partition,
                    leaves,
                    enters,
                    ..
                } = *exchange;
                self.barred.insert((partition, leaves, enters));
                for made in exchanges[..at].iter().rev() {
                    self.swap(made.partition, made.enters, made.leaves);
                }
                return;
            }
        }
    }

    fn make_one(&mut self, exchange: Exchange) -> bool {
        let Exchange {
            partition,
            leaves,
            enters,
            ..
        } = exchange;
        let set = &self.sets[partition];
        let possible = set.contains(&leaves)
            && !set.contains(&enters)
            && self.primaries[partition]
                .is_some_and(|primary| self.spread.is_best_with(primary, set, leaves, enters));
        if possible {
            self.swap(partition, leaves, enters);
        }
        possible
    }

    fn swap(&mut self, partition: usize, leaves: usize, enters: usize) {
        for member in &mut self.sets[partition] {
            if *member == leaves {
                *member = enters;
            }
        }
        self.held[leaves].remove(&partition);
        self.held[enters].insert(partition);
    }
}

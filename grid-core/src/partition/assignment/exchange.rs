//! The graph of exchanges between members, and the search for one worth making.

/// An exchange: in some partition's set, one member leaves and another one enters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exchange {
    /// In which partition.
    pub(super) partition: usize,
    /// Who leaves.
    pub(super) leaves: usize,
    /// Who enters.
    pub(super) enters: usize,
    /// What it costs.
    pub(super) cost: i128,
}

/// What it costs a member to hold one more, or one fewer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Margin {
    /// One more.
    pub(super) more: i128,
    /// One fewer; `None` when it holds none.
    pub(super) fewer: Option<i128>,
}

/// For each two members, the cheapest exchange of the one for the other.
#[derive(Debug)]
pub(super) struct ExchangeGraph {
    members: usize,
    cheapest: Vec<Option<Exchange>>,
}

impl ExchangeGraph {
    pub(super) fn new(members: usize) -> Self {
        ExchangeGraph {
            members,
            cheapest: vec![None; members * members],
        }
    }

    /// Forgets the exchanges in which the member leaves.
    pub(super) fn clear(&mut self, leaves: usize) {
        self.cheapest[leaves * self.members..][..self.members].fill(None);
    }

    /// Adds an exchange; of equally cheap ones the first stays.
    pub(super) fn offer(&mut self, exchange: Exchange) {
        let place = &mut self.cheapest[exchange.leaves * self.members + exchange.enters];
        if place.is_none_or(|known| exchange.cost < known.cost) {
            *place = Some(exchange);
        }
    }

    /// Exchanges that together cost less than nothing: either they go around in a circle, and every member holds as
    /// many as before, or the first to leave holds one fewer and the last to enter one more.
    ///
    /// The search is Bellman's and Ford's for a cycle of negative cost. The ways of the second kind are closed to
    /// cycles by one more node, from which one comes to any member for what one fewer costs it, and to which one
    /// comes from any member for what one more costs it.
    pub(super) fn worthwhile(&self, margins: &[Margin]) -> Option<Vec<Exchange>> {
        let hub = self.members;
        let mut distance = vec![0_i128; hub + 1];
        let mut before: Vec<Option<usize>> = vec![None; hub + 1];
        for _ in 0..=hub + 1 {
            let mut changed = false;
            let mut relax = |from: usize, to: usize, cost: i128| {
                if distance[from] + cost < distance[to] {
                    distance[to] = distance[from] + cost;
                    before[to] = Some(from);
                    changed = true;
                }
            };
            for (member, margin) in margins.iter().enumerate() {
                if let Some(fewer) = margin.fewer {
                    relax(hub, member, fewer);
                }
            }
            for exchange in self.cheapest.iter().flatten() {
                relax(exchange.leaves, exchange.enters, exchange.cost);
            }
            for (member, margin) in margins.iter().enumerate() {
                relax(member, hub, margin.more);
            }
            if !changed {
                return None;
            }
            if let Some(cycle) = cycle_in(&before) {
                return Some(self.exchanges_of(&cycle));
            }
        }
        None
    }

    /// The exchanges along a cycle, beginning after the hub if it is in it.
    fn exchanges_of(&self, cycle: &[usize]) -> Vec<Exchange> {
        let start = cycle.iter().position(|node| *node == self.members).unwrap_or(0);
        (0..cycle.len())
            .map(|at| {
                let from = cycle[(start + at) % cycle.len()];
                let to = cycle[(start + at + 1) % cycle.len()];
                (from, to)
            })
            .filter(|(from, to)| *from != self.members && *to != self.members)
            .filter_map(|(from, to)| self.cheapest[from * self.members + to])
            .collect()
    }
}

/// A cycle along the nodes' predecessors, in the order of the edges.
fn cycle_in(before: &[Option<usize>]) -> Option<Vec<usize>> {
    let mut walked = vec![usize::MAX; before.len()];
    for start in 0..before.len() {
        let mut node = start;
        while walked[node] == usize::MAX {
            walked[node] = start;
            match before[node] {
                Some(next) => node = next,
                None => break,
            }
        }
        if walked[node] == start && before[node].is_some() {
            let mut cycle = vec![node];
            let mut at = before[node]?;
            while at != node {
                cycle.push(at);
                at = before[at]?;
            }
            cycle.reverse();
            return Some(cycle);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(members: usize, exchanges: &[(usize, usize, i128)]) -> ExchangeGraph {
        let mut graph = ExchangeGraph::new(members);
        for (partition, (leaves, enters, cost)) in exchanges.iter().enumerate() {
            graph.offer(Exchange {
                partition,
                leaves: *leaves,
                enters: *enters,
                cost: *cost,
            });
        }
        graph
    }

    /// Members with these loads, of which each counts squared, times 100.
    fn margins(loads: &[i128]) -> Vec<Margin> {
        loads
            .iter()
            .map(|load| Margin {
                more: 100 * (2 * load + 1),
                fewer: (*load > 0).then_some(-100 * (2 * load - 1)),
            })
            .collect()
    }

    fn found(graph: &ExchangeGraph, loads: &[i128]) -> Option<Vec<usize>> {
        let exchanges = graph.worthwhile(&margins(loads))?;
        Some(exchanges.iter().map(|exchange| exchange.partition).collect())
    }

    #[test]
    fn the_loaded_gives_to_the_idle_over_others() {
        let path = graph(3, &[(0, 1, 1), (1, 2, 1)]);
        assert_eq!(found(&path, &[3, 2, 1]), Some(vec![0, 1]));
        assert_eq!(
            found(&path, &[2, 2, 1]),
            None,
            "one fewer and one more is no better"
        );
        assert_eq!(found(&path, &[1, 2, 3]), None, "there is no way back");
    }

    #[test]
    fn a_neutral_move_that_saves_a_copy_is_made() {
        assert_eq!(found(&graph(2, &[(0, 1, -1)]), &[2, 1]), Some(vec![0]));
        assert_eq!(found(&graph(2, &[(0, 1, -1)]), &[1, 1]), None);
    }

    #[test]
    fn a_circle_that_saves_copies_is_made() {
        let circle = graph(3, &[(0, 1, 1), (1, 2, -1), (2, 0, -1)]);
        let mut partitions = found(&circle, &[2, 2, 2]).expect("the circle is worth it");
        partitions.sort_unstable();
        assert_eq!(partitions, [0, 1, 2]);
        assert_eq!(
            found(&graph(3, &[(0, 1, 1), (1, 2, -1), (2, 0, 0)]), &[2, 2, 2]),
            None
        );
    }

    #[test]
    fn the_cheapest_of_several_exchanges_counts() {
        assert_eq!(
            found(&graph(2, &[(0, 1, 2), (0, 1, -1), (0, 1, -1)]), &[2, 1]),
            Some(vec![1])
        );
    }
}

//! Pauses and latencies.

use std::fmt;
use std::time::Duration;

/// One question of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// When it was asked, in nanoseconds since the run began.
    pub start_ns: u64,
    /// When it was answered or given up.
    pub end_ns: u64,
    /// Whether it was answered.
    pub answered: bool,
}

/// The longest time between two answers in a row that reaches into this span, in nanoseconds. The time from the last
/// answer to the end of the span counts when nothing is answered after it.
#[must_use]
pub fn longest_gap_ns(probes: &[Probe], from_ns: u64, until_ns: u64) -> u64 {
    let mut longest = 0;
    let mut last = None;
    for probe in probes.iter().filter(|probe| probe.answered) {
        let before = last.unwrap_or(probe.start_ns);
        if probe.end_ns > from_ns && before < until_ns {
            longest = longest.max(probe.end_ns.saturating_sub(before));
        }
        last = Some(probe.end_ns);
    }
    match last.or(probes.first().map(|probe| probe.start_ns)) {
        Some(last) if last < until_ns => longest.max(until_ns - last),
        _ => longest,
    }
}

/// The pauses of several rounds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pauses(Vec<u64>);

impl Pauses {
    /// Adds the pause of one round, in nanoseconds.
    pub fn add_ns(&mut self, ns: u64) {
        self.0.push(ns);
        self.0.sort_unstable();
    }

    /// How many rounds there were.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The pause that this percentage of the rounds does not exceed; none without rounds.
    #[must_use]
    pub fn percentile(&self, percent: usize) -> Option<Duration> {
        per_mille(&self.0, percent * 10).map(Duration::from_nanos)
    }
}

impl fmt::Display for Pauses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.percentile(50), self.percentile(100)) {
            (Some(middle), Some(worst)) => {
                write!(
                    f,
                    "p50 {middle:.0?}, worst {worst:.0?} of {} rounds",
                    self.count()
                )
            }
            _ => write!(f, "no rounds"),
        }
    }
}

/// What came of many questions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    latencies_ns: Vec<u64>,
    failed: usize,
}

impl Figures {
    /// Counts these questions.
    pub fn add(&mut self, probes: impl IntoIterator<Item = Probe>) {
        for probe in probes {
            if probe.answered {
                self.latencies_ns
                    .push(probe.end_ns.saturating_sub(probe.start_ns));
            } else {
                self.failed += 1;
            }
        }
        self.latencies_ns.sort_unstable();
    }

    /// How many were not answered.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.failed
    }

    /// The latency that so many of a thousand do not exceed; none when nothing was answered.
    #[must_use]
    pub fn per_mille(&self, share: usize) -> Option<Duration> {
        per_mille(&self.latencies_ns, share).map(Duration::from_nanos)
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} answered, {} failed", self.latencies_ns.len(), self.failed)?;
        for (name, share) in [("p50", 500), ("p99", 990), ("p99.9", 999), ("longest", 1_000)] {
            if let Some(latency) = self.per_mille(share) {
                write!(f, ", {name} {latency:.1?}")?;
            }
        }
        Ok(())
    }
}

/// Of sorted values, the smallest that so many of a thousand do not exceed.
fn per_mille(sorted: &[u64], share: usize) -> Option<u64> {
    let rank = (sorted.len() * share).div_ceil(1_000).max(1);
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(start_ns: u64, end_ns: u64, answered: bool) -> Probe {
        Probe {
            start_ns,
            end_ns,
            answered,
        }
    }

    #[test]
    fn a_gap_is_from_one_answer_to_the_next() {
        let probes = [
            probe(0, 10, true),
            probe(12, 20, true),
            probe(22, 90, false),
            probe(95, 120, true),
            probe(125, 130, true),
        ];
        assert_eq!(longest_gap_ns(&probes, 15, 100), 100);
        assert_eq!(longest_gap_ns(&probes, 0, 15), 10);
        assert_eq!(longest_gap_ns(&probes, 121, 130), 10);
        // Nothing after 130.
        assert_eq!(longest_gap_ns(&probes, 121, 300), 170);
    }

    #[test]
    fn a_probe_that_is_never_answered_is_one_gap() {
        assert_eq!(longest_gap_ns(&[probe(10, 20, false)], 0, 100), 90);
        assert_eq!(longest_gap_ns(&[], 0, 100), 0);
    }

    #[test]
    fn percentiles_are_those_of_the_sorted_values() {
        let mut pauses = Pauses::default();
        assert_eq!(pauses.to_string(), "no rounds");
        for ms in [30_u64, 10, 20, 40] {
            pauses.add_ns(ms * 1_000_000);
        }
        assert_eq!(pauses.to_string(), "p50 20ms, worst 40ms of 4 rounds");
        let mut figures = Figures::default();
        figures.add((1..=1_000).map(|ns| probe(0, ns, true)));
        figures.add([probe(0, 5, false)]);
        assert_eq!(figures.per_mille(990), Some(Duration::from_nanos(990)));
        assert_eq!(figures.per_mille(999), Some(Duration::from_nanos(999)));
        assert_eq!(figures.per_mille(1_000), Some(Duration::from_nanos(1_000)));
        assert_eq!(figures.failed(), 1);
        assert_eq!(Figures::default().per_mille(500), None);
    }
}

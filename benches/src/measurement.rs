//! What one measurement came to.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::clock;
use crate::fleet::Outcome;
use crate::operation::Operation;
use crate::process;

/// Throughput, latency and CPU of one operation over a stretch of time.
///
/// CPU figures are `None` when the processes are not known or cannot be read.
#[derive(Clone, Debug, Serialize)]
pub struct Measurement {
    /// What was asked.
    pub operation: &'static str,
    /// Over how many connections.
    pub connections: usize,
    /// How many requests were outstanding on each.
    pub callers: usize,
    /// Which round this was, from 1; 0 for a warm-up.
    pub round: u32,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// How many operations were done; a batch is one.
    pub count: u64,
    /// Operations a second.
    pub ops: f64,
    /// Median latency in microseconds.
    pub p50_us: f64,
    /// Latency that 99 % do not exceed, in microseconds.
    pub p99_us: f64,
    /// Latency that 99.9 % do not exceed, in microseconds.
    pub p999_us: f64,
    /// The longest latency in microseconds.
    pub max_us: f64,
    /// How many operations failed or were answered wrongly.
    pub errors: u64,
    /// The first error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_error: Option<String>,
    /// CPU microseconds of the server's processes an operation.
    pub server_cpu_us: Option<f64>,
    /// CPU microseconds of this program an operation.
    pub client_cpu_us: Option<f64>,
    /// Resident memory of the server's processes afterwards, in bytes.
    pub server_resident_bytes: Option<u64>,
    /// CPUs that were busy on the whole machine.
    pub busy_cpus: Option<f64>,
    /// CPUs that other processes kept busy: above a few hundredths, the figures are disturbed.
    pub foreign_cpus: Option<f64>,
    /// CPUs that the machine's host gave to others.
    pub stolen_cpus: Option<f64>,
    /// The load average when it began.
    pub load_average: Option<f64>,
}

/// CPU figures at one point in time.
#[derive(Debug)]
pub(crate) struct Before {
    at: Instant,
    server_us: Option<u64>,
    client_us: Option<u64>,
    machine: Option<process::MachineTime>,
    load_average: Option<f64>,
}

impl Before {
    /// Reads them.
    pub(crate) fn read(server_pids: &[u32]) -> Self {
        Before {
            load_average: process::load_average(),
            machine: process::machine_time(),
            server_us: process::cpu_us_sum(server_pids),
            client_us: process::cpu_us(std::process::id()),
            at: clock::now(),
        }
    }

    /// The measurement from then to now.
    pub(crate) fn finish(self, server_pids: &[u32], what: What, outcome: Outcome) -> Measurement {
        let elapsed = clock::now().duration_since(self.at);
        let after = Before::read(server_pids);
        let spent = |before: Option<u64>, after: Option<u64>| Some(after?.saturating_sub(before?));
        let server_us = spent(self.server_us, after.server_us);
        let client_us = spent(self.client_us, after.client_us);
        let machine = self.machine.zip(after.machine);
        let busy_us = machine.map(|(before, after)| after.busy_us.saturating_sub(before.busy_us));
        let stolen_us = machine.map(|(before, after)| after.stolen_us.saturating_sub(before.stolen_us));
        let foreign_us = busy_us
            .zip(client_us)
            .map(|(busy, client)| busy.saturating_sub(client + server_us.unwrap_or(0)));
        let latencies = &outcome.latencies;
        let known = !server_pids.is_empty();
        Measurement {
            operation: what.operation.name(),
            connections: what.connections,
            callers: what.callers,
            round: what.round,
            seconds: elapsed.as_secs_f64(),
            count: latencies.count(),
            ops: float(latencies.count()) / elapsed.as_secs_f64(),
            p50_us: latencies.quantile_us(0.5),
            p99_us: latencies.quantile_us(0.99),
            p999_us: latencies.quantile_us(0.999),
            max_us: latencies.max_us(),
            errors: outcome.errors,
            first_error: outcome.first_error,
            server_cpu_us: server_us
                .filter(|_| known)
                .and_then(|us| each(us, latencies.count())),
            client_cpu_us: client_us.and_then(|us| each(us, latencies.count())),
            server_resident_bytes: process::resident_bytes_sum(server_pids).filter(|_| known),
            busy_cpus: busy_us.map(|us| cpus(us, elapsed)),
            foreign_cpus: foreign_us.map(|us| cpus(us, elapsed)),
            stolen_cpus: stolen_us.map(|us| cpus(us, elapsed)),
            load_average: self.load_average,
        }
    }
}

/// What was measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct What {
    pub(crate) operation: Operation,
    pub(crate) connections: usize,
    pub(crate) callers: usize,
    pub(crate) round: u32,
}

fn each(us: u64, count: u64) -> Option<f64> {
    (count > 0).then(|| float(us) / float(count))
}

fn cpus(us: u64, elapsed: Duration) -> f64 {
    float(us) / 1e6 / elapsed.as_secs_f64()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts and microseconds of a run stay below 2^53"
)]
fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::histogram::Histogram;

    #[test]
    fn figures_an_operation_are_those_of_the_stretch() {
        let own = std::process::id();
        let before = Before::read(&[own]);
        let mut latencies = Histogram::default();
        // Work that the kernel's clock, which counts hundredths of a second, is sure to see.
        let mut sum = 0_u64;
        while process::cpu_us(own).unwrap() < before.server_us.unwrap() + 30_000 {
            sum = (0..100_000_u64).fold(sum, |sum, n| sum ^ n.wrapping_mul(sum | 1));
        }
        assert_ne!(sum, 1);
        (0..1_000).for_each(|_| latencies.record_ns(5_000));
        let outcome = Outcome {
            latencies,
            errors: 0,
            first_error: None,
        };
        let what = What {
            operation: Operation::Get,
            connections: 2,
            callers: 3,
            round: 1,
        };
        let measured = before.finish(&[own], what, outcome);
        assert_eq!(
            (measured.operation, measured.count, measured.errors),
            ("get", 1_000, 0)
        );
        assert!(measured.server_cpu_us.unwrap() >= 30.0, "{measured:?}");
        assert!(
            (measured.ops - 1_000.0 / measured.seconds).abs() < 1e-6,
            "{measured:?}"
        );
        assert!((4.9..=5.0).contains(&measured.p50_us), "{measured:?}");
        assert!(measured.server_resident_bytes.unwrap() > 100_000);
    }

    #[test]
    fn an_unknown_server_has_no_cpu_figures() {
        let what = What {
            operation: Operation::Put,
            connections: 1,
            callers: 1,
            round: 0,
        };
        let measured = Before::read(&[]).finish(&[], what, Outcome::default());
        assert!(measured.server_cpu_us.is_none() && measured.server_resident_bytes.is_none());
        assert!(
            measured.client_cpu_us.is_none(),
            "no operation, no share: {measured:?}"
        );
    }
}

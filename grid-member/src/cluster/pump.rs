//! What goes on beside requests: copies, hand-overs, and what replicas want proposed.

use std::sync::Arc;
use std::time::Duration;

use grid_core::control::{Command, Outcome};
use grid_core::membership::MemberId;
use grid_core::partition::PartitionId;
use grid_core::partition::table::{ServiceId, Step, StepChange};

use crate::replication::Replicas;

use super::core::Core;

/// How often replicas that wait for something are looked at.
const TICK: Duration = Duration::from_millis(5);

/// How often it is looked for partitions to hand over, when nothing changed.
const PLAN_EVERY: Duration = Duration::from_millis(500);

/// How long proposals are gathered, so that they go together.
const GATHER: Duration = Duration::from_millis(1);

/// Goes on with copies and with what waits for time to pass.
pub(super) async fn drive_replicas(core: Arc<Core>) {
    let mut interval = tokio::time::interval(TICK);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut budget = Budget::new(core.settings.copy_bytes_per_second, core.clock.uptime());
    let mut turn = 0_u32;
    loop {
        tokio::select! {
            biased;
            () = core.supervisor.stopped() => return,
            _ = interval.tick() => {}
        }
        turn = turn.wrapping_add(1);
        let services: Vec<_> = core.services.read().values().cloned().collect();
        for replicas in &services {
            for partition in replicas.busy().collect::<Vec<_>>() {
                let at = replicas.uptime();
                replicas.tick(at, partition);
                copy(replicas, partition, &mut budget);
            }
            if turn.is_multiple_of(200) {
                let now = replicas.now();
                for partition in replicas.count().all() {
                    if !replicas.read(partition).window().is_empty() {
                        replicas.change(partition, |replica, _| replica.forget_outcomes(now));
                    }
                }
            }
        }
    }
}

/// Sends parts of copies, as far as the budget goes.
fn copy(replicas: &Replicas, partition: PartitionId, budget: &mut Budget) {
    let copies: Vec<MemberId> = replicas.read(partition).copies_out().collect();
    for member in copies {
        loop {
            let at = replicas.uptime();
            if !budget.has_any(at) {
                return;
            }
            let sent = replicas.change(partition, |replica, out| replica.next_chunk(at, member, out));
            tracing::trace!(%partition, %member, ?sent, "copy");
            match sent {
                Some(bytes) => budget.take(bytes),
                None => break,
            }
        }
    }
}

/// How many bytes may be copied now.
struct Budget {
    bytes_per_second: u64,
    left: u64,
    filled_at: Duration,
}

impl Budget {
    fn new(bytes_per_second: u64, now: Duration) -> Self {
        Budget {
            bytes_per_second: bytes_per_second.max(1),
            left: 0,
            filled_at: now,
        }
    }

    fn has_any(&mut self, now: Duration) -> bool {
        let passed = now.saturating_sub(self.filled_at).as_micros();
        let more = u128::from(self.bytes_per_second) * passed / 1_000_000;
        if more > 0 {
            self.filled_at = now;
            // What was not used for a tenth of a second is not saved up.
            let most = self.bytes_per_second / 10 + 1;
            self.left = self
                .left
                .saturating_add(u64::try_from(more).unwrap_or(most))
                .min(most);
        }
        self.left > 0
    }

    fn take(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(bytes as u64);
    }
}

/// Begins to hand partitions over that other members are to be the primaries of.
pub(super) async fn drive_hand_overs(core: Arc<Core>) {
    loop {
        tokio::select! {
            biased;
            () = core.supervisor.stopped() => return,
            () = core.plan_wait.notified() => {}
            () = tokio::time::sleep(PLAN_EVERY) => {}
        }
        let Some(me) = core.me() else { continue };
        let mine = core.steps(|step, assignment| {
            matches!(step.change, StepChange::HandOver(_)) && assignment.primary == Some(me)
        });
        for (service, steps) in mine {
            let Some(replicas) = core.services.read().get(&service).cloned() else {
                continue;
            };
            for step in steps {
                if let StepChange::HandOver(to) = step.change
                    // It has to tell of what was given up here, before it tells of what it makes.
                    && core.listening.knows_gaps(to)
                {
                    let at = replicas.uptime();
                    replicas.change(step.partition, |replica, out| {
                        if replica.epoch() == step.epoch {
                            replica.seal(at, to, out);
                        }
                    });
                }
            }
        }
    }
}

/// Proposes what replicas want changed, many at a time.
pub(super) async fn drive_proposals(core: Arc<Core>) {
    loop {
        tokio::select! {
            biased;
            () = core.supervisor.stopped() => return,
            () = core.proposals_wait.notified() => {}
        }
        tokio::time::sleep(GATHER).await;
        for (service, steps) in core.take_proposals() {
            propose(&core, service, steps).await;
        }
    }
}

async fn propose(core: &Arc<Core>, service: ServiceId, steps: Vec<Step>) {
    let command = Command::Change {
        service,
        steps: steps.clone(),
    };
    // A proposal without an answer is made again by the replica that wants it.
    let Ok(Outcome::Steps(results)) = core.agree(&command).await else {
        return;
    };
    let Some(replicas) = core.services.read().get(&service).cloned() else {
        return;
    };
    for (step, result) in steps.into_iter().zip(results) {
        if result.is_err() && matches!(step.change, StepChange::HandOver(_)) {
            // It is known not to be made, so the partition can be served here again.
            replicas.change(step.partition, |replica, _| {
                if replica.epoch() == step.epoch {
                    replica.unseal();
                }
            });
        }
    }
}

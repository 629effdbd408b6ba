//! A member is killed, again and again.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::load::Pauses;

use super::{Ground, LabError, Scenario, Stage};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "kill-one",
    about: "kill -9 of a member, the leader every second time; it is started again when the grid answers",
    members: 3,
    rounds: 10,
    seconds: 1,
    ground: Ground::Any,
    pinned: false,
    listens: true,
    act,
};

/// What the pauses should be at most, in milliseconds: the middle and the worst.
const LEADER_MS: u64 = 300;
const OTHER_MS: u64 = 150;
const WORST_MS: u64 = 600;

#[derive(Default)]
struct Measured {
    leader: Pauses,
    other: Pauses,
    /// For clients whose own member was killed: they have to connect to another one first.
    orphans: Pauses,
}

fn act(stage: &mut Stage) -> BoxFuture<'_, Result<(), LabError>> {
    async {
        let mut measured = Measured::default();
        let mut failure = None;
        for round in 0..stage.settings.rounds {
            if let Err(error) = kill(stage, round % 2 == 0, &mut measured).await {
                failure = Some(error);
                break;
            }
        }
        let Measured {
            leader,
            other,
            orphans,
        } = measured;
        let ms = Duration::from_millis;
        let report = &mut stage.report;
        report.figure("pause when the leader is killed", &leader);
        report.bounded("  p50", leader.percentile(50), ms(LEADER_MS));
        report.bounded("  worst", leader.percentile(100), ms(WORST_MS));
        report.figure("pause when another member is killed", &other);
        report.bounded("  p50", other.percentile(50), ms(OTHER_MS));
        report.bounded("  worst", other.percentile(100), ms(WORST_MS));
        report.figure("pause of clients of the member that is killed", &orphans);
        failure.map_or(Ok(()), Err)
    }
    .boxed()
}

async fn kill(stage: &mut Stage, the_leader: bool, measured: &mut Measured) -> Result<(), LabError> {
    let leader = stage.cluster.leader(&stage.network).await;
    let others = match leader {
        Some(leader) => stage.others(leader),
        None => stage.cluster.running().to_vec(),
    };
    let victim = match leader.filter(|_| the_leader) {
        Some(leader) => leader,
        None => stage
            .random
            .pick(&others)
            .copied()
            .unwrap_or_else(|| leader.unwrap_or(1)),
    };
    // What clients of one member saw before must not be taken for what the kill does.
    stage
        .answered_since(stage.now_ns(), stage.cluster.running())
        .await?;
    let at_ns = stage.kill(victim).await?;
    let survivors = stage.cluster.running().to_vec();
    if !survivors.is_empty() {
        stage.answered_since(at_ns, &survivors).await?;
        let pause = stage.longest_pause_ns(at_ns, &survivors);
        if leader == Some(victim) {
            measured.leader.add_ns(pause);
        } else {
            measured.other.add_ns(pause);
        }
        stage.answered_since(at_ns, &[victim]).await?;
        measured.orphans.add_ns(stage.longest_pause_ns(at_ns, &[victim]));
    }
    stage.go_on(Duration::from_secs(stage.settings.seconds)).await;
    stage.start(victim).await?;
    stage.whole().await
}

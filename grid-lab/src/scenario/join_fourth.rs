//! A member more.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::process::{Cluster, moved, primaries};

use super::{Ground, LabError, Scenario, Stage};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "join-fourth",
    about: "a fourth member joins three: how many primaries move, and what clients notice",
    members: 3,
    rounds: 1,
    seconds: 10,
    ground: Ground::Any,
    pinned: false,
    listens: false,
    act,
};

fn act(stage: &mut Stage) -> BoxFuture<'_, Result<(), LabError>> {
    async {
        let http = Cluster::addresses(&stage.network, 1).http;
        let quiet = Duration::from_secs(stage.settings.seconds);
        let began_ns = stage.now_ns();
        stage.go_on(quiet).await;
        let before = stage.figures_since(began_ns);
        let owned = primaries(&stage.settings.binary, http).await;
        let at_ns = stage.start(stage.settings.members + 1).await?;
        stage.whole().await?;
        let during = stage.figures_since(at_ns);
        let took = Duration::from_nanos(stage.now_ns() - at_ns);
        let now_owned = primaries(&stage.settings.binary, http).await;
        let primaries_moved = match (owned, now_owned) {
            (Ok(before), Ok(after)) => format!("{} of {}", moved(&before, &after), before.len()),
            (Err(reason), _) | (_, Err(reason)) => format!("not told: {reason}"),
        };
        stage.report.figure("probes before", before);
        stage.report.figure("probes during the join", during);
        stage
            .report
            .figure("time until the cluster was whole", format!("{took:.1?}"));
        stage.report.figure("primaries that moved", primaries_moved);
        Ok(())
    }
    .boxed()
}

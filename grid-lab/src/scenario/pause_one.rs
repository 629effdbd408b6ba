//! A member stands still.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::load::Pauses;

use super::{Ground, LabError, Scenario, Stage};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "pause-one",
    about: "SIGSTOP of a member, and SIGCONT long after it was removed",
    members: 3,
    rounds: 2,
    seconds: 10,
    ground: Ground::Any,
    pinned: false,
    listens: false,
    act,
};

/// What the pause should be at most.
const PAUSE_MAX: Duration = Duration::from_secs(5);

fn act(stage: &mut Stage) -> BoxFuture<'_, Result<(), LabError>> {
    async {
        let mut pauses = Pauses::default();
        for _ in 0..stage.settings.rounds {
            let member = stage.any_member();
            let others = stage.others(member);
            let at_ns = stage.pause(member)?;
            stage.answered_since(at_ns, &others).await?;
            if !others.is_empty() {
                pauses.add_ns(stage.longest_pause_ns(at_ns, &others));
            }
            let paused = Duration::from_nanos(stage.now_ns() - at_ns);
            let whole = Duration::from_secs(stage.settings.seconds);
            stage.go_on(whole.saturating_sub(paused)).await;
            stage.heal().await?;
            stage.whole().await?;
        }
        stage.report.figure("pause of clients of the others", &pauses);
        stage.report.bounded("  worst", pauses.percentile(100), PAUSE_MAX);
        Ok(())
    }
    .boxed()
}

//! Members come and go all the time.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::run::SPARE_MEMBERS;
use super::{Ground, LabError, Scenario, Stage};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "join-leave-storm",
    about: "a member joins or leaves every two seconds, whether the cluster is whole or not",
    members: 3,
    rounds: 15,
    seconds: 2,
    ground: Ground::Any,
    pinned: false,
    listens: true,
    act,
};

fn act(stage: &mut Stage) -> BoxFuture<'_, Result<(), LabError>> {
    async {
        let most = stage.settings.members + SPARE_MEMBERS;
        let least = stage.settings.members.saturating_sub(1).max(2);
        for _ in 0..stage.settings.rounds {
            let running = stage.cluster.running().to_vec();
            let away: Vec<usize> = (1..=most).filter(|member| !running.contains(member)).collect();
            let joins = running.len() <= least || (running.len() < most && stage.random.chance(50));
            match stage.random.pick(&away).copied().filter(|_| joins) {
                Some(member) => stage.start(member).await?,
                None => {
                    let member = stage.any_member();
                    stage.stop(member).await?
                }
            };
            stage.go_on(Duration::from_secs(stage.settings.seconds)).await;
        }
        stage.whole().await?;
        let figures = stage.figures_since(0);
        stage.report.figure("probes during the storm", figures);
        Ok(())
    }
    .boxed()
}

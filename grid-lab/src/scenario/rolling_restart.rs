//! Every member is stopped in good order and started again.

use futures::FutureExt;
use futures::future::BoxFuture;

use super::{Ground, LabError, Scenario, Stage};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "rolling-restart",
    about: "SIGTERM of each member in turn, the next when the cluster is whole again: no error for clients",
    members: 5,
    rounds: 1,
    seconds: 1,
    ground: Ground::Any,
    pinned: false,
    listens: false,
    act,
};

fn act(stage: &mut Stage) -> BoxFuture<'_, Result<(), LabError>> {
    async {
        let began_ns = stage.now_ns();
        for _ in 0..stage.settings.rounds {
            for member in stage.cluster.running().to_vec() {
                stage.stop(member).await?;
                stage.start(member).await?;
                stage.whole().await?;
            }
        }
        let figures = stage.figures_since(began_ns);
        stage.report.figure("probes during the restarts", figures);
        Ok(())
    }
    .boxed()
}

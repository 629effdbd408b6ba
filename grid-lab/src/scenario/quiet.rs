//! Nothing is broken.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::{Ground, LabError, Scenario, Stage};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "quiet",
    about: "nothing is broken: what the lab itself costs and finds",
    members: 3,
    rounds: 1,
    seconds: 10,
    ground: Ground::Any,
    pinned: false,
    listens: true,
    act,
};

fn act(stage: &mut Stage) -> BoxFuture<'_, Result<(), LabError>> {
    async {
        stage.go_on(Duration::from_secs(stage.settings.seconds)).await;
        Ok(())
    }
    .boxed()
}

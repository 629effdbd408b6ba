//! One member hears another no more, but is heard.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::{Ground, LabError, Scenario, Stage};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "cut-one-way",
    about: "what one member sends to another is lost, the leader's every second time",
    members: 3,
    rounds: 4,
    seconds: 10,
    ground: Ground::Namespaces,
    pinned: false,
    listens: false,
    act,
};

fn act(stage: &mut Stage) -> BoxFuture<'_, Result<(), LabError>> {
    async {
        for round in 0..stage.settings.rounds {
            let leader = stage.cluster.leader(&stage.network).await;
            let from = match leader.filter(|_| round % 2 == 0) {
                Some(leader) => leader,
                None => stage.any_member(),
            };
            let others = stage.others(from);
            let Some(to) = stage.random.pick(&others).copied() else {
                return Err(LabError::Settings {
                    what: "a cut needs two members; use --members 2 or more".to_owned(),
                });
            };
            stage.note(format!("cut m{from} to m{to}"));
            stage.network.cut_one_way(&[from], &[to]).await?;
            stage.go_on(Duration::from_secs(stage.settings.seconds)).await;
            stage.heal().await?;
            stage.whole().await?;
        }
        Ok(())
    }
    .boxed()
}

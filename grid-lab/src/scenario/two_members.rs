//! Two members, of which one goes.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::clock::nanos;
use crate::load::Pauses;
use crate::network::Cut;

use super::{Ground, LabError, Rule, Scenario, Stage};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "two-members",
    about: "on one machine one of two is killed and the other goes on; with --namespaces a firewall forges the end of \
            each to the other, and at most one goes on",
    members: 2,
    rounds: 3,
    seconds: 10,
    ground: Ground::Any,
    pinned: true,
    listens: false,
    act,
};

/// What the pause should be at most.
const PAUSE_MAX: Duration = Duration::from_millis(600);

/// After so long, a lease of 2 s and 1 s more, at most one of the two answers.
const ONE_AFTER: Duration = Duration::from_secs(3);

fn act(stage: &mut Stage) -> BoxFuture<'_, Result<(), LabError>> {
    async {
        if stage.cluster.running() != [1, 2] {
            return Err(LabError::Settings {
                what: "this is about two members; use --members 2".to_owned(),
            });
        }
        if stage.network.is_divided() {
            return forge(stage).await;
        }
        let mut pauses = Pauses::default();
        for _ in 0..stage.settings.rounds {
            let victim = stage.any_member();
            let survivor = stage.others(victim);
            let at_ns = stage.kill(victim).await?;
            stage.answered_since(at_ns, &survivor).await?;
            pauses.add_ns(stage.longest_pause_ns(at_ns, &survivor));
            stage.start(victim).await?;
            stage.whole().await?;
        }
        stage.report.figure("pause of clients of the survivor", &pauses);
        stage.report.bounded("  worst", pauses.percentile(100), PAUSE_MAX);
        Ok(())
    }
    .boxed()
}

async fn forge(stage: &mut Stage) -> Result<(), LabError> {
    for _ in 0..stage.settings.rounds {
        let at_ns = stage.cut(&[1], &[2], Cut::Reset).await?;
        stage.go_on(Duration::from_secs(stage.settings.seconds)).await;
        let until_ns = stage.heal().await?;
        stage.rules.push(Rule::OneSide {
            one: vec![1],
            other: vec![2],
            from_ns: at_ns + nanos(ONE_AFTER),
            until_ns,
        });
        stage.whole().await?;
    }
    Ok(())
}

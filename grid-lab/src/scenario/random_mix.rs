//! Anything, by chance.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::network::Cut;

use super::{Ground, LabError, Scenario, Stage};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "random-mix",
    about: "kills, pauses, restarts, and with --namespaces cuts and loss, by chance; each when the cluster is whole",
    members: 3,
    rounds: 1,
    seconds: 60,
    ground: Ground::Any,
    pinned: false,
    listens: true,
    act,
};

/// The most of what is lost, in tenths of a percent.
const LOSS_PER_MILLE_MAX: usize = 300;

fn act(stage: &mut Stage) -> BoxFuture<'_, Result<(), LabError>> {
    async {
        let until_ns = stage.now_ns() + stage.settings.seconds * 1_000_000_000;
        while stage.now_ns() < until_ns {
            // Backups stand the loss of one member, so nothing is broken before the cluster is whole again.
            strike(stage).await?;
            stage.heal().await?;
            stage.whole().await?;
        }
        Ok(())
    }
    .boxed()
}

async fn strike(stage: &mut Stage) -> Result<(), LabError> {
    let kinds = if stage.network.is_divided() { 7 } else { 3 };
    let kind = stage.random.below(kinds);
    let member = stage.any_member();
    let others = stage.others(member);
    let time = Duration::from_millis(200 + stage.random.below(6_000) as u64);
    match kind {
        0 => {
            stage.kill(member).await?;
            stage.go_on(time / 2).await;
            stage.start(member).await?;
        }
        1 => {
            stage.stop(member).await?;
            stage.start(member).await?;
        }
        2 => {
            stage.pause(member)?;
            stage.go_on(time).await;
        }
        3 | 4 => {
            let cut = if kind == 3 { Cut::Silent } else { Cut::Reset };
            let minority = stage.any_members((others.len() / 2).max(1));
            let mut majority = stage.cluster.running().to_vec();
            majority.retain(|member| !minority.contains(member));
            stage.cut(&minority, &majority, cut).await?;
            stage.go_on(time).await;
        }
        5 => {
            stage.note(format!("cut m{member} to {others:?}"));
            stage.network.cut_one_way(&[member], &others).await?;
            stage.go_on(time).await;
        }
        _ => {
            let per_mille = stage.random.below(LOSS_PER_MILLE_MAX) + 1;
            stage.note(format!("lose {per_mille} of 1000"));
            let per_mille = u32::try_from(per_mille).unwrap_or(u32::MAX);
            stage.network.lose(per_mille).await?;
            stage.go_on(time).await;
        }
    }
    Ok(())
}

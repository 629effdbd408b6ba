//! A minority is cut off.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::clock::nanos;
use crate::network::Cut;

use super::{Ground, LabError, Rule, Scenario, Stage};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "cut-minority",
    about: "two of five members are cut off in silence: they must stop to answer, the others go on",
    members: 5,
    rounds: 1,
    seconds: 30,
    ground: Ground::Namespaces,
    pinned: true,
    listens: false,
    act,
};

/// After so long, a lease of 2 s and 1 s more, a side without a majority answers nothing.
const SILENT_AFTER: Duration = Duration::from_secs(3);

/// The majority goes on within this time.
const GOES_ON_WITHIN: Duration = Duration::from_secs(5);

fn act(stage: &mut Stage) -> BoxFuture<'_, Result<(), LabError>> {
    cut_off(stage, Cut::Silent).boxed()
}

/// Cuts a minority off, as often as there are rounds.
pub(super) async fn cut_off(stage: &mut Stage, cut: Cut) -> Result<(), LabError> {
    let members = stage.cluster.running().len();
    if members < 3 {
        return Err(LabError::Settings {
            what: "a minority needs at least three members; use --members 3 or more".to_owned(),
        });
    }
    for _ in 0..stage.settings.rounds {
        let minority = stage.any_members((members - 1) / 2);
        let mut majority = stage.cluster.running().to_vec();
        majority.retain(|member| !minority.contains(member));
        let at_ns = stage.cut(&minority, &majority, cut).await?;
        stage.go_on(Duration::from_secs(stage.settings.seconds)).await;
        let (longest, silent, all) = stage.longest_pause_of_answered_ns(at_ns, &majority);
        let until_ns = stage.heal().await?;
        stage.rules.push(Rule::Silent {
            members: minority,
            from_ns: at_ns + nanos(SILENT_AFTER),
            until_ns,
        });
        // Keys whose copies are all in the minority have no answer until it is back, which is as it should be.
        stage.report.figure(
            "probes of the majority whose keys nobody there had",
            format!("{silent} of {all}"),
        );
        let longest = (silent * 2 < all).then_some(Duration::from_nanos(longest));
        stage
            .report
            .bounded("longest pause of the others", longest, GOES_ON_WITHIN);
        stage.whole().await?;
    }
    Ok(())
}

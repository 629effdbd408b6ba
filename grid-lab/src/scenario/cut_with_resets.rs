//! A minority is cut off by a firewall that answers.

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::network::Cut;

use super::cut_minority::cut_off;
use super::{Ground, LabError, Scenario, Stage};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "cut-with-resets",
    about: "as cut-minority, by a firewall that forges what looks like the end of processes",
    members: 5,
    rounds: 1,
    seconds: 30,
    ground: Ground::Namespaces,
    pinned: true,
    listens: false,
    act,
};

fn act(stage: &mut Stage) -> BoxFuture<'_, Result<(), LabError>> {
    cut_off(stage, Cut::Reset).boxed()
}

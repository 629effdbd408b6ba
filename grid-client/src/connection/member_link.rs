//! A connection with one member of a cluster.

use std::sync::Arc;

use tokio::sync::{Notify, watch};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::session::Settings;

use super::keep::{CloseOnDrop, drive, open};
use super::lane::Lane;

/// Which member a connection is for, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) member: u64,
    pub(crate) address: Arc<str>,
}

/// Connects with the member that is the target whenever that is wanted and there is no connection, until the token says
/// to stop. Requests go another way meanwhile.
pub(crate) async fn keep_member(
    lane: Arc<Lane>,
    targets: watch::Receiver<Option<Target>>,
    wanted: Arc<Notify>,
    settings: Arc<Settings>,
    token: CancellationToken,
) {
    let _closed_at_the_end = CloseOnDrop(&lane);
    let work = async {
        let mut failures = 0;
        loop {
            wanted.notified().await;
            let Some(target) = targets.borrow().clone() else {
                continue;
            };
            let since = clock::now();
            match open(&target.address, &settings).await {
                Ok(opened) if opened.channel.grants.routes != Some(target.member) => {
                    tracing::debug!(address = %target.address, member = target.member, "another member answers");
                }
                Ok(_) if targets.borrow().as_ref() != Some(&target) => continue,
                Ok(mut opened) => {
                    let reason = drive(&lane, &mut opened, &settings, |_began| {}).await;
                    tracing::debug!(address = %target.address, reason, "the connection with a member ended");
                    lane.end(&reason);
                }
                Err(reason) => {
                    tracing::debug!(address = %target.address, reason, "no connection with a member")
                }
            }
            if clock::now() - since >= settings.retry.delay_max {
                failures = 0;
            }
            sleep(settings.retry.delay(failures, clock::random())).await;
            failures = failures.saturating_add(1);
        }
    };
    // The work itself never ends.
    let _cancelled: Option<()> = token.run_until_cancelled(work).await;
}

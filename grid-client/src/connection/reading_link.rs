//! A connection for answers that are read in parts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::session::{Addresses, Settings};

use super::Lane;
use super::keep::{CloseOnDrop, drive, open};

/// What is wanted of such a connection.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    bell: Notify,
    /// How many addresses are passed over: servers that are cut off from the others.
    passed: AtomicUsize,
}

impl Wanted {
    /// The connection is wanted.
    pub(crate) fn ring(&self) {
        self.bell.notify_one();
    }

    /// The connection is wanted with another server.
    pub(crate) fn pass(&self) {
        self.passed.fetch_add(1, Ordering::Relaxed);
    }
}

/// Connects whenever that is wanted and there is no connection, until the token says to stop: with the server that the
/// session's own connection leads to, if it can.
pub(crate) async fn keep_reading(
    (lane, own): (Arc<Lane>, Arc<Lane>),
    wanted: Arc<Wanted>,
    settings: Arc<Settings>,
    addresses: Arc<Addresses>,
    token: CancellationToken,
) {
    let _closed_at_the_end = CloseOnDrop(&lane);
    let work = async {
        loop {
            wanted.bell.notified().await;
            let until = clock::now() + settings.request_timeout;
            let mut failures = 0;
            // Whoever wants it waits no longer.
            while clock::now() < until {
                let mut all = addresses.all();
                if let Some(own) = own.address() {
                    all.retain(|address| *address != own);
                    all.insert(0, own);
                }
                let turn = wanted.passed.load(Ordering::Relaxed) + failures;
                let Some(address) = all.get(turn % all.len().max(1)) else {
                    break;
                };
                match open(address, &settings).await {
                    Ok(mut opened) => {
                        let reason = drive(&lane, &mut opened, &settings, |_began| {}).await;
                        tracing::debug!(%address, reason, "a connection for reading ended");
                        lane.end(&reason);
                        break;
                    }
                    Err(reason) => {
                        tracing::debug!(%address, reason, "no connection for reading");
                        lane.end(&reason);
                    }
                }
                let pause = u32::try_from(failures).unwrap_or(u32::MAX);
                sleep(settings.retry.delay(pause, clock::random())).await;
                failures += 1;
            }
        }
    };
    // The work itself never ends.
    let _cancelled: Option<()> = token.run_until_cancelled(work).await;
}

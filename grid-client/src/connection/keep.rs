//! Keeps a lane connected.

use std::sync::Arc;

use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use grid_proto::v1::proxy::InitResponse;

use crate::clock;
use crate::session::{Addresses, Settings};

use super::driver::Driver;
use super::lane::Lane;
use super::sub_channel::{Reason, SubChannel};

/// A connection that is open, and where it leads.
#[derive(Debug)]
pub(crate) struct Opened {
    channel: SubChannel,
    address: Arc<str>,
    /// What the server said about itself.
    pub(crate) init: InitResponse,
}

/// Lets no caller wait on a lane that nobody drives, whatever ended its task.
struct CloseOnDrop<'a>(&'a Lane);

impl Drop for CloseOnDrop<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Opens a connection to one address.
///
/// # Errors
/// Why not, in words.
pub(crate) async fn open(address: &Arc<str>, settings: &Settings) -> Result<Opened, Reason> {
    let opened = timeout(settings.connect_timeout, SubChannel::open(address, settings)).await;
    let (channel, init) = opened
        .unwrap_or_else(|_elapsed| Err(format!("no connection within {:?}", settings.connect_timeout)))?;
    Ok(Opened {
        channel,
        address: address.clone(),
        init,
    })
}

/// Drives a connection and opens it again whenever it ends, until the token says to stop.
///
/// `renewed` is called after each new life of the connection but the first.
pub(crate) async fn keep(
    lane: Arc<Lane>,
    first: Opened,
    settings: Arc<Settings>,
    addresses: Arc<Addresses>,
    token: CancellationToken,
    renewed: impl Fn() + Send,
) {
    let _closed_at_the_end = CloseOnDrop(&lane);
    let mut opened = first;
    let mut failures = 0;
    loop {
        let epoch = lane.begin(opened.address.clone(), opened.channel.faithful);
        if epoch > 1 {
            renewed();
        }
        let since = clock::now();
        let driver = Driver::new(&lane, epoch, &mut opened.channel, &settings);
        let reason = tokio::select! {
            biased;
            () = token.cancelled() => {
                lane.close();
                opened.channel.half_close().await;
                return;
            }
            reason = driver.run() => reason,
        };
        tracing::warn!(address = %opened.address, reason, "the connection ended");
        lane.end(&reason);
        drop(opened.channel);
        // A server that accepts and ends every connection must not be asked again without a pause.
        if clock::now() - since >= settings.retry.delay_max {
            failures = 0;
        }
        let reopen = async {
            // The same address first, then the one after it.
            let mut address = opened.address.clone();
            addresses.look_again();
            loop {
                sleep(settings.retry.delay(failures, clock::random())).await;
                failures = failures.saturating_add(1);
                match open(&address, &settings).await {
                    Ok(opened) => return opened,
                    Err(reason) => {
                        tracing::debug!(address = %address, reason, "no connection");
                        lane.end(&reason);
                        address = addresses.after(&address);
                        addresses.look_again();
                    }
                }
            }
        };
        opened = tokio::select! {
            biased;
            () = token.cancelled() => {
                lane.close();
                return;
            }
            opened = reopen => opened,
        };
        tracing::info!(address = %opened.address, "connected again");
    }
}

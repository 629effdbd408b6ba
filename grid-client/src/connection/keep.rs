//! Keeps a lane connected.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use grid_proto::v1::proxy::InitResponse;
use grid_proto::wishes::Grants;

use crate::clock;
use crate::session::{Addresses, Settings};

use super::driver::Driver;
use super::lane::Lane;
use super::sub_channel::{Reason, SubChannel};

/// A member that has left the cluster may answer what it has taken for so long.
const LEAVE_GRACE: Duration = Duration::from_millis(250);

/// What opens further calls on a connection, and where that leads.
#[derive(Clone, Debug)]
pub(crate) struct Opener {
    pub(crate) calls: SendRequest<Bytes>,
    pub(crate) address: Arc<str>,
}

/// A life of a connection that begins.
#[derive(Debug)]
pub(crate) struct Began {
    /// Its number, from 1.
    pub(crate) epoch: u32,
    /// What the server grants beyond the protocol.
    pub(crate) grants: Grants,
    pub(crate) opener: Opener,
}

/// A connection that is open, and where it leads.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(super) channel: SubChannel,
    address: Arc<str>,
    /// What the server said about itself.
    pub(crate) init: InitResponse,
}

/// Lets no caller wait on a lane that nobody drives, whatever ended its task.
pub(super) struct CloseOnDrop<'a>(pub(super) &'a Lane);

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

/// Drives one life of a connection until it ends, or its member has left the cluster; gives the reason.
pub(super) async fn drive(
    lane: &Lane,
    opened: &mut Opened,
    settings: &Settings,
    began: impl FnOnce(Began),
) -> Reason {
    let grants = opened.channel.grants;
    let epoch = lane.begin(opened.address.clone(), grants);
    let opener = Opener {
        calls: opened.channel.opener(),
        address: opened.address.clone(),
    };
    began(Began {
        epoch,
        grants,
        opener,
    });
    let left = async {
        lane.left().await;
        sleep(LEAVE_GRACE).await;
    };
    tokio::select! {
        biased;
        reason = Driver::new(lane, epoch, &mut opened.channel, settings).run() => reason,
        () = left => "the member has left the cluster".to_owned(),
        () = lane.is_cut(epoch) => "an answer was given up".to_owned(),
    }
}

/// Drives a connection and opens it again whenever it ends, until the token says to stop.
///
/// `began` is called when a life of the connection begins.
pub(crate) async fn keep(
    lane: Arc<Lane>,
    first: Opened,
    settings: Arc<Settings>,
    addresses: Arc<Addresses>,
    token: CancellationToken,
    began: impl Fn(Began) + Send,
) {
    let _closed_at_the_end = CloseOnDrop(&lane);
    let mut opened = first;
    let mut failures = 0;
    loop {
        let since = clock::now();
        let reason = tokio::select! {
            biased;
            () = token.cancelled() => {
                lane.close();
                opened.channel.half_close().await;
                return;
            }
            reason = drive(&lane, &mut opened, &settings, &began) => reason,
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

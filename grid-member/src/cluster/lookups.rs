//! Clients that look the cluster up at the members' port, as those of Coherence do.

use std::net::SocketAddr;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use grid_discovery::name_service::{Facts, is_name_service, serve};
use tokio::net::TcpStream;

use crate::transport::{OtherProtocol, Recognition};

use super::core::Core;

/// So many bytes tell the lookup of a client from what members say.
const FIRST_BYTES: usize = 4;

/// Answers clients that look the cluster up.
pub(super) struct Lookups {
    core: Weak<Core>,
}

impl Lookups {
    pub(super) fn new(core: &Arc<Core>) -> Self {
        Lookups {
            core: Arc::downgrade(core),
        }
    }
}

impl OtherProtocol for Lookups {
    fn recognise(&self, first: &[u8]) -> Recognition {
        if first.len() < FIRST_BYTES {
            return Recognition::TooFew;
        }
        if is_name_service(first) {
            Recognition::Yes
        } else {
            Recognition::No
        }
    }

    fn serve(&self, stream: TcpStream, received: Bytes, from: SocketAddr) -> BoxFuture<'static, ()> {
        let core = self.core.clone();
        async move {
            let Some(stopped) = core.upgrade().map(|core| core.supervisor.stopped()) else {
                return;
            };
            tokio::select! {
                biased;
                () = stopped => {}
                served = serve(stream, received, || facts(&core)) => {
                    if let Err(error) = served {
                        tracing::debug!(%from, %error, "a lookup was not answered");
                    }
                }
            }
        }
        .boxed()
    }
}

/// What clients are told: the members that serve them.
fn facts(core: &Weak<Core>) -> Facts {
    let core = core.upgrade();
    let members = core.as_ref().and_then(|core| {
        core.view
            .read(|state| state.members().values().cloned().collect())
    });
    Facts {
        cluster: core
            .as_ref()
            .map(|core| core.settings.cluster_name.clone())
            .unwrap_or_default(),
        process: core
            .as_ref()
            .map_or(grid_core::membership::ProcessId::new(0), |core| {
                core.settings.process
            }),
        port: core.as_ref().map_or(0, |core| core.own_address().port()),
        members: members.unwrap_or_default(),
    }
}

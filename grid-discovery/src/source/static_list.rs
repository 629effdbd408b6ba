//! Members from a list of addresses.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use futures::future::join_all;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::Post;
use crate::{HostPort, clock};

/// How long the system may take to resolve a name.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(5);

/// What is known of one address of the list.
#[derive(Debug, Default)]
struct Known {
    addresses: Vec<SocketAddr>,
    seen_ms: u64,
    /// Whether it was said in the log that the name is not known.
    complained: bool,
}

/// Resolves the list again and again, and gives all addresses of every name.
pub(super) async fn run(list: Vec<HostPort>, period: Duration, post: Post, token: CancellationToken) {
    let mut known: BTreeMap<usize, Known> = (0..list.len()).map(|index| (index, Known::default())).collect();
    loop {
        let round = async {
            let answers = join_all(list.iter().map(resolve)).await;
            let all_known = take(&list, answers, &mut known, &post);
            sleep(if all_known { period } else { period / 6 }).await;
        };
        tokio::select! {
            biased;
            () = token.cancelled() => return,
            () = round => {}
        }
    }
}

/// Takes in what the names resolved to. Whether all did.
fn take(
    list: &[HostPort],
    answers: Vec<Result<Vec<SocketAddr>, String>>,
    known: &mut BTreeMap<usize, Known>,
    post: &Post,
) -> bool {
    let mut all_known = true;
    for ((host, answer), known) in list.iter().zip(answers).zip(known.values_mut()) {
        match answer {
            Ok(addresses) => {
                *known = Known {
                    addresses,
                    seen_ms: clock::unix_ms(),
                    complained: false,
                };
            }
            // What it resolved to before still counts: a name server that is away does not move members.
            Err(reason) => {
                all_known = false;
                if !std::mem::replace(&mut known.complained, true) {
                    tracing::warn!(source = post.name(), %host, reason, "the name cannot be resolved; trying on");
                }
            }
        }
    }
    let peers = known.values().flat_map(|known| {
        let addresses = known.addresses.iter();
        addresses.map(|address| post.peer(*address, None, known.seen_ms))
    });
    post.put(peers.collect());
    all_known
}

async fn resolve(host: &HostPort) -> Result<Vec<SocketAddr>, String> {
    let lookup = tokio::net::lookup_host((host.host(), host.port()));
    match timeout(RESOLVE_TIMEOUT, lookup).await {
        Ok(Ok(addresses)) => {
            let mut addresses: Vec<_> = addresses.collect();
            addresses.sort_unstable();
            addresses.dedup();
            if addresses.is_empty() {
                return Err("the name has no address".to_owned());
            }
            Ok(addresses)
        }
        Ok(Err(error)) => Err(error.to_string()),
        Err(_elapsed) => Err(format!("no answer within {RESOLVE_TIMEOUT:?}")),
    }
}

//! Hearing from a member who serves what.

use std::future::poll_fn;
use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use prost::Message;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use grid_proto::girih::Topology;
use grid_proto::limits::TOPOLOGY_LEN_MAX;

use crate::clock;
use crate::codec::{Deframer, HEADER_LEN, Piece};
use crate::connection::{Opener, Reason, RetryPolicy, status_of, words};

use super::Fleet;

/// Hears who serves what on the connection that there is, until the token says to stop.
pub(crate) async fn watch(
    fleet: Arc<Fleet>,
    mut openers: tokio::sync::watch::Receiver<Option<Opener>>,
    retry: RetryPolicy,
    token: CancellationToken,
) {
    let work = async {
        let mut failures = 0;
        loop {
            let opener = openers.borrow_and_update().clone();
            let Some(opener) = opener else {
                if openers.changed().await.is_err() {
                    return;
                }
                continue;
            };
            let address = opener.address.clone();
            let since = clock::now();
            let reason = hear(opener, &fleet).await;
            tracing::debug!(%address, reason, "who serves what is not told any more");
            if clock::now() - since >= retry.delay_max {
                failures = 0;
            }
            // On the same connection again after a pause, on another at once.
            let pause = sleep(retry.delay(failures, clock::random()));
            failures = failures.saturating_add(1);
            tokio::select! {
                biased;
                changed = openers.changed() => if changed.is_err() { return },
                () = pause => {}
            }
        }
    };
    // Whether it ended by itself or was cancelled does not matter.
    let _ended: Option<()> = token.run_until_cancelled(work).await;
}

/// Hears one stream to its end; gives the reason.
async fn hear(opener: Opener, fleet: &Fleet) -> Reason {
    match listen(opener, fleet).await {
        Ok(never) => match never {},
        Err(reason) => reason,
    }
}

async fn listen(opener: Opener, fleet: &Fleet) -> Result<std::convert::Infallible, Reason> {
    let request = Request::post(format!("http://{}/girih.v1.Cluster/Watch", opener.address))
        .version(http::Version::HTTP_2)
        .header(http::header::TE, "trailers")
        .header(http::header::CONTENT_TYPE, "application/grpc")
        .body(())
        .map_err(|error| words("the address makes no URL", &error))?;
    let mut calls = opener
        .calls
        .ready()
        .await
        .map_err(|error| words("no call can be opened", &error))?;
    let (answer, mut stream) = calls
        .send_request(request, false)
        .map_err(|error| words("no call can be opened", &error))?;
    // The connection goes when its own call does.
    drop(calls);
    stream
        .send_data(Bytes::from_static(&[0; HEADER_LEN]), true)
        .map_err(|error| words("the call broke", &error))?;
    let response = answer.await.map_err(|error| words("the call broke", &error))?;
    if response.status() != http::StatusCode::OK {
        return Err(format!(
            "HTTP status {}: this is no gRPC server",
            response.status()
        ));
    }
    if response.headers().contains_key("grpc-status") {
        return Err(status_of(response.headers()));
    }
    let mut body = response.into_body();
    let mut deframer = Deframer::new(TOPOLOGY_LEN_MAX);
    while let Some(chunk) = body.data().await {
        let chunk = chunk.map_err(|error| words("the call broke", &error))?;
        body.flow_control()
            .release_capacity(chunk.len())
            .map_err(|error| words("the call broke", &error))?;
        deframer.push(chunk);
        while let Some(piece) = deframer.next().map_err(|error| error.to_string())? {
            take(piece, fleet)?;
        }
    }
    match poll_fn(|cx| body.poll_trailers(cx)).await {
        Ok(Some(trailers)) => Err(status_of(&trailers)),
        Ok(None) => Err("the server ended the call without a status".to_owned()),
        Err(error) => Err(words("the call broke", &error)),
    }
}

fn take(piece: Piece, fleet: &Fleet) -> Result<(), Reason> {
    let message = match piece {
        Piece::Message(message) => message,
        Piece::TooLong { len, .. } => {
            return Err(format!(
                "a topology has {len} bytes, and at most {TOPOLOGY_LEN_MAX} are taken"
            ));
        }
    };
    let topology = Topology::decode(message).map_err(|error| words("a topology cannot be read", &error))?;
    let taken = fleet.take(&topology).map_err(|error| error.to_string())?;
    tracing::debug!(
        members = topology.members.len(),
        index = topology.index,
        taken,
        "who serves what"
    );
    Ok(())
}

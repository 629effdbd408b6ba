//! The first request of a version 1 stream.

use std::sync::Arc;
use std::time::Duration;

use grid_core::membership::MemberId;
use grid_member::cluster::Cluster;
use grid_proto::v1::proxy::{InitRequest, InitResponse, ProxyResponse, proxy_response};
use grid_proto::wishes::{Grants, Wishes};
use tokio::time::{Interval, MissedTickBehavior};
use tonic::Status;

use crate::grpc::edge::check_scope;
use crate::grpc::{Edge, Reader};

/// The version of the protocol that is spoken.
const PROTOCOL_VERSION: i32 = 1;

/// The version of the reference grid that clients are told, and its encoding: some compare them.
const REFERENCE_VERSION: &str = "25.03.2";
const REFERENCE_VERSION_ENCODED: i32 = 251_659_842;

/// A client that asks for heartbeats gets no more than this many a second.
const HEARTBEAT_INTERVAL_MIN: Duration = Duration::from_millis(100);

/// What client and server agreed on.
pub(super) struct Handshake {
    /// How the client reads.
    pub(super) reader: Reader,
    /// What the client says and hears beyond the protocol.
    pub(super) beyond: Beyond,
    /// When heartbeats are due, if the client wants some.
    pub(super) heartbeat: Option<Interval>,
    /// What the client is told.
    pub(super) response: ProxyResponse,
}

/// What a client says and hears beyond the protocol.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Beyond {
    /// Who numbers its requests.
    pub(crate) numbered: Option<u128>,
    /// Whether it is told which service a cache belongs to.
    pub(crate) routes: bool,
}

/// Takes the first request of a stream, with this id. An error ends the stream.
pub(super) fn handshake(
    edge: &Arc<Edge>,
    id: i64,
    init: &InitRequest,
    wishes: Wishes,
) -> Result<Handshake, Status> {
    if init.protocol != "CacheService" {
        let protocol: String = init.protocol.chars().take(100).collect();
        return Err(Status::unimplemented(format!(
            "the protocol {protocol:?} is not supported yet; CacheService is"
        )));
    }
    let (wanted, least) = (init.protocol_version, init.supported_protocol_version);
    if wanted < PROTOCOL_VERSION || (wanted > PROTOCOL_VERSION && least > PROTOCOL_VERSION) {
        return Err(Status::invalid_argument(format!(
            "the client speaks versions {least} to {wanted} of the CacheService protocol, this server {PROTOCOL_VERSION}"
        )));
    }
    let format = edge.format(&init.format).map_err(|refusal| refusal.status())?;
    check_scope(&init.scope).map_err(|refusal| refusal.status())?;
    let uuid = init.client_uuid.clone().filter(|uuid| !uuid.is_empty());
    let response = InitResponse {
        uuid: uuid.unwrap_or_else(|| edge.server_uuid()),
        version: REFERENCE_VERSION.to_owned(),
        encoded_version: REFERENCE_VERSION_ENCODED,
        protocol_version: PROTOCOL_VERSION,
        proxy_member_id: 1,
        proxy_member_uuid: edge.server_uuid(),
    };
    let numbered = init.client_uuid.as_deref().and_then(|uuid| uuid.try_into().ok());
    let numbered = numbered.map(u128::from_be_bytes).filter(|_| wishes.once);
    let member = edge
        .grid()
        .cluster()
        .and_then(Cluster::me)
        .filter(|_| wishes.routes);
    let grants = Grants {
        faithful: wishes.faithful,
        once: numbered.map(|_| edge.grid().now().as_unix_ms()),
        routes: member.map(MemberId::get),
    };
    Ok(Handshake {
        reader: Reader {
            format,
            faithful: wishes.faithful,
        },
        beyond: Beyond {
            numbered,
            routes: member.is_some(),
        },
        heartbeat: init.heartbeat.and_then(heartbeat),
        response: ProxyResponse {
            id,
            response: Some(proxy_response::Response::Init(response)),
            context: grants.context(),
        },
    })
}

fn heartbeat(interval_ms: i64) -> Option<Interval> {
    let interval_ms = u64::try_from(interval_ms).ok().filter(|ms| *ms > 0)?;
    let period = Duration::from_millis(interval_ms).max(HEARTBEAT_INTERVAL_MIN);
    // The first is due one period from now.
    let mut interval = tokio::time::interval(period);
    interval.reset();
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    Some(interval)
}

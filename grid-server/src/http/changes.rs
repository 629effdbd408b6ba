//! What operators change in the cluster.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::HttpState;
use super::answer::{change_error, error, joining};

/// `POST /cluster/drain?member=ID`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Drain {
    member: u64,
}

/// `POST /cluster/accept-loss`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AcceptLoss {
    service: String,
    /// All lost ones when it is left out.
    partitions: Option<Vec<usize>>,
}

pub(super) async fn drain(
    State(state): State<Arc<HttpState>>,
    headers: HeaderMap,
    asked: Result<Query<Drain>, QueryRejection>,
) -> Response {
    if let Some(refused) = refuse_other_sites(&headers) {
        return refused;
    }
    let Ok(Query(Drain { member })) = asked else {
        return error(
            StatusCode::BAD_REQUEST,
            "say which member, by its number: /cluster/drain?member=2",
        );
    };
    let Some(view) = state.view() else {
        return joining();
    };
    match view.drain(member).await {
        Ok(()) => Json(json!({ "member": member })).into_response(),
        Err(failed) => change_error(&failed),
    }
}

pub(super) async fn accept_loss(
    State(state): State<Arc<HttpState>>,
    headers: HeaderMap,
    asked: Result<Json<AcceptLoss>, JsonRejection>,
) -> Response {
    if let Some(refused) = refuse_other_sites(&headers) {
        return refused;
    }
    let Json(AcceptLoss { service, partitions }) = match asked {
        Ok(asked) => asked,
        Err(rejected) => {
            let example = r#"{"service": NAME, "partitions": [1, 2]}"#;
            let what = format!("{}; send JSON like {example}", rejected.body_text());
            return error(rejected.status(), &what);
        }
    };
    let Some(view) = state.view() else {
        return joining();
    };
    match view.accept_loss(service.clone(), partitions).await {
        Ok(partitions) => Json(json!({ "service": service, "partitions": partitions })).into_response(),
        Err(failed) => change_error(&failed),
    }
}

/// A page of another site, open in the browser of someone who can reach this server, must not change anything.
fn refuse_other_sites(headers: &HeaderMap) -> Option<Response> {
    let origin = headers.get(header::ORIGIN)?.as_bytes();
    let host = headers.get(header::HOST).map_or(&b""[..], |host| host.as_bytes());
    let own = origin.strip_prefix(b"http://") == Some(host) && !host.is_empty();
    (!own).then(|| {
        error(
            StatusCode::FORBIDDEN,
            "a page of another site asked for this; only requests without Origin, or from this server's own pages, are taken",
        )
    })
}

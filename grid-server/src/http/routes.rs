//! What is answered at which path.

use std::future::ready;
use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use grid_member::cache::CacheInfo;
use hyper::body::Body as _;
use serde::Deserialize;

use crate::cluster_view::{ClusterView, Health, LookError};
use crate::config::HttpConfig;

use super::HttpState;
use super::answer::{error, joining};
use super::changes;

type Shared = State<Arc<HttpState>>;

/// All paths.
pub(super) fn router(state: Arc<HttpState>) -> Router {
    let probe = |of: fn(Health) -> bool| {
        get(move |State(state): Shared| {
            let status = if of(state.health()) {
                StatusCode::OK
            } else {
                StatusCode::SERVICE_UNAVAILABLE
            };
            ready(status)
        })
    };
    Router::new()
        .route("/health/started", probe(|health| health.started))
        .route("/health/live", probe(|health| health.live))
        .route("/health/ready", probe(|health| health.ready))
        .route("/health/safe", probe(|health| health.safe))
        .route("/cluster", view(|view| view.cluster().map(Json)))
        .route("/cluster/members", view(|view| Some(Json(view.members()))))
        .route("/cluster/partitions", view(|view| Some(Json(view.partitions()))))
        .route("/cluster/rebalance", view(|view| Some(Json(view.rebalance()))))
        .route("/cluster/drain", post(changes::drain))
        .route("/cluster/accept-loss", post(changes::accept_loss))
        .route("/caches", get(caches))
        .route("/caches/indexes", get(indexes))
        .route(
            "/metrics",
            get(|State(state): Shared| read(move || Some(metrics(&state)))),
        )
        .fallback(
            |uri: Uri| async move { error(StatusCode::NOT_FOUND, &format!("there is no {}", uri.path())) },
        )
        .method_not_allowed_fallback(|method: Method, uri: Uri| async move {
            let other = if method == Method::GET { "POST" } else { "GET" };
            let what = format!("{method} is not allowed at {}; use {other}", uri.path());
            error(StatusCode::METHOD_NOT_ALLOWED, &what)
        })
        .layer(middleware::from_fn_with_state(state.clone(), bounded))
        .with_state(state)
}

/// Answers with what the view of the member gives; `None` while it knows of no cluster.
fn view<R>(figures: fn(&dyn ClusterView) -> Option<R>) -> MethodRouter<Arc<HttpState>>
where
    R: IntoResponse + Send + 'static,
{
    get(move |State(state): Shared| read(move || figures(&**state.view()?)))
}

/// The caches of the cluster. Scrapes of `/metrics` give those of each member.
async fn caches(State(state): State<Arc<HttpState>>) -> Response {
    let elsewhere = match state.view() {
        Some(view) => view.caches_elsewhere().await,
        None => return joining(),
    };
    read(move || {
        let here = state.view()?.caches();
        Some(Json(CacheInfo::sums(elsewhere.into_iter().chain([here]))))
    })
    .await
}

/// `GET /caches/indexes?cache=NAME&check=true`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Indexes {
    /// Every cache when it is left out.
    cache: Option<String>,
    /// Whether indexes are compared with the entries.
    #[serde(default)]
    check: bool,
}

/// The indexes of the caches of the cluster. When the time is over, no more partitions are looked at.
async fn indexes(State(state): Shared, asked: Result<Query<Indexes>, QueryRejection>) -> Response {
    let Ok(Query(Indexes { cache, check })) = asked else {
        let what =
            "say which cache, or none for all, and whether to check: /caches/indexes?cache=NAME&check=true";
        return error(StatusCode::BAD_REQUEST, what);
    };
    let Some(view) = state.view() else {
        return joining();
    };
    let turn = check.then(|| state.checking.try_acquire());
    if matches!(turn, Some(Err(_))) {
        let what = "indexes are being checked for somebody else; try again later";
        return error(StatusCode::SERVICE_UNAVAILABLE, what);
    }
    match view.indexes(cache, check).await {
        Ok(indexes) => Json(indexes).into_response(),
        Err(failed) => {
            let status = match failed {
                LookError::NotFound(_) => StatusCode::NOT_FOUND,
                _ => StatusCode::SERVICE_UNAVAILABLE,
            };
            error(status, &failed.to_string())
        }
    }
}

fn metrics(state: &HttpState) -> impl IntoResponse + use<> {
    let view = state.view();
    let cluster = view.and_then(|view| Some((view.cluster()?, view.figures())));
    let caches = view.map(|view| view.caches()).unwrap_or_default();
    let text = state.metrics.render(cluster.as_ref(), &caches);
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        text,
    )
}

/// Answers from what is read beside the threads that serve connections: counting the entries of many caches takes
/// each partition's lock in turn.
async fn read<R: IntoResponse + Send + 'static>(
    figures: impl FnOnce() -> Option<R> + Send + 'static,
) -> Response {
    match tokio::task::spawn_blocking(figures).await {
        Ok(Some(answer)) => answer.into_response(),
        Ok(None) => joining(),
        Err(failed) => {
            tracing::error!(%failed, "figures could not be read");
            error(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the figures could not be read; the log says why",
            )
        }
    }
}

/// Refuses a body that is too long before it is read, and a request that takes too long.
async fn bounded(State(state): Shared, request: Request, next: Next) -> Response {
    let HttpConfig {
        body_len_max,
        request_timeout,
        ..
    } = &state.config;
    let len_max = body_len_max.0;
    if request.body().size_hint().lower() > len_max as u64 {
        let what = format!("the body is longer than {body_len_max}, the most that is taken");
        return closing(error(StatusCode::PAYLOAD_TOO_LARGE, &what));
    }
    match tokio::time::timeout(*request_timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_elapsed) => {
            let what = format!("no answer within {request_timeout:?}; try again later");
            error(StatusCode::SERVICE_UNAVAILABLE, &what)
        }
    }
}

fn closing(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

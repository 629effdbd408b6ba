//! What is answered at which path.

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::body::Body as _;
use serde_json::json;

use crate::cluster_view::Health;
use crate::config::HttpConfig;

use super::HttpState;

type Shared = State<Arc<HttpState>>;

/// All paths.
pub(super) fn router(state: Arc<HttpState>) -> Router {
    let health = Router::new()
        .route(
            "/started",
            get(|State(state): Shared| probe(state, |health| health.started)),
        )
        .route(
            "/live",
            get(|State(state): Shared| probe(state, |health| health.live)),
        )
        .route(
            "/ready",
            get(|State(state): Shared| probe(state, |health| health.ready)),
        )
        .route(
            "/safe",
            get(|State(state): Shared| probe(state, |health| health.safe)),
        );
    Router::new()
        .nest("/health", health)
        .route(
            "/cluster",
            get(|State(state): Shared| async move { Json(state.cluster()) }),
        )
        .route(
            "/caches",
            get(|State(state): Shared| async move { Json(state.view.caches()) }),
        )
        .route("/metrics", get(metrics))
        .fallback(
            |uri: Uri| async move { error(StatusCode::NOT_FOUND, &format!("there is no {}", uri.path())) },
        )
        .method_not_allowed_fallback(|method: Method, uri: Uri| async move {
            let what = format!("{method} is not allowed at {}; use GET", uri.path());
            error(StatusCode::METHOD_NOT_ALLOWED, &what)
        })
        .layer(middleware::from_fn_with_state(state.clone(), bounded))
        .with_state(state)
}

async fn probe(state: Arc<HttpState>, of: fn(Health) -> bool) -> StatusCode {
    if of(state.health()) {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}

async fn metrics(State(state): Shared) -> impl IntoResponse {
    let text = state.metrics.render(&state.cluster(), &state.view.caches());
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        text,
    )
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

fn error(status: StatusCode, what: &str) -> Response {
    (status, Json(json!({ "error": what }))).into_response()
}

fn closing(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

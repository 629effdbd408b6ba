//! Answers that are not figures.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use grid_core::cache::Applied;
use serde_json::json;

use crate::cluster_view::ChangeError;

/// An error as JSON.
pub(super) fn error(status: StatusCode, what: &str) -> Response {
    (status, Json(json!({ "error": what }))).into_response()
}

/// The answer while the member has not joined its cluster.
pub(super) fn joining() -> Response {
    error(
        StatusCode::SERVICE_UNAVAILABLE,
        "the member has not joined its cluster yet; its log says for whom it waits",
    )
}

/// Why a change was not made, or may not have been.
pub(super) fn change_error(failed: &ChangeError) -> Response {
    let status = match (failed, failed.applied()) {
        (ChangeError::NotFound(_), _) => StatusCode::NOT_FOUND,
        (ChangeError::Refused(_), _) => StatusCode::CONFLICT,
        (ChangeError::NotAgreed(_), Applied::No) => StatusCode::SERVICE_UNAVAILABLE,
        (ChangeError::NotAgreed(_), _) => StatusCode::GATEWAY_TIMEOUT,
    };
    let applied = failed.applied().to_string();
    (
        status,
        Json(json!({ "error": failed.to_string(), "applied": applied })),
    )
        .into_response()
}

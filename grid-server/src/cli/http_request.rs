//! One HTTP request.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use super::arguments::ClientArguments;
use super::error::CliError;

/// The longest answer that is read, in bytes.
const ANSWER_LEN_MAX: usize = 256 << 20;

/// Why there is no answer.
enum NoAnswer {
    /// The request was not sent.
    NotSent(String),
    /// It may have been read.
    Sent(String),
}

/// The JSON that the server of the arguments has at a path.
///
/// # Errors
/// When there is no answer within the time, or it is not 200 with JSON in it.
pub(super) async fn get_json(client: &ClientArguments, path: &str) -> Result<Value, CliError> {
    let from = format!("http://{}{path}", client.http);
    let answer = request(client, Method::GET, path, None).await;
    let (status, body) = answer.map_err(|(NoAnswer::NotSent(reason) | NoAnswer::Sent(reason))| {
        let advice = "check that the server runs, and its address with --http HOST:PORT or GRID_HTTP";
        CliError::Unreachable(format!("{from}: {reason}; {advice}"))
    })?;
    if status == StatusCode::NOT_FOUND
        && let Some(what) = error_in(&body)
    {
        return Err(CliError::NotFound(what));
    }
    if status != StatusCode::OK {
        let what = error_in(&body).unwrap_or_else(|| "is this the HTTP address of a grid?".to_owned());
        return Err(CliError::Refused(format!("{from}: answered {status}; {what}")));
    }
    json_of(&from, &body)
}

/// Asks the server of the arguments to change something.
///
/// # Errors
/// When it was not changed, or there is no answer that says so.
pub(super) async fn post_json(
    client: &ClientArguments,
    path: &str,
    body: Option<&Value>,
) -> Result<Value, CliError> {
    let from = format!("http://{}{path}", client.http);
    let (status, answer) = match request(client, Method::POST, path, body).await {
        Ok(answered) => answered,
        Err(NoAnswer::NotSent(reason)) => {
            let advice = "check that the server runs, and its address with --http HOST:PORT or GRID_HTTP";
            return Err(CliError::Unreachable(format!("{from}: {reason}; {advice}")));
        }
        Err(NoAnswer::Sent(reason)) => {
            let advice = "it may have been done; look with `grid cluster status`";
            return Err(CliError::OutcomeUnknown(format!("{from}: {reason}; {advice}")));
        }
    };
    if status == StatusCode::OK {
        return json_of(&from, &answer);
    }
    let known = error_in(&answer);
    let what = known
        .clone()
        .unwrap_or_else(|| format!("{from}: answered {status}"));
    Err(match status {
        // A path that is not there has an error too, but from another program.
        StatusCode::NOT_FOUND if known.is_some() => CliError::NotFound(what),
        StatusCode::GATEWAY_TIMEOUT => CliError::OutcomeUnknown(what),
        _ => CliError::Refused(what),
    })
}

fn json_of(from: &str, body: &[u8]) -> Result<Value, CliError> {
    serde_json::from_slice(body).map_err(|error| {
        CliError::Refused(format!(
            "{from}: the answer is no JSON ({error}); is this the HTTP address of a grid?"
        ))
    })
}

/// What the server says in an error.
fn error_in(body: &[u8]) -> Option<String> {
    let error: Value = serde_json::from_slice(body).ok()?;
    Some(error.get("error")?.as_str()?.to_owned())
}

async fn request(
    client: &ClientArguments,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<(StatusCode, Bytes), NoAnswer> {
    let not_sent = |what: String| NoAnswer::NotSent(what);
    let late = |timeout: Duration| format!("no answer within {timeout:?}");
    let connecting = TcpStream::connect((client.http.host(), client.http.port()));
    let stream = tokio::time::timeout(client.timeout, connecting).await;
    let stream = stream.map_err(|_elapsed| not_sent(late(client.timeout)))?;
    let stream = stream.map_err(|error| not_sent(format!("no connection: {error}")))?;
    let handshake = http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| not_sent(error.to_string()))?;
    let text = body.map(ToString::to_string).unwrap_or_default();
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, client.http.to_string())
        .header(header::CONNECTION, "close")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(text)))
        .map_err(|error| not_sent(error.to_string()))?;
    let exchange = async {
        let text = |error: hyper::Error| NoAnswer::Sent(error.to_string());
        let response = sender.send_request(request).await.map_err(text)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_LEN_MAX).collect().await;
        let body = body.map_err(|error| NoAnswer::Sent(error.to_string()))?;
        Ok((status, body.to_bytes()))
    };
    // The connection moves only while it is polled, and has nothing to say for itself.
    let both = async { tokio::join!(exchange, connection).0 };
    let answer = tokio::time::timeout(client.timeout, both).await;
    answer.unwrap_or_else(|_elapsed| Err(NoAnswer::Sent(late(client.timeout))))
}

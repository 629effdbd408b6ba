//! One GET request.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The longest answer that is read, in bytes.
const ANSWER_LEN_MAX: usize = 16 << 20;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[error("http://{address}{path}: {reason}")]
pub struct HttpError {
    address: SocketAddr,
    path: String,
    reason: String,
}

/// The status and body that a server has at a path, within 2 s.
///
/// # Errors
/// When there is no answer, or none in time.
pub async fn get(address: SocketAddr, path: &str) -> Result<(StatusCode, Bytes), HttpError> {
    let answer = tokio::time::timeout(TIMEOUT, exchange(address, path)).await;
    let answer = answer
        .map_err(|_elapsed| format!("no answer within {TIMEOUT:?}"))
        .flatten();
    answer.map_err(|reason| HttpError {
        address,
        path: path.to_owned(),
        reason,
    })
}

async fn exchange(address: SocketAddr, path: &str) -> Result<(StatusCode, Bytes), String> {
    let text = |error: hyper::Error| error.to_string();
    let stream = TcpStream::connect(address).await;
    let stream = stream.map_err(|error| format!("no connection: {error}"))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(text)?;
    let request = Request::get(path)
        .header(header::HOST, address.to_string())
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(text)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_LEN_MAX).collect().await;
        Ok((status, body.map_err(|error| error.to_string())?.to_bytes()))
    };
    // The connection moves only while it is polled, and has nothing to say for itself.
    let (answer, _connection) = tokio::join!(answer, connection);
    answer
}

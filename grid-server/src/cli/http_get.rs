//! One GET request.

use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use super::arguments::ClientArguments;
use super::error::CliError;

/// The longest answer that is read, in bytes.
const ANSWER_LEN_MAX: usize = 256 << 20;

/// The JSON that the server of the arguments has at a path.
///
/// # Errors
/// When there is no answer within the time, or it is not 200 with JSON in it.
pub(super) async fn get_json(client: &ClientArguments, path: &'static str) -> Result<Value, CliError> {
    let from = format!("http://{}{path}", client.http);
    let answer = tokio::time::timeout(client.timeout, get(client, path)).await;
    let answer = answer
        .map_err(|_elapsed| format!("no answer within {:?}", client.timeout))
        .flatten();
    let (status, body) = answer.map_err(|reason| {
        let advice = "check that the server runs, and its address with --http HOST:PORT or GRID_HTTP";
        CliError::Unreachable(format!("{from}: {reason}; {advice}"))
    })?;
    if status != StatusCode::OK {
        return Err(CliError::Refused(format!(
            "{from}: answered {status}; is this the HTTP address of a grid?"
        )));
    }
    serde_json::from_slice(&body).map_err(|error| {
        CliError::Refused(format!(
            "{from}: the answer is no JSON ({error}); is this the HTTP address of a grid?"
        ))
    })
}

async fn get(client: &ClientArguments, path: &'static str) -> Result<(StatusCode, bytes::Bytes), String> {
    let text = |error: hyper::Error| error.to_string();
    let stream = TcpStream::connect((client.http.host(), client.http.port())).await;
    let stream = stream.map_err(|error| format!("no connection: {error}"))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(text)?;
    let request = Request::get(path)
        .header(header::HOST, client.http.to_string())
        .header(header::CONNECTION, "close")
        .body(Empty::<bytes::Bytes>::new())
        .map_err(|error| error.to_string())?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(text)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_LEN_MAX).collect().await;
        Ok((status, body.map_err(|error| error.to_string())?.to_bytes()))
    };
    // The connection moves only while it is polled, and has nothing to say for itself.
    let (answer, _connection) = tokio::join!(exchange, connection);
    answer
}

//! The gRPC port of a member that has not joined its cluster yet.

use std::time::Duration;

use grid_client::Session;
use grid_server::grpc::{RefusalLimits, refuse_all};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

use crate::grpc_peer::soon;

const LIMITS: RefusalLimits = RefusalLimits {
    connections_max: 2,
    connection_age_max: Duration::from_millis(100),
};

#[tokio::test]
async fn every_call_is_told_to_come_later() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let connecting = Session::builder()
        .address(&address)
        .connect_timeout(Duration::from_secs(1))
        .connect();
    let refused = tokio::select! {
        never = refuse_all(&listener, LIMITS) => match never {},
        refused = connecting => refused.unwrap_err().to_string(),
    };
    assert!(refused.contains("status 14"), "{refused}");
}

#[tokio::test]
async fn connections_are_bounded_in_number_and_age() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let silent = async {
        let mut streams = Vec::new();
        for _ in 0..3 {
            streams.push(TcpStream::connect(address).await.unwrap());
        }
        // The third is closed as one too many, the others when they are old.
        for stream in streams.iter_mut().rev() {
            let mut all = Vec::new();
            let _closed_or_reset = stream.read_to_end(&mut all).await;
        }
    };
    tokio::select! {
        never = refuse_all(&listener, LIMITS) => match never {},
        () = soon(silent) => {}
    }
}

//! A name service for trying clients of Coherence on it: it says that gRPC is served where the arguments say.
//!
//! ```sh
//! cargo run -p grid-discovery --example name_service -- 127.0.0.1:7574 127.0.0.1:1408 127.0.0.1:1409
//! ```

use std::net::SocketAddr;

use bytes::Bytes;
use grid_core::membership::{HostId, Location, Member, MemberId, MemberInfo, MemberPhase, ProcessId};
use grid_discovery::name_service::{Facts, serve};
use tokio::net::TcpListener;

#[expect(clippy::disallowed_methods, reason = "an example has no supervisor")]
#[expect(clippy::print_stderr, reason = "an example says what happens")]
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let listen: SocketAddr = arguments
        .next()
        .ok_or("the address to listen at is missing")?
        .parse()?;
    let grpc: Vec<SocketAddr> = arguments
        .map(|address| address.parse())
        .collect::<Result<_, _>>()?;
    let listener = TcpListener::bind(listen).await?;
    let member = |(number, grpc): (u64, &SocketAddr)| Member {
        id: MemberId::new(number),
        info: MemberInfo {
            process: ProcessId::new(number.into()),
            host: HostId::new(1),
            name: format!("member{number}"),
            address: listen,
            grpc: Some(*grpc),
            http: None,
            location: Location::default(),
            role: String::new(),
            storage: true,
            weight: 100,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        },
        phase: MemberPhase::Ready,
    };
    let facts = Facts {
        cluster: "girih".into(),
        process: ProcessId::new(1),
        port: listen.port(),
        members: (1..).zip(&grpc).map(member).collect(),
    };
    loop {
        let (stream, client) = listener.accept().await?;
        let facts = facts.clone();
        tokio::spawn(async move {
            match serve(stream, Bytes::new(), || facts.clone()).await {
                Ok(()) => eprintln!("{client}: done"),
                Err(error) => eprintln!("{client}: {error}"),
            }
        });
    }
}

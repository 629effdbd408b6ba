//! Listening on configured addresses.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::config::HostPort;

use super::StartError;

/// What an address is for, and how it is configured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listen {
    pub(super) what: &'static str,
    pub(super) flag: &'static str,
    pub(super) variable: &'static str,
    pub(super) key: &'static str,
}

impl Listen {
    pub(super) const GRPC: Listen = Listen {
        what: "gRPC clients",
        flag: "--grpc",
        variable: "GRID_GRPC_ADDRESS",
        key: "grpc.address",
    };
    pub(super) const HTTP: Listen = Listen {
        what: "HTTP",
        flag: "--http",
        variable: "GRID_HTTP_ADDRESS",
        key: "http.address",
    };
    pub(super) const MEMBERS: Listen = Listen {
        what: "other members",
        flag: "--listen",
        variable: "GRID_MEMBER_LISTEN",
        key: "member.listen",
    };
}

/// Listens.
///
/// # Errors
/// When the name has no address, other machines could connect and that is not accepted, or the system refuses.
pub(super) async fn bind(
    listen: Listen,
    address: &HostPort,
    insecure: bool,
) -> Result<TcpListener, StartError> {
    let addresses = resolve(listen, address, insecure).await?;
    TcpListener::bind(&addresses[..])
        .await
        .map_err(|error| StartError::cannot_listen(listen, address, &error))
}

/// Checks that other machines cannot connect, unless that is accepted.
///
/// # Errors
/// As [`bind`], but for what only listening can find out.
pub(super) async fn refuse_exposure(
    listen: Listen,
    address: &HostPort,
    insecure: bool,
) -> Result<(), StartError> {
    resolve(listen, address, insecure).await?;
    Ok(())
}

async fn resolve(listen: Listen, address: &HostPort, insecure: bool) -> Result<Vec<SocketAddr>, StartError> {
    let found = tokio::net::lookup_host((address.host(), address.port())).await;
    let addresses: Vec<SocketAddr> = found
        .map_err(|error| StartError::cannot_listen(listen, address, &error))?
        .collect();
    if addresses.is_empty() {
        let error = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        return Err(StartError::cannot_listen(listen, address, &error));
    }
    if !insecure && !addresses.iter().all(|found| found.ip().is_loopback()) {
        let Listen { what, flag, .. } = listen;
        return Err(StartError::Exposed {
            address: address.clone(),
            port: address.port(),
            what,
            flag,
        });
    }
    Ok(addresses)
}

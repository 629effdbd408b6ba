//! Listening on configured addresses.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::config::{Config, HostPort};

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

/// Where the member will listen: the address that the name has, if nobody listens there yet.
///
/// When the port of a member that joins nobody is the default one and taken, any free one is as good: nobody was told
/// which it is.
///
/// # Errors
/// As [`bind`].
pub(super) async fn address_for_members(config: &Config) -> Result<SocketAddr, StartError> {
    let listen = &config.member.listen;
    // Through TLS nobody comes in without a certificate; who looks the cluster up reads where it is, and no more.
    let insecure = config.security.insecure || config.member.tls.is_set();
    let probed = match bind(Listen::MEMBERS, listen, insecure).await {
        Ok(probe) => probe.local_addr(),
        Err(StartError::PortInUse { .. }) if is_nobodys_port(config) => {
            let free = bind(Listen::MEMBERS, &HostPort::loopback(0), insecure)
                .await?
                .local_addr();
            if let Ok(free) = free {
                tracing::warn!(%listen, %free, "another process listens for members there; taking a free port");
            }
            free
        }
        Err(error) => return Err(error),
    };
    let mut address = probed.map_err(|error| StartError::unusable(Listen::MEMBERS, &error))?;
    // Others are told the port of "any address" before the member listens, so it is chosen here.
    if listen.port() == 0 && !address.ip().is_unspecified() {
        address.set_port(0);
    }
    Ok(address)
}

fn is_nobodys_port(config: &Config) -> bool {
    let (default, cluster) = (Config::default().member.listen, &config.cluster);
    config.member.listen == default
        && config.member.advertise.is_none()
        && cluster.join.is_none()
        && cluster.discover.is_none()
}

/// What the name of an address stands for.
///
/// # Errors
/// When the name has no address.
pub(super) async fn resolve_one(listen: Listen, address: &HostPort) -> Result<SocketAddr, StartError> {
    // What others are told opens nothing.
    let mut found = resolve(listen, address, true).await?.into_iter();
    found
        .next()
        .ok_or_else(|| StartError::cannot_listen(listen, address, &no_address()))
}

async fn resolve(listen: Listen, address: &HostPort, insecure: bool) -> Result<Vec<SocketAddr>, StartError> {
    let found = tokio::net::lookup_host((address.host(), address.port())).await;
    let addresses: Vec<SocketAddr> = found
        .map_err(|error| StartError::cannot_listen(listen, address, &error))?
        .collect();
    if addresses.is_empty() {
        return Err(StartError::cannot_listen(listen, address, &no_address()));
    }
    if !insecure && !addresses.iter().all(|found| found.ip().is_loopback()) {
        let Listen { what, flag, .. } = listen;
        return Err(StartError::Exposed {
            address: address.clone(),
            port: address.port(),
            what,
            flag,
            or_tls: if flag == Listen::MEMBERS.flag {
                ", give members certificates with --member-tls-certificate, --member-tls-key and --member-tls-authority"
            } else {
                ""
            },
        });
    }
    Ok(addresses)
}

fn no_address() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "the name has no address")
}

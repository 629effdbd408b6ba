//! Why a server does not start.

use std::io;

use crate::config::HostPort;

use super::bind::Listen;
use super::member_tls::MemberTlsError;

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Another process listens there.
    #[error(
        "cannot listen on {address} for {what}: another process uses this port; stop it (`ss -ltnp 'sport = :{port}'` \
         tells which it is), or choose another address with {flag} HOST:PORT, {variable} or {key} in the \
         configuration file (port 0 takes any free one)"
    )]
    PortInUse {
        /// Where.
        address: HostPort,
        /// Its port.
        port: u16,
        /// Who would connect there.
        what: &'static str,
        /// The flag that changes it.
        flag: &'static str,
        /// The variable that changes it.
        variable: &'static str,
        /// The setting that changes it.
        key: &'static str,
    },
    /// The system refuses the address.
    #[error(
        "cannot listen on {address} for {what}: {reason}; choose another address with {flag} HOST:PORT or {key}"
    )]
    Unusable {
        /// Where.
        address: String,
        /// Who would connect there.
        what: &'static str,
        /// The system's words.
        reason: String,
        /// The flag that changes it.
        flag: &'static str,
        /// The setting that changes it.
        key: &'static str,
    },
    /// The address is open to other machines.
    #[error(
        "{address}, for {what}, can be reached from other machines, and there is no encryption and no \
         authentication; choose a loopback address with {flag} (such as 127.0.0.1:{port}){or_tls}, or accept that with \
         --insecure (security.insecure = true)"
    )]
    Exposed {
        /// Where.
        address: HostPort,
        /// Its port.
        port: u16,
        /// Who would connect there.
        what: &'static str,
        /// The flag that changes it.
        flag: &'static str,
        /// What else can be done, if there is something.
        or_tls: &'static str,
    },
    /// Members cannot talk through TLS.
    #[error(transparent)]
    MemberTls(#[from] MemberTlsError),
    /// Members cannot be looked for.
    #[error("cluster.discover: {0}")]
    Discovery(#[source] grid_discovery::SettingsError),
    /// The member ended before it had joined.
    #[error("the member ended before it had joined its cluster; its log says why: {0}")]
    Joining(#[source] grid_core::cache::CacheError),
    /// The member cannot be made.
    #[error(transparent)]
    Member(#[from] grid_member::BuildError),
}

impl StartError {
    /// The system refuses an address that was bound.
    pub(super) fn unusable(listen: Listen, error: &io::Error) -> Self {
        let Listen { what, flag, key, .. } = listen;
        StartError::Unusable {
            address: "the address".to_owned(),
            what,
            reason: error.to_string(),
            flag,
            key,
        }
    }

    pub(super) fn cannot_listen(listen: Listen, address: &HostPort, error: &io::Error) -> Self {
        let Listen {
            what,
            flag,
            variable,
            key,
        } = listen;
        if error.kind() == io::ErrorKind::AddrInUse {
            let port = address.port();
            return StartError::PortInUse {
                address: address.clone(),
                port,
                what,
                flag,
                variable,
                key,
            };
        }
        StartError::Unusable {
            address: address.to_string(),
            what,
            reason: error.to_string(),
            flag,
            key,
        }
    }
}

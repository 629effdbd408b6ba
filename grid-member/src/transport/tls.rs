//! TLS between members: both sides show a certificate of the same authority.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use grid_core::store::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{CertificateError, ClientConfig, Error, RootCertStore, ServerConfig};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// The stream of a connection through TLS.
pub(super) type TlsStream = tokio_rustls::TlsStream<Begun>;

const NO_CERTIFICATE: &str =
    "it has no certificate (-----BEGIN CERTIFICATE-----); one in DER must be converted first";

/// Why the TLS settings can't be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A text has not the PEM that it must have.
    #[error("{what} can't be read as PEM: {problem}")]
    Pem {
        /// Which text.
        what: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The key is not the one of the certificate.
    #[error("the key is not the one of the certificate; give the key that the certificate was made with")]
    Key,
    /// The certificate counts no more.
    #[error("the certificate has expired{when}; have a new one made")]
    Expired {
        /// On which day, if that is known, as in " on 2026-01-31".
        when: String,
    },
    /// The certificate does not count yet.
    #[error("the certificate is not valid yet{when}; is the clock of this machine right?")]
    NotYet {
        /// Before which day, if that is known, as in " before 2026-01-31".
        when: String,
    },
    /// None of the authorities made the certificate.
    #[error(
        "the certificate is of none of the authorities; give the certificate of the authority that made it, and in the \
         certificate's file those between the two"
    )]
    Authority,
    /// The certificate is for something else than members do.
    #[error(
        "the certificate is not made for both ends of a connection; its extended key usage must have serverAuth and \
         clientAuth, or be left out"
    )]
    Purpose,
    /// The certificate is for another name or address.
    #[error(
        "the certificate is not for {name}; have one made with it as a subject alternative name, or say the name that the \
         certificates of all members have"
    )]
    Name {
        /// What other members look for in it.
        name: String,
    },
    /// The certificates, the key or the name can't be used for another reason.
    #[error("the TLS settings do not fit together: {problem}")]
    Settings {
        /// What is wrong.
        problem: String,
    },
}

/// TLS 1.3 for members, with certificates shown and wanted on both sides.
#[derive(Clone)]
pub struct TlsSettings {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
    name: Option<ServerName<'static>>,
    own: Arc<Own>,
}

/// What this member shows, and how others look at it.
struct Own {
    chain: Vec<CertificateDer<'static>>,
    of_clients: Arc<dyn ClientCertVerifier>,
    of_servers: Arc<WebPkiServerVerifier>,
}

impl std::fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsSettings")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl TlsSettings {
    /// Settings from PEM texts: this member's certificate with its chain, its key, and the authorities whose certificates
    /// are taken from others.
    ///
    /// The certificate of a member that is dialled must be for `name`, the same for all members; without one, for the IP
    /// address that is dialled. Whether this member's own is one that others take, [`check`](Self::check) says.
    ///
    /// # Errors
    /// The texts can't be read, or do not fit together.
    pub fn new(
        certificates: &[u8],
        key: &[u8],
        authorities: &[u8],
        name: Option<&str>,
    ) -> Result<Self, TlsError> {
        let chain = certificates_of("the certificate", certificates)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| pem("the key", &no_key(&error)))?;
        let mut roots = RootCertStore::empty();
        for authority in certificates_of("the authority", authorities)? {
            roots.add(authority).map_err(|error| unfit(&error))?;
        }
        let roots = Arc::new(roots);
        // Given here and never made the default of the process, which belongs to the application.
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let versions = &[&rustls::version::TLS13];
        let of_clients =
            WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider))
                .build()
                .map_err(|error| unfit(&error))?;
        let of_servers = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider))
            .build()
            .map_err(|error| unfit(&error))?;
        let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions)
            .and_then(|config| {
                config
                    .with_client_cert_verifier(Arc::clone(&of_clients))
                    .with_single_cert(chain.clone(), key.clone_key())
            })
            .map_err(misfit)?;
        let client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .and_then(|config| {
                config
                    .with_webpki_verifier(Arc::clone(&of_servers))
                    .with_client_auth_cert(chain.clone(), key)
            })
            .map_err(misfit)?;
        let name = name
            .map(|name| ServerName::try_from(name.to_owned()))
            .transpose()
            .map_err(|error| unfit(&error))?;
        Ok(TlsSettings {
            server: Arc::new(server),
            client: Arc::new(client),
            name,
            own: Arc::new(Own {
                chain,
                of_clients,
                of_servers,
            }),
        })
    }

    /// Looks at this member's own certificate as other members with the same authorities and the same name will, when they
    /// dial it at `address`.
    ///
    /// # Errors
    /// Why they will refuse it.
    pub fn check(&self, address: IpAddr, now: Timestamp) -> Result<(), TlsError> {
        let Own {
            chain,
            of_clients,
            of_servers,
        } = &*self.own;
        let Some((own, between)) = chain.split_first() else {
            return Err(pem("the certificate", &NO_CERTIFICATE));
        };
        let now = UnixTime::since_unix_epoch(Duration::from_millis(now.as_unix_ms()));
        of_clients.verify_client_cert(own, between, now).map_err(misfit)?;
        let name = self
            .name
            .clone()
            .unwrap_or_else(|| ServerName::IpAddress(address.into()));
        let as_server = of_servers.verify_server_cert(own, between, &name, &[], now);
        as_server.map(|_verified| ()).map_err(|error| match error {
            Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            ) => TlsError::Name {
                name: name.to_str().into_owned(),
            },
            error => misfit(error),
        })
    }

    /// The listener's side; `received` was read already. With the error comes the connection, on which the other end was
    /// told why, if it reads on.
    pub(super) async fn accept(
        &self,
        stream: TcpStream,
        received: BytesMut,
    ) -> Result<TlsStream, (io::Error, TcpStream)> {
        let begun = Begun { received, stream };
        let accepting = TlsAcceptor::from(Arc::clone(&self.server)).accept(begun);
        match accepting.into_fallible().await {
            Ok(accepted) => Ok(accepted.into()),
            Err((error, begun)) => Err((error, begun.stream)),
        }
    }

    /// The dialer's side.
    pub(super) async fn connect(&self, stream: TcpStream, address: SocketAddr) -> io::Result<TlsStream> {
        let name = self
            .name
            .clone()
            .unwrap_or_else(|| ServerName::IpAddress(address.ip().into()));
        let begun = Begun {
            received: BytesMut::new(),
            stream,
        };
        let connector = TlsConnector::from(Arc::clone(&self.client));
        Ok(connector.connect(name, begun).await?.into())
    }
}

fn unfit(error: &dyn std::fmt::Display) -> TlsError {
    TlsError::Settings {
        problem: error.to_string(),
    }
}

/// What rustls says about certificates and keys that do not fit.
fn misfit(error: Error) -> TlsError {
    match error {
        Error::InconsistentKeys(_) => TlsError::Key,
        Error::InvalidCertificate(error) => match error {
            CertificateError::Expired => TlsError::Expired { when: String::new() },
            CertificateError::ExpiredContext { not_after, .. } => TlsError::Expired {
                when: format!(" on {}", day(not_after)),
            },
            CertificateError::NotValidYet => TlsError::NotYet { when: String::new() },
            CertificateError::NotValidYetContext { not_before, .. } => TlsError::NotYet {
                when: format!(" before {}", day(not_before)),
            },
            // An authority of the same name is another one.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => TlsError::Authority,
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                TlsError::Purpose
            }
            other => unfit(&other),
        },
        other => unfit(&other),
    }
}

/// The day of a time in UTC, as in 2026-01-31.
fn day(time: UnixTime) -> String {
    // In years that begin in March, the day that only some have is their last.
    let days = time.as_secs() / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

fn no_key(error: &rustls::pki_types::pem::Error) -> String {
    match error {
        rustls::pki_types::pem::Error::NoItemsFound => {
            "it has no private key (-----BEGIN PRIVATE KEY-----), or one that needs a password; give one without"
                .to_owned()
        }
        other => other.to_string(),
    }
}

fn pem(what: &'static str, error: &dyn std::fmt::Display) -> TlsError {
    TlsError::Pem {
        what,
        problem: error.to_string(),
    }
}

fn certificates_of(what: &'static str, text: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    match read {
        Ok(certificates) if certificates.is_empty() => Err(pem(what, &NO_CERTIFICATE)),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(pem(what, &error)),
    }
}

/// A connection from which something was read already.
#[derive(Debug)]
pub(super) struct Begun {
    received: BytesMut,
    stream: TcpStream,
}

impl AsyncRead for Begun {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.received.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let len = self.received.len().min(buf.remaining());
        buf.put_slice(&self.received[..len]);
        self.received.advance(len);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Begun {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (seconds, shown) in [
            (0, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (1_767_225_599, "2025-12-31"),
            (4_107_542_400, "2100-03-01"),
        ] {
            assert_eq!(
                day(UnixTime::since_unix_epoch(Duration::from_secs(seconds))),
                shown
            );
        }
    }
}

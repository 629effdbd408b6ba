//! TLS between members: both sides show a certificate of the same authority.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, BytesMut};
use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// The stream of a connection through TLS.
pub(super) type TlsStream = tokio_rustls::TlsStream<Begun>;

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
    /// The certificates, the key or the name do not fit.
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
    /// address that is dialled.
    ///
    /// # Errors
    /// The texts can't be read, or do not fit together.
    pub fn new(
        certificates: &[u8],
        key: &[u8],
        authorities: &[u8],
        name: Option<&str>,
    ) -> Result<Self, TlsError> {
        let unfit = |error: &dyn std::fmt::Display| TlsError::Settings {
            problem: error.to_string(),
        };
        let chain = certificates_of("the certificate", certificates)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| pem("the key", &error))?;
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
                    .with_client_cert_verifier(of_clients)
                    .with_single_cert(chain.clone(), key.clone_key())
            })
            .map_err(|error| unfit(&error))?;
        let client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .and_then(|config| {
                config
                    .with_webpki_verifier(of_servers)
                    .with_client_auth_cert(chain, key)
            })
            .map_err(|error| unfit(&error))?;
        let name = name
            .map(|name| ServerName::try_from(name.to_owned()))
            .transpose()
            .map_err(|error| unfit(&error))?;
        Ok(TlsSettings {
            server: Arc::new(server),
            client: Arc::new(client),
            name,
        })
    }

    /// The listener's side; `received` was read already.
    pub(super) async fn accept(&self, stream: TcpStream, received: BytesMut) -> io::Result<TlsStream> {
        let begun = Begun { received, stream };
        let accepted = TlsAcceptor::from(Arc::clone(&self.server)).accept(begun).await?;
        Ok(accepted.into())
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

fn pem(what: &'static str, error: &dyn std::fmt::Display) -> TlsError {
    TlsError::Pem {
        what,
        problem: error.to_string(),
    }
}

fn certificates_of(what: &'static str, text: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    match read {
        Ok(certificates) if certificates.is_empty() => Err(pem(what, &"it has no certificate")),
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

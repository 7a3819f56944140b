//! The door to the network: one port for agents, which show a certificate, and browsers, which have none.
//!
//! Promise: TLS 1.3 only. A certificate that is not of our own CA ends the connection, and the log says why. What a
//! request knows of its sender is read from the certificate once per connection. Start at [`Door`] and [`Peer`].

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::middleware::AddExtension;
use axum_server::accept::Accept;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use ed25519_dalek::VerifyingKey;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ServerConfig, WebPkiClientVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tower::Layer;
use tracing::{debug, warn};
use uuid::Uuid;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::X509Certificate;

use crate::authority::{Authority, AuthorityError};
use motcua_shared::calendar::{LocalTime, local};

/// An agent, as its certificate names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    pub unit: String,
    pub stream: Uuid,
    pub serial: Vec<u8>,
    pub public_key: VerifyingKey,
    pub expires_at: LocalTime,
}

/// The connection on which a request came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wire {
    pub remote: SocketAddr,
    /// Absent for browsers and for agents that are not enrolled yet.
    pub peer: Option<Peer>,
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    #[error("TLS cannot be set up: {0}")]
    Setup(String),
}

/// How we speak TLS.
pub fn server_config(authority: &Authority, hosts: &[String], now: LocalTime) -> Result<RustlsConfig, TlsError> {
    let setup = |problem: &dyn std::fmt::Display| TlsError::Setup(problem.to_string());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(authority.ca_der().clone()).map_err(|error| setup(&error))?;
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone()).allow_unauthenticated().build();
    let (chain, key) = authority.server_identity(hosts, now)?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| setup(&error))?
        .with_client_cert_verifier(Arc::new(AlsoExpired(verifier.map_err(|error| setup(&error))?)))
        .with_single_cert(chain, key)
        .map_err(|error| setup(&error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(RustlsConfig::from_config(Arc::new(config)))
}

/// Lets in whom we know even when the certificate has expired: an office that was without a line for months renews it.
/// What else it may do then is for the request to decide, see [`Peer::expires_at`].
#[derive(Debug)]
struct AlsoExpired(Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for AlsoExpired {
    fn offer_client_auth(&self) -> bool {
        self.0.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.0.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        use CertificateError::{Expired, ExpiredContext};
        match self.0.verify_client_cert(end_entity, intermediates, now) {
            Err(rustls::Error::InvalidCertificate(Expired | ExpiredContext { .. })) => {
                let expired = || rustls::Error::InvalidCertificate(Expired);
                let last = last_moment(end_entity).and_then(|at| u64::try_from(at).ok()).ok_or_else(expired)?;
                self.0.verify_client_cert(end_entity, intermediates, UnixTime::since_unix_epoch(Duration::from_secs(last)))
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// The last second in which a certificate counts, seconds since 1970.
fn last_moment(der: &CertificateDer) -> Option<i64> {
    let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
    Some(certificate.validity().not_after.timestamp())
}

/// Accepts connections and tells every request who is at the other end.
#[derive(Clone)]
pub struct Door {
    tls: RustlsAcceptor,
}

impl Door {
    pub fn new(config: RustlsConfig) -> Door {
        Door { tls: RustlsAcceptor::new(config) }
    }
}

type Accepted<S> = (TlsStream<TcpStream>, AddExtension<S, Wire>);

impl<S: Send + 'static> Accept<TcpStream, S> for Door {
    type Stream = TlsStream<TcpStream>;
    type Service = AddExtension<S, Wire>;
    type Future = Pin<Box<dyn Future<Output = io::Result<Accepted<S>>> + Send>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let tls = self.tls.clone();
        Box::pin(async move {
            let remote = stream.peer_addr()?;
            stream.set_nodelay(true)?;
            let (stream, service) = tls.accept(stream, service).await.inspect_err(|error| tell_refusal(remote, error))?;
            let peer = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first()).map(read_peer).transpose();
            let peer = peer.map_err(|problem| {
                warn!(%remote, reason = problem, "connection refused: a certificate of ours that names no agent");
                io::Error::new(io::ErrorKind::InvalidData, problem)
            })?;
            Ok((stream, Extension(Wire { remote, peer }).layer(service)))
        })
    }
}

/// axum-server drops the reason of a failed handshake: here it is told.
fn tell_refusal(remote: SocketAddr, error: &io::Error) {
    let tls = error.get_ref().and_then(|source| source.downcast_ref::<rustls::Error>());
    let reason = match tls {
        None if matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) => {
            return debug!(%remote, "the line was cut during the handshake");
        }
        None => error.to_string(),
        Some(rustls::Error::InvalidCertificate(problem)) => match problem {
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "the client certificate was issued by another CA".to_owned()
            }
            other => format!("the client certificate is not valid: {other}"),
        },
        Some(rustls::Error::AlertReceived(alert)) => format!("the client refused us: {alert:?}"),
        Some(other) => other.to_string(),
    };
    warn!(%remote, reason, "TLS handshake refused");
}

fn read_peer(der: &CertificateDer) -> Result<Peer, &'static str> {
    let (_, certificate) = x509_parser::parse_x509_certificate(der).map_err(|_| "it cannot be read")?;
    let (unit, stream) = subject(&certificate).ok_or("it has no unit and stream")?;
    let key: Option<[u8; 32]> = certificate.public_key().subject_public_key.data.as_ref().try_into().ok();
    let public_key = key.and_then(|key| VerifyingKey::from_bytes(&key).ok()).ok_or("its key is not Ed25519")?;
    let expires_at = chrono::DateTime::from_timestamp(certificate.validity().not_after.timestamp(), 0);
    let expires_at = local(expires_at.ok_or("it has no end")?);
    Ok(Peer { unit, stream, serial: certificate.raw_serial().to_vec(), public_key, expires_at })
}

fn subject(certificate: &X509Certificate) -> Option<(String, Uuid)> {
    let names = certificate.subject_alternative_name().ok()??;
    names.value.general_names.iter().find_map(|name| {
        let GeneralName::URI(uri) = name else { return None };
        let (unit, stream) = uri.strip_prefix("urn:motcua:unit:")?.split_once(":stream:")?;
        Some((unit.to_owned(), Uuid::parse_str(stream).ok()?))
    })
}

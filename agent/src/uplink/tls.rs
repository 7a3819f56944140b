//! TLS 1.3 as the agent speaks it: with its own certificate to the one CA it enrolled with.
//!
//! Promise: no other CA of the system is ever trusted with anything. Start at [`mutual`] and [`trusting_only`].

use std::fs;
use std::path::Path;
use std::sync::Arc;

use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::{EncodePrivateKey, spki::der::pem::LineEnding};
use motcua_shared::enrolment::{EnrolmentCode, ca_fingerprint};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use motcua_shared::calendar::{LocalTime, local};
use uuid::Uuid;

use super::{Identity, UplinkError};

fn unusable(problem: impl std::fmt::Display) -> UplinkError {
    UplinkError::Identity(problem.to_string())
}

/// A request for a certificate that names the unit and stream, signed with the stream's key. PEM.
pub fn certificate_request(key: &SigningKey, unit: &str, stream: Uuid) -> Result<String, UplinkError> {
    let pem = key.to_pkcs8_pem(LineEnding::LF).map_err(unusable)?;
    let key = KeyPair::from_pem(&pem).map_err(unusable)?;
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, format!("{unit} {stream}"));
    parameters.serialize_request(&key).and_then(|request| request.pem()).map_err(unusable)
}

/// Shows the certificate of a stream of this PC and trusts the aggregator's CA only.
pub fn mutual(identity: &Identity, stream: Uuid) -> Result<ClientConfig, UplinkError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&identity.ca())? {
        roots.add(certificate).map_err(unusable)?;
    }
    let key = PrivateKeyDer::from_pem_file(identity.key(stream)).map_err(unusable)?;
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(unusable)?
        .with_root_certificates(roots)
        .with_client_auth_cert(certificates(&identity.certificate(stream))?, key)
        .map_err(unusable)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, UplinkError> {
    CertificateDer::pem_slice_iter(&pem(path)?).collect::<Result<_, _>>().map_err(unusable)
}

fn pem(path: &Path) -> Result<Vec<u8>, UplinkError> {
    fs::read(path).map_err(|error| unusable(format!("{}: {error}", path.display())))
}

/// When a certificate ends.
pub fn ends_at(path: &Path) -> Result<LocalTime, UplinkError> {
    let der = certificates(path)?.into_iter().next().ok_or_else(|| unusable(path.display()))?;
    let (_, certificate) = x509_parser::parse_x509_certificate(&der).map_err(unusable)?;
    let ends = chrono::DateTime::from_timestamp(certificate.validity().not_after.timestamp(), 0);
    ends.map(local).ok_or_else(|| unusable(path.display()))
}

/// Names the CA in a file, as one-time codes do.
pub fn ca_fingerprint_in(path: &Path) -> Result<[u8; 16], UplinkError> {
    pem_fingerprint(&pem(path)?).ok_or_else(|| unusable(path.display()))
}

/// Names the first certificate in `pem`.
pub fn pem_fingerprint(pem: &[u8]) -> Option<[u8; 16]> {
    CertificateDer::from_pem_slice(pem).ok().map(|certificate| ca_fingerprint(&certificate))
}

/// Trusts only a server whose CA has the fingerprint in `code`.
pub fn trusting_only(code: &EnrolmentCode) -> Result<ClientConfig, UplinkError> {
    let provider = Arc::new(ring::default_provider());
    let verifier = PinnedCa { fingerprint: code.ca_fingerprint, provider: Arc::clone(&provider) };
    Ok(ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(unusable)?
        .dangerous() // the verifier below is stricter than the default, not laxer
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

/// Believes nobody, but listens to anybody: only to see who answers at an address whose certificate was refused.
pub fn trusting_nobody() -> Result<ClientConfig, UplinkError> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Anybody { provider: Arc::clone(&provider) };
    Ok(ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(unusable)?
        .dangerous() // nothing is told to the other side, and nothing that it says is believed
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

/// Accepts every certificate.
#[derive(Debug)]
struct Anybody {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::PeerIncompatible(rustls::PeerIncompatible::Tls12NotOffered))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Accepts a chain only if it holds the CA with this fingerprint and leads to it.
#[derive(Debug)]
struct PinnedCa {
    fingerprint: [u8; 16],
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for PinnedCa {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let authority = intermediates
            .iter()
            .find(|certificate| ca_fingerprint(certificate) == self.fingerprint)
            .ok_or(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer))?;
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone().into_owned())?;
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&self.provider))
            .build()
            .map_err(|error| rustls::Error::General(error.to_string()))?
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::PeerIncompatible(rustls::PeerIncompatible::Tls12NotOffered))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// What a failed request means to a person: a broken line, or a refusal that trying again will not mend.
pub fn explain(error: &reqwest::Error) -> UplinkError {
    let mut source: Option<&dyn std::error::Error> = Some(error);
    while let Some(cause) = source {
        if let Some(tls) = tls_error(cause) {
            return explain_tls(tls);
        }
        source = cause.source();
    }
    tracing::debug!(error = ?error, "the request failed");
    let what = if error.is_connect() { "không nối được máy chủ" } else { "đường truyền bị ngắt" };
    UplinkError::Offline(what.to_owned())
}

/// The TLS error in `cause`, however many I/O errors it is wrapped in.
fn tls_error<'a>(cause: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    let wrapped = || cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    cause.downcast_ref().or_else(|| wrapped().and_then(|inner| tls_error(inner)))
}

/// Why there is no trust between this PC and who answers. Trying again does not mend it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    #[error(
        "máy chủ này không có chứng thư của huyện đã cấp mã đăng ký; chưa gửi gì cho máy chủ này. Hãy kiểm tra địa chỉ và mã"
    )]
    UnknownCa,
    #[error("chứng thư của máy chủ chưa có hiệu lực; hãy kiểm tra ngày giờ của máy này")]
    NotYetValid,
    #[error("chứng thư của máy chủ đã hết hiệu lực; hãy kiểm tra ngày giờ của máy này")]
    Expired,
    #[error("chứng thư của máy chủ không ghi tên trong địa chỉ đã nhập; hãy dùng đúng địa chỉ huyện cho")]
    OtherName,
    /// The aggregator ends the handshake.
    #[error("huyện không chấp nhận chứng thư của máy này; hãy xin mã đăng ký mới")]
    NotAccepted,
}

fn explain_tls(error: &rustls::Error) -> UplinkError {
    use rustls::{AlertDescription, Error};
    let distrust = match error {
        Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => Distrust::Expired,
        Error::InvalidCertificate(CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }) => {
            Distrust::NotYetValid
        }
        Error::InvalidCertificate(CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }) => {
            Distrust::OtherName
        }
        // Of another CA, or of a version or a kind that ours never issues.
        Error::InvalidCertificate(_) => Distrust::UnknownCa,
        Error::AlertReceived(
            AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateRequired
            | AlertDescription::DecryptError
            | AlertDescription::AccessDenied,
        ) => Distrust::NotAccepted,
        Error::InvalidMessage(_)
        | Error::InappropriateMessage { .. }
        | Error::InappropriateHandshakeMessage { .. }
        | Error::PeerIncompatible(_)
        | Error::AlertReceived(AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure) => {
            return UplinkError::Stranger("không nói TLS 1.3".to_owned());
        }
        _ => return UplinkError::Offline("đường truyền bị ngắt".to_owned()),
    };
    distrust.into()
}

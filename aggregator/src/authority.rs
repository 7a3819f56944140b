//! Who may speak here: the CA of this aggregator, the certificates that it issues, enrolment codes, and the key that
//! signs receipts.
//!
//! Promise: private keys are readable by their owner only and leave neither this module nor the directory. A code works
//! once, for one unit, for a day; only a hash of its secret is kept. Start at [`Authority::open`] and [`enrol`].

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use chrono::{Days, Duration};
use data_encoding::HEXLOWER;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use ed25519_dalek::{SigningKey, VerifyingKey};
use motcua_shared::bundle::Lock;
use motcua_shared::calendar::LocalTime;
use motcua_shared::decision::Decisions;
use motcua_shared::enrolment::{EnrolmentCode, ca_fingerprint};
use motcua_shared::entry::Seq;
use motcua_shared::reference::Statement;
use motcua_shared::unit::code_of;
use motcua_shared::wire::{CertificateRequest, EnrolRequest, Enrolled, MAX_SEGMENT, PROTOCOL, Receipt, Signed};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyPair, KeyUsagePurpose, PKCS_ED25519, PublicKeyData, SanType, SerialNumber,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tracing::{info, warn};
use uuid::Uuid;

use crate::rollup;
use crate::store::{Certificate, Held, Node, Store, StoreError, Stream, in_transaction};
use crate::tls::Peer;

/// How long an enrolment code can be used, unless somebody asks for longer.
pub const CODE_DAYS: u16 = 1;
const CA_DAYS: u64 = 20 * 365;
const SERVER_DAYS: u64 = 2 * 365;
const CLIENT_DAYS: u64 = 365;
/// A server certificate that expires sooner is issued anew.
const RENEW_DAYS: u64 = 30;
/// Daily numbers of a unit's first stream, and how many each later one gets.
const FIRST_NUMBERS: (u32, u32) = (1, 4_999);
const NUMBER_BLOCK: u32 = 500;
const LAST_NUMBER: u32 = 9_999;

/// Why keys or certificates are not to be had.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    #[error("{path}: {source}")]
    File { path: PathBuf, source: io::Error },
    #[error("{path} is damaged: {problem}")]
    Damaged { path: PathBuf, problem: String },
    #[error("a certificate could not be made: {0}")]
    Certificate(#[from] rcgen::Error),
    #[error("{0} is neither a host name nor an address")]
    Host(String),
}

/// Chance from the operating system.
pub fn chance<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system has chance");
    bytes
}

/// The keys of this aggregator.
pub struct Authority {
    identity: PathBuf,
    ca_pem: String,
    ca_der: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
    receipt_key: SigningKey,
}

impl Authority {
    /// Where the keys of a data directory are.
    pub fn directory(data: &Path) -> PathBuf {
        data.join("identity")
    }

    /// Makes CA, receipt key and server certificate.
    pub fn create(data: &Path, node: &Node, now: LocalTime) -> Result<Authority, AuthorityError> {
        let identity = Authority::directory(data);
        private_directory(&identity)?;
        let key = KeyPair::generate()?;
        let ca = ca_params(node, now).self_signed(&key)?;
        write(&identity.join("ca-key.pem"), key.serialize_pem().as_bytes(), Reader::Owner)?;
        write(&identity.join("ca.pem"), ca.pem().as_bytes(), Reader::Anybody)?;
        let receipt_key = SigningKey::from_bytes(&chance());
        let receipt_pem = receipt_key.to_pkcs8_pem(LineEnding::LF);
        let receipt_pem = receipt_pem.map_err(|error| damaged(&identity.join("receipt-key.pem"), &error))?;
        write(&identity.join("receipt-key.pem"), receipt_pem.as_bytes(), Reader::Owner)?;
        let authority = Authority::open(data)?;
        authority.issue_server_certificate(&node.hosts, now)?;
        Ok(authority)
    }

    pub fn open(data: &Path) -> Result<Authority, AuthorityError> {
        let identity = Authority::directory(data);
        let ca_path = identity.join("ca.pem");
        let ca_pem = read(&ca_path)?;
        let ca_der = CertificateDer::from_pem_slice(ca_pem.as_bytes()).map_err(|error| damaged(&ca_path, &error))?;
        let key_path = identity.join("ca-key.pem");
        let key = KeyPair::from_pem(&read(&key_path)?).map_err(|error| damaged(&key_path, &error))?;
        let issuer = Issuer::from_ca_cert_pem(&ca_pem, key).map_err(|error| damaged(&ca_path, &error))?;
        let receipt_path = identity.join("receipt-key.pem");
        let receipt_key = SigningKey::from_pkcs8_pem(&read(&receipt_path)?).map_err(|error| damaged(&receipt_path, &error))?;
        Ok(Authority { identity, ca_pem, ca_der, issuer, receipt_key })
    }

    /// The certificate that everybody here trusts, PEM.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    pub fn ca_der(&self) -> &CertificateDer<'static> {
        &self.ca_der
    }

    /// 32 hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        HEXLOWER.encode(&self.ca_fingerprint())
    }

    /// The same as in the one-time codes.
    pub fn ca_fingerprint(&self) -> [u8; 16] {
        ca_fingerprint(&self.ca_der)
    }

    /// The lock of the letters between this district and the holder of `stream_key`.
    pub fn lock(&self, stream_key: &VerifyingKey) -> Lock {
        Lock::between(&self.receipt_key, stream_key)
    }

    /// Verifies receipts.
    pub fn receipt_key(&self) -> VerifyingKey {
        self.receipt_key.verifying_key()
    }

    /// The server's certificate with the CA behind it, and its key; a new one when the old one expires within 30 days.
    pub fn server_identity(
        &self,
        hosts: &[String],
        now: LocalTime,
    ) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), AuthorityError> {
        let path = self.identity.join("server.pem");
        if path.exists() && expires_after(&path, now + Days::new(RENEW_DAYS))? {
            return self.read_server_identity();
        }
        info!("server certificate issued anew");
        self.issue_server_certificate(hosts, now)?;
        self.read_server_identity()
    }

    fn read_server_identity(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), AuthorityError> {
        let (path, key_path) = (self.identity.join("server.pem"), self.identity.join("server-key.pem"));
        let pem = read(&path)?;
        let chain = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>();
        let key = PrivateKeyDer::from_pem_slice(read(&key_path)?.as_bytes()).map_err(|error| damaged(&key_path, &error))?;
        Ok((chain.map_err(|error| damaged(&path, &error))?, key))
    }

    fn issue_server_certificate(&self, hosts: &[String], now: LocalTime) -> Result<(), AuthorityError> {
        let mut params = params(now, SERVER_DAYS);
        params.distinguished_name.push(DnType::CommonName, hosts.first().map_or("motcua", String::as_str));
        params.subject_alt_names = hosts.iter().map(|host| san(host)).collect::<Result<_, _>>()?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        write(&self.identity.join("server-key.pem"), key.serialize_pem().as_bytes(), Reader::Owner)?;
        write(&self.identity.join("server.pem"), format!("{}{}", certificate.pem(), self.ca_pem).as_bytes(), Reader::Anybody)
    }

    /// A certificate for the key in `request`, in the name of `unit` and `stream`. What the request asks for besides its
    /// key counts for nothing.
    fn issue(&self, request: ClientRequest, unit: &str, stream: Uuid, now: LocalTime) -> Result<Certificate, AuthorityError> {
        let mut params = params(now, CLIENT_DAYS);
        params.distinguished_name.push(DnType::CommonName, unit);
        let uri = format!("urn:motcua:unit:{unit}:stream:{stream}");
        params.subject_alt_names = vec![SanType::URI(uri.try_into()?)];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let serial = params.serial_number.as_ref().map(SerialNumber::to_bytes).unwrap_or_default();
        let mut parsed = request.parsed;
        parsed.params = params;
        let pem = parsed.signed_by(&self.issuer)?.pem();
        let expires_at = now + Days::new(CLIENT_DAYS);
        Ok(Certificate { serial, stream, unit: unit.to_owned(), issued_at: now, expires_at, revoked: false, pem })
    }

    /// Signs what is held. Only for rows that are committed.
    pub fn receipt(
        &self,
        node: &Node,
        stream: Uuid,
        held: Held,
        forked_at: Option<Seq>,
        nonce: [u8; 16],
        now: LocalTime,
    ) -> Signed {
        let receipt = Receipt {
            protocol: PROTOCOL,
            server_id: node.server_id,
            epoch: node.epoch,
            stream,
            stored_through: held.stored.seq,
            hash: held.stored.hash.0,
            quarantined: held.quarantined,
            forked_at,
            nonce,
            at_ms: now.timestamp_millis(),
            reference_version: node.reference_version,
            night_slot_s: held.night_slot_s,
            max_segment: u32::try_from(MAX_SEGMENT).unwrap_or(u32::MAX),
            compared: held.compared.map(|hash| hash.0.into()),
            kept_aside: held.kept_aside,
            reasons: Some(held.reasons).filter(|reasons| !reasons.is_empty()),
            decisions: Some(held.decisions),
        };
        Signed::receipt(&receipt, &self.receipt_key)
    }

    /// Signs what was decided about findings.
    pub fn decisions(&self, decisions: &Decisions) -> Signed {
        decisions.sign(&self.receipt_key)
    }

    /// Signs a version of the reference data.
    pub fn reference(&self, statement: &Statement) -> Signed {
        statement.sign(&self.receipt_key)
    }
}

fn params(now: LocalTime, days: u64) -> CertificateParams {
    let mut params = CertificateParams::default();
    // Office PCs with an empty clock battery live in the past.
    params.not_before = moment(now - Days::new(1));
    params.not_after = moment(now + Days::new(days));
    params.distinguished_name = DistinguishedName::new();
    params.use_authority_key_identifier_extension = true;
    let mut serial: [u8; 16] = chance();
    serial[0] = serial[0] & 0x3F | 0x40; // positive, and of the same length however it is written
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params
}

fn ca_params(node: &Node, now: LocalTime) -> CertificateParams {
    let mut params = params(now, CA_DAYS);
    params.use_authority_key_identifier_extension = false;
    params.distinguished_name.push(DnType::CommonName, format!("Một Cửa {}", node.code));
    params.distinguished_name.push(DnType::OrganizationName, node.server_id.to_string());
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn moment(at: LocalTime) -> time::OffsetDateTime {
    time::OffsetDateTime::from_unix_timestamp(at.timestamp()).unwrap_or(time::OffsetDateTime::UNIX_EPOCH)
}

fn san(host: &str) -> Result<SanType, AuthorityError> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(SanType::IpAddress(address));
    }
    let named = rustls::pki_types::DnsName::try_from(host).ok().and_then(|_| host.try_into().ok());
    named.map(SanType::DnsName).ok_or_else(|| AuthorityError::Host(host.to_owned()))
}

/// Names of the server: what was asked for, and always this machine itself. Bad ones are refused.
pub fn server_names(asked: &[String]) -> Result<Vec<String>, AuthorityError> {
    let mut names: Vec<String> = asked.iter().map(|host| host.trim().to_owned()).filter(|host| !host.is_empty()).collect();
    for own in ["localhost", "127.0.0.1"] {
        if !names.iter().any(|name| name == own) {
            names.push(own.to_owned());
        }
    }
    names.iter().try_for_each(|name| san(name).map(drop))?;
    Ok(names)
}

fn expires_after(path: &Path, moment: LocalTime) -> Result<bool, AuthorityError> {
    let der = CertificateDer::from_pem_slice(read(path)?.as_bytes()).map_err(|error| damaged(path, &error))?;
    let (_, certificate) = x509_parser::parse_x509_certificate(&der).map_err(|error| damaged(path, &error))?;
    Ok(certificate.validity().not_after.timestamp() > moment.timestamp())
}

fn damaged(path: &Path, problem: &dyn std::fmt::Display) -> AuthorityError {
    AuthorityError::Damaged { path: path.to_owned(), problem: problem.to_string() }
}

fn read(path: &Path) -> Result<String, AuthorityError> {
    fs::read_to_string(path).map_err(|source| AuthorityError::File { path: path.to_owned(), source })
}

/// Who may read a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    Owner,
    Anybody,
}

/// Writes a file whole or not at all: beside its place first, then into it.
pub fn write(path: &Path, bytes: &[u8], reader: Reader) -> Result<(), AuthorityError> {
    let beside = path.with_added_extension("new");
    let result = (|| {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, if reader == Reader::Owner { 0o600 } else { 0o644 });
        #[cfg(not(unix))]
        let _ = reader;
        let mut file = options.open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        // Its name too is on the stick before anybody pulls it out, where the file system can promise that.
        let _ = path.parent().map(File::open).map(|folder| folder.and_then(|folder| folder.sync_all()));
        Ok(())
    })();
    result.map_err(|source| AuthorityError::File { path: path.to_owned(), source })
}

/// Makes a directory that only its owner can enter.
pub fn private_directory(path: &Path) -> Result<(), AuthorityError> {
    let result = fs::create_dir_all(path).and_then(|()| {
        #[cfg(unix)]
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
        Ok(())
    });
    result.map_err(|source| AuthorityError::File { path: path.to_owned(), source })
}

/// Why an enrolment is refused. The words are for the person at the commune.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    #[error("Không có mã đăng ký này. Hãy kiểm tra lại mã, hoặc xin huyện cấp mã mới.")]
    UnknownCode,
    #[error("Mã đăng ký đã hết hạn. Hãy xin huyện cấp mã mới.")]
    Expired,
    #[error("Mã đăng ký đã được dùng cho một máy khác. Mỗi mã chỉ dùng một lần; hãy xin huyện cấp mã mới.")]
    Used,
    #[error("Mã đăng ký được cấp cho đơn vị khác, không phải đơn vị {0}. Hãy xin huyện cấp mã cho đúng đơn vị.")]
    OtherUnit(String),
    #[error("Yêu cầu cấp chứng thư không hợp lệ: {0}. Hãy cập nhật chương trình rồi đăng ký lại.")]
    Request(String),
    #[error("Luồng dữ liệu này đã được đăng ký với khóa khác hoặc cho đơn vị khác. Hãy khởi tạo lại máy này.")]
    StreamTaken,
    #[error("Chứng thư của luồng này đã bị thu hồi. Hãy liên hệ huyện.")]
    Revoked,
    #[error("Đơn vị {0} đã dùng hết các khoảng số hồ sơ. Hãy báo huyện để thu hồi máy cũ.")]
    NoNumbersLeft(String),
}

/// A certificate request whose own signature holds, for an Ed25519 key.
struct ClientRequest {
    parsed: CertificateSigningRequestParams,
    key: [u8; 32],
}

fn client_request(pem: &str) -> Result<ClientRequest, EnrolError> {
    let parsed = CertificateSigningRequestParams::from_pem(pem).map_err(|error| EnrolError::Request(error.to_string()))?;
    let ed25519 = parsed.public_key.algorithm() == &PKCS_ED25519;
    let key: Option<[u8; 32]> = parsed.public_key.der_bytes().try_into().ok().filter(|_| ed25519);
    let key = key.filter(|key| VerifyingKey::from_bytes(key).is_ok());
    let key = key.ok_or_else(|| EnrolError::Request("khóa phải là Ed25519".to_owned()))?;
    Ok(ClientRequest { parsed, key })
}

/// Makes a one-time code for an office of `unit`, good for so many days.
pub fn enrolment_code(
    store: &mut dyn Store,
    authority: &Authority,
    unit: &str,
    days: u16,
    now: LocalTime,
) -> Result<(EnrolmentCode, LocalTime), StoreError> {
    let code = EnrolmentCode::new(chance(), authority.ca_der());
    let expires = now + Duration::days(days.into());
    store.enrolment_add(EnrolmentCode::secret_hash(&code.secret), unit, now, expires)?;
    Ok((code, expires))
}

/// Lets an agent in that shows a good code: certificate, CA, receipt key, dossier numbers. The same request again gets
/// the same answer again, because answers get lost.
pub fn enrol(
    store: &mut dyn Store,
    authority: &Authority,
    request: &EnrolRequest,
    now: LocalTime,
) -> Result<Enrolled, EnrolError> {
    let client = client_request(&request.request_pem);
    let result = in_transaction(store, |store| {
        let client = client?;
        let (stream, pem) = admit(store, authority, request, client, now)?;
        Ok(answer(store, authority, &stream, pem)?)
    });
    let (unit, stream) = (&request.unit, request.stream);
    match &result {
        Ok(_) => info!(unit = %loggable(unit), %stream, "agent enrolled"),
        Err(EnrolError::Store(_) | EnrolError::Authority(_)) => {}
        Err(error) => warn!(unit = %loggable(unit), %stream, reason = reason(error), "enrolment refused"),
    }
    result
}

/// Another certificate for an agent that we know: for its own stream, or for one of its unit in which its PC goes on.
/// Whoever holds `peer`'s key speaks for the unit already, so nothing is given away.
pub fn certify(
    store: &mut dyn Store,
    authority: &Authority,
    peer: &Peer,
    request: &CertificateRequest,
    now: LocalTime,
) -> Result<Enrolled, EnrolError> {
    let client = client_request(&request.request_pem)?;
    let enrolled = in_transaction(store, |store| {
        let stream = match store.stream_find(request.stream)? {
            Some(stream) if stream.unit == peer.unit && stream.public_key == client.key => stream,
            Some(_) => return Err(EnrolError::StreamTaken),
            None => {
                let stream = new_stream(store, &peer.unit, request.stream, client.key, now)?;
                store.stream_opened_by(stream.id, peer.stream)?;
                stream
            }
        };
        let issued = store.certificates(stream.id)?;
        if stream.id != peer.stream && !issued.is_empty() && issued.iter().all(|certificate| certificate.revoked) {
            return Err(EnrolError::Revoked);
        }
        // Answers get lost: the same question on the same day is no reason for another one.
        let recent =
            issued.iter().find(|issued| !issued.revoked && !issued.pem.is_empty() && now < issued.issued_at + Days::new(1));
        let pem = if let Some(recent) = recent {
            recent.pem.clone()
        } else {
            let certificate = authority.issue(client, &stream.unit, stream.id, now)?;
            store.certificate_add(&certificate)?;
            certificate.pem
        };
        Ok(answer(store, authority, &stream, pem)?)
    });
    match &enrolled {
        Ok(_) => info!(unit = %peer.unit, stream = %request.stream, by = %peer.stream, "certificate issued"),
        Err(EnrolError::Store(_) | EnrolError::Authority(_)) => {}
        Err(error) => warn!(unit = %peer.unit, stream = %request.stream, reason = reason(error), "certificate refused"),
    }
    enrolled
}

/// What an enrolled agent is told.
pub fn answer(
    store: &dyn Store,
    authority: &Authority,
    stream: &Stream,
    certificate_pem: String,
) -> Result<Enrolled, StoreError> {
    Ok(Enrolled {
        certificate_pem,
        ca_pem: authority.ca_pem.clone(),
        server_id: rollup::node(store)?.server_id,
        receipt_key: authority.receipt_key().to_bytes(),
        unit_name: unit_name(store, &stream.unit)?,
        numbers_from: stream.numbers_from,
        numbers_to: stream.numbers_to,
    })
}

/// What a stranger calls its unit, made fit for a log.
pub fn loggable(unit: &str) -> String {
    unit.chars().filter(char::is_ascii_alphanumeric).take(20).collect()
}

fn reason(error: &EnrolError) -> &'static str {
    match error {
        EnrolError::Store(_) | EnrolError::Authority(_) => "fault of our own",
        EnrolError::UnknownCode => "unknown code",
        EnrolError::Expired => "expired code",
        EnrolError::Used => "used code",
        EnrolError::OtherUnit(_) => "code of another unit",
        EnrolError::Request(_) => "bad certificate request",
        EnrolError::StreamTaken => "stream enrolled with another key or unit",
        EnrolError::Revoked => "revoked stream",
        EnrolError::NoNumbersLeft(_) => "no dossier numbers left",
    }
}

fn admit(
    store: &mut dyn Store,
    authority: &Authority,
    request: &EnrolRequest,
    client: ClientRequest,
    now: LocalTime,
) -> Result<(Stream, String), EnrolError> {
    let secret_hash = EnrolmentCode::secret_hash(&request.secret);
    let enrolment = store.enrolment_find(secret_hash)?.ok_or(EnrolError::UnknownCode)?;
    if code_of(&enrolment.unit) != request.unit {
        return Err(EnrolError::OtherUnit(loggable(&request.unit)));
    }
    let known = store.stream_find(request.stream)?;
    if let Some(used_by) = enrolment.used_by {
        let issued = store.certificates(request.stream)?.into_iter().find(|issued| !issued.revoked);
        return match (known, issued) {
            (Some(stream), Some(issued)) if used_by == (client.key, request.stream) => Ok((stream, issued.pem)),
            _ => Err(EnrolError::Used),
        };
    }
    if enrolment.expires_at <= now {
        return Err(EnrolError::Expired);
    }
    let stream = match known {
        Some(stream) if stream.unit == enrolment.unit && stream.public_key == client.key => stream,
        Some(_) => return Err(EnrolError::StreamTaken),
        None => new_stream(store, &enrolment.unit, request.stream, client.key, now)?,
    };
    store.enrolment_use(secret_hash, client.key, stream.id, now)?;
    let certificate = authority.issue(client, &stream.unit, stream.id, now)?;
    store.certificate_add(&certificate)?;
    Ok((stream, certificate.pem))
}

fn new_stream(store: &mut dyn Store, unit: &str, id: Uuid, key: [u8; 32], now: LocalTime) -> Result<Stream, EnrolError> {
    let (numbers_from, numbers_to) = match store.numbers_taken(unit)? {
        None => FIRST_NUMBERS,
        Some(taken) => (taken + 1, taken + NUMBER_BLOCK),
    };
    if numbers_to > LAST_NUMBER {
        return Err(EnrolError::NoNumbersLeft(unit.to_owned()));
    }
    let stream = Stream { id, unit: unit.to_owned(), public_key: key, numbers_from, numbers_to };
    store.stream_add(&stream, now)?;
    Ok(stream)
}

/// Takes an agent up again that was enrolled after the backup from which this database came back: its certificate is of
/// our CA, and that is all that is left to know of it. What was revoked after the backup has to be revoked again.
pub fn readmit(store: &mut dyn Store, peer: &Peer, now: LocalTime) -> Result<Certificate, EnrolError> {
    let key = peer.public_key.to_bytes();
    match store.stream_find(peer.stream)? {
        Some(stream) if stream.unit == peer.unit && stream.public_key == key => stream,
        Some(_) => return Err(EnrolError::StreamTaken),
        None => new_stream(store, &peer.unit, peer.stream, key, now)?,
    };
    let certificate = Certificate {
        serial: peer.serial.clone(),
        stream: peer.stream,
        unit: peer.unit.clone(),
        issued_at: now,
        expires_at: peer.expires_at,
        revoked: false,
        pem: String::new(),
    };
    store.certificate_add(&certificate)?;
    warn!(unit = %peer.unit, stream = %peer.stream, "agent readmitted: it was enrolled after the backup");
    Ok(certificate)
}

/// The name of the unit with this key.
pub fn unit_name(store: &dyn Store, key: &str) -> Result<String, StoreError> {
    Ok(store.organisation()?.name(key).to_owned())
}

#[cfg(test)]
mod tests {
    use motcua_shared::entry::Head;
    use motcua_shared::wire::AgentReport;

    use super::*;
    use crate::ingest::tests::{District, UNIT, noon};

    struct Office {
        district: District,
        authority: Authority,
    }

    impl Office {
        fn new() -> Office {
            let district = District::new();
            let node =
                Node { hosts: server_names(&[]).expect("names"), ..district.store.node_find().expect("read").expect("there") };
            let authority = Authority::create(district.directory.path(), &node, noon()).expect("made");
            Office { district, authority }
        }

        fn code(&mut self, unit: &str) -> EnrolmentCode {
            enrolment_code(&mut self.district.store, &self.authority, unit, CODE_DAYS, noon()).expect("made").0
        }

        fn enrol(&mut self, request: &EnrolRequest, at: LocalTime) -> Result<Enrolled, EnrolError> {
            enrol(&mut self.district.store, &self.authority, request, at)
        }
    }

    fn request(code: &EnrolmentCode, unit: &str, stream: u128, key: u8) -> EnrolRequest {
        let pem = SigningKey::from_bytes(&[key; 32]).to_pkcs8_pem(LineEnding::LF).expect("a key");
        let pair = KeyPair::from_pem(&pem).expect("a key");
        let request_pem = CertificateParams::default().serialize_request(&pair).expect("made").pem().expect("PEM");
        let stream = Uuid::from_u128(stream);
        let report = AgentReport {
            protocol: PROTOCOL,
            version: "0.1.0".to_owned(),
            head_seq: 0,
            head_hash: Head::genesis(stream).hash.0,
            now_ms: 0,
            nonce: [0; 16],
            last_receipt: None,
            compare_at: None,
            compare_hash: None,
        };
        EnrolRequest { secret: code.secret.to_vec(), unit: unit.to_owned(), stream, request_pem, report }
    }

    #[test]
    fn a_code_works_once_and_a_lost_answer_is_given_again() {
        let mut office = Office::new();
        let code = office.code(UNIT);
        let asked = request(&code, UNIT, 1, 1);
        let enrolled = office.enrol(&asked, noon()).expect("enrolled");
        assert_eq!((enrolled.numbers_from, enrolled.numbers_to), (1, 4_999));
        assert_eq!(office.enrol(&asked, noon() + Duration::hours(30)).expect("again"), enrolled);
        assert!(matches!(office.enrol(&request(&code, UNIT, 1, 2), noon()), Err(EnrolError::Used)));
        assert!(matches!(office.enrol(&request(&code, UNIT, 2, 1), noon()), Err(EnrolError::Used)));
    }

    #[test]
    fn unknown_expired_and_foreign_codes_are_each_refused() {
        let mut office = Office::new();
        let code = office.code(UNIT);
        let unknown = EnrolmentCode::new([9; 10], office.authority.ca_der());
        assert!(matches!(office.enrol(&request(&unknown, UNIT, 1, 1), noon()), Err(EnrolError::UnknownCode)));
        assert!(matches!(office.enrol(&request(&code, "11074", 1, 1), noon()), Err(EnrolError::OtherUnit(_))));
        let late = noon() + Duration::days(CODE_DAYS.into());
        assert!(matches!(office.enrol(&request(&code, UNIT, 1, 1), late), Err(EnrolError::Expired)));
        assert!(office.enrol(&request(&code, UNIT, 1, 1), noon()).is_ok(), "refusals do not use a code up");
        let mut bad = request(&office.code(UNIT), UNIT, 3, 3);
        bad.request_pem = "x".to_owned();
        assert!(matches!(office.enrol(&bad, noon()), Err(EnrolError::Request(_))));
        let other = request(&office.code(UNIT), UNIT, 1, 2);
        assert!(matches!(office.enrol(&other, noon()), Err(EnrolError::StreamTaken)));
    }

    #[test]
    fn each_further_agent_of_a_unit_gets_its_own_numbers() {
        let mut office = Office::new();
        let mut block = |stream: u8| {
            let code = office.code(UNIT);
            office.enrol(&request(&code, UNIT, u128::from(stream), stream), noon())
        };
        let blocks: Vec<(u32, u32)> = (1..=11)
            .map(|stream| block(stream).map(|enrolled| (enrolled.numbers_from, enrolled.numbers_to)).expect("enrolled"))
            .collect();
        assert_eq!((blocks[0], blocks[1], blocks[2], blocks[10]), ((1, 4_999), (5_000, 5_499), (5_500, 5_999), (9_500, 9_999)));
        assert!(matches!(block(12), Err(EnrolError::NoNumbersLeft(_))));
    }

    #[test]
    fn a_certificate_names_unit_and_stream_whatever_was_asked_for() {
        let mut office = Office::new();
        let code = office.code(UNIT);
        let enrolled = office.enrol(&request(&code, UNIT, 7, 1), noon()).expect("enrolled");
        let der = CertificateDer::from_pem_slice(enrolled.certificate_pem.as_bytes()).expect("PEM");
        let (_, certificate) = x509_parser::parse_x509_certificate(&der).expect("a certificate");
        let issued =
            office.district.store.certificate_find(certificate.raw_serial()).expect("read").expect("known by its serial");
        assert_eq!((issued.unit.as_str(), issued.stream), (UNIT, Uuid::from_u128(7)));
        assert_eq!(issued.pem, enrolled.certificate_pem);
        assert!(!certificate.is_ca());
    }

    #[cfg(unix)]
    #[test]
    fn private_keys_are_for_their_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let office = Office::new();
        let identity = Authority::directory(office.district.directory.path());
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(&identity), 0o700);
        for key in ["ca-key.pem", "server-key.pem", "receipt-key.pem"] {
            assert_eq!(mode(&identity.join(key)), 0o600, "{key}");
        }
    }

    #[test]
    fn the_server_certificate_is_renewed_before_it_expires() {
        let office = Office::new();
        let hosts = server_names(&["aggregator.example".to_owned()]).expect("names");
        let chain = |at| office.authority.server_identity(&hosts, at).expect("a chain").0;
        let first = chain(noon());
        assert_eq!(first[1], *office.authority.ca_der());
        assert_eq!(chain(noon() + Days::new(SERVER_DAYS - RENEW_DAYS - 1)), first);
        assert_ne!(chain(noon() + Days::new(SERVER_DAYS - RENEW_DAYS)), first);
        assert!(matches!(server_names(&["two words".to_owned()]), Err(AuthorityError::Host(_))));
    }
}

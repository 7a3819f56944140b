//! The certificates with which the other PCs of the office talk to this one: a small CA of its own, and a certificate for
//! each address by which this PC is called.
//!
//! Promise: the CA is made once and lives long; what it signs is renewed by itself and fits the address that a browser
//! came to, also after the router gave another one. Whoever trusts this CA trusts it with this PC's name and with private
//! addresses, and with nothing else. Start at [`Lan::open`] and [`Lan::server_config`].

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::Days;
use motcua_shared::calendar::LocalTime;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, NameConstraints, SanType, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tracing::info;

use crate::office::{Identity, OfficeError, private_file};

/// How long a certificate for an address counts before the moment it is made: other PCs' clocks may be slow.
const BEFORE_DAYS: u64 = 30;
/// How long it counts from then on, and after how long another takes its place.
const AFTER_DAYS: u64 = 365;
const RENEW_DAYS: u64 = 300;
/// Stands for this PC where its name cannot stand in a certificate: a CA that names nobody may sign for everybody.
const NAMELESS: &str = "mot-cua.internal";

/// Why other PCs cannot be answered.
#[derive(Debug, thiserror::Error)]
pub enum LanError {
    #[error(transparent)]
    Office(#[from] OfficeError),
    #[error("chứng thư của mạng nội bộ trong {0} không dùng được: {1}. Hãy xóa thư mục đó; các máy khác phải tin lại từ đầu")]
    Damaged(PathBuf, String),
    #[error("không cấp được chứng thư cho mạng nội bộ: {0}")]
    Issue(#[from] rcgen::Error),
    #[error("không thiết lập được kết nối mã hóa: {0}")]
    Tls(#[from] rustls::Error),
}

/// A certificate in use.
struct Leaf {
    config: Arc<ServerConfig>,
    made_at: LocalTime,
}

impl Leaf {
    /// Whether it still serves. After the clock was set back it would not count yet.
    fn serves(&self, now: LocalTime) -> bool {
        now < self.made_at + Days::new(RENEW_DAYS) && now + Days::new(BEFORE_DAYS) > self.made_at
    }
}

/// What this PC shows to the others.
pub struct Lan {
    ca_pem: String,
    ca_der: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
    /// This PC's name in small letters, if the CA may speak for it.
    name: Option<String>,
    leaves: Mutex<BTreeMap<IpAddr, Leaf>>,
}

impl Lan {
    /// The CA of `data`, made if there is none yet.
    pub fn open(data: &Path) -> Result<Lan, LanError> {
        let identity = Identity::of(data);
        let folder = identity.directory().join("lan");
        let (ca_path, key_path) = (folder.join("ca.pem"), folder.join("ca-key.pem"));
        if !ca_path.exists() {
            identity.make(data)?;
            identity.lan_directory()?;
            let (ca, key) = ca(host_name().as_deref())?;
            // The certificate last: where it is, the key is looked for.
            private_file(&key_path, key.serialize_pem().as_bytes())?;
            private_file(&ca_path, ca.as_bytes())?;
            info!("the office's own CA for its network was made");
        }
        let damaged = |problem: &dyn std::fmt::Display| LanError::Damaged(folder.clone(), problem.to_string());
        let read = |path: &Path| std::fs::read_to_string(path).map_err(|error| damaged(&error));
        let ca_pem = read(&ca_path)?;
        let ca_der = CertificateDer::from_pem_slice(ca_pem.as_bytes()).map_err(|error| damaged(&error))?;
        let key = KeyPair::from_pem(&read(&key_path)?).map_err(|error| damaged(&error))?;
        let issuer = Issuer::from_ca_cert_pem(&ca_pem, key).map_err(|error| damaged(&error))?;
        let name = named(&ca_der).filter(|name| name != NAMELESS);
        Ok(Lan { ca_pem, ca_der, issuer, name, leaves: Mutex::default() })
    }

    /// What the other PCs are to trust, PEM.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The SHA-256 of the CA as browsers show it: pairs of hexadecimal digits with colons.
    pub fn fingerprint(&self) -> String {
        let rustls::SupportedCipherSuite::Tls13(suite) = ring::cipher_suite::TLS13_AES_128_GCM_SHA256 else {
            return String::new();
        };
        let hash = suite.common.hash_provider.hash(&self.ca_der);
        hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
    }

    /// This PC's name, if it may be called so.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// How to speak TLS with somebody who came to the address `local` of this PC.
    pub fn server_config(&self, local: IpAddr, now: LocalTime) -> Result<Arc<ServerConfig>, LanError> {
        let mut leaves = self.leaves.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(leaf) = leaves.get(&local).filter(|leaf| leaf.serves(now)) {
            return Ok(Arc::clone(&leaf.config));
        }
        let config = self.issue(local, now)?;
        leaves.insert(local, Leaf { config: Arc::clone(&config), made_at: now });
        Ok(config)
    }

    fn issue(&self, local: IpAddr, now: LocalTime) -> Result<Arc<ServerConfig>, LanError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "Một Cửa");
        params.subject_alt_names = vec![SanType::IpAddress(local)];
        if let Some(name) = &self.name {
            params.subject_alt_names.push(SanType::DnsName(name.as_str().try_into()?));
        }
        params.not_before = moment(now - Days::new(BEFORE_DAYS));
        params.not_after = moment(now + Days::new(AFTER_DAYS));
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(|_| rcgen::Error::CouldNotParseKeyPair)?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone(), self.ca_der.clone()], key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        info!(address = %local, "certificate for an address of this PC issued");
        Ok(Arc::new(config))
    }
}

fn moment(at: LocalTime) -> time::OffsetDateTime {
    time::OffsetDateTime::from_unix_timestamp(at.timestamp()).unwrap_or(time::OffsetDateTime::UNIX_EPOCH)
}

/// A new CA for the PC of this name. It counts in every year that an office PC's clock may show.
fn ca(name: Option<&str>) -> Result<(String, KeyPair), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, format!("Một Cửa, máy {}", name.unwrap_or("này")));
    params.not_before = date_time_ymd(2001, 1, 1);
    params.not_after = date_time_ymd(2099, 1, 1);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let v4 = [([10, 0, 0, 0], 8), ([172, 16, 0, 0], 12), ([192, 168, 0, 0], 16), ([169, 254, 0, 0], 16), ([127, 0, 0, 0], 8)];
    let v4 = v4.map(|(address, prefix)| CidrSubnet::from_v4_prefix(address, prefix));
    let v6 = [("fc00::", 7), ("fe80::", 10), ("::1", 128)].map(|(address, prefix)| {
        let address: std::net::Ipv6Addr = address.parse().expect("a literal address");
        CidrSubnet::from_v6_prefix(address.octets(), prefix)
    });
    let mut permitted: Vec<GeneralSubtree> = v4.into_iter().chain(v6).map(GeneralSubtree::IpAddress).collect();
    permitted.push(GeneralSubtree::DnsName(name.unwrap_or(NAMELESS).to_owned()));
    params.name_constraints = Some(NameConstraints { permitted_subtrees: permitted, excluded_subtrees: Vec::new() });
    Ok((params.self_signed(&key)?.pem(), key))
}

/// The name for which a CA may speak.
fn named(ca: &CertificateDer) -> Option<String> {
    use x509_parser::extensions::GeneralName;
    let (_, certificate) = x509_parser::parse_x509_certificate(ca).ok()?;
    let constraints = certificate.name_constraints().ok()??.value;
    let dns = |base: &GeneralName| if let GeneralName::DNSName(name) = base { Some((*name).to_owned()) } else { None };
    constraints.permitted_subtrees.iter().flatten().find_map(|subtree| dns(&subtree.base))
}

/// What this PC is called in its network, where that can stand in a certificate.
fn host_name() -> Option<String> {
    let output = Command::new("hostname").output().ok()?;
    let name = String::from_utf8(output.stdout).ok()?.trim().to_ascii_lowercase();
    let sound = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    (!name.is_empty() && name != "localhost" && name.chars().all(sound) && name.starts_with(|c: char| c != '-' && c != '.'))
        .then_some(name)
}

/// The addresses of this PC in its network, as far as the system tells where it would send something to. Nothing is sent.
pub fn addresses() -> Vec<IpAddr> {
    let towards = ["192.0.2.1:9", "10.255.255.254:9", "172.31.255.254:9", "192.168.255.254:9"];
    let mut found = Vec::new();
    for towards in towards {
        let asked = std::net::UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
            socket.connect(towards)?;
            socket.local_addr()
        });
        if let Ok(address) = asked
            && !address.ip().is_unspecified()
            && !found.contains(&address.ip())
        {
            found.push(address.ip());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier;
    use rustls::pki_types::{ServerName, UnixTime};
    use std::time::Duration;

    fn noon() -> LocalTime {
        LocalTime::parse_from_rfc3339("2026-11-26T12:00:00+07:00").expect("a time")
    }

    fn days(days: u64) -> LocalTime {
        noon() + Days::new(days)
    }

    /// Whether somebody who trusts this CA believes a leaf for `address` when called `name`.
    fn is_believed(lan: &Lan, address: &str, name: &str, at: LocalTime) -> bool {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(lan.ca_der.clone()).expect("a CA");
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), provider).build().expect("a verifier");
        let mut params = CertificateParams::default();
        let address: IpAddr = address.parse().expect("an address");
        params.subject_alt_names = vec![SanType::IpAddress(address)];
        if name.parse::<IpAddr>().is_err() {
            params.subject_alt_names.push(SanType::DnsName(name.try_into().expect("a name")));
        }
        params.not_before = moment(noon());
        params.not_after = moment(days(10));
        let key = KeyPair::generate().expect("a key");
        let leaf = params.signed_by(&key, &lan.issuer).expect("signed");
        let asked = ServerName::try_from(name.to_owned()).expect("a name");
        let now = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(at.timestamp()).expect("after 1970")));
        verifier.verify_server_cert(leaf.der(), &[], &asked, &[], now).is_ok()
    }

    #[test]
    fn the_ca_is_made_once_and_speaks_for_this_network_only() {
        let data = tempfile::tempdir().expect("a directory");
        let lan = Lan::open(data.path()).expect("made");
        assert_eq!(Lan::open(data.path()).expect("there").ca_pem(), lan.ca_pem());
        for address in ["192.168.1.20", "10.0.0.7", "172.20.1.1", "127.0.0.1"] {
            assert!(is_believed(&lan, address, address, days(1)), "{address}");
        }
        assert!(!is_believed(&lan, "8.8.8.8", "8.8.8.8", days(1)), "a public address");
        assert!(!is_believed(&lan, "192.168.1.20", "bank.example", days(1)), "another name");
        if let Some(name) = lan.name() {
            assert!(is_believed(&lan, "192.168.1.20", name, days(1)));
        }
    }

    #[test]
    fn a_certificate_is_renewed_before_it_ends_and_after_the_clock_was_set_right() {
        let data = tempfile::tempdir().expect("a directory");
        let lan = Lan::open(data.path()).expect("made");
        let home: IpAddr = "192.168.1.20".parse().expect("an address");
        let config = |at| lan.server_config(home, at).expect("made");
        let first = config(noon());
        assert!(Arc::ptr_eq(&first, &config(days(RENEW_DAYS - 1))));
        let second = config(days(RENEW_DAYS));
        assert!(!Arc::ptr_eq(&first, &second));
        assert!(!Arc::ptr_eq(&second, &config(noon())), "the clock was a year ahead");
        let other: IpAddr = "192.168.1.21".parse().expect("an address");
        assert!(!Arc::ptr_eq(&config(noon()), &lan.server_config(other, noon()).expect("made")), "the router gave another one");
    }

    #[test]
    fn the_fingerprint_is_the_one_that_browsers_show() {
        let data = tempfile::tempdir().expect("a directory");
        let shown = Lan::open(data.path()).expect("made").fingerprint();
        assert!(shown.len() == 32 * 3 - 1 && shown.split(':').all(|pair| u8::from_str_radix(pair, 16).is_ok()), "{shown}");
    }

    #[cfg(unix)]
    #[test]
    fn its_key_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let data = tempfile::tempdir().expect("a directory");
        Lan::open(data.path()).expect("made");
        let mode = |path: &str| std::fs::metadata(data.path().join(path)).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode("identity/lan"), mode("identity/lan/ca-key.pem")), (0o700, 0o600));
    }
}

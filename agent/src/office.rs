//! The office's secrets and its standing: keys on disk, what `init` makes, what `status` says.
//!
//! Promise: private keys are readable by their owner only, and an office exists whole or not at all: its database is
//! moved into place last. Start at [`found`].

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use chrono::{SubsecRound, Utc};
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey, spki::der::pem::LineEnding};
use motcua_shared::calendar::{LocalTime, local};
use motcua_shared::seal::{OfficeKey, RecoveryKey};
use serde::Serialize;
use uuid::Uuid;

use crate::store::{self, Office, Standing, Store, StoreError};

/// What can go wrong with keys and the data directory.
#[derive(Debug, thiserror::Error)]
pub enum OfficeError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("không ghi được {0}: {1}")]
    Write(PathBuf, #[source] std::io::Error),
    #[error("không đọc được {0}: {1}")]
    Read(PathBuf, #[source] std::io::Error),
    #[error("tệp khóa {0} bị hỏng; hãy khôi phục thư mục dữ liệu từ bản sao lưu")]
    Key(PathBuf),
    #[error("khóa trong {0} không phải khóa của đơn vị này; chưa ghi và chưa gửi gì. Hãy đặt lại đúng tệp khóa")]
    WrongKey(PathBuf),
    #[error("mã đơn vị và tên đơn vị không được để trống")]
    Blank,
    #[error("mã định danh “{0}” không hợp lệ; chỉ gồm chữ không dấu, số và dấu chấm, ví dụ 000.11.57.H23")]
    Identifier(String),
}

/// The files of `DIR/identity`.
pub struct Identity {
    directory: PathBuf,
}

impl Identity {
    pub fn of(data: &Path) -> Identity {
        Identity { directory: data.join("identity") }
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Makes the data directory and the folder of the identity.
    pub fn make(&self, data: &Path) -> Result<(), OfficeError> {
        private_directory(data)?;
        private_directory(&self.directory)
    }

    /// Key of a stream. The first one lies where other programs look for it; each later one in a folder of its own, of
    /// which [`Identity::show`] lays a copy there.
    pub fn key(&self, stream: Uuid) -> PathBuf {
        let own = self.stream_key_place(stream);
        if own.exists() { own } else { self.directory.join(KEY) }
    }

    /// Certificate of a stream.
    pub fn certificate(&self, stream: Uuid) -> PathBuf {
        self.key(stream).with_file_name(CERTIFICATE)
    }

    /// Where the key of a stream lies that is not the first.
    pub fn stream_key_place(&self, stream: Uuid) -> PathBuf {
        self.directory.join("streams").join(stream.to_string()).join(KEY)
    }

    /// Makes the folder of a stream.
    pub fn stream_directory(&self, stream: Uuid) -> Result<(), OfficeError> {
        let place = self.stream_key_place(stream);
        place.ancestors().skip(1).take(2).collect::<Vec<_>>().into_iter().rev().try_for_each(private_directory)
    }

    /// Makes the folder of what other PCs of the office trust.
    pub fn lan_directory(&self) -> Result<(), OfficeError> {
        private_directory(&self.directory.join("lan"))
    }

    /// Lays key and certificate of a stream into its own folder, before another takes their place.
    pub fn keep_apart(&self, stream: Uuid) -> Result<(), OfficeError> {
        let place = self.stream_key_place(stream);
        if place.exists() {
            return Ok(());
        }
        self.stream_directory(stream)?;
        // The key last: where it is, the certificate is looked for.
        copy(&self.certificate(stream), &place.with_file_name(CERTIFICATE))?;
        copy(&self.directory.join(KEY), &place)
    }

    /// Lays copies of a stream's key and certificate where other programs look for them.
    pub fn show(&self, stream: Uuid) -> Result<(), OfficeError> {
        let place = self.stream_key_place(stream);
        if !place.exists() {
            return Ok(());
        }
        copy(&place.with_file_name(CERTIFICATE), &self.directory.join(CERTIFICATE))?;
        copy(&place, &self.directory.join(KEY))
    }

    pub fn ca(&self) -> PathBuf {
        self.directory.join("ca.pem")
    }

    /// The one-time code whose answer is awaited by file.
    pub fn code(&self) -> PathBuf {
        self.directory.join("enrolment.code")
    }

    pub fn office_key(&self) -> PathBuf {
        self.directory.join("office.key")
    }
}

const KEY: &str = "key.pem";
const CERTIFICATE: &str = "cert.pem";

/// Copies a private file if it is there and the copy is not the same already.
fn copy(from: &Path, to: &Path) -> Result<(), OfficeError> {
    let bytes = match fs::read(from) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(OfficeError::Read(from.to_owned(), error)),
    };
    if fs::read(to).is_ok_and(|there| there == bytes) { Ok(()) } else { private_file(to, &bytes) }
}

/// The wall clock, as the office's clocks show it, to the millisecond.
pub fn now() -> LocalTime {
    local(Utc::now().trunc_subsecs(3))
}

/// Bytes that nobody can guess.
pub fn chance<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// What an office is called.
pub struct Name<'a> {
    pub unit: &'a str,
    pub name: &'a str,
    /// First part of its dossier codes; its unit code when absent.
    pub identifier: Option<&'a str>,
}

impl Name<'_> {
    /// Unit, name and identifier as they are kept, or what is wrong with them.
    pub fn check(&self) -> Result<(String, String, String), OfficeError> {
        let unit = self.unit.trim();
        let identifier = self.identifier.unwrap_or(unit).trim();
        let name = motcua_shared::text::nfc(self.name);
        if unit.is_empty() || name.is_empty() {
            return Err(OfficeError::Blank);
        }
        if !identifier.chars().all(|c| c.is_ascii_alphanumeric() || c == '.') {
            return Err(OfficeError::Identifier(identifier.to_owned()));
        }
        Ok((unit.to_owned(), name, identifier.to_owned()))
    }
}

/// Makes a new office in `data`: its key, its stream and its database. The recovery key is told once and not kept.
pub fn found(data: &Path, name: &Name) -> Result<(Office, RecoveryKey), OfficeError> {
    let recovery = RecoveryKey::new(chance());
    let office = found_with(data, name, &recovery.office_key())?;
    Ok((office, recovery))
}

/// The same with a key that the office has already.
pub fn found_with(data: &Path, name: &Name, key: &OfficeKey) -> Result<Office, OfficeError> {
    let (unit, name, identifier) = name.check()?;
    if store::exists(data) {
        return Err(StoreError::Occupied(data.to_owned()).into());
    }
    let office = Office {
        unit,
        name,
        identifier,
        stream: Uuid::now_v7(),
        key_fingerprint: key.fingerprint(),
        numbers: (1, 9999),
        enrolment: None,
    };
    let identity = Identity::of(data);
    identity.make(data)?;
    private_file(&identity.office_key(), key.as_bytes())?;
    let stream_key = SigningKey::from_bytes(&chance());
    let path = identity.directory.join(KEY);
    let pem = stream_key.to_pkcs8_pem(LineEnding::LF).map_err(|_| OfficeError::Key(path.clone()))?;
    private_file(&path, pem.as_bytes())?;
    Store::create(data, &office, now())?;
    Ok(office)
}

/// The office's key, checked against the fingerprint that the database keeps.
pub fn office_key(data: &Path, office: &Office) -> Result<OfficeKey, OfficeError> {
    let path = Identity::of(data).office_key();
    let bytes = fs::read(&path).map_err(|error| OfficeError::Read(path.clone(), error))?;
    let key = OfficeKey::from_bytes(bytes.try_into().map_err(|_| OfficeError::Key(path.clone()))?);
    if key.fingerprint() == office.key_fingerprint { Ok(key) } else { Err(OfficeError::WrongKey(path)) }
}

/// The key that signs a stream's heads and opens its TLS connections.
pub fn stream_key(data: &Path, stream: Uuid) -> Result<SigningKey, OfficeError> {
    let path = Identity::of(data).key(stream);
    let pem = fs::read_to_string(&path).map_err(|error| OfficeError::Read(path.clone(), error))?;
    SigningKey::from_pkcs8_pem(&pem).map_err(|_| OfficeError::Key(path))
}

fn private_directory(path: &Path) -> Result<(), OfficeError> {
    let wrapped = |error| OfficeError::Write(path.to_owned(), error);
    fs::create_dir_all(path).map_err(wrapped)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(wrapped)?;
    }
    Ok(())
}

/// Writes a file that only its owner reads: whole, on disk, then moved into place.
pub fn private_file(path: &Path, bytes: &[u8]) -> Result<(), OfficeError> {
    let wrapped = |error| OfficeError::Write(path.to_owned(), error);
    let unfinished = path.with_added_extension("new");
    let _ = fs::remove_file(&unfinished);
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&unfinished).map_err(wrapped)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(wrapped)?;
    fs::rename(&unfinished, path).map_err(wrapped)?;
    // Its name too is on the stick before anybody pulls it out, where the file system can promise that.
    let _ = path.parent().map(fs::File::open).map(|folder| folder.and_then(|folder| folder.sync_all()));
    Ok(())
}

/// How the office stands with its aggregator. Every figure is read from rows; "stored" only from verified receipts.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    pub unit: String,
    pub name: String,
    pub stream: Uuid,
    pub head_seq: u64,
    pub stored_through: u64,
    pub pending: u64,
    /// Dossiers with something not yet sent.
    pub pending_dossiers: u64,
    pub epoch: Option<Uuid>,
    /// When everything was last known to be stored.
    pub last_sync_at: Option<String>,
    /// Version of the reference data in force; 0: what is built in.
    pub reference_version: u64,
    /// When it was put in force here.
    pub reference_since: Option<String>,
    /// What the district has published and this office did not take, or why it keeps what it has.
    pub reference_problem: Option<String>,
    /// Entries that the district stored and could not apply.
    pub quarantined: u64,
    /// Why, in the district's words, of the first of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub quarantine_reasons: Vec<String>,
    /// First entry of ours in whose place the district holds another: two PCs wrote in one stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forked_at: Option<u64>,
    /// Streams that this PC wrote before: it was restored from a backup, or enrolled anew.
    pub left_streams: u64,
    pub enrolled: bool,
    /// Address of the aggregator; absent when enrolled by file.
    pub aggregator: Option<String>,
    pub last_receipt_at: Option<String>,
    /// How the newest attempt ended: `complete`, or why not.
    pub last_outcome: Option<String>,
    pub last_detail: Option<String>,
    /// Since when no attempt has been complete.
    pub failing_since: Option<String>,
}

impl Status {
    pub fn read(store: &Store) -> Result<Status, StoreError> {
        let office = store.office()?;
        let head = store.head()?;
        let receipt = store.receipt_last(office.stream)?;
        let own = store.streams_own()?;
        let current = own.iter().find(|own| own.id == office.stream);
        let branch = current.and_then(|own| own.branch);
        let stored_through = stored_of(store, office.stream)?.min(branch.map_or(u64::MAX, |branch| branch.at - 1));
        let (mut pending, mut pending_dossiers) =
            (head.seq - stored_through, store.pending_dossiers(office.stream, stored_through)?);
        let left: Vec<Uuid> = own.iter().filter(|own| own.standing == Standing::Left).map(|own| own.id).collect();
        for stream in &left {
            let stored = stored_of(store, *stream)?;
            let waits = store.head_of(*stream)?.seq - stored;
            if waits > 0 {
                pending += waits;
                pending_dossiers += store.pending_dossiers(*stream, stored)?;
            }
        }
        let attempt = store.attempt_last()?;
        let in_force = store.reference_in_force()?;
        let (last, failing_since) = attempt.map_or((None, None), |(last, since)| (Some(last), since));
        Ok(Status {
            unit: office.unit,
            name: office.name,
            stream: office.stream,
            head_seq: head.seq,
            stored_through,
            pending,
            pending_dossiers,
            epoch: receipt.as_ref().map(|(receipt, _)| receipt.epoch),
            last_sync_at: store.sync_last_at()?,
            reference_version: in_force.as_ref().map_or(0, |in_force| in_force.statement.version),
            reference_since: in_force.map(|in_force| in_force.applied_at),
            reference_problem: store.reference_attempt()?.and_then(|attempt| attempt.problem),
            quarantined: receipt.as_ref().map_or(0, |(receipt, _)| receipt.quarantined.len() as u64),
            quarantine_reasons: receipt.as_ref().and_then(|(receipt, _)| receipt.reasons.clone()).unwrap_or_default(),
            forked_at: branch.map(|branch| branch.at),
            left_streams: left.len() as u64,
            enrolled: office.enrolment.is_some(),
            aggregator: office.enrolment.and_then(|enrolment| enrolment.aggregator),
            last_receipt_at: receipt.map(|(_, kept_at)| kept_at.to_rfc3339()),
            last_outcome: last.as_ref().map(|last| last.outcome.clone()),
            last_detail: last.map(|last| last.detail),
            failing_since,
        })
    }
}

/// How far a stream is stored, by its newest receipt; never more than we have of it.
fn stored_of(store: &Store, stream: Uuid) -> Result<u64, StoreError> {
    let receipt = store.receipt_last(stream)?;
    Ok(receipt.map_or(0, |(receipt, _)| receipt.stored_through).min(store.head_of(stream)?.seq))
}

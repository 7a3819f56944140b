//! A copy of the office in one file, and the office back from it.
//!
//! Promise: a backup is one consistent state, taken while the counter works; without the recovery key it tells nobody a
//! name and lets nobody speak for the office. What comes back goes on in a new stream, because the PC that made the copy
//! may have written on. Start at [`back_up`] and [`restore`].

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use motcua_shared::seal::{OfficeKey, SealError};
use tracing::info;
use uuid::Uuid;

use crate::office::{self, Identity, OfficeError, chance, now, private_file};
use crate::store::{self, Damage, Store, StoreError};
use crate::stream;

/// Why there is no backup, or no office from it.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("{0} đã có sẵn, không ghi đè. Hãy chọn tên tệp khác")]
    Exists(PathBuf),
    #[error("{0} không phải bản sao lưu của motcua-agent, hoặc bị hỏng ({1}). Chưa thay đổi gì; hãy dùng bản khác")]
    NotABackup(PathBuf, String),
    #[error("bản sao lưu có sai lệch: {0}. Chưa thay đổi gì; hãy dùng bản khác")]
    Damaged(Damage),
    #[error("khóa khôi phục không đúng với bản sao lưu này; chưa thay đổi gì. Hãy tìm đúng khóa đã in khi khởi tạo")]
    WrongKey,
    #[error("cần --recovery-key (khóa khôi phục in ra khi khởi tạo), vì thư mục này chưa có khóa của đơn vị")]
    NoKey,
    #[error("{0}: {1}")]
    File(PathBuf, #[source] std::io::Error),
    #[error(transparent)]
    Office(#[from] OfficeError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What came back.
pub struct Restored {
    pub name: String,
    pub made_at: String,
    pub entries: u64,
    pub dossiers: u64,
    pub stream: Uuid,
    pub numbers: (u32, u32),
}

/// What the lock of the identity files says that it is for.
const PURPOSE: &str = "identity in a backup";

/// Writes the office in `data` to the new file `file`.
pub fn back_up(data: &Path, file: &Path) -> Result<(), BackupError> {
    if file.exists() {
        return Err(BackupError::Exists(file.to_owned()));
    }
    let store = Store::open(data)?;
    let key = office::office_key(data, &store.office()?)?;
    let files = identity_files(Identity::of(data).directory())?;
    let bytes = serde_json::to_vec(&files).expect("names and bytes are JSON");
    let unfinished = file.with_added_extension("unfinished");
    let _ = fs::remove_file(&unfinished);
    // Made first, so that nobody else reads it even while it is written.
    private_file(&unfinished, b"")?;
    store.copy_to(&unfinished, &key.lock(PURPOSE, &bytes, chance()), now())?;
    fs::rename(&unfinished, file).map_err(|error| BackupError::File(file.to_owned(), error))
}

/// Every file of the identity except the office's key, which the recovery key gives back: name and bytes.
fn identity_files(directory: &Path) -> Result<BTreeMap<String, Vec<u8>>, BackupError> {
    let wrapped = |error| BackupError::File(directory.to_owned(), error);
    let (mut files, mut open) = (BTreeMap::new(), vec![directory.to_owned()]);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).map_err(wrapped)? {
            let path = entry.map_err(wrapped)?.path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let name = path.strip_prefix(directory).unwrap_or(&path).components();
            let name = name.map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/");
            let is_key = path.extension().is_some_and(|extension| extension == "pem" || extension == "code");
            if is_key {
                files.insert(name, fs::read(&path).map_err(wrapped)?);
            }
        }
    }
    Ok(files)
}

/// Makes the office of the backup `file` in `data`. `typed`: the office's key, from the recovery key; without it, the key
/// that lies in `data` already.
pub fn restore(data: &Path, file: &Path, typed: Option<OfficeKey>) -> Result<Restored, BackupError> {
    if store::exists(data) {
        return Err(StoreError::Occupied(data.to_owned()).into());
    }
    let bad = |problem: &dyn std::fmt::Display| BackupError::NotABackup(file.to_owned(), problem.to_string());
    let had_identity = Identity::of(data).directory().exists();
    let (mut store, locked, made_at) = Store::unpack(data, file).map_err(|error| match error {
        StoreError::Database(error) => bad(&error),
        StoreError::Broken(problem) => bad(&problem),
        error => error.into(),
    })?;
    let restored = (|| {
        let office = store.office()?;
        let key = match typed {
            Some(key) => key,
            None => office::office_key(data, &office).map_err(|error| match error {
                OfficeError::Read(..) => BackupError::NoKey,
                error => error.into(),
            })?,
        };
        if key.fingerprint() != office.key_fingerprint {
            return Err(BackupError::WrongKey);
        }
        let bytes = key.unlock(PURPOSE, &locked).map_err(|error| match error {
            SealError::WrongKey => BackupError::WrongKey,
            SealError::Unreadable => bad(&error),
        })?;
        let proof = store.verify(&key)?.map_err(BackupError::Damaged)?;
        let files: BTreeMap<String, Vec<u8>> = serde_json::from_slice(&bytes).map_err(|error| bad(&error))?;
        let stream = Uuid::now_v7();
        identity_write(data, &key, &files)?;
        stream::key_make(data, stream)?;
        Identity::of(data).keep_apart(office.stream)?;
        let numbers = upper_half(office.numbers);
        store.stream_begin(stream, numbers, now())?;
        store.settle(data)?;
        info!(%stream, left = %office.stream, "restored from a backup");
        Ok(Restored { name: office.name, made_at, entries: proof.entries, dossiers: proof.dossiers, stream, numbers })
    })();
    if restored.is_err() {
        Store::unpack_clear(data);
        if !had_identity {
            let _ = fs::remove_dir_all(Identity::of(data).directory());
        }
    }
    restored
}

fn identity_write(data: &Path, key: &OfficeKey, files: &BTreeMap<String, Vec<u8>>) -> Result<(), BackupError> {
    let identity = Identity::of(data);
    identity.make(data)?;
    private_file(&identity.office_key(), key.as_bytes())?;
    for (name, bytes) in files {
        let parts: Vec<&str> = name.split('/').collect();
        // Names as we wrote them: a file, or one of a stream's own folder. Nothing else is taken from a foreign file.
        match parts.as_slice() {
            [file] if is_plain(file) => private_file(&identity.directory().join(file), bytes)?,
            ["streams", id, file] if is_plain(file) => {
                let Ok(id) = Uuid::parse_str(id) else { continue };
                identity.stream_directory(id)?;
                private_file(&identity.stream_key_place(id).with_file_name(file), bytes)?;
            }
            // The other PCs of the office go on trusting this one.
            ["lan", file @ ("ca.pem" | "ca-key.pem")] => {
                identity.lan_directory()?;
                private_file(&identity.directory().join("lan").join(file), bytes)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn is_plain(name: &str) -> bool {
    matches!(name, "key.pem" | "cert.pem" | "ca.pem" | "enrolment.code")
}

/// The numbers that the PC which made the copy has not come to, most likely: until the district gives new ones.
fn upper_half((from, to): (u32, u32)) -> (u32, u32) {
    (from + (to - from).div_ceil(2), to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restored_pc_leaves_the_lower_numbers_to_whoever_wrote_on() {
        for (block, half) in [((1, 4999), (2500, 4999)), ((5000, 5499), (5250, 5499)), ((7, 7), (7, 7)), ((7, 8), (8, 8))] {
            assert_eq!(upper_half(block), half);
        }
    }
}

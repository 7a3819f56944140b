//! A copy of everything that this aggregator is, and a new life from it.
//!
//! Promise: a backup is one consistent state, taken while the server runs, and stands in its place whole or not at all.
//! What comes back from one is a new epoch: agents notice, and send again what the copy does not hold.
//! Start at [`back_up`] and [`restore`].

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use motcua_shared::calendar::LocalTime;
use uuid::Uuid;

use crate::authority::{Authority, AuthorityError, private_directory};
use crate::config;
use crate::store::{SqliteStore, Store, StoreError, sqlite};

/// Why there is no backup, or no new life from it.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("{0} đã có sẵn, không ghi đè. Hãy chọn một thư mục chưa có.")]
    Exists(PathBuf),
    #[error("{0} không phải bản sao lưu: thiếu {1}.")]
    NotABackup(PathBuf, &'static str),
    #[error("Bản sao lưu {0} bị hỏng ({1}). Hãy dùng bản khác; chưa thay đổi gì.")]
    Damaged(PathBuf, StoreError),
    #[error("{0}: {1}")]
    File(PathBuf, #[source] io::Error),
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Copies database, keys and settings of `data` into the new directory `target`.
pub fn back_up(data: &Path, target: &Path) -> Result<(), BackupError> {
    appear(target, |unfinished| {
        SqliteStore::open(data)?.copy_to(&unfinished.join(sqlite::FILE))?;
        copy_files(data, unfinished)
    })
}

/// Makes the new data directory `data` from a backup: the same node and keys, another epoch. Gives the epoch.
pub fn restore(backup: &Path, data: &Path, now: LocalTime) -> Result<Uuid, BackupError> {
    if !backup.join(sqlite::FILE).is_file() {
        return Err(BackupError::NotABackup(backup.to_owned(), sqlite::FILE));
    }
    if !Authority::directory(backup).is_dir() {
        return Err(BackupError::NotABackup(backup.to_owned(), "identity"));
    }
    let epoch = Uuid::now_v7();
    appear(data, |unfinished| {
        for file in [sqlite::FILE.to_owned(), format!("{}-wal", sqlite::FILE)] {
            // A directory that was copied by hand may have commits in its write-ahead log only.
            if backup.join(&file).exists() {
                copy(&backup.join(&file), &unfinished.join(&file))?;
            }
        }
        copy_files(backup, unfinished)?;
        let damaged = |error| BackupError::Damaged(backup.to_owned(), error);
        let mut store = SqliteStore::open(unfinished).map_err(damaged)?;
        store.integrity().map_err(damaged)?;
        let node = store.node_find()?.ok_or(BackupError::NotABackup(backup.to_owned(), "meta"))?;
        Ok(store.node_set(&crate::store::Node { epoch, restored_at: Some(now), ..node })?)
    })?;
    Ok(epoch)
}

/// Fills a directory beside `target` and moves it into place when everything in it is on disk.
fn appear(target: &Path, fill: impl FnOnce(&Path) -> Result<(), BackupError>) -> Result<(), BackupError> {
    let is_empty = |path: &Path| fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
    if target.exists() && !is_empty(target) {
        return Err(BackupError::Exists(target.to_owned()));
    }
    let name = target.file_name().ok_or_else(|| BackupError::Exists(target.to_owned()))?.to_string_lossy().into_owned();
    let unfinished = target.with_file_name(format!("{name}.unfinished"));
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(|error| BackupError::File(unfinished.clone(), error))?;
    }
    private_directory(&unfinished)?;
    let filled = fill(&unfinished).and_then(|()| {
        let wrapped = |error| BackupError::File(target.to_owned(), error);
        if target.exists() {
            fs::remove_dir(target).map_err(wrapped)?;
        }
        fs::rename(&unfinished, target).map_err(wrapped)
    });
    if filled.is_err() {
        // What is left of it is no backup, and the next try starts by clearing it too.
        let _ = fs::remove_dir_all(&unfinished);
    }
    filled
}

/// Keys and settings.
fn copy_files(from: &Path, to: &Path) -> Result<(), BackupError> {
    let (source, identity) = (Authority::directory(from), Authority::directory(to));
    private_directory(&identity)?;
    let entries = fs::read_dir(&source).map_err(|error| BackupError::File(source.clone(), error))?;
    for entry in entries {
        let entry = entry.map_err(|error| BackupError::File(source.clone(), error))?;
        copy(&entry.path(), &identity.join(entry.file_name()))?;
    }
    let settings = from.join(config::FILE);
    if settings.exists() { copy(&settings, &to.join(config::FILE)) } else { Ok(()) }
}

/// Copies one file with its permissions, and waits until it is on disk.
fn copy(from: &Path, to: &Path) -> Result<(), BackupError> {
    let wrapped = |error| BackupError::File(from.to_owned(), error);
    fs::copy(from, to).map_err(wrapped)?;
    fs::File::open(to).and_then(|file| file.sync_all()).map_err(wrapped)
}

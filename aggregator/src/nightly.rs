//! The backup of each night, and the proof that a new life can be made from it.
//!
//! Promise: a copy counts only after it was restored beside the data, recomputed by the same program that a person would
//! use, and found to hold what the database held. Older copies go only after a newer one counts. Start at [`keep`].

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use chrono::NaiveTime;
use motcua_shared::calendar::LocalTime;
use tracing::{error, info};

use crate::backup::{self, BackupError};
use crate::operation::{Outcome, Room, is_due, megabytes};
use crate::store::{BackupRun, SqliteStore, Store, StoreError, sqlite};

/// How often it is looked whether a backup is due.
const EVERY: Duration = Duration::from_mins(1);
/// Where copies are tried, beside them.
const REHEARSAL: &str = ".rehearsal";
/// How a copy is named: `2026-11-26T0230`.
const NAME: &str = "%Y-%m-%dT%H%M";

/// What an operator may say about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nightly {
    /// Where the copies go; absent: none are made.
    pub folder: Option<PathBuf>,
    pub at: NaiveTime,
    /// Copies that are kept.
    pub copies: usize,
}

/// Why there is no good copy.
#[derive(Debug, thiserror::Error)]
enum NoCopy {
    #[error("cần {needed} trống trên ổ đĩa của {folder}, chỉ còn {free}. Hãy dọn chỗ trống hoặc chọn nơi khác (--backups).")]
    NoRoom { folder: String, needed: String, free: String },
    #[error(transparent)]
    Backup(#[from] BackupError),
    #[error(
        "bản sao tại {folder} dựng lại không khớp: {words}. Hãy giữ bản đó, chạy verify trên dữ liệu đang dùng và báo người quản trị."
    )]
    NotEqual { folder: String, words: String },
    #[error("{0}")]
    File(#[from] std::io::Error),
}

impl From<StoreError> for NoCopy {
    fn from(error: StoreError) -> Self {
        NoCopy::Backup(error.into())
    }
}

/// Makes a backup each day until it is stopped. `program` is this program, which recomputes the copy.
pub async fn keep(data: PathBuf, nightly: Nightly, reserve_bytes: u64, program: PathBuf, now: fn() -> LocalTime) {
    let Some(folder) = nightly.folder.clone() else { return };
    loop {
        match due(&data, nightly.at, now()) {
            Ok(true) => one(&data, &folder, nightly.copies, reserve_bytes, &program, now()).await,
            Ok(false) => {}
            Err(error) => error!(%error, "it is not known whether a backup is due"),
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Whether one is due. The first look of a database notes that nights are kept from now on.
fn due(data: &Path, daily: NaiveTime, now: LocalTime) -> Result<bool, StoreError> {
    let newest = SqliteStore::open_reader(data)?.backup_runs()?.into_iter().next();
    if let Some(newest) = newest {
        return Ok(is_due(&newest, daily, now));
    }
    let begun = BackupRun { at: now, outcome: Outcome::Begun, folder: String::new(), entries: 0, bytes: 0, words: String::new() };
    SqliteStore::open(data)?.backup_run_add(&begun)?;
    Ok(false)
}

/// Makes one, tries it, notes what came of it.
async fn one(data: &Path, folder: &Path, copies: usize, reserve_bytes: u64, program: &Path, at: LocalTime) {
    let target = folder.join(at.format(NAME).to_string());
    let made = copy_and_rehearse(data, folder, &target, reserve_bytes, program, at).await;
    let _ = fs::remove_dir_all(folder.join(REHEARSAL));
    let run = match made {
        Ok((entries, bytes)) => {
            info!(folder = %target.display(), entries, bytes, "backed up, restored for a try, and equal");
            let folder = target.display().to_string();
            BackupRun { at, outcome: Outcome::Rehearsed, folder, entries, bytes, words: String::new() }
        }
        Err(error) => {
            error!(%error, "no backup");
            let folder = String::new();
            BackupRun { at, outcome: Outcome::Failed, folder, entries: 0, bytes: 0, words: error.to_string() }
        }
    };
    let noted = SqliteStore::open(data).and_then(|mut store| store.backup_run_add(&run));
    if let Err(error) = noted {
        error!(%error, "what came of the backup could not be noted");
    } else if run.outcome == Outcome::Rehearsed {
        forget_old(folder, copies);
    }
}

/// Gives how many entries the copy holds, and the bytes of its database.
async fn copy_and_rehearse(
    data: &Path,
    folder: &Path,
    target: &Path,
    reserve_bytes: u64,
    program: &Path,
    at: LocalTime,
) -> Result<(i64, u64), NoCopy> {
    fs::create_dir_all(folder)?;
    let size = fs::metadata(data.join(sqlite::FILE))?.len();
    let room = Room::of(folder, reserve_bytes);
    let needed = size.saturating_mul(2).saturating_add(reserve_bytes);
    if room.free_bytes.is_some_and(|free| free < needed) {
        let (folder, needed) = (folder.display().to_string(), megabytes(needed));
        return Err(NoCopy::NoRoom { folder, needed, free: room.words() });
    }
    let before = entries(data)?;
    let rehearsal = folder.join(REHEARSAL);
    let (from, to, again) = (data.to_owned(), target.to_owned(), rehearsal.clone());
    let copied = tokio::task::spawn_blocking(move || -> Result<(), NoCopy> {
        backup::back_up(&from, &to)?;
        if again.exists() {
            fs::remove_dir_all(&again)?;
        }
        backup::restore(&to, &again, at)?;
        Ok(())
    });
    copied.await.map_err(std::io::Error::other)??;
    let not_equal = |words: String| NoCopy::NotEqual { folder: target.display().to_string(), words };
    // A process of its own: what it needs of memory is given back, and what may be wrong with the copy ends only it.
    let verify = tokio::process::Command::new(program)
        .args([OsStr::new("verify"), OsStr::new("--data"), rehearsal.as_os_str()])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await?;
    if !verify.status.success() {
        return Err(not_equal(String::from_utf8_lossy(&verify.stderr).trim().to_owned()));
    }
    let held = entries(&rehearsal)?;
    if held < before {
        return Err(not_equal(format!("bản sao có {held} bản ghi, dữ liệu đã có {before}")));
    }
    Ok((held, fs::metadata(target.join(sqlite::FILE))?.len()))
}

/// Entries that a database holds of all streams.
fn entries(data: &Path) -> Result<i64, StoreError> {
    let streams = SqliteStore::open_reader(data)?.streams(None)?;
    Ok(streams.iter().map(|stream| i64::try_from(stream.stored_through).unwrap_or(i64::MAX)).sum())
}

/// Removes the oldest copies beyond `copies`: only folders that are named as ours and hold a database.
fn forget_old(folder: &Path, copies: usize) {
    let Ok(found) = fs::read_dir(folder) else { return };
    let is_ours = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        chrono::NaiveDateTime::parse_from_str(&name, NAME).is_ok() && path.join(sqlite::FILE).is_file()
    };
    let mut ours: Vec<PathBuf> = found.filter_map(Result::ok).map(|entry| entry.path()).filter(is_ours).collect();
    ours.sort_unstable();
    let surplus = ours.len().saturating_sub(copies.max(1));
    for old in ours.into_iter().take(surplus) {
        if let Err(error) = fs::remove_dir_all(&old) {
            error!(folder = %old.display(), %error, "an old backup could not be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_oldest_copies_go() {
        let folder = tempfile::tempdir().expect("a directory");
        let copies = ["2026-11-24T0230", "2026-11-25T0230", "2026-11-26T0230"];
        for name in copies.iter().chain(&["2026-11-01T0230-mine", "tay"]) {
            fs::create_dir_all(folder.path().join(name)).expect("made");
            fs::write(folder.path().join(name).join(sqlite::FILE), "x").expect("written");
        }
        fs::create_dir(folder.path().join("2020-01-01T0000")).expect("made"); // holds nothing
        forget_old(folder.path(), 2);
        let mut left: Vec<String> = fs::read_dir(folder.path())
            .expect("read")
            .map(|entry| entry.expect("read").file_name().to_string_lossy().into_owned())
            .collect();
        left.sort_unstable();
        assert_eq!(left, ["2020-01-01T0000", "2026-11-01T0230-mine", "2026-11-25T0230", "2026-11-26T0230", "tay"]);
    }

    #[test]
    fn nights_are_kept_from_the_first_look_on() {
        let district = crate::ingest::tests::District::new();
        let data = district.directory.path();
        let daily = NaiveTime::from_hms_opt(2, 30, 0).expect("a time");
        let at = |text: &str| LocalTime::parse_from_rfc3339(text).expect("a time");
        assert!(!due(data, daily, at("2026-11-25T10:00:00+07:00")).expect("looked"));
        assert!(!due(data, daily, at("2026-11-25T23:00:00+07:00")).expect("looked"));
        assert!(due(data, daily, at("2026-11-26T02:30:00+07:00")).expect("looked"));
    }
}

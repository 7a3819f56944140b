//! Settings: flags over environment (`MOTCUA_…`) over `config.toml` in the data directory.
//!
//! Promise: read once; a key that is not known or not right is refused with its name and its file.
//! Start at [`Config::load`].

use std::fs;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use chrono::NaiveTime;
use clap::ValueEnum;
use motcua_shared::schedule::NoWindow;
use serde::Deserialize;

use crate::nightly::Nightly;
use crate::nights::Limits;

/// Name of the settings file in a data directory.
pub const FILE: &str = "config.toml";
const LISTEN: &str = "0.0.0.0:7443";
const LOG: &str = "info";
/// Free bytes below which nothing is taken from offices.
const DISK_RESERVE_MB: u64 = 256;
/// Nightly backups go here below the data directory.
const BACKUPS: &str = "backups";
const BACKUP_AT: &str = "02:30";
const BACKUP_COPIES: usize = 7;

/// Why settings are refused, in Vietnamese.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("không đọc được {path}: {source}")]
    File { path: PathBuf, source: std::io::Error },
    #[error("{path} có chỗ sai: {problem}")]
    Content { path: PathBuf, problem: String },
    #[error("listen = “{0}” không phải địa chỉ và cổng, ví dụ {LISTEN}")]
    Listen(String),
    #[error("night = {0}")]
    Night(#[from] NoWindow),
    #[error("backup_at = “{0}” không phải giờ trong ngày, ví dụ {BACKUP_AT}")]
    BackupAt(String),
}

/// How the log is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Cho người đọc.
    #[default]
    Text,
    /// Cho chương trình: mỗi dòng một sự kiện.
    Json,
}

/// What `config.toml` may say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileSettings {
    /// Address and port of the server.
    listen: Option<String>,
    /// What is logged, such as `info` or `motcua_aggregator=debug`.
    log: Option<String>,
    /// How it is written: `text` or `json`.
    log_format: Option<LogFormat>,
    /// The hours in which offices are asked to sync at night, such as `18:00-06:00`.
    night: Option<String>,
    /// How many offices are asked to come in one minute of it.
    sync_per_minute: Option<u32>,
    /// How many requests of offices are answered at once.
    sync_at_once: Option<usize>,
    /// Free megabytes on the disk below which nothing is taken from offices.
    disk_reserve_mb: Option<u64>,
    /// Where the backup of each night goes, on another disk if possible; `off`: none is made.
    backups: Option<String>,
    /// When it is made, such as `02:30`.
    backup_at: Option<String>,
    /// How many are kept.
    backup_copies: Option<usize>,
}

/// What was said on the command line or in the environment.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    pub listen: Option<String>,
    pub log: Option<String>,
    pub log_format: Option<LogFormat>,
    pub night: Option<String>,
    pub sync_per_minute: Option<u32>,
    pub sync_at_once: Option<usize>,
    pub disk_reserve_mb: Option<u64>,
    pub backups: Option<String>,
    pub backup_at: Option<String>,
    pub backup_copies: Option<usize>,
}

/// All settings, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    pub data: PathBuf,
    pub listen: SocketAddr,
    pub log: String,
    pub log_format: LogFormat,
    pub limits: Limits,
    pub disk_reserve_bytes: u64,
    pub nightly: Nightly,
}

impl Config {
    pub fn load(data: &Path, overrides: Overrides) -> Result<Config, ConfigError> {
        let file = read(&data.join(FILE))?;
        let built_in = Limits::default();
        let limits = Limits {
            window: overrides.night.or(file.night).map(|night| night.parse()).transpose()?.unwrap_or(built_in.window),
            per_minute: overrides.sync_per_minute.or(file.sync_per_minute).unwrap_or(built_in.per_minute),
            at_once: overrides.sync_at_once.or(file.sync_at_once).unwrap_or(built_in.at_once),
        };
        let backup_at = overrides.backup_at.or(file.backup_at).unwrap_or_else(|| BACKUP_AT.to_owned());
        let backups = overrides.backups.or(file.backups).unwrap_or_else(|| BACKUPS.to_owned());
        let nightly = Nightly {
            folder: (backups != "off").then(|| data.join(backups)), // an absolute path stays as it is
            at: NaiveTime::parse_from_str(&backup_at, "%H:%M").map_err(|_| ConfigError::BackupAt(backup_at))?,
            copies: overrides.backup_copies.or(file.backup_copies).unwrap_or(BACKUP_COPIES),
        };
        let reserve_mb = overrides.disk_reserve_mb.or(file.disk_reserve_mb).unwrap_or(DISK_RESERVE_MB);
        let listen = overrides.listen.or(file.listen).unwrap_or_else(|| LISTEN.to_owned());
        Ok(Config {
            data: data.to_owned(),
            listen: listen.parse().map_err(|_| ConfigError::Listen(listen))?,
            log: overrides.log.or(file.log).unwrap_or_else(|| LOG.to_owned()),
            log_format: overrides.log_format.or(file.log_format).unwrap_or_default(),
            limits,
            disk_reserve_bytes: reserve_mb.saturating_mul(1 << 20),
            nightly,
        })
    }
}

fn read(path: &Path) -> Result<FileSettings, ConfigError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(FileSettings::default());
        }
        Err(source) => return Err(ConfigError::File { path: path.to_owned(), source }),
    };
    toml::from_str(&text).map_err(|error| ConfigError::Content { path: path.to_owned(), problem: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, overrides: Overrides) -> Result<Config, String> {
        let directory = tempfile::tempdir().expect("a directory");
        fs::write(directory.path().join(FILE), text).expect("written");
        Config::load(directory.path(), overrides).map_err(|error| error.to_string())
    }

    #[test]
    fn flags_win_over_the_file_and_the_file_over_what_is_built_in() {
        let said = Overrides { listen: Some("127.0.0.1:1".to_owned()), sync_per_minute: Some(7), ..Overrides::default() };
        let config =
            load("listen = \"127.0.0.1:2\"\nlog = \"debug\"\nsync_per_minute = 5\nsync_at_once = 3\n", said).expect("sound");
        assert_eq!((config.listen.port(), config.log.as_str()), (1, "debug"));
        assert_eq!(config.limits, Limits { per_minute: 7, at_once: 3, ..Limits::default() });
        assert_eq!(load("", Overrides::default()).expect("sound").listen.to_string(), LISTEN);
    }

    #[test]
    fn a_wrong_key_is_named_with_its_file() {
        let problem = load("lisen = \"x\"\n", Overrides::default()).expect_err("refused");
        assert!(problem.contains("lisen") && problem.contains(FILE), "{problem}");
        let wrong = ["listen = \"here\"\n", "night = \"late\"\n", "backup_at = \"25:00\"\n"];
        for (key, text) in ["listen", "night", "backup_at"].into_iter().zip(wrong) {
            let problem = load(text, Overrides::default()).expect_err("refused");
            assert!(problem.contains(key), "{problem}");
        }
    }
}

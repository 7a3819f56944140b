//! Settings of the agent: flags over environment (`MOTCUA_…`) over `config.toml` in the data directory.
//!
//! Promise: a setting that is not known or not readable stops the program with its key and file named.
//! Start at [`Config::load`].

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// What `config.toml` may say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address of the pages, such as `127.0.0.1:7420`.
    pub listen: Option<SocketAddr>,
    /// Seconds between attempts to sync while something is waiting.
    pub sync_every_s: Option<u64>,
}

/// Why the settings are refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("không đọc được {0}: {1}")]
    Read(PathBuf, #[source] std::io::Error),
    #[error("cấu hình {0} không hợp lệ: {1}")]
    Invalid(PathBuf, #[source] Box<toml::de::Error>),
}

impl Config {
    /// The settings of `data`; all absent when there is no file.
    pub fn load(data: &Path) -> Result<Config, ConfigError> {
        let path = data.join("config.toml");
        match std::fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).map_err(|error| ConfigError::Invalid(path, Box::new(error))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Config::default()),
            Err(error) => Err(ConfigError::Read(path, error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let data = tempfile::tempdir().expect("a directory");
        assert_eq!(Config::load(data.path()).expect("no file, no settings"), Config::default());
        std::fs::write(data.path().join("config.toml"), "lisen = \"127.0.0.1:1\"\n").expect("written");
        let message = Config::load(data.path()).expect_err("refused").to_string();
        assert!(message.contains("lisen") && message.contains("config.toml"), "{message}");
    }
}

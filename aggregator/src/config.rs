//! Settings: flags over environment (`MOTCUA_…`) over `config.toml` in the data directory.
//!
//! Promise: read once; a key that is not known or not right is refused with its name and its file.
//! Start at [`Config::load`].

use std::fs;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Name of the settings file in a data directory.
pub const FILE: &str = "config.toml";
const LISTEN: &str = "0.0.0.0:7443";
const LOG: &str = "info";

/// Why settings are refused, in Vietnamese.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("không đọc được {path}: {source}")]
    File { path: PathBuf, source: std::io::Error },
    #[error("{path} có chỗ sai: {problem}")]
    Content { path: PathBuf, problem: String },
    #[error("listen = “{0}” không phải địa chỉ và cổng, ví dụ {LISTEN}")]
    Listen(String),
}

/// What `config.toml` may say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileSettings {
    /// Address and port of the server.
    listen: Option<String>,
    /// What is logged, such as `info` or `motcua_aggregator=debug`.
    log: Option<String>,
}

/// What was said on the command line or in the environment.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    pub listen: Option<String>,
    pub log: Option<String>,
}

/// All settings, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    pub data: PathBuf,
    pub listen: SocketAddr,
    pub log: String,
}

impl Config {
    pub fn load(data: &Path, overrides: Overrides) -> Result<Config, ConfigError> {
        let file = read(&data.join(FILE))?;
        let listen = overrides.listen.or(file.listen).unwrap_or_else(|| LISTEN.to_owned());
        Ok(Config {
            data: data.to_owned(),
            listen: listen.parse().map_err(|_| ConfigError::Listen(listen))?,
            log: overrides.log.or(file.log).unwrap_or_else(|| LOG.to_owned()),
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
        let said = Overrides { listen: Some("127.0.0.1:1".to_owned()), log: None };
        let config = load("listen = \"127.0.0.1:2\"\nlog = \"debug\"\n", said).expect("sound");
        assert_eq!((config.listen.port(), config.log.as_str()), (1, "debug"));
        assert_eq!(load("", Overrides::default()).expect("sound").listen.to_string(), LISTEN);
    }

    #[test]
    fn a_wrong_key_is_named_with_its_file() {
        let problem = load("lisen = \"x\"\n", Overrides::default()).expect_err("refused");
        assert!(problem.contains("lisen") && problem.contains(FILE), "{problem}");
        let problem = load("listen = \"here\"\n", Overrides::default()).expect_err("refused");
        assert!(problem.contains("listen"), "{problem}");
    }
}

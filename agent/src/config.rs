//! Settings of the agent: flags over environment (`MOTCUA_…`) over `config.toml` in the data directory.
//!
//! Promise: a setting that is not known or not readable stops the program with its key and file named.
//! Start at [`Config::load`].

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use motcua_shared::schedule::{NoWindow, Window};
use serde::Deserialize;

/// What `config.toml` may say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address of the pages, such as `127.0.0.1:7420`.
    pub listen: Option<SocketAddr>,
    /// Whether the other PCs of the office are answered, over https.
    #[serde(default)]
    pub lan: bool,
    /// Address for the other PCs, such as `0.0.0.0:7421`.
    pub listen_lan: Option<SocketAddr>,
    /// The hours in which this PC may send at night, such as `18:00-06:00`.
    pub night: Option<String>,
}

/// Why the settings are refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("không đọc được {0}: {1}")]
    Read(PathBuf, #[source] std::io::Error),
    #[error("cấu hình {0} không hợp lệ: {1}")]
    Invalid(PathBuf, #[source] Box<toml::de::Error>),
    #[error("đã ghi hai địa chỉ --listen cùng loại ({0} và {1}); cần nhiều nhất một cho máy này và một cho mạng nội bộ")]
    Listen(SocketAddr, SocketAddr),
    #[error("night = {0}")]
    Night(#[from] NoWindow),
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

    /// Where to listen: for this PC, and for the other PCs if `lan` was said here or there. Of the addresses `said`, one of
    /// this PC itself is for it, and any other, or a second one, for the others.
    pub fn addresses(&self, said: &[SocketAddr], lan: bool) -> Result<(SocketAddr, Option<SocketAddr>), ConfigError> {
        let lan = lan || self.lan;
        let (mut here, mut others) = (None, None);
        for address in said {
            let place = if here.is_none() && (address.ip().is_loopback() || !lan) { &mut here } else { &mut others };
            if let Some(before) = place.replace(*address) {
                return Err(ConfigError::Listen(before, *address));
            }
        }
        if let (false, Some(here), Some(others)) = (lan, here, others) {
            return Err(ConfigError::Listen(here, others));
        }
        let here = here.or(self.listen).unwrap_or(SocketAddr::from(([127, 0, 0, 1], 7420)));
        let others = others.or(self.listen_lan).unwrap_or(SocketAddr::from(([0, 0, 0, 0], 7421)));
        Ok((here, lan.then_some(others)))
    }

    /// The hours of the night: as said on the command line, else as in the file.
    pub fn window(&self, said: Option<&str>) -> Result<Window, ConfigError> {
        Ok(said.or(self.night.as_deref()).map(str::parse).transpose()?.unwrap_or_default())
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

    #[test]
    fn other_pcs_are_answered_only_when_that_was_said_and_this_one_always() {
        let at = |text: &str| text.parse::<SocketAddr>().expect("an address");
        let config = Config::default();
        let addresses = |said: &[&str], lan| config.addresses(&said.iter().map(|said| at(said)).collect::<Vec<_>>(), lan);
        let (here, others) = (at("127.0.0.1:7420"), at("0.0.0.0:7421"));
        assert_eq!(addresses(&[], false).expect("sound"), (here, None));
        assert_eq!(addresses(&[], true).expect("sound"), (here, Some(others)));
        assert_eq!(addresses(&["127.0.0.1:1"], true).expect("sound"), (at("127.0.0.1:1"), Some(others)));
        assert_eq!(addresses(&["0.0.0.0:2"], true).expect("sound"), (here, Some(at("0.0.0.0:2"))));
        assert_eq!(addresses(&["0.0.0.0:2", "[::1]:1"], true).expect("sound"), (at("[::1]:1"), Some(at("0.0.0.0:2"))));
        assert_eq!(
            addresses(&["127.0.0.1:1", "127.0.0.1:2"], true).expect("sound"),
            (at("127.0.0.1:1"), Some(at("127.0.0.1:2")))
        );
        assert!(addresses(&["127.0.0.1:1", "127.0.0.1:2"], false).is_err());
        assert!(addresses(&["10.0.0.1:1", "10.0.0.2:2"], true).is_err());
        assert_eq!(addresses(&["0.0.0.0:2"], false).expect("refused later").0, at("0.0.0.0:2"));
        let file = Config { lan: true, listen_lan: Some(at("10.0.0.1:9")), ..Config::default() };
        assert_eq!(file.addresses(&[], false).expect("sound"), (here, Some(at("10.0.0.1:9"))));
    }

    #[test]
    fn the_night_is_what_was_said_or_what_the_file_says() {
        let config = Config { night: Some("20:00-23:00".to_owned()), ..Config::default() };
        assert_eq!(config.window(None).expect("sound"), "20:00-23:00".parse().expect("a window"));
        assert_eq!(config.window(Some("12:00-13:00")).expect("sound"), "12:00-13:00".parse().expect("a window"));
        assert_eq!(Config::default().window(None).expect("sound"), Window::default());
        let message = config.window(Some("midnight")).expect_err("refused").to_string();
        assert!(message.contains("night") && message.contains("midnight"), "{message}");
    }
}

//! An office that is being made on this PC: what is known before its database exists.
//!
//! Promise: the recovery key is made once and lies here, readable by its owner only, until somebody has shown that it is
//! on paper; only then is the office founded. A power cut at any moment leads back to the same step with the same key.
//! Start at [`Pending::begin`] and [`Pending::found`].

use std::fs;
use std::path::{Path, PathBuf};

use motcua_shared::seal::{KeyError, RecoveryKey};
use serde::{Deserialize, Serialize};

use crate::office::{self, Identity, Name, OfficeError, chance, private_file};
use crate::store::{self, Office};

/// What was typed, and the key that was made for it.
#[derive(Serialize, Deserialize)]
pub struct Pending {
    pub unit: String,
    pub name: String,
    pub identifier: Option<String>,
    /// As it is written on paper.
    pub recovery_key: String,
}

/// Which groups of the key are typed again to show that it is on paper: counted from 1.
pub const ASKED_GROUPS: [usize; 2] = [3, 10];

fn place(data: &Path) -> PathBuf {
    Identity::of(data).directory().join("setup.json")
}

impl Pending {
    /// Keeps the names of the office and a new key for it. The names may be changed as long as it is not founded.
    pub fn begin(data: &Path, name: &Name) -> Result<Pending, OfficeError> {
        name.check()?;
        let key = Pending::read(data).map_or_else(|| RecoveryKey::new(chance()).to_text(), |before| before.recovery_key);
        let pending = Pending {
            unit: name.unit.trim().to_owned(),
            name: motcua_shared::text::nfc(name.name),
            identifier: name.identifier.map(|identifier| identifier.trim().to_owned()),
            recovery_key: key,
        };
        Identity::of(data).make(data)?;
        private_file(&place(data), &serde_json::to_vec(&pending).expect("texts are JSON"))?;
        Ok(pending)
    }

    /// What was begun and not founded yet.
    pub fn read(data: &Path) -> Option<Pending> {
        serde_json::from_slice(&fs::read(place(data)).ok()?).ok()
    }

    /// Whether these are the asked groups of the key.
    pub fn is_on_paper(&self, typed: [&str; 2]) -> bool {
        let groups: Vec<&str> = self.recovery_key.split('-').collect();
        let same =
            |(typed, number): (&str, usize)| groups.get(number - 1).is_some_and(|group| group.eq_ignore_ascii_case(typed.trim()));
        typed.into_iter().zip(ASKED_GROUPS).all(same)
    }

    fn key(&self) -> Result<RecoveryKey, KeyError> {
        RecoveryKey::parse(&self.recovery_key)
    }

    /// Makes the office; what was pending is gone with that.
    pub fn found(&self, data: &Path) -> Result<Office, OfficeError> {
        let key = self.key().map_err(|_| OfficeError::Key(place(data)))?;
        let name = Name { unit: &self.unit, name: &self.name, identifier: self.identifier.as_deref() };
        let office = office::found_with(data, &name, &key.office_key())?;
        Pending::clear(data);
        Ok(office)
    }

    /// Takes away what was begun. Nothing was sealed with its key yet.
    pub fn forget(data: &Path) {
        let _ = fs::remove_file(place(data));
    }

    /// Takes away what is pending where the office exists already: the power went between the two.
    pub fn clear(data: &Path) {
        if store::exists(data) {
            Pending::forget(data);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: Name = Name { unit: "11089", name: "Xã Thử", identifier: None };

    #[test]
    fn the_key_stays_the_same_until_the_office_is_founded_and_is_kept_nowhere_after_that() {
        let data = tempfile::tempdir().expect("a directory");
        let key = Pending::begin(data.path(), &NAME).expect("kept").recovery_key;
        let renamed = Pending::begin(data.path(), &Name { name: "Xã Khác", ..NAME }).expect("kept");
        assert_eq!((renamed.recovery_key.as_str(), renamed.name.as_str()), (key.as_str(), "Xã Khác"));
        let office = Pending::read(data.path()).expect("there").found(data.path()).expect("founded");
        assert_eq!(office.key_fingerprint, RecoveryKey::parse(&key).expect("a key").office_key().fingerprint());
        assert!(Pending::read(data.path()).is_none());
    }

    #[test]
    fn what_the_power_cut_left_beside_an_office_is_cleared_away_and_nothing_before_it_exists() {
        let data = tempfile::tempdir().expect("a directory");
        Pending::begin(data.path(), &NAME).expect("kept");
        Pending::clear(data.path());
        let left = fs::read(place(data.path())).expect("still there");
        Pending::read(data.path()).expect("there").found(data.path()).expect("founded");
        fs::write(place(data.path()), left).expect("as the power cut left it");
        Pending::clear(data.path());
        assert!(Pending::read(data.path()).is_none());
    }

    #[test]
    fn only_whoever_has_the_paper_knows_the_asked_groups() {
        let data = tempfile::tempdir().expect("a directory");
        let pending = Pending::begin(data.path(), &NAME).expect("kept");
        let groups: Vec<String> = pending.recovery_key.split('-').map(str::to_lowercase).collect();
        let [first, second] = ASKED_GROUPS.map(|number| format!(" {} ", groups[number - 1]));
        assert!(pending.is_on_paper([&first, &second]));
        assert!(!pending.is_on_paper([&first, ""]) && !pending.is_on_paper(["", ""]));
    }

    #[test]
    fn faulty_names_begin_nothing() {
        let data = tempfile::tempdir().expect("a directory");
        for name in [Name { unit: " ", ..NAME }, Name { name: "", ..NAME }, Name { identifier: Some("a/b"), ..NAME }] {
            assert!(Pending::begin(data.path(), &name).is_err());
        }
        assert!(Pending::read(data.path()).is_none());
    }
}

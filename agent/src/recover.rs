//! A replaced PC: everything that the district holds of this office comes back, and the office goes on in a new stream.
//!
//! Promise: every entry is proven by the chain up to a signed receipt before it is kept, and its bytes are those that
//! were sent. A wrong recovery key leaves nothing behind, and neither does a power cut: a directory that holds the mark of
//! an unfinished recovery is cleared before anything else. Start at [`recover`] and [`clear_unfinished`].

use std::fs;
use std::path::{Path, PathBuf};

use motcua_shared::entry::Head;
use motcua_shared::seal::RecoveryKey;
use motcua_shared::wire::Receipt;
use tracing::info;
use uuid::Uuid;

use crate::door::Door;
use crate::office::{self, Identity, Name, OfficeError, chance};
use crate::store::{self, DossierFilter, Store, StoreError};
use crate::uplink::{self, Uplink, UplinkError};

/// What was asked for on the command line.
pub struct Asked<'a> {
    pub unit: &'a str,
    /// Empty: as the district calls it.
    pub name: &'a str,
    /// Absent: as in the newest dossier code.
    pub identifier: Option<&'a str>,
    pub aggregator: &'a str,
    pub code: &'a str,
}

/// What came back.
pub struct Recovered {
    pub name: String,
    pub stream: Uuid,
    pub numbers: (u32, u32),
    pub streams: usize,
    pub entries: usize,
    pub dossiers: usize,
    /// The key of what is recorded from now on, when the old one is lost.
    pub new_key: Option<RecoveryKey>,
}

/// Why nothing, or not everything, came back.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    #[error(transparent)]
    Office(#[from] OfficeError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Uplink(#[from] UplinkError),
    #[error(
        "khóa khôi phục này không phải của đơn vị: không mở được phần niêm phong nào. Chưa giữ lại gì trên máy này; \
         hãy tìm đúng khóa, xin mã đăng ký mới và làm lại"
    )]
    WrongKey,
    #[error("dữ liệu huyện gửi về không khớp biên nhận có chữ ký (luồng {0}); chưa giữ lại gì. Hãy báo huyện")]
    NotWhole(Uuid),
}

/// Brings the office back into the empty directory `data`.
pub async fn recover(data: &Path, asked: &Asked<'_>, key: Option<&RecoveryKey>) -> Result<Recovered, RecoverError> {
    clear_unfinished(data)?;
    let new_key = if key.is_none() { Some(RecoveryKey::new(chance())) } else { None };
    let office_key = key.or(new_key.as_ref()).map(RecoveryKey::office_key).expect("one of the two is there");
    let name = if asked.name.trim().is_empty() { asked.unit } else { asked.name };
    let name = Name { unit: asked.unit, name, identifier: asked.identifier };
    name.check()?;
    if store::exists(data) {
        return Err(StoreError::Occupied(data.to_owned()).into());
    }
    Identity::of(data).make(data)?;
    office::private_file(&mark(data), b"")?;
    let office = office::found_with(data, &name, &office_key)?;
    let brought = bring_back(data, asked, &office_key, key.is_some()).await;
    match brought {
        Ok(recovered) => {
            let _ = fs::remove_file(mark(data));
            Ok(Recovered { stream: office.stream, new_key, ..recovered })
        }
        Err(error) => {
            clear(data);
            Err(error)
        }
    }
}

/// Lies in the directory while not everything is back yet.
fn mark(data: &Path) -> PathBuf {
    data.join("recovering")
}

/// Takes away what a recovery left that the power cut: what it held, the district holds. Where somebody has recorded
/// something since, it stays.
pub fn clear_unfinished(data: &Path) -> Result<(), RecoverError> {
    if !mark(data).exists() {
        return Ok(());
    }
    let used = store::exists(data) && {
        let store = Store::open(data)?;
        let stream = store.office()?.stream;
        store.head_of(stream)?.seq > 0 || store.user_any()?
    };
    if !used {
        clear(data);
        info!("an unfinished recovery was cleared away");
    }
    let _ = fs::remove_file(mark(data));
    Ok(())
}

/// Takes away what this attempt made: it held nothing that the district does not hold.
fn clear(data: &Path) {
    for file in ["motcua.db", "motcua.db-wal", "motcua.db-shm"] {
        let _ = fs::remove_file(data.join(file));
    }
    let identity = Identity::of(data);
    for file in ["office.key", "key.pem", "cert.pem", "ca.pem"] {
        let _ = fs::remove_file(identity.directory().join(file));
    }
    let _ = fs::remove_dir_all(identity.directory().join("streams"));
    // Only if nothing else lies there, such as what other PCs of the office trust.
    let _ = fs::remove_dir(identity.directory());
    let _ = fs::remove_file(mark(data));
}

async fn bring_back(
    data: &Path,
    asked: &Asked<'_>,
    key: &motcua_shared::seal::OfficeKey,
    must_open: bool,
) -> Result<Recovered, RecoverError> {
    let door = Door::new(Store::open(data)?);
    let enrolled = uplink::enrol(data, &door, asked.aggregator, asked.code).await?;
    let uplink = Uplink::open(data, &door).await?;
    let own = door.call(|store| store.office()).await?.stream;
    let (mut streams, mut entries) = (0, 0);
    for receipt in uplink.streams().await?.into_iter().filter(|receipt| receipt.stream != own && receipt.stored_through > 0) {
        entries += fetch(&uplink, &door, &receipt).await?;
        streams += 1;
    }
    let key = key.clone();
    let (sealed, opens) = door.call(move |store| store.sealed_opens(&key)).await?;
    if must_open && sealed > 0 && !opens {
        return Err(RecoverError::WrongKey);
    }
    let name = if asked.name.trim().is_empty() { enrolled.unit_name.clone() } else { motcua_shared::text::nfc(asked.name) };
    let (shown, identifier) = (name.clone(), asked.identifier.map(str::to_owned));
    let dossiers = door.call(move |store| settle(store, &shown, identifier)).await?;
    info!(streams, entries, dossiers, "recovered");
    let numbers = (enrolled.numbers_from, enrolled.numbers_to);
    Ok(Recovered { name, stream: own, numbers, streams, entries, dossiers, new_key: None })
}

/// All entries of one stream, proven against its receipt and kept.
async fn fetch(uplink: &Uplink, door: &Door, receipt: &Receipt) -> Result<usize, RecoverError> {
    let stream = receipt.stream;
    let whole = uplink.tail(stream, Head::genesis(stream), receipt.head()).await?.ok_or(RecoverError::NotWhole(stream))?;
    let count = whole.len();
    door.call(move |store| store.entries_adopt(stream, &whole)).await?;
    Ok(count)
}

/// Takes the office's identifier from its newest dossier.
fn settle(store: &mut Store, name: &str, identifier: Option<String>) -> Result<usize, store::StoreError> {
    let dossiers = store.dossier_list(&DossierFilter::default())?;
    let newest = dossiers.first().and_then(|dossier| dossier.code.rsplitn(3, '-').nth(2).map(str::to_owned));
    let identifier = identifier.or(newest).unwrap_or(store.office()?.identifier);
    store.office_rename(name, &identifier)?;
    Ok(dossiers.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Act, User};

    const NAME: Name = Name { unit: "11089", name: "Xã Thử", identifier: None };

    /// A directory as a power cut leaves it in the midst of a recovery.
    fn cut_off() -> tempfile::TempDir {
        let data = tempfile::tempdir().expect("a directory");
        office::found(data.path(), &NAME).expect("an office");
        fs::create_dir(data.path().join("identity/lan")).expect("what other PCs trust");
        fs::write(mark(data.path()), b"").expect("the mark");
        data
    }

    #[test]
    fn what_a_power_cut_left_of_a_recovery_is_cleared_and_the_directory_can_be_used_again() {
        let data = cut_off();
        clear_unfinished(data.path()).expect("cleared");
        assert!(!store::exists(data.path()) && !mark(data.path()).exists());
        assert!(data.path().join("identity/lan").exists());
        office::found(data.path(), &NAME).expect("free again");
        clear_unfinished(data.path()).expect("nothing to do");
        assert!(store::exists(data.path()));
    }

    #[test]
    fn an_office_that_somebody_works_with_is_never_cleared() {
        let data = cut_off();
        let now = office::now();
        let user = User {
            name: "lan".to_owned(),
            role: motcua_shared::access::Role::Admin,
            password: String::new(),
            must_change: false,
            disabled_at: None,
            created_at: now.to_rfc3339(),
        };
        let mut store = Store::open(data.path()).expect("opened");
        store.user_add(&user, true, Act { author: "setup", now }).expect("added");
        clear_unfinished(data.path()).expect("looked at");
        assert!(store::exists(data.path()) && !mark(data.path()).exists());
    }
}

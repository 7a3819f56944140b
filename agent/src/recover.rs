//! A replaced PC: everything that the district holds of this office comes back, and the office goes on in a new stream.
//!
//! Promise: every entry is proven by the chain up to a signed receipt before it is kept, and its bytes are those that
//! were sent. A wrong recovery key leaves nothing behind. Start at [`recover`].

use std::fs;
use std::path::Path;

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
    let new_key = if key.is_none() { Some(RecoveryKey::new(chance())) } else { None };
    let office_key = key.or(new_key.as_ref()).map(RecoveryKey::office_key).expect("one of the two is there");
    let name = if asked.name.trim().is_empty() { asked.unit } else { asked.name };
    let office = office::found_with(data, &Name { unit: asked.unit, name, identifier: asked.identifier }, &office_key)?;
    let brought = bring_back(data, asked, &office_key, key.is_some()).await;
    match brought {
        Ok(recovered) => Ok(Recovered { stream: office.stream, new_key, ..recovered }),
        Err(error) => {
            clear(data);
            Err(error)
        }
    }
}

/// Takes away what this attempt made: it held nothing that the district does not hold.
fn clear(data: &Path) {
    for file in ["motcua.db", "motcua.db-wal", "motcua.db-shm"] {
        let _ = fs::remove_file(data.join(file));
    }
    let identity = Identity::of(data);
    let _ = fs::remove_dir_all(identity.directory());
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

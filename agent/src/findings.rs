//! What comes and goes about findings beside the uplink: the district's decisions, and what only this office can find.
//!
//! Promise: a decision is kept only as this district signed it; nothing that happens here fails or delays the sending.
//! Start at [`follow`] and [`tell`].

use motcua_shared::decision::Decisions;
use motcua_shared::seal::OfficeKey;
use motcua_shared::wire::Signed;
use tracing::{info, warn};
use uuid::Uuid;

use crate::door::Door;
use crate::office::{chance, now};
use crate::store::{Pen, Store, StoreError};
use crate::uplink::{Uplink, UplinkError};

/// Who the log names for what the program itself finds.
const AUTHOR: &str = "findings";
/// How often the question is asked: the next session asks again.
const PATIENCE: u32 = 2;

/// Asks for the district's decisions when the newest receipt named others than are held. `decided`: the life in which it
/// spoke, and the number of its decisions; `None`: it is too old to have any.
pub async fn follow(uplink: &Uplink, door: &Door, decided: Option<(Uuid, u64)>) {
    let Some((epoch, number)) = decided else { return };
    match exchange(uplink, door, epoch, number).await {
        Ok(false) => {}
        Ok(true) => info!(number, "decisions of the district taken"),
        Err(error) => warn!(number, %error, "decisions of the district not taken; those before them stay"),
    }
}

async fn exchange(uplink: &Uplink, door: &Door, epoch: Uuid, number: u64) -> Result<bool, UplinkError> {
    let held = door.call(|store| store.decisions()).await?.map(|held| (held.epoch, held.number));
    if held == Some((epoch, number)) || (number == 0 && held.is_none()) {
        return Ok(false);
    }
    let signed = uplink.decisions(PATIENCE).await?;
    let (server_id, key, _) = uplink.trusts();
    let decisions = Decisions::open(&signed, server_id, &key)
        .ok_or_else(|| UplinkError::Stranger("quyết định không có chữ ký hợp lệ của huyện".to_owned()))?;
    Ok(door.call(move |store| take(store, &signed, &decisions, epoch)).await?)
}

/// Keeps decisions that were opened, if they are newer than those that are held.
pub fn take(store: &mut Store, signed: &Signed, decisions: &Decisions, epoch: Uuid) -> Result<bool, StoreError> {
    store.decisions_take(signed, decisions, epoch, now())
}

/// Records what only this office can find, for the district: which dossiers of a day are of one person, without saying who.
/// Gives whether there was anything to record.
pub fn tell(store: &mut Store, key: &OfficeKey) -> Result<bool, StoreError> {
    Ok(store.same_person_tell(&Pen { author: AUTHOR, now: now(), key, salt: chance })? > 0)
}

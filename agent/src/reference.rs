//! The lane on which reference data comes: beside the uplink, after a receipt that names another version.
//!
//! Promise: a version is taken whole or not at all, and only when it is signed by this district and has no fault; until
//! then what is in force stays. Nothing that happens here fails or delays the sending. Start at [`Lane::start`].

use std::sync::{Arc, Mutex, PoisonError};

use ed25519_dalek::VerifyingKey;
use motcua_shared::reference::{Answer, Published, Refusal};
use motcua_shared::seal::OfficeKey;
use motcua_shared::wire::Receipt;
use tokio::task::JoinHandle;
use tracing::{info, warn};
use uuid::Uuid;

use crate::door::Door;
use crate::findings;
use crate::office::{chance, now};
use crate::store::{Announced, Pen, ReferenceAttempt, Store, StoreError, Taken};
use crate::uplink::{Uplink, UplinkError};

/// Who the log names for what follows from a new version.
const AUTHOR: &str = "reference";
/// How often one exchange is tried: the next session asks again.
const PATIENCE: u32 = 2;

/// Why a version is not in force.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceError {
    #[error(transparent)]
    Line(#[from] UplinkError),
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The lane of one line.
#[derive(Clone, Default)]
pub struct Lane(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    announced: Option<Announced>,
    /// In which life of the district, and under which number it has its decisions about findings.
    decided: Option<(Uuid, u64)>,
    /// Gives whether entries were recorded.
    exchange: Option<JoinHandle<bool>>,
}

impl Lane {
    /// What a verified receipt announces.
    pub fn heard(&self, receipt: &Receipt) {
        let mut state = self.state();
        state.announced = Some(Announced { epoch: receipt.epoch, version: receipt.reference_version });
        state.decided = receipt.decisions.map(|number| (receipt.epoch, number));
    }

    /// Asks beside everything else for what was announced, unless that is under way. Must be called in a runtime.
    pub fn start(&self, uplink: &Uplink, door: &Door) {
        let mut state = self.state();
        let under_way = state.exchange.as_ref().is_some_and(|exchange| !exchange.is_finished());
        if let (Some(announced), false) = (state.announced, under_way) {
            let (uplink, door, decided) = (uplink.clone(), door.clone(), state.decided);
            state.exchange = Some(tokio::spawn(async move {
                let recorded = follow(uplink.clone(), door.clone(), announced).await;
                findings::follow(&uplink, &door, decided).await;
                recorded
            }));
        }
    }

    /// Waits until the exchange ended, and gives whether it recorded entries.
    pub async fn settled(&self) -> bool {
        let exchange = self.state().exchange.take();
        match exchange {
            Some(exchange) => exchange.await.unwrap_or(false),
            None => false,
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One exchange, and a note of how it ended.
async fn follow(uplink: Uplink, door: Door, announced: Announced) -> bool {
    let outcome = exchange(&uplink, &door, announced).await;
    let (settled, problem) = match &outcome {
        Ok(None) => return false,
        Ok(Some(taken)) => (true, problem(*taken, announced.version)),
        Err(error) => (false, Some(error.to_string())),
    };
    if let Some(problem) = &problem {
        warn!(version = announced.version, problem, "reference data not taken; what is in force stays");
    }
    let attempt = ReferenceAttempt { announced, settled, problem };
    if let Err(error) = door.call(move |store| store.reference_attempt_note(&attempt, now())).await {
        warn!(%error, "the end of an exchange about reference data could not be noted");
    }
    matches!(outcome, Ok(Some(Taken::Applied { rescheduled: 1.. })))
}

/// What a person should know although everything went as it should.
fn problem(taken: Taken, offered: u64) -> Option<String> {
    match taken {
        Taken::Applied { .. } | Taken::Same => None,
        Taken::Older { held } => Some(format!(
            "huyện vừa phục hồi từ bản sao lưu và chỉ còn danh mục phiên bản {offered}; máy này giữ phiên bản {held} cho đến khi \
             huyện công bố lại"
        )),
    }
}

/// `None`: what was announced is settled already.
async fn exchange(uplink: &Uplink, door: &Door, announced: Announced) -> Result<Option<Taken>, ReferenceError> {
    let (held, last) = door.call(|store| Ok::<_, StoreError>((store.reference_in_force()?, store.reference_attempt()?))).await?;
    let nothing_yet = announced.version == 0 && held.is_none() && last.is_none();
    let settled = last.is_some_and(|last| last.announced == announced && last.settled);
    if settled || nothing_yet {
        return Ok(None);
    }
    let path = held.as_ref().map_or_else(
        || "sync/v1/reference?have=0".to_owned(),
        |held| {
            let hash = data_encoding::HEXLOWER.encode(&held.statement.hash);
            format!("sync/v1/reference?have={}&hash={hash}", held.statement.version)
        },
    );
    let Answer { version, published } = uplink.reference(&path, PATIENCE).await?;
    let (server_id, receipt_key, key) = uplink.trusts();
    let held = held.map_or(0, |held| held.statement.version);
    let taken = match published {
        Some(published) => {
            door.call(move |store| take(store, &published, (server_id, &receipt_key), announced.epoch, &pen(&key))).await?
        }
        None if version == held => Taken::Same,
        None => Taken::Older { held },
    };
    match taken {
        Taken::Older { held } => Ok(Some(give_back(uplink, door, held).await?)),
        taken => Ok(Some(taken)),
    }
}

/// The aggregator lost the version that is in force here: it gets it back, with its own signature on it.
async fn give_back(uplink: &Uplink, door: &Door, held: u64) -> Result<Taken, ReferenceError> {
    let Some(published) = door.call(|store| store.reference_published()).await? else { return Ok(Taken::Older { held }) };
    let Answer { version, .. } = uplink.reference_give(&published).await?;
    info!(held, version, "reference data offered to a restored aggregator");
    Ok(if version == held { Taken::Same } else { Taken::Older { held } })
}

/// Checks a version and puts it in force. `epoch`: the life in which the aggregator speaks.
pub fn take(
    store: &mut Store,
    published: &Published,
    (server_id, key): (Uuid, &VerifyingKey),
    epoch: Uuid,
    pen: &Pen,
) -> Result<Taken, ReferenceError> {
    let opened = published.open(server_id, key)?;
    let taken = store.reference_take(&opened, &published.statement, epoch, pen)?;
    if let Taken::Applied { rescheduled } = taken {
        info!(version = opened.statement.version, rescheduled, "reference data in force");
    }
    Ok(taken)
}

/// The author of entries that follow from a new version.
pub fn pen(key: &OfficeKey) -> Pen<'_> {
    Pen { author: AUTHOR, now: now(), key, salt: chance }
}

//! When the agent sends by itself while `serve` runs.
//!
//! Promise: a failure here never disturbs the counter, and is tried again. Start at [`run`].

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tracing::warn;

use crate::door::Door;
use crate::office::{Status, chance};
use crate::uplink::{Uplink, UplinkError};

/// How long after a save to wait for more saves.
const AFTER_SAVE: Duration = Duration::from_secs(2);

/// Sends soon after each save, and every `every` while something waits. Ends only with the program.
pub async fn run(data: PathBuf, door: Door, saved: Arc<Notify>, every: Duration) {
    let mut uplink = None;
    loop {
        let spread = every.mul_f64(0.5 + f64::from(u16::from_le_bytes(chance())) / f64::from(u16::MAX));
        let _ = tokio::time::timeout(spread, saved.notified()).await;
        tokio::time::sleep(AFTER_SAVE).await;
        if let Err(error) = attempt(&data, &door, &mut uplink).await {
            warn!(%error, "sync failed");
            uplink = None;
        }
    }
}

async fn attempt(data: &std::path::Path, door: &Door, uplink: &mut Option<Uplink>) -> Result<(), UplinkError> {
    let status = door.call(|store| Status::read(store)).await?;
    if status.aggregator.is_none() || status.pending == 0 {
        return Ok(());
    }
    if uplink.is_none() {
        *uplink = Some(Uplink::open(data, door).await?);
    }
    if let Some(uplink) = uplink {
        uplink.sync(door).await?;
    }
    Ok(())
}

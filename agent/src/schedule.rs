//! The one way in which this PC sends while `serve` runs: by schedule, after a save, or because somebody asks for it.
//!
//! Promise: a failure here never disturbs the counter, and is tried again. When to start is decided by
//! [`motcua_shared::schedule`] from rows and clocks; nothing is remembered that a restart could lose.
//! Start at [`Sender::run`] and [`Sender::send`].

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use motcua_shared::calendar::LocalTime;
use motcua_shared::clock::{self, Doubt, Known};
use motcua_shared::schedule::{Ended, Now, Schedule, Window};
use tokio::sync::Notify;
use tracing::{info, warn};
use uuid::Uuid;

use crate::doctor;
use crate::door::Door;
use crate::findings;
use crate::office::{Status, chance, now};
use crate::store::StoreError;
use crate::uplink::{Summary, Uplink, UplinkError};

/// Where nothing can be sent, or the database does not answer, it is looked at again after this time.
const IDLE: Duration = Duration::from_secs(30);

/// Sends for a whole program.
#[derive(Clone)]
pub struct Sender(Arc<Shared>);

struct Shared {
    data: PathBuf,
    door: Door,
    window: Window,
    started: Instant,
    schedule: Mutex<Schedule>,
    nudge: Notify,
    /// Held by whoever sends.
    uplink: tokio::sync::Mutex<Option<Uplink>>,
    /// This PC's clock at some instant of this run, as long as nobody has set it since.
    clock: Mutex<(LocalTime, Instant)>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sender {
    pub fn new(data: &Path, door: Door, window: Window) -> Sender {
        Sender(Arc::new(Shared {
            data: data.to_owned(),
            door,
            window,
            started: Instant::now(),
            schedule: Mutex::default(),
            nudge: Notify::new(),
            uplink: tokio::sync::Mutex::default(),
            clock: Mutex::new((now(), Instant::now())),
        }))
    }

    /// Something was saved: it is sent soon.
    pub fn saved(&self) {
        lock(&self.0.schedule).saved(self.0.started.elapsed());
        self.0.nudge.notify_one();
    }

    pub fn is_sending(&self) -> bool {
        self.0.uplink.try_lock().is_err()
    }

    /// Seconds after local midnight at which this PC sends at night.
    pub fn night_slot(&self, stream: Uuid, asked: Option<u32>) -> u32 {
        self.0.window.agreed(stream, asked)
    }

    /// What this run knows of the clock, beside what the database knows.
    pub fn clock_known(&self, known: Known) -> Known {
        let (at, instant) = *lock(&self.0.clock);
        Known { earlier: Some((at, instant.elapsed())), ..known }
    }

    /// The clock was found right.
    pub fn clock_trusted(&self) {
        *lock(&self.0.clock) = (now(), Instant::now());
    }

    /// Sends whenever it is time. Ends only with the program.
    pub async fn run(self) {
        loop {
            let pause = self.look().await.unwrap_or_else(|error| {
                warn!(%error, "the schedule cannot see what waits");
                IDLE
            });
            let _ = tokio::time::timeout(pause, self.0.nudge.notified()).await;
        }
    }

    /// Sends if it is time, and gives the time until somebody has to look again.
    async fn look(&self) -> Result<Duration, StoreError> {
        self.watch_clock();
        let Some(now) = self.now().await? else { return Ok(IDLE) };
        let why = lock(&self.0.schedule).tick(now);
        let Some(why) = why else { return Ok(lock(&self.0.schedule).next_look(now)) };
        info!(?why, pending = now.pending, "sync started");
        if let Err(error) = self.send().await {
            warn!(%error, "sync failed");
        }
        let now = self.now().await?;
        Ok(now.map_or(IDLE, |now| lock(&self.0.schedule).next_look(now)))
    }

    /// A clock that somebody set stays suspect until it is found right; one that just goes on is followed.
    fn watch_clock(&self) {
        let known = self.clock_known(Known::default());
        if !matches!(clock::doubt(&known, now()), Some(Doubt::Jumped(_))) {
            self.clock_trusted();
        }
    }

    /// What the schedule decides from; `None` for an office without a line.
    async fn now(&self) -> Result<Option<Now>, StoreError> {
        let (status, asked) = self.0.door.call(|store| Ok::<_, StoreError>((Status::read(store)?, store.night_slot()?))).await?;
        let last_complete = status.last_sync_at.as_deref().and_then(|at| LocalTime::parse_from_rfc3339(at).ok());
        Ok(status.aggregator.is_some().then(|| Now {
            wall: now(),
            running: self.0.started.elapsed(),
            slot_s: self.night_slot(status.stream, asked),
            last_complete,
            pending: status.pending,
            chance: u64::from_le_bytes(chance()),
        }))
    }

    /// Sends now. Whoever else sends is waited for.
    pub async fn send(&self) -> Result<Summary, UplinkError> {
        let mut uplink = self.0.uplink.lock().await;
        let sent = self.session(&mut uplink).await;
        let ended = match &sent {
            Ok(Summary { outcome: "complete", .. }) => Ended::Complete,
            Ok(Summary { retry_after_s: Some(wait), .. }) => Ended::Busy(Duration::from_secs(*wait)),
            _ => Ended::Failed,
        };
        let line = if ended == Ended::Complete {
            self.clock_trusted();
            None
        } else {
            // The next session makes a new connection, with whatever identity this PC has by then.
            *uplink = None;
            doctor::line(&self.0.data, &self.0.door).await
        };
        self.0.door.call(move |store| store.line_note(line)).await;
        if let Some(now) = self.now().await? {
            lock(&self.0.schedule).ended(ended, now);
        }
        sent
    }

    async fn session(&self, uplink: &mut Option<Uplink>) -> Result<Summary, UplinkError> {
        let uplink = match uplink {
            Some(uplink) => uplink,
            None => uplink.insert(Uplink::open(&self.0.data, &self.0.door).await?),
        };
        let summary = uplink.sync(&self.0.door).await?;
        // What a new calendar moved, and what is found here alone, is sent soon too.
        let (beside, sender) = (uplink.clone(), self.clone());
        tokio::spawn(async move {
            let moved = beside.beside().await;
            let (.., key) = beside.trusts();
            let told = sender.0.door.call(move |store| findings::tell(store, &key)).await;
            if let Err(error) = &told {
                warn!(%error, "what only this office can find was not recorded");
            }
            if moved || told.unwrap_or(false) {
                sender.saved();
            }
        });
        Ok(summary)
    }
}

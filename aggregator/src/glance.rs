//! The district at a glance as it is shown: counted once for everybody who looks, and again when something changed.
//!
//! Promise: a small node's first page is never older than the last commit. Where counting takes long (a province, a
//! country), viewers get the newest that was counted, with its time, at most 15 seconds old while changes come in, and nobody
//! waits for it who comes while it is being looked at. Start at [`Glances::look`].

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::NaiveDate;
use motcua_shared::calendar::{LocalTime, local_day};
use motcua_shared::period::Period;

use crate::rollup::{self, NodeHealing, ReportError};
use crate::store::{SqliteStore, Store, StoreError};
use crate::summary::{Summary, summary};

/// What takes no longer is counted for every viewer after every change.
const QUICK: Duration = Duration::from_millis(20);
/// How old a glance may be when something was stored since.
const STALE: Duration = Duration::from_secs(15);
/// And when nothing was: nights are missed by the clock alone.
const STILL: Duration = Duration::from_mins(1);
/// It is counted ahead for those who look this often.
const LOOKED_AT: Duration = Duration::from_mins(5);
/// Periods that are kept at once.
const KEPT: usize = 32;

/// Everything of the first page that costs more than a row.
#[derive(Debug)]
pub struct Glance {
    pub summary: Summary,
    pub healing: Option<NodeHealing>,
}

struct Kept {
    glance: Arc<Glance>,
    /// State of the database when it was counted.
    state: i64,
    counted: Instant,
    took: Duration,
    looked_at: Instant,
}

impl Kept {
    fn serves(&self, state: i64, now: Instant) -> bool {
        let age = now.saturating_duration_since(self.counted);
        match (self.state == state, self.took > QUICK) {
            (true, _) => age < STILL,
            (false, true) => age < STALE,
            (false, false) => false,
        }
    }

    /// Whether it is counted before somebody has to wait for it.
    fn is_counted_ahead(&self, state: i64, now: Instant) -> bool {
        let (age, idle) = (now.saturating_duration_since(self.counted), now.saturating_duration_since(self.looked_at));
        self.took > QUICK && idle < LOOKED_AT && age > if self.state == state { STILL / 2 } else { STALE / 3 }
    }
}

/// The period, and the day on which it is looked at.
type Key = (Period, NaiveDate);

/// The glances of a server.
pub struct Glances {
    /// Sees that others committed.
    watch: Mutex<SqliteStore>,
    kept: Mutex<BTreeMap<Key, Kept>>,
}

impl Glances {
    pub fn open(data: &Path) -> Result<Glances, StoreError> {
        Ok(Glances { watch: Mutex::new(SqliteStore::open_reader(data)?), kept: Mutex::default() })
    }

    /// The node over `period`, from memory or counted now.
    pub fn look(&self, store: &dyn Store, period: Period, now: LocalTime) -> Result<Arc<Glance>, ReportError> {
        let key = (period, local_day(now));
        let (state, instant) = (self.state()?, Instant::now());
        if let Some(kept) = self.kept.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&key) {
            kept.looked_at = instant;
            if kept.serves(state, instant) {
                return Ok(kept.glance.clone());
            }
        }
        self.count(store, key, state, now)
    }

    /// Counts again what is looked at and takes long; to be called every few seconds.
    pub fn count_ahead(&self, store: &dyn Store, now: LocalTime) -> Result<(), ReportError> {
        let (state, instant) = (self.state()?, Instant::now());
        let mut due = Vec::new();
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).retain(|key, kept| {
            if kept.is_counted_ahead(state, instant) && key.1 == local_day(now) {
                due.push(*key);
            }
            instant.saturating_duration_since(kept.looked_at) < LOOKED_AT
        });
        due.into_iter().try_for_each(|key| self.count(store, key, state, now).map(drop))
    }

    fn state(&self) -> Result<i64, StoreError> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner).state()
    }

    /// `state` was read before: what is committed meanwhile makes it count again, and never less.
    fn count(&self, store: &dyn Store, key: Key, state: i64, now: LocalTime) -> Result<Arc<Glance>, ReportError> {
        let began = Instant::now();
        let glance = Arc::new(Glance { summary: summary(store, key.0, now)?, healing: rollup::healing(store)? });
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let looked_at = kept.get(&key).map_or(began, |before| before.looked_at);
        if kept.len() >= KEPT
            && let Some(oldest) = kept.iter().min_by_key(|(_, kept)| kept.looked_at).map(|(key, _)| *key)
        {
            kept.remove(&oldest);
        }
        let took = began.elapsed();
        kept.insert(key, Kept { glance: glance.clone(), state, counted: began, took, looked_at });
        Ok(glance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::tests::{District, UNIT, noon, received};

    fn received_now(glances: &Glances, district: &District) -> i64 {
        let glance = glances.look(&district.store, Period::year(2023), noon()).expect("counted");
        glance.summary.figures["received"].value.numerator.expect("a count")
    }

    #[test]
    fn a_small_node_shows_what_was_stored_a_moment_ago() {
        let mut district = District::new();
        let mut agent = district.agent(UNIT, 1);
        agent.record(1, received(1));
        agent.record(2, received(2));
        let glances = Glances::open(district.directory.path()).expect("opened");
        assert_eq!(received_now(&glances, &district), 0);
        district.send(&agent, 1, 1);
        assert_eq!(received_now(&glances, &district), 1);
        district.send(&agent, 2, 2);
        assert_eq!(received_now(&glances, &district), 2);
    }

    #[test]
    fn what_takes_long_is_shown_for_a_while_and_counted_ahead_for_those_who_look() {
        let district = District::new();
        let glances = Glances::open(district.directory.path()).expect("opened");
        let glance = glances.look(&district.store, Period::year(2023), noon()).expect("counted");
        let start = Instant::now();
        let kept = |took| Kept { glance: glance.clone(), state: 1, counted: start, took, looked_at: start };
        let (quick, slow) = (kept(QUICK), kept(QUICK * 2));
        let cases = [
            // state, seconds later, quick serves, slow serves, slow is counted ahead
            (1, 0, true, true, false),
            (1, 29, true, true, false),
            (1, 31, true, true, true),
            (1, 61, false, false, true),
            (2, 0, false, true, false),
            (2, 6, false, true, true),
            (2, 16, false, false, true),
            (2, 400, false, false, false),
        ];
        for (state, seconds, quick_serves, slow_serves, ahead) in cases {
            let now = start + Duration::from_secs(seconds);
            assert_eq!(quick.serves(state, now), quick_serves, "{state} {seconds}");
            assert_eq!(slow.serves(state, now), slow_serves, "{state} {seconds}");
            assert_eq!(slow.is_counted_ahead(state, now), ahead, "{state} {seconds}");
            assert!(!quick.is_counted_ahead(state, now));
        }
    }

    #[test]
    fn not_everything_that_was_ever_looked_at_is_kept() {
        let district = District::new();
        let glances = Glances::open(district.directory.path()).expect("opened");
        for day in 1..=40 {
            let to = Period::year(2023).from + chrono::Days::new(day);
            glances.look(&district.store, Period { from: Period::year(2023).from, to }, noon()).expect("counted");
        }
        assert_eq!(glances.kept.lock().expect("no panic").len(), KEPT);
    }
}

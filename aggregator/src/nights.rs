//! Who comes when at night, and how many may come at once.
//!
//! Promise: no minute is promised to more offices than fit into it while another has room; an office keeps its slot until
//! its minute is crowded or was too busy. Start at [`Nights::settle`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use motcua_shared::calendar::LocalTime;
use motcua_shared::schedule::{Missed, Window, minute, missed, settle};
use motcua_shared::unit::Organisation;
use serde::Serialize;
use tokio::sync::{Semaphore, SemaphorePermit};
use uuid::Uuid;

use crate::store::{Store, StoreError, StreamStatus};

/// What an operator may say about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The hours in which offices are asked to come.
    pub window: Window,
    /// Offices that are asked to come in one minute.
    pub per_minute: u32,
    /// Requests of offices that are answered at once; the others are asked to come back.
    pub at_once: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { window: Window::default(), per_minute: 120, at_once: 256 }
    }
}

/// The nights of a server.
pub struct Nights {
    limits: Limits,
    places: Semaphore,
    /// Minutes in which somebody had to be sent away since the start. They count as half as large.
    too_busy: Mutex<BTreeSet<u32>>,
}

impl Nights {
    pub fn new(limits: Limits) -> Nights {
        Nights { limits, places: Semaphore::new(limits.at_once), too_busy: Mutex::default() }
    }

    /// A place for one request, held while it is answered; `None`: too many are here already.
    pub fn place(&self, at: LocalTime) -> Option<SemaphorePermit<'_>> {
        let place = self.places.try_acquire().ok();
        if place.is_none() {
            let second = chrono::Timelike::num_seconds_from_midnight(&at);
            self.too_busy.lock().unwrap_or_else(PoisonError::into_inner).insert(minute(second));
        }
        place
    }

    /// Gives a stream its slot, or another one when its minute is crowded.
    pub fn settle(&self, store: &mut dyn Store, stream: Uuid) -> Result<(), StoreError> {
        let has = store.night_slot(stream)?;
        let too_busy = self.too_busy.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut failed = None;
        let slot_s = settle(self.limits.window, stream, has, |minute| {
            let room = if too_busy.contains(&minute) { self.limits.per_minute / 2 } else { self.limits.per_minute };
            match store.night_crowd(minute, stream) {
                Ok(crowd) => crowd >= room,
                Err(error) => {
                    failed = Some(error);
                    false
                }
            }
        });
        if let Some(error) = failed {
            return Err(error);
        }
        if has != Some(slot_s) {
            store.night_slot_set(stream, slot_s)?;
        }
        Ok(())
    }
}

/// An office that did not come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Absent {
    /// Its key; written as its code.
    #[serde(serialize_with = "motcua_shared::unit::code_only")]
    pub unit: String,
    pub name: String,
    #[serde(flatten)]
    pub missed: Missed,
    pub last_seen_at: Option<String>,
}

/// Offices that missed their night, longest away first. An office with several PCs has come when one of them has.
pub fn absent(streams: &[StreamStatus], organisation: &Organisation, now: LocalTime) -> Vec<Absent> {
    let mut last: BTreeMap<&str, (LocalTime, Option<String>)> = BTreeMap::new();
    for stream in streams {
        let contact = stream.last_seen_at.as_deref().unwrap_or(&stream.enrolled_at);
        let Ok(at) = LocalTime::parse_from_rfc3339(contact) else { continue };
        let newest = last.entry(&stream.unit).or_insert_with(|| (at, stream.last_seen_at.clone()));
        if at > newest.0 {
            *newest = (at, stream.last_seen_at.clone());
        }
    }
    let mut absent: Vec<Absent> = last
        .into_iter()
        .filter_map(|(unit, (at, last_seen_at))| {
            let name = organisation.name(unit).to_owned();
            Some(Absent { unit: unit.to_owned(), name, missed: missed(at, now)?, last_seen_at })
        })
        .collect();
    absent.sort_by_key(|office| std::cmp::Reverse(office.missed.nights));
    absent
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::tests::{District, UNIT};

    fn wall(text: &str) -> LocalTime {
        LocalTime::parse_from_rfc3339(text).expect("a time")
    }

    fn slots(district: &District) -> Vec<Option<u32>> {
        district.store.streams(None).expect("read").iter().map(|stream| stream.night_slot_s).collect()
    }

    #[test]
    fn offices_are_moved_out_of_a_crowded_minute_and_stay_where_there_is_room() {
        let mut district = District::new();
        let window = "22:00-22:03".parse().expect("a window");
        let nights = Nights::new(Limits { window, per_minute: 1, at_once: 1 });
        let streams: Vec<Uuid> = (1..=3).map(|number| district.agent(UNIT, number).stream).collect();
        for stream in &streams {
            nights.settle(&mut district.store, *stream).expect("settled");
        }
        let first = slots(&district);
        let minutes: BTreeSet<u32> = first.iter().flatten().map(|slot| minute(*slot)).collect();
        assert_eq!(minutes, BTreeSet::from([22 * 60, 22 * 60 + 1, 22 * 60 + 2]));
        for stream in &streams {
            nights.settle(&mut district.store, *stream).expect("settled");
        }
        assert_eq!(slots(&district), first);
    }

    #[test]
    fn who_was_sent_away_gets_another_minute() {
        let mut district = District::new();
        let nights = Nights::new(Limits { window: Window::default(), per_minute: 1, at_once: 1 });
        let stream = district.agent(UNIT, 1).stream;
        district.store.night_slot_set(stream, 22 * 3600).expect("set");
        let at = wall("2026-11-24T22:00:30+07:00");
        let place = nights.place(at);
        assert!(place.is_some() && nights.place(at).is_none());
        nights.settle(&mut district.store, stream).expect("settled");
        assert_eq!(slots(&district), [Some(22 * 3600 + 60)]);
    }

    #[test]
    fn an_office_with_a_replaced_pc_is_not_absent_and_a_silent_one_is() {
        let stream = |unit: &str, last_seen_at: Option<&str>| StreamStatus {
            unit_since: None,
            unit: unit.to_owned(),
            stream: Uuid::nil(),
            stored_through: 0,
            applied: 0,
            quarantined: 0,
            forked: 0,
            head_seq: 0,
            pending: 0,
            complete_to: None,
            last_seen_at: last_seen_at.map(str::to_owned),
            enrolled_at: "2026-11-01T09:00:00+07:00".to_owned(),
            agent_version: None,
            clock_offset_ms: None,
            night_slot_s: None,
            healing: None,
        };
        let streams = [
            stream("1", Some("2026-11-03T22:00:00+07:00")),
            stream("1", Some("2026-11-23T22:00:00+07:00")),
            stream("2", Some("2026-11-20T22:00:00+07:00")),
            stream("3", None),
        ];
        let absent = absent(&streams, &Organisation::default(), wall("2026-11-24T13:00:00+07:00"));
        let told: Vec<(&str, u32, String)> =
            absent.iter().map(|office| (office.unit.as_str(), office.missed.nights, office.missed.since.to_string())).collect();
        assert_eq!(told, [("3", 23, "2026-11-01".to_owned()), ("2", 3, "2026-11-21".to_owned())]);
    }
}

//! When an agent starts an exchange by itself, and which minute of the night each office gets, decided without a clock.
//!
//! Promise: a failed line never causes more than a later retry; offices spread themselves over the night and after a
//! common outage; a wall clock that jumps costs at most one exchange too many. A night counts from noon to noon: an
//! office has kept it when any session of it arrived in it. Start at [`Schedule::tick`], [`settle`] and [`missed`].

use std::str::FromStr;
use std::time::Duration;

use chrono::{NaiveDate, NaiveTime, Timelike};
use serde::Serialize;
use uuid::Uuid;

use crate::calendar::{LocalTime, local_day};

/// How long after a save to wait for the next one.
const AFTER_SAVE: Duration = Duration::from_secs(3);
/// A night that was missed (the PC was off, the lid was shut) is made up for within this time after waking.
const SPREAD: Duration = Duration::from_mins(10);
/// A slot that went by longer ago than this was missed.
const LATE: chrono::Duration = chrono::Duration::minutes(5);
/// First and longest ceiling of the pause after failures.
const FIRST_PAUSE: Duration = Duration::from_secs(15);
const LONGEST_PAUSE: Duration = Duration::from_mins(30);
/// No aggregator keeps an agent quiet for longer than this.
const LONGEST_WAIT: Duration = Duration::from_hours(2);
/// Nobody looked for this long, or the wall clock ran ahead of the running time by it: the PC slept, or the clock was set.
const SLEPT: Duration = Duration::from_mins(2);
/// Longest time between two looks, and shortest.
const LOOK: Duration = Duration::from_secs(30);
const GLANCE: Duration = Duration::from_millis(200);
const DAY_S: u32 = 24 * 3600;

/// The hours in which offices are asked to sync at night, local time; it may span midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub from: NaiveTime,
    pub to: NaiveTime,
}

/// A window is written `18:00-06:00`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("“{0}” không phải khung giờ; cần dạng 18:00-06:00")]
pub struct NoWindow(String);

impl FromStr for Window {
    type Err = NoWindow;

    fn from_str(text: &str) -> Result<Window, NoWindow> {
        let time = |text: &str| {
            let text = text.trim();
            NaiveTime::parse_from_str(text, "%H:%M").or_else(|_| NaiveTime::parse_from_str(text, "%H:%M:%S")).ok()
        };
        let ends = text.split_once('-').and_then(|(from, to)| Some(Window { from: time(from)?, to: time(to)? }));
        ends.ok_or_else(|| NoWindow(text.to_owned()))
    }
}

impl Default for Window {
    /// From 18:00 to 6:00.
    fn default() -> Self {
        let hour = |hour| NaiveTime::from_hms_opt(hour, 0, 0).expect("a literal time of day");
        Window { from: hour(18), to: hour(6) }
    }
}

impl Window {
    fn length_s(self) -> u32 {
        let (from, to) = (self.from.num_seconds_from_midnight(), self.to.num_seconds_from_midnight());
        if to > from { to - from } else { to + DAY_S - from }
    }

    /// Seconds from the start of the window to a second of the day.
    fn into_s(self, slot_s: u32) -> u32 {
        (slot_s % DAY_S + DAY_S - self.from.num_seconds_from_midnight()) % DAY_S
    }

    pub fn contains(self, slot_s: u32) -> bool {
        self.into_s(slot_s) < self.length_s()
    }

    /// The stream's own second of the window: the same every night, evenly spread over streams. Seconds after midnight.
    pub fn slot(self, stream: Uuid) -> u32 {
        let hash = blake3::derive_key("motcua 2026 night slot v1", stream.as_bytes());
        let number = u64::from_le_bytes(hash[..8].try_into().expect("a hash has eight bytes"));
        let within = u32::try_from(number % u64::from(self.length_s())).expect("below a day");
        (self.from.num_seconds_from_midnight() + within) % DAY_S
    }

    /// The slot that an agent follows: the one it was asked to take, if that lies in its own window.
    pub fn agreed(self, stream: Uuid, asked: Option<u32>) -> u32 {
        asked.filter(|slot_s| self.contains(*slot_s)).unwrap_or_else(|| self.slot(stream))
    }
}

/// The minute of the day that a slot lies in.
pub fn minute(slot_s: u32) -> u32 {
    slot_s % DAY_S / 60
}

/// The slot that an aggregator asks a stream to take: the one it has, or its own by hash, or, where `is_full` says that
/// the minute has no room, the same second of the next minute in the window that has. If all are full, it stays.
pub fn settle(window: Window, stream: Uuid, has: Option<u32>, mut is_full: impl FnMut(u32) -> bool) -> u32 {
    let first = has.filter(|slot_s| window.contains(*slot_s)).unwrap_or_else(|| window.slot(stream));
    let from = window.from.num_seconds_from_midnight();
    let (within, length) = (window.into_s(first), window.length_s());
    let mut candidates = (0..length.div_ceil(60)).map(|step| (from + (within + step * 60) % length) % DAY_S);
    candidates.find(|slot_s| !is_full(minute(*slot_s))).unwrap_or(first)
}

/// The night that an instant belongs to, named by the day on whose noon it begins.
pub fn night_of(at: LocalTime) -> NaiveDate {
    local_day(at - chrono::Duration::hours(12))
}

/// Nights that went by without a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Missed {
    /// How many, without a break, up to the last one that has ended.
    pub nights: u32,
    /// The first of them.
    pub since: NaiveDate,
}

/// The nights that an office has missed at `now`: those that have ended since the one of its last contact.
pub fn missed(last_contact: LocalTime, now: LocalTime) -> Option<Missed> {
    let since = crate::calendar::tomorrow(night_of(last_contact));
    let nights = u32::try_from((night_of(now) - since).num_days()).ok().filter(|nights| *nights > 0)?;
    Some(Missed { nights, since })
}

/// Why an exchange starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Its slot of the night has come.
    Night,
    /// Its slot went by while the PC was off or asleep.
    MissedNight,
    /// Something was saved.
    Saved,
    /// It failed before, and something still waits: entries, or the night.
    Retry,
}

/// How an exchange ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The aggregator has everything.
    Complete,
    Failed,
    /// The aggregator asks to come back after this time at the earliest.
    Busy(Duration),
}

/// What the rim knows at a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    pub wall: LocalTime,
    /// Time that the program has run; never goes back.
    pub running: Duration,
    /// Seconds after local midnight.
    pub slot_s: u32,
    /// When the newest exchange ended with everything stored, by the wall clock. Kept over restarts.
    pub last_complete: Option<LocalTime>,
    /// Entries without a receipt.
    pub pending: u64,
    /// Any random number.
    pub chance: u64,
}

/// The state between ticks. Nothing in it is worth keeping over a restart.
#[derive(Debug, Clone, Default)]
pub struct Schedule {
    /// The last tick: wall and running time.
    last_tick: Option<(LocalTime, Duration)>,
    last_save: Option<Duration>,
    failures: u32,
    not_before: Duration,
    /// Until then a missed night waits, so that a district does not wake all at once.
    spread_until: Duration,
}

impl Schedule {
    /// Something was saved at `running`.
    pub fn saved(&mut self, running: Duration) {
        self.last_save = Some(running);
    }

    /// Whether to start now, and why. Call it when [`Schedule::next_look`] says so, and after each save.
    pub fn tick(&mut self, now: Now) -> Option<Why> {
        if self.woke(now) {
            self.spread_until = now.running + jitter(SPREAD, now.chance);
            self.not_before = self.not_before.min(self.spread_until);
        }
        self.last_tick = Some((now.wall, now.running));
        let why = self.due(now)?;
        self.last_save = None;
        Some(why)
    }

    /// An exchange has ended, whoever started it.
    pub fn ended(&mut self, how: Ended, now: Now) {
        self.last_tick = Some((now.wall, now.running));
        let least = match how {
            Ended::Complete => {
                (self.failures, self.not_before) = (0, now.running);
                return;
            }
            Ended::Failed => Duration::ZERO,
            Ended::Busy(wait) => wait.min(LONGEST_WAIT),
        };
        self.failures = self.failures.saturating_add(1);
        let ceiling = FIRST_PAUSE.saturating_mul(1 << self.failures.min(16)).min(LONGEST_PAUSE);
        self.not_before = now.running + least + jitter(ceiling, now.chance);
    }

    /// How long the rim may look away.
    pub fn next_look(&self, now: Now) -> Duration {
        let times = [Some(self.not_before), Some(self.spread_until), self.last_save.map(|saved| saved + AFTER_SAVE)];
        let to_come = times.into_iter().flatten().filter_map(|time| time.checked_sub(now.running)).filter(|rest| !rest.is_zero());
        let to_slot = Duration::from_secs(u64::from((now.slot_s % DAY_S + DAY_S - second_of_day(now.wall)) % DAY_S));
        to_come.chain([to_slot]).min().unwrap_or(LOOK).clamp(GLANCE, LOOK)
    }

    fn woke(&self, now: Now) -> bool {
        let Some((wall, running)) = self.last_tick else { return true };
        let ran = now.running.saturating_sub(running);
        // Where the running time counts while the PC sleeps, only the long silence tells.
        let limit = chrono::Duration::from_std(ran + SLEPT).unwrap_or(chrono::Duration::MAX);
        ran > SLEPT || now.wall - wall > limit
    }

    fn due(&self, now: Now) -> Option<Why> {
        if now.running < self.not_before {
            return None;
        }
        self.night(now).or_else(|| self.waiting(now))
    }

    fn night(&self, now: Now) -> Option<Why> {
        let slot = last_slot(now.wall, now.slot_s);
        // An exchange that lies in the future was noted by a clock that has since been set back: it tells nothing.
        if now.last_complete.is_some_and(|complete| slot <= complete && complete <= now.wall) {
            return None;
        }
        match () {
            () if self.failures > 0 => Some(Why::Retry),
            () if now.wall - slot <= LATE => Some(Why::Night),
            () if now.running >= self.spread_until => Some(Why::MissedNight),
            () => None,
        }
    }

    fn waiting(&self, now: Now) -> Option<Why> {
        match self.last_save {
            _ if now.pending == 0 => None,
            Some(saved) if now.running < saved + AFTER_SAVE => None,
            None if self.failures > 0 => Some(Why::Retry),
            _ => Some(Why::Saved),
        }
    }
}

fn second_of_day(at: LocalTime) -> u32 {
    at.with_timezone(&crate::calendar::VIETNAM).num_seconds_from_midnight()
}

/// The newest time at or before `now` at which local clocks showed the slot.
fn last_slot(now: LocalTime, slot_s: u32) -> LocalTime {
    let time = NaiveTime::from_num_seconds_from_midnight_opt(slot_s % DAY_S, 0).unwrap_or(NaiveTime::MIN);
    let today = crate::calendar::at(local_day(now), time);
    if today <= now { today } else { today - chrono::Duration::days(1) }
}

/// Anything up to `ceiling`: full jitter.
fn jitter(ceiling: Duration, chance: u64) -> Duration {
    let millis = u64::try_from(ceiling.as_millis()).unwrap_or(u64::MAX - 1);
    Duration::from_millis(chance % (millis + 1))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn wall(text: &str) -> LocalTime {
        chrono::DateTime::parse_from_str(&format!("{text} +0700"), "%Y-%m-%d %H:%M %z").expect("a time")
    }

    /// Slot at 22:00, all sent in the night before.
    fn now(text: &str, running_s: u64, pending: u64) -> Now {
        Now {
            wall: wall(text),
            running: Duration::from_secs(running_s),
            slot_s: 22 * 3600,
            last_complete: Some(wall("2026-11-21 22:01")),
            pending,
            chance: 0,
        }
    }

    #[test]
    fn slots_lie_in_the_window_and_spread_evenly() {
        let window = Window::default();
        let slots: Vec<u32> = (0..1000u128).map(|n| window.slot(Uuid::from_u128(n))).collect();
        assert!(slots.iter().all(|slot| *slot >= 18 * 3600 || *slot < 6 * 3600));
        assert!(slots.iter().all(|slot| window.contains(*slot)) && !window.contains(6 * 3600) && !window.contains(12 * 3600));
        let in_first_hour = slots.iter().filter(|slot| (18 * 3600..19 * 3600).contains(*slot)).count();
        assert!((40..130).contains(&in_first_hour), "{in_first_hour} of 1000 in one of twelve hours");
    }

    #[test]
    fn a_window_is_read_as_it_is_written() {
        assert_eq!("18:00-06:00".parse(), Ok(Window::default()));
        assert_eq!("18:00 - 06:00:00".parse(), Ok(Window::default()));
        for wrong in ["", "18:00", "18:00-25:00", "six-seven"] {
            assert!(wrong.parse::<Window>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_crowded_minute_gives_its_offices_to_the_next_ones() {
        let window: Window = "22:00-22:10".parse().expect("a window");
        let mut taken: BTreeMap<u32, u32> = BTreeMap::new();
        for n in 0..50u128 {
            let slot_s = settle(window, Uuid::from_u128(n), None, |minute| taken.get(&minute).is_some_and(|count| *count >= 5));
            assert!(window.contains(slot_s), "{slot_s}");
            *taken.entry(minute(slot_s)).or_default() += 1;
        }
        assert!(taken.len() == 10 && taken.values().all(|count| *count == 5), "{taken:?}");
        let one_more = Uuid::from_u128(99);
        assert_eq!(settle(window, one_more, None, |_| true), window.slot(one_more), "no room anywhere: its own");
    }

    #[test]
    fn a_slot_is_kept_until_its_minute_is_full_or_outside_the_window() {
        let (window, stream) = (Window::default(), Uuid::from_u128(7));
        assert_eq!(settle(window, stream, Some(22 * 3600), |_| false), 22 * 3600);
        assert_eq!(settle(window, stream, Some(22 * 3600), |minute| minute == 22 * 60), 22 * 3600 + 60);
        assert_eq!(settle(window, stream, Some(6 * 3600 - 1), |minute| minute == 6 * 60 - 1), 18 * 3600 + 59, "round the end");
        assert_eq!(settle(window, stream, Some(12 * 3600), |_| false), window.slot(stream));
        assert_eq!(window.agreed(stream, Some(12 * 3600)), window.slot(stream), "an agent knows its own hours");
        assert_eq!(window.agreed(stream, Some(19 * 3600)), 19 * 3600);
    }

    #[track_caller]
    fn has_missed(last_contact: &str, at: &str, expected: Option<(u32, &str)>) {
        let missed = missed(wall(last_contact), wall(at)).map(|missed| (missed.nights, missed.since.to_string()));
        assert_eq!(missed, expected.map(|(nights, since)| (nights, since.to_owned())));
    }

    #[test]
    fn a_night_goes_from_noon_to_noon_and_any_session_keeps_it() {
        has_missed("2026-11-20 23:10", "2026-11-21 11:59", None);
        has_missed("2026-11-20 23:10", "2026-11-22 11:59", None);
        has_missed("2026-11-20 23:10", "2026-11-22 12:00", Some((1, "2026-11-21")));
        has_missed("2026-11-21 07:30", "2026-11-22 12:00", Some((1, "2026-11-21")));
        has_missed("2026-11-21 13:00", "2026-11-22 12:00", None);
        has_missed("2026-11-01 23:00", "2026-11-24 08:00", Some((21, "2026-11-02")));
        has_missed("2046-11-01 23:00", "2026-11-24 08:00", None);
    }

    #[test]
    fn the_night_starts_at_its_slot_once_even_when_nothing_waits() {
        let mut schedule = Schedule::default();
        assert_eq!(schedule.tick(now("2026-11-22 21:59", 0, 0)), None);
        assert_eq!(schedule.tick(now("2026-11-22 22:00", 60, 0)), Some(Why::Night));
        let done = |text, running_s| Now { last_complete: Some(wall("2026-11-22 22:01")), ..now(text, running_s, 0) };
        schedule.ended(Ended::Complete, done("2026-11-22 22:01", 120));
        assert_eq!(schedule.tick(done("2026-11-22 22:02", 180)), None);
        assert_eq!(schedule.tick(done("2026-11-23 21:59", 86_400)), None);
        assert_eq!(schedule.tick(done("2026-11-23 22:00", 86_460)), Some(Why::Night));
    }

    #[test]
    fn a_night_that_failed_is_tried_again_even_when_nothing_waits() {
        let mut schedule = Schedule::default();
        assert_eq!(schedule.tick(now("2026-11-22 22:00", 0, 0)), Some(Why::Night));
        schedule.ended(Ended::Failed, Now { chance: 20_000, ..now("2026-11-22 22:01", 60, 0) });
        assert_eq!(schedule.tick(now("2026-11-22 22:01", 79, 0)), None);
        assert_eq!(schedule.tick(now("2026-11-22 22:01", 80, 0)), Some(Why::Retry));
    }

    #[test]
    fn a_pc_switched_off_at_17h_makes_up_for_the_night_after_a_spread_delay() {
        let mut schedule = Schedule::default();
        let morning = Now { chance: 300_000, ..now("2026-11-23 07:30", 0, 0) };
        assert_eq!(schedule.tick(morning), None, "not at once: the whole district wakes at half past seven");
        for running_s in (30..300).step_by(30) {
            let later = now(&format!("2026-11-23 07:{}", 30 + running_s / 60), running_s, 0);
            assert_eq!(schedule.tick(later), None);
        }
        assert_eq!(schedule.tick(now("2026-11-23 07:35", 300, 0)), Some(Why::MissedNight));
    }

    #[test]
    fn a_lid_that_was_shut_counts_as_waking_whether_or_not_the_running_time_went_on() {
        for running_s in [130, 54_100] {
            let mut schedule = Schedule::default();
            assert_eq!(schedule.tick(now("2026-11-22 17:00", 100, 0)), None);
            schedule.ended(Ended::Failed, Now { chance: u64::MAX, ..now("2026-11-22 17:00", 100, 0) });
            schedule.failures = 0;
            let opened = Now { chance: 60_000, ..now("2026-11-23 08:00", running_s, 0) };
            assert_eq!(schedule.tick(opened), None);
            assert_eq!(schedule.tick(now("2026-11-23 08:01", running_s + 60, 0)), Some(Why::MissedNight));
        }
    }

    #[test]
    fn a_save_is_sent_soon_and_saves_that_follow_go_with_it() {
        let mut schedule = Schedule::default();
        schedule.tick(now("2026-11-22 09:00", 0, 0));
        schedule.saved(Duration::from_secs(10));
        assert_eq!(schedule.tick(now("2026-11-22 09:00", 11, 3)), None);
        schedule.saved(Duration::from_secs(12));
        assert_eq!(schedule.tick(now("2026-11-22 09:00", 14, 5)), None);
        assert_eq!(schedule.next_look(now("2026-11-22 09:00", 14, 5)), Duration::from_secs(1));
        assert_eq!(schedule.tick(now("2026-11-22 09:00", 15, 5)), Some(Why::Saved));
        assert_eq!(schedule.tick(now("2026-11-22 09:01", 20, 1)), Some(Why::Saved), "saved by another program");
    }

    #[test]
    fn failures_wait_longer_and_longer_but_never_more_than_half_an_hour() {
        let mut schedule = Schedule::default();
        schedule.tick(now("2026-11-22 09:00", 0, 1));
        for failure in 1..40u32 {
            let ended = Now { chance: u64::MAX, ..now("2026-11-22 09:00", 0, 1) };
            schedule.ended(Ended::Failed, ended);
            assert!(schedule.not_before <= FIRST_PAUSE.saturating_mul(1 << failure.min(16)).min(LONGEST_PAUSE));
        }
        schedule.ended(Ended::Failed, Now { chance: 20_000, ..now("2026-11-22 09:00", 0, 1) });
        assert_eq!(schedule.tick(now("2026-11-22 09:00", 19, 1)), None);
        assert_eq!(schedule.tick(now("2026-11-22 09:00", 20, 1)), Some(Why::Retry));
    }

    #[test]
    fn a_busy_aggregator_is_left_alone_as_long_as_it_asks_but_not_for_ever() {
        let mut schedule = Schedule::default();
        schedule.tick(now("2026-11-22 09:00", 0, 1));
        schedule.ended(Ended::Busy(Duration::from_mins(1)), Now { chance: 5_000, ..now("2026-11-22 09:00", 0, 1) });
        assert_eq!(schedule.tick(now("2026-11-22 09:01", 64, 1)), None);
        assert_eq!(schedule.tick(now("2026-11-22 09:01", 65, 1)), Some(Why::Retry));
        schedule.ended(Ended::Busy(Duration::MAX), now("2026-11-22 09:02", 70, 1));
        assert!(schedule.not_before <= Duration::from_secs(70) + LONGEST_WAIT);
    }

    #[test]
    fn the_rim_looks_again_in_time_for_the_slot_and_never_less_than_twice_a_minute() {
        let mut schedule = Schedule::default();
        schedule.tick(now("2026-11-22 09:00", 0, 0));
        assert_eq!(schedule.next_look(now("2026-11-22 09:00", 1, 0)), LOOK);
        let close = Now { wall: wall("2026-11-22 21:59") + chrono::Duration::seconds(50), ..now("2026-11-22 21:59", 1, 0) };
        assert_eq!(schedule.next_look(close), Duration::from_secs(10));
    }

    #[test]
    fn clocks_that_jump_cost_at_most_one_exchange_too_many() {
        for jump in ["2046-11-22 09:01", "2006-11-22 09:01"] {
            let mut schedule = Schedule::default();
            schedule.tick(now("2026-11-22 09:00", 0, 0));
            let (mut started, mut last_complete) = (0, now(jump, 0, 0).last_complete);
            for tick in 0..200 {
                let wall = wall(jump) + chrono::Duration::seconds(tick);
                let now = Now { wall, last_complete, ..now(jump, 600 + tick.unsigned_abs(), 0) };
                if schedule.tick(now).is_some() {
                    started += 1;
                    last_complete = Some(wall);
                    schedule.ended(Ended::Complete, now);
                }
            }
            assert!(started <= 1, "{started} after {jump}");
        }
    }
}

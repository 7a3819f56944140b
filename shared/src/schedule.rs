//! When an agent starts an exchange by itself, decided without a clock.
//!
//! Promise: a failed line never causes more than a later retry; offices spread themselves over the night and after a
//! common outage; a wall clock that jumps costs at most one exchange too many. Start at [`Schedule::tick`].

use std::time::Duration;

use chrono::{NaiveTime, Timelike};
use uuid::Uuid;

use crate::calendar::{LocalTime, local_day};

/// How long after a save to wait for the next one.
const AFTER_SAVE: Duration = Duration::from_secs(3);
/// A night that was missed (the PC was off, the lid was shut) is made up for within this time after waking.
const SPREAD: Duration = Duration::from_mins(10);
/// First and longest ceiling of the pause after failures.
const FIRST_PAUSE: Duration = Duration::from_secs(15);
const LONGEST_PAUSE: Duration = Duration::from_mins(30);
/// The wall clock ran ahead of the running time by more than this: the PC slept, or the clock was set.
const SLEPT: Duration = Duration::from_mins(2);
const DAY_S: u32 = 24 * 3600;

/// The hours in which offices are asked to sync at night, local time; it may span midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub from: NaiveTime,
    pub to: NaiveTime,
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

    /// The stream's own second of the window: the same every night, evenly spread over streams. Seconds after midnight.
    pub fn slot(self, stream: Uuid) -> u32 {
        let hash = blake3::derive_key("motcua 2026 night slot v1", stream.as_bytes());
        let number = u64::from_le_bytes(hash[..8].try_into().expect("a hash has eight bytes"));
        let within = u32::try_from(number % u64::from(self.length_s())).expect("below a day");
        (self.from.num_seconds_from_midnight() + within) % DAY_S
    }
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
    /// Something still waits after a failure.
    Retry,
}

/// What the rim knows at a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    pub wall: LocalTime,
    /// Time that the program has run; never goes back.
    pub running: Duration,
    /// Entries without a receipt.
    pub pending: u64,
    /// Any random number.
    pub chance: u64,
}

/// The state between ticks.
#[derive(Debug, Clone)]
pub struct Schedule {
    slot_s: u32,
    /// When the last exchange started, by the wall clock; kept over restarts.
    last_started: Option<LocalTime>,
    /// The last tick: wall and running time.
    last_tick: Option<(LocalTime, Duration)>,
    last_save: Option<Duration>,
    failures: u32,
    not_before: Duration,
    /// Until then a missed night waits, so that a district does not wake all at once.
    spread_until: Duration,
}

impl Schedule {
    /// A schedule with its slot (seconds after local midnight) and what is remembered of the last start.
    pub fn new(slot_s: u32, last_started: Option<LocalTime>) -> Schedule {
        Schedule {
            slot_s: slot_s % DAY_S,
            last_started,
            last_tick: None,
            last_save: None,
            failures: 0,
            not_before: Duration::ZERO,
            spread_until: Duration::ZERO,
        }
    }

    /// The aggregator asks for another slot.
    pub fn move_slot(&mut self, slot_s: u32) {
        self.slot_s = slot_s % DAY_S;
    }

    /// Something was saved at `running`.
    pub fn saved(&mut self, running: Duration) {
        self.last_save = Some(running);
    }

    /// Whether to start now, and why. Call it at least every half minute, and after each save.
    pub fn tick(&mut self, now: Now) -> Option<Why> {
        if self.woke(now) {
            self.spread_until = now.running + jitter(SPREAD, now.chance);
        }
        self.last_tick = Some((now.wall, now.running));
        let why = self.due(now)?;
        self.last_started = Some(now.wall);
        self.last_save = None;
        Some(why)
    }

    /// An exchange that was started has ended.
    pub fn ended(&mut self, complete: bool, now: Now) {
        if complete {
            self.failures = 0;
            self.not_before = now.running;
        } else {
            self.failures = self.failures.saturating_add(1);
            let ceiling = FIRST_PAUSE.saturating_mul(1 << self.failures.min(16)).min(LONGEST_PAUSE);
            self.not_before = now.running + jitter(ceiling, now.chance);
        }
    }

    fn woke(&self, now: Now) -> bool {
        let Some((wall, running)) = self.last_tick else { return true };
        let ran = chrono::Duration::from_std(now.running.saturating_sub(running) + SLEPT).unwrap_or(chrono::Duration::MAX);
        now.wall - wall > ran
    }

    fn due(&self, now: Now) -> Option<Why> {
        if now.running < self.not_before {
            return None;
        }
        let slot = last_slot(now.wall, self.slot_s);
        // A start that lies in the future was noted by a clock that has since been set back: it tells nothing.
        let night_done = self.last_started.is_some_and(|started| slot <= started && started <= now.wall);
        if !night_done {
            let late = now.wall - slot > chrono::Duration::minutes(5);
            if !late {
                return Some(Why::Night);
            }
            if now.running >= self.spread_until {
                return Some(Why::MissedNight);
            }
        }
        self.waiting(now)
    }

    fn waiting(&self, now: Now) -> Option<Why> {
        if now.pending == 0 {
            return None;
        }
        match self.last_save {
            Some(saved) if now.running >= saved + AFTER_SAVE => Some(Why::Saved),
            Some(_) => None,
            None if self.failures > 0 || self.last_started.is_none() => Some(Why::Retry),
            None => Some(Why::Saved),
        }
    }
}

/// The newest time at or before `now` at which local clocks showed the slot.
fn last_slot(now: LocalTime, slot_s: u32) -> LocalTime {
    let time = NaiveTime::from_num_seconds_from_midnight_opt(slot_s, 0).unwrap_or(NaiveTime::MIN);
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
    use super::*;

    fn wall(text: &str) -> LocalTime {
        chrono::DateTime::parse_from_str(&format!("{text} +0700"), "%Y-%m-%d %H:%M %z").expect("a time")
    }

    fn now(text: &str, running_s: u64, pending: u64) -> Now {
        Now { wall: wall(text), running: Duration::from_secs(running_s), pending, chance: 0 }
    }

    /// Slot at 22:00, last started in the night before.
    fn schedule() -> Schedule {
        Schedule::new(22 * 3600, Some(wall("2026-11-21 22:00")))
    }

    #[test]
    fn slots_lie_in_the_window_and_spread_evenly() {
        let window = Window::default();
        let slots: Vec<u32> = (0..1000u128).map(|n| window.slot(Uuid::from_u128(n))).collect();
        assert!(slots.iter().all(|slot| *slot >= 18 * 3600 || *slot < 6 * 3600));
        let in_first_hour = slots.iter().filter(|slot| (18 * 3600..19 * 3600).contains(*slot)).count();
        assert!((40..130).contains(&in_first_hour), "{in_first_hour} of 1000 in one of twelve hours");
    }

    #[test]
    fn the_night_starts_at_its_slot_once() {
        let mut schedule = schedule();
        assert_eq!(schedule.tick(now("2026-11-22 21:59", 0, 0)), None);
        assert_eq!(schedule.tick(now("2026-11-22 22:00", 60, 0)), Some(Why::Night));
        schedule.ended(true, now("2026-11-22 22:01", 120, 0));
        assert_eq!(schedule.tick(now("2026-11-22 22:02", 180, 0)), None);
        assert_eq!(schedule.tick(now("2026-11-23 21:59", 86_400, 0)), None);
        assert_eq!(schedule.tick(now("2026-11-23 22:00", 86_460, 0)), Some(Why::Night));
    }

    #[test]
    fn a_pc_switched_off_at_17h_makes_up_for_the_night_after_a_spread_delay() {
        let mut schedule = schedule();
        let morning = Now { chance: 300_000, ..now("2026-11-23 07:30", 0, 0) };
        assert_eq!(schedule.tick(morning), None, "not at once: the whole district wakes at half past seven");
        assert_eq!(schedule.tick(now("2026-11-23 07:34", 240, 0)), None);
        assert_eq!(schedule.tick(now("2026-11-23 07:35", 300, 0)), Some(Why::MissedNight));
    }

    #[test]
    fn a_lid_that_was_shut_counts_as_waking() {
        let mut schedule = schedule();
        assert_eq!(schedule.tick(now("2026-11-22 17:00", 100, 0)), None);
        let opened = Now { chance: 60_000, ..now("2026-11-23 08:00", 130, 0) };
        assert_eq!(schedule.tick(opened), None);
        assert_eq!(schedule.tick(now("2026-11-23 08:01", 190, 0)), Some(Why::MissedNight));
    }

    #[test]
    fn a_save_is_sent_soon_and_saves_that_follow_go_with_it() {
        let mut schedule = schedule();
        schedule.tick(now("2026-11-22 09:00", 0, 0));
        schedule.saved(Duration::from_secs(10));
        assert_eq!(schedule.tick(now("2026-11-22 09:00", 11, 3)), None);
        schedule.saved(Duration::from_secs(12));
        assert_eq!(schedule.tick(now("2026-11-22 09:00", 14, 5)), None);
        assert_eq!(schedule.tick(now("2026-11-22 09:00", 15, 5)), Some(Why::Saved));
    }

    #[test]
    fn failures_wait_longer_and_longer_but_never_more_than_half_an_hour() {
        let mut schedule = schedule();
        schedule.tick(now("2026-11-22 09:00", 0, 1));
        for failure in 1..40u32 {
            let ended = Now { chance: u64::MAX, ..now("2026-11-22 09:00", 0, 1) };
            schedule.ended(false, ended);
            assert!(schedule.not_before <= FIRST_PAUSE.saturating_mul(1 << failure.min(16)).min(LONGEST_PAUSE));
        }
        schedule.ended(false, Now { chance: 20_000, ..now("2026-11-22 09:00", 0, 1) });
        assert_eq!(schedule.tick(now("2026-11-22 09:00", 19, 1)), None);
        assert_eq!(schedule.tick(now("2026-11-22 09:00", 20, 1)), Some(Why::Retry));
    }

    #[test]
    fn clocks_that_jump_cost_at_most_one_exchange_too_many() {
        for jump in ["2046-11-22 09:01", "2006-11-22 09:01"] {
            let mut schedule = schedule();
            schedule.tick(now("2026-11-22 09:00", 0, 0));
            let mut started = 0;
            for tick in 0..200 {
                let now = Now { wall: wall(jump) + chrono::Duration::seconds(tick), ..now(jump, 600 + tick.unsigned_abs(), 0) };
                if schedule.tick(now).is_some() {
                    started += 1;
                    schedule.ended(true, now);
                }
            }
            assert!(started <= 1, "{started} after {jump}");
        }
    }
}

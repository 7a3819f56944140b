//! Whether this PC's clock can be believed: measured against the district's signed time, compared with what was recorded.
//!
//! Promise: a clock that is wrong is never used silently for a dossier's date, and a clock that may be right never stops
//! anybody: a person looks at the calendar and says so. Order and durability do not depend on any clock.
//! Start at [`Measure::of`] and [`doubt`].

use std::time::Duration;

use chrono::{NaiveDate, NaiveTime};

use crate::calendar::{self, LocalTime};
use crate::entry::ClockReading;

/// What a clock may be wrong without anybody minding.
const TOLERANCE: chrono::Duration = chrono::Duration::minutes(5);
/// An office that heard nothing from its district for longer than this is asked what day it is, once.
const LONGEST_SILENCE: chrono::Duration = chrono::Duration::days(400);
/// Nobody runs a program this long after it came out without ever having heard of a district.
const LONGEST_SHELF: chrono::Duration = chrono::Duration::days(10 * 365);
/// No PC sleeps longer than this and goes on.
const LONGEST_SLEEP: chrono::Duration = chrono::Duration::days(10);
/// A clock that was found right, by a person or by the district, is believed for this time.
const CHECK_HOLDS: chrono::Duration = chrono::Duration::hours(12);
/// A measure this old is replaced by any other.
const STALE: chrono::Duration = chrono::Duration::days(1);
/// A measure this fresh is not replaced by one that says about the same.
const FRESH: chrono::Duration = chrono::Duration::minutes(10);

/// Before this day there was no Một Cửa: a clock that shows an earlier one is wrong.
fn first_moment() -> LocalTime {
    calendar::at(NaiveDate::from_ymd_opt(2025, 1, 1).expect("a literal day"), NaiveTime::MIN)
}

/// The offset of this PC's clock to the district's, as one exchange showed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measure {
    /// Milliseconds to add to this PC's clock to get the district's.
    pub offset_ms: i64,
    /// The true offset is at most this far away.
    pub error_ms: i64,
    /// When it was measured, by this PC's clock.
    pub at: LocalTime,
}

impl Measure {
    /// From a receipt signed at `at_ms` that came `took` after its request was sent at `sent` of this PC's clock.
    pub fn of(sent: LocalTime, took: Duration, at_ms: i64) -> Measure {
        let error_ms = i64::try_from(took.as_millis() / 2).unwrap_or(i64::MAX / 4).saturating_add(1);
        let middle = sent.timestamp_millis().saturating_add(error_ms);
        Measure { offset_ms: at_ms.saturating_sub(middle), error_ms, at: sent }
    }

    /// Whether this newer measure tells more than the one that is kept.
    pub fn replaces(&self, kept: Option<Measure>) -> bool {
        let Some(kept) = kept else { return true };
        let age = self.at - kept.at;
        let apart = self.offset_ms.saturating_sub(kept.offset_ms).saturating_abs();
        let contradicts = apart > self.error_ms.saturating_add(kept.error_ms);
        let as_good = self.error_ms <= kept.error_ms.max(1_000);
        age < chrono::Duration::zero() || age > STALE || contradicts || (age > FRESH && as_good)
    }

    fn surely_off_ms(&self) -> i64 {
        self.offset_ms.saturating_abs().saturating_sub(self.error_ms)
    }

    /// What an entry recorded at `now` says of the clock.
    pub fn reading(&self, now: LocalTime) -> ClockReading {
        ClockReading { offset_ms: self.offset_ms, age_s: u64::try_from((now - self.at).num_seconds()).unwrap_or(0) }
    }
}

/// All that tells what time it may be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Known {
    /// When the newest entry of this PC was recorded, by its clock then.
    pub last_entry: Option<LocalTime>,
    /// The newest time that the district signed: it has passed.
    pub last_signed: Option<LocalTime>,
    pub measured: Option<Measure>,
    /// When a person last said that the clock is right, by this clock.
    pub checked: Option<LocalTime>,
    /// This PC's clock some time ago in this run of the program, and the running time since.
    pub earlier: Option<(LocalTime, Duration)>,
}

/// Why a clock is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// It shows a day before there was such a program.
    BeforeTheProgram,
    /// It shows a time before one that the district signed.
    BeforeSigned(LocalTime),
    /// It shows a time before the newest entry.
    BeforeLastEntry(LocalTime),
    /// The district's clock shows another time: milliseconds to add to this one.
    OffBy(i64),
    /// Much later than anything that is known.
    FarAhead(LocalTime),
    /// It was set while the program ran.
    Jumped(LocalTime),
}

/// Why the time `now` is not believed; `None`: nothing speaks against it.
pub fn doubt(known: &Known, now: LocalTime) -> Option<Doubt> {
    let just_checked = known.checked.is_some_and(|checked| now >= checked - TOLERANCE && now <= checked + CHECK_HOLDS);
    if just_checked || just_measured_right(known, now) {
        return None;
    }
    if now < first_moment() {
        return Some(Doubt::BeforeTheProgram);
    }
    behind(known, now).or_else(|| measured(known, now)).or_else(|| ahead(known, now))
}

fn just_measured_right(known: &Known, now: LocalTime) -> bool {
    let fresh = |measure: &Measure| now >= measure.at - TOLERANCE && now <= measure.at + CHECK_HOLDS;
    known.measured.filter(fresh).is_some_and(|measure| measure.surely_off_ms() <= TOLERANCE.num_milliseconds())
}

fn behind(known: &Known, now: LocalTime) -> Option<Doubt> {
    let earlier_than = |time: &LocalTime| now < *time - TOLERANCE;
    let signed = known.last_signed.filter(earlier_than).map(Doubt::BeforeSigned);
    signed.or_else(|| known.last_entry.filter(earlier_than).map(Doubt::BeforeLastEntry))
}

/// A measure counts until the clock has been set, as far as that can be told. Behind the last signed time, and far ahead
/// of everything, other rules see it.
fn measured(known: &Known, now: LocalTime) -> Option<Doubt> {
    let measure = known.measured?;
    let was_set_back = now < measure.at - TOLERANCE;
    let age = now - measure.at;
    // A clock that ran behind and has since gone on by more than it was behind may have been set right.
    let may_be_right = measure.offset_ms > 0 && age > chrono::Duration::milliseconds(measure.offset_ms);
    (!was_set_back && !may_be_right && measure.surely_off_ms() > TOLERANCE.num_milliseconds())
        .then_some(Doubt::OffBy(measure.offset_ms))
}

fn ahead(known: &Known, now: LocalTime) -> Option<Doubt> {
    if let Some((earlier, ran)) = known.earlier {
        let expected = earlier + chrono::Duration::from_std(ran).unwrap_or_default();
        if now > expected + LONGEST_SLEEP || now < expected - TOLERANCE {
            return Some(Doubt::Jumped(expected));
        }
    }
    let trusted = known.last_signed.max(known.checked);
    // Entries say only what this clock said: they count where nobody else ever said anything, and not for ever.
    let newest = trusted.or(known.last_entry).unwrap_or(first_moment());
    let too_late = now > newest + LONGEST_SILENCE && (trusted.is_some() || known.last_entry.is_some());
    let too_late = too_late || (trusted.is_none() && now > first_moment() + LONGEST_SHELF);
    too_late.then_some(Doubt::FarAhead(newest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wall(text: &str) -> LocalTime {
        chrono::DateTime::parse_from_str(&format!("{text} +0700"), "%Y-%m-%d %H:%M %z").expect("a time")
    }

    const HOUR_MS: i64 = 3_600_000;

    /// An office that recorded and synced at 10:00 on 24 November 2026, its clock right.
    fn known() -> Known {
        let measured = Measure { offset_ms: 40, error_ms: 30, at: wall("2026-11-24 10:00") };
        let last = Some(wall("2026-11-24 10:00"));
        Known { last_entry: last, last_signed: last, measured: Some(measured), ..Known::default() }
    }

    #[track_caller]
    fn doubted(known: Known, now: &str, expected: Option<Doubt>) {
        assert_eq!(doubt(&known, wall(now)), expected, "at {now}");
    }

    #[test]
    fn a_clock_that_goes_on_is_believed_also_after_months_without_a_line() {
        for now in ["2026-11-24 09:56", "2026-11-24 10:01", "2026-12-09 08:00", "2027-06-01 08:00", "2027-12-20 08:00"] {
            doubted(known(), now, None);
        }
        doubted(Known::default(), "2026-11-24 10:00", None);
        doubted(Known::default(), "2031-11-24 10:00", None);
    }

    #[test]
    fn a_clock_behind_what_is_known_is_not_believed() {
        let last = wall("2026-11-24 10:00");
        doubted(known(), "2026-11-24 09:54", Some(Doubt::BeforeSigned(last)));
        doubted(known(), "2006-11-24 10:00", Some(Doubt::BeforeTheProgram));
        doubted(Known::default(), "2006-11-24 10:00", Some(Doubt::BeforeTheProgram));
        doubted(Known { last_signed: None, ..known() }, "2026-11-23 10:00", Some(Doubt::BeforeLastEntry(last)));
        doubted(
            Known { last_entry: Some(wall("2046-01-01 08:00")), ..known() },
            "2026-11-25 08:00",
            Some(Doubt::BeforeLastEntry(wall("2046-01-01 08:00"))),
        );
    }

    #[test]
    fn a_clock_far_ahead_is_not_believed() {
        doubted(known(), "2046-11-24 10:00", Some(Doubt::FarAhead(wall("2026-11-24 10:00"))));
        let recorded_so = Known { last_entry: Some(wall("2046-11-24 09:00")), ..known() };
        doubted(recorded_so, "2046-11-24 10:00", Some(Doubt::FarAhead(wall("2026-11-24 10:00"))));
        let never_enrolled = Known { last_entry: Some(wall("2046-11-24 09:00")), ..Known::default() };
        doubted(never_enrolled, "2046-11-24 10:00", Some(Doubt::FarAhead(wall("2046-11-24 09:00"))));
        doubted(known(), "2028-01-01 10:00", Some(Doubt::FarAhead(wall("2026-11-24 10:00"))));
        doubted(Known::default(), "2046-11-24 10:00", Some(Doubt::FarAhead(wall("2025-01-01 00:00"))));
    }

    #[test]
    fn a_measured_offset_counts_until_the_clock_was_set() {
        let off = |hours: i64, at: &str| {
            let measured = Some(Measure { offset_ms: hours * HOUR_MS, error_ms: 30, at: wall(at) });
            Known { last_entry: None, last_signed: Some(wall("2026-11-24 10:00")), measured, ..Known::default() }
        };
        doubted(off(-48, "2026-11-26 10:00"), "2026-11-26 10:30", Some(Doubt::OffBy(-48 * HOUR_MS)));
        doubted(off(-48, "2026-11-26 10:00"), "2027-02-26 10:30", Some(Doubt::OffBy(-48 * HOUR_MS)));
        doubted(off(-48, "2026-11-26 10:00"), "2026-11-24 10:30", None);
        doubted(off(3, "2026-11-24 07:00"), "2026-11-24 09:58", Some(Doubt::OffBy(3 * HOUR_MS)));
        doubted(off(3, "2026-11-24 07:00"), "2026-11-24 10:30", None);
        let vague = Measure { offset_ms: -6 * 60_000, error_ms: 90_000, at: wall("2026-11-24 10:00") };
        doubted(Known { measured: Some(vague), ..known() }, "2026-11-24 10:01", None);
    }

    #[test]
    fn a_clock_that_was_set_while_the_program_ran_is_not_believed() {
        let started = |ran_h: u64| {
            let earlier = Some((wall("2026-11-24 08:00"), Duration::from_secs(ran_h * 3600)));
            Known { earlier, ..Known::default() }
        };
        doubted(started(2), "2026-11-24 10:00", None);
        doubted(started(2), "2026-11-30 10:00", None);
        doubted(started(2), "2026-12-24 10:00", Some(Doubt::Jumped(wall("2026-11-24 10:00"))));
        doubted(started(2), "2026-11-24 09:00", Some(Doubt::Jumped(wall("2026-11-24 10:00"))));
    }

    #[test]
    fn a_person_who_looked_at_the_calendar_is_believed_for_the_day() {
        let checked = |at: &str| Known { checked: Some(wall(at)), ..known() };
        doubted(checked("2046-11-24 10:00"), "2046-11-24 17:00", None);
        doubted(checked("2006-11-24 10:00"), "2006-11-24 10:05", None);
        doubted(checked("2006-11-24 10:00"), "2006-11-25 10:05", Some(Doubt::BeforeTheProgram));
        doubted(checked("2046-11-24 10:00"), "2046-11-25 08:00", None);
    }

    #[test]
    fn a_clock_that_was_just_measured_right_is_believed_whatever_was_recorded_before() {
        let measured = Some(Measure { offset_ms: 900, error_ms: 30, at: wall("2026-11-24 10:00") });
        let known = Known { last_entry: Some(wall("2046-01-01 08:00")), last_signed: None, measured, ..Known::default() };
        doubted(known, "2026-11-24 10:30", None);
        doubted(known, "2026-11-25 08:00", Some(Doubt::BeforeLastEntry(wall("2046-01-01 08:00"))));
    }

    #[track_caller]
    fn measures(sent: &str, took_ms: u64, at: &str, expected: (i64, i64)) {
        let measure = Measure::of(wall(sent), Duration::from_millis(took_ms), wall(at).timestamp_millis());
        assert_eq!((measure.offset_ms, measure.error_ms), expected);
    }

    #[test]
    fn an_exchange_measures_the_offset_to_half_its_length() {
        measures("2026-11-24 10:00", 0, "2026-11-24 10:00", (-1, 1));
        measures("2026-11-24 10:00", 1_200, "2026-11-24 10:00", (-601, 601));
        measures("2026-11-24 10:00", 200, "2026-11-24 12:00", (2 * HOUR_MS - 101, 101));
        measures("2046-11-24 10:00", 0, "2026-11-24 10:00", (-7_305 * 24 * HOUR_MS - 1, 1));
    }

    #[test]
    fn a_newer_measure_replaces_an_older_one_when_it_tells_more() {
        let kept = Measure { offset_ms: 100, error_ms: 50, at: wall("2026-11-24 10:00") };
        let newer = |at: &str, offset_ms, error_ms| Measure { offset_ms, error_ms, at: wall(at) }.replaces(Some(kept));
        assert!(kept.replaces(None));
        assert!(!newer("2026-11-24 10:01", 120, 50), "the same, said again");
        assert!(newer("2026-11-24 10:01", 60_000, 50), "another offset");
        assert!(newer("2026-11-24 10:30", 120, 900), "as good, and newer");
        assert!(!newer("2026-11-24 10:30", 120, 30_000), "a slow upload tells less");
        assert!(newer("2026-11-25 10:30", 120, 30_000), "better than one of yesterday");
        assert!(newer("2006-11-24 10:00", 120, 30_000), "the clock was set");
    }

    #[test]
    fn an_entry_says_how_old_the_measure_is() {
        let measure = Measure { offset_ms: -7, error_ms: 1, at: wall("2026-11-24 10:00") };
        assert_eq!(measure.reading(wall("2026-11-24 10:02")), ClockReading { offset_ms: -7, age_s: 120 });
        assert_eq!(measure.reading(wall("2006-11-24 10:02")), ClockReading { offset_ms: -7, age_s: 0 });
    }
}

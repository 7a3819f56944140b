//! Working time: which days are worked, and counting in them. All days are local to Việt Nam (UTC+7, no summer time).
//!
//! Promise: a date that the calendar does not know is refused at construction, never guessed later.
//! Start at [`Calendar::is_working_day`].

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike, Days, FixedOffset, NaiveDate, NaiveTime, Utc, Weekday};
use serde::{Deserialize, Serialize};

use crate::dossier::Code;
use crate::text::nfc;

/// Public holidays, days off in lieu, and swapped working Saturdays, 2020–2035 (Labour Code Art. 111–112 and the
/// yearly notices; years from 2027 on are estimates until the notice of the year).
pub const STARTER: &str = include_str!("../data/holidays.csv");

/// Indochina Time.
pub const VIETNAM: FixedOffset = FixedOffset::east_opt(7 * 3600).expect("seven hours is an offset");

/// An instant on the wall clock of Việt Nam.
pub type LocalTime = DateTime<FixedOffset>;

/// The local wall clock of an instant.
pub fn local(at: DateTime<Utc>) -> LocalTime {
    at.with_timezone(&VIETNAM)
}

/// The instant at which local clocks show `time` on `day`.
pub fn at(day: NaiveDate, time: NaiveTime) -> LocalTime {
    day.and_time(time).and_local_timezone(VIETNAM).single().expect("a fixed offset has every local time once")
}

/// Local date of an instant.
pub fn local_day(at: LocalTime) -> NaiveDate {
    at.with_timezone(&VIETNAM).date_naive()
}

/// Why a day is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DayKind {
    /// Labour Code 2019 Art. 112.
    #[serde(rename = "le")]
    Holiday,
    #[serde(rename = "tet")]
    Tet,
    #[serde(rename = "gio_to")]
    KingsDay,
    /// Off in lieu of a holiday on a weekly day of rest. Art. 111(3).
    #[serde(rename = "nghi_bu")]
    InLieu,
    /// Off in exchange for a Saturday that is worked.
    #[serde(rename = "hoan_doi_nghi")]
    SwappedOff,
    /// The Saturday that is worked.
    #[serde(rename = "lam_bu")]
    SwappedWorked,
    /// One office is closed by decision: a storm, a power cut.
    #[serde(rename = "dong_cua")]
    Closed,
    /// A day like any other after all: takes back what was listed before.
    #[serde(rename = "ngay_thuong")]
    Ordinary,
}

impl Code for DayKind {
    const ALL: &'static [(Self, &'static str)] = &[
        (DayKind::Holiday, "le"),
        (DayKind::Tet, "tet"),
        (DayKind::KingsDay, "gio_to"),
        (DayKind::InLieu, "nghi_bu"),
        (DayKind::SwappedOff, "hoan_doi_nghi"),
        (DayKind::SwappedWorked, "lam_bu"),
        (DayKind::Closed, "dong_cua"),
        (DayKind::Ordinary, "ngay_thuong"),
    ];
}

/// A day that is listed because Monday to Friday does not tell whether it is worked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Day {
    pub date: NaiveDate,
    pub name: String,
    pub kind: DayKind,
    /// The one unit that it is listed for; absent: for everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Number of the notice or decision; absent for what is built in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
}

/// Hours in which the desk is open on a working day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfficeHours {
    pub morning: (NaiveTime, NaiveTime),
    pub afternoon: (NaiveTime, NaiveTime),
}

impl Default for OfficeHours {
    /// 7:00–11:30 and 13:30–17:00: eight hours (the default of provincial systems, DOMAIN §3).
    fn default() -> Self {
        OfficeHours { morning: (clock(7, 0), clock(11, 30)), afternoon: (clock(13, 30), clock(17, 0)) }
    }
}

fn clock(hour: u32, minute: u32) -> NaiveTime {
    NaiveTime::from_hms_opt(hour, minute, 0).expect("a literal time of day")
}

/// A line of the holiday table that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("dòng {line}: {problem}")]
pub struct CalendarFault {
    pub line: u64,
    pub problem: String,
}

/// Reads `date,name,kind[,unit,decision]`; every bad line is reported.
pub fn days(csv_text: &str) -> Result<Vec<Day>, Vec<CalendarFault>> {
    #[derive(Deserialize)]
    struct Row {
        date: NaiveDate,
        name: String,
        kind: String,
        unit: Option<String>,
        decision: Option<String>,
    }
    let read = |row: Row| match DayKind::from_code(&row.kind) {
        Some(kind) => Ok(Day { date: row.date, name: nfc(&row.name), kind, unit: row.unit, decision: row.decision }),
        None => Err(format!("loại ngày không rõ: {}", row.kind)),
    };
    let text = csv_text.trim_start_matches('\u{feff}');
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let (mut days, mut faults) = (Vec::new(), Vec::new());
    for (line, row) in (2..).zip(reader.deserialize::<Row>()) {
        let unreadable = |error| format!("không đọc được ({error}); cần các cột date,name,kind, ngày dạng 2027-01-01");
        match row.map_err(unreadable).and_then(read) {
            Ok(day) => days.push(day),
            Err(problem) => faults.push(CalendarFault { line, problem }),
        }
    }
    if faults.is_empty() { Ok(days) } else { Err(faults) }
}

/// Which days are worked, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    /// Whether a listed day is worked.
    special: BTreeMap<NaiveDate, bool>,
    pub hours: OfficeHours,
}

impl Calendar {
    /// The calendar that is built in.
    pub fn starter() -> Calendar {
        Calendar::of(&days(STARTER).expect("the built-in table is tested"), "")
    }

    /// The calendar of a unit: what is listed for everybody, and over it what is listed for this unit.
    pub fn of(days: &[Day], unit: &str) -> Calendar {
        let mut special = BTreeMap::new();
        let everybody = days.iter().filter(|day| day.unit.is_none());
        let own = days.iter().filter(|day| day.unit.as_deref() == Some(unit));
        for day in everybody.chain(own).filter(|day| day.kind != DayKind::Ordinary) {
            special.insert(day.date, day.kind == DayKind::SwappedWorked);
        }
        Calendar { special, hours: OfficeHours::default() }
    }

    /// Days that are worked by one calendar and not by the other.
    pub fn changed_days(&self, other: &Calendar) -> BTreeSet<NaiveDate> {
        let listed = self.special.keys().chain(other.special.keys()).copied();
        listed.filter(|day| self.is_working_day(*day) != other.is_working_day(*day)).collect()
    }

    /// Monday to Friday less the days off, and the Saturdays that are worked in exchange.
    pub fn is_working_day(&self, day: NaiveDate) -> bool {
        match self.special.get(&day) {
            Some(worked) => *worked,
            None => !matches!(day.weekday(), Weekday::Sat | Weekday::Sun),
        }
    }

    /// The first working day after `day`.
    pub fn next_working_day(&self, day: NaiveDate) -> NaiveDate {
        self.roll(tomorrow(day))
    }

    /// `day`, or the first working day after it when `day` is off. Civil Code 2015 Art. 148(5).
    pub fn roll(&self, day: NaiveDate) -> NaiveDate {
        let mut day = day;
        while !self.is_working_day(day) {
            day = tomorrow(day);
        }
        day
    }

    /// The `count`-th working day after `start`, which is not counted. Civil Code 2015 Art. 147(2).
    pub fn add_working_days(&self, start: NaiveDate, count: u32) -> NaiveDate {
        (0..count).fold(start, |day, _| self.next_working_day(day))
    }

    /// Working days after `start` (not counted) up to and with `end`; 0 when `end` is not after `start`.
    pub fn working_days_between(&self, start: NaiveDate, end: NaiveDate) -> u32 {
        let mut count = 0;
        let mut day = start;
        while day < end {
            day = tomorrow(day);
            count += u32::from(self.is_working_day(day));
        }
        count
    }

    /// Whether the desk is open at `at`.
    pub fn is_open(&self, at: LocalTime) -> bool {
        let time = at.with_timezone(&VIETNAM).time();
        let within = |(from, to): (NaiveTime, NaiveTime)| from <= time && time <= to;
        self.is_working_day(local_day(at)) && (within(self.hours.morning) || within(self.hours.afternoon))
    }

    /// Minutes of office time from `start` to `end`; 0 when `end` is not after `start`.
    pub fn office_minutes_between(&self, start: LocalTime, end: LocalTime) -> u32 {
        let mut minutes = 0;
        let mut day = local_day(start);
        while day <= local_day(end) {
            if self.is_working_day(day) {
                for (from, to) in [self.hours.morning, self.hours.afternoon] {
                    minutes += (at(day, to).min(end) - at(day, from).max(start)).num_minutes().max(0);
                }
            }
            day = tomorrow(day);
        }
        u32::try_from(minutes).unwrap_or(u32::MAX)
    }

    /// The instant `minutes` of office time after `start`; time outside office hours does not count.
    pub fn add_office_minutes(&self, start: LocalTime, minutes: u32) -> LocalTime {
        let mut left = i64::from(minutes);
        let mut now = start.with_timezone(&VIETNAM);
        loop {
            let day = local_day(now);
            if self.is_working_day(day) {
                for (from, to) in [self.hours.morning, self.hours.afternoon] {
                    let opens = at(day, from).max(now);
                    let open_for = (at(day, to) - opens).num_minutes();
                    if open_for >= left && open_for >= 0 {
                        return opens + chrono::Duration::minutes(left);
                    }
                    left -= open_for.max(0);
                }
            }
            now = at(tomorrow(day), NaiveTime::MIN);
        }
    }
}

/// The day after. The calendar of the crate ends in the year 262143, which no dossier reaches.
pub fn tomorrow(day: NaiveDate) -> NaiveDate {
    day.checked_add_days(Days::new(1)).unwrap_or(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    fn instant(text: &str) -> LocalTime {
        DateTime::parse_from_str(&format!("{text} +0700"), "%Y-%m-%d %H:%M %z").expect("a time")
    }

    #[test]
    fn working_days_per_year_agree_with_the_published_counts() {
        let calendar = Calendar::starter();
        for (year, count) in [(2021, 250), (2022, 249), (2023, 249), (2024, 251), (2025, 250), (2026, 249)] {
            let days = calendar.working_days_between(day(&format!("{}-12-31", year - 1)), day(&format!("{year}-12-31")));
            assert_eq!(days, count, "{year}");
        }
        assert_eq!(calendar.working_days_between(day("2022-12-14"), day("2023-05-29")), 109);
    }

    #[test]
    fn swapped_saturdays_are_worked_and_their_mondays_are_not() {
        let calendar = Calendar::starter();
        for worked in ["2024-05-04", "2025-04-26", "2026-08-22", "2026-01-10"] {
            assert!(calendar.is_working_day(day(worked)), "{worked}");
        }
        for off in ["2024-04-29", "2025-05-02", "2026-08-31", "2026-01-02", "2022-05-02", "2022-05-03", "2026-11-24"] {
            assert!(!calendar.is_working_day(day(off)), "{off}");
        }
    }

    #[test]
    fn office_minutes_skip_lunch_nights_and_weekends() {
        let calendar = Calendar::starter();
        let cases = [
            ("2023-05-26 11:00", 30, "2023-05-26 11:30"),
            ("2023-05-26 11:00", 60, "2023-05-26 14:00"),
            ("2023-05-26 16:30", 60, "2023-05-29 07:30"),
            ("2023-05-27 09:00", 480, "2023-05-29 17:00"),
            ("2023-05-29 06:00", 1, "2023-05-29 07:01"),
        ];
        for (start, minutes, end) in cases {
            assert_eq!(calendar.add_office_minutes(instant(start), minutes), instant(end), "{start} + {minutes}");
        }
    }

    #[test]
    fn a_table_with_an_unknown_kind_is_refused_with_its_line() {
        let text = "date,name,kind\n2024-01-01,Tết,le\n2024-01-02,?,holiday\n2023-02-29,?,le\n2024-01-03,Tết,tet\n";
        let faults = days(text).expect_err("refused");
        assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [3, 4]);
    }

    #[test]
    fn one_office_may_be_closed_while_the_others_work() {
        let text = "date,name,kind,unit,decision\n2026-11-25,Bão,dong_cua,11089,12/QĐ-UBND\n2026-11-24,,ngay_thuong,,1/TB\n";
        let listed = days(text).expect("good");
        let (own, other) = (Calendar::of(&listed, "11089"), Calendar::of(&listed, "11098"));
        assert!(!own.is_working_day(day("2026-11-25")) && other.is_working_day(day("2026-11-25")));
        assert!(own.is_working_day(day("2026-11-24")), "what was listed is taken back");
        assert_eq!(own.changed_days(&other), [day("2026-11-25")].into());
    }
}

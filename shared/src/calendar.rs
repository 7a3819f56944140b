//! Working time: which days are worked, and counting in them. All days are local to Việt Nam (UTC+7, no summer time).
//!
//! Promise: a date that the calendar does not know is refused at construction, never guessed later.
//! Start at [`Calendar::is_working_day`].

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike, Days, FixedOffset, NaiveDate, NaiveTime, Utc, Weekday};
use serde::{Deserialize, Serialize};

use crate::dossier::Code;
use crate::import::RowFault;
use crate::table::{self, Cell, Shape, Table};
use crate::text::nfc;
use crate::typed;

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

/// A time as people read and type it here, `14:32 22/11/2026`, on the clocks of Việt Nam.
pub fn shown(at: LocalTime) -> String {
    at.with_timezone(&VIETNAM).format("%H:%M %d/%m/%Y").to_string()
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

/// From when to when a desk is open.
pub type Session = (NaiveTime, NaiveTime);

/// Hours in which the desk is open on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfficeHours {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub morning: Option<Session>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub afternoon: Option<Session>,
}

impl Default for OfficeHours {
    /// 7:00–11:30 and 13:30–17:00: eight hours (the default of provincial systems, DOMAIN §3).
    fn default() -> Self {
        OfficeHours { morning: Some((clock(7, 0), clock(11, 30))), afternoon: Some((clock(13, 30), clock(17, 0))) }
    }
}

impl OfficeHours {
    const CLOSED: OfficeHours = OfficeHours { morning: None, afternoon: None };

    pub fn sessions(self) -> impl Iterator<Item = Session> {
        self.morning.into_iter().chain(self.afternoon)
    }
}

impl std::fmt::Display for OfficeHours {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = self.sessions().map(|(from, to)| format!("{}–{}", from.format("%H:%M"), to.format("%H:%M")));
        f.write_str(&shown.collect::<Vec<_>>().join(", "))
    }
}

/// Days of the week that follow each other, as people here count them: `t2-t6`, `t7`, `cn`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Weekdays {
    /// Days from Monday.
    first: u8,
    last: u8,
}

const WEEKDAYS: [&str; 7] = ["t2", "t3", "t4", "t5", "t6", "t7", "cn"];

impl Weekdays {
    pub fn read(text: &str) -> Option<Weekdays> {
        let text = nfc(text).to_lowercase().replace(' ', "");
        let place = |name: &str| (0..).zip(WEEKDAYS).find(|(_, day)| *day == name).map(|(place, _)| place);
        let (first, last) = text.split_once('-').unwrap_or((&text, &text));
        let (first, last) = (place(first)?, place(last)?);
        (first <= last).then_some(Weekdays { first, last })
    }

    fn has(self, day: Weekday) -> bool {
        (u32::from(self.first)..=u32::from(self.last)).contains(&day.num_days_from_monday())
    }

    pub(crate) fn overlaps(self, other: Weekdays) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

impl std::fmt::Display for Weekdays {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = |place: u8| WEEKDAYS.get(usize::from(place)).copied().unwrap_or_default();
        if self.first == self.last {
            f.write_str(name(self.first))
        } else {
            write!(f, "{}-{}", name(self.first), name(self.last))
        }
    }
}

impl From<Weekdays> for String {
    fn from(days: Weekdays) -> String {
        days.to_string()
    }
}

impl TryFrom<String> for Weekdays {
    type Error = String;

    fn try_from(text: String) -> Result<Weekdays, String> {
        Weekdays::read(&text).ok_or(text)
    }
}

/// Hours on some days of the week, over one stretch of time, as a decision set them.
///
/// On Saturday and Sunday they are hours of reception only: no day of rest becomes a working day by them, so limits do not
/// run and nothing falls due on it (Civil Code 2015 Art. 148(5)). What comes in on a Saturday morning is due as if it had
/// come in online; otherwise it would be due before what came in on Friday after 15:00.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hours {
    /// The one unit whose they are; absent: everybody's that has none of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    pub days: Weekdays,
    #[serde(flatten)]
    pub open: OfficeHours,
    pub valid_from: NaiveDate,
    /// Last day; absent: until further notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_to: Option<NaiveDate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
}

impl Hours {
    fn is_valid(&self, day: NaiveDate) -> bool {
        self.valid_from <= day && self.valid_to.is_none_or(|end| day <= end)
    }

    pub(crate) fn overlaps(&self, other: &Hours) -> bool {
        self.unit == other.unit
            && self.days.overlaps(other.days)
            && self.valid_to.is_none_or(|end| other.valid_from <= end)
            && other.valid_to.is_none_or(|end| self.valid_from <= end)
    }
}

/// Reads `days,morning,afternoon,valid_from[,unit,valid_to,decision]` from CSV or XLSX, days as `t2-t6`, hours as
/// `07:00-11:30` or empty; every bad cell is reported.
pub fn hours(file: impl AsRef<[u8]>) -> Result<Vec<Hours>, Vec<RowFault>> {
    const WANTED: [&str; 4] = ["days", "morning", "afternoon", "valid_from"];
    let shape = Shape { wanted: &WANTED, optional: &["unit", "valid_to", "decision"], longest: 300 };
    let table = table::read(file.as_ref(), shape)?;
    let (mut rows, mut faults) = (Vec::new(), Vec::new());
    for (line, cells) in &table.rows {
        let mut of_row = table.problems(*line, cells);
        match hours_row(&table, *line, cells) {
            Ok(row) if of_row.is_empty() => rows.push(row),
            Ok(_) => {}
            Err(more) => of_row.extend(more),
        }
        faults.extend(of_row);
    }
    if faults.is_empty() { Ok(rows) } else { Err(table.refused(faults)) }
}

fn hours_row(table: &Table, line: u64, cells: &[Cell]) -> Result<Hours, Vec<RowFault>> {
    let mut faults = Vec::new();
    let mut fault = |column: &str, problem: &str| {
        let value = table.text(cells, column);
        faults.push(RowFault::new(line, column, value, problem));
    };
    let given = |column: &str| Some(table.text(cells, column)).filter(|text| !text.is_empty());
    let days = Weekdays::read(&table.text(cells, "days"));
    if days.is_none() {
        fault("days", "cần các thứ trong tuần, ví dụ t2-t6, t7 hoặc cn");
    }
    let mut session = |column: &str| {
        let read = given(column).map(|text| session(&text));
        if read == Some(None) {
            fault(column, "cần giờ mở và giờ đóng, ví dụ 07:00-11:30; để trống nếu không mở");
        }
        read.flatten()
    };
    let open = OfficeHours { morning: session("morning"), afternoon: session("afternoon") };
    let valid_from = typed::day(&table.text(cells, "valid_from"));
    if valid_from.is_none() {
        fault("valid_from", "cần ngày, ví dụ 2027-01-01");
    }
    let valid_to = given("valid_to").map(|text| typed::day(&text));
    if valid_to == Some(None) {
        fault("valid_to", "cần ngày, ví dụ 2027-12-31; để trống nếu chưa biết");
    }
    let (unit, decision) = (given("unit"), given("decision"));
    match (days, valid_from) {
        (Some(days), Some(valid_from)) if faults.is_empty() => {
            Ok(Hours { unit, days, open, valid_from, valid_to: valid_to.flatten(), decision })
        }
        _ => Err(faults),
    }
}

/// `07:00-11:30`, `7h-11h30`.
fn session(text: &str) -> Option<Session> {
    let (from, to) = text.split_once(['-', '–'])?;
    let read = |text: &str| {
        let text = text.trim().replace(['h', 'H'], ":");
        let text = if text.ends_with(':') { text + "00" } else { text };
        NaiveTime::parse_from_str(&text, "%H:%M").ok()
    };
    let (from, to) = (read(from)?, read(to)?);
    (from < to).then_some((from, to))
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
    /// The hours that may count here, those of this unit first, and of each the newest first.
    hours: Vec<Hours>,
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
        Calendar { special, hours: Vec::new() }
    }

    /// The same calendar with the opening hours of a unit: its own before everybody's, and those before the default.
    #[must_use]
    pub fn with_hours(mut self, hours: &[Hours], unit: &str) -> Calendar {
        self.hours = hours.iter().filter(|hours| hours.unit.as_deref().is_none_or(|of| of == unit)).cloned().collect();
        self.hours.sort_by_key(|hours| (hours.unit.is_none(), std::cmp::Reverse(hours.valid_from)));
        self
    }

    /// When the desk is open on `day`, unless the day is off. A Saturday that is worked in exchange has the hours of a Friday.
    pub fn hours_on(&self, day: NaiveDate) -> OfficeHours {
        let weekend = |day: Weekday| matches!(day, Weekday::Sat | Weekday::Sun);
        let weekday = match day.weekday() {
            rest if weekend(rest) && self.is_working_day(day) => Weekday::Fri,
            weekday => weekday,
        };
        let listed = self.hours.iter().find(|hours| hours.days.has(weekday) && hours.is_valid(day));
        let unlisted = if weekend(weekday) { OfficeHours::CLOSED } else { OfficeHours::default() };
        listed.map_or(unlisted, |hours| hours.open)
    }

    /// When the desk opens on a working day.
    pub fn opens(&self, day: NaiveDate) -> NaiveTime {
        self.hours_on(day).sessions().next().map_or(clock(7, 0), |(from, _)| from)
    }

    /// When the desk closes on a working day.
    pub fn closes(&self, day: NaiveDate) -> NaiveTime {
        self.hours_on(day).sessions().last().map_or(clock(17, 0), |(_, to)| to)
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
        let day = local_day(at);
        let off = self.special.get(&day) == Some(&false);
        !off && self.hours_on(day).sessions().any(|(from, to)| from <= time && time <= to)
    }

    /// Minutes of office time from `start` to `end`; 0 when `end` is not after `start`.
    pub fn office_minutes_between(&self, start: LocalTime, end: LocalTime) -> u32 {
        let mut minutes = 0;
        let mut day = local_day(start);
        while day <= local_day(end) {
            if self.is_working_day(day) {
                for (from, to) in self.hours_on(day).sessions() {
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
                for (from, to) in self.hours_on(day).sessions() {
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

    const HOURS: &str = "unit,days,morning,afternoon,valid_from,valid_to,decision\n\
                         ,t2-t6,07:30-11:30,13:00-16:30,2027-01-01,,1/QĐ\n\
                         11089,t2-t5,7h-11h30,13h30-17h,2027-02-01,2027-02-28,2/QĐ\n\
                         11089,t6,7h-11h30,,2027-02-01,2027-02-28,2/QĐ\n\
                         11089,t7,07:00-11:00,,2027-02-01,,3/QĐ\n";

    fn open(unit: &str, at: &str) -> bool {
        Calendar::starter().with_hours(&hours(HOURS).expect("good"), unit).is_open(instant(at))
    }

    #[test]
    fn each_office_has_its_own_hours_for_a_time() {
        assert!(open("11098", "2026-12-31 07:10"), "before they count: the default");
        assert!(!open("11098", "2027-01-04 07:10") && open("11098", "2027-01-04 16:30"));
        assert!(open("11089", "2027-03-01 13:10"), "everybody's, once its own ended");
        assert!(open("11089", "2027-02-01 17:00") && !open("11089", "2027-02-01 17:01"), "its own");
        assert!(open("11089", "2027-02-26 11:30") && !open("11089", "2027-02-26 14:00"), "closed on Friday afternoon");
        assert!(open("11089", "2027-02-20 08:00") && !open("11098", "2027-02-20 08:00"), "Saturday morning");
        assert!(!open("11089", "2027-02-20 11:30") && !open("11089", "2027-02-06 08:00"), "not after closing, nor in Tết");
    }

    #[test]
    fn hours_of_a_saturday_make_it_no_working_day_and_a_worked_one_has_those_of_a_friday() {
        let saturday = "unit,days,morning,afternoon,valid_from\n,t7,07:00-11:00,,2020-01-01\n,t6,08:00-12:00,,2020-01-01\n";
        let calendar = Calendar::starter().with_hours(&hours(saturday).expect("good"), "11089");
        assert!(!calendar.is_working_day(day("2023-05-27")) && calendar.is_open(instant("2023-05-27 08:00")));
        assert_eq!(calendar.hours_on(day("2024-05-04")).to_string(), "08:00–12:00");
        assert_eq!(calendar.add_office_minutes(instant("2023-05-26 11:00"), 90), instant("2023-05-29 07:30"));
    }

    #[test]
    fn bad_hours_are_named_with_line_and_column() {
        let text = "days,morning,afternoon,valid_from\nt8,7-11,,2027-01-01\nt2-t6,11:30-07:00,x,1/1\nt6-t2,,,\n=1,,,2027-01-01\n";
        let faults = hours(text).expect_err("refused");
        let places: Vec<_> = faults.iter().map(|fault| (fault.line, fault.column.as_str())).collect();
        let line3 = [(3, "morning"), (3, "afternoon"), (3, "valid_from")];
        let expected = [&[(2, "days"), (2, "morning")][..], &line3, &[(4, "days"), (4, "valid_from"), (5, "days"), (5, "days")]];
        assert_eq!(places, expected.concat());
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

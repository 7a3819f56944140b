//! Reference data: units, days, procedures, targets and terms of rulesets, published by the district as one signed
//! version and taken by an office whole or not at all.
//!
//! Promise: nothing that has a fault is published or taken. A version never changes; what was received keeps what it was
//! received under. An aggregator that was restored never brings back an older version silently.
//! Start at [`Snapshot::faults`] and [`Published::open`].
//!
//! A snapshot is JSON, like the clear part of an entry: both databases keep exactly the bytes that were signed, and can
//! be read in twenty years with nothing but `sqlite3`. It travels compressed (zstd: a hundred procedures and sixteen
//! years of holidays take some ten KB).

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use chrono::{Datelike, NaiveDate, Weekday};
use ed25519_dalek::{SigningKey, VerifyingKey};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::calendar::{self, Calendar, Day, DayKind, Hours, LocalTime, local_day};
use crate::catalogue::{self, Catalogue, FIELDS, Procedure};
use crate::deadline::{self, Limit};
use crate::dictionary::Indicator;
use crate::dossier::{Dossier, Rescheduled, State};
use crate::paper::Component;
use crate::rule::Book;
use crate::rule::identity::{Identity, Line};
use crate::ruleset::{self, HolidayChange, Ruleset};
use crate::text::nfc;
use crate::unit::{self, Unit, Units};
use crate::wire::{Signed, decode, encode, uuid_bytes};

mod change;
pub use change::{Change, changes};

/// The newest format of snapshots that this program reads and writes. Older ones are read for ever. A snapshot is written in
/// the oldest that can say it: 2 where a program that knows only 1 would count a due time wrongly (limits of a channel,
/// limits from acceptance, opening hours), so that such a program keeps what it has and asks for its update.
pub const FORMAT: u16 = 2;
/// Most bytes of a snapshot's JSON: a whole country of units fits twice.
const MAX_JSON: u64 = 4 << 20;
/// Longest text in it, in characters.
const LONGEST: usize = 2000;
/// Longest limit that the law could mean, in days or hours.
const LONGEST_LIMIT: u32 = 3650;
/// Most papers that a procedure asks for, and most of each.
const MOST_PAPERS: usize = 50;
const MOST_SHEETS: u32 = 999;
const YEARS: std::ops::RangeInclusive<i32> = 2000..=2100;

/// A value that an indicator should reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    pub indicator: String,
    /// For every unit of this level …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// … or for this one unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    pub year: i32,
    /// A decimal number as it was decided, `84.5`: text, so that no digit changes.
    pub value: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
}

/// What is data in a ruleset. The ruleset itself is part of the program: entries name it for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// [`Ruleset::id`].
    pub id: String,
    pub holiday_change: HolidayChange,
}

/// Everything that is published together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    pub format: u16,
    pub units: Vec<Unit>,
    pub procedures: Vec<Procedure>,
    pub days: Vec<Day>,
    pub targets: Vec<Target>,
    pub rulesets: Vec<Terms>,
    /// What offices report beside, or in place of, the built-in dictionary.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indicators: Vec<Indicator>,
    /// Arithmetic rules beside, or in place of, the built-in ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Line>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hours: Vec<Hours>,
}

/// One thing wrong in a snapshot or a file for it, in Vietnamese.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct Fault {
    pub place: String,
    pub problem: String,
}

impl Fault {
    fn new(place: impl Into<String>, problem: impl Into<String>) -> Fault {
        Fault { place: place.into(), problem: problem.into() }
    }
}

/// What a desk works by: one version, as it is for one unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    /// 0: what is built in.
    pub version: u64,
    pub catalogue: Catalogue,
    pub calendar: Calendar,
    /// What offices report, what must add up, and what is to be reached.
    pub book: Book,
    /// What kind of unit the desk's is; empty: not listed.
    pub level: String,
    terms: Vec<Terms>,
}

impl Tables {
    /// What is built in.
    pub fn starter() -> Tables {
        let (catalogue, calendar) = (Catalogue::starter(), Calendar::starter());
        Tables { version: 0, catalogue, calendar, book: Book::starter(), level: String::new(), terms: Vec::new() }
    }

    fn holiday_change(&self, ruleset: &str) -> HolidayChange {
        let listed = self.terms.iter().find(|terms| terms.id == ruleset).map(|terms| terms.holiday_change);
        let built_in = || Ruleset::find(ruleset).map_or(HolidayChange::Keeps, |ruleset| ruleset.holiday_change);
        listed.unwrap_or_else(built_in)
    }
}

/// What is to be recorded for a dossier when `before` gives way to `after`, as its own ruleset says; `None`: nothing.
/// Nothing moves whose clock does not run: it ended, or waits for the citizen.
pub fn rescheduled(dossier: &Dossier, before: &Tables, after: &Tables, at: LocalTime) -> Option<Rescheduled> {
    let (started, promised) = dossier.clock_started_at.zip(dossier.due_at)?;
    let received = dossier.received.as_ref()?;
    if dossier.state() != State::Processing || after.holiday_change(&received.ruleset) == HolidayChange::Keeps {
        return None;
    }
    let after_15h = dossier.after_15h_next_day(&before.catalogue);
    let counting = received.limit.map(|limit| (limit, after_15h));
    let due_at = deadline::moved(counting, started, promised, &before.calendar, &after.calendar)?;
    let runs = local_day(started)..=local_day(due_at);
    let changed = before.calendar.changed_days(&after.calendar);
    let days: Vec<NaiveDate> = changed.into_iter().filter(|day| runs.contains(day)).collect();
    if days.is_empty() {
        return None; // other opening hours alone change no promise
    }
    Some(Rescheduled { at, due_at, was_due_at: promised, days, reference: after.version })
}

impl Snapshot {
    /// What is built in: version 0.
    pub fn starter() -> Snapshot {
        let terms = |ruleset: Ruleset| Terms { id: ruleset.id.to_owned(), holiday_change: ruleset.holiday_change };
        Snapshot {
            format: FORMAT,
            units: Units::parse(unit::STARTER).expect("the built-in table is tested").iter().cloned().collect(),
            procedures: catalogue::procedures(catalogue::STARTER).expect("the built-in table is tested"),
            days: calendar::days(calendar::STARTER).expect("the built-in table is tested"),
            targets: Vec::new(),
            indicators: Vec::new(),
            rules: Vec::new(),
            rulesets: ruleset::ALL.map(terms).to_vec(),
            hours: Vec::new(),
        }
    }

    /// Reads what [`Snapshot::to_json`] wrote. What it says may still be wrong: see [`Snapshot::faults`].
    pub fn read(json: &str) -> Result<Snapshot, Refusal> {
        #[derive(Deserialize)]
        struct Format {
            format: u16,
        }
        let Format { format } = serde_json::from_str(json).map_err(|_| Refusal::Altered)?;
        if !(1..=FORMAT).contains(&format) {
            return Err(Refusal::Newer);
        }
        // A kind of day or limit that a later program knows.
        serde_json::from_str(json).map_err(|_| Refusal::Newer)
    }

    /// The same content gives the same bytes, in whatever order it was collected.
    pub fn to_json(&self) -> String {
        let mut sorted = self.clone();
        sorted.units.sort_by(|a, b| (&a.code, a.valid_from).cmp(&(&b.code, b.valid_from)));
        sorted.procedures.sort_by(|a, b| (&a.code, a.valid_from).cmp(&(&b.code, b.valid_from)));
        sorted.days.sort_by(|a, b| (a.date, &a.unit).cmp(&(b.date, &b.unit)));
        sorted.targets.sort_by_key(target_key);
        sorted.rulesets.sort_by(|a, b| a.id.cmp(&b.id));
        sorted.indicators.sort_by(|a, b| a.code.cmp(&b.code));
        sorted.rules.sort_by(|a, b| a.id.cmp(&b.id));
        sorted.hours.sort_by(|a, b| (a.valid_from, &a.unit, a.days).cmp(&(b.valid_from, &b.unit, b.days)));
        sorted.format = self.oldest_format();
        serde_json::to_string(&sorted).expect("plain strings, numbers and dates are JSON")
    }

    /// See [`FORMAT`].
    fn oldest_format(&self) -> u16 {
        let is_new = |procedure: &Procedure| {
            let Procedure { online_limit, post_limit, clock_start, .. } = procedure;
            online_limit.is_some() || post_limit.is_some() || !clock_start.is_reception()
        };
        if self.hours.is_empty() && !self.procedures.iter().any(is_new) { 1 } else { FORMAT }
    }

    /// What a desk of `unit` works by under this version.
    pub fn tables(self, version: u64, unit: &str) -> Tables {
        let calendar = Calendar::of(&self.days, unit).with_hours(&self.hours, unit);
        let book = Book::with(&self.indicators, &self.rules, &self.targets);
        let level = self.units.iter().rfind(|listed| listed.code == unit).map_or_else(String::new, |listed| listed.kind.clone());
        Tables { version, catalogue: Catalogue::of(self.procedures, version), calendar, book, level, terms: self.rulesets }
    }

    /// Takes in new versions of procedures: each ends the version before it. Rows without a decision or a first day of
    /// their own get the given ones; one of them that says what the newest version says is no new version, so that an
    /// exported file can be edited and taken in again.
    pub fn procedures_amend(&mut self, rows: Vec<Procedure>, decision: Option<&str>, from: Option<NaiveDate>) {
        for mut row in rows {
            let newest = self.procedures.iter().filter(|old| old.code == row.code).max_by_key(|old| old.valid_from);
            let same = |old: &Procedure| {
                let Procedure { decision, valid_from, .. } = old.clone();
                Procedure { decision, valid_from, ..row.clone() } == *old
            };
            if row.valid_from.is_none() && newest.is_some_and(same) {
                continue;
            }
            row.decision = row.decision.or_else(|| decision.map(nfc));
            row.valid_from = row.valid_from.or(from);
            self.procedures.retain(|old| (&old.code, old.valid_from) != (&row.code, row.valid_from));
            let eve = row.valid_from.and_then(|day| day.pred_opt());
            for old in self.procedures.iter_mut().filter(|old| old.code == row.code && old.valid_from < row.valid_from) {
                old.valid_to = old.valid_to.min(eve).or(eve);
            }
            self.procedures.push(row);
        }
    }

    /// Takes in days: each replaces what is listed for the same day and unit.
    pub fn days_amend(&mut self, rows: Vec<Day>, decision: Option<&str>) {
        let filled = |row: Day| Day { decision: row.decision.or_else(|| decision.map(nfc)), ..row };
        amend(&mut self.days, rows.into_iter().map(filled), |day| (day.date, day.unit.clone()));
    }

    /// Takes in targets: each replaces the one of the same indicator, year, and level or unit.
    pub fn targets_amend(&mut self, rows: Vec<Target>, decision: Option<&str>) {
        let filled = |row: Target| Target { decision: row.decision.or_else(|| decision.map(nfc)), ..row };
        amend(&mut self.targets, rows.into_iter().map(filled), target_key);
    }

    /// Takes in opening hours: each ends those before it of the same unit and days of the week.
    pub fn hours_amend(&mut self, rows: Vec<Hours>, decision: Option<&str>) {
        for mut row in rows {
            row.decision = row.decision.or_else(|| decision.map(nfc));
            let key = |hours: &Hours| (hours.unit.clone(), hours.days);
            self.hours.retain(|old| (key(old), old.valid_from) != (key(&row), row.valid_from));
            let eve = row.valid_from.pred_opt();
            for old in self.hours.iter_mut().filter(|old| key(old) == key(&row) && old.valid_from < row.valid_from) {
                old.valid_to = old.valid_to.min(eve).or(eve);
            }
            self.hours.push(row);
        }
    }

    /// Takes in terms of rulesets.
    pub fn rulesets_amend(&mut self, rows: Vec<Terms>) {
        amend(&mut self.rulesets, rows, |terms| terms.id.clone());
    }

    /// Takes in indicators: each replaces the one of the same code.
    pub fn indicators_amend(&mut self, rows: Vec<Indicator>) {
        amend(&mut self.indicators, rows, |indicator| indicator.code.clone());
    }

    /// Takes in arithmetic rules: each replaces the one of the same id.
    pub fn rules_amend(&mut self, rows: Vec<Line>) {
        amend(&mut self.rules, rows, |line| line.id.clone());
    }

    /// Everything that is wrong in it, with its place; empty: it may be published and taken.
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        self.check_units(&mut faults);
        self.check_procedures(&mut faults);
        self.check_days(&mut faults);
        self.check_targets(&mut faults);
        self.check_rulesets(&mut faults);
        self.check_book(&mut faults);
        self.check_hours(&mut faults);
        faults
    }

    fn check_book(&self, faults: &mut Vec<Fault>) {
        let (mut codes, mut ids) = (BTreeSet::new(), BTreeSet::new());
        for indicator in &self.indicators {
            let problem = match indicator.problem() {
                None if codes.insert(&indicator.code) => continue,
                None => "chỉ tiêu này có hai lần".to_owned(),
                Some(problem) => problem,
            };
            faults.push(Fault::new(format!("chỉ tiêu {}", indicator.code), problem));
        }
        for line in &self.rules {
            let problem = match Identity::read(line) {
                Ok(_) if ids.insert(&line.id) => continue,
                Ok(_) => "quy tắc này có hai lần".to_owned(),
                Err(problem) => problem,
            };
            faults.push(Fault::new(format!("quy tắc {}", line.id), problem));
        }
    }

    fn check_units(&self, faults: &mut Vec<Fault>) {
        for (at, unit) in self.units.iter().enumerate() {
            let mut fault = |problem: &str| faults.push(Fault::new(unit_place(unit), problem));
            if !is_text(&unit.code) || !is_text(&unit.name) {
                fault("thiếu mã hoặc tên, hoặc dài quá");
            }
            if unit.valid_to.is_some_and(|end| end < unit.valid_from) {
                fault("hết hiệu lực trước khi có hiệu lực");
            }
            if self.units[..at].iter().any(|other| other.code == unit.code && other.overlaps(unit)) {
                fault("trùng thời gian hiệu lực với đơn vị khác cùng mã");
            }
        }
    }

    fn check_procedures(&self, faults: &mut Vec<Fault>) {
        let mut versions: BTreeMap<&str, Vec<&Procedure>> = BTreeMap::new();
        for procedure in &self.procedures {
            let place = procedure_place(procedure);
            let mut fault = |problem: String| faults.push(Fault::new(&place, problem));
            if !is_text(&procedure.code) || !is_text(&procedure.name) {
                fault("thiếu mã hoặc tên, hoặc dài quá".to_owned());
            }
            if !FIELDS.iter().any(|(code, _)| *code == procedure.field) {
                fault(format!(
                    "lĩnh vực “{}” không có; cần một trong: {}",
                    procedure.field,
                    FIELDS.map(|(code, _)| code).join(", ")
                ));
            }
            let limits = [procedure.limit, procedure.online_limit, procedure.post_limit];
            if limits.into_iter().flatten().any(|limit| !is_sensible(limit)) {
                fault(format!("thời hạn phải từ 1 đến {LONGEST_LIMIT}"));
            }
            if procedure.valid_from.is_some() && procedure.decision.as_deref().is_none_or(|number| !is_text(number)) {
                fault("thiếu số quyết định công bố".to_owned());
            }
            if procedure.valid_from.zip(procedure.valid_to).is_some_and(|(from, to)| to < from) {
                fault("hết hiệu lực trước khi có hiệu lực".to_owned());
            }
            let component = |paper: &Component| is_text(&paper.name) && (1..=MOST_SHEETS).contains(&paper.quantity);
            if procedure.components.len() > MOST_PAPERS || !procedure.components.iter().all(component) {
                fault("thành phần hồ sơ thiếu tên, hoặc quá nhiều".to_owned());
            }
            if procedure.result.as_deref().is_some_and(|result| !is_text(result)) {
                fault("tên kết quả dài quá".to_owned());
            }
            let others = versions.entry(&procedure.code).or_default();
            if others.iter().any(|other| other.overlaps(procedure)) {
                fault("trùng thời gian hiệu lực với bản khác của thủ tục này".to_owned());
            }
            others.push(procedure);
        }
        if self.procedures.is_empty() {
            faults.push(Fault::new("thủ tục", "danh mục không có thủ tục nào"));
        }
    }

    fn check_days(&self, faults: &mut Vec<Fault>) {
        let mut seen = BTreeSet::new();
        for day in &self.days {
            let mut fault = |problem: &str| faults.push(Fault::new(day_place(day), problem));
            if !YEARS.contains(&day.date.year()) {
                fault("năm không hợp lý");
            }
            let weekend = matches!(day.date.weekday(), Weekday::Sat | Weekday::Sun);
            match (day.kind, &day.unit) {
                (DayKind::SwappedWorked, _) if !weekend => fault("ngày làm bù phải là thứ bảy hoặc chủ nhật"),
                (DayKind::SwappedOff, _) if weekend => fault("ngày nghỉ hoán đổi phải là ngày trong tuần"),
                (DayKind::Closed, None) => fault("ngày đóng cửa phải ghi rõ đơn vị"),
                (DayKind::Closed, Some(_)) if day.decision.is_none() => fault("ngày đóng cửa phải có số quyết định"),
                _ => {}
            }
            if day.unit.as_ref().is_some_and(|code| !self.has_unit(code)) {
                fault("mã đơn vị không có trong danh mục đơn vị");
            }
            if day.name.chars().count() > LONGEST {
                fault("tên ngày dài quá");
            }
            if !seen.insert((day.date, &day.unit)) {
                fault("ngày này có hai lần");
            }
        }
    }

    fn check_targets(&self, faults: &mut Vec<Fault>) {
        let mut seen = BTreeSet::new();
        for target in &self.targets {
            let mut fault = |problem: &str| faults.push(Fault::new(target_place(target), problem));
            if !is_text(&target.indicator) {
                fault("thiếu mã chỉ tiêu, hoặc dài quá");
            }
            if target.level.is_some() == target.unit.is_some() {
                fault("cần cấp (level) hoặc đơn vị (unit), không phải cả hai");
            }
            if target.unit.as_ref().is_some_and(|code| !self.has_unit(code)) {
                fault("mã đơn vị không có trong danh mục đơn vị");
            }
            if !YEARS.contains(&target.year) {
                fault("năm không hợp lý");
            }
            if !is_decimal(&target.value) {
                fault("giá trị phải là số, ví dụ 84.5");
            }
            if !seen.insert(target_key(target)) {
                fault("mục tiêu này có hai lần");
            }
        }
    }

    fn check_rulesets(&self, faults: &mut Vec<Fault>) {
        let mut seen = BTreeSet::new();
        for terms in &self.rulesets {
            let mut fault = |problem: &str| faults.push(Fault::new(ruleset_place(terms), problem));
            if Ruleset::find(&terms.id).is_none() {
                fault("bản chương trình này chưa có bộ quy định đó; hãy cập nhật chương trình");
            }
            if !seen.insert(&terms.id) {
                fault("bộ quy định này có hai lần");
            }
        }
    }

    fn check_hours(&self, faults: &mut Vec<Fault>) {
        for (at, hours) in self.hours.iter().enumerate() {
            let mut fault = |problem: &str| faults.push(Fault::new(hours_place(hours), problem));
            let sessions: Vec<_> = hours.open.sessions().collect();
            if sessions.is_empty() {
                fault("cần giờ mở cửa buổi sáng hoặc buổi chiều; ngày đóng cửa thì ghi vào lịch nghỉ");
            }
            let ordered = sessions.windows(2).all(|pair| pair[0].1 <= pair[1].0);
            if !ordered || sessions.iter().any(|(from, to)| from >= to) {
                fault("giờ mở cửa phải trước giờ đóng cửa, buổi sáng trước buổi chiều");
            }
            if hours.decision.as_deref().is_none_or(|number| !is_text(number)) {
                fault("thiếu số quyết định");
            }
            if hours.valid_to.is_some_and(|end| end < hours.valid_from) || !YEARS.contains(&hours.valid_from.year()) {
                fault("ngày hiệu lực không hợp lý");
            }
            if hours.unit.as_ref().is_some_and(|code| !self.has_unit(code)) {
                fault("mã đơn vị không có trong danh mục đơn vị");
            }
            if self.hours[..at].iter().any(|other| other.overlaps(hours)) {
                fault("trùng thứ trong tuần và thời gian hiệu lực với dòng khác");
            }
        }
    }

    fn has_unit(&self, code: &str) -> bool {
        self.units.iter().any(|unit| unit.code == code)
    }
}

fn amend<T, K: PartialEq>(list: &mut Vec<T>, rows: impl IntoIterator<Item = T>, key: impl Fn(&T) -> K) {
    for row in rows {
        list.retain(|old| key(old) != key(&row));
        list.push(row);
    }
}

fn is_text(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= LONGEST
}

fn is_sensible(limit: Limit) -> bool {
    match limit {
        Limit::SameDay => true,
        Limit::WorkingDays(count) | Limit::CalendarDays(count) | Limit::Hours(count) => (1..=LONGEST_LIMIT).contains(&count),
    }
}

fn is_decimal(text: &str) -> bool {
    let digits = |part: &str| (1..=12).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once('.') {
        Some((whole, part)) => digits(whole) && digits(part),
        None => digits(text),
    }
}

fn shown(day: NaiveDate) -> String {
    day.format("%d/%m/%Y").to_string()
}

fn unit_place(unit: &Unit) -> String {
    format!("đơn vị {} từ {}", unit.code, shown(unit.valid_from))
}

fn procedure_place(procedure: &Procedure) -> String {
    let from = procedure.valid_from.map(|day| format!(" từ {}", shown(day))).unwrap_or_default();
    format!("thủ tục {}{from}", procedure.code)
}

fn day_place(day: &Day) -> String {
    let unit = day.unit.as_ref().map(|unit| format!(" của đơn vị {unit}")).unwrap_or_default();
    format!("ngày {}{unit}", shown(day.date))
}

fn hours_place(hours: &Hours) -> String {
    let unit = hours.unit.as_ref().map(|unit| format!(" của đơn vị {unit}")).unwrap_or_default();
    format!("giờ làm việc {}{unit} từ {}", hours.days, shown(hours.valid_from))
}

type TargetKey = (String, i32, Option<String>, Option<String>);

fn target_key(target: &Target) -> TargetKey {
    (target.indicator.clone(), target.year, target.level.clone(), target.unit.clone())
}

fn target_place(target: &Target) -> String {
    let whose = target.level.iter().chain(&target.unit).cloned().collect::<Vec<_>>().join(", ");
    format!("mục tiêu {} năm {} ({whose})", target.indicator, target.year)
}

fn ruleset_place(terms: &Terms) -> String {
    format!("bộ quy định {}", terms.id)
}

/// Reads `indicator,level,unit,year,value[,decision]`; every bad line is reported.
pub fn targets(csv_text: &str) -> Result<Vec<Target>, Vec<Fault>> {
    let comma_too = |target: Target| Target { value: target.value.replace(',', "."), ..target };
    rows(csv_text, "indicator,level,unit,year,value").map(|targets| targets.into_iter().map(comma_too).collect())
}

/// Reads `id,holiday_change`; every bad line is reported.
pub fn terms(csv_text: &str) -> Result<Vec<Terms>, Vec<Fault>> {
    rows(csv_text, "id,holiday_change (keeps hoặc moves_later)")
}

fn rows<T: for<'de> Deserialize<'de>>(csv_text: &str, columns: &str) -> Result<Vec<T>, Vec<Fault>> {
    let text = csv_text.trim_start_matches('\u{feff}');
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let (mut rows, mut faults) = (Vec::new(), Vec::new());
    for (line, row) in (2..).zip(reader.deserialize::<T>()) {
        match row {
            Ok(row) => rows.push(row),
            Err(error) => {
                faults.push(Fault::new(format!("dòng {line}"), format!("không đọc được ({error}); cần các cột {columns}")));
            }
        }
    }
    if faults.is_empty() { Ok(rows) } else { Err(faults) }
}

/// What an aggregator signs when it publishes.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Statement {
    #[cbor(n(0), with = "uuid_bytes")]
    pub server_id: Uuid,
    /// Which life of the aggregator's database published it.
    #[cbor(n(1), with = "uuid_bytes")]
    pub epoch: Uuid,
    /// 1, 2, 3 … within a life; a restored database counts on from what it remembers.
    #[n(2)]
    pub version: u64,
    /// BLAKE3 of the snapshot's JSON.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub hash: [u8; 32],
    /// The aggregator's clock, milliseconds since 1970: for people; it decides nothing.
    #[n(4)]
    pub published_at_ms: i64,
}

const CONTEXT: &[u8] = b"motcua reference v1\0";

impl Statement {
    pub fn sign(&self, key: &SigningKey) -> Signed {
        Signed::new(CONTEXT, encode(self), key)
    }

    /// The statement, if `key` signed it.
    pub fn open(signed: &Signed, key: &VerifyingKey) -> Option<Statement> {
        decode(signed.open(CONTEXT, key)?).ok()
    }
}

/// BLAKE3 of a snapshot's JSON.
pub fn hash(json: &str) -> [u8; 32] {
    *blake3::hash(json.as_bytes()).as_bytes()
}

/// A published version as it travels.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Published {
    #[n(0)]
    pub statement: Signed,
    /// zstd over the JSON.
    #[cbor(n(1), with = "minicbor::bytes")]
    packed: Vec<u8>,
}

/// Answer to `GET /sync/v1/reference?have=V&hash=H` (hash: 64 hexadecimal digits) and to `PUT /sync/v1/reference`, by which
/// an office gives a [`Published`] version back to an aggregator that lost it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Answer {
    /// Newest version; 0: none was published.
    #[n(0)]
    pub version: u64,
    /// Absent when the asker holds just that one, or there is none.
    #[n(1)]
    pub published: Option<Published>,
}

/// A published version that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    pub statement: Statement,
    /// The bytes that were signed.
    pub json: String,
    pub snapshot: Snapshot,
}

/// Why a version is not taken, in Vietnamese.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("danh mục nhận được không có chữ ký của huyện")]
    Signature,
    #[error("danh mục nhận được là của huyện khác")]
    OtherServer,
    #[error("danh mục nhận được bị thiếu hoặc bị sửa trên đường đi")]
    Altered,
    #[error("danh mục do bản chương trình mới hơn lập, bản này chưa đọc được; hãy cập nhật chương trình")]
    Newer,
    #[error("danh mục có {} chỗ sai: {}", .0.len(), .0.first().map(ToString::to_string).unwrap_or_default())]
    Faulty(Vec<Fault>),
}

impl Published {
    pub fn pack(statement: Signed, json: &str) -> Published {
        Published { statement, packed: zstd::bulk::compress(json.as_bytes(), 6).expect("memory to compress into") }
    }

    /// The version, if it is one of this district's, whole, and has no fault.
    pub fn open(&self, server_id: Uuid, key: &VerifyingKey) -> Result<Opened, Refusal> {
        let statement = Statement::open(&self.statement, key).ok_or(Refusal::Signature)?;
        if statement.server_id != server_id {
            return Err(Refusal::OtherServer);
        }
        let json = unpack(&self.packed).filter(|json| hash(json) == statement.hash).ok_or(Refusal::Altered)?;
        if statement.version == 0 || i64::try_from(statement.version).is_err() {
            return Err(Refusal::Newer);
        }
        let snapshot = Snapshot::read(&json)?;
        let faults = snapshot.faults();
        if faults.is_empty() { Ok(Opened { statement, json, snapshot }) } else { Err(Refusal::Faulty(faults)) }
    }
}

fn unpack(packed: &[u8]) -> Option<String> {
    let mut json = String::new();
    let decoder = zstd::stream::read::Decoder::new(packed).ok()?;
    decoder.take(MAX_JSON + 1).read_to_string(&mut json).ok()?;
    (json.len() as u64 <= MAX_JSON).then_some(json)
}

/// Whether an office takes a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    Take,
    /// It is in force already.
    Same,
    /// The aggregator was restored and remembers only this one: what the office has stays in force.
    Older,
}

/// Whether `offered` takes the place of `held`, when the aggregator that answers is in its life `epoch`.
///
/// A higher version does. A lower one, or another one of the same number, does only if somebody published it in the life
/// that speaks now, while what is held comes from an earlier life: then it is the district's newest word, not an old one
/// out of a backup. No clock decides.
pub fn admission(held: Option<&Statement>, offered: &Statement, epoch: Uuid) -> Admission {
    match held {
        Some(held) if (held.version, held.hash) == (offered.version, offered.hash) => Admission::Same,
        Some(held) if offered.version > held.version => Admission::Take,
        Some(held) if offered.epoch == epoch && held.epoch != epoch => Admission::Take,
        Some(_) => Admission::Older,
        None => Admission::Take,
    }
}

/// Whether an aggregator in its life `epoch` takes back a version of its own that it lost in a restore. Not once somebody
/// published in this life: what the district says now is not replaced by what it said before.
pub fn readmits(newest: Option<&Statement>, offered: &Statement, epoch: Uuid) -> bool {
    newest.is_none_or(|newest| offered.version > newest.version && newest.epoch != epoch) && offered.epoch != epoch
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::dossier::{Event, Finished, Moment, Outcome, Supplemented};
    use crate::typed;

    const SERVER: Uuid = Uuid::from_u128(1);

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[7; 32])
    }

    fn statement(version: u64, epoch: u128, json: &str) -> Statement {
        Statement { server_id: SERVER, epoch: Uuid::from_u128(epoch), version, hash: hash(json), published_at_ms: 0 }
    }

    fn published(snapshot: &Snapshot) -> Published {
        let json = snapshot.to_json();
        Published::pack(statement(1, 1, &json).sign(&key()), &json)
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    #[test]
    fn what_is_built_in_has_no_fault_and_travels_in_some_ten_kilobytes() {
        let starter = Snapshot::starter();
        assert_eq!(starter.faults(), []);
        let travelling = published(&starter);
        assert!(encode(&travelling).len() < 20_000, "{}", encode(&travelling).len());
        let opened = travelling.open(SERVER, &key().verifying_key()).expect("good");
        assert_eq!(changes(&opened.snapshot, &starter), []);
        assert_eq!(opened.snapshot.tables(0, "11089").calendar, Tables::starter().calendar);
    }

    #[test]
    fn a_program_that_would_count_wrongly_is_not_given_what_it_cannot_read() {
        let mut old = Snapshot::starter();
        old.procedures.retain(|procedure| procedure.clock_start.is_reception());
        old.procedures[0].result = Some("Bản sao".to_owned());
        assert!(old.to_json().starts_with("{\"format\":1,"), "what it may leave out it is given");
        let says = |change: &dyn Fn(&mut Snapshot)| {
            let mut new = old.clone();
            change(&mut new);
            Snapshot::read(&new.to_json()).expect("our own words").format
        };
        assert_eq!(says(&|_| {}), 1);
        assert_eq!(says(&|all| all.procedures[0].online_limit = Some(Limit::SameDay)), 2);
        assert_eq!(says(&|all| all.procedures[0].post_limit = Some(Limit::SameDay)), 2);
        assert_eq!(says(&|all| all.hours = hours("t2-t6,07:00-11:00,,2027-01-01,")), 2);
        assert_eq!(says(&|all| *all = Snapshot::starter()), 2, "petitions run from acceptance");
    }

    fn hours(rows: &str) -> Vec<Hours> {
        calendar::hours(format!("days,morning,afternoon,valid_from,unit\n{rows}\n")).expect("readable")
    }

    #[test]
    fn opening_hours_are_published_for_a_time_and_change_no_promise() {
        let mut snapshot = Snapshot::starter();
        let before = snapshot.clone();
        snapshot.hours_amend(hours("t2-t6,07:30-11:30,13:00-16:30,2027-01-01,\nt7,07:30-11:00,,2027-01-01,11089"), Some("4/QĐ"));
        assert_eq!(snapshot.faults(), []);
        let said: Vec<String> = changes(&before, &snapshot).iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "thêm giờ làm việc t2-t6 từ 01/01/2027: 07:30–11:30, 13:00–16:30; quyết định 4/QĐ",
                "thêm giờ làm việc t7 của đơn vị 11089 từ 01/01/2027: 07:30–11:00; quyết định 4/QĐ",
            ]
        );
        let at = typed::time("10:00 16/03/2027").expect("a time");
        let tables = |snapshot: &Snapshot| snapshot.clone().tables(5, "11089");
        assert_eq!(tables(&snapshot).calendar.closes(day("2027-03-18")).to_string(), "16:30:00");
        assert_eq!(rescheduled(&dossier(&[]), &tables(&before), &tables(&snapshot), at), None);
        let mut later = snapshot.clone();
        later.hours_amend(hours("t2-t6,07:00-11:30,13:30-17:30,2027-03-01,"), Some("5/QĐ"));
        assert_eq!(later.faults(), []);
        assert_eq!(rescheduled(&dossier(&[]), &tables(&snapshot), &tables(&later), at), None);
        let said: Vec<String> = changes(&snapshot, &later).iter().map(ToString::to_string).collect();
        assert_eq!(said[0], "sửa  giờ làm việc t2-t6 từ 01/01/2027: hiệu lực đến (không) → hiệu lực đến 28/02/2027");
        for (rows, words) in [
            ("t6,07:30-11:30,,2027-02-01,", "trùng thứ trong tuần"),
            ("cn,,,2027-02-01,", "cần giờ mở cửa"),
            ("cn,08:00-12:00,11:00-13:00,2027-02-01,", "buổi sáng trước buổi chiều"),
            ("cn,08:00-12:00,,2027-02-01,99999", "mã đơn vị không có"),
        ] {
            let mut bad = snapshot.clone();
            bad.hours_amend(hours(rows), Some("6/QĐ"));
            assert!(bad.faults().iter().any(|fault| fault.problem.contains(words)), "{rows}: {:?}", bad.faults());
        }
        snapshot.hours_amend(hours("cn,08:00-12:00,,2027-02-01,"), None);
        assert!(snapshot.faults()[0].problem.contains("thiếu số quyết định"));
    }

    #[track_caller]
    fn faulty(expected: &[&str], change: impl FnOnce(&mut Snapshot)) {
        let mut snapshot = Snapshot::starter();
        change(&mut snapshot);
        let faults: Vec<String> = snapshot.faults().iter().map(ToString::to_string).collect();
        assert_eq!(faults.len(), expected.len(), "{faults:#?}");
        for (fault, part) in faults.iter().zip(expected) {
            assert!(fault.contains(part), "{fault}: {part}");
        }
        let refusal = published(&snapshot).open(SERVER, &key().verifying_key()).expect_err("refused");
        assert!(matches!(refusal, Refusal::Faulty(_)), "{refusal:?}");
    }

    fn add_days(rows: &str) -> impl FnOnce(&mut Snapshot) {
        let days = calendar::days(&format!("date,name,kind,unit,decision\n{rows}\n")).expect("readable");
        move |snapshot| snapshot.days.extend(days)
    }

    #[test]
    fn one_line_cases_of_faults() {
        faulty(&["thủ tục 2.000815: lĩnh vực “cung_le” không có"], |all| {
            all.procedures[0].field = "cung_le".to_owned();
        });
        faulty(&["thủ tục 2.000815: thời hạn phải"], |all| all.procedures[0].limit = Some(Limit::WorkingDays(0)));
        faulty(&["thủ tục 2.000815: trùng thời gian"], |all| all.procedures.push(all.procedures[0].clone()));
        faulty(&["thủ tục 2.000815 từ 01/01/2027: thiếu số quyết định"], |all| {
            all.procedures[0].valid_from = Some(day("2027-01-01"));
        });
        faulty(&["thiếu số quyết định", "hết hiệu lực trước"], |all| {
            all.procedures[0].valid_from = Some(day("2027-01-02"));
            all.procedures[0].valid_to = Some(day("2027-01-01"));
        });
        faulty(&["danh mục không có thủ tục nào"], |all| all.procedures.clear());
        faulty(&["ngày 16/03/2027: ngày làm bù phải là thứ bảy"], add_days("2027-03-16,?,lam_bu,,"));
        faulty(&["ngày 20/03/2027: ngày nghỉ hoán đổi"], add_days("2027-03-20,?,hoan_doi_nghi,,"));
        faulty(&["ngày 16/03/2027: ngày đóng cửa phải ghi rõ đơn vị"], add_days("2027-03-16,Bão,dong_cua,,"));
        faulty(&["của đơn vị 11089: ngày đóng cửa phải có số quyết định"], add_days("2027-03-16,Bão,dong_cua,11089,"));
        faulty(&["của đơn vị 99999: mã đơn vị không có"], add_days("2027-03-16,Bão,dong_cua,99999,1/QĐ"));
        faulty(&["ngày 01/01/2020: ngày này có hai lần"], add_days("2020-01-01,?,le,,"));
        faulty(&["ngày 01/01/1020: năm không hợp lý"], add_days("1020-01-01,?,le,,"));
        faulty(&["đơn vị 11074 từ 01/12/2019: trùng thời gian"], |all| all.units.push(all.units[1].clone()));
        faulty(&["bộ quy định nd9-2099: bản chương trình này chưa có"], |all| {
            all.rulesets[0].id = "nd9-2099".to_owned();
        });
        let target = |value: &str, level: Option<&str>| {
            let (indicator, value, level) = ("nop_truc_tuyen".to_owned(), value.to_owned(), level.map(str::to_owned));
            Target { indicator, level, unit: None, year: 2027, value, decision: None }
        };
        faulty(&["mục tiêu nop_truc_tuyen năm 2027 (commune): giá trị phải là số"], |all| {
            all.targets.push(target("nhiều", Some("commune")));
        });
        faulty(&["cần cấp (level) hoặc đơn vị"], |all| all.targets.push(target("84.5", None)));
    }

    #[test]
    fn only_what_this_district_signed_whole_is_opened() {
        let good = published(&Snapshot::starter());
        let (own, foreign) = (key().verifying_key(), SigningKey::from_bytes(&[8; 32]).verifying_key());
        assert_eq!(good.open(SERVER, &foreign), Err(Refusal::Signature));
        assert_eq!(good.open(Uuid::from_u128(2), &own), Err(Refusal::OtherServer));
        let cut = Published { packed: good.packed[..good.packed.len() / 2].to_vec(), ..good.clone() };
        assert_eq!(cut.open(SERVER, &own), Err(Refusal::Altered));
        let mut other = Snapshot::starter();
        other.days.pop();
        let swapped = Published { packed: published(&other).packed, ..good };
        assert_eq!(swapped.open(SERVER, &own), Err(Refusal::Altered));
        let json = Snapshot::starter().to_json().replacen("\"format\":2", "\"format\":3", 1);
        let later = Published::pack(statement(1, 1, &json).sign(&key()), &json);
        assert_eq!(later.open(SERVER, &own), Err(Refusal::Newer));
    }

    #[test]
    fn a_restored_aggregator_never_brings_back_an_older_version() {
        let of = |version, epoch, json| statement(version, epoch, json);
        let take =
            |held: Option<Statement>, offered: &Statement, epoch| admission(held.as_ref(), offered, Uuid::from_u128(epoch));
        assert_eq!(take(None, &of(3, 1, "a"), 1), Admission::Take);
        assert_eq!(take(Some(of(5, 1, "a")), &of(5, 1, "a"), 1), Admission::Same);
        assert_eq!(take(Some(of(5, 1, "a")), &of(6, 1, "b"), 1), Admission::Take);
        assert_eq!(take(Some(of(5, 1, "a")), &of(3, 1, "b"), 1), Admission::Older);
        assert_eq!(take(Some(of(5, 1, "a")), &of(3, 1, "b"), 2), Admission::Older); // out of the backup
        assert_eq!(take(Some(of(5, 1, "a")), &of(4, 2, "b"), 2), Admission::Take); // published after the restore
        assert_eq!(take(Some(of(5, 1, "a")), &of(5, 2, "b"), 2), Admission::Take); // the same number again
        assert_eq!(take(Some(of(5, 2, "a")), &of(4, 2, "b"), 2), Admission::Older);
        assert_eq!(take(Some(of(5, 2, "a")), &of(3, 1, "b"), 3), Admission::Older); // restored once more
    }

    #[test]
    fn a_restored_aggregator_takes_back_what_it_lost_unless_it_published_since() {
        let takes = |newest: Option<Statement>, offered: &Statement| readmits(newest.as_ref(), offered, Uuid::from_u128(2));
        assert!(takes(Some(statement(1, 1, "a")), &statement(5, 1, "b")));
        assert!(takes(None, &statement(5, 1, "b")));
        assert!(!takes(Some(statement(5, 1, "a")), &statement(5, 1, "a")));
        assert!(!takes(Some(statement(5, 1, "a")), &statement(4, 1, "b")));
        assert!(!takes(Some(statement(2, 2, "a")), &statement(5, 1, "b")));
        assert!(!takes(Some(statement(1, 1, "a")), &statement(5, 2, "b")), "nobody else publishes in this life");
    }

    #[test]
    fn a_new_version_of_a_procedure_ends_the_one_before() {
        let mut snapshot = Snapshot::starter();
        let before = snapshot.clone();
        let row = "code,name,field,limit_value,limit_unit,after_15h_next_day,fee_vnd\n2.000815,Chứng thực,chung_thuc,2,working_day,no,2000\n";
        let amendment = catalogue::procedures(row).expect("good");
        for _ in 0..2 {
            snapshot.procedures_amend(amendment.clone(), Some("5/QĐ-UBND"), Some(day("2027-01-01")));
        }
        assert_eq!(snapshot.faults(), []);
        let tables = snapshot.clone().tables(1, "11089");
        let limit = |on| tables.catalogue.find("2.000815", day(on)).and_then(|procedure| procedure.limit);
        assert_eq!((limit("2026-12-31"), limit("2027-01-01")), (Some(Limit::SameDay), Some(Limit::WorkingDays(2))));
        let said: Vec<String> = changes(&before, &snapshot).iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), 2, "{said:#?}");
        assert_eq!(said[0], "sửa  thủ tục 2.000815: hiệu lực đến (không) → hiệu lực đến 31/12/2026");
        assert!(said[1].starts_with("thêm thủ tục 2.000815 từ 01/01/2027: Chứng thực;"), "{}", said[1]);
    }

    #[test]
    fn an_exported_catalogue_that_was_edited_gives_new_versions_of_what_was_edited_alone() {
        let before = Snapshot::starter();
        let at = typed::time("08:00 20/11/2026").expect("a time");
        let exported = catalogue::sheet(&before.procedures).to_xlsx(at).expect("small");
        let mut rows = catalogue::procedures(exported).expect("our own words");
        let mut after = before.clone();
        after.procedures_amend(rows.clone(), Some("5/QĐ-UBND"), Some(day("2027-01-01")));
        assert_eq!(changes(&before, &after), []);
        rows[3].fee_vnd = Some(77_000);
        after.procedures_amend(rows, Some("5/QĐ-UBND"), Some(day("2027-01-01")));
        assert_eq!((after.faults(), changes(&before, &after).len()), (vec![], 2), "one ends, one begins");
    }

    #[test]
    fn a_changed_procedure_is_said_by_what_changed_in_it() {
        let before = Snapshot::starter();
        let mut after = before.clone();
        let procedure = after.procedures.iter_mut().find(|procedure| procedure.code == "2.000815").expect("known");
        procedure.limit = Some(Limit::WorkingDays(2));
        procedure.online_limit = Some(Limit::SameDay);
        procedure.fee_vnd = Some(3000);
        procedure.online = Some(crate::catalogue::OnlineLevel::Full);
        procedure.result = Some("Bản sao có chứng thực".to_owned());
        procedure.components = crate::paper::components(&["Bản chính giấy tờ".to_owned()]).expect("good");
        let said: Vec<String> = changes(&before, &after).iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "sửa  thủ tục 2.000815: thời hạn trong ngày làm việc; thời hạn trực tuyến (không); phí 2.000 đồng; trực tuyến (không); \
             thành phần hồ sơ (không); kết quả (không) → thời hạn 2 ngày làm việc; thời hạn trực tuyến trong ngày làm việc; \
             phí 3.000 đồng; trực tuyến toàn trình; thành phần hồ sơ Bản chính giấy tờ | bản chính | 1; \
             kết quả Bản sao có chứng thực",
            ]
        );
    }

    #[test]
    fn no_later_catalogue_changes_how_a_received_dossier_runs() {
        let at = typed::time("15:30 16/03/2027").expect("a time");
        let catalogue = Catalogue::starter();
        let procedure = catalogue.newest("2.000815").expect("known");
        let Event::Received(start) = crate::dossier::tests::received(0, crate::dossier::Channel::Online) else {
            unreachable!("it makes a reception");
        };
        let received = crate::dossier::Received {
            procedure: procedure.code.clone(),
            received_at: at,
            limit: procedure.limit,
            due_at: procedure.due(crate::dossier::Channel::Online, at, &Calendar::starter()),
            catalogued: Some(catalogue.keeps(procedure)),
            ..start
        };
        let dossier = Dossier::fold(Uuid::nil(), &[Event::Received(received.clone())]);
        let mut later = Snapshot::starter();
        for procedure in &mut later.procedures {
            procedure.limit = Some(Limit::WorkingDays(9));
            procedure.after_15h_next_day = false;
            procedure.clock_start = catalogue::ClockStart::Acceptance;
            procedure.fee_vnd = Some(1);
            procedure.field = "khac".to_owned();
        }
        let later = later.tables(8, "11089");
        assert!(dossier.after_15h_next_day(&later.catalogue) && !dossier.awaits_acceptance());
        assert_eq!(rescheduled(&dossier, &Tables::starter(), &later, at), None);
        assert_eq!((dossier.limit(), dossier.field(), dossier.due_at), (Some(Limit::SameDay), "chung_thuc", received.due_at));
        assert_eq!(received.catalogued.map(|kept| kept.reference), Some(0), "and it says of which version that was");
        let first_release =
            Dossier::fold(Uuid::nil(), &[Event::Received(crate::dossier::Received { catalogued: None, ..received })]);
        assert!(!first_release.after_15h_next_day(&later.catalogue), "entries of the first releases did not keep it");
    }

    fn tables(version: u64, rows: &str) -> Tables {
        let mut snapshot = Snapshot::starter();
        snapshot.days_amend(calendar::days(&format!("date,name,kind\n{rows}")).expect("readable"), Some("1/TB"));
        snapshot.tables(version, "11089")
    }

    fn dossier(later: &[Event]) -> Dossier {
        let catalogue = Catalogue::starter();
        let at = typed::time("09:00 15/03/2027").expect("a time");
        let due_at = Some(deadline::due(Limit::WorkingDays(3), false, at, &Calendar::starter()));
        let Event::Received(received) = crate::dossier::tests::received(0, crate::dossier::Channel::Online) else {
            unreachable!("it makes a reception");
        };
        let procedure = catalogue.iter().next().expect("some").code.clone();
        let received =
            crate::dossier::Received { procedure, received_at: at, limit: Some(Limit::WorkingDays(3)), due_at, ..received };
        Dossier::fold(Uuid::nil(), std::iter::once(&Event::Received(received)).chain(later))
    }

    #[track_caller]
    fn moves_to(later: &[Event], rows: &str, expected: Option<&str>) {
        let at = typed::time("10:00 16/03/2027").expect("a time");
        let mut dossier = dossier(later);
        let (before, after) = (Tables::starter(), tables(4, rows));
        let moved = rescheduled(&dossier, &before, &after, at);
        assert_eq!(moved.as_ref().map(|moved| moved.due_at), expected.map(|text| typed::time(text).expect("a time")), "{rows}");
        let Some(moved) = moved else { return };
        assert_eq!((moved.reference, Some(moved.was_due_at)), (4, dossier.due_at));
        assert!(!moved.days.is_empty());
        dossier.apply(&Event::Rescheduled(moved));
        assert_eq!(rescheduled(&dossier, &before, &after, at), None, "once is enough");
        assert_eq!(rescheduled(&dossier, &after, &after, at), None);
    }

    #[test]
    fn only_open_dossiers_whose_clock_runs_over_the_change_are_rescheduled() {
        let moment = |text| Moment { at: typed::time(text).expect("a time") };
        let finished = Event::Finished(Finished { at: moment("10:00 16/03/2027").at, outcome: Outcome::Granted });
        let asked = Event::SupplementRequested(moment("10:00 15/03/2027"));
        moves_to(&[], "2027-03-17,?,le\n", Some("17:00 19/03/2027"));
        moves_to(&[], "2027-03-17,?,le\n2027-03-19,?,le\n", Some("17:00 22/03/2027"));
        moves_to(&[], "2027-03-22,?,le\n", None);
        moves_to(&[], "2027-03-12,?,le\n", None);
        moves_to(&[], "2027-03-20,?,lam_bu\n", None);
        moves_to(&[finished], "2027-03-17,?,le\n", None);
        moves_to(&[Event::Voided(moment("10:00 16/03/2027"))], "2027-03-17,?,le\n", None);
        moves_to(std::slice::from_ref(&asked), "2027-03-17,?,le\n", None);
        let due_at = typed::time("17:00 22/03/2027");
        let supplemented =
            Event::Supplemented(Supplemented { at: moment("09:00 17/03/2027").at, due_at, due_at_other_mode: None });
        moves_to(&[asked.clone(), supplemented.clone()], "2027-03-16,?,le\n", None); // the clock began again after it
        moves_to(&[asked, supplemented], "2027-03-18,?,le\n", Some("17:00 23/03/2027"));
    }

    #[test]
    fn a_ruleset_may_keep_what_was_promised() {
        let mut after = tables(1, "2027-03-17,?,le\n");
        after.terms = terms("id,holiday_change\nnd61-2018,keeps\n").expect("good");
        let at = typed::time("10:00 16/03/2027").expect("a time");
        assert_eq!(rescheduled(&dossier(&[]), &Tables::starter(), &after, at), None);
    }

    /// A snapshot with some lines of the built-in one left out and some added.
    fn snapshots() -> impl Strategy<Value = Snapshot> {
        let target = ("[a-z_]{1,12}", 2020..2030i32, "[0-9]{1,3}(\\.[0-9]{1,2})?", any::<bool>());
        (prop::collection::vec(any::<bool>(), 400), prop::collection::vec(target, 0..6)).prop_map(|(keep, targets)| {
            let mut snapshot = Snapshot::starter();
            let mut keep = keep.into_iter().cycle();
            snapshot.days.retain(|_| keep.next().unwrap_or(true));
            snapshot.procedures.retain(|_| keep.next().unwrap_or(true));
            let targets = targets.into_iter().map(|(indicator, year, value, for_all)| Target {
                indicator,
                level: for_all.then(|| "commune".to_owned()),
                unit: (!for_all).then(|| "11089".to_owned()),
                year,
                value,
                decision: for_all.then(|| "1/QĐ".to_owned()),
            });
            snapshot.targets_amend(targets.collect(), None);
            snapshot
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

        #[test]
        fn what_is_written_is_read_and_equals_differ_in_nothing(a in snapshots(), b in snapshots()) {
            let read = Snapshot::read(&a.to_json()).expect("our own words");
            prop_assert_eq!(changes(&a, &read), []);
            prop_assert_eq!(read.to_json(), a.to_json());
            prop_assert_eq!(changes(&a, &b).is_empty(), a.to_json() == b.to_json());
            prop_assert_eq!(changes(&a, &b).len(), changes(&b, &a).len());
        }

        #[test]
        fn any_bytes_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>()) {
            let opens = |bytes: &[u8]| decode::<Published>(bytes).ok()?.open(SERVER, &key().verifying_key()).ok();
            prop_assert_eq!(opens(&bytes), None);
            let mut altered = encode(&published(&Snapshot::starter()));
            let at = at.index(altered.len());
            altered[at] ^= 0x55;
            // A bit that means nothing to the decompressor may differ; what it gives may not.
            prop_assert!(opens(&altered).is_none_or(|opened| opened.json == Snapshot::starter().to_json()));
        }
    }
}

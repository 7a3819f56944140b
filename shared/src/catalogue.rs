//! The catalogue: what can be asked for at the desk, with its time limit, fee and reporting field.
//!
//! Promise: an unknown limit stays unknown; it is never guessed. A procedure is looked up as it was on a day: a new
//! version never changes what counted before. Start at [`Catalogue::find`].

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::calendar::{Calendar, LocalTime};
use crate::deadline::{self, Limit};
use crate::dossier::{Catalogued, Channel, Code};
use crate::text::fold;

/// A hundred procedures that a commune handles, from the national portal (crawl of July 2026; DOMAIN §8).
pub const STARTER: &str = include_str!("../data/procedures.csv");

/// Fields that a commune reports even when nothing happened in them, in the order of the report.
pub const CORE_FIELDS: [&str; 5] = ["chung_thuc", "ho_tich", "bao_tro_xa_hoi", "nguoi_co_cong", "don_thu"];

/// Every reporting field with its name.
pub const FIELDS: [(&str, &str); 9] = [
    ("chung_thuc", "Chứng thực"),
    ("ho_tich", "Hộ tịch"),
    ("bao_tro_xa_hoi", "Bảo trợ xã hội"),
    ("nguoi_co_cong", "Người có công"),
    ("don_thu", "Đơn thư"),
    ("cong_an", "Công an"),
    ("dat_dai", "Đất đai"),
    ("quan_su", "Quân sự"),
    ("khac", "Lĩnh vực khác"),
];

/// From when a limit runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockStart {
    #[default]
    Reception,
    /// From acceptance for settlement (thụ lý): complaints and denunciations (Luật Khiếu nại Art. 28, Luật Tố cáo Art. 30).
    Acceptance,
}

impl ClockStart {
    pub fn is_reception(&self) -> bool {
        *self == ClockStart::Reception
    }
}

impl Code for ClockStart {
    const ALL: &'static [(Self, &'static str)] = &[(ClockStart::Reception, "reception"), (ClockStart::Acceptance, "acceptance")];
}

/// One procedure (thủ tục hành chính), as it is over one stretch of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Procedure {
    /// National code, such as `2.000815`.
    pub code: String,
    pub name: String,
    /// Code of the field under which it is reported.
    pub field: String,
    /// `None`: not known; the clerk enters the due time with the reason. It counts for every channel that has none of its own.
    pub limit: Option<Limit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub online_limit: Option<Limit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post_limit: Option<Limit>,
    #[serde(default, skip_serializing_if = "ClockStart::is_reception")]
    pub clock_start: ClockStart,
    /// Received strictly after 15:00, the clock starts on the next working day.
    pub after_15h_next_day: bool,
    /// `None`: not known.
    pub fee_vnd: Option<u64>,
    /// Level that decides on it: `commune`, …
    pub level: String,
    /// Number of the decision that announced it so; absent for what is built in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
    /// First day on which it can be asked for so; absent: always could.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<NaiveDate>,
    /// Last such day; absent: still can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_to: Option<NaiveDate>,
}

impl Procedure {
    /// The limit of a request that came by `channel`.
    pub fn limit_by(&self, channel: Channel) -> Option<Limit> {
        let own = match channel {
            Channel::InPerson => None,
            Channel::Online => self.online_limit,
            Channel::Post => self.post_limit,
        };
        own.or(self.limit)
    }

    /// When a request that came in by `channel` at `received` is due; `None`: its limit is not known, or runs from acceptance.
    pub fn due(&self, channel: Channel, received: LocalTime, calendar: &Calendar) -> Option<LocalTime> {
        let limit = self.limit_by(channel).filter(|_| self.clock_start.is_reception())?;
        Some(deadline::due(limit, self.after_15h_next_day, received, calendar))
    }

    pub fn is_valid(&self, day: NaiveDate) -> bool {
        self.valid_from.is_none_or(|from| from <= day) && self.valid_to.is_none_or(|to| day <= to)
    }

    pub(crate) fn overlaps(&self, other: &Procedure) -> bool {
        let begins_in_time = |from: Option<NaiveDate>, to: Option<NaiveDate>| from.zip(to).is_none_or(|(from, to)| from <= to);
        self.code == other.code
            && begins_in_time(self.valid_from, other.valid_to)
            && begins_in_time(other.valid_from, self.valid_to)
    }
}

/// A line of a catalogue file that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("dòng {line}: {problem}")]
pub struct CatalogueFault {
    pub line: u64,
    pub problem: String,
}

/// The procedures by code, each with its versions in order of time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalogue {
    versions: BTreeMap<String, Vec<Procedure>>,
    /// Version of the reference data that it is part of; 0 is what is built in.
    reference: u64,
}

#[derive(Deserialize)]
struct Row {
    code: String,
    name: String,
    field: String,
    limit_value: Option<u32>,
    limit_unit: String,
    online_limit_value: Option<u32>,
    #[serde(default)]
    online_limit_unit: String,
    post_limit_value: Option<u32>,
    #[serde(default)]
    post_limit_unit: String,
    #[serde(default)]
    clock_start: String,
    after_15h_next_day: String,
    fee_vnd: Option<u64>,
    #[serde(default)]
    level: String,
    decision: Option<String>,
    valid_from: Option<NaiveDate>,
    valid_to: Option<NaiveDate>,
}

/// Reads `code,name,field,limit_value,limit_unit,after_15h_next_day,fee_vnd[,level,decision,valid_from,valid_to]`; every
/// bad line is reported.
pub fn procedures(csv_text: &str) -> Result<Vec<Procedure>, Vec<CatalogueFault>> {
    let text = csv_text.trim_start_matches('\u{feff}');
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let (mut procedures, mut faults) = (Vec::new(), Vec::new());
    for (line, row) in (2..).zip(reader.deserialize::<Row>()) {
        let unreadable = |error| {
            format!(
                "không đọc được ({error}); cần các cột code,name,field,limit_value,limit_unit,after_15h_next_day,fee_vnd, \
                 ngày dạng 2027-01-01"
            )
        };
        match row.map_err(unreadable).and_then(Procedure::try_from) {
            Ok(procedure) => procedures.push(procedure),
            Err(problem) => faults.push(CatalogueFault { line, problem }),
        }
    }
    if faults.is_empty() { Ok(procedures) } else { Err(faults) }
}

impl Catalogue {
    /// The catalogue that is built in.
    pub fn starter() -> Catalogue {
        Catalogue::of(procedures(STARTER).expect("the built-in table is tested"), 0)
    }

    /// The catalogue of one version of the reference data.
    pub fn of(procedures: Vec<Procedure>, reference: u64) -> Catalogue {
        let mut versions: BTreeMap<String, Vec<Procedure>> = BTreeMap::new();
        for procedure in procedures {
            versions.entry(procedure.code.clone()).or_default().push(procedure);
        }
        for versions in versions.values_mut() {
            versions.sort_by_key(|procedure| procedure.valid_from);
        }
        Catalogue { versions, reference }
    }

    /// What is kept of a procedure at reception, beside limit, field and fee.
    pub fn keeps(&self, procedure: &Procedure) -> Catalogued {
        let Procedure { after_15h_next_day, clock_start, .. } = *procedure;
        Catalogued { reference: self.reference, after_15h_next_day, clock_start }
    }

    /// The procedure as it is, or was, on `day`.
    pub fn find(&self, code: &str, day: NaiveDate) -> Option<&Procedure> {
        self.versions.get(code)?.iter().find(|procedure| procedure.is_valid(day))
    }

    /// Its newest version: for its name.
    pub fn newest(&self, code: &str) -> Option<&Procedure> {
        self.versions.get(code)?.last()
    }

    /// What can be asked for on `day`, by code.
    pub fn in_force(&self, day: NaiveDate) -> impl Iterator<Item = &Procedure> {
        self.iter().filter(move |procedure| procedure.is_valid(day))
    }

    /// What can be asked for on `day` and has every typed word in its code, its name or the name of its field, with or
    /// without diacritics; names that begin with what was typed come first.
    pub fn search(&self, typed: &str, day: NaiveDate) -> Vec<&Procedure> {
        let typed = fold(typed);
        let words: Vec<&str> = typed.split_whitespace().collect();
        let place = |procedure: &Procedure| {
            let name = fold(&procedure.name);
            let told = format!("{} {name} {}", procedure.code, fold(field_name(&procedure.field)));
            let has = |word: &&str| told.split_whitespace().any(|part| part.trim_start_matches('(').starts_with(*word));
            words.iter().all(has).then(|| (!procedure.code.starts_with(typed.trim()), !name.starts_with(typed.trim()), name))
        };
        let mut found: Vec<_> = self.in_force(day).filter_map(|procedure| Some((place(procedure)?, procedure))).collect();
        found.sort_by(|one, other| one.0.cmp(&other.0));
        found.into_iter().map(|(_, procedure)| procedure).collect()
    }

    /// All versions of all procedures, by code.
    pub fn iter(&self) -> impl Iterator<Item = &Procedure> {
        self.versions.values().flatten()
    }
}

impl TryFrom<Row> for Procedure {
    type Error = String;

    fn try_from(row: Row) -> Result<Procedure, String> {
        let clock_start = match row.clock_start.as_str() {
            "" => ClockStart::Reception,
            code => ClockStart::from_code(code)
                .ok_or_else(|| format!("clock_start cần reception hoặc acceptance, không phải {code}"))?,
        };
        Ok(Procedure {
            code: row.code,
            name: crate::text::nfc(&row.name),
            field: row.field,
            limit: limit(row.limit_value, &row.limit_unit)?,
            online_limit: limit(row.online_limit_value, &row.online_limit_unit)?,
            post_limit: limit(row.post_limit_value, &row.post_limit_unit)?,
            clock_start,
            after_15h_next_day: row.after_15h_next_day == "yes",
            fee_vnd: row.fee_vnd,
            level: row.level,
            decision: row.decision,
            valid_from: row.valid_from,
            valid_to: row.valid_to,
        })
    }
}

/// A limit of two cells; `None`: both are empty.
fn limit(value: Option<u32>, unit: &str) -> Result<Option<Limit>, String> {
    match (value, unit) {
        (None, "") => Ok(None),
        (_, "same_day") => Ok(Some(Limit::SameDay)),
        (Some(value), "working_day") => Ok(Some(Limit::WorkingDays(value))),
        (Some(value), "calendar_day") => Ok(Some(Limit::CalendarDays(value))),
        (Some(value), "hour") => Ok(Some(Limit::Hours(value))),
        (value, unit) => Err(format!("thời hạn không hợp lệ: {value:?} {unit}")),
    }
}

/// The Vietnamese name of a reporting field; the code itself for a field that is not known.
pub fn field_name(field: &str) -> &str {
    FIELDS.iter().find(|(code, _)| *code == field).map_or(field, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_starter_catalogue_covers_the_five_fields_with_forty_known_limits() {
        let catalogue = Catalogue::starter();
        assert_eq!(catalogue.iter().count(), 100);
        for field in CORE_FIELDS {
            assert!(catalogue.iter().any(|procedure| procedure.field == field && procedure.limit.is_some()), "{field}");
        }
        assert!(catalogue.iter().filter(|procedure| procedure.limit.is_some()).count() >= 40);
    }

    #[test]
    fn a_procedure_is_found_by_part_of_its_name_its_code_or_its_field() {
        let catalogue = Catalogue::starter();
        let day = "2026-11-20".parse().expect("a date");
        let first = |typed: &str| catalogue.search(typed, day).first().map(|procedure| procedure.code.as_str());
        assert_eq!(first("2.000815"), Some("2.000815"));
        assert_eq!(first("1.001193"), Some("1.001193"));
        for typed in ["ho tich ket hon", "KẾT HÔN hộ tịch", "hon ket tich"] {
            let found = catalogue.search(typed, day);
            assert!(!found.is_empty() && found.iter().all(|one| one.field == "ho_tich"), "{typed}");
        }
        assert_eq!(first("kết hôn máy bay"), None);
        assert_eq!(catalogue.search("", day).len(), catalogue.in_force(day).count());
    }

    #[test]
    fn a_limit_without_unit_is_refused_with_its_line() {
        let text = "code,name,field,limit_value,limit_unit,after_15h_next_day,fee_vnd\n1,A,khac,5,,no,0\n";
        assert_eq!(procedures(text).expect_err("refused")[0].line, 2);
    }

    #[test]
    fn a_procedure_is_found_as_it_was_on_the_day() {
        let heading = "code,name,field,limit_value,limit_unit,after_15h_next_day,fee_vnd,valid_from,valid_to\n";
        let rows = "1,A,khac,5,working_day,no,0,2027-01-01,\n1,A,khac,9,working_day,no,0,,2026-12-31\n";
        let catalogue = Catalogue::of(procedures(&format!("{heading}{rows}")).expect("good"), 0);
        let day = |text: &str| text.parse().expect("a date");
        let limit = |on: &str| catalogue.find("1", day(on)).and_then(|procedure| procedure.limit);
        assert_eq!(limit("2026-12-31"), Some(Limit::WorkingDays(9)));
        assert_eq!(limit("2027-01-01"), Some(Limit::WorkingDays(5)));
        assert_eq!(catalogue.newest("1").and_then(|procedure| procedure.limit), Some(Limit::WorkingDays(5)));
        assert_eq!(catalogue.in_force(day("2027-01-01")).count(), 1);
    }

    #[test]
    fn each_channel_has_its_own_limit_or_the_common_one() {
        let heading = "code,name,field,limit_value,limit_unit,online_limit_value,online_limit_unit,after_15h_next_day,fee_vnd\n";
        let read = procedures(&format!("{heading}1.012812,A,khac,40,calendar_day,30,calendar_day,no,0\n")).expect("good");
        let by = [Channel::InPerson, Channel::Online, Channel::Post].map(|channel| read[0].limit_by(channel));
        assert_eq!(by, [40, 30, 40].map(|days| Some(Limit::CalendarDays(days))));
        let at = crate::typed::time("09:00 06/07/2026").expect("a time");
        let due = [Channel::InPerson, Channel::Online].map(|channel| read[0].due(channel, at, &Calendar::starter()));
        assert_eq!(due, ["17:00 17/08/2026", "17:00 05/08/2026"].map(crate::typed::time));
    }

    #[test]
    fn complaints_and_denunciations_run_from_acceptance() {
        let catalogue = Catalogue::starter();
        let at = crate::typed::time("09:00 06/07/2026").expect("a time");
        for (code, start) in [
            ("2.002396", ClockStart::Acceptance),
            ("2.002409", ClockStart::Acceptance),
            ("2.001801", ClockStart::Reception), // what is done with a letter, whatever it says
        ] {
            let procedure = catalogue.newest(code).expect("known");
            assert_eq!(procedure.clock_start, start, "{code}");
            let due = procedure.due(Channel::InPerson, at, &Calendar::starter());
            assert_eq!(due.is_some(), start.is_reception(), "{code}");
        }
    }
}

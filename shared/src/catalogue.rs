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
use crate::import::RowFault;
use crate::paper::{self, Component};
use crate::table::{self, Cell, Shape, Sheet, Table, Value};
use crate::text::{fold, nfc};
use crate::typed;

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

/// How far a request can be settled online (NĐ 42/2022; DOMAIN §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnlineLevel {
    None,
    /// Một phần.
    Partial,
    /// Toàn trình.
    Full,
}

impl Code for OnlineLevel {
    const ALL: &'static [(Self, &'static str)] =
        &[(OnlineLevel::None, "none"), (OnlineLevel::Partial, "partial"), (OnlineLevel::Full, "full")];
}

/// The national part of a code and what a province adds to it: `1.001193.000.00.00.H56` is `1.001193` as the province H56
/// publishes it (DOMAIN §1.2). Any other code is whole.
pub fn national_code(code: &str) -> (&str, Option<&str>) {
    let digits = |part: &str, count: usize| part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit());
    let ends = |at: usize| code.as_bytes().get(at) == Some(&b'.');
    let Some((national, suffix)) = code.split_at_checked(8).filter(|_| ends(8)).map(|(national, rest)| (national, &rest[1..]))
    else {
        return (code, None);
    };
    let is_national = national.split_once('.').is_some_and(|(level, number)| digits(level, 1) && digits(number, 6));
    let parts: Vec<&str> = suffix.split('.').collect();
    let is_suffix = match parts[..] {
        [a, b, c] => digits(a, 3) && digits(b, 2) && digits(c, 2),
        [a, b, c, province] => {
            let number = province.strip_prefix('H');
            digits(a, 3) && digits(b, 2) && digits(c, 2) && number.is_some_and(|number| digits(number, 2))
        }
        _ => false,
    };
    if is_national && is_suffix { (national, Some(suffix)) } else { (code, None) }
}

/// One procedure (thủ tục hành chính), as it is over one stretch of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Procedure {
    /// National code, such as `2.000815`.
    pub code: String,
    /// What the province adds to it, such as `000.00.00.H56`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suffix: Option<String>,
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
    /// What a citizen hands in; empty: not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<Component>,
    /// What a citizen gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// `None`: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub online: Option<OnlineLevel>,
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
    /// The code with what the province adds.
    pub fn full_code(&self) -> String {
        self.suffix.as_ref().map_or_else(|| self.code.clone(), |suffix| format!("{}.{suffix}", self.code))
    }

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

/// The procedures by code, each with its versions in order of time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalogue {
    versions: BTreeMap<String, Vec<Procedure>>,
    /// Version of the reference data that it is part of; 0 is what is built in.
    reference: u64,
}

/// Columns that a file of procedures must have, in any order.
pub const COLUMNS: [&str; 7] = ["code", "name", "field", "limit_value", "limit_unit", "after_15h_next_day", "fee_vnd"];
/// Columns that it may have.
pub const OPTIONAL_COLUMNS: [&str; 12] = [
    "online_limit_value",
    "online_limit_unit",
    "post_limit_value",
    "post_limit_unit",
    "clock_start",
    "level",
    "online",
    "components",
    "result",
    "decision",
    "valid_from",
    "valid_to",
];

/// Longest text of a cell, in letters: names of procedures are long, and lists of papers longer.
const LONGEST_CELL: usize = 8000;

/// Reads procedures from CSV or XLSX ([`COLUMNS`], [`OPTIONAL_COLUMNS`]); every bad cell is reported.
pub fn procedures(file: impl AsRef<[u8]>) -> Result<Vec<Procedure>, Vec<RowFault>> {
    let shape = Shape { wanted: &COLUMNS, optional: &OPTIONAL_COLUMNS, longest: LONGEST_CELL };
    let table = table::read(file.as_ref(), shape)?;
    let (mut procedures, mut faults) = (Vec::<(u64, Procedure)>::new(), Vec::new());
    for (line, cells) in &table.rows {
        let before = faults.len();
        let mut row = Row { line: *line, table: &table, cells, faults: &mut faults };
        let procedure = row.procedure();
        let same = |(_, other): &&(u64, Procedure)| (&other.code, other.valid_from) == (&procedure.code, procedure.valid_from);
        if let Some((first, _)) = procedures.iter().find(same) {
            row.fault("code", format!("trùng mã và ngày hiệu lực với dòng {first}"));
        }
        if faults.len() == before {
            procedures.push((*line, procedure));
        }
    }
    if !faults.is_empty() {
        return Err(table.refused(faults));
    }
    Ok(procedures.into_iter().map(|(_, procedure)| procedure).collect())
}

/// The table that [`procedures`] reads, with every column.
pub fn sheet<'a>(procedures: impl IntoIterator<Item = &'a Procedure>) -> Sheet {
    let heading = COLUMNS.iter().chain(&OPTIONAL_COLUMNS).map(|name| (*name).to_owned()).collect();
    let rows = procedures.into_iter().map(row).collect();
    Sheet { title: "Danh mục thủ tục hành chính".to_owned(), heading, rows }
}

fn row(procedure: &Procedure) -> Vec<Value> {
    let text = |text: &Option<String>| Value::from(text.clone().unwrap_or_default());
    let day = |day: Option<NaiveDate>| Value::from(day.map(|day| day.to_string()).unwrap_or_default());
    let [limit, limit_unit] = limit_cells(procedure.limit);
    let [online, online_unit] = limit_cells(procedure.online_limit);
    let [post, post_unit] = limit_cells(procedure.post_limit);
    let components: Vec<String> = procedure.components.iter().map(ToString::to_string).collect();
    vec![
        Value::from(procedure.full_code()),
        Value::from(procedure.name.as_str()),
        Value::from(procedure.field.as_str()),
        limit,
        limit_unit,
        Value::from(if procedure.after_15h_next_day { "yes" } else { "no" }),
        procedure.fee_vnd.map_or(Value::Nothing, Value::Whole),
        online,
        online_unit,
        post,
        post_unit,
        Value::from(procedure.clock_start.code()),
        Value::from(procedure.level.as_str()),
        Value::from(procedure.online.map_or("", Code::code)),
        Value::from(components.join("\n")),
        text(&procedure.result),
        text(&procedure.decision),
        day(procedure.valid_from),
        day(procedure.valid_to),
    ]
}

/// The two cells of a limit.
fn limit_cells(limit: Option<Limit>) -> [Value; 2] {
    let (value, unit) = match limit {
        None => (Value::Nothing, ""),
        Some(Limit::SameDay) => (Value::Nothing, "same_day"),
        Some(Limit::WorkingDays(days)) => (Value::Whole(u64::from(days)), "working_day"),
        Some(Limit::CalendarDays(days)) => (Value::Whole(u64::from(days)), "calendar_day"),
        Some(Limit::Hours(hours)) => (Value::Whole(u64::from(hours)), "hour"),
    };
    [value, Value::from(unit)]
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

    /// The procedure as it is, or was, on `day`; its code may have what a province adds.
    pub fn find(&self, code: &str, day: NaiveDate) -> Option<&Procedure> {
        self.versions.get(national_code(code).0)?.iter().find(|procedure| procedure.is_valid(day))
    }

    /// Its newest version: for its name.
    pub fn newest(&self, code: &str) -> Option<&Procedure> {
        self.versions.get(national_code(code).0)?.last()
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

/// One line, with the list that its faults go to.
struct Row<'a> {
    line: u64,
    table: &'a Table,
    cells: &'a [Cell],
    faults: &'a mut Vec<RowFault>,
}

impl Row<'_> {
    /// What the line says; where it is faulty, something else.
    fn procedure(&mut self) -> Procedure {
        self.faults.extend(self.table.problems(self.line, self.cells));
        if self.table.is_number(self.cells, "code") {
            self.fault("code", "Excel giữ mã này là số nên có thể đã mất số 0 ở cuối; hãy định dạng cột là Text rồi gõ lại");
        }
        for column in ["code", "name", "field"] {
            if self.text(column).is_empty() {
                self.fault(column, "ô này không được để trống");
            }
        }
        let code = self.text("code");
        let (national, suffix) = national_code(&code);
        Procedure {
            code: national.to_owned(),
            suffix: suffix.map(str::to_owned),
            name: self.text("name"),
            field: self.text("field"),
            limit: self.limit("limit_value", "limit_unit"),
            online_limit: self.limit("online_limit_value", "online_limit_unit"),
            post_limit: self.limit("post_limit_value", "post_limit_unit"),
            clock_start: self.choice("clock_start").unwrap_or_default(),
            after_15h_next_day: self.yes_or_no("after_15h_next_day"),
            fee_vnd: self.fee(),
            level: self.text("level"),
            components: self.components(),
            result: self.given("result"),
            online: self.choice("online"),
            decision: self.given("decision"),
            valid_from: self.day("valid_from"),
            valid_to: self.day("valid_to"),
        }
    }

    fn text(&self, column: &str) -> String {
        self.table.text(self.cells, column)
    }

    fn given(&self, column: &str) -> Option<String> {
        Some(self.text(column)).filter(|text| !text.is_empty())
    }

    fn fault(&mut self, column: &str, problem: impl Into<String>) {
        let value = self.text(column);
        self.faults.push(RowFault::new(self.line, column, value, problem));
    }

    /// A limit of two cells; `None`: both are empty. A unit without a number is never a limit, nor the other way round.
    fn limit(&mut self, value: &str, unit: &str) -> Option<Limit> {
        let number: Option<u32> = self.text(value).parse().ok();
        if number.is_none() && !self.text(value).is_empty() {
            self.fault(value, "cần một số nguyên");
            return None;
        }
        match (number, self.text(unit).as_str()) {
            (None, "") => None,
            (_, "same_day") => Some(Limit::SameDay),
            (Some(count), "working_day") => Some(Limit::WorkingDays(count)),
            (Some(count), "calendar_day") => Some(Limit::CalendarDays(count)),
            (Some(count), "hour") => Some(Limit::Hours(count)),
            (None, "working_day" | "calendar_day" | "hour") => {
                self.fault(value, "có đơn vị mà thiếu số; để trống cả hai ô nếu chưa biết thời hạn");
                None
            }
            _ => {
                self.fault(unit, "cần một trong: same_day, working_day, calendar_day, hour");
                None
            }
        }
    }

    /// Empty where nothing is said.
    fn choice<T: Code>(&mut self, column: &str) -> Option<T> {
        let text = self.text(column);
        let choice = T::from_code(&text);
        if choice.is_none() && !text.is_empty() {
            let allowed: Vec<&str> = T::ALL.iter().map(|(_, code)| *code).collect();
            self.fault(column, format!("cần một trong: {}, hoặc để trống", allowed.join(", ")));
        }
        choice
    }

    fn yes_or_no(&mut self, column: &str) -> bool {
        let text = self.text(column);
        if !matches!(text.as_str(), "yes" | "no" | "") {
            self.fault(column, "cần yes hoặc no");
        }
        text == "yes"
    }

    fn fee(&mut self) -> Option<u64> {
        let text = self.given("fee_vnd")?;
        let fee = text.parse().ok();
        if fee.is_none() {
            self.fault("fee_vnd", "cần số tiền bằng đồng, chỉ gồm chữ số; để trống nếu chưa biết");
        }
        fee
    }

    fn components(&mut self) -> Vec<Component> {
        let lines = match &self.table.lines(self.cells, "components")[..] {
            [one] => one.split(';').map(nfc).filter(|part| !part.is_empty()).collect(),
            lines => lines.to_vec(),
        };
        paper::components(&lines).unwrap_or_else(|problem| {
            self.fault("components", format!("{problem}; cần mỗi dòng một giấy tờ, ví dụ Tờ khai | bản chính | 1"));
            Vec::new()
        })
    }

    fn day(&mut self, column: &str) -> Option<NaiveDate> {
        let text = self.given(column)?;
        let day = typed::day(&text);
        if day.is_none() {
            self.fault(column, "cần ngày, ví dụ 2027-01-01");
        }
        day
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
        let catalogue = Catalogue::of(procedures(format!("{heading}{rows}")).expect("good"), 0);
        let day = |text: &str| text.parse().expect("a date");
        let limit = |on: &str| catalogue.find("1", day(on)).and_then(|procedure| procedure.limit);
        assert_eq!(limit("2026-12-31"), Some(Limit::WorkingDays(9)));
        assert_eq!(limit("2027-01-01"), Some(Limit::WorkingDays(5)));
        assert_eq!(catalogue.newest("1").and_then(|procedure| procedure.limit), Some(Limit::WorkingDays(5)));
        assert_eq!(catalogue.in_force(day("2027-01-01")).count(), 1);
    }

    #[test]
    fn a_code_with_what_a_province_adds_is_the_national_procedure() {
        for (code, national, suffix) in [
            ("1.001193.000.00.00.H56", "1.001193", Some("000.00.00.H56")),
            ("1.001193.000.00.00", "1.001193", Some("000.00.00")),
            ("1.001193", "1.001193", None),
            ("1.001193.H56", "1.001193.H56", None),
            ("1.001193.000.00.00.56H", "1.001193.000.00.00.56H", None),
            ("1.001193.000.00.00.H56.1", "1.001193.000.00.00.H56.1", None),
            ("đ.001193.000.00.00.H56", "đ.001193.000.00.00.H56", None),
            ("T-01", "T-01", None),
        ] {
            assert_eq!(national_code(code), (national, suffix), "{code}");
        }
        let catalogue = Catalogue::starter();
        let day = "2026-11-20".parse().expect("a date");
        let found = catalogue.find("2.000815.000.00.00.H23", day).map(|procedure| procedure.code.as_str());
        assert_eq!(found, Some("2.000815"));
        assert_eq!(catalogue.newest("2.000815.000.00.00.H23").map(|procedure| &procedure.code), Some(&"2.000815".to_owned()));
    }

    fn rich() -> Vec<Procedure> {
        let text = "code,name,field,limit_value,limit_unit,after_15h_next_day,fee_vnd,online_limit_value,online_limit_unit,\
                    post_limit_value,post_limit_unit,clock_start,level,online,components,result,decision,valid_from,valid_to\n\
                    1.001193.000.00.00.H56,Đăng ký; khai sinh,ho_tich,,same_day,yes,8000,3,working_day,8,hour,,commune,full,\
                    \"Tờ khai, theo mẫu | bản chính | 1\nGiấy chứng sinh | bản sao | 2\",Giấy khai sinh,5/QĐ,2027-01-01,31/12/2027\n\
                    2.002409,Khiếu nại,don_thu,30,calendar_day,no,,,,,,acceptance,,none,Đơn; Chứng cứ; bản photo,,,,\n";
        procedures(text).expect("good")
    }

    #[test]
    fn every_column_is_read() {
        let [birth, complaint] = &rich()[..] else { panic!("two rows") };
        assert_eq!((birth.full_code().as_str(), birth.name.as_str()), ("1.001193.000.00.00.H56", "Đăng ký; khai sinh"));
        let by = [Channel::InPerson, Channel::Online, Channel::Post].map(|channel| birth.limit_by(channel));
        assert_eq!(by, [Some(Limit::SameDay), Some(Limit::WorkingDays(3)), Some(Limit::Hours(8))]);
        let papers: Vec<String> = birth.components.iter().map(ToString::to_string).collect();
        assert_eq!(papers, ["Tờ khai, theo mẫu | bản chính | 1", "Giấy chứng sinh | bản sao | 2"]);
        assert_eq!((birth.online, birth.result.as_deref()), (Some(OnlineLevel::Full), Some("Giấy khai sinh")));
        assert_eq!((complaint.clock_start, complaint.fee_vnd, complaint.components.len()), (ClockStart::Acceptance, None, 3));
    }

    #[test]
    fn what_is_exported_is_imported_as_it_was() {
        let at = typed::time("08:00 20/11/2026").expect("a time");
        for list in [rich(), Catalogue::starter().iter().cloned().collect()] {
            let sheet = sheet(&list);
            assert_eq!(procedures(sheet.to_csv()).expect("our own words"), list);
            assert_eq!(procedures(sheet.to_xlsx(at).expect("small")).expect("our own words"), list);
        }
    }

    #[test]
    fn every_bad_cell_is_named_with_line_and_column() {
        let text = "code,name,field,limit_value,limit_unit,after_15h_next_day,fee_vnd,online,components,valid_from\n\
                    1,A,khac,5,working_day,no,0,full,Đơn,2027-01-01\n\
                    1,A,khac,,working_day,ja,2.000,all,\"Đơn, giấy\",2027-02-30\n\
                    1,=A,,x,,no,0,,,2027-01-01\n\
                    2,A\u{7},khac,5,week,no,0,,,\n";
        let places: Vec<_> = procedures(text).expect_err("refused").into_iter().map(|fault| (fault.line, fault.column)).collect();
        let line_3 =
            ["limit_value", "after_15h_next_day", "fee_vnd", "components", "online", "valid_from"].map(|column| (3, column));
        let expected =
            [&line_3[..], &[(4, "name"), (4, "field"), (4, "limit_value"), (4, "code"), (5, "name"), (5, "limit_unit")]];
        assert_eq!(places, expected.concat().into_iter().map(|(line, column)| (line, column.to_owned())).collect::<Vec<_>>());
    }

    #[test]
    fn each_channel_has_its_own_limit_or_the_common_one() {
        let heading = "code,name,field,limit_value,limit_unit,online_limit_value,online_limit_unit,after_15h_next_day,fee_vnd\n";
        let read = procedures(format!("{heading}1.012812,A,khac,40,calendar_day,30,calendar_day,no,0\n")).expect("good");
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

//! Figures that an office declares in a report: the file that they are read from, and which of them count.
//!
//! Promise: a file is read as a whole or not at all, and then every fault is named with line and column; nothing is
//! guessed or put right. A later declaration stands over an earlier one and keeps it. Start at [`read`] and
//! [`Figures::of`].

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, NaiveDate};

use crate::catalogue::FIELDS;
use crate::dictionary::Dictionary;
use crate::entry::Hash;
use crate::import::RowFault;
use crate::office::{Figure, Stated, check_words};
use crate::period::Period;
use crate::table::{self, Cell, Shape, Sheet, Table, Value};

/// Columns of a file of declared figures, in any order.
pub const COLUMNS: [&str; 9] = ["indicator", "field", "from", "to", "value", "numerator", "denominator", "printed", "where"];
/// Larger figures are slips or telephone numbers: a commune has some ten thousand people.
pub const LARGEST: i64 = 99_999_999;
/// Most lines of a file.
const MOST_LINES: usize = 20_000;
/// Longest period, in days: twenty years.
const LONGEST_PERIOD: i64 = 20 * 366;
/// Longest text of a cell, in letters.
const LONGEST_CELL: usize = 300;
const YEARS: std::ops::RangeInclusive<i32> = 2000..=2100;

/// What one figure is about, within an office.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub period: Period,
    pub indicator: String,
    pub field: String,
}

/// The figures that count, of one office.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    current: BTreeMap<Key, Figure>,
    /// The highest revision of each, withdrawn or not.
    revisions: BTreeMap<Key, (u32, Hash)>,
}

impl Figures {
    /// Of all revisions of a figure the highest counts; of two with one number, which two PCs can write that do not hear
    /// of each other, the one with the higher hash.
    pub fn of(stated: impl IntoIterator<Item = Stated>) -> Figures {
        let mut figures = Figures::default();
        for Stated { period, figure, origin, .. } in stated {
            let key = Key { period, indicator: figure.indicator.clone(), field: figure.field.clone() };
            let rank = (figure.revision, origin);
            if figures.revisions.get(&key).is_some_and(|held| *held > rank) {
                continue;
            }
            figures.revisions.insert(key.clone(), rank);
            if figure.is_withdrawn() {
                figures.current.remove(&key);
            } else {
                figures.current.insert(key, figure);
            }
        }
        figures
    }

    /// Figures that were not said by anybody yet, as when a report is checked before it is declared.
    pub fn draft(figures: impl IntoIterator<Item = (Period, Figure)>) -> Figures {
        let keyed = |(period, figure): (Period, Figure)| {
            (Key { period, indicator: figure.indicator.clone(), field: figure.field.clone() }, figure)
        };
        Figures { current: figures.into_iter().map(keyed).collect(), revisions: BTreeMap::new() }
    }

    /// The figure to record so that `figure` counts: with its revision, or nothing when it stands so already.
    pub fn revise(&self, period: Period, figure: Figure) -> Option<Figure> {
        let key = Key { period, indicator: figure.indicator.clone(), field: figure.field.clone() };
        let stands = self.current.get(&key);
        let same = stands.is_some_and(|stands| stands.says_the_same(&figure)) || (stands.is_none() && figure.is_withdrawn());
        let revision = self.revisions.get(&key).map_or(0, |(revision, _)| *revision).saturating_add(1);
        (!same).then_some(Figure { revision, ..figure })
    }

    pub fn find(&self, period: Period, indicator: &str, field: &str) -> Option<&Figure> {
        self.current.get(&Key { period, indicator: indicator.to_owned(), field: field.to_owned() })
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Figure)> {
        self.current.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.current.is_empty()
    }

    /// The periods for which something is declared, in order of time.
    pub fn periods(&self) -> BTreeSet<Period> {
        self.current.keys().map(|key| key.period).collect()
    }
}

/// A percentage as it is printed: 83,4 % is 834 with one decimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percent {
    pub digits: i64,
    pub decimals: u32,
}

impl Percent {
    /// Reads `83,4%`, `83.4 %`, `100%`; at most four decimals.
    pub fn parse(text: &str) -> Option<Percent> {
        let number = text.trim().strip_suffix('%')?.trim_end();
        let (whole, part) = number.split_once([',', '.']).unwrap_or((number, ""));
        let is_digits = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || whole.len() > 6 || part.len() > 4 || !is_digits(whole) || !is_digits(part) {
            return None;
        }
        if part.is_empty() && number.len() != whole.len() {
            return None; // "83,%"
        }
        let decimals = u32::try_from(part.len()).ok()?;
        Some(Percent { digits: format!("{whole}{part}").parse().ok()?, decimals })
    }

    /// What `numerator` is of `denominator`, half rounded up; `None`: of nothing there is no share.
    pub fn of(numerator: i64, denominator: i64, decimals: u32) -> Option<Percent> {
        if denominator <= 0 || numerator < 0 {
            return None;
        }
        let scaled = i128::from(numerator) * 100 * 10i128.pow(decimals.min(4));
        let digits = (scaled * 2 + i128::from(denominator)) / (i128::from(denominator) * 2);
        Some(Percent { digits: i64::try_from(digits).ok()?, decimals: decimals.min(4) })
    }
}

impl std::fmt::Display for Percent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let unit = 10i64.pow(self.decimals);
        write!(f, "{}", self.digits / unit)?;
        if self.decimals > 0 {
            write!(f, ",{:0width$}", self.digits % unit, width = self.decimals as usize)?;
        }
        f.write_str("%")
    }
}

/// Reads a whole file, CSV or xlsx, into the figures of each period.
pub fn read(bytes: &[u8], dictionary: &Dictionary) -> Result<Vec<(Period, Vec<Figure>)>, Vec<RowFault>> {
    let table = table::read(bytes, Shape { wanted: &COLUMNS, optional: &[], longest: LONGEST_CELL })?;
    if table.rows.len() > MOST_LINES {
        let problem = format!("có {} dòng; mỗi lần nhập tối đa {MOST_LINES} dòng", table.rows.len());
        return Err(table.refused(vec![RowFault::new(1, "", "", problem)]));
    }
    let mut reading = Reading { dictionary, faults: Vec::new(), figures: Vec::new() };
    for (line, cells) in &table.rows {
        reading.row(*line, &table, cells);
    }
    reading.check_decimal_marks();
    reading.check_twice();
    reading.check_overlaps();
    if !reading.faults.is_empty() {
        reading.faults.sort_by_key(|fault| fault.line);
        return Err(table.refused(reading.faults));
    }
    if reading.figures.is_empty() {
        let problem = "tệp không có số liệu nào".to_owned();
        return Err(table.refused(vec![RowFault::new(1, "", "", problem)]));
    }
    let mut by_period: BTreeMap<Period, Vec<Figure>> = BTreeMap::new();
    for (_, period, figure) in reading.figures {
        by_period.entry(period).or_default().push(figure);
    }
    Ok(by_period.into_iter().collect())
}

/// Figures as a file that [`read`] reads back as they are.
pub fn sheet(figures: &[(Period, Vec<Figure>)]) -> Sheet {
    let amount = |amount: Option<i64>| amount.map_or(Value::Nothing, |amount| Value::from(amount.to_string()));
    let text = |text: &Option<String>| Value::from(text.clone().unwrap_or_default());
    let row = |period: Period, figure: &Figure| {
        vec![
            Value::from(figure.indicator.as_str()),
            Value::from(figure.field.as_str()),
            Value::from(period.from.to_string()),
            Value::from(period.to.to_string()),
            amount(figure.value),
            amount(figure.numerator),
            amount(figure.denominator),
            text(&figure.printed),
            text(&figure.place),
        ]
    };
    let rows = figures.iter().flat_map(|(period, figures)| figures.iter().map(|figure| row(*period, figure)));
    Sheet { title: "Số liệu báo cáo".to_owned(), heading: COLUMNS.map(str::to_owned).into(), rows: rows.collect() }
}

/// What was read so far.
struct Reading<'a> {
    dictionary: &'a Dictionary,
    faults: Vec<RowFault>,
    figures: Vec<(u64, Period, Figure)>,
}

/// One line while it is read.
struct Line<'a> {
    number: u64,
    table: &'a Table,
    cells: &'a [Cell],
    faults: &'a mut Vec<RowFault>,
}

impl Reading<'_> {
    fn row(&mut self, line: u64, table: &Table, cells: &[Cell]) {
        let before = self.faults.len();
        let mut row = Line { number: line, table, cells, faults: &mut self.faults };
        row.refuse_cells();
        let indicator = row.text("indicator");
        if self.dictionary.find(&indicator).is_none() {
            row.fault(
                "indicator",
                "chỉ tiêu không có trong danh mục; xem trang Số liệu báo cáo, hoặc đề nghị huyện công bố thêm",
            );
        }
        let field = row.text("field");
        if !field.is_empty() && !FIELDS.iter().any(|(code, _)| *code == field) {
            row.fault(
                "field",
                &format!("lĩnh vực không có; cần bỏ trống hoặc một trong: {}", FIELDS.map(|(code, _)| code).join(", ")),
            );
        }
        let period = row.period();
        let (value, numerator, denominator) = (row.amount("value"), row.amount("numerator"), row.amount("denominator"));
        let printed = row.printed();
        let place = row.text("where");
        if place.chars().count() > 60 || check_words(&place).is_err() {
            row.fault("where", "chỗ trong báo cáo ghi ngắn gọn, ví dụ II.4, không có số của ai");
        }
        if value.is_some() && (numerator.is_some() || denominator.is_some()) {
            row.fault("value", "ghi một số, hoặc tử số và mẫu số, không ghi cả hai");
        }
        if numerator.is_some() != denominator.is_some() {
            let column = if numerator.is_some() { "denominator" } else { "numerator" };
            row.fault(column, "tử số và mẫu số phải đi cùng nhau");
        }
        if self.faults.len() > before {
            return;
        }
        let (printed, place) = (some(printed), some(place));
        let figure = Figure { indicator, field, value, numerator, denominator, printed, place, revision: 0 };
        if figure.is_withdrawn() {
            let mut row = Line { number: line, table, cells, faults: &mut self.faults };
            row.fault("value", "chưa có số nào: cần value, hoặc numerator và denominator, hoặc printed");
            return;
        }
        self.figures.extend(period.map(|period| (line, period, figure)));
    }

    fn fault(&mut self, line: u64, column: &str, value: &str, problem: String) {
        self.faults.push(RowFault::new(line, column, value, problem));
    }

    /// A file that writes 83,4 here and 83.4 there was put together from two: the rarer mark is asked about.
    fn check_decimal_marks(&mut self) {
        let printed = |mark: char| {
            let with_mark =
                self.figures.iter().filter(move |(_, _, figure)| figure.printed.as_ref().is_some_and(|text| text.contains(mark)));
            with_mark.map(|(line, _, figure)| (*line, figure.printed.clone().unwrap_or_default())).collect::<Vec<_>>()
        };
        let (commas, points) = (printed(','), printed('.'));
        if commas.is_empty() || points.is_empty() {
            return;
        }
        let rarer = if points.len() <= commas.len() { points } else { commas };
        for (line, text) in rarer {
            self.fault(
                line,
                "printed",
                &text,
                "tệp dùng lẫn dấu phẩy và dấu chấm thập phân; viết một kiểu, ví dụ 83,4%".to_owned(),
            );
        }
    }

    fn check_twice(&mut self) {
        let mut first: BTreeMap<Key, u64> = BTreeMap::new();
        let mut twice = Vec::new();
        for (line, period, figure) in &self.figures {
            let key = Key { period: *period, indicator: figure.indicator.clone(), field: figure.field.clone() };
            match first.get(&key) {
                Some(before) => twice.push((*line, figure.indicator.clone(), *before)),
                None => {
                    first.insert(key, *line);
                }
            }
        }
        for (line, indicator, before) in twice {
            self.fault(line, "indicator", &indicator, format!("trùng chỉ tiêu, lĩnh vực và kỳ với dòng {before}"));
        }
    }

    /// Periods of one indicator join or lie inside one another; two that cut into each other cannot both be added up.
    fn check_overlaps(&mut self) {
        let mut by_indicator: BTreeMap<&str, BTreeMap<Period, u64>> = BTreeMap::new();
        for (line, period, figure) in &self.figures {
            by_indicator.entry(&figure.indicator).or_default().entry(*period).or_insert(*line);
        }
        let mut cut = Vec::new();
        for periods in by_indicator.values() {
            let mut all: Vec<(u64, Period)> = periods.iter().map(|(period, line)| (*line, *period)).collect();
            all.sort_unstable();
            for (place, (line, period)) in all.iter().enumerate() {
                let other = all[..place].iter().find(|(_, other)| cuts(*other, *period));
                cut.extend(other.map(|(before, other)| (*line, *before, *period, *other)));
            }
        }
        for (line, before, period, other) in cut {
            let problem = format!(
                "kỳ {} chồng lên một phần kỳ {} ở dòng {before}; các kỳ phải nối tiếp hoặc nằm trọn trong nhau",
                period.days(),
                other.days()
            );
            self.fault(line, "from", &period.from.to_string(), problem);
        }
    }
}

/// Whether two periods share days, and neither holds the whole of the other.
pub fn cuts(one: Period, other: Period) -> bool {
    let share = one.from <= other.to && other.from <= one.to;
    let holds = |a: Period, b: Period| a.from <= b.from && b.to <= a.to;
    share && !holds(one, other) && !holds(other, one)
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

impl Line<'_> {
    fn text(&self, column: &str) -> String {
        self.table.text(self.cells, column)
    }

    fn fault(&mut self, column: &str, problem: &str) {
        let value = self.text(column);
        self.faults.push(RowFault::new(self.number, column, value, problem));
    }

    /// A cell that a spreadsheet would compute is no figure that somebody vouched for.
    fn refuse_cells(&mut self) {
        self.faults.extend(self.table.problems(self.number, self.cells));
    }

    fn period(&mut self) -> Option<Period> {
        let (from, to) = (self.day("from"), self.day("to"));
        let (from, to) = from.zip(to)?;
        match Period::new(from, to) {
            Ok(period) if (period.to - period.from).num_days() > LONGEST_PERIOD => {
                self.fault("to", "kỳ dài hơn 20 năm");
                None
            }
            Ok(period) => Some(period),
            Err(_) => {
                self.fault("to", "ngày cuối kỳ trước ngày đầu kỳ");
                None
            }
        }
    }

    fn day(&mut self, column: &str) -> Option<NaiveDate> {
        let text = self.text(column);
        let day = ["%Y-%m-%d", "%d/%m/%Y"].iter().find_map(|form| NaiveDate::parse_from_str(&text, form).ok());
        match day {
            None if text.starts_with(['=', '+', '@']) => None, // said before
            None => {
                self.fault(column, "không phải ngày; cần dạng 2022-12-15 hoặc 15/12/2022");
                None
            }
            Some(day) if !YEARS.contains(&day.year()) => {
                self.fault(column, "năm không hợp lý");
                None
            }
            day => day,
        }
    }

    /// A whole number, with or without points between thousands.
    fn amount(&mut self, column: &str) -> Option<i64> {
        let text = self.text(column);
        if text.is_empty() || self.table.is_formula(self.cells, column) {
            return None;
        }
        match whole_number(&text) {
            Ok(_) if self.table.is_number(self.cells, column) && text.contains('.') => {
                self.fault(column, "Excel giữ ô này là số lẻ; cần số nguyên, ví dụ 1639");
                None
            }
            Ok(amount) => Some(amount),
            Err(problem) => {
                self.fault(column, problem);
                None
            }
        }
    }

    fn printed(&mut self) -> String {
        let text = self.text("printed");
        if !text.is_empty() && !self.table.is_formula(self.cells, "printed") && Percent::parse(&text).is_none() {
            self.fault("printed", "không phải tỷ lệ; ghi như trong báo cáo, ví dụ 83,4% hoặc 100%");
        }
        text
    }
}

/// Reads `1639` or `1.639`; what is wrong is said in Vietnamese.
pub fn whole_number(text: &str) -> Result<i64, &'static str> {
    if text.starts_with('-') {
        return Err("số không được âm");
    }
    if text.contains(',') {
        return Err("dấu phẩy là dấu thập phân, ở đây cần số nguyên; viết 1639 hoặc 1.639");
    }
    let groups: Vec<&str> = text.split('.').collect();
    let is_grouped = groups.len() == 1 || (matches!(groups[0].len(), 1..=3) && groups[1..].iter().all(|group| group.len() == 3));
    let digits: String = groups.concat();
    if !is_grouped || digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("không phải số nguyên; viết 1639 hoặc 1.639");
    }
    let amount = digits.trim_start_matches('0');
    match if amount.is_empty() { Ok(0) } else { amount.parse::<i64>() } {
        Ok(amount) if amount <= LARGEST => Ok(amount),
        _ => Err("số lớn quá mức có thể có của một đơn vị; hãy kiểm tra lại"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADING: &str = "indicator,field,from,to,value,numerator,denominator,printed,where\n";

    fn read_rows(rows: &str) -> Result<Vec<(Period, Vec<Figure>)>, Vec<RowFault>> {
        read(format!("{HEADING}{rows}").as_bytes(), &Dictionary::starter())
    }

    /// Refused, the first fault at this line and column.
    #[track_caller]
    fn refused(rows: &str, line: u64, column: &str) {
        let faults = read_rows(rows).expect_err("refused");
        assert_eq!((faults[0].line, faults[0].column.as_str()), (line, column), "{faults:?}");
    }

    #[track_caller]
    fn taken(rows: &str) -> Figure {
        let read = read_rows(rows).unwrap_or_else(|faults| panic!("{faults:?}"));
        read[0].1[0].clone()
    }

    #[test]
    fn figures_are_read_by_period() {
        assert_eq!(taken("dossiers.received,,2021-12-15,2022-12-14,1639,,,,II.4").value, Some(1639));
        assert_eq!(taken("dossiers.received,,15/12/2021,14/12/2022,1.639,,,,").value, Some(1639));
        assert_eq!(taken("dossiers.received,ho_tich,2021-12-15,2022-12-14,007,,,,").amount(), Some(7));
        let share = taken("staff.filed_online,,2022-12-15,2023-05-29,,78,93,\"83,4%\",I.1");
        assert_eq!((share.numerator, share.denominator, share.printed.as_deref()), (Some(78), Some(93), Some("83,4%")));
        assert_eq!(taken("digitised.results,,2022-12-15,2023-05-29,,,,100%,").amount(), None);
        let two = read_rows("web.news,,2021-12-15,2022-12-14,5,,,,\nweb.news,,2020-12-15,2021-12-14,4,,,,\n").expect("read");
        assert_eq!(two.iter().map(|(period, _)| period.from.to_string()).collect::<Vec<_>>(), ["2020-12-15", "2021-12-15"]);
    }

    #[test]
    fn what_is_written_is_read_back_as_csv_and_as_a_workbook() {
        let figures = read(include_bytes!("../../tests/fixtures/ngoc-ky-declared.csv"), &Dictionary::starter()).expect("read");
        let sheet = sheet(&figures);
        let at = crate::typed::time("08:00 20/11/2026").expect("a time");
        for bytes in [sheet.to_csv(), sheet.to_xlsx(at).expect("a workbook")] {
            assert_eq!(read(&bytes, &Dictionary::starter()).as_ref(), Ok(&figures));
        }
    }

    #[test]
    fn hostile_files_are_refused_with_line_and_column() {
        let good = "web.news,,2021-12-15,2022-12-14,1,,,,\n";
        refused("web.unheard,,2021-12-15,2022-12-14,1,,,,", 2, "indicator");
        refused(&format!("{good}web.documents,chung_khoan,2021-12-15,2022-12-14,1,,,,"), 3, "field");
        refused("web.news,,2021-12-15,2022-12-14,=1+1,,,,", 2, "value");
        refused("web.news,,2021-12-15,2022-12-14,+84912345678,,,,", 2, "value");
        refused("web.news,,2021-12-15,2022-12-14,@SUM(A1),,,,", 2, "value");
        refused("web.news,,2021-12-15,2022-12-14,,1,2,=A1/B1,", 2, "printed");
        refused("=cmd|' /C calc'!A0,,2021-12-15,2022-12-14,1,,,,", 2, "indicator");
        refused("web.news,,2021-12-15,2022-12-14,1000000000,,,,", 2, "value");
        refused("web.news,,2021-12-15,2022-12-14,99999999999999999999999999,,,,", 2, "value");
        refused("web.news,,2021-12-15,2022-12-14,-5,,,,", 2, "value");
        refused("web.news,,2021-12-15,2022-12-14,\"1,639\",,,,", 2, "value");
        refused("web.news,,2021-12-15,2022-12-14,1.63,,,,", 2, "value");
        refused("web.news,,2021-12-15,2022-12-14,12.5,,,,", 2, "value");
        refused("web.news,,2021-12-15,2022-12-14,tám,,,,", 2, "value");
        refused("web.news,,2021-12-15,2022-12-14,,,,,", 2, "value");
        refused("web.news,,2021-12-15,2022-12-14,1,1,2,,", 2, "value");
        refused("web.news,,2021-12-15,2022-12-14,,1,,,", 2, "denominator");
        refused("web.news,,2021-12-15,2022-12-14,,,2,,", 2, "numerator");
        refused("web.news,,2021-12-15,2022-12-14,,1,2,83,", 2, "printed");
        refused("web.news,,2021-12-15,2022-12-14,,1,2,\"83,%\",", 2, "printed");
        refused("web.news,,2021-13-15,2022-12-14,1,,,,", 2, "from");
        refused("web.news,,2021-02-30,2022-12-14,1,,,,", 2, "from");
        refused("web.news,,1021-12-15,2022-12-14,1,,,,", 2, "from");
        refused("web.news,,2022-12-15,2021-12-14,1,,,,", 2, "to");
        refused("web.news,,2001-12-15,2099-12-14,1,,,,", 2, "to");
        refused("web.news,,2021-12-15,2022-12-14,1,,,,030309797869", 2, "where");
        refused(&format!("{good}{good}"), 3, "indicator");
        refused(&format!("{good}web.news,,2022-06-15,2023-06-14,1,,,,"), 3, "from");
        refused(&format!("{good}web.news,,2021-12-15,2022-12-14,1,,,"), 3, "");
        refused(
            "staff.filed_online,,2021-12-15,2022-12-14,,1,2,\"50,0%\",\nstaff.e_identity,,2021-12-15,2022-12-14,,1,2,50.0%,",
            3,
            "printed",
        );
        refused("", 1, "");
    }

    /// A cell of a workbook.
    enum Put {
        Text(&'static str),
        Number(f64),
        Formula(&'static str),
    }
    use Put::{Formula, Number, Text};

    /// A workbook with the heading, good figures in line 2, and in line 3 other cells in some columns.
    fn workbook(changes: &[(&str, Put)]) -> Vec<u8> {
        let mut book = rust_xlsxwriter::Workbook::new();
        let sheet = book.add_worksheet().set_name("Báo cáo 2022").expect("a name");
        let good = [("indicator", "web.news"), ("from", "2021-12-15"), ("to", "2022-12-14"), ("value", "5")];
        for (place, column) in (0u16..).zip(COLUMNS) {
            sheet.write_string(0, place, column).expect("written");
            for line in [1, 2] {
                let own = changes.iter().filter(|_| line == 2).find(|(name, _)| *name == column);
                let usual = good.iter().find(|(name, _)| *name == column).map_or("", |(_, text)| text);
                let usual = if line == 2 && column == "indicator" { "web.documents" } else { usual };
                match own.map_or(&Text(usual), |(_, put)| put) {
                    Text("") => continue,
                    Text(text) => sheet.write_string(line, place, *text),
                    Number(number) => sheet.write_number(line, place, *number),
                    Formula(formula) => sheet.write_formula(line, place, *formula),
                }
                .expect("written");
            }
        }
        book.save_to_buffer().expect("a workbook")
    }

    /// Refused with the sheet, line 3 and this column in the first fault.
    #[track_caller]
    fn workbook_refused(column: &str, changes: &[(&str, Put)]) {
        let faults = read(&workbook(changes), &Dictionary::starter()).expect_err("refused");
        let place = (faults[0].sheet.as_str(), faults[0].line, faults[0].column.as_str());
        assert_eq!(place, ("Báo cáo 2022", 3, column), "{faults:?}");
        assert!(faults[0].to_string().starts_with("trang “Báo cáo 2022”, dòng 3"), "{}", faults[0]);
    }

    #[test]
    fn a_workbook_of_figures_is_read_as_csv_is() {
        let read = |changes: &[(&str, Put)]| read(&workbook(changes), &Dictionary::starter()).expect("sound");
        assert_eq!(read(&[])[0].1.iter().map(|figure| figure.value).collect::<Vec<_>>(), [Some(5), Some(5)]);
        assert_eq!(read(&[("value", Number(1639.0))])[0].1[1].value, Some(1639));
        assert_eq!(read(&[("value", Text("1.639"))])[0].1[1].value, Some(1639));
        let share = [("value", Text("")), ("numerator", Number(78.0)), ("denominator", Number(93.0)), ("printed", Text("83,4%"))];
        assert_eq!(read(&share)[0].1[1].printed.as_deref(), Some("83,4%"));
    }

    #[test]
    fn hostile_workbooks_are_refused_with_sheet_line_and_column() {
        workbook_refused("value", &[("value", Formula("=1+1"))]);
        workbook_refused("value", &[("value", Formula("=HYPERLINK(\"http://x\")"))]);
        workbook_refused("indicator", &[("indicator", Formula("=\"web.\"&\"news\""))]);
        workbook_refused("from", &[("from", Formula("=TODAY()"))]);
        workbook_refused("value", &[("value", Text("=1+1"))]);
        workbook_refused("where", &[("where", Text("@SUM(A1)"))]);
        workbook_refused("value", &[("value", Number(1e9))]);
        workbook_refused("value", &[("value", Number(1e300))]);
        workbook_refused("value", &[("value", Number(-5.0))]);
        workbook_refused("value", &[("value", Number(12.5))]);
        workbook_refused("value", &[("value", Number(1.639))]);
        workbook_refused("value", &[("value", Text("1,639"))]);
        workbook_refused("value", &[("value", Text("1000000000"))]);
        workbook_refused(
            "printed",
            &[("value", Text("")), ("numerator", Number(1.0)), ("denominator", Number(2.0)), ("printed", Number(0.5))],
        );
        workbook_refused("indicator", &[("indicator", Text("web.unheard"))]);
        workbook_refused("indicator", &[("indicator", Text("web.news"))]); // twice
        workbook_refused("field", &[("field", Text("chung_khoan"))]);
        workbook_refused("from", &[("from", Text("30/02/2022"))]);
        workbook_refused("from", &[("from", Number(44545.0))]); // a day that lost its format
        workbook_refused("to", &[("to", Text("2021-12-14"))]);
        workbook_refused("to", &[("to", Text("2099-12-14"))]);
        workbook_refused("from", &[("indicator", Text("web.news")), ("from", Text("2022-06-15")), ("to", Text("2023-06-14"))]);
        workbook_refused("value", &[("value", Text("5\u{202E}0"))]);
        workbook_refused("denominator", &[("value", Text("")), ("numerator", Number(1.0))]);
    }

    #[test]
    fn decimal_commas_and_points_are_not_mixed_in_a_workbook_either() {
        let mut book = rust_xlsxwriter::Workbook::new();
        let sheet = book.add_worksheet();
        let rows = [
            COLUMNS,
            ["staff.filed_online", "", "2021-12-15", "2022-12-14", "", "1", "2", "50,0%", ""],
            ["staff.e_identity", "", "2021-12-15", "2022-12-14", "", "1", "2", "50,00%", ""],
            ["documents.signed", "", "2021-12-15", "2022-12-14", "", "1", "2", "50.0%", ""],
        ];
        for (line, row) in (0u32..).zip(rows) {
            sheet.write_row(line, 0, row).expect("written");
        }
        let faults = read(&book.save_to_buffer().expect("a workbook"), &Dictionary::starter()).expect_err("mixed");
        let places: Vec<_> = faults.iter().map(|fault| (fault.sheet.as_str(), fault.line, fault.column.as_str())).collect();
        assert_eq!(places, [("Sheet1", 4, "printed")]);
    }

    #[test]
    fn every_fault_of_a_file_is_named_at_once() {
        let faults =
            read_rows("x.y,z,2021-12-15,2022-12-14,-1,,,,\nweb.news,,2021-12-15,2022-12-14,=1,,,,\n").expect_err("refused");
        let places: Vec<(u64, &str)> = faults.iter().map(|fault| (fault.line, fault.column.as_str())).collect();
        assert_eq!(places, [(2, "indicator"), (2, "field"), (2, "value"), (3, "value")]);
    }

    #[test]
    fn periods_may_join_or_lie_inside_one_another() {
        read_rows("web.news,,2020-12-15,2021-12-14,1,,,,\nweb.news,,2021-12-15,2022-12-14,1,,,,\nweb.news,,2020-12-15,2022-12-14,2,,,,\nweb.news,,2021-12-15,2022-03-14,1,,,,")
            .expect("read");
    }

    #[track_caller]
    fn percent(numerator: i64, denominator: i64, decimals: u32, printed: &str) {
        assert_eq!(Percent::of(numerator, denominator, decimals).map(|percent| percent.to_string()).as_deref(), Some(printed));
    }

    #[test]
    fn percentages_are_rounded_half_up_at_their_decimals() {
        percent(78, 93, 1, "83,9%");
        percent(78, 93, 2, "83,87%");
        percent(78, 93, 0, "84%");
        percent(1, 8, 0, "13%");
        percent(1, 8, 1, "12,5%");
        percent(1, 16, 2, "6,25%");
        percent(1, 200, 0, "1%");
        percent(1, 2000, 2, "0,05%");
        percent(5, 5, 2, "100,00%");
        percent(0, 5, 1, "0,0%");
        percent(7, 5, 0, "140%");
        assert_eq!(Percent::of(0, 0, 0), None, "nothing of nothing is not everything");
        assert_eq!(Percent::parse("83.40 %"), Some(Percent { digits: 8340, decimals: 2 }));
        for bad in ["", "83", "%", "83,%", ",5%", "1e3%", "-5%", "83,12345%", "9999999%", "８%"] {
            assert_eq!(Percent::parse(bad), None, "{bad}");
        }
    }

    fn stated(value: Option<i64>, revision: u32, origin: u8) -> Stated {
        Stated {
            period: Period { from: "2021-12-15".parse().expect("a date"), to: "2022-12-14".parse().expect("a date") },
            figure: Figure { indicator: "web.news".to_owned(), value, revision, ..Figure::default() },
            origin: Hash([origin; 32]),
            author: "lan".to_owned(),
            recorded_at: crate::typed::time("10:00 22/11/2026").expect("a time"),
        }
    }

    #[track_caller]
    fn counts(said: &[Stated], expected: Option<i64>) {
        let period = stated(None, 1, 0).period;
        let mut said = said.to_vec();
        for _ in 0..2 {
            let figures = Figures::of(said.clone());
            assert_eq!(figures.find(period, "web.news", "").and_then(Figure::amount), expected);
            said.reverse();
        }
    }

    #[test]
    fn the_highest_revision_counts_in_whatever_order_it_comes() {
        counts(&[stated(Some(5), 1, 9)], Some(5));
        counts(&[stated(Some(5), 1, 9), stated(Some(6), 2, 1)], Some(6));
        counts(&[stated(Some(5), 1, 1), stated(Some(6), 1, 2)], Some(6));
        counts(&[stated(Some(5), 1, 9), stated(None, 2, 1)], None);
        counts(&[stated(Some(5), 1, 9), stated(None, 2, 1), stated(Some(7), 3, 1)], Some(7));
    }

    #[test]
    fn what_stands_so_already_is_not_recorded_again() {
        let period = stated(None, 1, 0).period;
        let figures = Figures::of([stated(Some(5), 1, 9), stated(None, 2, 1)]);
        let said = |value| Figure { indicator: "web.news".to_owned(), value, ..Figure::default() };
        assert_eq!(figures.revise(period, said(Some(5))).map(|figure| figure.revision), Some(3));
        assert_eq!(figures.revise(period, said(None)), None);
        let figures = Figures::of([stated(Some(5), 4, 9)]);
        assert_eq!(figures.revise(period, said(Some(5))), None);
        assert_eq!(figures.revise(period, said(Some(6))).map(|figure| figure.revision), Some(5));
        assert_eq!(Figures::default().revise(period, said(Some(6))).map(|figure| figure.revision), Some(1));
    }
}

//! Reading a register of dossiers from CSV or XLSX, as Excel and other systems write it.
//!
//! Promise: all rows are good or nothing is taken, and then every fault of every row is named with line, column, value
//! and what was expected, in Vietnamese. Start at [`dossiers`].

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime};

use crate::calendar::{Calendar, LocalTime, VIETNAM, local_day};
use crate::catalogue::{Catalogue, ClockStart, Procedure};
use crate::deadline;
use crate::dossier::{Accepted, Code, Digitised, Event, Extent, Finished, Moment, Paid, Rated, Received};
use crate::ruleset::Ruleset;
use crate::seal::Sealed;
use crate::table::{self, Cell, Shape, Table};

/// Columns of a dossier file, in any order.
pub const COLUMNS: [&str; 18] = [
    "code",
    "procedure",
    "channel",
    "submitted_by",
    "received_at",
    "due_at",
    "finished_at",
    "outcome",
    "returned_at",
    "components_digitised",
    "result_digitised",
    "fee_vnd",
    "paid_online",
    "rating",
    "applicant_name",
    "applicant_id",
    "applicant_phone",
    "applicant_address",
];

/// Columns that may stand beside them. `due_reason`: by what a due time was set that the catalogue does not give, sealed;
/// where the column is there, every such row needs it. `accepted_at`: when a petition was accepted for settlement.
pub const OPTIONAL_COLUMNS: [&str; 2] = ["due_reason", "accepted_at"];

/// Longest text of a cell, in letters, as in the form at the counter. Without an end to it, one entry could be larger than
/// any line or aggregator takes, and hold back all after it.
const LONGEST_CELL: usize = 300;

/// One thing wrong in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFault {
    /// Name of the sheet in a workbook; empty in a CSV file.
    pub sheet: String,
    /// Line in the file, the heading being line 1.
    pub line: u64,
    /// Heading of the column; empty when the whole line is meant.
    pub column: String,
    pub value: String,
    /// What is wrong and what was expected, in Vietnamese.
    pub problem: String,
}

impl RowFault {
    pub fn new(line: u64, column: &str, value: impl Into<String>, problem: impl Into<String>) -> RowFault {
        RowFault { sheet: String::new(), line, column: column.to_owned(), value: value.into(), problem: problem.into() }
    }
}

impl std::fmt::Display for RowFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.sheet.is_empty() {
            write!(f, "trang “{}”, ", shortened(&self.sheet))?;
        }
        write!(f, "dòng {}", self.line)?;
        if !self.column.is_empty() {
            write!(f, ", cột {}", self.column)?;
        }
        if !self.value.is_empty() {
            write!(f, ", giá trị “{}”", shortened(&self.value))?;
        }
        write!(f, ": {}", self.problem)
    }
}

fn shortened(value: &str) -> String {
    if value.chars().count() <= 60 { value.to_owned() } else { value.chars().take(60).chain(['…']).collect() }
}

/// A dossier as the file tells it: its events in order, the first being its reception.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    pub line: u64,
    pub code: String,
    pub events: Vec<Event>,
    pub person: Sealed,
}

/// Reads a whole file. `exists` tells whether a code is in the office's register already.
pub fn dossiers(
    bytes: &[u8],
    catalogue: &Catalogue,
    calendar: &Calendar,
    exists: impl Fn(&str) -> bool,
) -> Result<Vec<Imported>, Vec<RowFault>> {
    let table = table::read(bytes, Shape { wanted: &COLUMNS, optional: &OPTIONAL_COLUMNS, longest: LONGEST_CELL })?;
    let mut faults = Vec::new();
    let mut imported: Vec<Imported> = Vec::new();
    let mut first_line: BTreeMap<String, u64> = BTreeMap::new();
    for (line, cells) in &table.rows {
        let line = *line;
        let mut row = Row { line, table: &table, cells, faults: &mut faults };
        let dossier = row.dossier(catalogue, calendar);
        let code = row.text("code");
        if let Some(first) = first_line.get(&code) {
            row.fault("code", format!("mã hồ sơ trùng với dòng {first}; mỗi hồ sơ một mã"));
        } else if exists(&code) {
            row.fault("code", "mã hồ sơ đã có trong sổ của đơn vị; bỏ dòng này hoặc sửa mã".to_owned());
        }
        first_line.entry(code).or_insert(line);
        imported.extend(dossier);
    }
    if !faults.is_empty() {
        return Err(table.refused(faults));
    }
    if imported.is_empty() {
        return Err(table.refused(vec![whole_file("tệp không có hồ sơ nào".to_owned())]));
    }
    Ok(imported)
}

fn whole_file(problem: String) -> RowFault {
    RowFault::new(1, "", "", problem)
}

/// One line, with the list that its faults go to.
struct Row<'a> {
    line: u64,
    table: &'a Table,
    cells: &'a [Cell],
    faults: &'a mut Vec<RowFault>,
}

impl Row<'_> {
    fn dossier(&mut self, catalogue: &Catalogue, calendar: &Calendar) -> Option<Imported> {
        let before = self.faults.len();
        self.check_cells();
        let received = self.received(catalogue, calendar);
        let accepted = self.accepted(received.as_ref(), calendar);
        let finished = self.finished();
        let returned = self.optional_time("returned_at");
        let digitised = Digitised {
            components: self.choice("components_digitised").unwrap_or(Extent::None),
            result: self.yes_or_no("result_digitised"),
        };
        let paid = self.yes_or_no("paid_online");
        let rating = if self.text("rating").is_empty() { None } else { self.choice("rating") };
        let person = self.person();
        let received = received?;
        self.check_order(received.received_at, accepted.map(|accepted| accepted.at), finished, returned);
        if self.faults.len() > before {
            return None;
        }
        let code = received.code.clone();
        let fee = received.fee_vnd;
        let mut events = vec![Event::Received(received)];
        events.extend(accepted.map(Event::Accepted));
        events.extend((fee > 0).then_some(Event::Paid(Paid { amount_vnd: fee, online: paid })));
        events.extend(finished.map(Event::Finished));
        let scanned = digitised.result || digitised.components != Extent::None;
        events.extend(scanned.then_some(Event::Digitised(digitised)));
        events.extend(returned.map(|at| Event::Returned(Moment { at }.into())));
        events.extend(rating.map(|rating| Event::Rated(Rated { rating })));
        Some(Imported { line: self.line, code, events, person })
    }

    fn received(&mut self, catalogue: &Catalogue, calendar: &Calendar) -> Option<Received> {
        let code = self.code();
        let procedure = self.procedure(catalogue);
        let channel = self.choice("channel");
        let submitted_by = self.choice("submitted_by");
        let received_at = self.time("received_at");
        let due_at = self.optional_time("due_at");
        let fee_vnd = self.fee();
        let (procedure, received_at) = (procedure?, received_at?);
        let (channel, submitted_by) = (channel?, submitted_by?);
        let computed = procedure.due(channel, received_at, calendar);
        let mut catalogued = catalogue.keeps(procedure);
        if due_at.is_some() {
            // What the register promised runs from reception, whatever the catalogue says.
            catalogued.clock_start = ClockStart::Reception;
        }
        let unlisted = due_at.is_some() && procedure.limit_by(channel).is_none();
        self.check_due_reason(unlisted, due_at.is_some());
        if due_at.or(computed).is_none() && catalogued.clock_start.is_reception() {
            self.fault("due_at", format!("danh mục chưa có thời hạn của thủ tục {}; cần ghi hạn trả", procedure.code));
        }
        if due_at.is_some_and(|due| due < received_at) {
            self.fault("due_at", "hạn trả sớm hơn lúc tiếp nhận".to_owned());
        }
        Some(Received {
            code: code?,
            procedure: procedure.code.clone(),
            field: procedure.field.clone(),
            channel,
            submitted_by,
            received_at,
            limit: procedure.limit_by(channel),
            due_at: due_at.or(computed),
            ruleset: Ruleset::on(local_day(received_at)).id.to_owned(),
            fee_vnd: fee_vnd?,
            catalogued: Some(catalogued),
            book: None,
            follows: None,
        })
    }

    /// A limit that the catalogue does not know is entered with its reason, where the file has a column for it.
    fn check_due_reason(&mut self, unlisted: bool, promised: bool) {
        let given = !self.text("due_reason").is_empty();
        if unlisted && !given && self.table.has("due_reason") {
            let problem = "danh mục chưa có thời hạn của thủ tục này; cần ghi căn cứ của due_at, ví dụ số quyết định";
            self.fault("due_reason", problem.to_owned());
        }
        if given && !promised {
            self.fault("due_reason", "chỉ ghi căn cứ khi có due_at".to_owned());
        }
    }

    /// Acceptance for settlement: of a petition that has no due time from its reception.
    fn accepted(&mut self, received: Option<&Received>, calendar: &Calendar) -> Option<Accepted> {
        let at = self.optional_time("accepted_at")?;
        let received = received?;
        let kept = received.catalogued.filter(|kept| kept.clock_start == ClockStart::Acceptance);
        let Some(kept) = kept else {
            let problem = "chỉ ghi cho thủ tục có thời hạn tính từ khi thụ lý, và khi không ghi due_at";
            self.fault("accepted_at", problem.to_owned());
            return None;
        };
        let due_at = received.limit.map(|limit| deadline::due(limit, kept.after_15h_next_day, at, calendar));
        if due_at.is_none() {
            self.fault(
                "accepted_at",
                "danh mục chưa có thời hạn của thủ tục này; hãy ghi due_at thay cho accepted_at".to_owned(),
            );
        }
        Some(Accepted { at, due_at })
    }

    fn finished(&mut self) -> Option<Finished> {
        let at = self.optional_time("finished_at");
        let outcome = if self.text("outcome").is_empty() { None } else { self.choice("outcome") };
        match (self.text("finished_at").is_empty(), self.text("outcome").is_empty()) {
            (false, true) => {
                self.fault("outcome", "đã có finished_at thì cần kết quả: granted, refused, withdrawn, stopped".to_owned());
            }
            (true, false) => self.fault("finished_at", "đã có kết quả (outcome) thì cần thời điểm giải quyết xong".to_owned()),
            _ => {}
        }
        Some(Finished { at: at?, outcome: outcome? })
    }

    fn check_order(
        &mut self,
        received: LocalTime,
        accepted: Option<LocalTime>,
        finished: Option<Finished>,
        returned: Option<LocalTime>,
    ) {
        if accepted.is_some_and(|accepted| accepted < received) {
            self.fault("accepted_at", format!("sớm hơn lúc tiếp nhận ({})", self.text("received_at")));
        }
        if finished.zip(accepted).is_some_and(|(finished, accepted)| finished.at < accepted) {
            self.fault("finished_at", format!("sớm hơn lúc thụ lý ({})", self.text("accepted_at")));
        }
        if finished.is_some_and(|finished| finished.at < received) {
            self.fault("finished_at", format!("sớm hơn lúc tiếp nhận ({})", self.text("received_at")));
        }
        match (finished, returned) {
            (Some(finished), Some(returned)) if returned < finished.at => {
                self.fault("returned_at", format!("sớm hơn lúc giải quyết xong ({})", self.text("finished_at")));
            }
            (None, Some(_)) if self.text("finished_at").is_empty() => {
                self.fault("returned_at", "đã trả kết quả nhưng chưa có finished_at".to_owned());
            }
            _ => {}
        }
    }

    fn person(&mut self) -> Sealed {
        if self.text("applicant_name").is_empty() {
            self.fault("applicant_name", "thiếu tên người nộp hồ sơ".to_owned());
        }
        let given = |text: String| (!text.is_empty()).then_some(text);
        Sealed {
            name: given(self.text("applicant_name")),
            identity: given(self.text("applicant_id")),
            phone: given(self.text("applicant_phone")),
            address: given(self.text("applicant_address")),
            note: given(self.text("due_reason")),
            words: None,
        }
    }

    fn code(&mut self) -> Option<String> {
        let code = self.text("code");
        if is_dossier_code(&code) {
            return Some(code);
        }
        self.fault("code", "mã hồ sơ phải có dạng <mã định danh>-NNTTNN-SSSS, ví dụ 000.11.57.H23-230526-0001".to_owned());
        None
    }

    /// As it was on the day of reception; where that day cannot be read, another fault says so.
    fn procedure<'c>(&mut self, catalogue: &'c Catalogue) -> Option<&'c Procedure> {
        let code = self.text("procedure");
        let newest = catalogue.newest(&code);
        let found = match parse_time(&self.text("received_at")) {
            Some(received) => catalogue.find(&code, local_day(received)),
            None => newest,
        };
        match (found, newest) {
            (Some(_), _) => {}
            (None, Some(_)) => self.fault("procedure", "thủ tục không có hiệu lực vào ngày tiếp nhận".to_owned()),
            (None, None) => {
                self.fault("procedure", "mã thủ tục không có trong danh mục; kiểm tra mã hoặc cập nhật danh mục".to_owned());
            }
        }
        found
    }

    fn fee(&mut self) -> Option<u64> {
        let fee = self.text("fee_vnd").parse().ok();
        if fee.is_none() {
            self.fault("fee_vnd", "cần số tiền bằng đồng, chỉ gồm chữ số, ví dụ 8000 (không thu phí: 0)".to_owned());
        }
        fee
    }

    fn time(&mut self, column: &'static str) -> Option<LocalTime> {
        if self.text(column).is_empty() {
            self.fault(column, "thiếu thời điểm; cần dạng 2023-05-26T14:47:00+07:00".to_owned());
            return None;
        }
        self.optional_time(column)
    }

    fn optional_time(&mut self, column: &'static str) -> Option<LocalTime> {
        let text = self.text(column);
        if text.is_empty() {
            return None;
        }
        let time = parse_time(&text);
        if time.is_none() {
            self.fault(column, "không phải thời điểm; cần dạng 2023-05-26T14:47:00+07:00 hoặc 26/05/2023 14:47".to_owned());
        }
        time
    }

    fn yes_or_no(&mut self, column: &'static str) -> bool {
        let text = self.text(column);
        if !matches!(text.as_str(), "yes" | "no") {
            self.fault(column, "cần yes hoặc no".to_owned());
        }
        text == "yes"
    }

    fn choice<T: Code>(&mut self, column: &'static str) -> Option<T> {
        let choice = T::from_code(&self.text(column));
        if choice.is_none() {
            let allowed: Vec<&str> = T::ALL.iter().map(|(_, code)| *code).collect();
            self.fault(column, format!("cần một trong: {}", allowed.join(", ")));
        }
        choice
    }

    /// What is wrong with the cells themselves.
    fn check_cells(&mut self) {
        self.faults.extend(self.table.problems(self.line, self.cells));
        for column in ["procedure", "applicant_id", "applicant_phone"] {
            let figures = self.text(column);
            // Half a number may still be somebody else's.
            if self.table.is_number(self.cells, column) && !self.table.is_formula(self.cells, column) && !figures.is_empty() {
                let problem =
                    "Excel giữ ô này là số nên có thể đã mất số 0 ở đầu hoặc cuối; hãy định dạng cột là Text rồi gõ lại";
                self.fault(column, problem.to_owned());
            }
        }
    }

    fn text(&self, column: &str) -> String {
        self.table.text(self.cells, column)
    }

    fn fault(&mut self, column: &str, problem: String) {
        let value = self.text(column);
        self.faults.push(RowFault::new(self.line, column, value, problem));
    }
}

/// `<unit identifier>-YYMMDD-NNNN` (TT 01/2018 Art. 19): a real date, and a number of that day.
pub fn is_dossier_code(code: &str) -> bool {
    let mut parts = code.rsplitn(3, '-');
    let (number, day, unit) = (parts.next(), parts.next(), parts.next());
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    let sound_unit = |unit: &str| !unit.is_empty() && unit.chars().all(|c| c.is_ascii_alphanumeric() || c == '.');
    number.is_some_and(|number| digits(number, 4))
        && day.is_some_and(|day| digits(day, 6) && chrono::NaiveDate::parse_from_str(day, "%y%m%d").is_ok())
        && unit.is_some_and(sound_unit)
}

/// RFC 3339, or local time as Excel shows it.
fn parse_time(text: &str) -> Option<LocalTime> {
    let known_year = |time: &LocalTime| (1945..=2100).contains(&chrono::Datelike::year(time));
    let with_offset = DateTime::parse_from_rfc3339(text).ok().map(|time| time.with_timezone(&VIETNAM));
    let local = || {
        ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M"]
            .iter()
            .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
            .and_then(|time| time.and_local_timezone(VIETNAM).single())
    };
    with_offset.or_else(local).filter(known_year)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "000.11.57.H23-230526-0001,2.000815,in_person,citizen,2023-05-26T09:00:00+07:00,,2023-05-26T09:30:00+07:00,\
                        granted,2023-05-26T09:40:00+07:00,all,yes,4000,yes,good,Nguyễn Văn Thử,030200000001,0900000001,\"Thôn 1, xã Thử\"";

    fn read(text: &[u8]) -> Result<Vec<Imported>, Vec<RowFault>> {
        dossiers(text, &Catalogue::starter(), &Calendar::starter(), |code| code == "000.11.57.H23-200101-0001")
    }

    fn file(rows: &[&str]) -> String {
        format!("{}\n{}\n", COLUMNS.join(","), rows.join("\n"))
    }

    #[track_caller]
    fn faults(text: &[u8]) -> Vec<(u64, String)> {
        read(text).expect_err("refused").into_iter().map(|fault| (fault.line, fault.column)).collect()
    }

    #[test]
    fn a_good_row_becomes_the_events_of_a_life() {
        let imported = read(file(&[GOOD]).as_bytes()).expect("good");
        let kinds: Vec<_> = imported[0].events.iter().map(Event::kind).collect();
        assert_eq!(kinds, ["received", "paid", "finished", "digitised", "returned", "rated"]);
        let Event::Received(received) = &imported[0].events[0] else { panic!("the first event is the reception") };
        assert_eq!(received.due_at.map(|due| due.to_rfc3339()).as_deref(), Some("2023-05-26T17:00:00+07:00"));
    }

    #[test]
    fn every_fault_of_every_row_is_reported_at_once() {
        let bad_times = GOOD.replace("2023-05-26T09:30", "2023-13-26T09:30").replace("2.000815", "9.999999");
        let backwards = GOOD.replace("2023-05-26T09:30", "2023-05-25T09:30").replace("-0001,", "-0002,");
        let text = file(&[GOOD, &bad_times, &backwards, &GOOD.replace("-0001,", "-001,").replace(",yes,4000", ",ja,4 000")]);
        let expected = [
            (3, "procedure"),
            (3, "finished_at"),
            (3, "code"),
            (4, "finished_at"),
            (5, "code"),
            (5, "fee_vnd"),
            (5, "result_digitised"),
        ];
        assert_eq!(faults(text.as_bytes()), expected.map(|(line, column)| (line, column.to_owned())));
    }

    #[test]
    fn one_line_cases_of_bad_cells() {
        let cases = [
            ("in_person", "by_dove", "channel"),
            ("citizen", "", "submitted_by"),
            ("granted", "", "outcome"),
            (",good,", ",great,", "rating"),
            (",all,", ",many,", "components_digitised"),
            ("2023-05-26T09:00:00+07:00", "", "received_at"),
            ("2023-05-26T09:00:00+07:00", "0203-05-26T09:00:00+07:00", "received_at"),
            ("2023-05-26T09:40", "2023-05-26T09:20", "returned_at"),
            ("Nguyễn Văn Thử", " ", "applicant_name"),
            ("Nguyễn Văn Thử", &"Thử ".repeat(80), "applicant_name"),
            ("230526-0001", "200101-0001", "code"),
            ("230526-0001", "231301-0001", "code"),
        ];
        for (good, bad, column) in cases {
            let found = faults(file(&[&GOOD.replacen(good, bad, 1)]).as_bytes());
            assert!(found.contains(&(2, column.to_owned())), "{bad}: {found:?}");
        }
    }

    #[test]
    fn excel_files_with_byte_order_mark_semicolons_and_local_times_are_read() {
        let text = file(&[GOOD]).replace("\"Thôn 1, xã Thử\"", "Thôn 1").replace(',', ";").replace('\n', "\r\n");
        let text = text.replace("2023-05-26T09:30:00+07:00", "26/05/2023 09:30");
        let imported = read(format!("\u{feff}{text}").as_bytes()).expect("good");
        assert_eq!(imported.len(), 1);
    }

    #[test]
    fn decomposed_names_are_composed() {
        use unicode_normalization::UnicodeNormalization;
        let text: String = file(&[GOOD]).nfd().collect();
        assert_eq!(read(text.as_bytes()).expect("good")[0].person.name.as_deref(), Some("Nguyễn Văn Thử"));
    }

    const SHEET_TIME: &str = "08:00 20/11/2026";

    /// The same rows as a workbook.
    fn workbook(text: &str) -> Vec<u8> {
        let mut rows = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
        let mut rows = rows.records().map(|row| row.expect("good").iter().map(str::to_owned).collect::<Vec<_>>());
        let heading = rows.next().expect("a heading");
        let rows = rows.map(|row| row.into_iter().map(table::Value::from).collect()).collect();
        let sheet = table::Sheet { title: "Sổ".to_owned(), heading, rows };
        sheet.to_xlsx(crate::typed::time(SHEET_TIME).expect("a time")).expect("a book")
    }

    #[test]
    fn a_workbook_is_read_like_the_same_rows_of_csv() {
        let text = file(&[GOOD, &GOOD.replace("-0001,", "-0002,").replace("2023-05-26T09:30:00+07:00", "26/05/2023 09:30")]);
        assert_eq!(read(&workbook(&text)), read(text.as_bytes()));
        let bad = file(&[GOOD, &GOOD.replace("-0001,", "-0002,").replace("in_person", "x").replace("4000", "=4000")]);
        let found = read(&workbook(&bad)).expect_err("refused");
        assert!(found.iter().all(|fault| fault.sheet == "Sheet1"));
        let nameless = found.iter().map(|fault| RowFault { sheet: String::new(), ..fault.clone() });
        assert_eq!(Err(nameless.collect()), read(bad.as_bytes()));
        let places: Vec<_> = found.iter().map(|fault| (fault.line, fault.column.as_str())).collect();
        assert_eq!(places, [(3, "fee_vnd"), (3, "channel"), (3, "fee_vnd")]);
    }

    #[test]
    fn a_number_in_place_of_a_text_is_not_taken_for_it() {
        let mut book = rust_xlsxwriter::Workbook::new();
        let page = book.add_worksheet();
        let cells: Vec<&str> = GOOD.split(',').collect();
        for (column, name) in (0..).zip(COLUMNS) {
            page.write_string(0, column, name).expect("a cell");
            let cell = cells.get(usize::from(column)).copied().unwrap_or_default();
            match name {
                "applicant_id" => page.write_number(1, column, 30_200_000_001_f64).expect("a cell"),
                _ => page.write_string(1, column, cell).expect("a cell"),
            };
        }
        assert_eq!(faults(&book.save_to_buffer().expect("a book")), [(2, "applicant_id".to_owned())]);
    }

    fn unlimited() -> String {
        let catalogue = Catalogue::starter();
        catalogue.iter().find(|procedure| procedure.limit.is_none()).expect("some limits are unknown").code.clone()
    }

    /// A row with two more cells: the reason of its due time, and when it was accepted.
    fn wide(procedure: &str, due: &str, reason: &str, accepted: &str) -> String {
        let row = GOOD.replace("2.000815", procedure).replace("T09:00:00+07:00,,", &format!("T09:00:00+07:00,{due},"));
        format!("{},due_reason,accepted_at\n{row},{reason},{accepted}\n", COLUMNS.join(","))
    }

    #[test]
    fn an_unknown_limit_comes_with_its_due_time_and_its_reason_is_sealed() {
        let (unknown, due) = (unlimited(), "2023-06-05T17:00:00+07:00");
        let taken = read(wide(&unknown, due, "Kế hoạch 12/KH-UBND", "").as_bytes()).expect("good");
        assert_eq!(taken[0].person.note.as_deref(), Some("Kế hoạch 12/KH-UBND"));
        let Event::Received(received) = &taken[0].events[0] else { panic!("a reception") };
        assert_eq!((received.limit, received.due_at.is_some()), (None, true));
        let column = |text: String| faults(text.as_bytes()).into_iter().map(|(_, column)| column).collect::<Vec<_>>();
        assert_eq!(column(wide(&unknown, due, "", "")), ["due_reason"]);
        assert_eq!(column(wide(&unknown, "", "", "")), ["due_at"]);
        assert_eq!(column(wide("2.000815", "", "Kế hoạch", "")), ["due_reason"]);
        let narrow = GOOD.replace("2.000815", &unknown).replace("T09:00:00+07:00,,", &format!("T09:00:00+07:00,{due},"));
        assert!(read(file(&[&narrow]).as_bytes()).is_ok(), "the contract's columns alone are still taken");
    }

    #[test]
    fn the_limit_of_an_imported_petition_runs_from_its_acceptance() {
        let kinds = |text: String| {
            let imported = read(text.as_bytes()).expect("good");
            imported[0].events.iter().map(Event::kind).take(2).collect::<Vec<_>>()
        };
        let dated = |accepted| wide("2.002409", "", "", accepted);
        let taken = read(dated("2023-05-26T09:10:00+07:00").as_bytes()).expect("good");
        let Event::Accepted(accepted) = taken[0].events[1] else { panic!("an acceptance") };
        assert_eq!(accepted.due_at.map(|due| due.to_rfc3339()).as_deref(), Some("2023-06-26T17:00:00+07:00"));
        assert_eq!(kinds(dated("")), ["received", "paid"]);
        assert_eq!(kinds(wide("2.002409", "2023-06-26T17:00:00+07:00", "", "")), ["received", "paid"]);
        let column = |text: String| faults(text.as_bytes()).into_iter().map(|(_, column)| column).collect::<Vec<_>>();
        assert_eq!(column(dated("2023-05-26T08:10:00+07:00")), ["accepted_at"]);
        assert_eq!(column(dated("2023-05-26T09:35:00+07:00")), ["finished_at"]);
        assert_eq!(column(wide("2.000815", "", "", "2023-05-26T09:10:00+07:00")), ["accepted_at"]);
    }

    #[test]
    fn a_missing_column_and_foreign_encodings_are_named() {
        let text = file(&[GOOD]).replacen("fee_vnd", "phi", 1);
        assert_eq!(faults(text.as_bytes()), [(1, "fee_vnd".to_owned())]);
        let windows: Vec<u8> =
            file(&[GOOD]).replace('ễ', "\u{1}").bytes().map(|byte| if byte == 1 { 0xEA } else { byte }).collect();
        assert_eq!(faults(&windows), [(2, "applicant_name".to_owned())]);
        let excel = file(&[GOOD, &GOOD.replace("in_person", "x")]).replace('\n', "\r\n");
        assert_eq!(faults(excel.as_bytes())[0], (3, "channel".to_owned()), "lines are counted as an editor shows them");
        assert_eq!(faults(b"\xFF\xFEc\0o\0"), [(1, String::new())]);
        assert_eq!(faults(file(&["a,b"]).as_bytes()), [(2, String::new())]);
        assert_eq!(faults(file(&[]).as_bytes()), [(1, String::new())]);
    }
}

//! Reading a register of dossiers from CSV, as Excel and other systems write it.
//!
//! Promise: all rows are good or nothing is taken, and then every fault of every row is named with line, column, value
//! and what was expected, in Vietnamese. Start at [`dossiers`].

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime};
use csv::ByteRecord;

use crate::calendar::{Calendar, LocalTime, VIETNAM, local_day};
use crate::catalogue::{Catalogue, ClockStart, Procedure};
use crate::dossier::{Code, Digitised, Event, Extent, Finished, Moment, Paid, Rated, Received};
use crate::ruleset::Ruleset;
use crate::seal::Sealed;
use crate::text::nfc;

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

/// Longest text of a cell, in letters, as in the form at the counter. Without an end to it, one entry could be larger than
/// any line or aggregator takes, and hold back all after it.
const LONGEST_CELL: usize = 300;

/// One thing wrong in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFault {
    /// Line in the file, the heading being line 1.
    pub line: u64,
    /// Heading of the column; empty when the whole line is meant.
    pub column: String,
    pub value: String,
    /// What is wrong and what was expected, in Vietnamese.
    pub problem: String,
}

impl std::fmt::Display for RowFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
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
    let (columns, rows) = table(bytes)?;
    let mut faults = Vec::new();
    let mut imported: Vec<Imported> = Vec::new();
    let mut first_line: BTreeMap<String, u64> = BTreeMap::new();
    for (line, record) in rows {
        let mut row = Row { line, columns: &columns, record: &record, faults: &mut faults };
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
        return Err(faults);
    }
    if imported.is_empty() {
        return Err(vec![whole_file("tệp không có hồ sơ nào".to_owned())]);
    }
    Ok(imported)
}

fn whole_file(problem: String) -> RowFault {
    RowFault { line: 1, column: String::new(), value: String::new(), problem }
}

type Columns = BTreeMap<&'static str, usize>;

/// A heading, and the rows below it with their lines.
type Table = (Columns, Vec<(u64, ByteRecord)>);

/// Heading and rows; separator, byte order mark and quoting as Excel and others write them.
fn table(bytes: &[u8]) -> Result<Table, Vec<RowFault>> {
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        let problem = "tệp ở dạng UTF-16; trong Excel hãy chọn “Lưu thành” rồi chọn kiểu “CSV UTF-8”";
        return Err(vec![whole_file(problem.to_owned())]);
    }
    if bytes.starts_with(b"PK") {
        return Err(vec![whole_file("đây là tệp Excel (xlsx), chưa phải CSV; trong Excel hãy lưu thành “CSV UTF-8”".to_owned())]);
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().delimiter(separator(bytes)).flexible(true).has_headers(true).from_reader(bytes);
    let heading = reader.byte_headers().map_err(|error| vec![whole_file(error.to_string())])?.clone();
    let columns = find_columns(&heading)?;
    let mut rows = Vec::new();
    let mut faults = Vec::new();
    let mut lines = Lines { bytes, counted: 0, line: 1 };
    for record in reader.into_byte_records() {
        match record {
            Ok(record) if record.iter().all(<[u8]>::is_empty) => {}
            Ok(record) => {
                let line = lines.at(record.position().map_or(0, csv::Position::byte));
                if record.len() == heading.len() {
                    rows.push((line, record));
                } else {
                    let problem =
                        format!("có {} ô, dòng tiêu đề có {} ô; kiểm tra dấu phân cách và dấu nháy", record.len(), heading.len());
                    faults.push(RowFault { line, column: String::new(), value: String::new(), problem });
                }
            }
            Err(error) => faults.push(whole_file(error.to_string())),
        }
    }
    if faults.is_empty() { Ok((columns, rows)) } else { Err(faults) }
}

/// Counts lines as an editor shows them. The reader's own count is one short where lines end in CR LF.
struct Lines<'a> {
    bytes: &'a [u8],
    counted: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line of the first byte at or after `offset` that ends none. Offsets must not go back.
    fn at(&mut self, offset: u64) -> u64 {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX).min(self.bytes.len());
        let ends = self.bytes[offset..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let passed = &self.bytes[self.counted..offset + ends];
        self.line += passed.split(|byte| *byte == b'\n').count() as u64 - 1;
        self.counted = offset + ends;
        self.line
    }
}

/// The separator that the heading uses most: comma, semicolon (Excel with Vietnamese settings) or tab.
fn separator(bytes: &[u8]) -> u8 {
    let heading = bytes.split(|byte| *byte == b'\n').next().unwrap_or(bytes);
    let uses = |separator: u8| heading.split(|byte| *byte == separator).count();
    [b',', b';', b'\t'].into_iter().max_by_key(|separator| (uses(*separator), *separator == b',')).unwrap_or(b',')
}

fn find_columns(heading: &ByteRecord) -> Result<Columns, Vec<RowFault>> {
    let names: Vec<String> = heading.iter().map(|cell| nfc(&String::from_utf8_lossy(cell)).to_lowercase()).collect();
    let mut columns = Columns::new();
    let mut faults = Vec::new();
    for wanted in COLUMNS {
        let mut places = (0..).zip(&names).filter(|(_, name)| *name == wanted).map(|(place, _)| place);
        let problem = match (places.next(), places.next()) {
            (Some(place), None) => {
                columns.insert(wanted, place);
                continue;
            }
            (None, _) => format!("thiếu cột này; dòng tiêu đề cần có: {}", COLUMNS.join(", ")),
            (Some(_), Some(_)) => "cột này có hai lần".to_owned(),
        };
        faults.push(RowFault { line: 1, column: wanted.to_owned(), value: String::new(), problem });
    }
    if faults.is_empty() { Ok(columns) } else { Err(faults) }
}

/// One line, with the list that its faults go to.
struct Row<'a> {
    line: u64,
    columns: &'a Columns,
    record: &'a ByteRecord,
    faults: &'a mut Vec<RowFault>,
}

impl Row<'_> {
    fn dossier(&mut self, catalogue: &Catalogue, calendar: &Calendar) -> Option<Imported> {
        let before = self.faults.len();
        self.check_letters();
        let received = self.received(catalogue, calendar);
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
        self.check_order(received.received_at, finished, returned);
        if self.faults.len() > before {
            return None;
        }
        let code = received.code.clone();
        let fee = received.fee_vnd;
        let mut events = vec![Event::Received(received)];
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

    fn check_order(&mut self, received: LocalTime, finished: Option<Finished>, returned: Option<LocalTime>) {
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
            note: None,
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

    fn check_letters(&mut self) {
        for (column, place) in self.columns {
            if self.record.get(*place).is_some_and(|cell| std::str::from_utf8(cell).is_err()) {
                self.fault(
                    column,
                    "không phải UTF-8 (có thể là bảng mã Windows-1258 hoặc TCVN3); hãy lưu lại thành “CSV UTF-8”".to_owned(),
                );
            } else if self.text(column).chars().count() > LONGEST_CELL {
                self.fault(column, format!("dài quá {LONGEST_CELL} ký tự; hãy rút gọn"));
            }
        }
    }

    fn text(&self, column: &str) -> String {
        let cell = self.columns.get(column).and_then(|place| self.record.get(*place)).unwrap_or_default();
        nfc(&String::from_utf8_lossy(cell))
    }

    fn fault(&mut self, column: &str, problem: String) {
        let value = self.text(column);
        self.faults.push(RowFault { line: self.line, column: column.to_owned(), value, problem });
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

//! Tables that a person makes or reads with a spreadsheet: CSV as Excel and others write it, or XLSX, as bytes both ways.
//!
//! Promise: every cell is known by its line and column. A cell that a spreadsheet would compute, or that hides characters,
//! is a fault and never data; nothing is computed. What is written is text to every spreadsheet, and is read back as it was.
//! Start at [`read`] and [`Sheet`].

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use calamine::{DataRef, Reader, Xlsx};
use chrono::{Datelike, NaiveTime, Timelike};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, XlsxError};

use crate::calendar::{LocalTime, VIETNAM};
use crate::import::RowFault;
use crate::text::nfc;

/// Largest file, in bytes.
const LARGEST: usize = 16 << 20;
/// Largest workbook, unpacked: a small file can be made to unpack into more than any memory.
const LARGEST_UNPACKED: u64 = 256 << 20;
/// More rows than any office has dossiers, and more columns than any table.
const MOST_ROWS: usize = 200_000;
const MOST_COLUMNS: usize = 200;
/// More sheets than a district has communes.
const MOST_SHEETS: usize = 300;
const UTF_16: &str = "tệp ở dạng UTF-16; trong Excel hãy chọn “Lưu thành” rồi chọn kiểu “CSV UTF-8”";

/// Which table is expected.
#[derive(Debug, Clone, Copy)]
pub struct Shape<'a> {
    /// Headings that must be there, in any order.
    pub wanted: &'a [&'a str],
    /// Headings that may be there.
    pub optional: &'a [&'a str],
    /// Longest text of a cell, in letters.
    pub longest: usize,
}

/// One cell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cell {
    /// As it stands in the file.
    raw: String,
    /// A spreadsheet would compute it.
    pub formula: bool,
    /// Excel keeps it as a number: zeros at its start, and behind its point at the end, are gone.
    pub number: bool,
    /// What is wrong with the cell itself, whatever it should say.
    problem: Option<&'static str>,
}

/// Named columns, and the rows below the heading with their lines; the heading of a CSV file is line 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    columns: BTreeMap<String, usize>,
    longest: usize,
    /// Name of the sheet in a workbook; empty in a CSV file.
    sheet: String,
    pub rows: Vec<(u64, Vec<Cell>)>,
}

impl Table {
    /// The text of a cell in NFC, on one line; empty where there is none.
    pub fn text(&self, cells: &[Cell], column: &str) -> String {
        self.cell(cells, column).map_or_else(String::new, |cell| nfc(&cell.raw))
    }

    /// The lines of a cell, each in NFC, without the empty ones.
    pub fn lines(&self, cells: &[Cell], column: &str) -> Vec<String> {
        let raw = self.cell(cells, column).map_or("", |cell| &cell.raw);
        raw.lines().map(nfc).filter(|line| !line.is_empty()).collect()
    }

    pub fn is_formula(&self, cells: &[Cell], column: &str) -> bool {
        self.cell(cells, column).is_some_and(|cell| cell.formula)
    }

    pub fn is_number(&self, cells: &[Cell], column: &str) -> bool {
        self.cell(cells, column).is_some_and(|cell| cell.number)
    }

    /// Whether the file has this column.
    pub fn has(&self, column: &str) -> bool {
        self.columns.contains_key(column)
    }

    /// What is wrong with the cells of a row themselves, whatever they should say.
    pub fn problems(&self, line: u64, cells: &[Cell]) -> Vec<RowFault> {
        let mut faults = Vec::new();
        for (column, place) in &self.columns {
            let Some(cell) = cells.get(*place) else { continue };
            let problem = match cell.problem {
                Some(problem) => problem.to_owned(),
                None if cell.raw.chars().count() > self.longest => format!("dài quá {} ký tự; hãy rút gọn", self.longest),
                None => continue,
            };
            faults.push(RowFault::new(line, column, nfc(&cell.raw), problem));
        }
        faults
    }

    /// What is wrong in this table, with the sheet that it stands on.
    pub fn refused(&self, faults: Vec<RowFault>) -> Vec<RowFault> {
        on_sheet(&self.sheet, faults)
    }

    fn cell<'a>(&self, cells: &'a [Cell], column: &str) -> Option<&'a Cell> {
        self.columns.get(column).and_then(|place| cells.get(*place))
    }
}

fn on_sheet(sheet: &str, faults: Vec<RowFault>) -> Vec<RowFault> {
    faults.into_iter().map(|fault| RowFault { sheet: sheet.to_owned(), ..fault }).collect()
}

fn whole_file(problem: impl Into<String>) -> RowFault {
    RowFault::new(1, "", "", problem)
}

/// Reads a table of this shape. What is wrong with single cells is for [`Table::problems`] to say, so that it can be named
/// together with what is wrong with their contents.
pub fn read(bytes: &[u8], shape: Shape) -> Result<Table, Vec<RowFault>> {
    if bytes.len() > LARGEST {
        return Err(vec![whole_file(format!("tệp lớn hơn {} MB", LARGEST >> 20))]);
    }
    let (sheet, (heading, rows)) = if bytes.starts_with(b"PK") { from_xlsx(bytes)? } else { (String::new(), from_csv(bytes)?) };
    let columns = find_columns(&heading, shape).map_err(|faults| on_sheet(&sheet, faults))?;
    Ok(Table { columns, longest: shape.longest, sheet, rows })
}

fn find_columns(heading: &[String], shape: Shape) -> Result<BTreeMap<String, usize>, Vec<RowFault>> {
    let (mut columns, mut faults) = (BTreeMap::new(), Vec::new());
    for (name, must) in shape.wanted.iter().map(|name| (name, true)).chain(shape.optional.iter().map(|name| (name, false))) {
        let mut places = (0..).zip(heading).filter(|(_, heading)| heading == name).map(|(place, _)| place);
        let problem = match (places.next(), places.next()) {
            (Some(place), None) => {
                columns.insert((*name).to_owned(), place);
                continue;
            }
            (None, _) if !must => continue,
            (None, _) => format!("thiếu cột này; dòng tiêu đề cần có: {}", shape.wanted.join(", ")),
            (Some(_), Some(_)) => "cột này có hai lần".to_owned(),
        };
        faults.push(RowFault::new(1, name, "", problem));
    }
    if faults.is_empty() { Ok(columns) } else { Err(faults) }
}

/// The heading, and the rows with their lines.
type Rows = (Vec<String>, Vec<(u64, Vec<Cell>)>);

/// Separator, byte order mark and quoting as Excel and others write them.
fn from_csv(bytes: &[u8]) -> Result<Rows, Vec<RowFault>> {
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return Err(vec![whole_file(UTF_16)]);
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().delimiter(separator(bytes)).flexible(true).from_reader(bytes);
    let heading = reader.byte_headers().map_err(|error| vec![whole_file(error.to_string())])?;
    let heading: Vec<String> = heading.iter().map(|cell| nfc(&String::from_utf8_lossy(cell)).to_lowercase()).collect();
    let (mut rows, mut faults) = (Vec::new(), Vec::new());
    let mut lines = Lines { bytes, counted: 0, line: 1 };
    for record in reader.into_byte_records() {
        let record = match record {
            Ok(record) if record.iter().all(<[u8]>::is_empty) => continue,
            Ok(record) => record,
            Err(error) => return Err(vec![whole_file(error.to_string())]),
        };
        let line = lines.at(record.position().map_or(0, csv::Position::byte));
        if record.len() != heading.len() {
            let problem =
                format!("có {} ô, dòng tiêu đề có {} ô; kiểm tra dấu phân cách và dấu nháy", record.len(), heading.len());
            faults.push(RowFault::new(line, "", "", problem));
        }
        rows.push((line, record.iter().map(csv_cell).collect()));
        if rows.len() > MOST_ROWS {
            return Err(vec![whole_file(format!("tệp có hơn {MOST_ROWS} dòng; hãy chia nhỏ"))]);
        }
    }
    if faults.is_empty() { Ok((heading, rows)) } else { Err(faults) }
}

fn csv_cell(bytes: &[u8]) -> Cell {
    match std::str::from_utf8(bytes) {
        Ok(text) => match text.strip_prefix('\'') {
            Some(guarded) if is_guarded(guarded) => Cell { problem: hides(guarded), raw: guarded.to_owned(), ..Cell::default() },
            _ => text_cell(text.to_owned()),
        },
        Err(_) => Cell {
            raw: String::from_utf8_lossy(bytes).into_owned(),
            problem: Some("không phải UTF-8 (có thể là bảng mã Windows-1258 hoặc TCVN3); hãy lưu lại thành “CSV UTF-8”"),
            ..Cell::default()
        },
    }
}

/// What stands behind an apostrophe in CSV, as a spreadsheet writes a text that it must not compute.
fn is_guarded(text: &str) -> bool {
    computes(text.trim_start_matches('\''))
}

fn text_cell(raw: String) -> Cell {
    let formula = computes(&raw);
    let problem = if formula { Some(FORMULA) } else { hides(&raw) };
    Cell { raw, formula, number: false, problem }
}

const FORMULA: &str = "ô có công thức; hãy thay công thức bằng giá trị (chép, rồi dán giá trị) và bỏ dấu =, +, -, @ ở đầu";

/// Whether a spreadsheet that opens a CSV file would compute this text. A sign before a digit or a space makes a number, a
/// sign alone nothing.
fn computes(text: &str) -> bool {
    let mut letters = text.trim_start_matches([' ', '\t', '\r', '\n']).chars();
    match (letters.next(), letters.next()) {
        (Some('=' | '@'), Some(_)) => true,
        (Some('+' | '-'), Some(next)) => !(next.is_ascii_digit() || next.is_whitespace() || matches!(next, '.' | ',' | '-')),
        _ => false,
    }
}

/// Whether a text holds what nobody can see: control characters, and those that turn the direction of writing.
fn hides(text: &str) -> Option<&'static str> {
    let hidden = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
            || matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
    };
    text.contains(hidden).then_some("ô có ký tự điều khiển không nhìn thấy; hãy xóa ô và gõ lại")
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

/// One sheet as it is, without any heading: rows with their lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grid {
    /// Its name in a workbook; empty in a CSV file.
    pub sheet: String,
    pub rows: Vec<(u64, Vec<Cell>)>,
}

impl Grid {
    /// What is wrong at a place of this sheet.
    pub fn fault(&self, line: u64, column: &str, value: impl Into<String>, problem: impl Into<String>) -> RowFault {
        RowFault { sheet: self.sheet.clone(), ..RowFault::new(line, column, value, problem) }
    }
}

impl Cell {
    /// In NFC, on one line.
    pub fn text(&self) -> String {
        nfc(&self.raw)
    }

    /// A spreadsheet computes it, and said what comes out.
    pub fn is_computed(&self) -> bool {
        self.formula && self.number
    }
}

/// Every sheet of a workbook, or the one table of a CSV file, for readers that find their cells by what stands around them.
pub fn grids(bytes: &[u8]) -> Result<Vec<Grid>, Vec<RowFault>> {
    if bytes.len() > LARGEST {
        return Err(vec![whole_file(format!("tệp lớn hơn {} MB", LARGEST >> 20))]);
    }
    if !bytes.starts_with(b"PK") {
        return Ok(vec![Grid { sheet: String::new(), rows: csv_rows(bytes)? }]);
    }
    let mut book = workbook(bytes)?;
    let names = book.sheet_names();
    if names.len() > MOST_SHEETS {
        return Err(vec![whole_file(format!("tệp Excel có {} trang tính; mỗi lần đọc tối đa {MOST_SHEETS} trang", names.len()))]);
    }
    names.into_iter().map(|name| Ok(Grid { rows: sheet_rows(&mut book, &name)?, sheet: name })).collect()
}

/// The rows of a CSV file, however many cells each has.
fn csv_rows(bytes: &[u8]) -> Result<Vec<(u64, Vec<Cell>)>, Vec<RowFault>> {
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return Err(vec![whole_file(UTF_16)]);
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().delimiter(separator(bytes)).flexible(true).has_headers(false).from_reader(bytes);
    let mut lines = Lines { bytes, counted: 0, line: 1 };
    let mut rows = Vec::new();
    for record in reader.byte_records() {
        let record = record.map_err(|error| vec![whole_file(error.to_string())])?;
        let line = lines.at(record.position().map_or(0, csv::Position::byte));
        if rows.len() >= MOST_ROWS || record.len() > MOST_COLUMNS {
            return Err(vec![whole_file(format!("tệp có hơn {MOST_ROWS} dòng hoặc {MOST_COLUMNS} cột; hãy bỏ phần thừa"))]);
        }
        rows.push((line, record.iter().map(csv_cell).collect()));
    }
    Ok(rows)
}

fn unreadable(error: &dyn std::fmt::Display) -> Vec<RowFault> {
    vec![whole_file(format!("tệp Excel không đọc được ({error}); hãy lưu lại dạng .xlsx hoặc CSV UTF-8"))]
}

/// Opens a workbook that does not unpack into more than memory.
fn workbook(bytes: &[u8]) -> Result<Xlsx<Cursor<&[u8]>>, Vec<RowFault>> {
    let unpacked = unpacked(bytes).map_err(|error| unreadable(&error))?;
    if unpacked > LARGEST_UNPACKED {
        return Err(vec![whole_file(format!("tệp Excel bung ra hơn {} MB", LARGEST_UNPACKED >> 20))]);
    }
    Xlsx::new(Cursor::new(bytes)).map_err(|error| unreadable(&error))
}

/// The first sheet of a workbook with its name, the first of its rows being the heading.
fn from_xlsx(bytes: &[u8]) -> Result<(String, Rows), Vec<RowFault>> {
    let mut book = workbook(bytes)?;
    let name = book.sheet_names().first().cloned().ok_or_else(|| vec![whole_file("tệp Excel không có trang tính nào")])?;
    let mut rows = sheet_rows(&mut book, &name)?.into_iter();
    let heading = rows.next().map(|(_, cells)| cells).unwrap_or_default();
    let heading = heading.iter().map(|cell| nfc(&cell.raw).to_lowercase()).collect();
    Ok((name, (heading, rows.collect())))
}

/// The rows of a sheet that hold anything, cell by cell: a far-off cell makes no large table.
fn sheet_rows(book: &mut Xlsx<Cursor<&[u8]>>, name: &str) -> Result<Vec<(u64, Vec<Cell>)>, Vec<RowFault>> {
    let mut reader = book.worksheet_cells_reader(name).map_err(|error| unreadable(&error))?;
    let mut rows: BTreeMap<u32, Vec<Cell>> = BTreeMap::new();
    while let Some(found) = reader.next_cell_with_formula_metadata().map_err(|error| unreadable(&error))? {
        let (row, column) = (found.pos.0, found.pos.1 as usize);
        let cell = xlsx_cell(&found.value, found.formula.is_some());
        if cell.raw.is_empty() && !cell.formula {
            continue;
        }
        if column >= MOST_COLUMNS || (rows.len() >= MOST_ROWS && !rows.contains_key(&row)) {
            let problem = format!("trang tính có hơn {MOST_ROWS} dòng hoặc {MOST_COLUMNS} cột; hãy bỏ phần thừa");
            return Err(on_sheet(name, vec![whole_file(problem)]));
        }
        let cells = rows.entry(row).or_default();
        cells.resize(cells.len().max(column + 1), Cell::default());
        cells[column] = cell;
    }
    Ok(rows.into_iter().map(|(row, cells)| (u64::from(row) + 1, cells)).collect())
}

/// How many bytes a workbook holds, counted and not as it says; more than the most is not counted on.
fn unpacked(bytes: &[u8]) -> Result<u64, zip::result::ZipError> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes))?;
    let mut total = 0;
    for index in 0..archive.len() {
        let left = (LARGEST_UNPACKED + 1).saturating_sub(total);
        total += std::io::copy(&mut archive.by_index(index)?.take(left), &mut std::io::sink())?;
    }
    Ok(total)
}

/// A value as a person would write it into a CSV file.
fn xlsx_cell(value: &DataRef, formula: bool) -> Cell {
    let (raw, number) = match value {
        DataRef::SharedString(text) => ((*text).to_owned(), false),
        DataRef::DateTime(at) => (at.as_datetime().map(time_words).unwrap_or_default(), false),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => (text.clone(), false),
        DataRef::Int(number) => (number.to_string(), true),
        DataRef::Float(number) => (number.to_string(), true),
        DataRef::Bool(yes) => (yes.to_string(), false),
        DataRef::Error(error) => (error.to_string(), false),
        DataRef::Empty => (String::new(), false),
    };
    if formula {
        return Cell { raw, formula, number, problem: Some(FORMULA) };
    }
    if number { Cell { raw, number, ..Cell::default() } } else { text_cell(raw) }
}

fn time_words(at: chrono::NaiveDateTime) -> String {
    // Excel keeps days as fractions: a minute may be a few milliseconds short.
    let at = at + chrono::Duration::milliseconds(500);
    let format = if at.time().with_nanosecond(0) == Some(NaiveTime::MIN) { "%Y-%m-%d" } else { "%Y-%m-%d %H:%M:%S" };
    at.format(format).to_string()
}

/// A cell to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Text(String),
    Whole(u64),
    Nothing,
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        if text.is_empty() { Value::Nothing } else { Value::Text(text.to_owned()) }
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        if text.is_empty() { Value::Nothing } else { Value::Text(text) }
    }
}

/// A table to write: a heading, and rows of as many cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    pub title: String,
    pub heading: Vec<String>,
    pub rows: Vec<Vec<Value>>,
}

impl Sheet {
    /// CSV with the byte order mark by which Excel knows UTF-8. A text that a spreadsheet would compute stands behind an
    /// apostrophe, as it does in a spreadsheet; [`read`] takes that off again.
    pub fn to_csv(&self) -> Vec<u8> {
        let mut writer = csv::Writer::from_writer(b"\xEF\xBB\xBF".to_vec());
        let guarded = |value: &Value| match value {
            Value::Text(text) if is_guarded(text) => format!("'{text}"),
            Value::Text(text) => text.clone(),
            Value::Whole(number) => number.to_string(),
            Value::Nothing => String::new(),
        };
        writer.write_record(&self.heading).expect("memory takes what is written");
        for row in &self.rows {
            writer.write_record(row.iter().map(guarded)).expect("memory takes rows of one length");
        }
        writer.into_inner().expect("memory takes what is written")
    }

    /// A workbook with this one sheet, the same bytes for the same table and time. Every text is a text, whatever it looks
    /// like. Errors: a text or a table larger than the format knows.
    pub fn to_xlsx(&self, made_at: LocalTime) -> Result<Vec<u8>, XlsxError> {
        let mut book = Workbook::new();
        let made_at = made_at.with_timezone(&VIETNAM);
        let small = |number: u32| u8::try_from(number).unwrap_or(1);
        let day =
            ExcelDateTime::from_ymd(u16::try_from(made_at.year()).unwrap_or(1900), small(made_at.month()), small(made_at.day()))?;
        let at = day.and_hms(u16::from(small(made_at.hour())), small(made_at.minute()), f64::from(made_at.second()))?;
        book.set_properties(&DocProperties::new().set_title(&self.title).set_creation_datetime(&at));
        let bold = Format::new().set_bold();
        let sheet = book.add_worksheet();
        sheet.set_freeze_panes(1, 0)?;
        for (column, name) in (0..).zip(&self.heading) {
            sheet.set_column_width(column, 18)?;
            sheet.write_string_with_format(0, column, name, &bold)?;
        }
        for (line, row) in (1..).zip(&self.rows) {
            for (column, value) in (0..).zip(row) {
                match value {
                    Value::Text(text) => sheet.write_string(line, column, text)?,
                    Value::Whole(number) => sheet.write_number(line, column, precise(*number))?,
                    Value::Nothing => continue,
                };
            }
        }
        book.save_to_buffer()
    }
}

/// Amounts and counts stay far below 2^53.
#[expect(clippy::cast_precision_loss, reason = "a spreadsheet knows no other numbers")]
fn precise(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every cell is good as well.
    fn strict(bytes: &[u8], wanted: &[&str]) -> Result<Table, Vec<RowFault>> {
        let table = read(bytes, Shape { wanted, optional: &[], longest: 300 })?;
        let faults: Vec<RowFault> = table.rows.iter().flat_map(|(line, cells)| table.problems(*line, cells)).collect();
        if faults.is_empty() { Ok(table) } else { Err(faults) }
    }

    fn texts(bytes: &[u8]) -> Vec<(u64, String, String)> {
        let table = strict(bytes, &["a", "b"]).expect("a table");
        table.rows.iter().map(|(line, cells)| (*line, table.text(cells, "a"), table.text(cells, "b"))).collect()
    }

    fn sheet(rows: &[[&str; 2]]) -> Sheet {
        let rows = rows.iter().map(|row| row.map(Value::from).to_vec()).collect();
        Sheet { title: "Thử".to_owned(), heading: vec!["a".to_owned(), "b".to_owned()], rows }
    }

    fn at() -> LocalTime {
        crate::typed::time("08:00 20/11/2026").expect("a time")
    }

    #[test]
    fn csv_is_read_as_excel_and_others_write_it() {
        let expected = vec![(2, "1".to_owned(), "hộ tịch".to_owned()), (4, "2".to_owned(), String::new())];
        assert_eq!(texts("a,b\n1,hộ tịch\n\n2,\n".as_bytes()), expected);
        assert_eq!(texts("\u{feff}b;a\r\nhộ tịch;1\r\n\r\n;2\r\n".as_bytes()), expected);
        assert_eq!(texts("A\tB\tc\n1\t\"hộ tịch\"\tx\n\t\t\n2\t\t\n".as_bytes()), expected);
    }

    #[test]
    fn a_workbook_is_read_as_the_same_table_of_csv_is() {
        let written = sheet(&[["1.001190", "hộ tịch"], ["0912", "-"], ["Thôn 1\nxã Thử", "+84 912"]]);
        let csv = texts(&written.to_csv());
        assert_eq!(
            texts(&written.to_xlsx(at()).expect("small")).iter().map(|row| &row.1).collect::<Vec<_>>(),
            ["1.001190", "0912", "Thôn 1 xã Thử"]
        );
        assert_eq!(csv.len(), 3);
        assert_eq!(written.to_xlsx(at()).expect("small"), written.to_xlsx(at()).expect("small"), "the same bytes");
    }

    #[test]
    fn times_numbers_and_formulas_of_a_workbook_are_told_apart() {
        let mut book = Workbook::new();
        let page = book.add_worksheet();
        let time = Format::new().set_num_format("dd/mm/yyyy hh:mm");
        page.write_string(4, 1, "A").expect("a cell");
        page.write_string(4, 2, "b").expect("a cell");
        let when = ExcelDateTime::parse_from_str("2023-05-26 09:30").expect("a time");
        page.write_datetime_with_format(6, 1, &when, &time).expect("a cell");
        page.write_number(6, 2, 30_200_000_001_f64).expect("a cell");
        page.write_formula(7, 2, "=1+1").expect("a cell");
        page.write_string(1_000_000, 1, "far").expect("a cell");
        let bytes = book.save_to_buffer().expect("a book");
        let table = read(&bytes, Shape { wanted: &["a"], optional: &["b", "c"], longest: 15 }).expect("a table");
        assert_eq!(table.rows.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [7, 8, 1_000_001], "lines as Excel shows them");
        let first = &table.rows[0].1;
        assert_eq!((table.text(first, "a").as_str(), table.text(first, "b").as_str()), ("2023-05-26 09:30:00", "30200000001"));
        assert!(table.is_number(first, "b") && !table.is_number(first, "a") && !table.has("c"));
        let faults: Vec<_> = table.rows.iter().flat_map(|(line, cells)| table.problems(*line, cells)).collect();
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert_eq!((faults[0].line, faults[0].column.as_str()), (7, "a"), "longer than fifteen letters");
        assert_eq!((faults[1].line, faults[1].column.as_str()), (8, "b"));
        assert!(table.is_formula(&table.rows[1].1, "b"));
    }

    #[track_caller]
    fn refused(bytes: &[u8], line: u64, column: &str) {
        let faults = strict(bytes, &["a", "b"]).expect_err("refused");
        assert_eq!((faults[0].line, faults[0].column.as_str()), (line, column), "{faults:?}");
    }

    #[test]
    fn a_file_of_another_form_is_refused_with_its_place() {
        refused(b"", 1, "a");
        refused(b"a\n1\n", 1, "b");
        refused(b"a,b,a\n1,2,3\n", 1, "a");
        refused(b"a,b\n1\n", 2, "");
        refused(b"\xFF\xFEa", 1, "");
        refused(b"PK\x03\x04 no workbook", 1, "");
        refused(b"a,b\n\xC3,1\n", 2, "a");
        refused(format!("a,b\n1,{}\n", "x".repeat(301)).as_bytes(), 2, "b");
        refused(&vec![b'a'; LARGEST + 1], 1, "");
    }

    #[test]
    fn hostile_cells_are_refused_with_line_and_column() {
        for cell in ["=1+1", "=HYPERLINK(x)", "@SUM(1)", "+cmd|x", "-cmd", " =1", "\t=1", "a\u{7}b", "a\u{202E}b", "\u{0}"] {
            refused(format!("a,b\n1,2\n1,\"{cell}\"\n").as_bytes(), 3, "b");
            let text = sheet(&[["1", "2"], ["1", cell]]);
            if cell.contains('\u{0}') || cell.contains('\u{7}') {
                continue; // no workbook can say it
            }
            refused(&text.to_xlsx(at()).expect("small"), 3, "b");
        }
        for cell in ["-", "+84912345678", "-5", "- 5", "a=b", "1-2", "’=1"] {
            assert_eq!(texts(format!("a,b\n1,\"{cell}\"\n").as_bytes())[0].2, cell);
        }
    }

    #[test]
    fn a_small_file_that_unpacks_into_more_than_memory_is_refused() {
        use std::io::Write;
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for part in 0..40 {
            archive.start_file(format!("{part}.xml"), zip::write::SimpleFileOptions::default()).expect("a part");
            archive.write_all(&vec![b' '; 8 << 20]).expect("memory");
        }
        let bytes = archive.finish().expect("a file").into_inner();
        assert!(bytes.len() < LARGEST);
        let faults = strict(&bytes, &["a"]).expect_err("refused");
        assert!(faults[0].problem.contains("bung ra"), "{faults:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

        #[test]
        fn what_is_written_is_read_back_as_csv_and_as_a_workbook(
            rows in prop::collection::vec(("[a-zđễ'=+@,;\"\n -]{0,12}", "[0-9.=]{0,8}"), 1..6)
        ) {
            let rows: Vec<[&str; 2]> = rows.iter().map(|(a, b)| [a.as_str(), b.as_str()]).collect();
            let expected: Vec<_> = rows.iter().map(|row| row.map(nfc)).filter(|row| row.iter().any(|text| !text.is_empty())).collect();
            let written = sheet(&rows);
            let shape = Shape { wanted: &["a", "b"], optional: &[], longest: 100 };
            let table = read(&written.to_csv(), shape).expect("a table");
            let read: Vec<_> = table.rows.iter().map(|(_, cells)| ["a", "b"].map(|column| table.text(cells, column))).collect();
            let read: Vec<_> = read.into_iter().filter(|row| row.iter().any(|text| !text.is_empty())).collect();
            prop_assert_eq!(read, expected);
            prop_assert!(table.rows.iter().all(|(line, cells)| table.problems(*line, cells).is_empty()));
        }

        #[test]
        fn any_bytes_are_read_or_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), workbook in any::<bool>()) {
            let bytes = if workbook { [b"PK\x03\x04", &bytes[..]].concat() } else { bytes };
            let _ = strict(&bytes, &["a", "b"]);
        }
    }
}

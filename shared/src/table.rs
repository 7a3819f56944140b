//! Rows of a file that a person made with a spreadsheet: CSV as Excel and others write it, or xlsx.
//!
//! Promise: cells are texts with their line in the file; a formula is known as one. Nothing is computed. Start at [`read`].

use std::collections::BTreeMap;
use std::io::Cursor;

use calamine::{Data, Reader, Xlsx};

use crate::import::RowFault;
use crate::text::nfc;

/// Largest file, in bytes.
const LARGEST: usize = 8 << 20;
/// Longest text of a cell, in letters.
const LONGEST_CELL: usize = 300;

/// One cell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cell {
    pub text: String,
    /// A spreadsheet would compute it.
    pub formula: bool,
}

/// Named columns, and the rows below the heading with their lines; the heading is line 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    columns: BTreeMap<String, usize>,
    pub rows: Vec<(u64, Vec<Cell>)>,
}

impl Table {
    /// The text of a cell in NFC; empty where there is none.
    pub fn text(&self, cells: &[Cell], column: &str) -> String {
        self.cell(cells, column).map_or_else(String::new, |cell| cell.text.clone())
    }

    pub fn is_formula(&self, cells: &[Cell], column: &str) -> bool {
        self.cell(cells, column).is_some_and(|cell| cell.formula)
    }

    fn cell<'a>(&self, cells: &'a [Cell], column: &str) -> Option<&'a Cell> {
        self.columns.get(column).and_then(|place| cells.get(*place))
    }
}

fn whole_file(problem: impl Into<String>) -> RowFault {
    RowFault { line: 1, column: String::new(), value: String::new(), problem: problem.into() }
}

/// Reads a file whose heading names `wanted`, in any order. Every fault of its form is named.
pub fn read(bytes: &[u8], wanted: &[&str]) -> Result<Table, Vec<RowFault>> {
    if bytes.len() > LARGEST {
        return Err(vec![whole_file(format!("tệp lớn hơn {} MB", LARGEST >> 20))]);
    }
    let (heading, rows) = if bytes.starts_with(b"PK") { from_xlsx(bytes)? } else { from_csv(bytes)? };
    let columns = find_columns(&heading, wanted)?;
    let mut faults = Vec::new();
    for (line, cells) in &rows {
        for (column, place) in &columns {
            let Some(cell) = cells.get(*place) else { continue };
            let problem = match () {
                () if cell.text.contains('\u{fffd}') => "có chữ không phải UTF-8; trong Excel hãy lưu thành “CSV UTF-8”",
                () if cell.text.chars().count() > LONGEST_CELL => "ô dài quá 300 chữ",
                () => continue,
            };
            faults.push(RowFault { line: *line, column: column.clone(), value: cell.text.clone(), problem: problem.to_owned() });
        }
    }
    if faults.is_empty() { Ok(Table { columns, rows }) } else { Err(faults) }
}

fn find_columns(heading: &[String], wanted: &[&str]) -> Result<BTreeMap<String, usize>, Vec<RowFault>> {
    let (mut columns, mut faults) = (BTreeMap::new(), Vec::new());
    for name in wanted {
        let mut places = (0..).zip(heading).filter(|(_, heading)| heading == name).map(|(place, _)| place);
        let problem = match (places.next(), places.next()) {
            (Some(place), None) => {
                columns.insert((*name).to_owned(), place);
                continue;
            }
            (None, _) => format!("thiếu cột này; dòng tiêu đề cần có: {}", wanted.join(", ")),
            (Some(_), Some(_)) => "cột này có hai lần".to_owned(),
        };
        faults.push(RowFault { line: 1, column: (*name).to_owned(), value: String::new(), problem });
    }
    if faults.is_empty() { Ok(columns) } else { Err(faults) }
}

/// The heading, and the rows with their lines.
type Rows = (Vec<String>, Vec<(u64, Vec<Cell>)>);

fn from_csv(bytes: &[u8]) -> Result<Rows, Vec<RowFault>> {
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        let problem = "tệp ở dạng UTF-16; trong Excel hãy chọn “Lưu thành” rồi chọn kiểu “CSV UTF-8”";
        return Err(vec![whole_file(problem)]);
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().delimiter(separator(bytes)).flexible(true).has_headers(false).from_reader(bytes);
    let (mut heading, mut rows, mut faults) = (Vec::new(), Vec::new(), Vec::new());
    let mut lines = Lines { bytes, counted: 0, line: 1 };
    for record in reader.byte_records() {
        let record = record.map_err(|error| vec![whole_file(error.to_string())])?;
        let line = lines.at(record.position().map_or(0, csv::Position::byte));
        let cells: Vec<Cell> =
            record.iter().map(|cell| Cell { text: nfc(&String::from_utf8_lossy(cell)), formula: false }).collect();
        if heading.is_empty() {
            heading = cells.iter().map(|cell| cell.text.to_lowercase()).collect();
        } else if cells.iter().any(|cell| !cell.text.is_empty()) {
            if cells.len() != heading.len() {
                let problem =
                    format!("có {} ô, dòng tiêu đề có {} ô; kiểm tra dấu phân cách và dấu nháy", cells.len(), heading.len());
                faults.push(RowFault { line, column: String::new(), value: String::new(), problem });
            }
            rows.push((line, cells));
        }
    }
    if faults.is_empty() { Ok((heading, rows)) } else { Err(faults) }
}

/// Counts lines as an editor shows them.
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
        self.line += passed.iter().filter(|byte| **byte == b'\n').count() as u64;
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

/// The first sheet of a workbook.
fn from_xlsx(bytes: &[u8]) -> Result<Rows, Vec<RowFault>> {
    let unreadable = |error: &dyn std::fmt::Display| {
        vec![whole_file(format!("tệp Excel không đọc được ({error}); hãy lưu lại dạng .xlsx hoặc CSV UTF-8"))]
    };
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(|error| unreadable(&error))?;
    let name = book.sheet_names().first().cloned().ok_or_else(|| vec![whole_file("tệp Excel không có trang tính nào")])?;
    let range = book.worksheet_range(&name).map_err(|error| unreadable(&error))?;
    let formulas = book.worksheet_formula(&name).map_err(|error| unreadable(&error))?;
    let (top, left) = range.start().unwrap_or((0, 0));
    let (mut heading, mut rows) = (Vec::new(), Vec::new());
    for (row, cells) in (top..).zip(range.rows()) {
        let cells: Vec<Cell> = (left..)
            .zip(cells)
            .map(|(column, data)| {
                let formula = formulas.get_value((row, column)).is_some_and(|formula| !formula.is_empty());
                Cell { text: nfc(&shown(data)), formula }
            })
            .collect();
        if heading.is_empty() {
            heading = cells.iter().map(|cell| cell.text.to_lowercase()).collect();
        } else if cells.iter().any(|cell| !cell.text.is_empty() || cell.formula) {
            rows.push((u64::from(row) + 1, cells));
        }
    }
    Ok((heading, rows))
}

/// A value as a person would write it into a CSV file.
fn shown(data: &Data) -> String {
    match data {
        Data::DateTime(at) => at.as_datetime().map_or_else(
            || data.to_string(),
            |at| {
                if at.time() == chrono::NaiveTime::MIN {
                    at.date().to_string()
                } else {
                    at.format("%Y-%m-%dT%H:%M:%S").to_string()
                }
            },
        ),
        data => data.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(bytes: &[u8]) -> Vec<(u64, String, String)> {
        let table = read(bytes, &["a", "b"]).expect("a table");
        table.rows.iter().map(|(line, cells)| (*line, table.text(cells, "a"), table.text(cells, "b"))).collect()
    }

    #[test]
    fn csv_is_read_as_excel_and_others_write_it() {
        let expected = vec![(2, "1".to_owned(), "hộ tịch".to_owned()), (4, "2".to_owned(), String::new())];
        assert_eq!(texts("a,b\n1,hộ tịch\n\n2,\n".as_bytes()), expected);
        assert_eq!(texts("\u{feff}b;a\r\nhộ tịch;1\r\n\r\n;2\r\n".as_bytes()), expected);
        assert_eq!(texts("A\tB\tc\n1\t\"hộ tịch\"\tx\n\t\t\n2\t\t\n".as_bytes()), expected);
    }

    #[track_caller]
    fn refused(bytes: &[u8], line: u64, column: &str) {
        let faults = read(bytes, &["a", "b"]).expect_err("refused");
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
}

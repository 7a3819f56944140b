//! Tables as CSV, with a byte order mark so that Excel reads their letters.
//!
//! Promise: no cell is ever taken for a formula. Start at [`answer`].

use axum::http::header;
use axum::response::{IntoResponse, Response};

/// A heading and rows of cells.
#[derive(Debug, Default)]
pub struct Table {
    pub heading: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Table {
    pub fn text(&self) -> String {
        let mut out = String::from("\u{feff}");
        for row in std::iter::once(&self.heading).chain(&self.rows) {
            let cells: Vec<String> = row.iter().map(|cell| quoted(cell)).collect();
            out.push_str(&cells.join(","));
            out.push_str("\r\n");
        }
        out
    }
}

/// A file of the table, under a name without spaces.
pub fn answer(name: &str, table: &Table) -> Response {
    file(name, table.text())
}

/// A file of text that is CSV already.
pub fn file(name: &str, text: String) -> Response {
    let name: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')).collect();
    let fixed = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.csv\"")),
    ];
    (fixed, text).into_response()
}

fn quoted(cell: &str) -> String {
    let is_number = cell.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.' | b','));
    let starts_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_number;
    let cell = if starts_formula { format!("'{cell}") } else { cell.to_owned() };
    if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_no_formula() {
        for (cell, expected) in
            [("a,b", "\"a,b\""), ("say \"x\"", "\"say \"\"x\"\"\""), ("=1+1", "'=1+1"), ("-12,5", "\"-12,5\""), ("-a", "'-a")]
        {
            assert_eq!(quoted(cell), expected);
        }
    }
}

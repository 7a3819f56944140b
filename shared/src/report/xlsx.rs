//! Form II.06 as a workbook: thirteen columns, sums as formulas, one sheet a unit.
//!
//! Promise: every sum stands as a formula with its value beside it, so that a spreadsheet that recalculates finds the same
//! figures; nothing that a user typed is ever taken for a formula. Start at [`workbook`].

use rust_xlsxwriter::{
    Color, DocProperties, ExcelDateTime, Format, FormatAlign, FormatBorder, Formula, Workbook, Worksheet, XlsxError,
};

use crate::catalogue::field_name;
use crate::report::{Columns, Ii06, paper};

/// The row, from 0, in which the figures begin.
const FIRST: u32 = 7;
/// What a sheet's name may not hold, and how long it may be (Excel's rules).
const FORBIDDEN: [char; 7] = ['[', ']', ':', '*', '?', '/', '\\'];
const LONGEST_NAME: usize = 31;

/// The bytes of an XLSX file with a sheet for each report, in their order.
pub fn workbook(reports: &[(String, &Ii06)]) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    if let Some((_, report)) = reports.first() {
        // No clock is asked: the same figures give the same file.
        let day = ExcelDateTime::parse_from_str(&report.to.to_string())?;
        book.set_properties(&DocProperties::new().set_title("II.06/VPCP/KSTT").set_creation_datetime(&day));
    }
    let mut names: Vec<String> = Vec::new();
    for (name, report) in reports {
        let sheet_name = sheet_name(name, &names);
        let sheet = book.add_worksheet();
        sheet.set_name(&sheet_name)?;
        names.push(sheet_name);
        fill(sheet, name, report)?;
    }
    book.save_to_buffer()
}

/// A name that Excel takes and that no other sheet has.
fn sheet_name(name: &str, taken: &[String]) -> String {
    let plain: String = name.chars().filter(|letter| !FORBIDDEN.contains(letter) && !letter.is_control()).collect();
    let plain = plain.trim().trim_matches('\'');
    let plain = if plain.is_empty() { "Đơn vị" } else { plain };
    let cut = |length: usize| plain.chars().take(length).collect::<String>();
    let free = |candidate: &String| !taken.iter().any(|other| other.to_lowercase() == candidate.to_lowercase());
    let first = cut(LONGEST_NAME);
    if free(&first) {
        return first;
    }
    (2..=taken.len() + 2).map(|number| format!("{} ({number})", cut(LONGEST_NAME - 6))).find(free).unwrap_or(first)
}

struct Styles {
    head: Format,
    text: Format,
    number: Format,
    bold: Format,
    bold_number: Format,
    quiet: Format,
}

impl Styles {
    fn new() -> Styles {
        let font = || Format::new().set_font_name("Times New Roman").set_font_size(11);
        let cell = || font().set_border(FormatBorder::Thin).set_align(FormatAlign::VerticalCenter);
        Styles {
            head: cell().set_bold().set_align(FormatAlign::Center).set_text_wrap().set_background_color(Color::RGB(0x00EE_F2F5)),
            text: cell().set_text_wrap(),
            number: cell().set_num_format("#,##0"),
            bold: cell().set_bold(),
            bold_number: cell().set_bold().set_num_format("#,##0"),
            quiet: font().set_italic(),
        }
    }
}

fn fill(sheet: &mut Worksheet, name: &str, report: &Ii06) -> Result<(), XlsxError> {
    let styles = Styles::new();
    let title = Format::new().set_font_name("Times New Roman").set_font_size(14).set_bold().set_align(FormatAlign::Center);
    sheet.write_string_with_format(0, 0, "Biểu số II.06/VPCP/KSTT", &styles.quiet)?;
    sheet.write_string_with_format(1, 0, name, &styles.quiet)?;
    sheet.merge_range(2, 0, 2, 12, paper::TITLE, &title)?;
    sheet.write_string_with_format(
        3,
        0,
        format!("Kỳ báo cáo: {}. Đơn vị tính: Hồ sơ TTHC", paper::period(report)),
        &styles.quiet,
    )?;
    head(sheet, &styles)?;
    let mut row = FIRST;
    for (place, line) in (1u32..).zip(&report.rows) {
        sheet.write_number_with_format(row, 0, place, &styles.number)?;
        sheet.write_string_with_format(row, 1, field_name(&line.field), &styles.text)?;
        figures(sheet, row, &line.columns, &styles.number)?;
        row += 1;
    }
    total(sheet, row, &report.total, &styles)?;
    for (below, line) in (row + 2..).zip(paper::foot(report)) {
        sheet.write_string_with_format(below, 0, line, &styles.quiet)?;
    }
    dress(sheet)
}

fn head(sheet: &mut Worksheet, styles: &Styles) -> Result<(), XlsxError> {
    for (column, name) in (0u16..).zip(paper::COLUMNS).take(2) {
        sheet.merge_range(FIRST - 3, column, FIRST - 2, column, name, &styles.head)?;
    }
    for (first, last, name) in paper::GROUPS {
        sheet.merge_range(FIRST - 3, first, FIRST - 3, last, name, &styles.head)?;
    }
    for (column, name) in (0u16..).zip(paper::COLUMNS).skip(2) {
        sheet.write_string_with_format(FIRST - 2, column, name, &styles.head)?;
    }
    for column in 0..13u16 {
        sheet.write_string_with_format(FIRST - 1, column, format!("({})", column + 1), &styles.head)?;
    }
    Ok(())
}

/// The sums of a row: `3 = 4 + 5 + 6`, `7 = 8 + 9 + 10`, `11 = 12 + 13`.
fn row_sum(column: u16, row: u32) -> Option<String> {
    let row = row + 1;
    match column {
        2 => Some(format!("=D{row}+E{row}+F{row}")),
        6 => Some(format!("=H{row}+I{row}+J{row}")),
        10 => Some(format!("=L{row}+M{row}")),
        _ => None,
    }
}

fn figures(sheet: &mut Worksheet, row: u32, columns: &Columns, format: &Format) -> Result<(), XlsxError> {
    for (column, value) in (2u16..).zip(columns.cells()) {
        match row_sum(column, row) {
            Some(sum) => sheet.write_formula_with_format(row, column, Formula::new(sum).set_result(value.to_string()), format)?,
            None =>
            {
                #[expect(clippy::cast_precision_loss, reason = "counts of dossiers are far below 2^52")]
                sheet.write_number_with_format(row, column, value as f64, format)?
            }
        };
    }
    Ok(())
}

/// The total row adds up its columns.
fn total(sheet: &mut Worksheet, row: u32, total: &Columns, styles: &Styles) -> Result<(), XlsxError> {
    sheet.write_string_with_format(row, 0, "", &styles.bold)?;
    sheet.write_string_with_format(row, 1, "Tổng cộng", &styles.bold)?;
    for (column, value) in (2u16..).zip(total.cells()) {
        let letter = char::from(b'A' + u8::try_from(column).unwrap_or(0));
        let sum = format!("=SUM({letter}{}:{letter}{row})", FIRST + 1);
        sheet.write_formula_with_format(row, column, Formula::new(sum).set_result(value.to_string()), &styles.bold_number)?;
    }
    Ok(())
}

/// Widths, what stays in sight, and how it is printed.
fn dress(sheet: &mut Worksheet) -> Result<(), XlsxError> {
    sheet.set_column_width(0, 5)?;
    sheet.set_column_width(1, 26)?;
    for column in 2..13 {
        sheet.set_column_width(column, 11)?;
    }
    sheet.set_row_height(FIRST - 2, 48)?;
    sheet.set_freeze_panes(FIRST, 2)?;
    sheet.set_landscape().set_paper_size(9).set_print_fit_to_pages(1, 0).set_repeat_rows(FIRST - 3, FIRST - 1)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sheets_have_names_that_excel_takes_and_no_two_the_same() {
        let mut names = Vec::new();
        for name in ["Xã Ngọc Kỳ", "xã ngọc kỳ", "Xã [A]:*?/\\", "", &"Ằ".repeat(60)] {
            names.push(sheet_name(name, &names));
        }
        assert_eq!(names[..4], ["Xã Ngọc Kỳ", "xã ngọc kỳ (2)", "Xã A", "Đơn vị"]);
        assert_eq!(names[4].chars().count(), LONGEST_NAME);
    }
}

//! A filled form II.06 read back, whoever wrote it.
//!
//! Promise: cells are found by the words of their headings, never by their place; what is not understood is named with its
//! place and nothing is guessed, added up or put right. Start at [`read`].

use chrono::NaiveDate;

use super::Column;
use crate::catalogue::FIELDS;
use crate::declared::{LARGEST, whole_number};
use crate::import::RowFault;
use crate::office::Figure;
use crate::period::Period;
use crate::table::{Cell, Grid};
use crate::text::fold;

/// What each column of the form is called in the dictionary, from column 3 on.
const CODES: [&str; 11] = [
    "dossiers.received",
    "dossiers.received_online",
    "dossiers.received_direct",
    "dossiers.carried_over",
    "dossiers.resolved",
    "dossiers.resolved_early",
    "dossiers.resolved_on_time",
    "dossiers.resolved_overdue",
    "dossiers.pending",
    "dossiers.pending_in_time",
    "dossiers.pending_overdue",
];

/// One row as it was understood: figures in the order of the form's columns 3 to 13, where they stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormRow {
    pub line: u64,
    /// Code of the field; empty: the total.
    pub field: String,
    pub cells: [Option<i64>; 11],
}

/// One form as it was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// Name of its sheet; empty in a CSV file.
    pub sheet: String,
    /// As it says itself.
    pub period: Option<Period>,
    pub rows: Vec<FormRow>,
    /// What was not understood: with any of these the form is not whole.
    pub faults: Vec<RowFault>,
}

impl Form {
    /// What it declares, figure by figure.
    pub fn figures(&self) -> Vec<Figure> {
        let of = |row: &FormRow| {
            let field = row.field.clone();
            let cells = CODES.into_iter().zip(row.cells).filter_map(|(code, value)| Some((code, value?)));
            cells
                .map(move |(code, value)| Figure {
                    indicator: code.to_owned(),
                    field: field.clone(),
                    value: Some(value),
                    place: Some("II.06".to_owned()),
                    ..Figure::default()
                })
                .collect::<Vec<_>>()
        };
        self.rows.iter().flat_map(of).collect()
    }
}

/// The form on a sheet; `None` where there is none.
pub fn read(grid: &Grid) -> Option<Form> {
    let heading = (0..grid.rows.len()).find(|place| is_heading(grid, *place))?;
    let name_column = grid.rows[heading].1.iter().position(|cell| folded(cell).contains("linh vuc"))?;
    let mut form = Form { sheet: grid.sheet.clone(), period: period(grid), rows: Vec::new(), faults: Vec::new() };
    let (columns, below) = columns(grid, heading, name_column, &mut form.faults);
    for (line, cells) in &grid.rows[below..] {
        row(grid, *line, cells, name_column, &columns, &mut form);
    }
    if form.rows.is_empty() {
        let line = grid.rows[heading].0;
        form.faults.push(grid.fault(line, "", "", "dưới tiêu đề không có dòng nào của một lĩnh vực"));
    }
    Some(form)
}

fn folded(cell: &Cell) -> String {
    fold(&cell.text())
}

/// The row that names the fields' column, with the verdicts in it or just below.
fn is_heading(grid: &Grid, place: usize) -> bool {
    let names = grid.rows[place].1.iter().any(|cell| {
        let text = folded(cell);
        text.contains("linh vuc") && text.chars().count() < 80
    });
    let near = &grid.rows[place..(place + 4).min(grid.rows.len())];
    let says = |words: &str| near.iter().flat_map(|(_, cells)| cells).any(|cell| folded(cell).contains(words));
    names && says("truoc han") && says("dung han")
}

/// Which of the three groups of columns a heading begins.
fn group(text: &str) -> Option<usize> {
    if text.contains("dang giai quyet") {
        Some(2)
    } else if text.contains("da giai quyet") {
        Some(1)
    } else if text.contains("tiep nhan") || text.contains("nhan giai quyet") {
        Some(0)
    } else {
        None
    }
}

/// Which column of the form a heading names within its group.
fn named(text: &str, group: usize) -> Option<Column> {
    let has = |words: &str| text.contains(words);
    let number = match group {
        0 if has("truc tuyen") => 4,
        0 if has("truc tiep") || has("buu chinh") => 5,
        0 if has("ky truoc") => 6,
        0 if has("tong") => 3,
        1 if has("truoc han") => 8,
        1 if has("dung han") => 9,
        1 if has("qua han") => 10,
        1 if has("tong") => 7,
        2 if has("trong han") => 12,
        2 if has("qua han") => 13,
        2 if has("tong") => 11,
        _ => return None,
    };
    Column::numbered(number)
}

/// Where each column of the form stands, and the first row below the headings. The same column twice or not at all is a fault.
fn columns(grid: &Grid, heading: usize, names: usize, faults: &mut Vec<RowFault>) -> (Vec<(usize, Column)>, usize) {
    let groups_in = |place: usize| grid.rows[place].1.iter().filter(|cell| group(&folded(cell)).is_some()).count();
    let first = if heading > 0 && groups_in(heading - 1) >= 2 { heading - 1 } else { heading };
    let is_figure = |cell: &&Cell| cell.number || whole_number(&cell.text()).is_ok();
    let is_data = |cells: &[Cell]| {
        cells.get(names).is_some_and(|cell| field_of(&folded(cell)).is_some()) || cells.iter().filter(is_figure).count() >= 3
    };
    let below = (heading + 1..grid.rows.len()).find(|place| is_data(&grid.rows[*place].1)).unwrap_or(grid.rows.len());
    let below = below.min(heading + 5);
    let zone = &grid.rows[first..below];
    let width = zone.iter().map(|(_, cells)| cells.len()).max().unwrap_or(0);
    let text = |cells: &[Cell], column: usize| cells.get(column).map(folded).unwrap_or_default();
    let group_of = |column: usize| {
        let starts =
            zone.iter().flat_map(|(_, cells)| (0..=column).filter_map(|place| Some((place, group(&text(cells, place))?))));
        starts.max_by_key(|(place, _)| *place).map(|(_, group)| group)
    };
    let mut found: Vec<(usize, Column)> = Vec::new();
    for column in (0..width).filter(|column| *column != names) {
        let Some(group) = group_of(column) else { continue };
        let Some(known) = zone.iter().rev().find_map(|(_, cells)| named(&text(cells, column), group)) else { continue };
        if found.iter().any(|(_, other)| *other == known) {
            let problem = format!("có hai cột của biểu mang số ({})", known.number());
            faults.push(grid.fault(grid.rows[heading].0, &letter(column), "", problem));
        }
        found.push((column, known));
    }
    for missing in Column::all().filter(|column| !found.iter().any(|(_, known)| known == column)) {
        let problem = format!("không thấy cột ({}) của biểu; cần đủ tiêu đề như mẫu II.06", missing.number());
        faults.push(grid.fault(grid.rows[heading].0, "", "", problem));
    }
    (found, below)
}

/// A column as spreadsheets name it: `A`, `B`, …, `AA`.
fn letter(column: usize) -> String {
    let (more, last) = (column / 26, column % 26);
    let one = |number: usize| char::from(b'A' + u8::try_from(number).unwrap_or(0));
    if more > 0 { format!("{}{}", letter(more - 1), one(last)) } else { one(last).to_string() }
}

/// The code of a field, as it is called or coded; the empty code for the total.
fn field_of(text: &str) -> Option<&'static str> {
    let text = text.trim_matches(|letter: char| !letter.is_alphanumeric());
    let text = text.strip_prefix("linh vuc ").unwrap_or(text);
    if matches!(text, "tong cong" | "tong so" | "tong" | "cong") {
        return Some("");
    }
    FIELDS.iter().find(|(code, name)| text == *code || text == fold(name)).map(|(code, _)| *code)
}

fn row(grid: &Grid, line: u64, cells: &[Cell], names: usize, columns: &[(usize, Column)], form: &mut Form) {
    let figures: Vec<(usize, Column, &Cell)> =
        columns.iter().filter_map(|(place, column)| Some((*place, *column, cells.get(*place)?))).collect();
    let filled = figures.iter().filter(|(.., cell)| !cell.text().is_empty()).count();
    // A name may stand left of its column where cells were merged, as the words of the total do.
    let name = cells.iter().take(names + 1).rev().map(Cell::text).find(|text| !text.is_empty()).unwrap_or_default();
    let is_number = |text: &str| text.trim_matches(['(', ')']).parse::<i64>().is_ok();
    if filled == 0 || figures.iter().all(|(.., cell)| cell.text().is_empty() || cell.text().starts_with('(')) {
        return;
    }
    let Some(field) = field_of(&fold(&name)) else {
        // Sentences under the table have no figures; anything that has is a row that must not be lost.
        let has_figures = figures.iter().any(|(.., cell)| is_number(&cell.text().replace('.', "")));
        if has_figures && !is_number(&name) {
            let known: Vec<&str> = FIELDS.iter().map(|(_, name)| *name).collect();
            let problem = format!("không nhận ra lĩnh vực; các lĩnh vực của biểu: {}", known.join(", "));
            form.faults.push(grid.fault(line, &letter(names), name, problem));
        }
        return;
    };
    if let Some(before) = form.rows.iter().find(|row| row.field == field) {
        form.faults.push(grid.fault(line, &letter(names), name, format!("lĩnh vực này đã có ở dòng {}", before.line)));
        return;
    }
    let mut read = FormRow { line, field: field.to_owned(), cells: [None; 11] };
    for (place, column, cell) in figures {
        match amount(cell) {
            Ok(value) => read.cells[column.number() - 3] = value,
            Err(problem) => form.faults.push(grid.fault(line, &letter(place), cell.text(), problem)),
        }
    }
    form.rows.push(read);
}

/// A figure; an empty cell says nothing. What a spreadsheet computed counts as it came out.
fn amount(cell: &Cell) -> Result<Option<i64>, &'static str> {
    let text = cell.text();
    if text.is_empty() {
        return Ok(None);
    }
    if cell.formula && !cell.is_computed() {
        return Err("ô có công thức mà chưa có giá trị; hãy mở bằng Excel, tính lại rồi lưu");
    }
    if cell.number {
        return match text.parse::<i64>() {
            Ok(value) if value < 0 => Err("số không được âm"),
            Ok(value) if value <= LARGEST => Ok(Some(value)),
            Ok(_) => Err("số lớn quá mức có thể có của một đơn vị; hãy kiểm tra lại"),
            Err(_) => Err("không phải số nguyên"),
        };
    }
    whole_number(&text).map(Some)
}

/// The first two days that stand in one cell, the earlier first: `từ 15/12/2022 đến 29/05/2023`.
fn period(grid: &Grid) -> Option<Period> {
    let cells = grid.rows.iter().flat_map(|(_, cells)| cells);
    cells.into_iter().find_map(|cell| {
        let text = cell.text();
        let words = text.split(|letter: char| !(letter.is_ascii_digit() || letter == '/'));
        let mut days = words.filter_map(|word| NaiveDate::parse_from_str(word, "%d/%m/%Y").ok());
        Period::new(days.next()?, days.next()?).ok()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rust_xlsxwriter::Workbook;

    use super::*;
    use crate::report::{Columns, Coverage, Ii06, PendingColumns, ReceivedColumns, ResolvedColumns, Row, workbook};
    use crate::table::grids;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    fn columns(numbers: [i64; 11]) -> Columns {
        let [received, resolved, pending] = [&numbers[..4], &numbers[4..8], &numbers[8..]];
        Columns {
            received: ReceivedColumns { total: received[0], online: received[1], direct: received[2], carried_over: received[3] },
            resolved: ResolvedColumns { total: resolved[0], early: resolved[1], on_time: resolved[2], overdue: resolved[3] },
            pending: PendingColumns { total: pending[0], in_time: pending[1], overdue: pending[2] },
        }
    }

    fn report(rows: &[(&str, [i64; 11])], total: [i64; 11]) -> Ii06 {
        let mut report = Ii06::compute("11089", day("2022-12-15"), day("2023-05-29"), &[], Coverage::of(vec![]));
        report.rows = rows.iter().map(|(field, cells)| Row { field: (*field).to_owned(), columns: columns(*cells) }).collect();
        report.total = columns(total);
        report
    }

    const ROW: [i64; 11] = [681, 675, 4, 2, 678, 672, 6, 0, 3, 3, 0];

    fn only(bytes: &[u8]) -> Form {
        let mut forms: Vec<Form> = grids(bytes).expect("a table").iter().filter_map(read).collect();
        assert_eq!(forms.len(), 1);
        forms.remove(0)
    }

    #[test]
    fn our_own_workbook_and_csv_are_read_back_with_period_and_every_figure() {
        let report = report(&[("chung_thuc", ROW), ("don_thu", [0; 11])], ROW);
        let form = only(&workbook(&[("Xã Thử".to_owned(), &report)]).expect("a workbook"));
        assert_eq!((form.faults.len(), form.sheet.as_str()), (0, "Xã Thử"), "{form:?}");
        assert_eq!(form.period, Some(Period { from: report.from, to: report.to }));
        assert_eq!(
            form.rows.iter().map(|row| (row.field.as_str(), row.cells)).collect::<Vec<_>>(),
            [("chung_thuc", ROW.map(Some)), ("don_thu", [Some(0); 11]), ("", ROW.map(Some))]
        );
        assert_eq!((form.figures().len(), form.figures()[0].indicator.as_str()), (33, "dossiers.received"));
        let csv = only(report.to_csv().as_bytes());
        assert_eq!((csv.faults.len(), csv.rows.len(), csv.period), (0, 3, None));
        assert_eq!(csv.rows[2].cells, ROW.map(Some));
    }

    #[test]
    fn a_workbook_of_a_node_gives_a_form_for_each_sheet() {
        let (one, two) = (report(&[("ho_tich", ROW)], ROW), report(&[("ho_tich", [0; 11])], [0; 11]));
        let bytes = workbook(&[("Huyện Thử".to_owned(), &one), ("Xã Thử".to_owned(), &two)]).expect("a workbook");
        let forms: Vec<Form> = grids(&bytes).expect("sheets").iter().filter_map(read).collect();
        assert_eq!(forms.iter().map(|form| form.sheet.as_str()).collect::<Vec<_>>(), ["Huyện Thử", "Xã Thử"]);
    }

    /// A form as another office lays it out: groups, then names, then lines.
    fn elsewhere(heads: &[(&str, &str)], lines: &[Vec<&str>]) -> Form {
        let mut book = Workbook::new();
        let sheet = book.add_worksheet();
        sheet.write_string(0, 0, "UBND XÃ THỬ, BÁO CÁO TÌNH HÌNH TIẾP NHẬN, GIẢI QUYẾT").expect("a cell");
        sheet.write_string(1, 3, "Kỳ báo cáo: từ ngày 15/12/2021 đến ngày 14/12/2022").expect("a cell");
        for (column, (group, name)) in (0u16..).zip(heads) {
            sheet.write_string(4, column, *group).expect("a cell");
            sheet.write_string(5, column, *name).expect("a cell");
        }
        for (line, cells) in (7u32..).zip(lines) {
            for (column, text) in (0u16..).zip(cells) {
                match text.parse::<f64>() {
                    Ok(number) => sheet.write_number(line, column, number).expect("a cell"),
                    Err(_) => sheet.write_string(line, column, *text).expect("a cell"),
                };
            }
        }
        only(&book.save_to_buffer().expect("a workbook"))
    }

    const MOVED: [(&str, &str); 14] = [
        ("Ghi chú", ""),
        ("Số hồ sơ đang giải quyết", "Tổng số"),
        ("", "Quá hạn"),
        ("", "Trong hạn"),
        ("Lĩnh vực", ""),
        ("Số hồ sơ đã giải quyết", "Quá hạn"),
        ("", "Trước hạn"),
        ("", "Đúng hạn"),
        ("", "Tổng số"),
        ("Số hồ sơ nhận giải quyết", "Từ kỳ trước"),
        ("", "Trực tiếp"),
        ("", "Trực tuyến"),
        ("", "Tổng số"),
        ("", "Người lập"),
    ];

    #[test]
    fn moved_columns_and_rows_between_are_found_by_their_headings() {
        let line = |name: &'static str| vec!["x", "3", "0", "3", name, "0", "672", "6", "678", "2", "4", "675", "681", "Lan"];
        let lines = vec![
            line("Lĩnh vực Hộ tịch"),
            vec![],
            line("CHỨNG THỰC"),
            vec!["", "", "", "", "Ghi chú: số tạm"],
            line("TỔNG CỘNG:"),
        ];
        let form = elsewhere(&MOVED, &lines);
        assert_eq!(form.faults, []);
        assert_eq!(
            form.rows.iter().map(|row| (row.line, row.field.as_str(), row.cells)).collect::<Vec<_>>(),
            [(8, "ho_tich", ROW.map(Some)), (10, "chung_thuc", ROW.map(Some)), (12, "", ROW.map(Some))]
        );
        assert_eq!(form.period.map(|period| period.days()).as_deref(), Some("15/12/2021–14/12/2022"));
    }

    #[track_caller]
    fn faulty(heads: &[(&str, &str)], line: Vec<&str>, problem: &str) {
        let form = elsewhere(heads, &[line]);
        assert!(form.faults.iter().any(|fault| fault.to_string().contains(problem)), "{problem}: {:?}", form.faults);
    }

    #[test]
    fn what_is_not_understood_is_named_with_its_place() {
        let line = |name: &'static str, first: &'static str| {
            vec!["", first, "0", "3", name, "0", "672", "6", "678", "2", "4", "675", "681"]
        };
        faulty(&MOVED, line("Thủy lợi", "3"), "không nhận ra lĩnh vực");
        faulty(&MOVED, line("Hộ tịch", "ba"), "không phải số nguyên");
        faulty(&MOVED, line("Hộ tịch", "1.5"), "không phải số nguyên");
        faulty(&MOVED, line("Hộ tịch", "-3"), "không được âm");
        faulty(&MOVED, line("Hộ tịch", "=1+1"), "công thức");
        faulty(&MOVED, line("Hộ tịch", "99999999999"), "lớn quá mức");
        let mut twice = MOVED;
        twice[13] = ("", "Tổng số tất cả");
        faulty(&twice, line("Hộ tịch", "3"), "hai cột");
        let mut short = MOVED;
        short[2] = ("", "Trễ");
        faulty(&short, line("Hộ tịch", "3"), "không thấy cột (13)");
        let none = elsewhere(&MOVED, &[]);
        assert!(none.faults[0].problem.contains("không có dòng nào"));
    }

    #[test]
    fn a_sheet_without_the_form_is_none() {
        assert_eq!(grids("a,b\n1,2\n".as_bytes()).expect("a table").iter().filter_map(read).count(), 0);
        assert_eq!(["A", "Z", "AA", "AB"].map(str::to_owned), [0, 25, 26, 27].map(letter));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn every_report_is_read_back_as_it_was(numbers in prop::array::uniform11(0i64..100_000), other in prop::array::uniform11(0i64..1_000)) {
            // Sums of rows are formulas whose values stand beside them: what stands is what is read.
            let report = report(&[("ho_tich", numbers), ("dat_dai", other)], numbers);
            let form = only(&workbook(&[("Xã Thử".to_owned(), &report)]).expect("a workbook"));
            prop_assert_eq!(&form.faults, &[]);
            prop_assert_eq!(form.rows[0].cells, numbers.map(Some));
            prop_assert_eq!(form.rows[1].cells, other.map(Some));
        }

        #[test]
        fn any_table_is_read_or_refused_without_a_panic(rows in prop::collection::vec(prop::collection::vec("(Lĩnh vực|Trước hạn|Đúng hạn|Tổng số|đang giải quyết|tiếp nhận|[0-9=(]{0,5}|Hộ tịch|\\PC{0,4})", 0..8), 0..8)) {
            let text: String = rows.iter().map(|row| row.iter().map(|cell| format!("\"{}\"", cell.replace('"', ""))).collect::<Vec<_>>().join(",") + "\n").collect();
            if let Ok(grids) = grids(text.as_bytes()) {
                grids.iter().filter_map(read).for_each(|form| drop(form.figures()));
            }
        }
    }
}

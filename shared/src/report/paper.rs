//! Form II.06 on paper and in a word processor.
//!
//! Promise: thirteen columns as the form has them, and below them what the figures rest on. Start at [`document`].

use crate::catalogue::field_name;
use crate::document::{Align, Block, Cell, Document, Margins, PageSize, Paragraph, Section, Table};
use crate::report::{Columns, Ii06};
use crate::text::number;

/// Headings of the form's thirteen columns, from the left, without those that reach over several.
pub(super) const COLUMNS: [&str; 13] = [
    "STT",
    "Lĩnh vực giải quyết",
    "Tổng số",
    "Trực tuyến",
    "Trực tiếp, dịch vụ bưu chính",
    "Từ kỳ trước",
    "Tổng số",
    "Trước hạn",
    "Đúng hạn",
    "Quá hạn",
    "Tổng số",
    "Trong hạn",
    "Quá hạn",
];

/// What reaches over columns: first column, last column, words.
pub(super) const GROUPS: [(u16, u16, &str); 3] =
    [(2, 5, "Số lượng hồ sơ tiếp nhận"), (6, 9, "Số lượng hồ sơ đã giải quyết"), (10, 12, "Số lượng hồ sơ đang giải quyết")];

pub(super) const TITLE: &str = "TÌNH HÌNH, KẾT QUẢ TIẾP NHẬN, GIẢI QUYẾT THỦ TỤC HÀNH CHÍNH";

/// Reports as one document, each on its own pages under the name of its unit.
pub fn document(reports: &[(String, &Ii06)]) -> Document {
    let title = reports.first().map_or_else(String::new, |(name, report)| format!("II.06 {name} {}", period(report)));
    Document { title, sections: reports.iter().map(|(name, report)| section(name, report)).collect() }
}

pub(super) fn period(report: &Ii06) -> String {
    format!("từ {} đến {}", report.from.format("%d/%m/%Y"), report.to.format("%d/%m/%Y"))
}

fn section(name: &str, report: &Ii06) -> Section {
    let left = vec![Paragraph::plain("Biểu số II.06/VPCP/KSTT").into(), Paragraph::bold(name).into()];
    let right = vec![
        Paragraph::bold("CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM").centred().into(),
        Paragraph::bold("Độc lập - Tự do - Hạnh phúc").centred().ruled_whole().into(),
    ];
    let mut blocks = vec![
        Block::Columns(vec![(1, left), (1, right)]),
        Paragraph::bold(TITLE).centred().size(13).above(8).into(),
        Paragraph::italic(format!("Kỳ báo cáo: {}", period(report))).centred().into(),
        Paragraph::italic("Đơn vị tính: Hồ sơ TTHC").align(Align::Right).into(),
        Block::Table(table(report)),
        Block::Space(3),
    ];
    blocks.extend(foot(report).into_iter().map(|line| Block::from(Paragraph::italic(line).size(9))));
    let margins = Margins { top: 20, right: 15, bottom: 15, left: 20 };
    Section { page: PageSize::A4, landscape: true, margins, size: 11, numbered: true, blocks }
}

/// What the figures rest on, line by line.
pub(super) fn foot(report: &Ii06) -> Vec<String> {
    let coverage = &report.coverage;
    let entries: i64 = coverage.units.iter().map(|unit| unit.entries).sum();
    let pending: i64 = coverage.units.iter().map(|unit| unit.pending).sum();
    let quarantined: i64 = coverage.units.iter().map(|unit| unit.quarantined).sum();
    vec![
        format!("Căn cứ: {}.", report.ruleset.basis),
        format!(
            "Độ đầy đủ: {} trên {} đơn vị đã gửi đủ; {} mục nhật ký, {} mục chưa gửi về, {} mục chưa đọc được.",
            number(coverage.complete),
            number(coverage.offices),
            number(entries),
            number(pending),
            number(quarantined)
        ),
        format!("Mã kiểm tra số liệu: {}", report.hash()),
    ]
}

fn table(report: &Ii06) -> Table {
    let upper = vec![
        Cell::head(COLUMNS[0], 1, 2),
        Cell::head(COLUMNS[1], 1, 2),
        Cell::head(GROUPS[0].2, 4, 1),
        Cell::head(GROUPS[1].2, 4, 1),
        Cell::head(GROUPS[2].2, 3, 1),
    ];
    let lower = COLUMNS[2..].iter().map(|name| Cell::head(name, 1, 1)).collect();
    let numbers = (1..=13).map(|column| Cell::of(Paragraph::italic(format!("({column})")).centred())).collect();
    let mut rows: Vec<Vec<Cell>> = (1..)
        .zip(&report.rows)
        .map(|(place, row)| line(&format!("{place}"), field_name(&row.field), &row.columns, false))
        .collect();
    rows.push(line("", "Tổng cộng", &report.total, true));
    Table { widths: vec![3, 12, 5, 5, 6, 5, 5, 5, 5, 5, 5, 5, 5], head: vec![upper, lower, numbers], rows, size: 10 }
}

fn line(place: &str, name: &str, columns: &Columns, bold: bool) -> Vec<Cell> {
    let text = |text: &str| if bold { Paragraph::bold(text) } else { Paragraph::plain(text) };
    let mut cells = vec![Cell::of(text(place).centred()), Cell::of(text(name))];
    cells.extend(columns.cells().map(|value| Cell::of(text(&number(value)).align(Align::Right))));
    cells
}

//! The narrative report as a document, laid out as NĐ 30/2020 asks (Phụ lục I).
//!
//! Promise: what is missing stands in square brackets in its place. Start at [`document`].

use super::{Cell, Filled, Grid, Narrative, Part, Row, Snapshot, Words, period_words, plan};
use crate::catalogue::field_name;
use crate::dictionary::Dictionary;
use crate::document::{self, Align, Block, Document, Margins, PageSize, Paragraph, Run, Section, Table};
use crate::rule::{Finding, rule_name};
use crate::text::number;

/// Points of the text, of tables, of the recipients.
const SIZE: u16 = 14;
const TABLE_SIZE: u16 = 11;
const RECIPIENTS_SIZE: u16 = 11;
/// Millimetres before the first line of a paragraph.
const INDENT: u16 = 10;
/// Points above a paragraph.
const ABOVE: u16 = 6;

/// What is printed of a filed report beside the report: which revision, by whom and when, and its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub words: String,
    pub hash: String,
}

/// The report as a document; the findings are an appendix that may be left out. `kept` is of a filed one.
pub fn document(snapshot: &Snapshot, dictionary: &Dictionary, with_findings: bool, kept: Option<&Kept>) -> Document {
    let Snapshot { narrative, words, findings } = snapshot;
    let mut sections = vec![report(narrative, words, kept)];
    if with_findings && !findings.is_empty() {
        sections.push(appendix(narrative, findings, dictionary));
    }
    Document { title: subject(narrative, words), sections }
}

fn section(blocks: Vec<Block>) -> Section {
    Section { page: PageSize::A4, landscape: false, margins: Margins::OFFICIAL, size: SIZE, numbered: true, blocks }
}

fn report(narrative: &Narrative, words: &Words, kept: Option<&Kept>) -> Section {
    let mut blocks = heading(narrative, words);
    blocks.extend([
        Block::from(Paragraph::bold("BÁO CÁO").centred().above(12)),
        Paragraph::bold(subject(narrative, words)).centred().ruled().into(),
    ]);
    for (part, filled) in plan().iter().zip(&narrative.parts) {
        blocks.extend(written(part, filled, words));
    }
    if !narrative.basis.is_empty() {
        blocks.push(Paragraph::italic(&narrative.basis).indent(INDENT).align(Align::Justified).above(ABOVE).into());
    }
    blocks.extend([Block::Space(4), signature(words)]);
    if let Some(kept) = kept {
        blocks.push(Paragraph::italic(format!("{} Mã kiểm tra: {}", kept.words, kept.hash)).size(9).above(8).into());
    }
    section(blocks)
}

fn subject(narrative: &Narrative, words: &Words) -> String {
    if !words.subject.trim().is_empty() {
        return document::clean(words.subject.trim());
    }
    let period = narrative.period();
    let named = period.name().map(|name| format!("{} ", lower_first(&name))).unwrap_or_default();
    let (from, to) = (period.from.format("%d/%m/%Y"), period.to.format("%d/%m/%Y"));
    format!("Kết quả thực hiện công tác cải cách hành chính {named}(từ ngày {from} đến ngày {to})")
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// What was typed, or what is usual.
fn or<'a>(typed: &'a str, usual: &'a str) -> &'a str {
    if typed.trim().is_empty() { usual } else { typed.trim() }
}

/// Issuer and number on the left, national heading, place and day on the right.
fn heading(narrative: &Narrative, words: &Words) -> Vec<Block> {
    let mut left: Vec<Block> = Vec::new();
    if !words.superior.trim().is_empty() {
        left.push(Paragraph::plain(words.superior.trim().to_uppercase()).centred().size(12).into());
    }
    if words.issuer.trim().is_empty() {
        left.push(Paragraph::bold("ỦY BAN NHÂN DÂN").centred().size(13).into());
        left.push(Paragraph::bold(narrative.name.to_uppercase()).centred().size(13).ruled().into());
    } else {
        left.push(Paragraph::bold(words.issuer.trim().to_uppercase()).centred().size(13).ruled().into());
    }
    left.push(Paragraph::plain(format!("Số: {}", or(&words.number, "………/BC-UBND"))).centred().size(13).above(3).into());
    let day = or(&words.day, "ngày …… tháng …… năm ………");
    let right = vec![
        Paragraph::bold("CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM").centred().size(12).into(),
        Paragraph::bold("Độc lập - Tự do - Hạnh phúc").centred().size(13).ruled_whole().into(),
        Paragraph::italic(format!("{}, {day}", or(&words.place, "…………"))).centred().size(13).above(3).into(),
    ];
    vec![Block::Columns(vec![(8, left), (12, right)])]
}

fn written(part: &Part, filled: &Filled, words: &Words) -> Vec<Block> {
    let text = words.part(&part.id);
    let title = if part.is_chapter() {
        format!("{}. {}", part.id, part.title.to_uppercase())
    } else {
        format!("{}. {}", part.id.rsplit('.').next().unwrap_or(&part.id), part.title)
    };
    let is_empty = part.hint.is_empty() && !part.is_chapter() && filled.grids.iter().all(|grid| grid.rows.is_empty());
    if is_empty {
        return Vec::new();
    }
    let mut blocks = vec![Paragraph::bold(title).indent(INDENT).above(ABOVE).keep().into()];
    if text.is_empty() && part.is_words_only() {
        blocks.push(body(vec![gap(&format!("Chưa viết: {}", part.hint))]));
    }
    blocks.extend(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(|line| body(vec![Run::plain(line)])));
    for grid in filled.grids.iter().filter(|grid| !grid.rows.is_empty()) {
        blocks.extend([Block::Space(2), Block::Table(table(grid))]);
    }
    if filled.grids.iter().flat_map(|grid| &grid.rows).flat_map(|row| &row.cells).any(|cell| cell.differs) {
        let words = "Số đứng trước tính từ hồ sơ đã ghi; số “đã khai” là số đơn vị báo cáo. Hai số chưa khớp, cần đối chiếu.";
        blocks.push(body(vec![gap(words)]));
    }
    blocks
}

fn body(runs: Vec<Run>) -> Block {
    Paragraph::of(runs).indent(INDENT).align(Align::Justified).above(ABOVE).into()
}

/// What a person still has to see to.
fn gap(words: &str) -> Run {
    Run { italic: true, ..Run::bold(format!("[{words}]")) }
}

fn table(grid: &Grid) -> Table {
    let cells = grid.heads.len().saturating_sub(1).max(1);
    let narrow = u16::try_from(cells).unwrap_or(u16::MAX);
    let mut widths = vec![if cells > 4 { 6 } else { 10 + 2 / narrow }];
    widths.extend(std::iter::repeat_n(if cells > 4 { 4 } else { 6 }, cells));
    let row = |row: &Row| {
        let own = row.cells.iter().enumerate().map(|(place, cell)| figure(cell, place < grid.own));
        std::iter::once(document::Cell::plain(&row.name)).chain(own).collect()
    };
    Table {
        widths,
        head: vec![grid.heads.iter().map(|head| document::Cell::head(head, 1, 1)).collect()],
        rows: grid.rows.iter().map(row).collect(),
        size: TABLE_SIZE,
    }
}

fn figure(cell: &Cell, own: bool) -> document::Cell {
    let words = cell.words();
    let text = match (words.is_empty(), own) {
        (true, true) => Paragraph::of(vec![gap("chưa có")]),
        (true, false) => Paragraph::plain("–"),
        (false, _) if cell.differs => Paragraph::of(vec![gap(&words)]),
        (false, _) => Paragraph::plain(words),
    };
    document::Cell::of(text.align(Align::Right))
}

fn signature(words: &Words) -> Block {
    let mut left: Vec<Block> = vec![Paragraph::of(vec![Run { italic: true, ..Run::bold("Nơi nhận:") }]).size(12).into()];
    let recipients = or(&words.recipients, "Như trên\nLưu: VT");
    let lines: Vec<&str> = recipients.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    for (place, line) in lines.iter().enumerate() {
        let end = if place + 1 == lines.len() { "." } else { ";" };
        let line = line.trim_start_matches(['-', '–']).trim().trim_end_matches([';', '.']);
        left.push(Paragraph::plain(format!("- {line}{end}")).size(RECIPIENTS_SIZE).into());
    }
    let right = vec![
        Paragraph::bold(or(&words.capacity, "TM. ỦY BAN NHÂN DÂN")).centred().into(),
        Paragraph::bold(or(&words.role, "CHỦ TỊCH")).centred().into(),
        Block::Space(22),
        Paragraph::bold(words.signer.trim()).centred().into(),
    ];
    Block::Columns(vec![(1, left), (1, right)])
}

fn appendix(narrative: &Narrative, findings: &[Finding], dictionary: &Dictionary) -> Section {
    let blocks = vec![
        Paragraph::bold("PHỤ LỤC").centred().into(),
        Paragraph::bold(format!("Những chỗ chưa khớp trong số liệu, {}", lower_first(&period_words(narrative.period()))))
            .centred()
            .ruled()
            .into(),
        Paragraph::italic("Phần mềm chỉ ra chỗ mâu thuẫn và không sửa số nào.").centred().size(12).into(),
        Block::Space(2),
        Block::Table(Table {
            widths: vec![3, 11, 5, 5, 4, 14],
            head: vec![
                ["STT", "Chỗ chưa khớp", "Báo cáo", "Phải là", "Chênh", "Cần trả lời"]
                    .map(|name| document::Cell::head(name, 1, 1))
                    .into(),
            ],
            rows: (1..).zip(findings).map(|(place, finding)| finding_row(place, finding, narrative, dictionary)).collect(),
            size: TABLE_SIZE,
        }),
    ];
    section(blocks)
}

fn finding_row(place: usize, finding: &Finding, narrative: &Narrative, dictionary: &Dictionary) -> Vec<document::Cell> {
    let mut what = rule_name(&finding.rule).to_owned();
    if let Some(unit) = narrative.units.get(&finding.unit) {
        what = format!("{unit}: {what}");
    }
    if !finding.indicator.is_empty() {
        what = format!("{what}: {}", dictionary.name(&finding.indicator));
    }
    if !finding.field.is_empty() {
        what = format!("{what} ({})", field_name(&finding.field));
    }
    let right = |text: String| document::Cell::of(Paragraph::plain(text).align(Align::Right));
    vec![
        document::Cell::of(Paragraph::plain(place.to_string()).centred()),
        document::Cell::plain(what),
        right(finding.declared.to_string()),
        right(finding.expected.to_string()),
        right(finding.gap.map(number).unwrap_or_default()),
        document::Cell::plain(&finding.ask),
    ]
}

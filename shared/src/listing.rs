//! A list or a comparison as it stands on a screen, as a file: a workbook, paper, or CSV.
//!
//! Promise: the same words and numbers in all of them; a number is a number to a spreadsheet, a text is never a formula; charts
//! come along. Start at [`Listing`].

use rust_xlsxwriter::{
    Chart as Diagram, ChartType, DocProperties, ExcelDateTime, Format, FormatAlign, FormatBorder, Sparkline, Workbook, Worksheet,
    XlsxError,
};

use crate::document::{self, Align, Block, Cell, Document, Margins, PageSize, Paragraph, Section};
use crate::indicator::Hundredths;
use crate::text::{cell, number};

/// One cell of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Item {
    #[default]
    Nothing,
    Text(String),
    Whole(i64),
    /// With what stands behind it, such as ` %`.
    Part(Hundredths, &'static str),
    /// A small line over the months; nothing where a month has no value.
    Trend(Vec<Option<i64>>),
}

impl From<&str> for Item {
    fn from(text: &str) -> Item {
        if text.is_empty() { Item::Nothing } else { Item::Text(text.to_owned()) }
    }
}

impl From<String> for Item {
    fn from(text: String) -> Item {
        if text.is_empty() { Item::Nothing } else { Item::Text(text) }
    }
}

impl Item {
    fn words(&self) -> String {
        match self {
            Item::Nothing | Item::Trend(_) => String::new(),
            Item::Text(text) => text.clone(),
            Item::Whole(value) => number(*value),
            Item::Part(value, suffix) => format!("{value}{suffix}"),
        }
    }

    fn is_figure(&self) -> bool {
        matches!(self, Item::Whole(_) | Item::Part(..))
    }
}

/// A column: its heading, and its share of the width.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head(pub String, pub u16);

impl Head {
    pub fn of(name: impl Into<String>, width: u16) -> Head {
        Head(name.into(), width)
    }
}

/// One table of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Part {
    pub caption: String,
    pub heads: Vec<Head>,
    pub rows: Vec<Vec<Item>>,
    /// The last line, where there is one.
    pub total: Option<Vec<Item>>,
}

/// Columns side by side over labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chart {
    pub title: String,
    pub labels: Vec<String>,
    pub series: Vec<(String, Vec<Hundredths>)>,
}

/// The whole of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    pub title: String,
    /// Who made it; above the title.
    pub issuer: String,
    /// What it rests on, below the title.
    pub notes: Vec<String>,
    pub chart: Option<Chart>,
    pub parts: Vec<Part>,
}

impl Listing {
    /// CSV with a byte order mark: each table under its caption, parted by an empty line.
    pub fn to_csv(&self) -> String {
        let line = |cells: Vec<String>| cells.iter().map(|text| cell(text)).collect::<Vec<_>>().join(",") + "\r\n";
        let plain = |item: &Item| match item {
            Item::Whole(value) => value.to_string(),
            Item::Part(value, _) => value.to_string().replace('.', ""),
            Item::Trend(values) => {
                let known: Vec<String> = values.iter().flatten().map(|value| Hundredths(*value).to_string()).collect();
                known.join("; ")
            }
            other => other.words(),
        };
        let mut tables = Vec::new();
        for part in &self.parts {
            let mut text = if self.parts.len() > 1 { line(vec![part.caption.clone()]) } else { String::new() };
            text += &line(part.heads.iter().map(|head| head.0.clone()).collect());
            text.extend(part.rows.iter().chain(&part.total).map(|row| line(row.iter().map(plain).collect())));
            tables.push(text);
        }
        format!("\u{feff}{}", tables.join("\r\n"))
    }

    /// A workbook with this one sheet to look at, and one behind it for what charts are drawn from. The same list and day give
    /// the same bytes. Errors: more than the format knows.
    pub fn to_xlsx(&self, day: chrono::NaiveDate) -> Result<Vec<u8>, XlsxError> {
        let mut book = Workbook::new();
        let made = ExcelDateTime::parse_from_str(&day.to_string())?;
        book.set_properties(&DocProperties::new().set_title(&self.title).set_creation_datetime(&made));
        let (mut sheet, mut drawn) = (Worksheet::new(), Drawn::new()?);
        sheet.set_name("Danh sách")?.set_landscape().set_paper_size(9).set_print_fit_to_pages(1, 0);
        let styles = Styles::new();
        let mut row = 0;
        for (text, format) in std::iter::once((&self.issuer, &styles.plain)).chain([(&self.title, &styles.title)]) {
            if !text.is_empty() {
                sheet.write_string_with_format(row, 0, text, format)?;
                row += 1;
            }
        }
        for note in &self.notes {
            sheet.write_string_with_format(row, 0, note, &styles.quiet)?;
            row += 1;
        }
        for (place, part) in self.parts.iter().enumerate() {
            row = write_part(&mut sheet, row + 1, part, &styles, &mut drawn)?;
            if place == 0 && self.parts.len() == 1 {
                let heading = row - u32::try_from(part.rows.len() + usize::from(part.total.is_some())).unwrap_or(0);
                sheet.set_freeze_panes(heading, 0)?.set_repeat_rows(heading - 1, heading - 1)?;
            }
        }
        if let Some(chart) = &self.chart {
            sheet.insert_chart(row + 1, 1, &drawn.chart(chart)?)?;
        }
        book.push_worksheet(sheet);
        if drawn.next > 0 {
            book.push_worksheet(drawn.sheet);
        }
        book.save_to_buffer()
    }

    /// On paper, A4 across.
    pub fn document(&self) -> Document {
        let mut blocks: Vec<Block> = Vec::new();
        if !self.issuer.is_empty() {
            blocks.push(Paragraph::plain(&self.issuer).into());
        }
        blocks.push(Paragraph::bold(&self.title).centred().size(14).above(4).keep().into());
        blocks.extend(self.notes.iter().map(|note| Block::from(Paragraph::italic(note).centred().size(10))));
        if let Some(chart) = &self.chart {
            blocks.extend([Block::Space(3), Block::Chart(chart_block(chart))]);
        }
        for part in &self.parts {
            if !part.caption.is_empty() && self.parts.len() > 1 {
                blocks.push(Paragraph::bold(&part.caption).above(8).keep().into());
            }
            blocks.extend([Block::Space(2), Block::Table(table(part))]);
        }
        let margins = Margins { top: 18, right: 12, bottom: 14, left: 15 };
        let section = Section { page: PageSize::A4, landscape: true, margins, size: 11, numbered: true, blocks };
        Document { title: self.title.clone(), sections: vec![section] }
    }
}

fn chart_block(chart: &Chart) -> document::Chart {
    let series =
        |(name, values): &(String, Vec<Hundredths>)| (document::clean(name), values.iter().map(|value| value.0).collect());
    document::Chart {
        title: document::clean(&chart.title),
        labels: chart.labels.iter().map(|label| document::clean(label)).collect(),
        series: chart.series.iter().map(series).collect(),
    }
}

fn table(part: &Part) -> document::Table {
    let paper = |item: &Item, bold: bool| {
        let text = if bold { Paragraph::bold(item.words()) } else { Paragraph::plain(item.words()) };
        let text = if item.is_figure() { text.align(Align::Right) } else { text };
        match item {
            Item::Trend(values) => Cell { trend: values.clone(), ..Cell::of(text) },
            _ => Cell::of(text),
        }
    };
    let rows = part.rows.iter().map(|row| row.iter().map(|item| paper(item, false)).collect());
    let total = part.total.iter().map(|row| row.iter().map(|item| paper(item, true)).collect());
    document::Table {
        widths: part.heads.iter().map(|head| head.1).collect(),
        head: vec![part.heads.iter().map(|head| Cell::head(&head.0, 1, 1)).collect()],
        rows: rows.chain(total).collect(),
        size: 9,
    }
}

struct Styles {
    plain: Format,
    title: Format,
    quiet: Format,
    head: Format,
    text: Format,
    whole: Format,
    bold: Format,
    bold_whole: Format,
}

impl Styles {
    fn new() -> Styles {
        let plain = Format::new().set_font_name("Times New Roman").set_font_size(11);
        let ruled = plain.clone().set_border(FormatBorder::Thin).set_align(FormatAlign::Top);
        let bold = ruled.clone().set_bold();
        Styles {
            title: plain.clone().set_bold().set_font_size(14),
            quiet: plain.clone().set_italic(),
            head: bold.clone().set_text_wrap().set_align(FormatAlign::Center).set_align(FormatAlign::VerticalCenter),
            text: ruled.clone().set_text_wrap(),
            whole: ruled.set_num_format("#,##0"),
            bold_whole: bold.clone().set_num_format("#,##0"),
            bold: bold.set_text_wrap(),
            plain,
        }
    }
}

/// Writes a table from `first` on, and gives the row after its last.
fn write_part(sheet: &mut Worksheet, first: u32, part: &Part, styles: &Styles, drawn: &mut Drawn) -> Result<u32, XlsxError> {
    let mut row = first;
    if !part.caption.is_empty() {
        sheet.write_string_with_format(row, 0, &part.caption, &styles.title)?;
        row += 1;
    }
    for (column, head) in (0u16..).zip(&part.heads) {
        sheet.write_string_with_format(row, column, &head.0, &styles.head)?;
        sheet.set_column_width(column, f64::from(head.1) * 1.6)?;
    }
    for (cells, is_total) in part.rows.iter().map(|row| (row, false)).chain(part.total.iter().map(|row| (row, true))) {
        row += 1;
        let (text, whole) = if is_total { (&styles.bold, &styles.bold_whole) } else { (&styles.text, &styles.whole) };
        for (column, item) in (0u16..).zip(cells) {
            match item {
                Item::Nothing => sheet.write_blank(row, column, text)?,
                Item::Text(words) => sheet.write_string_with_format(row, column, shortened(words), text)?,
                Item::Whole(value) => sheet.write_number_with_format(row, column, hundredths(Hundredths(value * 100)), whole)?,
                Item::Part(value, suffix) => {
                    let format = whole.clone().set_num_format(format!("#,##0.##\"{suffix}\""));
                    sheet.write_number_with_format(row, column, hundredths(*value), &format)?
                }
                Item::Trend(values) => {
                    sheet.write_blank(row, column, text)?;
                    if let Some(line) = drawn.trend(values)? {
                        sheet.add_sparkline(row, column, &line)?;
                    }
                    continue;
                }
            };
        }
    }
    Ok(row + 1)
}

/// The longest text that a cell of a workbook takes.
const LONGEST_CELL: usize = 32_767;

fn shortened(text: &str) -> String {
    text.chars().take(LONGEST_CELL).collect()
}

/// Values stay far below 2^53.
#[expect(clippy::cast_precision_loss, reason = "a spreadsheet knows no other numbers")]
fn hundredths(value: Hundredths) -> f64 {
    value.0 as f64 / 100.0
}

const BEHIND: &str = "Số liệu biểu đồ";

/// What charts are drawn from, on a sheet of its own.
struct Drawn {
    sheet: Worksheet,
    next: u32,
}

impl Drawn {
    fn new() -> Result<Drawn, XlsxError> {
        let mut sheet = Worksheet::new();
        sheet.set_name(BEHIND)?;
        Ok(Drawn { sheet, next: 0 })
    }

    fn trend(&mut self, values: &[Option<i64>]) -> Result<Option<Sparkline>, XlsxError> {
        let last = u16::try_from(values.len()).unwrap_or(0).saturating_sub(1);
        if values.iter().flatten().count() < 2 {
            return Ok(None);
        }
        for (column, value) in (0u16..).zip(values) {
            if let Some(value) = value {
                self.sheet.write_number(self.next, column, hundredths(Hundredths(*value)))?;
            }
        }
        let range = (BEHIND, self.next, 0, self.next, last);
        self.next += 1;
        Ok(Some(Sparkline::new().set_range(range).show_last_point(true)))
    }

    fn chart(&mut self, chart: &Chart) -> Result<Diagram, XlsxError> {
        let first = self.next;
        let last = u16::try_from(chart.labels.len()).unwrap_or(1).max(1);
        for (column, label) in (1u16..).zip(&chart.labels) {
            self.sheet.write_string(first, column, label)?;
        }
        let mut diagram = Diagram::new(ChartType::Column);
        diagram.title().set_name(&chart.title);
        for (row, (name, values)) in (first + 1..).zip(&chart.series) {
            self.sheet.write_string(row, 0, name)?;
            for (column, value) in (1u16..).zip(values) {
                self.sheet.write_number(row, column, hundredths(*value))?;
            }
            let series = diagram.add_series();
            series
                .set_name(name.as_str())
                .set_categories((BEHIND, first, 1, first, last))
                .set_values((BEHIND, row, 1, row, last));
        }
        self.next = first + 1 + u32::try_from(chart.series.len()).unwrap_or(0);
        diagram.set_width(900).set_height(320);
        Ok(diagram)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::grids;

    fn listing(name: &str) -> Listing {
        let row = |name: &str, value: i64| {
            vec![
                name.into(),
                Item::Whole(value),
                Item::Part(Hundredths(value + 50), " %"),
                Item::Trend(vec![Some(1), None, Some(3)]),
            ]
        };
        Listing {
            title: "So sánh".to_owned(),
            issuer: "Huyện Thử".to_owned(),
            notes: vec!["Kỳ này".to_owned()],
            chart: Some(Chart {
                title: "Biểu đồ".to_owned(),
                labels: vec!["1".to_owned()],
                series: vec![("a".to_owned(), vec![Hundredths(150)])],
            }),
            parts: vec![Part {
                caption: String::new(),
                heads: vec![Head::of("Đơn vị", 10), Head::of("Số", 3), Head::of("Tỷ lệ", 3), Head::of("12 tháng", 5)],
                rows: vec![row(name, 1639), row("Xã B", 7)],
                total: Some(row("Cộng", 1646)),
            }],
        }
    }

    fn day() -> chrono::NaiveDate {
        "2026-11-26".parse().expect("a date")
    }

    #[test]
    fn numbers_stay_numbers_and_words_stay_words_in_every_file() {
        let listing = listing("Xã A");
        let bytes = listing.to_xlsx(day()).expect("a workbook");
        assert_eq!(bytes, listing.to_xlsx(day()).expect("a workbook"), "the same bytes");
        let sheets = grids(&bytes).expect("sheets");
        assert_eq!(sheets.iter().map(|grid| grid.sheet.as_str()).collect::<Vec<_>>(), ["Danh sách", BEHIND]);
        let row =
            sheets[0].rows.iter().find(|(_, cells)| cells.first().is_some_and(|cell| cell.text() == "Xã A")).expect("a row");
        assert_eq!((row.1[1].text().as_str(), row.1[1].number, row.1[2].text().as_str()), ("1639", true, "16.89"));
        assert!(listing.to_csv().contains("Xã A,1639,\"16,89\",\"0,01; 0,03\"\r\n"), "{}", listing.to_csv());
        let text = listing.document().text();
        for expected in ["So sánh", "Xã A | 1.639 | 16,89 %", "Cộng | 1.646"] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
    }

    #[test]
    fn hostile_words_are_harmless_in_every_file() {
        for name in ["=HYPERLINK(\"http://x\")", "@SUM(A1)", "-1+1", "a\u{202e}b\u{7}c\nd", &"Ằ".repeat(40_000)] {
            let listing = listing(name);
            let sheets = grids(&listing.to_xlsx(day()).expect("a workbook")).expect("sheets");
            assert!(
                sheets.iter().flat_map(|grid| &grid.rows).flat_map(|(_, cells)| cells).all(|cell| !cell.is_computed()),
                "{name}"
            );
            assert!(!listing.to_csv().lines().any(|line| line.starts_with(['=', '@', '-'])), "{name}");
            assert!(!listing.document().text().contains(['\u{202e}', '\u{7}']), "{name}");
        }
    }
}

//! A document for people: what stands on its pages, before anything is drawn.
//!
//! Promise: knows no fonts, no file format and no clock; the same document becomes PDF or DOCX. What users typed is
//! cleaned on its way in, so that no control character or hidden direction mark reaches paper. Start at [`Document`].

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// Size of a page, upright.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageSize {
    A4,
    A5,
}

impl PageSize {
    /// Width and height of the upright page in millimetres (ISO 216).
    pub fn millimetres(self) -> (u16, u16) {
        match self {
            PageSize::A4 => (210, 297),
            PageSize::A5 => (148, 210),
        }
    }
}

/// Millimetres that stay empty around the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Margins {
    pub top: u16,
    pub right: u16,
    pub bottom: u16,
    pub left: u16,
}

impl Margins {
    /// Of administrative documents: 20–25 mm above and below, 30–35 mm left, 15–20 mm right (NĐ 30/2020, Phụ lục I).
    pub const OFFICIAL: Margins = Margins { top: 20, right: 15, bottom: 20, left: 30 };
    /// Of forms.
    pub const FORM: Margins = Margins { top: 12, right: 12, bottom: 12, left: 15 };
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Align {
    #[default]
    Left,
    Centre,
    Right,
    /// Both edges even, but for the last line.
    Justified,
}

/// A stretch of text in one face.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    pub text: String,
    #[serde(default, skip_serializing_if = "is_false")]
    pub bold: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    pub italic: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

impl Run {
    pub fn plain(text: impl AsRef<str>) -> Run {
        Run { text: clean(text.as_ref()), bold: false, italic: false }
    }

    pub fn bold(text: impl AsRef<str>) -> Run {
        Run { bold: true, ..Run::plain(text) }
    }

    pub fn italic(text: impl AsRef<str>) -> Run {
        Run { italic: true, ..Run::plain(text) }
    }
}

/// Text that breaks into lines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paragraph {
    pub runs: Vec<Run>,
    #[serde(default)]
    pub align: Align,
    /// Points; 0 for the size of its section.
    #[serde(default)]
    pub size: u16,
    /// Millimetres before the first line.
    #[serde(default)]
    pub indent: u16,
    /// Points left empty above.
    #[serde(default)]
    pub above: u16,
    /// A rule below, half as wide as the text, as under the heading of a document.
    #[serde(default)]
    pub ruled: bool,
    /// The rule is as wide as the text, as under the national motto (NĐ 30/2020, Phụ lục I).
    #[serde(default)]
    pub ruled_whole: bool,
    /// It does not stay alone at the foot of a page.
    #[serde(default)]
    pub keep: bool,
}

impl Paragraph {
    pub fn of(runs: Vec<Run>) -> Paragraph {
        Paragraph { runs, ..Paragraph::default() }
    }

    pub fn plain(text: impl AsRef<str>) -> Paragraph {
        Paragraph::of(vec![Run::plain(text)])
    }

    pub fn bold(text: impl AsRef<str>) -> Paragraph {
        Paragraph::of(vec![Run::bold(text)])
    }

    pub fn italic(text: impl AsRef<str>) -> Paragraph {
        Paragraph::of(vec![Run::italic(text)])
    }

    #[must_use]
    pub fn align(self, align: Align) -> Paragraph {
        Paragraph { align, ..self }
    }

    #[must_use]
    pub fn centred(self) -> Paragraph {
        self.align(Align::Centre)
    }

    #[must_use]
    pub fn size(self, size: u16) -> Paragraph {
        Paragraph { size, ..self }
    }

    #[must_use]
    pub fn above(self, above: u16) -> Paragraph {
        Paragraph { above, ..self }
    }

    #[must_use]
    pub fn indent(self, indent: u16) -> Paragraph {
        Paragraph { indent, ..self }
    }

    #[must_use]
    pub fn ruled(self) -> Paragraph {
        Paragraph { ruled: true, ..self }
    }

    #[must_use]
    pub fn ruled_whole(self) -> Paragraph {
        Paragraph { ruled: true, ruled_whole: true, ..self }
    }

    #[must_use]
    pub fn keep(self) -> Paragraph {
        Paragraph { keep: true, ..self }
    }

    /// All its letters.
    pub fn text(&self) -> String {
        self.runs.iter().map(|run| run.text.as_str()).collect()
    }
}

/// One cell of a table. A cell that others reach over is not written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    pub text: Paragraph,
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub columns: u16,
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub rows: u16,
    /// A small line over values in their order, in place of the text; it breaks where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trend: Vec<Option<i64>>,
}

fn one() -> u16 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_one(value: &u16) -> bool {
    *value == 1
}

impl Cell {
    pub fn of(text: Paragraph) -> Cell {
        Cell { text, columns: 1, rows: 1, trend: Vec::new() }
    }

    pub fn plain(text: impl AsRef<str>) -> Cell {
        Cell::of(Paragraph::plain(text))
    }

    /// A cell of the heading that reaches over columns and rows.
    pub fn head(text: impl AsRef<str>, columns: u16, rows: u16) -> Cell {
        Cell { columns, rows, ..Cell::of(Paragraph::bold(text).centred()) }
    }
}

/// Ruled on all sides; its heading stands again on every page that it goes on to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Widths of the columns, in any unit: they share the width of the text.
    pub widths: Vec<u16>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub head: Vec<Vec<Cell>>,
    pub rows: Vec<Vec<Cell>>,
    /// Points; 0 for the size of its section.
    #[serde(default)]
    pub size: u16,
}

/// One thing below another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Block {
    Paragraph(Paragraph),
    /// Side by side, each with its share of the width.
    Columns(Vec<(u16, Vec<Block>)>),
    Table(Table),
    /// A label with what is filled in behind it; a dotted line where nothing is.
    Field {
        label: String,
        value: String,
    },
    /// Something for machines to read: a two-dimensional code with its side in millimetres.
    Qr {
        text: String,
        side: u16,
    },
    /// Code 128, ten millimetres high.
    Barcode(String),
    /// Millimetres left empty.
    Space(u16),
    Chart(Chart),
}

/// Columns side by side over labels, the first series filled and the second hollow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chart {
    pub title: String,
    pub labels: Vec<String>,
    /// Names and values in hundredths.
    pub series: Vec<(String, Vec<i64>)>,
}

impl From<Paragraph> for Block {
    fn from(paragraph: Paragraph) -> Block {
        Block::Paragraph(paragraph)
    }
}

impl Block {
    pub fn field(label: impl AsRef<str>, value: impl AsRef<str>) -> Block {
        Block::Field { label: clean(label.as_ref()), value: clean(value.as_ref()) }
    }
}

/// Pages of one size that begin on a new one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    pub page: PageSize,
    #[serde(default)]
    pub landscape: bool,
    pub margins: Margins,
    /// Points of its text.
    pub size: u16,
    /// Whether pages after the first carry their number at the top (NĐ 30/2020, Phụ lục I).
    #[serde(default)]
    pub numbered: bool,
    pub blocks: Vec<Block>,
}

/// What is printed or written as one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    pub title: String,
    pub sections: Vec<Section>,
}

impl Document {
    /// All its letters, a line for each paragraph, field and row; cells are parted by ` | `. Codes for machines are left out.
    pub fn text(&self) -> String {
        let mut out = String::new();
        self.sections.iter().for_each(|section| add_text(&section.blocks, &mut out));
        out
    }
}

fn add_text(blocks: &[Block], out: &mut String) {
    for block in blocks {
        match block {
            Block::Paragraph(paragraph) => *out += &(paragraph.text() + "\n"),
            Block::Field { label, value } => out.extend([label, ": ", value, "\n"]),
            Block::Columns(columns) => columns.iter().for_each(|(_, inner)| add_text(inner, out)),
            Block::Table(table) => {
                for row in table.head.iter().chain(&table.rows) {
                    let cells: Vec<String> = row.iter().map(|cell| cell.text.text()).collect();
                    *out += &(cells.join(" | ") + "\n");
                }
            }
            Block::Qr { .. } | Block::Barcode(_) | Block::Space(_) | Block::Chart(_) => {}
        }
    }
}

/// Text as it may stand on paper: NFC, line breaks and tabs as spaces, no other control characters, none of the marks that
/// turn the direction of reading, nothing invisible.
pub fn clean(text: &str) -> String {
    let seen = |letter: char| match letter {
        '\t' | '\n' | '\r' | '\u{2028}' | '\u{2029}' => Some(' '),
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' => {
            None
        }
        _ if letter.is_control() => None,
        _ => Some(letter),
    };
    text.chars().filter_map(seen).nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_users_typed_carries_nothing_hidden_onto_paper() {
        assert_eq!(clean("Tr\u{1ea7}n\u{202e} Th\u{1ecb}\u{0}\u{7} A\u{feff}\nB"), "Trần Thị A B");
        assert_eq!(clean("e\u{0302}\u{0301}"), "ế");
    }

    #[test]
    fn a_document_is_read_back_as_it_was_written() {
        let table = Table {
            widths: vec![1, 2],
            head: vec![vec![Cell::head("Đầu", 2, 1)]],
            rows: vec![vec![Cell::plain("a"), Cell::plain("b")]],
            size: 0,
        };
        let blocks = vec![
            Paragraph::bold("CỘNG HÒA").centred().ruled().into(),
            Block::field("Họ tên", ""),
            Block::Table(table),
            Block::Columns(vec![(1, vec![Block::Space(3)]), (2, vec![Block::Barcode("A-1".to_owned())])]),
        ];
        let section = Section { page: PageSize::A5, landscape: false, margins: Margins::FORM, size: 11, numbered: false, blocks };
        let document = Document { title: "Thử".to_owned(), sections: vec![section] };
        let json = serde_json::to_string(&document).expect("plain data");
        assert_eq!(serde_json::from_str::<Document>(&json).expect("read back"), document);
    }
}

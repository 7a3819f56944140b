//! A document as DOCX, to go on with in a word processor.
//!
//! Promise: the layout that NĐ 30/2020 asks for stands in the file: page, margins, Times New Roman, sizes, page numbers.
//! Codes for machines and charts are left out. Start at [`write`].

use anyhow::Context;
use docx_rs::{
    AlignmentType, BreakType, Docx, Header, LineSpacing, LineSpacingType, PageMargin, PageNum, PageOrientationType,
    Paragraph as Text, ParagraphBorder, ParagraphBorderPosition, Run as Letters, RunFonts, SpecialIndentType, Table as Grid,
    TableBorder, TableBorderPosition, TableBorders, TableCell, TableCellMargins, TableRow, VAlignType, VMergeType, WidthType,
};
use motcua_shared::document::{Align, Block, Cell, Document, Paragraph, Run, Section, Table};

const FAMILY: &str = "Times New Roman";
/// Twentieths of a point in a millimetre.
const TWIPS_PER_MM: f32 = 1440.0 / 25.4;

fn twips(millimetres: u16) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "pages are smaller than a metre")]
    let twips = (f32::from(millimetres) * TWIPS_PER_MM).round() as i32;
    twips
}

/// The bytes of a DOCX file. All its pages are of the first section's size.
pub fn write(document: &Document) -> anyhow::Result<Vec<u8>> {
    let first = document.sections.first().context("a document without pages")?;
    let fonts = RunFonts::new().ascii(FAMILY).hi_ansi(FAMILY).cs(FAMILY).east_asia(FAMILY);
    let mut docx = page(Docx::new().default_fonts(fonts).default_size(usize::from(first.size) * 2), first);
    for (number, section) in document.sections.iter().enumerate() {
        if number > 0 {
            docx = docx.add_paragraph(Text::new().add_run(Letters::new().add_break(BreakType::Page)));
        }
        let room = room(section);
        for block in &section.blocks {
            docx = add(docx, block, section, room);
        }
    }
    let mut file = std::io::Cursor::new(Vec::new());
    docx.build().pack(&mut file).context("DOCX")?;
    Ok(file.into_inner())
}

/// Twips between the margins.
fn room(section: &Section) -> i32 {
    let (narrow, long) = section.page.millimetres();
    let width = if section.landscape { long } else { narrow };
    twips(width - section.margins.left - section.margins.right)
}

fn page(docx: Docx, section: &Section) -> Docx {
    let (narrow, long) = section.page.millimetres();
    let (width, height) = if section.landscape { (long, narrow) } else { (narrow, long) };
    let margins = section.margins;
    let margin = PageMargin::new()
        .top(twips(margins.top))
        .right(twips(margins.right))
        .bottom(twips(margins.bottom))
        .left(twips(margins.left))
        .header(twips(margins.top / 2))
        .footer(twips(margins.bottom / 2));
    let size = |millimetres| u32::try_from(twips(millimetres)).unwrap_or(0);
    let docx = docx.page_size(size(width), size(height)).page_margin(margin);
    let docx = if section.landscape { docx.page_orient(PageOrientationType::Landscape) } else { docx };
    if !section.numbered {
        return docx;
    }
    // The first page has no number (NĐ 30/2020, Phụ lục I).
    let number = Text::new().align(AlignmentType::Center).add_page_num(PageNum::new());
    docx.title_pg().first_header(Header::new()).header(Header::new().add_paragraph(number))
}

/// Twips left empty inside the cells of a table: above and below, at the sides.
const PADDING: (usize, usize) = (40, 80);

fn add(docx: Docx, block: &Block, section: &Section, room: i32) -> Docx {
    let all = |docx: Docx, texts: Vec<Text>| texts.into_iter().fold(docx, Docx::add_paragraph);
    match block {
        Block::Paragraph(paragraph) => all(docx, texts(paragraph, section.size, room)),
        Block::Field { label, value } => all(docx, texts(&field(label, value), section.size, room)),
        Block::Table(table) => docx.add_table(grid(table, section.size, room)).add_paragraph(space(1)),
        Block::Columns(columns) => docx.add_table(side_by_side(columns, section, room)).add_paragraph(space(1)),
        Block::Space(millimetres) => docx.add_paragraph(space(*millimetres)),
        Block::Qr { .. } | Block::Barcode(_) | Block::Chart(_) => docx,
    }
}

/// An empty line of so many millimetres.
fn space(millimetres: u16) -> Text {
    Text::new().line_spacing(LineSpacing::new().line(twips(millimetres)).line_rule(LineSpacingType::Exact))
}

fn field(label: &str, value: &str) -> Paragraph {
    let value = if value.is_empty() { Run::plain("…".repeat(20)) } else { Run::bold(value) };
    Paragraph::of(vec![Run::plain(format!("{label}: ")), value])
}

/// A paragraph, and the rule below it.
fn texts(paragraph: &Paragraph, standard: u16, room: i32) -> Vec<Text> {
    let size = if paragraph.size == 0 { standard } else { paragraph.size };
    let align = match paragraph.align {
        Align::Left => AlignmentType::Left,
        Align::Centre => AlignmentType::Center,
        Align::Right => AlignmentType::Right,
        Align::Justified => AlignmentType::Both,
    };
    let spacing = LineSpacing::new().before(u32::from(paragraph.above) * 20);
    let mut text = Text::new().align(align).line_spacing(spacing);
    if paragraph.indent > 0 {
        text = text.indent(Some(0), Some(SpecialIndentType::FirstLine(twips(paragraph.indent))), None, None);
    }
    if paragraph.keep || paragraph.ruled {
        text = text.keep_next(true);
    }
    for run in &paragraph.runs {
        text = text.add_run(letters(run, size));
    }
    let mut all = vec![text];
    if paragraph.ruled {
        let part = if paragraph.ruled_whole { 1 } else { 2 };
        all.push(rule((width(&paragraph.text(), size).min(room) / part).clamp(1, room), room));
    }
    all
}

/// About how wide a text is, in twips: capitals are wider. The word processor knows the letters, we do not.
fn width(text: &str, size: u16) -> i32 {
    let thousandths: i32 = text.chars().map(|letter| if letter.is_uppercase() { 680 } else { 450 }).sum();
    thousandths * i32::from(size) * 20 / 1000
}

/// A line of its own of no height, with a border as wide as the rule.
fn rule(width: i32, room: i32) -> Text {
    let side = (room - width) / 2;
    let spacing = LineSpacing::new().line(40).line_rule(LineSpacingType::Exact);
    let mut line = Text::new().indent(Some(side), None, Some(side), None).line_spacing(spacing);
    line.property = line.property.set_border(ParagraphBorder::new(ParagraphBorderPosition::Bottom).size(6));
    line
}

fn letters(run: &Run, size: u16) -> Letters {
    let letters = Letters::new().add_text(run.text.as_str()).size(usize::from(size) * 2);
    let letters = if run.bold { letters.bold() } else { letters };
    if run.italic { letters.italic() } else { letters }
}

/// Widths in twips that share `room` as they are to one another.
fn shares(widths: impl Iterator<Item = u16> + Clone, room: i32) -> Vec<usize> {
    let total: i32 = widths.clone().map(i32::from).sum::<i32>().max(1);
    widths.map(|width| usize::try_from(room * i32::from(width) / total).unwrap_or(0)).collect()
}

fn grid(table: &Table, standard: u16, room: i32) -> Grid {
    let widths = shares(table.widths.iter().copied(), room);
    let size = if table.size == 0 { standard } else { table.size };
    let mut reaching = vec![0u16; widths.len()];
    let rows = table.head.iter().chain(&table.rows).map(|row| table_row(row, &widths, size, &mut reaching)).collect();
    let margins = TableCellMargins::new().margin(PADDING.0, PADDING.1, PADDING.0, PADDING.1);
    Grid::new(rows).set_grid(widths).margins(margins).align(docx_rs::TableAlignmentType::Center)
}

/// One row. Places under a cell that reaches down are cells of their own in DOCX, merged with it.
fn table_row(row: &[Cell], widths: &[usize], size: u16, reaching: &mut [u16]) -> TableRow {
    let (mut cells, mut column) = (Vec::new(), 0);
    let mut given = row.iter();
    while column < widths.len() {
        if reaching[column] > 0 {
            reaching[column] -= 1;
            cells.push(TableCell::new().vertical_merge(VMergeType::Continue).width(widths[column], WidthType::Dxa));
            column += 1;
            continue;
        }
        let Some(cell) = given.next() else { break };
        let columns = usize::from(cell.columns).min(widths.len() - column).max(1);
        let width = widths[column..column + columns].iter().sum();
        let inside = i32::try_from(width).unwrap_or(0);
        let made = texts(&cell.text, size, inside).into_iter().fold(TableCell::new(), TableCell::add_paragraph);
        let mut made = made.width(width, WidthType::Dxa);
        made = made.vertical_align(VAlignType::Center);
        if columns > 1 {
            made = made.grid_span(columns);
        }
        if cell.rows > 1 {
            made = made.vertical_merge(VMergeType::Restart);
            reaching[column..column + columns].fill(cell.rows - 1);
        }
        cells.push(made);
        column += columns;
    }
    TableRow::new(cells)
}

/// Columns side by side: a table without rules.
fn side_by_side(columns: &[(u16, Vec<Block>)], section: &Section, room: i32) -> Grid {
    let widths = shares(columns.iter().map(|(share, _)| *share), room);
    let cells = columns.iter().zip(&widths).map(|((_, blocks), width)| {
        let mut cell = TableCell::new().width(*width, WidthType::Dxa).clear_all_border();
        let inside = i32::try_from(*width).unwrap_or(0);
        let all = |cell: TableCell, texts: Vec<Text>| texts.into_iter().fold(cell, TableCell::add_paragraph);
        for block in blocks {
            cell = match block {
                Block::Paragraph(paragraph) => all(cell, texts(paragraph, section.size, inside)),
                Block::Field { label, value } => all(cell, texts(&field(label, value), section.size, inside)),
                Block::Table(table) => cell.add_table(grid(table, section.size, inside)),
                Block::Space(millimetres) => cell.add_paragraph(space(*millimetres)),
                Block::Columns(_) | Block::Qr { .. } | Block::Barcode(_) | Block::Chart(_) => cell,
            };
        }
        cell
    });
    let none = [
        TableBorderPosition::Top,
        TableBorderPosition::Bottom,
        TableBorderPosition::Left,
        TableBorderPosition::Right,
        TableBorderPosition::InsideH,
        TableBorderPosition::InsideV,
    ];
    let borders = none
        .into_iter()
        .fold(TableBorders::new(), |borders, place| borders.set(TableBorder::new(place).border_type(docx_rs::BorderType::Nil)));
    Grid::new(vec![TableRow::new(cells.collect())]).set_grid(widths.clone()).set_borders(borders)
}

#[cfg(test)]
mod tests {
    use motcua_shared::document::{Margins, PageSize};

    use super::*;

    #[test]
    fn a_document_becomes_a_zip_of_parts_with_its_letters() {
        let table = Table {
            widths: vec![1, 2, 2],
            head: vec![
                vec![Cell::head("STT", 1, 2), Cell::head("Nhận", 2, 1)],
                vec![Cell::head("a", 1, 1), Cell::head("b", 1, 1)],
            ],
            rows: vec![vec![Cell::plain("1"), Cell::plain("=1+1"), Cell::plain("<w:t>")]],
            size: 0,
        };
        let blocks = vec![Paragraph::bold("BÁO CÁO").centred().ruled().into(), Block::Table(table)];
        let section =
            Section { page: PageSize::A4, landscape: true, margins: Margins::OFFICIAL, size: 14, numbered: true, blocks };
        let bytes = write(&Document { title: String::new(), sections: vec![section] }).expect("written");
        assert_eq!(&bytes[..2], b"PK");
    }
}

//! A document as DOCX, to go on with in a word processor.
//!
//! Promise: the layout that NĐ 30/2020 asks for stands in the file: page, margins, Times New Roman, sizes, page numbers.
//! Codes for machines are left out. Start at [`write`].

use anyhow::Context;
use docx_rs::{
    AlignmentType, BreakType, Docx, Header, LineSpacing, PageMargin, PageNum, PageOrientationType, Paragraph as Text,
    Run as Letters, RunFonts, SpecialIndentType, Table as Grid, TableBorder, TableBorderPosition, TableBorders, TableCell,
    TableRow, VAlignType, VMergeType, WidthType,
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

fn add(docx: Docx, block: &Block, section: &Section, room: i32) -> Docx {
    match block {
        Block::Paragraph(paragraph) => docx.add_paragraph(text(paragraph, section.size)),
        Block::Field { label, value } => docx.add_paragraph(text(&field(label, value), section.size)),
        Block::Table(table) => docx.add_table(grid(table, section.size, room)).add_paragraph(Text::new()),
        Block::Columns(columns) => docx.add_table(side_by_side(columns, section, room)),
        Block::Space(_) => docx.add_paragraph(Text::new()),
        Block::Qr { .. } | Block::Barcode(_) => docx,
    }
}

fn field(label: &str, value: &str) -> Paragraph {
    let value = if value.is_empty() { Run::plain("…".repeat(20)) } else { Run::bold(value) };
    Paragraph::of(vec![Run::plain(format!("{label}: ")), value])
}

fn text(paragraph: &Paragraph, standard: u16) -> Text {
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
    for run in &paragraph.runs {
        text = text.add_run(letters(run, size));
    }
    if paragraph.ruled {
        let rule = "─".repeat(paragraph.text().chars().count() / 3);
        text = text.add_run(Letters::new().add_break(BreakType::TextWrapping)).add_run(letters(&Run::plain(rule), size / 2));
    }
    text
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
    Grid::new(rows).set_grid(widths).align(docx_rs::TableAlignmentType::Center)
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
        let mut made = TableCell::new().add_paragraph(text(&cell.text, size)).width(width, WidthType::Dxa);
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
        for block in blocks {
            cell = match block {
                Block::Paragraph(paragraph) => cell.add_paragraph(text(paragraph, section.size)),
                Block::Field { label, value } => cell.add_paragraph(text(&field(label, value), section.size)),
                Block::Table(table) => cell.add_table(grid(table, section.size, i32::try_from(*width).unwrap_or(0))),
                Block::Space(_) => cell.add_paragraph(Text::new()),
                Block::Columns(_) | Block::Qr { .. } | Block::Barcode(_) => cell,
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

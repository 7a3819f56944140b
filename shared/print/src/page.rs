//! A document as leaves of a browser's page: what the press would draw, to be looked at, and printed where there is no press.
//!
//! Promise: what stands in a document is text and never markup; there is no style in it, only the names of the sheet
//! (`.leaf` and what stands below it there). Start at [`page`].

use std::fmt::Write as _;

use motcua_shared::document::{Align, Block, Cell, Chart, Document, PageSize, Paragraph, Run, Section, Table};
use motcua_shared::indicator::Hundredths;

use crate::marks;

/// Millimetres of one place of a Code 128, as the press draws it.
const BAR: f32 = 0.33;

/// The leaves of a document, one below another.
pub fn page(document: &Document) -> String {
    document.sections.iter().map(leaf).collect()
}

fn leaf(section: &Section) -> String {
    let size = match section.page {
        PageSize::A4 => "a4",
        PageSize::A5 => "a5",
    };
    let turned = if section.landscape { " landscape" } else { "" };
    format!("<section class=\"leaf {size}{turned} pt{}\">\n{}</section>\n", section.size, blocks(&section.blocks))
}

fn blocks(blocks: &[Block]) -> String {
    blocks.iter().map(block).collect()
}

fn block(block: &Block) -> String {
    match block {
        Block::Paragraph(text) => format!("<p{}>{}</p>\n", classes(text), runs(&text.runs)),
        Block::Field { label, value } if value.is_empty() => {
            format!("<p class=\"dotted\"><span>{}: </span><span class=\"dots\"></span></p>\n", escaped(label))
        }
        Block::Field { label, value } => format!("<p>{}: <b>{}</b></p>\n", escaped(label), escaped(value)),
        Block::Table(lines) => table(lines),
        Block::Columns(columns) => beside(columns),
        Block::Space(millimetres) => format!("<div class=\"mm{millimetres}\"></div>\n"),
        Block::Qr { text, side } => squares(&marks::qr(text), *side),
        Block::Barcode(text) => bars(&marks::bars(text)),
        Block::Chart(drawn) => chart(drawn),
    }
}

/// A chart in words: no form has one, and lists are drawn by the press alone.
fn chart(chart: &Chart) -> String {
    let series = |(name, values): &(String, Vec<i64>)| {
        let each = chart.labels.iter().zip(values).map(|(label, value)| format!("{label} {}", Hundredths(*value)));
        format!("{name}: {}", each.collect::<Vec<_>>().join(", "))
    };
    let all: Vec<String> = chart.series.iter().map(series).collect();
    format!("<p><b>{}</b>. {}</p>\n", escaped(&chart.title), escaped(&all.join("; ")))
}

fn classes(text: &Paragraph) -> String {
    let mut names: Vec<String> = Vec::new();
    match text.align {
        Align::Left => {}
        Align::Centre => names.push("centre".to_owned()),
        Align::Right => names.push("right".to_owned()),
        Align::Justified => names.push("even".to_owned()),
    }
    if text.size > 0 {
        names.push(format!("pt{}", text.size));
    }
    if text.above > 0 {
        names.push(format!("up{}", text.above));
    }
    if text.indent > 0 {
        names.push("indented".to_owned());
    }
    if text.ruled {
        names.push("ruled".to_owned());
    }
    if names.is_empty() { String::new() } else { format!(" class=\"{}\"", names.join(" ")) }
}

fn runs(runs: &[Run]) -> String {
    let run = |run: &Run| match (run.bold, run.italic) {
        (false, false) => escaped(&run.text),
        (true, false) => format!("<b>{}</b>", escaped(&run.text)),
        (false, true) => format!("<i>{}</i>", escaped(&run.text)),
        (true, true) => format!("<b><i>{}</i></b>", escaped(&run.text)),
    };
    runs.iter().map(run).collect()
}

/// The share of each of `parts` in hundredths.
fn shares(parts: &[u16]) -> Vec<u32> {
    let all = parts.iter().map(|part| u32::from(*part)).sum::<u32>().max(1);
    parts.iter().map(|part| u32::from(*part) * 100 / all).collect()
}

fn beside(columns: &[(u16, Vec<Block>)]) -> String {
    let parts: Vec<u16> = columns.iter().map(|(share, _)| *share).collect();
    let column = |((_, below), share): (&(u16, Vec<Block>), u32)| format!("<td width=\"{share}%\">{}</td>", blocks(below));
    let cells: String = columns.iter().zip(shares(&parts)).map(column).collect();
    format!("<table class=\"beside\" role=\"presentation\"><tr>{cells}</tr></table>\n")
}

fn table(table: &Table) -> String {
    let width = |share: u32| format!("<col width=\"{share}%\">");
    let widths: String = shares(&table.widths).into_iter().map(width).collect();
    let row = |row: &Vec<Cell>, name: &str| {
        let cells: String = row.iter().map(|one| cell(one, name)).collect();
        format!("<tr>{cells}</tr>\n")
    };
    let head: String = table.head.iter().map(|cells| row(cells, "th")).collect();
    let body: String = table.rows.iter().map(|cells| row(cells, "td")).collect();
    let size = if table.size > 0 { format!(" pt{}", table.size) } else { String::new() };
    format!("<table class=\"lined{size}\"><colgroup>{widths}</colgroup><thead>{head}</thead><tbody>{body}</tbody></table>\n")
}

fn cell(cell: &Cell, name: &str) -> String {
    let mut reach = String::new();
    if cell.columns > 1 {
        let _ = write!(reach, " colspan=\"{}\"", cell.columns);
    }
    if cell.rows > 1 {
        let _ = write!(reach, " rowspan=\"{}\"", cell.rows);
    }
    // A heading of a table is bold by itself.
    let text = if name == "th" { escaped(&cell.text.text()) } else { runs(&cell.text.runs) };
    format!("<{name}{reach}{}>{text}</{name}>", classes(&cell.text))
}

fn squares(rows: &[Vec<bool>], side: u16) -> String {
    let mut dark = String::new();
    for (y, row) in rows.iter().enumerate() {
        for (x, length) in stretches(row) {
            let _ = write!(dark, "M{x} {y}h{length}v1h-{length}z");
        }
    }
    let count = rows.len();
    format!(
        "<svg class=\"side{side}\" viewBox=\"0 0 {count} {count}\" role=\"img\" aria-label=\"Mã QR\"><path d=\"{dark}\"/></svg>\n"
    )
}

fn bars(places: &[bool]) -> String {
    let mut dark = String::new();
    for (x, length) in stretches(places) {
        let _ = write!(dark, "M{x} 0h{length}v1h-{length}z");
    }
    let count = places.len();
    #[expect(clippy::cast_precision_loss, reason = "codes have few hundred places")]
    let width = count as f32 * BAR;
    format!(
        "<svg class=\"bars\" width=\"{width:.1}mm\" viewBox=\"0 0 {count} 1\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"Mã vạch\">\
         <path d=\"{dark}\"/></svg>\n"
    )
}

/// Where each stretch of dark places begins, and how many they are.
fn stretches(places: &[bool]) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    for (place, _) in places.iter().enumerate().filter(|(_, dark)| **dark) {
        match found.last_mut().filter(|(start, length)| start + length == place) {
            Some((_, length)) => *length += 1,
            None => found.push((place, 1)),
        }
    }
    found
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&#38;"),
            '<' => out.push_str("&#60;"),
            '>' => out.push_str("&#62;"),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use motcua_shared::document::Margins;

    use super::*;

    fn shown(blocks: Vec<Block>) -> String {
        let section = Section { page: PageSize::A5, landscape: false, margins: Margins::FORM, size: 11, numbered: false, blocks };
        page(&Document { title: String::new(), sections: vec![section] })
    }

    #[test]
    fn what_was_typed_is_text_and_never_markup() {
        let hostile = "<script>alert('1')</script>\"&";
        let table = Table {
            widths: vec![1, 2],
            head: vec![vec![Cell::head(hostile, 2, 1)]],
            rows: vec![vec![Cell::plain(hostile), Cell::plain("b")]],
            size: 10,
        };
        let blocks = vec![
            Block::field(hostile, hostile),
            Block::field(hostile, ""),
            Paragraph::bold(hostile).into(),
            Block::Table(table),
            Block::Columns(vec![(1, vec![Paragraph::italic(hostile).into()])]),
        ];
        let page = shown(blocks);
        assert!(!page.contains("<script") && !page.contains("style="), "{page}");
        assert_eq!(page.matches("&#60;script&#62;alert(&#39;1&#39;)&#60;/script&#62;&#34;&#38;").count(), 7, "{page}");
        assert!(page.contains("<th colspan=\"2\" class=\"centre\">") && page.contains("class=\"dots\""));
    }

    #[test]
    fn codes_have_the_same_dark_places_as_on_paper() {
        let code = "000.11.57.H23-230526-0001";
        let page = shown(vec![Block::Barcode(code.to_owned()), Block::Qr { text: code.to_owned(), side: 24 }]);
        let dark = marks::qr(code).concat().iter().filter(|dark| **dark).count();
        let path = page.split("class=\"side24\"").nth(1).and_then(|rest| rest.split("d=\"").nth(1)).expect("a path");
        let drawn: usize = path
            .split('h')
            .skip(1)
            .filter_map(|part| part.split('v').next().and_then(|length| length.parse::<usize>().ok()))
            .sum();
        assert_eq!(drawn, dark);
        assert!(page.contains("class=\"bars\"") && stretches(&[true, true, false, true]) == [(0, 2), (3, 1)]);
    }
}

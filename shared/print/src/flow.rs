//! Where everything stands: blocks flow onto pages.
//!
//! Promise: nothing is clipped. What does not fit goes on to the next page, the heading of a table with it; a row that is
//! taller than a page is cut between lines. Units are points, from the upper left corner. Start at [`pages`].

use motcua_shared::document::{Align, Block, Cell, Document, Paragraph, Run, Section, Table};

use crate::chart;
use crate::fonts::{Face, Fonts};
use crate::lines::{Line, lines};
use motcua_print::marks;

const POINTS_PER_MM: f32 = 72.0 / 25.4;
/// Height of a line, in sizes of its letters.
const LEADING: f32 = 1.22;
/// Of it, above the letters' base line.
const RISE: f32 = 0.93;
/// Left empty inside the rules of a table.
const PADDING: f32 = 3.0;
/// Between two columns side by side.
const GUTTER: f32 = 8.0;
const RULE: f32 = 0.5;
const BARS_HEIGHT: f32 = 10.0 * POINTS_PER_MM;

/// Something drawn at a place.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// `y` is the base line.
    Text {
        x: f32,
        y: f32,
        face: Face,
        size: f32,
        text: String,
    },
    Box {
        x: f32,
        y: f32,
        width: f32,
        height: f32,
    },
    /// A code for machines: boxes (left, top, width, height) from its own corner, drawn as one.
    Mark {
        x: f32,
        y: f32,
        boxes: Vec<[f32; 4]>,
    },
    Dots {
        x: f32,
        y: f32,
        to: f32,
    },
    /// Joined places, from its own corner.
    Line {
        x: f32,
        y: f32,
        points: Vec<[f32; 2]>,
    },
}

impl Item {
    /// How far down it begins, or for letters stands.
    fn top(&self) -> f32 {
        match self {
            Item::Text { y, .. } | Item::Box { y, .. } | Item::Mark { y, .. } | Item::Dots { y, .. } | Item::Line { y, .. } => *y,
        }
    }

    fn moved(mut self, right: f32, down: f32) -> Item {
        match &mut self {
            Item::Text { x, y, .. } | Item::Box { x, y, .. } | Item::Mark { x, y, .. } | Item::Line { x, y, .. } => {
                *x += right;
                *y += down;
            }
            Item::Dots { x, y, to } => {
                *x += right;
                *to += right;
                *y += down;
            }
        }
        self
    }
}

/// One page and what stands on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    pub width: f32,
    pub height: f32,
    pub items: Vec<Item>,
}

/// Lays a document out, one section after the other: those to come take no room yet, those that are done no more.
pub fn pages(fonts: &Fonts, document: Document) -> impl Iterator<Item = Page> {
    document.sections.into_iter().flat_map(|section| Flow::of(fonts, &section))
}

/// Things in their places, `height` points high together.
#[derive(Default)]
pub(crate) struct Set {
    pub items: Vec<Item>,
    pub height: f32,
}

impl Set {
    fn add(&mut self, other: Set, right: f32, down: f32) {
        self.items.extend(other.items.into_iter().map(|item| item.moved(right, down)));
    }
}

struct Flow<'a> {
    fonts: &'a Fonts,
    section: &'a Section,
    pages: Vec<Page>,
    /// Of the text: its left edge, width, first and last points down the page.
    left: f32,
    room: f32,
    top: f32,
    bottom: f32,
    /// How far down the page it is filled.
    y: f32,
}

fn points(millimetres: u16) -> f32 {
    f32::from(millimetres) * POINTS_PER_MM
}

impl<'a> Flow<'a> {
    fn of(fonts: &'a Fonts, section: &'a Section) -> Vec<Page> {
        let (narrow, long) = section.page.millimetres();
        let (width, height) = if section.landscape { (long, narrow) } else { (narrow, long) };
        let (width, height, margins) = (points(width), points(height), section.margins);
        let (left, top) = (points(margins.left), points(margins.top));
        let mut flow = Flow {
            fonts,
            section,
            pages: vec![Page { width, height, items: Vec::new() }],
            left,
            room: width - left - points(margins.right),
            top,
            bottom: height - points(margins.bottom),
            y: top,
        };
        for (place, block) in section.blocks.iter().enumerate() {
            flow.block(block, &section.blocks[place + 1..]);
        }
        flow.pages
    }

    fn size(&self, own: u16) -> f32 {
        f32::from(if own == 0 { self.section.size } else { own })
    }

    fn fits(&self, height: f32) -> bool {
        self.y + height <= self.bottom + 0.01
    }

    fn turn(&mut self) {
        let (width, height) = self.pages.last().map_or((0.0, 0.0), |page| (page.width, page.height));
        self.pages.push(Page { width, height, items: Vec::new() });
        self.y = self.top;
        if self.section.numbered {
            let number = Paragraph::plain(self.pages.len().to_string()).centred();
            let set = self.paragraph(&number, self.room);
            let above = (self.top - set.height).max(0.0) / 2.0;
            self.put(set, above);
        }
    }

    /// Puts things at `y` of the page, which need not be where it is filled to.
    fn put(&mut self, set: Set, y: f32) {
        let left = self.left;
        if let Some(page) = self.pages.last_mut() {
            page.items.extend(set.items.into_iter().map(|item| item.moved(left, y)));
        }
    }

    /// Puts things below what is there, on the next page when they do not fit here; what is taller than a page goes on.
    fn place(&mut self, mut set: Set) {
        let tall = self.bottom - self.top;
        while set.height > tall {
            if self.y > self.top {
                self.turn();
            }
            let (here, rest): (Vec<Item>, Vec<Item>) = set.items.into_iter().partition(|item| item.top() <= tall);
            self.put(Set { items: here, height: tall }, self.top);
            self.y = self.bottom;
            let items = rest.into_iter().map(|item| item.moved(0.0, -tall)).collect();
            set = Set { items, height: set.height - tall };
        }
        if !self.fits(set.height) && self.y > self.top {
            self.turn();
        }
        let (height, y) = (set.height, self.y);
        self.put(set, y);
        self.y += height;
    }

    fn block(&mut self, block: &Block, below: &[Block]) {
        match block {
            Block::Paragraph(paragraph) => {
                if paragraph.keep
                    && self.y > self.top
                    && !self.fits(self.paragraph(paragraph, self.room).height + self.lead(below))
                {
                    self.turn();
                }
                if self.y > self.top {
                    self.y += f32::from(paragraph.above);
                }
                for set in self.paragraph_lines(paragraph, self.room) {
                    self.place(set);
                }
            }
            Block::Table(table) => self.table(table),
            Block::Field { label, value } => {
                for set in self.field(label, value, self.room) {
                    self.place(set);
                }
            }
            Block::Space(millimetres) => self.y += points(*millimetres),
            Block::Columns(_) | Block::Qr { .. } | Block::Barcode(_) | Block::Chart(_) => {
                let set = self.set(std::slice::from_ref(block), self.room);
                self.place(set);
            }
        }
    }

    /// How high the beginning of `blocks` is that must not be parted from what stands above it.
    fn lead(&self, blocks: &[Block]) -> f32 {
        let Some((first, rest)) = blocks.split_first() else { return 0.0 };
        match first {
            Block::Space(millimetres) => points(*millimetres) + self.lead(rest),
            Block::Paragraph(paragraph) => {
                let lines = self.paragraph_lines(paragraph, self.room);
                let most = if paragraph.keep { usize::MAX } else { 2 };
                let height: f32 = lines.iter().take(most).map(|line| line.height).sum();
                f32::from(paragraph.above) + height + if paragraph.keep { self.lead(rest) } else { 0.0 }
            }
            Block::Table(table) => {
                let first = table.rows.iter().take(1).map(|row| self.band(table, std::slice::from_ref(row), self.room).height);
                stacked(self.head(table, self.room)).height + first.sum::<f32>()
            }
            other => self.set(std::slice::from_ref(other), self.room).height,
        }
    }

    /// Blocks below one another that are not parted.
    fn set(&self, blocks: &[Block], room: f32) -> Set {
        let mut set = Set::default();
        for block in blocks {
            let next = match block {
                Block::Paragraph(paragraph) => {
                    if set.height > 0.0 {
                        set.height += f32::from(paragraph.above);
                    }
                    self.paragraph(paragraph, room)
                }
                Block::Field { label, value } => stacked(self.field(label, value, room)),
                Block::Table(table) => stacked(self.head(table, room).into_iter().chain(self.rows(table, room)).collect()),
                Block::Columns(columns) => self.columns(columns, room),
                Block::Space(millimetres) => Set { items: Vec::new(), height: points(*millimetres) },
                Block::Qr { text, side } => squares(marks::qr(text), points(*side)),
                Block::Barcode(text) => bars(&marks::bars(text), room),
                Block::Chart(drawn) => chart::columns(self.fonts, drawn, room),
            };
            let (height, below) = (next.height, set.height);
            set.add(next, 0.0, below);
            set.height += height;
        }
        set
    }

    fn columns(&self, columns: &[(u16, Vec<Block>)], room: f32) -> Set {
        let gutters = GUTTER * f32::from(u16::try_from(columns.len().saturating_sub(1)).unwrap_or(0));
        let shares = columns.iter().map(|(share, _)| f32::from(*share)).sum::<f32>().max(1.0);
        let (mut all, mut x) = (Set::default(), 0.0);
        for (share, blocks) in columns {
            let width = (room - gutters) * f32::from(*share) / shares;
            let set = self.set(blocks, width);
            all.height = all.height.max(set.height);
            all.add(set, x, 0.0);
            x += width + GUTTER;
        }
        all
    }

    fn paragraph(&self, paragraph: &Paragraph, room: f32) -> Set {
        stacked(self.paragraph_lines(paragraph, room))
    }

    fn paragraph_lines(&self, paragraph: &Paragraph, room: f32) -> Vec<Set> {
        let size = self.size(paragraph.size);
        let indent = points(paragraph.indent);
        let broken = lines(self.fonts, &paragraph.runs, size, room, indent);
        let mut sets: Vec<Set> = Vec::with_capacity(broken.len());
        for (number, line) in broken.iter().enumerate() {
            let indent = if number == 0 { indent } else { 0.0 };
            sets.push(set_line(line, paragraph.align, size, indent, room - indent));
        }
        if let Some(last) = sets.last_mut().filter(|_| paragraph.ruled) {
            let part = if paragraph.ruled_whole { 1.0 } else { 2.0 };
            let width = broken.last().map_or(0.0, Line::width) / part;
            last.items.push(Item::Box { x: (room - width) / 2.0, y: last.height + 1.0, width, height: RULE });
            last.height += 4.0;
        }
        sets
    }

    fn field(&self, label: &str, value: &str, room: f32) -> Vec<Set> {
        let size = self.size(0);
        if !value.is_empty() {
            let runs = vec![Run::plain(format!("{label}: ")), Run::bold(value)];
            return self.paragraph_lines(&Paragraph::of(runs), room);
        }
        let mut sets = self.paragraph_lines(&Paragraph::plain(format!("{label}: ")), room);
        let used = lines(self.fonts, &[Run::plain(format!("{label}: "))], size, room, 0.0).last().map_or(0.0, Line::width);
        if let Some(last) = sets.last_mut() {
            last.items.push(Item::Dots { x: used + 3.0, y: size * RISE, to: room });
        }
        sets
    }

    fn table(&mut self, table: &Table) {
        let head = |flow: &Flow| stacked(flow.head(table, flow.room));
        let first = head(self);
        // A heading does not stay alone at the foot of a page.
        if !self.fits(first.height + self.size(table.size) * LEADING + 2.0 * PADDING) && self.y > self.top {
            self.turn();
        }
        self.place(first);
        for row in &table.rows {
            let whole = self.band(table, std::slice::from_ref(row), self.room);
            let below_head = head(self).height + self.top;
            if self.fits(whole.height) || self.y > below_head && below_head + whole.height <= self.bottom {
                if !self.fits(whole.height) {
                    self.turn();
                    let head = head(self);
                    self.place(head);
                }
                self.place(whole);
            } else {
                self.tall_row(table, row);
            }
        }
    }

    /// A row that is taller than a page, cut between lines.
    fn tall_row(&mut self, table: &Table, row: &[Cell]) {
        let size = self.size(table.size);
        let mut cells: Vec<(f32, f32, Align, Vec<Line>)> = Vec::new();
        let mut column = 0;
        for cell in row {
            let (x, width) = span(table, column, cell.columns, self.room);
            let broken = lines(self.fonts, &cell.text.runs, size, width - 2.0 * PADDING, 0.0);
            cells.push((x, width, cell.text.align, broken));
            column += usize::from(cell.columns);
        }
        let line_height = size * LEADING;
        while cells.iter().any(|(.., lines)| !lines.is_empty()) {
            if !self.fits(line_height + 2.0 * PADDING) {
                self.turn();
                let head = stacked(self.head(table, self.room));
                self.place(head);
            }
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a page has few lines")]
            let room = (((self.bottom - self.y - 2.0 * PADDING) / line_height).floor() as usize).max(1);
            let longest = cells.iter().map(|(.., lines)| lines.len()).max().unwrap_or(0).min(room);
            #[expect(clippy::cast_precision_loss, reason = "a page has few lines")]
            let height = longest as f32 * line_height + 2.0 * PADDING;
            let mut set = Set { items: Vec::new(), height };
            for (x, width, align, lines) in &mut cells {
                let part: Vec<Line> = lines.drain(..lines.len().min(longest)).collect();
                set.items.extend(frame(*x, 0.0, *width, height));
                let inner = *width - 2.0 * PADDING;
                let text = stacked(part.iter().map(|line| set_line(line, *align, size, 0.0, inner)).collect());
                set.add(text, *x + PADDING, PADDING);
            }
            self.place(set);
        }
    }

    /// The heading; nothing where a table has none.
    fn head(&self, table: &Table, room: f32) -> Vec<Set> {
        if table.head.is_empty() { Vec::new() } else { vec![self.band(table, &table.head, room)] }
    }

    fn rows(&self, table: &Table, room: f32) -> Vec<Set> {
        table.rows.iter().map(|row| self.band(table, std::slice::from_ref(row), room)).collect()
    }

    /// Rows that are not parted, with cells that may reach over several of them.
    fn band(&self, table: &Table, rows: &[Vec<Cell>], room: f32) -> Set {
        let placed = places(table, rows);
        let mut heights = vec![self.size(table.size) * LEADING + 2.0 * PADDING; rows.len()];
        let mut texts = Vec::new();
        for (row, column, cell) in &placed {
            let (x, width) = span(table, *column, cell.columns, room);
            let mut text = cell.text.clone();
            text.size = if text.size == 0 { table.size } else { text.size };
            let set = if cell.trend.is_empty() {
                self.paragraph(&text, width - 2.0 * PADDING)
            } else {
                chart::trend(&cell.trend, width - 2.0 * PADDING)
            };
            let last = (*row + usize::from(cell.rows)).min(rows.len());
            let missing = set.height + 2.0 * PADDING - heights[*row..last].iter().sum::<f32>();
            if missing > 0.0 {
                heights[last - 1] += missing;
            }
            texts.push((x, width, *row, last, set));
        }
        let mut all = Set { items: Vec::new(), height: heights.iter().sum() };
        for (x, width, first, last, set) in texts {
            let y: f32 = heights[..first].iter().sum();
            let height: f32 = heights[first..last].iter().sum();
            all.items.extend(frame(x, y, width, height));
            // Short cells of a heading stand in the middle of their height.
            let above = if rows.len() > 1 { (height - set.height) / 2.0 } else { PADDING };
            all.add(set, x + PADDING, y + above);
        }
        all
    }
}

/// The row and column in which each cell begins: below cells that reach down, the next free column is taken.
fn places<'a>(table: &Table, rows: &'a [Vec<Cell>]) -> Vec<(usize, usize, &'a Cell)> {
    let columns = table.widths.len();
    let mut taken = vec![vec![false; columns]; rows.len()];
    let mut placed = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        let mut column = 0;
        for cell in row {
            while column < columns && taken[number][column] {
                column += 1;
            }
            if column >= columns {
                break;
            }
            let last = (number + usize::from(cell.rows)).min(rows.len());
            for below in &mut taken[number..last] {
                below.iter_mut().skip(column).take(usize::from(cell.columns)).for_each(|place| *place = true);
            }
            placed.push((number, column, cell));
            column += usize::from(cell.columns);
        }
    }
    placed
}

/// Left edge and width of a cell.
fn span(table: &Table, column: usize, columns: u16, room: f32) -> (f32, f32) {
    let total = table.widths.iter().map(|width| f32::from(*width)).sum::<f32>().max(1.0);
    let sum = |from: usize, to: usize| -> f32 {
        table.widths.iter().skip(from).take(to.saturating_sub(from)).map(|width| f32::from(*width)).sum::<f32>() * room / total
    };
    (sum(0, column), sum(column, column + usize::from(columns)))
}

/// The four rules around a cell.
fn frame(x: f32, y: f32, width: f32, height: f32) -> [Item; 4] {
    [
        Item::Box { x, y, width, height: RULE },
        Item::Box { x, y: y + height, width: width + RULE, height: RULE },
        Item::Box { x, y, width: RULE, height },
        Item::Box { x: x + width, y, width: RULE, height },
    ]
}

fn stacked(sets: Vec<Set>) -> Set {
    let mut all = Set::default();
    for set in sets {
        let (height, below) = (set.height, all.height);
        all.add(set, 0.0, below);
        all.height += height;
    }
    all
}

fn set_line(line: &Line, align: Align, size: f32, indent: f32, room: f32) -> Set {
    let place = |(piece, x): (&crate::lines::Piece, f32)| Item::Text {
        x: indent + x,
        y: size * RISE,
        face: piece.face,
        size,
        text: piece.text.clone(),
    };
    let items = line.pieces.iter().zip(line.places(align, room)).map(place).collect();
    Set { items, height: size * LEADING }
}

/// A square of `side` points from its dark places, row by row.
fn squares(rows: Vec<Vec<bool>>, side: f32) -> Set {
    #[expect(clippy::cast_precision_loss, reason = "codes have at most 177 places a side")]
    let step = side / rows.len().max(1) as f32;
    let (mut boxes, mut y) = (Vec::new(), 0.0);
    for row in rows {
        boxes.extend(runs(&row, step).into_iter().map(|(x, width)| [x, y, width, step]));
        y += step;
    }
    Set { items: vec![Item::Mark { x: 0.0, y: 0.0, boxes }], height: side }
}

fn bars(places: &[bool], room: f32) -> Set {
    #[expect(clippy::cast_precision_loss, reason = "codes have few hundred places")]
    let step = (room / places.len().max(1) as f32).min(0.33 * POINTS_PER_MM);
    let boxes = runs(places, step).into_iter().map(|(x, width)| [x, 0.0, width, BARS_HEIGHT]).collect();
    Set { items: vec![Item::Mark { x: 0.0, y: 0.0, boxes }], height: BARS_HEIGHT + 2.0 }
}

/// Left edge and width of each stretch of dark places.
fn runs(places: &[bool], step: f32) -> Vec<(f32, f32)> {
    let (mut stretches, mut x): (Vec<(f32, f32)>, f32) = (Vec::new(), 0.0);
    let mut before = false;
    for dark in places {
        match (dark, before, stretches.last_mut()) {
            (true, true, Some((_, width))) => *width += step,
            (true, ..) => stretches.push((x, step)),
            _ => {}
        }
        before = *dark;
        x += step;
    }
    stretches
}

#[cfg(test)]
mod tests {
    use motcua_shared::document::{Margins, PageSize};

    use super::*;

    fn laid(blocks: Vec<Block>) -> Vec<Page> {
        let fonts = Fonts::find(&[]).expect("there is always a family");
        let section = Section { page: PageSize::A5, landscape: false, margins: Margins::FORM, size: 11, numbered: true, blocks };
        pages(&fonts, Document { title: String::new(), sections: vec![section] }).collect()
    }

    /// All letters in the order in which they are drawn.
    fn text(pages: &[Page]) -> String {
        let drawn = |item: &Item| match item {
            Item::Text { text, .. } => text.clone(),
            _ => String::new(),
        };
        pages.iter().flat_map(|page| page.items.iter().map(drawn)).collect()
    }

    fn everything_is_inside(pages: &[Page]) {
        let margin = points(12) - 0.6;
        for page in pages {
            for item in &page.items {
                let (right, down) = match item {
                    Item::Text { x, y, .. } => (*x, *y),
                    Item::Box { x, y, width, height } => (x + width, y + height),
                    Item::Dots { y, to, .. } => (*to, *y),
                    Item::Line { x, y, points } => {
                        points.iter().fold((*x, *y), |(right, down), [left, top]| (right.max(x + left), down.max(y + top)))
                    }
                    Item::Mark { x, y, boxes } => boxes.iter().fold((*x, *y), |(right, down), [left, top, width, height]| {
                        (right.max(x + left + width), down.max(y + top + height))
                    }),
                };
                assert!(right <= page.width - margin + 1.0 && down <= page.height - margin + 1.0, "{item:?}");
            }
        }
    }

    fn table(rows: usize) -> Table {
        let row = |number: usize| vec![Cell::plain(number.to_string()), Cell::plain("Nguyễn Thị Bản Sao")];
        let head = vec![vec![Cell::head("STT", 1, 2), Cell::head("Người nộp", 1, 1)], vec![Cell::head("Họ tên", 1, 1)]];
        Table { widths: vec![1, 4], head, rows: (1..=rows).map(row).collect(), size: 0 }
    }

    #[test]
    fn a_long_table_goes_on_under_its_heading() {
        let pages = laid(vec![Block::Table(table(100))]);
        assert!(pages.len() > 2);
        assert_eq!(text(&pages).matches("Người nộp").count(), pages.len());
        assert_eq!(text(&pages).matches("Nguyễn Thị Bản Sao").count(), 100);
        everything_is_inside(&pages);
    }

    #[test]
    fn a_row_taller_than_a_page_loses_no_letter() {
        let name = "Ngọc ".repeat(2_000);
        let mut table = table(2);
        table.rows[0][1] = Cell::plain(&name);
        let pages = laid(vec![Block::Table(table)]);
        assert!(pages.len() > 3);
        assert_eq!(text(&pages).matches("Ngọc").count(), 2_000);
        everything_is_inside(&pages);
    }

    #[test]
    fn an_empty_field_is_dotted_and_a_filled_one_is_not() {
        let dots = |value: &str| {
            let pages = laid(vec![Block::field("Họ và tên", value)]);
            pages[0].items.iter().filter(|item| matches!(item, Item::Dots { .. })).count()
        };
        assert_eq!((dots(""), dots("Nguyễn Văn A")), (1, 0));
    }

    #[test]
    fn cells_below_a_cell_that_reaches_down_stand_in_the_next_column() {
        let table = table(0);
        let places: Vec<_> = places(&table, &table.head).into_iter().map(|(row, column, _)| (row, column)).collect();
        assert_eq!(places, [(0, 0), (0, 1), (1, 1)]);
    }

    #[test]
    fn pages_after_the_first_carry_their_number() {
        let pages = laid(vec![Paragraph::plain("chữ ".repeat(3_000)).into()]);
        assert!(pages.len() > 2);
        assert!(text(&pages[1..2]).starts_with('2') && !text(&pages[..1]).starts_with('1'));
    }
}

//! Text in lines: what fits beside what.
//!
//! Promise: no letter is lost and no line is wider than its column; a word that is too long for a line is cut between
//! letters. Start at [`lines`].

use motcua_shared::document::{Align, Run};

use crate::fonts::{Face, Fonts};

/// Letters of one face that stand together; the space behind them is part of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    pub face: Face,
    pub text: String,
    /// Points, with the space behind it.
    pub width: f32,
    /// Points, without.
    ink: f32,
}

/// One line.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Line {
    pub pieces: Vec<Piece>,
    /// No line follows in its paragraph.
    pub last: bool,
}

impl Line {
    /// Points from the first letter to the last.
    pub fn width(&self) -> f32 {
        let Some((last, before)) = self.pieces.split_last() else { return 0.0 };
        before.iter().map(|piece| piece.width).sum::<f32>() + last.ink
    }

    /// Where each piece begins in a column `room` wide, from the left edge.
    pub fn places(&self, align: Align, room: f32) -> Vec<f32> {
        let free = (room - self.width()).max(0.0);
        let gaps = self.pieces.iter().rev().skip(1).filter(|piece| piece.text.ends_with(' ')).count();
        let (mut x, stretch) = match align {
            Align::Left => (0.0, 0.0),
            Align::Centre => (free / 2.0, 0.0),
            Align::Right => (free, 0.0),
            Align::Justified if self.last || gaps == 0 => (0.0, 0.0),
            #[expect(clippy::cast_precision_loss, reason = "a line has few words")]
            Align::Justified => (0.0, free / gaps as f32),
        };
        let mut places = Vec::with_capacity(self.pieces.len());
        for piece in &self.pieces {
            places.push(x);
            x += piece.width + if piece.text.ends_with(' ') { stretch } else { 0.0 };
        }
        places
    }
}

/// Breaks `runs` into lines of at most `room` points, the first of which begins `indent` points further right.
pub fn lines(fonts: &Fonts, runs: &[Run], size: f32, room: f32, indent: f32) -> Vec<Line> {
    let mut lines = vec![Line::default()];
    let mut used = indent;
    for word in words(fonts, runs, size) {
        for part in cut(fonts, word, size, room) {
            let ink = ink(&part);
            let width: f32 = part.iter().map(|piece| piece.width).sum();
            if let Some(line) = lines.last_mut().filter(|line| line.pieces.is_empty() || used + ink <= room) {
                line.pieces.extend(part);
            } else {
                lines.push(Line { pieces: part, last: false });
                used = 0.0;
            }
            used += width;
        }
    }
    if let Some(line) = lines.last_mut() {
        line.last = true;
    }
    lines
}

fn ink(word: &[Piece]) -> f32 {
    word.split_last().map_or(0.0, |(last, before)| before.iter().map(|piece| piece.width).sum::<f32>() + last.ink)
}

fn piece(fonts: &Fonts, face: Face, text: &str, size: f32) -> Piece {
    let width = fonts.width(face, text, size);
    let ink = if text.ends_with(' ') { fonts.width(face, text.trim_end(), size) } else { width };
    Piece { face, text: text.to_owned(), width, ink }
}

/// What must stay together: pieces of several runs where no space is between them.
fn words(fonts: &Fonts, runs: &[Run], size: f32) -> Vec<Vec<Piece>> {
    let mut words: Vec<Vec<Piece>> = vec![Vec::new()];
    for run in runs {
        let face = Face::of(run.bold, run.italic);
        for part in run.text.split_inclusive(' ') {
            if words.last().and_then(|word| word.last()).is_some_and(|piece| piece.text.ends_with(' ')) {
                words.push(Vec::new());
            }
            if let Some(word) = words.last_mut() {
                word.push(piece(fonts, face, part, size));
            }
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// A word that is wider than a line, in parts that are not.
fn cut(fonts: &Fonts, word: Vec<Piece>, size: f32, room: f32) -> Vec<Vec<Piece>> {
    if ink(&word) <= room {
        return vec![word];
    }
    let mut parts: Vec<Vec<Piece>> = Vec::new();
    for whole in word {
        let mut start = 0;
        while start < whole.text.len() {
            let end = fitting(fonts, whole.face, &whole.text[start..], size, room) + start;
            parts.push(vec![piece(fonts, whole.face, &whole.text[start..end], size)]);
            start = end;
        }
    }
    parts
}

/// Bytes of the longest beginning of `text` that is no wider than `room`, one letter at least.
fn fitting(fonts: &Fonts, face: Face, text: &str, size: f32, room: f32) -> usize {
    let mut width = 0.0;
    for (place, letter) in text.char_indices() {
        width += fonts.width(face, letter.encode_utf8(&mut [0; 4]), size);
        if width > room && place > 0 {
            return place;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(text: &str, room: f32) -> Vec<String> {
        let fonts = Fonts::find(&[]).expect("there is always a family");
        let lines = lines(&fonts, &[Run::plain(text)], 12.0, room, 0.0);
        assert!(lines.iter().all(|line| line.width() <= room + 0.01), "{lines:?}");
        lines.iter().map(|line| line.pieces.iter().map(|piece| piece.text.as_str()).collect()).collect()
    }

    #[test]
    fn lines_break_between_words_and_keep_every_letter() {
        let text = "Giấy tiếp nhận hồ sơ và hẹn trả kết quả giải quyết thủ tục hành chính";
        let lines = broken(text, 120.0);
        assert!(lines.len() > 3 && lines[0].starts_with("Giấy tiếp"));
        assert_eq!(lines.concat(), text);
    }

    #[test]
    fn a_word_without_end_is_cut() {
        let name = "Ằ".repeat(10_000);
        let lines = broken(&name, 200.0);
        assert!(lines.len() > 300);
        assert_eq!(lines.concat(), name);
    }

    #[test]
    fn no_break_comes_between_runs_without_a_space() {
        let fonts = Fonts::find(&[]).expect("there is always a family");
        let runs = [Run::plain("một hai "), Run::bold("Số:"), Run::plain("12")];
        let width = fonts.width(Face::Regular, "một hai ", 12.0) + fonts.width(Face::Bold, "Số:", 12.0) + 1.0;
        let lines = lines(&fonts, &runs, 12.0, width, 0.0);
        assert_eq!(lines.iter().map(|line| line.pieces.len()).collect::<Vec<_>>(), [2, 2]);
    }

    #[test]
    fn justified_lines_end_at_the_edge_but_the_last() {
        let fonts = Fonts::find(&[]).expect("there is always a family");
        let lines = lines(&fonts, &[Run::plain("một hai ba bốn năm sáu bảy tám")], 12.0, 80.0, 0.0);
        let end =
            |line: &Line| line.places(Align::Justified, 80.0).last().expect("a piece") + line.pieces.last().expect("a piece").ink;
        assert!((end(&lines[0]) - 80.0).abs() < 0.01);
        assert!(end(lines.last().expect("a line")) < 80.0);
    }
}

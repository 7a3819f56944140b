//! The books of an office: where a dossier stands in the register (Sổ theo dõi hồ sơ, Mẫu 06), and which numbers of the
//! book of certifications its documents have.
//!
//! Promise: a number is given once, when the entry is written, and stands in the entry: nothing re-numbers it. Numbers run
//! from 1 in each year (TT 01/2018 Art. 10(2), TT 01/2020/TT-BTP Art. 13). Two PCs of one office, which may be without a
//! line for weeks, cannot share one row of numbers, so each writes in a volume of its own: a volume is named by the first
//! of the daily dossier numbers that the district gave its PC, which no other PC of the office has. An office with one PC
//! has volume 1 only. Start at [`Line`].

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

/// A line in the book of a year, as an entry carries it: `[volume, number]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "(u32, u32)", into = "(u32, u32)")]
pub struct Line {
    pub volume: u32,
    pub number: u32,
}

impl From<(u32, u32)> for Line {
    fn from((volume, number): (u32, u32)) -> Line {
        Line { volume, number }
    }
}

impl From<Line> for (u32, u32) {
    fn from(line: Line) -> (u32, u32) {
        (line.volume, line.number)
    }
}

/// A line with the year of its book: unique in the office.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    pub year: i32,
    pub volume: u32,
    pub number: u32,
}

impl Place {
    /// The place of a line that was written for something of `day`. A later correction of the day does not move it.
    pub fn of(line: Line, day: NaiveDate) -> Place {
        Place { year: day.year(), volume: line.volume, number: line.number }
    }
}

/// Consecutive numbers of one book of certifications, as an entry carries them: `[volume, first, last]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u32, u32, u32)", into = "(u32, u32, u32)")]
pub struct Numbers {
    pub volume: u32,
    pub first: u32,
    pub last: u32,
}

impl From<(u32, u32, u32)> for Numbers {
    fn from((volume, first, last): (u32, u32, u32)) -> Numbers {
        Numbers { volume, first, last }
    }
}

impl From<Numbers> for (u32, u32, u32) {
    fn from(numbers: Numbers) -> (u32, u32, u32) {
        (numbers.volume, numbers.first, numbers.last)
    }
}

impl Numbers {
    /// The `quantity` numbers after `taken`, one for each single certification.
    pub fn after(volume: u32, taken: u32, quantity: u32) -> Numbers {
        Numbers { volume, first: taken.saturating_add(1), last: taken.saturating_add(quantity.max(1)) }
    }
}

/// `12/2026`, and with its volume where that is not the office's first: `12/2026, quyển 5000`.
impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02}/{}", self.number, self.year)?;
        volume(f, self.volume)
    }
}

/// `7` or `7–9`, and the volume where that is not the first.
impl std::fmt::Display for Numbers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.first)?;
        if self.last > self.first {
            write!(f, "–{}", self.last)?;
        }
        volume(f, self.volume)
    }
}

fn volume(f: &mut std::fmt::Formatter<'_>, volume: u32) -> std::fmt::Result {
    if volume > 1 { write!(f, ", quyển {volume}") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_two_numbers_and_a_row_of_certifications_three() {
        assert_eq!(serde_json::to_string(&Line { volume: 1, number: 12 }).expect("JSON"), "[1,12]");
        assert_eq!(serde_json::from_str::<Line>("[5000,3]").expect("read"), Line { volume: 5000, number: 3 });
        assert_eq!(serde_json::to_string(&Numbers::after(1, 6, 3)).expect("JSON"), "[1,7,9]");
        assert!(serde_json::from_str::<Line>("[1]").is_err());
    }

    #[test]
    fn a_place_is_read_as_the_book_is_and_names_a_second_volume() {
        let day = |text: &str| text.parse::<NaiveDate>().expect("a date");
        let place = |volume, number| Place::of(Line { volume, number }, day("2026-12-31")).to_string();
        assert_eq!(
            (place(1, 1), place(1, 1639), place(5000, 2)),
            ("01/2026".into(), "1639/2026".into(), "02/2026, quyển 5000".into())
        );
        assert_eq!(Numbers::after(1, 0, 1).to_string(), "1");
        assert_eq!(Numbers::after(5000, 6, 3).to_string(), "7–9, quyển 5000");
    }
}

//! What people type into a form: times, days and amounts as offices here write them, and what is wrong with a field.
//!
//! Promise: what is read is what was meant, or nothing; no guess between two readings. Start at [`time`].

use chrono::{Datelike, NaiveDate, NaiveDateTime};

use crate::calendar::{LocalTime, VIETNAM};
use crate::text::nfc;

/// One thing wrong in a form: which field, and what was expected, in Vietnamese.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The name of the field in the form.
    pub field: &'static str,
    pub problem: String,
}

impl FieldError {
    pub fn new(field: &'static str, problem: impl Into<String>) -> FieldError {
        FieldError { field, problem: problem.into() }
    }
}

/// A local time such as `14:32 22/11/2026`, `22/11/2026 14h32` or `2026-11-22T14:32`.
pub fn time(text: &str) -> Option<LocalTime> {
    const FORMATS: [&str; 6] =
        ["%H:%M %d/%m/%Y", "%d/%m/%Y %H:%M", "%H:%M %d-%m-%Y", "%d-%m-%Y %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
    let text = nfc(text).replace(['h', 'H'], ":");
    let time = FORMATS.iter().find_map(|format| NaiveDateTime::parse_from_str(&text, format).ok())?;
    if has_known_year(time.date()) { time.and_local_timezone(VIETNAM).single() } else { None }
}

/// A day such as `22/11/2026` or `2026-11-22`.
pub fn day(text: &str) -> Option<NaiveDate> {
    let text = nfc(text);
    let day = ["%d/%m/%Y", "%d-%m-%Y", "%Y-%m-%d"].iter().find_map(|format| NaiveDate::parse_from_str(&text, format).ok());
    day.filter(|day| has_known_year(*day))
}

fn has_known_year(day: NaiveDate) -> bool {
    (1945..=2100).contains(&day.year())
}

/// Whole đồng such as `8000`, `8.000` or `8 000 đ`; points stand only between thousands.
pub fn amount_vnd(text: &str) -> Option<u64> {
    let text = nfc(text).to_lowercase();
    let text = text.trim_end_matches("đồng").trim_end_matches("vnđ").trim_end_matches('đ').trim_end().replace(' ', ".");
    let mut groups = text.split('.');
    let first = groups.next()?;
    let thousands: Vec<&str> = groups.collect();
    let grouped = !thousands.is_empty();
    let well_set = (!grouped || (1..=3).contains(&first.len())) && thousands.iter().all(|group| group.len() == 3);
    let digits = text.replace('.', "");
    let plain = (1..=12).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if well_set && plain { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_offices_write_them() {
        for text in [
            "14:32 22/11/2026",
            " 22/11/2026  14:32 ",
            "14h32 22/11/2026",
            "2026-11-22T14:32",
            "2026-11-22 14:32",
            "14:32 22-11-2026",
        ] {
            assert_eq!(time(text).map(|time| time.to_rfc3339()).as_deref(), Some("2026-11-22T14:32:00+07:00"), "{text}");
        }
        for text in ["", "14:32", "22/11/2026", "14:32 31/02/2026", "25:00 22/11/2026", "14:32 22/11/26", "14:32 11/22/2026"] {
            assert_eq!(time(text), None, "{text}");
        }
        let shown = crate::calendar::shown(time("14:32 22/11/2026").expect("a time"));
        assert_eq!(shown, "14:32 22/11/2026", "what is shown can be typed");
    }

    #[test]
    fn days_are_read_as_offices_write_them() {
        for text in ["22/11/2026", "22-11-2026", "2026-11-22"] {
            assert_eq!(day(text).map(|day| day.to_string()).as_deref(), Some("2026-11-22"), "{text}");
        }
        for text in ["", "30/02/2026", "1/1/26", "mai"] {
            assert_eq!(day(text), None, "{text}");
        }
    }

    #[test]
    fn amounts_are_whole_and_points_stand_between_thousands() {
        let cases = [("0", 0), ("8000", 8000), ("8.000", 8000), ("1.200.000 đ", 1_200_000), ("8 000 đồng", 8000)];
        for (text, value) in cases {
            assert_eq!(amount_vnd(text), Some(value), "{text}");
        }
        for text in ["", "-1", "8,5", "8.5", "1.00", "1000.000", "tám nghìn", "9999999999999"] {
            assert_eq!(amount_vnd(text), None, "{text}");
        }
    }
}

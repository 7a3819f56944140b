//! Vietnamese text: one spelling for storage, one folding for search, numbers as people here write them.
//!
//! Promise: what [`nfc`] returns is what is stored, printed and compared. Start at [`nfc`].

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Trimmed text in NFC, inner runs of white space made one space. Control characters are dropped.
pub fn nfc(text: &str) -> String {
    let composed: String = text.nfc().filter(|c| !c.is_control() || c.is_whitespace()).collect();
    composed.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The same for text of several lines: each line trimmed, empty ones dropped.
pub fn lines(text: &str) -> String {
    text.lines().map(nfc).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// Folded for search: lower case, without diacritics, đ as d.
pub fn fold(text: &str) -> String {
    text.nfd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).map(|c| if c == 'đ' { 'd' } else { c }).collect()
}

/// A cell of a CSV file: quoted where it must be, and never taken for a formula by a spreadsheet.
pub fn cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let harmless = if is_formula { format!("'{text}") } else { text.to_owned() };
    if harmless.contains([',', '"', '\n', '\r', ';']) { format!("\"{}\"", harmless.replace('"', "\"\"")) } else { harmless }
}

/// A whole number with points between thousands: 1639 → `1.639`.
pub fn number(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if value < 0 {
        out.push('-');
    }
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('.');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stay_lines_and_empty_ones_go() {
        assert_eq!(lines(" một  hai \r\n\n ba\u{7}\n"), "một hai\nba");
    }

    #[test]
    fn decomposed_vietnamese_is_stored_composed() {
        assert_eq!(nfc("  Nguye\u{302}\u{303}n   Thi\u{323} A\u{301}nh\u{7}"), "Nguyễn Thị Ánh");
    }

    #[test]
    fn search_folds_every_diacritic_and_d_with_stroke() {
        assert_eq!(fold("Đặng Thị Phường Ưởng"), "dang thi phuong uong");
        assert_eq!(fold("A\u{306}\u{301}"), "a");
    }

    #[test]
    fn a_cell_runs_nothing_and_keeps_its_commas() {
        for (text, expected) in [
            ("Nguyễn Thị Thử", "Nguyễn Thị Thử"),
            ("Thôn 1, xã \"A\"", "\"Thôn 1, xã \"\"A\"\"\""),
            ("=1+1", "'=1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("-2+3,4", "\"'-2+3,4\""),
            ("+84912345678", "'+84912345678"),
        ] {
            assert_eq!(cell(text), expected);
        }
    }

    #[test]
    fn thousands_are_set_apart_by_points() {
        let cases = [(0, "0"), (7, "7"), (999, "999"), (1639, "1.639"), (1_000_000, "1.000.000"), (-4514, "-4.514")];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
    }
}

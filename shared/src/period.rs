//! Reporting periods: the dated ranges that reports are made for (NĐ 09/2019; DOMAIN §2.2).
//!
//! Promise: the months of a year join without gap or overlap; a range that is none of the periods of the rule has no
//! name. Start at [`Period::standard`].

use chrono::{Datelike, NaiveDate};

/// A range of days, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period {
    pub from: NaiveDate,
    pub to: NaiveDate,
}

/// The range ends before it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Kỳ báo cáo không hợp lệ: ngày bắt đầu {from} sau ngày kết thúc {to}.")]
pub struct Backwards {
    pub from: NaiveDate,
    pub to: NaiveDate,
}

/// The 15th of a month; months below 1 count back from January.
fn fifteenth(year: i32, month: i32) -> NaiveDate {
    let months = year * 12 + month - 1;
    let month = u32::try_from(months.rem_euclid(12)).unwrap_or(0) + 1;
    NaiveDate::from_ymd_opt(months.div_euclid(12), month, 15).expect("every month has a 15th")
}

/// The reporting month that `day` falls in, counted from year 0: December 15th 2022 begins January 2023, which is 12 · 2023.
pub fn month_of(day: NaiveDate) -> i32 {
    let calendar_month = day.year() * 12 + day.month0().cast_signed();
    if day.day() >= 15 { calendar_month + 1 } else { calendar_month }
}

/// The first day of a reporting month, as [`month_of`] counts them.
pub fn month_start(month: i32) -> NaiveDate {
    fifteenth(month.div_euclid(12), month.rem_euclid(12))
}

impl Period {
    pub fn new(from: NaiveDate, to: NaiveDate) -> Result<Period, Backwards> {
        if from > to { Err(Backwards { from, to }) } else { Ok(Period { from, to }) }
    }

    /// From the 15th before `first` to the 14th of `last`, both months of `year`.
    fn months(year: i32, first: i32, last: i32) -> Period {
        Period { from: fifteenth(year, first - 1), to: fifteenth(year, last).pred_opt().expect("the 14th") }
    }

    /// The whole report year: 15 December to 14 December.
    pub fn year(year: i32) -> Period {
        Period::months(year, 1, 12)
    }

    /// The number of the report year that `day` falls in.
    pub fn year_of(day: NaiveDate) -> i32 {
        if day > Period::year(day.year()).to { day.year() + 1 } else { day.year() }
    }

    /// From the beginning of the report year to `day`.
    pub fn year_to(day: NaiveDate) -> Period {
        Period { from: Period::year(Period::year_of(day)).from, to: day }
    }

    /// Its days as people here write them.
    pub fn days(&self) -> String {
        format!("{}–{}", self.from.format("%d/%m/%Y"), self.to.format("%d/%m/%Y"))
    }

    /// Its name where it has one, and its days.
    pub fn words(&self) -> String {
        self.name().map_or_else(|| self.days(), |name| format!("{name} ({})", self.days()))
    }

    /// Its name in Vietnamese, when it is a period of the rule: a month, a quarter, six or nine months, a year.
    /// Figures of other ranges are not comparable with those of other offices or times.
    pub fn name(&self) -> Option<String> {
        let year = Period::year_of(self.to);
        let named = |first, last, name: String| (Period::months(year, first, last) == *self).then_some(name);
        named(1, 12, format!("Năm {year}"))
            .or_else(|| named(1, 6, format!("6 tháng {year}")))
            .or_else(|| named(1, 9, format!("9 tháng {year}")))
            .or_else(|| (1..=4).find_map(|quarter| named(quarter * 3 - 2, quarter * 3, format!("Quý {quarter}/{year}"))))
            .or_else(|| (1..=12).find_map(|month| named(month, month, format!("Tháng {month}/{year}"))))
    }

    /// Whole reporting months, where it is made of such.
    fn whole_months(self) -> Option<(i32, i32)> {
        let next = self.to.succ_opt()?;
        (self.from.day() == 15 && next.day() == 15).then(|| (month_of(self.from), month_of(next)))
    }

    /// The period before it: of as many reporting months, or else of as many days. Six or nine months begin with their year
    /// and are compared with those of the year before.
    #[must_use]
    pub fn previous(&self) -> Period {
        let part_of_year = self.name().is_some_and(|name| name.contains(" tháng "));
        match self.whole_months() {
            _ if part_of_year => self.last_year(),
            Some((first, next)) => {
                let to = self.from.pred_opt().unwrap_or(self.from);
                Period { from: month_start(first - (next - first)), to }
            }
            None => {
                let to = self.from.pred_opt().unwrap_or(self.from);
                Period { from: to - (self.to - self.from), to }
            }
        }
    }

    /// The kinds of periods of the rule: code and name.
    pub fn kinds() -> impl Iterator<Item = (String, String)> {
        let months = (1..=12).map(|month| (format!("m{month}"), format!("Tháng {month}")));
        let quarters = (1..=4).map(|quarter| (format!("q{quarter}"), format!("Quý {quarter}")));
        let parts = [("p6", "6 tháng"), ("p9", "9 tháng"), ("y", "Cả năm")];
        months.chain(quarters).chain(parts.into_iter().map(|(code, name)| (code.to_owned(), name.to_owned())))
    }

    /// The period of a kind in a report year.
    pub fn of_kind(kind: &str, year: i32) -> Option<Period> {
        let number = |letter| kind.strip_prefix(letter).and_then(|number: &str| number.parse::<i32>().ok());
        let (first, last) = match (kind, number('m'), number('q')) {
            ("y", ..) => (1, 12),
            ("p6", ..) => (1, 6),
            ("p9", ..) => (1, 9),
            (_, Some(month @ 1..=12), _) => (month, month),
            (_, _, Some(quarter @ 1..=4)) => (quarter * 3 - 2, quarter * 3),
            _ => return None,
        };
        (2000..=2100).contains(&year).then(|| Period::months(year, first, last))
    }

    /// The kind of a period of the rule.
    pub fn kind(&self) -> Option<String> {
        let year = Period::year_of(self.to);
        Period::kinds().map(|(kind, _)| kind).find(|kind| Period::of_kind(kind, year) == Some(*self))
    }

    /// The same days a year earlier; 29 February becomes the 28th.
    #[must_use]
    pub fn last_year(&self) -> Period {
        let earlier = |day: NaiveDate| {
            let same = day.with_year(day.year() - 1);
            same.or_else(|| day.pred_opt().and_then(|eve| eve.with_year(day.year() - 1))).unwrap_or(day)
        };
        Period { from: earlier(self.from), to: earlier(self.to) }
    }

    /// The `count` reporting months up to the one in which it ends, oldest first.
    pub fn months_up_to(&self, count: i32) -> Vec<Period> {
        let last = month_of(self.to);
        let month = |number: i32| Period { from: month_start(number), to: month_start(number + 1) - chrono::Days::new(1) };
        (last - count + 1..=last).map(month).collect()
    }

    /// The periods an office is asked for around `day`: this month and the last, this year's quarters, half year and
    /// nine months as far as they have begun, this year and the last.
    pub fn standard(day: NaiveDate) -> Vec<Period> {
        let year = Period::year_of(day);
        let month = (1..=12).find(|month| day <= Period::months(year, *month, *month).to).unwrap_or(12);
        let months = [Period::months(year, month, month), Period::months(year, month - 1, month - 1)];
        let quarters = (1..=4).map(|quarter| Period::months(year, quarter * 3 - 2, quarter * 3));
        let begun = quarters.filter(|quarter| quarter.from <= day);
        let parts = [6, 9].into_iter().filter(|last| fifteenth(year, last - 3) <= day).map(|last| Period::months(year, 1, last));
        months.into_iter().chain(begun).chain(parts).chain([Period::year(year), Period::year(year - 1)]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(day: &str) -> Vec<String> {
        let periods = Period::standard(day.parse().expect("a date"));
        periods
            .into_iter()
            .map(|period| format!("{} {}..{}", period.name().unwrap_or_default(), period.from, period.to))
            .collect()
    }

    #[test]
    fn in_november_the_last_quarter_has_begun() {
        assert_eq!(
            shown("2026-11-22"),
            [
                "Tháng 12/2026 2026-11-15..2026-12-14",
                "Tháng 11/2026 2026-10-15..2026-11-14",
                "Quý 1/2026 2025-12-15..2026-03-14",
                "Quý 2/2026 2026-03-15..2026-06-14",
                "Quý 3/2026 2026-06-15..2026-09-14",
                "Quý 4/2026 2026-09-15..2026-12-14",
                "6 tháng 2026 2025-12-15..2026-06-14",
                "9 tháng 2026 2025-12-15..2026-09-14",
                "Năm 2026 2025-12-15..2026-12-14",
                "Năm 2025 2024-12-15..2025-12-14",
            ]
        );
    }

    #[test]
    fn a_period_of_any_year_has_its_name_and_other_ranges_have_none() {
        let name = |from: &str, to: &str| Period { from: from.parse().expect("a date"), to: to.parse().expect("a date") }.name();
        assert_eq!(name("2021-12-15", "2022-12-14").as_deref(), Some("Năm 2022"));
        assert_eq!(name("2022-12-15", "2023-01-14").as_deref(), Some("Tháng 1/2023"));
        assert_eq!(name("2022-12-15", "2023-03-14").as_deref(), Some("Quý 1/2023"));
        assert_eq!(name("2022-12-15", "2023-05-29"), None);
    }

    #[test]
    fn every_period_has_one_before_it_and_the_same_of_last_year() {
        let shown = |period: Period| format!("{}..{}", period.from, period.to);
        let cases = [
            ("2022-12-15", "2023-01-14", "2022-11-15..2022-12-14", "2021-12-15..2022-01-14"),
            ("2022-12-15", "2023-03-14", "2022-09-15..2022-12-14", "2021-12-15..2022-03-14"),
            ("2022-12-15", "2023-06-14", "2021-12-15..2022-06-14", "2021-12-15..2022-06-14"),
            ("2022-12-15", "2023-12-14", "2021-12-15..2022-12-14", "2021-12-15..2022-12-14"),
            ("2024-02-20", "2024-02-29", "2024-02-10..2024-02-19", "2023-02-20..2023-02-28"),
        ];
        for (from, to, previous, last_year) in cases {
            let period = Period { from: from.parse().expect("a date"), to: to.parse().expect("a date") };
            assert_eq!((shown(period.previous()).as_str(), shown(period.last_year()).as_str()), (previous, last_year));
        }
        let months = Period::year(2023).months_up_to(12);
        assert_eq!(
            (months.len(), shown(months[0]), shown(months[11])),
            (12, "2022-12-15..2023-01-14".to_owned(), "2023-11-15..2023-12-14".to_owned())
        );
    }

    #[test]
    fn reporting_months_are_numbered_without_gap() {
        let mut day: NaiveDate = "2019-12-01".parse().expect("a date");
        for _ in 0..1000 {
            let month = month_of(day);
            assert!(month_start(month) <= day && day < month_start(month + 1), "{day}");
            assert_eq!(
                Period::months(month.div_euclid(12), month.rem_euclid(12) + 1, month.rem_euclid(12) + 1).from,
                month_start(month)
            );
            day = day.succ_opt().expect("a day after");
        }
    }

    #[test]
    fn each_kind_is_found_by_its_code_and_compared_with_the_one_before() {
        for (kind, name) in Period::kinds() {
            let period = Period::of_kind(&kind, 2026).expect("a period");
            let shown = period.name().expect("a name");
            assert!(shown.starts_with(&name.replace("Cả năm", "Năm")), "{kind}: {shown}");
            assert_eq!(period.kind().as_ref(), Some(&kind));
            assert!(period.previous().name().is_some() && period.previous().to < period.to);
        }
        let before = |kind: &str| Period::of_kind(kind, 2026).expect("a period").previous().name().expect("a name");
        assert_eq!(
            ["m1", "m7", "q1", "p6", "y"].map(before),
            ["Tháng 12/2025", "Tháng 6/2026", "Quý 4/2025", "6 tháng 2025", "Năm 2025"]
        );
        let day = |text: &str| text.parse().expect("a date");
        let other = Period { from: day("2023-01-10"), to: day("2023-01-19") };
        assert_eq!(other.previous(), Period { from: day("2022-12-31"), to: day("2023-01-09") });
        assert_eq!(Period::of_kind("m13", 2026).or(Period::of_kind("y", 1)), None);
    }

    #[test]
    fn on_15_december_a_new_report_year_begins() {
        assert_eq!(
            shown("2026-12-15"),
            [
                "Tháng 1/2027 2026-12-15..2027-01-14",
                "Tháng 12/2026 2026-11-15..2026-12-14",
                "Quý 1/2027 2026-12-15..2027-03-14",
                "Năm 2027 2026-12-15..2027-12-14",
                "Năm 2026 2025-12-15..2026-12-14",
            ]
        );
        assert_eq!(shown("2026-12-14")[0], "Tháng 12/2026 2026-11-15..2026-12-14");
    }
}

//! Reporting periods: the dated ranges that reports are made for (NĐ 09/2019; DOMAIN §2.2).
//!
//! Promise: the months of a year join without gap or overlap. Start at [`Period::standard`].

use chrono::{Datelike, NaiveDate};

/// A named range of days, both included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    /// In Vietnamese.
    pub name: String,
    pub from: NaiveDate,
    pub to: NaiveDate,
}

/// The 15th of a month; months below 1 count back from January.
fn fifteenth(year: i32, month: i32) -> NaiveDate {
    let months = year * 12 + month - 1;
    let month = u32::try_from(months.rem_euclid(12)).unwrap_or(0) + 1;
    NaiveDate::from_ymd_opt(months.div_euclid(12), month, 15).expect("every month has a 15th")
}

impl Period {
    /// From the 15th before `first` to the 14th of `last`, both months of `year`.
    fn months(name: String, year: i32, first: i32, last: i32) -> Period {
        let to = fifteenth(year, last).pred_opt().expect("the 14th");
        Period { name, from: fifteenth(year, first - 1), to }
    }

    /// The whole report year: 15 December to 14 December.
    pub fn year(year: i32) -> Period {
        Period::months(format!("Năm {year}"), year, 1, 12)
    }

    /// The report year that `day` falls in.
    pub fn year_of(day: NaiveDate) -> Period {
        let year = day.year();
        let this = Period::year(year);
        if day > this.to { Period::year(year + 1) } else { this }
    }

    /// The periods an office is asked for around `day`: this month and the last, this year's quarters, half year and
    /// nine months as far as they have begun, this year and the last.
    pub fn standard(day: NaiveDate) -> Vec<Period> {
        let this_year = Period::year_of(day);
        let year = this_year.to.year();
        let month = (1..=12).find(|month| day <= Period::months(String::new(), year, *month, *month).to).unwrap_or(12);
        let months = [month, month - 1].map(|month| {
            let (year, month) = if month == 0 { (year - 1, 12) } else { (year, month) };
            Period::months(format!("Tháng {month}/{year}"), year, month, month)
        });
        let quarters = (1..=4).map(|quarter| Period::months(format!("Quý {quarter}/{year}"), year, quarter * 3 - 2, quarter * 3));
        let parts = [(6, "6 tháng"), (9, "9 tháng")]
            .map(|(last, name)| (Period::months(format!("{name} {year}"), year, 1, last), fifteenth(year, last - 3)));
        let begun = parts.into_iter().filter(|(_, begins)| *begins <= day).map(|(period, _)| period);
        let quarters = quarters.filter(|quarter| quarter.from <= day);
        months.into_iter().chain(quarters).chain(begun).chain([this_year, Period::year(year - 1)]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(day: &str) -> Vec<String> {
        let periods = Period::standard(day.parse().expect("a date"));
        periods.into_iter().map(|period| format!("{} {}..{}", period.name, period.from, period.to)).collect()
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

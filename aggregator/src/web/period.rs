//! The period of a page: as it was asked for, as it is shown, and the links to other ones.
//!
//! Promise: what was typed wrongly is said, and a page is shown all the same. Start at [`chosen`].

use chrono::NaiveDate;
use motcua_shared::period::Period;
use serde::Deserialize;

use crate::store::{Store, StoreError};

/// Reporting years offered beside the dates.
const YEARS: i32 = 6;

/// Days as typed into the period chooser or carried by a link.
#[derive(Debug, Default, Clone, Deserialize)]
pub struct PeriodQuery {
    #[serde(default)]
    pub from: String,
    #[serde(default)]
    pub to: String,
    #[serde(default)]
    pub unit: String,
}

impl PeriodQuery {
    /// What was asked for, `None` when nothing was, or what is wrong with it.
    pub fn period(&self) -> Result<Option<Period>, String> {
        if self.from.trim().is_empty() && self.to.trim().is_empty() {
            return Ok(None);
        }
        let wrong = || "Hãy ghi đủ ngày bắt đầu và ngày kết thúc, dạng ngày/tháng/năm, ví dụ 29/05/2023.".to_owned();
        let (from, to) = typed_day(&self.from).zip(typed_day(&self.to)).ok_or_else(wrong)?;
        Period::new(from, to).map(Some).map_err(|_| "Ngày bắt đầu phải trước ngày kết thúc.".to_owned())
    }

    /// The unit, where one was named.
    pub fn unit(&self) -> Option<String> {
        Some(self.unit.trim().to_owned()).filter(|unit| !unit.is_empty())
    }
}

/// A day as people here write it, or as links carry it.
pub fn typed_day(text: &str) -> Option<NaiveDate> {
    let text = text.trim();
    let day = ["%d/%m/%Y", "%d-%m-%Y", "%Y-%m-%d"].iter().find_map(|form| NaiveDate::parse_from_str(text, form).ok());
    let years = NaiveDate::from_ymd_opt(1900, 1, 1)?..NaiveDate::from_ymd_opt(2200, 1, 1)?;
    day.filter(|day| years.contains(day))
}

/// The period to show, and what was wrong with the one that was asked for. Unasked: the reporting year of the newest
/// dossier that arrived.
pub fn chosen(store: &dyn Store, query: &PeriodQuery, today: NaiveDate) -> Result<(Period, Option<String>), StoreError> {
    let problem = match query.period() {
        Ok(Some(period)) => return Ok((period, None)),
        Ok(None) => None,
        Err(problem) => Some(problem),
    };
    let newest = Period::year_of(store.dossier_newest_day()?.unwrap_or(today));
    let period = if newest < Period::year_of(today) { Period::year(newest) } else { Period::year_to(today) };
    Ok((period, problem))
}

/// The period of a page, its chooser, and what was wrong with what was typed.
pub struct PeriodView {
    pub action: String,
    /// The same as a query for links.
    pub query: String,
    pub from: String,
    pub to: String,
    /// Its name where it is a period of the rule.
    pub name: Option<String>,
    pub problem: Option<String>,
    pub links: Vec<PeriodLink>,
    /// What else the page was asked for: kept when another period is chosen.
    pub kept: Vec<(String, String)>,
}

pub struct PeriodLink {
    pub label: String,
    pub query: String,
    pub current: bool,
}

impl PeriodView {
    pub fn new(action: impl Into<String>, period: Period, problem: Option<String>, today: NaiveDate) -> PeriodView {
        PeriodView::keeping(action, period, problem, today, Vec::new())
    }

    /// The chooser of a page that was asked for more than a period.
    pub fn keeping(
        action: impl Into<String>,
        period: Period,
        problem: Option<String>,
        today: NaiveDate,
        kept: Vec<(String, String)>,
    ) -> PeriodView {
        let this_year = Period::year_of(today);
        let rest = appended(&kept);
        let link = |label: String, shown: Period| PeriodLink {
            label,
            query: format!("{}{rest}", query_of(shown)),
            current: shown == period,
        };
        let near = Period::standard(period.to.min(today));
        let named = near.into_iter().filter_map(|period| Some(link(period.name()?, period)));
        let mut links: Vec<PeriodLink> = named.collect();
        let years = (this_year - YEARS + 1..this_year).rev().map(|year| link(format!("Năm {year}"), Period::year(year)));
        links.push(link(format!("Năm {this_year} đến nay"), Period::year_to(today)));
        for year in years {
            if links.iter().all(|link| link.label != year.label) {
                links.push(year);
            }
        }
        PeriodView {
            action: action.into(),
            query: query_of(period),
            from: shown(period.from),
            to: shown(period.to),
            name: period.name(),
            problem,
            links,
            kept,
        }
    }
}

pub fn query_of(period: Period) -> String {
    format!("from={}&to={}", period.from, period.to)
}

pub fn shown(day: NaiveDate) -> String {
    day.format("%d/%m/%Y").to_string()
}

/// What else a page was asked for, to be put after its period in an address.
pub fn appended(kept: &[(String, String)]) -> String {
    kept.iter().fold(String::new(), |rest, (name, value)| rest + "&" + name + "=" + &encoded(value))
}

/// A value as it stands in an address.
pub fn encoded(text: &str) -> String {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    text.bytes().map(|byte| if safe(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_in_an_address_keeps_every_letter() {
        assert_eq!(encoded("Xã Kỳ&a=b"), "X%C3%A3%20K%E1%BB%B3%26a%3Db");
    }

    #[test]
    fn days_are_read_as_typed_and_centuries_off_are_refused() {
        assert_eq!(typed_day(" 29/05/2023 "), typed_day("2023-05-29"));
        assert_eq!([typed_day("29/13/2023"), typed_day("0001-01-01"), typed_day("262000-01-01")], [None; 3]);
    }

    #[test]
    fn the_chooser_offers_the_periods_around_the_one_that_is_shown_and_keeps_the_rest() {
        let today: NaiveDate = "2026-11-26".parse().expect("a date");
        let view = PeriodView::keeping("/compare", Period::year(2023), None, today, vec![("by".to_owned(), "open".to_owned())]);
        let quarter = view.links.iter().find(|link| link.label == "Quý 2/2023").expect("offered");
        assert_eq!(quarter.query, "from=2023-03-15&to=2023-06-14&by=open");
        let current: Vec<&str> = view.links.iter().filter(|link| link.current).map(|link| link.label.as_str()).collect();
        assert_eq!(current, ["Năm 2023"]);
        assert!(view.links.iter().any(|link| link.label == "Năm 2026 đến nay"));
    }
}

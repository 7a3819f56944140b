//! Figures with a name: what is counted, over what, and which way is better, declared as data (`data/indicators.csv`).
//!
//! Promise: a value is computed from sums alone, without floating point; nothing over nothing has no value. What an
//! indicator says of two offices adds up from their sums, never from their values. Start at [`all`] and [`Indicator::value`].

use std::fmt;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::contribution::{COLUMNS, Counters, DAY_MINUTES, TOOK};
use crate::reference::Target;
use crate::text::number;

const TABLE: &str = include_str!("../data/indicators.csv");

/// What a period holds, and what came before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    pub before: Counters,
    pub within: Counters,
}

impl Sums {
    /// From the sums up to the day before a period and up to its last day.
    pub fn between(before: Counters, end: &Counters) -> Sums {
        Sums { before, within: end.since(&before) }
    }

    /// Up to the last day.
    pub fn end(&self) -> Counters {
        let mut end = self.before;
        end.add(&self.within);
        end
    }

    pub fn add(&mut self, other: &Sums) {
        self.before.add(&other.before);
        self.within.add(&other.within);
    }
}

/// A sum of counters, such as `resolved_early+resolved_on_time` (within the period) or `end:open` (up to its last day).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression(Vec<Term>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Term {
    sign: i64,
    at_end: bool,
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Column(usize),
    Received,
    Resolved,
    Open,
    OpenOverdue,
    Waiting,
}

/// The word is no counter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("“{0}” is no counter")]
pub struct Unknown(String);

impl Expression {
    /// Reads terms that are joined by `+` and `-`.
    pub fn parse(text: &str) -> Result<Expression, Unknown> {
        let mut terms = Vec::new();
        let mut rest = text.trim();
        let mut sign = 1;
        loop {
            let end = rest.find(['+', '-']).unwrap_or(rest.len());
            terms.push(Term::parse(rest[..end].trim(), sign)?);
            let Some(operator) = rest[end..].chars().next() else { return Ok(Expression(terms)) };
            sign = if operator == '-' { -1 } else { 1 };
            rest = &rest[end + 1..];
        }
    }

    pub fn value(&self, sums: &Sums) -> i64 {
        let end = sums.end();
        self.0.iter().map(|term| term.sign * term.what.of(if term.at_end { &end } else { &sums.within })).sum()
    }
}

impl Term {
    fn parse(text: &str, sign: i64) -> Result<Term, Unknown> {
        let (at_end, name) = text.strip_prefix("end:").map_or((false, text), |name| (true, name));
        let what = match name {
            "received" => What::Received,
            "resolved" => What::Resolved,
            "open" => What::Open,
            "open_overdue" => What::OpenOverdue,
            "waiting" => What::Waiting,
            name => {
                let column = COLUMNS.iter().position(|column| *column == name);
                What::Column(column.ok_or_else(|| Unknown(text.to_owned()))?)
            }
        };
        Ok(Term { sign, at_end, what })
    }
}

impl What {
    fn of(self, counters: &Counters) -> i64 {
        match self {
            What::Column(column) => counters.0[column],
            What::Received => counters.received(),
            What::Resolved => counters.resolved(),
            What::Open => counters.open(),
            What::OpenOverdue => counters.open_overdue(),
            What::Waiting => counters.waiting(),
        }
    }
}

/// How a value comes about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Measure {
    /// Dossiers.
    Count(Expression),
    /// Percent.
    Share(Expression, Expression),
    /// Office minutes over dossiers, in working days.
    Days(Expression, Expression),
    /// Within how many working days so many percent had ended, as the buckets of [`TOOK`] tell.
    Percentile(i64),
    /// Dossiers for each working day of the period.
    PerDay(Expression),
}

/// Which way a value is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    Up,
    Down,
    None,
}

/// One indicator (chỉ tiêu).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indicator {
    pub id: String,
    pub name: String,
    pub measure: Measure,
    pub better: Better,
    /// What must be known to read it; may be empty.
    pub note: String,
}

#[derive(Deserialize)]
struct Row {
    id: String,
    name: String,
    measure: String,
    better: Better,
    numerator: String,
    denominator: String,
    note: String,
}

static ALL: LazyLock<Vec<Indicator>> = LazyLock::new(|| read(TABLE).expect("the built-in table is tested"));

/// Every indicator, in the order in which it is offered.
pub fn all() -> &'static [Indicator] {
    &ALL
}

pub fn find(id: &str) -> Option<&'static Indicator> {
    ALL.iter().find(|indicator| indicator.id == id)
}

fn read(csv_text: &str) -> Result<Vec<Indicator>, String> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(csv_text.as_bytes());
    let rows = reader.deserialize().map(|row| {
        let Row { id, name, measure, better, numerator, denominator, note } = row.map_err(|error| error.to_string())?;
        let expression = |text: &str| Expression::parse(text).map_err(|error| format!("{id}: {error}"));
        let measure = match measure.as_str() {
            "count" => Measure::Count(expression(&numerator)?),
            "share" => Measure::Share(expression(&numerator)?, expression(&denominator)?),
            "days" => Measure::Days(expression(&numerator)?, expression(&denominator)?),
            "per_day" => Measure::PerDay(expression(&numerator)?),
            "percentile" => Measure::Percentile(numerator.parse().map_err(|_| format!("{id}: no percentage"))?),
            other => return Err(format!("{id}: no measure {other}")),
        };
        Ok(Indicator { id, name, measure, better, note })
    });
    rows.collect()
}

/// A number with two decimals, exact: 84,5 % is 8450.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hundredths(pub i64);

impl Hundredths {
    /// `over` / `under` rounded half away from zero; `None` over nothing.
    pub fn ratio(over: i64, under: i64) -> Option<Hundredths> {
        if under <= 0 {
            return None;
        }
        let scaled = i128::from(over) * 200 + i128::from(under) * i128::from(over.signum());
        i64::try_from(scaled / (i128::from(under) * 2)).ok().map(Hundredths)
    }

    /// Reads `84.5` or `84,5`; digits after the second are cut off.
    pub fn parse(text: &str) -> Option<Hundredths> {
        let text = text.trim().replace(',', ".");
        let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(part) {
            return None;
        }
        let part: String = part.chars().chain("00".chars()).take(2).collect();
        Some(Hundredths(whole.parse::<i64>().ok()?.checked_mul(100)?.checked_add(part.parse().ok()?)?))
    }
}

/// As people here write it: `1.639`, `84,5`, `0,07`.
impl fmt::Display for Hundredths {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, part) = (self.0.abs() / 100, self.0.abs() % 100);
        write!(f, "{sign}{}", number(whole))?;
        match part {
            0 => Ok(()),
            part if part % 10 == 0 => write!(f, ",{}", part / 10),
            part => write!(f, ",{part:02}"),
        }
    }
}

/// What an indicator is for one office and period.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Value {
    /// In the unit of the indicator: dossiers, percent, working days. `None`: nothing to measure.
    pub value: Option<Hundredths>,
    /// What a share is made of.
    pub numerator: Option<i64>,
    pub denominator: Option<i64>,
}

impl Indicator {
    /// Its value over a period of `working_days`.
    pub fn value(&self, sums: &Sums, working_days: u32) -> Value {
        match &self.measure {
            Measure::Count(what) => {
                let count = what.value(sums);
                Value { value: Hundredths::ratio(count, 1), numerator: Some(count), denominator: None }
            }
            Measure::Share(over, under) => Value::over(over.value(sums), under.value(sums), 100),
            Measure::Days(over, under) => {
                let (minutes, count) = (over.value(sums), under.value(sums));
                Value { value: Hundredths::ratio(minutes, count * DAY_MINUTES), numerator: None, denominator: Some(count) }
            }
            Measure::PerDay(what) => Value::over(what.value(sums), i64::from(working_days), 1),
            Measure::Percentile(percent) => {
                let minutes = percentile(&sums.within, *percent);
                let value = minutes.and_then(|minutes| Hundredths::ratio(minutes, DAY_MINUTES));
                Value { value, numerator: None, denominator: Some(sums.within.resolved()) }
            }
        }
    }

    /// What stands after its value: ` %`, ` ngày`, or nothing.
    pub fn suffix(&self) -> &'static str {
        match self.measure {
            Measure::Share(..) => " %",
            Measure::Days(..) | Measure::Percentile(_) => " ngày",
            Measure::Count(_) | Measure::PerDay(_) => "",
        }
    }

    /// Whether offices can be ranked by it.
    pub fn ranks(&self) -> bool {
        self.better != Better::None
    }
}

impl Value {
    fn over(over: i64, under: i64, times: i64) -> Value {
        Value { value: Hundredths::ratio(over * times, under), numerator: Some(over), denominator: Some(under) }
    }
}

/// Office minutes within which `percent` of what ended had ended: the bound of the bucket in which the last of them lies.
/// What took longer than every bound is given twice the last one. `None` when nothing ended.
pub fn percentile(within: &Counters, percent: i64) -> Option<i64> {
    let total: i64 = TOOK.iter().map(|(_, counter)| within.get(*counter)).sum();
    if total <= 0 {
        return None;
    }
    let wanted = (total * percent + 99) / 100;
    let mut seen = 0;
    let mut last = 0;
    for (most, counter) in TOOK {
        seen += within.get(counter);
        last = most.unwrap_or(last * 2);
        if seen >= wanted {
            break;
        }
    }
    Some(last)
}

/// A bound of [`TOOK`] in words.
pub fn took_name(most: Option<i64>) -> String {
    match most {
        None => "trên 30 ngày làm việc".to_owned(),
        Some(minutes) if minutes < DAY_MINUTES => format!("đến {} giờ", minutes / 60),
        Some(minutes) => format!("đến {} ngày làm việc", minutes / DAY_MINUTES),
    }
}

/// Levels that report as a commune does.
const COMMUNE: [&str; 3] = ["commune", "township", "ward"];

/// What an indicator should reach in a year: the unit's own target, or the one of its level.
pub fn target(targets: &[Target], indicator: &str, unit: &str, kind: &str, year: i32) -> Option<Hundredths> {
    target_of(targets, indicator, unit, kind, year).and_then(|target| Hundredths::parse(&target.value))
}

/// The target that [`target`] reads, with the decision behind it.
pub fn target_of<'a>(targets: &'a [Target], indicator: &str, unit: &str, kind: &str, year: i32) -> Option<&'a Target> {
    let of_level = |level: &str| level == kind || (COMMUNE.contains(&level) && COMMUNE.contains(&kind));
    let those = || targets.iter().filter(|target| target.indicator == indicator && target.year == year);
    let own = those().find(|target| target.unit.as_deref() == Some(unit));
    let exact = those().find(|target| target.unit.is_none() && target.level.as_deref() == Some(kind));
    let similar = those().find(|target| target.unit.is_none() && target.level.as_deref().is_some_and(of_level));
    own.or(exact).or(similar)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::contribution::Counter;

    fn sums(within: &[(Counter, i64)], before: &[(Counter, i64)]) -> Sums {
        let counters = |pairs: &[(Counter, i64)]| {
            let mut counters = Counters::default();
            for (counter, value) in pairs {
                counters.0[*counter as usize] = *value;
            }
            counters
        };
        Sums { before: counters(before), within: counters(within) }
    }

    #[track_caller]
    fn shows(id: &str, sums: &Sums, expected: &str) {
        let indicator = find(id).expect("an indicator");
        let value = indicator.value(sums, 20).value;
        assert_eq!(value.map_or("–".to_owned(), |value| format!("{value}{}", indicator.suffix())), expected, "{id}");
    }

    #[test]
    fn values_are_exact_and_nothing_over_nothing_is_no_value() {
        let some = sums(
            &[
                (Counter::ReceivedInPerson, 9),
                (Counter::ReceivedOnline, 3),
                (Counter::ResolvedEarly, 5),
                (Counter::ResolvedOnTime, 1),
                (Counter::ResolvedOverdue, 1),
                (Counter::TookMinutes, 7 * 720),
                (Counter::Took4Hours, 4),
                (Counter::Took3Days, 3),
            ],
            &[(Counter::ReceivedInPerson, 2)],
        );
        shows("received", &some, "12");
        shows("on_time_share", &some, "85,71 %");
        shows("online_share", &some, "25 %");
        shows("open", &some, "7");
        shows("took_average", &some, "1,5 ngày");
        shows("took_half", &some, "0,5 ngày");
        shows("took_most", &some, "3 ngày");
        shows("per_day", &some, "0,6");
        shows("paid_online_share", &some, "–");
        shows("took_half", &Sums::default(), "–");
    }

    #[test]
    fn every_indicator_of_the_table_is_read_and_has_its_own_name() {
        let mut ids: Vec<&str> = all().iter().map(|indicator| indicator.id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 24);
        assert_eq!(
            Expression::parse("received + nonsense").map_err(|error| error.to_string()),
            Err("“nonsense” is no counter".to_owned())
        );
    }

    #[test]
    fn the_own_target_goes_before_the_one_of_the_level() {
        let target_of = |unit: Option<&str>, level: Option<&str>, value: &str| Target {
            indicator: "online_share".to_owned(),
            level: level.map(str::to_owned),
            unit: unit.map(str::to_owned),
            year: 2023,
            value: value.to_owned(),
            decision: None,
        };
        let targets = [target_of(None, Some("commune"), "70"), target_of(Some("11089"), None, "84.5")];
        let asked = |unit, kind, year| target(&targets, "online_share", unit, kind, year).map(|target| target.to_string());
        assert_eq!(asked("11089", "commune", 2023).as_deref(), Some("84,5"));
        assert_eq!(asked("11074", "township", 2023).as_deref(), Some("70"));
        assert_eq!((asked("298", "district", 2023), asked("11089", "commune", 2024)), (None, None));
    }

    #[test]
    fn numbers_are_read_and_written_as_people_write_them() {
        for (text, shown) in [("84.5", "84,5"), ("0,07", "0,07"), ("1639", "1.639"), ("99.999", "99,99")] {
            assert_eq!(Hundredths::parse(text).map(|value| value.to_string()).as_deref(), Some(shown));
        }
        assert_eq!([Hundredths::parse(""), Hundredths::parse("-1"), Hundredths::parse("1.x")], [None; 3]);
        assert_eq!(Hundredths(-1234).to_string(), "-12,34");
    }

    proptest! {
        #[test]
        fn a_ratio_is_rounded_to_the_nearest_hundredth(over in -1_000_000i64..1_000_000, under in 1i64..100_000) {
            let exact = i128::from(over) * 100;
            let got = i128::from(Hundredths::ratio(over, under).expect("a value").0) * i128::from(under);
            prop_assert!((exact - got).abs() * 2 <= i128::from(under), "{over}/{under}");
        }

        #[test]
        fn a_higher_percentile_is_never_sooner(buckets in prop::collection::vec(0i64..50, TOOK.len()), low in 1i64..100, more in 0i64..50) {
            let mut counters = Counters::default();
            TOOK.iter().zip(&buckets).for_each(|((_, counter), value)| counters.0[*counter as usize] = *value);
            let (soon, late) = (percentile(&counters, low), percentile(&counters, (low + more).min(100)));
            prop_assert!(soon <= late);
            prop_assert_eq!(soon.is_none(), buckets.iter().sum::<i64>() == 0);
        }
    }
}

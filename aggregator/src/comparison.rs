//! The communes side by side: any indicators over any period, with rank, change, target and trend.
//!
//! Promise: an office whose figures lack something is shown with the reason and not ranked. The node's line is the sum of
//! all, counted from all and not from the values. Start at [`compare`].

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use motcua_shared::calendar::{Calendar, LocalTime};
use motcua_shared::contribution::Counters;
use motcua_shared::indicator::{self, Better, Hundredths, Indicator, Measure, Sums, Value};
use motcua_shared::period::Period;
use motcua_shared::reference::Target;
use motcua_shared::ruleset::{self, ClassificationRule, Ruleset};
use motcua_shared::text::fold;
use motcua_shared::unit::View;
use serde::Serialize;

use crate::offices::Offices;
use crate::rollup::{ReportError, eve, until_by_unit};
use crate::store::{Store, StoreError};

/// Reporting months of a trend line.
pub const TREND_MONTHS: i32 = 12;

/// What is looked at.
#[derive(Debug, Clone)]
pub struct Asked {
    pub period: Period,
    /// To whom the figures of units that are gone are attributed.
    pub view: View,
    /// Code of the field whose dossiers are looked at; absent: of all. What is seen of the unit as a whole has no target then.
    pub field: Option<String>,
    /// The indicator by which offices are ranked and sorted.
    pub by: &'static Indicator,
    /// What stands beside it.
    pub columns: Vec<&'static Indicator>,
    pub order: Order,
    /// Part of a name or code; empty: everybody.
    pub filter: String,
}

/// How lines are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The best first, as the indicator says.
    Best,
    Worst,
    Name,
}

/// One value and what it is held against.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Cell {
    #[serde(flatten)]
    pub value: Value,
    /// Percent of the node, where dossiers are counted.
    pub share: Option<Hundredths>,
    /// Value now less the value of the period before.
    pub change: Option<Hundredths>,
    /// Value now less the value of the same period last year.
    pub change_last_year: Option<Hundredths>,
    pub target: Option<Hundredths>,
    /// How far the value is beyond its target; below zero: not reached.
    pub beyond_target: Option<Hundredths>,
}

/// One office.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    pub unit: String,
    pub name: String,
    /// From 1, equals share one; absent where the indicator ranks nobody, or where something is lacking.
    pub rank: Option<usize>,
    /// What the figures lack.
    pub lack: Option<String>,
    /// By the id of the indicator.
    pub values: BTreeMap<String, Cell>,
    /// The indicator by which it is ranked, over the last reporting months.
    pub trend: Vec<Option<Hundredths>>,
}

/// All of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Comparison {
    pub from: NaiveDate,
    pub to: NaiveDate,
    /// Absent: the range is none of the periods of the rule, and its figures compare with no other.
    pub period: Option<String>,
    pub previous: (NaiveDate, NaiveDate),
    pub last_year: (NaiveDate, NaiveDate),
    pub working_days: u32,
    /// Code of the field that is looked at; absent: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// To whom the figures of units that are gone are attributed.
    #[serde(rename = "as")]
    pub view: View,
    pub by: String,
    pub columns: Vec<String>,
    pub rulesets: Vec<&'static str>,
    /// More than one way of judging a result stands behind the sums: they are not to be added up.
    pub mixed_rules: bool,
    pub offices: usize,
    pub complete: usize,
    pub lines: Vec<Line>,
    pub total: Line,
}

/// Reference data that figures are held against.
pub struct Yardstick {
    pub calendar: Calendar,
    pub targets: Vec<Target>,
}

impl Yardstick {
    /// Of the version in force.
    pub fn of(store: &dyn Store) -> Result<Yardstick, StoreError> {
        let (_, snapshot) = crate::reference::in_force(store).map_err(|error| match error {
            crate::reference::ReferenceError::Store(error) => error,
            other => StoreError::Damaged(other.to_string()),
        })?;
        Ok(Yardstick { calendar: Calendar::of(&snapshot.days, ""), targets: snapshot.targets })
    }

    /// Working days of a period, both ends counted, of those that have come.
    pub fn working_days(&self, period: Period, today: NaiveDate) -> u32 {
        self.calendar.working_days_between(eve(period), period.to.min(today))
    }

    /// What an indicator should reach in the reporting year in which a period ends.
    pub fn target(&self, indicator: &str, unit: &str, kind: &str, period: Period) -> Option<Hundredths> {
        indicator::target(&self.targets, indicator, unit, kind, Period::year_of(period.to))
    }
}

/// The rulesets that a period touches, and whether they judge results in more than one way.
pub fn rulesets(period: Period) -> (Vec<&'static str>, bool) {
    let last = Ruleset::on(period.to);
    let touched: Vec<Ruleset> = ruleset::ALL.into_iter().skip_while(|rules| rules.id != Ruleset::on(period.from).id).collect();
    let end = touched.iter().position(|rules| rules.id == last.id).map_or(touched.len(), |place| place + 1);
    let rules: Vec<ClassificationRule> = touched[..end].iter().map(|rules| rules.classification_rule).collect();
    let mixed = rules.iter().any(|rule| *rule != rules[0]);
    (touched[..end].iter().map(|rules| rules.id).collect(), mixed)
}

/// Sums of three periods.
#[derive(Clone, Copy, Default)]
struct Three {
    now: Sums,
    previous: Sums,
    last_year: Sums,
}

/// The sums of every office up to each day that is asked for, each day read once.
struct Days(BTreeMap<NaiveDate, BTreeMap<String, Counters>>);

impl Days {
    fn read(store: &dyn Store, asked: &Asked, periods: &[Period], today: NaiveDate) -> Result<Days, StoreError> {
        let days: BTreeSet<NaiveDate> = periods.iter().flat_map(|period| [eve(*period), period.to]).collect();
        let read = days.into_iter().map(|day| Ok((day, until_by_unit(store, asked.field.as_deref(), day, asked.view, today)?)));
        Ok(Days(read.collect::<Result<_, StoreError>>()?))
    }

    fn sums(&self, unit: &str, period: Period) -> Sums {
        let until = |day| self.0.get(&day).and_then(|units| units.get(unit)).copied().unwrap_or_default();
        Sums::between(until(eve(period)), &until(period.to))
    }
}

/// Everybody by what was asked, seen at `now`.
pub fn compare(store: &dyn Store, asked: &Asked, now: LocalTime) -> Result<Comparison, ReportError> {
    let today = motcua_shared::calendar::local_day(now);
    let offices = Offices::gather(store, now)?;
    let yardstick = Yardstick::of(store)?;
    let period = asked.period;
    let (previous, last_year) = (period.previous(), period.last_year());
    let days = Days::read(store, asked, &[period, previous, last_year], today)?;
    let mut bench = Bench { asked, yardstick: &yardstick, working_days: [0; 3], node: Three::default() };
    bench.working_days = [period, previous, last_year].map(|period| yardstick.working_days(period, today));
    let three = |code: &str| Three {
        now: days.sums(code, period),
        previous: days.sums(code, previous),
        last_year: days.sums(code, last_year),
    };
    let keys = attributed(&offices, period, asked.view, today);
    for key in keys.keys() {
        let office = three(key);
        bench.node.now.add(&office.now);
        bench.node.previous.add(&office.previous);
        bench.node.last_year.add(&office.last_year);
    }
    let mut lines: Vec<Line> = keys
        .iter()
        .map(|(key, parts)| Line {
            unit: offices.code(key),
            name: offices.name(key),
            rank: None,
            lack: parts.iter().find_map(|part| offices.lack(part, period)),
            values: bench.cells(&three(key), &offices.code(key), offices.kind(key)),
            trend: Vec::new(),
        })
        .collect();
    rank(&mut lines, asked.by);
    let complete = lines.iter().filter(|line| line.lack.is_none()).count();
    sort(&mut lines, asked);
    let wanted = fold(&asked.filter);
    lines.retain(|line| fold(&line.name).contains(&wanted) || line.unit.contains(&wanted));
    let node = offices.node_key(period.to);
    let values = bench.cells(&bench.node, &offices.node.code, offices.kind(&node));
    let (unit, name) = (offices.node.code.clone(), offices.name(&node));
    let total = Line { unit, name, rank: None, lack: None, values, trend: Vec::new() };
    let (rulesets, mixed_rules) = rulesets(period);
    Ok(Comparison {
        from: period.from,
        to: period.to,
        period: period.name(),
        previous: (previous.from, previous.to),
        last_year: (last_year.from, last_year.to),
        working_days: bench.working_days[0],
        by: asked.by.id.clone(),
        columns: asked.columns.iter().map(|column| column.id.clone()).collect(),
        rulesets,
        mixed_rules,
        field: asked.field.clone(),
        view: asked.view,
        offices: keys.len(),
        complete,
        lines,
        total,
    })
}

/// The units that are shown, each with those whose figures it has: itself, or as now also those in whose place it stands.
fn attributed(offices: &Offices, period: Period, view: View, today: NaiveDate) -> BTreeMap<String, Vec<String>> {
    let mut keys: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for key in offices.keys(period) {
        let heirs = if view == View::Now { offices.organisation.now(&key, today) } else { Vec::new() };
        let heir = if let [only] = heirs.as_slice() { only.key.clone() } else { key.clone() };
        keys.entry(heir).or_default().push(key);
    }
    keys
}

/// The indicator over the last reporting months of a period, for one unit or all together, in one field or in all.
pub fn trend(
    store: &dyn Store,
    unit: Option<&str>,
    field: Option<&str>,
    indicator: &Indicator,
    yardstick: &Yardstick,
    period: Period,
    today: NaiveDate,
) -> Result<Vec<Option<Hundredths>>, StoreError> {
    let months = period.months_up_to(TREND_MONTHS);
    let sums = monthly(store, unit, field, &months)?;
    let value = |(month, sums): (&Period, &Sums)| {
        let begun = month.from <= today;
        let value = indicator.value(sums, yardstick.working_days(*month, today)).value;
        value.filter(|_| begun)
    };
    Ok(months.iter().zip(&sums).map(value).collect())
}

/// Sums of consecutive periods, of one unit or of all together, in one field or in all.
pub fn monthly(store: &dyn Store, unit: Option<&str>, field: Option<&str>, months: &[Period]) -> Result<Vec<Sums>, StoreError> {
    let Some(first) = months.first() else { return Ok(Vec::new()) };
    let days: Vec<NaiveDate> = std::iter::once(eve(*first)).chain(months.iter().map(|month| month.to)).collect();
    let until = match field {
        None => store.rollup_until(unit, &days)?,
        Some(field) => days.iter().map(|day| until_in(store, unit, field, *day)).collect::<Result<_, _>>()?,
    };
    Ok(until.windows(2).map(|pair| Sums::between(pair[0], &pair[1])).collect())
}

fn until_in(store: &dyn Store, unit: Option<&str>, field: &str, day: NaiveDate) -> Result<Counters, StoreError> {
    let mut sum = Counters::default();
    let procedures = store.rollup_until_by_procedure(unit, day)?;
    procedures.iter().filter(|row| row.field == field).for_each(|row| sum.add(&row.counters));
    Ok(sum)
}

/// What values are measured with.
struct Bench<'a> {
    asked: &'a Asked,
    yardstick: &'a Yardstick,
    /// Of the period, of the one before, and of last year's.
    working_days: [u32; 3],
    node: Three,
}

impl Bench<'_> {
    fn cells(&self, sums: &Three, unit: &str, kind: &str) -> BTreeMap<String, Cell> {
        let indicators: BTreeSet<&str> =
            self.asked.columns.iter().chain([&self.asked.by]).map(|indicator| indicator.id.as_str()).collect();
        let found = indicators.into_iter().filter_map(indicator::find);
        found.map(|indicator| (indicator.id.clone(), self.cell(indicator, sums, unit, kind))).collect()
    }

    fn cell(&self, indicator: &Indicator, sums: &Three, unit: &str, kind: &str) -> Cell {
        let [days, days_before, days_last_year] = self.working_days;
        let value = indicator.value(&sums.now, days);
        let since = |sums: &Sums, days| difference(value.value, indicator.value(sums, days).value);
        let share = match indicator.measure {
            Measure::Count(_) => {
                let whole = indicator.value(&self.node.now, days).numerator.unwrap_or(0);
                value.numerator.and_then(|part| Hundredths::ratio(part * 100, whole))
            }
            _ => None,
        };
        let whole = self.asked.field.is_none();
        let target = whole.then(|| self.yardstick.target(&indicator.id, unit, kind, self.asked.period)).flatten();
        let beyond = difference(value.value, target);
        Cell {
            value,
            share,
            change: since(&sums.previous, days_before),
            change_last_year: since(&sums.last_year, days_last_year),
            target,
            beyond_target: if indicator.better == Better::Down { beyond.map(|by| Hundredths(-by.0)) } else { beyond },
        }
    }
}

fn difference(one: Option<Hundredths>, other: Option<Hundredths>) -> Option<Hundredths> {
    one.zip(other).map(|(one, other)| Hundredths(one.0 - other.0))
}

impl Comparison {
    /// The same offices ranked by another of the indicators that were asked for.
    #[must_use]
    pub fn ranked_by(&self, by: &Indicator) -> Comparison {
        let mut ranked = self.clone();
        ranked.by.clone_from(&by.id);
        ranked.lines.iter_mut().for_each(|line| line.rank = None);
        rank(&mut ranked.lines, by);
        ranked
    }
}

impl Line {
    pub fn value(&self, indicator: &Indicator) -> Option<Hundredths> {
        self.values.get(&indicator.id).and_then(|cell| cell.value.value)
    }
}

/// The best first; without a value last.
fn best_first(a: &Line, b: &Line, by: &Indicator) -> Ordering {
    match (a.value(by), b.value(by)) {
        (Some(a), Some(b)) if by.better == Better::Down => a.cmp(&b),
        (Some(a), Some(b)) => b.cmp(&a),
        (a, b) => a.is_none().cmp(&b.is_none()),
    }
}

/// Equals share a rank, and the next one counts them all: 1, 2, 2, 4.
fn rank(lines: &mut [Line], by: &Indicator) {
    if !by.ranks() {
        return;
    }
    lines.sort_by(|a, b| best_first(a, b, by));
    let mut last: Option<(Hundredths, usize)> = None;
    for (place, line) in (1..).zip(lines.iter_mut().filter(|line| line.lack.is_none() && line.value(by).is_some())) {
        let value = line.value(by).unwrap_or(Hundredths(0));
        let rank = last.filter(|(before, _)| *before == value).map_or(place, |(_, rank)| rank);
        last = Some((value, rank));
        line.rank = Some(rank);
    }
}

fn sort(lines: &mut [Line], asked: &Asked) {
    let by_name = |a: &Line, b: &Line| (fold(&a.name), &a.unit).cmp(&(fold(&b.name), &b.unit));
    lines.sort_by(|a, b| match asked.order {
        Order::Name => by_name(a, b),
        Order::Best => best_first(a, b, asked.by).then_with(|| by_name(a, b)),
        Order::Worst => {
            let without = |line: &Line| line.value(asked.by).is_none();
            without(a).cmp(&without(b)).then_with(|| best_first(b, a, asked.by)).then_with(|| by_name(a, b))
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::tests::{District, received};

    fn line(unit: &str, value: Option<i64>, lack: Option<&str>) -> Line {
        let value = Value { value: value.map(Hundredths), ..Value::default() };
        let values = BTreeMap::from([("on_time_share".to_owned(), Cell { value, ..Cell::default() })]);
        let lack = lack.map(str::to_owned);
        Line { unit: unit.to_owned(), name: format!("Xã {unit}"), rank: None, lack, values, trend: Vec::new() }
    }

    #[test]
    fn equals_share_a_rank_and_who_lacks_something_has_none() {
        let by = indicator::find("on_time_share").expect("there");
        let mut lines = vec![
            line("1", Some(9000), None),
            line("2", Some(9900), None),
            line("3", Some(9900), None),
            line("4", Some(10_000), Some("còn chờ 3")),
            line("5", None, None),
            line("6", Some(8000), None),
        ];
        rank(&mut lines, by);
        let mut ranks: Vec<(&str, Option<usize>)> = lines.iter().map(|line| (line.unit.as_str(), line.rank)).collect();
        ranks.sort_unstable();
        assert_eq!(ranks, [("1", Some(3)), ("2", Some(1)), ("3", Some(1)), ("4", None), ("5", None), ("6", Some(4))]);
    }

    #[test]
    fn a_period_over_the_change_of_law_names_both_rulesets() {
        let period = |from: &str, to: &str| Period { from: from.parse().expect("a date"), to: to.parse().expect("a date") };
        assert_eq!(rulesets(period("2023-01-01", "2023-12-31")), (vec!["nd61-2018"], false));
        assert_eq!(rulesets(period("2025-06-15", "2025-07-14")), (vec!["nd61-2018", "nd118-2025"], false));
        assert_eq!(rulesets(period("2026-06-15", "2026-07-14")), (vec!["nd118-2025"], false));
    }

    #[test]
    fn offices_stand_side_by_side_with_share_and_what_they_lack() {
        let mut district = District::new();
        let (mut one, mut two) = (district.agent("11089", 1), district.agent("11074", 2));
        for dossier in 1..=3 {
            one.record(dossier, received(dossier));
        }
        two.record(4, received(4));
        two.record(5, received(5));
        district.send(&one, 1, 3);
        district.send(&two, 1, 1); // its agent says that it has one more
        let asked = Asked {
            period: Period::year(2023),
            view: View::Then,
            by: indicator::find("open_overdue").expect("there"),
            columns: vec![indicator::find("received").expect("there")],
            field: None,
            order: Order::Best,
            filter: String::new(),
        };
        let now = crate::ingest::tests::noon();
        let compared = compare(&district.store, &asked, now).expect("compared");
        let told: Vec<_> = compared
            .lines
            .iter()
            .map(|line| {
                let cell = line.values["received"];
                (line.unit.as_str(), line.rank, line.lack.as_deref(), cell.value.numerator, cell.share.map(|share| share.0))
            })
            .collect();
        let expected = [("11074", None, Some("còn chờ 1"), Some(1), Some(2500)), ("11089", Some(1), None, Some(3), Some(7500))];
        assert_eq!(told, expected);
        assert_eq!((compared.offices, compared.complete, compared.period.as_deref()), (2, 1, Some("Năm 2023")));
        assert_eq!(compared.total.values["received"].value.numerator, Some(4));
        for (field, received) in [("chung_thuc", 4), ("ho_tich", 0)] {
            let asked = Asked { field: Some(field.to_owned()), ..asked.clone() };
            let compared = compare(&district.store, &asked, now).expect("compared");
            assert_eq!(compared.total.values["received"].value.numerator, Some(received), "{field}");
            let yardstick = Yardstick::of(&district.store).expect("read");
            let by = asked.columns[0];
            let months =
                trend(&district.store, None, Some(field), by, &yardstick, asked.period, motcua_shared::calendar::local_day(now));
            let sum: i64 = months.expect("read").iter().flatten().map(|month| month.0).sum();
            assert_eq!(sum, received * 100, "{field}");
        }
    }
}

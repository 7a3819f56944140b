//! The district at a glance, and the state of each office's sync.
//!
//! Promise: whoever needs a call is named with the reasons, the most urgent first. Start at [`summary`] and [`health`].

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};
use motcua_shared::calendar::{LocalTime, local_day};
use motcua_shared::contribution::Counters;
use motcua_shared::indicator::{self, Hundredths, Sums};
use motcua_shared::period::Period;
use motcua_shared::schedule::night_of;
use motcua_shared::text::number;
use serde::Serialize;

use crate::comparison::{Cell, TREND_MONTHS, Yardstick, monthly};
use crate::findings;
use crate::offices::{Offices, Trouble};
use crate::rollup::{ReportError, eve};
use crate::store::{Store, StoreError};

/// Offices that a leader is asked to call.
pub const CALLS: usize = 5;
/// The figures of the first page, in its order.
pub const FIGURES: [&str; 7] =
    ["received", "resolved", "on_time_share", "open_overdue", "online_share", "digitised_share", "satisfied_share"];
/// Fewer results than this say nothing about an office.
const FEW: i64 = 10;
/// Percent, in hundredths, below which results in time are worth a call.
const IN_TIME: i64 = 9_000;

/// One reporting month of the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MonthFigures {
    pub from: NaiveDate,
    pub to: NaiveDate,
    pub received: i64,
    pub resolved: i64,
    pub resolved_overdue: i64,
}

/// An office that needs a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Call {
    pub unit: String,
    pub name: String,
    pub reasons: Vec<String>,
    #[serde(skip)]
    weight: i64,
}

/// The district at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    pub node: String,
    pub name: String,
    pub from: NaiveDate,
    pub to: NaiveDate,
    pub at: String,
    /// By the id of the indicator; overdue is seen today, the rest over the period.
    pub figures: BTreeMap<String, Cell>,
    pub months: Vec<MonthFigures>,
    pub calls: Vec<Call>,
    /// Offices that need one, the five among them.
    pub in_trouble: usize,
    pub offices: usize,
    pub complete: usize,
}

/// How the node stands over `period`, seen at `now`.
pub fn summary(store: &dyn Store, period: Period, now: LocalTime) -> Result<Summary, ReportError> {
    let today = local_day(now);
    let offices = Offices::gather(store, now)?;
    let yardstick = Yardstick::of(store)?;
    let until = store.rollup_until(None, &[eve(period), period.to, today])?;
    let sums = Sums::between(until[0], &until[1]);
    let seen_today = Sums { before: until[2], within: Counters::default() };
    let node = offices.node.code.clone();
    let kind = offices.kind(&offices.node_key(period.to));
    let days = yardstick.working_days(period, today);
    let figures = FIGURES.iter().filter_map(|id| indicator::find(id)).map(|indicator| {
        let sums = if indicator.id == "open_overdue" { &seen_today } else { &sums };
        let value = indicator.value(sums, days);
        let target = yardstick.target(&indicator.id, &node, kind, period);
        let beyond_target = value.value.zip(target).map(|(value, target)| Hundredths(value.0 - target.0));
        (indicator.id.clone(), Cell { value, target, beyond_target, ..Cell::default() })
    });
    let figures = figures.collect();
    let keys = offices.keys(period);
    let calls = calls(store, &offices, &keys, period, today)?;
    let months = period.months_up_to(TREND_MONTHS);
    let per_month = monthly(store, None, None, &months)?;
    let complete = keys.iter().filter(|key| offices.lack(key, period).is_none()).count();
    Ok(Summary {
        name: offices.name(&offices.node_key(today)),
        node,
        from: period.from,
        to: period.to,
        at: now.to_rfc3339(),
        figures,
        months: months.iter().zip(per_month).map(|(month, sums)| month_figures(*month, &sums)).collect(),
        in_trouble: calls.len(),
        calls: calls.into_iter().take(CALLS).collect(),
        offices: keys.len(),
        complete,
    })
}

fn month_figures(month: Period, sums: &Sums) -> MonthFigures {
    let within = &sums.within;
    MonthFigures {
        from: month.from,
        to: month.to,
        received: within.received(),
        resolved: within.resolved(),
        resolved_overdue: within.get(motcua_shared::contribution::Counter::ResolvedOverdue),
    }
}

/// Everybody who needs a call, the most urgent first.
fn calls(
    store: &dyn Store,
    offices: &Offices,
    keys: &[String],
    period: Period,
    today: NaiveDate,
) -> Result<Vec<Call>, StoreError> {
    let now = store.rollup_until_by_unit(today)?;
    let (earlier, ends) = (store.rollup_until_by_unit(eve(period))?, store.rollup_until_by_unit(period.to)?);
    let found = findings::counts(store)?;
    let mut calls: Vec<Call> = keys
        .iter()
        .filter_map(|key| {
            let of = |sums: &BTreeMap<String, Counters>| sums.get(key).copied().unwrap_or_default();
            let mut troubles = offices.troubles(key);
            troubles.extend(figure_troubles(&of(&now), &Sums::between(of(&earlier), &of(&ends))));
            troubles.extend(found.get(key).and_then(|counts| finding_trouble(counts.unsettled())));
            troubles.sort_by_key(|trouble| std::cmp::Reverse(trouble.weight));
            let weight = troubles.iter().map(|trouble| trouble.weight).sum();
            let reasons: Vec<String> = troubles.into_iter().map(|trouble| trouble.words).collect();
            (!reasons.is_empty()).then(|| Call { unit: offices.code(key), name: offices.name(key), reasons, weight })
        })
        .collect();
    calls.sort_by_key(|call| std::cmp::Reverse(call.weight));
    Ok(calls)
}

fn figure_troubles(now: &Counters, period: &Sums) -> Vec<Trouble> {
    let mut troubles = Vec::new();
    let overdue = now.open_overdue();
    if overdue > 0 {
        let words = format!("{} hồ sơ đang quá hạn", number(overdue));
        troubles.push(Trouble { weight: 10 * overdue.min(100), words });
    }
    let share = indicator::find("on_time_share").and_then(|indicator| indicator.value(period, 1).value);
    if let Some(share) = share.filter(|share| share.0 < IN_TIME && period.within.resolved() >= FEW) {
        troubles.push(Trouble {
            weight: 50 + (IN_TIME - share.0) / 100, words: format!("chỉ {share} % giải quyết đúng hạn")
        });
    }
    troubles
}

fn finding_trouble(unsettled: usize) -> Option<Trouble> {
    let count = i64::try_from(unsettled).unwrap_or(i64::MAX);
    (count > 0).then(|| Trouble { weight: 5 * count.min(20), words: format!("{} phát hiện chưa xong", number(count)) })
}

/// One night of an office.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Night {
    /// It came, so many times.
    Came(u32),
    Missed,
    /// Not enrolled yet, or still to come.
    Outside,
}

/// The nights of a calendar month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Strip {
    pub unit: String,
    pub name: String,
    /// One for each day of the month.
    pub nights: Vec<Night>,
}

/// Which nights of the calendar month of `day` each office came.
pub fn strips(store: &dyn Store, offices: &Offices, day: NaiveDate, now: LocalTime) -> Result<Vec<Strip>, StoreError> {
    let first = day.with_day(1).unwrap_or(day);
    let days: Vec<NaiveDate> = first.iter_days().take_while(|other| other.month() == first.month()).collect();
    let Some(last) = days.last().copied() else { return Ok(Vec::new()) };
    let mut came: BTreeMap<(String, NaiveDate), u32> = BTreeMap::new();
    for (stream, night, times) in store.contacts(first, last)? {
        if let Some(status) = offices.streams.iter().find(|status| status.stream == stream) {
            *came.entry((status.unit.clone(), night)).or_default() += times;
        }
    }
    // The night that runs now may still bring it.
    let running = night_of(now);
    let keys = offices.keys(Period { from: first, to: last });
    let strips = keys.into_iter().map(|key| {
        let enrolled = offices.streams_of(&key).filter_map(|stream| LocalTime::parse_from_rfc3339(&stream.enrolled_at).ok());
        let since = enrolled.map(night_of).min();
        let night = |day: &NaiveDate| match came.get(&(key.clone(), *day)) {
            Some(times) => Night::Came(*times),
            None if *day >= running || since.is_none_or(|since| *day < since) => Night::Outside,
            None => Night::Missed,
        };
        Strip { unit: offices.code(&key), name: offices.name(&key), nights: days.iter().map(night).collect() }
    });
    Ok(strips.collect())
}

/// How an office's sync stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Health {
    pub unit: String,
    pub name: String,
    /// When the newest stored entry arrived.
    pub complete_to: Option<String>,
    pub last_seen_at: Option<String>,
    pub missed_nights: u32,
    pub entries: i64,
    pub pending: i64,
    pub quarantined: i64,
    pub forked: u64,
    pub agents: usize,
    pub agent_version: Option<String>,
    /// Our clock minus the agent's that was heard of last, milliseconds.
    pub clock_offset_ms: Option<i64>,
    /// What a restore of this database took away and did not come back yet.
    pub outstanding: u64,
    /// What somebody has to look at; empty: nothing.
    pub troubles: Vec<String>,
}

/// Every office, those in trouble first.
pub fn health(offices: &Offices, now: LocalTime) -> Vec<Health> {
    let today = local_day(now);
    let lines = offices.keys(Period { from: today, to: today }).into_iter().map(|key| {
        let coverage = offices.coverage(&key);
        let newest = offices.streams_of(&key).max_by_key(|stream| &stream.last_seen_at);
        let mut troubles = offices.troubles(&key);
        troubles.sort_by_key(|trouble| std::cmp::Reverse(trouble.weight));
        let weight: i64 = troubles.iter().map(|trouble| trouble.weight).sum();
        let outstanding = |stream: &crate::store::StreamStatus| {
            stream.healing.map_or(0, |healing| healing.had.saturating_sub(stream.stored_through))
        };
        let line = Health {
            name: offices.name(&key),
            complete_to: coverage.complete_to,
            last_seen_at: offices.streams_of(&key).filter_map(|stream| stream.last_seen_at.clone()).max(),
            missed_nights: offices.absent(&key).map_or(0, |absent| absent.missed.nights),
            entries: coverage.entries,
            pending: coverage.pending,
            quarantined: coverage.quarantined,
            forked: offices.streams_of(&key).map(|stream| stream.forked).sum(),
            agents: offices.streams_of(&key).count(),
            agent_version: newest.and_then(|stream| stream.agent_version.clone()),
            clock_offset_ms: newest.and_then(|stream| stream.clock_offset_ms),
            outstanding: offices.streams_of(&key).map(outstanding).sum(),
            troubles: troubles.into_iter().map(|trouble| trouble.words).collect(),
            unit: offices.code(&key),
        };
        (weight, line)
    });
    let mut lines: Vec<(i64, Health)> = lines.collect();
    lines.sort_by_key(|(weight, line)| (std::cmp::Reverse(*weight), line.unit.clone()));
    lines.into_iter().map(|(_, line)| line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::tests::{District, UNIT, noon, received};

    #[test]
    fn who_needs_a_call_is_named_with_the_reasons() {
        let mut district = District::new();
        let (mut one, two) = (district.agent(UNIT, 1), district.agent("11074", 2));
        for dossier in 1..=3 {
            one.record(dossier, received(dossier));
        }
        district.send(&one, 1, 2);
        let now = noon() + chrono::Days::new(10);
        let summary = summary(&district.store, Period::year(2023), now).expect("read");
        let told: Vec<(&str, &[String])> =
            summary.calls.iter().map(|call| (call.unit.as_str(), call.reasons.as_slice())).collect();
        assert_eq!(told.len(), 2, "{told:?}");
        assert_eq!(summary.figures["open_overdue"].value.numerator, Some(2));
        assert!(summary.calls.iter().all(|call| call.reasons.iter().any(|reason| reason.contains("đêm liền"))));
        let reasons = &summary.calls.iter().find(|call| call.unit == UNIT).expect("named").reasons;
        assert!(
            reasons.contains(&"2 hồ sơ đang quá hạn".to_owned()) && reasons.contains(&"còn 1 bản ghi chưa gửi".to_owned()),
            "{reasons:?}"
        );
        assert_eq!((summary.offices, summary.complete, summary.months.len()), (2, 0, 12));
        assert_eq!(two.unit, "11074");
    }

    #[test]
    fn the_nights_of_a_month_show_who_came_and_who_did_not() {
        let mut district = District::new();
        let mut agent = district.agent(UNIT, 1);
        agent.record(1, received(1));
        district.send(&agent, 1, 1);
        let now = noon() + chrono::Days::new(3);
        let offices = Offices::gather(&district.store, now).expect("read");
        let strip = &strips(&district.store, &offices, local_day(now), now).expect("read")[0];
        let came = usize::try_from(local_day(noon()).day0()).expect("a day");
        assert_eq!(
            strip.nights[came - 1..came + 4],
            [Night::Outside, Night::Came(1), Night::Missed, Night::Missed, Night::Outside]
        );
        let health = health(&offices, now);
        assert_eq!((health[0].missed_nights, health[0].agents, health[0].entries), (2, 1, 1));
    }
}

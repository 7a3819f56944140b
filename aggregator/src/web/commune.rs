//! One commune: its figures against its targets and the others, how long things take, and its agents.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use motcua_shared::access::node::Right;
use motcua_shared::calendar::local_day;
use motcua_shared::contribution::{DAY_MINUTES, TOOK};
use motcua_shared::indicator::{self, Sums, took_name};
use motcua_shared::period::Period;
use motcua_shared::text::number;
use motcua_shared::unit::{View, code_of};
use uuid::Uuid;

use super::chart::{self, Series};
use super::dashboard::{Card, card, month_chart, month_label};
use super::pages::{Frame, PageError, Section, coverage_words, show};
use super::period::{PeriodQuery, PeriodView, chosen, encoded};
use super::reports::FormView;
use super::viewer::FiguresOf;
use super::{App, now};
use crate::comparison::{self, Asked, Comparison, Line, Order, Yardstick, monthly};
use crate::findings;
use crate::output::{clock_words, people_time};
use crate::rollup::{self, ReportError, eve};
use crate::store::StreamStatus;
use crate::summary::MonthFigures;

/// Quarantined entries that a page lists.
const LISTED: usize = 50;
/// The figures of the page, in its order.
const FIGURES: [&str; 8] = [
    "received",
    "resolved",
    "on_time_share",
    "open_overdue",
    "online_share",
    "digitised_share",
    "paid_online_share",
    "satisfied_share",
];

#[derive(Template)]
#[template(path = "commune.html")]
struct CommunePage {
    frame: Frame,
    name: String,
    /// Names exactly this unit, in addresses.
    code: String,
    short_code: String,
    coverage: String,
    lack: Option<String>,
    /// How many findings are not settled, and where they are listed.
    findings: Option<(String, String)>,
    csv: String,
    period: PeriodView,
    cards: Vec<Card>,
    form: FormView,
    months: String,
    workload: Vec<WorkloadRow>,
    took: String,
    took_rows: Vec<TookRow>,
    took_words: String,
    streams: Vec<StreamRow>,
    quarantine: Vec<QuarantineRow>,
    may_enrol: bool,
}

struct WorkloadRow {
    month: String,
    received: String,
    resolved: String,
    days: String,
    per_day: String,
}

struct TookRow {
    name: String,
    count: String,
    share: String,
}

struct StreamRow {
    stream: String,
    stored: String,
    applied: String,
    quarantined: String,
    waiting: String,
    forked: u64,
    version: String,
    last_seen: String,
    clock: String,
    night: String,
}

struct QuarantineRow {
    stream: String,
    seq: String,
    reason: String,
}

fn stream_row(stream: &StreamStatus) -> StreamRow {
    let count = |value: u64| number(i64::try_from(value).unwrap_or(i64::MAX));
    StreamRow {
        stream: short(stream.stream),
        stored: count(stream.stored_through),
        applied: count(stream.applied),
        quarantined: count(stream.quarantined),
        waiting: count(stream.pending),
        forked: stream.forked,
        version: stream.agent_version.clone().unwrap_or_else(|| "–".to_owned()),
        last_seen: stream.last_seen_at.as_deref().map_or_else(|| "chưa liên lạc".to_owned(), people_time),
        clock: stream.clock_offset_ms.map_or_else(|| "–".to_owned(), clock_words),
        night: stream.night_slot_s.map_or_else(|| "–".to_owned(), |slot| format!("{:02}:{:02}", slot / 3600, slot / 60 % 60)),
    }
}

/// The last digits of a stream: enough to tell two apart.
fn short(stream: Uuid) -> String {
    let text = stream.to_string();
    format!("…{}", &text[text.len() - 8..])
}

fn quarantine_row((stream, seq, reason): (Uuid, u64, String)) -> QuarantineRow {
    QuarantineRow { stream: short(stream), seq: number(i64::try_from(seq).unwrap_or(i64::MAX)), reason }
}

/// The figures of one office with its place among the others.
fn cards(line: &Line, compared: &[(&'static str, Comparison)], told_at: impl Fn(&str) -> String) -> Vec<Card> {
    let found = FIGURES.iter().filter_map(|id| indicator::find(id).zip(line.values.get(*id)));
    found
        .map(|(indicator, cell)| {
            let mut card = card(indicator, cell, told_at(&indicator.id), "ở cuối kỳ");
            let ranked = compared.iter().find(|(id, _)| *id == indicator.id).map(|(_, compared)| compared);
            if let Some((rank, of)) = ranked.and_then(|compared| place(compared, &line.unit)) {
                let place = format!("hạng {rank} trên {of}");
                card.hint = if card.hint.is_empty() { place } else { format!("{} · {place}", card.hint) };
            }
            card
        })
        .collect()
}

fn place(compared: &Comparison, unit: &str) -> Option<(usize, usize)> {
    let rank = compared.lines.iter().find(|line| line.unit == unit)?.rank?;
    Some((rank, compared.lines.iter().filter(|line| line.rank.is_some()).count()))
}

/// How long things took: the chart and its figures.
fn distribution(sums: &Sums) -> (String, Vec<TookRow>) {
    let total: i64 = TOOK.iter().map(|(_, counter)| sums.within.get(*counter)).sum();
    let short = |most: Option<i64>| match most {
        None => ">30 ng".to_owned(),
        Some(minutes) if minutes < DAY_MINUTES => format!("{} giờ", minutes / 60),
        Some(minutes) => format!("{} ng", minutes / DAY_MINUTES),
    };
    let labels: Vec<String> = TOOK.iter().map(|(most, _)| short(*most)).collect();
    let values: Vec<i64> = TOOK.iter().map(|(_, counter)| sums.within.get(*counter)).collect();
    let chart = chart::columns(
        "took",
        "Hồ sơ đã giải quyết theo thời gian giải quyết (giờ và ngày làm việc)",
        &labels,
        &[Series { name: "hồ sơ", values }],
    );
    let rows = TOOK.iter().map(|(most, counter)| {
        let count = sums.within.get(*counter);
        let share = indicator::Hundredths::ratio(count * 100, total);
        TookRow {
            name: took_name(*most),
            count: number(count),
            share: share.map_or_else(|| "–".to_owned(), |share| format!("{share} %")),
        }
    });
    (chart, rows.collect())
}

pub async fn page(
    viewer: FiguresOf,
    State(app): State<App>,
    Path(in_address): Path<String>,
    Query(query): Query<PeriodQuery>,
) -> Result<Response, PageError> {
    let at = now();
    let today = local_day(at);
    let asked_code = viewer.unit.clone().unwrap_or(in_address);
    let read = app
        .read(move |store| -> Result<_, ReportError> {
            let (period, problem) = chosen(store, &query, today)?;
            let report = rollup::ii06(store, Some(&asked_code), period)?;
            let organisation = store.organisation()?;
            let key = rollup::key_of(store, Some(&asked_code), period.to)?;
            let key = key.ok_or_else(|| ReportError::UnknownUnit(asked_code.clone()))?;
            let (code, name) = (organisation.exact(&key), organisation.name(&key).to_owned());
            let unsettled = findings::counts(store)?.get(&key).map_or(0, findings::Counts::unsettled);
            let listed = format!("/findings?unit={}", encoded(&key));
            let findings = (unsettled > 0).then(|| (number(i64::try_from(unsettled).unwrap_or(i64::MAX)), listed));
            let yardstick = Yardstick::of(store)?;
            let compared = compare_figures(store, period, at)?;
            let until = store.rollup_until(Some(&key), &[eve(period), period.to])?;
            let months = period.months_up_to(comparison::TREND_MONTHS);
            let per_month = monthly(store, Some(&key), None, &months)?;
            let working: Vec<u32> = months.iter().map(|month| yardstick.working_days(*month, today)).collect();
            let streams = store.streams(Some(&key))?;
            let quarantine = store.quarantine_list(Some(&key), LISTED)?;
            let sums = Sums::between(until[0], &until[1]);
            Ok((period, problem, report, code, name, findings, compared, sums, (months, per_month, working), streams, quarantine))
        })
        .await??;
    let (period, problem, report, code, name, findings, compared, sums, (months, per_month, working), streams, quarantine) = read;
    let view = PeriodView::new(format!("/units/{code}"), period, problem, today);
    let line = compared.first().and_then(|(_, compared)| compared.lines.iter().find(|line| line.unit == code));
    let figures: Vec<MonthFigures> = months
        .iter()
        .zip(&per_month)
        .map(|(month, sums)| MonthFigures {
            from: month.from,
            to: month.to,
            received: sums.within.received(),
            resolved: sums.within.resolved(),
            resolved_overdue: sums.within.get(motcua_shared::contribution::Counter::ResolvedOverdue),
        })
        .collect();
    let workload = figures.iter().zip(&working).map(|(month, days)| WorkloadRow {
        month: month_label(month.from),
        received: number(month.received),
        resolved: number(month.resolved),
        days: days.to_string(),
        per_day: indicator::Hundredths::ratio(month.received, i64::from(*days))
            .map_or_else(|| "–".to_owned(), |value| value.to_string()),
    });
    let (took, took_rows) = distribution(&sums);
    let within = |id: &str| {
        let indicator = indicator::find(id)?;
        Some(format!("{} {}{}", indicator.name.to_lowercase(), indicator.value(&sums, 1).value?, indicator.suffix()))
    };
    let took_words: Vec<String> = ["took_average", "took_half", "took_most"].into_iter().filter_map(within).collect();
    // Whoever sees one commune only is led to its own figures, the others to the comparison.
    let told_in_full = |indicator: &str| match &viewer.own {
        None => format!("/compare?{}&by={indicator}", view.query),
        Some(_) => format!("/reports/procedures?unit={code}&{}", view.query),
    };
    let section = if viewer.own.is_some() { Section::Dashboard } else { Section::Comparison };
    show(&CommunePage {
        frame: Frame::of(&viewer, section),
        coverage: report.coverage.units.first().map(coverage_words).unwrap_or_default(),
        findings,
        lack: line.and_then(|line| line.lack.clone()),
        cards: line.map(|line| cards(line, &compared, told_in_full)).unwrap_or_default(),
        csv: format!("/reports/ii06.csv?unit={code}&{}", view.query),
        form: FormView::new(&report),
        months: month_chart("months", &figures),
        workload: workload.collect(),
        took,
        took_rows,
        took_words: took_words.join(", "),
        streams: streams.iter().map(stream_row).collect(),
        may_enrol: viewer.may(Right::Enrol),
        quarantine: quarantine.into_iter().map(quarantine_row).collect(),
        period: view,
        name,
        short_code: code_of(&code).to_owned(),
        code,
    })
}

/// The comparison by each of the figures that rank.
fn compare_figures(
    store: &dyn crate::store::Store,
    period: Period,
    at: motcua_shared::calendar::LocalTime,
) -> Result<Vec<(&'static str, Comparison)>, ReportError> {
    let columns: Vec<_> = FIGURES.iter().filter_map(|id| indicator::find(id)).collect();
    let asked = Asked {
        period,
        view: View::Then,
        field: None,
        by: columns[0],
        columns: columns.clone(),
        order: Order::Name,
        filter: String::new(),
    };
    let mut compared = vec![(FIGURES[0], comparison::compare(store, &asked, at)?)];
    for indicator in columns.into_iter().filter(|indicator| indicator.ranks()) {
        let ranked = compared[0].1.ranked_by(indicator);
        compared.push((&indicator.id, ranked));
    }
    Ok(compared)
}

//! How each office's sync stands: the red list of the morning, every office's line, and a month as a strip of nights.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use chrono::{Datelike, Days, NaiveDate};
use motcua_shared::calendar::local_day;
use motcua_shared::text::number;
use motcua_shared::unit::code_of;
use serde::Deserialize;

use super::csv::Table;
use super::pages::{Frame, PageError, Section, show};
use super::period::typed_day;
use super::viewer::OfficesOf;
use super::{App, now};
use crate::offices::Offices;
use crate::operation::Operation;
use crate::output::{clock_words, healing_words, people_time};
use crate::rollup::{self, NodeHealing};
use crate::store::StoreError;
use crate::summary::{self, Health, Night};

#[derive(Debug, Default, Deserialize)]
pub struct MonthQuery {
    /// Any day of the month.
    #[serde(default)]
    month: String,
}

#[derive(Template)]
#[template(path = "health.html")]
struct HealthPage {
    frame: Frame,
    healing: Option<String>,
    healed: bool,
    red: Vec<RedRow>,
    rows: Vec<OfficeRow>,
    month: String,
    days: Vec<u32>,
    strips: Vec<StripRow>,
    operation: Operation,
    earlier: String,
    later: Option<String>,
}

struct RedRow {
    unit: String,
    name: String,
    words: String,
}

struct OfficeRow {
    unit: String,
    code: String,
    name: String,
    standing: &'static str,
    mark: &'static str,
    complete_to: String,
    last_seen: String,
    missed: String,
    waiting: String,
    quarantined: String,
    outstanding: String,
    version: String,
    clock: String,
}

struct StripRow {
    unit: String,
    name: String,
    nights: Vec<NightCell>,
}

/// One night: its sign, and what it means in words.
struct NightCell {
    sign: &'static str,
    mark: &'static str,
    words: String,
}

fn office_row(health: &Health) -> OfficeRow {
    let (standing, mark) = match () {
        () if health.agents == 0 => ("chưa đăng ký", "none"),
        () if health.troubles.is_empty() => ("đủ", "good"),
        () if health.troubles.len() == 1 && health.pending > 0 => ("còn chờ", "wait"),
        () => ("cần xem", "bad"),
    };
    OfficeRow {
        unit: health.unit.clone(),
        code: code_of(&health.unit).to_owned(),
        name: health.name.clone(),
        standing,
        mark,
        complete_to: health.complete_to.as_deref().map_or_else(|| "–".to_owned(), people_time),
        last_seen: health.last_seen_at.as_deref().map_or_else(|| "–".to_owned(), people_time),
        missed: number(i64::from(health.missed_nights)),
        waiting: number(health.pending),
        quarantined: number(health.quarantined),
        outstanding: number(i64::try_from(health.outstanding).unwrap_or(i64::MAX)),
        version: health.agent_version.clone().unwrap_or_else(|| "–".to_owned()),
        clock: health.clock_offset_ms.map_or_else(|| "–".to_owned(), clock_words),
    }
}

fn night_cell(night: Night) -> NightCell {
    match night {
        Night::Came(times) => NightCell { sign: "✓", mark: "good", words: format!("có liên lạc, {times} lần") },
        Night::Missed => NightCell { sign: "×", mark: "bad", words: "không liên lạc".to_owned() },
        Night::Outside => NightCell { sign: "·", mark: "none", words: "chưa tính".to_owned() },
    }
}

pub async fn page(viewer: OfficesOf, State(app): State<App>, Query(query): Query<MonthQuery>) -> Result<Response, PageError> {
    let at = now();
    let today = local_day(at);
    let month = typed_day(&query.month).unwrap_or(today).with_day(1).unwrap_or(today);
    let (only, shared) = (viewer.unit.clone(), app.clone());
    let (mut lines, mut strips, healing, operation) = app
        .read(move |store| -> Result<_, StoreError> {
            let offices = Offices::gather(store, at)?;
            let strips = summary::strips(store, &offices, month, at)?;
            Ok((summary::health(&offices, at), strips, rollup::healing(store)?, shared.operation(store, at)?))
        })
        .await??;
    let next = month + Days::new(31);
    if let Some(only) = &only {
        lines.retain(|line| line.unit == *only);
        strips.retain(|strip| strip.unit == *only);
    }
    show(&HealthPage {
        frame: Frame::of(&viewer, Section::Health),
        healed: healing.as_ref().is_some_and(NodeHealing::is_over),
        healing: healing.as_ref().map(healing_words),
        red: lines
            .iter()
            .filter(|line| line.agents > 0 && !line.troubles.is_empty())
            .map(|line| RedRow { unit: line.unit.clone(), name: line.name.clone(), words: line.troubles.join("; ") })
            .collect(),
        rows: lines.iter().map(office_row).collect(),
        operation,
        month: month.format("%m/%Y").to_string(),
        days: (1..=month.iter_days().take_while(|day| day.month() == month.month()).count())
            .filter_map(|day| u32::try_from(day).ok())
            .collect(),
        strips: strips
            .into_iter()
            .map(|strip| StripRow {
                unit: strip.unit,
                name: strip.name,
                nights: strip.nights.into_iter().map(night_cell).collect(),
            })
            .collect(),
        earlier: link(month - Days::new(1)),
        later: (next <= today || next.month() == today.month()).then(|| link(next)),
    })
}

fn link(day: NaiveDate) -> String {
    format!("/offices?month={}#nights", day.with_day(1).unwrap_or(day))
}

/// Every office's line as a table.
pub fn table(lines: &[Health]) -> Table {
    let heading = [
        "Mã",
        "Đơn vị",
        "Nhận đến",
        "Liên lạc lần cuối",
        "Đêm lỡ",
        "Bản ghi",
        "Còn chờ",
        "Bị giữ lại",
        "Hai nhánh",
        "Bản",
        "Lệch đồng hồ (ms)",
        "Còn thiếu sau phục hồi",
        "Cần xem",
    ];
    let row = |line: &Health| {
        vec![
            line.unit.clone(),
            line.name.clone(),
            line.complete_to.clone().unwrap_or_default(),
            line.last_seen_at.clone().unwrap_or_default(),
            line.missed_nights.to_string(),
            line.entries.to_string(),
            line.pending.to_string(),
            line.quarantined.to_string(),
            line.forked.to_string(),
            line.agent_version.clone().unwrap_or_default(),
            line.clock_offset_ms.map(|offset| offset.to_string()).unwrap_or_default(),
            line.outstanding.to_string(),
            line.troubles.join("; "),
        ]
    };
    Table { heading: heading.map(str::to_owned).to_vec(), rows: lines.iter().map(row).collect() }
}

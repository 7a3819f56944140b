//! The district at a glance: one page for a leader who has one minute.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use motcua_shared::calendar::local_day;
use motcua_shared::indicator::{self, Better, Indicator};
use motcua_shared::period::month_of;
use motcua_shared::text::number;

use super::chart::{self, Series};
use super::pages::{Frame, PageError, Section, show};
use super::period::{PeriodQuery, PeriodView, chosen};
use super::viewer::AllFigures;
use super::{App, now};
use crate::comparison::Cell;
use crate::glance::Glance;
use crate::output::{healing_words, people_time};
use crate::rollup::ReportError;
use crate::summary::{Call, FIGURES, MonthFigures, Summary};

#[derive(Template)]
#[template(path = "dashboard.html")]
struct DashboardPage {
    frame: Frame,
    node: String,
    period: PeriodView,
    cards: Vec<Card>,
    calls: Vec<Call>,
    more_calls: usize,
    chart: String,
    months: Vec<MonthRow>,
    coverage: String,
    covered: bool,
    healing: Option<String>,
    /// Of the server itself.
    troubles: Vec<String>,
    at: String,
}

/// One figure of the first page.
pub struct Card {
    pub name: String,
    pub value: String,
    pub hint: String,
    pub mark: &'static str,
    /// Where it is told in full.
    pub link: String,
}

struct MonthRow {
    label: String,
    received: String,
    resolved: String,
    overdue: String,
}

/// A figure in words: its value, what it is made of, and how it stands to its target. `seen`: when what is open is looked at.
pub fn card(indicator: &Indicator, cell: &Cell, link: String, seen: &str) -> Card {
    let value = cell.value.value.map_or_else(|| "–".to_owned(), |value| format!("{value}{}", indicator.suffix()));
    let mut hints = Vec::new();
    if let (Some(over), Some(under)) = (cell.value.numerator, cell.value.denominator) {
        hints.push(format!("{} trên {}", number(over), number(under)));
    }
    let mut mark = "";
    match (cell.target, cell.beyond_target) {
        (Some(target), Some(beyond)) if beyond.0 >= 0 => hints.push(format!("✓ đạt mục tiêu {target}{}", indicator.suffix())),
        (Some(target), Some(beyond)) => {
            mark = "today";
            let short = motcua_shared::indicator::Hundredths(-beyond.0);
            hints.push(format!("! còn thiếu {short} để đạt {target}{}", indicator.suffix()));
        }
        (Some(target), None) => hints.push(format!("mục tiêu {target}{}", indicator.suffix())),
        (None, _) if indicator.better == Better::Up => hints.push("chưa có mục tiêu".to_owned()),
        _ => {}
    }
    if indicator.id == "open_overdue" {
        let some = cell.value.numerator.is_some_and(|count| count > 0);
        mark = if some { "late" } else { "" };
        hints.push(seen.to_owned());
    }
    Card { name: indicator.name.clone(), value, hint: hints.join(" · "), mark, link }
}

/// Short name of a reporting month: `5/2023`.
pub fn month_label(day: chrono::NaiveDate) -> String {
    let month = month_of(day);
    format!("{}/{}", month.rem_euclid(12) + 1, month.div_euclid(12))
}

/// Received and resolved over the months, and the same in words.
pub fn month_chart(id: &str, months: &[MonthFigures]) -> String {
    let labels: Vec<String> = months.iter().map(|month| month_label(month.from).replace("/20", "/")).collect();
    let series = [
        Series { name: "tiếp nhận", values: months.iter().map(|month| month.received).collect() },
        Series { name: "giải quyết", values: months.iter().map(|month| month.resolved).collect() },
    ];
    chart::columns(id, "Hồ sơ tiếp nhận và giải quyết theo tháng báo cáo", &labels, &series)
}

pub async fn dashboard(
    viewer: AllFigures,
    State(app): State<App>,
    Query(query): Query<PeriodQuery>,
) -> Result<Response, PageError> {
    let at = now();
    let today = local_day(at);
    let shared = app.clone();
    let (period, problem, glance, operation) = app
        .read(move |store| -> Result<_, ReportError> {
            let (period, problem) = chosen(store, &query, today)?;
            Ok((period, problem, shared.glance(store, period, at)?, shared.operation(store, at)?))
        })
        .await??;
    let Glance { summary, healing } = &*glance;
    let Summary { node, name, figures, months, calls, in_trouble, offices, complete, at, .. } = summary;
    let view = PeriodView::new("/", period, problem, today);
    let cards = FIGURES.iter().filter_map(|id| indicator::find(id).zip(figures.get(*id)));
    show(&DashboardPage {
        frame: Frame::of(&viewer, Section::Dashboard),
        troubles: operation.troubles,
        node: if name == node { format!("Đơn vị {name}") } else { name.clone() },
        cards: cards
            .map(|(indicator, cell)| {
                card(indicator, cell, format!("/compare?{}&by={}", view.query, indicator.id), "ở thời điểm này")
            })
            .collect(),
        more_calls: in_trouble.saturating_sub(calls.len()),
        calls: calls.clone(),
        chart: month_chart("months", months),
        months: months
            .iter()
            .map(|month| MonthRow {
                label: month_label(month.from),
                received: number(month.received),
                resolved: number(month.resolved),
                overdue: number(month.resolved_overdue),
            })
            .collect(),
        coverage: format!("{complete} trên {offices} đơn vị đã gửi đủ những gì đã ghi."),
        covered: complete == offices,
        healing: healing.as_ref().filter(|healing| !healing.is_over()).map(healing_words),
        at: people_time(at),
        period: view,
    })
}

//! The communes side by side. What is looked at stands in the address, so that it can be kept and sent.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use motcua_shared::calendar::local_day;
use motcua_shared::catalogue::field_name;
use motcua_shared::indicator::{self, Hundredths, Indicator};
use motcua_shared::period::Period;
use motcua_shared::text::number;
use motcua_shared::unit;

use super::chart;
use super::csv::{self, Table};
use super::pages::{Frame, PageError, Section, show};
use super::period::{PeriodQuery, PeriodView, appended, chosen, encoded, shown};
use super::viewer::AllFigures;
use super::{App, now, publication};
use crate::comparison::{self, Asked, Cell, Comparison, Line, Order, Yardstick};
use crate::rollup::ReportError;
use crate::store::{Store, StoreError};

/// Offices on one page.
const PAGE: usize = 100;
const DEFAULT_BY: &str = "on_time_share";
const DEFAULT_COLUMNS: [&str; 6] =
    ["received", "resolved", "resolved_overdue", "open_overdue", "online_share", "digitised_share"];

/// What the address says, in the order in which it says it.
pub type Pairs = Vec<(String, String)>;

/// The view that an address asks for.
pub struct View {
    pub period: PeriodQuery,
    by: &'static Indicator,
    columns: Vec<&'static Indicator>,
    order: Order,
    attribution: unit::View,
    field: Option<String>,
    pub filter: String,
    page: usize,
}

impl View {
    /// What is not understood is left at what is shown first.
    pub fn read(pairs: &Pairs) -> View {
        let one = |name: &str| pairs.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let text = |name: &str| one(name).unwrap_or_default().trim().to_owned();
        let named = pairs.iter().filter(|(key, _)| key == "col").flat_map(|(_, value)| value.split(','));
        let mut columns: Vec<&'static Indicator> = named.filter_map(indicator::find).collect();
        if columns.is_empty() && one("col").is_none() {
            columns = DEFAULT_COLUMNS.iter().filter_map(|id| indicator::find(id)).collect();
        }
        let by = one("by").and_then(indicator::find).or_else(|| indicator::find(DEFAULT_BY));
        let by = by.unwrap_or(&indicator::all()[0]);
        columns.retain(|column| column.id != by.id);
        View {
            period: PeriodQuery { from: text("from"), to: text("to"), unit: String::new() },
            by,
            columns,
            order: match one("order") {
                Some("worst") => Order::Worst,
                Some("name") => Order::Name,
                _ => Order::Best,
            },
            attribution: if one("as") == Some("now") { unit::View::Now } else { unit::View::Then },
            field: one("field").map(|field| field.trim().to_owned()).filter(|field| !field.is_empty()),
            filter: text("filter").chars().take(80).collect(),
            page: text("page").parse().unwrap_or(1).max(1),
        }
    }

    fn order_word(&self) -> &'static str {
        match self.order {
            Order::Best => "best",
            Order::Worst => "worst",
            Order::Name => "name",
        }
    }

    /// Everything but the period and the page.
    fn kept(&self) -> Pairs {
        let columns: Vec<&str> = self.columns.iter().map(|column| column.id.as_str()).collect();
        let attribution = if self.attribution.is_then() { "" } else { "now" };
        let columns = columns.join(",");
        let pairs = [
            ("by", self.by.id.as_str()),
            ("order", self.order_word()),
            ("as", attribution),
            ("field", self.field.as_deref().unwrap_or_default()),
            ("filter", &self.filter),
            ("col", &columns),
        ];
        pairs
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    pub fn asked(&self, period: Period) -> Asked {
        Asked {
            period,
            view: self.attribution,
            field: self.field.clone(),
            by: self.by,
            columns: self.columns.clone(),
            order: self.order,
            filter: self.filter.clone(),
        }
    }
}

/// The view's comparison, and what was wrong with its period.
pub fn read(store: &dyn Store, view: &View) -> Result<(Period, Option<String>, Comparison), ReportError> {
    let at = now();
    let (period, problem) = chosen(store, &view.period, local_day(at))?;
    Ok((period, problem, comparison::compare(store, &view.asked(period), at)?))
}

#[derive(Template)]
#[template(path = "comparison.html")]
struct ComparisonPage {
    frame: Frame,
    period: PeriodView,
    by: ByView,
    columns: Vec<ColumnView>,
    choices: Vec<Choice>,
    order: &'static str,
    as_now: bool,
    fields: Vec<FieldChoice>,
    /// Name of the field that is looked at.
    field: Option<String>,
    filter: String,
    rows: Vec<RowView>,
    total: RowView,
    incomplete: usize,
    offices: usize,
    previous: String,
    last_year: String,
    mixed_rules: bool,
    rulesets: String,
    csv: String,
    earlier: Option<String>,
    later: Option<String>,
}

/// The indicator by which is ranked.
struct ByView {
    name: String,
    note: String,
    ranks: bool,
    counts: bool,
}

struct ColumnView {
    name: String,
    link: String,
}

struct Choice {
    id: &'static str,
    name: &'static str,
    is_by: bool,
    shown: bool,
}

struct FieldChoice {
    code: String,
    name: String,
    shown: bool,
}

struct RowView {
    unit: String,
    name: String,
    rank: String,
    lack: Option<String>,
    value: String,
    parts: String,
    share: String,
    change: String,
    change_last_year: String,
    target: String,
    distance: Distance,
    spark: String,
    cells: Vec<String>,
}

/// How far from the target, in words and with a sign.
struct Distance {
    words: String,
    mark: &'static str,
}

/// A value with what stands after it.
pub fn worded(indicator: &Indicator, value: Option<Hundredths>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value}{}", indicator.suffix()))
}

/// A change with its sign; a change of a share is in points.
fn change(value: Option<Hundredths>) -> String {
    match value {
        None => "–".to_owned(),
        Some(Hundredths(0)) => "không đổi".to_owned(),
        Some(value) if value.0 > 0 => format!("▲ {value}"),
        Some(value) => format!("▼ {}", Hundredths(-value.0)),
    }
}

fn distance(cell: &Cell) -> Distance {
    match cell.beyond_target {
        None => Distance { words: "chưa đặt".to_owned(), mark: "none" },
        Some(beyond) if beyond.0 >= 0 => Distance { words: "đạt".to_owned(), mark: "good" },
        Some(beyond) => Distance { words: format!("thiếu {}", Hundredths(-beyond.0)), mark: "bad" },
    }
}

fn row(line: &Line, view: &View) -> RowView {
    let cell = line.values.get(&view.by.id).copied().unwrap_or_default();
    let parts = cell.value.numerator.zip(cell.value.denominator);
    let trend: Vec<Option<i64>> = line.trend.iter().map(|value| value.map(|value| value.0)).collect();
    let known = line.trend.iter().flatten();
    let title = format!(
        "{} qua 12 tháng: {}",
        view.by.name,
        known.map(|value| format!("{value}{}", view.by.suffix())).collect::<Vec<_>>().join("; ")
    );
    RowView {
        unit: line.unit.clone(),
        name: line.name.clone(),
        rank: line.rank.map_or_else(|| "–".to_owned(), |rank| rank.to_string()),
        lack: line.lack.clone(),
        value: worded(view.by, cell.value.value),
        parts: parts.map_or_else(String::new, |(over, under)| format!("{}/{}", number(over), number(under))),
        share: cell.share.map_or_else(|| "–".to_owned(), |share| format!("{share} %")),
        change: change(cell.change),
        change_last_year: change(cell.change_last_year),
        target: worded(view.by, cell.target),
        distance: distance(&cell),
        spark: chart::sparkline(&title, &trend),
        cells: view
            .columns
            .iter()
            .map(|column| worded(column, line.values.get(&column.id).and_then(|cell| cell.value.value)))
            .collect(),
    }
}

fn draw_trends(store: &dyn Store, lines: &mut [Line], view: &View, period: Period) -> Result<(), StoreError> {
    let (yardstick, today) = (Yardstick::of(store)?, local_day(now()));
    let organisation = store.organisation()?;
    for line in lines {
        let key = organisation.resolve(&line.unit, period.to);
        line.trend = comparison::trend(store, Some(&key), view.field.as_deref(), view.by, &yardstick, period, today)?;
    }
    Ok(())
}

pub async fn page(viewer: AllFigures, State(app): State<App>, Query(pairs): Query<Pairs>) -> Result<Response, PageError> {
    let today = local_day(now());
    if viewer_repeats_columns(&pairs) {
        return Ok(Redirect::to(&tidy(&pairs)).into_response());
    }
    let view = View::read(&pairs);
    let (view, period, problem, mut compared, fields) = app
        .read(move |store| -> Result<_, ReportError> {
            let (period, problem, mut compared) = read(store, &view)?;
            let first = (view.page - 1).saturating_mul(PAGE).min(compared.lines.len());
            let last = (first + PAGE).min(compared.lines.len());
            draw_trends(store, &mut compared.lines[first..last], &view, period)?;
            compared.total.trend =
                comparison::trend(store, None, view.field.as_deref(), view.by, &Yardstick::of(store)?, period, today)?;
            let procedures = store.rollup_until_by_procedure(None, today.max(period.to))?;
            let fields: BTreeSet<String> = procedures.into_iter().map(|row| row.field).collect();
            Ok((view, period, problem, compared, fields))
        })
        .await??;
    let kept = view.kept();
    let period_view = PeriodView::keeping("/compare", period, problem, today, kept.clone());
    let rest = appended(&kept);
    let address = |extra: &str| format!("?{}{rest}{extra}", period_view.query);
    let (count, first) = (compared.lines.len(), (view.page - 1).saturating_mul(PAGE).min(compared.lines.len()));
    let shown_lines: Vec<Line> = compared.lines.drain(first..(first + PAGE).min(count)).collect();
    let in_field = view.field.as_deref().map(|field| format!("&field={}", encoded(field))).unwrap_or_default();
    let paged = |page: usize| address(&format!("&page={page}"));
    show(&ComparisonPage {
        frame: Frame::of(&viewer, Section::Comparison),
        by: ByView {
            name: view.by.name.clone(),
            note: view.by.note.clone(),
            ranks: view.by.ranks(),
            counts: matches!(view.by.measure, indicator::Measure::Count(_)),
        },
        columns: view
            .columns
            .iter()
            .map(|column| ColumnView {
                name: column.name.clone(),
                link: format!("/compare?{}&by={}&order={}{in_field}", period_view.query, column.id, view.order_word()),
            })
            .collect(),
        choices: indicator::all()
            .iter()
            .map(|indicator| Choice {
                id: &indicator.id,
                name: &indicator.name,
                is_by: indicator.id == view.by.id,
                shown: view.columns.iter().any(|column| column.id == indicator.id),
            })
            .collect(),
        order: view.order_word(),
        as_now: !view.attribution.is_then(),
        field: view.field.as_deref().map(|field| field_name(field).to_owned()),
        fields: fields
            .into_iter()
            .map(|code| FieldChoice { name: field_name(&code).to_owned(), shown: view.field.as_ref() == Some(&code), code })
            .collect(),
        filter: view.filter.clone(),
        rows: shown_lines.iter().map(|line| row(line, &view)).collect(),
        total: row(&compared.total, &view),
        incomplete: compared.offices - compared.complete,
        offices: compared.offices,
        previous: span(compared.previous),
        last_year: span(compared.last_year),
        mixed_rules: compared.mixed_rules,
        rulesets: compared.rulesets.join(", "),
        csv: format!("/compare.csv{}", address("")),
        earlier: (view.page > 1).then(|| paged(view.page - 1)),
        later: (first + PAGE < count).then(|| paged(view.page + 1)),
        period: period_view,
    })
}

fn span((from, to): (chrono::NaiveDate, chrono::NaiveDate)) -> String {
    format!("{} – {}", shown(from), shown(to))
}

/// A form sends each column by itself; the address is kept short.
fn viewer_repeats_columns(pairs: &Pairs) -> bool {
    pairs.iter().filter(|(name, _)| name == "col").count() > 1
}

fn tidy(pairs: &Pairs) -> String {
    let columns: Vec<&str> = pairs.iter().filter(|(name, _)| name == "col").map(|(_, value)| value.as_str()).collect();
    let others = pairs.iter().filter(|(name, value)| name != "col" && !value.is_empty());
    let others = others.map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
    let all: Vec<String> = others.chain([format!("col={}", encoded(&columns.join(",")))]).collect();
    format!("/compare?{}", all.join("&"))
}

pub async fn page_csv(_: AllFigures, State(app): State<App>, Query(pairs): Query<Pairs>) -> Result<Response, PageError> {
    let public = is_for_the_public(&pairs);
    let mut view = View::read(&pairs);
    if public {
        view.filter.clear();
    }
    let (view, period, compared) = app
        .read(move |store| -> Result<_, ReportError> {
            let (period, _, compared) = read(store, &view)?;
            Ok((view, period, compared))
        })
        .await??;
    if public {
        return Ok(publication::comparison(&compared, true)?);
    }
    Ok(csv::answer(&format!("so-sanh-{}-{}-{}", view.by.id, period.from, period.to), &table(&compared)))
}

/// Whether an export is for the public: of all offices, whatever was filtered.
pub fn is_for_the_public(pairs: &Pairs) -> bool {
    pairs.iter().any(|(name, value)| name == "publication" && value == "1")
}

/// The whole comparison as a table.
pub fn table(compared: &Comparison) -> Table {
    let of = |id: &String| indicator::find(id);
    let by = of(&compared.by);
    let columns: Vec<&Indicator> = compared.columns.iter().filter_map(of).collect();
    let mut heading: Vec<String> = ["Mã", "Đơn vị", "Hạng", "Thiếu số liệu"].map(str::to_owned).to_vec();
    if let Some(by) = by {
        let extra =
            ["", " (tử số)", " (mẫu số)", ": tỷ trọng %", ": so kỳ trước", ": so cùng kỳ", ": mục tiêu", ": vượt mục tiêu"];
        heading.extend(extra.map(|what| format!("{}{what}", by.name)));
    }
    heading.extend(columns.iter().map(|column| column.name.clone()));
    let text = |value: Option<Hundredths>| value.map(|value| value.to_string().replace('.', "")).unwrap_or_default();
    let count = |value: Option<i64>| value.map(|value| value.to_string()).unwrap_or_default();
    let rows = compared.lines.iter().chain([&compared.total]).map(|line| {
        let cell = by.and_then(|by| line.values.get(&by.id)).copied().unwrap_or_default();
        let rank = line.rank.map(|rank| rank.to_string()).unwrap_or_default();
        let mut row = vec![line.unit.clone(), line.name.clone(), rank, line.lack.clone().unwrap_or_default()];
        if by.is_some() {
            row.extend([text(cell.value.value), count(cell.value.numerator), count(cell.value.denominator)]);
            row.extend([cell.share, cell.change, cell.change_last_year, cell.target, cell.beyond_target].map(text));
        }
        row.extend(columns.iter().map(|column| text(line.values.get(&column.id).and_then(|cell| cell.value.value))));
        row
    });
    Table { heading, rows: rows.collect() }
}

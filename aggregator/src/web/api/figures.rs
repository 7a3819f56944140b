//! Everything that the pages show, as JSON, and as CSV with `format=csv`.

use axum::Json;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chrono::NaiveDate;
use motcua_shared::calendar::local_day;
use motcua_shared::index766::Index;
use motcua_shared::indicator::{self, Better};
use motcua_shared::period::Period;
use motcua_shared::unit;
use serde::{Deserialize, Serialize};

use crate::filed::{self, FileError, FrozenIi06, HeadOf};
use crate::offices::Offices;
use crate::rollup::ReportError;
use crate::store::{FiledForm, StoreError};
use crate::summary;
use crate::web::comparison::{Pairs, View};
use crate::web::csv::{self, Table};
use crate::web::reports::{procedures_of, procedures_table};
use crate::web::viewer::{AllFigures, FiguresOf, OfficesOf};
use crate::web::{App, Problem, comparison, health, index, now, publication};

pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/summary", get(summary_of))
        .route("/api/v1/comparison", get(compare))
        .route("/api/v1/indicators", get(indicators))
        .route("/api/v1/reports/procedures", get(procedures))
        .route("/api/v1/reports/filed", get(filed_list))
        .route("/api/v1/reports/filed/{id}", get(filed_one))
        .route("/api/v1/index766", get(index766))
        .route("/api/v1/offices", get(offices))
        .route("/api/v1/offices/nights", get(nights))
        .route("/api/openapi.json", get(description))
}

/// Of a report: days as YYYY-MM-DD, the unit where it is not the node, and `format=csv`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportQuery {
    pub from: NaiveDate,
    pub to: NaiveDate,
    /// Read by [`FiguresOf`].
    #[serde(default, rename = "unit")]
    _unit: Option<String>,
    /// To whom the figures of units that are gone are attributed; only form II.06 is had as now.
    #[serde(default, rename = "as")]
    pub view: unit::View,
    #[serde(default)]
    pub format: Option<Format>,
    /// `1`: for the public, with small numbers hidden.
    #[serde(default)]
    pub publication: Option<String>,
}

/// What was asked for, checked.
pub struct Report {
    pub period: Period,
    pub view: unit::View,
    pub as_csv: bool,
    pub for_the_public: bool,
}

impl Report {
    /// Of what is not published.
    pub fn not_for_the_public(self) -> Result<Report, Problem> {
        let words = "Phần này không có bản công bố; có bản công bố: biểu II.06, theo thủ tục, so sánh, chỉ số 766.";
        let refused = || Problem::new(StatusCode::CONFLICT, "not-published", "Không có bản công bố", words);
        if self.for_the_public { Err(refused()) } else { Ok(self) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Json,
    Csv,
}

pub type Asked<T> = Result<Query<T>, axum::extract::rejection::QueryRejection>;

/// What was asked for, or what is wrong with it.
pub fn report_query(query: Asked<ReportQuery>) -> Result<Report, Problem> {
    let Query(ReportQuery { from, to, view, format, publication, .. }) = query.map_err(|rejection| {
        let detail = format!(
            "Cần from và to dạng 2023-05-29, có thể thêm unit là mã đơn vị, as là then hoặc now, format là json hoặc csv ({}).",
            rejection.body_text()
        );
        Problem::new(StatusCode::BAD_REQUEST, "query", "Tham số không hợp lệ", detail)
    })?;
    let period = Period::new(from, to).map_err(ReportError::from)?;
    let for_the_public = publication.as_deref() == Some("1");
    Ok(Report { period, view, as_csv: format == Some(Format::Csv), for_the_public })
}

async fn summary_of(_: AllFigures, State(app): State<App>, query: Asked<ReportQuery>) -> Result<Response, Problem> {
    let Report { period, .. } = report_query(query)?.not_for_the_public()?;
    let shared = app.clone();
    let glance = app.read(move |store| shared.glance(store, period, now())).await??;
    Ok(Json(&glance.summary).into_response())
}

async fn compare(_: AllFigures, State(app): State<App>, Query(pairs): Query<Pairs>) -> Result<Response, Problem> {
    let bad = |words: String| Problem::new(StatusCode::BAD_REQUEST, "query", "Tham số không hợp lệ", words);
    let named = pairs.iter().filter(|(name, _)| name == "by" || name == "col");
    if let Some(unknown) =
        named.flat_map(|(_, value)| value.split(',')).find(|id| !id.is_empty() && indicator::find(id).is_none())
    {
        return Err(bad(format!("Không có chỉ tiêu “{unknown}”; danh sách ở /api/v1/indicators.")));
    }
    let as_csv = pairs.iter().any(|(name, value)| name == "format" && value == "csv");
    let public = comparison::is_for_the_public(&pairs);
    let mut view = View::read(&pairs);
    if public {
        view.filter.clear();
    }
    view.period.period().map_err(bad)?;
    let (period, _, compared) = app.read(move |store| comparison::read(store, &view)).await??;
    if public {
        return publication::comparison(&compared, as_csv);
    }
    if as_csv {
        return Ok(csv::answer(&format!("comparison-{}-{}", period.from, period.to), &comparison::table(&compared)));
    }
    Ok(Json(compared).into_response())
}

#[derive(Serialize)]
struct Named {
    id: &'static str,
    name: &'static str,
    /// `percent`, `working_days`, `dossiers` or `dossiers_per_working_day`.
    unit: &'static str,
    better: Better,
    note: &'static str,
}

async fn indicators(_: FiguresOf) -> Json<Vec<Named>> {
    use motcua_shared::indicator::Measure;
    let named = |indicator: &'static indicator::Indicator| Named {
        id: &indicator.id,
        name: &indicator.name,
        unit: match indicator.measure {
            Measure::Count(_) => "dossiers",
            Measure::Share(..) => "percent",
            Measure::Days(..) | Measure::Percentile(_) => "working_days",
            Measure::PerDay(_) => "dossiers_per_working_day",
        },
        better: indicator.better,
        note: &indicator.note,
    };
    Json(indicator::all().iter().map(named).collect())
}

async fn procedures(viewer: FiguresOf, State(app): State<App>, query: Asked<ReportQuery>) -> Result<Response, Problem> {
    let (Report { period, as_csv, for_the_public, .. }, unit) = (report_query(query)?, viewer.unit.clone());
    if for_the_public {
        return publication::procedures(&app, unit, period, as_csv).await;
    }
    let rows = app.read(move |store| procedures_of(store, unit.as_deref(), period)).await??;
    if as_csv {
        return Ok(csv::answer(&format!("procedures-{}-{}", period.from, period.to), &procedures_table(&rows)));
    }
    Ok(Json(rows).into_response())
}

/// A filed report as others read it.
#[derive(Serialize)]
struct FiledShown {
    id: i64,
    form: String,
    unit: String,
    from: NaiveDate,
    to: NaiveDate,
    filed_at: String,
    filed_by: String,
    ruleset: String,
    /// BLAKE3 of what was filed, hex.
    hash: String,
    corrects: Option<i64>,
    intact: bool,
}

fn shown(filed: &FiledForm) -> FiledShown {
    FiledShown {
        id: filed.id,
        form: filed.form.clone(),
        unit: filed.unit.clone(),
        from: filed.from,
        to: filed.to,
        filed_at: filed.at.to_rfc3339(),
        filed_by: filed.by.clone(),
        ruleset: filed.ruleset.clone(),
        hash: blake3::Hash::from(filed.hash).to_hex().to_string(),
        corrects: filed.corrects,
        intact: filed::is_intact(filed),
    }
}

async fn filed_list(viewer: FiguresOf, State(app): State<App>) -> Result<Json<Vec<FiledShown>>, Problem> {
    let list = app
        .read(move |store| -> Result<_, StoreError> {
            let (units, mut list) = (store.organisation()?, store.filed_list()?);
            list.retain(|filed| viewer.sees(&units.resolve(&filed.unit, filed.to)));
            Ok(list)
        })
        .await??;
    Ok(Json(list.iter().map(shown).collect()))
}

/// A filed report with its figures and how far they are from what is stored now.
#[derive(Serialize)]
struct FiledWhole {
    #[serde(flatten)]
    filed: FiledShown,
    report: FrozenIi06,
    heads: Vec<HeadOf>,
    differences: Vec<motcua_shared::report::Difference>,
    entries_since: Vec<Since>,
}

#[derive(Serialize)]
struct Since {
    unit: String,
    entries: u64,
}

async fn filed_one(viewer: FiguresOf, State(app): State<App>, Path(id): Path<i64>) -> Result<Json<FiledWhole>, Problem> {
    let whole = app
        .read(move |store| -> Result<_, FileError> {
            let units = store.organisation()?;
            let sees = |filed: &FiledForm| viewer.sees(&units.resolve(&filed.unit, filed.to));
            let filed = store.filed_find(id)?.filter(sees).ok_or(FileError::Unknown(id))?;
            let frozen = filed::read(&filed)?;
            let drift = filed::drift(store, &filed)?;
            Ok(FiledWhole {
                filed: shown(&filed),
                report: frozen.report,
                heads: frozen.heads,
                differences: drift.differences,
                entries_since: drift.since.into_iter().map(|(unit, entries)| Since { unit, entries }).collect(),
            })
        })
        .await??;
    Ok(Json(whole))
}

async fn index766(viewer: FiguresOf, State(app): State<App>, query: Asked<ReportQuery>) -> Result<Response, Problem> {
    let (Report { period, as_csv, for_the_public, .. }, unit) = (report_query(query)?, viewer.unit.clone());
    let index: Index = app.read(move |store| index::compute(store, unit.as_deref(), period)).await??;
    if for_the_public {
        return Ok(publication::index(index, period, as_csv));
    }
    if as_csv {
        return Ok(csv::answer(&format!("index766-{}-{}", period.from, period.to), &index::table(&index)));
    }
    Ok(Json(index).into_response())
}

#[derive(Debug, Default, Deserialize)]
struct FormatQuery {
    format: Option<Format>,
}

async fn offices(viewer: OfficesOf, State(app): State<App>, Query(query): Query<FormatQuery>) -> Result<Response, Problem> {
    let at = now();
    let mut lines =
        app.read(move |store| -> Result<_, StoreError> { Ok(summary::health(&Offices::gather(store, at)?, at)) }).await??;
    lines.retain(|line| viewer.unit.as_ref().is_none_or(|unit| line.unit == *unit));
    if query.format == Some(Format::Csv) {
        let table: Table = health::table(&lines);
        return Ok(csv::answer("offices", &table));
    }
    Ok(Json(lines).into_response())
}

#[derive(Debug, Deserialize)]
struct NightsQuery {
    /// Any day of the month; absent: this month.
    month: Option<NaiveDate>,
}

async fn nights(viewer: OfficesOf, State(app): State<App>, Query(query): Query<NightsQuery>) -> Result<Response, Problem> {
    let at = now();
    let day = query.month.unwrap_or_else(|| local_day(at));
    let mut strips = app
        .read(move |store| -> Result<_, StoreError> { summary::strips(store, &Offices::gather(store, at)?, day, at) })
        .await??;
    strips.retain(|strip| viewer.unit.as_ref().is_none_or(|unit| strip.unit == *unit));
    Ok(Json(strips).into_response())
}

async fn description() -> impl IntoResponse {
    ([(axum::http::header::CONTENT_TYPE, "application/json")], include_str!("../openapi.json"))
}

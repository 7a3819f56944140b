//! Figures and facts for other programs: JSON under `/api/v1/`.
//!
//! Promise: nothing without a session or a bearer token, except whether we are alive. Start at [`routes`]; who may read
//! what is said in [`super::viewer`].

mod figures;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use chrono::NaiveDate;
use motcua_shared::access::node::Right;
use motcua_shared::calendar::local_day;
use motcua_shared::rule::Standing;
use motcua_shared::unit::View;
use serde::Deserialize;

use self::figures::{Asked, Report, ReportQuery, report_query};
use super::audit::Asked as AuditAsked;
use super::viewer::{self, AllOffices, AuditViewer, DossiersOf, EnrollingViewer, FiguresOf, FindingsOf, OfficesOf, PeopleViewer};
use super::{App, Problem, audit, csv, machines, metrics, now, people, publication, reference, tokens};
use crate::findings::{self, FindingsError, Listed};
use crate::operation::Operation;
use crate::rollup::{self, NodeStatus, ReportError};
use crate::store::{DossierRow, Store, StoreError};

pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/reports/ii06", get(ii06))
        .route("/api/v1/reports/satisfaction", get(satisfaction))
        .route("/api/v1/units/{unit}/trend", get(trend))
        .route("/api/v1/findings", get(found))
        .route("/api/v1/status", get(status))
        .route("/api/v1/dossiers/{code}", get(dossier))
        .route("/api/v1/machines", get(all_machines))
        .route("/api/v1/reference", get(reference::api))
        .route("/api/v1/reference/{table}", get(reference::api_table))
        .route("/api/v1/enrolment-codes", get(all_codes))
        .route("/api/v1/audit", get(audited))
        .route("/api/v1/people", get(everybody))
        .route("/api/v1/tokens", get(all_tokens))
        .route("/api/v1/operation", get(operation))
        .route("/metrics", get(metrics::page))
        .merge(figures::routes())
}

/// Whether whoever asks may read how the whole node stands.
pub async fn admitted(app: &App, headers: &HeaderMap) -> Result<(), Problem> {
    let viewer = viewer::identify(app, headers, String::new()).await?.ok_or_else(viewer::not_logged_in)?;
    viewer.sees_all(Right::Offices)
}

/// Who saw and did what, the newest first.
async fn audited(_: AuditViewer, State(app): State<App>, Query(asked): Query<AuditAsked>) -> Result<Response, Problem> {
    let lines = audit::lines(&app, &asked).await?;
    if asked.as_csv() {
        return Ok(csv::answer("audit", &audit::table(&lines)));
    }
    Ok(Json(lines).into_response())
}

/// Every agent with its certificate.
async fn all_machines(viewer: OfficesOf, State(app): State<App>) -> Result<Json<Vec<machines::Shown>>, Problem> {
    Ok(Json(app.read(move |store| machines::all(store, &viewer)).await??))
}

async fn all_codes(_: EnrollingViewer, State(app): State<App>) -> Result<Json<Vec<machines::CodeShown>>, Problem> {
    Ok(Json(app.read(machines::codes).await??))
}

async fn everybody(_: PeopleViewer, State(app): State<App>) -> Result<Json<Vec<people::Shown>>, Problem> {
    Ok(Json(app.read(people::all).await??))
}

async fn all_tokens(_: PeopleViewer, State(app): State<App>) -> Result<Json<Vec<tokens::Shown>>, Problem> {
    Ok(Json(app.read(tokens::all).await??))
}

async fn ii06(viewer: FiguresOf, State(app): State<App>, query: Asked<ReportQuery>) -> Result<Response, Problem> {
    let Report { period, view, as_csv, for_the_public } = report_query(query)?;
    // Whoever belongs to one unit sees its own figures, not those of what took its place.
    let view = if viewer.own.is_some() { View::Then } else { view };
    let unit = viewer.unit.clone();
    if for_the_public {
        return publication::ii06(&app, unit, period, as_csv).await;
    }
    let shown = app.read(move |store| rollup::ii06_as(store, unit.as_deref(), period, view, local_day(now()))).await??;
    if as_csv {
        let report = &shown.report;
        return Ok(csv::file(&format!("II06-{}-{}-{}", report.unit, report.from, report.to), report.to_csv()));
    }
    Ok(Json(shown).into_response())
}

async fn satisfaction(viewer: FiguresOf, State(app): State<App>, query: Asked<ReportQuery>) -> Result<Response, Problem> {
    let Report { period, as_csv, .. } = report_query(query)?.not_for_the_public()?;
    let unit = viewer.unit.clone();
    let judged = app.read(move |store| rollup::satisfaction(store, unit.as_deref(), period)).await??;
    if as_csv {
        let whole = &judged.whole;
        return Ok(csv::file(&format!("hai-long-{}-{}-{}", whole.unit, whole.from, whole.to), whole.to_csv()));
    }
    Ok(Json(judged).into_response())
}

/// Month by month, under the unit that is there now.
async fn trend(
    viewer: FiguresOf,
    State(app): State<App>,
    Path(in_address): Path<String>,
    query: Asked<ReportQuery>,
) -> Result<Response, Problem> {
    let Report { period, .. } = report_query(query)?.not_for_the_public()?;
    let unit = viewer.unit.clone().unwrap_or(in_address);
    if let Some(key) = viewer.own.as_ref().map(|own| own.key.clone()) {
        let is_own = move |store: &dyn Store| -> Result<_, StoreError> {
            Ok(store.organisation()?.now(&key, local_day(now())).iter().all(|share| share.key == key))
        };
        if !app.read(is_own).await?? {
            return Err(viewer::another_unit(&viewer));
        }
    }
    let points = app.read(move |store| rollup::trend(store, &unit, period, local_day(now()))).await??;
    Ok(Json(points).into_response())
}

/// `?from=&to=&unit=`, each may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FindingsQuery {
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
    /// Read by [`FindingsOf`].
    #[serde(rename = "unit")]
    _unit: Option<String>,
}

/// What is found now, with its state and history.
async fn found(viewer: FindingsOf, State(app): State<App>, query: Asked<FindingsQuery>) -> Result<Json<Vec<Listed>>, Problem> {
    let Query(FindingsQuery { from, to, .. }) = query.map_err(|rejection| {
        let detail = format!("from và to dạng 2023-05-29, unit là mã đơn vị; đều có thể bỏ trống ({}).", rejection.body_text());
        Problem::new(StatusCode::BAD_REQUEST, "query", "Tham số không hợp lệ", detail)
    })?;
    let (at, unit) = (now(), viewer.unit.clone());
    let mut found = app
        .write(move |store| -> Result<_, FindingsError> {
            findings::recheck_due(store, at)?;
            let day = to.unwrap_or_else(|| local_day(at));
            let key = match unit {
                Some(unit) => Some(store.organisation()?.resolve(&unit, day)),
                None => None,
            };
            Ok(findings::list(store, key.as_deref())?)
        })
        .await??;
    found.retain(|one| {
        let within = from.is_none_or(|from| one.finding.from >= from) && to.is_none_or(|to| one.finding.to <= to);
        within && one.state != Standing::Gone
    });
    Ok(Json(found))
}

async fn status(_: AllOffices, State(app): State<App>) -> Result<Json<NodeStatus>, Problem> {
    Ok(Json(app.read(|store| rollup::status(store, now())).await??))
}

/// Whether the server itself is well.
async fn operation(_: AllOffices, State(app): State<App>) -> Result<Json<Operation>, Problem> {
    let shared = app.clone();
    Ok(Json(app.read(move |store| shared.operation(store, now())).await??))
}

async fn dossier(viewer: DossiersOf, State(app): State<App>, Path(code): Path<String>) -> Result<Json<DossierRow>, Problem> {
    let found = app.read(move |store| store.dossiers_find(&code)).await??;
    let first = found.into_iter().find(|dossier| viewer.sees(&dossier.unit)).ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, "no-dossier", "Không tìm thấy", "Không có hồ sơ mang mã này trong dữ liệu đã nhận.")
    })?;
    Ok(Json(first))
}

impl From<ReportError> for Problem {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Store(error) => error.into(),
            ReportError::Backwards { .. } => {
                Problem::new(StatusCode::BAD_REQUEST, "period", "Kỳ báo cáo không hợp lệ", error.to_string())
            }
            ReportError::UnknownUnit(_) => {
                Problem::new(StatusCode::NOT_FOUND, "unknown-unit", "Không có đơn vị này", error.to_string())
            }
        }
    }
}

//! Figures and facts for other programs: JSON under `/api/v1/`.
//!
//! Promise: nothing without a session or a bearer token, except whether we are alive. Start at [`routes`] and [`Reader`].

mod figures;

use axum::extract::{FromRequestParts, Path, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use chrono::NaiveDate;
use motcua_shared::calendar::local_day;
use motcua_shared::rule::Standing;
use serde::Deserialize;

use self::figures::{Asked, Report, ReportQuery, report_query};
use super::pages::session_of;
use super::{App, Problem, csv, metrics, now};
use crate::auth::token_hash;
use crate::findings::{self, FindingsError, Listed};
use crate::operation::Operation;
use crate::rollup::{self, NodeStatus, ReportError};
use crate::store::DossierRow;

pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/reports/ii06", get(ii06))
        .route("/api/v1/reports/satisfaction", get(satisfaction))
        .route("/api/v1/units/{unit}/trend", get(trend))
        .route("/api/v1/findings", get(found))
        .route("/api/v1/status", get(status))
        .route("/api/v1/dossiers/{code}", get(dossier))
        .route("/api/v1/operation", get(operation))
        .route("/metrics", get(metrics::page))
        .merge(figures::routes())
}

/// Somebody with a session, or a program with a bearer token.
pub struct Reader;

impl FromRequestParts<App> for Reader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Reader, Problem> {
        admitted(app, &parts.headers).await?;
        Ok(Reader)
    }
}

/// Whether whoever asks may read figures.
pub async fn admitted(app: &App, headers: &HeaderMap) -> Result<(), Problem> {
    if session_of(app, headers).await?.is_some() {
        return Ok(());
    }
    let token = bearer(headers).ok_or_else(no_token)?;
    let hash = token_hash(token);
    app.read(move |store| store.token_find(hash)).await??.map(drop).ok_or_else(no_token)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn no_token() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "no-token",
        "Chưa đăng nhập",
        "Cần đăng nhập, hoặc gửi kèm mã truy cập (Authorization: Bearer …) do lệnh token create cấp.",
    )
}

async fn ii06(_: Reader, State(app): State<App>, query: Asked<ReportQuery>) -> Result<Response, Problem> {
    let Report { period, unit, view, as_csv } = report_query(query)?;
    let shown = app.read(move |store| rollup::ii06_as(store, unit.as_deref(), period, view, local_day(now()))).await??;
    if as_csv {
        let report = &shown.report;
        return Ok(csv::file(&format!("II06-{}-{}-{}", report.unit, report.from, report.to), report.to_csv()));
    }
    Ok(Json(shown).into_response())
}

async fn satisfaction(_: Reader, State(app): State<App>, query: Asked<ReportQuery>) -> Result<Response, Problem> {
    let Report { period, unit, as_csv, .. } = report_query(query)?;
    let judged = app.read(move |store| rollup::satisfaction(store, unit.as_deref(), period)).await??;
    if as_csv {
        let whole = &judged.whole;
        return Ok(csv::file(&format!("hai-long-{}-{}-{}", whole.unit, whole.from, whole.to), whole.to_csv()));
    }
    Ok(Json(judged).into_response())
}

/// Month by month, under the unit that is there now.
async fn trend(
    _: Reader,
    State(app): State<App>,
    Path(unit): Path<String>,
    query: Asked<ReportQuery>,
) -> Result<Response, Problem> {
    let Report { period, .. } = report_query(query)?;
    let points = app.read(move |store| rollup::trend(store, &unit, period, local_day(now()))).await??;
    Ok(Json(points).into_response())
}

/// `?from=&to=&unit=`, each may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FindingsQuery {
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
    unit: Option<String>,
}

/// What is found now, with its state and history.
async fn found(_: Reader, State(app): State<App>, query: Asked<FindingsQuery>) -> Result<Json<Vec<Listed>>, Problem> {
    let Query(FindingsQuery { from, to, unit }) = query.map_err(|rejection| {
        let detail = format!("from và to dạng 2023-05-29, unit là mã đơn vị; đều có thể bỏ trống ({}).", rejection.body_text());
        Problem::new(StatusCode::BAD_REQUEST, "query", "Tham số không hợp lệ", detail)
    })?;
    let at = now();
    let mut found = app
        .write(move |store| -> Result<_, FindingsError> {
            findings::recheck_due(store, at)?;
            let day = to.unwrap_or_else(|| local_day(at));
            let key = match unit.filter(|unit| !unit.is_empty()) {
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

async fn status(_: Reader, State(app): State<App>) -> Result<Json<NodeStatus>, Problem> {
    Ok(Json(app.read(|store| rollup::status(store, now())).await??))
}

/// Whether the server itself is well.
async fn operation(_: Reader, State(app): State<App>) -> Result<Json<Operation>, Problem> {
    let shared = app.clone();
    Ok(Json(app.read(move |store| shared.operation(store, now())).await??))
}

async fn dossier(_: Reader, State(app): State<App>, Path(code): Path<String>) -> Result<Json<DossierRow>, Problem> {
    let found = app.read(move |store| store.dossiers_find(&code)).await??;
    let first = found.into_iter().next().ok_or_else(|| {
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

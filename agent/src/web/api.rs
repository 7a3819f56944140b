//! The API for scripts and other systems: the same facts as the pages and the command line, and never a person.
//!
//! Promise: names stay; described by `/api/openapi.json`. Start at [`routes`].

use axum::extract::{Path, Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use chrono::NaiveDate;
use motcua_shared::book::Place;
use motcua_shared::calendar::LocalTime;
use motcua_shared::certainty::{Certainty, EnteredLate, Recorded, certainty, entered_late};
use motcua_shared::certification::Certified;
use motcua_shared::dossier::{Digitised, Dossier, Fault, Lack, Payment, Rating, Receiver, ReturnWay, Stay, SubmittedBy};
use motcua_shared::entry::Hash;
use motcua_shared::handover::HandedOver;
use motcua_shared::office::ReportFiled;
use motcua_shared::paper::Paper;
use motcua_shared::period::Period;
use motcua_shared::reference::Tables;
use motcua_shared::report::{Coverage, Ii06, OfficeCoverage};
use motcua_shared::satisfaction::Satisfaction;
use motcua_shared::survey::Answers;
use serde::{Deserialize, Serialize};

use super::fault::HttpError;
use super::{App, fault};
use crate::office::{Status, now};
use crate::store::{DossierFilter, DossierRow, Noted, Store, StoreError};

/// II.06 of this office with what it rests on.
pub fn ii06(store: &Store, Period { from, to }: Period) -> Result<Ii06, StoreError> {
    let status = Status::read(store)?;
    let entries = i64::try_from(status.head_seq).unwrap_or(i64::MAX);
    let coverage = Coverage::of(vec![OfficeCoverage {
        unit: status.unit.clone(),
        complete_to: store.recorded_last_at()?,
        entries,
        quarantined: 0,
        pending: i64::try_from(status.pending).unwrap_or(i64::MAX),
    }]);
    Ok(Ii06::compute(&status.unit, from, to, &store.sums(from, to)?, coverage))
}

/// The same as it is filed under the name of a form: with the heads of the log that it was counted from.
pub fn frozen(store: &Store, form: &str, period: Period) -> Result<ReportFiled, StoreError> {
    let report = ii06(store, period)?;
    Ok(ReportFiled {
        form: form.to_owned(),
        from: period.from,
        to: period.to,
        revision: 0,
        ruleset: report.ruleset.id.to_owned(),
        heads: store.heads()?,
        rows: report.rows,
        total: report.total,
        narrative: None,
        hash: Hash([0; 32]),
    })
}

/// A dossier as programs see it: never a person.
#[derive(Serialize)]
pub struct DossierJson {
    pub code: String,
    pub procedure: String,
    pub field: String,
    pub channel: String,
    pub state: String,
    pub received_at: Option<String>,
    pub due_at: Option<String>,
    pub finished_at: Option<String>,
    pub returned_at: Option<String>,
    pub verdict: Option<String>,
    /// Its line in the register book.
    pub book: Option<Place>,
    /// Code of the slip that came back complete as this dossier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub follows: Option<String>,
}

impl From<DossierRow> for DossierJson {
    fn from(row: DossierRow) -> DossierJson {
        DossierJson {
            code: row.code,
            procedure: row.procedure,
            field: row.field,
            channel: row.channel,
            state: row.state,
            received_at: row.received_at,
            due_at: row.due_at,
            finished_at: row.finished_at,
            returned_at: row.returned_at,
            verdict: row.verdict,
            book: row.book,
            follows: row.follows,
        }
    }
}

/// One dossier, and how far its due time and verdict can be relied on.
#[derive(Serialize)]
pub struct DossierShown {
    #[serde(flatten)]
    row: DossierJson,
    /// After a supplement: by the way of counting that is not official.
    due_at_other_mode: Option<String>,
    /// Of the verdict; `null` with it.
    certainty: Option<Certainty>,
    /// Steps that were recorded long after they happened.
    entered_late: Vec<EnteredLate>,
}

impl DossierShown {
    fn of(row: DossierJson, dossier: &Dossier, history: &[Recorded], tables: &Tables) -> DossierShown {
        let after_15h = dossier.after_15h_next_day(&tables.catalogue);
        DossierShown {
            row,
            due_at_other_mode: dossier.due_at_other_mode.map(|due| due.to_rfc3339()),
            certainty: certainty(dossier, history, after_15h, &tables.calendar),
            entered_late: entered_late(history, &tables.calendar),
        }
    }
}

/// One dossier with the whole of its life; what it has not is left out.
#[derive(Serialize)]
pub struct LifeJson {
    #[serde(flatten)]
    row: DossierShown,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    submitted_by: Option<SubmittedBy>,
    /// Of a petition, accepted for settlement.
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted_at: Option<LocalTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    awaiting_supplement_since: Option<LocalTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    turned_away: Option<TurnedAwayJson>,
    /// Codes of the dossiers that this slip became.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    followed_by: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    handed_over: Option<HandedOver>,
    #[serde(skip_serializing_if = "Option::is_none")]
    taken_over: Option<TakenOverJson>,
    supplements: u32,
    extensions: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stays: Vec<Stay>,
    payment: PaymentJson,
    digitised: Digitised,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    papers: Vec<Paper>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    certified: Vec<Certified>,
    #[serde(skip_serializing_if = "Option::is_none")]
    return_way: Option<ReturnWay>,
    #[serde(skip_serializing_if = "Option::is_none")]
    return_receiver: Option<Receiver>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rating: Option<Rating>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answers: Option<Answers>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    faults: Vec<Fault>,
}

/// Where it was received.
#[derive(Serialize)]
struct TakenOverJson {
    at: LocalTime,
    from: String,
    from_name: String,
}

#[derive(Serialize)]
struct TurnedAwayJson {
    at: LocalTime,
    lack: Lack,
}

#[derive(Serialize)]
struct PaymentJson {
    standing: Payment,
    fee_vnd: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    paid_vnd: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    awaited_since: Option<LocalTime>,
}

impl LifeJson {
    pub fn read(store: &Store, code: &str) -> Result<LifeJson, StoreError> {
        let (dossier, history) = store.dossier_recorded(code)?;
        let row = store.dossier_find(code)?.into();
        let life = LifeJson::of(DossierShown::of(row, &dossier, &history, store.tables()?.as_ref()), dossier);
        Ok(LifeJson { followed_by: store.slip_followed_by(code)?, ..life })
    }

    fn of(row: DossierShown, dossier: Dossier) -> LifeJson {
        let standing = dossier.payment();
        let awaited = dossier.payment_requested.filter(|_| standing == Payment::Awaited);
        LifeJson {
            row,
            payment: PaymentJson {
                standing,
                fee_vnd: dossier.received.as_ref().map_or(0, |received| received.fee_vnd),
                paid_vnd: dossier.paid.map(|paid| paid.amount_vnd),
                awaited_since: awaited.map(|requested| requested.at),
            },
            submitted_by: dossier.received.as_ref().map(|received| received.submitted_by),
            external_code: dossier.external_code,
            accepted_at: dossier.accepted_at,
            awaiting_supplement_since: dossier.awaiting_supplement_since,
            turned_away: dossier.turned_away.map(|slip| TurnedAwayJson { at: slip.at, lack: slip.lack }),
            followed_by: Vec::new(),
            handed_over: dossier.handed_over,
            taken_over: dossier.taken_over.map(|origin| TakenOverJson {
                at: origin.at,
                from: origin.from.clone(),
                from_name: origin.from_name.clone(),
            }),
            supplements: dossier.supplements,
            extensions: dossier.extensions,
            stays: dossier.stays,
            digitised: dossier.digitised,
            papers: dossier.papers,
            certified: dossier.certified,
            return_way: dossier.return_way,
            return_receiver: dossier.return_receiver,
            rating: dossier.rating,
            answers: dossier.answers,
            faults: dossier.faults,
        }
    }
}

/// The addresses of the API.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/status", get(status))
        .route("/api/v1/dossiers", get(dossiers))
        .route("/api/v1/dossiers/{code}", get(dossier))
        .route("/api/v1/reports/ii06", get(report))
        .route("/api/v1/reports/satisfaction", get(satisfaction))
        .route("/api/v1/findings", get(findings))
        .route("/api/openapi.json", get(description))
        .route("/api/{*rest}", get(fault::nowhere))
        .route("/healthz", get(health))
}

async fn status(State(app): State<App>) -> Result<Json<Status>, HttpError> {
    Ok(Json(app.read(|store, _| Status::read(store)).await?))
}

/// Days as they were given in the address.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Days {
    from: String,
    to: String,
}

impl Days {
    /// The period of a report: both days are needed.
    fn asked(&self) -> Result<Period, HttpError> {
        let asked = |name| HttpError::parameter(format!("Thiếu tham số {name}."), "Cần from và to, dạng 2026-11-22.");
        let from = day("from", &self.from)?.ok_or_else(|| asked("from"))?;
        let to = day("to", &self.to)?.ok_or_else(|| asked("to"))?;
        period(from, to)
    }
}

fn day(name: &str, text: &str) -> Result<Option<NaiveDate>, HttpError> {
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = || HttpError::parameter(format!("Tham số {name} không phải một ngày."), "Cần dạng 2026-11-22.");
    NaiveDate::parse_from_str(text, "%Y-%m-%d").map(Some).map_err(|_| wrong())
}

fn period(from: NaiveDate, to: NaiveDate) -> Result<Period, HttpError> {
    Period::new(from, to).map_err(|backwards| HttpError::parameter(backwards.to_string(), "Hãy đổi lại from và to."))
}

async fn dossiers(State(app): State<App>, Query(days): Query<Days>) -> Result<Json<Vec<DossierJson>>, HttpError> {
    let (from, to) = (day("from", &days.from)?, day("to", &days.to)?);
    if let (Some(from), Some(to)) = (from, to) {
        period(from, to)?;
    }
    let filter = DossierFilter { from, to, ..DossierFilter::default() };
    let rows = app.read(move |store, _| store.dossier_list(&filter)).await?;
    Ok(Json(rows.into_iter().map(DossierJson::from).collect()))
}

async fn dossier(State(app): State<App>, Path(code): Path<String>) -> Result<Json<LifeJson>, HttpError> {
    Ok(Json(app.read(move |store, _| LifeJson::read(store, &code)).await?))
}

async fn report(State(app): State<App>, Query(days): Query<Days>) -> Result<Json<Ii06>, HttpError> {
    let period = days.asked()?;
    Ok(Json(app.read(move |store, _| ii06(store, period)).await?))
}

async fn satisfaction(State(app): State<App>, Query(days): Query<Days>) -> Result<Json<Satisfaction>, HttpError> {
    let period = days.asked()?;
    Ok(Json(app.read(move |store, _| store.satisfaction(period)).await?))
}

/// What lies within the days given.
async fn findings(State(app): State<App>, Query(days): Query<Days>) -> Result<Json<Vec<Noted>>, HttpError> {
    let (from, to) = (day("from", &days.from)?, day("to", &days.to)?);
    let key = app.key.clone();
    let mut found = app.door.call(move |store| store.findings(&key, now())).await?;
    found.retain(|noted| from.is_none_or(|from| noted.finding.from >= from) && to.is_none_or(|to| noted.finding.to <= to));
    Ok(Json(found))
}

async fn description() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], include_str!("openapi.json"))
}

/// Alive, and the database answers.
async fn health(State(app): State<App>) -> Result<&'static str, HttpError> {
    app.read(|store, _| store.head()).await?;
    Ok("ok\n")
}

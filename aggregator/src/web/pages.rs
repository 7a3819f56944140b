//! Pages for the officers of the district: the communes side by side, one commune, form II.06.
//!
//! Promise: no page without a log-in; no script, nothing from other sites; what matters is said in words, never in
//! colour alone. Start at [`routes`] and [`Viewer`].

use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{DefaultBodyLimit, Form, FromRequestParts, Path, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Router, middleware};
use chrono::NaiveDate;
use motcua_shared::assets;
use motcua_shared::calendar::{LocalTime, local_day};
use motcua_shared::catalogue::field_name;
use motcua_shared::period::Period;
use motcua_shared::report::{Columns, Ii06, OfficeCoverage};
use motcua_shared::text::number;
use motcua_shared::unit::Organisation;
use serde::Deserialize;
use uuid::Uuid;

use super::sync::SMALL;
use super::{App, DoorError, Problem, findings, now};
use crate::auth::{self, AuthError, SESSION_HOURS, token_hash};
use crate::output::{absent_words, healing_words, people_time};
use crate::rollup::{self, NodeHealing, Office, ReportError};
use crate::store::{Role, Store, StoreError, StreamStatus};

const POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// Cookie of a session.
pub const COOKIE: &str = "__Host-motcua";
/// Reporting years offered beside the dates.
const YEARS: i32 = 6;
/// Quarantined entries that a page lists.
const LISTED: usize = 50;

pub fn routes() -> Router<App> {
    Router::new()
        .route("/", get(overview))
        .route("/units/{code}", get(unit))
        .route("/reports/ii06", get(report))
        .route("/reports/ii06.csv", get(report_csv))
        .route("/findings", get(findings::list))
        .route("/findings/{unit}/letter", get(findings::letter))
        .route("/findings/{unit}/{id}", get(findings::one).post(findings::decide))
        .route("/login", get(login_form).post(login))
        .route("/logout", post(logout))
        .layer(DefaultBodyLimit::max(SMALL))
        .layer(middleware::map_response(guarded))
        .route("/style.css", get(style))
}

/// What every page says to the browser.
async fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn style(headers: HeaderMap) -> Response {
    let tag = format!("\"{}\"", *assets::VERSION);
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    let fixed =
        [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    (fixed, [(header::ETAG, tag)], assets::STYLE).into_response()
}

/// A page that could not be shown.
pub struct PageError(Problem);

impl<E: Into<Problem>> From<E> for PageError {
    fn from(error: E) -> Self {
        PageError(error.into())
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    frame: Frame,
    problem: &'a Problem,
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let page = ErrorPage { frame: Frame::new(None), problem: &self.0 };
        let body = page.render().unwrap_or_else(|_| self.0.detail.clone());
        let response = (self.0.status, Html(body)).into_response();
        let mut response = response;
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        response
    }
}

/// For browsers that ask for what is not there.
pub fn not_found() -> PageError {
    PageError(Problem::not_found())
}

pub(super) fn show(page: &impl Template) -> Result<Response, PageError> {
    let body = page.render().map_err(|error| Problem::ours(&error))?;
    Ok(Html(body).into_response())
}

/// What stands around every page.
pub(super) struct Frame {
    pub(super) viewer: Option<String>,
}

impl Frame {
    pub(super) fn new(viewer: Option<&Viewer>) -> Frame {
        Frame { viewer: viewer.map(|viewer| viewer.name.clone()) }
    }
}

/// Somebody who is logged in: the right to look.
pub struct Viewer {
    pub name: String,
    pub role: Role,
}

impl FromRequestParts<App> for Viewer {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Viewer, Response> {
        match session_of(app, &parts.headers).await {
            Ok(Some((name, role))) => Ok(Viewer { name, role }),
            Ok(None) => Err(Redirect::to("/login").into_response()),
            Err(problem) => Err(PageError(problem).into_response()),
        }
    }
}

/// Who is logged in, by the cookie of the request.
pub async fn session_of(app: &App, headers: &HeaderMap) -> Result<Option<(String, Role)>, Problem> {
    let Some(token) = cookie(headers) else { return Ok(None) };
    let hash = token_hash(token);
    Ok(app.read(move |store| store.session_find(hash, now())).await??)
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies =
        headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
    cookies.filter_map(|pair| pair.trim().split_once('=')).find(|(name, _)| *name == COOKIE).map(|(_, value)| value)
}

/// A form that one of our own pages sent, not another site.
pub struct SameOrigin;

impl FromRequestParts<App> for SameOrigin {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<SameOrigin, PageError> {
        if comes_from_us(&parts.headers) {
            return Ok(SameOrigin);
        }
        Err(PageError(Problem::new(
            StatusCode::FORBIDDEN,
            "cross-origin",
            "Yêu cầu từ trang khác",
            "Biểu mẫu này không được gửi từ trang của máy chủ tổng hợp. Hãy mở lại trang đăng nhập.",
        )))
    }
}

fn comes_from_us(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or("?"));
    match (text(header::HeaderName::from_static("sec-fetch-site")), text(header::ORIGIN)) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => origin.strip_prefix("https://").is_some_and(|host| Some(host) == text(header::HOST)),
        (None, None) => true, // no browser: it carries nobody's cookies
    }
}

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    frame: Frame,
    name: String,
    problem: Option<String>,
}

async fn login_form(State(app): State<App>, headers: HeaderMap) -> Result<Response, PageError> {
    if session_of(&app, &headers).await?.is_some() {
        return Ok(Redirect::to("/").into_response());
    }
    show(&LoginPage { frame: Frame::new(None), name: String::new(), problem: None })
}

#[derive(Deserialize)]
struct Login {
    name: String,
    password: String,
}

async fn login(State(app): State<App>, _: SameOrigin, form: Result<Form<Login>, FormRejection>) -> Result<Response, PageError> {
    let Ok(Form(Login { name, password })) = form else {
        return login_again(String::new(), StatusCode::BAD_REQUEST, "Hãy điền tên đăng nhập và mật khẩu.".to_owned());
    };
    let name = name.trim().to_owned();
    match try_login(&app, name.clone(), password).await? {
        Ok(token) => {
            let lifetime = SESSION_HOURS * 3600;
            let cookie = format!("{COOKIE}={token}; Path=/; Max-Age={lifetime}; HttpOnly; Secure; SameSite=Strict");
            Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response())
        }
        Err(AuthError::Store(error)) => Err(error.into()),
        Err(error @ AuthError::Locked(_)) => login_again(name, StatusCode::TOO_MANY_REQUESTS, error.to_string()),
        Err(error) => login_again(name, StatusCode::UNAUTHORIZED, error.to_string()),
    }
}

async fn try_login(app: &App, name: String, password: String) -> Result<Result<String, AuthError>, DoorError> {
    let at = now();
    let candidate = match app.read(move |store| auth::candidate(store, &name, at)).await? {
        Ok(candidate) => candidate,
        Err(error) => return Ok(Err(error)),
    };
    let (candidate, holds) = app
        .hash(move || {
            let holds = auth::password_holds(candidate.as_ref(), &password);
            (candidate, holds)
        })
        .await?;
    app.write(move |store| auth::log_in(store, candidate.as_ref(), holds, at)).await
}

fn login_again(name: String, status: StatusCode, problem: String) -> Result<Response, PageError> {
    let page = show(&LoginPage { frame: Frame::new(None), name, problem: Some(problem) })?;
    Ok((status, page).into_response())
}

async fn logout(State(app): State<App>, _: SameOrigin, headers: HeaderMap) -> Result<Response, PageError> {
    if let Some(token) = cookie(&headers) {
        let hash = token_hash(token);
        app.write(move |store| store.session_end(hash)).await??;
    }
    let gone = format!("{COOKIE}=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Strict");
    Ok(([(header::SET_COOKIE, gone)], Redirect::to("/login")).into_response())
}

/// Days as typed into the period chooser or carried by a link.
#[derive(Debug, Default, Deserialize)]
struct PeriodQuery {
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    unit: String,
}

/// The period of a page, its chooser, and what was wrong with what was typed.
struct PeriodView {
    action: String,
    /// The same as a query for links.
    query: String,
    from: String,
    to: String,
    problem: Option<String>,
    years: Vec<YearLink>,
}

struct YearLink {
    label: String,
    query: String,
    current: bool,
}

impl PeriodQuery {
    /// What was asked for, `None` when nothing was, or what is wrong with it.
    fn period(&self) -> Result<Option<Period>, String> {
        if self.from.trim().is_empty() && self.to.trim().is_empty() {
            return Ok(None);
        }
        let wrong = || "Hãy ghi đủ ngày bắt đầu và ngày kết thúc, dạng ngày/tháng/năm, ví dụ 29/05/2023.".to_owned();
        let (from, to) = typed_day(&self.from).zip(typed_day(&self.to)).ok_or_else(wrong)?;
        Period::new(from, to).map(Some).map_err(|_| "Ngày bắt đầu phải trước ngày kết thúc.".to_owned())
    }
}

/// A day as people here write it, or as links carry it.
fn typed_day(text: &str) -> Option<NaiveDate> {
    let text = text.trim();
    ["%d/%m/%Y", "%d-%m-%Y", "%Y-%m-%d"].iter().find_map(|form| NaiveDate::parse_from_str(text, form).ok())
}

/// The period to show, and what was wrong with the one that was asked for. Unasked: the reporting year of the newest
/// dossier that arrived.
fn chosen(store: &dyn Store, query: &PeriodQuery, today: NaiveDate) -> Result<(Period, Option<String>), StoreError> {
    let problem = match query.period() {
        Ok(Some(period)) => return Ok((period, None)),
        Ok(None) => None,
        Err(problem) => Some(problem),
    };
    let newest = Period::year_of(store.dossier_newest_day()?.unwrap_or(today));
    let period = if newest < Period::year_of(today) { Period::year(newest) } else { Period::year_to(today) };
    Ok((period, problem))
}

impl PeriodView {
    fn new(action: impl Into<String>, period: Period, problem: Option<String>, today: NaiveDate) -> PeriodView {
        let this_year = Period::year_of(today);
        let link = |label: String, shown: Period| YearLink { label, query: query_of(shown), current: shown == period };
        let mut years: Vec<YearLink> =
            (this_year - YEARS + 1..this_year).map(|year| link(format!("Năm {year}"), Period::year(year))).collect();
        years.push(link(format!("Năm {this_year} đến nay"), Period::year_to(today)));
        PeriodView { action: action.into(), query: query_of(period), from: day(period.from), to: day(period.to), problem, years }
    }
}

fn query_of(period: Period) -> String {
    format!("from={}&to={}", period.from, period.to)
}

fn day(day: NaiveDate) -> String {
    day.format("%d/%m/%Y").to_string()
}

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    frame: Frame,
    node: String,
    period: PeriodView,
    rows: Vec<OfficeRow>,
    total: OfficeRow,
    reporting: String,
    healing: Option<String>,
    /// Nothing of it is outstanding any more.
    healed: bool,
    absent: Vec<AbsentRow>,
}

/// An office that missed its night.
struct AbsentRow {
    code: String,
    name: String,
    words: String,
}

/// One commune in words and numbers as they are shown.
#[derive(Default)]
struct OfficeRow {
    code: String,
    name: String,
    state: Standing,
    entries: String,
    received: String,
    resolved: String,
    resolved_overdue: String,
    open: String,
    open_overdue: String,
    quarantined: String,
    waiting: String,
    version: String,
    last_seen: String,
}

/// A state in words, and how loudly.
#[derive(Default)]
struct Standing {
    words: String,
    /// `good`, `wait`, `bad` or `none`: a mark beside the words, never instead of them.
    mark: &'static str,
}

fn state_of(office: &Office) -> Standing {
    let OfficeCoverage { complete_to, quarantined, pending, .. } = &office.coverage;
    let (words, mark) = match () {
        () if office.forked > 0 => ("nhật ký có hai nhánh".to_owned(), "bad"),
        () if *quarantined > 0 => (format!("bị giữ lại {}", number(*quarantined)), "bad"),
        () if complete_to.is_none() => ("chưa gửi gì".to_owned(), "none"),
        () if *pending > 0 => (format!("còn chờ {}", number(*pending)), "wait"),
        () => ("đã gửi đủ".to_owned(), "good"),
    };
    Standing { words, mark }
}

fn office_row(office: &Office) -> OfficeRow {
    OfficeRow {
        code: office.code.clone(),
        name: office.name.clone(),
        state: state_of(office),
        entries: number(office.coverage.entries),
        received: number(office.received),
        resolved: number(office.resolved),
        resolved_overdue: number(office.resolved_overdue),
        open: number(office.open),
        open_overdue: number(office.open_overdue),
        quarantined: number(office.coverage.quarantined),
        waiting: number(office.coverage.pending),
        version: office.agent_version.clone().unwrap_or_else(|| "–".to_owned()),
        last_seen: match &office.last_seen_at {
            Some(at) => people_time(at),
            None if office.enrolled => "chưa liên lạc".to_owned(),
            None => "chưa đăng ký".to_owned(),
        },
    }
}

fn total_row(offices: &[Office]) -> OfficeRow {
    let sum = |of: fn(&Office) -> i64| number(offices.iter().map(of).sum());
    OfficeRow {
        name: "Tổng cộng".to_owned(),
        entries: sum(|office| office.coverage.entries),
        received: sum(|office| office.received),
        resolved: sum(|office| office.resolved),
        resolved_overdue: sum(|office| office.resolved_overdue),
        open: sum(|office| office.open),
        open_overdue: sum(|office| office.open_overdue),
        quarantined: sum(|office| office.coverage.quarantined),
        waiting: sum(|office| office.coverage.pending),
        ..OfficeRow::default()
    }
}

async fn overview(viewer: Viewer, State(app): State<App>, Query(query): Query<PeriodQuery>) -> Result<Response, PageError> {
    let at = now();
    let today = local_day(at);
    let (node, (period, problem), offices, healing, absent) = app
        .read(move |store| -> Result<_, StoreError> {
            let chosen = chosen(store, &query, today)?;
            let offices = rollup::offices(store, chosen.0)?;
            let status = rollup::status(store, at)?;
            Ok((node_name(store, at)?, chosen, offices, status.healing, status.missed_nights))
        })
        .await??;
    let complete = offices.iter().filter(|office| state_of(office).mark == "good").count();
    show(&OverviewPage {
        frame: Frame::new(Some(&viewer)),
        node,
        period: PeriodView::new("/", period, problem, today),
        rows: offices.iter().map(office_row).collect(),
        total: total_row(&offices),
        reporting: format!("{complete} trên {} đơn vị đã gửi đủ những gì đã ghi", offices.len()),
        healed: healing.as_ref().is_some_and(NodeHealing::is_over),
        healing: healing.as_ref().map(healing_words),
        absent: absent
            .into_iter()
            .map(|office| AbsentRow { words: absent_words(&office), code: office.unit, name: office.name })
            .collect(),
    })
}

/// Name and code of the node.
fn node_name(store: &dyn Store, at: LocalTime) -> Result<String, StoreError> {
    let node = rollup::node(store)?;
    let name = store.organisation().map(|all| all.name(&all.resolve(&node.code, local_day(at))).to_owned())?;
    Ok(if name == node.code { format!("Đơn vị {name}") } else { format!("{name} ({})", node.code) })
}

/// Form II.06 as a table.
struct FormView {
    rows: Vec<FormRow>,
    total: Vec<String>,
    basis: &'static str,
    ruleset: &'static str,
}

struct FormRow {
    place: usize,
    field: String,
    cells: Vec<String>,
}

impl FormView {
    fn new(report: &Ii06) -> FormView {
        let cells = |columns: &Columns| columns.cells().map(number).to_vec();
        let rows = (1..).zip(&report.rows).map(|(place, row)| FormRow {
            place,
            field: field_name(&row.field).to_owned(),
            cells: cells(&row.columns),
        });
        FormView { rows: rows.collect(), total: cells(&report.total), basis: report.ruleset.basis, ruleset: report.ruleset.id }
    }
}

#[derive(Template)]
#[template(path = "unit.html")]
struct UnitPage {
    frame: Frame,
    name: String,
    code: String,
    coverage: String,
    csv: String,
    period: PeriodView,
    form: FormView,
    streams: Vec<StreamRow>,
    quarantine: Vec<QuarantineRow>,
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

/// `offset_ms`: our clock minus the agent's.
fn clock_words(offset_ms: i64) -> String {
    let seconds = (offset_ms.saturating_abs() + 500) / 1000;
    let direction = if offset_ms > 0 { "chậm" } else { "nhanh" };
    match seconds {
        0..=59 => "đúng giờ".to_owned(),
        60..=5_399 => format!("{direction} {} phút", number(seconds / 60)),
        5_400..=172_799 => format!("{direction} {} giờ", number((seconds + 1_800) / 3_600)),
        _ => format!("{direction} {} ngày", number(seconds / 86_400)),
    }
}

fn coverage_words(office: &OfficeCoverage) -> String {
    let entries = number(office.entries);
    match (&office.complete_to, office.pending, office.quarantined) {
        (None, 0, _) => "Chưa gửi gì.".to_owned(),
        (None, pending, _) => format!("Chưa gửi gì; ở xã còn {} bản ghi chờ gửi.", number(pending)),
        (Some(at), 0, 0) => format!("Đủ đến {}: {entries} bản ghi, không còn gì chờ.", people_time(at)),
        (Some(at), pending, quarantined) => format!(
            "Nhận lần cuối {}: {entries} bản ghi; ở xã còn chờ {}; bị giữ lại, chưa tính {}.",
            people_time(at),
            number(pending),
            number(quarantined)
        ),
    }
}

async fn unit(
    viewer: Viewer,
    State(app): State<App>,
    Path(code): Path<String>,
    Query(query): Query<PeriodQuery>,
) -> Result<Response, PageError> {
    let at = now();
    let today = local_day(at);
    let asked = code.clone();
    let (name, (period, problem), report, streams, quarantine) = app
        .read(move |store| -> Result<_, ReportError> {
            let chosen = chosen(store, &query, today)?;
            let key = store.organisation()?.resolve(&asked, chosen.0.to);
            let name = crate::authority::unit_name(store, &key)?;
            let report = rollup::ii06(store, Some(&asked), chosen.0)?;
            Ok((name, chosen, report, store.streams(Some(&key))?, store.quarantine_list(Some(&key), LISTED)?))
        })
        .await??;
    let view = PeriodView::new(format!("/units/{code}"), period, problem, today);
    show(&UnitPage {
        frame: Frame::new(Some(&viewer)),
        name,
        coverage: report.coverage.units.first().map(coverage_words).unwrap_or_default(),
        csv: format!("/reports/ii06.csv?unit={code}&{}", view.query),
        code,
        period: view,
        form: FormView::new(&report),
        streams: streams.iter().map(stream_row).collect(),
        quarantine: quarantine.into_iter().map(quarantine_row).collect(),
    })
}

fn quarantine_row((stream, seq, reason): (Uuid, u64, String)) -> QuarantineRow {
    QuarantineRow { stream: short(stream), seq: number(i64::try_from(seq).unwrap_or(i64::MAX)), reason }
}

#[derive(Template)]
#[template(path = "report.html")]
struct ReportPage {
    frame: Frame,
    node: String,
    csv: String,
    period: PeriodView,
    form: FormView,
    complete: String,
    coverage: Vec<CoverageRow>,
}

struct CoverageRow {
    code: String,
    name: String,
    words: String,
}

fn coverage_row(office: &OfficeCoverage, units: &Organisation, day: NaiveDate) -> CoverageRow {
    let name = units.name(&units.resolve(&office.unit, day)).to_owned();
    CoverageRow { code: office.unit.clone(), name, words: coverage_words(office) }
}

async fn report(viewer: Viewer, State(app): State<App>, Query(query): Query<PeriodQuery>) -> Result<Response, PageError> {
    let at = now();
    let today = local_day(at);
    let (node, (period, problem), report, units) = app
        .read(move |store| -> Result<_, ReportError> {
            let chosen = chosen(store, &query, today)?;
            let report = rollup::ii06(store, None, chosen.0)?;
            Ok((node_name(store, at)?, chosen, report, store.organisation()?))
        })
        .await??;
    let view = PeriodView::new("/reports/ii06", period, problem, today);
    let coverage = &report.coverage;
    show(&ReportPage {
        frame: Frame::new(Some(&viewer)),
        node,
        csv: format!("/reports/ii06.csv?{}", view.query),
        period: view,
        form: FormView::new(&report),
        complete: format!("{} trên {} đơn vị đã gửi đủ những gì đã ghi.", number(coverage.complete), number(coverage.offices)),
        coverage: coverage.units.iter().map(|office| coverage_row(office, &units, period.to)).collect(),
    })
}

async fn report_csv(_: Viewer, State(app): State<App>, Query(query): Query<PeriodQuery>) -> Result<Response, PageError> {
    let wrong = |problem| Problem::new(StatusCode::BAD_REQUEST, "period", "Kỳ báo cáo không hợp lệ", problem);
    let period = query.period().map_err(wrong)?.unwrap_or_else(|| Period::year_to(local_day(now())));
    let unit = (!query.unit.is_empty()).then_some(query.unit);
    let report = app.read(move |store| rollup::ii06(store, unit.as_deref(), period)).await??;
    let name: String = report.unit.chars().filter(char::is_ascii_alphanumeric).collect();
    let file = format!("attachment; filename=\"II06-{name}-{}-{}.csv\"", report.from, report.to);
    let fixed = [(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, file)];
    Ok((fixed, report.to_csv()).into_response())
}

//! Pages for the officers of the district: their frame, the way in and out, and which page is where.
//!
//! Promise: no page without a log-in; no script, nothing from other sites; what matters is said in words, never in
//! colour alone. Start at [`routes`] and [`Viewer`].

use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{DefaultBodyLimit, Form, FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Router, middleware};
use motcua_shared::access::SESSION_HOURS;
use motcua_shared::assets;
use motcua_shared::calendar::{LocalTime, local_day};
use motcua_shared::report::OfficeCoverage;
use motcua_shared::text::number;
use serde::Deserialize;

use super::sync::SMALL;
use super::{
    App, DoorError, Problem, commune, comparison, dashboard, files, findings, health, index, narrative, now, receipt, reports,
};
use crate::auth::{self, AuthError, token_hash};
use crate::output::people_time;
use crate::rollup;
use crate::store::{Role, Store, StoreError};

const POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// Cookie of a session.
pub const COOKIE: &str = "__Host-motcua";

pub fn routes() -> Router<App> {
    Router::new()
        .route("/", get(dashboard::dashboard))
        .route("/compare", get(comparison::page))
        .route("/receipts", get(receipt::page))
        .route("/compare/file/{format}", get(comparison::page_file))
        .route("/reports/ii06/file/{format}", get(files::ii06))
        .route("/compare.csv", get(comparison::page_csv))
        .route("/units/{code}", get(commune::page))
        .route("/reports/ii06", get(reports::ii06))
        .route("/reports/ii06.csv", get(reports::ii06_csv))
        .route("/reports/procedures", get(reports::procedures))
        .route("/reports/procedures.csv", get(reports::procedures_csv))
        .route("/reports/narrative", get(narrative::page).post(narrative::save).layer(DefaultBodyLimit::max(narrative::LARGEST)))
        .route("/reports/narrative/file/{format}", get(narrative::file))
        .route("/reports/narrative/filed/{id}/{format}", get(narrative::filed))
        .route("/reports/filed", get(reports::filed_list).post(reports::file))
        .route("/reports/filed/{id}", get(reports::filed_report))
        .route("/index766", get(index::page).post(index::save))
        .route("/offices", get(health::page))
        .route("/findings", get(findings::list))
        .route("/findings/rules", get(findings::rules))
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
        let page = ErrorPage { frame: Frame::outside(), problem: &self.0 };
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

pub fn show(page: &impl Template) -> Result<Response, PageError> {
    let body = page.render().map_err(|error| Problem::ours(&error))?;
    Ok(Html(body).into_response())
}

/// The parts of the desk, in the order of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    Dashboard,
    Comparison,
    Reports,
    Index,
    Findings,
    Health,
}

const SECTIONS: [(Section, &str, &str); 6] = [
    (Section::Dashboard, "/", "Tổng quan"),
    (Section::Comparison, "/compare", "So sánh"),
    (Section::Reports, "/reports/ii06", "Báo cáo"),
    (Section::Index, "/index766", "Chỉ số 766"),
    (Section::Findings, "/findings", "Kiểm tra"),
    (Section::Health, "/offices", "Gửi dữ liệu"),
];

/// One entry of the navigation.
pub struct NavLink {
    pub address: &'static str,
    pub name: &'static str,
    pub current: bool,
}

/// What stands around every page.
pub struct Frame {
    pub viewer: Option<String>,
    section: Option<Section>,
}

impl Frame {
    /// Of a page for anybody.
    fn outside() -> Frame {
        Frame { viewer: None, section: None }
    }

    pub fn of(viewer: &Viewer, section: Section) -> Frame {
        Frame { viewer: Some(viewer.name.clone()), section: Some(section) }
    }

    pub fn links(&self) -> Vec<NavLink> {
        let link = |(section, address, name)| NavLink { address, name, current: self.section == Some(section) };
        SECTIONS.into_iter().map(link).collect()
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
    let at = now();
    let found = app.read(move |store| store.session_find(hash, at)).await??;
    if found.as_ref().is_some_and(|(_, _, session)| session.is_to_be_noted(at)) {
        app.write(move |store| store.session_use(hash, at)).await??;
    }
    Ok(found.map(|(name, role, _)| (name, role)))
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
    show(&LoginPage { frame: Frame::outside(), name: String::new(), problem: None })
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
    let page = show(&LoginPage { frame: Frame::outside(), name, problem: Some(problem) })?;
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

/// Name and code of the node.
pub fn node_name(store: &dyn Store, at: LocalTime) -> Result<String, StoreError> {
    let node = rollup::node(store)?;
    let name = store.organisation().map(|all| all.name(&all.resolve(&node.code, local_day(at))).to_owned())?;
    Ok(if name == node.code { format!("Đơn vị {name}") } else { format!("{name} ({})", node.code) })
}

/// How far an office has reported.
pub fn coverage_words(office: &OfficeCoverage) -> String {
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

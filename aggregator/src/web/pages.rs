//! Pages for the officers of the district: their frame, and which page is where.
//!
//! Promise: no page without a log-in; no script, nothing from other sites; what matters is said in words, never in
//! colour alone. Start at [`routes`] and [`Frame`]; who may open what is said in [`super::viewer`].

use askama::Template;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use motcua_shared::access::node::Right;
use motcua_shared::assets;
use motcua_shared::calendar::{LocalTime, local_day};
use motcua_shared::report::OfficeCoverage;
use motcua_shared::text::number;

use super::period::encoded;
use super::sync::SMALL;
use super::viewer::Viewer;
use super::{
    App, Problem, audit, commune, comparison, dashboard, findings, guard, health, index, log_in, machines, people, reference,
    reports, tokens,
};
use crate::output::people_time;
use crate::rollup;
use crate::store::{Store, StoreError};

/// Most bytes of a file that is sent from a page.
const LARGEST_FILE: usize = 4 << 20;

pub fn routes() -> Router<App> {
    Router::new()
        .route("/", get(dashboard::dashboard))
        .route("/compare", get(comparison::page))
        .route("/compare.csv", get(comparison::page_csv))
        .route("/units/{unit}", get(commune::page))
        .route("/reports/ii06", get(reports::ii06))
        .route("/reports/ii06.csv", get(reports::ii06_csv))
        .route("/reports/procedures", get(reports::procedures))
        .route("/reports/procedures.csv", get(reports::procedures_csv))
        .route("/reports/filed", get(reports::filed_list).post(reports::file))
        .route("/reports/filed/{id}", get(reports::filed_report))
        .route("/index766", get(index::page).post(index::save))
        .route("/offices", get(health::page))
        .route("/findings", get(findings::list))
        .route("/findings/rules", get(findings::rules))
        .route("/findings/{unit}/letter", get(findings::letter))
        .route("/findings/{unit}/{id}", get(findings::one).post(findings::decide))
        .route("/people", get(people::list).post(people::add))
        .route("/people/{name}/role", post(people::role))
        .route("/people/{name}/disable", post(people::disable))
        .route("/people/{name}/enable", post(people::enable))
        .route("/people/{name}/password", post(people::reset))
        .route("/password", get(people::password_form).post(people::password))
        .route("/tokens", get(tokens::list).post(tokens::create))
        .route("/tokens/{name}/revoke", post(tokens::revoke))
        .route("/machines", get(machines::list))
        .route("/machines/code", post(machines::give))
        .route("/machines/code/{handle}/cancel", post(machines::cancel))
        .route("/machines/{stream}/revoke", get(machines::ask).post(machines::revoke))
        .route("/reference", get(reference::overview))
        .route("/reference/import", post(reference::import).layer(DefaultBodyLimit::max(LARGEST_FILE)))
        .route("/reference/publish", post(reference::publish))
        .route("/reference/discard", post(reference::discard))
        .route("/reference/versions/{version}", get(reference::version))
        .route("/reference/table.csv", get(reference::file))
        .route("/reference/tables/{table}", get(reference::one_table))
        .route("/reference/tables/{table}/add", post(reference::add))
        .route("/reference/tables/{table}/remove", post(reference::remove))
        .route("/audit", get(audit::page))
        .route("/audit.csv", get(audit::page_csv))
        .route("/login", get(log_in::form).post(log_in::log_in))
        .route("/logout", post(log_in::log_out))
        .layer(DefaultBodyLimit::max(SMALL))
        .route("/style.css", get(style))
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

/// A page that could not be shown. The guard puts it into words and frame.
pub struct PageError(Problem);

impl<E: Into<Problem>> From<E> for PageError {
    fn from(error: E) -> Self {
        PageError(error.into())
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    frame: Frame,
    problem: &'a Problem,
}

/// A fault in words for a person.
pub fn error_page(problem: &Problem, frame: Frame) -> Response {
    let body = ErrorPage { frame, problem }.render().unwrap_or_else(|_| problem.detail.clone());
    (problem.status, [(header::CONTENT_SECURITY_POLICY, guard::POLICY)], Html(body)).into_response()
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
    Reference,
    Manage,
}

const SECTIONS: [(Section, &str, &str, Right); 8] = [
    (Section::Dashboard, "/", "Tổng quan", Right::Figures),
    (Section::Comparison, "/compare", "So sánh", Right::Figures),
    (Section::Reports, "/reports/ii06", "Báo cáo", Right::Figures),
    (Section::Index, "/index766", "Chỉ số 766", Right::Figures),
    (Section::Findings, "/findings", "Kiểm tra", Right::Findings),
    (Section::Health, "/offices", "Gửi dữ liệu", Right::Offices),
    (Section::Reference, "/reference", "Danh mục", Right::Reference),
    (Section::Manage, "/people", "Quản trị", Right::People),
];

/// One entry of the navigation.
pub struct NavLink {
    pub address: String,
    pub name: &'static str,
    pub current: bool,
}

/// What stands around every page.
pub struct Frame {
    pub viewer: Option<Viewer>,
    section: Option<Section>,
}

impl Frame {
    /// Of a page for anybody.
    pub fn outside() -> Frame {
        Frame { viewer: None, section: None }
    }

    /// Of a page that belongs to no part.
    pub fn plain(viewer: &Viewer) -> Frame {
        Frame { viewer: Some(viewer.clone()), section: None }
    }

    pub fn of(viewer: &Viewer, section: Section) -> Frame {
        Frame { viewer: Some(viewer.clone()), section: Some(section) }
    }

    /// Where the viewer may go. Whoever belongs to one commune begins there.
    pub fn links(&self) -> Vec<NavLink> {
        let Some(viewer) = &self.viewer else { return Vec::new() };
        let own = viewer.own.as_ref().map(|own| encoded(&own.code));
        let there = SECTIONS.into_iter().filter(|(.., right)| viewer.may(*right));
        there
            .filter(|(section, ..)| own.is_none() || *section != Section::Comparison)
            .map(|(section, address, name, _)| NavLink {
                address: match (&own, section) {
                    (Some(unit), Section::Dashboard) => format!("/units/{unit}"),
                    (Some(unit), Section::Reports | Section::Index) => format!("{address}?unit={unit}"),
                    _ => address.to_owned(),
                },
                name: if own.is_some() && section == Section::Dashboard { "Xã của tôi" } else { name },
                current: self.section == Some(section),
            })
            .collect()
    }

    /// Whether the viewer sees more than one commune.
    pub fn sees_all(&self) -> bool {
        self.viewer.as_ref().is_none_or(|viewer| viewer.own.is_none())
    }
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

//! The list of dossiers with their deadlines.
//!
//! Promise: overdue and due today are said in words. Start at [`show`].

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Html;
use motcua_shared::calendar::LocalTime;
use motcua_shared::reference::Tables;
use motcua_shared::text::number;
use serde::Deserialize;

use super::fault::HttpError;
use super::viewer::Viewer;
use super::{App, Frame, html};
use crate::office::now;
use crate::store::{DossierFilter, DossierRow};
use crate::words::{self, DueWords};

const PAGE: u32 = 50;

/// Code and name of each tab; the code is also a key of the store's counts.
const TABS: [(&str, &str); 9] = [
    ("all", "Tất cả"),
    ("processing", "Đang giải quyết"),
    ("overdue", "Quá hạn"),
    ("awaiting_supplement", "Chờ bổ sung"),
    ("finished", "Có kết quả, chưa trả"),
    ("returned", "Đã trả"),
    ("guided", "Chờ hoàn thiện"),
    ("declined", "Từ chối tiếp nhận"),
    ("voided", "Đã hủy"),
];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    tab: String,
    page: String,
}

struct Tab {
    code: &'static str,
    name: &'static str,
    count: String,
    current: bool,
}

struct Line {
    code: String,
    procedure: String,
    applicant: String,
    received: String,
    due: String,
    due_words: DueWords,
    state: String,
}

#[derive(Template)]
#[template(path = "list.html")]
struct ListPage {
    frame: Option<Frame>,
    nav: &'static str,
    tabs: Vec<Tab>,
    tab: &'static str,
    tab_name: &'static str,
    lines: Vec<Line>,
    page: u32,
    pages: u32,
    total: String,
}

/// Dossiers of a tab, newest first, fifty to a page.
pub async fn show(viewer: Viewer, State(app): State<App>, Query(asked): Query<Asked>) -> Result<Html<String>, HttpError> {
    let (tab, tab_name) = tab(&asked.tab)?;
    let page = page(&asked.page)?;
    let list = app
        .read(move |store, key| {
            let now = now();
            let counts = store.dossier_counts(now)?;
            let count = |tab: &str| match tab {
                "all" => counts.iter().filter(|(state, _)| *state != "overdue").map(|(_, count)| *count).sum(),
                tab => counts.get(tab).copied().unwrap_or(0),
            };
            let total: i64 = count(tab);
            let rows = store.dossier_list(&filter(tab, page, now))?;
            let persons = store.persons(&rows, key)?;
            let names = persons.into_iter().map(|person| person.and_then(|mut person| person.name.take()).unwrap_or_default());
            let tables = store.tables()?;
            let lines = rows.into_iter().zip(names).map(|(row, name)| line(&tables, row, name, now)).collect();
            let tabs = TABS.map(|(code, name)| Tab { code, name, count: number(count(code)), current: code == tab });
            let pages = pages(total, PAGE);
            let frame = Frame::read(store, &viewer)?;
            Ok(ListPage { frame, nav: "list", tabs: tabs.into(), tab, tab_name, lines, page, pages, total: number(total) })
        })
        .await?;
    html(&list)
}

fn tab(asked: &str) -> Result<(&'static str, &'static str), HttpError> {
    let wanted = if asked.is_empty() { "all" } else { asked };
    let unknown = || HttpError::parameter("Không có nhóm hồ sơ này.", "Hãy chọn một nhóm trong danh sách hồ sơ.");
    TABS.into_iter().find(|(code, _)| *code == wanted).ok_or_else(unknown)
}

pub(super) fn page(asked: &str) -> Result<u32, HttpError> {
    let wanted = if asked.is_empty() { "1" } else { asked };
    let wrong = || HttpError::parameter("Số trang không hợp lệ.", "Hãy dùng các liên kết ở cuối danh sách.");
    wanted.parse().ok().filter(|page| (1..=1_000_000).contains(page)).ok_or_else(wrong)
}

/// Pages that `total` lines fill, at least one.
pub(super) fn pages(total: i64, page: u32) -> u32 {
    u32::try_from((total + i64::from(page) - 1) / i64::from(page)).unwrap_or(u32::MAX).max(1)
}

fn filter(tab: &str, page: u32, now: LocalTime) -> DossierFilter {
    let state = (!matches!(tab, "all" | "overdue")).then(|| tab.to_owned());
    let overdue_at = (tab == "overdue").then_some(now);
    DossierFilter { state, overdue_at, limit: Some(PAGE), offset: (page - 1) * PAGE, ..DossierFilter::default() }
}

fn line(tables: &Tables, row: DossierRow, applicant: String, now: LocalTime) -> Line {
    let shown = |at: &Option<String>| at.as_deref().map(words::shown_time).unwrap_or_default();
    Line {
        procedure: words::procedure_name(&tables.catalogue, &row.procedure).to_owned(),
        applicant,
        received: shown(&row.received_at),
        due: shown(&row.due_at),
        due_words: words::due_words(&row, now, &tables.calendar),
        state: words::state_name(&row.state).to_owned(),
        code: row.code,
    }
}

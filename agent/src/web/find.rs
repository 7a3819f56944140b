//! Finding dossiers: by what is remembered of the person, by what stands in the register, and the list as a file.
//!
//! Promise: with nothing typed all dossiers are listed, the newest first; what the index is behind with is said on the page; a file opens in Excel without running anything.
//! Start at [`show`].

use std::fmt::Write as _;
use std::time::Duration;

use askama::Template;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Redirect, Response};
use motcua_shared::calendar::{LocalTime, local_day};
use motcua_shared::catalogue::{FIELDS, field_name};
use motcua_shared::dossier::{Channel, Code, State as DossierState};
use motcua_shared::reception::procedure_code;
use motcua_shared::reference::Tables;
use motcua_shared::search::Query as Words;
use motcua_shared::text::{cell, nfc, number};
use motcua_shared::typed::{self, FieldError};
use serde::{Deserialize, Serialize};
use tracing::warn;

use super::fault::HttpError;
use super::viewer::Viewer;
use super::{App, Choice, Frame, html, paging};
use crate::office::{chance, now};
use crate::store::{Found, Search, Store};
use crate::words::{self, DueWords};

const PAGE: usize = 50;
/// Rows of a file that are read in one turn, so that nobody at the counter waits long.
const CHUNK: usize = 5_000;
const OVERDUE: &str = "overdue";

/// What was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Asked {
    q: String,
    procedure: String,
    field: String,
    state: String,
    from: String,
    to: String,
    #[serde(skip_serializing)]
    page: String,
    /// A code that is to be opened.
    #[serde(skip_serializing)]
    code: String,
}

impl Asked {
    fn is_blank(&self) -> bool {
        let parts = [&self.q, &self.procedure, &self.field, &self.state, &self.from, &self.to];
        parts.into_iter().all(|part| part.trim().is_empty())
    }

    /// The search that was typed, or all that is wrong with it.
    fn check(&self, now: LocalTime) -> Result<Search, Vec<FieldError>> {
        let mut faults = Vec::new();
        let mut day = |field: &'static str, text: &str| {
            let day = typed::day(text);
            if day.is_none() && !nfc(text).is_empty() {
                faults.push(FieldError::new(field, "cần một ngày, ví dụ 22/11/2026"));
            }
            day
        };
        let (from, to) = (day("from", &self.from), day("to", &self.to));
        if from.zip(to).is_some_and(|(from, to)| from > to) {
            faults.push(FieldError::new("to", "ngày cuối trước ngày đầu"));
        }
        if !self.state.is_empty() && self.state != OVERDUE && DossierState::from_code(&self.state).is_none() {
            faults.push(FieldError::new("state", "không có tình trạng này"));
        }
        let is_overdue = self.state == OVERDUE;
        let search = Search {
            query: Words::parse(&self.q),
            procedure: procedure_code(&self.procedure).to_owned(),
            field: self.field.clone(),
            state: if is_overdue { String::new() } else { self.state.clone() },
            overdue_at: is_overdue.then_some(now),
            from,
            to,
            offset: 0,
            limit: PAGE,
        };
        if faults.is_empty() { Ok(search) } else { Err(faults) }
    }
}

/// All dossiers in one state, as a link above the list.
struct Group {
    code: &'static str,
    name: &'static str,
    /// Empty where nobody has anything to do with them any more.
    count: String,
    current: bool,
}

/// Code and name of each, and whether it is counted: then its code is also a key of the store's counts.
const GROUPS: [(&str, &str, bool); 9] = [
    ("", "Tất cả", false),
    ("processing", "Đang giải quyết", true),
    (OVERDUE, "Quá hạn", true),
    ("awaiting_supplement", "Chờ bổ sung", true),
    ("finished", "Có kết quả, chưa trả", true),
    ("returned", "Đã trả", false),
    ("guided", "Chờ hoàn thiện", true),
    ("declined", "Từ chối tiếp nhận", false),
    ("voided", "Đã hủy", false),
];

struct Line {
    code: String,
    external_code: String,
    procedure: String,
    name: String,
    numbers: String,
    received: String,
    due: String,
    due_words: DueWords,
    state: String,
}

/// A search that is wanted again, as it is kept.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    name: String,
    asked: Asked,
}

struct Saved {
    n: i64,
    name: String,
    asked: Asked,
    shared: bool,
}

#[derive(Template)]
#[template(path = "find.html")]
struct FindPage {
    frame: Option<Frame>,
    nav: &'static str,
    asked: Asked,
    faults: Vec<FieldError>,
    fields: Vec<Choice>,
    states: Vec<Choice>,
    saved: Vec<Saved>,
    groups: Vec<Group>,
    lines: Vec<Line>,
    page: u32,
    more: bool,
    /// How far the index is, while it is behind.
    behind: String,
}

impl FindPage {
    fn problem(&self, field: &str) -> &str {
        self.faults.iter().find(|fault| fault.field == field).map_or("", |fault| &fault.problem)
    }
}

/// The dossiers that were meant, the newest first, fifty to a page.
pub async fn show(viewer: Viewer, State(app): State<App>, Query(asked): Query<Asked>) -> Result<Response, HttpError> {
    let typed_code = nfc(if asked.code.is_empty() { &asked.q } else { &asked.code });
    if !typed_code.is_empty()
        && let Some(code) = app.read(move |store, _| store.code_meant(&typed_code)).await?
    {
        return Ok(Redirect::to(&super::dossier::address(&code)).into_response());
    }
    let asked = if asked.q.is_empty() { Asked { q: asked.code.clone(), ..asked } } else { asked };
    let page = paging::page(&asked.page)?;
    let skipped = PAGE * usize::try_from(page - 1).unwrap_or(0);
    let shown = app
        .read(move |store, key| {
            let now = now();
            let (search, faults) = match asked.check(now) {
                Ok(search) => (Some(Search { offset: skipped, ..search }), Vec::new()),
                Err(faults) => (None, faults),
            };
            let found = search.map(|search| store.dossiers_search(&search, key)).transpose()?.unwrap_or_default();
            let tables = store.tables()?;
            let kept = store.saved_searches(&viewer.name, key)?.into_iter().filter_map(|saved| {
                let Kept { name, asked } = serde_json::from_slice(&saved.content).ok()?;
                Some(Saved { n: saved.n, shared: saved.shared, name, asked })
            });
            Ok(FindPage {
                frame: Frame::read(store, &viewer)?,
                nav: "find",
                faults,
                fields: FIELDS.map(|(code, name)| Choice { code, name }).into(),
                states: states(),
                saved: kept.collect(),
                groups: groups(store, &asked, now)?,
                lines: found.found.into_iter().map(|found| line(&tables, found, now)).collect(),
                page,
                more: found.more,
                behind: behind(store)?,
                asked,
            })
        })
        .await?;
    let status = if shown.faults.is_empty() { axum::http::StatusCode::OK } else { axum::http::StatusCode::BAD_REQUEST };
    Ok((status, html(&shown)?).into_response())
}

/// How many there are in each state that is counted; no groups where something else was asked for, which they would say nothing of.
fn groups(store: &Store, asked: &Asked, now: LocalTime) -> crate::store::Result<Vec<Group>> {
    if !(Asked { state: String::new(), ..asked.clone() }).is_blank() {
        return Ok(Vec::new());
    }
    let counts = store.dossier_counts(now)?;
    let group = |(code, name, is_counted): (&'static str, &'static str, bool)| Group {
        code,
        name,
        count: if is_counted { number(counts.get(code).copied().unwrap_or(0)) } else { String::new() },
        current: asked.state == code,
    };
    Ok(GROUPS.map(group).into())
}

fn states() -> Vec<Choice> {
    let named = DossierState::ALL.iter().filter(|(state, _)| *state != DossierState::Unknown);
    let named = named.map(|(state, code)| Choice { code, name: motcua_shared::dossier::state_name(*state) });
    std::iter::once(Choice { code: OVERDUE, name: "quá hạn" }).chain(named).collect()
}

fn behind(store: &Store) -> crate::store::Result<String> {
    let Some(indexed) = store.search_behind()? else { return Ok(String::new()) };
    let shown = |count: u64| number(i64::try_from(count).unwrap_or(i64::MAX));
    Ok(format!(
        "Đang lập chỉ mục tìm theo tên và số: {} / {} hồ sơ. Trong lúc này kết quả tìm theo tên có thể thiếu; tìm theo mã vẫn đủ.",
        shown(indexed.done),
        shown(indexed.done + indexed.due)
    ))
}

fn line(tables: &Tables, found: Found, now: LocalTime) -> Line {
    let Found { row, person, external_code } = found;
    let person = person.unwrap_or_default();
    let shown = |at: &Option<String>| at.as_deref().map(words::shown_time).unwrap_or_default();
    let numbers = [person.identity, person.phone].into_iter().flatten().collect::<Vec<_>>().join("; ");
    Line {
        procedure: words::procedure_name(&tables.catalogue, &row.procedure).to_owned(),
        name: person.name.unwrap_or_default(),
        numbers,
        received: shown(&row.received_at),
        due: shown(&row.due_at),
        due_words: words::due_words(&row, now, &tables.calendar),
        state: words::state_name(&row.state).to_owned(),
        external_code: external_code.unwrap_or_default(),
        code: row.code,
    }
}

/// Brings the search index up, a little at a time so that nobody at the counter waits, and looks again now and then.
pub async fn keep_indexed(app: App) {
    const AT_ONCE: u32 = 200;
    const PAUSE: Duration = Duration::from_millis(20);
    const REST: Duration = Duration::from_mins(1);
    loop {
        let key = app.key.clone();
        let pause = match app.door.call(move |store| store.search_fill(AT_ONCE, &key)).await {
            Ok(0) => REST,
            Ok(_) => PAUSE,
            Err(error) => {
                warn!(%error, "the search index could not be brought up");
                REST
            }
        };
        tokio::time::sleep(pause).await;
    }
}

const HEADINGS: [&str; 16] = [
    "Mã hồ sơ",
    "Mã ở hệ thống khác",
    "Mã thủ tục",
    "Thủ tục",
    "Lĩnh vực",
    "Hình thức nộp",
    "Tình trạng",
    "Tiếp nhận",
    "Hẹn trả",
    "Có kết quả",
    "Trả kết quả",
    "Đánh giá thời hạn",
    "Người nộp",
    "Số căn cước",
    "Điện thoại",
    "Địa chỉ",
];

/// Everything that was meant, as a file for Excel.
pub async fn csv(_: Viewer, State(app): State<App>, Query(asked): Query<Asked>) -> Result<Response, HttpError> {
    let at = now();
    let wrong = |faults: Vec<FieldError>| {
        let problems: Vec<String> = faults.into_iter().map(|fault| fault.problem).collect();
        HttpError::parameter(format!("Điều kiện tìm chưa đúng: {}.", problems.join("; ")), "Hãy sửa điều kiện rồi tải lại.")
    };
    let search = asked.check(at).map_err(wrong)?;
    let mut file = format!("\u{feff}{}\r\n", HEADINGS.join(","));
    let mut offset = 0;
    loop {
        let search = Search { offset, limit: CHUNK, ..search.clone() };
        let (rows, more) = app
            .read(move |store, key| {
                let (tables, page) = (store.tables()?, store.dossiers_search(&search, key)?);
                Ok((page.found.iter().map(|found| record(&tables, found)).collect::<Vec<String>>(), page.more))
            })
            .await?;
        offset += rows.len();
        for row in &rows {
            file.push_str(row);
        }
        if !more {
            break;
        }
    }
    let name = format!("attachment; filename=\"ho-so_{}.csv\"", local_day(at));
    Ok(([(CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (CONTENT_DISPOSITION, name)], file).into_response())
}

fn record(tables: &Tables, found: &Found) -> String {
    let Found { row, person, external_code } = found;
    let shown = |at: &Option<String>| at.as_deref().map(words::shown_time).unwrap_or_default();
    let text = |text: Option<&String>| text.cloned().unwrap_or_default();
    let person = person.as_ref();
    let cells = [
        row.code.clone(),
        text(external_code.as_ref()),
        row.procedure.clone(),
        words::procedure_name(&tables.catalogue, &row.procedure).to_owned(),
        field_name(&row.field).to_owned(),
        Channel::from_code(&row.channel).map_or("", words::channel_name).to_owned(),
        words::state_name(&row.state).to_owned(),
        shown(&row.received_at),
        shown(&row.due_at),
        shown(&row.finished_at),
        shown(&row.returned_at),
        row.verdict.as_deref().map(words::verdict_name).unwrap_or_default().to_owned(),
        text(person.and_then(|person| person.name.as_ref())),
        text(person.and_then(|person| person.identity.as_ref())),
        text(person.and_then(|person| person.phone.as_ref())),
        text(person.and_then(|person| person.address.as_ref())),
    ];
    let mut line = String::new();
    for (at, value) in cells.iter().enumerate() {
        let _ = write!(line, "{}{}", if at == 0 { "" } else { "," }, cell(value));
    }
    line + "\r\n"
}

/// A search that is to be kept.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Keeping {
    name: String,
    /// Ticked: for the whole office.
    shared: String,
    #[serde(flatten)]
    asked: Asked,
}

/// Keeps a search under a name.
pub async fn keep(viewer: Viewer, State(app): State<App>, Form(keeping): Form<Keeping>) -> Result<Redirect, HttpError> {
    let Keeping { name, shared, asked } = keeping;
    let name = nfc(&name);
    if name.is_empty() || name.chars().count() > 80 || asked.is_blank() {
        return Err(HttpError::parameter(
            "Chưa lưu: bộ lọc cần một tên, dài nhất 80 ký tự, và ít nhất một điều kiện.",
            "Hãy quay lại trang tìm, ghi điều kiện, tìm, rồi đặt tên.",
        ));
    }
    let back = address(&asked);
    let content = serde_json::to_vec(&Kept { name, asked }).unwrap_or_default();
    let owner = shared.is_empty().then(|| viewer.name.clone());
    let key = app.key.clone();
    app.door.call(move |store| store.saved_search_keep(owner.as_deref(), &content, now(), (&key, chance()))).await?;
    Ok(Redirect::to(&back))
}

/// Forgets a kept search.
pub async fn forget(viewer: Viewer, State(app): State<App>, Path(n): Path<i64>) -> Result<Redirect, HttpError> {
    app.door.call(move |store| store.saved_search_drop(n, &viewer.name)).await?;
    Ok(Redirect::to("/dossiers"))
}

/// A search as it stands in an address.
fn asked_for(asked: &Asked) -> String {
    let encode = |text: &str| {
        text.bytes().fold(String::new(), |mut encoded, byte| {
            if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
                encoded.push(char::from(byte));
            } else {
                let _ = write!(encoded, "%{byte:02X}");
            }
            encoded
        })
    };
    let Asked { q, procedure, field, state, from, to, .. } = asked;
    let parts = [("q", q), ("procedure", procedure), ("field", field), ("state", state), ("from", from), ("to", to)];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}={}", encode(value)))
        .collect();
    parts.join("&")
}

fn address(asked: &Asked) -> String {
    format!("/dossiers?{}", asked_for(asked))
}

impl FindPage {
    fn address(&self) -> String {
        address(&self.asked)
    }

    /// The same as a file.
    fn file(&self) -> String {
        format!("/dossiers.csv?{}", asked_for(&self.asked))
    }
}

impl Saved {
    fn address(&self) -> String {
        address(&self.asked)
    }
}

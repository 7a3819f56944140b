//! The first page of a working day: what is due, what is late, what waits, who has it.
//!
//! Promise: short lists, the most urgent first, each under one key; what is counted is what the list shows.
//! Start at [`show`].

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Html;
use motcua_shared::calendar::{Calendar, LocalTime, VIETNAM, local_day};
use motcua_shared::catalogue::Catalogue;
use motcua_shared::seal::OfficeKey;
use motcua_shared::text::number;
use serde::Deserialize;

use super::fault::HttpError;
use super::viewer::Viewer;
use super::{App, Frame, html};
use crate::office::now;
use crate::store::{self, DeskList, DeskRow, Store};
use crate::words::{self, DueWords};

/// Dossiers on one page of a list.
const PAGE: u32 = 50;

/// Code, name and tone of each list, in the order of their keys.
const LISTS: [(DeskList, &str, &str, &str); 8] = [
    (DeskList::Overdue, "overdue", "Quá hạn", "late"),
    (DeskList::DueToday, "today", "Đến hạn hôm nay", "today"),
    (DeskList::DueTomorrow, "tomorrow", "Đến hạn ngày làm việc tới", ""),
    (DeskList::Waiting, "waiting", "Chờ người dân", ""),
    (DeskList::Unfetched, "unfetched", "Có kết quả, chưa nhận", ""),
    (DeskList::Away, "away", "Đang ở nơi xử lý", ""),
    (DeskList::Open, "open", "Đang giải quyết", ""),
    (DeskList::ReceivedToday, "received", "Tiếp nhận hôm nay", ""),
];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    list: String,
    page: String,
    /// How many dossiers were just saved in one act.
    saved: String,
}

struct Card {
    code: &'static str,
    name: &'static str,
    tone: &'static str,
    key: usize,
    count: String,
    current: bool,
}

/// A dossier as lists of the desk show it.
pub(super) struct Line {
    pub code: String,
    pub procedure: String,
    pub applicant: String,
    pub due: String,
    pub due_words: DueWords,
    /// Who has it, and until when.
    pub holder: String,
    pub holder_late: bool,
    pub state: String,
    pub seen: usize,
}

#[derive(Template)]
#[template(path = "today.html")]
struct TodayPage {
    frame: Option<Frame>,
    nav: &'static str,
    day: String,
    cards: Vec<Card>,
    list: &'static str,
    name: &'static str,
    total: String,
    lines: Vec<Line>,
    page: u32,
    pages: u32,
    saved: String,
}

/// The lists, one of them open: the asked one, or the most urgent that is not empty.
pub async fn show(viewer: Viewer, State(app): State<App>, Query(asked): Query<Asked>) -> Result<Html<String>, HttpError> {
    let wanted = list(&asked.list)?;
    let page = super::paging::page(&asked.page)?;
    let saved = asked.saved.parse::<u32>().ok().map(|count| number(i64::from(count))).unwrap_or_default();
    let today = app
        .read(move |store, key| {
            let now = now();
            let counts = store.desk_counts(now)?;
            let urgent = DeskList::ALL.into_iter().take(5).find(|list| counts.of(*list) > 0).unwrap_or(DeskList::DueToday);
            let open = wanted.unwrap_or(urgent);
            let total = counts.of(open);
            let rows = store.desk_list(open, now, PAGE, (page - 1) * PAGE)?;
            let cards = LISTS.iter().enumerate().map(|(place, (list, code, name, tone))| Card {
                code,
                name,
                tone: if counts.of(*list) > 0 { tone } else { "" },
                key: place + 1,
                count: number(counts.of(*list)),
                current: *list == open,
            });
            let (_, list, name, _) = LISTS[open as usize];
            Ok(TodayPage {
                frame: Frame::read(store, &viewer)?,
                nav: "today",
                day: day_words(now),
                cards: cards.collect(),
                list,
                name,
                total: number(total),
                lines: lines(store, key, rows, now)?,
                page,
                pages: super::paging::pages(total, PAGE),
                saved,
            })
        })
        .await?;
    html(&today)
}

/// The list that was asked for: code and name; unasked the overdue ones.
pub(super) fn named(asked: &Asked) -> Result<(DeskList, &'static str, &'static str), HttpError> {
    let list = list(&asked.list)?.unwrap_or(DeskList::Overdue);
    let (_, code, name, _) = LISTS[list as usize];
    Ok((list, code, name))
}

fn list(asked: &str) -> Result<Option<DeskList>, HttpError> {
    if asked.is_empty() {
        return Ok(None);
    }
    let unknown = || HttpError::parameter("Không có danh sách này.", "Hãy chọn một danh sách ở trang Hôm nay.");
    LISTS.iter().find(|(_, code, ..)| *code == asked).map(|(list, ..)| Some(*list)).ok_or_else(unknown)
}

/// Whether there is a list of this name.
pub(super) fn is_list(code: &str) -> bool {
    LISTS.iter().any(|(_, known, ..)| *known == code)
}

fn day_words(now: LocalTime) -> String {
    const DAYS: [&str; 7] = ["Thứ Hai", "Thứ Ba", "Thứ Tư", "Thứ Năm", "Thứ Sáu", "Thứ Bảy", "Chủ nhật"];
    let day = local_day(now);
    let weekday = usize::try_from(chrono::Datelike::weekday(&day).num_days_from_monday()).unwrap_or(0);
    format!("{} {}, {}", DAYS[weekday], day.format("%d/%m/%Y"), now.with_timezone(&VIETNAM).format("%H:%M"))
}

/// Dossiers with the names of their people.
pub(super) fn lines(store: &Store, key: &OfficeKey, rows: Vec<DeskRow>, now: LocalTime) -> store::Result<Vec<Line>> {
    let tables = store.tables()?;
    let bare: Vec<_> = rows.iter().map(|row| row.row.clone()).collect();
    let persons = store.persons(&bare, key)?;
    let names = persons.into_iter().map(|person| person.and_then(|mut person| person.name.take()).unwrap_or_default());
    Ok(rows.into_iter().zip(names).map(|(row, name)| line(&tables.catalogue, &tables.calendar, row, name, now)).collect())
}

fn line(catalogue: &Catalogue, calendar: &Calendar, desk: DeskRow, applicant: String, now: LocalTime) -> Line {
    let shown = |at: &Option<String>| at.as_deref().map(words::shown_time).unwrap_or_default();
    let state = match (desk.waits_for.as_str(), desk.row.state.as_str()) {
        ("supplement", _) => format!("chờ bổ sung từ {}", shown(&desk.waits_since)),
        ("payment", _) => format!("chờ nộp phí, lệ phí từ {}", shown(&desk.waits_since)),
        (_, "finished") => format!("có kết quả từ {}", shown(&desk.row.finished_at)),
        (_, state) => words::state_name(state).to_owned(),
    };
    let due = desk.holder_due_at.as_deref().and_then(|due| LocalTime::parse_from_rfc3339(due).ok());
    Line {
        procedure: words::procedure_name(catalogue, &desk.row.procedure).to_owned(),
        applicant,
        due: shown(&desk.row.due_at),
        due_words: words::due_words(&desk.row, now, calendar),
        holder_late: due.is_some_and(|due| due < now),
        holder: match (desk.holder.as_str(), due) {
            ("", _) => "bộ phận một cửa".to_owned(),
            (holder, None) => holder.to_owned(),
            (holder, Some(due)) => format!("{holder}, hạn {}", words::time(due)),
        },
        state,
        seen: desk.seen,
        code: desk.row.code,
    }
}

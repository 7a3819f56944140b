//! Books and lists for paper: the register book of a year, the day's hand-over, what is overdue and owes an apology, the
//! book of certifications.
//!
//! Promise: printed as it stands in the log, page by page, with room to sign. Start at [`register`].

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Html;
use chrono::{Datelike, NaiveDate};
use motcua_shared::calendar::{LocalTime, local_day};
use motcua_shared::seal::{OfficeKey, Sealed};
use motcua_shared::text::number;
use motcua_shared::typed;
use serde::Deserialize;

use super::fault::HttpError;
use super::today::{self, Line};
use super::viewer::Viewer;
use super::{App, Frame, html};
use crate::office::now;
use crate::store::{self, BookRow, DeskList, Store};
use crate::words;

/// Lines of the register on one page of the screen.
const PAGE: u32 = 200;
/// More overdue dossiers are for the page of today, not for paper.
const MOST_OVERDUE: u32 = 1_000;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    year: String,
    day: String,
    page: String,
}

impl Asked {
    fn year(&self) -> Result<i32, HttpError> {
        if self.year.is_empty() {
            return Ok(local_day(now()).year());
        }
        let wrong = || HttpError::parameter("Năm chưa đúng.", "Hãy chọn lại năm của sổ.");
        self.year.parse().ok().filter(|year| (2000..=2100).contains(year)).ok_or_else(wrong)
    }

    pub(super) fn day(&self) -> Result<NaiveDate, HttpError> {
        if self.day.is_empty() {
            return Ok(local_day(now()));
        }
        typed::day(&self.day).ok_or_else(|| HttpError::parameter("Ngày chưa đúng.", "Cần dạng 26/11/2026."))
    }
}

/// A line of Mẫu 06.
struct RegisterLine {
    place: String,
    code: String,
    procedure: String,
    person: Sealed,
    received: String,
    due: String,
    handed: String,
    back: String,
    returned: String,
    way: String,
    remark: String,
}

#[derive(Template)]
#[template(path = "register.html")]
struct RegisterPage {
    frame: Option<Frame>,
    nav: &'static str,
    title: String,
    office: String,
    year: i32,
    years: Vec<i32>,
    total: String,
    lines: Vec<RegisterLine>,
    page: u32,
    pages: u32,
}

/// The register book of a year.
pub async fn register(viewer: Viewer, State(app): State<App>, Query(asked): Query<Asked>) -> Result<Html<String>, HttpError> {
    let (year, page) = (asked.year()?, super::paging::page(&asked.page)?);
    let book = app
        .read(move |store, key| {
            let total = i64::from(store.book_length(year)?);
            let rows = store.book_list(year, Some(PAGE), (page - 1) * PAGE)?;
            let mut years = store.book_years()?;
            if !years.contains(&year) {
                years.insert(0, year);
            }
            let rules = motcua_shared::ruleset::Ruleset::on(NaiveDate::from_ymd_opt(year, 12, 31).unwrap_or_default());
            let title = rules
                .form(motcua_shared::ruleset::Form::Book)
                .map_or("Sổ theo dõi hồ sơ".to_owned(), |title| format!("{} ({})", title.name, title.number));
            Ok(RegisterPage {
                frame: Frame::read(store, &viewer)?,
                nav: "books",
                title,
                office: store.office()?.name,
                year,
                years,
                total: number(total),
                lines: register_lines(store, key, rows)?,
                page,
                pages: super::paging::pages(total, PAGE),
            })
        })
        .await?;
    html(&book)
}

fn register_lines(store: &Store, key: &OfficeKey, rows: Vec<BookRow>) -> store::Result<Vec<RegisterLine>> {
    let bare: Vec<_> = rows.iter().map(|row| row.dossier.clone()).collect();
    let persons = store.persons(&bare, key)?;
    let tables = store.tables()?;
    let mut lines = Vec::new();
    for (BookRow { place, dossier: row }, person) in rows.into_iter().zip(persons) {
        let (dossier, _) = store.dossier_recorded(&row.code)?;
        let shown = |at: &Option<String>| at.as_deref().map(words::shown_time).unwrap_or_default();
        let remark = match row.state.as_str() {
            "voided" => "đã hủy".to_owned(),
            "awaiting_supplement" => "chờ bổ sung".to_owned(),
            _ => dossier.finished.filter(|end| end.outcome != motcua_shared::dossier::Outcome::Granted).map_or_else(
                || if dossier.extensions > 0 { "đã xin lỗi, hẹn lại".to_owned() } else { String::new() },
                |end| words::outcome_name(end.outcome).to_lowercase(),
            ),
        };
        let way = [dossier.return_way.map(words::return_way_name), dossier.return_receiver.map(words::receiver_name)];
        lines.push(RegisterLine {
            place: place.to_string(),
            procedure: words::procedure_name(&tables.catalogue, &row.procedure).to_owned(),
            person: person.unwrap_or_default(),
            received: shown(&row.received_at),
            due: shown(&row.due_at),
            handed: dossier.stays.first().map(|stay| words::time(stay.at)).unwrap_or_default(),
            back: shown(&row.finished_at),
            returned: shown(&row.returned_at),
            way: way.into_iter().flatten().collect::<Vec<_>>().join("; "),
            remark,
            code: row.code,
        });
    }
    Ok(lines)
}

/// A dossier that went away, or lies here.
pub(super) struct HandedLine {
    pub code: String,
    pub procedure: String,
    pub holder: String,
    pub at: String,
    pub due: String,
    pub back: String,
}

#[derive(Template)]
#[template(path = "handover.html")]
struct HandoverPage {
    frame: Option<Frame>,
    nav: &'static str,
    office: String,
    day: String,
    handed: Vec<HandedLine>,
    /// Received on the day and still at the desk.
    here: Vec<HandedLine>,
}

/// What was handed over on a day, with room to sign, and what still lies at the desk.
pub async fn handover(viewer: Viewer, State(app): State<App>, Query(asked): Query<Asked>) -> Result<Html<String>, HttpError> {
    let day = asked.day()?;
    let page = app
        .read(move |store, _| {
            let (handed, here) = handed(store, day)?;
            Ok(HandoverPage {
                frame: Frame::read(store, &viewer)?,
                nav: "books",
                office: store.office()?.name,
                day: day.format("%d/%m/%Y").to_string(),
                handed,
                here,
            })
        })
        .await?;
    html(&page)
}

/// What was handed over on a day, and what was received then and still lies here.
pub(super) fn handed(store: &Store, day: NaiveDate) -> store::Result<(Vec<HandedLine>, Vec<HandedLine>)> {
    let tables = store.tables()?;
    let procedure = |code: &str| words::procedure_name(&tables.catalogue, code).to_owned();
    let shown = |at: &Option<String>| at.as_deref().map(words::shown_time).unwrap_or_default();
    let handed = store.handed_over(day)?.into_iter().map(|stay| HandedLine {
        procedure: procedure(&stay.row.procedure),
        code: stay.row.code,
        holder: stay.holder,
        at: words::shown_time(&stay.at),
        due: shown(&stay.due_at),
        back: shown(&stay.ended_at),
    });
    let here = store.not_handed_over(day)?.into_iter().map(|row| HandedLine {
        procedure: procedure(&row.procedure),
        at: shown(&row.received_at),
        due: shown(&row.due_at),
        code: row.code,
        holder: String::new(),
        back: String::new(),
    });
    Ok((handed.collect(), here.collect()))
}

#[derive(Template)]
#[template(path = "overdue.html")]
struct OverduePage {
    frame: Option<Frame>,
    nav: &'static str,
    office: String,
    at: String,
    overdue: Vec<Line>,
    /// Overdue or due by the next working day, and no apology sent.
    apologies: Vec<Line>,
}

/// What is overdue, and which apologies are to be sent.
pub async fn overdue(viewer: Viewer, State(app): State<App>) -> Result<Html<String>, HttpError> {
    let page = app
        .read(move |store, key| {
            let now = now();
            let (overdue, apologies) = late(store, key, now)?;
            Ok(OverduePage {
                frame: Frame::read(store, &viewer)?,
                nav: "books",
                office: store.office()?.name,
                at: words::time(now),
                overdue,
                apologies,
            })
        })
        .await?;
    html(&page)
}

/// What is overdue, and which apologies are to be sent.
pub(super) fn late(store: &Store, key: &OfficeKey, now: LocalTime) -> store::Result<(Vec<Line>, Vec<Line>)> {
    let overdue = today::lines(store, key, store.desk_list(DeskList::Overdue, now, MOST_OVERDUE, 0)?, now)?;
    Ok((overdue, today::lines(store, key, store.apologies_to_send(now)?, now)?))
}

struct CertificationLine {
    document: &'static str,
    numbers: String,
    at: String,
    quantity: String,
    code: String,
    voided: bool,
}

#[derive(Template)]
#[template(path = "certifications.html")]
struct CertificationsPage {
    frame: Option<Frame>,
    nav: &'static str,
    office: String,
    year: i32,
    lines: Vec<CertificationLine>,
}

/// The book of certifications of a year.
pub async fn certifications(
    viewer: Viewer,
    State(app): State<App>,
    Query(asked): Query<Asked>,
) -> Result<Html<String>, HttpError> {
    let year = asked.year()?;
    let page = app
        .read(move |store, _| {
            let lines = store.certification_list(Some(year))?.into_iter().map(|row| CertificationLine {
                document: words::document_name(row.document),
                numbers: row.numbers.map(|numbers| numbers.to_string()).unwrap_or_default(),
                at: words::shown_time(&row.at),
                quantity: number(i64::from(row.quantity)),
                code: row.code,
                voided: row.voided,
            });
            let (frame, office) = (Frame::read(store, &viewer)?, store.office()?.name);
            Ok(CertificationsPage { frame, nav: "books", office, year, lines: lines.collect() })
        })
        .await?;
    html(&page)
}

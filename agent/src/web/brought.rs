//! A report that was written elsewhere, brought in: read, shown as it was understood, checked, and kept only when somebody
//! says so.
//!
//! Promise: reading a file keeps nothing; what is kept is what was shown. Start at [`preview`] and [`save`].

use askama::Template;
use axum::extract::multipart::{Multipart, MultipartError};
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use motcua_shared::access::Right;
use motcua_shared::brought::{self, Brought};
use motcua_shared::catalogue::field_name;
use motcua_shared::declared::{self, Figures};
use motcua_shared::dossier::Code as _;
use motcua_shared::office::Figure;
use motcua_shared::period::Period;
use motcua_shared::rule::{Finding, rule_name};
use motcua_shared::text::number;
use motcua_shared::typed;
use serde::Deserialize;

use super::fault::HttpError;
use super::viewer::{DeclaringViewer, Viewer};
use super::{App, Frame, html};
use crate::office::now;
use crate::store::{self, Store};

/// Largest file that is taken; a whole district's workbook is smaller.
pub const LARGEST: usize = 17 << 20;

/// A form as it was understood.
struct FormView {
    sheet: String,
    rows: Vec<(String, Vec<String>)>,
}

/// A figure as it was understood, beside what stands.
struct Line {
    name: String,
    field: String,
    says: String,
    stands: String,
    computed: String,
    differs: bool,
}

struct PeriodView {
    days: String,
    lines: Vec<Line>,
}

/// What the checks find when these figures count.
struct Found {
    rule: String,
    name: String,
    field: String,
    tone: &'static str,
    note: String,
    ask: String,
}

#[derive(Template)]
#[template(path = "brought.html")]
struct BroughtPage {
    frame: Option<Frame>,
    nav: &'static str,
    file: String,
    forms: Vec<FormView>,
    periods: Vec<PeriodView>,
    count: usize,
    faults: Vec<String>,
    found: Vec<Found>,
    /// The same figures as the file of them, for the form that keeps them.
    csv: String,
    may_declare: bool,
    from: String,
    to: String,
    sheet: String,
    problem: String,
}

/// What was handed over.
#[derive(Default)]
struct Handed {
    name: String,
    bytes: Vec<u8>,
    from: String,
    to: String,
    sheet: String,
}

/// Where a file is chosen.
pub async fn show(viewer: Viewer, State(app): State<App>) -> Result<Response, HttpError> {
    page(&app, viewer, Handed::default(), StatusCode::OK, String::new()).await
}

fn unreadable(error: &MultipartError) -> HttpError {
    HttpError::new(
        error.status(),
        "Không nhận được tệp, hoặc tệp quá lớn.",
        "Chưa lưu gì.",
        format!("Hãy chọn lại tệp, tối đa {} MB.", LARGEST >> 20),
    )
}

async fn handed(mut parts: Multipart) -> Result<Handed, HttpError> {
    let mut handed = Handed::default();
    while let Some(part) = parts.next_field().await.map_err(|error| unreadable(&error))? {
        let (field, file) = (part.name().unwrap_or_default().to_owned(), part.file_name().map(str::to_owned));
        let bytes = part.bytes().await.map_err(|error| unreadable(&error))?;
        let text = || String::from_utf8_lossy(&bytes).trim().chars().take(200).collect::<String>();
        match field.as_str() {
            "file" => (handed.name, handed.bytes) = (file.unwrap_or_default(), bytes.to_vec()),
            "from" => handed.from = text(),
            "to" => handed.to = text(),
            "sheet" => handed.sheet = text(),
            _ => {}
        }
    }
    Ok(handed)
}

/// Reads a file and shows what it says. Keeps nothing.
pub async fn preview(viewer: Viewer, State(app): State<App>, parts: Multipart) -> Result<Response, HttpError> {
    let handed = handed(parts).await?;
    if handed.bytes.is_empty() {
        let problem = "Chưa chọn tệp, hoặc tệp rỗng.".to_owned();
        return page(&app, viewer, handed, StatusCode::UNPROCESSABLE_ENTITY, problem).await;
    }
    page(&app, viewer, handed, StatusCode::OK, String::new()).await
}

async fn page(app: &App, viewer: Viewer, handed: Handed, status: StatusCode, problem: String) -> Result<Response, HttpError> {
    let page = app
        .read(move |store, _| {
            let tables = store.tables()?;
            let standing = store.declared()?;
            let days = typed::day(&handed.from).zip(typed::day(&handed.to));
            let period = days.and_then(|(from, to)| Period::new(from, to).ok());
            let sheet = Some(handed.sheet.as_str()).filter(|sheet| !sheet.is_empty());
            let brought = if handed.bytes.is_empty() {
                Brought::default()
            } else {
                brought::read(&handed.bytes, &tables.book.dictionary, period, sheet)
            };
            let found = if brought.figures.is_empty() { Vec::new() } else { findings(store, &brought, &standing)? };
            let name = |finding: &Finding| tables.book.dictionary.name(&finding.indicator).to_owned();
            let periods: store::Result<Vec<PeriodView>> =
                brought.figures.iter().map(|(period, figures)| period_view(store, *period, figures, &standing)).collect();
            Ok(BroughtPage {
                may_declare: viewer.may(Right::Declare),
                frame: Frame::read(store, &viewer)?,
                nav: "declared",
                forms: brought.forms.iter().map(form_view).collect(),
                periods: periods?,
                count: brought.count(),
                csv: if brought.faults.is_empty() && brought.count() > 0 {
                    String::from_utf8(declared::sheet(&brought.figures).to_csv()).unwrap_or_default()
                } else {
                    String::new()
                },
                found: found
                    .iter()
                    .map(|finding| Found {
                        rule: rule_name(&finding.rule).to_owned(),
                        name: name(finding),
                        field: if finding.field.is_empty() { String::new() } else { field_name(&finding.field).to_owned() },
                        tone: finding.severity.code(),
                        note: finding.note.clone(),
                        ask: finding.ask.clone(),
                    })
                    .collect(),
                faults: brought.faults.iter().map(ToString::to_string).collect(),
                file: handed.name,
                from: handed.from,
                to: handed.to,
                sheet: handed.sheet,
                problem,
            })
        })
        .await?;
    Ok((status, html(&page)?).into_response())
}

/// What is found in the periods of the file when its figures count.
pub fn findings(store: &Store, brought: &Brought, standing: &Figures) -> store::Result<Vec<Finding>> {
    let periods = brought.periods();
    let tables = store.tables()?;
    let mut found = store.found(&brought.over(standing), &tables, now())?;
    found.retain(|finding| !finding.indicator.is_empty() && periods.contains(&finding.period()));
    Ok(found)
}

fn form_view(form: &motcua_shared::report::Form) -> FormView {
    let cell = |value: &Option<i64>| value.map_or_else(|| "–".to_owned(), number);
    let row = |row: &motcua_shared::report::FormRow| {
        let name = if row.field.is_empty() { "Tổng cộng" } else { field_name(&row.field) };
        (name.to_owned(), row.cells.iter().map(cell).collect())
    };
    FormView { sheet: form.sheet.clone(), rows: form.rows.iter().map(row).collect() }
}

fn period_view(store: &Store, period: Period, figures: &[Figure], standing: &Figures) -> store::Result<PeriodView> {
    let (tables, computed) = (store.tables()?, store.computed(period)?);
    let says = |figure: &Figure| {
        let share = figure.numerator.zip(figure.denominator).map(|(part, whole)| format!("{}/{}", number(part), number(whole)));
        let words: Vec<String> = [figure.value.map(number), share, figure.printed.clone()].into_iter().flatten().collect();
        words.join(", ")
    };
    let line = |figure: &Figure| {
        let sums = if figure.field.is_empty() { Some(&computed.total) } else { computed.fields.get(&figure.field) };
        let of_dossiers = tables.book.dictionary.find(&figure.indicator).zip(sums).and_then(|(known, sums)| known.computed(sums));
        Line {
            name: tables.book.dictionary.name(&figure.indicator).to_owned(),
            field: if figure.field.is_empty() { "tổng số".to_owned() } else { field_name(&figure.field).to_owned() },
            says: says(figure),
            stands: standing.find(period, &figure.indicator, &figure.field).map(says).unwrap_or_default(),
            computed: of_dossiers.map(number).unwrap_or_default(),
            differs: of_dossiers.zip(figure.amount()).is_some_and(|(computed, said)| computed != said),
        }
    };
    Ok(PeriodView { days: period.days(), lines: figures.iter().map(line).collect() })
}

#[derive(Debug, Deserialize)]
pub struct Confirmed {
    csv: String,
}

/// Keeps what was shown, as if it had been typed in.
pub async fn save(viewer: DeclaringViewer, State(app): State<App>, Form(form): Form<Confirmed>) -> Result<Response, HttpError> {
    let dictionary = app.read(|store, _| Ok(store.tables()?.book.dictionary.clone())).await?;
    let figures = declared::read(form.csv.as_bytes(), &dictionary).map_err(|faults| {
        let words: Vec<String> = faults.iter().take(3).map(ToString::to_string).collect();
        HttpError::parameter(format!("Số liệu gửi lên chưa đúng: {}.", words.join("; ")), "Hãy chọn lại tệp và xem lại.")
    })?;
    let period = figures.first().map(|(period, _)| *period);
    let (new, corrected) = app.write(&viewer, move |store, pen| store.declare(figures, pen)).await?;
    let place = period.map(|period| format!("from={}&to={}&", period.from, period.to)).unwrap_or_default();
    Ok(Redirect::to(&format!("/declared?{place}saved={}", new + corrected)).into_response())
}

//! The page on which an office types in the figures of a period that no dossier tells.
//!
//! Promise: everything on the page is saved or nothing, and then every wrong cell is named; what was declared before stays
//! in the log. Start at [`show`].

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Form, Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use motcua_shared::access::Right;
use motcua_shared::calendar::local_day;
use motcua_shared::catalogue::FIELDS;
use motcua_shared::declared::{Figures, Percent, whole_number};
use motcua_shared::dictionary::Dictionary;
use motcua_shared::office::{Figure, Stated};
use motcua_shared::period::Period;
use motcua_shared::typed;
use serde::Deserialize;

use super::fault::HttpError;
use super::viewer::{DeclaringViewer, Viewer};
use super::{App, Frame, html};
use crate::office::now;
use crate::store::{Store, StoreError};
use crate::words;

/// The cells of a figure.
const CELLS: [&str; 4] = ["value", "numerator", "denominator", "printed"];

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub struct Asked {
    from: String,
    to: String,
    field: String,
    /// How many figures were saved a moment ago.
    saved: Option<usize>,
}

/// One indicator on the page.
struct Line {
    code: String,
    name: String,
    unit: String,
    value: String,
    numerator: String,
    denominator: String,
    printed: String,
    /// What dossiers give for it, in words; empty: nothing.
    computed: String,
    /// Earlier revisions, the newest first.
    earlier: String,
    problem: String,
}

struct FieldChoice {
    code: &'static str,
    name: &'static str,
}

#[derive(Template)]
#[template(path = "declared.html")]
struct DeclaredPage {
    frame: Option<Frame>,
    nav: &'static str,
    period: Period,
    field: String,
    fields: Vec<FieldChoice>,
    /// Periods for which something is declared.
    known: Vec<Period>,
    lines: Vec<Line>,
    may_declare: bool,
    problem: String,
    saved: Option<usize>,
}

type Typed = BTreeMap<String, String>;

fn period(asked: &Asked) -> Result<Period, String> {
    if asked.from.is_empty() && asked.to.is_empty() {
        return Ok(Period::year(Period::year_of(local_day(now()))));
    }
    let days = typed::day(&asked.from).zip(typed::day(&asked.to));
    let (from, to) = days.ok_or_else(|| "Ngày chưa đúng; cần dạng 15/12/2025.".to_owned())?;
    Period::new(from, to).map_err(|backwards| backwards.to_string())
}

/// The figures of a period as they stand.
pub async fn show(viewer: Viewer, State(app): State<App>, Query(asked): Query<Asked>) -> Result<Response, HttpError> {
    let (period, problem) = match period(&asked) {
        Ok(period) => (period, String::new()),
        Err(problem) => (Period::year(Period::year_of(local_day(now()))), problem),
    };
    let status = if problem.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let page = page(&app, viewer, period, asked, (Typed::new(), BTreeMap::new()), problem).await?;
    Ok((status, page).into_response())
}

async fn page(
    app: &App,
    viewer: Viewer,
    period: Period,
    asked: Asked,
    refused: (Typed, BTreeMap<String, String>),
    problem: String,
) -> Result<Html<String>, HttpError> {
    let page = app
        .read(move |store, _| {
            let lines = lines(store, period, &asked.field, &refused)?;
            let stated = store.stated()?;
            let known: std::collections::BTreeSet<Period> = stated.iter().map(|stated| stated.period).collect();
            Ok(DeclaredPage {
                may_declare: viewer.may(Right::Declare),
                frame: Frame::read(store, &viewer)?,
                nav: "declared",
                period,
                field: asked.field,
                fields: FIELDS.map(|(code, name)| FieldChoice { code, name }).into(),
                known: known.into_iter().collect(),
                lines,
                problem,
                saved: asked.saved,
            })
        })
        .await?;
    html(&page)
}

fn lines(
    store: &Store,
    period: Period,
    field: &str,
    (typed, problems): &(Typed, BTreeMap<String, String>),
) -> Result<Vec<Line>, StoreError> {
    let (tables, stated) = (store.tables()?, store.stated()?);
    let computed = store.computed(period)?;
    let sums = if field.is_empty() { Some(&computed.total) } else { computed.fields.get(field) };
    let here = |stated: &&Stated| stated.period == period && stated.figure.field == field;
    let figures = Figures::of(stated.iter().cloned());
    let offered = tables.book.dictionary.iter().filter(|indicator| field.is_empty() || indicator.code.starts_with("dossiers."));
    let line = |indicator: &motcua_shared::dictionary::Indicator| {
        let code = &indicator.code;
        let figure = figures.find(period, code, field).cloned().unwrap_or_default();
        let amount = |amount: Option<i64>| amount.map_or_else(String::new, |amount| amount.to_string());
        let cell = |name: &str, stands: String| typed.get(&format!("{code}:{name}")).cloned().unwrap_or(stands);
        let revisions = stated.iter().filter(here).filter(|stated| stated.figure.indicator == *code);
        let mut earlier: Vec<String> = revisions.filter(|stated| stated.figure.revision < figure.revision).map(said).collect();
        earlier.reverse();
        Line {
            value: cell("value", amount(figure.value)),
            numerator: cell("numerator", amount(figure.numerator)),
            denominator: cell("denominator", amount(figure.denominator)),
            printed: cell("printed", figure.printed.clone().unwrap_or_default()),
            computed: sums.and_then(|sums| indicator.computed(sums)).map_or_else(String::new, motcua_shared::text::number),
            earlier: earlier.join("; "),
            problem: problems.get(code).cloned().unwrap_or_default(),
            code: code.clone(),
            name: indicator.name.clone(),
            unit: indicator.unit.clone(),
        }
    };
    Ok(offered.map(line).collect())
}

/// An earlier revision in words.
fn said(stated: &Stated) -> String {
    let figure = &stated.figure;
    let text = match (figure.value, figure.numerator.zip(figure.denominator), &figure.printed) {
        (Some(value), ..) => value.to_string(),
        (None, Some((part, whole)), _) => format!("{part}/{whole}"),
        (None, None, Some(printed)) => printed.clone(),
        (None, None, None) => "bỏ trống".to_owned(),
    };
    format!("{text} ({}, {})", stated.author, words::shown_time(&stated.recorded_at.to_rfc3339()))
}

/// Saves the figures of a page.
pub async fn save(viewer: DeclaringViewer, State(app): State<App>, Form(typed): Form<Typed>) -> Result<Response, HttpError> {
    let of = |name: &str| typed.get(name).cloned().unwrap_or_default();
    let asked = Asked { from: of("from"), to: of("to"), field: of("field"), saved: None };
    let period = period(&asked).map_err(|problem| HttpError::parameter(problem, "Hãy chọn lại kỳ báo cáo."))?;
    if !asked.field.is_empty() && !FIELDS.iter().any(|(code, _)| *code == asked.field) {
        return Err(HttpError::parameter("Không có lĩnh vực này.", "Hãy chọn lại lĩnh vực."));
    }
    let dictionary = app.read(|store, _| Ok(store.tables()?.book.dictionary.clone())).await?;
    match figures(&typed, &asked.field, &dictionary) {
        Ok(figures) => {
            let (new, corrected) = app
                .write(&viewer, move |store, pen| {
                    let standing = store.declared()?;
                    let place = |figure: &Figure| {
                        standing.find(period, &figure.indicator, &figure.field).and_then(|stands| stands.place.clone())
                    };
                    let figures = figures.into_iter().map(|figure| Figure { place: place(&figure), ..figure }).collect();
                    store.declare(vec![(period, figures)], pen)
                })
                .await?;
            let Period { from, to } = period;
            let place = format!("/declared?from={from}&to={to}&field={}&saved={}", asked.field, new + corrected);
            Ok(Redirect::to(&place).into_response())
        }
        Err(problems) => {
            let problem = format!("{} chỗ chưa đúng; chưa lưu gì.", problems.len());
            let page = page(&app, (*viewer).clone(), period, asked, (typed, problems), problem).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

/// The figures of a page, or what is wrong with each.
fn figures(typed: &Typed, field: &str, dictionary: &Dictionary) -> Result<Vec<Figure>, BTreeMap<String, String>> {
    let (mut figures, mut problems) = (Vec::new(), BTreeMap::new());
    for indicator in dictionary.iter() {
        let code = &indicator.code;
        if !typed.contains_key(&format!("{code}:value")) {
            continue;
        }
        match figure(typed, code) {
            Ok(figure) => figures.push(Figure { field: field.to_owned(), ..figure }),
            Err(problem) => drop(problems.insert(code.clone(), problem)),
        }
    }
    if problems.is_empty() { Ok(figures) } else { Err(problems) }
}

fn figure(typed: &Typed, code: &str) -> Result<Figure, String> {
    let [value, numerator, denominator, printed] =
        CELLS.map(|cell| typed.get(&format!("{code}:{cell}")).map_or("", |text| text.trim()));
    let amount = |text: &str| if text.is_empty() { Ok(None) } else { whole_number(text).map(Some) };
    let (value, numerator, denominator) = (amount(value)?, amount(numerator)?, amount(denominator)?);
    if value.is_some() && (numerator.is_some() || denominator.is_some()) {
        return Err("ghi một số, hoặc tử số và mẫu số, không ghi cả hai".to_owned());
    }
    if numerator.is_some() != denominator.is_some() {
        return Err("tử số và mẫu số phải đi cùng nhau".to_owned());
    }
    if !printed.is_empty() && Percent::parse(printed).is_none() {
        return Err("tỷ lệ ghi như trong báo cáo, ví dụ 83,4%".to_owned());
    }
    let printed = (!printed.is_empty()).then(|| printed.to_owned());
    Ok(Figure { indicator: code.to_owned(), value, numerator, denominator, printed, ..Figure::default() })
}

//! Forms on paper: each as a page to look at, printed by the press as PDF, for one dossier or for many at once.
//!
//! Promise: what the page shows is what is printed, out of one document; a printing stands in the log under who printed. A
//! press that is absent or fails is told in words, and then the browser prints the same page. Start at [`show`] and
//! [`print`].

use askama::Template;
use axum::Form as Typed;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{Html, IntoResponse, Redirect, Response};
use motcua_print::{Format, Press, PrintError, page};
use motcua_shared::access::Right;
use motcua_shared::document::Document;
use motcua_shared::dossier::{Code, Event};
use motcua_shared::ruleset::{Form, Ruleset};
use serde::Deserialize;

use super::dossier::Known;
use super::fault::HttpError;
use super::today::{self, Line};
use super::viewer::{ClerkViewer, Viewer};
use super::{App, Frame, dossier, html};
use crate::office::{now, stream_key};
use crate::store::Step;
use crate::{forms, words};

/// Forms of so many dossiers go into one file.
const MOST: usize = 1_000;

/// Where a form of a dossier is shown and printed.
pub(super) fn address(code: &str, form: Form) -> String {
    format!("{}/forms/{}", dossier::address(code), form.code())
}

/// A form that a dossier has.
pub(super) struct Printable {
    pub code: &'static str,
    pub name: String,
    /// When it was printed last; empty when it was not.
    pub printed: String,
}

/// The forms of a dossier; the first is what its citizen takes along.
pub(super) fn printable(known: &Known) -> Vec<Printable> {
    let rules = forms::ruleset(&known.dossier, now());
    let titles = forms::available(&known.dossier, &known.steps, now()).into_iter().filter_map(|form| rules.form(form));
    let one = |title: motcua_shared::ruleset::FormTitle| Printable {
        code: title.form.code(),
        name: title.words(),
        printed: printed_last(&known.steps, title.form),
    };
    titles.map(one).collect()
}

fn printed_last(steps: &[Step], form: Form) -> String {
    let is = |event: &Event| match event {
        Event::Printed(printed) if printed.form == form.code() => Some(printed.at),
        _ => None,
    };
    steps.iter().rev().filter_map(|step| step.event.as_ref()).find_map(is).map(words::time).unwrap_or_default()
}

#[derive(Template)]
#[template(path = "sheet.html")]
struct SheetPage {
    frame: Option<Frame>,
    nav: &'static str,
    name: String,
    form: &'static str,
    codes: Vec<String>,
    /// The leaves, as markup.
    leaves: String,
    /// The dossier has just been saved: what is said of it.
    saved: String,
    /// Why there is no press; empty when there is one.
    no_press: String,
    /// It was printed before, so that what the browser prints is no draft.
    printed: bool,
    /// The browser is to print now.
    at_once: bool,
    may_print: bool,
}

impl SheetPage {
    /// The dossier, where there is one alone.
    fn code(&self) -> &str {
        match &self.codes[..] {
            [only] => only,
            _ => "",
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// It has just been saved.
    saved: String,
    /// It was just noted as printed by the browser.
    printed: String,
}

/// One form of one dossier, ready to print.
pub async fn show(
    viewer: Viewer,
    State(app): State<App>,
    Path((code, form)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    let (form, codes) = (known_form(&form)?, vec![code]);
    let document = document(&app, &viewer, &codes, form).await?;
    let press = Press::here();
    let no_press = if press.is_there() { String::new() } else { said(&press.absent()) };
    let page = sheet(&app, viewer, codes, form, &document, no_press).await?;
    let saved = if asked.saved.is_empty() { String::new() } else { page.saved };
    let at_once = !asked.printed.is_empty() && page.printed;
    Ok(html(&SheetPage { saved, at_once, ..page })?.into_response())
}

fn known_form(code: &str) -> Result<Form, HttpError> {
    Form::from_code(code).filter(|form| *form != Form::Book).ok_or_else(|| HttpError::of_status(StatusCode::NOT_FOUND))
}

async fn document(app: &App, viewer: &Viewer, codes: &[String], form: Form) -> Result<Document, HttpError> {
    let (data, author, asked) = (app.data.clone(), viewer.name.clone(), codes.to_vec());
    let signer = app.read(move |store, _| Ok(stream_key(&data, store.office()?.stream))).await?;
    let signer = signer.map_err(|error| HttpError::parameter(error.to_string(), "Hãy báo người phụ trách máy này."))?;
    app.read(move |store, key| {
        let desk = forms::Desk { key, signer: &signer, clerk: &author, now: now() };
        forms::compose(store, &desk, &asked, form)
    })
    .await
}

async fn sheet(
    app: &App,
    viewer: Viewer,
    codes: Vec<String>,
    form: Form,
    document: &Document,
    no_press: String,
) -> Result<SheetPage, HttpError> {
    let leaves = page::page(document);
    app.read(move |store, key| {
        let first = codes.first().map(|code| Known::read(store, key, code)).transpose()?;
        let rules = first.as_ref().map_or_else(
            || Ruleset::on(motcua_shared::calendar::local_day(now())),
            |known| forms::ruleset(&known.dossier, now()),
        );
        let due = first.as_ref().and_then(|known| known.dossier.due_at).map(|due| format!(", hẹn trả {}", words::time(due)));
        Ok(SheetPage {
            frame: Frame::read(store, &viewer)?,
            nav: "",
            name: rules.form(form).map_or_else(String::new, |title| title.words()),
            form: form.code(),
            saved: codes.first().map(|code| format!("Mã hồ sơ {code}{}.", due.unwrap_or_default())).unwrap_or_default(),
            printed: first.as_ref().is_some_and(|known| !printed_last(&known.steps, form).is_empty()),
            may_print: viewer.may(Right::Counter),
            at_once: false,
            leaves,
            no_press,
            codes,
        })
    })
    .await
}

/// By what a form is printed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Pressed {
    /// `browser`, or empty for the press.
    by: String,
}

/// One form of one dossier.
pub async fn print(
    viewer: ClerkViewer,
    State(app): State<App>,
    Path((code, form)): Path<(String, String)>,
    Typed(pressed): Typed<Pressed>,
) -> Result<Response, HttpError> {
    let form = known_form(&form)?;
    if pressed.by == "browser" {
        document(&app, &viewer, std::slice::from_ref(&code), form).await?;
        let place = format!("{}?printed=yes", address(&code, form));
        app.write(&viewer, move |store, pen| forms::note(store, pen, &[code], form)).await?;
        return Ok(Redirect::to(&place).into_response());
    }
    print_all(&app, viewer, vec![code], form, false).await
}

/// Ticked dossiers: `pick` as `CODE` or `CODE@SEEN`, and what is to be done with them.
struct Chosen {
    codes: Vec<String>,
    form: String,
    list: String,
    by_browser: bool,
}

impl Chosen {
    fn read(pairs: Vec<(String, String)>) -> Result<Chosen, HttpError> {
        let mut chosen = Chosen { codes: Vec::new(), form: String::new(), list: String::new(), by_browser: false };
        for (name, value) in pairs {
            match name.as_str() {
                "pick" => {
                    let code = value.split('@').next().unwrap_or_default().to_owned();
                    if !chosen.codes.contains(&code) {
                        chosen.codes.push(code);
                    }
                }
                "form" => chosen.form = value,
                "list" if today::is_list(&value) => chosen.list = value,
                "by" => chosen.by_browser = value == "browser",
                _ => {}
            }
        }
        if chosen.codes.is_empty() || chosen.codes.len() > MOST {
            return Err(HttpError::parameter(
                format!("Mỗi lần in được từ 1 đến {MOST} hồ sơ; đang chọn {}.", chosen.codes.len()),
                "Hãy đánh dấu các hồ sơ trong danh sách rồi bấm lại.",
            ));
        }
        Ok(chosen)
    }
}

#[derive(Template)]
#[template(path = "print_many.html")]
struct PrintManyPage {
    frame: Option<Frame>,
    nav: &'static str,
    lines: Vec<Line>,
    list: String,
    /// The forms that one of them has at least, code and name; the first is what most have.
    forms: Vec<(&'static str, String)>,
}

/// The ticked dossiers, and which of their forms is to be printed.
pub async fn choose(
    viewer: ClerkViewer,
    State(app): State<App>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Html<String>, HttpError> {
    let chosen = Chosen::read(pairs)?;
    let page = app
        .read(move |store, key| {
            let mut counts: Vec<(Form, usize)> = Form::ALL.iter().map(|(form, _)| (*form, 0)).collect();
            for code in &chosen.codes {
                let (dossier, steps) = store.dossier_history(code, key)?;
                for form in forms::available(&dossier, &steps, now()) {
                    counts.iter_mut().filter(|(known, _)| *known == form).for_each(|(_, count)| *count += 1);
                }
            }
            counts.retain(|(_, count)| *count > 0);
            counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            let rules = Ruleset::on(motcua_shared::calendar::local_day(now()));
            let name = |(form, count): &(Form, usize)| {
                let words = rules.form(*form).map_or_else(|| form.code().to_owned(), |title| title.name.to_owned());
                format!("{words} ({count} hồ sơ có)")
            };
            Ok(PrintManyPage {
                frame: Frame::read(store, &viewer)?,
                nav: "today",
                lines: today::lines(store, key, store.desk_of(&chosen.codes)?, now())?,
                list: chosen.list,
                forms: counts.iter().map(|count| (count.0.code(), name(count))).collect(),
            })
        })
        .await?;
    html(&page)
}

/// One form of several dossiers, in one file.
pub async fn print_many(
    viewer: ClerkViewer,
    State(app): State<App>,
    Typed(pairs): Typed<Vec<(String, String)>>,
) -> Result<Response, HttpError> {
    let chosen = Chosen::read(pairs)?;
    let form = known_form(&chosen.form)?;
    print_all(&app, viewer, chosen.codes, form, chosen.by_browser).await
}

async fn print_all(
    app: &App,
    viewer: ClerkViewer,
    codes: Vec<String>,
    form: Form,
    by_browser: bool,
) -> Result<Response, HttpError> {
    let document = document(app, &viewer, &codes, form).await?;
    let noted = codes.clone();
    if by_browser {
        app.write(&viewer, move |store, pen| forms::note(store, pen, &noted, form)).await?;
        let page = sheet(app, (*viewer).clone(), codes, form, &document, String::new()).await?;
        return Ok(html(&SheetPage { saved: String::new(), at_once: true, ..page })?.into_response());
    }
    match Press::here().print(Format::Pdf, &document).await {
        Ok(file) => {
            app.write(&viewer, move |store, pen| forms::note(store, pen, &noted, form)).await?;
            Ok(answer(&format!("{}_{}.pdf", form.code(), document.title), file.bytes))
        }
        Err(error) => {
            tracing::warn!("{error}");
            let page = sheet(app, (*viewer).clone(), codes, form, &document, said(&error)).await?;
            Ok((StatusCode::SERVICE_UNAVAILABLE, html(&SheetPage { saved: String::new(), ..page })?).into_response())
        }
    }
}

fn said(error: &PrintError) -> String {
    format!("{error}.")
}

/// The register book of a year.
pub async fn register(_: Viewer, State(app): State<App>, Path(year): Path<i32>) -> Result<Response, HttpError> {
    let document = app.read(move |store, key| forms::register(store, key, year)).await?;
    Ok(answer(&format!("so_theo_doi_{year}.pdf"), drawn(&document).await?))
}

/// A document as PDF.
pub(super) async fn drawn(document: &Document) -> Result<Vec<u8>, HttpError> {
    Ok(Press::here().print(Format::Pdf, document).await?.bytes)
}

fn answer(name: &str, file: Vec<u8>) -> Response {
    let disposition = format!("inline; filename=\"{name}\"");
    ([(CONTENT_TYPE, "application/pdf".to_owned()), (CONTENT_DISPOSITION, disposition)], file).into_response()
}

impl From<PrintError> for HttpError {
    fn from(error: PrintError) -> HttpError {
        tracing::warn!("{error}");
        HttpError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            said(&error),
            "Không có gì bị mất hay thay đổi; lần in này không ghi vào nhật ký.",
            "Hãy quay lại hồ sơ.",
        )
    }
}

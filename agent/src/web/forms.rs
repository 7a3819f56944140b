//! Forms on paper: which there are for a dossier, and each as a PDF.
//!
//! Promise: a printing stands in the log under who printed; a press that is absent or fails is told in words, and nothing
//! is noted. Start at [`list`] and [`print`].

use askama::Template;
use axum::Form as Typed;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use motcua_print::{Format, Press, PrintError};
use motcua_shared::document::Document;
use motcua_shared::dossier::Code;
use motcua_shared::ruleset::Form;
use serde::Deserialize;

use super::fault::HttpError;
use super::viewer::{ClerkViewer, Viewer};
use super::{App, Frame, html};
use crate::office::{now, stream_key};
use crate::{forms, words};

/// Forms of so many dossiers go into one file.
const MOST: usize = 1_000;

/// A form that can be printed.
struct Printable {
    code: &'static str,
    number: &'static str,
    name: &'static str,
    /// When it was printed last; empty when it was not.
    printed: String,
}

#[derive(Template)]
#[template(path = "forms.html")]
struct FormsPage {
    frame: Option<Frame>,
    nav: &'static str,
    code: String,
    printable: Vec<Printable>,
}

/// The forms of one dossier.
pub async fn list(viewer: Viewer, State(app): State<App>, Path(code): Path<String>) -> Result<Response, HttpError> {
    let asked = code.clone();
    let ((dossier, steps), frame) =
        app.read(move |store, key| Ok((store.dossier_history(&asked, key)?, Frame::read(store, &viewer)?))).await?;
    let rules = forms::ruleset(&dossier, now());
    let printed = |form: Form| {
        let is = |event: &motcua_shared::dossier::Event| match event {
            motcua_shared::dossier::Event::Printed(printed) if printed.form == form.code() => Some(printed.at),
            _ => None,
        };
        steps.iter().rev().filter_map(|step| step.event.as_ref()).find_map(is).map(words::time).unwrap_or_default()
    };
    let printable = forms::available(&dossier, &steps, now())
        .into_iter()
        .filter_map(|form| rules.form(form))
        .map(|title| Printable { code: title.form.code(), number: title.number, name: title.name, printed: printed(title.form) })
        .collect();
    Ok(html(&FormsPage { frame, nav: "", code, printable })?.into_response())
}

/// Which dossiers are printed, one code a line.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Chosen {
    codes: String,
}

/// One form of one dossier.
pub async fn print(
    viewer: ClerkViewer,
    State(app): State<App>,
    Path((code, form)): Path<(String, String)>,
) -> Result<Response, HttpError> {
    pdf(&app, &viewer, vec![code], &form).await
}

/// One form of several dossiers, in one file.
pub async fn print_many(
    viewer: ClerkViewer,
    State(app): State<App>,
    Path(form): Path<String>,
    Typed(chosen): Typed<Chosen>,
) -> Result<Response, HttpError> {
    let codes: Vec<String> = chosen.codes.split_whitespace().map(str::to_owned).collect();
    if codes.is_empty() || codes.len() > MOST {
        return Err(HttpError::parameter(
            format!("Mỗi lần in được từ 1 đến {MOST} hồ sơ; đang chọn {}.", codes.len()),
            "Hãy chọn lại hồ sơ cần in.",
        ));
    }
    pdf(&app, &viewer, codes, &form).await
}

async fn pdf(app: &App, viewer: &Viewer, codes: Vec<String>, form: &str) -> Result<Response, HttpError> {
    let form = Form::from_code(form).ok_or_else(|| HttpError::of_status(StatusCode::NOT_FOUND))?;
    let (data, author, asked) = (app.data.clone(), viewer.name.clone(), codes.clone());
    let signer = app.read(move |store, _| Ok(stream_key(&data, store.office()?.stream))).await?;
    let signer = signer.map_err(|error| HttpError::parameter(error.to_string(), "Hãy báo người phụ trách máy này."))?;
    let document = app
        .read(move |store, key| {
            let desk = forms::Desk { key, signer: &signer, clerk: &author, now: now() };
            forms::compose(store, &desk, &asked, form)
        })
        .await?;
    let file = drawn(&document).await?;
    let name = format!("{}_{}.pdf", form.code(), document.title);
    app.write(viewer, move |store, pen| forms::note(store, pen, &codes, form)).await?;
    Ok(answer(&name, file))
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
            format!("{error}."),
            "Không có gì bị mất hay thay đổi; lần in này không ghi vào nhật ký.",
            "Hãy quay lại hồ sơ.",
        )
    }
}

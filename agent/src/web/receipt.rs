//! What a citizen takes along: the receipt with its due time, or the slip that says why not (Mẫu 01, 02 and 03).
//!
//! Promise: shows what is saved, printable as it stands; nothing is recorded by looking at it. Start at [`show`].

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{Html, IntoResponse, Response};
use motcua_shared::dossier::{Event, Received};
use motcua_shared::paper::{Paper, PaperKind};
use motcua_shared::seal::{OfficeKey, Sealed};
use serde::Deserialize;

use super::fault::HttpError;
use super::viewer::Viewer;
use super::{App, Frame, html};
use crate::office::now;
use crate::store::{self, Step, Store};
use crate::words;

/// A line of the table of papers.
struct Line {
    name: String,
    kind: &'static str,
    quantity: u32,
}

#[derive(Template)]
#[template(path = "receipt.html")]
struct ReceiptPage {
    frame: Option<Frame>,
    nav: &'static str,
    /// It has just been saved.
    saved: bool,
    office: String,
    /// What it is: a receipt, or which slip.
    title: &'static str,
    /// The form of the law that it follows.
    form: &'static str,
    code: String,
    procedure: String,
    person: Sealed,
    lines: Vec<Line>,
    /// Absent on a slip.
    received: Option<Times>,
    /// Why it was not accepted, in short and in full.
    lack: Option<(String, String)>,
    book: String,
    fee: String,
    printed: String,
}

struct Times {
    received: String,
    due: String,
    limit: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    saved: String,
}

/// The receipt of a dossier, ready to print.
pub async fn show(
    viewer: Viewer,
    State(app): State<App>,
    Path(code): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    let page = app.read(move |store, key| ReceiptPage::read(store, key, &viewer, (&code, !asked.saved.is_empty()))).await?;
    let page: Html<String> = html(&page)?;
    Ok(page.into_response())
}

impl ReceiptPage {
    fn read(store: &Store, key: &OfficeKey, viewer: &Viewer, (code, saved): (&str, bool)) -> store::Result<ReceiptPage> {
        let row = store.dossier_find(code)?;
        let (dossier, steps) = store.dossier_history(code, key)?;
        let person = store.persons(std::slice::from_ref(&row), key)?.into_iter().next().flatten().unwrap_or_default();
        let tables = store.tables()?;
        let (title, form) = match (&dossier.received, dossier.declined) {
            (Some(_), _) => ("Giấy tiếp nhận hồ sơ và hẹn trả kết quả", "Mẫu số 01"),
            (None, false) => ("Phiếu yêu cầu bổ sung, hoàn thiện hồ sơ", "Mẫu số 02"),
            (None, true) => ("Phiếu từ chối tiếp nhận, giải quyết hồ sơ", "Mẫu số 03"),
        };
        let lack = dossier.turned_away.as_ref().filter(|_| dossier.received.is_none()).map(|slip| {
            let told = steps.iter().rev().find_map(|step| step.sealed.as_ref().and_then(|sealed| sealed.note.clone()));
            (words::lack_name(slip.lack).to_owned(), told.unwrap_or_default())
        });
        Ok(ReceiptPage {
            frame: Frame::read(store, viewer)?,
            nav: "",
            saved,
            office: store.office()?.name,
            title,
            form,
            procedure: words::procedure_name(&tables.catalogue, dossier.procedure()).to_owned(),
            lines: lines(&dossier.papers, &steps),
            received: dossier.received.as_ref().map(|received| Times {
                received: words::time(received.received_at),
                due: dossier.due_at.map(words::time).unwrap_or_default(),
                limit: received.limit.map_or_else(|| "theo hẹn trả".to_owned(), words::limit_name),
            }),
            fee: dossier.received.as_ref().map(fee).unwrap_or_default(),
            book: row.book.map(|place| place.to_string()).unwrap_or_default(),
            code: row.code,
            person,
            lack,
            printed: words::time(now()),
        })
    }
}

fn fee(received: &Received) -> String {
    if received.fee_vnd == 0 { "không thu".to_owned() } else { words::amount(received.fee_vnd) }
}

/// The newest list of papers with their names.
fn lines(papers: &[Paper], steps: &[Step]) -> Vec<Line> {
    let newest = steps.iter().rev().find(|step| matches!(step.event, Some(Event::Papers(_))));
    let names = newest.and_then(|step| step.sealed.as_ref()).and_then(|sealed| sealed.note.clone()).unwrap_or_default();
    let mut names = names.split("; ");
    let line = |paper: &Paper| Line {
        name: names.next().unwrap_or_default().to_owned(),
        kind: match paper.kind {
            PaperKind::Original => "bản chính",
            PaperKind::Copy => "bản sao",
            PaperKind::Certified => "bản chứng thực",
            PaperKind::Photocopy => "bản photo",
        },
        quantity: paper.quantity,
    };
    papers.iter().map(line).collect()
}

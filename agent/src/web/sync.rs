//! The state of the sync, and "send now".
//!
//! Promise: figures come from rows and verified receipts, not from what a session believed. Start at [`show`].

use std::collections::BTreeSet;
use std::time::Duration;

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::response::{Html, Redirect};
use motcua_shared::access::Right;
use motcua_shared::text::number;
use serde::Serialize;

use super::fault::HttpError;
use super::viewer::{ClerkViewer, Viewer};
use super::{App, Frame, html};
use crate::doctor::{self, Finding};
use crate::office::{Status, now};
use crate::store::Attempt;
use crate::words;

/// How long the browser waits for a "send now"; the sending itself goes on.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Template)]
#[template(path = "sync.html")]
struct SyncPage {
    frame: Option<Frame>,
    nav: &'static str,
    enrolled: bool,
    has_line: bool,
    /// Whether files are the only way; absent for whoever may not give them out and take them in.
    carry: Option<bool>,
    aggregator: String,
    sending: bool,
    head: String,
    stored: String,
    pending: String,
    quarantined: String,
    /// Why, each once.
    reasons: Vec<String>,
    left_streams: u64,
    receipt: String,
    complete: String,
    night: String,
    attempt: Option<Attempt>,
    reference: String,
    reference_problem: String,
    /// What is the matter, as far as it is known without asking the line again.
    findings: Vec<Finding>,
}

/// The line at the top of every page.
#[derive(Serialize)]
pub struct LineJson {
    sentence: String,
    todo: String,
    all_sent: bool,
}

/// For the script that keeps the line fresh.
pub async fn line(viewer: Viewer, State(app): State<App>) -> Result<Json<Option<LineJson>>, HttpError> {
    let frame = app.read(move |store, _| Frame::read(store, &viewer)).await?;
    Ok(Json(frame.map(|Frame { sync, todo, all_sent, .. }| LineJson { sentence: sync, todo, all_sent })))
}

pub async fn show(viewer: Viewer, State(app): State<App>) -> Result<Html<String>, HttpError> {
    let (data, sender) = (app.data.clone(), app.sender.clone());
    let (clerk, setup) = (viewer.may(Right::Counter), viewer.may(Right::Setup));
    let (frame, status, attempt, asked, facts) = app
        .read(move |store, _| {
            let facts = doctor::facts(&data, store, now(), |known| sender.clock_known(known))?;
            Ok((Frame::read(store, &viewer)?, Status::read(store)?, store.attempt_last()?, store.night_slot()?, facts))
        })
        .await?;
    let night = app.sender.night_slot(status.stream, asked);
    let shown = |at: &Option<String>, none: &str| at.as_deref().map_or_else(|| none.to_owned(), words::shown_time);
    let count = |value: u64| number(i64::try_from(value).unwrap_or(i64::MAX));
    html(&SyncPage {
        frame,
        nav: "sync",
        reference: words::reference_sentence(&status),
        reference_problem: status.reference_problem.clone().unwrap_or_default(),
        carry: (if status.enrolled { clerk } else { setup }).then_some(status.enrolled && status.aggregator.is_none()),
        enrolled: status.enrolled,
        has_line: status.aggregator.is_some(),
        aggregator: status
            .aggregator
            .unwrap_or_else(|| if status.enrolled { "đã đăng ký bằng tệp" } else { "chưa đăng ký" }.to_owned()),
        sending: app.sender.is_sending(),
        head: count(status.head_seq),
        stored: count(status.stored_through),
        pending: count(status.pending),
        quarantined: if status.quarantined == 0 { String::new() } else { count(status.quarantined) },
        reasons: status.quarantine_reasons.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect(),
        left_streams: status.left_streams,
        receipt: shown(&status.last_receipt_at, "chưa có"),
        complete: shown(&status.last_sync_at, "chưa lần nào"),
        night: format!("{:02}:{:02}", night / 3600, night / 60 % 60),
        attempt: attempt.map(|(attempt, _)| attempt),
        findings: doctor::findings(&facts, now()).into_iter().filter(|finding| finding.cause != "ok").collect(),
    })
}

/// Sends now and shows how it went; when it takes long, shows that it is under way.
pub async fn send(_: ClerkViewer, State(app): State<App>) -> Result<Redirect, HttpError> {
    if app.sender.is_sending() {
        return Ok(Redirect::to("/sync"));
    }
    let sending = tokio::spawn(async move { app.sender.send().await });
    match tokio::time::timeout(PATIENCE, sending).await {
        Ok(Ok(result)) => drop(result?),
        Ok(Err(panic)) => std::panic::resume_unwind(panic.into_panic()),
        Err(_) => {}
    }
    Ok(Redirect::to("/sync"))
}

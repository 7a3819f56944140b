//! The state of the sync, and "send now".
//!
//! Promise: figures come from rows and verified receipts, not from what a session believed. Start at [`show`].

use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::response::{Html, Redirect};
use motcua_shared::text::number;

use super::fault::HttpError;
use super::{App, Frame, html};
use crate::office::Status;
use crate::store::Attempt;
use crate::uplink::{Uplink, UplinkError};
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
    aggregator: String,
    sending: bool,
    head: String,
    stored: String,
    pending: String,
    quarantined: String,
    receipt: String,
    complete: String,
    attempt: Option<Attempt>,
    reference: String,
    reference_problem: String,
}

pub async fn show(State(app): State<App>) -> Result<Html<String>, HttpError> {
    let (status, attempt) = app.read(|store, _| Ok((Status::read(store)?, store.attempt_last()?))).await?;
    let shown = |at: &Option<String>, none: &str| at.as_deref().map_or_else(|| none.to_owned(), words::shown_time);
    let count = |value: u64| number(i64::try_from(value).unwrap_or(i64::MAX));
    html(&SyncPage {
        frame: Some(Frame::of(&status)),
        nav: "sync",
        reference: words::reference_sentence(&status),
        reference_problem: status.reference_problem.clone().unwrap_or_default(),
        enrolled: status.enrolled,
        has_line: status.aggregator.is_some(),
        aggregator: status
            .aggregator
            .unwrap_or_else(|| if status.enrolled { "đã đăng ký bằng tệp" } else { "chưa đăng ký" }.to_owned()),
        sending: app.sending.try_lock().is_err(),
        head: count(status.head_seq),
        stored: count(status.stored_through),
        pending: count(status.pending),
        quarantined: if status.quarantined == 0 { String::new() } else { count(status.quarantined) },
        receipt: shown(&status.last_receipt_at, "chưa có"),
        complete: shown(&status.last_sync_at, "chưa lần nào"),
        attempt: attempt.map(|(attempt, _)| attempt),
    })
}

/// Sends now and shows how it went; when it takes long, shows that it is under way.
pub async fn send(State(app): State<App>) -> Result<Redirect, HttpError> {
    let Ok(held) = app.sending.clone().try_lock_owned() else {
        return Ok(Redirect::to("/sync"));
    };
    let sending = tokio::spawn(async move {
        let result = once(&app).await;
        drop(held);
        result
    });
    match tokio::time::timeout(PATIENCE, sending).await {
        Ok(Ok(result)) => result?,
        Ok(Err(panic)) => std::panic::resume_unwind(panic.into_panic()),
        Err(_) => {}
    }
    Ok(Redirect::to("/sync"))
}

async fn once(app: &App) -> Result<(), UplinkError> {
    Uplink::open(&app.data, &app.door).await?.sync(&app.door).await?;
    Ok(())
}

//! Forms that are being typed: kept as they are, offered again, thrown away.
//!
//! Promise: what is answered as kept is durable and locked; a form belongs to its user, and is offered first in the browser
//! in which it was typed. Start at [`keep`].

use askama::Template;
use axum::extract::{Path, State};
use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::{Form, Json};
use data_encoding::HEXLOWER;
use motcua_shared::access;
use motcua_shared::catalogue::Catalogue;
use motcua_shared::reception::{Draft, procedure_code};
use motcua_shared::seal::OfficeKey;
use serde::Serialize;
use uuid::Uuid;

use super::fault::HttpError;
use super::viewer::{ClerkViewer, Viewer};
use super::{App, Frame, html};
use crate::office::{chance, now};
use crate::store::{self, HalfTyped, Store, Typist};
use crate::words;

/// A form that waits to be finished.
pub struct Waiting {
    pub id: Uuid,
    pub kept: String,
    /// Whom and what it is about, as far as it was typed.
    pub about: String,
    /// It was typed in this browser.
    pub here: bool,
}

/// Who types in this request.
pub fn typist(viewer: &Viewer, headers: &HeaderMap) -> Typist {
    Typist { owner: viewer.name.clone(), pc: pc(headers).unwrap_or_default() }
}

const PC: &str = "motcua-pc";

/// The name that this browser was given.
pub fn pc(headers: &HeaderMap) -> Option<String> {
    let mut cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pc = cookies.find_map(|cookies| access::cookie(cookies, PC))?;
    (pc.len() == 16 && pc.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| pc.to_owned())
}

/// A new name for a browser that has none. It tells its forms apart from those of other PCs, and nothing else.
pub fn pc_given() -> Option<HeaderValue> {
    let name = HEXLOWER.encode(&chance::<8>());
    HeaderValue::from_str(&format!("{PC}={name}; Path=/; Max-Age=315360000; HttpOnly; SameSite=Strict")).ok()
}

/// What `typist` has not finished, the newest first.
pub fn waiting(store: &Store, key: &OfficeKey, typist: &Typist) -> store::Result<Vec<Waiting>> {
    let tables = store.tables()?;
    let kept = store.half_typed(&typist.owner, key)?;
    Ok(kept.iter().filter_map(|kept| shown(kept, &tables.catalogue, typist)).collect())
}

fn shown(kept: &HalfTyped, catalogue: &Catalogue, typist: &Typist) -> Option<Waiting> {
    let draft: Draft = serde_json::from_slice(&kept.form).ok()?;
    let code = procedure_code(&draft.procedure);
    let procedure = if code.is_empty() { "chưa chọn thủ tục" } else { words::procedure_name(catalogue, code) };
    let name = if draft.name.trim().is_empty() { "chưa ghi tên" } else { draft.name.trim() };
    let about = format!("{name}; {}", words::shortened(procedure, 60));
    Some(Waiting { id: kept.id, kept: words::shown_time(&kept.saved_at), about, here: kept.pc == typist.pc })
}

/// One of them, as it was typed.
pub fn taken_up(store: &Store, key: &OfficeKey, owner: &str, id: Uuid) -> store::Result<Option<Draft>> {
    let kept = store.half_typed(owner, key)?.into_iter().find(|kept| kept.id == id);
    Ok(kept.and_then(|kept| serde_json::from_slice(&kept.form).ok()))
}

/// When a form was kept; empty: it is not kept, because nothing is typed in it or it was received meanwhile.
#[derive(Serialize)]
pub struct Kept {
    at: String,
}

/// Keeps a form as it is now.
pub async fn keep(
    viewer: ClerkViewer,
    State(app): State<App>,
    headers: HeaderMap,
    Form(draft): Form<Draft>,
) -> Result<Json<Kept>, HttpError> {
    Ok(Json(Kept { at: keep_now(&app, typist(&viewer, &headers), draft).await? }))
}

/// The same, for whoever has no script.
pub async fn keep_now(app: &App, typist: Typist, draft: Draft) -> Result<String, HttpError> {
    let id = Uuid::parse_str(&draft.id)
        .map_err(|_| HttpError::parameter("Mẫu này không đầy đủ nên chưa giữ được.", "Hãy mở lại trang tiếp nhận."))?;
    let key = app.key.clone();
    let at = now();
    let kept = app
        .door
        .call(move |store| {
            if draft.is_blank() {
                return store.half_typed_drop(id, &typist.owner).map(|()| false);
            }
            let form = serde_json::to_vec(&draft).unwrap_or_default();
            store.half_typed_keep(id, &typist, &form, at, (&key, chance()))
        })
        .await?;
    Ok(if kept { at.format("%H:%M:%S").to_string() } else { String::new() })
}

/// Throws one away.
pub async fn discard(viewer: ClerkViewer, State(app): State<App>, Path(id): Path<Uuid>) -> Result<Redirect, HttpError> {
    let owner = viewer.name.clone();
    app.door.call(move |store| store.half_typed_drop(id, &owner)).await?;
    Ok(Redirect::to("/dossiers/new"))
}

#[derive(Template)]
#[template(path = "drafts.html")]
struct DraftsPage {
    frame: Option<Frame>,
    nav: &'static str,
    waiting: Vec<Waiting>,
}

/// Everything that this user has not finished, here and on other PCs.
pub async fn show(viewer: ClerkViewer, State(app): State<App>, headers: HeaderMap) -> Result<Response, HttpError> {
    let typist = typist(&viewer, &headers);
    let page = app
        .read(move |store, key| {
            Ok(DraftsPage { frame: Frame::read(store, &viewer)?, nav: "new", waiting: waiting(store, key, &typist)? })
        })
        .await?;
    let page: Html<String> = html(&page)?;
    Ok(page.into_response())
}

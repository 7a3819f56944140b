//! Logging in and out.
//!
//! Promise: guessing is slow and soon stops; whoever logs in comes to the page that was asked for. Start at [`log_in`].

use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Extension, Form, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use motcua_shared::access::{SESSION_HOURS, token_hash};
use serde::Deserialize;

use super::pages::{Frame, PageError, show};
use super::viewer::{COOKIE, Viewer, session};
use super::{App, DoorError, now};
use crate::audit::{self, Act, By};
use crate::auth::{self, AuthError, Candidate};
use crate::tls::Wire;

#[derive(Template)]
#[template(path = "login.html")]
struct LogInPage {
    frame: Frame,
    name: String,
    next: String,
    problem: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    next: String,
}

/// An address of ours: no other site is ever meant.
fn is_ours(address: &str) -> bool {
    let mut letters = address.chars();
    letters.next() == Some('/') && !matches!(letters.next(), Some('/' | '\\')) && !address.contains(char::is_control)
}

pub async fn form(viewer: Option<Extension<Viewer>>, Query(asked): Query<Asked>) -> Result<Response, PageError> {
    if viewer.is_some() {
        return Ok(Redirect::to("/").into_response());
    }
    show(&LogInPage { frame: Frame::outside(), name: String::new(), next: asked.next, problem: None })
}

#[derive(Debug, Deserialize)]
pub struct LogIn {
    name: String,
    password: String,
    #[serde(default)]
    next: String,
}

pub async fn log_in(
    State(app): State<App>,
    Extension(wire): Extension<Wire>,
    form: Result<Form<LogIn>, FormRejection>,
) -> Result<Response, PageError> {
    let Ok(Form(LogIn { name, password, next })) = form else {
        let problem = "Hãy điền tên đăng nhập và mật khẩu.".to_owned();
        return again(String::new(), String::new(), StatusCode::BAD_REQUEST, problem);
    };
    let name = name.trim().to_owned();
    let by = By { who: String::new(), role: String::new(), address: wire.remote.ip().to_string(), at: now() };
    let checked = checked(&app, name.clone(), password).await?;
    let token = match checked {
        Ok((candidate, holds)) => app.write(move |store| auth::log_in(store, &candidate, holds, &by)).await?,
        Err(error) => Err(error),
    };
    match token {
        Ok(token) => {
            let to = if is_ours(&next) { next.as_str() } else { "/" };
            Ok(([(header::SET_COOKIE, session_cookie(&token))], Redirect::to(to)).into_response())
        }
        Err(AuthError::Store(error)) => Err(error.into()),
        Err(error @ AuthError::Locked(_)) => again(name, next, StatusCode::TOO_MANY_REQUESTS, error.to_string()),
        Err(error) => again(name, next, StatusCode::UNAUTHORIZED, error.to_string()),
    }
}

/// The cookie that carries a session.
pub fn session_cookie(token: &str) -> String {
    let lifetime = SESSION_HOURS * 3600;
    format!("{COOKIE}={token}; Path=/; Max-Age={lifetime}; HttpOnly; Secure; SameSite=Strict")
}

/// Who is meant, and whether it is the password: one turn at the store, the slow arithmetic outside of it.
pub async fn checked(app: &App, name: String, password: String) -> Result<Result<(Candidate, bool), AuthError>, DoorError> {
    let candidate = match app.read(move |store| auth::candidate(store, &name, now())).await? {
        Ok(candidate) => candidate,
        Err(error) => return Ok(Err(error)),
    };
    let checked = app
        .hash(move || {
            let holds = auth::password_holds(&candidate, &password);
            (candidate, holds)
        })
        .await?;
    Ok(Ok(checked))
}

fn again(name: String, next: String, status: StatusCode, problem: String) -> Result<Response, PageError> {
    let page = show(&LogInPage { frame: Frame::outside(), name, next, problem: Some(problem) })?;
    Ok((status, page).into_response())
}

pub async fn log_out(viewer: Viewer, State(app): State<App>, headers: HeaderMap) -> Result<Response, PageError> {
    if let Some(token) = session(&headers) {
        let (hash, by) = (token_hash(token), viewer.by());
        app.write(move |store| {
            store.session_end(hash)?;
            audit::note(store, &by, Act::LogOut, &by.who, "")
        })
        .await??;
    }
    let gone = format!("{COOKIE}=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Strict");
    Ok(([(header::SET_COOKIE, gone)], Redirect::to("/login")).into_response())
}

//! First-run set-up in the browser of this PC.
//!
//! Promise: each step is done whole or not at all and can be gone on with after a power cut; once the office has an
//! account, nothing here answers any more. Start at [`user_form`].

use askama::Template;
use axum::Form;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use motcua_shared::access::Role;
use serde::Deserialize;

use super::fault::HttpError;
use super::{App, Frame, Wire, html};
use crate::office::now;
use crate::people::{self, PeopleError};
use crate::store::Act;

/// Who the accounts' history names for the first of them.
const AUTHOR: &str = "setup";

#[derive(Template)]
#[template(path = "setup_user.html")]
struct UserPage {
    frame: Option<Frame>,
    nav: &'static str,
    office: String,
    name: String,
    problem: String,
}

/// Refuses whoever is not at this PC, and everybody once there is an account.
async fn admitted(app: &App, wire: Option<Extension<Wire>>) -> Result<Option<Response>, HttpError> {
    if wire.is_some_and(|Extension(wire)| wire.is_lan()) {
        return Err(HttpError::new(
            StatusCode::FORBIDDEN,
            "Thiết lập lần đầu chỉ làm được trên chính máy chạy chương trình.",
            "Không có gì được thay đổi.",
            "Hãy mở trang này bằng trình duyệt của máy đó.",
        ));
    }
    let done = app.read(|store, _| store.user_any()).await?;
    Ok(done.then(|| Redirect::to("/").into_response()))
}

/// The form for the first account.
pub async fn user_form(State(app): State<App>, wire: Option<Extension<Wire>>) -> Result<Response, HttpError> {
    if let Some(elsewhere) = admitted(&app, wire).await? {
        return Ok(elsewhere);
    }
    user_page(&app, String::new(), String::new()).await
}

async fn user_page(app: &App, name: String, problem: String) -> Result<Response, HttpError> {
    let office = app.read(|store, _| store.office()).await?.name;
    let status = if problem.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok((status, html(&UserPage { frame: None, nav: "", office, name, problem })?).into_response())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct FirstUser {
    name: String,
    password: String,
    again: String,
}

/// Makes the first account, an administrator, and logs him in.
pub async fn user_save(
    State(app): State<App>,
    wire: Option<Extension<Wire>>,
    Form(sent): Form<FirstUser>,
) -> Result<Response, HttpError> {
    if admitted(&app, wire).await?.is_some() {
        return Err(HttpError::new(
            StatusCode::FORBIDDEN,
            PeopleError::NotFirst.to_string(),
            "Không có gì được thay đổi.",
            "Hãy đăng nhập bằng tài khoản đã có.",
        ));
    }
    let name = sent.name.trim().to_owned();
    if sent.password != sent.again {
        return user_page(&app, name, "Hai lần gõ mật khẩu khác nhau; hãy gõ lại.".to_owned()).await;
    }
    let typed = name.clone();
    let user = match app.hash(move || people::new_user(&typed, Role::Admin, &sent.password, false, now())).await {
        Ok(user) => user,
        Err(problem) => return user_page(&app, name, problem.to_string()).await,
    };
    let made = app
        .door
        .call(move |store| {
            people::user_add(store, &user, true, Act { author: AUTHOR, now: now() })?;
            Ok::<_, PeopleError>(people::session_open(store, &user.name, now())?)
        })
        .await;
    match made {
        Ok(token) => {
            let cookie = app.session_cookie(Some(&token), false);
            Ok((AppendHeaders([(SET_COOKIE, cookie)]), Redirect::to("/")).into_response())
        }
        Err(PeopleError::Store(error)) => Err(error.into()),
        Err(PeopleError::NotFirst) => Ok(Redirect::to("/login").into_response()),
        Err(problem) => user_page(&app, name, problem.to_string()).await,
    }
}

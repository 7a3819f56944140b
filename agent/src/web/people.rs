//! The pages of accounts: everybody's own password, the administrator's list of people, the leader's look at who does how
//! much.
//!
//! Promise: a change counts at once, for open sessions too; a password that this page makes is shown once and has to be
//! changed by whoever gets it; every change is written down with who made it. Start at [`list`] and [`password_form`].

use std::collections::BTreeMap;

use askama::Template;
use axum::Form;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use chrono::Days;
use motcua_shared::access::{self, Role};
use motcua_shared::calendar::local_day;
use motcua_shared::text::number;
use serde::Deserialize;

use super::fault::HttpError;
use super::viewer::{self, AdminViewer, Viewer, WorkloadViewer};
use super::{App, Frame, Wire, html};
use crate::office::now;
use crate::people::{self, PeopleError};
use crate::store::{Act, Changed, Store, StoreError, User, UserAct};
use crate::words;

/// How much of the history a page shows.
const ACTS: u32 = 50;

struct RoleChoice {
    code: &'static str,
    name: &'static str,
    chosen: bool,
}

fn roles(chosen: Role) -> Vec<RoleChoice> {
    Role::ALL.map(|role| RoleChoice { code: role.code(), name: words::role_name(role), chosen: role == chosen }).into()
}

struct Person {
    name: String,
    role: &'static str,
    roles: Vec<RoleChoice>,
    disabled: String,
    must_change: bool,
    /// The administrator who looks.
    own: bool,
}

struct ActLine {
    at: String,
    author: String,
    words: String,
}

/// A password that was made a moment ago.
struct Made {
    name: String,
    password: String,
}

#[derive(Template)]
#[template(path = "people.html")]
struct PeoplePage {
    frame: Option<Frame>,
    nav: &'static str,
    people: Vec<Person>,
    acts: Vec<ActLine>,
    /// What was typed into the form for a new account.
    name: String,
    roles: Vec<RoleChoice>,
    problem: String,
    done: String,
    made: Option<Made>,
}

/// What a page says besides the list.
#[derive(Default)]
struct Said {
    name: String,
    problem: String,
    done: String,
    made: Option<Made>,
}

async fn page(app: &App, viewer: &Viewer, status: StatusCode, said: Said) -> Result<Response, HttpError> {
    let looking = viewer.clone();
    let (frame, users, acts) =
        app.read(move |store, _| Ok((Frame::read(store, &looking)?, store.user_list()?, store.user_acts(ACTS)?))).await?;
    let person = |user: User| Person {
        own: user.name.eq_ignore_ascii_case(&viewer.name),
        role: words::role_name(user.role),
        roles: roles(user.role),
        disabled: user.disabled_at.as_deref().map(words::shown_time).unwrap_or_default(),
        must_change: user.must_change,
        name: user.name,
    };
    let line = |act: UserAct| ActLine {
        at: words::shown_time(&act.at),
        words: words::user_act(&act.act, &act.name, &act.detail),
        author: words::user_act_author(&act.author).to_owned(),
    };
    let page = PeoplePage {
        frame,
        nav: "people",
        people: users.into_iter().map(person).collect(),
        acts: acts.into_iter().map(line).collect(),
        roles: roles(Role::Clerk),
        name: said.name,
        problem: said.problem,
        done: said.done,
        made: said.made,
    };
    Ok((status, html(&page)?).into_response())
}

/// Everybody who works here, and what was done to their accounts.
pub async fn list(viewer: AdminViewer, State(app): State<App>) -> Result<Response, HttpError> {
    page(&app, &viewer, StatusCode::OK, Said::default()).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct NewPerson {
    name: String,
    role: String,
}

/// Adds somebody with a password that is shown once.
pub async fn add(viewer: AdminViewer, State(app): State<App>, Form(sent): Form<NewPerson>) -> Result<Response, HttpError> {
    let name = sent.name.trim().to_owned();
    let Some(role) = Role::from_code(&sent.role) else {
        let said = Said { name, problem: "Hãy chọn vai trò.".to_owned(), ..Said::default() };
        return page(&app, &viewer, StatusCode::UNPROCESSABLE_ENTITY, said).await;
    };
    let password = people::generated_password();
    let (typed, hashed) = (name.clone(), password.clone());
    let user = app.hash(move || people::new_user(&typed, role, &hashed, true, now())).await;
    let author = viewer.name.clone();
    let added = match user {
        Ok(user) => app.door.call(move |store| people::user_add(store, &user, false, Act { author: &author, now: now() })).await,
        Err(problem) => Err(problem),
    };
    match refused(added)? {
        Some(problem) => page(&app, &viewer, StatusCode::UNPROCESSABLE_ENTITY, Said { name, problem, ..Said::default() }).await,
        None => page(&app, &viewer, StatusCode::OK, Said { made: Some(Made { name, password }), ..Said::default() }).await,
    }
}

/// What is wrong with what was typed; a failed store is a fault of its own.
fn refused(changed: Result<(), PeopleError>) -> Result<Option<String>, HttpError> {
    match changed {
        Ok(()) => Ok(None),
        Err(PeopleError::Store(error)) => Err(error.into()),
        Err(problem) => Ok(Some(problem.to_string())),
    }
}

/// Makes a change and shows what became of it.
async fn change(
    app: &App,
    viewer: &Viewer,
    name: &str,
    done: String,
    work: impl FnOnce(&mut Store, Act) -> Result<Changed, StoreError> + Send + 'static,
) -> Result<Response, HttpError> {
    let author = viewer.name.clone();
    let changed = app.door.call(move |store| work(store, Act { author: &author, now: now() })).await?;
    match refused(people::done(changed, name))? {
        Some(problem) => page(app, viewer, StatusCode::CONFLICT, Said { problem, ..Said::default() }).await,
        None => page(app, viewer, StatusCode::OK, Said { done, ..Said::default() }).await,
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct NewRole {
    role: String,
}

pub async fn role(
    viewer: AdminViewer,
    State(app): State<App>,
    Path(name): Path<String>,
    Form(sent): Form<NewRole>,
) -> Result<Response, HttpError> {
    let role = Role::from_code(&sent.role).ok_or_else(|| HttpError::parameter("Không có vai trò này.", "Hãy chọn lại."))?;
    let done = format!("Vai trò của {name} bây giờ: {}.", words::role_name(role));
    let whose = name.clone();
    change(&app, &viewer, &name, done, move |store, act| store.user_role(&whose, role, act)).await
}

pub async fn disable(viewer: AdminViewer, State(app): State<App>, Path(name): Path<String>) -> Result<Response, HttpError> {
    let done = format!("Đã ngừng tài khoản {name}. Những gì người này đã ghi vẫn giữ nguyên dưới tên {name}.");
    let whose = name.clone();
    change(&app, &viewer, &name, done, move |store, act| store.user_disable(&whose, true, act)).await
}

pub async fn enable(viewer: AdminViewer, State(app): State<App>, Path(name): Path<String>) -> Result<Response, HttpError> {
    let done = format!("Đã mở lại tài khoản {name}.");
    let whose = name.clone();
    change(&app, &viewer, &name, done, move |store, act| store.user_disable(&whose, false, act)).await
}

/// Gives somebody a new password that is shown once.
pub async fn reset(viewer: AdminViewer, State(app): State<App>, Path(name): Path<String>) -> Result<Response, HttpError> {
    let password = people::generated_password();
    let hashed = password.clone();
    let hash = app.hash(move || access::password_hash(&hashed, crate::office::chance())).await;
    let (author, whose) = (viewer.name.clone(), name.clone());
    let changed =
        app.door.call(move |store| store.user_password(&whose, &hash, true, Act { author: &author, now: now() })).await?;
    match refused(people::done(changed, &name))? {
        Some(problem) => page(&app, &viewer, StatusCode::CONFLICT, Said { problem, ..Said::default() }).await,
        None => page(&app, &viewer, StatusCode::OK, Said { made: Some(Made { name, password }), ..Said::default() }).await,
    }
}

/// How far back the workload is looked at.
const WORKLOAD_DAYS: u64 = 30;

/// One person's share, as it is shown.
struct Share {
    name: String,
    role: &'static str,
    today: String,
    week: String,
    month: String,
    received: String,
    finished: String,
    returned: String,
}

#[derive(Template)]
#[template(path = "workload.html")]
struct WorkloadPage {
    frame: Option<Frame>,
    nav: &'static str,
    days: u64,
    shares: Vec<Share>,
}

/// What one person recorded.
#[derive(Default)]
struct Recorded {
    today: i64,
    week: i64,
    month: i64,
    received: i64,
    finished: i64,
    returned: i64,
}

impl Recorded {
    fn count(&mut self, kind: &str, days_ago: i64) {
        self.today += i64::from(days_ago < 1);
        self.week += i64::from(days_ago < 7);
        self.month += 1;
        match kind {
            "received" => self.received += 1,
            "finished" => self.finished += 1,
            "returned" => self.returned += 1,
            _ => {}
        }
    }
}

/// Who recorded how much on this PC lately.
pub async fn workload(viewer: WorkloadViewer, State(app): State<App>) -> Result<Response, HttpError> {
    let today = local_day(now());
    let (frame, users, entries) = app
        .read(move |store, _| {
            let since = now() - Days::new(WORKLOAD_DAYS);
            Ok((Frame::read(store, &viewer)?, store.user_list()?, store.recorded_by(since)?))
        })
        .await?;
    let mut recorded: BTreeMap<String, Recorded> = BTreeMap::new();
    for user in users.iter().filter(|user| user.disabled_at.is_none()) {
        recorded.entry(user.name.clone()).or_default();
    }
    for (author, kind, at) in entries {
        recorded.entry(author).or_default().count(&kind, (today - local_day(at)).num_days());
    }
    let shares = recorded.into_iter().map(|(author, recorded)| Share {
        role: users.iter().find(|user| user.name == author).map_or("", |user| words::role_name(user.role)),
        name: words::author_name(&author).to_owned(),
        today: number(recorded.today),
        week: number(recorded.week),
        month: number(recorded.month),
        received: number(recorded.received),
        finished: number(recorded.finished),
        returned: number(recorded.returned),
    });
    let page = WorkloadPage { frame, nav: "workload", days: WORKLOAD_DAYS, shares: shares.collect() };
    Ok(html(&page)?.into_response())
}

#[derive(Template)]
#[template(path = "password.html")]
struct PasswordPage {
    frame: Option<Frame>,
    nav: &'static str,
    must_change: bool,
    name: String,
    problem: String,
}

/// The form for one's own password.
pub async fn password_form(viewer: Viewer, State(app): State<App>) -> Result<Response, HttpError> {
    password_page(&app, &viewer, StatusCode::OK, String::new()).await
}

async fn password_page(app: &App, viewer: &Viewer, status: StatusCode, problem: String) -> Result<Response, HttpError> {
    let looking = viewer.clone();
    let frame = app.read(move |store, _| Frame::read(store, &looking)).await?;
    let page = PasswordPage { frame, nav: "password", must_change: viewer.must_change, name: viewer.name.clone(), problem };
    Ok((status, html(&page)?).into_response())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct NewPassword {
    password_now: String,
    password: String,
    password_again: String,
}

/// Changes one's own password; every other session of the same person ends.
pub async fn password(
    viewer: Viewer,
    State(app): State<App>,
    wire: Option<Extension<Wire>>,
    Form(sent): Form<NewPassword>,
) -> Result<Response, HttpError> {
    match viewer::verified(&app, &viewer.name, sent.password_now.clone()).await? {
        Ok(_) => {}
        Err(PeopleError::Store(error)) => return Err(error.into()),
        Err(PeopleError::Wrong) => {
            let problem = "Mật khẩu đang dùng không đúng.".to_owned();
            return password_page(&app, &viewer, StatusCode::UNPROCESSABLE_ENTITY, problem).await;
        }
        Err(problem) => return password_page(&app, &viewer, StatusCode::TOO_MANY_REQUESTS, problem.to_string()).await,
    }
    let wrong = if sent.password != sent.password_again {
        Some("Hai lần gõ mật khẩu mới khác nhau; hãy gõ lại.".to_owned())
    } else if sent.password == sent.password_now {
        Some("Mật khẩu mới phải khác mật khẩu đang dùng.".to_owned())
    } else {
        access::password_check(&viewer.name, &sent.password).err().map(|fault| fault.to_string())
    };
    if let Some(problem) = wrong {
        return password_page(&app, &viewer, StatusCode::UNPROCESSABLE_ENTITY, problem).await;
    }
    let hash = app.hash(move || access::password_hash(&sent.password, crate::office::chance())).await;
    let name = viewer.name.clone();
    let token = app
        .door
        .call(move |store| {
            people::done(store.user_password(&name, &hash, false, Act { author: &name, now: now() })?, &name)?;
            Ok::<_, PeopleError>(people::session_open(store, &name, now())?)
        })
        .await;
    match token {
        Ok(token) => {
            let secure = wire.is_some_and(|Extension(wire)| wire.is_lan());
            Ok((AppendHeaders([(SET_COOKIE, app.session_cookie(Some(&token), secure))]), Redirect::to("/")).into_response())
        }
        Err(PeopleError::Store(error)) => Err(error.into()),
        Err(problem) => password_page(&app, &viewer, StatusCode::CONFLICT, problem.to_string()).await,
    }
}

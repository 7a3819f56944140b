//! The pages of accounts: everybody's own password, the administrator's list of people.
//!
//! Promise: a change counts at once, for open sessions too; a password that this page makes is shown once and has to be
//! changed by whoever gets it. Start at [`list`] and [`password_form`].

use askama::Template;
use axum::extract::{Form, Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use motcua_shared::access::node::Role;
use motcua_shared::unit::Organisation;
use serde::{Deserialize, Serialize};

use super::log_in::{checked, session_cookie};
use super::pages::{Frame, PageError, Section, show};
use super::viewer::{PeopleViewer, Viewer};
use super::{App, Problem, now};
use crate::auth::{self, Account, AuthError, Secret};
use crate::output::people_time;
use crate::store::people::User;
use crate::store::{Store, StoreError};

/// A choice of a list: what is sent, what is read, and whether it is chosen.
pub struct Choice {
    pub code: String,
    pub name: String,
    pub chosen: bool,
}

fn roles(chosen: Role) -> Vec<Choice> {
    Role::ALL.map(|role| Choice { code: role.code().to_owned(), name: role.words().to_owned(), chosen: role == chosen }).into()
}

/// The units that have not ended, by name, to choose one from.
pub fn units_now(organisation: &Organisation, units: &[motcua_shared::unit::Unit], chosen: &str) -> Vec<Choice> {
    let today = motcua_shared::calendar::local_day(now());
    let there = units.iter().filter(|unit| unit.valid_to.is_none_or(|end| end >= today));
    let mut choices: Vec<Choice> = there
        .map(|unit| {
            let key = organisation.resolve(&format!("{}@{}", unit.code, unit.valid_from), today);
            let code = organisation.exact(&key);
            Choice { name: format!("{} ({})", unit.name, unit.code), chosen: code == chosen, code }
        })
        .collect();
    choices.sort_by(|a, b| a.name.cmp(&b.name));
    choices
}

struct Person {
    name: String,
    role: &'static str,
    roles: Vec<Choice>,
    /// The commune of a leader.
    unit: String,
    unit_code: String,
    disabled: String,
    must_change: bool,
    /// The administrator who looks.
    own: bool,
}

/// A secret that was made a moment ago.
pub struct Made {
    pub name: String,
    pub secret: String,
}

#[derive(Template)]
#[template(path = "people.html")]
struct PeoplePage {
    frame: Frame,
    people: Vec<Person>,
    /// What was typed into the form for a new account.
    name: String,
    roles: Vec<Choice>,
    units: Vec<Choice>,
    problem: String,
    done: String,
    made: Option<Made>,
}

/// What a page says besides its list.
#[derive(Default)]
struct Said {
    name: String,
    problem: String,
    done: String,
    made: Option<Made>,
}

async fn page(app: &App, viewer: &Viewer, status: StatusCode, said: Said) -> Result<Response, PageError> {
    let (users, units, organisation) =
        app.read(|store| -> Result<_, StoreError> { Ok((store.users()?, store.units()?, store.organisation()?)) }).await??;
    let person = |user: User| Person {
        own: user.name == viewer.name,
        role: user.role.words(),
        roles: roles(user.role),
        unit: user.unit.as_deref().map(|key| organisation.name(key).to_owned()).unwrap_or_default(),
        unit_code: user.unit.as_deref().map(|key| organisation.exact(key)).unwrap_or_default(),
        disabled: user.disabled_at.map(|at| people_time(&at.to_rfc3339())).unwrap_or_default(),
        must_change: user.must_change,
        name: user.name,
    };
    let page = show(&PeoplePage {
        frame: Frame::of(viewer, Section::Manage),
        people: users.into_iter().map(person).collect(),
        roles: roles(Role::Viewer),
        units: units_now(&organisation, &units, ""),
        name: said.name,
        problem: said.problem,
        done: said.done,
        made: said.made,
    })?;
    Ok((status, page).into_response())
}

/// Everybody who may log in.
pub async fn list(viewer: PeopleViewer, State(app): State<App>) -> Result<Response, PageError> {
    page(&app, &viewer, StatusCode::OK, Said::default()).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct NewPerson {
    name: String,
    role: String,
    unit: String,
}

impl NewPerson {
    fn account(self) -> Result<Account, String> {
        let role = Role::from_code(&self.role).ok_or("Hãy chọn vai trò.")?;
        Ok(Account { name: self.name.trim().to_owned(), role, unit: Some(self.unit.trim().to_owned()) })
    }
}

/// What is wrong with what was typed; a failed store is a fault of its own.
fn refused(changed: Result<(), AuthError>) -> Result<Option<String>, PageError> {
    match changed {
        Ok(()) => Ok(None),
        Err(AuthError::Store(error)) => Err(error.into()),
        Err(problem) => Ok(Some(problem.to_string())),
    }
}

/// Shows the page with what became of a change.
async fn answer(app: &App, viewer: &Viewer, changed: Result<(), AuthError>, said: Said) -> Result<Response, PageError> {
    match refused(changed)? {
        Some(problem) => {
            let said = Said { problem, name: said.name, ..Said::default() };
            page(app, viewer, StatusCode::UNPROCESSABLE_ENTITY, said).await
        }
        None => page(app, viewer, StatusCode::OK, Said { name: String::new(), ..said }).await,
    }
}

/// Adds somebody with a password that is shown once.
pub async fn add(viewer: PeopleViewer, State(app): State<App>, Form(sent): Form<NewPerson>) -> Result<Response, PageError> {
    let name = sent.name.trim().to_owned();
    let account = match sent.account() {
        Ok(account) => account,
        Err(problem) => {
            return page(&app, &viewer, StatusCode::UNPROCESSABLE_ENTITY, Said { name, problem, ..Said::default() }).await;
        }
    };
    let password = auth::new_password();
    let (typed, hashed) = (name.clone(), password.clone());
    let kept = app.hash(move || auth::new_account(&typed, &hashed)).await?;
    let by = viewer.by();
    let added = match kept {
        Ok(kept) => {
            let secret = Secret { kept, must_change: true };
            app.write(move |store| auth::user_add(store, &account, secret, false, &by)).await?
        }
        Err(problem) => Err(problem),
    };
    let made = Some(Made { name: name.clone(), secret: password });
    answer(&app, &viewer, added, Said { name, made, ..Said::default() }).await
}

pub async fn role(
    viewer: PeopleViewer,
    State(app): State<App>,
    Path(name): Path<String>,
    Form(sent): Form<NewPerson>,
) -> Result<Response, PageError> {
    let account = match (NewPerson { name: name.clone(), ..sent }).account() {
        Ok(account) => account,
        Err(problem) => {
            return page(&app, &viewer, StatusCode::UNPROCESSABLE_ENTITY, Said { problem, ..Said::default() }).await;
        }
    };
    let (by, done) = (viewer.by(), format!("Vai trò của {name} bây giờ: {}.", account.role.words()));
    let changed = app.write(move |store| auth::user_role(store, &account, &by)).await?;
    answer(&app, &viewer, changed, Said { done, ..Said::default() }).await
}

pub async fn disable(viewer: PeopleViewer, State(app): State<App>, Path(name): Path<String>) -> Result<Response, PageError> {
    let done = format!("Đã ngừng tài khoản {name}. Những gì người này đã làm vẫn còn trong nhật ký truy cập.");
    let by = viewer.by();
    let changed = app.write(move |store| auth::user_disable(store, &name, true, &by)).await?;
    answer(&app, &viewer, changed, Said { done, ..Said::default() }).await
}

pub async fn enable(viewer: PeopleViewer, State(app): State<App>, Path(name): Path<String>) -> Result<Response, PageError> {
    let (by, done) = (viewer.by(), format!("Đã mở lại tài khoản {name}."));
    let changed = app.write(move |store| auth::user_disable(store, &name, false, &by)).await?;
    answer(&app, &viewer, changed, Said { done, ..Said::default() }).await
}

/// Gives somebody a new password that is shown once.
pub async fn reset(viewer: PeopleViewer, State(app): State<App>, Path(name): Path<String>) -> Result<Response, PageError> {
    let password = auth::new_password();
    let (whose, hashed, by) = (name.clone(), password.clone(), viewer.by());
    let changed = match app.hash(move || auth::kept_password(&whose, &hashed)).await? {
        Ok(kept) => {
            let (whose, secret) = (name.clone(), Secret { kept, must_change: true });
            app.write(move |store| auth::user_password(store, &whose, secret, &by)).await?
        }
        Err(problem) => Err(problem),
    };
    answer(&app, &viewer, changed, Said { made: Some(Made { name, secret: password }), ..Said::default() }).await
}

#[derive(Template)]
#[template(path = "password.html")]
struct PasswordPage {
    frame: Frame,
    must_change: bool,
    name: String,
    problem: String,
}

/// The form for one's own password.
pub async fn password_form(viewer: Viewer) -> Result<Response, PageError> {
    password_page(&viewer, StatusCode::OK, String::new())
}

fn password_page(viewer: &Viewer, status: StatusCode, problem: String) -> Result<Response, PageError> {
    let (must_change, name) = (viewer.must_change, viewer.name.clone());
    let page = show(&PasswordPage { frame: Frame::plain(viewer), must_change, name, problem })?;
    Ok((status, page).into_response())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct NewPassword {
    password_now: String,
    password: String,
    password_again: String,
}

/// Changes one's own password; every other session of the same person ends.
pub async fn password(viewer: Viewer, State(app): State<App>, Form(sent): Form<NewPassword>) -> Result<Response, PageError> {
    let by = viewer.by();
    let checked = checked(&app, viewer.name.clone(), sent.password_now.clone()).await?;
    let verified = match checked {
        Ok((candidate, holds)) => app.write(move |store| auth::verified(store, &candidate, holds, &by)).await?,
        Err(error) => Err(error),
    };
    match verified {
        Ok(_) => {}
        Err(AuthError::Store(error)) => return Err(error.into()),
        Err(AuthError::Wrong) => {
            return password_page(&viewer, StatusCode::UNPROCESSABLE_ENTITY, "Mật khẩu đang dùng không đúng.".to_owned());
        }
        Err(problem) => return password_page(&viewer, StatusCode::TOO_MANY_REQUESTS, problem.to_string()),
    }
    let wrong = if sent.password != sent.password_again {
        Some("Hai lần gõ mật khẩu mới khác nhau; hãy gõ lại.")
    } else if sent.password == sent.password_now {
        Some("Mật khẩu mới phải khác mật khẩu đang dùng.")
    } else {
        None
    };
    if let Some(problem) = wrong {
        return password_page(&viewer, StatusCode::UNPROCESSABLE_ENTITY, problem.to_owned());
    }
    let (name, by) = (viewer.name.clone(), viewer.by());
    let whose = name.clone();
    let changed = match app.hash(move || auth::kept_password(&whose, &sent.password)).await? {
        Ok(kept) => {
            app.write(move |store| {
                auth::user_password(store, &name, Secret { kept, must_change: false }, &by)?;
                Ok(auth::session_open(store, &name, by.at)?)
            })
            .await?
        }
        Err(problem) => Err(problem),
    };
    match changed {
        Ok(token) => Ok(([(header::SET_COOKIE, session_cookie(&token))], Redirect::to("/")).into_response()),
        Err(AuthError::Store(error)) => Err(error.into()),
        Err(problem) => password_page(&viewer, StatusCode::UNPROCESSABLE_ENTITY, problem.to_string()),
    }
}

/// An account as other programs read it.
#[derive(Debug, Serialize)]
pub struct Shown {
    name: String,
    role: &'static str,
    unit: Option<String>,
    must_change: bool,
    disabled_at: Option<String>,
    created_at: String,
}

/// Everybody, for other programs.
pub fn all(store: &dyn Store) -> Result<Vec<Shown>, StoreError> {
    let organisation = store.organisation()?;
    let shown = |user: User| Shown {
        role: user.role.code(),
        unit: user.unit.as_deref().map(|key| organisation.exact(key)),
        must_change: user.must_change,
        disabled_at: user.disabled_at.map(|at| at.to_rfc3339()),
        created_at: user.created_at.to_rfc3339(),
        name: user.name,
    };
    Ok(store.users()?.into_iter().map(shown).collect())
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Store(error) => error.into(),
            other => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "account", "Chưa lưu", other.to_string()),
        }
    }
}

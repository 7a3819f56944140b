//! The page of tokens: what programs may read, until when.
//!
//! Promise: a token is shown once; it counts no more from the moment in which it is taken back. Start at [`list`].

use askama::Template;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use motcua_shared::access::node::Right;
use motcua_shared::unit::Organisation;
use serde::Serialize;

use super::pages::{Frame, PageError, Section, show};
use super::people::{Choice, Made, units_now};
use super::viewer::{PeopleViewer, Viewer};
use super::{App, now};
use crate::auth::{self, AuthError, NewToken};
use crate::output::{people_time, who_words};
use crate::store::people::Token;
use crate::store::{Store, StoreError};

struct Row {
    name: String,
    scope: String,
    unit: String,
    created: String,
    by: String,
    standing: String,
    mark: &'static str,
    good: bool,
}

fn row(token: Token, organisation: &Organisation) -> Row {
    let shown = |at: motcua_shared::calendar::LocalTime| people_time(&at.to_rfc3339());
    let good = token.is_good(now());
    let (standing, mark) = match (token.revoked_at, token.expires_at) {
        (Some(at), _) => (format!("đã thu hồi {}", shown(at)), "none"),
        (None, Some(end)) if good => (format!("đến {}", shown(end)), "good"),
        (None, Some(end)) => (format!("hết hạn {}", shown(end)), "none"),
        (None, None) => ("không có hạn".to_owned(), "wait"),
    };
    Row {
        scope: token.rights.reading().map(Right::words).collect::<Vec<_>>().join("; "),
        unit: token.unit.as_deref().map_or_else(|| "mọi đơn vị".to_owned(), |key| organisation.name(key).to_owned()),
        created: shown(token.created_at),
        by: who_words(&token.created_by),
        name: token.name,
        standing,
        mark,
        good,
    }
}

#[derive(Template)]
#[template(path = "tokens.html")]
struct TokensPage {
    frame: Frame,
    rows: Vec<Row>,
    scopes: Vec<Choice>,
    units: Vec<Choice>,
    name: String,
    days: String,
    problem: String,
    done: String,
    made: Option<Made>,
}

/// What a page says besides its list.
#[derive(Default)]
struct Said {
    asked: Pairs,
    problem: String,
    done: String,
    made: Option<Made>,
}

type Pairs = Vec<(String, String)>;

fn value<'a>(pairs: &'a Pairs, name: &str) -> &'a str {
    pairs.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.trim())
}

fn scopes(pairs: &Pairs) -> Vec<&str> {
    pairs.iter().filter(|(key, _)| key == "scope").map(|(_, value)| value.as_str()).collect()
}

async fn page(app: &App, viewer: &Viewer, status: StatusCode, said: Said) -> Result<Response, PageError> {
    let (tokens, units, organisation) =
        app.read(|store| -> Result<_, StoreError> { Ok((store.tokens()?, store.units()?, store.organisation()?)) }).await??;
    let chosen = scopes(&said.asked);
    let is_chosen = |right: Right| if chosen.is_empty() { right == Right::Figures } else { chosen.contains(&right.code()) };
    let scope = |right: Right| Choice { code: right.code().to_owned(), name: right.words().to_owned(), chosen: is_chosen(right) };
    let days = value(&said.asked, "days");
    let page = show(&TokensPage {
        frame: Frame::of(viewer, Section::Manage),
        rows: tokens.into_iter().map(|token| row(token, &organisation)).collect(),
        scopes: Right::READING.map(scope).into(),
        units: units_now(&organisation, &units, value(&said.asked, "unit")),
        name: value(&said.asked, "name").to_owned(),
        days: if days.is_empty() { "90".to_owned() } else { days.to_owned() },
        problem: said.problem,
        done: said.done,
        made: said.made,
    })?;
    Ok((status, page).into_response())
}

/// Every token that was ever given, without its secret.
pub async fn list(viewer: PeopleViewer, State(app): State<App>) -> Result<Response, PageError> {
    page(&app, &viewer, StatusCode::OK, Said::default()).await
}

/// Gives a program a token.
pub async fn create(viewer: PeopleViewer, State(app): State<App>, Form(asked): Form<Pairs>) -> Result<Response, PageError> {
    let days = value(&asked, "days").parse::<u16>().ok().filter(|days| (1..=3650).contains(days));
    let scope = scopes(&asked).join(",");
    let problem = match (days, scope.is_empty()) {
        (None, _) => Some("Hãy ghi số ngày dùng được, từ 1 đến 3650."),
        (_, true) => Some("Hãy chọn ít nhất một phần được đọc."),
        (Some(_), false) => None,
    };
    if let Some(problem) = problem {
        let said = Said { asked, problem: problem.to_owned(), ..Said::default() };
        return page(&app, &viewer, StatusCode::UNPROCESSABLE_ENTITY, said).await;
    }
    let unit = Some(value(&asked, "unit").to_owned());
    let (new, by) = (NewToken { name: value(&asked, "name").to_owned(), scope, unit, days }, viewer.by());
    match app.write(move |store| auth::token_create(store, &new, &by)).await? {
        Ok((secret, token)) => {
            let said = Said { made: Some(Made { name: token.name, secret }), ..Said::default() };
            page(&app, &viewer, StatusCode::OK, said).await
        }
        Err(AuthError::Store(error)) => Err(error.into()),
        Err(problem) => {
            let said = Said { asked, problem: problem.to_string(), ..Said::default() };
            page(&app, &viewer, StatusCode::UNPROCESSABLE_ENTITY, said).await
        }
    }
}

/// Takes a token back.
pub async fn revoke(viewer: PeopleViewer, State(app): State<App>, Path(name): Path<String>) -> Result<Response, PageError> {
    let (by, whose) = (viewer.by(), name.clone());
    match app.write(move |store| auth::token_revoke(store, &whose, &by)).await? {
        Ok(()) => {
            let done = format!("Đã thu hồi mã truy cập {name}; từ bây giờ mã đó không đọc được gì nữa.");
            page(&app, &viewer, StatusCode::OK, Said { done, ..Said::default() }).await
        }
        Err(AuthError::Store(error)) => Err(error.into()),
        Err(problem) => {
            let said = Said { problem: problem.to_string(), ..Said::default() };
            page(&app, &viewer, StatusCode::CONFLICT, said).await
        }
    }
}

/// A token as other programs read it.
#[derive(Debug, Serialize)]
pub struct Shown {
    name: String,
    scope: String,
    unit: Option<String>,
    created_at: String,
    created_by: String,
    expires_at: Option<String>,
    revoked_at: Option<String>,
}

/// All of them, for other programs.
pub fn all(store: &dyn Store) -> Result<Vec<Shown>, StoreError> {
    let organisation = store.organisation()?;
    let shown = |token: Token| Shown {
        scope: token.rights.to_string(),
        unit: token.unit.as_deref().map(|key| organisation.exact(key)),
        created_at: token.created_at.to_rfc3339(),
        created_by: token.created_by,
        expires_at: token.expires_at.map(|at| at.to_rfc3339()),
        revoked_at: token.revoked_at.map(|at| at.to_rfc3339()),
        name: token.name,
    };
    Ok(store.tokens()?.into_iter().map(shown).collect())
}

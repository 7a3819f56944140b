//! Who is looking: the right to look and to write, as an argument of a handler.
//!
//! Promise: without a viewer a handler can neither write (`App::write`) nor draw a frame (`Frame`), and
//! what it writes stands in the log under the viewer's name. How to use it:
//!
//! ```text
//! async fn show(viewer: Viewer, State(app): State<App>) -> …         // everybody who is logged in may look
//! async fn save(viewer: ClerkViewer, State(app): State<App>, …) -> … // 403, as a page with words, for whoever may not
//! app.write(&viewer, move |store, pen| …).await?                     // pen.author is the viewer's name
//! Frame::read(store, &viewer)?                                       // clone the viewer into the closure first
//! viewer.may(Right::Answer)                                          // to show a button or not
//! ```
//!
//! Who holds which right is one table, [`motcua_shared::access::Right`]. A page that citizens open without a log-in stands
//! in `guard::OPEN`. Nothing has to be written into forms: `guard` marks every form with the viewer whom
//! it was rendered for, and takes no form of another.

use std::ops::Deref;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use data_encoding::BASE64;
use motcua_shared::access::{self, Right, Role, token_hash};

use super::App;
use super::fault::HttpError;
use crate::office::now;
use crate::people::{self, PeopleError};
use crate::store::User;
use crate::words;

/// Somebody who is logged in, or a program with a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    /// The log-in name, under which the log keeps what is done.
    pub name: String,
    pub role: Role,
    /// Somebody else chose the password: another is to be chosen before anything else.
    pub must_change: bool,
}

impl Viewer {
    pub fn may(&self, right: Right) -> bool {
        right.is_held_by(self.role)
    }

    /// Who asks the API on this PC while the office has no account yet.
    pub(super) fn of_this_pc() -> Viewer {
        Viewer { name: "counter".to_owned(), role: Role::Clerk, must_change: false }
    }
}

impl From<User> for Viewer {
    fn from(user: User) -> Viewer {
        Viewer { name: user.name, role: user.role, must_change: user.must_change }
    }
}

impl FromRequestParts<App> for Viewer {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Viewer, HttpError> {
        // The guard lets nobody else through to a page that needs one.
        parts.extensions.get::<Viewer>().cloned().ok_or_else(not_logged_in)
    }
}

/// A viewer who holds a right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder<const RIGHT: u8>(Viewer);

/// May do counter work: [`Right::Counter`].
pub type ClerkViewer = Holder<{ Right::Counter as u8 }>;
/// May type in declared figures: [`Right::Declare`].
pub type DeclaringViewer = Holder<{ Right::Declare as u8 }>;
/// May speak for the office, file and explain: [`Right::Answer`].
pub type LeaderViewer = Holder<{ Right::Answer as u8 }>;
/// May see everybody's workload: [`Right::Workload`].
pub type WorkloadViewer = Holder<{ Right::Workload as u8 }>;
/// May manage accounts: [`Right::People`].
pub type AdminViewer = Holder<{ Right::People as u8 }>;

impl<const RIGHT: u8> Deref for Holder<RIGHT> {
    type Target = Viewer;

    fn deref(&self) -> &Viewer {
        &self.0
    }
}

impl<const RIGHT: u8> FromRequestParts<App> for Holder<RIGHT> {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, HttpError> {
        let viewer = Viewer::from_request_parts(parts, app).await?;
        if viewer.may(Right::of(RIGHT)) { Ok(Holder(viewer)) } else { Err(not_allowed(&viewer, Right::of(RIGHT))) }
    }
}

/// Refuses in words where somebody may do only part of what a form asks for.
pub(super) fn requires(viewer: &Viewer, right: Right) -> Result<(), HttpError> {
    if viewer.may(right) { Ok(()) } else { Err(not_allowed(viewer, right)) }
}

pub(super) fn not_allowed(viewer: &Viewer, right: Right) -> HttpError {
    let holders: Vec<&str> = Role::ALL.into_iter().filter(|role| right.is_held_by(*role)).map(words::role_name).collect();
    HttpError::new(
        StatusCode::FORBIDDEN,
        format!("Việc này không thuộc quyền của {} ({}).", viewer.name, words::role_name(viewer.role)),
        "Không có gì được lưu hay thay đổi.",
        format!("Dành cho: {}. Hãy nhờ người đó, hoặc người quản trị đổi vai trò cho tài khoản này.", holders.join(", ")),
    )
}

/// For programs and forms that come without a log-in.
pub(super) fn not_logged_in() -> HttpError {
    HttpError::new(
        StatusCode::UNAUTHORIZED,
        "Chưa đăng nhập, hoặc phiên làm việc đã hết.",
        "Không có gì được lưu hay thay đổi.",
        "Hãy đăng nhập; chương trình khác thì gửi kèm tên và mật khẩu (Basic) hoặc mã truy cập (Bearer) do lệnh token create cấp.",
    )
}

/// Who sent a request.
pub(super) enum Who {
    Somebody(Viewer),
    Nobody,
    /// The office has no account yet.
    NoUserYet,
}

/// Who sent a request, by its session cookie or its `Authorization`. `used`: a person did something, so the session goes on.
pub(super) async fn identify(app: &App, headers: &HeaderMap, used: bool) -> Result<Who, HttpError> {
    if let Some(shown) = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()) {
        return authorised(app, shown).await;
    }
    let session = app.session(headers).map(token_hash);
    let at = now();
    let found = app
        .door
        .call(move |store| {
            let viewer = session.map(|hash| store.session_find(hash, at, used)).transpose()?.flatten();
            let any = viewer.is_some() || store.user_any()?;
            Ok::<_, crate::store::StoreError>((viewer, any))
        })
        .await?;
    Ok(match found {
        (Some(viewer), _) => Who::Somebody(viewer.into()),
        (None, true) => Who::Nobody,
        (None, false) => Who::NoUserYet,
    })
}

async fn authorised(app: &App, shown: &str) -> Result<Who, HttpError> {
    let (scheme, secret) = shown.split_once(' ').unwrap_or((shown, ""));
    let secret = secret.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        let hash = token_hash(secret);
        let found = app.door.call(move |store| store.token_find(hash)).await?;
        let viewer = found.map(|(name, role)| Viewer { name: format!("token:{name}"), role, must_change: false });
        return Ok(viewer.map_or(Who::Nobody, Who::Somebody));
    }
    let plain = BASE64.decode(secret.as_bytes()).ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    let Some((name, password)) = plain.split_once(':').filter(|_| scheme.eq_ignore_ascii_case("basic")) else {
        return Ok(Who::Nobody);
    };
    match verified(app, name, password.to_owned()).await? {
        Ok(user) => Ok(Who::Somebody(user.into())),
        Err(PeopleError::Store(error)) => Err(error.into()),
        Err(error @ PeopleError::Locked(_)) => Err(HttpError { happened: error.to_string(), ..too_many() }),
        Err(_) => Ok(Who::Nobody),
    }
}

fn too_many() -> HttpError {
    HttpError::new(StatusCode::TOO_MANY_REQUESTS, "", "Không có gì được lưu hay thay đổi.", "Hãy thử lại sau giờ đó.")
}

/// Checks name and password: one turn at the store, the slow arithmetic outside of it, another turn.
pub(super) async fn verified(app: &App, name: &str, password: String) -> Result<Result<User, PeopleError>, HttpError> {
    let (candidate, holds) = match checked(app, name, password).await? {
        Ok(checked) => checked,
        Err(error) => return Ok(Err(error)),
    };
    Ok(app.door.call(move |store| people::verified(store, &candidate, holds, now())).await)
}

/// The same, and opens a session. Gives who it is and the session's token.
pub(super) async fn log_in(app: &App, name: &str, password: String) -> Result<Result<(User, String), PeopleError>, HttpError> {
    let (candidate, holds) = match checked(app, name, password).await? {
        Ok(checked) => checked,
        Err(error) => return Ok(Err(error)),
    };
    Ok(app.door.call(move |store| people::log_in(store, &candidate, holds, now())).await)
}

async fn checked(app: &App, name: &str, password: String) -> Result<Result<(people::Candidate, bool), PeopleError>, HttpError> {
    let name = name.to_owned();
    let candidate = match app.door.call(move |store| people::candidate(store, &name, now())).await {
        Ok(candidate) => candidate,
        Err(error) => return Ok(Err(error)),
    };
    Ok(Ok(app
        .hash(move || {
            let holds = people::password_holds(&candidate, &password);
            (candidate, holds)
        })
        .await))
}

impl App {
    /// The session's token that a browser shows.
    pub(super) fn session<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let names = [self.cookie_name(true), self.cookie_name(false)];
        cookies.flat_map(|cookies| names.iter().filter_map(|name| access::cookie(cookies, name))).next()
    }

    /// A cookie that ends with the browser, or, without a token, takes the one away that is there.
    pub(super) fn session_cookie(&self, token: Option<&str>, secure: bool) -> String {
        let name = self.cookie_name(secure);
        let lasting = if token.is_some() { "" } else { "; Max-Age=0" };
        let secure = if secure { "; Secure" } else { "" };
        format!("{name}={}; Path=/; HttpOnly; SameSite=Strict{secure}{lasting}", token.unwrap_or_default())
    }

    /// Cookies do not know ports: each office has its own name, and each way to it.
    fn cookie_name(&self, secure: bool) -> String {
        let office = &self.key.fingerprint()[..8];
        if secure { format!("__Host-motcua-{office}") } else { format!("motcua-{office}") }
    }
}

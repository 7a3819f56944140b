//! Logging in, out, and changing who works at this browser.
//!
//! Promise: what was typed into a form survives the end of a session and a change of person: it is shown, and saved under
//! the name of whoever sends it then. Start at [`log_in`] and [`Kept`].

use askama::Template;
use axum::Form;
use axum::extract::{Extension, Query, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use motcua_shared::access::token_hash;
use serde::Deserialize;

use super::fault::HttpError;
use super::viewer::{self, Viewer};
use super::{App, Frame, Wire, html};
use crate::people::PeopleError;

/// A form that could not be taken because of who sent it, as it was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Where it was sent.
    pub to: String,
    /// As the browser sent it.
    pub form: String,
}

impl Kept {
    /// Unless there are secrets in it: they are typed again.
    pub fn of(to: &Uri, form: &str) -> Option<Kept> {
        let to = to.path_and_query()?.as_str().to_owned();
        Kept { to, form: form.to_owned() }.sound()
    }

    fn sound(self) -> Option<Kept> {
        let secret = |name: &str| name.contains("password") || name.contains("recovery");
        let plain = !self.fields().iter().any(|(name, _)| secret(name));
        (is_ours(&self.to) && !self.form.is_empty() && plain).then_some(self)
    }

    fn fields(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(self.form.as_bytes())
            .filter(|(name, _)| name != "viewer")
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect()
    }
}

/// An address of ours: no other site is ever meant.
fn is_ours(address: &str) -> bool {
    let mut letters = address.chars();
    letters.next() == Some('/') && !matches!(letters.next(), Some('/' | '\\')) && !address.contains(char::is_control)
}

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    frame: Option<Frame>,
    nav: &'static str,
    /// Who is logged in at this browser now; empty when nobody is.
    current: String,
    /// Names to choose from; only for somebody who is logged in already.
    names: Vec<String>,
    name: String,
    problem: String,
    next: String,
    kept: Option<Kept>,
}

impl LoginPage {
    fn new(name: String, problem: String, next: String, kept: Option<Kept>) -> LoginPage {
        LoginPage { frame: None, nav: "", current: String::new(), names: Vec::new(), name, problem, next, kept }
    }
}

#[derive(Template)]
#[template(path = "kept.html")]
struct KeptPage {
    frame: Option<Frame>,
    nav: &'static str,
    name: String,
    /// Who was logged in when it was typed; empty when it was the same person.
    typed_as: String,
    to: String,
    form: String,
    fields: Vec<(String, String)>,
    /// What was typed, without what the page itself put in.
    shown: Vec<String>,
}

impl KeptPage {
    fn new(frame: Option<Frame>, name: &str, kept: &Kept) -> KeptPage {
        let typed_as = form_urlencoded::parse(kept.form.as_bytes()).find(|(field, _)| field == "viewer");
        let typed_as = typed_as.map(|(_, value)| value.into_owned()).filter(|other| other != name).unwrap_or_default();
        let fields = kept.fields();
        let machine = |field: &str| ["id", "seen", "token"].contains(&field);
        let shown =
            fields.iter().filter(|(field, value)| !machine(field) && !value.is_empty()).map(|(_, value)| value.clone()).collect();
        KeptPage { frame, nav: "", name: name.to_owned(), typed_as, to: kept.to.clone(), form: kept.form.clone(), fields, shown }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    next: String,
}

/// The form to log in, also for the next person while somebody still is.
pub async fn show(
    viewer: Option<Extension<Viewer>>,
    State(app): State<App>,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    let mut page = LoginPage::new(String::new(), String::new(), asked.next, None);
    if let Some(Extension(viewer)) = viewer {
        page.current.clone_from(&viewer.name);
        let (frame, users) = app.read(move |store, _| Ok((Frame::read(store, &viewer)?, store.user_list()?))).await?;
        page.frame = frame;
        page.names = users.into_iter().filter(|user| user.disabled_at.is_none()).map(|user| user.name).collect();
    } else if !app.read(|store, _| store.user_any()).await? {
        return Ok(Redirect::to("/setup").into_response());
    }
    Ok(html(&page)?.into_response())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Login {
    name: String,
    password: String,
    next: String,
    kept_to: String,
    kept_form: String,
}

/// Lets somebody in, in place of whoever was logged in at this browser before.
pub async fn log_in(
    State(app): State<App>,
    wire: Option<Extension<Wire>>,
    headers: HeaderMap,
    Form(sent): Form<Login>,
) -> Result<Response, HttpError> {
    let name = sent.name.trim().to_owned();
    let kept = Kept { to: sent.kept_to, form: sent.kept_form }.sound();
    let (user, token) = match viewer::log_in(&app, &name, sent.password).await? {
        Ok(opened) => opened,
        Err(PeopleError::Store(error)) => return Err(error.into()),
        Err(problem) => {
            let locked = matches!(problem, PeopleError::Locked(_));
            let status = if locked { StatusCode::TOO_MANY_REQUESTS } else { StatusCode::UNAUTHORIZED };
            let page = LoginPage::new(name, problem.to_string(), sent.next, kept);
            return Ok((status, html(&page)?).into_response());
        }
    };
    if let Some(before) = app.session(&headers).map(token_hash) {
        app.door.call(move |store| store.session_end(before)).await?;
    }
    let secure = wire.is_some_and(|Extension(wire)| wire.is_lan());
    let cookie = AppendHeaders([(SET_COOKIE, app.session_cookie(Some(&token), secure))]);
    if user.must_change {
        return Ok((cookie, Redirect::to("/password")).into_response());
    }
    if let Some(kept) = kept {
        let viewer = Viewer::from(user);
        let name = viewer.name.clone();
        let frame = app.read(move |store, _| Frame::read(store, &viewer)).await?;
        return Ok((cookie, html(&KeptPage::new(frame, &name, &kept))?).into_response());
    }
    let next = if is_ours(&sent.next) { sent.next.as_str() } else { "/" };
    Ok((cookie, Redirect::to(next)).into_response())
}

/// Ends the session of this browser.
pub async fn log_out(State(app): State<App>, wire: Option<Extension<Wire>>, headers: HeaderMap) -> Result<Response, HttpError> {
    if let Some(session) = app.session(&headers).map(token_hash) {
        app.door.call(move |store| store.session_end(session)).await?;
    }
    let secure = wire.is_some_and(|Extension(wire)| wire.is_lan());
    Ok((AppendHeaders([(SET_COOKIE, app.session_cookie(None, secure))]), Redirect::to("/login")).into_response())
}

/// To the log-in, and from there to the page that was wanted.
pub fn redirect(wanted: &Uri) -> Response {
    let wanted = wanted.path_and_query().map_or("/", |wanted| wanted.as_str());
    if wanted == "/" {
        return Redirect::to("/login").into_response();
    }
    let next: String = form_urlencoded::byte_serialize(wanted.as_bytes()).collect();
    Redirect::to(&format!("/login?next={next}")).into_response()
}

/// For a form that came when its sender's session had ended.
pub fn ended(_: &App, kept: Option<Kept>) -> Result<Response, HttpError> {
    let problem = if kept.is_some() {
        "Phiên làm việc đã hết nên chưa lưu. Những gì vừa gõ vẫn còn: hãy đăng nhập lại rồi gửi tiếp."
    } else {
        "Phiên làm việc đã hết nên chưa lưu gì. Hãy đăng nhập lại và làm lại bước vừa rồi."
    };
    let page = LoginPage::new(String::new(), problem.to_owned(), String::new(), kept);
    Ok((StatusCode::UNAUTHORIZED, html(&page)?).into_response())
}

/// For a form that was rendered for somebody else than who is logged in now.
pub async fn of_another(app: &App, viewer: &Viewer, other: &str, kept: Option<Kept>) -> Result<Response, HttpError> {
    let Some(kept) = kept else {
        return Err(HttpError::new(
            StatusCode::CONFLICT,
            format!("Trang này được mở khi {other} đang đăng nhập; bây giờ là {}.", viewer.name),
            "Chưa lưu gì.",
            "Hãy mở lại trang và làm lại bước vừa rồi.",
        ));
    };
    let shown = viewer.clone();
    let frame = app.read(move |store, _| Frame::read(store, &shown)).await?;
    Ok((StatusCode::CONFLICT, html(&KeptPage::new(frame, &viewer.name, &kept))?).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_addresses_are_gone_to() {
        for address in ["/", "/dossiers?q=a", "/a//b"] {
            assert!(is_ours(address), "{address}");
        }
        for address in ["", "//evil.example", "/\\evil.example", "https://evil.example", "/a\r\nb", "javascript:alert(1)"] {
            assert!(!is_ours(address), "{address:?}");
        }
    }

    #[test]
    fn a_form_is_kept_to_the_letter_unless_there_is_a_secret_in_it() {
        let to: Uri = "/dossiers?x=1".parse().expect("an address");
        let kept = Kept::of(&to, "viewer=lan&name=Nguy%E1%BB%85n+A&note=%3Cb%3E").expect("kept");
        assert_eq!(kept.to, "/dossiers?x=1");
        assert_eq!(kept.fields(), [("name".to_owned(), "Nguyễn A".to_owned()), ("note".to_owned(), "<b>".to_owned())]);
        assert_eq!(Kept::of(&to, "password=x"), None);
        assert_eq!(Kept::of(&to, "old_password=x&name=y"), None);
        assert_eq!(Kept::of(&to, ""), None);
    }
}

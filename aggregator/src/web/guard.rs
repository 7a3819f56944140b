//! What stands between the network and the handlers of pages and the API: who may ask, and what every answer carries.
//!
//! Promise: whoever is not logged in sees nothing but [`OPEN`]; a page of another site writes nothing here; a form is never
//! saved under another name than the one that it was rendered for; whoever belongs to one commune is led to it; and what
//! somebody saw stands in the audit log. Start at [`dress`].

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use motcua_shared::access::form::{marked, rendered_for, without_mark};
use motcua_shared::unit::code_of;

use super::pages::{Frame, error_page};
use super::period::encoded;
use super::viewer::{self, Viewer};
use super::{App, LARGEST_FORM, Problem};
use crate::audit::Act;
use crate::tls::Wire;

pub const POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// What is answered without a log-in.
pub const OPEN: [&str; 4] = ["/login", "/style.css", "/api/openapi.json", "/metrics"];
/// What shows no figures and no dossiers: nobody's view of it is written down.
const SILENT: [&str; 5] = ["/login", "/logout", "/password", "/style.css", "/api/openapi.json"];
/// Letters of an address that the audit log keeps.
const LONGEST: usize = 300;

/// Refuses strangers, gives faults their words, marks forms, and notes what was seen.
pub async fn dress(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let asked = Asked::of(&request);
    let mut viewer = None;
    let mut response = match let_in(&app, &mut request, &asked, &mut viewer).await {
        Ok(None) => next.run(request).await,
        Ok(Some(instead)) => instead,
        Err(problem) => problem.into_response(),
    };
    if !asked.for_programs {
        if let Some(problem) = response.extensions_mut().remove::<Problem>() {
            response = error_page(&problem, viewer.as_ref().map_or_else(Frame::outside, Frame::plain));
        }
        for (name, value) in [(header::CONTENT_SECURITY_POLICY, POLICY), (header::CACHE_CONTROL, "no-store")] {
            response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
        }
    }
    let Some(viewer) = viewer else { return response };
    let (response, title) = if is_page(&response) { mark(response, &viewer).await } else { (response, String::new()) };
    note(&app, &viewer, &asked, &title, response.status()).await;
    response
}

/// What was asked for.
struct Asked {
    method: Method,
    path: String,
    query: String,
    for_programs: bool,
    address: String,
}

impl Asked {
    fn of(request: &Request) -> Asked {
        let path = request.uri().path().to_owned();
        let wire = request.extensions().get::<Wire>();
        Asked {
            method: request.method().clone(),
            for_programs: path.starts_with("/api/") || path == "/metrics",
            query: request.uri().query().unwrap_or_default().to_owned(),
            path,
            address: wire.map_or_else(String::new, |wire| wire.remote.ip().to_string()),
        }
    }

    fn is_open(&self) -> bool {
        OPEN.contains(&self.path.as_str())
    }

    fn whole(&self) -> String {
        if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) }
    }
}

/// Lets a request in, or gives what is answered instead.
async fn let_in(
    app: &App,
    request: &mut Request,
    asked: &Asked,
    viewer: &mut Option<Viewer>,
) -> Result<Option<Response>, Problem> {
    if asked.path == "/style.css" {
        return Ok(None);
    }
    if !asked.method.is_safe() && !comes_from_us(request.headers()) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "cross-origin",
            "Yêu cầu từ trang khác",
            "Biểu mẫu này không được gửi từ trang của máy chủ tổng hợp. Chưa có gì được lưu. Hãy làm bước này từ trang Một Cửa.",
        ));
    }
    let found = viewer::identify(app, request.headers(), asked.address.clone()).await;
    let Some(somebody) = (if asked.is_open() { found.unwrap_or_default() } else { found? }) else {
        return match (asked.is_open(), asked.for_programs, asked.method.is_safe()) {
            (true, ..) => Ok(None),
            (false, true, _) => Err(viewer::not_logged_in()),
            (false, false, true) if asked.path == "/" => Ok(Some(Redirect::to("/login").into_response())),
            (false, false, true) => Ok(Some(Redirect::to(&format!("/login?next={}", encoded(&asked.whole()))).into_response())),
            (false, false, false) => Err(ended()),
        };
    };
    *viewer = Some(somebody.clone());
    if somebody.role.is_none() && !asked.for_programs {
        return Err(viewer::not_logged_in());
    }
    if somebody.must_change && !asked.is_open() && !["/password", "/logout"].contains(&asked.path.as_str()) {
        if asked.for_programs {
            return Err(viewer::not_logged_in());
        }
        return Ok(Some(Redirect::to("/password").into_response()));
    }
    if let Some(own) = somebody.own.as_ref().filter(|_| asked.path == "/") {
        let query = if asked.query.is_empty() { String::new() } else { format!("?{}", asked.query) };
        return Ok(Some(Redirect::to(&format!("/units/{}{query}", encoded(&own.code))).into_response()));
    }
    if is_form(request) {
        let form = take_form(request).await?;
        of_another(&somebody, rendered_for(&form).as_deref())?;
        *request.body_mut() = Body::from(without_mark(&form));
    }
    request.extensions_mut().insert(somebody);
    Ok(None)
}

/// A form that was rendered for somebody else.
pub fn of_another(viewer: &Viewer, rendered_for: Option<&str>) -> Result<(), Problem> {
    let Some(other) = rendered_for.filter(|name| *name != viewer.name) else { return Ok(()) };
    let words = format!(
        "Trang vừa gửi được mở khi {other} đang đăng nhập; bây giờ là {}. Chưa lưu gì. Hãy bấm nút quay lại của trình duyệt để \
         xem những gì đã gõ, rồi mở lại trang và gửi dưới tên của mình, hoặc để {other} đăng nhập lại.",
        viewer.name
    );
    Err(Problem::new(StatusCode::CONFLICT, "another-person", "Chưa lưu: trang này của người khác", words))
}

fn ended() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "session-ended",
        "Chưa lưu: phiên làm việc đã hết",
        "Chưa lưu gì. Hãy mở trang đăng nhập ở một thẻ khác và đăng nhập, rồi quay lại thẻ này, bấm nút quay lại của trình duyệt \
         và gửi lại những gì đã gõ.",
    )
}

/// The browser's own word decides; without it the origin; a program that sends neither is no browser.
fn comes_from_us(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or("?"));
    match (text(HeaderName::from_static("sec-fetch-site")), text(header::ORIGIN)) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => origin.strip_prefix("https://").is_some_and(|host| Some(host) == text(header::HOST)),
        (None, None) => true, // no browser: it carries nobody's cookies
    }
}

fn is_form(request: &Request) -> bool {
    let media = request.headers().get(header::CONTENT_TYPE).and_then(|media| media.to_str().ok()).unwrap_or_default();
    request.method() == Method::POST && media.starts_with("application/x-www-form-urlencoded")
}

async fn take_form(request: &mut Request) -> Result<String, Problem> {
    let wrong = |status, words: &str| Problem::new(status, "form", "Chưa lưu", words);
    let body = std::mem::take(request.body_mut());
    let too_long = |_| wrong(StatusCode::PAYLOAD_TOO_LARGE, "Biểu mẫu gửi lên quá dài; chưa lưu gì.");
    let bytes = to_bytes(body, LARGEST_FORM).await.map_err(too_long)?;
    request.headers_mut().remove(header::CONTENT_LENGTH);
    let unreadable = |_| wrong(StatusCode::BAD_REQUEST, "Biểu mẫu gửi lên không đọc được; chưa lưu gì.");
    String::from_utf8(bytes.to_vec()).map_err(unreadable)
}

fn is_page(response: &Response) -> bool {
    response.headers().get(header::CONTENT_TYPE).is_some_and(|media| media.as_bytes().starts_with(b"text/html"))
}

/// Writes into every form whom it was rendered for; gives the page's title too.
async fn mark(response: Response, viewer: &Viewer) -> (Response, String) {
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, usize::MAX).await else { return ((parts.status, "").into_response(), String::new()) };
    parts.headers.remove(header::CONTENT_LENGTH);
    let page = String::from_utf8_lossy(&bytes);
    let response = Response::from_parts(parts, Body::from(marked(&page, &viewer.name)));
    (response, title(&page))
}

/// What the page is called, as text.
fn title(page: &str) -> String {
    let inner = page.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>")).map_or("", |(title, _)| title);
    let inner = inner.strip_suffix(" · Một Cửa").unwrap_or(inner);
    let signs = [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\"")];
    let plain = signs.iter().fold(inner.to_owned(), |text, (sign, letter)| text.replace(sign, letter));
    plain.replace("&#38;", "&").replace("&amp;", "&").chars().take(LONGEST).collect()
}

/// Notes a view, or that somebody asked for what is not theirs. Acts write themselves down where they are done.
async fn note(app: &App, viewer: &Viewer, asked: &Asked, title: &str, status: StatusCode) {
    let act = match status {
        StatusCode::FORBIDDEN => Act::Refused,
        _ if asked.method == Method::GET && status.is_success() && !SILENT.contains(&asked.path.as_str()) => Act::View,
        _ => return,
    };
    let subject = if title.is_empty() { if asked.for_programs { "API" } else { "tệp" } } else { title };
    let method = if asked.method == Method::GET { String::new() } else { format!("{} ", asked.method) };
    let detail: String = format!("{method}{}", asked.whole()).chars().take(LONGEST).collect();
    let mut line = viewer.by().line(act, subject, &unit_in(viewer, asked), &detail);
    line.status = status.as_u16();
    app.note_view(line).await;
}

/// The unit that an address is about, as it names it.
fn unit_in(viewer: &Viewer, asked: &Asked) -> String {
    if let Some(own) = &viewer.own {
        return own.key.clone();
    }
    let in_path = ["/units/", "/findings/", "/api/v1/units/"].iter().find_map(|start| asked.path.strip_prefix(start));
    let is_code = |part: &&str| part.starts_with(|letter: char| letter.is_ascii_digit());
    let in_path = in_path.and_then(|rest| rest.split('/').next()).filter(is_code).map(str::to_owned);
    let in_query = || {
        let pairs = form_urlencoded::parse(asked.query.as_bytes());
        pairs.filter(|(name, _)| name == "unit").map(|(_, unit)| unit.into_owned()).last()
    };
    code_of(&in_path.or_else(in_query).unwrap_or_default()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_read_back_as_it_was_meant() {
        let page = "<title>Xã &#60;b&#62; &#38;lt; · Một Cửa</title>";
        assert_eq!(title(page), "Xã <b> &lt;");
        assert_eq!(title("none"), "");
    }

    #[track_caller]
    fn writes(expected: bool, headers: &[(&'static str, &'static str)]) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_static(value));
        }
        assert_eq!(comes_from_us(&map), expected, "{headers:?}");
    }

    #[test]
    fn other_sites_cannot_write() {
        writes(true, &[]);
        writes(true, &[("sec-fetch-site", "same-origin"), ("origin", "null")]);
        writes(true, &[("origin", "https://here"), ("host", "here")]);
        writes(false, &[("sec-fetch-site", "cross-site"), ("origin", "https://here"), ("host", "here")]);
        writes(false, &[("sec-fetch-site", "same-site")]);
        writes(false, &[("origin", "https://elsewhere"), ("host", "here")]);
    }
}

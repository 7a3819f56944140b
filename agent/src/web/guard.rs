//! What stands between the network and the handlers: who may ask, and what every answer carries.
//!
//! Promise: a page of another site can neither read nor write here, not even by a name that it points at this PC. Whoever
//! is not logged in sees nothing but [`OPEN`]; a form is never saved under another name than the one that it was rendered
//! for, and what was typed into it is not lost. Start at [`dress`].

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, ORIGIN, REFERRER_POLICY, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use motcua_shared::access::form::{marked, rendered_for, without_mark};
use tracing::warn;

use super::fault::HttpError;
use super::log_in::{self, Kept};
use super::viewer::{self, Viewer, Who};
use super::{App, LARGEST_FORM, Wire, setup};

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

/// What is answered without a log-in; each name with everything under it.
pub const OPEN: [&str; 6] = ["/login", "/setup", "/trust", "/kiosk", "/lookup", "/healthz"];
/// What pages are made of: nobody's data.
const PARTS: [&str; 4] = [".css", ".js", ".svg", ".woff2"];
/// What pages ask for by themselves: it keeps no session open.
const POLLED: &str = "/sync/line";

/// Refuses strangers, gives faults their words, and sets the headers of every answer.
pub async fn dress(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let for_programs = is_for_programs(request.uri().path());
    let shown_by_browser = request.headers().contains_key("sec-fetch-site");
    let wire = request.extensions().get::<Wire>().cloned().unwrap_or_default();
    let (mut framed, mut viewer) = (None, None);
    let mut response = match admit(&request, &wire) {
        Ok(()) => match let_in(&app, &mut request, &wire).await {
            Ok(Entrance::In(who)) => {
                viewer.clone_from(&who);
                framed = who;
                next.run(request).await
            }
            Ok(Entrance::Instead(response)) => response,
            Err(fault) => fault.into_response(),
        },
        Err(fault) => {
            warn!(status = fault.status.as_u16(), "a request from elsewhere was refused");
            fault.into_response()
        }
    };
    if let Some(fault) = undressed(&mut response) {
        let unauthorised = fault.status == StatusCode::UNAUTHORIZED;
        response = if for_programs { fault.problem() } else { fault.page(&app, framed).await };
        if unauthorised && for_programs {
            // A script of a page must not make the browser ask for a password.
            let way = if shown_by_browser { "Bearer" } else { "Basic realm=\"Mot Cua\", charset=\"UTF-8\"" };
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(way));
        }
    }
    if let Some(viewer) = viewer {
        response = mark_forms(response, &viewer).await;
    }
    set_headers(response.headers_mut());
    response
}

/// The same while there is no office: everybody at this PC may set it up, and nobody else.
pub async fn dress_setup(request: Request, next: Next) -> Response {
    let for_programs = is_for_programs(request.uri().path());
    let wire = request.extensions().get::<Wire>().cloned().unwrap_or_default();
    let open = !wire.is_lan() || is_part(request.uri().path());
    let admitted = admit(&request, &wire).and_then(|()| if open { Ok(()) } else { Err(setup::only_here()) });
    let mut response = match admitted {
        Ok(()) => next.run(request).await,
        Err(fault) => fault.into_response(),
    };
    if let Some(fault) = undressed(&mut response) {
        response = if for_programs { fault.problem() } else { fault.bare_page() };
    }
    set_headers(response.headers_mut());
    response
}

fn is_for_programs(path: &str) -> bool {
    path.starts_with("/api/") || path == "/metrics" || path == POLLED
}

fn is_open(path: &str) -> bool {
    let under = |open: &str| path.strip_prefix(open).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    OPEN.iter().any(|open| under(open)) || is_part(path)
}

fn is_part(path: &str) -> bool {
    !is_for_programs(path) && PARTS.iter().any(|part| path.ends_with(part))
}

/// What becomes of a request that came from a place that may ask.
enum Entrance {
    /// On to its handler.
    In(Option<Viewer>),
    Instead(Response),
}

async fn let_in(app: &App, request: &mut Request, wire: &Wire) -> Result<Entrance, HttpError> {
    let path = request.uri().path().to_owned();
    if is_part(&path) {
        return Ok(Entrance::In(None));
    }
    let viewer = match viewer::identify(app, request.headers(), path != POLLED).await? {
        Who::Somebody(viewer) => viewer,
        _ if is_open(&path) => return Ok(Entrance::In(None)),
        Who::NoUserYet if is_for_programs(&path) && !wire.is_lan() => Viewer::of_this_pc(),
        Who::NoUserYet if !is_for_programs(&path) => {
            return Ok(Entrance::Instead(Redirect::to("/setup").into_response()));
        }
        Who::Nobody if !is_for_programs(&path) => return ask_for_log_in(app, request).await,
        Who::Nobody | Who::NoUserYet => return Err(viewer::not_logged_in()),
    };
    if viewer.must_change && !is_open(&path) && !["/password", "/logout"].contains(&path.as_str()) {
        return Ok(Entrance::Instead(Redirect::to("/password").into_response()));
    }
    request.extensions_mut().insert(viewer.clone());
    if is_form(request) {
        let form = take_form(request).await?;
        if let Some(other) = rendered_for(&form).filter(|name| *name != viewer.name) {
            let kept = Kept::of(request.uri(), &form);
            return Ok(Entrance::Instead(log_in::of_another(app, &viewer, &other, kept).await?));
        }
        *request.body_mut() = Body::from(without_mark(&form));
    }
    Ok(Entrance::In(Some(viewer)))
}

/// A page is shown after the log-in; a form is kept until then.
async fn ask_for_log_in(app: &App, request: &mut Request) -> Result<Entrance, HttpError> {
    if request.method() == Method::GET || request.method() == Method::HEAD {
        return Ok(Entrance::Instead(log_in::redirect(request.uri())));
    }
    let form = if is_form(request) { take_form(request).await? } else { String::new() };
    let kept = Kept::of(request.uri(), &form);
    Ok(Entrance::Instead(log_in::ended(app, kept)?))
}

fn is_form(request: &Request) -> bool {
    let media = request.headers().get(CONTENT_TYPE).and_then(|media| media.to_str().ok()).unwrap_or_default();
    request.method() == Method::POST && media.starts_with("application/x-www-form-urlencoded")
}

async fn take_form(request: &mut Request) -> Result<String, HttpError> {
    let body = std::mem::take(request.body_mut());
    let too_long = |_| HttpError::of_status(StatusCode::PAYLOAD_TOO_LARGE);
    let bytes = to_bytes(body, LARGEST_FORM).await.map_err(too_long)?;
    request.headers_mut().remove(CONTENT_LENGTH);
    String::from_utf8(bytes.to_vec()).map_err(|_| HttpError::of_status(StatusCode::BAD_REQUEST))
}

/// Writes into every form that changes something whom it was rendered for.
async fn mark_forms(response: Response, viewer: &Viewer) -> Response {
    let is_page = response.headers().get(CONTENT_TYPE).is_some_and(|media| media.as_bytes().starts_with(b"text/html"));
    if !is_page {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, usize::MAX).await else { return (parts.status, "").into_response() };
    parts.headers.remove(CONTENT_LENGTH);
    let page = String::from_utf8_lossy(&bytes);
    Response::from_parts(parts, Body::from(marked(&page, &viewer.name)))
}

/// A fault that has no words for people yet.
fn undressed(response: &mut Response) -> Option<HttpError> {
    if let Some(fault) = response.extensions_mut().remove::<HttpError>() {
        return Some(fault);
    }
    let status = response.status();
    let has_words = response.headers().get(CONTENT_TYPE).is_some_and(|media| media.as_bytes().starts_with(b"text/html"));
    let failed = status.is_client_error() || status.is_server_error();
    (failed && !has_words).then(|| HttpError::of_status(status))
}

fn set_headers(headers: &mut HeaderMap) {
    const ALWAYS: [(HeaderName, &str); 3] =
        [(CONTENT_SECURITY_POLICY, POLICY), (X_CONTENT_TYPE_OPTIONS, "nosniff"), (REFERRER_POLICY, "no-referrer")];
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

fn admit(request: &Request, wire: &Wire) -> Result<(), HttpError> {
    let host = host(request).filter(|host| wire.is_called(name_of(host))).ok_or_else(|| {
        HttpError::new(
            StatusCode::MISDIRECTED_REQUEST,
            "Địa chỉ này không phải của chương trình Một Cửa trên máy này.",
            "Không có gì được đọc hay thay đổi.",
            "Hãy mở đúng địa chỉ đã in ra khi chạy chương trình, ví dụ http://127.0.0.1:7420",
        )
    })?;
    if request.method().is_safe() || comes_from_here(request.headers(), wire.scheme(), host) {
        return Ok(());
    }
    Err(HttpError::new(
        StatusCode::FORBIDDEN,
        "Yêu cầu này được gửi từ một trang web khác nên bị từ chối.",
        "Không có gì được lưu.",
        "Hãy làm bước này từ chính trang Một Cửa.",
    ))
}

fn host(request: &Request) -> Option<&str> {
    let in_address = request.uri().authority().map(axum::http::uri::Authority::as_str);
    in_address.or_else(|| request.headers().get(HOST)?.to_str().ok())
}

/// A host without its port.
fn name_of(host: &str) -> &str {
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    host.rsplit_once(':').filter(|(_, port)| is_port(port)).map_or(host, |(name, _)| name)
}

/// The browser's own word decides; without it the origin; a program that sends neither is no browser.
fn comes_from_here(headers: &HeaderMap, scheme: &str, host: &str) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    match headers.get(ORIGIN).map(HeaderValue::to_str) {
        None => true,
        Some(origin) => origin.ok().and_then(|origin| origin.strip_prefix(scheme)) == Some(host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_pc_are_answered() {
        let called = |host: &str| Wire::default().is_called(name_of(host));
        for host in ["localhost", "LOCALHOST:7420", "127.0.0.1:1", "[::1]:7420", "[::1]"] {
            assert!(called(host), "{host}");
        }
        for host in ["", "evil.example", "127.0.0.1.evil.example:7420", "localhost:", "localhost:x", "127.0.0.2", "[::2]"] {
            assert!(!called(host), "{host}");
        }
    }

    #[test]
    fn what_is_open_is_open_with_everything_under_it_and_nothing_beside_it() {
        for path in ["/login", "/setup/user", "/trust", "/style.css", "/desk.js", "/kiosk"] {
            assert!(is_open(path), "{path}");
        }
        for path in ["/", "/loginx", "/people", "/dossiers", "/api/v1/status", "/api/x.js", "/metrics"] {
            assert!(!is_open(path), "{path}");
        }
    }

    #[track_caller]
    fn writes(expected: bool, headers: &[(&'static str, &'static str)]) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_static(value));
        }
        assert_eq!(comes_from_here(&map, "http://", "127.0.0.1:7420"), expected, "{headers:?}");
    }

    #[test]
    fn other_sites_cannot_write() {
        writes(true, &[]);
        writes(true, &[("sec-fetch-site", "same-origin"), ("origin", "null")]);
        writes(true, &[("origin", "http://127.0.0.1:7420")]);
        writes(false, &[("sec-fetch-site", "cross-site"), ("origin", "http://127.0.0.1:7420")]);
        writes(false, &[("sec-fetch-site", "same-site")]);
        writes(false, &[("origin", "http://127.0.0.1:8000")]);
        writes(false, &[("origin", "https://evil.example")]);
        writes(false, &[("origin", "null")]);
    }
}

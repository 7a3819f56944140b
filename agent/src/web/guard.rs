//! What stands between the network and the handlers: who may ask, and what every answer carries.
//!
//! Promise: a page of another site can neither read nor write here, not even by a name that it points at this PC.
//! Start at [`dress`].

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, ORIGIN, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::warn;

use super::App;
use super::fault::HttpError;

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

/// Refuses strangers, gives faults their words, and sets the headers of every answer.
pub async fn dress(State(app): State<App>, request: Request, next: Next) -> Response {
    let for_programs = request.uri().path().starts_with("/api/");
    let admitted = admit(&request);
    let framed = admitted.is_ok();
    let mut response = match admitted {
        Ok(()) => next.run(request).await,
        Err(fault) => {
            warn!(status = fault.status.as_u16(), "a request from elsewhere was refused");
            fault.into_response()
        }
    };
    if let Some(fault) = undressed(&mut response) {
        response = if for_programs { fault.problem() } else { fault.page(&app, framed).await };
    }
    set_headers(response.headers_mut());
    response
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

fn admit(request: &Request) -> Result<(), HttpError> {
    let host = host(request).filter(|host| is_this_pc(host)).ok_or_else(|| {
        HttpError::new(
            StatusCode::MISDIRECTED_REQUEST,
            "Địa chỉ này không phải của chương trình Một Cửa trên máy này.",
            "Không có gì được đọc hay thay đổi.",
            "Hãy mở đúng địa chỉ đã in ra khi chạy chương trình, ví dụ http://127.0.0.1:7420",
        )
    })?;
    if request.method().is_safe() || comes_from_here(request.headers(), host) {
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

/// Whether a host, with any port, names this PC.
fn is_this_pc(host: &str) -> bool {
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let name = host.rsplit_once(':').filter(|(_, port)| is_port(port)).map_or(host, |(name, _)| name);
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|ours| name.eq_ignore_ascii_case(ours))
}

/// The browser's own word decides; without it the origin; a program that sends neither is no browser.
fn comes_from_here(headers: &HeaderMap, host: &str) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    match headers.get(ORIGIN).map(HeaderValue::to_str) {
        None => true,
        Some(origin) => origin.ok().and_then(|origin| origin.strip_prefix("http://")) == Some(host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_pc_are_answered() {
        for host in ["localhost", "LOCALHOST:7420", "127.0.0.1:1", "[::1]:7420", "[::1]"] {
            assert!(is_this_pc(host), "{host}");
        }
        for host in ["", "evil.example", "127.0.0.1.evil.example:7420", "localhost:", "localhost:x", "127.0.0.2", "[::2]"] {
            assert!(!is_this_pc(host), "{host}");
        }
    }

    #[track_caller]
    fn writes(expected: bool, headers: &[(&'static str, &'static str)]) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_static(value));
        }
        assert_eq!(comes_from_here(&map, "127.0.0.1:7420"), expected, "{headers:?}");
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

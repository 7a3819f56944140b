//! What a person reads when something does not work, and the one place where a fault becomes a status and words.
//!
//! Promise: says what happened, what is safe and what to do; never a person's data. Start at [`HttpError`].

use askama::Template;
use axum::Json;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use serde::Serialize;
use tracing::error;

use super::viewer::Viewer;
use super::{App, Frame};
use crate::store::StoreError;
use crate::uplink::UplinkError;

const NOTHING_CHANGED: &str = "Không có gì bị mất hay thay đổi.";
const NOTHING_SAVED: &str = "Lần này chưa lưu gì. Những gì máy đã báo “Đã lưu” vẫn còn nguyên trên máy này.";
const CALL_FOR_HELP: &str = "Hãy thử lại. Nếu vẫn lỗi, hãy báo người phụ trách máy chạy lệnh: motcua-agent verify --data THƯ-MỤC";

/// A request that cannot be answered as asked.
#[derive(Debug, Clone)]
pub struct HttpError {
    pub status: StatusCode,
    pub happened: String,
    pub safe: &'static str,
    pub next: String,
}

impl HttpError {
    pub fn new(status: StatusCode, happened: impl Into<String>, safe: &'static str, next: impl Into<String>) -> HttpError {
        HttpError { status, happened: happened.into(), safe, next: next.into() }
    }

    /// A parameter that cannot be read.
    pub fn parameter(happened: impl Into<String>, next: impl Into<String>) -> HttpError {
        HttpError::new(StatusCode::BAD_REQUEST, happened, NOTHING_CHANGED, next)
    }

    fn internal(happened: impl Into<String>) -> HttpError {
        HttpError::new(StatusCode::INTERNAL_SERVER_ERROR, happened, NOTHING_SAVED, CALL_FOR_HELP)
    }

    /// Words for a refusal that the framework made, such as a method that an address does not have.
    pub fn of_status(status: StatusCode) -> HttpError {
        let happened = match status {
            StatusCode::NOT_FOUND => "Không có trang này.",
            StatusCode::METHOD_NOT_ALLOWED => "Địa chỉ này không nhận thao tác vừa gửi.",
            StatusCode::PAYLOAD_TOO_LARGE => "Nội dung gửi lên quá dài.",
            status if status.is_client_error() => "Máy không đọc được yêu cầu vừa gửi.",
            _ => "Chương trình gặp lỗi không ngờ tới.",
        };
        if status.is_client_error() {
            return HttpError::new(status, happened, NOTHING_CHANGED, "Hãy quay lại danh sách hồ sơ và làm lại từ đó.");
        }
        HttpError { status, ..HttpError::internal(happened) }
    }

    /// As a page, with the viewer's frame when it can be read.
    pub async fn page(self, app: &App, viewer: Option<Viewer>) -> Response {
        let frame = match viewer {
            Some(viewer) => app.door.call(move |store| Frame::read(store, &viewer)).await.ok().flatten(),
            None => None,
        };
        self.framed_page(frame)
    }

    /// As a page without a frame.
    pub fn bare_page(self) -> Response {
        self.framed_page(None)
    }

    fn framed_page(self, frame: Option<Frame>) -> Response {
        let status = self.status;
        let page = FaultPage { frame, nav: "", fault: self }.render();
        (status, Html(page.unwrap_or_else(|_| "Chương trình gặp lỗi khi hiển thị trang.".to_owned()))).into_response()
    }

    /// As a problem document (RFC 9457).
    pub fn problem(&self) -> Response {
        #[derive(Serialize)]
        struct Problem<'a> {
            r#type: &'static str,
            status: u16,
            title: &'a str,
            detail: String,
        }
        let detail = format!("{} {}", self.safe, self.next);
        let problem = Problem { r#type: "about:blank", status: self.status.as_u16(), title: &self.happened, detail };
        let mut response = (self.status, Json(problem)).into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response
    }
}

#[derive(Template)]
#[template(path = "fault.html")]
struct FaultPage {
    frame: Option<Frame>,
    nav: &'static str,
    fault: HttpError,
}

impl IntoResponse for HttpError {
    /// Bare: [`super::guard::dress`] chooses page or problem document.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for HttpError {
    fn from(error: StoreError) -> HttpError {
        match &error {
            StoreError::NoDossier(code) => HttpError::new(
                StatusCode::NOT_FOUND,
                format!("Không có hồ sơ {code} trong sổ của đơn vị."),
                NOTHING_CHANGED,
                "Hãy kiểm tra lại mã trên giấy hẹn, hoặc tìm trong danh sách hồ sơ.",
            ),
            StoreError::NoForm(_) => HttpError::new(
                StatusCode::NOT_FOUND,
                sentence(&error.to_string()),
                NOTHING_CHANGED,
                "Hãy mở hồ sơ và ghi bước tương ứng trước khi in.",
            ),
            StoreError::Refused(refusal) => HttpError::new(
                StatusCode::CONFLICT,
                refusal.to_string(),
                NOTHING_SAVED,
                "Hãy mở lại hồ sơ và xem quá trình của nó.",
            ),
            StoreError::NumbersUsedUp { .. } => HttpError::new(
                StatusCode::CONFLICT,
                sentence(&error.to_string()),
                NOTHING_SAVED,
                "Trong lúc chờ, hãy ghi hồ sơ vào sổ giấy.",
            ),
            StoreError::Disk(_) => HttpError::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "Ổ đĩa đã đầy hoặc không ghi được nên không lưu được.",
                NOTHING_SAVED,
                "Hãy xóa bớt tệp không cần trên máy này rồi làm lại bước vừa rồi.",
            ),
            _ => {
                error!(%error, "the store failed");
                HttpError::internal(format!("Không đọc hoặc ghi được sổ hồ sơ: {error}."))
            }
        }
    }
}

impl From<UplinkError> for HttpError {
    fn from(error: UplinkError) -> HttpError {
        const KEPT: &str = "Dữ liệu vẫn an toàn trên máy này.";
        match error {
            UplinkError::Store(error) => error.into(),
            UplinkError::NotEnrolled => HttpError::new(
                StatusCode::CONFLICT,
                "Máy này chưa đăng ký với huyện nên chưa gửi được.",
                KEPT,
                "Hãy xin mã đăng ký của huyện rồi chạy: motcua-agent enroll --data THƯ-MỤC --aggregator https://… --code MÃ",
            ),
            UplinkError::NoAddress => HttpError::new(
                StatusCode::CONFLICT,
                "Máy này đăng ký bằng tệp nên không gửi qua mạng.",
                KEPT,
                "Hãy tải gói ở trang Gửi về huyện rồi mang về huyện.",
            ),
            error => {
                error!(%error, "sending failed");
                HttpError::new(
                    StatusCode::BAD_GATEWAY,
                    sentence(&error.to_string()),
                    KEPT,
                    "Hãy thử lại sau; máy cũng tự gửi khi có mạng.",
                )
            }
        }
    }
}

impl From<askama::Error> for HttpError {
    fn from(error: askama::Error) -> HttpError {
        error!(%error, "a page could not be rendered");
        HttpError::internal("Chương trình gặp lỗi khi hiển thị trang.")
    }
}

/// With a capital and a full stop.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let capital = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{capital}{}.", letters.as_str().trim_end_matches('.'))
}

/// An address that is not ours.
pub async fn nowhere() -> HttpError {
    HttpError::of_status(StatusCode::NOT_FOUND)
}

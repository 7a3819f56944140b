//! Files that are carried where there is no line: the request to be enrolled, what the district has not got yet, and what it
//! answers.
//!
//! Promise: what is given out is locked for the district and counts as sent only when its receipt comes home; what is taken
//! in is proven by its signature before anything is changed. Start at [`export`] and [`import`].

use std::path::{Path, PathBuf};

use askama::Template;
use axum::Form;
use axum::extract::{Multipart, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use data_encoding::HEXLOWER;
use motcua_shared::access::Right;
use serde::Deserialize;

use super::fault::{HttpError, sentence};
use super::setup::SetupViewer;
use super::viewer::{ClerkViewer, not_allowed};
use super::{App, Frame, html};
use crate::bundle::{self, BundleError, Told};
use crate::office::{chance, now};
use crate::store::Store;

/// No bundle is larger.
pub const LARGEST: usize = 64 << 20;

/// A file of this program's own directory that goes away with its handle.
struct Passing(PathBuf);

impl Passing {
    fn new(data: &Path) -> Passing {
        Passing(data.join(format!("carried-{}", HEXLOWER.encode(&chance::<8>()))))
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Has a file written and gives it to the browser under `name`.
async fn given_out<T: Send + 'static>(
    app: &App,
    name: String,
    write: impl FnOnce(&Path, &mut Store, &Path) -> Result<T, BundleError> + Send + 'static,
) -> Result<Response, HttpError> {
    let data = app.data.clone();
    let bytes = app
        .door
        .call(move |store| {
            let file = Passing::new(&data);
            write(&data, store, &file.0)?;
            std::fs::read(&file.0).map_err(|error| BundleError::Read(file.0.clone(), error))
        })
        .await
        .map_err(|error| refused(&error))?;
    let disposition = format!("attachment; filename=\"{name}\"");
    Ok(([(CONTENT_TYPE, "application/octet-stream".to_owned()), (CONTENT_DISPOSITION, disposition)], bytes).into_response())
}

fn refused(error: &BundleError) -> HttpError {
    HttpError::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        sentence(&error.to_string()),
        "Dữ liệu trên máy này không thay đổi.",
        "Hãy quay lại trang Gửi về huyện.",
    )
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    code: String,
}

/// The request to be enrolled, as a file.
pub async fn request(_: SetupViewer, State(app): State<App>, Form(asked): Form<Asked>) -> Result<Response, HttpError> {
    let unit = app.read(|store, _| Ok(store.office()?.unit)).await?;
    let write = move |data: &Path, store: &mut Store, file: &Path| bundle::request(data, store, &asked.code, file);
    given_out(&app, format!("dang-ky_{unit}.motcua"), write).await
}

/// What the district has not got yet, as a file.
pub async fn export(_: ClerkViewer, State(app): State<App>) -> Result<Response, HttpError> {
    let unit = app.read(|store, _| Ok(store.office()?.unit)).await?;
    given_out(&app, format!("goi_{unit}_{}.motcua", now().format("%Y%m%d-%H%M")), bundle::export).await
}

#[derive(Template)]
#[template(path = "carried.html")]
struct CarriedPage {
    frame: Option<Frame>,
    nav: &'static str,
    told: Vec<Told>,
}

/// Takes in a file from the district.
pub async fn import(viewer: ClerkViewer, State(app): State<App>, mut form: Multipart) -> Result<Response, HttpError> {
    let unreadable = |_| HttpError::parameter("Tệp gửi lên không đầy đủ hoặc quá lớn.", "Hãy chọn lại tệp.");
    let mut bytes = Vec::new();
    while let Some(field) = form.next_field().await.map_err(unreadable)? {
        let name = field.name().unwrap_or_default().to_owned();
        let content = field.bytes().await.map_err(unreadable)?;
        // Whom the page was made for, as the guard writes it into every form.
        if name == "viewer" && content != viewer.name.as_bytes() {
            return Err(HttpError::parameter("Trang này mở cho người khác.", "Hãy mở lại trang Gửi về huyện."));
        }
        if name == "file" {
            bytes = content.to_vec();
        }
    }
    if bytes.is_empty() {
        return Err(HttpError::parameter("Chưa chọn tệp nào.", "Hãy chọn tệp mang từ huyện về."));
    }
    let is_enrolled = app.read(|store, _| Ok(store.office()?.enrolment.is_some())).await?;
    if !is_enrolled && !viewer.may(Right::Setup) {
        return Err(not_allowed(&viewer, Right::Setup));
    }
    let data = app.data.clone();
    let (told, _) = app
        .door
        .call(move |store| {
            let file = Passing::new(&data);
            std::fs::write(&file.0, &bytes).map_err(|error| BundleError::Read(file.0.clone(), error))?;
            bundle::take_in(&data, store, &file.0)
        })
        .await
        .map_err(|error| refused(&error))?;
    let frame = app.read(move |store, _| Frame::read(store, &viewer)).await?;
    Ok(html(&CarriedPage { frame, nav: "sync", told })?.into_response())
}

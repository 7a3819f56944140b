//! The narrative report on administrative reform: figures that are there, words that the office types, files, and filing.
//!
//! Promise: what was typed is kept when the page says so; a filed report never changes, and its file is made from what was
//! filed. Start at [`show`] and [`save`].

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Form, Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{Html, IntoResponse, Redirect, Response};
use motcua_print::{Format, Press};
use motcua_shared::access::Right;
use motcua_shared::calendar::local_day;
use motcua_shared::dictionary::Dictionary;
use motcua_shared::narrative::{FORM, Grid, Kept, LONGEST_TEXT, Missing, Part, Snapshot, Words, document, period_words, plan};
use motcua_shared::office::Filed;
use motcua_shared::period::Period;
use motcua_shared::text::number;
use serde::Deserialize;

use super::fault::HttpError;
use super::report::{Asked, Chosen};
use super::viewer::{self, DeclaringViewer, Viewer};
use super::{App, Frame, api, html};
use crate::office::{chance, now};
use crate::store::{self, Typed};
use crate::words;

/// A part on the page.
struct Section {
    part: &'static Part,
    grids: Vec<Grid>,
    text: String,
    /// What was written in it for an earlier period; empty: nothing, or the same.
    earlier: String,
}

struct FiledRow {
    period: String,
    revision: u32,
    at: String,
    by: String,
    hash: String,
}

/// A line of the heading or the foot that the office types.
struct Line {
    name: &'static str,
    label: &'static str,
    value: String,
    usual: String,
}

#[derive(Template)]
#[template(path = "narrative.html")]
struct NarrativePage {
    frame: Option<Frame>,
    nav: &'static str,
    chosen: Chosen,
    action: &'static str,
    lines: Vec<Line>,
    recipients: String,
    sections: Vec<Section>,
    missing: Vec<Missing>,
    differences: usize,
    findings: usize,
    kept: String,
    earlier: String,
    filed: Vec<FiledRow>,
    may_write: bool,
    may_file: bool,
    over: bool,
    longest: usize,
    said: &'static str,
    problem: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Also {
    /// What was done a moment ago.
    done: String,
    /// `0`: the file comes without the appendix.
    findings: String,
}

/// The report of a period as it is being written.
pub async fn show(
    viewer: Viewer,
    State(app): State<App>,
    Query(asked): Query<Asked>,
    Query(also): Query<Also>,
) -> Result<Response, HttpError> {
    let chosen = Chosen::read(&asked);
    let status = chosen.status();
    let said = match also.done.as_str() {
        "saved" => "Đã lưu lời văn trên máy này.",
        "again" => "Đã lấy lời văn kỳ trước vào những mục còn trống; hãy đọc lại và sửa cho đúng kỳ này.",
        "filed" => "Đã chốt báo cáo. Bản chốt không đổi nữa; sửa gì thêm thì chốt lần sau.",
        _ => "",
    };
    let page = page(&app, viewer, chosen, None, said, String::new()).await?;
    Ok((status, page).into_response())
}

async fn page(
    app: &App,
    viewer: Viewer,
    chosen: Chosen,
    typed: Option<Words>,
    said: &'static str,
    problem: String,
) -> Result<Html<String>, HttpError> {
    let key = app.key.clone();
    let page = app
        .door
        .call(move |store| -> store::Result<NarrativePage> {
            let snapshot = store.narrative_snapshot(chosen.period, &key, now())?;
            let (kept, earlier) = (store.narrative_typed(chosen.period, &key)?, store.narrative_earlier(chosen.period, &key)?);
            let words = typed.unwrap_or_else(|| snapshot.words.clone());
            let offered = earlier.as_ref().map(|earlier| earlier.words.clone()).unwrap_or_default();
            let missing = snapshot.narrative.missing(&words);
            let differences = snapshot.narrative.differences();
            let sections = plan().iter().zip(snapshot.narrative.parts).map(|(part, filled)| Section {
                part,
                grids: filled.grids,
                text: words.part(&part.id).to_owned(),
                earlier: if offered.part(&part.id) == words.part(&part.id) {
                    String::new()
                } else {
                    offered.part(&part.id).to_owned()
                },
            });
            Ok(NarrativePage {
                lines: lines(&words, &store.office()?.name),
                recipients: words.recipients.clone(),
                sections: sections.collect(),
                missing,
                differences,
                findings: snapshot.findings.len(),
                kept: kept.map(|kept| kept_words(&kept)).unwrap_or_default(),
                earlier: earlier.map(|earlier| period_words(earlier.period)).unwrap_or_default(),
                filed: store.narrative_filed()?.iter().map(filed_row).collect(),
                may_write: viewer.may(Right::Declare),
                may_file: viewer.may(Right::Answer),
                over: chosen.period.to < local_day(now()),
                frame: Frame::read(store, &viewer)?,
                nav: "ii06",
                action: "/reports/narrative",
                longest: LONGEST_TEXT,
                said,
                problem,
                chosen,
            })
        })
        .await?;
    html(&page)
}

fn kept_words(kept: &Typed) -> String {
    format!("{} ({})", words::shown_time(&kept.saved_at), kept.saved_by)
}

fn lines(words: &Words, office: &str) -> Vec<Line> {
    let line = |name, label, value: &String, usual: &str| Line { name, label, value: value.clone(), usual: usual.to_owned() };
    vec![
        line("superior", "Cơ quan cấp trên (nếu ghi)", &words.superior, ""),
        line("issuer", "Cơ quan báo cáo", &words.issuer, &format!("Ủy ban nhân dân {office}")),
        line("number", "Số, ký hiệu", &words.number, "12/BC-UBND"),
        line("place", "Nơi ký", &words.place, ""),
        line("day", "Ngày ký", &words.day, "ngày 05 tháng 6 năm 2026"),
        line("subject", "Về việc", &words.subject, "Kết quả thực hiện công tác cải cách hành chính"),
        line("capacity", "Ký thay mặt", &words.capacity, "TM. ỦY BAN NHÂN DÂN"),
        line("role", "Chức vụ", &words.role, "CHỦ TỊCH"),
        line("signer", "Người ký", &words.signer, ""),
    ]
}

fn filed_row(filed: &Filed) -> FiledRow {
    FiledRow {
        period: period_words(Period { from: filed.report.from, to: filed.report.to }),
        revision: filed.report.revision,
        at: words::shown_time(&filed.recorded_at.to_rfc3339()),
        by: filed.author.clone(),
        hash: filed.report.hash.to_string(),
    }
}

/// Keeps what was typed; files it when that was asked for.
pub async fn save(
    viewer: DeclaringViewer,
    State(app): State<App>,
    Form(typed): Form<BTreeMap<String, String>>,
) -> Result<Response, HttpError> {
    let of = |name: &str| typed.get(name).cloned().unwrap_or_default();
    let chosen = Chosen::read(&Asked::days(&of("from"), &of("to")));
    if !chosen.is_read() {
        return Err(HttpError::parameter("Kỳ báo cáo chưa đúng.", "Hãy mở lại trang báo cáo và chọn lại kỳ."));
    }
    let (act, typed, period) = (of("act"), Words::read(&typed), chosen.period);
    if let Some(problem) = typed.problem() {
        let page = page(&app, (*viewer).clone(), chosen, Some(typed), "", problem).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    if act == "file" {
        viewer::requires(&viewer, Right::Answer)?;
        if period.to >= local_day(now()) {
            let problem = "Kỳ báo cáo chưa hết nên chưa chốt được; lời văn chưa lưu, bấm Lưu để giữ lại.".to_owned();
            let page = page(&app, (*viewer).clone(), chosen, Some(typed), "", problem).await?;
            return Ok((StatusCode::CONFLICT, page).into_response());
        }
    }
    let again = act == "again";
    let (nonce, is_filing) = (chance(), act == "file");
    app.write(&viewer, move |store, pen| {
        let earlier = if again { store.narrative_earlier(period, pen.key)? } else { None };
        let words = earlier.map_or(typed.clone(), |earlier| typed.or(&earlier.words));
        store.narrative_keep(period, &words, nonce, pen)?;
        if is_filing {
            let report = api::frozen(store, FORM, period)?;
            store.narrative_file(report, pen)?;
        }
        Ok(())
    })
    .await?;
    let done = match act.as_str() {
        "file" => "filed",
        "again" => "again",
        _ => "saved",
    };
    Ok(Redirect::to(&format!("/reports/narrative?from={}&to={}&done={done}", period.from, period.to)).into_response())
}

/// A file of the report as it is now.
pub async fn file(
    _: Viewer,
    State(app): State<App>,
    Path(format): Path<String>,
    Query(asked): Query<Asked>,
    Query(also): Query<Also>,
) -> Result<Response, HttpError> {
    let format = format_of(&format)?;
    let chosen = Chosen::read(&asked);
    if !chosen.is_read() {
        return Err(HttpError::parameter("Kỳ báo cáo chưa đúng.", "Hãy chọn lại kỳ báo cáo."));
    }
    let key = app.key.clone();
    let (snapshot, dictionary) = app
        .door
        .call(move |store| -> store::Result<_> {
            let snapshot = store.narrative_snapshot(chosen.period, &key, now())?;
            Ok((snapshot, store.tables()?.book.dictionary.clone()))
        })
        .await?;
    drawn(&snapshot, &dictionary, also.findings != "0", None, format).await
}

/// A file of a report as it was filed.
pub async fn filed(
    _: Viewer,
    State(app): State<App>,
    Path((hash, format)): Path<(String, String)>,
    Query(also): Query<Also>,
) -> Result<Response, HttpError> {
    let format = format_of(&format)?;
    let found = app
        .read(move |store, key| {
            let Some(filed) = store.narrative_filed()?.into_iter().find(|filed| filed.report.hash.to_string() == hash) else {
                return Ok(None);
            };
            let snapshot = store.narrative_read(&filed, key)?;
            Ok(Some((filed, snapshot, store.tables()?.book.dictionary.clone())))
        })
        .await?;
    let (filed, snapshot, dictionary) = found.ok_or_else(|| HttpError::of_status(StatusCode::NOT_FOUND))?;
    let snapshot = snapshot.ok_or_else(|| {
        HttpError::new(
            StatusCode::CONFLICT,
            "Lời văn của bản chốt này không mở lại được bằng khóa của đơn vị, hoặc không còn đúng như lúc chốt.",
            "Số liệu và mã kiểm tra của bản chốt vẫn còn trong nhật ký.",
            "Hãy dùng tệp đã xuất khi chốt; hoặc báo người phụ trách máy chạy lệnh: motcua-agent verify --data THƯ-MỤC",
        )
    })?;
    let kept = filed_words(&filed);
    drawn(&snapshot, &dictionary, also.findings != "0", Some(&kept), format).await
}

/// What is printed at the end of a filed report.
pub fn filed_words(filed: &Filed) -> Kept {
    let at = words::shown_time(&filed.recorded_at.to_rfc3339());
    let words = format!("Bản chốt lần {}, {at}, {}.", number(i64::from(filed.report.revision)), filed.author);
    Kept { words, hash: filed.report.hash.to_string() }
}

fn format_of(name: &str) -> Result<Format, HttpError> {
    match name {
        "docx" => Ok(Format::Docx),
        "pdf" => Ok(Format::Pdf),
        _ => Err(HttpError::of_status(StatusCode::NOT_FOUND)),
    }
}

async fn drawn(
    snapshot: &Snapshot,
    dictionary: &Dictionary,
    with_findings: bool,
    kept: Option<&Kept>,
    format: Format,
) -> Result<Response, HttpError> {
    let printed = Press::here().print(format, &document(snapshot, dictionary, with_findings, kept)).await?;
    let narrative = &snapshot.narrative;
    let name = format!("bao_cao_cchc_{}_{}_{}.{}", narrative.unit, narrative.from, narrative.to, format.extension());
    let disposition = format!("attachment; filename=\"{name}\"");
    Ok(([(CONTENT_TYPE, format.media().to_owned()), (CONTENT_DISPOSITION, disposition)], printed.bytes).into_response())
}

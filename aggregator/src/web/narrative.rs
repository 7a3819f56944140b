//! The consolidated narrative report: written, as a file, and filed.
//!
//! Promise: what was typed is kept when the page says so; the file of a filed report is made from what was filed.
//! Start at [`page`].

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use motcua_print::Format;
use motcua_shared::access::node::Right;
use motcua_shared::calendar::local_day;
use motcua_shared::dictionary::Dictionary;
use motcua_shared::narrative::{self as report, Grid, Kept, LONGEST_TEXT, Missing, Part, Snapshot, Words, period_words, plan};
use motcua_shared::period::Period;
use serde::Deserialize;

use super::files::{self, format_of};
use super::pages::{Frame, PageError, Section, show};
use super::period::{PeriodQuery, PeriodView, chosen, query_of};
use super::viewer::{AllFigures, DecidingViewer, Viewer};
use super::{App, Problem, now};
use crate::filed::FileError;
use crate::narrative;
use crate::output::people_time;
use crate::rollup::ReportError;
use crate::store::FiledForm;

/// Largest form: the words of a whole report, with every letter as its nine in an address.
pub const LARGEST: usize = 1 << 20;

/// A part on the page.
struct PartView {
    part: &'static Part,
    grids: Vec<Grid>,
    text: String,
    /// What was written in it for an earlier period; empty: nothing, or the same.
    earlier: String,
}

/// A line of the heading or the foot that is typed.
struct Line {
    name: &'static str,
    label: &'static str,
    value: String,
    usual: String,
}

#[derive(Template)]
#[template(path = "narrative.html")]
struct NarrativePage {
    frame: Frame,
    period: PeriodView,
    lines: Vec<Line>,
    recipients: String,
    parts: Vec<PartView>,
    basis: String,
    missing: Vec<Missing>,
    differences: usize,
    findings: usize,
    kept: String,
    earlier: String,
    may_write: bool,
    over: bool,
    longest: usize,
    said: &'static str,
    problem: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Also {
    /// What was done a moment ago.
    done: String,
    /// `0`: the file comes without the appendix.
    findings: String,
}

pub async fn page(
    viewer: AllFigures,
    State(app): State<App>,
    Query(query): Query<PeriodQuery>,
    Query(also): Query<Also>,
) -> Result<Response, PageError> {
    let today = local_day(now());
    let (period, problem) = app.read(move |store| chosen(store, &query, today)).await??;
    let said = match also.done.as_str() {
        "saved" => "Đã lưu lời văn.",
        "again" => "Đã lấy lời văn kỳ trước vào những mục còn trống; hãy đọc lại và sửa cho đúng kỳ này.",
        _ => "",
    };
    written(&app, &viewer, (period, problem), None, said, None).await
}

async fn written(
    app: &App,
    viewer: &Viewer,
    (period, wrong_period): (Period, Option<String>),
    typed: Option<Words>,
    said: &'static str,
    problem: Option<String>,
) -> Result<Response, PageError> {
    let (snapshot, kept, earlier) = app
        .read(move |store| -> Result<_, ReportError> {
            let (snapshot, kept) = (narrative::snapshot(store, period)?, narrative::typed(store, period)?);
            Ok((snapshot, kept, narrative::earlier(store, period)?))
        })
        .await??;
    let today = local_day(now());
    let words = typed.unwrap_or_else(|| snapshot.words.clone());
    let offered = earlier.as_ref().map(|(_, words)| words.clone()).unwrap_or_default();
    let (missing, differences) = (snapshot.narrative.missing(&words), snapshot.narrative.differences());
    let name = snapshot.narrative.name.clone();
    let parts = plan().iter().zip(snapshot.narrative.parts).map(|(part, filled)| {
        let (text, before) = (words.part(&part.id).to_owned(), offered.part(&part.id).to_owned());
        PartView { part, grids: filled.grids, earlier: if before == text { String::new() } else { before }, text }
    });
    show(&NarrativePage {
        frame: Frame::of(viewer, Section::Reports),
        period: PeriodView::new("/reports/narrative", period, wrong_period, today),
        lines: lines(&words, &name),
        recipients: words.recipients.clone(),
        parts: parts.collect(),
        basis: snapshot.narrative.basis,
        missing,
        differences,
        findings: snapshot.findings.len(),
        kept: kept
            .map(|(_, kept)| format!("{} ({})", people_time(&kept.saved_at.to_rfc3339()), kept.saved_by))
            .unwrap_or_default(),
        earlier: earlier.map(|(period, _)| period_words(period)).unwrap_or_default(),
        may_write: viewer.may(Right::Decide),
        over: period.to < today,
        longest: LONGEST_TEXT,
        said,
        problem,
    })
}

fn lines(words: &Words, name: &str) -> Vec<Line> {
    let line = |name, label, value: &String, usual: &str| Line { name, label, value: value.clone(), usual: usual.to_owned() };
    vec![
        line("superior", "Cơ quan cấp trên (nếu ghi)", &words.superior, ""),
        line("issuer", "Cơ quan báo cáo", &words.issuer, &format!("Ủy ban nhân dân {name}")),
        line("number", "Số, ký hiệu", &words.number, "12/BC-UBND"),
        line("place", "Nơi ký", &words.place, ""),
        line("day", "Ngày ký", &words.day, "ngày 05 tháng 6 năm 2026"),
        line("subject", "Về việc", &words.subject, "Kết quả thực hiện công tác cải cách hành chính"),
        line("capacity", "Ký thay mặt", &words.capacity, "TM. ỦY BAN NHÂN DÂN"),
        line("role", "Chức vụ", &words.role, "CHỦ TỊCH"),
        line("signer", "Người ký", &words.signer, ""),
    ]
}

/// Keeps what was typed; files it when that was asked for.
pub async fn save(
    viewer: DecidingViewer,
    State(app): State<App>,
    form: Result<Form<BTreeMap<String, String>>, FormRejection>,
) -> Result<Response, PageError> {
    let wrong = |words: String| Problem::new(StatusCode::BAD_REQUEST, "form", "Chưa lưu báo cáo", words);
    let Form(typed) = form.map_err(|_| wrong("Hãy mở lại trang báo cáo và viết lại.".to_owned()))?;
    let of = |name: &str| typed.get(name).cloned().unwrap_or_default();
    let query = PeriodQuery { from: of("from"), to: of("to"), unit: String::new() };
    let period = query.period().map_err(wrong)?.ok_or_else(|| wrong("Hãy chọn kỳ.".to_owned()))?;
    let (act, typed) = (of("act"), Words::read(&typed));
    if let Some(problem) = typed.problem() {
        let page = written(&app, &viewer, (period, None), Some(typed), "", Some(problem)).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    let (by, at, doing, who) = (viewer.name.clone(), now(), act.clone(), viewer.by());
    let filed = app
        .write(move |store| -> Result<Option<i64>, FileError> {
            let earlier = if doing == "again" { narrative::earlier(store, period)? } else { None };
            let words = earlier.map_or(typed.clone(), |(_, earlier)| typed.or(&earlier));
            narrative::keep(store, period, &words, &by, at)?;
            if doing == "file" {
                super::reports::written(store, &who, |store| narrative::file(store, period, &by, at)).map(Some)
            } else {
                Ok(None)
            }
        })
        .await??;
    let back = match (filed, act.as_str()) {
        (Some(id), _) => format!("/reports/filed/{id}"),
        (None, "again") => format!("/reports/narrative?{}&done=again", query_of(period)),
        (None, _) => format!("/reports/narrative?{}&done=saved", query_of(period)),
    };
    Ok(Redirect::to(&back).into_response())
}

/// A file of the report as it is now.
pub async fn file(
    _: AllFigures,
    State(app): State<App>,
    Path(format): Path<String>,
    Query(query): Query<PeriodQuery>,
    Query(also): Query<Also>,
) -> Result<Response, PageError> {
    let format = format_of(&format)?;
    let wrong = |problem| Problem::new(StatusCode::BAD_REQUEST, "period", "Kỳ báo cáo không hợp lệ", problem);
    let period = query.period().map_err(wrong)?.unwrap_or_else(|| Period::year_to(local_day(now())));
    let (snapshot, dictionary) = app
        .read(move |store| -> Result<_, ReportError> { Ok((narrative::snapshot(store, period)?, narrative::dictionary(store)?)) })
        .await??;
    drawn(&snapshot, &dictionary, also.findings != "0", None, format).await
}

/// A file of a report as it was filed.
pub async fn filed(
    _: AllFigures,
    State(app): State<App>,
    Path((id, format)): Path<(i64, String)>,
    Query(also): Query<Also>,
) -> Result<Response, PageError> {
    let format = format_of(&format)?;
    let (filed, frozen, dictionary) = app
        .read(move |store| -> Result<_, FileError> {
            let filed = store.filed_find(id)?.filter(|filed| filed.form == report::FORM).ok_or(FileError::Unknown(id))?;
            let frozen = narrative::read(&filed)?;
            Ok((filed, frozen, narrative::dictionary(store)?))
        })
        .await??;
    drawn(&frozen.snapshot, &dictionary, also.findings != "0", Some(&kept(&filed)), format).await
}

/// What is printed at the end of a filed report.
pub fn kept(filed: &FiledForm) -> Kept {
    let words = format!("Bản chốt số {}, {}, {}.", filed.id, people_time(&filed.at.to_rfc3339()), filed.by);
    Kept { words, hash: blake3::Hash::from(filed.hash).to_hex().to_string() }
}

async fn drawn(
    snapshot: &Snapshot,
    dictionary: &Dictionary,
    with_findings: bool,
    kept: Option<&Kept>,
    format: Format,
) -> Result<Response, PageError> {
    let narrative = &snapshot.narrative;
    let name = format!("bao_cao_cchc_{}_{}_{}", narrative.unit, narrative.from, narrative.to);
    files::drawn(format, &report::document(snapshot, dictionary, with_findings, kept), &name).await
}

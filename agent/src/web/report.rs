//! The page of report II.06 for this office.
//!
//! Promise: the figures are those of the command line and the API; what they rest on stands under them.
//! Start at [`ii06`].

use askama::Template;
use axum::extract::{Form, Query, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Redirect, Response};
use motcua_shared::access::Right;
use motcua_shared::calendar::local_day;
use motcua_shared::catalogue::field_name;
use motcua_shared::office::{Filed, ReachedHead, ReportFiled};
use motcua_shared::period::Period;
use motcua_shared::report::{Columns, Ii06};
use motcua_shared::ruleset::ClassificationRule;
use motcua_shared::text::number;
use motcua_shared::typed;
use serde::Deserialize;

use super::fault::HttpError;
use super::viewer::{LeaderViewer, Viewer};
use super::{App, Frame, api, html};
use crate::office::now;
use crate::words;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    from: String,
    to: String,
}

/// A row as it is shown.
struct Line {
    name: String,
    cells: Vec<String>,
}

/// What the figures rest on, in words.
struct Basis {
    rules: &'static str,
    classification: &'static str,
    complete_to: String,
    entries: String,
    pending: String,
}

#[derive(Template)]
#[template(path = "ii06.html")]
struct ReportPage {
    frame: Option<Frame>,
    nav: &'static str,
    period: Period,
    /// Of the period, or that it has none.
    name: String,
    problem: String,
    periods: Vec<Period>,
    lines: Vec<Line>,
    total: Vec<String>,
    basis: Basis,
    /// Filings of this form and period, the newest first.
    filed: Vec<FiledLine>,
    may_file: bool,
}

/// A report as it was filed, and whether the figures are still the same.
struct FiledLine {
    revision: u32,
    at: String,
    author: String,
    hash: String,
    same: bool,
}

/// The period asked for; nothing asked is this report year.
fn period(asked: &Asked) -> Result<Period, String> {
    if asked.from.is_empty() && asked.to.is_empty() {
        return Ok(Period::year(Period::year_of(local_day(now()))));
    }
    match (typed::day(&asked.from), typed::day(&asked.to)) {
        (Some(from), Some(to)) => Period::new(from, to).map_err(|backwards| backwards.to_string()),
        (None, _) => Err("Ngày bắt đầu chưa đúng; cần dạng 15/12/2025.".to_owned()),
        (_, None) => Err("Ngày kết thúc chưa đúng; cần dạng 14/12/2026.".to_owned()),
    }
}

/// The form on a page. An unreadable period shows this year's report and says so.
pub async fn ii06(viewer: Viewer, State(app): State<App>, Query(asked): Query<Asked>) -> Result<Response, HttpError> {
    let today = local_day(now());
    let (problem, period) = match period(&asked) {
        Ok(period) => (String::new(), period),
        Err(problem) => (problem, Period::year(Period::year_of(today))),
    };
    let status = if problem.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let may_file = viewer.may(Right::Answer);
    let (report, frame, filed) =
        app.read(move |store, _| Ok((api::ii06(store, period)?, Frame::read(store, &viewer)?, store.filed_reports()?))).await?;
    let page = ReportPage {
        frame,
        nav: "ii06",
        period,
        name: period.name().unwrap_or_else(|| "không phải kỳ báo cáo chuẩn".to_owned()),
        problem,
        periods: Period::standard(today),
        lines: report.rows.iter().map(|row| line(field_name(&row.field), &row.columns)).collect(),
        total: line("", &report.total).cells,
        basis: basis(&report),
        filed: filed_lines(filed, &report),
        may_file,
    };
    Ok((status, html(&page)?).into_response())
}

fn filed_lines(mut filed: Vec<Filed>, report: &Ii06) -> Vec<FiledLine> {
    filed.retain(|filed| {
        (filed.report.form.as_str(), filed.report.from, filed.report.to) == (report.form, report.from, report.to)
    });
    filed.reverse();
    let line = |filed: Filed| FiledLine {
        revision: filed.report.revision,
        at: words::shown_time(&filed.recorded_at.to_rfc3339()),
        author: filed.author,
        hash: filed.report.hash.to_string()[..12].to_owned(),
        same: (&filed.report.rows, &filed.report.total) == (&report.rows, &report.total),
    };
    filed.into_iter().map(line).collect()
}

/// Files the form as it is now: frozen, with the law and the log that it rests on. Filed again, it is a correction.
pub async fn ii06_file(
    viewer: LeaderViewer,
    State(app): State<App>,
    Form(asked): Form<Asked>,
) -> Result<impl IntoResponse, HttpError> {
    let period = period(&asked).map_err(|problem| HttpError::parameter(problem, "Hãy chọn lại kỳ báo cáo."))?;
    app.write(&viewer, move |store, pen| {
        let report = api::ii06(store, period)?;
        let (stream, head) = (store.office()?.stream, store.head()?);
        let filing = ReportFiled {
            form: report.form.to_owned(),
            from: report.from,
            to: report.to,
            revision: 0,
            ruleset: report.ruleset.id.to_owned(),
            heads: vec![ReachedHead { stream, seq: head.seq, hash: head.hash }],
            rows: report.rows,
            total: report.total,
            hash: head.hash,
        };
        store.report_file(filing, pen)
    })
    .await?;
    Ok(Redirect::to(&format!("/reports/ii06?from={}&to={}#filed", period.from, period.to)))
}

fn line(name: &str, columns: &Columns) -> Line {
    Line { name: name.to_owned(), cells: columns.cells().into_iter().map(number).collect() }
}

fn basis(report: &Ii06) -> Basis {
    let office = report.coverage.units.first();
    let complete_to = office.and_then(|office| office.complete_to.as_deref());
    Basis {
        rules: report.ruleset.basis,
        classification: match report.ruleset.classification_rule {
            ClassificationRule::UnitOfLimit => {
                "thời hạn tính bằng ngày thì so ngày; thời hạn trong ngày hoặc tính bằng giờ thì so giờ"
            }
            ClassificationRule::Date => "so ngày",
            ClassificationRule::Timestamp => "so giờ, phút",
        },
        complete_to: complete_to.map_or_else(|| "chưa có gì".to_owned(), words::shown_time),
        entries: number(office.map_or(0, |office| office.entries)),
        pending: number(office.map_or(0, |office| office.pending)),
    }
}

/// The form as a file for Excel.
pub async fn ii06_csv(_: Viewer, State(app): State<App>, Query(asked): Query<Asked>) -> Result<impl IntoResponse, HttpError> {
    let period = period(&asked).map_err(|problem| HttpError::parameter(problem, "Hãy chọn lại kỳ báo cáo."))?;
    let report = app.read(move |store, _| api::ii06(store, period)).await?;
    let name = format!("attachment; filename=\"II06_{}_{}_{}.csv\"", report.unit, period.from, period.to);
    Ok(([(CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (CONTENT_DISPOSITION, name)], report.to_csv()))
}

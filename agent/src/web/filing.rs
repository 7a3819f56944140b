//! Form II.06 as this office files it: frozen with the heads of its log, and held against what the log says now.
//!
//! Promise: what was filed never changes; what is recorded later is a difference, cell by cell, and another filing beside
//! it. Nothing is filed of a period that is not over, nor twice the same. Start at [`file`] and [`filings`].

use axum::Form as Typed;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Redirect;
use motcua_shared::calendar::local_day;
use motcua_shared::catalogue::field_name;
use motcua_shared::period::Period;
use motcua_shared::report::{Difference, FORM, Ii06, differences};
use motcua_shared::text::number;
use motcua_shared::typed;
use serde::Deserialize;

use super::fault::HttpError;
use super::report::COLUMN_NAMES;
use super::viewer::LeaderViewer;
use super::{App, api};
use crate::office::now;
use crate::store::{self, Store};
use crate::words;

/// A report of the period that was filed.
pub(super) struct Filing {
    pub revision: u32,
    pub at: String,
    pub author: String,
    /// The beginning of its hash, to be compared by eye.
    pub hash: String,
    /// What is another now; empty when nothing is.
    pub differences: Vec<String>,
}

/// What was filed of a period, the newest first, and why nothing can be filed now; empty when something can.
pub(super) fn filings(store: &Store, period: Period, report: &Ii06) -> store::Result<(Vec<Filing>, String)> {
    let filed = store.filed_reports()?;
    let own = |filed: &&motcua_shared::office::Filed| {
        let report = &filed.report;
        report.form == FORM && (report.from, report.to) == (period.from, period.to)
    };
    let shown: Vec<Filing> = filed
        .iter()
        .filter(own)
        .rev()
        .map(|filed| Filing {
            revision: filed.report.revision,
            at: words::time(filed.recorded_at),
            author: words::author_name(&filed.author).to_owned(),
            hash: filed.report.hash.to_string().chars().take(12).collect(),
            differences: differences((&filed.report.rows, &filed.report.total), (&report.rows, &report.total))
                .iter()
                .map(said)
                .collect(),
        })
        .collect();
    let refused = if period.to >= local_day(now()) {
        format!(
            "Kỳ này kết thúc ngày {}, chưa hết kỳ nên chưa chốt được; hãy chốt từ ngày hôm sau.",
            period.to.format("%d/%m/%Y")
        )
    } else if shown.first().is_some_and(|newest| newest.differences.is_empty()) {
        "Số liệu hiện nay khớp với lần chốt mới nhất; không có gì để chốt thêm.".to_owned()
    } else {
        String::new()
    };
    Ok((shown, refused))
}

fn said(difference: &Difference) -> String {
    let field = if difference.field.is_empty() { "Tổng cộng" } else { field_name(&difference.field) };
    let column = COLUMN_NAMES.get(difference.column.saturating_sub(3)).copied().unwrap_or_default();
    format!(
        "{field}, cột {} ({}): đã chốt {}, nay {}",
        difference.column,
        column.to_lowercase(),
        number(difference.filed),
        number(difference.now)
    )
}

/// The period that is filed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    from: String,
    to: String,
}

/// Files form II.06 of a period as it stands.
pub async fn file(viewer: LeaderViewer, State(app): State<App>, Typed(asked): Typed<Asked>) -> Result<Redirect, HttpError> {
    let wrong = || HttpError::parameter("Kỳ báo cáo chưa đúng.", "Hãy mở lại trang Số liệu và chọn kỳ.");
    let (from, to) = typed::day(&asked.from).zip(typed::day(&asked.to)).ok_or_else(wrong)?;
    let period = Period::new(from, to).map_err(|_| wrong())?;
    let refused = app
        .write(&viewer, move |store, pen| {
            let report = api::ii06(store, period)?;
            let (_, refused) = filings(store, period, &report)?;
            if refused.is_empty() {
                store.report_file(api::frozen(store, FORM, period)?, pen)?;
            }
            Ok(refused)
        })
        .await?;
    if refused.is_empty() {
        return Ok(Redirect::to(&format!("/reports/ii06?from={from}&to={to}&filed=yes#filed")));
    }
    Err(HttpError::new(StatusCode::CONFLICT, refused, "Chưa chốt gì.", "Hãy quay lại trang Số liệu."))
}

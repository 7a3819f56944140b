//! Lists and reports as files: workbooks, paper, word processors.
//!
//! Promise: the same figures as on the page; a press that is absent is told in words. Start at [`answer`].

use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use motcua_print::{Format, Press, PrintError};
use motcua_shared::calendar::local_day;
use motcua_shared::document::Document;
use motcua_shared::listing::Listing;
use motcua_shared::period::Period;
use motcua_shared::report::{self, Ii06};

use super::pages::PageError;
use super::period::PeriodQuery;
use super::viewer::FiguresOf;
use super::{App, Problem, now};
use crate::rollup;

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// A file of a list, in the format that its address names.
pub async fn answer(listing: &Listing, format: &str, name: &str) -> Result<Response, PageError> {
    match format {
        "xlsx" => {
            let bytes = listing.to_xlsx(local_day(now())).map_err(|error| Problem::ours(&error))?;
            Ok(file(&format!("{name}.xlsx"), XLSX, bytes))
        }
        "pdf" => drawn(Format::Pdf, &listing.document(), name).await,
        _ => Err(Problem::not_found().into()),
    }
}

/// A document as a file, by the press.
pub async fn drawn(format: Format, document: &Document, name: &str) -> Result<Response, PageError> {
    let printed = Press::here().print(format, document).await?;
    Ok(file(&format!("{name}.{}", format.extension()), format.media(), printed.bytes))
}

fn file(name: &str, media: &str, bytes: Vec<u8>) -> Response {
    let name: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')).collect();
    let fixed =
        [(header::CONTENT_TYPE, media.to_owned()), (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""))];
    (fixed, bytes).into_response()
}

/// What a document becomes, by the end of its address.
pub fn format_of(name: &str) -> Result<Format, PageError> {
    match name {
        "docx" => Ok(Format::Docx),
        "pdf" => Ok(Format::Pdf),
        _ => Err(Problem::not_found().into()),
    }
}

/// Form II.06 as it is filed: of a unit, or of the node with a sheet for each unit.
pub async fn ii06(
    viewer: FiguresOf,
    State(app): State<App>,
    Path(format): Path<String>,
    Query(query): Query<PeriodQuery>,
) -> Result<Response, PageError> {
    let wrong = |problem| Problem::new(StatusCode::BAD_REQUEST, "period", "Kỳ báo cáo không hợp lệ", problem);
    let period = query.period().map_err(wrong)?.unwrap_or_else(|| Period::year_to(local_day(now())));
    let unit = viewer.unit.clone();
    let named = app.read(move |store| rollup::ii06_named(store, unit.as_deref(), period)).await??;
    let named: Vec<(String, &Ii06)> = named.iter().map(|(name, report)| (name.clone(), report)).collect();
    let of = named.first().map(|(_, report)| report.unit.clone()).unwrap_or_default();
    let name = format!("II06-{of}-{}-{}", period.from, period.to);
    if format == "xlsx" {
        let bytes = report::workbook(&named).map_err(|error| Problem::ours(&error))?;
        return Ok(file(&format!("{name}.xlsx"), XLSX, bytes));
    }
    drawn(format_of(&format)?, &report::document(&named), &name).await
}

impl From<PrintError> for Problem {
    fn from(error: PrintError) -> Problem {
        tracing::warn!("{error}");
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "press", "Chưa làm được tệp", format!("{error}."))
    }
}

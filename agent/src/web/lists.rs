//! The lists of the office as files: what stands on a page, as a workbook, on paper, or as CSV.
//!
//! Promise: the same dossiers and words as on the page, and all of them, not one page of them. Start at [`answer`].

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use motcua_print::{Format, Press};
use motcua_shared::calendar::local_day;
use motcua_shared::catalogue::field_name;
use motcua_shared::indicator::Hundredths;
use motcua_shared::listing::{Chart, Head, Item, Listing, Part};
use motcua_shared::report::{self, Column};
use motcua_shared::text::number;

use super::fault::HttpError;
use super::report::{Asked as AskedPeriod, COLUMN_NAMES, Chosen};
use super::today::{self, Line};
use super::viewer::Viewer;
use super::{App, api, books, find};
use crate::office::now;
use crate::store::{self, Store};
use crate::words;

/// Most lines of a list in one file.
const MOST: u32 = 5_000;

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// A file of a list, in the format that its address names.
pub async fn answer(listing: &Listing, format: &str, name: &str) -> Result<Response, HttpError> {
    let too_large = |error: &dyn std::fmt::Display| {
        HttpError::parameter(format!("Danh sách quá lớn cho tệp Excel ({error})."), "Hãy thu hẹp điều kiện, hoặc dùng tệp CSV.")
    };
    let lines: usize = listing.parts.iter().map(|part| part.rows.len()).sum();
    if format == "pdf" && lines > MOST as usize {
        let most = number(i64::from(MOST));
        return Err(HttpError::parameter(
            format!("Danh sách có {} dòng; bản in tối đa {most} dòng.", number(i64::try_from(lines).unwrap_or(i64::MAX))),
            "Hãy thu hẹp điều kiện, hoặc dùng tệp Excel.",
        ));
    }
    let (media, bytes) = match format {
        "csv" => ("text/csv; charset=utf-8", listing.to_csv().into_bytes()),
        "xlsx" => (XLSX, listing.to_xlsx(local_day(now())).map_err(|error| too_large(&error))?),
        "pdf" => (Format::Pdf.media(), Press::here().print(Format::Pdf, &listing.document()).await?.bytes),
        _ => return Err(HttpError::of_status(StatusCode::NOT_FOUND)),
    };
    Ok(file(&format!("{name}.{format}"), media, bytes))
}

/// A file that a browser keeps under a name of plain letters.
pub fn file(name: &str, media: &str, bytes: Vec<u8>) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    ([(CONTENT_TYPE, media.to_owned()), (CONTENT_DISPOSITION, disposition)], bytes).into_response()
}

const DESK_HEADS: [(&str, u16); 6] =
    [("Mã hồ sơ", 8), ("Thủ tục", 14), ("Người nộp", 9), ("Hẹn trả", 8), ("Ai đang giữ", 9), ("Tình trạng", 8)];

fn heads(names: &[(&str, u16)]) -> Vec<Head> {
    std::iter::once(("STT", 2)).chain(names.iter().copied()).map(|(name, width)| Head::of(name, width)).collect()
}

/// Cells behind their number.
fn numbered(rows: impl IntoIterator<Item = Vec<Item>>) -> Vec<Vec<Item>> {
    (1..).zip(rows).map(|(place, row)| std::iter::once(Item::Whole(place)).chain(row).collect()).collect()
}

fn desk_row(line: Line) -> Vec<Item> {
    let due = if line.due.is_empty() { line.due_words.text } else { format!("{} ({})", line.due, line.due_words.text) };
    vec![line.code.into(), line.procedure.into(), line.applicant.into(), due.into(), line.holder.into(), line.state.into()]
}

fn listing(store: &Store, title: String, parts: Vec<Part>) -> store::Result<Listing> {
    let notes = vec![format!("In lúc {}", words::time(now()))];
    Ok(Listing { title, issuer: store.office()?.name, notes, chart: None, parts })
}

/// One list of the day's page.
pub async fn desk(
    _: Viewer,
    State(app): State<App>,
    Path(format): Path<String>,
    Query(asked): Query<today::Asked>,
) -> Result<Response, HttpError> {
    let (list, code, name) = today::named(&asked)?;
    let made = app
        .read(move |store, key| {
            let at = now();
            let lines = today::lines(store, key, store.desk_list(list, at, MOST, 0)?, at)?;
            let part = Part { heads: heads(&DESK_HEADS), rows: numbered(lines.into_iter().map(desk_row)), ..Part::default() };
            listing(store, format!("Danh sách hồ sơ: {name}"), vec![part])
        })
        .await?;
    answer(&made, &format, &format!("ho_so_{code}")).await
}

/// What is overdue, and which apologies are to be sent.
pub async fn overdue(_: Viewer, State(app): State<App>, Path(format): Path<String>) -> Result<Response, HttpError> {
    let made = app
        .read(move |store, key| {
            let (overdue, apologies) = books::late(store, key, now())?;
            let part = |caption: &str, lines: Vec<Line>| Part {
                caption: caption.to_owned(),
                heads: heads(&DESK_HEADS),
                rows: numbered(lines.into_iter().map(desk_row)),
                total: None,
            };
            let parts = vec![part("Hồ sơ quá hạn", overdue), part("Cần xin lỗi và hẹn lại", apologies)];
            listing(store, format!("Hồ sơ quá hạn, tính đến {}", words::time(now())), parts)
        })
        .await?;
    answer(&made, &format, "qua_han").await
}

/// What was handed over on a day, with room to sign, and what still lies at the desk.
pub async fn handover(
    _: Viewer,
    State(app): State<App>,
    Path(format): Path<String>,
    Query(asked): Query<books::Asked>,
) -> Result<Response, HttpError> {
    let day = asked.day()?;
    let made = app
        .read(move |store, _| {
            let (handed, here) = books::handed(store, day)?;
            let handed = Part {
                caption: "Đã chuyển".to_owned(),
                heads: heads(&[
                    ("Mã hồ sơ", 9),
                    ("Thủ tục", 13),
                    ("Nơi nhận", 9),
                    ("Giao lúc", 7),
                    ("Hạn của bước", 7),
                    ("Nhận lại lúc", 7),
                    ("Người giao ký", 6),
                    ("Người nhận ký", 6),
                ]),
                rows: numbered(handed.into_iter().map(|line| {
                    let cells = [line.code, line.procedure, line.holder, line.at, line.due, line.back];
                    cells.map(Item::from).into_iter().chain([Item::Nothing, Item::Nothing]).collect()
                })),
                total: None,
            };
            let here = Part {
                caption: "Tiếp nhận trong ngày, chưa chuyển và chưa có kết quả".to_owned(),
                heads: heads(&[("Mã hồ sơ", 9), ("Thủ tục", 20), ("Tiếp nhận", 8), ("Hẹn trả", 8)]),
                rows: numbered(
                    here.into_iter().map(|line| [line.code, line.procedure, line.at, line.due].map(Item::from).into()),
                ),
                total: None,
            };
            listing(store, format!("Danh sách bàn giao hồ sơ ngày {}", day.format("%d/%m/%Y")), vec![handed, here])
        })
        .await?;
    answer(&made, &format, &format!("ban_giao_{day}")).await
}

/// What was searched for: on paper as on the page, to a spreadsheet with all that is known.
pub async fn found(
    _: Viewer,
    State(app): State<App>,
    Path(format): Path<String>,
    Query(asked): Query<find::Asked>,
) -> Result<Response, HttpError> {
    found_as(&app, &asked, &format).await
}

/// The same under the address that scripts know.
pub async fn found_csv(_: Viewer, State(app): State<App>, Query(asked): Query<find::Asked>) -> Result<Response, HttpError> {
    found_as(&app, &asked, "csv").await
}

async fn found_as(app: &App, asked: &find::Asked, format: &str) -> Result<Response, HttpError> {
    let part = find::part(app, asked, format == "pdf").await?;
    let made = app.read(move |store, _| listing(store, "Danh sách hồ sơ tìm được".to_owned(), vec![part])).await?;
    answer(&made, format, &format!("ho-so_{}", local_day(now()))).await
}

/// The figures of a period against the one before.
pub async fn figures(
    _: Viewer,
    State(app): State<App>,
    Path(format): Path<String>,
    Query(asked): Query<AskedPeriod>,
) -> Result<Response, HttpError> {
    let chosen = read_period(&asked)?;
    let period = chosen.period;
    let made = app
        .read(move |store, _| {
            let report = api::ii06(store, chosen.period)?;
            let cells =
                |columns: &report::Columns| Column::all().map(|column| Item::Whole(column.of(columns))).collect::<Vec<_>>();
            let row = |row: &report::Row| std::iter::once(field_name(&row.field).into()).chain(cells(&row.columns)).collect();
            let form = Part {
                caption: "Biểu II.06".to_owned(),
                heads: std::iter::once(Head::of("Lĩnh vực", 10)).chain(COLUMN_NAMES.map(|name| Head::of(name, 6))).collect(),
                rows: report.rows.iter().map(row).collect(),
                total: Some(std::iter::once("Tổng cộng".into()).chain(cells(&report.total)).collect()),
            };
            let named = Part {
                caption: "Các chỉ tiêu tính từ hồ sơ".to_owned(),
                heads: vec![
                    Head::of("Chỉ tiêu", 12),
                    Head::of(chosen.name.as_str(), 6),
                    Head::of(chosen.previous_name.as_str(), 6),
                    Head::of("Cách tính", 16),
                ],
                rows: super::report::named_items(store, &chosen)?,
                total: None,
            };
            let value = |number: i64| Hundredths(number * 100);
            let chart = Chart {
                title: "Tiếp nhận và giải quyết theo lĩnh vực".to_owned(),
                labels: report.rows.iter().map(|row| field_name(&row.field).to_owned()).collect(),
                series: vec![
                    ("nhận giải quyết".to_owned(), report.rows.iter().map(|row| value(row.columns.received.total)).collect()),
                    ("đã giải quyết".to_owned(), report.rows.iter().map(|row| value(row.columns.resolved.total)).collect()),
                ],
            };
            let title = format!("Số liệu {} ({})", chosen.period.days(), chosen.name);
            Ok(Listing { chart: Some(chart), ..listing(store, title, vec![form, named])? })
        })
        .await?;
    answer(&made, &format, &format!("so_lieu_{}_{}", period.from, period.to)).await
}

fn read_period(asked: &AskedPeriod) -> Result<Chosen, HttpError> {
    let chosen = Chosen::read(asked);
    if chosen.is_read() {
        Ok(chosen)
    } else {
        Err(HttpError::parameter("Kỳ báo cáo chưa đúng.", "Hãy chọn lại kỳ báo cáo."))
    }
}

/// Form II.06 as it is filed: a workbook with its formulas, or for paper and word processors.
pub async fn ii06(
    _: Viewer,
    State(app): State<App>,
    Path(format): Path<String>,
    Query(asked): Query<AskedPeriod>,
) -> Result<Response, HttpError> {
    let period = read_period(&asked)?.period;
    let (name, report) = app.read(move |store, _| Ok((store.office()?.name, api::ii06(store, period)?))).await?;
    let named = [(name, &report)];
    let drawn = match format.as_str() {
        "xlsx" => {
            let bytes = report::workbook(&named).map_err(|_| HttpError::of_status(StatusCode::INTERNAL_SERVER_ERROR))?;
            return Ok(file(&format!("II06_{}_{}_{}.xlsx", report.unit, period.from, period.to), XLSX, bytes));
        }
        "docx" => Format::Docx,
        "pdf" => Format::Pdf,
        _ => return Err(HttpError::of_status(StatusCode::NOT_FOUND)),
    };
    let printed = Press::here().print(drawn, &report::document(&named)).await?;
    let name = format!("II06_{}_{}_{}.{}", report.unit, period.from, period.to, drawn.extension());
    Ok(file(&name, drawn.media(), printed.bytes))
}

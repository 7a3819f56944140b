//! The figures of this office: form II.06 and the named figures of a period against the one before, and the dossiers
//! behind each number.
//!
//! Promise: the figures are those of the command line and the API; what they rest on stands under them; a list behind a
//! number has as many dossiers as the number says. Start at [`ii06`] and [`behind`].

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{Html, IntoResponse, Response};
use motcua_shared::access::Right;
use motcua_shared::calendar::local_day;
use motcua_shared::catalogue::field_name;
use motcua_shared::indicator::{self, Hundredths, Sums};
use motcua_shared::listing::Item;
use motcua_shared::period::Period;
use motcua_shared::report::{Column, Columns, Ii06};
use motcua_shared::ruleset::ClassificationRule;
use motcua_shared::satisfaction::{Officer, Satisfaction, Scale, officer_grade_name, tenths_words, unit_grade_name};
use motcua_shared::text::number;
use motcua_shared::typed;
use serde::Deserialize;

use super::fault::HttpError;
use super::filing::{Filing, filings};
use super::viewer::Viewer;
use super::{App, Frame, api, html};
use crate::office::now;
use crate::store::{self, Store};
use crate::words;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    from: String,
    to: String,
    /// A period of the rule, in place of days.
    kind: String,
    year: String,
    field: String,
    column: String,
    page: String,
    /// The report was just filed.
    filed: String,
}

impl Asked {
    /// For days, as a form carries them.
    pub(super) fn days(from: &str, to: &str) -> Asked {
        Asked { from: from.to_owned(), to: to.to_owned(), ..Asked::default() }
    }
}

/// A figure with the one of the period before, and where the dossiers behind it are listed.
struct Figure {
    value: String,
    before: String,
    address: String,
}

/// A row as it is shown.
struct Line {
    name: String,
    cells: Vec<Figure>,
}

/// A named figure.
struct Named {
    name: &'static str,
    note: &'static str,
    value: String,
    before: String,
}

/// What the figures rest on, in words.
struct Basis {
    rules: &'static str,
    classification: &'static str,
    complete_to: String,
    entries: String,
    pending: String,
    /// What the columns do not tell apart; empty when there is nothing.
    besides: String,
}

/// The period that is shown, and how to choose another.
pub(super) struct Chosen {
    pub(super) period: Period,
    /// Of the period, or that it has none.
    pub(super) name: String,
    /// Figures of other offices and times can be set beside it.
    pub(super) comparable: bool,
    pub(super) previous: Period,
    pub(super) previous_name: String,
    /// Code, name, whether it is this one.
    pub(super) kinds: Vec<(String, String, bool)>,
    pub(super) year: i32,
    pub(super) problem: String,
}

#[derive(Template)]
#[template(path = "ii06.html")]
struct ReportPage {
    frame: Option<Frame>,
    nav: &'static str,
    chosen: Chosen,
    action: &'static str,
    periods: Vec<Period>,
    lines: Vec<Line>,
    total: Vec<Figure>,
    named: Vec<Named>,
    judged: Judged,
    basis: Basis,
    filings: Vec<Filing>,
    /// Why nothing can be filed; empty when something can.
    not_filed: String,
    may_file: bool,
    filed_now: bool,
}

/// What the people thought, in words.
struct Judged {
    forms: String,
    resolved: String,
    /// Question, points, how many answered and did not.
    lines: Vec<(&'static str, String, String, String)>,
    /// Sum and rank; empty without any form.
    total: String,
    scale: String,
    /// Account, forms, sum, standing: for whoever sees everybody's workload.
    officers: Vec<(String, String, String, &'static str)>,
}

/// The period asked for; nothing asked is this report year.
fn period(asked: &Asked) -> Result<Period, String> {
    if !asked.kind.is_empty() {
        let year = asked.year.parse().ok();
        let unknown = || "Kỳ báo cáo chưa đúng; hãy chọn lại kỳ và năm.".to_owned();
        return year.and_then(|year| Period::of_kind(&asked.kind, year)).ok_or_else(unknown);
    }
    if asked.from.is_empty() && asked.to.is_empty() {
        return Ok(Period::year(Period::year_of(local_day(now()))));
    }
    match (typed::day(&asked.from), typed::day(&asked.to)) {
        (Some(from), Some(to)) => Period::new(from, to).map_err(|backwards| backwards.to_string()),
        (None, _) => Err("Ngày bắt đầu chưa đúng; cần dạng 15/12/2025.".to_owned()),
        (_, None) => Err("Ngày kết thúc chưa đúng; cần dạng 14/12/2026.".to_owned()),
    }
}

impl Chosen {
    /// An unreadable period is this year's, and says so.
    pub(super) fn read(asked: &Asked) -> Chosen {
        let (problem, period) = match period(asked) {
            Ok(period) => (String::new(), period),
            Err(problem) => (problem, Period::year(Period::year_of(local_day(now())))),
        };
        let (kind, previous) = (period.kind(), period.previous());
        let days = |period: &Period| format!("{}–{}", period.from.format("%d/%m/%Y"), period.to.format("%d/%m/%Y"));
        Chosen {
            name: period.name().unwrap_or_else(|| "không phải kỳ báo cáo chuẩn".to_owned()),
            comparable: period.name().is_some(),
            previous_name: previous.name().unwrap_or_else(|| days(&previous)),
            previous,
            kinds: Period::kinds().map(|(code, name)| (code.clone(), name, kind.as_ref() == Some(&code))).collect(),
            year: Period::year_of(period.to),
            period,
            problem,
        }
    }

    /// What was asked for was understood.
    pub(super) fn is_read(&self) -> bool {
        self.problem.is_empty()
    }

    pub(super) fn status(&self) -> StatusCode {
        if self.problem.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST }
    }

    /// For the address of another page.
    pub(super) fn query(&self) -> String {
        format!("from={}&to={}", self.period.from, self.period.to)
    }
}

/// The form on a page, against the period before.
pub async fn ii06(viewer: Viewer, State(app): State<App>, Query(asked): Query<Asked>) -> Result<Response, HttpError> {
    let chosen = Chosen::read(&asked);
    let (status, filed_now) = (chosen.status(), !asked.filed.is_empty());
    let page = app
        .read(move |store, _| {
            let (report, before) = (api::ii06(store, chosen.period)?, api::ii06(store, chosen.previous)?);
            let of_field = |field: &str| before.rows.iter().find(|row| row.field == field).map(|row| row.columns);
            let lines = report.rows.iter().map(|row| Line {
                name: field_name(&row.field).to_owned(),
                cells: figures(&chosen, &row.field, &row.columns, &of_field(&row.field).unwrap_or_default()),
            });
            let (filings, not_filed) = filings(store, chosen.period, &report)?;
            Ok(ReportPage {
                judged: judged(store, chosen.period, viewer.may(Right::Workload))?,
                filings,
                not_filed,
                may_file: viewer.may(Right::Answer),
                filed_now,
                frame: Frame::read(store, &viewer)?,
                nav: "ii06",
                action: "/reports/ii06",
                periods: Period::standard(local_day(now())),
                lines: lines.collect(),
                total: figures(&chosen, "", &report.total, &before.total),
                named: named(store, &chosen)?,
                basis: basis(&report),
                chosen,
            })
        })
        .await?;
    Ok((status, html(&page)?).into_response())
}

fn figures(chosen: &Chosen, field: &str, columns: &Columns, before: &Columns) -> Vec<Figure> {
    let figure = |column: Column| Figure {
        value: number(column.of(columns)),
        before: number(column.of(before)),
        address: if column.of(columns) == 0 {
            String::new()
        } else {
            format!("/reports/ii06/behind?{}&field={field}&column={}", chosen.query(), column.number())
        },
    };
    Column::all().map(figure).collect()
}

/// A named figure, in the period and in the one before.
type Valued = (&'static indicator::Indicator, [Option<Hundredths>; 2]);

/// Every named figure that dossiers give.
fn valued(store: &Store, chosen: &Chosen) -> store::Result<Vec<Valued>> {
    let calendar = &store.tables()?.calendar;
    let sums = |period: Period| -> store::Result<(Sums, u32)> {
        let mut sums = Sums::default();
        for field in store.sums(period.from, period.to)? {
            sums.add(&Sums { before: field.before, within: field.within });
        }
        let day_before = period.from.pred_opt().unwrap_or(period.from);
        Ok((sums, calendar.working_days_between(day_before, period.to)))
    };
    let (this, before) = (sums(chosen.period)?, sums(chosen.previous)?);
    let value = |indicator: &indicator::Indicator, (sums, days): &(Sums, u32)| indicator.value(sums, *days).value;
    Ok(indicator::all().iter().map(|indicator| (indicator, [value(indicator, &this), value(indicator, &before)])).collect())
}

fn named(store: &Store, chosen: &Chosen) -> store::Result<Vec<Named>> {
    let each = valued(store, chosen)?.into_iter().map(|(indicator, values)| {
        let [value, before] =
            values.map(|value| value.map_or_else(|| "–".to_owned(), |value| format!("{value}{}", indicator.suffix())));
        Named { name: &indicator.name, note: &indicator.note, value, before }
    });
    Ok(each.collect())
}

/// The same as cells of a list: name, value, value before, how it is counted.
pub(super) fn named_items(store: &Store, chosen: &Chosen) -> store::Result<Vec<Vec<Item>>> {
    let row = |(indicator, values): Valued| {
        let [value, before] = values.map(|value| value.map_or(Item::Nothing, |value| Item::Part(value, indicator.suffix())));
        vec![indicator.name.as_str().into(), value, before, indicator.note.as_str().into()]
    };
    Ok(valued(store, chosen)?.into_iter().map(row).collect())
}

fn judged(store: &Store, period: Period, shows_officers: bool) -> store::Result<Judged> {
    let Satisfaction { forms, resolved, indices, missing, total, grade, scale, officers, .. } = store.satisfaction(period)?;
    let question = |number: usize| words::QUESTION_NAMES[number - 1];
    let count = |count: u32| number(i64::from(count));
    let given = indices.iter().map(|one| (one.question, tenths_words(one.index), count(one.answered), count(one.not_answered)));
    let without = missing.into_iter().map(|question| (question, "chưa có".to_owned(), "0".to_owned(), number(forms)));
    let mut lines: Vec<_> = given.chain(without).collect();
    lines.sort_by_key(|(question, ..)| *question);
    let standing = total.zip(grade).map(|(total, grade)| format!("{}, xếp loại {}", tenths_words(total), unit_grade_name(grade)));
    let officer = |one: Officer| {
        let total = one.total.map_or_else(|| "chưa có".to_owned(), tenths_words);
        (one.officer, number(i64::from(one.forms)), total, one.grade.map_or("", officer_grade_name))
    };
    let Scale { rated, not_good, normal, good, very_good } = scale;
    Ok(Judged {
        forms: number(forms),
        resolved: number(resolved),
        lines: lines.into_iter().map(|(asked, index, answered, not)| (question(asked), index, answered, not)).collect(),
        total: standing.unwrap_or_default(),
        scale: format!(
            "{} đánh giá: rất tốt {}, tốt {}, bình thường {}, không tốt {}",
            number(rated),
            number(very_good),
            number(good),
            number(normal),
            number(not_good)
        ),
        officers: officers.into_iter().filter(|_| shows_officers).map(officer).collect(),
    })
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
        besides: report.besides_words(),
    }
}

/// Dossiers on one page of a list.
const PAGE: usize = 100;
/// What the columns of the form count.
pub(super) const COLUMN_NAMES: [&str; 11] = [
    "Nhận giải quyết: tổng số",
    "Nhận giải quyết: trực tuyến",
    "Nhận giải quyết: trực tiếp, bưu chính",
    "Nhận giải quyết: từ kỳ trước",
    "Đã giải quyết: tổng số",
    "Đã giải quyết trước hạn",
    "Đã giải quyết đúng hạn",
    "Đã giải quyết quá hạn",
    "Đang giải quyết: tổng số",
    "Đang giải quyết trong hạn",
    "Đang giải quyết quá hạn",
];

struct Counted {
    code: String,
    procedure: String,
    received: String,
    due: String,
    finished: String,
    verdict: String,
    state: String,
}

#[derive(Template)]
#[template(path = "behind.html")]
struct BehindPage {
    frame: Option<Frame>,
    nav: &'static str,
    chosen: Chosen,
    what: &'static str,
    column: usize,
    field: String,
    field_name: String,
    total: String,
    rows: Vec<Counted>,
    page: u32,
    pages: u32,
}

/// The dossiers that a number counts.
pub async fn behind(viewer: Viewer, State(app): State<App>, Query(asked): Query<Asked>) -> Result<Html<String>, HttpError> {
    let wrong = || HttpError::parameter("Không có con số này trong biểu.", "Hãy bấm vào một con số của biểu II.06.");
    period(&asked).map_err(|problem| HttpError::parameter(problem, "Hãy chọn lại kỳ báo cáo."))?;
    let column = asked.column.parse().ok().and_then(Column::numbered).ok_or_else(wrong)?;
    let what = COLUMN_NAMES[column.number() - 3];
    let page = super::paging::page(&asked.page)?;
    let (chosen, field) = (Chosen::read(&asked), asked.field);
    let shown = app
        .read(move |store, _| {
            let wanted = (!field.is_empty()).then_some(field.as_str());
            let found = store.counted_behind(chosen.period, wanted, column)?;
            let total = i64::try_from(found.len()).unwrap_or(i64::MAX);
            let tables = store.tables()?;
            let skipped = PAGE * usize::try_from(page - 1).unwrap_or(0);
            let shown = |at: &Option<String>| at.as_deref().map(words::shown_time).unwrap_or_default();
            let rows = found.into_iter().skip(skipped).take(PAGE).map(|row| Counted {
                procedure: words::procedure_name(&tables.catalogue, &row.procedure).to_owned(),
                received: shown(&row.received_at),
                due: shown(&row.due_at),
                finished: shown(&row.finished_at),
                verdict: row.verdict.as_deref().map(words::verdict_name).unwrap_or_default().to_owned(),
                state: words::state_name(&row.state).to_owned(),
                code: row.code,
            });
            Ok(BehindPage {
                frame: Frame::read(store, &viewer)?,
                nav: "ii06",
                what,
                column: column.number(),
                field_name: if field.is_empty() { "tất cả lĩnh vực".to_owned() } else { field_name(&field).to_owned() },
                rows: rows.collect(),
                total: number(total),
                page,
                pages: super::paging::pages(total, u32::try_from(PAGE).unwrap_or(u32::MAX)),
                field,
                chosen,
            })
        })
        .await?;
    html(&shown)
}

/// The form as a file for Excel.
pub async fn ii06_csv(_: Viewer, State(app): State<App>, Query(asked): Query<Asked>) -> Result<impl IntoResponse, HttpError> {
    let period = period(&asked).map_err(|problem| HttpError::parameter(problem, "Hãy chọn lại kỳ báo cáo."))?;
    let report = app.read(move |store, _| api::ii06(store, period)).await?;
    let name = format!("attachment; filename=\"II06_{}_{}_{}.csv\"", report.unit, period.from, period.to);
    Ok(([(CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (CONTENT_DISPOSITION, name)], report.to_csv()))
}

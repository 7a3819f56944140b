//! Reports: form II.06, the same by procedure with the numbers behind it, and what was filed.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::NaiveDate;
use motcua_shared::access::node::Right;
use motcua_shared::calendar::{LocalTime, local_day};
use motcua_shared::catalogue::{Catalogue, field_name};
use motcua_shared::contribution::{Counter, Counters};
use motcua_shared::indicator::Hundredths;
use motcua_shared::period::Period;
use motcua_shared::report::{Columns, Ii06, OfficeCoverage};
use motcua_shared::text::number;
use motcua_shared::unit::Organisation;
use serde::Deserialize;

use super::csv::{self, Table};
use super::pages::{Frame, PageError, Section, coverage_words, node_name, show};
use super::period::{PeriodQuery, PeriodView, chosen, shown};
use super::viewer::{DecidingViewer, FiguresOf};
use super::{App, Problem, now, publication};
use crate::audit::{self, Act};
use crate::filed::{self, Drift, FileError, Filing};
use crate::output::people_time;
use crate::rollup::{self, ProcedureSums, ReportError};
use crate::store::{FiledForm, Store, StoreError};

/// Form II.06 as a table.
pub struct FormView {
    pub rows: Vec<FormRow>,
    pub total: Vec<String>,
    /// What the columns do not tell apart; empty when there is nothing.
    pub besides: String,
    pub basis: String,
    pub ruleset: String,
}

pub struct FormRow {
    pub place: usize,
    pub field: String,
    pub cells: Vec<String>,
}

fn cells(columns: &Columns) -> Vec<String> {
    columns.cells().map(number).to_vec()
}

impl FormView {
    pub fn new(report: &Ii06) -> FormView {
        let rows = (1..).zip(&report.rows).map(|(place, row)| FormRow {
            place,
            field: field_name(&row.field).to_owned(),
            cells: cells(&row.columns),
        });
        let (ruleset, basis) = (report.ruleset.id.to_owned(), report.ruleset.basis.to_owned());
        FormView { rows: rows.collect(), total: cells(&report.total), besides: report.besides_words(), basis, ruleset }
    }
}

#[derive(Template)]
#[template(path = "report.html")]
struct ReportPage {
    frame: Frame,
    name: String,
    unit: String,
    csv: String,
    period: PeriodView,
    form: FormView,
    complete: String,
    incomplete: bool,
    coverage: Vec<CoverageRow>,
    may_file: bool,
    over: bool,
}

struct CoverageRow {
    code: String,
    name: String,
    words: String,
}

fn coverage_row(office: &OfficeCoverage, units: &Organisation, day: NaiveDate) -> CoverageRow {
    let name = units.name(&units.resolve(&office.unit, day)).to_owned();
    CoverageRow { code: office.unit.clone(), name, words: coverage_words(office) }
}

/// What a unit is called at the end of a period, or the node where none was asked for.
pub fn name_of(store: &dyn Store, unit: Option<&str>, period: Period, at: LocalTime) -> Result<String, ReportError> {
    match rollup::key_of(store, unit, period.to)? {
        None => Ok(node_name(store, at)?),
        Some(key) => {
            let organisation = store.organisation()?;
            Ok(format!("{} ({})", organisation.name(&key), organisation.exact(&key)))
        }
    }
}

fn keeping_unit(unit: Option<&str>) -> Vec<(String, String)> {
    unit.map(|unit| ("unit".to_owned(), unit.to_owned())).into_iter().collect()
}

pub async fn ii06(viewer: FiguresOf, State(app): State<App>, Query(query): Query<PeriodQuery>) -> Result<Response, PageError> {
    let at = now();
    let today = local_day(at);
    let unit = viewer.unit.clone();
    let asked = unit.clone();
    let (name, (period, problem), report, units) = app
        .read(move |store| -> Result<_, ReportError> {
            let chosen = chosen(store, &query, today)?;
            let report = rollup::ii06(store, asked.as_deref(), chosen.0)?;
            Ok((name_of(store, asked.as_deref(), chosen.0, at)?, chosen, report, store.organisation()?))
        })
        .await??;
    let view = PeriodView::keeping("/reports/ii06", period, problem, today, keeping_unit(unit.as_deref()));
    let coverage = &report.coverage;
    show(&ReportPage {
        frame: Frame::of(&viewer, Section::Reports),
        name,
        csv: format!("/reports/ii06.csv?unit={}&{}", unit.as_deref().unwrap_or_default(), view.query),
        unit: unit.unwrap_or_default(),
        period: view,
        form: FormView::new(&report),
        incomplete: coverage.complete < coverage.offices,
        complete: format!("{} trên {} đơn vị đã gửi đủ những gì đã ghi.", number(coverage.complete), number(coverage.offices)),
        coverage: coverage.units.iter().map(|office| coverage_row(office, &units, period.to)).collect(),
        may_file: viewer.may(Right::Decide),
        over: period.to < today,
    })
}

pub async fn ii06_csv(
    viewer: FiguresOf,
    State(app): State<App>,
    Query(query): Query<PeriodQuery>,
    Query(public): Query<publication::Asked>,
) -> Result<Response, PageError> {
    let wrong = |problem| Problem::new(StatusCode::BAD_REQUEST, "period", "Kỳ báo cáo không hợp lệ", problem);
    let period = query.period().map_err(wrong)?.unwrap_or_else(|| Period::year_to(local_day(now())));
    let unit = viewer.unit.clone();
    if public.is_for_the_public() {
        return Ok(publication::ii06(&app, unit, period, true).await?);
    }
    let report = app.read(move |store| rollup::ii06(store, unit.as_deref(), period)).await??;
    Ok(csv::file(&format!("II06-{}-{}-{}", report.unit, report.from, report.to), report.to_csv()))
}

/// What stands behind a row of the form: channels, payment, digitisation, satisfaction.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Behind {
    pub field: String,
    /// Empty: the whole field; with an empty field, everything.
    pub procedure: String,
    pub name: String,
    #[serde(flatten)]
    pub columns: Columns,
    pub online: i64,
    pub online_by_official: i64,
    pub post: i64,
    pub components_any: i64,
    pub components_all: i64,
    pub result_digitised: i64,
    pub fully_digitised: i64,
    pub with_fee: i64,
    pub paid: i64,
    pub paid_online: i64,
    pub asked_for_more: i64,
    pub waiting: i64,
    pub extended: i64,
    pub without_result: i64,
    pub rated: [i64; 4],
    pub surveyed: i64,
    pub survey_points: i64,
    pub survey_answers: i64,
}

fn behind(field: &str, procedure: &str, name: String, before: &Counters, within: &Counters) -> Behind {
    let of = |counter| within.get(counter);
    let mut end = *before;
    end.add(within);
    Behind {
        field: field.to_owned(),
        procedure: procedure.to_owned(),
        name,
        columns: Columns::between(before, within),
        online: of(Counter::ReceivedOnline),
        online_by_official: of(Counter::OnlineByOfficial),
        post: of(Counter::ReceivedPost),
        components_any: of(Counter::ComponentsAny),
        components_all: of(Counter::ComponentsDigitised),
        result_digitised: of(Counter::ResultDigitised),
        fully_digitised: of(Counter::FullyDigitised),
        with_fee: of(Counter::WithFee),
        paid: of(Counter::Paid),
        paid_online: of(Counter::PaidOnline),
        asked_for_more: of(Counter::AskedForMore),
        waiting: end.waiting(),
        extended: of(Counter::Extended),
        without_result: of(Counter::ResolvedWithoutResult),
        rated: [Counter::RatedNotGood, Counter::RatedNormal, Counter::RatedGood, Counter::RatedVeryGood].map(of),
        surveyed: of(Counter::Surveyed),
        survey_points: of(Counter::SurveyPoints),
        survey_answers: of(Counter::SurveyAnswers),
    }
}

/// Every procedure in which something happened, after the whole of its field; everything together last.
pub fn by_procedure(sums: &[ProcedureSums], catalogue: &Catalogue) -> Vec<Behind> {
    let nothing = || (Counters::default(), Counters::default());
    let (mut fields, mut all) = (BTreeMap::new(), nothing());
    for row in sums {
        let field: &mut (Counters, Counters) = fields.entry(row.field.as_str()).or_insert_with(nothing);
        for sum in [field, &mut all] {
            sum.0.add(&row.before);
            sum.1.add(&row.within);
        }
    }
    let moved = |before: &Counters, within: &Counters| Columns::between(before, within) != Columns::default();
    let mut rows = Vec::new();
    for (field, (before, within)) in fields.iter().filter(|(_, (before, within))| moved(before, within)) {
        rows.push(behind(field, "", field_name(field).to_owned(), before, within));
        for row in sums.iter().filter(|row| row.field == *field && moved(&row.before, &row.within)) {
            let known = catalogue.newest(&row.procedure).map_or_else(|| row.procedure.clone(), |known| known.name.clone());
            rows.push(behind(field, &row.procedure, known, &row.before, &row.within));
        }
    }
    rows.push(behind("", "", "Tổng cộng".to_owned(), &all.0, &all.1));
    rows
}

/// The rows of a unit or the node for a period.
pub fn procedures_of(store: &dyn Store, unit: Option<&str>, period: Period) -> Result<Vec<Behind>, ReportError> {
    let key = rollup::key_of(store, unit, period.to)?;
    let (newest, snapshot) = crate::reference::in_force(store).map_err(|error| match error {
        crate::reference::ReferenceError::Store(error) => error,
        other => StoreError::Damaged(other.to_string()),
    })?;
    let catalogue = Catalogue::of(snapshot.procedures, newest.map_or(0, |newest| newest.version));
    Ok(by_procedure(&rollup::procedure_sums(store, key.as_deref(), period)?, &catalogue))
}

#[derive(Template)]
#[template(path = "procedures.html")]
struct ProceduresPage {
    frame: Frame,
    name: String,
    period: PeriodView,
    csv: String,
    /// Of the whole node: only this is published.
    of_all: bool,
    rows: Vec<BehindRow>,
}

struct BehindRow {
    kind: &'static str,
    name: String,
    code: String,
    form: Vec<String>,
    behind: Vec<String>,
}

/// Headings of the second table of the page and of the file, in order.
const BEHIND: [&str; 18] = [
    "Trực tuyến",
    "trong đó cán bộ nộp thay",
    "Bưu chính",
    "Số hóa ít nhất một thành phần",
    "Số hóa đủ thành phần",
    "Kết quả điện tử",
    "Cả thành phần và kết quả",
    "Phải nộp tiền",
    "Đã nộp",
    "Nộp trực tuyến",
    "Yêu cầu bổ sung",
    "Đang chờ bổ sung",
    "Xin lỗi, hẹn lại",
    "Không có kết quả",
    "Không tốt",
    "Bình thường",
    "Tốt",
    "Rất tốt",
];

pub fn behind_numbers(row: &Behind) -> [i64; 18] {
    let [not_good, normal, good, very_good] = row.rated;
    [
        row.online,
        row.online_by_official,
        row.post,
        row.components_any,
        row.components_all,
        row.result_digitised,
        row.fully_digitised,
        row.with_fee,
        row.paid,
        row.paid_online,
        row.asked_for_more,
        row.waiting,
        row.extended,
        row.without_result,
        not_good,
        normal,
        good,
        very_good,
    ]
}

/// Points for each answer of the forms of nine questions, of 2.
fn survey(row: &Behind) -> String {
    Hundredths::ratio(row.survey_points, row.survey_answers)
        .map_or_else(|| "–".to_owned(), |points| format!("{points} ({} phiếu)", number(row.surveyed)))
}

pub async fn procedures(
    viewer: FiguresOf,
    State(app): State<App>,
    Query(query): Query<PeriodQuery>,
) -> Result<Response, PageError> {
    let at = now();
    let today = local_day(at);
    let unit = viewer.unit.clone();
    let asked = unit.clone();
    let (name, (period, problem), rows) = app
        .read(move |store| -> Result<_, ReportError> {
            let chosen = chosen(store, &query, today)?;
            let rows = procedures_of(store, asked.as_deref(), chosen.0)?;
            Ok((name_of(store, asked.as_deref(), chosen.0, at)?, chosen, rows))
        })
        .await??;
    let view = PeriodView::keeping("/reports/procedures", period, problem, today, keeping_unit(unit.as_deref()));
    show(&ProceduresPage {
        frame: Frame::of(&viewer, Section::Reports),
        name,
        csv: format!("/reports/procedures.csv?unit={}&{}", unit.as_deref().unwrap_or_default(), view.query),
        of_all: unit.is_none(),
        rows: rows
            .iter()
            .map(|row| BehindRow {
                kind: match (row.field.as_str(), row.procedure.as_str()) {
                    ("", _) => "all",
                    (_, "") => "whole",
                    _ => "part",
                },
                name: row.name.clone(),
                code: row.procedure.clone(),
                form: cells(&row.columns),
                behind: behind_numbers(row).map(number).into_iter().chain([survey(row)]).collect(),
            })
            .collect(),
        period: view,
    })
}

/// The rows as a table.
pub fn procedures_table(rows: &[Behind]) -> Table {
    let form = [
        "Tiếp nhận: tổng số",
        "Trực tuyến",
        "Trực tiếp và bưu chính",
        "Từ kỳ trước",
        "Đã giải quyết: tổng số",
        "Trước hạn",
        "Đúng hạn",
        "Quá hạn",
        "Đang giải quyết: tổng số",
        "Trong hạn",
        "Quá hạn",
    ];
    let last = ["Phiếu chín câu", "Điểm", "Câu đã trả lời"];
    let heading = ["Lĩnh vực", "Mã thủ tục", "Tên"].into_iter().chain(form).chain(BEHIND).chain(last);
    let row = |row: &Behind| {
        let numbers = row.columns.cells().into_iter().chain(behind_numbers(row));
        let numbers = numbers.chain([row.surveyed, row.survey_points, row.survey_answers]).map(|number| number.to_string());
        let names = [field_name(&row.field).to_owned(), row.procedure.clone(), row.name.clone()];
        names.into_iter().chain(numbers).collect()
    };
    Table { heading: heading.map(str::to_owned).collect(), rows: rows.iter().map(row).collect() }
}

pub async fn procedures_csv(
    viewer: FiguresOf,
    State(app): State<App>,
    Query(query): Query<PeriodQuery>,
    Query(public): Query<publication::Asked>,
) -> Result<Response, PageError> {
    let today = local_day(now());
    if public.is_for_the_public() {
        let (period, _) = app.read(move |store| chosen(store, &query, today)).await??;
        return Ok(publication::procedures(&app, viewer.unit.clone(), period, true).await?);
    }
    let (period, rows) = app
        .read(move |store| -> Result<_, ReportError> {
            let (period, _) = chosen(store, &query, today)?;
            Ok((period, procedures_of(store, viewer.unit.as_deref(), period)?))
        })
        .await??;
    Ok(csv::answer(&format!("thu-tuc-{}-{}", period.from, period.to), &procedures_table(&rows)))
}

#[derive(Template)]
#[template(path = "filed.html")]
struct FiledPage {
    frame: Frame,
    rows: Vec<FiledRow>,
}

struct FiledRow {
    id: i64,
    unit: String,
    period: String,
    at: String,
    by: String,
    corrects: Option<i64>,
    /// In words, with its sign.
    standing: String,
    mark: &'static str,
}

fn filed_row(filed: &FiledForm, drift: Option<&Drift>, units: &Organisation, is_superseded: bool) -> FiledRow {
    let period = Period { from: filed.from, to: filed.to };
    let dates = format!("{} – {}", shown(filed.from), shown(filed.to));
    let (standing, mark) = match drift {
        _ if is_superseded => ("đã có báo cáo bổ sung".to_owned(), "none"),
        None => ("không còn là bản đã chốt".to_owned(), "bad"),
        Some(drift) if drift.differences.is_empty() => ("khớp với số liệu hiện nay".to_owned(), "good"),
        Some(drift) => (format!("{} ô đã khác", drift.differences.len()), "wait"),
    };
    FiledRow {
        id: filed.id,
        unit: units.name(&units.resolve(&filed.unit, filed.to)).to_owned(),
        period: period.name().map_or_else(|| dates.clone(), |name| format!("{name} ({dates})")),
        at: people_time(&filed.at.to_rfc3339()),
        by: filed.by.clone(),
        corrects: filed.corrects,
        standing,
        mark,
    }
}

/// Compared with what is now; `None`: the bytes are not those that were filed.
fn drift_of(store: &dyn Store, filed: &FiledForm) -> Result<Option<Drift>, FileError> {
    if !filed::is_intact(filed) {
        return Ok(None);
    }
    filed::drift(store, filed).map(Some)
}

pub async fn filed_list(viewer: FiguresOf, State(app): State<App>) -> Result<Response, PageError> {
    let frame = Frame::of(&viewer, Section::Reports);
    let rows = app
        .read(move |store| -> Result<_, FileError> {
            let (units, mut all) = (store.organisation()?, store.filed_list()?);
            all.retain(|filed| viewer.sees(&units.resolve(&filed.unit, filed.to)));
            let superseded = |id| all.iter().any(|other| other.corrects == Some(id));
            let row = |filed: &FiledForm| Ok(filed_row(filed, drift_of(store, filed)?.as_ref(), &units, superseded(filed.id)));
            all.iter().map(row).collect::<Result<Vec<_>, FileError>>()
        })
        .await??;
    show(&FiledPage { frame, rows })
}

#[derive(Template)]
#[template(path = "filed_report.html")]
struct FiledReportPage {
    frame: Frame,
    row: FiledRow,
    period: FiledPeriod,
    hash: String,
    form: FormView,
    complete: String,
    differences: Vec<DifferenceRow>,
    since: Vec<String>,
    heads: Vec<HeadRow>,
    may_correct: bool,
}

struct FiledPeriod {
    from: String,
    to: String,
}

struct DifferenceRow {
    field: String,
    column: usize,
    filed: String,
    now: String,
    gap: String,
}

struct HeadRow {
    unit: String,
    stream: String,
    seq: String,
    hash: String,
}

pub async fn filed_report(viewer: FiguresOf, State(app): State<App>, Path(id): Path<i64>) -> Result<Response, PageError> {
    let (filed, frozen, drift, superseded, units) = app
        .read(move |store| -> Result<_, FileError> {
            let filed = store.filed_find(id)?.ok_or(FileError::Unknown(id))?;
            let frozen = filed::read(&filed)?;
            let drift = filed::drift(store, &filed)?;
            let superseded = store.filed_list()?.iter().any(|other| other.corrects == Some(id));
            Ok((filed, frozen, drift, superseded, store.organisation()?))
        })
        .await??;
    if !viewer.sees(&units.resolve(&filed.unit, filed.to)) {
        return Err(FileError::Unknown(id).into());
    }
    let named = |unit: &String| units.name(&units.resolve(unit, filed.to)).to_owned();
    let report = &frozen.report;
    let rules = motcua_shared::ruleset::Ruleset::find(&filed.ruleset);
    let rows = (1..).zip(&report.rows).map(|(place, row)| FormRow {
        place,
        field: field_name(&row.field).to_owned(),
        cells: cells(&row.columns),
    });
    show(&FiledReportPage {
        frame: Frame::of(&viewer, Section::Reports),
        row: filed_row(&filed, Some(&drift), &units, superseded),
        period: FiledPeriod { from: shown(filed.from), to: shown(filed.to) },
        hash: blake3::Hash::from(filed.hash).to_hex().to_string(),
        form: FormView {
            rows: rows.collect(),
            total: cells(&report.total),
            besides: String::new(),
            basis: rules.map_or_else(String::new, |rules| rules.basis.to_owned()),
            ruleset: filed.ruleset.clone(),
        },
        complete: format!("{} trên {} đơn vị", number(report.coverage.complete), number(report.coverage.offices)),
        differences: drift
            .differences
            .iter()
            .map(|cell| DifferenceRow {
                field: if cell.field.is_empty() { "Tổng cộng".to_owned() } else { field_name(&cell.field).to_owned() },
                column: cell.column,
                filed: number(cell.filed),
                now: number(cell.now),
                gap: if cell.now > cell.filed {
                    format!("+{}", number(cell.now - cell.filed))
                } else {
                    number(cell.now - cell.filed)
                },
            })
            .collect(),
        since: drift
            .since
            .iter()
            .map(|(unit, entries)| {
                format!("{} gửi thêm {} bản ghi", named(unit), number(i64::try_from(*entries).unwrap_or(i64::MAX)))
            })
            .collect(),
        heads: frozen
            .heads
            .iter()
            .map(|head| HeadRow {
                unit: named(&head.unit),
                stream: head.stream.to_string(),
                seq: number(i64::try_from(head.seq).unwrap_or(i64::MAX)),
                hash: head.hash.clone(),
            })
            .collect(),
        may_correct: viewer.may(Right::Decide) && !superseded && !drift.differences.is_empty(),
    })
}

#[derive(Deserialize)]
pub struct FileForm {
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    unit: String,
    /// The report that is corrected.
    #[serde(default)]
    corrects: Option<i64>,
}

/// Files a report or a correction, for officers.
pub async fn file(
    viewer: DecidingViewer,
    State(app): State<App>,
    form: Result<Form<FileForm>, FormRejection>,
) -> Result<Response, PageError> {
    let wrong = || Problem::new(StatusCode::BAD_REQUEST, "form", "Chưa chốt báo cáo", "Hãy mở lại trang báo cáo và chốt từ đó.");
    let Form(FileForm { from, to, unit, corrects }) = form.map_err(|_| wrong())?;
    let at = now();
    let (by, name) = (viewer.by(), viewer.name.clone());
    let filed = if let Some(id) = corrects {
        app.write(move |store| written(store, &by, |store| filed::correct(store, id, &name, at))).await?
    } else {
        let query = PeriodQuery { from, to, unit };
        let bad = |problem| Problem::new(StatusCode::BAD_REQUEST, "period", "Kỳ báo cáo không hợp lệ", problem);
        let period = query.period().map_err(bad)?.ok_or_else(wrong)?;
        let filing = Filing { unit: query.unit(), period, by: name, at };
        app.write(move |store| written(store, &by, |store| filed::file(store, &filing))).await?
    };
    Ok(Redirect::to(&format!("/reports/filed/{}", filed?)).into_response())
}

/// Files, and says so in the audit log.
fn written(
    store: &mut dyn Store,
    by: &audit::By,
    file: impl FnOnce(&mut dyn Store) -> Result<i64, FileError>,
) -> Result<i64, FileError> {
    let id = file(store)?;
    if let Some(filed) = store.filed_find(id)? {
        let about = (format!("báo cáo số {id}"), filed.unit);
        audit::note_of(
            store,
            by,
            Act::ReportFiled,
            (&about.0, &about.1),
            &format!("{} – {}", shown(filed.from), shown(filed.to)),
        )?;
    }
    Ok(id)
}

impl From<FileError> for Problem {
    fn from(error: FileError) -> Self {
        let words = error.to_string();
        match error {
            FileError::Report(error) => error.into(),
            FileError::Unknown(_) => Problem::new(StatusCode::NOT_FOUND, "no-filed-report", "Không tìm thấy", words),
            FileError::NotOver(_) => Problem::new(StatusCode::CONFLICT, "not-over", "Chưa hết kỳ", words),
            FileError::Nothing(_) => Problem::new(StatusCode::CONFLICT, "no-difference", "Không có gì để bổ sung", words),
            FileError::Before(_) => Problem::new(StatusCode::CONFLICT, "filed-before", "Kỳ này đã chốt", words),
        }
    }
}

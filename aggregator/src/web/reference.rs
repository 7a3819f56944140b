//! The pages of the reference data: what is in force, the draft and what it would change, its publication by a second
//! person, every table, and what each version changed.
//!
//! Promise: nothing reaches an office before it is published; what is published is what was looked at, byte for byte; that
//! nobody else looked is asked about and stays written down. Start at [`overview`] and [`publish`].

use askama::Template;
use axum::extract::{Form, Multipart, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::NaiveDate;
use motcua_shared::access::form::RENDERED_FOR;
use motcua_shared::access::node::Right;
use motcua_shared::calendar::LocalTime;
use motcua_shared::indicator;
use motcua_shared::reference::{Change, Snapshot, changes};
use motcua_shared::ruleset;
use motcua_shared::text::{nfc, number};
use serde::{Deserialize, Serialize};

use super::pages::{Frame, PageError, Section, show};
use super::people::Choice;
use super::period::{shown, typed_day};
use super::sync::bad_request;
use super::viewer::{PublishingViewer, ReferenceViewer, Viewer};
use super::{App, Problem, csv, guard};
use crate::output::{people_time, who_words};
use crate::reference::table::{self, Table};
use crate::reference::{self, ReferenceError};
use crate::store::{Draft, Reference, Store};

/// Changes that a page lists.
const LISTED: usize = 300;
/// Lines of a table that a page lists.
const LINES: usize = 2_000;

impl From<ReferenceError> for Problem {
    fn from(error: ReferenceError) -> Self {
        let words = error.to_string();
        match error {
            ReferenceError::Store(error) => error.into(),
            ReferenceError::NotASnapshot => bad_request("danh mục này không phải do huyện công bố"),
            ReferenceError::NoVersion(_) => Problem::new(StatusCode::NOT_FOUND, "no-version", "Không có phiên bản này", words),
            _ => Problem::new(StatusCode::CONFLICT, "reference", "Chưa thay đổi danh mục", words),
        }
    }
}

/// One difference, as a page shows it.
struct ChangeRow {
    kind: &'static str,
    place: String,
    before: String,
    after: String,
}

fn change_rows(changes: &[Change]) -> Vec<ChangeRow> {
    let row = |change: &Change| ChangeRow {
        kind: match (&change.before, &change.after) {
            (None, _) => "thêm",
            (_, None) => "bỏ",
            _ => "sửa",
        },
        place: change.place.clone(),
        before: change.before.clone().unwrap_or_default(),
        after: change.after.clone().unwrap_or_default(),
    };
    changes.iter().take(LISTED).map(row).collect()
}

fn names(who: &[String]) -> String {
    who.iter().map(|who| who_words(who)).collect::<Vec<_>>().join(", ")
}

/// A published version in words.
struct VersionRow {
    version: u64,
    at: String,
    by: String,
    drafted: String,
    standing: &'static str,
    mark: &'static str,
}

fn version_row(published: &Reference) -> VersionRow {
    let (standing, mark) = if published.published_by.is_empty() {
        ("không ghi lại ai công bố", "none")
    } else if published.was_reviewed() {
        ("người khác soạn, đã xem lại", "good")
    } else {
        ("không có người thứ hai xem lại", "wait")
    };
    VersionRow {
        version: published.version,
        at: people_time(&published.published_at.to_rfc3339()),
        by: who_words(&published.published_by),
        drafted: names(&published.drafted_by),
        standing,
        mark,
    }
}

struct TableLink {
    code: &'static str,
    name: &'static str,
    lines: String,
}

#[derive(Template)]
#[template(path = "reference.html")]
struct OverviewPage {
    frame: Frame,
    may_publish: bool,
    in_force: String,
    tables: Vec<TableLink>,
    /// What the draft would change; empty: nothing waits.
    changes: Vec<ChangeRow>,
    more: usize,
    authors: String,
    changed_at: String,
    seen: String,
    /// The viewer worked on the draft: nobody else has looked at it.
    own_draft: bool,
    versions: Vec<VersionRow>,
    kinds: Vec<Choice>,
    decision: String,
    from: String,
    problem: String,
    problems: Vec<String>,
    done: String,
}

/// What a page says besides what is there.
#[derive(Default)]
struct Said {
    kind: String,
    decision: String,
    from: String,
    problem: String,
    problems: Vec<String>,
    done: String,
}

struct Standing {
    newest: Option<Reference>,
    next: Snapshot,
    draft: Option<Draft>,
    changes: Vec<Change>,
    versions: Vec<Reference>,
}

fn standing(store: &dyn Store) -> Result<Standing, ReferenceError> {
    let (newest, in_force) = reference::in_force(store)?;
    let next = reference::next(store)?;
    let changes = changes(&in_force, &next);
    Ok(Standing { newest, next, draft: store.reference_draft()?, changes, versions: store.reference_list()? })
}

async fn overview_page(app: &App, viewer: &Viewer, status: StatusCode, said: Said) -> Result<Response, PageError> {
    let there = app.read(standing).await??;
    let Standing { newest, next, draft, changes, versions } = there;
    let kind =
        |table: Table| Choice { code: table.code().to_owned(), name: table.name().to_owned(), chosen: table.code() == said.kind };
    let lines = |table: Table| number(i64::try_from(table.rows(&next).len()).unwrap_or(i64::MAX));
    let page = show(&OverviewPage {
        frame: Frame::of(viewer, Section::Reference),
        may_publish: viewer.may(Right::Publish),
        in_force: newest.as_ref().map_or_else(
            || "Chưa công bố phiên bản nào; các xã dùng bản kèm theo chương trình (phiên bản 0).".to_owned(),
            |newest| {
                let row = version_row(newest);
                format!("Đang dùng: phiên bản {}, công bố {}; {}.", row.version, row.at, row.standing)
            },
        ),
        tables: Table::ALL.map(|table| TableLink { code: table.code(), name: table.name(), lines: lines(table) }).into(),
        more: changes.len().saturating_sub(LISTED),
        changes: change_rows(&changes),
        authors: draft.as_ref().map_or_else(String::new, |draft| names(&draft.authors)),
        changed_at: draft.as_ref().map_or_else(String::new, |draft| people_time(&draft.changed_at.to_rfc3339())),
        seen: reference::fingerprint(&next),
        own_draft: draft.is_none_or(|draft| draft.authors.is_empty() || draft.authors.contains(&viewer.name)),
        versions: versions.iter().map(version_row).collect(),
        kinds: Table::ALL.map(kind).into(),
        decision: said.decision,
        from: said.from,
        problem: said.problem,
        problems: said.problems,
        done: said.done,
    })?;
    Ok((status, page).into_response())
}

/// What is in force, what waits, and what was published.
pub async fn overview(viewer: ReferenceViewer, State(app): State<App>) -> Result<Response, PageError> {
    overview_page(&app, &viewer, StatusCode::OK, Said::default()).await
}

/// A file with what was typed beside it.
#[derive(Default)]
struct Sent {
    kind: String,
    decision: String,
    from: String,
    sure: bool,
    file: Vec<u8>,
    /// The file once more, after its changes were looked at.
    text: String,
}

async fn sent(viewer: &Viewer, mut form: Multipart) -> Result<Sent, Problem> {
    let unreadable = || {
        let words = "Biểu mẫu gửi lên không đọc được hoặc tệp quá lớn (hơn 4 MB); chưa thay đổi gì.";
        Problem::new(StatusCode::BAD_REQUEST, "form", "Chưa nhập gì", words)
    };
    let mut sent = Sent::default();
    while let Some(part) = form.next_field().await.map_err(|_| unreadable())? {
        let name = part.name().unwrap_or_default().to_owned();
        if name == "file" {
            sent.file = part.bytes().await.map_err(|_| unreadable())?.to_vec();
            continue;
        }
        let text = part.text().await.map_err(|_| unreadable())?;
        match name.as_str() {
            RENDERED_FOR => guard::of_another(viewer, Some(&text))?,
            "kind" => sent.kind = text,
            "decision" => sent.decision = nfc(&text),
            "from" => text.trim().clone_into(&mut sent.from),
            "sure" => sent.sure = text == "1",
            "text" => sent.text = text,
            _ => {}
        }
    }
    Ok(sent)
}

#[derive(Template)]
#[template(path = "reference_units.html")]
struct UnitsPage {
    frame: Frame,
    changes: Vec<ChangeRow>,
    more: usize,
    text: String,
}

/// Takes a file into the draft: all of it or nothing.
pub async fn import(viewer: PublishingViewer, State(app): State<App>, form: Multipart) -> Result<Response, PageError> {
    let sent = sent(&viewer, form).await?;
    let said = |problem: &str, problems: Vec<String>| Said {
        kind: sent.kind.clone(),
        decision: sent.decision.clone(),
        from: sent.from.clone(),
        problem: problem.to_owned(),
        problems,
        done: String::new(),
    };
    let refused = StatusCode::UNPROCESSABLE_ENTITY;
    let Some(table) = Table::from_code(&sent.kind) else {
        return overview_page(&app, &viewer, refused, said("Hãy chọn loại danh mục.", Vec::new())).await;
    };
    let from = match (sent.from.as_str(), typed_day(&sent.from)) {
        ("", _) => None,
        (_, None) => {
            return overview_page(&app, &viewer, refused, said("Ngày hiệu lực cần dạng ngày/tháng/năm.", Vec::new())).await;
        }
        (_, day) => day,
    };
    if sent.file.is_empty() && sent.text.is_empty() {
        return overview_page(&app, &viewer, refused, said("Hãy chọn tệp.", Vec::new())).await;
    }
    if table == Table::Units {
        let text = if sent.file.is_empty() { sent.text.clone() } else { String::from_utf8_lossy(&sent.file).into_owned() };
        let faulty = |problems| said("Tệp có chỗ sai, chưa nhập gì:", problems);
        return match table::units(text.as_bytes()) {
            Err(problems) => overview_page(&app, &viewer, refused, faulty(problems)).await,
            Ok(units) => import_units(&app, &viewer, units, text, sent.sure).await,
        };
    }
    let decision = Some(sent.decision.clone()).filter(|decision| !decision.is_empty());
    match table::read(table, &sent.file, decision, from) {
        Err(problems) => overview_page(&app, &viewer, refused, said("Tệp có chỗ sai, chưa nhập gì:", problems)).await,
        Ok(amendment) => {
            let by = viewer.by();
            let what =
                if sent.decision.is_empty() { table.name().to_owned() } else { format!("{}, {}", table.name(), sent.decision) };
            let collected = app.write(move |store| reference::collect(store, amendment, &what, &by)).await?;
            collected_page(&app, &viewer, collected, said("", Vec::new())).await
        }
    }
}

/// The page after a change of the draft, or with what kept it from being changed.
async fn collected_page(
    app: &App,
    viewer: &Viewer,
    collected: Result<Vec<Change>, ReferenceError>,
    said: Said,
) -> Result<Response, PageError> {
    match collected {
        Ok(changes) => {
            let done = match changes.len() {
                0 => "Không có gì khác với bản nháp.".to_owned(),
                count => format!("Đã đưa {count} thay đổi vào bản nháp. Các xã chưa nhận gì cho đến khi công bố."),
            };
            overview_page(app, viewer, StatusCode::OK, Said { done, ..Said::default() }).await
        }
        Err(ReferenceError::Faulty(faults)) => {
            let problems = faults.iter().map(ToString::to_string).collect();
            let said = Said { problem: "Danh mục sẽ có chỗ sai, chưa nhập gì:".to_owned(), problems, ..said };
            overview_page(app, viewer, StatusCode::UNPROCESSABLE_ENTITY, said).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Shows what another table of units would change, and takes it after that.
async fn import_units(
    app: &App,
    viewer: &Viewer,
    units: Vec<motcua_shared::unit::Unit>,
    text: String,
    sure: bool,
) -> Result<Response, PageError> {
    if sure {
        let by = viewer.by();
        let replaced = app.write(move |store| reference::units_replace(store, units, &by)).await?;
        return collected_page(app, viewer, replaced, Said::default()).await;
    }
    let changes = app
        .read(move |store| -> Result<_, ReferenceError> {
            let before = reference::next(store)?;
            let after = Snapshot { units, ..before.clone() };
            let faults = after.faults();
            if faults.is_empty() { Ok(changes(&before, &after)) } else { Err(ReferenceError::Faulty(faults)) }
        })
        .await?;
    match changes {
        Ok(changes) if !changes.is_empty() => show(&UnitsPage {
            frame: Frame::of(viewer, Section::Reference),
            more: changes.len().saturating_sub(LISTED),
            changes: change_rows(&changes),
            text,
        }),
        other => collected_page(app, viewer, other, Said::default()).await,
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Publication {
    /// What was looked at.
    seen: String,
    /// Nobody else has looked at it, and the viewer knows.
    alone: String,
}

/// Publishes what was looked at.
pub async fn publish(
    viewer: PublishingViewer,
    State(app): State<App>,
    Form(sent): Form<Publication>,
) -> Result<Response, PageError> {
    let (by, door) = (viewer.by(), app.clone());
    let alone = sent.alone == "1";
    let published = app.write(move |store| reference::publish(store, door.authority(), Some((&sent.seen, alone)), &by)).await?;
    let (status, said) = match published {
        Ok((version, changes)) => {
            let done = format!("Đã công bố phiên bản {version}: {} thay đổi. Các xã nhận ở lần đồng bộ tới.", changes.len());
            (StatusCode::OK, Said { done, ..Said::default() })
        }
        Err(ReferenceError::Store(error)) => return Err(error.into()),
        Err(ReferenceError::Faulty(faults)) => {
            let problems = faults.iter().map(ToString::to_string).collect();
            let problem = "Bản nháp có chỗ sai, chưa công bố gì:".to_owned();
            (StatusCode::UNPROCESSABLE_ENTITY, Said { problem, problems, ..Said::default() })
        }
        Err(error) => (StatusCode::CONFLICT, Said { problem: format!("{error}."), ..Said::default() }),
    };
    overview_page(&app, &viewer, status, said).await
}

/// Throws the draft away.
pub async fn discard(viewer: PublishingViewer, State(app): State<App>) -> Result<Response, PageError> {
    let by = viewer.by();
    app.write(move |store| reference::discard(store, &by)).await??;
    let done = "Đã bỏ bản nháp. Phiên bản đang công bố và danh mục đơn vị giữ nguyên.".to_owned();
    overview_page(&app, &viewer, StatusCode::OK, Said { done, ..Said::default() }).await
}

#[derive(Template)]
#[template(path = "reference_version.html")]
struct VersionPage {
    frame: Frame,
    row: Option<VersionRow>,
    version: u64,
    hash: String,
    changes: Vec<ChangeRow>,
    more: usize,
}

/// One version: who published it, and what it changed.
pub async fn version(viewer: ReferenceViewer, State(app): State<App>, Path(asked): Path<u64>) -> Result<Response, PageError> {
    let (published, changed) = app
        .read(move |store| -> Result<_, ReferenceError> {
            let after = reference::version(store, asked)?;
            let versions = store.reference_list()?;
            let before = versions.iter().map(|published| published.version).find(|version| *version < asked).unwrap_or(0);
            let changed = if asked == 0 { Vec::new() } else { changes(&reference::version(store, before)?, &after) };
            Ok((versions.into_iter().find(|published| published.version == asked), changed))
        })
        .await??;
    show(&VersionPage {
        frame: Frame::of(&viewer, Section::Reference),
        hash: published.as_ref().map_or_else(String::new, |published| blake3::Hash::from(published.hash).to_hex().to_string()),
        row: published.as_ref().map(version_row),
        version: asked,
        more: changed.len().saturating_sub(LISTED),
        changes: change_rows(&changed),
    })
}

/// A field of the form for one line.
struct Field {
    column: &'static str,
    name: &'static str,
    hint: &'static str,
    value: String,
    choices: Vec<Choice>,
}

#[derive(Template)]
#[template(path = "reference_table.html")]
struct TablePage {
    frame: Frame,
    tables: Vec<TableLink>,
    table: &'static str,
    name: &'static str,
    headings: Vec<&'static str>,
    lines: Vec<Line>,
    more: usize,
    is_draft: bool,
    may_change: bool,
    fields: Vec<Field>,
    problems: Vec<String>,
}

struct Line {
    cells: Vec<String>,
    /// What tells it apart, where it can be taken out: column and cell.
    key: Vec<(&'static str, String)>,
}

/// What a column is called, and how it is written.
fn column_words(table: Table, column: &str) -> (&'static str, &'static str) {
    match (table, column) {
        (Table::Indicators, "unit") => ("Đơn vị tính", "hồ sơ, tin, lượt …"),
        (Table::Targets, "indicator") => ("Chỉ tiêu", ""),
        (Table::Targets, "level") => ("Cấp", "cho mọi đơn vị của cấp này; để trống nếu ghi một đơn vị"),
        (Table::Targets, "unit") => ("Đơn vị", "mã một đơn vị; để trống nếu ghi cấp"),
        (Table::Targets, "value") => ("Giá trị", "ví dụ 84,5"),
        (_, "code" | "id") => ("Mã", ""),
        (_, "name") => ("Tên", ""),
        (Table::Holidays, "kind") => ("Loại", ""),
        (_, "date") => ("Ngày", "ngày/tháng/năm"),
        (_, "unit") => ("Đơn vị", "mã một đơn vị; để trống: mọi đơn vị"),
        (_, "decision") => ("Quyết định, thông báo", "ví dụ 9/TB-UBND"),
        (_, "days") => ("Các thứ", "t2-t6, t7 hoặc cn"),
        (_, "morning") => ("Sáng", "07:00-11:30; để trống nếu không mở"),
        (_, "afternoon") => ("Chiều", "13:30-17:00; để trống nếu không mở"),
        (_, "valid_from") => ("Từ ngày", "ngày/tháng/năm"),
        (_, "valid_to") => ("Đến ngày", "để trống nếu chưa biết"),
        (_, "year") => ("Năm", ""),
        (_, "parent") => ("Trực thuộc", ""),
        (_, "successor") => ("Đơn vị thay thế", ""),
        (_, "kind") => ("Cấp", ""),
        (_, "holiday_change") => ("Khi lịch nghỉ thay đổi", ""),
        (_, "group") => ("Nhóm", ""),
        (_, "computed") => ("Cách tính từ hồ sơ", "để trống nếu chỉ đơn vị biết"),
        (_, "field") => ("Lĩnh vực", ""),
        (_, "limit_value") => ("Thời hạn", ""),
        (_, "limit_unit") => ("Đơn vị thời hạn", ""),
        (_, "after_15h_next_day") => ("Sau 15 giờ tính ngày sau", ""),
        (_, "fee_vnd") => ("Lệ phí (đồng)", ""),
        (_, "level") => ("Cấp quyết định", ""),
        (_, "online") => ("Mức trực tuyến", ""),
        (_, "result") => ("Kết quả", ""),
        (_, "rule") => ("Quy tắc", ""),
        (_, "scope") => ("Phạm vi", ""),
        (_, "at") => ("Chỉ tiêu nêu tên", ""),
        (_, "statement") => ("Biểu thức", "ví dụ a = b + c"),
        (_, "missing") => ("Quy tắc khi thiếu", "để trống nếu không báo"),
        (_, "severity") => ("Mức", ""),
        (_, "gap") => ("Tính chênh lệch", "yes hoặc no"),
        (_, "basis") => ("Căn cứ", ""),
        (_, "ask") => ("Cần hỏi", ""),
        _ => ("", ""),
    }
}

/// What a cell may say, where it is a choice.
fn choices(table: Table, column: &str) -> Vec<Choice> {
    let choice = |code: &str, name: &str| Choice { code: code.to_owned(), name: name.to_owned(), chosen: false };
    match (table, column) {
        (Table::Holidays, "kind") => [
            ("le", "ngày lễ"),
            ("tet", "Tết"),
            ("gio_to", "Giỗ Tổ"),
            ("nghi_bu", "nghỉ bù"),
            ("hoan_doi_nghi", "nghỉ hoán đổi"),
            ("lam_bu", "thứ bảy làm bù"),
        ]
        .map(|(code, name)| choice(code, name))
        .into(),
        (Table::Rulesets, "id") => ruleset::ALL.iter().map(|ruleset| choice(ruleset.id, ruleset.id)).collect(),
        (Table::Rulesets, "holiday_change") => {
            vec![choice("keeps", "giữ hẹn trả"), choice("moves_later", "lùi hẹn trả")]
        }
        (Table::Targets, "indicator") => indicator::all().iter().map(|known| choice(&known.id, &known.name)).collect(),
        (Table::Targets, "level") => [("", "–"), ("commune", "xã"), ("district", "huyện"), ("province", "tỉnh")]
            .map(|(code, name)| choice(code, name))
            .into(),
        _ => Vec::new(),
    }
}

/// A cell as people read it.
fn shown_cell(table: Table, column: &str, cell: &str) -> String {
    if let Ok(day) = cell.parse::<NaiveDate>() {
        return shown(day);
    }
    choices(table, column).into_iter().find(|choice| choice.code == cell).map_or_else(|| cell.to_owned(), |choice| choice.name)
}

/// The columns of a table that a page shows: not those in which nothing stands.
fn table_lines(table: Table, snapshot: &Snapshot) -> (Vec<&'static str>, Vec<Line>, usize) {
    let (columns, rows) = (table.columns(), table.rows(snapshot));
    let has_words = |place: &usize| !column_words(table, columns[*place]).0.is_empty();
    let places: Vec<usize> = (0..columns.len()).filter(has_words).collect();
    let key = |cells: &[String]| {
        let cell = |name: &&'static str| {
            let place = columns.iter().position(|column| column == name).unwrap_or_default();
            (*name, cells.get(place).cloned().unwrap_or_default())
        };
        table.key().iter().map(cell).collect()
    };
    let line = |cells: &Vec<String>| Line {
        key: key(cells),
        cells: places.iter().map(|place| shown_cell(table, columns[*place], cells.get(*place).map_or("", |cell| cell))).collect(),
    };
    let headings = places.iter().map(|place| column_words(table, columns[*place]).0).collect();
    (headings, rows.iter().take(LINES).map(line).collect(), rows.len().saturating_sub(LINES))
}

async fn table_page(
    app: &App,
    viewer: &Viewer,
    table: Table,
    status: StatusCode,
    typed: &Pairs,
    problems: Vec<String>,
) -> Result<Response, PageError> {
    let (next, is_draft) = app
        .read(|store| -> Result<_, ReferenceError> { Ok((reference::next(store)?, store.reference_draft()?.is_some())) })
        .await??;
    let (headings, lines, more) = table_lines(table, &next);
    let may_change = viewer.may(Right::Publish);
    let count = |table: Table| number(i64::try_from(table.rows(&next).len()).unwrap_or(i64::MAX));
    let field = |column: &'static str| {
        let ((name, hint), value) = (column_words(table, column), value(typed, column).to_owned());
        let mut choices = choices(table, column);
        for choice in &mut choices {
            choice.chosen = choice.code == value;
        }
        Field { column, name, hint, value, choices }
    };
    let page = show(&TablePage {
        frame: Frame::of(viewer, Section::Reference),
        tables: Table::ALL.map(|table| TableLink { code: table.code(), name: table.name(), lines: count(table) }).into(),
        table: table.code(),
        name: table.name(),
        headings,
        lines,
        more,
        is_draft,
        may_change,
        fields: if may_change && table.takes_lines() { table.columns().into_iter().map(field).collect() } else { Vec::new() },
        problems,
    })?;
    Ok((status, page).into_response())
}

fn known(code: &str) -> Result<Table, Problem> {
    let unknown = || Problem::new(StatusCode::NOT_FOUND, "no-table", "Không có danh mục này", "Hãy mở lại trang Danh mục.");
    Table::from_code(code).ok_or_else(unknown)
}

/// One table, as the draft says, or what is in force where there is none.
pub async fn one_table(viewer: ReferenceViewer, State(app): State<App>, Path(code): Path<String>) -> Result<Response, PageError> {
    table_page(&app, &viewer, known(&code)?, StatusCode::OK, &Pairs::new(), Vec::new()).await
}

type Pairs = Vec<(String, String)>;

fn value<'a>(pairs: &'a Pairs, name: &str) -> &'a str {
    pairs.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.trim())
}

/// Adds one line to the draft, or puts it in place of the one that it is about.
pub async fn add(
    viewer: PublishingViewer,
    State(app): State<App>,
    Path(code): Path<String>,
    Form(typed): Form<Pairs>,
) -> Result<Response, PageError> {
    let table = known(&code)?;
    let columns = table.columns();
    // Days are typed as people write them; files hold them as programs do.
    let cell = |column: &&str| {
        let text = nfc(value(&typed, column));
        let is_day = matches!(*column, "date" | "valid_from" | "valid_to");
        typed_day(&text).filter(|_| is_day).map_or(text, |day| day.to_string())
    };
    let cells: Vec<String> = columns.iter().map(cell).collect();
    let read = if table.takes_lines() {
        table::read(table, &table::line_file(&columns, &cells), None, None)
    } else {
        Err(vec!["danh mục này chỉ nhập bằng tệp".to_owned()])
    };
    let refused = StatusCode::UNPROCESSABLE_ENTITY;
    let amendment = match read {
        Ok(amendment) => amendment,
        Err(problems) => return table_page(&app, &viewer, table, refused, &typed, problems).await,
    };
    let by = viewer.by();
    let what = table.name();
    match app.write(move |store| reference::collect(store, amendment, what, &by)).await? {
        Ok(_) => Ok(Redirect::to(&format!("/reference/tables/{}", table.code())).into_response()),
        Err(ReferenceError::Faulty(faults)) => {
            let problems = faults.iter().map(ToString::to_string).collect();
            table_page(&app, &viewer, table, refused, &typed, problems).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Takes one line out of the draft.
pub async fn remove(
    viewer: PublishingViewer,
    State(app): State<App>,
    Path(code): Path<String>,
    Form(sent): Form<Pairs>,
) -> Result<Response, PageError> {
    let table = known(&code)?;
    let key: Vec<String> = table.key().iter().map(|name| value(&sent, name).to_owned()).collect();
    let (by, what) = (viewer.by(), format!("{}: bỏ {}", table.name(), key.join(" ")));
    let amendment = table.without(key);
    match app.write(move |store| reference::collect(store, amendment, &what, &by)).await? {
        Ok(_) => Ok(Redirect::to(&format!("/reference/tables/{}", table.code())).into_response()),
        Err(ReferenceError::Faulty(faults)) => {
            let problems = faults.iter().map(ToString::to_string).collect();
            table_page(&app, &viewer, table, StatusCode::UNPROCESSABLE_ENTITY, &Pairs::new(), problems).await
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct AskedTable {
    table: String,
    format: String,
}

fn table_csv(table: Table, snapshot: &Snapshot) -> Response {
    let heading = table.columns().into_iter().map(str::to_owned).collect();
    csv::answer(table.code(), &csv::Table { heading, rows: table.rows(snapshot) })
}

/// One table as a file that can be taken in again.
pub async fn file(_: ReferenceViewer, State(app): State<App>, Query(asked): Query<AskedTable>) -> Result<Response, PageError> {
    let table = known(&asked.table)?;
    Ok(table_csv(table, &app.read(reference::next).await??))
}

/// A version as other programs read it.
#[derive(Serialize)]
struct VersionShown {
    version: u64,
    published_at: String,
    published_by: String,
    drafted_by: Vec<String>,
    reviewed: bool,
    hash: String,
}

#[derive(Serialize)]
struct DraftShown {
    authors: Vec<String>,
    changed_at: String,
}

#[derive(Serialize)]
struct ChangeShown {
    place: String,
    before: Option<String>,
    after: Option<String>,
}

#[derive(Serialize)]
struct Shown {
    /// 0: what is built in.
    version: u64,
    versions: Vec<VersionShown>,
    draft: Option<DraftShown>,
    /// What publishing now would change.
    changes: Vec<ChangeShown>,
}

/// What is in force, what waits, and what was published, for other programs.
pub async fn api(_: ReferenceViewer, State(app): State<App>) -> Result<Response, Problem> {
    let Standing { newest, draft, changes, versions, .. } = app.read(standing).await??;
    let text = |at: LocalTime| at.to_rfc3339();
    let shown = Shown {
        version: newest.map_or(0, |newest| newest.version),
        versions: versions
            .into_iter()
            .map(|published| VersionShown {
                version: published.version,
                published_at: text(published.published_at),
                reviewed: published.was_reviewed(),
                hash: blake3::Hash::from(published.hash).to_hex().to_string(),
                published_by: published.published_by,
                drafted_by: published.drafted_by,
            })
            .collect(),
        draft: draft.map(|draft| DraftShown { authors: draft.authors, changed_at: text(draft.changed_at) }),
        changes: changes.into_iter().map(|Change { place, before, after }| ChangeShown { place, before, after }).collect(),
    };
    Ok(axum::Json(shown).into_response())
}

/// One table of what is in force, for other programs.
pub async fn api_table(
    _: ReferenceViewer,
    State(app): State<App>,
    Path(code): Path<String>,
    Query(asked): Query<AskedTable>,
) -> Result<Response, Problem> {
    let table = known(&code)?;
    let in_force = app.read(|store: &dyn Store| reference::in_force(store).map(|(_, snapshot)| snapshot)).await??;
    if asked.format == "csv" {
        return Ok(table_csv(table, &in_force));
    }
    Ok(([(header::CONTENT_TYPE, "application/json")], table.json(&in_force).to_string()).into_response())
}

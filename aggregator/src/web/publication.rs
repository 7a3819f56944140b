//! `?publication=1`: the same exports for the public, with small numbers hidden.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use motcua_shared::index766::Index;
use motcua_shared::period::Period;
use motcua_shared::publication::{HIDDEN, NOTE};
use serde::Deserialize;

use super::csv::{self, Table};
use super::reports::{self, Behind};
use super::{App, Problem};
use crate::comparison::Comparison;
use crate::publication::{self, MOST_UNITS, ProcedureRow, PublishedComparison, Release};
use crate::rollup::{self, ReportError};
use crate::store::Store;

/// Whether an export is for the public.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    publication: String,
}

impl Asked {
    pub fn is_for_the_public(&self) -> bool {
        self.publication == "1"
    }
}

fn procedure_row(row: &Behind) -> ProcedureRow {
    let (form, behind) = (row.columns.cells(), reports::behind_numbers(row));
    ProcedureRow { field: row.field.clone(), procedure: row.procedure.clone(), form, behind }
}

/// Everything that is published of a period, and the table by procedure that is part of it.
fn release(store: &dyn Store, period: Period) -> Result<(Release, Vec<Behind>), ReportError> {
    let rows = reports::procedures_of(store, None, period)?;
    let release = Release::of(store, period, &rows.iter().map(procedure_row).collect::<Vec<_>>())?;
    Ok((release, rows))
}

fn not_published(words: &str) -> Problem {
    Problem::new(StatusCode::CONFLICT, "not-published", "Không có bản công bố", words)
}

/// Form II.06 of a unit or the node.
pub async fn ii06(app: &App, unit: Option<String>, period: Period, as_csv: bool) -> Result<Response, Problem> {
    let (release, code) = app
        .read(move |store| -> Result<_, ReportError> {
            let node = rollup::node(store)?.code;
            let key = rollup::key_of(store, unit.as_deref(), period.to)?;
            let code = key.map(|key| Ok::<_, ReportError>(store.organisation()?.exact(&key))).transpose()?;
            Ok((release(store, period)?.0, code.filter(|code| *code != node)))
        })
        .await??;
    let Some(published) = release.report(code.as_deref()) else {
        return Err(not_published(&if release.of_the_node_only {
            format!("Cấp này có hơn {MOST_UNITS} đơn vị: chỉ công bố số liệu của toàn cấp.")
        } else {
            "Đơn vị này chưa gửi gì trong kỳ nên chưa có số liệu để công bố.".to_owned()
        }));
    };
    if as_csv {
        let name = format!("II06-cong-bo-{}-{}-{}", published.0.unit, period.from, period.to);
        return Ok(csv::file(&name, publication::ii06_csv(published)));
    }
    Ok(Json(publication::ii06_json(published)).into_response())
}

/// The node's table by procedure.
pub async fn procedures(app: &App, unit: Option<String>, period: Period, as_csv: bool) -> Result<Response, Problem> {
    if unit.is_some() {
        return Err(not_published("Số liệu theo thủ tục chỉ công bố của toàn cấp; của một đơn vị hãy công bố biểu II.06."));
    }
    let (release, rows) = app.read(move |store| release(store, period)).await??;
    let mut table = reports::procedures_table(&rows);
    // The survey's points are not published: few forms tell of persons.
    table.heading.truncate(32);
    for (row, mask) in table.rows.iter_mut().zip(&release.procedures) {
        row.truncate(32);
        for (cell, _) in row[3..].iter_mut().zip(mask).filter(|(_, hidden)| **hidden) {
            HIDDEN.clone_into(cell);
        }
    }
    if as_csv {
        table.rows.push(vec![NOTE.to_owned()]);
        return Ok(csv::answer(&format!("thu-tuc-cong-bo-{}-{}", period.from, period.to), &table));
    }
    let object = |row: &Vec<String>| -> serde_json::Value {
        let cell = |text: &String| match text.parse::<i64>() {
            Ok(number) => number.into(),
            Err(_) if text == HIDDEN => serde_json::Value::Null,
            Err(_) => text.as_str().into(),
        };
        table.heading.iter().zip(row).map(|(name, text)| (name.clone(), cell(text))).collect::<serde_json::Map<_, _>>().into()
    };
    let rows: Vec<serde_json::Value> = table.rows.iter().map(object).collect();
    Ok(Json(serde_json::json!({ "from": period.from, "to": period.to, "rows": rows, "note": NOTE })).into_response())
}

/// The communes side by side.
pub fn comparison(compared: &Comparison, as_csv: bool) -> Result<Response, Problem> {
    if compared.lines.len() > MOST_UNITS {
        return Err(not_published(&format!("Cấp này có hơn {MOST_UNITS} đơn vị: chỉ công bố số liệu của toàn cấp.")));
    }
    let published = publication::comparison(compared);
    if as_csv {
        return Ok(csv::answer(&format!("so-sanh-cong-bo-{}-{}", published.from, published.to), &comparison_table(&published)));
    }
    Ok(Json(published).into_response())
}

fn comparison_table(published: &PublishedComparison) -> Table {
    let mut heading: Vec<String> = ["Mã", "Đơn vị", "Thiếu số liệu"].map(str::to_owned).to_vec();
    for id in &published.indicators {
        let name = motcua_shared::indicator::find(id).map_or(id.as_str(), |indicator| &indicator.name);
        heading.extend([name.to_owned(), format!("{name} (tử số)"), format!("{name} (mẫu số)")]);
    }
    let mut rows: Vec<Vec<String>> = Vec::new();
    for line in &published.lines {
        let mut row = vec![line.unit.clone(), line.name.clone(), line.lack.clone().unwrap_or_default()];
        for value in &line.values {
            let count = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
            let shown = value.value.map(|value| value.to_string().replace('.', "")).unwrap_or_default();
            let cells = [shown, count(value.numerator), count(value.denominator)];
            row.extend(if value.hidden { cells.map(|_| HIDDEN.to_owned()) } else { cells });
        }
        rows.push(row);
    }
    rows.push(vec![published.note.to_owned()]);
    Table { heading, rows }
}

/// The index of QĐ 766. Where something of few was left unsaid, the sums that would tell it are too.
pub fn index(mut index: Index, period: Period, as_csv: bool) -> Response {
    let touched = publication::index(&mut index);
    if as_csv {
        let mut table = super::index::table(&index);
        table.rows.push(vec![NOTE.to_owned()]);
        return csv::answer(&format!("index766-cong-bo-{}-{}", period.from, period.to), &table);
    }
    let mut told = serde_json::to_value(&index).unwrap_or_default();
    for place in &touched {
        told["groups"][*place]["score"] = serde_json::Value::Null;
    }
    if !touched.is_empty() {
        told["score"] = serde_json::Value::Null;
    }
    told["note"] = NOTE.into();
    Json(told).into_response()
}

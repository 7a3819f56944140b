//! The page of who saw and did what, with filters, and the same as a file.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use motcua_shared::access::node::Role;
use serde::Deserialize;

use super::csv::{self, Table};
use super::pages::{Frame, PageError, Section, show};
use super::people::{Choice, units_now};
use super::period::{appended, shown, typed_day};
use super::viewer::AuditViewer;
use super::{App, Problem};
use crate::audit::Act;
use crate::output::{people_time, who_words};
use crate::store::people::{AuditLine, AuditQuery};
use crate::store::{Store, StoreError};

/// Lines of one page.
const PAGE: u32 = 100;
/// Lines of one file.
const FILE: u32 = 100_000;

/// What is asked for, as it was typed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    who: String,
    act: String,
    unit: String,
    from: String,
    to: String,
    before: Option<i64>,
    /// Of the API: `csv`.
    format: String,
}

impl Asked {
    /// Days that cannot be read do not narrow.
    pub fn query(&self) -> AuditQuery {
        AuditQuery {
            who: self.who.trim().to_owned(),
            act: self.act.clone(),
            unit: self.unit.trim().to_owned(),
            from: typed_day(&self.from),
            to: typed_day(&self.to),
            before: self.before,
        }
    }

    pub fn as_csv(&self) -> bool {
        self.format == "csv"
    }

    fn kept(&self) -> Vec<(String, String)> {
        let all = [("who", &self.who), ("act", &self.act), ("unit", &self.unit), ("from", &self.from), ("to", &self.to)];
        all.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name.to_owned(), value.clone())).collect()
    }
}

struct Row {
    at: String,
    who: String,
    role: &'static str,
    act: String,
    mark: &'static str,
    subject: String,
    unit: String,
    detail: String,
    address: String,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    frame: Frame,
    rows: Vec<Row>,
    who: String,
    acts: Vec<Choice>,
    units: Vec<Choice>,
    from: String,
    to: String,
    csv: String,
    later: Option<String>,
    first: Option<String>,
}

fn row(line: AuditLine, unit: String) -> Row {
    let act = Act::from_code(&line.act);
    Row {
        at: people_time(&line.at.to_rfc3339()),
        who: who_words(&line.who),
        role: Role::from_code(&line.role).map_or("", Role::words),
        mark: match act {
            Some(Act::Refused | Act::LogInFailed) => "bad",
            Some(Act::View) => "none",
            _ => "",
        },
        act: act.map_or(line.act, |act| act.words().to_owned()),
        subject: line.subject,
        unit,
        detail: line.detail,
        address: line.address,
    }
}

pub async fn page(viewer: AuditViewer, State(app): State<App>, Query(asked): Query<Asked>) -> Result<Response, PageError> {
    app.write_views().await;
    let query = asked.query();
    let (lines, units, organisation) = app
        .read(move |store| -> Result<_, StoreError> {
            Ok((store.audit_list(&query, PAGE + 1)?, store.units()?, store.organisation()?))
        })
        .await??;
    let rest = appended(&asked.kept());
    let last = lines.get(PAGE as usize - 1).filter(|_| lines.len() > PAGE as usize).map(|line| line.n);
    let name = |line: &AuditLine| {
        let key = organisation.resolve(&line.unit, motcua_shared::calendar::local_day(line.at));
        if line.unit.is_empty() { String::new() } else { organisation.name(&key).to_owned() }
    };
    let day = |text: &str| typed_day(text).map(shown).unwrap_or_default();
    let act = |act: Act| Choice { code: act.code().to_owned(), name: act.words().to_owned(), chosen: act.code() == asked.act };
    show(&AuditPage {
        frame: Frame::of(&viewer, Section::Manage),
        rows: lines.into_iter().take(PAGE as usize).map(|line| (name(&line), line)).map(|(unit, line)| row(line, unit)).collect(),
        who: asked.who.clone(),
        acts: Act::ALL.map(act).into(),
        units: units_now(&organisation, &units, &asked.unit),
        from: day(&asked.from),
        to: day(&asked.to),
        csv: format!("/audit.csv?{}", rest.trim_start_matches('&')),
        later: last.map(|n| format!("/audit?before={n}{rest}")),
        first: asked.before.map(|_| format!("/audit?{}", rest.trim_start_matches('&'))),
    })
}

/// The lines as a table.
pub fn table(lines: &[AuditLine]) -> Table {
    let heading = ["Số", "Lúc", "Ai", "Vai trò", "Địa chỉ", "Việc", "Về", "Đơn vị", "Chi tiết", "Trả lời"];
    let row = |line: &AuditLine| {
        vec![
            line.n.to_string(),
            line.at.to_rfc3339(),
            line.who.clone(),
            line.role.clone(),
            line.address.clone(),
            line.act.clone(),
            line.subject.clone(),
            line.unit.clone(),
            line.detail.clone(),
            line.status.to_string(),
        ]
    };
    Table { heading: heading.map(str::to_owned).to_vec(), rows: lines.iter().map(row).collect() }
}

/// What was asked for, the newest first, with what waited to be written.
pub async fn lines(app: &App, asked: &Asked) -> Result<Vec<AuditLine>, Problem> {
    app.write_views().await;
    let query = asked.query();
    Ok(app.read(move |store: &dyn Store| store.audit_list(&query, FILE)).await??)
}

pub async fn page_csv(_: AuditViewer, State(app): State<App>, Query(asked): Query<Asked>) -> Result<Response, PageError> {
    Ok(csv::answer("nhat-ky-truy-cap", &table(&lines(&app, &asked).await?)).into_response())
}

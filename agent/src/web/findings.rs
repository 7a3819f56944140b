//! The page of what does not add up, and where the office explains it.
//!
//! Promise: nothing is repaired here; what an office says of a finding goes to the district as it is written.
//! Start at [`list`].

use askama::Template;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use motcua_shared::access::Right;
use motcua_shared::catalogue::field_name;
use motcua_shared::dictionary::Dictionary;
use motcua_shared::dossier::Code;
use motcua_shared::office::{FindingExplained, LONGEST_WORDS, Reason, check_words};
use motcua_shared::rule::{Regulation, Seen, Standing, regulations, rule_name};
use motcua_shared::text::nfc;
use serde::Deserialize;

use super::fault::HttpError;
use super::viewer::{LeaderViewer, Viewer};
use super::{App, Frame, html};
use crate::office::now;
use crate::store::{Noted, Store, StoreError};
use crate::words;

/// A finding in words.
struct Shown {
    id: String,
    rule: String,
    severity: &'static str,
    tone: &'static str,
    name: String,
    field: String,
    /// [`Finding::compared`].
    compared: String,
    note: String,
    explanations: Vec<String>,
    evidence: Vec<String>,
    basis: String,
    ask: String,
    /// Where it stands with the district.
    state: &'static str,
    settled: bool,
    since: String,
    decided: Option<DecidedShown>,
    said: Vec<Said>,
    /// What was typed and not taken, and why.
    words: String,
    problem: String,
}

struct Said {
    at: String,
    author: String,
    reason: &'static str,
    words: String,
}

/// A decision of the district about the figures as they are.
struct DecidedShown {
    at: String,
    who: String,
    decision: &'static str,
    words: String,
}

struct Group {
    period: String,
    findings: Vec<Shown>,
}

/// A finding that the figures do not give any more.
struct Gone {
    since: String,
    title: String,
    period: String,
    last: String,
}

/// Most findings of the past that are shown.
const MOST_GONE: usize = 50;

struct Choice {
    code: &'static str,
    words: &'static str,
}

#[derive(Template)]
#[template(path = "findings.html")]
struct FindingsPage {
    frame: Option<Frame>,
    nav: &'static str,
    groups: Vec<Group>,
    total: usize,
    /// How many the office has to answer.
    unanswered: usize,
    gone: Vec<Gone>,
    reasons: Vec<Choice>,
    may_explain: bool,
    longest: usize,
}

#[derive(Debug, Default, Deserialize)]
pub struct Typed {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    words: String,
}

/// Everything that is found, period by period.
pub async fn list(viewer: Viewer, State(app): State<App>) -> Result<Response, HttpError> {
    Ok(page(&app, viewer, None).await?.into_response())
}

/// What was typed for a finding, and what is wrong with it.
type Refused = (String, Typed, String);

async fn page(app: &App, viewer: Viewer, refused: Option<Refused>) -> Result<Html<String>, HttpError> {
    let key = app.key.clone();
    let page = app
        .door
        .call(move |store| -> Result<FindingsPage, StoreError> {
            let findings = store.findings(&key, now())?;
            build(store, &viewer, findings, refused.as_ref())
        })
        .await?;
    html(&page)
}

fn build(store: &Store, viewer: &Viewer, findings: Vec<Noted>, refused: Option<&Refused>) -> Result<FindingsPage, StoreError> {
    let tables = store.tables()?;
    let dictionary = &tables.book.dictionary;
    let total = findings.len();
    let mut groups: Vec<Group> = Vec::new();
    let unanswered = findings.iter().filter(|noted| matches!(noted.state, Standing::Open | Standing::Rejected)).count();
    for noted in findings {
        let period = noted.finding.period().words();
        let mut shown = show(&noted, dictionary.name(&noted.finding.indicator));
        if let Some((_, typed, problem)) = refused.filter(|(id, ..)| *id == noted.finding.id) {
            (shown.words, shown.problem) = (typed.words.clone(), problem.clone());
        }
        match groups.last_mut().filter(|group| group.period == period) {
            Some(group) => group.findings.push(shown),
            None => groups.push(Group { period, findings: vec![shown] }),
        }
    }
    Ok(FindingsPage {
        frame: Frame::read(store, viewer)?,
        nav: "findings",
        groups,
        total,
        unanswered,
        gone: store.findings_gone()?.into_iter().take(MOST_GONE).map(|seen| gone(&seen, dictionary)).collect(),
        reasons: Reason::ALL.iter().map(|(reason, code)| Choice { code, words: reason.words() }).collect(),
        may_explain: viewer.may(Right::Answer),
        longest: LONGEST_WORDS,
    })
}

fn gone(seen: &Seen, dictionary: &Dictionary) -> Gone {
    let Seen { finding, gone_since, .. } = seen;
    let name = if finding.indicator.is_empty() { "" } else { dictionary.name(&finding.indicator) };
    let rule = rule_name(&finding.rule);
    Gone {
        since: gone_since.map_or_else(String::new, |at| words::shown_time(&at.to_rfc3339())),
        title: if name.is_empty() { rule.to_owned() } else { format!("{rule}: {name}") },
        period: finding.period().words(),
        last: if finding.compared().is_empty() { finding.note.clone() } else { finding.compared() },
    }
}

fn show(noted: &Noted, name: &str) -> Shown {
    let finding = &noted.finding;
    let said = noted.said.iter().map(|one| Said {
        at: words::shown_time(&one.recorded_at.to_rfc3339()),
        author: one.author.clone(),
        reason: one.explained.reason.words(),
        words: one.explained.words.clone(),
    });
    let decided = noted.decided.as_ref().map(|decided| DecidedShown {
        at: words::shown_time(&decided.at.to_rfc3339()),
        who: decided.who.clone(),
        decision: decided.decision.words(),
        words: decided.words.clone(),
    });
    Shown {
        id: finding.id.clone(),
        rule: rule_name(&finding.rule).to_owned(),
        severity: finding.severity.words(),
        tone: finding.severity.code(),
        name: if finding.indicator.is_empty() { String::new() } else { name.to_owned() },
        field: if finding.field.is_empty() { String::new() } else { field_name(&finding.field).to_owned() },
        compared: finding.compared(),
        note: finding.note.clone(),
        explanations: finding.explanations.clone(),
        evidence: finding.evidence.clone(),
        basis: finding.basis.clone(),
        ask: finding.ask.clone(),
        state: noted.state.words(),
        settled: noted.state == Standing::Accepted,
        since: words::shown_time(&noted.first_seen.to_rfc3339()),
        decided,
        said: said.collect(),
        words: String::new(),
        problem: String::new(),
    }
}

#[derive(Template)]
#[template(path = "rules.html")]
struct RulesPage {
    frame: Option<Frame>,
    nav: &'static str,
    rules: Vec<Regulation>,
}

/// What is checked, and on what law it rests.
pub async fn rules(viewer: Viewer, State(app): State<App>) -> Result<Response, HttpError> {
    let page = app
        .door
        .call(move |store| -> Result<RulesPage, StoreError> {
            let rules = regulations(&store.tables()?.book);
            Ok(RulesPage { frame: Frame::read(store, &viewer)?, nav: "findings", rules })
        })
        .await?;
    Ok(html(&page)?.into_response())
}

/// The office says why a finding is so.
pub async fn explain(
    viewer: LeaderViewer,
    State(app): State<App>,
    Path(id): Path<String>,
    Form(typed): Form<Typed>,
) -> Result<Response, HttpError> {
    let typed = Typed { words: nfc(&typed.words), ..typed };
    let problem = match (Reason::from_code(&typed.reason), check_words(&typed.words)) {
        (None, _) => Some("Hãy chọn một lý do.".to_owned()),
        (Some(Reason::Other), Ok(())) if typed.words.is_empty() => Some("Lý do khác thì phải viết rõ.".to_owned()),
        (Some(_), Err(problem)) => Some(format!("Lời giải trình {problem}.")),
        _ => None,
    };
    if let Some(problem) = problem {
        let page = page(&app, (*viewer).clone(), Some((id, typed, problem))).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    let Some(reason) = Reason::from_code(&typed.reason) else { return Ok(Redirect::to("/findings").into_response()) };
    let asked = id.clone();
    let found = app
        .write(&viewer, move |store, pen| {
            let noted = store.findings(pen.key, pen.now)?.into_iter().find(|noted| noted.finding.id == asked);
            let Some(noted) = noted else { return Ok(false) };
            store.finding_explain(FindingExplained::of(&noted.finding, reason, typed.words), pen)?;
            Ok(true)
        })
        .await?;
    if found {
        return Ok(Redirect::to(&format!("/findings#f-{id}")).into_response());
    }
    Err(HttpError::new(
        StatusCode::NOT_FOUND,
        "Phát hiện này không còn nữa: số liệu đã thay đổi.",
        "Lời giải trình chưa được lưu.",
        "Hãy mở lại trang Kiểm tra số liệu.",
    ))
}

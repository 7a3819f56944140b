//! Pages about what does not add up: the list, one finding with its history and the district's decision, a letter.
//!
//! Promise: nobody's figure is changed here; a decision names who made it and stays. Start at [`list`].

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use motcua_shared::access::node::Right;
use motcua_shared::catalogue::field_name;
use motcua_shared::decision::Decision;
use motcua_shared::dictionary::Dictionary;
use motcua_shared::dossier::Code;
use motcua_shared::rule::{Book, Finding, Regulation, Shown, Standing, Turn, regulations, rule_name};
use motcua_shared::text::{nfc, number};
use serde::Deserialize;
use tokio::sync::Notify;

use super::pages::{Frame, PageError, Section, show};
use super::viewer::{DecidingViewer, FindingsOf, Viewer};
use super::{App, Problem, now};
use crate::audit::{self, Act};
use crate::findings::{self, FindingsError, Listed};
use crate::output::people_time;
use crate::reference;
use crate::store::{Store, StoreError};

/// Longest reason of a decision, in letters.
const LONGEST: usize = 600;

impl From<FindingsError> for Problem {
    fn from(error: FindingsError) -> Self {
        match error {
            FindingsError::Store(error) => error.into(),
            FindingsError::Reference(error) => Problem::ours(&error),
        }
    }
}

/// Which findings are shown.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    unit: String,
    rule: String,
    /// `2021-12-15..2022-12-14`.
    period: String,
    state: String,
}

struct Choice {
    code: String,
    name: String,
    chosen: bool,
}

struct Row {
    href: String,
    unit: String,
    period: String,
    rule: String,
    name: String,
    severity: &'static str,
    declared: String,
    expected: String,
    gap: String,
    state: &'static str,
    since: String,
}

#[derive(Template)]
#[template(path = "findings.html")]
struct ListPage {
    frame: Frame,
    units: Vec<Choice>,
    rules: Vec<Choice>,
    periods: Vec<Choice>,
    states: Vec<Choice>,
    rows: Vec<Row>,
    /// Address of the letter to the one unit that is shown.
    letter: String,
}

/// Checks what is due, and lists what the viewer sees.
async fn all(app: &App, viewer: &Viewer) -> Result<(Vec<Listed>, Dictionary), PageError> {
    let at = now();
    let mut all: (Vec<Listed>, Dictionary) = app
        .write(move |store| -> Result<_, FindingsError> {
            findings::recheck_due(store, at)?;
            let (_, snapshot) = reference::in_force(store)?;
            Ok((findings::list(store, None)?, Dictionary::with(&snapshot.indicators)))
        })
        .await??;
    all.0.retain(|one| viewer.sees(&one.key));
    Ok(all)
}

pub async fn list(viewer: FindingsOf, State(app): State<App>, Query(mut asked): Query<Asked>) -> Result<Response, PageError> {
    let (all, dictionary) = all(&app, &viewer).await?;
    if let Some(own) = &viewer.own {
        asked.unit.clone_from(&own.key);
    }
    let mut units: Vec<(String, String)> = all.iter().map(|one| (one.key.clone(), one.unit_name.clone())).collect();
    units.dedup();
    let mut rules: Vec<String> = all.iter().map(|one| one.finding.rule.clone()).collect();
    rules.sort();
    rules.dedup();
    let of_period = |finding: &Finding| format!("{}..{}", finding.from, finding.to);
    let mut periods: Vec<(String, String)> =
        all.iter().map(|one| (of_period(&one.finding), one.finding.period().words())).collect();
    periods.sort();
    periods.dedup();
    let state = if asked.state.is_empty() { "unsettled" } else { &asked.state };
    let shown = all.iter().filter(|one| {
        (asked.unit.is_empty() || one.key == asked.unit)
            && (asked.rule.is_empty() || one.finding.rule == asked.rule)
            && (asked.period.is_empty() || of_period(&one.finding) == asked.period)
            && match state {
                "all" => true,
                "unsettled" => one.state.is_unsettled(),
                code => one.state.code() == code,
            }
    });
    let rows = shown.map(|one| row(one, &dictionary)).collect();
    let choice =
        |code: &str, name: &str, chosen: &str| Choice { code: code.to_owned(), name: name.to_owned(), chosen: code == chosen };
    let states = [("unsettled", "chưa xong"), ("all", "tất cả")].into_iter();
    let states = states.chain(Standing::ALL.iter().map(|(standing, code)| (*code, standing.words())));
    show(&ListPage {
        frame: Frame::of(&viewer, Section::Findings),
        units: units.iter().map(|(key, name)| choice(key, name, &asked.unit)).collect(),
        rules: rules.iter().map(|rule| choice(rule, rule_name(rule), &asked.rule)).collect(),
        periods: periods.iter().map(|(code, name)| choice(code, name, &asked.period)).collect(),
        states: states.map(|(code, name)| choice(code, name, state)).collect(),
        rows,
        letter: if asked.unit.is_empty() { String::new() } else { format!("/findings/{}/letter", asked.unit) },
    })
}

#[derive(Template)]
#[template(path = "rules.html")]
struct RulesPage {
    frame: Frame,
    rules: Vec<Regulation>,
}

/// What is checked, and on what law it rests.
pub async fn rules(viewer: FindingsOf, State(app): State<App>) -> Result<Response, PageError> {
    let book = app
        .read(|store| -> Result<Book, FindingsError> {
            let (_, snapshot) = reference::in_force(store)?;
            Ok(Book::with(&snapshot.indicators, &snapshot.rules, &snapshot.targets))
        })
        .await??;
    show(&RulesPage { frame: Frame::of(&viewer, Section::Findings), rules: regulations(&book) })
}

fn name_of(finding: &Finding, dictionary: &Dictionary) -> String {
    if finding.indicator.is_empty() {
        return String::new();
    }
    let name = dictionary.name(&finding.indicator);
    if finding.field.is_empty() { name.to_owned() } else { format!("{name} ({})", field_name(&finding.field)) }
}

fn row(one: &Listed, dictionary: &Dictionary) -> Row {
    let finding = &one.finding;
    let shown = |shown: &Shown| if *shown == Shown::Nothing { String::new() } else { shown.to_string() };
    Row {
        href: format!("/findings/{}/{}", one.key, finding.id),
        unit: one.unit_name.clone(),
        period: finding.period().days(),
        rule: rule_name(&finding.rule).to_owned(),
        name: name_of(finding, dictionary),
        severity: finding.severity.words(),
        declared: shown(&finding.declared),
        expected: shown(&finding.expected),
        gap: finding.gap.map_or_else(String::new, number),
        state: one.state.words(),
        since: people_time(&one.first_seen),
    }
}

struct Line {
    at: String,
    words: String,
}

#[derive(Template)]
#[template(path = "finding.html")]
struct FindingPage {
    frame: Frame,
    row: Row,
    finding: Finding,
    /// [`Finding::compared`].
    compared: String,
    explained: Vec<Line>,
    history: Vec<Line>,
    may_decide: bool,
    gone: bool,
    words: String,
    problem: String,
}

pub async fn one(
    viewer: FindingsOf,
    State(app): State<App>,
    Path((unit, id)): Path<(String, String)>,
) -> Result<Response, PageError> {
    page(&viewer, &app, &unit, &id, (String::new(), String::new())).await
}

async fn page(
    viewer: &Viewer,
    app: &App,
    unit: &str,
    id: &str,
    (words, problem): (String, String),
) -> Result<Response, PageError> {
    let (all, dictionary) = all(app, viewer).await?;
    let Some(one) = all.into_iter().find(|one| one.key == unit && one.finding.id == id) else { return Err(gone().into()) };
    let answered = one.explained.iter().map(|answer| Line {
        at: people_time(&answer.at),
        words: match answer.words.as_str() {
            "" => format!("{}: {}", answer.author, answer.reason.words()),
            words => format!("{}: {}. {words}", answer.author, answer.reason.words()),
        },
    });
    let happened = one.history.iter().map(|happened| Line {
        at: people_time(&happened.at),
        words: event_words(&happened.kind, &happened.who, &happened.words),
    });
    show(&FindingPage {
        frame: Frame::of(viewer, Section::Findings),
        row: row(&one, &dictionary),
        explained: answered.collect(),
        history: happened.collect(),
        may_decide: viewer.may(Right::Decide),
        gone: one.state == Standing::Gone,
        compared: one.finding.compared(),
        finding: one.finding,
        words,
        problem,
    })
}

fn event_words(kind: &str, who: &str, words: &str) -> String {
    let turn = Turn::from_code(kind).map(Turn::words);
    let what = turn.or(Decision::from_code(kind).map(Decision::words)).unwrap_or(kind);
    let by = if who.is_empty() { String::new() } else { format!(" ({who})") };
    if words.is_empty() { format!("{what}{by}") } else { format!("{what}{by}: {words}") }
}

fn gone() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "no-finding",
        "Không có phát hiện này",
        "Phát hiện này không có, hoặc số liệu đã thay đổi nên không còn; chưa ghi gì. Hãy mở lại danh sách phát hiện.",
    )
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    decision: String,
    words: String,
}

pub async fn decide(
    viewer: DecidingViewer,
    State(app): State<App>,
    Path((unit, id)): Path<(String, String)>,
    form: Result<Form<Typed>, FormRejection>,
) -> Result<Response, PageError> {
    let Form(Typed { decision, words }) = form.unwrap_or_default();
    let words = nfc(&words);
    let problem = match Decision::from_code(&decision) {
        None => Some("Hãy chọn chấp nhận, không chấp nhận hoặc mở lại."),
        Some(Decision::Reject) if words.is_empty() => Some("Không chấp nhận thì phải ghi lý do để đơn vị biết."),
        Some(_) if words.chars().count() > LONGEST => Some("Lý do dài quá 600 chữ."),
        Some(_) => None,
    };
    let (Some(decision), None) = (Decision::from_code(&decision), problem) else {
        let problem = problem.unwrap_or_default().to_owned();
        let page = page(&viewer, &app, &unit, &id, (words, problem)).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    };
    let back = format!("/findings/{unit}/{id}");
    let by = viewer.by();
    let decided = app
        .write(move |store| -> Result<_, crate::store::StoreError> {
            let decided = findings::decide(store, (&unit, &id), decision, (&by.who, &words), by.at)?;
            if decided {
                audit::note_of(store, &by, Act::FindingDecided, (&id, &unit), decision.words())?;
            }
            Ok(decided)
        })
        .await??;
    if decided { Ok(Redirect::to(&back).into_response()) } else { Err(gone().into()) }
}

#[derive(Template)]
#[template(path = "letter.html")]
struct LetterPage {
    frame: Frame,
    node: String,
    unit: String,
    today: String,
    asked: Vec<Question>,
}

/// One thing that a commune is asked.
struct Question {
    title: String,
    period: String,
    note: String,
    explanations: Vec<String>,
    evidence: String,
    basis: String,
    ask: String,
    /// Why its explanation was not accepted; empty: it gave none, or no reason was given.
    rejected: String,
}

fn question(one: &Listed, dictionary: &Dictionary) -> Question {
    let finding = &one.finding;
    let name = name_of(finding, dictionary);
    let rejected = one.history.iter().rfind(|happened| happened.kind == Decision::Reject.code());
    let rejected = rejected.filter(|_| one.state == Standing::Rejected);
    Question {
        title: if name.is_empty() {
            rule_name(&finding.rule).to_owned()
        } else {
            format!("{}: {name}", rule_name(&finding.rule))
        },
        period: finding.period().words(),
        note: finding.note.clone(),
        explanations: finding.explanations.clone(),
        evidence: finding.evidence.join(", "),
        basis: finding.basis.clone(),
        ask: finding.ask.clone(),
        rejected: rejected.map_or_else(String::new, |happened| happened.words.clone()),
    }
}

/// What a commune is asked, on paper.
pub async fn letter(viewer: FindingsOf, State(app): State<App>, Path(unit): Path<String>) -> Result<Response, PageError> {
    let (all, dictionary) = all(&app, &viewer).await?;
    let unit = viewer.own.as_ref().map_or(unit, |own| own.key.clone());
    let open: Vec<&Listed> =
        all.iter().filter(|one| one.key == unit && matches!(one.state, Standing::Open | Standing::Rejected)).collect();
    let asked = unit.clone();
    let (node, unit) = app
        .read(move |store: &dyn Store| -> Result<_, StoreError> {
            let node = crate::rollup::node(store)?.code;
            Ok((crate::authority::unit_name(store, &node)?, crate::authority::unit_name(store, &asked)?))
        })
        .await??;
    show(&LetterPage {
        frame: Frame::of(&viewer, Section::Findings),
        node,
        unit,
        today: now().format("ngày %d tháng %m năm %Y").to_string(),
        asked: open.iter().map(|one| question(one, &dictionary)).collect(),
    })
}

/// Units that have sent everything they have, and wait to be checked.
#[derive(Default)]
pub(super) struct Checks {
    waiting: Mutex<BTreeSet<String>>,
    news: Notify,
}

impl Checks {
    /// Asks for a unit to be checked soon. Costs the asking request nothing.
    pub fn ask(&self, unit: String) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(unit);
        self.news.notify_one();
    }

    /// Waits until there are any.
    async fn asked(&self) -> BTreeSet<String> {
        loop {
            let asked = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
            if !asked.is_empty() {
                return asked;
            }
            self.news.notified().await;
        }
    }
}

/// How often it is looked whether anything else is to be checked.
const EVERY: Duration = Duration::from_mins(1);

/// Checks each unit as soon as everything that it has is here; those whose sending broke off, once they are quiet; and all
/// of them on each new day. Does not end.
pub async fn keep_checking(app: App) {
    let mut tick = tokio::time::interval(EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let due: Vec<String> = tokio::select! {
            asked = app.0.checks.asked() => asked.into_iter().collect(),
            _ = tick.tick() => {
                let due = app.read(|store| findings::due_and_quiet(store, now())).await;
                due.ok().and_then(Result::ok).unwrap_or_default()
            }
        };
        for unit in due {
            let checked = app.write(move |store| findings::recheck(store, &unit, now())).await;
            if let Ok(Err(error)) = checked {
                tracing::error!(%error, "findings could not be checked");
            }
        }
    }
}

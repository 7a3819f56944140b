//! Figures that only the office knows, typed in for a period beside what the dossiers give and what was declared before.
//!
//! Promise: what was typed stays typed, with every fault shown; what is saved is an entry of the log, and an earlier figure
//! stays beside the one that corrects it. The same form twice saves nothing more. Start at [`show`] and [`save`].

use std::collections::BTreeMap;

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use motcua_shared::declared::whole_number;
use motcua_shared::dictionary::Dictionary;
use motcua_shared::indicator::Sums;
use motcua_shared::office::Figure;
use motcua_shared::text::{nfc, number};
use serde::Deserialize;

use super::fault::HttpError;
use super::report::Chosen;
use super::viewer::{DeclaringViewer, Viewer};
use super::{App, Frame, html};
use crate::store::{self, Store};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    kind: String,
    year: String,
    from: String,
    to: String,
    saved: String,
}

/// An indicator as a line of the form.
struct Line {
    code: String,
    name: String,
    unit: String,
    /// What the dossiers give; empty where only the office knows.
    computed: String,
    declared: String,
    /// Declared and computed do not agree.
    differs: bool,
    before: String,
    typed: String,
    problem: &'static str,
}

#[derive(Template)]
#[template(path = "declared.html")]
struct DeclaredPage {
    frame: Option<Frame>,
    nav: &'static str,
    chosen: Chosen,
    action: &'static str,
    lines: Vec<Line>,
    saved: String,
    faulty: bool,
}

/// The prefix of a field that carries a figure.
const FIELD: &str = "figure.";

pub async fn show(viewer: Viewer, State(app): State<App>, Query(asked): Query<Asked>) -> Result<Response, HttpError> {
    let chosen = Chosen::of(&asked.kind, &asked.year, &asked.from, &asked.to);
    let status = chosen.status();
    let saved = asked.saved.parse::<i64>().map(number).unwrap_or_default();
    let page = app.read(move |store, _| page(store, &viewer, chosen, &BTreeMap::new(), saved)).await?;
    Ok((status, html(&page)?).into_response())
}

fn page(
    store: &Store,
    viewer: &Viewer,
    chosen: Chosen,
    typed: &BTreeMap<String, String>,
    saved: String,
) -> store::Result<DeclaredPage> {
    let mut sums = Sums::default();
    for field in store.sums(chosen.period.from, chosen.period.to)? {
        sums.add(&Sums { before: field.before, within: field.within });
    }
    let figures = store.declared()?;
    let stands = |period, code: &str| figures.find(period, code, "").and_then(Figure::amount);
    let shown = |value: Option<i64>| value.map(number).unwrap_or_default();
    let lines: Vec<Line> = Dictionary::starter()
        .iter()
        .map(|indicator| {
            let (computed, declared) = (indicator.computed(&sums), stands(chosen.period, &indicator.code));
            let typed = typed.get(&indicator.code).cloned().unwrap_or_default();
            Line {
                code: indicator.code.clone(),
                name: indicator.name.clone(),
                unit: indicator.unit.clone(),
                computed: shown(computed),
                declared: shown(declared),
                differs: computed.zip(declared).is_some_and(|(computed, declared)| computed != declared),
                before: shown(stands(chosen.previous, &indicator.code)),
                problem: if typed.is_empty() { "" } else { whole_number(&typed).err().unwrap_or("") },
                typed,
            }
        })
        .collect();
    let faulty = lines.iter().any(|line| !line.problem.is_empty());
    Ok(DeclaredPage { frame: Frame::read(store, viewer)?, nav: "ii06", chosen, action: "/declared", lines, saved, faulty })
}

/// Saves what was typed; what was left empty stays as it was declared.
pub async fn save(
    viewer: DeclaringViewer,
    State(app): State<App>,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, HttpError> {
    let value = |name: &str| pairs.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value).to_owned();
    let chosen = Chosen::of("", "", &value("from"), &value("to"));
    if !chosen.problem.is_empty() {
        return Err(HttpError::parameter(chosen.problem, "Hãy chọn lại kỳ báo cáo."));
    }
    let typed: BTreeMap<String, String> = pairs
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix(FIELD)?.to_owned(), nfc(value))))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    let dictionary = Dictionary::starter();
    let figures: Option<Vec<Figure>> = typed
        .iter()
        .filter(|(code, _)| dictionary.find(code).is_some())
        .map(|(code, value)| {
            let value = whole_number(value).ok()?;
            Some(Figure { indicator: code.clone(), value: Some(value), ..Figure::default() })
        })
        .collect();
    let Some(figures) = figures else {
        let viewer = (*viewer).clone();
        let page = app.read(move |store, _| page(store, &viewer, chosen, &typed, String::new())).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, html(&page)?).into_response());
    };
    let (period, query) = (chosen.period, chosen.query());
    let (new, corrected) = app.write(&viewer, move |store, pen| store.declare(vec![(period, figures)], pen)).await?;
    Ok(Redirect::to(&format!("/declared?{query}&saved={}", new + corrected)).into_response())
}

//! The form to receive a dossier.
//!
//! Promise: saving the same form twice saves it once; a form that was changed after it was saved is never taken for the
//! saved one; what was typed stays typed; a clock that is doubted gives no dossier its date before a person has looked at
//! the calendar. Start at [`save`].

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::NaiveDate;
use motcua_shared::calendar::local_day;
use motcua_shared::catalogue::{CORE_FIELDS, Catalogue, Procedure, field_name};
use motcua_shared::clock::{self, Doubt};
use motcua_shared::dossier::{Channel, Code, SubmittedBy};
use motcua_shared::reception::{Draft, Reception};
use motcua_shared::seal::OfficeKey;
use motcua_shared::typed::{self, FieldError};
use uuid::Uuid;

use super::fault::HttpError;
use super::viewer::{ClerkViewer, Viewer};
use super::{App, Frame, html};
use crate::office::now;
use crate::store::{self, Store};
use crate::words;

struct Choice {
    code: String,
    name: String,
}

struct Group {
    name: String,
    procedures: Vec<Choice>,
}

#[derive(Template)]
#[template(path = "reception.html")]
struct ReceptionPage {
    frame: Option<Frame>,
    nav: &'static str,
    draft: Draft,
    faults: Vec<FieldError>,
    groups: Vec<Group>,
    channels: Vec<Choice>,
    submitters: Vec<Choice>,
    lacks: Vec<Choice>,
    /// Why the clock is doubted; empty when it is not.
    clock: String,
}

impl ReceptionPage {
    /// What is wrong with a field; empty when nothing is.
    fn problem(&self, field: &str) -> &str {
        self.faults.iter().find(|fault| fault.field == field).map_or("", |fault| &fault.problem)
    }
}

/// An empty form, with the time filled in.
pub async fn blank(viewer: ClerkViewer, State(app): State<App>) -> Result<Response, HttpError> {
    let draft = Draft {
        id: Uuid::now_v7().to_string(),
        channel: Channel::InPerson.code().to_owned(),
        submitted_by: SubmittedBy::Citizen.code().to_owned(),
        received_at: words::time(now()),
        ..Draft::default()
    };
    form(&app, &viewer, draft, Vec::new()).await
}

async fn form(app: &App, viewer: &Viewer, draft: Draft, faults: Vec<FieldError>) -> Result<Response, HttpError> {
    let viewer = viewer.clone();
    let (frame, tables) = app.read(move |store, _| Ok((Frame::read(store, &viewer)?, store.tables()?))).await?;
    let clock = clock_doubt(app).await?.map_or_else(String::new, |doubt| words::clock_doubt(doubt, now()));
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let channels = choices(words::channel_name);
    let submitters = choices(words::submitter_name);
    let lacks = choices(words::lack_name);
    let groups = groups(&tables.catalogue, local_day(now()));
    let page = ReceptionPage { frame, nav: "new", draft, faults, groups, channels, submitters, lacks, clock };
    Ok((status, html(&page)?).into_response())
}

/// Every value of an enum with its name.
fn choices<T: Code>(name: fn(T) -> &'static str) -> Vec<Choice> {
    T::ALL.iter().map(|(value, code)| Choice { code: (*code).to_owned(), name: name(*value).to_owned() }).collect()
}

/// Procedures that can be asked for today, under their fields: the core fields first.
fn groups(catalogue: &Catalogue, today: NaiveDate) -> Vec<Group> {
    let mut fields: Vec<&str> = CORE_FIELDS.to_vec();
    for procedure in catalogue.in_force(today) {
        if !fields.contains(&procedure.field.as_str()) {
            fields.push(&procedure.field);
        }
    }
    let of = |field: &str| {
        let mut procedures: Vec<&Procedure> = catalogue.in_force(today).filter(|procedure| procedure.field == field).collect();
        procedures.sort_by_key(|procedure| motcua_shared::text::fold(&procedure.name));
        procedures.into_iter().map(choice).collect()
    };
    fields.iter().map(|field| Group { name: field_name(field).to_owned(), procedures: of(field) }).collect()
}

fn choice(procedure: &Procedure) -> Choice {
    const LONGEST: usize = 110;
    let mut name: String = procedure.name.chars().take(LONGEST).collect();
    if name.len() < procedure.name.len() {
        name.push('…');
    }
    let limit = words::procedure_limit(procedure);
    Choice { name: format!("{name} ({}, {limit})", procedure.code), code: procedure.code.clone() }
}

/// What became of a form.
enum Saved {
    As(String),
    /// Not: this is wrong with it.
    Faulty(Vec<FieldError>),
    /// It was saved before, and has been changed since.
    ChangedSince(String),
}

/// Saves the form and shows the dossier, or shows the form again with all that is wrong.
pub async fn save(viewer: ClerkViewer, State(app): State<App>, Form(mut draft): Form<Draft>) -> Result<Response, HttpError> {
    let doubted = clock_doubt(&app).await?.is_some();
    let clock_fault = if doubted { day_fault(&draft.today) } else { None };
    let typed = draft.clone();
    let saved = app
        .write(&viewer, move |store, pen| {
            // In one turn with the saving: no other catalogue comes between.
            let tables = store.tables()?;
            let reception = match (typed.check(&tables.catalogue, &tables.calendar, now()), clock_fault) {
                (Ok(reception), None) => reception,
                (checked, clock_fault) => {
                    return Ok(Saved::Faulty(clock_fault.into_iter().chain(checked.err().into_iter().flatten()).collect()));
                }
            };
            if doubted {
                store.clock_checked(now())?;
            }
            if let Some(problem) = reception.received.follows.as_deref().map_or(Ok(None), |slip| store.slip_problem(slip))?
                && store.dossier_code(reception.id)?.is_none()
            {
                return Ok(Saved::Faulty(vec![FieldError::new("follows", problem)]));
            }
            match changed_since(store, &reception, pen.key)? {
                Some(code) => Ok(Saved::ChangedSince(code)),
                None => store.receive(reception, pen).map(Saved::As),
            }
        })
        .await?;
    if doubted && !matches!(saved, Saved::Faulty(_)) {
        app.sender.clock_trusted();
    }
    match saved {
        Saved::Faulty(faults) => {
            if Uuid::parse_str(&draft.id).is_err() {
                draft.id = Uuid::now_v7().to_string();
            }
            form(&app, &viewer, draft, faults).await
        }
        Saved::As(code) => {
            let kind = if draft.answer.is_empty() { "received" } else { draft.answer.as_str() };
            Ok(Redirect::to(&format!("{}?saved={kind}", super::dossier::address(&code))).into_response())
        }
        Saved::ChangedSince(code) => {
            draft.id = Uuid::now_v7().to_string();
            let problem = format!(
                "Mẫu này đã được lưu trước đó thành hồ sơ {code}; nội dung bây giờ khác nên CHƯA lưu. \
                 Nếu đây là hồ sơ mới, hãy bấm Lưu một lần nữa."
            );
            form(&app, &viewer, draft, vec![FieldError::new("id", problem)]).await
        }
    }
}

/// Why this PC's clock is not believed, if it is not.
async fn clock_doubt(app: &App) -> Result<Option<Doubt>, HttpError> {
    let known = app.read(|store, _| store.clock_known()).await?;
    Ok(clock::doubt(&app.sender.clock_known(known), now()))
}

/// A person who looks at the calendar must find the day that the clock shows: it goes into the dossier's code.
fn day_fault(typed_day: &str) -> Option<FieldError> {
    let shown = local_day(now());
    let problem = match typed::day(typed_day) {
        Some(day) if day == shown => return None,
        Some(_) => format!(
            "máy đang ghi ngày {}, khác ngày vừa gõ; hãy chỉnh lại ngày giờ của máy rồi bấm Lưu lần nữa",
            shown.format("%d/%m/%Y")
        ),
        None => "hãy nhìn lịch và gõ ngày hôm nay, ví dụ 24/11/2026".to_owned(),
    };
    Some(FieldError::new("today", problem))
}

/// The code under which this form was saved before with other contents.
fn changed_since(store: &Store, reception: &Reception, key: &OfficeKey) -> store::Result<Option<String>> {
    let Some(code) = store.dossier_code(reception.id)? else { return Ok(None) };
    let (_, steps) = store.dossier_history(&code, key)?;
    let first = steps.into_iter().next();
    let same = first.is_some_and(|step| {
        step.event.map(|event| event.unnumbered()) == Some(reception.event(code.clone()))
            && step.sealed.as_ref() == Some(&reception.person)
    });
    Ok((!same).then_some(code))
}

//! What is handed to the citizen or goes with the papers, ready to print: the request for more, the refusal, the apology,
//! the control sheet, the sheet to sign when a result is fetched.
//!
//! Promise: a slip says what the log says, under the number and name that the dossier's own law gives the form; only what
//! happened can be printed. Start at [`offered`] and [`show`].

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Html;
use motcua_shared::calendar::{LocalTime, local_day};
use motcua_shared::dossier::{Event, Outcome};
use motcua_shared::ruleset::Form;
use motcua_shared::seal::{OfficeKey, Sealed};

use super::dossier::Known;
use super::fault::HttpError;
use super::viewer::Viewer;
use super::{App, Frame, html};
use crate::office::now;
use crate::store::{self, Store};
use crate::words;

/// Code of the sheet that the law gives no number: who took the result signs it.
const RETURN: &str = "return";

/// One line of what a slip says.
struct Fact {
    name: &'static str,
    value: String,
}

/// A stay, as the control sheet lists it.
struct Stay {
    to: String,
    given: String,
    back: String,
    result: &'static str,
}

#[derive(Template)]
#[template(path = "slip.html")]
struct SlipPage {
    frame: Option<Frame>,
    nav: &'static str,
    office: String,
    code: String,
    /// Number of the form; empty where it has none.
    number: &'static str,
    name: String,
    facts: Vec<Fact>,
    stays: Vec<Stay>,
    /// What the office says, in its own words.
    words: String,
    day: String,
    /// Who signs, left and right.
    signs: (&'static str, &'static str),
}

/// Slips that can be printed for a dossier: code and name.
pub(super) fn offered(known: &Known) -> Vec<(&'static str, String)> {
    let rules = known.dossier.ruleset();
    let forms = [Form::SupplementRequest, Form::Refusal, Form::Apology, Form::StopNotice, Form::ControlSheet];
    let of_law = forms.into_iter().filter(|form| happened(known, *form)).filter_map(|form| {
        let title = rules.form(form)?;
        Some((motcua_shared::dossier::Code::code(form), format!("{}: {}", title.number, title.name)))
    });
    let fetched = known.dossier.finished.map(|_| (RETURN, "Phiếu ký nhận kết quả".to_owned()));
    of_law.chain(fetched).collect()
}

/// Whether what a form tells has happened.
fn happened(known: &Known, form: Form) -> bool {
    match form {
        Form::ControlSheet => known.dossier.received.is_some(),
        Form::Receipt | Form::Book => false,
        form => told(known, form).is_some(),
    }
}

/// When the newest event that a form tells of happened, and the words that were sealed with it.
fn told(known: &Known, form: Form) -> Option<(LocalTime, String)> {
    let tells = |event: &Event| match (form, event) {
        (Form::SupplementRequest, Event::SupplementRequested(_) | Event::Guided(_))
        | (Form::Refusal, Event::Declined(_))
        | (Form::Apology, Event::Extended(_)) => true,
        (Form::Refusal, Event::Finished(finished)) => finished.outcome == Outcome::Refused,
        (Form::StopNotice, Event::Finished(finished)) => finished.outcome == Outcome::Stopped,
        _ => false,
    };
    let step = known.steps.iter().rev().find(|step| step.event.as_ref().is_some_and(tells))?;
    let at = step.event.as_ref().and_then(words::happened_at).unwrap_or(step.recorded_at);
    Some((at, step.sealed.as_ref().and_then(|sealed| sealed.note.clone()).unwrap_or_default()))
}

/// A slip as a page to print.
pub async fn show(
    viewer: Viewer,
    State(app): State<App>,
    Path((code, slip)): Path<(String, String)>,
) -> Result<Html<String>, HttpError> {
    let read = move |store: &Store, key: &OfficeKey| -> store::Result<Option<SlipPage>> {
        let known = Known::read(store, key, &code)?;
        if !offered(&known).iter().any(|(offered, _)| *offered == slip) {
            return Ok(None);
        }
        Ok(Some(page(&known, &slip, store.office()?.name, Frame::read(store, &viewer)?)))
    };
    match app.read(read).await? {
        Some(page) => html(&page),
        None => Err(HttpError::of_status(StatusCode::NOT_FOUND)),
    }
}

fn page(known: &Known, slip: &str, office: String, frame: Option<Frame>) -> SlipPage {
    let form = motcua_shared::dossier::Code::from_code(slip);
    let title = form.and_then(|form| known.dossier.ruleset().form(form));
    let told = form.and_then(|form| told(known, form));
    let at = told.as_ref().map_or_else(now, |(at, _)| *at);
    let mut facts = person(&known.person);
    facts.extend(dossier(known));
    if form == Some(Form::Apology) {
        facts.extend(apology(known));
    }
    SlipPage {
        frame,
        nav: "",
        office,
        code: known.row.code.clone(),
        number: title.map_or("", |title| title.number),
        name: title.map_or_else(|| "Phiếu ký nhận kết quả".to_owned(), |title| title.name.to_owned()),
        facts,
        stays: if form == Some(Form::ControlSheet) { stays(known) } else { Vec::new() },
        words: told.map(|(_, words)| words).unwrap_or_default(),
        day: local_day(at).format("ngày %d tháng %m năm %Y").to_string(),
        signs: match form {
            Some(Form::ControlSheet) => ("Người giao", "Người nhận"),
            None => ("Người nhận kết quả", "Người trả kết quả"),
            Some(_) => ("Người nộp hồ sơ", "Người lập phiếu"),
        },
    }
}

fn person(person: &Sealed) -> Vec<Fact> {
    let parts = [
        ("Người nộp hồ sơ", &person.name),
        ("Số căn cước", &person.identity),
        ("Địa chỉ", &person.address),
        ("Điện thoại", &person.phone),
    ];
    parts.into_iter().filter_map(|(name, value)| value.clone().map(|value| Fact { name, value })).collect()
}

fn dossier(known: &Known) -> Vec<Fact> {
    let fact = |name, value: String| Fact { name, value };
    let shown = |at: &Option<String>| at.as_deref().map(words::shown_time).unwrap_or_default();
    let parts = [
        fact("Mã hồ sơ", known.row.code.clone()),
        fact("Thủ tục", words::procedure_name(&known.tables.catalogue, &known.row.procedure).to_owned()),
        fact("Tiếp nhận", shown(&known.row.received_at)),
        fact("Hẹn trả", shown(&known.row.due_at)),
        fact("Có kết quả", shown(&known.row.finished_at)),
        fact("Trả kết quả", shown(&known.row.returned_at)),
        fact("Số trong sổ theo dõi", known.row.book.map(|place| place.to_string()).unwrap_or_default()),
    ];
    parts.into_iter().filter(|fact| !fact.value.is_empty()).collect()
}

/// The date that was promised before, beside the new one.
fn apology(known: &Known) -> Option<Fact> {
    let mut before = known.dossier.received.as_ref()?.due_at;
    for step in &known.steps {
        match step.event.as_ref() {
            Some(Event::Supplemented(supplemented)) => before = supplemented.due_at.or(before),
            Some(Event::Rescheduled(rescheduled)) => before = Some(rescheduled.due_at),
            Some(Event::Extended(_)) => break,
            _ => {}
        }
    }
    before.map(|before| Fact { name: "Hẹn trả trước đây", value: words::time(before) })
}

fn stays(known: &Known) -> Vec<Stay> {
    let stay = |stay: &motcua_shared::dossier::Stay| Stay {
        to: stay.to.clone(),
        given: words::time(stay.at),
        back: stay.ended_at.map(words::time).unwrap_or_default(),
        result: match (stay.due_at, stay.is_late(now())) {
            (None, _) => "",
            (Some(_), true) => "quá hạn",
            (Some(_), false) => "trong hạn",
        },
    };
    known.dossier.stays.iter().map(stay).collect()
}

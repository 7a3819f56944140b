//! A slip of the hand is put right: what is recorded, what it should be, and why.
//!
//! Promise: before and after are shown before anything is saved; saved once however often the button is pressed, and never
//! on a dossier that has changed since the page was shown. Start at [`show`] and [`correct`].

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use motcua_shared::correction::{Checked, Draft, Recorded};
use motcua_shared::dossier::{Channel, Code, Correction, Dossier, Lack, Outcome};
use motcua_shared::paper::{self, Named, Ticked};
use motcua_shared::reception::procedure_code;
use motcua_shared::reference::Tables;
use motcua_shared::seal::{OfficeKey, Sealed};
use motcua_shared::step::Desk;
use motcua_shared::typed::FieldError;
use serde::Deserialize;

use super::checklist::{self, Part};
use super::fault::HttpError;
use super::viewer::{ClerkViewer, Viewer};
use super::{App, Choice, Frame, choices, html};
use crate::office::now;
use crate::store::{self, Step, Store, StoreError};
use crate::words;

/// One thing that is put right.
struct Change {
    what: &'static str,
    before: String,
    after: String,
}

#[derive(Template)]
#[template(path = "correction.html")]
struct CorrectionPage {
    frame: Option<Frame>,
    nav: &'static str,
    code: String,
    draft: Draft,
    faults: Vec<FieldError>,
    /// Why nothing was saved, beside the faults.
    refused: String,
    procedures: Vec<(String, String)>,
    channels: Vec<Choice>,
    outcomes: Vec<Choice>,
    checklist: Vec<Part>,
    lacks: Vec<Choice>,
    /// It is a request that was not accepted.
    slip: bool,
    finished: bool,
    returned: bool,
    /// What would be saved; empty while the form is typed.
    changes: Vec<Change>,
    seen: usize,
}

impl CorrectionPage {
    fn problem(&self, field: &str) -> &str {
        self.faults.iter().find(|fault| fault.field == field).map_or("", |fault| &fault.problem)
    }

    /// What was typed, as the form sends it again.
    fn typed(&self) -> Vec<(&'static str, &str)> {
        let Draft { procedure, channel, received_at, due_at, finished_at, outcome, returned_at, .. } = &self.draft;
        let Draft { name, identity, phone, address, papers, lack, lack_note, reason, ticked, .. } = &self.draft;
        let facts = [procedure, channel, received_at, due_at, finished_at, outcome, returned_at];
        let texts =
            facts.into_iter().chain([name, identity, phone, address, papers, lack, lack_note, reason]).map(String::as_str);
        let ticks = ticked.0.iter().map(|line| (Ticked::FIELD, line.as_str()));
        FIELDS.iter().map(|(field, _)| *field).zip(texts).chain(ticks).collect()
    }

    fn place(field: &str) -> &'static str {
        FIELDS.iter().find(|(code, _)| *code == field).map_or("Mẫu", |(_, name)| name)
    }
}

const FIELDS: [(&str, &str); 15] = [
    ("procedure", "Thủ tục"),
    ("channel", "Hình thức nộp"),
    ("received_at", "Tiếp nhận lúc"),
    ("due_at", "Hẹn trả"),
    ("finished_at", "Có kết quả lúc"),
    ("outcome", "Kết quả"),
    ("returned_at", "Trả kết quả lúc"),
    ("name", "Họ và tên"),
    ("identity", "Số căn cước"),
    ("phone", "Điện thoại"),
    ("address", "Địa chỉ"),
    ("papers", "Giấy tờ"),
    ("lack", "Lý do chưa tiếp nhận"),
    ("lack_note", "Những gì cần hoàn thiện"),
    ("reason", "Lý do"),
];

/// What the store knows of the dossier.
struct Known {
    frame: Option<Frame>,
    dossier: Dossier,
    steps: Vec<Step>,
    person: Sealed,
    papers: Vec<Named>,
    /// What a slip says now.
    words: String,
    tables: std::sync::Arc<Tables>,
}

impl Known {
    fn read(store: &Store, key: &OfficeKey, viewer: &Viewer, code: &str) -> store::Result<Known> {
        let row = store.dossier_find(code)?;
        let (dossier, steps) = store.dossier_history(code, key)?;
        let person = store.persons(std::slice::from_ref(&row), key)?.into_iter().next().flatten().unwrap_or_default();
        let papers = store::papers_named(&dossier, &steps);
        let words = store::slip_words(&steps);
        Ok(Known { frame: Frame::read(store, viewer)?, dossier, steps, person, papers, words, tables: store.tables()? })
    }

    fn recorded(&self) -> Recorded<'_> {
        Recorded { dossier: &self.dossier, person: &self.person, papers: &self.papers, words: &self.words }
    }

    /// The form with what is recorded now.
    fn draft(&self) -> Draft {
        Draft::of(self.recorded(), &self.tables.catalogue)
    }

    fn check(&self, draft: &Draft) -> Result<Checked, Vec<FieldError>> {
        let Tables { catalogue, calendar, .. } = &*self.tables;
        draft.check(self.recorded(), &Desk { catalogue, calendar, now: now() })
    }
}

/// What a page says beside the form.
#[derive(Default)]
struct Told {
    faults: Vec<FieldError>,
    refused: String,
    changes: Vec<Change>,
}

fn page(known: Known, mut draft: Draft, told: Told) -> CorrectionPage {
    let catalogue = &known.tables.catalogue;
    let components = draft.asked_for(&known.dossier, catalogue);
    paper::settle(&mut draft.ticked, &mut draft.papers, components);
    let procedures = catalogue.in_force(motcua_shared::calendar::local_day(now())).take(250);
    CorrectionPage {
        nav: "",
        code: known.dossier.code().to_owned(),
        procedures: procedures.map(|one| (one.code.clone(), words::shortened(&one.name, 110))).collect(),
        channels: choices(words::channel_name),
        outcomes: choices(words::outcome_name),
        checklist: checklist::parts(components, &draft.ticked),
        lacks: choices(words::lack_name),
        slip: known.dossier.received.is_none(),
        finished: known.dossier.finished.is_some(),
        returned: known.dossier.returned_at.is_some(),
        seen: known.steps.len(),
        frame: known.frame,
        draft,
        faults: told.faults,
        refused: told.refused,
        changes: told.changes,
    }
}

/// The form with what is recorded now.
pub async fn show(viewer: ClerkViewer, State(app): State<App>, Path(code): Path<String>) -> Result<Response, HttpError> {
    let known = app.read(move |store, key| Known::read(store, key, &viewer, &code)).await?;
    let draft = known.draft();
    Ok(html(&page(known, draft, Told::default()))?.into_response())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Sent {
    /// `save`: before and after were looked at. `edit`: back to the form.
    r#do: String,
    /// How many entries the page showed.
    seen: String,
    #[serde(flatten)]
    draft: Draft,
}

/// What becomes of a form.
enum Taken {
    Saved,
    Shown { known: Box<Known>, status: StatusCode, told: Told },
}

/// Shows before and after; saves once they were looked at.
pub async fn correct(
    viewer: ClerkViewer,
    State(app): State<App>,
    Path(code): Path<String>,
    Form(sent): Form<Sent>,
) -> Result<Response, HttpError> {
    let seen: usize = sent.seen.parse().map_err(|_| HttpError::parameter("Mẫu này không đầy đủ.", "Hãy mở lại hồ sơ."))?;
    let back = format!("{}?saved=corrected", super::dossier::address(&code));
    let (draft, action) = (sent.draft.clone(), sent.r#do.clone());
    let taken = if action == "save" {
        let shown_to = viewer.clone();
        app.write(&viewer, move |store, pen| take(store, pen, &shown_to, &code, seen, &draft)).await?
    } else {
        app.read(move |store, key| {
            let known = Known::read(store, key, &viewer, &code)?;
            if action == "edit" {
                return Ok(Taken::Shown { known: Box::new(known), status: StatusCode::OK, told: Told::default() });
            }
            Ok(looked_at(known, &draft))
        })
        .await?
    };
    match taken {
        Taken::Saved => Ok(Redirect::to(&back).into_response()),
        Taken::Shown { known, status, told } => {
            let mut page = page(*known, sent.draft, told);
            if status == StatusCode::CONFLICT {
                page.seen = seen;
            }
            Ok((status, html(&page)?).into_response())
        }
    }
}

/// Before and after, or what is wrong.
fn looked_at(known: Known, draft: &Draft) -> Taken {
    match known.check(draft) {
        Ok(checked) => {
            let changes = changes(&known, &checked);
            Taken::Shown { known: Box::new(known), status: StatusCode::OK, told: Told { changes, ..Told::default() } }
        }
        Err(faults) => faulty(known, faults),
    }
}

fn faulty(known: Known, faults: Vec<FieldError>) -> Taken {
    let told = Told { faults, ..Told::default() };
    Taken::Shown { known: Box::new(known), status: StatusCode::UNPROCESSABLE_ENTITY, told }
}

fn take(store: &mut Store, pen: &store::Pen, viewer: &Viewer, code: &str, seen: usize, draft: &Draft) -> store::Result<Taken> {
    let known = Known::read(store, pen.key, viewer, code)?;
    let refuse = |known: Known, refused: String| {
        let told = Told { refused, ..Told::default() };
        Ok(Taken::Shown { known: Box::new(known), status: StatusCode::CONFLICT, told })
    };
    if known.steps.len() != seen {
        let mine = |step: &Step| step.author == pen.author && ["corrected", "papers"].contains(&step.kind.as_str());
        if known.steps.iter().skip(seen).all(mine) && is_same(&known, draft) {
            return Ok(Taken::Saved);
        }
        let happened = words::happened_since(&known.steps, seen);
        return refuse(known, format!("{happened} Hãy mở lại hồ sơ rồi đính chính. Chưa lưu gì."));
    }
    let Checked { correction, person, papers } = match known.check(draft) {
        Ok(checked) => checked,
        Err(faults) => return Ok(faulty(known, faults)),
    };
    match store.correct(code, correction, person, papers, pen) {
        Ok(()) => Ok(Taken::Saved),
        Err(StoreError::Refused(refusal)) => refuse(known, format!("{refusal} Chưa lưu gì.")),
        Err(error) => Err(error),
    }
}

/// Whether the newest correction is what this form, sent a moment earlier, was saved as.
fn is_same(known: &Known, draft: &Draft) -> bool {
    let newest = known.steps.iter().rev().find(|step| step.kind == "corrected");
    let reason = newest.and_then(|step| step.sealed.as_ref()).and_then(|sealed| sealed.note.clone()).unwrap_or_default();
    let now = Draft { reason, ..known.draft() };
    let components = draft.asked_for(&known.dossier, &known.tables.catalogue);
    let papers = paper::handed_in(&draft.ticked, &draft.papers, components).map(Option::unwrap_or_default);
    let sent = Draft {
        procedure: procedure_code(&draft.procedure).to_owned(),
        due_at: now.due_at.clone(),
        papers: now.papers.clone(),
        ticked: now.ticked.clone(),
        ..draft.clone()
    };
    newest.is_some() && now == sent && papers.as_ref() == Ok(&known.papers)
}

/// Everything that becomes something else.
fn changes(known: &Known, checked: &Checked) -> Vec<Change> {
    let catalogue = &known.tables.catalogue;
    let list = checked.papers.as_ref().map(|(papers, names)| paper::named(papers, names));
    let papers = list.as_deref().unwrap_or(&known.papers);
    let dossier = corrected(&known.dossier, &checked.correction);
    let words = checked.person.words.as_deref().unwrap_or(&known.words);
    let (before, after) =
        (known.draft(), Draft::of(Recorded { dossier: &dossier, person: &checked.person, papers, words }, catalogue));
    let procedure = |code: &str| format!("{code} {}", words::procedure_name(catalogue, code));
    let channel = |code: &str| Channel::from_code(code).map_or("", words::channel_name).to_owned();
    let lack = |code: &str| Lack::from_code(code).map_or("", words::lack_name).to_owned();
    let outcome = |code: &str| Outcome::from_code(code).map_or("", words::outcome_name).to_owned();
    let pairs = [
        (procedure(&before.procedure), procedure(&after.procedure)),
        (channel(&before.channel), channel(&after.channel)),
        (before.received_at, after.received_at),
        (before.due_at, after.due_at),
        (before.finished_at, after.finished_at),
        (outcome(&before.outcome), outcome(&after.outcome)),
        (before.returned_at, after.returned_at),
        (before.name, after.name),
        (before.identity, after.identity),
        (before.phone, after.phone),
        (before.address, after.address),
        (words::papers(&known.papers), words::papers(papers)),
        (lack(&before.lack), lack(&after.lack)),
        (before.lack_note, after.lack_note),
    ];
    let named = FIELDS.iter().zip(pairs).map(|((_, what), (before, after))| Change { what, before, after });
    named.filter(|change| change.before != change.after).collect()
}

fn corrected(dossier: &Dossier, correction: &Correction) -> Dossier {
    let mut corrected = dossier.clone();
    corrected.apply(&motcua_shared::dossier::Event::Corrected(Box::new(correction.clone())));
    corrected
}

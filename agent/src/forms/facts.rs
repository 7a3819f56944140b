//! What a form is filled in with, out of the log of this office.
//!
//! Promise: a printing is an entry of the dossier's log, written before the file is given out. Start at [`compose`] and [`note`].

use ed25519_dalek::SigningKey;
use motcua_shared::calendar::LocalTime;
use motcua_shared::document::{Document, Section};
use motcua_shared::dossier::{Code, Dossier, Event, Outcome, Printed, State};
use motcua_shared::ruleset::{Form, Ruleset};
use motcua_shared::seal::{OfficeKey, Sealed};
use motcua_shared::statement::Statement;

use super::{BookLine, Facts, ruleset, section};
use crate::store::{self, Pen, Refusal, Step, StepTaken, Store, StoreError};
use crate::words;

/// The forms that a dossier has something to fill into, in the order of their numbers.
pub fn available(dossier: &Dossier, steps: &[Step], now: LocalTime) -> Vec<Form> {
    let has = |wanted: fn(&Event) -> bool| steps.iter().filter_map(|step| step.event.as_ref()).any(wanted);
    let known = dossier.received.is_some();
    let fits = |form: &Form| match form {
        Form::Receipt | Form::ControlSheet => known && dossier.state() != State::Voided,
        Form::SupplementRequest => has(|event| matches!(event, Event::SupplementRequested(_) | Event::Guided(_))),
        Form::Refusal => has(|event| is_end(event, Outcome::Refused) || matches!(event, Event::Declined(_))),
        Form::Apology => has(|event| matches!(event, Event::Extended(_))),
        Form::StopNotice => has(|event| is_end(event, Outcome::Stopped) || is_end(event, Outcome::Withdrawn)),
        Form::ReturnSheet => dossier.finished.is_some() && dossier.state() != State::Voided,
        Form::Book => false,
    };
    let rules = ruleset(dossier, now);
    Form::ALL.iter().map(|(form, _)| *form).filter(|form| rules.form(*form).is_some()).filter(fits).collect()
}

fn is_end(event: &Event, outcome: Outcome) -> bool {
    matches!(event, Event::Finished(finished) if finished.outcome == outcome)
}

/// Whether the remark of a step is the reason that a form gives.
fn gives_reason(form: Form, event: &Event) -> bool {
    match form {
        Form::SupplementRequest => matches!(event, Event::SupplementRequested(_) | Event::Guided(_)),
        Form::Refusal => is_end(event, Outcome::Refused) || matches!(event, Event::Declined(_)),
        Form::Apology => matches!(event, Event::Extended(_)),
        Form::StopNotice => is_end(event, Outcome::Stopped) || is_end(event, Outcome::Withdrawn),
        Form::Receipt | Form::ControlSheet | Form::ReturnSheet | Form::Book => false,
    }
}

/// Who prints.
pub struct Desk<'a> {
    pub key: &'a OfficeKey,
    /// The key of this PC's stream.
    pub signer: &'a SigningKey,
    /// The name under the form; empty leaves its place free.
    pub clerk: &'a str,
    pub now: LocalTime,
}

/// All that a form of a dossier needs.
fn gather(store: &Store, desk: &Desk, form: Form, dossier: Dossier, steps: &[Step]) -> store::Result<Facts> {
    let office = store.office()?;
    let proof = Statement {
        code: dossier.code().to_owned(),
        procedure: dossier.procedure().to_owned(),
        due_at: dossier.due_at,
        unit: office.unit.clone(),
        stream: office.stream,
    };
    let reason = steps.iter().rev().find(|step| step.event.as_ref().is_some_and(|event| gives_reason(form, event)));
    let reason = reason.and_then(|step| step.sealed.as_ref()).and_then(|sealed| sealed.note.clone());
    let reason = if dossier.received.is_none() { Some(store::slip_words(steps)) } else { reason };
    Ok(Facts {
        office: office.name,
        person: person(steps),
        procedure: words::procedure_name(&store.tables()?.catalogue, dossier.procedure()).to_owned(),
        papers: store::papers_named(&dossier, steps),
        clerk: desk.clerk.to_owned(),
        reason: reason.unwrap_or_default(),
        lack: dossier.turned_away.as_ref().filter(|_| dossier.received.is_none()).map_or("", |slip| words::lack_name(slip.lack)),
        old_due_at: promised_before(steps),
        proof: proof.sign(desk.signer),
        dossier,
        now: desk.now,
    })
}

/// What is known of the applicant, the newest of each.
fn person(steps: &[Step]) -> Sealed {
    let mut person = Sealed::default();
    for step in steps {
        let about_the_applicant =
            matches!(step.event, Some(Event::Received(_) | Event::Guided(_) | Event::Declined(_) | Event::Corrected(_)));
        if let Some(sealed) = step.sealed.clone().filter(|_| about_the_applicant) {
            person.name = sealed.name.or(person.name);
            person.identity = sealed.identity.or(person.identity);
            person.phone = sealed.phone.or(person.phone);
            person.address = sealed.address.or(person.address);
        }
    }
    person
}

/// The due time before the newest extension.
fn promised_before(steps: &[Step]) -> Option<LocalTime> {
    let newest = steps.iter().rposition(|step| matches!(step.event, Some(Event::Extended(_))))?;
    let before = steps[..newest].iter().filter_map(|step| step.event.as_ref());
    Dossier::fold(uuid::Uuid::nil(), before).due_at
}

/// `form` of each dossier as one document. Nothing is made when one of them has no such form.
pub fn compose(store: &Store, desk: &Desk, codes: &[String], form: Form) -> store::Result<Document> {
    let mut sections: Vec<Section> = Vec::with_capacity(codes.len());
    for code in codes {
        let (dossier, steps) = store.dossier_history(code, desk.key)?;
        if !available(&dossier, &steps, desk.now).contains(&form) {
            return Err(StoreError::NoForm(code.clone()));
        }
        sections.extend(section(form, &gather(store, desk, form, dossier, &steps)?));
    }
    Ok(Document { title: codes.first().cloned().unwrap_or_default(), sections })
}

/// Notes in the log that `form` of each dossier was printed. Done when the file is there, before it is given out.
pub fn note(store: &mut Store, pen: &Pen, codes: &[String], form: Form) -> store::Result<()> {
    let printed = Printed { at: pen.now, form: form.code().to_owned() };
    let act = |code: &String| StepTaken { code: code.clone(), event: Event::Printed(printed.clone()), note: None };
    let noted = store.acts(codes.iter().map(act).collect(), pen)?;
    noted.into_iter().collect::<Result<(), Refusal>>().map_err(StoreError::Refused)
}

/// The register book of a year, as far as it is written.
pub fn register(store: &Store, key: &OfficeKey, year: i32) -> store::Result<Document> {
    let office = store.office()?;
    let tables = store.tables()?;
    let day = chrono::NaiveDate::from_ymd_opt(year, 12, 31).unwrap_or_default();
    let mut lines = Vec::new();
    for row in store.book_list(year, None, 0)? {
        let (dossier, steps) = store.dossier_history(&row.dossier.code, key)?;
        let person = person(&steps);
        let shown = |at: Option<LocalTime>| at.map(|at| at.format("%d/%m/%Y").to_string()).unwrap_or_default();
        let away = dossier.stays.first();
        lines.push(BookLine {
            number: if row.place.volume == 1 { row.place.number.to_string() } else { row.place.to_string() },
            code: dossier.code().to_owned(),
            procedure: words::procedure_name(&tables.catalogue, dossier.procedure()).to_owned(),
            name: person.name.unwrap_or_default(),
            address: person.address.unwrap_or_default(),
            phone: person.phone.unwrap_or_default(),
            received: shown(dossier.received.as_ref().map(|received| received.received_at)),
            due: shown(dossier.due_at),
            sent: shown(away.map(|stay| stay.at)),
            came_back: shown(dossier.finished.map(|finished| finished.at)),
            returned: shown(dossier.returned_at),
            way: dossier.return_way.map(words::return_way_name).unwrap_or_default().to_owned(),
            receiver: dossier.return_receiver.map(words::receiver_name).unwrap_or_default().to_owned(),
            remark: if dossier.voided { "đã hủy".to_owned() } else { String::new() },
        });
    }
    let section = super::book(&office.name, year, &Ruleset::on(day), &lines);
    Ok(Document { title: format!("{} {year}", office.unit), sections: vec![section] })
}

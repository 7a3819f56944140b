//! Dossiers that go over to another office, and those that come from one.
//!
//! Promise: the letter is on the disk before this office closes what is in it, and both happen or neither; what is handed
//! over again, or taken over again, changes nothing. Start at [`Store::handover_export`] and [`Store::handover_import`].

use std::collections::BTreeSet;

use motcua_shared::calendar::{LocalTime, local_day};
use motcua_shared::dossier::{Dossier, Event, State};
use motcua_shared::entry::Body;
use motcua_shared::handover::{HandedOver, Letter, Passed, TakenOver, Told, id_at};
use motcua_shared::seal::{OfficeKey, Sealed};
use rusqlite::{OptionalExtension, Transaction};
use uuid::Uuid;

use super::books::Books;
use super::{Pen, Result, Store, StoreError, append, begin, clock, names_person, office, record};

/// What became of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandedOut {
    /// Closed here by it.
    pub closed: usize,
    /// In the letter once more: they were handed over to this unit before.
    pub again: usize,
}

/// What became of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TakenIn {
    pub taken: usize,
    /// They were taken over before.
    pub known: usize,
    /// The letter was written by this very PC.
    pub own: bool,
}

/// A dossier with all that is in its log.
struct Whole {
    dossier: Dossier,
    life: Vec<Told>,
    person: Sealed,
}

impl Store {
    /// Hands every dossier that is open, or whose result nobody fetched, over to `to` at the moment `at`. `write` puts the
    /// letter onto the disk; when it fails, nothing is closed. Those that were handed over to `to` before are in it again.
    pub fn handover_export<E: From<StoreError>>(
        &mut self,
        to: &str,
        at: LocalTime,
        pen: &Pen,
        write: impl FnOnce(&Letter) -> std::result::Result<(), E>,
    ) -> std::result::Result<HandedOut, E> {
        let transaction = begin(&mut self.connection).map_err(StoreError::from)?;
        let office = office(&transaction).map_err(StoreError::from)?;
        let clock = clock::reading(&transaction, pen.now).map_err(StoreError::from)?;
        let (mut dossiers, mut drafts) = (Vec::new(), Vec::new());
        for id in passing(&transaction)? {
            let Whole { dossier, life, person } = whole(&transaction, id, pen.key)?;
            let received_at = dossier.received.as_ref().map_or(at, |received| received.received_at);
            let at = match &dossier.handed_over {
                Some(handed) if handed.to == to => handed.at,
                Some(_) => continue,
                None => at.max(received_at),
            };
            if dossier.handed_over.is_none() {
                let event = Event::HandedOver(HandedOver { at, to: to.to_owned() });
                dossier.admits(&event, pen.now).map_err(StoreError::from)?;
                drafts.push(pen.draft(event, id, None, clock));
            }
            dossiers.push(Passed { id, at, life, person: person.into() });
        }
        let out = HandedOut { closed: drafts.len(), again: dossiers.len() - drafts.len() };
        write(&Letter { from: office.unit, from_name: office.name, to: to.to_owned(), dossiers })?;
        append(&transaction, office.stream, &drafts, pen)?;
        transaction.commit().map_err(StoreError::from)?;
        Ok(out)
    }

    /// Takes over what is in a letter, in one transaction. Whose letter it is has been checked.
    pub fn handover_import(&mut self, letter: Letter, pen: &Pen) -> Result<TakenIn> {
        let transaction = begin(&mut self.connection)?;
        let office = office(&transaction)?;
        let clock = clock::reading(&transaction, pen.now)?;
        let mut books = Books::open(&transaction)?;
        let (mut drafts, mut known) = (Vec::new(), 0);
        let there = |id: Uuid| -> Result<bool> {
            Ok(transaction
                .prepare_cached("select 1 from entry where dossier = ?1")?
                .query_row([id], |_| Ok(()))
                .optional()?
                .is_some())
        };
        for Passed { id: origin, at, life, person } in letter.dossiers {
            if there(origin)? {
                return Ok(TakenIn { taken: 0, known: 0, own: true });
            }
            let id = id_at(&office.unit, origin);
            if there(id)? {
                known += 1;
                continue;
            }
            let event = Event::TakenOver(Box::new(TakenOver {
                at,
                from: letter.from.clone(),
                from_name: letter.from_name.clone(),
                origin,
                life,
                book: Some(books.line(local_day(at))?),
            }));
            Dossier::new(id).admits(&event, pen.now)?;
            drafts.push(pen.draft(event, id, Some(person.into()), clock));
        }
        append(&transaction, office.stream, &drafts, pen)?;
        transaction.commit()?;
        Ok(TakenIn { taken: drafts.len(), known, own: false })
    }
}

/// Dossiers that another office has to go on with, or does already.
fn passing(transaction: &Transaction) -> Result<Vec<Uuid>> {
    let mut statement = transaction.prepare_cached(
        "select id from dossier where state in ('processing', 'awaiting_supplement', 'finished', 'handed_over')
         order by received_at, code",
    )?;
    let ids = statement.query_map([], |row| row.get(0))?;
    Ok(ids.collect::<rusqlite::Result<_>>()?)
}

/// A dossier, what was recorded of it before it was handed over, and what was sealed with that: the person, and every
/// remark with the step that it belongs to.
fn whole(transaction: &Transaction, id: Uuid, key: &OfficeKey) -> Result<Whole> {
    let mut statement =
        transaction.prepare_cached("select seq, hash, body, sealed, stream from entry where dossier = ?1 order by n")?;
    let mut rows = statement.query([id])?;
    let mut whole = Whole { dossier: Dossier::new(id), life: Vec::new(), person: Sealed::default() };
    let (mut origins, mut remarks) = (BTreeSet::new(), Vec::new());
    while let Some(row) = rows.next()? {
        let (record, stream) = (record(row)?, row.get::<_, Uuid>(4)?);
        let body = Body::parse(record.seq, &record.body).map_err(|_| StoreError::Damaged(record.seq))?;
        let Ok(event) = Event::parse(&body) else { continue };
        if !origins.insert(record.origin()) {
            continue;
        }
        let sealed =
            if record.sealed.is_empty() { None } else { key.open(stream, record.seq, &record.body, &record.sealed).ok() };
        if let Some(mut sealed) = sealed {
            let remark = sealed.note.take().filter(|note| !note.is_empty());
            remarks.extend(remark.map(|note| format!("{}: {note}", crate::words::kind_name(event.kind()))));
            if names_person(&event, true) {
                whole.person = sealed;
            }
        }
        whole.dossier.apply(&event);
        if whole.dossier.state() != State::HandedOver {
            whole.life.push(Told(event));
        }
    }
    whole.person.note = (!remarks.is_empty()).then(|| remarks.join("\n"));
    Ok(whole)
}

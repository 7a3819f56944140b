//! The life of a dossier in the store: what is recorded of it, and how it is read again.
//!
//! Promise: whatever belongs to one act is saved in one transaction, or nothing of it; a step that the law does not admit is
//! refused before it is written. Start at [`Store::receive`] and [`Store::dossier_history`].

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use motcua_shared::calendar::{LocalTime, local_day};
use motcua_shared::certainty::Recorded;
use motcua_shared::dossier::{Correction, Dossier, Event, Papers};
use motcua_shared::entry::{Body, Head, Record, Seq};
use motcua_shared::paper::{self, Named, Paper};
use motcua_shared::reception::Reception;
use motcua_shared::seal::{OfficeKey, Sealed};
use rusqlite::{OptionalExtension, params};
use uuid::Uuid;

use super::books::Books;
use super::{
    DOSSIER_COLUMNS, DossierFilter, DossierRow, Pen, Result, Store, StoreError, append, begin, clock, dossier_id, dossier_row,
    fold, next_code, office, record, search,
};

/// An entry as it is shown in a dossier's history.
#[derive(Debug, Clone)]
pub struct Step {
    pub seq: Seq,
    /// The district stored it and does not count it; the reason where it said one.
    pub held_back: Option<String>,
    pub author: String,
    pub recorded_at: LocalTime,
    pub kind: String,
    pub event: Option<Event>,
    pub sealed: Option<Sealed>,
}

impl Store {
    /// Saves a new dossier, or a request that is not accepted, and gives out its code. The same form twice gives the same code and saves nothing more.
    pub fn receive(&mut self, reception: Reception, pen: &Pen) -> Result<String> {
        let id = reception.id;
        let transaction = begin(&mut self.connection)?;
        let known: Option<String> =
            transaction.query_row("select code from dossier where id = ?1", [id], |row| row.get(0)).optional()?;
        if let Some(code) = known {
            return Ok(code);
        }
        let office = office(&transaction)?;
        let code = next_code(&transaction, &office, local_day(reception.received.received_at))?;
        let clock = clock::reading(&transaction, pen.now)?;
        let (mut dossier, mut drafts) = (Dossier::new(id), Vec::new());
        let mut books = Books::open(&transaction)?;
        for (event, sealed) in reception.events(code.clone()) {
            let event = books.number(event)?;
            dossier.admits(&event, pen.now)?;
            dossier.apply(&event);
            drafts.push(pen.draft(event, id, Some(sealed), clock));
        }
        append(&transaction, office.stream, &drafts, pen)?;
        transaction.execute("delete from half_typed where id = ?1", [id])?;
        transaction.commit()?;
        Ok(code)
    }

    /// Puts a slip right: `person` is the whole person as known from now on, with the reason.
    /// A list of papers goes with it where it has become another, under its names.
    pub fn correct(
        &mut self,
        code: &str,
        correction: Correction,
        person: Sealed,
        papers: Option<(Vec<Paper>, String)>,
        pen: &Pen,
    ) -> Result<()> {
        let transaction = begin(&mut self.connection)?;
        let id = dossier_id(&transaction, code)?;
        let event = Event::Corrected(Box::new(correction));
        fold(&transaction, id)?.0.admits(&event, pen.now)?;
        let stream = office(&transaction)?.stream;
        let clock = clock::reading(&transaction, pen.now)?;
        let list = papers.map(|(papers, names)| {
            let sealed =
                Some(names).filter(|names| !names.is_empty()).map(|note| Sealed { note: Some(note), ..Sealed::default() });
            pen.draft(Event::Papers(Papers { papers }), id, sealed, clock)
        });
        let drafts: Vec<_> = std::iter::once(pen.draft(event, id, Some(person), clock)).chain(list).collect();
        append(&transaction, stream, &drafts, pen)?;
        transaction.commit()?;
        Ok(())
    }

    /// Saves one step of a dossier's life, if it may be taken now.
    pub fn step(&mut self, code: &str, event: Event, note: Option<String>, pen: &Pen) -> Result<()> {
        let transaction = begin(&mut self.connection)?;
        let id = dossier_id(&transaction, code)?;
        let (dossier, _) = fold(&transaction, id)?;
        dossier.admits(&event, pen.now)?;
        let event = Books::open(&transaction)?.number(event)?;
        let sealed = note.filter(|note| !note.is_empty()).map(|note| Sealed { note: Some(note), ..Sealed::default() });
        let stream = office(&transaction)?.stream;
        let clock = clock::reading(&transaction, pen.now)?;
        append(&transaction, stream, &[pen.draft(event, id, sealed, clock)], pen)?;
        transaction.commit()?;
        Ok(())
    }

    /// Saves whole lives, all or none: for each dossier its id, its events and its person.
    pub fn import(&mut self, lives: Vec<(Uuid, Vec<Event>, Sealed)>, pen: &Pen) -> Result<Head> {
        let transaction = begin(&mut self.connection)?;
        let clock = clock::reading(&transaction, pen.now)?;
        let (mut books, mut drafts) = (Books::open(&transaction)?, Vec::new());
        for (id, events, person) in lives {
            let mut person = Some(person);
            for event in events {
                drafts.push(pen.draft(books.number(event)?, id, person.take(), clock));
            }
        }
        let stream = office(&transaction)?.stream;
        let head = append(&transaction, stream, &drafts, pen)?;
        transaction.commit()?;
        Ok(head)
    }

    /// Whether a dossier with this code is in the register.
    pub fn dossier_exists(&self, code: &str) -> Result<bool> {
        Ok(self.connection.prepare_cached("select 1 from dossier where code = ?1")?.exists([code])?)
    }

    /// The code under which a reception with this id was saved.
    pub fn dossier_code(&self, id: Uuid) -> Result<Option<String>> {
        Ok(self
            .connection
            .prepare_cached("select code from dossier where id = ?1")?
            .query_row([id], |row| row.get(0))
            .optional()?)
    }

    pub fn dossier_find(&self, code: &str) -> Result<DossierRow> {
        self.connection
            .prepare_cached(&format!("select {DOSSIER_COLUMNS} from dossier where code = ?1"))?
            .query_row([code], dossier_row)
            .optional()?
            .ok_or_else(|| StoreError::NoDossier(code.to_owned()))
    }

    /// Newest reception first.
    pub fn dossier_list(&self, filter: &DossierFilter) -> Result<Vec<DossierRow>> {
        let mut statement = self.connection.prepare_cached(&format!(
            "select {DOSSIER_COLUMNS} from dossier
             where (?1 is null or received_at >= ?1) and (?2 is null or received_at < ?2) and (?3 is null or state = ?3)
               and (?4 is null or (state = 'processing' and overdue_after < ?4))
             order by received_at desc, code desc limit ?5 offset ?6"
        ))?;
        let day_after = filter.to.map(motcua_shared::calendar::tomorrow);
        let rows = statement.query_map(
            params![
                filter.from.map(|day| day.to_string()),
                day_after.map(|day| day.to_string()),
                filter.state,
                filter.overdue_at.map(|at| at.to_rfc3339()),
                filter.limit.map_or(-1, i64::from),
                filter.offset
            ],
            dossier_row,
        )?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// How many dossiers stand in each state that somebody still has to do something with; `overdue` counts those of
    /// `processing` that are overdue at `now`. The many that are done with are not counted: that would take its time.
    pub fn dossier_counts(&self, now: LocalTime) -> Result<BTreeMap<String, i64>> {
        let mut statement = self.connection.prepare_cached(
            "select state, count(*) from dossier where state in ('processing', 'awaiting_supplement', 'finished', 'guided')
             group by state
             union all select 'overdue', count(*) from dossier where state = 'processing' and overdue_after < ?1",
        )?;
        let rows = statement.query_map([now.to_rfc3339()], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// A dossier's state now, and its history with what this office's key opens.
    pub fn dossier_history(&self, code: &str, key: &OfficeKey) -> Result<(Dossier, Vec<Step>)> {
        let id = dossier_id(&self.connection, code)?;
        let (dossier, _) = fold(&self.connection, id)?;
        let mut statement =
            self.connection.prepare_cached("select seq, hash, body, sealed, stream from entry where dossier = ?1 order by n")?;
        let mut rows = statement.query([id])?;
        let mut steps = Vec::new();
        let (mut origins, mut held_back) = (BTreeSet::new(), BTreeMap::new());
        while let Some(row) = rows.next()? {
            let (record, stream): (Record, Uuid) = (record(row)?, row.get(4)?);
            if !origins.insert(record.origin()) {
                continue;
            }
            let held_back = match held_back.entry(stream) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => unknown.insert(self.held_back(stream)?),
            };
            steps.push(Step { held_back: held_back.remove(&record.seq), ..shown_step(&record, stream, key)? });
        }
        Ok((dossier, steps))
    }

    /// A dossier's state now, and when each of its steps was recorded by which clock.
    pub fn dossier_recorded(&self, code: &str) -> Result<(Dossier, Vec<Recorded>)> {
        let id = dossier_id(&self.connection, code)?;
        let (dossier, _) = fold(&self.connection, id)?;
        let mut statement =
            self.connection.prepare_cached("select seq, hash, body, sealed from entry where dossier = ?1 order by n")?;
        let mut rows = statement.query([id])?;
        let (mut origins, mut history) = (BTreeSet::new(), Vec::new());
        while let Some(row) = rows.next()? {
            let record = record(row)?;
            let body = Body::parse(record.seq, &record.body).map_err(|_| StoreError::Damaged(record.seq))?;
            history.extend(Recorded::read(&body).filter(|_| origins.insert(record.origin())));
        }
        Ok((dossier, history))
    }

    /// Entries of a stream that the district stored and does not count, as its newest receipt says, and why.
    fn held_back(&self, stream: Uuid) -> Result<BTreeMap<Seq, String>> {
        let Some((receipt, _)) = self.receipt_last(stream)? else { return Ok(BTreeMap::new()) };
        let reasons = receipt.reasons.unwrap_or_default().into_iter().chain(std::iter::repeat(String::new()));
        Ok(receipt.quarantined.into_iter().zip(reasons).collect())
    }

    /// The person of each dossier in a list, where this office's key opens it.
    pub fn persons(&self, rows: &[DossierRow], key: &OfficeKey) -> Result<Vec<Option<Sealed>>> {
        rows.iter().map(|row| row.person.map_or(Ok(None), |n| search::person_at(&self.connection, n, key))).collect()
    }
}

fn shown_step(record: &Record, stream: Uuid, key: &OfficeKey) -> Result<Step> {
    let body = Body::parse(record.seq, &record.body).map_err(|_| StoreError::Damaged(record.seq))?;
    let sealed = if record.sealed.is_empty() { None } else { key.open(stream, record.seq, &record.body, &record.sealed).ok() };
    Ok(Step {
        seq: record.seq,
        held_back: None,
        author: body.author.to_string(),
        recorded_at: body.recorded_at,
        kind: body.kind.to_string(),
        event: Event::parse(&body).ok(),
        sealed,
    })
}

/// What a citizen was told on a slip, as it was put right since; empty where no slip was given.
pub fn slip_words(steps: &[Step]) -> String {
    let sealed = |step: &Step| step.sealed.clone().unwrap_or_default();
    let given = |step: &&Step| matches!(step.event, Some(Event::Guided(_) | Event::Declined(_)));
    let corrected = steps.iter().rev().find_map(|step| sealed(step).words);
    corrected.or_else(|| steps.iter().rev().find(given).and_then(|step| sealed(step).note)).unwrap_or_default()
}

/// The newest list of papers under their names, which are sealed apart from them.
pub fn papers_named(dossier: &Dossier, steps: &[Step]) -> Vec<Named> {
    let newest = steps.iter().rev().find(|step| matches!(step.event, Some(Event::Papers(_))));
    let names = newest.and_then(|step| step.sealed.as_ref()).and_then(|sealed| sealed.note.as_deref());
    paper::named(&dossier.papers, names.unwrap_or_default())
}

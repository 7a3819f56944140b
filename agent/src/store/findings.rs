//! What does not add up or breaks a rule, over everything that this office recorded.
//!
//! Promise: only dossiers that changed since the last time are looked at again; the answer is the same as if all were. What
//! the district decided counts only as it signed it. Start at [`Store::findings`].

use std::collections::{BTreeMap, BTreeSet};

use motcua_shared::calendar::local_day;
use motcua_shared::decision::{Decided, Decisions};
use motcua_shared::declared::Figures;
use motcua_shared::indicator::Sums;
use motcua_shared::office::{Explanation, OfficeEvent};
use motcua_shared::period::Period;
use motcua_shared::reference::Tables;
use motcua_shared::rule::{
    Computed, Facts, Finding, MOST_EVIDENCE, Mark, MarkRule, Marked, ProcedureUse, SamePerson, Seen, Slice, SliceOf, Standing,
    Step, changes, check, marks, periods,
};
use motcua_shared::seal::Sealed;
use motcua_shared::wire::Signed;
use rusqlite::Connection;
use serde::Serialize;

use super::declared::{append, parsed, shape, time, told};
use super::{
    Body, Code, Dossier, Event, LocalTime, OfficeKey, OptionalExtension, Pen, Recorded, Result, Store, StoreError, Transaction,
    Uuid, begin, office, params, record,
};

/// A finding as the office sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Noted {
    #[serde(flatten)]
    pub finding: Finding,
    pub state: Standing,
    pub first_seen: LocalTime,
    pub last_seen: LocalTime,
    /// What the district decided about these figures.
    pub decided: Option<Decided>,
    /// The oldest first.
    #[serde(skip)]
    pub said: Vec<Explanation>,
}

impl Store {
    /// Everything that is found, in order of period, rule, indicator and field. Notes since when.
    pub fn findings(&mut self, key: &OfficeKey, now: LocalTime) -> Result<Vec<Noted>> {
        let tables = self.tables()?;
        self.mark(key, &tables)?;
        let declared = self.declared()?;
        let found = self.found(&declared, &tables, now)?;
        self.course_note(&found, now)?;
        let seen: BTreeMap<String, Seen> =
            seen(&self.connection)?.into_iter().map(|seen| (seen.finding.id.clone(), seen)).collect();
        let (decisions, mut said) = (self.decisions()?, self.explanations()?);
        let noted = |finding: Finding| {
            let said = said.remove(&finding.id).unwrap_or_default();
            let decided = decisions.as_ref().and_then(|decisions| decisions.find(&finding.id));
            let decided = decided.filter(|decided| decided.is_about(&finding));
            let (first_seen, last_seen) = seen.get(&finding.id).map_or((now, now), |seen| (seen.first_seen, seen.last_seen));
            let state = Decided::standing(decided, &finding, &said);
            Noted { state, first_seen, last_seen, decided: decided.cloned(), said, finding }
        };
        Ok(found.into_iter().map(noted).collect())
    }

    /// What was found once and is no more, the newest first.
    pub fn findings_gone(&self) -> Result<Vec<Seen>> {
        let mut gone: Vec<Seen> = seen(&self.connection)?.into_iter().filter(|seen| seen.gone_since.is_some()).collect();
        gone.sort_by_key(|seen| std::cmp::Reverse(seen.gone_since));
        Ok(gone)
    }

    /// Notes what appeared, changed, vanished and came back.
    fn course_note(&mut self, found: &[Finding], now: LocalTime) -> Result<()> {
        let transaction = begin(&mut self.connection)?;
        for change in changes(seen(&transaction)?, found.to_vec(), now) {
            let Seen { finding, first_seen, last_seen, gone_since } = change.seen;
            let body = serde_json::to_string(&finding).expect("plain strings, numbers and dates are JSON");
            transaction
                .prepare_cached(
                    "insert or replace into finding_seen (id, body, first_seen, last_seen, gone_since) values (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![
                    finding.id,
                    body,
                    first_seen.to_rfc3339(),
                    last_seen.to_rfc3339(),
                    gone_since.map(|at| at.to_rfc3339())
                ])?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// What the district decided, as it told it last.
    pub fn decisions(&self) -> Result<Option<Decisions>> {
        let mut statement = self.connection.prepare_cached("select payload from decisions")?;
        let payload: Option<Vec<u8>> = statement.query_row([], |row| row.get(0)).optional()?;
        let unreadable = |error| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, Box::new(error));
        Ok(payload.map(|payload| serde_json::from_slice(&payload).map_err(unreadable)).transpose()?)
    }

    /// Takes what the district decided in place of what it told before. `signed` must have been opened as `decisions`;
    /// `epoch`: the life in which the newest receipt spoke. `false`: it is no news.
    pub fn decisions_take(&mut self, signed: &Signed, decisions: &Decisions, epoch: Uuid, now: LocalTime) -> Result<bool> {
        let held = self.decisions()?.map(|held| (held.epoch, held.number));
        if !decisions.are_news(held, epoch) {
            return Ok(false);
        }
        self.connection.execute(
            "insert or replace into decisions (id, epoch, number, payload, signature, taken_at) values (1, ?1, ?2, ?3, ?4, ?5)",
            params![decisions.epoch, decisions.number, signed.payload, signed.signature, now.to_rfc3339()],
        )?;
        Ok(true)
    }

    /// Records for the district which dossiers are of one person, without saying who, where that is not told yet. Gives how
    /// many entries that takes.
    pub fn same_person_tell(&mut self, pen: &Pen) -> Result<usize> {
        let tables = self.tables()?;
        self.mark(pen.key, &tables)?;
        let transaction = begin(&mut self.connection)?;
        let news = told(&transaction)?.news(&same_person(&transaction)?);
        let count = news.len();
        append(&transaction, news.into_iter().map(|group| (OfficeEvent::SamePerson(group), None)).collect(), pen)?;
        transaction.commit()?;
        Ok(count)
    }

    /// What is found when these figures are taken for declared.
    pub fn found(&self, declared: &Figures, tables: &Tables, now: LocalTime) -> Result<Vec<Finding>> {
        let mut computed = BTreeMap::new();
        for period in periods(declared) {
            computed.insert(period, self.computed(period)?);
        }
        let unit = office(&self.connection)?.unit;
        let facts = Facts {
            unit: &unit,
            level: &tables.level,
            declared,
            computed: &computed,
            marks: &marked(&self.connection)?,
            procedures: &procedures(&self.connection)?,
            same_person: &same_person(&self.connection)?,
            sending: None,
            catalogue: &tables.catalogue,
            book: &tables.book,
            today: local_day(now),
        };
        check(&facts, &mut |slice| self.slice(slice))
    }

    /// What the figures of a period are computed from.
    pub fn computed(&self, period: Period) -> Result<Computed> {
        let mut computed = Computed::default();
        for sums in self.sums(period.from, period.to)? {
            let own = Sums { before: sums.before, within: sums.within };
            computed.total.add(&own);
            computed.fields.entry(sums.field).or_default().add(&own);
        }
        Ok(computed)
    }

    /// Codes of the dossiers of a slice, the first of them.
    fn slice(&self, slice: &Slice) -> Result<Vec<String>> {
        let resolved = "verdict = ?4 and substr(finished_at, 1, 10) between ?2 and ?3";
        let open = |day: &str| {
            format!(
                "?4 = '' and substr(received_at, 1, 10) {day} and (finished_at is null or not substr(finished_at, 1, 10) {day})"
            )
        };
        let (condition, verdict) = match slice.what {
            SliceOf::Early => (resolved.to_owned(), "early"),
            SliceOf::OnTime => (resolved.to_owned(), "on_time"),
            SliceOf::Overdue => (resolved.to_owned(), "overdue"),
            SliceOf::Pending => (open("<= ?3"), ""),
            SliceOf::CarriedOver => (open("< ?2"), ""),
        };
        let mut statement = self.connection.prepare_cached(&format!(
            "select code from dossier
             where (?1 = '' or field = ?1) and state not in ('voided', 'unknown') and ?2 <= ?3 and {condition}
             order by code limit {MOST_EVIDENCE}"
        ))?;
        let Period { from, to } = slice.period;
        let rows = statement.query_map(params![slice.field, from.to_string(), to.to_string(), verdict], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Marks what changed since it was marked last.
    fn mark(&mut self, key: &OfficeKey, tables: &Tables) -> Result<()> {
        let transaction = begin(&mut self.connection)?;
        let newest: i64 = transaction.query_row("select coalesce(max(n), 0) from entry", [], |row| row.get(0))?;
        let known: Option<(i64, u64)> = transaction
            .query_row("select through_n, reference from marked", [], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let through = known.filter(|(_, reference)| *reference == tables.version).map_or(0, |(through, _)| through);
        if through == newest && known.is_some() {
            return Ok(());
        }
        if through == 0 {
            transaction.execute_batch("delete from dossier_mark; delete from visit;")?;
        }
        for id in changed(&transaction, through)? {
            mark_one(&transaction, id, key, tables)?;
        }
        transaction.execute(
            "insert or replace into marked (id, through_n, reference) values (1, ?1, ?2)",
            params![newest, tables.version],
        )?;
        transaction.commit()?;
        Ok(())
    }
}

fn seen(connection: &Connection) -> rusqlite::Result<Vec<Seen>> {
    let mut statement =
        connection.prepare_cached("select body, first_seen, last_seen, gone_since from finding_seen order by id")?;
    let rows = statement.query_map([], |row| {
        let gone: Option<String> = row.get(3)?;
        let gone_since = gone.map(|_| time(row, 3)).transpose()?;
        Ok(Seen { finding: shape(row, 0)?, first_seen: time(row, 1)?, last_seen: time(row, 2)?, gone_since })
    })?;
    rows.collect()
}

/// Forgets all marks: entries left the log.
pub(super) fn forget(transaction: &Transaction) -> Result<()> {
    Ok(transaction.execute_batch("delete from marked")?)
}

fn changed(transaction: &Transaction, through: i64) -> Result<BTreeSet<Uuid>> {
    let mut statement = transaction.prepare_cached("select distinct dossier from entry where n > ?1 and dossier is not null")?;
    let ids = statement.query_map([through], |row| row.get(0))?;
    Ok(ids.collect::<rusqlite::Result<_>>()?)
}

fn mark_one(transaction: &Transaction, id: Uuid, key: &OfficeKey, tables: &Tables) -> Result<()> {
    let (dossier, steps, person) = history(transaction, id, key)?;
    transaction.prepare_cached("delete from dossier_mark where dossier = ?1")?.execute([id])?;
    transaction.prepare_cached("delete from visit where dossier = ?1")?.execute([id])?;
    let mut insert = transaction
        .prepare_cached("insert or replace into dossier_mark (dossier, rule, day, since, field) values (?1, ?2, ?3, ?4, ?5)")?;
    for Mark { rule, day, since, field } in
        marks(&dossier, &steps, dossier.after_15h_next_day(&tables.catalogue), &tables.calendar)
    {
        insert.execute(params![id, rule.code(), day.to_string(), since.to_string(), field])?;
    }
    let received = dossier.received.as_ref().filter(|_| !dossier.voided);
    if let Some((received, identity)) = received.zip(person.and_then(|person| person.identity)) {
        transaction
            .prepare_cached("insert into visit (dossier, person, day, procedure, field) values (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![
                id,
                key.blind(&identity),
                local_day(received.received_at).to_string(),
                received.procedure,
                received.field
            ])?;
    }
    Ok(())
}

/// A dossier, its steps, and the newest sealed part that names its person.
fn history(transaction: &Transaction, id: Uuid, key: &OfficeKey) -> Result<(Dossier, Vec<Step>, Option<Sealed>)> {
    let mut statement =
        transaction.prepare_cached("select seq, hash, body, sealed, stream from entry where dossier = ?1 order by n")?;
    let mut rows = statement.query([id])?;
    let (mut dossier, mut steps, mut person, mut origins) = (Dossier::new(id), Vec::new(), None, BTreeSet::new());
    while let Some(row) = rows.next()? {
        let (record, stream): (_, Uuid) = (record(row)?, row.get(4)?);
        let body = Body::parse(record.seq, &record.body).map_err(|_| StoreError::Damaged(record.seq))?;
        let Some(recorded) = Recorded::read(&body).filter(|_| origins.insert(record.origin())) else { continue };
        dossier.apply(&recorded.event);
        if matches!(recorded.event, Event::Received(_) | Event::Corrected(_)) && !record.sealed.is_empty() {
            person = key.open(stream, record.seq, &record.body, &record.sealed).ok().or(person);
        }
        steps.push(Step { recorded, author: body.author.to_string() });
    }
    Ok((dossier, steps, person))
}

fn marked(connection: &Connection) -> Result<Vec<Marked>> {
    let mut statement = connection.prepare_cached(
        "select d.code, m.rule, m.day, m.since, m.field from dossier_mark m join dossier d on d.id = m.dossier",
    )?;
    let rows = statement.query_map([], |row| {
        let (code, rule, field): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(4)?);
        let (day, since) = (parsed(row, 2)?, parsed(row, 3)?);
        Ok(MarkRule::from_code(&rule).map(|rule| Marked { code, mark: Mark { rule, day, since, field } }))
    })?;
    let all: Vec<Option<Marked>> = rows.collect::<rusqlite::Result<_>>()?;
    Ok(all.into_iter().flatten().collect())
}

fn procedures(connection: &Connection) -> Result<Vec<ProcedureUse>> {
    let mut statement = connection.prepare_cached(
        "select procedure, min(day), max(day), sum(received_in_person + received_post + received_online) from rollup
         where received_in_person + received_post + received_online > 0 group by procedure order by procedure",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(ProcedureUse { code: row.get(0)?, first: parsed(row, 1)?, last: parsed(row, 2)?, dossiers: row.get(3)? })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn same_person(connection: &Connection) -> Result<Vec<SamePerson>> {
    let mut statement = connection.prepare_cached(
        "select v.day, v.field, group_concat(d.code, ' ') from visit v join dossier d on d.id = v.dossier
         group by v.person, v.day, v.procedure having count(*) > 1 order by v.day, min(d.code)",
    )?;
    let rows = statement.query_map([], |row| {
        let codes: String = row.get(2)?;
        let mut codes: Vec<String> = codes.split(' ').map(str::to_owned).collect();
        codes.sort();
        Ok(SamePerson { day: parsed(row, 0)?, field: row.get(1)?, codes })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

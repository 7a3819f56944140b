//! What does not add up or breaks a rule, over everything that this office recorded.
//!
//! Promise: only dossiers that changed since the last time are looked at again; the answer is the same as if all were.
//! Start at [`Store::findings`].

use std::collections::{BTreeMap, BTreeSet};

use motcua_shared::calendar::local_day;
use motcua_shared::declared::Figures;
use motcua_shared::indicator::Sums;
use motcua_shared::period::Period;
use motcua_shared::reference::Tables;
use motcua_shared::rule::{
    Computed, Facts, Finding, MOST_EVIDENCE, Mark, MarkRule, Marked, ProcedureUse, SamePerson, Slice, SliceOf, Step, check,
    marks, periods,
};
use motcua_shared::seal::Sealed;
use rusqlite::{Connection, Row};

use super::{
    Body, Code, Dossier, Event, LocalTime, NaiveDate, OfficeKey, OptionalExtension, Recorded, Result, Store, StoreError,
    Transaction, Uuid, begin, office, params, record,
};

impl Store {
    /// Everything that is found, in order of period, rule, indicator and field.
    pub fn findings(&mut self, key: &OfficeKey, now: LocalTime) -> Result<Vec<Finding>> {
        let tables = self.tables()?;
        self.mark(key, &tables)?;
        let declared = self.declared()?;
        self.found(&declared, &tables, now)
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
        let (day, since) = (day(row, 2)?, day(row, 3)?);
        Ok(MarkRule::from_code(&rule).map(|rule| Marked { code, mark: Mark { rule, day, since, field } }))
    })?;
    let all: Vec<Option<Marked>> = rows.collect::<rusqlite::Result<_>>()?;
    Ok(all.into_iter().flatten().collect())
}

fn day(row: &Row, column: usize) -> rusqlite::Result<NaiveDate> {
    let text: String = row.get(column)?;
    text.parse().map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error)))
}

fn procedures(connection: &Connection) -> Result<Vec<ProcedureUse>> {
    let mut statement = connection.prepare_cached(
        "select procedure, min(day), max(day), sum(received_in_person + received_post + received_online) from rollup
         where received_in_person + received_post + received_online > 0 group by procedure order by procedure",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(ProcedureUse { code: row.get(0)?, first: day(row, 1)?, last: day(row, 2)?, dossiers: row.get(3)? })
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
        Ok(SamePerson { day: day(row, 0)?, field: row.get(1)?, codes })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

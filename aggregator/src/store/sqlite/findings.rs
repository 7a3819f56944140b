//! Findings, their history and what they rest on, in `SQLite`.

use std::collections::BTreeSet;

use motcua_shared::dossier::Code;
use motcua_shared::rule::{Finding, MOST_EVIDENCE, Mark, MarkRule, Marked, ProcedureUse, Seen, Slice, SliceOf};
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::{Sql, id, parsed, parsed_option, time, unreadable};
use crate::store::{Checked, FindingEvent, Kept, Span, StoreError};

pub(super) fn checked(connection: &Connection, unit: &str) -> Result<Option<Checked>, StoreError> {
    let mut statement = connection.prepare_cached("select day, reference, sending from checked_unit where unit = ?1")?;
    let found = statement
        .query_row([unit], |row| Ok(Checked { day: parsed(row, 0)?, reference: row.get(1)?, sending: row.get(2)? }))
        .optional()?;
    Ok(found)
}

pub(super) fn checked_set(connection: &Connection, unit: &str, checked: &Checked) -> Result<(), StoreError> {
    connection
        .prepare_cached("insert or replace into checked_unit (unit, day, reference, sending) values (?1, ?2, ?3, ?4)")?
        .execute(params![unit, checked.day.to_string(), checked.reference, checked.sending])?;
    connection
        .prepare_cached(
            "insert or replace into checked_stream (stream, through_seq)
             select s.stream, coalesce((select max(e.seq) from entry e where e.stream = s.stream), 0) from stream s where s.unit = ?1",
        )?
        .execute([unit])?;
    Ok(())
}

/// Whether entries of a unit came that were not looked at.
pub(super) fn unchecked(connection: &Connection, unit: &str) -> Result<bool, StoreError> {
    let mut statement = connection.prepare_cached(
        "select exists (select 1 from stream s where s.unit = ?1
            and coalesce((select max(e.seq) from entry e where e.stream = s.stream), 0)
                > coalesce((select c.through_seq from checked_stream c where c.stream = s.stream), 0))",
    )?;
    Ok(statement.query_row([unit], |row| row.get(0))?)
}

/// Dossiers of a unit with entries that were not looked at.
pub(super) fn changed(connection: &Connection, unit: &str) -> Result<BTreeSet<Uuid>, StoreError> {
    let mut statement = connection.prepare_cached(
        "select distinct e.dossier from stream s join entry e on e.stream = s.stream
            and e.seq > coalesce((select c.through_seq from checked_stream c where c.stream = s.stream), 0)
         where s.unit = ?1 and e.dossier is not null",
    )?;
    let ids = statement.query_map([unit], |row| Ok(Uuid::from_bytes(row.get(0)?)))?;
    Ok(ids.collect::<Sql<_>>()?)
}

pub(super) fn forget(connection: &Connection, unit: Option<&str>) -> Result<(), StoreError> {
    let statements = [
        "delete from dossier_mark where ?1 is null or unit = ?1",
        "delete from checked_stream where ?1 is null or stream in (select stream from stream where unit = ?1)",
        "delete from checked_unit where ?1 is null or unit = ?1",
    ];
    for statement in statements {
        connection.prepare_cached(statement)?.execute([unit])?;
    }
    Ok(())
}

/// The rows of spans are marks of these names: `day` is when the dossier came, `since` when it was resolved.
const SPAN: &str = "span_";
/// The day of what has not ended, after every other.
const OPEN: &str = "9999-12-31";

pub(super) fn marks_put(
    connection: &Connection,
    unit: &str,
    dossier: Uuid,
    marks: &[Mark],
    span: Option<&Span>,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("delete from dossier_mark where unit = ?1 and dossier = ?2")?
        .execute(params![unit, id(&dossier)])?;
    let mut insert = connection.prepare_cached(
        "insert or replace into dossier_mark (unit, dossier, rule, day, since, field) values (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for Mark { rule, day, since, field } in marks {
        insert.execute(params![unit, id(&dossier), rule.code(), day.to_string(), since.to_string(), field])?;
    }
    if let Some(Span { field, received, resolved }) = span {
        let how = resolved.map_or("open", |(_, verdict)| verdict.as_str());
        let ended = resolved.map_or_else(|| OPEN.to_owned(), |(day, _)| day.to_string());
        insert.execute(params![unit, id(&dossier), format!("{SPAN}{how}"), received.to_string(), ended, field])?;
    }
    Ok(())
}

pub(super) fn marks(connection: &Connection, unit: &str) -> Result<Vec<Marked>, StoreError> {
    let mut statement = connection.prepare_cached(
        "select d.code, m.rule, m.day, m.since, m.field from dossier_mark m join dossier d on d.id = m.dossier
         where m.unit = ?1 and substr(m.rule, 1, 5) <> 'span_'",
    )?;
    let rows = statement.query_map([unit], |row| {
        let (code, rule, field): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(4)?);
        let (day, since) = (parsed(row, 2)?, parsed(row, 3)?);
        Ok(MarkRule::from_code(&rule).map(|rule| Marked { code, mark: Mark { rule, day, since, field } }))
    })?;
    let all: Vec<Option<Marked>> = rows.collect::<Sql<_>>()?;
    Ok(all.into_iter().flatten().collect())
}

pub(super) fn procedures(connection: &Connection, unit: &str) -> Result<Vec<ProcedureUse>, StoreError> {
    let mut statement = connection.prepare_cached(
        "select procedure, min(day), max(day), sum(received_in_person + received_post + received_online) from rollup
         where unit = ?1 and received_in_person + received_post + received_online > 0 group by procedure order by procedure",
    )?;
    let rows = statement.query_map([unit], |row| {
        Ok(ProcedureUse { code: row.get(0)?, first: parsed(row, 1)?, last: parsed(row, 2)?, dossiers: row.get(3)? })
    })?;
    Ok(rows.collect::<Sql<_>>()?)
}

pub(super) fn slice(connection: &Connection, unit: &str, slice: &Slice) -> Result<Vec<String>, StoreError> {
    let resolved = |verdict: &str| format!("m.rule = '{SPAN}{verdict}' and m.since between ?3 and ?4");
    let condition = match slice.what {
        SliceOf::Early => resolved("early"),
        SliceOf::OnTime => resolved("on_time"),
        SliceOf::Overdue => resolved("overdue"),
        SliceOf::Pending => "?3 <= ?4 and m.day <= ?4 and m.since > ?4".to_owned(),
        SliceOf::CarriedOver => "?3 <= ?4 and m.day < ?3 and m.since >= ?3".to_owned(),
    };
    let mut statement = connection.prepare_cached(&format!(
        "select d.code from dossier_mark m join dossier d on d.id = m.dossier
         where m.unit = ?1 and (?2 = '' or m.field = ?2) and substr(m.rule, 1, 5) = 'span_' and {condition}
         order by d.code limit {MOST_EVIDENCE}"
    ))?;
    let (from, to) = (slice.period.from.to_string(), slice.period.to.to_string());
    let rows = statement.query_map(params![unit, slice.field, from, to], |row| row.get(0))?;
    Ok(rows.collect::<Sql<_>>()?)
}

pub(super) fn kept(connection: &Connection, unit: Option<&str>) -> Result<Vec<Kept>, StoreError> {
    let mut statement = connection.prepare_cached(
        "select unit, body, first_seen, last_seen, gone_since from finding where ?1 is null or unit = ?1 order by unit, id",
    )?;
    let rows = statement.query_map([unit], kept_row)?;
    Ok(rows.collect::<Sql<_>>()?)
}

fn kept_row(row: &Row) -> Sql<Kept> {
    let body: String = row.get(1)?;
    let finding: Finding = serde_json::from_str(&body).map_err(|error| unreadable(1, error))?;
    let (first_seen, last_seen) = (parsed(row, 2)?, parsed(row, 3)?);
    Ok(Kept { unit: row.get(0)?, seen: Seen { finding, first_seen, last_seen, gone_since: parsed_option(row, 4)? } })
}

pub(super) fn keep(connection: &Connection, kept: &Kept) -> Result<(), StoreError> {
    let Kept { unit, seen: Seen { finding, first_seen, last_seen, gone_since } } = kept;
    let body = serde_json::to_string(finding).expect("plain strings, numbers and dates are JSON");
    connection
        .prepare_cached(
            "insert or replace into finding (unit, id, body, first_seen, last_seen, gone_since) values (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![unit, finding.id, body, time(*first_seen), time(*last_seen), gone_since.map(time)])?;
    Ok(())
}

pub(super) fn event_add(connection: &Connection, event: &FindingEvent) -> Result<(), StoreError> {
    let FindingEvent { unit, finding, at, kind, who, words, after_n, .. } = event;
    connection
        .prepare_cached(
            "insert into finding_event (unit, finding, at, kind, who, words, after_n) values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![unit, finding, time(*at), kind, who, words, after_n])?;
    Ok(())
}

/// Of the newest event of findings of a stream's unit about which anything was ever decided; 0: of none.
pub(super) fn decisions_number(connection: &Connection, stream: Uuid) -> Result<u64, StoreError> {
    let mut statement = connection.prepare_cached(
        "select coalesce(max(n), 0) from finding_event e where e.unit = (select unit from stream where stream = ?1)
            and exists (select 1 from finding_event d where d.unit = e.unit and d.finding = e.finding
                and d.kind in ('accepted', 'rejected', 'reopened'))",
    )?;
    Ok(statement.query_row([id(&stream)], |row| row.get(0))?)
}

pub(super) fn events(connection: &Connection, unit: Option<&str>) -> Result<Vec<FindingEvent>, StoreError> {
    let mut statement = connection.prepare_cached(
        "select n, unit, finding, at, kind, who, words, after_n from finding_event where ?1 is null or unit = ?1 order by n",
    )?;
    let rows = statement.query_map([unit], |row| {
        Ok(FindingEvent {
            n: row.get(0)?,
            unit: row.get(1)?,
            finding: row.get(2)?,
            at: parsed(row, 3)?,
            kind: row.get(4)?,
            who: row.get(5)?,
            words: row.get(6)?,
            after_n: row.get(7)?,
        })
    })?;
    Ok(rows.collect::<Sql<_>>()?)
}

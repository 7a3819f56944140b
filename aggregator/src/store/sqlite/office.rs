//! What offices say of themselves, in `SQLite`.
//!
//! Promise: a fact is kept once, however often its entry comes. Start at [`add`].

use motcua_shared::calendar::LocalTime;
use motcua_shared::entry::Hash;
use motcua_shared::office::{Explanation, Figure, Filed, OfficeEvent, ReportFiled, Said, Stated};
use motcua_shared::period::Period;
use motcua_shared::same_person::SamePersonGroup;
use rusqlite::{Connection, Row, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Sql, parsed, unreadable};
use crate::store::{Of, StoreError};

/// Keeps what an office says in entry `n`.
pub(super) fn add(connection: &Connection, unit: &str, n: i64, origin: Hash, said: &Said) -> Result<(), StoreError> {
    let (author, recorded_at) = (&said.author, said.recorded_at.to_rfc3339());
    match &said.event {
        OfficeEvent::Declared(declared) => {
            let mut insert = connection.prepare_cached(
                "insert into declared (unit, origin, place, n, from_day, to_day, indicator, field, revision, value, numerator,
                    denominator, printed, stands_in, author, recorded_at)
                 values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16) on conflict do nothing",
            )?;
            let (from, to) = (declared.from.to_string(), declared.to.to_string());
            for (place, figure) in (0i64..).zip(&declared.figures) {
                let Figure { indicator, field, value, numerator, denominator, printed, place: stands_in, revision } = figure;
                insert.execute(params![
                    unit,
                    origin.0,
                    place,
                    n,
                    from,
                    to,
                    indicator,
                    field,
                    revision,
                    value,
                    numerator,
                    denominator,
                    printed,
                    stands_in,
                    author,
                    recorded_at
                ])?;
            }
        }
        OfficeEvent::FindingExplained(explained) => {
            connection
                .prepare_cached(
                    "insert into explanation (unit, origin, n, finding, body, author, recorded_at)
                     values (?1, ?2, ?3, ?4, ?5, ?6, ?7) on conflict do nothing",
                )?
                .execute(params![unit, origin.0, n, explained.finding, json(explained), author, recorded_at])?;
        }
        OfficeEvent::ReportFiled(filed) => {
            let ReportFiled { form, from, to, revision, .. } = &**filed;
            connection
                .prepare_cached(
                    "insert into filed_report (unit, origin, n, form, from_day, to_day, revision, body, author, recorded_at)
                     values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) on conflict do nothing",
                )?
                .execute(params![
                    unit,
                    origin.0,
                    n,
                    form,
                    from.to_string(),
                    to.to_string(),
                    revision,
                    json(filed),
                    author,
                    recorded_at
                ])?;
        }
        OfficeEvent::SamePerson(day) => {
            connection
                .prepare_cached("insert into same_person (unit, origin, body) values (?1, ?2, ?3) on conflict do nothing")?
                .execute(params![unit, origin.0, json(day)])?;
        }
    }
    Ok(())
}

pub(super) fn same_person(
    connection: &Connection,
    unit: Option<&str>,
) -> Result<Vec<(String, Hash, SamePersonGroup)>, StoreError> {
    let mut statement = connection
        .prepare_cached("select unit, origin, body from same_person where ?1 is null or unit = ?1 order by unit, origin")?;
    let rows = statement.query_map([unit], |row| Ok((row.get(0)?, Hash(row.get(1)?), shape(row, 2)?)))?;
    Ok(rows.collect::<Sql<_>>()?)
}

fn json(shape: &impl Serialize) -> String {
    serde_json::to_string(shape).expect("plain strings, numbers and dates are JSON")
}

pub(super) fn stated(connection: &Connection, unit: Option<&str>) -> Result<Vec<Of<Stated>>, StoreError> {
    let mut statement = connection.prepare_cached(
        "select unit, n, origin, from_day, to_day, indicator, field, revision, value, numerator, denominator, printed, stands_in,
            author, recorded_at
         from declared where ?1 is null or unit = ?1
         order by unit, from_day, to_day, indicator, field, revision, origin, place",
    )?;
    let rows = statement.query_map([unit], |row| {
        let stated = Stated {
            origin: Hash(row.get(2)?),
            period: Period { from: parsed(row, 3)?, to: parsed(row, 4)? },
            figure: Figure {
                indicator: row.get(5)?,
                field: row.get(6)?,
                revision: row.get(7)?,
                value: row.get(8)?,
                numerator: row.get(9)?,
                denominator: row.get(10)?,
                printed: row.get(11)?,
                place: row.get(12)?,
            },
            author: row.get(13)?,
            recorded_at: parsed(row, 14)?,
        };
        Ok(Of { unit: row.get(0)?, n: row.get(1)?, said: stated })
    })?;
    Ok(rows.collect::<Sql<_>>()?)
}

pub(super) fn explanations(connection: &Connection, unit: Option<&str>) -> Result<Vec<Of<Explanation>>, StoreError> {
    let mut statement = connection.prepare_cached(
        "select unit, n, origin, body, author, recorded_at from explanation where ?1 is null or unit = ?1 order by unit, n, origin",
    )?;
    let rows = statement.query_map([unit], |row| {
        let (author, recorded_at): (String, LocalTime) = (row.get(4)?, parsed(row, 5)?);
        let said = Explanation { origin: Hash(row.get(2)?), explained: shape(row, 3)?, author, recorded_at };
        Ok(Of { unit: row.get(0)?, n: row.get(1)?, said })
    })?;
    Ok(rows.collect::<Sql<_>>()?)
}

pub(super) fn filed(connection: &Connection, unit: Option<&str>) -> Result<Vec<Of<Filed>>, StoreError> {
    let mut statement = connection.prepare_cached(
        "select unit, n, origin, body, author, recorded_at from filed_report where ?1 is null or unit = ?1
         order by unit, form, from_day, to_day, revision, origin",
    )?;
    let rows = statement.query_map([unit], |row| {
        let (author, recorded_at): (String, LocalTime) = (row.get(4)?, parsed(row, 5)?);
        let said = Filed { origin: Hash(row.get(2)?), report: shape(row, 3)?, author, recorded_at };
        Ok(Of { unit: row.get(0)?, n: row.get(1)?, said })
    })?;
    Ok(rows.collect::<Sql<_>>()?)
}

fn shape<T: DeserializeOwned>(row: &Row, column: usize) -> Sql<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| unreadable(column, error))
}

//! Reports as they were filed, and numbers of the index that were typed in.
//!
//! Promise: rows are added and never changed; only words that are still being written are replaced.

use std::collections::BTreeMap;

use motcua_shared::calendar::LocalTime;
use motcua_shared::index766::Numbers;
use motcua_shared::period::Period;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Sql, parsed, time};
use crate::store::{FiledForm, IndexInput, NarrativeWords, NewFiledForm, StoreError};

const FILED: &str = "select id, form, unit, from_day, to_day, filed_at, filed_by, ruleset, hash, body, corrects from filed_form";

pub fn add(connection: &Connection, filed: &NewFiledForm, at: LocalTime) -> Result<i64, StoreError> {
    let NewFiledForm { form, unit, from, to, by, ruleset, hash, body, corrects } = filed;
    connection
        .prepare_cached(
            "insert into filed_form (form, unit, from_day, to_day, filed_at, filed_by, ruleset, hash, body, corrects)
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![form, unit, from.to_string(), to.to_string(), time(at), by, ruleset, hash, body, corrects])?;
    Ok(connection.last_insert_rowid())
}

pub fn find(connection: &Connection, id: i64) -> Result<Option<FiledForm>, StoreError> {
    Ok(connection.prepare_cached(&format!("{FILED} where id = ?1"))?.query_row([id], filed).optional()?)
}

pub fn list(connection: &Connection) -> Result<Vec<FiledForm>, StoreError> {
    let mut statement = connection.prepare_cached(&format!("{FILED} order by id desc"))?;
    Ok(statement.query_map([], filed)?.collect::<Sql<_>>()?)
}

fn filed(row: &Row) -> Sql<FiledForm> {
    Ok(FiledForm {
        id: row.get(0)?,
        form: row.get(1)?,
        unit: row.get(2)?,
        from: parsed(row, 3)?,
        to: parsed(row, 4)?,
        at: parsed(row, 5)?,
        by: row.get(6)?,
        ruleset: row.get(7)?,
        hash: row.get(8)?,
        body: row.get(9)?,
        corrects: row.get(10)?,
    })
}

pub fn narrative_words(connection: &Connection) -> Result<Vec<NarrativeWords>, StoreError> {
    let mut statement = connection
        .prepare_cached("select from_day, to_day, saved_at, saved_by, body from narrative_words order by from_day, to_day")?;
    let rows = statement.query_map([], |row| {
        let period = Period { from: parsed(row, 0)?, to: parsed(row, 1)? };
        Ok(NarrativeWords { period, saved_at: parsed(row, 2)?, saved_by: row.get(3)?, body: row.get(4)? })
    })?;
    Ok(rows.collect::<Sql<_>>()?)
}

pub fn narrative_words_keep(connection: &Connection, words: &NarrativeWords) -> Result<(), StoreError> {
    let NarrativeWords { period, saved_at, saved_by, body } = words;
    connection
        .prepare_cached(
            "insert or replace into narrative_words (from_day, to_day, saved_at, saved_by, body) values (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![period.from.to_string(), period.to.to_string(), time(*saved_at), saved_by, body])?;
    Ok(())
}

/// A later row takes the place of an earlier.
pub fn index_inputs(connection: &Connection, unit: &str, period: Period) -> Result<BTreeMap<String, Numbers>, StoreError> {
    let mut statement = connection.prepare_cached(
        "select indicator, numerator, denominator from index_input where unit = ?1 and from_day = ?2 and to_day = ?3 order by id",
    )?;
    let rows = statement.query_map(params![unit, period.from.to_string(), period.to.to_string()], |row| {
        Ok((row.get(0)?, Numbers { numerator: row.get(1)?, denominator: row.get(2)? }))
    })?;
    Ok(rows.collect::<Sql<_>>()?)
}

pub fn index_input_add(connection: &Connection, input: &IndexInput, at: LocalTime) -> Result<(), StoreError> {
    let IndexInput { unit, period, indicator, numbers, by } = input;
    connection
        .prepare_cached(
            "insert into index_input (unit, from_day, to_day, indicator, numerator, denominator, typed_at, typed_by)
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            unit,
            period.from.to_string(),
            period.to.to_string(),
            indicator,
            numbers.numerator,
            numbers.denominator,
            time(at),
            by
        ])?;
    Ok(())
}

//! Counters per field, procedure and day, and their sums over a period.
//!
//! Promise: written only as the difference that a changed history makes. Start at [`Store::sums`].

use super::{COLUMNS, Counters, Delta, FieldSums, NaiveDate, Result, Row, Store, Transaction};

/// Adds the difference to the counters.
pub(super) fn rollup_add(transaction: &Transaction, delta: &Delta) -> Result<()> {
    let columns = COLUMNS.join(", ");
    let places: Vec<String> = (4..4 + COLUMNS.len()).map(|place| format!("?{place}")).collect();
    let sums: Vec<String> = COLUMNS.iter().map(|column| format!("{column} = {column} + excluded.{column}")).collect();
    let mut statement = transaction.prepare_cached(&format!(
        "insert into rollup (field, procedure, day, {columns}) values (?1, ?2, ?3, {}) on conflict do update set {}",
        places.join(", "),
        sums.join(", ")
    ))?;
    for (cell, counters) in delta.changes() {
        statement.raw_bind_parameter(1, &cell.field)?;
        statement.raw_bind_parameter(2, &cell.procedure)?;
        statement.raw_bind_parameter(3, cell.day.to_string())?;
        for (place, value) in (4..).zip(counters.0) {
            statement.raw_bind_parameter(place, value)?;
        }
        statement.raw_execute()?;
    }
    Ok(())
}

/// Counters from consecutive columns of a row.
pub(super) fn counters(row: &Row, first: usize) -> rusqlite::Result<Counters> {
    let mut counters = Counters::default();
    for (place, value) in (first..).zip(counters.0.iter_mut()) {
        *value = row.get(place)?;
    }
    Ok(counters)
}

impl Store {
    /// Sums per field, of all days before `from` and of the days `from..=to`.
    pub fn sums(&self, from: NaiveDate, to: NaiveDate) -> Result<Vec<FieldSums>> {
        let sum = |condition: &str| {
            let each: Vec<String> =
                COLUMNS.iter().map(|column| format!("coalesce(sum({column}) filter (where {condition}), 0)")).collect();
            each.join(", ")
        };
        let mut statement = self.connection.prepare_cached(&format!(
            "select field, {}, {} from rollup where day <= ?2 group by field order by field",
            sum("day < ?1"),
            sum("day >= ?1")
        ))?;
        let rows = statement.query_map([from.to_string(), to.to_string()], |row| {
            Ok(FieldSums { field: row.get(0)?, before: counters(row, 1)?, within: counters(row, 1 + COLUMNS.len())? })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

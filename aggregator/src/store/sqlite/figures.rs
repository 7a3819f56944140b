//! Counters per unit, procedure and day, and their sums by reporting month.
//!
//! Promise: a figure of any period is read from a few rows for each unit or procedure, however many dossiers and days there
//! are. `rollup` is the truth that people can read; `rollup_unit` and `rollup_procedure` are kept in the same transaction.
//! Start at [`add`] and [`until`].

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use motcua_shared::contribution::{COLUMNS, Counters, Delta};
use motcua_shared::period::month_of;
use rusqlite::{Connection, OptionalExtension, ToSql, params};

use super::{Sql, counters, parsed};
use crate::store::month::{self, Month};
use crate::store::{MonthRow, ProcedureCounters, RollupRow, StoreError};

impl From<month::Unreadable> for StoreError {
    fn from(error: month::Unreadable) -> Self {
        StoreError::Damaged(error.to_string())
    }
}

/// All units together.
const NODE: &str = "";

/// Whose months: unit, field, procedure. Field and procedure are empty for the unit itself.
type Key<'a> = (&'a str, &'a str, &'a str);
/// What is added to the days of each month.
type Months = BTreeMap<i32, Vec<(u8, Counters)>>;

/// Adds the difference that changed histories make.
pub fn add(connection: &Connection, unit: &str, delta: &Delta) -> Result<(), StoreError> {
    add_days(connection, unit, delta)?;
    let mut keys: BTreeMap<Key, Months> = BTreeMap::new();
    for (cell, counters) in delta.changes() {
        let (field, procedure) = (cell.field.as_str(), cell.procedure.as_str());
        let (month, distance) = (month_of(cell.day), month::distance(cell.day));
        for key in [(unit, "", ""), (unit, field, procedure), (NODE, "", ""), (NODE, field, procedure)] {
            keys.entry(key).or_default().entry(month).or_default().push((distance, *counters));
        }
    }
    for (key, months) in &keys {
        add_months(connection, *key, months)?;
    }
    Ok(())
}

fn add_days(connection: &Connection, unit: &str, delta: &Delta) -> Result<(), StoreError> {
    let places: Vec<String> = (5..5 + COLUMNS.len()).map(|place| format!("?{place}")).collect();
    let sums: Vec<String> = COLUMNS.iter().map(|column| format!("{column} = {column} + excluded.{column}")).collect();
    let mut upsert = connection.prepare_cached(&format!(
        "insert into rollup (unit, field, procedure, day, {}) values (?1, ?2, ?3, ?4, {})
         on conflict (unit, field, procedure, day) do update set {}",
        COLUMNS.join(", "),
        places.join(", "),
        sums.join(", ")
    ))?;
    for (cell, counters) in delta.changes() {
        let day = cell.day.to_string();
        let mut values: Vec<&dyn ToSql> = vec![&unit, &cell.field, &cell.procedure, &day];
        values.extend(counters.0.iter().map(|counter| counter as &dyn ToSql));
        upsert.execute(values.as_slice())?;
    }
    Ok(())
}

/// Adds to the months of one key, and carries the sum on into those after them.
fn add_months(connection: &Connection, key: Key, months: &Months) -> Result<(), StoreError> {
    let Some(first) = months.keys().next().copied() else { return Ok(()) };
    let rows = Rows { connection, key };
    let before = rows.newest_before(first)?;
    if before.is_none() {
        let (unit, field, procedure) = key;
        connection
            .prepare_cached("insert into rollup_known (unit, field, procedure) values (?1, ?2, ?3) on conflict do nothing")?
            .execute(params![unit, field, procedure])?;
    }
    let mut kept = rows.from(first)?;
    let mut all: BTreeSet<i32> = kept.keys().copied().collect();
    all.extend(months.keys());
    let (mut so_far, mut carried) = (before.unwrap_or_default(), Counters::default());
    for number in all {
        let mut row = match kept.remove(&number) {
            Some(mut row) => {
                row.before.add(&carried);
                row
            }
            None => Month { before: so_far, ..Month::default() },
        };
        for (distance, counters) in months.get(&number).into_iter().flatten() {
            row.add(*distance, counters);
            carried.add(counters);
        }
        so_far = row.end();
        rows.write(number, &row)?;
    }
    Ok(())
}

/// The rows of one key.
struct Rows<'a> {
    connection: &'a Connection,
    key: Key<'a>,
}

impl Rows<'_> {
    fn is_unit(&self) -> bool {
        self.key.1.is_empty() && self.key.2.is_empty()
    }

    /// Everything up to the end of the newest month before `month`; `None` where there is none.
    fn newest_before(&self, month: i32) -> Result<Option<Counters>, StoreError> {
        let (unit, field, procedure) = self.key;
        let body: Option<Vec<u8>> = if self.is_unit() {
            let sql = "select body from rollup_unit where unit = ?1 and month < ?2 order by month desc limit 1";
            self.connection.prepare_cached(sql)?.query_row(params![unit, month], |row| row.get(0)).optional()?
        } else {
            let sql = "select body from rollup_procedure where unit = ?1 and field = ?3 and procedure = ?4 and month < ?2
                       order by month desc limit 1";
            let mut statement = self.connection.prepare_cached(sql)?;
            statement.query_row(params![unit, month, field, procedure], |row| row.get(0)).optional()?
        };
        Ok(body.map(|body| Month::read(&body)).transpose()?.map(|month| month.end()))
    }

    /// The months from `month` on.
    fn from(&self, month: i32) -> Result<BTreeMap<i32, Month>, StoreError> {
        let (unit, field, procedure) = self.key;
        let read = |row: &rusqlite::Row| Ok((row.get(0)?, row.get(1)?));
        let rows: Vec<(i32, Vec<u8>)> = if self.is_unit() {
            let sql = "select month, body from rollup_unit where unit = ?1 and month >= ?2";
            self.connection.prepare_cached(sql)?.query_map(params![unit, month], read)?.collect::<Sql<_>>()?
        } else {
            let sql =
                "select month, body from rollup_procedure where unit = ?1 and field = ?3 and procedure = ?4 and month >= ?2";
            let mut statement = self.connection.prepare_cached(sql)?;
            statement.query_map(params![unit, month, field, procedure], read)?.collect::<Sql<_>>()?
        };
        let months = rows.into_iter().map(|(number, body)| Ok((number, Month::read(&body)?)));
        months.collect()
    }

    fn write(&self, month: i32, row: &Month) -> Result<(), StoreError> {
        let (unit, field, procedure) = self.key;
        if self.is_unit() {
            let sql = "insert into rollup_unit (month, unit, body) values (?1, ?2, ?3)
                       on conflict (month, unit) do update set body = excluded.body";
            self.connection.prepare_cached(sql)?.execute(params![month, unit, row.write()])?;
        } else {
            let sql = "insert into rollup_procedure (unit, field, procedure, month, body) values (?1, ?2, ?3, ?4, ?5)
                       on conflict (unit, field, procedure, month) do update set body = excluded.body";
            self.connection.prepare_cached(sql)?.execute(params![unit, field, procedure, month, row.write()])?;
        }
        Ok(())
    }
}

/// Everything up to and with each of `days`, of a unit or of all together.
pub fn until(connection: &Connection, unit: Option<&str>, days: &[NaiveDate]) -> Result<Vec<Counters>, StoreError> {
    let sql = "select month, body from rollup_unit where unit = ?1 and month <= ?2 order by month desc limit 1";
    let mut statement = connection.prepare_cached(sql)?;
    let sum = |day: &NaiveDate| {
        let found = statement.query_row(params![unit.unwrap_or(NODE), month_of(*day)], |row| {
            Ok(Month::until(row.get_ref(1)?.as_blob()?, row.get(0)?, *day))
        });
        Ok(found.optional()?.transpose()?.unwrap_or_default())
    };
    days.iter().map(sum).collect()
}

/// Everything up to and with `day`, for each unit of which anything is known.
pub fn until_by_unit(connection: &Connection, day: NaiveDate) -> Result<BTreeMap<String, Counters>, StoreError> {
    let month = month_of(day);
    let mut sums = BTreeMap::new();
    // Who was active in this month, then who was in the one before: two stretches of neighbouring rows for nearly all.
    let mut slice = connection.prepare_cached("select unit, body from rollup_unit where month = ?1 and unit <> ''")?;
    let known: usize = connection
        .prepare_cached("select count(*) from rollup_known where field = '' and procedure = '' and unit <> ''")?
        .query_row([], |row| row.get(0))?;
    for month in [month, month - 1] {
        if sums.len() == known {
            break;
        }
        let mut rows = slice.query([month])?;
        while let Some(row) = rows.next()? {
            let unit = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
            if !sums.contains_key(unit) {
                let body = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
                sums.insert(unit.to_owned(), Month::until(body, month, day)?);
            }
        }
    }
    if sums.len() < known {
        let mut units =
            connection.prepare_cached("select unit from rollup_known where field = '' and procedure = '' and unit <> ''")?;
        let units: Vec<String> = units.query_map([], |row| row.get(0))?.collect::<Sql<_>>()?;
        for unit in units.into_iter().filter(|unit| !sums.contains_key(unit)).collect::<Vec<_>>() {
            let sum = until(connection, Some(&unit), &[day])?.into_iter().next().unwrap_or_default();
            sums.insert(unit, sum);
        }
    }
    Ok(sums)
}

/// Everything in `field` up to and with `day`, for each unit that has anything in it.
pub fn until_by_unit_in(connection: &Connection, field: &str, day: NaiveDate) -> Result<BTreeMap<String, Counters>, StoreError> {
    let mut statement = connection.prepare_cached(
        "select k.unit, r.month, r.body from rollup_known k
         join rollup_procedure r on r.unit = k.unit and r.field = k.field and r.procedure = k.procedure
            and r.month = (select max(m.month) from rollup_procedure m
                           where m.unit = k.unit and m.field = k.field and m.procedure = k.procedure and m.month <= ?2)
         where k.field = ?1 and k.unit <> '' and k.procedure <> ''",
    )?;
    let rows = statement.query_map(params![field, month_of(day)], |row| {
        Ok((row.get(0)?, Month::until(row.get_ref(2)?.as_blob()?, row.get(1)?, day)))
    })?;
    let mut sums: BTreeMap<String, Counters> = BTreeMap::new();
    for row in rows {
        let (unit, counters) = row?;
        sums.entry(unit).or_default().add(&counters?);
    }
    Ok(sums)
}

/// Everything up to and with `day`, for each procedure of a unit or of all together.
pub fn until_by_procedure(
    connection: &Connection,
    unit: Option<&str>,
    day: NaiveDate,
) -> Result<Vec<ProcedureCounters>, StoreError> {
    let mut statement = connection.prepare_cached(
        "select k.field, k.procedure, r.month, r.body from rollup_known k
         join rollup_procedure r on r.unit = k.unit and r.field = k.field and r.procedure = k.procedure
            and r.month = (select max(m.month) from rollup_procedure m
                           where m.unit = k.unit and m.field = k.field and m.procedure = k.procedure and m.month <= ?2)
         where k.unit = ?1 order by k.field, k.procedure",
    )?;
    let rows = statement.query_map(params![unit.unwrap_or(NODE), month_of(day)], |row| {
        let counters = Month::until(row.get_ref(3)?.as_blob()?, row.get(2)?, day);
        Ok((row.get(0)?, row.get(1)?, counters))
    })?;
    rows.map(|row| {
        let (field, procedure, counters) = row?;
        Ok(ProcedureCounters { field, procedure, counters: counters? })
    })
    .collect()
}

/// Every day of every unit and procedure.
pub fn rows(connection: &Connection) -> Result<Vec<RollupRow>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "select unit, field, procedure, day, {} from rollup order by unit, field, procedure, day",
        COLUMNS.join(", ")
    ))?;
    let rows = statement.query_map([], |row| {
        Ok(RollupRow {
            unit: row.get(0)?,
            field: row.get(1)?,
            procedure: row.get(2)?,
            day: parsed(row, 3)?,
            counters: counters(row, 4)?,
        })
    })?;
    Ok(rows.collect::<Sql<_>>()?)
}

/// Every month that is kept.
pub fn months(connection: &Connection) -> Result<Vec<MonthRow>, StoreError> {
    let mut statement = connection.prepare_cached(
        "select unit, '', '', month, body from rollup_unit
         union all select unit, field, procedure, month, body from rollup_procedure order by 1, 2, 3, 4",
    )?;
    let rows = statement.query_map([], |row| {
        let body: Vec<u8> = row.get(4)?;
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, body))
    })?;
    rows.map(|row| {
        let (unit, field, procedure, month, body) = row?;
        Ok(MonthRow { unit, field, procedure, month, content: Month::read(&body)? })
    })
    .collect()
}

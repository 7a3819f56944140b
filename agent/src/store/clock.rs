//! What is known of this PC's clock, kept and read.
//!
//! Promise: a measure is replaced only by one that tells more. Start at [`Store::clock_known`].

use chrono::{DateTime, Utc};
use motcua_shared::calendar::{LocalTime, local};
use motcua_shared::clock::{Known, Measure};
use motcua_shared::entry::ClockReading;
use rusqlite::{Connection, OptionalExtension, params};

use super::{Result, Store};

impl Store {
    /// Keeps a measure of the clock, if it tells more than the one before.
    pub fn clock_measure(&mut self, measure: Measure) -> Result<()> {
        if measure.replaces(measured(&self.connection)?) {
            self.connection.execute(
                "insert into clock (id, offset_ms, error_ms, measured_at) values (1, ?1, ?2, ?3) on conflict (id) do update
                 set offset_ms = excluded.offset_ms, error_ms = excluded.error_ms, measured_at = excluded.measured_at",
                params![measure.offset_ms, measure.error_ms, measure.at.to_rfc3339()],
            )?;
        }
        Ok(())
    }

    /// A person says that the clock, which shows `now`, is right.
    pub fn clock_checked(&mut self, now: LocalTime) -> Result<()> {
        self.connection.execute(
            "insert into clock (id, checked_at) values (1, ?1) on conflict (id) do update set checked_at = excluded.checked_at",
            [now.to_rfc3339()],
        )?;
        Ok(())
    }

    /// All that the database knows of what time it may be.
    pub fn clock_known(&self) -> Result<Known> {
        let checked: Option<String> =
            self.connection.query_row("select checked_at from clock", [], |row| row.get(0)).optional()?.flatten();
        let signed: Option<i64> =
            self.connection.query_row("select at_ms from receipt order by n desc limit 1", [], |row| row.get(0)).optional()?;
        Ok(Known {
            last_entry: self.recorded_last_at()?.as_deref().and_then(time),
            last_signed: signed.and_then(DateTime::<Utc>::from_timestamp_millis).map(local),
            measured: measured(&self.connection)?,
            checked: checked.as_deref().and_then(time),
            earlier: None,
        })
    }
}

fn time(text: &str) -> Option<LocalTime> {
    LocalTime::parse_from_rfc3339(text).ok()
}

fn measured(connection: &Connection) -> rusqlite::Result<Option<Measure>> {
    let found = connection
        .prepare_cached("select offset_ms, error_ms, measured_at from clock where measured_at is not null")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?)))
        .optional()?;
    Ok(found.and_then(|(offset_ms, error_ms, at)| Some(Measure { offset_ms, error_ms, at: time(&at)? })))
}

/// What an entry that is recorded at `now` says of the clock.
pub(super) fn reading(connection: &Connection, now: LocalTime) -> rusqlite::Result<Option<ClockReading>> {
    Ok(measured(connection)?.map(|measure| measure.reading(now)))
}

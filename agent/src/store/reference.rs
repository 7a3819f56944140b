//! Reference data in the store: the versions that were taken, and what follows from a new one.
//!
//! Promise: a version and all that it reschedules are saved together or not at all; the same version twice saves nothing
//! more. Start at [`Store::tables`] and [`Store::reference_take`].

use std::sync::Arc;

use motcua_shared::reference::{self, Admission, Opened, Published, Snapshot, Statement, Tables, admission, rescheduled};
use motcua_shared::wire;
use rusqlite::types::Type;

use super::{
    Code, Connection, Event, OptionalExtension, Pen, Result, Signed, Store, Transaction, Uuid, append, begin, clock, fold,
    office, params,
};
use motcua_shared::dossier::State;

/// The version in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InForce {
    pub statement: Statement,
    pub applied_at: String,
}

/// What was read of the version in force.
#[derive(Clone)]
pub(super) struct Kept {
    /// The newest row when it was read.
    n: i64,
    tables: Arc<Tables>,
    in_force: Option<InForce>,
}

/// What the aggregator says in a receipt: its life, and the newest version that it published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announced {
    pub epoch: Uuid,
    pub version: u64,
}

/// How the newest exchange ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceAttempt {
    pub announced: Announced,
    /// Nothing is gained by asking again before something else is announced.
    pub settled: bool,
    /// What a person should know of it.
    pub problem: Option<String>,
}

/// What became of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is in force now, and so many open dossiers got another due time.
    Applied {
        rescheduled: usize,
    },
    Same,
    /// What this office has is newer: that stays.
    Older {
        held: u64,
    },
}

impl Store {
    /// What the desk works by now.
    pub fn tables(&self) -> Result<Arc<Tables>> {
        Ok(self.kept()?.tables)
    }

    /// The version in force; `None`: what is built in.
    pub fn reference_in_force(&self) -> Result<Option<InForce>> {
        Ok(self.kept()?.in_force)
    }

    /// What is kept in memory, read again when another version came in, by whatever program.
    fn kept(&self) -> Result<Kept> {
        let newest = newest(&self.connection)?;
        let mut kept = self.reference.borrow_mut();
        if let Some(kept) = kept.as_ref().filter(|kept| kept.n == newest) {
            return Ok(kept.clone());
        }
        let (tables, in_force) = (Arc::new(tables(&self.connection)?), in_force(&self.connection)?);
        Ok(kept.insert(Kept { n: newest, tables, in_force: in_force.map(|(in_force, _)| in_force) }).clone())
    }

    /// The version in force as it came.
    pub fn reference_published(&self) -> Result<Option<Published>> {
        let mut statement =
            self.connection.prepare_cached("select statement, signature, body from reference order by n desc limit 1")?;
        let found = statement.query_row([], |row| {
            let signed = Signed { payload: row.get(0)?, signature: row.get(1)? };
            Ok(Published::pack(signed, &row.get::<_, String>(2)?))
        });
        Ok(found.optional()?)
    }

    /// Puts a version in force that was checked, and records what its calendar does to open dossiers. `epoch`: the life
    /// in which the aggregator speaks.
    pub fn reference_take(&mut self, opened: &Opened, signed: &Signed, epoch: Uuid, pen: &Pen) -> Result<Taken> {
        let transaction = begin(&mut self.connection)?;
        let held = in_force(&transaction)?.map(|(in_force, _)| in_force.statement);
        match admission(held.as_ref(), &opened.statement, epoch) {
            Admission::Take => {}
            Admission::Same => return Ok(Taken::Same),
            Admission::Older => return Ok(Taken::Older { held: held.map_or(0, |held| held.version) }),
        }
        let office = office(&transaction)?;
        let before = tables(&transaction)?;
        let after = opened.snapshot.clone().tables(opened.statement.version, &office.unit);
        transaction.execute(
            "insert into reference (version, hash, applied_at, statement, signature, body) values (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                opened.statement.version,
                opened.statement.hash,
                pen.now.to_rfc3339(),
                signed.payload,
                signed.signature,
                opened.json
            ],
        )?;
        let clock = clock::reading(&transaction, pen.now)?;
        let mut drafts = Vec::new();
        for id in dossiers_processing(&transaction)? {
            let (dossier, _) = fold(&transaction, id)?;
            let moved = rescheduled(&dossier, &before, &after, pen.now);
            drafts.extend(moved.map(|moved| pen.draft(Event::Rescheduled(moved), id, None, clock)));
        }
        append(&transaction, office.stream, &drafts, pen)?;
        transaction.commit()?;
        Ok(Taken::Applied { rescheduled: drafts.len() })
    }

    pub fn reference_attempt(&self) -> Result<Option<ReferenceAttempt>> {
        let found = self
            .connection
            .prepare_cached("select epoch, version, settled, problem from reference_attempt")?
            .query_row([], |row| {
                let announced = Announced { epoch: row.get(0)?, version: row.get(1)? };
                Ok(ReferenceAttempt { announced, settled: row.get(2)?, problem: row.get(3)? })
            })
            .optional()?;
        Ok(found)
    }

    /// Notes how an exchange about what was announced ended.
    pub fn reference_attempt_note(&mut self, attempt: &ReferenceAttempt, now: super::LocalTime) -> Result<()> {
        let Announced { epoch, version } = attempt.announced;
        self.connection.execute(
            "insert or replace into reference_attempt (id, epoch, version, settled, problem, ended_at)
             values (1, ?1, ?2, ?3, ?4, ?5)",
            params![epoch, version, attempt.settled, attempt.problem, now.to_rfc3339()],
        )?;
        Ok(())
    }
}

fn newest(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("select coalesce(max(n), 0) from reference")?.query_row([], |row| row.get(0))
}

/// The newest version whose bytes are as they were signed, with them.
fn in_force(connection: &Connection) -> rusqlite::Result<Option<(InForce, String)>> {
    let mut statement = connection.prepare_cached("select statement, applied_at, body from reference order by n desc")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (payload, applied_at, body): (Vec<u8>, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        match wire::decode::<Statement>(&payload) {
            Ok(statement) if statement.hash == reference::hash(&body) => {
                return Ok(Some((InForce { statement, applied_at }, body)));
            }
            _ => tracing::warn!("a version of the reference data is damaged; the one before it counts"),
        }
    }
    Ok(None)
}

fn tables(connection: &Connection) -> rusqlite::Result<Tables> {
    let Some((InForce { statement, .. }, body)) = in_force(connection)? else { return Ok(Tables::starter()) };
    let unit = office(connection)?.unit;
    let unreadable = |error| rusqlite::Error::FromSqlConversionFailure(2, Type::Text, Box::new(error));
    Ok(Snapshot::read(&body).map_err(unreadable)?.tables(statement.version, &unit))
}

fn dossiers_processing(transaction: &Transaction) -> Result<Vec<Uuid>> {
    let mut statement = transaction.prepare("select id from dossier where state = ?1 order by code, id")?;
    let ids = statement.query_map([State::Processing.code()], |row| row.get(0))?;
    Ok(ids.collect::<rusqlite::Result<_>>()?)
}

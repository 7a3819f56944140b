//! The store in one `SQLite` file, readable in twenty years with nothing but `sqlite3`.
//!
//! Promise: WAL, `synchronous=FULL`, foreign keys on; writers queue up behind each other also across processes. A panic
//! or an error inside a transaction leaves nothing behind. Start at [`SqliteStore::open`].

mod figures;
mod filed;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, SecondsFormat};
use motcua_shared::calendar::{LocalTime, VIETNAM, local_day};
use motcua_shared::contribution::{Counters, Delta};
use motcua_shared::entry::{Hash, Head, Record, Seq};
use motcua_shared::index766::Numbers;
use motcua_shared::office::{Explanation, Filed, Said, Stated};
use motcua_shared::period::Period;
use motcua_shared::rule::{Mark, Marked, ProcedureUse, Slice};
use motcua_shared::same_person::SamePersonGroup;
use motcua_shared::schedule::night_of;
use motcua_shared::sync;
use motcua_shared::unit::{Key, Organisation, Unit, new_keys, since_of};
use motcua_shared::wire::{AgentReport, REASONS, Signed, decode, encode};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Row, params};
use uuid::Uuid;

use super::{
    BackupRun, Certificate, Checked, DossierRow, Draft, Enrolment, FiledForm, FindingEvent, Healing, Held, IndexInput, Kept,
    MonthRow, NarrativeWords, NewEntry, NewFiledForm, Node, Of, ProcedureCounters, Quarantined, Reference, RollupRow, Span,
    Store, StoreError, StoredEntry, Stream, StreamStatus, Told,
};

mod findings;
mod machines;
mod office;
mod people;

use crate::operation::Outcome;

refinery::embed_migrations!("migrations");

/// Name of the database in the data directory.
pub const FILE: &str = "aggregator.db";

/// Below it, a WAL can be damaged when two connections check-point and write at once.
const OLDEST_SQLITE: i32 = 3_051_003;
/// Bytes of a page of its files.
const PAGE: u64 = 4_096;

/// How long a writer waits for another process.
const PATIENCE: Duration = Duration::from_secs(30);

type Sql<T> = Result<T, rusqlite::Error>;

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error {
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..) => StoreError::Damaged(error.to_string()),
            error => match error.sqlite_error_code() {
                Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure) => StoreError::Disk(error.into()),
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Damaged(error.to_string()),
                _ => StoreError::Database(error.into()),
            },
        }
    }
}

impl From<refinery::Error> for StoreError {
    fn from(error: refinery::Error) -> Self {
        let cause = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref::<rusqlite::Error>());
        match cause.and_then(rusqlite::Error::sqlite_error_code) {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Damaged(error.to_string()),
            _ => StoreError::Database(error.into()),
        }
    }
}

/// One connection.
pub struct SqliteStore {
    connection: Connection,
    /// The units as they were at the mark of the table that stands beside them.
    organisation: RefCell<Option<(String, Arc<Organisation>)>>,
    /// Of a connection that only reads: the streams as they were at a state of the database.
    standing: Option<RefCell<AtState<StreamStatus>>>,
}

/// Rows and the state of the database that they were read at.
type AtState<T> = Option<(i64, Vec<T>)>;

impl SqliteStore {
    /// Makes the database, or opens one that is there.
    pub fn create(data: &Path) -> Result<SqliteStore, StoreError> {
        let mut connection = Connection::open(file(data))?;
        settle(&connection)?;
        migrations::runner().run(&mut connection)?;
        Ok(SqliteStore { connection, organisation: RefCell::default(), standing: None })
    }

    /// Opens the database for reading and writing, bringing its schema up to date.
    pub fn open(data: &Path) -> Result<SqliteStore, StoreError> {
        if !file(data).exists() {
            return Err(StoreError::Database(format!("{} does not exist", file(data).display()).into()));
        }
        // SQLite would take a file without one whole page for a new database, and write over it.
        if let Some(bytes) = std::fs::metadata(file(data)).ok().map(|file| file.len()).filter(|bytes| *bytes < PAGE) {
            return Err(StoreError::Damaged(format!("{FILE}: {bytes} byte")));
        }
        SqliteStore::create(data)
    }

    /// Opens it for reading only, after somebody opened it for writing.
    pub fn open_reader(data: &Path) -> Result<SqliteStore, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
        let connection = Connection::open_with_flags(file(data), flags)?;
        connection.busy_timeout(PATIENCE)?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(SqliteStore { connection, organisation: RefCell::default(), standing: Some(RefCell::default()) })
    }

    /// Opens it for reading one unchanging state, whatever is written meanwhile.
    pub fn open_snapshot(data: &Path) -> Result<SqliteStore, StoreError> {
        let store = SqliteStore::open_reader(data)?;
        store.connection.execute_batch("begin")?;
        Ok(store)
    }

    /// Writes one consistent state into the new file `target`, whatever is written meanwhile.
    pub fn copy_to(&self, target: &Path) -> Result<(), StoreError> {
        self.connection.execute("vacuum into ?1", [target.to_string_lossy()])?;
        let synced = std::fs::File::open(target).and_then(|file| file.sync_all());
        synced.map_err(|error| StoreError::Database(error.into()))
    }

    /// A number that changes when somebody else commits: <https://sqlite.org/pragma.html#pragma_data_version>.
    pub fn state(&self) -> Result<i64, StoreError> {
        Ok(self.connection.query_row("pragma data_version", [], |row| row.get(0))?)
    }

    /// Asks `SQLite` itself whether its file is sound.
    pub fn integrity(&self) -> Result<(), StoreError> {
        let answer: String = self.connection.query_row("pragma quick_check(1)", [], |row| row.get(0))?;
        if answer == "ok" { Ok(()) } else { Err(StoreError::Damaged(answer)) }
    }
}

fn file(data: &Path) -> PathBuf {
    data.join(FILE)
}

fn settle(connection: &Connection) -> Result<(), StoreError> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(StoreError::Database(format!("SQLite {} is too old", rusqlite::version()).into()));
    }
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -32_000)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// Rolls back unless it was committed: also when the work panics.
struct Guard<'a> {
    store: &'a mut SqliteStore,
    open: bool,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if self.open
            && let Err(error) = self.store.connection.execute_batch("rollback")
        {
            tracing::error!(%error, "a transaction could not be rolled back");
        }
    }
}

/// Streams of a unit or of all, and how far each came.
fn streams(connection: &Connection, unit: Option<&str>) -> Result<Vec<StreamStatus>, StoreError> {
    let of_unit = if unit.is_some() { "where s.unit = ?1" } else { "where ?1 is null" };
    let mut statement = connection.prepare_cached(&format!(
        "select s.unit, s.stream, coalesce((select max(e.seq) from entry e where e.stream = s.stream), 0),
                coalesce(q.held, 0), coalesce(f.aside, 0), s.told_head_seq,
                (select a.arrived_at from arrival a where a.stream = s.stream order by a.from_seq desc limit 1),
                s.last_seen_at, s.enrolled_at, s.agent_version, s.clock_offset_ms, h.had, h.has, s.night_slot_s
         from stream s
         left join (select stream, count(*) as held from quarantine group by stream) q on q.stream = s.stream
         left join (select stream, count(*) as aside from fork group by stream) f on f.stream = s.stream
         left join healing h on h.stream = s.stream and h.epoch = (select value from meta where key = 'epoch')
         {of_unit} order by s.unit, s.enrolled_at, s.stream"
    ))?;
    let streams = statement.query_map([unit], |row| {
        let (stored_through, quarantined, head_seq): (Seq, u64, Seq) = (row.get(2)?, row.get(3)?, row.get(5)?);
        let unit: String = row.get(0)?;
        Ok(StreamStatus {
            unit_since: since_of(&unit),
            unit,
            stream: Uuid::from_bytes(row.get(1)?),
            stored_through,
            applied: stored_through.saturating_sub(quarantined),
            quarantined,
            forked: row.get(4)?,
            head_seq,
            pending: head_seq.saturating_sub(stored_through),
            complete_to: row.get(6)?,
            last_seen_at: row.get(7)?,
            enrolled_at: row.get(8)?,
            agent_version: row.get(9)?,
            clock_offset_ms: row.get(10)?,
            healing: healing(row, stored_through)?,
            night_slot_s: row.get("night_slot_s")?,
        })
    })?;
    Ok(streams.collect::<Sql<_>>()?)
}

impl Store for SqliteStore {
    fn transaction(&mut self, work: &mut dyn FnMut(&mut dyn Store) -> bool) -> Result<(), StoreError> {
        self.connection.execute_batch("begin immediate")?;
        let mut guard = Guard { store: self, open: true };
        if work(guard.store) {
            guard.store.connection.execute_batch("commit")?;
            guard.open = false;
        }
        Ok(())
    }

    fn node_find(&self) -> Result<Option<Node>, StoreError> {
        let mut statement = self.connection.prepare_cached("select key, value from meta")?;
        let meta: BTreeMap<String, String> =
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Sql<_>>()?;
        let Some(code) = meta.get("node") else { return Ok(None) };
        let id = |key: &str| {
            let text = meta.get(key).map_or("", String::as_str);
            Uuid::parse_str(text).map_err(|_| StoreError::Damaged(format!("meta.{key} is no UUID")))
        };
        let hosts = meta.get("hosts").map_or("", String::as_str).split_whitespace().map(str::to_owned).collect();
        let restored_at = meta.get("restored_at").filter(|at| !at.is_empty());
        let unreadable = |_| StoreError::Damaged("meta.restored_at is no time".to_owned());
        let restored_at = restored_at.map(|at| LocalTime::parse_from_rfc3339(at)).transpose().map_err(unreadable)?;
        let (code, server_id, epoch) = (code.clone(), id("server_id")?, id("epoch")?);
        Ok(Some(Node { code, server_id, epoch, hosts, restored_at, reference_version: reference_version(&self.connection) }))
    }

    fn node_set(&mut self, node: &Node) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(
            "insert into meta (key, value) values (?1, ?2) on conflict (key) do update set value = excluded.value",
        )?;
        let values = [
            ("node", node.code.clone()),
            ("server_id", node.server_id.to_string()),
            ("epoch", node.epoch.to_string()),
            ("hosts", node.hosts.join(" ")),
            ("restored_at", node.restored_at.map(time).unwrap_or_default()),
        ];
        for (key, value) in values {
            statement.execute(params![key, value])?;
        }
        Ok(())
    }

    fn units(&self) -> Result<Vec<Unit>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!("{UNIT} order by code, valid_from"))?;
        Ok(statement.query_map([], unit)?.collect::<Sql<_>>()?)
    }

    fn unit_keys(&self) -> Result<Vec<Key>, StoreError> {
        let mut statement = self.connection.prepare_cached("select key, code, since from unit_key order by key")?;
        let keys = statement.query_map([], |row| Ok(Key { key: row.get(0)?, code: row.get(1)?, since: parsed(row, 2)? }))?;
        Ok(keys.collect::<Sql<_>>()?)
    }

    fn organisation(&self) -> Result<Arc<Organisation>, StoreError> {
        let mut statement = self.connection.prepare_cached("select value from meta where key = 'units'")?;
        let mark: String = statement.query_row([], |row| row.get(0)).optional()?.unwrap_or_default();
        let mut kept = self.organisation.borrow_mut();
        if let Some((_, organisation)) = kept.as_ref().filter(|(of, _)| *of == mark) {
            return Ok(organisation.clone());
        }
        let organisation = Arc::new(Organisation::new(self.units()?, &self.unit_keys()?));
        *kept = Some((mark, organisation.clone()));
        Ok(organisation)
    }

    fn units_replace(&mut self, units: &[Unit]) -> Result<(), StoreError> {
        self.connection.execute_batch(
            "delete from unit;
             insert or replace into meta (key, value) values ('units', lower(hex(randomblob(8))))",
        )?;
        let mut statement = self.connection.prepare_cached(
            "insert into unit (code, name, kind, parent, valid_from, valid_to, successor) values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        for unit in units {
            let (from, to) = (unit.valid_from.to_string(), unit.valid_to.map(|day| day.to_string()));
            statement.execute(params![unit.code, unit.name, unit.kind, unit.parent, from, to, unit.successor])?;
        }
        let mut keep = self.connection.prepare_cached("insert into unit_key (key, code, since) values (?1, ?2, ?3)")?;
        for Key { key, code, since } in new_keys(&self.unit_keys()?, units) {
            keep.execute(params![key, code, since.to_string()])?;
        }
        Ok(())
    }

    fn reference_newest(&self) -> Result<Option<Reference>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!("{REFERENCE} order by version desc limit 1"))?;
        Ok(statement.query_row([], reference).optional()?)
    }

    fn reference_find(&self, version: u64) -> Result<Option<Reference>, StoreError> {
        let Ok(version) = i64::try_from(version) else { return Ok(None) };
        let mut statement = self.connection.prepare_cached(&format!("{REFERENCE} where version = ?1"))?;
        Ok(statement.query_row([version], reference).optional()?)
    }

    fn reference_add(&mut self, reference: &Reference) -> Result<(), StoreError> {
        let Reference { version, hash, published_at, statement, body, drafted_by, published_by } = reference;
        let Signed { payload, signature } = statement;
        self.connection
            .prepare_cached(
                "insert into reference (version, hash, published_at, statement, signature, body, drafted_by, published_by)
                 values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![version, hash, time(*published_at), payload, signature, body, drafted_by.join(" "), published_by])?;
        Ok(())
    }

    fn reference_list(&self) -> Result<Vec<Reference>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!("{REFERENCE} order by version desc"))?;
        Ok(statement.query_map([], reference)?.collect::<Sql<_>>()?)
    }

    fn reference_draft(&self) -> Result<Option<Draft>, StoreError> {
        let mut statement = self.connection.prepare_cached("select body, authors, changed_at from reference_draft")?;
        let draft = |row: &Row| Ok(Draft { body: row.get(0)?, authors: words(row, 1)?, changed_at: parsed(row, 2)? });
        Ok(statement.query_row([], draft).optional()?)
    }

    fn reference_draft_set(&mut self, draft: Option<&Draft>) -> Result<(), StoreError> {
        match draft {
            Some(Draft { body, authors, changed_at }) => self
                .connection
                .prepare_cached("insert or replace into reference_draft (id, changed_at, body, authors) values (1, ?1, ?2, ?3)")?
                .execute(params![time(*changed_at), body, authors.join(" ")])?,
            None => self.connection.execute("delete from reference_draft", [])?,
        };
        Ok(())
    }

    fn stream_find(&self, stream: Uuid) -> Result<Option<Stream>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("select stream, unit, public_key, numbers_from, numbers_to from stream where stream = ?1")?;
        let found = statement.query_row([id(&stream)], |row| {
            Ok(Stream {
                id: Uuid::from_bytes(row.get(0)?),
                unit: row.get(1)?,
                public_key: row.get(2)?,
                numbers_from: row.get(3)?,
                numbers_to: row.get(4)?,
            })
        });
        Ok(found.optional()?)
    }

    fn stream_add(&mut self, stream: &Stream, at: LocalTime) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "insert into stream (stream, unit, public_key, enrolled_at, numbers_from, numbers_to) values (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![id(&stream.id), stream.unit, stream.public_key, time(at), stream.numbers_from, stream.numbers_to])?;
        Ok(())
    }

    fn numbers_taken(&self, unit: &str) -> Result<Option<u32>, StoreError> {
        let mut statement = self.connection.prepare_cached("select max(numbers_to) from stream where unit = ?1")?;
        Ok(statement.query_row([unit], |row| row.get(0))?)
    }

    fn streams(&self, unit: Option<&str>) -> Result<Vec<StreamStatus>, StoreError> {
        let Some(standing) = self.standing.as_ref().filter(|_| unit.is_none()) else {
            return streams(&self.connection, unit);
        };
        let state = self.state()?;
        let mut kept = standing.borrow_mut();
        if let Some((_, streams)) = kept.as_ref().filter(|(of, _)| *of == state) {
            return Ok(streams.clone());
        }
        let read = streams(&self.connection, None)?;
        *kept = Some((state, read.clone()));
        Ok(read)
    }

    fn stream_held(&self, stream: Uuid) -> Result<Held, StoreError> {
        let mut last =
            self.connection.prepare_cached("select seq, hash from entry where stream = ?1 order by seq desc limit 1")?;
        let stored = last
            .query_row([id(&stream)], |row| Ok(Head { seq: row.get(0)?, hash: Hash(row.get(1)?) }))
            .optional()?
            .unwrap_or_else(|| Head::genesis(stream));
        let mut statement =
            self.connection.prepare_cached("select seq, reason from quarantine where stream = ?1 order by seq")?;
        let held = statement.query_map([id(&stream)], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let (quarantined, mut reasons): (Vec<Seq>, Vec<String>) = held.collect::<Sql<Vec<(Seq, String)>>>()?.into_iter().unzip();
        reasons.truncate(REASONS);
        let night_slot_s = self.night_slot(stream)?;
        let decisions = findings::decisions_number(&self.connection, stream)?;
        Ok(Held { stored, quarantined, reasons, compared: None, kept_aside: None, night_slot_s, decisions })
    }

    fn stream_hashes(&self, stream: Uuid, from: Seq, to: Seq) -> Result<Vec<Hash>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("select hash from entry where stream = ?1 and seq between ?2 and ?3 order by seq")?;
        let hashes = statement.query_map(params![id(&stream), from, to], |row| Ok(Hash(row.get(0)?)))?;
        Ok(hashes.collect::<Sql<_>>()?)
    }

    fn stream_told(&mut self, stream: Uuid, told: &Told, at: LocalTime) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "update stream set last_seen_at = ?2, agent_version = ?3,
                    told_head_seq = iif(?5 is null, max(told_head_seq, ?4), ?4), clock_offset_ms = coalesce(?5, clock_offset_ms)
                 where stream = ?1",
            )?
            .execute(params![id(&stream), time(at), told.agent_version, told.head_seq, told.clock_offset_ms])?;
        self.connection
            .prepare_cached(
                "insert into contact (stream, night, times, first_at, last_at) values (?1, ?2, 1, ?3, ?3)
                 on conflict (stream, night) do update set times = times + 1, last_at = excluded.last_at",
            )?
            .execute(params![id(&stream), night_of(at).to_string(), time(at)])?;
        Ok(())
    }

    fn contacts(&self, from: NaiveDate, to: NaiveDate) -> Result<Vec<(Uuid, NaiveDate, u32)>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("select stream, night, times from contact where night between ?1 and ?2")?;
        let contacts = statement.query_map([from.to_string(), to.to_string()], |row| {
            Ok((Uuid::from_bytes(row.get(0)?), parsed(row, 1)?, row.get(2)?))
        })?;
        Ok(contacts.collect::<Sql<_>>()?)
    }

    fn night_slot(&self, stream: Uuid) -> Result<Option<u32>, StoreError> {
        let mut statement = self.connection.prepare_cached("select night_slot_s from stream where stream = ?1")?;
        Ok(statement.query_row([id(&stream)], |row| row.get(0)).optional()?.flatten())
    }

    fn night_slot_set(&mut self, stream: Uuid, slot_s: u32) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("update stream set night_slot_s = ?2 where stream = ?1")?
            .execute(params![id(&stream), slot_s])?;
        Ok(())
    }

    fn night_crowd(&self, minute: u32, except: Uuid) -> Result<u32, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("select count(*) from stream where night_slot_s between ?1 * 60 and ?1 * 60 + 59 and stream <> ?2")?;
        Ok(statement.query_row(params![minute, id(&except)], |row| row.get(0))?)
    }

    fn stream_opened_by(&mut self, stream: Uuid, by: Uuid) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached("update stream set opened_by = ?2 where stream = ?1")?;
        statement.execute(params![id(&stream), id(&by)])?;
        Ok(())
    }

    fn healing_note(&mut self, stream: Uuid, epoch: Uuid, lost: sync::Healing, at: LocalTime) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "insert into healing (stream, epoch, had, has, noted_at) values (?1, ?2, ?3, ?4, ?5)
                 on conflict (stream) do update set epoch = excluded.epoch, had = excluded.had, has = excluded.has,
                    noted_at = excluded.noted_at where epoch <> excluded.epoch",
            )?
            .execute(params![id(&stream), epoch.to_string(), lost.had, lost.has, time(at)])?;
        Ok(())
    }

    fn bundle_report(&self, stream: Uuid) -> Result<Option<AgentReport>, StoreError> {
        let mut statement = self.connection.prepare_cached("select bundle_report from stream where stream = ?1")?;
        let bytes: Option<Vec<u8>> = statement.query_row([id(&stream)], |row| row.get(0)).optional()?.flatten();
        let report = bytes.map(|bytes| decode(&bytes)).transpose();
        report.map_err(|error| StoreError::Damaged(format!("the bundle report of stream {stream}: {error}")))
    }

    fn bundle_report_keep(&mut self, stream: Uuid, report: &AgentReport) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("update stream set bundle_report = ?2 where stream = ?1")?
            .execute(params![id(&stream), encode(report)])?;
        Ok(())
    }

    fn stream_entries(&self, stream: Uuid, from: Seq, limit: usize) -> Result<Vec<StoredEntry>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "select n, stream, seq, hash, body, sealed, dossier from entry where stream = ?1 and seq >= ?2 order by seq limit ?3",
        )?;
        let entries = statement.query_map(params![id(&stream), from, limit], stored_entry)?;
        Ok(entries.collect::<Sql<_>>()?)
    }

    fn entries_append(&mut self, stream: Uuid, entries: &[NewEntry], at: LocalTime) -> Result<Vec<Option<i64>>, StoreError> {
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return Ok(Vec::new()) };
        let mut insert = self.connection.prepare_cached(
            "insert into entry (stream, seq, hash, body, sealed, dossier) values (?1, ?2, ?3, ?4, ?5, ?6)
             on conflict (stream, seq) do nothing",
        )?;
        let mut arrived = Vec::with_capacity(entries.len());
        for NewEntry { record, dossier } in entries {
            let dossier = dossier.as_ref().map(id);
            let added = insert.execute(params![id(&stream), record.seq, record.hash.0, record.body, record.sealed, dossier])?;
            arrived.push((added == 1).then(|| self.connection.last_insert_rowid()));
        }
        self.connection
            .prepare_cached(
                "insert into arrival (stream, from_seq, through_seq, arrived_at) values (?1, ?2, ?3, ?4)
                 on conflict (stream, from_seq) do nothing",
            )?
            .execute(params![id(&stream), first.record.seq, last.record.seq, time(at)])?;
        Ok(arrived)
    }

    fn entries_after(&self, n: i64, limit: usize) -> Result<Vec<StoredEntry>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("select n, stream, seq, hash, body, sealed, dossier from entry where n > ?1 order by n limit ?2")?;
        Ok(statement.query_map(params![n, limit], stored_entry)?.collect::<Sql<_>>()?)
    }

    fn entries_by_dossier(&self, visit: &mut dyn FnMut(Uuid, StoredEntry)) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(
            "select n, stream, seq, hash, body, sealed, dossier from entry
             where dossier is not null and not exists (select 1 from quarantine q where q.n = entry.n) order by dossier, n",
        )?;
        for entry in statement.query_map([], stored_entry)? {
            let entry = entry?;
            if let Some(dossier) = entry.dossier {
                visit(dossier, entry);
            }
        }
        Ok(())
    }

    fn fork_hashes(&self, stream: Uuid, seq: Seq) -> Result<Vec<Hash>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("select hash from fork where stream = ?1 and seq = ?2 order by hash")?;
        let hashes = statement.query_map(params![id(&stream), seq], |row| Ok(Hash(row.get(0)?)))?;
        Ok(hashes.collect::<Sql<_>>()?)
    }

    fn fork_add(&mut self, stream: Uuid, records: &[Record], at: LocalTime) -> Result<(), StoreError> {
        let mut insert = self.connection.prepare_cached(
            "insert into fork (stream, seq, hash, body, sealed, arrived_at) values (?1, ?2, ?3, ?4, ?5, ?6)
             on conflict do nothing",
        )?;
        for record in records {
            insert.execute(params![id(&stream), record.seq, record.hash.0, record.body, record.sealed, time(at)])?;
        }
        Ok(())
    }

    fn quarantine_add(&mut self, stream: Uuid, entries: &[Quarantined]) -> Result<(), StoreError> {
        let mut insert = self.connection.prepare_cached(
            "insert into quarantine (n, stream, seq, dossier, reason) values (?1, ?2, ?3, ?4, ?5) on conflict do nothing",
        )?;
        for entry in entries {
            insert.execute(params![entry.n, id(&stream), entry.seq, entry.dossier.as_ref().map(id), entry.reason])?;
        }
        Ok(())
    }

    fn quarantine_dossiers(&self, unit: &str) -> Result<BTreeMap<Uuid, Seq>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "select q.dossier, q.seq from stream s join quarantine q on q.stream = s.stream
             where s.unit = ?1 and q.dossier is not null order by q.n desc",
        )?;
        let waiting = statement.query_map([unit], |row| Ok((Uuid::from_bytes(row.get(0)?), row.get(1)?)))?;
        Ok(waiting.collect::<Sql<_>>()?)
    }

    fn quarantine_release(&mut self, unit: &str, dossier: Uuid) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(
            "delete from quarantine where dossier = ?2 and stream in (select stream from stream where unit = ?1)",
        )?;
        statement.execute(params![unit, id(&dossier)])?;
        Ok(())
    }

    fn quarantine_entries(&self) -> Result<Vec<(Record, String)>, StoreError> {
        let mut statement =
            self.connection.prepare("select e.seq, e.hash, e.body, q.reason from quarantine q join entry e on e.n = q.n")?;
        let entries = statement.query_map([], |row| {
            Ok((Record { seq: row.get(0)?, hash: Hash(row.get(1)?), body: row.get(2)?, sealed: Vec::new() }, row.get(3)?))
        })?;
        Ok(entries.collect::<Sql<_>>()?)
    }

    fn quarantine_list(&self, unit: Option<&str>, limit: usize) -> Result<Vec<(Uuid, Seq, String)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "select q.stream, q.seq, q.reason from quarantine q join stream s on s.stream = q.stream
             where ?1 is null or s.unit = ?1 order by q.n limit ?2",
        )?;
        let list =
            statement.query_map(params![unit, limit], |row| Ok((Uuid::from_bytes(row.get(0)?), row.get(1)?, row.get(2)?)))?;
        Ok(list.collect::<Sql<_>>()?)
    }

    fn dossier_units(&self, ids: &BTreeSet<Uuid>) -> Result<BTreeMap<Uuid, String>, StoreError> {
        let mut statement = self.connection.prepare_cached("select unit from dossier where id = ?1")?;
        let mut units = BTreeMap::new();
        for dossier in ids {
            if let Some(unit) = statement.query_row([id(dossier)], |row| row.get(0)).optional()? {
                units.insert(*dossier, unit);
            }
        }
        Ok(units)
    }

    fn dossier_history(&self, dossier: Uuid, before: i64) -> Result<Vec<Record>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "select seq, hash, body from entry where dossier = ?1 and n < ?2
             and not exists (select 1 from quarantine q where q.n = entry.n) order by n",
        )?;
        let history = statement.query_map(params![id(&dossier), before], |row| {
            Ok(Record { seq: row.get(0)?, hash: Hash(row.get(1)?), body: row.get(2)?, sealed: Vec::new() })
        })?;
        Ok(history.collect::<Sql<_>>()?)
    }

    fn dossiers_save(&mut self, rows: &[DossierRow]) -> Result<(), StoreError> {
        let mut upsert = self.connection.prepare_cached(
            "insert into dossier (id, unit, code, procedure, field, channel, state, received_at, due_at, finished_at, returned_at,
                                  verdict)
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
             on conflict (id) do update set unit = excluded.unit, code = excluded.code, procedure = excluded.procedure,
                field = excluded.field, channel = excluded.channel, state = excluded.state, received_at = excluded.received_at,
                due_at = excluded.due_at, finished_at = excluded.finished_at, returned_at = excluded.returned_at,
                verdict = excluded.verdict",
        )?;
        for row in rows {
            upsert.execute(params![
                id(&row.id),
                row.unit,
                row.code,
                row.procedure,
                row.field,
                row.channel,
                row.state,
                row.received_at,
                row.due_at,
                row.finished_at,
                row.returned_at,
                row.verdict
            ])?;
        }
        Ok(())
    }

    fn dossiers_find(&self, code: &str) -> Result<Vec<DossierRow>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!("{DOSSIER} where code = ?1 order by id"))?;
        Ok(statement.query_map([code], dossier_row)?.collect::<Sql<_>>()?)
    }

    fn dossier_newest_day(&self) -> Result<Option<NaiveDate>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "select d.received_at from entry e cross join dossier d on d.id = e.dossier
             where d.received_at is not null order by e.n desc limit 1",
        )?;
        let received: Option<LocalTime> = statement.query_row([], |row| parsed_option(row, 0)).optional()?.flatten();
        Ok(received.map(local_day))
    }

    fn dossiers_visit(&self, visit: &mut dyn FnMut(DossierRow)) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(&format!("{DOSSIER} order by id"))?;
        for row in statement.query_map([], dossier_row)? {
            visit(row?);
        }
        Ok(())
    }

    fn rollup_add(&mut self, unit: &str, delta: &Delta) -> Result<(), StoreError> {
        figures::add(&self.connection, unit, delta)
    }

    fn rollup_rows(&self) -> Result<Vec<RollupRow>, StoreError> {
        figures::rows(&self.connection)
    }

    fn rollup_months(&self) -> Result<Vec<MonthRow>, StoreError> {
        figures::months(&self.connection)
    }

    fn handovers_waiting(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "select d.unit, count(*) from dossier d
             where d.state = 'handed_over' and not exists (select 1 from dossier o where o.code = d.code and o.unit <> d.unit)
             group by d.unit",
        )?;
        Ok(statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Sql<_>>()?)
    }

    fn rollup_until(&self, unit: Option<&str>, days: &[NaiveDate]) -> Result<Vec<Counters>, StoreError> {
        figures::until(&self.connection, unit, days)
    }

    fn rollup_until_by_unit(&self, day: NaiveDate) -> Result<BTreeMap<String, Counters>, StoreError> {
        figures::until_by_unit(&self.connection, day)
    }

    fn rollup_until_by_unit_in(&self, field: &str, day: NaiveDate) -> Result<BTreeMap<String, Counters>, StoreError> {
        figures::until_by_unit_in(&self.connection, field, day)
    }

    fn rollup_until_by_procedure(&self, unit: Option<&str>, day: NaiveDate) -> Result<Vec<ProcedureCounters>, StoreError> {
        figures::until_by_procedure(&self.connection, unit, day)
    }

    fn figures_edition(&self) -> Result<Option<String>, StoreError> {
        let mut statement = self.connection.prepare_cached("select value from meta where key = 'figures'")?;
        Ok(statement.query_row([], |row| row.get(0)).optional()?)
    }

    fn figures_edition_set(&mut self, edition: &str) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("insert into meta (key, value) values ('figures', ?1) on conflict (key) do update set value = ?1")?
            .execute([edition])?;
        Ok(())
    }

    fn filed_add(&mut self, filed: &NewFiledForm, at: LocalTime) -> Result<i64, StoreError> {
        filed::add(&self.connection, filed, at)
    }

    fn filed_find(&self, id: i64) -> Result<Option<FiledForm>, StoreError> {
        filed::find(&self.connection, id)
    }

    fn filed_list(&self) -> Result<Vec<FiledForm>, StoreError> {
        filed::list(&self.connection)
    }

    fn narrative_words(&self) -> Result<Vec<NarrativeWords>, StoreError> {
        filed::narrative_words(&self.connection)
    }

    fn narrative_words_keep(&mut self, words: &NarrativeWords) -> Result<(), StoreError> {
        filed::narrative_words_keep(&self.connection, words)
    }

    fn backup_runs(&self) -> Result<Vec<BackupRun>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("select at, outcome, folder, entries, bytes, words from backup_run order by at desc limit 100")?;
        let runs = statement.query_map([], |row| {
            let (at, outcome): (String, String) = (row.get(0)?, row.get(1)?);
            let run = (row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?);
            Ok((at, outcome, run))
        })?;
        runs.map(|row| {
            let (at, outcome, (folder, entries, bytes, words)) = row?;
            let unreadable = || StoreError::Damaged(format!("backup_run {at} is not readable"));
            let outcome = Outcome::parse(&outcome).ok_or_else(unreadable)?;
            let at = LocalTime::parse_from_rfc3339(&at).map_err(|_| unreadable())?;
            Ok(BackupRun { at, outcome, folder, entries, bytes, words })
        })
        .collect()
    }

    fn backup_run_add(&mut self, run: &BackupRun) -> Result<(), StoreError> {
        let BackupRun { at, outcome, folder, entries, bytes, words } = run;
        self.connection
            .prepare_cached(
                "insert or replace into backup_run (at, outcome, folder, entries, bytes, words) values (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![time(*at), outcome.code(), folder, entries, bytes, words])?;
        Ok(())
    }

    fn index_inputs(&self, unit: &str, period: Period) -> Result<BTreeMap<String, Numbers>, StoreError> {
        filed::index_inputs(&self.connection, unit, period)
    }

    fn index_input_add(&mut self, input: &IndexInput, at: LocalTime) -> Result<(), StoreError> {
        filed::index_input_add(&self.connection, input, at)
    }

    fn projections_clear(&mut self) -> Result<(), StoreError> {
        Ok(self.connection.execute_batch(
            "delete from dossier; delete from rollup; delete from rollup_unit; delete from rollup_procedure;
             delete from rollup_known; delete from quarantine;
             delete from declared; delete from explanation; delete from filed_report; delete from same_person;
             delete from dossier_mark; delete from checked_stream; delete from checked_unit;",
        )?)
    }

    fn office_add(&mut self, unit: &str, n: i64, origin: Hash, said: &Said) -> Result<(), StoreError> {
        office::add(&self.connection, unit, n, origin, said)
    }

    fn stated(&self, unit: Option<&str>) -> Result<Vec<Of<Stated>>, StoreError> {
        office::stated(&self.connection, unit)
    }

    fn explanations(&self, unit: Option<&str>) -> Result<Vec<Of<Explanation>>, StoreError> {
        office::explanations(&self.connection, unit)
    }

    fn filed_reports(&self, unit: Option<&str>) -> Result<Vec<Of<Filed>>, StoreError> {
        office::filed(&self.connection, unit)
    }

    fn checked(&self, unit: &str) -> Result<Option<Checked>, StoreError> {
        findings::checked(&self.connection, unit)
    }

    fn checked_set(&mut self, unit: &str, checked: &Checked) -> Result<(), StoreError> {
        findings::checked_set(&self.connection, unit, checked)
    }

    fn unchecked(&self, unit: &str) -> Result<bool, StoreError> {
        findings::unchecked(&self.connection, unit)
    }

    fn unit_changed(&self, unit: &str) -> Result<BTreeSet<Uuid>, StoreError> {
        findings::changed(&self.connection, unit)
    }

    fn checks_forget(&mut self, unit: Option<&str>) -> Result<(), StoreError> {
        findings::forget(&self.connection, unit)
    }

    fn marks_put(&mut self, unit: &str, dossier: Uuid, marks: &[Mark], span: Option<&Span>) -> Result<(), StoreError> {
        findings::marks_put(&self.connection, unit, dossier, marks, span)
    }

    fn marks(&self, unit: &str) -> Result<Vec<Marked>, StoreError> {
        findings::marks(&self.connection, unit)
    }

    fn procedures_used(&self, unit: &str) -> Result<Vec<ProcedureUse>, StoreError> {
        findings::procedures(&self.connection, unit)
    }

    fn slice_codes(&self, unit: &str, slice: &Slice) -> Result<Vec<String>, StoreError> {
        findings::slice(&self.connection, unit, slice)
    }

    fn findings(&self, unit: Option<&str>) -> Result<Vec<Kept>, StoreError> {
        findings::kept(&self.connection, unit)
    }

    fn finding_keep(&mut self, kept: &Kept) -> Result<(), StoreError> {
        findings::keep(&self.connection, kept)
    }

    fn finding_events(&self, unit: Option<&str>) -> Result<Vec<FindingEvent>, StoreError> {
        findings::events(&self.connection, unit)
    }

    fn same_person(&self, unit: Option<&str>) -> Result<Vec<(String, Hash, SamePersonGroup)>, StoreError> {
        office::same_person(&self.connection, unit)
    }

    fn finding_event_add(&mut self, event: &FindingEvent) -> Result<(), StoreError> {
        findings::event_add(&self.connection, event)
    }

    fn entries_of_offices(&self, visit: &mut dyn FnMut(StoredEntry)) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(
            "select n, stream, seq, hash, body, sealed, dossier from entry
             where dossier is null and not exists (select 1 from quarantine q where q.n = entry.n) order by n",
        )?;
        for entry in statement.query_map([], stored_entry)? {
            visit(entry?);
        }
        Ok(())
    }

    fn enrolment_add(&mut self, secret_hash: [u8; 32], unit: &str, at: LocalTime, expires: LocalTime) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("insert into enrolment (secret_hash, unit, created_at, expires_at) values (?1, ?2, ?3, ?4)")?
            .execute(params![secret_hash, unit, time(at), time(expires)])?;
        Ok(())
    }

    fn enrolments(&self) -> Result<Vec<Enrolment>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!("{ENROLMENT} order by created_at desc"))?;
        let enrolments = statement.query_map([], enrolment)?;
        Ok(enrolments.collect::<Sql<_>>()?)
    }

    fn enrolment_find(&self, secret_hash: [u8; 32]) -> Result<Option<Enrolment>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!("{ENROLMENT} where secret_hash = ?1"))?;
        Ok(statement.query_row([secret_hash], enrolment).optional()?)
    }

    fn enrolment_use(&mut self, secret_hash: [u8; 32], key: [u8; 32], stream: Uuid, at: LocalTime) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "update enrolment set used_at = ?2, used_by = ?3, stream = ?4 where secret_hash = ?1 and used_at is null",
            )?
            .execute(params![secret_hash, time(at), key, id(&stream)])?;
        Ok(())
    }

    fn certificate_add(&mut self, certificate: &Certificate) -> Result<(), StoreError> {
        let Certificate { serial, stream, unit, issued_at, expires_at, pem, .. } = certificate;
        self.connection
            .prepare_cached(
                "insert into certificate (serial, stream, unit, issued_at, expires_at, pem) values (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![serial, id(stream), unit, time(*issued_at), time(*expires_at), pem])?;
        Ok(())
    }

    fn certificate_find(&self, serial: &[u8]) -> Result<Option<Certificate>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!("{CERTIFICATE} where serial = ?1"))?;
        Ok(statement.query_row([serial], certificate).optional()?)
    }

    fn certificates(&self, stream: Uuid) -> Result<Vec<Certificate>, StoreError> {
        let mut statement =
            self.connection.prepare_cached(&format!("{CERTIFICATE} where stream = ?1 order by issued_at desc"))?;
        Ok(statement.query_map([id(&stream)], certificate)?.collect::<Sql<_>>()?)
    }

    fn certificates_revoke(&mut self, stream: Uuid, at: LocalTime) -> Result<usize, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "with recursive pc (stream) as (
                select ?1 union select s.stream from stream s join pc on s.opened_by = pc.stream
             )
             update certificate set revoked_at = ?2 where stream in (select stream from pc) and revoked_at is null",
        )?;
        Ok(statement.execute(params![id(&stream), time(at)])?)
    }
}

const DOSSIER: &str =
    "select id, code, unit, procedure, field, channel, state, received_at, due_at, finished_at, returned_at, verdict
     from dossier";
const REFERENCE: &str = "select version, hash, published_at, statement, signature, body, drafted_by, published_by from reference";
const ENROLMENT: &str = "select secret_hash, unit, expires_at, used_by, stream from enrolment";
const CERTIFICATE: &str = "select serial, stream, unit, issued_at, expires_at, revoked_at, pem from certificate";

/// A time as it stands in the database: fixed width, so that text order is time order.
fn time(at: LocalTime) -> String {
    at.with_timezone(&VIETNAM).to_rfc3339_opts(SecondsFormat::Millis, false)
}

fn id(id: &Uuid) -> &[u8; 16] {
    id.as_bytes()
}

fn unreadable<E: std::error::Error + Send + Sync + 'static>(column: usize, error: E) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, error.into())
}

fn parsed<T: Readable>(row: &Row, column: usize) -> Sql<T> {
    let text: String = row.get(column)?;
    T::read(&text).map_err(|error| unreadable(column, error))
}

fn parsed_option<T: Readable>(row: &Row, column: usize) -> Sql<Option<T>> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| T::read(&text)).transpose().map_err(|error| unreadable(column, error))
}

/// What is kept as text.
trait Readable: Sized {
    fn read(text: &str) -> Result<Self, chrono::ParseError>;
}

impl Readable for NaiveDate {
    fn read(text: &str) -> Result<Self, chrono::ParseError> {
        text.parse()
    }
}

impl Readable for LocalTime {
    fn read(text: &str) -> Result<Self, chrono::ParseError> {
        DateTime::parse_from_rfc3339(text)
    }
}

const UNIT: &str = "select code, name, kind, parent, valid_from, valid_to, successor from unit";

fn unit(row: &Row) -> Sql<Unit> {
    Ok(Unit {
        code: row.get(0)?,
        name: row.get(1)?,
        kind: row.get(2)?,
        parent: row.get(3)?,
        valid_from: parsed(row, 4)?,
        valid_to: parsed_option(row, 5)?,
        successor: row.get(6)?,
    })
}

fn healing(row: &Row, stored_through: Seq) -> Sql<Option<Healing>> {
    let (had, has): (Option<Seq>, Option<Seq>) = (row.get("had")?, row.get("has")?);
    Ok(had.zip(has).map(|(had, has)| Healing {
        had,
        has,
        resent: stored_through.min(had).saturating_sub(has),
        healed: stored_through >= had,
    }))
}

fn stored_entry(row: &Row) -> Sql<StoredEntry> {
    let record = Record { seq: row.get(2)?, hash: Hash(row.get(3)?), body: row.get(4)?, sealed: row.get(5)? };
    let dossier: Option<[u8; 16]> = row.get(6)?;
    Ok(StoredEntry { n: row.get(0)?, stream: Uuid::from_bytes(row.get(1)?), record, dossier: dossier.map(Uuid::from_bytes) })
}

fn dossier_row(row: &Row) -> Sql<DossierRow> {
    Ok(DossierRow {
        id: Uuid::from_bytes(row.get(0)?),
        code: row.get(1)?,
        unit: row.get(2)?,
        procedure: row.get(3)?,
        field: row.get(4)?,
        channel: row.get(5)?,
        state: row.get(6)?,
        received_at: row.get(7)?,
        due_at: row.get(8)?,
        finished_at: row.get(9)?,
        returned_at: row.get(10)?,
        verdict: row.get(11)?,
    })
}

fn enrolment(row: &Row) -> Sql<Enrolment> {
    let (used_by, stream): (Option<[u8; 32]>, Option<[u8; 16]>) = (row.get(3)?, row.get(4)?);
    let used_by = used_by.zip(stream.map(Uuid::from_bytes));
    Ok(Enrolment { secret_hash: row.get(0)?, unit: row.get(1)?, expires_at: parsed(row, 2)?, used_by })
}

fn certificate(row: &Row) -> Sql<Certificate> {
    Ok(Certificate {
        serial: row.get(0)?,
        stream: Uuid::from_bytes(row.get(1)?),
        unit: row.get(2)?,
        issued_at: parsed(row, 3)?,
        expires_at: parsed(row, 4)?,
        revoked: row.get::<_, Option<String>>(5)?.is_some(),
        pem: row.get(6)?,
    })
}

/// What receipts announce. Reference data that cannot be read keeps no receipt from anybody.
fn reference_version(connection: &Connection) -> u64 {
    let newest = connection
        .prepare_cached("select coalesce(max(version), 0) from reference")
        .and_then(|mut statement| statement.query_row([], |row| row.get(0)));
    newest.unwrap_or_else(|error| {
        tracing::error!(%error, "the reference data cannot be read");
        0
    })
}

fn reference(row: &Row) -> Sql<Reference> {
    Ok(Reference {
        version: row.get(0)?,
        hash: row.get(1)?,
        published_at: parsed(row, 2)?,
        statement: Signed { payload: row.get(3)?, signature: row.get(4)? },
        body: row.get(5)?,
        drafted_by: words(row, 6)?,
        published_by: row.get(7)?,
    })
}

/// Names that are joined by spaces.
fn words(row: &Row, column: usize) -> Sql<Vec<String>> {
    let text: String = row.get(column)?;
    Ok(text.split_whitespace().map(str::to_owned).collect())
}

/// The counters in the columns from `first` on.
fn counters(row: &Row, first: usize) -> Sql<Counters> {
    let mut counters = Counters::default();
    for (place, counter) in counters.0.iter_mut().enumerate() {
        *counter = row.get(first + place)?;
    }
    Ok(counters)
}

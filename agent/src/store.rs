//! Durable state of one agent: the log and its projection, in one `SQLite` file.
//!
//! Promise: an entry and its projection are saved together or not at all, and durably before the call returns. Heads and
//! what is pending are read from rows, never remembered. Knows no HTTP. Start at [`Store::receive`] and [`Store::step`].

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::NaiveDate;
use ed25519_dalek::VerifyingKey;
use motcua_shared::book::Place;
use motcua_shared::calendar::LocalTime;
use motcua_shared::certainty::Recorded;
use motcua_shared::certification::Counts;
use motcua_shared::contribution::{COLUMNS, Counters, Delta};
use motcua_shared::deadline;
use motcua_shared::doctor::Line;
pub use motcua_shared::dossier::Refusal;
use motcua_shared::dossier::{Code, Dossier, Event};
use motcua_shared::entry::{Body, ClockReading, Draft, Hash, Head, Record, Seq};
pub use motcua_shared::reception::Reception;
use motcua_shared::report::FieldSums;
use motcua_shared::seal::{OfficeKey, Sealed};
use motcua_shared::search::Blind;
use motcua_shared::wire::{Receipt, Signed};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, Transaction, TransactionBehavior, params};
use uuid::Uuid;

mod books;
mod check;
mod clock;
mod declared;
mod desk;
mod drafts;
mod figures;
mod findings;
mod handover;
mod life;
mod narrative;
mod pending;
mod people;
mod reference;
mod satisfaction;
mod search;
mod streams;

pub use books::{BookRow, CertificationRow};
pub use check::{Damage, Proof};
pub use desk::{DeskCounts, DeskList, DeskRow, HandedOver, StepTaken};
pub use drafts::{HalfTyped, SavedSearch, Typist};
pub use findings::Noted;
pub use life::{Step, papers_named, slip_words};
pub use narrative::Typed;
pub use people::{Act, Changed, User, UserAct};
pub use reference::{Announced, InForce, ReferenceAttempt, Taken};
pub use search::{Found, Indexed, Page, Search};
pub use streams::{Branch, OwnStream, Standing};

pub use handover::{HandedOut, TakenIn};

mod migrations {
    refinery::embed_migrations!("migrations");
}

/// Oldest `SQLite` that keeps its promises: before it, a reset of the write-ahead log could lose a commit.
const OLDEST_SQLITE: i32 = 3_051_003;
/// Bytes of a page of its files.
const PAGE: u64 = 4_096;

/// What can go wrong with the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("thư mục {0} chưa được khởi tạo; hãy chạy: motcua-agent init --data {0} --unit MÃ --name TÊN")]
    Absent(PathBuf),
    #[error("thư mục {0} đã có dữ liệu của một đơn vị; chọn thư mục khác, dữ liệu cũ vẫn nguyên vẹn")]
    Occupied(PathBuf),
    #[error("SQLite {0} quá cũ, cần 3.51.3 trở lên")]
    OldSqlite(&'static str),
    #[error("không mở được cơ sở dữ liệu: {0}")]
    Migration(Box<refinery::Error>),
    #[error("không sao chép được {0}: {1}")]
    Copy(PathBuf, #[source] std::io::Error),
    #[error("cơ sở dữ liệu: {0}")]
    Database(rusqlite::Error),
    #[error(
        "ổ đĩa của máy này đã đầy hoặc không ghi được ({0}); lần này chưa lưu gì, những gì đã báo “Đã lưu” vẫn còn nguyên. \
         Hãy xóa bớt tệp không cần rồi làm lại"
    )]
    Disk(#[source] rusqlite::Error),
    #[error(
        "tệp cơ sở dữ liệu motcua.db bị hỏng ({0}); chưa thay đổi gì. Hãy giữ nguyên thư mục này, đừng khởi tạo lại, và báo \
         người phụ trách: những gì huyện đã lưu lấy lại được vào một thư mục mới bằng motcua-agent recover"
    )]
    Broken(String),
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("không có hồ sơ {0} trong sổ")]
    NoDossier(String),
    #[error("hồ sơ {0} không có mẫu này để in: bước tương ứng chưa được ghi, hoặc quy định của hồ sơ không có mẫu này")]
    NoForm(String),
    #[error("đã hết số hồ sơ của ngày {day} ({from}–{to}); hãy liên hệ huyện để được cấp thêm dải số")]
    NumbersUsedUp { day: NaiveDate, from: u32, to: u32 },
    #[error("mục {0} trong nhật ký không đọc được; hãy chạy: motcua-agent verify")]
    Damaged(Seq),
}

impl StoreError {
    /// Whether the disk had no room, or did not take what was written.
    pub fn is_full(&self) -> bool {
        matches!(self, StoreError::Disk(_))
    }
}

pub type Result<T, E = StoreError> = std::result::Result<T, E>;

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> StoreError {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure) => StoreError::Disk(error),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Broken(error.to_string()),
            _ => StoreError::Database(error),
        }
    }
}

impl From<refinery::Error> for StoreError {
    fn from(error: refinery::Error) -> StoreError {
        let cause = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref::<rusqlite::Error>());
        match cause.and_then(rusqlite::Error::sqlite_error_code) {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Broken(error.to_string()),
            _ => StoreError::Migration(Box::new(error)),
        }
    }
}

/// Who this data directory belongs to.
#[derive(Debug, Clone)]
pub struct Office {
    pub unit: String,
    pub name: String,
    pub identifier: String,
    pub stream: Uuid,
    pub key_fingerprint: String,
    /// Daily dossier numbers that this PC may give out.
    pub numbers: (u32, u32),
    pub enrolment: Option<Enrolment>,
}

/// The aggregator that this office belongs to.
#[derive(Debug, Clone)]
pub struct Enrolment {
    /// Its https address; absent when this PC was enrolled by file.
    pub aggregator: Option<String>,
    pub server_id: Uuid,
    pub receipt_key: [u8; 32],
}

impl Enrolment {
    /// The aggregator as people know it.
    pub fn name(&self) -> String {
        self.aggregator.clone().unwrap_or_else(|| "huyện bằng tệp".to_owned())
    }
}

/// One line of a list of dossiers.
#[derive(Debug, Clone)]
pub struct DossierRow {
    pub id: Uuid,
    pub code: String,
    pub procedure: String,
    pub field: String,
    pub channel: String,
    pub state: String,
    pub received_at: Option<String>,
    pub due_at: Option<String>,
    pub overdue_after: Option<String>,
    pub finished_at: Option<String>,
    pub returned_at: Option<String>,
    pub verdict: Option<String>,
    /// Entry with the newest sealed part that names a person.
    pub person: Option<i64>,
    /// Where it stands in the register book; a request that was not accepted does not.
    pub book: Option<Place>,
    /// Code of the slip that came back complete as this dossier.
    pub follows: Option<String>,
}

/// Which dossiers a list shows.
#[derive(Debug, Clone, Default)]
pub struct DossierFilter {
    /// Received on these local days, both included.
    pub from: Option<NaiveDate>,
    pub to: Option<NaiveDate>,
    pub state: Option<String>,
    /// Open and past their due time at this instant.
    pub overdue_at: Option<LocalTime>,
    pub limit: Option<u32>,
    /// How many of the newest to leave out.
    pub offset: u32,
}

/// Who writes, when, and with which key and chance.
pub struct Pen<'a> {
    pub author: &'a str,
    pub now: LocalTime,
    pub key: &'a OfficeKey,
    /// Eight random bytes at each call.
    pub salt: fn() -> [u8; 8],
}

/// The agent's database.
pub struct Store {
    connection: Connection,
    /// What the desk works by, as it was read last.
    reference: RefCell<Option<reference::Kept>>,
    /// What of each stream is counted as not stored yet.
    pending: RefCell<BTreeMap<Uuid, pending::Counted>>,
    /// What the newest exchange of this run met on the line, when it failed.
    line: Option<Line>,
}

/// How an attempt to sync ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    pub ended_at: String,
    pub outcome: String,
    pub detail: String,
}

fn database(data: &Path) -> PathBuf {
    data.join("motcua.db")
}

/// A database that is being made.
fn unfinished(data: &Path) -> PathBuf {
    data.join("motcua.db.new")
}

/// Whether `data` holds an office already.
pub fn exists(data: &Path) -> bool {
    database(data).exists()
}

impl Store {
    /// Makes the database of a new office. On failure nothing of it is left that `init` would take for an office.
    pub fn create(data: &Path, office: &Office, now: LocalTime) -> Result<Store> {
        if exists(data) {
            return Err(StoreError::Occupied(data.to_owned()));
        }
        Store::unpack_clear(data);
        let mut store = Store::connect(&unfinished(data))?;
        migrations::migrations::runner().run(&mut store.connection)?;
        store.connection.execute(
            "insert into office (id, unit, name, identifier, stream, created_at, key_fingerprint, numbers_from, numbers_to)
             values (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                office.unit,
                office.name,
                office.identifier,
                office.stream,
                now.to_rfc3339(),
                office.key_fingerprint,
                office.numbers.0,
                office.numbers.1
            ],
        )?;
        store.connection.execute(
            "insert into own_stream (stream, opened_at, standing) values (?1, ?2, 'current')",
            params![office.stream, now.to_rfc3339()],
        )?;
        store.settle(data)
    }

    /// Moves the unfinished database of `data` into its place.
    pub fn settle(self, data: &Path) -> Result<Store> {
        // Leaving WAL mode folds the log back into the one file that is renamed into place.
        self.connection.pragma_update(None, "journal_mode", "delete")?;
        drop(self);
        std::fs::rename(unfinished(data), database(data)).map_err(|_| StoreError::Absent(data.to_owned()))?;
        Store::open(data)
    }

    /// Writes a copy of the database to `file`, with the locked identity beside it.
    pub fn copy_to(&self, file: &Path, identity: &[u8], now: LocalTime) -> Result<()> {
        let mut copy = Connection::open(file)?;
        rusqlite::backup::Backup::new(&self.connection, &mut copy)?.run_to_completion(1_000, Duration::ZERO, None)?;
        copy.pragma_update(None, "journal_mode", "delete")?;
        copy.pragma_update(None, "synchronous", "full")?;
        copy.execute_batch("create table backup (made_at text not null, identity blob not null) strict")?;
        copy.execute("insert into backup (made_at, identity) values (?1, ?2)", params![now.to_rfc3339(), identity])?;
        Ok(())
    }

    /// Lays the copy in `file` into `data` as an unfinished database, and gives it with the locked identity and when it was
    /// made. [`Store::settle`] finishes it.
    pub fn unpack(data: &Path, file: &Path) -> Result<(Store, Vec<u8>, String)> {
        Store::unpack_clear(data);
        std::fs::create_dir_all(data)
            .and_then(|()| std::fs::copy(file, unfinished(data)))
            .map_err(|error| StoreError::Copy(file.to_owned(), error))?;
        let unpack = || {
            let mut store = Store::connect(&unfinished(data))?;
            let sound: String = store.connection.query_row("pragma quick_check(1)", [], |row| row.get(0))?;
            if sound != "ok" {
                return Err(rusqlite::Error::SqliteFailure(
                    rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT),
                    Some(sound),
                )
                .into());
            }
            let (made_at, identity) =
                store.connection.query_row("select made_at, identity from backup", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
            store.connection.execute_batch("drop table backup")?;
            migrations::migrations::runner().run(&mut store.connection)?;
            // Who was logged in on the old PC is not on this one.
            store.connection.execute_batch("delete from session")?;
            Ok((store, identity, made_at))
        };
        unpack().inspect_err(|_| Store::unpack_clear(data))
    }

    /// Takes away an unfinished database.
    pub fn unpack_clear(data: &Path) {
        for leftover in ["motcua.db.new", "motcua.db.new-wal", "motcua.db.new-shm", "motcua.db.new-journal"] {
            let _ = std::fs::remove_file(data.join(leftover));
        }
    }

    /// Opens the database of an office, bringing it up to this version.
    pub fn open(data: &Path) -> Result<Store> {
        if !exists(data) {
            return Err(StoreError::Absent(data.to_owned()));
        }
        // SQLite would take a file without one whole page for a new database, and write over it.
        if let Some(bytes) = std::fs::metadata(database(data)).ok().map(|file| file.len()).filter(|bytes| *bytes < PAGE) {
            return Err(StoreError::Broken(format!("{bytes} byte")));
        }
        let mut store = Store::connect(&database(data))?;
        migrations::migrations::runner().run(&mut store.connection)?;
        store.recount()?;
        store.desk_bring_along()?;
        let transaction = begin(&mut store.connection)?;
        books::assign_missing(&transaction)?;
        transaction.commit()?;
        Ok(store)
    }

    fn connect(path: &Path) -> Result<Store> {
        if rusqlite::version_number() < OLDEST_SQLITE {
            return Err(StoreError::OldSqlite(rusqlite::version()));
        }
        let connection = Connection::open(path)?;
        connection.busy_timeout(Duration::from_secs(30))?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "foreign_keys", "on")?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(Store { connection, reference: RefCell::default(), pending: RefCell::default(), line: None })
    }

    /// The directory that holds it.
    pub fn data(&self) -> Option<PathBuf> {
        self.connection.path().and_then(|file| Path::new(file).parent()).map(Path::to_owned)
    }

    /// What the newest exchange of this run met on the line, when it failed.
    pub fn line(&self) -> Option<Line> {
        self.line.clone()
    }

    pub fn line_note(&mut self, line: Option<Line>) {
        self.line = line;
    }

    pub fn office(&self) -> Result<Office> {
        Ok(office(&self.connection)?)
    }

    /// Remembers the aggregator that issued this PC's certificate.
    pub fn enrolment_keep(&mut self, enrolment: &Enrolment, numbers: (u32, u32), now: LocalTime) -> Result<()> {
        self.connection.execute(
            "update office set aggregator = ?1, server_id = ?2, receipt_key = ?3, numbers_from = ?4, numbers_to = ?5, enrolled_at = ?6",
            params![enrolment.aggregator, enrolment.server_id, enrolment.receipt_key, numbers.0, numbers.1, now.to_rfc3339()],
        )?;
        Ok(())
    }

    /// The head of the stream that is written to.
    pub fn head(&self) -> Result<Head> {
        self.head_of(office(&self.connection)?.stream)
    }

    /// The head of a stream, as far as it is here.
    pub fn head_of(&self, stream: Uuid) -> Result<Head> {
        Ok(head(&self.connection, stream)?)
    }

    /// When the newest entry of this PC's stream was recorded.
    pub fn recorded_last_at(&self) -> Result<Option<String>> {
        let stream = office(&self.connection)?.stream;
        let recorded_at = self
            .connection
            .prepare_cached("select json_extract(body, '$.recorded_at') from entry where stream = ?1 order by seq desc limit 1")?
            .query_row([stream], |row| row.get(0))
            .optional()?;
        Ok(recorded_at)
    }

    /// Hash of entry `seq` of a stream; of the genesis for 0.
    pub fn entry_hash(&self, stream: Uuid, seq: Seq) -> Result<Option<Hash>> {
        if seq == 0 {
            return Ok(Some(Head::genesis(stream).hash));
        }
        let hash = self
            .connection
            .prepare_cached("select hash from entry where stream = ?1 and seq = ?2")?
            .query_row(params![stream, seq], |row| row.get(0).map(Hash))
            .optional()?;
        Ok(hash)
    }

    /// Entries of a stream from `from` on, until `enough` says so of their lengths (clear, sealed).
    pub fn entries_from(&self, stream: Uuid, from: Seq, mut enough: impl FnMut(usize, usize) -> bool) -> Result<Vec<Record>> {
        let mut statement = self
            .connection
            .prepare_cached("select seq, hash, body, sealed from entry where stream = ?1 and seq >= ?2 order by seq")?;
        let mut rows = statement.query(params![stream, from])?;
        let mut records = Vec::new();
        while let Some(row) = rows.next()? {
            let record = record(row)?;
            if enough(record.body.len(), record.sealed.len()) && !records.is_empty() {
                break;
            }
            records.push(record);
        }
        Ok(records)
    }

    /// How many entries have a sealed part, and whether the key opens one of them.
    pub fn sealed_opens(&self, key: &OfficeKey) -> Result<(u64, bool)> {
        let count = self.connection.query_row("select count(*) from entry where length(sealed) > 0", [], |row| row.get(0))?;
        let mut statement = self
            .connection
            .prepare("select seq, hash, body, sealed, stream from entry where length(sealed) > 0 order by n desc limit 50")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (record, stream): (Record, Uuid) = (record(row)?, row.get(4)?);
            if key.open(stream, record.seq, &record.body, &record.sealed).is_ok() {
                return Ok((count, true));
            }
        }
        Ok((count, false))
    }

    /// Corrects what the office is called.
    pub fn office_rename(&mut self, name: &str, identifier: &str) -> Result<()> {
        self.connection.execute("update office set name = ?1, identifier = ?2", params![name, identifier])?;
        Ok(())
    }

    /// Keeps a verified receipt, durably. On the stream that is written to it also says that no entry of it is a branch.
    pub fn receipt_keep(&mut self, receipt: &Receipt, signed: &Signed, now: LocalTime) -> Result<()> {
        let transaction = begin(&mut self.connection)?;
        transaction.execute(
            "update own_stream set branch_at = null, branch_kept = null where stream = ?1 and standing = 'current'",
            [receipt.stream],
        )?;
        transaction.execute(
            "insert into receipt (stream, stored_through, epoch, at_ms, kept_at, quarantined, payload, signature)
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                receipt.stream,
                receipt.stored_through,
                receipt.epoch,
                receipt.at_ms,
                now.to_rfc3339(),
                i64::try_from(receipt.quarantined.len()).unwrap_or(i64::MAX),
                signed.payload,
                signed.signature
            ],
        )?;
        transaction.commit()?;
        Ok(())
    }

    /// Notes a bundle that is about to be written with entries `from..=through` of a log that reaches `head`.
    pub fn bundle_note(&mut self, nonce: [u8; 16], (from, through): (Seq, Seq), head: Head, now: LocalTime) -> Result<()> {
        let stream = office(&self.connection)?.stream;
        self.connection.execute(
            "insert into bundle (nonce, stream, from_seq, through_seq, head_seq, exported_at, after_receipt)
             values (?1, ?2, ?3, ?4, ?5, ?6, (select coalesce(max(n), 0) from receipt where stream = ?2))",
            params![nonce, stream, from, through, head.seq, now.to_rfc3339()],
        )?;
        Ok(())
    }

    /// Of the bundle of this PC's stream with this nonce: how far the log reached when it was written, and whether that
    /// was after the newest receipt.
    pub fn bundle_asked(&self, nonce: [u8; 16]) -> Result<Option<(Seq, bool)>> {
        let stream = office(&self.connection)?.stream;
        Ok(self
            .connection
            .prepare_cached(
                "select head_seq, after_receipt = (select coalesce(max(n), 0) from receipt where stream = ?2) from bundle
                 where nonce = ?1 and stream = ?2",
            )?
            .query_row(params![nonce, stream], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?)
    }

    /// The newest receipt of a stream that the aggregator's key really signed, and when it was kept.
    pub fn receipt_last(&self, stream: Uuid) -> Result<Option<(Receipt, LocalTime)>> {
        let office = office(&self.connection)?;
        let key = office.enrolment.and_then(|enrolment| VerifyingKey::from_bytes(&enrolment.receipt_key).ok());
        let Some(key) = key else { return Ok(None) };
        let found = self
            .connection
            .prepare_cached("select payload, signature, kept_at from receipt where stream = ?1 order by n desc limit 1")?
            .query_row([stream], |row| Ok((Signed { payload: row.get(0)?, signature: row.get(1)? }, row.get::<_, String>(2)?)))
            .optional()?;
        Ok(found.and_then(|(signed, kept_at)| Some((signed.open_receipt(&key)?, LocalTime::parse_from_rfc3339(&kept_at).ok()?))))
    }

    /// The newest life of the district's database that a kept receipt named.
    pub fn epoch_last(&self) -> Result<Option<Uuid>> {
        let mut statement = self.connection.prepare_cached("select epoch from receipt order by n desc limit 1")?;
        Ok(statement.query_row([], |row| row.get(0)).optional()?)
    }

    /// What was certified for all dossiers, by year and document.
    pub fn certifications(&self) -> Result<Counts> {
        let mut statement = self.connection.prepare_cached(
            "select distinct dossier from entry where dossier is not null and json_extract(body, '$.kind') = 'certified'",
        )?;
        let ids = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<Uuid>>>()?;
        let mut counts = Counts::default();
        for id in ids {
            counts.add(&fold(&self.connection, id)?.0);
        }
        Ok(counts)
    }

    pub fn attempt_note(&mut self, outcome: &str, detail: &str, now: LocalTime) -> Result<()> {
        self.connection.execute(
            "insert into attempt (ended_at, outcome, detail) values (?1, ?2, ?3)",
            params![now.to_rfc3339(), outcome, detail],
        )?;
        Ok(())
    }

    /// The newest attempt, and since when attempts have failed without a break.
    pub fn attempt_last(&self) -> Result<Option<(Attempt, Option<String>)>> {
        let last = self
            .connection
            .prepare_cached("select ended_at, outcome, detail from attempt order by n desc limit 1")?
            .query_row([], |row| Ok(Attempt { ended_at: row.get(0)?, outcome: row.get(1)?, detail: row.get(2)? }))
            .optional()?;
        let Some(last) = last else { return Ok(None) };
        let failing_since = self.connection.query_row(
            "select min(ended_at) from attempt
             where outcome <> 'complete' and n > (select coalesce(max(n), 0) from attempt where outcome = 'complete')",
            [],
            |row| row.get(0),
        )?;
        Ok(Some((last, failing_since)))
    }

    /// When the newest attempt that ended with everything stored did so. The newest by order: the clock may have been set.
    pub fn sync_last_at(&self) -> Result<Option<String>> {
        let mut statement =
            self.connection.prepare_cached("select ended_at from attempt where outcome = 'complete' order by n desc limit 1")?;
        Ok(statement.query_row([], |row| row.get(0)).optional()?)
    }

    /// The slot of the night that the district asks this PC to take.
    pub fn night_slot(&self) -> Result<Option<u32>> {
        let stream = office(&self.connection)?.stream;
        Ok(self.receipt_last(stream)?.and_then(|(receipt, _)| receipt.night_slot_s))
    }

    /// Asks `SQLite` itself whether its file is sound; else what it says.
    pub fn integrity(&self) -> Result<Option<String>> {
        let answer: String = self.connection.query_row("pragma quick_check(1)", [], |row| row.get(0))?;
        Ok((answer != "ok").then_some(answer))
    }
}

impl Pen<'_> {
    fn draft(&self, event: Event, dossier: Uuid, sealed: Option<Sealed>, clock: Option<ClockReading>) -> Draft {
        Draft { event, dossier: Some(dossier), author: self.author.to_owned(), recorded_at: self.now, clock, sealed }
    }
}

const DOSSIER_COLUMNS: &str =
    "id, code, procedure, field, channel, state, received_at, due_at, overdue_after, finished_at, returned_at, verdict, person,
     book_year, book_volume, book_number, follows";

/// A transaction that holds the write lock from its start: what it reads stays true until it commits.
fn begin(connection: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

fn office(connection: &Connection) -> rusqlite::Result<Office> {
    connection
        .prepare_cached(
            "select unit, name, identifier, stream, key_fingerprint, numbers_from, numbers_to, aggregator, server_id, receipt_key from office",
        )?
        .query_row([], |row| {
            let server_id: Option<Uuid> = row.get(8)?;
            let enrolment = match server_id {
                Some(server_id) => Some(Enrolment { aggregator: row.get(7)?, server_id, receipt_key: row.get(9)? }),
                None => None,
            };
            Ok(Office {
                unit: row.get(0)?,
                name: row.get(1)?,
                identifier: row.get(2)?,
                stream: row.get(3)?,
                key_fingerprint: row.get(4)?,
                numbers: (row.get(5)?, row.get(6)?),
                enrolment,
            })
        })
}

fn head(connection: &Connection, stream: Uuid) -> rusqlite::Result<Head> {
    let last = connection
        .prepare_cached("select seq, hash from entry where stream = ?1 order by seq desc limit 1")?
        .query_row([stream], |row| Ok(Head { seq: row.get(0)?, hash: Hash(row.get(1)?) }))
        .optional()?;
    Ok(last.unwrap_or_else(|| Head::genesis(stream)))
}

fn record(row: &Row) -> rusqlite::Result<Record> {
    Ok(Record { seq: row.get(0)?, hash: Hash(row.get(1)?), body: row.get(2)?, sealed: row.get(3)? })
}

fn dossier_row(row: &Row) -> rusqlite::Result<DossierRow> {
    Ok(DossierRow {
        id: row.get(0)?,
        code: row.get(1)?,
        procedure: row.get(2)?,
        field: row.get(3)?,
        channel: row.get(4)?,
        state: row.get(5)?,
        received_at: row.get(6)?,
        due_at: row.get(7)?,
        overdue_after: row.get(8)?,
        finished_at: row.get(9)?,
        returned_at: row.get(10)?,
        verdict: row.get(11)?,
        person: row.get(12)?,
        book: books::place(row, 13)?,
        follows: row.get(16)?,
    })
}

fn dossier_id(connection: &Connection, code: &str) -> Result<Uuid> {
    connection
        .prepare_cached("select id from dossier where code = ?1")?
        .query_row([code], |row| row.get(0))
        .optional()?
        .ok_or_else(|| StoreError::NoDossier(code.to_owned()))
}

/// The next free code of `day` in this PC's block of numbers (TT 01/2018 Art. 19: a sequence of that day).
fn next_code(connection: &Connection, office: &Office, day: NaiveDate) -> Result<String> {
    let prefix = format!("{}-{}-", office.identifier, day.format("%y%m%d"));
    let (from, to) = office.numbers;
    let last: Option<String> = connection
        .prepare_cached("select max(code) from dossier where code between ?1 and ?2")?
        .query_row([format!("{prefix}{from:04}"), format!("{prefix}{to:04}")], |row| row.get(0))?;
    let next = last.and_then(|code| code[prefix.len()..].parse::<u32>().ok()).map_or(from, |number| number + 1);
    if next > to {
        return Err(StoreError::NumbersUsedUp { day, from, to });
    }
    Ok(format!("{prefix}{next:04}"))
}

/// The state of a dossier from its entries, and the entry that names its person. A fact counts once, in however many
/// streams it was recorded.
fn fold(connection: &Connection, id: Uuid) -> Result<(Dossier, Option<i64>)> {
    let mut statement =
        connection.prepare_cached("select seq, hash, body, sealed, n from entry where dossier = ?1 order by n")?;
    let mut rows = statement.query([id])?;
    let mut dossier = Dossier::new(id);
    let (mut person, mut origins) = (None, BTreeSet::new());
    while let Some(row) = rows.next()? {
        let record = record(row)?;
        let body = Body::parse(record.seq, &record.body).map_err(|_| StoreError::Damaged(record.seq))?;
        if let Ok(event) = Event::parse(&body)
            && origins.insert(record.origin())
        {
            dossier.apply(&event);
            person = if names_person(&event, !record.sealed.is_empty()) { Some(row.get(4)?) } else { person };
        }
    }
    Ok((dossier, person))
}

/// Receptions, slips of what is not accepted, and corrections carry the person; other sealed parts are remarks.
fn names_person(event: &Event, sealed: bool) -> bool {
    sealed
        && matches!(event, Event::Received(_) | Event::Guided(_) | Event::Declined(_) | Event::Corrected(_) | Event::TakenOver(_))
}

/// A dossier that is being written to.
struct Change<'a> {
    dossier: Dossier,
    /// Entry that names its person.
    person: Option<i64>,
    /// That person, when it is among what is written.
    named: Option<&'a Sealed>,
    external_code: Option<String>,
    is_new: bool,
}

/// Writes entries and brings the projection along. The caller commits.
fn append(transaction: &Transaction, stream: Uuid, drafts: &[Draft], pen: &Pen) -> Result<Head> {
    let mut head = head(transaction, stream)?;
    let mut changed: BTreeMap<Uuid, Change> = BTreeMap::new();
    let mut delta = Delta::default();
    for draft in drafts {
        if let Some(id) = draft.dossier
            && !changed.contains_key(&id)
        {
            let (dossier, person) = fold(transaction, id)?;
            delta.retract(&dossier);
            let (external_code, is_new) = (dossier.external_code.clone(), dossier.code().is_empty());
            changed.insert(id, Change { dossier, person, named: None, external_code, is_new });
        }
        let record = head.next(stream, draft, pen.key, (pen.salt)());
        head = record.head();
        let n = entry_insert(transaction, stream, &record, draft.dossier)?;
        if let Some(change) = draft.dossier.and_then(|id| changed.get_mut(&id)) {
            change.dossier.apply(&draft.event);
            if names_person(&draft.event, draft.sealed.is_some()) {
                (change.person, change.named) = (Some(n), draft.sealed.as_ref());
            }
        }
    }
    let blind = Blind::of(pen.key);
    for Change { dossier, person, named, external_code, is_new } in changed.values() {
        delta.add(dossier);
        dossier_put(transaction, dossier, *person)?;
        if named.is_some() {
            search::put(transaction, &blind, dossier, *named)?;
        } else if *is_new || *external_code != dossier.external_code {
            let person = person.map_or(Ok(None), |n| search::person_at(transaction, n, pen.key))?;
            search::put(transaction, &blind, dossier, person.as_ref())?;
        }
    }
    figures::rollup_add(transaction, &delta)?;
    Ok(head)
}

/// The dossier that an entry names.
fn dossier_of(record: &Record) -> Option<Uuid> {
    Body::parse(record.seq, &record.body).ok().and_then(|body| body.dossier)
}

fn entry_insert(transaction: &Transaction, stream: Uuid, record: &Record, dossier: Option<Uuid>) -> Result<i64> {
    transaction
        .prepare_cached("insert into entry (stream, seq, hash, body, sealed, dossier) values (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute(params![stream, record.seq, record.hash.0, record.body, record.sealed, dossier])?;
    Ok(transaction.last_insert_rowid())
}

fn dossier_put(transaction: &Transaction, dossier: &Dossier, person: Option<i64>) -> Result<()> {
    let received = dossier.received.as_ref();
    let book = match (dossier.book, received) {
        (None, Some(_)) => books::assigned(transaction, dossier.id)?,
        (place, _) => place,
    };
    let text = |at: Option<LocalTime>| at.map(|at| at.to_rfc3339());
    let overdue_after = dossier.due_at.map(|due| deadline::overdue_after(dossier.limit(), dossier.classification_rule(), due));
    transaction
        .prepare_cached(&format!(
            "insert or replace into dossier ({DOSSIER_COLUMNS}) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)"
        ))?
        .execute(params![
            dossier.id,
            dossier.code(),
            dossier.procedure(),
            dossier.field(),
            dossier.channel().map_or("", Code::code),
            dossier.state().code(),
            text(received.map(|received| received.received_at)),
            text(dossier.due_at),
            text(overdue_after),
            text(dossier.finished.map(|finished| finished.at)),
            text(dossier.returned_at),
            dossier.verdict().map(deadline::Verdict::as_str),
            person,
            book.map(|place| place.year),
            book.map(|place| place.volume),
            book.map(|place| place.number),
            received.and_then(|received| received.follows.as_deref())
        ])?;
    books::certifications_put(transaction, dossier)?;
    desk::put(transaction, dossier)
}

//! What the aggregator keeps: the log of every stream, what is computed from it, and who may come in.
//!
//! Promise: what a method of [`Store`] returned `Ok` for is durable. What is stored of a stream is read from its rows,
//! never from a number beside them. Knows no HTTP and no TLS. Start at [`Store`] and [`in_transaction`].

pub mod machines;
pub mod month;
pub mod people;
pub mod sqlite;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;
use motcua_shared::calendar::LocalTime;
use motcua_shared::contribution::{Counters, Delta};
use motcua_shared::deadline::Verdict;
use motcua_shared::entry::{Hash, Head, Record, Seq};
use motcua_shared::index766::Numbers;
use motcua_shared::office::{Explanation, Filed, Said, Stated};
use motcua_shared::period::Period;
use motcua_shared::rule::{Mark, Marked, ProcedureUse, Seen, Slice};
use motcua_shared::same_person::SamePersonGroup;
use motcua_shared::sync;
use motcua_shared::unit::{self, Key, Organisation, Unit};
use motcua_shared::wire::{AgentReport, Signed};
use serde::Serialize;
use uuid::Uuid;

use crate::operation::Outcome;

pub use machines::Machines;
pub use people::People;
pub use sqlite::SqliteStore;

/// Why the database did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Nothing was changed; the same call may work later.
    #[error("the database failed: {0}")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The disk takes no more. Nothing was changed; the same call works when there is space.
    #[error(
        "ổ đĩa của máy chủ đã đầy hoặc không ghi được ({0}); lần này chưa ghi gì, những gì đã có biên nhận vẫn còn nguyên. \
         Hãy dọn chỗ trống rồi thử lại"
    )]
    Disk(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Rows that this program could not have written: a person has to look.
    #[error(
        "cơ sở dữ liệu bị hỏng ({0}); chưa thay đổi gì. Hãy giữ nguyên thư mục này và dựng lại từ bản sao lưu vào một thư mục \
         mới (motcua-aggregator restore); các xã tự gửi lại phần còn thiếu"
    )]
    Damaged(String),
}

/// Who this aggregator is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Code of the unit that it consolidates for.
    pub code: String,
    pub server_id: Uuid,
    /// Which life of the database: a new one after a restore.
    pub epoch: Uuid,
    /// Names and addresses under which it is reached.
    pub hosts: Vec<String>,
    /// When it came back from a backup: it may have issued certificates since that it does not remember.
    pub restored_at: Option<LocalTime>,
    /// Newest published reference data; 0: none. Read from its rows, never set.
    pub reference_version: u64,
}

/// One agent installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    pub id: Uuid,
    /// Key of its unit, as in all that names a unit here.
    pub unit: String,
    pub public_key: [u8; 32],
    pub numbers_from: u32,
    pub numbers_to: u32,
}

/// What is held of a stream, read from its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub stored: Head,
    /// Entries stored and not applied.
    pub quarantined: Vec<Seq>,
    /// Why, of the first of them.
    pub reasons: Vec<String>,
    /// Hash of the entry that the agent wanted to compare, where one is stored.
    pub compared: Option<Hash>,
    /// How far the agent's own entries are kept aside.
    pub kept_aside: Option<Seq>,
    /// When it is asked to come at night: seconds after local midnight.
    pub night_slot_s: Option<u32>,
    /// Number of what is decided about findings of its unit.
    pub decisions: u64,
}

/// What an agent told of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub agent_version: String,
    pub head_seq: Seq,
    /// Absent when it was told in a bundle: that may have been on its way for weeks, and others may have come before it.
    pub clock_offset_ms: Option<i64>,
}

/// A stream and how far it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StreamStatus {
    /// Its key; written as its code.
    #[serde(serialize_with = "unit::code_only")]
    pub unit: String,
    /// Where the code alone does not say which unit: since when this one carries it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit_since: Option<NaiveDate>,
    pub stream: Uuid,
    pub stored_through: Seq,
    pub applied: Seq,
    pub quarantined: u64,
    /// Entries of another log with the same numbers (a cloned disk), kept aside.
    pub forked: u64,
    /// How far the agent last said that its own log reaches.
    pub head_seq: Seq,
    /// Recorded there and not yet stored here, as last told.
    pub pending: u64,
    /// When the newest stored entry arrived.
    pub complete_to: Option<String>,
    pub last_seen_at: Option<String>,
    pub enrolled_at: String,
    pub agent_version: Option<String>,
    /// Our clock minus the agent's, milliseconds, when it was last seen.
    pub clock_offset_ms: Option<i64>,
    /// When it is asked to come at night: seconds after local midnight.
    pub night_slot_s: Option<u32>,
    /// What a restore of this database took away of it; absent when nothing is known to be.
    pub healing: Option<Healing>,
}

/// What a restore took away of a stream, and whether it came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Healing {
    /// Acknowledged before the restore, up to here.
    pub had: Seq,
    /// Left by the restore, up to here.
    pub has: Seq,
    /// Entries that came again.
    pub resent: u64,
    pub healed: bool,
}

/// An entry to be added to the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry<'a> {
    pub record: &'a Record,
    /// The dossier that its body names, where that is readable.
    pub dossier: Option<Uuid>,
}

/// An entry of the log, read back in order of arrival.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEntry {
    pub n: i64,
    pub stream: Uuid,
    pub record: Record,
    pub dossier: Option<Uuid>,
}

/// An entry that could not be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    pub n: i64,
    pub seq: Seq,
    pub dossier: Option<Uuid>,
    pub reason: String,
}

/// What became of a night's backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackupRun {
    /// When it began.
    pub at: LocalTime,
    pub outcome: Outcome,
    /// Empty: none was made.
    pub folder: String,
    /// Entries in the copy.
    pub entries: i64,
    /// Of its database.
    pub bytes: u64,
    /// Why it failed.
    pub words: String,
}

/// How a unit was checked last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    pub day: NaiveDate,
    /// Version of the reference data.
    pub reference: u64,
    /// What was known of its sending, in any words.
    pub sending: String,
}

/// A finding as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub unit: String,
    pub seen: Seen,
}

/// When a dossier came and how it ended: what the slices of a unit are read from, without looking at other units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    pub field: String,
    pub received: NaiveDate,
    pub resolved: Option<(NaiveDate, Verdict)>,
}

/// Something that happened to a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingEvent {
    /// Order; given by the store.
    pub n: i64,
    pub unit: String,
    pub finding: String,
    pub at: LocalTime,
    /// `appeared`, `changed`, `gone`, `back`, `accepted`, `rejected`, `reopened`.
    pub kind: String,
    /// Who decided; empty: the program.
    pub who: String,
    pub words: String,
    /// Order of arrival of the newest explanation then.
    pub after_n: i64,
}

/// What an office said, and the entry that says it first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Of<T> {
    pub unit: String,
    /// Order of arrival of the entry.
    pub n: i64,
    pub said: T,
}

/// The projection of one dossier: what stands in its row, and what the API answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DossierRow {
    #[serde(skip)]
    pub id: Uuid,
    pub code: String,
    /// The key of the unit; written as its code.
    #[serde(serialize_with = "unit::code_only")]
    pub unit: String,
    pub procedure: String,
    pub field: String,
    pub channel: String,
    pub state: String,
    pub received_at: Option<String>,
    pub due_at: Option<String>,
    pub finished_at: Option<String>,
    pub returned_at: Option<String>,
    pub verdict: Option<String>,
}

/// One row of the rollups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollupRow {
    pub unit: String,
    pub field: String,
    pub procedure: String,
    pub day: NaiveDate,
    pub counters: Counters,
}

/// One reporting month of the rollups. The empty unit is all units together; where field and procedure are empty, it is
/// the unit itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonthRow {
    pub unit: String,
    pub field: String,
    pub procedure: String,
    /// As [`motcua_shared::period::month_of`] counts.
    pub month: i32,
    pub content: month::Month,
}

/// Sums of one procedure over days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcedureCounters {
    pub field: String,
    pub procedure: String,
    pub counters: Counters,
}

/// A one-time code, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    pub secret_hash: [u8; 32],
    pub unit: String,
    pub expires_at: LocalTime,
    /// Public key and stream of the agent that used it.
    pub used_by: Option<([u8; 32], Uuid)>,
}

/// A client certificate that was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    pub serial: Vec<u8>,
    pub stream: Uuid,
    pub unit: String,
    pub issued_at: LocalTime,
    pub expires_at: LocalTime,
    pub revoked: bool,
    pub pem: String,
}

/// A published version of the reference data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    pub version: u64,
    /// BLAKE3 of `body`.
    pub hash: [u8; 32],
    pub published_at: LocalTime,
    pub statement: Signed,
    /// The JSON that was signed.
    pub body: String,
    /// Who worked on it before it was published; none where that is not known.
    pub drafted_by: Vec<String>,
    /// Empty where it is not known, as of versions that came back from an office.
    pub published_by: String,
}

impl Reference {
    /// Whether somebody published it who had not worked on it.
    pub fn was_reviewed(&self) -> bool {
        let known = !self.published_by.is_empty() && !self.drafted_by.is_empty();
        known && !self.drafted_by.contains(&self.published_by)
    }
}

/// What is being collected for the next version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// JSON.
    pub body: String,
    /// Everybody who changed it.
    pub authors: Vec<String>,
    pub changed_at: LocalTime,
}

/// Words of the consolidated narrative report that are being written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NarrativeWords {
    pub period: Period,
    pub saved_at: LocalTime,
    pub saved_by: String,
    /// JSON of [`motcua_shared::narrative::Words`].
    pub body: String,
}

/// A report that is being filed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFiledForm {
    pub form: String,
    /// The node's own code for the consolidated report.
    pub unit: String,
    pub from: NaiveDate,
    pub to: NaiveDate,
    pub by: String,
    pub ruleset: String,
    /// BLAKE3 of `body`.
    pub hash: [u8; 32],
    pub body: String,
    /// The report beside which this one stands as a correction.
    pub corrects: Option<i64>,
}

/// A report as it was filed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FiledForm {
    pub id: i64,
    pub form: String,
    pub unit: String,
    pub from: NaiveDate,
    pub to: NaiveDate,
    pub at: LocalTime,
    pub by: String,
    pub ruleset: String,
    pub hash: [u8; 32],
    pub body: String,
    pub corrects: Option<i64>,
}

/// Numbers of the index of QĐ 766 that somebody types in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexInput {
    pub unit: String,
    pub period: Period,
    pub indicator: String,
    pub numbers: Numbers,
    pub by: String,
}

/// Everything that is kept, behind one interface, so that another database can stand behind it. Synchronous: callers
/// reach it through one door (`App::write`, `App::read`), never across an `.await`.
pub trait Store: People + Machines + Send {
    /// Runs `work` alone and durably: all of it when it returns true, nothing of it when it returns false, fails or
    /// panics. Use [`in_transaction`].
    fn transaction(&mut self, work: &mut dyn FnMut(&mut dyn Store) -> bool) -> Result<(), StoreError>;

    /// `None`: the database was never initialised.
    fn node_find(&self) -> Result<Option<Node>, StoreError>;
    fn node_set(&mut self, node: &Node) -> Result<(), StoreError>;

    fn units(&self) -> Result<Vec<Unit>, StoreError>;
    /// The name of every unit that this database ever knew; see [`motcua_shared::unit::Key`].
    fn unit_keys(&self) -> Result<Vec<Key>, StoreError>;
    /// The units of all times under their keys; made once, and again when the table was replaced.
    fn organisation(&self) -> Result<Arc<Organisation>, StoreError>;
    /// Replaces the whole table. Keys stay, and new units get theirs.
    fn units_replace(&mut self, units: &[Unit]) -> Result<(), StoreError>;

    /// The newest published version.
    fn reference_newest(&self) -> Result<Option<Reference>, StoreError>;
    fn reference_find(&self, version: u64) -> Result<Option<Reference>, StoreError>;
    /// Fails when the version is there: a published version never changes.
    fn reference_add(&mut self, reference: &Reference) -> Result<(), StoreError>;
    /// Every published version, the newest first.
    fn reference_list(&self) -> Result<Vec<Reference>, StoreError>;
    fn reference_draft(&self) -> Result<Option<Draft>, StoreError>;
    fn reference_draft_set(&mut self, draft: Option<&Draft>) -> Result<(), StoreError>;

    fn stream_find(&self, stream: Uuid) -> Result<Option<Stream>, StoreError>;
    fn stream_add(&mut self, stream: &Stream, at: LocalTime) -> Result<(), StoreError>;
    /// The highest daily dossier number that a stream of this unit may give out.
    fn numbers_taken(&self, unit: &str) -> Result<Option<u32>, StoreError>;
    /// Streams of a unit, or all, by unit and age.
    fn streams(&self, unit: Option<&str>) -> Result<Vec<StreamStatus>, StoreError>;
    fn stream_held(&self, stream: Uuid) -> Result<Held, StoreError>;
    /// Hashes of stored entries `from..=to`, in order.
    fn stream_hashes(&self, stream: Uuid, from: Seq, to: Seq) -> Result<Vec<Hash>, StoreError>;
    fn stream_told(&mut self, stream: Uuid, told: &Told, at: LocalTime) -> Result<(), StoreError>;
    fn night_slot(&self, stream: Uuid) -> Result<Option<u32>, StoreError>;
    fn night_slot_set(&mut self, stream: Uuid, slot_s: u32) -> Result<(), StoreError>;
    /// Streams, nights and exchanges of the nights `from..=to`.
    fn contacts(&self, from: NaiveDate, to: NaiveDate) -> Result<Vec<(Uuid, NaiveDate, u32)>, StoreError>;
    /// How many other streams have their slot in this minute of the day.
    fn night_crowd(&self, minute: u32, except: Uuid) -> Result<u32, StoreError>;
    /// Notes by which stream of the same PC this one was asked for.
    fn stream_opened_by(&mut self, stream: Uuid, by: Uuid) -> Result<(), StoreError>;
    /// Notes what the restore that began `epoch` took away of a stream. The first note of an epoch stays.
    fn healing_note(&mut self, stream: Uuid, epoch: Uuid, lost: sync::Healing, at: LocalTime) -> Result<(), StoreError>;
    /// What the agent said in the stream's newest bundle, to be answered by a receipt that goes back by hand.
    fn bundle_report(&self, stream: Uuid) -> Result<Option<AgentReport>, StoreError>;
    fn bundle_report_keep(&mut self, stream: Uuid, report: &AgentReport) -> Result<(), StoreError>;
    /// Entries `from..` of a stream, at most `limit`.
    fn stream_entries(&self, stream: Uuid, from: Seq, limit: usize) -> Result<Vec<StoredEntry>, StoreError>;

    /// Adds consecutive entries; returns their order of arrival, `None` for one that was there before.
    fn entries_append(&mut self, stream: Uuid, entries: &[NewEntry], at: LocalTime) -> Result<Vec<Option<i64>>, StoreError>;
    /// Entries after `n` in order of arrival, at most `limit`.
    fn entries_after(&self, n: i64, limit: usize) -> Result<Vec<StoredEntry>, StoreError>;
    /// Calls `visit` for each applied entry of each dossier, dossier by dossier, in order of arrival.
    fn entries_by_dossier(&self, visit: &mut dyn FnMut(Uuid, StoredEntry)) -> Result<(), StoreError>;
    /// Hashes of the entries at `seq` that are kept aside.
    fn fork_hashes(&self, stream: Uuid, seq: Seq) -> Result<Vec<Hash>, StoreError>;
    fn fork_add(&mut self, stream: Uuid, records: &[Record], at: LocalTime) -> Result<(), StoreError>;

    fn quarantine_add(&mut self, stream: Uuid, entries: &[Quarantined]) -> Result<(), StoreError>;
    /// Dossiers of a unit that wait, and the entry that each waits behind.
    fn quarantine_dossiers(&self, unit: &str) -> Result<BTreeMap<Uuid, Seq>, StoreError>;
    /// Lets go of what is held back of a dossier of a unit.
    fn quarantine_release(&mut self, unit: &str, dossier: Uuid) -> Result<(), StoreError>;
    /// Everything that is held back, without sealed parts, and why.
    fn quarantine_entries(&self) -> Result<Vec<(Record, String)>, StoreError>;
    /// Quarantined entries of a unit, or all: stream, seq, reason.
    fn quarantine_list(&self, unit: Option<&str>, limit: usize) -> Result<Vec<(Uuid, Seq, String)>, StoreError>;

    /// The unit of each of these dossiers that is known.
    fn dossier_units(&self, ids: &BTreeSet<Uuid>) -> Result<BTreeMap<Uuid, String>, StoreError>;
    /// Entries of a dossier that arrived before `n` and were applied, without their sealed parts.
    fn dossier_history(&self, id: Uuid, before: i64) -> Result<Vec<Record>, StoreError>;
    /// Dossiers that a unit handed over and that no other unit opened yet, by the unit that handed over.
    fn handovers_waiting(&self) -> Result<BTreeMap<String, u64>, StoreError>;
    fn dossiers_save(&mut self, rows: &[DossierRow]) -> Result<(), StoreError>;
    /// By code; several when streams gave out the same one.
    fn dossiers_find(&self, code: &str) -> Result<Vec<DossierRow>, StoreError>;
    /// The day on which the dossier that arrived last was received.
    fn dossier_newest_day(&self) -> Result<Option<NaiveDate>, StoreError>;
    /// All dossiers in order of id.
    fn dossiers_visit(&self, visit: &mut dyn FnMut(DossierRow)) -> Result<(), StoreError>;

    fn rollup_add(&mut self, unit: &str, delta: &Delta) -> Result<(), StoreError>;
    fn rollup_rows(&self) -> Result<Vec<RollupRow>, StoreError>;
    /// Every reporting month that is kept, by unit, field, procedure and month.
    fn rollup_months(&self) -> Result<Vec<MonthRow>, StoreError>;
    /// Everything up to and with each of `days`, of a unit or of all together. Few rows, however many dossiers there are.
    fn rollup_until(&self, unit: Option<&str>, days: &[NaiveDate]) -> Result<Vec<Counters>, StoreError>;
    /// The same of one day for each unit of which anything is known.
    fn rollup_until_by_unit(&self, day: NaiveDate) -> Result<BTreeMap<String, Counters>, StoreError>;
    /// The same of one day and one field for each unit that has anything in it.
    fn rollup_until_by_unit_in(&self, field: &str, day: NaiveDate) -> Result<BTreeMap<String, Counters>, StoreError>;
    /// The same of one day for each procedure of a unit, or of all together, by field and procedure.
    fn rollup_until_by_procedure(&self, unit: Option<&str>, day: NaiveDate) -> Result<Vec<ProcedureCounters>, StoreError>;
    /// How the counters were counted, see [`motcua_shared::contribution::edition`]; `None` by a program that did not say.
    fn figures_edition(&self) -> Result<Option<String>, StoreError>;
    fn figures_edition_set(&mut self, edition: &str) -> Result<(), StoreError>;
    /// Keeps a report as it was filed, and gives its number.
    fn filed_add(&mut self, filed: &NewFiledForm, at: LocalTime) -> Result<i64, StoreError>;
    fn filed_find(&self, id: i64) -> Result<Option<FiledForm>, StoreError>;
    /// The newest first.
    fn filed_list(&self) -> Result<Vec<FiledForm>, StoreError>;
    /// What became of the nightly backups, newest first.
    fn backup_runs(&self) -> Result<Vec<BackupRun>, StoreError>;
    fn backup_run_add(&mut self, run: &BackupRun) -> Result<(), StoreError>;
    /// The newest numbers of the index that were typed in for a unit and period, by indicator.
    fn narrative_words(&self) -> Result<Vec<NarrativeWords>, StoreError>;
    /// In the place of what was kept for its period.
    fn narrative_words_keep(&mut self, words: &NarrativeWords) -> Result<(), StoreError>;
    fn index_inputs(&self, unit: &str, period: Period) -> Result<BTreeMap<String, Numbers>, StoreError>;
    fn index_input_add(&mut self, input: &IndexInput, at: LocalTime) -> Result<(), StoreError>;
    /// Keeps what an office says in entry `n`; nothing when it is kept already.
    fn office_add(&mut self, unit: &str, n: i64, origin: Hash, said: &Said) -> Result<(), StoreError>;
    /// Every figure that was ever declared, of a unit or of all, by period, indicator, field and revision.
    fn stated(&self, unit: Option<&str>) -> Result<Vec<Of<Stated>>, StoreError>;
    /// Every explanation of a finding, by unit and order of arrival.
    fn explanations(&self, unit: Option<&str>) -> Result<Vec<Of<Explanation>>, StoreError>;
    /// Every report that was filed, by unit, form, period and revision.
    fn filed_reports(&self, unit: Option<&str>) -> Result<Vec<Of<Filed>>, StoreError>;
    /// When a unit was checked last; `None`: never.
    fn checked(&self, unit: &str) -> Result<Option<Checked>, StoreError>;
    /// Notes that everything that came of a unit was looked at.
    fn checked_set(&mut self, unit: &str, checked: &Checked) -> Result<(), StoreError>;
    /// Whether entries of a unit came that were not looked at.
    fn unchecked(&self, unit: &str) -> Result<bool, StoreError>;
    /// Dossiers of a unit with entries that were not looked at.
    fn unit_changed(&self, unit: &str) -> Result<BTreeSet<Uuid>, StoreError>;
    /// Forgets that a unit, or every unit, was looked at.
    fn checks_forget(&mut self, unit: Option<&str>) -> Result<(), StoreError>;
    /// Replaces what a dossier's history breaks, and its span; `None`: it counts in nothing.
    fn marks_put(&mut self, unit: &str, dossier: Uuid, marks: &[Mark], span: Option<&Span>) -> Result<(), StoreError>;
    fn marks(&self, unit: &str) -> Result<Vec<Marked>, StoreError>;
    /// Procedures that a unit received dossiers for.
    fn procedures_used(&self, unit: &str) -> Result<Vec<ProcedureUse>, StoreError>;
    /// Codes of the dossiers of a slice, the first of them.
    fn slice_codes(&self, unit: &str, slice: &Slice) -> Result<Vec<String>, StoreError>;
    /// Findings of a unit or of all, those that vanished too, by unit and id.
    fn findings(&self, unit: Option<&str>) -> Result<Vec<Kept>, StoreError>;
    /// Keeps a finding in place of what was kept of it.
    fn finding_keep(&mut self, kept: &Kept) -> Result<(), StoreError>;
    /// What happened to findings of a unit or of all, in order.
    fn finding_events(&self, unit: Option<&str>) -> Result<Vec<FindingEvent>, StoreError>;
    fn finding_event_add(&mut self, event: &FindingEvent) -> Result<(), StoreError>;
    /// What offices told of several dossiers of one person, with the unit and origin of each saying.
    fn same_person(&self, unit: Option<&str>) -> Result<Vec<(String, Hash, SamePersonGroup)>, StoreError>;
    /// Calls `visit` for each applied entry that names no dossier, in order of arrival.
    fn entries_of_offices(&self, visit: &mut dyn FnMut(StoredEntry)) -> Result<(), StoreError>;
    /// Forgets what is computed from the log: dossiers, rollups, quarantine, what offices say.
    fn projections_clear(&mut self) -> Result<(), StoreError>;

    fn enrolment_add(&mut self, secret_hash: [u8; 32], unit: &str, at: LocalTime, expires: LocalTime) -> Result<(), StoreError>;
    fn enrolments(&self) -> Result<Vec<Enrolment>, StoreError>;
    fn enrolment_find(&self, secret_hash: [u8; 32]) -> Result<Option<Enrolment>, StoreError>;
    fn enrolment_use(&mut self, secret_hash: [u8; 32], key: [u8; 32], stream: Uuid, at: LocalTime) -> Result<(), StoreError>;
    fn certificate_add(&mut self, certificate: &Certificate) -> Result<(), StoreError>;
    fn certificate_find(&self, serial: &[u8]) -> Result<Option<Certificate>, StoreError>;
    /// Those of a stream, newest first.
    fn certificates(&self, stream: Uuid) -> Result<Vec<Certificate>, StoreError>;

    /// Takes back every certificate of a stream, and of the streams that its PC opened from it; says how many counted.
    fn certificates_revoke(&mut self, stream: Uuid, at: LocalTime) -> Result<usize, StoreError>;
}

/// Runs `work` as one transaction and hands on what it returned; an error of `work` leaves nothing behind.
pub fn in_transaction<T, E: From<StoreError>>(
    store: &mut dyn Store,
    work: impl FnOnce(&mut dyn Store) -> Result<T, E>,
) -> Result<T, E> {
    let mut work = Some(work);
    let mut result = None;
    store.transaction(&mut |store| {
        let Some(work) = work.take() else { return false };
        let outcome = work(store);
        let keep = outcome.is_ok();
        result = Some(outcome);
        keep
    })?;
    result.unwrap_or_else(|| Err(StoreError::Damaged("a transaction ran no work".to_owned()).into()))
}

//! What arrives from the agents: verified, stored, applied, and only then acknowledged.
//!
//! Promise: one upload is one transaction; nothing of it, or all of it. Every entry with a good chain and signature is
//! stored, whether or not it can be applied: stored = applied + quarantined, always. Nothing is overwritten.
//! Start at [`take`] and [`apply`].

use std::collections::{BTreeMap, BTreeSet};

use ed25519_dalek::VerifyingKey;
use motcua_shared::calendar::{LocalTime, VIETNAM};
use motcua_shared::contribution::{self, Delta};
use motcua_shared::dossier::{Code, Dossier, Event, Unapplied};
use motcua_shared::entry::{Body, Hash, Head, Record, Seq};
use motcua_shared::office::{OfficeEvent, Said};
use motcua_shared::sync::{Verdict, decide, healing};
use motcua_shared::wire::{AgentReport, Segment, SegmentError};
use tracing::{info, warn};
use uuid::Uuid;

use crate::rollup;
use crate::store::{DossierRow, Held, NewEntry, Quarantined, Store, StoreError, StoredEntry, Told, in_transaction};

/// Rows that are read at once when everything is recomputed.
const CHUNK: usize = 5_000;

/// Who sends, as proven by a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub unit: String,
    pub stream: Uuid,
    pub key: VerifyingKey,
    pub way: Way,
}

/// How it came here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Line,
    /// By hand: it may have been on its way for weeks.
    Bundle,
}

/// What became of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intake {
    /// Everything in it is stored; so many entries were new.
    Stored { new: usize },
    /// Entries before it are missing.
    Gap,
    /// From `at` on it says something else than what is stored. Its entries are kept aside.
    Forked { at: Seq },
}

/// What became of an upload, and what is held after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    pub intake: Intake,
    pub held: Held,
}

/// Why an upload is refused as a whole.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Damaged, or not what it says: the sender packs it again.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// Addressed to another stream than the sender's own.
    #[error("the segment is of stream {0}")]
    OtherStream(Uuid),
    #[error("stream {0} is not enrolled")]
    UnknownStream(Uuid),
}

/// What is wrong with a segment, for people.
pub fn segment_words(error: &SegmentError) -> &'static str {
    match error {
        SegmentError::Signature => "chữ ký không phải của máy này",
        SegmentError::Chain => "các bản ghi không nối tiếp nhau",
        SegmentError::Count { .. } => "số bản ghi không khớp",
        SegmentError::Unreadable(_) | SegmentError::Protocol(_) => "nội dung không giải nén được",
    }
}

/// Notes what an agent says of itself and reads what is held of its stream.
pub fn hello(store: &mut dyn Store, source: &Source, report: &AgentReport, now: LocalTime) -> Result<Held, IngestError> {
    in_transaction(store, |store| {
        admit(store, source)?;
        note_healing(store, source, report, now)?;
        store.stream_told(source.stream, &told(report, source.way, now), now)?;
        Ok(held(store, source.stream, report, None)?)
    })
}

/// What is held of a stream, and what the agent asked about: `sent` is the last entry that it sent of a branch.
pub fn held(store: &dyn Store, stream: Uuid, report: &AgentReport, sent: Option<Seq>) -> Result<Held, StoreError> {
    let mut held = store.stream_held(stream)?;
    let compares = report.compares();
    held.compared = hash_at(store, stream, compares.seq, held.stored.seq)?;
    for mine in [report.head(), compares] {
        let aside = mine.seq <= i64::MAX.unsigned_abs() && store.fork_hashes(stream, mine.seq)?.contains(&mine.hash);
        held.kept_aside = held.kept_aside.or(aside.then_some(mine.seq));
    }
    held.kept_aside = held.kept_aside.or(sent);
    Ok(held)
}

/// Hash of the stream's entry at `seq`, of the genesis at 0; `None` past what is stored.
fn hash_at(store: &dyn Store, stream: Uuid, seq: Seq, stored: Seq) -> Result<Option<Hash>, StoreError> {
    match seq {
        0 => Ok(Some(Head::genesis(stream).hash)),
        seq if seq > stored => Ok(None),
        seq => {
            let hash = store.stream_hashes(stream, seq, seq)?.first().copied();
            hash.map(Some).ok_or_else(|| StoreError::Damaged(format!("entry {seq} of {stream} is missing")))
        }
    }
}

/// Takes one segment into the log and the figures. The answer speaks of rows that are committed.
pub fn take(
    store: &mut dyn Store,
    source: &Source,
    report: &AgentReport,
    segment: &Segment,
    now: LocalTime,
) -> Result<Taken, IngestError> {
    if segment.stream != source.stream {
        return Err(IngestError::OtherStream(segment.stream));
    }
    let taken = in_transaction(store, |store| {
        admit(store, source)?;
        note_healing(store, source, report, now)?;
        let intake = judge(store, source, segment, now)?;
        store.stream_told(source.stream, &told(report, source.way, now), now)?;
        let sent = matches!(intake, Intake::Forked { .. }).then(|| segment.last());
        let held = held(store, source.stream, report, sent)?;
        tell(source, segment, intake, &held);
        Ok(Taken { intake, held })
    });
    if let Err(IngestError::Segment(error)) = &taken {
        warn!(unit = %source.unit, stream = %source.stream, from = segment.from, %error, "segment refused");
    }
    taken
}

fn admit(store: &dyn Store, source: &Source) -> Result<(), IngestError> {
    let stream = store.stream_find(source.stream)?.filter(|stream| stream.unit == source.unit);
    stream.map(drop).ok_or(IngestError::UnknownStream(source.stream))
}

/// Notes what this database lost by being restored, before it comes again.
fn note_healing(store: &mut dyn Store, source: &Source, report: &AgentReport, now: LocalTime) -> Result<(), StoreError> {
    let node = rollup::node(store)?;
    let stored = store.stream_held(source.stream)?.stored.seq;
    let Some(lost) = healing(report.last_receipt.as_ref(), node.server_id, node.epoch, stored) else { return Ok(()) };
    warn!(unit = %source.unit, stream = %source.stream, had = lost.had, has = lost.has, "this database lost acknowledged entries");
    store.healing_note(source.stream, node.epoch, lost, now)
}

fn told(report: &AgentReport, way: Way, now: LocalTime) -> Told {
    let offset = now.timestamp_millis().saturating_sub(report.now_ms);
    Told {
        agent_version: report.version.chars().filter(|c| !c.is_control()).take(40).collect(),
        head_seq: report.head_seq.min(i64::MAX.unsigned_abs()),
        clock_offset_ms: (way == Way::Line).then_some(offset),
    }
}

fn tell(source: &Source, segment: &Segment, intake: Intake, held: &Held) {
    let (unit, stream, from, stored_through) = (&source.unit, source.stream, segment.from, held.stored.seq);
    match intake {
        Intake::Stored { new } => info!(%unit, %stream, from, new, stored_through, "segment stored"),
        Intake::Gap => info!(%unit, %stream, from, stored_through, "segment refused: entries before it are missing"),
        Intake::Forked { at } => {
            warn!(%unit, %stream, from, at, stored_through, "the stream is forked: the other branch is kept aside");
        }
    }
}

/// Stores what is new of a segment, beside what is held or aside.
fn judge(store: &mut dyn Store, source: &Source, segment: &Segment, now: LocalTime) -> Result<Intake, IngestError> {
    let stored = store.stream_held(source.stream)?.stored;
    let before = segment.from.saturating_sub(1);
    let previous = hash_at(store, source.stream, before, stored.seq)?;
    let hashes = match previous {
        Some(_) => store.stream_hashes(source.stream, segment.from, segment.last().min(stored.seq))?,
        None => Vec::new(),
    };
    let at = |seq: Seq| match seq.checked_sub(segment.from) {
        Some(index) => hashes.get(usize::try_from(index).ok()?).copied(),
        None => previous,
    };
    let aside = if before <= i64::MAX.unsigned_abs() { store.fork_hashes(source.stream, before)? } else { Vec::new() };
    let (verdict, mut records) = decide(segment, &source.key, stored, at, &aside)?;
    match verdict {
        Verdict::Append { from } => append(store, source, &records.split_off(from), now),
        Verdict::AlreadyHeld => Ok(Intake::Stored { new: 0 }),
        Verdict::Gap => Ok(Intake::Gap),
        Verdict::Forked { at, from } => {
            store.fork_add(source.stream, &records.split_off(from), now)?;
            Ok(Intake::Forked { at })
        }
    }
}

fn append(store: &mut dyn Store, source: &Source, records: &[Record], now: LocalTime) -> Result<Intake, IngestError> {
    let readings: Vec<Reading> = records.iter().map(|record| Reading::of(record.seq, &record.body)).collect();
    let entries: Vec<NewEntry> =
        records.iter().zip(&readings).map(|(record, reading)| NewEntry { record, dossier: reading.dossier }).collect();
    let arrived = store.entries_append(source.stream, &entries, now)?;
    let new: Vec<Arrived> = arrived
        .into_iter()
        .zip(records.iter().zip(readings))
        .filter_map(|(n, (record, reading))| Some(Arrived { n: n?, seq: record.seq, origin: record.origin(), reading }))
        .collect();
    let count = new.len();
    apply(store, &source.unit, source.stream, new)?;
    Ok(Intake::Stored { new: count })
}

/// An entry of the log as far as this version understands it.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Absent for an office's own entries, and where not even that can be read.
    pub dossier: Option<Uuid>,
    /// The event, or why it cannot be applied.
    pub event: Result<Event, String>,
    /// What an office says of itself; then there is no event.
    pub said: Option<Box<Said>>,
}

impl Reading {
    pub fn of(seq: Seq, body: &str) -> Reading {
        let body = match Body::parse(seq, body) {
            Ok(body) => body,
            Err(error) => return Reading { dossier: None, event: Err(format!("không đọc được: {error}")), said: None },
        };
        if body.dossier.is_none() && OfficeEvent::is_kind(&body.kind) {
            let said = Said::read(&body);
            let event = Err(said.as_ref().err().map_or_else(|| NO_DOSSIER.to_owned(), unapplied_words));
            return Reading { dossier: None, event, said: said.ok().map(Box::new) };
        }
        let event = Event::parse(&body).map_err(|problem| unapplied_words(&problem));
        let event = if body.dossier.is_none() { event.and(Err(NO_DOSSIER.to_owned())) } else { event };
        Reading { dossier: body.dossier, event, said: None }
    }

    /// Whether this version applies it.
    fn is_readable(&self) -> bool {
        self.event.is_ok() || self.said.is_some()
    }
}

/// An entry that has its place in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrived {
    /// Order of arrival.
    pub n: i64,
    pub seq: Seq,
    /// See [`Record::origin`].
    pub origin: Hash,
    pub reading: Reading,
}

/// Brings dossiers, rollups and quarantine up to date with consecutive entries of one stream of `unit`, which are in the
/// log already. A fact counts once, in however many streams of the unit it was recorded. The result does not depend on how
/// the entries are cut into calls.
pub fn apply(store: &mut dyn Store, unit: &str, stream: Uuid, entries: Vec<Arrived>) -> Result<(), StoreError> {
    let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return Ok(()) };
    let (first, last) = (first.n, last.n);
    let mut batch = Batch::gather(store, unit, entries)?;
    for (n, origin, said) in std::mem::take(&mut batch.said) {
        store.office_add(unit, n, origin, &said)?;
    }
    let mut delta = Delta::default();
    let mut rows = Vec::with_capacity(batch.dossiers.len());
    for (id, news) in std::mem::take(&mut batch.dossiers) {
        let before = if batch.known.contains_key(&id) { store.dossier_history(id, first)? } else { Vec::new() };
        let before = fold_history(id, &before);
        if voids(&before, &news) {
            store.quarantine_release(unit, id)?;
            let (now, _) = fold_history(id, &store.dossier_history(id, last + 1)?).map_err(StoreError::Damaged)?;
            delta.retract(&before.map_or_else(|_| Dossier::new(id), |(before, _)| before));
            delta.add(&now);
            rows.push(project(&now, unit));
            continue;
        }
        match before {
            Ok((dossier, origins)) => {
                delta.retract(&dossier);
                let (now, applied) = batch.follow(dossier, origins, news);
                delta.add(&now);
                rows.extend(applied.then(|| project(&now, unit)));
            }
            Err(problem) => batch.hold_all(id, news, &problem),
        }
    }
    store.dossiers_save(&rows)?;
    store.rollup_add(unit, &delta)?;
    if !batch.quarantined.is_empty() {
        warn!(%unit, %stream, quarantined = batch.quarantined.len(), "entries stored and not applied");
        store.quarantine_add(stream, &batch.quarantined)?;
    }
    Ok(())
}

/// After an upgrade: what was held back because an older version could not read it is applied. Returns how many entries
/// were still held back before, when there was something to do.
pub fn retry(store: &mut dyn Store) -> Result<Option<usize>, StoreError> {
    let held = store.quarantine_entries()?;
    let readable = |record: &Record, reason: &str| {
        let reading = Reading::of(record.seq, &record.body);
        !reason.starts_with(WAITS) && !reason.starts_with(ELSEWHERE) && reading.is_readable()
    };
    if !held.iter().any(|(record, reason)| readable(record, reason)) {
        return Ok(None);
    }
    rebuild(store)?;
    Ok(Some(held.len()))
}

/// After an upgrade: counters that an older program counted otherwise are computed anew. Returns how many entries that took,
/// when there was something to do.
pub fn recount(store: &mut dyn Store) -> Result<Option<usize>, StoreError> {
    if store.figures_edition()?.as_deref() == Some(&contribution::edition()) {
        return Ok(None);
    }
    rebuild(store).map(Some)
}

/// Recomputes everything that is computed, from the log alone. Returns how many entries there are.
pub fn rebuild(store: &mut dyn Store) -> Result<usize, StoreError> {
    in_transaction(store, |store| {
        store.projections_clear()?;
        store.figures_edition_set(&contribution::edition())?;
        let (mut n, mut count) = (0, 0);
        loop {
            let entries = store.entries_after(n, CHUNK)?;
            let Some(last) = entries.last() else { return Ok(count) };
            n = last.n;
            count += entries.len();
            for run in entries.chunk_by(|a, b| a.stream == b.stream) {
                replay(store, run)?;
            }
        }
    })
}

fn replay(store: &mut dyn Store, run: &[StoredEntry]) -> Result<(), StoreError> {
    let Some(stream) = run.first().map(|entry| entry.stream) else { return Ok(()) };
    let unit = store.stream_find(stream)?.ok_or_else(|| StoreError::Damaged(format!("stream {stream} is missing")))?.unit;
    let arrived = run.iter().map(|entry| {
        let Record { seq, body, .. } = &entry.record;
        Arrived { n: entry.n, seq: *seq, origin: entry.record.origin(), reading: Reading::of(*seq, body) }
    });
    apply(store, &unit, stream, arrived.collect())
}

/// Entries of one call, sorted into those of each dossier and what has to wait at once.
struct Batch {
    known: BTreeMap<Uuid, String>,
    /// Dossiers that wait, and the entry that they wait behind.
    waiting: BTreeMap<Uuid, Seq>,
    dossiers: BTreeMap<Uuid, Vec<Arrived>>,
    /// What the office says of itself.
    said: Vec<(i64, Hash, Box<Said>)>,
    quarantined: Vec<Quarantined>,
}

impl Batch {
    fn gather(store: &dyn Store, unit: &str, entries: Vec<Arrived>) -> Result<Batch, StoreError> {
        let ids: BTreeSet<Uuid> = entries.iter().filter_map(|entry| entry.reading.dossier).collect();
        let mut batch = Batch {
            known: store.dossier_units(&ids)?,
            waiting: store.quarantine_dossiers(unit)?,
            dossiers: BTreeMap::new(),
            said: Vec::new(),
            quarantined: Vec::new(),
        };
        for entry in entries {
            batch.sort(unit, entry);
        }
        Ok(batch)
    }

    fn sort(&mut self, unit: &str, entry: Arrived) {
        if let Some(said) = entry.reading.said {
            self.said.push((entry.n, entry.origin, said));
            return;
        }
        let Some(id) = entry.reading.dossier else {
            let reason = entry.reading.event.err().unwrap_or_else(|| NO_DOSSIER.to_owned());
            self.quarantined.push(Quarantined { n: entry.n, seq: entry.seq, dossier: None, reason });
            return;
        };
        match self.known.get(&id).filter(|owner| *owner != unit) {
            Some(owner) => {
                let reason = format!("{ELSEWHERE} {owner}");
                self.quarantined.push(Quarantined { n: entry.n, seq: entry.seq, dossier: Some(id), reason });
            }
            None => self.dossiers.entry(id).or_default().push(entry),
        }
    }

    /// Applies what can be, up to the first entry that cannot; says whether anything was.
    fn follow(&mut self, mut dossier: Dossier, mut origins: BTreeSet<Hash>, news: Vec<Arrived>) -> (Dossier, bool) {
        let mut applied = false;
        for Arrived { n, seq, origin, reading } in news {
            let id = dossier.id;
            match (self.waiting.get(&id), reading.event) {
                (Some(behind), _) => self.hold(n, seq, id, waits_behind(*behind)),
                (None, Err(problem)) => {
                    self.waiting.insert(id, seq);
                    self.hold(n, seq, id, problem);
                }
                (None, Ok(event)) => {
                    applied = true;
                    if origins.insert(origin) {
                        dossier.apply(&event);
                    }
                }
            }
        }
        (dossier, applied)
    }

    /// Holds back what was to be applied to a dossier. The first is the cause, the others wait behind it.
    fn hold_all(&mut self, id: Uuid, news: Vec<Arrived>, problem: &str) {
        let cause = news.first().map_or(0, |news| news.seq);
        for Arrived { n, seq, .. } in news {
            self.hold(n, seq, id, if seq == cause { problem.to_owned() } else { waits_behind(cause) });
        }
    }

    fn hold(&mut self, n: i64, seq: Seq, id: Uuid, reason: String) {
        self.quarantined.push(Quarantined { n, seq, dossier: Some(id), reason });
    }
}

/// How the reasons begin that no upgrade takes away.
const WAITS: &str = "chờ sau mục";
const ELSEWHERE: &str = "hồ sơ này thuộc đơn vị";
const NO_DOSSIER: &str = "mục không nêu hồ sơ nào";

fn waits_behind(seq: Seq) -> String {
    format!("{WAITS} {seq} của cùng hồ sơ")
}

/// What an entry cannot be applied for, in words for the district and the office.
fn unapplied_words(problem: &Unapplied) -> String {
    match problem {
        Unapplied::UnknownKind(kind) => format!("phiên bản này của máy chủ chưa biết loại mục “{kind}”"),
        Unapplied::Newer { kind, version } => format!("mục “{kind}” ở dạng {version}, mới hơn phiên bản này của máy chủ"),
        Unapplied::Unreadable { kind, problem } => format!("nội dung mục “{kind}” không đọc được: {problem}"),
    }
}

/// Whether a dossier is void after these entries: then it counts nowhere, whatever else was written about it.
fn voids(before: &Result<Folded, String>, news: &[Arrived]) -> bool {
    before.as_ref().is_ok_and(|(dossier, _)| dossier.voided)
        || news.iter().any(|news| matches!(news.reading.event, Ok(Event::Voided(_))))
}

/// A dossier, and the origins of the facts in it.
type Folded = (Dossier, BTreeSet<Hash>);

/// The state that entries lead to. What cannot be read stops it, except in a dossier that is void.
pub fn fold_history(id: Uuid, history: &[Record]) -> Result<Folded, String> {
    let readings: Vec<_> = history.iter().map(|record| (record, Reading::of(record.seq, &record.body).event)).collect();
    let void = readings.iter().any(|(_, event)| matches!(event, Ok(Event::Voided(_))));
    let (mut dossier, mut origins) = (Dossier::new(id), BTreeSet::new());
    for (record, event) in readings {
        match event {
            Ok(event) if origins.insert(record.origin()) => dossier.apply(&event),
            Ok(_) => {} // recorded in another stream, too
            Err(_) if void => {}
            Err(problem) => return Err(format!("sau mục {}: {problem}", record.seq)),
        }
    }
    Ok((dossier, origins))
}

/// The row of a dossier.
pub fn project(dossier: &Dossier, unit: &str) -> DossierRow {
    let time = |at: LocalTime| at.with_timezone(&VIETNAM).to_rfc3339();
    let received = dossier.received.as_ref();
    DossierRow {
        id: dossier.id,
        code: dossier.code().to_owned(),
        unit: unit.to_owned(),
        procedure: dossier.procedure().to_owned(),
        field: dossier.field().to_owned(),
        channel: dossier.channel().map_or("", Code::code).to_owned(),
        state: dossier.state().code().to_owned(),
        received_at: received.map(|received| time(received.received_at)),
        due_at: dossier.due_at.map(time),
        finished_at: dossier.finished.map(|finished| time(finished.at)),
        returned_at: dossier.returned_at.map(time),
        verdict: dossier.verdict().map(|verdict| verdict.as_str().to_owned()),
    }
}

#[cfg(test)]
pub mod tests {
    use chrono::{Days, NaiveDate};
    use ed25519_dalek::SigningKey;
    use motcua_shared::calendar::local;
    use motcua_shared::contribution::Counters;
    use motcua_shared::dossier::{
        Channel, Correction, Digitised, Extent, Finished, Lack, Moment, Outcome, Rated, Rating, Received, SubmittedBy,
        Supplemented, TurnedAway,
    };
    use motcua_shared::entry::Draft;
    use motcua_shared::seal::RecoveryKey;
    use motcua_shared::wire::{LastReceipt, PROTOCOL};
    use proptest::prelude::*;

    use super::*;
    use crate::store::{Node, RollupRow, SqliteStore, Stream};
    use crate::verify::{Fault, VerifyError, verify};

    pub const UNIT: &str = "11089";

    /// A district with an empty database.
    pub struct District {
        pub store: SqliteStore,
        pub directory: tempfile::TempDir,
    }

    pub fn time(text: &str) -> LocalTime {
        chrono::DateTime::parse_from_rfc3339(&format!("{text}+07:00")).expect("a time")
    }

    pub fn noon() -> LocalTime {
        time("2026-11-22T12:00:00")
    }

    impl Default for District {
        fn default() -> Self {
            District::new()
        }
    }

    impl District {
        pub fn new() -> District {
            let directory = tempfile::tempdir().expect("a directory");
            let mut store = SqliteStore::create(directory.path()).expect("a database");
            let node = Node {
                code: "298".to_owned(),
                server_id: Uuid::from_u128(1),
                epoch: Uuid::from_u128(2),
                hosts: vec![],
                restored_at: None,
                reference_version: 0,
            };
            store.node_set(&node).expect("named");
            District { store, directory }
        }

        pub fn agent(&mut self, unit: &str, number: u8) -> Agent {
            let key = SigningKey::from_bytes(&[number; 32]);
            let stream = Uuid::from_u128(u128::from(number));
            let public_key = key.verifying_key().to_bytes();
            let row = Stream { id: stream, unit: unit.to_owned(), public_key, numbers_from: 1, numbers_to: 4999 };
            self.store.stream_add(&row, noon()).expect("enrolled");
            Agent { unit: unit.to_owned(), stream, key, head: Head::genesis(stream), log: vec![] }
        }

        #[track_caller]
        pub fn send(&mut self, agent: &Agent, from: Seq, to: Seq) -> Taken {
            self.try_send(agent, &agent.segment(from, to)).expect("taken")
        }

        fn try_send(&mut self, agent: &Agent, segment: &Segment) -> Result<Taken, IngestError> {
            let source =
                Source { unit: agent.unit.clone(), stream: agent.stream, key: agent.key.verifying_key(), way: Way::Line };
            take(&mut self.store, &source, &agent.report(), segment, noon())
        }

        #[track_caller]
        fn everything_adds_up(&mut self) -> Vec<RollupRow> {
            verify(&self.store).expect("sound");
            let rows = self.store.rollup_rows().expect("rows");
            let quarantine = self.store.quarantine_list(None, 1_000).expect("rows");
            rebuild(&mut self.store).expect("rebuilt");
            let not_zero = |rows: Vec<RollupRow>| rows.into_iter().filter(|row| !row.counters.is_zero()).collect::<Vec<_>>();
            let rebuilt = not_zero(self.store.rollup_rows().expect("rows"));
            assert_eq!(not_zero(rows), rebuilt);
            assert_eq!(quarantine, self.store.quarantine_list(None, 1_000).expect("rows"));
            verify(&self.store).expect("sound after it was rebuilt");
            self.every_sum_is_that_of_its_days(&rebuilt);
            rebuilt
        }

        /// What is read from few rows is what the days add up to, on the days around each of them.
        fn every_sum_is_that_of_its_days(&self, rows: &[RollupRow]) {
            let sum = |of: &dyn Fn(&&RollupRow) -> bool| {
                rows.iter().filter(of).fold(Counters::default(), |mut sum, row| {
                    sum.add(&row.counters);
                    sum
                })
            };
            let days: BTreeSet<NaiveDate> =
                rows.iter().flat_map(|row| [row.day, row.day - Days::new(1), row.day + Days::new(40)]).collect();
            let units: BTreeSet<&str> = rows.iter().map(|row| row.unit.as_str()).collect();
            for day in days {
                let by_unit = self.store.rollup_until_by_unit(day).expect("read");
                for unit in units.iter().copied().map(Some).chain([None]) {
                    let belongs = |row: &&RollupRow| unit.is_none_or(|unit| row.unit == unit) && row.day <= day;
                    let expected = sum(&belongs);
                    assert_eq!(self.store.rollup_until(unit, &[day]).expect("read"), [expected], "{unit:?} {day}");
                    if let Some(unit) = unit {
                        assert_eq!(by_unit.get(unit).copied().unwrap_or_default(), expected, "{unit} {day}");
                    }
                    for row in self.store.rollup_until_by_procedure(unit, day).expect("read") {
                        let own = |other: &&RollupRow| {
                            belongs(other) && (&other.field, &other.procedure) == (&row.field, &row.procedure)
                        };
                        assert_eq!(row.counters, sum(&own), "{unit:?} {} {day}", row.procedure);
                    }
                }
            }
        }
    }

    /// An agent that remembers its log.
    #[derive(Clone)]
    pub struct Agent {
        pub unit: String,
        pub stream: Uuid,
        pub key: SigningKey,
        pub head: Head,
        pub log: Vec<Record>,
    }

    impl Agent {
        pub fn record(&mut self, dossier: u128, event: Event) {
            let draft = Draft {
                event,
                dossier: Some(Uuid::from_u128(dossier)),
                author: "lan".to_owned(),
                recorded_at: noon(),
                clock: None,
                sealed: None,
            };
            let office = RecoveryKey::new([1; 32]).office_key();
            self.push(self.head.next(self.stream, &draft, &office, [0; 8]));
        }

        /// An entry as a newer or a broken program might write it.
        pub fn record_raw(&mut self, body: &str) {
            let body = body.replace("SEQ", &(self.head.seq + 1).to_string());
            self.push(self.head.chain(body, vec![]));
        }

        fn push(&mut self, record: Record) {
            self.head = record.head();
            self.log.push(record);
        }

        pub fn segment(&self, from: Seq, to: Seq) -> Segment {
            let place = |seq: Seq| usize::try_from(seq).expect("small");
            Segment::pack(self.stream, &self.log[place(from) - 1..place(to)], &self.key)
        }

        pub fn report(&self) -> AgentReport {
            AgentReport {
                protocol: PROTOCOL,
                version: "0.1.0".to_owned(),
                head_seq: self.head.seq,
                head_hash: self.head.hash.0,
                now_ms: noon().timestamp_millis(),
                nonce: [7; 16],
                last_receipt: None,
                compare_at: None,
                compare_hash: None,
            }
        }

        fn whole_life(&mut self, dossier: u128) {
            self.record(dossier, received(dossier));
            self.record(dossier, finished("2023-02-01T10:00:00"));
            self.record(dossier, Event::Returned(Moment { at: time("2023-02-02T08:00:00") }.into()));
        }
    }

    pub fn received(dossier: u128) -> Event {
        Event::Received(Received {
            code: format!("000.11.57.H23-230131-{dossier:04}"),
            procedure: "2.000815".to_owned(),
            field: "chung_thuc".to_owned(),
            channel: Channel::InPerson,
            submitted_by: SubmittedBy::Citizen,
            received_at: time("2023-01-31T08:00:00"),
            limit: None,
            due_at: Some(time("2023-02-01T17:00:00")),
            ruleset: "nd61-2018".to_owned(),
            fee_vnd: 0,
            catalogued: None,
            book: None,
            follows: None,
        })
    }

    fn finished(at: &str) -> Event {
        Event::Finished(Finished { at: time(at), outcome: Outcome::Granted })
    }

    const UNKNOWN_KIND: &str = r#"{"v":1,"seq":SEQ,"kind":"invented","dossier":"00000000-0000-0000-0000-000000000005","author":"lan","recorded_at":"2026-11-22T10:00:00+07:00","clear":{}}"#;

    #[test]
    fn what_arrives_in_order_is_stored_and_counted() {
        let mut district = District::new();
        let mut agent = district.agent(UNIT, 1);
        agent.whole_life(1);
        agent.whole_life(2);
        let taken = district.send(&agent, 1, 4);
        assert_eq!((taken.intake, taken.held.stored), (Intake::Stored { new: 4 }, agent.log[3].head()));
        let taken = district.send(&agent, 5, 6);
        assert_eq!((taken.intake, taken.held.stored), (Intake::Stored { new: 2 }, agent.head));
        let row = &district.store.dossiers_find("000.11.57.H23-230131-0002").expect("rows")[0];
        assert_eq!((row.state.as_str(), row.verdict.as_deref(), row.unit.as_str()), ("returned", Some("on_time"), UNIT));
        assert_eq!(row.received_at.as_deref(), Some("2023-01-31T08:00:00+07:00"));
        let resolved: i64 = district.everything_adds_up().iter().map(|row| row.counters.resolved()).sum();
        assert_eq!(resolved, 2);
    }

    const DECLARED: &str = r#"{"v":1,"seq":SEQ,"kind":"declared","author":"lan","recorded_at":"2026-11-22T10:00:00+07:00","clear":{"from":"2021-12-15","to":"2022-12-14","figures":[{"indicator":"web.news","value":VALUE,"revision":REVISION}]}}"#;

    fn news(store: &SqliteStore) -> Vec<(u32, Option<i64>)> {
        store.stated(Some(UNIT)).expect("rows").iter().map(|of| (of.said.figure.revision, of.said.figure.value)).collect()
    }

    #[test]
    fn what_an_office_says_of_itself_is_kept_with_what_it_said_before() {
        let mut district = District::new();
        let mut agent = district.agent(UNIT, 1);
        agent.whole_life(1);
        agent.record_raw(&DECLARED.replace("VALUE", "5").replace("REVISION", "1"));
        agent.record_raw(&DECLARED.replace("VALUE", "6").replace("REVISION", "2"));
        let explained = r#"{"v":1,"seq":SEQ,"kind":"finding_explained","author":"lan","recorded_at":"2026-11-22T10:00:00+07:00","clear":{"finding":"ab","rule":"balance","from":"2021-12-15","to":"2022-12-14","indicator":"web.news","reason":"slip"}}"#;
        agent.record_raw(explained);
        district.send(&agent, 1, 6);
        district.send(&agent, 4, 6);
        assert_eq!(news(&district.store), [(1, Some(5)), (2, Some(6))]);
        assert_eq!(district.store.explanations(None).expect("rows").len(), 1);
        assert_eq!(district.store.streams(None).expect("rows")[0].quarantined, 0);
        district.everything_adds_up();
        assert_eq!(news(&district.store), [(1, Some(5)), (2, Some(6))], "after it was rebuilt");
        district
            .store
            .office_add("11074", 4, Hash([1; 32]), &Reading::of(6, &agent.log[5].body).said.expect("said"))
            .expect("kept");
        assert!(matches!(verify(&district.store), Err(VerifyError::Fault(Fault::Office { what: "giải trình", .. }))));
    }

    #[test]
    fn what_an_office_says_in_a_newer_form_waits_alone() {
        let mut district = District::new();
        let mut agent = district.agent(UNIT, 1);
        agent.record_raw(&DECLARED.replace("VALUE", "\"many\"").replace("REVISION", "1"));
        agent.record_raw(&DECLARED.replace("\"v\":1", "\"v\":9"));
        agent.record_raw(&DECLARED.replace("VALUE", "6").replace("REVISION", "2"));
        agent.record_raw(&DECLARED.replace("declared", "received").replace("VALUE", "6"));
        district.send(&agent, 1, 4);
        assert_eq!((news(&district.store), district.store.streams(None).expect("rows")[0].quarantined), (vec![(2, Some(6))], 3));
        district.everything_adds_up();
    }

    #[test]
    fn what_arrives_twice_or_overlapping_is_stored_once() {
        let mut district = District::new();
        let mut agent = district.agent(UNIT, 1);
        agent.whole_life(1);
        agent.whole_life(2);
        district.send(&agent, 1, 4);
        assert_eq!(district.send(&agent, 1, 4).intake, Intake::Stored { new: 0 });
        assert_eq!(district.send(&agent, 2, 3).held.stored.seq, 4);
        assert_eq!(district.send(&agent, 3, 6).intake, Intake::Stored { new: 2 });
        assert_eq!(verify(&district.store).expect("sound").entries, 6);
        district.everything_adds_up();
    }

    #[test]
    fn a_gap_is_refused_and_the_answer_says_what_is_held() {
        let mut district = District::new();
        let mut agent = district.agent(UNIT, 1);
        agent.whole_life(1);
        district.send(&agent, 1, 1);
        let taken = district.send(&agent, 3, 3);
        assert_eq!((taken.intake, taken.held.stored), (Intake::Gap, agent.log[0].head()));
    }

    #[test]
    fn the_other_branch_of_a_fork_is_kept_and_changes_nothing() {
        let mut district = District::new();
        let mut agent = district.agent(UNIT, 1);
        agent.whole_life(1);
        let mut twin = agent.clone();
        twin.log.pop();
        twin.head = twin.log[1].head();
        twin.record(1, finished("2024-01-01T10:00:00"));
        twin.record(2, received(2));
        district.send(&agent, 1, 3);
        for _ in 0..2 {
            let taken = district.send(&twin, 1, 4);
            assert_eq!((taken.intake, taken.held.stored), (Intake::Forked { at: 3 }, agent.head));
        }
        let status = &district.store.streams(None).expect("rows")[0];
        assert_eq!((status.forked, status.stored_through), (2, 3));
        twin.record(2, finished("2024-01-02T10:00:00"));
        let taken = district.send(&twin, 5, 5);
        assert_eq!((taken.intake, taken.held.kept_aside), (Intake::Forked { at: 5 }, Some(5)), "a branch goes on in pieces");
        district.everything_adds_up();
        agent.record(1, Event::Voided(Moment { at: noon() }));
        assert_eq!(district.send(&agent, 4, 4).intake, Intake::Stored { new: 1 }, "the branch that came first goes on");
    }

    #[test]
    fn a_damaged_or_foreign_segment_leaves_nothing_behind() {
        let mut district = District::new();
        let mut agent = district.agent(UNIT, 1);
        let mut other = district.agent("11074", 2);
        agent.whole_life(1);
        other.whole_life(2);
        let mut bitten = agent.segment(1, 3);
        bitten.clear.truncate(10);
        assert!(matches!(district.try_send(&agent, &bitten), Err(IngestError::Segment(SegmentError::Unreadable(_)))));
        let empty = Segment { count: 0, ..agent.segment(1, 3) };
        assert!(matches!(district.try_send(&agent, &empty), Err(IngestError::Segment(SegmentError::Count { .. }))));
        let forged = Segment::pack(agent.stream, &agent.log, &other.key);
        assert!(matches!(district.try_send(&agent, &forged), Err(IngestError::Segment(SegmentError::Signature))));
        assert!(matches!(district.try_send(&agent, &other.segment(1, 3)), Err(IngestError::OtherStream(_))));
        assert_eq!(verify(&district.store).expect("sound").entries, 0);
        assert_eq!(district.store.streams(None).expect("rows")[0].last_seen_at, None);
    }

    #[test]
    fn what_was_not_accepted_is_stored_with_its_number_and_counts_nowhere() {
        let mut district = District::new();
        let mut agent = district.agent(UNIT, 1);
        let slip = TurnedAway {
            code: "000.11.57.H23-230131-0007".to_owned(),
            procedure: "2.000815".to_owned(),
            field: "chung_thuc".to_owned(),
            channel: Channel::InPerson,
            at: time("2023-01-31T08:00:00"),
            lack: Lack::WrongAgency,
        };
        agent.record(7, Event::Declined(slip));
        assert_eq!(district.send(&agent, 1, 1).intake, Intake::Stored { new: 1 });
        let rows = district.store.dossiers_find("000.11.57.H23-230131-0007").expect("rows");
        assert_eq!(
            rows.iter().map(|row| (row.state.as_str(), row.field.as_str())).collect::<Vec<_>>(),
            [("declined", "chung_thuc")]
        );
        assert_eq!(district.everything_adds_up(), []);
    }

    #[test]
    fn an_unknown_kind_is_kept_and_only_its_dossier_waits() {
        let mut district = District::new();
        let mut agent = district.agent(UNIT, 1);
        agent.record(5, received(5));
        agent.record_raw(UNKNOWN_KIND);
        agent.record(5, finished("2023-02-01T10:00:00"));
        agent.whole_life(6);
        agent.record_raw("this is not JSON");
        agent.record_raw(
            r#"{"v":1,"seq":99,"kind":"returned","author":"lan","recorded_at":"2026-11-22T10:00:00+07:00","clear":{}}"#,
        );
        let held = district.send(&agent, 1, 7).held;
        assert_eq!((held.stored.seq, held.quarantined), (7, vec![2, 3, 7]));
        agent.record(5, Event::Returned(Moment { at: noon() }.into()));
        let held = district.send(&agent, 8, 9).held;
        assert_eq!((held.stored.seq, held.quarantined), (9, vec![2, 3, 7, 8, 9]));
        let reasons: Vec<String> =
            district.store.quarantine_list(Some(UNIT), 9).expect("rows").into_iter().map(|(_, _, reason)| reason).collect();
        assert_eq!(
            (reasons[0].as_str(), reasons[1].as_str()),
            ("phiên bản này của máy chủ chưa biết loại mục “invented”", "chờ sau mục 2 của cùng hồ sơ")
        );
        let rows = district.everything_adds_up();
        assert_eq!(rows.iter().map(|row| row.counters.received()).sum::<i64>(), 2);
        assert_eq!(rows.iter().map(|row| row.counters.resolved()).sum::<i64>(), 1);
    }

    #[test]
    fn a_fact_recorded_again_in_another_stream_counts_once() {
        let mut district = District::new();
        let (mut left, mut next) = (district.agent(UNIT, 1), district.agent(UNIT, 3));
        left.whole_life(5);
        left.record(6, received(6));
        let office = RecoveryKey::new([1; 32]).office_key();
        for original in left.log.clone() {
            next.push(next.head.copy(next.stream, &original, left.stream, &office, [1; 8]).expect("sound"));
        }
        next.record(6, finished("2023-02-01T10:00:00"));
        district.send(&next, 1, 3);
        district.send(&left, 1, left.head.seq);
        assert_eq!(district.send(&next, 4, next.head.seq).held.quarantined, Vec::<Seq>::new());
        let rows = district.everything_adds_up();
        let sum = |of: fn(&Counters) -> i64| rows.iter().map(|row| of(&row.counters)).sum::<i64>();
        assert_eq!((sum(Counters::received), sum(Counters::resolved)), (2, 2));
    }

    #[test]
    fn a_dossier_that_is_voided_holds_nothing_back() {
        for cut in 1..=5 {
            let mut district = District::new();
            let mut agent = district.agent(UNIT, 1);
            agent.record(5, received(5));
            agent.record_raw(UNKNOWN_KIND);
            agent.record(5, finished("2023-02-01T10:00:00"));
            agent.record(5, Event::Voided(Moment { at: noon() }));
            agent.record_raw(UNKNOWN_KIND);
            district.send(&agent, 1, cut);
            assert_eq!(district.send(&agent, cut, 5).held.quarantined, Vec::<Seq>::new(), "cut after {cut}");
            let row = &district.store.dossiers_find("000.11.57.H23-230131-0005").expect("rows")[0];
            assert_eq!(row.state, "voided");
            assert_eq!(district.everything_adds_up(), vec![]);
        }
    }

    #[test]
    fn what_an_older_version_held_back_is_applied_after_an_upgrade() {
        let mut district = District::new();
        let mut agent = district.agent(UNIT, 1);
        agent.record(5, received(5));
        agent.record(5, finished("2023-02-01T10:00:00"));
        agent.record(6, received(6));
        agent.record_raw(&UNKNOWN_KIND.replace("-000000000005", "-000000000006"));
        district.send(&agent, 1, 4);
        let right = district.everything_adds_up();
        assert_eq!(retry(&mut district.store).expect("read"), None, "nothing that this version could read");
        // As a version left it that did not know how to read a reception.
        let rows = district.store.entries_after(0, 3).expect("rows");
        district.store.projections_clear().expect("cleared");
        let held = |entry: &StoredEntry| Quarantined {
            n: entry.n,
            seq: entry.record.seq,
            dossier: entry.dossier,
            reason: unapplied_words(&Unapplied::UnknownKind("received".to_owned())),
        };
        district.store.quarantine_add(agent.stream, &rows.iter().map(held).collect::<Vec<_>>()).expect("held");
        assert_eq!(retry(&mut district.store).expect("read"), Some(3));
        assert_eq!(district.everything_adds_up(), right);
        assert_eq!(district.store.stream_held(agent.stream).expect("read").quarantined, [4]);
    }

    #[test]
    fn what_an_older_version_counted_otherwise_is_counted_anew_once() {
        let mut district = District::new();
        let mut agent = district.agent(UNIT, 1);
        agent.whole_life(1);
        district.send(&agent, 1, 3);
        let right = district.everything_adds_up();
        assert_eq!(recount(&mut district.store).expect("read"), None);
        district.store.projections_clear().expect("cleared");
        district.store.figures_edition_set("as an older version counted").expect("set");
        assert_eq!(recount(&mut district.store).expect("read"), Some(3));
        assert_eq!(recount(&mut district.store).expect("read"), None);
        assert_eq!(district.everything_adds_up(), right);
    }

    #[test]
    fn what_a_restore_took_away_is_counted_until_it_is_back() {
        let mut district = District::new();
        let mut agent = district.agent(UNIT, 1);
        for dossier in 1..=6 {
            agent.record(dossier, received(dossier));
        }
        district.send(&agent, 1, 2);
        let node = rollup::node(&district.store).expect("named");
        let (before, epoch) = (node.epoch, Uuid::from_u128(77));
        district.store.node_set(&Node { epoch, restored_at: Some(noon()), ..node.clone() }).expect("set");
        let last_receipt = Some(LastReceipt { server_id: node.server_id, epoch: before, stored_through: 5 });
        let source = Source { unit: UNIT.to_owned(), stream: agent.stream, key: agent.key.verifying_key(), way: Way::Line };
        let report = AgentReport { last_receipt, ..agent.report() };
        let healing = |district: &District| {
            let status = rollup::status(&district.store, noon()).expect("read");
            (status.streams[0].healing.map(|healing| (healing.had, healing.has, healing.resent, healing.healed)), status.healing)
        };
        assert_eq!(healing(&district).1.map(|node| node.not_seen), Some(vec![]), "seen at noon, restored at noon");
        hello(&mut district.store, &source, &report, noon()).expect("heard");
        assert_eq!(healing(&district).0, Some((5, 2, 0, false)));
        district.send(&agent, 3, 4);
        let (stream, node) = healing(&district);
        assert_eq!((stream, node.map(|node| node.outstanding)), (Some((5, 2, 2, false)), Some(vec![UNIT.to_owned()])));
        district.send(&agent, 5, 6);
        let (stream, node) = healing(&district);
        let node = node.expect("restored");
        assert_eq!((stream, node.healed, node.resent), (Some((5, 2, 3, true)), vec![UNIT.to_owned()], 3));
    }

    #[test]
    fn one_commune_cannot_change_or_block_the_dossier_of_another() {
        let mut district = District::new();
        let (mut ours, mut theirs) = (district.agent(UNIT, 1), district.agent("11074", 2));
        ours.record(5, received(5));
        district.send(&ours, 1, 1);
        theirs.record(5, Event::Voided(Moment { at: noon() }));
        theirs.record_raw(UNKNOWN_KIND);
        let held = district.send(&theirs, 1, 2).held;
        assert_eq!((held.stored.seq, held.quarantined), (2, vec![1, 2]));
        ours.record(5, finished("2023-02-01T10:00:00"));
        assert_eq!(district.send(&ours, 2, 2).held.quarantined, Vec::<Seq>::new());
        let row = &district.store.dossiers_find("000.11.57.H23-230131-0005").expect("rows")[0];
        assert_eq!((row.state.as_str(), row.unit.as_str()), ("finished", UNIT));
        district.everything_adds_up();
    }

    #[test]
    fn a_code_given_out_twice_stops_nothing() {
        let mut district = District::new();
        let (mut one, mut two) = (district.agent(UNIT, 1), district.agent(UNIT, 2));
        one.record(5, received(5));
        two.record(6, received(5));
        district.send(&one, 1, 1);
        assert_eq!(district.send(&two, 1, 1).held.quarantined, Vec::<Seq>::new());
        assert_eq!(district.store.dossiers_find("000.11.57.H23-230131-0005").expect("rows").len(), 2);
        district.everything_adds_up();
    }

    #[test]
    fn verify_names_the_first_bad_entry_and_the_first_bad_cell() {
        let mut district = District::new();
        let mut agent = district.agent(UNIT, 1);
        agent.whole_life(1);
        agent.whole_life(2);
        district.send(&agent, 1, 6);
        let tamper = |sql: &str| {
            let file = district.directory.path().join(crate::store::sqlite::FILE);
            let connection = rusqlite::Connection::open(file).expect("opened");
            connection.execute_batch(sql).expect("tampered");
        };
        tamper("update rollup set received_in_person = 7");
        let Err(VerifyError::Fault(Fault::Cell { column, found, expected, .. })) = verify(&district.store) else {
            panic!("a cell")
        };
        assert_eq!((column, found, expected), ("received_in_person", 7, 2));
        tamper("update dossier set finished_at = null where code like '%0002'");
        let Err(VerifyError::Fault(Fault::Dossier { column, .. })) = verify(&district.store) else { panic!("a dossier") };
        assert_eq!(column, "finished_at");
        tamper("update entry set body = replace(body, 'lan', 'mai') where seq >= 4");
        let Err(VerifyError::Fault(Fault::Entry { seq, .. })) = verify(&district.store) else { panic!("an entry") };
        assert_eq!(seq, 4);
        tamper("delete from entry where seq = 2");
        let Err(VerifyError::Fault(Fault::Entry { seq, .. })) = verify(&district.store) else { panic!("an entry") };
        assert_eq!(seq, 2);
    }

    #[test]
    fn a_panic_inside_a_transaction_leaves_nothing_behind() {
        let mut district = District::new();
        let mut agent = district.agent(UNIT, 1);
        agent.whole_life(1);
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            in_transaction(&mut district.store, |store| -> Result<(), StoreError> {
                store.fork_add(agent.stream, &agent.log, noon())?;
                panic!("on purpose");
            })
        }));
        assert!(panicked.is_err());
        assert_eq!(district.store.streams(None).expect("rows")[0].forked, 0);
        assert_eq!(district.send(&agent, 1, 3).intake, Intake::Stored { new: 3 });
    }

    #[test]
    fn an_agent_of_an_unknown_stream_or_another_unit_is_refused() {
        let mut district = District::new();
        let agent = district.agent(UNIT, 1);
        let source = Source { unit: "11074".to_owned(), stream: agent.stream, key: agent.key.verifying_key(), way: Way::Line };
        let at = local(noon().to_utc());
        let refused = hello(&mut district.store, &source, &agent.report(), at);
        assert!(matches!(refused, Err(IngestError::UnknownStream(_))));
    }

    fn any_event() -> impl Strategy<Value = Event> {
        prop_oneof![
            3 => (0u128..4).prop_map(received),
            3 => (1u32..28).prop_map(|day| finished(&format!("2023-02-{day:02}T10:00:00"))),
            1 => Just(Event::Returned(Moment { at: time("2023-03-01T08:00:00") }.into())),
            1 => (1u32..28).prop_map(|day| Event::SupplementRequested(Moment { at: time(&format!("2023-02-{day:02}T08:00:00")) })),
            1 => (1u32..28).prop_map(|day| Event::Supplemented(Supplemented {
                at: time(&format!("2023-02-{day:02}T09:00:00")),
                due_at: Some(time(&format!("2023-03-{day:02}T17:00:00"))),
                due_at_other_mode: None,
            })),
            1 => (1u32..12, 1u32..28).prop_map(|(month, day)| Event::Corrected(Box::new(Correction {
                procedure: (day % 2 == 0).then(|| "1.001193".to_owned()),
                received_at: Some(time(&format!("2022-{month:02}-{day:02}T08:00:00"))),
                ..Correction::default()
            }))),
            1 => Just(Event::Rated(Rated { rating: Rating::Good })),
            1 => Just(Event::Digitised(Digitised { components: Extent::Some, result: true })),
            1 => Just(Event::Voided(Moment { at: time("2023-03-02T08:00:00") })),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn rollups_equal_a_recomputation_however_entries_are_mixed_and_cut(
            steps in prop::collection::vec((0usize..2, 0u128..6, any_event(), 0u8..10), 1..60),
            cuts in prop::collection::vec(1u64..9, 1..8),
        ) {
            let mut district = District::new();
            let mut agents = [district.agent(UNIT, 1), district.agent("11074", 2)];
            for (which, dossier, event, luck) in steps {
                // Six dossiers each, and two that both communes claim.
                let id = if dossier < 2 { dossier } else { dossier + 10 * (which as u128 + 1) };
                if luck == 0 { agents[which].record_raw(&UNKNOWN_KIND.replace("000005", &format!("{id:06x}"))) } else { agents[which].record(id, event) }
            }
            let mut sent = [0u64; 2];
            for cut in cuts.iter().cycle() {
                if (0..2).all(|which| sent[which] == agents[which].head.seq) { break }
                for which in 0..2 {
                    let to = (sent[which] + cut).min(agents[which].head.seq);
                    if to > sent[which] {
                        let held = district.send(&agents[which], sent[which] + 1, to).held;
                        prop_assert_eq!(held.stored.seq, to);
                        sent[which] = to;
                    }
                }
            }
            district.everything_adds_up();
        }
    }
}

//! What arrives from the agents: verified, stored, applied, and only then acknowledged.
//!
//! Promise: one upload is one transaction; nothing of it, or all of it. Every entry with a good chain and signature is
//! stored, whether or not it can be applied: stored = applied + quarantined, always. Nothing is overwritten.
//! Start at [`take`] and [`apply`].

use std::collections::{BTreeMap, BTreeSet};

use ed25519_dalek::VerifyingKey;
use motcua_shared::calendar::{LocalTime, VIETNAM};
use motcua_shared::contribution::Delta;
use motcua_shared::dossier::{Code, Dossier, Event};
use motcua_shared::entry::{Body, Head, Record, Seq};
use motcua_shared::sync::{Verdict, judge};
use motcua_shared::wire::{AgentReport, PROTOCOL, Segment, SegmentError};
use tracing::{info, warn};
use uuid::Uuid;

use crate::store::{DossierRow, Held, NewEntry, Quarantined, Store, StoreError, StoredEntry, Told, in_transaction};

/// Rows that are read at once when everything is recomputed.
const CHUNK: usize = 5_000;

/// Who sends, as proven by a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub unit: String,
    pub stream: Uuid,
    pub key: VerifyingKey,
}

/// What became of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
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
    pub outcome: Outcome,
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

/// Notes what an agent says of itself and reads what is held of its stream.
pub fn hello(store: &mut dyn Store, source: &Source, report: &AgentReport, now: LocalTime) -> Result<Held, IngestError> {
    in_transaction(store, |store| {
        admit(store, source)?;
        store.stream_told(source.stream, &told(report, now), now)?;
        Ok(store.stream_held(source.stream)?)
    })
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
    in_transaction(store, |store| {
        admit(store, source)?;
        let held = store.stream_held(source.stream)?;
        let outcome = match judge(segment.from, held.stored.seq) {
            Verdict::Gap => {
                if segment.protocol != PROTOCOL {
                    return Err(SegmentError::Protocol(segment.protocol).into());
                }
                Outcome::Gap
            }
            Verdict::Append => append(store, source, &segment.unpack(held.stored, &source.key)?, now)?,
            Verdict::Overlap => overlap(store, source, segment, held.stored, now)?,
        };
        store.stream_told(source.stream, &told(report, now), now)?;
        let held = store.stream_held(source.stream)?;
        tell(source, segment, outcome, &held);
        Ok(Taken { outcome, held })
    })
}

fn admit(store: &dyn Store, source: &Source) -> Result<(), IngestError> {
    let stream = store.stream_find(source.stream)?.filter(|stream| stream.unit == source.unit);
    stream.map(drop).ok_or(IngestError::UnknownStream(source.stream))
}

fn told(report: &AgentReport, now: LocalTime) -> Told {
    Told {
        agent_version: report.version.chars().filter(|c| !c.is_control()).take(40).collect(),
        head_seq: report.head_seq.min(i64::MAX.unsigned_abs()),
        clock_offset_ms: now.timestamp_millis().saturating_sub(report.now_ms),
    }
}

fn tell(source: &Source, segment: &Segment, outcome: Outcome, held: &Held) {
    let (unit, stream, from, stored_through) = (&source.unit, source.stream, segment.from, held.stored.seq);
    match outcome {
        Outcome::Stored { new } => info!(unit, %stream, from, new, stored_through, "segment stored"),
        Outcome::Gap => info!(unit, %stream, from, stored_through, "segment refused: entries before it are missing"),
        Outcome::Forked { at } => {
            warn!(unit, %stream, from, at, stored_through, "the stream is forked: the other branch is kept aside");
        }
    }
}

/// Compares what is there already, then appends what is new.
fn overlap(store: &mut dyn Store, source: &Source, segment: &Segment, stored: Head, now: LocalTime) -> Result<Outcome, IngestError> {
    let before = segment.from - 1;
    let previous = match before {
        0 => Head::genesis(source.stream),
        seq => {
            let hash = store.stream_hashes(source.stream, seq, seq)?.first().copied();
            let hash = hash.ok_or_else(|| StoreError::Damaged(format!("entry {seq} of {} is missing", source.stream)))?;
            Head { seq, hash }
        }
    };
    let records = segment.unpack(previous, &source.key)?;
    let hashes = store.stream_hashes(source.stream, segment.from, segment.last().min(stored.seq))?;
    if let Some((other, _)) = records.iter().zip(&hashes).find(|(record, hash)| record.hash != **hash) {
        let branch: Vec<Record> = records.iter().filter(|record| record.seq >= other.seq).cloned().collect();
        store.fork_add(source.stream, &branch, now)?;
        return Ok(Outcome::Forked { at: other.seq });
    }
    append(store, source, &records[hashes.len().min(records.len())..], now)
}

fn append(store: &mut dyn Store, source: &Source, records: &[Record], now: LocalTime) -> Result<Outcome, IngestError> {
    let readings: Vec<Reading> = records.iter().map(|record| Reading::of(record.seq, &record.body)).collect();
    let entries: Vec<NewEntry> =
        records.iter().zip(&readings).map(|(record, reading)| NewEntry { record, dossier: reading.dossier }).collect();
    let arrived = store.entries_append(source.stream, &entries, now)?;
    let new: Vec<Arrived> = arrived
        .into_iter()
        .zip(records.iter().zip(readings))
        .filter_map(|(n, (record, reading))| Some(Arrived { n: n?, seq: record.seq, reading }))
        .collect();
    let count = new.len();
    apply(store, &source.unit, source.stream, new)?;
    Ok(Outcome::Stored { new: count })
}

/// An entry of the log as far as this version understands it.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Absent for an office's own entries, and where not even that can be read.
    pub dossier: Option<Uuid>,
    /// The event, or why it cannot be applied.
    pub event: Result<Event, String>,
}

impl Reading {
    pub fn of(seq: Seq, body: &str) -> Reading {
        let body = match Body::parse(seq, body) {
            Ok(body) => body,
            Err(error) => return Reading { dossier: None, event: Err(error.to_string()) },
        };
        let event = Event::parse(&body).map_err(|error| error.to_string());
        let event = if body.dossier.is_none() { event.and(Err("it names no dossier".to_owned())) } else { event };
        Reading { dossier: body.dossier, event }
    }
}

/// An entry that has its place in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrived {
    /// Order of arrival.
    pub n: i64,
    pub seq: Seq,
    pub reading: Reading,
}

/// Brings dossiers, rollups and quarantine up to date with consecutive entries of one stream of `unit`, which are in the
/// log already. The result does not depend on how the entries are cut into calls.
pub fn apply(store: &mut dyn Store, unit: &str, stream: Uuid, entries: Vec<Arrived>) -> Result<(), StoreError> {
    let Some(first) = entries.first().map(|entry| entry.n) else { return Ok(()) };
    let mut batch = Batch::gather(store, unit, entries)?;
    let mut delta = Delta::default();
    let mut rows = Vec::with_capacity(batch.dossiers.len());
    for (id, news) in std::mem::take(&mut batch.dossiers) {
        let mut dossier = Dossier::new(id);
        if batch.known.contains_key(&id) {
            match fold_history(id, &store.dossier_history(id, first)?) {
                Ok(before) => dossier = before,
                Err(problem) => {
                    batch.hold_all(id, news, &problem);
                    continue;
                }
            }
            delta.retract(&dossier);
        }
        news.iter().for_each(|(_, event)| dossier.apply(event));
        delta.add(&dossier);
        rows.push(project(&dossier, unit));
    }
    store.dossiers_save(&rows)?;
    store.rollup_add(unit, &delta)?;
    if !batch.quarantined.is_empty() {
        warn!(unit, %stream, quarantined = batch.quarantined.len(), "entries stored and not applied");
        store.quarantine_add(stream, &batch.quarantined)?;
    }
    Ok(())
}

/// Recomputes everything that is computed, from the log alone. Returns how many entries there are.
pub fn rebuild(store: &mut dyn Store) -> Result<usize, StoreError> {
    in_transaction(store, |store| {
        store.projections_clear()?;
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
        Arrived { n: entry.n, seq: *seq, reading: Reading::of(*seq, body) }
    });
    apply(store, &unit, stream, arrived.collect())
}

/// Entries of one call, sorted into what can be applied, by dossier, and what has to wait.
struct Batch {
    known: BTreeMap<Uuid, String>,
    /// Dossiers that wait, and the entry that they wait behind.
    waiting: BTreeMap<Uuid, Seq>,
    dossiers: BTreeMap<Uuid, Vec<((i64, Seq), Event)>>,
    quarantined: Vec<Quarantined>,
}

impl Batch {
    fn gather(store: &dyn Store, unit: &str, entries: Vec<Arrived>) -> Result<Batch, StoreError> {
        let ids: BTreeSet<Uuid> = entries.iter().filter_map(|entry| entry.reading.dossier).collect();
        let mut batch = Batch {
            known: store.dossier_units(&ids)?,
            waiting: store.quarantine_dossiers(unit)?,
            dossiers: BTreeMap::new(),
            quarantined: Vec::new(),
        };
        for entry in entries {
            batch.sort(unit, entry);
        }
        Ok(batch)
    }

    fn sort(&mut self, unit: &str, entry: Arrived) {
        let Arrived { n, seq, reading: Reading { dossier, event } } = entry;
        let owner = dossier.and_then(|id| self.known.get(&id)).filter(|owner| *owner != unit);
        let behind = dossier.and_then(|id| self.waiting.get(&id));
        match (dossier, event, owner, behind) {
            (_, _, Some(owner), _) => {
                let reason = format!("the dossier belongs to unit {owner}");
                self.quarantined.push(Quarantined { n, seq, dossier, reason });
            }
            (_, _, None, Some(behind)) => {
                self.quarantined.push(Quarantined { n, seq, dossier, reason: format!("waits behind {behind}") });
            }
            (Some(id), Ok(event), None, None) => self.dossiers.entry(id).or_default().push(((n, seq), event)),
            (_, event, None, None) => {
                let reason = event.err().unwrap_or_else(|| "it names no dossier".to_owned());
                self.waiting.extend(dossier.map(|id| (id, seq)));
                self.quarantined.push(Quarantined { n, seq, dossier, reason });
            }
        }
    }

    /// Holds back what was to be applied to a dossier. The first is the cause, the others wait behind it.
    fn hold_all(&mut self, id: Uuid, news: Vec<((i64, Seq), Event)>, problem: &str) {
        let cause = news.first().map_or(0, |((_, seq), _)| *seq);
        for ((n, seq), _) in news {
            let reason = if seq == cause { problem.to_owned() } else { format!("waits behind {cause}") };
            self.quarantined.push(Quarantined { n, seq, dossier: Some(id), reason });
        }
    }
}

/// The state that applied entries lead to.
pub fn fold_history(id: Uuid, history: &[(Seq, String)]) -> Result<Dossier, String> {
    let mut dossier = Dossier::new(id);
    for (seq, body) in history {
        let event = Reading::of(*seq, body).event.map_err(|problem| format!("its history stops at entry {seq}: {problem}"))?;
        dossier.apply(&event);
    }
    Ok(dossier)
}

/// The row of a dossier.
pub fn project(dossier: &Dossier, unit: &str) -> DossierRow {
    let time = |at: LocalTime| at.with_timezone(&VIETNAM).to_rfc3339();
    let received = dossier.received.as_ref();
    DossierRow {
        id: dossier.id,
        code: dossier.code().to_owned(),
        unit: unit.to_owned(),
        procedure: received.map(|received| received.procedure.clone()).unwrap_or_default(),
        field: received.map(|received| received.field.clone()).unwrap_or_default(),
        channel: received.map_or("", |received| received.channel.code()).to_owned(),
        state: dossier.state().code().to_owned(),
        received_at: received.map(|received| time(received.received_at)),
        due_at: dossier.due_at.map(time),
        finished_at: dossier.finished.map(|finished| time(finished.at)),
        returned_at: dossier.returned_at.map(time),
        verdict: dossier.verdict().map(|verdict| verdict.as_str().to_owned()),
    }
}

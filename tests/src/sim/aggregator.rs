//! A model of the aggregator: its disk, and what one process does with a request between two I/O steps.
//!
//! Promise: decisions are those of `shared`; only the disk and the order of I/O are modelled. [`Aggregator::ingest`] is one
//! transaction. Planted bugs ([`Mutation`]) live here, never in `shared`. Start at [`Aggregator::ingest`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ed25519_dalek::{SigningKey, VerifyingKey};
use motcua_shared::entry::{Hash, Head, Record, Seq};
use motcua_shared::sync::{Verdict, decide};
use motcua_shared::wire::{self, AgentReport, Hello, PROTOCOL, Receipt, Segment, Signed, Tail, Upload};
use uuid::Uuid;

use super::Mutation;
use super::fact::Entry;

/// Who asks, as proven by a certificate.
#[derive(Debug, Clone)]
pub struct Source {
    pub office: usize,
    pub stream: Uuid,
    pub key: VerifyingKey,
}

/// What is asked, as bytes on the line.
#[derive(Debug, Clone)]
pub enum Question {
    Hello(Vec<u8>),
    Upload(Vec<u8>),
    Tail {
        from: Seq,
    },
    /// A certificate for a new stream.
    Open {
        stream: Uuid,
        key: VerifyingKey,
    },
}

/// One request.
#[derive(Debug, Clone)]
pub struct Request {
    pub id: u64,
    pub agent: usize,
    pub source: Source,
    pub question: Question,
    /// For the checker alone: the entry before those that are sent, and these; and that the line did not touch them.
    pub heads: Vec<Head>,
    pub intact: bool,
}

/// What came back: bytes of which only a person knows what they are, or a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// 200 or 409 with a body.
    Body(Vec<u8>),
    /// 4xx or 5xx: understood, and not done.
    Refused,
}

/// What a transaction decided to answer; nothing is signed yet.
#[derive(Debug, Clone)]
pub enum Decided {
    Receipt(Box<Receipt>),
    Tail(Vec<u8>),
    Opened(Uuid),
    Refused,
}

/// A stored entry in order of arrival.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    pub office: usize,
    pub stream: Uuid,
    pub entry: Arc<Entry>,
}

/// What is computed from the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Projection {
    /// Facts of each dossier, in the order in which they count.
    pub dossiers: BTreeMap<(usize, Uuid), Vec<u64>>,
    /// Facts of each office.
    pub counters: BTreeMap<usize, u64>,
    /// Dossiers that wait for an upgrade.
    waiting: BTreeSet<(usize, Uuid)>,
    origins: BTreeSet<(usize, Hash)>,
    pub applied: u64,
    pub quarantined: BTreeSet<(Uuid, Seq)>,
}

/// Everything that survives `kill -9`.
#[derive(Debug, Clone)]
pub struct Disk {
    pub epoch: Uuid,
    pub log: Vec<Arrived>,
    pub streams: BTreeMap<Uuid, (usize, Vec<Arc<Entry>>)>,
    pub aside: BTreeMap<(Uuid, Seq), BTreeMap<Hash, Arc<Entry>>>,
    pub projection: Projection,
}

/// The aggregator.
#[derive(Debug)]
pub struct Aggregator {
    pub disk: Disk,
    pub snapshot: Option<Disk>,
    pub server_id: Uuid,
    pub key: SigningKey,
    pub up: bool,
    /// Process number: what a dead process planned does not happen.
    pub life: u64,
    pub disk_full: bool,
    pub upgraded: bool,
    pub clock_offset_ms: i64,
    pub mutation: Option<Mutation>,
    /// Planted: how far each stream came, beside the rows and not restored with them.
    markers: BTreeMap<Uuid, Head>,
}

impl Disk {
    fn rows(&self, stream: Uuid) -> &[Arc<Entry>] {
        self.streams.get(&stream).map_or(&[], |(_, rows)| rows)
    }

    pub fn head(&self, stream: Uuid) -> Head {
        self.rows(stream).last().map_or_else(|| Head::genesis(stream), |entry| entry.record.head())
    }

    /// Hash of the stream's entry at `seq`.
    pub fn held(&self, stream: Uuid, seq: Seq) -> Option<Hash> {
        match usize::try_from(seq).ok()?.checked_sub(1) {
            None => Some(Head::genesis(stream).hash),
            Some(index) => self.rows(stream).get(index).map(|entry| entry.hash()),
        }
    }

    pub fn is_aside(&self, stream: Uuid, head: Head) -> bool {
        self.aside.get(&(stream, head.seq)).is_some_and(|entries| entries.contains_key(&head.hash))
    }

    pub fn holds(&self, stream: Uuid, head: Head) -> bool {
        self.held(stream, head.seq) == Some(head.hash) || self.is_aside(stream, head)
    }
}

impl Projection {
    /// Applies one entry, or holds it back with its dossier.
    fn take(&mut self, arrived: &Arrived, upgraded: bool) {
        let Arrived { office, stream, entry } = arrived;
        let Some(reading) = &entry.reading else {
            self.quarantined.insert((*stream, entry.seq()));
            return;
        };
        let dossier = (*office, reading.dossier);
        if self.waiting.contains(&dossier) || (reading.newer && !upgraded) {
            self.waiting.insert(dossier);
            self.quarantined.insert((*stream, entry.seq()));
            return;
        }
        self.applied += 1;
        if self.origins.insert((*office, entry.origin)) {
            self.dossiers.entry(dossier).or_default().push(reading.fact);
            *self.counters.entry(*office).or_default() += 1;
        }
    }

    /// The same from the log alone, dossier by dossier instead of entry by entry.
    pub fn recount(log: &[Arrived], upgraded: bool) -> Projection {
        let mut fresh = Projection::default();
        let mut histories: BTreeMap<(usize, Uuid), Vec<&Arrived>> = BTreeMap::new();
        for arrived in log {
            match &arrived.entry.reading {
                Some(reading) => histories.entry((arrived.office, reading.dossier)).or_default().push(arrived),
                None => drop(fresh.quarantined.insert((arrived.stream, arrived.entry.seq()))),
            }
        }
        for (dossier, history) in histories {
            let newer = |arrived: &&Arrived| arrived.entry.reading.as_ref().is_some_and(|reading| reading.newer);
            let stop = if upgraded { None } else { history.iter().position(newer) };
            let (runs, waits) = history.split_at(stop.unwrap_or(history.len()));
            for arrived in runs {
                fresh.applied += 1;
                if fresh.origins.insert((dossier.0, arrived.entry.origin)) {
                    fresh.dossiers.entry(dossier).or_default().extend(arrived.entry.fact());
                    *fresh.counters.entry(dossier.0).or_default() += 1;
                }
            }
            fresh.quarantined.extend(waits.iter().map(|arrived| (arrived.stream, arrived.entry.seq())));
            fresh.waiting.extend((!waits.is_empty()).then_some(dossier));
        }
        fresh
    }
}

impl Aggregator {
    pub fn new(server_id: Uuid, epoch: Uuid, key: SigningKey, mutation: Option<Mutation>) -> Aggregator {
        let disk =
            Disk { epoch, log: Vec::new(), streams: BTreeMap::new(), aside: BTreeMap::new(), projection: Projection::default() };
        Aggregator {
            disk,
            snapshot: None,
            server_id,
            key,
            up: true,
            life: 0,
            disk_full: false,
            upgraded: false,
            clock_offset_ms: 0,
            mutation,
            markers: BTreeMap::new(),
        }
    }

    /// One request, one transaction: all of it is on the disk afterwards, or nothing. The answer speaks of rows.
    pub fn ingest(&mut self, request: &Request, now_ms: i64) -> Decided {
        let Source { office, stream, key } = &request.source;
        let forgotten = !self.disk.streams.contains_key(stream);
        if forgotten && self.mutation == Some(Mutation::RefuseForgotten) {
            return Decided::Refused;
        }
        match &request.question {
            Question::Open { stream, .. } => {
                if self.disk_full {
                    return Decided::Refused;
                }
                self.admit(*stream, *office);
                Decided::Opened(*stream)
            }
            Question::Tail { from } => {
                let skip = usize::try_from(from.saturating_sub(1)).unwrap_or(usize::MAX);
                let records: Vec<_> = self.disk.rows(*stream).iter().skip(skip).map(|entry| entry.record.clone()).collect();
                Decided::Tail(wire::encode(&Tail::pack(*stream, *from, &records)))
            }
            Question::Hello(bytes) => match wire::decode::<Hello>(bytes) {
                Ok(hello) if hello.stream == *stream => self.receipt(*stream, &hello.report, None, now_ms),
                _ => Decided::Refused,
            },
            Question::Upload(bytes) => match wire::decode::<Upload>(bytes) {
                Ok(upload) if upload.segment.stream == *stream => self.upload(*office, *stream, key, &upload, now_ms),
                _ => Decided::Refused,
            },
        }
    }

    /// A certificate alone is enough: a restored aggregator may have forgotten a stream that it issued one for.
    pub fn admit(&mut self, stream: Uuid, office: usize) {
        self.disk.streams.entry(stream).or_insert_with(|| (office, Vec::new()));
    }

    fn upload(&mut self, office: usize, stream: Uuid, key: &VerifyingKey, upload: &Upload, now_ms: i64) -> Decided {
        let segment = &upload.segment;
        let before = segment.from.saturating_sub(1);
        let aside: Vec<Hash> =
            self.disk.aside.get(&(stream, before)).map(|entries| entries.keys().copied().collect()).unwrap_or_default();
        let judged = decide(segment, key, self.disk.head(stream), |seq| self.disk.held(stream, seq), &aside);
        let Ok((mut verdict, mut records)) = judged else { return Decided::Refused };
        if verdict == Verdict::Gap && self.mutation == Some(Mutation::AcceptGap) {
            records = unproven(segment, self.disk.head(stream));
            verdict = Verdict::Append { from: 0 };
        }
        if self.disk_full && !matches!(verdict, Verdict::Gap | Verdict::AlreadyHeld) {
            if self.mutation == Some(Mutation::HalfSave) {
                self.store(office, stream, records.into_iter().take(1).collect());
            }
            return Decided::Refused;
        }
        let last = records.last().map(|record| record.seq);
        let mut forked = None;
        match verdict {
            Verdict::Append { from } => self.store(office, stream, records.split_off(from)),
            Verdict::AlreadyHeld => self.held_already(office, stream, records),
            Verdict::Gap => {}
            Verdict::Forked { at, from } => {
                self.put_aside(stream, records.split_off(from));
                forked = last.map(|last| (at, last));
            }
        }
        self.receipt(stream, &upload.report, forked, now_ms)
    }

    fn put_aside(&mut self, stream: Uuid, branch: Vec<Record>) {
        if self.mutation == Some(Mutation::DropOnConflict) {
            return;
        }
        for record in branch {
            let entry = Arc::new(Entry::of(record));
            self.disk.aside.entry((stream, entry.seq())).or_default().insert(entry.hash(), entry);
        }
    }

    /// Nothing happens, unless a bug was planted.
    fn held_already(&mut self, office: usize, stream: Uuid, records: Vec<Record>) {
        if self.mutation == Some(Mutation::ApplyTwice) {
            for record in records {
                self.apply(&Arrived { office, stream, entry: Arc::new(Entry::of(record)) }, true);
            }
        }
    }

    fn store(&mut self, office: usize, stream: Uuid, records: Vec<Record>) {
        self.admit(stream, office);
        for record in records {
            let arrived = Arrived { office, stream, entry: Arc::new(Entry::of(record)) };
            self.apply(&arrived, self.mutation == Some(Mutation::CountCopies));
            if let Some((_, rows)) = self.disk.streams.get_mut(&stream) {
                rows.push(Arc::clone(&arrived.entry));
            }
            self.disk.log.push(arrived);
        }
        self.markers.insert(stream, self.disk.head(stream));
    }

    /// Planted: `again` forgets that the fact counts already.
    fn apply(&mut self, arrived: &Arrived, again: bool) {
        if again {
            self.disk.projection.origins.remove(&(arrived.office, arrived.entry.origin));
        }
        self.disk.projection.take(arrived, self.upgraded);
    }

    fn receipt(&self, stream: Uuid, report: &AgentReport, forked: Option<(Seq, Seq)>, now_ms: i64) -> Decided {
        let rows = self.disk.head(stream);
        let head = match self.mutation {
            Some(Mutation::SeparateMarker) => self.markers.get(&stream).copied().unwrap_or(rows),
            Some(Mutation::TrustCursor) => {
                let told = report.last_receipt.as_ref().filter(|last| last.stored_through == report.head_seq);
                told.map(|_| report.head()).filter(|told| told.seq > rows.seq).unwrap_or(rows)
            }
            _ => rows,
        };
        let asked = [report.head(), report.compares()];
        let aside = asked.into_iter().find(|head| self.disk.is_aside(stream, *head)).map(|head| head.seq);
        let dropped = self.mutation == Some(Mutation::DropOnConflict);
        let kept = forked.map(|(_, last)| last).filter(|last| dropped || self.disk.aside.contains_key(&(stream, *last)));
        Decided::Receipt(Box::new(Receipt {
            protocol: PROTOCOL,
            server_id: self.server_id,
            epoch: self.disk.epoch,
            stream,
            stored_through: head.seq,
            hash: head.hash.0,
            quarantined: self.quarantined(stream),
            forked_at: forked.map(|(at, _)| at),
            nonce: report.nonce,
            at_ms: now_ms.saturating_add(self.clock_offset_ms),
            reference_version: 0,
            night_slot_s: None,
            max_segment: 1 << 20,
            compared: self.disk.held(stream, report.compares().seq).map(|hash| hash.0.into()),
            kept_aside: aside.or(kept),
            reasons: None,
            decisions: None,
        }))
    }

    fn quarantined(&self, stream: Uuid) -> Vec<Seq> {
        let range = (stream, 0)..=(stream, Seq::MAX);
        self.disk.projection.quarantined.range(range).map(|(_, seq)| *seq).collect()
    }

    /// Signs what was decided.
    pub fn answer(&self, decided: Decided) -> Reply {
        match decided {
            Decided::Receipt(receipt) => Reply::Body(wire::encode(&Signed::receipt(&receipt, &self.key))),
            Decided::Tail(bytes) => Reply::Body(bytes),
            Decided::Opened(stream) => Reply::Body(opened(stream)),
            Decided::Refused => Reply::Refused,
        }
    }

    /// A newer version starts: what waited is applied.
    pub fn upgrade(&mut self) {
        self.upgraded = true;
        self.disk.projection = Projection::recount(&self.disk.log, true);
    }

    /// Yesterday's database, in a new life.
    pub fn restore(&mut self, epoch: Uuid) -> bool {
        let Some(snapshot) = self.snapshot.clone() else { return false };
        self.disk = Disk { epoch, ..snapshot };
        self.disk.projection = Projection::recount(&self.disk.log, self.upgraded);
        true
    }
}

/// Planted: the entries of a segment, whatever they follow.
fn unproven(segment: &Segment, held: Head) -> Vec<Record> {
    let Segment { protocol, stream, from, clear, sealed, .. } = segment.clone();
    let mut records =
        Tail { protocol, stream, from, clear, sealed }.unpack(stream, Head { seq: from - 1, ..held }).unwrap_or_default();
    if let Some(last) = records.last_mut() {
        last.hash = Hash(segment.last_hash);
    }
    records
}

/// The answer that stands for a certificate: TLS proves who gives it.
pub fn opened(stream: Uuid) -> Vec<u8> {
    [b"certificate for ".as_slice(), stream.as_bytes()].concat()
}

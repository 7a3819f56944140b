//! A district's check: 23 communes with three years of dossiers and declared figures, all of it, and what one new dossier
//! makes due. The ratio is what counts: incremental ÷ full. `cargo bench --bench check`.

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use chrono::Utc;
use motcua_aggregator::findings;
use motcua_aggregator::ingest::{Arrived, Reading, apply};
use motcua_aggregator::store::{NewEntry, Node, SqliteStore, Store, Stream, in_transaction};
use motcua_shared::calendar::{Calendar, LocalTime, local};
use motcua_shared::catalogue::Catalogue;
use motcua_shared::declared;
use motcua_shared::dictionary::Dictionary;
use motcua_shared::entry::{Draft, Fact, Head, Record};
use motcua_shared::import;
use motcua_shared::office::{Declared, Figure, OfficeEvent};
use motcua_shared::seal::RecoveryKey;
use motcua_shared::unit::{self, Units};
use motcua_tests::measure::load;
use motcua_tests::world::fixture;
use uuid::Uuid;

const ROUNDS: usize = 3;

fn main() -> Result<()> {
    // Cargo also runs benches when it tests; they are measured on purpose only.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let mut store = SqliteStore::create(folder.path())?;
    let now = local(Utc::now());
    let mut logs = district(&mut store, now)?;
    let dossiers: i64 = store.rollup_rows()?.iter().map(|row| row.counters.received()).sum();
    println!("{} communes, {dossiers} dossiers; load {}", logs.len(), load());

    store.checks_forget(None)?;
    let first = timed(|| findings::recheck_due(&mut store, now).map(drop))?;
    let kept = findings::list(&store, None)?.len();
    let units: Vec<String> = logs.iter().map(|log| log.unit.clone()).collect();
    let full = median(|| {
        timed(|| {
            findings::recheck_all(&mut store, &units, now)?;
            Ok::<_, anyhow::Error>(())
        })
    })?;
    let mut number = 0;
    let incremental = median(|| {
        number += 1;
        one_more(&mut store, logs.first_mut().context("a commune")?, number, now)?;
        timed(|| findings::recheck_due(&mut store, now).map(drop))
    })?;
    println!("{kept} findings");
    println!("every dossier looked at for the first time  {:>8.1} ms", first.as_secs_f64() * 1e3);
    println!("full check of every commune                 {:>8.1} ms (to reach: 1,000)", full.as_secs_f64() * 1e3);
    println!("after one new dossier                       {:>8.1} ms", incremental.as_secs_f64() * 1e3);
    println!("incremental ÷ full                          {:>8.3}", incremental.as_secs_f64() / full.as_secs_f64());
    Ok(())
}

fn timed<E: Into<anyhow::Error>>(work: impl FnOnce() -> Result<(), E>) -> Result<Duration> {
    let start = Instant::now();
    work().map_err(Into::into)?;
    Ok(start.elapsed())
}

fn median(mut round: impl FnMut() -> Result<Duration>) -> Result<Duration> {
    let mut all = (0..ROUNDS).map(|_| round()).collect::<Result<Vec<_>>>()?;
    all.sort();
    all.get(ROUNDS / 2).copied().context("a round")
}

/// One commune's stream, as it grows.
struct Log {
    unit: String,
    stream: Uuid,
    head: Head,
    records: Vec<Record>,
}

impl Log {
    fn record<F: Fact>(&mut self, event: F, dossier: Option<Uuid>, recorded_at: LocalTime) {
        let draft = Draft { event, dossier, author: "command-line".to_owned(), recorded_at, clock: None, sealed: None };
        let key = RecoveryKey::new([1; 32]).office_key();
        let record = self.head.next(self.stream, &draft, &key, [0; 8]);
        self.head = record.head();
        self.records.push(record);
    }

    /// Stores and applies what was recorded.
    fn flush(&mut self, store: &mut SqliteStore, now: LocalTime) -> Result<()> {
        let records = std::mem::take(&mut self.records);
        in_transaction(store, |store| {
            let readings: Vec<Reading> = records.iter().map(|record| Reading::of(record.seq, &record.body)).collect();
            let entries: Vec<NewEntry> =
                records.iter().zip(&readings).map(|(record, reading)| NewEntry { record, dossier: reading.dossier }).collect();
            let arrived = store.entries_append(self.stream, &entries, now)?;
            let arrived = arrived
                .into_iter()
                .zip(records.iter().zip(readings))
                .filter_map(|(n, (record, reading))| Some(Arrived { n: n?, seq: record.seq, origin: record.origin(), reading }));
            apply(store, &self.unit, self.stream, arrived.collect())
        })?;
        Ok(())
    }
}

/// Every commune of district 298 with the register and the declared figures of the real report.
fn district(store: &mut SqliteStore, now: LocalTime) -> Result<Vec<Log>> {
    let id = Uuid::from_u128;
    let node =
        Node { code: "298".to_owned(), server_id: id(1), epoch: id(2), hosts: vec![], restored_at: None, reference_version: 0 };
    store.node_set(&node)?;
    let units = Units::parse(unit::STARTER).map_err(|faults| anyhow::anyhow!("{faults:?}"))?;
    store.units_replace(&units.iter().cloned().collect::<Vec<_>>())?;
    let register = std::fs::read(fixture("ngoc-ky-dossiers.csv"))?;
    let lives = import::dossiers(&register, &Catalogue::starter(), &Calendar::starter(), |_| false)
        .map_err(|faults| anyhow::anyhow!("{faults:?}"))?;
    let report = std::fs::read(fixture("ngoc-ky-declared.csv"))?;
    let declared = declared::read(&report, &Dictionary::starter()).map_err(|faults| anyhow::anyhow!("{faults:?}"))?;
    let keys: Vec<String> = store.organisation()?.under("298", "2023-05-29".parse()?, "2023-05-29".parse()?);
    ensure!(keys.len() == 23, "{} communes", keys.len());
    let mut logs = Vec::new();
    for (number, unit) in (1u128..).zip(keys) {
        let stream = id(number << 64);
        store.stream_add(
            &Stream { id: stream, unit: unit.clone(), public_key: [1; 32], numbers_from: 1, numbers_to: 4999 },
            now,
        )?;
        let mut log = Log { unit, stream, head: Head::genesis(stream), records: Vec::new() };
        for (place, life) in (1u128..).zip(&lives) {
            for event in &life.events {
                log.record(event.clone(), Some(id((number << 64) + place)), now);
            }
        }
        for (period, figures) in &declared {
            let figures = figures.iter().map(|figure| Figure { revision: 1, ..figure.clone() }).collect();
            log.record(OfficeEvent::Declared(Declared { from: period.from, to: period.to, figures }), None, now);
        }
        log.flush(store, now)?;
        logs.push(log);
    }
    Ok(logs)
}

fn one_more(store: &mut SqliteStore, log: &mut Log, number: u128, now: LocalTime) -> Result<()> {
    let register = std::fs::read(fixture("ngoc-ky-dossiers.csv"))?;
    let lives = import::dossiers(&register, &Catalogue::starter(), &Calendar::starter(), |_| false)
        .map_err(|faults| anyhow::anyhow!("{faults:?}"))?;
    for event in &lives.first().context("a dossier")?.events {
        log.record(event.clone(), Some(Uuid::from_u128((99 << 64) + number)), now);
    }
    log.flush(store, now)
}

//! First sync of 10,000 dossiers over loopback TLS, against writing the same bytes into one SQLite file.
//!
//! Run with `cargo bench`. Every figure is a ratio to a floor measured in the same run, or a size; nothing is asserted.

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use motcua_tests::line::{Line, Weather};
use motcua_tests::measure::{peak, timed};
use motcua_tests::register;
use motcua_tests::world::{Commune, District, fixture, programs, text};
use rusqlite::{Connection, params};

const DOSSIERS: usize = 10_000;
const ROUNDS: usize = 3;

fn main() -> Result<()> {
    // Cargo also runs benches when it tests; they are measured on purpose only.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(measure())
}

async fn measure() -> Result<()> {
    tokio::task::spawn_blocking(programs).await?;
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push(round().await?);
    }
    rounds.sort_by_key(|round| round.sync);
    let Round { import, import_peak, sync, sync_peak, server_peak, floor, entries, bytes_up } = rounds.swap_remove(ROUNDS / 2);
    println!("{DOSSIERS} invented dossiers, {entries} entries; median of {ROUNDS} rounds by sync time");
    println!("import                         {:>8} ms   agent peak {:>6} KiB", import.as_millis(), import_peak);
    println!(
        "first sync, loopback TLS       {:>8} ms   agent peak {sync_peak:>6} KiB, aggregator peak {server_peak:>6} KiB",
        sync.as_millis()
    );
    println!("floor: same bytes into SQLite  {:>8} ms", floor.as_millis());
    println!("first sync / floor             {:>8.2}      target ≤ 4", sync.as_secs_f64() / floor.as_secs_f64());
    println!(
        "bytes on the wire per dossier  {:>8}      target ≤ 220 for the real register: {}",
        bytes_up / DOSSIERS as u64,
        real_bytes().await?
    );
    Ok(())
}

struct Round {
    import: Duration,
    import_peak: u64,
    sync: Duration,
    sync_peak: u64,
    server_peak: u64,
    floor: Duration,
    entries: u64,
    bytes_up: u64,
}

async fn round() -> Result<Round> {
    let folder = tempfile::tempdir()?;
    let district = District::found(folder.path()).await?;
    let server = district.serve().await?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    let register = folder.path().join("register.csv");
    std::fs::write(&register, register::csv(1, "000.11.57.H23", "2021-01-04".parse()?, DOSSIERS))?;
    let (import, import_peak) =
        timed(&programs().agent, &["import", "--data", text(&commune.data), "dossiers", text(&register)]).await?;
    commune.enroll(&district, district.address).await?;
    let (sync, sync_peak) = timed(&programs().agent, &["sync", "--data", text(&commune.data)]).await?;
    let server_peak = peak(server.id().context("the aggregator runs")?).unwrap_or(0);
    let entries = commune.status().await?["head_seq"].as_u64().context("a head")?;
    let floor = floor(&commune, folder.path())?;
    server.stop().await?;
    Ok(Round {
        import,
        import_peak,
        sync,
        sync_peak,
        server_peak,
        floor,
        entries,
        bytes_up: bytes_of(&commune, folder.path()).await?,
    })
}

/// The same rows into one fresh SQLite file, one transaction, durable.
fn floor(commune: &Commune, folder: &Path) -> Result<Duration> {
    let log = commune.database()?;
    let mut statement = log.prepare("select seq, hash, body, sealed from entry order by seq")?;
    let rows: Vec<(i64, Vec<u8>, String, Vec<u8>)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let start = Instant::now();
    let mut file = Connection::open(folder.join("floor.db"))?;
    file.pragma_update(None, "journal_mode", "wal")?;
    file.pragma_update(None, "synchronous", "full")?;
    file.execute_batch("create table entry (seq integer primary key, hash blob, body text, sealed blob)")?;
    let transaction = file.transaction()?;
    let mut insert = transaction.prepare("insert into entry values (?1, ?2, ?3, ?4)")?;
    for (seq, hash, body, sealed) in &rows {
        insert.execute(params![seq, hash, body, sealed])?;
    }
    drop(insert);
    transaction.commit()?;
    Ok(start.elapsed())
}

/// Bytes towards the aggregator for a first sync of what `commune` recorded, over a line that counts.
async fn bytes_of(commune: &Commune, folder: &Path) -> Result<u64> {
    let district = District::found(&folder.join("counted")).await?;
    let server = district.serve().await?;
    let line = Line::start(district.address, Weather::clean())?;
    let twin = Commune::found(&folder.join("counted"), &commune.unit, &commune.name, "000.11.57.H23").await?;
    twin.import(&folder.join("register.csv")).await?;
    twin.enroll(&district, line.addr()).await?;
    let before = line.stats().bytes_up;
    twin.sync().await?;
    server.stop().await?;
    Ok(line.stats().bytes_up - before)
}

/// Bytes a dossier for the real report's register.
async fn real_bytes() -> Result<u64> {
    let folder = tempfile::tempdir()?;
    std::fs::copy(fixture("ngoc-ky-dossiers.csv"), folder.path().join("register.csv"))?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    Ok(bytes_of(&commune, folder.path()).await? / 4514)
}

//! A country's night: 10,600 offices × 40 entries, each its own mutual-TLS connection, against one aggregator process,
//! the clients on the same machine.
//!
//! What an office does on its own PC (its log, packing and signing) is done before; connecting, both handshakes, the
//! upload and checking the receipt are measured. `cargo bench --bench country`.

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use motcua_tests::crowd::{all_send, enrol, found_offices};
use motcua_tests::measure::{load, peak};
use motcua_tests::world::{District, programs};

const OFFICES: usize = 10_600;
const ENTRIES: usize = 40;
const AT_ONCE: usize = 64;

fn main() -> Result<()> {
    // Cargo also runs benches when it tests; they are measured on purpose only.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(measure())
}

async fn measure() -> Result<()> {
    tokio::task::spawn_blocking(programs).await?;
    let folder = tempfile::tempdir()?;
    let district = District::found(folder.path()).await?;
    let offices = setting("MOTCUA_OFFICES").unwrap_or(OFFICES);
    let start = Instant::now();
    let peers = enrol(&district, offices, ENTRIES)?;
    found_offices(&district, folder.path(), offices).await?;
    println!("{offices} offices enrolled in {} s; load {}", start.elapsed().as_secs(), load());

    let server = district.serve().await?;
    let id = server.id().context("the aggregator runs")?;
    let spent_before = processor_time(id);
    let (night, slowest) = all_send(peers, AT_ONCE).await?;
    let entries: usize = district.database()?.query_row("select count(*) from entry", [], |row| row.get(0))?;
    ensure!(entries == offices * ENTRIES, "{entries} entries");
    let each = night.as_secs_f64() * 1_000.0 / f64::from(u32::try_from(offices)?);
    println!("a country's night              {:>8.1} s    target ≤ 180 for 10,600 offices; load {}", night.as_secs_f64(), load());
    println!("each office                    {each:>8.2} ms   slowest {} ms", slowest.as_millis());
    println!(
        "aggregator, processor time     {:>8.1} s    peak memory {} KiB",
        processor_time(id) - spent_before,
        peak(id).unwrap_or(0)
    );
    server.stop().await?;
    Ok(())
}

fn setting(name: &str) -> Option<usize> {
    std::env::var(name).ok()?.parse().ok()
}

/// Seconds of processor time of a process, where the system tells it.
fn processor_time(id: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |place: usize| fields.get(place).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

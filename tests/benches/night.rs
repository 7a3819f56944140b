//! A night of 50 dossiers over 64 kbit/s with 600 ms round trip, against bytes ÷ bandwidth + 3 round trips.
//!
//! The three round trips are TCP, TLS and the upload. The line delays bytes, not the making of a connection: the first
//! of the three is added to what is measured. `cargo bench --bench night`.

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use motcua_agent::door::Door;
use motcua_agent::store::Store;
use motcua_agent::uplink::Uplink;
use motcua_tests::line::{Line, Stats, Weather};
use motcua_tests::measure::load;
use motcua_tests::register;
use motcua_tests::world::{Commune, District, programs};

const NIGHTS: u32 = 5;
const DOSSIERS: usize = 50;
/// 64 kbit/s.
const BANDWIDTH: u32 = 8_000;
const ROUND_TRIP: Duration = Duration::from_millis(600);

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
    let _server = district.serve().await?;
    let line = Line::start(district.address, Weather::clean())?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    commune.enroll(&district, line.addr()).await?;
    let night = Weather { bandwidth: Some(BANDWIDTH.into()), delay: ROUND_TRIP / 2, ..Weather::clean() };
    println!("{DOSSIERS} dossiers a night over 64 kbit/s and {} ms round trip; load {}", ROUND_TRIP.as_millis(), load());

    record(&commune, 0).await?;
    commune.sync().await?;
    let mut ratios = Vec::new();
    for number in 1..=NIGHTS {
        record(&commune, number).await?;
        line.set(night.clone());
        let (before, start) = (line.stats(), Instant::now());
        let (exit, said) = commune.sync().await?;
        ensure!(exit == Some(0), "{said}");
        ratios.push(tell("a fresh process", before, line.stats(), start.elapsed()));
    }
    print_median("full handshake", ratios);

    // As `serve` does it: the line is kept from night to night, its connection is not.
    let door = Door::new(Store::open(&commune.data)?);
    let uplink = Uplink::open(&commune.data, &door).await?;
    line.set(Weather::clean());
    uplink.sync(&door).await?;
    let mut ratios = Vec::new();
    for number in 1..=NIGHTS {
        record(&commune, NIGHTS + number).await?;
        let cuts = line.stats().cuts;
        line.set(Weather::down());
        line.until(|stats| stats.cuts > cuts).await;
        line.set(night.clone());
        let (before, start) = (line.stats(), Instant::now());
        let summary = uplink.sync(&door).await?;
        ensure!(summary.outcome == "complete", "{summary:?}");
        ratios.push(tell("a session resumed", before, line.stats(), start.elapsed()));
    }
    print_median("TLS resumed", ratios);
    Ok(())
}

fn tell(what: &str, before: Stats, after: Stats, measured: Duration) -> f64 {
    let (up, down) = (after.bytes_up - before.bytes_up, after.bytes_down - before.bytes_down);
    let connections = after.connections - before.connections;
    let bytes = Duration::from_secs(up + down) / BANDWIDTH;
    let measured = measured + ROUND_TRIP * u32::try_from(connections).unwrap_or(u32::MAX);
    let floor = bytes + 3 * ROUND_TRIP;
    let ratio = measured.as_secs_f64() / floor.as_secs_f64();
    println!(
        "{what}: {up} bytes up, {down} down, {connections} connections: {} ms against {} ms",
        measured.as_millis(),
        floor.as_millis()
    );
    ratio
}

fn print_median(what: &str, mut ratios: Vec<f64>) {
    ratios.sort_by(f64::total_cmp);
    println!("night / floor, {what:<15} {:>8.2}      target ≤ 1.3", ratios[ratios.len() / 2]);
}

async fn record(commune: &Commune, night: u32) -> Result<()> {
    let file = commune.data.with_extension("csv");
    let day = chrono::NaiveDate::from_ymd_opt(2023, 1, 3).expect("a date") + chrono::Days::new(u64::from(night) * 28);
    std::fs::write(&file, register::csv(night.into(), "000.11.57.H23", day, DOSSIERS))?;
    commune.import(&file).await?;
    Ok(())
}

//! Fifty viewers who ask for page after page, alone and while 300 agents send: what they wait for.
//! `cargo bench --bench viewers`.

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use motcua_tests::crowd::{Viewer, all_send, enrol, found_offices};
use motcua_tests::measure::{load, peak};
use motcua_tests::world::{District, programs};
use tokio::task::JoinSet;

const OFFICES: usize = 300;
const ENTRIES: usize = 400;
const VIEWERS: usize = 50;
/// Pages that each asks for when nobody sends.
const ROUNDS: usize = 20;
/// How long a viewer reads a page.
const READING: Duration = Duration::from_millis(500);
const PAGES: [&str; 4] = ["/", "/compare", "/offices", "/reports/ii06"];

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
    let peers = enrol(&district, OFFICES, ENTRIES)?;
    found_offices(&district, folder.path(), OFFICES).await?;
    let server = district.serve().await?;
    let viewer = Viewer::log_in(&district, &server.url).await?;
    println!("{VIEWERS} viewers, {OFFICES} offices; load {}", load());
    told("nobody sends", looking(&viewer, ROUNDS).await?);
    let start = Instant::now();
    let sending = tokio::spawn(all_send(peers, 32));
    let mut times = Vec::new();
    while !sending.is_finished() {
        times.extend(looking(&viewer, 1).await?);
    }
    sending.await??;
    told("300 agents send", times);
    let seconds = start.elapsed().as_secs_f64();
    let entries: u32 = district.database()?.query_row("select count(*) from entry", [], |row| row.get(0))?;
    ensure!(entries as usize == OFFICES * ENTRIES, "{entries} entries");
    println!("  {entries} entries in {seconds:.1} s, {:.0} a second", f64::from(entries) / seconds);
    let id = server.id().context("the aggregator runs")?;
    println!("  aggregator, peak memory {} KiB; load {}", peak(id).unwrap_or(0), load());
    Ok(())
}

/// All viewers at once; gives how long each waited for each page.
async fn looking(viewer: &Viewer, rounds: usize) -> Result<Vec<Duration>> {
    let mut all = JoinSet::new();
    for number in 0..VIEWERS {
        let viewer = viewer.clone();
        all.spawn(async move {
            let mut times = Vec::new();
            for round in 0..rounds {
                let start = Instant::now();
                viewer.look(PAGES[(number + round) % PAGES.len()]).await?;
                times.push(start.elapsed());
                tokio::time::sleep(READING).await;
            }
            anyhow::Ok(times)
        });
    }
    let mut times = Vec::new();
    while let Some(looked) = all.join_next().await {
        times.extend(looked??);
    }
    Ok(times)
}

fn told(when: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)].as_secs_f64() * 1_000.0;
    println!("  {when:<20} {:>6} pages   median {:>8.1} ms   p99 {:>8.1} ms", times.len(), at(50), at(99));
}

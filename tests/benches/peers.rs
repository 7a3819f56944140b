//! First sync of 10,000 dossiers, agent to aggregator, against PouchDB to pouchdb-server, in the same run.
//!
//! By hand: `cargo bench --bench peers`. Needs node and npm; what it installs goes below the target directory.

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use motcua_tests::line::{Line, Weather};
use motcua_tests::measure::{load, timed};
use motcua_tests::world::{Commune, District, expect, programs, text};
use motcua_tests::{npm, register};
use serde_json::{Value, json};

const DOSSIERS: usize = 10_000;
const ROUNDS: usize = 3;

fn main() -> Result<()> {
    // Cargo also runs benches when it tests; they are measured on purpose only.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    if std::process::Command::new("npm").arg("--version").output().is_err() {
        println!("peers: not measured, this machine has no npm");
        return Ok(());
    }
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(measure())
}

async fn measure() -> Result<()> {
    tokio::task::spawn_blocking(programs).await?;
    let peers = npm::install("peers", Path::new(env!("CARGO_TARGET_TMPDIR"))).await?;
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let round = round(&peers).await?;
        println!(
            "load {}: {} documents; we {:.2} s, {} bytes; PouchDB {:.2} s, {} bytes: {:.1} times",
            load(),
            round.documents,
            round.ours,
            round.our_bytes,
            round.theirs,
            round.their_bytes,
            round.theirs / round.ours
        );
        rounds.push(round);
    }
    rounds.sort_by(|a, b| (a.theirs / a.ours).total_cmp(&(b.theirs / b.ours)));
    let median = &rounds[ROUNDS / 2];
    println!("first sync, PouchDB / ours     {:>8.1}      target ≥ 10; median of {ROUNDS}", median.theirs / median.ours);
    println!("bytes sent, PouchDB / ours     {:>8.1}", median.their_bytes / median.our_bytes);
    Ok(())
}

struct Round {
    documents: u64,
    ours: f64,
    our_bytes: f64,
    theirs: f64,
    their_bytes: f64,
}

async fn round(peers: &Path) -> Result<Round> {
    let folder = tempfile::tempdir()?;
    let district = District::found(folder.path()).await?;
    let server = district.serve().await?;
    let line = Line::start(district.address, Weather::clean())?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    let register = folder.path().join("register.csv");
    std::fs::write(&register, register::csv(1, "000.11.57.H23", "2021-01-04".parse()?, DOSSIERS))?;
    commune.import(&register).await?;
    commune.enroll(&district, line.addr()).await?;
    let before = line.stats().bytes_up;
    let (ours, _) = timed(&programs().agent, &["sync", "--data", text(&commune.data)]).await?;
    let our_bytes = line.stats().bytes_up - before;
    server.stop().await?;

    let documents = folder.path().join("documents.ndjson");
    let count = write_documents(&commune, &documents)?;
    let script = peers.join("run.mjs");
    let said = expect(Path::new("node"), &[text(&script), text(&documents), text(&folder.path().join("peers"))]).await?;
    let said: Value = serde_json::from_str(said.lines().last().unwrap_or_default())?;
    let figure = |key: &str| said[key].as_f64().context("a figure");
    Ok(Round {
        documents: count,
        ours: ours.as_secs_f64(),
        our_bytes: f64::from(u32::try_from(our_bytes)?),
        theirs: figure("seconds")?,
        their_bytes: figure("bytes")?,
    })
}

/// The same entries as documents: their clear part, and the sealed part as text.
fn write_documents(commune: &Commune, file: &Path) -> Result<u64> {
    let database = commune.database()?;
    let mut statement = database.prepare("select seq, body, hex(sealed) from entry order by seq")?;
    let mut rows = statement.query([])?;
    let mut out = std::io::BufWriter::new(std::fs::File::create(file)?);
    let mut count = 0;
    while let Some(row) = rows.next()? {
        let (seq, body, sealed): (u64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let mut document: Value = serde_json::from_str(&body)?;
        document["_id"] = json!(format!("{seq:010}"));
        if !sealed.is_empty() {
            document["sealed"] = json!(sealed);
        }
        writeln!(out, "{document}")?;
        count += 1;
    }
    out.flush()?;
    Ok(count)
}

//! `kill -9` of either side at any moment: what was called saved is there, what has a receipt is there.

use std::process::Stdio;
use std::time::Duration;

use anyhow::Result;
use motcua_tests::line::{Line, Weather};
use motcua_tests::register::Dice;
use motcua_tests::world::{Commune, District, fixture, programs, run, text};
use tokio::process::Command;

/// A pause of up to `longest` microseconds. The moment of the kill is chance; no assertion depends on it.
async fn some_time(dice: &mut Dice, longest: u64) {
    tokio::time::sleep(Duration::from_micros(dice.below(longest))).await;
}

fn dossiers(commune: &Commune) -> Result<i64> {
    Ok(commune.database()?.query_row("select count(*) from dossier", [], |row| row.get(0))?)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_killed_at_any_moment_left_everything_or_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    let register = fixture("ngoc-ky-dossiers.csv");
    let mut dice = Dice::new(11);
    let (mut killed, mut saved) = (0, false);
    for _ in 0..12 {
        let mut import = Command::new(&programs().agent)
            .args(["import", "--data", text(&commune.data), "dossiers", text(&register)])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        some_time(&mut dice, 900_000).await;
        let _ = import.start_kill();
        let said_saved = import.wait().await?.success();
        killed += i32::from(!said_saved);
        let found = dossiers(&commune)?;
        assert!(found == 0 || found == 4514, "{found} dossiers: half an import");
        assert!(!said_saved || found == 4514, "what was called saved is there");
        saved |= found == 4514;
        commune.verify().await?;
    }
    assert!(killed > 0, "at least one import was killed");
    if !saved {
        commune.import(&register).await?;
    }
    assert_eq!(dossiers(&commune)?, 4514);
    Ok(())
}

/// What the agent believes to be stored is stored, with the same hash.
fn assert_receipts_hold(commune: &Commune, district: &District, stored_through: u64) -> Result<()> {
    if stored_through == 0 {
        return Ok(());
    }
    let (stream, hash): (Vec<u8>, Vec<u8>) =
        commune
            .database()?
            .query_row("select stream, hash from entry where seq = ?1", [stored_through], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let stored: Vec<u8> = district.database()?.query_row(
        "select hash from entry where stream = ?1 and seq = ?2",
        rusqlite::params![stream, stored_through],
        |row| row.get(0),
    )?;
    assert_eq!(stored, hash, "entry {stored_through} has a receipt and is there");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_killed_on_either_side_again_and_again_completes_in_the_end() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let district = District::found(folder.path()).await?;
    let mut server = district.serve().await?;
    // Slow enough that there is something to kill.
    let line = Line::start(district.address, Weather { bandwidth: Some(400_000), ..Weather::clean() })?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    commune.import(&fixture("ngoc-ky-dossiers.csv")).await?;
    commune.enroll(&district, line.addr()).await?;
    let mut dice = Dice::new(5);
    let mut killed = 0;
    for round in 0..16 {
        let mut sync = Command::new(&programs().agent)
            .args(["sync", "--data", text(&commune.data)])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        some_time(&mut dice, 500_000).await;
        if round % 2 == 0 {
            let _ = sync.start_kill();
            killed += i32::from(!sync.wait().await?.success());
        } else {
            server.kill().await?;
            server = district.serve().await?;
            some_time(&mut dice, 300_000).await;
            let _ = sync.start_kill();
            killed += i32::from(!sync.wait().await?.success());
        }
        let stored = commune.status().await?["stored_through"].as_u64().unwrap_or(0);
        assert_receipts_hold(&commune, &district, stored)?;
    }
    assert!(killed > 3, "{killed} of 16 syncs were killed before they were done");
    line.set(Weather::clean());
    let (exit, said) = commune.sync().await?;
    assert_eq!(exit, Some(0), "{said}");
    commune.verify().await?;
    district.verify().await?;
    let status = run(&programs().aggregator, &["status", "--data", text(&district.data), "--json"]).await?;
    assert!(String::from_utf8_lossy(&status.stdout).contains("22011"), "{}", String::from_utf8_lossy(&status.stdout));
    Ok(())
}

//! Yesterday's aggregator comes back, and a lost PC is shut out.

use anyhow::{Context, Result};
use motcua_tests::register;
use motcua_tests::world::{Commune, District, expect, programs, text};
use serde_json::Value;

/// A commune with a register of its own, enrolled.
async fn commune(folder: &std::path::Path, district: &District, unit: &str, dossiers: usize) -> Result<Commune> {
    let commune = Commune::found(folder, unit, "Xã Tưởng Tượng", &format!("000.{unit}")).await?;
    add(&commune, dossiers, 1, "2023-01-03").await?;
    commune.enroll(district, district.address).await?;
    Ok(commune)
}

/// Records more dossiers.
async fn add(commune: &Commune, dossiers: usize, seed: u64, from: &str) -> Result<()> {
    let file = commune.data.with_extension(format!("{seed}.csv"));
    std::fs::write(&file, register::csv(seed, &format!("000.{}", commune.unit), from.parse()?, dossiers))?;
    commune.import(&file).await?;
    Ok(())
}

/// Story 1 of the failures: the server was restored from yesterday's backup, and the clients trust their own cursor.
#[tokio::test(flavor = "multi_thread")]
async fn a_district_restored_from_yesterday_gets_everything_again() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut district = District::found(folder.path()).await?;
    let server = district.serve().await?;
    let mut communes = Vec::new();
    for unit in ["11074", "11083", "11089"] {
        communes.push(commune(folder.path(), &district, unit, 40).await?);
    }
    for commune in &communes {
        assert_eq!(commune.sync().await?.0, Some(0));
    }
    let yesterday = folder.path().join("yesterday");
    expect(&programs().aggregator, &["backup", "--data", text(&district.data), text(&yesterday)]).await?;
    for commune in &communes {
        add(commune, 60, 2, "2024-01-03").await?;
        assert_eq!(commune.sync().await?.0, Some(0));
    }
    let figures = district.ii06("2022-12-15", "2024-12-14", None).await?;
    server.kill().await?;

    district.data = folder.path().join("again");
    expect(&programs().aggregator, &["restore", "--data", text(&district.data), text(&yesterday)]).await?;
    let _server = district.serve().await?;
    let mut epochs = std::collections::BTreeSet::new();
    for commune in &communes {
        let before = commune.status().await?["epoch"].clone();
        let (exit, said) = commune.sync().await?;
        assert_eq!(exit, Some(0), "{said}");
        assert!(said["resent"].as_u64() > Some(100), "what was lost is counted: {said}");
        let after = commune.status().await?["epoch"].clone();
        assert_ne!(before, after, "the agent sees that the aggregator began a new life");
        epochs.insert(after.as_str().context("an epoch")?.to_owned());
    }
    assert_eq!(epochs.len(), 1);
    let healed = district.ii06("2022-12-15", "2024-12-14", None).await?;
    assert_eq!(healed["total"], figures["total"]);
    district.verify().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_pc_is_refused_at_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let district = District::found(folder.path()).await?;
    let _server = district.serve().await?;
    let commune = commune(folder.path(), &district, "11089", 20).await?;
    assert_eq!(commune.sync().await?.0, Some(0));
    let status = commune.status().await?;
    let stream = status["stream"].as_str().context("a stream")?;
    expect(&programs().aggregator, &["revoke", "--data", text(&district.data), "--stream", stream]).await?;
    add(&commune, 5, 2, "2024-01-03").await?;
    let (exit, said) = commune.sync().await?;
    assert_eq!((exit, &said["outcome"]), (Some(3), &Value::from("refused")));
    assert!(said["detail"].as_str().is_some_and(|detail| detail.contains("thu hồi")), "{said}");
    assert_eq!(said["pending"], commune.status().await?["pending"]);
    Ok(())
}

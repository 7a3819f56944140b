//! The history arrives over a line that breaks all the time.

use std::time::Duration;

use anyhow::Result;
use motcua_tests::line::{Line, Weather};
use motcua_tests::world::{Commune, District, fixture};

/// Syncs until everything has a receipt.
async fn sync_to_the_end(commune: &Commune) -> Result<()> {
    for _ in 0..50 {
        if commune.sync().await?.0 == Some(0) {
            return Ok(());
        }
    }
    anyhow::bail!("50 sessions were not enough")
}

fn assert_each_entry_once(commune: &Commune, district: &District) -> Result<()> {
    let count = "select count(*), count(distinct seq), max(seq) from entry where stream = ?1";
    let stream: Vec<u8> = commune.database()?.query_row("select stream from office", [], |row| row.get(0))?;
    let head: i64 = commune.database()?.query_row("select max(seq) from entry", [], |row| row.get(0))?;
    let stored: (i64, i64, i64) =
        district.database()?.query_row(count, [stream], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    assert_eq!(stored, (head, head, head));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_reset_every_20_to_200_kilobytes_carries_the_whole_history_for_1_3_times_the_bytes() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let district = District::found(folder.path()).await?;
    let _server = district.serve().await?;
    let clean = Line::start(district.address, Weather::clean())?;
    let twin = Commune::found(folder.path(), "11098", "Xã Tái Sơn", "000.11.58.H23").await?;
    twin.import(&fixture("ngoc-ky-dossiers.csv")).await?;
    twin.enroll(&district, clean.addr()).await?;
    assert_eq!(twin.sync().await?.0, Some(0));
    let needed = clean.stats().bytes_up;

    let bad = Line::start(district.address, Weather::clean())?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    commune.import(&fixture("ngoc-ky-dossiers.csv")).await?;
    commune.enroll(&district, bad.addr()).await?;
    bad.set(Weather { cut_every: Some(20_000..=200_000), seed: 7, ..Weather::clean() });
    sync_to_the_end(&commune).await?;
    let stats = bad.stats();
    assert!(stats.cuts >= 5, "{} cuts", stats.cuts);
    assert_each_entry_once(&commune, &district)?;
    let spent = stats.bytes_up;
    assert!(spent * 10 <= needed * 13, "{spent} bytes against {needed} on a clean line, {} cuts", stats.cuts);
    commune.verify().await?;
    district.verify().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_responses_store_nothing_twice() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let district = District::found(folder.path()).await?;
    let _server = district.serve().await?;
    let line = Line::start(district.address, Weather::clean())?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    let register = folder.path().join("some.csv");
    std::fs::write(&register, motcua_tests::register::csv(4, "000.11.57.H23", "2023-01-03".parse()?, 900))?;
    commune.import(&register).await?;
    commune.enroll(&district, line.addr()).await?;
    // Handshakes pass; of each connection the answers after them are lost sooner or later, when the segment is stored.
    line.set(Weather { drop_responses: true, drop_responses_after: 4_000, ..Weather::clean() });
    let (_, said) = commune.sync().await?;
    assert!(said["cuts"].as_u64() > Some(2), "answers were lost: {said}");
    assert!(said["sent_bytes"].as_u64() > Some(0));
    line.set(Weather::clean());
    sync_to_the_end(&commune).await?;
    assert_each_entry_once(&commune, &district)?;
    district.verify().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_captive_portal_and_a_dead_line_are_not_called_sent() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let district = District::found(folder.path()).await?;
    let _server = district.serve().await?;
    let line = Line::start(district.address, Weather::clean())?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    let register = folder.path().join("few.csv");
    std::fs::write(&register, motcua_tests::register::csv(3, "000.11.57.H23", "2023-01-03".parse()?, 20))?;
    commune.import(&register).await?;
    commune.enroll(&district, line.addr()).await?;
    for weather in [Weather { captive_portal: true, ..Weather::clean() }, Weather::down()] {
        line.set(weather.clone());
        let (exit, said) = commune.sync().await?;
        assert_eq!((exit, said["stored_through"].as_u64()), (Some(3), Some(0)), "{weather:?}: {said}");
        assert_eq!(said["outcome"], "offline", "{weather:?}");
    }
    line.set(Weather { delay: Duration::from_millis(50), ..Weather::clean() });
    assert_eq!(commune.sync().await?.0, Some(0));
    Ok(())
}

//! The district's server by itself: it backs up and proves it, it stops taking before its disk is full, it stops in order.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use motcua_tests::crowd::{Viewer, all_send, enrol, found_offices};
use motcua_tests::register;
use motcua_tests::world::{Commune, District, Server, expect, programs, text, until};
use serde_json::Value;

/// A commune with a register of its own, enrolled.
async fn commune(folder: &Path, district: &District, unit: &str, dossiers: usize) -> Result<Commune> {
    let commune = Commune::found(folder, unit, "Xã Tưởng Tượng", &format!("000.{unit}")).await?;
    let file = folder.join(format!("{unit}.csv"));
    std::fs::write(&file, register::csv(1, &format!("000.{unit}"), "2023-01-03".parse()?, dossiers))?;
    commune.import(&file).await?;
    commune.enroll(district, district.address).await?;
    Ok(commune)
}

async fn status(district: &District) -> Result<Value> {
    let printed = expect(&programs().aggregator, &["status", "--data", text(&district.data), "--json"]).await?;
    Ok(serde_json::from_str(&printed)?)
}

/// What monitoring reads, from this machine.
async fn metrics(district: &District, server: &Server) -> Result<String> {
    Viewer::log_in(district, &server.url).await?.look("/metrics").await
}

fn number(metrics: &str, name: &str) -> Option<f64> {
    metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

/// As if the server had stood still since: its next look finds a night that was missed.
fn make_due(district: &District) -> Result<()> {
    district.database()?.execute_batch(
        "delete from backup_run;
         insert into backup_run (at, outcome, folder, entries, bytes, words)
         values ('2023-01-01T00:00:00+07:00', 'begun', '', 0, 0, '')",
    )?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_backup_of_the_night_is_made_while_the_server_runs_and_proven_by_a_new_life() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let district = District::found(folder.path()).await?;
    let server = district.serve().await?;
    let commune = commune(folder.path(), &district, "11089", 50).await?;
    assert_eq!(commune.sync().await?.0, Some(0));
    server.stop().await?;
    let stored = status(&district).await?["stored"].as_i64().context("a count")?;

    make_due(&district)?;
    let backups = folder.path().join("đĩa khác");
    let server = district.serve_with(&["--backups", text(&backups)]).await?;
    let runs = "select count(*) from backup_run where outcome <> 'begun'";
    until("a backup", || Ok(district.database()?.query_row(runs, [], |row| row.get::<_, i64>(0))? > 0)).await?;
    let told = status(&district).await?["operation"]["last_good"].clone();
    assert_eq!(told["entries"].as_i64(), Some(stored), "{told}");
    let copy = told["folder"].as_str().context("a folder")?.to_owned();
    assert_eq!(std::fs::read_dir(&backups)?.count(), 1, "nothing is left of the rehearsal");
    assert!(number(&metrics(&district, &server).await?, "motcua_backup_ok").is_some_and(|ok| ok > 0.0));
    server.stop().await?;

    let again = District { data: folder.path().join("again"), ..district };
    expect(&programs().aggregator, &["restore", "--data", text(&again.data), &copy]).await?;
    again.verify().await?;
    assert_eq!(status(&again).await?["stored"].as_i64(), Some(stored));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_cannot_become_a_new_life_is_told_and_older_ones_stay() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let district = District::found(folder.path()).await?;
    let server = district.serve().await?;
    let commune = commune(folder.path(), &district, "11089", 20).await?;
    assert_eq!(commune.sync().await?.0, Some(0));
    server.stop().await?;
    let older = district.data.join("backups/2022-12-31T0230");
    expect(&programs().aggregator, &["backup", "--data", text(&district.data), text(&older)]).await?;

    // Somebody changes a figure behind our back: what is copied does not follow from its log.
    district.database()?.execute("update rollup set received_in_person = received_in_person + 1", [])?;
    make_due(&district)?;
    let server = district.serve_with(&["--backup-copies", "1"]).await?;
    let failed = "select count(*) from backup_run where outcome = 'failed'";
    until("a failure", || Ok(district.database()?.query_row(failed, [], |row| row.get::<_, i64>(0))? > 0)).await?;
    let told = status(&district).await?["operation"].clone();
    let words = told["troubles"].to_string();
    assert!(words.contains("không thành") && words.contains("dựng lại không khớp"), "{words}");
    assert!(told["last_good"].is_null() && older.is_dir());
    assert_eq!(number(&metrics(&district, &server).await?, "motcua_backup_ok"), Some(0.0));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_nearly_full_takes_nothing_and_everything_else_goes_on() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let district = District::found(folder.path()).await?;
    let server = district.serve_with(&["--disk-reserve-mb", "100000000"]).await?;
    let commune = commune(folder.path(), &district, "11089", 20).await?;
    let (exit, said) = commune.sync().await?;
    assert_eq!(exit, Some(3), "{said}");
    assert!(said["detail"].as_str().is_some_and(|detail| detail.contains("Ổ đĩa của máy chủ tổng hợp đã đầy")), "{said}");
    assert_eq!(said["stored_through"].as_u64(), Some(0), "a receipt says what is held, and is still given");
    let stored: i64 = district.database()?.query_row("select count(*) from entry", [], |row| row.get(0))?;
    assert_eq!(stored, 0);
    let counted = metrics(&district, &server).await?;
    assert!(number(&counted, "motcua_sync_segments_total{outcome=\"disk_full\"}").is_some_and(|count| count > 0.0), "{counted}");
    assert!(number(&counted, "motcua_receipts_issued_total").is_some_and(|count| count > 0.0), "{counted}");
    server.stop().await?;

    let _server = district.serve().await?;
    assert_eq!(commune.sync().await?.0, Some(0), "it goes on when there is room");
    district.verify().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_stopped_while_many_send_ends_in_order_and_nothing_is_lost() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let district = District::found(folder.path()).await?;
    let server = district.serve().await?;
    let made = async |unit| commune(folder.path(), &district, unit, 700).await;
    let communes = [made("11074").await?, made("11083").await?, made("11089").await?, made("11098").await?];
    let [one, two, three, four] = communes.each_ref();
    let sending = async { tokio::try_join!(one.sync(), two.sync(), three.sync(), four.sync()) };
    let stopping = async {
        let some = || Ok(district.database()?.query_row("select count(*) from entry", [], |row| row.get::<_, i64>(0))? > 0);
        until("the first entries", some).await?;
        let exit = server.stop().await?;
        anyhow::Ok((exit, district.serve().await?))
    };
    let (said, stopped) = tokio::join!(sending, stopping);
    let (exit, _server) = stopped?;
    assert_eq!(exit, Some(0));
    let held = "select count(*) from entry e join stream s using (stream) where s.unit = ?1 or s.unit like ?1 || '@%'";
    for (commune, (_, said)) in communes.iter().zip(<[_; 4]>::from(said?)) {
        let held: u64 = district.database()?.query_row(held, [&commune.unit], |row| row.get(0))?;
        let known = said["stored_through"].as_u64().context("what is known to be stored")?;
        ensure!(held >= known, "{}: a receipt said {known}, and {held} are there", commune.unit);
        assert_eq!(commune.sync().await?.0, Some(0));
    }
    assert_eq!(status(&district).await?["pending"].as_u64(), Some(0));
    district.verify().await?;
    Ok(())
}

/// How long a viewer reads before asking again: fifty who never read would only show how fast this machine is.
const READING: std::time::Duration = std::time::Duration::from_secs(1);

/// What the first page says of how many offices sent everything.
fn complete(page: &str) -> Option<usize> {
    page.split(" trên 300 đơn vị đã gửi đủ").next()?.rsplit('>').next()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_viewers_look_while_three_hundred_agents_send_and_nobody_is_turned_away_or_shown_less_than_before() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let district = District::found(folder.path()).await?;
    let peers = enrol(&district, 300, 12)?;
    found_offices(&district, folder.path(), 300).await?;
    let server = district.serve().await?;
    let viewer = Viewer::log_in(&district, &server.url).await?;
    let mut viewers = tokio::task::JoinSet::new();
    let (done, watched) = tokio::sync::watch::channel(false);
    for number in 0..50 {
        let (viewer, watched) = (viewer.clone(), watched.clone());
        viewers.spawn(async move {
            let mut seen = 0;
            for round in 0.. {
                let is_over = *watched.borrow();
                let now = complete(&viewer.look("/?from=2023-01-01&to=2023-12-31").await?).context("how many are complete")?;
                ensure!(now >= seen, "{now} offices were complete, after {seen}");
                seen = now;
                viewer.look(["/compare", "/offices", "/reports/ii06", "/findings"][(number + round) % 4]).await?;
                if is_over && seen == 300 {
                    break;
                }
                tokio::time::sleep(READING).await;
            }
            Ok(())
        });
    }
    all_send(peers, 32).await?;
    done.send(true)?;
    let everybody = async {
        while let Some(seen) = viewers.join_next().await {
            seen??;
        }
        anyhow::Ok(())
    };
    let patience = std::time::Duration::from_mins(2);
    tokio::time::timeout(patience, everybody).await.context("not everybody saw that all had sent everything")??;
    server.stop().await?;
    district.verify().await?;
    Ok(())
}

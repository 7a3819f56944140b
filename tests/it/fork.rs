//! A PC that was restored from a backup, or of which there are two: nothing is lost, nothing counts twice, and the office
//! goes on.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use motcua_tests::register;
use motcua_tests::world::{Commune, District, Environment, Server, expect, programs, run, text, wall_clock_off_by};
use serde_json::Value;

const YEARS: (&str, &str) = ("2022-12-15", "2026-12-14");

/// A district that serves, and Ngọc Kỳ, enrolled.
struct Office {
    folder: tempfile::TempDir,
    district: District,
    commune: Commune,
}

impl Office {
    async fn new() -> Result<Office> {
        let folder = tempfile::tempdir()?;
        let district = District::found(folder.path()).await?;
        let commune = Commune::ngoc_ky(folder.path()).await?;
        Ok(Office { folder, district, commune })
    }

    /// Records so many dossiers of this day.
    async fn record(&self, commune: &Commune, day: &str, count: usize) -> Result<()> {
        let file = self.folder.path().join("register.csv");
        let seed = day.replace('-', "").parse()?;
        std::fs::write(&file, register::csv(seed, "000.11.57.H23", day.parse()?, count))?;
        commune.import(&file).await?;
        Ok(())
    }

    /// The same disk once more.
    fn copy(&self, name: &str) -> Result<Commune> {
        let data = self.folder.path().join(name);
        copy_folder(&self.commune.data, &data)?;
        Ok(self.another(data))
    }

    fn another(&self, data: PathBuf) -> Commune {
        let Commune { unit, name, recovery_key, .. } = &self.commune;
        Commune { unit: unit.clone(), name: name.clone(), data, recovery_key: recovery_key.clone() }
    }

    /// Dossiers in a PC's register.
    fn dossiers(commune: &Commune) -> Result<u64> {
        Ok(commune.database()?.query_row("select count(*) from dossier", [], |row| row.get(0))?)
    }

    async fn received_at_district(&self) -> Result<u64> {
        let report = self.district.ii06(YEARS.0, YEARS.1, Some("11089")).await?;
        Ok(report["total"]["received"]["total"].as_u64().unwrap_or_default())
    }

    /// Both ends prove what they hold.
    async fn sound(&self, communes: &[&Commune]) -> Result<()> {
        for commune in communes {
            commune.verify().await?;
        }
        self.district.verify().await?;
        Ok(())
    }
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let path = entry?.path();
        let target = to.join(path.file_name().context("a name")?);
        if path.is_dir() {
            copy_folder(&path, &target)?;
        } else {
            std::fs::copy(&path, target)?;
        }
    }
    Ok(())
}

/// A sync that must bring everything over.
#[track_caller]
fn is_complete((exit, said): &(Option<i32>, Value)) {
    assert_eq!((exit, &said["outcome"], &said["pending"]), (&Some(0), &"complete".into(), &0.into()), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_put_back_from_yesterday_fetches_its_own_tail_and_goes_on_in_a_new_stream() -> Result<()> {
    let office = Office::new().await?;
    let _server = office.district.serve().await?;
    office.commune.enroll(&office.district, office.district.address).await?;
    office.record(&office.commune, "2023-01-03", 30).await?;
    is_complete(&office.commune.sync().await?);
    let yesterday = office.copy("yesterday")?;
    office.record(&office.commune, "2023-03-03", 40).await?;
    is_complete(&office.commune.sync().await?);
    let was = office.commune.status().await?;

    let synced = yesterday.sync().await?;
    is_complete(&synced);
    assert!(synced.1["fetched"].as_u64() > Some(100), "{}", synced.1);
    let is = yesterday.status().await?;
    assert_ne!(is["stream"], was["stream"]);
    assert_eq!(Office::dossiers(&yesterday)?, 70);
    let key = |commune: &Commune| std::fs::read(commune.data.join("identity/key.pem"));
    assert_ne!(key(&yesterday)?, key(&office.commune)?, "the key of the new stream is where other programs look");

    office.record(&yesterday, "2023-05-03", 10).await?;
    is_complete(&yesterday.sync().await?);
    assert_eq!(office.received_at_district().await?, 80);
    office.sound(&[&yesterday]).await?;
    let here = yesterday.ii06(YEARS.0, YEARS.1).await?;
    let there = office.district.ii06(YEARS.0, YEARS.1, Some("11089")).await?;
    assert_eq!(here["rows"], there["rows"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn cloned_disk_is_told_which_pc_to_enrol_again_and_both_registers_count_once() -> Result<()> {
    let office = Office::new().await?;
    let _server = office.district.serve().await?;
    let first = &office.commune;
    first.enroll(&office.district, office.district.address).await?;
    office.record(first, "2023-01-03", 20).await?;
    is_complete(&first.sync().await?);
    let twin = office.copy("twin")?;
    office.record(first, "2023-03-03", 25).await?;
    is_complete(&first.sync().await?);
    office.record(&twin, "2023-04-03", 15).await?;
    let before = twin.status().await?["head_seq"].clone();

    let (exit, said) = twin.sync().await?;
    assert_eq!((exit, &said["outcome"]), (Some(3), &"forked".into()), "{said}");
    assert!(said["detail"].as_str().is_some_and(|detail| detail.contains("đăng ký lại")), "{said}");
    let status = twin.status().await?;
    let (at, stored) = (status["forked_at"].as_u64(), status["stored_through"].as_u64());
    assert_eq!(stored, at.map(|at| at - 1), "nothing of the branch shows as stored: {status}");
    assert_eq!(status["head_seq"], before);
    office.record(&twin, "2023-04-20", 5).await?;
    is_complete(&first.sync().await?);
    assert_eq!(office.received_at_district().await?, 45, "the branch lies aside and counts nowhere");
    let forked: u64 = office.district.database()?.query_row("select count(*) from fork", [], |row| row.get(0))?;
    assert!(forked > 0);

    twin.enroll(&office.district, office.district.address).await?;
    assert_ne!(twin.status().await?["stream"], status["stream"]);
    assert_eq!(Office::dossiers(&twin)?, 40, "its own register is whole");
    twin.verify().await?;
    let synced = twin.sync().await?;
    is_complete(&synced);
    assert_eq!(office.received_at_district().await?, 65);
    assert_eq!(Office::dossiers(&twin)?, 65, "and it has what its twin wrote until now");
    is_complete(&twin.sync().await?);
    is_complete(&first.sync().await?);
    office.sound(&[first, &twin]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_put_back_that_wrote_on_before_it_had_a_line_loses_neither_side() -> Result<()> {
    let office = Office::new().await?;
    let server = office.district.serve().await?;
    office.commune.enroll(&office.district, office.district.address).await?;
    office.record(&office.commune, "2023-01-03", 10).await?;
    is_complete(&office.commune.sync().await?);
    let restored = office.copy("restored")?;
    office.record(&office.commune, "2023-03-03", 20).await?;
    is_complete(&office.commune.sync().await?);
    server.kill().await?;
    office.record(&restored, "2023-04-03", 7).await?;
    assert_eq!(restored.sync().await?.0, Some(3));
    let _server = office.district.serve().await?;
    assert_eq!(restored.sync().await?.1["outcome"], "forked");
    restored.enroll(&office.district, office.district.address).await?;
    is_complete(&restored.sync().await?);
    assert_eq!((Office::dossiers(&restored)?, office.received_at_district().await?), (37, 37));
    office.sound(&[&restored]).await
}

async fn restore(office: &Office, file: &Path, name: &str, key: Option<&str>) -> Result<(Commune, std::process::Output)> {
    let data = office.folder.path().join(name);
    let mut arguments = vec!["restore", "--data", text(&data), text(file)];
    arguments.extend(key.iter().flat_map(|key| ["--recovery-key", key]));
    let output = run(&programs().agent, &arguments).await?;
    Ok((office.another(data), output))
}

#[tokio::test(flavor = "multi_thread")]
async fn restore_rehearsal_a_backup_file_brings_the_office_back_without_a_line() -> Result<()> {
    let office = Office::new().await?;
    let server = office.district.serve().await?;
    let old = &office.commune;
    old.enroll(&office.district, office.district.address).await?;
    office.record(old, "2023-01-03", 30).await?;
    is_complete(&old.sync().await?);
    office.record(old, "2023-02-03", 5).await?;
    let file = office.folder.path().join("office.backup");
    expect(&programs().agent, &["backup", "--data", text(&old.data), text(&file)]).await?;
    let again = run(&programs().agent, &["backup", "--data", text(&old.data), text(&file)]).await?;
    assert_eq!(again.status.code(), Some(2), "a backup is never written over");
    let bytes = std::fs::read(&file)?;
    let secret = std::fs::read(old.data.join("identity/office.key"))?;
    assert!(!bytes.windows(secret.len()).any(|window| window == secret), "the office's key is not in it");
    assert!(!String::from_utf8_lossy(&bytes).contains("PRIVATE KEY"));
    office.record(old, "2023-03-03", 20).await?;
    is_complete(&old.sync().await?);
    server.kill().await?;

    let key = old.recovery_key.as_str();
    let (_, refused) = restore(&office, &file, "no-key", None).await?;
    assert!(String::from_utf8(refused.stderr)?.contains("--recovery-key"));
    let stranger = Commune::found(office.folder.path(), "11098", "Xã Tái Sơn", "000.11.58.H23").await?;
    let (_, refused) = restore(&office, &file, "wrong-key", Some(&stranger.recovery_key)).await?;
    assert!(String::from_utf8(refused.stderr)?.contains("không đúng với bản sao lưu"));
    for (name, damaged) in [("cut", &bytes[..bytes.len() / 2]), ("nothing", &[][..]), ("text", &b"xin chao"[..])] {
        let broken = office.folder.path().join(format!("{name}.backup"));
        std::fs::write(&broken, damaged)?;
        let (made, refused) = restore(&office, &broken, name, Some(key)).await?;
        let said = String::from_utf8(refused.stderr)?;
        assert!(refused.status.code() == Some(2) && said.contains("bản"), "{name}: {said}");
        assert!(!made.data.join("motcua.db").exists(), "{name}: nothing is left behind");
    }

    let (new, output) = restore(&office, &file, "new-pc", Some(key)).await?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8(output.stdout)?.contains("35 hồ sơ"));
    assert_eq!(restore(&office, &file, "new-pc", Some(key)).await?.1.status.code(), Some(2), "an office is never written over");
    new.verify().await?;
    office.record(&new, "2023-05-03", 8).await?;
    assert_eq!(new.status().await?["enrolled"], true);
    assert_eq!(new.sync().await?.0, Some(3), "no line, and nothing called sent");

    let _server = office.district.serve().await?;
    is_complete(&new.sync().await?);
    assert_eq!((Office::dossiers(&new)?, office.received_at_district().await?), (63, 63));
    assert_eq!(new.status().await?["left_streams"], 1);
    let numbers: u32 = new.database()?.query_row("select numbers_from from office", [], |row| row.get(0))?;
    assert_eq!(numbers, 5000, "the district gave it a block of its own");
    office.sound(&[&new]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_office_restored_before_it_was_ever_enrolled_sends_its_old_stream_too() -> Result<()> {
    let office = Office::new().await?;
    let old = &office.commune;
    office.record(old, "2023-01-03", 12).await?;
    let file = office.folder.path().join("office.backup");
    expect(&programs().agent, &["backup", "--data", text(&old.data), text(&file)]).await?;
    let (new, output) = restore(&office, &file, "new-pc", Some(&old.recovery_key)).await?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    office.record(&new, "2023-03-03", 3).await?;
    let _server = office.district.serve().await?;
    new.enroll(&office.district, office.district.address).await?;
    is_complete(&new.sync().await?);
    assert_eq!(office.received_at_district().await?, 15);
    office.sound(&[&new]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_renew_by_themselves_also_after_months_offline_but_never_after_revocation() -> Result<()> {
    if wall_clock_off_by("+1d")?.is_none() {
        return Ok(()); // no libfaketime here; where everything must be there, that was an error already
    }
    let office = Office::new().await?;
    let commune = &office.commune;
    let server = office.district.serve().await?;
    commune.enroll(&office.district, office.district.address).await?;
    office.record(commune, "2023-01-03", 10).await?;
    is_complete(&commune.sync().await?);
    server.kill().await?;
    let certificate = || std::fs::read(commune.data.join("identity/cert.pem"));
    // `env` sets the clock and becomes the program.
    let later = |days: &str, program: &Path, arguments: &[&str]| -> Result<Option<Vec<String>>> {
        let clock = wall_clock_off_by(days)?;
        let words = |environment: Environment| {
            let set = environment.into_iter().map(|(name, value)| format!("{name}={value}"));
            set.chain([text(program).to_owned()]).chain(arguments.iter().map(|word| (*word).to_owned())).collect()
        };
        Ok(clock.map(words))
    };
    let sync = async |days: &str| -> Result<(Option<i32>, Value)> {
        let words = later(days, &programs().agent, &["sync", "--data", text(&commune.data), "--json"])?.context("a clock")?;
        let output = run(Path::new("env"), &words.iter().map(String::as_str).collect::<Vec<_>>()).await?;
        let said = serde_json::from_slice(&output.stdout);
        Ok((output.status.code(), said.with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?))
    };
    let serve = async |days: &str| {
        let listen = office.district.address.to_string();
        let arguments = ["serve", "--data", text(&office.district.data), "--listen", &listen];
        let words = later(days, &programs().aggregator, &arguments)?.context("a clock")?;
        Server::start(Path::new("env"), &words.iter().map(String::as_str).collect::<Vec<_>>(), &office.district.log()).await
    };
    let mut shown = certificate()?;
    // Not yet due; soon due; expired, which a clock that stands still does not see; expired two months ago.
    for (there, here, renews) in
        [("+200d", "+200d", false), ("+300d", "+300d", true), ("+690d", "+300d", true), ("+1100d", "+1100d", true)]
    {
        let server = serve(there).await?;
        is_complete(&sync(here).await?);
        assert_eq!(certificate()? != shown, renews, "{there}");
        shown = certificate()?;
        server.kill().await?;
    }
    let stream = commune.status().await?["stream"].as_str().context("a stream")?.to_owned();
    expect(&programs().aggregator, &["revoke", "--data", text(&office.district.data), "--stream", &stream]).await?;
    let server = serve("+1400d").await?;
    let (exit, said) = sync("+1400d").await?;
    assert_eq!((exit, certificate()?), (Some(3), shown), "{said}");
    assert!(said["detail"].as_str().is_some_and(|detail| detail.contains("thu hồi")), "{said}");
    server.kill().await?;
    Ok(())
}

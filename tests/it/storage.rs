//! Disks that are full, and files that a power cut tore.

#![cfg(unix)]
#![allow(clippy::print_stdout, reason = "who reads the log of a test run sees what could not be tried here")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Output;

use anyhow::{Context, Result, ensure};
use motcua_shared::entry::{Hash, Record};
use motcua_tests::register::{self, Dice};
use motcua_tests::world::{Commune, District, Server, expect, fixture, programs, run, text};
use rusqlite::Connection;
use uuid::Uuid;

/// A command under which no file grows past so many KiB. Writing more fails, as on a full disk, instead of ending the
/// program; the limit can be lifted while it runs.
fn limited<'a>(kib: &'a str, program: &'a Path, arguments: &[&'a str]) -> Vec<&'a str> {
    let script = "trap '' XFSZ; ulimit -S -f $((2 * $0)); exec \"$@\"";
    [&["-c", script, kib, text(program)], arguments].concat()
}

async fn run_limited(kib: &str, program: &Path, arguments: &[&str]) -> Result<Output> {
    run(Path::new("sh"), &limited(kib, program, arguments)).await
}

async fn serve_limited(kib: &str, program: &Path, arguments: &[&str], log: &Path) -> Result<Server> {
    Server::start(Path::new("sh"), &limited(kib, program, arguments), log).await
}

async fn lift_limit(server: &Server) -> Result<()> {
    let id = server.id().context("it runs")?.to_string();
    expect(Path::new("prlimit"), &["--pid", &id, "--fsize=unlimited:unlimited"]).await?;
    Ok(())
}

/// Records invented dossiers.
async fn record(commune: &Commune, dossiers: usize, seed: u64, from: &str) -> Result<()> {
    let file = commune.data.with_extension(format!("{seed}.csv"));
    std::fs::write(&file, register::csv(seed, &format!("000.{}", commune.unit), from.parse()?, dossiers))?;
    commune.import(&file).await?;
    Ok(())
}

fn count(database: &Connection, table: &str) -> Result<u64> {
    Ok(database.query_row(&format!("select count(*) from {table}"), [], |row| row.get(0))?)
}

#[track_caller]
fn assert_refused(output: &Output, words: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "it must not succeed: {said}");
    for words in words {
        assert!(said.contains(words), "{words}: {said}");
    }
}

const FULL: [&str; 2] = ["ổ đĩa của máy này đã đầy", "vẫn còn nguyên"];

#[tokio::test(flavor = "multi_thread")]
async fn disk_full_at_the_commune_is_said_nothing_is_saved_by_halves_and_it_goes_on_when_there_is_room() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let district = District::found(folder.path()).await?;
    let _server = district.serve().await?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    record(&commune, 20, 1, "2023-01-03").await?;
    commune.enroll(&district, district.address).await?;
    let head = commune.status().await?["head_seq"].clone();

    let register = fixture("ngoc-ky-dossiers.csv");
    let import = ["import", "--data", text(&commune.data), "dossiers", text(&register)];
    assert_refused(&run_limited("512", &programs().agent, &import).await?, &FULL);
    assert_refused(&run_limited("16", &programs().agent, &["sync", "--data", text(&commune.data), "--json"]).await?, &FULL);
    commune.verify().await?;
    let status = commune.status().await?;
    assert_eq!((&status["head_seq"], status["stored_through"].as_u64()), (&head, Some(0)), "{status}");

    commune.import(&register).await?;
    assert_eq!(commune.sync().await?.0, Some(0));
    commune.verify().await?;
    district.verify().await?;
    Ok(())
}

/// What a clerk fills in for an invented person.
fn reception() -> String {
    let id = Uuid::now_v7().to_string();
    let form = [
        ("id", id.as_str()),
        ("procedure", "2.000815"),
        ("channel", "in_person"),
        ("submitted_by", "citizen"),
        ("name", "Nguyễn Thị Thử"),
        ("identity", "030200000001"),
        ("received_at", "09:00 20/11/2023"),
    ];
    let encoded = |text: &str| text.bytes().fold(String::new(), |encoded, byte| format!("{encoded}%{byte:02X}"));
    form.map(|(name, value)| format!("{name}={}", encoded(value))).join("&")
}

#[tokio::test(flavor = "multi_thread")]
async fn disk_full_at_the_counter_every_dossier_that_was_called_saved_is_there_and_the_next_one_says_no() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    let bearer = commune.bearer("clerk").await?;
    let arguments = ["serve", "--data", text(&commune.data), "--listen", "127.0.0.1:0"];
    let server = serve_limited("160", &programs().agent, &arguments, &commune.data.with_extension("log")).await?;
    let _ = rustls::crypto::ring::default_provider().install_default(); // which another test may have done
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build()?;
    let save = async || {
        let request = client.post(format!("{}/dossiers", server.url)).header("authorization", &bearer).body(reception());
        let response = request.header("content-type", "application/x-www-form-urlencoded").send().await?;
        anyhow::Ok((response.status().as_u16(), response.text().await?))
    };
    let mut saved = 0;
    let page = loop {
        match save().await? {
            (303, _) => saved += 1,
            (507, page) => break page,
            (status, page) => anyhow::bail!("HTTP {status}: {page}"),
        }
        ensure!(saved < 1_000, "this disk never fills");
    };
    for words in ["Ổ đĩa đã đầy", "Lần này chưa lưu gì", "xóa bớt tệp"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert_eq!(count(&commune.database()?, "dossier")?, saved);
    lift_limit(&server).await?;
    assert_eq!(save().await?.0, 303, "the same program goes on when there is room");
    assert_eq!(count(&commune.database()?, "dossier")?, saved + 1);
    commune.verify().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn disk_full_at_the_district_acknowledges_nothing_that_is_not_there_and_recovers_unaided() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let district = District::found(folder.path()).await?;
    let server = district.serve().await?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    record(&commune, 900, 1, "2023-01-03").await?;
    commune.enroll(&district, district.address).await?;
    server.stop().await?;

    let listen = district.address.to_string();
    let arguments = ["serve", "--data", text(&district.data), "--listen", &listen];
    let server = serve_limited("600", &programs().aggregator, &arguments, &district.log()).await?;
    let (exit, said) = commune.sync().await?;
    assert_eq!((exit, &said["outcome"]), (Some(3), &"offline".into()), "{said}");
    assert!(said["detail"].as_str().is_some_and(|detail| detail.contains("Ổ đĩa của máy chủ tổng hợp đã đầy")), "{said}");
    assert_eq!(said["stored_through"].as_u64(), Some(count(&district.database()?, "entry")?), "a receipt speaks of rows");
    assert!(std::fs::read_to_string(district.log())?.contains("ổ đĩa của máy chủ đã đầy"), "the district's log says why");

    lift_limit(&server).await?;
    assert_eq!(commune.sync().await?.0, Some(0), "the same server goes on when there is room");
    district.verify().await?;
    Ok(())
}

/// A small file system of its own, where this machine lets us mount one.
struct SmallDisk(PathBuf);

impl SmallDisk {
    async fn mount(folder: &Path, mib: u32) -> Result<Option<SmallDisk>> {
        let place = folder.join("small");
        std::fs::create_dir(&place)?;
        let size = format!("size={mib}m");
        let mounted = run(Path::new("mount"), &["-t", "tmpfs", "-o", &size, "tmpfs", text(&place)]).await;
        let is_mounted = mounted.is_ok_and(|output| output.status.success());
        if !is_mounted {
            println!("no tmpfs can be mounted here: only limits on files were tried");
        }
        Ok(is_mounted.then_some(SmallDisk(place)))
    }

    /// Fills it up to the last `kib`.
    fn fill(&self, kib: u64) -> Result<()> {
        let mut filler = std::fs::File::create(self.0.join("filler"))?;
        while filler.write_all(&[0; 16 << 10]).is_ok() {}
        let length = filler.metadata()?.len();
        Ok(filler.set_len(length.saturating_sub(kib << 10))?)
    }

    fn empty(&self) -> Result<()> {
        Ok(std::fs::remove_file(self.0.join("filler"))?)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// The limits above make writing fail; a full file system fails in its own way.
#[tokio::test(flavor = "multi_thread")]
async fn disk_full_on_a_real_small_disk_ends_the_same() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let Some(disk) = SmallDisk::mount(folder.path(), 96).await? else { return Ok(()) };
    let district = District::found(&disk.0).await?;
    let server = district.serve_with(&["--disk-reserve-mb", "0"]).await?; // it is smaller than what is kept free else
    let commune = Commune::ngoc_ky(&disk.0).await?;
    record(&commune, 900, 1, "2023-01-03").await?;
    commune.enroll(&district, district.address).await?;
    let head = commune.status().await?["head_seq"].clone();

    disk.fill(256)?;
    let register = fixture("ngoc-ky-dossiers.csv");
    let import = run(&programs().agent, &["import", "--data", text(&commune.data), "dossiers", text(&register)]).await?;
    assert_refused(&import, &FULL);
    assert_eq!(commune.status().await?["head_seq"], head);
    let sync = run(&programs().agent, &["sync", "--data", text(&commune.data), "--json"]).await?;
    assert!(!sync.status.success(), "{}", String::from_utf8_lossy(&sync.stdout));
    disk.empty()?;

    assert_eq!(commune.sync().await?.0, Some(0));
    assert_eq!(count(&district.database()?, "entry")?, head.as_u64().context("a head")?);
    commune.verify().await?;
    district.verify().await?;
    server.stop().await?;
    Ok(())
}

/// Copies a data directory, the write-ahead log as `tear` leaves it.
fn torn(from: &Path, database: &str, to: &Path, tear: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
    std::fs::create_dir_all(to.join("identity"))?;
    for entry in std::fs::read_dir(from.join("identity"))? {
        let entry = entry?;
        std::fs::copy(entry.path(), to.join("identity").join(entry.file_name()))?;
    }
    std::fs::copy(from.join(database), to.join(database))?;
    let log = format!("{database}-wal");
    let mut bytes = std::fs::read(from.join(&log))?;
    tear(&mut bytes);
    std::fs::write(to.join(log), bytes)?;
    Ok(())
}

/// Newest entry of the log: seq and hash.
fn newest(database: &Connection) -> (u64, Vec<u8>) {
    let newest =
        database.query_row("select seq, hash from entry order by n desc limit 1", [], |row| Ok((row.get(0)?, row.get(1)?)));
    newest.unwrap_or_default()
}

/// Story 23: power cuts tear files, and programs loop, panic or begin anew.
#[tokio::test(flavor = "multi_thread")]
async fn torn_storage_of_an_agent_opens_with_what_was_committed_before_the_tear() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    record(&commune, 5, 1, "2021-01-04").await?;
    // Held open, so that nobody folds the write-ahead log into the file.
    let watcher = commune.database()?;
    let mut heads = vec![newest(&watcher)];
    for (seed, from) in [(2, "2022-01-04"), (3, "2023-01-03"), (4, "2024-01-03")] {
        record(&commune, 30, seed, from).await?;
        heads.push(newest(&watcher));
    }
    let length = std::fs::metadata(commune.data.join("motcua.db-wal"))?.len();
    ensure!(length > 100_000, "the log holds what was written last: {length}");
    let mut dice = Dice::new(23);
    let mut cuts: Vec<u64> = (0..14).map(|_| dice.below(length)).chain([0, 31, length]).collect();
    cuts.sort_unstable();
    let mut reached = 0;
    for (number, cut) in cuts.into_iter().enumerate() {
        let data = folder.path().join(format!("torn-{number}"));
        torn(&commune.data, "motcua.db", &data, |bytes| bytes.truncate(usize::try_from(cut).unwrap_or(usize::MAX)))?;
        let at = opened_at(&commune, data, &heads).await?;
        assert!(at >= reached, "more of the log cannot mean less of the register");
        reached = at;
        assert!(at < 3 || cut > length / 2);
    }
    assert_eq!(reached, 3, "the whole log is the whole register");
    for number in 0..8 {
        let data = folder.path().join(format!("bitten-{number}"));
        torn(&commune.data, "motcua.db", &data, |bytes| {
            let place = usize::try_from(dice.below(bytes.len() as u64)).expect("a place");
            bytes[place] ^= 0x20;
        })?;
        opened_at(&commune, data, &heads).await?;
    }
    Ok(())
}

/// Which of the commits an agent opens with. It must be one of them, whole.
async fn opened_at(commune: &Commune, data: PathBuf, heads: &[(u64, Vec<u8>)]) -> Result<usize> {
    let copy = Commune { unit: commune.unit.clone(), name: commune.name.clone(), data, recovery_key: String::new() };
    copy.verify().await?;
    let newest = newest(&copy.database()?);
    heads.iter().position(|head| *head == newest).with_context(|| format!("{} entries are half an import", newest.0))
}

#[tokio::test(flavor = "multi_thread")]
async fn torn_storage_of_a_district_is_noticed_by_the_communes_and_filled_up_again() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let district = District::found(folder.path()).await?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    let server = district.serve().await?;
    commune.enroll(&district, district.address).await?;
    server.stop().await?;
    let watcher = district.database()?;
    assert_eq!(count(&watcher, "entry")?, 0);
    let server = district.serve().await?;
    for (seed, from) in [(2, "2022-01-04"), (3, "2023-01-03"), (4, "2024-01-03")] {
        record(&commune, 40, seed, from).await?;
        assert_eq!(commune.sync().await?.0, Some(0));
    }
    let figures = district.ii06("2022-01-01", "2022-12-31", None).await?["total"].clone();
    server.kill().await?;

    let data = folder.path().join("torn");
    torn(&district.data, "aggregator.db", &data, |bytes| bytes.truncate(bytes.len() * 3 / 5))?;
    let after = District { data, address: district.address, admin_password: String::new() };
    after.verify().await?;
    let survived = count(&after.database()?, "entry")?;
    let _server = after.serve().await?;
    let (exit, said) = commune.sync().await?;
    let head = said["head_seq"].as_u64().context("a head")?;
    assert_eq!(
        (exit, said["resent"].as_u64()),
        (Some(0), Some(head - survived)),
        "what was lost is counted and sent again: {said}"
    );
    assert!(0 < survived && survived < head, "{survived} of {head}");
    assert_eq!(count(&after.database()?, "entry")?, head);
    assert_eq!(after.ii06("2022-01-01", "2022-12-31", None).await?["total"], figures);
    after.verify().await?;
    Ok(())
}

/// Every entry, to compare.
fn whole_log(database: &Connection) -> rusqlite::Result<Vec<Record>> {
    let mut statement = database.prepare("select seq, hash, body, sealed from entry order by n")?;
    let rows = statement
        .query_map([], |row| Ok(Record { seq: row.get(0)?, hash: Hash(row.get(1)?), body: row.get(2)?, sealed: row.get(3)? }))?;
    rows.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn torn_storage_with_a_zeroed_page_is_named_or_harmless_and_never_called_sound() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    record(&commune, 60, 1, "2023-01-03").await?;
    let sound = whole_log(&commune.database()?)?;
    let file = commune.data.join("motcua.db");
    let bytes = std::fs::read(&file)?;
    let mut dice = Dice::new(4096);
    let mut named = 0;
    for _ in 0..20 {
        let page = usize::try_from(1 + dice.below(bytes.len() as u64 / 4096 - 1))?;
        let mut bitten = bytes.clone();
        bitten[page * 4096..][..4096].fill(0);
        std::fs::write(&file, bitten)?;
        let output = run(&programs().agent, &["verify", "--data", text(&commune.data)]).await?;
        if output.status.success() {
            assert_eq!(whole_log(&commune.database()?)?, sound, "page {page} is zero, and it says that all is sound");
        } else {
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(said.contains("Có sai lệch") || said.contains("bị hỏng"), "page {page}: {said}");
            named += 1;
        }
    }
    assert!(named > 5, "{named} of 20 pages were missed by somebody");
    std::fs::write(&file, &bytes)?;
    commune.verify().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_database_says_what_to_do_and_is_never_taken_for_a_new_one() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let district = District::found(folder.path()).await?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    record(&commune, 40, 1, "2023-01-03").await?;
    let agent = (&programs().agent, commune.data.join("motcua.db"), ["motcua.db bị hỏng", "motcua-agent recover"]);
    let aggregator =
        (&programs().aggregator, district.data.join("aggregator.db"), ["cơ sở dữ liệu bị hỏng", "motcua-aggregator restore"]);
    for (program, file, words) in [agent, aggregator] {
        let data = text(file.parent().context("a directory")?);
        let whole = std::fs::read(&file)?;
        for length in [0, 1, 100, 4096, 4097, whole.len() / 2, whole.len() - 4096] {
            std::fs::write(&file, &whole[..length])?;
            for command in [&["status", "--data", data][..], &["verify", "--data", data], &["serve", "--data", data]] {
                let output = run(program, command).await?;
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(!output.status.success(), "{command:?} with {length} of {} bytes: {said}", whole.len());
                let is_told = words.iter().all(|words| said.contains(words)) || said.contains("cơ sở dữ liệu hỏng");
                assert!(is_told, "{command:?} with {length} of {} bytes: {said}", whole.len());
            }
            assert_eq!(std::fs::read(&file)?, &whole[..length], "what is left of it is evidence, and stays");
        }
        std::fs::write(&file, &whole)?;
        expect(program, &["verify", "--data", data]).await?;
    }
    Ok(())
}

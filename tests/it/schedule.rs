//! The office sends by itself, its clock may be wrong, and somebody says what is the matter.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use motcua_shared::calendar::VIETNAM;
use motcua_tests::line::{Line, Weather};
use motcua_tests::register;
use motcua_tests::world::{
    Commune, District, Environment, Server, expect, free_address, programs, run, run_in, text, tool, until, wall_clock_off_by,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;
use uuid::Uuid;

/// A district that serves, and a commune that is enrolled there and has sent everything.
async fn enrolled(folder: &Path) -> Result<(District, Server, Commune)> {
    let district = District::found(folder).await?;
    let server = district.serve().await?;
    let commune = Commune::ngoc_ky(folder).await?;
    commune.enroll(&district, district.address).await?;
    assert_eq!(commune.sync().await?.0, Some(0));
    Ok((district, server, commune))
}

/// Imports `count` dossiers while the PC is in this environment.
async fn import(commune: &Commune, environment: &Environment, seed: u64, count: usize) -> Result<()> {
    let file = commune.data.with_extension(format!("{seed}.csv"));
    std::fs::write(&file, register::csv(seed, "000.11.57.H23", format!("202{seed}-01-04").parse()?, count))?;
    let arguments = ["import", "--data", text(&commune.data), "dossiers", text(&file)];
    let output = run_in(environment, &programs().agent, &arguments).await?;
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Types a dossier into the page of a running agent.
async fn receive(server: &Server, bearer: &str) -> Result<()> {
    rustls::crypto::ring::default_provider().install_default().ok();
    let id = Uuid::now_v7();
    let form = format!(
        "id={id}&procedure=2.000815&channel=in_person&submitted_by=citizen&name=Nguyen+Thi+Thu&received_at=09:00+20/11/2023"
    );
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?;
    let request = client.post(format!("{}/dossiers", server.url)).header("content-type", "application/x-www-form-urlencoded");
    let answer = request.header("authorization", bearer).body(form).send().await?;
    assert_eq!(answer.status(), 303, "{}", answer.text().await?);
    Ok(())
}

fn stored(district: &District) -> Result<u64> {
    Ok(district.database()?.query_row("select count(*) from entry", [], |row| row.get(0))?)
}

fn attempts(commune: &Commune) -> Result<u64> {
    Ok(commune.database()?.query_row("select count(*) from attempt where outcome = 'complete'", [], |row| row.get(0))?)
}

async fn doctor_in(environment: &Environment, commune: &Commune) -> Result<(Option<i32>, Value)> {
    let output = run_in(environment, &programs().agent, &["doctor", "--data", text(&commune.data), "--json"]).await?;
    let said = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("no JSON: {}", String::from_utf8_lossy(&output.stderr)))?;
    Ok((output.status.code(), said))
}

#[track_caller]
fn assert_names(examined: &(Option<i32>, Value), cause: &str) {
    let (exit, said) = examined;
    assert_eq!(said["cause"], cause, "{said}");
    assert_eq!((*exit, said["ok"].as_bool()), if cause == "ok" { (Some(0), Some(true)) } else { (Some(3), Some(false)) });
    assert!(said["detail"].as_str().is_some_and(|text| text.len() > 10), "{said}");
    assert!(said["action"].as_str().is_some_and(|text| text.len() > 10), "{said}");
}

async fn assert_doctor_names(cause: &str, commune: &Commune) -> Result<()> {
    assert_names(&doctor_in(&Vec::new(), commune).await?, cause);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_saved_is_sent_soon_and_what_an_outage_held_back_after_it() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (district, server, commune) = enrolled(folder.path()).await?;
    let agent = commune.serve().await?;
    let bearer = commune.bearer("clerk").await?;
    receive(&agent, &bearer).await?;
    until("the dossier from the page is at the district", || Ok(stored(&district)? == 1)).await?;
    import(&commune, &Vec::new(), 1, 5).await?;
    let head = commune.status().await?["head_seq"].as_u64().context("a head")?;
    until("so is what another program recorded", || Ok(stored(&district)? == head)).await?;

    server.kill().await?;
    receive(&agent, &bearer).await?;
    let refused = || Ok(std::fs::read_to_string(commune.log())?.contains("the line broke"));
    until("the outage was noticed", refused).await?;
    let _server = district.serve().await?;
    until("what was held back is there", || Ok(stored(&district)? == head + 1)).await?;
    agent.stop().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_night_runs_at_its_slot_with_nothing_to_send_so_that_the_district_sees_the_office() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (district, _server, commune) = enrolled(folder.path()).await?;
    let seen =
        || -> Result<String> { Ok(district.database()?.query_row("select last_seen_at from stream", [], |row| row.get(0))?) };
    let (before, first_seen) = (attempts(&commune)?, seen()?);
    let soon = chrono::Utc::now().with_timezone(&VIETNAM) + chrono::Duration::seconds(5);
    let night = format!("{}-{}", soon.format("%H:%M:%S"), (soon + chrono::Duration::seconds(1)).format("%H:%M:%S"));
    let agent = commune.serve_with(&["--night", &night]).await?;
    until("a session by itself", || Ok(attempts(&commune)? > before)).await?;
    assert!(seen()? > first_seen);
    let log = std::fs::read_to_string(commune.log())?;
    assert!(log.contains("why=Night"), "{log}");
    agent.stop().await?;

    let asked =
        |slot: u32| district.database()?.execute("update stream set night_slot_s = ?1", [slot]).map_err(anyhow::Error::from);
    asked(19 * 3600)?;
    assert_eq!(commune.sync().await?.0, Some(0));
    let receipt: Vec<u8> =
        commune.database()?.query_row("select payload from receipt order by n desc limit 1", [], |row| row.get(0))?;
    let receipt: motcua_shared::wire::Receipt = motcua_shared::wire::decode(&receipt)?;
    assert_eq!(receipt.night_slot_s, Some(19 * 3600), "the district's slot is in every receipt");
    Ok(())
}

async fn a_clock_off_by(offset: &str) -> Result<()> {
    let Some(off) = wall_clock_off_by(offset)? else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let (district, _server, commune) = enrolled(folder.path()).await?;
    import(&commune, &Vec::new(), 1, 5).await?;
    assert_eq!(commune.sync().await?.0, Some(0));
    import(&commune, &off, 2, 5).await?;
    let output = run_in(&off, &programs().agent, &["sync", "--data", text(&commune.data), "--json"]).await?;
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    assert_names(&doctor_in(&off, &commune).await?, "clock-wrong");

    let (exit, said) = commune.sync().await?;
    assert_eq!((exit, said["pending"].as_u64()), (Some(0), Some(0)), "{said}");
    let head = commune.status().await?["head_seq"].as_u64().context("a head")?;
    assert_eq!(stored(&district)?, head);
    assert_doctor_names("ok", &commune).await?;
    commune.verify().await?;
    district.verify().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_twenty_years_ahead_loses_nothing_is_named_and_heals() -> Result<()> {
    a_clock_off_by("+20y").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_twenty_years_behind_loses_nothing_is_named_and_heals() -> Result<()> {
    a_clock_off_by("-20y").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_two_days_off_is_measured_and_every_entry_says_so() -> Result<()> {
    let Some(off) = wall_clock_off_by("+2d")? else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let (_district, _server, commune) = enrolled(folder.path()).await?;
    import(&commune, &off, 1, 3).await?;
    let output = run_in(&off, &programs().agent, &["sync", "--data", text(&commune.data)]).await?;
    assert_eq!(output.status.code(), Some(0), "two days do not keep anybody from sending");
    assert_names(&doctor_in(&off, &commune).await?, "clock-wrong");
    import(&commune, &off, 2, 1).await?;
    let newest = "select json_extract(body, '$.clock.offset_ms') from entry order by n desc limit 1";
    let offset_ms: i64 = commune.database()?.query_row(newest, [], |row| row.get(0))?;
    let two_days = -2 * 86_400_000;
    assert!((two_days - 600_000..two_days + 600_000).contains(&offset_ms), "{offset_ms}");
    Ok(())
}

/// Lets the commune believe that its aggregator is at `address`.
fn point_at(commune: &Commune, address: &str) -> Result<()> {
    commune.database()?.execute("update office set aggregator = ?1", [format!("https://{address}/")])?;
    Ok(())
}

/// A hotel's network over TLS: a certificate of its own, HTTP 200 and a page, whatever is asked.
fn portal_over_tls() -> Result<SocketAddr> {
    let key = rcgen::KeyPair::generate()?;
    let certificate = rcgen::CertificateParams::new(vec!["localhost".to_owned()])?.self_signed(&key)?;
    let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(certificate.der().to_vec())], key)?;
    let config = Arc::new(config);
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let Ok(connection) = rustls::ServerConnection::new(Arc::clone(&config)) else { continue };
            let mut stream = rustls::StreamOwned::new(connection, stream);
            if stream.read(&mut [0; 4096]).is_ok() {
                let page = "<!doctype html><title>WiFi</title>";
                let head = format!("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\r\n", page.len());
                let _ = stream.write_all(format!("{head}{page}").as_bytes()).and_then(|()| stream.flush());
            }
        }
    });
    Ok(address)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_names_what_is_wrong_with_the_line() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (district, server, commune) = enrolled(folder.path()).await?;
    assert_doctor_names("ok", &commune).await?;
    let line = Line::start(district.address, Weather::clean())?;
    point_at(&commune, &line.addr().to_string())?;
    assert_doctor_names("ok", &commune).await?;
    let weathers = [
        (Weather { captive_portal: true, ..Weather::clean() }, "captive-portal"),
        (Weather { hang: true, ..Weather::clean() }, "unreachable"),
        (Weather::down(), "line-cut"),
    ];
    for (weather, cause) in weathers {
        line.set(weather);
        assert_doctor_names(cause, &commune).await?;
    }
    point_at(&commune, &portal_over_tls()?.to_string())?;
    assert_doctor_names("captive-portal", &commune).await?;
    point_at(&commune, "mot-cua.khong-co.invalid:7443")?;
    assert_doctor_names("name-resolution", &commune).await?;
    point_at(&commune, &free_address()?.to_string())?;
    assert_doctor_names("connection-refused", &commune).await?;

    let other = District::found(&folder.path().join("other")).await?;
    let other_server = other.serve().await?;
    point_at(&commune, &other.address.to_string())?;
    assert_doctor_names("certificate-unknown", &commune).await?;
    other_server.stop().await?;

    point_at(&commune, &district.address.to_string())?;
    assert_doctor_names("ok", &commune).await?;
    server.stop().await?;
    assert_doctor_names("connection-refused", &commune).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_district_is_left_alone_and_a_revoked_pc_is_told_so() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (district, server, commune) = enrolled(folder.path()).await?;
    server.stop().await?;
    let server = district.serve_with(&["--sync-at-once", "0"]).await?;
    import(&commune, &Vec::new(), 1, 3).await?;
    let (exit, said) = commune.sync().await?;
    assert_eq!((exit, &said["outcome"], &said["retry_after_s"]), (Some(3), &Value::from("busy"), &Value::from(30)), "{said}");
    assert_doctor_names("aggregator-busy", &commune).await?;
    server.stop().await?;
    let _server = district.serve().await?;
    assert_eq!(commune.sync().await?.0, Some(0));

    let stream = commune.status().await?["stream"].as_str().context("a stream")?.to_owned();
    expect(&programs().aggregator, &["revoke", "--data", text(&district.data), "--stream", &stream]).await?;
    assert_doctor_names("revoked", &commune).await?;
    let (exit, said) = commune.sync().await?;
    assert_eq!((exit, &said["outcome"]), (Some(3), &Value::from("refused")), "{said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_names_what_is_wrong_with_the_pc() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    assert_doctor_names("not-enrolled", &commune).await?;
    let output = run(&programs().agent, &["doctor", "--data", text(&commune.data)]).await?;
    let said = String::from_utf8(output.stdout)?;
    assert!(said.contains("chưa đăng ký") && said.contains("Việc cần làm"), "{said}");
    let file = commune.data.join("motcua.db");
    let mut bytes = std::fs::read(&file)?;
    bytes[100..4000].fill(0x5a);
    std::fs::write(&file, bytes)?;
    assert_doctor_names("database-damaged", &commune).await?;
    let nowhere = run(&programs().agent, &["doctor", "--data", text(&folder.path().join("none"))]).await?;
    assert_eq!(nowhere.status.code(), Some(2), "where there is no office there is nobody to examine");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_district_lists_who_missed_its_nights_how_many_and_since_when() -> Result<()> {
    let Some(later) = wall_clock_off_by("+4d")? else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let (district, _server, _commune) = enrolled(folder.path()).await?;
    let arguments = ["status", "--data", text(&district.data), "--json"];
    let now: Value = serde_json::from_str(&expect(&programs().aggregator, &arguments).await?)?;
    assert_eq!(now["missed_nights"], serde_json::json!([]));
    assert!(now["streams"][0]["night_slot_s"].is_u64(), "{now}");
    let output = run_in(&later, &programs().aggregator, &arguments).await?;
    let then: Value = serde_json::from_slice(&output.stdout)?;
    let absent = &then["missed_nights"][0];
    assert_eq!((&absent["unit"], &absent["name"]), (&Value::from("11089"), &Value::from("Xã Ngọc Kỳ")), "{then}");
    // Three, or four when noon went by between the two looks.
    assert!(matches!(absent["nights"].as_u64(), Some(3 | 4)), "{absent}");
    let seen = chrono::DateTime::parse_from_rfc3339(absent["last_seen_at"].as_str().context("last contact")?)?;
    let night = motcua_shared::schedule::night_of(seen);
    assert_eq!(absent["since"], motcua_shared::calendar::tomorrow(night).to_string());
    let output = run_in(&later, &programs().aggregator, &arguments[..3]).await?;
    assert!(String::from_utf8(output.stdout)?.contains("đêm liền"), "for people too");
    Ok(())
}

const DEPLOYED: [&str; 5] = [
    "agent/deploy/motcua-agent.service",
    "agent/deploy/motcua-agent-sync.service",
    "agent/deploy/motcua-agent-sync.timer",
    "agent/deploy/windows-task.xml",
    "aggregator/deploy/motcua-aggregator.service",
];

fn deployed(file: &str) -> Result<String> {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file)).with_context(|| file.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_takes_the_units_and_the_programs_take_what_they_say() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let Some(verifier) = tool(&["/usr/bin/systemd-analyze", "/bin/systemd-analyze"])? else { return Ok(()) };
    for file in DEPLOYED.iter().filter(|file| Path::new(file).extension().is_none_or(|kind| kind != "xml")) {
        let unit = deployed(file)?
            .replace("/usr/local/bin/motcua-agent", text(&programs().agent))
            .replace("/usr/local/bin/motcua-aggregator", text(&programs().aggregator));
        std::fs::write(folder.path().join(Path::new(file).file_name().context("a name")?), unit)?;
    }
    for unit in std::fs::read_dir(folder.path())? {
        let unit = unit?.path();
        let output = run(&verifier, &["verify", text(&unit)]).await?;
        assert!(output.status.success(), "{}: {}", unit.display(), String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

#[test]
fn what_is_deployed_names_commands_that_there_are_and_the_task_is_well_formed() -> Result<()> {
    for (file, command) in
        DEPLOYED.iter().zip(["motcua-agent serve", "motcua-agent sync", "[Timer]", "sync --data", "motcua-aggregator serve"])
    {
        assert!(deployed(file)?.contains(command), "{file}: {command}");
    }
    let task = deployed(DEPLOYED[3])?;
    let mut open: Vec<&str> = Vec::new();
    for tag in task.split('<').skip(1).filter(|tag| !tag.starts_with(['?', '!'])) {
        let (tag, _) = tag.split_once('>').context("a tag that ends")?;
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name)),
            None => open.push(tag.split_whitespace().next().context("a name")?),
        }
    }
    assert!(open.is_empty() && task.starts_with("<?xml") && task.is_ascii(), "{open:?}");
    Ok(())
}

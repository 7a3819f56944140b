//! Offices and districts of different ages: what one does not understand yet, it keeps, sends on, and applies one day.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use ed25519_dalek::{Signer as _, SigningKey};
use minicbor::Encoder;
use motcua_shared::wire::{self, Hello, OLDEST_PROTOCOL, PROTOCOL, Receipt, Signed, Upload};
use motcua_tests::caller::{Answer, NONCE, Peer};
use motcua_tests::fuzz::TARGETS;
use motcua_tests::register;
use motcua_tests::world::{Commune, District, Server, expect, fixture, programs, run, text};
use rusqlite::params;

/// A district that serves, and a commune with three invented dossiers, enrolled.
async fn scene(folder: &Path) -> Result<(District, Server, Commune)> {
    let district = District::found(folder).await?;
    let server = district.serve().await?;
    let commune = Commune::ngoc_ky(folder).await?;
    let file = folder.join("register.csv");
    std::fs::write(&file, register::csv(1, "000.11.57.H23", "2023-01-03".parse()?, 3))?;
    commune.import(&file).await?;
    commune.enroll(&district, district.address).await?;
    Ok((district, server, commune))
}

/// An entry as a program two versions newer may write it: a kind, a version and header fields that nobody here knows.
fn newer(dossier: &str, kind: &str, version: u16) -> String {
    format!(
        r#"{{"v":{version},"seq":SEQ,"kind":"{kind}","dossier":"{dossier}","author":"lan","device":"máy 2","recorded_at":"2026-11-22T10:00:00+07:00","clear":{{"at":"2026-11-22T09:00:00+07:00","shelf":[1,2]}}}}"#
    )
}

/// The dossier of the first entry.
fn first_dossier(peer: &Peer) -> Result<String> {
    let body: serde_json::Value = serde_json::from_str(&peer.log[0].body)?;
    Ok(body["dossier"].as_str().context("a dossier")?.to_owned())
}

async fn figures(district: &District) -> Result<serde_json::Value> {
    Ok(district.ii06("2022-12-15", "2023-12-14", None).await?["total"].clone())
}

/// Entries that the newer program left in the log of an office that went back to this one.
fn leave_behind(commune: &Commune, peer: &Peer, from: usize) -> Result<()> {
    let database = commune.database()?;
    for record in &peer.log[from..] {
        let body: serde_json::Value = serde_json::from_str(&record.body)?;
        let dossier = body["dossier"].as_str().and_then(|text| uuid::Uuid::parse_str(text).ok());
        database.execute(
            "insert into entry (stream, seq, hash, body, sealed, dossier) values (?1, ?2, ?3, ?4, ?5, ?6)",
            params![peer.stream, record.seq, record.hash.0, record.body, record.sealed, dossier],
        )?;
    }
    Ok(())
}

/// Story 20: after an upgrade the server rejects old rows, and the client can neither send nor delete them.
#[tokio::test(flavor = "multi_thread")]
async fn upgrade_matrix_newer_entries_are_kept_sent_on_and_hold_back_their_own_dossier_only() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (district, _server, commune) = scene(folder.path()).await?;
    assert_eq!(commune.sync().await?.0, Some(0));
    let before = figures(&district).await?;
    let mut peer = Peer::of(&commune, district.address)?;
    let (old, end) = (first_dossier(&peer)?, peer.log.len());
    peer.record_raw(&newer(&old, "shelved", 3), b"sealed by a newer program");
    peer.record_raw(&newer(&old, "returned", 2), b"");
    peer.record_raw(&newer("00000000-0000-0000-0000-000000000009", "shelved", 1), b"");
    leave_behind(&commune, &peer, end)?;

    // The office still works: its older program shows, counts, proves and sends what it has.
    let status = commune.status().await?;
    assert_eq!(status["pending"].as_u64(), Some(3), "{status}");
    let (exit, said) = commune.sync().await?;
    assert_eq!((exit, said["pending"].as_u64()), (Some(0), Some(0)), "{said}");
    assert_eq!(commune.status().await?["quarantined"].as_u64(), Some(3), "the office is told what waits");
    let rows = run(&programs().aggregator, &["status", "--data", text(&district.data), "--json"]).await?;
    assert!(String::from_utf8_lossy(&rows.stdout).contains("\"quarantined\": 3"), "{}", String::from_utf8_lossy(&rows.stdout));
    district.verify().await?;
    assert_eq!(figures(&district).await?, before, "what is not understood counts nowhere");

    // Others are not held back, and the bytes are those of the newer program, also when they come back.
    let more = folder.path().join("more.csv");
    std::fs::write(&more, register::csv(2, "000.11.57.H23", "2023-02-01".parse()?, 3))?;
    commune.import(&more).await?;
    assert_eq!(commune.sync().await?.0, Some(0));
    assert_ne!(figures(&district).await?, before);
    let stored: (String, Vec<u8>) =
        district
            .database()?
            .query_row("select body, sealed from entry where seq = ?1", [end as u64 + 1], |row| Ok((row.get(0)?, row.get(1)?)))?;
    assert_eq!(stored, (peer.log[end].body.clone(), b"sealed by a newer program".to_vec()));
    assert_eq!(peer.put(end as u64 + 1, end as u64 + 3).await?.quarantined.len(), 3);
    Ok(())
}

/// What an older district could not apply, this one does: as if the former had known no kind at all.
#[tokio::test(flavor = "multi_thread")]
async fn upgrade_matrix_what_an_older_district_held_back_is_applied_by_a_rebuild() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (district, server, commune) = scene(folder.path()).await?;
    assert_eq!(commune.sync().await?.0, Some(0));
    let expected = figures(&district).await?;
    server.stop().await?;
    let database = district.database()?;
    database.execute_batch(
        "delete from dossier; delete from rollup; delete from rollup_unit; delete from rollup_procedure;
         insert into quarantine (n, stream, seq, dossier, reason)
             select n, stream, seq, dossier, 'kind received is not known to this version' from entry;",
    )?;
    drop(database);
    district.verify().await?;
    assert_ne!(figures(&district).await?, expected, "the older district counted nothing");
    expect(&programs().aggregator, &["verify", "--data", text(&district.data), "--rebuild"]).await?;
    assert_eq!(figures(&district).await?, expected);
    let _server = district.serve().await?;
    let (exit, _) = commune.sync().await?;
    assert_eq!(
        (exit, commune.status().await?["quarantined"].as_u64()),
        (Some(0), Some(0)),
        "the office hears that nothing waits"
    );
    Ok(())
}

/// A message with fields of a version to come, after those that it has.
fn grown(message: &[u8]) -> Vec<u8> {
    assert!((0xa0..0xb6).contains(&message[0]), "a map of few fields");
    let mut bytes = message.to_vec();
    bytes[0] += 2;
    let mut encoder = Encoder::new(&mut bytes);
    encoder
        .u8(60)
        .and_then(|e| e.array(2))
        .and_then(|e| e.str("mới"))
        .and_then(|e| e.bool(true))
        .expect("a vector takes every byte");
    encoder.u8(61).and_then(|e| e.map(1)).and_then(|e| e.u8(0)).and_then(|e| e.null()).expect("a vector takes every byte");
    bytes
}

/// A map of messages that are encoded already.
fn map(fields: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![0xa0 + u8::try_from(fields.len()).expect("few fields")];
    for (number, field) in (0u8..).zip(fields) {
        bytes.push(number);
        bytes.extend_from_slice(field);
    }
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn upgrade_matrix_messages_with_fields_of_a_newer_program_are_understood() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (district, _server, commune) = scene(folder.path()).await?;
    let peer = Peer::of(&commune, district.address)?;
    let stream = [&[0x50], peer.stream.as_bytes().as_slice()].concat();
    let hello = grown(&map(&[&stream, &grown(&wire::encode(&peer.report()))]));
    assert_eq!(wire::decode::<Hello>(&hello)?, Hello { stream: peer.stream, report: peer.report() });
    let answer = peer.caller.ask("POST", "/sync/v1/hello", &hello).await?;
    assert_eq!(peer.receipt(&answer)?.stored_through, 0);

    let end = peer.head().seq;
    let segment = peer.segment(1, end);
    let upload = grown(&map(&[&grown(&wire::encode(&peer.report())), &grown(&wire::encode(&segment))]));
    assert_eq!(wire::decode::<Upload>(&upload)?, Upload { report: peer.report(), segment });
    let answer = peer.caller.ask("PUT", &peer.path(1), &upload).await?;
    let receipt = peer.receipt(&answer)?;
    assert_eq!((receipt.stored_through, receipt.nonce), (end, NONCE));
    newer_receipt_is_believed(&receipt);
    district.verify().await?;
    Ok(())
}

/// The signature is over the bytes that came, whatever they say besides.
fn newer_receipt_is_believed(receipt: &Receipt) {
    let key = SigningKey::from_bytes(&[3; 32]);
    let payload = grown(&wire::encode(receipt));
    let signature = key.sign(&[b"motcua receipt v1\0".as_slice(), &payload].concat()).to_bytes();
    let signed = grown(&wire::encode(&Signed { payload, signature }));
    let read: Signed = wire::decode(&signed).expect("a signed message");
    assert_eq!(read.open_receipt(&key.verifying_key()).as_ref(), Some(receipt));
}

#[tokio::test(flavor = "multi_thread")]
async fn upgrade_matrix_a_newer_agent_is_understood_and_a_protocol_that_nobody_shares_is_refused_in_words() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (district, _server, commune) = scene(folder.path()).await?;
    let peer = Peer::of(&commune, district.address)?;
    let is_refused = |answer: &Answer| -> Result<()> {
        let problem: serde_json::Value = serde_json::from_slice(&answer.body)?;
        assert_eq!((answer.status, problem["type"].as_str()), (400, Some("urn:motcua:problem:protocol")), "{problem}");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("Hãy cập nhật chương trình")), "{problem}");
        Ok(())
    };
    for protocol in [0, 1, 2, 3, u16::MAX] {
        let mut hello: Hello = wire::decode(&peer.hello())?;
        hello.report.protocol = protocol;
        let answer = peer.caller.ask("POST", "/sync/v1/hello", &wire::encode(&hello)).await?;
        if protocol < OLDEST_PROTOCOL {
            is_refused(&answer)?;
            continue;
        }
        let signed: Signed = wire::decode(&answer.body)?;
        let receipt: Receipt = wire::decode(&signed.payload)?;
        assert_eq!((answer.status, receipt.protocol), (200, PROTOCOL), "it says what it speaks, and a newer agent speaks that");
    }
    let mut upload: Upload = wire::decode(&peer.upload(1, 1))?;
    upload.segment.protocol = PROTOCOL + 1;
    is_refused(&peer.caller.ask("PUT", &peer.path(1), &wire::encode(&upload)).await?)?;
    assert_eq!(commune.sync().await?.0, Some(0));
    Ok(())
}

fn released() -> PathBuf {
    fixture("wire").join("v1")
}

/// Bytes that the first released programs sent. They stay, whatever is added to the messages.
#[test]
fn released_messages_are_read_for_ever() -> Result<()> {
    let mut read = 0;
    for file in std::fs::read_dir(released())? {
        let file = file?.path();
        let name = file.file_stem().and_then(|name| name.to_str()).context("a name")?;
        let target =
            TARGETS.iter().find(|target| name.starts_with(target.name)).with_context(|| format!("{name}: whose is it?"))?;
        assert!((target.run)(&std::fs::read(&file)?), "{name} is not read any more");
        read += 1;
    }
    assert!(read >= 25, "{read} messages");
    Ok(())
}

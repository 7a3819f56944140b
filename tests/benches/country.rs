//! A country's night: 10,600 offices × 40 entries, each its own mutual-TLS connection, against one aggregator process,
//! the clients on the same machine.
//!
//! What an office does on its own PC (its log, packing and signing) is done before; connecting, both handshakes, the
//! upload and checking the receipt are measured. `cargo bench --bench country`.

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use motcua_agent::uplink::tls;
use motcua_aggregator::authority::{self, Authority};
use motcua_aggregator::store::SqliteStore;
use motcua_shared::calendar::{Calendar, local};
use motcua_shared::catalogue::Catalogue;
use motcua_shared::entry::{Draft, Head, Record};
use motcua_shared::import;
use motcua_shared::seal::OfficeKey;
use motcua_shared::wire::{EnrolRequest, Enrolled};
use motcua_tests::caller::{Caller, Peer};
use motcua_tests::measure::{load, peak};
use motcua_tests::register;
use motcua_tests::world::{District, expect, programs, text};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use uuid::Uuid;

const OFFICES: usize = 10_600;
const ENTRIES: usize = 40;
const AT_ONCE: usize = 64;

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
    let offices = setting("MOTCUA_OFFICES").unwrap_or(OFFICES);
    let start = Instant::now();
    let peers = enrol(&district, offices)?;
    found_offices(&district, folder.path(), offices).await?;
    println!("{offices} offices enrolled in {} s; load {}", start.elapsed().as_secs(), load());

    let server = district.serve().await?;
    let id = server.id().context("the aggregator runs")?;
    let spent_before = processor_time(id);
    let (night, slowest) = all_send(peers).await?;
    let entries: usize = district.database()?.query_row("select count(*) from entry", [], |row| row.get(0))?;
    ensure!(entries == offices * ENTRIES, "{entries} entries");
    let each = night.as_secs_f64() * 1_000.0 / f64::from(u32::try_from(offices)?);
    println!("a country's night              {:>8.1} s    target ≤ 180 for 10,600 offices; load {}", night.as_secs_f64(), load());
    println!("each office                    {each:>8.2} ms   slowest {} ms", slowest.as_millis());
    println!(
        "aggregator, processor time     {:>8.1} s    peak memory {} KiB",
        processor_time(id) - spent_before,
        peak(id).unwrap_or(0)
    );
    server.stop().await?;
    Ok(())
}

fn setting(name: &str) -> Option<usize> {
    std::env::var(name).ok()?.parse().ok()
}

/// Seconds of processor time of a process, where the system tells it.
fn processor_time(id: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |place: usize| fields.get(place).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

async fn found_offices(district: &District, folder: &std::path::Path, offices: usize) -> Result<()> {
    let mut units = String::from("code,name,kind,parent,valid_from,valid_to,successor\n298,Cả nước,node,,2019-12-01,,\n");
    for number in 0..offices {
        writeln!(units, "{},Xã Tưởng Tượng {number},commune,298,2019-12-01,,", unit(number))?;
    }
    let file = folder.join("country.csv");
    std::fs::write(&file, units)?;
    expect(&programs().aggregator, &["units", "--data", text(&district.data), "import", text(&file)]).await?;
    Ok(())
}

fn unit(number: usize) -> String {
    format!("{:05}", 20_000 + number)
}

/// Enrols every office in this process, and packs its night.
fn enrol(district: &District, offices: usize) -> Result<Vec<Peer>> {
    let mut store = SqliteStore::open(&district.data)?;
    let authority = Authority::open(&district.data)?;
    let lives = import::dossiers(
        register::csv(1, "000.00.00.H00", "2023-01-03".parse()?, ENTRIES).as_bytes(),
        &Catalogue::starter(),
        &Calendar::starter(),
        |_| false,
    );
    let lives = lives.map_err(|faults| anyhow::anyhow!("{faults:?}"))?;
    (0..offices)
        .map(|number| {
            let (stream, key) = (Uuid::now_v7(), SigningKey::from_bytes(&authority::chance()));
            let enrolled = enrol_one(&mut store, &authority, &unit(number), stream, &key)?;
            Ok(Peer {
                caller: Caller::new(client(&enrolled, &key)?, district.address),
                stream,
                log: night(stream, &lives),
                server_id: enrolled.server_id,
                receipt_key: authority.receipt_key(),
                key,
            })
        })
        .collect()
}

fn enrol_one(store: &mut SqliteStore, authority: &Authority, unit: &str, stream: Uuid, key: &SigningKey) -> Result<Enrolled> {
    let now = local(chrono::Utc::now());
    let (code, _) = authority::enrolment_code(store, authority, unit, 1, now)?;
    let request = EnrolRequest {
        secret: code.secret.to_vec(),
        unit: unit.to_owned(),
        stream,
        request_pem: tls::certificate_request(key, unit, stream)?,
        report: motcua_agent::uplink::report(Head::genesis(stream), [0; 16], None, None),
    };
    Ok(authority::enrol(store, authority, &request, now)?)
}

fn client(enrolled: &Enrolled, key: &SigningKey) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(enrolled.ca_pem.as_bytes())?)?;
    let pem = key.to_pkcs8_pem(LineEnding::LF)?;
    let certificate = CertificateDer::from_pem_slice(enrolled.certificate_pem.as_bytes())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[&rustls::version::TLS13])?;
    let config = config.with_root_certificates(roots);
    Ok(config.with_client_auth_cert(vec![certificate], PrivateKeyDer::from_pem_slice(pem.as_bytes())?)?)
}

/// 40 entries of dossiers of this stream's own.
fn night(stream: Uuid, lives: &[import::Imported]) -> Vec<Record> {
    let key = OfficeKey::from_bytes([4; 32]);
    let now = local(chrono::Utc::now());
    let mut head = Head::genesis(stream);
    let mut log = Vec::with_capacity(ENTRIES);
    for life in lives {
        let dossier = Uuid::now_v7();
        let mut person = Some(life.person.clone());
        for event in &life.events {
            if log.len() == ENTRIES {
                return log;
            }
            let draft = Draft {
                event: event.clone(),
                dossier: Some(dossier),
                author: "lan".to_owned(),
                recorded_at: now,
                clock: None,
                sealed: person.take(),
            };
            let record = head.next(stream, &draft, &key, authority::chance());
            head = record.head();
            log.push(record);
        }
    }
    log
}

/// Everybody sends, so many at once; gives how long it took and the longest that one office waited.
async fn all_send(peers: Vec<Peer>) -> Result<(Duration, Duration)> {
    let uploads: Vec<Vec<u8>> = peers.iter().map(|peer| peer.upload(1, ENTRIES as u64)).collect();
    let shared = Arc::new((peers, uploads, AtomicUsize::new(0)));
    let start = Instant::now();
    let workers: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let shared = Arc::clone(&shared);
            tokio::spawn(async move {
                let (peers, uploads, next) = &*shared;
                let mut slowest = Duration::ZERO;
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(peer) = peers.get(number) else { return anyhow::Ok(slowest) };
                    let start = Instant::now();
                    let answer = peer.caller.ask("PUT", &peer.path(1), &uploads[number]).await?;
                    ensure!(peer.receipt(&answer)?.head() == peer.head(), "another receipt");
                    slowest = slowest.max(start.elapsed());
                }
            })
        })
        .collect();
    let mut slowest = Duration::ZERO;
    for worker in workers {
        slowest = slowest.max(worker.await??);
    }
    Ok((start.elapsed(), slowest))
}

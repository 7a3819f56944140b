//! Many offices and many viewers of one district, without a PC for each: offices whose log is packed and signed in this
//! process, officers who ask for page after page.
//!
//! Promise: each office is enrolled, speaks mutual TLS and checks its receipts, as an agent does; each viewer is logged in.
//! Start at [`enrol`], [`all_send`] and [`Viewer::log_in`].

use std::fmt::Write as _;
use std::path::Path;
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
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use uuid::Uuid;

use crate::caller::{Caller, Peer};
use crate::register;
use crate::world::{District, expect, programs, text};

/// Gives the district so many invented communes, instead of its own.
pub async fn found_offices(district: &District, folder: &Path, offices: usize) -> Result<()> {
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

/// Enrols every office in this process, and packs so many entries of each.
pub fn enrol(district: &District, offices: usize, entries: usize) -> Result<Vec<Peer>> {
    let mut store = SqliteStore::open(&district.data)?;
    let authority = Authority::open(&district.data)?;
    let lives = import::dossiers(
        register::csv(1, "000.00.00.H00", "2023-01-03".parse()?, entries).as_bytes(),
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
                log: night(stream, &lives, entries),
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

/// Entries of dossiers of this stream's own.
fn night(stream: Uuid, lives: &[import::Imported], entries: usize) -> Vec<Record> {
    let key = OfficeKey::from_bytes([4; 32]);
    let now = local(chrono::Utc::now());
    let mut head = Head::genesis(stream);
    let mut log = Vec::with_capacity(entries);
    for life in lives {
        let dossier = Uuid::now_v7();
        let mut person = Some(life.person.clone());
        for event in &life.events {
            if log.len() == entries {
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

/// Everybody sends all, so many at once; gives how long it took and the longest that one office waited.
pub async fn all_send(peers: Vec<Peer>, at_once: usize) -> Result<(Duration, Duration)> {
    let uploads: Vec<Vec<u8>> = peers.iter().map(|peer| peer.upload(1, peer.log.len() as u64)).collect();
    let shared = Arc::new((peers, uploads, AtomicUsize::new(0)));
    let start = Instant::now();
    let workers: Vec<_> = (0..at_once)
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

/// An officer with a browser; a clone is the same officer at another desk.
#[derive(Clone)]
pub struct Viewer {
    client: reqwest::Client,
    url: String,
    cookie: String,
}

impl Viewer {
    /// Logs in at the server `url` of the district.
    pub async fn log_in(district: &District, url: &str) -> Result<Viewer> {
        let _ = rustls::crypto::ring::default_provider().install_default(); // which another one may have done
        let authority = std::fs::read(district.data.join("identity/ca.pem"))?;
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .tls_certs_only([reqwest::Certificate::from_pem(&authority)?])
            .build()?;
        let url = url.replace("127.0.0.1", "localhost");
        let form = format!("name=admin&password={}", district.admin_password);
        let request = client.post(format!("{url}/login")).header("content-type", "application/x-www-form-urlencoded");
        let answer = request.body(form).send().await?;
        let cookie = answer.headers().get("set-cookie").context("a session")?.to_str()?;
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        Ok(Viewer { client, url, cookie })
    }

    /// Asks for a page; anything but the page is an error.
    pub async fn look(&self, path: &str) -> Result<String> {
        let answer = self.client.get(format!("{}{path}", self.url)).header("cookie", &self.cookie).send().await?;
        ensure!(answer.status().as_u16() == 200, "{path}: HTTP {}", answer.status());
        Ok(answer.text().await?)
    }
}

//! Whoever calls the aggregator: an enrolled PC in the hands of a test, or a stranger.
//!
//! Promise: says exactly the bytes that it is given, over real TLS, and stops where it is told to. What it calls stored
//! is a receipt whose signature, server, stream and nonce were checked. Start at [`Peer::of`] and [`Caller::stranger`].

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use ed25519_dalek::{SigningKey, VerifyingKey};
use motcua_agent::office::{self, Identity};
use motcua_agent::store::Store;
use motcua_agent::uplink::tls;
use motcua_shared::entry::{Head, Record, Seq};
use motcua_shared::sync::check_receipt;
use motcua_shared::wire::{self, AgentReport, Hello, PROTOCOL, Receipt, Segment, Signed, Upload};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use uuid::Uuid;

use crate::world::{Commune, District};

/// An open connection after its handshake.
pub type Connection = TlsStream<TcpStream>;

/// What every test's nonce is.
pub const NONCE: [u8; 16] = [7; 16];

/// Somebody who knows the district's CA.
#[derive(Clone)]
pub struct Caller {
    tls: TlsConnector,
    address: SocketAddr,
}

/// What came back over HTTP.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub media: String,
    pub body: Vec<u8>,
}

impl Caller {
    /// With the certificate of the agent in `data`.
    pub fn agent(data: &Path, stream: Uuid, address: SocketAddr) -> Result<Caller> {
        Ok(Caller::new(tls::mutual(&Identity::of(data), stream)?, address))
    }

    /// Without any certificate.
    pub fn stranger(district: &District) -> Result<Caller> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(district.data.join("identity/ca.pem"))?)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        Ok(Caller::new(config.with_root_certificates(roots).with_no_client_auth(), district.address))
    }

    pub fn new(config: ClientConfig, address: SocketAddr) -> Caller {
        Caller { tls: TlsConnector::from(Arc::new(config)), address }
    }

    pub async fn connect(&self) -> Result<Connection> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        Ok(self.tls.connect(ServerName::from(self.address.ip()), stream).await?)
    }

    /// One request on a connection of its own.
    pub async fn ask(&self, method: &str, path: &str, body: &[u8]) -> Result<Answer> {
        let mut connection = self.connect().await?;
        connection.write_all(&head_of(method, path, body.len())).await?;
        connection.write_all(body).await?;
        connection.flush().await?;
        answer(&mut connection).await
    }
}

/// The head of a request with a CBOR body of `length` bytes.
pub fn head_of(method: &str, path: &str, length: usize) -> Vec<u8> {
    format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/cbor\r\ncontent-length: {length}\r\n\r\n")
        .into_bytes()
}

/// Reads one answer with a `content-length`.
pub async fn answer(connection: &mut (impl AsyncReadExt + Unpin)) -> Result<Answer> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if connection.read_buf(&mut bytes).await? == 0 {
            bail!("the connection ended before an answer: {:?}", String::from_utf8_lossy(&bytes));
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec())?.to_lowercase();
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let length: usize = field("content-length:").unwrap_or("0").parse()?;
    let status = text.split(' ').nth(1).context("a status")?.parse()?;
    let media = field("content-type:").unwrap_or_default().to_owned();
    let mut body = bytes.split_off(head);
    while body.len() < length {
        if connection.read_buf(&mut body).await? == 0 {
            bail!("the answer ends after {} of {length} bytes", body.len());
        }
    }
    Ok(Answer { status, media, body })
}

/// An enrolled PC: its certificate, its keys and its log, free to say what no honest agent says.
#[derive(Clone)]
pub struct Peer {
    pub caller: Caller,
    pub stream: Uuid,
    pub log: Vec<Record>,
    pub server_id: Uuid,
    pub receipt_key: VerifyingKey,
    pub key: SigningKey,
}

impl Peer {
    /// As `commune`, which is enrolled, towards `address`.
    pub fn of(commune: &Commune, address: SocketAddr) -> Result<Peer> {
        let store = Store::open(&commune.data)?;
        let office = store.office()?;
        let enrolment = office.enrolment.context("an enrolled office")?;
        Ok(Peer {
            caller: Caller::agent(&commune.data, office.stream, address)?,
            stream: office.stream,
            log: store.entries_from(office.stream, 1, |_, _| false)?,
            server_id: enrolment.server_id,
            receipt_key: VerifyingKey::from_bytes(&enrolment.receipt_key)?,
            key: office::stream_key(&commune.data, office.stream)?,
        })
    }

    pub fn head(&self) -> Head {
        self.log.last().map_or_else(|| Head::genesis(self.stream), Record::head)
    }

    /// Writes an entry with any clear bytes; `SEQ` in them becomes its place.
    pub fn record_raw(&mut self, body: &str, sealed: &[u8]) {
        let head = self.head();
        self.log.push(head.chain(body.replace("SEQ", &(head.seq + 1).to_string()), sealed.to_vec()));
    }

    pub fn report(&self) -> AgentReport {
        let head = self.head();
        AgentReport {
            protocol: PROTOCOL,
            version: "0.1.0".to_owned(),
            head_seq: head.seq,
            head_hash: head.hash.0,
            now_ms: 1_700_000_000_000,
            nonce: NONCE,
            last_receipt: None,
            compare_at: None,
            compare_hash: None,
        }
    }

    /// Entries `from..=to`, packed and signed.
    pub fn segment(&self, from: Seq, to: Seq) -> Segment {
        let place = |seq: Seq| usize::try_from(seq).expect("a short log");
        Segment::pack(self.stream, &self.log[place(from) - 1..place(to)], &self.key)
    }

    /// The body of an upload of entries `from..=to`.
    pub fn upload(&self, from: Seq, to: Seq) -> Vec<u8> {
        wire::encode(&Upload { report: self.report(), segment: self.segment(from, to) })
    }

    /// The body of a hello.
    pub fn hello(&self) -> Vec<u8> {
        wire::encode(&Hello { stream: self.stream, report: self.report() })
    }

    /// Where entries from `from` on are put.
    pub fn path(&self, from: Seq) -> String {
        format!("/sync/v1/streams/{}/{from}", self.stream)
    }

    /// Sends entries `from..=to` and gives the verified receipt.
    pub async fn put(&self, from: Seq, to: Seq) -> Result<Receipt> {
        self.receipt(&self.caller.ask("PUT", &self.path(from), &self.upload(from, to)).await?)
    }

    /// The receipt in an answer, verified.
    pub fn receipt(&self, answer: &Answer) -> Result<Receipt> {
        if answer.media != "application/cbor" {
            bail!("HTTP {}, {}: {}", answer.status, answer.media, String::from_utf8_lossy(&answer.body));
        }
        let signed: Signed = wire::decode(&answer.body)?;
        let receipt = signed.open_receipt(&self.receipt_key).context("the district's signature")?;
        check_receipt(&receipt, self.server_id, self.stream, NONCE)?;
        Ok(receipt)
    }
}

//! The line to the aggregator: enrolment, and the exchange that `shared::sync` decides.
//!
//! Promise: nothing is kept as stored without a receipt whose signature, server, stream and nonce are right. The secret
//! of a code is told only to a server whose CA has the fingerprint in that code. Start at [`Uplink::sync`].

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::Utc;
use ed25519_dalek::{SigningKey, VerifyingKey};
use motcua_shared::calendar::{LocalTime, local};
use motcua_shared::clock::Measure;
use motcua_shared::enrolment::EnrolmentCode;
use motcua_shared::entry::{Head, Record, Seq};
use motcua_shared::reference::Published;
use motcua_shared::seal::OfficeKey;
use motcua_shared::sync::{Action, End, Event, PATIENCE, Session, check_receipt, needs_session, whole_tail};
use motcua_shared::text::number;
use motcua_shared::wire::{
    self, AgentReport, CertificateRequest, EnrolRequest, Enrolled, Hello, LastReceipt, MAX_SEGMENT, PROTOCOL, Receipt, Segment,
    Signed, Streams, Tail, Upload,
};
use reqwest::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Method, StatusCode, Url};
use serde::Serialize;
use tokio::task::JoinHandle;
use tracing::{info, warn};
use uuid::Uuid;

use crate::door::Door;
use crate::office::{self, Identity, OfficeError, chance, now, private_file};
use crate::reference;
use crate::store::{Branch, Enrolment, Office, OwnStream, Pen, Standing, Store, StoreError};
use crate::stream;

pub mod tls;

pub use tls::Distrust;

/// What keeps the line from working.
#[derive(Debug, thiserror::Error)]
pub enum UplinkError {
    #[error("chưa kết nối được với huyện ({0}). Dữ liệu vẫn an toàn trên máy này và sẽ được gửi khi có mạng")]
    Offline(String),
    #[error(
        "máy chủ trả lời nhưng không phải hệ thống của huyện ({0}). Chưa gửi được gì; hãy kiểm tra mạng (có thể phải đăng nhập Wi-Fi)"
    )]
    Stranger(String),
    #[error("huyện từ chối: {0}")]
    Refused(String),
    #[error("huyện từ chối: {0}")]
    Revoked(String),
    /// The certificate's time is over, whatever this PC's clock says: it is renewed.
    #[error("huyện từ chối: {0}")]
    Expired(String),
    /// It asks to come back later.
    #[error("huyện đang bận: {detail}")]
    Busy { detail: String, wait: Duration },
    #[error(transparent)]
    Untrusted(#[from] Distrust),
    #[error("địa chỉ “{0}” không hợp lệ; cần dạng https://may-chu:7443")]
    Address(String),
    #[error(
        "máy này chưa đăng ký với huyện. Hãy đăng ký trước: motcua-agent enroll --data … --aggregator https://… --code MÃ; \
         không có mạng thì dùng --request TỆP thay cho --aggregator"
    )]
    NotEnrolled,
    #[error("máy này đăng ký bằng tệp nên không gửi qua mạng; hãy dùng: motcua-agent bundle --data … export TỆP")]
    NoAddress,
    #[error("máy này đã đăng ký với {0}; muốn đổi máy chủ, hãy dùng thư mục dữ liệu mới và khôi phục")]
    EnrolledElsewhere(String),
    #[error(transparent)]
    Code(#[from] motcua_shared::enrolment::CodeError),
    #[error("chứng thư hoặc khóa của máy này không dùng được: {0}")]
    Identity(String),
    #[error(transparent)]
    Office(#[from] OfficeError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What one session did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// `complete`, `offline`, `busy`, `refused`, `forked`, `behind`.
    pub outcome: &'static str,
    /// In words, for a person.
    pub detail: String,
    pub head_seq: Seq,
    pub stored_through: Seq,
    pub pending: Seq,
    /// Bytes of request bodies handed to the line, repeated ones included.
    pub sent_bytes: u64,
    pub segments: u64,
    /// Exchanges that brought no receipt.
    pub cuts: u64,
    /// Entries sent again because the aggregator had lost them.
    pub resent: u64,
    /// Entries of this PC that came back from the aggregator: it was restored from a backup.
    pub fetched: u64,
    /// Entries recorded again in a new stream, because another PC had their place in the old one.
    pub copied: u64,
    /// The aggregator is busy, and asks to be left alone for so long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u64>,
}

/// The enrolled PC's line. Keep it: connections and TLS sessions are used again.
#[derive(Clone)]
pub struct Uplink {
    data: PathBuf,
    base: Url,
    office: Office,
    server_id: Uuid,
    receipt_key: VerifyingKey,
    office_key: OfficeKey,
    /// The lane that was used last.
    lane: Arc<Mutex<Option<Arc<Lane>>>>,
    reference: reference::Lane,
}

/// One stream's way to the aggregator: the connection under its certificate, and the key that signs its heads.
struct Lane {
    stream: Uuid,
    client: reqwest::Client,
    key: SigningKey,
}

/// A request body of this size or less is given this long to be answered, and one second more for each further KiB:
/// a line slower than 8 kbit/s counts as broken.
const IDLE: Duration = Duration::from_mins(1);
/// Unacknowledged bytes for this long mean that the line is gone.
const UNACKNOWLEDGED: Duration = Duration::from_secs(45);
/// No answer of the protocol is larger.
const MAX_ANSWER: usize = 4 << 20;

/// Registers this PC with the aggregator at `url` by a one-time code.
pub async fn enrol(data: &Path, door: &Door, url: &str, code: &str) -> Result<Enrolled, UplinkError> {
    let code = EnrolmentCode::parse(code)?;
    let base = base_url(url)?;
    let (folder, shown) = (data.to_owned(), code.clone());
    let request = door.call(move |store| enrol_request(&folder, store, &shown)).await?;
    let stream = request.stream;
    let client = client(tls::trusting_only(&code)?)?;
    let answer = exchange(
        &client,
        Method::POST,
        base.join("sync/v1/enroll").map_err(|_| UplinkError::Address(url.to_owned()))?,
        wire::encode(&request),
    )
    .await?;
    let enrolled: Enrolled = match answer {
        Answer::Message(bytes) => {
            wire::decode(&bytes).map_err(|_| UplinkError::Stranger("câu trả lời không đọc được".to_owned()))?
        }
        Answer::Refused(detail) => return Err(UplinkError::Refused(detail)),
    };
    let (folder, kept) = (data.to_owned(), enrolled.clone());
    door.call(move |store| enrolment_keep(&folder, store, &code, Some(base.to_string()), stream, &kept)).await?;
    Ok(enrolled)
}

/// What this PC says to be enrolled under `code`. Where two PCs write in one stream, one of them is enrolled anew: then it
/// is for the stream in which it goes on.
pub fn enrol_request(data: &Path, store: &mut Store, code: &EnrolmentCode) -> Result<EnrolRequest, UplinkError> {
    let office = store.office()?;
    // An office that was enrolled by file may get a line later.
    let address = office.enrolment.as_ref().and_then(|enrolment| enrolment.aggregator.clone());
    let (stream, key) = match address {
        None => (office.stream, office::stream_key(data, office.stream)?),
        Some(_) if store.stream_current()?.branch.is_some() => stream::opening(data, store)?,
        Some(address) => return Err(UplinkError::EnrolledElsewhere(address)),
    };
    Ok(EnrolRequest {
        secret: code.secret.to_vec(),
        unit: office.unit.clone(),
        stream,
        request_pem: tls::certificate_request(&key, &office.unit, stream)?,
        report: report(store.head_of(stream)?, chance(), None, None),
    })
}

/// Checks the answer to a request under `code` and keeps it: from now on this PC belongs to that district.
pub fn enrolment_keep(
    data: &Path,
    store: &mut Store,
    code: &EnrolmentCode,
    aggregator: Option<String>,
    stream: Uuid,
    enrolled: &Enrolled,
) -> Result<(), UplinkError> {
    VerifyingKey::from_bytes(&enrolled.receipt_key)
        .map_err(|_| UplinkError::Stranger("khóa ký biên nhận không hợp lệ".to_owned()))?;
    if tls::pem_fingerprint(enrolled.ca_pem.as_bytes()) != Some(code.ca_fingerprint) {
        return Err(UplinkError::Stranger("chứng thư không phải của huyện đã cấp mã".to_owned()));
    }
    let office = store.office()?;
    if let Some(before) = office.enrolment.filter(|before| before.server_id != enrolled.server_id) {
        return Err(UplinkError::EnrolledElsewhere(before.name()));
    }
    let identity = Identity::of(data);
    private_file(&identity.ca(), enrolled.ca_pem.as_bytes())?;
    if stream == office.stream {
        private_file(&identity.certificate(stream), enrolled.certificate_pem.as_bytes())?;
    } else {
        stream::adopt(data, store, stream, enrolled)?;
    }
    let enrolment = Enrolment { aggregator, server_id: enrolled.server_id, receipt_key: enrolled.receipt_key };
    store.enrolment_keep(&enrolment, (enrolled.numbers_from, enrolled.numbers_to), now())?;
    // A used code is worth nothing: one that stays behind does no harm.
    let _ = std::fs::remove_file(identity.code());
    Ok(())
}

/// The address of an aggregator.
pub fn base_url(url: &str) -> Result<Url, UplinkError> {
    let invalid = || UplinkError::Address(url.to_owned());
    let mut base = Url::parse(url.trim()).map_err(|_| invalid())?;
    if base.scheme() != "https" || base.host_str().is_none() {
        return Err(invalid());
    }
    base.set_path("/");
    Ok(base)
}

/// Whether an aggregator answers at `base`, whoever's it is. Nothing is told to it and nothing it says is believed.
pub async fn is_an_aggregator(base: &Url) -> bool {
    let answer = async {
        let url = base.join("healthz").ok()?;
        client(tls::trusting_nobody().ok()?).ok()?.get(url).send().await.ok()?.text().await.ok()
    };
    answer.await.is_some_and(|text| text == "ok\n")
}

fn client(tls: rustls::ClientConfig) -> Result<reqwest::Client, UplinkError> {
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(20))
        .tcp_keepalive(Duration::from_secs(20))
        .tcp_nodelay(true)
        .pool_max_idle_per_host(1);
    #[cfg(target_os = "linux")]
    let builder = builder.tcp_user_timeout(UNACKNOWLEDGED);
    builder.build().map_err(|error| UplinkError::Identity(error.to_string()))
}

/// What this PC says of itself with every exchange.
pub fn report(head: Head, nonce: [u8; 16], last_receipt: Option<LastReceipt>, compare: Option<Head>) -> AgentReport {
    AgentReport {
        protocol: PROTOCOL,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        head_seq: head.seq,
        head_hash: head.hash.0,
        now_ms: Utc::now().timestamp_millis(),
        nonce,
        last_receipt,
        compare_at: compare.map(|at| at.seq),
        compare_hash: compare.map(|at| at.hash.0.into()),
    }
}

/// What the newest receipt of a stream said, to be told to the aggregator.
pub fn last_receipt(store: &Store, stream: Uuid) -> Result<Option<LastReceipt>, StoreError> {
    Ok(store.receipt_last(stream)?.map(|(receipt, _)| LastReceipt {
        server_id: receipt.server_id,
        epoch: receipt.epoch,
        stored_through: receipt.stored_through,
    }))
}

/// Entries from `from` on, about `budget` bytes of them, as one segment. There must be one at `from`.
pub fn segment(store: &Store, stream: Uuid, from: Seq, budget: usize, key: &SigningKey) -> Result<Segment, StoreError> {
    Ok(Segment::pack(stream, &records(store, stream, from, budget)?, key))
}

fn records(store: &Store, stream: Uuid, from: Seq, budget: usize) -> Result<Vec<Record>, StoreError> {
    let mut gauge = wire::Gauge::new(budget.min(MAX_SEGMENT));
    store.entries_from(stream, from, |clear, sealed| !gauge.fits(clear, sealed))
}

/// What came back.
enum Answer {
    /// 200, or 409: the aggregator states what it holds.
    Message(Vec<u8>),
    /// It understood and said no, in its own words.
    Refused(String),
}

async fn exchange(client: &reqwest::Client, method: Method, url: Url, body: Vec<u8>) -> Result<Answer, UplinkError> {
    let patience = IDLE + Duration::from_secs(body.len() as u64 >> 10);
    let sent = client.request(method, url).header(CONTENT_TYPE, HeaderValue::from_static("application/cbor")).body(body).send();
    let whole = async {
        let mut response = sent.await?;
        let status = response.status();
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let media = header(CONTENT_TYPE).unwrap_or_default().to_owned();
        let wait = header(RETRY_AFTER).and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > MAX_ANSWER {
                break;
            }
        }
        Ok::<_, reqwest::Error>((status, media, wait, bytes))
    };
    let (status, media, wait, bytes) = tokio::time::timeout(patience, whole)
        .await
        .map_err(|_| UplinkError::Offline("đường truyền không trả lời".to_owned()))?
        .map_err(|error| tls::explain(&error))?;
    match (status, media.as_str()) {
        (StatusCode::OK | StatusCode::CONFLICT, "application/cbor") => Ok(Answer::Message(bytes)),
        (status, "application/problem+json") => Ok(refusal(status, wait, &bytes)?),
        (status, _) => Err(UplinkError::Stranger(format!("HTTP {status}, {media}"))),
    }
}

/// A problem document: final for what we asked (4xx), or a server that cannot now (5xx, 429) and may say until when.
fn refusal(status: StatusCode, wait: Option<Duration>, bytes: &[u8]) -> Result<Answer, UplinkError> {
    #[derive(serde::Deserialize)]
    struct Problem {
        #[serde(default)]
        r#type: String,
        detail: String,
    }
    let problem = serde_json::from_slice(bytes);
    let Problem { r#type: kind, detail } =
        problem.unwrap_or_else(|_| Problem { r#type: String::new(), detail: format!("HTTP {status}") });
    if let Some(wait) = wait {
        return Err(UplinkError::Busy { detail, wait });
    }
    match kind.as_str() {
        "urn:motcua:problem:revoked" => return Err(UplinkError::Revoked(detail)),
        "urn:motcua:problem:expired" => return Err(UplinkError::Expired(detail)),
        _ => {}
    }
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::REQUEST_TIMEOUT {
        return Err(UplinkError::Offline(detail));
    }
    Ok(Answer::Refused(detail))
}

impl Uplink {
    /// The line of the office in `data`, which must be enrolled.
    pub async fn open(data: &Path, door: &Door) -> Result<Uplink, UplinkError> {
        let office = door.call(|store| store.office()).await?;
        let enrolment = office.enrolment.clone().ok_or(UplinkError::NotEnrolled)?;
        // A log sealed with another key must not leave this PC.
        let office_key = office::office_key(data, &office)?;
        let receipt_key = VerifyingKey::from_bytes(&enrolment.receipt_key)
            .map_err(|_| UplinkError::Identity("khóa ký biên nhận của huyện".to_owned()))?;
        Ok(Uplink {
            data: data.to_owned(),
            base: base_url(enrolment.aggregator.as_deref().ok_or(UplinkError::NoAddress)?)?,
            server_id: enrolment.server_id,
            receipt_key,
            office_key,
            office,
            lane: Arc::default(),
            reference: reference::Lane::default(),
        })
    }

    /// The lane of a stream; the same as before when nothing changed.
    fn lane(&self, stream: Uuid) -> Result<Arc<Lane>, UplinkError> {
        let mut kept = self.lane.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = kept.as_ref().filter(|lane| lane.stream == stream) {
            return Ok(Arc::clone(lane));
        }
        let client = client(tls::mutual(&Identity::of(&self.data), stream)?)?;
        let lane = Arc::new(Lane { stream, client, key: office::stream_key(&self.data, stream)? });
        *kept = Some(Arc::clone(&lane));
        Ok(lane)
    }

    /// The lane for what concerns no stream: whichever was used last.
    fn any_lane(&self) -> Result<Arc<Lane>, UplinkError> {
        let last = self.lane.lock().unwrap_or_else(PoisonError::into_inner).clone();
        last.map_or_else(|| self.lane(self.office.stream), Ok)
    }

    /// Whose reference data counts, and the key that entries which follow from it are written with.
    pub fn trusts(&self) -> (Uuid, VerifyingKey, OfficeKey) {
        (self.server_id, self.receipt_key, self.office_key.clone())
    }

    /// Asks for reference data, up to `patience` times.
    pub async fn reference(&self, path: &str, patience: u32) -> Result<motcua_shared::reference::Answer, UplinkError> {
        self.fetch(&*self.any_lane()?, path, patience).await
    }

    /// Asks what the district decided about findings, up to `patience` times. The answer is to be opened by
    /// [`motcua_shared::decision::Decisions::open`].
    pub async fn decisions(&self, patience: u32) -> Result<Signed, UplinkError> {
        self.fetch(&*self.any_lane()?, "sync/v1/decisions", patience).await
    }

    /// Gives reference data back, once.
    pub async fn reference_give(&self, published: &Published) -> Result<motcua_shared::reference::Answer, UplinkError> {
        let (lane, url) = (self.any_lane()?, self.address("sync/v1/reference")?);
        match exchange(&lane.client, Method::PUT, url, wire::encode(published)).await? {
            Answer::Message(bytes) => wire::decode(&bytes).map_err(|error| UplinkError::Stranger(error.to_string())),
            Answer::Refused(detail) => Err(UplinkError::Refused(detail)),
        }
    }

    /// Waits for what runs beside the uplink; gives whether it recorded entries.
    pub async fn beside(&self) -> bool {
        self.reference.settled().await
    }

    /// Its certificate is another one now.
    fn lane_forget(&self) {
        *self.lane.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// What the aggregator holds of every stream of this office, oldest first, each verified.
    pub async fn streams(&self) -> Result<Vec<Receipt>, UplinkError> {
        let nonce: [u8; 16] = chance();
        let digits = data_encoding::HEXLOWER.encode(&nonce);
        let lane = self.lane(self.office.stream)?;
        let streams: Streams = self.fetch(&lane, &format!("sync/v1/streams?nonce={digits}"), PATIENCE).await?;
        let verified = |signed: Signed| {
            let receipt = signed.open_receipt(&self.receipt_key)?;
            check_receipt(&receipt, self.server_id, receipt.stream, nonce).ok().map(|()| receipt)
        };
        let stranger = || UplinkError::Stranger("biên nhận không có chữ ký hợp lệ của huyện".to_owned());
        streams.receipts.into_iter().map(|signed| verified(signed).ok_or_else(stranger)).collect()
    }

    /// All entries of a stream of this office after `previous` and up to `to`, which a receipt states: so they are proven.
    /// `None`: they are not what it states.
    pub async fn tail(&self, stream: Uuid, previous: Head, to: Head) -> Result<Option<Vec<Record>>, UplinkError> {
        self.tail_over(&*self.lane(self.office.stream)?, stream, previous, to).await
    }

    async fn tail_over(&self, lane: &Lane, stream: Uuid, previous: Head, to: Head) -> Result<Option<Vec<Record>>, UplinkError> {
        let (mut head, mut whole) = (previous, Vec::new());
        while head.seq < to.seq {
            let from = head.seq + 1;
            let tail: Tail = self.fetch(lane, &format!("sync/v1/streams/{stream}?from={from}"), PATIENCE).await?;
            let mut records = tail.unpack(stream, head).map_err(|error| UplinkError::Stranger(error.to_string()))?;
            let Some(last) = records.last() else { return Ok(None) };
            head = last.head();
            whole.append(&mut records);
        }
        Ok(whole_tail(&whole, to).map(<[Record]>::to_vec))
    }

    /// One question without a body, asked up to `patience` times while the line breaks.
    async fn fetch<T>(&self, lane: &Lane, path: &str, patience: u32) -> Result<T, UplinkError>
    where
        T: for<'b> minicbor::Decode<'b, ()>,
    {
        let url = self.address(path)?;
        let mut failures = 0;
        loop {
            match exchange(&lane.client, Method::GET, url.clone(), Vec::new()).await {
                Ok(Answer::Message(bytes)) => {
                    return wire::decode(&bytes).map_err(|error| UplinkError::Stranger(error.to_string()));
                }
                Ok(Answer::Refused(detail)) => return Err(UplinkError::Refused(detail)),
                Err(error @ UplinkError::Offline(_)) => {
                    failures += 1;
                    if failures >= patience {
                        return Err(error);
                    }
                    tokio::time::sleep(Duration::from_millis(random() % (200 << failures))).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn address(&self, path: &str) -> Result<Url, UplinkError> {
        self.base.join(path).map_err(|_| UplinkError::Address(self.base.to_string()))
    }

    /// One sync now, through cuts, until everything has a receipt or the line is given up. Notes how it ended.
    pub async fn sync(&self, door: &Door) -> Result<Summary, UplinkError> {
        let mut tally = Tally::default();
        let (outcome, detail) = match self.everything(door, &mut tally).await {
            Ok(end) => ending(end, &tally),
            Err(error @ (UplinkError::Store(_) | UplinkError::Office(_))) => return Err(error),
            Err(error) => {
                if let UplinkError::Busy { wait, .. } = &error {
                    tally.wait = Some(*wait);
                }
                (outcome(&error), error.to_string())
            }
        };
        let summary = self.summary(door, outcome, detail, tally).await?;
        let detail = summary.detail.clone();
        door.call(move |store| store.attempt_note(outcome, &detail, now())).await?;
        self.reference.start(self, door);
        Ok(summary)
    }

    /// The stream that is written to, also through a move to another; then what the streams before it still owe.
    async fn everything(&self, door: &Door, tally: &mut Tally) -> Result<End, UplinkError> {
        self.certificates(door).await?;
        let mut current = door.call(|store| store.stream_current()).await?;
        let mut end = match self.session(door, current, tally).await {
            Err(UplinkError::Expired(_)) => {
                self.certificate_renew(door, current.id, current.id, false).await?;
                self.session(door, current, tally).await?
            }
            ended => ended?,
        };
        if end == End::MovedToNewStream {
            tally.moved = true;
            current = door.call(|store| store.stream_current()).await?;
            end = self.session(door, current, tally).await?;
        }
        for left in door.call(|store| left_due(store)).await? {
            // What a left stream meets never undoes what was reached.
            match self.left(door, left, tally).await {
                Ok(end) => info!(stream = %left.id, ?end, "a stream that was left"),
                Err(error @ (UplinkError::Store(_) | UplinkError::Office(_))) => return Err(error),
                Err(error) => warn!(stream = %left.id, %error, "a stream that was left"),
            }
        }
        Ok(end)
    }

    /// Sends what a left stream still owes, and fetches what the district holds of it beyond that.
    async fn left(&self, door: &Door, own: OwnStream, tally: &mut Tally) -> Result<End, UplinkError> {
        let end = self.session(door, own, tally).await?;
        let stream = own.id;
        let (head, receipt) =
            door.call(move |store| Ok::<_, StoreError>((store.head_of(stream)?, store.receipt_last(stream)?))).await?;
        let Some((receipt, _)) = receipt.filter(|_| end == End::Complete) else { return Ok(end) };
        if receipt.stored_through > head.seq {
            let lane = self.lane(stream)?;
            if !matches!(self.tail_fetch(door, &lane, head.seq + 1, receipt.head(), tally).await?, Event::TailKept { .. }) {
                return Ok(End::GaveUp);
            }
        }
        door.call(move |store| store.stream_asked(stream)).await?;
        Ok(end)
    }

    /// One session about one stream.
    async fn session(&self, door: &Door, own: OwnStream, tally: &mut Tally) -> Result<End, UplinkError> {
        let (stream, lane) = (own.id, self.lane(own.id)?);
        let head = door.call(move |store| store.head_of(stream)).await?;
        let known = door.call(move |store| store.receipt_last(stream)).await?.map(|(receipt, _)| receipt.stored_through);
        let session = match own.standing {
            Standing::Left => Session::left(head, known),
            _ if own.leaving => Session::leaving(head, known),
            _ => Session::new(head, known),
        };
        let mut session = session.with_branch_kept(own.branch.and_then(|branch| branch.kept));
        let mut actions = VecDeque::from(session.step(Event::Start, random()));
        let mut course = Course::default();
        while let Some(action) = actions.pop_front() {
            let event = match action {
                Action::Keep(receipt) => {
                    // It came with the newest answer.
                    if let Some(signed) = course.answered.clone() {
                        door.call(move |store| store.receipt_keep(&receipt, &signed, now())).await?;
                    }
                    continue;
                }
                Action::Lost { had, has } => {
                    warn!(had, has, "the aggregator lost entries that it had acknowledged; sending them again");
                    tally.resent += had - has;
                    continue;
                }
                Action::Pause(pause) => {
                    tokio::time::sleep(pause).await;
                    continue;
                }
                Action::Branch { at, kept } => {
                    warn!(at, "another PC wrote in this stream first; our entries from here on are kept aside");
                    self.branch_keep(door, stream, Branch { at, kept }).await?;
                    continue;
                }
                Action::End(end) => return Ok(end),
                Action::FetchTail { from, to } => self.tail_fetch(door, &lane, from, to, tally).await?,
                Action::OpenStream => self.stream_open(door, &lane, tally).await?,
                Action::Hello => self.ask(door, &lane, Question::Hello, &mut course, tally).await?,
                Action::Compare { at } => self.ask(door, &lane, Question::Compare(at), &mut course, tally).await?,
                Action::Send { from, budget } => self.ask(door, &lane, Question::Send(from, budget), &mut course, tally).await?,
            };
            session.grow(door.call(move |store| store.head_of(stream)).await?);
            actions = VecDeque::from(session.step(event, random()));
        }
        unreachable!("a session always ends with an action that says so")
    }

    /// One hello, once, to see how the line is.
    pub async fn greet(&self, door: &Door) -> Result<(), UplinkError> {
        let lane = self.lane(door.call(|store| store.stream_current()).await?.id)?;
        let mut tally = Tally::default();
        match self.exchange(door, &lane, Question::Hello, &mut Course::default(), &mut tally).await? {
            Event::Receipt { .. } => Ok(()),
            _ => Err(UplinkError::Stranger(tally.last_cut)),
        }
    }

    /// One exchange of a session, which goes on when the line breaks.
    async fn ask(
        &self,
        door: &Door,
        lane: &Lane,
        question: Question,
        course: &mut Course,
        tally: &mut Tally,
    ) -> Result<Event, UplinkError> {
        match self.exchange(door, lane, question, course, tally).await {
            Err(UplinkError::Offline(why) | UplinkError::Stranger(why)) => Ok(tally.cut(why)),
            other => other,
        }
    }

    /// One exchange: a segment if there is one to send, else a hello. What was signed in the answer goes to `course`.
    async fn exchange(
        &self,
        door: &Door,
        lane: &Lane,
        question: Question,
        course: &mut Course,
        tally: &mut Tally,
    ) -> Result<Event, UplinkError> {
        let (nonce, stream) = (chance(), lane.stream);
        let head = door.call(move |store| store.head_of(stream)).await?;
        let compare = match question {
            Question::Compare(seq) => door.call(move |store| store.entry_hash(stream, seq)).await?.map(|hash| Head { seq, hash }),
            Question::Hello | Question::Send(..) => None,
        };
        let last = door.call(move |store| last_receipt(store, stream)).await?;
        let report = report(head, nonce, last, compare);
        let (method, path, body) = match question {
            Question::Hello | Question::Compare(_) => {
                (Method::POST, "sync/v1/hello".to_owned(), wire::encode(&Hello { stream, report }))
            }
            Question::Send(from, budget) => {
                let segment = course.segment(door, lane, from, budget, head.seq).await?;
                tally.segments += 1;
                (Method::PUT, format!("sync/v1/streams/{stream}/{from}"), wire::encode(&Upload { report, segment }))
            }
        };
        let carried = body.len();
        tally.sent_bytes += carried as u64;
        let (sent_at, sent) = (now(), Instant::now());
        match exchange(&lane.client, method, self.address(&path)?, body).await? {
            Answer::Message(bytes) => {
                let took = sent.elapsed();
                let Some((receipt, signed)) = self.receipt_read(&bytes, stream, nonce, tally) else {
                    return Ok(Event::Cut);
                };
                let (through, measure) = (receipt.stored_through, Measure::of(sent_at, took, receipt.at_ms));
                let noted = move |store: &mut Store| {
                    store.clock_measure(measure)?;
                    store.entry_hash(stream, through)
                };
                let ours = door.call(noted).await?;
                course.answered = Some(signed);
                Ok(Event::Receipt { receipt: Box::new(receipt), ours, asked: compare.unwrap_or(head), carried })
            }
            Answer::Refused(detail) => Err(UplinkError::Refused(detail)),
        }
    }

    /// A receipt whose signature, server, stream and nonce are right.
    fn receipt_read(&self, bytes: &[u8], stream: Uuid, nonce: [u8; 16], tally: &mut Tally) -> Option<(Receipt, Signed)> {
        let opened =
            wire::decode::<Signed>(bytes).ok().and_then(|signed| Some((signed.open_receipt(&self.receipt_key)?, signed)));
        let Some((receipt, signed)) = opened else {
            tally.cut("biên nhận không có chữ ký hợp lệ của huyện".to_owned());
            return None;
        };
        match check_receipt(&receipt, self.server_id, stream, nonce) {
            Ok(()) => {
                self.reference.heard(&receipt);
                Some((receipt, signed))
            }
            Err(fault) => {
                tally.cut(fault.to_string());
                None
            }
        }
    }

    async fn branch_keep(&self, door: &Door, stream: Uuid, branch: Branch) -> Result<(), UplinkError> {
        let key = self.office_key.clone();
        let keep = move |store: &mut Store| {
            store.branch_keep(stream, branch, &Pen { author: stream::AUTHOR, now: now(), key: &key, salt: chance })
        };
        Ok(door.call(keep).await?)
    }

    /// Fetches entries of a lane's own stream, proves them and adds them to the log.
    async fn tail_fetch(&self, door: &Door, lane: &Lane, from: Seq, to: Head, tally: &mut Tally) -> Result<Event, UplinkError> {
        let stream = lane.stream;
        let head = door.call(move |store| store.head_of(stream)).await?;
        if head.seq + 1 != from {
            return Ok(tally.cut("sổ vừa có thêm mục mới".to_owned()));
        }
        let tail = match self.tail_over(lane, stream, head, to).await {
            Ok(Some(tail)) => tail,
            Ok(None) => return Ok(tally.cut("dữ liệu huyện gửi về không khớp biên nhận".to_owned())),
            Err(UplinkError::Offline(why) | UplinkError::Stranger(why)) => return Ok(tally.cut(why)),
            Err(error) => return Err(error),
        };
        let count = tail.len() as u64;
        if !door.call(move |store| store.tail_keep(stream, from, &tail)).await? {
            return Ok(tally.cut("sổ vừa có thêm mục mới".to_owned()));
        }
        tally.fetched += count;
        Ok(Event::TailKept { head: to })
    }

    /// Opens the stream in which this PC goes on.
    async fn stream_open(&self, door: &Door, lane: &Lane, tally: &mut Tally) -> Result<Event, UplinkError> {
        if door.call(|store| store.stream_current()).await?.id != lane.stream {
            return Ok(Event::StreamOpened); // another program on this PC did it meanwhile
        }
        let data = self.data.clone();
        let (opened, key) = door.call(move |store| stream::opening(&data, store)).await?;
        match self.certificate(door, lane, opened, &key).await {
            Ok(enrolled) => {
                let data = self.data.clone();
                tally.copied += door.call(move |store| stream::adopt(&data, store, opened, &enrolled)).await? as u64;
                Ok(Event::StreamOpened)
            }
            Err(UplinkError::Offline(why) | UplinkError::Stranger(why)) => Ok(tally.cut(why)),
            Err(error) => Err(error),
        }
    }

    /// A certificate for a stream of this PC, asked for under the certificate of `lane`.
    async fn certificate(&self, door: &Door, lane: &Lane, stream: Uuid, key: &SigningKey) -> Result<Enrolled, UplinkError> {
        let head = door.call(move |store| store.head_of(stream)).await?;
        let request = CertificateRequest {
            stream,
            request_pem: tls::certificate_request(key, &self.office.unit, stream)?,
            report: report(head, chance(), None, None),
        };
        let url = self.address("sync/v1/certificate")?;
        match exchange(&lane.client, Method::POST, url, wire::encode(&request)).await? {
            Answer::Message(bytes) => {
                wire::decode(&bytes).map_err(|_| UplinkError::Stranger("câu trả lời không đọc được".to_owned()))
            }
            Answer::Refused(detail) => Err(UplinkError::Refused(detail)),
        }
    }

    /// Sees to it that every stream of this PC has a certificate that does not expire soon.
    async fn certificates(&self, door: &Door) -> Result<(), UplinkError> {
        let identity = Identity::of(&self.data);
        let (own, at) = door.call(|store| Ok::<_, StoreError>((store.streams_own()?, told_time(store)?))).await?;
        let own: Vec<OwnStream> = own.into_iter().filter(|own| own.standing != Standing::Opening).collect();
        let speaker = own.iter().rev().find(|own| identity.certificate(own.id).exists()).ok_or(UplinkError::NotEnrolled)?;
        for own in &own {
            let path = identity.certificate(own.id);
            let ends = if path.exists() { Some(tls::ends_at(&path)?) } else { None };
            let asks = match ends {
                Some(ends) if ends > at + RENEWAL => continue,
                Some(_) => own.id,
                None => speaker.id,
            };
            let needed = own.standing == Standing::Current && ends.is_none_or(|ends| ends <= at);
            match self.certificate_renew(door, asks, own.id, ends.is_none()).await {
                Ok(()) => {}
                Err(error) if needed => return Err(error),
                Err(error) => info!(stream = %own.id, %error, "its certificate is not renewed yet"),
            }
        }
        Ok(())
    }

    async fn certificate_renew(&self, door: &Door, asks: Uuid, stream: Uuid, first: bool) -> Result<(), UplinkError> {
        let lane = self.lane(asks)?;
        let key = office::stream_key(&self.data, stream)?;
        let enrolled = self.certificate(door, &lane, stream, &key).await?;
        let identity = Identity::of(&self.data);
        private_file(&identity.certificate(stream), enrolled.certificate_pem.as_bytes())?;
        info!(%stream, "certificate renewed");
        self.lane_forget();
        let current = door.call(|store| store.stream_current()).await?.id;
        if current == stream {
            identity.show(stream)?;
        }
        if current == stream && first {
            door.call(move |store| store.numbers_keep((enrolled.numbers_from, enrolled.numbers_to))).await?;
        }
        Ok(())
    }

    async fn summary(&self, door: &Door, outcome: &'static str, detail: String, tally: Tally) -> Result<Summary, UplinkError> {
        let status = door.call(|store| office::Status::read(store)).await?;
        info!(outcome, stored_through = status.stored_through, pending = status.pending, cuts = tally.cuts, "sync ended");
        Ok(Summary {
            outcome,
            detail,
            head_seq: status.head_seq,
            stored_through: status.stored_through,
            pending: status.pending,
            sent_bytes: tally.sent_bytes,
            segments: tally.segments,
            cuts: tally.cuts,
            resent: tally.resent,
            fetched: tally.fetched,
            copied: tally.copied,
            retry_after_s: tally.wait.map(|wait| wait.as_secs()),
        })
    }
}

/// A certificate that ends within this time is renewed: an office may well be without a line for a season.
const RENEWAL: Duration = Duration::from_hours(120 * 24);

/// The wall clock, or what the district's clock said last when that is later: office PCs with an empty battery live in
/// the past.
fn told_time(store: &Store) -> Result<LocalTime, StoreError> {
    let stream = store.office()?.stream;
    let told = store.receipt_last(stream)?.map(|(receipt, _)| local(receipt.at()));
    Ok(told.map_or_else(now, |told| told.max(now())))
}

/// Left streams about which there is something to say or to ask.
fn left_due(store: &Store) -> Result<Vec<OwnStream>, StoreError> {
    let epoch = store.epoch_last()?;
    let mut due = Vec::new();
    for own in store.streams_own()?.into_iter().filter(|own| own.standing == Standing::Left) {
        let (head, last) = (store.head_of(own.id)?, last_receipt(store, own.id)?);
        if own.ask || needs_session(head.seq, last.as_ref(), epoch) {
            due.push(own);
        }
    }
    Ok(due)
}

/// What a session takes along from one exchange to the next.
#[derive(Default)]
struct Course {
    /// The newest answer whose signature is right.
    answered: Option<Signed>,
    /// The segment that probably goes next.
    ahead: Option<Ahead>,
}

/// A segment that is packed while the one before it is on its way.
struct Ahead {
    from: Seq,
    budget: usize,
    packed: JoinHandle<Result<Segment, StoreError>>,
}

impl Course {
    /// The segment from `from` on. If entries up to `head` follow it, the next one is begun.
    async fn segment(&mut self, door: &Door, lane: &Lane, from: Seq, budget: usize, head: Seq) -> Result<Segment, UplinkError> {
        // After a cut the line wants less at once than what was packed in better times.
        let ahead = self.ahead.take().filter(|ahead| ahead.from == from && ahead.budget <= budget);
        let segment = match ahead {
            Some(Ahead { packed, .. }) => packed.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?,
            None => packed(door.clone(), lane.stream, lane.key.clone(), from, budget).await?,
        };
        let next = segment.last() + 1;
        self.ahead = (next <= head).then(|| {
            let packed = tokio::spawn(packed(door.clone(), lane.stream, lane.key.clone(), next, budget));
            Ahead { from: next, budget, packed }
        });
        Ok(segment)
    }
}

/// Reads entries and packs them; the counter does not wait for the packing.
async fn packed(door: Door, stream: Uuid, key: SigningKey, from: Seq, budget: usize) -> Result<Segment, StoreError> {
    let records = door.call(move |store| records(store, stream, from, budget)).await?;
    let packed = tokio::task::spawn_blocking(move || Segment::pack(stream, &records, &key)).await;
    Ok(packed.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic())))
}

/// What one exchange is for.
#[derive(Debug, Clone, Copy)]
enum Question {
    Hello,
    Compare(Seq),
    Send(Seq, usize),
}

/// What a session counts as it goes.
#[derive(Debug, Clone, Default)]
struct Tally {
    sent_bytes: u64,
    segments: u64,
    cuts: u64,
    resent: u64,
    /// Entries of our own that came back from the district.
    fetched: u64,
    /// Entries of a branch that were recorded again.
    copied: u64,
    /// Went on in a new stream.
    moved: bool,
    /// The aggregator asks to be left alone for so long.
    wait: Option<Duration>,
    last_cut: String,
}

impl Tally {
    fn cut(&mut self, why: String) -> Event {
        info!(why, "the line broke before a receipt came");
        self.cuts += 1;
        self.last_cut = why;
        Event::Cut
    }
}

/// How a sync ended: one word for programs, a sentence for people.
fn ending(end: End, tally: &Tally) -> (&'static str, String) {
    let (outcome, mut detail) = match end {
        End::GaveUp => {
            ("offline", format!("Chưa gửi hết: {}. Dữ liệu vẫn an toàn trên máy này và sẽ được gửi khi có mạng.", tally.last_cut))
        }
        end => end_words(end),
    };
    let mut said = Vec::new();
    if tally.fetched > 0 {
        said.push(format!("đã lấy lại {} mục mà huyện còn giữ", number(tally.fetched.cast_signed())));
    }
    if tally.moved {
        said.push("ghi tiếp trong một luồng mới".to_owned());
    }
    if tally.copied > 0 {
        said.push(format!("đã ghi lại {} mục riêng của máy này", number(tally.copied.cast_signed())));
    }
    if !said.is_empty() {
        detail = format!("Máy này được phục hồi hoặc đăng ký lại: {}. {detail}", said.join(", "));
    }
    (outcome, detail)
}

/// How one session ended: one word for programs, a sentence for people.
pub fn end_words(end: End) -> (&'static str, String) {
    match end {
        End::Complete => ("complete", "Huyện đã lưu đủ tất cả.".to_owned()),
        End::GaveUp => ("offline", "Chưa gửi hết. Dữ liệu vẫn an toàn trên máy này và sẽ được gửi khi có mạng.".to_owned()),
        End::Forked { seq } => (
            "forked",
            format!(
                "Từ mục {seq}, huyện đang giữ nội dung do một máy khác ghi: dữ liệu của máy này đã bị sao chép hoặc phục hồi sang \
                 máy khác. Không mất gì, cả hai nhánh đều được giữ. Hãy báo huyện để chọn máy phải đăng ký lại; máy được chọn xin \
                 mã mới rồi chạy: motcua-agent enroll --data … --aggregator https://… --code MÃ"
            ),
        ),
        End::MovedToNewStream => ("moved", "Máy này ghi tiếp trong một luồng mới; phần chờ gửi đi ở lần gửi sau.".to_owned()),
        End::Behind { theirs } => (
            "behind",
            format!(
                "Huyện đã lưu đến mục {theirs}, nhiều hơn máy này có: máy này vừa được phục hồi từ bản sao lưu cũ. \
                 Không mất gì; máy tự lấy lại phần còn thiếu khi gửi qua mạng."
            ),
        ),
    }
}

fn outcome(error: &UplinkError) -> &'static str {
    match error {
        UplinkError::Refused(_) | UplinkError::Revoked(_) | UplinkError::Expired(_) | UplinkError::Untrusted(_) => "refused",
        UplinkError::Busy { .. } => "busy",
        _ => "offline",
    }
}

fn random() -> u64 {
    u64::from_le_bytes(chance())
}

//! The line to the aggregator: enrolment, and the exchange that `shared::sync` decides.
//!
//! Promise: nothing is kept as stored without a receipt whose signature, server, stream and nonce are right. The secret
//! of a code is told only to a server whose CA has the fingerprint in that code. Start at [`Uplink::sync`].

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use chrono::Utc;
use ed25519_dalek::{SigningKey, VerifyingKey};
use motcua_shared::enrolment::EnrolmentCode;
use motcua_shared::entry::{Hash, Head, Record, Seq};
use motcua_shared::seal::OfficeKey;
use motcua_shared::sync::{Action, End, Event, PATIENCE, Session, check_receipt};
use motcua_shared::wire::{
    self, AgentReport, EnrolRequest, Enrolled, Hello, LastReceipt, MAX_SEGMENT, PROTOCOL, Receipt, Segment, Signed, Streams,
    Tail, Upload,
};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Method, StatusCode, Url};
use serde::Serialize;
use tracing::{info, warn};
use uuid::Uuid;

use crate::door::Door;
use crate::office::{self, Identity, OfficeError, chance, now, private_file};
use crate::reference::Lane;
use crate::store::{Enrolment, Office, Store, StoreError};

pub mod tls;

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
    /// `complete`, `offline`, `refused`, `forked`, `behind`.
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
}

/// The enrolled PC's line. Keep it: connections and TLS sessions are used again.
#[derive(Clone)]
pub struct Uplink {
    client: reqwest::Client,
    base: Url,
    office: Office,
    server_id: Uuid,
    receipt_key: VerifyingKey,
    stream_key: SigningKey,
    office_key: OfficeKey,
    reference: Lane,
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
    let office = door.call(|store| store.office()).await?;
    // An office that was enrolled by file may get a line later.
    if let Some(address) = office.enrolment.and_then(|enrolment| enrolment.aggregator) {
        return Err(UplinkError::EnrolledElsewhere(address));
    }
    let (folder, shown) = (data.to_owned(), code.clone());
    let request = door.call(move |store| enrol_request(&folder, store, &shown)).await?;
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
    door.call(move |store| enrolment_keep(&folder, store, &code, Some(base.to_string()), &kept)).await?;
    Ok(enrolled)
}

/// What this PC says to be enrolled under `code`.
pub fn enrol_request(data: &Path, store: &Store, code: &EnrolmentCode) -> Result<EnrolRequest, UplinkError> {
    let office = store.office()?;
    Ok(EnrolRequest {
        secret: code.secret.to_vec(),
        unit: office.unit.clone(),
        stream: office.stream,
        request_pem: tls::certificate_request(&office::stream_key(data)?, &office)?,
        report: report(store.head()?, chance(), None, None),
    })
}

/// Checks the answer to a request under `code` and keeps it: from now on this PC belongs to that district.
pub fn enrolment_keep(
    data: &Path,
    store: &mut Store,
    code: &EnrolmentCode,
    aggregator: Option<String>,
    enrolled: &Enrolled,
) -> Result<(), UplinkError> {
    VerifyingKey::from_bytes(&enrolled.receipt_key)
        .map_err(|_| UplinkError::Stranger("khóa ký biên nhận không hợp lệ".to_owned()))?;
    if tls::pem_fingerprint(enrolled.ca_pem.as_bytes()) != Some(code.ca_fingerprint) {
        return Err(UplinkError::Stranger("chứng thư không phải của huyện đã cấp mã".to_owned()));
    }
    if let Some(before) = store.office()?.enrolment.filter(|before| before.server_id != enrolled.server_id) {
        return Err(UplinkError::EnrolledElsewhere(before.name()));
    }
    let identity = Identity::of(data);
    private_file(&identity.ca(), enrolled.ca_pem.as_bytes())?;
    private_file(&identity.certificate(), enrolled.certificate_pem.as_bytes())?;
    let enrolment = Enrolment { aggregator, server_id: enrolled.server_id, receipt_key: enrolled.receipt_key };
    store.enrolment_keep(&enrolment, (enrolled.numbers_from, enrolled.numbers_to), now())?;
    // A used code is worth nothing: one that stays behind does no harm.
    let _ = std::fs::remove_file(identity.code());
    Ok(())
}

fn base_url(url: &str) -> Result<Url, UplinkError> {
    let invalid = || UplinkError::Address(url.to_owned());
    let mut base = Url::parse(url.trim()).map_err(|_| invalid())?;
    if base.scheme() != "https" || base.host_str().is_none() {
        return Err(invalid());
    }
    base.set_path("/");
    Ok(base)
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

/// What the newest receipt said, to be told to the aggregator.
pub fn last_receipt(store: &Store) -> Result<Option<LastReceipt>, StoreError> {
    Ok(store.receipt_last()?.map(|(receipt, _)| LastReceipt {
        server_id: receipt.server_id,
        epoch: receipt.epoch,
        stored_through: receipt.stored_through,
    }))
}

/// Entries from `from` on, about `budget` bytes of them. There must be one at `from`.
pub fn segment(store: &Store, stream: Uuid, from: Seq, budget: usize, key: &SigningKey) -> Result<Segment, StoreError> {
    let mut gauge = wire::Gauge::new(budget.min(MAX_SEGMENT));
    let records = store.entries_from(from, |clear, sealed| !gauge.fits(clear, sealed))?;
    Ok(Segment::pack(stream, &records, key))
}

/// Keeps a receipt that was checked, durably, if it speaks of our log, and gives our own hash at its place.
pub fn receipt_keep(store: &mut Store, receipt: &Receipt, signed: &Signed) -> Result<Option<Hash>, StoreError> {
    let ours = store.entry_hash(receipt.stored_through)?;
    if receipt.forked_at.is_none() && ours == Some(receipt.head().hash) {
        store.receipt_keep(receipt, signed, now())?;
    }
    Ok(ours)
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
        let media = response.headers().get(CONTENT_TYPE).and_then(|media| media.to_str().ok()).unwrap_or_default().to_owned();
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > MAX_ANSWER {
                break;
            }
        }
        Ok::<_, reqwest::Error>((status, media, bytes))
    };
    let (status, media, bytes) = tokio::time::timeout(patience, whole)
        .await
        .map_err(|_| UplinkError::Offline("đường truyền không trả lời".to_owned()))?
        .map_err(|error| tls::explain(&error))?;
    match (status, media.as_str()) {
        (StatusCode::OK | StatusCode::CONFLICT, "application/cbor") => Ok(Answer::Message(bytes)),
        (status, "application/problem+json") => Ok(refusal(status, &bytes)?),
        (status, _) => Err(UplinkError::Stranger(format!("HTTP {status}, {media}"))),
    }
}

/// A problem document: final for what we asked (4xx), or a server that cannot now (5xx, 429).
fn refusal(status: StatusCode, bytes: &[u8]) -> Result<Answer, UplinkError> {
    #[derive(serde::Deserialize)]
    struct Problem {
        detail: String,
    }
    let detail = serde_json::from_slice::<Problem>(bytes).map_or_else(|_| format!("HTTP {status}"), |problem| problem.detail);
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
            client: client(tls::mutual(&Identity::of(data))?)?,
            base: base_url(enrolment.aggregator.as_deref().ok_or(UplinkError::NoAddress)?)?,
            server_id: enrolment.server_id,
            receipt_key,
            stream_key: office::stream_key(data)?,
            office,
            office_key,
            reference: Lane::default(),
        })
    }

    /// Whose reference data counts, and the key that entries which follow from it are written with.
    pub fn trusts(&self) -> (Uuid, VerifyingKey, OfficeKey) {
        (self.server_id, self.receipt_key, self.office_key.clone())
    }

    /// Waits for what runs beside the uplink; gives whether it recorded entries.
    pub async fn beside(&self) -> bool {
        self.reference.settled().await
    }

    /// What the aggregator holds of every stream of this office, oldest first, each verified.
    pub async fn streams(&self) -> Result<Vec<Receipt>, UplinkError> {
        let nonce: [u8; 16] = chance();
        let digits = data_encoding::HEXLOWER.encode(&nonce);
        let streams: Streams = self.fetch(&format!("sync/v1/streams?nonce={digits}"), PATIENCE).await?;
        let verified = |signed: Signed| {
            let receipt = signed.open_receipt(&self.receipt_key)?;
            check_receipt(&receipt, self.server_id, receipt.stream, nonce).ok().map(|()| receipt)
        };
        let stranger = || UplinkError::Stranger("biên nhận không có chữ ký hợp lệ của huyện".to_owned());
        streams.receipts.into_iter().map(|signed| verified(signed).ok_or_else(stranger)).collect()
    }

    /// Entries of a stream of this office that follow `previous`, as many as one answer holds. Only a chain that leads to
    /// a signed receipt proves them.
    pub async fn tail(&self, stream: Uuid, previous: Head) -> Result<Vec<Record>, UplinkError> {
        let from = previous.seq + 1;
        let tail: Tail = self.fetch(&format!("sync/v1/streams/{stream}?from={from}"), PATIENCE).await?;
        tail.unpack(stream, previous).map_err(|error| UplinkError::Stranger(error.to_string()))
    }

    /// One question without a body, asked up to `patience` times while the line breaks.
    pub async fn fetch<T: for<'b> minicbor::Decode<'b, ()>>(&self, path: &str, patience: u32) -> Result<T, UplinkError> {
        let url = self.base.join(path).map_err(|_| UplinkError::Address(self.base.to_string()))?;
        let mut failures = 0;
        loop {
            match exchange(&self.client, Method::GET, url.clone(), Vec::new()).await {
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

    /// Gives something to the aggregator, once, and gets its answer.
    pub async fn give<T: for<'b> minicbor::Decode<'b, ()>>(&self, path: &str, body: Vec<u8>) -> Result<T, UplinkError> {
        let url = self.base.join(path).map_err(|_| UplinkError::Address(self.base.to_string()))?;
        match exchange(&self.client, Method::PUT, url, body).await? {
            Answer::Message(bytes) => wire::decode(&bytes).map_err(|error| UplinkError::Stranger(error.to_string())),
            Answer::Refused(detail) => Err(UplinkError::Refused(detail)),
        }
    }

    /// One sync now, through cuts, until everything has a receipt or the line is given up. Notes how it ended.
    pub async fn sync(&self, door: &Door) -> Result<Summary, UplinkError> {
        let summary = match self.run(door).await {
            Ok(summary) => summary,
            Err(error @ (UplinkError::Store(_) | UplinkError::Office(_))) => return Err(error),
            Err(error) => self.summary(door, outcome(&error), error.to_string(), Tally::default()).await?,
        };
        let (noted, detail) = (summary.outcome, summary.detail.clone());
        door.call(move |store| store.attempt_note(noted, &detail, now())).await?;
        self.reference.start(self, door);
        Ok(summary)
    }

    async fn run(&self, door: &Door) -> Result<Summary, UplinkError> {
        let head = door.call(|store| store.head()).await?;
        let known = door.call(|store| store.receipt_last()).await?.map(|(receipt, _)| receipt.stored_through);
        let mut session = Session::new(head, known);
        let mut tally = Tally::default();
        let mut actions = VecDeque::from(session.step(Event::Start, random()));
        while let Some(action) = actions.pop_front() {
            let event = match action {
                Action::Keep(_) => continue, // kept, with its signature, before the session was told of it
                Action::Lost { had, has } => {
                    warn!(had, has, "the aggregator lost entries that it had acknowledged; sending them again");
                    tally.resent += had - has;
                    continue;
                }
                Action::Pause(pause) => {
                    tokio::time::sleep(pause).await;
                    continue;
                }
                Action::End(end) => {
                    let (outcome, detail) = ending(end, &tally.last_cut);
                    return self.summary(door, outcome, detail, tally).await;
                }
                Action::Branch { at, .. } => {
                    warn!(at, "another PC wrote in this stream first; our entries from here on are kept aside");
                    continue;
                }
                Action::FetchTail { to, .. } => {
                    let (outcome, detail) = ending(End::Behind { theirs: to.seq }, &tally.last_cut);
                    return self.summary(door, outcome, detail, tally).await;
                }
                Action::OpenStream => Event::Cut, // comes only after a tail was kept
                Action::Hello => self.ask(door, Question::Hello, &mut tally).await?,
                Action::Compare { at } => self.ask(door, Question::Compare(at), &mut tally).await?,
                Action::Send { from, budget } => self.ask(door, Question::Send(from, budget), &mut tally).await?,
            };
            session.grow(door.call(|store| store.head()).await?);
            actions.extend(session.step(event, random()));
        }
        unreachable!("a session always ends with an action that says so")
    }

    /// One exchange: a segment if there is one to send, else a hello.
    async fn ask(&self, door: &Door, question: Question, tally: &mut Tally) -> Result<Event, UplinkError> {
        let nonce = chance();
        let head = door.call(|store| store.head()).await?;
        let compare = match question {
            Question::Compare(seq) => door.call(move |store| store.entry_hash(seq)).await?.map(|hash| Head { seq, hash }),
            Question::Hello | Question::Send(..) => None,
        };
        let last = door.call(|store| last_receipt(store)).await?;
        let report = report(head, nonce, last, compare);
        let stream = self.office.stream;
        let (method, path, body) = match question {
            Question::Hello | Question::Compare(_) => {
                (Method::POST, "sync/v1/hello".to_owned(), wire::encode(&Hello { stream, report }))
            }
            Question::Send(from, budget) => {
                let segment = self.segment(door, from, budget).await?;
                tally.segments += 1;
                (Method::PUT, format!("sync/v1/streams/{stream}/{from}"), wire::encode(&Upload { report, segment }))
            }
        };
        let carried = body.len();
        tally.sent_bytes += carried as u64;
        let url = self.base.join(&path).map_err(|_| UplinkError::Address(self.base.to_string()))?;
        match exchange(&self.client, method, url, body).await {
            Ok(Answer::Message(bytes)) => {
                self.receipt(door, &bytes, &Asked { nonce, at: compare.unwrap_or(head), carried }, tally).await
            }
            Ok(Answer::Refused(detail)) => Err(UplinkError::Refused(detail)),
            Err(UplinkError::Offline(why) | UplinkError::Stranger(why)) => Ok(tally.cut(why)),
            Err(error) => Err(error),
        }
    }

    async fn segment(&self, door: &Door, from: Seq, budget: usize) -> Result<Segment, UplinkError> {
        let (stream, key) = (self.office.stream, self.stream_key.clone());
        Ok(door.call(move |store| segment(store, stream, from, budget, &key)).await?)
    }

    /// Verifies a receipt and keeps it before anything else hears of it.
    async fn receipt(&self, door: &Door, bytes: &[u8], asked: &Asked, tally: &mut Tally) -> Result<Event, UplinkError> {
        let opened =
            wire::decode::<Signed>(bytes).ok().and_then(|signed| Some((signed.open_receipt(&self.receipt_key)?, signed)));
        let Some((receipt, signed)) = opened else {
            return Ok(tally.cut("biên nhận không có chữ ký hợp lệ của huyện".to_owned()));
        };
        if let Err(fault) = check_receipt(&receipt, self.server_id, self.office.stream, asked.nonce) {
            return Ok(tally.cut(fault.to_string()));
        }
        self.reference.heard(&receipt);
        let checked = receipt.clone();
        let ours = door.call(move |store| receipt_keep(store, &checked, &signed)).await?;
        Ok(Event::Receipt { receipt: Box::new(receipt), ours, asked: asked.at, carried: asked.carried })
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
        })
    }
}

/// What one exchange is for.
#[derive(Debug, Clone, Copy)]
enum Question {
    Hello,
    Compare(Seq),
    Send(Seq, usize),
}

/// What an answer must fit.
struct Asked {
    nonce: [u8; 16],
    /// The entry that was to be compared.
    at: Head,
    carried: usize,
}

/// What a session counts as it goes.
#[derive(Debug, Clone, Default)]
struct Tally {
    sent_bytes: u64,
    segments: u64,
    cuts: u64,
    resent: u64,
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

/// How a session ended: one word for programs, a sentence for people. `last_cut`: why the line was given up.
pub fn ending(end: End, last_cut: &str) -> (&'static str, String) {
    match end {
        End::Complete => ("complete", "Huyện đã lưu đủ tất cả.".to_owned()),
        End::GaveUp => {
            ("offline", format!("Chưa gửi hết: {last_cut}. Dữ liệu vẫn an toàn trên máy này và sẽ được gửi khi có mạng."))
        }
        End::Forked { seq } => (
            "forked",
            format!(
                "Huyện đang giữ nội dung khác ở mục {seq}: dữ liệu của máy này đã bị sao chép hoặc phục hồi sang máy khác. \
                 Không mất gì; hãy báo huyện để chọn máy phải đăng ký lại."
            ),
        ),
        End::MovedToNewStream => ("moved", "Máy này đã lấy lại phần còn thiếu và tiếp tục trong một luồng mới.".to_owned()),
        End::Behind { theirs } => (
            "behind",
            format!(
                "Huyện đã lưu đến mục {theirs}, nhiều hơn máy này có: máy này vừa được phục hồi từ bản sao lưu cũ. \
                 Không mất gì; hãy báo huyện để lấy lại phần còn thiếu trước khi nhập tiếp."
            ),
        ),
    }
}

fn outcome(error: &UplinkError) -> &'static str {
    match error {
        UplinkError::Refused(_) => "refused",
        _ => "offline",
    }
}

fn random() -> u64 {
    u64::from_le_bytes(chance())
}

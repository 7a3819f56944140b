//! What agents say and hear: enrolment, hello, segments. CBOR both ways; faults are problem documents.
//!
//! Promise: an agent reaches its own stream only, with a certificate that we issued and did not revoke. A receipt is
//! signed after the commit that it speaks of. Start at [`routes`].

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Extension, FromRequestParts, Path, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use data_encoding::HEXLOWER;
use motcua_shared::calendar::LocalTime;
use motcua_shared::entry::Seq;
use motcua_shared::reference::{Answer, Published};
use motcua_shared::wire::{
    AgentReport, CertificateRequest, EnrolRequest, Gauge, Hello, MAX_REQUEST, MAX_SEGMENT, PROTOCOL, SegmentError, Streams, Tail,
    Upload, common_protocol, decode, encode,
};
use tracing::{info, warn};
use uuid::Uuid;

use super::{App, Problem, now};
use crate::authority::{self, EnrolError};
use crate::findings;
use crate::ingest::{self, IngestError, Intake, Source, Taken, Way};
use crate::reference;
use crate::store::{Held, Node, Store, StoreError, in_transaction};
use crate::tls::{Peer, Wire};

/// An office that is sent away comes back after this many seconds, and some more of its own choice.
const COME_BACK_S: u16 = 30;
/// Most entries that are read for one answer with entries.
const TAIL: usize = 10_000;

/// Most bytes of a request that carries no segment.
pub const SMALL: usize = 64 << 10;

pub fn routes(app: &App) -> Router<App> {
    let small = Router::new()
        .route("/sync/v1/enroll", post(enroll))
        .route("/sync/v1/certificate", post(certificate))
        .route("/sync/v1/hello", post(hello))
        .route("/sync/v1/streams", get(streams))
        .route("/sync/v1/streams/{stream}", get(tail))
        .route("/sync/v1/reference", get(reference_newest).put(reference_back))
        .route("/sync/v1/decisions", get(decisions))
        .layer(DefaultBodyLimit::max(SMALL));
    let large = Router::new().route("/sync/v1/streams/{stream}/{from}", put(upload)).layer(DefaultBodyLimit::max(MAX_REQUEST));
    small.merge(large).layer(from_fn_with_state(app.clone(), one_at_its_place))
}

/// Sends offices away when too many are here at once: a few answered well are more than many answered late.
async fn one_at_its_place(State(app): State<App>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Wire>().and_then(|wire| wire.peer.clone());
    let patience = patience(request.headers());
    let Some(peer) = peer else { return in_time(patience, next.run(request)).await };
    let Some(_place) = app.0.nights.place(now()) else {
        info!(unit = %peer.unit, stream = %peer.stream, "sent away: too many offices at once");
        app.0.metrics.sent_away.inc();
        return busy();
    };
    in_time(patience, next.run(request)).await
}

/// As long as an agent waits for the answer to a request of this length: on a line that is slower it has given up.
fn patience(headers: &HeaderMap) -> Duration {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    Duration::from_mins(1) + Duration::from_secs(length.unwrap_or(0).min(MAX_REQUEST as u64) >> 10)
}

/// A line that died without a word must not keep its place for ever.
async fn in_time(patience: Duration, answer: impl Future<Output = Response>) -> Response {
    tokio::time::timeout(patience, answer).await.unwrap_or_else(|_| {
        let detail = "Đường truyền ngừng giữa chừng, chưa nhận được gì. Máy ở xã tự gửi lại, không mất gì.";
        Problem::new(StatusCode::REQUEST_TIMEOUT, "timeout", "Đường truyền ngừng", detail).into_response()
    })
}

fn busy() -> Response {
    let problem = Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "busy",
        "Máy chủ đang bận",
        "Có quá nhiều máy gửi cùng lúc. Máy ở xã tự gửi lại sau, không mất gì.",
    );
    let mut response = problem.into_response();
    response.headers_mut().insert(header::RETRY_AFTER, COME_BACK_S.into());
    response
}

type Body = Result<Bytes, BytesRejection>;

async fn enroll(
    State(app): State<App>,
    Extension(wire): Extension<Wire>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let (address, instant) = (wire.remote.ip(), Instant::now());
    if app.0.refusals.are_too_many(address, instant) {
        warn!(remote = %wire.remote, "enrolment refused: too many tries");
        return Err(Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-tries",
            "Thử quá nhiều lần",
            "Đã có nhiều lần đăng ký không thành công từ địa chỉ này. Hãy chờ một phút rồi thử lại.",
        ));
    }
    let request: EnrolRequest = message(&headers, body)?;
    speaks_our_protocol(&request.report)?;
    let shared = app.clone();
    let enrolled = app.write(move |store| authority::enrol(store, shared.authority(), &request, now())).await?;
    match enrolled {
        Ok(enrolled) => Ok(cbor(StatusCode::OK, encode(&enrolled))),
        Err(error) => {
            app.0.refusals.count(address, instant);
            Err(error.into())
        }
    }
}

/// Another certificate: for the sender's own stream, or for the one in which its PC goes on.
async fn certificate(State(app): State<App>, peer: Peer, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let request: CertificateRequest = message(&headers, body)?;
    speaks_our_protocol(&request.report)?;
    let shared = app.clone();
    let enrolled = app
        .write(move |store| -> Result<_, Problem> {
            let at = now();
            recognise(store, &peer, at)?;
            Ok(authority::certify(store, shared.authority(), &peer, &request, at)?)
        })
        .await??;
    Ok(cbor(StatusCode::OK, encode(&enrolled)))
}

async fn hello(State(app): State<App>, peer: Peer, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let hello: Hello = message(&headers, body)?;
    speaks_our_protocol(&hello.report)?;
    own_stream(&peer, hello.stream)?;
    let nonce = hello.report.nonce;
    let at = now();
    let stream = peer.stream;
    let shared = app.clone();
    let (node, held) = app
        .write(move |store| -> Result<_, Problem> {
            let (source, node) = admit(store, peer, at)?;
            shared.0.nights.settle(store, source.stream)?;
            Ok((node, ingest::hello(store, &source, &hello.report, at)?))
        })
        .await??;
    Ok(receipt(&app, &node, stream, held, None, nonce, StatusCode::OK))
}

async fn upload(
    State(app): State<App>,
    peer: Peer,
    path: Result<Path<(Uuid, Seq)>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let Path((stream, from)) = path.map_err(|_| bad_request("địa chỉ phải gồm mã luồng và số thứ tự"))?;
    own_stream(&peer, stream)?;
    let upload: Upload = message(&headers, body)?;
    speaks_our_protocol(&upload.report)?;
    own_stream(&peer, upload.segment.stream)?;
    if upload.segment.from != from || upload.segment.count == 0 {
        return Err(bad_segment("phần đầu của gói không khớp địa chỉ gửi đến, hoặc gói không có bản ghi nào"));
    }
    let (nonce, head_seq, unit) = (upload.report.nonce, upload.report.head_seq, peer.unit.clone());
    has_room(&app)?;
    let shared = app.clone();
    let (node, Taken { intake, held }) = app
        .write(move |store| -> Result<_, Problem> {
            let at = now();
            let (source, node) = admit(store, peer, at)?;
            shared.0.nights.settle(store, source.stream)?;
            let began = Instant::now();
            let taken = ingest::take(store, &source, &upload.report, &upload.segment, at);
            shared.0.metrics.uploaded(taken.as_ref().ok().map(|taken| taken.intake), began.elapsed());
            Ok((node, taken?))
        })
        .await??;
    if held.stored.seq >= head_seq {
        app.0.checks.ask(unit);
    }
    let (status, forked_at) = match intake {
        Intake::Stored { .. } => (StatusCode::OK, None),
        Intake::Gap => (StatusCode::CONFLICT, None),
        Intake::Forked { at } => (StatusCode::CONFLICT, Some(at)),
    };
    Ok(receipt(&app, &node, stream, held, forked_at, nonce, status))
}

/// Entries are refused while there is still room for receipts, sessions and the check-point of what is there.
fn has_room(app: &App) -> Result<(), Problem> {
    let room = app.room();
    if room.takes_uploads() {
        return Ok(());
    }
    warn!(free = room.free_bytes, reserve = room.reserve_bytes, "upload refused: the disk is nearly full");
    app.0.metrics.segment("disk_full");
    Err(Problem::disk_full())
}

#[derive(serde::Deserialize)]
struct Nonce {
    nonce: String,
}

/// What is held of every stream of the peer's unit: for a PC that takes another's place.
async fn streams(State(app): State<App>, peer: Peer, query: Result<Query<Nonce>, QueryRejection>) -> Result<Response, Problem> {
    let nonce = query.ok().and_then(|Query(query)| HEXLOWER.decode(query.nonce.as_bytes()).ok());
    let nonce =
        nonce.and_then(|nonce| nonce.try_into().ok()).ok_or_else(|| bad_request("nonce phải là 32 chữ số thập lục phân"))?;
    let (node, held) = app
        .write(move |store| -> Result<_, Problem> {
            let (source, node) = admit(store, peer, now())?;
            let ids: Vec<Uuid> = store.streams(Some(&source.unit))?.into_iter().map(|status| status.stream).collect();
            let held = ids.into_iter().map(|id| Ok((id, store.stream_held(id)?))).collect::<Result<Vec<_>, StoreError>>()?;
            Ok((node, held))
        })
        .await??;
    let receipts = held.into_iter().map(|(id, held)| app.authority().receipt(&node, id, held, None, nonce, now())).collect();
    Ok(cbor(StatusCode::OK, encode(&Streams { receipts })))
}

#[derive(serde::Deserialize)]
struct TailFrom {
    from: Seq,
}

/// Entries back, of any stream of the peer's unit.
async fn tail(
    State(app): State<App>,
    peer: Peer,
    path: Result<Path<Uuid>, PathRejection>,
    query: Result<Query<TailFrom>, QueryRejection>,
) -> Result<Response, Problem> {
    let Path(stream) = path.map_err(|_| bad_request("địa chỉ phải gồm mã luồng"))?;
    let Query(TailFrom { from }) = query.map_err(|_| bad_request("cần from, là số thứ tự"))?;
    let tail = app
        .write(move |store| -> Result<_, Problem> {
            let (source, _) = admit(store, peer, now())?;
            if store.stream_find(stream)?.is_none_or(|found| found.unit != source.unit) {
                warn!(unit = %source.unit, %stream, "request refused: the stream of another unit");
                return Err(forbidden("other-stream", "Luồng dữ liệu này thuộc đơn vị khác."));
            }
            let mut gauge = Gauge::new(MAX_SEGMENT);
            let entries = store.stream_entries(stream, from, TAIL)?.into_iter().map(|entry| entry.record);
            let fitting =
                entries.enumerate().take_while(|(at, record)| gauge.fits(record.body.len(), record.sealed.len()) || *at == 0);
            let records: Vec<_> = fitting.map(|(_, record)| record).collect();
            Ok(Tail::pack(stream, from, &records))
        })
        .await??;
    Ok(cbor(StatusCode::OK, encode(&tail)))
}

#[derive(serde::Deserialize)]
struct Have {
    have: u64,
    /// 64 hexadecimal digits; absent: nothing is held.
    #[serde(default)]
    hash: String,
}

/// The newest reference data, unless the peer holds just that.
async fn reference_newest(
    State(app): State<App>,
    peer: Peer,
    query: Result<Query<Have>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(Have { have, hash }) = query.map_err(|_| bad_request("cần have, là số phiên bản"))?;
    let hash = HEXLOWER.decode(hash.as_bytes()).map_err(|_| bad_request("hash phải là 64 chữ số thập lục phân"))?;
    let newest = app
        .write(move |store| -> Result<_, Problem> {
            admit(store, peer, now())?;
            Ok(store.reference_newest()?)
        })
        .await??;
    Ok(cbor(StatusCode::OK, encode(&reference::answer(newest, have, &hash))))
}

/// What was decided about findings of the peer's unit.
async fn decisions(State(app): State<App>, peer: Peer) -> Result<Response, Problem> {
    let decisions = app
        .write(move |store| -> Result<_, Problem> {
            let (source, _) = admit(store, peer, now())?;
            let number = store.stream_held(source.stream)?.decisions;
            Ok(findings::decisions(store, &source.unit, number)?)
        })
        .await??;
    Ok(cbor(StatusCode::OK, encode(&app.authority().decisions(&decisions))))
}

/// A version that we published and lost.
async fn reference_back(State(app): State<App>, peer: Peer, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let offered: Published = message(&headers, body)?;
    let shared = app.clone();
    let version = app
        .write(move |store| -> Result<_, Problem> {
            admit(store, peer, now())?;
            Ok(reference::readmit(store, shared.authority(), &offered, now())?)
        })
        .await??;
    Ok(cbor(StatusCode::OK, encode(&Answer { version, published: None })))
}

fn receipt(
    app: &App,
    node: &Node,
    stream: Uuid,
    held: Held,
    forked_at: Option<Seq>,
    nonce: [u8; 16],
    status: StatusCode,
) -> Response {
    let signed = app.authority().receipt(node, stream, held, forked_at, nonce, now());
    app.0.metrics.receipts.inc();
    cbor(status, encode(&signed))
}

fn cbor(status: StatusCode, body: Vec<u8>) -> Response {
    (status, [(header::CONTENT_TYPE, "application/cbor"), (header::CACHE_CONTROL, "no-store")], body).into_response()
}

/// Who asks, known before a byte of the body is read.
impl FromRequestParts<App> for Peer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Peer, Problem> {
        let wire = parts.extensions.get::<Wire>();
        wire.and_then(|wire| wire.peer.clone()).ok_or_else(|| {
            warn!(remote = ?wire.map(|wire| wire.remote), "request refused: no client certificate");
            Problem::new(
                StatusCode::UNAUTHORIZED,
                "no-certificate",
                "Chưa có chứng thư",
                "Máy này không trình chứng thư. Hãy đăng ký máy với mã do huyện cấp trước khi đồng bộ.",
            )
        })
    }
}

fn forbidden(kind: &'static str, detail: &str) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, kind, "Không được phép", detail)
}

fn own_stream(peer: &Peer, stream: Uuid) -> Result<(), Problem> {
    if peer.stream == stream {
        return Ok(());
    }
    warn!(unit = %peer.unit, peer.stream = %peer.stream, %stream, "request refused: the stream of another agent");
    Err(forbidden("other-stream", "Chứng thư này thuộc máy khác: mỗi máy chỉ được gửi dữ liệu của chính mình."))
}

/// Whether the certificate is one that we issued for this stream, and still counts.
fn admit(store: &mut dyn Store, peer: Peer, at: LocalTime) -> Result<(Source, Node), Problem> {
    let node = recognise(store, &peer, at)?;
    if peer.expires_at <= at {
        return Err(refused(&peer, "expired", "Chứng thư của máy này đã hết hạn. Máy tự xin chứng thư mới ở lần gửi sau."));
    }
    Ok((Source { unit: peer.unit, stream: peer.stream, key: peer.public_key, way: Way::Line }, node))
}

/// Whether the certificate is one that we issued for this stream and did not take back. Its time may be over.
fn recognise(store: &mut dyn Store, peer: &Peer, at: LocalTime) -> Result<Node, Problem> {
    let node = crate::rollup::node(store)?;
    let issued = match store.certificate_find(&peer.serial)? {
        None if node.restored_at.is_some() => Some(in_transaction(store, |store| authority::readmit(store, peer, at))?),
        known => known,
    };
    let refusal = match issued {
        None => {
            Some(("unknown-certificate", "Máy chủ không còn ghi nhận chứng thư này. Hãy xin huyện cấp mã và đăng ký lại máy."))
        }
        Some(issued) if issued.stream != peer.stream || issued.unit != peer.unit => {
            Some(("unknown-certificate", "Chứng thư không khớp với máy đã đăng ký. Hãy đăng ký lại máy."))
        }
        Some(issued) if issued.revoked => Some(("revoked", "Chứng thư của máy này đã bị thu hồi. Hãy liên hệ huyện.")),
        Some(_) => None,
    };
    refusal.map_or(Ok(node), |(kind, detail)| Err(refused(peer, kind, detail)))
}

fn refused(peer: &Peer, kind: &'static str, detail: &str) -> Problem {
    warn!(unit = %peer.unit, stream = %peer.stream, reason = kind, "request refused");
    forbidden(kind, detail)
}

fn message<T: for<'b> minicbor::Decode<'b, ()>>(headers: &HeaderMap, body: Body) -> Result<T, Problem> {
    if headers.get(header::CONTENT_TYPE).is_none_or(|kind| kind != "application/cbor") {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "media-type",
            "Kiểu dữ liệu không dùng được",
            "Nội dung phải là application/cbor.",
        ));
    }
    let bytes = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Gói quá lớn", "Gói gửi lên lớn hơn mức máy chủ nhận.")
        }
        _ => bad_request("không nhận được trọn nội dung"),
    })?;
    decode(&bytes).map_err(|error| bad_request(&error.to_string()))
}

pub fn bad_request(problem: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "unreadable", "Không đọc được", format!("Nội dung gửi lên không đọc được: {problem}."))
}

fn bad_segment(problem: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "bad-segment", "Gói dữ liệu hỏng", format!("Gói dữ liệu không được nhận: {problem}."))
}

fn speaks_our_protocol(report: &AgentReport) -> Result<(), Problem> {
    common_protocol(report.protocol).map(drop).ok_or_else(|| other_protocol(report.protocol))
}

fn other_protocol(protocol: u16) -> Problem {
    let detail = format!("Máy chủ dùng giao thức {PROTOCOL}, máy này dùng giao thức {protocol}. Hãy cập nhật chương trình.");
    Problem::new(StatusCode::BAD_REQUEST, "protocol", "Khác giao thức", detail)
}

impl From<IngestError> for Problem {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::Store(error) => error.into(),
            IngestError::Segment(SegmentError::Protocol(protocol)) => other_protocol(protocol),
            IngestError::Segment(error) => bad_segment(ingest::segment_words(&error)),
            IngestError::OtherStream(_) => forbidden("other-stream", "Gói dữ liệu thuộc máy khác."),
            IngestError::UnknownStream(_) => forbidden("unknown-stream", "Máy này chưa được đăng ký. Hãy đăng ký lại máy."),
        }
    }
}

impl From<EnrolError> for Problem {
    fn from(error: EnrolError) -> Self {
        let (status, kind) = match &error {
            EnrolError::Store(_) | EnrolError::Authority(_) => return Problem::ours(&error),
            EnrolError::UnknownCode => (StatusCode::FORBIDDEN, "code-unknown"),
            EnrolError::Expired => (StatusCode::FORBIDDEN, "code-expired"),
            EnrolError::Used => (StatusCode::CONFLICT, "code-used"),
            EnrolError::OtherUnit(_) => (StatusCode::FORBIDDEN, "code-other-unit"),
            EnrolError::Request(_) => (StatusCode::BAD_REQUEST, "certificate-request"),
            EnrolError::StreamTaken => (StatusCode::CONFLICT, "stream-taken"),
            EnrolError::Revoked => (StatusCode::FORBIDDEN, "revoked"),
            EnrolError::NoNumbersLeft(_) => (StatusCode::CONFLICT, "no-numbers"),
        };
        Problem::new(status, kind, "Không đăng ký được", error.to_string())
    }
}

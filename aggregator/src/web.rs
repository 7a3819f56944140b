//! The network side: who is asked what, and how faults are worded.
//!
//! Promise: a handler extracts, calls the store once, renders. The database is reached through two doors only,
//! [`App::write`] and [`App::read`]; a panic behind them fails one request and rolls back. Start at [`router`].

pub mod api;
mod audit;
mod chart;
mod commune;
mod comparison;
mod csv;
mod dashboard;
pub mod findings;
pub mod guard;
mod health;
mod index;
mod log_in;
mod machines;
pub mod metrics;
pub mod pages;
mod people;
mod period;
mod publication;
mod reference;
mod reports;
pub mod sync;
mod tokens;
pub mod viewer;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chrono::Utc;
use motcua_shared::calendar::{LocalTime, local};
use motcua_shared::period::Period;
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tracing::error;

use self::metrics::Metrics;
use crate::audit::Views;
use crate::authority::Authority;
use crate::glance::{Glance, Glances};
use crate::nights::{Limits, Nights};
use crate::operation::{Operation, Room};
use crate::rollup::ReportError;
use crate::store::people::AuditLine;
use crate::store::{SqliteStore, Store, StoreError, in_transaction};

/// Connections that only read.
const READERS: usize = 3;
/// How often it is looked whether a glance has to be counted again.
const AHEAD: Duration = Duration::from_secs(3);
/// Refused enrolments of one address in [`WINDOW`], after which it has to wait.
const REFUSALS: u32 = 10;
const WINDOW: Duration = Duration::from_mins(1);
/// Addresses whose refusals are remembered at once.
const REMEMBERED: usize = 4_096;
/// Most bytes of a form without a file.
const LARGEST_FORM: usize = 256 << 10;

/// What the handlers share.
#[derive(Clone)]
pub struct App(Arc<Shared>);

struct Shared {
    writer: Mutex<SqliteStore>,
    readers: Vec<Mutex<SqliteStore>>,
    next_reader: AtomicUsize,
    authority: Authority,
    refusals: Refusals,
    nights: Nights,
    /// Password hashing is slow on purpose: two at once, the others queue up.
    hashing: Semaphore,
    /// What was seen and is not written down yet.
    views: Views,
    checks: findings::Checks,
    glances: Glances,
    metrics: Metrics,
    data: PathBuf,
    disk_reserve_bytes: u64,
}

/// A failed call through a door.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// The work panicked; it was rolled back.
    #[error("the work behind the door panicked")]
    Panicked,
}

impl App {
    /// Opens the database of `data` for a server.
    pub fn open(data: &Path, authority: Authority, limits: Limits, disk_reserve_bytes: u64) -> Result<App, StoreError> {
        let writer = SqliteStore::open(data)?;
        let readers = (0..READERS).map(|_| SqliteStore::open_reader(data).map(Mutex::new)).collect::<Result<_, _>>()?;
        Ok(App(Arc::new(Shared {
            writer: Mutex::new(writer),
            readers,
            next_reader: AtomicUsize::new(0),
            authority,
            refusals: Refusals::default(),
            nights: Nights::new(limits),
            hashing: Semaphore::new(2),
            views: Views::default(),
            checks: findings::Checks::default(),
            glances: Glances::open(data)?,
            metrics: Metrics::default(),
            data: data.to_owned(),
            disk_reserve_bytes,
        })))
    }

    pub fn authority(&self) -> &Authority {
        &self.0.authority
    }

    /// Room on the disk now.
    pub fn room(&self) -> Room {
        Room::of(&self.0.data, self.0.disk_reserve_bytes)
    }

    /// The district at a glance.
    pub fn glance(&self, store: &dyn Store, period: Period, now: LocalTime) -> Result<Arc<Glance>, ReportError> {
        let began = Instant::now();
        let glance = self.0.glances.look(store, period, now);
        self.0.metrics.looked(began.elapsed());
        glance
    }

    /// How the server stands.
    pub fn operation(&self, store: &dyn Store, now: LocalTime) -> Result<Operation, StoreError> {
        Operation::gather(store, &self.0.data, self.0.disk_reserve_bytes, now)
    }

    /// Counts again what is looked at and takes long, so that nobody waits for it. Does not end.
    pub async fn keep_counting(self) {
        loop {
            tokio::time::sleep(AHEAD).await;
            let shared = self.clone();
            let counted = self.read(move |store| shared.0.glances.count_ahead(store, now())).await;
            if let Ok(Err(error)) = counted {
                error!(%error, "the district at a glance could not be counted");
            }
        }
    }

    /// Work that changes something, one at a time.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Store) -> T + Send + 'static,
    ) -> Result<T, DoorError> {
        let shared = self.0.clone();
        behind_the_door(move || {
            let began = Instant::now();
            let done = work(&mut *shared.writer.lock().unwrap_or_else(PoisonError::into_inner));
            shared.metrics.stored("write", began.elapsed());
            done
        })
        .await
    }

    /// Work that only reads; it does not wait for writers.
    pub async fn read<T: Send + 'static>(&self, work: impl FnOnce(&dyn Store) -> T + Send + 'static) -> Result<T, DoorError> {
        let shared = self.0.clone();
        behind_the_door(move || {
            let turn = shared.next_reader.fetch_add(1, Ordering::Relaxed) % shared.readers.len();
            let free = shared.readers.iter().find_map(|reader| reader.try_lock().ok());
            let reader = free.unwrap_or_else(|| shared.readers[turn].lock().unwrap_or_else(PoisonError::into_inner));
            let began = Instant::now();
            let done = work(&*reader);
            shared.metrics.stored("read", began.elapsed());
            done
        })
        .await
    }

    /// Slow arithmetic, a little at a time.
    async fn hash<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, DoorError> {
        let _turn = self.0.hashing.acquire().await.map_err(|_| DoorError::Panicked)?;
        behind_the_door(work).await
    }
}

impl App {
    /// Notes what somebody saw; it is written down with others, see [`keep_noting`].
    async fn note_view(&self, line: AuditLine) {
        if self.0.views.add(line) > VIEWS_AT_ONCE {
            self.write_views().await;
        }
    }

    /// Writes down everything that was seen until now. What cannot be written waits on.
    pub async fn write_views(&self) {
        let lines = self.0.views.take();
        if lines.is_empty() {
            return;
        }
        let kept = lines.clone();
        let written = self.write(move |store| in_transaction(store, |store| store.audit_add(&lines))).await;
        if let Err(error) = written.map_err(Problem::from).and_then(|written| written.map_err(Problem::from)) {
            error!(problem = error.detail, "views could not be written into the audit log; they wait");
            self.0.views.put_back(kept);
        }
    }
}

/// Views that are written at once when they are so many.
const VIEWS_AT_ONCE: usize = 500;
/// How long a view waits for others.
const TOGETHER: Duration = Duration::from_millis(500);

/// Writes down what was seen, a few times a second. Does not end.
pub async fn keep_noting(app: App) {
    loop {
        tokio::time::sleep(TOGETHER).await;
        app.write_views().await;
    }
}

async fn behind_the_door<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, DoorError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| DoorError::Panicked)
}

/// The wall clock of Việt Nam: the only place where a request learns the time.
fn now() -> LocalTime {
    local(Utc::now())
}

/// Which addresses were refused too often to be asked again now.
#[derive(Default)]
struct Refusals(Mutex<BTreeMap<IpAddr, (Instant, u32)>>);

impl Refusals {
    fn are_too_many(&self, address: IpAddr, now: Instant) -> bool {
        let refusals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        refusals.get(&address).is_some_and(|(since, count)| *count >= REFUSALS && now.duration_since(*since) < WINDOW)
    }

    fn count(&self, address: IpAddr, now: Instant) {
        let mut refusals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if refusals.len() >= REMEMBERED {
            refusals.retain(|_, (since, _)| now.duration_since(*since) < WINDOW);
        }
        let (since, count) = refusals.entry(address).or_insert((now, 0));
        if now.duration_since(*since) >= WINDOW {
            (*since, *count) = (now, 0);
        }
        *count += 1;
    }
}

/// A fault as a problem document (RFC 9457), in words for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub status: StatusCode,
    /// Last part of its `type`; scripts rely on it.
    pub kind: &'static str,
    pub title: &'static str,
    pub detail: String,
}

impl Problem {
    pub fn new(status: StatusCode, kind: &'static str, title: &'static str, detail: impl Into<String>) -> Problem {
        Problem { status, kind, title, detail: detail.into() }
    }

    /// Our own fault: told in the log, not to strangers.
    fn ours(error: &dyn std::error::Error) -> Problem {
        error!(%error, "request failed");
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Lỗi của máy chủ",
            "Máy chủ tổng hợp gặp lỗi, chưa có gì được ghi. Hãy thử lại sau; nếu vẫn lỗi, báo người quản trị xem nhật ký.",
        )
    }

    fn disk_full() -> Problem {
        Problem::new(
            StatusCode::INSUFFICIENT_STORAGE,
            "disk-full",
            "Máy chủ hết chỗ ghi",
            "Ổ đĩa của máy chủ tổng hợp đã đầy nên chưa nhận được gì; huyện cần dọn chỗ trống",
        )
    }

    fn not_found() -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "not-found", "Không tìm thấy", "Không có địa chỉ này trên máy chủ tổng hợp.")
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let problem = Problem::ours(&error);
        match error {
            StoreError::Disk(_) => Problem::disk_full(),
            StoreError::Database(_) | StoreError::Damaged(_) => problem,
        }
    }
}

impl From<DoorError> for Problem {
    fn from(error: DoorError) -> Self {
        Problem::ours(&error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let document = serde_json::json!({
            "type": format!("urn:motcua:problem:{}", self.kind),
            "title": self.title,
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        let fixed = [(header::CONTENT_TYPE, "application/problem+json")];
        let mut response = (self.status, fixed, document.to_string()).into_response();
        // The guard makes a page of it where a browser asked.
        response.extensions_mut().insert(self);
        response
    }
}

/// Everything that is answered on the port.
pub fn router(app: App) -> Router {
    let guarded = Router::new().merge(api::routes()).merge(pages::routes());
    Router::new()
        .merge(sync::routes(&app))
        .merge(guarded.layer(from_fn_with_state(app.clone(), guard::dress)))
        .route("/healthz", get(|| async { "ok\n" }))
        .fallback(not_found)
        .method_not_allowed_fallback(|| async {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method",
                "Phương thức không dùng được",
                "Địa chỉ này không nhận phương thức đó.",
            )
        })
        .layer(from_fn_with_state(app.clone(), metrics::measured))
        .layer(fixed_header(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(fixed_header(header::REFERRER_POLICY, "no-referrer"))
        .layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| Problem::from(DoorError::Panicked).into_response()))
        .with_state(app)
}

async fn not_found(headers: HeaderMap) -> Response {
    let wants_page =
        headers.get(header::ACCEPT).is_some_and(|kinds| kinds.to_str().is_ok_and(|kinds| kinds.contains("text/html")));
    let problem = Problem::not_found();
    if wants_page { pages::error_page(&problem, pages::Frame::outside()) } else { problem.into_response() }
}

fn fixed_header(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

#[cfg(test)]
mod tests {
    mod figures;
    mod roles;

    use std::net::SocketAddr;

    use axum::body::Body;
    use axum::http::{Method, Request};
    use motcua_shared::access::node::{Right, Role};
    use motcua_shared::entry::Hash;
    use motcua_shared::wire::{CertificateRequest, Enrolled, Hello, MAX_REQUEST, Receipt, Signed, Upload, decode, encode};
    use tower::ServiceExt as _;
    use uuid::Uuid;

    use super::*;
    use crate::auth::{self, NewToken, tests::account};
    use crate::ingest::tests::{Agent, District, UNIT, received};
    use crate::store::{Certificate, People};
    use crate::tls::{Peer, Wire};

    /// A server without a socket.
    struct Server {
        app: App,
        district: District,
        authority_key: ed25519_dalek::VerifyingKey,
    }

    impl Server {
        fn new() -> Server {
            let district = District::new();
            let node = district.store.node_find().expect("read").expect("there");
            let authority = Authority::create(district.directory.path(), &node, now()).expect("made");
            let authority_key = authority.receipt_key();
            let app = App::open(district.directory.path(), authority, Limits::default(), 0).expect("opened");
            Server { app, district, authority_key }
        }

        fn enrolled(&mut self, unit: &str, number: u8) -> (Agent, Peer) {
            let agent = self.district.agent(unit, number);
            let serial = vec![number; 16];
            let (stream, unit) = (agent.stream, agent.unit.clone());
            let expires_at = now() + chrono::Days::new(1);
            let certificate = Certificate {
                serial: serial.clone(),
                stream,
                unit: unit.clone(),
                issued_at: now(),
                expires_at,
                revoked: false,
                pem: String::new(),
            };
            self.district.store.certificate_add(&certificate).expect("added");
            let peer = Peer { unit, stream, serial, public_key: agent.key.verifying_key(), expires_at };
            (agent, peer)
        }

        /// An office that never came.
        fn enrolled_long_ago(&mut self, unit: &str) {
            let stream = crate::store::Stream {
                id: Uuid::from_u128(99),
                unit: unit.to_owned(),
                public_key: [9; 32],
                numbers_from: 1,
                numbers_to: 4999,
            };
            self.district.store.stream_add(&stream, now() - chrono::Days::new(10)).expect("added");
        }

        /// Gives a program this token, to read everything that a program can be given to read.
        fn gives_token(&mut self, token: &str) {
            let scope = Right::READING.map(Right::code).join(",");
            let asked = NewToken { name: "script".to_owned(), scope, unit: None, days: None };
            let by = crate::audit::By::command_line(now());
            let (_, made) = auth::token_create(&mut self.district.store, &asked, &by).expect("made");
            self.district.store.token_keep(auth::token_hash(token), &made).expect("kept");
        }

        /// Adds somebody, and gives the cookie of a session.
        fn session(&mut self, name: &str, role: Role, unit: Option<&str>) -> String {
            account(&mut self.district.store, name, role, unit).expect("added");
            let token = auth::session_open(&mut self.district.store, name, now()).expect("open");
            format!("{}={token}", viewer::COOKIE)
        }

        async fn ask(&self, request: Request<Body>, peer: Option<Peer>) -> Response {
            let mut request = request;
            let remote: SocketAddr = "192.0.2.7:5000".parse().expect("an address");
            request.extensions_mut().insert(Wire { remote, peer });
            router(self.app.clone()).oneshot(request).await.expect("answers never fail")
        }

        async fn cbor(&self, method: Method, path: &str, body: Vec<u8>, peer: Option<Peer>) -> Response {
            let request = Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, "application/cbor");
            self.ask(request.body(Body::from(body)).expect("a request"), peer).await
        }

        async fn put(&self, agent: &Agent, from: u64, to: u64, peer: &Peer) -> Response {
            let upload = Upload { report: agent.report(), segment: agent.segment(from, to) };
            let path = format!("/sync/v1/streams/{}/{from}", agent.stream);
            self.cbor(Method::PUT, &path, encode(&upload), Some(peer.clone())).await
        }

        async fn receipt(&self, response: Response) -> Receipt {
            let signed: Signed = decode(&bytes(response).await).expect("a signed receipt");
            signed.open_receipt(&self.authority_key).expect("signed by us")
        }

        async fn get(&self, path: &str, headers: &[(HeaderName, &str)]) -> Response {
            let request =
                headers.iter().fold(Request::builder().uri(path), |request, (name, value)| request.header(name, *value));
            self.ask(request.body(Body::empty()).expect("a request"), None).await
        }

        async fn log_in(&self, password: &str, headers: &[(&str, &str)]) -> Response {
            let request = Request::post("/login").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
            let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
            self.ask(request.body(Body::from(format!("name=hoa&password={password}"))).expect("a request"), None).await
        }
    }

    async fn bytes(response: Response) -> Vec<u8> {
        axum::body::to_bytes(response.into_body(), MAX_REQUEST).await.expect("a body").to_vec()
    }

    #[track_caller]
    fn is_problem(response: &Response, status: u16) {
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    }

    #[tokio::test]
    async fn a_segment_gets_a_signed_receipt_that_echoes_the_nonce() {
        let mut server = Server::new();
        let (mut agent, peer) = server.enrolled(UNIT, 1);
        agent.record(1, received(1));
        agent.record(2, received(2));
        let response = server.put(&agent, 1, 1, &peer).await;
        assert_eq!(response.status(), StatusCode::OK);
        let receipt = server.receipt(response).await;
        assert_eq!((receipt.stored_through, Hash(receipt.hash), receipt.nonce), (1, agent.log[0].hash, [7; 16]));
        let hello = Hello { stream: agent.stream, report: agent.report() };
        let response = server.cbor(Method::POST, "/sync/v1/hello", encode(&hello), Some(peer)).await;
        assert_eq!(server.receipt(response).await.stored_through, 1);
        assert_eq!(server.district.store.streams(None).expect("read")[0].pending, 1);
    }

    #[tokio::test]
    async fn strangers_and_neighbours_are_refused_in_words() {
        let mut server = Server::new();
        let (mut agent, peer) = server.enrolled(UNIT, 1);
        let (_, neighbour) = server.enrolled("11074", 2);
        agent.record(1, received(1));
        let hello = encode(&Hello { stream: agent.stream, report: agent.report() });
        is_problem(&server.cbor(Method::POST, "/sync/v1/hello", hello, None).await, 401);
        is_problem(&server.put(&agent, 1, 1, &neighbour).await, 403);
        let forgotten = Peer { serial: vec![9], ..peer.clone() };
        is_problem(&server.put(&agent, 1, 1, &forgotten).await, 403);
        let elsewhere = Peer { unit: "11074".to_owned(), ..peer };
        is_problem(&server.put(&agent, 1, 1, &elsewhere).await, 403);
        assert_eq!(server.district.store.streams(None).expect("read").iter().map(|row| row.stored_through).sum::<u64>(), 0);
    }

    fn certificate_request(key: &ed25519_dalek::SigningKey) -> String {
        use ed25519_dalek::pkcs8::{EncodePrivateKey, spki::der::pem::LineEnding};
        let pem = key.to_pkcs8_pem(LineEnding::LF).expect("a key");
        let key = rcgen::KeyPair::from_pem(&pem).expect("a key");
        rcgen::CertificateParams::default().serialize_request(&key).and_then(|request| request.pem()).expect("a request")
    }

    #[tokio::test]
    async fn a_certificate_is_renewed_even_after_it_expired_and_never_after_it_was_revoked() {
        let mut server = Server::new();
        let (mut agent, peer) = server.enrolled(UNIT, 1);
        agent.record(1, received(1));
        let late = Peer { expires_at: now() - chrono::Days::new(200), ..peer.clone() };
        let ask = |stream, key: &ed25519_dalek::SigningKey, peer: &Peer| {
            let request = CertificateRequest { stream, request_pem: certificate_request(key), report: agent.report() };
            server.cbor(Method::POST, "/sync/v1/certificate", encode(&request), Some(peer.clone()))
        };
        is_problem(&server.put(&agent, 1, 1, &late).await, 403);
        let enrolled: Enrolled = decode(&bytes(ask(agent.stream, &agent.key, &late).await).await).expect("a certificate");
        let again: Enrolled = decode(&bytes(ask(agent.stream, &agent.key, &late).await).await).expect("a certificate");
        assert_eq!(enrolled, again, "answers get lost");
        let other = ed25519_dalek::SigningKey::from_bytes(&[9; 32]);
        is_problem(&ask(agent.stream, &other, &peer).await, 409);
        let next = Uuid::from_u128(99);
        let opened: Enrolled = decode(&bytes(ask(next, &other, &peer).await).await).expect("a certificate");
        assert_ne!((opened.numbers_from, opened.numbers_to), (enrolled.numbers_from, enrolled.numbers_to));
        let mut store = SqliteStore::open(server.district.directory.path()).expect("open");
        assert_eq!(store.certificates_revoke(agent.stream, now()).expect("revoked"), 3, "and of what its PC opened");
        is_problem(&ask(agent.stream, &agent.key, &peer).await, 403);
        assert!(store.certificates(next).expect("read").iter().all(|certificate| certificate.revoked));
    }

    #[tokio::test]
    async fn bad_requests_are_refused_and_gaps_get_a_receipt() {
        let mut server = Server::new();
        let (mut agent, peer) = server.enrolled(UNIT, 1);
        for dossier in 1..=3 {
            agent.record(dossier, received(dossier));
        }
        let path = format!("/sync/v1/streams/{}/1", agent.stream);
        let put = |body| server.cbor(Method::PUT, &path, body, Some(peer.clone()));
        is_problem(&put(b"nonsense".to_vec()).await, 400);
        is_problem(&server.cbor(Method::PUT, "/sync/v1/streams/x/1", vec![], Some(peer.clone())).await, 400);
        is_problem(&put(encode(&Upload { report: agent.report(), segment: agent.segment(2, 2) })).await, 400);
        is_problem(&put(vec![0; MAX_REQUEST + 1]).await, 413);
        let response = server.put(&agent, 3, 3, &peer).await;
        assert_eq!(response.status(), StatusCode::CONFLICT);
        let receipt = server.receipt(response).await;
        assert_eq!((receipt.stored_through, receipt.forked_at), (0, None));
    }

    #[tokio::test]
    async fn figures_are_told_to_those_with_a_token_only() {
        let mut server = Server::new();
        let (mut agent, peer) = server.enrolled(UNIT, 1);
        agent.record(1, received(1));
        server.put(&agent, 1, 1, &peer).await;
        let path = "/api/v1/reports/ii06?from=2022-12-15&to=2023-12-14&unit=11089";
        is_problem(&server.get(path, &[]).await, 401);
        is_problem(&server.get("/metrics", &[]).await, 401);
        assert_eq!(server.get("/healthz", &[]).await.status(), StatusCode::OK);
        let token = auth::new_token();
        server.gives_token(&token);
        let bearer = format!("Bearer {token}");
        let shown = [(header::AUTHORIZATION, bearer.as_str())];
        let report: serde_json::Value = serde_json::from_slice(&bytes(server.get(path, &shown).await).await).expect("JSON");
        assert_eq!((report["total"]["received"]["total"].as_i64(), report["coverage"]["complete"].as_i64()), (Some(1), Some(1)));
        is_problem(&server.get(&path.replace("11089", "99999"), &shown).await, 404);
        is_problem(&server.get(&path.replace("2022-12-15", "2024-12-15"), &shown).await, 400);
        let dossier = bytes(server.get("/api/v1/dossiers/000.11.57.H23-230131-0001", &shown).await).await;
        let dossier: serde_json::Value = serde_json::from_slice(&dossier).expect("JSON");
        assert_eq!((dossier["state"].as_str(), dossier["verdict"].is_null()), (Some("processing"), true));
        is_problem(&server.get("/api/v1/dossiers/none", &shown).await, 404);
        server.enrolled_long_ago("11074");
        let status = bytes(server.get("/api/v1/status", &shown).await).await;
        let status: serde_json::Value = serde_json::from_slice(&status).expect("JSON");
        let absent: Vec<&str> =
            status["missed_nights"].as_array().expect("a list").iter().filter_map(|office| office["unit"].as_str()).collect();
        assert_eq!(absent, ["11074"], "the office that never came, and not the one that just did: {status}");
    }

    #[tokio::test]
    async fn an_officer_sees_decides_and_writes_and_a_viewer_only_sees() {
        let mut server = Server::new();
        let (mut agent, _) = server.enrolled(UNIT, 1);
        agent.record_raw(r#"{"v":1,"seq":SEQ,"kind":"declared","author":"lan","recorded_at":"2026-11-22T10:00:00+07:00","clear":{"from":"2021-12-15","to":"2022-12-14","figures":[{"indicator":"dossiers.received","value":10,"revision":1},{"indicator":"dossiers.resolved","value":12,"revision":1}]}}"#);
        server.district.send(&agent, 1, 1);
        let mut sessions = Vec::new();
        for (name, role) in [("hoa", Role::Officer), ("an", Role::Viewer)] {
            sessions.push(server.session(name, role, None));
        }
        let (officer, viewer) = (sessions[0].as_str(), sessions[1].as_str());
        let found = bytes(server.get("/api/v1/findings", &[(header::COOKIE, officer)]).await).await;
        let found: serde_json::Value = serde_json::from_slice(&found).expect("JSON");
        assert_eq!((&found[0]["rule"], &found[0]["gap"], &found[0]["state"]), (&"subset".into(), &2.into(), &"open".into()));
        let path = format!("/findings/{UNIT}/{}", found[0]["id"].as_str().expect("an id"));
        for (page, part) in [
            ("/findings", "Phần không lớn hơn toàn bộ"),
            (path.as_str(), "phát hiện lần đầu"),
            ("/findings/11089/letter", "Vì sao số giải quyết nhiều hơn"),
        ] {
            let text = bytes(server.get(page, &[(header::COOKIE, viewer)]).await).await;
            assert!(String::from_utf8_lossy(&text).contains(part), "{page}");
        }
        let decide = async |cookie: &str, form: &str| {
            let request = Request::builder()
                .method(Method::POST)
                .uri(&path)
                .header(header::COOKIE, cookie)
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
            server.ask(request.body(Body::from(form.to_owned())).expect("a request"), None).await.status().as_u16()
        };
        assert_eq!(decide(viewer, "decision=accepted").await, 403);
        assert_eq!(decide(officer, "decision=").await, 422);
        assert_eq!(decide(officer, "decision=rejected&words=").await, 422);
        assert_eq!(decide(officer, "decision=accepted&words=ok").await, 303);
        let found = bytes(server.get("/api/v1/findings?unit=11089", &[(header::COOKIE, officer)]).await).await;
        let found: serde_json::Value = serde_json::from_slice(&found).expect("JSON");
        assert_eq!((&found[0]["state"], &found[0]["history"][1]["who"]), (&"accepted".into(), &"hoa".into()));
        assert_eq!(server.get("/findings", &[]).await.status(), StatusCode::SEE_OTHER);
    }

    #[tokio::test]
    async fn pages_want_a_log_in_and_forms_of_other_sites_are_refused() {
        let mut server = Server::new();
        account(&mut server.district.store, "hoa", Role::Officer, None).expect("added");
        let response = server.get("/", &[]).await;
        assert_eq!(
            (response.status(), &response.headers()[header::LOCATION]),
            (StatusCode::SEE_OTHER, &HeaderValue::from_static("/login"))
        );
        assert_eq!(
            server
                .log_in("m%E1%BA%ADt%20kh%E1%BA%A9u%20%C4%91%E1%BB%A7%20d%C3%A0i", &[("sec-fetch-site", "cross-site")])
                .await
                .status(),
            StatusCode::FORBIDDEN
        );
        assert_eq!(
            server
                .log_in(
                    "m%E1%BA%ADt%20kh%E1%BA%A9u%20%C4%91%E1%BB%A7%20d%C3%A0i",
                    &[("origin", "https://elsewhere"), ("host", "here")]
                )
                .await
                .status(),
            StatusCode::FORBIDDEN
        );
        assert_eq!(server.log_in("wrong", &[]).await.status(), StatusCode::UNAUTHORIZED);
        let response = server
            .log_in("m%E1%BA%ADt%20kh%E1%BA%A9u%20%C4%91%E1%BB%A7%20d%C3%A0i", &[("origin", "https://here"), ("host", "here")])
            .await;
        let cookie = response.headers()[header::SET_COOKIE].to_str().expect("text").to_owned();
        assert!(cookie.contains("HttpOnly; Secure; SameSite=Strict"), "{cookie}");
        server.enrolled_long_ago("11074");
        let session = [(header::COOKIE, cookie.split(';').next().expect("a value"))];
        for (number, (path, words)) in (10..).zip([
            ("/", "Cần gọi cho"),
            ("/?from=2023-01-01&to=2023-12-31", "đêm liền"),
            ("/offices", "Lỡ hẹn gửi ban đêm"),
            ("/compare", "Hạng"),
            ("/compare?by=received&order=name&col=open", "Tỷ trọng"),
            ("/compare?from=1&to=2", "dạng ngày/tháng/năm"),
            ("/units/11089", "Biểu II.06"),
            ("/units/11089?from=2022-12-15&to=2023-12-14", "Thời gian giải quyết"),
            ("/reports/ii06?from=01/01/2023&to=31/12/2023", "(13)"),
            ("/reports/procedures?from=2022-12-15&to=2023-12-14", "Số liệu phía sau"),
            ("/reports/filed", "Chưa chốt báo cáo nào"),
            ("/index766", "điểm đã biết"),
        ]) {
            server.district.agent(UNIT, number);
            let response = server.get(path, &session).await;
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            assert!(response.headers()[header::CONTENT_SECURITY_POLICY].to_str().expect("text").contains("default-src 'none'"));
            let page = String::from_utf8(bytes(response).await).expect("text");
            assert!(page.contains(words) && page.contains("lang=\"vi\""), "{path}: {page}");
        }
        assert_eq!(server.get("/units/404", &session).await.status(), StatusCode::NOT_FOUND);
        assert_eq!(
            server.get("/reports/ii06.csv?unit=11089&from=2023-01-01&to=2023-12-31", &session).await.status(),
            StatusCode::OK
        );
    }

    #[tokio::test]
    async fn a_panic_behind_the_door_fails_one_request_only() {
        let mut server = Server::new();
        let (mut agent, peer) = server.enrolled(UNIT, 1);
        agent.record(1, received(1));
        let panicked = server.app.write(|_| -> () { panic!("on purpose") }).await;
        assert!(matches!(panicked, Err(DoorError::Panicked)));
        assert_eq!(server.put(&agent, 1, 1, &peer).await.status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn guessing_codes_soon_has_to_wait() {
        let server = Server::new();
        let agent = District::new().agent(UNIT, 1);
        let request = motcua_shared::wire::EnrolRequest {
            secret: vec![1; 10],
            unit: UNIT.to_owned(),
            stream: Uuid::from_u128(1),
            request_pem: "x".to_owned(),
            report: agent.report(),
        };
        let ask = || server.cbor(Method::POST, "/sync/v1/enroll", encode(&request), None);
        for _ in 0..REFUSALS {
            is_problem(&ask().await, 400);
        }
        is_problem(&ask().await, 429);
    }
}

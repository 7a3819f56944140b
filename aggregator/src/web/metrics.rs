//! The numbers that monitoring reads, as `OpenMetrics` text, which Prometheus reads: <https://prometheus.io/docs/specs/om/>.
//!
//! Promise: counts and times only, no unit, no dossier, no person; whoever asks from this machine needs no token. Start at
//! [`Metrics`] and [`page`].

use std::time::{Duration, Instant};

use axum::extract::{Extension, MatchedPath, Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use motcua_shared::calendar::LocalTime;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::{App, Problem, api, now};
use crate::ingest::Intake;
use crate::operation::Operation;
use crate::rollup::{self, NodeStatus};
use crate::store::StoreError;
use crate::tls::Wire;

/// Upper ends of the buckets of times, seconds.
const SECONDS: [f64; 12] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// One label and its value.
type Label = [(&'static str, &'static str); 1];
type Times = Family<Label, Histogram, fn() -> Histogram>;

/// What is counted while the server runs.
pub struct Metrics {
    registry: Registry,
    requests: Family<[(&'static str, String); 3], Counter>,
    request_seconds: Times,
    pub receipts: Counter,
    pub sent_away: Counter,
    segments: Family<Label, Counter>,
    entries: Counter,
    ingest_seconds: Histogram,
    store_seconds: Times,
    glance_seconds: Histogram,
}

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Metrics {
            registry: Registry::default(),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(seconds),
            receipts: Counter::default(),
            sent_away: Counter::default(),
            segments: Family::default(),
            entries: Counter::default(),
            ingest_seconds: seconds(),
            store_seconds: Family::new_with_constructor(seconds),
            glance_seconds: seconds(),
        };
        let all = &mut metrics.registry; // which writes “_total” behind the names of counters, and a full stop behind the help
        all.register("motcua_requests", "Requests answered, by route, method and status", metrics.requests.clone());
        all.register("motcua_request_seconds", "Time until an answer begins, by kind", metrics.request_seconds.clone());
        all.register("motcua_receipts_issued", "Receipts signed since the start", metrics.receipts.clone());
        all.register(
            "motcua_sync_sent_away",
            "Requests of offices asked to come back: too many at once",
            metrics.sent_away.clone(),
        );
        all.register("motcua_sync_segments", "Uploads of offices, by outcome", metrics.segments.clone());
        all.register("motcua_sync_entries", "Entries that were new", metrics.entries.clone());
        all.register(
            "motcua_ingest_seconds",
            "Time to verify, store, apply and commit an upload",
            metrics.ingest_seconds.clone(),
        );
        all.register("motcua_store_seconds", "Time of one call to the database, by door", metrics.store_seconds.clone());
        all.register("motcua_glance_seconds", "Time to give the figures of the first page", metrics.glance_seconds.clone());
        metrics
    }
}

impl Metrics {
    /// An upload ended, after `took` in ingest; `None`: it was refused.
    pub fn uploaded(&self, intake: Option<Intake>, took: Duration) {
        self.ingest_seconds.observe(took.as_secs_f64());
        self.segment(match intake {
            Some(Intake::Stored { .. }) => "stored",
            Some(Intake::Gap) => "gap",
            Some(Intake::Forked { .. }) => "forked",
            None => "refused",
        });
        if let Some(Intake::Stored { new }) = intake {
            self.entries.inc_by(u64::try_from(new).unwrap_or(u64::MAX));
        }
    }

    pub fn segment(&self, outcome: &'static str) {
        self.segments.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// One call through a door.
    pub fn stored(&self, door: &'static str, took: Duration) {
        self.store_seconds.get_or_create(&[("door", door)]).observe(took.as_secs_f64());
    }

    pub fn looked(&self, took: Duration) {
        self.glance_seconds.observe(took.as_secs_f64());
    }
}

/// Counts every request and the time until its answer begins.
pub async fn measured(State(app): State<App>, path: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    // Addresses that are no route would make as many series as somebody can think of.
    let route = path.map_or_else(|| "other".to_owned(), |path| path.as_str().to_owned());
    let method = request.method().as_str().to_owned();
    let response = next.run(request).await;
    let kind = match route.as_str() {
        route if route.starts_with("/sync/") => "sync",
        route if route.starts_with("/api/") => "api",
        _ => "page",
    };
    let metrics = &app.0.metrics;
    metrics.request_seconds.get_or_create(&[("kind", kind)]).observe(began.elapsed().as_secs_f64());
    let labels = [("route", route), ("method", method), ("status", response.status().as_u16().to_string())];
    metrics.requests.get_or_create(&labels).inc();
    response
}

pub async fn page(State(app): State<App>, Extension(wire): Extension<Wire>, headers: HeaderMap) -> Result<Response, Problem> {
    if !wire.remote.ip().is_loopback() {
        api::admitted(&app, &headers).await?;
    }
    let at = now();
    let shared = app.clone();
    let (status, operation) = app
        .read(move |store| -> Result<_, StoreError> { Ok((rollup::status(store, at)?, shared.operation(store, at)?)) })
        .await??;
    let mut text = String::new();
    let written = encode_registry(&mut text, &app.0.metrics.registry)
        .and_then(|()| encode_registry(&mut text, &standing(&status, &operation)))
        .and_then(|()| encode_eof(&mut text));
    written.map_err(|error| Problem::ours(&error))?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

/// How everything stands, as gauges.
fn standing(status: &NodeStatus, operation: &Operation) -> Registry {
    let mut all = Registry::default();
    let mut gauge = |name: &str, help: &str, value: u64| {
        let gauge = Gauge::<i64>::default();
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        all.register(name, help, gauge);
    };
    let count = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
    let second = |at: LocalTime| u64::try_from(at.timestamp()).unwrap_or(0);
    gauge("motcua_entries_stored", "Entries stored", status.stored);
    gauge("motcua_entries_quarantined", "Entries stored and not applied", status.quarantined);
    gauge("motcua_entries_pending", "Entries recorded and not yet here, as last told by the agents", status.pending);
    gauge("motcua_offices_absent", "Offices that missed their last night", count(status.missed_nights.len()));
    gauge("motcua_streams", "Agents enrolled", count(status.streams.len()));
    gauge("motcua_reference_version", "Newest published reference data", status.reference_version);
    gauge("motcua_disk_free_bytes", "Free on the disk of the database", operation.disk.free_bytes.unwrap_or(0));
    gauge("motcua_disk_reserve_bytes", "Below it nothing is taken from offices", operation.disk.reserve_bytes);
    let good = operation.last_good.as_ref().map_or(0, |run| second(run.at));
    gauge("motcua_backup_last_good_timestamp_seconds", "When the newest proven backup was made; 0: none", good);
    let is_well = operation.last_run == operation.last_good;
    gauge("motcua_backup_ok", "1: the newest backup is a proven one, or none was due yet; 0: it failed", u64::from(is_well));
    all
}

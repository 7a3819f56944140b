//! The agent's pages and API: what the clerk sees and does in a browser on this PC.
//!
//! Promise: what a page calls saved is durably in the log, under the name of whoever saved it. Only this PC is answered, no
//! script is needed, and every fault says what happened, what is safe and what to do. Start at [`router`]; who may do what
//! is an argument of each handler: [`viewer`].

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::bail;
use askama::Template;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::HeaderName;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{Html, IntoResponse};
use axum::routing::{get, post};
use motcua_shared::access::Right;
use motcua_shared::assets;
use motcua_shared::dossier::Code;
use motcua_shared::patience::Bucket;
use motcua_shared::schedule::Window;
use motcua_shared::seal::OfficeKey;
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;

use crate::doctor;
use crate::door::Door;
use crate::lan::Lan;
use crate::office::{Status, chance, now};
use crate::schedule::Sender;
use crate::store::{self, Pen, Store};
use crate::words;

pub mod api;
mod books;
pub mod brought;
mod carried;
mod checklist;
mod correction;
mod declared;
mod dossier;
mod drafts;
mod fault;
mod filing;
mod find;
mod findings;
mod forms;
mod front;
mod guard;
mod kiosk;
mod lan;
mod lists;
mod log_in;
pub mod narrative;
mod paging;
mod people;
mod reception;
mod report;
mod setup;
mod several;
mod sync;
mod today;
pub mod viewer;

use fault::HttpError;
pub use front::{Front, Listeners, serve};
use lan::Wire;
use viewer::Viewer;

/// No form of ours is larger: the words of a whole report, with every letter as its nine in an address.
const LARGEST_FORM: usize = 1 << 20;
/// Nobody looks dossiers up faster, without a log-in: so many at once, then one after so many milliseconds.
const CITIZENS_AT_ONCE: u64 = 30;
const CITIZEN_EVERY_MS: u64 = 3_000;
/// How long requests may take to end when the program is asked to stop.
const GRACE: Duration = Duration::from_secs(30);

/// What every handler works with.
#[derive(Clone)]
pub struct App {
    pub data: PathBuf,
    pub door: Door,
    pub key: OfficeKey,
    pub sender: Sender,
    /// Password hashing is slow on purpose: two at once, the others queue up.
    hashing: Arc<Semaphore>,
    /// Turns that are left at the page without a log-in.
    turns: Arc<Mutex<Bucket>>,
    started: Instant,
    /// How the other PCs of the office are answered, if they are.
    lan: Option<Opened>,
}

/// The door that is open to the other PCs of the office.
#[derive(Clone)]
pub struct Opened {
    pub lan: Arc<Lan>,
    pub port: u16,
    /// The address that it listens on.
    pub bound: IpAddr,
}

impl App {
    pub fn new(data: &Path, door: Door, key: OfficeKey, night: Window) -> App {
        App {
            data: data.to_owned(),
            sender: Sender::new(data, door.clone(), night),
            door,
            key,
            hashing: Arc::new(Semaphore::new(2)),
            turns: Arc::new(Mutex::new(Bucket::new(CITIZENS_AT_ONCE, CITIZEN_EVERY_MS))),
            started: Instant::now(),
            lan: None,
        }
    }

    /// The same, open to other PCs too.
    #[must_use]
    pub fn with_lan(self, lan: Option<Opened>) -> App {
        App { lan, ..self }
    }

    /// Reads from the store.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store, &OfficeKey) -> store::Result<T> + Send + 'static,
    ) -> Result<T, HttpError> {
        let key = self.key.clone();
        Ok(self.door.call(move |store| work(store, &key)).await?)
    }

    /// Writes to the store with the viewer's pen, and has it sent soon.
    async fn write<T: Send + 'static>(
        &self,
        viewer: &Viewer,
        work: impl FnOnce(&mut Store, &Pen) -> store::Result<T> + Send + 'static,
    ) -> Result<T, HttpError> {
        let (key, author) = (self.key.clone(), viewer.name.clone());
        let written =
            self.door.call(move |store| work(store, &Pen { author: &author, now: now(), key: &key, salt: chance })).await?;
        self.sender.saved();
        Ok(written)
    }

    /// Writes what a citizen said at the page without a log-in.
    async fn write_at_kiosk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Store, &Pen) -> store::Result<T> + Send + 'static,
    ) -> Result<T, HttpError> {
        let key = self.key.clone();
        let written =
            self.door.call(move |store| work(store, &Pen { author: words::KIOSK, now: now(), key: &key, salt: chance })).await?;
        self.sender.saved();
        Ok(written)
    }

    /// Whether somebody without a log-in may ask now.
    fn may_ask(&self) -> bool {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX / 2);
        self.turns.lock().unwrap_or_else(PoisonError::into_inner).take(now).is_ok()
    }

    /// Slow arithmetic, a little at a time.
    async fn hash<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let turn = self.hashing.acquire().await;
        let done = tokio::task::spawn_blocking(work).await;
        drop(turn);
        done.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
    }
}

/// What stands around every page of somebody who is logged in.
struct Frame {
    office: String,
    sync: String,
    all_sent: bool,
    /// The one thing to do when sending does not work; empty when there is nothing.
    todo: String,
    /// Log-in name of who looks, and what he is in words.
    viewer: String,
    role: &'static str,
    /// He manages the accounts.
    people: bool,
    /// He sees everybody's workload.
    workload: bool,
}

impl Frame {
    fn read(store: &Store, viewer: &Viewer) -> store::Result<Option<Frame>> {
        let (status, now) = (Status::read(store)?, now());
        Ok(Some(Frame {
            viewer: viewer.name.clone(),
            role: words::role_name(viewer.role),
            people: viewer.may(Right::People),
            workload: viewer.may(Right::Workload),
            office: format!("{} ({})", status.name, status.unit),
            sync: words::sync_sentence(&status, now),
            all_sent: words::all_sent(&status),
            todo: doctor::todo(store, now)?,
        }))
    }
}

/// An option of a list.
struct Choice {
    code: &'static str,
    name: &'static str,
}

/// Every value of an enum with its name.
fn choices<T: Code>(name: fn(T) -> &'static str) -> Vec<Choice> {
    T::ALL.iter().map(|(value, code)| Choice { code, name: name(*value) }).collect()
}

fn html(page: &impl Template) -> Result<Html<String>, HttpError> {
    Ok(Html(page.render()?))
}

/// Every address that the agent answers.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/", get(today::show))
        .route("/several", get(several::prepare).post(several::take))
        .route("/dossiers/new", get(reception::blank).post(reception::again))
        .route("/dossiers/new/preview", post(reception::previewed))
        .route("/dossiers/new/procedures", get(reception::procedures))
        .route("/drafts", get(drafts::show).post(drafts::keep))
        .route("/drafts/{id}/discard", post(drafts::discard))
        .route("/dossiers", get(find::show).post(reception::save))
        .route("/dossiers.csv", get(lists::found_csv))
        .route("/lists/desk/{format}", get(lists::desk))
        .route("/lists/overdue/{format}", get(lists::overdue))
        .route("/lists/handover/{format}", get(lists::handover))
        .route("/lists/found/{format}", get(lists::found))
        .route("/lists/figures/{format}", get(lists::figures))
        .route("/reports/ii06/file/{format}", get(lists::ii06))
        .route("/dossiers/searches", post(find::keep))
        .route("/dossiers/searches/{n}/forget", post(find::forget))
        .route("/dossiers/{code}/correct", get(correction::show).post(correction::correct))
        .route("/dossiers/{code}", get(dossier::show))
        .route("/dossiers/{code}/steps/{kind}", post(dossier::step))
        .route("/dossiers/{code}/forms/{form}", get(forms::show).post(forms::print))
        .route("/forms", get(forms::choose).post(forms::print_many))
        .route("/books/{year}/register.pdf", get(forms::register))
        .route("/reports/ii06", get(report::ii06).post(filing::file))
        .route("/reports/narrative", get(narrative::show).post(narrative::save))
        .route("/reports/narrative/file/{format}", get(narrative::file))
        .route("/reports/narrative/filed/{hash}/{format}", get(narrative::filed))
        .route("/reports/ii06/behind", get(report::behind))
        .route("/books", get(books::register))
        .route("/books/handover", get(books::handover))
        .route("/books/overdue", get(books::overdue))
        .route("/books/certifications", get(books::certifications))
        .route("/reports/ii06.csv", get(report::ii06_csv))
        .route("/declared/import", get(brought::show).post(brought::preview).layer(DefaultBodyLimit::max(brought::LARGEST)))
        .route("/declared/import/save", post(brought::save))
        .route("/declared", get(declared::show).post(declared::save))
        .route("/findings", get(findings::list))
        .route("/findings/rules", get(findings::rules))
        .route("/findings/{id}/explain", post(findings::explain))
        .route("/sync", get(sync::show).post(sync::send))
        .route("/login", get(log_in::show).post(log_in::log_in))
        .route("/logout", post(log_in::log_out))
        .route("/password", get(people::password_form).post(people::password))
        .route("/people", get(people::list).post(people::add))
        .route("/people/{name}/role", post(people::role))
        .route("/people/{name}/disable", post(people::disable))
        .route("/people/{name}/enable", post(people::enable))
        .route("/people/{name}/password", post(people::reset))
        .route("/workload", get(people::workload))
        .route("/setup", get(setup::next))
        .route("/setup/enrol", post(setup::enrol_first))
        .route("/setup/user", get(setup::user_form).post(setup::user_save))
        .route("/trust", get(lan::trust))
        .route("/trust/ca.crt", get(lan::ca))
        .route("/enrol", get(setup::enrol_form).post(setup::enrol_later))
        .route("/sync/line", get(sync::line))
        .route("/sync/bundle", post(carried::export))
        .route("/sync/bundle/import", post(carried::import).layer(DefaultBodyLimit::max(carried::LARGEST)))
        .route("/enrol/request", post(carried::request))
        .route("/kiosk", get(kiosk::show))
        .route("/kiosk/rate", get(kiosk::form).post(kiosk::rate))
        .route("/lookup", get(kiosk::show))
        .route("/style.css", get(style))
        .route("/app.js", get(script))
        .route("/reception.js", get(reception_script))
        .merge(api::routes())
        .fallback(fault::nowhere)
        .layer(CatchPanicLayer::new())
        .layer(DefaultBodyLimit::max(LARGEST_FORM))
        .layer(axum::middleware::from_fn_with_state(app.clone(), guard::dress))
        .with_state(app)
}

/// Their addresses change with what they hold.
const FOR_EVER: (HeaderName, &str) = (CACHE_CONTROL, "max-age=31536000, immutable");

async fn style() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/css; charset=utf-8"), FOR_EVER], assets::STYLE)
}

async fn script() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/javascript; charset=utf-8"), FOR_EVER], assets::SCRIPT)
}

async fn reception_script() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("../templates/reception.js"))
}

/// What goes over the wire as it is stays on this PC.
pub fn only_this_pc(address: SocketAddr) -> anyhow::Result<()> {
    if !address.ip().is_loopback() {
        bail!(
            "địa chỉ {address} mở cho cả mạng nội bộ mà không mã hóa. Hãy dùng địa chỉ của riêng máy này, ví dụ \
             --listen 127.0.0.1:7420; cho các máy khác trong cơ quan thì thêm --lan"
        );
    }
    Ok(())
}

/// Ends at SIGTERM or SIGINT (Ctrl-C).
async fn asked_to_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

#[cfg(test)]
mod people_tests;
#[cfg(test)]
mod reception_tests;
#[cfg(test)]
mod setup_tests;
#[cfg(test)]
mod tests;

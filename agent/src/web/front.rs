//! The front of the program: the pages of the office, or, before there is one, those that make it.
//!
//! Promise: a request sees either the set-up or the whole office, never something between; what happens at set-up happens
//! one at a time and goes on when a browser leaves. Start at [`Front::open`] and [`serve`].

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use hyper_util::rt::TokioTimer;
use motcua_shared::schedule::Window;
use tokio::sync::Notify;
use tower::ServiceExt;
use tracing::info;

use super::{App, GRACE, Opened, asked_to_stop, find, only_this_pc, router, setup};
use crate::door::Door;
use crate::first_run::Pending;
use crate::lan::Lan;
use crate::office;
use crate::recover;
use crate::store::{self, Store};

/// What a whole program shares, whether its office exists already or not.
#[derive(Clone)]
pub struct Front(Arc<Shared>);

struct Shared {
    data: PathBuf,
    night: Window,
    lan: Option<Opened>,
    office: OnceLock<(App, Router)>,
    founded: Notify,
    /// Held by whoever makes the office.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Why the newest attempt to make it failed, for a browser that did not wait.
    problem: Mutex<String>,
    before: OnceLock<Router>,
}

impl Front {
    /// The office in `data`, or what is to become one there.
    pub fn open(data: &Path, night: Window, lan: Option<Opened>) -> anyhow::Result<Front> {
        recover::clear_unfinished(data)?;
        Pending::clear(data);
        let front = Front(Arc::new(Shared {
            data: data.to_owned(),
            night,
            lan,
            office: OnceLock::new(),
            founded: Notify::new(),
            turn: Arc::default(),
            problem: Mutex::default(),
            before: OnceLock::new(),
        }));
        if store::exists(data) {
            front.settle()?;
        }
        Ok(front)
    }

    pub fn data(&self) -> &Path {
        &self.0.data
    }

    /// The office, if there is one.
    pub fn office(&self) -> Option<&App> {
        self.0.office.get().map(|(app, _)| app)
    }

    /// From now on the office answers, which exists.
    pub fn settle(&self) -> anyhow::Result<()> {
        let store = Store::open(&self.0.data)?;
        let key = office::office_key(&self.0.data, &store.office()?)?;
        let app = App::new(&self.0.data, Door::new(store), key, self.0.night).with_lan(self.0.lan.clone());
        let _ = self.0.office.set((app.clone(), router(app)));
        self.0.founded.notify_one();
        Ok(())
    }

    /// The turn to make the office; `None` while somebody else has it.
    pub fn turn(&self) -> Option<tokio::sync::OwnedMutexGuard<()>> {
        Arc::clone(&self.0.turn).try_lock_owned().ok()
    }

    pub fn is_busy(&self) -> bool {
        self.0.turn.try_lock().is_err()
    }

    pub fn set_problem(&self, problem: String) {
        *self.0.problem.lock().unwrap_or_else(PoisonError::into_inner) = problem;
    }

    pub fn take_problem(&self) -> String {
        std::mem::take(&mut *self.0.problem.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Every address, on every way.
    pub fn router(&self) -> Router {
        Router::new().fallback(dispatch).with_state(self.clone())
    }

    /// Sends by schedule and keeps the search index up, once there is an office.
    async fn work(self) {
        if self.office().is_none() {
            self.0.founded.notified().await;
        }
        if let Some(app) = self.office() {
            tokio::join!(app.sender.clone().run(), find::keep_indexed(app.clone()));
        }
    }
}

async fn dispatch(State(front): State<Front>, request: Request) -> Response {
    let router = match front.0.office.get() {
        Some((_, router)) => router.clone(),
        None => front.0.before.get_or_init(|| setup::before(front.clone())).clone(),
    };
    router.oneshot(request).await.unwrap_or_else(|never| match never {})
}

/// Where the program listens.
pub struct Listeners {
    /// For this PC, in the clear.
    pub here: tokio::net::TcpListener,
    /// For the other PCs of the office, over TLS.
    pub lan: Option<(std::net::TcpListener, Arc<Lan>)>,
}

/// A connection of another PC on which no request begins for this long holds its place no more.
const SILENCE: Duration = Duration::from_mins(2);

/// Answers until the program is asked to stop, and sends by schedule meanwhile.
pub async fn serve(listeners: Listeners, front: Front) -> anyhow::Result<()> {
    only_this_pc(listeners.here.local_addr()?)?;
    let schedule = tokio::spawn(front.clone().work());
    let (stop, mut stopped) = tokio::sync::watch::channel(());
    let mut stopping = stopped.clone();
    let server = axum::serve(listeners.here, front.router()).with_graceful_shutdown(async move {
        let _ = stopping.changed().await;
    });
    let handle = axum_server::Handle::new();
    let others = others(listeners.lan, &front, handle.clone());
    let too_late = async {
        let _ = stopped.changed().await;
        tokio::time::sleep(GRACE).await;
    };
    let asked = tokio::spawn(async move {
        asked_to_stop().await;
        info!("asked to stop; open requests are finished first");
        handle.graceful_shutdown(Some(GRACE));
        let _ = stop.send(());
    });
    let both = async { tokio::try_join!(async { server.into_future().await.context(STOPPED) }, others).map(|_| ()) };
    let ended = tokio::select! {
        ended = both => ended,
        () = too_late => Ok(()),
    };
    asked.abort();
    schedule.abort();
    ended
}

const STOPPED: &str = "máy chủ trang làm việc dừng vì lỗi";

/// Answers the other PCs, if they are to be answered.
async fn others(
    lan: Option<(std::net::TcpListener, Arc<Lan>)>,
    front: &Front,
    handle: axum_server::Handle<std::net::SocketAddr>,
) -> anyhow::Result<()> {
    let Some((listener, lan)) = lan else { return Ok(()) };
    let mut server = axum_server::from_tcp(listener)?.acceptor(super::lan::Door::new(lan)).handle(handle).http1_only();
    server.http_builder().http1().timer(TokioTimer::new()).header_read_timeout(SILENCE);
    server.serve(front.router().into_make_service()).await.context(STOPPED)
}

//! The page of the communes' PCs: the codes that let them in, when they were last seen, and taking their certificates back.
//!
//! Promise: a code is shown once; nothing is taken back without a reason and a second confirmation. Start at [`list`].

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Form, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use motcua_shared::calendar::{LocalTime, local_day};
use motcua_shared::text::nfc;
use motcua_shared::unit::Organisation;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::pages::{Frame, PageError, Section, show};
use super::people::{Choice, Made, units_now};
use super::viewer::{EnrollingViewer, Viewer};
use super::{App, Problem, now};
use crate::machines;
use crate::output::{people_time, who_words};
use crate::store::machines::{Certified, GivenCode};
use crate::store::{Store, StoreError, StreamStatus};

/// Codes that a page lists.
const CODES: u32 = 200;
/// Longest reason, in letters.
const LONGEST: usize = 300;

fn shown(at: LocalTime) -> String {
    people_time(&at.to_rfc3339())
}

struct MachineRow {
    stream: String,
    short: String,
    unit: String,
    name: String,
    enrolled: String,
    last_seen: String,
    version: String,
    standing: String,
    mark: &'static str,
    revocable: bool,
}

fn machine_row(stream: &StreamStatus, certified: Option<&Certified>, organisation: &Organisation) -> MachineRow {
    let (standing, mark, revocable) = match certified {
        None => ("không có chứng thư".to_owned(), "none", false),
        Some(Certified { revoked_at: Some(at), revoked_by, reason, .. }) => {
            let by = if revoked_by.is_empty() { String::new() } else { format!(" ({})", who_words(revoked_by)) };
            let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
            (format!("đã thu hồi {}{by}{why}", shown(*at)), "bad", false)
        }
        Some(known) if known.expires_at <= now() => (format!("hết hạn {}", shown(known.expires_at)), "wait", true),
        Some(known) => (format!("đến {}", local_day(known.expires_at).format("%d/%m/%Y")), "good", true),
    };
    let id = stream.stream.to_string();
    MachineRow {
        short: format!("…{}", &id[id.len() - 8..]),
        stream: id,
        unit: organisation.exact(&stream.unit),
        name: organisation.name(&stream.unit).to_owned(),
        enrolled: people_time(&stream.enrolled_at),
        last_seen: stream.last_seen_at.as_deref().map_or_else(|| "chưa liên lạc".to_owned(), people_time),
        version: stream.agent_version.clone().unwrap_or_else(|| "–".to_owned()),
        standing,
        mark,
        revocable,
    }
}

struct CodeRow {
    handle: String,
    name: String,
    given: String,
    by: String,
    standing: String,
    mark: &'static str,
    open: bool,
}

fn code_row(code: GivenCode, organisation: &Organisation) -> CodeRow {
    let open = code.used_at.is_none() && code.cancelled_at.is_none() && code.expires_at > now();
    let (standing, mark) = match (code.used_at, code.cancelled_at) {
        (Some(at), _) => (format!("đã dùng {}", shown(at)), "good"),
        (None, Some(at)) => (format!("đã hủy {}", shown(at)), "none"),
        (None, None) if open => (format!("chưa dùng, đến {}", shown(code.expires_at)), "wait"),
        (None, None) => (format!("hết hạn {}", shown(code.expires_at)), "none"),
    };
    CodeRow {
        name: organisation.name(&code.unit).to_owned(),
        given: shown(code.created_at),
        by: who_words(&code.created_by),
        handle: code.handle,
        standing,
        mark,
        open,
    }
}

#[derive(Template)]
#[template(path = "machines.html")]
struct MachinesPage {
    frame: Frame,
    rows: Vec<MachineRow>,
    codes: Vec<CodeRow>,
    units: Vec<Choice>,
    days: String,
    problem: String,
    done: String,
    made: Option<Made>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    unit: String,
    days: String,
}

/// What a page says besides its lists.
#[derive(Default)]
struct Said {
    problem: String,
    done: String,
    made: Option<Made>,
}

type Everything = (Vec<StreamStatus>, BTreeMap<Uuid, Certified>, Vec<GivenCode>, Vec<motcua_shared::unit::Unit>, Organisation);

fn read(store: &dyn Store) -> Result<Everything, StoreError> {
    Ok((store.streams(None)?, store.certified()?, store.codes(CODES)?, store.units()?, store.organisation()?))
}

async fn page(app: &App, viewer: &Viewer, asked: Asked, status: StatusCode, said: Said) -> Result<Response, PageError> {
    let (streams, certified, codes, units, organisation) = app.read(read).await??;
    let only = (!asked.unit.is_empty()).then(|| organisation.resolve(&asked.unit, local_day(now())));
    let shows = |unit: &String| only.as_ref().is_none_or(|only| only == unit);
    let page = show(&MachinesPage {
        frame: Frame::of(viewer, Section::Manage),
        rows: streams
            .iter()
            .filter(|stream| shows(&stream.unit))
            .map(|stream| machine_row(stream, certified.get(&stream.stream), &organisation))
            .collect(),
        codes: codes.into_iter().filter(|code| shows(&code.unit)).map(|code| code_row(code, &organisation)).collect(),
        units: units_now(&organisation, &units, &asked.unit),
        days: if asked.days.is_empty() { "1".to_owned() } else { asked.days },
        problem: said.problem,
        done: said.done,
        made: said.made,
    })?;
    Ok((status, page).into_response())
}

/// Every PC and every code, or those of one unit.
pub async fn list(viewer: EnrollingViewer, State(app): State<App>, Query(asked): Query<Asked>) -> Result<Response, PageError> {
    page(&app, &viewer, asked, StatusCode::OK, Said::default()).await
}

/// Gives a code, and shows it once.
pub async fn give(viewer: EnrollingViewer, State(app): State<App>, Form(asked): Form<Asked>) -> Result<Response, PageError> {
    let Some(days) = asked.days.trim().parse::<u16>().ok().filter(|days| (1..=31).contains(days)) else {
        let said = Said { problem: "Hãy ghi số ngày dùng được, từ 1 đến 31.".to_owned(), ..Said::default() };
        return page(&app, &viewer, asked, StatusCode::UNPROCESSABLE_ENTITY, said).await;
    };
    let (by, unit, door) = (viewer.by(), asked.unit.clone(), app.clone());
    let given = app
        .write(move |store| -> Result<_, StoreError> {
            let organisation = store.organisation()?;
            let key = organisation.resolve(&unit, local_day(by.at));
            if organisation.unit(&key).is_none() {
                return Ok(None);
            }
            let (code, expires) = machines::code_give(store, door.authority(), &key, days, &by)?;
            Ok(Some((code.to_text(), expires, organisation.name(&key).to_owned())))
        })
        .await??;
    let Some((secret, expires, name)) = given else {
        let said = Said { problem: "Hãy chọn đơn vị.".to_owned(), ..Said::default() };
        return page(&app, &viewer, asked, StatusCode::UNPROCESSABLE_ENTITY, said).await;
    };
    let made = Made { name: format!("{name}, đến {}", shown(expires)), secret };
    page(&app, &viewer, asked, StatusCode::OK, Said { made: Some(made), ..Said::default() }).await
}

/// Takes back a code that nobody has used.
pub async fn cancel(viewer: EnrollingViewer, State(app): State<App>, Path(handle): Path<String>) -> Result<Response, PageError> {
    let by = viewer.by();
    let cancelled = app.write(move |store| machines::code_cancel(store, &handle, &by)).await??;
    let (status, said) = if cancelled {
        (StatusCode::OK, Said { done: "Đã hủy mã đăng ký; không ai dùng mã đó được nữa.".to_owned(), ..Said::default() })
    } else {
        let problem =
            "Mã này đã được dùng, đã hủy hoặc đã hết hạn. Nếu máy không đúng đã đăng ký, hãy thu hồi chứng thư của máy.";
        (StatusCode::CONFLICT, Said { problem: problem.to_owned(), ..Said::default() })
    };
    page(&app, &viewer, Asked::default(), status, said).await
}

#[derive(Template)]
#[template(path = "revoke.html")]
struct RevokePage {
    frame: Frame,
    row: MachineRow,
    reason: String,
    /// The reason was given: the last question.
    sure: bool,
    problem: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Reason {
    reason: String,
    sure: String,
}

fn unknown() -> Problem {
    let words = "Không có máy nào đăng ký với mã luồng này. Hãy mở lại trang Máy ở xã.";
    Problem::new(StatusCode::NOT_FOUND, "no-machine", "Không có máy này", words)
}

async fn ask_page(app: &App, viewer: &Viewer, id: Uuid, reason: String, sure: bool) -> Result<Response, PageError> {
    let (streams, certified, _, _, organisation) = app.read(read).await??;
    let stream = streams.iter().find(|stream| stream.stream == id).ok_or_else(unknown)?;
    let row = machine_row(stream, certified.get(&id), &organisation);
    let problem = if sure || reason.is_empty() { "" } else { "Lý do dài quá 300 chữ." };
    let page = RevokePage { frame: Frame::of(viewer, Section::Manage), row, reason, sure, problem: problem.to_owned() };
    show(&page)
}

/// Asks why.
pub async fn ask(viewer: EnrollingViewer, State(app): State<App>, Path(id): Path<Uuid>) -> Result<Response, PageError> {
    ask_page(&app, &viewer, id, String::new(), false).await
}

/// Asks once more, and then does it.
pub async fn revoke(
    viewer: EnrollingViewer,
    State(app): State<App>,
    Path(id): Path<Uuid>,
    Form(sent): Form<Reason>,
) -> Result<Response, PageError> {
    let reason = nfc(&sent.reason);
    if reason.is_empty() || reason.chars().count() > LONGEST {
        let page = ask_page(&app, &viewer, id, reason, false).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    if sent.sure != "1" {
        return ask_page(&app, &viewer, id, reason, true).await;
    }
    let by = viewer.by();
    let revoked = app
        .write(move |store| -> Result<_, StoreError> {
            let Some(stream) = store.stream_find(id)? else { return Ok(None) };
            let count = machines::revoke(store, id, &reason, &by)?;
            Ok(Some((store.organisation()?.name(&stream.unit).to_owned(), count)))
        })
        .await??;
    let (name, count) = revoked.ok_or_else(unknown)?;
    let said = match count {
        0 => {
            Said { problem: format!("Máy này của {name} không còn chứng thư nào có hiệu lực."), ..Said::default() }
        }
        _ => Said {
            done: format!("Đã thu hồi chứng thư của một máy của {name}, có hiệu lực ngay. Dữ liệu máy đó đã gửi vẫn giữ nguyên."),
            ..Said::default()
        },
    };
    page(&app, &viewer, Asked::default(), StatusCode::OK, said).await
}

/// A PC as other programs read it.
#[derive(Debug, Serialize)]
pub struct Shown {
    unit: String,
    name: String,
    stream: Uuid,
    enrolled_at: String,
    last_seen_at: Option<String>,
    agent_version: Option<String>,
    certificate_expires_at: Option<String>,
    revoked_at: Option<String>,
    revoked_by: Option<String>,
    reason: Option<String>,
}

/// Every PC that the viewer sees, for other programs.
pub fn all(store: &dyn Store, viewer: &Viewer) -> Result<Vec<Shown>, StoreError> {
    let (organisation, certified) = (store.organisation()?, store.certified()?);
    let streams = store.streams(None)?.into_iter().filter(|stream| viewer.sees(&stream.unit));
    let shown = |stream: StreamStatus| {
        let known = certified.get(&stream.stream);
        let revoked = known.filter(|known| known.revoked_at.is_some());
        Shown {
            unit: organisation.exact(&stream.unit),
            name: organisation.name(&stream.unit).to_owned(),
            stream: stream.stream,
            enrolled_at: stream.enrolled_at,
            last_seen_at: stream.last_seen_at,
            agent_version: stream.agent_version,
            certificate_expires_at: known.map(|known| known.expires_at.to_rfc3339()),
            revoked_at: revoked.and_then(|known| known.revoked_at).map(|at| at.to_rfc3339()),
            revoked_by: revoked.map(|known| known.revoked_by.clone()),
            reason: revoked.map(|known| known.reason.clone()),
        }
    };
    Ok(streams.map(shown).collect())
}

/// A code as other programs read it.
#[derive(Debug, Serialize)]
pub struct CodeShown {
    id: String,
    unit: String,
    created_at: String,
    created_by: String,
    expires_at: String,
    used_at: Option<String>,
    stream: Option<Uuid>,
    cancelled_at: Option<String>,
}

/// The newest codes, for other programs.
pub fn codes(store: &dyn Store) -> Result<Vec<CodeShown>, StoreError> {
    let organisation = store.organisation()?;
    let shown = |code: GivenCode| CodeShown {
        unit: organisation.exact(&code.unit),
        id: code.handle,
        created_at: code.created_at.to_rfc3339(),
        created_by: code.created_by,
        expires_at: code.expires_at.to_rfc3339(),
        used_at: code.used_at.map(|at| at.to_rfc3339()),
        stream: code.stream,
        cancelled_at: code.cancelled_at.map(|at| at.to_rfc3339()),
    };
    Ok(store.codes(CODES)?.into_iter().map(shown).collect())
}

//! The form to receive a dossier.
//!
//! Promise: saving the same form twice saves it once; a form that was changed after it was saved is never taken for the
//! saved one; what was typed stays typed, through a power cut too; a clock that is doubted gives no dossier its date before
//! a person has looked at the calendar. Without script the same is asked for by buttons. Start at [`save`].

use askama::Template;
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_TYPE, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Form, Json};
use chrono::NaiveDate;
use motcua_shared::appointment::explain;
use motcua_shared::calendar::{LocalTime, local_day};
use motcua_shared::catalogue::{CORE_FIELDS, Catalogue, Procedure, field_name};
use motcua_shared::clock::{self, Doubt};
use motcua_shared::dossier::{Channel, Code, Lack, SubmittedBy};
use motcua_shared::paper;
use motcua_shared::reception::{Answer, Draft, Reception, procedure_code};
use motcua_shared::reference::Tables;
use motcua_shared::ruleset::Form as Paper;
use motcua_shared::seal::OfficeKey;
use motcua_shared::text::number;
use motcua_shared::typed::{self, FieldError};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::checklist::{self, Part};
use super::drafts::{self, Waiting};
use super::fault::HttpError;
use super::viewer::{ClerkViewer, Viewer};
use super::{App, Choice, Frame, choices, html};
use crate::office::now;
use crate::store::{self, Store, Typist};
use crate::words;

/// So many procedures are listed at most; the others are found by typing.
const LISTED: usize = 250;
/// So many are offered for what was typed.
const OFFERED: usize = 12;

/// A procedure that may be meant.
#[derive(Serialize)]
struct Offer {
    code: String,
    name: String,
    /// Its field, limit and fee.
    about: String,
}

/// A dossier that this person brought before.
#[derive(Serialize)]
struct Earlier {
    code: String,
    procedure: String,
    received: String,
    state: String,
}

/// What the office knows of the person whose identity number was typed.
#[derive(Default, Serialize)]
struct Person {
    name: String,
    phone: String,
    address: String,
}

/// What becomes of a form as it is typed so far.
#[derive(Default, Serialize)]
struct Preview {
    /// The time that a form gets which is opened now.
    now: String,
    /// Code and name of the procedure; empty while none is chosen.
    procedure: String,
    due: String,
    /// How the due time was counted, or what is missing for it.
    how: String,
    /// The clerk says when it is due: the catalogue does not.
    asks_due: bool,
    /// As the catalogue says; empty when it does not.
    fee: String,
    /// What the procedure asks for.
    components: Vec<Part>,
    earlier: Vec<Earlier>,
    person: Person,
}

#[derive(Template)]
#[template(path = "reception.html")]
struct ReceptionPage {
    frame: Option<Frame>,
    nav: &'static str,
    draft: Draft,
    faults: Vec<FieldError>,
    /// Procedures that match what was typed.
    offers: Vec<Offer>,
    listed: Vec<Offer>,
    channels: Vec<Choice>,
    submitters: Vec<Choice>,
    lacks: Vec<Choice>,
    /// Why the clock is doubted; empty when it is not.
    clock: String,
    preview: Preview,
    checklist: Vec<Part>,
    /// What this user has not finished in this browser.
    waiting: Vec<Waiting>,
    /// How many more are unfinished elsewhere.
    elsewhere: usize,
    /// What was done, when nothing was saved and nothing is wrong.
    done: String,
}

impl ReceptionPage {
    /// What is wrong with a field; empty when nothing is.
    fn problem(&self, field: &str) -> &str {
        self.faults.iter().find(|fault| fault.field == field).map_or("", |fault| &fault.problem)
    }

    /// Whether one of these fields is wrong.
    fn any_problem(&self, fields: &[&str]) -> bool {
        fields.iter().any(|field| !self.problem(field).is_empty())
    }

    /// Where a reader finds a field.
    fn place(field: &str) -> &'static str {
        match field {
            "procedure" => "Thủ tục",
            "identity" => "Số căn cước",
            "name" => "Họ và tên",
            "phone" => "Điện thoại",
            "address" => "Địa chỉ",
            "papers" => "Giấy tờ khác",
            "fee_vnd" => "Phí, lệ phí",
            "channel" => "Hình thức nộp",
            "submitted_by" => "Ai khai hồ sơ",
            "received_at" => "Tiếp nhận lúc",
            "due_at" => "Hẹn trả",
            "due_reason" => "Căn cứ của hẹn trả",
            "follows" => "Theo phiếu hướng dẫn",
            "today" => "Hôm nay",
            "lack" => "Lý do chưa tiếp nhận",
            "lack_note" => "Những gì cần hoàn thiện",
            _ => "Mẫu",
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// A half-typed form that is taken up again.
    draft: String,
}

/// An empty form with the time filled in, or one that was half typed.
pub async fn blank(
    viewer: ClerkViewer,
    State(app): State<App>,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    let typist = drafts::typist(&viewer, &headers);
    let owner = typist.owner.clone();
    let taken_up = match Uuid::parse_str(&asked.draft) {
        Ok(id) => app.read(move |store, key| drafts::taken_up(store, key, &owner, id)).await?,
        Err(_) => None,
    };
    let draft = taken_up.unwrap_or_else(|| Draft {
        id: Uuid::now_v7().to_string(),
        channel: Channel::InPerson.code().to_owned(),
        submitted_by: SubmittedBy::Citizen.code().to_owned(),
        received_at: words::time(now()),
        ..Draft::default()
    });
    let mut response = form(&app, &viewer, Shown { draft, typist, faults: Vec::new(), done: String::new() }).await?;
    if drafts::pc(&headers).is_none()
        && let Some(cookie) = drafts::pc_given()
    {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// A form that is shown, and why.
struct Shown {
    draft: Draft,
    typist: Typist,
    faults: Vec<FieldError>,
    done: String,
}

async fn form(app: &App, viewer: &Viewer, shown: Shown) -> Result<Response, HttpError> {
    let viewer = viewer.clone();
    let Shown { mut draft, typist, faults, done } = shown;
    let clock = clock_doubt(app).await?.map_or_else(String::new, |doubt| words::clock_doubt(doubt, now()));
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = app
        .read(move |store, key| {
            let tables = store.tables()?;
            let today = local_day(now());
            let all = drafts::waiting(store, key, &typist)?;
            let others: Vec<Waiting> = all.into_iter().filter(|waiting| waiting.id.to_string() != draft.id).collect();
            let elsewhere = others.iter().filter(|waiting| !waiting.here).count();
            let day = typed::time(&draft.received_at).map_or(today, local_day);
            if let Some(procedure) = tables.catalogue.find(procedure_code(&draft.procedure), day) {
                paper::settle(&mut draft.ticked, &mut draft.papers, &procedure.components);
            }
            let mut preview = preview(store, key, &draft)?;
            Ok(ReceptionPage {
                frame: Frame::read(store, &viewer)?,
                nav: "new",
                offers: offers(&tables.catalogue, &draft.procedure, day),
                listed: listed(store, &tables.catalogue, day)?,
                channels: choices(words::channel_name),
                submitters: choices(words::submitter_name),
                lacks: choices(words::lack_name),
                checklist: std::mem::take(&mut preview.components),
                preview,
                waiting: others.into_iter().filter(|waiting| waiting.here).collect(),
                elsewhere,
                clock,
                draft,
                faults,
                done,
            })
        })
        .await?;
    Ok((status, html(&page)?).into_response())
}

fn offer(procedure: &Procedure) -> Offer {
    let fee = procedure.fee_vnd.map_or_else(String::new, |fee| format!(", {}", words::amount(fee)));
    Offer {
        code: procedure.code.clone(),
        name: words::shortened(&procedure.name, 110),
        about: format!("{}, {}{fee}", field_name(&procedure.field), words::procedure_limit(procedure)),
    }
}

/// Procedures that match what was typed, when it is not one of them.
fn offers(catalogue: &Catalogue, typed: &str, day: NaiveDate) -> Vec<Offer> {
    if typed.trim().is_empty() || catalogue.find(procedure_code(typed), day).is_some() {
        return Vec::new();
    }
    catalogue.search(typed, day).into_iter().take(OFFERED).map(offer).collect()
}

/// What can be asked for: first what was asked for most, then the core fields.
fn listed(store: &Store, catalogue: &Catalogue, day: NaiveDate) -> store::Result<Vec<Offer>> {
    let frequent = store.procedures_frequent(8)?;
    let place = |procedure: &Procedure| {
        let often = frequent.iter().position(|code| *code == procedure.code).unwrap_or(frequent.len());
        let core = CORE_FIELDS.iter().position(|field| *field == procedure.field).unwrap_or(CORE_FIELDS.len());
        (often, core, motcua_shared::text::fold(&procedure.name))
    };
    let mut procedures: Vec<&Procedure> = catalogue.in_force(day).collect();
    procedures.sort_by_cached_key(|procedure| place(procedure));
    Ok(procedures.into_iter().take(LISTED).map(offer).collect())
}

/// What was typed to find a procedure.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    q: String,
}

/// Procedures for what is being typed; for nothing, those that are asked for most.
pub async fn procedures(
    _: ClerkViewer,
    State(app): State<App>,
    Query(wanted): Query<Wanted>,
) -> Result<impl IntoResponse, HttpError> {
    let offers = app
        .read(move |store, _| {
            let (tables, today) = (store.tables()?, local_day(now()));
            if wanted.q.trim().is_empty() {
                return Ok(listed(store, &tables.catalogue, today)?.into_iter().take(OFFERED).collect::<Vec<_>>());
            }
            Ok(tables.catalogue.search(&wanted.q, today).into_iter().take(OFFERED).map(offer).collect())
        })
        .await?;
    Ok(Json(offers))
}

fn preview(store: &Store, key: &OfficeKey, draft: &Draft) -> store::Result<Preview> {
    let tables = store.tables()?;
    let mut preview = Preview { now: words::time(now()), ..Preview::default() };
    let received = typed::time(&draft.received_at);
    let day = received.map_or_else(|| local_day(now()), local_day);
    if let Some(procedure) = tables.catalogue.find(procedure_code(&draft.procedure), day) {
        preview.procedure = format!("{} {}", procedure.code, procedure.name);
        preview.fee = procedure.fee_vnd.map(|fee| number(i64::try_from(fee).unwrap_or(i64::MAX))).unwrap_or_default();
        let channel = Channel::from_code(&draft.channel).unwrap_or(Channel::InPerson);
        preview.components = checklist::parts(&procedure.components, &draft.ticked);
        preview.asks_due = procedure.limit_by(channel).is_none() && procedure.clock_start.is_reception();
        (preview.due, preview.how) = due(&tables, procedure, channel, received, &draft.due_at);
    }
    let (person, faults) = draft.person();
    if let Some(identity) = person.identity.filter(|_| !faults.iter().any(|fault| fault.field == "identity")) {
        let found = store.dossiers_of_person(&identity, 5, key)?;
        let newest = found.first().and_then(|found| found.person.clone()).unwrap_or_default();
        let text = Option::unwrap_or_default;
        preview.person = Person { name: text(newest.name), phone: text(newest.phone), address: text(newest.address) };
        let shown = |at: &Option<String>| at.as_deref().map(words::shown_time).unwrap_or_default();
        let earlier = found.into_iter().map(|found| Earlier {
            procedure: words::shortened(words::procedure_name(&tables.catalogue, &found.row.procedure), 80),
            received: shown(&found.row.received_at),
            state: words::state_name(&found.row.state).to_owned(),
            code: found.row.code,
        });
        preview.earlier = earlier.collect();
    }
    Ok(preview)
}

/// When it is due, and how that was counted.
fn due(
    tables: &Tables,
    procedure: &Procedure,
    channel: Channel,
    received: Option<LocalTime>,
    typed_due: &str,
) -> (String, String) {
    if !procedure.clock_start.is_reception() {
        return (String::new(), "thời hạn tính từ khi thụ lý; ghi bước thụ lý sau khi lưu".to_owned());
    }
    match (procedure.limit_by(channel), received) {
        (_, None) => (String::new(), "chưa có giờ tiếp nhận để tính".to_owned()),
        (None, Some(_)) => {
            let typed = typed::time(typed_due).map(words::time).unwrap_or_default();
            (typed, "danh mục chưa có thời hạn của thủ tục này; hãy ghi hẹn trả và căn cứ".to_owned())
        }
        (Some(limit), Some(received)) => {
            let appointment = explain(limit, procedure.after_15h_next_day, received, &tables.calendar);
            (words::time(appointment.due_at), appointment.how)
        }
    }
}

/// The form with the button that was pressed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Pressed {
    /// `preview`, `fill`, `missing` or `keep`.
    r#do: String,
    /// The procedure that was picked among those offered.
    pick: String,
    #[serde(flatten)]
    draft: Draft,
}

/// What becomes of the form as it is typed so far, for the script of the page.
pub async fn previewed(_: ClerkViewer, State(app): State<App>, Form(draft): Form<Draft>) -> Result<impl IntoResponse, HttpError> {
    let preview = app.read(move |store, key| preview(store, key, &draft)).await?;
    Ok(([(CONTENT_TYPE, "application/json")], Json(preview)))
}

/// Shows the form again with what a button does to it: nothing is saved.
pub async fn again(
    viewer: ClerkViewer,
    State(app): State<App>,
    headers: HeaderMap,
    Form(pressed): Form<Pressed>,
) -> Result<Response, HttpError> {
    let Pressed { r#do: action, pick, mut draft } = pressed;
    if Uuid::parse_str(&draft.id).is_err() {
        draft.id = Uuid::now_v7().to_string();
    }
    let typist = drafts::typist(&viewer, &headers);
    let (fills, tells_missing) = (action == "fill", action == "missing");
    let mut draft = app
        .read(move |store, key| {
            let tables = store.tables()?;
            let day = typed::time(&draft.received_at).map_or_else(|| local_day(now()), local_day);
            if !pick.is_empty() {
                draft.procedure = pick;
            }
            complete(&tables.catalogue, day, &mut draft);
            if tells_missing && let Some(procedure) = tables.catalogue.find(procedure_code(&draft.procedure), day) {
                let (before, missing) = (draft.lack_note.trim().to_owned(), draft.missing(procedure));
                draft.lack_note = if before.is_empty() { missing } else { format!("{before}\n{missing}") };
                Lack::Incomplete.code().clone_into(&mut draft.lack);
            }
            if fills {
                let Person { name, phone, address } = preview(store, key, &draft)?.person;
                for (field, known) in [(&mut draft.name, name), (&mut draft.phone, phone), (&mut draft.address, address)] {
                    if !known.is_empty() {
                        *field = known;
                    }
                }
            }
            Ok(draft)
        })
        .await?;
    let mut done = String::new();
    if action == "keep" {
        let at = drafts::keep_now(&app, typist.clone(), draft.clone()).await?;
        done = if at.is_empty() {
            "Mẫu chưa có gì để giữ.".to_owned()
        } else {
            format!("Đã giữ bản nháp lúc {at}.")
        };
    }
    draft.answer.clear();
    form(&app, &viewer, Shown { draft, typist, faults: Vec::new(), done }).await
}

/// Writes the whole name of a procedure beside its code, and takes the only one that matches.
fn complete(catalogue: &Catalogue, day: NaiveDate, draft: &mut Draft) {
    let found =
        catalogue.find(procedure_code(&draft.procedure), day).or_else(|| match catalogue.search(&draft.procedure, day)[..] {
            [only] if !draft.procedure.trim().is_empty() => Some(only),
            _ => None,
        });
    if let Some(procedure) = found {
        draft.procedure = format!("{} {}", procedure.code, procedure.name);
    }
}

/// What became of a form.
enum Saved {
    As(String),
    /// Not: this is wrong with it.
    Faulty(Vec<FieldError>),
    /// It was saved before, and has been changed since.
    ChangedSince(String),
}

/// Saves the form and shows its receipt, or shows the form again with all that is wrong.
pub async fn save(
    viewer: ClerkViewer,
    State(app): State<App>,
    headers: HeaderMap,
    Form(mut draft): Form<Draft>,
) -> Result<Response, HttpError> {
    let doubted = clock_doubt(&app).await?.is_some();
    let clock_fault = if doubted { day_fault(&draft.today) } else { None };
    let typed = draft.clone();
    let saved = app
        .write(&viewer, move |store, pen| {
            // In one turn with the saving: no other catalogue comes between.
            let tables = store.tables()?;
            let reception = match (typed.check(&tables.catalogue, &tables.calendar, now()), clock_fault) {
                (Ok(reception), None) => reception,
                (checked, clock_fault) => {
                    return Ok(Saved::Faulty(clock_fault.into_iter().chain(checked.err().into_iter().flatten()).collect()));
                }
            };
            if doubted {
                store.clock_checked(now())?;
            }
            if let Some(problem) = reception.received.follows.as_deref().map_or(Ok(None), |slip| store.slip_problem(slip))?
                && store.dossier_code(reception.id)?.is_none()
            {
                return Ok(Saved::Faulty(vec![FieldError::new("follows", problem)]));
            }
            match changed_since(store, &reception, pen.key)? {
                Some(code) => Ok(Saved::ChangedSince(code)),
                None => store.receive(reception, pen).map(Saved::As),
            }
        })
        .await?;
    if doubted && !matches!(saved, Saved::Faulty(_)) {
        app.sender.clock_trusted();
    }
    let faults = match saved {
        Saved::As(code) => return Ok(Redirect::to(&saved_as(&code, &draft.answer)).into_response()),
        Saved::Faulty(faults) => {
            if Uuid::parse_str(&draft.id).is_err() {
                draft.id = Uuid::now_v7().to_string();
            }
            faults
        }
        Saved::ChangedSince(code) => {
            draft.id = Uuid::now_v7().to_string();
            let problem = format!(
                "Mẫu này đã được lưu trước đó thành hồ sơ {code}; nội dung bây giờ khác nên CHƯA lưu. \
                 Nếu đây là hồ sơ mới, hãy bấm Lưu một lần nữa."
            );
            vec![FieldError::new("id", problem)]
        }
    };
    let typist = drafts::typist(&viewer, &headers);
    form(&app, &viewer, Shown { draft, typist, faults, done: String::new() }).await
}

/// Where a saved form is shown: on the paper that the citizen takes along.
fn saved_as(code: &str, answer: &str) -> String {
    let form = match Answer::from_code(answer) {
        None => Paper::Receipt,
        Some(Answer::Guided) => Paper::SupplementRequest,
        Some(Answer::Declined) => Paper::Refusal,
    };
    format!("{}?saved=yes", super::forms::address(code, form))
}

/// Why this PC's clock is not believed, if it is not.
async fn clock_doubt(app: &App) -> Result<Option<Doubt>, HttpError> {
    let known = app.read(|store, _| store.clock_known()).await?;
    Ok(clock::doubt(&app.sender.clock_known(known), now()))
}

/// A person who looks at the calendar must find the day that the clock shows: it goes into the dossier's code.
fn day_fault(typed_day: &str) -> Option<FieldError> {
    let shown = local_day(now());
    let problem = match typed::day(typed_day) {
        Some(day) if day == shown => return None,
        Some(_) => format!(
            "máy đang ghi ngày {}, khác ngày vừa gõ; hãy chỉnh lại ngày giờ của máy rồi bấm Lưu lần nữa",
            shown.format("%d/%m/%Y")
        ),
        None => "hãy nhìn lịch và gõ ngày hôm nay, ví dụ 24/11/2026".to_owned(),
    };
    Some(FieldError::new("today", problem))
}

/// The code under which this form was saved before with other contents.
fn changed_since(store: &Store, reception: &Reception, key: &OfficeKey) -> store::Result<Option<String>> {
    let Some(code) = store.dossier_code(reception.id)? else { return Ok(None) };
    let (_, steps) = store.dossier_history(&code, key)?;
    let mut recorded = steps.into_iter().map(|step| (step.event.map(|event| event.unnumbered()), step.sealed));
    let same = reception
        .clone()
        .events(code.clone())
        .into_iter()
        .all(|(event, sealed)| recorded.next() == Some((Some(event), Some(sealed))));
    Ok((!same).then_some(code))
}

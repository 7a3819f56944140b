//! One dossier: its facts, its history, and the steps that may be taken now.
//!
//! Promise: a step is saved once however often its button is pressed, and never on a dossier that has changed since the
//! page was shown. Start at [`show`] and [`step`].

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use motcua_shared::calendar::{Calendar, LocalTime};
use motcua_shared::catalogue::{ClockStart, field_name};
use motcua_shared::certainty::{Recorded, entered_late};
use motcua_shared::certification::Document;
use motcua_shared::dossier::{
    Channel, Code, Dossier, Event, Extent, Holder, Outcome, Payment, Rating, Receiver, ReturnWay, TurnedAway,
};
use motcua_shared::paper;
use motcua_shared::reason;
use motcua_shared::reference::Tables;
use motcua_shared::ruleset::SupplementClock;
use motcua_shared::seal::{OfficeKey, Sealed};
use motcua_shared::step::{self, Checked, Desk, Draft, QUESTION_FIELDS, StepKind};
use motcua_shared::typed::FieldError;
use serde::Deserialize;

use super::fault::HttpError;
use super::forms::{self, Printable};
use super::viewer::{ClerkViewer, Viewer};
use super::{App, Frame, html};
use crate::office::now;
use crate::store::{self, DossierRow, Step, Store, StoreError};
use crate::words::{self, DueWords};

/// The page of a dossier.
pub fn address(code: &str) -> String {
    format!("/dossiers/{code}")
}

pub(super) struct Choice {
    pub code: &'static str,
    pub name: &'static str,
    pub chosen: bool,
}

/// A question with its choices.
pub(super) struct Select {
    pub field: &'static str,
    pub label: &'static str,
    pub choices: Vec<Choice>,
}

/// A line to type.
pub(super) struct Input {
    pub field: &'static str,
    pub label: &'static str,
    pub value: String,
}

/// The form of one step.
pub(super) struct StepForm {
    pub kind: &'static str,
    pub key: &'static str,
    pub name: &'static str,
    pub draft: Draft,
    pub faults: Vec<FieldError>,
    /// It was sent and came back.
    pub open: bool,
    pub note_label: &'static str,
    pub selects: Vec<Select>,
    pub inputs: Vec<Input>,
    pub hint: String,
}

impl StepForm {
    pub(super) fn problem(&self, field: &str) -> &str {
        self.faults.iter().find(|fault| fault.field == field).map_or("", |fault| &fault.problem)
    }
}

/// An entry of the history as it is shown.
struct Line {
    seq: u64,
    kind: String,
    happened: String,
    detail: String,
    note: String,
    recorded: String,
    author: String,
    /// It was typed in long after it happened.
    entered_late: bool,
    /// Why the district stored it and does not count it.
    held_back: Option<String>,
}

struct Facts {
    code: String,
    procedure: String,
    procedure_code: String,
    field: String,
    channel: &'static str,
    submitted_by: &'static str,
    state: String,
    received: String,
    limit: String,
    due: String,
    due_words: DueWords,
    finished: String,
    returned: String,
    /// Where it is when it is not at the desk.
    away: String,
    external_code: String,
    /// Its line in the register book.
    book: String,
    /// The slip that it followed.
    follows: String,
    /// The dossiers that this slip became.
    followed_by: Vec<String>,
    /// Why it was not accepted; empty when it was.
    turned_away: String,
    /// A slip of the hand in it can be put right.
    correctable: bool,
    fee: String,
    paid: String,
}

#[derive(Template)]
#[template(path = "dossier.html")]
struct DossierPage {
    frame: Option<Frame>,
    nav: &'static str,
    facts: Facts,
    person: Sealed,
    lines: Vec<Line>,
    forms: Vec<StepForm>,
    /// The first is what the citizen takes along.
    printable: Vec<Printable>,
    /// How many entries the clerk has seen.
    seen: usize,
    saved: String,
    refused: String,
}

/// What the store knows of one dossier.
pub(super) struct Known {
    pub(super) row: DossierRow,
    pub(super) dossier: Dossier,
    pub(super) steps: Vec<Step>,
    pub(super) person: Sealed,
    /// Dossiers that were received after this slip.
    followed_by: Vec<String>,
    pub(super) tables: Arc<Tables>,
}

impl Known {
    pub(super) fn read(store: &Store, key: &OfficeKey, code: &str) -> store::Result<Known> {
        let row = store.dossier_find(code)?;
        let (dossier, steps) = store.dossier_history(code, key)?;
        let person = store.persons(std::slice::from_ref(&row), key)?.into_iter().next().flatten().unwrap_or_default();
        let followed_by = store.slip_followed_by(code)?;
        Ok(Known { row, dossier, steps, person, followed_by, tables: store.tables()? })
    }

    /// How many entries its history has.
    pub(super) fn length(&self) -> usize {
        self.steps.len()
    }

    /// Whether the entry after the first `seen` is what this form of `author`, sent a moment earlier, was saved as.
    pub(super) fn was_saved(&self, seen: usize, author: &str, kind: StepKind, draft: &Draft) -> bool {
        self.steps.get(seen).is_some_and(|step| step.author == author && is_same(self, step, kind, draft))
    }
}

/// The key under which a step's button stands.
pub(super) fn key(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Finished => "k",
        StepKind::Returned => "r",
        StepKind::SupplementRequested => "y",
        StepKind::Supplemented => "d",
        StepKind::Transferred => "c",
        StepKind::Accepted => "m",
        StepKind::CameBack => "e",
        StepKind::Extended => "x",
        StepKind::PaymentRequested => "p",
        StepKind::Paid => "f",
        StepKind::Papers => "i",
        StepKind::Certified => "v",
        StepKind::Digitised => "o",
        StepKind::Rated => "j",
        StepKind::Surveyed => "q",
        StepKind::NumberedOutside => "w",
        StepKind::Voided => "z",
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    saved: String,
}

/// A step that came back with its faults.
pub(super) struct Returned {
    pub kind: StepKind,
    pub draft: Draft,
    pub faults: Vec<FieldError>,
}

pub async fn show(
    viewer: Viewer,
    State(app): State<App>,
    Path(code): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    let read = move |store: &Store, key: &OfficeKey| Ok((Known::read(store, key, &code)?, Frame::read(store, &viewer)?));
    let (known, frame) = app.read(read).await?;
    let last = known.steps.last().map_or("", |step| &step.kind);
    let saved = if !last.is_empty() && asked.saved == last { words::kind_name(last).to_owned() } else { String::new() };
    let page = page(known, frame, saved, String::new(), None);
    Ok(html(&page)?.into_response())
}

fn page(known: Known, frame: Option<Frame>, saved: String, refused: String, mut returned: Option<Returned>) -> DossierPage {
    let now = now();
    let kinds = step::offered(&known.dossier, now);
    let forms = kinds.into_iter().map(|kind| {
        let back = returned.take_if(|returned| returned.kind == kind);
        let mut form = step_form(kind, &known.dossier, back);
        if kind == StepKind::Papers && !form.open {
            // The list as it is recorded, to be completed.
            form.draft.papers = paper::split(&store::papers_named(&known.dossier, &known.steps), &[]).1;
        }
        form
    });
    DossierPage {
        forms: forms.collect(),
        facts: facts(&known, now),
        seen: known.steps.len(),
        printable: forms::printable(&known),
        lines: lines(known.steps, &known.tables.calendar),
        person: known.person,
        frame,
        nav: "",
        saved,
        refused,
    }
}

fn facts(known: &Known, now: LocalTime) -> Facts {
    let Known { row, dossier, tables, followed_by, .. } = known;
    let shown = |at: &Option<String>| at.as_deref().map(words::shown_time).unwrap_or_default();
    let received = dossier.received.as_ref();
    let finished = dossier
        .finished
        .map(|finished| format!("{}: {}", words::time(finished.at), words::outcome_name(finished.outcome).to_lowercase()));
    Facts {
        code: row.code.clone(),
        procedure: words::procedure_name(&tables.catalogue, &row.procedure).to_owned(),
        procedure_code: row.procedure.clone(),
        field: field_name(&row.field).to_owned(),
        channel: dossier.channel().map_or("", words::channel_name),
        submitted_by: received.map_or("", |received| words::submitter_name(received.submitted_by)),
        state: words::state_name(&row.state).to_owned(),
        received: received_words(dossier, &tables.calendar).unwrap_or_else(|| shown(&row.received_at)),
        limit: limit(dossier),
        due: shown(&row.due_at),
        due_words: words::due_words(row, now, &tables.calendar),
        finished: finished.unwrap_or_default(),
        returned: shown(&row.returned_at),
        away: dossier.away().map(|stay| words::stay(stay, now)).unwrap_or_default(),
        external_code: dossier.external_code.clone().unwrap_or_default(),
        book: row.book.map(|place| place.to_string()).unwrap_or_default(),
        follows: row.follows.clone().unwrap_or_default(),
        followed_by: followed_by.clone(),
        turned_away: dossier.turned_away.as_ref().filter(|_| received.is_none()).map(turned_away).unwrap_or_default(),
        correctable: !dossier.voided,
        fee: received.map_or_else(String::new, |received| words::amount(received.fee_vnd)),
        paid: match (dossier.payment(), dossier.paid) {
            (payment @ Payment::NoFee, _) | (payment, None) => words::payment_name(payment).to_owned(),
            (payment, Some(paid)) => format!("{}: {}", words::payment_name(payment), words::amount(paid.amount_vnd)),
        },
    }
}

/// When it was received, and that the desk was closed then: a mistyped hour shows.
fn received_words(dossier: &Dossier, calendar: &Calendar) -> Option<String> {
    let received = dossier.received.as_ref()?;
    let at = words::time(received.received_at);
    let closed = received.channel == Channel::InPerson && !calendar.is_open(received.received_at);
    Some(if closed { format!("{at} (ngoài giờ làm việc)") } else { at })
}

fn limit(dossier: &Dossier) -> String {
    let limit = dossier.limit().map_or_else(|| "chưa có trong danh mục".to_owned(), words::limit_name);
    match (dossier.clock_start(), dossier.accepted_at) {
        (ClockStart::Reception, _) => limit,
        (ClockStart::Acceptance, None) => format!("{limit} từ khi thụ lý (chưa thụ lý)"),
        (ClockStart::Acceptance, Some(at)) => format!("{limit} từ khi thụ lý, {}", words::time(at)),
    }
}

fn turned_away(slip: &TurnedAway) -> String {
    format!("{}, {}", words::lack_name(slip.lack), words::time(slip.at))
}

/// The life of a dossier, the newest first.
fn lines(steps: Vec<Step>, calendar: &Calendar) -> Vec<Line> {
    let recorded = |step: &Step| {
        step.event
            .clone()
            .map(|event| Recorded { event, recorded_at: step.recorded_at, clock: None })
            .into_iter()
            .collect::<Vec<_>>()
    };
    let late: Vec<bool> = steps.iter().map(|step| !entered_late(&recorded(step), calendar).is_empty()).collect();
    steps.into_iter().zip(late).rev().map(|(step, late)| line(step, late)).collect()
}

fn line(step: Step, entered_late: bool) -> Line {
    let event = step.event.as_ref();
    Line {
        entered_late,
        seq: step.seq,
        kind: words::kind_name(&step.kind).to_owned(),
        happened: event.and_then(words::happened_at).map(words::time).unwrap_or_default(),
        detail: event.map_or_else(|| "mục của phiên bản mới hơn, bản này chưa đọc được".to_owned(), words::event_detail),
        note: step.sealed.map(noted).unwrap_or_default(),
        recorded: words::time(step.recorded_at),
        author: words::author_name(&step.author).to_owned(),
        held_back: step.held_back.map(|reason| if reason.is_empty() { "chưa rõ lý do".to_owned() } else { reason }),
    }
}

/// The remark of an entry, and what it changed of a slip's words.
fn noted(sealed: Sealed) -> String {
    let words = sealed.words.map(|words| format!("Nội dung phiếu: {words}"));
    [sealed.note, words].into_iter().flatten().collect::<Vec<_>>().join("\n")
}

pub(super) fn step_form(kind: StepKind, dossier: &Dossier, returned: Option<Returned>) -> StepForm {
    let open = returned.is_some();
    let (draft, faults) = returned.map_or_else(|| (blank(kind, dossier), Vec::new()), |back| (back.draft, back.faults));
    StepForm {
        kind: kind.code(),
        key: key(kind),
        name: words::kind_name(kind.code()),
        open,
        note_label: note_label(kind),
        selects: selects(kind, &draft),
        inputs: inputs(kind, dossier, &draft),
        hint: hint(kind, dossier),
        draft,
        faults,
    }
}

fn selects(kind: StepKind, draft: &Draft) -> Vec<Select> {
    let select = |field, label, choices| Select { field, label, choices };
    match kind {
        StepKind::Finished => {
            let outcome = select("outcome", "Kết quả", choices::<Outcome>(&draft.outcome, words::outcome_name));
            vec![outcome, select("reason", "Lý do, khi từ chối hoặc dừng giải quyết", reasons(kind, draft))]
        }
        StepKind::SupplementRequested | StepKind::Extended => vec![select("reason", "Lý do", reasons(kind, draft))],
        StepKind::Transferred => {
            vec![select("holder", "Chuyển cho", choices::<Holder>(&draft.holder, words::holder_name))]
        }
        StepKind::Returned => vec![
            select("way", "Cách trả", choices::<ReturnWay>(&draft.way, words::return_way_name)),
            select("receiver", "Người nhận", choices::<Receiver>(&draft.receiver, words::receiver_name)),
        ],
        StepKind::Certified => {
            vec![select("document", "Việc chứng thực", choices::<Document>(&draft.document, words::document_name))]
        }
        StepKind::Digitised => {
            let extents = choices::<Extent>(&draft.components, words::extent_name);
            vec![select("components", "Thành phần hồ sơ đã số hóa", extents)]
        }
        StepKind::Rated => {
            vec![select("rating", "Mức đánh giá của người dân", choices::<Rating>(&draft.rating, words::rating_name))]
        }
        StepKind::Surveyed => {
            let questions = QUESTION_FIELDS.into_iter().zip(words::QUESTION_NAMES).zip(draft.answers());
            questions.map(|((field, label), answer)| select(field, label, points(answer))).collect()
        }
        _ => Vec::new(),
    }
}

fn reasons(kind: StepKind, draft: &Draft) -> Vec<Choice> {
    let choice = |(code, name): &(&'static str, &'static str)| Choice { code, name, chosen: *code == draft.reason };
    reason::reasons(kind).iter().map(choice).collect()
}

/// The points of one question.
fn points(chosen: &str) -> Vec<Choice> {
    [("2", "2 điểm"), ("1", "1 điểm"), ("0", "0 điểm")].map(|(code, name)| Choice { code, name, chosen: code == chosen }).into()
}

fn inputs(kind: StepKind, dossier: &Dossier, draft: &Draft) -> Vec<Input> {
    let input = |field, label, value: &str| Input { field, label, value: value.to_owned() };
    let mut inputs = match kind {
        StepKind::Transferred => vec![
            input("to", "Chức danh, bộ phận hoặc cơ quan nhận (không ghi tên người)", &draft.to),
            input("due_at", "Hạn riêng của bước này (không bắt buộc)", &draft.due_at),
        ],
        StepKind::PaymentRequested => vec![input("amount_vnd", "Số tiền phải nộp (đồng)", &draft.amount_vnd)],
        StepKind::Paid => vec![input("amount_vnd", "Số tiền đã thu (đồng)", &draft.amount_vnd)],
        StepKind::Certified => vec![input("quantity", "Số lượng ghi vào sổ chứng thực", &draft.quantity)],
        StepKind::NumberedOutside => vec![input("code", "Mã hồ sơ ở hệ thống khác", &draft.code)],
        _ if asks_due(kind, dossier) => vec![input("due_at", "Hẹn trả mới (ngày, hoặc giờ và ngày)", &draft.due_at)],
        _ => Vec::new(),
    };
    let timeless =
        [StepKind::Paid, StepKind::Papers, StepKind::Digitised, StepKind::Rated, StepKind::NumberedOutside].contains(&kind);
    if !timeless {
        inputs.push(input("at", "Lúc (giờ:phút ngày/tháng/năm; để trống: ngay bây giờ)", &draft.at));
    }
    inputs
}

/// What is filled in before the clerk types.
fn blank(kind: StepKind, dossier: &Dossier) -> Draft {
    let fee = dossier.received.as_ref().map_or(0, |received| received.fee_vnd);
    match kind {
        StepKind::Finished => Draft { outcome: Outcome::Granted.code().to_owned(), ..Draft::default() },
        StepKind::Paid | StepKind::PaymentRequested => Draft { amount_vnd: fee.to_string(), ..Draft::default() },
        StepKind::Returned => {
            let (way, receiver) = (ReturnWay::Desk.code().to_owned(), Receiver::Citizen.code().to_owned());
            Draft { way, receiver, ..Draft::default() }
        }
        StepKind::NumberedOutside => Draft { code: dossier.external_code.clone().unwrap_or_default(), ..Draft::default() },
        _ => Draft::default(),
    }
}

fn choices<T: Code + PartialEq>(chosen: &str, name: fn(T) -> &'static str) -> Vec<Choice> {
    T::ALL.iter().map(|(value, code)| Choice { code, name: name(*value), chosen: *code == chosen }).collect()
}

/// The label of the remark; empty where none is asked for.
fn note_label(kind: StepKind) -> &'static str {
    match kind {
        StepKind::SupplementRequested => "Những gì cần bổ sung, ghi đủ trong một lần",
        StepKind::Finished => "Ghi chú, hoặc nói rõ lý do",
        StepKind::Extended => "Nói rõ lý do (không bắt buộc khi đã chọn ở trên)",
        StepKind::Voided => "Lý do hủy",
        StepKind::Returned => "Họ tên người nhận thay, ghi chú (không bắt buộc)",
        StepKind::Accepted => "Số, ngày thông báo thụ lý (không bắt buộc)",
        StepKind::Supplemented | StepKind::Transferred | StepKind::CameBack | StepKind::PaymentRequested => {
            "Ghi chú (không bắt buộc)"
        }
        StepKind::Paid
        | StepKind::Papers
        | StepKind::Certified
        | StepKind::Digitised
        | StepKind::Rated
        | StepKind::Surveyed
        | StepKind::NumberedOutside => "",
    }
}

fn asks_due(kind: StepKind, dossier: &Dossier) -> bool {
    let unlimited = dossier.limit().is_none();
    match kind {
        StepKind::Extended => true,
        StepKind::Accepted => unlimited,
        StepKind::Supplemented => unlimited && !dossier.awaits_acceptance(),
        _ => false,
    }
}

fn hint(kind: StepKind, dossier: &Dossier) -> String {
    let rules = dossier.ruleset();
    match kind {
        StepKind::Accepted if dossier.limit().is_some() => {
            "Thời hạn tính từ lúc thụ lý; máy tự tính hẹn trả. Nếu không thụ lý, ghi kết quả từ chối giải quyết.".to_owned()
        }
        StepKind::Supplemented if dossier.awaits_acceptance() => "Đơn chưa thụ lý nên thời hạn chưa chạy.".to_owned(),
        StepKind::Supplemented if dossier.limit().is_some() => match dossier.supplement_clock() {
            SupplementClock::Restarts => "Thời hạn tính lại từ đầu, từ lúc đã bổ sung đủ; máy tự tính hẹn trả mới.".to_owned(),
            SupplementClock::Subtracts => {
                "Thời hạn chạy tiếp phần còn lại, từ lúc đã bổ sung đủ; máy tự tính hẹn trả mới.".to_owned()
            }
        },
        StepKind::SupplementRequested => format!(
            "Trong lúc chờ bổ sung, thời hạn dừng. Chỉ được yêu cầu {}, trong {} ngày làm việc từ khi tiếp nhận ({}).",
            rules.supplements.times(),
            rules.supplement_days.count,
            rules.supplement_days.basis
        ),
        StepKind::Extended => format!(
            "Chỉ được xin lỗi và hẹn lại {}, chậm nhất {} ngày trước ngày hẹn trả ({}).",
            rules.extensions.times(),
            rules.apology_lead_days.count,
            rules.apology_lead_days.basis
        ),
        StepKind::Surveyed => {
            "Chỉ ghi những câu người dân đã trả lời; mỗi hồ sơ một phiếu. Câu 1, 2 chỉ trả lời khi đã có kết quả.".to_owned()
        }
        StepKind::Certified => "Đếm theo loại và theo năm, như sổ chứng thực; một hồ sơ có thể có nhiều bản.".to_owned(),
        StepKind::NumberedOutside => "Mã hồ sơ của đơn vị vẫn giữ nguyên.".to_owned(),
        StepKind::Voided => {
            "Dùng khi ghi nhầm cả hồ sơ. Hồ sơ không còn được tính trong báo cáo; quá trình vẫn được giữ lại.".to_owned()
        }
        _ => String::new(),
    }
}

#[derive(Debug, Deserialize)]
pub struct Sent {
    /// How many entries the page showed.
    #[serde(default)]
    seen: String,
    #[serde(flatten)]
    draft: Draft,
}

/// What became of a step.
enum Taken {
    Saved,
    Refused { known: Box<Known>, status: StatusCode, refused: String, faults: Vec<FieldError> },
}

/// Takes a step, or shows the dossier again with why not.
pub async fn step(
    viewer: ClerkViewer,
    State(app): State<App>,
    Path((code, kind)): Path<(String, String)>,
    Form(sent): Form<Sent>,
) -> Result<Response, HttpError> {
    let kind = StepKind::from_code(&kind).ok_or_else(|| HttpError::of_status(StatusCode::NOT_FOUND))?;
    let seen = sent.seen.parse().map_err(|_| HttpError::parameter("Mẫu này không đầy đủ.", "Hãy mở lại hồ sơ."))?;
    let back = format!("{}?saved={}", address(&code), kind.code());
    let draft = sent.draft.clone();
    let taken = app.write(&viewer, move |store, pen| take(store, pen, &code, kind, seen, &draft)).await?;
    let Taken::Refused { known, status, refused, faults } = taken else {
        return Ok(Redirect::to(&back).into_response());
    };
    let returned = Returned { kind, draft: sent.draft, faults };
    let frame = app.read(move |store, _| Frame::read(store, &viewer)).await?;
    let page = page(*known, frame, String::new(), refused, Some(returned));
    Ok((status, html(&page)?).into_response())
}

fn take(store: &mut Store, pen: &store::Pen, code: &str, kind: StepKind, seen: usize, draft: &Draft) -> store::Result<Taken> {
    let known = Known::read(store, pen.key, code)?;
    let refuse =
        |known: Known, status, refused: String, faults| Ok(Taken::Refused { known: Box::new(known), status, refused, faults });
    if known.steps.len() != seen {
        if known.was_saved(seen, pen.author, kind, draft) {
            return Ok(Taken::Saved);
        }
        let happened = words::happened_since(&known.steps, seen);
        let changed = format!("{happened} Hãy xem quá trình bên dưới; bước của bạn chưa được lưu.");
        return refuse(known, StatusCode::CONFLICT, changed, Vec::new());
    }
    let (event, note) = match check(&known, kind, draft, pen.now) {
        Ok(checked) => checked,
        Err(faults) => {
            let refused = "Chưa lưu. Hãy sửa những chỗ được ghi bên dưới.".to_owned();
            return refuse(known, StatusCode::UNPROCESSABLE_ENTITY, refused, faults);
        }
    };
    match store.step(code, event, note, pen) {
        Ok(()) => Ok(Taken::Saved),
        Err(StoreError::Refused(refusal)) => refuse(known, StatusCode::CONFLICT, format!("{refusal} Chưa lưu gì."), Vec::new()),
        Err(error) => Err(error),
    }
}

pub(super) fn check(known: &Known, kind: StepKind, draft: &Draft, now: LocalTime) -> Result<Checked, Vec<FieldError>> {
    let Tables { catalogue, calendar, .. } = &*known.tables;
    draft.check(kind, &known.dossier, &Desk { catalogue, calendar, now })
}

/// Whether an entry is what this form, sent a moment earlier, was saved as.
fn is_same(known: &Known, step: &Step, kind: StepKind, draft: &Draft) -> bool {
    let note = step.sealed.as_ref().and_then(|sealed| sealed.note.as_ref());
    check(known, kind, draft, step.recorded_at)
        .is_ok_and(|(event, typed)| step.event.as_ref().map(Event::unnumbered).as_ref() == Some(&event) && note == typed.as_ref())
}

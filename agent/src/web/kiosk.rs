//! The page for citizens, without a log-in: how a dossier stands, by its code, and the form on how it was handled.
//!
//! Promise: tells the code, the state and one date and nothing else of a dossier (TT 01/2018 Art. 16(2)d); a code that is
//! not there is answered in the same way and by the same work; nobody can ask faster than people type. A form has no
//! answer filled in, and is saved once for each dossier. Start at [`show`] and [`rate`].

use std::path::Path;

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use motcua_shared::calendar::LocalTime;
use motcua_shared::dossier::{Code, Dossier, Event, Rated, Rating, State as Standing};
use motcua_shared::statement::{Disbelief, Statement};
use motcua_shared::step::{Desk, Draft, QUESTION_FIELDS, StepKind};
use motcua_shared::text::nfc;
use serde::Deserialize;

use super::fault::HttpError;
use super::{App, html};
use crate::office::stream_key;
use crate::store::{self, Pen, StepTaken, Store, StoreError};
use crate::words;

/// No code of a dossier is longer.
const LONGEST_CODE: usize = 60;
/// No text of a two-dimensional code of ours is longer.
const LONGEST_SCAN: usize = 400;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    code: String,
}

/// How a dossier stands, as a citizen reads it.
struct Found {
    code: String,
    state: &'static str,
    date: String,
}

#[derive(Template)]
#[template(path = "kiosk.html")]
struct KioskPage {
    office: String,
    typed: String,
    found: Option<Found>,
    /// What is wrong with what was asked; empty when nothing is.
    problem: String,
    /// The form may be filled in.
    may_rate: bool,
    /// What the two-dimensional code of a receipt turned out to be.
    proof: Option<Proof>,
}

/// Whether a receipt is genuine, for whoever holds it.
struct Proof {
    genuine: bool,
    says: String,
    detail: String,
}

/// What is to be said of the text of a two-dimensional code. Only this PC's own streams have their keys here.
fn proof(data: &Path, store: &Store, scanned: &str) -> store::Result<(Option<String>, Proof)> {
    let office = store.office()?;
    let own: Vec<uuid::Uuid> = store.streams_own()?.into_iter().map(|own| own.id).collect();
    let key_of = |stream| own.contains(&stream).then(|| stream_key(data, stream).ok()).flatten().map(|key| key.verifying_key());
    let refused = |says: &str, detail: String| (None, Proof { genuine: false, says: says.to_owned(), detail });
    let statement = match Statement::open(scanned, key_of) {
        Ok(statement) => statement,
        Err(Disbelief::UnknownSigner) => {
            let unit = Statement::claimed(scanned).map(|claimed| claimed.unit).unwrap_or_default();
            let says = if unit == office.unit {
                "Giấy của máy khác trong đơn vị này"
            } else {
                "Giấy của đơn vị khác"
            };
            let detail =
                format!("Mã ghi đơn vị {unit}. Máy này không kiểm tra được chữ ký; hãy hỏi nơi đã tiếp nhận hoặc huyện.");
            return Ok(refused(says, detail));
        }
        Err(Disbelief::Forged) => return Ok(refused("Giấy đã bị sửa, hoặc mã bị đọc sai", Disbelief::Forged.to_string())),
        Err(Disbelief::Foreign) => return Ok(refused("Không phải mã trên giấy hẹn", Disbelief::Foreign.to_string())),
    };
    let now_due = match store.dossier_recorded(&statement.code) {
        Ok((dossier, _)) => dossier.due_at,
        Err(StoreError::NoDossier(_)) => None,
        Err(error) => return Err(error),
    };
    let promised = statement.due_at.map_or_else(|| "không hẹn giờ".to_owned(), |due| format!("hẹn trả {}", words::time(due)));
    let since = match (statement.due_at, now_due) {
        (Some(then), Some(now)) if then != now => format!(" Nay hẹn trả {}.", words::time(now)),
        _ => String::new(),
    };
    let detail = format!("Hồ sơ {}, {promised}.{since}", statement.code);
    Ok((Some(statement.code), Proof { genuine: true, says: "Giấy hẹn thật, do đơn vị này cấp".to_owned(), detail }))
}

/// A question with the words of its points.
struct Question {
    field: &'static str,
    text: &'static str,
    answers: [(&'static str, &'static str); 3],
    chosen: String,
}

#[derive(Template)]
#[template(path = "rate.html")]
struct RatePage {
    office: String,
    code: String,
    questions: Vec<Question>,
    /// The four levels; empty before there is a result.
    levels: Vec<(&'static str, &'static str)>,
    level: String,
    problem: String,
    thanks: bool,
}

/// What the points of each question mean (TT 01/2018 Art. 13), for people who never read it.
const QUESTIONS: [(&str, [&str; 3]); 9] = [
    ("Hồ sơ được giải quyết nhanh hay chậm so với ngày hẹn?", ["Chậm hơn", "Đúng hẹn", "Sớm hơn"]),
    ("Từng cơ quan, bộ phận làm phần việc của mình có đúng hẹn không?", ["Có nơi chậm", "Đều đúng hẹn", "Đều sớm hơn"]),
    ("Phải đi lại bao nhiêu lần để hoàn thiện hồ sơ?", ["Hơn một lần", "Một lần", "Không lần nào"]),
    ("Phải liên hệ bao nhiêu nơi để làm xong việc này?", ["Nhiều nơi", "Thêm một nơi", "Chỉ bộ phận một cửa"]),
    ("Bộ phận một cửa có thuận tiện, đủ chỗ, đủ chỉ dẫn không?", ["Không", "Tạm được", "Tốt"]),
    ("Thủ tục có được công khai rõ ràng không?", ["Không thấy", "Có một phần", "Rõ ràng, đầy đủ"]),
    ("Cán bộ tiếp ông, bà có thái độ thế nào?", ["Không tốt", "Bình thường", "Tốt"]),
    ("Phản ánh, kiến nghị có được trả lời không?", ["Không", "Trả lời chậm", "Đúng hạn, hoặc không có gì phải hỏi"]),
    ("Nộp hồ sơ và hỏi qua mạng có dễ không?", ["Không làm được", "Làm được một phần", "Dễ"]),
];

/// The code as it stands in the register: the office's part may be left out, and letters may be small.
fn whole_code(typed: &str, identifier: &str) -> String {
    let typed = nfc(typed).replace(' ', "").to_uppercase();
    let is_rest =
        typed.len() <= 11 && typed.starts_with(|letter: char| letter.is_ascii_digit()) && typed.matches('-').count() == 1;
    if is_rest { format!("{identifier}-{typed}") } else { typed }
}

/// A dossier of which citizens may be told.
fn find(store: &Store, typed: &str) -> store::Result<(String, Option<Dossier>)> {
    let code = whole_code(typed, &store.office()?.identifier);
    match store.dossier_recorded(&code) {
        Ok((dossier, _)) => Ok((code, Some(dossier).filter(|dossier| told(dossier).is_some()))),
        Err(StoreError::NoDossier(_)) => Ok((code, None)),
        Err(error) => Err(error),
    }
}

/// State and date in a citizen's words; `None` for what counts as never filed.
fn told(dossier: &Dossier) -> Option<(&'static str, String)> {
    let at = |name: &str, at: Option<LocalTime>| at.map(|at| format!("{name} {}", words::time(at))).unwrap_or_default();
    let slip = dossier.turned_away.as_ref().map(|slip| slip.at);
    Some(match dossier.state() {
        Standing::Processing => ("Đang giải quyết", at("Hẹn trả lúc", dossier.due_at)),
        Standing::AwaitingSupplement => ("Chờ ông, bà bổ sung hồ sơ", at("Đã yêu cầu lúc", dossier.awaiting_supplement_since)),
        Standing::Finished => ("Đã có kết quả, mời đến nhận", at("Có kết quả lúc", dossier.finished.map(|end| end.at))),
        Standing::Returned => ("Đã trả kết quả", at("Đã trả lúc", dossier.returned_at)),
        Standing::Guided => ("Chờ ông, bà hoàn thiện hồ sơ", at("Đã hướng dẫn lúc", slip)),
        Standing::Declined => ("Không tiếp nhận", at("Đã trả lời lúc", slip)),
        _ => return None,
    })
}

/// The empty page, or what became of the dossier whose code was typed or stands in the address of a QR code.
pub async fn show(State(app): State<App>, Query(asked): Query<Asked>) -> Result<Response, HttpError> {
    let is_scan = Statement::is_meant(&asked.code);
    let typed: String = asked.code.chars().take(if is_scan { LONGEST_SCAN } else { LONGEST_CODE }).collect();
    let office = office(&app).await?;
    let blank = KioskPage { office, typed: typed.clone(), found: None, problem: String::new(), may_rate: false, proof: None };
    if nfc(&typed).is_empty() {
        return Ok(html(&blank)?.into_response());
    }
    if !app.may_ask() {
        return Ok((StatusCode::TOO_MANY_REQUESTS, html(&KioskPage { problem: TOO_FAST.to_owned(), ..blank })?).into_response());
    }
    let data = app.data.clone();
    let (proof, code, dossier) = app
        .read(move |store, _| {
            if !is_scan {
                let (code, dossier) = find(store, &typed)?;
                return Ok((None, code, dossier));
            }
            let (code, proof) = proof(&data, store, &typed)?;
            let (code, dossier) = code.map_or(Ok((String::new(), None)), |code| find(store, &code))?;
            Ok((Some(proof), code, dossier))
        })
        .await?;
    let found = dossier.as_ref().and_then(told).map(|(state, date)| Found { code, state, date });
    let problem = if found.is_some() || proof.is_some() { String::new() } else { NOT_FOUND.to_owned() };
    let may_rate = dossier.is_some_and(|dossier| dossier.received.is_some() && dossier.answers.is_none());
    Ok(html(&KioskPage { found, problem, may_rate, proof, ..blank })?.into_response())
}

const TOO_FAST: &str = "Có quá nhiều lượt tra cứu. Xin chờ một phút rồi thử lại.";
const NOT_FOUND: &str = "Không có hồ sơ nào mang mã này. Xin xem lại mã trên giấy hẹn, hoặc hỏi cán bộ tại quầy.";
const RATED: &str = "Hồ sơ này đã có phiếu đánh giá; mỗi hồ sơ một phiếu. Xin cảm ơn.";

async fn office(app: &App) -> Result<String, HttpError> {
    Ok(app.read(|store, _| store.office()).await?.name)
}

/// The empty form for a dossier.
pub async fn form(State(app): State<App>, Query(asked): Query<Asked>) -> Result<Response, HttpError> {
    respond(&app, asked.code, Draft::default()).await
}

/// A form, empty or as it was sent back.
async fn respond(app: &App, typed: String, draft: Draft) -> Result<Response, HttpError> {
    let office = office(app).await?;
    if !app.may_ask() {
        let page = KioskPage { office, typed, found: None, problem: TOO_FAST.to_owned(), may_rate: false, proof: None };
        return Ok((StatusCode::TOO_MANY_REQUESTS, html(&page)?).into_response());
    }
    let asked = typed.clone();
    let (code, dossier) = app.read(move |store, _| find(store, &asked)).await?;
    let dossier = dossier.filter(|dossier| dossier.received.is_some() && dossier.answers.is_none());
    let Some(dossier) = dossier else {
        let page = KioskPage { office, typed, found: None, problem: NOT_FOUND.to_owned(), may_rate: false, proof: None };
        return Ok(html(&page)?.into_response());
    };
    Ok(html(&rate_page(office, code, &dossier, &draft, String::new()))?.into_response())
}

fn rate_page(office: String, code: String, dossier: &Dossier, draft: &Draft, problem: String) -> RatePage {
    let ended = dossier.finished.is_some();
    // Time and result can be judged only once there is a result.
    let asked = QUESTIONS.into_iter().zip(QUESTION_FIELDS).zip(draft.answers()).skip(if ended { 0 } else { 2 });
    let questions = asked.map(|(((text, [none, some, all]), field), chosen)| Question {
        field,
        text,
        answers: [("2", all), ("1", some), ("0", none)],
        chosen: chosen.to_owned(),
    });
    let levels = if ended {
        Rating::ALL.iter().rev().map(|(rating, code)| (*code, words::rating_name(*rating))).collect()
    } else {
        Vec::new()
    };
    RatePage { office, code, questions: questions.collect(), levels, level: draft.rating.clone(), problem, thanks: false }
}

#[derive(Debug, Deserialize)]
pub struct Sent {
    #[serde(default)]
    dossier: String,
    #[serde(flatten)]
    draft: Draft,
}

/// What became of a form.
enum Kept {
    Saved,
    NotFound,
    Refused(String),
    Faulty(Box<Dossier>, String),
}

/// Saves a form. The same form twice is one.
pub async fn rate(State(app): State<App>, Form(sent): Form<Sent>) -> Result<Response, HttpError> {
    let office = office(&app).await?;
    let Sent { dossier: typed, draft } = sent;
    let blank = |problem: &str| KioskPage {
        office: office.clone(),
        typed: String::new(),
        found: None,
        problem: problem.to_owned(),
        may_rate: false,
        proof: None,
    };
    if !app.may_ask() {
        return Ok((StatusCode::TOO_MANY_REQUESTS, html(&blank(TOO_FAST))?).into_response());
    }
    let (asked, answered) = (typed.clone(), draft.clone());
    match app.write_at_kiosk(move |store, pen| keep(store, pen, &asked, &answered)).await? {
        Kept::Saved => {
            let (questions, levels) = (Vec::new(), Vec::new());
            let empty = String::new;
            let page = RatePage { office, code: empty(), questions, levels, level: empty(), problem: empty(), thanks: true };
            Ok(html(&page)?.into_response())
        }
        Kept::NotFound => Ok(html(&blank(NOT_FOUND))?.into_response()),
        Kept::Refused(why) => Ok((StatusCode::CONFLICT, html(&blank(&why))?).into_response()),
        Kept::Faulty(dossier, problem) => {
            let page = rate_page(office, typed, &dossier, &draft, problem);
            Ok((StatusCode::UNPROCESSABLE_ENTITY, html(&page)?).into_response())
        }
    }
}

fn keep(store: &mut Store, pen: &Pen, typed: &str, draft: &Draft) -> store::Result<Kept> {
    let (code, dossier) = find(store, typed)?;
    let Some(dossier) = dossier.filter(|dossier| dossier.received.is_some()) else { return Ok(Kept::NotFound) };
    let tables = store.tables()?;
    let desk = Desk { catalogue: &tables.catalogue, calendar: &tables.calendar, now: pen.now };
    // Where only the level was chosen there is no form of nine questions.
    let answered = draft.answers().iter().any(|answer| !answer.is_empty());
    let mut steps = Vec::new();
    if answered {
        match (Draft { at: String::new(), ..draft.clone() }).check(StepKind::Surveyed, &dossier, &desk) {
            Ok((event, _)) => steps.push(event),
            Err(_) => return Ok(Kept::Faulty(Box::new(dossier), "Xin chọn lại câu trả lời.".to_owned())),
        }
    }
    if let Some(rating) = Rating::from_code(&draft.rating).filter(|_| dossier.finished.is_some() && dossier.rating.is_none()) {
        steps.push(Event::Rated(Rated { rating }));
    }
    if steps.is_empty() && draft.rating.is_empty() {
        return Ok(Kept::Faulty(Box::new(dossier), "Phiếu chưa có câu trả lời nào.".to_owned()));
    }
    if dossier.answers.is_some() || steps.is_empty() {
        let said = |event: &Event| matches!(event, Event::Surveyed(surveyed) if dossier.answers == Some(surveyed.answers));
        let same_level = draft.rating.is_empty() || Rating::from_code(&draft.rating) == dossier.rating;
        let same = same_level && steps.iter().all(said);
        return Ok(if same { Kept::Saved } else { Kept::Refused(RATED.to_owned()) });
    }
    let steps: Vec<StepTaken> = steps.into_iter().map(|event| StepTaken { code: code.clone(), event, note: None }).collect();
    let refusal = store.acts(steps, pen)?.into_iter().find_map(Result::err);
    Ok(refusal.map_or(Kept::Saved, |refusal| Kept::Refused(refusal.to_string())))
}

//! First-run set-up in the browser of this PC: an office that is made or recovered, its district, its first account.
//!
//! Promise: each step is done whole or not at all and can be gone on with after a power cut; what is to be done next is
//! read from what is there, never remembered; once the office has an account, nothing here answers any more.
//! Start at [`before`] for what makes the office, and at [`next`] for what comes after.

use askama::Template;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use motcua_shared::access::{Right, Role};
use motcua_shared::seal::RecoveryKey;
use serde::Deserialize;
use tower_http::catch_panic::CatchPanicLayer;

use super::fault::{HttpError, sentence};
use super::front::Front;
use super::viewer::Holder;
use super::{App, Frame, Wire, guard, html};
use crate::first_run::{ASKED_GROUPS, Pending};
use crate::office::{Name, now};
use crate::people::{self, PeopleError};
use crate::store::Act;
use crate::uplink::{self, UplinkError};
use crate::{backup, recover};

/// Who the accounts' history names for the first of them.
const AUTHOR: &str = "setup";

/// A line to type.
struct Input {
    field: &'static str,
    label: &'static str,
    value: String,
    kind: &'static str,
}

fn input(field: &'static str, label: &'static str, value: &str) -> Input {
    Input { field, label, value: value.to_owned(), kind: "text" }
}

/// One step of the set-up: a form.
#[derive(Template)]
#[template(path = "setup_form.html")]
struct StepPage {
    frame: Option<Frame>,
    nav: &'static str,
    title: String,
    intro: &'static str,
    problem: String,
    action: &'static str,
    inputs: Vec<Input>,
    hint: &'static str,
    button: &'static str,
    /// Name and words of a box to tick, and whether it is; below the lines.
    tick: Option<(&'static str, &'static str, bool)>,
    /// Address and words of another way to go.
    other: Option<(&'static str, &'static str)>,
}

impl StepPage {
    fn answer(self) -> Result<Response, HttpError> {
        let status = if self.problem.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
        Ok((status, html(&self)?).into_response())
    }
}

#[derive(Template)]
#[template(path = "setup.html")]
struct StartPage {
    frame: Option<Frame>,
    nav: &'static str,
    data: String,
    /// Somebody is at it already.
    busy: bool,
    problem: String,
}

#[derive(Template)]
#[template(path = "setup_key.html")]
struct KeyPage {
    frame: Option<Frame>,
    nav: &'static str,
    unit: String,
    name: String,
    groups: Vec<String>,
    asked: [usize; 2],
    problem: String,
}

/// Every address before there is an office.
pub fn before(front: Front) -> Router {
    Router::new()
        .route("/setup", get(start))
        .route("/setup/office", get(office_form).post(office_begin))
        .route("/setup/key", get(key_form).post(key_confirm))
        .route("/setup/forget", post(forget))
        .route("/setup/restore", get(restore_form).post(restore))
        .route("/setup/recover", get(recover_form).post(recover))
        .route("/style.css", get(super::style))
        .route("/app.js", get(super::script))
        .route("/healthz", get(|| async { "ok\n" }))
        .fallback(elsewhere)
        .layer(CatchPanicLayer::new())
        .layer(axum::middleware::from_fn(guard::dress_setup))
        .with_state(front)
}

async fn elsewhere(method: axum::http::Method, uri: axum::http::Uri) -> Result<Redirect, HttpError> {
    if method.is_safe() && !uri.path().starts_with("/api/") {
        return Ok(Redirect::to("/setup"));
    }
    Err(HttpError::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "Máy này chưa được thiết lập cho đơn vị nào.",
        "Không có gì được lưu.",
        "Hãy mở trang của chương trình trên máy này và thiết lập trước.",
    ))
}

/// Where to go from here: what was begun is gone on with.
async fn start(State(front): State<Front>) -> Result<Response, HttpError> {
    let busy = front.is_busy();
    if !busy && Pending::read(front.data()).is_some() {
        return Ok(Redirect::to("/setup/key").into_response());
    }
    let data = std::path::absolute(front.data()).unwrap_or_else(|_| front.data().to_owned()).display().to_string();
    let problem = if busy { String::new() } else { front.take_problem() };
    Ok(html(&StartPage { frame: None, nav: "", data, busy, problem })?.into_response())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct NewOffice {
    unit: String,
    name: String,
    identifier: String,
}

fn office_page(sent: &NewOffice, problem: String) -> Result<Response, HttpError> {
    StepPage {
        frame: None,
        nav: "",
        title: "Đơn vị mới".to_owned(),
        intro: "Dùng khi đơn vị chưa từng dùng chương trình này. Đã từng dùng thì hãy quay lại và chọn lấy lại dữ liệu.",
        problem,
        action: "/setup/office",
        inputs: vec![
            input("unit", "Mã đơn vị hành chính, ví dụ 11089", &sent.unit),
            input("name", "Tên đơn vị, ví dụ Xã Ngọc Kỳ", &sent.name),
            input("identifier", "Mã định danh đứng đầu mã hồ sơ, ví dụ 000.11.57.H23", &sent.identifier),
        ],
        hint: "Để trống mã định danh thì mã hồ sơ bắt đầu bằng mã đơn vị.",
        button: "Tiếp tục: khóa khôi phục",
        tick: None,
        other: Some(("/setup", "Quay lại")),
    }
    .answer()
}

async fn office_form(State(front): State<Front>) -> Result<Response, HttpError> {
    let begun = Pending::read(front.data()).map(|pending| NewOffice {
        unit: pending.unit,
        name: pending.name,
        identifier: pending.identifier.unwrap_or_default(),
    });
    office_page(&begun.unwrap_or_default(), String::new())
}

async fn office_begin(State(front): State<Front>, Form(sent): Form<NewOffice>) -> Result<Response, HttpError> {
    let Some(_turn) = front.turn() else { return Ok(Redirect::to("/setup").into_response()) };
    let identifier = Some(sent.identifier.trim()).filter(|identifier| !identifier.is_empty());
    match Pending::begin(front.data(), &Name { unit: &sent.unit, name: &sent.name, identifier }) {
        Ok(_) => Ok(Redirect::to("/setup/key").into_response()),
        Err(problem) => office_page(&sent, sentence(&problem.to_string())),
    }
}

async fn key_form(State(front): State<Front>) -> Result<Response, HttpError> {
    match Pending::read(front.data()) {
        Some(pending) => key_page(pending, String::new()),
        None => Ok(Redirect::to("/setup").into_response()),
    }
}

fn key_page(pending: Pending, problem: String) -> Result<Response, HttpError> {
    let status = if problem.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let groups = pending.recovery_key.split('-').map(str::to_owned).collect();
    let page = KeyPage { frame: None, nav: "", unit: pending.unit, name: pending.name, groups, asked: ASKED_GROUPS, problem };
    Ok((status, html(&page)?).into_response())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct OnPaper {
    first: String,
    second: String,
}

/// Founds the office, once somebody has shown that its key is on paper.
async fn key_confirm(State(front): State<Front>, Form(sent): Form<OnPaper>) -> Result<Response, HttpError> {
    let Some(_turn) = front.turn() else { return Ok(Redirect::to("/setup").into_response()) };
    if front.office().is_some() {
        return Ok(Redirect::to("/setup").into_response());
    }
    let Some(pending) = Pending::read(front.data()) else { return Ok(Redirect::to("/setup").into_response()) };
    if !pending.is_on_paper([&sent.first, &sent.second]) {
        let problem = "Hai nhóm vừa gõ chưa khớp với khóa. Hãy xem lại tờ giấy đã chép.".to_owned();
        return key_page(pending, problem);
    }
    let made = in_background(front.clone(), move |front| pending.found(front.data()).map_err(|error| error.to_string())).await;
    match made {
        Ok(()) => Ok(Redirect::to("/setup").into_response()),
        Err(problem) => match Pending::read(front.data()) {
            Some(pending) => key_page(pending, sentence(&problem)),
            None => Ok(Redirect::to("/setup").into_response()),
        },
    }
}

/// Begins anew: nothing was made with the key yet.
async fn forget(State(front): State<Front>) -> Redirect {
    if let Some(_turn) = front.turn() {
        Pending::forget(front.data());
    }
    Redirect::to("/setup")
}

/// Blocking work that ends with an office.
async fn in_background<T: Send + 'static>(
    front: Front,
    work: impl FnOnce(&Front) -> Result<T, String> + Send + 'static,
) -> Result<(), String> {
    let done = tokio::task::spawn_blocking(move || {
        work(&front)?;
        front.settle().map_err(|error| format!("{error:#}"))
    });
    done.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct FromFile {
    file: String,
    recovery_key: String,
}

fn restore_page(sent: &FromFile, problem: String) -> Result<Response, HttpError> {
    StepPage {
        frame: None,
        nav: "",
        title: "Lấy lại từ tệp sao lưu".to_owned(),
        intro: "Máy cũ hỏng hoặc thay máy: lấy lại toàn bộ đơn vị từ tệp do lệnh backup ghi ra, không cần mạng.",
        problem,
        action: "/setup/restore",
        inputs: vec![
            input("file", "Tệp sao lưu trên máy này, ghi đủ đường dẫn, ví dụ D:\\sao-luu\\motcua.bak", &sent.file),
            input("recovery_key", "Khóa khôi phục đã chép ra giấy", &sent.recovery_key),
        ],
        hint: "Những gì ghi sau lúc sao lưu và đã gửi về huyện được lấy lại ở lần gửi đầu tiên.",
        button: "Lấy lại đơn vị",
        tick: None,
        other: Some(("/setup", "Quay lại")),
    }
    .answer()
}

async fn restore_form() -> Result<Response, HttpError> {
    restore_page(&FromFile::default(), String::new())
}

async fn restore(State(front): State<Front>, Form(sent): Form<FromFile>) -> Result<Response, HttpError> {
    let Some(turn) = front.turn() else { return Ok(Redirect::to("/setup").into_response()) };
    if front.office().is_some() {
        return Ok(Redirect::to("/setup").into_response());
    }
    let key = match RecoveryKey::parse(&sent.recovery_key) {
        Ok(key) => key.office_key(),
        Err(problem) => return restore_page(&sent, sentence(&problem.to_string())),
    };
    let file = std::path::PathBuf::from(sent.file.trim());
    if !file.is_file() {
        return restore_page(&sent, "Không có tệp này trên máy. Hãy kiểm tra lại đường dẫn.".to_owned());
    }
    let made = in_background(front, move |front| {
        let _turn = turn;
        backup::restore(front.data(), &file, Some(key)).map_err(|error| error.to_string())
    });
    match made.await {
        Ok(()) => Ok(Redirect::to("/setup").into_response()),
        Err(problem) => restore_page(&sent, sentence(&problem)),
    }
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub struct FromDistrict {
    unit: String,
    aggregator: String,
    code: String,
    recovery_key: String,
    /// Ticked: the recovery key is lost.
    without_key: String,
}

/// The key of what is recorded from now on, shown once.
#[derive(Template)]
#[template(path = "setup_new_key.html")]
struct NewKeyPage {
    frame: Option<Frame>,
    nav: &'static str,
    groups: Vec<String>,
    dossiers: usize,
}

fn recover_page(sent: &FromDistrict, problem: String) -> Result<Response, HttpError> {
    StepPage {
        frame: None,
        nav: "",
        title: "Lấy lại từ huyện".to_owned(),
        intro: "Không có tệp sao lưu: lấy lại mọi hồ sơ mà huyện đang giữ của đơn vị. Cần mạng và mã đăng ký do huyện cấp.",
        problem,
        action: "/setup/recover",
        inputs: vec![
            input("unit", "Mã đơn vị hành chính, như trên máy cũ", &sent.unit),
            input("aggregator", "Địa chỉ của huyện, ví dụ https://mot-cua.huyen.vn:7443", &sent.aggregator),
            input("code", "Mã đăng ký dùng một lần", &sent.code),
            input("recovery_key", "Khóa khôi phục đã chép ra giấy", &sent.recovery_key),
        ],
        hint: "Không có khóa thì lấy lại được mã, ngày giờ, kết quả và báo cáo của mọi hồ sơ; họ tên và giấy tờ của người dân thì không ai mở được nữa. Máy sẽ tạo khóa mới cho những gì ghi từ nay.",
        button: "Lấy lại đơn vị",
        tick: Some((
            "without_key",
            "Đã mất khóa khôi phục: chỉ lấy lại phần không có thông tin cá nhân",
            !sent.without_key.is_empty(),
        )),
        other: Some(("/setup", "Quay lại")),
    }
    .answer()
}

async fn recover_form() -> Result<Response, HttpError> {
    recover_page(&FromDistrict::default(), String::new())
}

/// Fetches the office from the district. It goes on when the browser does not wait.
async fn recover(State(front): State<Front>, Form(sent): Form<FromDistrict>) -> Result<Response, HttpError> {
    let Some(turn) = front.turn() else { return Ok(Redirect::to("/setup").into_response()) };
    if front.office().is_some() {
        return Ok(Redirect::to("/setup").into_response());
    }
    let key = match (sent.without_key.is_empty(), RecoveryKey::parse(&sent.recovery_key)) {
        (true, Ok(key)) => Some(key),
        (true, Err(problem)) => return recover_page(&sent, sentence(&problem.to_string())),
        (false, _) if sent.recovery_key.trim().is_empty() => None,
        (false, _) => {
            let problem = "Đã gõ khóa khôi phục mà lại đánh dấu là mất khóa; hãy bỏ một trong hai.".to_owned();
            return recover_page(&sent, problem);
        }
    };
    let asked = sent.clone();
    let work = tokio::spawn(async move {
        let _turn = turn;
        let FromDistrict { unit, aggregator, code, .. } = &asked;
        let asked = recover::Asked { unit, name: "", identifier: None, aggregator: aggregator.trim(), code };
        let brought = recover::recover(front.data(), &asked, key.as_ref()).await.map_err(|error| error.to_string());
        let settled = brought.and_then(|brought| front.settle().map(|()| brought).map_err(|error| format!("{error:#}")));
        if let Err(problem) = &settled {
            front.set_problem(sentence(problem));
        }
        settled
    });
    match work.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic())) {
        Ok(recover::Recovered { new_key: Some(key), dossiers, .. }) => {
            let groups = key.to_text().split('-').map(str::to_owned).collect();
            Ok(html(&NewKeyPage { frame: None, nav: "", groups, dossiers })?.into_response())
        }
        Ok(_) => Ok(Redirect::to("/setup").into_response()),
        Err(problem) => recover_page(&sent, sentence(&problem)),
    }
}

/// Refuses whoever is not at this PC, and everybody once there is an account.
async fn admitted(app: &App, wire: Option<Extension<Wire>>) -> Result<(), HttpError> {
    if wire.is_some_and(|Extension(wire)| wire.is_lan()) {
        return Err(only_here());
    }
    if app.read(|store, _| store.user_any()).await? {
        return Err(HttpError::new(
            StatusCode::FORBIDDEN,
            PeopleError::NotFirst.to_string(),
            "Không có gì được thay đổi.",
            "Hãy đăng nhập bằng tài khoản đã có.",
        ));
    }
    Ok(())
}

/// For other PCs.
pub(super) fn only_here() -> HttpError {
    HttpError::new(
        StatusCode::FORBIDDEN,
        "Thiết lập lần đầu chỉ làm được trên chính máy chạy chương trình.",
        "Không có gì được thay đổi.",
        "Hãy mở trang này bằng trình duyệt của máy đó.",
    )
}

/// What comes after the office was made: its district, if it has none, and its first account.
pub async fn next(State(app): State<App>, wire: Option<Extension<Wire>>) -> Result<Response, HttpError> {
    if app.read(|store, _| store.user_any()).await? {
        return Ok(Redirect::to("/").into_response());
    }
    admitted(&app, wire).await?;
    let enrolled = app.read(|store, _| store.office()).await?.enrolment.is_some();
    if enrolled {
        return Ok(Redirect::to("/setup/user").into_response());
    }
    enrol_page(None, "/setup/enrol", &Enrolment::default(), String::new())
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub struct Enrolment {
    aggregator: String,
    code: String,
}

fn enrol_page(frame: Option<Frame>, action: &'static str, sent: &Enrolment, problem: String) -> Result<Response, HttpError> {
    let first_run = frame.is_none();
    StepPage {
        frame,
        nav: "",
        title: "Đăng ký với huyện".to_owned(),
        intro: "Sau khi đăng ký, máy tự gửi hồ sơ về huyện khi có mạng. Chưa có mã thì làm sau cũng được: hồ sơ vẫn ghi và giữ trên máy này.",
        problem,
        action,
        inputs: vec![
            input("aggregator", "Địa chỉ của huyện, ví dụ https://mot-cua.huyen.vn:7443", &sent.aggregator),
            input("code", "Mã đăng ký dùng một lần do huyện cấp", &sent.code),
        ],
        hint: "Không có mạng: tạo tài khoản quản trị trước, rồi đăng ký bằng tệp mang tay ở trang Gửi về huyện.",
        button: "Đăng ký",
        tick: None,
        other: first_run.then_some(("/setup/user", "Để sau")),
    }
    .answer()
}

/// Registers with the district; what is wrong with it, in words, otherwise.
async fn enrol(app: &App, sent: &Enrolment) -> Result<Option<String>, HttpError> {
    let (data, door, asked) = (app.data.clone(), app.door.clone(), sent.clone());
    // It goes on when the browser does not wait: a code that was used must not be lost half way.
    let work = tokio::spawn(async move { uplink::enrol(&data, &door, asked.aggregator.trim(), &asked.code).await });
    match work.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic())) {
        Ok(_) => {
            app.sender.saved();
            Ok(None)
        }
        Err(UplinkError::Store(error)) => Err(error.into()),
        Err(problem) => Ok(Some(sentence(&problem.to_string()))),
    }
}

pub async fn enrol_first(
    State(app): State<App>,
    wire: Option<Extension<Wire>>,
    Form(sent): Form<Enrolment>,
) -> Result<Response, HttpError> {
    admitted(&app, wire).await?;
    match enrol(&app, &sent).await? {
        None => Ok(Redirect::to("/setup/user").into_response()),
        Some(problem) => enrol_page(None, "/setup/enrol", &sent, problem),
    }
}

/// May set this PC up.
pub type SetupViewer = Holder<{ Right::Setup as u8 }>;

/// The same form later, for an administrator.
pub async fn enrol_form(viewer: SetupViewer, State(app): State<App>) -> Result<Response, HttpError> {
    let frame = app.read(move |store, _| Frame::read(store, &viewer)).await?;
    enrol_page(frame, "/enrol", &Enrolment::default(), String::new())
}

pub async fn enrol_later(
    viewer: SetupViewer,
    State(app): State<App>,
    Form(sent): Form<Enrolment>,
) -> Result<Response, HttpError> {
    match enrol(&app, &sent).await? {
        None => Ok(Redirect::to("/sync").into_response()),
        Some(problem) => {
            let frame = app.read(move |store, _| Frame::read(store, &viewer)).await?;
            enrol_page(frame, "/enrol", &sent, problem)
        }
    }
}

/// The form for the first account.
pub async fn user_form(State(app): State<App>, wire: Option<Extension<Wire>>) -> Result<Response, HttpError> {
    if app.read(|store, _| store.user_any()).await? {
        return Ok(Redirect::to("/").into_response());
    }
    admitted(&app, wire).await?;
    user_page(&app, "", String::new()).await
}

async fn user_page(app: &App, name: &str, problem: String) -> Result<Response, HttpError> {
    let office = app.read(|store, _| store.office()).await?.name;
    let password = |field, label| Input { kind: "password", ..input(field, label, "") };
    StepPage {
        frame: None,
        nav: "",
        title: format!("Người quản trị của {office}"),
        intro: "Tài khoản đầu tiên là của người quản trị: người này thêm tài khoản cho các công chức và lãnh đạo. Mọi việc làm trên máy được ghi dưới tên người làm.",
        problem,
        action: "/setup/user",
        inputs: vec![
            input("name", "Tên đăng nhập (chữ không dấu, số, dấu chấm), ví dụ lan.nt", name),
            password("password", "Mật khẩu, ít nhất 10 ký tự"),
            password("again", "Gõ lại mật khẩu"),
        ],
        hint: "Một câu dài dễ nhớ thì tốt hơn một từ ngắn nhiều ký hiệu.",
        button: "Tạo tài khoản và bắt đầu làm việc",
        tick: None,
        other: None,
    }
    .answer()
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct FirstUser {
    name: String,
    password: String,
    again: String,
}

/// Makes the first account, an administrator, and logs him in.
pub async fn user_save(
    State(app): State<App>,
    wire: Option<Extension<Wire>>,
    Form(sent): Form<FirstUser>,
) -> Result<Response, HttpError> {
    admitted(&app, wire).await?;
    let name = sent.name.trim().to_owned();
    if sent.password != sent.again {
        return user_page(&app, &name, "Hai lần gõ mật khẩu khác nhau; hãy gõ lại.".to_owned()).await;
    }
    let typed = name.clone();
    let user = match app.hash(move || people::new_user(&typed, Role::Admin, &sent.password, false, now())).await {
        Ok(user) => user,
        Err(problem) => return user_page(&app, &name, problem.to_string()).await,
    };
    let made = app
        .door
        .call(move |store| {
            people::user_add(store, &user, true, Act { author: AUTHOR, now: now() })?;
            Ok::<_, PeopleError>(people::session_open(store, &user.name, now())?)
        })
        .await;
    match made {
        Ok(token) => {
            let cookie = app.session_cookie(Some(&token), false);
            Ok((AppendHeaders([(SET_COOKIE, cookie)]), Redirect::to("/")).into_response())
        }
        Err(PeopleError::Store(error)) => Err(error.into()),
        Err(PeopleError::NotFirst) => Ok(Redirect::to("/login").into_response()),
        Err(problem) => user_page(&app, &name, problem.to_string()).await,
    }
}

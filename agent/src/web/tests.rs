//! The pages as a browser gets them, over a real store in a temporary directory.

use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::http::header::{CONTENT_TYPE, COOKIE, HOST, LOCATION};
use axum::response::Response;
use motcua_shared::access::Role;
use motcua_shared::catalogue;
use motcua_shared::reference::{self, Snapshot};
use motcua_shared::step::StepKind;
use tower::ServiceExt;
use uuid::Uuid;

use super::*;
use crate::office;
use crate::people;
use crate::store::{Act, User};

mod compliance;
mod desk;
mod printing;
mod roles;
mod stale;

/// An office in its own directory, and somebody who is logged in at a browser on its PC.
pub(super) struct Desk {
    pub(super) app: App,
    cookie: String,
    data: tempfile::TempDir,
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) location: String,
    pub(super) media: String,
    pub(super) cookie: String,
    pub(super) text: String,
}

impl Desk {
    /// An office without any account yet.
    pub(super) fn founded() -> Desk {
        let data = tempfile::tempdir().expect("a directory");
        let (office, _) =
            office::found(data.path(), &office::Name { unit: "11089", name: "Xã Ngọc Kỳ", identifier: Some("000.11.57.H23") })
                .expect("an office");
        let key = office::office_key(data.path(), &office).expect("its key");
        let store = Store::open(data.path()).expect("its store");
        let app = App::new(data.path(), Door::new(store), key, Window::default());
        Desk { app, cookie: String::new(), data }
    }

    /// The same with somebody of this role logged in. No password is hashed for it.
    pub(super) fn with(role: Role) -> Desk {
        let desk = Desk::founded();
        desk.log_in("lan", role)
    }

    /// Adds somebody and logs him in at this browser, in place of whoever was.
    pub(super) fn log_in(self, name: &str, role: Role) -> Desk {
        let mut store = Store::open(self.data.path()).expect("its store");
        let password = "none".to_owned();
        let created_at = now().to_rfc3339();
        let user = User { name: name.to_owned(), role, password, must_change: false, disabled_at: None, created_at };
        store.user_add(&user, false, Act { author: "setup", now: now() }).expect("added");
        let token = people::session_open(&mut store, name, now()).expect("opened");
        let cookie = self.app.session_cookie(Some(&token), false);
        self.with_cookie(&cookie)
    }

    pub(super) fn new() -> Desk {
        Desk::with(Role::Leader)
    }

    /// The same browser with nobody logged in.
    pub(super) fn nobody(self) -> Desk {
        self.with_cookie("")
    }

    /// The same browser with a cookie that it was given.
    pub(super) fn with_cookie(mut self, cookie: &str) -> Desk {
        cookie.split(';').next().unwrap_or_default().clone_into(&mut self.cookie);
        self
    }

    pub(super) fn cookie(&self) -> &str {
        &self.cookie
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Answer {
        let response: Response = router(self.app.clone()).oneshot(request).await.expect("infallible");
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let (status, location, media) = (response.status().as_u16(), header(LOCATION), header(CONTENT_TYPE));
        assert!(header(axum::http::header::CONTENT_SECURITY_POLICY).starts_with("default-src 'none'"));
        let cookie = header(axum::http::header::SET_COOKIE);
        let bytes = to_bytes(response.into_body(), usize::MAX).await.expect("a body");
        Answer { status, location, media, cookie, text: String::from_utf8(bytes.to_vec()).expect("text") }
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.send(
            Request::get(path)
                .header(HOST, "127.0.0.1:7420")
                .header(COOKIE, &self.cookie)
                .body(Body::empty())
                .expect("a request"),
        )
        .await
    }

    pub(super) async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let encoded: Vec<String> = form.iter().map(|(name, value)| format!("{name}={}", percent(value))).collect();
        let request = Request::post(path)
            .header(HOST, "localhost:7420")
            .header(COOKIE, &self.cookie)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(encoded.join("&")));
        self.send(request.expect("a request")).await
    }

    pub(super) async fn receive(&self, name: &str) -> Answer {
        self.post("/dossiers", &reception(&Uuid::now_v7().to_string(), name)).await
    }

    /// Works by this catalogue from now on, as CSV.
    pub(super) async fn works_by(&self, procedures: &str) {
        let procedures = catalogue::procedures(procedures).expect("good");
        let snapshot = Snapshot { procedures, ..Snapshot::starter() };
        let json = serde_json::to_string(&snapshot).expect("plain data");
        let statement = reference::Statement {
            server_id: Uuid::nil(),
            epoch: Uuid::nil(),
            version: 1,
            hash: reference::hash(&json),
            published_at_ms: 0,
        };
        let signed = statement.sign(&ed25519_dalek::SigningKey::from_bytes(&[7; 32]));
        let opened = reference::Opened { statement, json, snapshot };
        let key = self.app.key.clone();
        let take = move |store: &mut Store| {
            let pen = Pen { author: "reference", now: now(), key: &key, salt: chance };
            store.reference_take(&opened, &signed, Uuid::nil(), &pen).expect("taken")
        };
        self.app.door.call(take).await;
    }

    /// Receives a dossier and gives the address of its page.
    pub(super) async fn received(&self) -> String {
        let answer = self.receive("Nguyễn Thị Thử").await;
        answer.location.split("/forms").next().expect("an address").to_owned()
    }

    pub(super) async fn step(&self, page: &str, kind: StepKind, seen: &str, form: &[(&str, &str)]) -> Answer {
        let mut form = form.to_vec();
        form.push(("seen", seen));
        self.post(&format!("{page}/steps/{}", kind.code()), &form).await
    }

    pub(super) async fn entries(&self) -> u64 {
        self.app.door.call(|store| store.head().expect("a head").seq).await
    }
}

pub(super) fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |encoded, byte| format!("{encoded}%{byte:02X}"))
}

pub(super) fn reception<'a>(id: &'a str, name: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("id", id),
        ("procedure", "2.000815"),
        ("channel", "in_person"),
        ("submitted_by", "citizen"),
        ("name", name),
        ("identity", "030200000001"),
        ("received_at", "09:00 20/11/2023"),
    ]
}

#[tokio::test]
async fn a_received_dossier_is_shown_with_its_number_and_listed() {
    let desk = Desk::new();
    let answer = desk.receive("Nguyễn Thị Thử").await;
    assert_eq!((answer.status, answer.location.as_str()), (303, "/dossiers/000.11.57.H23-231120-0001/forms/receipt?saved=yes"));
    let receipt = desk.get(&answer.location).await.text;
    let page = desk.get("/dossiers/000.11.57.H23-231120-0001").await.text;
    for part in ["Nguyễn Thị Thử", "17:00 20/11/2023", "030200000001"] {
        assert!(receipt.contains(part) && page.contains(part), "{part}");
    }
    assert!(receipt.contains("Đã lưu") && page.contains("QUÁ HẠN"));
    let list = desk.get("/dossiers?state=overdue").await.text;
    assert!(list.contains("Nguyễn Thị Thử") && list.contains("000.11.57.H23-231120-0001"));
    assert!(!desk.get("/dossiers?state=returned").await.text.contains("Nguyễn Thị Thử"));
}

#[tokio::test]
async fn the_same_form_twice_is_one_dossier_and_a_changed_one_is_not_taken_for_it() {
    let desk = Desk::new();
    let id = Uuid::now_v7().to_string();
    let first = desk.post("/dossiers", &reception(&id, "Nguyễn Thị Thử")).await;
    assert_eq!(desk.post("/dossiers", &reception(&id, "Nguyễn Thị Thử")).await.location, first.location);
    let changed = desk.post("/dossiers", &reception(&id, "Trần Văn Khác")).await;
    assert_eq!(changed.status, 422);
    assert!(changed.text.contains("Trần Văn Khác") && changed.text.contains("CHƯA lưu"));
    assert!(!changed.text.contains(&id), "the next try is a dossier of its own");
    assert_eq!(desk.entries().await, 1);
}

#[tokio::test]
async fn a_faulty_form_keeps_what_was_typed_and_shows_every_fault() {
    let desk = Desk::new();
    let answer = desk.post("/dossiers", &[("id", "x"), ("name", "  "), ("address", "Thôn \"1\""), ("phone", "abc")]).await;
    assert_eq!((answer.status, desk.entries().await), (422, 0));
    for part in ["hãy chọn thủ tục", "hãy ghi họ và tên", "số điện thoại gồm", "cần giờ và ngày", "Thôn &#34;1&#34;", "abc"]
    {
        assert!(answer.text.contains(part), "{part}");
    }
}

#[tokio::test]
async fn hostile_names_are_shown_as_text() {
    let desk = Desk::new();
    let answer = desk.receive("<script>alert(1)</script>\"'&").await;
    for page in [answer.location.as_str(), "/"] {
        let text = desk.get(page).await.text;
        assert!(text.contains("&#60;script&#62;") && !text.contains("<script>"), "{page}");
    }
}

#[tokio::test]
async fn a_life_from_reception_to_return_with_only_what_is_allowed() {
    let desk = Desk::new();
    let page = desk.received().await;
    let asked = desk.step(&page, StepKind::SupplementRequested, "1", &[("note", "thiếu <bản sao>")]).await;
    assert_eq!(asked.status, 303);
    let shown = desk.get(&page).await.text;
    assert!(shown.contains("chờ bổ sung") && shown.contains("thiếu &#60;bản sao&#62;") && shown.contains("Đã bổ sung đủ"));
    assert!(!shown.contains("/steps/returned"), "nothing to return yet");
    assert_eq!(desk.step(&page, StepKind::Supplemented, "2", &[]).await.status, 303);
    assert_eq!(desk.step(&page, StepKind::Finished, "3", &[("outcome", "granted")]).await.status, 303);
    assert_eq!(desk.step(&page, StepKind::Returned, "4", &[]).await.status, 303);
    assert!(desk.get(&page).await.text.contains("đã trả kết quả"));
    assert_eq!(desk.entries().await, 5);
}

#[tokio::test]
async fn a_petition_is_due_once_it_is_accepted_for_settlement() {
    let desk = Desk::new();
    let id = Uuid::now_v7().to_string();
    let mut form = reception(&id, "Nguyễn Thị Thử");
    form[1].1 = "2.002409";
    let page = desk.post("/dossiers", &form).await.location.split("/forms").next().expect("an address").to_owned();
    let shown = desk.get(&page).await.text;
    assert!(shown.contains("30 ngày từ khi thụ lý (chưa thụ lý)") && shown.contains("/steps/accepted"), "{shown}");
    assert!(!shown.contains("/steps/extended") && !shown.contains("QUÁ HẠN"), "nothing to put off");
    let refused = desk.step(&page, StepKind::Extended, "1", &[("due_at", "25/11/2026"), ("note", "chờ")]).await;
    assert!(refused.status == 409 && refused.text.contains("Đơn chưa thụ lý"), "{}", refused.text);
    assert_eq!(desk.step(&page, StepKind::Accepted, "1", &[("at", "10:00 22/11/2023")]).await.status, 303);
    let shown = desk.get(&page).await.text;
    assert!(shown.contains("17:00 22/12/2023") && shown.contains("30 ngày từ khi thụ lý, 10:00 22/11/2023"), "{shown}");
    assert!(!shown.contains("/steps/accepted"), "once");
    let code = page.rsplit('/').next().expect("a code");
    let told: serde_json::Value = serde_json::from_str(&desk.get(&format!("/api/v1/dossiers/{code}")).await.text).expect("JSON");
    assert_eq!(
        (&told["accepted_at"], &told["due_at"]),
        (&"2023-11-22T10:00:00+07:00".into(), &"2023-12-22T17:00:00+07:00".into())
    );
}

#[tokio::test]
async fn a_dossier_goes_away_and_comes_back_is_paid_listed_judged_and_handed_over() {
    let desk = Desk::new();
    let page = desk.received().await;
    let sent = [("to", "Công chức tư pháp"), ("holder", "officer"), ("due_at", "15:00 21/11/2023"), ("at", "09:30 20/11/2023")];
    assert_eq!(desk.step(&page, StepKind::Transferred, "1", &sent).await.status, 303);
    assert!(
        desk.get(&page).await.text.contains("Công chức tư pháp từ 09:30 20/11/2023, hạn của bước này 15:00 21/11/2023, QUÁ HẠN")
    );
    assert_eq!(desk.step(&page, StepKind::CameBack, "2", &[("at", "10:00 20/11/2023")]).await.status, 303);
    assert_eq!(desk.step(&page, StepKind::PaymentRequested, "3", &[("amount_vnd", "8.000")]).await.status, 303);
    assert!(desk.get(&page).await.text.contains("đang chờ nộp"));
    assert_eq!(desk.step(&page, StepKind::Paid, "4", &[("amount_vnd", "8.000"), ("online", "yes")]).await.status, 303);
    assert_eq!(desk.step(&page, StepKind::Papers, "5", &[("papers", "Tờ khai\nCăn cước, bản sao, số hóa")]).await.status, 303);
    let copies = [("document", "copy"), ("quantity", "5"), ("at", "11:00 20/11/2023")];
    let counted = |store: &mut Store| store.certifications().expect("counted").list();
    assert!(desk.app.door.call(counted).await.is_empty());
    assert_eq!(desk.step(&page, StepKind::Certified, "6", &copies).await.status, 303);
    let counts = desk.app.door.call(counted).await;
    assert_eq!(counts.iter().map(|count| (count.year, count.certified)).collect::<Vec<_>>(), [(2023, 5)]);
    let late = desk.step(&page, StepKind::Extended, "7", &[("due_at", "25/11/2026"), ("note", "chờ xác minh")]).await;
    assert!(late.status == 409 && late.text.contains("chậm nhất 1 ngày trước ngày hẹn"), "{}", late.text);
    let early = desk.step(&page, StepKind::Surveyed, "7", &[("q1", "2")]).await;
    assert!(early.status == 409 && early.text.contains("chỉ trả lời được khi đã có kết quả"));
    assert_eq!(desk.step(&page, StepKind::Finished, "7", &[("outcome", "granted")]).await.status, 303);
    assert_eq!(desk.step(&page, StepKind::Returned, "8", &[("way", "post"), ("receiver", "authorised")]).await.status, 303);
    assert_eq!(desk.step(&page, StepKind::Surveyed, "9", &[("q1", "2"), ("q7", "0")]).await.status, 303);
    assert_eq!(desk.step(&page, StepKind::NumberedOutside, "10", &[("code", "H23.17-231120-0009")]).await.status, 303);
    let code = page.rsplit('/').next().expect("a code");
    let shown: serde_json::Value = serde_json::from_str(&desk.get(&format!("/api/v1/dossiers/{code}")).await.text).expect("JSON");
    let expected = serde_json::json!({
        "external_code": "H23.17-231120-0009", "return_way": "post", "return_receiver": "authorised", "submitted_by": "citizen",
        "payment": {"standing": "paid_online", "fee_vnd": 2000, "paid_vnd": 8000}, "answers": [2, null, null, null, null, null, 0, null, null],
        "digitised": {"components": "some", "result": false}, "state": "returned",
        "papers": [{"kind": "original", "quantity": 1, "digital": "no"}, {"kind": "copy", "quantity": 1, "digital": "digitised"}],
    });
    for (key, value) in expected.as_object().expect("keys") {
        assert_eq!(shown.get(key), Some(value), "{key}");
    }
    assert_eq!(shown["stays"][0]["ended_at"], "2023-11-20T10:00:00+07:00");
    assert!(desk.get(&page).await.text.contains("Tờ khai; Căn cước"), "the clerk reads the names of the papers");
}

#[tokio::test]
async fn a_request_that_is_not_accepted_gets_a_slip_with_its_reason_and_counts_nowhere() {
    let desk = Desk::new();
    let id = Uuid::now_v7().to_string();
    let form = [reception(&id, "Nguyễn Thị Thử"), vec![("answer", "declined")]].concat();
    let bare = desk.post("/dossiers", &form).await;
    assert!(bare.status == 422 && bare.text.contains("hãy chọn lý do chưa tiếp nhận"), "{}", bare.text);
    let form = [form, vec![("lack", "wrong_agency"), ("lack_note", "thuộc huyện")]].concat();
    let saved = desk.post("/dossiers", &form).await;
    assert_eq!(saved.location, "/dossiers/000.11.57.H23-231120-0001/forms/refusal?saved=yes");
    assert_eq!(desk.post("/dossiers", &form).await.location, saved.location, "twice is once");
    let page = desk.get("/dossiers/000.11.57.H23-231120-0001").await.text;
    for part in ["từ chối tiếp nhận", "Không thuộc thẩm quyền", "thuộc huyện", "Nguyễn Thị Thử", "tiếp nhận thành hồ sơ mới"]
    {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("/steps/finished"), "nothing to finish");
    assert!(desk.get("/dossiers?state=declined").await.text.contains("231120-0001"));
    let report = desk.get("/api/v1/reports/ii06?from=2023-01-01&to=2023-12-31").await.text;
    assert!(report.contains(r#""total":{"received":{"total":0"#), "{report}");
    assert_eq!(desk.receive("Trần Văn Thử").await.location, "/dossiers/000.11.57.H23-231120-0002/forms/receipt?saved=yes");
}

#[tokio::test]
async fn a_refused_step_says_why_and_saves_nothing() {
    let desk = Desk::new();
    let page = desk.received().await;
    let refused = desk.step(&page, StepKind::Returned, "1", &[]).await;
    assert_eq!((refused.status, desk.entries().await), (409, 1));
    assert!(refused.text.contains("Hồ sơ đang ở trạng thái “đang giải quyết” nên không làm được bước này."));
    let early = desk.step(&page, StepKind::Finished, "1", &[("outcome", "granted"), ("at", "08:00 20/11/2023")]).await;
    assert!(early.status == 409 && early.text.contains("sớm hơn bước trước"));
    let unconfirmed = desk.step(&page, StepKind::Voided, "1", &[("note", "nhầm")]).await;
    assert!(unconfirmed.status == 422 && unconfirmed.text.contains("đánh dấu để xác nhận") && unconfirmed.text.contains("nhầm"));
    assert_eq!(desk.entries().await, 1);
}

#[tokio::test]
async fn a_button_pressed_twice_saves_once_and_a_stale_page_saves_nothing() {
    let desk = Desk::new();
    let page = desk.received().await;
    let paid = [("amount_vnd", "2.000")];
    assert_eq!(desk.step(&page, StepKind::Paid, "1", &paid).await.status, 303);
    assert_eq!(desk.step(&page, StepKind::Paid, "1", &paid).await.status, 303);
    assert_eq!(desk.entries().await, 2);
    let stale = desk.step(&page, StepKind::Paid, "1", &[("amount_vnd", "4.000")]).await;
    assert!(stale.status == 409 && stale.text.contains("Hồ sơ đã thay đổi từ khi mở trang này"));
    assert_eq!(desk.entries().await, 2);
}

#[tokio::test]
async fn every_described_address_answers_and_names_no_person() {
    let desk = Desk::new();
    let page = desk.received().await;
    let code = page.rsplit('/').next().expect("a code");
    let description: serde_json::Value = serde_json::from_str(include_str!("openapi.json")).expect("JSON");
    for path in description["paths"].as_object().expect("paths").keys() {
        let path = path.replace("{code}", code) + "?from=2023-01-01&to=2023-12-31";
        let answer = desk.get(&path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(!answer.text.contains("Thử") && !answer.text.contains("030200000001"), "{path}");
    }
    let shown: serde_json::Value = serde_json::from_str(&desk.get(&format!("/api/v1/dossiers/{code}")).await.text).expect("JSON");
    for schema in ["Dossier", "DossierShown"] {
        let described = &description["components"]["schemas"][schema]["required"];
        for key in described.as_array().expect("keys") {
            assert!(shown.get(key.as_str().expect("a key")).is_some(), "{key}");
        }
    }
}

#[tokio::test]
async fn faults_are_problem_documents_for_programs_and_pages_for_people() {
    let desk = Desk::new();
    let cases = [
        ("/api/v1/dossiers?from=hom-nay", 400),
        ("/api/v1/reports/ii06", 400),
        ("/api/v1/reports/ii06?from=2024-01-02&to=2024-01-01", 400),
        ("/api/v1/dossiers/X-1", 404),
        ("/api/v2", 404),
        ("/dossiers/X-1", 404),
        ("/nowhere", 404),
        ("/dossiers?state=none", 400),
        ("/?page=0", 400),
        ("/?list=none", 400),
        ("/several?act=finished", 400),
        ("/several?act=voided&pick=X", 400),
        ("/reports/ii06?from=x&to=y", 400),
        ("/reports/ii06.csv?from=x", 400),
    ];
    for (path, status) in cases {
        let answer = desk.get(path).await;
        let media = if path.starts_with("/api/") { "application/problem+json" } else { "text/html; charset=utf-8" };
        assert_eq!((answer.status, answer.media.as_str()), (status, media), "{path}");
    }
    assert_eq!(desk.post("/", &[]).await.status, 405);
    assert!(desk.post("/", &[]).await.text.contains("Địa chỉ này không nhận"));
}

#[tokio::test]
async fn pages_say_how_the_sync_stands() {
    let desk = Desk::new();
    for path in ["/", "/dossiers/new", "/reports/ii06", "/sync", "/nowhere"] {
        assert!(desk.get(path).await.text.contains("Chưa đăng ký với huyện"), "{path}");
    }
    let answer = desk.post("/sync", &[]).await;
    assert!(answer.status == 409 && answer.text.contains("chưa đăng ký với huyện"));
}

#[tokio::test]
async fn a_doubted_clock_gives_no_dossier_its_date_before_somebody_looked_at_the_calendar() {
    let desk = Desk::new();
    let warning = "Đồng hồ của máy có thể sai";
    assert!(!desk.get("/dossiers/new").await.text.contains(warning));
    let off = motcua_shared::clock::Measure { offset_ms: -3 * 86_400_000, error_ms: 20, at: now() };
    desk.app.door.call(move |store| store.clock_measure(off).expect("kept")).await;
    for page in ["/dossiers/new", "/sync"] {
        let shown = desk.get(page).await.text;
        assert!(shown.contains(warning) && shown.contains("lệch 3 ngày"), "{page}: {shown}");
    }
    let id = Uuid::now_v7().to_string();
    let day = |ahead: i64| (now() - chrono::Duration::days(ahead)).format("%d/%m/%Y").to_string();
    let typed = |today: String| [reception(&id, "Nguyễn Thị Thử"), vec![("today", today.leak() as &str)]].concat();
    for (today, fault) in [(String::new(), "gõ ngày hôm nay"), (day(3), "khác ngày vừa gõ")] {
        let answer = desk.post("/dossiers", &typed(today)).await;
        assert!(answer.status == 422 && answer.text.contains(fault) && answer.text.contains("Nguyễn Thị Thử"), "{}", answer.text);
    }
    assert_eq!(desk.entries().await, 0);
    assert_eq!(desk.post("/dossiers", &typed(day(0))).await.status, 303);
    assert_eq!(desk.receive("Trần Văn Thử").await.status, 303, "asked once a day");
    let all = |store: &mut Store| store.entries_from(store.office().expect("an office").stream, 1, |_, _| false).expect("read");
    let entries = desk.app.door.call(all).await;
    assert!(entries.iter().all(|entry| entry.body.contains(r#""clock":{"offset_ms":-259200000,"age_s":"#)), "{entries:?}");
}

#[tokio::test]
async fn other_hosts_and_other_sites_are_refused_without_a_look_inside() {
    let desk = Desk::new();
    let rebound = Request::get("/").header(HOST, "evil.example").body(Body::empty()).expect("a request");
    let answer = desk.send(rebound).await;
    assert!(answer.status == 421 && !answer.text.contains("Ngọc Kỳ"));
    let nameless = Request::get("/").body(Body::empty()).expect("a request");
    assert_eq!(desk.send(nameless).await.status, 421);
    let crossing = Request::post("/sync").header(HOST, "localhost").header("origin", "http://evil.example").body(Body::empty());
    assert_eq!(desk.send(crossing.expect("a request")).await.status, 403);
}

#[test]
fn an_address_open_to_the_network_is_refused() {
    let message = only_this_pc("0.0.0.0:7420".parse().expect("an address")).expect_err("refused").to_string();
    assert!(message.contains("không mã hóa"), "{message}");
    only_this_pc("[::1]:7420".parse().expect("an address")).expect("this PC");
}

#[tokio::test]
async fn sheet_and_script_are_ours_and_the_line_at_the_top_is_kept_fresh() {
    let desk = Desk::new();
    let page = desk.get("/").await.text;
    for part in ["/style.css?v=", "/app.js?v=", "data-poll=\"/sync/line\"", "accesskey=\"n\""] {
        assert!(page.contains(part), "{part}");
    }
    assert!(desk.get("/style.css").await.media.starts_with("text/css"));
    assert!(desk.get("/app.js").await.media.starts_with("text/javascript"));
    let line: serde_json::Value = serde_json::from_str(&desk.get("/sync/line").await.text).expect("JSON");
    assert_eq!((line["sentence"].as_str(), line["all_sent"].as_bool()), (Some("Chưa đăng ký với huyện"), Some(false)));
    assert!(line["todo"].as_str().is_some_and(|todo| todo.contains("xin huyện mã đăng ký")), "{line}");
}

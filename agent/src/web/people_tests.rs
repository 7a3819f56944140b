//! Who sees and does what: log-in, roles, forms of another person, the first account.

use axum::body::Body;
use axum::http::Request;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, ORIGIN};
use data_encoding::BASE64;
use motcua_shared::access::{Role, TRIES};
use uuid::Uuid;

use super::tests::{Answer, Desk, percent, reception};
use super::*;
use crate::people;
use crate::store::Act;

const PASSWORD: &str = "mật khẩu đủ dài";

impl Desk {
    /// Adds somebody with a real password.
    async fn add(&self, name: &'static str, role: Role) {
        let user = people::new_user(name, role, PASSWORD, false, now()).expect("sound");
        let add = move |store: &mut Store| people::user_add(store, &user, false, Act { author: "setup", now: now() });
        self.app.door.call(add).await.expect("added");
    }

    async fn try_log_in(&self, name: &str, password: &str) -> Answer {
        self.post("/login", &[("name", name), ("password", password)]).await
    }

    async fn authors(&self) -> Vec<String> {
        let all = |store: &mut Store| store.entries_from(store.office().expect("an office").stream, 1, |_, _| false);
        let entries = self.app.door.call(all).await.expect("read");
        let author = |body: &str| serde_json::from_str::<serde_json::Value>(body).expect("JSON")["author"].clone();
        entries.iter().map(|entry| author(&entry.body).as_str().unwrap_or_default().to_owned()).collect()
    }
}

#[tokio::test]
async fn whoever_is_not_logged_in_is_sent_to_the_log_in_and_back_to_what_was_wanted() {
    let desk = Desk::new().nobody();
    for (path, next) in [("/", "/login"), ("/reports/ii06?from=x", "/login?next=%2Freports%2Fii06%3Ffrom%3Dx")] {
        let answer = desk.get(path).await;
        assert_eq!((answer.status, answer.location.as_str()), (303, next));
    }
    desk.add("hoa", Role::Clerk).await;
    let form = [("name", "hoa"), ("password", PASSWORD), ("next", "/reports/ii06?from=x")];
    assert_eq!(desk.post("/login", &form).await.location, "/reports/ii06?from=x");
    let form = [("name", "hoa"), ("password", PASSWORD), ("next", "//evil.example")];
    assert_eq!(desk.post("/login", &form).await.location, "/");
}

#[tokio::test]
async fn what_is_done_is_in_the_log_under_its_author() {
    let desk = Desk::new();
    let page = desk.received().await;
    assert_eq!(desk.step(&page, motcua_shared::step::StepKind::SupplementRequested, "1", &[("note", "thiếu")]).await.status, 303);
    let desk = desk.log_in("hoa", Role::Clerk);
    assert_eq!(desk.step(&page, motcua_shared::step::StepKind::Supplemented, "2", &[]).await.status, 303);
    assert_eq!(desk.authors().await, ["lan", "lan", "hoa"]);
    assert!(desk.get(&page).await.text.contains("hoa"));
}

#[tokio::test]
async fn a_wrong_password_keeps_the_name_and_the_fifth_locks_it() {
    let desk = Desk::new().nobody();
    desk.add("hoa", Role::Clerk).await;
    for _ in 1..TRIES {
        let answer = desk.try_log_in("hoa", "sai").await;
        assert!(answer.status == 401 && answer.text.contains("không đúng") && answer.text.contains("value=\"hoa\""));
    }
    assert_eq!(desk.try_log_in("hoa", "sai").await.status, 429);
    let answer = desk.try_log_in("hoa", PASSWORD).await;
    assert!(answer.status == 429 && answer.text.contains("tạm khóa đến"), "{}", answer.text);
}

#[tokio::test]
async fn a_session_lives_in_a_cookie_that_scripts_and_other_sites_do_not_get_and_ends_with_the_log_out() {
    let desk = Desk::new().nobody();
    desk.add("hoa", Role::Clerk).await;
    let answer = desk.try_log_in("hoa", PASSWORD).await;
    assert!(answer.cookie.contains("; HttpOnly; SameSite=Strict") && !answer.cookie.contains("Secure"), "{}", answer.cookie);
    let desk = desk.with_cookie(&answer.cookie);
    assert_eq!(desk.get("/").await.status, 200);
    let out = desk.post("/logout", &[]).await;
    assert!(out.location == "/login" && out.cookie.contains("Max-Age=0"));
    assert_eq!(desk.get("/").await.location, "/login", "the cookie is worth nothing any more");
}

#[tokio::test]
async fn a_page_that_one_left_open_is_not_saved_under_the_name_of_the_next_and_nothing_typed_is_lost() {
    let desk = Desk::new();
    assert!(desk.get("/dossiers/new").await.text.contains("name=\"viewer\" value=\"lan\""));
    let id = Uuid::now_v7().to_string();
    let form = [reception(&id, "Nguyễn <b>Thử"), vec![("viewer", "lan")]].concat();
    let desk = desk.log_in("hoa", Role::Clerk);
    let answer = desk.post("/dossiers", &form).await;
    assert_eq!((answer.status, desk.entries().await), (409, 0));
    for part in ["lan", "Nguyễn &#60;b&#62;Thử", "Lưu dưới tên hoa", "action=\"/dossiers\"", "lan đăng nhập lại"] {
        assert!(answer.text.contains(part), "{part}: {}", answer.text);
    }
    let again = [reception(&id, "Nguyễn <b>Thử"), vec![("viewer", "hoa")]].concat();
    assert_eq!(desk.post("/dossiers", &again).await.status, 303);
    assert_eq!(desk.authors().await, ["hoa"]);
}

#[tokio::test]
async fn what_was_typed_when_the_session_ended_is_there_after_the_next_log_in() {
    let desk = Desk::new().nobody();
    desk.add("hoa", Role::Clerk).await;
    let id = Uuid::now_v7().to_string();
    let form = [reception(&id, "Nguyễn Thị Thử"), vec![("viewer", "hoa")]].concat();
    let answer = desk.post("/dossiers", &form).await;
    assert!(answer.status == 401 && answer.text.contains("Phiên làm việc đã hết"), "{}", answer.text);
    let raw = form.iter().map(|(name, value)| format!("{name}={}", percent(value))).collect::<Vec<_>>().join("&");
    assert!(answer.text.contains("name=\"kept_to\" value=\"/dossiers\""), "{}", answer.text);
    let login = [("name", "hoa"), ("password", PASSWORD), ("kept_to", "/dossiers"), ("kept_form", &raw)];
    let kept = desk.post("/login", &login).await;
    assert!(kept.status == 200 && kept.text.contains("Nguyễn Thị Thử") && kept.text.contains("Lưu dưới tên hoa"));
    let desk = desk.with_cookie(&kept.cookie);
    assert_eq!(desk.post("/dossiers", &form).await.status, 303);
    assert_eq!(desk.authors().await, ["hoa"]);
}

#[tokio::test]
async fn the_api_wants_a_session_a_password_or_a_token_as_soon_as_there_is_an_account() {
    let desk = Desk::founded();
    assert_eq!(desk.get("/api/v1/status").await.status, 200, "scripts on this PC before the first account");
    assert_eq!(desk.get("/").await.location, "/setup");
    desk.add("hoa", Role::Clerk).await;
    let refused = desk.get("/api/v1/status").await;
    assert_eq!((refused.status, refused.media.as_str()), (401, "application/problem+json"));
    assert_eq!(desk.get("/healthz").await.status, 200);
    let token = desk
        .app
        .door
        .call(|store| people::token_create(store, "script", Role::Clerk, Act { author: "setup", now: now() }))
        .await
        .expect("made");
    let basic = |name: &str, password: &str| format!("Basic {}", BASE64.encode(format!("{name}:{password}").as_bytes()));
    let cases = [
        (format!("Bearer {token}"), 200),
        ("Bearer other".to_owned(), 401),
        (basic("hoa", PASSWORD), 200),
        (basic("hoa", "sai"), 401),
        ("Basic !".to_owned(), 401),
        (format!("Digest {token}"), 401),
    ];
    for (shown, status) in cases {
        let request = Request::get("/api/v1/status").header(HOST, "localhost").header(AUTHORIZATION, &shown).body(Body::empty());
        assert_eq!(desk.send(request.expect("a request")).await.status, status, "{shown}");
    }
}

#[tokio::test]
async fn the_first_account_is_made_once_and_only_by_a_page_of_ours() {
    let desk = Desk::founded();
    let form = desk.get("/setup/user").await;
    assert!(form.status == 200 && form.text.contains("Xã Ngọc Kỳ"));
    let crossing = Request::post("/setup/user")
        .header(HOST, "localhost")
        .header(ORIGIN, "http://evil.example")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from("name=evil&password=0123456789&again=0123456789"));
    assert_eq!(desk.send(crossing.expect("a request")).await.status, 403);
    let typed = |name, again| [("name", name), ("password", PASSWORD), ("again", again)];
    for (form, fault) in [
        (typed("<script>", PASSWORD), "Tên đăng nhập chỉ gồm"),
        (typed("lan", "khác"), "hai lần"),
        (typed("counter", PASSWORD), "dành cho chương trình"),
    ] {
        let answer = desk.post("/setup/user", &form).await;
        assert!(answer.status == 422 && answer.text.to_lowercase().contains(&fault.to_lowercase()), "{}", answer.text);
        assert!(!answer.text.contains("<script>"));
    }
    let made = desk.post("/setup/user", &typed("lan", PASSWORD)).await;
    assert_eq!((made.status, made.location.as_str()), (303, "/"));
    assert_eq!(desk.get("/setup").await.location, "/");
    assert_eq!(desk.post("/setup/user", &typed("evil", PASSWORD)).await.status, 403);
    let desk = desk.with_cookie(&made.cookie);
    assert!(desk.get("/").await.text.contains("lan"));
}

#[tokio::test]
async fn a_disabled_person_is_out_at_once_and_what_he_did_stays() {
    let desk = Desk::new();
    let page = desk.received().await;
    desk.app.door.call(|store| store.user_disable("lan", true, Act { author: "setup", now: now() })).await.expect("written");
    assert_eq!(desk.get("/").await.location, "/login");
    let desk = desk.log_in("hoa", Role::Clerk);
    assert!(desk.get(&page).await.text.contains("lan"), "the history names its author");
    assert_eq!(desk.authors().await, ["lan"]);
}

#[tokio::test]
async fn another_roles_page_is_a_403_with_words_and_its_forms_do_nothing() {
    for role in [Role::Clerk, Role::Leader] {
        let desk = Desk::with(role);
        let page = desk.get("/people").await;
        assert_eq!((page.status, page.media.as_str()), (403, "text/html; charset=utf-8"));
        for part in ["không thuộc quyền của lan", "Dành cho: quản trị", "Xã Ngọc Kỳ"] {
            assert!(page.text.contains(part), "{part}: {}", page.text);
        }
        assert!(!desk.get("/").await.text.contains("/people"), "no link to where he may not go");
        let forms: [(&str, &[(&str, &str)]); 5] = [
            ("/people", &[("name", "evil"), ("role", "admin")]),
            ("/people/lan/role", &[("role", "admin")]),
            ("/people/lan/disable", &[]),
            ("/people/lan/enable", &[]),
            ("/people/lan/password", &[]),
        ];
        for (path, form) in forms {
            assert_eq!(desk.post(path, form).await.status, 403, "{path}");
        }
        let acts = desk.app.door.call(|store| store.user_acts(10)).await.expect("read");
        assert_eq!(acts.len(), 1, "{acts:?}");
    }
}

/// The password that a page shows once.
fn shown_password(page: &str) -> String {
    let (_, after) = page.split_once("<b class=\"code\">").expect("a password");
    after.split('<').next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn an_administrator_adds_somebody_who_has_to_choose_a_password_of_his_own_first() {
    let desk = Desk::with(Role::Admin);
    let added = desk.post("/people", &[("name", "hoa"), ("role", "clerk")]).await;
    let password = shown_password(&added.text);
    assert!(!desk.get("/people").await.text.contains(&password), "shown once");
    let desk = desk.nobody();
    let in_ = desk.try_log_in("hoa", &password).await;
    assert_eq!(in_.location, "/password");
    let desk = desk.with_cookie(&in_.cookie);
    assert_eq!(desk.get("/dossiers/new").await.location, "/password", "nothing else before that");
    let form = |now: &'static str, new: &'static str, again: &'static str| {
        [("password_now", now), ("password", new), ("password_again", again)]
    };
    let given: &'static str = password.leak();
    for (form, fault) in [
        (form("sai", PASSWORD, PASSWORD), "đang dùng không đúng"),
        (form(given, PASSWORD, "khác"), "khác nhau"),
        (form(given, given, given), "phải khác"),
        (form(given, "ngắn", "ngắn"), "ít nhất 10"),
    ] {
        let answer = desk.post("/password", &form).await;
        assert!(answer.status == 422 && answer.text.contains(fault), "{fault}: {}", answer.text);
    }
    let changed = desk.post("/password", &form(given, PASSWORD, PASSWORD)).await;
    assert_eq!(changed.location, "/");
    assert_eq!(desk.get("/dossiers/new").await.location, "/login?next=%2Fdossiers%2Fnew", "the other session has ended");
    let desk = desk.with_cookie(&changed.cookie);
    assert_eq!(desk.get("/dossiers/new").await.status, 200);
}

#[tokio::test]
async fn an_administrator_changes_roles_disables_and_resets_and_all_is_written_down() {
    let desk = Desk::with(Role::Admin);
    desk.add("hoa", Role::Clerk).await;
    let refused = desk.post("/people/lan/disable", &[]).await;
    assert!(refused.status == 409 && refused.text.contains("ít nhất một người quản trị"), "{}", refused.text);
    assert!(desk.post("/people/hoa/role", &[("role", "leader")]).await.text.contains("lãnh đạo"));
    assert!(desk.post("/people/hoa/disable", &[]).await.text.contains("Đã ngừng tài khoản hoa"));
    let denied = desk.try_log_in("hoa", PASSWORD).await;
    assert!(denied.status == 401 && denied.text.contains("ngừng sử dụng"));
    assert_eq!(desk.post("/people/hoa/enable", &[]).await.status, 200);
    let password = shown_password(&desk.post("/people/hoa/password", &[]).await.text);
    assert_eq!(desk.try_log_in("hoa", PASSWORD).await.status, 401);
    assert_eq!(desk.try_log_in("hoa", &password).await.location, "/password");
    let desk = desk.log_in("quan.tri", Role::Admin);
    let page = desk.get("/people").await.text;
    for part in ["đổi vai trò của hoa thành lãnh đạo", "ngừng hoa", "mở lại hoa", "đặt mật khẩu của hoa", "(lan)"]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert_eq!(desk.post("/people/nobody/disable", &[]).await.status, 409);
    assert_eq!(desk.post("/people/hoa/role", &[("role", "king")]).await.status, 400);
}

#[tokio::test]
async fn hostile_names_and_foreign_sites_get_nowhere_with_any_form_of_accounts() {
    let desk = Desk::with(Role::Admin);
    let hostile = "<script>alert(1)</script>\"'&";
    let path = format!("/people/{}/disable", percent(hostile));
    let answers = [
        desk.post("/people", &[("name", hostile), ("role", "clerk")]).await,
        desk.post("/people", &[("name", "hoa"), ("role", hostile)]).await,
        desk.post(&path, &[]).await,
        desk.post("/login", &[("name", hostile), ("password", hostile), ("next", hostile), ("kept_to", hostile)]).await,
        desk.post("/login", &[("name", "x"), ("kept_to", "/dossiers"), ("kept_form", hostile)]).await,
        desk.post("/dossiers", &[("viewer", hostile), ("name", hostile)]).await,
        desk.post("/password", &[("password_now", hostile), ("password", hostile), ("password_again", hostile)]).await,
        desk.get(&format!("/login?next={}", percent(hostile))).await,
    ];
    for answer in &answers {
        assert!(!answer.text.contains("<script>alert") && !answer.text.contains("\"'&"), "{}", answer.text);
    }
    let forms = ["/login", "/logout", "/password", "/people", "/people/lan/disable", "/people/lan/password", "/setup/user"];
    for path in forms {
        for (name, value) in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site"), ("origin", "null")] {
            let request = Request::post(path)
                .header(HOST, "localhost")
                .header(axum::http::header::COOKIE, desk.cookie())
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .header(name, value)
                .body(Body::from("name=lan&role=admin&password=0123456789"));
            assert_eq!(desk.send(request.expect("a request")).await.status, 403, "{path} {name}: {value}");
        }
    }
    assert_eq!(desk.get("/people").await.status, 200, "nothing happened to the session");
}

#[tokio::test]
async fn a_leader_sees_who_recorded_how_much_and_nobody_else_does() {
    let desk = Desk::with(Role::Clerk);
    desk.received().await;
    desk.received().await;
    assert_eq!(desk.get("/workload").await.status, 403);
    let desk = desk.log_in("quan.tri", Role::Admin);
    assert_eq!(desk.get("/workload").await.status, 403);
    let desk = desk.log_in("hai", Role::Leader);
    desk.received().await;
    let page = desk.get("/workload").await.text;
    assert!(page.contains("<th scope=\"row\">quan.tri</th><td>quản trị"), "{page}");
    let shares: Vec<&str> = page.split("<tr><th scope=\"row\">").skip(1).collect();
    let cells = |share: &str| share.matches("<td class=\"number\">").count();
    assert_eq!((shares.len(), cells(shares[0])), (3, 6));
    assert!(
        shares[0].starts_with("hai") && shares[0].contains(">1<") && shares[1].starts_with("lan") && shares[1].contains(">2<")
    );
}

//! The set-up as a browser on this PC sees it, from an empty directory to the first account.

use std::path::PathBuf;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::http::header::{CONTENT_TYPE, COOKIE, HOST, LOCATION, SET_COOKIE};
use tower::ServiceExt;

use super::tests::percent;
use super::*;
use crate::first_run::{ASKED_GROUPS, Pending};
use crate::{backup, office, store};

/// A PC with a directory for its data, and the program as it was started last.
struct Pc {
    data: tempfile::TempDir,
    front: Front,
}

struct Seen {
    status: u16,
    location: String,
    cookie: String,
    text: String,
}

impl Pc {
    fn new() -> Pc {
        let data = tempfile::tempdir().expect("a directory");
        let front = Front::open(data.path(), Window::default(), None).expect("opened");
        Pc { data, front }
    }

    /// The power goes and comes back.
    fn again(self) -> Pc {
        let front = Front::open(self.data.path(), Window::default(), None).expect("opened");
        Pc { data: self.data, front }
    }

    async fn send(&self, request: Request<Body>) -> Seen {
        let response = self.front.router().oneshot(request).await.expect("infallible");
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let (status, location, cookie) = (response.status().as_u16(), header(LOCATION), header(SET_COOKIE));
        assert!(header(axum::http::header::CONTENT_SECURITY_POLICY).starts_with("default-src 'none'"));
        let bytes = to_bytes(response.into_body(), usize::MAX).await.expect("a body");
        Seen { status, location, cookie, text: String::from_utf8(bytes.to_vec()).expect("text") }
    }

    async fn get(&self, path: &str) -> Seen {
        self.send(Request::get(path).header(HOST, "127.0.0.1:7420").body(Body::empty()).expect("a request")).await
    }

    async fn post_from(&self, origin: &str, path: &str, form: &[(&str, &str)]) -> Seen {
        let encoded: Vec<String> = form.iter().map(|(name, value)| format!("{name}={}", percent(value))).collect();
        let request = Request::post(path)
            .header(HOST, "127.0.0.1:7420")
            .header("origin", origin)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(encoded.join("&")));
        self.send(request.expect("a request")).await
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Seen {
        self.post_from("http://127.0.0.1:7420", path, form).await
    }

    fn key(&self) -> String {
        Pending::read(self.data.path()).expect("begun").recovery_key
    }

    async fn confirm(&self, key: &str) -> Seen {
        let groups: Vec<&str> = key.split('-').collect();
        let [first, second] = ASKED_GROUPS.map(|number| groups[number - 1]);
        self.post("/setup/key", &[("first", first), ("second", second)]).await
    }

    async fn first_user(&self, name: &str) -> Seen {
        let password = "mật khẩu đủ dài";
        self.post("/setup/user", &[("name", name), ("password", password), ("again", password)]).await
    }
}

const NGOC_KY: [(&str, &str); 3] = [("unit", "11089"), ("name", "Xã <b>Ngọc Kỳ</b>"), ("identifier", "000.11.57.H23")];

#[tokio::test]
async fn an_empty_directory_becomes_an_office_with_its_first_account_whenever_the_power_goes() {
    let pc = Pc::new();
    for path in ["/", "/dossiers/new", "/people", "/setup/user"] {
        assert_eq!(pc.get(path).await.location, "/setup", "{path}");
    }
    assert_eq!(pc.get("/api/v1/status").await.status, 503);
    assert!(pc.get("/setup").await.text.contains("Đơn vị mới"));
    let refused = pc.post("/setup/office", &[("unit", "11089"), ("name", " ")]).await;
    assert!(refused.status == 422 && refused.text.contains("không được để trống") && refused.text.contains("11089"));
    assert_eq!(pc.post("/setup/office", &NGOC_KY).await.location, "/setup/key");

    let pc = pc.again();
    assert_eq!(pc.get("/setup").await.location, "/setup/key", "gone on with");
    let (key, shown) = (pc.key(), pc.get("/setup/key").await.text);
    assert!(key.split('-').all(|group| shown.contains(group)) && shown.contains("&#60;b&#62;Ngọc Kỳ"), "{shown}");
    let guessed = pc.post("/setup/key", &[("first", "00000"), ("second", "00000")]).await;
    assert!(guessed.status == 422 && !store::exists(pc.data.path()));
    assert_eq!(pc.confirm(&key).await.location, "/setup");

    let pc = pc.again();
    let enrol = pc.get("/setup").await.text;
    assert!(enrol.contains("Đăng ký với huyện") && enrol.contains("Để sau"), "{enrol}");
    assert_eq!(pc.get("/setup/key").await.status, 404, "the key is shown to nobody any more");
    let wrong = pc.post("/setup/enrol", &[("aggregator", "https://127.0.0.1:1"), ("code", "x")]).await;
    assert!(wrong.status == 422 && wrong.text.contains("Mã đăng ký"), "{}", wrong.text);

    let pc = pc.again();
    let made = pc.first_user("lan").await;
    assert_eq!(made.location, "/");
    let cookie = made.cookie.split(';').next().unwrap_or_default().to_owned();
    let home = Request::get("/").header(HOST, "localhost").header(COOKIE, cookie).body(Body::empty()).expect("a request");
    assert!(pc.send(home).await.text.contains("&#60;b&#62;Ngọc Kỳ"));
    assert_eq!(pc.get("/setup").await.location, "/");
    assert_eq!(pc.first_user("evil").await.status, 403);
    assert_eq!(pc.post("/setup/enrol", &[]).await.status, 403);
}

#[tokio::test]
async fn another_site_sets_nothing_up_and_neither_does_another_name_for_this_pc() {
    let pc = Pc::new();
    for path in ["/setup/office", "/setup/key", "/setup/forget", "/setup/restore", "/setup/recover"] {
        assert_eq!(pc.post_from("https://evil.example", path, &NGOC_KY).await.status, 403, "{path}");
    }
    let rebound = Request::get("/setup").header(HOST, "evil.example").body(Body::empty()).expect("a request");
    assert_eq!(pc.send(rebound).await.status, 421);
    assert!(Pending::read(pc.data.path()).is_none());
}

#[tokio::test]
async fn what_was_begun_can_be_dropped_before_it_is_an_office() {
    let pc = Pc::new();
    pc.post("/setup/office", &NGOC_KY).await;
    let key = pc.key();
    assert_eq!(pc.post("/setup/forget", &[]).await.location, "/setup");
    assert!(pc.get("/setup").await.text.contains("Lấy lại từ huyện"));
    pc.post("/setup/office", &NGOC_KY).await;
    assert_ne!(pc.key(), key);
}

#[tokio::test]
async fn two_browsers_found_one_office() {
    let pc = Pc::new();
    pc.post("/setup/office", &NGOC_KY).await;
    let key = pc.key();
    let (one, other) = tokio::join!(pc.confirm(&key), pc.confirm(&key));
    assert_eq!([one.status, other.status], [303, 303]);
    let office = Store::open(pc.data.path()).expect("opened").office().expect("one");
    assert_eq!(office.identifier, "000.11.57.H23");
    let (one, other) = tokio::join!(pc.first_user("lan"), pc.first_user("hoa"));
    let users = Store::open(pc.data.path()).expect("opened").user_list().expect("read");
    assert_eq!((users.len(), users[0].role), (1, motcua_shared::access::Role::Admin), "{} {}", one.status, other.status);
}

/// An office with a user, its backup and its key.
fn backed_up(folder: &Path) -> (PathBuf, String) {
    let (old, file) = (folder.join("old"), folder.join("old.bak"));
    let name = office::Name { unit: "11089", name: "Xã Ngọc Kỳ", identifier: None };
    let (_, key) = office::found(&old, &name).expect("an office");
    backup::back_up(&old, &file).expect("backed up");
    (file, key.to_text())
}

#[tokio::test]
async fn an_office_comes_back_from_a_file_with_its_key_or_not_at_all() {
    let folder = tempfile::tempdir().expect("a directory");
    let (file, key) = backed_up(folder.path());
    let pc = Pc::new();
    let file = file.to_str().expect("a path");
    let other = motcua_shared::seal::RecoveryKey::new([1; 32]).to_text();
    let wrong: [([(&str, &str); 2], &str); 3] = [
        ([("file", "/nowhere"), ("recovery_key", &key)], "Không có tệp này"),
        ([("file", file), ("recovery_key", "abc")], "Khóa khôi phục"),
        ([("file", file), ("recovery_key", &other)], "không đúng với bản sao lưu này"),
    ];
    for (form, fault) in wrong {
        let refused = pc.post("/setup/restore", &form).await;
        assert!(refused.status == 422 && refused.text.to_lowercase().contains(&fault.to_lowercase()), "{}", refused.text);
        assert!(!store::exists(pc.data.path()));
    }
    assert_eq!(pc.post("/setup/restore", &[("file", file), ("recovery_key", &key)]).await.location, "/setup");
    assert!(pc.get("/setup").await.text.contains("Đăng ký với huyện"));
    assert_eq!(pc.first_user("lan").await.location, "/");
}

#[tokio::test]
async fn a_recovery_that_fails_says_why_and_leaves_the_directory_as_it_was() {
    let pc = Pc::new();
    let key = motcua_shared::seal::RecoveryKey::new([1; 32]).to_text();
    let form = [("unit", "11089"), ("aggregator", "https://127.0.0.1:1"), ("code", "<b>"), ("recovery_key", key.as_str())];
    let refused = pc.post("/setup/recover", &form).await;
    assert!(refused.status == 422 && refused.text.contains("Mã đăng ký") && !refused.text.contains("<b>\""));
    assert!(!store::exists(pc.data.path()));
    assert!(pc.get("/setup").await.text.contains("Lần trước chưa xong"));
}

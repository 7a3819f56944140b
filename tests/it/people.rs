//! People at a running agent: the first run from an empty directory, accounts from the command line beside it, and the
//! other PCs of the office over https.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use motcua_tests::world::{Commune, District, Server, expect, free_address, programs, run, text};
use reqwest::header::{CONTENT_TYPE, COOKIE, HOST, LOCATION, ORIGIN, SET_COOKIE};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

const PASSWORD: &str = "mật khẩu đủ dài";

fn encoded(form: &[(&str, &str)]) -> String {
    let bytes = |text: &str| text.bytes().fold(String::new(), |encoded, byte| format!("{encoded}%{byte:02X}"));
    form.iter().map(|(name, value)| format!("{name}={}", bytes(value))).collect::<Vec<_>>().join("&")
}

/// A browser that trusts a CA besides nobody, and keeps its cookie.
struct Browser {
    client: reqwest::Client,
    url: String,
    cookie: String,
}

struct Seen {
    status: u16,
    location: String,
    text: String,
}

impl Browser {
    fn new(url: &str, ca_pem: Option<&str>) -> Result<Browser> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = rustls::RootCertStore::empty();
        if let Some(ca) = ca_pem {
            roots.add(CertificateDer::from_pem_slice(ca.as_bytes())?)?;
        }
        let tls = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let tls = tls.with_root_certificates(roots).with_no_client_auth();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(Browser { client, url: url.to_owned(), cookie: String::new() })
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> Result<Seen> {
        let answer = request.header(COOKIE, &self.cookie).send().await?;
        let header = |name| answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let (status, location, cookie) = (answer.status().as_u16(), header(LOCATION), header(SET_COOKIE));
        // Pages set other cookies too: who is logged in does not change with them.
        let is_session = |kept: &&str| !kept.is_empty() && !kept.starts_with("motcua-pc=");
        if let Some(session) = cookie.split(';').next().filter(is_session) {
            session.clone_into(&mut self.cookie);
        }
        Ok(Seen { status, location, text: format!("{cookie}\n{}", answer.text().await?) })
    }

    async fn get(&mut self, path: &str) -> Result<Seen> {
        self.send(self.client.get(format!("{}{path}", self.url))).await
    }

    async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Result<Seen> {
        let request = self.client.post(format!("{}{path}", self.url)).header(ORIGIN, &self.url);
        self.send(request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(encoded(form))).await
    }

    async fn log_in(&mut self, name: &str, password: &str) -> Result<Seen> {
        self.post("/login", &[("name", name), ("password", password)]).await
    }
}

/// Starts the program on a directory that may be empty.
async fn start(data: &Path, more: &[&str]) -> Result<Server> {
    let arguments = [&["serve", "--data", text(data)], more].concat();
    Server::start(&programs().agent, &arguments, &data.with_extension("log")).await
}

const HERE: [&str; 2] = ["--listen", "127.0.0.1:0"];

/// The key as the page shows it.
fn key_on(page: &str) -> Vec<String> {
    let shown = page.split("<li class=\"code\">").skip(1);
    shown.filter_map(|group| group.split('<').next()).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_directory_becomes_a_working_office_in_the_browser_though_the_power_goes_at_every_step() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let district = District::found(folder.path()).await?;
    let _district = district.serve().await?;
    let data = folder.path().join("office");

    let server = start(&data, &HERE).await?;
    let mut browser = Browser::new(&server.url, None)?;
    assert_eq!(browser.get("/").await?.location, "/setup");
    let office = [("unit", "11089"), ("name", "Xã Ngọc Kỳ"), ("identifier", "000.11.57.H23")];
    assert_eq!(browser.post("/setup/office", &office).await?.location, "/setup/key");
    let key = key_on(&browser.get("/setup/key").await?.text);
    server.kill().await?;

    let server = start(&data, &HERE).await?;
    let mut browser = Browser::new(&server.url, None)?;
    assert_eq!(key_on(&browser.get("/setup/key").await?.text), key, "the key on paper is still the key");
    let asked = [("first", key[2].as_str()), ("second", key[9].as_str())];
    assert_eq!(browser.post("/setup/key", &asked).await?.location, "/setup");
    server.kill().await?;

    let server = start(&data, &HERE).await?;
    let mut browser = Browser::new(&server.url, None)?;
    assert!(browser.get("/setup").await?.text.contains("Đăng ký với huyện"));
    let (code, address) = (district.enroll_code("11089").await?, format!("https://{}", district.address));
    let enrolled = browser.post("/setup/enrol", &[("aggregator", &address), ("code", &code)]).await?;
    assert_eq!(enrolled.location, "/setup/user", "{}", enrolled.text);
    server.kill().await?;

    let server = start(&data, &HERE).await?;
    let mut browser = Browser::new(&server.url, None)?;
    assert_eq!(browser.get("/setup").await?.location, "/setup/user");
    let user = [("name", "lan"), ("password", PASSWORD), ("again", PASSWORD)];
    assert_eq!(browser.post("/setup/user", &user).await?.location, "/");
    let page = browser.get("/dossiers/new").await?;
    assert!(page.status == 200 && page.text.contains("Xã Ngọc Kỳ") && page.text.contains("lan"));
    assert_eq!(browser.post("/setup/user", &user).await?.status, 403);
    assert_eq!(browser.get("/setup").await?.location, "/");

    let id = "0193a6f0-0000-7000-8000-000000000009";
    let form = [
        ("id", id),
        ("procedure", "2.000815"),
        ("channel", "in_person"),
        ("submitted_by", "citizen"),
        ("name", "Nguyễn Thị Thử"),
        ("received_at", "09:00 20/11/2023"),
    ];
    let saved = browser.post("/dossiers", &form).await?;
    assert_eq!(saved.status, 303, "{}", saved.text);
    expect(&programs().agent, &["sync", "--data", text(&data)]).await?;
    server.kill().await?;

    // The PC dies; another one fetches the office with the key on paper.
    let other = folder.path().join("other");
    let server = start(&other, &HERE).await?;
    let mut browser = Browser::new(&server.url, None)?;
    let (code, key) = (district.enroll_code("11089").await?, key.join("-"));
    let asked = [("unit", "11089"), ("aggregator", &address), ("code", &code), ("recovery_key", &key)];
    let brought = browser.post("/setup/recover", &asked).await?;
    assert_eq!(brought.location, "/setup", "{}", brought.text);
    assert_eq!(browser.get("/setup").await?.location, "/setup/user");
    assert_eq!(browser.post("/setup/user", &[("name", "hoa"), user[1], user[2]]).await?.location, "/");
    let list = expect(&programs().agent, &["dossier", "--data", text(&other), "show", "000.11.57.H23-231120-0001"]).await?;
    assert!(list.contains("Nguyễn Thị Thử") && list.contains("lan"), "its author is the one of the old PC: {list}");
    expect(&programs().agent, &["verify", "--data", text(&other)]).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_managed_from_the_command_line_while_the_pages_are_served() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    let server = commune.serve().await?;
    let agent = async |arguments: &[&str]| {
        let arguments = [&[arguments[0], "--data", text(&commune.data)], &arguments[1..]].concat();
        run(&programs().agent, &arguments).await
    };
    let mut browser = Browser::new(&server.url, None)?;
    assert_eq!(browser.get("/").await?.location, "/setup");
    let made = String::from_utf8(agent(&["user", "add", "hoa", "--role", "clerk"]).await?.stdout)?;
    let password = made.lines().find_map(|line| line.strip_prefix("Mật khẩu: ")).context("printed once")?.to_owned();
    assert_eq!(browser.log_in("hoa", &password).await?.location, "/");
    assert_eq!(browser.get("/").await?.status, 200);
    assert_eq!(browser.get("/people").await?.status, 403);
    assert_eq!(agent(&["user", "role", "hoa", "admin"]).await?.status.code(), Some(0));
    assert_eq!(browser.get("/people").await?.status, 200, "a role counts at once");
    let refused = agent(&["user", "disable", "hoa"]).await?;
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8(refused.stderr)?.contains("ít nhất một người quản trị"));
    commune.user("lan", "admin", PASSWORD).await?;
    assert_eq!(agent(&["user", "disable", "hoa"]).await?.status.code(), Some(0));
    assert_eq!(browser.get("/").await?.location, "/login", "a disabled person is out at once");
    assert_eq!(agent(&["user", "enable", "hoa"]).await?.status.code(), Some(0));
    assert_eq!(browser.log_in("hoa", &password).await?.location, "/");
    let list: serde_json::Value = serde_json::from_slice(&agent(&["user", "list", "--json"]).await?.stdout)?;
    assert_eq!((list[0]["name"].as_str(), list[1]["role"].as_str()), (Some("hoa"), Some("admin")));
    for wrong in [&["user", "add", "HOA", "--role", "clerk"][..], &["user", "add", "a b", "--role", "clerk"]] {
        let output = agent(wrong).await?;
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {}", String::from_utf8(output.stdout)?);
    }
    let log = std::fs::read_to_string(commune.log())?;
    ensure!(!log.contains(&password) && !log.contains(PASSWORD), "no password in the log");

    let reset = String::from_utf8(agent(&["user", "password", "hoa"]).await?.stdout)?;
    assert_eq!(browser.get("/").await?.location, "/login", "a new password ends every session");
    ensure!(!reset.contains(&password));
    let cookie = commune.log_in(&server, "lan", PASSWORD).await?;
    let answer = browser.client.get(format!("{}/api/v1/status", server.url)).header(COOKIE, cookie).send().await?;
    assert_eq!(answer.status(), 200);
    let bearer = commune.bearer("clerk").await?;
    let status =
        |token: String| browser.client.get(format!("{}/api/v1/status", server.url)).header("authorization", token).send();
    assert_eq!(status(bearer.clone()).await?.status(), 200);
    assert_eq!(agent(&["token", "revoke", "clerk"]).await?.status.code(), Some(0));
    assert_eq!(status(bearer).await?.status(), 401);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn other_pcs_work_over_https_with_this_pcs_own_certificate_and_only_when_that_was_said() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    let open = run(&programs().agent, &["serve", "--data", text(&commune.data), "--listen", "0.0.0.0:0"]).await?;
    assert_eq!(open.status.code(), Some(2));
    assert!(String::from_utf8(open.stderr)?.contains("--lan"));

    let address = free_address()?;
    let lan = address.to_string();
    let arguments = ["--lan", "--listen", "127.0.0.1:0", "--listen", &lan];
    let server = start(&commune.data, &arguments).await?;
    let mut here = Browser::new(&server.url, None)?;
    let ca = std::fs::read_to_string(commune.data.join("identity/lan/ca.pem"))?;
    let url = format!("https://{address}");
    let mut there = Browser::new(&url, Some(&ca))?;
    assert_eq!(there.get("/").await?.location, "/setup");
    assert_eq!(there.get("/setup").await?.status, 403, "the first account is made at this PC");
    let user = [("name", "lan"), ("password", PASSWORD), ("again", PASSWORD)];
    assert_eq!(there.post("/setup/user", &user).await?.status, 403);
    assert_eq!(there.get("/api/v1/status").await?.status, 401);
    assert_eq!(here.post("/setup/user", &user).await?.location, "/");

    let trust = there.get("/trust").await?;
    assert!(trust.status == 200 && trust.text.contains("SHA-256") && trust.text.contains("Windows"), "{}", trust.text);
    let offered = there.get("/trust/ca.crt").await?;
    assert_eq!(offered.text.trim(), ca.trim());
    assert!(Browser::new(&url, None)?.get("/login").await.is_err(), "nobody else's CA vouches for it");

    let logged_in = there.log_in("lan", PASSWORD).await?;
    assert!(logged_in.text.contains("__Host-motcua-") && logged_in.text.contains("; Secure"), "{}", logged_in.text);
    assert_eq!(there.get("/").await?.status, 200);
    assert_eq!(there.get("/people").await?.status, 200);
    let rebound = there.client.get(format!("{url}/")).header(HOST, "evil.example").send().await?;
    assert_eq!(rebound.status(), 421);
    let crossing =
        there.client.post(format!("{url}/logout")).header(COOKIE, &there.cookie).header(ORIGIN, "https://evil.example");
    assert_eq!(crossing.send().await?.status(), 403);
    let clear =
        there.client.post(format!("{url}/logout")).header(COOKIE, &there.cookie).header(ORIGIN, format!("http://{address}"));
    assert_eq!(clear.send().await?.status(), 403, "the same PC in the clear is another site");
    assert!(here.client.get(format!("http://{address}/login")).send().await.is_err(), "nothing in the clear on this way");
    assert_eq!(here.get("/").await?.status, 200, "and this PC as before");

    assert_eq!(server.stop().await?, Some(0));
    let server = start(&commune.data, &arguments).await?;
    assert_eq!(there.get("/").await?.status, 200, "the same CA and the same session after a restart");
    server.stop().await?;
    Ok(())
}

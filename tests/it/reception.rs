//! The counter through a power cut, and its people in the clear nowhere on its disk.

use std::path::Path;

use aho_corasick::AhoCorasick;
use anyhow::{Context, Result};
use motcua_shared::text::fold;
use motcua_tests::world::{Commune, Server, expect, fixture, programs, text, until};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};

/// Somebody at the counter of a running agent.
struct Clerk {
    client: reqwest::Client,
    bearer: String,
}

impl Clerk {
    async fn of(commune: &Commune) -> Result<Clerk> {
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Clerk { client, bearer: commune.bearer("clerk").await? })
    }

    async fn get(&self, server: &Server, path: &str) -> Result<String> {
        let answer = self.client.get(format!("{}{path}", server.url)).header(AUTHORIZATION, &self.bearer).send().await?;
        Ok(answer.error_for_status()?.text().await?)
    }

    async fn post(&self, server: &Server, path: &str, form: &[(&str, &str)]) -> Result<reqwest::Response> {
        let encoded = |text: &str| text.bytes().fold(String::new(), |encoded, byte| format!("{encoded}%{byte:02X}"));
        let body: Vec<String> = form.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let request = self.client.post(format!("{}{path}", server.url)).header(AUTHORIZATION, &self.bearer);
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body.join("&"));
        Ok(request.send().await?)
    }
}

const HALF_TYPED: [(&str, &str); 6] = [
    ("id", "0193a6f0-0000-7000-8000-000000000001"),
    ("procedure", "2.000815"),
    ("channel", "in_person"),
    ("submitted_by", "citizen"),
    ("name", "Quách Thị Dở Dang"),
    ("received_at", "09:00 20/11/2023"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_half_typed_form_survives_a_power_cut_and_goes_when_it_is_saved() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    let clerk = Clerk::of(&commune).await?;
    let server = commune.serve().await?;
    let kept = clerk.post(&server, "/drafts", &HALF_TYPED).await?.error_for_status()?.text().await?;
    assert!(kept.starts_with("{\"at\":\"") && kept != "{\"at\":\"\"}", "{kept}");
    server.kill().await?;
    let server = commune.serve().await?;
    let offered = clerk.get(&server, "/dossiers/new").await?;
    assert!(offered.contains("đang gõ dở lúc") && offered.contains("Quách Thị Dở Dang"), "{offered}");
    assert_eq!(commune.status().await?["head_seq"], 0, "it is not in the register");
    let saved = clerk.post(&server, "/dossiers", &HALF_TYPED).await?;
    assert_eq!(saved.status(), 303, "{}", saved.text().await?);
    server.kill().await?;
    let server = commune.serve().await?;
    assert!(!clerk.get(&server, "/dossiers/new").await?.contains("đang gõ dở lúc"));
    assert_eq!(commune.status().await?["head_seq"], 1);
    server.stop().await?;
    commune.verify().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_citizen_stands_in_the_agents_files_in_the_clear() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    commune.import(&fixture("ngoc-ky-dossiers.csv")).await?;
    let clerk = Clerk::of(&commune).await?;
    let server = commune.serve().await?;
    clerk.post(&server, "/drafts", &HALF_TYPED).await?.error_for_status()?;
    let search = [("name", "Tìm Quách Thị"), ("q", "Quách Thị Dở Dang")];
    assert_eq!(clerk.post(&server, "/dossiers/searches", &search).await?.status(), 303);
    let mut people = crate::journey::people()?;
    let name = people.iter().find(|name| name.split(' ').count() == 3 && !name.contains(',')).context("a name")?.clone();
    let asked = fold(&name).split(' ').rev().collect::<Vec<_>>().join("+");
    assert!(clerk.get(&server, &format!("/dossiers?q={asked}")).await?.contains(&name), "{name}, by {asked}");
    let bare: Vec<String> = people.iter().map(|person| fold(person)).filter(|person| person.len() > 7).collect();
    people.extend(bare);
    people.extend(["Quách Thị", "quach thi", "Dở Dang"].map(str::to_owned));
    let finder = AhoCorasick::new(&people)?;
    // The write-ahead log too, as it stands while the program runs, and a copy in one file.
    let copy = commune.data.join("copy");
    expect(&programs().agent, &["backup", "--data", text(&commune.data), text(&copy)]).await?;
    let mut looked_at = 0;
    for file in files(&commune.data)? {
        let bytes = std::fs::read(&file)?;
        let found = finder.find(&bytes).map(|found| people[found.pattern().as_usize()].clone());
        assert_eq!(found, None, "in {}", file.display());
        looked_at += bytes.len();
    }
    assert!(looked_at > 1_000_000, "{looked_at} bytes");
    server.stop().await?;
    Ok(())
}

fn files(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let entries = std::fs::read_dir(folder)?.collect::<std::io::Result<Vec<_>>>()?;
    Ok(entries.into_iter().map(|entry| entry.path()).filter(|path| path.is_file()).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_office_from_before_the_index_is_indexed_while_it_works() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    commune.import(&fixture("ngoc-ky-dossiers.csv")).await?;
    // As the migration leaves the database of an office that has worked before.
    commune.database()?.execute_batch(
        "insert into search (search) values ('delete-all'); delete from search_of;
         insert into search_due (dossier) select id from dossier order by received_at, code;",
    )?;
    let clerk = Clerk::of(&commune).await?;
    let server = commune.serve().await?;
    let shown = clerk.get(&server, "/dossiers?q=bui+mai").await?;
    assert!(shown.contains("Đang lập chỉ mục") || shown.contains("class=\"code\""), "it says so, or is done already");
    until("the index is complete", || {
        Ok(commune.database()?.query_row("select count(*) from search_due", [], |row| row.get::<_, i64>(0))? == 0)
    })
    .await?;
    let shown = clerk.get(&server, "/dossiers?q=bui+mai").await?;
    assert!(!shown.contains("Đang lập chỉ mục") && shown.contains("class=\"code\""));
    server.stop().await?;
    commune.verify().await?;
    expect(&programs().agent, &["verify", "--data", text(&commune.data), "--rebuild"]).await?;
    Ok(())
}

//! Finding among 100,000 dossiers, as a browser sees it: a request over loopback, from the first byte asked to the last
//! byte of the page.
//!
//! Run with `cargo bench --bench search`. It prints figures and asserts nothing.

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use motcua_tests::register::{self, Dice};
use motcua_tests::world::{Commune, District, Server, programs, until};

const DOSSIERS: usize = 100_000;
/// Dossiers of one file.
const PART: usize = 20_000;
const REQUESTS: u64 = 60;

fn main() -> Result<()> {
    // Cargo also runs benches when it tests; they are measured on purpose only.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(measure())
}

async fn measure() -> Result<()> {
    tokio::task::spawn_blocking(programs).await?;
    rustls::crypto::ring::default_provider().install_default().ok();
    let folder = tempfile::tempdir()?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    let register = register::csv(1, "000.11.57.H23", "2016-01-04".parse()?, DOSSIERS);
    let lines: Vec<&str> = register.lines().collect();
    let (heading, lines) = lines.split_first().context("a heading")?;
    let start = Instant::now();
    // One file may have 16 MB.
    for (number, part) in lines.chunks(PART).enumerate() {
        let file = folder.path().join(format!("register-{number}.csv"));
        std::fs::write(&file, format!("{heading}\n{}\n", part.join("\n")))?;
        commune.import(&file).await?;
    }
    println!("import of {DOSSIERS} dossiers        {:>8} ms", start.elapsed().as_millis());
    // As an office stands that works: nearly everything is at the district.
    let district = District::found(folder.path()).await?;
    let aggregator = district.serve().await?;
    commune.enroll(&district, district.address).await?;
    commune.sync().await?;
    let bearer = commune.bearer("clerk").await?;
    let start = Instant::now();
    let server = commune.serve().await?;
    println!("start until it listens          {:>8} ms   target ≤ 60", start.elapsed().as_millis());
    let people = people(&register)?;
    let desk = Desk { client: reqwest::Client::builder().no_proxy().build()?, bearer, server };
    let mut all = Vec::new();
    for (name, asked) in KINDS {
        let mut times = Vec::new();
        let mut dice = Dice::new(7);
        for _ in 0..REQUESTS {
            let person = &people[usize::try_from(dice.below(people.len() as u64))?];
            times.push(desk.get(&asked(person)).await?);
        }
        show(name, &mut times);
        all.extend(times);
    }
    show("all", &mut all);
    println!("database                        {:>8} KiB", std::fs::metadata(commune.data.join("motcua.db"))?.len() / 1024);
    desk.server.stop().await?;
    forgotten(&commune).await?;
    aggregator.stop().await?;
    Ok(())
}

/// How long the index takes to be made anew, beside a counter that is open.
async fn forgotten(commune: &Commune) -> Result<()> {
    commune.database()?.execute_batch(
        "insert into search (search) values ('delete-all'); delete from search_of;
         insert into search_due (dossier) select id from dossier order by received_at, code;",
    )?;
    let server = commune.serve().await?;
    let start = Instant::now();
    until("the index is complete", || {
        Ok(commune.database()?.query_row("select count(*) from search_due", [], |row| row.get::<_, i64>(0))? == 0)
    })
    .await?;
    println!("index made anew in the background {:>6} ms", start.elapsed().as_millis());
    server.stop().await?;
    Ok(())
}

struct Person {
    name: String,
    identity: String,
    phone: String,
    day: String,
}

fn people(csv: &str) -> Result<Vec<Person>> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let headers = reader.headers()?.clone();
    let column = |name: &str| headers.iter().position(|header| header == name).with_context(|| name.to_owned());
    let (name, identity, phone, received) =
        (column("applicant_name")?, column("applicant_id")?, column("applicant_phone")?, column("received_at")?);
    let person = |row: csv::StringRecord| Person {
        name: motcua_shared::text::fold(&row[name]),
        identity: row[identity].to_owned(),
        phone: row[phone].to_owned(),
        day: row[received][..10].to_owned(),
    };
    Ok(reader.records().collect::<Result<Vec<_>, _>>()?.into_iter().map(person).collect())
}

type Asked = fn(&Person) -> String;

const KINDS: [(&str, Asked); 9] = [
    ("whole name", |person| format!("q={}", person.name.replace(' ', "+"))),
    ("name, last word first", |person| format!("q={}", person.name.rsplit(' ').collect::<Vec<_>>().join("+"))),
    ("two letters", |person| format!("q={}", &person.name[..2])),
    ("identity number", |person| format!("q={}", person.identity)),
    ("last four digits", |person| format!("q={}", &person.phone[person.phone.len() - 4..])),
    ("name, waiting for pick-up", |person| format!("q={}&state=finished", person.name.replace(' ', "+"))),
    ("name, one day", |person| format!("q={}&from={}&to={}", &person.name[..3], person.day, person.day)),
    ("name, one procedure, returned", |person| format!("q={}&procedure=1.001653&state=returned", person.name.replace(' ', "+"))),
    ("nobody", |person| format!("q={}+khongco", person.name.replace(' ', "+"))),
];

struct Desk {
    client: reqwest::Client,
    bearer: String,
    server: Server,
}

impl Desk {
    async fn get(&self, asked: &str) -> Result<Duration> {
        let start = Instant::now();
        let request = self.client.get(format!("{}/dossiers?{asked}", self.server.url));
        let answer = request.header("authorization", &self.bearer).send().await?.error_for_status()?;
        answer.bytes().await?;
        Ok(start.elapsed())
    }
}

fn show(name: &str, times: &mut [Duration]) {
    times.sort();
    let at = |part: usize| times[(times.len() * part / 100).min(times.len() - 1)].as_secs_f64() * 1000.0;
    println!("{name:<31} p50 {:>6.1} ms   p99 {:>6.1} ms", at(50), at(99));
}

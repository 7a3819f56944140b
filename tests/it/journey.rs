//! One commune's years, from its register to the district's report.

use std::path::Path;

use aho_corasick::AhoCorasick;
use anyhow::{Context, Result};
use motcua_tests::world::{Commune, District, expect, fixture, programs, run, text};
use serde_json::Value;

/// The figures of the real report, three periods.
fn real_figures() -> Result<Vec<Value>> {
    let json = std::fs::read(fixture("ngoc-ky-ii06.json"))?;
    Ok(serde_json::from_slice(&json)?)
}

/// Every key of the real report stands in `report` with the same value.
#[track_caller]
fn assert_has_figures(report: &Value, expected: &Value) {
    for (key, value) in expected.as_object().expect("a report is an object") {
        assert_eq!(&report[key], value, "{key} of {}", expected["from"]);
    }
}

pub async fn assert_both_ends_agree(commune: &Commune, district: &District) -> Result<()> {
    for expected in real_figures()? {
        let (from, to) = (expected["from"].as_str().context("from")?, expected["to"].as_str().context("to")?);
        assert_has_figures(&commune.ii06(from, to).await?, &expected);
        assert_has_figures(&district.ii06(from, to, Some("11089")).await?, &expected);
        let node = district.ii06(from, to, None).await?;
        assert_eq!(node["total"], expected["total"], "the only commune that reports is the district's sum");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn both_ends_give_the_real_report_whatever_is_repeated_restarted_or_rebuilt() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let district = District::found(folder.path()).await?;
    let server = district.serve().await?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    let register = fixture("ngoc-ky-dossiers.csv");
    commune.import(&register).await?;
    commune.enroll(&district, district.address).await?;
    let (exit, said) = commune.sync().await?;
    assert_eq!((exit, &said["outcome"]), (Some(0), &Value::from("complete")));
    assert_both_ends_agree(&commune, &district).await?;

    let again = run(&programs().agent, &["import", "--data", text(&commune.data), "dossiers", text(&register)]).await?;
    assert_eq!(again.status.code(), Some(2), "every code is in the register already");
    let (exit, said) = commune.sync().await?;
    assert_eq!((exit, &said["segments"]), (Some(0), &Value::from(0)), "nothing is sent twice");
    server.stop().await?;
    let server = district.serve().await?;
    assert_eq!(commune.sync().await?.0, Some(0));
    assert_both_ends_agree(&commune, &district).await?;

    let forget = "delete from dossier; delete from rollup;";
    commune.database()?.execute_batch(forget)?;
    district.database()?.execute_batch(forget)?;
    for (program, data) in [(&programs().agent, &commune.data), (&programs().aggregator, &district.data)] {
        let damaged = run(program, &["verify", "--data", text(data)]).await?;
        assert_eq!(damaged.status.code(), Some(1), "a lost projection is noticed");
        expect(program, &["verify", "--data", text(data), "--rebuild"]).await?;
    }
    assert_both_ends_agree(&commune, &district).await?;
    server.stop().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_citizen_leaves_the_office_in_the_clear() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let district = District::found(folder.path()).await?;
    let server = district.serve().await?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    commune.import(&fixture("ngoc-ky-dossiers.csv")).await?;
    commune.enroll(&district, district.address).await?;
    assert_eq!(commune.sync().await?.0, Some(0));
    server.stop().await?;

    let people = people()?;
    let finder = AhoCorasick::new(&people)?;
    let found_in = |bytes: &[u8]| finder.find(bytes).map(|found| people[found.pattern().as_usize()].clone());
    let mut files = vec![district.log(), commune.data.with_extension("log")];
    files_below(&district.data, &mut files)?;
    assert!(files.iter().any(|file| file.ends_with("aggregator.db")), "the database is looked at");
    for file in files.iter().filter(|file| file.exists()) {
        assert_eq!(found_in(&std::fs::read(file)?), None, "in {}", file.display());
    }
    // What TLS carries is the entries' clear bytes and sealed parts: the same bytes that the agent's log keeps.
    let database = commune.database()?;
    let mut statement = database.prepare("select cast(body as blob), sealed from entry")?;
    let mut rows = statement.query([])?;
    let mut entries = 0;
    while let Some(row) = rows.next()? {
        entries += 1;
        for part in [row.get::<_, Vec<u8>>(0)?, row.get(1)?] {
            assert_eq!(found_in(&part), None, "in entry {entries}");
        }
    }
    assert!(entries > 20_000);
    assert!(found_in("…Nhật Mai Bùi…".as_bytes()).is_some(), "the search finds what is there");
    Ok(())
}

/// Names, identity numbers, phones and addresses of every applicant.
pub fn people() -> Result<Vec<String>> {
    let mut reader = csv::Reader::from_path(fixture("ngoc-ky-dossiers.csv"))?;
    let mut people = std::collections::BTreeSet::new();
    for row in reader.records() {
        people.extend(row?.iter().skip(14).map(str::to_owned));
    }
    assert!(people.len() > 9_000);
    Ok(people.into_iter().collect())
}

fn files_below(folder: &Path, files: &mut Vec<std::path::PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files_below(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dossier_is_five_entries_and_at_most_220_bytes_on_a_clean_line() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let district = District::found(folder.path()).await?;
    let server = district.serve().await?;
    let line = motcua_tests::line::Line::start(district.address, motcua_tests::line::Weather::clean())?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    commune.import(&fixture("ngoc-ky-dossiers.csv")).await?;
    commune.enroll(&district, line.addr()).await?;
    let before = line.stats().bytes_up;
    assert_eq!(commune.sync().await?.0, Some(0));
    let bytes = line.stats().bytes_up - before;
    assert!(bytes <= 220 * 4514, "{} bytes a dossier", bytes / 4514);
    server.stop().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_office_enrolled_today_with_a_register_from_before_its_unit_is_found_by_its_code() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let district = District::found(folder.path()).await?;
    let _server = district.serve().await?;
    // 11098 was Tái Sơn in 2023; today the code's last bearer under the node is another.
    let commune = Commune::found(folder.path(), "11098", "Xã Tái Sơn", "000.11.58.H23").await?;
    let row = "000.11.58.H23-230526-0001,2.000815,in_person,citizen,2023-05-26T09:00:00+07:00,,2023-05-26T09:30:00+07:00,granted,\
               2023-05-26T09:40:00+07:00,all,yes,4000,yes,good,Nguyễn Thị Thử,,,";
    let file = folder.path().join("one.csv");
    std::fs::write(&file, format!("{}\n{row}\n", motcua_shared::import::COLUMNS.join(",")))?;
    commune.import(&file).await?;
    commune.enroll(&district, district.address).await?;
    assert_eq!(commune.sync().await?.0, Some(0));
    let report = district.ii06("2022-12-15", "2023-05-29", Some("11098")).await?;
    assert_eq!(report["total"]["received"]["total"], 1, "{report}");
    Ok(())
}

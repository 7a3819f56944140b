//! Declared figures and what is found in them, at both ends of a line that breaks.

use anyhow::{Context, Result};
use motcua_agent::store::{Pen, Store as AgentStore};
use motcua_aggregator::findings::{self, Decision};
use motcua_aggregator::store::SqliteStore;
use motcua_shared::calendar::local;
use motcua_shared::office::{FindingExplained, Reason};
use motcua_tests::line::{Line, Weather};
use motcua_tests::world::{Commune, District, expect, fixture, programs, run, text};
use serde_json::Value;

const KEYS: [&str; 9] = ["id", "rule", "from", "to", "indicator", "field", "declared", "expected", "gap"];

/// What is found, by the keys that both ends share.
fn keyed(findings: &[Value]) -> Vec<Vec<Value>> {
    findings.iter().map(|finding| KEYS.iter().map(|key| finding[key].clone()).collect()).collect()
}

async fn check(program: &std::path::Path, data: &std::path::Path, more: &[&str]) -> Result<Vec<Value>> {
    let arguments = [&["check", "--data", text(data), "--json"], more].concat();
    Ok(serde_json::from_str(&expect(program, &arguments).await?)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn both_ends_find_the_same_in_the_real_report_and_the_district_decides() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let district = District::found(folder.path()).await?;
    let server = district.serve().await?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    let report = fixture("ngoc-ky-declared.csv");
    expect(&programs().agent, &["import", "--data", text(&commune.data), "declared", text(&report)]).await?;
    let alone = check(&programs().agent, &commune.data, &[]).await?;
    assert!(alone.iter().all(|finding| finding["rule"] != "computed"), "there are no dossiers yet");
    commune.import(&fixture("ngoc-ky-dossiers.csv")).await?;
    let again = expect(&programs().agent, &["import", "--data", text(&commune.data), "declared", text(&report)]).await?;
    assert!(again.contains("0 mới, 0 sửa"), "{again}");

    let here = check(&programs().agent, &commune.data, &[]).await?;
    let items: Vec<Value> = serde_json::from_slice(&std::fs::read(fixture("ngoc-ky-findings.json"))?)?;
    for item in &items {
        let raised = here.iter().any(|finding| KEYS[1..].iter().all(|key| finding[key] == item[key]));
        assert!(raised, "not raised: {item}");
    }
    let one_year = check(&programs().agent, &commune.data, &["--from", "2021-12-15", "--to", "2022-12-14"]).await?;
    assert!(
        !one_year.is_empty() && one_year.iter().all(|finding| finding["from"] == "2021-12-15" && finding["to"] == "2022-12-14")
    );

    let line = Line::start(district.address, Weather::clean())?;
    commune.enroll(&district, line.addr()).await?;
    line.set(Weather { cut_every: Some(40_000..=200_000), seed: 11, ..Weather::clean() });
    for session in 0.. {
        if commune.sync().await?.0 == Some(0) {
            break;
        }
        anyhow::ensure!(session < 50, "50 sessions were not enough");
    }
    let of_unit = ["--unit", "11089"];
    let there = check(&programs().aggregator, &district.data, &of_unit).await?;
    assert_eq!(keyed(&there), keyed(&here), "the same findings with the same ids at both ends");

    let balance = here.iter().find(|finding| finding["rule"] == "balance" && finding["field"] == "").context("the balance")?;
    let id = balance["id"].as_str().context("an id")?.to_owned();
    explain(&commune, balance)?;
    line.set(Weather::clean());
    assert_eq!(commune.sync().await?.0, Some(0));
    let state = |all: &[Value]| all.iter().find(|finding| finding["id"] == *id).map(|finding| finding["state"].clone());
    let there = check(&programs().aggregator, &district.data, &of_unit).await?;
    assert_eq!(state(&there), Some("explained".into()));
    let mut store = SqliteStore::open(&district.data)?;
    assert!(findings::decide(&mut store, ("11089", &id), Decision::Accept, ("hoa", ""), local(chrono::Utc::now()))?);
    let there = check(&programs().aggregator, &district.data, &of_unit).await?;
    assert_eq!(state(&there), Some("accepted".into()));

    for (program, data) in [(&programs().agent, &commune.data), (&programs().aggregator, &district.data)] {
        expect(program, &["verify", "--data", text(data), "--rebuild"]).await?;
    }
    let rebuilt = check(&programs().aggregator, &district.data, &of_unit).await?;
    assert_eq!((keyed(&rebuilt), state(&rebuilt)), (keyed(&here), Some("accepted".into())), "also from the log alone");
    server.stop().await?;
    Ok(())
}

fn explain(commune: &Commune, finding: &Value) -> Result<()> {
    let mut store = AgentStore::open(&commune.data)?;
    let key = motcua_agent::office::office_key(&commune.data, &store.office()?)?;
    let of = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    let explained = FindingExplained {
        finding: of("id"),
        rule: of("rule"),
        from: of("from").parse()?,
        to: of("to").parse()?,
        indicator: of("indicator"),
        field: of("field"),
        reason: Reason::CountedTwice,
        words: "6 hồ sơ bảo trợ xã hội tính hai lần".to_owned(),
    };
    let pen = Pen { author: "lan", now: local(chrono::Utc::now()), key: &key, salt: motcua_agent::office::chance };
    Ok(store.finding_explain(explained, &pen)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_file_of_figures_is_refused_as_a_whole_with_every_place() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    let file = folder.path().join("hostile.csv");
    let rows = "indicator,field,from,to,value,numerator,denominator,printed,where\n\
                web.news,,2021-12-15,2022-12-14,5,,,,II.9\n\
                web.documents,,2021-12-15,2022-12-14,=1+1,,,,\n\
                web.unheard,,2022-12-15,2021-12-14,1000000000,,,,\n";
    std::fs::write(&file, rows)?;
    let refused = run(&programs().agent, &["import", "--data", text(&commune.data), "declared", text(&file)]).await?;
    let said = String::from_utf8(refused.stderr)?;
    assert_eq!(refused.status.code(), Some(2));
    for place in ["Không nhập gì cả", "dòng 3, cột value", "dòng 4, cột indicator", "dòng 4, cột to", "dòng 4, cột value"]
    {
        assert!(said.contains(place), "{place} in {said}");
    }
    let entries: i64 = commune.database()?.query_row("select count(*) from entry", [], |row| row.get(0))?;
    assert_eq!(entries, 0);
    Ok(())
}

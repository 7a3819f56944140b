//! Declared figures and what is found in them, at both ends of a line that breaks.

use anyhow::{Context, Result};
use motcua_agent::store::{Pen, Store as AgentStore};
use motcua_aggregator::findings;
use motcua_aggregator::store::SqliteStore;
use motcua_shared::calendar::local;
use motcua_shared::decision::Decision;
use motcua_shared::office::{FindingExplained, Reason};
use motcua_shared::rule::Finding;
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
    for (there, here) in there.iter().zip(&here) {
        assert_eq!(there["evidence"], here["evidence"], "the same dossiers are named: {}", here["id"]);
    }

    let balance = here.iter().find(|finding| finding["rule"] == "balance" && finding["field"] == "").context("the balance")?;
    let id = balance["id"].as_str().context("an id")?.to_owned();
    explain(&commune, balance)?;
    line.set(Weather::clean());
    assert_eq!(commune.sync().await?.0, Some(0));
    let state = |all: &[Value]| all.iter().find(|finding| finding["id"] == *id).map(|finding| finding["state"].clone());
    let there = check(&programs().aggregator, &district.data, &of_unit).await?;
    assert_eq!(state(&there), Some("explained".into()));
    let waiting = check(&programs().agent, &commune.data, &[]).await?;
    assert_eq!((&one(&waiting, &id)?["state"], &one(&waiting, &id)?["decided"]), (&"explained".into(), &Value::Null));
    decide(&district, &id, Decision::Reject, "Hồ sơ nào tính hai lần?")?;
    line.set(Weather { cut_every: Some(4_000..=9_000), seed: 5, ..Weather::clean() });
    until_decided(&commune, &id, "rejected").await?;
    let told = check(&programs().agent, &commune.data, &[]).await?;
    let decided = &one(&told, &id)?["decided"];
    assert_eq!((&decided["who"], &decided["words"]), (&"hoa".into(), &"Hồ sơ nào tính hai lần?".into()));
    line.set(Weather::clean());
    explain(&commune, one(&told, &id)?)?;
    assert_eq!(one(&check(&programs().agent, &commune.data, &[]).await?, &id)?["state"], "explained");
    assert_eq!(commune.sync().await?.0, Some(0));
    assert_eq!(state(&check(&programs().aggregator, &district.data, &of_unit).await?), Some("explained".into()));
    decide(&district, &id, Decision::Accept, "")?;
    until_decided(&commune, &id, "accepted").await?;
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

/// Sends until what the district decided has come back.
async fn until_decided(commune: &Commune, id: &str, state: &str) -> Result<()> {
    for _ in 0..50 {
        commune.sync().await?;
        if one(&check(&programs().agent, &commune.data, &[]).await?, id)?["state"] == state {
            return Ok(());
        }
    }
    anyhow::bail!("50 sessions did not bring {state}")
}

fn explain(commune: &Commune, finding: &Value) -> Result<()> {
    let mut store = AgentStore::open(&commune.data)?;
    let key = motcua_agent::office::office_key(&commune.data, &store.office()?)?;
    let finding: Finding = serde_json::from_value(finding.clone())?;
    let words = "6 hồ sơ bảo trợ xã hội tính hai lần".to_owned();
    let pen = Pen { author: "lan", now: local(chrono::Utc::now()), key: &key, salt: motcua_agent::office::chance };
    Ok(store.finding_explain(FindingExplained::of(&finding, Reason::CountedTwice, words), &pen)?)
}

fn decide(district: &District, id: &str, decision: Decision, words: &str) -> Result<()> {
    let mut store = SqliteStore::open(&district.data)?;
    let decided = findings::decide(&mut store, ("11089", id), decision, ("hoa", words), local(chrono::Utc::now()))?;
    anyhow::ensure!(decided, "nothing to decide about");
    Ok(())
}

/// The finding with this id.
fn one<'a>(all: &'a [Value], id: &str) -> Result<&'a Value> {
    all.iter().find(|finding| finding["id"] == id).with_context(|| format!("no finding {id}"))
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

#[tokio::test(flavor = "multi_thread")]
async fn the_district_checks_an_office_as_soon_as_everything_of_it_is_there() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let district = District::found(folder.path()).await?;
    let server = district.serve().await?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    commune.enroll(&district, district.address).await?;
    commune.import_declared().await?;
    // An office that calls all the time is never quiet: only what came can make the district look at it.
    let found = || -> Result<i64> { Ok(district.database()?.query_row("select count(*) from finding", [], |row| row.get(0))?) };
    for session in 0.. {
        assert_eq!(commune.sync().await?.0, Some(0));
        if found()? > 0 {
            break;
        }
        anyhow::ensure!(session < 300, "nothing was checked");
    }
    let here = check(&programs().agent, &commune.data, &[]).await?;
    assert_eq!(found()?, i64::try_from(here.len())?);
    server.stop().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_district_adds_an_indicator_and_a_rule_and_both_ends_know_them_without_an_update() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let district = District::found(folder.path()).await?;
    let server = district.serve().await?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    commune.enroll(&district, district.address).await?;
    let written = |name: &str, rows: &str| -> Result<std::path::PathBuf> {
        let file = folder.path().join(name);
        std::fs::write(&file, rows)?;
        Ok(file)
    };
    let report = written(
        "report.csv",
        "indicator,field,from,to,value,numerator,denominator,printed,where\n\
         web.clips,,2021-12-15,2022-12-14,3,,,,\nweb.news,,2021-12-15,2022-12-14,2,,,,\n",
    )?;
    let import = ["import", "--data", text(&commune.data), "declared", text(&report)];
    let refused = run(&programs().agent, &import).await?;
    assert!(String::from_utf8(refused.stderr)?.contains("dòng 2, cột indicator"), "nobody knows it yet");

    let indicators = written("indicators.csv", "code,name,unit,group,computed\nweb.clips,Video đã đăng,video,web,\n")?;
    let rules = written(
        "rules.csv",
        "id,rule,scope,at,statement,missing,severity,gap,basis,ask\n\
         clips,clips_within_news,total,web.clips,web.clips <= web.news,,warning,yes,KH 5/KH-UBND,Video nào không phải tin?\n",
    )?;
    for (kind, file) in [("indicators", &indicators), ("rules", &rules)] {
        expect(&programs().aggregator, &["reference", "--data", text(&district.data), "import", kind, text(file)]).await?;
    }
    expect(&programs().aggregator, &["reference", "--data", text(&district.data), "publish"]).await?;
    assert_eq!(commune.sync().await?.0, Some(0));
    expect(&programs().agent, &import).await?;
    let here = check(&programs().agent, &commune.data, &[]).await?;
    assert_eq!(keyed(&here).len(), 1, "{here:#?}");
    assert_eq!(
        (&here[0]["rule"], &here[0]["gap"], &here[0]["basis"]),
        (&"clips_within_news".into(), &1.into(), &"KH 5/KH-UBND".into())
    );
    assert_eq!(commune.sync().await?.0, Some(0));
    let there = check(&programs().aggregator, &district.data, &["--unit", "11089"]).await?;
    assert_eq!(keyed(&there), keyed(&here));
    server.stop().await?;
    Ok(())
}

/// A register in which one invented person comes twice on a day for the same procedure.
const TWICE: &str = "dossiers.csv";

#[tokio::test(flavor = "multi_thread")]
async fn by_file_too_one_person_twice_is_told_by_codes_and_decisions_come_back() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let district = District::found(folder.path()).await?;
    let commune = Commune::ngoc_ky(folder.path()).await?;
    let file = |name: &str| folder.path().join(name);
    let (asked, answer, sent, back) = (file("asked"), file("answer"), file("sent"), file("back"));
    let code = district.enroll_code("11089").await?;
    let agent = |arguments: Vec<String>| async move {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        expect(&programs().agent, &arguments).await
    };
    let at = |words: &[&str], path: &std::path::Path| {
        words.iter().map(|word| (*word).to_owned()).chain([text(path).to_owned()]).collect()
    };
    let (here, there) = (text(&commune.data), text(&district.data));
    agent(at(&["enroll", "--data", here, "--code", &code, "--request"], &asked)).await?;
    expect(&programs().aggregator, &["bundle", "--data", there, "import", text(&asked), "--out", text(&answer)]).await?;
    agent(at(&["bundle", "--data", here, "import"], &answer)).await?;

    let register = std::fs::read_to_string(fixture("ngoc-ky-dossiers.csv"))?;
    let mut lines = register.lines();
    let (heading, first) = (lines.next().context("a heading")?, lines.next().context("a dossier")?);
    let code_of = |line: &str| line.split(',').find(|cell| cell.starts_with("000.11.57.H23-")).map(str::to_owned);
    let first_code = code_of(first).context("a code")?;
    let second_code = format!("{}-4998", first_code.rsplit_once('-').context("a number")?.0);
    std::fs::write(file(TWICE), format!("{heading}\n{first}\n{}\n", first.replace(&first_code, &second_code)))?;
    commune.import(&file(TWICE)).await?;
    agent(at(&["bundle", "--data", here, "export"], &sent)).await?;
    expect(&programs().aggregator, &["bundle", "--data", there, "import", text(&sent)]).await?;
    let own = check(&programs().agent, &commune.data, &[]).await?;
    let district_finds = check(&programs().aggregator, &district.data, &["--unit", "11089"]).await?;
    let twice = own.iter().find(|finding| finding["rule"] == "duplicate_person_day").context("one person twice")?;
    assert_eq!(twice["evidence"], serde_json::json!([first_code, second_code]));
    let id = twice["id"].as_str().context("an id")?;
    assert_eq!(one(&district_finds, id)?["evidence"], twice["evidence"], "codes, and who it is stays at the office");

    decide(&district, id, Decision::Accept, "Hai con cùng ngày")?;
    expect(&programs().aggregator, &["bundle", "--data", there, "export", text(&back)]).await?;
    let said = agent(at(&["bundle", "--data", here, "import"], &back)).await?;
    assert!(said.contains("quyết định mới"), "{said}");
    assert_eq!(one(&check(&programs().agent, &commune.data, &[]).await?, id)?["state"], "accepted");
    for (program, data) in [(&programs().agent, here), (&programs().aggregator, there)] {
        expect(program, &["verify", "--data", data, "--rebuild"]).await?;
        expect(program, &["verify", "--data", data]).await?;
    }
    let rebuilt = check(&programs().aggregator, &district.data, &["--unit", "11089"]).await?;
    assert_eq!(one(&rebuilt, id)?["state"], "accepted", "also from the log alone");
    Ok(())
}

//! The day on which two communes become one: every office and the district as real processes.

use std::path::Path;

use anyhow::{Context, Result};
use motcua_tests::world::{Commune, District, expect, programs, run, text};
use serde_json::Value;

const NGOC_KY: &str = "11089";
const TAI_SON: &str = "11098@2019-12-01";
const KY_SON: &str = "11098@2024-12-01";
const NOVEMBER: (&str, &str) = ("2024-11-01", "2024-11-30");
const DECEMBER: (&str, &str) = ("2024-12-01", "2024-12-31");
const YEAR: (&str, &str) = ("2024-01-01", "2024-12-31");

/// A register of November 2024: so many dossiers, of which the first `done` have their result.
fn register(folder: &Path, identifier: &str, count: u32, done: u32) -> Result<std::path::PathBuf> {
    let mut csv = String::from(
        "code,procedure,channel,submitted_by,received_at,due_at,finished_at,outcome,returned_at,components_digitised,\
         result_digitised,fee_vnd,paid_online,rating,applicant_name,applicant_id,applicant_phone,applicant_address\n",
    );
    for number in 1..=count {
        let day = format!("2024-11-{:02}", 4 + number);
        let code = format!("{identifier}-2411{:02}-0001", 4 + number);
        let end = if number <= done { format!("{day}T15:00:00+07:00,granted,{day}T16:00:00+07:00") } else { ",,".to_owned() };
        let row = format!("{code},2.000815,in_person,citizen,{day}T08:00:00+07:00,,{end},none,no,0,no,,Nguyễn Thử {number},,,\n");
        csv += &row;
    }
    let file = folder.join(format!("{identifier}.csv"));
    std::fs::write(&file, csv)?;
    Ok(file)
}

async fn enroll(commune: &Commune, district: &District, unit: &str) -> Result<()> {
    let code = district.enroll_code(unit).await?;
    let url = format!("https://{}", district.address);
    expect(&programs().agent, &["enroll", "--data", text(&commune.data), "--aggregator", &url, "--code", &code]).await?;
    Ok(())
}

async fn hand_over(from: &Commune, to: &str, file: &Path) -> Result<Value> {
    let arguments = ["handover", "--data", text(&from.data), "export", "--to", to, text(file), "--on", "2024-12-01", "--json"];
    Ok(serde_json::from_str(&expect(&programs().agent, &arguments).await?)?)
}

async fn take_over(at: &Commune, file: &Path, code: &str) -> Result<Value> {
    let arguments = ["handover", "--data", text(&at.data), "import", text(file), "--code", code, "--json"];
    Ok(serde_json::from_str(&expect(&programs().agent, &arguments).await?)?)
}

/// Columns 3 to 6, 7 and 11: received (total, online, direct, carried over), resolved, pending.
fn columns(form: &Value) -> [i64; 6] {
    let total = &form["total"];
    let cell = |group: &str, column: &str| total[group][column].as_i64().unwrap_or(i64::MIN);
    let all = [
        cell("received", "total"),
        cell("received", "online"),
        cell("received", "direct"),
        cell("received", "carried_over"),
        cell("resolved", "total"),
        cell("pending", "total"),
    ];
    assert_eq!((all[0], all[0]), (all[1] + all[2] + all[3], all[4] + all[5]), "{form}");
    let rows: i64 = form["rows"].as_array().expect("rows").iter().map(|row| row["pending"]["total"].as_i64().unwrap_or(0)).sum();
    assert_eq!(rows, all[5], "{form}");
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn on_the_day_of_a_merger_open_dossiers_go_over_and_every_balance_goes_on() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let district = District::found(folder.path()).await?;
    let server = district.serve().await?;
    let ngoc_ky = Commune::found(&folder.path().join("a"), NGOC_KY, "Xã Ngọc Kỳ", "000.11.57.H23").await?;
    let tai_son = Commune::found(&folder.path().join("b"), "11098", "Xã Tái Sơn", "000.12.57.H23").await?;
    let ky_son = Commune::found(&folder.path().join("c"), "11098", "Xã Kỳ Sơn", "000.13.57.H23").await?;
    for (commune, unit) in [(&ngoc_ky, NGOC_KY), (&tai_son, TAI_SON), (&ky_son, "11098")] {
        enroll(commune, &district, unit).await?;
    }
    ngoc_ky.import(&register(folder.path(), "000.11.57.H23", 7, 4)?).await?;
    tai_son.import(&register(folder.path(), "000.12.57.H23", 5, 3)?).await?;
    for commune in [&ngoc_ky, &tai_son, &ky_son] {
        assert_eq!(commune.sync().await?.0, Some(0));
    }
    let of = async |unit: Option<&str>, (from, to): (&str, &str)| {
        Ok::<_, anyhow::Error>(columns(&district.ii06(from, to, unit).await?))
    };
    let november = [of(Some(NGOC_KY), NOVEMBER).await?, of(Some(TAI_SON), NOVEMBER).await?, of(None, NOVEMBER).await?];
    assert_eq!(november, [[7, 0, 7, 0, 4, 3], [5, 0, 5, 0, 3, 2], [12, 0, 12, 0, 7, 5]]);
    assert_eq!(of(Some("11098"), NOVEMBER).await?, november[1], "the code means who carried it in November");

    // Written twice: the words of the first file were lost.
    let (first, second) = (folder.path().join("ngoc-ky.bg"), folder.path().join("tai-son.bg"));
    hand_over(&ngoc_ky, KY_SON, &first).await?;
    let again = hand_over(&ngoc_ky, KY_SON, &first).await?;
    assert_eq!((again["closed"].as_i64(), again["again"].as_i64()), (Some(0), Some(3)));
    let other = hand_over(&tai_son, KY_SON, &second).await?;
    let wrong = ["handover", "--data", text(&ngoc_ky.data), "import", text(&first), "--code", "000"];
    assert_ne!(run(&programs().agent, &wrong).await?.status.code(), Some(0));
    for (file, written, taken) in [(&first, &again, 3), (&second, &other, 2), (&first, &again, 0)] {
        let code = written["code"].as_str().context("words")?;
        assert_eq!(take_over(&ky_son, file, code).await?["taken"].as_i64(), Some(taken));
    }

    // The new office's entries come before those of the old ones.
    assert_eq!(ky_son.sync().await?.0, Some(0));
    assert_eq!(of(Some(KY_SON), DECEMBER).await?, [5, 0, 0, 5, 0, 5]);
    for commune in [&tai_son, &ngoc_ky] {
        assert_eq!(commune.sync().await?.0, Some(0));
    }
    for unit in [NGOC_KY, TAI_SON] {
        assert_eq!(of(Some(unit), DECEMBER).await?, [0; 6], "its chain has ended");
        let here = if unit == NGOC_KY { &ngoc_ky } else { &tai_son };
        assert_eq!(columns(&here.ii06(YEAR.0, YEAR.1).await?), of(Some(unit), YEAR).await?, "both ends agree");
    }
    assert_eq!(columns(&ky_son.ii06(DECEMBER.0, DECEMBER.1).await?), [5, 0, 0, 5, 0, 5]);
    assert_eq!(of(Some("11098"), DECEMBER).await?, [5, 0, 0, 5, 0, 5], "and now it means the new unit");
    assert_eq!(of(None, NOVEMBER).await?, november[2], "what was reported stays");
    assert_eq!(of(None, DECEMBER).await?, [5, 0, 0, 5, 0, 5], "6(n) = 11(n-1) for the node");
    assert_eq!(of(None, YEAR).await?, [12, 0, 12, 0, 7, 5], "received once, open once");

    let code = "000.11.57.H23-241111-0001";
    for (commune, state) in [(&ngoc_ky, "handed_over"), (&ky_son, "processing")] {
        let shown = expect(&programs().agent, &["dossier", "--data", text(&commune.data), "show", code, "--json"]).await?;
        let shown: Value = serde_json::from_str(&shown)?;
        assert_eq!((shown["state"].as_str(), shown["code"].as_str()), (Some(state), Some(code)));
        commune.verify().await?;
    }
    let as_now = ["report", "--data", text(&district.data), "ii06", "--from", YEAR.0, "--to", YEAR.1, "--unit", NGOC_KY];
    let as_now = expect(&programs().aggregator, &[&as_now[..], &["--as", "now", "--format", "json"]].concat()).await?;
    let as_now: Value = serde_json::from_str(&as_now)?;
    assert_eq!((as_now["unit"].as_str(), as_now["unit_since"].as_str()), (Some("11113"), Some("2025-07-01")), "Tân Kỳ today");
    assert_eq!(columns(&as_now), [12, 0, 12, 0, 7, 5], "with the figures of all in whose place it stands");
    district.verify().await?;
    server.stop().await?;
    Ok(())
}

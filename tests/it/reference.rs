//! Reference data on its way down: published by the district, taken by an office whole or not at all, beside the uplink.

use std::fmt::Write;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use ed25519_dalek::SigningKey;
use motcua_shared::reference::Statement;
use motcua_shared::wire::decode;
use motcua_tests::register::Dice;
use motcua_tests::world::{Commune, District, Server, expect, programs, run, text};
use rusqlite::{Connection, params};
use serde_json::Value;
use tokio::process::Command;

const HEADING: &str = "code,procedure,channel,submitted_by,received_at,due_at,finished_at,outcome,returned_at,components_digitised,\
                       result_digitised,fee_vnd,paid_online,rating,applicant_name,applicant_id,applicant_phone,applicant_address\n";
/// Two working days in the built-in catalogue.
const PROCEDURE: &str = "2.000913";
/// A period that holds every date below.
const PERIOD: (&str, &str) = ("2026-10-01", "2027-06-30");

/// A district that serves, and a commune that is enrolled and has sent everything.
async fn world(folder: &std::path::Path) -> Result<(District, Server, Commune)> {
    let district = District::found(folder).await?;
    let server = district.serve().await?;
    let commune = Commune::ngoc_ky(folder).await?;
    commune.enroll(&district, district.address).await?;
    Ok((district, server, commune))
}

fn code(number: usize) -> String {
    format!("000.11.57.H23-261116-{number:04}")
}

/// Takes over dossiers: number, reception, and the end of those that have one.
async fn receive(commune: &Commune, dossiers: &[(usize, &str, &str)]) -> Result<()> {
    let mut csv = HEADING.to_owned();
    for (number, received, finished) in dossiers {
        let outcome = if finished.is_empty() { "" } else { "granted" };
        writeln!(
            csv,
            "{},{PROCEDURE},in_person,citizen,{received},,{finished},{outcome},,none,no,0,no,,Nguyễn Thị Thử,030200000001,,",
            code(*number)
        )?;
    }
    let file = commune.data.with_extension("csv");
    std::fs::write(&file, csv)?;
    commune.import(&file).await?;
    Ok(())
}

async fn import(district: &District, kind: &str, csv: &str, more: &[&str]) -> Result<String> {
    let file = district.data.with_extension("csv");
    std::fs::write(&file, csv)?;
    let arguments = [&["reference", "--data", text(&district.data), "import", kind, text(&file)], more].concat();
    expect(&programs().aggregator, &arguments).await
}

async fn publish(district: &District) -> Result<String> {
    expect(&programs().aggregator, &["reference", "--data", text(&district.data), "publish"]).await
}

async fn publish_days(district: &District, rows: &str) -> Result<String> {
    import(district, "holidays", &format!("date,name,kind,unit,decision\n{rows}\n"), &["--decision", "9/TB-UBND"]).await?;
    publish(district).await
}

async fn due(commune: &Commune, number: usize) -> Result<String> {
    let arguments = ["dossier", "--data", text(&commune.data), "show", &code(number), "--json"];
    let shown: Value = serde_json::from_str(&expect(&programs().agent, &arguments).await?)?;
    Ok(shown["due_at"].as_str().context("a due time")?.to_owned())
}

fn due_at_district(district: &District, number: usize) -> Result<String> {
    Ok(district.database()?.query_row("select due_at from dossier where code = ?1", [code(number)], |row| row.get(0))?)
}

fn count(connection: &Connection, sql: &str) -> Result<i64> {
    Ok(connection.query_row(sql, [], |row| row.get(0))?)
}

fn rescheduled(connection: &Connection) -> Result<i64> {
    count(connection, "select count(*) from entry where json_extract(body, '$.kind') = 'rescheduled'")
}

/// One sync that must send everything; gives the version in force after it, and what is said of it.
async fn sync(commune: &Commune) -> Result<(u64, Value)> {
    let (exit, said) = commune.sync().await?;
    assert_eq!(exit, Some(0), "{said}");
    let status = commune.status().await?;
    assert_eq!(status["pending"], 0);
    Ok((status["reference_version"].as_u64().context("a version")?, status["reference_problem"].clone()))
}

async fn rebuild_and_compare(commune: &Commune, district: &District) -> Result<()> {
    expect(&programs().agent, &["verify", "--data", text(&commune.data), "--rebuild"]).await?;
    expect(&programs().aggregator, &["verify", "--data", text(&district.data), "--rebuild"]).await?;
    let (ours, theirs) = (commune.ii06(PERIOD.0, PERIOD.1).await?, district.ii06(PERIOD.0, PERIOD.1, Some(&commune.unit)).await?);
    assert_eq!((&ours["rows"], &ours["total"]), (&theirs["rows"], &theirs["total"]));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_catalogue_counts_for_new_dossiers_and_changes_none_that_was_received() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (district, _server, commune) = world(folder.path()).await?;
    let desk = commune.serve().await?;
    receive(&commune, &[(1, "2026-11-16T09:00:00+07:00", ""), (2, "2026-11-16T09:00:00+07:00", "2026-11-18T09:00:00+07:00")])
        .await?;
    assert_eq!(sync(&commune).await?, (0, Value::Null));

    let row = format!(
        "code,name,field,limit_value,limit_unit,after_15h_next_day,fee_vnd\n{PROCEDURE},Sửa đổi giao dịch,chung_thuc,5,working_day,no,30000\n"
    );
    let said = import(&district, "procedures", &row, &["--decision", "7/QĐ-UBND", "--from", "2026-01-01"]).await?;
    assert!(said.contains("5 ngày làm việc") && said.contains("7/QĐ-UBND"), "{said}");
    assert_eq!(sync(&commune).await?.0, 0, "a draft reaches nobody");
    publish(&district).await?;
    assert_eq!(sync(&commune).await?, (1, Value::Null));

    receive(&commune, &[(3, "2026-11-16T09:00:00+07:00", "")]).await?;
    assert_eq!(due(&commune, 3).await?, "2026-11-23T17:00:00+07:00");
    let form = "id=0193a6f0-0000-7000-8000-000000000009&procedure=2.000913&channel=in_person&submitted_by=citizen&name=Le+Thi+Thu\
                &received_at=09:00+20/11/2026";
    rustls::crypto::ring::default_provider().install_default().ok();
    let client = reqwest::Client::builder().no_proxy().build()?;
    let media = ("content-type", "application/x-www-form-urlencoded");
    let bearer = commune.bearer("clerk").await?;
    let post = client.post(format!("{}/dossiers", desk.url)).header("authorization", &bearer).header(media.0, media.1);
    let page = post.body(form).send().await?.text().await?;
    assert!(page.contains("17:00 30/11/2026"), "24/11 is a holiday: {page}");
    let page = client.get(format!("{}/sync", desk.url)).header("authorization", &bearer).send().await?.text().await?;
    assert!(page.contains("phiên bản 1, áp dụng từ"), "{page}");

    assert_eq!(sync(&commune).await?, (1, Value::Null));
    for _ in 0..2 {
        for number in [1, 2] {
            assert_eq!(due(&commune, number).await?, "2026-11-18T17:00:00+07:00");
            assert_eq!(due_at_district(&district, number)?, "2026-11-18T17:00:00+07:00");
        }
        rebuild_and_compare(&commune, &district).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalogue_goes_out_and_comes_in_as_a_workbook_and_an_office_keeps_its_hours() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (district, _server, commune) = world(folder.path()).await?;
    let received = "2027-03-15T09:00:00+07:00";
    receive(&commune, &[(1, received, "")]).await?;
    let book = folder.path().join("tthc.xlsx");
    let reference = |more: &[&str]| {
        [&["reference", "--data", text(&district.data)], more].concat().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let say = async |more: Vec<String>| {
        let arguments: Vec<&str> = more.iter().map(String::as_str).collect();
        expect(&programs().aggregator, &arguments).await
    };
    say(reference(&["export", text(&book)])).await?;
    let said = say(reference(&["import", "procedures", text(&book), "--decision", "5/QĐ-UBND", "--from", "2027-01-01"])).await?;
    assert!(said.contains("không có gì khác"), "{said}");
    let mut rows = motcua_shared::catalogue::procedures(std::fs::read(&book)?).map_err(|faults| anyhow::anyhow!("{faults:?}"))?;
    let row = rows.iter_mut().find(|row| row.code == PROCEDURE).context("the procedure")?;
    row.online_limit = Some(motcua_shared::deadline::Limit::WorkingDays(1));
    row.result = Some("Giao dịch đã sửa đổi".to_owned());
    let made_at = motcua_shared::typed::time("08:00 20/11/2026").context("a time")?;
    std::fs::write(&book, motcua_shared::catalogue::sheet(&rows).to_xlsx(made_at)?)?;
    let said = say(reference(&["import", "procedures", text(&book), "--decision", "5/QĐ-UBND", "--from", "2027-01-01"])).await?;
    assert!(said.contains("thời hạn trực tuyến 1 ngày làm việc") && said.contains("Đã nhập 2 thay đổi"), "{said}");
    let hours = "days,morning,afternoon,valid_from,unit\nt2-t6,07:30-11:30,13:00-16:30,2027-01-01,11089\n";
    let said = import(&district, "hours", hours, &["--decision", "4/QĐ-UBND"]).await?;
    assert!(said.contains("giờ làm việc t2-t6 của đơn vị 11089"), "{said}");
    publish(&district).await?;
    assert_eq!(sync(&commune).await?, (1, Value::Null));
    assert_eq!(rescheduled(&commune.database()?)?, 0, "other hours change no promise");
    assert_eq!(due(&commune, 1).await?, "2027-03-17T17:00:00+07:00");
    receive(&commune, &[(2, received, "")]).await?;
    assert_eq!(due(&commune, 2).await?, "2027-03-17T16:30:00+07:00", "by its own hours");
    let online =
        format!("{HEADING}{},{PROCEDURE},online,citizen,{received},,,,,none,no,0,no,,Nguyễn Thị Thử,030200000001,,\n", code(3));
    let file = folder.path().join("online.csv");
    std::fs::write(&file, online)?;
    commune.import(&file).await?;
    assert_eq!(due(&commune, 3).await?, "2027-03-16T16:30:00+07:00", "a day less online");
    assert_eq!(sync(&commune).await?.0, 1);
    rebuild_and_compare(&commune, &district).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_holiday_moves_open_dossiers_once_and_both_ends_agree() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (district, _server, commune) = world(folder.path()).await?;
    let received = "2027-03-15T09:00:00+07:00";
    receive(&commune, &[(1, received, ""), (2, received, "2027-03-16T09:00:00+07:00"), (3, "2027-03-10T09:00:00+07:00", "")])
        .await?;
    assert_eq!(sync(&commune).await?.0, 0);
    publish_days(&district, "2027-03-17,Nghỉ,le,,").await?;
    assert_eq!(sync(&commune).await?, (1, Value::Null), "what it moved is sent with the same command");
    for _ in 0..2 {
        assert_eq!(due(&commune, 1).await?, "2027-03-18T17:00:00+07:00");
        assert_eq!(due_at_district(&district, 1)?, "2027-03-18T17:00:00+07:00");
        assert_eq!(due(&commune, 2).await?, "2027-03-17T17:00:00+07:00", "it is finished");
        assert_eq!(due(&commune, 3).await?, "2027-03-12T17:00:00+07:00", "its clock ended before");
        rebuild_and_compare(&commune, &district).await?;
        assert_eq!(sync(&commune).await?.0, 1);
        assert_eq!((rescheduled(&commune.database()?)?, rescheduled(&district.database()?)?), (1, 1));
    }
    publish_days(&district, "2027-03-18,Bão,dong_cua,11098,1/QĐ-UBND").await?;
    assert_eq!(sync(&commune).await?.0, 2);
    publish_days(&district, "2027-03-17,,ngay_thuong,,").await?;
    assert_eq!(sync(&commune).await?.0, 3);
    assert_eq!(rescheduled(&commune.database()?)?, 1, "another office's closure moves nothing, and nothing is brought forward");
    publish_days(&district, "2027-03-18,Bão,dong_cua,11089,2/QĐ-UBND").await?;
    assert_eq!(sync(&commune).await?.0, 4);
    assert_eq!(due(&commune, 1).await?, "2027-03-19T17:00:00+07:00");
    receive(&commune, &[(4, received, "")]).await?;
    assert_eq!(due(&commune, 4).await?, "2027-03-17T17:00:00+07:00", "by the calendar of version 4");
    assert_eq!(sync(&commune).await?.0, 4);
    rebuild_and_compare(&commune, &district).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_whole_or_not_signed_is_refused_and_never_stops_the_uplink() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (district, _server, commune) = world(folder.path()).await?;
    publish_days(&district, "2027-03-17,Nghỉ,le,,").await?;
    assert_eq!(sync(&commune).await?.0, 1);
    publish_days(&district, "2027-03-19,Nghỉ,le,,").await?;
    let rows = district.database()?;
    let payload: Vec<u8> = rows.query_row("select statement from reference where version = 2", [], |row| row.get(0))?;
    let foreign = decode::<Statement>(&payload)?.sign(&SigningKey::from_bytes(&[9; 32]));

    rows.execute_batch("create table kept as select * from reference where version = 2")?;
    let damages = [
        ("update reference set body = replace(body, '2027-03-19', '2027-03-18') where version = 2", "bị sửa"),
        ("update reference set body = substr(body, 1, 500) where version = 2", "bị thiếu"),
        ("update reference set signature = ?1 where version = 2", "chữ ký"),
        ("alter table reference rename to gone", "chưa kết nối được"),
    ];
    for (number, (damage, words)) in (1..).zip(damages) {
        let places: &[&dyn rusqlite::ToSql] = if damage.contains("?1") { params![foreign.signature] } else { &[] };
        rows.execute(damage, places)?;
        receive(&commune, &[(number, "2027-03-22T09:00:00+07:00", "")]).await?;
        let (version, problem) = sync(&commune).await?;
        assert_eq!(version, 1, "{damage}: the old version stays");
        assert!(problem.as_str().is_some_and(|problem| problem.contains(words)), "{damage}: {problem}");
        if damage.starts_with("update") {
            rows.execute_batch("delete from reference where version = 2; insert into reference select * from kept")?;
        }
    }
    rows.execute_batch("alter table gone rename to reference")?;
    assert_eq!(sync(&commune).await?, (2, Value::Null));
    district.verify().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_killed_while_it_takes_a_version_has_the_old_or_the_new_whole() -> Result<()> {
    const OPEN: usize = 400;
    let folder = tempfile::tempdir()?;
    let (district, _server, commune) = world(folder.path()).await?;
    let dossiers: Vec<_> = (1..=OPEN).map(|number| (number, "2027-03-15T09:00:00+07:00", "")).collect();
    receive(&commune, &dossiers).await?;
    assert_eq!(sync(&commune).await?.0, 0);
    let mut dice = Dice::new(3);
    let (mut killed, mut patience) = (0, 100_000);
    for (version, day) in (1..=3).zip(["2027-03-17", "2027-03-18", "2027-03-19"]) {
        publish_days(&district, &format!("{day},Nghỉ,le,,")).await?;
        loop {
            let mut command = Command::new(&programs().agent);
            command.args(["sync", "--data", text(&commune.data)]).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
            let mut agent = command.spawn()?;
            // The moment of the kill is chance; no assertion depends on it.
            tokio::time::sleep(Duration::from_micros(dice.below(patience))).await;
            let _ = agent.start_kill();
            killed += i32::from(!agent.wait().await?.success());
            let database = commune.database()?;
            let held = count(&database, "select coalesce(max(version), 0) from reference")?;
            assert_eq!(rescheduled(&database)?, held * i64::try_from(OPEN)?, "all that a version moves, or nothing");
            if held == version {
                break;
            }
            patience += 20_000; // on a busy machine too it comes to an end
        }
    }
    assert!(killed > 0, "at least one sync was killed");
    assert_eq!(sync(&commune).await?, (3, Value::Null));
    assert_eq!(due(&commune, OPEN).await?, "2027-03-22T17:00:00+07:00");
    rebuild_and_compare(&commune, &district).await
}

/// A district that published version 2 (18 March off) after the backup from which it is restored, and a commune that has it.
async fn restored(folder: &std::path::Path) -> Result<(District, Server, Commune)> {
    let (mut district, server, commune) = world(folder).await?;
    publish_days(&district, "2027-03-17,Nghỉ,le,,").await?;
    let yesterday = folder.join("yesterday");
    expect(&programs().aggregator, &["backup", "--data", text(&district.data), text(&yesterday)]).await?;
    publish_days(&district, "2027-03-18,Nghỉ,le,,").await?;
    assert_eq!(sync(&commune).await?, (2, Value::Null));
    server.kill().await?;
    district.data = folder.join("again");
    expect(&programs().aggregator, &["restore", "--data", text(&district.data), text(&yesterday)]).await?;
    let server = district.serve().await?;
    Ok((district, server, commune))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_district_gets_a_newer_version_back_from_an_office() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (district, _server, commune) = restored(folder.path()).await?;
    for _ in 0..2 {
        assert_eq!(sync(&commune).await?, (2, Value::Null), "no older version comes back");
        assert_eq!(count(&district.database()?, "select max(version) from reference")?, 2);
    }
    let neighbour = Commune::found(folder.path(), "11098", "Xã Tái Sơn", "000.11.58.H23").await?;
    neighbour.enroll(&district, district.address).await?;
    assert_eq!(sync(&neighbour).await?, (2, Value::Null));
    publish_days(&district, "2027-03-19,Nghỉ,le,,").await?;
    for commune in [&commune, &neighbour] {
        assert_eq!(sync(commune).await?, (3, Value::Null));
    }
    receive(&commune, &[(1, "2027-03-15T09:00:00+07:00", "")]).await?;
    assert_eq!(due(&commune, 1).await?, "2027-03-22T17:00:00+07:00", "17, 18 and 19 March are off");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_restored_district_publishes_counts_whatever_its_number() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (district, _server, commune) = restored(folder.path()).await?;
    publish_days(&district, "2027-03-19,Nghỉ,le,,").await?;
    assert_eq!(sync(&commune).await?, (2, Value::Null), "the same number, published in the new life");
    receive(&commune, &[(1, "2027-03-15T09:00:00+07:00", "")]).await?;
    assert_eq!(due(&commune, 1).await?, "2027-03-18T17:00:00+07:00", "17 and 19 March are off");
    assert_eq!(sync(&commune).await?.0, 2);
    rebuild_and_compare(&commune, &district).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_file_changes_nothing_and_every_fault_is_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let district = District::found(folder.path()).await?;
    let file = folder.path().join("bad.csv");
    let cases = [
        ("holidays", "date,name,kind\n2027-02-30,?,le\n2027-03-17,?,holiday\n", &["dòng 2", "dòng 3", "holiday"][..]),
        (
            "procedures",
            "code,name,field,limit_value,limit_unit,after_15h_next_day,fee_vnd\n1,=A,khac,5,day,no,0\n",
            &["dòng 2, cột name", "ô có công thức", "cột limit_unit"],
        ),
        ("hours", "days,morning,afternoon,valid_from\nt2-t6,11:00-07:00,,2027-01-01\n", &["dòng 2, cột morning"]),
        ("holidays", "date,name,kind\n2027-03-16,?,lam_bu\n", &["ngày 16/03/2027", "thứ bảy"]),
        ("targets", "indicator,level,unit,year,value\nx,commune,11089,2027,1\n", &["mục tiêu x năm 2027"]),
        ("rulesets", "id,holiday_change\nnd9-2099,keeps\n", &["nd9-2099"]),
        ("snapshot", "{}", &["reference export"]),
    ];
    for (kind, csv, words) in cases {
        std::fs::write(&file, csv)?;
        let arguments = ["reference", "--data", text(&district.data), "import", kind, text(&file)];
        let refused = run(&programs().aggregator, &arguments).await?;
        let said = String::from_utf8(refused.stderr)?;
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(words.iter().all(|word| said.contains(word)), "{kind}: {said}");
    }
    let exported = folder.path().join("all.json");
    let export = ["reference", "--data", text(&district.data), "export", text(&exported)];
    expect(&programs().aggregator, &export).await?;
    let said = expect(&programs().aggregator, &["reference", "--data", text(&district.data), "diff", text(&exported)]).await?;
    assert!(said.starts_with("0 thay đổi"), "{said}");
    let nothing = run(&programs().aggregator, &["reference", "--data", text(&district.data), "publish"]).await?;
    assert_eq!(nothing.status.code(), Some(2), "nothing was collected: {}", String::from_utf8_lossy(&nothing.stderr));
    let said = expect(&programs().aggregator, &["reference", "--data", text(&district.data), "show"]).await?;
    assert!(said.contains("Chưa công bố phiên bản nào"), "{said}");
    Ok(())
}

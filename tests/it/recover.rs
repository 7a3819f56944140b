//! A replaced PC has everything back with one command, the recovery key and a one-time code.

use std::path::Path;
use std::process::Output;

use anyhow::{Context, Result};
use motcua_tests::register;
use motcua_tests::world::{Commune, District, programs, run, text};

async fn recover(district: &District, data: &Path, more: &[&str]) -> Result<Output> {
    let code = district.enroll_code("11089").await?;
    let url = format!("https://{}", district.address);
    let mut arguments = vec!["recover", "--data", text(data), "--unit", "11089", "--aggregator", &url, "--code", &code];
    arguments.extend(more);
    run(&programs().agent, &arguments).await
}

/// A commune whose 120 dossiers are at the district.
async fn synced(folder: &Path, district: &District) -> Result<Commune> {
    let commune = Commune::ngoc_ky(folder).await?;
    let file = folder.join("register.csv");
    std::fs::write(&file, register::csv(9, "000.11.57.H23", "2023-01-03".parse()?, 120))?;
    commune.import(&file).await?;
    commune.enroll(district, district.address).await?;
    assert_eq!(commune.sync().await?.0, Some(0));
    Ok(commune)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_pc_opens_every_name_and_goes_on_in_a_new_stream() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let district = District::found(folder.path()).await?;
    let _server = district.serve().await?;
    let old = synced(folder.path(), &district).await?;
    let data = folder.path().join("new-pc");
    let output = recover(&district, &data, &["--recovery-key", &old.recovery_key]).await?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout)?;
    assert!(said.contains("120 hồ sơ") && said.contains("5000–5499"), "{said}");

    let new = Commune { unit: old.unit.clone(), name: old.name.clone(), data, recovery_key: String::new() };
    new.verify().await?;
    let (from, to) = ("2022-12-15", "2023-12-14");
    assert_eq!(new.ii06(from, to).await?["rows"], old.ii06(from, to).await?["rows"]);
    assert_ne!(new.status().await?["stream"], old.status().await?["stream"]);
    let code: String = old.database()?.query_row("select code from dossier order by code limit 1", [], |row| row.get(0))?;
    let shown = |commune: &Commune| {
        let data = commune.data.clone();
        let code = code.clone();
        async move {
            Ok::<_, anyhow::Error>(String::from_utf8(
                run(&programs().agent, &["dossier", "--data", text(&data), "show", &code]).await?.stdout,
            )?)
        }
    };
    let (was, is) = (shown(&old).await?, shown(&new).await?);
    assert!(was.contains("Người nộp") && was.lines().nth(1) == is.lines().nth(1), "{was}\n{is}");

    let file = folder.path().join("later.csv");
    std::fs::write(&file, register::csv(10, "000.11.57.H23", "2024-01-03".parse()?, 10))?;
    new.import(&file).await?;
    assert_eq!(new.sync().await?.0, Some(0));
    let node = district.ii06(from, "2024-12-14", Some("11089")).await?;
    assert_eq!(node["total"], new.ii06(from, "2024-12-14").await?["total"]);
    district.verify().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_key_it_says_what_is_lost_and_leaves_nothing_half_done() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let district = District::found(folder.path()).await?;
    let _server = district.serve().await?;
    let old = synced(folder.path(), &district).await?;
    let stranger = Commune::found(folder.path(), "11098", "Xã Tái Sơn", "000.11.58.H23").await?;
    let data = folder.path().join("new-pc");
    let refusals = [
        (vec!["--recovery-key", "ABC"], "chữ và số"),
        (vec!["--recovery-key", stranger.recovery_key.as_str()], "không phải của đơn vị"),
        (vec![], "KHÔNG mở lại được tên"),
    ];
    for (arguments, expected) in refusals {
        let output = recover(&district, &data, &arguments).await?;
        let said = String::from_utf8(output.stderr)?;
        assert!(output.status.code() == Some(2) && said.contains(expected), "{said}");
        assert!(!data.join("motcua.db").exists(), "nothing is left behind");
    }
    let output = recover(&district, &data, &["--without-key"]).await?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout)?;
    assert!(said.contains("120 hồ sơ") && said.contains("không mở lại được"), "{said}");
    let new = Commune { unit: old.unit.clone(), name: old.name.clone(), data, recovery_key: String::new() };
    new.verify().await.context("what cannot be opened is still whole")?;
    let (from, to) = ("2022-12-15", "2023-12-14");
    assert_eq!(new.ii06(from, to).await?["total"], old.ii06(from, to).await?["total"]);
    Ok(())
}

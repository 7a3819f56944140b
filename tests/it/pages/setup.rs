//! The first day: an office made in the browser, from an empty folder to the first dossier.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use motcua_tests::browser::{Browser, Chromium, Script};
use motcua_tests::world::{Commune, District, Server, expect, programs, text, until};
use serde_json::json;

use super::access::{SCREENS, look_at};
use super::{ADMIN, Desk, PASSWORD, weeks};

/// Looks at a step of the set-up, and adds what is in somebody's way; without script there is nothing to look with.
async fn step(browser: &Browser, script: Script, name: &str, found: &mut Vec<String>) -> Result<()> {
    if script == Script::Off {
        return Ok(());
    }
    found.extend(look_at(browser, &format!("agent/setup/{name}"), &SCREENS).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_office_is_founded_in_the_browser_and_works_the_same_day() -> Result<()> {
    first_day(Script::On).await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_script_an_office_is_founded_too() -> Result<()> {
    first_day(Script::Off).await
}

async fn first_day(script: Script) -> Result<()> {
    let Some(chromium) = Chromium::start().await? else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let district = District::found(folder.path()).await?;
    let _district = district.serve().await?;
    let data = folder.path().join("office");
    let arguments = ["serve", "--data", text(&data), "--listen", "127.0.0.1:0"];
    let server = Server::start(&programs().agent, &arguments, &folder.path().join("office.log")).await?;
    let browser = chromium.browser_with(script).await?;
    let mut found = Vec::new();

    browser.open(&server.url).await?;
    browser.sees("Thiết lập máy này").await?;
    step(&browser, script, "start", &mut found).await?;
    browser.click("Lấy lại từ tệp sao lưu").await?;
    browser.sees("Khóa khôi phục đã chép ra giấy").await?;
    step(&browser, script, "restore", &mut found).await?;
    browser.click("Quay lại").await?;
    browser.click("Lấy lại từ huyện").await?;
    browser.sees("Mã đăng ký dùng một lần").await?;
    step(&browser, script, "recover", &mut found).await?;
    browser.click("Quay lại").await?;

    browser.click("Đơn vị mới").await?;
    browser.fill("Mã đơn vị hành chính", "11089").await?;
    browser.fill("Tên đơn vị", "Xã Ngọc Kỳ").await?;
    browser.fill("Mã định danh", "000.11.57.H23").await?;
    step(&browser, script, "office", &mut found).await?;
    browser.click("Tiếp tục").await?;
    browser.sees("Hãy chép khóa này ra giấy").await?;
    step(&browser, script, "key", &mut found).await?;
    let key = browser
        .run("return [...document.querySelectorAll('.recovery li')].map(group => group.innerText.trim())", json!([]))
        .await?;
    let key: Vec<String> = serde_json::from_value(key)?;
    let labels =
        browser.run("return [...document.querySelectorAll('label')].map(label => label.innerText.trim())", json!([])).await?;
    let labels: Vec<String> = serde_json::from_value(labels)?;
    browser.fill(&labels[0], "SAI").await?;
    browser.fill(&labels[1], "SAI").await?;
    browser.click("Đã chép").await?;
    browser.sees("chưa khớp với khóa").await?;
    for label in &labels {
        let place: usize = label.rsplit(' ').next().context("a number")?.parse()?;
        browser.fill(label, &key[place - 1].to_lowercase()).await?;
    }
    browser.click("Đã chép").await?;

    browser.sees("Đăng ký với huyện").await?;
    step(&browser, script, "enrol", &mut found).await?;
    browser.fill("Địa chỉ của huyện", &format!("https://{}", district.address)).await?;
    browser.fill("Mã đăng ký", &district.enroll_code("11089").await?).await?;
    browser.click("Đăng ký").await?;
    browser.fill("Tên đăng nhập", "lan.nt").await?;
    step(&browser, script, "user", &mut found).await?;
    browser.fill("Mật khẩu", PASSWORD).await?;
    browser.fill("Gõ lại mật khẩu", PASSWORD).await?;
    browser.click("Tạo tài khoản").await?;
    browser.sees("Hôm nay").await?;
    browser.sees("Xã Ngọc Kỳ").await?;
    browser.open(&format!("{}/setup/user", server.url)).await?;
    browser.sees("Hôm nay").await?; // the set-up is over
    ensure!(found.is_empty(), "{} barriers:\n{}", found.len(), found.join("\n"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_office_whose_key_is_lost_gets_its_figures_back_and_a_new_key() -> Result<()> {
    let Some(chromium) = Chromium::start().await? else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let district = District::found(folder.path()).await?;
    let _district = district.serve().await?;
    let old = Commune::ngoc_ky(folder.path()).await?;
    old.import(&weeks(folder.path(), "000.11.57.H23")?).await?;
    old.enroll(&district, district.address).await?;
    old.sync().await?;
    let before = old.dossiers().await?.len();

    let data = folder.path().join("new");
    let arguments = ["serve", "--data", text(&data), "--listen", "127.0.0.1:0"];
    let server = Server::start(&programs().agent, &arguments, &folder.path().join("new.log")).await?;
    let browser = chromium.browser().await?;
    browser.open(&server.url).await?;
    browser.click("Lấy lại từ huyện").await?;
    browser.fill("Mã đơn vị hành chính", "11089").await?;
    browser.fill("Địa chỉ của huyện", &format!("https://{}", district.address)).await?;
    browser.fill("Mã đăng ký", &district.enroll_code("11089").await?).await?;
    browser.fill("Khóa khôi phục", "ABCD").await?;
    browser.tick("Đã mất khóa khôi phục").await?;
    browser.click("Lấy lại đơn vị").await?;
    browser.sees("hãy bỏ một trong hai").await?;
    browser.fill("Khóa khôi phục", "").await?;
    browser.click("Lấy lại đơn vị").await?;
    browser.sees(&format!("Đã lấy lại {before} hồ sơ")).await?;
    browser.sees("Hãy chép khóa khôi phục mới này ra giấy").await?;
    let found = look_at(&browser, "agent/setup/new-key", &SCREENS).await?;
    ensure!(found.is_empty(), "{} barriers:\n{}", found.len(), found.join("\n"));
    browser.click("Đã chép, tiếp tục").await?;
    browser.fill("Tên đăng nhập", "lan.nt").await?;
    browser.fill("Mật khẩu", PASSWORD).await?;
    browser.fill("Gõ lại mật khẩu", PASSWORD).await?;
    browser.click("Tạo tài khoản").await?;
    browser.sees("Hôm nay").await?;
    browser.open(&format!("{}/dossiers", server.url)).await?;
    browser.click("Quá hạn").await?;
    browser.click("000.11.57.H23-").await?;
    browser.sees("không mở được bằng khóa của máy này").await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_office_without_a_line_enrols_and_sends_by_files_from_its_pages() -> Result<()> {
    let Some(chromium) = Chromium::start().await? else { return Ok(()) };
    let desk = Desk::at_work().await?;
    let district = District::found(desk.folder.path()).await?;
    let (here, there) = (desk.folder.path().join("usb"), desk.folder.path().join("answers"));
    std::fs::create_dir_all(&here)?;
    std::fs::create_dir_all(&there)?;
    let browser = chromium.browser().await?;
    browser.downloads_to(&here).await?;
    desk.open(&browser, ADMIN, "/sync").await?;
    browser.click("Không có mạng").await?;
    let days = ["enroll-code", "--data", text(&district.data), "--unit", "11089", "--days", "14", "--json"];
    let made: serde_json::Value = serde_json::from_str(&expect(&programs().aggregator, &days).await?)?;
    browser.fill("Mã đăng ký", made["code"].as_str().context("a code")?).await?;
    browser.click("Tải tệp yêu cầu đăng ký").await?;
    let request = downloaded(&here, 1).await?;
    let answer = there.join("answer");
    let carry = async |file: &Path, answer: &Path| {
        let arguments = ["bundle", "--data", text(&district.data), "import", text(file), "--out", text(answer)];
        expect(&programs().aggregator, &arguments).await
    };
    carry(&request, &answer).await?;
    browser.open(&desk.url("/sync")).await?;
    browser.click("Không có mạng").await?;
    browser.attach("Tệp mang từ huyện về", &answer).await?;
    browser.click("Nhập tệp").await?;
    browser.sees("Đã đăng ký với huyện: Xã Ngọc Kỳ").await?;

    browser.click("Xem tình trạng gửi").await?;
    browser.sees("gửi bằng gói").await?;
    browser.click("Tải gói mang về huyện").await?;
    let bundle = downloaded(&here, 2).await?;
    browser.open(&desk.url("/sync")).await?;
    browser.does_not_see("Đã gửi hết").await?; // nothing counts as sent before its receipt is home
    browser.attach("Tệp mang từ huyện về", &bundle).await?;
    browser.click("Nhập tệp").await?;
    browser.sees("Đây là gói của xã gửi lên huyện").await?;
    let receipt = there.join("receipt");
    carry(&bundle, &receipt).await?;
    browser.open(&desk.url("/sync")).await?;
    browser.attach("Tệp mang từ huyện về", &receipt).await?;
    browser.click("Nhập tệp").await?;
    browser.sees("huyện đã lưu đủ tất cả").await?;
    browser.open(&desk.url("/")).await?;
    browser.sees("Đã gửi hết").await?;
    let status = desk.commune.status().await?;
    ensure!(status["pending"] == 0, "{status}");
    Ok(())
}

/// The newest of so many files that the browser has saved.
async fn downloaded(folder: &Path, count: usize) -> Result<PathBuf> {
    let whole = || -> Result<Vec<PathBuf>> {
        let files = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
        Ok(files.into_iter().filter(|file| file.extension().is_some_and(|extension| extension == "motcua")).collect())
    };
    until("a file is downloaded", || Ok(whole()?.len() == count)).await?;
    let mut files = whole()?;
    files.sort_by_key(|file| std::fs::metadata(file).and_then(|about| about.modified()).ok());
    files.pop().context("a file")
}

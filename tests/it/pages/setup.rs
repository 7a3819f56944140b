//! The first day: an office made in the browser, from an empty folder to the first dossier.

use anyhow::{Context, Result, ensure};
use motcua_tests::browser::{Browser, Chromium};
use motcua_tests::world::{District, Server, programs, text};
use serde_json::json;

use super::PASSWORD;
use super::access::{SCREENS, look_at};

/// Looks at a step of the set-up, and adds what is in somebody's way.
async fn step(browser: &Browser, name: &str, found: &mut Vec<String>) -> Result<()> {
    found.extend(look_at(browser, &format!("agent/setup/{name}"), &SCREENS).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_office_is_founded_in_the_browser_and_works_the_same_day() -> Result<()> {
    let Some(chromium) = Chromium::start().await? else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let district = District::found(folder.path()).await?;
    let _district = district.serve().await?;
    let data = folder.path().join("office");
    let arguments = ["serve", "--data", text(&data), "--listen", "127.0.0.1:0"];
    let server = Server::start(&programs().agent, &arguments, &folder.path().join("office.log")).await?;
    let browser = chromium.browser().await?;
    let mut found = Vec::new();

    browser.open(&server.url).await?;
    browser.sees("Thiết lập máy này").await?;
    step(&browser, "start", &mut found).await?;
    browser.click("Lấy lại từ tệp sao lưu").await?;
    browser.sees("Khóa khôi phục đã chép ra giấy").await?;
    step(&browser, "restore", &mut found).await?;
    browser.click("Quay lại").await?;
    browser.click("Lấy lại từ huyện").await?;
    browser.sees("Mã đăng ký dùng một lần").await?;
    step(&browser, "recover", &mut found).await?;
    browser.click("Quay lại").await?;

    browser.press(&["1"]).await?;
    browser.fill("Mã đơn vị hành chính", "11089").await?;
    browser.fill("Tên đơn vị", "Xã Ngọc Kỳ").await?;
    browser.fill("Mã định danh", "000.11.57.H23").await?;
    step(&browser, "office", &mut found).await?;
    browser.click("Tiếp tục").await?;
    browser.sees("Hãy chép khóa này ra giấy").await?;
    step(&browser, "key", &mut found).await?;
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
    step(&browser, "enrol", &mut found).await?;
    browser.fill("Địa chỉ của huyện", &format!("https://{}", district.address)).await?;
    browser.fill("Mã đăng ký", &district.enroll_code("11089").await?).await?;
    browser.click("Đăng ký").await?;
    browser.fill("Tên đăng nhập", "lan.nt").await?;
    step(&browser, "user", &mut found).await?;
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

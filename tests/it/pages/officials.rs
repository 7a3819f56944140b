//! The district's people as they work in a browser: an administrator, an officer who publishes with a second pair of eyes, a
//! commune's leader on a phone.

use anyhow::{Result, ensure};
use motcua_tests::browser::{Browser, Chromium, Screen};
use serde_json::json;

use super::access::look_at;
use super::routes::walk;
use super::{PASSWORD, Table, log_in};

/// Opens a page as somebody, and logs in on the way.
async fn open_as(table: &Table, browser: &Browser, name: &str, path: &str) -> Result<()> {
    browser.open(&table.url(path)).await?;
    log_in(browser, name, PASSWORD).await
}

/// What stands in bold after a secret was made: it is shown once.
async fn secret(browser: &Browser) -> Result<String> {
    let script = "return document.querySelector('.notice.good b.code, .notice.good b.wrap')?.innerText ?? ''";
    let secret = browser.run(script, json!([])).await?.as_str().unwrap_or_default().to_owned();
    ensure!(!secret.is_empty(), "a secret is shown");
    Ok(secret)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_gets_an_account_and_sees_the_own_commune_on_a_phone_and_no_other() -> Result<()> {
    let Some(chromium) = Chromium::start().await? else { return Ok(()) };
    let table = Table::laid().await?;
    let admin = chromium.browser().await?;
    table.open(&admin, "/").await?;
    admin.click("Quản trị").await?;
    admin.fill("Tên đăng nhập", "binh.lv").await?;
    admin.choose("Vai trò", "lãnh đạo xã").await?;
    admin.choose("Đơn vị (chỉ cho lãnh đạo xã)", "Xã Tứ Kỳ (11074)").await?;
    admin.click("Thêm tài khoản").await?;
    admin.sees("Mật khẩu tạm của binh.lv").await?;
    let made = secret(&admin).await?;

    let phone = chromium.browser().await?;
    phone.look(Screen::PHONE).await?;
    phone.open(&table.url("/")).await?;
    log_in(&phone, "binh.lv", &made).await?;
    phone.sees("Mật khẩu đang dùng do người khác đặt").await?;
    phone.fill("Mật khẩu đang dùng", &made).await?;
    phone.fill("Mật khẩu mới, ít nhất 10 ký tự", PASSWORD).await?;
    phone.fill("Gõ lại mật khẩu mới", PASSWORD).await?;
    phone.click("Đổi mật khẩu").await?;
    phone.sees("Xã Tứ Kỳ (11074)").await?;
    phone.sees("Xã của tôi").await?;
    phone.does_not_see("So sánh").await?;
    phone.does_not_see("Xã Ngọc Kỳ").await?;
    let found = look_at(&phone, "aggregator/leader", &[Screen::PHONE]).await?;
    ensure!(found.is_empty(), "{}", found.join("\n"));
    phone.click("Gửi dữ liệu").await?;
    phone.sees("Tình trạng gửi dữ liệu").await?;
    phone.does_not_see("Xã Ngọc Kỳ").await?;
    phone.no_complaints().await?;
    phone.open(&table.url("/units/11098")).await?;
    phone.sees("chỉ xem được số liệu của đơn vị mình").await?;

    admin.open(&table.url("/audit?who=binh.lv")).await?;
    admin.sees("bị từ chối").await?;
    admin.sees("/units/11098").await?;
    admin.no_complaints().await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_link_of_every_role_leads_where_that_role_may_go() -> Result<()> {
    let Some(chromium) = Chromium::start().await? else { return Ok(()) };
    let table = Table::laid().await?;
    let mut counts = Vec::new();
    for (name, role, more) in [("xem", "viewer", &[][..]), ("canbo", "officer", &[]), ("lanhdao", "leader", &["--unit", "11089"])]
    {
        table.district.user(name, role, more, PASSWORD).await?;
        let browser = chromium.browser().await?;
        open_as(&table, &browser, name, "/").await?;
        let walked = walk(&browser, "aggregator", &table.url(""), &["/"]).await?;
        counts.push(walked.pages.len());
        for page in ["/people", "/tokens", "/machines", "/audit"] {
            ensure!(!walked.pages.contains_key(page), "{name} is led to {page}");
            browser.open(&table.url(page)).await?;
            browser.sees("không thuộc quyền").await?;
        }
    }
    ensure!(counts[2] < counts[0] && counts[0] <= counts[1], "a leader has fewer pages: {counts:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_officer_drafts_a_day_off_and_another_person_publishes_it() -> Result<()> {
    let Some(chromium) = Chromium::start().await? else { return Ok(()) };
    let table = Table::empty().await?;
    table.district.user("canbo", "officer", &[], PASSWORD).await?;
    let officer = chromium.browser().await?;
    open_as(&table, &officer, "canbo", "/reference").await?;
    officer.sees("Chưa công bố phiên bản nào").await?;
    officer.open(&table.url("/reference/tables/holidays")).await?;
    officer.fill("Ngày", "17/03/2027").await?;
    officer.fill("Tên", "Nghỉ thử").await?;
    officer.choose("Loại", "ngày lễ").await?;
    officer.fill("Quyết định, thông báo", "9/TB-UBND").await?;
    officer.click("Đưa vào bản nháp").await?;
    officer.sees("9/TB-UBND").await?;
    officer.open(&table.url("/reference")).await?;
    officer.sees("17/03/2027").await?;
    officer.click("Công bố cho các xã").await?;
    officer.sees("chính canbo đã soạn bản nháp này").await?;

    let admin = chromium.browser().await?;
    table.open(&admin, "/reference").await?;
    admin.sees("bạn là người xem lại").await?;
    admin.click("Công bố cho các xã").await?;
    admin.sees("Đã công bố phiên bản 1").await?;
    admin.sees("người khác soạn, đã xem lại").await?;
    officer.open(&table.url("/reference/versions/1")).await?;
    officer.sees("người soạn canbo").await?;
    admin.no_complaints().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_lets_a_pc_in_and_takes_it_back() -> Result<()> {
    let Some(chromium) = Chromium::start().await? else { return Ok(()) };
    let table = Table::laid().await?;
    let admin = chromium.browser().await?;
    table.open(&admin, "/machines").await?;
    let script = "const form = document.querySelector('form[action=\"/machines/code\"]'); form.querySelector('select').selectedIndex = 1; form.requestSubmit()";
    admin.run(script, json!([])).await?;
    admin.sees("dùng một lần").await?;
    ensure!(secret(&admin).await?.len() > 20, "a code is shown");
    admin.open(&table.url("/machines?unit=11089")).await?;
    admin.click("Thu hồi").await?;
    admin.fill("Lý do", "máy bị mất").await?;
    admin.click("Tiếp").await?;
    admin.sees("Chắc chắn thu hồi?").await?;
    admin.click("Thu hồi chứng thư").await?;
    admin.sees("Đã thu hồi chứng thư").await?;
    let (exit, _) = table.communes[0].sync().await?;
    ensure!(exit != Some(0), "a PC that was taken back sends nothing");
    admin.no_complaints().await
}

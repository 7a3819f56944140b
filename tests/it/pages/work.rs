//! What a dossier goes through at the desk, as its clerks work on it in a browser.

use anyhow::{Context, Result, ensure};
use chrono::{Days, Utc};
use motcua_shared::calendar::{Calendar, local, local_day};
use motcua_tests::browser::{Browser, Chromium, Script};
use motcua_tests::line::{Line, Weather};
use motcua_tests::world::District;

use super::receive::{Person, receive};
use super::{ADMIN, CLERK, Desk, log_in};

/// A procedure of several working days.
const MARITAL_STATUS: &str = "1.004873";

/// A working day in about a month, as a clerk types it.
pub fn in_a_month() -> Result<String> {
    let today = local_day(local(Utc::now()));
    let calendar = Calendar::starter();
    let day = (30..).find_map(|days| today.checked_add_days(Days::new(days)).filter(|day| calendar.is_working_day(*day)));
    Ok(day.context("a working day")?.format("%d/%m/%Y").to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dossier_waits_for_papers_comes_back_complete_and_is_returned() -> Result<()> {
    let Some(chromium) = Chromium::start().await? else { return Ok(()) };
    let desk = Desk::empty().await?;
    let browser = chromium.browser().await?;
    desk.open(&browser, CLERK, "/dossiers/new").await?;
    let code = receive(&browser, &Person::invented("Đỗ Đức Thử", "030912345678"), MARITAL_STATUS).await?;
    whole_life(&desk, &browser, &code).await?;
    browser.no_complaints().await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_script_everything_is_done_all_the_same() -> Result<()> {
    let Some(chromium) = Chromium::start().await? else { return Ok(()) };
    let desk = Desk::empty().await?;
    let browser = chromium.browser_with(Script::Off).await?;
    desk.open(&browser, CLERK, "/dossiers/new").await?;
    let code = receive(&browser, &Person::invented("Vũ Thị Nháp", "030987654321"), MARITAL_STATUS).await?;
    whole_life(&desk, &browser, &code).await?;
    Ok(())
}

/// Supplement asked for and brought, result, return: each seen on the page.
async fn whole_life(desk: &Desk, browser: &Browser, code: &str) -> Result<()> {
    open_dossier(desk, browser, code).await?;
    browser.click("Yêu cầu bổ sung").await?;
    browser.fill("Những gì cần bổ sung", "Thiếu bản sao trích lục khai sinh").await?;
    browser.click("Lưu: yêu cầu bổ sung").await?;
    browser.sees("Đã lưu").await?;
    browser.sees("chờ bổ sung").await?;
    browser.click("Đã bổ sung đủ").await?;
    browser.click("Lưu: đã bổ sung đủ").await?;
    browser.sees("đang giải quyết").await?;
    browser.does_not_see("Lưu: yêu cầu bổ sung").await?; // which the law allows once
    browser.click("Có kết quả").await?;
    browser.click("Lưu: có kết quả").await?;
    browser.sees("trước hạn").await?;
    browser.click("Trả kết quả").await?;
    browser.click("Lưu: trả kết quả").await?;
    browser.sees("đã trả kết quả").await?;
    browser.sees("“Thiếu bản sao trích lục khai sinh”").await?;
    let known = desk.commune.dossier(code).await?;
    ensure!(known["state"] == "returned" && known["verdict"] == "early", "{known}");
    Ok(())
}

async fn open_dossier(desk: &Desk, browser: &Browser, code: &str) -> Result<()> {
    browser.open(&desk.url(&format!("/dossiers/{code}"))).await?;
    browser.sees("Quá trình").await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_apology_comes_in_time_once_and_never_when_it_is_too_late() -> Result<()> {
    let Some(chromium) = Chromium::start().await? else { return Ok(()) };
    let desk = Desk::at_work().await?;
    let browser = chromium.browser().await?;
    desk.open(&browser, CLERK, "/dossiers/new").await?;
    let code = receive(&browser, &Person::invented("Bùi Minh Giả", "030900000001"), MARITAL_STATUS).await?;
    open_dossier(&desk, &browser, &code).await?;
    browser.click("Xin lỗi và hẹn lại").await?;
    let later = in_a_month()?;
    browser.fill("Hẹn trả mới", &later).await?;
    browser.click("Lưu: xin lỗi và hẹn lại").await?;
    browser.sees("ghi lý do chậm").await?;
    ensure!(browser.value("Hẹn trả mới").await? == later, "what was typed stays typed");
    browser.fill("Nói rõ lý do", "Chờ xác minh ở nơi cư trú trước đây").await?;
    browser.click("Lưu: xin lỗi và hẹn lại").await?;
    browser.sees("Đã lưu").await?;
    let due = desk.commune.dossier(&code).await?["due_at"].as_str().context("a due time")?.to_owned();
    let shown = format!("{}/{}/{}", &due[8..10], &due[5..7], &due[..4]);
    browser.sees(&shown).await?;
    browser.does_not_see("Lưu: xin lỗi và hẹn lại").await?;

    let overdue =
        desk.commune.dossiers().await?.into_iter().find(|dossier| dossier["state"] == "processing" && dossier["code"] != code);
    let overdue = overdue.context("an open dossier of weeks ago")?;
    open_dossier(&desk, &browser, overdue["code"].as_str().context("a code")?).await?;
    browser.sees("QUÁ HẠN").await?;
    browser.does_not_see("Xin lỗi và hẹn lại").await?;
    browser.click("Có kết quả").await?;
    browser.click("Lưu: có kết quả").await?;
    browser.sees("Đã lưu").await?;
    browser.sees("quá hạn").await?;
    browser.no_complaints().await
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_line_is_cut_the_page_says_so_and_takes_it_back_when_a_receipt_came() -> Result<()> {
    let Some(chromium) = Chromium::start().await? else { return Ok(()) };
    let desk = Desk::empty().await?;
    let district = District::found(desk.folder.path()).await?;
    let _server = district.serve().await?;
    let line = Line::start(district.address, Weather::clean())?;
    desk.commune.enroll(&district, line.addr()).await?;
    let browser = chromium.browser().await?;
    desk.open(&browser, CLERK, "/dossiers/new").await?;
    receive(&browser, &Person::invented("Phạm Thu Ví", "030900000002"), MARITAL_STATUS).await?;
    says_of_sync(&desk, &browser, "Đã gửi hết").await?;

    line.set(Weather::down());
    browser.open(&desk.url("/dossiers/new")).await?;
    receive(&browser, &Person::invented("Trần Văn Dụ", "030900000003"), MARITAL_STATUS).await?;
    says_of_sync(&desk, &browser, "1 hồ sơ chưa gửi").await?;
    says_of_sync(&desk, &browser, "mất mạng từ").await?;
    browser.does_not_see("Đã gửi hết").await?;

    line.set(Weather::clean());
    browser.open(&desk.url("/sync")).await?;
    browser.click("Gửi ngay").await?;
    says_of_sync(&desk, &browser, "Đã gửi hết").await?;
    browser.does_not_see("chưa gửi").await?;
    browser.no_complaints().await
}

/// Looks again until the line at the top says this.
async fn says_of_sync(desk: &Desk, browser: &Browser, words: &str) -> Result<()> {
    browser
        .until(&format!("the sync line says “{words}”"), async || {
            browser.open(&desk.url("/")).await?;
            Ok(browser.text().await?.contains(words))
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_at_one_pc_are_kept_apart_and_each_act_has_its_author() -> Result<()> {
    let Some(chromium) = Chromium::start().await? else { return Ok(()) };
    let desk = Desk::empty().await?;
    let browser = chromium.browser().await?;
    desk.open(&browser, CLERK, "/dossiers/new").await?;
    let code = receive(&browser, &Person::invented("Hoàng Ngọc Mẫu", "030900000004"), MARITAL_STATUS).await?;
    browser.click("Đăng xuất").await?;
    browser.open(&desk.url(&format!("/dossiers/{code}"))).await?;
    browser.does_not_see("Hoàng Ngọc Mẫu").await?;
    log_in(&browser, ADMIN, super::PASSWORD).await?;
    open_dossier(&desk, &browser, &code).await?;
    browser.click("Có kết quả").await?;
    browser.click("Lưu: có kết quả").await?;
    browser.sees("Đã lưu").await?;
    let text = browser.text().await?;
    ensure!(text.contains(CLERK) && text.contains(ADMIN), "both authors stand in the history:\n{text}");
    browser.no_complaints().await
}

#[tokio::test(flavor = "multi_thread")]
async fn four_browsers_at_once_lose_nothing_and_see_nothing_that_is_not_so() -> Result<()> {
    const EACH: usize = 3;
    let Some(chromium) = Chromium::start().await? else { return Ok(()) };
    let desk = Desk::empty().await?;
    let (one, two, three, four) =
        (chromium.browser().await?, chromium.browser().await?, chromium.browser().await?, chromium.browser().await?);
    let work = async |browser: &Browser, who: &str, number: usize| {
        let mut codes = Vec::new();
        for turn in 0..EACH {
            desk.open(browser, who, "/dossiers/new").await?;
            let person = Person::invented(&format!("Nguyễn Thị Tưởng {number}{turn}"), &format!("0309000001{number}{turn}"));
            codes.push(receive(browser, &person, MARITAL_STATUS).await?);
        }
        anyhow::Ok(codes)
    };
    let all = tokio::try_join!(work(&one, CLERK, 1), work(&two, CLERK, 2), work(&three, ADMIN, 3), work(&four, CLERK, 4))?;
    let mut codes = [all.0, all.1, all.2, all.3].concat();
    codes.sort();
    codes.dedup();
    ensure!(codes.len() == 4 * EACH, "every dossier has a number of its own: {codes:?}");
    let mut kept: Vec<String> =
        desk.commune.dossiers().await?.iter().filter_map(|dossier| dossier["code"].as_str().map(str::to_owned)).collect();
    kept.sort();
    ensure!(kept == codes, "{kept:?} are kept, {codes:?} were called saved");

    // Two look at one dossier; the first acts, the second acts on what is no longer so.
    let code = &codes[0];
    for browser in [&one, &two] {
        open_dossier(&desk, browser, code).await?;
        browser.click("Có kết quả").await?;
    }
    one.click("Lưu: có kết quả").await?;
    one.sees("Đã lưu").await?;
    two.choose("Kết quả", "Từ chối giải quyết").await?;
    two.fill("Ghi chú, hoặc nói rõ lý do", "Không đủ điều kiện").await?;
    two.click("Lưu: có kết quả").await?;
    two.sees("bước của bạn chưa được lưu").await?;
    two.sees("đã có kết quả").await?;
    let history = desk.commune.database()?.query_row(
        "select count(*) from entry where body like '%\"kind\":\"finished\"%'",
        [],
        |row| row.get::<_, u64>(0),
    )?;
    ensure!(history == 1, "finished {history} times");
    Ok(())
}

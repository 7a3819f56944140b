//! Receiving a dossier, as a clerk does it all day.

use anyhow::{Context, Result, ensure};
use motcua_tests::browser::{Browser, Chromium};
use motcua_tests::world::{District, expect, programs, text};

use super::{CLERK, Desk};

/// An invented person who brings a dossier.
pub struct Person {
    name: String,
    identity: String,
}

impl Person {
    pub fn invented(name: &str, identity: &str) -> Person {
        Person { name: name.to_owned(), identity: identity.to_owned() }
    }
}

/// Fills in the form that is open, saves it, and gives the number of the dossier.
pub async fn receive(browser: &Browser, person: &Person, procedure: &str) -> Result<String> {
    browser.fill("Thủ tục hành chính", procedure).await?;
    browser.fill("Họ và tên", &person.name).await?;
    browser.fill("Số căn cước", &person.identity).await?;
    browser.click("Lưu hồ sơ").await?;
    browser.sees("Đã lưu").await?;
    code(browser).await
}

/// The number of the dossier that the page speaks of.
async fn code(browser: &Browser) -> Result<String> {
    let text = browser.text().await?;
    let code = text.split(|letter: char| letter.is_whitespace() || letter == ',').find(|word| word.starts_with("000.11.57.H23-"));
    Ok(code.with_context(|| format!("a number on the page:\n{text}"))?.trim_end_matches(['.', ';']).to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dossier_is_received_by_keyboard_alone() -> Result<()> {
    let Some(chromium) = Chromium::start().await? else { return Ok(()) };
    let desk = Desk::empty().await?;
    let browser = chromium.browser().await?;
    desk.open(&browser, CLERK, "/").await?;
    browser.press(&["n"]).await?;
    browser.sees("Tiếp nhận lúc").await?;
    browser.tab_to("Thủ tục hành chính").await?;
    browser.types("tinh trang hon nhan").await?;
    browser.sees("Thủ tục cấp Giấy xác nhận tình trạng hôn nhân").await?;
    browser.press(&["Down", "Enter"]).await?;
    browser.sees("Hẹn trả 17:00").await?;
    browser.sees("3 ngày làm việc").await?;
    browser.tab_to("Số căn cước").await?;
    browser.types("030911112222").await?;
    browser.press(&["Tab"]).await?;
    browser.types("Nguyễn Thị Đào Thử").await?;
    browser.press(&["Control+Enter"]).await?;
    browser.sees("Đã lưu").await?;
    let first = code(&browser).await?;
    let known = desk.commune.dossier(&first).await?;
    ensure!(known["procedure"] == "1.004873", "{known}");

    // The next citizen is the same one: what is known is offered.
    browser.press(&["n"]).await?;
    browser.tab_to("Số căn cước").await?;
    browser.types("030911112222").await?;
    browser.sees("Người này đã nộp").await?;
    browser.sees(&first).await?;
    browser.tab_to("Điền tên").await?;
    browser.press(&["Enter"]).await?;
    browser.until("the name is filled in", async || Ok(browser.value("Họ và tên").await? == "Nguyễn Thị Đào Thử")).await?;
    browser.no_complaints().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_papers_that_a_procedure_asks_for_are_ticked_by_keyboard() -> Result<()> {
    let Some(chromium) = Chromium::start().await? else { return Ok(()) };
    let desk = Desk::empty().await?;
    let district = District::found(desk.folder.path()).await?;
    let _server = district.serve().await?;
    let file = desk.folder.path().join("procedures.csv");
    std::fs::write(
        &file,
        "code,name,field,limit_value,limit_unit,after_15h_next_day,fee_vnd,components\n\
         1.004873,Cấp Giấy xác nhận tình trạng hôn nhân,ho_tich,3,working_day,yes,0,\"Tờ khai xác nhận | bản chính | 1\nGiấy tờ tùy thân | bản sao | 2\"\n",
    )?;
    let reference = ["reference", "--data", text(&district.data)];
    let import = ["import", "procedures", text(&file), "--decision", "7/QĐ-UBND", "--from", "2026-01-01"];
    expect(&programs().aggregator, &[&reference[..], &import[..]].concat()).await?;
    expect(&programs().aggregator, &[&reference[..], &["publish"]].concat()).await?;
    desk.commune.enroll(&district, district.address).await?;
    desk.commune.sync().await?;

    let browser = chromium.browser().await?;
    desk.open(&browser, CLERK, "/dossiers/new").await?;
    browser.tab_to("Thủ tục hành chính").await?;
    browser.types("tinh trang hon nhan").await?;
    browser.sees("Cấp Giấy xác nhận tình trạng hôn nhân").await?;
    browser.press(&["Down", "Enter"]).await?;
    browser.sees("Giấy tờ tùy thân (bản sao, 2)").await?;
    browser.tab_to("Họ và tên").await?;
    browser.types("Kiều Thị Giấy").await?;
    browser.tab_to("Tờ khai xác nhận").await?;
    browser.press(&["Down", "Space"]).await?;
    browser.press(&["Control+Enter"]).await?;
    browser.sees("Đã lưu").await?;
    browser.sees("Giấy tờ tùy thân").await?;
    browser.does_not_see("Tờ khai xác nhận").await?;
    let code = code(&browser).await?;

    // The list is put right: all of it was there.
    browser.press(&["c"]).await?;
    browser.sees("Lý do đính chính").await?;
    browser.tick("Tờ khai xác nhận").await?;
    browser.fill("Lý do đính chính", "sót một giấy").await?;
    browser.click("Xem trước và sau").await?;
    browser.sees("Tờ khai xác nhận (1 bản chính); Giấy tờ tùy thân (2 bản sao)").await?;
    browser.click("Ghi đính chính").await?;
    browser.sees("Đính chính").await?;
    browser.open(&desk.url(&format!("/dossiers/{code}/forms/control_sheet"))).await?;
    browser.sees("Tờ khai xác nhận (bản chính, 1); Giấy tờ tùy thân (bản sao, 2)").await?;
    browser.no_complaints().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_typed_dossier_survives_a_power_cut() -> Result<()> {
    let Some(chromium) = Chromium::start().await? else { return Ok(()) };
    let desk = Desk::empty().await?;
    let browser = chromium.browser().await?;
    desk.open(&browser, CLERK, "/dossiers/new").await?;
    browser.fill("Thủ tục hành chính", "1.004873").await?;
    browser.fill("Địa chỉ", "Thôn Tưởng Tượng").await?;
    browser.fill("Họ và tên", "Đặng Thị Dở Dang").await?;
    browser.press(&["Tab"]).await?;
    browser.sees("Đã giữ bản nháp lúc").await?;
    let kept = "fetch('/drafts').then(answer => answer.text()).then(arguments[0])";
    browser
        .until("the whole draft is kept", async || {
            let drafts = browser.run_async(kept, serde_json::json!([])).await?;
            Ok(drafts.as_str().is_some_and(|drafts| drafts.contains("Đặng Thị Dở Dang")))
        })
        .await?;
    let Desk { commune, server, folder } = desk;
    server.kill().await?;

    let desk = Desk { server: commune.serve().await?, commune, folder };
    desk.open(&browser, CLERK, "/dossiers/new").await?;
    browser.sees("Có hồ sơ đang gõ dở").await?;
    browser.sees("Đặng Thị Dở Dang").await?;
    browser.click("Tiếp tục").await?;
    ensure!(browser.value("Họ và tên").await? == "Đặng Thị Dở Dang", "the name stands there");
    ensure!(browser.value("Địa chỉ").await? == "Thôn Tưởng Tượng", "the address stands there");
    browser.click("Lưu hồ sơ").await?;
    browser.sees("Đã lưu").await?;
    ensure!(desk.commune.dossiers().await?.len() == 1, "saved once");
    browser.open(&desk.url("/dossiers/new")).await?;
    browser.does_not_see("Có hồ sơ đang gõ dở").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_found_without_diacritics_in_any_order() -> Result<()> {
    let Some(chromium) = Chromium::start().await? else { return Ok(()) };
    let desk = Desk::at_work().await?;
    let browser = chromium.browser().await?;
    desk.open(&browser, CLERK, "/dossiers/new").await?;
    let code = receive(&browser, &Person::invented("Đặng Đức Đào Quýt", "030977778888"), "1.004873").await?;
    for asked in ["dao quyt dang", "ĐẶNG ĐỨC", "quýt", "030977778888", "8888", &code] {
        browser.open(&desk.url("/dossiers")).await?;
        browser.fill("Tên (có dấu hay không", asked).await?;
        browser.press(&["Enter"]).await?;
        browser.sees(&code).await?;
        browser.sees("Đặng Đức Đào Quýt").await?;
    }
    browser.open(&desk.url("/dossiers")).await?;
    browser.fill("Tên (có dấu hay không", "khong ai ten nhu the").await?;
    browser.press(&["Enter"]).await?;
    browser.sees("Không có hồ sơ nào khớp").await?;
    browser.no_complaints().await
}

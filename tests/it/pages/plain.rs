//! The counter with script switched off: every step of a dossier, many at once, finding, the citizens' page, log-in.

use anyhow::{Context, Result, ensure};
use motcua_tests::browser::{Browser, Chromium, Script};

use super::receive::{Person, receive};
use super::{ADMIN, CLERK, Desk, PASSWORD, log_in};

/// A procedure of several working days.
const MARITAL_STATUS: &str = "1.004873";

async fn received(desk: &Desk, browser: &Browser, name: &str, identity: &str) -> Result<String> {
    desk.open(browser, CLERK, "/dossiers/new").await?;
    let code = receive(browser, &Person::invented(name, identity), MARITAL_STATUS).await?;
    browser.open(&desk.url(&format!("/dossiers/{code}"))).await?;
    Ok(code)
}

#[tokio::test(flavor = "multi_thread")]
async fn without_script_a_dossier_is_handed_on_put_off_and_refused() -> Result<()> {
    let Some(chromium) = Chromium::start().await? else { return Ok(()) };
    let desk = Desk::empty().await?;
    let browser = chromium.browser_with(Script::Off).await?;
    let code = received(&desk, &browser, "Lý Thị Chuyển", "030900000011").await?;
    browser.click("Chuyển xử lý").await?;
    browser.fill("Chức danh, bộ phận", "Công chức tư pháp - hộ tịch").await?;
    browser.choose("Chuyển cho", "Công chức").await?;
    browser.click("Lưu: chuyển xử lý").await?;
    browser.sees("Đã lưu vào máy này: Chuyển xử lý").await?;
    browser.sees("Công chức tư pháp - hộ tịch").await?;
    browser.click("Nhận lại từ nơi xử lý").await?;
    browser.click("Lưu: nhận lại từ nơi xử lý").await?;
    browser.sees("Đã lưu vào máy này: Nhận lại từ nơi xử lý").await?;
    browser.click("Xin lỗi và hẹn lại").await?;
    browser.fill("Hẹn trả mới", &super::work::in_a_month()?).await?;
    browser.choose("Lý do", "Cần xác minh thêm").await?;
    browser.click("Lưu: xin lỗi và hẹn lại").await?;
    browser.sees("Đã lưu vào máy này: Xin lỗi và hẹn lại").await?;
    browser.click("Có kết quả").await?;
    browser.choose("Kết quả", "Từ chối giải quyết").await?;
    browser.choose("Lý do, khi từ chối", "Không đủ điều kiện").await?;
    browser.click("Lưu: có kết quả").await?;
    browser.sees("Đã lưu vào máy này: Có kết quả").await?;
    for (form, words) in
        [("Mẫu 03", "Không đủ điều kiện theo quy định"), ("Mẫu 04", "Cần xác minh thêm"), ("Phiếu ký nhận", "NGƯỜI NHẬN KẾT QUẢ")]
    {
        browser.open(&desk.url(&format!("/dossiers/{code}"))).await?;
        browser.click(form).await?;
        browser.sees(words).await?;
        browser.sees("Lý Thị Chuyển").await?;
    }
    let known = desk.commune.dossier(&code).await?;
    ensure!(known["state"] == "finished", "{known}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_script_several_are_finished_at_once_found_corrected_and_judged() -> Result<()> {
    let Some(chromium) = Chromium::start().await? else { return Ok(()) };
    let desk = Desk::empty().await?;
    let browser = chromium.browser_with(Script::Off).await?;
    let one = received(&desk, &browser, "Mai Đức Một", "030900000021").await?;
    let two = received(&desk, &browser, "Mai Đức Hai", "030900000022").await?;
    browser.open(&desk.url("/?list=open")).await?;
    for code in [&one, &two] {
        browser.tick(&format!("Chọn {code}")).await?;
    }
    browser.click("Có kết quả K").await?;
    browser.sees("2 hồ sơ cùng lúc").await?;
    browser.click("Lưu cho các hồ sơ đã chọn").await?;
    browser.sees("Đã lưu 2 hồ sơ").await?;

    browser.open(&desk.url("/dossiers")).await?;
    browser.fill("Tên (có dấu hay không", "hai duc").await?;
    browser.choose("Tình trạng", "đã có kết quả").await?;
    browser.click("Tìm").await?;
    browser.sees("Mai Đức Hai").await?;
    browser.does_not_see("Mai Đức Một").await?;
    browser.fill("Lưu bộ lọc này với tên", "Chờ nhận").await?;
    browser.click("Lưu bộ lọc").await?;
    browser.sees("Bộ lọc đã lưu").await?;
    browser.click("Chờ nhận").await?;
    browser.sees("Mai Đức Hai").await?;

    browser.open(&desk.url(&format!("/dossiers/{two}/correct"))).await?;
    browser.fill("Họ và tên", "Mai Đức Hải").await?;
    browser.fill("Lý do đính chính", "gõ thiếu dấu").await?;
    browser.click("Xem trước và sau").await?;
    browser.sees("Mai Đức Hải").await?;
    browser.click("Ghi đính chính").await?;
    browser.sees("Đã lưu").await?;

    browser.open(&desk.url("/kiosk")).await?;
    browser.fill("Mã hồ sơ trên giấy hẹn", &one).await?;
    browser.click("Xem").await?;
    browser.sees("có kết quả").await?;
    browser.does_not_see("Mai Đức Một").await?;
    browser.click("Đánh giá việc giải quyết").await?;
    browser.tick("Rất tốt").await?;
    browser.click("Gửi phiếu").await?;
    browser.sees("Phiếu đánh giá đã được lưu").await?;
    let rated =
        desk.commune
            .database()?
            .query_row("select count(*) from entry where body like '%\"kind\":\"rated\"%'", [], |row| row.get::<_, u64>(0))?;
    ensure!(rated == 1, "judged {rated} times");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_script_people_log_in_change_places_and_are_looked_after() -> Result<()> {
    let Some(chromium) = Chromium::start().await? else { return Ok(()) };
    let desk = Desk::empty().await?;
    let browser = chromium.browser_with(Script::Off).await?;
    browser.open(&desk.url("/")).await?;
    browser.fill("Tên đăng nhập", CLERK).await?;
    browser.fill("Mật khẩu", "sai hoàn toàn").await?;
    browser.click("Đăng nhập").await?;
    browser.sees("không đúng").await?;
    log_in(&browser, CLERK, PASSWORD).await?;
    browser.sees("Hôm nay").await?;
    browser.open(&desk.url("/people")).await?;
    browser.sees("không thuộc quyền").await?;
    browser.click("Đăng xuất").await?;
    desk.open(&browser, ADMIN, "/people").await?;
    browser.sees(CLERK).await?;
    browser.open(&desk.url("/workload")).await?;
    browser.sees("không thuộc quyền").await?;
    let address = browser.address().await?;
    ensure!(address.ends_with("/workload"), "{address}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_script_a_half_typed_form_is_kept_and_a_slip_says_what_is_missing() -> Result<()> {
    let Some(chromium) = Chromium::start().await? else { return Ok(()) };
    let desk = Desk::empty().await?;
    let browser = chromium.browser_with(Script::Off).await?;
    desk.open(&browser, CLERK, "/dossiers/new").await?;
    browser.fill("Thủ tục hành chính", "tinh trang hon nhan").await?;
    browser.fill("Họ và tên", "Tạ Thị Dở").await?;
    browser.click("Tìm thủ tục, xem hẹn trả").await?;
    browser.sees("Hẹn trả 17:00").await?;
    browser.click("Lưu nháp").await?;
    browser.sees("Đã giữ bản nháp").await?;
    browser.open(&desk.url("/dossiers/new")).await?;
    browser.sees("Có hồ sơ đang gõ dở").await?;
    browser.click("Tiếp tục").await?;
    browser.click("Chưa tiếp nhận được").await?;
    browser.choose("Lý do chưa tiếp nhận", "Thiếu thành phần").await?;
    browser.fill("Những gì cần hoàn thiện", "Tờ khai xác nhận").await?;
    browser.click("Hướng dẫn hoàn thiện").await?;
    browser.sees("Mẫu 02").await?;
    browser.sees("- Tờ khai xác nhận").await?;
    let codes = desk.commune.dossiers().await?;
    let slip = codes.first().context("a slip")?;
    ensure!(slip["state"] == "guided", "{slip}");
    Ok(())
}

//! What the district does with its communes' figures, as an officer does it in a browser.

use anyhow::{Context, Result, ensure};
use motcua_tests::browser::{Browser, Chromium};
use motcua_tests::line::{Line, Weather};
use motcua_tests::register;

use super::{Desk, LEADER, Table};

#[tokio::test(flavor = "multi_thread")]
async fn an_officer_compares_looks_at_a_commune_and_files_a_report_that_stays() -> Result<()> {
    let Some(chromium) = Chromium::start().await? else { return Ok(()) };
    let table = Table::laid().await?;
    let browser = chromium.browser().await?;
    table.open(&browser, "/").await?;
    browser.sees("tổng quan").await?;
    browser.click("So sánh").await?;
    browser.sees("So sánh các đơn vị").await?;
    browser.sees("Xã Kỳ Sơn").await?; // which Tái Sơn became
    browser.click("Xã Ngọc Kỳ").await?;
    browser.sees("Xã Ngọc Kỳ (11089)").await?;

    browser.open(&table.url("/reports/ii06?from=15/12/2024&to=14/12/2025")).await?;
    browser.click("Chốt báo cáo này").await?;
    browser.sees("Báo cáo II.06 số 1").await?;
    browser.does_not_see("Chênh lệch so với số liệu hiện nay").await?;

    // A commune finds a register of that year in a drawer.
    let late = table.folder.path().join("late.csv");
    std::fs::write(&late, register::csv(9, "000.00.98.H23", "2025-03-03".parse()?, 12))?;
    table.communes[1].import(&late).await?;
    table.communes[1].sync().await?;
    browser.reload().await?;
    browser.sees("Chênh lệch so với số liệu hiện nay").await?;
    browser.click("Lập báo cáo bổ sung").await?;
    browser.sees("Báo cáo II.06 số 2").await?;
    browser.sees("báo cáo số 1").await?;
    browser.no_complaints().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finding_is_explained_over_a_cut_line_rejected_explained_again_and_accepted() -> Result<()> {
    let Some(chromium) = Chromium::start().await? else { return Ok(()) };
    let table = Table::empty().await?;
    let desk = Desk::empty().await?;
    let line = Line::start(table.district.address, Weather::clean())?;
    desk.commune.import_declared().await?;
    desk.commune.enroll(&table.district, line.addr()).await?;
    let (exit, said) = desk.commune.sync().await?;
    ensure!(exit == Some(0), "{said}");

    let leader = chromium.browser().await?;
    desk.open(&leader, LEADER, "/findings").await?;
    line.set(Weather::down());
    leader.click("Giải trình").await?;
    leader.choose("Lý do", "tính trùng").await?;
    leader.fill("Nói rõ thêm", "Ba hồ sơ được đếm ở cả hai kỳ").await?;
    leader.click("Gửi giải trình").await?;
    leader.sees("Đã giải trình").await?;
    leader.sees("chưa gửi").await?;

    let officer = chromium.browser().await?;
    table.open(&officer, "/findings").await?;
    officer.sees("20 phát hiện").await?;
    let explained = "return [...document.querySelectorAll('tbody tr')].some(row => row.innerText.includes('đã giải trình'))";
    ensure!(officer.run(explained, serde_json::json!([])).await? == false, "nothing came through the line that is cut");
    line.set(Weather::clean());
    let (exit, said) = desk.commune.sync().await?;
    ensure!(exit == Some(0), "{said}");
    let explained = explained_finding(&table, &officer).await?;
    officer.open(&explained).await?;
    officer.sees("Ba hồ sơ được đếm ở cả hai kỳ").await?;
    line.set(Weather::down());
    officer.tick("Không chấp nhận").await?;
    officer.fill("Lý do (bắt buộc khi không chấp nhận)", "Ba hồ sơ nào? Hãy ghi mã").await?;
    officer.click("Lưu quyết định").await?;
    officer.sees("giải trình không được chấp nhận").await?;

    // The decision waits at the district until there is a line.
    desk.commune.sync().await?;
    leader.reload().await?;
    leader.sees("đã giải trình, chờ huyện xem").await?;
    leader.does_not_see("Huyện không chấp nhận").await?;
    line.set(Weather::clean());
    desk.commune.sync().await?;
    leader.reload().await?;
    leader.sees("Huyện không chấp nhận").await?;
    leader.sees("Ba hồ sơ nào? Hãy ghi mã").await?;
    leader.click("Giải trình lại").await?;
    leader.choose("Lý do", "ghi nhầm, sẽ sửa lại").await?;
    leader.fill("Nói rõ thêm", "Sổ ghi hai lần, không có mã").await?;
    leader.click("Gửi giải trình").await?;
    leader.sees("Sổ ghi hai lần, không có mã").await?;
    desk.commune.sync().await?;

    officer.reload().await?;
    officer.sees("Sổ ghi hai lần, không có mã").await?;
    officer.tick("Chấp nhận giải trình").await?;
    officer.click("Lưu quyết định").await?;
    officer.sees("huyện đã chấp nhận").await?;
    desk.commune.sync().await?;
    leader.reload().await?;
    leader.sees("huyện đã chấp nhận").await?;
    leader.sees("Huyện chấp nhận").await?;
    leader.no_complaints().await?;
    officer.no_complaints().await
}

/// Address of the finding that the list calls explained.
async fn explained_finding(table: &Table, officer: &Browser) -> Result<String> {
    officer.open(&table.url("/findings")).await?;
    officer.sees("đã giải trình").await?;
    let script = "const row = [...document.querySelectorAll('tbody tr')].find(row => row.innerText.includes('đã giải trình')); \
                  return row && row.querySelector('a').href";
    let href = officer.run(script, serde_json::json!([])).await?;
    Ok(href.as_str().context("a finding that was explained")?.to_owned())
}

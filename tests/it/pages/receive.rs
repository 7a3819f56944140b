//! Receiving a dossier, as a clerk does it all day.

use anyhow::{Context, Result, ensure};
use motcua_tests::browser::{Browser, Chromium};

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
    choose_procedure(browser, procedure).await?;
    browser.fill("Họ và tên", &person.name).await?;
    browser.fill("Số căn cước", &person.identity).await?;
    browser.click("Lưu hồ sơ").await?;
    browser.sees("Đã lưu").await?;
    code(browser).await
}

/// Typed by its code where the form has a field for it, chosen from the list where it has a list.
async fn choose_procedure(browser: &Browser, procedure: &str) -> Result<()> {
    let is_list = browser.run("return Boolean(document.querySelector('select#procedure'))", serde_json::json!([])).await?;
    if is_list == true {
        browser.choose("Thủ tục hành chính", "Thủ tục cấp Giấy xác nhận tình trạng hôn nhân").await
    } else {
        browser.fill("Thủ tục hành chính", procedure).await
    }
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
    browser.types("Thủ tục cấp Giấy xác nhận tình trạng hôn nhân").await?;
    browser.tab_to("Họ và tên").await?;
    browser.types("Nguyễn Thị Đào Thử").await?;
    browser.press(&["Tab"]).await?;
    browser.types("030911112222").await?;
    browser.press(&["Enter"]).await?;
    browser.sees("Đã lưu").await?;
    let code = code(&browser).await?;
    let known = desk.commune.dossier(&code).await?;
    ensure!(known["procedure"] == "1.004873", "{known}");
    browser.no_complaints().await
}

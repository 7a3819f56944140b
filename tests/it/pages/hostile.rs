//! Names that are script stay text, and no form does what another site asks for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use motcua_shared::import::COLUMNS;
use motcua_tests::browser::{Browser, Chromium};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::routes::{asked_for, route_of, walk};
use super::{ADMIN, Desk, Table};

/// Breaks out of text, of an attribute in either quotes, and of a script.
const HOSTILE: &str = r#"'"></textarea></option></script><img src=x onerror=alert(1)><script>alert(2)</script>"#;

/// A form of a page.
#[derive(Debug, Clone)]
struct Form {
    page: String,
    action: String,
    method: String,
    fields: Vec<(String, String)>,
}

/// Every form of these pages, one of each kind of page and action.
async fn forms(browser: &Browser, program: &str, origin: &str, pages: &BTreeMap<String, Vec<String>>) -> Result<Vec<Form>> {
    let script = r"
        return [...document.forms].map(form => ({
            action: new URL(form.getAttribute('action') || location.href, location.href).pathname, method: form.method,
            fields: [...new FormData(form)].map(([name, value]) => [name, String(value)]) }));";
    let routes = asked_for(program)?;
    let mut found = BTreeMap::new();
    for (route, addresses) in pages {
        for address in addresses {
            browser.open(&format!("{origin}{address}")).await?;
            for form in browser.run(script, json!([])).await?.as_array().context("forms")? {
                let word = |key: &str| form[key].as_str().unwrap_or_default().to_owned();
                let fields: Vec<(String, String)> = serde_json::from_value(form["fields"].clone())?;
                let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
                let action = word("action");
                let kind = route_of(&routes, &action).unwrap_or(&action).to_owned();
                let form = Form { page: address.clone(), action, method: word("method"), fields: fields.clone() };
                found.entry((route.clone(), kind, names.join(" "))).or_insert(form);
            }
        }
    }
    Ok(found.into_values().collect())
}

/// Sends every POST form as another site would make this browser send it, with its cookies.
async fn ask_from_elsewhere(browser: &Browser, origin: &str, forms: &[Form]) -> Result<()> {
    rustls::crypto::ring::default_provider().install_default().ok();
    let client = reqwest::Client::builder().no_proxy().danger_accept_invalid_certs(true);
    let client = client.redirect(reqwest::redirect::Policy::none()).build()?;
    let cookies = browser.cookies().await?;
    let mut asked = 0;
    for form in forms.iter().filter(|form| form.method == "post") {
        for (site, from) in [
            (Some("cross-site"), "https://evil.example"),
            (Some("same-site"), "http://127.0.0.1:9"),
            (None, "https://evil.example"),
        ] {
            let body: Vec<String> =
                form.fields.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
            let post = client.post(format!("{origin}{}", form.action)).header("cookie", &cookies).header("origin", from);
            let post = post.header("content-type", "application/x-www-form-urlencoded").body(body.join("&"));
            let post = site.map_or(post.try_clone().context("a request")?, |site| post.header("sec-fetch-site", site));
            let answer = post.send().await?;
            ensure!(answer.status() == 403, "{} of {} from {from} ({site:?}): {}", form.action, form.page, answer.status());
            asked += 1;
        }
    }
    ensure!(asked > 0, "no form was found");
    Ok(())
}

fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |encoded, byte| format!("{encoded}%{byte:02X}"))
}

/// Whether something in the page came to life that was to be text.
async fn is_quiet(browser: &Browser, about: &str) -> Result<()> {
    let script =
        "return [...document.querySelectorAll('img[src=\"x\"], [onerror], script:not([src])')].map(element => element.outerHTML)";
    let alive = browser.run(script, json!([])).await?;
    ensure!(alive == json!([]), "{about}: {alive}");
    let complaints: Vec<String> =
        browser.complaints().await?.into_iter().filter(|line| !line.contains("the server responded with a status of")).collect();
    ensure!(complaints.is_empty(), "{about}: {complaints:#?}");
    Ok(())
}

/// Fills every field of a form with script and sends it, past what the browser itself would check.
async fn fill_with_script(browser: &Browser, form: &Form) -> Result<()> {
    let script = r"
        const [action, names, hostile] = arguments;
        const form = [...document.forms].find(form =>
            new URL(form.getAttribute('action') || location.href, location.href).pathname === action
            && [...new FormData(form)].map(([name]) => name).join(' ') === names);
        if (!form || !form.querySelector('textarea, input:not([type]), input[type=text], input[type=search], input[type=password]')) return false;
        for (const field of form.elements) {
            if (field.matches('textarea, input:not([type=hidden], [type=checkbox], [type=radio], [type=file], [type=submit])')) {
                if (!/date|number|time|month/.test(field.type)) field.value = hostile;
            } else if (field.matches('select') && field.selectedIndex <= 0) field.selectedIndex = field.options.length - 1;
        }
        form.noValidate = true;
        window.stillHere = true;
        setTimeout(() => form.requestSubmit(form.querySelector('button:not([type=button]), input[type=submit]')));
        return true;";
    let names: Vec<&str> = form.fields.iter().map(|(name, _)| name.as_str()).collect();
    let found = browser.run(script, json!([form.action, names.join(" "), HOSTILE])).await?;
    if found == json!(false) {
        return Ok(()); // nothing to type, or the step that a form before it took away
    }
    // A form that only saves a file leaves the page standing.
    let leaves = browser.until("the form's answer", async || {
        Ok(browser.run("return !window.stillHere && document.readyState === 'complete'", json!([])).await? == json!(true))
    });
    let _ = tokio::time::timeout(std::time::Duration::from_secs(20), leaves).await;
    Ok(())
}

/// A register whose people are called by script.
fn register_of_script(folder: &Path, identifier: &str) -> Result<PathBuf> {
    let file = folder.join(format!("script-{identifier}.csv"));
    let text = std::fs::read_to_string(super::weeks(folder, identifier)?)?;
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let mut writer = csv::Writer::from_path(&file)?;
    writer.write_record(COLUMNS)?;
    for row in reader.records() {
        let row = row?;
        let person = |column: &str| ["name", "address"].iter().any(|part| column.contains(part));
        writer.write_record(COLUMNS.iter().zip(&row).map(|(column, cell)| if person(column) { HOSTILE } else { cell }))?;
    }
    writer.flush()?;
    Ok(file)
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_counter_a_name_that_is_script_is_text_and_no_other_site_can_write() -> Result<()> {
    let Some(chromium) = Chromium::start().await? else { return Ok(()) };
    let desk = Desk::empty().await?;
    desk.commune.import(&register_of_script(desk.folder.path(), "000.11.57.H23")?).await?;
    let browser = chromium.browser().await?;
    desk.open(&browser, ADMIN, "/").await?;
    let origin = desk.server.url.clone();
    let walked = walk(&browser, "agent", &origin, &["/"]).await?;
    let mut shown = 0;
    for address in walked.pages.values().flatten() {
        browser.open(&format!("{origin}{address}")).await?;
        is_quiet(&browser, address).await?;
        shown += usize::from(browser.text().await?.contains("onerror=alert(1)"));
    }
    ensure!(shown >= 2, "the names are shown as they are on {shown} pages");

    let forms = forms(&browser, "agent", &origin, &walked.pages).await?;
    let before = desk.commune.status().await?["head_seq"].clone();
    ask_from_elsewhere(&browser, &origin, &forms).await?;
    foreign_page_sends(&browser, &format!("{origin}/dossiers")).await?;
    assert_eq!(desk.commune.status().await?["head_seq"], before, "nothing was recorded");

    for form in forms.iter().filter(|form| form.action != "/logout") {
        desk.open(&browser, ADMIN, &form.page).await?;
        fill_with_script(&browser, form).await?;
        is_quiet(&browser, &format!("{} of {}", form.action, form.page)).await?;
    }
    desk.open(&browser, ADMIN, "/").await?;
    for address in walked.pages.values().flatten() {
        browser.open(&format!("{origin}{address}")).await?;
        is_quiet(&browser, address).await?;
    }
    Ok(())
}

/// A page of another site whose script sends a form here: the browser shows the refusal.
async fn foreign_page_sends(browser: &Browser, action: &str) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let elsewhere = format!("http://localhost:{}/", listener.local_addr()?.port());
    let page = format!(
        "<!doctype html><title>quà tặng</title><form method=post action=\"{action}\"><input name=name value=\"Kẻ lạ\"></form>\
         <script>document.forms[0].submit()</script>"
    );
    let serve = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                page.len()
            );
            let _ = stream.write_all((head + &page).as_bytes()).await;
        }
    });
    browser.open(&elsewhere).await?;
    let refused = browser.sees("từ một trang web khác").await;
    serve.abort();
    refused?;
    browser.complaints().await?; // of the refusal
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_district_a_name_that_is_script_is_text_and_no_other_site_can_write() -> Result<()> {
    let Some(chromium) = Chromium::start().await? else { return Ok(()) };
    let table = Table::laid().await?;
    table.rename_a_commune(HOSTILE).await?;
    let browser = chromium.browser().await?;
    table.open(&browser, "/").await?;
    let origin = table.url("");
    let walked = walk(&browser, "aggregator", &origin, &["/"]).await?;
    let mut shown = 0;
    for address in walked.pages.values().flatten() {
        browser.open(&format!("{origin}{address}")).await?;
        is_quiet(&browser, address).await?;
        shown += usize::from(browser.text().await?.contains("onerror=alert(1)"));
    }
    ensure!(shown >= 2, "the name is shown as it is on {shown} pages");
    let forms = forms(&browser, "aggregator", &origin, &walked.pages).await?;
    ask_from_elsewhere(&browser, &origin, &forms).await?;
    for form in forms.iter().filter(|form| form.action != "/logout") {
        table.open(&browser, &form.page).await?;
        fill_with_script(&browser, form).await?;
        is_quiet(&browser, &format!("{} of {}", form.action, form.page)).await?;
    }
    Ok(())
}

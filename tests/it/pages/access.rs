//! Every page can be used by everybody: axe-core finds no serious barrier on any screen, and nothing is cut off.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use motcua_tests::browser::{Browser, Chromium, Screen};
use motcua_tests::{npm, world};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::routes::{Walk, walk};
use super::{ADMIN, Desk, LEADER, Table};

/// The first page with all that it needs, over the line.
const FIRST_PAGE: u64 = 150_000;
/// A folder for pictures of every page, to be looked at by a person.
const PICTURES: &str = "MOTCUA_PICTURES";

/// axe-core's source; `None` without npm.
pub async fn axe() -> Result<Option<&'static str>> {
    static AXE: OnceCell<String> = OnceCell::const_new();
    if world::tool(&["/usr/bin/npm", "/usr/local/bin/npm"])?.is_none() {
        return Ok(None);
    }
    let read = async || {
        let folder = npm::install("axe", Path::new(env!("CARGO_TARGET_TMPDIR"))).await?;
        anyhow::Ok(std::fs::read_to_string(folder.join("node_modules/axe-core/axe.min.js"))?)
    };
    Ok(Some(AXE.get_or_try_init(read).await?))
}

/// What keeps somebody from using the page as it is now on this screen.
async fn barriers(browser: &Browser, screen: Screen) -> Result<Vec<String>> {
    let script = r"
        const done = arguments[0];
        const says = rule => `${rule.id} (${rule.impact}), ${rule.help}: ` + rule.nodes.slice(0, 4).map(node => node.html.slice(0, 160)).join(' | ');
        const grave = rule => ['serious', 'critical'].includes(rule.impact);
        axe.run(document, { resultTypes: ['violations'] }).then(
            found => done(found.violations.filter(grave).map(says)), fault => done([String(fault)]));";
    browser.look(screen).await?;
    let found = browser.run_async(script, json!([])).await?;
    let mut found = strings(&found)?;
    found.extend(strings(&browser.run(FAULTS, json!([])).await?)?);
    Ok(found.into_iter().map(|barrier| format!("{}: {barrier}", screen.name)).collect())
}

fn strings(list: &Value) -> Result<Vec<String>> {
    Ok(list.as_array().context("a list")?.iter().map(|item| item.as_str().unwrap_or_default().to_owned()).collect())
}

/// What axe-core does not look for.
const FAULTS: &str = r"
const faults = [];
const name = element => element.outerHTML.slice(0, 120);
if (document.documentElement.scrollWidth > innerWidth + 1) {
  const wide = [...document.querySelectorAll('body *')].filter(element => element.getBoundingClientRect().right > innerWidth + 1);
  const leaf = wide.find(element => ![...element.children].some(child => wide.includes(child))) || document.body;
  faults.push(`the page is ${document.documentElement.scrollWidth} px wide on ${innerWidth}: ${name(leaf)}`);
}
if (document.querySelectorAll('h1').length !== 1) faults.push(`${document.querySelectorAll('h1').length} h1`);
const keys = [...document.querySelectorAll('[accesskey]')].map(element => element.accessKey);
keys.filter((key, at) => keys.indexOf(key) !== at).forEach(key => faults.push(`two things have the key ${key}`));
const small = [...document.querySelectorAll('main *, header *')].find(element =>
  [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim()) && element.checkVisibility()
  && !element.closest('kbd, svg, sup, sub') && parseFloat(getComputedStyle(element).fontSize) < 15.5);
if (small) faults.push(`letters of ${getComputedStyle(small).fontSize}: ${name(small)}`);
const odd = document.body.innerText.match(/\{\{|\}\}|undefined|NaN|Some\(|None\b|Ok\(/);
if (odd) faults.push(`a program's word: ${odd[0]}`);
const foreign = performance.getEntriesByType('resource').find(entry => !entry.name.startsWith(location.origin) && !entry.name.startsWith('data:'));
if (foreign) faults.push(`from elsewhere: ${foreign.name}`);
return faults;
";

/// Looks at the page that is open now on every screen, and keeps pictures of it where they are wanted.
pub async fn look_at(browser: &Browser, name: &str, screens: &[Screen]) -> Result<Vec<String>> {
    let Some(axe) = axe().await? else { return Ok(Vec::new()) };
    browser.run(axe, json!([])).await?;
    let mut found = Vec::new();
    for screen in screens {
        found.extend(barriers(browser, *screen).await?);
        if let Some(folder) = std::env::var_os(PICTURES).map(PathBuf::from) {
            let name: String = name.chars().map(|letter| if letter.is_alphanumeric() { letter } else { '_' }).collect();
            std::fs::create_dir_all(&folder)?;
            browser.picture(*screen, &folder.join(format!("{}-{}.png", name.trim_matches('_'), screen.name))).await?;
        }
    }
    browser.look(Screen::OFFICE).await?;
    Ok(found.into_iter().map(|barrier| format!("{name} at {barrier}")).collect())
}

async fn look_at_all(browser: &Browser, program: &str, origin: &str, walked: &Walk, screens: &[Screen]) -> Result<()> {
    let mut found: Vec<String> = walked.missed.iter().map(|route| format!("nothing leads to {route}")).collect();
    for (route, addresses) in &walked.pages {
        for (place, address) in addresses.iter().enumerate() {
            browser.open(&format!("{origin}{address}")).await?;
            // One of each kind on every screen, the others on the usual one.
            let screens = if place == 0 { screens } else { &screens[..1] };
            let name = format!("{program}{route}{}", if place == 0 { String::new() } else { format!("-{place}") });
            found.extend(look_at(browser, &name, screens).await?);
            found.extend(browser.complaints().await?.into_iter().map(|complaint| format!("{address}: {complaint}")));
        }
    }
    ensure!(found.is_empty(), "{} barriers:\n{}", found.len(), found.join("\n"));
    Ok(())
}

/// Bytes that the page and what it needs took over the line.
async fn weight(browser: &Browser) -> Result<u64> {
    let script = "return ['navigation', 'resource'].flatMap(kind => performance.getEntriesByType(kind)) \
                  .reduce((sum, entry) => sum + entry.transferSize, 0)";
    browser.run(script, json!([])).await?.as_u64().context("bytes")
}

/// Screens of an office.
pub const SCREENS: [Screen; 3] = [Screen::OFFICE, Screen::OLD, Screen::ZOOMED];

#[tokio::test(flavor = "multi_thread")]
async fn every_page_of_the_counter_can_be_used_by_everybody() -> Result<()> {
    let Some(chromium) = Chromium::start().await? else { return Ok(()) };
    let desk = Desk::at_work().await?;
    let browser = chromium.browser().await?;
    browser.open(&desk.url("/login")).await?;
    let bytes = weight(&browser).await?;
    ensure!(bytes < FIRST_PAGE, "the log-in page weighs {bytes} bytes");
    desk.open(&browser, ADMIN, "/").await?;
    let bytes = weight(&browser).await?;
    ensure!(bytes < FIRST_PAGE, "the first page weighs {bytes} bytes");
    let returned: String =
        desk.commune.database()?.query_row("select code from dossier where state = 'returned' limit 1", [], |row| row.get(0))?;
    // The code on a receipt leads to the look-up.
    let (kiosk, lookup) = (format!("/kiosk?code={returned}"), format!("/lookup?code={returned}"));
    let mut walked = walk(&browser, "agent", &desk.server.url, &["/", "/login", "/drafts", &kiosk, &lookup]).await?;
    walked.missed.retain(|route| !route.starts_with("/setup") && route != "/workload"); // see setup.rs and below
    let leader = chromium.browser().await?;
    desk.open(&leader, LEADER, "/workload").await?;
    leader.sees("Việc từng người").await?;
    let found = look_at(&leader, "agent/workload", &SCREENS).await?;
    ensure!(found.is_empty(), "{}", found.join("\n"));
    look_at_all(&browser, "agent", &desk.server.url, &walked, &SCREENS).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_of_the_district_can_be_used_by_everybody_on_a_phone_too() -> Result<()> {
    let Some(chromium) = Chromium::start().await? else { return Ok(()) };
    let table = Table::laid().await?;
    let browser = chromium.browser().await?;
    table.open(&browser, "/").await?;
    let bytes = weight(&browser).await?;
    ensure!(bytes < FIRST_PAGE, "the first page weighs {bytes} bytes");
    browser.open(&table.url("/reports/ii06?from=15/12/2024&to=14/12/2025")).await?;
    browser.click("Chốt báo cáo này").await?;
    let origin = table.url("");
    let walked = walk(&browser, "aggregator", &origin, &["/", "/login", "/findings?unit=11089"]).await?;
    let screens = [Screen::OFFICE, Screen::OLD, Screen::ZOOMED, Screen::PHONE];
    look_at_all(&browser, "aggregator", &origin, &walked, &screens).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_went_wrong_can_be_read_by_everybody_too() -> Result<()> {
    let Some(chromium) = Chromium::start().await? else { return Ok(()) };
    let desk = Desk::empty().await?;
    let browser = chromium.browser().await?;
    let mut found = Vec::new();
    browser.open(&desk.url("/login")).await?;
    browser.fill("Tên đăng nhập", "mai").await?;
    browser.fill("Mật khẩu", "sai hoàn toàn").await?;
    browser.click("Đăng nhập").await?;
    browser.sees("không đúng").await?;
    found.extend(look_at(&browser, "agent/login-refused", &SCREENS).await?);
    desk.open(&browser, ADMIN, "/dossiers/new").await?;
    browser.click("Lưu hồ sơ").await?;
    browser.sees("Chưa lưu").await?;
    found.extend(look_at(&browser, "agent/received-nothing", &SCREENS).await?);
    browser.open(&desk.url("/dossiers/000.11.57.H23-000101-0001")).await?;
    found.extend(look_at(&browser, "agent/no-dossier", &SCREENS).await?);
    browser.open(&desk.url("/khong-co-trang-nay")).await?;
    found.extend(look_at(&browser, "agent/no-page", &SCREENS).await?);
    ensure!(found.is_empty(), "{} barriers:\n{}", found.len(), found.join("\n"));
    Ok(())
}

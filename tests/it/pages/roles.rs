//! Who may open what: a role's links lead only where it may go, and the rest says no, and why.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use motcua_tests::browser::{Browser, Chromium};
use serde_json::json;

use super::routes::walk;
use super::{ADMIN, CLERK, Desk, LEADER};

/// Routes of the pages that somebody's links lead to; a link that is refused fails.
async fn pages_of(desk: &Desk, browser: &Browser, name: &str) -> Result<BTreeSet<String>> {
    desk.open(browser, name, "/").await?;
    let walked = walk(browser, "agent", &desk.server.url, &["/"]).await?;
    Ok(walked.pages.into_values().filter_map(|addresses| addresses.into_iter().next()).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_role_says_no_and_why() -> Result<()> {
    let Some(chromium) = Chromium::start().await? else { return Ok(()) };
    let desk = Desk::at_work().await?;
    let mut pages = Vec::new();
    for name in [CLERK, LEADER, ADMIN] {
        let browser = chromium.browser().await?;
        pages.push((name, pages_of(&desk, &browser, name).await?, browser));
    }
    let all: BTreeSet<String> = pages.iter().flat_map(|(_, pages, _)| pages.clone()).collect();
    let mut refused = 0;
    for (name, own, browser) in &pages {
        for page in all.difference(own).filter(|page| !page.contains("/dossiers/0")) {
            browser.open(&desk.url(page)).await?;
            let status = browser.run("return performance.getEntriesByType('navigation')[0].responseStatus", json!([])).await?;
            if status == 403 {
                refused += 1;
                browser.sees("không thuộc quyền").await?;
            } else {
                ensure!(status == 200, "{page} answers {name} with {status}");
            }
        }
    }
    ensure!(refused > 0, "some page is not for everybody");
    Ok(())
}

//! Every address of a program, as its source gives it, and every link of its pages, as a browser follows them.
//!
//! Promise: a page that no walk came to is named; nothing has to remember to list a new page. Start at [`walk`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use motcua_tests::browser::Browser;
use serde_json::json;

/// Pages of one kind that a walk opens, and as many again for each further way of asking for them.
const OF_A_KIND: usize = 2;

/// Addresses of a program that are asked for with GET, such as `/dossiers/{code}`, from every `.route(…)` in its source.
pub fn asked_for(program: &str) -> Result<BTreeSet<String>> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(program).join("src");
    let mut routes = BTreeSet::new();
    for file in files_below(&source)? {
        let text = std::fs::read_to_string(&file)?;
        for part in text.split(".route(").skip(1) {
            let Some(path) = part.trim_start().strip_prefix('"').and_then(|rest| rest.split_once('"')) else { continue };
            let (path, handlers) = path;
            let handlers = handlers.split([';', '\n']).next().unwrap_or_default();
            if handlers.contains("get(") {
                routes.insert(path.to_owned());
            }
        }
    }
    ensure!(!routes.is_empty(), "{program} has no routes");
    Ok(routes)
}

fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(files)
}

/// What is asked for by programs, or saved to a file: no page.
fn is_page(path: &str) -> bool {
    let is_for_programs = ["/api/", "/sync/v1", "/healthz", "/metrics", "/sync/line", "/dossiers/new/procedures"]
        .iter()
        .any(|start| path.starts_with(start));
    let file = path.rsplit('/').next().unwrap_or_default();
    !is_for_programs && file != "{format}" && (!file.contains('.') || file.contains('{'))
}

/// The route of a program that answers a path; of several the one with the fewest names in it.
pub fn route_of<'r>(routes: &'r BTreeSet<String>, path: &str) -> Option<&'r str> {
    let parts: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    let fits = |route: &&String| {
        let wanted: Vec<&str> = route.trim_end_matches('/').split('/').collect();
        wanted.len() == parts.len() && wanted.iter().zip(&parts).all(|(wanted, part)| wanted.starts_with('{') || wanted == part)
    };
    routes.iter().filter(fits).min_by_key(|route| route.matches('{').count()).map(String::as_str)
}

/// Every page that can be come to from `starts`: its route, and the addresses to look at.
pub struct Walk {
    pub pages: BTreeMap<String, Vec<String>>,
    /// Routes of pages that nothing leads to.
    pub missed: BTreeSet<String>,
}

/// Follows every link from `starts` (paths below `origin`), a few of each kind; a link that leads nowhere fails.
pub async fn walk(browser: &Browser, program: &str, origin: &str, starts: &[&str]) -> Result<Walk> {
    let routes = asked_for(program)?;
    let mut pages: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    let mut waiting: VecDeque<(String, String)> =
        starts.iter().map(|path| ((*path).to_owned(), "the start".to_owned())).collect();
    let mut known: BTreeSet<String> = starts.iter().map(|path| (*path).to_owned()).collect();
    while let Some((address, from)) = waiting.pop_front() {
        let path = address.split(['?', '#']).next().unwrap_or_default();
        let route =
            route_of(&routes, path).with_context(|| format!("{from} leads to {address}, which {program} does not have"))?;
        let asked: BTreeSet<&str> =
            address.split_once('?').map_or("", |(_, query)| query).split('&').filter_map(|pair| pair.split('=').next()).collect();
        let count = kinds.entry(format!("{route}?{asked:?}")).or_default();
        *count += 1;
        if !is_page(route) || *count > OF_A_KIND {
            continue;
        }
        browser.open(&format!("{origin}{address}")).await?;
        let status = browser.run("return performance.getEntriesByType('navigation')[0].responseStatus", json!([])).await?;
        ensure!(status.as_u64().is_some_and(|status| status < 400), "{from} leads to {address}, which answers {status}");
        pages.entry(route.to_owned()).or_default().push(address.clone());
        for link in links(browser).await? {
            if known.insert(link.clone()) {
                waiting.push_back((link, address.clone()));
            }
        }
    }
    let missed = routes.into_iter().filter(|route| is_page(route) && !pages.contains_key(route)).collect();
    Ok(Walk { pages, missed })
}

/// Where the links and the asking forms of the page lead on this site: path and query. What can be ticked is ticked once.
async fn links(browser: &Browser) -> Result<Vec<String>> {
    let script = r"
        const asked = [...document.querySelectorAll('form[method=get]')].flatMap(form => {
            const fields = new FormData(form);
            const pick = form.querySelector('input[name=pick]:not(:checked)');
            if (pick) fields.append(pick.name, pick.value);
            const address = (to, button) => {
                const asked = new URL(to || location.href, location.href);
                const all = new URLSearchParams(fields);
                if (button?.name) all.append(button.name, button.value);
                asked.search = all;
                return asked;
            };
            const elsewhere = [...form.querySelectorAll('button[formaction]')].map(button => address(button.getAttribute('formaction'), button));
            return [address(form.getAttribute('action'), form.querySelector('button[name]')), ...elsewhere];
        });
        return [...document.querySelectorAll('a[href]:not([download])')]
            .map(link => new URL(link.href)).concat(asked)
            .filter(link => link.origin === location.origin)
            .map(link => link.pathname + link.search);";
    let links = browser.run(script, json!([])).await?;
    Ok(links.as_array().context("links")?.iter().filter_map(|link| link.as_str().map(str::to_owned)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_finds_its_route() {
        let routes = ["/", "/dossiers/new", "/dossiers/{code}"].map(str::to_owned).into();
        assert_eq!(route_of(&routes, "/"), Some("/"));
        assert_eq!(route_of(&routes, "/dossiers/new"), Some("/dossiers/new"));
        assert_eq!(route_of(&routes, "/dossiers/000.11.57.H23-210104-0001"), Some("/dossiers/{code}"));
        assert_eq!(route_of(&routes, "/dossiers/1/2"), None);
    }

    #[test]
    fn both_programs_say_their_routes() {
        for program in ["agent", "aggregator"] {
            let routes = asked_for(program).expect("read");
            assert!(routes.contains("/") && routes.contains("/reports/ii06"), "{routes:?}");
        }
    }
}

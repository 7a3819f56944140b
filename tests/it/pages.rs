//! Whole stories in a browser, from the first key to what is kept, and every page looked at for barriers.
//!
//! Promise: a story clicks, types and reads as a person does, by the words on the page; only what must be proven beyond
//! the page is asked of the programs. Start at [`Desk`] and [`Table`].

mod access;
mod district;
mod hostile;
mod officials;
mod plain;
mod receive;
mod roles;
mod routes;
mod setup;
mod work;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use chrono::{Days, Utc};
use motcua_shared::calendar::{local, local_day};
use motcua_tests::browser::Browser;
use motcua_tests::register;
use motcua_tests::world::{Commune, District, Server, expect, programs, text};
use tempfile::TempDir;

/// Who works at the desk of a story: log-in name and role.
const CLERK: &str = "mai";
const LEADER: &str = "hai";
const ADMIN: &str = "quantri";
const PASSWORD: &str = "mot-cua-cua-xa-2026";

/// A running office.
struct Desk {
    commune: Commune,
    server: Server,
    folder: TempDir,
}

impl Desk {
    /// Ngọc Kỳ with its people and no dossier.
    async fn empty() -> Result<Desk> {
        let folder = tempfile::tempdir()?;
        let commune = Commune::ngoc_ky(folder.path()).await?;
        for (name, role) in [(CLERK, "clerk"), (LEADER, "leader"), (ADMIN, "admin")] {
            commune.user(name, role, PASSWORD).await?;
        }
        Ok(Desk { server: commune.serve().await?, commune, folder })
    }

    /// The same after a few weeks of work, until yesterday.
    async fn at_work() -> Result<Desk> {
        let desk = Desk::empty().await?;
        desk.commune.import(&weeks(desk.folder.path(), "000.11.57.H23")?).await?;
        Ok(desk)
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.url)
    }

    /// Opens a page, and logs in on the way.
    async fn open(&self, browser: &Browser, name: &str, path: &str) -> Result<()> {
        browser.open(&self.url(path)).await?;
        log_in(browser, name, PASSWORD).await
    }
}

/// Fills in the log-in page if that is what the browser shows.
async fn log_in(browser: &Browser, name: &str, password: &str) -> Result<()> {
    let asks = async || anyhow::Ok(browser.address().await?.split('?').next().is_some_and(|address| address.ends_with("/login")));
    if asks().await? {
        browser.fill("Tên đăng nhập", name).await?;
        browser.fill("Mật khẩu", password).await?;
        browser.click("Đăng nhập").await?;
        browser.until("logged in", async || Ok(!asks().await?)).await?;
    }
    Ok(())
}

/// A register of about five weeks that ends before today.
fn weeks(folder: &Path, identifier: &str) -> Result<PathBuf> {
    let file = folder.join(format!("weeks-{identifier}.csv"));
    let first_day = local_day(local(Utc::now())).checked_sub_days(Days::new(40)).context("a day")?;
    std::fs::write(&file, register::csv(4, identifier, first_day, 130))?;
    Ok(file)
}

/// The district, with two communes that have sent.
struct Table {
    district: District,
    server: Server,
    communes: Vec<Commune>,
    folder: TempDir,
}

impl Table {
    /// Before any commune has sent.
    async fn empty() -> Result<Table> {
        let folder = tempfile::tempdir()?;
        let district = District::found(folder.path()).await?;
        Ok(Table { server: district.serve().await?, district, communes: Vec::new(), folder })
    }

    async fn laid() -> Result<Table> {
        let mut table = Table::empty().await?;
        let (folder, district) = (&table.folder, &table.district);
        for (unit, name, identifier) in [("11089", "Xã Ngọc Kỳ", "000.11.57.H23"), ("11098", "Xã Tái Sơn", "000.00.98.H23")]
        {
            let commune = Commune::found(folder.path(), unit, name, identifier).await?;
            commune.import(&weeks(folder.path(), identifier)?).await?;
            commune.import_declared().await?;
            commune.enroll(district, district.address).await?;
            commune.sync().await?;
            table.communes.push(commune);
        }
        Ok(table)
    }

    /// Gives the first commune another name.
    async fn rename_a_commune(&self, name: &str) -> Result<()> {
        let file = self.folder.path().join("renamed.csv");
        let quoted = format!("\"{}\"", name.replace('"', "\"\""));
        std::fs::write(&file, motcua_shared::unit::STARTER.replace("Xã Ngọc Kỳ", &quoted))?;
        expect(&programs().aggregator, &["units", "--data", text(&self.district.data), "import", text(&file)]).await?;
        Ok(())
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.url.replace("127.0.0.1", "localhost"))
    }

    /// Opens a page, and logs in as the admin on the way.
    async fn open(&self, browser: &Browser, path: &str) -> Result<()> {
        browser.open(&self.url(path)).await?;
        log_in(browser, "admin", &self.district.admin_password).await
    }
}

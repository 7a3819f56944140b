//! A clerk or an officer in front of Debian's Chromium: what they open, type, press and see.
//!
//! Promise: every browser has a profile of its own, nothing is downloaded, nothing is waited for but a condition, and
//! every process ends with its handle. Start at [`Chromium::start`].
//!
//! WebDriver is JSON over loopback (W3C) and spoken here directly. The driver crates were tried: thirtyfour switches
//! `serde_json/preserve_order` on for the whole workspace, so that tests would run with other JSON than is shipped, and
//! fantoccini brings a second `http`, `cookie` and ICU.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use data_encoding::BASE64;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::world;

/// Stories that run at once: each has a browser or more, and a small machine has to carry them.
const STORIES: usize = 2;
/// How long something may take to be seen, on a machine that has other work.
const PATIENCE: Duration = Duration::from_mins(2);
const PAUSE: Duration = Duration::from_millis(60);
/// Name of an element in WebDriver's answers.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// What a person sees at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    pub name: &'static str,
    pub width: u32,
    pub height: u32,
    /// Device pixels for one of the page: 2 is what 200 % zoom does.
    pub zoom: u32,
}

impl Screen {
    /// The usual PC of an office.
    pub const OFFICE: Screen = Screen { name: "1366x768", width: 1366, height: 768, zoom: 1 };
    /// An old one.
    pub const OLD: Screen = Screen { name: "1024x768", width: 1024, height: 768, zoom: 1 };
    /// The usual one at 200 %, for weak eyes.
    pub const ZOOMED: Screen = Screen { name: "200-percent", width: 683, height: 384, zoom: 2 };
    /// A leader's phone.
    pub const PHONE: Screen = Screen { name: "390", width: 390, height: 844, zoom: 2 };
}

/// How a browser is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    On,
    /// As some offices have it.
    Off,
}

/// chromedriver, for one story.
pub struct Chromium {
    /// Ends with its handle, and takes its browsers along: they hang on its pipes.
    driver: Child,
    url: String,
    client: reqwest::Client,
    binary: PathBuf,
    _turn: OwnedSemaphorePermit,
}

impl Chromium {
    /// Starts chromedriver; `None` where it or Chromium is not installed.
    pub async fn start() -> Result<Option<Chromium>> {
        static TURNS: OnceLock<Arc<Semaphore>> = OnceLock::new();
        let binary = world::tool(&["/usr/bin/chromium", "/usr/bin/chromium-browser"])?;
        let driver = world::tool(&["/usr/bin/chromedriver"])?;
        let (Some(binary), Some(driver)) = (binary, driver) else { return Ok(None) };
        let turns = TURNS.get_or_init(|| Arc::new(Semaphore::new(STORIES)));
        let turn = turns.clone().acquire_owned().await?;
        let mut driver = Command::new(driver)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let url = tokio::time::timeout(PATIENCE, port(&mut driver)).await.context("chromedriver never said its port")??;
        install_crypto();
        let client = reqwest::Client::builder().no_proxy().build()?;
        Ok(Some(Chromium { driver, url: format!("http://127.0.0.1:{url}"), client, binary, _turn: turn }))
    }

    /// A browser of its own, with script, on the usual screen.
    pub async fn browser(&self) -> Result<Browser> {
        self.browser_with(Script::On).await
    }

    pub async fn browser_with(&self, script: Script) -> Result<Browser> {
        let profile = tempfile::tempdir()?;
        let flags = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--lang=vi",
            "--remote-debugging-pipe",
        ];
        let mut arguments: Vec<String> = flags.map(str::to_owned).to_vec();
        arguments.push(format!("--user-data-dir={}", world::text(profile.path())));
        let preferences = match script {
            Script::On => json!({}),
            Script::Off => json!({ "profile.default_content_setting_values.javascript": 2 }),
        };
        let wanted = json!({
            "browserName": "chrome",
            "acceptInsecureCerts": true, // the district's own authority
            "timeouts": { "script": 120_000, "pageLoad": 120_000 },
            "goog:loggingPrefs": { "browser": "ALL" },
            "goog:chromeOptions": { "binary": self.binary, "args": arguments, "prefs": preferences },
        });
        let made =
            ask(&self.client, &format!("{}/session", self.url), json!({ "capabilities": { "alwaysMatch": wanted } })).await?;
        let session = made["sessionId"].as_str().context("a session")?;
        let url = format!("{}/session/{session}", self.url);
        let browser = Browser { url, client: self.client.clone(), _profile: profile };
        browser.look(Screen::OFFICE).await?;
        Ok(browser)
    }

    /// Ends chromedriver and waits until it is gone.
    pub async fn stop(mut self) -> Result<()> {
        Ok(self.driver.kill().await?)
    }
}

/// What chromedriver listens on, as it says.
async fn port(driver: &mut Child) -> Result<String> {
    let mut lines = BufReader::new(driver.stdout.take().context("a piped stdout")?).lines();
    while let Some(line) = lines.next_line().await? {
        if let Some((_, port)) = line.split_once("started successfully on port ") {
            // What it says later must find a reader.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Ok(port.trim_end_matches('.').to_owned());
        }
    }
    bail!("chromedriver ended")
}

/// Our TLS stack takes its cryptography from whoever starts a program.
fn install_crypto() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

async fn ask(client: &reqwest::Client, url: &str, body: Value) -> Result<Value> {
    answer(client.post(url).header("content-type", "application/json").body(body.to_string())).await
}

async fn answer(request: reqwest::RequestBuilder) -> Result<Value> {
    let response = request.send().await?;
    let succeeded = response.status().is_success();
    let mut said: Value = serde_json::from_slice(&response.bytes().await?)?;
    let value = said["value"].take();
    if !succeeded {
        let message = value["message"].as_str().unwrap_or_default();
        bail!("{}: {}", value["error"].as_str().unwrap_or("?"), message.lines().next().unwrap_or_default());
    }
    Ok(value)
}

/// One person's browser.
pub struct Browser {
    url: String,
    client: reqwest::Client,
    _profile: TempDir,
}

/// Finds what a person means by its words: exactly these first, then what begins with them, then what contains them.
const FIND: &str = r"
const [kind, words] = arguments;
const plain = text => (text || '').normalize('NFC').replace(/\s+/g, ' ').trim();
const shown = element => element && element.checkVisibility({ visibilityProperty: true }) && !element.disabled && !element.closest('[aria-hidden=true]');
const named = element => element.getAttribute('aria-label') || element.innerText || element.value;
const labelled = [...document.querySelectorAll('label, legend')].flatMap(label =>
  label.control ? [[plain(label.innerText), label.control]] : []);
const marked = [...document.querySelectorAll('input[aria-label], select[aria-label], textarea[aria-label]')].map(field =>
  [plain(field.getAttribute('aria-label')), field]);
const pressed = [...document.querySelectorAll('button, a[href], summary, input[type=submit], [role=button], [role=option]')].map(
  element => [plain(named(element)), element]);
const all = (kind === 'field' ? labelled.concat(marked) : pressed).filter(([, element]) => shown(element));
const fits = [name => name === words, name => name.startsWith(words), name => name.includes(words)];
for (const fit of fits) { const found = all.find(([name]) => fit(name)); if (found) return found[1]; }
return null;
";

impl Browser {
    async fn ask(&self, command: &str, body: Value) -> Result<Value> {
        ask(&self.client, &format!("{}/{command}", self.url), body).await
    }

    async fn get(&self, command: &str) -> Result<Value> {
        answer(self.client.get(format!("{}/{command}", self.url))).await
    }

    /// Chromium's own protocol, for what WebDriver does not have.
    async fn devtools(&self, command: &str, parameters: Value) -> Result<Value> {
        self.ask("goog/cdp/execute", json!({ "cmd": command, "params": parameters })).await
    }

    /// Sits down at another screen; the page stays as it is.
    pub async fn look(&self, screen: Screen) -> Result<()> {
        self.resize(screen.width, screen.height, screen.zoom).await
    }

    async fn resize(&self, width: u32, height: u32, zoom: u32) -> Result<()> {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": zoom, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await?;
        Ok(())
    }

    /// Opens an address and waits until it is loaded.
    pub async fn open(&self, url: &str) -> Result<()> {
        self.ask("url", json!({ "url": url })).await.with_context(|| format!("open {url}"))?;
        Ok(())
    }

    pub async fn reload(&self) -> Result<()> {
        self.ask("refresh", json!({})).await?;
        Ok(())
    }

    pub async fn back(&self) -> Result<()> {
        self.ask("back", json!({})).await?;
        Ok(())
    }

    /// What the address bar says.
    pub async fn address(&self) -> Result<String> {
        Ok(self.get("url").await?.as_str().context("an address")?.to_owned())
    }

    pub async fn title(&self) -> Result<String> {
        Ok(self.get("title").await?.as_str().context("a title")?.to_owned())
    }

    /// Runs the tester's own script in the page; it works in a browser whose pages may run none.
    pub async fn run(&self, script: &str, arguments: Value) -> Result<Value> {
        self.ask("execute/sync", json!({ "script": script, "args": arguments })).await
    }

    /// The same for a script that calls its last argument when it is done.
    pub async fn run_async(&self, script: &str, arguments: Value) -> Result<Value> {
        self.ask("execute/async", json!({ "script": script, "args": arguments })).await
    }

    /// Waits until something holds. What fails meanwhile, such as an element of a page that is just left, is tried again.
    pub async fn until<F: Future<Output = Result<bool>>>(&self, what: &str, mut holds: impl FnMut() -> F) -> Result<()> {
        let start = tokio::time::Instant::now();
        loop {
            let held = holds().await;
            match held {
                Ok(true) => return Ok(()),
                _ if start.elapsed() < PATIENCE => tokio::time::sleep(PAUSE).await,
                held => {
                    let (address, text) = (self.address().await.unwrap_or_default(), self.text().await.unwrap_or_default());
                    let fault = held.err().map(|fault| format!(" ({fault:#})")).unwrap_or_default();
                    bail!("not within {PATIENCE:?}: {what}{fault}\nat {address}:\n{text}")
                }
            }
        }
    }

    async fn find(&self, kind: &str, words: &str) -> Result<String> {
        let found = std::cell::RefCell::new(None);
        self.until(&format!("a {kind} “{words}”"), async || {
            let element = self.run(FIND, json!([kind, words])).await?;
            *found.borrow_mut() = element[ELEMENT].as_str().map(str::to_owned);
            Ok(found.borrow().is_some())
        })
        .await?;
        found.into_inner().context("an element")
    }

    /// Whether a link, button or field with these words is there now.
    pub async fn has(&self, kind: &str, words: &str) -> Result<bool> {
        Ok(!self.run(FIND, json!([kind, words])).await?.is_null())
    }

    /// Presses a link or button by its words, and waits for the page that it leads to.
    pub async fn click(&self, words: &str) -> Result<()> {
        let element = self.find("button", words).await?;
        self.ask(&format!("element/{element}/click"), json!({})).await.with_context(|| format!("click “{words}”"))?;
        Ok(())
    }

    /// Types into a field, found by its label, what then stands there alone.
    pub async fn fill(&self, label: &str, text: &str) -> Result<()> {
        let element = self.find("field", label).await?;
        self.ask(&format!("element/{element}/clear"), json!({})).await.with_context(|| format!("clear “{label}”"))?;
        self.ask(&format!("element/{element}/value"), json!({ "text": text }))
            .await
            .with_context(|| format!("fill “{label}”"))?;
        Ok(())
    }

    /// Ticks a box or a choice, found by its label.
    pub async fn tick(&self, label: &str) -> Result<()> {
        let element = self.find("field", label).await?;
        self.ask(&format!("element/{element}/click"), json!({})).await.with_context(|| format!("tick “{label}”"))?;
        Ok(())
    }

    /// Chooses an option of a list by the words that it begins with.
    pub async fn choose(&self, label: &str, option: &str) -> Result<()> {
        let list = self.find("field", label).await?;
        let script = "const [list, words] = arguments; \
                      return [...list.options].find(option => option.text.trim().startsWith(words)) || null;";
        let found = self.run(script, json!([{ ELEMENT: list }, option])).await?;
        let element = found[ELEMENT].as_str().with_context(|| format!("“{label}” offers “{option}”"))?;
        self.ask(&format!("element/{element}/click"), json!({})).await?;
        Ok(())
    }

    /// What stands in a field.
    pub async fn value(&self, label: &str) -> Result<String> {
        let element = self.find("field", label).await?;
        let value = self.get(&format!("element/{element}/property/value")).await?;
        Ok(value.as_str().unwrap_or_default().to_owned())
    }

    /// Presses keys as written on them, such as `Tab`, `Shift+Tab`, `Alt+1` or `Enter`, one after another.
    pub async fn press(&self, keys: &[&str]) -> Result<()> {
        let mut actions = Vec::new();
        for chord in keys {
            let mut held: Vec<String> = Vec::new();
            for name in chord.split('+') {
                held.push(key(name)?);
            }
            actions.extend(held.iter().map(|key| json!({ "type": "keyDown", "value": key })));
            actions.extend(held.iter().rev().map(|key| json!({ "type": "keyUp", "value": key })));
        }
        self.keyboard(actions).await.with_context(|| format!("press {keys:?}"))
    }

    /// Types into whatever has the focus.
    pub async fn types(&self, text: &str) -> Result<()> {
        let letters = text.chars().flat_map(|letter| {
            let letter = letter.to_string();
            [json!({ "type": "keyDown", "value": letter }), json!({ "type": "keyUp", "value": letter })]
        });
        self.keyboard(letters.collect()).await.with_context(|| format!("type “{text}”"))
    }

    async fn keyboard(&self, actions: Vec<Value>) -> Result<()> {
        self.ask("actions", json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": actions }] })).await?;
        Ok(())
    }

    /// Label or words of what has the focus, as a screen reader would begin.
    pub async fn focus(&self) -> Result<String> {
        let script = r"
            const element = document.activeElement;
            if (!element || element === document.body) return '';
            const words = element.getAttribute('aria-label') || (element.labels?.[0] || element).innerText || element.value || '';
            return words.normalize('NFC').replace(/\s+/g, ' ').trim();";
        Ok(self.run(script, json!([])).await?.as_str().unwrap_or_default().to_owned())
    }

    /// Presses Tab until something whose label begins with `label` has the focus.
    pub async fn tab_to(&self, label: &str) -> Result<()> {
        let mut passed = String::new();
        for _ in 0..200 {
            let focus = self.focus().await?;
            if focus.starts_with(label) {
                return Ok(());
            }
            let _ = write!(passed, "[{}] ", focus.chars().take(30).collect::<String>());
            self.press(&["Tab"]).await?;
        }
        Err(anyhow!("Tab never comes to “{label}”, only to {passed}"))
    }

    /// What can be read on the page, with single spaces.
    pub async fn text(&self) -> Result<String> {
        let script = r"return document.body.innerText.normalize('NFC').replace(/[^\S\n]+/g, ' ')";
        Ok(self.run(script, json!([])).await?.as_str().unwrap_or_default().to_owned())
    }

    /// Waits until the page says this.
    pub async fn sees(&self, words: &str) -> Result<()> {
        self.until(&format!("seen: “{words}”"), async || Ok(self.text().await?.contains(words))).await
    }

    /// The page, as it is now, does not say this.
    pub async fn does_not_see(&self, words: &str) -> Result<()> {
        let text = self.text().await?;
        ensure!(!text.contains(words), "“{words}” is on the page:\n{text}");
        Ok(())
    }

    /// What the console complained of since it was asked last: script errors, refused resources, violations of the policy.
    /// A form that comes back with its faults (422) is an answer and no complaint.
    pub async fn complaints(&self) -> Result<Vec<String>> {
        let log = self.ask("se/log", json!({ "type": "browser" })).await?;
        let lines = log.as_array().context("a log")?.iter();
        let grave = lines.filter(|line| line["level"] == "SEVERE" || line["level"] == "WARNING");
        let said = grave.map(|line| line["message"].as_str().unwrap_or_default().to_owned());
        Ok(said.filter(|line| !line.contains("responded with a status of 422")).collect())
    }

    /// Fails if the console complained.
    pub async fn no_complaints(&self) -> Result<()> {
        let complaints = self.complaints().await?;
        ensure!(complaints.is_empty(), "the console at {}: {complaints:#?}", self.address().await?);
        Ok(())
    }

    /// What is downloaded from now on goes into this folder.
    pub async fn downloads_to(&self, folder: &Path) -> Result<()> {
        let way = json!({ "behavior": "allow", "downloadPath": world::text(folder) });
        self.devtools("Browser.setDownloadBehavior", way).await?;
        Ok(())
    }

    /// Chooses a file of this PC for a field, found by its label.
    pub async fn attach(&self, label: &str, file: &Path) -> Result<()> {
        let element = self.find("field", label).await?;
        self.ask(&format!("element/{element}/value"), json!({ "text": world::text(file) }))
            .await
            .with_context(|| format!("attach to “{label}”"))?;
        Ok(())
    }

    /// The cookies of the page's site, as a request carries them.
    pub async fn cookies(&self) -> Result<String> {
        let cookies = self.get("cookie").await?;
        let pairs = cookies.as_array().context("cookies")?.iter().map(|cookie| {
            format!("{}={}", cookie["name"].as_str().unwrap_or_default(), cookie["value"].as_str().unwrap_or_default())
        });
        Ok(pairs.collect::<Vec<_>>().join("; "))
    }

    /// A picture of the whole page on this screen.
    pub async fn picture(&self, screen: Screen, file: &Path) -> Result<()> {
        self.look(screen).await?;
        let height = self.run("return document.documentElement.scrollHeight", json!([])).await?.as_u64().context("a height")?;
        self.resize(screen.width, u32::try_from(height)?.clamp(screen.height, 6_000), 1).await?;
        let shot = self.get("screenshot").await?;
        std::fs::write(file, BASE64.decode(shot.as_str().context("a picture")?.as_bytes())?)?;
        self.look(screen).await
    }
}

/// WebDriver's value of a key.
fn key(name: &str) -> Result<String> {
    let value = match name {
        "Backspace" => '\u{E003}',
        "Tab" => '\u{E004}',
        "Enter" => '\u{E007}',
        "Shift" => '\u{E008}',
        "Control" => '\u{E009}',
        "Alt" => '\u{E00A}',
        "Escape" => '\u{E00C}',
        "Space" => ' ',
        "PageUp" => '\u{E00E}',
        "PageDown" => '\u{E00F}',
        "End" => '\u{E010}',
        "Home" => '\u{E011}',
        "Left" => '\u{E012}',
        "Up" => '\u{E013}',
        "Right" => '\u{E014}',
        "Down" => '\u{E015}',
        "Delete" => '\u{E017}',
        _ => {
            if let Some(number @ 1..=12) = name.strip_prefix('F').and_then(|number| number.parse::<u32>().ok()) {
                char::from_u32(0xE030 + number).context("a function key")?
            } else {
                let mut letters = name.chars();
                let letter = letters.next().context("a key")?;
                ensure!(letters.next().is_none(), "no key is called {name}");
                letter
            }
        }
    };
    Ok(value.to_string())
}

//! A district and its communes as real processes, for the demonstration and the tests.
//!
//! Promise: everything lives in directories of the caller's, every process ends with its handle, no port is fixed.
//! Start at [`District::found`] and [`Commune::found`].

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// Where the real report's dossiers and figures are kept.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// The two programs, built once from this workspace with the profile that this program was built with.
pub struct Programs {
    pub agent: PathBuf,
    pub aggregator: PathBuf,
}

/// Builds the two programs if they are not up to date.
pub fn programs() -> &'static Programs {
    static PROGRAMS: OnceLock<Programs> = OnceLock::new();
    PROGRAMS.get_or_init(|| build_programs().expect("the two programs build"))
}

fn build_programs() -> Result<Programs> {
    let this = std::env::current_exe()?;
    let folder =
        this.ancestors().find(|folder| folder.join("build").is_dir()).context("not run from cargo's target directory")?;
    let name = folder.file_name().and_then(|name| name.to_str()).context("a profile's folder")?;
    let profile = if name == "debug" { "dev" } else { name };
    // The same targets as the command that built this program: with others, cargo would build every library once more.
    let is_test = this.parent().is_some_and(|parent| parent.ends_with("deps"));
    let targets = if is_test { "--all-targets" } else { "--bins" };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = std::process::Command::new(cargo);
    // Cargo tells this program of its own package. Handed on, ring would take that for a change and be built once more,
    // with all that stands on it.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            build.env_remove(name);
        }
    }
    let status = build
        .args(["build", "--quiet", "--workspace", targets, "--profile", profile])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .status()?;
    ensure!(status.success(), "cargo build failed");
    Ok(Programs { agent: folder.join("motcua-agent"), aggregator: folder.join("motcua-aggregator") })
}

/// A port that is free now, is given to nobody else in this program, and is none of those that the system gives to
/// outgoing connections: a server that is started again finds it free.
pub fn free_address() -> Result<SocketAddr> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    for _ in 0..20_000 {
        let number = std::process::id().wrapping_mul(101).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % 20_000;
        let port = u16::try_from(10_000 + number)?;
        if let Ok(listener) = std::net::TcpListener::bind(("127.0.0.1", port)) {
            return Ok(listener.local_addr()?);
        }
    }
    bail!("no port is free")
}

/// Runs a command to its end.
pub async fn run(program: &Path, arguments: &[&str]) -> Result<Output> {
    run_in(&Vec::new(), program, arguments).await
}

/// What a program is told besides its arguments.
pub type Environment = Vec<(&'static str, String)>;

/// Runs a command in an environment to its end.
pub async fn run_in(environment: &Environment, program: &Path, arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new(program);
    command.args(arguments).envs(environment.iter().cloned()).stdin(Stdio::null()).kill_on_drop(true);
    command.output().await.with_context(|| format!("{} {arguments:?}", program.display()))
}

/// Set where every tool that a test can use must be there: a test without its tool then fails.
const COMPLETE: &str = "MOTCUA_TESTS_COMPLETE";

/// The first of these files that is there; `None` lets the test go without, unless nothing may be left out.
pub fn tool(places: &[&str]) -> Result<Option<PathBuf>> {
    let found = places.iter().map(PathBuf::from).find(|place| place.exists());
    ensure!(found.is_some() || std::env::var_os(COMPLETE).is_none(), "none of {places:?} is installed");
    Ok(found)
}

/// What makes a program believe that its wall clock is off by `offset`, such as `+20y`: libfaketime of Debian's package
/// `faketime`. Its running time stays true.
pub fn wall_clock_off_by(offset: &str) -> Result<Option<Environment>> {
    let folders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib", "/usr/lib64"];
    let places = folders.map(|folder| format!("{folder}/faketime/libfaketimeMT.so.1"));
    let library = tool(&places.each_ref().map(String::as_str))?;
    Ok(library.map(|library| {
        vec![
            ("LD_PRELOAD", text(&library).to_owned()),
            ("FAKETIME", offset.to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("DONT_FAKE_MONOTONIC", "1".to_owned()),
        ]
    }))
}

/// Waits until something holds.
pub async fn until(what: &str, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
    let patience = async {
        while !holds()? {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    };
    tokio::time::timeout(Duration::from_mins(2), patience).await.with_context(|| format!("not within two minutes: {what}"))?
}

/// Runs a command that must succeed, and gives what it printed.
pub async fn expect(program: &Path, arguments: &[&str]) -> Result<String> {
    let output = run(program, arguments).await?;
    if !output.status.success() {
        bail!("{} {arguments:?}: {}\n{}", program.display(), output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// A program that serves, until it is dropped.
pub struct Server {
    child: Child,
    /// Where it listens, as it said.
    pub url: String,
}

impl Server {
    /// Starts `program serve …` and waits until it says where it listens. Its log goes to the end of `log`.
    pub async fn start(program: &Path, arguments: &[&str], log: &Path) -> Result<Server> {
        let log_file = std::fs::OpenOptions::new().create(true).append(true).open(log)?;
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log_file)
            .kill_on_drop(true)
            .spawn()?;
        let stdout = child.stdout.take().context("a piped stdout")?;
        let mut lines = BufReader::new(stdout).lines();
        let first =
            tokio::time::timeout(Duration::from_mins(1), lines.next_line()).await.context("it never said where it listens")??;
        let Some(url) = first.as_deref().and_then(|line| line.strip_prefix("listening on ")) else {
            bail!("{} did not start: {}", program.display(), std::fs::read_to_string(log).unwrap_or_default());
        };
        Ok(Server { url: url.to_owned(), child })
    }

    /// `kill -9`, and waits until it is gone.
    pub async fn kill(mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Asks it to stop, and gives its exit code.
    pub async fn stop(mut self) -> Result<Option<i32>> {
        let id = self.child.id().context("it runs")?;
        expect(Path::new("kill"), &["-TERM", &id.to_string()]).await?;
        Ok(self.child.wait().await?.code())
    }

    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }
}

/// The aggregator of district 298.
pub struct District {
    pub data: PathBuf,
    pub address: SocketAddr,
    pub admin_password: String,
}

impl District {
    /// Makes the aggregator's data directory in `folder`, with the 23 communes of district 298.
    pub async fn found(folder: &Path) -> Result<District> {
        std::fs::create_dir_all(folder)?;
        let data = folder.join("district");
        let made =
            expect(&programs().aggregator, &["init", "--data", text(&data), "--node", "298", "--host", "localhost", "--json"])
                .await?;
        let made: Value = serde_json::from_str(&made)?;
        let units = folder.join("units.csv");
        std::fs::write(&units, motcua_shared::unit::STARTER)?;
        expect(&programs().aggregator, &["units", "--data", text(&data), "import", text(&units)]).await?;
        let admin_password = made["admin_password"].as_str().context("init prints the admin's password")?.to_owned();
        Ok(District { data, address: free_address()?, admin_password })
    }

    pub async fn serve(&self) -> Result<Server> {
        self.serve_with(&[]).await
    }

    /// The same with more arguments.
    pub async fn serve_with(&self, more: &[&str]) -> Result<Server> {
        let listen = self.address.to_string();
        let arguments = [&["serve", "--data", text(&self.data), "--listen", &listen], more].concat();
        Server::start(&programs().aggregator, &arguments, &self.log()).await
    }

    /// What the running programs logged.
    pub fn log(&self) -> PathBuf {
        self.data.with_extension("log")
    }

    pub async fn enroll_code(&self, unit: &str) -> Result<String> {
        let printed =
            expect(&programs().aggregator, &["enroll-code", "--data", text(&self.data), "--unit", unit, "--json"]).await?;
        let code: Value = serde_json::from_str(&printed)?;
        Ok(code["code"].as_str().context("a code")?.to_owned())
    }

    /// Adds somebody who looks at the district's figures; `more`: the unit of a leader.
    pub async fn user(&self, name: &str, role: &str, more: &[&str], password: &str) -> Result<()> {
        let arguments = ["user", "--data", text(&self.data), "add", name, "--role", role, "--password-stdin"];
        told(&programs().aggregator, &[&arguments, more].concat(), password).await
    }

    /// II.06 of a unit, or of the whole node.
    pub async fn ii06(&self, from: &str, to: &str, unit: Option<&str>) -> Result<Value> {
        let mut arguments = vec!["report", "--data", text(&self.data), "ii06", "--from", from, "--to", to, "--format", "json"];
        arguments.extend(unit.iter().flat_map(|unit| ["--unit", unit]));
        Ok(serde_json::from_str(&expect(&programs().aggregator, &arguments).await?)?)
    }

    pub async fn verify(&self) -> Result<String> {
        expect(&programs().aggregator, &["verify", "--data", text(&self.data)]).await
    }

    /// The database, to count rows in.
    pub fn database(&self) -> Result<rusqlite::Connection> {
        Ok(rusqlite::Connection::open(self.data.join("aggregator.db"))?)
    }
}

/// Runs a command that reads `input` to its end.
async fn told(program: &Path, arguments: &[&str], input: &str) -> Result<()> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn()?;
    child.stdin.take().context("a piped stdin")?.write_all(input.as_bytes()).await?;
    let output = child.wait_with_output().await?;
    ensure!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// The agent of one commune.
pub struct Commune {
    pub unit: String,
    pub name: String,
    pub data: PathBuf,
    /// As `init` printed it; empty when the office was recovered.
    pub recovery_key: String,
}

impl Commune {
    /// Makes the agent's data directory in `folder`.
    pub async fn found(folder: &Path, unit: &str, name: &str, identifier: &str) -> Result<Commune> {
        let data = folder.join(format!("commune-{unit}"));
        let arguments = ["init", "--data", text(&data), "--unit", unit, "--name", name, "--identifier", identifier, "--json"];
        let made: Value = serde_json::from_str(&expect(&programs().agent, &arguments).await?)?;
        let recovery_key = made["recovery_key"].as_str().context("init prints the recovery key")?.to_owned();
        Ok(Commune { unit: unit.to_owned(), name: name.to_owned(), data, recovery_key })
    }

    /// Ngọc Kỳ, whose real report the figures are compared with.
    pub async fn ngoc_ky(folder: &Path) -> Result<Commune> {
        Commune::found(folder, "11089", "Xã Ngọc Kỳ", "000.11.57.H23").await
    }

    pub async fn import(&self, file: &Path) -> Result<String> {
        expect(&programs().agent, &["import", "--data", text(&self.data), "dossiers", text(file)]).await
    }

    /// Takes over the figures that the real report declared.
    pub async fn import_declared(&self) -> Result<String> {
        let file = fixture("ngoc-ky-declared.csv");
        expect(&programs().agent, &["import", "--data", text(&self.data), "declared", text(&file)]).await
    }

    /// Registers with the aggregator behind `address`.
    pub async fn enroll(&self, district: &District, address: SocketAddr) -> Result<()> {
        let code = district.enroll_code(&self.unit).await?;
        let url = format!("https://{address}");
        expect(&programs().agent, &["enroll", "--data", text(&self.data), "--aggregator", &url, "--code", &code]).await?;
        Ok(())
    }

    /// One sync: its exit code and what it says.
    pub async fn sync(&self) -> Result<(Option<i32>, Value)> {
        let output = run(&programs().agent, &["sync", "--data", text(&self.data), "--json"]).await?;
        let said = serde_json::from_slice(&output.stdout)
            .with_context(|| format!("sync printed no JSON: {}", String::from_utf8_lossy(&output.stderr)))?;
        Ok((output.status.code(), said))
    }

    pub async fn serve(&self) -> Result<Server> {
        self.serve_with(&[]).await
    }

    /// The same with more arguments.
    pub async fn serve_with(&self, more: &[&str]) -> Result<Server> {
        let arguments = [&["serve", "--data", text(&self.data), "--listen", "127.0.0.1:0"], more].concat();
        Server::start(&programs().agent, &arguments, &self.log()).await
    }

    /// Adds somebody who works here.
    pub async fn user(&self, name: &str, role: &str, password: &str) -> Result<()> {
        let arguments = ["user", "--data", text(&self.data), "add", name, "--role", role, "--password-stdin"];
        told(&programs().agent, &arguments, password).await
    }

    /// A token of a program with a role: the `Authorization` with which a test reads and writes without a browser.
    pub async fn bearer(&self, role: &str) -> Result<String> {
        let arguments = ["token", "--data", text(&self.data), "create", role, "--role", role, "--json"];
        let made: Value = serde_json::from_str(&expect(&programs().agent, &arguments).await?)?;
        Ok(format!("Bearer {}", made["token"].as_str().context("a token")?))
    }

    /// Logs somebody in at a running agent and gives the cookie of the session.
    pub async fn log_in(&self, server: &Server, name: &str, password: &str) -> Result<String> {
        let encoded = |text: &str| text.bytes().fold(String::new(), |encoded, byte| format!("{encoded}%{byte:02X}"));
        let body = format!("name={}&password={}", encoded(name), encoded(password));
        let address = server.url.strip_prefix("http://").context("an address on this PC")?;
        let head = format!(
            "POST /login HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all((head + &body).as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next());
        Ok(cookie.with_context(|| format!("not logged in: {answer}"))?.to_owned())
    }

    /// What the running programs logged.
    pub fn log(&self) -> PathBuf {
        self.data.with_extension("log")
    }

    pub async fn status(&self) -> Result<Value> {
        Ok(serde_json::from_str(&expect(&programs().agent, &["status", "--data", text(&self.data), "--json"]).await?)?)
    }

    pub async fn ii06(&self, from: &str, to: &str) -> Result<Value> {
        let arguments = ["report", "--data", text(&self.data), "ii06", "--from", from, "--to", to, "--format", "json"];
        Ok(serde_json::from_str(&expect(&programs().agent, &arguments).await?)?)
    }

    /// A dossier as the program knows it.
    pub async fn dossier(&self, code: &str) -> Result<Value> {
        let arguments = ["dossier", "--data", text(&self.data), "show", code, "--json"];
        Ok(serde_json::from_str(&expect(&programs().agent, &arguments).await?)?)
    }

    /// Every dossier.
    pub async fn dossiers(&self) -> Result<Vec<Value>> {
        let arguments = ["dossier", "--data", text(&self.data), "list", "--json"];
        Ok(serde_json::from_str(&expect(&programs().agent, &arguments).await?)?)
    }

    pub async fn verify(&self) -> Result<String> {
        expect(&programs().agent, &["verify", "--data", text(&self.data)]).await
    }

    pub fn database(&self) -> Result<rusqlite::Connection> {
        Ok(rusqlite::Connection::open(self.data.join("motcua.db"))?)
    }
}

/// A path as an argument. Our own directories are valid UTF-8.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("a UTF-8 path")
}

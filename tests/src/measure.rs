//! What the benches measure with: programs that are timed, memory that is read, rounds of which the median counts.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

/// Runs a program to its end: how long it took and the most memory it held, in KiB.
pub async fn timed(program: &Path, arguments: &[&str]) -> Result<(Duration, u64)> {
    let start = Instant::now();
    let mut child = Command::new(program).args(arguments).stdout(Stdio::null()).kill_on_drop(true).spawn()?;
    let id = child.id().context("it runs")?;
    let mut most = 0;
    loop {
        tokio::select! {
            status = child.wait() => {
                ensure!(status?.success(), "{arguments:?} failed");
                return Ok((start.elapsed(), most));
            }
            () = tokio::time::sleep(Duration::from_millis(5)) => most = peak(id).unwrap_or(most),
        }
    }
}

/// Peak resident memory of a running process in KiB, where the system tells it.
pub fn peak(id: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix(" kB")?.trim().parse().ok()
}

/// How busy the machine was in the last minute, where the system tells it.
pub fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or("unknown").to_owned()
}

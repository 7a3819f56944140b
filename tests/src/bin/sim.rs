//! One history of the simulated district, event by event: `sim --seed N [--steps M] [--mutation NAME]`.
//!
//! Start at [`main`]. The same seed prints the same lines.

#![allow(clippy::print_stdout, reason = "its output is what it is for")]

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use motcua_tests::sim::{History, Mutation, Options, run};

fn main() -> Result<ExitCode> {
    let options = options(std::env::args().skip(1))?;
    Ok(match run(options) {
        Ok(history) => {
            history.trace.iter().for_each(|line| println!("{line}"));
            summary(options.seed, &history);
            ExitCode::SUCCESS
        }
        Err(failure) => {
            let shown = failure.trace.len().saturating_sub(25);
            failure.trace[..shown].iter().for_each(|line| println!("  {line}"));
            println!("{failure}");
            ExitCode::FAILURE
        }
    })
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options> {
    let mut options = Options::seed(0);
    while let Some(name) = arguments.next() {
        let value = arguments.next().with_context(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--seed" => options.seed = value.parse().context("--seed: a number")?,
            "--steps" => options.steps = value.parse().context("--steps: a number")?,
            "--mutation" => options.mutation = Some(Mutation::named(&value).with_context(names)?),
            other => bail!("{other} is not known: --seed N [--steps M] [--mutation NAME]"),
        }
    }
    Ok(options)
}

fn names() -> String {
    let names: Vec<&str> = Mutation::ALL.iter().map(|mutation| mutation.name()).collect();
    format!("--mutation: one of {}", names.join(", "))
}

fn summary(seed: u64, history: &History) {
    let History { steps, healed_after_ms, facts, counts, .. } = history;
    println!(
        "seed {seed}: {steps} steps, {facts} facts, healed {} s after the faults stopped; {counts:?}",
        healed_after_ms / 1000
    );
}

//! Thousands of histories of the simulated district, and the bugs that the checker must find in it.
//!
//! `MOTCUA_SIM_SEED` repeats a base seed, `MOTCUA_SIM_RUNS` widens the run. One history, event by event:
//! `cargo run -p motcua-tests --bin sim -- --seed N`.

#![allow(clippy::print_stdout, reason = "seeds and counts are for who reads the log of a test run")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use motcua_tests::sim::{Failure, Mutation, Options, run};

/// Histories with seeds that are the same in every run, and as many with new ones.
const RUNS: u64 = 1_500;
/// A planted bug must show within so many seeds.
const CAUGHT_WITHIN: u64 = 300;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Runs every seed on all processors; gives what happened how often, or the first failure.
fn run_all(seeds: impl Iterator<Item = u64>) -> Result<BTreeMap<&'static str, u64>, Box<Failure>> {
    let seeds: Vec<u64> = seeds.collect();
    let next = AtomicU64::new(0);
    let work = || -> Result<BTreeMap<&'static str, u64>, Box<Failure>> {
        let mut counts = BTreeMap::new();
        while let Some(seed) = seeds.get(usize::try_from(next.fetch_add(1, Ordering::Relaxed)).expect("few seeds")) {
            for (what, count) in run(Options::seed(*seed))?.counts {
                *counts.entry(what).or_default() += count;
            }
        }
        Ok(counts)
    };
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let results: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().expect("the simulator does not panic")).collect()
    });
    let mut sum: BTreeMap<&'static str, u64> = BTreeMap::new();
    for counts in results {
        counts?.into_iter().for_each(|(what, count)| *sum.entry(what).or_default() += count);
    }
    Ok(sum)
}

#[test]
fn invariant_nothing_is_lost_doubled_or_shown_too_early_in_thousands_of_histories() {
    let runs = setting("MOTCUA_SIM_RUNS").unwrap_or(RUNS);
    let base = setting("MOTCUA_SIM_SEED").unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
        u64::from(now.subsec_nanos()) << 20 | now.as_secs() & 0xF_FFFF
    });
    println!("random seeds {base}..{}: repeat with MOTCUA_SIM_SEED={base} MOTCUA_SIM_RUNS={runs}", base.wrapping_add(runs));
    let started = Instant::now();
    let counts = run_all((0..runs).chain((0..runs).map(|n| base.wrapping_add(n)))).unwrap_or_else(|failure| panic!("{failure}"));
    println!("{} histories in {:.1?}: {counts:?}", 2 * runs, started.elapsed());
    let rare = [
        "clones",
        "reimaged",
        "restores of a pc",
        "restores of the district",
        "forked",
        "moved to a new stream",
        "recorded again",
        "entries sent again",
    ];
    for what in rare {
        assert!(
            counts.get(what).is_some_and(|count| *count > runs / 20),
            "{what} happened too rarely to prove anything: {counts:?}"
        );
    }
}

#[test]
fn the_same_seed_gives_the_same_history() {
    for seed in 0..20 {
        let history = |()| run(Options::seed(seed)).unwrap_or_else(|failure| panic!("{failure}"));
        let (one, other) = (history(()), history(()));
        assert_eq!(one, other);
        assert_eq!(one.digest(), other.digest());
    }
    let trace = |seed| run(Options::seed(seed)).unwrap_or_else(|failure| panic!("{failure}")).digest();
    assert_ne!(trace(1), trace(2));
}

#[test]
fn every_planted_bug_is_caught() {
    for mutation in Mutation::ALL {
        let planted = |seed| run(Options { mutation: Some(*mutation), ..Options::seed(seed) }).err();
        let caught = (0..CAUGHT_WITHIN).find_map(|seed| Some((seed + 1, planted(seed)?)));
        let (seeds, failure) = caught.unwrap_or_else(|| panic!("{} was not caught in {CAUGHT_WITHIN} seeds", mutation.name()));
        println!("{:>18}: {} after {seeds} seeds: {}", mutation.name(), failure.invariant, failure.detail);
        assert!(failure.to_string().contains(&format!("--seed {} ", failure.options.seed)), "it says how to repeat it");
    }
}

//! Every decoder that reads foreign bytes meets thousands of spoilt inputs.
//!
//! `MOTCUA_FUZZ_SEED` repeats a seed, `MOTCUA_FUZZ_RUNS` widens the run. For hours of it: `cargo fuzz` in `tests/fuzz`.

#![allow(clippy::print_stdout, reason = "seeds are for who reads the log of a test run")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{SystemTime, UNIX_EPOCH};

use motcua_tests::fuzz::{Mutator, TARGETS};

/// Inputs for each target, half of them the same in every run.
const RUNS: u64 = 20_000;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn no_foreign_bytes_make_a_decoder_panic_or_lie() {
    let runs = setting("MOTCUA_FUZZ_RUNS").unwrap_or(RUNS);
    let fresh = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |now| u64::from(now.subsec_nanos()));
    let seeds = [1, setting("MOTCUA_FUZZ_SEED").unwrap_or(fresh)];
    println!("seeds {seeds:?}: repeat with MOTCUA_FUZZ_SEED={}", seeds[1]);
    std::thread::scope(|scope| {
        for target in TARGETS {
            scope.spawn(move || {
                let mut read = 0;
                for input in (target.corpus)() {
                    assert!((target.run)(&input), "{}: a good input is read", target.name);
                }
                for seed in seeds {
                    let mut mutator = Mutator::new(seed, (target.corpus)());
                    for number in 0..runs / 2 {
                        let input = mutator.next_input();
                        let ran = catch_unwind(AssertUnwindSafe(|| (target.run)(&input)));
                        assert!(ran.is_ok(), "{}: seed {seed}, input {number}", target.name);
                        read += u64::from(ran.is_ok_and(|read| read));
                    }
                }
                println!("{:>9}: {read} of {runs} spoilt inputs were read", target.name);
                assert!((1..runs).contains(&read), "{}: {read} of {runs} prove little", target.name);
            });
        }
    });
}

#[test]
fn spoilt_inputs_are_different_and_the_same_again() {
    for target in TARGETS {
        let take = |seed| {
            let mut mutator = Mutator::new(seed, (target.corpus)());
            (0..200).map(|_| mutator.next_input()).collect::<Vec<_>>()
        };
        assert_eq!(take(3), take(3), "{}", target.name);
        let distinct: std::collections::BTreeSet<_> = take(3).into_iter().collect();
        assert!(distinct.len() > 150, "{}: {} of 200", target.name, distinct.len());
    }
}

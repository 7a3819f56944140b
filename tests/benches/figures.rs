//! Figures of 10,600 offices over five years, and the same with ten times the dossiers; and of 300 communes filled by their
//! own entries. `cargo bench --bench figures`.
//!
//! The rollups of the country are generated: what a day adds to a unit is written by the same code that ingest calls.
//! Settings: `MOTCUA_OFFICES`, `MOTCUA_YEARS`.

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use chrono::{Days, NaiveDate};
use motcua_aggregator::comparison::{Asked, Order, compare};
use motcua_aggregator::rollup;
use motcua_aggregator::store::{Node, SqliteStore, Store, in_transaction};
use motcua_aggregator::summary::summary;
use motcua_shared::calendar::{Calendar, LocalTime, at};
use motcua_shared::contribution::{Cell, Counter, Counters, Delta};
use motcua_shared::indicator;
use motcua_shared::period::Period;
use motcua_shared::unit::{Unit, View};
use motcua_tests::district::fill;
use motcua_tests::measure::load;
use motcua_tests::register::Dice;
use uuid::Uuid;

const OFFICES: usize = 10_600;
const YEARS: i32 = 5;
/// Communes that are filled by entries, and their dossiers in five years.
const COMMUNES: usize = 300;
const EACH: usize = 400;
const ROUNDS: usize = 200;
const PROCEDURES: [(&str, &str); 5] = [
    ("chung_thuc", "2.000815"),
    ("chung_thuc", "2.000884"),
    ("ho_tich", "1.001193"),
    ("ho_tich", "1.004873"),
    ("bao_tro_xa_hoi", "1.001731"),
];

fn main() -> Result<()> {
    // Cargo also runs benches when it tests; they are measured on purpose only.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let offices = setting("MOTCUA_OFFICES").unwrap_or(OFFICES);
    let years = setting("MOTCUA_YEARS").and_then(|years| i32::try_from(years).ok()).unwrap_or(YEARS);
    for times in [1, 10] {
        let folder = tempfile::tempdir()?;
        let start = Instant::now();
        let last = generate(folder.path(), offices, years, times)?;
        println!(
            "{offices} offices, {years} years, dossiers × {times}: generated in {} s; load {}",
            start.elapsed().as_secs(),
            load()
        );
        measure(folder.path(), last)?;
    }
    let folder = tempfile::tempdir()?;
    let start = Instant::now();
    let mut store = found(folder.path(), COMMUNES)?;
    let units: Vec<String> = (0..COMMUNES).map(unit).collect();
    let (first, last) = (Period::year(2019).from, Period::year(2023).to);
    fill(&mut store, &units, first, last, EACH)?;
    drop(store);
    println!(
        "{COMMUNES} communes, 5 years, {EACH} dossiers each through ingest: {} s; load {}",
        start.elapsed().as_secs(),
        load()
    );
    measure(folder.path(), last)
}

fn setting(name: &str) -> Option<usize> {
    std::env::var(name).ok()?.parse().ok()
}

fn unit(number: usize) -> String {
    format!("{:05}", 20_000 + number)
}

fn found(folder: &Path, offices: usize) -> Result<SqliteStore> {
    let mut store = SqliteStore::create(folder)?;
    let (server_id, epoch) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let hosts = vec!["localhost".to_owned()];
    store.node_set(&Node { code: "298".to_owned(), server_id, epoch, hosts, restored_at: None, reference_version: 0 })?;
    let valid_from = NaiveDate::from_ymd_opt(2015, 1, 1).context("a date")?;
    let commune = |number| Unit {
        code: unit(number),
        name: format!("Xã Tưởng Tượng {number}"),
        kind: "commune".to_owned(),
        parent: "298".to_owned(),
        valid_from,
        valid_to: None,
        successor: None,
    };
    store.units_replace(&(0..offices).map(commune).collect::<Vec<_>>())?;
    Ok(store)
}

/// Writes every working day of the years into the rollups of every office; gives the last day.
fn generate(folder: &Path, offices: usize, years: i32, times: u64) -> Result<NaiveDate> {
    let mut store = found(folder, offices)?;
    let (first, last) = (Period::year(2024 - years).from, Period::year(2023).to);
    let calendar = Calendar::starter();
    let working: Vec<NaiveDate> =
        first.iter_days().take_while(|day| *day <= last).filter(|day| calendar.is_working_day(*day)).collect();
    let mut dice = Dice::new(7);
    for chunk in (0..offices).collect::<Vec<_>>().chunks(50) {
        in_transaction(&mut store, |store| -> Result<()> {
            for number in chunk {
                let mut delta = Delta::default();
                for day in &working {
                    add_day(&mut delta, &mut dice, *day, times);
                }
                store.rollup_add(&unit(*number), &delta)?;
            }
            Ok(())
        })?;
    }
    Ok(last)
}

/// One procedure's day: received, finished some days on, part of it late.
fn add_day(delta: &mut Delta, dice: &mut Dice, day: NaiveDate, times: u64) {
    let (field, procedure) = PROCEDURES[usize::try_from(dice.below(5)).unwrap_or(0)];
    let count = i64::try_from(times * (1 + dice.below(4))).unwrap_or(1);
    let late = i64::from(dice.below(20) == 0);
    let mut add = |day: NaiveDate, pairs: &[(Counter, i64)]| {
        let cell = Cell { field: field.to_owned(), procedure: procedure.to_owned(), day };
        let mut counters = Counters::default();
        for (counter, value) in pairs {
            counters.0[*counter as usize] = *value;
        }
        delta.0.entry(cell).or_default().add(&counters);
    };
    let online = count / 2;
    add(
        day,
        &[
            (Counter::ReceivedOnline, online),
            (Counter::ReceivedInPerson, count - online),
            (Counter::WithFee, count),
            (Counter::PaidOnline, online),
            (Counter::ComponentsAny, count),
        ],
    );
    let end = day + Days::new(dice.below(6));
    add(
        end,
        &[
            (Counter::ResolvedEarly, count - late),
            (Counter::ResolvedOverdue, late),
            (Counter::BecameOverdue, late),
            (Counter::OverdueClosed, late),
            (Counter::ResultDigitised, count),
            (Counter::Rated, count / 3),
            (Counter::RatedGood, count / 3),
            (Counter::TookMinutes, count * 300),
            (Counter::Took1Day, count),
            (Counter::PortalInTime, count - late),
        ],
    );
}

fn measure(folder: &Path, last: NaiveDate) -> Result<()> {
    let store = SqliteStore::open_reader(folder)?;
    let now: LocalTime = at(last + Days::new(3), chrono::NaiveTime::from_hms_opt(9, 0, 0).context("a time")?);
    let mut dice = Dice::new(3);
    let year = Period::year(2023);
    timed("form II.06 of the node, any range", ROUNDS, || Ok(rollup::ii06(&store, None, range(&mut dice))?))?;
    timed("form II.06 of a commune, any range", ROUNDS, || {
        let office = unit(usize::try_from(dice.below(COMMUNES as u64))?);
        Ok(rollup::ii06(&store, Some(&office), range(&mut dice))?)
    })?;
    timed("by procedure of the node, any range", ROUNDS, || Ok(rollup::procedure_sums(&store, None, range(&mut dice))?))?;
    timed("the dashboard", ROUNDS / 4, || Ok(summary(&store, year, now)?))?;
    let columns = ["received", "resolved", "open_overdue"].iter().filter_map(|id| indicator::find(id)).collect();
    let by = indicator::find("on_time_share").context("an indicator")?;
    let asked = Asked { period: year, view: View::Then, field: None, by, columns, order: Order::Best, filter: String::new() };
    timed("all offices side by side", ROUNDS / 4, || Ok(compare(&store, &asked, now)?))
}

/// Some days of the last year.
fn range(dice: &mut Dice) -> Period {
    let from = Period::year(2023).from + Days::new(dice.below(200));
    Period { from, to: from + Days::new(dice.below(150)) }
}

/// Runs it so many times and prints the median and the 99th percentile.
fn timed<T>(name: &str, rounds: usize, mut run: impl FnMut() -> Result<T>) -> Result<()> {
    let mut times: Vec<Duration> = Vec::with_capacity(rounds);
    run()?;
    for _ in 0..rounds {
        let start = Instant::now();
        run()?;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)].as_secs_f64() * 1_000.0;
    println!("  {name:<38} median {:>8.2} ms   p99 {:>8.2} ms", at(50), at(99));
    Ok(())
}
